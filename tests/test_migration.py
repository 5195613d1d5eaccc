"""A library of an older format becomes one of this; a newer one is left alone; other rules read again, and encode little."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

import rag.index
from rag.assistant import Assistant
from rag.config import Settings
from rag.doctor import _index
from rag.errors import BusyError, IndexMismatchError
from rag.index import writing
from rag.library import FORMAT, Library, Source
from rag.shelf import Shelf
from rag.types import Document, Passage, Section, Span, passage_id
from tests.durable import assert_in_step, assert_true, make_folder, open_at, state_of, synced
from tests.fakes_embed import HashEmbedder

FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id TEXT PRIMARY KEY, title BLOB NOT NULL, source BLOB NOT NULL, date BLOB NOT NULL, characters INTEGER NOT NULL,
    indexed INTEGER NOT NULL DEFAULT 0, digest BLOB NOT NULL, meta TEXT NOT NULL, sections TEXT NOT NULL
);
CREATE INDEX documents_unindexed ON documents (id) WHERE indexed = 0;
CREATE TABLE texts (
    doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE, ord INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (doc_id, ord)
);
CREATE TABLE sources (
    path BLOB PRIMARY KEY, doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sources_document ON sources (doc_id, path);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE, ord INTEGER NOT NULL,
    start INTEGER NOT NULL, end INTEGER NOT NULL, role TEXT NOT NULL, page INTEGER, title BLOB, path TEXT NOT NULL
);
CREATE INDEX passages_document ON passages (doc_id, ord);
CREATE TABLE removed (doc_id TEXT PRIMARY KEY) WITHOUT ROWID;
PRAGMA application_id = 1247102025;
PRAGMA user_version = 1;
"""
"""As the first release wrote it."""


def first_format(path: Path, texts: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path)
    db.executescript(FIRST)
    for key, value in {"model": "hash", "dim": "256", "chunk_chars": "300", "rules": "3"}.items():
        db.execute("INSERT INTO meta VALUES (?, ?)", (key, value))
    for at, (name, text) in enumerate(texts.items()):
        data = text.encode()
        sections = json.dumps([[["甲"], 0, len(text), "body", None, 0]])
        db.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?)",
            (f"d{at}", "标题".encode(), name.encode(), b"", len(text), hashlib.sha256(data).digest(), '{"date": [0, 2]}',
             sections),
        )  # fmt: skip
        for block, start in enumerate(range(0, len(text), 4096)):
            db.execute("INSERT INTO texts VALUES (?, ?, ?)", (f"d{at}", block, text[start : start + 4096].encode()))
        db.execute("INSERT INTO sources VALUES (?, ?, ?, 7, 'sha')", (name.encode(), f"d{at}", len(data)))
        half = len(text) // 2
        for number, (start, end) in enumerate([(0, half), (half, len(text))]):
            title = None if number else "别名".encode()
            row = (passage_id(f"d{at}", start, end), f"d{at}", number, start, end, "body", None, title, '["甲"]')
            db.execute("INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    db.execute("INSERT INTO removed VALUES ('gone')")
    db.commit()
    db.close()


SECOND = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id TEXT PRIMARY KEY, title BLOB NOT NULL, source BLOB NOT NULL, date BLOB NOT NULL, characters INTEGER NOT NULL,
    indexed INTEGER NOT NULL DEFAULT 0, digest BLOB NOT NULL, meta TEXT NOT NULL, sections TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT '', pages INTEGER, han INTEGER NOT NULL DEFAULT 0, headers TEXT NOT NULL DEFAULT '[]',
    notices TEXT NOT NULL DEFAULT '[]', seal BLOB
);
CREATE INDEX documents_unindexed ON documents (id) WHERE indexed = 0;
CREATE TABLE texts (
    doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE, ord INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (doc_id, ord)
);
CREATE TABLE sources (
    path BLOB PRIMARY KEY, doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sources_document ON sources (doc_id, path);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE, ord INTEGER NOT NULL,
    start INTEGER NOT NULL, end INTEGER NOT NULL, role TEXT NOT NULL, page INTEGER, title BLOB, path TEXT NOT NULL,
    row INTEGER, header INTEGER, digest BLOB
);
CREATE INDEX passages_document ON passages (doc_id, ord);
CREATE INDEX passages_digest ON passages (digest);
CREATE TABLE removed (doc_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE vectors (digest BLOB PRIMARY KEY, vector BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE refused (
    path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, rules TEXT NOT NULL, en BLOB NOT NULL,
    zh BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE deletions (
    name TEXT NOT NULL, doc_id TEXT NOT NULL, at TEXT NOT NULL, passages BLOB NOT NULL, probes BLOB NOT NULL,
    PRIMARY KEY (name, doc_id)
) WITHOUT ROWID;
PRAGMA application_id = 1247102025;
PRAGMA user_version = 2;
"""
"""As the second one did."""


def second_format(path: Path) -> None:
    """A library as it is now, written back: its texts in blocks of 4,096 characters, without what is noted since."""
    now, was = sqlite3.connect(path), sqlite3.connect(path.with_name("second"))
    was.executescript(SECOND)
    for table in ("meta", "documents", "sources", "passages", "removed", "vectors", "refused", "deletions"):
        columns = [row[1] for row in was.execute(f"PRAGMA table_info({table})")]
        found = now.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
        was.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", found)
    texts: dict[str, str] = {}
    for doc_id, body in now.execute("SELECT doc_id, body FROM texts ORDER BY doc_id, ord"):
        texts[doc_id] = texts.get(doc_id, "") + body.decode()
    for doc_id, text in texts.items():
        blocks = [(doc_id, at // 4096, text[at : at + 4096].encode()) for at in range(0, len(text), 4096)]
        was.executemany("INSERT INTO texts VALUES (?, ?, ?)", blocks)
    was.commit()
    was.close()
    now.close()
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    path.with_name("second").rename(path)


TEXTS = {"a.txt": "第一句。第二句。" * 900, "b/二.txt": "This is the second text. " * 20}


def test_a_library_of_the_first_format_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    first_format(path, TEXTS)
    for _ in range(2):  # migrated, and as it then is
        with Library(path) as library:
            assert library.damages() == []
            for at, (name, text) in enumerate(TEXTS.items()):
                document = library.document(name)
                sections = (Section(("甲",), 0, len(text)),)
                assert document == Document(f"d{at}", "标题", name, text, sections, {"date": Span(0, 2)})
                half = len(text) // 2
                assert library.passages_of(f"d{at}") == [
                    Passage(passage_id(f"d{at}", a, b), f"d{at}", text[a:b], a, b, title, ("甲",))
                    for a, b, title in ((0, half, "别名"), (half, len(text), "标题"))
                ]
                assert library.sources()[name] == Source(name, f"d{at}", len(text.encode()), 7, "sha")
            assert library.in_han(["d0", "d1", "none"]) == {"d0"}
            assert library.removed() == ["gone"] and library.unindexed() == [] and library.refusals() == {}
            assert [(i.kind, i.pages, i.notices) for i in library.documents()] == [("", None, ())] * 2


def test_a_migrated_library_does_all_that_a_new_one_does(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    first_format(path, TEXTS)
    with Library(path) as library:
        document = Document("d9", "新", "c.txt", "新的一篇。", (Section((), 0, 5),))
        library.add(document, [Passage(passage_id("d9", 0, 5), "d9", "新的一篇。", 0, 5, "新")])
        library.remove_source("a.txt")
        assert [d.doc_id for d in library.deletions("a.txt")] == ["d0"]
        library.remove(library.orphans())
        assert library.damages() == [] and {i.id for i in library.documents()} == {"d1", "d9"}
    new = Library(tmp_path / "new.sqlite")
    sql = "SELECT type, name, tbl_name FROM sqlite_master ORDER BY name"
    told = "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c ORDER BY m.name, c.name"
    with sqlite3.connect(path) as old, sqlite3.connect(new.path) as made:
        assert old.execute(sql).fetchall() == made.execute(sql).fetchall()
        assert old.execute(told).fetchall() == made.execute(told).fetchall()
    new.close()


def test_an_index_of_the_second_format_goes_on_as_it_was(tmp_path: Path) -> None:
    folder, index = make_folder(tmp_path / "材料", 12), tmp_path / "index"
    long = "".join(f"第{n}段说的是{n * 7}号井的水位。" for n in range(900))
    (folder / "re\u0301sume\u0301.txt").write_text(long, encoding="utf-8")  # a name as macOS writes it
    with synced(folder, index)[0] as assistant:
        before = state_of(assistant)
    second_format(index / "library.sqlite")
    with Library(index / "library.sqlite") as library:
        assert library.damages() == [] and library.held() == {} and library.stray_vectors() == 0
        [held] = library.named("r\u00e9sum\u00e9.txt")
        assert library.document(held).text == long and library.named("r\u00e9*") == {held}
    embedder = HashEmbedder()
    assistant, report = synced(folder, index, embedder)
    with assistant:
        assert embedder.encoded == [] and {o.state for o in report.outcomes} == {"unchanged"} and not report.mended
        assert state_of(assistant) == before
        assert_in_step(assistant)
        assert_true(assistant)


def test_what_an_old_library_never_noted_is_found_when_it_becomes_one_of_this(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    first_format(path, TEXTS)
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM sources WHERE doc_id = 'd0'")
    db.close()
    with Library(path) as library:
        assert library.orphans() == ["d0"] and (library.count, library.document_count) == (4, 2)
        assert [p.digest for p in library.passages_of("d1")] and library.check() == []


def test_an_index_of_the_first_format_is_brought_in_step(tmp_path: Path) -> None:
    folder, index = make_folder(tmp_path / "材料", 6), tmp_path / "index"
    first_format(index / "library.sqlite", TEXTS)
    assistant, _ = synced(folder, index)
    with assistant:
        assert len(assistant.documents()) == 6
        assert_in_step(assistant)
        assert_true(assistant)


def test_a_migration_that_is_stopped_leaves_the_old_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "library.sqlite"
    first_format(path, TEXTS)
    with monkeypatch.context() as patch:
        patch.setattr("rag.library.schema.han", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Library(path)
    with Library(path) as library:
        assert len(library.documents()) == 2 and library.damages() == []


def test_who_only_reads_leaves_an_old_library_to_the_process_that_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.place._LOCK_SECONDS", 0.05)
    folder, index = make_folder(tmp_path / "材料", 3), tmp_path / "index"
    synced(folder, index)[0].close()
    path = index / "library.sqlite"
    second_format(path)
    before = path.read_bytes()
    settings = replace(Settings(), folder=str(folder), index_dir=str(index))
    with writing(index):
        for opened in (lambda: open_at(folder, index), lambda: Shelf(settings)):
            with pytest.raises(BusyError) as told:
                opened()
            assert "wait" in told.value.en and "请等" in told.value.zh
        item = _index(settings)
        assert not item.ok and "writing this index" in item.en
        assert path.read_bytes() == before
    with Shelf(settings) as shelf:  # nobody writes: now it becomes one of this format, under the lock
        assert [row.state for row in shelf.rows()] == ["ready"] * 3 and shelf.library.damages() == []
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (FORMAT,)


def test_a_newer_library_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder, index = make_folder(tmp_path / "材料", 3), tmp_path / "index"
    synced(folder, index)[0].close()
    with sqlite3.connect(index / "library.sqlite") as db:
        db.execute(f"PRAGMA user_version = {FORMAT + 1}")
    before = (index / "library.sqlite").read_bytes()
    with pytest.raises(IndexMismatchError) as caught:
        open_at(folder, index)
    assert "update the program" in caught.value.en and "index_dir" in caught.value.en and "升级" in caught.value.zh
    assert (index / "library.sqlite").read_bytes() == before


def test_other_rules_read_again_and_encode_nothing_that_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, index, embedder = make_folder(tmp_path / "材料", 24), tmp_path / "index", HashEmbedder()
    assistant, _ = synced(folder, index, embedder)
    encoded = list(embedder.encoded)
    with assistant:
        before = state_of(assistant)  # a reader encodes too
    assert sorted(encoded) == sorted({p.context for p in before.passages.values()})
    embedder.encoded.clear()
    monkeypatch.setattr(rag.index, "RULES", "other")
    monkeypatch.setattr("rag.sync.RULES", "other")
    monkeypatch.setattr("rag.fill._GROUP", 16)  # several groups and flushes: what waits keeps its vectors
    monkeypatch.setattr("rag.fill._OFTEN", 20)
    monkeypatch.setattr("rag.fill._SECONDS", 0.0)
    assistant, report = synced(folder, index, embedder)
    with assistant:
        assert {o.state for o in report.outcomes} == {"indexed"}
        encoded = list(embedder.encoded)
        assert encoded == []
        assert state_of(assistant) == before
        assert_in_step(assistant)


def test_another_passage_length_encodes_only_the_passages_that_are_new(tmp_path: Path) -> None:
    folder, index, embedder = make_folder(tmp_path / "材料", 16), tmp_path / "index", HashEmbedder()
    assistant, _ = synced(folder, index, embedder)
    with assistant:
        known = {p.context for p in state_of(assistant).passages.values()}
    embedder.encoded.clear()
    settings = replace(Settings(), chunk_chars=120)
    with Assistant.open(folder, settings, index_dir=index, embedder=embedder) as other:
        encoded = list(embedder.encoded)
        contexts = {p.context for p in state_of(other).passages.values()}
        assert contexts != known
        assert sorted(encoded) == sorted(contexts - known)
        assert_in_step(other)
