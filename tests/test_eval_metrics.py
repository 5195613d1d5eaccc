"""Formulas against hand-worked values and slow twins."""

import math
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval import metrics

RANKINGS = st.lists(st.frozensets(st.sampled_from("abcd"), max_size=2), max_size=12)


def test_one_relevant_thing_at_rank_three() -> None:
    ranking = [set(), set(), {"a"}, {"a"}]
    assert metrics.recall_at(ranking, {"a"}, 1) == 0.0
    assert metrics.recall_at(ranking, {"a"}, 5) == 1.0
    assert metrics.reciprocal_rank(ranking) == pytest.approx(1 / 3)
    assert metrics.ndcg(ranking, {"a"}) == pytest.approx(1 / math.log2(4))


def test_two_quotes_of_which_one_is_found() -> None:
    ranking = [{"a"}, set()]
    assert metrics.recall_at(ranking, {"a", "b"}, 5) == 0.5
    assert metrics.ndcg(ranking, {"a", "b"}) == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_one_passage_with_both_quotes_is_ideal() -> None:
    assert metrics.ndcg([{"a", "b"}], {"a", "b"}) == 1.0


def test_several_passages_of_one_document_count_once() -> None:
    assert metrics.gains([{"a"}, {"a"}, {"b"}], 10) == [1, 0, 1]
    assert metrics.ndcg([{"a"}, {"a"}, {"a"}], {"a"}) == 1.0


def test_nothing_beyond_k_counts() -> None:
    ranking = [set()] * 10 + [{"a"}]
    assert metrics.reciprocal_rank(ranking) == 0.0
    assert metrics.ndcg(ranking, {"a"}) == 0.0
    assert metrics.recall_at(ranking, {"a"}, 10) == 0.0


@given(RANKINGS)
@settings(max_examples=100, deadline=None)
def test_ndcg_agrees_with_a_slow_twin(ranking: list[frozenset[str]]) -> None:
    relevant = set("abcd")
    total, seen = 0.0, set()
    new_hits = 0
    for place, borne in enumerate(ranking[:10]):
        if borne - seen:
            total += 1 / math.log2(place + 2)
            new_hits += 1
        seen |= borne
    ideal = sum(1 / math.log2(place + 2) for place in range(min(10, new_hits + len(relevant - seen))))
    assert metrics.ndcg(ranking, relevant) == pytest.approx(total / ideal)
    assert 0 <= metrics.ndcg(ranking, relevant) <= 1


def test_percentile_interpolates() -> None:
    assert metrics.percentile([4, 1, 3, 2], 50) == 2.5
    assert metrics.percentile([10, 20], 95) == pytest.approx(19.5)
    assert metrics.percentile([7], 95) == 7


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=30))
@settings(max_examples=100, deadline=None)
def test_median_agrees_with_the_standard_library(values: list[float]) -> None:
    assert metrics.percentile(values, 50) == pytest.approx(statistics.median(values))


def test_wilson_by_hand() -> None:
    # p = 0.5, n = 10: centre 0.5, half-width sqrt(.025 + z²/400)·z / (1 + z²/10) = 0.2634.
    assert metrics.wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert metrics.wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert metrics.wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)


def test_wilson_ends_solve_their_equation() -> None:
    for successes, n in ((3, 7), (40, 50), (1, 200)):
        for end in metrics.wilson(successes, n):
            z = (successes / n - end) / math.sqrt(end * (1 - end) / n)
            assert abs(z) == pytest.approx(metrics.Z95)


def test_bootstrap_is_repeatable_and_near_the_normal_interval() -> None:
    draw = random.Random(3)
    values = [draw.random() for _ in range(400)]
    low, high = metrics.bootstrap(values, seed=1)
    half = metrics.Z95 * statistics.stdev(values) / math.sqrt(len(values))
    assert (low, high) == metrics.bootstrap(values, seed=1)
    assert low == pytest.approx(statistics.fmean(values) - half, abs=0.006)
    assert high == pytest.approx(statistics.fmean(values) + half, abs=0.006)


def test_interval_takes_wilson_for_yes_and_no() -> None:
    assert metrics.interval([1.0, 0.0, 1.0]) == metrics.wilson(2, 3)
    assert metrics.interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
