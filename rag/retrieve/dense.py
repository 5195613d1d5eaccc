"""The dense ranker: cosine of embeddings."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from rag.protocols import Embedder, Vectors, VectorStore
from rag.retrieve.fusion import level
from rag.types import Passage

_REMEMBERED = 512  # query vectors


@runtime_checkable
class Apart(Protocol):
    """A store that keeps the scripts that documents are in apart."""

    def search_apart(
        self, vector: Vectors, k: int, doc_ids: Collection[str] | None = None
    ) -> list[list[tuple[int, float]]]:
        """The k best of each script that there are documents of, as `VectorStore.search` lists them."""
        ...


class VectorMemory(Protocol):
    """Keeps vectors by the digests of what they were made from."""

    def vectors(self, digests: Sequence[bytes]) -> dict[bytes, Vectors]: ...
    def keep_vectors(self, digests: Sequence[bytes], vectors: Vectors) -> None: ...


class DenseRanker:
    """A `Ranker` named "dense": cosine of embeddings. Title and section path are embedded with a passage.

    Embeddings of one language lie nearer to each other than to what says the same in another. Where the store keeps scripts
    apart, each is searched, and the lists are put together by how far a passage stands out of its own.
    """

    name = "dense"

    def __init__(self, embedder: Embedder, store: VectorStore, memory: VectorMemory | None = None) -> None:
        self._embedder = embedder
        self._store = store
        self._memory = memory
        self._queries: OrderedDict[str, Vectors] = OrderedDict()  # the latest last
        self._lock = threading.Lock()

    def add(self, passages: Sequence[Passage]) -> None:
        """Encodes passages and stores their vectors; those whose context was encoded before come from memory."""
        if not passages:
            return
        rows = self._remembered(passages) if self._memory else self._encode(passages)
        self._store.add([p.id for p in passages], [p.doc_id for p in passages], rows)

    def _encode(self, passages: Sequence[Passage]) -> Vectors:
        return self._embedder.encode([p.context for p in passages], "passage")

    def _remembered(self, passages: Sequence[Passage]) -> Vectors:
        assert self._memory is not None
        digests = [p.digest for p in passages]
        known = self._memory.vectors(digests)
        fresh = {digest: p for digest, p in zip(digests, passages, strict=True) if digest not in known}
        if fresh:
            self._memory.keep_vectors(list(fresh), self._encode(list(fresh.values())))
            known |= self._memory.vectors(list(fresh))  # as they are kept: a store filled again is the same to the bit
        return np.stack([known[digest] for digest in digests])

    def search(self, query: str, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        if k <= 0 or not query.strip():
            return []
        vector = self._vectors([query])[query]
        if not isinstance(self._store, Apart):
            return self._store.search(vector, k, doc_ids)
        found = self._store.search_apart(vector, k, doc_ids)
        return level(found)[:k] if len(found) > 1 else [hit for hits in found for hit in hits]

    def prepare(self, queries: Sequence[str]) -> None:
        """Encodes the queries in one call and remembers their vectors."""
        self._vectors([query for query in queries if query.strip()])

    def _vectors(self, queries: Sequence[str]) -> dict[str, Vectors]:
        """A vector a query, from memory where it was encoded before; what several threads ask for at once is encoded by
        each of them."""
        with self._lock:
            known = {query: self._queries[query] for query in queries if query in self._queries}
            for query in known:
                self._queries.move_to_end(query)
        fresh = [query for query in dict.fromkeys(queries) if query not in known]
        if fresh:
            new = dict(zip(fresh, self._embedder.encode(fresh, "query"), strict=True))
            known |= new
            with self._lock:
                self._queries.update(new)
                while len(self._queries) > _REMEMBERED:
                    self._queries.popitem(last=False)
        return known

    def remove(self, doc_ids: Collection[str]) -> None:
        self._store.remove(doc_ids)

    def flush(self) -> None:
        self._store.flush()
