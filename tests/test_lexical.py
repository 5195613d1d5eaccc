from __future__ import annotations

import random
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import BusyError, IndexBrokenError, RagError
from rag.lexical import LexicalRanker
from rag.text import tokens
from rag.types import Passage, passage_id
from tests.reference import bm25


def passage(text: str, at: int = 0, doc: str = "d", **more: object) -> Passage:
    return Passage(passage_id(doc, at, at + len(text)), doc, text, at, at + len(text), **more)  # type: ignore[arg-type]


texts = st.lists(st.text("天地人ab ", min_size=1, max_size=30), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(texts=texts, query=st.text("天地人ab ", max_size=12))
def test_scores_are_bm25_as_published(texts: list[str], query: str) -> None:
    passages = [passage(text, at * 100) for at, text in enumerate(texts)]
    ranker = LexicalRanker()
    ranker.add(passages)
    expected = bm25(tokens(query), {p.id: tokens(p.context) for p in passages})
    assert dict(ranker.search(query, 50)) == pytest.approx(expected, rel=1e-4)


def test_a_word_said_twice_in_the_query_counts_once() -> None:
    ranker = LexicalRanker()
    ranker.add([passage("red cat"), passage("blue dog", 50)])
    assert ranker.search("cat cat cat cat dog", 5) == ranker.search("cat dog", 5)


@pytest.mark.parametrize("k", [10**9, 2**64])
def test_any_number_of_hits_can_be_asked_for(k: int) -> None:
    ranker = LexicalRanker()
    ranker.add([passage("red cat"), passage("blue dog", 50)])
    assert ranker.search("cat dog", k) == ranker.search("cat dog", 2)


def test_traditional_and_full_width_queries_find_simplified_text() -> None:
    ranker = LexicalRanker()
    target = passage("打造２００個AI小站", 0)
    ranker.add([target, passage("别的内容", 50)])
    for query in ("200个ai小站", "２００個ＡＩ小站"):
        assert [i for i, _ in ranker.search(query, 5)] == [target.id]


def test_the_section_path_is_searched() -> None:
    ranker = LexicalRanker()
    target = passage("共三人。", path=("获奖名单",))
    ranker.add([target, passage("共五人。", 50, path=("参会人员",))])
    assert ranker.search("获奖名单", 1)[0][0] == target.id


def test_the_order_does_not_depend_on_the_order_of_adding() -> None:
    passages = [passage(f"第{n % 7}章 内容{n % 3}", n * 50) for n in range(60)]
    results = []
    for seed in range(3):
        random.Random(seed).shuffle(passages)
        ranker = LexicalRanker()
        for at in range(0, 60, 20):
            ranker.add(passages[at : at + 20])
        results.append(ranker.search("第3章 内容1", 10))
    assert results[0] == results[1] == results[2]


def test_what_was_flushed_is_there_again(tmp_path: Path) -> None:
    ranker = LexicalRanker(tmp_path / "索引")
    ranker.add([passage("海边的城市"), passage("山里的村庄", 50, "e")])
    ranker.flush()
    again = LexicalRanker(tmp_path / "索引")
    assert again.search("城市", 5) == ranker.search("城市", 5) != []
    assert again.count == 2 and again.ids().tolist() == ranker.ids().tolist() and len(again.ids()) == 2
    again.remove(["e"])
    again.flush()
    assert LexicalRanker(tmp_path / "索引").count == 1


def test_a_crash_before_the_flush_leaves_an_index_that_opens(tmp_path: Path) -> None:
    ranker = LexicalRanker(tmp_path)
    ranker.add([passage("海边的城市")])
    ranker.flush()
    ranker.add([passage("山里的村庄", 50)])
    del ranker
    again = LexicalRanker(tmp_path)
    assert again.search("城市", 5) != [] and again.search("村庄", 5) == []
    again.add([passage("山里的村庄", 50)])
    assert again.search("村庄", 5) != []


@pytest.mark.parametrize("on_disk", [False, True])
def test_removed_passages_count_in_no_statistic_after_a_flush(tmp_path: Path, on_disk: bool) -> None:
    kept = [passage("红色的猫", n * 50) for n in range(3)] + [passage("蓝色的狗", 900)]
    ranker, fresh = LexicalRanker(tmp_path if on_disk else None), LexicalRanker()
    ranker.add([*kept, *(passage("红色的山和海", n * 50, "gone") for n in range(20))])
    ranker.flush()
    ranker.remove(["gone"])
    ranker.flush()
    fresh.add(kept)
    assert ranker.search("红色的狗", 9) == fresh.search("红色的狗", 9)
    assert ranker.ids().tolist() == sorted(p.id for p in kept)
    if on_disk:
        assert LexicalRanker(tmp_path).search("红色的狗", 9) == fresh.search("红色的狗", 9)
        assert not list(tmp_path.glob("*.del"))


@pytest.mark.parametrize("step", [2, 5, 1000])
def test_all_passages_are_gone_through_in_steps_however_their_ids_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    even = [passage(f"红色的猫{n}", n * 50) for n in range(30)]
    near = [replace(passage(f"蓝色的狗{n}", n * 50, "near"), id=1000 + n) for n in range(12)]
    last = replace(passage("山", 0, "last"), id=2**63 - 1)

    def order(ranker: LexicalRanker) -> list[int]:
        searcher = ranker._index.searcher()
        found = searcher.search(ranker._tantivy.Query.all_query(), 100).hits
        return searcher.fast_field_values("id", [address for _, address in found])

    def filled(place: Path) -> LexicalRanker:
        ranker = LexicalRanker(place)
        for some in ([*even[:15], last], near, even[15:]):  # several segments
            ranker.add(some)
            ranker.flush()
        ranker.remove(["gone"])
        return ranker

    whole = filled(tmp_path / "whole")
    held = order(whole)
    monkeypatch.setattr("rag.lexical._STEP", step)
    ranker = filled(tmp_path / "steps")
    assert ranker.ids().tolist() == sorted(held) and len(held) == 43
    assert all(len(some) <= step for some in ranker._addresses(ranker._index.searcher()))
    before = ranker.search("红色的猫7 蓝色的狗7", 50)
    with ranker._lock:
        ranker._rewrite()
    assert order(ranker) == held and ranker.search("红色的猫7 蓝色的狗7", 50) == before == whole.search(
        "红色的猫7 蓝色的狗7", 50
    )
    ranker.remove(["d", "near", "last"])
    ranker.flush()
    assert ranker.ids().tolist() == [] and ranker.count == 0


def test_a_removal_left_by_a_crash_is_cleaned_up_by_the_next_flush(tmp_path: Path) -> None:
    ranker = LexicalRanker(tmp_path)
    ranker.add([passage("红色的猫"), passage("山", 50, "gone")])
    ranker.flush()
    ranker.remove(["gone"])
    assert ranker.search("山", 5) == []  # committed, not flushed
    del ranker
    again = LexicalRanker(tmp_path)
    again.flush()
    assert again.count == 1 and not list(tmp_path.glob("*.del"))


def test_a_flipped_bit_in_any_file_is_noticed_on_opening(tmp_path: Path) -> None:
    ranker = LexicalRanker(tmp_path)
    ranker.add([passage("海边的城市")])
    ranker.flush()
    for file in [f for f in tmp_path.iterdir() if f.suffix in {".term", ".idx", ".store", ".fast", ".fieldnorm"}]:
        whole = file.read_bytes()
        file.write_bytes(whole[:5] + bytes([whole[5] ^ 1]) + whole[6:])
        with pytest.raises(IndexBrokenError, match="rebuild"):
            LexicalRanker(tmp_path)
        file.write_bytes(whole)
    assert LexicalRanker(tmp_path).count == 1


@pytest.mark.parametrize("damage", ["meta garbage", "meta lost", "segment cut", "segment lost"])
def test_a_damaged_directory_is_noticed_on_opening(tmp_path: Path, damage: str) -> None:
    ranker = LexicalRanker(tmp_path)
    ranker.add([passage("海边的城市")])
    ranker.flush()
    meta, terms = tmp_path / "meta.json", next(tmp_path.glob("*.term"))
    if damage == "meta garbage":
        meta.write_text("{")
    elif damage == "meta lost":
        meta.unlink()
    elif damage == "segment cut":
        terms.write_bytes(terms.read_bytes()[:-3])
    else:
        terms.unlink()
    with pytest.raises(IndexBrokenError, match="rebuild"):
        LexicalRanker(tmp_path)


def test_a_second_writer_is_told_that_the_index_is_busy(tmp_path: Path) -> None:
    first, second = LexicalRanker(tmp_path), LexicalRanker(tmp_path)
    first.add([passage("海边的城市")])
    with pytest.raises(BusyError, match="another process"):
        second.add([passage("山里的村庄", 50)])
    first.flush()
    second.add([passage("山里的村庄", 50)])
    second.flush()
    assert LexicalRanker(tmp_path).count == 2


def test_a_commit_that_fails_leaves_what_was_committed_and_a_ranker_that_works(tmp_path: Path) -> None:
    class FullDisk:
        def commit(self) -> None:
            raise ValueError("No space left on device")

        def wait_merging_threads(self) -> None:
            pass

    ranker = LexicalRanker(tmp_path)
    ranker.add([passage("海边的城市")])
    ranker.flush()
    ranker._writer, ranker._written = FullDisk(), 1
    with pytest.raises(RagError, match="space"):
        ranker.flush()
    assert ranker.search("城市", 5) != []
    ranker.add([passage("山里的村庄", 50)])
    assert ranker.search("村庄", 5) != []


def test_searching_while_adding_is_safe() -> None:
    ranker = LexicalRanker()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(60):
                found = ranker.search("城市", 10)
                assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(30):
        ranker.add([passage(f"城市{n}号", n * 50)])
    for thread in threads:
        thread.join()
    assert not failures and ranker.count == 30
