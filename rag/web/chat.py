"""The chat without Gradio: its turns, the answer to one question as it comes, and how it is stopped."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from rag.errors import RagError
from rag.web import render
from rag.web.api import MAX_HISTORY, check
from rag.web.desk import Desk
from rag.web.line import TELL, Line, Steps
from rag.web.render import Turn
from rag.web.strings import say

log = logging.getLogger(__name__)
FOLLOW_UPS = 2
FEW = 8  # ahead of a question: each second, all together are told of their place so many times, however many they are
PENDING = ("…", "…")  # the trouble of a turn that is still being answered

T = TypeVar("T")
Turns = tuple[Turn, ...]


def messages(
    turns: Sequence[Turn], ui: str, last: str | None = None, examples: Sequence[str] = ()
) -> list[dict[str, str]]:
    """The chat as Gradio messages; `last` replaces the newest reply while it streams. The newest answer offers some of
    the `examples`, chosen as it is drawn: they may come later than the answer, and follow the interface language."""
    out = []
    for index, turn in enumerate(turns):
        newest = index == len(turns) - 1
        if newest and turn.answer is not None:
            turn = replace(turn, suggestions=suggested(examples, turns))
        reply = last if newest and last is not None else render.message(turn, index, ui)
        out += [{"role": "user", "content": render.asked(turn)}, {"role": "assistant", "content": reply}]
    return out


def history(turns: Sequence[Turn]) -> tuple[str, ...]:
    """Earlier questions that were answered or refused, oldest first: what a follow-up may refer to."""
    return tuple(turn.question for turn in turns if turn.answer is not None)[-MAX_HISTORY:]


def reply(
    desk: Desk, question: str, turns: Turns, ui: str, stopped: Callable[[], bool] = lambda: False
) -> Iterator[tuple[Turns, str | None]]:
    """Answers one question, or ends where it is `stopped` before that: yields the turns and, while it works, the HTML of the reply so far. Every stage line is
    what is being done at that moment; the answer comes whole, as it is only shown once it is proved; errors become a turn that
    says what to do."""
    asked = (*turns, Turn(question, trouble=PENDING))
    try:
        text = check(question)
        asked = (*turns, Turn(text, trouble=PENDING))
        said = ""
        while not desk.wait(0.4):
            if stopped():
                return
            told = f"{say('stage_wait', ui)} {desk.told(ui)}"
            if told != said:
                said = told
                yield asked, render.stage(told)
        if desk.look():
            said = say("stage_changed", ui)
            yield asked, render.stage(said)
        desk.refresh()
        engine = desk.answering
        if said:  # else it is there from the start
            yield asked, render.stage(say("stage_search", ui))
        material = desk.material if desk.syncing else None  # before the search: it may find more than this, never less
        if stopped():
            return
        answer = engine.ask(text, history=history(turns))
        waiting, ready = (material.waiting, material.ready) if material else (0, 0)
        yield (*turns, Turn(text, answer, waiting=waiting, ready=ready)), None
    except RagError as error:
        yield (*turns, replace(asked[-1], trouble=(error.message("zh"), error.message("en")))), None
    except Exception as error:
        log.exception("answering failed")
        name = type(error).__name__
        trouble = (say("unexpected", "zh", name=name), say("unexpected", "en", name=name))
        yield (*turns, replace(asked[-1], trouble=trouble)), None


class Halt(threading.Event):
    """Set to end a running reply. Ours rather than Gradio's cancelling, which can lose the last state of the chat."""

    forget = False  # a new chat: nothing of the reply is shown any more

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()  # the reply has sent its last step
        self.wake: Callable[[], None] = lambda: None  # told once it is set: who awaits the next step is woken

    def set(self) -> None:
        super().set()
        self.wake()


async def following(
    line: Line, steps: Iterator[T], halt: Halt, told: Callable[[int], T], every: float = TELL
) -> AsyncIterator[T]:
    """The steps as they come, worked out when their turn in the line has come; until then, `told` how many are ahead, after
    `every` seconds and whenever that has changed: the more seldom the more wait. No more of them once `halt` is set. Raises
    TooManyError at once, and what a step raises."""
    made: Steps[T] = Steps()
    place = line.join(lambda: made.take(steps))
    halt.wake = made.end
    last = None
    try:
        while not halt.is_set():
            try:
                ahead = line.ahead(place)
                pause = every if last is None else every * max(1.0, (ahead or 0) / FEW)
                step = await made.next(None if ahead is None else pause)
            except asyncio.TimeoutError:
                ahead = line.ahead(place)
                if ahead is not None and ahead != last:
                    last = ahead
                    yield await asyncio.to_thread(told, ahead)
                continue
            if step is None:
                return
            yield step
    finally:
        made.end()
        line.leave(place)


def suggested(examples: Sequence[str], turns: Sequence[Turn]) -> tuple[str, ...]:
    """The first examples that this chat has not asked yet, in whatever spacing, case or punctuation."""

    def bare(text: str) -> str:
        return "".join(c for c in text.casefold() if c.isalnum())

    asked = {bare(text) for turn in turns for text in (turn.question, turn.answer.understood if turn.answer else "")}
    return tuple(text for text in examples if bare(text) not in asked)[:FOLLOW_UPS]
