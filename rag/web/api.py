"""The chat for programs: the same answers as plain objects that JSON can carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rag.errors import QuestionError
from rag.types import Answer, Citation, Hit
from rag.web.desk import Desk, Engine
from rag.web.strings import say

MAX_QUESTION = 2000  # characters
MAX_HISTORY = 20  # earlier questions that are looked at


def check(question: object) -> str:
    """The question without outer space. Raises QuestionError when it is empty, too long or not text."""
    text = question.strip() if isinstance(question, str) else ""
    text = "".join(c for c in text if not 0xD800 <= ord(c) < 0xE000).replace("\0", "")
    if not text:
        raise QuestionError(say("q_empty", "en"), say("q_empty", "zh"))
    if len(text) > MAX_QUESTION:
        n = len(text)
        raise QuestionError(say("q_long", "en", n=n, max=MAX_QUESTION), say("q_long", "zh", n=n, max=MAX_QUESTION))
    return text


def answer_dict(answer: Answer) -> dict[str, Any]:
    """An answer as one JSON object; `start` and `end` are character offsets in the decoded text of `source`."""
    return {
        "question": answer.question,
        "understood": answer.understood,
        "found": answer.found,
        "short": answer.short,
        "text": answer.text,
        "citations": [citation_dict(c) for c in answer.citations],
        "nearest": [citation_dict(c) for c in answer.nearest],
        "missing": list(answer.missing),
        "confidence": round(float(answer.confidence), 4),
        "reason": answer.reason,
        "timings_ms": {name: round(float(ms), 2) for name, ms in answer.timings.items()},
    }


def citation_dict(citation: Citation) -> dict[str, Any]:
    return {
        "number": citation.number,
        "doc_id": citation.doc_id,
        "source": citation.source,
        "title": citation.title,
        "path": list(citation.path),
        "role": citation.role,
        "page": citation.page,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "sha256": citation.digest,
    }


def hit_dict(hit: Hit) -> dict[str, Any]:
    passage = hit.passage
    return {
        "doc_id": passage.doc_id,
        "title": passage.title,
        "path": list(passage.path),
        "role": passage.role,
        "page": passage.page,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "score": float(hit.score),
        "ranks": {name: int(rank) for name, rank in hit.ranks.items()},
    }


def endpoints(desk: Desk) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The functions behind the endpoints `ask` and `retrieve`. They raise RagError, also while the index is built."""

    def ask(question: str, history: list[str] | None = None) -> dict[str, Any]:
        """Answer a question from the indexed documents by quoting them, with citations that can be checked.

        Args:
            question: the question, in Chinese or English, at most 2000 characters.
            history: earlier questions of the same conversation, oldest first, for follow-ups.

        Returns:
            found, short (the span that answers), text, citations (source, start, end, quote), confidence, reason;
            when nothing answers, found is false and nearest holds the closest passages.
        """
        earlier = [text for text in (history or []) if isinstance(text, str) and text.strip()][-MAX_HISTORY:]
        return answer_dict(_fresh(desk).ask(check(question), history=tuple(earlier)))

    def retrieve(query: str, k: int = 5) -> list[dict[str, Any]]:
        """Find the passages of the indexed documents that are closest to a query, best first.

        Args:
            query: what to look for, in Chinese or English, at most 2000 characters.
            k: how many passages to return, 1 to 50.

        Returns:
            Passages with their text, document, section path, character offsets, fused score and ranks.
        """
        return [hit_dict(hit) for hit in _fresh(desk).retrieve(check(query), k=max(1, min(int(k), 50)))]

    return ask, retrieve


def _fresh(desk: Desk) -> Engine:
    """The engine, in step with the folder."""
    engine = desk.engine
    if desk.changed():
        desk.refresh()
    return engine
