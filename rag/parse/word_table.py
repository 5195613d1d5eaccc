"""Tables of Word: data as rows, and what was laid out in a table as the paragraphs that it is. The library's cells are
not used: a span that claims 10^8 columns makes as many of them, and they cost more than all else of a long table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from rag.parse.header import table_lines
from rag.parse.lay import Line
from rag.parse.office import attribute, child, is_on, number

MOST_COLUMNS = 63  # Word's own limit
LONG = 300  # characters from which a cell is text rather than data


def table_of(table: Any, read: Callable[[Any], list[Line]]) -> list[Line]:
    """The lines of a table; `read` gives those of a cell, each cell read once and in order."""
    rows = [_row(row, read) for row in table.tr_lst]
    cells = [cell for row in rows for cell in row.cells]
    nested = any(line.kind == "row" for cell in cells for line in cell.lines)
    filled = [cell for cell in cells if cell.text]
    long = sum(len(cell.text) > LONG for cell in filled)
    if nested or 4 * long > len(filled) or all(len([c for c in row.cells if c.text]) <= 1 for row in rows):
        return [line for cell in cells for line in cell.lines if line.text.strip()]
    return grid_lines([row.cells for row in rows], len([*takewhile(lambda row: row.heads, rows)]))


def grid_lines(rows: Sequence[Sequence[Cell]], marked: int = 0, page: int | None = None) -> list[Line]:
    """A table of data as rows: a cell that spans rows is repeated on each, as it is seen beside each."""
    grid: list[list[str]] = []
    wide = max((sum(cell.across for cell in row) for row in rows), default=0)
    whole: set[str] = set()  # rows that are one cell from side to side: they stand in no column
    above: dict[int, str] = {}
    for row in rows:
        told: list[str] = []
        for cell in row:
            at = len(told)
            text = above.get(at, "") if cell.goes_on else cell.text
            above[at] = text
            told += [text, *[""] * (cell.across - 1)]
        if len(row) == 1 and row[0].across == wide > 1:
            whole.add(row[0].text)
        grid.append(told)
    captions = 0
    while captions < marked and sum(map(bool, grid[captions])) <= 1:
        captions += 1
    lines = [Line("paragraph", text, page=page) for row in grid[:captions] for text in row if text]
    body = grid[captions:]
    marked -= captions
    lines += table_lines(body, page=page, marked=marked if 0 < marked < len(body) else None)
    return [replace(line, columns=()) if line.columns and line.text in whole else line for line in lines]


def _row(row: Any, read: Callable[[Any], list[Line]]) -> _Row:
    props = child(row, "trPr")
    skipped = min(max(number(attribute(child(props, "gridBefore"), "val")), 0), MOST_COLUMNS)
    cells = [Cell("", 1) for _ in range(skipped)]
    for cell in row.tc_lst:
        told = child(cell, "tcPr")
        across = min(max(number(attribute(child(told, "gridSpan"), "val"), 1), 1), MOST_COLUMNS)
        upright, level = child(told, "vMerge"), child(told, "hMerge")
        lines = read(cell)
        text = " ".join(" ".join(line.text.split()) for line in lines)
        goes_on = upright is not None and attribute(upright, "val", "continue") == "continue" and not text
        if level is not None and attribute(level, "val", "continue") == "continue" and not text and cells:
            cells[-1] = replace(cells[-1], across=cells[-1].across + 1)
            continue
        cells.append(Cell(text, across, goes_on, tuple(lines)))
    return _Row(tuple(cells), is_on(child(props, "tblHeader")))


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    across: int = 1  # columns that it spans
    goes_on: bool = False  # the cell above reaches down to here
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    cells: tuple[Cell, ...]
    heads: bool
