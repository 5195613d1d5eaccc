"""Vectors for a library of any size: the real model's for its first documents, and for those after them what it might have
said of them: the real vector of the paragraph that a passage was made from, moved as near neighbours differ."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eval.speed.corpus import Corpus, place
from rag.protocols import Embedder, Vectors

SYNTHETIC = "synthetic after"
_DIGEST = 16  # bytes
_NEAREST = 20_000  # real vectors that the differences are taken from
_ROWS = 65_536  # of a file, compared at a time


class VectorFile:
    """Digests and 16-bit vectors in one file that only grows; what was half written when a process was killed is cut off.
    One process writes at a time."""

    def __init__(self, path: Path, dim: int) -> None:
        self._path, self._lock = path, threading.Lock()
        self._kind = np.dtype([("digest", f"V{_DIGEST}"), ("row", np.float16, (dim,))])
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = path.stat().st_size // self._kind.itemsize * self._kind.itemsize if path.is_file() else 0
        if path.is_file():
            os.truncate(path, whole)

    def append(self, digests: Sequence[bytes], rows: Vectors) -> None:
        held = np.empty(len(digests), dtype=self._kind)
        held["digest"] = np.frombuffer(b"".join(digests), dtype=f"V{_DIGEST}")
        held["row"] = rows
        with self._lock, self._path.open("ab") as file:
            file.write(held.tobytes())

    def read(self) -> tuple[list[bytes], NDArray[np.float16]]:
        """Digests, none twice, and their vectors, mapped where that is possible: shape (n, dim)."""
        if not self._path.is_file() or not self._path.stat().st_size:
            return [], np.empty((0, self._kind["row"].shape[0]), dtype=np.float16)
        held = np.memmap(self._path, dtype=self._kind, mode="r")
        digests = [bytes(d) for d in held["digest"]]
        if len(set(digests)) == len(digests):
            return digests, held["row"]
        last = {digest: at for at, digest in enumerate(digests)}
        return list(last), held["row"][list(last.values())]


class Noise:
    """Moves vectors as near neighbours differ: in a direction drawn with the covariance of (nearest neighbour − vector) over real
    rows, by an angle drawn from theirs. `rows`: float32 of unit length, at least two, shape (n, dim)."""

    def __init__(self, rows: Vectors) -> None:
        rows = np.asarray(rows[:_NEAREST], dtype=np.float32)
        at, self._cosines = nearest(rows)
        moved = (rows[at] - rows).astype(np.float64)
        values, axes = np.linalg.eigh(
            moved.T @ moved / len(moved)
        )  # of the differences themselves: their mean is no shift
        self._spread = (axes * np.sqrt(np.clip(values, 0, None))).astype(np.float32)

    def around(self, base: Vectors, seeds: Sequence[bytes]) -> Vectors:
        """Each row of `base` moved by a draw of its own seed; unit length. The same for the same, in any order."""
        drawn = np.empty_like(base, dtype=np.float32)
        cosines = np.empty((len(base), 1), dtype=np.float32)
        for at, seed in enumerate(seeds):
            rng = np.random.Generator(np.random.Philox(key=int.from_bytes(seed[:16], "little")))
            drawn[at] = rng.standard_normal(base.shape[1], dtype=np.float32)
            cosines[at] = self._cosines[rng.integers(len(self._cosines))]
        base, aside = unit(base), drawn @ self._spread.T
        aside -= (aside * base).sum(axis=1, keepdims=True) * base
        return unit(cosines * base + np.sqrt(np.maximum(0, 1 - cosines**2)) * unit(aside))


class LibraryEmbedder:
    """What indexes a library: passages of documents from number `real` on are made up, all else the real model encodes; each
    of its vectors is kept in `cache`, so that a larger library, or a build that goes on, encodes none twice. What it gives for
    passages goes to `log`."""

    def __init__(
        self, embedder: Embedder, corpus: Corpus, real: int, cache: VectorFile, log: VectorFile | None
    ) -> None:
        self._embedder, self._corpus = embedder, corpus
        self.real = max(real, corpus.originals)
        self._cache, self._log = cache, log
        self.name, self.dim = named(embedder, self.real), embedder.dim
        digests, rows = cache.read()
        self._known = dict(zip(digests, rows, strict=True))
        self._noise: Noise | None = None
        self._lock = threading.Lock()
        self.seconds = {"real": 0.0, "synthetic": 0.0}
        self.counts = {"real": 0, "kept": 0, "synthetic": 0}

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        if kind == "query":
            return self._embedder.encode(texts, "query")
        with self._lock:
            rows = np.empty((len(texts), self.dim), dtype=np.float32)
            places = [place(text) for text in texts]
            drawn = [at for at, where in enumerate(places) if where and where[0] >= self.real]
            own = sorted(set(range(len(texts))) - set(drawn))
            if own:
                rows[own] = self._encoded([texts[at] for at in own], [places[at] for at in own])
            if drawn:
                rows[drawn] = self._drawn([texts[at] for at in drawn], [places[at] for at in drawn])
            if self._log:
                self._log.append([digest(text) for text in texts], rows)
        return rows

    def bases(self) -> Vectors:
        """The vectors of the articles' own paragraphs, as far as they have been encoded: shape (n, dim)."""
        keys = [
            _key(number, at)
            for number in range(self._corpus.originals)
            if self._corpus.origin(number) == number
            for at in range(len(self._corpus.article(number).paragraphs))
        ]
        return np.stack([self._known[key] for key in keys if key in self._known]).astype(np.float32)

    def _drawn(self, texts: Sequence[str], places: Sequence[tuple[int, int] | None]) -> Vectors:
        base = np.stack([self._base(*where) for where in places if where])
        began = time.perf_counter()
        if self._noise is None:
            self._noise = Noise(self.bases())
        rows = self._noise.around(base, [digest(text) for text in texts])
        self.seconds["synthetic"] += time.perf_counter() - began
        self.counts["synthetic"] += len(texts)
        return rows

    def _base(self, number: int, at: int) -> Vectors:
        origin = self._corpus.origin(number)
        key = _key(origin, at)
        if key not in self._known:
            made = self._corpus.document(origin)
            self._encoded([f"{made.title}\n{made.paragraphs[at]}"], [(origin, at)])
        return np.asarray(self._known[key], dtype=np.float32)

    def _encoded(self, texts: Sequence[str], places: Sequence[tuple[int, int] | None]) -> Vectors:
        keys = [digest(text) for text in texts]
        fresh = {key: at for at, key in enumerate(keys) if key not in self._known}
        if fresh:
            began = time.perf_counter()
            rows = self._embedder.encode([texts[at] for at in fresh.values()], "passage")
            self.seconds["real"] += time.perf_counter() - began
            found = list(zip(fresh, rows.astype(np.float16), strict=True))
            for (_, row), at in zip(list(found), fresh.values(), strict=True):
                where = places[at]
                if where and self._corpus.origin(where[0]) == where[0]:
                    found.append((_key(*where), row))
            self._known.update(found)
            self._cache.append([key for key, _ in found], np.stack([row for _, row in found]))
        self.counts["real"] += len(fresh)
        self.counts["kept"] += len(texts) - len(fresh)
        return np.stack([self._known[key] for key in keys]).astype(np.float32)


class Named:
    """An embedder under another name: the real model asks an index that holds made-up vectors."""

    def __init__(self, embedder: Embedder, name: str) -> None:
        self._embedder, self.name, self.dim = embedder, name, embedder.dim

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        return self._embedder.encode(texts, kind)


def named(embedder: Embedder, real: int) -> str:
    """The name of a vector space of real vectors up to a document, so that no index mixes it up with another."""
    return f"{embedder.name} ({SYNTHETIC} {real})"


def digest(text: str) -> bytes:
    """As `Passage.digest` is made of a passage's context."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_DIGEST]


def _key(number: int, at: int) -> bytes:
    """Under which the vector of an article's own paragraph is kept as well."""
    return digest(f"paragraph {at} of document {number}")


def unit(rows: NDArray[Any]) -> Vectors:
    """float32 rows of unit length, which rounding to 16 bits has taken from them."""
    rows = np.asarray(rows, dtype=np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float32)


def nearest(rows: Vectors, among: Vectors | None = None) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Of each row the index of its nearest other row (or of the nearest of `among`) and their cosine."""
    others = rows if among is None else among
    at = np.empty(len(rows), dtype=np.intp)
    cosine = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), 2048):
        part = slice(start, start + 2048)
        found = rows[part] @ others.T
        if among is None:
            found[np.arange(len(found)), np.arange(start, start + len(found))] = -2.0
        at[part] = found.argmax(axis=1)
        cosine[part] = found[np.arange(len(found)), at[part]]
    return at, cosine


def exact(rows: NDArray[np.float16], queries: Vectors, k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The k best rows of each query by inner product, best first, found by comparing with all: indices and products, shape
    (queries, k), k no more than there are rows. Rows are taken as they are kept: rounding to 16 bits changes their length by
    more than often lies between the tenth and the next, and a store that scores the kept rows must not lose by it."""
    k = min(k, len(rows))
    best = np.empty((len(queries), 0), dtype=np.float32)
    index = np.empty((len(queries), 0), dtype=np.intp)
    for start in range(0, len(rows), _ROWS):
        part = np.asarray(rows[start : start + _ROWS], dtype=np.float32)
        scores = queries @ part.T
        top = np.argpartition(-scores, min(k, len(part)) - 1, axis=1)[:, :k]
        best = np.concatenate([best, np.take_along_axis(scores, top, axis=1)], axis=1)
        index = np.concatenate([index, top + start], axis=1)
        order = np.lexsort((index, -best), axis=1)[:, :k]
        best, index = np.take_along_axis(best, order, axis=1), np.take_along_axis(index, order, axis=1)
    return index, best
