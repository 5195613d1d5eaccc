"""Long texts: cut into windows that fit the model, embedded one by one, averaged. Nothing is dropped."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence

import numpy as np

from rag.protocols import Vectors

Count = Callable[[Sequence[str]], list[int]]
"""Tokens of each text, prompt and special tokens included."""

_BREAKS = (re.compile(r"\n+|[。！？!?…]+[”’」』）)\"']*|\.\s"), re.compile(r"[，,；;、：:]|\s"))

_BATCH_COST = 64  # tokens that a batch costs beyond its own: every weight is read once more

_ROOM = 1.2  # windows are planned this much shorter than they may be, for both ends move to where it reads best


def split_to_fit(text: str, limit: int, count: Count) -> list[tuple[str, int]]:
    """The text in order as (window, its tokens), each of at most `limit` tokens; `"".join` of them is the text.

    Windows are of about equal length, cut at the end of a sentence near the even cut, else at a comma or space, else
    between two characters. A single character that does not fit is a window of its own.
    """
    if len(text) > 8 * limit:  # too long to be worth counting whole
        parts = pieces(text, -(-len(text) // (4 * limit)))
    else:
        (tokens,) = count([text])
        if tokens <= limit or len(text) <= 1:
            return [(text, tokens)]
        parts = pieces(text, max(2, math.ceil(_ROOM * tokens / limit)))
    return [window for part in parts for window in split_to_fit(part, limit, count)]


def pieces(text: str, n: int) -> list[str]:
    """The text in at most `n` non-empty pieces of about equal length, cut where it reads best."""
    size = len(text) / n
    cuts = [0]
    for i in range(1, n):
        cut = _cut(text, round(i * size), max(1, int(size / 10)))
        cuts.append(min(max(cuts[-1] + 1, cut), len(text) - 1))  # never an empty piece nor the whole text
    cuts.append(len(text))
    return [text[a:b] for a, b in itertools.pairwise(cuts) if a < b]


def _cut(text: str, near: int, reach: int) -> int:
    low, high = max(0, near - reach), min(len(text), near + reach)
    for pattern in _BREAKS:
        ends = [match.end() for match in pattern.finditer(text, max(0, low - 1), high) if match.end() >= low]
        if ends:
            return min(ends, key=lambda end: (abs(end - near), end))
    return near


def average(vectors: Vectors, owners: Sequence[int], weights: Sequence[int], rows: int) -> Vectors:
    """Rows of unit length, shape (rows, dim): of each owner the mean of its vectors by weight (tokens)."""
    summed = np.zeros((rows, vectors.shape[1]), dtype=np.float64)
    np.add.at(summed, np.asarray(owners, dtype=np.intp), vectors * np.asarray(weights, dtype=np.float64)[:, None])
    norms = np.linalg.norm(summed, axis=1, keepdims=True)
    unit: Vectors = (summed / np.maximum(norms, 1e-12)).astype(np.float32)
    return unit


def batches(
    tokens: Sequence[int], budget: int, most: int, filled: Callable[[int], int] = lambda rows: rows
) -> list[list[int]]:
    """Indices in batches of like length, longest first: `longest × size <= budget` and `size <= most` in each (a text
    longer than the budget is alone).

    Of all ways to cut the texts in order of length the one of least cost, by dynamic programming: the tokens of every batch
    with its padding, `filled` rows of it, and what a batch costs by itself. Ties keep their order, so the same texts always
    make the same batches."""
    order = sorted(range(len(tokens)), key=lambda i: -tokens[i])
    sizes = [max(1, tokens[i]) for i in order]
    rows = [filled(count) for count in range(most + 1)]
    best: list[tuple[int, int]] = [(0, 0)]  # of the first so many texts: the cost, and where the last batch begins
    for end in range(1, len(order) + 1):
        cheapest = (best[end - 1][0] + rows[1] * sizes[end - 1], end - 1)
        for start in range(end - 2, max(0, end - most) - 1, -1):
            if (end - start) * sizes[start] > budget:
                break
            cheapest = min(cheapest, (best[start][0] + rows[end - start] * sizes[start], start))
        best.append((cheapest[0] + _BATCH_COST, cheapest[1]))
    found: list[list[int]] = []
    end = len(order)
    while end:
        start = best[end][1]
        found.append(order[start:end])
        end = start
    return found[::-1]
