"""Who uses the engine when: an engine that runs when the test lets it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import pytest

from rag.embed.encoder import Piece
from rag.embed.turns import Turns
from rag.protocols import Vectors

SOON = 10  # seconds: a test that waits so long has failed


def pieces(*texts: str) -> list[Piece]:
    return [Piece("", text, len(text)) for text in texts]


class Gate:
    """An engine whose batches begin and do not end before the test says so. A row is the length of its text."""

    def __init__(self) -> None:
        self.begun: list[list[str]] = []
        self.running = 0
        self._allowed = 0
        self._changed = threading.Condition()

    def encode(self, batch: Sequence[Piece]) -> Vectors:
        with self._changed:
            self.begun.append([piece.text for piece in batch])
            self.running += 1
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._allowed > 0, SOON)
            self._allowed -= 1
            self.running -= 1
            self._changed.notify_all()
        if any(piece.text == "bad" for piece in batch):
            raise ValueError("bad text")
        return np.array([[len(piece.text)] for piece in batch], dtype=np.float32)

    def allow(self, batches: int) -> None:
        with self._changed:
            self._allowed += batches
            self._changed.notify_all()

    def until(self, batches: int) -> None:
        """Until so many have begun."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.begun) >= batches, SOON), self.begun


class Callers:
    """Calls from threads of their own, each of which is waiting or running before the next one begins."""

    def __init__(self, lanes: int = 1, most: int = 8, mixes: bool = True) -> None:
        self.gate = Gate()
        self.turns = Turns(self.gate.encode, lanes, lambda batch: len(batch) <= most, mixes)
        self._pool = ThreadPoolExecutor(32)

    def few(self, *texts: str) -> Future[Vectors]:
        return self._begun(lambda: self.turns.together(pieces(*texts)))

    def many(self, *batches: str, urgent: bool = False) -> Future[list[Vectors]]:
        return self._begun(lambda: self.turns.apart([pieces(text) for text in batches], urgent))

    def _begun(self, call: Callable[[], Any]) -> Future[Any]:
        running, waiting = len(self.gate.begun), self._waiting()
        future = self._pool.submit(call)
        pause = threading.Event()
        for _ in range(1000 * SOON):
            if len(self.gate.begun) > running or self._waiting() > waiting or future.done():
                return future
            pause.wait(0.001)
        raise AssertionError("the call neither runs nor waits")

    def step(self, waiting: int) -> None:
        """Ends one batch, and returns when the next one runs and so many wait."""
        begun, pause = len(self.gate.begun), threading.Event()
        self.gate.allow(1)
        for _ in range(1000 * SOON):
            if len(self.gate.begun) > begun and self._waiting() == waiting:
                return
            pause.wait(0.001)
        raise AssertionError(f"{self._waiting()} wait, and {len(self.gate.begun)} have begun")

    def _waiting(self) -> int:
        return len(self.turns._first) + len(self.turns._later)


def values(future: Future[Vectors]) -> list[float]:
    return [float(row[0]) for row in future.result(SOON)]


def test_a_call_that_finds_a_lane_free_runs_at_once_and_alone() -> None:
    turns = Turns(lambda batch: np.full((len(batch), 1), 7, dtype=np.float32), 2, lambda batch: True)
    assert turns.together(pieces("甲", "乙")).tolist() == [[7], [7]]
    assert [rows.tolist() for rows in turns.apart([pieces("甲"), pieces("乙", "丙")])] == [[[7]], [[7], [7]]]
    assert turns.apart([]) == []


def test_what_waits_is_encoded_in_one_batch_and_everyone_gets_his_rows() -> None:
    callers = Callers()
    first = callers.few("a")
    waiting = [callers.few("bb"), callers.few("ccc", "dddd"), callers.few("eeeee")]
    callers.gate.allow(2)
    assert values(first) == [1] and [values(future) for future in waiting] == [[2], [3, 4], [5]]
    assert callers.gate.begun == [["a"], ["bb", "ccc", "dddd", "eeeee"]]


def test_an_engine_whose_rows_depend_on_their_batch_gets_every_call_by_itself() -> None:
    callers = Callers(mixes=False)
    futures = [callers.few("a"), callers.few("bb"), callers.few("ccc")]
    callers.gate.allow(3)
    assert [values(future) for future in futures] == [[1], [2], [3]]
    assert callers.gate.begun == [["a"], ["bb"], ["ccc"]]


def test_a_batch_ends_where_the_next_in_line_does_not_fit_and_nobody_is_overtaken() -> None:
    callers = Callers(most=3)
    futures = [callers.few("a"), callers.few("b"), callers.few("c"), callers.few("d", "e"), callers.few("f")]
    callers.gate.allow(3)
    wait(futures, SOON)
    assert callers.gate.begun == [["a"], ["b", "c"], ["d", "e", "f"]]


def test_a_question_waits_for_one_batch_of_many_texts_at_most() -> None:
    callers = Callers()
    document = callers.many("p1", "p2", "p3", "p4")
    question = callers.few("q")
    callers.gate.allow(1)
    callers.gate.until(2)
    assert callers.gate.begun == [["p1"], ["q"]]
    callers.gate.allow(4)
    assert values(question) == [1] and len(document.result(SOON)) == 4
    assert callers.gate.begun == [["p1"], ["q"], ["p2"], ["p3"], ["p4"]]


def test_urgent_batches_go_before_others_and_equals_take_turns() -> None:
    callers = Callers()
    futures = [callers.many("a1", "a2"), callers.many("b1", "b2"), callers.many("u1", "u2", urgent=True)]
    for waiting in (2, 2, 1, 1, 0):  # those behind, after the next one has begun
        callers.step(waiting)
    callers.gate.allow(1)
    wait(futures, SOON)
    assert callers.gate.begun == [["a1"], ["u1"], ["u2"], ["b1"], ["a2"], ["b2"]]


def test_many_batches_use_every_lane_and_keep_their_order() -> None:
    callers = Callers(lanes=3)
    document = callers.many("1", "22", "333", "4444", "55555")
    callers.gate.until(3)
    assert callers.gate.running == 3
    callers.gate.allow(5)
    assert [float(rows[0, 0]) for rows in document.result(SOON)] == [1, 2, 3, 4, 5]


def test_an_error_reaches_its_caller_and_nobody_else() -> None:
    callers = Callers()
    first = callers.few("a")
    futures = [callers.few("ok"), callers.few("bad"), callers.few("fine")]
    callers.gate.allow(5)  # together once, then each alone
    assert values(first) == [1] and values(futures[0]) == [2] and values(futures[2]) == [4]
    with pytest.raises(ValueError, match="bad text"):
        futures[1].result(SOON)
    callers.gate.allow(1)
    assert values(callers.few("later")) == [5]


@pytest.mark.parametrize("lanes", [1, 2])
def test_an_error_in_a_batch_ends_the_call_and_frees_the_lanes(lanes: int) -> None:
    callers = Callers(lanes=lanes)
    callers.gate.allow(20)
    with pytest.raises(ValueError, match="bad text"):
        callers.many("a", "bad", "c", "d", "e").result(SOON)
    assert [values(future) for future in [callers.few("xx") for _ in range(3)]] == [[2]] * 3


def test_whoever_gives_up_waiting_leaves_the_others_in_line() -> None:
    callers = Callers()
    first = callers.few("a")
    with pytest.MonkeyPatch.context() as patch:

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("rag.embed.turns._Caller", _impatient(interrupted))
        with pytest.raises(KeyboardInterrupt):
            callers.turns.together(pieces("gone"))
    second = callers.few("b")
    callers.gate.allow(2)
    assert values(first) == [1] and values(second) == [1]
    assert callers.gate.begun == [["a"], ["b"]]


def _impatient(raises: Callable[..., None]) -> Callable[..., Any]:
    from rag.embed.turns import _Caller

    def made(*args: Any) -> _Caller:
        caller = _Caller(*args)
        caller.awake.wait = raises  # type: ignore[assignment,method-assign]
        return caller

    return made


def test_every_one_of_many_threads_gets_what_it_asked_for() -> None:
    def encode(batch: Sequence[Piece]) -> Vectors:
        return np.array([[float(piece.text)] for piece in batch], dtype=np.float32)

    turns = Turns(encode, 2, lambda batch: len(batch) <= 5)

    def ask(number: int) -> bool:
        if number % 7 == 0:
            found = turns.apart([pieces(str(number)), pieces(str(number + 1))], urgent=number % 2 == 0)
            return [float(rows[0, 0]) for rows in found] == [number, number + 1]
        return bool(turns.together(pieces(str(number), str(-number))).ravel().tolist() == [number, -number])

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(2000)))
    assert turns._free == 2 and not turns._first and not turns._later
