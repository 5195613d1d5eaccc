"""Reading order: which rows of a page are cut by a gutter, and in what order the parts are read.

The file's own order tells columns from tables: the writer of a column goes down before it goes right, the writer of a
table goes right first. Where a program wrote row by row across columns, full lines on both sides give them away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import median

from rag.parse.pdf.lines import Fragment, Row

_DEEPEST = 3  # of columns within columns
_LEAST = 3  # rows on both sides of a gutter
_SHORT = 6  # lines of a column; where most are shorter, they are cells
_NEAR = 3  # rows among which the next line of a column is


@dataclass(frozen=True, slots=True)
class Region:
    """Rows that are read one after the other, and the margins that they were set between."""

    rows: tuple[Row, ...]
    left: float
    right: float


def regions(rows: Sequence[Row], depth: int = 0) -> list[Region]:
    """The page's parts in reading order; together they hold every fragment once."""
    if not rows:
        return []
    left = min(row[0].left for row in rows)
    right = max(max(fragment.right for fragment in row) for row in rows)
    gutter = _gutter(rows) if depth < _DEEPEST else None
    if gutter is None:
        return [Region(tuple(rows), left, right)]
    found: list[Region] = []
    for cut, band in _bands(rows, gutter):
        if not cut:
            found.append(Region(tuple(band), left, right))
            continue
        for side in (True, False):
            part = [tuple(f for f in row if (_middle(f) < gutter) is side) for row in band]
            found.extend(regions([row for row in part if row], depth + 1))
    return found


def _middle(fragment: Fragment) -> float:
    return (fragment.left + fragment.right) / 2


def _gutter(rows: Sequence[Row]) -> float | None:
    """Where most of the rows that are set in columns leave a gap, None where no rows are."""
    gaps: list[tuple[float, float]] = []
    plain: list[tuple[float, float]] = []
    for index, row in enumerate(rows):
        for one, two in pairwise(row):
            plain.append((one.right, two.left))
            if _down_first(rows, index, one, two):
                gaps.append((one.right, two.left))
    sure = _densest(gaps)
    if sure and _both_sides(rows, sure) >= _LEAST:
        return None if _by_cells(rows, sure) else sure
    full = _densest(plain)
    return full if full and _is_prose(rows, full) else None


def _by_cells(rows: Sequence[Row], gutter: float) -> bool:
    """Whether the file comes back to the left side every few lines: these are the cells of a table."""
    told = sorted((f for row in rows for f in row), key=lambda f: f.order)
    runs = [0]  # lines on the left, each time that the file is there
    side = 0  # of the last fragment: left -1, right 1, across 0
    returns = 0
    for fragment in told:
        across = fragment.left < gutter - 1 and fragment.right > gutter + 1
        here = 0 if across else -1 if _middle(fragment) < gutter else 1
        returns += here < 0 < side
        if here < 0:
            runs[-1:] = [runs[-1] + 1] if side < 0 else [runs[-1], 1]
        side = here
    return returns >= 2 and 2 * sum(run for run in runs if run >= _SHORT) < sum(runs)


def _densest(gaps: Sequence[tuple[float, float]]) -> float | None:
    """The middle of the strip that lies in the most gaps."""
    if len(gaps) < _LEAST:
        return None
    events = sorted([(left, 1) for left, _ in gaps] + [(right, -1) for _, right in gaps])
    best, at, count = 0, 0.0, 0
    for (place, step), (following, _) in pairwise(events):
        count += step
        if count > best and following > place:
            best, at = count, (place + following) / 2
    return at if best >= _LEAST else None


def _down_first(rows: Sequence[Row], index: int, one: Fragment, two: Fragment) -> bool:
    """Whether the file goes on below the left fragment before it comes to the right one. The next line of a column may be
    a row or two away: under a heading, lines of the other column stand between."""
    below = _next_over(rows[index + 1 : index + 1 + _NEAR], one)
    above = _next_over(rows[max(0, index - _NEAR) : index][::-1], two)
    return any(one.order < f.order < two.order for f in (*below, *above))


def _next_over(rows: Sequence[Row], fragment: Fragment) -> list[Fragment]:
    """What stands over or under the fragment in the first of the rows that has anything there."""
    return next((found for row in rows if (found := [f for f in row if _over(f, fragment)])), [])


def _over(one: Fragment, two: Fragment) -> bool:
    return one.left < two.right and two.left < one.right


def _both_sides(rows: Sequence[Row], gutter: float) -> int:
    """Rows with text on both sides of the gutter that are written downwards, counted; 0 where most go across."""
    cut = [i for i, row in enumerate(rows) if not _crosses(row, gutter) and row[0].left < gutter < row[-1].right]
    down = sum(
        any(
            _down_first(rows, i, one, two)
            for one, two in zip(rows[i], rows[i][1:], strict=False)
            if one.right <= gutter <= two.left
        )
        for i in cut
    )
    return down


def _is_prose(rows: Sequence[Row], gutter: float) -> bool:
    """Whether full lines of running text stand on both sides, in enough rows to be sure."""
    cut = [row for row in rows if not _crosses(row, gutter) and row[0].left < gutter < row[-1].right]
    if len(cut) < 6:
        return False
    for side in (True, False):
        lines = [[f for f in row if (_middle(f) < gutter) is side] for row in cut]
        if any(len(line) != 1 for line in lines):
            return False
        widths = [line[0].right - line[0].left for line in lines]
        widest = max(widths)
        full = sum(w >= 0.85 * widest for w in widths)
        if full < 0.7 * len(widths) or median(w / line[0].em for w, line in zip(widths, lines, strict=True)) < 10:
            return False
    return True


def _crosses(row: Row, gutter: float) -> bool:
    return any(f.left < gutter - 1 and f.right > gutter + 1 for f in row)


def _bands(rows: Sequence[Row], gutter: float) -> list[tuple[bool, list[Row]]]:
    """The rows from the top down in stretches that are cut by the gutter (True) or stand across it."""
    prose = _is_prose(rows, gutter)
    flags: list[bool | None] = []
    for index, row in enumerate(rows):
        if _crosses(row, gutter):
            flags.append(False)
        elif row[0].left < gutter < row[-1].right:
            pairs = [(a, b) for a, b in pairwise(row) if a.right <= gutter <= b.left]
            flags.append(prose or any(_down_first(rows, index, a, b) for a, b in pairs))
        else:
            flags.append(None)  # on one side only: goes with its neighbours
    for index, flag in enumerate(flags):
        if flag is None:
            after = islice((f for f in flags[index:] if f is not None), 2)
            near = [bool(f) for f in (*flags[max(0, index - 1) : index], *after)]
            flags[index] = near[0] if near else False
            if len(near) > 1 and near[0] is False and near[1] and _close(rows, index):
                flags[index] = True
    bands: list[tuple[bool, list[Row]]] = []
    for row, flag in zip(rows, flags, strict=True):
        if bands and bands[-1][0] == bool(flag):
            bands[-1][1].append(row)
        else:
            bands.append((bool(flag), [row]))
    return bands


def _close(rows: Sequence[Row], index: int) -> bool:
    """Whether a row stands nearer to the one below than to the one above."""
    if not index or index + 1 >= len(rows):
        return True
    return rows[index + 1][0].base - rows[index][0].base < 0.8 * (rows[index][0].base - rows[index - 1][0].base)
