"""Where questions wait: first come, first served, a few answered at a time, and beyond a bound turned away at once.

A few at a time, so that what the models are asked together fills a batch and no more memory is taken than that needs. Who
waits costs a place in a list, no thread.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar

from rag.errors import BusyError
from rag.web.strings import say

log = logging.getLogger(__name__)
AT_ONCE = 8  # questions that are worked on together
MOST = 64  # questions that wait; the next one is turned away
TELL = 1.0  # seconds between two words on how many are ahead

T = TypeVar("T")


class TooManyError(BusyError):
    """So many are waiting that one more would wait too long: ask again in a moment."""

    def __init__(self, waiting: int) -> None:
        super().__init__(say("too_many", "en", n=waiting), say("too_many", "zh", n=waiting))
        self.waiting = waiting


class Place:
    """A place in the line: what is to be done once it is reached."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work


class Line:
    """Safe to use from several threads and from coroutines. Works in threads of its own, at most `at_once`, which end when
    nobody waits."""

    def __init__(self, at_once: int = AT_ONCE, most: int = MOST) -> None:
        self._at_once, self._most = at_once, most
        self._lock = threading.Lock()
        self._waiting: deque[Place] = deque()
        self._working = 0

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        return len(self._waiting) >= self._most

    @property
    def empty(self) -> bool:
        """Nobody is being served, and so nobody waits."""
        return not self._working

    def join(self, work: Callable[[], None]) -> Place:
        """Takes a place at the end; `work` is called when it is reached, and must not raise. Raises TooManyError."""
        place = Place(work)
        with self._lock:
            if self._working >= self._at_once:
                if self.full:
                    raise TooManyError(len(self._waiting))
                self._waiting.append(place)
                return place
            self._working += 1
        try:
            threading.Thread(target=self._serve, args=(place,), name="judian-reply", daemon=True).start()
        except BaseException:  # no thread is to be had
            with self._lock:
                self._working -= 1
            raise
        return place

    def ahead(self, place: Place) -> int | None:
        """How many questions are to be answered before this one; None where it waits no more."""
        with self._lock:
            return next((n + self._working for n, other in enumerate(self._waiting) if other is place), None)

    def leave(self, place: Place) -> None:
        """Gives the place up; what is being worked on goes on."""
        with self._lock:
            if place in self._waiting:
                self._waiting.remove(place)

    async def served(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, once its turn has come. Raises TooManyError."""
        steps: Steps[T] = Steps()

        def once() -> Iterator[T]:
            yield work()

        place = self.join(lambda: steps.take(once()))
        try:
            async for result in steps:
                return result
        finally:
            self.leave(place)
        raise BusyError(say("stopped", "en"), say("stopped", "zh"))

    def _serve(self, place: Place | None) -> None:
        while place is not None:
            try:
                place.work()
            except BaseException:  # nobody is left to tell; whatever it was, this thread goes on serving
                log.exception("a question was lost")
            with self._lock:
                place = self._waiting.popleft() if self._waiting else None
                if place is None:
                    self._working -= 1


class Steps(Generic[T]):
    """The steps of a working thread, awaited one by one by a coroutine. Made in the coroutine's loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._made: asyncio.Queue[tuple[T | None, BaseException | None]] = asyncio.Queue()
        self._ended = threading.Event()

    def take(self, steps: Iterator[T]) -> None:
        """Hands the steps over as they come, until there are no more or `end` was called. For the working thread."""
        try:
            for step in steps:
                if self._ended.is_set():
                    return
                self._put(step, None)
        except BaseException as error:  # a panic of a native library too: somebody awaits the next step
            self._put(None, error)
        else:
            self._put(None, None)

    def end(self) -> None:
        """No more steps are wanted: who awaits the next one is told at once. For any thread."""
        self._ended.set()
        self._put(None, None)

    async def next(self, seconds: float | None = None) -> T | None:
        """The next step, None after the last. Raises what the working thread raised, and TimeoutError."""
        if self._ended.is_set():
            return None
        step, error = await asyncio.wait_for(self._made.get(), seconds)
        if error is not None:
            raise error
        return None if self._ended.is_set() else step

    async def __aiter__(self) -> AsyncIterator[T]:
        while (step := await self.next()) is not None:
            yield step

    def _put(self, step: T | None, error: BaseException | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._made.put_nowait, (step, error))
        except RuntimeError:  # the server has ended
            self._ended.set()


class Door:
    """In front of the endpoints for programs (ASGI): while the line is full, HTTP 503 with `Retry-After`, in both languages."""

    def __init__(self, app: Any, line: Line, names: tuple[str, ...]) -> None:
        self.app, self.line, self.names = app, line, names

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asks = scope["type"] == "http" and scope["method"] == "POST" and self.line.full
        if not asks or scope["path"].rstrip("/").rpartition("/")[2] not in self.names:
            await self.app(scope, receive, send)
            return
        import json

        error = TooManyError(self.line.waiting)
        told = {"error": f"{error.en} / {error.zh}", "title": "Busy", "waiting": error.waiting}
        headers = [(b"content-type", b"application/json; charset=utf-8"), (b"retry-after", b"5")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(told, ensure_ascii=False).encode()})
