"""What every vector store promises, over all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import IndexBrokenError, IndexMismatchError, RagError, SettingsError
from rag.protocols import VectorStore
from rag.stores import due, open_store
from rag.stores.growing import FaissStore
from rag.stores.memory import MemoryStore
from rag.stores.state import FILE

ROUNDED = 5e-4  # what 16 bits leave of a cosine
EAST, NORTH, UP = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]
BETWEEN = [0.6, 0.8, 0.0]


def rows(*vectors: list[float]) -> np.ndarray:
    return np.array(vectors, dtype=np.float32)


def in_han(doc_ids: Collection[str]) -> set[str]:
    return {doc for doc in doc_ids if doc in "acnear"}


@pytest.fixture(params=["memory", "exact", "settled", "memory, apart", "exact, apart", "settled, apart"])
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], VectorStore]:
    if "settled" in request.param:
        monkeypatch.setattr(due, "SETTLED", 0)  # every flush makes a settled part, of a single vector too
    match request.param:
        case "memory":
            return lambda: MemoryStore(3)
        case "exact" | "settled":
            return lambda: FaissStore(3, tmp_path / "index")
        case "memory, apart":
            return lambda: open_store("memory:", 3, tmp_path / "index", in_han)
    return lambda: open_store("faiss:", 3, tmp_path / "index", in_han)


def test_an_empty_store_finds_nothing(make: Callable[[], VectorStore]) -> None:
    store = make()
    assert store.search(rows(EAST)[0], 5) == []
    assert store.search(rows(EAST)[0], 5, ["a"]) == []
    store.remove(["a"])
    store.add([], [], np.empty((0, 3), dtype=np.float32))
    store.flush()
    assert store.search(rows(EAST)[0], 5) == []


def test_scores_are_cosines_best_first(make: Callable[[], VectorStore]) -> None:
    store = make()
    store.add([1, 2, 3], ["a", "a", "b"], rows(EAST, NORTH, BETWEEN))
    found = store.search(rows([2.0, 0.0, 0.0])[0], 10)
    assert [i for i, _ in found] == [1, 3, 2]
    assert [s for _, s in found] == pytest.approx([1.0, 0.6, 0.0], abs=ROUNDED)
    assert store.search(rows(EAST), 1) == found[:1]
    assert store.search(rows(EAST)[0], 0) == [] == store.search(rows(EAST)[0], -1)


def test_ties_go_by_id_also_at_the_cut(make: Callable[[], VectorStore]) -> None:
    store = make()
    ids = list(range(300, 0, -1))
    store.add(ids, ["a"] * 300, rows(*[BETWEEN] * 300))
    assert [i for i, _ in store.search(rows(NORTH)[0], 7)] == [1, 2, 3, 4, 5, 6, 7]


def test_an_id_added_again_is_replaced_even_under_another_document(make: Callable[[], VectorStore]) -> None:
    store = make()
    store.add([1, 2], ["a", "a"], rows(EAST, NORTH))
    store.add([1], ["b"], rows(UP))
    assert [i for i, _ in store.search(rows(UP)[0], 10)] == [1, 2]
    assert [i for i, _ in store.search(rows(UP)[0], 10, ["a"])] == [2]
    store.add([7, 7], ["c", "d"], rows(EAST, UP))
    assert store.search(rows(UP)[0], 10, ["c", "d"]) == [(7, pytest.approx(1.0))]
    store.remove(["a"])
    assert [i for i, _ in store.search(rows(UP)[0], 10, ["b"])] == [1]


def test_the_filter_is_applied_before_the_cut(make: Callable[[], VectorStore]) -> None:
    store = make()
    store.add(list(range(100)), ["near"] * 99 + ["far"], rows(*[EAST] * 99, UP))
    assert store.search(rows(EAST)[0], 3, ["far"]) == [(99, pytest.approx(0.0))]
    assert store.search(rows(EAST)[0], 3, ["far", "no such"]) == [(99, pytest.approx(0.0))]
    assert store.search(rows(EAST)[0], 3, ["no such"]) == [] == store.search(rows(EAST)[0], 3, [])


def test_removed_documents_are_gone_and_unknown_ones_ignored(make: Callable[[], VectorStore]) -> None:
    store = make()
    store.add([1, 2, 3], ["a", "b", "a"], rows(EAST, NORTH, UP))
    store.remove(["a", "no such", "\ud800"])
    assert [i for i, _ in store.search(rows(EAST)[0], 10)] == [2]
    store.add([1], ["a"], rows(EAST))
    assert [i for i, _ in store.search(rows(EAST)[0], 10)] == [1, 2]


def test_ids_of_63_bits_and_strange_document_names_survive(make: Callable[[], VectorStore]) -> None:
    store = make()
    big = (1 << 63) - 1
    store.add([big, 0], ["', --\x00", "\ud83d"], rows(EAST, NORTH))
    assert store.search(rows(EAST)[0], 1, ["', --\x00"]) == [(big, pytest.approx(1.0))]
    store.flush()


@pytest.mark.parametrize("bad", [rows(EAST, NORTH), rows([1.0, 0.0]), rows([float("nan"), 0.0, 0.0])])
def test_wrong_vectors_are_refused_and_change_nothing(make: Callable[[], VectorStore], bad: np.ndarray) -> None:
    store = make()
    with pytest.raises(ValueError):
        store.add([1], ["a"], bad)
    assert store.search(rows(EAST)[0], 5) == []
    with pytest.raises(ValueError):
        store.search(np.zeros(2, dtype=np.float32), 5)


def test_a_zero_vector_is_like_nothing(make: Callable[[], VectorStore]) -> None:
    store = make()
    store.add([1, 2], ["a", "a"], rows([0.0, 0.0, 0.0], EAST))
    assert store.search(rows(EAST)[0], 2) == [(2, pytest.approx(1.0)), (1, 0.0)]
    assert store.search(np.zeros(3, dtype=np.float32), 2) == [(1, 0.0), (2, 0.0)]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.integers(0, 12), max_size=6), st.sampled_from("abc")),
        st.tuples(st.just("remove"), st.sets(st.sampled_from("abcd"), max_size=2), st.just("")),
        st.tuples(st.just("reopen"), st.none(), st.just("")),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps, seed=st.integers(0, 1000))
def test_the_file_store_does_what_the_reference_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple], seed: int
) -> None:
    directory = tmp_path_factory.mktemp("store")
    draw = np.random.default_rng(seed)
    store, reference = FaissStore(4, directory), MemoryStore(4)
    for action, argument, doc in steps:
        if action == "add":
            # Few distinct coordinates, so that equal vectors and ties are common.
            vectors = draw.integers(-1, 2, (len(argument), 4)).astype(np.float32)
            store.add(argument, [doc] * len(argument), vectors)
            reference.add(argument, [doc] * len(argument), vectors)
        elif action == "remove":
            store.remove(argument)
            reference.remove(argument)
        else:
            store.flush()
            store = FaissStore(4, directory)
        query = draw.integers(-1, 2, 4).astype(np.float32)
        for k in (1, 3, 50):
            for filtered in (None, ["a", "d"]):
                assert store.search(query, k, filtered) == reference.search(query, k, filtered)
        assert store.ids().tolist() == reference.ids().tolist() and store.count == reference.count


# -- the file ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    store = FaissStore(3, tmp_path)
    store.add([1, 2], ["甲", "乙"], rows(EAST, NORTH))
    store.flush()
    return tmp_path / FILE


def test_what_was_flushed_is_there_again_and_nothing_else(filled: Path) -> None:
    store = FaissStore(3, filled.parent)
    assert store.search(rows(EAST)[0], 5) == [(1, pytest.approx(1.0)), (2, pytest.approx(0.0))]
    assert [i for i, _ in store.search(rows(EAST)[0], 5, ["乙"])] == [2]
    store.add([3], ["丙"], rows(UP))
    assert FaissStore(3, filled.parent).count == 2
    assert [p.name for p in filled.parent.iterdir()] == [FILE]


@pytest.mark.parametrize("stage", ["write", "fsync", "replace"])
def test_an_interrupted_flush_leaves_the_old_file(filled: Path, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = filled.read_bytes()
    store = FaissStore(3, filled.parent)
    store.add([3], ["丙"], rows(UP))

    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        if stage == "write":
            patch.setattr("rag.stores.sealed.open", fail, raising=False)
        else:
            patch.setattr(f"rag.stores.sealed.os.{stage}", fail)
        with pytest.raises(RagError, match="space"):
            store.flush()
    assert filled.read_bytes() == before
    assert [p.name for p in filled.parent.iterdir()] == [FILE]
    store.flush()
    assert FaissStore(3, filled.parent).count == 3


def test_half_a_file_of_a_killed_writer_is_ignored_and_cleared_away(filled: Path) -> None:
    filled.with_name(f".{FILE}.4711").write_bytes(filled.read_bytes()[:40])
    store = FaissStore(3, filled.parent)
    assert store.count == 2
    store.remove(["甲"])
    store.flush()
    assert [p.name for p in filled.parent.iterdir()] == [FILE]


def test_damage_of_any_kind_is_noticed(filled: Path) -> None:
    whole = filled.read_bytes()
    cut = [whole[:n] for n in range(0, len(whole), 7)]
    flipped = [whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :] for n in range(0, len(whole), 5)]
    for data in [*cut, *flipped, whole + b"x", b"not ours"]:
        filled.write_bytes(data)
        with pytest.raises(IndexBrokenError, match="rebuild"):
            FaissStore(3, filled.parent)


def test_another_dimension_is_a_mismatch_not_damage(filled: Path) -> None:
    with pytest.raises(IndexMismatchError, match="rebuild"):
        FaissStore(4, filled.parent)


@pytest.mark.parametrize("url", ["", "faiss", "milvus:", "memory:x", "faiss:somewhere", "FAISS:"])
def test_an_unknown_store_is_a_settings_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="faiss:"):
        open_store(url, 3, tmp_path)


def test_a_store_takes_what_another_wrote(tmp_path: Path) -> None:
    mine, other = FaissStore(3, tmp_path), FaissStore(3, tmp_path)
    other.add([7], ["a"], rows(EAST))
    other.flush()
    mine.reload()
    assert mine.search(rows(EAST)[0], 5) == other.search(rows(EAST)[0], 5) != []
    mine.add([8], ["b"], rows(NORTH))
    mine.flush()
    mine.reload()
    assert FaissStore(3, tmp_path).ids().tolist() == [7, 8]
