"""Answers, citations and hits as plain objects for JSON: what the command line prints and the chat's endpoints return."""

from __future__ import annotations

from typing import Any

from rag.types import Answer, Citation, Hit


def answer_object(answer: Answer) -> dict[str, Any]:
    """`start` and `end` of a citation are character offsets in the decoded text of `source`, a path relative to the
    folder."""
    return {
        "question": answer.question,
        "understood": answer.understood,
        "found": answer.found,
        "short": answer.short,
        "text": answer.text,
        "citations": [citation_object(c) for c in answer.citations],
        "confidence": answer.confidence,
        "reason": answer.reason,
        "timings_ms": dict(answer.timings),
    }


def citation_object(citation: Citation) -> dict[str, Any]:
    return {
        "number": citation.number,
        "doc_id": citation.doc_id,
        "source": citation.source,
        "title": citation.title,
        "path": list(citation.path),
        "role": citation.role,
        "page": citation.page,
        "row": citation.row,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
    }


def hit_object(rank: int, hit: Hit, source: str) -> dict[str, Any]:
    passage = hit.passage
    return {
        "rank": rank,
        "score": hit.score,
        "ranks": dict(hit.ranks),
        "doc_id": passage.doc_id,
        "source": source,
        "title": passage.title,
        "path": list(passage.path),
        "role": passage.role,
        "page": passage.page,
        "row": passage.row,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
    }
