"""Milvus: vectors on other machines, as many as it takes. `pymilvus` is an extra.

    milvus:http://host:19530/collection      a server or a cluster (https and /database/collection too)
    milvus:folder/vectors.db/collection      Milvus Lite in a directory, which one process at a time can open

A row is a passage's id, 63 bits of a hash of its document's id, and its vector (float32, unit length, so that the inner
product is the cosine). Document ids themselves are never sent: a filter holds numbers alone, whatever an id holds.

Milvus acknowledges a write when it is durable, so nothing is kept here, not even ids. A deletion shows at once in what it
answers; the bytes go when it compacts its segments.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import StoreAwayError
from rag.protocols import Vectors
from rag.stores.apart import PARTS
from rag.stores.collection import WORK, OwnedCollection
from rag.stores.line import address_of, line_to
from rag.stores.memory import checked, unit_query

_STAMP = "judian.stamp"  # a property of the collection
_DEEPEST = 16384  # rows of one answer: Milvus's own limit
_ROWS = 1000  # sent together: 1.5 MB at 384 numbers
_FILTER = 10_000  # numbers in one filter, some 200 kB
_MARGIN = 32  # hits beyond k, among which equal scores are put in order of id
_DIGITS = 6  # of a score: equal vectors must tie, and single precision tells no more
_ANSWER = 2.0  # seconds that a question waits for a server


def open_milvus(address: str, dim: int, part: str, directory: Path | None = None) -> MilvusStore:
    """The vectors of one part ("han" or "other") of an index: the collection that `address` names, and the part.
    `directory` is the index's `vectors`; without it the collection is taken as it is, whoever filled it.

    A server that is away is no error here. Raises SettingsError for an address that is none and for a collection of another
    program or index, IndexMismatchError for vectors of another dimension, MissingExtraError."""
    where = address_of(address)
    collection = OwnedCollection(line_to(where), f"{where.collection}_{part}", dim, directory)
    with contextlib.suppress(StoreAwayError):
        collection.exists()
    return MilvusStore(collection, dim)


def left_of(address: str, doc_ids: Collection[str], ids: Collection[int] = ()) -> set[int]:
    """The passages that the collections still hold of these documents, or by these ids. Raises StoreAwayError."""
    expressions = [*_among("doc", map(_key, doc_ids)), *_among("id", ids)]
    stores = _as_they_are(address)
    return {number for store in stores for expression in expressions for number in store.ids(expression).tolist()}


def state_of(address: str) -> tuple[str, int]:
    """The server's version, and how many vectors it holds for this address. Raises StoreAwayError, SettingsError."""
    version = line_to(address_of(address)).call(lambda client: str(client.get_server_version(timeout=_ANSWER)))
    return version, sum(store.count for store in _as_they_are(address))


def _as_they_are(address: str) -> list[MilvusStore]:
    where = address_of(address)
    names = [f"{where.collection}_{part}" for part in PARTS]
    return [MilvusStore(OwnedCollection(line_to(where), name, 0, None), 0) for name in names]


class MilvusStore:
    """A `VectorStore` on a Milvus server. Every method may raise StoreAwayError; what was written by then stays."""

    def __init__(self, rows: OwnedCollection, dim: int) -> None:
        self.dim = dim
        self._rows = rows
        self._name = rows.name
        self._dirty = False  # whether something was written since the last flush

    def add(self, ids: Sequence[int], doc_ids: Sequence[str], vectors: Vectors) -> None:
        numbers, docs, rows = checked(ids, doc_ids, vectors, self.dim)
        keys = [_key(doc) for doc in docs]
        for at in range(0, len(numbers), _ROWS):
            part = slice(at, at + _ROWS)
            batch = [
                {"id": number, "doc": key, "vector": row}
                for number, key, row in zip(numbers[part].tolist(), keys[part], rows[part], strict=True)
            ]
            self._dirty = True
            self._rows.write(partial(self._upsert, batch=batch))

    def search(self, vector: Vectors, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        query = unit_query(vector, self.dim).astype(np.float32)
        if k <= 0:
            return []
        filters = [""] if doc_ids is None else list(_among("doc", map(_key, set(doc_ids))))
        k = min(k, _DEEPEST)
        found = [hit for expression in filters for hit in self._best(query, k, expression)]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def remove(self, doc_ids: Collection[str]) -> None:
        for expression in _among("doc", map(_key, set(doc_ids))):
            if self._rows.exists():  # nothing is made in order to remove from it
                self._dirty = True
                self._rows.write(partial(self._delete, expression=expression))

    def discard(self, ids: NDArray[np.int64]) -> None:
        """Forgets the vectors of these ids; unknown ones are ignored, and nothing is written for them."""
        for expression in _among("id", ids.tolist()):
            none: list[int] = []
            held = self._rows.read(partial(self._held, expression=expression), none)
            for there in _among("id", held):
                self._dirty = True
                self._rows.write(partial(self._delete, expression=there))

    def flush(self) -> None:
        """What was acknowledged is durable; a new stamp says that it is another state."""
        if self._dirty:
            self._rows.write(self._stamped)
            self._dirty = False
        else:
            self._rows.tidy()

    def reload(self) -> None:
        """Nothing is kept here that could be out of date, but for whether the collection is there."""
        self._rows.look_again()

    def ids(self, expression: str = "") -> NDArray[np.int64]:
        """Every id held (that a filter lets through), sorted."""
        return np.sort(self._rows.read(partial(self._listed, expression=expression), np.empty(0, dtype=np.int64)))

    @property
    def count(self) -> int:
        return self._rows.read(self._counted, 0)

    @property
    def stamp(self) -> str:
        """Another one after every flush that wrote; "" where none was made yet, or the server is away."""
        try:
            return self._rows.read(self._stamp_of, "none")
        except StoreAwayError:
            return ""

    def _best(self, query: Vectors, k: int, expression: str) -> list[tuple[int, float]]:
        """The k best by the filter. Where more tie at the cut than were asked for, more are asked for."""
        count = min(k + _MARGIN, _DEEPEST)
        while True:
            hits: list[tuple[int, float]] = []
            hits = self._rows.read(
                partial(self._hits, query=query, count=count, expression=expression), hits, missed=True
            )
            if len(hits) < count or hits[-1][1] < hits[k - 1][1] or count == _DEEPEST:
                return hits[:k]
            count = min(count * 4, _DEEPEST)

    def _hits(self, client: Any, query: Vectors, count: int, expression: str) -> list[tuple[int, float]]:
        """By score, then id. What this process wrote is seen; what another wrote a moment ago may not yet be."""
        found = client.search(
            self._name,
            [query],
            filter=expression,
            limit=count,
            output_fields=["id"],  # Lite would send the vectors too
            anns_field="vector",
            consistency_level="Session",
            timeout=WORK if self._rows.lite else _ANSWER,  # Lite is slow, not away
        )
        hits = ((int(hit["id"]), round(float(hit["distance"]), _DIGITS) + 0.0) for hit in found[0])
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))

    def _upsert(self, client: Any, batch: list[dict[str, Any]]) -> None:
        client.upsert(self._name, batch, timeout=WORK)

    def _delete(self, client: Any, expression: str) -> None:
        client.delete(self._name, filter=expression, timeout=WORK)

    def _stamped(self, client: Any) -> None:
        if self._rows.lite:  # it scans what it has not written into segments
            client.flush(self._name, timeout=WORK)
        client.alter_collection_properties(self._name, {_STAMP: secrets.token_hex(8)}, timeout=WORK)

    def _stamp_of(self, client: Any) -> str:
        told = client.describe_collection(self._name, timeout=WORK)
        return str((told.get("properties") or {}).get(_STAMP, ""))

    def _held(self, client: Any, expression: str) -> list[int]:
        rows = client.query(
            self._name, filter=expression, output_fields=["id"], consistency_level="Session", timeout=WORK
        )
        return [int(row["id"]) for row in rows]

    def _counted(self, client: Any) -> int:
        rows = client.query(self._name, filter="", output_fields=["count(*)"], consistency_level="Strong", timeout=WORK)
        return int(rows[0]["count(*)"])

    def _listed(self, client: Any, expression: str) -> NDArray[np.int64]:
        pages = client.query_iterator(
            self._name,
            batch_size=_DEEPEST,
            filter=expression,
            output_fields=["id"],
            consistency_level="Strong",
            timeout=WORK,
        )
        found = [np.empty(0, dtype=np.int64)]
        while page := pages.next():
            found.append(np.fromiter((row["id"] for row in page), dtype=np.int64, count=len(page)))
        pages.close()
        return np.concatenate(found)


def _key(doc_id: str) -> int:
    """63 bits of a document's id."""
    return int.from_bytes(hashlib.sha256(doc_id.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1


def _among(field: str, numbers: Iterable[int]) -> Iterator[str]:
    """Filters that together let these through, each of bounded length."""
    ordered = sorted({int(number) for number in numbers})
    for at in range(0, len(ordered), _FILTER):
        yield f"{field} in {ordered[at : at + _FILTER]}"
