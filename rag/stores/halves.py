"""Vectors in 16 bits a number, by their position: in a file, read as they are wanted, and in memory what came since.

Mapped, they would soon count as memory of the program, sixteen pages for each vector, and they are as large as all the rest
of an index.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.stores.sealed import broken, unreadable

Halves = NDArray[np.float16]
CHUNK = 16_384  # vectors in single precision at a time: 25 MB at 384 numbers
FILES_STAY = os.name != "nt"  # a file that is open can be replaced, and is read on as it was


class HalvesOnDisk:
    """`count` vectors from `offset` of a file on, which never changes (or is replaced by another of its name).
    Raises FileNotFoundError, RagError."""

    def __init__(self, path: Path, offset: int, dim: int, count: int) -> None:
        self.count = count
        self._path, self._offset, self._dim = path, offset, dim
        self._lock = threading.Lock()
        try:
            self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            raise
        except OSError as error:  # too many open files
            raise unreadable(path, error) from error
        weakref.finalize(self, os.close, self._file).atexit = False  # searches may still be under way then

    @property
    def inode(self) -> int:
        return os.fstat(self._file).st_ino

    def take(self, positions: NDArray[np.int64]) -> Halves:
        """Shape (len(positions), dim); positions ascend. Raises RagError."""
        if not len(positions):
            return np.empty((0, self._dim), dtype=np.float16)
        size = 2 * self._dim
        edges = np.flatnonzero(np.diff(positions) != 1) + 1
        runs = zip(positions[np.r_[0, edges]], np.diff(np.r_[0, edges, len(positions)]), strict=True)
        try:
            data = b"".join(self._read(int(n) * size, int(first) * size) for first, n in runs)
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


class KeptHalves:
    """Vectors that come and go: those of `disk`, then those that were added. Any number of readers, or one writer."""

    def __init__(self, dim: int, disk: HalvesOnDisk | None = None) -> None:
        self.dim = dim
        self._disk = disk
        self._on_disk = disk.count if disk is not None else 0
        # By position, ascending: where it lies, on disk or beyond.
        self._rows = np.arange(self._on_disk, dtype=np.int32)
        self._added: Halves = np.empty((0, dim), dtype=np.float16)  # with room for more
        self._used = 0

    @property
    def count(self) -> int:
        return len(self._rows)

    def add(self, halves: Halves) -> None:
        first, self._used = self._used, self._used + len(halves)
        if self._used > len(self._added):
            larger = np.empty((max(self._used, 2 * len(self._added)), self.dim), dtype=np.float16)
            larger[:first] = self._added[:first]
            self._added = larger
        self._added[first : self._used] = halves
        more = np.arange(self._on_disk + first, self._on_disk + self._used, dtype=np.int32)
        self._rows = np.concatenate([self._rows, more])

    def remove(self, gone: NDArray[np.bool_]) -> None:
        self._rows = self._rows[~gone]

    def take(self, positions: NDArray[np.int64]) -> Halves:
        """Shape (len(positions), dim); positions ascend. Raises RagError."""
        rows = self._rows[positions].astype(np.int64)
        split = int(np.searchsorted(rows, self._on_disk))
        near = self._added[rows[split:] - self._on_disk]
        if self._disk is None or not split:
            return near
        far = self._disk.take(rows[:split])
        return np.concatenate([far, near]) if len(near) else far

    def chunks(self) -> Iterator[Halves]:
        """All, a few thousand at a time."""
        for at in range(0, self.count, CHUNK):
            yield self.take(np.arange(at, min(at + CHUNK, self.count)))
