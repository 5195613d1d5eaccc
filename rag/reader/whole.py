"""Questions about a document as a whole: its stated metadata, and what it covers. Read off the document's own spans,
nothing is searched."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.reader.features import Asked, View, covered, longest_common, prepare, view
from rag.text import fold, sentence_spans, trim
from rag.types import Document, Finding, Passage, Question, Section, Span, passage_id

_MOST_HEADINGS = 12
_LEADS = 3
_NAMED = 0.55  # share of a question's rarity that a heading must cover to be meant
_MARKS = re.compile(r"(?:#{1,6}\s+)?")
_IDENTITY = re.compile(r"是谁|何许人|什么人|干什么|干嘛|做什么|职务|职位|身份|头衔|\bwho\b|position|job|role")
ASKS_POINTS = re.compile(
    r"(?:哪|几)(?:些|几|[两三四五六七八九十])?个?(?:件?事|工作|措施|举措|做法|方面|点|部分|环节|步骤)|做了(?:什么|啥)|怎么做"
)
_FALL_BACK = {"publisher": ("publisher", "source", "author"), "author": ("author",), "title": ("title",)}


def metadata(document: Document, key: str) -> list[Finding]:
    """The line that states a metadata key, with the value as its short span; none where the document is silent."""
    for name in _FALL_BACK.get(key, (key,)):
        span = document.meta.get(name)
        if span is not None:
            start, end = _line(document.text, span)
            return [Finding(_passage(document, start, end), start, end, 1.0, (span,))]
    return []


def asks_position(document: Document, question: Question) -> bool:
    """Whether a question asks what its author is: 某某是谁, Who is …, with the author's own name in it."""
    author = fold(document.value("author"))
    asked = fold(question.understood)
    return bool(author) and author in asked and "position" in document.meta and bool(_IDENTITY.search(asked))


def overview(document: Document, question: Question) -> list[Finding]:
    """What a document covers, or one of its sections where the question names that."""
    return section(document, question) or contents(document)


def section(document: Document, question: Question) -> list[Finding]:
    """The first sentence of each paragraph under the heading that the question names; none where it names none."""
    asked = prepare(question)
    headings = [s for s in document.sections if s.role == "heading"]
    scored = [(_names(asked, view(document.text[s.start : s.end])), -s.start, s) for s in headings]
    best = max(scored, default=None, key=lambda row: row[:2])
    if best is None or best[0] < _NAMED:
        return []
    name = document.text[best[2].start : best[2].end].strip()
    found: list[Finding] = []
    for part in document.sections:
        if part.role == "body" and name in part.path:
            for line_start, line_end in _lines(document.text, part):
                text = document.text[line_start:line_end]
                first = next((s for s in sentence_spans(text) if text[s[0] : s[1]].strip()), None)
                if first is not None:
                    found.append(_finding(document, part, line_start + first[0], line_start + first[1]))
    return [f for f in found if f.end > f.start][:_MOST_HEADINGS]


def _names(asked: Asked, heading: View) -> float:
    """How far a question names a heading: by the share of its words, or by a stretch of four characters and more."""
    longest = max((len(run) for run in asked.runs), default=0) * longest_common(asked, heading.folded)
    return max(covered(asked, heading), 0.6 if longest >= 4 else 0.0)


def contents(document: Document) -> list[Finding]:
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
    if section.role in {"title", "heading"}:  # Markdown's marks are no part of a heading's words
        a += len(_MARKS.match(document.text[a:b]).group())  # type: ignore[union-attr]  # matches the empty string
    passage = Passage(
        passage_id(document.id, a, b),
        document.id,
        document.text[a:b],
        a,
        b,
        document.title,
        section.path,
        section.role,
        section.page,
    )
    return Finding(passage, a, b, 1.0)


def _passage(document: Document, start: int, end: int) -> Passage:
    section = next((s for s in document.sections if s.start < end and start < s.end), None)
    role = section.role if section else "byline"
    path = section.path if section else ()
    page = section.page if section else None
    text = document.text[start:end]
    return Passage(passage_id(document.id, start, end), document.id, text, start, end, document.title, path, role, page)


def _lines(text: str, part: Section) -> Iterator[tuple[int, int]]:
    start = part.start
    for line in text[part.start : part.end].splitlines(keepends=True):
        if line.strip():
            yield start, start + len(line)
        start += len(line)


def _line(text: str, span: Span) -> tuple[int, int]:
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    return trim(text, start, len(text) if end < 0 else end)
