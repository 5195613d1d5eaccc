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
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

from rag.errors import BusyError, IndexBrokenError, IndexMismatchError
from rag.library import kept, rows, schema, seal
from rag.library.kept import Deletion, Refusal, salvaged
from rag.library.rows import DocumentInfo, Entry, Source, inode, is_library
from rag.library.schema import FORMAT
from rag.library.seal import Damage
from rag.protocols import Vectors
from rag.types import Document, Passage

__all__ = [
    "FORMAT", "Damage", "Deletion", "DocumentInfo", "Entry", "Library", "Refusal", "Source", "inode", "is_library",
    "salvaged",
]  # fmt: skip

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
            self.inode = inode(self.path)  # of the file that is open

    def close(self) -> None:
        """Closes every connection; afterwards the library cannot be used. Harmless twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._close_idle()
            self._writer.close()

    def _close_idle(self) -> None:
        with suppress(IndexError):  # two threads may be at it
            while True:
                self._idle.pop().close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- writing ------------------------------------------------------------------------------------------------

    def add(self, document: Document, passages: Sequence[Passage], sources: Sequence[Source] = ()) -> None:
        """Stores a document with its passages, marked as not yet indexed; one that is present is replaced and keeps
        the sources it has. Without `sources`, a new document gets `document.source`, where it names one.

        Raises VerificationError when a passage's text is not what the document says at its place."""
        self.add_all([Entry(document, passages, sources)])

    def add_all(self, entries: Iterable[Entry]) -> None:
        """`add` for many documents in one transaction: all or none."""
        with self._write() as db:
            for entry in entries:
                rows.insert(db, entry)
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
            for table in ("sources", "texts", "passages"):  # cascaded, but for rows whose document is not there
                db.execute(f"DELETE FROM {table} WHERE doc_id IN {rows.LIST}", (rows.id_list(doc_ids),))
            rows.mark_changed(db)
        self._clear_log()

    def mark_forgotten(self, doc_ids: Iterable[str]) -> None:
        """Says that no ranker holds anything of these removed documents any more; drops the kept vectors that belong to no
        passage any more."""
        with self._write() as db:
            db.execute("DELETE FROM vectors WHERE digest NOT IN (SELECT digest FROM passages WHERE digest IS NOT NULL)")
            db.execute(f"DELETE FROM removed WHERE doc_id IN {rows.LIST}", (rows.id_list(doc_ids),))
        self._clear_log()

    def set_source(self, source: Source, gone: str | None = None, retitled: Sequence[Passage] = ()) -> None:
        """Records that a file holds a document of the library; a path that named another document moves over. In the same
        transaction, for a file that was renamed: forgets its old name, and gives passages the titles of these.
        Raises UnknownDocumentError."""
        with self._write() as db:
            if not db.execute("SELECT 1 FROM documents WHERE id = ?", (rows.clean(source.doc_id),)).fetchone():
                raise rows.unknown(source.doc_id, ())
            rows.put_source(db, source)
            if gone is not None:
                kept.drop_source(db, gone)
            kept.retitle(db, retitled)
            rows.mark_changed(db)

    def remove_source(self, path: str, retitled: Sequence[Passage] = ()) -> None:
        """Forgets a file; its document stays (see `orphans`). An unknown path is ignored. What a proof of the deletion
        needs is kept: hashes, no text and no name. `retitled` as in `set_source`, where another file still holds it."""
        with self._write() as db:
            kept.drop_source(db, path)
            kept.retitle(db, retitled)
            rows.mark_changed(db)

    def refuse(self, refusal: Refusal) -> None:
        """Records that a file cannot be read, so that it is not tried again as it is."""
        with self._write() as db:
            kept.put_refusal(db, refusal)

    def forget_refusals(self, paths: Iterable[str]) -> None:
        with self._write() as db:
            db.executemany("DELETE FROM refused WHERE path = ?", [(rows.pack(path),) for path in paths])

    def keep_vectors(self, digests: Sequence[bytes], vectors: Vectors) -> None:
        """Keeps vectors, float32 rows in the order of their passages' digests, rounded to 16 bits."""
        with self._write() as db:
            kept.put_vectors(db, digests, vectors)

    def take_vectors(self, kept_ones: Iterable[tuple[bytes, bytes, int]]) -> None:
        """Keeps vectors that were kept by another library (`salvaged`)."""
        with self._write() as db:
            db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", kept_ones)

    def clear(self) -> None:
        """Forgets every document but keeps the vectors, which those passages that come again get back."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO removed SELECT id FROM documents")
            for table in ("documents", "refused"):
                db.execute(f"DELETE FROM {table}")
            rows.mark_changed(db)

    def set_meta(self, key: str, value: str) -> None:
        with self._write() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (rows.clean(key), rows.clean(value)))
            seal.put_sum(db, (rows.REVISION,))

    # -- reading ------------------------------------------------------------------------------------------------

    def meta(self) -> dict[str, str]:
        """What `set_meta` recorded."""
        with self._read() as db:
            apart = (rows.REVISION, seal.SUM)
            return dict(db.execute("SELECT key, value FROM meta WHERE key NOT IN (?, ?) ORDER BY key", apart))

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

    def names_of(self, doc_id: str) -> list[str]:
        """Every file that holds a document, in order of path."""
        with self._read() as db:
            found = db.execute("SELECT path FROM sources WHERE doc_id = ? ORDER BY path", (rows.clean(doc_id),))
            return [rows.unpack(row[0]) for row in found]

    def orphans(self) -> list[str]:
        """Ids of documents that no file holds any more."""
        with self._read() as db:
            sql = "SELECT id FROM documents WHERE id NOT IN (SELECT doc_id FROM sources) ORDER BY id"
            return [row[0] for row in db.execute(sql)]

    def documents(self, ids: Collection[str] | None = None) -> list[DocumentInfo]:
        """Every document, or every one of these ids, in order of source."""
        with self._read() as db:
            return list(rows.select_infos(db, ids))

    def holding(self, roles: Collection[str]) -> frozenset[str]:
        """Ids of the documents that have a passage of one of these roles."""
        with self._read() as db:
            sql = f"SELECT DISTINCT doc_id FROM passages WHERE role IN {rows.LIST}"
            return frozenset(row[0] for row in db.execute(sql, (rows.id_list(roles),)))

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

    def waiting_ids(self) -> set[int]:
        """The passage ids of documents that are not yet indexed."""
        with self._read() as db:
            sql = "SELECT id FROM passages WHERE doc_id IN (SELECT id FROM documents WHERE indexed = 0)"
            return {row[0] for row in db.execute(sql)}

    @property
    def count(self) -> int:
        """How many passages there are."""
        with self._read() as db:
            return cast(int, db.execute("SELECT count(*) FROM passages").fetchone()[0])

    def refusals(self) -> dict[str, Refusal]:
        """Every file that could not be read, by its path."""
        with self._read() as db:
            return {refusal.path: refusal for refusal in kept.refusals(db)}

    def vectors(self, digests: Sequence[bytes]) -> dict[bytes, Vectors]:
        """The kept vectors of these digests, float32; what is not kept, or damaged, is left out."""
        with self._read() as db:
            return kept.vectors(db, digests)

    def stray_vectors(self) -> int:
        """How many kept vectors belong to no passage."""
        with self._read() as db:
            sql = "SELECT count(*) FROM vectors WHERE digest NOT IN (SELECT digest FROM passages WHERE digest IS NOT NULL)"
            return cast(int, db.execute(sql).fetchone()[0])

    def deletions(self, path: str) -> list[Deletion]:
        """What is known of the documents that a deleted file of that name held."""
        with self._read() as db:
            return kept.deletions(db, path)

    def damages(self) -> list[Damage]:
        """Reads everything and returns what is not as it was written. Empty: sound."""
        try:
            with self._read() as db:
                found = list(seal.damages(db, (rows.REVISION,)))
                return found or kept.unreadable(db)
        except (IndexBrokenError, *rows.MISREAD) as error:
            return [Damage(f"library: {error}")]

    def check(self) -> list[str]:
        """`damages` as lines: what is wrong. Empty: sound."""
        return [damage.what for damage in self.damages()]

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
        if application != schema.APPLICATION and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise IndexBrokenError(
                f"{self.path} is not a library of this program; name another index directory (index_dir)",
                f"{self.path} 不是本程序的资料库；请用 index_dir 指定别的索引目录",
            )
        if application == schema.APPLICATION and version > FORMAT:
            raise IndexMismatchError(
                f"{self.path} has format {version}, this program reads up to {FORMAT}: a newer version wrote it; update the"
                " program, or name another index directory (index_dir)",
                f"{self.path} 的格式是 {version}，本程序最高只读 {FORMAT}：它由更新的版本写成；请升级程序，或用 index_dir 另指定索引目录",
            )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")  # a marked document must survive a power cut: its vectors do
        db.execute("PRAGMA secure_delete = ON")
        if application != schema.APPLICATION or version < FORMAT:
            db.execute("BEGIN IMMEDIATE")
            try:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    schema.create(db)
                elif version < FORMAT:  # else another process was first
                    schema.migrate(db, version)
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise

    def _clear_log(self) -> None:
        with self._lock, self._guard():
            # The log still holds the old pages; where a long reader is at work a later checkpoint does this.
            self._writer.execute("PRAGMA busy_timeout = 500")
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._writer.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000}")

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
                self._idle.append(db)
                if self._closed:  # asked only now: `close` looks at what is idle once
                    self._close_idle()

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
