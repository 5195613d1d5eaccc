"""The exact part of a store: every vector in 16 bits, every search a scan; adds and removes freely.

The scan is FAISS's (`IndexScalarQuantizer`, QT_fp16, inner product): half the memory of `IndexFlatIP` and, memory being
what a scan waits for, less of the time. A vector is known by its position; ids and documents are arrays beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.protocols import Vectors
from rag.stores.memory import best, cosines

Digests = NDArray[np.bytes_]
"""What documents are known by: 16 bytes each, dtype S16 (`digest_of`)."""

_MARGIN = 32  # candidates beyond k that are scored again in double precision
_CLOSE = 1e-5  # two single-precision scores nearer than this may be equal
_TAIL = 4096  # ids that may lie outside the sorted ones before these are sorted anew


@dataclass(frozen=True, slots=True)
class Bits:
    """Positions that a search may find."""

    selector: Any  # faiss.IDSelectorBitmap
    count: int


def digest_of(doc_id: str) -> bytes:
    """16 bytes that stand for a document; the last is never NUL, which NumPy would drop."""
    return hashlib.blake2b(doc_id.encode("utf-8", "surrogatepass"), digest_size=15).digest() + b"."


def digests_of(doc_ids: Collection[str]) -> Digests:
    """Sorted, shape (n,)."""
    return np.array(sorted(map(digest_of, doc_ids)), dtype="S16")


def bits(mask: NDArray[np.bool_]) -> Bits:
    return Bits(faiss().IDSelectorBitmap(np.packbits(mask, bitorder="little")), int(mask.sum()))


def faiss() -> Any:
    import faiss  # its own type stubs leave out half of what it takes

    return faiss


@contextmanager
def one_thread() -> Iterator[None]:
    """FAISS divides queries among threads, not the scan of one: the others would spin meanwhile. Counts for the calling
    thread alone."""
    before = faiss().omp_get_max_threads()
    faiss().omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss().omp_set_num_threads(before)


class ExactPart:
    """Not for several threads at once, but searches alone may be many: `FaissStore` sees to it."""

    def __init__(self, dim: int) -> None:
        module = faiss()
        self.dim = dim
        self.ids = np.empty(0, dtype=np.int64)
        self._docs = np.empty(0, dtype=np.int32)  # by position: a number of the next
        self._numbers: dict[bytes, int] = {}  # a document's digest → its number
        self._index = module.IndexScalarQuantizer(dim, module.ScalarQuantizer.QT_fp16, module.METRIC_INNER_PRODUCT)
        self._order = np.empty(0, dtype=np.int64)  # positions of the first ones, by id
        self._sorted = np.empty(0, dtype=np.int64)  # the ids there

    @classmethod
    def of_arrays(cls, dim: int, arrays: Mapping[str, NDArray[Any]]) -> ExactPart:
        """What `arrays` gave, copied once. Raises ValueError, KeyError where they do not fit together."""
        part = cls(dim)
        ids, docs, documents, vectors = (arrays[name] for name in ("ids", "docs", "documents", "vectors"))
        if not vectors.shape == (len(ids), dim) or docs.shape != ids.shape or vectors.dtype != np.float16:
            raise ValueError(f"{len(ids)} ids, {len(docs)} documents, vectors {vectors.shape} {vectors.dtype}")
        if len(docs) and not 0 <= docs.min() <= docs.max() < len(documents):
            raise ValueError("a vector of no document")
        part.ids, part._docs = ids.astype(np.int64), docs.astype(np.int32)
        part._numbers = {digest: number for number, digest in enumerate(documents.astype("S16").tolist())}
        part._append(vectors)
        return part

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a file keeps; `vectors` is a view that the next change makes invalid."""
        used, docs = np.unique(self._docs, return_inverse=True)
        documents = np.array(list(self._numbers), dtype="S16")[used]
        docs = docs.reshape(-1).astype(np.int32)
        return {"ids": self.ids, "docs": docs, "documents": documents, "vectors": self.halves()}

    @property
    def count(self) -> int:
        return len(self.ids)

    def add(self, ids: NDArray[np.int64], digests: Sequence[bytes], vectors: Vectors | NDArray[np.float16]) -> None:
        """Ids that are not here yet; rows as `checked` gives them."""
        numbers = [self._numbers.setdefault(digest, len(self._numbers)) for digest in digests]
        self._append(vectors.astype(np.float16))
        self.ids = np.concatenate([self.ids, ids])
        self._docs = np.concatenate([self._docs, np.array(numbers, dtype=np.int32)])

    def remove(self, positions: NDArray[np.int64]) -> None:
        if not len(positions):
            return
        gone = np.zeros(self.count, dtype=bool)
        gone[positions] = True
        self._index.remove_ids(bits(gone).selector)
        self.ids, self._docs = self.ids[~gone], self._docs[~gone]
        self._order, self._sorted = self._order[:0], self._sorted[:0]

    def positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the ids that are here."""
        if self.count - len(self._order) > _TAIL:
            self._order = np.argsort(self.ids, kind="stable")
            self._sorted = self.ids[self._order]
        done = len(self._order)
        at = np.searchsorted(self._sorted, ids)
        at = at[at < done]
        there = self._order[at[np.isin(self._sorted[at], ids)]] if len(at) else at
        return np.concatenate([np.unique(there), np.flatnonzero(np.isin(self.ids[done:], ids)) + done])

    def of(self, digests: Digests) -> NDArray[np.int64]:
        """Positions of these documents' vectors, ascending."""
        return np.flatnonzero(self._among(digests))

    def bits_of(self, digests: Digests) -> Bits:
        return bits(self._among(digests))

    def documents(self) -> tuple[Digests, NDArray[np.int32]]:
        """Digests, and for each position the place of its document among these."""
        return np.array(list(self._numbers), dtype="S16"), self._docs

    def halves(self) -> NDArray[np.float16]:
        """All vectors, shape (count, dim): a view that the next change makes invalid."""
        if not self.count:
            return np.empty((0, self.dim), dtype=np.float16)
        codes = faiss().rev_swig_ptr(self._index.codes.data(), self.count * self.dim * 2)
        halves: NDArray[np.float16] = codes.view(np.float16).reshape(self.count, self.dim)
        return halves

    def search(self, query: NDArray[np.float64], k: int, allowed: Bits | None = None) -> list[tuple[int, float]]:
        """The k best (id, score) for a unit vector, ties by id, among what is allowed."""
        total = self.count if allowed is None else allowed.count
        k = min(k, total)
        if k <= 0:
            return []
        options = {} if allowed is None else {"params": faiss().SearchParameters(sel=allowed.selector)}
        row = query.astype(np.float32)[None]
        count = min(k + _MARGIN, total)
        with one_thread():
            while True:
                scores, found = self._index.search(row, count, **options)
                # Ties at the end: whichever FAISS listed, the lower ids must win, so all of them are needed.
                if count == total or scores[0, -1] < scores[0, k - 1] - _CLOSE:
                    break
                count = min(count * 4, total)
        positions = np.sort(found[0][found[0] >= 0])
        return best(self.ids[positions], cosines(self.halves()[positions].astype(np.float32), query), k)

    def _append(self, halves: NDArray[np.float16]) -> None:
        if len(halves):
            self._index.add_sa_codes(np.ascontiguousarray(halves).view(np.uint8))

    def _among(self, digests: Digests) -> NDArray[np.bool_]:
        numbers = [self._numbers[digest] for digest in digests.tolist() if digest in self._numbers]
        if not numbers:
            return np.zeros(self.count, dtype=bool)
        table = np.zeros(len(self._numbers), dtype=bool)
        table[numbers] = True
        return table[self._docs]
