"""What stands around an article, on a small page of its own: notices, hot lists, and answers that cannot be one."""

from __future__ import annotations

import pytest

from rag.furniture import label
from rag.parse.plain import parse
from rag.reader import margin, whole
from rag.types import Document, Finding, Passage, Question, Reading, Role, Span
from rag.understand import understand

BODY = "河湾镇今年修好了三座木桥，沿河步道也全部连通，居民出门散步比从前方便得多，镇里还在桥头添了长椅和路灯。"
PAGE = f"""河湾镇的三座桥

小禾 2024-05-06 08:30:12 733

周砚
河湾镇副镇长

{BODY}

{BODY}

声明:转载本文请先联系编辑部,并注明出处。擅自转载的,由转载者承担全部责任。
本文链接:https://example.org/bridges
评论 0 条
小禾
粉丝 9 发表 31 + 关注 私信
上周热门
镇中学食堂换新菜单 512
夏季渔市改到周四 498
旧粮仓要不要拆 377
本周热议
谁丢了一只蓝伞 64
渡船末班几点 12
"""


@pytest.fixture(scope="module")
def page() -> Document:
    return label(parse(PAGE.encode(), "bridges.txt"), doc_id="d", source="bridges.txt")


def shown(found: list[Finding]) -> list[str]:
    return [f.quote for f in found]


def shorts(found: list[Finding]) -> list[str]:
    return [f.short(span) for f in found for span in f.spans]


@pytest.mark.parametrize(
    ("question", "values"),
    [
        ("这篇文章什么时候发布的？", ["2024-05-06 08:30:12"]),
        ("这篇文章是哪天发布的？", ["2024-05-06"]),
        ("这篇是几点几分发的？", ["08:30:12"]),
        ("Which account posted this article, and on what date?", ["小禾", "2024-05-06"]),
        ("作者是什么职务？", ["河湾镇副镇长"]),
        ("有几条评论？", ["0"]),
        ("本文的责任编辑是谁？", []),
        ("这份文件的文号是多少？", []),
    ],
)
def test_what_a_page_states_of_itself(page: Document, question: str, values: list[str]) -> None:
    found = whole.stated(page, understand(question))
    assert shorts(found) == values
    assert all(page.text[f.start : f.end] == f.quote for f in found)


def test_two_values_of_one_line_are_quoted_once(page: Document) -> None:
    (line,) = whole.stated(page, understand("这篇文章是谁发布的，哪天发布的？"))
    assert line.quote == "小禾 2024-05-06 08:30:12 733"


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("想转载这篇文章要先联系谁？", "先联系编辑部"),
        ("没打招呼就转载，出了事算谁的？", "承担全部责任"),
        ("Who do I contact for permission to reprint?", "先联系编辑部"),
        ("我要转载，编辑部的邮箱是多少？", ""),
        ("转载的话，站长电话多少？", ""),
    ],
)
def test_reprinting_is_told_by_the_notice(page: Document, question: str, told: str) -> None:
    asked = understand(question)
    assert asked.field == "reuse"
    found = margin.reprint(page, asked)
    assert told in found[0].quote if told else not found


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("上周热门排第一的是哪条？", "镇中学食堂换新菜单 512"),
        ("本周热议第二条是什么？", "渡船末班几点 12"),
        ("热门里夏季渔市改到周四有多少热度？", "夏季渔市改到周四 498"),
        ("热议里谁丢了一只蓝伞那条", "谁丢了一只蓝伞 64"),
        ("热门里小学运动会那条说了什么？", ""),
        ("上周热门第九条是什么？", ""),
        ("镇里最热门的景点是哪个？", ""),
        ("步道连通了几座桥？", ""),
    ],
)
def test_a_line_of_a_hot_list_is_pointed_at(page: Document, question: str, line: str) -> None:
    assert shown(margin.listed(page, understand(question), headline=True)) == ([line] if line else [])


def test_a_count_is_the_short_answer_where_it_is_asked_for(page: Document) -> None:
    assert shorts(margin.listed(page, understand("热门里夏季渔市改到周四有多少热度？"))) == ["498"]


def _reading(quote: str, role: Role, short: str = "") -> Reading:
    span = (Span(quote.index(short), quote.index(short) + len(short)),) if short else ()
    passage = Passage(1, "d", quote, 0, len(quote), role=role)
    return Reading((Finding(passage, 0, len(quote), 1.0, span),), 0.8, "answered")


@pytest.mark.parametrize(
    ("question", "reading", "holds"),
    [
        ("河湾镇的镇长是谁？", _reading("周砚任河湾镇副镇长。", "body"), False),
        ("河湾镇的副镇长是谁？", _reading("周砚任河湾镇副镇长。", "body"), True),
        ("河湾镇的镇长是谁？", _reading("镇长何苇和副镇长周砚到场。", "body"), True),
        ("河湾镇的书记是谁？", _reading("周砚任河湾镇副镇长。", "body"), False),
        ("河湾镇的镇长是谁？", _reading("Zhou Yan is the mayor.", "body"), True),
        ("镇里有多少座桥？", _reading("粉丝 9 发表 31", "counter"), False),
        ("这个账号发表了几篇？", _reading("粉丝 9 发表 31", "counter"), True),
        ("镇里有多少座桥？", _reading("小禾 2024-05-06 08:30:12 733", "date", "733"), False),
    ],
)
def test_an_answer_that_cannot_be_one(question: str, reading: Reading, holds: bool) -> None:
    assert margin.holds_up(understand(question), reading) == holds


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("周砚是谁？", True),
        ("周砚是干什么的？", True),
        ("在周砚前面是谁干这个活", False),
        ("周砚老家是哪儿的？", False),
        ("周砚的前任是谁？", False),
    ],
)
def test_the_author_s_office_is_told_only_where_it_is_asked_for(page: Document, question: str, asks: bool) -> None:
    assert whole.asks_position(page, understand(question)) == asks


def test_a_metadata_question_takes_only_a_sentence_about_the_document() -> None:
    asked = Question("作者是谁", "作者是谁", "zh", "metadata", field="author")
    assert whole.says(asked, _reading("本手册由周砚执笔。", "body").findings[0])
    assert not whole.says(asked, _reading("三座桥由老石匠修成。", "body").findings[0])
