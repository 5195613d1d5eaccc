"""The text of a document as the panel draws it: headings, paragraphs, tables, the pages it falls into, and the quoted
sentence marked. Everything shown goes through `esc`, and every offset is the document's: `data-at` is that of an element's
first character, so that what is selected can be found again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.table import cell_spans
from rag.text.whereabouts import where
from rag.types import Document, Section
from rag.web.escape import esc
from rag.web.strings import say

WINDOW = 20_000  # characters shown on each side of the quote; a longer document is cut there, and says so
_MARKS = re.compile(r"#{1,6}[ \t]+")
_RULE = re.compile(r"[\s|:+-]*")  # what Markdown draws between a table's header and its rows


@dataclass(frozen=True, slots=True)
class Place:
    """Where the panel opens: `document.text[start:end]`, with the answer's short span to stress inside."""

    document: Document
    start: int
    end: int
    short: str = ""
    note: str = ""  # a phrase key from `strings`: why this place is shown, "" for a citation
    verified: bool | None = None  # None: not a citation, nothing to verify


def section_of(place: Place) -> Section | None:
    return next((s for s in place.document.sections if s.start <= place.start < s.end), None)


def row_of(place: Place, section: Section | None) -> int | None:
    """The number of the table row at the place."""
    if section is None or section.row is None:
        return None
    return section.row + place.document.text.count("\n", section.start, max(section.start, place.start))


def text_html(place: Place, ui: str) -> str:
    """The document around the place."""
    doc = place.document
    low, high = max(0, place.start - WINDOW), min(len(doc.text), place.end + WINDOW)
    cut = f'<p class="jd-note">{say("cut", ui)}</p>' if high - low < len(doc.text) else ""
    return cut + "".join(_pieces(place, low, high, ui))


def _pieces(place: Place, low: int, high: int, ui: str) -> Iterator[str]:
    doc, at, page, table = place.document, low, None, False
    for section in sorted(doc.sections, key=lambda s: s.start):
        if section.end <= at or section.start >= high:
            continue
        start, end = max(at, section.start), min(section.end, high)
        between = doc.text[at:start]
        rows = bool(section.columns or section.names)
        turned = section.page is not None and section.page != page
        if table and (not rows or turned or not _RULE.fullmatch(between)):
            yield "</table></div>"
            table = False
        if not (rows and _RULE.fullmatch(between)):
            yield _lines(place, at, start, "")
        if turned:
            page = section.page
            yield f'<div class="jd-page"><span>{where(doc.kind, page, None, ui)}</span></div>'
        if rows:
            yield "" if table else '<div class="jd-rows"><table>'
            table = True
            yield "".join(_rows(place, section, start, end))
        else:
            yield _section(place, section, start, end, ui)
        at = end
    yield "</table></div>" if table else ""
    yield _lines(place, at, high, "")


def _section(place: Place, section: Section, start: int, end: int, ui: str) -> str:
    if section.role in ("title", "heading"):
        kind = "title" if section.role == "title" else f"heading h{min(max(section.level, 1), 4)}"
        marks = _MARKS.match(place.document.text, section.start, end) if place.document.kind in ("md", "") else None
        return _lines(place, max(start, marks.end()) if marks else start, end, kind)
    inner = _lines(place, start, end, "")
    if section.role == "body" or not inner:
        return inner
    return f'<section class="aside"><h4>{say(f"role_{section.role}", ui)}</h4>{inner}</section>'


def _lines(place: Place, start: int, end: int, kind: str) -> str:
    """The lines of `text[start:end]` as paragraphs, empty ones left out."""
    out, at = [], start
    for line in place.document.text[start:end].split("\n"):
        if line.strip():
            out.append(f'<p class="{kind}" data-at="{at}">{_marked(place, at, at + len(line))}</p>')
        at += len(line) + 1
    return "".join(out)


def _rows(place: Place, section: Section, start: int, end: int) -> Iterator[str]:
    """The lines as rows of a table, the number of the row before its cells where rows have numbers."""
    text, at = place.document.text, start
    number = None if section.row is None else section.row + text.count("\n", section.start, start)
    cell = "th" if section.names else "td"
    for line in text[start:end].split("\n"):
        spans = cell_spans(line) if line.strip() else []
        if spans:
            told = "" if number is None else f'<td class="n">{number}</td>'
            cells = "".join(f'<{cell} data-at="{at + a}">{_marked(place, at + a, at + b)}</{cell}>' for a, b in spans)
            yield f"<tr>{told}{cells}</tr>"
        at += len(line) + 1
        number = None if number is None else number + 1


def _marked(place: Place, start: int, end: int) -> str:
    text = place.document.text
    low, high = max(start, place.start), min(end, place.end)
    if low >= high:
        return esc(text[start:end])
    quoted = esc(text[low:high])
    at = text.find(place.short, low, high) if place.short else -1
    if at >= 0:
        stop = at + len(place.short)
        quoted = f"{esc(text[low:at])}<b>{esc(place.short)}</b>{esc(text[stop:high])}"
    return f'{esc(text[start:low])}<mark tabindex="-1">{quoted}</mark>{esc(text[high:end])}'
