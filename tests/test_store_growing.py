"""The store as it grows: exact, then clustered with an exact part beside it, and back. At a hundredth of the real sizes."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rag.errors import IndexBrokenError, RagError
from rag.protocols import Vectors
from rag.stores import calibrate, cluster, due, growing, ivf, state
from rag.stores.calibrate import Asked, exact
from rag.stores.growing import FaissStore
from rag.stores.ivf import part_files
from rag.stores.memory import MemoryStore
from rag.stores.sealed import read_sealed
from rag.stores.state import FILE, saved_ids

DIM = 32
LARGEST = 80
_CENTRES = np.random.default_rng(0).standard_normal((40, DIM))
_NOISE = np.random.default_rng(1).standard_normal((10_000, DIM))


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # so little is done that two would mostly wait for each other
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(due, "LARGEST_EXACT", LARGEST)
        patch.setattr(due, "SETTLED", 40)
        patch.setattr(ivf, "FEW", 24)
        patch.setattr(ivf, "_SCORED", 4)
        yield
    faiss.omp_set_num_threads(threads)


def vectors_of(ids: list[int] | range, noise: float = 0.5) -> Vectors:
    """One and the same for an id, near one of forty centres."""
    numbers = np.array(ids, dtype=np.int64)
    rows: Vectors = (_CENTRES[numbers % 40] + noise * _NOISE[numbers]).astype(np.float32)
    return rows


def fill(store: FaissStore | MemoryStore, ids: range) -> None:
    store.add(list(ids), [doc_of(n) for n in ids], vectors_of(ids))


def doc_of(number: int) -> str:
    return f"d{number // 10}"


@pytest.fixture
def grown(tmp_path: Path) -> FaissStore:
    """600 in the clustered part, 12 beside it, flushed."""
    store = FaissStore(DIM, tmp_path)
    fill(store, range(600))
    store.flush()
    fill(store, range(600, 612))
    store.flush()
    assert store._state.base is not None and store._state.exact.count == 12
    return store


def test_a_purge_of_all_that_is_clustered_leaves_an_empty_store(grown: FaissStore) -> None:
    grown.remove([doc_of(n) for n in range(612)])
    grown.purge()
    assert grown.count == 0 == FaissStore(DIM, grown.path.parent).count
    assert [path.name for path in grown.path.parent.iterdir()] == [FILE]


def test_lists_are_counted_where_a_query_s_nearest_is_empty(tmp_path: Path) -> None:
    """So many vectors are one and the same that some centroids have none."""
    store = FaissStore(DIM, tmp_path)
    store.add(range(200), [doc_of(n) for n in range(200)], vectors_of([n % 3 for n in range(200)]))
    for at in range(80):
        store.search(_NOISE[at], 1)
    store.flush()
    assert store.probing is not None and store.probing.asked


def recall(store: FaissStore, reference: MemoryStore, filtered: list[str] | None = None, k: int = 10) -> float:
    """recall@10 on 60 questions; membership, number and order of what is found are asserted."""
    share = []
    known = set(reference.ids().tolist())
    for query in vectors_of(range(5000, 5060), noise=0.7):
        found, wanted = store.search(query, k, filtered), reference.search(query, k, filtered)
        ids = [number for number, _ in found]
        assert len(found) == len(wanted) and len(set(ids)) == len(ids) and set(ids) <= known
        assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))
        if filtered is not None:
            assert {doc_of(number) for number in ids} <= set(filtered)
        share.append(len(set(ids) & {number for number, _ in wanted}) / max(1, len(wanted)))
    return float(np.mean(share))


def both(tmp_path: Path, count: int) -> tuple[FaissStore, MemoryStore]:
    store, reference = FaissStore(DIM, tmp_path), MemoryStore(DIM)
    for at in range(0, count, 150):
        for either in (store, reference):
            fill(either, range(at, min(at + 150, count)))
        store.flush()
    return store, reference


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# -- what is found ------------------------------------------------------------------------------------------------


def test_a_store_that_grew_finds_what_an_exact_one_finds(tmp_path: Path) -> None:
    store, reference = both(tmp_path, 3000)
    base = store._state.base
    assert base is not None and base.lists == 64 and store._state.exact.count <= 150
    assert store.probing is not None and store.probing.recall >= 0.98 and store.probing.nprobe < base.lists
    assert store.ids().tolist() == list(range(3000)) and store.count == 3000
    assert recall(store, reference) >= 0.97
    opened = FaissStore(DIM, tmp_path)
    query = vectors_of([7777])[0]
    assert opened.search(query, 50) == store.search(query, 50)
    for either in (store, reference):
        either.remove([f"d{n}" for n in range(20, 70)])
        fill(either, range(250, 270))  # some of them again
    assert recall(store, reference) >= 0.97
    store.flush()
    assert store._state.base is base, "a fifth is not gone"
    assert recall(FaissStore(DIM, tmp_path), reference) >= 0.97


@pytest.mark.parametrize(("step", "least"), [(2, 0.97), (5, 0.97), (50, 0.97), (299, 1.0)])
def test_a_filter_keeps_recall_however_much_it_leaves(tmp_path: Path, step: int, least: float) -> None:
    store, reference = both(tmp_path, 3000)
    chosen = [f"d{n}" for n in range(0, 300, step)] + ["no such"]
    assert recall(store, reference, chosen) >= least
    assert store.search(vectors_of([3])[0], 5, ["no such"]) == [] == store.search(vectors_of([3])[0], 5, [])


def test_there_are_as_many_as_asked_for_wherever_there_are(grown: FaissStore) -> None:
    query = vectors_of([9])[0]
    for k in (1, 100, 614, 612, 616, 5000):
        assert len({number for number, _ in grown.search(query, k)}) == min(k, 612)
    assert len(grown.search(query, 600, [f"d{n}" for n in range(30)])) == 300


def test_equal_vectors_tie_by_id_in_the_clustered_part_too(tmp_path: Path) -> None:
    store = FaissStore(DIM, tmp_path)
    same = np.tile(vectors_of([1]), (200, 1))
    store.add(list(range(400, 200, -1)), ["same"] * 200, same)
    fill(store, range(100))
    store.flush()
    assert store._state.base is not None
    assert [number for number, _ in store.search(same[0], 21, ["same"])] == list(range(201, 222))
    assert [number for number, _ in store.search(same[0], 20)] == [1, *range(201, 220)]


# -- growing and shrinking ------------------------------------------------------------------------------------------


def test_it_becomes_exact_again_when_little_is_left(tmp_path: Path) -> None:
    store, reference = both(tmp_path, 300)
    for either in (store, reference):
        either.remove([f"d{n}" for n in range(3, 30)])
    store.flush()
    assert store._state.base is None and names(tmp_path) == [FILE]
    assert FaissStore(DIM, tmp_path).ids().tolist() == list(range(30))
    for query in vectors_of(range(5000, 5020)):
        assert store.search(query, 50) == reference.search(query, 50)


def test_what_is_gone_is_taken_out_of_the_files_by_a_merge_or_a_purge(grown: FaissStore) -> None:
    directory = grown.path.parent
    grown.remove(["d5"])
    grown.flush()
    assert set(range(50, 60)) <= set(saved_ids(directory).tolist()), "only marked: said as it is"
    assert growing.purge_files(directory)[1] == FaissStore(DIM, directory).stamp
    assert saved_ids(directory).tolist() == [n for n in range(612) if not 50 <= n < 60]
    before = FaissStore(DIM, directory)
    before.remove([f"d{n}" for n in range(10, 30)])
    before.flush()
    assert len(saved_ids(directory)) == 602 - 200


def test_scores_are_those_of_the_reference_through_merges_and_new_centroids(tmp_path: Path) -> None:
    store, reference = FaissStore(DIM, tmp_path), MemoryStore(DIM)
    query = vectors_of([50])[0]
    trained_on = []
    sides = np.vstack([np.eye(DIM), -np.eye(DIM)]).astype(
        np.float32
    )  # far out of the range of all that was there before
    for either in (store, reference):
        fill(either, range(200))
    store.flush()
    for either in (store, reference):
        either.add(list(range(9000, 9000 + len(sides))), ["sides"] * len(sides), sides)
    for first, last in ((200, 300), (300, 1200)):  # merged; drawn again
        for either in (store, reference):
            fill(either, range(first, last))
        store.flush()
        assert store._state.base is not None and store._state.exact.count == 0
        trained_on.append(store._state.base.trained_on)
        assert store.search(query, 2000) == reference.search(query, 2000)
        assert store.search(query, 2000, ["d3", "sides"]) == reference.search(query, 2000, ["d3", "sides"])
    assert trained_on == [200, 1200 + len(sides)]
    for number, side in enumerate(sides, 9000):
        assert store.search(side, 1) == [(number, 1.0)]


def test_every_flush_that_writes_has_a_stamp_of_its_own(tmp_path: Path) -> None:
    store = FaissStore(DIM, tmp_path)
    stamps = [store.stamp]
    for at in range(0, 300, 60):
        fill(store, range(at, at + 60))
        assert store.stamp == stamps[-1]
        store.flush()
        stamps.append(store.stamp)
        store.flush()
        assert store.stamp == stamps[-1] == FaissStore(DIM, tmp_path).stamp
    assert stamps[0] == "" and len(set(stamps)) == len(stamps)


# -- while it is in use ---------------------------------------------------------------------------------------------


def test_searches_go_on_during_a_merge_and_additions_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FaissStore(DIM, tmp_path)
    fill(store, range(200))
    merging, go = threading.Event(), threading.Event()
    real = growing.write_part

    def slow(*args: Any) -> str:
        merging.set()
        assert go.wait(20)
        return real(*args)

    monkeypatch.setattr(growing, "write_part", slow)
    threads = [threading.Thread(target=store.flush), threading.Thread(target=fill, args=(store, range(210, 230)))]
    threads[0].start()
    assert merging.wait(20)
    threads[1].start()
    query = vectors_of([5])[0]
    before = store.search(query, 20)
    assert len(before) == 20 and store.ids().tolist() == list(range(200)) and store.count == 200
    go.set()
    for thread in threads:
        thread.join(20)
    assert store.ids().tolist() == [*range(200), *range(210, 230)] and store._state.exact.count == 20
    assert [number for number, _ in store.search(query, 5)] == [number for number, _ in before[:5]]


def test_many_threads_search_while_others_add_and_remove(tmp_path: Path) -> None:
    store = FaissStore(DIM, tmp_path)
    fill(store, range(100))
    done, wrong = threading.Event(), []

    def search() -> None:
        while not done.is_set():
            found = [number for number, _ in store.search(vectors_of([3])[0], 30, ["d0", "d1"])]
            if not set(found) <= set(range(20)) or len(found) != 20:
                wrong.append(found)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for at in range(100, 400, 30):
        fill(store, range(at, at + 30))
        store.remove([doc_of(at)])
        store.flush()
    done.set()
    for thread in threads:
        thread.join(20)
    assert not wrong and store.count == 400 - 100


def test_another_process_takes_the_new_state_and_may_use_the_old_one_until_then(grown: FaissStore) -> None:
    reader = FaissStore(DIM, grown.path.parent)
    query = vectors_of([5])[0]
    before = reader.search(query, 30)
    fill(grown, range(612, 700))
    grown.flush()
    assert not part_files(grown.path.parent, reader._state.base.name)[0].exists()  # type: ignore[union-attr]
    assert reader.search(query, 30) == before
    reader.reload()
    assert reader.ids().tolist() == list(range(700)) and reader.search(query, 30) == grown.search(query, 30)


def test_files_that_are_replaced_while_they_are_opened_are_opened_anew(
    grown: FaissStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = state.open_part, []

    def late(*args: Any) -> Any:
        if not tries:
            tries.append(1)
            fill(grown, range(612, 700))
            grown.flush()
        return real(*args)

    monkeypatch.setattr(state, "open_part", late)
    assert FaissStore(DIM, grown.path.parent).ids().tolist() == list(range(700))


# -- recall is measured ---------------------------------------------------------------------------------------------


def test_recall_is_measured_on_what_users_asked_as_soon_as_they_asked_enough(tmp_path: Path) -> None:
    store, reference = both(tmp_path, 1500)
    assert store.probing is not None and not store.probing.asked
    queries = vectors_of(range(9000, 9100), noise=1.5)
    for query in queries[:63]:
        store.search(query, 3)
    store.flush()
    assert not store.probing.asked
    for query in queries:
        store.search(query, 3)
    store.flush()
    assert store.probing.asked and store.probing.queries == 100 and FaissStore(DIM, tmp_path).probing == store.probing
    share = []
    for query in queries:
        wanted = {number for number, _ in reference.search(query, 10)}
        share.append(len(wanted & {number for number, _ in store.search(query, 10)}) / 10)
    assert np.mean(share) >= 0.97 and store.probing.recall == pytest.approx(np.mean(share), abs=0.02)


def test_questions_are_made_up_while_few_are_asked(tmp_path: Path) -> None:
    wanted: list[int] = []

    def own(count: int) -> Vectors:
        wanted.append(count)
        return vectors_of(range(7000, 7000 + count), noise=1.0)

    store = FaissStore(DIM, tmp_path, own)
    fill(store, range(500))
    store.search(vectors_of([1])[0], 3)
    store.flush()
    assert wanted == [255] and store.probing is not None and store.probing.queries == 256 and not store.probing.asked


def test_no_question_is_written_down(tmp_path: Path) -> None:
    store = FaissStore(DIM, tmp_path)
    fill(store, range(300))
    queries = vectors_of(range(9000, 9100))
    for query in queries:
        store.search(query, 3)
    store.flush()
    assert store.probing is not None and store.probing.asked
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for query in store._asked.vectors(DIM):
        assert query[:3].tobytes() not in written and query[:3].astype(np.float16).tobytes() not in written


def test_each_question_is_remembered_once_and_the_oldest_are_forgotten() -> None:
    asked = Asked()
    assert asked.vectors(DIM).shape == (0, DIM) and not asked.enough
    queries = vectors_of(range(300)).astype(np.float64)
    for query in [*queries[:5], *queries[:5], np.zeros(DIM)]:
        asked.note(query)
    assert len(asked.vectors(DIM)) == 5
    for query in queries:
        asked.note(query)
    assert asked.enough and (asked.vectors(DIM) == queries[-256:].astype(np.float32)).all()


def test_truth_is_what_the_reference_finds() -> None:
    reference = MemoryStore(DIM)
    fill(reference, range(90))
    rows = reference._vectors
    queries = vectors_of(range(100, 110))
    chunks = [(np.arange(at, min(at + 40, 90)), rows[at : at + 40]) for at in range(0, 90, 40)]
    ids, scores = exact(queries, chunks, 7)
    for query, numbers, values in zip(queries, ids, scores, strict=True):
        wanted = reference.search(query, 7)
        assert numbers.tolist() == [number for number, _ in wanted]
        assert values / np.linalg.norm(query) == pytest.approx([score for _, score in wanted], abs=1e-5)
    assert exact(queries, [], 3)[0].tolist() == [[-1] * 3] * 10


# -- damage, and what a killed writer leaves ----------------------------------------------------------------------------


def test_damage_of_any_file_is_noticed_on_opening(grown: FaissStore) -> None:
    directory = grown.path.parent
    for name in names(directory):
        path, whole = directory / name, (directory / name).read_bytes()
        draw = np.random.default_rng(1)
        flipped = [int(at) for at in draw.integers(0, len(whole), 12)]
        for data in (
            *(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in flipped),
            whole[: len(whole) // 2], b"", whole + b"x",
        ):  # fmt: skip
            path.write_bytes(data)
            with pytest.raises(IndexBrokenError, match="rebuild"):
                FaissStore(DIM, directory)
        path.unlink()
        if name != FILE:
            with pytest.raises(IndexBrokenError, match="missing"):
                FaissStore(DIM, directory)
        path.write_bytes(whole)
    assert FaissStore(DIM, directory).check() == []


def test_a_large_store_opens_without_reading_all_and_check_does(
    grown: FaissStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "_CHECKED", 0)
    path, _ = part_files(grown.path.parent, grown._state.base.name)  # type: ignore[union-attr]
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    assert "checksum" in FaissStore(DIM, grown.path.parent).check()[0]
    for data in (whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], whole[:-1]):  # the head, the size
        path.write_bytes(data)
        with pytest.raises(IndexBrokenError, match="rebuild"):
            FaissStore(DIM, grown.path.parent)


class Killed(BaseException):
    """As SIGKILL: nothing runs after it that touches the disk."""


def killed_at(patch: pytest.MonkeyPatch, last: int) -> list[str]:
    """The steps that are taken; at the last, and at every one after it, the program is dead."""
    taken: list[str] = []

    def around(owner: Any, name: str) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def step(*args: Any, **more: Any) -> Any:
            taken.append(name)
            if len(taken) > last:
                raise Killed
            return real(*args, **more)

        patch.setattr(owner, name, step)

    around(os, "replace")
    around(Path, "unlink")
    return taken


def test_a_merge_that_is_killed_anywhere_leaves_a_whole_state_and_is_done_again(tmp_path: Path) -> None:
    for last in range(40):
        directory = tmp_path / str(last)
        store = FaissStore(DIM, directory)
        fill(store, range(150))
        store.flush()
        fill(store, range(150, 400))
        store.remove(["d3"])
        now = [n for n in range(400) if not 30 <= n < 40]
        with pytest.MonkeyPatch.context() as patch:
            taken = killed_at(patch, last)
            try:
                store.flush()
            except Killed:
                pass
            else:
                break
        again = FaissStore(DIM, directory)
        assert again.ids().tolist() in (list(range(150)), now), (last, taken)
        assert again.check() == []
        fill(again, range(150, 400))
        again.remove(["d3"])
        again.flush()
        assert again.ids().tolist() == now and FaissStore(DIM, directory).ids().tolist() == now
        assert [name for name in names(directory) if name != FILE and name != cluster.TRAINED] == [
            path.name
            for path in part_files(directory, again._state.base.name)  # type: ignore[union-attr]
        ]
    assert last > 5


def test_centroids_of_a_stopped_run_are_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import faiss

    store = FaissStore(DIM, tmp_path)
    fill(store, range(200))
    with monkeypatch.context() as patch:
        patch.setattr(growing, "write_part", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.flush()
    assert names(tmp_path) == [cluster.TRAINED] and store.count == 200
    small = FaissStore(DIM, tmp_path)
    fill(small, range(50))
    small.flush()  # too few for it: it stays
    fill(small, range(50, 200))
    with monkeypatch.context() as patch:
        patch.setattr(faiss, "Clustering", None)  # drawing them anew is impossible
        small.flush()
    assert small._state.base is not None and cluster.TRAINED not in names(tmp_path)


def test_a_disk_that_takes_no_merge_leaves_all_as_it_was(grown: FaissStore, monkeypatch: pytest.MonkeyPatch) -> None:
    import faiss

    before = names(grown.path.parent)
    fill(grown, range(612, 700))
    with monkeypatch.context() as patch:
        patch.setattr(faiss, "write_index", lambda *_: (_ for _ in ()).throw(RuntimeError("Error: write error")))
        with pytest.raises(RagError, match="free space"):
            grown.flush()
    assert names(grown.path.parent) == before and grown.count == 700
    grown.flush()
    assert FaissStore(DIM, grown.path.parent).ids().tolist() == list(range(700))


# -- anything in any order ------------------------------------------------------------------------------------------


class Growing(RuleBasedStateMachine):
    """The store beside the reference; what is durable beside what was last flushed."""

    @initialize(seed=st.integers(0, 5))
    def begin(self, seed: int) -> None:
        self.place = tempfile.TemporaryDirectory()
        self.directory = Path(self.place.name)
        self.store, self.reference = FaissStore(DIM, self.directory), MemoryStore(DIM)
        self.durable: list[list[int]] = [[]]
        self.docs: dict[int, str] = {}

    @rule(first=st.integers(0, 30), count=st.integers(1, 15), doc=st.integers(0, 6))
    def add(self, first: int, count: int, doc: int) -> None:
        ids = range(first * 10, (first + count) * 10)
        for either in (self.store, self.reference):
            either.add(list(ids), [f"d{doc}"] * len(ids), vectors_of(ids))

    @rule(docs=st.sets(st.integers(0, 7), max_size=3))
    def remove(self, docs: set[int]) -> None:
        for either in (self.store, self.reference):
            either.remove([f"d{doc}" for doc in docs])

    @rule(ids=st.lists(st.integers(0, 450), max_size=5))
    def discard(self, ids: list[int]) -> None:
        for either in (self.store, self.reference):
            either.discard(np.array(ids, dtype=np.int64))

    @rule(purge=st.booleans())
    def flush(self, purge: bool) -> None:
        self.store.flush()
        if purge:
            self.store.purge()
        opened = FaissStore(DIM, self.directory)
        assert opened.ids().tolist() == self.reference.ids().tolist() and opened.stamp == self.store.stamp
        if purge:
            assert saved_ids(self.directory).tolist() == opened.ids().tolist()

    @rule()
    def reopen(self) -> None:
        self.store.flush()
        self.store = FaissStore(DIM, self.directory)

    @rule(last=st.integers(0, 12))
    def die(self, last: int) -> None:
        before = saved_ids(self.directory)
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, last)
            with contextlib.suppress(Killed):
                self.store.flush()
        self.store = FaissStore(DIM, self.directory)
        held, now = self.store.ids(), self.reference.ids()
        assert held.tolist() == now.tolist() or set(held.tolist()) <= set(before.tolist())
        self.store.remove([f"d{doc}" for doc in range(8)])  # as the library has it filled again
        docs, rows = self.reference._docs, self.reference._vectors
        self.store.add(self.reference._ids.tolist(), docs.tolist(), rows)

    @rule(query=st.integers(1000, 1100), k=st.sampled_from([1, 10, 700]), docs=st.none() | st.sets(st.integers(0, 7)))
    def search(self, query: int, k: int, docs: set[int] | None) -> None:
        filtered = None if docs is None else [f"d{doc}" for doc in docs]
        row = vectors_of([query])[0]
        found, wanted = self.store.search(row, k, filtered), self.reference.search(row, k, filtered)
        assert len(found) == len(wanted)
        scores = dict(self.reference.search(row, 10_000, filtered))
        for number, score in found:
            assert score == scores[number]
        if self.store._state.base is None or k == 700:
            assert found == wanted

    @invariant()
    def the_same_are_held(self) -> None:
        if hasattr(self, "store"):
            assert self.store.ids().tolist() == self.reference.ids().tolist()
            assert self.store.count == self.reference.count

    def teardown(self) -> None:
        if hasattr(self, "place"):
            self.place.cleanup()


Growing.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestGrowing = Growing.TestCase


def test_what_a_state_says_is_what_is_in_it(grown: FaissStore) -> None:
    head = read_sealed(grown.path).head
    assert head["base"]["name"] == grown._state.base.name and head["dim"] == DIM  # type: ignore[union-attr]
    assert calibrate.Probing.of_head(head["base"]) == grown.probing
