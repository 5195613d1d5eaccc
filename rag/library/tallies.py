"""What the library notes with every change, in the same transaction, so that nobody has to go through everything for it:
how many there are, which documents no file holds, which kept vectors no passage has, and how far each ranker was when all
that is called indexed was durable in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

from rag.library.schema import ORPHANED, STRAY


def count(db: sqlite3.Connection, **more: int) -> None:
    """Adds to the counts of documents and passages."""
    db.executemany("UPDATE counts SET n = n + ? WHERE of = ?", [(n, of) for of, n in more.items() if n])


def counted(db: sqlite3.Connection, of: str) -> int:
    row = db.execute("SELECT n FROM counts WHERE of = ?", (of,)).fetchone()
    if row is None:
        raise sqlite3.DatabaseError(f"it does not say how many {of} it holds")
    return int(row[0])


def settle_orphan(db: sqlite3.Connection, doc_id: str) -> None:
    """Notes whether a document, one of whose files came or went, is one that no file holds."""
    held = db.execute("SELECT 1 FROM sources WHERE doc_id = ?", (doc_id,)).fetchone()
    if held:
        db.execute("DELETE FROM orphaned WHERE doc_id = ?", (doc_id,))
    else:
        db.execute("INSERT OR IGNORE INTO orphaned SELECT id FROM documents WHERE id = ?", (doc_id,))


def orphans(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute("SELECT doc_id FROM orphaned ORDER BY doc_id")]


def digests_of(db: sqlite3.Connection, where: str, parameter: str) -> list[bytes]:
    """The digests of the passages that are about to go."""
    return [row[0] for row in db.execute(f"SELECT DISTINCT digest FROM passages WHERE {where}", (parameter,)) if row[0]]


def wanted(db: sqlite3.Connection, digests: Sequence[bytes]) -> None:
    """Notes that passages of these digests came."""
    if digests and db.execute("SELECT 1 FROM stray LIMIT 1").fetchone():  # mostly there is none at all
        db.executemany("DELETE FROM stray WHERE digest = ?", [(digest,) for digest in digests])


def unwanted(db: sqlite3.Connection, digests: Sequence[bytes]) -> None:
    """Notes that passages of these digests went, or that vectors came: those that no passage has (any more) are stray."""
    db.executemany(
        "INSERT OR IGNORE INTO stray SELECT digest FROM vectors WHERE digest = ?1"
        " AND NOT EXISTS (SELECT 1 FROM passages WHERE digest = ?1)",
        [(digest,) for digest in digests],
    )


def drop_strays(db: sqlite3.Connection) -> None:
    """Deletes the vectors that no passage has."""
    unused = "NOT EXISTS (SELECT 1 FROM passages WHERE digest = stray.digest)"
    db.execute(f"DELETE FROM vectors WHERE digest IN (SELECT digest FROM stray WHERE {unused})")
    db.execute("DELETE FROM stray")


def put_stamps(db: sqlite3.Connection, stamps: Mapping[str, str]) -> None:
    db.executemany("INSERT OR REPLACE INTO stamps VALUES (?, ?)", list(stamps.items()))


def wrong(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """What is noted and not so, found the long way: (what, the document that it is confined to or "").  A stray vector too
    many or too few is no damage: it costs an encoding, or some space until everything is proved."""
    for of in ("documents", "passages"):
        noted, found = counted(db, of), db.execute(f"SELECT count(*) FROM {of}").fetchone()[0]
        if noted != found:
            yield f"it counts {noted} {of} and holds {found}", ""
    noted_ones, found_ones = set(orphans(db)), {row[0] for row in db.execute(ORPHANED)}
    for doc_id in sorted(found_ones - noted_ones):
        yield "a document that no file holds is not known as such", doc_id
    for doc_id in sorted(noted_ones - found_ones):
        yield "a document that a file holds is taken for one that none does", doc_id
    sql = "SELECT id FROM documents d WHERE passages != (SELECT count(*) FROM passages WHERE doc_id = d.id)"
    for (doc_id,) in db.execute(sql):
        yield "a document has not as many passages as it counts", doc_id


def unowned(db: sqlite3.Connection) -> int:
    """How many kept vectors no passage has, found the long way."""
    return int(db.execute(f"SELECT count(*) FROM ({STRAY})").fetchone()[0])
