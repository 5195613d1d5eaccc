"""How much of a word a text has, against the same worked out the long way from all its tokens and sounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.reader import decode
from rag.reader.features import held, prepare, uncovered
from rag.reader.views import View, degree, view
from rag.text import fold, is_han, tokens
from rag.text.sound import blurred, romanised, sound_pairs
from rag.understand import understand

TEXT = st.text(alphabet="智慧惠学小站上海成都 的ABCchengdu1924,.年\n。カナ、·", max_size=40)


def slow_degree(token: str, text: str) -> float:
    folded, known = fold(text), set(tokens(text))
    if token in known:
        return 1.0
    if is_han(token[0]):
        if len(token) == 1:
            return 1.0 if token in folded else 0.0
        if f"{blurred(token[0])} {blurred(token[1])}" in sound_pairs(folded):
            return 0.8
        return 0.25 if token[0] in folded and token[1] in folded else 0.0
    if len(token) > 4 and any(k.startswith(token[:-1]) for k in known):
        return 0.8
    return 0.8 if len(token) > 4 and token.isascii() and token in romanised(folded) else 0.0


@settings(max_examples=300, deadline=None)
@given(TEXT, TEXT)
def test_a_degree_is_what_all_tokens_say(asked: str, text: str) -> None:
    for token in tokens(asked):
        if not token.startswith(("n:", "d:", "y:")):
            assert degree(token, view(text)) == slow_degree(token, text), (token, text)
            assert view(text).holds(token) == (token in tokens(text))


@given(st.lists(TEXT, max_size=4))
def test_texts_joined_are_seen_as_one(texts: list[str]) -> None:
    whole, joined = view("\n".join(texts)), View.joined(map(view, texts))
    assert (whole.folded, whole.sounds, whole.words) == (joined.folded, joined.sounds, joined.words)


def test_degrees_by_hand() -> None:
    seen = view("智惠小站在青羊区，Chengdu 有 3000 个。")
    assert [degree(token, seen) for token in ("小站", "智慧", "站小", "上海", "chengdu", "3000")] == [
        1,
        0.8,
        0.25,
        0,
        1,
        1,
    ]
    assert degree("qingyang", seen) == 0.8  # 青羊 by its sound
    assert not view("小站").holds("站") and view("小,站").holds("站")


@pytest.mark.parametrize(("text", "size"), [("网络的文明", 2), ("文明网络文明建", 5), ("络", 0), ("", 0)])
def test_the_longest_stretch_that_a_text_holds(text: str, size: int) -> None:
    assert held("在网络文明建", 1, text) == size


def test_what_is_left_uncovered_by_hand() -> None:
    asked = prepare(understand("上海智慧小站有多少个？"))
    assert uncovered(asked, view("成都配建智慧小站")) == ["上海"]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6), st.integers(-5, 5)), max_size=30),
    st.integers(1, 6),
)
def test_spans_apart_are_those_that_going_through_them_keeps(rows: list[tuple[int, int, int]], most: int) -> None:
    spans = np.array([(a, a + size, score) for a, size, score in rows], dtype=float).reshape(-1, 3)
    kept: list[tuple[int, int, float]] = []
    for first, last, score in spans.tolist():
        if len(kept) < most and all(last < a or b < first for a, b, _ in kept):
            kept.append((int(first), int(last), score))
    assert decode.apart(spans, most) == kept
