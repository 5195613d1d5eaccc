"""From start and end logits to spans of characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST = 60  # tokens of a span
MOST = 5  # spans kept of a window
_WEIGHED = 400  # best pairs looked at for spans that do not overlap


def likely_spans(starts: NDArray[Any], ends: NDArray[Any], longest: int, most: int) -> NDArray[Any]:
    """Rows (first token, last token, score), float64, likeliest first; at most `most`. Score is the sum of the two
    logits. Arrays are float, shape (tokens,)."""
    count = len(starts)
    width = min(longest, count)
    if width == 0:
        return np.empty((0, 3))
    table = np.full((count, width), -np.inf)
    for offset in range(width):
        table[: count - offset, offset] = starts[: count - offset] + ends[offset:]
    flat = table.ravel()
    size = min(most, flat.size)
    order = np.argpartition(-flat, size - 1)[:size]
    order = order[np.lexsort((order, -flat[order]))]
    order = order[np.isfinite(flat[order])]
    first = order // width
    return np.column_stack([first, first + order % width, flat[order]]).astype(np.float64)


def best_spans(
    starts: NDArray[Any], ends: NDArray[Any], most: int = MOST, longest: int = LONGEST
) -> list[tuple[int, int, float]]:
    """At most `most` (first token, last token, score) that share no token, best first, as from `likely_spans`."""
    found: list[tuple[int, int, float]] = []
    for first, last, score in likely_spans(starts, ends, longest, _WEIGHED).tolist():
        if all(last < a or b < first for a, b, _ in found):
            found.append((int(first), int(last), score))
            if len(found) == most:
                break
    return found


def characters(text: str, offsets: Sequence[tuple[int, int]], first: int, last: int) -> tuple[int, int]:
    """Characters of the tokens first..last of a text, without blanks at the ends. `offsets` may start before the text
    (a token that reaches into what stands before it)."""
    start, end = max(0, offsets[first][0]), min(len(text), offsets[last][1])
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end
