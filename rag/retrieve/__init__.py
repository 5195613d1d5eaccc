"""From a question to hits: every ranker's list, fused by reciprocal rank."""

from __future__ import annotations

import logging
import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

from rag.errors import QuestionError, StoreAwayError
from rag.protocols import Ranker
from rag.retrieve.beside import side_by_side
from rag.retrieve.dense import DenseRanker
from rag.retrieve.fusion import Ranking, both_scripts, descending, fuse, level, tiers
from rag.types import BODY_ROLES, Hit, Hits, Passage

__all__ = ["K0", "WEIGHTS", "DenseRanker", "Preparing", "Retriever", "Trusting", "both_scripts", "fuse", "level"]

WEIGHTS: Mapping[str, float] = {"lexical": 1.0, "dense": 0.7}
K0 = 5
"""Chosen on the CMRC 2018 trial set (R@5 .996, with equal weights and k0 = 60 .989); XQuAD agrees (.995, .991)."""

log = logging.getLogger(__name__)
_DEEPEST = 1600  # passages taken from a ranker when what it lists first is all furniture or repeats
_DEEPEST_OF_ROLE = 64 * _DEEPEST  # the same where only some roles are asked for


@runtime_checkable
class Trusting(Protocol):
    """A ranker that knows how much of a query its best hit accounts for."""

    def trust(self, query: str, best: float) -> float:
        """0..1, by which its weight is multiplied; `best` is the score of its first hit."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """A ranker that searches sooner for queries that it was told of together."""

    def prepare(self, queries: Sequence[str]) -> None:
        """Gets ready for these queries, at most 256; searches say the same with and without it."""
        ...


@dataclass(frozen=True, slots=True)
class _Told:
    """What a ranker said of a query."""

    ranking: Ranking
    passages: Mapping[int, Passage]  # those of its hits that are there and count
    weight: float


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
        self._away: frozenset[str] = frozenset()  # rankers that the last search could not ask

    @property
    def names(self) -> tuple[str, ...]:
        """Of the rankers."""
        return tuple(ranker.name for ranker in self._rankers)

    def prepare(self, queries: Sequence[str], rankers: Collection[str] | None = None) -> None:
        """Tells the rankers of at most 256 queries to come: what can be done for all of them together is done now."""
        for ranker in self._chosen(rankers):
            if isinstance(ranker, Preparing):
                ranker.prepare(queries)

    def retrieve(
        self,
        query: str,
        k: int,
        *,
        pool: int = 50,
        doc_ids: Collection[str] | None = None,
        furniture: bool = False,
        roles: Collection[str] | None = None,
        rankers: Collection[str] | None = None,
    ) -> Hits:
        """The k best passages for `query`, fewer where the index holds fewer; of each ranker its first `pool` count.

        Furniture (bylines, related lists, comments …) comes after all body text unless `furniture`, and a text that
        stands in the material more than once after everything that is said for the first time. Where these crowd the
        pool, a deeper one is taken, so that they never push body text out; likewise where only passages of some `roles`
        count. Scores fall from hit to hit. `rankers` names those to ask, None all.

        A ranker whose store is away is left out, and `Hits.away` names it. Raises StoreAwayError where all are."""
        if _whole(k) <= 0:
            return Hits((), query)
        chosen = self._chosen(rankers)
        furniture = furniture or (roles is not None and not BODY_ROLES & set(roles))
        deepest, limit = max(pool, k), _DEEPEST if roles is None else _DEEPEST_OF_ROLE
        while True:
            told, absent = self._search(chosen, query, deepest, doc_ids, roles)
            passages = {number: passage for one in told.values() for number, passage in one.passages.items()}
            rankings = {name: [hit for hit in one.ranking if hit[0] in one.passages] for name, one in told.items()}
            weights = {name: one.weight for name, one in told.items()}
            parts = tiers(fuse(rankings, k0=self._k0, weights=weights), passages, furniture)
            full = any(len(one.ranking) >= deepest for one in told.values())
            if len(parts["first"]) >= min(k, pool) or not full or deepest >= limit:
                break
            deepest = min(deepest * 4, max(limit, k))
        ranks = {name: {hit[0]: at for at, hit in enumerate(ranking, 1)} for name, ranking in rankings.items()}
        scores = {name: dict(ranking) for name, ranking in rankings.items()}
        hits = [
            Hit(
                passages[number],
                score,
                {name: table[number] for name, table in ranks.items() if number in table},
                {name: table[number] for name, table in scores.items() if number in table},
                rank=at,
                query=query,
                weights=weights,
                k0=self._k0,
                tier=tier,
                scale=scale,
            )
            for at, (number, score, tier, scale) in enumerate(descending(parts)[:k], 1)
        ]
        return Hits(hits, query, absent)

    def _search(
        self,
        rankers: Sequence[Ranker],
        query: str,
        k: int,
        doc_ids: Collection[str] | None,
        roles: Collection[str] | None,
    ) -> tuple[dict[str, _Told], tuple[str, ...]]:
        """What each ranker says, and the names of those whose store is away. They are asked side by side: words are looked up
        while the query is encoded."""
        said = side_by_side([partial(self._ask, ranker, query, k, doc_ids, roles) for ranker in rankers])
        told: dict[str, _Told] = {}
        absent: dict[str, StoreAwayError] = {}
        for ranker, one in zip(rankers, said, strict=True):
            if isinstance(one, _Told):
                told[ranker.name] = one
                continue
            absent[ranker.name] = one
            if ranker.name not in self._away:  # once, not at every question
                log.warning("the ranker %s is left out: %s", ranker.name, one)
        self._away = (self._away - told.keys()) | absent.keys()
        if absent and not told:
            raise next(iter(absent.values()))
        return told, tuple(absent)

    def _ask(
        self, ranker: Ranker, query: str, k: int, doc_ids: Collection[str] | None, roles: Collection[str] | None
    ) -> _Told | StoreAwayError:
        """An English question about Chinese text shares a number or a name with it, if anything: what the lexical ranker then
        lists first is chance, and must not outweigh the embeddings."""
        try:
            ranking = ranker.search(query, k, doc_ids)
        except StoreAwayError as error:
            return error
        passages = self._fetch([number for number, _ in ranking]) if ranking else {}
        if roles is not None:
            passages = {number: passage for number, passage in passages.items() if passage.role in roles}
        weight = self._weights.get(ranker.name, 1.0)
        best = next((score for number, score in ranking if number in passages), None)
        if best is not None and isinstance(ranker, Trusting):
            weight *= ranker.trust(query, best)
        return _Told(ranking, passages, weight)

    def _chosen(self, names: Collection[str] | None) -> Sequence[Ranker]:
        return [ranker for ranker in self._rankers if names is None or ranker.name in names]


def _whole(k: int) -> int:
    """How many are wanted, or QuestionError where that is no whole number."""
    try:
        return operator.index(k)
    except TypeError as error:
        raise QuestionError(
            f"k must be a whole number, not {k!r}; write 10", f"k 应为整数，不是 {k!r}；例如 10"
        ) from error
