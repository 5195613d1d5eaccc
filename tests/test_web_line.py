"""Many asking at once: the line in front of the engine, what who waits and who is turned away is told, and how it is measured."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from itertools import cycle, islice
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from eval import load, served
from eval.load import Answered, level_of, overtaken, run_level
from rag.config import Settings
from rag.errors import QuestionError
from rag.types import Answer
from rag.web import render
from rag.web.chat import Halt, following
from rag.web.desk import Desk
from rag.web.line import Line, TooManyError
from rag.web.page import build
from rag.web.serve import launch
from tests.fakes import FakeEngine
from tests.web import ARTICLE, Seen, ask, open_desk

QUESTION = "图书馆建了多少座书亭"


class Gated(FakeEngine):
    """Answers when the gate opens; tells how many are in it together."""

    def __init__(self) -> None:
        super().__init__({"a.txt": ARTICLE})
        self.gate, self.lock = threading.Event(), threading.Lock()
        self.inside = self.most = 0

    def ask(self, question: str, *arguments: Any, **named: Any) -> Answer:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.gate.wait(10)
        with self.lock:
            self.inside -= 1
        return super().ask(question, *arguments, **named)


@pytest.fixture
def gated() -> Iterator[tuple[Desk, Gated]]:
    engine = Gated()
    engine.gate.set()  # the examples are asked for first
    desk = Desk(lambda progress: engine)
    desk.start()
    assert desk.idle(10) and desk._settled.wait(10)
    desk.line = Line(at_once=2, most=3)
    engine.gate.clear()
    engine.most = 0
    yield desk, engine
    engine.gate.set()


def test_first_come_first_served_a_few_at_a_time_and_the_last_turned_away() -> None:
    line, gate, done = Line(at_once=1, most=3), threading.Event(), []
    first = line.join(lambda: gate.wait(10) and done.append(0))
    places = [line.join(lambda n=n: done.append(n)) for n in (1, 2, 3)]
    assert [line.ahead(place) for place in (first, *places)] == [None, 1, 2, 3] and line.full and not line.empty
    with pytest.raises(TooManyError, match="3 questions are waiting") as told:
        line.join(lambda: done.append(4))
    assert "3 个问题" in told.value.zh and told.value.waiting == 3
    line.leave(places[1])
    assert line.ahead(places[2]) == 2 and line.ahead(places[1]) is None
    ended = threading.Event()
    line.join(lambda: (done.append(5), ended.set()))
    gate.set()
    assert ended.wait(10) and done == [0, 1, 3, 5] and line.waiting == 0


def test_what_is_lost_is_logged_and_the_line_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    line, ended = Line(at_once=1), threading.Event()
    line.join(lambda: 1 / 0)
    line.join(ended.set)
    assert ended.wait(10) and "a question was lost" in caplog.text


def test_a_coroutine_gets_the_result_the_error_or_is_turned_away() -> None:
    def wrong() -> str:
        raise QuestionError("empty", "空")

    async def ask() -> None:
        line = Line(at_once=1, most=1)
        assert await line.served(lambda: "answer") == "answer"
        with pytest.raises(QuestionError, match="empty"):
            await line.served(wrong)
        while not line.empty:  # the answer is handed over a moment before the place is free
            await asyncio.sleep(0.001)
        gate = threading.Event()
        line.join(lambda: gate.wait(10) or None)
        line.join(lambda: gate.wait(10) or None)
        with pytest.raises(TooManyError):
            await line.served(lambda: "never")
        gate.set()

    asyncio.run(ask())


def test_who_waits_is_told_how_many_are_ahead_and_stopping_gives_the_place_up() -> None:
    async def wait() -> list[int | str]:
        line, gate = Line(at_once=1, most=8), threading.Event()
        line.join(lambda: gate.wait(10) or None)
        other = line.join(lambda: None)
        seen: list[int | str] = []
        async for step in following(line, iter(["never"]), (halt := Halt()), str, every=0.01):
            seen.append(f"stopped at {step}")
            halt.set()
        assert line.waiting == 1
        async for step in following(line, iter(["a", "b"]), Halt(), lambda ahead: ahead, every=0.01):
            seen.append(step)
            if step == 2:
                line.leave(other)
            if step == 1:
                gate.set()
        return seen

    assert asyncio.run(wait()) == ["stopped at 2", 2, 1, "a", "b"]


def test_beyond_the_bound_the_chat_says_so_in_both_languages_and_keeps_the_question(gated: tuple[Desk, Gated]) -> None:
    desk, engine = gated
    functions = {block.fn.__name__: block.fn for block in build(desk).fns.values() if block.fn}

    async def asks(number: int) -> list[Any]:
        request = SimpleNamespace(session_hash=str(number), headers={"host": "x"})
        return [step async for step in functions["ask_box"](QUESTION, (), "zh", request)]

    async def all_at_once() -> list[list[Any]]:
        asked = [asyncio.create_task(asks(number)) for number in range(6)]
        await asyncio.wait([asked[5]])
        engine.gate.set()
        return await asyncio.gather(*asked)

    *answered, turned_away = asyncio.run(all_at_once())
    assert all(steps[-1][0][0].answer.short == "12座书" for steps in answered) and engine.most == 2
    (turn,) = turned_away[-1][0]
    assert turn.busy and turn.answer is None
    shown = turned_away[-1][1][-1]["content"]
    assert "3 个问题在排队" in Seen(shown).text and 'class="jd-busy"' in shown and "#retry-0" in shown
    assert "ask again in a moment" in Seen(render.message(turn, 0, "en")).text
    assert turned_away[-1][2]["value"] == QUESTION, "what was typed is back in the box"
    assert [len(steps) for steps in (answered[0], turned_away)] == [2, 2], "the question, then all of the reply"


def test_programs_are_turned_away_with_503_and_people_wait_over_http(gated: tuple[Desk, Gated]) -> None:
    desk, engine = gated
    page, site = launch(desk, Settings(port=0))
    try:
        port = int(site.rpartition(":")[2])
        got: list[Any] = []
        visitor = served.Visitor(port)
        threads = [threading.Thread(target=lambda: got.append(visitor.ask(QUESTION).kind)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for _ in range(200):
            if desk.line.full:
                break
            threading.Event().wait(0.02)
        refused = httpx.post(f"{site}/gradio_api/run/ask", json={"data": [QUESTION, []]}, timeout=20)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert refused.json()["waiting"] == 3 and "请过一会儿再问" in refused.json()["error"]
        assert served.Program(port).ask(QUESTION).kind == "busy" and visitor.ask(QUESTION).kind == "busy"
        assert httpx.get(site, timeout=20).status_code == 200, "the page itself is served"
        engine.gate.set()
        for thread in threads:
            thread.join(20)
        assert got == ["answer"] * 5
        assert served.Program(port).ask(QUESTION).kind == "answer"
        level = run_level(lambda: served.Visitor(port), cycle([QUESTION]), 4, 0.3)
        assert level.errors == 0 and level.answers >= 4 and level.least >= 1
    finally:
        page.close(verbose=False)


def test_the_figures_of_a_level_are_those_worked_out_by_hand() -> None:
    answered = [Answered(0, 0.0, 1.0), Answered(1, 0.1, 4.0), Answered(0, 1.0, 2.0), Answered(0, 2.0, 3.0)]
    assert overtaken(answered) == [0, 0, 0, 2], "the second was overtaken by the two that were sent after it"
    level = level_of(2, answered, 0.0, 3.5, away=1, errors=["lost", "lost"])
    assert (level.answers, level.per_second, level.p50, level.least, level.most) == (4, round(3 / 3.5, 3), 1000.0, 1, 3)
    assert (level.turned_away, level.errors, level.why, level.overtaken_most) == (1, 2, ("lost",), 2)
    one = level_of(1, [Answered(0, float(n), n + 0.5) for n in range(4)], 0.0, 4.0)
    many = level_of(32, [Answered(n, 0.0, 2.0 + n / 8) for n in range(32)], 0.0, 8.0)
    assert load.ratios([one, many]) == {"p95_over_one": 11.36, "throughput_over_one": 4.0}
    assert all(load.verdicts([one, many]).values()) and not load.verdicts([one, level])["no error"]
    assert load.ratios([one]) == {}


def test_no_question_is_asked_twice_in_the_same_words() -> None:
    asked = list(islice(load.distinct(["在哪里？", "Where?", "在哪里？"]), 40))
    assert len(set(asked)) == 40 and set(asked[:2]) == {"在哪里？", "Where?"} and "Please: Where?" in asked
    assert asked == list(islice(load.distinct(["在哪里？", "Where?"]), 40)), "the same in every run"


def test_a_reply_is_what_its_classes_say_and_quoted_text_cannot_pretend() -> None:
    def message(html: str) -> dict[str, Any]:
        return {"success": True, "output": {"data": [None, [{"content": [{"text": html}]}]]}}

    desk = open_desk({"a.txt": 'class="jd-busy" 的图书馆\n图书馆建了12座 class="jd-busy" 书亭。\n'})
    (turn,) = ask(desk, "图书馆建了多少座 class='jd-busy' 书亭")
    assert "jd-busy" in Seen(render.message(turn, 0, "zh")).text
    assert served.told(message(render.message(turn, 0, "zh")), 1.0)[0] == "answer"
    assert served.told(message('<div class="jd-msg"><div class="jd-said jd-refusal">'), 1.0)[0] == "answer"
    assert served.told(message('<p class="jd-busy">'), 1.0)[0] == "busy"
    assert served.told(message('<p class="jd-trouble">'), 1.0)[0] == "error"
    assert served.told({"success": False, "output": {"error": "x"}}, 1.0) == ("error", 1.0, "x")
