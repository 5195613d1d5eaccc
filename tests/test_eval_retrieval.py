"""Rankings: equal to ir_measures (trec_eval); places: equal to sets of offsets."""

from __future__ import annotations

import math

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, R, Success, nDCG

from eval import metrics
from eval.records import Place
from eval.retrieval import bears, chars_recall, collapse, evaluate, merged, relevant_passages

MEASURES = {
    "nDCG@10": nDCG @ 10, "RR@10": RR @ 10, "AP": AP, "R@1": R @ 1, "R@5": R @ 5, "R@10": R @ 10, "R@50": R @ 50,
    "Success@1": Success @ 1, "Success@5": Success @ 5, "Success@10": Success @ 10,
}  # fmt: skip
NAMES = [f"d{n}" for n in range(25)]
QUERIES = st.lists(
    st.tuples(
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=30),  # with repeats
        st.dictionaries(st.sampled_from([*NAMES, "never retrieved"]), st.integers(0, 4), min_size=1, max_size=15),
    ),
    min_size=1,
    max_size=4,
)


def _places(end: int = 40) -> st.SearchStrategy[Place]:
    stretch = st.tuples(st.integers(0, end), st.integers(0, end)).map(sorted)
    return st.builds(lambda source, pair: Place(source, *pair), st.sampled_from("ab"), stretch)


PLACES = st.lists(_places(), max_size=6)
ITEMS = st.lists(st.lists(_places(), min_size=1, max_size=3), min_size=1, max_size=3)


@given(QUERIES)
@settings(max_examples=300, deadline=None)
def test_every_measure_equals_that_of_ir_measures(queries: list[tuple[list[str], dict[str, int]]]) -> None:
    qrels = {str(q): judged for q, (_, judged) in enumerate(queries)}
    # Strictly falling scores: at equal ones trec_eval orders by name.
    run = {
        str(q): {name: float(-rank) for rank, name in enumerate(dict.fromkeys(ranking))}
        for q, (ranking, _) in enumerate(queries)
    }
    ours = {str(q): evaluate(ranking, judged) for q, (ranking, judged) in enumerate(queries)}
    for name, measure in MEASURES.items():
        theirs = {row.query_id: row.value for row in ir_measures.iter_calc([measure], qrels, run)}
        assert {q: values[name] for q, values in ours.items()} == pytest.approx(theirs, abs=1e-9)
        mean = ir_measures.calc_aggregate([measure], qrels, run)[measure]
        assert metrics.mean([values[name] for values in ours.values()]) == pytest.approx(mean, abs=1e-9)


def test_measures_by_hand() -> None:
    # "b" is not judged, "d" relevant and never retrieved; "a" comes again and counts at rank 2.
    values = evaluate(["b", "a", "c", "a"], {"a": 2, "c": 1, "d": 1})
    assert values["RR@10"] == 1 / 2
    assert values["AP"] == pytest.approx((1 / 2 + 2 / 3) / 3)
    assert values["R@1"] == 0 and values["R@5"] == values["R@50"] == pytest.approx(2 / 3)
    assert values["Success@1"] == 0 and values["Success@5"] == 1
    ideal = 2 + 1 / math.log2(3) + 1 / math.log2(4)
    assert values["nDCG@10"] == pytest.approx((2 / math.log2(3) + 1 / math.log2(4)) / ideal)


@pytest.mark.parametrize("qrels", [{}, {"a": 0}, {"a": -1}])
def test_without_anything_relevant_all_is_zero(qrels: dict[str, int]) -> None:
    assert set(evaluate(["a", "b"], qrels).values()) == {0.0}
    assert set(evaluate([], {"a": 1}).values()) == {0.0}


def test_documents_come_in_the_order_of_their_first_passage() -> None:
    assert collapse(["b", "a", "b", "c", "a"]) == ["b", "a", "c"]


def test_half_of_any_place_of_an_item_is_enough() -> None:
    item = [Place("a", 10, 20), Place("b", 0, 4)]
    assert bears(Place("a", 0, 15), item) and not bears(Place("a", 0, 14), item)
    assert bears(Place("b", 2, 9), item) and not bears(Place("b", 3, 9), item)
    assert not bears(Place("c", 0, 99), item)
    assert not bears(Place("a", 0, 99), [Place("a", 5, 5)]), "an empty place is borne by nothing"


def test_every_passage_that_bears_an_item_is_relevant_in_the_order_of_the_index() -> None:
    passages = [Place("a", 0, 10), Place("a", 10, 20), Place("b", 0, 10), Place("c", 0, 10)]
    assert relevant_passages(passages, [[Place("b", 0, 5), Place("a", 8, 12)], [Place("a", 15, 19)]]) == passages[:3]
    assert relevant_passages(passages, []) == []


def test_characters_recalled_by_hand() -> None:
    items = [[Place("a", 0, 10), Place("b", 0, 4)], [Place("a", 20, 30)]]
    ranking = [Place("a", 0, 5), Place("a", 3, 8), Place("b", 0, 4), Place("c", 20, 30)]
    assert chars_recall(ranking, items, 1) == (0.5 + 0) / 2
    assert chars_recall(ranking, items, 2) == (0.8 + 0) / 2
    assert chars_recall(ranking, items, 10) == (1.0 + 0) / 2


def test_stretches_that_touch_are_one() -> None:
    assert merged([Place("a", 5, 9), Place("a", 0, 5), Place("a", 12, 13), Place("a", 3, 3)]) == {
        "a": [(0, 9), (12, 13)]
    }


def offsets(place: Place) -> set[tuple[str, int]]:
    return {(place.source, at) for at in range(place.start, place.end)}


@given(PLACES, ITEMS, st.integers(1, 6))
@settings(max_examples=300, deadline=None)
def test_intervals_agree_with_sets_of_offsets(places: list[Place], items: list[list[Place]], k: int) -> None:
    seen = set().union(*(offsets(place) for place in places[:k]))
    shares = [
        max(len(offsets(place) & seen) / len(offsets(place)) if offsets(place) else 0.0 for place in item)
        for item in items
    ]
    assert chars_recall(places, items, k) == pytest.approx(sum(shares) / len(shares))
    for place in places:
        halves = [[2 * len(offsets(place) & offsets(p)) >= len(offsets(p)) > 0 for p in item] for item in items]
        assert [bears(place, item) for item in items] == [any(half) for half in halves]
        assert (place in relevant_passages(places, items)) == any(any(half) for half in halves)


@given(PLACES, ITEMS)
@settings(max_examples=100, deadline=None)
def test_deeper_never_recalls_less(places: list[Place], items: list[list[Place]]) -> None:
    shares = [chars_recall(places, items, k) for k in range(1, 7)]
    assert shares == sorted(shares) and all(0 <= share <= 1 for share in shares)
