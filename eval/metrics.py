"""The formulas: numbers in, numbers out. One formula, one function, its source in the docstring."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Sequence

Z95 = 1.959963984540054
"""Normal quantile of a two-sided 95 % interval."""


def gains(ranking: Sequence[Collection[Hashable]], k: int) -> list[int]:
    """Binary gain of the first k ranks: 1 where a hit bears something relevant that no hit before it bears, else 0.

    `ranking[i]` are the relevant things (gold quotes, relevant documents) that the hit at rank i + 1 bears. Counting a
    thing once keeps several passages of one relevant document from counting several times.
    """
    seen: set[Hashable] = set()
    values: list[int] = []
    for borne in ranking[:k]:
        values.append(int(bool(set(borne) - seen)))
        seen |= set(borne)
    return values


def recall_at(ranking: Sequence[Collection[Hashable]], relevant: Collection[Hashable], k: int) -> float:
    """Recall@k: the share of the relevant things borne by the first k hits. Manning, Raghavan, Schütze, *Introduction
    to Information Retrieval* (2008), ch. 8. Needs at least one relevant thing."""
    borne = {thing for hit in ranking[:k] for thing in hit} & set(relevant)
    return len(borne) / len(set(relevant))


def reciprocal_rank(ranking: Sequence[Collection[Hashable]], k: int = 10) -> float:
    """RR@k: 1 / rank of the first hit that bears anything relevant, 0.0 if none of the first k does. Voorhees, "The
    TREC-8 Question Answering Track Report" (1999)."""
    return next((1 / rank for rank, borne in enumerate(ranking[:k], 1) if borne), 0.0)


def ndcg(ranking: Sequence[Collection[Hashable]], relevant: Collection[Hashable], k: int = 10) -> float:
    """nDCG@k with binary gain and 1/log2(rank + 1). Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR
    techniques", ACM TOIS 20(4), 2002.

    The ideal ranking puts every gaining hit first, and one further hit for each relevant thing that no hit among the
    first k bears: one passage may bear two gold quotes, which then count as one.
    """
    gained = gains(ranking, k)
    lost = len(set(relevant) - {thing for hit in ranking[:k] for thing in hit})
    ideal = dcg([1] * min(k, sum(gained) + lost))
    return dcg(gained) / ideal if ideal else 0.0


def dcg(values: Sequence[float]) -> float:
    """Discounted cumulated gain, sum of value / log2(rank + 1); source as in `ndcg`."""
    return sum(value / math.log2(rank + 1) for rank, value in enumerate(values, 1))


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; needs at least one value."""
    return math.fsum(values) / len(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """Percentile with linear interpolation between order statistics: type 7 of Hyndman, Fan, "Sample Quantiles in
    Statistical Packages", The American Statistician 50(4), 1996. Needs at least one value; 50 is the median."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def wilson(successes: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Score interval of a proportion. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    JASA 22, 1927. Unlike the normal one it holds near 0 and 1; needs n > 0."""
    p = successes / n
    centre = p + z * z / (2 * n)
    spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (centre - spread) / (1 + z * z / n)), min(1.0, (centre + spread) / (1 + z * z / n))


def bootstrap(values: Sequence[float], seed: int = 0, resamples: int = 1000) -> tuple[float, float]:
    """95 % percentile-bootstrap interval of the mean. Efron, Tibshirani, *An Introduction to the Bootstrap* (1993),
    ch. 13. Questions are resampled as independent: on sets with many questions about one text it is too narrow."""
    import numpy as np

    generator = np.random.default_rng(seed)
    data = np.asarray(values, dtype=np.float64)
    means = [float(data[generator.integers(0, len(data), len(data))].mean()) for _ in range(resamples)]
    return percentile(means, 2.5), percentile(means, 97.5)


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """95 % interval of a mean: Wilson's where every value is 0 or 1, else the bootstrap's."""
    if all(value in (0.0, 1.0) for value in values):
        return wilson(round(math.fsum(values)), len(values))
    return bootstrap(values, seed)
