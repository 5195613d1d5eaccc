"""Tables and rows of the library: how documents and passages go into SQLite and come back."""

from __future__ import annotations

import difflib
import hashlib
import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import UnknownDocumentError, VerificationError
from rag.library import tallies
from rag.library.schema import BLOCK, OPENING, composed, han
from rag.library.seal import put_seal
from rag.types import Document, Notice, Passage, Section, Span

REVISION = "revision"  # key of what changes with the documents


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a document was read from, as it was then."""

    path: str  # relative to the indexed folder, with forward slashes
    doc_id: str
    size: int = 0  # bytes
    mtime_ns: int = 0
    sha: str = ""  # of the file's bytes


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A line of a list of documents: no text is read for it."""

    id: str
    title: str
    source: str
    characters: int
    passages: int
    date: str = ""  # as the document states it; "" where it does not
    kind: str = ""  # the format that was read
    pages: int | None = None
    indexed: bool = True  # whether every ranker holds it
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A document to be stored, with its passages, the files that hold it, and what is to be known of it."""

    document: Document
    passages: Sequence[Passage]
    sources: Sequence[Source] = ()
    notices: Sequence[Notice] = ()


MISREAD = (TypeError, ValueError, AttributeError, LookupError)  # what a damaged row does to the code that reads it
LIST = "(SELECT value FROM json_each(?))"  # any number of ids as one parameter


def pack(text: str) -> bytes:
    # SQLite's own text type ends at NUL and cannot hold the lone surrogates of an undecodable file name.
    return text.encode("utf-8", "surrogatepass")


def unpack(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def hashed(name: str) -> str:
    """A name that must not stand in the library any more, as what only its owner can recognise."""
    return hashlib.sha256(pack(name)).hexdigest()


def id_list(values: Iterable[str] | Iterable[int]) -> str:
    return json.dumps([clean(v) if isinstance(v, str) else v for v in values])


def insert(db: sqlite3.Connection, entry: Entry) -> None:
    document, passages, sources, notices = entry.document, entry.passages, entry.sources, entry.notices
    text = document.text
    for p in passages:
        if p.doc_id != document.id or text[p.start : p.end] != p.text or not 0 <= p.start <= p.end:
            raise VerificationError(
                f"{document.source or document.id}: passage {p.start}–{p.end} is not its document's text; report this",
                f"{document.source or document.id}：片段 {p.start}–{p.end} 与原文不符；请报告此问题",
            )
    headers = {columns: at for at, columns in enumerate(dict.fromkeys(p.columns for p in passages if p.columns))}
    row: dict[str, Any] = {
        "id": document.id,
        "title": pack(document.title),
        "source": pack(document.source),
        "date": pack(document.value("date")),
        "characters": len(text),
        "passages": len(passages),
        "digest": hashlib.sha256(pack(text)).digest(),
        "meta": json.dumps({key: (span.start, span.end) for key, span in document.meta.items()}),
        "sections": json.dumps(
            [(s.path, s.start, s.end, s.role, s.page, s.level, s.row, s.columns, s.names) for s in document.sections]
        ),
        "kind": document.kind,
        "pages": document.pages,
        "han": int(han(pack(text[:OPENING]))),
        "headers": json.dumps(list(headers)),
        "notices": json.dumps([(notice.en, notice.zh) for notice in notices]),
    }
    digests = [p.digest for p in passages]
    lost = tallies.digests_of(db, "doc_id = ?", document.id)
    new = db.execute("SELECT 1 FROM documents WHERE id = ?", (document.id,)).fetchone() is None
    names = ", ".join(row)
    updates = ", ".join(f"{name} = excluded.{name}" for name in row)
    db.execute(
        f"INSERT INTO documents ({names}, indexed) VALUES ({', '.join('?' * len(row))}, 0)"
        f" ON CONFLICT (id) DO UPDATE SET {updates}, indexed = 0",
        tuple(row.values()),
    )
    db.execute("DELETE FROM texts WHERE doc_id = ?", (document.id,))
    before = db.execute("DELETE FROM passages WHERE doc_id = ?", (document.id,)).rowcount
    db.execute("DELETE FROM removed WHERE doc_id = ?", (document.id,))  # indexing it again removes it first
    db.executemany(
        "INSERT INTO texts VALUES (?, ?, ?)",
        [(document.id, i, pack(text[at : at + BLOCK])) for i, at in enumerate(range(0, len(text), BLOCK))],
    )
    db.executemany(
        "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (p.id, p.doc_id, i, p.start, p.end, p.role, p.page, None if p.title == document.title else pack(p.title),
             json.dumps(p.path), p.row, headers.get(p.columns), digest)
            for i, (p, digest) in enumerate(zip(passages, digests, strict=True))
        ],
    )  # fmt: skip
    tallies.count(db, documents=int(new), passages=len(passages) - before)
    tallies.wanted(db, digests)
    tallies.unwanted(db, lost)
    put_seal(db, document.id)
    if not sources and document.source:
        known = db.execute("SELECT 1 FROM sources WHERE doc_id = ?", (document.id,)).fetchone()
        sources = () if known else (Source(document.source, document.id),)
    for source in sources:
        put_source(db, source)
    if not sources:
        tallies.settle_orphan(db, document.id)


def put_source(db: sqlite3.Connection, s: Source) -> None:
    path = pack(s.path)
    before = db.execute("SELECT doc_id FROM sources WHERE path = ?", (path,)).fetchone()
    db.execute(
        "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?, ?)",
        (path, s.doc_id, s.size, s.mtime_ns, s.sha, composed(path)),
    )
    for doc_id in {s.doc_id, *(before or ())}:
        tallies.settle_orphan(db, doc_id)
    db.execute("DELETE FROM refused WHERE path = ?", (pack(s.path),))
    db.execute("DELETE FROM deletions WHERE name = ?", (hashed(s.path),))  # what is here again is not deleted


def select_document(db: sqlite3.Connection, id_or_source: str) -> Document:
    sql = (
        "SELECT id, title, coalesce((SELECT min(path) FROM sources WHERE doc_id = documents.id), source), meta, sections,"
        " digest, kind, pages"
        " FROM documents WHERE id = "
    )
    row = (
        db.execute(sql + "?", (clean(id_or_source),)).fetchone()
        or db.execute(sql + "(SELECT doc_id FROM sources WHERE path = ?)", (pack(id_or_source),)).fetchone()
    )
    if row is None:
        known = [unpack(path) for (path,) in db.execute("SELECT path FROM sources ORDER BY path LIMIT 5000")]
        raise unknown(id_or_source, known)
    doc_id, title, source, meta, sections, digest, kind, pages = row
    text = text_of(db, doc_id)
    if hashlib.sha256(pack(text)).digest() != digest:
        raise sqlite3.DatabaseError(f"the text of {unpack(title)} has changed since it was stored")
    return Document(
        id=doc_id,
        title=unpack(title),
        source=unpack(source),
        text=text,
        sections=tuple(_section(row) for row in json.loads(sections)),
        meta={key: Span(*span) for key, span in json.loads(meta).items()},
        kind=kind,
        pages=pages,
    )


def select_infos(db: sqlite3.Connection, ids: Iterable[str] | None = None) -> Iterator[DocumentInfo]:
    sql = (
        "SELECT id, title, coalesce((SELECT min(path) FROM sources WHERE doc_id = documents.id), source) AS place,"
        " characters, passages, date, kind, pages, indexed, notices"
        f" FROM documents{'' if ids is None else f' WHERE id IN {LIST}'} ORDER BY place, id"
    )
    for row in db.execute(sql, () if ids is None else (id_list(ids),)):
        doc_id, title, place, characters, passages, date, kind, pages, indexed, notices = row
        told = tuple(Notice(en, zh) for en, zh in json.loads(notices))
        names = (unpack(title), unpack(place))
        yield DocumentInfo(doc_id, *names, characters, passages, unpack(date), kind, pages, bool(indexed), told)


def text_of(db: sqlite3.Connection, doc_id: str, first: int = 0, last: int = 1 << 40) -> str:
    """The blocks first..last of a document's text."""
    sql = "SELECT body FROM texts WHERE doc_id = ? AND ord BETWEEN ? AND ? ORDER BY ord"
    return "".join(unpack(row[0]) for row in db.execute(sql, (doc_id, first, last)))


def select_han(db: sqlite3.Connection, ids: Iterable[str]) -> set[str]:
    """Those of these documents that are in Han characters, as their first block shows."""
    sql = f"SELECT id FROM documents WHERE id IN {LIST} AND han = 1"
    return {row[0] for row in db.execute(sql, (id_list(ids),))}


def revision(db: sqlite3.Connection) -> str:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (REVISION,)).fetchone()
    return str(row[0]) if row else ""


def select_ids(db: sqlite3.Connection, where: str) -> NDArray[np.int64]:
    found = db.execute(f"SELECT id FROM passages{where}")
    return np.sort(np.fromiter((row[0] for row in found), dtype=np.int64))


def select_sample(db: sqlite3.Connection, most: int) -> list[Passage]:
    step = max(1, (1 << 63) // max(1, most))
    sql = "SELECT id FROM passages WHERE id >= ? ORDER BY id LIMIT 1"
    met = (db.execute(sql, (at * step,)).fetchone() for at in range(most))
    ids = list(dict.fromkeys(row[0] for row in met if row))
    found = {p.id: p for p in select_passages(db, f"p.id IN {LIST}", id_list(ids))}
    return [found[number] for number in ids if number in found]


def mark_changed(db: sqlite3.Connection) -> None:
    """Says, to every process, that the documents are not what they were."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (REVISION, uuid.uuid4().hex))


def select_passages(db: sqlite3.Connection, where: str, parameter: str) -> Iterator[Passage]:
    found = db.execute(
        "SELECT p.id, p.doc_id, p.start, p.end, p.role, p.page, coalesce(p.title, d.title), p.path, p.row, p.header,"
        f" CASE WHEN p.header IS NULL THEN '' ELSE d.headers END, p.start / {BLOCK}, t.body"
        " FROM passages p JOIN documents d ON d.id = p.doc_id"
        f" LEFT JOIN texts t ON t.doc_id = p.doc_id AND t.ord = p.start / {BLOCK}"
        f" WHERE {where} ORDER BY p.doc_id, p.ord",
        (parameter,),
    ).fetchall()
    held, text, told = ("", 0), "", ""
    named: list[list[str]] = []
    places: dict[str, tuple[str, ...]] = {"[]": ()}
    for number, doc_id, start, end, role, page, title, path, row, header, headers, block, body in found:
        if held != (doc_id, block):  # passages of a document come in order: the block read last often holds the next
            held, text = (doc_id, block), unpack(body or b"")
        first = start - block * BLOCK
        cut = text[first : first + end - start]
        if len(cut) < end - start:
            cut += text_of(db, doc_id, block + 1, (end - 1) // BLOCK)[: end - start - len(cut)]
        if headers and headers != told:
            told, named = headers, json.loads(headers)
        columns = () if header is None else tuple(named[header])
        place = places.get(path)
        if place is None:
            place = places[path] = tuple(json.loads(path))
        yield Passage(number, doc_id, cut, start, end, unpack(title), place, role, page, row, columns)


def _section(row: list[Any]) -> Section:
    path, start, end, role, page, level, *table = row
    number, columns, names = table or (None, (), False)  # a library of the first format knew no tables
    return Section(tuple(path), start, end, role, page, level, number, tuple(columns), names)


def unknown(name: str, known: Sequence[str]) -> UnknownDocumentError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = (f"; did you mean '{near[0]}'?", f"；是不是 {near[0]}？") if near else (".", "。")
    return UnknownDocumentError(
        f"no document '{name}'{hint[0]} List them with: python -m rag list",
        f"没有文档 {name}{hint[1]} 查看全部：python -m rag list",
    )
