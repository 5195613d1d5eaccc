"""The clustered part of a store: hundreds of thousands of vectors and more, mapped from the disk.

FAISS's `IndexIVFScalarQuantizer` with inner product: vectors in 8 bits a number (`sketch`) lie in lists around centroids, and a search scans the
`nprobe` lists whose centroids are nearest. What it finds is scored again with the vectors in 16 bits, so that scores are
those of the exact part, whatever 8 bits blurred. Jégou, Douze and Schmid, "Product Quantization for Nearest Neighbor Search",
2011 (lists; scoring again).

A part is two files that never change: NAME.ivf is FAISS's own, NAME.rows (sealed) has ids, documents and 16-bit vectors. A
vector is known by its position in these. What is mapped is read-only: FAISS aborts the process where it is added to.
"""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexBrokenError
from rag.protocols import Vectors
from rag.stores.flat import Digests
from rag.stores.halves import HalvesOnDisk
from rag.stores.memory import best, cosines
from rag.stores.scan import Bits, bits, faiss, one_thread
from rag.stores.sealed import broken, read_sealed, sha256_of
from rag.stores.sketch import Ranges

FEW = 50_000  # allowed vectors up to which a filtered search scans every list
_MARGIN = 32  # candidates beyond k and a quarter of it
_SCORED = 2048  # … up to which all are scored by their 16-bit vectors: sooner than scanning the lists for them
_FARTHER = 1.5  # the best of the share f of all lie where the best 1/f lie: by experience, 1.5 / √f times as many lists
_PROBED = 100  # hits for which the calibrated number of lists serves; for more, more are scanned


@dataclass(frozen=True, slots=True)
class Scope:
    """What a filter lets through of a part."""

    selector: Any  # faiss.IDSelectorBitmap
    count: int
    held: NDArray[np.int64]  # how many of it each list holds
    positions: NDArray[np.int64] | None  # where it is so few that all are scored at once


@dataclass(frozen=True, slots=True)
class ClusteredPart:
    """Opened by `open_part`. Safe for any number of searches at once."""

    name: str
    dim: int
    stamp: str  # of its rows, which vouch for the other file
    trained_on: int  # vectors that the store held when the centroids were drawn
    index: Any  # faiss.IndexIVFScalarQuantizer
    ids: NDArray[np.int64]  # by position
    rank: NDArray[np.int32]  # positions in order of id
    docs: NDArray[np.int32]  # by position: place of its document in `documents`
    documents: Digests  # sorted
    labels: NDArray[np.int32]  # by position: its list
    halves: HalvesOnDisk  # by position
    ranges: Ranges  # what the codes in the lists mean

    @property
    def count(self) -> int:
        return len(self.ids)

    @property
    def lists(self) -> int:
        return int(self.index.nlist)

    def positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the ids that are here, ascending."""
        ids = np.unique(ids)
        at = np.searchsorted(self.ids, ids, sorter=self.rank)
        inside = at < self.count
        there = self.rank[at[inside]]
        return np.sort(there[self.ids[there] == ids[inside]]).astype(np.int64)

    def among(self, digests: Digests) -> NDArray[np.bool_] | None:
        """Which positions belong to these documents; None where no document is here."""
        at = np.searchsorted(self.documents, digests)
        inside = at < len(self.documents)
        at, digests = at[inside], digests[inside]
        at = at[self.documents[at] == digests]
        if not len(at):
            return None
        table = np.zeros(len(self.documents), dtype=bool)
        table[at] = True
        found: NDArray[np.bool_] = table[self.docs]
        return found

    def scored(self, positions: NDArray[np.int64], query: NDArray[np.float64], k: int) -> list[tuple[int, float]]:
        """The k best of these, by their 16-bit vectors."""
        positions = np.sort(positions)
        return best(self.ids[positions], cosines(self.halves.take(positions).astype(np.float32), query), k)

    def scope(self, mask: NDArray[np.bool_]) -> Scope:
        """The positions that a filter lets through."""
        positions = np.flatnonzero(mask)
        count = len(positions)
        held = np.bincount(self.labels[positions], minlength=self.lists)
        return Scope(bits(mask).selector, count, held, positions if count <= _SCORED else None)

    def search(
        self, query: NDArray[np.float64], k: int, nprobe: int, alive: Bits | None = None, scope: Scope | None = None
    ) -> list[tuple[int, float]]:
        """The k best (id, score) for a unit vector, ties by id, of the `nprobe` nearest lists; there are k wherever k may be
        found. `alive`: what may be found at all; `scope`, instead: what a filter leaves of that. Of few everything is
        compared; of many, the nearest lists that hold as many of them as answer as surely as without a filter."""
        total = scope.count if scope is not None else alive.count if alive is not None else self.count
        k = min(k, total)
        if k <= 0:
            return []
        if scope is not None and scope.positions is not None:
            return self.scored(scope.positions, query, k)
        row, weights = query.astype(np.float32)[None], self.ranges.weights(query)
        share = 1.0 if scope is None else math.sqrt(total / self.count) * _FARTHER
        least = self.count if total <= FEW else nprobe * share * max(1.0, k / _PROBED) * self.count / self.lists
        count = min(candidates(k), total)
        chosen = scope if scope is not None else alive
        options: dict[str, Any] = {} if chosen is None else {"sel": chosen.selector}
        with one_thread():
            _, order = self.index.quantizer.search(row, self.lists)
            if scope is not None:
                there = scope.held[order[0]] > 0
                order = order[:, there]
            sizes = np.cumsum(
                scope.held[order[0]] if scope is not None else np.full(self.lists, self.count / self.lists)
            )
            probed = int(np.searchsorted(sizes, least - 1e-6)) + 1
            while True:
                probed = min(probed, order.shape[1])
                scores, found = self.scan(weights.row, count, order[:, :probed], options)
                held = int((found[0] >= 0).sum())
                if held < k and probed < order.shape[1]:
                    probed = order.shape[1]
                elif held < count or count == total or scores[0, -1] < scores[0, k - 1]:
                    break
                else:  # ties at the end: the lower ids must win
                    count = min(count * 4, total)
        return self.scored(found[0, :held], query, k)

    def scan(
        self, rows: Vectors, count: int, lists: NDArray[np.int64], options: Mapping[str, Any]
    ) -> tuple[Vectors, NDArray[np.int64]]:
        """FAISS's scores and positions of the `count` best in these lists, shape (n, count), -1 where there are fewer, for
        n queries as `Ranges.weights` makes rows of them."""
        module, n = faiss(), len(rows)
        rows, lists = np.ascontiguousarray(rows), np.ascontiguousarray(lists)
        near = np.zeros(lists.shape, dtype=np.float32)  # what a list adds to its vectors' scores
        params = module.SearchParametersIVF(nprobe=lists.shape[1], **options)
        scores, found = np.empty((n, count), dtype=np.float32), np.empty((n, count), dtype=np.int64)
        arrays = (module.swig_ptr(array) for array in (lists, near, scores, found))
        # Its Python method takes no parameters, and thus no filter.
        self.index.search_preassigned_c(n, module.swig_ptr(rows), count, *arrays, False, params)
        return scores, found


def candidates(k: int) -> int:
    """How many are scored again for the k best: 8 bits may have put one of these behind others that are as near."""
    return k + k // 4 + _MARGIN


def open_part(directory: Path, name: str, dim: int, stamp: str, whole: bool) -> ClusteredPart:
    """Maps a part; `stamp` is that of the rows that it must have, `whole` verifies every byte. Raises FileNotFoundError,
    IndexBrokenError."""
    rows = read_sealed(directory / f"{name}.rows", whole)
    path = directory / f"{name}.ivf"
    try:
        if rows.stamp != stamp:
            raise ValueError("it belongs to another state of the store")
        size = path.stat().st_size
        begin = None if whole else int(rows.head["begin"])
        if size != rows.head["size"] or sha256_of(path, begin) != rows.head["sha256" if whole else "begin_sha256"]:
            raise ValueError("its checksum does not match")
        module = faiss()
        mapped = 0 if os.name == "nt" else module.IO_FLAG_MMAP | module.IO_FLAG_READ_ONLY  # FAISS maps no lists there
        index = module.read_index(str(path), mapped)
        if index.d != dim or len(rows.arrays["ids"]) != index.ntotal:
            raise ValueError("it does not hold what its rows say")
        arrays = {key: rows.arrays[key] for key in ("ids", "rank", "docs", "documents", "labels")}
        if rows.arrays["halves"].shape != (index.ntotal, dim) or rows.arrays["halves"].dtype != np.float16:
            raise ValueError("its vectors are not of this kind")
        halves = HalvesOnDisk(directory / f"{name}.rows", rows.offsets["halves"], dim, len(rows.arrays["ids"]))
        if halves.inode != rows.inode:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(directory / f"{name}.rows"))
        return ClusteredPart(
            name,
            dim,
            stamp,
            int(rows.head["trained_on"]),
            index,
            **arrays,
            halves=halves,
            ranges=Ranges.of_arrays(dim, rows.arrays),
        )
    except (FileNotFoundError, IndexBrokenError):
        raise
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        if not path.exists():  # another process has just replaced it
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
        raise broken(path, str(error).splitlines()[0][-200:] if str(error) else type(error).__name__) from error


def part_files(directory: Path, name: str) -> tuple[Path, Path]:
    return directory / f"{name}.ivf", directory / f"{name}.rows"


def check_part(directory: Path, name: str, stamp: str) -> str:
    """What is wrong with the files of a part, every byte of them read; "": nothing."""
    try:
        rows = read_sealed(directory / f"{name}.rows")
        if rows.stamp != stamp:
            return f"{name}.rows: it belongs to another state of the store"
        if sha256_of(directory / f"{name}.ivf") != rows.head["sha256"]:
            return f"{name}.ivf: its checksum does not match"
    except FileNotFoundError as error:
        return f"{Path(str(error.filename)).name} is missing"
    except IndexBrokenError as error:
        return str(error)
    return ""
