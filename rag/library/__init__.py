"""The library: documents, where they came from, and their passages, in one SQLite file. The only truth of an index;
vectors and the lexical index hold ids and can always be rebuilt from here.

Write order, so that a crash leaves work to do and never a lie:

    add:     library.add (indexed = 0)  → rankers.remove(doc) and .add(passages) → library.settle, flush → library.mark_indexed
    remove:  library.remove (tombstone) → rankers.remove(doc), flush             → library.mark_forgotten

On opening, finish `removed()` first, then `unindexed()`. Where a ranker's stamp is the one in `held()`, it holds all that is
called indexed. What is told of a file survives a power cut from `settle` on (before, the next sync finds it out again); what
takes a document away, or says that it is finished, does so at once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexBrokenError
from rag.library import kept, names, rows, seal, tallies
from rag.library.connections import Connections
from rag.library.file import inode, is_library
from rag.library.kept import Deletion, Refusal, salvaged
from rag.library.places import places
from rag.library.rows import DocumentInfo, Entry, Source
from rag.library.schema import FORMAT
from rag.library.seal import Damage
from rag.protocols import Vectors
from rag.types import Document, Passage

__all__ = [
    "FORMAT", "Damage", "Deletion", "DocumentInfo", "Entry", "Library", "Refusal", "Source", "inode", "is_library",
    "salvaged",
]  # fmt: skip


class Library:
    """Opens (or makes) the SQLite file at `path`; `reading`: another process may be writing it, so that a file of an older
    format is left as it is: BusyError. Safe to use from several threads: one writes at a time, readers have
    connections of their own and never wait for it (write-ahead log).

    Every method raises IndexBrokenError for a damaged file, BusyError when another process holds it for writing.
    Text of any kind is data here: NUL characters, lone surrogates and quotes in it come back as they were.
    """

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        self._file = Connections(Path(path), reading=reading)
        self._read, self._write = self._file.read, self._file.write
        self.path = self._file.path
        self.inode = self._file.inode  # of the file that is open

    def close(self) -> None:
        """Closes every connection; afterwards the library cannot be used. Harmless twice."""
        self._file.close()

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
        with self._write(durable=False) as db:
            for entry in entries:
                rows.insert(db, entry)
            rows.mark_changed(db)

    def settle(self) -> None:
        """Makes durable what was added. To be called before a ranker makes durable what it holds of it: a document that a
        power cut takes from here would never be taken out of there."""
        self._file.settle()

    def mark_indexed(self, doc_ids: Collection[str], stamps: Mapping[str, str] | None = None) -> None:
        """Says that every ranker holds these documents durably, as do all that were called indexed before; `stamps`: the
        rankers' stamps, as they then are, by name."""
        if not (doc_ids or stamps):
            return
        with self._write() as db:
            db.execute(f"UPDATE documents SET indexed = 1 WHERE id IN {rows.LIST}", (rows.id_list(doc_ids),))
            tallies.put_stamps(db, stamps or {})

    def mark_unindexed(self, doc_ids: Collection[str] | None = None) -> None:
        """Asks for these documents, or all, to be indexed again (a ranker was lost or rebuilt)."""
        with self._write() as db:
            if doc_ids is None:
                db.execute("UPDATE documents SET indexed = 0")
            else:
                db.execute(f"UPDATE documents SET indexed = 0 WHERE id IN {rows.LIST}", (rows.id_list(doc_ids),))

    def remove(self, doc_ids: Collection[str]) -> None:
        """Removes documents with their text, passages and sources, and leaves a tombstone (see `removed`). Unknown ids
        are ignored. The freed space is overwritten with zeros."""
        if not doc_ids:
            return
        listed = rows.id_list(doc_ids)
        with self._write() as db:
            digests = tallies.digests_of(db, f"doc_id IN {rows.LIST}", listed)
            db.execute(f"INSERT OR IGNORE INTO removed SELECT id FROM documents WHERE id IN {rows.LIST}", (listed,))
            gone = {  # each by itself, not by cascade: they are counted, and some may have no document
                table: db.execute(f"DELETE FROM {table} WHERE doc_id IN {rows.LIST}", (listed,)).rowcount
                for table in ("sources", "texts", "passages", "orphaned")
            }
            documents = db.execute(f"DELETE FROM documents WHERE id IN {rows.LIST}", (listed,)).rowcount
            tallies.count(db, documents=-documents, passages=-gone["passages"])
            tallies.unwanted(db, digests)
            rows.mark_changed(db)
        self._file.clear_log()

    def mark_forgotten(self, doc_ids: Iterable[str]) -> None:
        """Says that no ranker holds anything of these removed documents any more; drops the kept vectors that belong to no
        passage any more."""
        with self._write() as db:
            tallies.drop_strays(db)
            db.execute(f"DELETE FROM removed WHERE doc_id IN {rows.LIST}", (rows.id_list(doc_ids),))
        self._file.clear_log()

    def set_source(self, source: Source, gone: str | None = None, retitled: Sequence[Passage] = ()) -> None:
        """Records that a file holds a document of the library; a path that named another document moves over. In the same
        transaction, for a file that was renamed: forgets its old name, and gives passages the titles of these.
        Raises UnknownDocumentError."""
        with self._write(durable=False) as db:
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
        with self._write(durable=False) as db:
            kept.drop_source(db, path)
            kept.retitle(db, retitled)
            rows.mark_changed(db)

    def refuse(self, refusal: Refusal) -> None:
        """Records that a file cannot be read, so that it is not tried again as it is."""
        with self._write(durable=False) as db:
            kept.put_refusal(db, refusal)

    def forget_refusals(self, paths: Iterable[str]) -> None:
        packed = [(rows.pack(path),) for path in paths]
        if packed:
            with self._write(durable=False) as db:
                db.executemany("DELETE FROM refused WHERE path = ?", packed)

    def keep_vectors(self, digests: Sequence[bytes], vectors: Vectors) -> None:
        """Keeps vectors, float32 rows in the order of their passages' digests, rounded to 16 bits."""
        with self._write(durable=False) as db:
            kept.put_vectors(db, digests, vectors)

    def take_vectors(self, kept_ones: Iterable[tuple[bytes, bytes, int]]) -> None:
        """Keeps vectors that were kept by another library (`salvaged`)."""
        with self._write() as db:
            kept.take_vectors(db, kept_ones)

    def clear(self) -> None:
        """Forgets every document but keeps the vectors, which those passages that come again get back."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO removed SELECT id FROM documents")
            for table in ("sources", "texts", "passages", "orphaned", "documents", "refused", "stray"):
                db.execute(f"DELETE FROM {table}")
            db.execute("INSERT INTO stray SELECT digest FROM vectors")
            db.execute("UPDATE counts SET n = 0")
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

    def held(self) -> dict[str, str]:
        """The stamp that each ranker had when it last held all that is called indexed, by the ranker's name."""
        with self._read() as db:
            return dict(db.execute("SELECT ranker, stamp FROM stamps"))

    @property
    def revision(self) -> str:
        """Another string after every change of the documents or their files, whoever makes it."""
        with self._read() as db:
            return rows.revision(db)

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
            return tallies.orphans(db)

    def documents(self, ids: Collection[str] | None = None) -> list[DocumentInfo]:
        """Every document, or every one of these ids, in order of source."""
        with self._read() as db:
            return list(rows.select_infos(db, ids))

    def holding(self, roles: Collection[str]) -> frozenset[str]:
        """Ids of the documents that have a passage of one of these roles."""
        with self._read() as db:
            return frozenset(names.holding(db, roles))

    def named(self, name: str) -> set[str]:
        """Ids of the documents that one name means: an id, a file, a folder that ends in "/", or a pattern (`*` also crosses
        folders). Letters are compared composed (NFC)."""
        with self._read() as db:
            return names.named(db, name)

    def dates(self) -> list[str]:
        """The dates that documents state, each once, as they state them."""
        with self._read() as db:
            return names.dates(db)

    def dated(self, dates: Collection[str]) -> set[str]:
        """Ids of the documents that state one of these dates, in these very words."""
        with self._read() as db:
            return names.dated(db, dates)

    def some_sources(self, most: int) -> list[str]:
        """The first files by name."""
        with self._read() as db:
            return [
                rows.unpack(row[0]) for row in db.execute("SELECT path FROM sources ORDER BY path LIMIT ?", (most,))
            ]

    def in_han(self, doc_ids: Collection[str]) -> set[str]:
        """Those of these documents that are in Han characters, as their openings show."""
        with self._read() as db:
            return rows.select_han(db, doc_ids)

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

    def places(self, passages: Sequence[Passage]) -> dict[int, tuple[str, str]]:
        """Title and source of the documents of these passages by the passages' ids; those that are not as they were stored
        are left out."""
        with self._read() as db:
            return places(db, passages)

    def passages_of(self, doc_id: str) -> list[Passage]:
        """All passages of a document in their order; none for an unknown id."""
        with self._read() as db:
            return list(rows.select_passages(db, "p.doc_id = ?", rows.clean(doc_id)))

    def sample(self, most: int) -> list[Passage]:
        """At most so many passages, spread evenly over all: ids are hashes, so that equal steps through their range meet
        documents by their length. The same for the same material; costs as many look-ups as it gives passages."""
        with self._read() as db:
            return rows.select_sample(db, most)

    def ids(self) -> NDArray[np.int64]:
        """Every passage id, in order: what the rankers should hold."""
        with self._read() as db:
            return rows.select_ids(db, "")

    def waiting_ids(self) -> NDArray[np.int64]:
        """The passage ids of documents that are not yet indexed, in order."""
        with self._read() as db:
            return rows.select_ids(db, " WHERE doc_id IN (SELECT id FROM documents WHERE indexed = 0)")

    def documents_of(self, ids: NDArray[np.int64]) -> list[str]:
        """Ids of the documents that have one of these passages."""
        with self._read() as db:
            sql = f"SELECT DISTINCT doc_id FROM passages WHERE id IN {rows.LIST} ORDER BY doc_id"
            return [row[0] for row in db.execute(sql, (rows.id_list(ids.tolist()),))]

    @property
    def waiting(self) -> int:
        """How many passages belong to documents that are not yet indexed."""
        with self._read() as db:
            return int(db.execute("SELECT coalesce(sum(passages), 0) FROM documents WHERE indexed = 0").fetchone()[0])

    @property
    def count(self) -> int:
        """How many passages there are."""
        with self._read() as db:
            return tallies.counted(db, "passages")

    @property
    def document_count(self) -> int:
        with self._read() as db:
            return tallies.counted(db, "documents")

    def refusals(self) -> dict[str, Refusal]:
        """Every file that could not be read, by its path."""
        with self._read() as db:
            return {refusal.path: refusal for refusal in kept.refusals(db)}

    def vectors(self, digests: Sequence[bytes]) -> dict[bytes, Vectors]:
        """The kept vectors of these digests, float32; what is not kept, or damaged, is left out."""
        with self._read() as db:
            return kept.vectors(db, digests)

    def stray_vectors(self) -> int:
        """How many kept vectors are noted to belong to no passage: `mark_forgotten` drops them."""
        with self._read() as db:
            return int(db.execute("SELECT count(*) FROM stray").fetchone()[0])

    def unowned_vectors(self) -> int:
        """How many kept vectors belong to no passage: looks at all of them, for a proof."""
        with self._read() as db:
            return tallies.unowned(db)

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
