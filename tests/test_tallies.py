"""What the library notes with every change is what a search through everything would find."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import IndexBrokenError
from rag.index.step import bring_in_step, keep_step, own_queries
from rag.lexical import LexicalRanker
from rag.library import Library, Source
from rag.library.connections import _IDLE
from rag.types import Document, Passage, passage_id
from tests.fakes_embed import HashEmbedder


def document(doc_id: str, text: str, source: str = "", title: str = "题") -> tuple[Document, list[Passage]]:
    spans = [(at, min(at + 4, len(text))) for at in range(0, len(text), 4)]
    passages = [Passage(passage_id(doc_id, a, b), doc_id, text[a:b], a, b, title) for a, b in spans]
    return Document(doc_id, title, source, text), passages


def keep(library: Library, passages: Collection[Passage]) -> None:
    rows = np.ones((len(passages), 4), dtype=np.float32)
    library.keep_vectors([p.digest for p in passages], rows)


TEXTS = ("甲乙丙丁", "甲乙丙丁戊己庚辛", "戊己庚辛", "")  # of which passages are shared
STEP = st.one_of(
    st.tuples(st.just("add"), st.sampled_from("abc"), st.sampled_from(TEXTS), st.sampled_from(["x", "y", ""])),
    st.tuples(st.just("keep"), st.sampled_from("abc"), st.sampled_from(TEXTS), st.just("")),
    st.tuples(st.just("name"), st.sampled_from("abc"), st.just(""), st.sampled_from("xyz")),
    st.tuples(st.just("unname"), st.just(""), st.just(""), st.sampled_from("xyz")),
    st.tuples(st.just("retitle"), st.sampled_from("abc"), st.sampled_from(["题", "另题"]), st.just("x")),
    st.tuples(st.just("remove"), st.sampled_from("abc"), st.just(""), st.just("")),
    st.tuples(st.just("forget"), st.just(""), st.just(""), st.just("")),
    st.tuples(st.just("clear"), st.just(""), st.just(""), st.just("")),
)


def take(library: Library, what: str, doc: str, text: str, name: str) -> None:
    there = {info.id for info in library.documents()}
    match what:
        case "add":
            made, passages = document(doc, text, name)
            library.add(made, passages, [Source(name, doc)] if name else ())
        case "keep":  # of a document that may be gone or another by now
            keep(library, document(doc, text)[1])
        case "name" if doc in there:
            library.set_source(Source(name, doc))
        case "unname":
            library.remove_source(name)
        case "retitle" if doc in there:
            library.set_source(Source(name, doc), None, [replace(p, title=text) for p in library.passages_of(doc)])
        case "remove":
            library.remove([doc])
        case "forget":
            library.mark_forgotten(library.removed())
        case "clear":
            library.clear()


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, max_size=14))
def test_every_tally_is_what_is_there(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str, str]]
) -> None:
    with Library(tmp_path_factory.mktemp("library") / "library.sqlite") as library:
        library._file.writer.execute("PRAGMA secure_delete = OFF")  # sooner
        for step in steps:
            take(library, *step)
        assert library.check() == []
        assert library.count == len(library.ids()) and library.document_count == len(library.documents())
        held = {source.doc_id for source in library.sources().values()}
        assert library.orphans() == sorted(info.id for info in library.documents() if info.id not in held)
        assert library.stray_vectors() == library.unowned_vectors()
        assert library.waiting == len(library.waiting_ids()) == library.count, "nothing was ever marked"
        library.mark_forgotten(library.removed())
        assert library.stray_vectors() == library.unowned_vectors() == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE counts SET n = n + 1 WHERE of = 'passages'", "counts 3 passages and holds 2"),
        ("DELETE FROM counts", "how many documents"),
        ("INSERT INTO orphaned VALUES ('d')", "taken for one that none does"),
        ("DELETE FROM sources", "is not known as such"),
        ("UPDATE documents SET passages = 7", "as many passages"),
    ],
)
def test_a_tally_that_is_not_so_is_a_damage(tmp_path: Path, change: str, told: str) -> None:
    with Library(tmp_path / "library.sqlite") as library:
        library.add(*document("d", "甲乙丙丁戊己庚辛", "d.txt"))
        assert library.check() == []
        with closing(sqlite3.connect(library.path, isolation_level=None)) as other:
            other.execute(change)
        assert any(told in line for line in library.check()), library.check()


def test_readers_that_were_many_at_once_leave_few_connections(tmp_path: Path) -> None:
    with Library(tmp_path / "library.sqlite") as library:
        together = [library._read() for _ in range(3 * _IDLE)]
        for one in together:
            one.__enter__()
        for one in together:
            one.__exit__(None, None, None)
        assert len(library._file._idle) == _IDLE and library.count == 0


# -- library and rankers in step --------------------------------------------------------------------------------------


class Store:
    """Holds ids and nothing else, and counts how often it is asked for all of them."""

    def __init__(self, ids: Collection[int], stamp: str) -> None:
        self.held, self.stamp, self.asked = ids, stamp, 0

    def ids(self) -> np.ndarray:
        self.asked += 1
        return np.array(sorted(self.held), dtype=np.int64)


def filled(tmp_path: Path) -> tuple[Library, LexicalRanker, list[Passage]]:
    library, lexical = Library(tmp_path / "library.sqlite"), LexicalRanker(tmp_path / "lexical")
    everything: list[Passage] = []
    for doc, text in (("a", "甲乙丙丁戊己庚辛"), ("b", "子丑寅卯"), ("c", "辰巳午未")):
        made, passages = document(doc, text, f"{doc}.txt")
        library.add(made, passages)
        everything += passages
    lexical.add(everything)
    lexical.flush()
    library.mark_indexed(["a", "b"])
    return library, lexical, everything


def test_equal_stamps_are_believed_and_others_are_looked_into(tmp_path: Path) -> None:
    library, lexical, passages = filled(tmp_path)
    store = Store([p.id for p in passages if p.doc_id != "b"], "one")
    bring_in_step(library, lexical, store)  # type: ignore[arg-type]
    assert library.unindexed() == ["b", "c"] and store.asked == 1, "of what is called indexed, the store lost b"
    assert library.held() == {"lexical": lexical.stamp, "dense": "one"}
    bring_in_step(library, lexical, store)  # type: ignore[arg-type]
    assert store.asked == 1
    store.held, store.stamp = [], "two"
    bring_in_step(library, lexical, store)  # type: ignore[arg-type]
    assert store.asked == 2 and library.unindexed() == ["a", "b", "c"]
    keep_step(library, "dense", "two", "three")
    keep_step(library, "lexical", "another", "none")
    assert library.held() == {"lexical": lexical.stamp, "dense": "three"}


def test_what_has_no_stamp_and_no_count_is_looked_into_every_time(tmp_path: Path) -> None:
    library, lexical, passages = filled(tmp_path)
    store = Store([p.id for p in passages], "")
    for times in (1, 2):
        bring_in_step(library, lexical, store)  # type: ignore[arg-type]
        assert store.asked == times and library.unindexed() == ["c"]
    assert "dense" not in library.held()


def test_a_store_on_a_server_that_holds_as_many_is_not_asked_for_all_of_them(tmp_path: Path) -> None:
    library, lexical, passages = filled(tmp_path)
    store = Store([p.id for p in passages if p.doc_id != "c"], "")
    store.count = len(store.held)  # type: ignore[attr-defined]
    bring_in_step(library, lexical, store)  # type: ignore[arg-type]
    assert store.asked == 0 and library.unindexed() == ["c"]
    store.held = store.held[1:]  # type: ignore[index]
    store.count -= 1  # type: ignore[attr-defined]
    bring_in_step(library, lexical, store)  # type: ignore[arg-type]
    assert store.asked == 1 and library.unindexed() == ["a", "c"]


def test_the_words_have_another_stamp_after_every_flush_that_wrote(tmp_path: Path) -> None:
    _, lexical, passages = filled(tmp_path)
    stamps = [lexical.stamp]
    lexical.flush()
    assert lexical.stamp == stamps[0] == LexicalRanker(tmp_path / "lexical").stamp
    lexical.remove(["a"])
    lexical.flush()
    stamps.append(lexical.stamp)
    lexical.add(passages)
    lexical.flush()
    stamps.append(lexical.stamp)
    assert len(set(stamps)) == 3 and all(stamps) and LexicalRanker().stamp == ""


def test_large_words_are_read_whole_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)
    monkeypatch.setattr("rag.lexical.files._WHOLE", 0)
    path = next((tmp_path / "lexical").glob("*.idx"))
    whole = path.read_bytes()
    path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    assert "checksum" in LexicalRanker(tmp_path / "lexical").check()[0]
    path.write_bytes(whole[:-3])
    with pytest.raises(IndexBrokenError, match="cut short"):
        LexicalRanker(tmp_path / "lexical")
    path.write_bytes(whole)
    assert LexicalRanker(tmp_path / "lexical").check() == []


def test_own_questions_come_from_all_over_and_are_the_same_every_time(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    with Library(tmp_path / "library.sqlite") as library:
        assert own_queries(library, embedder, 8).shape == (0, embedder.dim) and library.sample(3) == []
        for n in range(40):
            library.add(*document(f"d{n}", f"第{n}号水库的坝高是多少？", f"{n}.txt"))
        sample = library.sample(30)
        assert 15 <= len(sample) <= 30 and len({p.doc_id for p in sample}) > 10 and sample == library.sample(30)
        first = own_queries(library, embedder, 30)
        assert 1 < len(first) <= 30 and (first == own_queries(library, embedder, 30)).all()
