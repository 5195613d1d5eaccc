"""The chat without a browser: document text stays text, links find their place, errors say what to do."""

from __future__ import annotations

import html
import json
import os
import re
import socket
import string
import subprocess
import sys
import threading
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rag.config import Settings
from rag.errors import BusyError, FolderError, MissingExtraError, QuestionError, SettingsError
from rag.types import Citation, FileOutcome, Progress, Segment, Span
from rag.web import api, page, panel, render, strings
from rag.web.desk import Desk, Material, progress_text
from rag.web.panel import Place
from rag.web.render import Turn, esc
from rag.web.serve import check_folder, check_port, serve
from tests.fakes import FakeEngine, FakeInfo, fake_document

ROOT = Path(__file__).parent.parent
ARTICLE = "河边的图书馆\n2023-10-10 发布。\n建设情况\n图书馆建了12座书亭，共有3000册书。读者都说很好。\n\n侧栏：热门书亭共有99座。\n"
HOSTILE = (
    "<script>window.pwned=1</script>与<img src=x onerror=alert(1)>\n正文一\n"
    '这句有**粗体**、$$x^2$$、`码`、[链](javascript:alert(1))和{{value}}，共有77个"引号"\'。</mark></article>\n'
)
hostile_text = st.text(
    alphabet=st.sampled_from("<>&\"'`*_#[]()!$\\{}|~:/.-+=@;% \n\tscriptonerror1一。ａ\u202e\x00\x07"), max_size=80
)
quick = settings(max_examples=60, deadline=None)


class Seen(HTMLParser):
    """Tags, attributes and text of a piece of HTML, as a browser would take them."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text, self.marked, self._inside = "", "", 0
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._inside += tag == "mark"

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag == "mark"

    def handle_data(self, data: str) -> None:
        self.text += data
        self.marked += data if self._inside else ""


def open_desk(texts: dict[str, str] | None = None, failed: tuple[FileOutcome, ...] = ()) -> Desk:
    desk = Desk(lambda progress: FakeEngine(texts or {"a.txt": ARTICLE}, failed))
    desk.start()
    assert desk.wait(10)
    return desk


def ask(desk: Desk, question: str, turns: page.Turns = (), ui: str = "zh") -> page.Turns:
    return list(page.reply(desk, question, turns, ui))[-1][0]


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
        info = FakeInfo(now.id, now.title, now.source, len(text), 1, "")
        found = panel.follow(fragment, (info,))
        assert found is not None and found[0] == now.id
        place = panel.settle(now, *found[1:])
        assert place.note == note
        assert (now.text[place.start : place.end] == ARTICLE[start : start + 17]) is (note != "place_changed")
    assert panel.follow(fragment, ()) is None
    assert panel.follow("#at/../../etc/passwd", ()) is None


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


def test_a_question_that_comes_early_waits_with_true_progress_and_is_answered() -> None:
    go = threading.Event()

    def opener(progress: object) -> FakeEngine:
        assert callable(progress)
        progress(Progress("passages", 30, 120, "a.txt"))
        go.wait(10)
        return FakeEngine({"a.txt": ARTICLE})

    desk = Desk(opener)
    desk.start()
    with pytest.raises(BusyError):
        api.endpoints(desk)[0]("建了多少座书亭")
    steps = page.reply(desk, "建了多少座书亭", (), "zh")
    text = Seen(next(steps)[1] or "").text
    assert "材料还在准备" in text and "30/120" in text and "还剩 90" in text
    go.set()
    turns = list(steps)[-1][0]
    assert turns[0].answer is not None and turns[0].answer.short == "12座书"


def test_a_start_that_fails_is_told_and_not_swallowed() -> None:
    def opener(progress: object) -> FakeEngine:
        raise FolderError("no folder 'x'", "找不到文件夹 x")

    desk = Desk(opener)
    desk.start()
    assert desk.wait(10) and desk.settled
    turns = ask(desk, "有人吗")
    assert "找不到文件夹 x" in Seen(render.message(turns[0], 0, "zh")).text
    assert "no folder 'x'" in Seen(render.message(turns[0], 0, "en")).text


def test_the_next_question_knows_a_changed_folder(tmp_path: Path) -> None:
    class Growing(FakeEngine):
        syncs = 0

        def sync(self, progress=None):  # type: ignore[no-untyped-def]
            self.syncs += 1
            self.__init__({p.name: p.read_text(encoding="utf-8") for p in tmp_path.glob("*.txt")})  # type: ignore[misc]
            return super().sync(progress)

    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    engine = Growing({})
    desk = Desk(lambda progress: engine, tmp_path)
    desk.start()
    desk.wait(10)
    ask(desk, "建了多少座书亭")
    assert engine.syncs == 1
    desk._look_after = 0.0  # as after the pause between two looks
    (tmp_path / "b.txt").write_text("山上的学校\n学校里种了45棵枣树。\n", encoding="utf-8")
    assert api.endpoints(desk)[0]("学校里种了几棵枣树")["found"]
    turns = ask(desk, "学校里种了几棵枣树")
    assert engine.syncs == 2 and turns[0].answer is not None and turns[0].answer.short.startswith("45")
    assert len(desk.material.documents) == 2


def test_header_and_list_of_documents_tell_what_was_read_and_what_was_not() -> None:
    desk = open_desk(
        {"a.txt": ARTICLE, "坏.txt": HOSTILE}, (FileOutcome("扫描.pdf", "failed", reason="中文\nEnglish"),)
    )
    line = Seen(render.header(desk.material, True, "zh")).text
    assert "2 篇" in line and "2023-10-10" in line and "1 个文件未能读取" in line
    assert "English" in panel.library_html(desk.material, "en") and "中文" in panel.library_html(desk.material, "zh")
    assert not {"script", "img"} & set(Seen(panel.library_html(desk.material, "zh")).tags)


@quick
@given(hostile_text)
def test_an_asking_link_asks_what_it_shows(question: str) -> None:
    text = render.welcome([question], None, "", True, True, "zh")
    (href,) = [value for name, value in Seen(text).attributes if name == "href"]
    assert page.wanted(href.removeprefix("#"), ()) == (question, ())


def test_dates_of_the_material_span_the_first_to_the_last_day() -> None:
    infos = [
        FakeInfo("1", "", "", 1, 1, d) for d in ("2023年10月1日", "", "2021/3/5 8:00", "昨天", "2023-10-10 15:55:23")
    ]
    assert Material(tuple(infos)).dates == "2021-03-05 – 2023-10-10"


def test_endpoints_give_plain_objects() -> None:
    ask_, retrieve = api.endpoints(open_desk())
    answer = json.loads(json.dumps(ask_("建了多少座书亭", history=["你好"]), ensure_ascii=False))
    cited = answer["citations"][0]
    assert answer["found"] and ARTICLE[cited["start"] : cited["end"]] == cited["quote"]
    assert retrieve("书亭", k=1)[0]["text"] and len(retrieve("书亭", k=99)) <= 50


def test_every_phrase_exists_in_both_languages_with_the_same_blanks() -> None:
    def blanks(text: str) -> set[str]:
        return {f for _, f, _, _ in string.Formatter().parse(text) if f and f != "s"}

    for key, (zh, en) in strings._TEXT.items():
        assert zh and en and blanks(zh) == blanks(en), key
    source = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "rag" / "web").glob("*.py"))
    for key in re.findall(r'say\(\s*"(\w+)"', source):
        assert key in strings._TEXT, key


def test_progress_says_the_stage_and_what_is_left() -> None:
    assert progress_text(Progress("files", 3, 10), "en") == "Reading files 3/10, 7 left"
    assert progress_text(None, "zh") == "正在启动"


def test_a_wrong_folder_or_a_taken_port_is_told_before_anything_is_served(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="no folder"):
        check_folder(tmp_path / "absent")
    with pytest.raises(FolderError, match="empty"):
        check_folder(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match="--port"):
            check_port("127.0.0.1", taken.getsockname()[1])


def test_the_program_ends_with_2_and_one_line_on_a_wrong_folder(tmp_path: Path) -> None:
    for arguments in (["absent"], ["--port", "70000"]):
        done = subprocess.run(
            [sys.executable, str(ROOT / "app.py"), *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 2 and done.stderr.startswith("app.py: ") and "Traceback" not in done.stderr


def test_the_tools_for_programs_name_the_extra_that_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"\[mcp\]"):
        serve(Settings(folder=str(ROOT / "seeds"), port=0, mcp=True))


def test_settings_reach_the_program() -> None:
    assert Settings.load(env={"RAG_PORT": "7999"}).port == 7999
