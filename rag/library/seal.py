"""Seals: one checksum over everything that the library says of a document, so that a single changed bit is found."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from rag.library import tallies

SUM = "sum"  # key of the checksum over what `meta` says of the index
_DOCUMENT = "id, title, source, date, characters, digest, meta, sections, kind, pages, han, headers, notices"
_PASSAGES = "id, ord, start, end, role, page, title, path, row, header, digest"


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not as it was written."""

    what: str
    doc_id: str = ""  # the document that it is confined to; "": the file as a whole


def seal_of(db: sqlite3.Connection, doc_id: str) -> bytes:
    """SHA-256 over the document's row and its passages' rows; the text has a digest of its own, which is one of them."""
    digest = hashlib.sha256()
    row = db.execute(f"SELECT {_DOCUMENT} FROM documents WHERE id = ?", (doc_id,)).fetchone()
    digest.update(repr(row).encode("utf-8", "surrogatepass"))
    for passage in db.execute(f"SELECT {_PASSAGES} FROM passages WHERE doc_id = ? ORDER BY ord", (doc_id,)):
        digest.update(repr(passage).encode("utf-8", "surrogatepass"))
    return digest.digest()


def put_seal(db: sqlite3.Connection, doc_id: str) -> None:
    db.execute("UPDATE documents SET seal = ? WHERE id = ?", (seal_of(db, doc_id), doc_id))


def put_sum(db: sqlite3.Connection, apart: tuple[str, ...]) -> None:
    """The checksum of `meta`, without the keys that change by themselves."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (SUM, _sum(db, apart)))


def damages(db: sqlite3.Connection, apart: tuple[str, ...]) -> Iterator[Damage]:
    """Reads everything: SQLite's own check, the sums, each document's text and seal."""
    for (line,) in db.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield Damage(f"library: {line}")
    for table in ("sources", "texts", "passages"):
        sql = f"SELECT DISTINCT doc_id FROM {table} WHERE doc_id NOT IN (SELECT id FROM documents)"
        for (doc_id,) in db.execute(sql).fetchall():
            yield Damage(f"library: a row of {table} belongs to no document", doc_id)
    told = dict(db.execute("SELECT key, value FROM meta"))
    if SUM in told and told[SUM] != _sum(db, apart):
        yield Damage("library: what it says of its model and rules has changed")
    for doc_id, title, digest, seal in db.execute("SELECT id, title, digest, seal FROM documents").fetchall():
        text = hashlib.sha256()
        for (body,) in db.execute("SELECT CAST(body AS BLOB) FROM texts WHERE doc_id = ? ORDER BY ord", (doc_id,)):
            text.update(body)
        name = (title.decode("utf-8", "replace") if isinstance(title, bytes) else "") or repr(doc_id)
        if text.digest() != digest:
            yield Damage(f"library: the text of {name} has changed since it was stored", doc_id)
        elif seal is not None and seal != seal_of(db, doc_id):
            yield Damage(f"library: what is stored of {name} has changed since", doc_id)
    sql = "SELECT p.doc_id, p.id FROM passages p JOIN documents d ON d.id = p.doc_id WHERE p.start < 0"
    for doc_id, number in db.execute(sql + " OR p.end > d.characters OR p.start > p.end"):
        yield Damage(f"library: passage {number} lies outside its document", doc_id)
    for told_wrong, doc_id in tallies.wrong(db):
        yield Damage(f"library: {told_wrong}", doc_id)


def _sum(db: sqlite3.Connection, apart: tuple[str, ...]) -> str:
    told = [row for row in db.execute("SELECT key, value FROM meta ORDER BY key") if row[0] not in {SUM, *apart}]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
