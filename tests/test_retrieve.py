from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import StoreAwayError
from rag.lexical import LexicalRanker
from rag.retrieve import DenseRanker, Retriever, beside, both_scripts, fuse, level
from rag.retrieve.beside import side_by_side
from rag.stores.apart import ScriptStores
from rag.stores.memory import MemoryStore
from rag.types import Hit, Hits, Passage, Role
from tests.reference import rrf

LONG = "这是一段足够长的文字，用来说明同样的话在材料里出现了不止一次，应当排在后面。"


def passage(number: int, text: str = "", role: Role = "body", doc: str = "d", title: str = "") -> Passage:
    text = text or f"第{number}段"
    return Passage(number, doc, text, number * 100, number * 100 + len(text), title, (), role)


class Fixed:
    """Lists what it was given, whatever the query."""

    def __init__(self, name: str, ids: Sequence[int]) -> None:
        self.name = name
        self.ids = list(ids)
        self.asked: list[tuple[int, object]] = []

    def add(self, passages: Sequence[Passage]) -> None: ...

    def remove(self, doc_ids: Collection[str]) -> None: ...

    def search(self, query: str, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        self.asked.append((k, doc_ids))
        return [(number, 1.0 / place) for place, number in enumerate(self.ids[:k], 1)]


def retriever(passages: Iterable[Passage], **rankings: Sequence[int]) -> Retriever:
    known = {p.id: p for p in passages}
    rankers = [Fixed(name, ids) for name, ids in rankings.items()]
    return Retriever(rankers, lambda ids: {i: known[i] for i in ids if i in known}, weights={})


def order(hits: Hits) -> list[int]:
    return [hit.passage.id for hit in hits]


# -- fusion -----------------------------------------------------------------------------------------------------------


def test_fusion_by_hand() -> None:
    fused = fuse({"a": [(1, 9.0), (2, 8.0)], "b": [(2, 0.9), (3, 0.1)]})
    assert fused == [(2, 1 / 62 + 1 / 61), (1, 1 / 61), (3, 1 / 62)]
    assert fuse({}) == [] == fuse({"a": []})


def test_weights_scale_a_ranker() -> None:
    lists = {"a": [(1, 1.0)], "b": [(2, 1.0)]}
    assert fuse(lists) == [(1, 1 / 61), (2, 1 / 61)]
    assert fuse(lists, k0=9, weights={"b": 2.0}) == [(2, 2 / 10), (1, 1 / 10)]


@settings(max_examples=100, deadline=None)
@given(lists=st.lists(st.lists(st.integers(0, 15), unique=True, max_size=10), max_size=4), k0=st.integers(0, 100))
def test_fusion_is_as_published(lists: list[list[int]], k0: int) -> None:
    fused = fuse({str(n): [(i, 0.0) for i in ids] for n, ids in enumerate(lists)}, k0=k0)
    assert dict(fused) == pytest.approx(rrf(lists, k0))
    assert fused == sorted(fused, key=lambda item: (-item[1], item[0]))


# -- retrieval --------------------------------------------------------------------------------------------------------


def test_a_hit_carries_the_rank_and_score_of_each_ranker_that_found_it() -> None:
    hits = retriever(map(passage, range(1, 4)), dense=[1, 2], lexical=[2, 3]).retrieve("问", 10)
    assert order(hits) == [2, 1, 3]
    assert hits[0].ranks == {"dense": 2, "lexical": 1} and hits[0].scores == {"dense": 0.5, "lexical": 1.0}
    assert hits[1].ranks == {"dense": 1} and hits[2].ranks == {"lexical": 2}


@pytest.mark.parametrize("k", [0, -1])
def test_nothing_is_asked_for_nothing(k: int) -> None:
    assert retriever([passage(1)], dense=[1]).retrieve("问", k) == Hits()


def test_an_empty_index_and_a_k_past_the_end() -> None:
    assert retriever([], dense=[], lexical=[]).retrieve("问", 5) == Hits()
    assert Retriever([], lambda ids: {}).retrieve("问", 5) == Hits()
    assert order(retriever(map(passage, [1, 2]), dense=[1, 2]).retrieve("问", 10_000)) == [1, 2]
    assert len(retriever(map(passage, range(300)), dense=range(300)).retrieve("问", 200, pool=50)) == 200


def test_a_removed_passage_does_not_come_back_and_takes_no_rank() -> None:
    hits = retriever([passage(2)], dense=[1, 2]).retrieve("问", 5)
    assert order(hits) == [2] and hits[0].ranks == {"dense": 1}


def test_the_document_filter_reaches_every_ranker() -> None:
    a, b = Fixed("a", [1]), Fixed("b", [1])
    Retriever([a, b], lambda ids: {1: passage(1)}).retrieve("问", 3, pool=7, doc_ids=["d"])
    assert a.asked == [(7, ["d"])] == b.asked


def test_furniture_comes_after_body_text_unless_asked_for() -> None:
    passages = [passage(1, role="comment"), passage(2), passage(3, role="byline"), passage(4, role="heading")]
    found = retriever(passages, dense=[1, 2, 3, 4])
    hits = found.retrieve("问", 10)
    assert order(hits) == [2, 4, 1, 3]
    assert hits[2].ranks == {"dense": 1}
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True) and hits[-1].score > 0
    assert order(found.retrieve("问", 10, furniture=True)) == [1, 2, 3, 4]


def test_furniture_does_not_crowd_body_text_out_of_the_pool() -> None:
    comments = [passage(n, role="comment") for n in range(100, 300)]
    found = retriever([*comments, passage(1), passage(2)], dense=[*range(100, 300), 1, 2])
    assert order(found.retrieve("问", 3, pool=50))[:2] == [1, 2]


def test_a_text_that_was_said_is_not_said_again_before_the_rest() -> None:
    passages = [
        passage(1, LONG),
        passage(2, f" {LONG}\n", doc="copy"),
        passage(3),
        passage(4, LONG),
        passage(5, role="nav"),
    ]
    assert order(retriever(passages, dense=[1, 2, 5, 4, 3]).retrieve("问", 10)) == [1, 3, 2, 4, 5]


def test_short_rows_that_look_alike_under_other_titles_are_not_repeats() -> None:
    passages = [passage(1, "合计 100", title="收入"), passage(2, "合计 100", title="支出"), passage(3)]
    assert order(retriever(passages, dense=[1, 2, 3]).retrieve("问", 10)) == [1, 2, 3]


@settings(max_examples=60, deadline=None)
@given(
    lists=st.lists(st.lists(st.integers(0, 30), unique=True, max_size=20), min_size=1, max_size=3),
    furniture=st.sets(st.integers(0, 30)),
    gone=st.sets(st.integers(0, 30), max_size=5),
    k=st.integers(1, 40),
)
def test_hits_are_distinct_known_in_order_and_a_longer_list_begins_with_the_shorter(
    lists: list[list[int]], furniture: set[int], gone: set[int], k: int
) -> None:
    passages = [passage(n, role="comment" if n in furniture else "body") for n in range(31) if n not in gone]
    found = retriever(passages, **{f"r{n}": ids for n, ids in enumerate(lists)})
    hits = found.retrieve("问", k)
    assert len(set(order(hits))) == len(hits) <= k and not gone & set(order(hits))
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    kinds = [h.passage.role for h in hits]
    assert kinds == sorted(kinds)  # "body" before "comment"
    assert order(found.retrieve("问", 31))[:k] == order(hits)


# -- filters and ablation ---------------------------------------------------------------------------------------------


def test_only_some_rankers_are_asked_and_they_rank_as_alone() -> None:
    passages = [passage(n) for n in range(1, 6)]
    both = retriever(passages, dense=[3, 1, 2], lexical=[2, 4])
    alone = retriever(passages, dense=[3, 1, 2]).retrieve("问", 5)
    found = both.retrieve("问", 5, rankers=["dense"])
    assert order(found) == order(alone) == [3, 1, 2] and set(found[0].weights) == {"dense"}
    assert both.names == ("dense", "lexical")


def test_a_role_that_is_rare_is_found_however_deep_it_lies() -> None:
    passages = [passage(n) for n in range(1, 4000)] + [passage(9000, role="comment"), passage(9001, role="byline")]
    found = retriever(passages, dense=[*range(1, 4000), 9001, 9000])
    assert order(found.retrieve("问", 5, roles={"comment"})) == [9000]
    assert order(found.retrieve("问", 3, roles={"comment", "byline"})) == [9001, 9000]
    assert found.retrieve("问", 5, roles={"comment"})[0].ranks == {"dense": 1}, "ranks count what was asked for"
    assert order(found.retrieve("问", 2, roles={"body", "comment"})) == [1, 2]


def test_furniture_that_is_asked_for_beside_body_text_still_comes_after_it() -> None:
    passages = [passage(1, role="comment"), passage(2), passage(3, role="nav")]
    found = retriever(passages, dense=[1, 3, 2])
    assert order(found.retrieve("问", 5, roles={"body", "comment"})) == [2, 1]


# -- what a hit remembers ---------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    lists=st.lists(st.lists(st.integers(0, 20), unique=True, max_size=15), min_size=1, max_size=3),
    furniture=st.sets(st.integers(0, 20)),
)
def test_the_rankers_shares_add_up_to_the_score(lists: list[list[int]], furniture: set[int]) -> None:
    text = [LONG if n % 3 == 0 else "" for n in range(21)]
    passages = [passage(n, text[n], role="comment" if n in furniture else "body") for n in range(21)]
    hits = retriever(passages, **{f"r{n}": ids for n, ids in enumerate(lists)}).retrieve("问", 30)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1)) and hits.query == "问"
    for hit in hits:
        told = hit.explain()
        assert sum(share.amount or 0.0 for share in told.shares) == told.fused
        assert told.fused * told.scale == told.score == hit.score
        assert {share.ranker for share in told.shares} == {f"r{n}" for n in range(len(lists))}
        assert (hit.tier == "furniture") == (hit.passage.role == "comment")
        assert all((share.rank is None) == (share.amount == 0.0) for share in told.shares)
    again = [hit for hit in hits if hit.tier == "again"]
    assert all(hit.passage.text == LONG for hit in again)


# -- many queries -----------------------------------------------------------------------------------------------------


class Counting:
    """Encodes a text by its length, and remembers every call."""

    name, dim = "counting", 2

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        self.calls.append(list(texts))
        angles = np.array([len(text) / 50 for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def counting(count: int = 5) -> tuple[Counting, DenseRanker, Retriever]:
    embedder = Counting()
    dense = DenseRanker(embedder, MemoryStore(2))
    passages = {n: passage(n, "字" * n) for n in range(1, count + 1)}
    dense.add(list(passages.values()))
    embedder.calls.clear()
    return embedder, dense, Retriever([dense], lambda ids: {i: passages[i] for i in ids if i in passages})


def test_queries_of_a_batch_are_encoded_in_one_call_and_a_query_once() -> None:
    embedder, _, found = counting()
    queries = ["一", "二二", "三三三", "一", " "]
    found.prepare(queries)
    assert embedder.calls == [["一", "二二", "三三三"]]
    together = [found.retrieve(query, 3) for query in queries]
    assert len(embedder.calls) == 1
    _, _, other = counting()
    assert together == [other.retrieve(query, 3) for query in queries]


def test_no_more_than_512_queries_are_remembered_and_the_oldest_goes_first() -> None:
    embedder, dense, _ = counting()
    dense.search("第一", 1)
    for n in range(511):
        dense.search(f"问{n}", 1)
    dense.search("第一", 1)  # used again: now the latest
    dense.search("又一", 1)
    assert len(dense._queries) == 512
    embedder.calls.clear()
    dense.search("第一", 1)
    dense.search("问0", 1)
    assert embedder.calls == [["问0"]]


def test_a_batch_larger_than_the_memory_is_answered_all_the_same() -> None:
    _, dense, _ = counting()
    queries = [f"问题{n}" for n in range(700)]
    assert set(dense._vectors(queries)) == set(queries) and len(dense._queries) == 512


def test_queries_from_many_threads_give_what_they_give_alone() -> None:
    _, dense, _ = counting(40)
    queries = ["字" * (n % 37 + 1) for n in range(400)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda query: dense.search(query, 5), queries))
    assert found == [counting(40)[1].search(query, 5) for query in queries]


# -- trust ------------------------------------------------------------------------------------------------------------


def test_a_lexical_list_that_shares_only_a_number_does_not_outweigh_the_meaning() -> None:
    texts = ["2024年的展览在海边举行", "2024年参观的人数创下纪录", "门票一百元", "展品来自十个国家"]
    passages = {n: passage(n, text) for n, text in enumerate(texts, 1)}
    lexical = LexicalRanker()
    lexical.add(list(passages.values()))
    dense = Fixed("dense", [3, 4])
    found = Retriever([dense, lexical], lambda ids: {i: passages[i] for i in ids})
    assert order(found.retrieve("How much did a ticket for the exhibition cost in 2024?", 1)) == [3]
    assert order(found.retrieve("2024年的展览在哪里举行", 1)) == [1]


def test_trust_is_the_share_of_the_query_that_the_best_hit_holds() -> None:
    lexical = LexicalRanker()
    assert lexical.trust("red", 0.0) == 0.0
    lexical.add([passage(1, "red cat"), passage(2, "blue dog"), passage(3, "green fish")])
    for query, low, high in [("red cat", 1.0, 1.0), ("red stone tower under water", 0.2, 0.5), ("", 0.0, 0.0)]:
        found = lexical.search(query, 1)
        assert low <= lexical.trust(query, found[0][1] if found else 0.0) <= high


# -- two languages ----------------------------------------------------------------------------------------------------


def test_lists_with_different_floors_are_put_together_by_hand() -> None:
    chinese = [(1, 0.90), (2, 0.80), (3, 0.76)]  # mean 0.82, of all lists 0.76, floor 0.79; 0.7 of it 0.553
    english = [(4, 0.87), (5, 0.67), (6, 0.56)]  # mean 0.70, floor 0.73; 0.7 of it 0.511
    found = level([chinese, english])
    assert found == [(4, 0.87), (1, 0.90), (2, 0.80), (3, 0.76), (5, 0.67), (6, 0.56)]
    assert level([[], english]) == english and level([]) == []


def test_a_single_passage_in_its_language_is_not_its_own_floor() -> None:
    chinese = [(n, 0.85 - n / 1000) for n in range(1, 51)]
    assert level([chinese, [(99, 0.93)]])[0] == (99, 0.93)


class Biased:
    """Embeds a text by its language far more than by whether it tells of ferries."""

    name, dim = "biased", 3

    def encode(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        rows = [[1.0, 0.0, 0.3] if t.isascii() else [0.8, 0.5, 0.0] for t in texts]
        found = np.array(rows) + np.array([[0, 0, 0.4 * ("渡" in t or "ferr" in t)] for t in texts])
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_what_answers_in_another_language_is_not_buried_under_one_s_own() -> None:
    passages = [passage(n, f"The museum opens at {n}.", doc="en") for n in range(1, 9)]
    passages += [
        passage(9, "渡轮夏天每小时一班。", doc="zh"),
        *(passage(n, f"第{n}处是茶园。", doc="zh") for n in range(10, 14)),
    ]
    dense = DenseRanker(Biased(), MemoryStore(3))
    dense.add(passages)
    known = {p.id: p for p in passages}
    asked = "How often do the ferries leave?"
    assert order(Retriever([dense], lambda ids: {i: known[i] for i in ids}).retrieve(asked, 20)).index(9) == 8
    both = DenseRanker(Biased(), ScriptStores(3, (MemoryStore(3), MemoryStore(3)), lambda docs: {"zh"} & set(docs)))
    both.add(passages)
    apart = Retriever([both], lambda ids: {i: known[i] for i in ids})
    assert order(apart.retrieve(asked, 20))[0] == 9
    assert order(apart.retrieve(asked, 20, doc_ids=["en"])) == list(range(1, 9))
    assert len(both.search(asked, 5)) == 5 and both.search(asked, 0) == []


@pytest.mark.parametrize(
    ("scripts", "k", "chosen"),
    [
        ("zzzzzzzzzz", 8, [1, 2, 3, 4, 5, 6, 7, 8]),
        ("eeeeeeeeee", 8, [1, 2, 3, 4, 5, 6, 7, 8]),
        ("zzzzzzzzee", 8, [1, 2, 3, 4, 5, 6, 9, 10]),
        ("zzzzzzzzeeee", 8, [1, 2, 3, 4, 5, 9, 10, 11]),
        ("eeeeeeezzz", 8, [1, 2, 3, 4, 5, 8, 9, 10]),
        ("zezezezeze", 8, [1, 2, 3, 4, 5, 6, 7, 8]),
        ("zzze", 1, [1]),
        ("ez", 8, [1, 2]),
        ("ez", -1, []),
        ("", 8, []),
    ],
)
def test_hits_in_both_scripts(scripts: str, k: int, chosen: list[int]) -> None:
    hits = [Hit(passage(n, doc=s), 1.0 / n) for n, s in enumerate(scripts, 1)]
    assert [hit.passage.id for hit in both_scripts(hits, k, {"e"})] == chosen


# -- a store that is away -----------------------------------------------------------------------------------------------


class Gone(Fixed):
    """Its store is away."""

    def search(self, query: str, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        super().search(query, k, doc_ids)
        raise StoreAwayError("the vector store is away; start it")


def test_a_ranker_whose_store_is_away_is_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    known = {number: passage(number) for number in (1, 2, 3)}
    gone, words = Gone("dense", []), Fixed("lexical", [3, 1])
    both = Retriever([gone, words], lambda ids: {i: known[i] for i in ids if i in known})
    alone = Retriever([words], lambda ids: {i: known[i] for i in ids if i in known})
    for _ in range(3):
        hits = both.retrieve("x", 5)
        assert hits.away == ("dense",) == hits[:1].away and hits == alone.retrieve("x", 5)
    assert len([record for record in caplog.records if "dense" in record.message]) == 1
    assert both.retrieve("x", 5, rankers=["lexical"]).away == () == alone.retrieve("x", 5).away


def test_when_every_ranker_is_away_the_error_is_told() -> None:
    gone = Retriever([Gone("dense", []), Fixed("lexical", [1])], lambda ids: {})
    with pytest.raises(StoreAwayError, match="start it"):
        gone.retrieve("x", 5, rankers=["dense"])


def test_calls_side_by_side_return_in_order_and_never_wait_for_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def deep(level: int) -> list[int]:
        if not level:
            return [1]
        return [n for some in side_by_side([lambda: deep(level - 1), lambda: deep(level - 1)]) for n in some]

    asking = [threading.Thread(target=deep, args=(4,)) for _ in range(8)]
    for thread in asking:
        thread.start()
    assert deep(4) == [1] * 16
    for thread in asking:
        thread.join(20)
        assert not thread.is_alive()
    assert side_by_side([]) == [] and side_by_side([lambda: "a", lambda: "b", lambda: "c"]) == ["a", "b", "c"]
    for order in ("ab", "ba"):
        ended: list[str] = []

        def failing(name: str, ended: list[str] = ended) -> None:
            ended.append(name)
            raise ValueError(name)

        with pytest.raises(ValueError, match=order[0]):
            side_by_side([partial(failing, name) for name in order])
        assert ended[:1] == [order[0]] or set(ended) == set(order)
    monkeypatch.setattr(beside, "_pool", lambda: (_ for _ in ()).throw(RuntimeError("the interpreter is ending")))
    assert side_by_side([lambda: 1, lambda: 2]) == [1, 2]
    monkeypatch.setattr(beside, "lanes", lambda: 1)
    assert side_by_side([lambda: 1, lambda: 2]) == [1, 2]
