"""Two stores as one: documents in Han characters, and all others.

Embeddings of one language lie nearer to each other than to what says the same in another, so that each script is searched
apart (`rag.retrieve.dense`). As two stores, either search is a plain one; as a filter over the documents of a script, it
cost as much again for every million vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rag.protocols import Vectors, VectorStore
from rag.stores.memory import checked

InHan = Callable[[Collection[str]], set[str]]
"""Which of these documents are in Han characters."""

PARTS = ("han", "other")


class PartStore(VectorStore, Protocol):
    """A `VectorStore` that knows what it holds."""

    def ids(self) -> NDArray[np.int64]:
        """Every id held, sorted."""
        ...

    @property
    def count(self) -> int: ...

    @property
    def stamp(self) -> str:
        """Identity of what is durable: another one after every flush that wrote; "" where nothing is."""
        ...

    def reload(self) -> None:
        """Takes what another process has written since."""
        ...


@runtime_checkable
class Discarding(Protocol):
    def discard(self, ids: NDArray[np.int64]) -> None:
        """Forgets the vectors of these ids; unknown ones are ignored."""
        ...


def stamp_of(parts: Sequence[str]) -> str:
    return ".".join(parts) if all(parts) else ""


class ScriptStores:
    """A `VectorStore` over two. Without `in_han` all documents are in the second. `replaced` is the file of the layout
    before, which goes when what it held is durable here."""

    def __init__(
        self, dim: int, parts: Sequence[PartStore], in_han: InHan | None = None, replaced: Path | None = None
    ) -> None:
        self.dim = dim
        self.parts = tuple(parts)  # as PARTS names them
        self._in_han = in_han
        self._replaced = replaced
        self._divided: tuple[int, frozenset[str], list[Collection[str]]] | None = None  # the last filter
        self._changes = 0  # whatever may have made an unknown document a known one

    def add(self, ids: Sequence[int], doc_ids: Sequence[str], vectors: Vectors) -> None:
        numbers, docs, rows = checked(ids, doc_ids, vectors, self.dim)
        if not len(numbers):
            return
        self._changes += 1
        han = self._in_han(set(docs)) if self._in_han else set()
        sides = np.fromiter((doc in han for doc in docs), dtype=bool, count=len(docs))
        for part, other, here in zip(self.parts, self.parts[::-1], (sides, ~sides), strict=True):
            if here.any():
                part.add(numbers[here].tolist(), docs[here].tolist(), rows[here])
                if isinstance(other, Discarding):
                    other.discard(numbers[here])

    def search(self, vector: Vectors, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        found = [hit for hits in self.search_apart(vector, k, doc_ids) for hit in hits]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[: max(k, 0)]

    def search_apart(
        self, vector: Vectors, k: int, doc_ids: Collection[str] | None = None
    ) -> list[list[tuple[int, float]]]:
        """The k best of each script that there are documents of, as `search` lists them: no, one or two lists."""
        scopes: list[Collection[str] | None] = [None, None] if doc_ids is None else [*self._divide(doc_ids)]
        found = (
            part.search(vector, k, scope)
            for part, scope in zip(self.parts, scopes, strict=True)
            if scope is None or scope
        )
        return [hits for hits in found if hits]

    def remove(self, doc_ids: Collection[str]) -> None:
        for part in self.parts:
            part.remove(doc_ids)

    def flush(self) -> None:
        for part in self.parts:
            part.flush()
        if self._replaced is not None:
            self._replaced.unlink(missing_ok=True)
            self._replaced = None

    def ids(self) -> NDArray[np.int64]:
        """Every id held, sorted."""
        return np.sort(np.concatenate([part.ids() for part in self.parts]))

    @property
    def count(self) -> int:
        return sum(part.count for part in self.parts)

    @property
    def stamp(self) -> str:
        """Of both; "" where one of them has none."""
        return stamp_of([part.stamp for part in self.parts])

    def reload(self) -> None:
        self._changes += 1
        for part in self.parts:
            part.reload()

    def check(self) -> list[str]:
        """What is wrong with the files, every byte of them read; empty: nothing."""
        return [wrong for part in self.parts if hasattr(part, "check") for wrong in part.check()]

    def _divide(self, doc_ids: Collection[str]) -> list[Collection[str]]:
        """A filter's documents by script. The library is asked once for a filter that comes again."""
        wanted, changes = frozenset(doc_ids), self._changes
        kept = self._divided
        if kept is None or kept[0] != changes or (kept[1] is not wanted and kept[1] != wanted):
            han = frozenset(self._in_han(wanted)) & wanted if self._in_han else frozenset()
            kept = self._divided = changes, wanted, [han, wanted - han]
        return kept[2]
