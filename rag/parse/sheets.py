"""Spreadsheets (XLSX, XLSM): every sheet's cells as they are shown, a line for each row of each table on it.

Only cells that are there are visited, so that a sheet which claims a million columns costs nothing. Blank rows and
columns part a sheet into its tables; a value merged over several rows stands on each of them.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zipfile
import zlib
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rag.errors import ParseError
from rag.parse.cellformat import shown
from rag.parse.header import fitted, table_lines
from rag.parse.lay import Line, lay
from rag.parse.office import Package, attribute, declared, inside, nothing_to_read, part_key
from rag.parse.office_open import main_part, parts_of, refuse_other
from rag.parse.zipped import damaged, read_part
from rag.text.pagelines import ends_like_prose
from rag.text.wrap import width
from rag.types import Notice, Parsed

MOST_ROWS = 1_048_576  # what a sheet of an office program can hold
MOST_FILLED = 2_000_000  # cells that merges may fill
_ROOM = 1_000_000  # cells of a region that need not be filled at all
_GENERIC = re.compile(r"(?:sheet|table|worksheet|工作表|表)\s*\d*", re.IGNORECASE)
_NO_TITLE = re.compile(
    r"(?:book|workbook|spreadsheet|工作簿|电子表格|新建.*|.*\.(?:xls[xm]?|csv|et))\s*\d*", re.IGNORECASE
)
_CELL = re.compile(rb"<((?:\w+:)?)c(?=[ >])([^>]*)(?<!/)>(.*?)</\1c>", re.DOTALL)
_FORMULA = re.compile(rb"<(?:\w+:)?f(?=[ />])")
_VALUE = re.compile(rb"<(?:\w+:)?v(?:\s[^>]*)?>[^<]|<(?:\w+:)?is[ >]")
_THREAD = re.compile(r"\A\[(?:Threaded comment|线程批注|線程批註)\].*?(?:Comment|注释|批注|註解)\s*[:：]\s*", re.DOTALL)

Cells = dict[int, dict[int, str]]  # row -> column -> text


@dataclass(eq=False)
class _Sheet:
    cells: Cells = field(default_factory=dict)
    merges: list[tuple[int, int, int, int]] = field(
        default_factory=list
    )  # first row, first column, last row, last column
    comments: list[tuple[int, str]] = field(default_factory=list)  # (row, text), in order
    boxes: list[str] = field(default_factory=list)  # text of shapes
    unknown: int = 0  # formulas without a stored result


def parse(data: bytes, name: str) -> Parsed:
    """The workbook's sheets in order. Raises ParseError for what is damaged, protected or holds no text."""
    package = parts_of(data, name, "workbook")
    refuse_other(name, package.xml(main_part(package, "workbook")), "workbook")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that hold no text: styles, validation, drawings
            sheets = list(_sheets(data, package))
    except ParseError:
        raise
    except (
        LookupError, ValueError, TypeError, AttributeError, RecursionError, ArithmeticError, AssertionError, SyntaxError,
        OSError, EOFError, RuntimeError, struct.error, zlib.error, zipfile.BadZipFile,
    ) as error:  # fmt: skip  # all that the library is known to raise on damaged files
        raise damaged(name, error) from error
    told = [sheet for _, sheet in sheets if sheet.cells or sheet.comments or sheet.boxes]
    if not told:
        raise nothing_to_read(name)
    lines: list[Line] = []
    for number, (title, sheet) in enumerate(sheets, 1):
        if sheet not in told:
            continue
        if len(told) > 1 or not _GENERIC.fullmatch(title.strip()):
            lines.append(Line("heading", " ".join(title.split()), 1, "sheet", number))
        lines += _with_comments(_lines(sheet, number), sheet.comments, number)
        lines += [Line("paragraph", text, page=number) for text in sheet.boxes]
    said = declared(package, [line for line in lines if line.kind != "row"])  # the days in a table are not its own
    if _NO_TITLE.fullmatch(said.get("title", "")):
        said.pop("title", None)
    if "title" in said and not any(line.text == said["title"] for line in lines):
        lines.insert(0, Line("title", said["title"], hint="title"))  # the sheets' own headings do not stand for it
    elif "title" not in said and len(told) == 1 and len(lines) > 1 and _captions(lines[0], lines[1]):
        lines[0] = replace(lines[0], kind="title", hint="caption")
    return lay(lines, said, pages=len(sheets), notices=_notices(name, sum(sheet.unknown for _, sheet in sheets)))


def _captions(first: Line, second: Line) -> bool:
    """Whether the first line of the only sheet is the title of all below."""
    short = first.kind == "paragraph" and width(first.text) <= 100 and not ends_like_prose(first.text)
    return short and first.text[-1] not in ":：" and (second.kind == "row" or second.text != first.text)


def _sheets(data: bytes, package: Package) -> Iterator[tuple[str, _Sheet]]:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    try:
        for name in book.sheetnames:
            source = book[name]
            path = getattr(source, "_worksheet_path", "")
            yield name, _sheet(book, source, path, package) if path else _Sheet()  # a sheet that is a chart
    finally:
        book.close()


def _sheet(book: Any, source: Any, path: str, package: Package) -> _Sheet:
    from openpyxl.styles.numbers import BUILTIN_FORMATS
    from openpyxl.worksheet._reader import WorkSheetParser

    sheet = _Sheet()
    raw = read_part(package.archive, package.names[part_key(path)], package.name)
    # The library's own row reader: what its read-only sheets are made of, without the blanks between.
    reader = WorkSheetParser(
        io.BytesIO(raw), source._shared_strings,
        data_only=True, epoch=book.epoch, date_formats=book._date_formats, timedelta_formats=book._timedelta_formats,
    )  # fmt: skip
    codes: dict[int, str] = {}
    for row, cells in reader.parse():
        if not 0 < row <= MOST_ROWS:
            raise damaged(package.name, (f"it has a row {row}", f"含有第 {row} 行"))
        for cell in cells:
            style = cell.get("style_id", 0) or 0
            if style not in codes:
                number = book._cell_styles[style].numFmtId if style < len(book._cell_styles) else 0
                custom = number - 164
                codes[style] = BUILTIN_FORMATS.get(number) or (
                    book._number_formats[custom] if 0 <= custom < len(book._number_formats) else "General"
                )
            text = shown(cell["value"], codes[style]).strip()
            if text and 0 < cell["column"] <= 16384:
                sheet.cells.setdefault(row, {})[cell["column"]] = text
    sheet.cells = dict(sorted(sheet.cells.items()))
    areas = getattr(reader.merged_cells, "mergeCell", None) or ()
    sheet.merges = [(area.min_row, area.min_col, area.max_row, area.max_col) for area in areas]
    if _FORMULA.search(raw):
        inner = (match.group(3) for match in _CELL.finditer(raw) if b't="str"' not in match.group(2))  # "" is a result
        sheet.unknown = sum(1 for part in inner if _FORMULA.search(part) and not _VALUE.search(part))
    _beside(sheet, package, path.lstrip("/"))
    _fill(sheet)
    return sheet


def _beside(sheet: _Sheet, package: Package, path: str) -> None:
    """Comments of cells and texts of shapes, which are parts of their own."""
    for link in package.links(path):
        root = package.xml(link.target) if link.kind in {"comments", "drawing"} else None
        if root is None:
            continue
        if link.kind == "drawing":
            for paragraph in inside(root, "p"):
                text = "".join("".join(run.itertext()) for run in inside(paragraph, "t")).strip()
                sheet.boxes += [text] if text else []
            continue
        for comment in inside(root, "comment"):
            row = re.search(r"\d{1,7}", attribute(comment, "ref"))
            text = "".join("".join(run.itertext()) for run in inside(comment, "t"))
            text = _THREAD.sub("", text).strip()
            if text:
                sheet.comments.append((int(row[0]) if row else MOST_ROWS, text))
    sheet.comments.sort(key=lambda pair: pair[0])


def _fill(sheet: _Sheet) -> None:
    """Puts a value merged over several rows on each row that holds anything else."""
    rows = list(sheet.cells)
    budget = MOST_FILLED
    for top, left, bottom, right in sheet.merges:
        text = sheet.cells.get(top, {}).get(left, "")
        between = rows[bisect_right(rows, top) : bisect_right(rows, bottom)] if text else []
        budget -= len(between)
        if budget < 0:
            return
        for row in between:
            if any(not left <= column <= right for column in sheet.cells[row]):
                sheet.cells[row].setdefault(left, text)


def _lines(sheet: _Sheet, page: int) -> list[Line]:
    lines: list[Line] = []
    above: tuple[list[int], tuple[str, ...]] = ([], ())
    for rows, columns in _regions(sheet):
        if len(rows) * len(columns) > 50 * sum(len(sheet.cells[row]) for row in rows) + _ROOM:
            grid = [list(sheet.cells[row].values()) for row in rows]  # scattered cells: no table
            mine = table_lines(grid, page=page, first_row=rows[0], marked=0)
        else:
            grid = [[sheet.cells[row].get(column, "") for column in columns] for row in rows]
            mine = table_lines(grid, page=page, first_row=rows[0])
            if len(columns) == 1 and (len(rows) <= 2 or any(width(row[0]) > 40 for row in grid)):  # notes, prose
                parts = (part.strip() for row in grid for part in row[0].split("\n"))
                mine = [Line("paragraph", part, page=page) for part in parts if part]
        names = next((line.columns for line in reversed(mine) if line.columns), ())
        if not names and len(columns) > 1 and columns == above[0]:  # a blank row within a table
            names = above[1]
            if len(mine) == len(grid):
                mine = [replace(line, columns=fitted(row, names)) for line, row in zip(mine, grid, strict=True)]
        above = (columns, names)
        lines += mine
    return lines


def _regions(sheet: _Sheet) -> Iterator[tuple[list[int], list[int]]]:
    """(rows, columns) of the stretches of cells between blank rows and blank columns, from the top, from the left."""
    joins = sorted((top, left, bottom, right) for top, left, bottom, right in sheet.merges if right > left)
    tops = [join[0] for join in joins]
    for band in _runs(list(sheet.cells)):
        used = Counter(column for row in band for column in sheet.cells[row])
        bridges = joins[bisect_left(tops, band[0]) : bisect_right(tops, band[-1])]
        groups: list[list[int]] = []
        reach = 0  # the last column that a merged cell ties to what stands before it
        spans = sorted((left, right) for _, left, _, right in bridges)
        at = 0
        for column in sorted(used):
            if groups and (column - groups[-1][-1] == 1 or column <= reach + 1):
                groups[-1].append(column)
            else:
                groups.append([column])
            while at < len(spans) and spans[at][0] <= column:
                reach = max(reach, spans[at][1])
                at += 1
        for columns in _joined(groups, used):
            inner = set(columns)
            for rows in _runs([row for row in band if not sheet.cells[row].keys().isdisjoint(inner)]):
                yield rows, [column for column in columns if any(column in sheet.cells[row] for row in rows)]


def _joined(groups: Sequence[list[int]], used: Counter[int]) -> list[list[int]]:
    """A single column beside a gap belongs to the table there, unless it is a note of one cell."""
    found: list[list[int]] = []
    for group in groups:
        lone = len(group) == 1 or (found and len(found[-1]) == 1)
        if found and lone and min(max(used[c] for c in group), max(used[c] for c in found[-1])) > 1:
            found[-1] = [*found[-1], *group]
        else:
            found.append(group)
    return found


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _with_comments(lines: Sequence[Line], comments: Sequence[tuple[int, str]], page: int) -> Iterator[Line]:
    """Each comment after the row that it is about."""
    left = deque((row, Line("paragraph", text, hint="comment", page=page)) for row, text in comments)
    for line in lines:
        while left and line.row is not None and left[0][0] < line.row:
            yield left.popleft()[1]
        yield line
        while left and left[0][0] == line.row:
            yield left.popleft()[1]
    yield from (line for _, line in left)


def _notices(name: str, unknown: int) -> list[Notice]:
    if not unknown:
        return []
    return [
        Notice(
            f"{name}: {unknown} formulas have no stored result, so their cells are blank here; open it in a spreadsheet "
            "program and save it",
            f"{name} 中有 {unknown} 个公式没有保存计算结果，对应单元格为空；请用电子表格程序打开并保存",
        )
    ]
