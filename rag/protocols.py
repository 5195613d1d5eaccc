"""The seams. A docstring here is the contract; `tests/contracts/` runs it over every implementation.

All implementations are safe to call from several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.types import Hit, Parsed, Passage, Progress, Question, Reading

Vectors = NDArray[np.float32]
ProgressFn = Callable[[Progress], None]


class Parser(Protocol):
    """Reads one kind of file: the function `parse` of a module that `rag.parse.PARSERS` names."""

    def __call__(self, data: bytes, name: str) -> Parsed:
        """Text and blocks of a file's bytes; `name` is for messages. Raises `ParseError` naming what is wrong; never
        returns silently cut text."""
        ...


class Embedder(Protocol):
    """Texts to unit vectors."""

    @property
    def name(self) -> str:
        """Identity of the vector space: two embedders of one name give comparable vectors."""
        ...

    @property
    def dim(self) -> int: ...

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        """float32 rows of unit length, shape (len(texts), dim), in order. A text longer than the model's window is
        encoded in windows whose mean is taken, never cut. A text's row does not depend on the batch it came in
        (cosine >= 0.9999)."""
        ...


class VectorStore(Protocol):
    """Ids and vectors, nothing else: text lives in the library, so a lost store is never lost data."""

    def add(self, ids: Sequence[int], doc_ids: Sequence[str], vectors: Vectors) -> None:
        """Upserts: an id that is present is replaced."""
        ...

    def search(self, vector: Vectors, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        """At most k (id, cosine), best first, ties by id. Never raises on an empty store; unknown doc_ids match
        nothing; None means all."""
        ...

    def remove(self, doc_ids: Collection[str]) -> None:
        """Forgets every vector of these documents; unknown ids are ignored."""
        ...

    def flush(self) -> None:
        """Makes all that came before durable (written beside, fsynced, renamed)."""
        ...


class Ranker(Protocol):
    """One way to order passages for a query."""

    @property
    def name(self) -> str: ...

    def add(self, passages: Sequence[Passage]) -> None: ...

    def search(self, query: str, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        """At most k (passage id, score), higher is better, best first, ties by id. Never raises on an empty index."""
        ...

    def remove(self, doc_ids: Collection[str]) -> None: ...


class Reader(Protocol):
    """Finds what answers in the passages found, and says when nothing does."""

    def read(self, question: Question, hits: Sequence[Hit]) -> Reading: ...
