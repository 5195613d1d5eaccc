"""How sure a mean is, and whether two runs differ: resampling over the questions, which hang together in clusters (those
on one article succeed and fail together). Seeded: the same input gives the same figures.

A cluster named "" is no cluster: each question so named stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from eval.metrics import wilson

Floats = NDArray[np.float64]
_CELLS = 1 << 21  # numbers held at once while resampling


def clustered_bootstrap(
    values: Sequence[float], clusters: Sequence[str], seed: int = 0, resamples: int = 2000
) -> tuple[float, float]:
    """95 % percentile-bootstrap interval of the mean. Whole clusters are drawn with replacement, and each resample's mean
    is over the questions drawn, a ratio of sums. Davison, Hinkley, *Bootstrap Methods and their Application* (1997),
    ch. 3.8; Cameron, Gelbach, Miller, "Bootstrap-Based Improvements for Inference with Clustered Errors", 2008.

    Where every value is 0, or every one 1, any resample repeats it and the interval would have no width, as if the next
    question could not fail. Wilson's is taken instead, with the clusters as its n: questions that share their fate are
    one observation. Of a single cluster the questions are drawn, as there is nothing to draw clusters from; what comes
    out then speaks of that one cluster. Needs at least one value. Raises ValueError where the lengths differ.
    """
    totals, counts = _by_cluster(values, clusters)
    if len(totals) == 1 and len(set(values)) > 1:
        totals, counts = _by_cluster(values, None)
    if set(values) in ({0.0}, {1.0}):
        return wilson(len(totals) if values[0] else 0, len(totals))
    return _percentiles(totals, counts, seed, resamples)


def paired_bootstrap(
    a: Sequence[float], b: Sequence[float], clusters: Sequence[str] | None = None, seed: int = 0, resamples: int = 2000
) -> tuple[float, float]:
    """95 % percentile-bootstrap interval of the mean of a - b over the same questions, drawn by clusters (none: question by
    question). Two runs that agree everywhere give (0.0, 0.0). Source as in `clustered_bootstrap`."""
    differences = _differences(a, b)
    totals, counts = _by_cluster(differences, clusters)
    if len(totals) == 1:
        totals, counts = _by_cluster(differences, None)
    return _percentiles(totals, counts, seed, resamples)


def paired_randomisation(
    a: Sequence[float], b: Sequence[float], clusters: Sequence[str] | None = None, seed: int = 0, rounds: int = 10000
) -> float:
    """Two-sided p of Fisher's randomisation test of the mean difference of two runs over the same questions. Smucker,
    Allan, Carterette, "A Comparison of Statistical Significance Tests for Information Retrieval Evaluation", CIKM 2007.

    Were the runs alike, which of the two gave which value would be chance: signs of the differences are swapped, a
    cluster at a time, and p is the share of swaps at least as far from 0 as what was seen. All swaps are gone through
    where there are at most `rounds` of them; else so many are drawn and the one seen is added to them, so that p is
    never 0 (Phipson, Smyth, "Permutation P-values Should Never Be Zero", 2010). 1.0 where nothing differs.
    """
    totals, _ = _by_cluster(_differences(a, b), clusters)
    totals = totals[totals != 0]  # swapping these changes nothing
    m = len(totals)
    if not m:
        return 1.0
    seen = abs(float(totals.sum())) - 1e-12 * float(np.abs(totals).sum())  # sums that are equal but for rounding count
    exact = m < 63 and 2**m <= rounds
    generator = np.random.default_rng(seed)
    n, rows = 2**m if exact else rounds, max(1, _CELLS // m)
    reached = 0
    for start in range(0, n, rows):
        count = min(rows, n - start)
        if exact:
            flips = np.arange(start, start + count)[:, None] >> np.arange(m) & 1
        else:
            flips = generator.integers(0, 2, (count, m), dtype=np.int8)
        reached += int((np.abs((1 - 2.0 * flips) @ totals) >= seen).sum())
    return reached / n if exact else (reached + 1) / (n + 1)


def holm(ps: Sequence[float]) -> list[float]:
    """p values adjusted for having looked at several, in the order given: below a level where the step-down procedure
    rejects at it. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scand. J. Statistics 6, 1979."""
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = highest
    return adjusted


def _differences(a: Sequence[float], b: Sequence[float]) -> Sequence[float]:
    return [x - y for x, y in zip(a, b, strict=True)]


def _by_cluster(values: Sequence[float], clusters: Sequence[str] | None) -> tuple[Floats, Floats]:
    """Sum and number of the values of each cluster, in order of first appearance; None: each value is its own."""
    names = [""] * len(values) if clusters is None else clusters
    numbers: dict[str | int, int] = {}
    held = [
        (numbers.setdefault(name or place, len(numbers)), value)
        for place, (name, value) in enumerate(zip(names, values, strict=True))
    ]
    at = np.array([number for number, _ in held], dtype=np.intp)
    weights = np.array([value for _, value in held], dtype=np.float64)
    totals, counts = np.zeros(len(numbers)), np.zeros(len(numbers))
    np.add.at(totals, at, weights)
    np.add.at(counts, at, 1)
    return totals, counts


def _percentiles(totals: Floats, counts: Floats, seed: int, resamples: int) -> tuple[float, float]:
    drawn = _drawn(len(totals), seed, resamples)
    rows = max(1, _CELLS // len(totals))
    both = np.column_stack([totals, counts])
    sums = np.concatenate([drawn[at : at + rows].astype(np.float64) @ both for at in range(0, resamples, rows)])
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    return float(low), float(high)


@lru_cache(maxsize=2)
def _drawn(m: int, seed: int, resamples: int) -> NDArray[np.uint16]:
    """How often each of m clusters is drawn, a resample a row: (resamples, m). Kept, as a report asks for many measures of
    the same questions; their intervals then rest on the same resamples."""
    generator = np.random.default_rng(seed)
    out = np.empty((resamples, m), dtype=np.uint16)
    for row in out:
        row[:] = np.bincount(generator.integers(0, m, m), minlength=m)
    return out
