"""Which of several overlapping spans to show: the one that is closest to all that the model holds likely.

The likeliest span is often too short or too long by a clause. The span with the highest expected F1 under the model's own
distribution (minimum Bayes risk decoding: Kumar and Byrne 2004) lies between the likely ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.reader.decode import likely_spans

CONSIDERED = 30  # likeliest spans of a window; the rest has next to no weight


def expected_f1(spans: NDArray[Any]) -> NDArray[Any]:
    """Expected F1, in tokens, of each of the spans (rows as from `likely_spans`) where the truth is one of them with a
    probability of softmax(score)."""
    if not len(spans):
        return np.empty(0)
    first, last, score = spans.T
    weight = np.exp(score - score.max())
    common = np.minimum(last[:, None], last) - np.maximum(first[:, None], first) + 1
    size = last - first + 1
    f1 = 2 * np.maximum(common, 0) / (size[:, None] + size)
    expected: NDArray[Any] = f1 @ (weight / weight.sum())
    return expected


def central_span(
    starts: NDArray[Any], ends: NDArray[Any], longest: int, rivals: Sequence[tuple[int, int]] = ()
) -> tuple[int, int, float] | None:
    """(first token, last token, score) of the span with the highest expected F1 among those that overlap the likeliest
    and none of `rivals` (other answers, which are not to be swallowed: the items of a list); None for an empty text."""
    return central(likely_spans(starts, ends, longest, CONSIDERED), rivals)


def central(spans: NDArray[Any], rivals: Sequence[tuple[int, int]] = ()) -> tuple[int, int, float] | None:
    """`central_span` of spans that are at hand: rows as from `likely_spans`, of which the first `CONSIDERED` count."""
    spans = spans[:CONSIDERED]
    if not len(spans):
        return None
    first, last, _ = spans.T
    meets = (first <= last[0]) & (first[0] <= last)
    for start, end in rivals:
        meets &= (last < start) | (end < first)
    spans = spans[meets] if meets.any() else spans[:1]
    best = spans[int(np.argmax(expected_f1(spans)))]
    return int(best[0]), int(best[1]), float(best[2])
