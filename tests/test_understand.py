"""Questions by hand: kinds, terms, anchors, follow-ups."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.understand import LONGEST_CARRIED, carry_over, subject_of, understand


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("桥上一共建了多少个观景台？", "how_many"),
        ("How many bridges were built?", "how_many"),
        ("大桥什么时候通车？", "when"),
        ("In what year did it open?", "when"),
        ("谁设计了这座桥？", "who"),
        ("大会在哪里举行？", "where"),
        ("采用了哪些技术？", "list"),
        ("为什么要修桥？", "why"),
        ("Why was it closed?", "why"),
        ("“一街百站”是什么意思？", "definition"),
        ("谣言是怎么治理的？", "how"),
        ("作品获得了什么奖？", "which"),
        ("有没有成立法庭？", "yes_no"),
        ("Is it open on Sundays?", "yes_no"),
        ("这篇文章讲了什么？", "overview"),
        ("Summarize the article", "overview"),
        ("一街百站", "keywords"),
        ("你好！", "greeting"),
        ("thank you", "greeting"),
    ],
)
def test_kinds(question: str, kind: str) -> None:
    assert understand(question).kind == kind


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("这篇文章的作者是谁？", "author"),
        ("Who wrote this article?", "author"),
        ("作者是什么职务？", "position"),
        ("文章什么时候发布的？", "date"),
        ("When was this article published?", "date"),
        ("本文链接是什么？", "url"),
        ("这篇文章的标题是什么？", "title"),
        ("这篇文章属于哪个分类？", "category"),
        ("这篇文章是谁发布的？", "publisher"),
    ],
)
def test_metadata(question: str, field: str) -> None:
    assert (understand(question).kind, understand(question).field) == ("metadata", field)


def test_a_question_about_content_is_not_about_the_page() -> None:
    assert understand("《红楼梦》的作者是谁？").kind == "who"
    assert understand("国家图书馆什么时候发布了新的借阅规则？").kind == "when"


@pytest.mark.parametrize(
    "question", ["科幻大会是哪年？", "平台什么时候发布？", "How many columns were opened?", "链接是怎么断的？"]
)
def test_a_metadata_word_alone_does_not_make_a_question_about_the_page(question: str) -> None:
    assert understand(question).kind != "metadata"


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("和服是什么？", "和服"),
        ("首都是哪里？", "首都"),
        ("也门有多少人？", "也门"),
        ("几何学是谁创立的？", "几何学"),
        ("都灵冬奥会是哪年？", "都灵冬奥会"),
    ],
)
def test_words_with_a_joining_character_stay_whole(question: str, word: str) -> None:
    assert word in understand(question).terms


def test_names_and_numbered_things_are_anchors() -> None:
    assert "postgresql" in understand("Who created PostgreSQL?").anchors
    assert "#7号" in understand("嫦娥七号什么时候发射？").anchors
    assert understand("哪两家公司参加？").anchors == ()


def test_anchors_are_what_an_answer_must_honour() -> None:
    anchors = understand("第80届世界科幻大会2023年在上海的“银河”馆吗？").anchors
    assert set(anchors) >= {"银河", "#80届", "@y2023", "^上海"}


@pytest.mark.parametrize(
    ("question", "previous", "understood"),
    [
        ("那上海呢？", "成都有多少个小站", "上海有多少个小站"),
        ("那清朗行动呢？", "“文明一课”举办了多少场次？", "清朗行动举办了多少场次？"),
        ("What about Shanghai?", "How many stations does Chengdu have?", "How many stations does Shanghai have?"),
        ("它用了哪些技术？", "全国首个主题街区叫什么？", "全国首个主题街区用了哪些技术？"),
        ("这篇文章的作者是谁？", "成都有多少个小站", "这篇文章的作者是谁？"),
        ("大桥全长多少公里？", "成都有多少个小站", "大桥全长多少公里？"),
        ("那2022年呢？", "2023年有多少游客", "2022年有多少游客"),
        ("那小杯呢？", "大杯燕麦拿铁多少钱？", "小杯燕麦拿铁多少钱？"),
        ("那什么时候通车的？", "跨海大桥全长多少公里？", "跨海大桥什么时候通车的？"),
        ("为什么要强化网络执法？", "这篇文章的作者是谁？", "为什么要强化网络执法？"),
        ("那火星上有人吗", "配建了多少个智慧学习小站？", "那火星上有人吗"),
        ("这篇文章讲了什么？", "配建了多少个智慧学习小站？", "这篇文章讲了什么？"),
        ("他担任什么职务？", "这篇文章是谁写的？", "作者担任什么职务？"),
        ("🙂", "成都有多少个小站", "🙂"),
    ],
)
def test_follow_ups(question: str, previous: str, understood: str) -> None:
    assert understand(question, [previous]).understood == understood


def test_subject_is_the_quoted_name_or_the_longest_stretch() -> None:
    assert subject_of("“成都互联网沙龙”举办了几期？") == "“成都互联网沙龙”"
    assert subject_of("谁创立了成都互联网沙龙？") == "成都互联网沙龙"
    assert subject_of("Who designed the Golden Gate Bridge?") == "Golden Gate Bridge"


@given(st.text(max_size=60), st.lists(st.text(max_size=40), max_size=3))
@settings(max_examples=150, deadline=None)
def test_any_text_is_understood_the_same_way_twice(text: str, history: list[str]) -> None:
    assert understand(text, history) == understand(text, history)
    assert understand(text).text == " ".join(text.split())


def test_a_chain_of_follow_ups_stays_short() -> None:
    question = "它有多少个呢？"
    previous = "“" + "很长的名字" * 60 + "”是什么？"
    for _ in range(20):
        previous = carry_over(question, previous)
    assert len(previous) <= LONGEST_CARRIED + len(question)
