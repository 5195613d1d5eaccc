"""Windows through the network: how they are cut into batches, who is served first, and that nothing is read twice."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.embed.plan import plan
from rag.reader.lanes import Lanes, Promised, lanes_for
from rag.reader.network import Sizes
from rag.reader.reads import Ahead
from rag.reader.span import SpanModel
from tests.test_reader_span import Letters, logits

CALL = 64  # what a batch costs beyond its tokens, as in the module


def done(batches: list[list[int]], lengths: list[int], lanes: int) -> int:
    """When the last lane is done, each batch given to the lane that is free first."""
    until = [0] * lanes
    for batch in batches:
        until[until.index(min(until))] += CALL + len(batch) * max(lengths[i] for i in batch)
    return max(until)


def test_eight_alike_go_half_and_half() -> None:
    assert plan([192] * 8, 2) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert plan([192] * 8, 1) == [list(range(8))]
    assert plan([], 2) == [] and plan([48], 2) == [[0]]


def test_a_long_window_stands_alone_and_goes_first() -> None:
    assert plan([64, 512, 64, 64], 2) == [[1], [0, 2, 3]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 32).map(lambda n: 16 * n), min_size=1, max_size=7), st.integers(1, 4))
def test_every_window_is_in_one_batch_and_few_ways_to_cut_are_sooner_done(lengths: list[int], lanes: int) -> None:
    batches = plan(lengths, lanes)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    ways = []
    for mask in itertools.product((False, True), repeat=len(order) - 1):
        cuts = [0, *(i for i, cut in enumerate(mask, 1) if cut), len(order)]
        way = [order[a:b] for a, b in itertools.pairwise(cuts)]
        way.sort(key=lambda batch: -len(batch) * max(lengths[i] for i in batch))
        ways.append(done(way, lengths, lanes))
    assert done(batches, lengths, lanes) <= 1.34 * min(ways)  # measured worst: 1.33


@given(st.lists(st.integers(1, 512), max_size=80), st.integers(1, 4))
def test_a_batch_stays_small_and_the_costliest_is_first(lengths: list[int], lanes: int) -> None:
    batches = plan(lengths, lanes)
    costs = [len(batch) * max(lengths[i] for i in batch) for batch in batches]
    assert all(len(batch) <= 16 for batch in batches) and costs == sorted(costs, reverse=True)
    assert plan(lengths, lanes) == batches


def test_lanes_by_cores() -> None:
    assert [lanes_for(cores) for cores in (1, 2, 4, 8, 64)] == [1, 2, 2, 4, 4]
    assert lanes_for() >= 1


@pytest.mark.parametrize("count", [1, 2])
def test_work_is_done_in_the_order_it_came_and_its_errors_reach_who_asked(count: int) -> None:
    lanes, seen = Lanes(count), list[int]()
    running = [lanes.submit(lambda n=n: seen.append(n) or n) for n in range(20)]
    assert [future.result() for future in running] == list(range(20)) and sorted(seen) == list(range(20))

    def fails() -> int:
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        lanes.submit(fails).result()


def test_what_is_promised_is_made_once_for_all() -> None:
    made: list[int] = []
    started = threading.Event()

    def start() -> Callable[[], int]:
        started.set()
        return lambda: made.append(1) or 7

    promised = Promised(start)
    promised.begin()
    assert started.is_set() and made == []
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: promised.get(), range(30))) == {7} and made == [1]


def test_what_failed_is_tried_again() -> None:
    tries: list[int] = []

    def start() -> Callable[[], str]:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("once")
        return lambda: "made"

    promised = Promised(start)
    with pytest.raises(RuntimeError, match="once"):
        promised.get()
    assert promised.get() == "made" == promised.get() and len(tries) == 2


# -- the span model on lanes ----------------------------------------------------------------------------------------

CONTEXTS = [("题", "文" * n + "《书》" + "字" * (3 * n % 50)) for n in (1, 90, 5, 40, 130, 7, 60, 33)]


class Counted:
    """The network of `tests.test_reader_span`, with the windows that it was given."""

    def __init__(self) -> None:
        self.windows = 0
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, ids: Any, mask: Any) -> Any:
        self.windows += len(ids)
        self.shapes.append(ids.shape)
        return logits(ids, mask)


def model(network: Any, lanes: int) -> SpanModel:
    return SpanModel(Letters(), Sizes(8, 1, 1, 1e-12, 128, 0, 2, 1), network, "fake", "f32", lanes)


def test_lanes_change_nothing_of_what_is_read() -> None:
    alone = model(logits, 1).read("哪本书？", CONTEXTS)
    for lanes in (2, 4):
        network = Counted()
        assert model(network, lanes).read("哪本书？", CONTEXTS) == alone
        assert len(network.shapes) > 1 and all(width % 16 == 0 for _, width in network.shapes)


@pytest.mark.parametrize("lanes", [1, 2])
def test_the_same_question_again_is_not_read_again(lanes: int) -> None:
    network = Counted()
    reader = model(network, lanes)
    assert isinstance(reader, Ahead)
    reader.prepare("哪本书？", CONTEXTS)
    first = reader.read("哪本书？", CONTEXTS)
    read = network.windows
    assert reader.read("哪本书？", CONTEXTS) == first and network.windows == read
    first.clear()  # what one caller does with his list is his own affair
    assert len(reader.read("哪本书？", CONTEXTS)) == len(CONTEXTS)
    reader.read("哪本书？", CONTEXTS[:1])
    assert network.windows == read + 1
    reader.read("哪", [("本书？", "")])
    reader.read("哪本", [("书？", "")])
    assert network.windows == read + 3  # the same letters, divided otherwise


def test_two_who_ask_the_same_at_once_wait_for_one_reading() -> None:
    network = Counted()
    reader = model(network, 2)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: reader.read("哪本书？", [CONTEXTS[0], CONTEXTS[2]]), range(24)))
    assert all(windows == found[0] for windows in found) and network.windows == 2


def test_batches_go_through_the_network_as_they_are_given() -> None:
    ids = np.array([[1, ord("《"), ord("》")]])
    mask = np.ones_like(ids)
    found = model(logits, 2).forward([(ids, mask), (ids[:, :2], mask[:, :2])])
    assert [values.shape for values in found] == [(1, 3, 2), (1, 2, 2)]
    assert (found[0] == logits(ids, mask)).all()
