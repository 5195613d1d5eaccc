"""Makes a clustered part: centroids drawn from the store's own vectors, then every vector put into its list.

The centroids, which take most of the time, are kept as a file (TRAINED) while they are being used, so that a run that was
stopped goes on from there.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexBrokenError
from rag.protocols import Vectors
from rag.stores.flat import Digests, ExactPart
from rag.stores.halves import CHUNK, Halves, HalvesOnDisk, KeptHalves
from rag.stores.ivf import ClusteredPart, part_files
from rag.stores.scan import faiss
from rag.stores.sealed import Streamed, read_sealed, replacing, sha256_of, write_sealed
from rag.stores.sketch import Ranges, added, kind

TRAINED = "base.trained"  # an empty index whose centroids are drawn
_SAMPLE = 64  # vectors a centroid is drawn from
_ROUNDS = 10  # of k-means
_SEED = 20260101


class Unchanging(Protocol):
    """A part that never changes: clustered or settled."""

    @property
    def ids(self) -> NDArray[np.int64]: ...
    @property
    def documents(self) -> Digests: ...
    @property
    def docs(self) -> NDArray[np.int32]: ...
    @property
    def halves(self) -> HalvesOnDisk | KeptHalves: ...


class Rows:
    """All that a store holds, as one sequence: what is left of its clustered or settled part, then its exact part."""

    def __init__(self, base: Unchanging | None, gone: NDArray[np.bool_], exact: ExactPart) -> None:
        self.base = base
        self.exact = exact
        self.old = np.flatnonzero(~gone) if base else np.empty(0, dtype=np.int64)  # positions in the base

    def __len__(self) -> int:
        return len(self.old) + self.exact.count

    @property
    def ids(self) -> NDArray[np.int64]:
        old = self.base.ids[self.old] if self.base else np.empty(0, dtype=np.int64)
        return np.concatenate([old, self.exact.ids])

    def documents(self) -> tuple[Digests, NDArray[np.int32]]:
        """Digests of the documents, sorted, and for each row the place of its own."""
        digests, docs = self.exact.documents()
        parts = [(digests, docs)]
        if self.base:
            parts.insert(0, (self.base.documents, self.base.docs[self.old]))
        every = np.unique(np.concatenate([digests for digests, _ in parts]))
        of = np.concatenate([np.searchsorted(every, digests)[docs] for digests, docs in parts])
        used, places = np.unique(of, return_inverse=True)
        return every[used], places.reshape(-1).astype(np.int32)

    def halves(self, rows: NDArray[np.int64]) -> Halves:
        """Vectors in 16 bits, in ascending order of row."""
        split = int(np.searchsorted(rows, len(self.old)))
        near = self.exact.halves(rows[split:] - len(self.old))
        if not self.base or not split:
            return near
        return np.concatenate([self.base.halves.take(self.old[rows[:split]]), near])

    def chunks(self) -> Iterator[tuple[NDArray[np.int64], Halves]]:
        """(ids, vectors) of all, a few thousand at a time."""
        ids = self.ids
        for at in range(0, len(self), CHUNK):
            rows = np.arange(at, min(at + CHUNK, len(self)))
            yield ids[rows], self.halves(rows)


def lists_for(count: int) -> int:
    """The power of two nearest to the square root: 512 for 200,000 vectors, 1,024 for a million."""
    return 1 << round(math.log2(math.sqrt(max(count, 1))))


@dataclass(frozen=True, slots=True)
class Empty:
    """A clustered part to be filled."""

    index: Any  # faiss.IndexIVFScalarQuantizer with centroids, and nothing in it
    ranges: Ranges
    trained_on: int  # vectors that the store held when the centroids were drawn


def drawn(directory: Path, rows: Rows) -> Empty:
    """With centroids drawn from the rows; those of a stopped run where there are some that suit."""
    module, dim, count = faiss(), rows.exact.dim, lists_for(len(rows))
    sample = _sample(rows, _SAMPLE * count)
    ranges = Ranges.drawn([sample])
    with suppress(FileNotFoundError, IndexBrokenError, KeyError):  # none, or of no use: drawn anew
        kept = read_sealed(directory / TRAINED)
        if kept.arrays["centroids"].shape == (count, dim):
            return Empty(_around(np.array(kept.arrays["centroids"])), ranges, int(kept.head["trained_on"]))
    settings = module.ClusteringParameters()
    settings.niter, settings.seed, settings.spherical = _ROUNDS, _SEED, True
    settings.min_points_per_centroid, settings.max_points_per_centroid = 1, _SAMPLE
    clustering = module.Clustering(dim, count, settings)
    clustering.train(sample.astype(np.float32), module.IndexFlatIP(dim))
    centroids = module.vector_to_array(clustering.centroids).reshape(count, dim)
    write_sealed(directory / TRAINED, {"trained_on": len(rows)}, {"centroids": centroids})
    return Empty(_around(centroids), ranges, len(rows))


def emptied(base: ClusteredPart, rows: Rows) -> Empty:
    """With the centroids of a part."""
    held = faiss().downcast_index(base.index.quantizer)
    centroids = faiss().rev_swig_ptr(held.get_xb(), base.lists * base.dim).reshape(base.lists, base.dim)
    return Empty(_around(centroids), Ranges.drawn([_sample(rows, _SAMPLE * base.lists)]), base.trained_on)


def write_part(directory: Path, name: str, rows: Rows, empty: Empty, again: bool) -> str:
    """Fills a part and writes the two files of a part; returns the stamp of its rows. `again`: every vector is put
    into a list anew, else those of the base stay in theirs. Codes are in memory until they are written, vectors a few
    thousand at a time. Raises RagError."""
    labels = np.empty(len(rows), dtype=np.int32)
    kept = 0
    if isinstance(rows.base, ClusteredPart) and not again:
        kept = len(rows.old)
        labels[:kept] = rows.base.labels[rows.old]
    module, index, at = faiss(), empty.index, 0
    for ids, halves in rows.chunks():
        vectors, end = halves.astype(np.float32), at + len(ids)
        fresh = max(at, kept)
        if fresh < end:
            labels[fresh:end] = index.quantizer.search(vectors[fresh - at :], 1)[1][:, 0]
        numbers, lists = np.arange(at, end, dtype=np.int64), labels[at:end].astype(np.int64)
        codes, _ = empty.ranges.codes(vectors)  # what is cut costs no more than a place among the candidates
        given = added(codes)
        index.add_core(len(ids), *map(module.swig_ptr, (given, numbers, lists)))
        at = end
    large, small = part_files(directory, name)
    with replacing(large) as beside:
        try:
            module.write_index(index, str(beside))
        except RuntimeError as error:  # FAISS's word for a full disk
            raise OSError(str(error).splitlines()[0][-200:]) from error
    index.reset()
    _trim()
    size = large.stat().st_size
    begin = size - len(rows) * (rows.exact.dim + 8)  # of the lists: before it are the centroids and the lists' sizes
    sums = {"sha256": sha256_of(large), "begin": begin, "begin_sha256": sha256_of(large, begin)}
    ids = rows.ids
    documents, docs = rows.documents()
    shape = len(rows), rows.exact.dim
    return write_sealed(
        small,
        {"size": size, "trained_on": empty.trained_on, **sums},
        {
            "ids": ids,
            "rank": np.argsort(ids).astype(np.int32),
            "labels": labels,
            "docs": docs,
            "documents": documents,
            **empty.ranges.arrays(),
            "halves": Streamed(np.dtype(np.float16), shape, (halves for _, halves in rows.chunks())),
        },
    )


def _sample(rows: Rows, most: int) -> Halves:
    chosen = np.random.default_rng(_SEED).choice(len(rows), min(len(rows), most), replace=False)
    return rows.halves(np.sort(chosen))


def _around(centroids: Vectors) -> Any:
    """An empty index of lists around these."""
    module = faiss()
    count, dim = centroids.shape
    centres = module.IndexFlatIP(dim)
    centres.add(np.ascontiguousarray(centroids))
    index = module.IndexIVFScalarQuantizer(centres, dim, count, kind(), module.METRIC_INNER_PRODUCT, False)
    index.is_trained = True
    return index


def _trim() -> None:
    """Gives what was freed back to the system: of a million codes, glibc would keep 200 MB for the next merge."""
    with suppress(OSError, AttributeError, TypeError):  # another system's allocator
        ctypes.CDLL(None).malloc_trim(0)
