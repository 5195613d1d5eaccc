"""Risk and coverage, calibration: by hand, against every order there is, and against the reader's own measures."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval import reliability
from eval.risk import auroc, calibration, risk_coverage, thinned
from tests.reference_eval import aurc

CASES = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=6)
MANY = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def test_a_curve_by_hand() -> None:
    curve = risk_coverage([0.9, 0.8, 0.8, 0.1], [True, False, True, False])
    assert curve.points == ((0.25, 0.0, 0.9), (0.75, pytest.approx(1 / 3), 0.8), (1.0, 0.5, 0.1))
    # Risk of the 1, 2, 3, 4 surest: the two at 0.8 share one error.
    assert curve.aurc == pytest.approx((0 + 0.5 / 2 + 1 / 3 + 2 / 4) / 4)
    assert curve.optimal == pytest.approx((0 + 0 + 1 / 3 + 2 / 4) / 4)


def test_a_perfect_and_an_inverted_confidence() -> None:
    perfect = risk_coverage([0.9, 0.8, 0.2], [True, True, False])
    assert perfect.aurc == perfect.optimal
    assert risk_coverage([0.2, 0.1, 0.9], [True, True, False]).aurc == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert risk_coverage([0.5, 0.6], [True, True]).aurc == 0 and risk_coverage([0.5], [False]).optimal == 1


def test_answering_what_the_material_does_not_answer_is_wrong() -> None:
    without = risk_coverage([0.9, 0.6], [True, True])
    with_one = risk_coverage([0.9, 0.6, 0.7], [True, True, False])
    assert without.points[-1][1] == 0 and with_one.points[-1][1] == pytest.approx(1 / 3)


def test_degrees_count_as_such() -> None:
    assert risk_coverage([0.9, 0.8], [1.0, 0.5]).points == ((0.5, 0.0, 0.9), (1.0, 0.25, 0.8))


@given(CASES)
@settings(max_examples=100, deadline=None)
def test_the_area_is_the_mean_over_every_order_of_the_tied(cases: list[tuple[float, bool]]) -> None:
    confidence, right = [c for c, _ in cases], [r for _, r in cases]
    assert risk_coverage(confidence, right).aurc == pytest.approx(aurc(confidence, right))


@given(MANY, st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_questions_never_matters(cases: list[tuple[float, bool]], seed: int) -> None:
    mixed = random.Random(seed).sample(cases, len(cases))
    (one, other) = (risk_coverage([c for c, _ in held], [r for _, r in held]) for held in (cases, mixed))
    assert one.points == other.points and one.aurc == pytest.approx(other.aurc)
    assert one.optimal <= one.aurc + 1e-12
    assert one.points[-1][0] == 1.0 and [p[0] for p in one.points] == sorted(p[0] for p in one.points)


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    n = 1000
    curve = risk_coverage([i / n for i in range(n)], [i % 2 == 0 for i in range(n)])
    assert len(curve.points) == 200
    assert curve.points[0] == (1 / n, 1.0, (n - 1) / n) and curve.points[-1] == (1.0, 0.5, 0.0)
    points = [(float(i), 0.0, 0.0) for i in range(201)]
    assert len(set(thinned(points, 200))) == 200 and thinned(points[:200], 200) == points[:200]


def test_calibration_by_hand() -> None:
    out = calibration([0.95, 0.85, 0.15, 1.0], [True, False, False, True])
    assert out["n"] == 4 and out["auroc"] == 1.0
    assert out["bins"] == [
        {"low": 0.1, "high": 0.2, "mean": pytest.approx(0.15), "observed": 0.0, "n": 1},
        {"low": 0.8, "high": 0.9, "mean": pytest.approx(0.85), "observed": 0.0, "n": 1},
        {"low": 0.9, "high": 1.0, "mean": pytest.approx(0.975), "observed": 1.0, "n": 2},
    ]
    assert out["ece"] == pytest.approx((0.15 + 0.85 + 2 * 0.025) / 4)
    assert out["brier"] == pytest.approx((0.05**2 + 0.85**2 + 0.15**2) / 4)
    assert calibration([0.2, 0.4], [True, True])["auroc"] is None


@given(MANY)
@settings(max_examples=100, deadline=None)
def test_the_area_under_roc_equals_the_readers(cases: list[tuple[float, bool]]) -> None:
    ours = auroc([c for c, _ in cases], [r for _, r in cases])
    theirs = reliability.auroc([reliability.Case(c, r, True) for c, r in cases])
    assert (ours is None and theirs != theirs) or ours == pytest.approx(theirs)
