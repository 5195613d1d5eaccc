"""What the page needs of the engine, and what is on the desk: the documents and every file of the folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.protocols import ProgressFn
from rag.shelf import Row
from rag.types import Answer, Document, Hits, SyncReport


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
    """What is on the desk, for the header and the list of documents."""

    documents: tuple[Info, ...] = ()
    rows: tuple[Row, ...] = ()

    @property
    def ready(self) -> tuple[Info, ...]:
        """The documents that answer."""
        return tuple(info for info in self.documents if info.indexed)

    @property
    def passages(self) -> int:
        return sum(info.passages for info in self.ready)

    @property
    def states(self) -> Counter[str]:
        """How many files there are of each state."""
        return Counter(row.state for row in self.rows)

    @property
    def waiting(self) -> int:
        """Files that do not answer yet, and will."""
        return self.states["waiting"]

    @property
    def dates(self) -> str:
        """First and last date of the documents that state one, e.g. "2021-03-05 – 2023-10-10"."""
        found = (re.match(r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})(?!\d)", info.date) for info in self.ready)
        days = sorted({f"{m[1]}-{int(m[2]):02}-{int(m[3]):02}" for m in found if m})
        return "" if not days else days[0] if days[0] == days[-1] else f"{days[0]} – {days[-1]}"
