"""What a citation says of its document, for passages that are proved to be as they were stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from rag.library.rows import LIST, id_list, unpack
from rag.types import Passage


def places(db: sqlite3.Connection, passages: Sequence[Passage]) -> dict[int, tuple[str, str]]:
    """Title and source of their documents by the passages' ids, for those alone whose words (head and text) have the digest
    that was stored with them. Read by their ids: no document's text is read for it."""
    sql = (
        "SELECT p.id, p.digest, d.title, coalesce((SELECT min(path) FROM sources WHERE doc_id = d.id), d.source)"
        f" FROM passages p JOIN documents d ON d.id = p.doc_id WHERE p.id IN {LIST}"
    )
    given = {passage.id: passage for passage in passages}
    found = db.execute(sql, (id_list(given),)).fetchall()
    return {
        number: (unpack(title), unpack(source))
        for number, digest, title, source in found
        if digest == given[number].digest
    }
