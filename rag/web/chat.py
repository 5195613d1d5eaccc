"""The chat without Gradio: its turns, the answer to one question as it comes, and how it is stopped."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rag.errors import RagError
from rag.web import render
from rag.web.api import MAX_HISTORY, check
from rag.web.desk import Desk
from rag.web.render import Turn
from rag.web.strings import say

log = logging.getLogger(__name__)
FOLLOW_UPS = 2
PENDING = ("…", "…")  # the trouble of a turn that is still being answered

Turns = tuple[Turn, ...]
Step = tuple[Turns, "str | None"]


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


def reply(desk: Desk, question: str, turns: Turns, ui: str) -> Iterator[tuple[Turns, str | None]]:
    """Answers one question: yields the turns and, while it works, the HTML of the reply so far. Every stage line is
    what is being done at that moment; errors become a turn that says what to do."""
    index = len(turns)
    asked = (*turns, Turn(question, trouble=PENDING))
    try:
        text = check(question)
        asked = (*turns, Turn(text, trouble=PENDING))
        while not desk.wait(0.4):
            yield asked, render.stage(f"{say('stage_wait', ui)} {desk.told(ui)}")
        if desk.changed():
            desk.sync()
            yield asked, render.stage(say("stage_changed", ui))
        desk.refresh()
        engine = desk.answering
        yield asked, render.stage(say("stage_search", ui))
        material = desk.material if desk.syncing else None  # before the search: it may find more than this, never less
        answer = engine.ask(text, history=history(turns))
        for count in range(1, len(answer.segments) if answer.found else 0):
            yield asked, render.partial(answer, index, count)
        waiting, ready = (material.waiting, len(material.ready)) if material else (0, 0)
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


def until(steps: Iterator[Step], halt: Halt) -> Iterator[Step]:
    """The steps as they come, worked out in a thread of their own, and no more of them once `halt` is set."""
    made: queue.SimpleQueue[Step | None] = queue.SimpleQueue()

    def work() -> None:
        for step in steps:
            made.put(step)
            if halt.is_set():
                break
        made.put(None)

    threading.Thread(target=work, name="judian-reply", daemon=True).start()
    while not halt.is_set():
        try:
            step = made.get(timeout=0.05)
        except queue.Empty:
            continue
        if step is None:
            return
        yield step


def suggested(examples: Sequence[str], turns: Sequence[Turn]) -> tuple[str, ...]:
    """The first examples that this chat has not asked yet, in whatever spacing, case or punctuation."""

    def bare(text: str) -> str:
        return "".join(c for c in text.casefold() if c.isalnum())

    asked = {bare(text) for turn in turns for text in (turn.question, turn.answer.understood if turn.answer else "")}
    return tuple(text for text in examples if bare(text) not in asked)[:FOLLOW_UPS]
