"""A sketch of 8 bits lets through whatever may be among the nearest, and its reckoning is as good as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from rag.stores import sealed
from rag.stores.flat import ExactPart
from rag.stores.growing import FaissStore
from rag.stores.halves import HalvesOnDisk, KeptHalves
from rag.stores.memory import MemoryStore, unit_query
from rag.stores.scan import bits
from rag.stores.sketch import Ranges, Sketch, added, kind

Rows = NDArray[np.float32]


def unit(rows: NDArray[Any]) -> Rows:
    made: Rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return made


def rows_of(kind: str, count: int, dim: int, seed: int = 7) -> Rows:
    """Vectors as an embedder may give them: around one direction, in lumps, drifting, or with a number that is far from the
    others now and then."""
    draw = np.random.default_rng(seed)
    noise = draw.normal(size=(count, dim))
    if kind == "narrow":
        return unit(3 * draw.normal(size=dim) + noise)
    if kind == "lumps":
        return unit(2 * draw.normal(size=(12, dim))[draw.integers(12, size=count)] + noise)
    if kind == "drift":
        return unit(noise + np.linspace(0, 6, count)[:, None] * draw.normal(size=dim))
    noise[draw.integers(count, size=count // 50), draw.integers(dim, size=count // 50)] += 40
    return unit(noise)


def part_of(rows: Rows, step: int = 700) -> ExactPart:
    part = ExactPart(rows.shape[1])
    for at in range(0, len(rows), step):
        some = rows[at : at + step]
        part.add(np.arange(at, at + len(some)), [b"d" * 15 + b"."] * len(some), some)
    return part


KINDS = ("narrow", "lumps", "drift", "spikes")


@pytest.mark.parametrize("dim", [8, 30, 128])
@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_what_comparing_with_all_finds(kind: str, dim: int) -> None:
    rows = rows_of(kind, 5000, dim)
    part, reference = part_of(rows), MemoryStore(dim)
    reference.add(range(len(rows)), ["d"] * len(rows), rows)
    asked = unit(rows[::250] + np.random.default_rng(1).normal(scale=0.05, size=(20, dim)))
    for query in asked:
        assert part.search(unit_query(query, dim), 10) == reference.search(query, 10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_product_is_never_more_than_it_reckons_and_is_sure_of(kind: str) -> None:
    rows = rows_of(kind, 4000, 128)
    part = part_of(rows, 4000)
    sketch = part._sketch
    assert sketch is not None
    kept = part.halves(np.arange(len(rows))).astype(np.float64)
    for query in unit(rows_of(kind, 8, 128, seed=8)).astype(np.float64):
        positions, reckoned, sure = sketch.nearest(query, len(rows), None)
        assert len(positions) == len(rows) and (np.diff(reckoned) <= 0).all()
        off = kept[positions] @ query - reckoned
        exempt = np.isin(positions, sketch.blurred(None))
        assert np.abs(off[~exempt]).max() < sure
        assert np.abs(off).mean() < sure / 4 and abs(off.mean()) < sure / 8


@pytest.mark.parametrize("dim", [30, 48])  # FAISS has ways of its own for multiples of 16
def test_its_products_are_sums_of_whole_numbers(dim: int) -> None:
    rows = rows_of("lumps", 300, dim)
    halves = rows.astype(np.float16)
    sketch = Sketch(dim, Ranges.drawn([halves]))
    sketch.add(halves)
    query = rows[3].astype(np.float64)
    weights = sketch.ranges.weights(query)
    by_hand = sketch.arrays()["codes"].astype(np.int64) @ weights.row[0].astype(np.int64)
    positions, reckoned, _ = sketch.nearest(query, 300, None)
    shift = 128 * weights.row.astype(np.int64).sum()
    assert np.allclose(reckoned, weights.unit * (by_hand[positions] - shift) + weights.constant, rtol=0, atol=1e-12)
    index = faiss.IndexScalarQuantizer(dim, kind(), faiss.METRIC_INNER_PRODUCT)
    codes, _ = sketch.ranges.codes(halves.astype(np.float32))
    index.add(added(codes))
    assert np.array_equal(faiss.vector_to_array(index.codes).reshape(300, dim), codes)


def test_ranges_are_drawn_anew_as_vectors_come_that_they_do_not_suit() -> None:
    part = part_of(rows_of("narrow", 300, 32))
    before = part._sketch
    part.add(np.arange(300, 900), [b"e" * 15 + b"."] * 600, rows_of("spikes", 600, 32))
    after = part._sketch
    assert after is not None and after is not before and after.fits and after.count == 900


def test_what_lies_outside_of_the_steps_is_found_too() -> None:
    """A number that was 0 of all vectors, and is a little more of some that come later."""
    draw = np.random.default_rng(0)
    first, later = draw.normal(size=(2000, 384)), draw.normal(size=(60, 384))
    first[:, 0] = 0
    rows = np.concatenate([unit(first), unit(later)])
    rows[2000:, 0] = draw.uniform(0.004, 0.011, size=60)
    rows = unit(rows)
    part, reference = ExactPart(384), MemoryStore(384)
    reference.add(range(2060), ["d"] * 2060, rows)
    for ids in (np.arange(2000), np.arange(2000, 2060)):
        part.add(ids, [b"d" * 15 + b"."] * len(ids), rows[ids])
    asked = draw.normal(scale=0.01, size=(5, 384))
    asked[:, 0] = 1
    for query in asked:
        assert part.search(unit_query(query, 384), 10) == reference.search(query, 10)


def test_what_resembles_a_query_whose_numbers_are_rounded_away_is_let_through() -> None:
    """One number of the query is so large that all others become 0."""
    draw = np.random.default_rng(0)
    asked = np.concatenate([np.full((20, 1), 0.9), 0.012 * draw.choice([-1, 1], size=(20, 383))], axis=1)
    others = draw.normal(scale=0.03, size=(3000, 384))
    others[:, 0] = draw.uniform(-0.2, 0.9, size=3000)
    halves = unit(np.concatenate([others, asked])).astype(np.float16)
    sketch = Sketch(384, Ranges.drawn([halves]))
    sketch.add(halves)
    for at, query in enumerate(asked, 3000):
        query = unit_query(query, 384)
        positions, reckoned, sure = sketch.nearest(query, len(halves), None)
        assert halves[at].astype(np.float64) @ query - reckoned[positions == at][0] < 0.7 * sure


def test_a_filter_and_removals_leave_the_rest_as_it_was() -> None:
    rows = rows_of("spikes", 2000, 32)
    part, reference = part_of(rows), MemoryStore(32)
    gone = np.arange(0, 2000, 3)
    part.remove(gone)
    left = np.setdiff1d(np.arange(2000), gone)
    reference.add(left.tolist(), [f"d{number % 2}" for number in left], rows[left])
    query = unit_query(rows[5], 32)
    assert part.search(query, 12) == reference.search(rows[5], 12)
    even = bits(part.ids % 2 == 0)
    assert part.search(query, 12, even) == reference.search(rows[5], 12, {"d0"})


def test_a_store_reads_its_vectors_from_its_file_and_one_of_before_opens(tmp_path: Path) -> None:
    rows = rows_of("lumps", 1500, 32)
    store = FaissStore(32, tmp_path)
    store.add(range(1500), ["d"] * 1500, rows)
    before = store.search(rows[9], 20)
    store.flush()
    assert store.search(rows[9], 20) == before
    assert len(store._state.exact._halves._added) == 0  # no longer in memory
    store.add(range(1500, 1600), ["e"] * 100, rows[:100])
    store.remove({"d"})
    store.flush()
    assert FaissStore(32, tmp_path).search(rows[9], 1) == [(1509, pytest.approx(1.0, abs=1e-3))]

    found = sealed.read_sealed(store.path)
    old = {name: array for name, array in found.arrays.items() if name not in ("codes", "blurred", "ranges", "drawn")}
    sealed.write_sealed(store.path, dict(found.head), old)
    assert FaissStore(32, tmp_path).search(rows[9], 20) == store.search(rows[9], 20)


def test_a_reader_keeps_the_file_that_it_opened(tmp_path: Path) -> None:
    rows = rows_of("lumps", 600, 16)
    writer = FaissStore(16, tmp_path)
    writer.add(range(600), ["d"] * 600, rows)
    writer.flush()
    reader = FaissStore(16, tmp_path)
    expected = reader.search(rows[0], 5)
    writer.remove({"d"})
    writer.add([900], ["e"], rows[:1])
    writer.flush()
    assert reader.search(rows[0], 5) == expected
    reader.reload()
    assert [number for number, _ in reader.search(rows[0], 5)] == [900]


def test_vectors_lie_on_disk_and_in_memory_and_keep_their_places(tmp_path: Path) -> None:
    rows = np.arange(40, dtype=np.float16).reshape(10, 4)
    path = tmp_path / "some.file"
    path.write_bytes(b"head" + rows[:6].tobytes())
    disk = HalvesOnDisk(path, 4, 4, 6)
    assert disk.take(np.empty(0, dtype=np.int64)).shape == (0, 4)
    kept = KeptHalves(4, disk)
    kept.add(rows[6:8])
    kept.remove(np.isin(np.arange(8), [0, 3, 6]))
    kept.add(rows[8:])
    left = rows[[1, 2, 4, 5, 7, 8, 9]]
    assert kept.count == 7 and np.array_equal(kept.take(np.arange(7)), left)
    assert np.array_equal(kept.take(np.array([0, 3, 6])), left[[0, 3, 6]])
    assert np.array_equal(np.concatenate(list(kept.chunks())), left)
