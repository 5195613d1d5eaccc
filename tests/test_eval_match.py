"""When a gold string counts as shown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.match import folded, holds, plain


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("１００ 余个，“学习强国”", "100余个学习强国"),
        ("2023-10-10 15:55:23", "2023-10-10 15:55:23"),
        ("超 3,600 万次", "超3600万次"),
        ("3,5和7", "3 5和7"),
        ("13.23米。", "13.23米"),
        ("New\n  York", "new york"),
        ("e-mail", "e mail"),
        ("25%", "25%"),
        ("（IFS）熊猫", "ifs熊猫"),
        ("……？！", ""),
    ],
)
def test_folding_by_hand(text: str, key: str) -> None:
    assert folded(text) == key


@pytest.mark.parametrize(
    ("text", "part", "expected"),
    [
        ("配建100余个智慧学习小站", "100余个", True),
        ("配建100余个智慧学习小站", "100", True),
        ("13次", "3", False),
        ("3.5次", "3", False),
        ("3.5次", "5", False),
        ("共3.", "3", True),
        ("13次和3次", "3", True),
        ("he said so", "ai", False),
        ("用AI写", "AI", True),
        ("200MB", "MB", True),
        ("網絡", "网络", False),
        ("anything", "", False),
    ],
)
def test_a_number_or_word_is_never_cut_in_two(text: str, part: str, expected: bool) -> None:
    assert holds(folded(text), folded(part)) is expected


def test_plain_leaves_neither_marks_nor_bold() -> None:
    assert plain("**100余个**\n\n配建100余个小站。 [1][12]") == "100余个\n\n配建100余个小站。"


def test_a_mark_cannot_pass_for_a_fact() -> None:
    assert not holds(folded(plain("没有数字 [3]")), "3")


@given(st.text(alphabet="网２3,，.-：/ \nＡb%“”", max_size=30))
@settings(max_examples=100, deadline=None)
def test_folding_twice_changes_nothing(text: str) -> None:
    once = folded(text)
    assert folded(once) == once


@given(st.text(alphabet="网络文明建设成都,。 13.ab", max_size=30), st.text(alphabet="网络文明 ", max_size=10))
@settings(max_examples=100, deadline=None)
def test_a_text_holds_its_own_han_parts(before: str, part: str) -> None:
    key = folded(part)
    assert holds(folded(before + "、" + part), key) is bool(key)
