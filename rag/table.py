"""Rows of tables as lines of text: where their cells stand, and what the table's header says of each.

A row is one line, `甲 | 乙 | 丙`, or `| 甲 | 乙 | 丙 |` as Markdown writes it; a first bar stands before an empty cell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_BAR = re.compile(r"(?<!\\)\|")


def cell_spans(row: str) -> list[tuple[int, int]]:
    """(start, end) of each cell in the line, trimmed; an empty cell is an empty span, a line without a bar one cell."""
    start, end = len(row) - len(row.lstrip()), len(row.rstrip())
    bars = [match.start() for match in _BAR.finditer(row, start, end)]
    if bars and bars[0] == start:
        start = bars.pop(0) + 1
        if bars and bars[-1] == end - 1:
            end = bars.pop()
    found: list[tuple[int, int]] = []
    for left, right in zip([start, *(bar + 1 for bar in bars)], [*bars, end], strict=True):
        piece = row[left:right]
        left += len(piece) - len(piece.lstrip())
        found.append((left, left + len(piece.strip())))
    return found


def labelled(row: str, columns: Sequence[str]) -> str:
    """Each cell of a row after its column's name, "列名: 值；…"; "" where there are no names, or more cells than names."""
    held = cell_spans(row) if columns else []
    if not held or len(held) > len(columns):
        return ""
    told = [(name, row[start:end]) for name, (start, end) in zip(columns, held, strict=False)]
    return "；".join(f"{name}: {value}" if name else value for name, value in told if value)


def value_spans(row: str, columns: Sequence[str]) -> list[tuple[int, int, int]]:
    """(start in `labelled`, end, start in the row) of each value that `labelled` holds, in order."""
    held = cell_spans(row)
    found: list[tuple[int, int, int]] = []
    at = 0
    for name, (start, end) in zip(columns, held, strict=False):
        if start == end:
            continue
        at += (len("；") if found else 0) + (len(name) + len(": ") if name else 0)
        found.append((at, at + end - start, start))
        at += end - start
    return found


def in_row(start: int, end: int, values: Sequence[tuple[int, int, int]]) -> tuple[int, int] | None:
    """Where a stretch of `labelled` stands in the row: its part in the cell that holds most of it; None where it lies in
    names alone."""
    best = max(((min(end, b) - max(start, a), a, b, row) for a, b, row in values), default=(0, 0, 0, 0))
    shared, a, b, row = best
    return (row + max(start, a) - a, row + min(end, b) - a) if shared > 0 else None


def row_text(cells: Sequence[str]) -> str:
    """The line of a row: white space inside a cell made one space, empty cells at the end dropped."""
    clean = [" ".join(cell.split()) for cell in cells]
    while clean and not clean[-1]:
        clean.pop()
    return ("" if not clean or clean[0] else "| ") + " | ".join(clean)
