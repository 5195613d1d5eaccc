"""Tables of the library, and how a file of an older format becomes one of this.

What a question or a sync asks for costs the same in a library of any size: `counts` is kept with every change, `orphaned`
and `stray` name what a search through everything would find, and the columns of a document that a list shows stand before
the long ones (SQLite reads a row from its beginning, page by page).
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby

from rag.text import is_chinese

FORMAT = 3
APPLICATION = 0x4A554449  # "JUDI": another program's SQLite file is never taken for ours
BLOCK = (
    1024  # characters a stored block of text: one page; a passage is cut from one or two, however long its document is
)
OPENING = 2000  # bytes of a document that tell its script

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id TEXT PRIMARY KEY, title BLOB NOT NULL, source BLOB NOT NULL, date BLOB NOT NULL, characters INTEGER NOT NULL,
    passages INTEGER NOT NULL, indexed INTEGER NOT NULL DEFAULT 0, han INTEGER NOT NULL, kind TEXT NOT NULL,
    pages INTEGER, digest BLOB NOT NULL, seal BLOB, notices TEXT NOT NULL, headers TEXT NOT NULL, meta TEXT NOT NULL,
    sections TEXT NOT NULL
);
CREATE INDEX documents_unindexed ON documents (id, passages) WHERE indexed = 0;
CREATE INDEX documents_dated ON documents (date, id) WHERE date != x'';
CREATE TABLE texts (
    doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE, ord INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (doc_id, ord)
);
CREATE TABLE sources (
    path BLOB PRIMARY KEY, doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha TEXT NOT NULL, composed BLOB
) WITHOUT ROWID;
CREATE INDEX sources_document ON sources (doc_id, path);
CREATE INDEX sources_composed ON sources (composed) WHERE composed IS NOT NULL;
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE, ord INTEGER NOT NULL,
    start INTEGER NOT NULL, end INTEGER NOT NULL, role TEXT NOT NULL, page INTEGER, title BLOB, path TEXT NOT NULL,
    row INTEGER, header INTEGER, digest BLOB
);
CREATE INDEX passages_document ON passages (doc_id, ord);
CREATE INDEX passages_digest ON passages (digest);
CREATE INDEX passages_role ON passages (role, doc_id) WHERE role != 'body';
CREATE TABLE removed (doc_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE vectors (digest BLOB PRIMARY KEY, vector BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE refused (
    path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, rules TEXT NOT NULL, en BLOB NOT NULL,
    zh BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE deletions (
    name TEXT NOT NULL, doc_id TEXT NOT NULL, at TEXT NOT NULL, passages BLOB NOT NULL, probes BLOB NOT NULL,
    PRIMARY KEY (name, doc_id)
) WITHOUT ROWID;
CREATE TABLE counts (of TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE orphaned (doc_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE stray (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE stamps (ranker TEXT PRIMARY KEY, stamp TEXT NOT NULL) WITHOUT ROWID;
"""

COUNTS = "VALUES ('documents', (SELECT count(*) FROM documents)), ('passages', (SELECT count(*) FROM passages))"
ORPHANED = "SELECT id FROM documents WHERE id NOT IN (SELECT doc_id FROM sources)"
STRAY = "SELECT digest FROM vectors WHERE digest NOT IN (SELECT digest FROM passages WHERE digest IS NOT NULL)"
"""What the tables of these names hold, found the long way."""


def create(db: sqlite3.Connection) -> None:
    for statement in _statements():
        db.execute(statement)
    db.execute(f"INSERT INTO counts {COUNTS}")
    db.execute(f"PRAGMA application_id = {APPLICATION}")
    db.execute(f"PRAGMA user_version = {FORMAT}")


def migrate(db: sqlite3.Connection, version: int) -> None:
    """From an older format to this one, step by step, inside the caller's transaction; foreign keys must be off, for a
    table that is replaced takes no other's rows along."""
    for step in range(version, FORMAT):
        _STEPS[step](db)
    db.execute(f"PRAGMA user_version = {FORMAT}")


def han(opening: bytes) -> bool:
    """Whether a document, of which these are the first bytes, is in Han characters."""
    return is_chinese(opening[:OPENING].decode("utf-8", "ignore"))


def composed(path: bytes) -> bytes | None:
    """A path as a filter is compared with it, where that is not the path itself: macOS takes letters apart."""
    name = path.decode("utf-8", "surrogatepass")
    told = unicodedata.normalize("NFC", name)
    return None if told == name else told.encode("utf-8", "surrogatepass")


def _statements() -> list[str]:
    return [statement for statement in SCHEMA.split(";\n") if statement.strip()]


def _named(*names: str) -> list[str]:
    """The statements that make these tables and indexes."""
    return [statement for statement in _statements() if statement.split()[2] in names]


def _to_2(db: sqlite3.Connection) -> None:
    """Kinds, pages, rows and columns, seals, kept vectors, refused files, deletions."""
    for column in (
        "kind TEXT NOT NULL DEFAULT ''", "pages INTEGER", "han INTEGER NOT NULL DEFAULT 0",
        "headers TEXT NOT NULL DEFAULT '[]'", "notices TEXT NOT NULL DEFAULT '[]'", "seal BLOB",
    ):  # fmt: skip
        db.execute(f"ALTER TABLE documents ADD COLUMN {column}")
    for column in ("row INTEGER", "header INTEGER", "digest BLOB"):
        db.execute(f"ALTER TABLE passages ADD COLUMN {column}")
    for statement in _named("passages_digest", "vectors", "refused", "deletions"):
        db.execute(statement)
    for doc_id, body in db.execute("SELECT doc_id, body FROM texts WHERE ord = 0").fetchall():
        db.execute("UPDATE documents SET han = ? WHERE id = ?", (han(body), doc_id))


def _to_3(db: sqlite3.Connection) -> None:
    """Counts, orphans, strays and stamps; documents with their long columns last; texts in blocks that fit a page; vectors
    apart from the index over their digests, which held four to a page before and was ten pages deep at a million."""
    held = (
        "id, title, source, date, characters, indexed, han, kind, pages, digest, seal, notices, headers, meta, sections"
    )
    count = "(SELECT count(*) FROM passages WHERE doc_id = documents.id)"
    with _replaced(db, "documents") as new:
        db.execute(f"INSERT INTO {new} ({held}, passages) SELECT {held}, {count} FROM documents")
    with _replaced(db, "texts") as new:
        for doc_id, text in _texts(db):
            blocks = [text[at : at + BLOCK] for at in range(0, len(text), BLOCK)]
            rows = [(doc_id, i, block.encode("utf-8", "surrogatepass")) for i, block in enumerate(blocks)]
            db.executemany(f"INSERT INTO {new} VALUES (?, ?, ?)", rows)
    with _replaced(db, "vectors") as new:
        db.execute(f"INSERT INTO {new} SELECT digest, vector, crc FROM vectors")
    for statement in _named("documents_unindexed", "documents_dated"):
        db.execute(statement)
    db.execute("ALTER TABLE sources ADD COLUMN composed BLOB")
    for (path,) in db.execute("SELECT path FROM sources").fetchall():
        if (told := composed(path)) is not None:
            db.execute("UPDATE sources SET composed = ? WHERE path = ?", (told, path))
    for statement in _named("sources_composed", "passages_role", "counts", "orphaned", "stray", "stamps"):
        db.execute(statement)
    db.execute(f"INSERT INTO counts {COUNTS}")
    db.execute(f"INSERT INTO orphaned {ORPHANED}")
    db.execute(f"INSERT INTO stray {STRAY}")


@contextmanager
def _replaced(db: sqlite3.Connection, table: str) -> Iterator[str]:
    """A table as it is now, to be filled from the one that it then replaces. Made beside and renamed: to rename the old one
    would lead what refers to it astray."""
    [statement] = _named(table)
    db.execute(statement.strip().replace(f"CREATE TABLE {table}", f"CREATE TABLE new_{table}", 1))
    yield f"new_{table}"
    db.execute(f"DROP TABLE {table}")
    db.execute(f"ALTER TABLE new_{table} RENAME TO {table}")


def _texts(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Every document's text, one after the other."""
    found = db.execute("SELECT doc_id, body FROM texts ORDER BY doc_id, ord")
    for doc_id, blocks in groupby(found, key=lambda row: row[0]):
        yield doc_id, b"".join(row[1] for row in blocks).decode("utf-8", "surrogatepass")


_STEPS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _to_2, 2: _to_3}
