"""The chat for programs: the same answers as plain objects that JSON can carry."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from rag.errors import BusyError, QuestionError, RagError
from rag.objects import answer_object, citation_object, hit_object
from rag.types import LONGEST_QUESTION, Answer, Citation
from rag.web.desk import Desk
from rag.web.line import Line, TooManyError
from rag.web.material import Engine
from rag.web.strings import say

T = TypeVar("T")
ENDPOINTS = ("ask", "retrieve")
MAX_HISTORY = 20  # earlier questions that are looked at


def check(question: object) -> str:
    """The question without outer space. Raises QuestionError when it is empty, too long or not text."""
    text = question.strip() if isinstance(question, str) else ""
    text = "".join(c for c in text if not 0xD800 <= ord(c) < 0xE000).replace("\0", "")
    if not text:
        raise QuestionError(say("q_empty", "en"), say("q_empty", "zh"))
    if len(text) > LONGEST_QUESTION:
        n = len(text)
        raise QuestionError(
            say("q_long", "en", n=n, max=LONGEST_QUESTION), say("q_long", "zh", n=n, max=LONGEST_QUESTION)
        )
    return text


def answer_dict(answer: Answer) -> dict[str, Any]:
    """`answer_object` with each citation's digest and, on a refusal, what was nearest and what is missing."""
    said: dict[str, Any] = carried(
        {
            **answer_object(answer),
            "citations": [_proved(c) for c in answer.citations],
            "nearest": [_proved(c) for c in answer.nearest],
            "missing": list(answer.missing),
        }
    )
    return said


def carried(value: Any) -> Any:
    """The same value without lone surrogates, which JSON over HTTP cannot carry: a file's name may hold some."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {key: carried(inner) for key, inner in value.items()}
    return [carried(inner) for inner in value] if isinstance(value, list) else value


def _proved(citation: Citation) -> dict[str, Any]:
    return {**citation_object(citation), "sha256": citation.digest}


def endpoints(desk: Desk) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The functions behind the endpoints `ask` and `retrieve`. They raise RagError, also while the index is built."""

    def ask(question: str, history: list[str] | None = None) -> dict[str, Any]:
        """Answer a question from the indexed documents by quoting them, with citations that can be checked.

        Args:
            question: the question, in Chinese or English, at most 2000 characters.
            history: earlier questions of the same conversation, oldest first, for follow-ups.

        Returns:
            found, short (the span that answers), text, citations (source, start, end, quote), confidence, reason;
            when nothing answers, found is false and nearest holds the closest passages. waiting: how many files of
            the folder were still being read, and are not in the answer.
        """
        told = history if isinstance(history, list) else []
        earlier = [text[:LONGEST_QUESTION] for text in told if isinstance(text, str) and text.strip()][-MAX_HISTORY:]
        text = check(question)
        engine = _fresh(desk)
        waiting = desk.material.waiting if desk.syncing else 0
        return {**answer_dict(engine.ask(text, history=tuple(earlier))), "waiting": waiting}

    def retrieve(query: str, k: int = 5) -> list[dict[str, Any]]:
        """Find the passages of the indexed documents that are closest to a query, best first.

        Args:
            query: what to look for, in Chinese or English, at most 2000 characters.
            k: how many passages to return, 1 to 50.

        Returns:
            Passages with their text, document, source, section path, character offsets, fused score and ranks.
        """
        hits = _fresh(desk).retrieve(check(query), k=max(1, min(int(k), 50)))
        found = [hit_object(rank, hit, hit.source) for rank, hit in enumerate(hits, 1)]
        return [carried(hit) for hit in found]

    return ask, retrieve


def _fresh(desk: Desk) -> Engine:
    """The engine, in step with the folder as far as that takes a moment only."""
    desk.refresh()
    return desk.answering


def served(function: Callable[..., T], line: Line) -> Callable[..., Coroutine[Any, Any, T]]:
    """The endpoint for Gradio: it waits in the line, and its errors are Gradio's, whose text reaches the caller."""

    @functools.wraps(function)
    async def endpoint(*args: Any, **kwargs: Any) -> T:
        try:
            return await line.served(functools.partial(function, *args, **kwargs))
        except RagError as error:
            import gradio as gr

            titles = {TooManyError: "Busy", BusyError: "Not ready"}
            title = next((title for kind, title in titles.items() if isinstance(error, kind)), "Error")
            raise gr.Error(f"{error.en} / {error.zh}", title=title, print_exception=False) from error

    return endpoint
