"""Tables of the library, and how a file of an older format becomes one of this."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from rag.text import is_chinese

FORMAT = 2
APPLICATION = 0x4A554449  # "JUDI": another program's SQLite file is never taken for ours
_OPENING = 2000  # bytes of a document that tell its script

SCHEMA = """
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
"""


def create(db: sqlite3.Connection) -> None:
    for statement in SCHEMA.split(";\n"):
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION}")
    db.execute(f"PRAGMA user_version = {FORMAT}")


def migrate(db: sqlite3.Connection, version: int) -> None:
    """From an older format to this one, step by step, inside the caller's transaction."""
    for step in range(version, FORMAT):
        _STEPS[step](db)
    db.execute(f"PRAGMA user_version = {FORMAT}")


def han(opening: bytes) -> bool:
    """Whether a document, of which these are the first bytes, is in Han characters."""
    return is_chinese(opening[:_OPENING].decode("utf-8", "ignore"))


def _to_2(db: sqlite3.Connection) -> None:
    """Kinds, pages, rows and columns, seals, kept vectors, refused files, deletions."""
    for column in (
        "kind TEXT NOT NULL DEFAULT ''", "pages INTEGER", "han INTEGER NOT NULL DEFAULT 0",
        "headers TEXT NOT NULL DEFAULT '[]'", "notices TEXT NOT NULL DEFAULT '[]'", "seal BLOB",
    ):  # fmt: skip
        db.execute(f"ALTER TABLE documents ADD COLUMN {column}")
    for column in ("row INTEGER", "header INTEGER", "digest BLOB"):
        db.execute(f"ALTER TABLE passages ADD COLUMN {column}")
    for statement in SCHEMA.split(";\n"):
        if any(f" {name} " in statement for name in ("passages_digest", "vectors", "refused", "deletions")):
            db.execute(statement)
    for doc_id, body in db.execute("SELECT doc_id, body FROM texts WHERE ord = 0").fetchall():
        db.execute("UPDATE documents SET han = ? WHERE id = ?", (han(body), doc_id))


_STEPS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _to_2}
