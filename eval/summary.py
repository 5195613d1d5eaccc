"""Scored questions -> one object that holds every figure of a run: summary.json, of which the reports are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eval import answers, cost, metrics, risk, slices, stats
from eval.records import Timing
from eval.score import DOC, GROUPS, Scored, citations, gold_answers, lengths, ranked, ranking, table

BRIEF: Mapping[str, tuple[str, ...]] = {
    "retrieval": ("R@1", "R@5", "RR@10", "nDCG@10"),
    "documents": (DOC + "R@1", DOC + "nDCG@10"),
    "answer": ("em", "f1", "facts", "evidence", "sentence", "place"),
    "refusal": ("recall", "false"),
}
"""What the one-line summary holds."""
ABLATED = ("R@1", "R@5", "R@10", "R@50", "RR@10", "nDCG@10", "AP")


def content(
    scored: Sequence[Scored], timings: Sequence[Timing], about: Mapping[str, Any], seed: int = 0
) -> dict[str, Any]:
    """Every figure of a run. `about` is what run.json says; a part that the set cannot give is left out."""
    valid, shown = citations(scored)
    answered = lengths(scored)
    failed = {item.question.id for item in scored if item.prediction.error}  # within no time: no speed of answering
    latency = cost.latency([timing for timing in timings if timing.id not in failed])
    parts: dict[str, Any] = {
        "run": dict(about),
        "summary": brief(scored, latency),
        "counts": {
            "questions": len(scored),
            "answerable": sum(item.question.answerable for item in scored),
            "unanswerable": sum(not item.question.answerable for item in scored),
            "answered": sum(item.prediction.found for item in scored),
            "errors": sum(bool(item.prediction.error) for item in scored),
            "clusters": len({item.cluster for item in scored}),
            "gold_outside": sum(bool(i.gold and i.gold.items and not i.gold.passages) for i in scored),  # of passages
            "quotes_shown": shown,
            "quotes_valid": valid,
        },
        "measures": measures(scored, lambda item: item.values, [n for names in GROUPS.values() for n in names], seed),
        "ablation": ablation(scored, seed),
        "squad2": _squad2(scored),
        "risk": _risk(scored),
        "calibration": _calibration(scored),
        "citation": _citation(scored),
        "answer_characters_median": metrics.percentile(answered, 50) if answered else None,
        "latency": latency,
        "slices": slices.table(scored),
    }
    parts["types"] = parts["slices"].get("type", {})
    return {name: part for name, part in parts.items() if part not in ({}, None)}


def brief(scored: Sequence[Scored], latency: Mapping[str, Any]) -> dict[str, Any]:
    """The one-object summary: means by group, citation validity, latency, n. A key that the set cannot give is left out."""
    out: dict[str, Any] = {}
    means = table(scored)
    for group, names in BRIEF.items():
        held = {name: round(means[name], 4) for name in names if name in means}
        if held:
            out[group] = held
    valid, shown = citations(scored)
    if shown:
        out["citation"] = {"valid": _share(valid, shown)}
    if latency:
        out["latency"] = {f"{p}_ms": round(latency["total"][p], 1) for p in ("p50", "p95")}
    out["n"] = len(scored)
    return out


def measures(
    scored: Sequence[Scored], of: Callable[[Scored], Mapping[str, float]], names: Sequence[str], seed: int
) -> dict[str, dict[str, float]]:
    """Mean of each measure with its 95 % interval, questions of one cluster drawn together."""
    held = [(item.cluster, of(item)) for item in scored]
    out: dict[str, dict[str, float]] = {}
    for name in names:
        pairs = [(cluster, values[name]) for cluster, values in held if name in values]
        if pairs:
            clusters, column = [cluster for cluster, _ in pairs], [value for _, value in pairs]
            low, high = stats.clustered_bootstrap(column, clusters, seed)
            out[name] = {
                "mean": round(metrics.mean(column), 4), "low": round(low, 4), "high": round(high, 4), "n": len(column),
            }  # fmt: skip
    return out


def ablation(scored: Sequence[Scored], seed: int) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """By level and ranking, in the order of the predictions: the rankers alone before what they make together."""
    names = dict.fromkeys(name for item in scored for name in item.prediction.rankings)
    out: dict[str, dict[str, dict[str, dict[str, float]]]] = {"passage": {}, "document": {}}
    for name in names:
        found = {item.question.id: ranked(ranking(item.prediction, name), item.gold) for item in scored}

        def of(item: Scored, found: Mapping[str, Mapping[str, float]] = found) -> Mapping[str, float]:
            return found[item.question.id]

        for level, prefix in (("passage", ""), ("document", DOC)):
            held = measures(scored, of, [prefix + measure for measure in ABLATED], seed)
            if held:
                out[level][name] = {key.removeprefix(prefix): value for key, value in held.items()}
    return {level: rankers for level, rankers in out.items() if rankers}


def _squad2(scored: Sequence[Scored]) -> dict[str, Any]:
    """SQuAD 2.0's measures, where the set has questions of both kinds with answers to compare."""
    cases = []
    for item in scored:
        question, shown = item.question, item.prediction
        if question.answerable and not question.answers:
            continue
        best = item.short if shown.found else shown.best
        lang = item.gold.script if item.gold else ""
        wanted = gold_answers(question, lang)
        cases.append(
            answers.Case(
                answerable=question.answerable,
                confidence=shown.confidence,
                em=item.values.get("em", item.values.get("recall", 0.0)),
                f1=item.values.get("f1", item.values.get("recall", 0.0)),
                best_em=answers.exact_match(best, wanted, lang) if wanted else float(not best),
                best_f1=answers.f1(best, wanted, lang) if wanted else float(not best),
            )
        )
    both = {case.answerable for case in cases} == {True, False}
    return answers.squad2(cases) if both else {}


def _judged(scored: Sequence[Scored]) -> tuple[list[float], list[bool]]:
    """Confidence and rightness of the questions whose answer can be told right or wrong."""
    held = [i for i in scored if not i.question.answerable or i.question.answers or i.question.evidence]
    return [item.prediction.confidence for item in held], [item.right for item in held]


def _risk(scored: Sequence[Scored]) -> dict[str, Any]:
    confidence, right = _judged(scored)
    if not right:
        return {}
    curve = risk.risk_coverage(confidence, right)
    points = [[round(x, 4) for x in point] for point in curve.points]
    return {"points": points, "aurc": round(curve.aurc, 4), "optimal_aurc": round(curve.optimal, 4), "n": len(right)}


def _calibration(scored: Sequence[Scored]) -> dict[str, Any]:
    confidence, right = _judged(scored)
    return risk.calibration(confidence, right) if right else {}


def _citation(scored: Sequence[Scored]) -> dict[str, float]:
    quotes = [quote for item in scored for quote in (*item.prediction.quotes, *item.prediction.nearest)]
    if not quotes:
        return {}
    out: dict[str, float] = {
        "shown": len(quotes),
        "valid": _share(sum(quote.valid for quote in quotes), len(quotes)),
        "resolves": _share(sum(quote.resolves for quote in quotes), len(quotes)),
    }
    means = table(scored)
    return out | {name.removeprefix("cite "): round(means[name], 4) for name in GROUPS["citation"] if name in means}


def _share(part: int, whole: int) -> float:
    """To four digits, 1.0 for the whole alone: of many citations a single wrong one must not be rounded away."""
    return 1.0 if part == whole else min(0.9999, round(part / whole, 4))
