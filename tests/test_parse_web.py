"""Web pages, saved pages, books and letters: golden files, hand-made cases, and what is damaged or hostile."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.errors import ParseError
from rag.furniture import label
from rag.parse import epub, html, html_main, mail, mhtml
from rag.types import Parsed
from tests.golden_dump import dump, same_as_golden
from tests.make import web

FILES = web.files()
DATA = Path(__file__).parent / "data" / "formats"
PARSE: dict[str, Callable[[bytes, str], Parsed]] = {
    ".html": html.parse, ".mhtml": mhtml.parse, ".epub": epub.parse, ".eml": mail.parse,
}  # fmt: skip


def read(data: bytes, name: str) -> Parsed:
    return PARSE[Path(name).suffix](data, name)


def shown(parsed: Parsed) -> list[tuple[str, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def of(body: str, name: str = "a.html") -> Parsed:
    return html.parse(f"<html><body>{body}</body></html>".encode(), name)


def roles(parsed: Parsed) -> dict[str, str]:
    document = label(parsed, doc_id="d", source="a")
    return {
        parsed.text[b.start : b.end]: next(s.role for s in document.sections if s.start <= b.start and b.end <= s.end)
        for b in parsed.blocks
    }


def refused(data: bytes, name: str) -> ParseError:
    with pytest.raises(ParseError) as caught:
        read(data, name)
    error = caught.value
    assert name in error.en and name in error.zh and ";" in error.en and "；" in error.zh and error.en != error.zh
    return error


@pytest.mark.parametrize("name", FILES)
def test_golden(name: str) -> None:
    data = (DATA / name).read_bytes()
    if not name.endswith(".epub"):  # an archive's bytes are those of the packer at hand
        assert data == FILES[name], "run python -m tests.make.web"
    parsed = read(data, name)
    same_as_golden(name, dump(parsed, label(parsed, doc_id="d", source=name)))
    at = 0
    for block in parsed.blocks:
        piece = parsed.text[block.start : block.end]
        assert block.start >= at and piece and piece == piece.strip()
        at = block.end


@pytest.mark.parametrize("name", web.PAGES)
def test_what_a_person_calls_the_text_is_body(name: str) -> None:
    told = {re.sub(r"\s", "", text): role for text, role in roles(read(FILES[name], name)).items()}
    wanted = web.body_lines(name)
    body = [text for text, role in told.items() if role in {"body", "heading"}]
    assert [text for text in wanted if text not in body] == []
    least = 0.55 if "notice" in name else 0.74
    assert len(set(wanted)) / len(body) >= least


def test_the_article_is_not_judged_where_a_part_of_it_was_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    long = [
        f"第{n}段讲的是河道怎样疏浚，堤岸怎样加固，沿岸的村庄怎样迁走，前后一共花了三十多年的时间。"
        for n in "一二三四五"
    ]
    page = "<div>" + "".join(f"<p>{p}</p>" for p in long) + "</div><div><a href='x'>别处</a></div>"
    for pieces, marked in ((long, True), (long[:2], False), ([], False), (["别处"], False)):
        monkeypatch.setattr(html_main, "_extracted", lambda _, found=pieces: found)
        assert any("·main" in block.hint for block in of(page).blocks) == marked
        assert [role for text, role in roles(of(page)).items() if text in long] == ["body"] * 5


def test_a_page_without_furniture_is_all_body() -> None:
    assert set(roles(read(FILES["web_plain_zh.html"], "web_plain_zh.html")).values()) == {"title", "heading", "body"}
    assert set(roles(of("<p>短短一句。</p><p>又一句。</p>")).values()) == {"body"}


def test_class_names_cannot_pose_as_the_reader() -> None:
    assert not any("·main" in b.hint for b in of("<p class='·main'>短短一句。</p>").blocks)


def test_ruby_keeps_the_base_together() -> None:
    assert of("<p><ruby>漢<rt>かん</rt>字<rt>じ</rt></ruby>を読む</p>").text == "漢字を読む"
    page = "<p><ruby>北京<rp>(</rp><rt>Běijīng</rt><rp>)</rp></ruby>站</p>"
    assert of(page).text == "北京(Běijīng)站"


def test_headings_with_breaks_are_one_line() -> None:
    assert shown(of("<h1>关于<br>防汛的通知</h1><p>正文。</p>"))[0] == ("heading", "关于 防汛的通知")


@pytest.mark.parametrize(
    ("data", "meta"),
    [
        ('{"@graph":[{"@type":"WebSite"},{"@type":"BlogPosting","datePublished":"2023-05-06T23:30:00Z","author":[{"name":"Ivy Marsh"},"Odo Pell"]}]}', {"date": "2023-05-06", "author": "Ivy Marsh, Odo Pell"}),
        ('[{"@type":["NewsArticle","X"],"publisher":{"name":"A &amp; B Press"}}]', {"publisher": "A & B Press"}),
        ('{"@type":"WebPage","mainEntity":{"@type":"Article","author":{"name":"Ivy Marsh"}}}', {"author": "Ivy Marsh"}),
        ('{"@graph":7,"@type":"Article","author":[[["deep"]]],"datePublished":5}', {}),
        ("[" * 900 + "]" * 900, {}),
        ('{"@type":"Article","author":"https://example.org/ivy"}', {}),
    ],
)  # fmt: skip
def test_linked_data(data: str, meta: dict[str, str]) -> None:
    page = f'<html><head><script type="application/ld+json">{data}</script></head><body><p>正文。</p></body></html>'
    parsed = html.parse(page.encode(), "a.html")
    assert {key: parsed.text[s.start : s.end] for key, s in parsed.meta.items()} == meta


def test_only_links_of_the_web_are_addresses() -> None:
    for link, kept in (
        ("https://example.org/a", True),
        ("/a", False),
        ("javascript:alert(1)", False),
        ("file:///x", False),
    ):
        page = f'<html><head><link rel="canonical" href="{link}"></head><body><p>正文。</p></body></html>'
        assert ("url" in html.parse(page.encode(), "a.html").meta) == kept


def test_pages_of_scripts_and_large_pages() -> None:
    refused(b"<html><body><script>document.write('x')</script></body></html>", "a.html")
    start = time.monotonic()
    text = of(
        "<div>"
        + "".join(
            f"<p>第{n}段，讲的是一件很长很长的事情，长得足够像一段正文的样子，并且有句号。</p>" for n in range(4000)
        )
        + "</div>"
    )
    assert len(text.blocks) == 4000 and time.monotonic() - start < 60


def test_saved_pages() -> None:
    parsed = read(FILES["saved_zh.mhtml"], "saved_zh.mhtml")
    assert "advertisement" not in parsed.text and "2023-08-20" not in parsed.text
    assert "menu frame" not in read(FILES["saved_en.mhtml"], "saved_en.mhtml").text
    bad = FILES["saved_zh.mhtml"].replace(b"text/html", b"image/gif")
    assert "no web page" in refused(bad, "a.mhtml").en
    saved = FILES["saved_zh.mhtml"]
    short = read(saved[: saved.index(b"<h2>")], "a.mhtml")
    assert "ends before" in short.notices[0].en and "a.mhtml" in short.notices[0].zh


BOOK = web.book_parts()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"META-INF/container.xml": None}, "container.xml"),
        ({"OEBPS/content.opf": None}, "OPF"),
        ({"OEBPS/content.opf": re.sub(r"<itemref[^>]*>", "", str(BOOK["OEBPS/content.opf"]))}, "spine"),
        ({"OEBPS/content.opf": "<package><manifest>"}, "damaged"),
        ({"OEBPS/text/c1.xhtml": '<!DOCTYPE x [<!ENTITY a "b">]><html><body>&a;</body></html>'}, "entities"),
        ({"OEBPS/text/c1.xhtml": '<!DOCTYPE html [ ]><html><body>x</body></html>'}, "entities"),
        ({"META-INF/encryption.xml": '<encryption><EncryptedData><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></EncryptedData></encryption>'}, "DRM"),
        ({f"OEBPS/text/c{n}.xhtml": "<html><body><img/></body></html>" for n in (1, 2, 3)}, "no text"),
        ({"META-INF/container.xml": web.CONTAINER.replace("OEBPS/content.opf", "../../etc/passwd")}, "OPF"),
    ],
)  # fmt: skip
def test_books_that_cannot_be_read(change: dict[str, str | None], says: str) -> None:
    parts = {key: value for key, value in {**BOOK, **change}.items() if value is not None}
    assert says in refused(web.zipped(parts), "书.epub").en


def test_books_with_flaws_are_read() -> None:
    fonts = '<e><EncryptedData><EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/></EncryptedData></e>'
    parts = {**BOOK, "META-INF/encryption.xml": fonts, "../../evil.txt": "x"}
    parts["OEBPS/text/c2.xhtml"] = "<html><body><p>没有关好的标签<br>第二行&nbsp;&hellip;</body></html>"
    parsed = read(web.zipped(parts), "a.epub")
    assert "没有关好的标签" in parsed.text and "第二行\xa0…" in parsed.text and "evil" not in parsed.text
    del parts["OEBPS/text/c2.xhtml"]
    assert "c2.xhtml" in read(web.zipped(parts), "a.epub").notices[0].en


def letter(body: str, head: str = "Subject: s\nContent-Type: text/plain; charset=utf-8") -> Parsed:
    return mail.parse(f"From: a@example.org\n{head}\n\n{body}".encode(), "a.eml")


def test_letters() -> None:
    assert ("paragraph", "甲乙") in shown(letter("甲乙"))
    html_only = letter("<p>甲</p><blockquote>乙</blockquote>", "Subject: s\nContent-Type: text/html")
    assert shown(html_only)[2:] == [("paragraph", "甲"), ("quote", "乙")]
    wrong = mail.parse(
        "Subject: s\nContent-Type: text/plain; charset=no-such\n\n重庆市江北区的通知".encode("gb18030"), "a.eml"
    )
    assert "重庆市江北区的通知" in wrong.text
    raw = mail.parse("Subject: 重庆市江北区的通知\n\n你好，世界。".encode("gb18030"), "a.eml")
    assert raw.text == "Subject: 重庆市江北区的通知\n你好，世界。"
    assert letter("> 甲\n>> 乙\n\n丙。").blocks[2].kind == "quote"
    japanese = mail.parse(
        b"Subject: s\nContent-Type: text/plain; charset=iso-2022-jp\n\n" + "日本語".encode("iso-2022-jp"), "a.eml"
    )
    assert "日本語" in japanese.text
    split = letter("x", "Subject: =?utf-8?B?5rO=?=\n =?utf-8?B?lQ==?=")  # one character in two words
    assert split.text


def test_lines_wrapped_by_hand_are_one_paragraph() -> None:
    asked = "our board would like to know the price by sea and by air before it\ndecides. We need the crates by the middle of October."
    told = (
        "The crates were packed on Monday in the yard behind the mill, and the\ncarrier will call for them before noon."
    )
    quoted = "\n".join(f"> {line}" for line in ("Dear Ada,", *asked.split("\n"), "Beth"))
    parsed = letter(f"Dear Beth,\n{told}\nBest wishes,\nAda\n\nBeth wrote:\n{quoted}\n")
    assert [text for kind, text in shown(parsed) if kind != "meta"] == [
        "Dear Beth,", told.replace("\n", " "), "Best wishes,", "Ada", "Beth wrote:", "Dear Ada,", asked.replace("\n", " "),
        "Beth",
    ]  # fmt: skip
    wrapped = "开幕朗读会的音响已经定了，租的是渡口的设备，一共两只音箱，\n六支话筒，星期六早上送到前院，撤场的时候再退还押金和电线，\n请带收据。"
    assert wrapped.replace("\n", "") in [text for _, text in shown(letter(wrapped))]


def test_the_fuller_of_two_versions_is_read() -> None:
    def both(plain: str) -> str:
        head = 'Subject: s\nContent-Type: multipart/alternative; boundary="b"'
        rich = "<p>会议改到周五下午三点，请带上季度报表和去年的会议纪要。</p>"
        return letter(f"--b\nContent-Type: text/plain; charset=utf-8\n\n{plain}\n--b\nContent-Type: text/html; charset=utf-8\n\n{rich}\n--b--\n", head).text  # fmt: skip

    assert "请带上" in both("请用网页查看。") and "请带上" not in both("会议改到周五下午三点，带季度报表和纪要。")


@pytest.mark.parametrize(
    "data",
    [
        b"just some words without a header",
        b"\x00\x01\x02\x03",
        b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(10_000)),
        b"From: a\nContent-Type: text/plain; x=" + b'";' * 500_000 + b"\n\nx",
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 5_000 + b"--b--\n",
    ],
    ids=["no header", "binary", "nested", "header", "parts"],
)
def test_hostile_letters(data: bytes) -> None:
    start = time.monotonic()
    refused(data, "a.eml")
    refused(data, "a.mhtml")
    assert time.monotonic() - start < 30


def test_headers_of_a_megabyte() -> None:
    start = time.monotonic()
    for filler in ("a@example.org, " * 70_000, "=?utf-8?q?a" * 90_000, "=?a?q?x?= " * 100_000):
        parsed = letter("正文。", f"To: {filler}\nX-Long: {filler}\nSubject: s")
        assert parsed.text.endswith("正文。") and parsed.meta["title"]
    assert time.monotonic() - start < 30


def test_locked_and_empty_letters() -> None:
    locked = b'From: a\nContent-Type: multipart/encrypted; boundary="b"\n\n--b\nContent-Type: application/octet-stream\n\nx\n--b--\n'
    assert "encrypted" in refused(locked, "a.eml").en
    refused(b"Received: x\n\n\n", "a.eml")


@pytest.mark.parametrize(
    "name", ["web_portal_zh.html", "saved_zh.mhtml", "chronicle.epub", "meeting_zh.eml", "forwarded_zh.eml"]
)
def test_damaged_files_give_text_or_a_parse_error(name: str) -> None:
    data, chance = FILES[name], random.Random(7)
    pieces = [data[: len(data) * n // 12] for n in range(12)]
    for _ in range(60):
        flipped = bytearray(data)
        for _ in range(chance.choice([1, 4, 30])):
            flipped[chance.randrange(len(data))] = chance.randrange(256)
        pieces.append(bytes(flipped))
    for piece in [*pieces, b"", b"\xff" * 50, b"%PDF-1.7", b"PK\x03\x04"]:
        try:
            assert read(piece, name).text
        except ParseError as error:
            assert ";" in error.en and "；" in error.zh and name in error.en
