"""Short answers by the official rules: hand-made cases, and the published scripts' slow twins."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.answers import Case, anls, distance, exact_match, f1, is_chinese, items_found, squad2
from eval.match import folded
from tests import reference_eval as twin

ENGLISH = [
    ("the Old-Bridge, 1871.", ["Old Bridge 1871"]),
    ("Old Bridge", ["the old bridge!", "bridge"]),
    ("The  red\tapple pie", ["a red apple", "An apple"]),
    ("red red", ["red"]),
    ("theatre", ["atre"]),
    ("U.S.", ["US"]),
    ("1,000", ["1000"]),
    ("", ["apple"]),
    ("the", ["apple"]),
    ("—", ["-"]),
]
CHINESE = [
    ("约4分钟", ["4分钟"]),
    ("Nexon", ["韩国Nexon"]),
    ("成市", ["成都市"]),
    ("“学习强国”", ["学习强国", "强国"]),
    ("等……等", ["等等"]),
    ("New York 州", ["纽约州", "New York州"]),
    ("", ["甲"]),
    ("13.23米", ["13.23米", "米"]),
]


@pytest.mark.parametrize(("said", "answers"), ENGLISH)
def test_english_equals_the_squad_scripts(said: str, answers: list[str]) -> None:
    ours = (exact_match(said, answers), f1(said, answers))
    assert ours == pytest.approx(twin.squad20(said, answers))
    if all(map(twin.squad_words, answers)):
        assert ours == pytest.approx(twin.squad11(said, answers))


@pytest.mark.parametrize(("said", "answers"), CHINESE)
def test_chinese_equals_the_cmrc_script(said: str, answers: list[str]) -> None:
    assert (exact_match(said, answers), f1(said, answers)) == pytest.approx(twin.cmrc2018(said, answers))


def test_published_rules_by_hand() -> None:
    assert exact_match("An Apple!", ["pear", "apple"]) == 1 and exact_match("apples", ["apple"]) == 0
    assert f1("the red apple", ["red apple pie"]) == pytest.approx(2 * 2 / 5)
    assert exact_match("《理响家》、", ["理响家"]) == 1 and exact_match("理响家 ", ["理响 家"]) == 0
    assert f1("约4分钟", ["4分钟"]) == pytest.approx(6 / 7)


def test_an_answer_without_words_is_no_gold_beside_one_with_some() -> None:
    assert exact_match("", ["the", "apple"]) == 0 and f1("", ["the", "apple"]) == 0
    assert exact_match("", ["the"]) == 1 == f1("a", ["the"]) and f1("apple", ["the"]) == 0


WORDS = st.lists(st.sampled_from(["the", "a", "red", "Red,", "pie", "3.5", "-", "an", "don't", "é"]), max_size=6)
SENTENCES = WORDS.map(" ".join)


@given(SENTENCES, st.lists(SENTENCES, min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_english_agrees_with_evaluate_v2(said: str, answers: list[str]) -> None:
    assert (exact_match(said, answers), f1(said, answers)) == pytest.approx(twin.squad20(said, answers))


HAN = st.text(alphabet="成都市3，。 “a", max_size=8)


@given(HAN, st.lists(HAN, min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_chinese_agrees_with_the_cmrc_script(said: str, answers: list[str]) -> None:
    assert (exact_match(said, answers, "zh"), f1(said, answers, "zh")) == pytest.approx(twin.cmrc2018(said, answers))


@pytest.mark.parametrize(
    ("answers", "lang", "expected"),
    [
        (["Nexon", "韩国"], "", True),
        (["Nexon"], "en", False),
        (["韩国"], "en", True),
        (["2023"], "zh", True),
        (["2023"], "zh-Hant", True),
        (["2023"], "", False),
        (["㐀"], "", True),
    ],
)
def test_the_language_of_the_gold_answer_chooses(answers: list[str], lang: str, expected: bool) -> None:
    assert is_chinese(answers, lang) is expected


def test_the_language_makes_a_difference() -> None:
    assert exact_match("13.23", ["1323"]) == 1, "English drops every sign"
    assert exact_match("13.23", ["1323"], "zh") == 0, "Chinese keeps the point"


def test_a_misspelt_answer_is_worth_nearly_all() -> None:
    assert anls("Chengdv", ["Chengdu", "成都"]) == pytest.approx(6 / 7)
    assert anls("学习强囯", ["学习强国"]) == pytest.approx(3 / 4)
    assert anls("ＡＢＣ, d", ["abc d"]) == 1
    assert anls("ab", ["cb"]) == 0, "half of it is wrong"
    assert anls("ab", ["cb"], tau=0.6) == 0.5
    assert anls("", ["甲"]) == 0 and anls("……", ["……"]) == 1 and anls("", ["……"]) == 0


@given(st.text(alphabet="abc甲", max_size=12), st.text(alphabet="abc甲", max_size=12))
@settings(max_examples=300, deadline=None)
def test_the_distance_agrees_with_its_table(left: str, right: str) -> None:
    assert distance(left, right) == twin.levenshtein(left, right)


@given(
    st.text(alphabet="ab3甲， ", max_size=8), st.lists(st.text(alphabet="ab3甲， ", min_size=1, max_size=8), max_size=3)
)
@settings(max_examples=200, deadline=None)
def test_anls_agrees_with_its_definition(said: str, answers: list[str]) -> None:
    def key(text: str) -> str:
        return folded(text) or text.strip()

    far = [twin.levenshtein(key(said), key(a)) / max(len(key(said)), len(key(a)), 1) for a in answers if key(a)]
    assert anls(said, answers) == pytest.approx(max((1 - nl if nl < 0.5 else 0.0 for nl in far), default=0.0))


def test_a_list_is_as_complete_as_its_items() -> None:
    shown = ["运用裸眼3D、虚拟骑行等信息技术", "13个"]
    assert items_found(shown, ["裸眼3D", "虚拟骑行", "元宇宙", "1"]) == 0.5
    assert items_found([folded(text) for text in shown], ["裸眼 3D"]) == 1, "folding twice changes nothing"
    assert items_found([], ["裸眼3D"]) == 0
    assert items_found(["a & b … c"], ["…"]) == 1


def test_squad2_by_hand() -> None:
    cases = [
        Case(True, 0.9, 1, 1, 1, 1),
        Case(True, 0.2, 0, 0, 0, 0.5),  # refused; the candidate was half right
        Case(False, 0.4, 0, 0, 0, 0),  # answered
        Case(False, 0.1, 1, 1, 0, 0),  # refused
    ]
    out = squad2(cases)
    assert out["has_answer"] == {"em": 0.5, "f1": 0.5, "n": 2} and out["no_answer"] == {"em": 0.5, "f1": 0.5, "n": 2}
    assert out["em"] == out["f1"] == 0.5
    # Only the first answered: 1 + both refused right = 3 of 4.
    assert (out["best_em"], out["best_em_threshold"]) == (0.75, pytest.approx(0.1))
    assert (out["best_f1"], out["best_f1_threshold"]) == (0.75, pytest.approx(0.1))


def test_a_kind_that_the_set_lacks_is_absent() -> None:
    out = squad2([Case(False, 0.3, 1, 1, 0, 0)])
    assert "has_answer" not in out and out["no_answer"]["n"] == 1
    assert (out["best_em"], out["best_em_threshold"]) == (1.0, 0.0)


CASES = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.sampled_from([0.0, 0.5, 1.0])),
    min_size=1,
    max_size=12,
)


@given(CASES)
@settings(max_examples=200, deadline=None)
def test_the_best_threshold_equals_the_scripts(drawn: list[tuple[bool, float, float]]) -> None:
    cases = [
        Case(answerable, sure, 0, 0, value // 1, value if answerable else value // 1)
        for answerable, sure, value in drawn
    ]
    out = squad2(cases)
    # Without an answer in the material the candidate scores 1 only where it is empty.
    said = ["" if not c.answerable and c.best_em else "something" for c in cases]
    for name, scores in (("em", [c.best_em for c in cases]), ("f1", [c.best_f1 for c in cases])):
        best, threshold = twin.find_best_thresh(
            said, scores, [1 - c.confidence for c in cases], [c.answerable for c in cases]
        )
        assert (100 * out[f"best_{name}"], out[f"best_{name}_threshold"]) == pytest.approx((best, threshold))
