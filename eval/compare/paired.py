"""Two runs of the same questions: which measures differ, by how much, whether by more than chance, and on which questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eval import slices, stats
from eval.compare.sides import Joined, Pair, Side, join
from eval.metrics import mean, percentile
from eval.score import GROUPS, LOWER

HEADLINE = (
    "nDCG@10", "R@1", "chars@5", "doc nDCG@10", "doc R@1", "em", "f1", "facts", "evidence", "recall", "false", "cite recall",
    "cite precision",
)  # fmt: skip
"""The measures that a comparison is about: shown first, and by slice."""
SLICES = ("type", "lang")
COSTS = ("index_bytes", "bytes_per_passage", "peak_mb", "steady_mb", "index_seconds", "question_seconds")
"""Of run.json's cost: what differs from run to run without saying that something else was run."""
ONE_MACHINE = "only comparable if both ran on one machine, one after the other"
_ANSWER = frozenset({"recall", "facts", "evidence", "sentence", "f1"})
_EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Difference:
    """Means over the `n` questions that have the measure in both runs; `difference` is B - A with its 95 % interval
    `low`..`high`; `p` of the randomisation test, `adjusted` for the measures of the same table (Holm)."""

    measure: str
    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float
    adjusted: float
    n: int

    @property
    def verdict(self) -> str:
        """better, worse, or "" where the difference may be chance (adjusted p of 0.05 or more)."""
        if self.adjusted >= 0.05:
            return ""
        return "better" if (self.difference > 0) != (self.measure in LOWER) else "worse"


@dataclass(frozen=True, slots=True)
class Change:
    """A question that went otherwise. `by`: merit in B less merit in A, -1..1."""

    pair: Pair
    by: float


@dataclass(frozen=True, slots=True)
class Comparison:
    joined: Joined
    run: tuple[tuple[str, Any, Any], ...]  # (key of run.json, A's value, B's value) where they differ
    notes: tuple[str, ...]  # why the difference may not be the system's
    headline: tuple[Difference, ...]
    others: tuple[Difference, ...]
    slices: Mapping[str, Mapping[str, Mapping[str, float]]]  # slice -> value -> n and B - A of the headline measures
    latency: Mapping[str, Mapping[str, float]]  # p50, p95 -> a, b (milliseconds), ratio b / a, n
    cost: Mapping[str, tuple[float, float]]
    losses: tuple[Change, ...]  # worst first
    gains: tuple[Change, ...]  # largest first
    same: int  # questions that fare alike in both
    reworded: int  # of those: shown otherwise


def compare(a: Side, b: Side, seed: int = 0) -> Comparison:
    """Everything that the report shows. Raises DataError as `join` does."""
    joined = join(a, b)
    pairs = joined.pairs
    held = {name for pair in pairs for name in pair.a.values if name in pair.b.values}
    known = [name for names in GROUPS.values() for name in names]
    others = [name for name in (*known, *sorted(held - set(known))) if name in held and name not in HEADLINE]
    changed = [Change(pair, merit(pair, "b") - merit(pair, "a")) for pair in pairs]
    losses = sorted((c for c in changed if c.by < -_EQUAL), key=lambda c: (c.by, c.pair.a.question.id))
    gains = sorted((c for c in changed if c.by > _EQUAL), key=lambda c: (-c.by, c.pair.a.question.id))
    alike = [change.pair for change in changed if abs(change.by) <= _EQUAL]
    run = tuple(run_differences(a.run, b.run))
    costs = [name for name in COSTS if name in _cost(a) and name in _cost(b)]
    return Comparison(
        joined,
        run,
        tuple(_notes(joined, {key for key, _, _ in run})),
        tuple(differences(pairs, [name for name in HEADLINE if name in held], seed)),
        tuple(differences(pairs, others, seed)),
        by_slice(pairs),
        latency(joined),
        {name: (_cost(a)[name], _cost(b)[name]) for name in costs},
        tuple(losses),
        tuple(gains),
        len(alike),
        sum(_said(pair, "a") != _said(pair, "b") for pair in alike),
    )


def differences(pairs: Sequence[Pair], names: Sequence[str], seed: int = 0) -> list[Difference]:
    """Each measure over the questions that have it in both runs. Questions that hang together (`Scored.cluster`) are drawn
    and swapped together; p values are adjusted for the measures of `names` by Holm's procedure."""
    rows = []
    for name in names:
        held = [pair for pair in pairs if name in pair.a.values and name in pair.b.values]
        a, b = ([side.values[name] for side in sides] for sides in zip(*((p.a, p.b) for p in held), strict=True))
        clusters = [pair.a.cluster for pair in held]
        low, high = stats.paired_bootstrap(b, a, clusters, seed)
        p = stats.paired_randomisation(b, a, clusters, seed)
        rows.append(Difference(name, mean(a), mean(b), mean(b) - mean(a), low, high, p, p, len(held)))
    adjusted = stats.holm([row.p for row in rows])
    return [replace(row, adjusted=value) for row, value in zip(rows, adjusted, strict=True)]


def by_slice(pairs: Sequence[Pair]) -> dict[str, dict[str, dict[str, float]]]:
    """Slice -> value -> n and B - A of each headline measure. No test: of many small groups some differ by chance."""
    if not any(pair.question.question for pair in pairs):
        return {}
    by_id = {pair.a.question.id: pair for pair in pairs}
    found = slices.slices([pair.a if pair.a.question.question else pair.b for pair in pairs])
    out: dict[str, dict[str, dict[str, float]]] = {}
    for name in SLICES:
        groups = found.get(name, {})
        for value, items in groups.items() if len(groups) > 1 else ():
            group = [by_id[item.question.id] for item in items]
            row: dict[str, float] = {"n": len(group)}
            for measure in HEADLINE:
                held = [p for p in group if measure in p.a.values and measure in p.b.values]
                if held:
                    row[measure] = mean([p.b.values[measure] - p.a.values[measure] for p in held])
            out.setdefault(name, {})[value] = row
    return out


def merit(pair: Pair, side: str) -> float:
    """How well a question fared, 0..1: the measures of its answer; where the set states no answer, what was found."""
    item = pair.a if side == "a" else pair.b
    if item.values.keys() & _ANSWER:
        return item.goodness
    found = [item.values[name] for name in ("nDCG@10", "doc nDCG@10") if name in item.values][:1]
    return mean([*found, 1 - item.values["false"]] if "false" in item.values else found or [1.0])


def latency(joined: Joined) -> dict[str, dict[str, float]]:
    """Milliseconds over the questions timed in both runs, without the first of either (a warm-up)."""
    a, b = ({timing.id: timing.ms for timing in side.timings[1:]} for side in (joined.a, joined.b))
    shared = [key for key in a if key in b]
    out: dict[str, dict[str, float]] = {}
    for percent in (50, 95) if shared else ():
        one, other = (percentile([times[key] for key in shared], percent) for times in (a, b))
        out[f"p{percent}"] = {"a": one, "b": other, "n": len(shared), **({"ratio": other / one} if one else {})}
    return out


def run_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(key, A's value, B's value) where run.json differs, inner keys with a dot; costs aside. "-": not there."""
    one, other = dict(flat(a)), dict(flat(b))
    for key in dict.fromkeys((*one, *other)):
        if one.get(key, "-") != other.get(key, "-") and key.removeprefix("cost.") not in COSTS:
            yield key, one.get(key, "-"), other.get(key, "-")


def flat(run: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(key, value) of the leaves: `settings.k`."""
    for key, value in run.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), value


def _notes(joined: Joined, keys: set[str]) -> Iterator[str]:
    if keys & {"corpus", "cost.documents"}:
        yield "the corpora differ: a difference is not of the system alone"
    if joined.regraded:
        yield f"{joined.regraded} questions have other gold in B than in A"
    if joined.only_a or joined.only_b:
        yield f"left out: {len(joined.only_a)} questions of A alone, {len(joined.only_b)} of B alone"
    if not (joined.a.run and joined.b.run):
        yield "what was run is not known of both: name folders of results to see it"
    if any(key.startswith("machine.") for key in keys):
        yield "the machines differ: so do times and memory"


def _cost(side: Side) -> dict[str, float]:
    held = side.run.get("cost", {})
    return {k: v for k, v in held.items() if isinstance(v, (int, float))} if isinstance(held, Mapping) else {}


def _said(pair: Pair, side: str) -> tuple[object, ...]:
    shown = (pair.a if side == "a" else pair.b).prediction
    return (shown.found, shown.text, shown.short, tuple((q.source, q.start, q.end) for q in shown.quotes))
