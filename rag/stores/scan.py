"""How FAISS is called: on one thread, and with what a search may find."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HUGE = 2 << 20  # bytes of a large page
_COLLAPSE = 25  # MADV_COLLAPSE, Linux 6.1


@dataclass(frozen=True, slots=True)
class Bits:
    """Positions that a search may find."""

    selector: Any  # faiss.IDSelectorBitmap
    mask: NDArray[np.bool_]
    count: int


def bits(mask: NDArray[np.bool_]) -> Bits:
    return Bits(faiss().IDSelectorBitmap(np.packbits(mask, bitorder="little")), mask, int(mask.sum()))


def faiss() -> Any:
    import faiss  # its own type stubs leave out half of what it takes

    return faiss


@contextmanager
def one_thread() -> Iterator[None]:
    """FAISS divides queries among threads, not the scan of one: the others would spin meanwhile. Counts for the calling
    thread alone."""
    before = faiss().omp_get_max_threads()
    faiss().omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss().omp_set_num_threads(before)


def in_large_pages(array: NDArray[Any]) -> None:
    """Moves what an array holds into pages of 2 MB, where the system has such (Linux): a scan of what has left the processor's
    caches takes a quarter less. Elsewhere, and where it is small, nothing is done."""
    first = -(-array.ctypes.data // _HUGE) * _HUGE
    size = (array.ctypes.data + array.nbytes - first) // _HUGE * _HUGE
    if sys.platform == "linux" and size > 0:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).madvise(ctypes.c_void_p(first), ctypes.c_size_t(size), _COLLAPSE)
