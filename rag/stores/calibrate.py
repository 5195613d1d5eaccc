"""How many lists a search must scan: measured on the user's own questions against exact search, never guessed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.protocols import Vectors
from rag.stores.cluster import Rows
from rag.stores.halves import Halves
from rag.stores.ivf import ClusteredPart, candidates
from rag.stores.scan import Bits, faiss

OwnQueries = Callable[[int], Vectors]
"""So many vectors of what a user of this library might ask, unit rows; fewer where it is small."""

TARGET = 0.98  # recall@10 aimed at; 0.97 is promised
_STRICTER = 0.99  # … where vectors of the store stand in for questions, which lie farther from what answers them
ENOUGH = 64  # questions that were asked, from which on no others are made up
_K = 10
_MOST = 256  # questions
_GAIN = 0.002  # of recall by half as many lists again: less is not worth them …
_SPARED = 32  # … where there are this many
_SEED = 20260102
_EQUAL = 1e-6  # scores nearer than this are a tie: either vector is a right answer


@dataclass(frozen=True, slots=True)
class Probing:
    """What was found."""

    nprobe: int
    recall: float  # recall@10 that these lists give, against a scan of all
    queries: int
    asked: bool  # whether these were questions of a user
    count: int  # vectors that the store held then

    def head(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_head(cls, head: Mapping[str, Any]) -> Probing:
        """Raises KeyError, TypeError, ValueError."""
        whole = {key: int(head[key]) for key in ("nprobe", "queries", "count")}
        if min(whole.values()) < 0 or whole["nprobe"] < 1:
            raise ValueError("a negative count")
        return cls(recall=float(head["recall"]), asked=bool(head["asked"]), **whole)


class Asked:
    """The last questions' vectors, each once. In memory only: what people ask is not written down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._vectors: deque[bytes] = deque(maxlen=_MOST)

    def note(self, query: NDArray[np.float64]) -> None:
        data = query.astype(np.float32).tobytes()
        with self._lock:
            if data not in self._vectors and query.any():
                self._vectors.append(data)

    def vectors(self, dim: int) -> Vectors:
        with self._lock:
            data = b"".join(self._vectors)
        return np.frombuffer(data, dtype=np.float32).reshape(-1, dim)

    @property
    def enough(self) -> bool:
        return len(self._vectors) >= ENOUGH


def calibrated(
    base: ClusteredPart,
    rows: Rows,
    asked: Vectors,
    own: OwnQueries | None,
    allowed: Bits | None = None,
) -> Probing:
    """The fewest lists that give the recall aimed at, or as much of it as more lists would give. `rows` is what `base` was
    made from, or what is left of it, as `allowed` says: truth is a scan of these vectors."""
    queries, themselves, real = _queries(base, rows, asked, own)
    if not len(queries):
        return Probing(base.lists, 1.0, 0, False, len(rows))
    truth = exact(queries, rows.chunks(), _K + 1)
    measure = _Measure(base, allowed, queries, themselves, *truth)
    target = _STRICTER if (themselves >= 0).any() else TARGET
    nprobe, found = 1, measure.recall(1)
    steps = sorted({step for n in range(31) for step in (1 << n, 3 << n)})  # 1, 2, 3, 4, 6, 8, 12 …
    for step in (step for step in steps if 1 < step < base.lists):
        if found >= target:
            break
        more = measure.recall(step)
        if step > _SPARED and more - found < _GAIN:
            break
        nprobe, found = step, more
    return Probing(nprobe, round(found, 4), len(queries), real, len(rows))


def exact(
    queries: Vectors, chunks: Iterable[tuple[NDArray[np.int64], Halves]], k: int
) -> tuple[NDArray[np.int64], Vectors]:
    """The k best ids for each query and their scores, by comparing all; -1 where there are fewer."""
    ids = np.full((len(queries), k), -1, dtype=np.int64)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for numbers, vectors in chunks:
        count = min(k, len(numbers))
        found, at = faiss().knn(queries, vectors.astype(np.float32), count, metric=faiss().METRIC_INNER_PRODUCT)
        every_id = np.concatenate([ids, numbers[at]], axis=1)
        every_score = np.concatenate([scores, found], axis=1)
        order = np.argsort(-every_score, axis=1, kind="stable")[:, :k]
        ids = np.take_along_axis(every_id, order, axis=1)
        scores = np.take_along_axis(every_score, order, axis=1)
    return ids, scores


class _Measure:
    def __init__(
        self,
        base: ClusteredPart,
        allowed: Bits | None,
        queries: Vectors,
        themselves: NDArray[np.int64],
        ids: NDArray[np.int64],
        scores: Vectors,
    ) -> None:
        """`themselves`: for a query that is a vector of the store, its id, which is no answer; else -1."""
        self._base, self._queries, self._themselves = base, queries, themselves
        rows = [base.ranges.weights(query).row for query in queries.astype(np.float64)]
        self._weights = np.concatenate(rows)
        self._options: dict[str, Any] = {} if allowed is None else {"sel": allowed.selector}
        self._wanted: list[set[int]] = []
        self._size: list[int] = []
        for own, numbers, values in zip(themselves.tolist(), ids, scores, strict=True):
            kept = [(n, v) for n, v in zip(numbers.tolist(), values.tolist(), strict=True) if n not in (own, -1)]
            self._size.append(min(_K, len(kept)))
            last = kept[self._size[-1] - 1][1] if kept else 0.0
            self._wanted.append({n for n, v in kept if v >= last - _EQUAL})

    def recall(self, nprobe: int) -> float:
        count = min(candidates(_K + 1), self._base.count)
        _, lists = self._base.index.quantizer.search(self._queries, nprobe)
        _, found = self._base.scan(self._weights, count, lists, self._options)
        share = []
        for at, (own, wanted, size) in enumerate(zip(self._themselves.tolist(), self._wanted, self._size, strict=True)):
            positions = found[at][found[at] >= 0]
            hits = self._base.scored(positions, self._queries[at].astype(np.float64), _K + 1)
            numbers = [number for number, _ in hits if number != own][:_K]
            if size:
                share.append(min(size, len(wanted.intersection(numbers))) / size)
        return float(np.mean(share)) if share else 1.0


def _queries(
    base: ClusteredPart, rows: Rows, asked: Vectors, own: OwnQueries | None
) -> tuple[Vectors, NDArray[np.int64], bool]:
    """What was asked; where that is little, also what might be; without that, vectors of the store."""
    nobody = np.full(_MOST, -1, dtype=np.int64)
    if len(asked) >= ENOUGH:
        return asked, nobody[: len(asked)], True
    if own is not None:
        made = np.asarray(own(_MOST - len(asked)), dtype=np.float32).reshape(-1, base.dim)
        queries = np.concatenate([asked, made[np.isfinite(made).all(axis=1)]])[:_MOST]
        if len(queries) >= ENOUGH:
            return np.ascontiguousarray(queries), nobody[: len(queries)], False
    chosen = np.sort(np.random.default_rng(_SEED).choice(len(rows), min(_MOST, len(rows)), replace=False))
    return rows.halves(chosen).astype(np.float32), rows.ids[chosen], False
