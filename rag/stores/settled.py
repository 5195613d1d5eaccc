"""The settled part of an exact store: most of its vectors, in a file that never changes, so that to make a few more durable
does not write all of them again.

It is searched as an exact part is, and held as a clustered one: a vector is known by its position, and what was removed is a
bitmap of the store's.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexBrokenError
from rag.stores.cluster import Rows
from rag.stores.flat import Digests, ExactPart
from rag.stores.halves import KeptHalves
from rag.stores.scan import Bits, bits
from rag.stores.sealed import Streamed, broken, read_sealed, write_sealed
from rag.stores.sketch import Ranges, Sketch


@dataclass(frozen=True, slots=True)
class SettledPart:
    """Opened by `open_settled`. Safe for any number of searches at once."""

    name: str
    dim: int
    stamp: str
    exact: ExactPart  # never changed
    documents: Digests
    docs: NDArray[np.int32]  # by position: place of its document in `documents`

    @property
    def count(self) -> int:
        return self.exact.count

    @property
    def ids(self) -> NDArray[np.int64]:
        return self.exact.ids

    @property
    def halves(self) -> KeptHalves:
        return self.exact.kept

    def positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the ids that are here, ascending."""
        return np.sort(self.exact.positions(ids))

    def among(self, digests: Digests) -> NDArray[np.bool_] | None:
        """Which positions belong to these documents; None where no document is here."""
        found = self.exact.among(digests)
        return found if found.any() else None

    def scope(self, mask: NDArray[np.bool_]) -> Bits:
        """The positions that a filter lets through."""
        return bits(mask)

    def search(
        self, query: NDArray[np.float64], k: int, nprobe: int, alive: Bits | None = None, scope: Bits | None = None
    ) -> list[tuple[int, float]]:
        """The k best (id, score) for a unit vector, ties by id; `nprobe` is nothing to it. `alive`: what may be found at all;
        `scope`, instead: what a filter leaves of that. Raises RagError."""
        return self.exact.search(query, k, alive if scope is None else scope)


def write_settled(directory: Path, name: str, rows: Rows) -> str:
    """Writes the file of a part that holds all rows, at least one, and returns its stamp; vectors go through memory a few
    thousand at a time. Raises RagError."""
    dim = rows.exact.dim
    documents, docs = rows.documents()
    sketch = Sketch(dim, Ranges.drawn(halves for _, halves in rows.chunks()))
    for _, halves in rows.chunks():
        sketch.add(halves)
    vectors = Streamed(np.dtype(np.float16), (len(rows), dim), (halves for _, halves in rows.chunks()))
    arrays: dict[str, NDArray[Any] | Streamed]
    arrays = {"ids": rows.ids, "docs": docs, "documents": documents, "vectors": vectors, **sketch.arrays()}
    return write_sealed(settled_file(directory, name), {"dim": dim}, arrays)


def open_settled(directory: Path, name: str, dim: int, stamp: str, whole: bool) -> SettledPart:
    """Opens a part; `stamp` is the one that its file must have, `whole` verifies every byte. Raises FileNotFoundError,
    IndexBrokenError."""
    path = settled_file(directory, name)
    found = read_sealed(path, whole)
    try:
        if found.stamp != stamp:
            raise ValueError("it belongs to another state of the store")
        exact = ExactPart.of_file(dim, path, found)
    except (ValueError, KeyError, TypeError) as error:
        if not path.exists():  # another process has just replaced it
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
        raise broken(path, error) from error
    documents, docs = exact.documents()
    order = np.argsort(documents)
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return SettledPart(name, dim, stamp, exact, documents[order], place[docs])


def settled_file(directory: Path, name: str) -> Path:
    return directory / f"{name}.flat"


def check_settled(directory: Path, name: str, stamp: str) -> str:
    """What is wrong with the file of a part, every byte of it read; "": nothing."""
    try:
        found = read_sealed(settled_file(directory, name))
    except FileNotFoundError as error:
        return f"{Path(str(error.filename)).name} is missing"
    except IndexBrokenError as error:
        return str(error)
    return "" if found.stamp == stamp else f"{name}.flat: it belongs to another state of the store"
