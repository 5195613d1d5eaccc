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
from rag.library.schema import APPLICATION, han
from rag.library.seal import put_seal
from rag.types import Document, Notice, Passage, Section, Span

REVISION = "revision"  # key of what changes with the documents
BLOCK = 4096  # characters a stored block of text: a passage is cut from one or two, however long its document is


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


Scripts = tuple[str | None, frozenset[str], frozenset[str]]
"""The library's revision when they were told, the documents in Han characters, and the others."""


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
        "digest": hashlib.sha256(pack(text)).digest(),
        "meta": json.dumps({key: (span.start, span.end) for key, span in document.meta.items()}),
        "sections": json.dumps(
            [(s.path, s.start, s.end, s.role, s.page, s.level, s.row, s.columns, s.names) for s in document.sections]
        ),
        "kind": document.kind,
        "pages": document.pages,
        "han": int(han(pack(text[:BLOCK]))),
        "headers": json.dumps(list(headers)),
        "notices": json.dumps([(notice.en, notice.zh) for notice in notices]),
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
        "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (p.id, p.doc_id, i, p.start, p.end, p.role, p.page, None if p.title == document.title else pack(p.title),
             json.dumps(p.path), p.row, headers.get(p.columns), p.digest)
            for i, p in enumerate(passages)
        ],
    )  # fmt: skip
    put_seal(db, document.id)
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
        " characters, (SELECT count(*) FROM passages WHERE doc_id = documents.id), date, kind, pages, indexed, notices"
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


def select_scripts(db: sqlite3.Connection, known: Scripts) -> Scripts:
    """Ids of the documents in Han characters, as their first block shows, and of all others; `known` where no document
    came or went since."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (REVISION,)).fetchone()
    revision = row[0] if row else ""
    if revision == known[0]:
        return known
    told = dict(db.execute("SELECT id, han FROM documents WHERE characters > 0"))
    return revision, frozenset(d for d, han in told.items() if han), frozenset(d for d, han in told.items() if not han)


def mark_changed(db: sqlite3.Connection) -> None:
    """Says, to every process, that the documents are not what they were."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (REVISION, uuid.uuid4().hex))


def select_passages(db: sqlite3.Connection, where: str, parameter: str) -> Iterator[Passage]:
    rows = db.execute(
        "SELECT p.id, p.doc_id, p.start, p.end, p.role, p.page, coalesce(p.title, d.title), p.path, p.row, p.header,"
        " CASE WHEN p.header IS NULL THEN '' ELSE d.headers END"
        f" FROM passages p JOIN documents d ON d.id = p.doc_id WHERE {where} ORDER BY p.doc_id, p.ord",
        (parameter,),
    ).fetchall()
    held: tuple[str, int, int] = ("", 0, 0)
    text = told = ""
    named: list[list[str]] = []
    for number, doc_id, start, end, role, page, title, path, row, header, headers in rows:
        # Passages of a document come in order, so the blocks read last usually hold the next one too.
        want = (doc_id, start // BLOCK, max(start, end - 1) // BLOCK)
        if not (held[0] == doc_id and held[1] <= want[1] and want[2] <= held[2]):
            held, text = want, text_of(db, *want)
        cut = text[start - held[1] * BLOCK : end - held[1] * BLOCK]
        if headers and headers != told:
            told, named = headers, json.loads(headers)
        columns = () if header is None else tuple(named[header])
        place = tuple(json.loads(path))
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


def translated(path: Path, error: Exception) -> RagError:
    text = str(error)
    if any(word in text for word in ("locked", "busy")):
        return BusyError(
            f"{path} is in use by another process; close it or try again ({text})",
            f"{path} 正被另一个进程使用；请关闭它或稍后再试（{text}）",
        )
    if isinstance(error, OSError) or any(
        word in text for word in ("readonly", "unable to open", "full", "disk I/O error", "closed database")
    ):
        return RagError(
            f"{path} cannot be used: {text}; check permissions and free space, or set index_dir",
            f"无法使用 {path}：{text}；请检查权限与磁盘空间，或设置 index_dir",
        )
    return IndexBrokenError(
        f"{path} is damaged ({text}); run: python -m rag rebuild",
        f"{path} 已损坏（{text}）；请运行：python -m rag rebuild",
    )


def inode(path: Path) -> tuple[int, int] | None:
    """Which file lies there just now; None: none does."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


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
