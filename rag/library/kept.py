"""What the library keeps beside documents: vectors, files that could not be read, and what proves a deletion."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from rag.library import tallies
from rag.library.probes import Hashes, probes_of
from rag.library.rows import LIST, clean, hashed, pack, text_of, unpack
from rag.library.seal import Damage, put_seal
from rag.protocols import Vectors
from rag.types import Passage

_TEXT = 16_384  # blocks of a deleted text that are probed: 16 million characters
_WIDTH = 16  # bytes of a passage's digest
_KINDS = {
    "sources": {"path": "blob", "doc_id": "text", "size": "integer", "mtime_ns": "integer", "sha": "text"},
    "refused": {
        "path": "blob", "size": "integer", "mtime_ns": "integer", "rules": "text", "en": "blob", "zh": "blob",
    },
    "deletions": {"name": "text", "doc_id": "text", "at": "text", "passages": "blob", "probes": "blob"},
    "removed": {"doc_id": "text"},
}  # fmt: skip
_WORDS = frozenset({"path", "en", "zh"})  # columns that hold text as bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that could not be read, as it was then, and why."""

    path: str
    size: int
    mtime_ns: int
    rules: str  # the program's rules and limits then: under others it is tried again
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """What recognises a deleted document: nothing of its text, no name."""

    doc_id: str
    at: str  # UTC, ISO 8601
    passages: tuple[int, ...]  # their ids, under which the rankers held them
    probes: Hashes  # hashes of stretches of its text, see `probes`


def put_refusal(db: sqlite3.Connection, r: Refusal) -> None:
    row = (pack(r.path), r.size, r.mtime_ns, r.rules, pack(r.en), pack(r.zh))
    db.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?, ?, ?)", row)


def refusals(db: sqlite3.Connection) -> Iterable[Refusal]:
    for path, size, mtime_ns, rules, en, zh in db.execute("SELECT * FROM refused ORDER BY path"):
        yield Refusal(unpack(path), size, mtime_ns, rules, unpack(en), unpack(zh))


def put_vectors(db: sqlite3.Connection, digests: Sequence[bytes], vectors: Vectors) -> None:
    rows = [(digest, row.astype(np.float16).tobytes()) for digest, row in zip(digests, vectors, strict=True)]
    db.executemany(
        "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", [(*row, zlib.crc32(b"".join(row))) for row in rows]
    )
    tallies.unwanted(db, digests)  # a document that went while it was encoded


def take_vectors(db: sqlite3.Connection, rows: Iterable[tuple[bytes, bytes, int]]) -> None:
    rows = list(rows)
    db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
    tallies.unwanted(db, [row[0] for row in rows])


def vectors(db: sqlite3.Connection, digests: Sequence[bytes]) -> dict[bytes, Vectors]:
    found = [row for d in digests for row in db.execute("SELECT * FROM vectors WHERE digest = ?", (d,))]
    return {row[0]: np.frombuffer(row[1], dtype=np.float16).astype(np.float32) for row in found if sound(*row)}


def sound(digest: object, vector: object, crc: object) -> bool:
    """Whether a kept vector is what was stored."""
    both = isinstance(digest, bytes) and len(digest) == _WIDTH and isinstance(vector, bytes)
    return both and zlib.crc32(digest + vector) == crc  # type: ignore[operator]


def retitle(db: sqlite3.Connection, passages: Sequence[Passage]) -> None:
    held = dict(
        db.execute(f"SELECT id, digest FROM passages WHERE id IN {LIST}", (json.dumps([p.id for p in passages]),))
    )
    for p in passages:
        row = db.execute("SELECT * FROM vectors WHERE digest = ?", (held.get(p.id),)).fetchone()
        if row and sound(*row):
            crc = zlib.crc32(p.digest + row[1])
            db.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", (p.digest, row[1], crc))
        db.execute("UPDATE passages SET title = ?, digest = ? WHERE id = ?", (pack(p.title), p.digest, p.id))
    tallies.wanted(db, [p.digest for p in passages])
    tallies.unwanted(db, [digest for digest in held.values() if digest])
    for doc_id in {p.doc_id for p in passages}:
        db.execute("UPDATE documents SET indexed = 0 WHERE id = ?", (clean(doc_id),))
        put_seal(db, doc_id)


def drop_source(db: sqlite3.Connection, path: str) -> None:
    row = db.execute("SELECT doc_id FROM sources WHERE path = ?", (pack(path),)).fetchone()
    if row is None:
        return
    note_deletion(db, path, row[0])
    db.execute("DELETE FROM sources WHERE path = ?", (pack(path),))
    tallies.settle_orphan(db, row[0])


def unreadable(db: sqlite3.Connection) -> list[Damage]:
    """What is said of files and cannot be so: these rows have no seal, but what each column holds is known."""
    found = []
    for table, kinds in _KINDS.items():
        checks = " AND ".join(f"typeof({column}) = '{kind}'" for column, kind in kinds.items())
        (count,) = db.execute(f"SELECT count(*) FROM {table} WHERE NOT ({checks})").fetchone()
        if count:
            found.append(Damage(f"library: {count} rows of {table} are not what is written there"))
        for row in db.execute(f"SELECT {', '.join(kinds)} FROM {table}"):  # text that is none is told by SQLite
            for value, (column, kind) in zip(row, kinds.items(), strict=True):
                if kind == "blob" and column in _WORDS:
                    unpack(value)
    return found


def salvaged(path: Path, model: str) -> list[tuple[bytes, bytes, int]]:
    """The kept vectors that can still be read in a damaged library: each has a checksum of its own, and to encode them
    again is what costs the time. None of another model than `model`, nor where the library does not say of which."""
    held: list[tuple[bytes, bytes, int]] = []
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as db:
        if db.execute("SELECT value FROM meta WHERE key = 'model'").fetchone() != (model,):
            return []
        for row in db.execute("SELECT digest, vector, crc FROM vectors"):
            if sound(*row):
                held.append(row)
    return held


def note_deletion(db: sqlite3.Connection, path: str, doc_id: str) -> None:
    """Before a file is forgotten: what its document can be recognised by."""
    ids = [number for (number,) in db.execute("SELECT id FROM passages WHERE doc_id = ? ORDER BY ord", (doc_id,))]
    probes = probes_of(text_of(db, doc_id, 0, _TEXT))
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    # The id is written backwards: a search of this file's bytes for it must find what was left behind, not this row.
    told = (hashed(path), doc_id[::-1], now, np.array(ids, dtype=np.int64).tobytes(), probes.tobytes())
    db.execute("INSERT OR REPLACE INTO deletions VALUES (?, ?, ?, ?, ?)", told)


def deletions(db: sqlite3.Connection, path: str) -> list[Deletion]:
    found = db.execute("SELECT doc_id, at, passages, probes FROM deletions WHERE name = ? ORDER BY at", (hashed(path),))
    return [
        Deletion(
            doc_id[::-1], at, tuple(np.frombuffer(ids, dtype=np.int64).tolist()), np.frombuffer(probes, dtype=np.uint64)
        )
        for doc_id, at, ids, probes in found
    ]
