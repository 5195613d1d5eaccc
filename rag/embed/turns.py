"""Who may use the engine when: few texts before many, each in order of arrival, and few texts that wait together.

The engine runs some batches at once, one a lane. A call of few texts (a question) that finds a lane free runs at once; one that
does not leaves its texts with those that wait, and whoever gets the next lane takes all of them in one batch: eight questions
take little longer than one. A call of many texts (a document) gives its lane back after every batch, so that a question waits
for one batch at most. There is no thread that deals out work: a lane is handed from caller to caller.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from rag.embed.encoder import Piece
from rag.protocols import Vectors

Encode = Callable[[Sequence[Piece]], Vectors]
"""One batch to its rows; called by as many threads at once as there are lanes."""

Fits = Callable[[Sequence[Piece]], bool]
"""Whether pieces may be one batch."""


@dataclass(eq=False, slots=True)
class _Caller:
    pieces: Sequence[Piece] = ()  # for a batch that may be shared; nothing: a lane is wanted, and no company
    group: list[_Caller] = field(default_factory=list)  # who shares it, this one first; filled with the lane
    rows: Vectors | None = None
    error: Exception | None = None
    awake: threading.Event = field(default_factory=threading.Event)


class Turns:
    """Hands the lanes out. Any number of threads may call it."""

    def __init__(self, encode: Encode, lanes: int, fits: Fits, mixes: bool = True) -> None:
        """`mixes`: whether a piece's row is the same to the bit in whatever batch; else no batch is shared."""
        self._encode, self._fits, self.lanes, self._mixes = encode, fits, lanes, mixes
        self._free = lanes
        self._lock = threading.Lock()
        self._first: deque[_Caller] = deque()
        self._later: deque[_Caller] = deque()
        self._helpers = ThreadPoolExecutor(lanes - 1, "judian-embed") if lanes > 1 else None

    @property
    def idle(self) -> bool:
        """Whether more than one lane is free."""
        return self._free > 1

    def together(self, pieces: Sequence[Piece]) -> Vectors:
        """The rows of a few pieces, which are one batch by themselves and share one with others where all lanes are taken.
        What goes wrong with a shared batch is tried again alone, so that an error reaches whoever caused it."""
        caller = _Caller(pieces)
        self._enter(caller, self._first)
        if caller.group:
            self._lead(caller.group)
        if caller.error is not None:
            raise caller.error
        assert caller.rows is not None
        return caller.rows

    def apart(self, batches: Sequence[Sequence[Piece]], urgent: bool = False) -> list[Vectors]:
        """The rows of each batch, in as many lanes as are free. `urgent`: before those that are not."""
        job = _Job(len(batches))
        line = self._first if urgent else self._later

        def work() -> None:
            held = False
            try:
                self._enter(_Caller(), line)
                held = True
                while (index := job.take()) is not None:
                    job.put(index, self._encode(batches[index]))
                    if job.left and self._wanted(urgent):
                        held = False
                        self._leave()
                        self._enter(_Caller(), line)
                        held = True
            except BaseException as error:
                job.fail(error)
            finally:
                if held:
                    self._leave()

        if self._helpers is not None:
            for _ in range(min(self.lanes, len(batches)) - 1):
                self._helpers.submit(work)
        work()
        return job.result()

    def _enter(self, caller: _Caller, line: deque[_Caller]) -> None:
        """Returns when the caller has a lane (then `group` is filled), or when somebody else has encoded its pieces."""
        with self._lock:
            if self._free:
                self._free -= 1
                caller.group = [caller]
                return
            line.append(caller)
        try:
            caller.awake.wait()
        except BaseException:  # Ctrl-C: those behind go on
            with self._lock:
                if caller in line:
                    line.remove(caller)
                elif caller.group:
                    self._first.extendleft(reversed(caller.group[1:]))
                    self._hand_over()
            raise

    def _wanted(self, urgent: bool) -> bool:
        """Whether somebody waits who is as urgent."""
        with self._lock:
            return bool(self._first or (self._later and not urgent))

    def _leave(self) -> None:
        with self._lock:
            self._hand_over()

    def _hand_over(self) -> None:
        """The lane that has come free goes to the first who waits, with whom fits beside it. The lock is held."""
        line = self._first or self._later
        if not line:
            self._free += 1
            return
        head = line.popleft()
        head.group = [head]
        if head.pieces and self._mixes:
            joined = list(head.pieces)
            for other in [caller for caller in self._first if caller.pieces]:
                joined += other.pieces
                if not self._fits(joined):  # nobody is overtaken
                    break
                self._first.remove(other)
                head.group.append(other)
        head.awake.set()

    def _lead(self, group: list[_Caller]) -> None:
        try:
            self._encode_for(group)
        finally:
            with self._lock:  # whoever has nothing yet (Ctrl-C struck the one who led) is first again
                self._first.extendleft(c for c in reversed(group[1:]) if c.rows is None and c.error is None)
                self._hand_over()
            for caller in group[1:]:
                if caller.rows is not None or caller.error is not None:
                    caller.awake.set()

    def _encode_for(self, group: list[_Caller]) -> None:
        try:
            rows = self._encode([piece for caller in group for piece in caller.pieces])
        except Exception as error:
            if len(group) == 1:
                group[0].error = error
                return
            for caller in group:
                self._encode_for([caller])
            return
        ends = np.cumsum([len(caller.pieces) for caller in group])[:-1]
        for caller, part in zip(group, np.split(rows, ends), strict=True):
            caller.rows = part


class _Job:
    """The batches of one call: which is next, what has come of them."""

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self._found: list[Vectors | None] = [None] * count
        self._next = self._done = 0
        self._error: BaseException | None = None
        self._end = threading.Event()
        if not count:
            self._end.set()

    @property
    def left(self) -> bool:
        return self._next < len(self._found)

    def take(self) -> int | None:
        with self._lock:
            index, self._next = self._next, self._next + 1
            return index if index < len(self._found) else None

    def put(self, index: int, rows: Vectors) -> None:
        with self._lock:
            self._found[index] = rows
            self._done += 1
            if self._done == len(self._found):
                self._end.set()

    def fail(self, error: BaseException) -> None:
        with self._lock:
            self._error, self._next = self._error or error, len(self._found)
            self._end.set()

    def result(self) -> list[Vectors]:
        self._end.wait()
        if self._error is not None:
            raise self._error
        return [rows for rows in self._found if rows is not None]
