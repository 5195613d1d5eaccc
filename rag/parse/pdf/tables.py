"""Simple tables: rows whose cells stand under one another with wide gaps between. A false table is worse than none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.parse.header import header_rows
from rag.parse.header_words import YEAR, is_figure
from rag.parse.pdf.cells import celled
from rag.parse.pdf.lines import Fragment, Row, joined
from rag.text.wrap import LIST_MARK, width

_LEAST_ROWS = 3
_MOST_LOOKS = 50_000  # rows looked at in vain on one page: thousands of rows that nearly are a table would take minutes
_TALL = 6  # lines of a cell, above the middle of which its neighbours are looked for
_WIDE_CELL = 70  # columns; where the usual cell is longer, these are lines of text
_NUMBER = re.compile(r"[-+−±$¥€£]?\s*\d[\d,.:/\s]*\s*[%‰]?")
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(?:1[89]|20)\d\d")
_NAME = re.compile(r"[A-Z\u4e00-\u9fff][^<>={}|,.;:，。；：]*")
_LONGEST_NAME = 40  # columns
_PAGE = re.compile(r"\d{1,4}|[ivxlc]{1,6}", re.IGNORECASE)

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of each row, "" where one is empty; `headed` where the first row names the columns."""

    rows: tuple[tuple[str, ...], ...]
    headed: bool


def parts_of(rows: Sequence[Row]) -> list[Table | tuple[Row, ...]]:
    """The rows from the top down, those of a table as a table, stretches of others as they are."""
    parts: list[Table | tuple[Row, ...]] = []
    loose: list[Row] = []
    index, looks = 0, 0
    while index < len(rows):
        tried = len(rows[index]) >= 2 and looks < _MOST_LOOKS
        end, table = _from(rows, index) if tried else (index, None)
        if table is None:
            looks += end - index
            loose.append(rows[index])
            index += 1
            continue
        if loose and (whole := _with_header(loose[-1], table, rows[index:end])):
            table = whole
            loose.pop()
        if loose:
            parts.append(tuple(loose))
            loose = []
        parts.append(table)
        index = end
    return [*parts, tuple(loose)] if loose else parts


def _from(rows: Sequence[Row], index: int) -> tuple[int, Table | None]:
    """Where a table ends that begins with a row, and the table; without one, how far was looked for it."""
    furthest = _reach(rows, index, loose=True)
    far = celled(rows[index:furthest])
    if far and len(far[1]) >= _LEAST_ROWS and (whole := _table(far[1])):
        return index + far[0], whole
    end = _reach(rows, index)
    table = _table(rows[index:end]) if end - index >= _LEAST_ROWS else None
    return (end, table) if table else (max(end, furthest), None)


def _with_header(above: Row, table: Table, rows: Sequence[Row]) -> Table | None:
    """The table with a header whose names stand in the middle of wide columns, and so over none of the cells."""
    columns = _columns(rows)
    if table.headed or len(above) != len(columns) or len(above) != len(table.rows[0]):
        return None
    if rows[0][0].base - above[0].base > 4 * above[0].em:
        return None
    for index, name in enumerate(above):
        left = columns[index - 1][1] if index else columns[0][0] - name.em
        right = columns[index + 1][0] if index + 1 < len(columns) else float("inf")
        if not left <= name.left <= name.right <= right:
            return None
    texts = [tuple(name.text for name in above), *table.rows]
    return Table(tuple(texts), True) if _headed(texts) else None


def _reach(rows: Sequence[Row], start: int, loose: bool = False) -> int:
    """Where the rows from `start` on stop fitting into one set of columns; `loose`: lines that stand alone in a column may
    come in any order."""
    columns = [(f.left, f.right) for f in rows[start]]
    most, last_order = len(rows[start]), max(f.order for f in rows[start])
    end = start + 1
    while end < len(rows):
        row, before = rows[end], rows[end - 1]
        gap = row[0].base - before[0].base
        if gap > 4 * max(f.em for f in before) or abs(row[0].size - before[0].size) > 0.3 * before[0].em:
            break
        if len(row) == 1 and not loose:
            wrapped = row[0].order < last_order or (row[0].left > columns[0][1] and _under(row[0], before))
            wrapped = wrapped or _begun_below([[f.order for f in r] for r in rows[end : end + _TALL]])
            if not wrapped or sum(_over((row[0].left, row[0].right), c) for c in columns) != 1:
                break
        grown = _grown(columns, row)
        most = max(most, len(row))
        if grown is None or len(grown) < 2 or len(grown) > most + 1:
            break
        columns = grown
        last_order = max(last_order, max(f.order for f in row))
        end += 1
    return end


def _under(cell: Fragment, row: Row) -> bool:
    """Whether it goes on with a cell of the row above: close under it, from the same edge or about the same middle."""
    if cell.base - row[0].base > 2 * cell.em:
        return False
    return any(
        abs(cell.left - above.left) < 0.5 * cell.em
        or abs(cell.left + cell.right - above.left - above.right) < 0.6 * cell.em
        for above in row[1:] or row
    )


def _grown(columns: Sequence[Interval], row: Row) -> list[Interval] | None:
    """The columns once the row's cells are in them; None where two cells fall into one column or one into two."""
    found = list(columns)
    taken: set[int] = set()
    fresh: list[Interval] = []
    for cell in row:
        touched = [i for i, column in enumerate(found) if _over((cell.left, cell.right), column)]
        if len(touched) > 1 or (touched and touched[0] in taken):
            return None
        if touched:
            at = touched[0]
            taken.add(at)
            found[at] = (min(found[at][0], cell.left), max(found[at][1], cell.right))
        else:
            fresh.append((cell.left, cell.right))
    found = sorted([*found, *fresh])
    return None if any(_over(a, b) for a, b in pairwise(found)) else found


def _over(one: Interval, two: Interval) -> bool:
    return one[0] < two[1] and two[0] < one[1]


def _table(rows: Sequence[Row]) -> Table | None:
    columns: list[Interval] = []
    for row in rows:
        grown = _grown(columns, row)
        if grown is None:
            return None
        columns = grown
    columns = _columns(rows)
    cells = [[_at(row, column) for column in columns] for row in rows]
    if len(columns) < 2 or sum(_aligned([line[i] for line in cells]) for i in range(len(columns))) < 2:
        return None
    texts = _unwrapped(cells)
    filled = [[cell for cell in line if cell] for line in texts]
    if len(texts) < _LEAST_ROWS or sum(len(line) >= 2 for line in filled) < 0.7 * len(texts):
        return None
    first = [line[0] for line in texts if line[0]]
    if first and sum(bool(LIST_MARK.fullmatch(cell + " ")) for cell in first) > 0.5 * len(first):
        return None  # a list whose marks stand far out
    if len(columns) == 2 and all(_PAGE.fullmatch(line[1]) for line in texts if line[1]) and _rising(texts):
        return None  # a table of contents
    widths = sorted(width(cell) for line in filled for cell in line)
    if widths[len(widths) // 2] > _WIDE_CELL:
        return None
    return Table(tuple(tuple(line) for line in texts), _headed(texts))


def _columns(rows: Sequence[Row]) -> list[Interval]:
    spans = sorted((cell.left, cell.right) for row in rows for cell in row)
    found: list[Interval] = []
    for left, right in spans:
        if found and left < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], right))
        else:
            found.append((left, right))
    return found


def _at(row: Row, column: Interval) -> Fragment | None:
    return next((cell for cell in row if _over((cell.left, cell.right), column)), None)


def _aligned(column: Sequence[Fragment | None]) -> bool:
    """Whether the cells share a left edge, a right edge or a middle."""
    cells = [cell for cell in column if cell]
    if len(cells) < 2:
        return False
    near = 0.8 * cells[0].em
    for edge in (
        [cell.left for cell in cells],
        [cell.right for cell in cells],
        [(cell.left + cell.right) / 2 for cell in cells],
    ):
        middle = sorted(edge)[len(edge) // 2]
        if sum(abs(place - middle) <= near for place in edge) >= 0.7 * len(edge):
            return True
    return False


def _unwrapped(cells: Sequence[Sequence[Fragment | None]]) -> list[list[str]]:
    """The rows with a cell's second line put after its first: the file writes it before the next cell, or nothing
    stands beside it."""
    rows: list[list[list[str]]] = []
    last = -1
    orders = [[cell.order for cell in line if cell] for line in cells]
    for index, line in enumerate(cells):
        here = orders[index]
        alone = len(here) == 1 and line[0] is None and not _begun_below(orders[index : index + _TALL])
        goes_on = bool(rows) and (min(here) < last or alone)
        if not goes_on:
            rows.append([[] for _ in line])
        for slot, cell in zip(rows[-1], line, strict=True):
            if cell:
                slot.append(cell.text)
        last = max(last, *here)
    return [[joined(slot) for slot in row] for row in rows]


def _begun_below(orders: Sequence[Sequence[int]]) -> bool:
    """Whether the file began a lower row before this one: a cell of many lines, its neighbours in the middle of its height."""
    return any(min(lower) < min(orders[0]) for lower in orders[1:])


def _rising(texts: Sequence[Sequence[str]]) -> bool:
    numbers = [int(line[1]) for line in texts if line[1].isdigit()]
    return numbers == sorted(numbers)


def _headed(texts: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: short names, none a number but a year, one for each column but perhaps the
    first; and over numbers, or written as names are."""
    names = [name for name in texts[0] if name]
    years = _years(texts)
    if not all(texts[0][1:]) or any(width(name) > _LONGEST_NAME for name in names):
        return False
    if any(_NUMBER.fullmatch(name) for name in names if name not in years):
        return False
    if years:
        return True
    if len(texts[0]) == 2:
        return header_rows(texts) == 1  # it may as well be a form
    for index, name in enumerate(texts[0]):
        below = [line[index] for line in texts[1:] if line[index]]
        if not _DIGIT.search(name) and below and 2 * sum(bool(_NUMBER.fullmatch(cell)) for cell in below) > len(below):
            return True
    return all(_NAME.fullmatch(name) for name in names)


def _years(texts: Sequence[Sequence[str]]) -> list[str]:
    """The years in the first row that name columns of amounts: two or more in even steps, or one beside other names."""
    found: list[str] = []
    for index, name in enumerate(texts[0]):
        below = [line[index] for line in texts[1:] if line[index]]
        figures = sum(is_figure(cell) for cell in below)
        if index and YEAR.fullmatch(name) and _YEAR.match(name):
            if 2 * figures <= len(below) or 2 * sum(bool(YEAR.fullmatch(cell)) for cell in below) > len(below):
                return []
            found.append(name)
    told = [int(match[0]) for name in found for match in [_YEAR.match(name)] if match]
    steps = {after - before for before, after in pairwise(told)}
    if len(found) == 1:
        names = [name for name in texts[0] if name and name not in found]
        return found if len(names) >= 2 and all(_NAME.fullmatch(n) and not _DIGIT.search(n) for n in names) else []
    return found if len(steps) == 1 and 0 < abs(min(steps)) <= 10 else []
