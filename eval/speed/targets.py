"""What the project has promised of its speed, and whether the figures of a run keep it. Every figure stands beside the limit
that was measured in the same run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

QUESTION = {10_000: 1.25, 1_000_000: 1.35}
RETRIEVAL_MS = {100_000: 10.0, 1_000_000: 25.0}
MEMORY_MB = {100_000: 150.0, 1_000_000: 700.0}
OPEN_S = {1_000_000: 2.0}
RECALL = 0.97
INDEXING, PEERS, PAGE, ANSWER = 1.10, 2.0, 1.2, 1.5
ASKERS = 32
LOUDER = 1.5  # throughput of that many askers by that of one

Results = Mapping[str, Mapping[str, Any]]
"""Part, or "part@size", to what was measured."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. `value` is what is held against `target`: `figure` by `limit` where there is a limit, else the
    figure."""

    what: str
    figure: float
    unit: str
    limit: float | None
    value: float
    sign: Literal["≤", "≥", "="]
    target: float | None
    size: int = 0

    @property
    def met(self) -> bool | None:
        """None where nothing was promised."""
        if self.target is None:
            return None
        if self.sign == "=":
            return self.value == self.target
        return self.value <= self.target if self.sign == "≤" else self.value >= self.target


def bound(stated: Mapping[int, float], size: int) -> float | None:
    """What holds for a library of some size: what was promised for the smallest one that is no smaller. None: nothing was."""
    at = min((known for known in stated if known >= size), default=None)
    return None if at is None else stated[at]


def rows(results: Results) -> list[Row]:
    """Every line that these results can give, in the order of the promise."""
    return [
        row
        for made in (_indexing, _question, _retrieval, _memory, _opening, _peers, _load, _start)
        for row in made(results)
    ]


def as_dict(row: Row) -> dict[str, Any]:
    return {**asdict(row), "met": row.met}


def sizes(results: Results, part: str) -> list[tuple[int, Mapping[str, Any]]]:
    """The results of a part at each size, smallest first."""
    found = [(int(key.partition("@")[2]), held) for key, held in results.items() if key.startswith(f"{part}@")]
    return sorted(found, key=lambda pair: pair[0])


def _over(what: str, figure: float, unit: str, limit: float, target: float | None, size: int = 0) -> Row:
    return Row(what, figure, unit, limit, round(figure / limit, 4), "≤", target, size)


def _indexing(results: Results) -> Iterator[Row]:
    held = results.get("indexing")
    if held:
        yield _over("indexing / the raw encoder", held["indexing_s"], "s", held["encoder_alone_s"], INDEXING)


def _question(results: Results) -> Iterator[Row]:
    for size, held in sizes(results, "question"):
        if held.get("ratio"):
            total, raw = held["total_ms"]["p50"], held["raw_ms"]["p50"]
            yield Row("a question / query + reader", total, "ms", raw, held["ratio"], "≤", bound(QUESTION, size), size)
        if held.get("ratio_all_models"):
            every, ratio = held["models_ms"]["p50"], held["ratio_all_models"]
            yield Row(
                "a question / all that its models do", held["total_ms"]["p50"], "ms", every, ratio, "≤", None, size
            )


def _retrieval(results: Results) -> Iterator[Row]:
    for size, held in sizes(results, "question"):
        p95 = held["retrieval_ms"]["p95"]
        yield Row("retrieval, p95", p95, "ms", None, p95, "≤", bound(RETRIEVAL_MS, size), size)
        if held.get("retrieval_cold_ms"):
            first = held["retrieval_cold_ms"]["p95"]
            yield Row("retrieval, p95, files not yet in memory", first, "ms", None, first, "≤", None, size)
        if held.get("recall"):
            found = held["recall"]["at_10"]
            yield Row("recall@10", found, "", None, found, "≥", RECALL, size)


def _memory(results: Results) -> Iterator[Row]:
    for size, held in sizes(results, "memory"):
        if "beyond_mb" in held:
            mb, models = held["beyond_mb"], held["models_mb"]
            yield Row("memory beyond the models", mb, "MB", models, mb, "≤", bound(MEMORY_MB, size), size)


def _opening(results: Results) -> Iterator[Row]:
    for size, held in sizes(results, "open"):
        beyond = held["beyond_s"]
        yield Row(
            "open to the first answer",
            held["first_answer_s"],
            "s",
            held["tiny_s"],
            beyond,
            "≤",
            bound(OPEN_S, size),
            size,
        )


def _peers(results: Results) -> Iterator[Row]:
    pipelines = (results.get("peers") or {}).get("pipelines") or []
    for other in pipelines[1:]:
        name, own = f"indexing: {other['name']} / ours", pipelines[0]["seconds"]
        yield Row(name, other["seconds"], "s", own, other["ratio"], "≥", PEERS)


def _load(results: Results) -> Iterator[Row]:
    held = results.get("load")
    if not held:
        return
    one, many = held["one"], held["many"]
    yield Row(f"{ASKERS} askers, errors", many["errors"], "", None, many["errors"], "=", 0)
    yield _over(f"{ASKERS} askers, p95 / one question", many["p95"], "ms", one["p50"], float(ASKERS))
    louder = round(many["per_second"] / max(one["per_second"], 1e-9), 4)
    yield Row(
        f"{ASKERS} askers, throughput / one asker's", many["per_second"], "1/s", one["per_second"], louder, "≥", LOUDER
    )
    if held.get("cores") and one.get("cpu_ms"):
        most = round(1000 * held["cores"] / one["cpu_ms"], 2)  # were one asker's questions spread over all cores
        share = round(many["per_second"] / most, 4)
        yield Row(f"{ASKERS} askers, throughput / all cores'", many["per_second"], "1/s", most, share, "≥", None)


def _start(results: Results) -> Iterator[Row]:
    held = results.get("start")
    if held:
        yield _over("app.py: page / import gradio", held["page_s"], "s", held["gradio_s"], PAGE)
        yield _over("app.py: first answer / the model alone", held["answer_s"], "s", held["model_s"], ANSWER)
