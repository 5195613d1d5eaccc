"""Calls that take their time outside Python, side by side on the cores that are free."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
_MOST = 4  # what is done side by side here reads memory most of the time: more cores would wait for it


@lru_cache(maxsize=1)
def lanes() -> int:
    """How many calls may run at once, the caller's own thread among them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MOST, cores)


def side_by_side(calls: Sequence[Callable[[], T]]) -> list[T]:
    """What the calls return, in their order. The caller does the first, and each that nobody has begun by then: where
    many ask at once it does all of them, and never waits for a thread. The first exception in that order is raised, after
    every call has ended. Calls may use this themselves."""
    if len(calls) < 2 or lanes() < 2:
        return [call() for call in calls]
    try:
        begun = [_pool().submit(call) for call in calls[1:]]
    except RuntimeError:  # the program is ending and starts no thread any more
        return [call() for call in calls]
    try:
        first = calls[0]()
    finally:
        # `cancel` succeeds where it has not begun.
        mine = {at for at, future in enumerate(begun) if future.cancel()}
        for at, future in enumerate(begun):
            if at not in mine:
                future.exception()  # waits
    return [first, *(calls[at + 1]() if at in mine else future.result() for at, future in enumerate(begun))]


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    if hasattr(os, "register_at_fork"):  # a child would have the pool, but none of its threads
        os.register_at_fork(after_in_child=_pool.cache_clear)
    return ThreadPoolExecutor(max(1, lanes() - 1), "judian-beside")
