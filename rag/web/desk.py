"""The engine behind the page: it opens in a background thread while the page is already served, answers from what is
ready while the folder is brought in step behind it, tells its true progress, and notices when the folder changes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rag.errors import BusyError, RagError
from rag.protocols import ProgressFn
from rag.text.telling import progress_line
from rag.types import Progress
from rag.web.line import Line
from rag.web.lookout import BRIEF, Lookout
from rag.web.material import Engine, Material
from rag.web.strings import say

log = logging.getLogger(__name__)

COUNT_EVERY = 1.0  # seconds between two counts of what is ready, while it grows; twenty times what a count takes
PATIENCE = 2.5  # seconds that a question waits for a change: a small one is in the answer
RETRY = 5.0  # seconds after which an index that another process was writing is tried again
FIRST = 4  # example questions on the empty page
EXAMPLES = 8  # questions kept in each language, the rest as follow-ups


class Desk:
    """Holds the engine from the first second on. Safe to use from several threads."""

    def __init__(self, opener: Callable[[ProgressFn], Engine], folder: Path | None = None) -> None:
        self._opener = opener
        self.folder = folder
        self.lookout = Lookout(folder)
        self._answers = threading.Event()  # set once a question can be answered, or never will be
        self._idle = threading.Event()  # set while nothing is being read
        self._settled = threading.Event()
        self._lock = threading.Lock()
        self._counting = threading.Lock()  # one count at a time, and the last one is the last sync's
        self._again = False  # another sync is wanted
        self._began = 0.0  # when the running one was started
        self._engine: Engine | None = None
        self._count_after = self._count_took = 0.0
        self._gathered: int | None = None  # digest of the documents that the examples were taken from
        self._examples: dict[str, tuple[str, ...]] = {}
        self._stages: dict[str, Progress] = {}
        self.line = Line()
        self.listeners: list[ProgressFn] = []
        self.error: Exception | None = None  # why there is no engine
        self.trouble: RagError | None = None  # why the folder could not be read just now; what is ready answers
        self.material = Material()
        self.revision = 0  # counts up with everything that is shown

    def start(self) -> None:
        """Opens the engine and reads the folder in a daemon thread. Heavy imports happen there, not in the page's."""
        threading.Thread(target=self._open, name="judian-open", daemon=True).start()

    def wait(self, seconds: float | None = None) -> bool:
        """True once a question can be answered or the engine has failed; False when the time is over before."""
        if self._answers.wait(seconds):
            return True
        self.take_stock()
        return self._answers.is_set()

    def take_stock(self) -> None:
        """Counts what is ready while it grows, now and then."""
        if not self.syncing or time.monotonic() < self._count_after:
            return
        if not self._counting.acquire(blocking=False):
            return
        try:
            if self.syncing:  # still: what was counted at its end stands
                self._stock(self.engine)
        except (RagError, OSError) as error:  # the sync tells what is in the way, if it is
            log.info("not counted: %s", error)
        finally:
            self._counting.release()

    def idle(self, seconds: float | None = None) -> bool:
        """True once nothing is being opened or read; False when the time is over before."""
        return self._idle.wait(seconds)

    @property
    def ready(self) -> bool:
        return self._engine is not None

    @property
    def syncing(self) -> bool:
        """True while the folder is being read."""
        return self.ready and not self._idle.is_set()

    @property
    def engine(self) -> Engine:
        """The engine. Raises its own opening error, or BusyError with the progress while it is being opened."""
        if self._engine is not None:
            return self._engine
        if self.error is not None:
            raise _told(self.error)
        raise self._not_ready()

    @property
    def answering(self) -> Engine:
        """The engine, where it has something to answer from. Raises what is in the way, else BusyError with the progress."""
        engine = self.engine
        if not self.material.ready:
            if self.trouble is not None:
                raise self.trouble
            if not self._answers.is_set():
                raise self._not_ready()
        return engine

    @property
    def settled(self) -> bool:
        """True when nothing of the empty page will change any more by itself: ready with its examples, or failed."""
        return self._settled.is_set()

    @property
    def progress(self) -> tuple[Progress, ...]:
        """The newest word of each stage of what is being done."""
        return tuple(self._stages.values())

    def told(self, ui: str) -> str:
        """True progress in one line, in the interface language."""
        return progress_text(self.progress, ui)

    def examples(self, ui: str) -> tuple[str, ...]:
        """Questions taken from the material, in the interface language where there are any; none before `settled`."""
        return self._examples.get(ui) or self._examples.get("zh", ())

    def changed(self) -> bool:
        """True when a file of the folder was added, changed or removed since its reading last began: see `Lookout`."""
        return self.ready and self.lookout.changed()

    def look(self) -> bool:
        """Has what changed in the folder read in the background. True where something had, as far as that is known at once."""
        return self.ready and self.lookout.look(self.sync)

    def refresh(self, seconds: float | None = None) -> None:
        """Has what changed in the folder read in the background, and waits for what is being read until `seconds` (or
        `PATIENCE`) after it began: a small change is in the answer, a large one is not waited for."""
        self.look()
        patience = PATIENCE if seconds is None else seconds
        self._idle.wait(max(0.0, self._began + patience - time.monotonic()))
        if self._count_took <= BRIEF:
            self.take_stock()

    def sync(self) -> None:
        """Has the folder read in the background. One at a time: what is wanted meanwhile leads to one more."""
        with self._lock:
            self._again = True
            if not self._idle.is_set():
                return
            self._idle.clear()
            self._began = time.monotonic()
            self.revision += 1
        threading.Thread(target=self._keep, name="judian-sync", daemon=True).start()

    # -- in the background ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        try:
            engine = self._opener(self._tell)
            self._count(engine)
        except Exception as error:
            if not isinstance(error, RagError):
                log.exception("opening the documents failed")
            self.error = error
            self.revision += 1
            for event in (self._answers, self._settled, self._idle):
                event.set()
            return
        self._engine, self._stages = engine, {}
        self._again, self._began = True, time.monotonic()
        self._keep()

    def _keep(self) -> None:
        """Reads until nothing more is wanted."""
        while True:
            with self._lock:
                if not self._again:
                    self._stages = {}
                    self.revision += 1
                    self._idle.set()
                    return
                self._again = False
            try:
                self._once(self.engine)
            except Exception as error:  # whatever it was: the next look is not the last
                log.exception("reading the folder failed")
                self.trouble = _told(error)
                for event in (self._answers, self._settled):
                    event.set()

    def _once(self, engine: Engine) -> None:
        seen = self.lookout.now()
        if seen == self.lookout.seen and self.trouble is None:
            return
        self.lookout.seen = seen
        trouble: RagError | None = None
        try:
            engine.sync(self._tell)
        except BusyError as error:  # what is indexed goes on answering, and the next look tries again
            self.lookout.seen, self.lookout.after = None, time.monotonic() + RETRY
            trouble = error
        except Exception as error:
            if not isinstance(error, RagError):
                log.exception("reading the folder failed")
            trouble = _told(error)
        self.trouble = trouble
        try:
            self._count(engine)
        except Exception as error:
            log.exception("counting the documents failed")
            self.trouble = self.trouble or _told(error)
        self._answers.set()
        if self.material.ready and self.material.digest != self._gathered:
            self._gathered = self.material.digest
            if not self._examples:
                self._settled.clear()
            threading.Thread(target=self._gather, args=(engine,), name="judian-examples", daemon=True).start()
        else:
            self._settled.set()

    def _gather(self, engine: Engine) -> None:
        """Examples are asked for once and kept: each is answered before it is offered, which takes its time. First
        those that the empty page waits for, then the follow-ups."""
        try:
            for n in (FIRST, EXAMPLES):
                self._examples = {ui: tuple(engine.examples(n, ui)) for ui in ("zh", "en")}
                self._settled.set()
                self.revision += 1
            first = next((questions[0] for questions in self._examples.values() if questions), "")
            if (
                first and self.line.empty
            ):  # examples that were kept: the first question finds everything warm all the same
                engine.ask(first)
        except Exception:
            log.exception("no examples could be taken from the material")
        finally:
            self._settled.set()

    def _count(self, engine: Engine) -> None:
        """Takes stock of what is ready; from the first document on, questions are answered."""
        with self._counting:
            self._stock(engine)

    def _stock(self, engine: Engine) -> None:
        began = time.monotonic()
        self.material = Material.of(engine.documents(), engine.files())
        if self.material.ready:
            self._answers.set()
        self.revision += 1
        now = time.monotonic()
        self._count_took = now - began
        self._count_after = now + max(COUNT_EVERY, 20 * self._count_took)

    def _tell(self, progress: Progress) -> None:
        self._stages = {**self._stages, progress.stage: progress}
        self.revision += 1
        self.take_stock()
        for listener in self.listeners:
            listener(progress)

    def _not_ready(self) -> BusyError:
        en, zh = (say("not_ready", ui, what=self.told(ui)) for ui in ("en", "zh"))
        return BusyError(en, zh)


def progress_text(stages: tuple[Progress, ...], ui: str) -> str:
    """One line of true progress, in the interface language; that it is starting where nothing is known yet."""
    return progress_line(stages, ui) or say("starting", ui).rstrip("…")


def _told(error: Exception) -> RagError:
    """The error as one that people are told; what nobody expected is named, the log has the rest."""
    if isinstance(error, RagError):
        return error
    name = type(error).__name__
    return RagError(say("unexpected", "en", name=name), say("unexpected", "zh", name=name))
