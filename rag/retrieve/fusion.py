"""Several lists made one: reciprocal rank fusion, lists with different floors, and what comes after what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rag.types import BODY_ROLES, Hit, Passage, Tier

Ranking = Sequence[tuple[int, float]]
"""(passage id, score), best first."""

_LEVELLED = 0.7
"""Chosen on the questions of `rag/training/written` (their documents together, and each folder alone): 1 finds more across
languages, 0 puts the query's own language first in a library of many documents."""
_DRAWN = 3  # hits of an average list that a list's floor is mixed with
_TELLING = 30  # characters from which on equal texts say the same wherever they stand


def fuse(
    rankings: Mapping[str, Ranking], *, k0: int = 60, weights: Mapping[str, float] | None = None
) -> list[tuple[int, float]]:
    """Reciprocal rank fusion: score(d) = Σ over rankers of weight / (k0 + rank of d), 1-based; a ranker that does not
    list d adds nothing. Best first, ties by id. A ranker without a weight has weight 1.

    Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
    SIGIR 2009 (k0 = 60 is theirs).
    """
    scores: dict[int, float] = {}
    for name in sorted(rankings):  # a fixed order of additions: the same sum to the last bit
        weight = 1.0 if weights is None else weights.get(name, 1.0)
        for rank, (number, _) in enumerate(rankings[name], start=1):
            scores[number] = scores.get(number, 0.0) + weight / (k0 + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def level(rankings: Sequence[Ranking]) -> list[tuple[int, float]]:
    """One list of several that measure alike but from different floors: by score less `_LEVELLED` of the list's floor,
    which is its mean, drawn to that of all lists where it is short. Scores stay what they were; ties by id."""
    scores = [score for ranking in rankings for _, score in ranking]
    common = sum(scores) / max(1, len(scores))
    marked: list[tuple[float, int, float]] = []
    for ranking in rankings:
        floor = (sum(score for _, score in ranking) + _DRAWN * common) / (len(ranking) + _DRAWN)
        marked += [(_LEVELLED * floor - score, number, score) for number, score in ranking]
    return [(number, score) for _, number, score in sorted(marked)]


def both_scripts(hits: Sequence[Hit], k: int, others: Collection[str]) -> list[Hit]:
    """The k best, in their order, but at least three in eight from `others` (the documents of one of two scripts) and three
    in eight from the rest, as far as there are: an embedder puts texts in the query's language first, whatever they
    say, and words find no others."""
    if k <= 0:
        return []
    there = [hit.passage.doc_id in others for hit in hits]
    least, count = k * 3 // 8, sum(there)
    share = min(count, max(least, k - (len(hits) - count), min(sum(there[:k]), k - least)))
    left = {True: share, False: k - share}
    chosen: list[Hit] = []
    for hit, side in zip(hits, there, strict=True):
        if left[side]:
            left[side] -= 1
            chosen.append(hit)
    return chosen


def tiers(fused: Ranking, passages: Mapping[int, Passage], furniture: bool) -> Mapping[Tier, list[tuple[int, float]]]:
    """Said for the first time; said again; furniture. In this order, each best first."""
    first: list[tuple[int, float]] = []
    again: list[tuple[int, float]] = []
    after: list[tuple[int, float]] = []
    seen: set[str] = set()
    for hit in fused:
        passage = passages[hit[0]]
        if not furniture and passage.role not in BODY_ROLES:
            after.append(hit)
            continue
        # A short text ("合计 100") says something else under another heading; a long one does not.
        key = "".join(passage.text.split())
        key = key if len(key) >= _TELLING else f"{key}\n{passage.context}"
        (again if key in seen else first).append(hit)
        seen.add(key)
    return {"first": first, "again": again, "furniture": after}


def descending(parts: Mapping[Tier, Ranking]) -> list[tuple[int, float, Tier, float]]:
    """The tiers in one list: number, score, tier, and the scale by which a later tier's scores come to lie below the last of
    the tier before."""
    out: list[tuple[int, float, Tier, float]] = []
    for name, tier in parts.items():
        scale = 1.0
        if out and tier and tier[0][1] >= out[-1][1]:
            scale = 0.999 * out[-1][1] / tier[0][1]
        out.extend((number, score * scale, name, scale) for number, score in tier)
    return out
