"""How windows go through the network: in batches of like length (`rag.embed.plan`), several at once, whoever asked first first.

A processor multiplies small matrices on one core each sooner than one after the other on all of them: no core waits for
another. On two cores eight windows of 192 tokens take 0.9 of the time in two batches side by side that they take in one, and
0.6 where other programs want the cores too. A batch holds windows of one call only: what is read of them depends on nobody else.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
_SOON = 0.002  # seconds
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
        """Returns when a lane has taken the work up, or where all are busy soon after: whoever went on in Python at once would
        keep the lane's thread from beginning for up to 5 ms (`sys.getswitchinterval`)."""
        if self._pool is not None:
            taken = threading.Event()

            def begun() -> T:
                taken.set()
                return work()

            future = self._pool.submit(begun)
            taken.wait(_SOON)
            return future
        done: Future[T] = Future()
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)
        return done


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
