"""Sentences: the failing cases of the usual regex, our own, and the property that nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.text import clause_spans, paragraph_spans, sentence_spans, sentences, soft_breaks, trim

# Sentences are written with ¦ between them; joined they are the text.
CASES = {
    "closing mark after the stop": "「好的。」¦然後他走了。",
    "double closing marks": "他说：“她说：‘走吧。’”¦后来呢？",
    "stop inside brackets": "（全文完。）¦下一句",
    "question and exclamation": "真的吗？！¦是的",
    "repeated stops": "完了!!!¦真的???¦嗯。",
    "one ellipsis character": "他走了…¦她留下。",
    "two ellipsis characters": "他走了……¦她留下。",
    "ellipsis that only hesitates": "我……我不知道。¦好。",
    "ellipsis before a comma": "风、雨、雪……，都来了。",
    "exclamation in a title": "《走！去看海》出版了。¦好看！",
    "question in a title": "《为什么？》和《怎么办？》都是好书。",
    "decimals": "达19.5万亿元,占25.1%。¦其中3.5亿。",
    "full-width decimals": "增长２５．１％。¦下降。",
    "English percentages": "It grew 2.5%. ¦It slowed to 1.1%.",
    "half-width marks in Chinese": "近年来,成都市:你好?¦是的!¦对。",
    "link before a Chinese stop": "见http://www.a.com/x.html?id=1&b=2。¦下一句。",
    "link before an English stop": "See https://a.org/b.html. ¦Then stop.",
    "link between Chinese": "网址www.example.com/a?b=1有说明。¦完。",
    "mail address": "Write to a.b@c.com. ¦Next one.",
    "version number": "Version 1.2.3 is out. ¦Get it.",
    "version number in Chinese": "采用Python 3.11.2版本。¦升级！",
    "file names": "打开config.py和a.txt文件。¦保存。",
    "titles of persons": "Mr. Smith met Dr. Jones. ¦They spoke.",
    "initials": "J. K. Rowling wrote it. ¦Yes.",
    "abbreviated countries": "The U.S. Congress met. ¦He left the U.S. ¦It rained.",
    "latin abbreviations": "Fruit, e.g. apples, i.e. food, is good. ¦Pears, etc. are too.",
    "times of day": "Open 10 a.m. to 5 p.m. except Monday. ¦It closes at 5 p.m. ¦The café stays open.",
    "numbered references": "See Fig. 2 and No. 5. ¦He said no. ¦Then he left.",
    "companies": "Apple Inc. makes phones. ¦Barbier & Cie., of Paris, made lenses.",
    "list numbers": "1. First thing. ¦2. Second thing. ¦3. Third",
    "Chinese list numbers": "1.成都 2.上海。¦3.北京。",
    "options": "A.苹果 B.香蕉 C.梨",
    "semicolons stay": "线索；另一条；第三条。¦完。",
    "speech with several stops": "他说：“你好。我走了。”¦然后离开。",
    "speech that is an attribute": "“加油！”的喊声响起。¦好。",
    "several quotations": "要“加强建设。”和“努力！”，不能停。",
    "straight quotation marks": '"Hello there. I am Bob." ¦He left. ¦"Why?" she said.',
    "remark in brackets": "他（真的！）来了。",
    "brackets after a sentence": "It cost $3.50. ¦(It was $2.00.) ¦We paid.",
    "exclamation in a name": "Yahoo! said so. ¦Fine.",
    "English ellipsis": "Wait... what? ¦Wait... ¦What?",
    "dots as stops in Chinese": "价格为3.5元.¦涨了.",
    "newline ends": "标题\n¦第一句。¦第二句。\n¦\n".replace("¦\n", "\n"),
    "blank lines belong to the sentence before": "第一句。\n\n　　¦第二句。",
    "traditional": "他問：「為什麼？」¦沒有人回答。",
    "stop, bracket, quotation": "（他说：“好。”）¦走吧。",
}


@pytest.mark.parametrize("name", CASES)
def test_sentences(name: str) -> None:
    expected = CASES[name].split("¦")
    assert sentences("".join(expected)) == expected


def test_long_quotation_is_split_at_its_own_stops() -> None:
    speech = "“" + "今天的风很大。" * 40 + "”"
    assert len(sentences(speech)) >= 30


def test_wrapped_lines_do_not_end_a_sentence() -> None:
    text = (
        "The move of the seed bank to the new building is now planned for the\n"
        "last week of August, because the freezers have to be switched off for\n"
        "one whole morning. Please label every drawer before that."
    )
    assert len(soft_breaks(text)) == 2
    assert len(sentences(text)) == 2


def test_wrapped_chinese_lines() -> None:
    line = "那一年的雪下得特别早，十月还没有过完，山口的路就被封住了，邮差老梁把最"
    text = f"{line}\n后一批信送到客栈，说要等到来年三月才能再上来，客栈里一共住着七个人，谁\n也没有想到，这个冬天会这样长。\n\n第二天雪停了。"
    assert len(soft_breaks(text)) == 2
    assert sentences(text)[0].startswith("那一年") and len(sentences(text)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "上周热门\n统一管理、安全运维、全面审计的一站式服务  3849\n行业认可入选专题报告行者名单  3650\n方德桌面操作系统 14",
        "牛腩 750克\n番茄 4个\n洋葱 1个",
        "Two roads diverged in a yellow wood,\nAnd sorry I could not travel both\nAnd be one traveler, long I stood",
        "Study finds more people are walking to work in big cities\nBy Jane Doe",
        "第一段很短。\n第二段也不长，但是有两句话。这是第二句。\n第三段。",
        "- one item that is long enough to be a wrapped line of a text\n- another item that is about as long as the first one is",
    ],
)
def test_lines_that_are_not_wrapped_stay_apart(text: str) -> None:
    assert soft_breaks(text) == frozenset()
    assert len(paragraph_spans(text)) == len(text.split("\n"))


def test_trim() -> None:
    assert trim("  a b \n", 0, 7) == (2, 5)
    assert trim("a   b", 1, 4) == (1, 1)


anything = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="。！？.!?…“”「」《》（）()\"' \n\t,，;a1B中文的Mr—", max_size=200),
)


@settings(max_examples=100, deadline=None)
@given(anything)
def test_sentences_cover_the_text(text: str) -> None:
    assert "".join(sentences(text)) == text
    spans = sentence_spans(text)
    assert all(start < end for start, end in spans)
    if text.strip():
        assert all(text[start:end].strip() for start, end in spans)


@settings(max_examples=100, deadline=None)
@given(anything)
def test_clauses_cover_the_text(text: str) -> None:
    assert "".join(text[a:b] for a, b in clause_spans(text)) == text


@settings(max_examples=100, deadline=None)
@given(anything)
def test_paragraphs_hold_every_visible_character(text: str) -> None:
    spans = paragraph_spans(text)
    kept = "".join(text[a:b] for a, b in spans)
    assert "".join(kept.split()) == "".join(text.split())
    assert all(text[a:b] == text[a:b].strip() != "" for a, b in spans)


@pytest.mark.parametrize("unit", ["a.", "我…", "“。”", '"a. ', "a@", "http://", "1. ", "（好！", "\n"])
def test_long_hostile_text_takes_linear_time(unit: str) -> None:
    text = unit * (20_000 // len(unit))
    assert "".join(sentences(text)) == text  # a quadratic rule would run into the time limit of the tests
