"""What remains recognisable of a deleted text without keeping any of it: hashes of a few stretches, to be looked for in
the bytes of every file that might still hold them.

The hash of 32 bytes b is Σ b[i]·P^i mod 2^64 (Karp and Rabin, "Efficient randomized pattern-matching algorithms", 1987);
over a whole file it comes from prefix sums, with the powers of P undone by its inverse.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WINDOW = 32  # bytes: ten Chinese characters
MOST = 64  # stretches kept of one document
_P = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
_INVERSE = pow(_P, -1, 1 << 64)
_STRIDE = 4 << 20  # bytes looked at together

Hashes = NDArray[np.uint64]


def probes_of(text: str) -> Hashes:
    """Hashes of up to 64 stretches, evenly spread over a text; none of a text shorter than one."""
    data = text.encode("utf-8", "surrogatepass")
    last = len(data) - WINDOW
    starts = sorted({last * i // (MOST - 1) for i in range(MOST)}) if last >= 0 else []
    return np.array([_hash(data[start : start + WINDOW]) for start in starts], dtype=np.uint64)


def found_in(data: bytes, probes: Hashes) -> Hashes:
    """Those of the hashes that some stretch of the bytes has."""
    met: list[Hashes] = [np.empty(0, dtype=np.uint64)]
    for at in range(0, max(len(data) - WINDOW + 1, 0), _STRIDE):
        hashes = _rolling(np.frombuffer(data, dtype=np.uint8, offset=at)[: _STRIDE + WINDOW - 1])
        met.append(probes[np.isin(probes, hashes)])
    return np.unique(np.concatenate(met))


def windows(data: bytes) -> Hashes:
    """The hash of every stretch of the bytes, each once; none where they are shorter than one."""
    if len(data) < WINDOW:
        return np.empty(0, dtype=np.uint64)
    return np.unique(_rolling(np.frombuffer(data, dtype=np.uint8)))


def _hash(window: bytes) -> int:
    return sum(byte * pow(_P, i, 1 << 64) for i, byte in enumerate(window)) % (1 << 64)


def _rolling(data: NDArray[np.uint8]) -> Hashes:
    with np.errstate(over="ignore"):
        powers = _powers(_P, len(data))
        sums = np.concatenate(
            [np.zeros(1, dtype=np.uint64), np.cumsum(data.astype(np.uint64) * powers, dtype=np.uint64)]
        )
        count = len(data) - WINDOW + 1
        rolled: Hashes = (sums[WINDOW:] - sums[:count]) * _powers(_INVERSE, count)
    return rolled


def _powers(base: int, count: int) -> Hashes:
    """1, base, base² … modulo 2^64."""
    steps = np.full(count, base, dtype=np.uint64)
    if count:
        steps[0] = 1
    return np.cumprod(steps, dtype=np.uint64)
