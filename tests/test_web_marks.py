"""What is said of answers on the page, without a browser: kept only where it is true of the documents, and only here."""

from __future__ import annotations

import base64
import itertools
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.feedback import question
from eval.questions import write_questions
from rag import feedback
from rag.config import Settings
from rag.errors import QuestionError, RagError, UnknownDocumentError
from rag.types import Document, Section
from rag.web import chat, links, listing, marks, panel, render, verdicts
from rag.web.desk import Desk
from rag.web.hands import Wish
from rag.web.marks import Marked
from rag.web.material import Material
from rag.web.page import build
from rag.web.render import Turn
from rag.web.serve import launch
from tests.web import ARTICLE, Seen, ask, open_desk

QUOTE = "图书馆建了12座书亭，共有3000册书。"
MORE = "读者都说很好。"


def asked(desk: Desk, directory: Path, question: str, turns: chat.Turns = ()) -> chat.Turns:
    *before, turn = ask(desk, question, turns)
    return (*before, verdicts.markable(turn, directory))


def say(desk: Desk, directory: Path, target: str, turns: chat.Turns, picked: str = "") -> chat.Turns:
    verdicts.mark(desk, directory, target, picked, turns)
    return verdicts.seen(directory, turns)


def said(turns: chat.Turns) -> list[str]:
    return [turn.marked.mark.verdict if turn.marked and turn.marked.mark else "" for turn in turns]


def pressed(html: str) -> list[str]:
    attributes = Seen(html).attributes
    return [
        href
        for (name, value), (_, href) in itertools.pairwise(attributes)
        if name == "class" and value.split()[-1:] == ["on"]
    ]


def test_a_verdict_is_kept_changed_and_withdrawn(tmp_path: Path) -> None:
    desk = open_desk()
    turns = asked(desk, tmp_path, "那书呢", asked(desk, tmp_path, "建了多少座书亭"))
    assert pressed(render.message(turns[0], 0, "zh")) == [] and not list(tmp_path.iterdir())
    turns = say(desk, tmp_path, "right-0", turns)
    (mark,) = feedback.read(tmp_path).marks.values()
    assert (mark.question, mark.verdict, mark.short, mark.shown[0].quote) == (
        "建了多少座书亭", "right", "12座书", QUOTE,
    )  # fmt: skip
    html = render.message(turns[0], 0, "zh")
    assert pressed(html) == ["#right-0"] and "已记在本机" in Seen(html).text
    assert any(str(tmp_path) in value for name, value in Seen(html).attributes if name == "title")
    assert "Kept on this machine" in render.message(turns[0], 0, "en") and said(turns) == ["right", ""]
    turns = say(desk, tmp_path, "wrong-0", turns)
    assert said(turns) == ["wrong", ""] and "可在下面指出答案" in render.message(turns[0], 0, "zh")
    turns = say(desk, tmp_path, "this-0-1", turns)
    (mark,) = feedback.read(tmp_path).marks.values()
    assert mark.correction is not None and mark.correction.source == "a.txt"
    assert ARTICLE[mark.correction.start : mark.correction.end] == mark.correction.quote
    assert pressed(render.message(turns[0], 0, "zh")) == ["#this-0-1"]
    turns = say(desk, tmp_path, "right-1", turns)
    assert [m.history for m in feedback.read(tmp_path).marks.values()] == [(), ("建了多少座书亭",)]
    turns = say(desk, tmp_path, "right-1", say(desk, tmp_path, "this-0-1", turns))
    assert said(turns) == ["", ""] and not (tmp_path / feedback.NAME).exists()


def test_the_same_question_shows_what_was_said_of_the_same_answer_only(tmp_path: Path) -> None:
    desk = open_desk()
    say(desk, tmp_path, "right-0", asked(desk, tmp_path, "建了多少座书亭"))
    assert said(verdicts.seen(tmp_path, asked(desk, tmp_path, "建了多少座书亭"))) == ["right"]
    other = open_desk({"a.txt": ARTICLE.replace("12座", "15座")})
    turns = asked(other, tmp_path, "建了多少座书亭")
    assert said(verdicts.seen(tmp_path, turns)) == [""]
    assert said(say(other, tmp_path, "right-0", turns)) == ["right"], "said anew, not withdrawn"
    assert [m.short for m in feedback.read(tmp_path).marks.values()] == ["15座书"]


def test_what_was_said_shows_where_the_engine_reads_the_question_in_one_line(tmp_path: Path) -> None:
    desk = open_desk()
    (turn,) = asked(desk, tmp_path, "建了\n多少  座书亭")
    assert turn.answer is not None
    turns = (replace(turn, answer=replace(turn.answer, question="建了 多少 座书亭")),)
    assert said(say(desk, tmp_path, "right-0", turns)) == ["right"]
    assert said(say(desk, tmp_path, "right-0", turns)) == [""], "a second click takes it back"


def test_a_refusal_is_right_or_wrong_too(tmp_path: Path) -> None:
    desk = open_desk()
    turns = asked(desk, tmp_path, "火星书亭")
    assert "材料里确实没有答案" in render.message(turns[0], 0, "zh")
    turns = say(desk, tmp_path, "right-0", turns)
    (mark,) = feedback.read(tmp_path).marks.values()
    assert not mark.found and mark.shown == () and said(turns) == ["right"]
    near = links.open_place(desk, "near-0-0", turns, "zh")
    (target,) = [v for n, v in Seen(near).attributes if n == "href" and v.startswith("#this/")]
    turns = say(desk, tmp_path, target[1:], turns)
    assert said(turns) == ["this"] and "已记为答案" in verdicts.place_html(desk, target[1:], turns, "zh")


def test_what_is_selected_is_the_answer_within_its_sentence(tmp_path: Path) -> None:
    desk = open_desk()
    turns = asked(desk, tmp_path, "建了多少座书亭")
    doc = desk.engine.documents()[0].id

    def point(text: str, shift: int = 0) -> tuple[str, str]:
        start = ARTICLE.index(text) + shift
        say(desk, tmp_path, f"this/0/{doc}/{start}-{start + len(text)}", turns, text)
        (mark,) = feedback.read(tmp_path).marks.values()
        assert mark.correction is not None
        return mark.correction.quote, mark.span

    assert point("12座书亭") == (QUOTE, "12座书亭")
    assert point("3000册", shift=3) == (QUOTE, "3000册"), "characters that a page does not show shift its offsets"
    assert point(QUOTE) == (QUOTE, "") == point(QUOTE[:-1])
    assert point("3000册书。读者") == (QUOTE + MORE, "")
    html = verdicts.place_html(desk, f"this/0/{doc}/1-2", verdicts.seen(tmp_path, turns), "zh")
    assert Seen(html).marked == QUOTE + MORE
    kept = (tmp_path / feedback.NAME).read_bytes()
    for target, picked in (
        (f"this/0/{doc}/0-9", "从未写过"), (f"this/0/{doc}/9-3", ""), (f"this/0/{doc}/0-999999", ""), (f"this/9/{doc}/0-3", ""),
        (f"this/0/{doc}/0-90", ARTICLE[:30]), ("this-0-99", ""), ("this-9-0", ""), ("right-9", ""), ("right-", ""), ("", ""),
    ):  # fmt: skip
        with pytest.raises(QuestionError):
            say(desk, tmp_path, target, turns, picked)
    with pytest.raises(UnknownDocumentError):
        say(desk, tmp_path, "this/0/absent/0-3", turns)
    assert (tmp_path / feedback.NAME).read_bytes() == kept


def test_a_row_of_a_table_is_pointed_out_with_its_place(tmp_path: Path) -> None:
    text = "费用\n部门 | 金额\n市场 | 120\n研发 | 340"
    head, row = text.index("部门"), text.index("市场")
    sections = (
        Section((), 0, 2, "title", 1), Section((), head, row - 1, "body", 2, row=1, names=True),
        Section((), row, len(text), "body", 2, row=2, columns=("部门", "金额")),
    )  # fmt: skip
    document = Document("d", "费用", "费用.xlsx", text, sections, {}, "xlsx", 2)
    start = text.index("340")
    place = verdicts._place(document, start, start + 3, "340")
    pointed = verdicts._quoted(place)
    assert (pointed.quote, place.short, pointed.page, pointed.row) == ("研发 | 340", "340", 2, 3)
    html = panel.source_html(place, "zh", (Marked(tmp_path / "x"), 0))
    assert f'<td data-at="{start}">' in html and f"#this/0/d/{place.start}-{place.end}" in html


def test_nothing_is_kept_of_a_file_that_went_while_its_answer_was_on_the_page(tmp_path: Path) -> None:
    turns = asked(open_desk(), tmp_path, "建了多少座书亭")
    gone, changed = open_desk({"b.txt": "别的\n别的话。\n"}), open_desk({"a.txt": "河边的图书馆\n全都改了。\n"})
    for desk in (gone, changed):
        for target in ("right-0", "wrong-0", "this-0-0"):
            with pytest.raises(UnknownDocumentError, match="ask again"):
                say(desk, tmp_path, target, turns)
    assert not (tmp_path / feedback.NAME).exists()
    moved = open_desk({"a.txt": "新的第一行\n" + ARTICLE})
    say(moved, tmp_path, "right-0", turns)
    (mark,) = feedback.read(tmp_path).marks.values()
    assert moved.engine.document("a.txt").text[mark.shown[0].start : mark.shown[0].end] == QUOTE == mark.shown[0].quote


def test_what_went_with_its_file_is_not_shown_as_kept_any_longer(tmp_path: Path) -> None:
    desk = open_desk()
    functions = {block.fn.__name__: block.fn for block in build(desk, kept=tmp_path).fns.values() if block.fn}
    local = SimpleNamespace(headers={"host": "127.0.0.1"})
    turns = asked(desk, tmp_path, "建了多少座书亭")
    now = (desk.revision, desk.examples("zh"))

    def redrawn() -> str:
        changed = ((now[0] - 1, now[1]), True)  # the folder was read again, its examples are the same
        chat = functions["tick"]("zh", turns, changed, None, Wish(), local)[2]
        return str(chat[-1]["content"])

    say(desk, tmp_path, "right-0", turns)
    assert pressed(redrawn()) == ["#right-0"]
    (tmp_path / feedback.NAME).unlink()
    assert pressed(redrawn()) == []
    functions["marked"](SimpleNamespace(_data={"target": "right-0"}), turns, "zh", local)
    gone = open_desk({"b.txt": "别的\n别的话。\n"})
    functions = {block.fn.__name__: block.fn for block in build(gone, kept=tmp_path).fns.values() if block.fn}
    (tmp_path / feedback.NAME).unlink()
    chat, note, *_ = functions["marked"](SimpleNamespace(_data={"target": "wrong-0"}), turns, "zh", local)
    assert pressed(chat[-1]["content"]) == [] and "重新提问" in note


def test_only_a_page_of_this_machine_offers_it_and_no_greeting_is_judged(tmp_path: Path) -> None:
    desk = open_desk()
    (turn,) = ask(desk, "建了多少座书亭")
    assert "jd-mark" not in render.message(turn, 0, "zh") and "jd-this" not in links.open_place(
        desk, "cite-0-1", (turn,), "zh"
    )
    with pytest.raises(QuestionError):
        say(desk, tmp_path, "right-0", (turn,))
    assert verdicts.seen(None, (turn,)) == (turn,) and verdicts.summary(desk, None, "zh") == ""
    assert turn.answer is not None
    greeting = replace(turn, answer=replace(turn.answer, reason="greeting"))
    assert verdicts.markable(greeting, tmp_path).marked is None
    assert verdicts.markable(Turn("x", trouble=("a", "b")), tmp_path).marked is None


def test_the_list_of_documents_counts_them_and_hands_them_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = open_desk()
    assert verdicts.summary(desk, tmp_path, "zh") == ""
    turns = asked(desk, tmp_path, "火星书亭", asked(desk, tmp_path, "建了多少座书亭"))
    say(desk, tmp_path, "wrong-1", say(desk, tmp_path, "right-0", turns))
    html = listing.library_html(Material(), "zh", marks=verdicts.summary(desk, tmp_path, "zh"))
    assert "反馈 2 条" in html and "1 条不对的还没指出答案" in html
    (href,) = [v for n, v in Seen(html).attributes if n == "href" and v.startswith("data:")]
    handed = base64.b64decode(href.partition(",")[2])
    (row,) = map(json.loads, handed.splitlines())
    assert row["evidence"] == [QUOTE] and row["answers"] == ["12座书"]
    write_questions(tmp_path / "set.jsonl", [question(row)])
    assert handed == (tmp_path / "set.jsonl").read_bytes(), "the same file as the command writes"
    with monkeypatch.context() as patch:
        read: list[str] = []
        document = desk.engine.document
        patch.setattr(desk.engine, "document", lambda name: read.append(name) or document(name))
        say(desk, tmp_path, "right-0", asked(desk, tmp_path, "共有多少册书"))
        read.clear()
        assert "反馈 3 条" in verdicts.summary(desk, tmp_path, "zh")
        assert len(read) == len(set(read)), "a document is read once, however many marks quote it"
    feedback.withdraw(tmp_path, feedback.mark_id("共有多少册书", ()))
    assert "2 answers marked" in verdicts.summary(desk, tmp_path, "en")
    monkeypatch.setattr(marks, "MOST_INLINE", 10)
    assert "python -m eval feedback" in verdicts.summary(desk, tmp_path, "zh")
    assert "1 条所引的原文已改动" in verdicts.summary(open_desk({"a.txt": "全改了\n好。\n"}), tmp_path, "zh")
    (tmp_path / feedback.NAME).write_text("<img src=x onerror=alert(1)>\n", encoding="utf-8")
    told = Seen(verdicts.summary(desk, tmp_path, "zh"))
    assert "第 1 行" in told.text and "img" not in told.tags


def test_a_file_of_marks_that_cannot_be_read_spoils_no_answer(tmp_path: Path) -> None:
    desk = open_desk()
    turns = asked(desk, tmp_path, "建了多少座书亭")
    (tmp_path / feedback.NAME).mkdir()
    assert verdicts.seen(tmp_path, turns) == turns and "无法读取" in Seen(verdicts.summary(desk, tmp_path, "zh")).text
    with pytest.raises(RagError, match="cannot be read"):
        say(desk, tmp_path, "right-0", turns)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=20))
def test_no_link_from_outside_breaks_it(fragment: str, picked: str) -> None:
    desk = open_desk()
    with tempfile.TemporaryDirectory() as place:
        turns = asked(desk, Path(place), "建了多少座书亭")
        for target in (
            fragment,
            f"this/0/{fragment}",
            f"this-{fragment}",
            f"this/0/{fragment}/0-3",
            f"right-{fragment}",
        ):
            try:
                verdicts.mark(desk, Path(place), target, picked, turns)
            except RagError:
                continue
            assert verdicts.seen(Path(place), turns)[0].marked is not None


@pytest.mark.parametrize(("host", "offered"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_a_page_that_others_can_reach_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, offered: bool
) -> None:
    built: list[object] = []

    class Stop(Exception):
        pass

    def build(desk: Desk, max_mb: int, kept: Path | None) -> None:
        built.append(kept)
        raise Stop

    monkeypatch.setattr("rag.web.page.build", build)
    desk = Desk(lambda progress: open_desk().engine, tmp_path)
    with pytest.raises(Stop):
        launch(desk, Settings(host=host, port=0, index_dir=str(tmp_path / "index")))
    assert built == [tmp_path / "index" if offered else None]
