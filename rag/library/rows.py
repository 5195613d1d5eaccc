"""Tables and rows of the library: how documents and passages go into SQLite and come back."""

from __future__ import annotations

import difflib
import hashlib
import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import BusyError, IndexBrokenError, RagError, UnknownDocumentError, VerificationError
from rag.text import is_chinese
from rag.types import Document, Passage, Section, Span

FORMAT = 1
APPLICATION = 0x4A554449  # "JUDI": another program's SQLite file is never taken for ours
REVISION = "revision"  # key of what changes with the documents
_OPENING = 2000  # bytes of a document that tell its script
BLOCK = 4096  # characters a stored block of text: a passage is cut from one or two, however long its document is

SCHEMA = """
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
"""


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


Scripts = tuple[str | None, frozenset[str], frozenset[str]]
"""The library's revision when they were told, the documents in Han characters, and the others."""
Entry = tuple[Document, Sequence[Passage], Sequence[Source]]


LIST = "(SELECT value FROM json_each(?))"  # any number of ids as one parameter


def pack(text: str) -> bytes:
    # SQLite's own text type ends at NUL and cannot hold the lone surrogates of an undecodable file name.
    return text.encode("utf-8", "surrogatepass")


def unpack(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def id_list(values: Iterable[str] | Iterable[int]) -> str:
    return json.dumps([clean(v) if isinstance(v, str) else v for v in values])


def insert(db: sqlite3.Connection, document: Document, passages: Sequence[Passage], sources: Sequence[Source]) -> None:
    for p in passages:
        if p.doc_id != document.id or document.text[p.start : p.end] != p.text or not 0 <= p.start <= p.end:
            raise VerificationError(
                f"{document.source or document.id}: passage {p.start}–{p.end} is not its document's text; report this",
                f"{document.source or document.id}：片段 {p.start}–{p.end} 与原文不符；请报告此问题",
            )
    text = document.text
    row: dict[str, Any] = {
        "id": document.id,
        "title": pack(document.title),
        "source": pack(document.source),
        "date": pack(document.value("date")),
        "characters": len(text),
        "digest": hashlib.sha256(pack(text)).digest(),
        "meta": json.dumps({key: (span.start, span.end) for key, span in document.meta.items()}),
        "sections": json.dumps([(s.path, s.start, s.end, s.role, s.page, s.level) for s in document.sections]),
    }
    names = ", ".join(row)
    updates = ", ".join(f"{name} = excluded.{name}" for name in row)
    db.execute(
        f"INSERT INTO documents ({names}, indexed) VALUES ({', '.join('?' * len(row))}, 0)"
        f" ON CONFLICT (id) DO UPDATE SET {updates}, indexed = 0",
        tuple(row.values()),
    )
    for table in ("texts", "passages"):
        db.execute(f"DELETE FROM {table} WHERE doc_id = ?", (document.id,))
    db.execute("DELETE FROM removed WHERE doc_id = ?", (document.id,))  # indexing it again removes it first
    db.executemany(
        "INSERT INTO texts VALUES (?, ?, ?)",
        [(document.id, i, pack(text[at : at + BLOCK])) for i, at in enumerate(range(0, len(text), BLOCK))],
    )
    db.executemany(
        "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (p.id, p.doc_id, i, p.start, p.end, p.role, p.page, None if p.title == document.title else pack(p.title),
             json.dumps(p.path))
            for i, p in enumerate(passages)
        ],
    )  # fmt: skip
    if not sources and document.source:
        known = db.execute("SELECT 1 FROM sources WHERE doc_id = ?", (document.id,)).fetchone()
        sources = () if known else (Source(document.source, document.id),)
    for source in sources:
        put_source(db, source)


def put_source(db: sqlite3.Connection, s: Source) -> None:
    db.execute(
        "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?)",
        (pack(s.path), s.doc_id, s.size, s.mtime_ns, s.sha),
    )


def select_document(db: sqlite3.Connection, id_or_source: str) -> Document:
    sql = (
        "SELECT id, title, coalesce((SELECT min(path) FROM sources WHERE doc_id = documents.id), source), meta, sections,"
        " digest"
        " FROM documents WHERE id = "
    )
    row = (
        db.execute(sql + "?", (clean(id_or_source),)).fetchone()
        or db.execute(sql + "(SELECT doc_id FROM sources WHERE path = ?)", (pack(id_or_source),)).fetchone()
    )
    if row is None:
        known = [unpack(path) for (path,) in db.execute("SELECT path FROM sources ORDER BY path LIMIT 5000")]
        raise unknown(id_or_source, known)
    doc_id, title, source, meta, sections, digest = row
    text = text_of(db, doc_id)
    if hashlib.sha256(pack(text)).digest() != digest:
        raise sqlite3.DatabaseError(f"the text of {unpack(title)} has changed since it was stored")
    return Document(
        id=doc_id,
        title=unpack(title),
        source=unpack(source),
        text=text,
        sections=tuple(Section(tuple(path), *rest) for path, *rest in json.loads(sections)),
        meta={key: Span(*span) for key, span in json.loads(meta).items()},
    )


def text_of(db: sqlite3.Connection, doc_id: str, first: int = 0, last: int = 1 << 40) -> str:
    """The blocks first..last of a document's text."""
    sql = "SELECT body FROM texts WHERE doc_id = ? AND ord BETWEEN ? AND ? ORDER BY ord"
    return "".join(unpack(row[0]) for row in db.execute(sql, (doc_id, first, last)))


def select_scripts(db: sqlite3.Connection, known: Scripts) -> Scripts:
    """Ids of the documents in Han characters, as their first block shows, and of all others; `known` where no document
    came or went since."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (REVISION,)).fetchone()
    revision = row[0] if row else ""
    if revision == known[0]:
        return known
    found = db.execute("SELECT doc_id, substr(body, 1, ?) FROM texts WHERE ord = 0", (_OPENING,))
    told = {doc_id: is_chinese(body.decode("utf-8", "ignore")) for doc_id, body in found}
    return revision, frozenset(d for d, han in told.items() if han), frozenset(d for d, han in told.items() if not han)


def mark_changed(db: sqlite3.Connection) -> None:
    """Says, to every process, that the documents are not what they were."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (REVISION, uuid.uuid4().hex))


def select_passages(db: sqlite3.Connection, where: str, parameter: str) -> Iterator[Passage]:
    rows = db.execute(
        "SELECT p.id, p.doc_id, p.start, p.end, p.role, p.page, coalesce(p.title, d.title), p.path"
        f" FROM passages p JOIN documents d ON d.id = p.doc_id WHERE {where} ORDER BY p.doc_id, p.ord",
        (parameter,),
    ).fetchall()
    held: tuple[str, int, int] = ("", 0, 0)
    text = ""
    for number, doc_id, start, end, role, page, title, path in rows:
        # Passages of a document come in order, so the blocks read last usually hold the next one too.
        want = (doc_id, start // BLOCK, max(start, end - 1) // BLOCK)
        if not (held[0] == doc_id and held[1] <= want[1] and want[2] <= held[2]):
            held, text = want, text_of(db, *want)
        cut = text[start - held[1] * BLOCK : end - held[1] * BLOCK]
        yield Passage(number, doc_id, cut, start, end, unpack(title), tuple(json.loads(path)), role, page)


def problems(db: sqlite3.Connection) -> Iterator[str]:
    for (line,) in db.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield f"library: {line}"
    for row in db.execute("PRAGMA foreign_key_check"):
        yield f"library: a row of {row[0]} belongs to no document"
    for doc_id, title, characters, digest in db.execute("SELECT id, title, characters, digest FROM documents"):
        text = text_of(db, doc_id)
        if len(text) != characters or hashlib.sha256(pack(text)).digest() != digest:
            yield f"library: the text of {unpack(title) or doc_id!r} has changed since it was stored"
    sql = "SELECT p.id FROM passages p JOIN documents d ON d.id = p.doc_id WHERE p.start < 0 OR p.end > d.characters"
    for (number,) in db.execute(sql + " OR p.start > p.end"):
        yield f"library: passage {number} lies outside its document"


def unknown(name: str, known: Sequence[str]) -> UnknownDocumentError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = (f"; did you mean '{near[0]}'?", f"；是不是 {near[0]}？") if near else (".", "。")
    return UnknownDocumentError(
        f"no document '{name}'{hint[0]} List them with: python -m rag list",
        f"没有文档 {name}{hint[1]} 查看全部：python -m rag list",
    )


def translated(path: Path, error: Exception) -> RagError:
    text = str(error)
    if any(word in text for word in ("locked", "busy")):
        return BusyError(
            f"{path} is in use by another process; close it or try again ({text})",
            f"{path} 正被另一个进程使用；请关闭它或稍后再试（{text}）",
        )
    if isinstance(error, OSError) or any(
        word in text for word in ("readonly", "unable to open", "full", "closed database")
    ):
        return RagError(
            f"{path} cannot be used: {text}; check permissions and free space, or set index_dir",
            f"无法使用 {path}：{text}；请检查权限与磁盘空间，或设置 index_dir",
        )
    return IndexBrokenError(
        f"{path} is damaged ({text}); run: python -m rag rebuild",
        f"{path} 已损坏（{text}）；请运行：python -m rag rebuild",
    )


def is_library(path: Path) -> bool:
    """Whether a file may be deleted as ours: it carries this program's mark in SQLite's header, or is no SQLite file
    that any program could still read."""
    with path.open("rb") as file:
        header = file.read(72)
    if not header.startswith(b"SQLite format 3\0") or len(header) < 72:
        return True
    mark, schema = header[68:72], header[40:44]
    # Killed at the very first start, our own file has no mark and no table yet; most programs set no mark at all.
    return mark == APPLICATION.to_bytes(4, "big") or (mark == bytes(4) and schema == bytes(4))
