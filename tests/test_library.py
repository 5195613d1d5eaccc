from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import (
    BusyError,
    IndexBrokenError,
    IndexMismatchError,
    RagError,
    UnknownDocumentError,
    VerificationError,
)
from rag.library import Entry, Library, Source
from rag.types import Document, Passage, Section, Span, passage_id

STRANGE = "标题\x00'; DROP TABLE documents; -- \ud83d <b>“x”\r\n"


def make_document(doc_id: str = "d1", text: str = "标题\n第一句。第二句。", **more: object) -> Document:
    values: dict[str, object] = {"title": "标题", "source": f"{doc_id}.txt", **more}
    return Document(doc_id, text=text, **values)  # type: ignore[arg-type]


def cut(document: Document, size: int, **more: object) -> list[Passage]:
    return [
        Passage(
            passage_id(document.id, at, min(at + size, len(document.text))), document.id, document.text[at : at + size],
            at, min(at + size, len(document.text)), document.title, **more,  # type: ignore[arg-type]
        )
        for at in range(0, len(document.text), size)
    ]  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index" / "library.db"


@pytest.fixture
def library(path: Path) -> Library:
    return Library(path)


def test_a_document_comes_back_as_it_was(path: Path) -> None:
    document = make_document(
        sections=(Section((), 0, 2, "title", None, 1), Section(("甲", "乙"), 3, 11, "body", 7)),
        meta={"title": Span(0, 2), "date": Span(3, 6)},
    )
    passages = cut(document, 4, path=("甲", "乙"), role="comment", page=7)
    with Library(path) as library:
        library.add(document, passages)
        assert library.document("d1") == document == library.document("d1.txt")
    with Library(path) as again:
        assert again.document("d1") == document
        assert again.passages_of("d1") == passages
        assert again.count == 3 and again.ids().tolist() == sorted(p.id for p in passages)
        assert {p.role for p in again.passages([p.id for p in passages] + [5]).values()} == {"comment"}
        [info] = again.documents()
        assert (info.title, info.source, info.characters, info.passages, info.date) == (
            "标题",
            "d1.txt",
            11,
            3,
            "第一句",
        )
        assert again.check() == []


@settings(max_examples=40, deadline=None)
@given(
    text=st.text(st.characters(codec=None), max_size=40), repeat=st.sampled_from([1, 300]), size=st.integers(1, 5000)
)
def test_every_passage_is_the_slice_of_its_document(
    tmp_path_factory: pytest.TempPathFactory, text: str, repeat: int, size: int
) -> None:
    document = make_document(text=text * repeat, title=text[:9])
    passages = cut(document, size)[:50]
    with Library(tmp_path_factory.mktemp("library") / "library.db") as library:
        library.add(document, passages)
        assert library.document("d1") == document
        assert library.passages_of("d1") == passages
        backwards = [p.id for p in reversed(passages)]
        assert list(library.passages(backwards).values()) == passages[::-1]
        assert library.check() == []


def test_hostile_names_are_only_data(library: Library) -> None:
    document = make_document(title=STRANGE, source=STRANGE, text=STRANGE * 3)
    library.add(document, cut(document, 5), [Source(STRANGE, "d1", 1, 2, "x"), Source("龙.txt", "d1")])
    assert library.document(STRANGE) == document
    assert library.documents()[0].title == STRANGE
    assert list(library.sources()) == [STRANGE, "龙.txt"]
    for name in (STRANGE, "%", "*", "", "\x00", "\ud800"):
        library.remove([name])
    assert library.count and library.check() == []


def test_passages_come_in_the_order_asked_for_and_unknown_ids_are_left_out(library: Library) -> None:
    document = make_document()
    a, b, c = cut(document, 4)
    library.add(document, [a, b, c])
    assert list(library.passages([c.id, 5, a.id, c.id])) == [c.id, a.id]
    assert library.passages([]) == {} == library.passages([-1, (1 << 63) - 1])
    assert library.passages_of("no such") == []
    assert list(library.passages([*range(50_000), b.id])) == [b.id]


def test_a_passage_may_have_a_title_of_its_own(library: Library) -> None:
    document = make_document()
    passage = Passage(passage_id("d1", 0, 2), "d1", "标题", 0, 2, title="")
    library.add(document, [passage])
    assert library.passages([passage.id]) == {passage.id: passage}


def test_a_passage_that_is_not_its_documents_text_is_refused_whole(library: Library) -> None:
    good, bad = make_document("a"), make_document("b")
    wrong = Passage(1, "b", "编造", 0, 2)
    with pytest.raises(VerificationError):
        library.add_all([Entry(good, cut(good, 4)), Entry(bad, [wrong])])
    assert library.documents() == [] and library.count == 0 and library.unindexed() == []
    with pytest.raises(VerificationError):
        library.add(bad, cut(good, 4))


# -- sources ----------------------------------------------------------------------------------------------------------


def test_the_same_file_twice_is_one_document_with_two_sources(library: Library) -> None:
    document = make_document()
    library.add(document, cut(document, 4), [Source("乙.txt", "d1", 5, 6, "s"), Source("b.txt", "d1")])
    assert library.document("d1").source == "b.txt" == library.documents()[0].source
    assert library.document("乙.txt").id == "d1"
    library.remove_source("b.txt")
    assert library.document("d1").source == "乙.txt"
    assert library.sources() == {"乙.txt": Source("乙.txt", "d1", 5, 6, "s")}
    assert library.orphans() == []
    library.remove_source("乙.txt")
    library.remove_source("乙.txt")
    assert library.orphans() == ["d1"]


def test_a_changed_file_moves_to_its_new_document(library: Library) -> None:
    old, new = make_document("old", source="a.txt"), make_document("new", text="新的内容。", source="a.txt")
    library.add(old, cut(old, 4))
    library.add(new, cut(new, 4))
    assert library.document("a.txt").id == "new"
    assert library.orphans() == ["old"]
    library.set_source(Source("c.txt", "old", 1))
    assert library.orphans() == []
    with pytest.raises(UnknownDocumentError):
        library.set_source(Source("d.txt", "no such"))


def test_an_unknown_document_names_the_nearest(library: Library) -> None:
    library.add(make_document(source="年度报告.txt"), [])
    with pytest.raises(UnknownDocumentError, match="年度报告") as caught:
        library.document("年度报告.tx")
    assert "年度报告.txt" in caught.value.zh
    with pytest.raises(UnknownDocumentError):
        library.document("")


# -- adding, removing, crashing ---------------------------------------------------------------------------------------


def test_a_document_is_unindexed_until_the_rankers_hold_it(library: Library) -> None:
    for name in ("a", "b"):
        library.add(make_document(name), [])
    assert library.unindexed() == ["a", "b"]
    library.mark_indexed(["a", "no such"])
    assert library.unindexed() == ["b"]
    library.add(make_document("a", text="标题\n另一种切法。"), [])
    assert library.unindexed() == ["a", "b"]
    library.mark_indexed(["a", "b"])
    library.mark_unindexed()
    assert library.unindexed() == ["a", "b"]


def test_adding_again_replaces_passages_and_keeps_sources(library: Library) -> None:
    document = make_document()
    library.add(document, cut(document, 4), [Source("x.txt", "d1")])
    library.add(document, cut(document, 6))
    assert library.passages_of("d1") == cut(document, 6)
    assert list(library.sources()) == ["x.txt"]
    assert library.check() == []


def test_a_removed_document_is_gone_and_leaves_a_tombstone_until_forgotten(library: Library, path: Path) -> None:
    document = make_document(text="机密甲乙丙丁" * 2000, title="机密标题")
    library.add(document, cut(document, 300))
    library.add(make_document("d2"), [])
    ids = [p.id for p in cut(document, 300)]
    library.remove(["d1", "no such"])
    assert library.passages(ids) == {} and library.count == 0 and [d.id for d in library.documents()] == ["d2"]
    assert library.removed() == ["d1"] and list(library.sources()) == ["d2.txt"]
    with pytest.raises(UnknownDocumentError):
        library.document("d1")
    again = Library(path)
    assert again.removed() == ["d1"]
    again.mark_forgotten(["d1"])
    assert library.removed() == []
    # Nothing of it is left in the files either.
    assert not any("机密".encode() in file.read_bytes() for file in path.parent.iterdir())


def test_a_document_that_comes_back_needs_no_forgetting(library: Library) -> None:
    library.add(make_document(), [])
    library.remove(["d1"])
    library.add(make_document(), [])
    assert library.removed() == [] and library.unindexed() == ["d1"]


def test_a_crash_in_the_middle_of_adding_leaves_nothing_of_it(library: Library, path: Path) -> None:
    good = make_document("a")

    def entries() -> object:
        yield Entry(good, cut(good, 4))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.add_all(entries())  # type: ignore[arg-type]
    assert library.documents() == [] == Library(path).documents()
    library.add(good, cut(good, 4))
    assert library.count == 3


def test_meta_is_kept(library: Library, path: Path) -> None:
    library.set_meta("embedder", "甲")
    library.set_meta("embedder", "乙'")
    assert Library(path).meta() == {"embedder": "乙'"}


# -- threads and damage -----------------------------------------------------------------------------------------------


def test_readers_never_wait_for_the_writer_and_see_whole_documents(library: Library) -> None:
    document = make_document()
    library.add(document, cut(document, 4))
    inside, seen, failures = threading.Event(), threading.Event(), []

    def entries() -> object:
        other = make_document("d2")
        yield Entry(other, cut(other, 4))
        inside.set()
        assert seen.wait(5), "the reader waited for the writer"

    def read() -> None:
        try:
            inside.wait(5)
            assert [d.id for d in library.documents()] == ["d1"] and library.count == 3
            seen.set()
        except BaseException as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    library.add_all(entries())  # type: ignore[arg-type]
    reader.join()
    assert not failures and library.count == 6


def test_many_threads_at_once(library: Library) -> None:
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for turn in range(8):
                document = make_document(name, text=f"标题\n第{turn}句。" * 20)
                library.add(document, cut(document, 7))
                assert library.document(name) == document
                assert library.passages([p.id for p in cut(document, 7)]) == {p.id: p for p in cut(document, 7)}
            library.remove([name])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"d{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and library.count == 0 and library.check() == []


def test_another_process_that_writes_is_reported_as_busy(library: Library, path: Path, monkeypatch: object) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    library._file.writer.execute("PRAGMA busy_timeout = 10")
    with pytest.raises(BusyError, match="another process"):
        library.add(make_document(), [])
    other.execute("ROLLBACK")
    other.close()
    library.add(make_document(), [])


def test_a_changed_text_is_found_by_check(library: Library, path: Path) -> None:
    document = make_document()
    library.add(document, cut(document, 4))
    other = sqlite3.connect(path)
    other.execute("UPDATE texts SET body = ?", ("标题\n第一句。第三句。".encode(),))
    other.commit()
    other.close()
    [problem] = library.check()
    assert "标题" in problem and "changed" in problem
    with pytest.raises(IndexBrokenError, match="rebuild"):
        library.document("d1")


@pytest.mark.parametrize("data", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_is_named_with_the_next_step(path: Path, data: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(IndexBrokenError, match="rebuild"):
        Library(path)


def test_a_damaged_page_is_an_error_and_never_a_wrong_text(path: Path) -> None:
    document = make_document(text="甲乙丙丁" * 9000)
    passages = cut(document, 300)
    with Library(path) as library:
        library.add(document, passages)
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    with Library(path) as library:
        assert library.check() != []
        with pytest.raises(RagError):
            library.document("d1")


def test_a_stranger_is_left_alone_and_a_newer_format_is_a_mismatch(path: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "other.db"
    with sqlite3.connect(stranger) as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    with pytest.raises(IndexBrokenError, match="not a library"):
        Library(stranger)
    Library(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(IndexMismatchError, match="newer version"):
        Library(path)


def test_a_closed_library_says_so(library: Library) -> None:
    library.close()
    library.close()
    with pytest.raises(BusyError, match="closed"):
        library.documents()
    with pytest.raises(BusyError, match="closed"):
        library.mark_indexed(["a"])


def test_a_directory_that_cannot_be_made_is_an_error_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RagError, match="index_dir"):
        Library(tmp_path / "file" / "library.db")


def test_a_killed_writer_leaves_a_sound_library(path: Path) -> None:
    child = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from rag.library import Entry, Library\n"
        "from rag.types import Document\n"
        "library = Library(Path(sys.argv[1]))\n"
        "library.add(Document('done', '', 'done.txt', '甲' * 9000), [])\n"
        "def entries():\n"
        "    for n in range(3000):\n"
        "        yield Entry(Document(str(n), '', f'{n}.txt', '乙' * 5000), [])\n"
        "    os._exit(9)\n"
        "library.add_all(entries())\n"
    )
    root = Path(__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", child, str(path)], cwd=root, check=False).returncode == 9
    with Library(path) as library:
        assert [d.id for d in library.documents()] == ["done"] == library.unindexed()
        assert library.check() == []


def test_documents_are_told_apart_by_script(tmp_path: Path) -> None:
    with Library(tmp_path / "library.sqlite") as library:
        for doc_id, text in (
            ("zh", "年假按工龄计算，SQLite 除外。"),
            ("en", "Leave is counted in days (年假)."),
            ("no", ""),
        ):
            library.add(Document(doc_id, "t", f"{doc_id}.txt", text), ())
        assert library.in_han(["zh", "en", "no", "none"]) == {"zh"} and library.in_han([]) == set()
        with Library(tmp_path / "library.sqlite") as other:  # another process
            other.remove(["zh"])
        assert library.in_han(["zh"]) == set()
        assert library.meta() == {}
