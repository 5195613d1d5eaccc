"""Intervals and tests: exact enumeration on small samples, scipy, and what clusters are for."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics import mean, percentile, wilson
from eval.stats import clustered_bootstrap, holm, paired_bootstrap, paired_randomisation
from tests.reference_eval import swaps

DIFFERENCES = st.lists(st.integers(-5, 5), min_size=1, max_size=9)


def alone(n: int) -> list[str]:
    return [str(i) for i in range(n)]


def test_the_bootstrap_agrees_with_every_resample_there_is() -> None:
    values, clusters = [0.0, 0.2, 1.0, 0.7, 0.4, 0.9], ["x", "x", "y", "z", "z", "z"]
    groups = [[0.0, 0.2], [1.0], [0.7, 0.4, 0.9]]
    means = [mean(list(itertools.chain(*drawn))) for drawn in itertools.product(groups, repeat=3)] * 500
    low, high = clustered_bootstrap(values, clusters, 5, 20000)
    # The ends are one of the 27 equally likely means; many copies, so that no percentile falls between two.
    assert (low, high) == pytest.approx((percentile(means, 2.5), percentile(means, 97.5)))


def test_the_bootstrap_agrees_with_scipy_where_each_question_stands_alone() -> None:
    from scipy import stats as scipy_stats  # most of a second, in every process that collects the tests

    draw = np.random.default_rng(2)
    values = draw.beta(2, 1, 150)
    theirs = scipy_stats.bootstrap((values,), np.mean, method="percentile", rng=draw, n_resamples=5000)
    ours = clustered_bootstrap(values.tolist(), alone(150), 1, 5000)
    assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.004)


def test_questions_that_share_their_fate_widen_the_interval() -> None:
    draw = random.Random(1)
    values = [float(draw.random() < 0.6) for _ in range(40) for _ in range(10)]
    alike = [value for value in values[::10] for _ in range(10)]
    clusters = [str(i // 10) for i in range(400)]
    narrow, wide = clustered_bootstrap(alike, alone(400)), clustered_bootstrap(alike, clusters)
    assert wide[1] - wide[0] > 2.5 * (narrow[1] - narrow[0])
    assert wide == pytest.approx(clustered_bootstrap(values[::10], alone(40)), abs=1e-9)


def test_where_all_are_right_the_interval_still_has_a_width() -> None:
    assert clustered_bootstrap([1.0] * 6, ["x", "x", "y", "y", "z", "z"]) == wilson(3, 3)
    assert clustered_bootstrap([0.0] * 6, alone(6)) == wilson(0, 6)
    assert clustered_bootstrap([0.5] * 6, alone(6)) == (0.5, 0.5)


def test_a_nameless_cluster_is_none_and_of_a_single_one_the_questions_are_drawn() -> None:
    values = [0.0, 1.0, 1.0, 0.5]
    assert clustered_bootstrap(values, [""] * 4) == clustered_bootstrap(values, alone(4))
    assert clustered_bootstrap(values, ["one"] * 4) == clustered_bootstrap(values, alone(4))
    assert paired_bootstrap(values, [0.0] * 4, ["one"] * 4) == clustered_bootstrap(values, alone(4))
    assert clustered_bootstrap([1.0, 1.0], ["one", "one"]) == wilson(1, 1)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError):
        clustered_bootstrap([1.0], ["a", "b"])
    with pytest.raises(ValueError):
        paired_randomisation([1.0], [1.0, 0.0])


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from("abc")), min_size=1, max_size=12), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_an_interval_is_repeatable_and_lies_within_the_values(pairs: list[tuple[float, str]], seed: int) -> None:
    values, clusters = [value for value, _ in pairs], [name for _, name in pairs]
    low, high = clustered_bootstrap(values, clusters, seed, 200)
    assert (low, high) == clustered_bootstrap(values, clusters, seed, 200)
    assert low <= high
    if set(values) not in ({0.0}, {1.0}):
        assert min(values) - 1e-9 <= low and high <= max(values) + 1e-9


@given(DIFFERENCES)
@settings(max_examples=100, deadline=None)
def test_few_questions_are_swapped_in_every_way_there_is(differences: list[int]) -> None:
    p = paired_randomisation(differences, [0] * len(differences))
    assert p == pytest.approx(float(swaps(differences)))
    assert p == paired_randomisation([0] * len(differences), differences), "two-sided"


@given(DIFFERENCES.filter(lambda differences: len(differences) > 1))
@settings(max_examples=30, deadline=None)
def test_the_exact_test_equals_scipys(differences: list[int]) -> None:
    from scipy import stats as scipy_stats  # most of a second, in every process that collects the tests

    theirs = scipy_stats.permutation_test(
        (np.array(differences), np.zeros(len(differences))),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    # scipy doubles the smaller tail, which is the same where the swaps are symmetrical about 0.
    assert paired_randomisation(differences, [0] * len(differences)) == pytest.approx(theirs.pvalue)


def test_drawn_swaps_come_near_to_all_of_them() -> None:
    draw = random.Random(4)
    differences = [draw.randint(-3, 5) for _ in range(14)]
    p = paired_randomisation(differences, [0] * 14, rounds=10000)
    assert p == pytest.approx(float(swaps(differences)), abs=0.015)
    assert p == paired_randomisation(differences, [0] * 14, rounds=10000)
    assert paired_randomisation([1.0] * 80, [0.0] * 80, rounds=999) == 1 / 1000, "never 0"


def test_floating_point_sums_that_are_equal_count_as_equal() -> None:
    assert paired_randomisation([0.1, 0.2, 0.3], [0.0, 0.0, 0.0]) == 2 / 8
    assert paired_randomisation([0.3, -0.1, -0.2], [0.0] * 3) == 1.0


def test_a_cluster_is_swapped_as_one() -> None:
    a, b = [1.0] * 20, [0.0] * 20
    assert paired_randomisation(a, b) < 0.001
    assert paired_randomisation(a, b, [str(i // 5) for i in range(20)]) == 2 / 2**4
    assert paired_randomisation(a, a) == 1.0


def test_the_interval_of_a_difference() -> None:
    a, b = [1.0, 1.0, 0.0, 1.0] * 10, [0.0, 1.0, 0.0, 0.5] * 10
    low, high = paired_bootstrap(a, b, seed=3)
    assert 0 < low < mean(a) - mean(b) < high
    assert paired_bootstrap(b, a, seed=3) == pytest.approx((-high, -low))
    assert paired_bootstrap(a, a) == (0.0, 0.0)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0.001, 0.2))
@settings(max_examples=100, deadline=None)
def test_holm_rejects_what_its_steps_reject(ps: list[float], level: float) -> None:
    rejected = set()
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        if (len(ps) - rank) * ps[place] > level:
            break
        rejected.add(place)
    assert {i for i, p in enumerate(holm(ps)) if p <= level} == rejected
