"""Where the nodes ask what only the driver knows: the bytes of a file that they do not see, and which vectors the library
keeps already. The driver needs no open port for it: it fetches the questions."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, Literal

Kind = Literal["file", "known"]
Reply = Callable[[Kind, int, bytes], bytes | None]
"""From what is asked, the number of the file, and what is told with it (digests, 16 bytes each), to the answer: the
file's bytes, or a byte for each digest, 1 where its vector is kept; None: the driver does not say."""

_PATIENCE = 0.5  # seconds that the driver waits for questions at a time
_ASKERS = 1 << 16  # at once


class Desk:
    """The actor between the two sides. Whoever asks waits here; the driver takes questions and brings answers."""

    def __init__(self) -> None:
        self._open: deque[tuple[int, Kind, int, bytes]] = deque()
        self._there = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[bytes | None]] = {}

    async def ask(self, kind: Kind, at: int, told: bytes = b"") -> bytes | None:
        number = secrets.randbits(62)  # an actor that was started anew must not give one question another's answer
        self._waiting[number] = asyncio.get_running_loop().create_future()
        self._open.append((number, kind, at, told))
        self._there.set()
        try:
            return await self._waiting[number]
        finally:
            del self._waiting[number]

    async def questions(self) -> list[tuple[int, Kind, int, bytes]]:
        """All that were asked since; none after a while without one."""
        try:
            await asyncio.wait_for(self._there.wait(), _PATIENCE)
        except (asyncio.TimeoutError, TimeoutError):
            return []
        self._there.clear()
        found = list(self._open)
        self._open.clear()
        return found

    async def answer(self, number: int, reply: bytes | None) -> None:
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)


@contextmanager
def attended(reply: Reply) -> Iterator[Any]:
    """The handle of a desk whose questions `reply` answers, in a thread of the driver, until the block ends."""
    ray: Any = import_module("ray")
    options = {"num_cpus": 0, "max_concurrency": _ASKERS, "max_restarts": -1, "max_task_retries": -1}
    desk = ray.remote(Desk).options(**options).remote()
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            try:
                for number, kind, at, told in ray.get(desk.questions.remote()):
                    desk.answer.remote(number, replied(kind, at, told))
            except (ray.exceptions.RayError, ConnectionError):  # the cluster is gone: who reads the results is told
                return

    def replied(kind: Kind, at: int, told: bytes) -> bytes | None:
        try:
            return reply(kind, at, told)
        except Exception:  # nobody may wait for ever; the driver meets it again, and tells of it
            return None

    thread = threading.Thread(target=serve, name="judian-desk", daemon=True)
    thread.start()
    try:
        yield desk
    finally:
        done.set()
        thread.join(4 * _PATIENCE)
        with suppress(ray.exceptions.RayError, ConnectionError):
            ray.kill(desk)
