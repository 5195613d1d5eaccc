"""The page in a real Chromium. Needs one on PATH, or its path in JUDIAN_CHROMIUM; skips without, but fails where CI is set."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from eval.questions import load
from rag.config import Settings
from rag.index import directory_of
from rag.types import Answer, Notice, Progress
from rag.web.line import Line
from tests.browser import DESKTOP, PHONE, browser, chromium, contrast, is_open, say, serve, visit
from tests.fakes import FakeEngine, FolderEngine

pytestmark = pytest.mark.browser
__all__ = ["browser", "visit"]  # fixtures: pytest finds them here by name

ARTICLE = (
    "河边的图书馆\n2023-10-10 发布。\n建设情况\n"
    + "前面还有很多别的话要说。\n" * 60
    + "图书馆建了12座书亭，共有3000册书。读者都说很好。\n读者怎么说\n"
    + "后面也还有很多别的话要说。\n" * 60
    + "侧栏：热门书亭共有99座。\n"
)
HOSTILE = (
    "<script>window.pwned=1</script>与<img src=x onerror='window.pwned=2'>\n正文一\n"
    "陷阱句有**粗体**、$$x^2$$、`码`、[链](javascript:window.pwned=3)、{{value}}、${value}和</mark><b>77个</b>。\n"
    "<svg onload=window.pwned=4>\n"
)

SCHOOL = "山上的学校\n学校里种了45棵枣树。\n"
EVIL = "<img src=x onerror=alert(1)>.txt"


class SlowEngine(FakeEngine):
    """Answers 慢 only when let go."""

    go = threading.Event()

    def ask(self, question: str, *args: Any, **kwargs: Any) -> Answer:
        if "慢" in question:
            self.go.wait(20)
        return super().ask(question, *args, **kwargs)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    chromium()
    failed = {"扫描.pdf": Notice("unreadable", "看不懂")}
    page, url, desk = serve(lambda progress: SlowEngine({"a.txt": ARTICLE, "坏.txt": HOSTILE}, failed))
    assert desk.idle(10)
    yield url
    page.close(verbose=False)


def test_an_example_asks_and_its_citation_opens_the_source_at_the_quote(site: str, visit: Any) -> None:
    page = visit(site, **DESKTOP)
    page.locator(".jd-examples a").nth(3).wait_for()
    assert page.title() == "据典" and page.locator(".jd-examples a").count() == 4
    assert "2 篇" in page.locator(".jd-facts").inner_text() and not is_open(page)
    page.locator(".jd-examples a").first.click()
    page.locator(".bot-row .jd-meta").first.wait_for()
    assert page.locator(".jd-examples").count() == 0
    reply = say(page, "图书馆建了多少座书亭？")
    assert reply.locator(".short").first.inner_text() == "12座书"
    quote = reply.locator(".jd-said .quote").text_content()
    reply.locator("a.cite").click()
    mark = page.locator("#jd-panel mark")
    mark.wait_for()
    assert mark.text_content() == quote == "图书馆建了12座书亭，共有3000册书。"
    assert "原文已核对 ✓" in page.locator("#jd-panel header").inner_text()
    page.wait_for_function(
        "(() => { const r = document.querySelector('#jd-panel mark').getBoundingClientRect();"
        " return r.left < innerWidth - 50 && r.top > 100 && r.bottom < innerHeight; })()"
    )
    assert page.evaluate("document.scrollingElement.scrollTop") == 0


def test_the_keyboard_reaches_the_citation_opens_it_and_comes_back(site: str, visit: Any) -> None:
    page = visit(site, **DESKTOP)
    page.locator(".jd-examples a").first.wait_for()
    say(page, "图书馆建了多少座书亭？")
    focused = "document.activeElement.className + ' ' + getComputedStyle(document.activeElement).outlineStyle"
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        if "cite" in page.evaluate(focused):
            break
    assert "cite" in page.evaluate(focused) and "solid" in page.evaluate(focused)
    page.keyboard.press("Enter")
    page.locator("#jd-panel mark").wait_for()
    page.wait_for_function("document.activeElement.tagName === 'MARK'")
    page.keyboard.press("Escape")
    page.wait_for_function("!document.querySelector('.jd-side.open')")
    assert "cite" in page.evaluate(focused)
    for _ in range(12):
        page.keyboard.press("Tab")
        inside = page.evaluate("document.activeElement.closest('.jd-side') && document.activeElement.outerHTML")
        assert not inside, "a closed panel takes no focus"


def test_a_hostile_document_is_shown_as_text_and_nothing_runs(site: str, visit: Any) -> None:
    page = visit(site, **DESKTOP)
    page.locator(".jd-examples a").first.wait_for()
    reply = say(page, "陷阱句有粗体和什么")
    told = reply.locator(".jd-said .quote").text_content()
    assert (
        told
        == "陷阱句有**粗体**、$$x^2$$、`码`、[链](javascript:window.pwned=3)、{{value}}、${value}和</mark><b>77个</b>。"
    )
    reply.locator("summary").click()
    reply.locator("a.cite").click()
    page.locator("#jd-panel mark").wait_for()
    assert page.locator("#jd-panel mark").text_content() == told
    assert "<script>window.pwned=1</script>" in page.locator("#jd-panel").inner_text()
    assert page.locator("#jd-panel :is(script, img, svg, b b)").count() == 0
    assert page.locator("#jd-chat .jd-msg :is(script, img, svg, em, code, .katex)").count() == 0
    say(page, "<img src=x onerror=window.pwned=5> **粗** $$y$$")
    assert "<img src=x" in page.locator(".user-row").last.inner_text()
    assert page.locator("#jd-chat .jd-ask :is(img, strong, .katex)").count() == 0


def test_a_refusal_labels_the_nearest_passage_and_opens_it(site: str, visit: Any) -> None:
    page = visit(site, **DESKTOP)
    page.locator(".jd-examples a").first.wait_for()
    reply = say(page, "火星书亭")
    assert "并未回答这个问题" in reply.inner_text() and reply.locator("a.cite").count() == 0
    reply.locator(".jd-nearest a").first.click()
    page.locator("#jd-panel mark").wait_for()
    assert "并未回答问题" in page.locator("#jd-panel header").inner_text()


def test_follow_up_edit_retry_copy_and_new_chat(site: str, visit: Any) -> None:
    page = visit(site, **DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    page.locator(".jd-examples a").first.wait_for()
    say(page, "图书馆建了多少座书亭")
    reply = say(page, "那书呢")
    assert "理解为：图书馆建了多少座书亭 那书呢" in reply.inner_text()
    reply.locator("a[href^='#edit']").click()
    page.wait_for_function("document.querySelector('#jd-box textarea').value === '图书馆建了多少座书亭 那书呢'")
    page.locator("#jd-box textarea").fill("")
    reply.locator("a[href^='#copy']").click()
    page.wait_for_function("document.querySelector('.jd-meta a.done')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("12座书\n") and "[1] 河边的图书馆 › 建设情况" in copied and "&#" not in copied
    reply.locator(".jd-msg").evaluate("e => { e.dataset.old = 1; }")
    reply.locator("a.retry").click()
    page.wait_for_function("!document.querySelector('[data-old]')")
    reply.locator("a.retry").wait_for()
    page.locator("#jd-box .submit-button").wait_for()
    assert page.locator(".bot-row .jd-said").count() == 2
    page.locator(".jd-quiet").first.click()
    page.locator(".jd-examples a").first.wait_for()
    assert page.locator(".bot-row").count() == 0


def test_stop_and_new_chat_end_a_running_question(site: str, visit: Any) -> None:
    page = visit(site, **DESKTOP)
    page.locator(".jd-examples a").first.wait_for()

    def start() -> None:
        page.locator("#jd-box textarea").fill("慢慢地建了多少座书亭")
        page.locator("#jd-box textarea").press("Enter")
        page.locator(".jd-stage", has_text="正在检索").wait_for()

    SlowEngine.go.clear()
    start()
    page.locator("#jd-box .stop-button").click()
    page.locator(".jd-trouble", has_text="已停止").wait_for()
    assert "12座书" in say(page, "图书馆建了多少座书亭").inner_text()
    start()
    page.locator(".jd-quiet").first.click()
    page.locator(".jd-examples a").first.wait_for()
    SlowEngine.go.set()
    assert "12座书" in say(page, "图书馆建了多少座书亭").inner_text()
    assert page.locator(".bot-row").count() == 1


def test_english_browsers_get_english_and_the_switch_turns_everything(site: str, visit: Any) -> None:
    page = visit(site, viewport=DESKTOP["viewport"], locale="en-GB")
    page.locator(".jd-examples a", has_text="What is said").first.wait_for()
    assert "2 documents" in page.locator(".jd-facts").inner_text()
    assert page.locator("#jd-box textarea").get_attribute("placeholder") == "Ask these documents…"
    assert page.locator("#jd-box textarea").get_attribute("aria-label") == "Question"
    page.wait_for_function("document.activeElement === document.querySelector('#jd-box textarea')")
    reply = say(page, "图书馆建了多少座书亭")
    assert "为什么是这句" in reply.inner_text() and "Retry" in reply.inner_text()
    page.locator("#jd-tongue").click()
    page.locator(".bot-row a.retry", has_text="重试").wait_for()
    page.reload()
    page.locator(".jd-hint", has_text="可以这样问").wait_for()
    page.locator("#jd-tongue").click()
    page.locator(".jd-hint", has_text="Try asking").wait_for()
    page.reload()
    page.locator(".jd-hint", has_text="Try asking").wait_for()


def test_empty_and_endless_questions_get_a_message(site: str, visit: Any) -> None:
    page = visit(site, **DESKTOP)
    page.locator(".jd-examples a").first.wait_for()
    page.locator("#jd-box textarea").fill("   ")
    page.locator("#jd-box textarea").press("Enter")
    page.locator("#jd-box textarea[placeholder='请先输入问题。']").wait_for()
    assert page.locator(".toast-body").count() == 0
    page.locator("#jd-box textarea").fill("长" * 2001)
    page.locator("#jd-box textarea").press("Enter")
    page.locator(".jd-trouble", has_text="最多 2000 字").wait_for()
    page.locator("#jd-box .submit-button").wait_for()
    assert page.locator("a.retry").count() == 0 and len(page.locator(".jd-ask").inner_text()) == 201
    assert len(page.locator("#jd-box textarea").input_value()) == 2001, "what was typed is not lost"


def test_a_permalink_opens_its_place_and_the_list_of_documents_names_what_failed(site: str, visit: Any) -> None:
    page = visit(site, **DESKTOP)
    page.locator(".jd-examples a").first.wait_for()
    say(page, "图书馆建了多少座书亭").locator("a.cite").click()
    fragment = page.locator(".jd-link").get_attribute("href")
    other = visit(site + "/" + fragment, **DESKTOP)
    other.locator("#jd-panel mark").wait_for()
    assert other.locator("#jd-panel mark").text_content() == "图书馆建了12座书亭，共有3000册书。"
    other.locator(".jd-facts").click()
    other.locator(".jd-library").wait_for()
    assert (
        "扫描.pdf" in other.locator(".jd-library").inner_text()
        and "看不懂" in other.locator(".jd-library").inner_text()
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [("phone", PHONE), ("dark", DESKTOP | {"color_scheme": "dark"}), ("night", PHONE | {"color_scheme": "dark"})],
)
def test_phone_and_dark_screens_fit(site: str, visit: Any, tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    page = visit(site, **options)
    page.locator(".jd-examples a").first.wait_for()
    reply = say(page, "图书馆建了多少座书亭")
    reply.locator("summary").click()
    page.screenshot(path=tmp_path / f"{name}-answer.png")
    wide = "document.scrollingElement.scrollWidth - innerWidth"
    assert page.evaluate(wide) <= 0
    clipped = "[...document.querySelectorAll('#jd-chat td, #jd-chat p')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert page.evaluate(clipped) == 0
    reply.locator("a.cite").click()
    page.locator("#jd-panel mark").wait_for()
    page.wait_for_function("document.querySelector('.jd-side').getBoundingClientRect().right <= innerWidth + 1")
    page.screenshot(path=tmp_path / f"{name}-source.png")
    assert page.evaluate(wide) <= 0 and (tmp_path / f"{name}-source.png").stat().st_size > 5000
    for element in (".jd-text p", ".jd-source .facts", ".jd-said p", ".jd-meta"):
        assert contrast(page, element) >= 4.5, element
    page.locator(".jd-close").click()
    page.wait_for_function("!document.querySelector('.jd-side.open')")


def test_the_page_is_there_before_the_documents_and_answers_when_they_are_ready(visit: Any) -> None:
    chromium()
    go = threading.Event()

    def opener(progress: Callable[[Progress], None]) -> FakeEngine:
        progress(Progress("passages", 30, 120, "a.txt"))
        go.wait(20)
        return FakeEngine({"a.txt": ARTICLE})

    site, url, _ = serve(opener)
    try:
        page = visit(url, **DESKTOP)
        page.locator(".jd-progress", has_text="30/120").wait_for()
        page.locator("#jd-box textarea").fill("图书馆建了多少座书亭")
        page.locator("#jd-box textarea").press("Enter")
        page.locator("#jd-box .stop-button").click()
        page.locator(".jd-trouble", has_text="已停止").wait_for()
        assert page.locator(".jd-ask").inner_text() == "图书馆建了多少座书亭"
        page.locator("a.retry").click()
        page.locator(".jd-stage", has_text="材料还在准备").wait_for()
        go.set()
        page.locator(".jd-said .short", has_text="12座书").wait_for()
        page.locator(".jd-facts", has_text="1 篇").wait_for()
        page.locator(".jd-try a").first.wait_for()
    finally:
        go.set()
        site.close(verbose=False)


@pytest.mark.parametrize(
    ("name", "options"), [("desktop", DESKTOP), ("phone", PHONE), ("dark", DESKTOP | {"color_scheme": "dark"})]
)
def test_a_file_is_added_asked_about_and_removed_again(
    visit: Any, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    chromium()
    folder, shots = tmp_path / "资料", tmp_path / "shots"
    folder.mkdir()
    (folder / "a.txt").write_text(ARTICLE, encoding="utf-8")
    (folder / EVIL).write_text(HOSTILE, encoding="utf-8")
    given = tmp_path / "学校（定稿）.txt"
    given.write_text(SCHOOL, encoding="utf-8")
    site, url, desk = serve(lambda progress: FolderEngine(folder), folder)
    try:
        assert desk.idle(10)
        page = visit(url, **options)
        page.locator(".jd-examples a").first.wait_for()
        assert "材料中没有" in say(page, "学校里种了几棵枣树").inner_text()
        page.locator(".jd-facts").click()
        page.locator(".jd-library .add").wait_for()
        page.wait_for_function("document.querySelector('.jd-side').getBoundingClientRect().right <= innerWidth + 1")
        assert page.locator(".jd-library > ul > li").count() == 2 and page.locator("#jd-panel img").count() == 0
        assert EVIL in page.locator(".jd-library").inner_text()
        page.screenshot(path=shots / f"{name}-list.png")
        with page.expect_file_chooser() as chooser:
            page.locator(".jd-add").click()
        chooser.value.set_files([given])
        page.locator(".jd-confirm.put", has_text="学校（定稿）.txt").wait_for()
        page.screenshot(path=shots / f"{name}-put.png")
        assert not (folder / given.name).exists() and page.locator(".jd-confirm", has_text="资料").count()
        page.locator(".jd-confirm .do").click()
        page.locator(".jd-library li.ready", has_text="学校（定稿）.txt").wait_for()
        assert (folder / given.name).read_text(encoding="utf-8") == SCHOOL
        assert [p for p in Path(os.environ["GRADIO_TEMP_DIR"]).rglob("*") if p.is_file() and p.stat().st_size] == []
        page.locator(".jd-close").click()
        page.wait_for_function("!document.querySelector('.jd-side.open')")
        reply = say(page, "学校里种了几棵枣树")
        assert "45棵" in reply.inner_text()
        reply.locator("a.cite").click()
        page.locator("#jd-panel mark", has_text="45棵").wait_for()
        page.locator(".jd-close").click()
        page.wait_for_function("!document.querySelector('.jd-side.open')")
        page.locator(".jd-facts").click()
        page.locator(f"a.out[href='#remove/{quote(given.name)}']").click()
        page.locator(".jd-confirm.delete", has_text="无法恢复").wait_for()
        page.screenshot(path=shots / f"{name}-delete.png")
        assert (folder / given.name).exists()
        page.locator(".jd-confirm a", has_text="取消").click()
        page.wait_for_function("!document.querySelector('.jd-confirm')")
        page.locator(f"a.out[href='#remove/{quote(given.name)}']").click()
        page.locator(".jd-confirm .do").click()
        page.locator(".jd-said-of", has_text="已删除").wait_for()
        page.wait_for_function("document.querySelectorAll('.jd-library > ul > li').length === 2")
        assert not (folder / given.name).exists()
        page.locator(".jd-close").click()
        page.wait_for_function("!document.querySelector('.jd-side.open')")
        assert "材料中没有" in say(page, "学校里种了几棵枣树").inner_text()
        assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    finally:
        site.close(verbose=False)


def test_nothing_is_deleted_that_was_not_asked_about(visit: Any, tmp_path: Path) -> None:
    chromium()
    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    site, url, desk = serve(lambda progress: FolderEngine(tmp_path), tmp_path)
    try:
        assert desk.idle(10)
        page = visit(url, **DESKTOP)
        page.locator(".jd-examples a").first.wait_for()
        page.evaluate("location.hash = '#delete'")
        page.evaluate(
            "document.querySelector('.jd-brand').insertAdjacentHTML('beforeend', '<a id=x href=\"#delete\">x</a>')"
        )
        page.locator("#x").click()
        page.locator(".jd-said-of", has_text="请重新选择").wait_for()
        assert (tmp_path / "a.txt").exists()
    finally:
        site.close(verbose=False)


def test_a_question_during_a_sync_is_answered_and_the_page_keeps_in_step_by_itself(visit: Any, tmp_path: Path) -> None:
    chromium()
    for name, text in (("a.txt", ARTICLE), ("b.txt", SCHOOL)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    gate = threading.Event()
    site, url, _ = serve(lambda progress: FolderEngine(tmp_path, gate), tmp_path)
    try:
        page = visit(url, **DESKTOP)
        page.locator(
            ".jd-facts .doing", has_text="读取文件 1/2 · 编入 10/20 段 · 41 段/秒 · 约还需 1 分 10 秒"
        ).wait_for()
        reply = say(page, "图书馆建了多少座书亭")
        assert "12座书" in reply.inner_text()
        assert "仍在编入 1 个文件，这个答案只来自已就绪的 1 篇。" in reply.locator(".jd-partial").inner_text()
        page.locator(".jd-facts").click()
        page.locator(".jd-library li.waiting", has_text="b.txt").wait_for()
        gate.set()
        page.locator(".jd-library li.ready", has_text="b.txt").wait_for()
        page.locator(".jd-facts", has_text="2 篇").wait_for()
        (tmp_path / "c.txt").write_text("港口\n港口有7座灯塔。\n", encoding="utf-8")
        page.locator(".jd-facts", has_text="3 篇").wait_for()
        page.locator(".jd-library li.ready", has_text="c.txt").wait_for()
    finally:
        gate.set()
        site.close(verbose=False)


@pytest.mark.parametrize(
    ("name", "options"), [("desktop", DESKTOP), ("phone", PHONE), ("dark", DESKTOP | {"color_scheme": "dark"})]
)
def test_an_answer_is_marked_corrected_and_taken_back_and_nothing_jumps(
    visit: Any, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    chromium()
    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    (tmp_path / "坏.txt").write_text(HOSTILE, encoding="utf-8")
    kept = directory_of(tmp_path, Settings()) / "feedback.jsonl"
    site, url, desk = serve(lambda progress: FolderEngine(tmp_path), tmp_path)

    def rows() -> list[dict[str, Any]]:
        return [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()] if kept.exists() else []

    def top(selector: str) -> float:
        return float(page.locator(selector).bounding_box()["y"])

    try:
        assert desk.idle(10)
        page = visit(url, **options)
        page.locator(".jd-examples a").first.wait_for()
        reply = say(page, "图书馆建了多少座书亭")
        assert not kept.exists(), "nothing is kept unasked"
        reply.locator("summary").click()
        before = top("a[href='#this-0-1']")
        page.locator("a[href='#right-0']").click()
        page.locator("a[href='#right-0'].on[aria-pressed=true]").wait_for()
        assert [row["verdict"] for row in rows()] == ["right"] and "已记在本机" in reply.inner_text()
        assert reply.locator("details").get_attribute("open") is not None and top("a[href='#this-0-1']") == before
        page.locator("a[href='#this-0-1']").focus()
        page.keyboard.press("Enter")
        page.locator("a[href='#this-0-1'].on").wait_for()
        assert [row["correction"]["source"] for row in rows()] == ["a.txt"] and page.locator(
            "a.jd-mark.on"
        ).count() == 0
        page.wait_for_function("document.activeElement.getAttribute('href') === '#this-0-1'")
        assert reply.locator("details").get_attribute("open") is not None and top("a[href='#this-0-1']") == before
        page.screenshot(path=tmp_path / "shots" / f"{name}-marked.png")
        reply.locator("a.cite").click()
        page.locator("#jd-panel mark").wait_for()
        page.evaluate(
            "(() => { const text = document.querySelector('#jd-panel mark').lastChild; const range = document.createRange();"
            " range.setStart(text, 4); range.setEnd(text, 9); getSelection().removeAllRanges(); getSelection().addRange(range); })()"
        )
        page.locator("#jd-panel .jd-this", has_text="选中").click()
        page.locator("#jd-panel .jd-this.on").wait_for()
        (row,) = rows()
        assert row["span"] == "3000册" and row["correction"]["quote"] == "图书馆建了12座书亭，共有3000册书。"
        assert page.locator("#jd-panel mark b").text_content() == "3000册"
        page.screenshot(path=tmp_path / "shots" / f"{name}-picked.png")
        page.locator("#jd-panel .jd-this.on").click()
        page.locator("#jd-panel .jd-this:not(.on)").wait_for()
        assert rows() == [] and page.locator("#jd-chat .jd-this.on").count() == 0
        page.locator(".jd-close").click()
        page.wait_for_function("!document.querySelector('.jd-side.open')")
        page.locator("a[href='#wrong-0']").focus()
        page.keyboard.press("Space")
        page.locator("a[href='#wrong-0'].on").wait_for()
        for element in (".jd-mark.on", ".jd-mark:not(.on)", ".jd-this", ".jd-kept"):
            assert contrast(page, element) >= 4.5, element
        page.reload()
        page.locator(".jd-examples a").first.wait_for()
        reply = say(page, "图书馆建了多少座书亭")
        assert reply.locator("a[href='#wrong-0'].on").count() == 1, "said before, and shown"
        say(page, "陷阱句有粗体和什么")
        page.locator("a[href='#right-1']").click()
        page.locator("a[href='#right-1'].on").wait_for()
        page.locator(".jd-facts").click()
        page.locator(".jd-marks", has_text="反馈 2 条").wait_for()
        assert "1 条不对的还没指出答案" in page.locator(".jd-marks").inner_text()
        with page.expect_download() as download:
            page.locator(".jd-marks a").click()
        (question,) = load(Path(download.value.path())).questions
        assert question.evidence == (HOSTILE.splitlines()[2],) and question.history == ("图书馆建了多少座书亭",)
        page.screenshot(path=tmp_path / "shots" / f"{name}-list.png")
        assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    finally:
        site.close(verbose=False)


def test_a_page_without_a_place_for_it_keeps_no_verdict(site: str, visit: Any) -> None:
    page = visit(site, **DESKTOP)
    page.locator(".jd-examples a").first.wait_for()
    assert say(page, "图书馆建了多少座书亭").locator(".jd-mark, .jd-this").count() == 0
    page.evaluate(
        "document.querySelector('.jd-brand').insertAdjacentHTML('beforeend', '<a id=x href=\"#right-0\">x</a>')"
    )
    page.locator("#x").click()
    page.locator("#jd-panel", has_text="只有在本机打开的页面才记录反馈").wait_for()


@pytest.mark.model
def test_the_real_engine_answers_on_the_page(visit: Any, tmp_path: Path) -> None:
    chromium()
    from rag.assistant import Assistant

    folder = Path(__file__).parent.parent / "seeds"
    settings = Settings(index_dir=str(tmp_path / "index"))
    site, url, desk = serve(lambda progress: Assistant.open(folder, settings=settings, progress=progress, sync=False))
    try:
        deadline = time.monotonic() + 240
        while not desk.idle(1) and time.monotonic() < deadline:
            pass
        page = visit(url, **DESKTOP)
        page.locator(".jd-examples a").first.wait_for(timeout=30_000)
        reply = say(page, "配建了多少个智慧学习小站？")
        assert "100余个" in reply.locator(".short").first.inner_text()
        reply.locator("a.cite").first.click()
        page.locator("#jd-panel mark").wait_for()
        assert "配建100余个智慧学习小站" in page.locator("#jd-panel mark").text_content()
        assert "原文已核对 ✓" in page.locator("#jd-panel header").inner_text()
        page.screenshot(path=tmp_path / "real.png")
    finally:
        site.close(verbose=False)


def test_a_long_list_is_searched_and_a_full_line_is_told_as_a_reply(visit: Any) -> None:
    chromium()
    texts = {f"n{n:03}.txt": f"第{n}号\n这是第{n}号文件的内容。\n" for n in range(230)} | {"a.txt": ARTICLE}
    site, url, desk = serve(lambda progress: FakeEngine(texts))
    gate = threading.Event()
    try:
        assert desk.idle(20) and desk.wait(20)
        desk.line = Line(at_once=1, most=1)
        page = visit(url, **PHONE)
        page.locator(".jd-examples a").first.wait_for()
        page.locator(".jd-facts").click()
        page.locator(".jd-library li", has_text="n100.txt").wait_for()
        assert page.locator(".jd-library > ul > li").count() == 201
        page.locator(".jd-library a[href^='#more/']").click()
        page.wait_for_function("document.querySelectorAll('.jd-library > ul > li').length === 231")
        page.locator(".jd-find").fill("N22")
        page.locator(".jd-find").press("Enter")
        page.locator(".jd-library li", has_text="找到 10 个文件").wait_for()
        page.wait_for_function("document.activeElement.matches('.jd-find') && document.activeElement.value === 'N22'")
        assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
        page.locator(".jd-find").fill("")
        page.locator(".jd-find").press("Enter")
        page.wait_for_function("document.querySelectorAll('.jd-library > ul > li').length === 201")
        page.locator(".jd-close").click()
        page.wait_for_function("!document.querySelector('.jd-side.open')")

        desk.line.join(lambda: gate.wait(30) or None)
        place = desk.line.join(lambda: None)
        box = page.locator("#jd-box textarea")
        box.fill("图书馆建了多少座书亭")
        box.press("Enter")
        busy = page.locator(".jd-busy", has_text="1 个问题在排队")
        busy.wait_for()
        page.locator("#jd-box .submit-button").wait_for()
        assert box.input_value() == "图书馆建了多少座书亭" and contrast(page, ".jd-busy") >= 4.5
        desk.line.leave(place)
        page.locator("a.retry").click()
        page.locator(".jd-stage", has_text="前面还有 1 个问题").wait_for()
        gate.set()
        page.locator(".bot-row strong.short", has_text="12座书").wait_for()
        assert busy.count() == 0
    finally:
        gate.set()
        site.close(verbose=False)
