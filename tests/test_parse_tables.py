"""Spreadsheets, CSV, JSON, and which rows of a table are its header."""

from __future__ import annotations

import datetime as dt
import io
import json
import random
import time
import zipfile
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import ParseError
from rag.furniture import label
from rag.parse import delimited, html, jsontext, markdown, sheets
from rag.parse.cellformat import shown
from rag.parse.header import columns_of, fitted, header_rows, leading, table_lines
from rag.table import labelled
from rag.types import Parsed
from tests.golden_dump import dump, same_as_golden
from tests.make.tables import FORMATS, SAMPLES

READ = {
    ".xlsx": "sheets", ".csv": "delimited", ".tsv": "delimited", ".json": "jsontext", ".jsonl": "jsontext",
}  # fmt: skip


def read(data: bytes, name: str) -> Parsed:
    parsed: Parsed = import_module(f"rag.parse.{READ['.' + name.rpartition('.')[2]]}").parse(data, name)
    check(parsed)
    return parsed


def check(parsed: Parsed) -> None:
    at = 0
    for block in parsed.blocks:
        text = parsed.text[block.start : block.end]
        assert at <= block.start < block.end and text == text.strip()
        assert not parsed.text[at : block.start].strip()
        at = block.end
    assert not parsed.text[at:].strip()


def blocks(parsed: Parsed) -> list[tuple[str, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def workbook(*rows: tuple[object, ...], formats: dict[str, str] | None = None, merges: tuple[str, ...] = ()) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    for place, code in (formats or {}).items():
        book.active[place].number_format = code
    for area in merges:
        book.active.merge_cells(area)
    return saved(book)


def saved(book) -> bytes:  # type: ignore[no-untyped-def]
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_sheet(data: bytes, xml: str) -> bytes:
    """The workbook with another first sheet."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, xml if part == "xl/worksheets/sheet1.xml" else old.read(part))
    return out.getvalue()


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_goldens(name: str) -> None:
    data = (FORMATS / name).read_bytes()
    assert len(data) < 60_000
    parsed = read(data, name)
    same_as_golden(name, dump(parsed, label(parsed, doc_id="d", source=name)))


@pytest.mark.parametrize(
    ("heads", "rows"),
    [
        (2, [["项目", "收入", "", "备注"], ["", "2023", "2024", ""], ["甲", "1", "2", "无"]]),
        (2, [["部门", "收入", ""], ["部门", "上年", "本年"], ["甲", "1", "2"], ["乙", "3", "4"]]),
        (1, [["部门", "金额"], ["财务", "12"], ["市场", "7"]]),
        (0, [["姓名", "陶小满"], ["电话", "010-0000"]]),
        (0, [["姓名", "陶小满", "性别", "男"], ["电话", "010-0000", "邮箱", "a@example.org"]]),
        (1, [["", "2023", "2024"], ["收入", "12", "13"]]),
        (1, [["姓名", "部门", "职务"], ["陶小满", "财务部", "会计"], ["林知远", "市场部", "经理"]]),
        (0, [["陶小满", "财务部", "会计"], ["林知远", "财务部", "经理"], ["方一舟", "市场部", "助理"]]),
        (0, [["2023", "12", "3"], ["2024", "3", "4"]]),
        (1, [["Question", "Answer"], ["How?", "By boat. It takes an hour and is rather pleasant in summer."]]),
        (1, [["Item", "Qty", "Price"], ["Bolt", "12", "3.5"], ["Nut", "4", "1.0"]]),
        (1, [["Year", "Sales"], ["2020", "12"], ["2021", "13"]]),
        (0, [["Vision", "To be the best library in the whole of the valley."], ["Mission", "To lend books to all."]]),
        (1, [["术语", "定义"], ["甲", "乙"], ["丙", "丁"]]),
        (0, [["地址", "北川市"], ["成立日期", "1998年"], ["面积", "12"]]),
        (1, [["指标", "2023年", "2024年", "同比"], ["游客", "12", "13", "8%"]]),
        (0, [["Server:", "alpha"], ["Port:", "80"]]),
        (1, [["日期", "星期", "值班人"], ["3月5日", "二", "陶"], ["3月6日", "三", "林"]]),
        (0, [["Type", "Research vessel"], ["Launched", "9 April 1976"], ["Length", "68.4 m"], ["Crew", "22"]]),
        (0, [["类型", "悬索桥"], ["全长", "1204米"], ["通车", "1998年"], ["投资", "2.3亿元"]]),
        (0, [["成立", "1998年"], ["员工", "22"], ["面积", "12"]]),
        (0, [["索 引 号", "LC00-2024-0517"], ["文 号", "临政办通〔2024〕18号"], ["成文日期", "2024年5月15日"]]),
        (
            0,
            [
                ["索 引 号", "LC00-2024-0517", "发文机关", "临川县"],
                ["文 号", "临政〔2024〕18号", "成文日期", "2024年5月"],
            ],
        ),
        (1, [["国家", "首都"], ["甲国", "甲城"], ["乙国", "乙城"], ["丙国", "丙城"], ["丁国", "丁城"]]),
        (1, [["City", "Population"], ["Oakham", "1200"], ["Ryton", "900"]]),
        (1, [["水深", "平均用时"], ["200米以内", "5天"], ["4000米", "12天"]]),
        (1, [["指标", "2023年"], ["游客", "12"], ["车辆", "7"]]),
        (0, [["a"], ["b"]]),
        (0, []),
    ],
)
def test_which_rows_are_a_header(heads: int, rows: list[list[str]]) -> None:
    assert header_rows(rows) == heads


def test_names_of_columns() -> None:
    assert columns_of([["项目", "收入", ""], ["", "2023", "2024"]], 2) == ("项目", "收入 2023", "收入 2024")
    assert columns_of([["a", "b"]], 0) == ()
    assert leading([["表一", ""], ["", "单位：元"], ["a", "b"]]) == 2


def test_captions_and_notes_around_a_table() -> None:
    rows = [["表一", ""], ["部门", "金额"], ["财务", "12"], ["市场", "7"], ["注：不含税", ""]]
    lines = table_lines(rows, page=2, first_row=4)
    assert [(line.kind, line.row, line.columns) for line in lines] == [
        ("paragraph", None, ()), ("row", 5, ()), ("row", 6, ("部门", "金额")), ("row", 7, ("部门", "金额")),
        ("paragraph", None, ()),
    ]  # fmt: skip
    assert {line.page for line in lines} == {2}
    assert [line.columns for line in table_lines([["a", "b"], ["c", "d"]], marked=1)] == [(), ("a", "b")]


def test_a_bar_within_a_cell_keeps_the_names_right() -> None:
    row = ["a|b", "c"]
    assert labelled("a|b | c", fitted(row, ("X", "Y", "Z"))) == "X: a；X: b；Y: c"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.text("甲乙 |1.2%-年\n。:\\ab", max_size=8), max_size=5), max_size=8))
def test_no_text_of_a_table_is_lost(rows: list[list[str]]) -> None:
    told = "".join("".join(line.text for line in table_lines(rows, first_row=1)).replace("|", "").split())
    assert told == "".join("".join(cell for row in rows for cell in row).replace("|", "").split())


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (0.253, "0.0%", "25.3%"), (1234.5, "#,##0.00", "1,234.50"), (-1234.5, "#,##0.00_);(#,##0.00)", "(1,234.50)"),
        (-5, "0.00;[Red]-0.00", "-5.00"), (1234.5, '"¥"#,##0.00', "¥1,234.50"), (8, "[$¥-804]#,##0", "¥8"),
        (0.1 + 0.2, "General", "0.3"), (123456, '0!.0,"万"', "12.3万"), (13800001234, "000-0000-0000", "138-0000-1234"),
        (12, "000", "012"), (0, '#,##0;-#,##0;"-"', "-"), (2.25, "# ?/?", "2 1/4"), (5, '"第"General"名"', "第5名"),
        (15000, '[>=10000]0.0,"k";0', "15.0k"), (0.005, "0.00", "0.01"), (12345, "0.00E+00", "1.23E+04"),
        (True, "General", "TRUE"), (12.5, ".00", "12.50"), (10**400, "0", str(10**400)), (None, "0", ""),
        (dt.datetime(2024, 3, 5, 14, 7), "mm-dd-yy", "2024-03-05"), (dt.date(2024, 3, 5), "d-mmm-yyyy", "5-Mar-2024"),
        (dt.datetime(2024, 3, 5), 'yyyy"年"m"月"d"日"', "2024年3月5日"), (dt.time(14, 7), "h:mm AM/PM", "2:07 PM"),
        (dt.timedelta(hours=30, minutes=5), "[h]:mm:ss", "30:05:00"), (dt.datetime(2024, 3, 5), "m/d aaaa", "3/5 星期二"),
    ],
)  # fmt: skip
def test_numbers_are_shown_as_the_program_shows_them(value: object, code: str, text: str) -> None:
    assert shown(value, code) == text


@settings(max_examples=500, deadline=None)
@given(
    st.text('0#?.,%E+-/;[]"\\_*ymdhsa@!<>=1万G', max_size=14),
    st.one_of(st.floats(), st.integers(), st.datetimes(), st.times(), st.timedeltas(), st.booleans()),
)
def test_any_format_shows_something_for_any_value(code: str, value: object) -> None:
    assert isinstance(shown(value, code), str)


def test_a_value_over_several_rows_stands_on_each() -> None:
    parsed = read(workbook(("部门", "项目", "金额"), ("财务", "纸", 1), (None, "笔", 2), merges=("A2:A3",)), "a.xlsx")
    assert [text for _, text in blocks(parsed)] == ["部门 | 项目 | 金额", "财务 | 纸 | 1", "财务 | 笔 | 2"]
    assert [block.row for block in parsed.blocks] == [1, 2, 3]


def test_a_blank_row_or_a_gap_does_not_cost_the_names() -> None:
    rows = [("部门", "项目", "金额"), ("财务", "纸", 1), (), ("市场", "笔", 2), (), ("备注：以上均含税。",)]
    parsed = read(workbook(*rows), "a.xlsx")
    assert [block.columns for block in parsed.blocks] == [(), rows[0], rows[0], ()]
    assert [block.row for block in parsed.blocks] == [1, 2, 4, None]
    wide = read(workbook(("名称", None, "数量"), ("甲", None, 1), ("乙", None, 2), merges=("A1:B1",)), "a.xlsx")
    assert [text for _, text in blocks(wide)] == ["名称 | 数量", "甲 | 1", "乙 | 2"]


def test_hidden_sheets_are_kept_and_a_lone_generic_name_is_not_a_heading() -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active["A1"] = "可见"
    assert [text for _, text in blocks(read(saved(book), "a.xlsx"))] == ["可见"]
    book.create_sheet("空表")
    hidden = book.create_sheet("底稿")
    hidden["B2"], hidden.sheet_state = "隐藏", "hidden"
    parsed = read(saved(book), "a.xlsx")
    assert [(block.page, text) for block, (_, text) in zip(parsed.blocks, blocks(parsed), strict=True)] == [
        (1, "Sheet"), (1, "可见"), (3, "底稿"), (3, "隐藏"),
    ]  # fmt: skip
    assert parsed.pages == 3


def test_a_sheet_that_claims_more_than_it_holds_is_fast() -> None:
    cells = '<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row></sheetData>'
    merged = '<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    began = time.perf_counter()
    parsed = read(
        with_sheet(workbook((1,)), SHEET.format(f'<dimension ref="A1:XFD1048576"/>{cells}{merged}')), "a.xlsx"
    )
    assert parsed.text == "1\n2" and time.perf_counter() - began < 2
    with pytest.raises(ParseError):
        read(with_sheet(workbook((1,)), SHEET.format(cells.replace("1048576", "9999999999"))), "a.xlsx")


def test_scattered_cells_stay_linear() -> None:
    from openpyxl.utils import get_column_letter

    rows = "".join(f'<row r="{n}"><c r="{get_column_letter(n)}{n}"><v>{n}</v></c></row>' for n in range(1, 5001))
    began = time.perf_counter()
    parsed = read(with_sheet(workbook((1,)), SHEET.format(f"<sheetData>{rows}</sheetData>")), "a.xlsx")
    assert len(parsed.blocks) == 5000 and time.perf_counter() - began < 5


def test_formulas_without_a_result_are_told() -> None:
    parsed = read(workbook(("a", "b"), (1, "=A2*2")), "a.xlsx")
    assert "1 formulas" in parsed.notices[0].en and parsed.notices[0].zh.startswith("a.xlsx")


@pytest.mark.parametrize("name", ["budget.xlsx", "inventory.xlsx"])
def test_damaged_workbooks_say_so(name: str) -> None:
    data, chance = (FORMATS / name).read_bytes(), random.Random(7)
    for _ in range(150):
        bad = bytearray(data)
        for _ in range(chance.randint(1, 12)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        only_parse_errors(sheets.parse, bytes(bad[: chance.choice([len(bad), chance.randrange(len(bad))])]), name)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    for _ in range(250):  # whole archives of damaged parts: what the checksums do not catch
        out, hurt = io.BytesIO(), chance.choice(sorted(parts))
        with zipfile.ZipFile(out, "w") as new:
            for part, inner in parts.items():
                if part != hurt:
                    new.writestr(part, inner)
                elif chance.random() < 0.8 and inner:
                    at, size = chance.randrange(len(inner)), chance.choice([0, 1, 4, 40])
                    filler = chance.choice([b"", b'"', b"x", b"-9", b"99999999999", b"<c/>"])
                    new.writestr(part, inner[:at] + filler + inner[at + size :])
        only_parse_errors(sheets.parse, out.getvalue(), name)


def only_parse_errors(parse, data: bytes, name: str) -> None:  # type: ignore[no-untyped-def]
    try:
        check(parse(data, name))
    except ParseError as error:
        assert name in error.en and name in error.zh and "; " in error.en and "；" in error.zh


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04", b"not a workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, workbook()],
)
def test_what_is_no_workbook_says_so(data: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        sheets.parse(data, "a.xlsx")
    assert "a.xlsx" in caught.value.en and "；" in caught.value.zh


def test_another_office_file_is_called_what_it_is() -> None:
    with pytest.raises(ParseError, match="a text document, not a spreadsheet; rename"):
        sheets.parse((FORMATS / "policy.docx").read_bytes(), "a.xlsx")


def test_a_locked_workbook_asks_for_a_copy_without_password() -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(ParseError, match="password"):
        sheets.parse(data, "a.xlsx")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a;b\n1,5;2\n2,5;3", ["a | b", "1,5 | 2", "2,5 | 3"]),
        ("name|qty\nBolt|3\nNut|4", ["name | qty", "Bolt | 3", "Nut | 4"]),
        ('x,y\n"1\n2",3\n', ["x | y", "1 2 | 3"]),
        ('x,y\n"a ""b"" c",""\n"""",2', ["x | y", 'a "b" c', '" | 2']),
        ('size,item\n19" screen,"unclosed\n5,6', ["size | item", '19" screen | "unclosed', "5 | 6"]),
        ("sep=|\na|b,c", ["a | b,c"]),
        ("a,b,c\n1,2\n\n3,4,5,6", ["a | b | c", "1 | 2", "3 | 4 | 5 | 6"]),
        ("only,one,row", ["only | one | row"]),
    ],
)
def test_separators_and_quotes(text: str, told: list[str]) -> None:
    assert [text for _, text in blocks(read(text.encode(), "a.csv"))] == told


def test_prose_called_csv_is_prose() -> None:
    text = "The mill, which is old, turned again.\nIt stopped in 2012.\n\nVisitors come, look, and go.\n"
    parsed = read(text.encode(), "a.csv")
    assert parsed.text == text and all(block.kind == "paragraph" for block in parsed.blocks)


@settings(max_examples=200, deadline=None)
@given(st.text('a,"\n;\t |甲1.', min_size=1, max_size=40))
def test_any_csv_is_read_or_refused(text: str) -> None:
    only_parse_errors(delimited.parse, text.encode(), "a.csv")


def test_rows_are_numbered_by_record() -> None:
    parsed = read('名称,数量\n"甲\n乙",1\n丙,2\n'.encode(), "a.csv")
    assert [(block.row, block.columns) for block in parsed.blocks] == [
        (1, ()), (2, ("名称", "数量")), (3, ("名称", "数量")),
    ]  # fmt: skip


def test_many_rows_are_linear() -> None:
    rows = "\n".join(f'{n},"名称 {n}",{n * 1.5},2024-01-02' for n in range(50_000))
    began = time.perf_counter()
    assert len(read(("编号,名称,金额,日期\n" + rows).encode(), "a.csv").blocks) == 50_001
    assert time.perf_counter() - began < 6


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": {"b": 1.50, "c": [1, True, None]}}, ["a › b: 1.5", "a › c: 1；true；null"]),
        ([{"k": "x", "n": 1}, {"k": "y", "n": 2}], ["k | n", "x | 1", "y | 2"]),
        ({"a": {}, "b": []}, ["a:", "b:"]),
        ("just words", ["just words"]),
        ({"n": 10**30}, [f"n: {10**30}"]),
    ],
)
def test_json_values(value: object, told: list[str]) -> None:
    assert [text for _, text in blocks(read(json.dumps(value).encode(), "a.json"))] == told


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('{"a": 1, "a": 2}', ["a: 1", "a: 2"]),
        ('{"a": NaN, "b": "\\ud800x"}', ["a: NaN", "b: \ufffdx"]),
        ('{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', ["a | b", "1 | 2", "3 | 4"]),
        ('\ufeff{"a": "甲"}', ["a: 甲"]),
    ],
)
def test_odd_json(source: str, told: list[str]) -> None:
    parsed = read(source.encode(), "a.json")
    parsed.text.encode()
    assert [text for _, text in blocks(parsed)] == told


def test_broken_lines_are_named_and_the_rest_is_read() -> None:
    parsed = read(b'{"a": 1, "b": 2}\n{"a\n\n{"a": 3, "b": 4}\nx\n', "a.jsonl")
    assert [text for _, text in blocks(parsed)] == ["a | b", "1 | 2", "3 | 4"]
    assert "lines 2, 5" in parsed.notices[0].en and "第 2, 5 行" in parsed.notices[0].zh


@pytest.mark.timeout(60)
def test_a_key_that_comes_often_keeps_every_value() -> None:
    many = 20_000
    parsed = read(("{" + ",".join(f'"k":"v{n}"' for n in range(many)) + "}").encode(), "a.json")
    assert parsed.text.split("\n") == [f"k: v{n}" for n in range(many)]


@pytest.mark.parametrize(
    "data", [b"{", b"[1,", b"{}x", b"[" * 100_000, b'{"a":' * 300 + b"1" + b"}" * 300, b"{}", b"[]", b'""', b"hello"]
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_no_json_says_so(data: bytes, name: str) -> None:
    with pytest.raises(ParseError) as caught:
        jsontext.parse(data, name)
    assert name in caught.value.en and "; " in caught.value.en and "；" in caught.value.zh


@settings(max_examples=150, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.text(max_size=9) | st.integers(), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab甲", max_size=3) | st.sampled_from(["title", "text", "author"]), inner, max_size=4), max_leaves=20))  # fmt: skip
def test_no_value_of_json_is_lost(value: object) -> None:
    def words(one: object) -> list[str]:
        if isinstance(one, dict):
            return [word for inner in one.values() for word in words(inner)]
        if isinstance(one, list):
            return [word for inner in one for word in words(inner)]
        return (
            one.split() if isinstance(one, str) and not any("\ud800" <= c <= "\udfff" or c == "\0" for c in one) else []
        )

    try:
        parsed = jsontext.parse(json.dumps(value).encode(), "a.json")
    except ParseError:
        return
    assert all(word in parsed.text for word in words(value))


def test_rows_of_markdown_know_their_columns() -> None:
    source = "Text\n\n| **名称** | `数量` | [链接](https://example.org) |\n|---|:-:|---|\n| 甲 | 1 | a \\| b |\n\n| x | y |\n"
    parsed = markdown.parse(source.encode(), "a.md")
    assert [block.columns for block in parsed.blocks if block.kind == "row"] == [(), ("名称", "数量", "链接"), ()]
    bare = markdown.parse(b"a | b\n--- | ---\n1 | 2\n3 | 4\n\nend\n", "a.md")
    assert [block.columns for block in bare.blocks] == [(), ("a", "b"), ("a", "b"), ()]


@pytest.mark.parametrize(
    ("source", "columns"),
    [
        ("<tr><th>部门<th>预算<tr><td>财务<td>1", [(), ("部门", "预算")]),
        (
            "<thead><tr><th rowspan=2>部门<th colspan=2>预算<tr><th>2023<th>2024</thead>"
            "<tr><td>财务<td>1<td>2<tr><td rowspan=2>市场<td>3<td>4<tr><td>5<td>6",
            [
                (),
                (),
                ("部门", "预算 2023", "预算 2024"),
                ("部门", "预算 2023", "预算 2024"),
                ("预算 2023", "预算 2024"),
            ],
        ),
        ("<tr><td>Name<td>Office<td>Pay<tr><td>Ann Other<td>A<td>12", [(), ("Name", "Office", "Pay")]),
        ("<tr><th>姓名<td>陶小满<tr><th>电话<td>010-0000", [(), ()]),
        ("<tr><td colspan=9999 rowspan=9999>a<td>b<tr><td>c<td>d", [(), ()]),
        ("<tr><th colspan=2>Tern<tr><th>Length<td>68 m<tr><th>Beam<td>12 m<tr><th>Draft<td>4 m", [(), (), (), ()]),
        ("<tr><th>Name<th>2023<tr><th>Oak<td>1<tr><th>Elm<td>2", [(), ("Name", "2023"), ("Name", "2023")]),
    ],
)
def test_rows_of_a_page_know_their_columns(source: str, columns: list[tuple[str, ...]]) -> None:
    parsed = html.parse(f"<p>Text.</p><table>{source}</table>".encode(), "a.html")
    assert [block.columns for block in parsed.blocks if block.kind == "row"] == columns
