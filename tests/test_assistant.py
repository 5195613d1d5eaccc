"""The whole flow over a small embedder: folder in step, answers that prove themselves, and what goes wrong."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.asking import flowing, steadily
from rag.assistant import LONGEST_QUESTION, Assistant
from rag.config import Settings
from rag.errors import (
    BusyError,
    FolderError,
    IndexBrokenError,
    IndexMismatchError,
    QuestionError,
    StoreAwayError,
    UnknownDocumentError,
)
from rag.index import directory_of, writing
from rag.protocols import Embedder
from rag.types import Answer, Progress, SyncReport
from tests.fakes_embed import HashEmbedder
from tests.test_reader_margin import PAGE


@pytest.fixture
def kb(folder: Path, hash_embedder: HashEmbedder) -> Iterator[Assistant]:
    with Assistant.open(folder, Settings(), embedder=hash_embedder) as assistant:
        yield assistant


def states(report: SyncReport) -> dict[str, str]:
    return {outcome.source: outcome.state for outcome in report.outcomes}


def proves_itself(kb: Assistant, answer: Answer) -> bool:
    cited = (*answer.citations, *answer.nearest)
    return all(kb.document(c.doc_id).text[c.start : c.end] == c.quote for c in cited)


# -- asking ---------------------------------------------------------------------------------------------------------


def test_a_question_is_answered_by_a_quote_with_its_place(kb: Assistant) -> None:
    answer = kb.ask("馆内有多少座书亭？")
    assert answer.found and "12座" in answer.short
    (citation, *_) = answer.citations
    assert (citation.number, citation.source, citation.title) == (1, "library.md", "河边图书馆")
    assert citation.path == ("建设",) and "12座书亭" in citation.quote
    assert proves_itself(kb, answer)
    assert set(answer.timings) >= {"understand", "retrieve", "read", "compose", "total"}


def test_an_english_question_is_answered_in_english(kb: Assistant) -> None:
    answer = kb.ask("When was the Old Bridge built?")
    assert answer.lang == "en" and "1871" in answer.text and answer.citations[0].source == "bridge.txt"


@pytest.mark.parametrize("question", ["馆长的工资是多少？", "火星的卫星叫什么？", "How much does the ferry cost?"])
def test_what_the_material_does_not_say_is_refused(kb: Assistant, question: str) -> None:
    answer = kb.ask(question)
    assert not answer.found and answer.short == "" and answer.reason != "answered"
    assert proves_itself(kb, answer)


def test_a_follow_up_carries_its_subject_over(kb: Assistant) -> None:
    answer = kb.ask("那它是谁设计的？", history=["河边图书馆有多少座书亭？"])
    assert "河边图书馆" in answer.understood and "陈一平" in answer.text


@pytest.fixture
def pages(folder: Path, hash_embedder: HashEmbedder) -> Iterator[Assistant]:
    """The two articles and a web page with a byline, counters, a notice and a hot list."""
    (folder / "three-bridges.txt").write_text(PAGE, encoding="utf-8")
    with Assistant.open(folder, Settings(), embedder=hash_embedder) as assistant:
        yield assistant


@pytest.mark.parametrize(
    ("question", "short"),
    [
        ("河湾镇的三座桥是谁写的？", "周砚"),
        ("《河湾镇的三座桥》哪天发布的？", "2024-05-06"),
        ("河湾镇那篇文章的浏览量是多少？", "733"),
        ("小禾这个账号一共发表了多少篇？", "31"),
        ("河湾镇上周热门里夏季渔市改到周四有多少热度？", "498"),
    ],
)
def test_a_document_is_meant_by_its_title_or_account(pages: Assistant, question: str, short: str) -> None:
    answer = pages.ask(question)
    assert answer.short == short and answer.citations[0].source == "three-bridges.txt" and proves_itself(pages, answer)


@pytest.mark.parametrize(
    ("question", "history"),
    [
        ("本文的责任编辑是谁？", ()),
        ("在他前面是谁干这个活", ("周砚是做什么的？",)),
        ("站长邮箱多少，我要申请转载", ()),
        ("《老桥旧事》的作者是谁？", ()),
    ],
)
def test_what_a_page_does_not_state_is_refused(pages: Assistant, question: str, history: tuple[str, ...]) -> None:
    answer = pages.ask(question, history=history)
    assert not answer.found and proves_itself(pages, answer)


def test_a_folder_of_several_documents_is_told_by_its_titles(pages: Assistant) -> None:
    assert len(pages.ask("这份材料讲了什么？").citations) == 3
    assert {c.source for c in pages.ask("河边图书馆那篇文章分哪几个部分？").citations} == {"library.md"}


def test_he_is_the_author_after_a_question_for_the_author(pages: Assistant) -> None:
    assert pages.ask("他是干什么的？", history=["这篇文章是谁写的？"]).short == "河湾镇副镇长"


@pytest.mark.parametrize("question", ["", "  \n", "长" * (LONGEST_QUESTION + 1)])
def test_an_empty_or_endless_question_is_an_error(kb: Assistant, question: str) -> None:
    with pytest.raises(QuestionError) as raised:
        kb.ask(question)
    assert "问题" in raised.value.zh
    with pytest.raises(QuestionError):
        kb.retrieve(question)


def test_values_of_another_kind_are_named(kb: Assistant) -> None:
    with pytest.raises(QuestionError, match="list of earlier questions"):
        kb.ask("渡口在哪", history="渡口是什么")
    with pytest.raises(QuestionError, match="retrieve_many"):
        kb.retrieve(["渡口", "桥"])  # type: ignore[arg-type]
    with pytest.raises(QuestionError, match="whole number, not '3'"):
        kb.retrieve("渡口", k="3")  # type: ignore[arg-type]
    assert kb.retrieve("渡口", k=0) == ()


def test_the_longest_question_and_odd_ones_are_taken(kb: Assistant) -> None:
    for question in ["书" * LONGEST_QUESTION, "？！", "\ud800", "a\0b", "'; DROP TABLE documents; --", '"(' * 50, "🌉"]:
        assert proves_itself(kb, kb.ask(question))
        kb.retrieve(question)


def test_the_same_question_gets_the_same_answer(folder: Path, kb: Assistant, tmp_path: Path) -> None:
    with Assistant.open(folder, Settings(), index_dir=tmp_path / "second", embedder=HashEmbedder()) as other:
        for question in ("馆内有多少座书亭？", "故事会", "How long is the bridge?"):
            first, second = kb.ask(question), other.ask(question)
            assert (first.text, first.citations, first.confidence) == (second.text, second.citations, second.confidence)


def test_retrieve_gives_at_most_k_and_honours_the_filter(kb: Assistant) -> None:
    assert len(kb.retrieve("书亭", k=1)) == 1
    bridge = next(info.id for info in kb.documents() if info.source == "bridge.txt")
    assert {hit.passage.doc_id for hit in kb.retrieve("书亭 bridge", k=9, doc_ids=[bridge])} == {bridge}
    assert not kb.ask("馆内有多少座书亭？", doc_ids=[bridge]).found


def test_documents_are_found_by_id_and_by_source(kb: Assistant) -> None:
    info = kb.documents()[0]
    assert kb.document(info.id) == kb.document(info.source)
    with pytest.raises(UnknownDocumentError, match=r"library\.md"):
        kb.document("libary.md")


def test_examples_are_questions_that_it_answers(kb: Assistant) -> None:
    examples = kb.examples(4)
    assert examples and all(kb.ask(question).found for question in examples)


# -- proving --------------------------------------------------------------------------------------------------------


def test_verify_notices_a_quote_that_moved_changed_or_went(kb: Assistant, folder: Path) -> None:
    answer = kb.ask("馆内有多少座书亭？")
    assert [check.ok for check in kb.verify(answer)] == [True] * len(answer.citations)
    path = folder / "library.md"
    text = path.read_text(encoding="utf-8")
    path.write_text("前言。\n\n" + text, encoding="utf-8")
    assert {check.reason for check in kb.verify(answer)} == {"moved"}
    path.write_text(text.replace("12座", "13座"), encoding="utf-8")
    assert {check.reason for check in kb.verify(answer)} == {"changed"}
    path.unlink()
    assert not any(check.ok for check in kb.verify(answer))


def test_verify_without_an_answer_reads_every_document_again(kb: Assistant, folder: Path) -> None:
    assert [check.ok for check in kb.verify()] == [True, True]
    (folder / "bridge.txt").write_text("Another text.", encoding="utf-8")
    assert {check.source: check.ok for check in kb.verify()} == {"bridge.txt": False, "library.md": True}


# -- the folder is the truth ----------------------------------------------------------------------------------------


def test_new_changed_renamed_and_deleted_files(kb: Assistant, folder: Path) -> None:
    assert states(kb.sync()) == {"bridge.txt": "unchanged", "library.md": "unchanged"}
    (folder / "new.txt").write_text("码头\n\n码头的灯塔高31米。\n", encoding="utf-8")
    (folder / "library.md").write_text("# 河边图书馆\n\n馆内有15座书亭。\n", encoding="utf-8")
    (folder / "bridge.txt").rename(folder / "renamed.txt")
    assert states(kb.sync()) == {
        "library.md": "changed", "new.txt": "indexed", "renamed.txt": "renamed",
    }  # fmt: skip
    assert "31米" in kb.ask("灯塔有多高？").text
    assert "15座" in kb.ask("馆内有多少座书亭？").text and "12座" not in kb.ask("馆内有多少座书亭？").text
    assert kb.ask("When was the Old Bridge built?").citations[0].source == "renamed.txt"
    (folder / "renamed.txt").unlink()
    assert states(kb.sync())["renamed.txt"] == "removed"
    assert not kb.ask("When was the Old Bridge built?").found
    assert all(hit.passage.title != "The Old Bridge" for hit in kb.retrieve("Old Bridge 1871", k=20))


def test_a_question_about_the_mail_is_answered_by_the_mail(kb: Assistant, folder: Path) -> None:
    (folder / "a.md").write_text(
        "---\nauthor: 财务组\n---\n# 邮件往来的规定\n\n邮件要在两天内答复，谁发的谁归档。\n", encoding="utf-8"
    )
    (folder / "b.eml").write_text(
        "From: 江望舒 <j@example.org>\nTo: 贺南枝 <h@example.org>\nSubject: 音响和雨天预案\n\n音响定下来了，租两只音箱。\n",
        encoding="utf-8",
    )
    kb.sync()
    assert kb.ask("那封邮件是谁发的？").short == "江望舒"


def test_one_document_in_two_files_goes_when_both_are_gone(kb: Assistant, folder: Path) -> None:
    (folder / "copy.txt").write_bytes((folder / "bridge.txt").read_bytes())
    kb.sync()
    assert len(kb.documents()) == 2
    (folder / "bridge.txt").unlink()
    kb.sync()
    answer = kb.ask("When was the Old Bridge built?")
    assert answer.citations[0].source == "copy.txt" and all(check.ok for check in kb.verify(answer))


def test_a_file_that_cannot_be_read_is_reported_and_the_rest_answers(folder: Path, hash_embedder: HashEmbedder) -> None:
    (folder / "not-text.txt").write_bytes(b"%PDF-1.7\n\x00\x01\x02\xff" * 20)
    with Assistant.open(folder, Settings(), embedder=hash_embedder, sync=False) as kb:
        report = kb.sync()
        assert [outcome.source for outcome in report.failed] == ["not-text.txt"]
        assert "not-text.txt" in report.failed[0].reason
        assert kb.ask("馆内有多少座书亭？").found


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_reported(folder: Path, hash_embedder: HashEmbedder) -> None:
    (folder / "bridge.txt").chmod(0)
    with Assistant.open(folder, Settings(), embedder=hash_embedder, sync=False) as kb:
        assert [outcome.source for outcome in kb.sync().failed] == ["bridge.txt"]


def test_a_folder_with_nothing_to_read_is_an_error(tmp_path: Path, hash_embedder: HashEmbedder) -> None:
    (tmp_path / "empty").mkdir()
    for place in ("empty", "absent"):
        with pytest.raises(FolderError) as raised:
            Assistant.open(tmp_path / place, Settings(), embedder=hash_embedder)
        assert place in str(raised.value) and place in raised.value.zh
    (tmp_path / "file.txt").write_text("x", encoding="utf-8")
    with pytest.raises(FolderError, match="not a folder"):
        Assistant.open(tmp_path / "file.txt", Settings(), embedder=hash_embedder)


def test_progress_is_true_and_ends_where_it_says(folder: Path, hash_embedder: HashEmbedder) -> None:
    told: list[Progress] = []
    Assistant.open(folder, Settings(), told.append, embedder=hash_embedder).close()
    for stage in ("files", "passages"):
        done = [p.done for p in told if p.stage == stage]
        assert done == sorted(done) and done[-1] == next(p.total for p in told if p.stage == stage)


# -- the index ------------------------------------------------------------------------------------------------------


def test_a_second_opening_encodes_nothing(folder: Path) -> None:
    Assistant.open(folder, Settings(), embedder=HashEmbedder()).close()
    second = HashEmbedder()
    with Assistant.open(folder, Settings(), embedder=second) as kb:
        assert len(kb.documents()) == 2 and second.encoded == []


def test_another_model_is_refused_by_name_and_a_fresh_start_mends_it(folder: Path) -> None:
    Assistant.open(folder, Settings(), embedder=HashEmbedder("first")).close()
    with pytest.raises(IndexMismatchError) as raised:
        Assistant.open(folder, Settings(), embedder=HashEmbedder("second"))
    assert "first" in str(raised.value) and "second" in str(raised.value)
    assert "python -m rag rebuild" in str(raised.value) and "python -m rag rebuild" in raised.value.zh
    with Assistant.open(folder, Settings(), embedder=HashEmbedder("first")) as kb:
        assert kb.ask("馆内有多少座书亭？").found, "the refused opening lost nothing"
    with Assistant.open(folder, Settings(), embedder=HashEmbedder("second"), fresh=True) as kb:
        assert kb.ask("馆内有多少座书亭？").found


def test_rebuild_gives_the_same_answers(kb: Assistant, hash_embedder: HashEmbedder) -> None:
    before = kb.ask("馆内有多少座书亭？")
    encoded = len(hash_embedder.encoded)
    assert set(states(kb.rebuild()).values()) == {"indexed"}
    assert len(hash_embedder.encoded) > encoded
    assert kb.ask("馆内有多少座书亭？").citations == before.citations


@pytest.mark.parametrize("part", ["vectors", "lexical"])
def test_a_lost_or_damaged_ranker_is_filled_again(folder: Path, part: str) -> None:
    Assistant.open(folder, Settings(), embedder=HashEmbedder()).close()
    place = directory_of(folder.resolve(), Settings()) / part
    for path in [p for p in place.rglob("*") if p.is_file() and not p.name.endswith(".lock")]:
        path.write_bytes(b"garbage")
    with Assistant.open(folder, Settings(), embedder=HashEmbedder()) as kb:
        hit = kb.retrieve("书亭", k=1)[0]
        assert set(hit.ranks) == {"dense", "lexical"} and kb.ask("馆内有多少座书亭？").found


def test_a_damaged_library_is_read_again_from_the_folder(folder: Path) -> None:
    Assistant.open(folder, Settings(), embedder=HashEmbedder()).close()
    library = directory_of(folder.resolve(), Settings()) / "library.sqlite"
    library.write_bytes(b"garbage" * 1000)
    with Assistant.open(folder, Settings(), embedder=HashEmbedder(), sync=False) as kb:
        (mended,) = kb.sync().mended
        assert "made anew from the folder" in mended.en and "重建" in mended.zh
        assert kb.ask("馆内有多少座书亭？").found and kb.sync().mended == ()


def test_another_program_s_file_of_that_name_is_never_deleted(folder: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "library.sqlite"
    with contextlib.closing(sqlite3.connect(stranger)) as db, db:
        db.execute("CREATE TABLE mine (x)")
    before = stranger.read_bytes()
    for fresh in (False, True):
        with pytest.raises(IndexBrokenError, match="index_dir"):
            Assistant.open(folder, Settings(), embedder=HashEmbedder(), index_dir=tmp_path, fresh=fresh)
    assert stranger.read_bytes() == before


def test_an_interrupted_sync_goes_on_where_it_was(folder: Path) -> None:
    class Interrupted(HashEmbedder):
        def encode(self, texts, kind="passage"):  # type: ignore[no-untyped-def]
            if kind == "passage":
                raise KeyboardInterrupt
            return super().encode(texts, kind)

    with pytest.raises(KeyboardInterrupt):
        Assistant.open(folder, Settings(), embedder=Interrupted())
    with Assistant.open(folder, Settings(), embedder=HashEmbedder()) as kb:
        assert kb.ask("馆内有多少座书亭？").found


def test_a_second_writer_is_told_who_writes(kb: Assistant, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.index.place._LOCK_SECONDS", 0.05)
    with writing(directory_of(folder.resolve(), Settings())), pytest.raises(BusyError, match=str(os.getpid())):
        kb.sync()


def test_texts_instead_of_files(hash_embedder: HashEmbedder) -> None:
    rows = [("a", "灯塔", "灯塔高31米。"), ("b", "", "")]
    with Assistant.from_texts(rows, Settings(), embedder=hash_embedder) as kb:
        answer = kb.ask("灯塔有多高？")
        assert answer.found and answer.citations[0].source == "a" and all(c.ok for c in kb.verify(answer))


def test_what_another_process_indexed_is_found_and_not_lost(kb: Assistant, folder: Path) -> None:
    (folder / "lake.txt").write_text("高山湖\n\n高山湖最深处有88米，湖边住着一位守林人。\n", encoding="utf-8")
    with Assistant.open(folder, Settings(), embedder=HashEmbedder()) as other:
        assert other.ask("高山湖最深处有多少米？").found
    kb.sync()
    assert set(kb.retrieve("高山湖最深处", k=1)[0].ranks) == {"dense", "lexical"}
    (folder / "park.txt").write_text("城南公园\n\n城南公园有六座亭子，去年修好。\n", encoding="utf-8")
    kb.sync()
    later = HashEmbedder()
    with Assistant.open(folder, Settings(), embedder=later) as other:
        assert later.encoded == [] and set(other.retrieve("高山湖最深处", k=1)[0].ranks) == {"dense", "lexical"}


def test_texts_that_are_no_longer_given_are_forgotten(tmp_path: Path, hash_embedder: HashEmbedder) -> None:
    rows = [("a", "灯塔", "灯塔高31米。"), ("b", "水塔", "水塔高20米。")]
    Assistant.from_texts(rows, Settings(), embedder=hash_embedder, index_dir=tmp_path).close()
    with Assistant.from_texts(rows[:1], Settings(), embedder=hash_embedder, index_dir=tmp_path) as kb:
        assert [info.source for info in kb.documents()] == ["a"]
        assert {hit.passage.title for hit in kb.retrieve("水塔", k=5)} == {"灯塔"}


# -- many at once -----------------------------------------------------------------------------------------------------

MANY = [
    "馆内有多少座书亭？",
    "When was the Old Bridge built?",
    "火星的卫星叫什么？",
    "你好",
    "这份材料讲了什么？",
    "馆内有多少座书亭？",
]


def shown(answer: Answer) -> tuple[object, ...]:
    return answer.text, answer.citations, answer.confidence, answer.hits


def test_many_queries_give_what_each_gives_alone(kb: Assistant) -> None:
    assert kb.retrieve_many(MANY, 3) == [kb.retrieve(question, 3) for question in MANY]
    assert kb.retrieve_many([]) == [] and kb.ask_many([]) == []
    only = {"documents": "bridge.txt", "rankers": "dense"}
    assert kb.retrieve_many(MANY, 3, **only) == [kb.retrieve(question, 3, **only) for question in MANY]


def test_many_questions_give_what_each_gives_alone(kb: Assistant) -> None:
    assert [shown(a) for a in kb.ask_many(MANY)] == [shown(kb.ask(question)) for question in MANY]
    asked, histories = ["那它是谁设计的？", "那它是谁设计的？"], [["河边图书馆有多少座书亭？"], []]
    together = kb.ask_many(asked, histories)
    assert [shown(a) for a in together] == [shown(kb.ask(*pair)) for pair in zip(asked, histories, strict=True)]
    assert "陈一平" in together[0].text


def test_a_question_about_what_is_said_fetches_no_document(kb: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "馆内有多少座书亭？"
    before, told = kb.ask(asked), kb.explain(asked)
    fetched: list[str] = []
    real = kb.document
    monkeypatch.setattr(kb, "document", lambda name: fetched.append(name) or real(name))
    assert shown(kb.ask(asked)) == shown(before) and kb.explain(asked) == told and not fetched
    assert kb.ask("这份材料讲了什么？").found and fetched


def test_a_quote_that_is_not_as_it_was_stored_is_never_shown(kb: Assistant) -> None:
    asked = "馆内有多少座书亭？"
    assert kb.ask(asked).found
    path = kb._index.library.path
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        blocks = db.execute("SELECT rowid, body FROM texts").fetchall()
        spoilt = [(body.replace("12座".encode(), "13座".encode()), row) for row, body in blocks]
        db.executemany("UPDATE texts SET body = ? WHERE rowid = ?", spoilt)
    with pytest.raises(IndexBrokenError):
        kb.ask(asked)


def test_a_large_folder_is_not_gone_through_for_a_title(kb: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.assistant._LARGE", 1)
    asked: list[object] = []
    library = kb._index.library
    real = library.documents
    monkeypatch.setattr(library, "documents", lambda ids=None: asked.append(ids) or real(ids))
    assert len(kb.ask("这些材料讲了什么？").citations) == 2
    assert "The Old Bridge" in kb.ask("What is The Old Bridge about?").text
    assert asked and None not in asked


def test_where_a_ranker_is_away_the_answer_says_so_once(kb: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = kb.ask("馆内有多少座书亭？")

    def away(*_: object) -> list[tuple[int, float]]:
        raise StoreAwayError("no answer from http://localhost:1", "http://localhost:1 没有应答")

    monkeypatch.setattr(kb._index.dense, "search", away)
    answer = kb.ask("馆内有多少座书亭？")
    assert answer.hits.away == ("dense",) and answer.short == whole.short and answer.citations == whole.citations
    assert answer.text == f"{whole.text}\n\n（向量库暂时连不上，这里只按词面检索）"
    assert kb.ask("Who designed the ferry?").text.count("does not answer just now") == 1
    assert "away" not in whole.text and kb.retrieve("书亭").away == ("dense",) and kb.ask("你好").text.count("（") == 0


def test_many_are_begun_before_the_first_is_finished_and_come_in_order() -> None:
    told: list[str] = []

    def begin(n: int) -> Callable[[], int]:
        told.append(f"begin {n}")
        return lambda: told.append(f"finish {n}") or n

    assert list(flowing(map(begin, range(4)), ahead=2)) == [0, 1, 2, 3]
    assert told == [
        "begin 0", "begin 1", "begin 2", "finish 0", "begin 3", "finish 1", "finish 2", "finish 3",
    ]  # fmt: skip


def test_what_a_sync_replaced_meanwhile_is_asked_again() -> None:
    tries: list[str] = []

    def work(scope: str) -> Callable[[], str]:
        tries.append(scope)
        if scope == "gone at once":
            raise UnknownDocumentError("gone", "没有了")

        def finish() -> str:
            if scope == "old":
                raise UnknownDocumentError("gone", "没有了")
            return scope

        return finish

    assert steadily(work, lambda: "new", "old")() == "new" == steadily(work, lambda: "new", "gone at once")()
    assert tries == ["old", "new", "gone at once", "new"]


def test_a_list_that_cannot_be_asked_is_refused_before_anything_is(kb: Assistant) -> None:
    with pytest.raises(QuestionError, match="question 2: the question is empty") as raised:
        kb.ask_many(["馆内有多少座书亭？", " "])
    assert raised.value.zh.startswith("第 2 个问题：")
    with pytest.raises(QuestionError, match="one text where a list"):
        kb.retrieve_many("书亭")
    for histories in ([[]], ["书亭", "书亭"]):
        with pytest.raises(QuestionError, match=r"2 questions, \d histories"):
            kb.ask_many(["书亭", "书亭"], histories)


def test_passages_of_a_document_in_order(kb: Assistant) -> None:
    passages = kb.passages("library.md")
    document = kb.document("library.md")
    assert [p.text for p in passages] == [document.text[p.start : p.end] for p in passages]
    assert list(passages) == sorted(passages, key=lambda p: p.start) and passages == kb.passages(document.id)
    with pytest.raises(UnknownDocumentError, match=r"library\.md"):
        kb.passages("libary.md")


def test_a_hit_knows_its_document(kb: Assistant) -> None:
    hit = kb.retrieve("书亭", 1)[0]
    assert (hit.source, hit.characters) == ("library.md", len(kb.document("library.md").text))
    assert hit.query == "书亭" and hit.explain().held == ("书亭",) and kb.ask("馆内有多少座书亭？").hits[0].source


@pytest.mark.model
def test_many_are_as_one_by_one_with_the_real_model(folder: Path, embedder: Embedder) -> None:
    """The vectors of a batch may differ in their last bits: ranks are compared, and what is answered."""
    with Assistant.open(folder, Settings(), embedder=embedder) as kb:
        alone = [[h.passage.id for h in kb.retrieve(question)] for question in MANY]
        asked = [kb.ask(question) for question in MANY]
    with Assistant.open(folder, Settings(), embedder=embedder) as kb:
        embedder.encode([f"另一个问题{n}" for n in range(600)], "query")  # nothing of before is remembered
        assert [[h.passage.id for h in hits] for hits in kb.retrieve_many(MANY)] == alone
        assert [(a.text, a.citations) for a in kb.ask_many(MANY)] == [(a.text, a.citations) for a in asked]
