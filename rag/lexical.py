"""The lexical ranker: BM25 over our own tokens, kept by tantivy.

BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), k1 = 1.2, b = 0.75;
tantivy keeps a passage's length to about 6 %. Each distinct token of a query counts once. Title and section path are indexed
with the text, as they are embedded with it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from rag.errors import BusyError, IndexBrokenError
from rag.text import tokens
from rag.types import Passage

_HEAP = 64_000_000  # bytes that tantivy may fill before it writes a segment
_MARGIN = 16  # hits beyond k, so that ties at the end are seen
_LONGEST = 200  # characters of a token that count; tantivy drops tokens of 64 KB


class LexicalRanker:
    """A `Ranker` named "lexical" in `directory`, or in memory where that is None.

    What was added is found at once, and lasts from `flush` on. Raises IndexBrokenError where the directory is damaged.
    """

    name = "lexical"

    def __init__(self, directory: Path | None = None) -> None:
        import tantivy

        self._tantivy = tantivy
        self._directory = directory
        self._lock = threading.Lock()
        self._writer: Any = None
        self._pending = False  # written but not yet committed
        self._settled = True  # committed and merged
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", stored=True, indexed=True, fast=True)
        builder.add_text_field("doc", tokenizer_name="raw", index_option="basic")
        builder.add_text_field("body", tokenizer_name="whitespace", index_option="freq")
        self._schema = builder.build()
        self._index = self._open()

    def add(self, passages: Sequence[Passage]) -> None:
        """Upserts by passage id."""
        if not passages:
            return
        latest = {passage.id: passage for passage in passages}
        with self._lock:
            writer = self._writing()
            writer.delete_documents_by_query(self._any("id", list(latest)))
            for passage in latest.values():
                document = self._tantivy.Document()
                document.add_unsigned("id", passage.id)
                document.add_text("doc", _storable(passage.doc_id))
                document.add_text("body", " ".join(_terms(passage.context)))
                writer.add_document(document)

    def remove(self, doc_ids: Collection[str]) -> None:
        """Forgets every passage of these documents; unknown ids are ignored."""
        if not doc_ids:
            return
        with self._lock:
            self._writing().delete_documents_by_query(self._any("doc", [_storable(doc) for doc in doc_ids]))

    def search(self, query: str, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        """At most k (passage id, BM25), best first, ties by id. Any string is a query: it is only ever cut into
        tokens, there is no syntax. A passage that shares no token with it is not found."""
        terms = list(dict.fromkeys(_terms(query)))
        if k <= 0 or not terms or (doc_ids is not None and not doc_ids):
            return []
        t, should, must = self._tantivy, self._tantivy.Occur.Should, self._tantivy.Occur.Must
        wanted = t.Query.boolean_query([(should, t.Query.term_query(self._schema, "body", x, "freq")) for x in terms])
        if doc_ids is not None:
            allowed = self._any("doc", [_storable(doc) for doc in doc_ids])
            wanted = t.Query.boolean_query([(must, wanted), (must, t.Query.const_score_query(allowed, 0.0))])
        searcher = self._searcher()
        total, count = searcher.num_docs, k + _MARGIN
        while True:
            hits = searcher.search(wanted, limit=count, count=False).hits
            # Ties at the end: tantivy lists whichever it met first, the lower ids must win, so all of them are needed.
            if len(hits) < count or count >= total or hits[-1][0] < hits[k - 1][0]:
                break
            count *= 4
        found = [(int(searcher.doc(address).get_first("id")), float(score)) for score, address in hits]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def flush(self) -> None:
        """Makes all that came before durable, and rewrites segments until nothing removed is left in them."""
        with self._lock:
            self._commit()
            if self._writer is not None:
                self._writer.wait_merging_threads()  # ends the writer and gives its lock file back
                self._writer = None
                self._index.reload()

    @property
    def count(self) -> int:
        """How many passages are held."""
        return int(self._searcher().num_docs)

    def ids(self) -> set[int]:
        """Every passage id held."""
        searcher = self._searcher()
        if not searcher.num_docs:
            return set()
        hits = searcher.search(self._tantivy.Query.all_query(), limit=searcher.num_docs, count=False).hits
        return {int(searcher.doc(address).get_first("id")) for _, address in hits}

    def _open(self) -> Any:
        if self._directory is None:
            return self._tantivy.Index(self._schema)
        path = Path(self._directory)
        path.mkdir(parents=True, exist_ok=True)
        try:
            if not (path / "meta.json").exists() and any(path.glob("*.store")):
                raise ValueError("meta.json is missing")
            index = self._tantivy.Index(self._schema, path=str(path), reuse=True)
            index.config_reader(reload_policy="manual")
            index.reload()
            return index
        except (ValueError, OSError) as error:
            raise IndexBrokenError(
                f"the lexical index in {path} is damaged ({error}); run: python -m rag rebuild",
                f"{path} 中的全文索引已损坏（{error}）；请运行：python -m rag rebuild",
            ) from error

    def _writing(self) -> Any:
        if self._writer is None:
            try:
                self._writer = self._index.writer(_HEAP, 1)  # one thread: the same passages give the same segments
            except ValueError as error:
                raise BusyError(
                    f"another process is writing the lexical index in {self._directory}; try again when it is done",
                    f"另一个进程正在写入 {self._directory} 中的全文索引；请等它结束后再试",
                ) from error
        self._pending = True
        return self._writer

    def _commit(self) -> None:
        if self._pending:
            self._writer.commit()
            self._index.reload()
            self._pending = False

    def _searcher(self) -> Any:
        if self._pending:
            with self._lock:
                self._commit()
        return self._index.searcher()

    def _any(self, field: str, values: Sequence[int] | Sequence[str]) -> Any:
        return self._tantivy.Query.term_set_query(self._schema, field, list(values))


def _terms(text: str) -> list[str]:
    return [token[:_LONGEST] for token in tokens(text)]


def _storable(doc_id: str) -> str:
    return doc_id.encode("utf-8", "backslashreplace").decode()
