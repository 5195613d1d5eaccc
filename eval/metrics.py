"""The formulas: numbers in, numbers out. One formula, one function, its source in the docstring.

Those of a ranking take its gains: `gains[i]` is the grade of what stands at rank i + 1, 0 where it is not relevant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Z95 = 1.959963984540054
"""Normal quantile of a two-sided 95 % interval."""


def recall_at(gains: Sequence[float], relevant: int, k: int) -> float:
    """Recall@k: the share of the `relevant` things that stand among the first k. Manning, Raghavan, Schütze,
    *Introduction to Information Retrieval* (2008), ch. 8. 0.0 where nothing is relevant."""
    return sum(gain > 0 for gain in gains[:k]) / relevant if relevant else 0.0


def success_at(gains: Sequence[float], k: int) -> float:
    """Success@k: 1.0 where anything relevant stands among the first k, else 0.0. Voorhees, Harman, *TREC: Experiment
    and Evaluation in Information Retrieval* (2005), ch. 3."""
    return float(any(gain > 0 for gain in gains[:k]))


def reciprocal_rank(gains: Sequence[float], k: int = 10) -> float:
    """RR@k: 1 / rank of the first relevant thing, 0.0 if none is among the first k. Voorhees, "The TREC-8 Question
    Answering Track Report" (1999)."""
    return next((1 / rank for rank, gain in enumerate(gains[:k], 1) if gain > 0), 0.0)


def average_precision(gains: Sequence[float], relevant: int) -> float:
    """AP: the precision at the rank of each relevant thing, summed and divided by all that are relevant, so that one never
    retrieved counts as 0. Buckley, Voorhees, "Evaluating Evaluation Measure Stability", SIGIR 2000."""
    found = 0
    precisions = []
    for rank, gain in enumerate(gains, 1):
        if gain > 0:
            found += 1
            precisions.append(found / rank)
    return math.fsum(precisions) / relevant if relevant else 0.0


def ndcg(gains: Sequence[float], grades: Sequence[float], k: int = 10) -> float:
    """nDCG@k with the grade itself as gain and 1/log2(rank + 1), as trec_eval has it; `grades` are those of all that is
    judged, retrieved or not: the ideal ranking. Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR
    techniques", ACM TOIS 20(4), 2002."""
    ideal = dcg(sorted((grade for grade in grades if grade > 0), reverse=True)[:k])
    return dcg(gains[:k]) / ideal if ideal else 0.0


def dcg(values: Sequence[float]) -> float:
    """Discounted cumulated gain, sum of value / log2(rank + 1); source as in `ndcg`."""
    return math.fsum(value / math.log2(rank + 1) for rank, value in enumerate(values, 1))


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
    ch. 13. Questions are resampled as independent: where many are on one text use `stats.clustered_bootstrap`."""
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
