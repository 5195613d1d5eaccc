"""The library: documents, where they came from, and their passages, in one SQLite file. The only truth of an index;
vectors and the lexical index hold ids and can always be rebuilt from here.

Write order, so that a crash leaves work to do and never a lie:

    add:     library.add (indexed = 0)  → rankers.remove(doc) and .add(passages), flush → library.mark_indexed
    remove:  library.remove (tombstone) → rankers.remove(doc), flush                    → library.mark_forgotten

On opening, finish `removed()` first, then `unindexed()`.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from rag.errors import BusyError, IndexBrokenError, IndexMismatchError
from rag.library import rows
from rag.library.rows import FORMAT, DocumentInfo, Entry, Source, is_library
from rag.types import Document, Passage

__all__ = ["FORMAT", "DocumentInfo", "Library", "Source", "is_library"]

_PATIENCE = 10  # seconds to wait for another process's transaction


class Library:
    """Opens (or makes) the SQLite file at `path`. Safe to use from several threads: one writes at a time, readers have
    connections of their own and never wait for it (write-ahead log).

    Every method raises IndexBrokenError for a damaged file, BusyError when another process holds it for writing.
    Text of any kind is data here: NUL characters, lone surrogates and quotes in it come back as they were.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._scripts: rows.Scripts = (None, frozenset(), frozenset())
        with self._guard():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            try:
                self._prepare()
            except BaseException:
                self._writer.close()
                raise

    def close(self) -> None:
        """Closes every connection; afterwards the library cannot be used. Harmless twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            while self._idle:
                self._idle.pop().close()
            self._writer.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- writing ------------------------------------------------------------------------------------------------

    def add(self, document: Document, passages: Sequence[Passage], sources: Sequence[Source] = ()) -> None:
        """Stores a document with its passages, marked as not yet indexed; one that is present is replaced and keeps
        the sources it has. Without `sources`, a new document gets `document.source`, where it names one.

        Raises VerificationError when a passage's text is not what the document says at its place."""
        self.add_all([(document, passages, sources)])

    def add_all(self, entries: Iterable[Entry]) -> None:
        """`add` for many documents in one transaction: all or none."""
        with self._write() as db:
            for document, passages, sources in entries:
                rows.insert(db, document, passages, sources)
            rows.mark_changed(db)

    def mark_indexed(self, doc_ids: Iterable[str]) -> None:
        """Says that every ranker holds these documents durably."""
        with self._write() as db:
            db.execute(f"UPDATE documents SET indexed = 1 WHERE id IN {rows.LIST}", (rows.id_list(doc_ids),))

    def mark_unindexed(self) -> None:
        """Asks for every document to be indexed again (a ranker was lost or rebuilt)."""
        with self._write() as db:
            db.execute("UPDATE documents SET indexed = 0")

    def remove(self, doc_ids: Collection[str]) -> None:
        """Removes documents with their text, passages and sources, and leaves a tombstone (see `removed`). Unknown ids
        are ignored. The freed space is overwritten with zeros."""
        if not doc_ids:
            return
        with self._write() as db:
            db.execute(
                f"INSERT OR IGNORE INTO removed SELECT id FROM documents WHERE id IN {rows.LIST}",
                (rows.id_list(doc_ids),),
            )
            db.execute(f"DELETE FROM documents WHERE id IN {rows.LIST}", (rows.id_list(doc_ids),))
            rows.mark_changed(db)
        with self._lock, self._guard():
            # The log still holds the old pages; where a long reader is at work a later checkpoint does this.
            self._writer.execute("PRAGMA busy_timeout = 500")
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._writer.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000}")

    def mark_forgotten(self, doc_ids: Iterable[str]) -> None:
        """Says that no ranker holds anything of these removed documents any more."""
        with self._write() as db:
            db.execute(f"DELETE FROM removed WHERE doc_id IN {rows.LIST}", (rows.id_list(doc_ids),))

    def set_source(self, source: Source) -> None:
        """Records that a file holds a document of the library; a path that named another document moves over.
        Raises UnknownDocumentError."""
        with self._write() as db:
            if not db.execute("SELECT 1 FROM documents WHERE id = ?", (rows.clean(source.doc_id),)).fetchone():
                raise rows.unknown(source.doc_id, ())
            rows.put_source(db, source)

    def remove_source(self, path: str) -> None:
        """Forgets a file; its document stays (see `orphans`). An unknown path is ignored."""
        with self._write() as db:
            db.execute("DELETE FROM sources WHERE path = ?", (rows.pack(path),))

    def set_meta(self, key: str, value: str) -> None:
        with self._write() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (rows.clean(key), rows.clean(value)))

    # -- reading ------------------------------------------------------------------------------------------------

    def meta(self) -> dict[str, str]:
        """What `set_meta` recorded."""
        with self._read() as db:
            return dict(db.execute("SELECT key, value FROM meta WHERE key <> ? ORDER BY key", (rows.REVISION,)))

    def unindexed(self) -> list[str]:
        """Ids of documents that the rankers may not hold, or hold in an older form: remove from them, then add."""
        with self._read() as db:
            return [row[0] for row in db.execute("SELECT id FROM documents WHERE indexed = 0 ORDER BY id")]

    def removed(self) -> list[str]:
        """Ids of removed documents that a ranker may still hold."""
        with self._read() as db:
            return [row[0] for row in db.execute("SELECT doc_id FROM removed ORDER BY doc_id")]

    def sources(self) -> dict[str, Source]:
        """Every known file by its path, in order of path."""
        with self._read() as db:
            found = db.execute("SELECT path, doc_id, size, mtime_ns, sha FROM sources ORDER BY path")
            return {rows.unpack(row[0]): Source(rows.unpack(row[0]), *row[1:]) for row in found}

    def orphans(self) -> list[str]:
        """Ids of documents that no file holds any more."""
        with self._read() as db:
            sql = "SELECT id FROM documents WHERE id NOT IN (SELECT doc_id FROM sources) ORDER BY id"
            return [row[0] for row in db.execute(sql)]

    def documents(self) -> list[DocumentInfo]:
        """Every document, in order of source."""
        with self._read() as db:
            found = db.execute(
                "SELECT id, title, coalesce((SELECT min(path) FROM sources WHERE doc_id = documents.id), source) AS place,"
                " characters, (SELECT count(*) FROM passages WHERE doc_id = documents.id), date FROM documents"
                " ORDER BY place, id"
            )
            return [DocumentInfo(a, rows.unpack(b), rows.unpack(c), d, e, rows.unpack(f)) for a, b, c, d, e, f in found]

    def document(self, id_or_source: str) -> Document:
        """The document of that id, or of that source (any of them). Its `source` is the first by path.
        Raises UnknownDocumentError, naming the nearest."""
        with self._read() as db:
            return rows.select_document(db, id_or_source)

    def passages(self, ids: Iterable[int]) -> dict[int, Passage]:
        """The passages of these ids, in the order asked for; ids that are not (or no longer) here are left out."""
        wanted = list(dict.fromkeys(int(i) for i in ids))
        with self._read() as db:
            found = {p.id: p for p in rows.select_passages(db, f"p.id IN {rows.LIST}", json.dumps(wanted))}
        return {i: found[i] for i in wanted if i in found}

    def passages_of(self, doc_id: str) -> list[Passage]:
        """All passages of a document in their order; none for an unknown id."""
        with self._read() as db:
            return list(rows.select_passages(db, "p.doc_id = ?", rows.clean(doc_id)))

    def scripts(self) -> tuple[frozenset[str], frozenset[str]]:
        """Ids of the documents in Han characters, as their openings show, and of all others."""
        with self._read() as db:
            found = self._scripts = rows.select_scripts(db, self._scripts)
            return found[1:]

    def ids(self) -> set[int]:
        """Every passage id: what the rankers should hold."""
        with self._read() as db:
            return {row[0] for row in db.execute("SELECT id FROM passages")}

    @property
    def count(self) -> int:
        """How many passages there are."""
        with self._read() as db:
            return cast(int, db.execute("SELECT count(*) FROM passages").fetchone()[0])

    def check(self) -> list[str]:
        """Reads everything and returns what is wrong, a line each: SQLite's own check, texts against their digests,
        passages against their documents. Empty: sound."""
        try:
            with self._read() as db:
                return list(rows.problems(db))
        except IndexBrokenError as error:
            return [str(error)]

    # -- connections --------------------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        # Threads hand connections on but never share one at the same time: see _read.
        db = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA foreign_keys = ON")
        return db

    def _prepare(self) -> None:
        db = self._writer
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if application != rows.APPLICATION and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise IndexBrokenError(
                f"{self.path} is not a library of this program; name another index directory (index_dir)",
                f"{self.path} 不是本程序的资料库；请用 index_dir 指定别的索引目录",
            )
        if application == rows.APPLICATION and version != FORMAT:
            raise IndexMismatchError(
                f"{self.path} has format {version}, this program reads {FORMAT}; run: python -m rag rebuild",
                f"{self.path} 的格式是 {version}，本程序读 {FORMAT}；请运行：python -m rag rebuild",
            )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")  # a marked document must survive a power cut: its vectors do
        db.execute("PRAGMA secure_delete = ON")
        if application != rows.APPLICATION:
            db.execute("BEGIN IMMEDIATE")
            try:
                if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:  # another process was first
                    for statement in rows.SCHEMA.split(";\n"):
                        db.execute(statement)
                    db.execute(f"PRAGMA application_id = {rows.APPLICATION}")
                    db.execute(f"PRAGMA user_version = {FORMAT}")
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        """A connection of one's own inside one snapshot."""
        with self._guard():
            self._refuse_closed()
            try:
                db = self._idle.pop()
            except IndexError:
                db = self._connect()
            try:
                db.execute("BEGIN")
                yield db
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                if self._closed:
                    db.close()
                else:
                    self._idle.append(db)

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._guard():
            self._refuse_closed()
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def _refuse_closed(self) -> None:
        if self._closed:
            raise BusyError(f"{self.path} was closed; open it again", f"{self.path} 已关闭；请重新打开")

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise rows.translated(self.path, error) from error
