"""The files that join the steps of an evaluation, one JSON object a line: a run can be scored again, a score reported
again, without a model.

    questions.jsonl    the questions as asked, in our own format
    predictions.jsonl  what came back; no clock and no path in it: two runs give the same bytes
    gold.jsonl         where in this corpus the gold stands, and which of its passages bear it
    timings.jsonl      how long each question took
    run.json           what was run, on what, at what cost
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from rag.errors import DataError
from rag.jsonl import json_lines

T = TypeVar("T")
FUSED, READ = "fused", "read"
"""What the retrieval function returns, and the passages that an answer was read from (fewer, and the page's furniture among
them); the other rankings are those of each ranker alone."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of a document: `text[start:end]` of the one whose source this is."""

    source: str
    start: int
    end: int

    @property
    def name(self) -> str:
        """Its id in run and qrels files."""
        return f"{self.source}#{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Quote:
    """A citation as shown. `valid`: the document, read anew, says exactly this at these offsets; `resolves`: its link opens
    there."""

    source: str
    start: int
    end: int
    quote: str
    valid: bool
    page: int | None = None
    row: int | None = None
    resolves: bool = True
    before: str = ""  # what stands before and after it, for whoever reads the report
    after: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the system said to one question."""

    id: str
    found: bool
    text: str
    short: str
    quotes: tuple[Quote, ...]
    nearest: tuple[Quote, ...] = ()  # on a refusal: shown as not answering; counts for validity only
    rankings: Mapping[str, tuple[Place, ...]] = field(
        default_factory=dict
    )  # best first; FUSED, READ, each ranker alone
    understood: str = ""
    kind: str = ""
    reason: str = ""
    confidence: float = 0.0
    error: str = ""  # the question was refused with an error: counts as not found
    best: str = ""  # short answer of what is weighed highest, shown or not: what no refusal line would give
    best_quote: str = ""  # its sentence


@dataclass(frozen=True, slots=True)
class Gold:
    """The gold of one question in the corpus that was asked."""

    id: str
    items: tuple[tuple[Place, ...], ...] = ()  # all items are needed; of each, any one of its places
    passages: tuple[Place, ...] = ()  # every passage of the index that bears an item
    documents: Mapping[str, int] = field(
        default_factory=dict
    )  # source -> grade; empty where the corpus is one document
    overlap: float | None = None  # share of the question's words that stand in what bears the gold, 0..1
    script: str = ""  # of the gold: zh, zh-Hant, en


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one question: as the caller waits, by stage, and of a search alone."""

    id: str
    ms: float
    stages: Mapping[str, float] = field(default_factory=dict)
    search_ms: float = 0.0


def write(path: Path, records: Iterable[Any]) -> None:
    """One line a record (a dataclass), written beside and renamed."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as out:
        for record in records:
            out.write(line(record))
    os.replace(beside, path)


def line(record: Any) -> bytes:
    """A lone surrogate, which UTF-8 cannot write, goes back into its JSON escape."""
    return (json.dumps(asdict(record), ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def predictions(path: Path) -> tuple[Prediction, ...]:
    """Raises DataError naming file and line, as the two below do."""
    return _read(path, _prediction)


def golds(path: Path) -> dict[str, Gold]:
    return {gold.id: gold for gold in _read(path, _gold)}


def timings(path: Path) -> tuple[Timing, ...]:
    return _read(path, lambda row: Timing(**row)) if path.is_file() else ()


def _read(path: Path, made: Callable[[dict[str, Any]], T]) -> tuple[T, ...]:
    out = []
    for number, row in json_lines(path):
        try:
            out.append(made(row))
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}, line {number}: not written by this version ({error}); run the evaluation again",
                f"{path} 第 {number} 行：不是本版本写的（{error}），请重新运行评测",
            ) from error
    return tuple(out)


def _prediction(row: dict[str, Any]) -> Prediction:
    parts = {
        "quotes": tuple(Quote(**item) for item in row["quotes"]),
        "nearest": tuple(Quote(**item) for item in row["nearest"]),
        "rankings": {name: tuple(map(_hit, hits)) for name, hits in row["rankings"].items()},
    }
    return Prediction(**{**row, **parts})


def _hit(row: dict[str, Any]) -> Place:
    return Place(sys.intern(row["source"]), row["start"], row["end"])  # hundreds a question: one string a document


def _gold(row: dict[str, Any]) -> Gold:
    parts = {
        "items": tuple(tuple(Place(**place) for place in item) for item in row["items"]),
        "passages": tuple(Place(**place) for place in row["passages"]),
    }
    return Gold(**{**row, **parts})
