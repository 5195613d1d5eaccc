"""What the rows of the reading table share: a figure with its interval, and a bench that opens what is measured once."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

from eval import metrics
from eval.progress import Meter
from eval.reading_data import Posed, Source, TextSet
from rag.protocols import ProgressFn
from rag.types import Answer

T = TypeVar("T")
RESAMPLES = 1000


class Seen(Protocol):
    """What a reader says of one passage."""

    @property
    def spans(self) -> Sequence[tuple[int, int, float]]: ...  # (start, end, score): characters of the text, best first

    @property
    def margin(self) -> float: ...  # how far the best span is above "no answer"


class SpanReader(Protocol):
    """The part of `rag.reader.span.SpanModel` that is used here."""

    @property
    def engine(self) -> str: ...

    @property
    def precision(self) -> str: ...

    def read(self, question: str, contexts: Sequence[tuple[str, str]]) -> Sequence[Seen]: ...


class Filed(Protocol):
    """A document's entry in the list of documents."""

    @property
    def id(self) -> str: ...

    @property
    def source(self) -> str: ...


class System(Protocol):
    """The part of `rag.Assistant` that is used here."""

    def ask(self, question: str, history: Sequence[str] = (), doc_ids: Collection[str] | None = None) -> Answer: ...

    def documents(self) -> Sequence[Filed]: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What is measured, and how it is opened."""

    open_texts: Callable[[Sequence[tuple[str, str, str]], ProgressFn], AbstractContextManager[System]]
    open_reader: Callable[[str], SpanReader]  # by engine; "": the one that the product uses
    count_tokens: Callable[[Sequence[str]], list[int]]  # tokens of each text
    threads: int  # threads that the readers compute with
    model: Path  # folder of what is shipped


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    row: str
    measure: str
    n: int
    value: float | None  # None: there was nothing to measure
    low: float | None = None  # ends of the 95 % interval; None: none can be given
    high: float | None = None
    target: float | None = None
    at_most: bool = False  # the target is a ceiling
    unit: str = ""
    digits: int = 3

    @property
    def met(self) -> bool | None:
        """Whether the value (not its interval) meets the target; None without the one or the other."""
        if self.target is None or self.value is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


def share(row: str, measure: str, values: Sequence[float], target: float | None = None, *, seed: int = 0) -> Figure:
    """The mean of values from 0 to 1."""
    if not values:
        return Figure(row, measure, 0, None, target=target)
    low, high = metrics.interval(values, seed)
    return Figure(row, measure, len(values), metrics.mean(values), low, high, target)


def per_cent(row: str, measure: str, values: Sequence[float], target: float | None = None, *, seed: int = 0) -> Figure:
    """The mean of values from 0 to 1, told from 0 to 100."""
    made = share(row, measure, values, target, seed=seed)
    value, low, high = (None if x is None else 100 * x for x in (made.value, made.low, made.high))
    return replace(made, value=value, low=low, high=high, digits=1)


def resampled(rows: Sequence[T], figure: Callable[[Sequence[T]], float], seed: int) -> tuple[float, float] | None:
    """95 % percentile-bootstrap interval of any figure of the rows (see `metrics.bootstrap`). Resamples of which there
    is no figure (NaN) are left out; None where that is all of them."""
    chance = random.Random(seed)
    drawn = (figure(chance.choices(rows, k=len(rows))) for _ in range(RESAMPLES if rows else 0))
    found = [value for value in drawn if not math.isnan(value)]
    return (metrics.percentile(found, 2.5), metrics.percentile(found, 97.5)) if found else None


def of_rows(
    row: str,
    measure: str,
    rows: Sequence[T],
    figure: Callable[[Sequence[T]], float],
    target: float | None = None,
    *,
    seed: int = 0,
    at_most: bool = False,
    unit: str = "",
    digits: int = 3,
) -> Figure:
    """A figure of rows that belong together (a question and its windows), with its bootstrap interval."""
    value = figure(rows) if rows else math.nan
    low, high = resampled(rows, figure, seed) or (None, None)
    shown = None if math.isnan(value) else value
    return Figure(row, measure, len(rows), shown, low, high, target, at_most, unit, digits)


class Bench:
    """Opens sets, assistants and readers once for all rows, and remembers what was answered. A context manager."""

    def __init__(self, source: Source, tools: Tools, limit: int, seed: int, meter: Meter) -> None:
        self.source, self.tools, self.limit, self.seed, self.meter = source, tools, limit, seed, meter
        self._open = ExitStack()
        self._systems: dict[str, System] = {}
        self._answers: dict[tuple[str, str], Answer] = {}

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def sample(self, questions: Sequence[Posed], limit: int | None = None) -> list[Posed]:
        """The first `limit` of the questions in an order that the seed gives: of a set and of a part of it, the samples
        share as many as they can. The order goes by ids, so a file's order decides nothing."""

        def place(posed: Posed) -> float:
            return random.Random(f"{self.seed}:{posed.id}").random()

        return sorted(questions, key=place)[: limit or self.limit]

    def system(self, texts: TextSet) -> System:
        """The product over all texts of a set."""
        if texts.name not in self._systems:
            opened = self.tools.open_texts(texts.rows, self.meter.report)
            self._systems[texts.name] = self._open.enter_context(opened)
        return self._systems[texts.name]

    def answer(self, texts: TextSet, question: str) -> Answer:
        """The product's answer over all texts of a set, asked once."""
        key = (texts.name, question)
        if key not in self._answers:
            self._answers[key] = self.system(texts).ask(question)
        return self._answers[key]
