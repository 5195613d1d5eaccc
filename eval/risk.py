"""What a confidence is worth: the risk taken for the share of questions answered, and how far it can be read as a
probability. `right` says of each question whether its best candidate answers it; of one that the material does not
answer it is False, as any answer to it is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from eval import reliability

MOST_POINTS = 200


@dataclass(frozen=True, slots=True)
class Curve:
    """Each point is a line that can be drawn: answering from `confidence` on answers the share `coverage` of the questions,
    of which the share `risk` is wrong. Coverage rises from point to point; the last answers all."""

    points: tuple[tuple[float, float, float], ...]  # (coverage, risk, confidence)
    aurc: float
    optimal: float  # area of a confidence that puts every right one before every wrong one


def risk_coverage(confidence: Sequence[float], right: Sequence[float], most: int = MOST_POINTS) -> Curve:
    """The risk–coverage curve and its area. Geifman, El-Yaniv, "Selective Classification for Deep Neural Networks", NIPS
    2017; area and optimum as in Geifman, Uziel, El-Yaniv, "Bias-Reduced Uncertainty Estimation", ICLR 2019.

    The area is the mean, over k = 1…n, of the risk of the k surest: exact, no trapezoids. Equal confidences share their
    errors evenly, which is the mean over all orders of them, so that the order they come in never matters. `right` may be
    a degree (F1) in 0..1. At most `most` points are kept, evenly, the ends always. Needs at least one question.
    """
    n = len(right)
    cases = sorted(zip(confidence, (1.0 - float(value) for value in right), strict=True), key=lambda case: -case[0])
    points: list[tuple[float, float, float]] = []
    risks: list[float] = []
    before, wrong = 0, 0.0
    for level, tied in groupby(cases, key=lambda case: case[0]):
        errors = [error for _, error in tied]
        added = math.fsum(errors)
        size = len(errors)
        risks += [(wrong + added * i / size) / (before + i) for i in range(1, size + 1)]
        before, wrong = before + size, wrong + added
        points.append((before / n, wrong / before, level))
    best_first = sorted((error for _, error in cases))
    sums = 0.0
    optimal = []
    for k, error in enumerate(best_first, 1):
        sums += error
        optimal.append(sums / k)
    return Curve(tuple(thinned(points, most)), math.fsum(risks) / n, math.fsum(optimal) / n)


def thinned(points: Sequence[tuple[float, float, float]], most: int) -> list[tuple[float, float, float]]:
    """At most `most` (from 2 on) of the points, evenly spread by their number, first and last among them."""
    if len(points) <= most:
        return list(points)
    return [points[i * (len(points) - 1) // (most - 1)] for i in range(most)]


def calibration(confidence: Sequence[float], right: Sequence[bool], bins: int = reliability.BINS) -> dict[str, Any]:
    """{"ece", "brier", "auroc", "n", "bins": [{"low", "high", "mean", "observed", "n"}]} of probabilities in 0..1, every
    question counting the same; sources in `eval.reliability`. Empty bins are left out; "auroc" is None where all are
    right or all wrong. Needs at least one question."""
    cases = [reliability.Case(p, bool(r), True) for p, r in zip(confidence, right, strict=True)]
    return {
        "ece": reliability.ece(cases, bins),
        "brier": reliability.brier(cases),
        "auroc": auroc(confidence, right),
        "n": len(cases),
        "bins": [
            {"low": b.low, "high": (round(b.low * bins) + 1) / bins, "mean": b.mean, "observed": b.observed, "n": b.n}
            for b in reliability.table(cases, bins)
        ],
    }


def auroc(confidence: Sequence[float], right: Sequence[bool]) -> float | None:
    """`reliability.auroc` of equal weights, in one pass over the sorted cases: that one's time grows with the square."""
    below = won = good = 0.0
    for _, tied in groupby(sorted(zip(confidence, map(bool, right), strict=True)), key=lambda case: case[0]):
        held = [told for _, told in tied]
        wrong = held.count(False)
        won += held.count(True) * (below + wrong / 2)
        below += wrong
        good += held.count(True)
    return won / (good * below) if good and below else None
