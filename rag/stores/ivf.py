"""The clustered part of a store: hundreds of thousands of vectors and more, mapped from the disk.

FAISS's `IVF{n},SQ8` with inner product: vectors in 8 bits a number lie in lists around centroids, and a search scans the
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
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexBrokenError
from rag.protocols import Vectors
from rag.stores.flat import Bits, Digests, bits, faiss, one_thread
from rag.stores.memory import best, cosines
from rag.stores.sealed import broken, read_sealed, sha256_of, unreadable

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


class HalvesOnDisk:
    """Vectors in 16 bits, in a file, read as they are wanted. Mapped, they would soon count as memory of the program, sixteen
    pages for each vector, and they are as large as all the rest."""

    def __init__(self, path: Path, offset: int, dim: int) -> None:
        self._path, self._offset, self._dim = path, offset, dim
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._file)

    def take(self, positions: NDArray[np.int64]) -> NDArray[np.float16]:
        """Shape (len(positions), dim); positions ascend. Raises RagError."""
        size = 2 * self._dim
        edges = np.flatnonzero(np.diff(positions) != 1) + 1
        runs = zip(positions[np.r_[0, edges]], np.diff(np.r_[0, edges, len(positions)]), strict=True)
        try:
            data = b"".join(
                self._read(int(n) * size, int(first) * size) for first, n in (runs if len(positions) else ())
            )
            return np.frombuffer(data, dtype=np.float16).reshape(len(positions), self._dim)
        except OSError as error:
            raise unreadable(self._path, error) from error
        except ValueError as error:
            raise broken(self._path, "it was cut") from error

    def _read(self, size: int, at: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file, size, self._offset + at)
        with self._lock:  # Windows
            os.lseek(self._file, self._offset + at, os.SEEK_SET)
            return os.read(self._file, size)


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
        row = query.astype(np.float32)[None]
        share = 1.0 if scope is None else math.sqrt(total / self.count) * _FARTHER
        least = self.count if total <= FEW else nprobe * share * max(1.0, k / _PROBED) * self.count / self.lists
        count = min(candidates(k), total)
        chosen = scope if scope is not None else alive
        options: dict[str, Any] = {} if chosen is None else {"sel": chosen.selector}
        with one_thread():
            near, order = self.index.quantizer.search(row, self.lists)
            if scope is not None:
                there = scope.held[order[0]] > 0
                near, order = near[:, there], order[:, there]
            sizes = np.cumsum(
                scope.held[order[0]] if scope is not None else np.full(self.lists, self.count / self.lists)
            )
            probed = int(np.searchsorted(sizes, least - 1e-6)) + 1
            while True:
                probed = min(probed, order.shape[1])
                scores, found = self._scan(row, count, order[:, :probed], near[:, :probed], options)
                held = int((found[0] >= 0).sum())
                if held < k and probed < order.shape[1]:
                    probed = order.shape[1]
                elif held < count or count == total or scores[0, -1] < scores[0, k - 1]:
                    break
                else:  # ties at the end: the lower ids must win
                    count = min(count * 4, total)
        return self.scored(found[0, :held], query, k)

    def _scan(
        self, row: Vectors, count: int, lists: NDArray[np.int64], near: Vectors, options: dict[str, Any]
    ) -> tuple[Vectors, NDArray[np.int64]]:
        """Scores and positions of the `count` best in these lists, shape (1, count), -1 where there are fewer."""
        module = faiss()
        lists, near = np.ascontiguousarray(lists), np.ascontiguousarray(near)
        params = module.SearchParametersIVF(nprobe=lists.shape[1], **options)
        scores, found = np.empty((1, count), dtype=np.float32), np.empty((1, count), dtype=np.int64)
        arrays = (module.swig_ptr(array) for array in (lists, near, scores, found))
        # Its Python method takes no parameters, and thus no filter.
        self.index.search_preassigned_c(1, module.swig_ptr(row), count, *arrays, False, params)
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
        halves = HalvesOnDisk(directory / f"{name}.rows", rows.offsets["halves"], dim)
        return ClusteredPart(name, dim, stamp, int(rows.head["trained_on"]), index, **arrays, halves=halves)
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
