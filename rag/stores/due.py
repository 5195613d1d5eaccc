"""What a store is to do with its parts when it is flushed: settle, cluster, count its lists again, or just write."""

from __future__ import annotations

from typing import Literal

from rag.stores.ivf import ClusteredPart
from rag.stores.state import State

Due = Literal["settle", "cluster", "exact", "calibrate", "write", ""]

LARGEST_EXACT = 200_000
"""Vectors up to which all are compared: 39 KB of memory a hundred, and 4 ms a hundred thousand (of 384 numbers)."""

SETTLED = 8_000
"""Vectors from which on most lie in a file that stays: beneath it, one flush writes 9 MB at most."""

_RETRAINED = 4.0  # times as many vectors (or as few) as when the centroids were drawn: they are drawn again
_CALIBRATED = 1.5  # … as when the lists to scan were counted: they are counted again


def due(state: State, changed: bool, asked_since: bool) -> Due:
    """`changed`: since it was last written; `asked_since`: recall was measured on made-up questions, and enough real ones came.

    What is new is written whole with every flush, so there is little of it: a tenth of a settled part, a fiftieth of a
    clustered one, which takes longer to make. Of either, up to a fifth may be gone."""
    base, new, gone = state.base, state.exact.count, int(state.gone.sum())
    if state.count > LARGEST_EXACT and not isinstance(base, ClusteredPart):
        return "cluster"
    if base is None:
        return "settle" if new > SETTLED else "write" if changed else ""
    if isinstance(base, ClusteredPart):
        if state.count < LARGEST_EXACT // 2:
            return "settle" if state.count > SETTLED else "exact"
        if new > max(LARGEST_EXACT // 20, base.count // 50) or gone > base.count // 5:
            return "cluster"
        if asked_since:
            return "calibrate"
    elif state.count < SETTLED // 2:
        return "exact"
    elif new > max(SETTLED // 4, base.count // 10) or gone > base.count // 5:
        return "settle"
    return "write" if changed else ""


def drawn_again(count: int, base: object) -> bool:
    """Whether centroids are to be drawn for so many vectors, instead of taking those of a part."""
    return not isinstance(base, ClusteredPart) or _apart(count, base.trained_on) >= _RETRAINED


def counted_again(count: int, before: int) -> bool:
    """Whether the lists to scan are to be counted again."""
    return _apart(count, before) >= _CALIBRATED


def _apart(count: int, other: int) -> float:
    """How many times as large one is as the other."""
    return max(count, other) / max(1, min(count, other))
