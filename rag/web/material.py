"""What the page needs of the engine, and what is on the desk: the documents and every file of the folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Protocol

from rag.protocols import ProgressFn
from rag.shelf import Row
from rag.types import Answer, Document, Hits, SyncReport

KEPT = 1000  # files held to be listed; the others are found by name
_ORDER = ("failed", "partly", "waiting", "ready", "skipped")
_DAY = re.compile(r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})(?!\d)")


class Check(Protocol):
    """One quote re-read from its source."""

    @property
    def ok(self) -> bool: ...


class Info(Protocol):
    """One document of the material."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def characters(self) -> int: ...
    @property
    def passages(self) -> int: ...
    @property
    def date(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def pages(self) -> int | None: ...
    @property
    def indexed(self) -> bool: ...


class Engine(Protocol):
    """What the page needs of `rag.assistant.Assistant`; the tests' fake has the same surface."""

    def sync(self, progress: ProgressFn | None = None) -> SyncReport: ...
    def ask(self, question: str, history: Sequence[str] = (), doc_ids: Collection[str] | None = None) -> Answer: ...
    def retrieve(self, query: str, k: int = 10, doc_ids: Collection[str] | None = None) -> Hits: ...
    def document(self, doc_id: str) -> Document: ...
    def documents(self) -> Sequence[Info]: ...
    def files(self) -> Sequence[Row]: ...
    def examples(self, n: int = 4, lang: str = "zh") -> Sequence[str]: ...
    def verify(self, answer: Answer) -> Sequence[Check]: ...


@dataclass(frozen=True, slots=True)
class Material:
    """What is on the desk, counted once: what the page shows of it costs the same for ten documents and for a million."""

    ready: int = 0  # documents that answer
    passages: int = 0  # of those
    dates: str = ""  # first and last date of those that state one: "2021-03-05 – 2023-10-10"
    states: Mapping[str, int] = field(default_factory=dict)  # state -> how many files
    rows: tuple[Row, ...] = ()  # the first `KEPT` files, those that need a look before the others
    files: int = 0  # of the folder
    digest: int = 0  # of the ids of the documents: another one where one came or went

    @classmethod
    def of(cls, documents: Iterable[Info], rows: Iterable[Row]) -> Material:
        """Counts the documents and the files of the folder; neither is kept, but for a few."""
        ready = passages = digest = files = 0
        first, last = "9", ""
        for info in documents:
            digest ^= hash(info.id)
            if info.indexed:
                ready, passages = ready + 1, passages + info.passages
                day = _day(info.date) if info.date else ""
                if day:
                    first, last = min(first, day), max(last, day)
        states: Counter[str] = Counter()
        kept: dict[str, list[Row]] = {state: [] for state in _ORDER}
        for row in rows:
            files += 1
            states[row.state] += 1
            if len(kept[row.state]) < KEPT:
                kept[row.state].append(row)
        few = tuple(islice(chain.from_iterable(kept.values()), KEPT))
        dates = last if first >= last else f"{first} – {last}"
        return cls(ready, passages, dates, states, few, files, digest)

    @property
    def waiting(self) -> int:
        """Files that do not answer yet, and will."""
        return self.states.get("waiting", 0)


def _day(date: str) -> str:
    """ "2021/3/5 8:00" -> "2021-03-05"; "" where it names no day."""
    found = _DAY.match(date)
    return f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}" if found else ""
