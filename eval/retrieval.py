"""Judging a ranking: the standard measures of ids against graded qrels, and what a passage covers of gold that is given as
places in the documents (never as passages: cut the documents anew and the gold still holds)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from eval import metrics
from eval.records import Place

RECALL = (1, 5, 10, 50)
SUCCESS = (1, 5, 10)
Item = Sequence[Place]
"""One thing that must be found; any one of its places suffices."""


def evaluate(ranking: Sequence[str], qrels: Mapping[str, int]) -> dict[str, float]:
    """Every measure of one ranking, best first, in 0..1: what trec_eval gives for the same run and qrels.

    A grade above 0 is relevant; what is not judged is not. An id that comes again counts at its first rank only. AP and
    recall see no deeper than the ranking does. Where the qrels hold nothing relevant every measure is 0.0.
    """
    ranks = collapse(ranking)
    gains = [max(qrels.get(name, 0), 0) for name in ranks]
    relevant = sum(grade > 0 for grade in qrels.values())
    return {
        "nDCG@10": metrics.ndcg(gains, list(qrels.values()), 10),
        "RR@10": metrics.reciprocal_rank(gains, 10),
        "AP": metrics.average_precision(gains, relevant),
        **{f"R@{k}": metrics.recall_at(gains, relevant, k) for k in RECALL},
        **{f"Success@{k}": metrics.success_at(gains, k) for k in SUCCESS},
    }


def collapse(sources: Sequence[str]) -> list[str]:
    """First occurrences, in order: the sources of a ranking of passages become a ranking of documents."""
    return list(dict.fromkeys(sources))


def overlap(left: Place, right: Place) -> int:
    """Characters that both cover; 0 in different documents."""
    if left.source != right.source:
        return 0
    return max(0, min(left.end, right.end) - max(left.start, right.start))


def bears(passage: Place, item: Item) -> bool:
    """Whether a passage covers at least half of any place of the item."""
    return any(0 < place.end - place.start <= 2 * overlap(passage, place) for place in item)


def relevant_passages(passages: Iterable[Place], items: Sequence[Item]) -> list[Place]:
    """Those that bear an item, in their order. Hand in only the passages of documents that hold gold: every one is
    compared with every place in its document."""
    places: dict[str, list[Place]] = {}
    for place in (place for item in items for place in item):
        places.setdefault(place.source, []).append(place)
    return [passage for passage in passages if bears(passage, places.get(passage.source, ()))]


def chars_recall(places: Sequence[Place], items: Sequence[Item], k: int) -> float:
    """Evidence recall by characters, 0..1: of each item the best place's share of characters that the first k passages
    cover together, and of these shares the mean. How the documents are cut cannot move it by a threshold, as it can
    recall that counts passages. Needs at least one item; an empty place covers nothing."""
    shown = merged(places[:k])
    return metrics.mean([max((_share(place, shown) for place in item), default=0.0) for item in items])


def merged(places: Iterable[Place]) -> dict[str, list[tuple[int, int]]]:
    """By document, the union of the places as (start, end), apart from one another and in order."""
    by_source: dict[str, list[tuple[int, int]]] = {}
    for place in places:
        if place.start < place.end:
            by_source.setdefault(place.source, []).append((place.start, place.end))
    out: dict[str, list[tuple[int, int]]] = {}
    for source, stretches in by_source.items():
        union: list[tuple[int, int]] = []
        for start, end in sorted(stretches):
            if union and start <= union[-1][1]:
                union[-1] = (union[-1][0], max(union[-1][1], end))
            else:
                union.append((start, end))
        out[source] = union
    return out


def _share(place: Place, shown: Mapping[str, Sequence[tuple[int, int]]]) -> float:
    """Share of a place's characters inside stretches that are apart from one another."""
    if place.start >= place.end:
        return 0.0
    inside = (min(place.end, end) - max(place.start, start) for start, end in shown.get(place.source, ()))
    return sum(length for length in inside if length > 0) / (place.end - place.start)
