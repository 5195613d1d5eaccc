"""PDF layouts that programs really make: a column beside a heading, set-in first lines, cells of many lines, letterheads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rag.furniture import label
from rag.parse.pdf import parse
from rag.parse.pdf.lines import Fragment
from rag.parse.pdf.tables import parts_of
from rag.types import Parsed
from tests.make.pdf import SONG, document, register, wrapped

LONG = (
    "Kept in the lower shed and oiled in March and in October, never in frost",
    "Read twice a day and written down in the green book of the board",
    "Lent to the school in June",
    "Painted every second year by the pupils of the school beside the sluice",
)


def page(draw: Callable[[Any], None], **record: str) -> Parsed:
    register()
    return parse(document(lambda canvas, number: draw(canvas), 1, **record), "a.pdf")


def texts(parsed: Parsed, *kinds: str) -> list[str]:
    return [parsed.text[b.start : b.end] for b in parsed.blocks if b.kind in kinds or (not kinds and b.kind != "meta")]


def write(canvas: Any, x: float, y: float, lines: Sequence[str], step: float = 16, size: float = 10) -> float:
    canvas.setFont(SONG, size)
    for line in lines:
        canvas.drawString(x, y, line)
        y -= step
    return y


def test_a_column_begins_beside_a_heading() -> None:
    left = [
        "仪器每天清晨由值班员检查一次，",
        "检查内容写入那本绿色登记簿中，",
        "登记簿每月交站长签字，存五年，",
        "期满后移交县档案馆保管。",
    ]
    right = [
        "　　观测员须年满十八岁，完成三次",
        "跟班以后才可以单独上岗，每班不",
        "超过两人，夜班须有船只待命，并",
        "且带足两天的饮水和干粮，遇到大",
        "风停航时就地等候，不得涉水回岸",
        "，也不得借用渔民的小船。",
    ]

    def draw(canvas: Any) -> None:
        write(canvas, 60, 700, ["一、开工之前"], size=15)
        y = write(canvas, 60, 672, left)
        write(canvas, 60, y - 12, ["二、观测人员"], size=15)
        write(canvas, 320, 701, right)

    assert texts(page(draw)) == ["一、开工之前", "".join(left), "二、观测人员", "".join(right).strip("　")]


def test_a_paragraph_goes_on_in_the_next_column() -> None:
    words = "The survey of the western marsh found nine kinds of reed and two kinds of sedge near the old dyke. "
    whole = wrapped(words * 8, "Helvetica", 10, 220)

    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", 10)
        for index, line in enumerate(whole):
            side, row = divmod(index, 7)
            canvas.drawString(60 + 250 * side, 700 - 12 * row, line)

    del whole[14:]
    assert texts(page(draw)) == [" ".join(whole)]


def test_a_first_line_that_is_set_in_begins_a_paragraph() -> None:
    given = [
        ("　　低潮位在三月二十九日傍晚出现，最低为零点四一米，比上月略有下降，但", True),
        ("仍高于常年。", False),
        ("　　临时证不收押金，每次只限借两册图书，有效期为九十天，到期后不能再续。", True),
        ("　　值班员每天收工以后把数据传给总站。信号不好的时候先记在本子上保存，", True),
        ("当晚八点前补传。", False),
    ]

    def draw(canvas: Any) -> None:
        for index, (text, inset) in enumerate(given):
            write(canvas, 80 if inset else 60, 700 - 16 * index, [text.strip("　")])

    assert texts(page(draw)) == [
        given[0][0].strip("　") + given[1][0],
        given[2][0].strip("　"),
        given[3][0].strip("　") + given[4][0],
    ]


@pytest.mark.parametrize("align", ["TOP", "MIDDLE", "BOTTOM"])
def test_cells_of_many_lines_wherever_they_stand(align: str) -> None:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, Table

    style = getSampleStyleSheet()["BodyText"]
    names = ["Boat", "Gauge of the upper weir of the mill", "Pump", "Ladder of the lower lock"]
    notes = [f"It cost {index}1 pounds and was a gift of the county" for index in range(1, 5)]
    held = [[Paragraph(text, style) for text in row] for row in zip(names, LONG, notes, strict=True)]
    table = Table([["Item", "How it is kept", "What it cost"], *held], colWidths=[90, 170, 120])
    table.setStyle([("VALIGN", (0, 0), (-1, -1), align)])

    def draw(canvas: Any) -> None:
        table.wrapOn(canvas, 400, 600)
        table.drawOn(canvas, 72, 400)

    found = page(draw)
    assert texts(found, "row")[1:] == [" | ".join(row) for row in zip(names, LONG, notes, strict=True)]
    assert {b.columns for b in found.blocks if b.columns} == {("Item", "How it is kept", "What it cost")}


def grid(rows: Sequence[Sequence[str]], places: Sequence[float], shift: float = 0) -> Parsed:
    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", 10)
        for index, row in enumerate(rows):
            for place, cell in zip(places, row, strict=True):
                canvas.drawString(place + (0 if index else shift), 700 - 18 * index, cell)

    return page(draw)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ([["Source", "2023", "2024"], ["Gifts", "41,760", "47,850"], ["Hire", "7,900", "8,640"]], True),
        ([["Source", "1998", "2045"], ["Gifts", "41,760", "47,850"], ["Hire", "7,900", "8,640"]], False),
        ([["Opened", "2019", "2020"], ["Closed", "2021", "2022"], ["Sold", "2023", "2024"]], False),
        ([["Applicant", "Ottoline Reed"], ["Telephone", "555-0177"], ["Received", "3 June 2024"]], False),
    ],
)
def test_years_name_columns_of_amounts(rows: list[list[str]], columns: bool) -> None:
    found = grid(rows, [72, 200, 300][: len(rows[0])])
    assert [b.columns for b in found.blocks if b.kind == "row"][1:] == [tuple(rows[0]) if columns else ()] * 2


def test_a_header_in_the_middle_of_wide_columns() -> None:
    rows = [["Name", "High", "Low"], ["May", "4.10", "0.62"], ["June", "4.32", "0.55"], ["July", "4.21", "0.41"]]
    found = grid(rows, [72, 200, 330], shift=45)
    assert texts(found) == [" | ".join(row) for row in rows]
    assert {b.columns for b in found.blocks if b.columns} == {("Name", "High", "Low")}


def test_a_letter_with_small_print_beside_the_name() -> None:
    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(72, 790, "Gorse Hill Water Board")
        canvas.setFont("Helvetica", 8)
        for index, line in enumerate(["4 Quay Street", "Ferncastle FC2", "office@example.org"]):
            canvas.drawRightString(523, 795 - 10 * index, line)
        canvas.setFont("Helvetica", 11)
        for y, line in [(700, "3 June 2024"), (670, "Dear Mrs Fairwater,"), (610, "Thank you for your letter of May.")]:
            canvas.drawString(72, y, line)
        canvas.setFont("Helvetica-Bold", 11)
        canvas.drawString(72, 640, "Lowering of the mill pond")

    found = page(draw)
    told = label(found, doc_id="x", source="a.pdf")
    assert texts(found)[:3] == ["Gorse Hill Water Board", "4 Quay Street", "Ferncastle FC2"]
    assert told.title == "Lowering of the mill pond" and told.value("date") == "3 June 2024"


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("Ferncastle, 3 June 2024", "3 June 2024"),
        ("潮汐观测站活动部　2025年8月22日", "2025年8月22日"),
        ("2025年1月15日起施行", ""),  # of something else, yet the day it was saved is no better
        ("The pond was drained on 4 May 2021 and has been filled again since then, as all know.", "2023-03-16"),
    ],
)
def test_the_day_a_file_was_made_is_weak(line: str, day: str) -> None:
    def draw(canvas: Any) -> None:
        write(canvas, 72, 700, ["The mill pond is low."])
        write(canvas, 72, 640, [line])

    found = page(draw)
    span = found.meta.get("date")
    assert (found.text[span.start : span.end] if span else "") == day


def test_what_a_browser_prints_around_a_page_is_no_text_of_it() -> None:
    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(24, 815, "11/28/26, 11:29 AM")
        canvas.drawString(24, 16, "file:///home/reader/pond.html")
        canvas.drawString(560, 16, "1/1")
        write(canvas, 72, 700, ["The mill pond is low, and it will stay so until the wall has been pointed."] * 2)

    assert [b.hint for b in page(draw).blocks if b.kind == "paragraph"] == ["header footer", "", "footer"]


@pytest.mark.timeout(60)
def test_a_page_of_thousands_of_lines_that_are_no_table_takes_seconds() -> None:
    rows = [
        (Fragment(f"Chapter {n}", 50, 200, 12.0 * n, 10, False, 2 * n), Fragment(f"{n}", 400, 420, 12.0 * n, 10, False, 2 * n + 1))
        for n in range(4000)
    ]  # fmt: skip
    assert parts_of(rows) == [tuple(rows)]
