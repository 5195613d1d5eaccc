"""FAISS, exact and removable (IndexIDMap2 over IndexFlatIP): right up to some 200,000 vectors, 5 ms at 100,000.

On disk it is one file, so that vectors and the documents they belong to can never disagree: a line that names the
format, SHA-256 of all that follows, the length of a JSON head, the head, ids (int64), vectors (float32).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexBrokenError, IndexMismatchError, RagError
from rag.protocols import Vectors
from rag.stores.memory import best, checked, cosines, unit_query

FILE = "vectors.faiss"
_MAGIC = b"judian-vectors-1\n"
_LENGTH = struct.Struct("<Q")
_MARGIN = 32  # candidates beyond k that are scored again in double precision
_CLOSE = 1e-5  # two single-precision scores nearer than this may be equal


class FlatStore:
    """A `VectorStore` kept in `directory`; what was added since the last `flush` is lost with the program."""

    def __init__(self, dim: int, directory: Path) -> None:
        faiss = _faiss()
        self.dim = dim
        self.path = Path(directory) / FILE
        self._lock = threading.Lock()
        self._fill(faiss.IndexIDMap2(faiss.IndexFlatIP(dim)))

    def add(self, ids: Sequence[int], doc_ids: Sequence[str], vectors: Vectors) -> None:
        numbers, docs, rows = checked(ids, doc_ids, vectors, self.dim)
        if not len(numbers):
            return
        with self._lock:
            self._dirty = True
            self._forget([n for n in numbers.tolist() if n in self._doc])  # FAISS keeps duplicate ids silently
            self._index.add_with_ids(rows, numbers)
            for number, doc in zip(numbers.tolist(), docs, strict=True):
                self._know(number, doc)

    def search(self, vector: Vectors, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        faiss = _faiss()
        query = unit_query(vector, self.dim)
        with self._lock:
            total = len(self._doc)
            options: dict[str, Any] = {}
            if doc_ids is not None:
                allowed = [number for doc in set(doc_ids) for number in self._of.get(doc, ())]
                total = len(allowed)
                selector = faiss.IDSelectorBatch(np.array(allowed, dtype=np.int64))
                options = {"params": faiss.SearchParameters(sel=selector)}
            k = min(k, total)
            if k <= 0:
                return []
            count = min(k + _MARGIN, total)
            while True:
                scores, found = self._index.search(query.astype(np.float32)[None], count, **options)
                # Ties at the end: whichever FAISS listed, the lower ids must win, so all of them are needed.
                if count == total or scores[0, -1] < scores[0, k - 1] - _CLOSE:
                    break
                count = min(count * 4, total)
            ids = np.sort(found[0][found[0] >= 0])
            return best(ids, cosines(self._index.reconstruct_batch(ids), query), k)

    def remove(self, doc_ids: Collection[str]) -> None:
        with self._lock:
            gone = [number for doc in set(doc_ids) for number in self._of.get(doc, ())]
            self._dirty = self._dirty or bool(gone)
            self._forget(gone)

    def flush(self) -> None:
        with self._lock:
            if not self._dirty and self.path.exists():
                return
            ids = np.sort(np.fromiter(self._doc, dtype=np.int64, count=len(self._doc)))
            vectors = self._index.reconstruct_batch(ids) if len(ids) else np.empty((0, self.dim), dtype=np.float32)
            _save(self.path, self.dim, ids, [self._doc[n] for n in ids.tolist()], vectors)
            self._seen, self._dirty = _signature(self.path), False

    def reload(self) -> None:
        """Takes what another process has written since; what was added here and not flushed is dropped then."""
        with self._lock:
            if _signature(self.path) != self._seen:
                self._fill(_faiss().IndexIDMap2(_faiss().IndexFlatIP(self.dim)))

    def ids(self) -> set[int]:
        """Every id held."""
        with self._lock:
            return set(self._doc)

    @property
    def count(self) -> int:
        return len(self._doc)

    def _fill(self, index: Any) -> None:
        """Takes an empty FAISS index and what the file holds, if there is one."""
        seen = _signature(self.path)
        ids, docs, vectors = _load(self.path, self.dim) if seen else (np.empty(0, dtype=np.int64), [], None)
        if len(ids):
            index.add_with_ids(vectors, ids)
        self._index, self._seen, self._dirty = index, seen, False
        self._doc: dict[int, str] = {}
        self._of: dict[str, set[int]] = {}
        for number, doc in zip(ids.tolist(), docs, strict=True):
            self._know(number, doc)

    def _know(self, number: int, doc: str) -> None:
        self._doc[number] = doc
        self._of.setdefault(doc, set()).add(number)

    def _forget(self, numbers: Sequence[int]) -> None:
        if not numbers:
            return
        self._index.remove_ids(np.array(numbers, dtype=np.int64))
        for number in numbers:
            doc = self._doc.pop(number)
            self._of[doc].discard(number)
            if not self._of[doc]:
                del self._of[doc]


def saved_ids(directory: Path) -> set[int]:
    """The ids in the file of a store, whatever its dimension. Raises IndexBrokenError where it is damaged."""
    path = Path(directory) / FILE
    return set(_load(path, None)[0].tolist()) if path.exists() else set()


def _faiss() -> Any:
    import faiss  # its own type stubs leave out half of what it takes

    return faiss


def _signature(path: Path) -> tuple[int, int, int] | None:
    """What changes whenever the file is replaced; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _save(path: Path, dim: int, ids: NDArray[np.int64], docs: Sequence[str], vectors: Vectors) -> None:
    names = sorted(set(docs))
    place = {name: at for at, name in enumerate(names)}
    head = json.dumps({"dim": dim, "count": len(ids), "documents": names, "of": [place[doc] for doc in docs]}).encode()
    parts: list[bytes | memoryview] = [
        _LENGTH.pack(len(head)),
        head,
        ids.tobytes(),
        np.ascontiguousarray(vectors).view(np.uint8).data if len(ids) else b"",
    ]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in path.parent.glob(f".{path.name}.*"):  # of a writer that was killed; there is one at a time
            leftover.unlink(missing_ok=True)
        with open(beside, "wb") as file:
            for part in (_MAGIC, digest.digest(), *parts):
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise RagError(
            f"{path} cannot be written ({error}); check permissions and free space, or set index_dir",
            f"无法写入 {path}（{error}）；请检查权限与磁盘空间，或设置 index_dir",
        ) from error
    finally:
        with contextlib.suppress(OSError):  # a disk that takes nothing: it was not made
            beside.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a directory cannot be opened on Windows; there the rename is enough
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _load(path: Path, dim: int | None) -> tuple[NDArray[np.int64], list[str], Vectors]:
    try:
        data = path.read_bytes()
        at = len(_MAGIC)
        if not data.startswith(_MAGIC) or hashlib.sha256(memoryview(data)[at + 32 :]).digest() != data[at : at + 32]:
            raise ValueError("its checksum does not match")
        at += 32
        (length,) = _LENGTH.unpack_from(data, at)
        head = json.loads(data[at + _LENGTH.size : at + _LENGTH.size + length])
        at += _LENGTH.size + length
        count, width = int(head["count"]), int(head["dim"])
        ids = np.frombuffer(data, dtype=np.int64, count=count, offset=at)
        vectors = np.frombuffer(data, dtype=np.float32, count=count * width, offset=at + ids.nbytes)
        docs = [head["documents"][place] for place in head["of"]]
    except OSError as error:
        raise RagError(
            f"{path} cannot be read ({error}); check its permissions, or set index_dir",
            f"无法读取 {path}（{error}）；请检查权限，或设置 index_dir",
        ) from error
    except (ValueError, KeyError, IndexError, TypeError, struct.error) as error:
        raise IndexBrokenError(
            f"{path} is damaged ({error}); run: python -m rag rebuild",
            f"{path} 已损坏（{error}）；请运行：python -m rag rebuild",
        ) from error
    if dim is not None and width != dim:
        raise IndexMismatchError(
            f"{path} holds vectors of {width} numbers, the model gives {dim}; run: python -m rag rebuild",
            f"{path} 中的向量是 {width} 维，而模型给出 {dim} 维；请运行：python -m rag rebuild",
        )
    return ids, docs, vectors.reshape(count, width)
