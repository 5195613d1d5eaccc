"""The chat without a browser: document text stays text, links find their place, errors say what to do."""

from __future__ import annotations

import hashlib
import html
import re
import string
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rag.errors import QuestionError
from rag.types import Citation, Notice, Segment, Span
from rag.web import api, chat, front, listing, page, panel, render, strings
from rag.web.desk import Desk
from rag.web.escape import esc
from rag.web.render import Turn
from rag.web.text import Place
from tests.fakes import FakeEngine, fake_document
from tests.web import ARTICLE, ROOT, Seen, ask, open_desk

HOSTILE = (
    "<script>window.pwned=1</script>与<img src=x onerror=alert(1)>\n正文一\n"
    '这句有**粗体**、$$x^2$$、`码`、[链](javascript:alert(1))和{{value}}，共有77个"引号"\'。</mark></article>\n'
)
hostile_text = st.text(
    alphabet=st.sampled_from("<>&\"'`*_#[]()!$\\{}|~:/.-+=@;% \n\tscriptonerror1一。ａ\u202e\x00\x07"), max_size=80
)
quick = settings(max_examples=60, deadline=None)


@quick
@given(hostile_text)
def test_escaped_text_is_that_text_for_html_and_for_markdown(text: str) -> None:
    visible = "".join(c for c in text if c in "\t\n" or ord(c) >= 32)
    assert html.unescape(esc(text)) == visible
    assert not set(esc(text)) & (set(string.punctuation) - set("&#;"))
    seen = Seen(MarkdownIt("commonmark", {"html": True, "linkify": False}).render(f"x{esc(text)}x"))
    assert set(seen.tags) <= {"p"}
    assert seen.text.strip() == f"x{visible}x"


@quick
@given(hostile_text, hostile_text)
def test_a_message_holds_only_our_own_tags(question: str, quote: str) -> None:
    citation = Citation(1, "d", quote, quote, quote, 0, len(quote), (quote,))
    desk = open_desk()
    answer = ask(desk, "建了多少座书亭")[0].answer
    assert answer is not None
    said = (Segment("short", quote, 1), Segment("break", ""), Segment("quote", quote, 1), Segment("mark", "1", 1))
    for found in ((citation,), ()):
        told = replace(
            answer, understood=question, citations=found, segments=said, nearest=(citation,), missing=(quote,)
        )
        text = render.message(Turn(question, told, suggestions=(question,)), 0, "zh")
        seen = Seen(text)
        allowed = {"div", "p", "span", "a", "strong", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"}
        assert set(seen.tags) <= allowed | {"ul", "li", "small"}
        assert {name for name, _ in seen.attributes} <= {"class", "href", "title"}
        assert all(value.startswith("#") for name, value in seen.attributes if name == "href")
        assert "\n" not in text, "a blank line would hand the rest to Markdown"


@quick
@given(hostile_text, hostile_text, hostile_text)
def test_the_panel_marks_exactly_the_quote(before: str, quote: str, after: str) -> None:
    body = before + quote + after
    document = fake_document("a.txt", "题目\n" + body)
    start = 3 + len(before)
    place = Place(document, start, start + len(quote), short=quote[2:5])
    marked = Seen(panel.source_html(place, "zh")).marked
    assert re.sub(r"\s", "", marked) == re.sub(r"[\s\x00\x07]", "", quote)


def test_the_panel_tells_title_section_role_date_and_proof() -> None:
    desk = open_desk()
    turns = ask(desk, "建了多少座书亭")
    seen = Seen(page.open_place(desk, "cite-0-1", turns, "zh"))
    for part in ("河边的图书馆", "建设情况", "正文", "2023-10-10", "原文已核对 ✓", "a.txt"):
        assert part in seen.text
    assert turns[0].answer is not None
    assert seen.marked == turns[0].answer.citations[0].quote == "图书馆建了12座书亭，共有3000册书。"


def test_a_quote_from_a_sidebar_says_so_in_the_message_and_in_the_panel() -> None:
    desk = open_desk()
    turns = ask(desk, "热门书亭共有几座")
    assert "侧栏 · 非正文" in render.message(turns[0], 0, "zh")
    assert "侧栏 · 非正文" in page.open_place(desk, "cite-0-1", turns, "zh")
    assert "Sidebar, not body text" in page.open_place(desk, "cite-0-1", turns, "en")


def test_a_refusal_shows_fixed_words_the_nearest_passage_and_what_is_missing() -> None:
    desk = open_desk()
    turns = ask(desk, "火星书亭")
    text = Seen(render.message(turns[0], 0, "zh")).text
    assert "材料中没有找到" in text and "并未回答这个问题" in text and "火星" in text
    assert "cite" not in render.message(turns[0], 0, "zh")
    near = Seen(page.open_place(desk, "near-0-0", turns, "zh"))
    assert near.marked and "并未回答问题" in near.text


def test_words_found_nowhere_and_long_questions_are_cut_for_the_eye() -> None:
    desk = open_desk()
    (turn,) = ask(desk, "火星书亭")
    assert turn.answer is not None
    told = replace(turn.answer, missing=("一二三四五六七八九十甲乙丙", "b", "c", "d", "超出的词"))
    text = Seen(render.message(replace(turn, answer=told), 0, "zh")).text
    assert "一二三四五六七八九十甲乙…" in text and "丙" not in text and "超出的词" not in text
    (long,) = ask(desk, "长" * 3000)
    assert Seen(render.asked(long)).text == "长" * 200 + "…"
    assert "retry" not in render.message(long, 0, "zh")
    assert Seen(render.asked(Turn("长" * 200))).text == "长" * 200


def test_labels_of_an_answer_speak_its_language_and_buttons_that_of_the_page() -> None:
    (turn,) = ask(open_desk(), "火星书亭")
    assert turn.answer is not None
    text = Seen(render.message(turn, 0, "en")).text
    assert "最接近的段落" in text and "材料中没有出现" in text and "Retry" in text and "重试" not in text
    english = Seen(render.message(replace(turn, answer=replace(turn.answer, lang="en")), 0, "zh")).text
    assert "Nearest passages" in english and "Found nowhere" in english and "重试" in english


def test_a_quote_that_is_the_short_span_is_shown_once_with_its_number() -> None:
    def line(short: str, quote: str, number: int = 1) -> tuple[Segment, ...]:
        quoted = (Segment("template", "“"), Segment("quote", quote, number), Segment("template", "”"))
        return (*([Segment("short", short, number), Segment("break", "")] if short else []), *quoted)

    def kinds(*segments: Segment) -> list[str]:
        return [segment.kind for segment in render.once(segments)]

    mark = Segment("mark", "1", 1)
    assert kinds(*line("鲜阳红", "鲜阳红"), mark) == ["short", "mark"]
    assert kinds(*line("鲜阳红", "责任编辑：鲜阳红"), mark) == [s.kind for s in (*line("鲜阳红", "x"), mark)]
    listed = (Segment("short", "甲", 1), Segment("template", "、"), *line("乙", "甲"), mark, *line("", "乙", 2))
    assert render.once(listed) == listed, "several spans stay above their quotes"


def test_examples_are_offered_until_they_were_asked_in_any_spelling() -> None:
    turns = ask(open_desk(), "建了多少座书亭？")
    examples = (" 建了多少座书亭", "甲？", "What is 乙?", "丙？")
    assert chat.suggested(examples, turns) == ("甲？", "What is 乙?")
    drawn = chat.messages(turns, "zh", examples=examples)[-1]["content"]
    assert "试试" in drawn and "甲" in drawn and "试试" not in chat.messages(turns, "zh")[-1]["content"]


def test_a_citation_of_a_file_that_is_gone_says_so_and_names_no_command() -> None:
    turns = (*ask(open_desk(), "建了多少座书亭"), *ask(open_desk(), "火星书亭"))
    empty = open_desk({"b.txt": "别的\n别的话。\n"})
    for ui in ("zh", "en"):
        for target in ("cite-0-1", "near-1-0"):
            assert strings.say("place_gone", ui) in Seen(page.open_place(empty, target, turns, ui)).text
        for target in ("cand-0-0", "doc-absent"):
            assert strings.say("place_old", ui) in Seen(page.open_place(empty, target, turns, ui)).text


def test_a_follow_up_is_asked_with_the_earlier_questions_and_shown_as_understood() -> None:
    engine = FakeEngine({"a.txt": ARTICLE})
    desk = Desk(lambda progress: engine)
    desk.start()
    desk.wait(10)
    turns = ask(desk, "那书呢", ask(desk, "建了多少座书亭"))
    assert engine.histories[-1] == ("建了多少座书亭",)
    assert "理解为：" in render.message(turns[1], 1, "zh") and "理解为" not in render.message(turns[0], 0, "zh")


def test_a_permalink_finds_its_place_again_after_the_file_changed() -> None:
    document = fake_document("a.txt", ARTICLE)
    start = ARTICLE.index("图书馆建了")
    fragment = panel.link(Place(document, start, start + 17))
    for text, note in ((ARTICLE, ""), ("新的第一行\n" + ARTICLE, "place_moved"), ("全都改了。\n", "place_changed")):
        now = fake_document("a.txt", text)
        found = panel.follow(fragment)
        assert found is not None and found[:2] == (document.id, "a.txt")
        place = panel.settle(now, *found[2:])
        assert place.note == note
        assert (now.text[place.start : place.end] == ARTICLE[start : start + 17]) is (note != "place_changed")
    assert panel.follow("#at/../../etc/passwd") is None
    assert panel.follow("#at/a/1-2/0123456789ab/%ff%fe") is None
    nothing = hashlib.sha256(b"").hexdigest()[:12]
    assert panel.settle(document, 10**6, 10**6 + 5, nothing).verified is None, "nothing is no quote"


def test_a_citation_of_a_text_that_changed_since_opens_the_same_sentence() -> None:
    desk = open_desk()
    turns = ask(desk, "建了多少座书亭")
    quote = Seen(page.open_place(desk, "cite-0-1", turns, "zh")).marked
    moved = open_desk({"a.txt": "新的第一行\n" + ARTICLE})
    shown = Seen(page.open_place(moved, "cite-0-1", turns, "zh"))
    assert shown.marked == quote != "" and strings.say("place_moved", "zh") in shown.text


@quick
@given(st.text(max_size=60))
def test_no_fragment_from_outside_breaks_the_panel(fragment: str) -> None:
    desk = open_desk()
    for target in (fragment, f"cite-{fragment}", f"at/{fragment}", f"doc-{fragment}", "cite-99-1", "near-0-99"):
        assert page.open_place(desk, target, (), "zh").startswith("<article")
        assert page.wanted(target, ()) is None or target.startswith("ask/")


def test_only_plain_web_addresses_become_links() -> None:
    for url, works in (("http://例.cn/a?b=1", True), ("javascript:alert(1)", False), ('http://a"onclick=x', False)):
        text = f"题目\n地址 {url} 完。\n"
        at = text.index(url)
        document = replace(fake_document("a.txt", text), meta={"url": Span(at, at + len(url))})
        assert ("noopener" in panel.source_html(Place(document, 0, 0), "zh")) is works


def test_questions_that_cannot_be_asked_get_a_clear_message_in_both_languages() -> None:
    desk = open_desk()
    turns = ask(desk, "长" * 2001, ui="zh")
    assert "最多 2000 字" in render.message(turns[0], 0, "zh")
    assert "at most 2000" in render.message(turns[0], 0, "en")
    for bad in ("", "  \n", None, 7, "\0"):
        with pytest.raises(QuestionError):
            api.check(bad)


def test_header_and_list_of_documents_tell_what_was_read_and_what_was_not() -> None:
    desk = open_desk({"a.txt": ARTICLE, "坏.txt": HOSTILE}, {"扫描.pdf": Notice("English", "中文")})
    line = Seen(front.header(desk.material, True, "zh")).text
    assert "2 篇" in line and "2023-10-10" in line and "1 个文件未能读取" in line
    zh, en = (listing.library_html(desk.material, ui) for ui in ("zh", "en"))
    assert "English" in en and "中文" in zh and "3 个文件" in Seen(zh).text and "2 就绪" in Seen(zh).text
    assert Seen(zh).text.index("扫描.pdf") < Seen(zh).text.index("a.txt"), "what failed stands first"
    assert not {"script", "img"} & set(Seen(zh).tags) and "移除" not in zh


@quick
@given(hostile_text)
def test_an_asking_link_asks_what_it_shows(question: str) -> None:
    text = front.welcome([question], (), "", True, True, "zh")
    (href,) = [value for name, value in Seen(text).attributes if name == "href"]
    assert page.wanted(href.removeprefix("#"), ()) == (question, ())


def test_every_phrase_exists_in_both_languages_with_the_same_blanks() -> None:
    def blanks(text: str) -> set[str]:
        return {f for _, f, _, _ in string.Formatter().parse(text) if f and f != "s"}

    for key, (zh, en) in strings._TEXT.items():
        assert zh and en and blanks(zh) == blanks(en), key
    source = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "rag" / "web").glob("*.py"))
    for key in re.findall(r'say\(\s*"(\w+)"', source):
        assert key in strings._TEXT, key
