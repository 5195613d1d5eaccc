"""PDF: reading order, wraps, headings, running lines, tables, scans, and files that are locked or damaged."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import ParseError
from rag.furniture import label
from rag.parse.pdf import ocr, parse
from rag.parse.pdf.paragraphs import join_lines
from rag.parse.pdf.said import page_numbers
from rag.types import Parsed
from tests.golden_dump import dump, same_as_golden
from tests.make.pdf import SONG, document, long_file, register, wrapped

DATA = Path(__file__).parent / "data" / "formats"
READ = ["chromium_mixed.pdf", "paper_en.pdf", "report_zh.pdf", "scanned_en.pdf", "slides_zh.pdf"]


@pytest.fixture(autouse=True)
def _no_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ocr.SETTING, raising=False)
    monkeypatch.setattr(ocr, "available", lambda: False)


def one_page(draw: Callable[[Any], None], pages: int = 1, **record: str) -> bytes:
    register()
    return document(lambda canvas, number: draw(canvas), pages, **record)


def lines(
    *texts: str, x: float = 72, y: float = 700, step: float = 14, font: str = "Helvetica", size: float = 11
) -> bytes:
    def draw(canvas: Any) -> None:
        canvas.setFont(font, size)
        for index, text in enumerate(texts):
            canvas.drawString(x, y - step * index, text)

    return one_page(draw)


def shown(parsed: Parsed) -> list[tuple[str, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks if block.kind != "meta"]


def texts(parsed: Parsed) -> list[str]:
    return [text for _, text in shown(parsed)]


@pytest.mark.parametrize("name", READ)
def test_golden(name: str) -> None:
    parsed = parse((DATA / name).read_bytes(), name)
    same_as_golden(name, dump(parsed, label(parsed, doc_id="x", source=name)))
    at = 0
    for block in parsed.blocks:
        piece = parsed.text[block.start : block.end]
        assert block.start >= at and piece and piece == piece.strip()
        at = block.end


def test_running_lines_do_not_come_out_as_body() -> None:
    parsed = parse((DATA / "report_zh.pdf").read_bytes(), "report_zh.pdf")
    sections = label(parsed, doc_id="x", source="report_zh.pdf").sections
    body = "".join(parsed.text[s.start : s.end] for s in sections if s.role in {"title", "heading", "body"})
    assert "城市绿地年度报告" in body and "·" not in body and "— 1 —" not in body


def test_a_title_on_a_single_page_is_no_running_head() -> None:
    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica-Bold", 18)
        canvas.drawString(72, 800, "Notes on the Mill Pond")
        canvas.setFont("Helvetica", 11)
        for index, line in enumerate(
            wrapped("The pond was drained in 2019 and refilled a year later. " * 4, "Helvetica", 11, 430)
        ):
            canvas.drawString(72, 760 - 14 * index, line)

    parsed = parse(one_page(draw), "a.pdf")
    assert shown(parsed)[0] == ("title", "Notes on the Mill Pond")
    assert len(shown(parsed)) == 2


@pytest.mark.parametrize(
    ("given", "words", "told"),
    [
        (["multi-", "ple causes"], {"multi", "ple"}, "multiple causes"),
        (["state-of-", "the-art"], set(), "state-of-the-art"),
        (["a long-", "term plan"], {"long-term"}, "a long-term plan"),
        (["a long-", "term plan"], {"longterm", "long-term"}, "a longterm plan"),
        (["Jean-", "Pierre"], set(), "Jean-Pierre"),
        (["COVID-", "19 cases"], set(), "COVID-19 cases"),
        (["docu\x02", "ment"], set(), "document"),
        (["甲乙", "丙丁"], set(), "甲乙丙丁"),
        (["共有3", "个部门"], set(), "共有3个部门"),
        (["one “two”", "three"], set(), "one “two” three"),
    ],
)
def test_lines_are_joined(given: list[str], words: set[str], told: str) -> None:
    assert join_lines(given, words) == told


def test_paragraphs_end_where_a_line_is_short_or_the_next_is_indented() -> None:
    words = "The ferry crosses the bay six times a day in summer and twice in winter when the ice allows it. "
    first = wrapped(words * 3 + "It stops at noon.", "Helvetica", 11, 430)
    second = wrapped(words * 2, "Helvetica", 11, 430)
    parsed = parse(lines(*first, *second), "a.pdf")
    assert texts(parsed) == [" ".join(first), " ".join(second).strip()]


def test_list_items_keep_their_depth() -> None:
    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", 11)
        for index, (x, text) in enumerate(
            [(72, "• Tools"), (100, "• a hammer and"), (112, "forty nails"), (100, "• a saw"), (72, "• Food for two")]
        ):
            canvas.drawString(x, 700 - 14 * index, text)
        canvas.drawString(72, 560, "This is a line of text that is long enough to set the margin of the page well.")

    parsed = parse(one_page(draw), "a.pdf")
    found = [(block.level, parsed.text[block.start : block.end]) for block in parsed.blocks if block.kind == "item"]
    assert [level for level, _ in found] == [1, 2, 2, 1]


def test_bold_printed_twice_is_read_once_and_double_letters_twice() -> None:
    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", 12)
        for shift in (0, 0.3):
            canvas.drawString(72 + shift, 700, "Will all bees still fill a hill?")

    assert texts(parse(one_page(draw), "a.pdf")) == ["Will all bees still fill a hill?"]


def test_both_letters_of_a_ligature_are_kept() -> None:
    from rag.parse.pdf.glyphs import _Style, _twice

    seen: dict[Any, Any] = {}
    told = [_twice(seen, "f", 10, 10, _Style(12, False, 0, run)) for run in (1, 1, 2)]
    assert told == [False, False, True]


def test_a_numbered_line_over_text_is_a_heading_and_a_signature_two_lines() -> None:
    text = (
        "各社区应当指定专人负责图书角，每周至少开放五天，每天不少于六小时，并于六月底前完成登记造册工作，做到账物相符。"
    )

    def draw(canvas: Any) -> None:
        canvas.setFont(SONG, 11)
        said = ["一、总体要求", *wrapped(text, SONG, 11, 440, 22), "二、主要任务", *wrapped(text, SONG, 11, 440, 22)]
        for index, line in enumerate(said):
            canvas.drawString(94 if index in (0, 1, len(said) // 2, len(said) // 2 + 1) else 72, 700 - 18 * index, line)
        canvas.drawRightString(512, 550, "青禾街道办事处")
        canvas.drawRightString(512, 532, "2023年4月18日")

    kinds = shown(parse(one_page(draw), "a.pdf"))
    assert [kind for kind, _ in kinds] == ["heading", "paragraph", "heading", "paragraph", "paragraph", "paragraph"]
    assert kinds[-2:] == [("paragraph", "青禾街道办事处"), ("paragraph", "2023年4月18日")]


def test_a_first_row_of_data_is_no_header() -> None:
    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", 11)
        for index, row in enumerate([("-b", "measure, then exit"), ("-s", "be strict"), ("-h", "show this help")]):
            for x, cell in zip((72, 200), row, strict=True):
                canvas.drawString(x, 700 - 18 * index, cell)

    assert [b.columns for b in parse(one_page(draw), "a.pdf").blocks if b.kind == "row"] == [(), (), ()]


@pytest.mark.parametrize("turns", [0, 90, 180, 270])
def test_turned_pages_read_as_they_are_shown(turns: int) -> None:
    def draw(canvas: Any) -> None:
        canvas.setPageRotation(turns)
        canvas.setFont("Helvetica", 12)
        canvas.saveState()
        canvas.translate(297, 421)
        canvas.rotate(turns)
        canvas.drawString(-150, 60, "First line of the page, as long as it is.")
        canvas.drawString(-150, 0, "Second line.")
        canvas.restoreState()

    assert texts(parse(one_page(draw), "a.pdf")) == ["First line of the page, as long as it is.", "Second line."]


def test_text_at_an_angle_is_kept_and_does_not_answer() -> None:
    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", 11)
        for index in range(8):
            canvas.drawString(
                72, 700 - 14 * index, f"Line {index} says that the harbour was dredged in the year {1950 + index}."
            )
        for x, y, angle, text in ((30, 300, 90, "Side stamp 44"), (200, 300, 45, "CONFIDENTIAL DRAFT")):
            canvas.saveState()
            canvas.translate(x, y)
            canvas.rotate(angle)
            canvas.drawString(0, 0, text)
            canvas.restoreState()

    parsed = parse(one_page(draw), "a.pdf")
    document_ = label(parsed, doc_id="x", source="a.pdf")
    roles = {parsed.text[s.start : s.end]: s.role for s in document_.sections}
    assert roles["CONFIDENTIAL DRAFT"] == "notice" and roles["Side stamp 44"] == "related"


def test_vertical_chinese_is_read_downwards_from_the_right() -> None:
    def draw(canvas: Any) -> None:
        canvas.setFont(SONG, 14)
        for column, text in enumerate(["山前有一座古老的石桥，", "桥下流水终年不断。"]):
            for index, char in enumerate(text):
                canvas.drawString(400 - 24 * column, 700 - 15 * index, char)

    assert "".join(texts(parse(one_page(draw), "a.pdf"))) == "山前有一座古老的石桥，桥下流水终年不断。"


def test_text_outside_of_the_crop_box_is_left_out() -> None:
    def draw(canvas: Any) -> None:
        canvas.setCropBox((50, 50, 500, 750))
        canvas.setFont("Helvetica", 12)
        canvas.drawString(72, 700, "Inside the page.")
        canvas.drawString(72, 790, "Printer's mark")

    assert texts(parse(one_page(draw), "a.pdf")) == ["Inside the page."]


def test_radicals_bullets_and_ligatures_become_the_characters_they_stand_for() -> None:
    from rag.parse.pdf.glyphs import _clean

    assert [_clean(ord(c)) for c in "⽅⻓ﬁ中"] == ["方", "长", "fi", "中"]


@pytest.mark.parametrize("mixed", [True, False])
def test_two_columns_whatever_order_they_were_written_in(mixed: bool) -> None:
    words = "The survey of the western marsh found nine kinds of reed and two kinds of sedge near the old dyke. "
    sides = [wrapped(words.replace("western", name) * 5, "Helvetica", 10, 220) for name in ("left", "right")]

    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", 10)
        places = [(side, row) for side in (0, 1) for row in range(len(sides[side]))]
        for side, row in sorted(places, key=lambda place: place[1]) if mixed else places:
            canvas.drawString(60 + 250 * side, 700 - 12 * row, sides[side][row])

    parsed = parse(one_page(draw), "a.pdf")
    assert " ".join(texts(parsed)) == " ".join([" ".join(side).strip() for side in sides])


def test_no_table_where_there_is_none() -> None:
    contents = parse(lines(*(f"{i}. Chapter on matters {'.' * 60} {i * 7}" for i in range(1, 6))), "a.pdf")
    assert [kind for kind, _ in shown(contents)] == ["item"] * 5

    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", 11)
        for index, text in enumerate(["Bring the tent.", "Bring the lamp.", "Bring the rope."]):
            canvas.drawString(72, 700 - 20 * index, f"{index + 1}.")
            canvas.drawString(110, 700 - 20 * index, text)

    assert [kind for kind, _ in shown(parse(one_page(draw), "a.pdf"))] == ["item"] * 3


def test_a_cell_of_two_lines_stays_one_cell() -> None:
    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", 10)
        y = 700
        for row in (
            ("Item", "Note", "Price"),
            ("Lamp", "brass, with\ntwo wicks", "12"),
            ("Rope", "hemp", "7"),
            ("Tent", "canvas", "95"),
        ):
            for x, cell in zip((72, 180, 330), row, strict=True):
                for index, line in enumerate(cell.split("\n")):
                    canvas.drawString(x, y - 12 * index, line)
            y -= 30

    found = parse(one_page(draw), "a.pdf")
    assert texts(found) == [
        "Item | Note | Price",
        "Lamp | brass, with two wicks | 12",
        "Rope | hemp | 7",
        "Tent | canvas | 95",
    ]
    assert [block.columns for block in found.blocks if block.kind == "row"][1] == ("Item", "Note", "Price")


@pytest.mark.parametrize(
    ("title", "author"),
    [
        ("Microsoft Word - plan.doc", "Administrator"),
        ("untitled", "user"),
        ("C:\\docs\\plan.pdf", "Windows User"),
        ("无标题", "微软用户"),
    ],
)
def test_what_programs_put_into_the_record_is_not_taken(title: str, author: str) -> None:
    data = one_page(lambda canvas: canvas.drawString(72, 700, "A line of text."), title=title, author=author)
    assert set(parse(data, "a.pdf").meta) <= {"date"}


def test_a_sensible_record_is_taken() -> None:
    data = one_page(lambda canvas: canvas.drawString(72, 700, "A line."), title="Plan of the Weir", author="Ada Quill")
    parsed = parse(data, "a.pdf")
    assert {key: parsed.text[s.start : s.end] for key, s in parsed.meta.items()} == {
        "title": "Plan of the Weir", "author": "Ada Quill", "date": "2023-03-16",
    }  # fmt: skip


def test_pages_without_text_are_named() -> None:
    notice = parse((DATA / "scanned_en.pdf").read_bytes(), "scan.pdf").notices[0]
    assert "3–4" in notice.en and "3–4" in notice.zh and "Tesseract" in notice.en and "Tesseract" in notice.zh
    assert page_numbers([1, 3, 4, 5, 9]) == "1, 3–5, 9"


def test_a_file_without_any_text_is_refused() -> None:
    refused(one_page(lambda canvas: canvas.rect(10, 10, 100, 100)), "OCR")


def test_scanned_pages_are_read_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ocr.SETTING, "1")
    monkeypatch.setattr(ocr, "available", lambda: True)
    monkeypatch.setattr(ocr, "read_page", lambda page: ["Inspection record."])
    parsed = parse((DATA / "scanned_en.pdf").read_bytes(), "scan.pdf")
    assert [(b.page, b.hint) for b in parsed.blocks if b.hint == "ocr"] == [(3, "ocr"), (4, "ocr")]
    assert "OCR" in parsed.notices[0].en and len(parsed.notices) == 1


def test_the_spaces_that_ocr_sets_are_undone() -> None:
    assert ocr.paragraphs("北 闸 检 查\n记 录\n\nThe north\nsluice\n\f") == ["北闸检查记录", "The north sluice"]


def refused(data: bytes, says: str) -> None:
    with pytest.raises(ParseError) as error:
        parse(data, "账本.pdf")
    assert "账本.pdf" in error.value.en and "账本.pdf" in error.value.zh
    assert ";" in error.value.en and "；" in error.value.zh and says in error.value.en


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no PDF"),
        (b"PK\x03\x04 word/document.xml", "no PDF"),
        (b"%PDF-1.7\n", "damaged"),
        (b"%PDF-1.4\n%%EOF", "damaged"),
    ],
)
def test_what_is_no_pdf(data: bytes, says: str) -> None:
    refused(data, says)


def test_a_password_is_asked_for() -> None:
    refused((DATA / "locked_zh.pdf").read_bytes(), "password")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("name", READ)
def test_a_file_that_was_cut_off_is_refused(name: str, share: float) -> None:
    data = (DATA / name).read_bytes()
    refused(data[: int(share * len(data))], "damaged")


def test_junk_around_the_file_does_no_harm() -> None:
    data = (DATA / "report_zh.pdf").read_bytes()
    plain = parse(data, "a.pdf").text
    assert parse(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3000 + data, "a.pdf").text == plain
    assert parse(data + b"\n<!-- appended -->" * 50, "a.pdf").text == plain


def test_a_damaged_stream_is_told_of() -> None:
    data = (DATA / "chromium_mixed.pdf").read_bytes()
    at = data.index(b"stream\n", data.index(b"FlateDecode")) + 2000
    told = parse(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :], "a.pdf").notices
    assert told and "damaged" in told[0].en and "损坏" in told[0].zh
    assert not parse(data, "a.pdf").notices


@pytest.mark.parametrize("name", READ)
def test_flipped_bytes_raise_nothing_else(name: str) -> None:
    pick, data = random.Random(name), (DATA / name).read_bytes()
    for _ in range(25):
        spoiled = bytearray(data)
        for _ in range(pick.choice((1, 5, 40))):
            spoiled[pick.randrange(len(spoiled))] = pick.randrange(256)
        try:
            parse(bytes(spoiled), "a.pdf").text.encode()
        except ParseError as error:
            assert "a.pdf" in error.en and "；" in error.zh


def test_long_files_keep_their_pages_apart() -> None:
    parsed = parse(long_file(12), "a.pdf")
    assert parsed.pages == 12 and [block.page for block in parsed.blocks if block.hint == "footer"] == list(
        range(1, 13)
    )
