"""Runs as they are compared: read from their folders and joined by the ids of their questions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eval import records
from eval.questions import EvalQuestion
from eval.records import Prediction, Timing
from eval.score import Scored
from rag.errors import DataError
from rag.jsonl import fault, json_lines


@dataclass(frozen=True, slots=True)
class Side:
    """One run. `scored` is by question id, in the order asked; `run` and `timings` are empty where only scores are known."""

    name: str
    path: Path
    scored: Mapping[str, Scored]
    run: Mapping[str, Any] = field(default_factory=dict)
    timings: tuple[Timing, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """One question in both runs."""

    a: Scored
    b: Scored

    @property
    def question(self) -> EvalQuestion:
        """As the side has it that knows its text."""
        return self.a.question if self.a.question.question else self.b.question


@dataclass(frozen=True, slots=True)
class Joined:
    """Two runs, question by question. `regraded`: questions with the same text and other gold, whose values are not of
    the system alone."""

    a: Side
    b: Side
    pairs: tuple[Pair, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    regraded: int


def read_all(paths: Sequence[Path]) -> tuple[Side, ...]:
    """Raises DataError, naming the file."""
    return tuple(read(path, name) for path, name in zip(paths, names(paths), strict=True))


def read(path: Path, name: str = "") -> Side:
    """A folder of results is scored again, so that two runs are judged by the same code; a scores.jsonl counts as it is,
    with the questions and answers beside it where its folder has them."""
    from eval.steps import scored_of

    name = name or names([path])[0]
    if path.is_dir():
        run, scored = scored_of(path)
        return Side(name, path, _by_id(scored), run, records.timings(path / "timings.jsonl"))
    values = scores(path)
    folder = path.parent
    known: Mapping[str, Scored] = {}
    run = {}
    if (folder / "predictions.jsonl").is_file() and (folder / "run.json").is_file():
        run, scored = scored_of(folder)
        known = _by_id(scored)
    blank = {key: Scored(EvalQuestion(key, ""), Prediction(key, False, "", "", ()), None, {}) for key in values}
    held = {key: replace(known.get(key, blank[key]), values=found) for key, found in values.items()}
    return Side(name, path, held, run, records.timings(folder / "timings.jsonl") if known else ())


def scores(path: Path) -> dict[str, dict[str, float]]:
    """Question id -> measure -> value, from rows {"id", "values"}. Raises DataError naming file and line."""
    out: dict[str, dict[str, float]] = {}
    for number, row in json_lines(path):
        key, values = row.get("id"), row.get("values")
        if not isinstance(key, str) or not isinstance(values, dict) or not all(map(_finite, values.values())):
            raise fault(
                path,
                number,
                'not {"id": …, "values": {measure: number}}; name a folder of results, or its scores.jsonl',
                '不是 {"id": …, "values": {指标: 数}}；请给出结果文件夹或其中的 scores.jsonl',
            )
        if key in out:
            raise fault(path, number, f"the id {key!r} is used twice", f"编号 {key!r} 重复")
        out[key] = {name: float(value) for name, value in values.items()}
    return out


def join(a: Side, b: Side) -> Joined:
    """The questions that both were asked, in A's order. Raises DataError where one id names two different questions, and
    where no id is in both."""
    shared = [key for key in a.scored if key in b.scored]
    if not shared:
        raise DataError(
            f"{a.path} and {b.path} have no question in common; run both on the same set",
            f"{a.path} 与 {b.path} 没有共同的题目；请用同一题集运行",
        )
    pairs = tuple(Pair(a.scored[key], b.scored[key]) for key in shared)
    for pair in pairs:
        _same_text(pair, a, b)
    regraded = sum(_gold(p.a) != _gold(p.b) for p in pairs if p.a.question.question and p.b.question.question)
    only_a = tuple(key for key in a.scored if key not in b.scored)
    only_b = tuple(key for key in b.scored if key not in a.scored)
    return Joined(a, b, pairs, only_a, only_b, regraded)


def names(paths: Sequence[Path]) -> list[str]:
    """A short name of each, no two alike: as much of the end of its path as is needed, then a number. A file goes by its
    folder, as every scores.jsonl is called so."""
    folders = [path.parent if path.suffix == ".jsonl" else path for path in paths]
    parts = [[p for p in folder.parts if p != folder.anchor] or list(folder.resolve().parts) for folder in folders]
    for depth in (1, 2, 3):
        found = ["/".join(held[-depth:]) for held in parts]
        if len(set(found)) == len(found):
            return found
    found = ["/".join(held[-1:]) for held in parts]
    return [f"{name} ({number})" for number, name in enumerate(found, 1)]


def _same_text(pair: Pair, a: Side, b: Side) -> None:
    one, other = pair.a.question, pair.b.question
    unknown = not one.question or not other.question
    if unknown or (one.question, one.history) == (other.question, other.history):
        return
    raise DataError(
        f"{one.id!r} is another question in {b.path} ({other.question[:60]!r}) than in {a.path} ({one.question[:60]!r}); "
        "run both on the same set",
        f"编号 {one.id!r} 在 {b.path} 中是 {other.question[:60]!r}，在 {a.path} 中是 {one.question[:60]!r}；请用同一题集运行",
    )


def _gold(item: Scored) -> tuple[object, ...]:
    question = item.question
    relevant = tuple(sorted(question.relevant.items()))
    return (question.answerable, question.answers, question.facts, question.evidence, question.spans, relevant)


def _by_id(scored: Sequence[Scored]) -> dict[str, Scored]:
    return {item.question.id: item for item in scored}


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
