"""The span with the highest expected F1, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.reader.decode import likely_spans
from rag.reader.expected import CONSIDERED, central_span, expected_f1


def test_expected_f1_by_hand() -> None:
    spans = np.array([[0, 1, np.log(0.5)], [0, 3, np.log(0.5)]])
    # F1 of two tokens against four that hold them: 2·2/(2+4)
    assert expected_f1(spans) == pytest.approx([(1 + 2 / 3) / 2] * 2)


def test_between_a_short_and_a_long_end_the_middle_is_closest() -> None:
    starts = np.array([9.0, -9, -9, -9, -9, -9])
    ends = np.array([0.0, -9, 0.0 - 0.01, -9, -9, 0.0])
    assert central_span(starts, ends, 6) == (0, 2, pytest.approx(8.99))


def test_a_clear_span_stays() -> None:
    starts, ends = np.full(8, -9.0), np.full(8, -9.0)
    starts[3] = ends[5] = 9.0
    assert central_span(starts, ends, 8) == (3, 5, 18.0)


def test_another_answer_is_not_swallowed() -> None:
    starts, ends = np.full(8, -9.0), np.full(8, -9.0)
    starts[[0, 4]] = ends[[2, 6]] = 9.0
    assert central_span(starts, ends, 8) == (0, 6, 18.0)
    assert central_span(starts, ends, 8, [(4, 6)]) == (0, 2, 18.0)


def test_of_nothing_there_is_nothing() -> None:
    assert central_span(np.empty(0), np.empty(0), 5) is None


@given(st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), min_size=1, max_size=40), st.integers(1, 50))
def test_spans_are_ordered_lie_inside_and_are_no_longer_than_allowed(
    logits: list[tuple[float, float]], longest: int
) -> None:
    starts, ends = np.array(logits).T
    spans = likely_spans(starts, ends, longest, CONSIDERED)
    assert (np.diff(spans[:, 2]) <= 0).all()
    assert ((spans[:, 0] >= 0) & (spans[:, 1] < len(logits)) & (spans[:, 1] - spans[:, 0] < longest)).all()
    slow = max(starts[a] + ends[b] for a in range(len(logits)) for b in range(a, min(a + longest, len(logits))))
    assert spans[0, 2] == pytest.approx(slow)
    values = expected_f1(spans)
    assert (values > 0).all() and (values <= 1 + 1e-9).all()
    found = central_span(starts, ends, longest)
    assert found is not None and found[2] <= spans[0, 2]
