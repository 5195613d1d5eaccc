"""Vectors in 8 bits a number, that say which of them may be the nearest: what they let through is scored by the vectors
themselves.

Number d of a vector is kept as the nearest of 256 steps from `low[d]` on. A query, weighted by the steps, is rounded to
whole numbers too, so that products are sums of whole numbers, the quickest that FAISS scans (QT_8bit_direct_signed). What
rounding does to a product is a sum of hundreds of small independent errors, and its size is known. A search in a `Sketch`
lets through what lies nearer to the k-th best than `_SURE` standard deviations of it, and so finds what comparing with every
vector finds (VA-file: Weber, Schek and Blott, "A Quantitative Analysis and Performance Study for Similarity-Search Methods in
High-Dimensional Spaces", 1998, with hard bounds); the few vectors that have a number outside of these steps are blurred more,
and always pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.protocols import Vectors
from rag.stores.halves import Halves
from rag.stores.scan import Bits, bits, faiss, in_large_pages, one_thread

Codes = NDArray[np.uint8]
Numbers = NDArray[np.float64]

_LEVELS = 127  # of a query's weight, either side of 0
_OFFSET = 128  # FAISS takes a code c for c - 128
_SLACK = 0.125  # of a number's range, kept free either side for vectors to come
_SURE = 8.0  # standard deviations: one in 10^15 lies farther
_STRANGE = 64  # one vector in so many, blurred so, and ranges are drawn anew …
_GROWN = 4  # … as when there are this many times as many as they were drawn from
_NARROW = 1e-3  # the narrowest range of a number
_TINY = 1e-24


@dataclass(frozen=True, slots=True)
class Weights:
    """A query as it is scanned with."""

    row: Vectors  # whole numbers, shape (1, dim)
    unit: float
    constant: float
    sure: float  # by how much a product may be more than what is reckoned

    def reckoned(self, scores: Vectors) -> Numbers:
        """Products with the query, from FAISS's sums."""
        return self.unit * scores.astype(np.float64) + self.constant


@dataclass(frozen=True, slots=True)
class Ranges:
    """What codes mean."""

    low: Numbers  # shape (dim,)
    step: Numbers
    mean: Numbers  # of the codes
    spread: float  # Σ over numbers of the variance of their codes
    seen: int  # vectors that these were drawn from

    @classmethod
    def drawn(cls, chunks: Iterable[Halves]) -> Ranges:
        """Those of some vectors, finite numbers; at least one."""
        low: Any = np.inf
        high: Any = -np.inf
        total: Any = 0.0
        squares: Any = 0.0
        count = 0
        for halves in chunks:
            rows = halves.astype(np.float32)
            low, high = np.minimum(low, rows.min(axis=0)), np.maximum(high, rows.max(axis=0))
            total = total + rows.sum(axis=0, dtype=np.float64)
            squares = squares + np.einsum("ij,ij->j", rows, rows, dtype=np.float64)
            count += len(rows)
        span = np.maximum(high.astype(np.float64) - low, _NARROW)
        low, step, mean = low - _SLACK * span, span * (1 + 2 * _SLACK) / 255, total / count
        spread = float((np.maximum(squares / count - mean**2, 0.0) / step**2).sum())
        return cls(low, step, (mean - low) / step, spread, count)

    @classmethod
    def of_arrays(cls, dim: int, arrays: Mapping[str, NDArray[Any]]) -> Ranges:
        """What `arrays` gave. Raises ValueError, KeyError."""
        low, step, mean = arrays["ranges"].reshape(3, dim).astype(np.float64)
        spread, seen = arrays["drawn"].reshape(2)
        if not (step > 0).all():
            raise ValueError("ranges that are none")
        return cls(low, step, mean, float(spread), int(seen))

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"ranges": np.stack([self.low, self.step, self.mean]), "drawn": np.array([self.spread, self.seen])}

    def codes(self, rows: Vectors) -> tuple[Codes, NDArray[np.bool_]]:
        """8 bits a number, and which rows have a number that lies outside."""
        low, step = (values.astype(np.float32) for values in (self.low, self.step))
        codes = (rows - low) / step
        np.rint(codes, out=codes)
        blurred = (codes.min(axis=1, initial=0) < 0) | (codes.max(axis=1, initial=0) > 255)
        np.clip(codes, 0, 255, out=codes)
        return codes.astype(np.uint8), blurred

    def weights(self, query: Numbers) -> Weights:
        weights = query * self.step
        unit = max(float(np.abs(weights).max()), _TINY) / _LEVELS
        whole = np.rint(weights / unit)
        lost = weights - unit * whole
        # The query's rounding is made good for the mean vector; what is left of it is how codes differ from the mean.
        constant = float(query @ self.low + lost @ self.mean + _OFFSET * unit * whole.sum())
        deviation = float(np.sqrt(((weights**2).sum() + unit**2 * self.spread) / 12))
        # That is chance, but not for vectors that resemble the query: where many of its numbers become 0, these lose most.
        alike = np.clip((query - self.low) / self.step, 0, 255)
        sure = _SURE * deviation + abs(float(lost @ (alike - self.mean)))
        return Weights(whole.astype(np.float32)[None], unit, constant, sure)


def kind() -> int:
    """FAISS's name for these codes."""
    found: int = faiss().ScalarQuantizer.QT_8bit_direct_signed
    return found


def added(codes: Codes) -> Vectors:
    """What is to be given to FAISS, so that it keeps these codes."""
    return codes.astype(np.float32) - _OFFSET


class Sketch:
    """Positions are the order in which vectors were added, closed up where some were removed. Any number of readers, or one
    writer."""

    def __init__(self, dim: int, ranges: Ranges) -> None:
        module = faiss()
        self.dim, self.ranges = dim, ranges
        self._index = module.IndexScalarQuantizer(dim, kind(), module.METRIC_INNER_PRODUCT)
        self._blurred = np.empty(0, dtype=np.int64)  # positions, ascending

    @classmethod
    def of_arrays(cls, dim: int, arrays: Mapping[str, NDArray[Any]], count: int) -> Sketch:
        """What `arrays` gave. Raises ValueError, KeyError where they do not fit together."""
        codes, blurred = arrays["codes"], arrays["blurred"]
        if codes.shape != (count, dim) or codes.dtype != np.uint8:
            raise ValueError(f"codes {codes.shape} {codes.dtype} of {count} vectors")
        if len(blurred) and not 0 <= blurred.min() <= blurred.max() < count:
            raise ValueError("no such position")
        sketch = cls(dim, Ranges.of_arrays(dim, arrays))
        sketch._blurred = blurred.astype(np.int64)
        sketch._append(codes)
        sketch.settle()
        return sketch

    def settle(self) -> None:
        """To be called when many were added."""
        in_large_pages(self._codes())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a file keeps; `codes` is a view that the next change makes invalid."""
        return {"codes": self._codes(), "blurred": self._blurred, **self.ranges.arrays()}

    @property
    def count(self) -> int:
        return int(self._index.ntotal)

    @property
    def fits(self) -> bool:
        """Whether its ranges suit what it holds; else a new one is to be drawn."""
        few = len(self._blurred) <= max(_STRANGE, self.count // _STRANGE)
        return few and self.count <= _GROWN * max(self.ranges.seen, _STRANGE)

    def add(self, halves: Halves) -> None:
        codes, blurred = self.ranges.codes(halves.astype(np.float32))
        self._blurred = np.concatenate([self._blurred, np.flatnonzero(blurred) + self.count])
        self._append(codes)

    def remove(self, gone: NDArray[np.bool_]) -> None:
        self._index.remove_ids(bits(gone).selector)
        blurred = np.zeros(len(gone), dtype=bool)
        blurred[self._blurred] = True
        self._blurred = np.flatnonzero(blurred[~gone])

    def nearest(self, query: Numbers, count: int, allowed: Bits | None) -> tuple[NDArray[np.int64], Numbers, float]:
        """The `count` nearest by the sketch, best first, fewer where fewer are allowed: their positions, the products that
        it reckons, and by how much a product may be more than that."""
        weights = self.ranges.weights(query)
        options = {} if allowed is None else {"params": faiss().SearchParameters(sel=allowed.selector)}
        with one_thread():
            scores, found = self._index.search(weights.row, min(count, self.count), **options)
        held = found[0] >= 0
        return found[0][held], weights.reckoned(scores[0][held]), weights.sure

    def blurred(self, mask: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Positions that are to be let through whatever it reckons."""
        return self._blurred if mask is None else self._blurred[mask[self._blurred]]

    def _codes(self) -> Codes:
        if not self.count:
            return np.empty((0, self.dim), dtype=np.uint8)
        codes: Codes = faiss().rev_swig_ptr(self._index.codes.data(), self.count * self.dim)
        return codes.reshape(self.count, self.dim)

    def _append(self, codes: Codes) -> None:
        if len(codes):
            self._index.add_sa_codes(np.ascontiguousarray(codes))
