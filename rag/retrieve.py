"""From a question to hits: every ranker's list, fused by reciprocal rank."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from rag.protocols import Embedder, Ranker, Vectors, VectorStore
from rag.types import BODY_ROLES, Hit, Hits, Passage

Ranking = Sequence[tuple[int, float]]
"""(passage id, score), best first."""

WEIGHTS: Mapping[str, float] = {"lexical": 1.0, "dense": 0.7}
K0 = 5
"""Chosen on the CMRC 2018 trial set (R@5 .996, with equal weights and k0 = 60 .989); XQuAD agrees (.995, .991)."""

_LEVELLED = 0.7
"""Chosen on the questions of `rag/training/written` (their documents together, and each folder alone): 1 finds more across
languages, 0 puts the query's own language first in a library of many documents."""
_DRAWN = 3  # hits of an average list that a list's floor is mixed with

_DEEPEST = 1600  # passages taken from a ranker when what it lists first is all furniture or repeats
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


@runtime_checkable
class Trusting(Protocol):
    """A ranker that knows how much of a query its best hit accounts for."""

    def trust(self, query: str, best: float) -> float:
        """0..1, by which its weight is multiplied; `best` is the score of its first hit."""
        ...


Scripts = Sequence[Collection[str]]
"""Ids of the documents of each script that the material is in."""


class VectorMemory(Protocol):
    """Keeps vectors by the digests of what they were made from."""

    def vectors(self, digests: Sequence[bytes]) -> dict[bytes, Vectors]: ...
    def keep_vectors(self, digests: Sequence[bytes], vectors: Vectors) -> None: ...


class DenseRanker:
    """A `Ranker` named "dense": cosine of embeddings. Title and section path are embedded with a passage.

    Embeddings of one language lie nearer to each other than to what says the same in another. Where `scripts` tells more
    than one, each is searched apart, and the lists are put together by how far a passage stands out of its own.
    """

    name = "dense"

    def __init__(
        self,
        embedder: Embedder,
        store: VectorStore,
        scripts: Callable[[], Scripts] | None = None,
        memory: VectorMemory | None = None,
    ) -> None:
        self._embedder = embedder
        self._store = store
        self._scripts = scripts
        self._memory = memory

    def add(self, passages: Sequence[Passage]) -> None:
        """Encodes passages and stores their vectors; those whose context was encoded before come from memory."""
        if not passages:
            return
        rows = self._remembered(passages) if self._memory else self._encode(passages)
        self._store.add([p.id for p in passages], [p.doc_id for p in passages], rows)

    def _encode(self, passages: Sequence[Passage]) -> Vectors:
        return self._embedder.encode([p.context for p in passages], "passage")

    def _remembered(self, passages: Sequence[Passage]) -> Vectors:
        assert self._memory is not None
        digests = [p.digest for p in passages]
        known = self._memory.vectors(digests)
        fresh = {digest: p for digest, p in zip(digests, passages, strict=True) if digest not in known}
        if fresh:
            self._memory.keep_vectors(list(fresh), self._encode(list(fresh.values())))
            known |= self._memory.vectors(list(fresh))  # as they are kept: a store filled again is the same to the bit
        return np.stack([known[digest] for digest in digests])

    def search(self, query: str, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        if k <= 0 or not query.strip():
            return []
        vector = self._embedder.encode([query], "query")[0]
        groups = apart(self._scripts() if self._scripts else (), doc_ids)
        if len(groups) < 2:
            return self._store.search(vector, k, doc_ids)
        return level([self._store.search(vector, k, ids) for ids in groups])[:k]

    def remove(self, doc_ids: Collection[str]) -> None:
        self._store.remove(doc_ids)

    def flush(self) -> None:
        self._store.flush()


class Retriever:
    """Asks every ranker and fuses what they say. An ablation is a shorter list of rankers.

    `fetch` gives the passages of ids and leaves out those that are gone: a ranker that still lists a removed passage
    cannot bring it back.
    """

    def __init__(
        self,
        rankers: Sequence[Ranker],
        fetch: Callable[[Iterable[int]], dict[int, Passage]],
        weights: Mapping[str, float] = WEIGHTS,
        k0: int = K0,
    ) -> None:
        self._rankers = tuple(rankers)
        self._fetch = fetch
        self._weights = weights
        self._k0 = k0

    def retrieve(
        self, query: str, k: int, *, pool: int = 50, doc_ids: Collection[str] | None = None, furniture: bool = False
    ) -> Hits:
        """The k best passages for `query`, fewer where the index holds fewer; of each ranker its first `pool` count.

        Furniture (bylines, related lists, comments …) comes after all body text unless `furniture`, and a text that
        stands in the material more than once after everything that is said for the first time. Where these crowd the
        pool, a deeper one is taken, so that they never push body text out. Scores fall from hit to hit."""
        if k <= 0:
            return Hits()
        deepest = max(pool, k)
        while True:
            found = {ranker.name: ranker.search(query, deepest, doc_ids) for ranker in self._rankers}
            passages = self._fetch({number for ranking in found.values() for number, _ in ranking})
            rankings = {name: [hit for hit in ranking if hit[0] in passages] for name, ranking in found.items()}
            weights = self._weighted(query, rankings)
            tiers = _tiers(fuse(rankings, k0=self._k0, weights=weights), passages, furniture)
            full = any(len(ranking) >= deepest for ranking in found.values())
            if len(tiers[0]) >= min(k, pool) or not full or deepest >= _DEEPEST:
                break
            deepest = min(deepest * 4, max(_DEEPEST, k))
        ranks = {name: {hit[0]: at for at, hit in enumerate(ranking, 1)} for name, ranking in rankings.items()}
        scores = {name: dict(ranking) for name, ranking in rankings.items()}
        return Hits(
            Hit(
                passages[number],
                score,
                {name: table[number] for name, table in ranks.items() if number in table},
                {name: table[number] for name, table in scores.items() if number in table},
            )
            for number, score in _descending(tiers)[:k]
        )

    def _weighted(self, query: str, rankings: Mapping[str, Ranking]) -> dict[str, float]:
        """An English question about Chinese text shares a number or a name with it, if anything: what the lexical
        ranker then lists first is chance, and must not outweigh the embeddings."""
        weights = {ranker.name: self._weights.get(ranker.name, 1.0) for ranker in self._rankers}
        for ranker in self._rankers:
            ranking = rankings[ranker.name]
            if ranking and isinstance(ranker, Trusting):
                weights[ranker.name] *= ranker.trust(query, ranking[0][1])
        return weights


def apart(scripts: Scripts, doc_ids: Collection[str] | None) -> list[Collection[str]]:
    """The scripts that there are documents of, among `doc_ids` where these are given."""
    if doc_ids is not None:
        scripts = [set(ids) & set(doc_ids) for ids in scripts]
    return [ids for ids in scripts if ids]


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


def _tiers(fused: Ranking, passages: Mapping[int, Passage], furniture: bool) -> list[list[tuple[int, float]]]:
    """Said for the first time; said again; furniture."""
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
    return [first, again, after]


def _descending(tiers: Sequence[Ranking]) -> list[tuple[int, float]]:
    """The tiers in one list; a later tier's scores are scaled to lie below the last of the tier before."""
    out: list[tuple[int, float]] = []
    for tier in tiers:
        scale = 1.0
        if out and tier and tier[0][1] >= out[-1][1]:
            scale = 0.999 * out[-1][1] / tier[0][1]
        out.extend((number, score * scale) for number, score in tier)
    return out
