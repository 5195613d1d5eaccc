"""Many readers at a time, or one writer alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Searches go through together; a change waits for those that are under way, and goes before those that come later."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._readers = 0
        self._waiting = 0  # writers
        self._writing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._turn:
            while self._writing or self._waiting:
                self._turn.wait()
            self._readers += 1
        try:
            yield
        finally:
            with self._turn:
                self._readers -= 1
                if not self._readers:
                    self._turn.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._turn:
            self._waiting += 1
            try:
                while self._writing or self._readers:
                    self._turn.wait()
            finally:
                self._waiting -= 1
            self._writing = True
        try:
            yield
        finally:
            with self._turn:
                self._writing = False
                self._turn.notify_all()
