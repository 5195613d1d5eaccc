"""A call as it comes in and as it goes out: questions checked, paired with their histories and timed; the answer put
together."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from rag import compose
from rag.errors import QuestionError, UnknownDocumentError
from rag.types import LONGEST_QUESTION, Answer, Citation, Finding, Hits, Question, Reading, Segment
from rag.understand import understand

S = TypeVar("S")
T = TypeVar("T")
TOGETHER = 256  # questions of one batch
AHEAD = 4  # of them begun before the first is finished: the network never waits for the search

Cited = Callable[[Sequence[Finding]], tuple[Citation, ...]]
"""Findings to citations, numbered from 1. Raises VerificationError where one is not what its document says."""


class Clock:
    """Milliseconds of each stage since the one before, and of all; not of what lies between `lap` and `resume`."""

    def __init__(self) -> None:
        self.started = self.last = time.perf_counter()
        self.stages: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.stages[stage] = round(self.stages.get(stage, 0.0) + (now - self.last) * 1000, 3)
        self.last = now

    def resume(self) -> None:
        """Other questions had their turn since the last lap."""
        now = time.perf_counter()
        self.started += now - self.last
        self.last = now

    def total(self) -> dict[str, float]:
        return {**self.stages, "total": round((time.perf_counter() - self.started) * 1000, 3)}


def checked(question: str) -> str:
    """The question, or QuestionError where it is empty or too long: needs no index and no model."""
    if not isinstance(question, str):
        raise QuestionError(
            f"one question is a text, not {type(question).__name__}; many go to retrieve_many or ask_many",
            f"一个问题应是一段文字，不是 {type(question).__name__}；多个问题请用 retrieve_many 或 ask_many",
        )
    if not question.strip():
        raise QuestionError("the question is empty; type a question", "问题是空的；请输入一个问题")
    if len(question) > LONGEST_QUESTION:
        raise QuestionError(
            f"the question has {len(question)} characters, at most {LONGEST_QUESTION} are read; shorten it",
            f"问题有 {len(question)} 个字符，最多 {LONGEST_QUESTION} 个；请缩短后再问",
        )
    return question


def understood(question: str, history: Sequence[str] = ()) -> Question:
    """The question as understood after the chat's earlier ones, oldest first. Raises QuestionError as `checked` does."""
    if isinstance(history, str):
        raise QuestionError(
            "one text where a list of earlier questions is wanted; write [question]",
            "history 要一个列表，不是一段文字；请写成 [问题]",
        )
    return understand(checked(question), [str(earlier)[:LONGEST_QUESTION] for earlier in history])


def several(questions: Sequence[str]) -> list[str]:
    """Every question of a list, checked before the first is asked. Raises QuestionError, naming which (1-based)."""
    if isinstance(questions, str):
        raise QuestionError(
            "one text where a list of questions is wanted; write [question]",
            "这里要一个问题列表，不是一段文字；请写成 [问题]",
        )
    out: list[str] = []
    for number, question in enumerate(questions, 1):
        try:
            out.append(checked(question))
        except QuestionError as error:
            raise QuestionError(f"question {number}: {error.en}", f"第 {number} 个问题：{error.zh}") from error
    return out


def paired(questions: Sequence[str], histories: Sequence[Sequence[str]] | None) -> list[tuple[str, Sequence[str]]]:
    """(question, its history) of each, checked. Raises QuestionError where their numbers differ."""
    asked = several(questions)
    if histories is None:
        return [(question, ()) for question in asked]
    if len(histories) != len(asked) or any(isinstance(history, str) for history in histories):
        raise QuestionError(
            f"{len(asked)} questions, {len(histories)} histories; give one list of earlier questions for each, [] where none",
            f"{len(asked)} 个问题，{len(histories)} 段历史；请为每个问题各给一个列表，没有就写 []",
        )
    return list(zip(asked, histories, strict=True))


def steadily(work: Callable[[S], Callable[[], T]], scoped: Callable[[], S], scope: S) -> Callable[[], T]:
    """`work` begins something in a scope and returns what finishes it. It is done once more, in the scope as it is then, where
    a sync replaced a document between search and citing."""
    try:
        finish = work(scope)
    except UnknownDocumentError:
        return work(scoped())

    def finished() -> T:
        try:
            return finish()
        except UnknownDocumentError:
            return work(scoped())()

    return finished


def flowing(begun: Iterable[Callable[[], T]], ahead: int = AHEAD) -> Iterator[T]:
    """What comes of each of these, in order, where some are begun before the ones before them are finished."""
    running: deque[Callable[[], T]] = deque()
    for finish in begun:
        running.append(finish)
        if len(running) > ahead:
            yield running.popleft()()
    while running:
        yield running.popleft()()


def greeted(question: Question, clock: Clock) -> Answer:
    """What is said to somebody who asks for nothing."""
    return _answer(question, Reading((), 1.0, "greeting"), [compose.say("greeting", question.lang)], "", Hits(), clock)


def answered(question: Question, reading_of: Callable[[], Reading], hits: Hits, cited: Cited, clock: Clock) -> Answer:
    """The answer of what is read, or the refusal, with the clock's times. Raises what `reading_of` and `cited` raise."""
    clock.resume()
    reading = reading_of()
    clock.lap("read")
    if reading.findings:
        citations = cited(reading.findings)
        segments, short = compose.compose(question, reading, citations)
        nearest: tuple[Citation, ...] = ()
    else:
        citations = ()
        near = compose.nearest_finding(hits[0].passage, reading.candidates) if hits else None
        nearest = cited((near,)) if near else ()
        segments, short = compose.refuse(question, reading.missing, nearest), ""
    if hits.away:
        segments = [*segments, *compose.away(question.lang)]
    clock.lap("compose")
    return _answer(question, reading, segments, short, hits, clock, citations, nearest)


def _answer(
    question: Question,
    reading: Reading,
    segments: Sequence[Segment],
    short: str,
    hits: Hits,
    clock: Clock,
    citations: tuple[Citation, ...] = (),
    nearest: tuple[Citation, ...] = (),
) -> Answer:
    return Answer(
        question=question.text,
        understood=question.full,
        text=compose.markdown(segments),
        short=short,
        citations=citations,
        hits=hits,
        confidence=round(reading.answerable, 4),
        reason=reading.reason,
        timings=clock.total(),
        segments=tuple(segments),
        nearest=nearest,
        missing=reading.missing,
        candidates=reading.candidates,
        lang=question.lang,
        kind=question.kind,
        certainty=reading.told,
    )
