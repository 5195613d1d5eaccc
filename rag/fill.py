"""From the library to the rankers: one group of passages is encoded while the next files are read and stored, and what is
encoded answers at once.

    main thread:   read, store, read, store …      lexical.add(group 1)   read, store …     lexical.add(group 2)
    beside it:                                      dense.add(group 1) ───────────────────→ dense.add(group 2) ──→
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from rag.errors import RagError, StoreAwayError
from rag.index import Index
from rag.protocols import ProgressFn
from rag.types import Passage, Progress

_GROUP = 192  # passages encoded together, while the next files are read: about a second on two cores
_OFTEN = 4000  # passages after which the rankers' files are written at the latest while they are small
_SHARE = (
    0.25  # … and share of what they hold, while they are large: writing them all for every group would cost the most
)
_SECONDS = 120.0  # … and time


class Filler:
    """Brings the rankers in step with the library. Vectors are durable group by group, the rankers' own files now and
    then: what a crash takes of those comes back from the library without being encoded again.

    A context manager: it ends its thread, after a failure too."""

    def __init__(self, index: Index, progress: ProgressFn | None) -> None:
        self._index = index
        self._report: ProgressFn = progress or (lambda _: None)
        self._telling = threading.Lock()  # progress comes from two threads, one word at a time
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="judian-encode")
        self._ahead: Future[None] | None = None  # the group that is being encoded
        self._ahead_docs: list[str] = []
        self._started = self._flushed = time.perf_counter()
        self._files = self._bytes = 0  # to read in all
        self._files_read = self._bytes_read = 0
        self._found = 0  # passages of the files read so far
        self._waiting = 0  # of these, not yet given to the rankers
        self._done = self._since = 0  # encoded; of these, since the last flush
        self._encoding = 0.0  # seconds spent encoding
        self._docs: list[str] = []  # held by the rankers, not yet durably
        self._gone: set[str] = set()  # removed, and no longer held by the rankers
        self._away: StoreAwayError | None = None  # why the rest goes to the lexical index alone
        self._left: set[str] = set()  # the documents of that rest: they wait for the next run

    def __enter__(self) -> Filler:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        interrupted: KeyboardInterrupt | None = None
        while True:  # nothing may be written once the caller has given the lock back, however often Ctrl-C is pressed
            try:
                self._encoder.shutdown(wait=True, cancel_futures=True)
                break
            except KeyboardInterrupt as error:
                interrupted = error
        if kind is not None:
            with suppress(RagError):  # ends its writer: the next question must not commit, nor keep others from writing
                self._index.lexical.flush()
        elif interrupted is not None:
            raise interrupted

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._started

    def begin(self, files: int, size: int) -> None:
        """Says how many files, of how many bytes, are about to be read; then clears what a stopped run left."""
        self._files, self._bytes = files, size
        self._found = self._waiting = self._index.library.waiting
        self._tell("files")
        if self._waiting >= _GROUP:
            self.fill()

    def read(self, name: str, size: int, passages: int) -> None:
        """Says that a file has been read, and encodes when enough passages wait."""
        self._files_read += 1
        self._bytes_read += size
        self._found += passages
        self._waiting += passages
        self._tell("files", name)
        if self._waiting >= _GROUP:
            self.fill()

    def fill(self) -> None:
        """Gives what waits to the rankers; the last group of it is still being encoded afterwards. Documents that no file
        holds any more go when those that replace them are there."""
        library = self._index.library
        held = {*self._docs, *self._ahead_docs, *self._left}
        replaced = library.orphans()  # by what waits now
        group: list[Passage] = []
        docs: list[str] = []
        for doc in library.unindexed():
            if doc in held:
                continue
            docs.append(doc)
            group += library.passages_of(doc)
            if len(group) >= _GROUP:
                self._add(docs, group)
                docs, group = [], []
                self._flush_now_and_then()
        if docs:
            self._add(docs, group)
        self._waiting = 0
        if replaced:
            self._collect()
            library.remove(replaced)
        self._flush_now_and_then()

    def _flush_now_and_then(self) -> None:
        share = _SHARE * (self._index.library.count - self._index.library.waiting)
        often = max(min(_OFTEN, self._done - self._since), share)  # the first ones are ready at once
        if self._since >= often or time.perf_counter() - self._flushed > _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Makes durable what the rankers hold, and forgets in them what was removed."""
        self._collect()
        index = self._index
        removed = [doc for doc in index.library.removed() if doc not in self._gone]
        if removed:
            index.lexical.remove(removed)
            self._stored(lambda: index.dense.remove(removed))
        if removed or self._docs or self._left:
            if not self._stored(index.flush):
                index.lexical.flush()
                self._since, self._flushed = 0, time.perf_counter()
                return
            index.library.mark_indexed(self._docs, index.stamps)
        self._gone.update(removed)
        self._docs, self._since, self._flushed = [], 0, time.perf_counter()

    def finish(self) -> None:
        """Encodes the rest, makes all durable, and says that it is done. Only now are vectors dropped that no passage has:
        those of a document that was taken out to be read again are wanted when it is.

        Raises StoreAwayError where the vector store was away: words find what is new, and the next run goes on."""
        self.fill()
        self.flush()
        if self._away:
            raise self._away
        gone = self._index.library.removed()
        if gone or (self._done and self._index.library.stray_vectors()):
            self._index.library.mark_forgotten(gone)
        if self._files:
            self._tell("files")
        if self._done:
            self._tell("passages")

    def _add(self, docs: list[str], passages: list[Passage]) -> None:
        """Starts encoding a group, when the one before is done, and puts it into the lexical index meanwhile."""
        self._collect()
        index = self._index
        if self._stored(lambda: index.dense.remove(docs)):
            self._ahead_docs = docs
            self._ahead = self._encoder.submit(self._encode, passages)
        else:
            self._left.update(docs)
        index.lexical.remove(docs)
        index.lexical.add(passages)

    def _encode(self, passages: Sequence[Passage]) -> None:
        self._tell("passages")
        began = time.perf_counter()
        self._index.dense.add(passages)
        self._encoding += time.perf_counter() - began
        self._done += len(passages)
        self._since += len(passages)

    def _collect(self) -> None:
        """Waits for the group that is being encoded. Raises what encoding it raised; its documents then wait still."""
        ahead, docs = self._ahead, self._ahead_docs
        self._ahead, self._ahead_docs = None, []
        if ahead is None:
            return
        if self._stored(ahead.result):
            self._docs += docs
        else:
            self._left.update(docs)

    def _stored(self, what: Callable[[], object]) -> bool:
        """Whether the vector store did it. Once it is away, it is left alone until the next run."""
        try:
            if self._away is None:
                what()
        except StoreAwayError as error:
            self._away = error
        return self._away is None

    def _tell(self, stage: str, detail: str = "") -> None:
        with self._telling:
            self._report(self._progress(stage, detail))

    def _progress(self, stage: str, detail: str) -> Progress:
        if stage == "files":
            return Progress("files", self._files_read, self._files, detail)
        rate = self._done / self._encoding if self._encoding > 0.5 else None
        total = max(self._found, self._done)
        expected = total * self._bytes / self._bytes_read if self._bytes_read else total
        left = (max(expected, total) - self._done) / rate if rate else None
        return Progress("passages", self._done, total, detail, rate, left)
