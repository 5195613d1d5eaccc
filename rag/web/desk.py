"""The engine behind the page: it opens in a background thread while the page is already served, tells its true
progress, and notices when the folder changes."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rag.errors import BusyError, RagError
from rag.protocols import ProgressFn
from rag.types import Answer, Document, FileOutcome, Hits, Progress, SyncReport
from rag.web.strings import say

log = logging.getLogger(__name__)

LOOK_EVERY = 0.2  # seconds between two looks at the folder, at least; ten times what a look takes, where that is more
FIRST = 4  # example questions on the empty page
EXAMPLES = 8  # questions kept in each language, the rest as follow-ups


class Check(Protocol):
    """One quote re-read from its source."""

    @property
    def ok(self) -> bool: ...


class Info(Protocol):
    """One document of the material."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def characters(self) -> int: ...
    @property
    def passages(self) -> int: ...
    @property
    def date(self) -> str: ...


class Engine(Protocol):
    """What the page needs of `rag.assistant.Assistant`; the tests' fake has the same surface."""

    def sync(self, progress: ProgressFn | None = None) -> SyncReport: ...
    def ask(self, question: str, history: Sequence[str] = (), doc_ids: Collection[str] | None = None) -> Answer: ...
    def retrieve(self, query: str, k: int = 10, doc_ids: Collection[str] | None = None) -> Hits: ...
    def document(self, doc_id: str) -> Document: ...
    def documents(self) -> Sequence[Info]: ...
    def examples(self, n: int = 4, lang: str = "zh") -> Sequence[str]: ...
    def verify(self, answer: Answer) -> Sequence[Check]: ...


@dataclass(frozen=True, slots=True)
class Material:
    """What is on the desk, for the header and the list of documents."""

    documents: tuple[Info, ...] = ()
    failed: tuple[FileOutcome, ...] = ()

    @property
    def passages(self) -> int:
        return sum(info.passages for info in self.documents)

    @property
    def dates(self) -> str:
        """First and last date of the documents that state one, e.g. "2021-03-05 – 2023-10-10"."""
        found = (re.match(r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})(?!\d)", info.date) for info in self.documents)
        days = sorted({f"{m[1]}-{int(m[2]):02}-{int(m[3]):02}" for m in found if m})
        return "" if not days else days[0] if days[0] == days[-1] else f"{days[0]} – {days[-1]}"


class Desk:
    """Holds the engine from the first second on. Safe to use from several threads."""

    def __init__(self, opener: Callable[[ProgressFn], Engine], folder: Path | None = None) -> None:
        self._opener = opener
        self._folder = folder
        self._finished = threading.Event()
        self._syncing = threading.Lock()
        self._engine: Engine | None = None
        self._seen: frozenset[tuple[str, int, int]] = frozenset()
        self._look_after = 0.0
        self._examples: dict[str, tuple[str, ...]] = {}
        self._settled = threading.Event()
        self.listeners: list[ProgressFn] = []
        self.progress: Progress | None = None
        self.error: Exception | None = None
        self.material = Material()

    def start(self) -> None:
        """Opens the engine and reads the folder in a daemon thread. Heavy imports happen there, not in the page's."""
        threading.Thread(target=self._open, name="judian-open", daemon=True).start()

    def wait(self, seconds: float | None = None) -> bool:
        """True once the engine is ready or has failed; False when the time is over before."""
        return self._finished.wait(seconds)

    @property
    def ready(self) -> bool:
        return self._engine is not None

    @property
    def engine(self) -> Engine:
        """The engine. Raises its own opening error, or BusyError with the progress while it prepares."""
        if self._engine is not None:
            return self._engine
        if isinstance(self.error, RagError):
            raise self.error
        if self.error is not None:
            name = type(self.error).__name__
            raise RagError(say("unexpected", "en", name=name), say("unexpected", "zh", name=name))
        raise BusyError(
            say("not_ready", "en", what=progress_text(self.progress, "en")),
            say("not_ready", "zh", what=progress_text(self.progress, "zh")),
        )

    @property
    def settled(self) -> bool:
        """True when nothing of the empty page will change any more: ready with its examples, or failed."""
        return self._settled.is_set()

    def examples(self, ui: str) -> tuple[str, ...]:
        """Questions taken from the material, in the interface language where there are any; none before `settled`."""
        return self._examples.get(ui) or self._examples.get("zh", ())

    def changed(self) -> bool:
        """True when a file of the folder was added, changed or removed since it was last read. Looks at names,
        sizes and times only, and not again at once."""
        began = time.monotonic()
        if self._folder is None or began < self._look_after:
            return False
        seen = _listing(self._folder)
        self._look_after = began + max(LOOK_EVERY, 10 * (time.monotonic() - began))
        return seen != self._seen

    def refresh(self) -> None:
        """Reads what changed in the folder. A second caller waits for the first and reads nothing twice. While another
        process holds the index for writing, what is indexed already goes on answering."""
        with self._syncing:
            if self._folder is None or (seen := _listing(self._folder)) == self._seen:
                return
            try:
                self._take_in(self.engine, self.engine.sync(None))
            except BusyError:
                return
            self._seen = seen
        threading.Thread(target=self._gather, args=(self.engine,), name="judian-examples", daemon=True).start()

    def _open(self) -> None:
        try:
            engine = self._opener(self._tell)
            with self._syncing:
                self._seen = _listing(self._folder) if self._folder else frozenset()
                self._take_in(engine, engine.sync(self._tell))
            self._engine = engine
            self._finished.set()
            self._gather(engine)
        except Exception as error:
            if not isinstance(error, RagError):
                log.exception("opening the documents failed")
            self.error = error
        finally:
            self._finished.set()
            self._settled.set()

    def _gather(self, engine: Engine) -> None:
        """Examples are asked for once and kept: each is answered before it is offered, which takes its time. First
        those that the empty page waits for, then the follow-ups."""
        try:
            for n in (FIRST, EXAMPLES):
                self._examples = {ui: tuple(engine.examples(n, ui)) for ui in ("zh", "en")}
                self._settled.set()
        except Exception:
            log.exception("no examples could be taken from the material")

    def _take_in(self, engine: Engine, report: SyncReport) -> None:
        documents = sorted(engine.documents(), key=lambda info: (info.date, info.source))
        self.material = Material(tuple(documents), report.failed)

    def _tell(self, progress: Progress) -> None:
        self.progress = progress
        for listener in self.listeners:
            listener(progress)


def progress_text(progress: Progress | None, ui: str) -> str:
    """One line of true progress: the stage, how far, and what is left, in the interface language."""
    if progress is None:
        return say("starting", ui).rstrip("…")
    text = say(f"stage_{progress.stage}", ui)
    if progress.total > 1:
        left = say("left", ui, n=progress.total - progress.done)
        text += f" {progress.done}/{progress.total}" + (f"，{left}" if ui == "zh" else f", {left}")
    return text


def _listing(folder: Path) -> frozenset[tuple[str, int, int]]:
    found = []
    for root, dirs, files in os.walk(folder):
        dirs[:] = [name for name in dirs if not name.startswith(".")]
        for name in files:
            if name.startswith((".", "~$")):
                continue
            try:
                stat = os.stat(os.path.join(root, name))
            except OSError:
                continue  # gone between the listing and the look: the next look sees it as removed
            found.append((os.path.join(root, name), stat.st_size, stat.st_mtime_ns))
    return frozenset(found)
