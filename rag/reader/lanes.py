"""How windows go through the network: in batches of like length, several batches at once, whoever asked first first.

A processor multiplies small matrices on one core each sooner than one after the other on all of them: no core waits for
another. On two cores eight windows of 192 tokens take 0.9 of the time in two batches side by side that they take in one, and
0.6 where other programs want the cores too. A batch holds windows of one call only: what is read of them depends on nobody else.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
_CALL = 64  # tokens that one more batch costs beyond its own: the weights come by once more
_MOST = 16  # windows of a batch
_MANY_CORES = 8  # from which on there are four lanes, of two cores and more each


def lanes_for(threads: int = 0) -> int:
    """How many lanes to run on so many threads, 0: on all cores that this process may use."""
    cores = threads or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    return 1 if cores < 2 else 2 if cores < _MANY_CORES else 4


class Lanes:
    """Does pieces of work at once, as many as there are lanes, first come first served. With one lane the caller does each
    himself."""

    def __init__(self, count: int = 1) -> None:
        self.count = count
        # As many again: a lane that comes free finds the next batch ready and waits for no thread.
        self._pool = ThreadPoolExecutor(2 * count, "judian-reader") if count > 1 else None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        if self._pool is not None:
            return self._pool.submit(work)
        done: Future[T] = Future()
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)
        return done


def plan(lengths: Sequence[int], lanes: int) -> list[list[int]]:
    """Windows of these lengths (in tokens, as padded) in batches, by their indices; the batch that takes longest is first.
    Of the ways to cut them in order of length the one with which all lanes are done soonest, by the tokens of a batch with its
    padding and what a call costs."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    sizes = [lengths[i] for i in order]
    if not sizes:
        return []
    even = _CALL + sum(sizes) / lanes
    limits = [even + share * sizes[-1] for share in (0.0, 0.5, 1.0)] if lanes > 1 else [float("inf")]
    ways = [list(_cheapest(sizes, limit)) for limit in limits]
    cuts = min(ways, key=lambda way: _until_done(way, sizes, lanes))
    batches = sorted(cuts, key=lambda cut: (-_cost(sizes, *cut), cut))
    return [order[start:end] for start, end in batches]


def _cost(sizes: Sequence[int], start: int, end: int) -> int:
    return _CALL + (end - start) * sizes[end - 1]


def _cheapest(sizes: Sequence[int], limit: float) -> Iterator[tuple[int, int]]:
    """The cuts of least total cost, none beyond the limit but single windows; from the last to the first."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(sizes) + 1):
        starts = range(end - 1, max(0, end - _MOST) - 1, -1)
        fits = (start for start in starts if start == end - 1 or _cost(sizes, start, end) <= limit)
        best.append(min((best[start][0] + _cost(sizes, start, end), start) for start in fits))
    end = len(sizes)
    while end:
        start = best[end][1]
        yield start, end
        end = start


def _until_done(cuts: Sequence[tuple[int, int]], sizes: Sequence[int], lanes: int) -> int:
    """When the last lane is done if each takes the costliest batch that is left."""
    done = [0] * lanes
    for cost in sorted((_cost(sizes, *cut) for cut in cuts), reverse=True):
        done[done.index(min(done))] += cost
    return max(done)


class Promised(Generic[T]):
    """Something that is being made, once for all who ask. Where making it fails, the next who asks tries again."""

    def __init__(self, start: Callable[[], Callable[[], T]]) -> None:
        """`start` begins and returns at once what waits for the end."""
        self._start: Callable[[], Callable[[], T]] | None = start
        self._finish: Callable[[], T] | None = None
        self._made: list[T] = []
        self._lock = threading.Lock()

    def begin(self) -> None:
        with self._lock:
            if self._finish is None and self._start is not None:
                self._finish = self._start()

    def get(self) -> T:
        self.begin()
        with self._lock:
            if not self._made:
                assert self._start is not None
                finish, self._finish = self._finish or self._start(), None
                self._made.append(finish())
                self._start = None  # what it was made from is needed no more
            return self._made[0]
