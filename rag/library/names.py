"""Which documents a filter means: found by the library's indexes, so that a filtered question costs what it finds and not
what there is."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Collection, Iterator
from fnmatch import translate

from rag.library.rows import LIST, clean, id_list, pack, unpack

_GLOB = re.compile(r"[*?\[]")
# Each distinct date by one step down the index (https://www.sqlite.org/optoverview.html#skipscan is not taken for DISTINCT).
_DATES = """
WITH RECURSIVE told (date) AS (
    SELECT min(date) FROM documents WHERE date != x''
    UNION ALL SELECT (SELECT min(date) FROM documents WHERE date != x'' AND date > told.date) FROM told
    WHERE told.date IS NOT NULL
) SELECT date FROM told WHERE date IS NOT NULL
"""


def named(db: sqlite3.Connection, name: str) -> set[str]:
    """Ids of the documents that a name means; none where it means none. A file may be called report[1].pdf and a folder
    2023[old]: what is there under the very name goes before a pattern."""
    if db.execute("SELECT 1 FROM documents WHERE id = ?", (clean(name),)).fetchone():
        return {name}
    told = unicodedata.normalize("NFC", name)
    exact = pack(told)
    found = {
        row[0]
        for sql in (
            "SELECT doc_id FROM sources WHERE path = ? AND composed IS NULL",
            "SELECT doc_id FROM sources WHERE composed = ?",
        )
        for row in db.execute(sql, (exact,))
    }
    if told.endswith("/"):
        found = {doc_id for _, doc_id in _below(db, exact)}
    if not found and _GLOB.search(told):
        pattern = told + "*" if told.endswith("/") else told
        fits = re.compile(translate(pattern)).match
        fixed = pack(pattern[: _first(pattern)])
        found = {doc_id for path, doc_id in _below(db, fixed) if fits(unpack(path))}
    return found


def dates(db: sqlite3.Connection) -> list[str]:
    return [unpack(row[0]) for row in db.execute(_DATES)]


def dated(db: sqlite3.Connection, dates: Collection[str]) -> set[str]:
    sql = "SELECT id FROM documents WHERE date = ? AND date != x''"
    return {row[0] for date in dates for row in db.execute(sql, (pack(date),))}


def holding(db: sqlite3.Connection, roles: Collection[str]) -> set[str]:
    """Ids of the documents with a passage of one of these roles; body text, which nearly all have, is looked for the long
    way."""
    rare = [role for role in roles if role != "body"]
    sql = f"SELECT DISTINCT doc_id FROM passages WHERE role IN {LIST} AND role != 'body'"
    found = {row[0] for row in db.execute(sql, (id_list(rare),))}
    if "body" in roles:
        found |= {row[0] for row in db.execute("SELECT DISTINCT doc_id FROM passages WHERE role = 'body'")}
    return found


def _below(db: sqlite3.Connection, prefix: bytes) -> Iterator[tuple[bytes, str]]:
    """Files whose composed name begins so, with their documents; the name is given composed."""
    end = prefix + b"\xff"  # no UTF-8 holds this byte
    for column, where in (("path", "composed IS NULL"), ("composed", "composed IS NOT NULL")):
        sql = f"SELECT {column}, doc_id FROM sources WHERE {column} >= ? AND {column} < ? AND {where}"
        yield from db.execute(sql, (prefix, end))


def _first(pattern: str) -> int:
    """Where the pattern begins in a name."""
    found = _GLOB.search(pattern)
    return found.start() if found else len(pattern)
