"""Proof: a quote is what its file says now, at the place that the citation names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rag.errors import RagError
from rag.types import Citation, Document

Reread = Callable[[str, str], "Document | RagError"]
"""(source, document id) -> the document as its file is now, or why it cannot be read."""


@dataclass(frozen=True, slots=True)
class Check:
    """The proof of one quote: the file was read again and says the same at the same place, or why not."""

    source: str
    quote: str
    ok: bool
    reason: str = ""


def check_citations(citations: Iterable[Citation], reread: Reread) -> list[Check]:
    """One check a citation, in order; each file is read once."""
    texts: dict[str, Document | RagError] = {}
    checks: list[Check] = []
    for citation in citations:
        if citation.source not in texts:
            texts[citation.source] = reread(citation.source, citation.doc_id)
        now = texts[citation.source]
        if isinstance(now, RagError):
            ok, reason = False, str(now)
        else:
            ok = now.text[citation.start : citation.end] == citation.quote
            reason = "" if ok else "moved" if citation.quote in now.text else "changed"
        checks.append(Check(citation.source, citation.quote, ok, reason))
    return checks


def check_document(known: Document, now: Document | RagError) -> Check:
    """Whether a file still says what was indexed of it."""
    if isinstance(now, RagError):
        return Check(known.source, known.title, False, str(now))
    same = now.text == known.text
    return Check(
        known.source, known.title, same, "" if same else "changed since it was indexed; run: python -m rag index"
    )
