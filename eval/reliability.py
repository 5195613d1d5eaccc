"""How far estimated probabilities can be believed: the measures, and the lines drawn on them. Numbers in, numbers out.

A case is one question: what was estimated, whether the first sentence answers it, whether the material answers it at
all, and its weight (`weigh`). Every measure is of "the first sentence answers": that is what showing it claims.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rag.reader.judge import Lines

Floats = NDArray[np.float64]
PRIOR = 0.6  # share of questions that the material answers, as people ask them
BINS = 10
_LEAST = 20  # answers on which a share may be claimed
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Case:
    probability: float
    right: bool  # the first sentence answers
    answerable: bool  # the material answers
    weight: float = 1.0
    set: str = ""
    made: str = "asked"  # see `eval.trials.Seen`


@dataclass(frozen=True, slots=True)
class Bin:
    """One row of a reliability table."""

    low: float
    mean: float  # predicted, weighted
    observed: float  # share right, weighted
    n: int


def weigh(sets: Sequence[str], answerable: Sequence[bool], prior: float = PRIOR) -> Floats:
    """Weights that sum to 1: every set counts the same whatever its size, and inside each the questions with an answer
    make up `prior`. A large set thus never drowns a small one, nor made questions those that people asked."""
    out = np.ones(len(sets))
    names, told = np.array(sets), np.array(answerable, bool)
    for name in dict.fromkeys(sets):
        for part, share in (((names == name) & told, prior), ((names == name) & ~told, 1 - prior)):
            if part.any():
                out[part] = share / part.sum()
    total: Floats = out / out.sum()
    return total


def auroc(cases: Sequence[Case]) -> float:
    """Probability that a right case is estimated above a wrong one, ties half (Hanley and McNeil, Radiology 143, 1982)."""
    below = won = 0.0
    for value in sorted({c.probability for c in cases}):
        tied = [c for c in cases if c.probability == value]
        wrong = math.fsum(c.weight for c in tied if not c.right)
        won += math.fsum(c.weight for c in tied if c.right) * (below + wrong / 2)
        below += wrong
    right = math.fsum(c.weight for c in cases if c.right)
    return won / (right * below) if right and below else math.nan


def log_loss(cases: Sequence[Case]) -> float:
    """Mean of -log of the probability given to what was so, nats."""
    parts = (math.log(max(c.probability if c.right else 1 - c.probability, _TINY)) * c.weight for c in cases)
    return -math.fsum(parts) / math.fsum(c.weight for c in cases)


def brier(cases: Sequence[Case]) -> float:
    """Mean squared distance of estimate and outcome (Brier, Monthly Weather Review 78, 1950)."""
    return math.fsum(c.weight * (c.probability - c.right) ** 2 for c in cases) / math.fsum(c.weight for c in cases)


def table(cases: Sequence[Case], bins: int = BINS) -> list[Bin]:
    """Cases by estimate in bins of equal width, empty ones left out."""
    out = []
    for k in range(bins):
        held = [c for c in cases if min(int(c.probability * bins), bins - 1) == k]
        if held:
            total = math.fsum(c.weight for c in held)
            mean = math.fsum(c.weight * c.probability for c in held) / total
            out.append(Bin(k / bins, mean, math.fsum(c.weight * c.right for c in held) / total, len(held)))
    return out


def ece(cases: Sequence[Case], bins: int = BINS) -> float:
    """Expected calibration error over bins of equal width (Naeini, Cooper, Hauskrecht, AAAI 2015)."""
    total = math.fsum(c.weight for c in cases)
    out = 0.0
    for k in range(bins):
        held = [c for c in cases if min(int(c.probability * bins), bins - 1) == k]
        out += abs(math.fsum(c.weight * (c.probability - c.right) for c in held)) / total
    return out


def platt(scores: Floats, right: Floats, weight: Floats) -> tuple[float, float]:
    """(slope, shift) of the logistic curve that best maps scores (logits) to outcomes, with Platt's smoothed targets (Advances
    in Large Margin Classifiers, 1999)."""
    up, down = right.sum(), (1 - right).sum()
    target = np.where(right > 0, (up + 1) / (up + 2), 1 / (down + 2))
    fitted = logistic(np.column_stack([scores, np.ones(len(scores))]), target, weight, np.array([1e-6, 1e-6]))
    return float(fitted[0]), float(fitted[1])


def logistic(x: Floats, y: Floats, weight: Floats, penalty: Floats, steps: int = 50) -> Floats:
    """Weights of a logistic regression with an L2 penalty for each column, by Newton's method. `y` may be soft (0..1);
    `weight` sums to 1. x: (n, columns)."""
    w = np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        gradient = x.T @ ((p - y) * weight) + penalty * w
        curve = (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curve, gradient)
        w = w - step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-8:
            break
    return w


def lines(cases: Sequence[Case], withheld: float = 0.05, right: float = 0.9) -> Lines:
    """The refusal line is the highest that withholds at most the share `withheld` of right first sentences (a wrong one
    is better withheld, whether or not the material answers); the sure line is the lowest from which at least the share
    `right` of answers is right. Where no line reaches that on enough answers nothing is sure (`sure_from` > 1). The
    refusal line rests on questions that people asked, as made ones are refused more easily; sure must hold on both."""
    asked = _asked(cases)
    answered = sorted((c for c in asked if c.right), key=lambda c: c.probability)
    budget = withheld * math.fsum(c.weight for c in answered)
    refuse_below = 0.0
    for case in answered:
        budget -= case.weight
        refuse_below = case.probability
        if budget < 0:
            break
    sure_from = max(_sure(part, refuse_below, right) for part in (asked, cases))
    sure = [[c for c in part if c.probability >= sure_from] for part in (asked, cases)]
    likely = [c for c in asked if refuse_below <= c.probability < sure_from]
    return Lines(
        refuse_below, sure_from, share(likely), min((s for s in map(share, sure) if s is not None), default=None)
    )


def _sure(cases: Sequence[Case], refuse_below: float, right: float) -> float:
    """The lowest line from which at least the share `right` is right, on at least _LEAST cases; 1.01 where none is."""
    shown = sorted((c for c in cases if c.probability >= refuse_below), key=lambda c: -c.probability)
    sure_from, total, good = 1.01, 0.0, 0.0
    for n, case in enumerate(shown, 1):
        total, good = total + case.weight, good + case.weight * case.right
        last = n == len(shown) or shown[n].probability < case.probability  # of equal ones
        if last and n >= _LEAST and good >= right * total:
            sure_from = case.probability
    return sure_from


def _asked(cases: Sequence[Case]) -> list[Case]:
    """The questions that were asked and not made, weighed anew among themselves; sets whose every question has an answer
    cannot tell how often a shown one is wrong and are left out, unless all are such."""
    asked = [case for case in cases if case.made == "asked"]
    both = {case.set for case in asked if not case.answerable}
    asked = [case for case in asked if case.set in both] or asked
    weights = weigh([case.set for case in asked], [case.answerable for case in asked])
    return [replace(case, weight=float(weight)) for case, weight in zip(asked, weights, strict=True)]


def share(cases: Sequence[Case]) -> float | None:
    """Share of right first sentences, weighted; None of none."""
    total = math.fsum(c.weight for c in cases)
    return math.fsum(c.weight * c.right for c in cases) / total if total else None


# -- as text --------------------------------------------------------------------------------------------------------


def report(cases: Sequence[Case], lines: Lines) -> str:
    """The measures, the reliability table, and what the lines do on each set, as lines of text."""
    out = [
        f"  AUROC {auroc(cases):.3f}  log-loss {log_loss(cases):.3f}  Brier {brier(cases):.3f}  ECE {ece(cases):.3f}"
        f"  ({len(cases)} questions)",
        "  predicted      mean  observed     n",
    ]
    out += [
        f"  {b.low:.1f} to {b.low + 1 / BINS:.1f}    {b.mean:.3f}     {b.observed:.3f}  {b.n:4d}" for b in table(cases)
    ]
    out.append(f"  refused below {lines.refuse_below:.3f}, sure from {lines.sure_from:.3f}:")
    for name in ("", *dict.fromkeys(case.set for case in cases)):
        out.append(_of_set(name or "all", [c for c in cases if not name or c.set == name], lines))
    return "\n".join(out) + "\n"


def trade(cases: Sequence[Case]) -> str:
    """What other refusal lines would cost and bring. An answer is withheld where the first sentence was right."""
    out = ["Refusal lines by right answers withheld: wrongly refused, withheld; rightly refused, asked and made"]
    for withheld in (0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15):
        line = lines(cases, withheld).refuse_below
        parts = [
            [c for c in cases if c.answerable],
            [c for c in cases if c.right],
            [c for c in cases if not c.answerable and c.made == "asked"],
            [c for c in cases if not c.answerable and c.made != "asked"],
        ]
        told = " ".join(f"{below(part, line):.3f}" if part else "–" for part in parts)
        out.append(f"  {withheld:.2f}  below {line:.3f}: {told}")
    return "\n".join(out) + "\n"


def below(cases: Sequence[Case], line: float) -> float:
    """Share of cases estimated below a line, weighted."""
    return math.fsum(c.weight for c in cases if c.probability < line) / math.fsum(c.weight for c in cases)


def _of_set(name: str, cases: Sequence[Case], lines: Lines) -> str:
    def refused(held: Sequence[Case]) -> str:
        return f"{below(held, lines.refuse_below):.3f} of {len(held)}" if held else "–"

    asked = [c for c in cases if c.made == "asked"]
    parts = [f"    {name}: AUROC {auroc(cases):.3f}; wrongly refused {refused([c for c in cases if c.answerable])}"]
    parts.append(f"rightly refused {refused([c for c in asked if not c.answerable])} asked")
    parts.append(f"{refused([c for c in cases if c.made != 'asked' and not c.answerable])} made")
    words = {word: [c for c in cases if lines.certainty(c.probability).word == word] for word in ("sure", "likely")}
    parts += [f"{word} {share(held) or 0:.3f} right of {len(held)}" for word, held in words.items()]
    return "; ".join(parts)
