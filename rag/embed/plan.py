"""How a few texts are cut into batches so that all are done soonest, where several batches run at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_CALL = 64  # tokens that one more batch costs beyond its own: the weights come by once more
_MOST = 16  # texts of a batch


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
