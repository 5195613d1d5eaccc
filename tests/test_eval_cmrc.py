"""CMRC 2018's character rules, worked by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.cmrc import exact_match, f1, longest_common, mixed_segmentation, remove_punctuation, word_tokenize


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("2023年10月", ["2023", "年", "10", "月"]),
        ("Nexon开发", ["nexon", "开", "发"]),
        ("《跑跑卡丁车》", ["跑", "跑", "卡", "丁", "车"]),
        ("e-mail地址", ["email", "地", "址"]),
        ("New York", ["new", "york"]),
        ("约3.5%", ["约", "3.5", "%"]),
        ("等……等", ["等", "……", "等"]),
        ("", []),
    ],
)
def test_segments(text: str, segments: list[str]) -> None:
    assert mixed_segmentation(text) == segments


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$3.88 in new york.", ["$", "3.88", "in", "new", "york", "."]),
        ("it rose. it fell.", ["it", "rose", ".", "it", "fell", "."]),
        ("j. smith", ["j.", "smith"]),
        ("don't", ["do", "n't"]),
        ("king's (old)", ["king", "'s", "(", "old", ")"]),
        ('say "no" now', ["say", "``", "no", "''", "now"]),
        ("3,36; 4", ["3,36", ";", "4"]),
        ("cannot", ["can", "not"]),
    ],
)
def test_english_words(text: str, words: list[str]) -> None:
    assert word_tokenize(text) == words


def test_punctuation_goes_and_inner_spaces_stay() -> None:
    assert remove_punctuation(" 《理响家》、New York ") == "理响家new york"


def test_exact_match_ignores_listed_punctuation_and_case_only() -> None:
    assert exact_match("“学习强国”", ["学习强国"]) == 1.0
    assert exact_match("nexon", ["盛大", "Nexon"]) == 1.0
    assert exact_match("100余个", ["100个"]) == 0.0
    assert exact_match("136 次", ["136次"]) == 0.0  # a space is no punctuation there
    assert exact_match("", ["踢爆"]) == 0.0


def test_f1_by_hand() -> None:
    # Gold 4|分|钟, said 约|4|分|钟: common run 3, P 3/4, R 1, F1 6/7.
    assert f1("约4分钟", ["4分钟"]) == pytest.approx(6 / 7)
    # English words are one segment each: gold韩|国|nexon, said nexon: P 1, R 1/3, F1 1/2.
    assert f1("Nexon", ["韩国Nexon"]) == pytest.approx(1 / 2)
    # Contiguous only: 成|都|市 against 成|市: the longest run is one segment; P 1/2, R 1/3, F1 2/5.
    assert f1("成市", ["成都市"]) == pytest.approx(2 / 5)
    assert f1("甲", ["乙", "甲"]) == 1.0
    assert f1("", ["甲"]) == 0.0
    assert f1("甲", ["……，"]) == 0.0


def common_by_definition(left: str, right: str) -> int:
    runs = {left[i:j] for i in range(len(left)) for j in range(i + 1, len(left) + 1)}
    return max((len(run) for run in runs if run in right), default=0)


@given(st.text(alphabet="甲乙丙a", max_size=12), st.text(alphabet="甲乙丙a", max_size=12))
@settings(max_examples=100, deadline=None)
def test_longest_common_run_agrees_with_its_definition(left: str, right: str) -> None:
    assert longest_common(left, right) == common_by_definition(left, right)


@given(st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_f1_is_symmetric_and_one_for_itself(left: str, right: str) -> None:
    assert f1(left, [right]) == pytest.approx(f1(right, [left]))
    assert f1(left, [left]) == (1.0 if mixed_segmentation(left) else 0.0)
