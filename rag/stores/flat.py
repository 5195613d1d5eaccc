"""The exact part of a store: adds and removes freely, and finds what comparing with every vector finds.

A search scans a sketch of the vectors, 8 bits a number (`sketch`), and scores what it lets through by the vectors themselves,
16 bits a number, which lie on disk (`halves`): half the memory and a third of the time of scanning these. A vector is known
by its position; ids and documents are arrays beside it.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.protocols import Vectors
from rag.stores.halves import FILES_STAY, Halves, HalvesOnDisk, KeptHalves
from rag.stores.memory import best, cosines
from rag.stores.scan import Bits, bits
from rag.stores.sealed import Sealed, Streamed
from rag.stores.sketch import Ranges, Sketch

Digests = NDArray[np.bytes_]
"""What documents are known by: 16 bytes each, dtype S16 (`digest_of`)."""

_MARGIN = 64  # candidates beyond twice k that are looked at first
_TAIL = 4096  # ids that may lie outside the sorted ones before these are sorted anew


def digest_of(doc_id: str) -> bytes:
    """16 bytes that stand for a document; the last is never NUL, which NumPy would drop."""
    return hashlib.blake2b(doc_id.encode("utf-8", "surrogatepass"), digest_size=15).digest() + b"."


def digests_of(doc_ids: Collection[str]) -> Digests:
    """Sorted, shape (n,)."""
    return np.array(sorted(map(digest_of, doc_ids)), dtype="S16")


class ExactPart:
    """Not for several threads at once, but searches alone may be many: `FaissStore` sees to it."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.ids = np.empty(0, dtype=np.int64)
        self._docs = np.empty(0, dtype=np.int32)  # by position: a number of the next
        self._numbers: dict[bytes, int] = {}  # a document's digest → its number
        self._halves = KeptHalves(dim)
        self._sketch: Sketch | None = None  # of none
        self._order = np.empty(0, dtype=np.int64)  # positions of the first ones, by id
        self._sorted = np.empty(0, dtype=np.int64)  # the ids there

    @classmethod
    def of_file(cls, dim: int, path: Path, found: Sealed) -> ExactPart:
        """What `arrays` gave. Raises ValueError, KeyError where they do not fit together, FileNotFoundError where the file is
        another one by now, RagError where it cannot be read."""
        part, arrays = cls(dim), found.arrays
        ids, docs, documents, vectors = (arrays[name] for name in ("ids", "docs", "documents", "vectors"))
        if not vectors.shape == (len(ids), dim) or docs.shape != ids.shape or vectors.dtype != np.float16:
            raise ValueError(f"{len(ids)} ids, {len(docs)} documents, vectors {vectors.shape} {vectors.dtype}")
        if len(docs) and not 0 <= docs.min() <= docs.max() < len(documents):
            raise ValueError("a vector of no document")
        part.ids, part._docs = ids.astype(np.int64), docs.astype(np.int32)
        part._numbers = {digest: number for number, digest in enumerate(documents.astype("S16").tolist())}
        part._halves = _kept(dim, path, found)
        if not len(ids):
            pass
        elif "codes" in arrays:
            part._sketch = Sketch.of_arrays(dim, arrays, len(ids))
        else:  # a file of the time before there were sketches
            part._draw()
        return part

    def kept_in(self, path: Path, found: Sealed) -> ExactPart:
        """The same, once its `arrays` are in the file `found`: what is on disk need not be in memory."""
        part = ExactPart(self.dim)
        part.ids, part._docs, part._numbers = self.ids, self._docs, self._numbers
        part._order, part._sorted, part._sketch = self._order, self._sorted, self._sketch
        part._halves = _kept(self.dim, path, found)
        if part._sketch is not None:
            part._sketch.settle()
        return part

    def arrays(self) -> dict[str, NDArray[Any] | Streamed]:
        """What a file keeps; good until the next change."""
        used, docs = np.unique(self._docs, return_inverse=True)
        documents = np.array(list(self._numbers), dtype="S16")[used]
        docs = docs.reshape(-1).astype(np.int32)
        sketched = self._sketch.arrays() if self._sketch is not None and self.count else {}
        vectors = Streamed(np.dtype(np.float16), (self.count, self.dim), self._halves.chunks())
        return {"ids": self.ids, "docs": docs, "documents": documents, "vectors": vectors, **sketched}

    @property
    def count(self) -> int:
        return len(self.ids)

    def add(self, ids: NDArray[np.int64], digests: Sequence[bytes], vectors: Vectors | NDArray[np.float16]) -> None:
        """Ids that are not here yet; rows as `checked` gives them."""
        numbers = [self._numbers.setdefault(digest, len(self._numbers)) for digest in digests]
        halves = vectors.astype(np.float16)
        self._halves.add(halves)
        if self._sketch is None and len(halves):
            self._sketch = Sketch(self.dim, Ranges.drawn([halves]))
        if self._sketch is not None:
            self._sketch.add(halves)
            if not self._sketch.fits:
                self._draw()
        self.ids = np.concatenate([self.ids, ids])
        self._docs = np.concatenate([self._docs, np.array(numbers, dtype=np.int32)])

    def remove(self, positions: NDArray[np.int64]) -> None:
        if not len(positions):
            return
        gone = np.zeros(self.count, dtype=bool)
        gone[positions] = True
        self._halves.remove(gone)
        if self._sketch is not None:
            self._sketch.remove(gone)
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
        return np.flatnonzero(self.among(digests))

    def bits_of(self, digests: Digests) -> Bits:
        return bits(self.among(digests))

    def documents(self) -> tuple[Digests, NDArray[np.int32]]:
        """Digests, and for each position the place of its document among these."""
        return np.array(list(self._numbers), dtype="S16"), self._docs

    @property
    def kept(self) -> KeptHalves:
        return self._halves

    def halves(self, positions: NDArray[np.int64]) -> Halves:
        """Vectors in 16 bits, shape (len(positions), dim); positions ascend. Raises RagError."""
        return self._halves.take(positions)

    def search(self, query: NDArray[np.float64], k: int, allowed: Bits | None = None) -> list[tuple[int, float]]:
        """The k best (id, score) for a unit vector, ties by id, among what is allowed. Raises RagError."""
        total = self.count if allowed is None else allowed.count
        k = min(k, total)
        if k <= 0 or self._sketch is None:
            return []
        count = min(2 * k + _MARGIN, total)
        while True:
            positions, reckoned, sure = self._sketch.nearest(query, count, allowed)
            best_ones, scores = positions[:k], self._scored(positions[:k], query)
            enough = scores.min() - sure  # what is reckoned less than this is not among the k best
            if count == total or reckoned[-1] < enough:
                break
            count = min(count * 4, total)
        near = positions[k : np.searchsorted(-reckoned, -enough, side="right")]
        blurred = self._sketch.blurred(None if allowed is None else allowed.mask)
        rest = np.setdiff1d(np.concatenate([near, blurred]), best_ones)
        every = np.concatenate([best_ones, rest])
        return best(self.ids[every], np.concatenate([scores, self._scored(rest, query)]), k)

    def _scored(self, positions: NDArray[np.int64], query: NDArray[np.float64]) -> NDArray[np.float64]:
        order = np.argsort(positions)
        scores = np.empty(len(positions))
        scores[order] = cosines(self._halves.take(positions[order]).astype(np.float32), query)
        return scores

    def _draw(self) -> None:
        """A new sketch of all."""
        sketch = Sketch(self.dim, Ranges.drawn(self._halves.chunks()))
        for halves in self._halves.chunks():
            sketch.add(halves)
        self._sketch = sketch

    def among(self, digests: Digests) -> NDArray[np.bool_]:
        numbers = [self._numbers[digest] for digest in digests.tolist() if digest in self._numbers]
        if not numbers:
            return np.zeros(self.count, dtype=bool)
        table = np.zeros(len(self._numbers), dtype=bool)
        table[numbers] = True
        return table[self._docs]


def _kept(dim: int, path: Path, found: Sealed) -> KeptHalves:
    vectors = found.arrays["vectors"]
    if not FILES_STAY:
        kept = KeptHalves(dim)
        kept.add(np.array(vectors))
        return kept
    disk = HalvesOnDisk(path, found.offsets["vectors"], dim, len(vectors))
    if disk.inode != found.inode:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return KeptHalves(dim, disk)
