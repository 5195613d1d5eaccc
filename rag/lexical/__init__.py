"""The lexical ranker: BM25 over our own tokens, kept by tantivy.

BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), k1 = 1.2, b = 0.75;
tantivy keeps a passage's length to about 6 %. Each distinct token of a query counts once. Title and section path are indexed
with the text, as they are embedded with it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import BusyError, IndexBrokenError, RagError
from rag.lexical.files import META, damages, stamp_of, verify
from rag.text import tokens
from rag.types import Passage

_HEAP = 64_000_000  # bytes that tantivy may fill before it writes a segment
_MARGIN = 16  # hits beyond k, so that ties at the end are seen
_SMALL = 5000  # passages up to which an index is rewritten for every removal
_STALE = 0.1  # share of removed passages from which a larger one is
_STEP = 1 << 16  # passages looked up together, where all are: 10 MB
_IDS = 1 << 63  # above every passage id
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
        self._written: int | None = None  # passages added since the last commit; None: nothing to commit
        self._dead = 0  # passages removed whose tokens are still in some segment, at most
        self._lost: RagError | None = None  # a search lost the writer with what was added: `flush` must tell
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", stored=True, indexed=True, fast=True)
        builder.add_text_field("doc", stored=True, tokenizer_name="raw", index_option="basic")
        builder.add_text_field("body", stored=True, tokenizer_name="whitespace", index_option="freq")
        self._schema = builder.build()
        self._index = self._open()

    def add(self, passages: Sequence[Passage]) -> None:
        """Upserts by passage id."""
        if not passages:
            return
        latest = {passage.id: passage for passage in passages}
        with self._lock, self._writable():
            writer = self._writing()
            self._written = (self._written or 0) + len(latest)
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
        with self._lock, self._writable():
            writer = self._writing()
            self._written = self._written or 0
            writer.delete_documents_by_query(self._any("doc", [_storable(doc) for doc in doc_ids]))

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
        total, count = searcher.num_docs, min(k, searcher.num_docs) + _MARGIN  # tantivy makes room for all of these
        while True:
            hits = searcher.search(wanted, limit=count, count=False).hits
            # Ties at the end: tantivy lists whichever it met first, the lower ids must win, so all of them are needed.
            if len(hits) < count or count >= total or hits[-1][0] < hits[k - 1][0]:
                break
            count *= 4
        numbers = searcher.fast_field_values("id", [address for _, address in hits])
        found = [(int(number), float(score)) for number, (score, _) in zip(numbers, hits, strict=True)]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def trust(self, query: str, best: float) -> float:
        """How far a list whose first score is `best` can be trusted, 0..1: the share of the query's rarity that the
        first hit holds, doubled, as half of a question is the question itself ("是什么", "how many").

        The whole is what an average passage with every token of the query once would score. (Measured medians of the
        share: .54–.82 for questions in the passages' language, .12 for XQuAD's English questions over its Chinese text.)
        """
        searcher = self._searcher()
        total = searcher.num_docs
        whole = 0.0
        for term in dict.fromkeys(_terms(query)):
            holding = searcher.doc_freq("body", term)
            whole += math.log1p((total - holding + 0.5) / (holding + 0.5)) if total >= holding else 0.0
        return min(1.0, 2 * best / whole) if whole > 0 else 0.0

    def flush(self) -> None:
        """Makes all that came before durable. Tokens of removed passages are then out of the files and the statistics, in
        a large index as soon as a tenth is removed."""
        with self._lock, self._writable():
            lost, self._lost = self._lost, None
            if lost is not None:
                raise lost
            self._commit()
            live = self._index.searcher().num_docs
            if self._dead and (live <= _SMALL or self._dead > _STALE * live):
                self._rewrite()
            if self._writer is not None:
                self._writer.wait_merging_threads()  # ends the writer and gives its lock file back
                self._writer = None
                self._index.reload()

    def purge(self) -> None:
        """Takes tokens of removed passages out of the files and the statistics now, however large the index."""
        with self._lock, self._writable():
            self._commit()
            if self._dead:
                self._rewrite()
        self.flush()

    def reload(self) -> None:
        """Takes what another process has committed since. What a lost writer held is to be added again."""
        with self._lock:
            self._lost = None
            self._index.reload()

    @property
    def count(self) -> int:
        """How many passages are held."""
        return int(self._searcher().num_docs)

    @property
    def stamp(self) -> str:
        """What the durable state is called: another string after every `flush` that wrote. "": nothing is durable."""
        return stamp_of(self._directory) if self._directory is not None else ""

    def ids(self) -> NDArray[np.int64]:
        """Every passage id held, in order."""
        searcher = self._searcher()
        found = [np.array(searcher.fast_field_values("id", some), dtype=np.int64) for some in self._addresses(searcher)]
        return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *found]))

    def check(self) -> list[str]:
        """Reads every file and says what is not as it was written. Empty: sound. (Opening does so while they are small.)"""
        return damages(self._directory) if self._directory is not None else []

    def _addresses(self, searcher: Any) -> Iterator[list[Any]]:
        """Where all passages are, at most `_STEP` at a time (as objects, millions would fill the memory): by ranges of their
        ids, which are spread evenly; where they are not, a range is halved."""
        t, pieces = self._tantivy, 2 * searcher.num_docs // _STEP + 1
        edges = [(at * _IDS) // pieces for at in range(pieces + 1)]
        ranges = [(low, high - 1) for low, high in pairwise(edges)]
        while ranges:
            low, high = ranges.pop()
            within = t.Query.range_query(self._schema, "id", t.FieldType.Unsigned, low, high)
            hits = searcher.search(within, _STEP, count=False).hits
            if len(hits) == _STEP and low < high:
                middle = (low + high) // 2
                ranges += [(low, middle), (middle + 1, high)]
            elif hits:
                yield [address for _, address in hits]

    def _open(self) -> Any:
        if self._directory is None:
            return self._tantivy.Index(self._schema)
        path = Path(self._directory)
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not (path / META).exists() and any(path.glob("*.store")):
                raise ValueError("meta.json is missing")
            self._dead = verify(path)
            index = self._tantivy.Index(self._schema, path=str(path), reuse=True)
            index.config_reader(reload_policy="manual")
            index.reload()
            return index
        except (ValueError, KeyError, TypeError, OSError) as error:
            if _outside(error):
                raise self._unusable(error) from error
            raise IndexBrokenError(
                f"the lexical index in {path} is damaged ({error}); run: python -m rag rebuild",
                f"{path} 中的全文索引已损坏（{error}）；请运行：python -m rag rebuild",
            ) from error

    def _writing(self) -> Any:
        if self._writer is None:
            try:
                self._writer = self._index.writer(_HEAP, 1)  # one thread: the same passages give the same segments
            except ValueError as error:
                if "LockBusy" not in str(error):
                    raise self._unusable(error) from error
                raise BusyError(
                    f"another process is writing the lexical index in {self._directory}; try again when it is done",
                    f"另一个进程正在写入 {self._directory} 中的全文索引；请等它结束后再试",
                ) from error
        return self._writer

    def _commit(self) -> None:
        if self._written is None:
            return
        before = self._index.searcher().num_docs
        self._end(self._writing())
        self._dead += before + self._written - self._index.searcher().num_docs
        self._written = None

    def _rewrite(self) -> None:
        """Writes every passage anew in one commit: tantivy drops a segment when nothing in it is left, and until then
        keeps a removed passage's tokens in it and counts them."""
        searcher, writer = self._index.searcher(), self._writing()
        writer.delete_documents_by_query(self._tantivy.Query.all_query())
        # In the order that they have, as numbers: as the store is written, and the same passages give the same segments.
        places = (np.array([(a.segment_ord << 32) + a.doc for a in some]) for some in self._addresses(searcher))
        for place in np.sort(np.concatenate([np.empty(0, dtype=np.int64), *places])):
            writer.add_document(searcher.doc(self._tantivy.DocAddress(int(place) >> 32, int(place) & 0xFFFFFFFF)))
        self._end(writer)
        self._dead = 0

    def _end(self, writer: Any) -> None:
        writer.commit()
        self._index.reload()

    @contextmanager
    def _writable(self) -> Iterator[None]:
        """A full disk costs the writer with all that it had not committed; what was committed before stands."""
        try:
            yield
        except ValueError as error:
            writer, self._writer, self._written = self._writer, None, None
            if writer is not None:
                with suppress(ValueError, RuntimeError):  # gives its lock file back; it may have done so
                    writer.wait_merging_threads()
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> RagError:
        return RagError(
            f"the lexical index in {self._directory} cannot be used ({error}); check permissions and free space, or set"
            " index_dir",
            f"无法使用 {self._directory} 中的全文索引（{error}）；请检查权限与磁盘空间，或设置 index_dir",
        )

    def _searcher(self) -> Any:
        # What was added is found at once, but for what is being written just now: nobody waits for a flush.
        if self._written is not None and self._lock.acquire(blocking=False):
            try:
                with self._writable():
                    self._commit()
            except RagError as error:  # a search goes on with what stands; whoever wrote is told by `flush`
                self._lost = error
            finally:
                self._lock.release()
        return self._index.searcher()

    def _any(self, field: str, values: Sequence[int] | Sequence[str]) -> Any:
        return self._tantivy.Query.term_set_query(self._schema, field, list(values))


def _terms(text: str) -> list[str]:
    return [token[:_LONGEST] for token in tokens(text)]


def _storable(doc_id: str) -> str:
    return doc_id.encode("utf-8", "backslashreplace").decode()


def _outside(error: Exception) -> bool:
    """Whether it is the disk or a permission that is wrong, and not what a file says."""
    told = isinstance(error, OSError) or "os error" in str(error)
    return told and not (isinstance(error, FileNotFoundError) or "os error 2)" in str(error))
