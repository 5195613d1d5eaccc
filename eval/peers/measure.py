"""One question set through several pipelines, side by side, and what each is worth against the first."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval import metrics, retrieval, stats
from eval.export import trec_id
from eval.peers.pipelines import WARM, Pipeline, Row
from eval.questions import EvalQuestion, cluster

MEASURES = ("R@1", "R@5", "R@10", "R@50", "nDCG@10", "RR@10")
Clock = Callable[[], float]
Step = Callable[[str, int, int], None]
"""Hears (stage, done, total)."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """A pipeline that holds the documents, and what that took."""

    pipeline: Pipeline
    chunks: int
    seconds: float
    work: float  # processor seconds of this process, all threads: what else the machine does is not in it


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over questions with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Lead:
    """Ours less theirs, question by question, with the 95 % interval of the mean; `p` of the paired randomisation test,
    `p_holm` adjusted for all pipelines that ours is compared with on this set."""

    mean: float
    low: float
    high: float
    p: float
    p_holm: float


@dataclass(frozen=True, slots=True)
class Result:
    """One pipeline on one set."""

    name: str
    variant: str
    chunks: int
    index_seconds: float
    query_ms: float  # median
    measures: Mapping[str, Estimate]
    lead: Mapping[str, Lead]  # of the first pipeline over this one; empty for the first itself
    index_ratio: float  # its processor time by that of the first pipeline
    query_ratio: float  # its median by that of the first
    rankings: tuple[tuple[str, ...], ...] = ()  # sources, one ranking a question


@dataclass(frozen=True, slots=True)
class Comparison:
    """A set through every pipeline; the first is the one that the others are compared with."""

    name: str
    questions: tuple[str, ...]  # ids, as asked
    documents: int
    characters: float  # median length of a document
    results: tuple[Result, ...]


def shown_measures(k: int) -> tuple[str, ...]:
    """Those that look no deeper than rank k."""
    return tuple(name for name in MEASURES if int(name.partition("@")[2]) <= k)


def indexed(
    pipeline: Pipeline, rows: Sequence[Row], clock: Clock = time.perf_counter, work: Clock = time.process_time
) -> Indexed:
    """Indexing, timed. Raises what the pipeline raises."""
    pipeline.warm()
    began, worked = clock(), work()
    chunks = pipeline.index(rows)
    return Indexed(pipeline, chunks, clock() - began, work() - worked)


def searched(
    pipelines: Sequence[Pipeline],
    questions: Sequence[str],
    depth: int,
    step: Callable[[int, int], None] = lambda done, total: None,
    clock: Clock = time.perf_counter,
) -> tuple[list[list[tuple[str, ...]]], list[list[float]]]:
    """Rankings of documents and seconds, by pipeline and question. Each question goes to all pipelines before the next is
    asked, each time another one first: what else the machine does falls on all alike."""
    rankings: list[list[tuple[str, ...]]] = [[] for _ in pipelines]
    seconds: list[list[float]] = [[] for _ in pipelines]
    for pipeline in pipelines:
        pipeline.search(WARM, depth)
    for at, question in enumerate(questions):
        for turn in range(len(pipelines)):
            number = (at + turn) % len(pipelines)
            began = clock()
            found = pipelines[number].search(question, depth)
            seconds[number].append(clock() - began)
            rankings[number].append(tuple(retrieval.collapse(found)))
        step(at + 1, len(questions))
    return rankings, seconds


def compare(
    name: str,
    parts: Sequence[Indexed],
    rows: Sequence[Row],
    questions: Sequence[EvalQuestion],
    qrels: Sequence[Mapping[str, int]],
    *,
    k: int = 10,
    depth: int = 50,
    seed: int = 0,
    step: Callable[[int, int], None] = lambda done, total: None,
    clock: Clock = time.perf_counter,
) -> Comparison:
    """The questions through pipelines that hold the documents; `qrels` (source -> grade) one a question, none empty."""
    rankings, seconds = searched([part.pipeline for part in parts], [q.question for q in questions], depth, step, clock)
    names = shown_measures(k)
    clusters = [cluster(question) for question in questions]
    values = [
        [retrieval.evaluate(ranking, gold) for ranking, gold in zip(of_one, qrels, strict=True)] for of_one in rankings
    ]
    columns = [{measure: [row[measure] for row in of_one] for measure in names} for of_one in values]
    leads = _leads(columns, clusters, seed)
    medians = [1000 * metrics.percentile(of_one, 50) for of_one in seconds]
    results = []
    for number, part in enumerate(parts):
        measures = {measure: _estimate(columns[number][measure], clusters, seed) for measure in names}
        results.append(
            Result(
                part.pipeline.name, part.pipeline.variant, part.chunks, part.seconds, medians[number], measures,
                leads[number], _ratio(part.work, parts[0].work), _ratio(medians[number], medians[0]),
                tuple(rankings[number]),
            )
        )  # fmt: skip
    length = metrics.percentile([float(len(text)) for _, _, text in rows], 50)
    return Comparison(name, tuple(q.id for q in questions), len(rows), length, tuple(results))


def _estimate(column: Sequence[float], clusters: Sequence[str], seed: int) -> Estimate:
    return Estimate(metrics.mean(column), *stats.clustered_bootstrap(column, clusters, seed))


def _leads(columns: Sequence[Mapping[str, list[float]]], clusters: Sequence[str], seed: int) -> list[dict[str, Lead]]:
    """Of the first over each of the others, the test's p adjusted among these by measure (Holm)."""
    ours, others = columns[0], columns[1:]
    out: list[dict[str, Lead]] = [{} for _ in columns]
    for measure, own in ours.items():
        ps = [stats.paired_randomisation(own, other[measure], clusters, seed) for other in others]
        for number, (other, p, adjusted) in enumerate(zip(others, ps, stats.holm(ps), strict=True), 1):
            mean = metrics.mean(own) - metrics.mean(other[measure])
            low, high = stats.paired_bootstrap(own, other[measure], clusters, seed)
            out[number][measure] = Lead(mean, low, high, p, adjusted)
    return out


def _ratio(one: float, other: float) -> float:
    return one / max(other, 1e-6)  # what took less than a clock can tell


def trec_run(comparison: Comparison, result: Result) -> str:
    """The rankings as a TREC run, so that others can recompute every figure; ids and scores as in `eval.export`."""
    tag = slug(result)
    return "".join(
        f"{trec_id(question)} Q0 {trec_id(source)} {rank} {len(ranking) - rank + 1} {tag}\n"
        for question, ranking in zip(comparison.questions, result.rankings, strict=True)
        for rank, source in enumerate(ranking, 1)
    )


def slug(result: Result) -> str:
    """A pipeline's name in a file name and as the tag of a run."""
    return "-".join(re.findall(r"\w+", f"{result.name} {result.variant}"))


def as_dict(comparison: Comparison) -> dict[str, Any]:
    """Everything but the rankings, rounded as shown files are."""

    def rounded(values: Mapping[str, Any], *names: str) -> dict[str, dict[str, float]]:
        return {measure: {n: round(getattr(value, n), 4) for n in names} for measure, value in values.items()}

    return {
        "set": comparison.name,
        "questions": len(comparison.questions),
        "documents": comparison.documents,
        "characters": round(comparison.characters),
        "results": [
            {
                "name": result.name,
                "variant": result.variant,
                "chunks": result.chunks,
                "index_seconds": round(result.index_seconds, 3),
                "query_ms": round(result.query_ms, 3),
                "index_ratio": round(result.index_ratio, 3),
                "query_ratio": round(result.query_ratio, 3),
                "measures": rounded(result.measures, "mean", "low", "high"),
                **({"lead": rounded(result.lead, "mean", "low", "high", "p", "p_holm")} if result.lead else {}),
            }
            for result in comparison.results
        ],
    }
