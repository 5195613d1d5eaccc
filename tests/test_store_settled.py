"""Of thousands of vectors most lie in a file that stays as it is: a few more cost a few more, and all is found as before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexBrokenError
from rag.protocols import Vectors
from rag.stores import due, growing
from rag.stores.growing import FaissStore, purge_files
from rag.stores.memory import MemoryStore
from rag.stores.settled import SettledPart
from rag.stores.state import FILE, saved_ids

DIM = 16


def vectors_of(ids: range) -> Vectors:
    rows: Vectors = np.random.default_rng(3).normal(size=(20_000, DIM))[list(ids)].astype(np.float32)
    return rows


def fill(store: FaissStore | MemoryStore, ids: range) -> None:
    store.add(list(ids), [f"d{number // 10}" for number in ids], vectors_of(ids))


@pytest.fixture
def grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaissStore:
    """1,000 settled, 50 beside them."""
    monkeypatch.setattr(due, "SETTLED", 400)
    store = FaissStore(DIM, tmp_path)
    for ids in (range(1000), range(1000, 1050)):
        fill(store, ids)
        store.flush()
    assert isinstance(store._state.base, SettledPart) and store._state.exact.count == 50
    return store


def files(store: FaissStore) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in store.path.parent.iterdir()}


def test_a_few_more_are_durable_without_the_rest_being_written_again(grown: FaissStore) -> None:
    before, large = files(grown), grown.path.with_name("base-1.flat").stat().st_size
    fill(grown, range(1050, 1060))
    grown.remove(["d3"])
    grown.flush()
    after = files(grown)
    assert after.keys() == before.keys() == {FILE, "base-1.flat"}
    assert after["base-1.flat"] == before["base-1.flat"] and after[FILE] != before[FILE]
    assert grown.path.stat().st_size < large / 5
    assert FaissStore(DIM, grown.path.parent).ids().tolist() == [n for n in range(1060) if not 30 <= n < 40]


def test_it_finds_what_comparing_with_all_finds_through_every_change(grown: FaissStore) -> None:
    reference = MemoryStore(DIM)
    fill(reference, range(1050))

    def same(some: list[str] | None = None) -> None:
        for store in (grown, FaissStore(DIM, grown.path.parent)):
            for query in vectors_of(range(15_000, 15_010)):
                assert store.search(query, 12, some) == reference.search(query, 12, some)

    same()
    same(["d1", "d100", "d101", "no such"])
    for step in range(12):  # settles anew several times
        fresh = range(2000 + 60 * step, 2060 + 60 * step)
        for store in (grown, reference):
            store.remove([f"d{7 * step}", f"d{7 * step + 1}"])
            fill(store, range(40 * step, 40 * step + 5))  # some are changed or come again
            fill(store, fresh)
        grown.flush()
        same()
    same([f"d{n}" for n in range(0, 300, 3)])
    assert len(files(grown)) == 2


def test_a_fifth_that_is_gone_is_taken_out_and_little_that_is_left_is_one_file(grown: FaissStore) -> None:
    grown.remove([f"d{n}" for n in range(10)])
    grown.flush()
    assert len(saved_ids(grown.path.parent)) == 1050, "only marked"
    grown.remove([f"d{n}" for n in range(10, 25)])
    grown.flush()
    assert saved_ids(grown.path.parent).tolist() == list(range(250, 1050))
    grown.remove([f"d{n}" for n in range(25, 90)])
    grown.flush()
    assert files(grown).keys() == {FILE} and FaissStore(DIM, grown.path.parent).ids().tolist() == list(range(900, 1050))


def test_a_purge_takes_out_what_is_only_marked(grown: FaissStore) -> None:
    grown.remove(["d5"])
    grown.flush()
    assert set(range(50, 60)) <= set(saved_ids(grown.path.parent).tolist())
    before, after = purge_files(grown.path.parent)
    assert before != after == FaissStore(DIM, grown.path.parent).stamp
    assert saved_ids(grown.path.parent).tolist() == [n for n in range(1050) if not 50 <= n < 60]
    grown.reload()
    grown.remove([f"d{n}" for n in range(110)])
    grown.purge()
    assert len(saved_ids(grown.path.parent)) == 0 == grown.count


def test_a_flush_broken_off_at_its_very_end_harms_no_later_one(
    grown: FaissStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FILE names the new part by then, the program still has the old one."""
    with monkeypatch.context() as patch:
        patch.setattr(growing, "signature", interrupted)
        grown.remove([f"d{n}" for n in range(30)])
        with pytest.raises(KeyboardInterrupt):
            grown.flush()
    fill(grown, range(2000, 2010))
    with monkeypatch.context() as patch:
        patch.setattr(growing, "write_state", interrupted)
        with pytest.raises(KeyboardInterrupt):
            grown.flush()
    assert FaissStore(DIM, grown.path.parent).ids().tolist() == list(range(300, 1050))
    grown.flush()
    assert FaissStore(DIM, grown.path.parent).ids().tolist() == [*range(300, 1050), *range(2000, 2010)]
    assert len(files(grown)) == 2


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", [0.01, 0.5, 0.99])
def test_damage_is_noticed(grown: FaissStore, place: float) -> None:
    path = grown.path.with_name("base-1.flat")
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 1
    path.write_bytes(bytes(data))
    assert "base-1.flat" in grown.check()[0]
    with pytest.raises(IndexBrokenError, match=r"base-1\.flat"):
        FaissStore(DIM, grown.path.parent)
    path.unlink()
    with pytest.raises(IndexBrokenError, match=r"base-1\.flat is missing"):
        FaissStore(DIM, grown.path.parent)
    assert grown.check() == ["base-1.flat is missing"]


def test_another_process_goes_on_with_what_it_opened_until_it_reloads(grown: FaissStore) -> None:
    reader, query = FaissStore(DIM, grown.path.parent), vectors_of(range(15_000, 15_001))[0]
    before = reader.search(query, 20)
    grown.remove([f"d{n}" for n in range(60)])
    grown.flush()
    assert not grown.path.with_name("base-1.flat").exists()
    assert reader.search(query, 20) == before
    reader.reload()
    assert reader.search(query, 20) == grown.search(query, 20) != before


def test_what_is_due_follows_from_what_is_held(grown: FaissStore) -> None:
    state = grown._state
    assert due.due(state, False, False) == "" and due.due(state, True, True) == "write"
    fill(grown, range(1050, 1160))  # a tenth, and a fourth of SETTLED
    assert due.due(grown._state, True, False) == "settle"
