"""The exact reference: every vector in one array, every search a full scan. Other stores are tested against it."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.protocols import Vectors

_SCAN = 8192  # rows scored at a time
_ROUNDED = 1e-3  # how far from 1 a length may be: rounding to 16 bits moves it by half of this at most


class MemoryStore:
    """A `VectorStore` that lives as long as the program."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._lock = threading.Lock()
        self._row: dict[int, int] = {}
        self._ids = np.empty(0, dtype=np.int64)
        self._docs = np.empty(0, dtype=object)
        self._vectors: Vectors = np.empty((0, dim), dtype=np.float32)

    def add(self, ids: Sequence[int], doc_ids: Sequence[str], vectors: Vectors) -> None:
        numbers, docs, rows = checked(ids, doc_ids, vectors, self.dim)
        with self._lock:
            self._keep(~np.isin(self._ids, numbers))
            self._ids = np.concatenate([self._ids, numbers])
            self._docs = np.concatenate([self._docs, docs])
            self._vectors = np.concatenate([self._vectors, rows])

    def search(self, vector: Vectors, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        query = unit_query(vector, self.dim)
        with self._lock:
            ids, docs, vectors = self._ids, self._docs, self._vectors  # never changed in place
        if doc_ids is not None:
            wanted = set(doc_ids)
            keep = np.fromiter((doc in wanted for doc in docs), dtype=bool, count=len(docs))
            ids, vectors = ids[keep], vectors[keep]
        return best(ids, cosines(vectors, query), k)

    def remove(self, doc_ids: Collection[str]) -> None:
        gone = set(doc_ids)
        with self._lock:
            self._keep(np.fromiter((doc not in gone for doc in self._docs), dtype=bool, count=len(self._docs)))

    def flush(self) -> None:
        pass  # there is nothing that could outlive the program

    def reload(self) -> None:
        pass  # nobody else writes it

    def discard(self, ids: NDArray[np.int64]) -> None:
        """Forgets the vectors of these ids; unknown ones are ignored."""
        with self._lock:
            self._keep(~np.isin(self._ids, ids))

    def ids(self) -> NDArray[np.int64]:
        """Every id held, sorted."""
        with self._lock:
            return np.sort(self._ids)

    @property
    def stamp(self) -> str:
        return ""

    @property
    def count(self) -> int:
        return len(self._ids)

    def _keep(self, mask: NDArray[np.bool_]) -> None:
        self._ids, self._docs, self._vectors = self._ids[mask], self._docs[mask], self._vectors[mask]


def checked(
    ids: Sequence[int], doc_ids: Sequence[str], vectors: Vectors, dim: int
) -> tuple[NDArray[np.int64], NDArray[np.object_], Vectors]:
    """The arguments of `add` as arrays, vectors brought to unit length and then rounded to 16 bits (as the library keeps
    them: a component is off by 2e-4 of itself at most); of an id given twice the last is kept. ValueError where
    lengths, dimension or a number (NaN, infinity) are wrong."""
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if rows.size == 0:
        rows = rows.reshape(0, dim)
    if rows.ndim != 2 or rows.shape[1] != dim or not len(rows) == len(ids) == len(doc_ids):
        raise ValueError(
            f"{len(ids)} ids, {len(doc_ids)} documents, vectors {rows.shape}: expected ({len(ids)}, {dim})"
        )
    if not np.isfinite(rows).all():
        raise ValueError("a vector holds NaN or infinity")
    last = sorted({int(number): at for at, number in enumerate(ids)}.values())
    docs = np.empty(len(last), dtype=object)
    docs[:] = [doc_ids[at] for at in last]
    numbers = np.array([int(ids[at]) for at in last], dtype=np.int64)
    rows = rows[last]
    norms = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    norms = np.where((norms > 0) & (np.abs(norms - 1) > _ROUNDED), norms, 1)
    return numbers, docs, (rows / norms).astype(np.float16).astype(np.float32)


def unit_query(vector: Vectors, dim: int) -> NDArray[np.float64]:
    """One vector, of shape (dim,) or (1, dim), as float64 of unit length. Raises ValueError as `checked` does."""
    query = np.asarray(vector, dtype=np.float64).reshape(-1)
    if query.shape != (dim,) or not np.isfinite(query).all():
        raise ValueError(f"a query vector of shape {np.shape(vector)}: expected ({dim},) of finite numbers")
    norm = float(np.linalg.norm(query))
    return query / norm if norm > 0 else query


def cosines(vectors: Vectors, query: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosine of each row, to some 5e-4: they are of unit length but for rounding. A row's sum does not depend on its place, as it does in BLAS,
    so that equal vectors tie."""
    parts = [(vectors[at : at + _SCAN] * query).sum(axis=1) for at in range(0, len(vectors), _SCAN)]
    return np.concatenate(parts) if parts else np.empty(0)


def best(ids: NDArray[np.int64], scores: NDArray[np.float64], k: int) -> list[tuple[int, float]]:
    """The k highest scores, ties by id."""
    order = np.lexsort((ids, -scores))[: max(k, 0)]
    return [(int(ids[at]), float(scores[at])) for at in order]
