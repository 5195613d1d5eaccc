"""Formulas against hand-worked values and slow twins."""

import math
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval import metrics


def test_one_relevant_thing_at_rank_three() -> None:
    gains = [0, 0, 1, 0]
    assert metrics.recall_at(gains, 1, 1) == 0.0
    assert metrics.recall_at(gains, 1, 5) == 1.0
    assert metrics.success_at(gains, 2) == 0.0 and metrics.success_at(gains, 3) == 1.0
    assert metrics.reciprocal_rank(gains) == pytest.approx(1 / 3)
    assert metrics.average_precision(gains, 1) == pytest.approx(1 / 3)
    assert metrics.ndcg(gains, [1]) == pytest.approx(1 / math.log2(4))


def test_two_relevant_things_of_which_one_is_found() -> None:
    assert metrics.recall_at([1, 0], 2, 5) == 0.5
    assert metrics.average_precision([1, 0], 2) == 0.5
    assert metrics.ndcg([1, 0], [1, 1]) == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_average_precision_by_hand() -> None:
    assert metrics.average_precision([1, 0, 1, 0, 1], 3) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)


def test_the_better_document_belongs_first() -> None:
    # Grades 1 then 3: 1 + 3 / log2 3 over the ideal 3 + 1 / log2 3.
    assert metrics.ndcg([1, 3], [3, 1]) == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))
    assert metrics.ndcg([3, 1], [1, 3, 0, -1]) == 1.0


def test_nothing_beyond_k_counts() -> None:
    gains = [0] * 10 + [1]
    assert metrics.reciprocal_rank(gains) == 0.0
    assert metrics.ndcg(gains, [1]) == 0.0
    assert metrics.recall_at(gains, 1, 10) == 0.0
    assert metrics.success_at(gains, 10) == 0.0


def test_the_ideal_ranking_ends_at_k_too() -> None:
    assert metrics.ndcg([1, 1], [1] * 5, 2) == 1.0


def test_where_nothing_is_relevant_everything_is_zero() -> None:
    assert metrics.recall_at([0], 0, 1) == metrics.average_precision([0], 0) == metrics.ndcg([0], [0]) == 0.0


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
