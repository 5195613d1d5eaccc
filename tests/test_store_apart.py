"""Two stores as one, the layout before it, and what is said of the files to a proof of deletion; one gate for all threads."""

from __future__ import annotations

import hashlib
import json
import struct
import threading
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import IndexBrokenError
from rag.stores import PARTS, ScriptStores, held_ids, open_store, purge_store
from rag.stores.gate import Gate
from rag.stores.memory import MemoryStore, checked
from rag.stores.sealed import Streamed, read_sealed, write_sealed

EAST, NORTH, BETWEEN = [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]
asked: list[set[str]] = []


def in_han(doc_ids: Collection[str]) -> set[str]:
    asked.append(set(doc_ids))
    return {doc for doc in doc_ids if doc.startswith("中")}


def rows(*vectors: list[float]) -> np.ndarray:
    return np.array(vectors, dtype=np.float32)


@pytest.fixture(params=["memory:", "faiss:"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ScriptStores:
    made = open_store(request.param, 2, tmp_path / "vectors", in_han)
    made.add([1, 2, 3, 4], ["中a", "b", "中a", "c"], rows(EAST, BETWEEN, NORTH, EAST))
    return made


def test_each_script_is_searched_by_itself(store: ScriptStores) -> None:
    han, other = store.search_apart(rows(EAST)[0], 5)
    assert [n for n, _ in han] == [1, 3] and [n for n, _ in other] == [4, 2]
    assert store.search_apart(rows(EAST)[0], 1) == [han[:1], other[:1]]
    assert store.search_apart(rows(EAST)[0], 5, ["b", "中a"]) == [han, other[1:]]
    assert store.search_apart(rows(EAST)[0], 5, ["b", "no such"]) == [other[1:]]
    assert store.search_apart(rows(EAST)[0], 5, ["中none"]) == [] == store.search_apart(rows(EAST)[0], 0)
    assert [n for n, _ in store.search(rows(EAST)[0], 3)] == [1, 4, 2]
    assert [part.count for part in store.parts] == [2, 2] and store.ids().tolist() == [1, 2, 3, 4]


def test_an_id_that_comes_again_in_the_other_script_is_in_that_one_alone(store: ScriptStores) -> None:
    store.add([1, 2], ["b", "中a"], rows(NORTH, EAST))
    assert store.ids().tolist() == [1, 2, 3, 4] and store.count == 4
    assert [n for n, _ in store.search(rows(NORTH)[0], 9, ["中a"])] == [3, 2]
    store.remove(["中a"])
    assert store.ids().tolist() == [1, 4]


def test_the_library_is_asked_once_for_a_filter_that_comes_again(store: ScriptStores) -> None:
    asked.clear()
    for _ in range(3):
        store.search_apart(rows(EAST)[0], 5, ["b", "中new"])
    assert asked == [{"b", "中new"}]
    store.add([9], ["中new"], rows(EAST))
    assert [[n for n, _ in hits] for hits in store.search_apart(rows(EAST)[0], 5, ["b", "中new"])] == [[9], [2]]


def test_the_parts_have_files_of_their_own_and_a_stamp_together(tmp_path: Path) -> None:
    store = open_store("faiss:", 2, tmp_path, in_han)
    assert store.stamp == "" == open_store("memory:", 2, tmp_path).stamp
    store.add([1], ["中a"], rows(EAST))
    store.flush()
    first = store.stamp
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")} == {
        f"{part}/vectors.faiss" for part in PARTS
    }
    assert first and first == open_store("faiss:", 2, tmp_path, in_han).stamp
    store.flush()
    assert store.stamp == first
    reader = open_store("faiss:", 2, tmp_path, in_han)
    store.remove(["中a"])
    assert store.stamp == first
    store.flush()
    assert store.stamp != first == reader.stamp
    reader.reload()
    assert reader.stamp == store.stamp and reader.count == 0 and reader.check() == []
    (tmp_path / "han" / "vectors.faiss").unlink()
    assert open_store("faiss:", 2, tmp_path, in_han).stamp == ""


def test_the_file_of_the_layout_before_goes_when_its_vectors_are_here(tmp_path: Path) -> None:
    old = tmp_path / "vectors.faiss"
    head = json.dumps({"dim": 2, "count": 2, "documents": ["中a", "b"], "of": [0, 1]}).encode()
    body = struct.pack("<Q", len(head)) + head + np.array([5, 6]).tobytes() + rows(EAST, NORTH).tobytes()
    old.write_bytes(b"judian-vectors-1\n" + hashlib.sha256(body).digest() + body)
    assert held_ids("faiss:", tmp_path) == {5, 6}
    store = open_store("faiss:", 2, tmp_path, in_han)
    assert store.count == 0 and old.exists(), "who only reads deletes nothing"
    store.add([5, 6], ["中a", "b"], rows(EAST, NORTH))
    store.flush()
    assert not old.exists() and held_ids("faiss:", tmp_path) == {5, 6}
    old.write_bytes(b"\x00" * 50)
    assert held_ids("faiss:", tmp_path) == {5, 6}


def test_what_the_files_hold_is_told_and_purged_without_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.stores.due.LARGEST_EXACT", 30)
    assert held_ids("faiss:", tmp_path) == set() and purge_store("faiss:", tmp_path) == ("", "")
    store = open_store("faiss:", 2, tmp_path, in_han)
    angles = np.arange(100) / 50
    docs = [f"{'中' * (n % 2)}{n // 10}" for n in range(100)]
    store.add(list(range(100)), docs, np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    store.flush()
    store.remove(["3"])
    store.flush()
    gone = set(range(30, 40, 2))
    assert set(store.ids().tolist()) == set(range(100)) - gone and held_ids("faiss:", tmp_path) >= gone
    before, after = purge_store("faiss:", tmp_path)
    assert before == store.stamp != after == open_store("faiss:", 2, tmp_path, in_han).stamp
    assert held_ids("faiss:", tmp_path) == set(range(100)) - gone
    assert purge_store("faiss:", tmp_path) == (after, after)
    assert held_ids("memory:", tmp_path) == set() and purge_store("memory:", tmp_path) == ("", "")


@given(st.lists(st.lists(st.floats(-1e3, 1e3, width=32), min_size=3, max_size=3), min_size=1, max_size=6))
def test_vectors_that_were_rounded_once_stay_as_they_are(vectors: list[list[float]]) -> None:
    numbers = list(range(len(vectors)))
    _, _, first = checked(numbers, ["d"] * len(vectors), np.array(vectors, dtype=np.float32), 3)
    assert (checked(numbers, ["d"] * len(vectors), first, 3)[2] == first).all()
    assert (first == first.astype(np.float16)).all()
    norms = np.linalg.norm(first.astype(np.float64), axis=1)
    assert ((abs(norms - 1) < 2e-3) | (norms == 0)).all()


# -- files --------------------------------------------------------------------------------------------------------


def test_a_sealed_file_gives_back_what_was_put_in(tmp_path: Path) -> None:
    path = tmp_path / "made" / "a.rows"
    pieces = [np.full((2, 3), n, dtype=np.float16) for n in range(4)]
    arrays = {
        "none": np.empty(0, dtype=np.int64),
        "names": np.array([b"ab", b"c"], dtype="S16"),
        "bits": np.array([7], dtype=np.uint8),
        "streamed": Streamed(np.dtype(np.float16), (8, 3), iter(pieces)),
        "empty": np.empty((0, 3), dtype=np.float32),
    }
    stamp = write_sealed(path, {"中": 1, "name": "\ud800"}, arrays)
    found = read_sealed(path)
    assert found.stamp == stamp and found.head == {"中": 1, "name": "\ud800"} and list(found.arrays) == list(arrays)
    assert (found.arrays["streamed"] == np.concatenate(pieces)).all() and found.arrays["empty"].shape == (0, 3)
    assert found.arrays["names"].tolist() == [b"ab", b"c"] and found.arrays["bits"].tolist() == [7]
    path.write_bytes(path.read_bytes()[:-64])
    for whole in (True, False):
        with pytest.raises(IndexBrokenError):
            read_sealed(path, whole)


# -- the gate -----------------------------------------------------------------------------------------------------


def test_readers_go_through_together_and_a_writer_alone() -> None:
    gate, inside = Gate(), threading.Barrier(3)
    order: list[str] = []

    def read() -> None:
        with gate.reading():
            inside.wait(10)  # only when all three are in
            order.append("read")

    def write() -> None:
        with gate.writing():
            order.append("written")

    readers = [threading.Thread(target=read) for _ in range(2)]
    with gate.reading():
        writer = threading.Thread(target=write)
        for thread in readers:
            thread.start()
        inside.wait(10)
        writer.start()
        for thread in readers:
            thread.join(10)
        order.append("left")
    writer.join(10)
    assert order == ["read", "read", "left", "written"]


def test_a_change_that_fails_opens_the_gate_again() -> None:
    gate = Gate()
    for way in (gate.reading, gate.writing, gate.reading):
        with pytest.raises(ZeroDivisionError), way():
            raise ZeroDivisionError
    with gate.writing():
        pass


def test_a_search_counts_no_thread_but_its_own() -> None:
    import faiss

    before = faiss.omp_get_max_threads()
    store = open_store("faiss:", 2, Path("never written"), None)
    store.add([1], ["a"], rows(EAST))
    assert store.search(rows(EAST)[0], 1) == [(1, 1.0)] and faiss.omp_get_max_threads() == before
    assert isinstance(MemoryStore(2).stamp, str)
