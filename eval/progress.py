"""True progress on a stream: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from rag.types import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

EVERY = 5.0
"""Seconds between two plain lines of one stage."""


class Meter:
    """Draws how much of each stage is done. Used as a context manager; `show` may come from any thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}

    def __enter__(self) -> Meter:
        if self._stream.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bars

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bars = Bars(*columns, console=Console(file=self._stream))
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def say(self, text: str) -> None:
        """A line above what is drawn."""
        if self._bars:
            self._bars.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self._stream, flush=True)

    def report(self, progress: Progress) -> None:
        """The callback that the engine calls."""
        self.show(progress.stage, progress.done, progress.total, progress.detail)

    def show(self, stage: str, done: int, total: int, detail: str = "") -> None:
        if self._bars:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(stage, total=total or None)
            self._bars.update(self._tasks[stage], completed=done, total=total or None)
            return
        now = time.monotonic()
        if done >= total or now - self._told.get(stage, 0.0) >= EVERY:
            self._told[stage] = now
            print(f"{stage}: {done}/{total} {detail}".rstrip(), file=self._stream, flush=True)
