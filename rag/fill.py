"""From the library to the rankers: passages are encoded in groups while files are still being read, and what is encoded
answers at once."""

from __future__ import annotations

import time

from rag.index import Index
from rag.protocols import ProgressFn
from rag.types import Passage, Progress

_GROUP = 192  # passages encoded before the next files are read: about ten seconds on two cores
_BATCH = 64  # passages encoded between two words of progress
_OFTEN = 4000  # passages after which the rankers' files are written at the latest while they are small
_SHARE = (
    0.25  # … and share of what they hold, while they are large: writing them all for every group would cost the most
)
_SECONDS = 120.0  # … and time


class Filler:
    """Brings the rankers in step with the library. Vectors are durable group by group, the rankers' own files now and
    then: what a crash takes of those comes back from the library without being encoded again."""

    def __init__(self, index: Index, progress: ProgressFn | None) -> None:
        self._index = index
        self._report: ProgressFn = progress or (lambda _: None)
        self._started = self._flushed = time.perf_counter()
        self._files = self._bytes = 0  # to read in all
        self._files_read = self._bytes_read = 0
        self._found = 0  # passages of the files read so far
        self._waiting = 0  # of these, not yet encoded
        self._done = self._since = 0  # encoded; of these, since the last flush
        self._encoding = 0.0  # seconds spent encoding
        self._docs: list[str] = []  # held by the rankers, not yet durably
        self._gone: set[str] = set()  # removed, and no longer held by the rankers

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._started

    def begin(self, files: int, size: int) -> None:
        """Says how many files, of how many bytes, are about to be read; then clears what a stopped run left."""
        self._files, self._bytes = files, size
        self._found = self._waiting = len(self._index.library.waiting_ids())
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
        """Encodes what waits; documents that no file holds any more go when those that replace them are there."""
        library = self._index.library
        held = set(self._docs)
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
        if docs:
            self._add(docs, group)
        self._waiting = 0
        library.remove(library.orphans())
        often = max(min(_OFTEN, self._done - self._since), _SHARE * library.count)  # the first ones are ready at once
        if self._since >= often or time.perf_counter() - self._flushed > _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Makes durable what the rankers hold, and forgets in them what was removed."""
        index = self._index
        removed = [doc for doc in index.library.removed() if doc not in self._gone]
        if removed:
            index.lexical.remove(removed)
            index.dense.remove(removed)
        if removed or self._docs:
            index.flush()
        index.library.mark_indexed(self._docs)
        self._gone.update(removed)
        self._docs, self._since, self._flushed = [], 0, time.perf_counter()

    def finish(self) -> None:
        """Encodes the rest, makes all durable, and says that it is done. Only now are vectors dropped that no passage has:
        those of a document that was taken out to be read again are wanted when it is."""
        self.fill()
        self.flush()
        gone = self._index.library.removed()
        if gone or (self._done and self._index.library.stray_vectors()):
            self._index.library.mark_forgotten(gone)
        if self._files:
            self._tell("files")
        if self._done:
            self._tell("passages")

    def _add(self, docs: list[str], passages: list[Passage]) -> None:
        index = self._index
        index.lexical.remove(docs)
        index.dense.remove(docs)
        for start in range(0, len(passages), _BATCH):
            self._tell("passages")
            began = time.perf_counter()
            batch = passages[start : start + _BATCH]
            index.dense.add(batch)
            self._encoding += time.perf_counter() - began
            self._done += len(batch)
        index.lexical.add(passages)
        self._docs += docs
        self._since += len(passages)

    def _tell(self, stage: str, detail: str = "") -> None:
        if stage == "files":
            self._report(Progress("files", self._files_read, self._files, detail))
            return
        rate = self._done / self._encoding if self._encoding > 0.5 else None
        total = max(self._found, self._done)
        expected = total * self._bytes / self._bytes_read if self._bytes_read else total
        left = (max(expected, total) - self._done) / rate if rate else None
        self._report(Progress("passages", self._done, total, detail, rate, left))
