"""Slow twins: each formula again, as its paper writes it, for tests to compare with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def rrf(rankings: Sequence[Sequence[int]], k0: int = 60) -> dict[int, float]:
    """Reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009): the sum over rankings of 1 / (k0 + rank)."""
    items = {d for ranking in rankings for d in ranking}
    return {d: sum(1 / (k0 + ranking.index(d) + 1) for ranking in rankings if d in ranking) for d in items}


def bm25(
    query: Sequence[str], corpus: Mapping[int, Sequence[str]], k1: float = 1.2, b: float = 0.75
) -> dict[int, float]:
    """BM25 (Robertson and Zaragoza 2009) of every document for the set of query terms, zero scores left out."""
    n = len(corpus)
    average = sum(map(len, corpus.values())) / n if n else 0
    scores = {}
    for number, document in corpus.items():
        score = 0.0
        for term in set(query):
            f, df = document.count(term), sum(term in other for other in corpus.values())
            if not f:
                continue
            idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
            score += idf * f * (k1 + 1) / (f + k1 * (1 - b + b * len(document) / average))
        if score:
            scores[number] = score
    return scores
