"""Questions about a document as a whole: its stated metadata, and what it covers. Read off the document's own spans,
nothing is searched."""

from __future__ import annotations

from rag.text import sentence_spans, trim
from rag.types import Document, Finding, Passage, Section, Span, passage_id

_MOST_HEADINGS = 12
_LEADS = 3
_FALL_BACK = {"publisher": ("publisher", "source", "author"), "author": ("author",), "title": ("title",)}


def metadata(document: Document, key: str) -> list[Finding]:
    """The line that states a metadata key, with the value as its short span; none where the document is silent."""
    for name in _FALL_BACK.get(key, (key,)):
        span = document.meta.get(name)
        if span is not None:
            start, end = _line(document.text, span)
            return [Finding(_passage(document, start, end), start, end, 1.0, (span,))]
    return []


def overview(document: Document) -> list[Finding]:
    """Title and headings of the outermost level that has at least two; a text without headings is told by the first
    sentences of its first paragraphs."""
    found = [_finding(document, s) for s in document.sections if s.role == "title"][:1]
    headings = [s for s in document.sections if s.role == "heading"]
    for level in sorted({s.level for s in headings}):
        at_level = [s for s in headings if s.level <= level]
        if len(at_level) >= 2:
            return found + [_finding(document, s) for s in at_level[:_MOST_HEADINGS]]
    leads = [s for s in document.sections if s.role == "body"]
    for section in leads[:1] if len(leads) == 1 else leads[:_LEADS]:
        text = document.text[section.start : section.end]
        sentences = [trim(text, a, b) for a, b in sentence_spans(text)]
        take = _LEADS if len(leads) == 1 else 1
        for a, b in [s for s in sentences if s[1] > s[0]][:take]:
            found.append(_finding(document, section, section.start + a, section.start + b))
    return found


def title(document: Document) -> Finding | None:
    """The document's title as a citable place."""
    section = next((s for s in document.sections if s.role == "title"), None)
    if section is not None:
        return _finding(document, section)
    body = next((s for s in document.sections if s.role in {"heading", "body"}), None)
    return _finding(document, body, body.start, min(body.end, body.start + 60)) if body else None


def _finding(document: Document, section: Section, start: int | None = None, end: int | None = None) -> Finding:
    a, b = trim(document.text, section.start if start is None else start, section.end if end is None else end)
    passage = Passage(
        passage_id(document.id, a, b), document.id, document.text[a:b], a, b, document.title, section.path, section.role, section.page
    )
    return Finding(passage, a, b, 1.0)


def _passage(document: Document, start: int, end: int) -> Passage:
    section = next((s for s in document.sections if s.start < end and start < s.end), None)
    role = section.role if section else "byline"
    path = section.path if section else ()
    page = section.page if section else None
    text = document.text[start:end]
    return Passage(passage_id(document.id, start, end), document.id, text, start, end, document.title, path, role, page)


def _line(text: str, span: Span) -> tuple[int, int]:
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    return trim(text, start, len(text) if end < 0 else end)
