"""Which words of a query a text holds: by hand, and what must hold for any text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.text import fold, tokens, value_keys
from rag.text.spans import token_spans
from rag.wording import held, marked, marks, words

MIXED = st.text(
    st.sampled_from("网絡络安全星期天周日桥長长200２三千万年月的有 ,。“”abcsthe's-\n\u202e\x00㍿ﬁ𠮷") | st.characters(),
    max_size=40,
)


def show(query: str, text: str) -> str:
    return marked(text, marks(text, words(query)), str, lambda part: f"[{part}]")


@pytest.mark.parametrize(
    ("query", "text", "shown"),
    [
        ("網絡安全", "网络与安全", "[网络]与[安全]"),
        ("网络", "網絡文明", "[網絡]文明"),
        ("２００個學校", "有200个学校", "有[200个学校]"),
        ("200个", "共２００個", "共[２００個]"),
        ("三千万人次", "去年3000万人次来过", "去年[3000万人次]来过"),
        ("2019年5月", "于二〇一九年五月开放", "于[二〇一九年五月]开放"),
        ("How many bridges are there?", "The Bridge, the abridged", "The [Bridge], the abridged"),
        ("cities", "the city's City", "the [city's] [City]"),
        ("桥有多高", "石桥高", "石桥[高]"),
        ("全国首个主题街区叫什么？", "全国首个“学习”主题街区叫啥", "[全国首个]“学习”[主题街区]叫啥"),
        ("“故事会”在哪天", "举办“故事会”", "举办“[故事会]”"),
        ("星期天开门", "周日休息，星期天也休息", "[周日]休息，[星期天]也休息"),
        ("什么", "什么都没有", "[什么]都没有"),
        ("the of", "the of", "the of"),
        ("", "什么", "什么"),
        ("有没有", "共有12座", "共有12座"),
    ],
)
def test_what_is_marked(query: str, text: str, shown: str) -> None:
    assert show(query, text) == shown


@pytest.mark.parametrize(
    ("query", "text", "has", "lacks"),
    [
        ("河边图书馆的书亭数量", "河边图书馆有书亭", ("河边图书馆", "书亭"), ("数量",)),
        ("網絡安全", "网络", ("網絡",), ("安全",)),
        ("Which bridges were repaired in 2015?", "The bridge was painted in 2015.", ("bridges", "2015"), ("repaired",)),
        ("三千万人次", "3000万人次", ("三千万人次",), ()),
        ("ＡＰＰ", "an app", ("ＡＰＰ",), ()),
        ("馆长的工资", "", (), ("馆长", "工资")),
        ("", "字", (), ()),
    ],
)
def test_what_a_text_holds_and_lacks(query: str, text: str, has: tuple[str, ...], lacks: tuple[str, ...]) -> None:
    assert held(query, text) == (has, lacks)


@settings(max_examples=200, deadline=None)
@given(query=MIXED, text=MIXED)
def test_marks_are_in_order_apart_and_lose_nothing(query: str, text: str) -> None:
    found = marks(text, words(query))
    ends = [0, *(at for span in found for at in span)]
    assert ends == sorted(ends) and all(start < end <= len(text) for start, end in found)
    assert marked(text, found, str, str) == text
    has, lacks = held(query, text)
    assert not set(has) & set(lacks) and all(word in query for word in (*has, *lacks))


@settings(max_examples=100, deadline=None)
@given(text=MIXED)
def test_a_text_holds_its_own_words_and_spans_are_those_of_the_tokens(text: str) -> None:
    assert held(text, text)[1] == ()
    keys = value_keys(text)
    assert [key for _, _, key in token_spans(fold(text))] == tokens(text)[: len(tokens(text)) - len(keys)]
