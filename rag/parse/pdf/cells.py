"""Tables whose cells have several lines each: the file's own order tells the cells, wherever they stand in their row.

Programs write a table cell by cell, row by row. Lines that follow one another in the file and stand under one another are
one cell; where the file comes back to the left, the next row begins. Only what then also stands row under row is a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from rag.parse.pdf.lines import Fragment, Row, joined

_TIGHT = 1.45  # distance of two lines of one cell, in ems
_MOST_ROWS = 2000  # lines of a page that are looked at


def celled(rows: Sequence[Row]) -> tuple[int, list[Row]] | None:
    """How many of the rows are a table with cells of several lines, and its rows with each cell whole; None where these
    are no such table."""
    told = sorted((f for row in rows[:_MOST_ROWS] for f in row), key=lambda f: f.order)
    lines: list[list[list[Fragment]]] = []  # rows, cells, lines of a cell
    for fragment in told:
        if not lines:
            lines.append([[fragment]])
            continue
        last = lines[-1][-1][-1]
        if _under(last, fragment):
            lines[-1][-1].append(fragment)
        elif fragment.left >= max(f.right for f in lines[-1][-1]):
            lines[-1].append([fragment])
        else:
            lines.append([[fragment]])
    while lines and len(lines[-1]) == 1:
        lines.pop()  # a line of text under the table
    if not any(len(cell) > 1 for row in lines for cell in row) or not _stands(lines):
        return None
    bottom = max(f.base for row in lines for cell in row for f in cell)
    held = sum(len(cell) for row in lines for cell in row)
    count = sum(1 for row in rows if row[0].base <= bottom)
    if sum(map(len, rows[:count])) != held:
        return None
    return count, [tuple(_whole(cell) for cell in row) for row in lines]


def _under(one: Fragment, two: Fragment) -> bool:
    """Whether the second line goes on in the cell of the first."""
    return 0 < two.base - one.base < _TIGHT * two.em and one.left < two.right and two.left < one.right


def _stands(lines: Sequence[Sequence[Sequence[Fragment]]]) -> bool:
    """Whether each row is wholly under the one before it."""
    ends = [[f.base for cell in row for f in cell] for row in lines]
    return all(max(above) < min(below) for above, below in pairwise(ends))


def _whole(cell: Sequence[Fragment]) -> Fragment:
    left, right = min(f.left for f in cell), max(f.right for f in cell)
    return replace(cell[0], text=joined(f.text for f in cell), left=left, right=right)
