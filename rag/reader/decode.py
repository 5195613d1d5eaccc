"""From start and end logits to spans of characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

LONGEST = 60  # tokens of a span
MOST = 5  # spans kept of a window
WEIGHED = 400  # best pairs looked at for spans that do not overlap


def likely_spans(starts: NDArray[Any], ends: NDArray[Any], longest: int, most: int) -> NDArray[Any]:
    """Rows (first token, last token, score), float64, likeliest first; at most `most`. Score is the sum of the two
    logits. Arrays are float, shape (tokens,)."""
    count = len(starts)
    width = min(longest, count)
    if width == 0:
        return np.empty((0, 3))
    beyond = np.full(width - 1, -np.inf, dtype=ends.dtype)
    table = starts[:, None] + sliding_window_view(np.concatenate([ends, beyond]), width)
    flat = table.astype(np.float64).ravel()
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
    return apart(likely_spans(starts, ends, longest, WEIGHED), most)


def apart(spans: NDArray[Any], most: int = MOST) -> list[tuple[int, int, float]]:
    """At most `most` of some spans (rows as from `likely_spans`) that share no token with a likelier one."""
    found: list[tuple[int, int, float]] = []
    left = spans
    while len(left) and len(found) < most:
        first, last, score = left[0].tolist()
        found.append((int(first), int(last), score))
        left = left[(left[:, 1] < first) | (last < left[:, 0])]
    return found


def characters(text: str, offsets: Sequence[tuple[int, int]] | NDArray[Any], first: int, last: int) -> tuple[int, int]:
    """Characters of the tokens first..last of a text, without blanks at the ends. `offsets` may start before the text
    (a token that reaches into what stands before it)."""
    start, end = max(0, int(offsets[first][0])), min(len(text), int(offsets[last][1]))
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end
