"""Parsers: encodings, newlines, blocks as spans, and errors that say what to do."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import ParseError
from rag.parse import SUFFIXES, parse_file, sniff
from rag.parse.encoding import decode, read_text
from rag.parse.html import parse as parse_html
from rag.parse.markdown import parse as parse_markdown
from rag.parse.plain import blocks_of
from rag.types import Parsed

HERE = Path(__file__).parent
PAGES = sorted((HERE / "data" / "parse").glob("*.*"))
CHINESE = "成都市委宣传部：打造2个“学习强国”主题街区，覆盖3000万人。\n第二段，網絡與文化。\n"
SIMPLIFIED = ["网络文明建设", "重庆市江北区", "你好，世界。", "中文", "2023年10月10日 标题\n正文"]
TRADITIONAL = ["繁體中文測試，這是一個簡單的檔案。", "臺灣大學", "價格表", "台北"]


def shown(parsed: Parsed) -> list[tuple[str, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def check(parsed: Parsed) -> None:
    at = 0
    for block in parsed.blocks:
        piece = parsed.text[block.start : block.end]
        assert block.start >= at and piece and piece == piece.strip()
        at = block.end
    for span in parsed.meta.values():
        assert 0 <= span.start < span.end <= len(parsed.text)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "gb18030"]
)
def test_encodings_and_offsets(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(CHINESE.replace("\n", "\r\n").encode(encoding))
    parsed = parse_file(file)
    text, found = read_text(file)
    assert parsed.text == text == CHINESE
    with open(file, encoding=found) as again:
        whole = again.read()
    start = text.index("主题街区")
    assert whole[start : start + 4] == "主题街区"


@pytest.mark.parametrize("text", SIMPLIFIED)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le", "utf-16-be"])
def test_short_simplified_files(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding))[0] == text


@pytest.mark.parametrize("text", TRADITIONAL)
@pytest.mark.parametrize("encoding", ["utf-8", "big5", "gb18030"])
def test_short_traditional_files(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding))[0] == text


def test_western_text() -> None:
    text = "Le café était fermé, déjà à midi – “trop tard”."
    assert decode(text.encode("cp1252"))[0] == text


def test_newlines_of_all_kinds() -> None:
    assert decode(b"a\r\nb\rc\nd")[0] == "a\nb\nc\nd"


def test_a_mark_inside_utf8_is_dropped_only_at_the_start() -> None:
    assert decode("\ufeff甲\ufeff乙".encode())[0] == "甲\ufeff乙"


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b"\xef\xbb\xbf \n", "empty"),
        ("a.txt", b"text\0\0\1\2 binary\0", "encoding"),
        ("a.txt", b"%PDF-1.7 ...", "PDF"),
        ("a.md", b"PK\x03\x04....", "ZIP"),
        ("a.txt", bytes(range(128, 256)) * 3, "encoding"),
        ("a.xyz", b"text", ".txt"),
        ("a.html", b"<html><script>x</script></html>", "no text"),
    ],
)
def test_what_cannot_be_read_says_why_and_what_to_do(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    with pytest.raises(ParseError) as error:
        parse_file(file)
    assert name in error.value.en and says in error.value.en
    assert name in error.value.zh and error.value.zh != error.value.en
    assert ";" in error.value.en and "；" in error.value.zh  # the next step


def test_missing_and_too_large_files(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="cannot be read"):
        parse_file(tmp_path / "none.txt")
    with pytest.raises(ParseError, match="cannot be read"):
        (tmp_path / "folder.txt").mkdir()
        parse_file(tmp_path / "folder.txt")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.txt")
        with pytest.raises(ParseError, match="not an ordinary file"):
            parse_file(tmp_path / "pipe.txt")
    big = tmp_path / "big.txt"
    big.write_text("字" * 100, encoding="utf-8")
    with pytest.raises(ParseError, match="max_file_mb"):
        parse_file(big, max_bytes=100)


def test_a_page_saved_as_text_is_read_as_a_page(tmp_path: Path) -> None:
    file = tmp_path / "page.txt"
    file.write_text("\n<!DOCTYPE html><html><body><p>一段话。</p></body></html>", encoding="utf-8")
    assert shown(parse_file(file)) == [("paragraph", "一段话。")]
    plain = tmp_path / "plain.html"
    plain.write_text("没有标签的文字。\n第二行。", encoding="utf-8")
    assert parse_file(plain).text == "没有标签的文字。\n第二行。"


@pytest.mark.parametrize(
    ("name", "part"), [("chronicle.epub", "OEBPS/photo.jpg"), ("pitch.pptx", "ppt/embeddings/rules.docx")]
)
def test_an_archive_is_known_by_its_parts_not_by_what_they_hold(name: str, part: str) -> None:
    sample = (HERE / "data" / "formats" / name).read_bytes()
    out = io.BytesIO(sample)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(part, b"\x00 xl/ ppt/ word/document.xml META-INF/container.xml \x00")
    suffix = Path(name).suffix
    assert sniff(out.getvalue(), suffix, name) == suffix
    assert sniff(out.getvalue(), ".txt", name) == suffix
    assert sniff(out.getvalue()[:900], suffix, name) == suffix  # its own parser says what is wrong
    with pytest.raises(ParseError, match="ZIP"):
        sniff(b"PK\x03\x04 word/document.xml", ".txt", name)


def test_a_codec_that_makes_no_text_is_not_believed() -> None:
    data = b"\xff" + b"plain words " * 9000 + b"\\ud800"
    assert not any("\ud800" <= c <= "\udfff" for c in decode(data, declared="unicode_escape")[0])


def test_many_comments_beside_many_fences() -> None:
    blocks = parse_markdown(b"```\n<!-- kept -->\n```\n\ntext <!-- gone -->\n\n" * 3000, "a.md").blocks
    assert [block.kind for block in blocks] == ["code", "paragraph"] * 3000


def test_suffixes() -> None:
    assert {".txt", ".md", ".html", ".htm"} <= SUFFIXES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_are_ordered_trimmed_spans(page: Path) -> None:
    check(parse_file(page))


def test_one_paragraph_a_line_stays_so() -> None:
    text = "第一段有两句话。这是第二句，写得稍长一点。\n第二段。\n\n第三段。"
    assert [text[b.start : b.end] for b in blocks_of(text)] == [*text.split("\n")[:2], "第三段。"]


def test_wrapped_paragraphs_are_one_block() -> None:
    book = parse_file(HERE / "data" / "parse" / "book.txt")
    kinds = [kind for kind, _ in shown(book)]
    assert kinds == ["heading", "heading", "paragraph", "paragraph", "heading", "paragraph", "paragraph"]
    mail = parse_file(HERE / "data" / "parse" / "mail.txt")
    assert sum(kind == "meta" for kind, _ in shown(mail)) == 4
    assert any(text.startswith("the move of") and text.endswith("hours at most.") for _, text in shown(mail))


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("第三章 风起", True),
        ("一、目标任务", True),
        ("（二）工作要求", True),
        ("1.2 安装步骤", True),
        ("3. 结果与讨论", True),
        ("这一句话有句号。", False),
        ("成交量为1.2万吨，", False),
    ],
)
def test_headings_of_plain_text(line: str, heading: bool) -> None:
    text = f"开头的一段话，说明这份材料的来历和用途，写得比较长，超过了标题的长度。\n\n{line}\n\n下面的一段话也比较长，说明这一节的内容，并且以句号结束，这样才像一个段落。"
    assert (blocks_of(text)[1].kind == "heading") == heading


def test_numbered_lines_in_a_row_are_a_list() -> None:
    text = "准备材料如下：\n1. 身份证原件\n2. 户口本复印件\n3. 近期照片两张\n请在工作日上午九点前到一楼大厅取号办理。"
    assert [b.kind for b in blocks_of(text)] == ["paragraph", "item", "item", "item", "paragraph"]


def test_markdown_blocks() -> None:
    parsed = parse_file(HERE / "data" / "parse" / "readme.md")
    blocks = shown(parsed)
    assert ("heading", "# tidewatch") in blocks and ("heading", "Accuracy") in blocks
    assert ("code", "```sh\npip install tidewatch\n# then\ntidewatch --list\n```") in blocks
    assert ("row", "| GUL  | Gull Point | 4.1 |") in blocks
    assert ("item", "2. Run `tidewatch GUL`.\n   The output is one line.") in blocks
    assert not any("badges" in text for _, text in blocks)
    assert {key: parsed.text[s.start : s.end] for key, s in parsed.meta.items()} == {
        "title": "tidewatch", "author": "Nora Lind", "date": "2024-05-02",
    }  # fmt: skip
    levels = {parsed.text[b.start : b.end]: b.level for b in parsed.blocks if b.kind == "heading"}
    assert levels == {"# tidewatch": 1, "## Install": 2, "## Usage": 2, "Accuracy": 2, "## License": 2}


@pytest.mark.parametrize(
    ("fields", "category"),
    [
        ("tags: [少儿]\ncategory: 方案", "方案"),
        ("category: 方案\ntags: [少儿]", "方案"),
        ("tags: [少儿, 共读]", "少儿, 共读"),
    ],
)
def test_a_category_goes_before_tags(fields: str, category: str) -> None:
    parsed = parse_markdown(f"---\ntitle: 计划\n{fields}\n---\n正文。".encode(), "a.md")
    assert {key: parsed.text[s.start : s.end] for key, s in parsed.meta.items()} == {
        "title": "计划",
        "category": category,
    }


def test_markdown_oddities() -> None:
    source = "#不是标题\n\n> 引用一\n引用二\n\n***\n- 甲\n  - 乙\n\n~~~\n<!-- 代码里的注释 -->\n# 也不是标题\n~~~\n尾<!-- 藏\n起来 -->巴\n"
    blocks = shown(parse_markdown(source.encode(), "a.md"))
    assert blocks[0] == ("paragraph", "#不是标题")
    assert ("quote", "> 引用一\n引用二") in blocks
    assert ("item", "- 甲") in blocks and ("item", "- 乙") in blocks
    assert ("code", "~~~\n<!-- 代码里的注释 -->\n# 也不是标题\n~~~") in blocks
    assert not any("***" in text for _, text in blocks)


def test_html_page() -> None:
    parsed = parse_file(HERE / "data" / "parse" / "page.html")
    blocks = shown(parsed)
    assert "不应出现" not in parsed.text and "隐藏" not in parsed.text
    assert ("heading", "海底电缆是怎样修好的") in blocks
    assert ("row", "水深 | 平均用时") in blocks and ("row", "4000米 | 12天") in blocks
    assert any(text.startswith("全世界有五百多条海底电缆") and "故障，其中" in text for _, text in blocks)
    assert ("item", "为什么海水是咸的") in blocks  # the side bar is kept, furniture labels it
    meta = {key: parsed.text[s.start : s.end] for key, s in parsed.meta.items()}
    assert meta == {
        "title": "海底电缆是怎样修好的", "author": "许念安", "date": "2024年2月19日", "publisher": "知味科普",
        "category": "工程", "url": "https://example.org/cable/repair",
    }  # fmt: skip


def test_html_of_a_page_without_order() -> None:
    source = b"<p>one<p>two<br>three<table><tr><td><p>layout</p><table><tr><td>a<td>b</table></table><div>four<b>bold</b> five</div>tail"
    blocks = shown(parse_html(source, "a.html"))
    assert [text for _, text in blocks] == ["one", "two", "three", "layout", "a | b", "fourbold five", "tail"]


def test_html_encoding_that_the_page_declares() -> None:
    source = '<html><head><meta charset="gb2312"><title>标题</title></head><body><p>镕基与喆字</p></body></html>'
    assert "镕基与喆字" in parse_html(source.encode("gb18030"), "a.html").text


def test_hostile_html() -> None:
    bomb = '<!DOCTYPE html [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><html><body><p>&b;文字</p></body></html>'
    assert "aaaa" not in parse_html(bomb.encode(), "a.html").text
    file = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><html><body><p>甲&e;乙</p></body></html>'
    assert "root:" not in parse_html(file.encode(), "a.html").text
    deep = "<div>" * 5000 + "深处" + "</div>" * 5000
    with pytest.raises(ParseError, match="too deep"):  # never half a page
        parse_html((deep + "<p>文字</p>").encode(), "a.html")
    broken = (
        '<html><head><script type="application/ld+json">{"@type": [[[</script></head><body><p>正文</p></body></html>'
    )
    assert "正文" in parse_html(broken.encode(), "a.html").text


words = st.text(alphabet="甲乙 丙。丁,ab1#-*>|`\n\r\t一、<!p/>=", min_size=1, max_size=150)


@settings(max_examples=100, deadline=None)
@given(words)
def test_plain_blocks_hold_every_visible_character(text: str) -> None:
    blocks = blocks_of(text)
    check(Parsed(text, tuple(blocks)))
    assert "".join("".join(text[b.start : b.end] for b in blocks).split()) == "".join(text.split())


@settings(max_examples=100, deadline=None)
@given(words)
def test_markdown_never_fails(text: str) -> None:
    if text.strip():
        check(parse_markdown(text.encode(), "a.md"))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<td>",
                "<tr>",
                "<table>",
                "</table>",
                "<li>",
                "<ul>",
                "</ul>",
                "甲乙。",
                "text ",
                "<br>",
                "<h1>",
                "</h1>",
                "<script>",
                "</script>",
                "<pre>",
                "\n",
                "&amp;",
                "<!--",
                "-->",
            ]
        ),
        max_size=30,
    )
)
def test_html_never_fails_but_for_having_no_text(parts: list[str]) -> None:
    try:
        check(parse_html(("".join(parts) + "<body>末").encode(), "a.html"))
    except ParseError as error:
        assert "no text" in str(error) or "empty" in str(error)


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=80))
def test_any_bytes_give_text_or_a_parse_error(data: bytes) -> None:
    try:
        text, encoding = decode(data)
    except ParseError:
        return
    assert "\r" not in text and encoding


@pytest.mark.parametrize(
    "line", [" " * 50_000 + "a", "-" * 50_000 + "x|", "|" * 20_000, "- " * 20_000, "<!--" * 10_000]
)
def test_markdown_of_absurd_lines_is_read_at_once(line: str) -> None:
    check(parse_markdown(f"{line}\n正文。".encode(), "a.md"))
