"""Questions about a document as a whole: which document is meant, and what is read off it without a search. A question
that turns out to be about what a document says goes on to the reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import add
from pathlib import PurePath

from rag.library import DocumentInfo
from rag.protocols import Reader
from rag.reader import Preparing, margin, whole
from rag.text import fold
from rag.types import Document, Finding, Hit, Question, Reading, Role
from rag.understand import as_content, common, keys_about, overview_of, page_question, part_asked, terms

_UNFIT = 0.05  # the most that an answer of the wrong kind is worth: below any sensible refusal line
_MOST_TITLES = 20
_MAIL = re.compile(r"邮件|电邮|[这那哪来回]封?信|\be-?mails?\b")
DocumentOf = Callable[[str], Document]
AtHand = Callable[[], Sequence[DocumentInfo]]


def begun(
    question: Question,
    hits: Sequence[Hit],
    reader: Reader,
    lets: Callable[[Sequence[Finding]], bool],
    at_hand: AtHand,
    document_of: DocumentOf,
) -> Callable[[], Reading]:
    """Begins to read hits; what it returns waits for the end. `lets`: whether findings may be shown; `at_hand`: the
    documents that may be meant."""
    nothing = Reading((), 0.0, "no_match")
    if not hits or not (question.terms or question.kind in {"overview", "metadata"}):
        return lambda: nothing  # an empty folder, or a question that names nothing
    found, asked = read_off(question, hits, at_hand, document_of)
    if found and lets(found):
        return lambda: Reading(tuple(found), 1.0, "answered", (), tuple(found))
    if isinstance(reader, Preparing):
        reader.prepare(asked, hits)

    def finish() -> Reading:
        reading = fitting(asked, reader.read(asked, hits), hits, document_of)
        return reading if lets(reading.findings) else nothing

    return finish


def read_off(
    question: Question, hits: Sequence[Hit], at_hand: AtHand, document_of: DocumentOf
) -> tuple[list[Finding], Question]:
    """What is read off one document: its metadata, headings, notices and lists. Nothing, and the question as the reader is
    to take it, where no document states that or the question is about content. `hits` holds at least one.

    A document is fetched only where the question's words call for one: it is read and proved whole."""
    if question.kind == "metadata":
        if question.field == "reuse":
            return margin.reprint(_beside(hits, "notice", document_of), question), question
        return _stated(question, hits, document_of), question
    first = hits[0].passage.doc_id
    asked = fold(question.understood)
    asks_page, part = page_question(asked) is not None, part_asked(asked)
    if asks_page or part or question.kind == "overview":
        infos = at_hand()
        named, keys = _named(asked, asks_page, hits, infos, document_of)
        if named and keys and (found := whole.stated(named, replace(question, kind="metadata", field=keys))):
            return found, question
        if part and (found := whole.section(named or document_of(first), replace(question, terms=tuple(terms(part))))):
            return found, question
        if question.kind == "overview":
            return _overview(question, asked, named, document_of(first), infos, document_of)
    if question.kind == "list" and whole.ASKS_POINTS.search(question.understood):
        return whole.section(document_of(first), question), question
    asks_who = question.kind in {"who", "definition", "which", "list"} and whole.asks_identity(question)
    if asks_who and whole.asks_position(document_of(first), question):
        return whole.metadata(document_of(first), "position"), question
    if not margin.asks_of_list(question):
        return [], question
    return margin.listed(_beside(hits, "related", document_of), question), question


def fitting(question: Question, reading: Reading, hits: Sequence[Hit], document_of: DocumentOf) -> Reading:
    """The reading, or a refusal where its answer cannot be one: a sentence that says nothing of the document for a
    metadata question, a counter for a question about content, a deputy for the head of an office. Where nothing is found,
    the headline that the question points at."""
    stray = question.kind == "metadata" and not all(whole.says(question, f) for f in reading.findings[:1])
    if stray or not margin.holds_up(question, reading):
        return replace(reading, findings=(), answerable=min(reading.answerable, _UNFIT), reason="wrong_kind")
    if not reading.findings and hits and margin.asks_of_list(question):
        found = margin.listed(_beside(hits, "related", document_of), question, headline=True)
        if found:
            return Reading(tuple(found), 1.0, "answered", (), tuple(found))
    return reading


def _stated(question: Question, hits: Sequence[Hit], document_of: DocumentOf) -> list[Finding]:
    """What the nearest document states; where it is silent, what the only one at hand states."""
    documents = [document_of(doc_id) for doc_id in dict.fromkeys(hit.passage.doc_id for hit in hits)]
    if _MAIL.search(fold(question.understood)):
        documents = [document for document in documents if document.kind == "eml"] or documents
    told = [whole.stated(document, question) for document in documents]
    others = [found for found in told[1:] if found]
    return told[0] or (others[0] if len(others) == 1 else [])


def _overview(
    question: Question,
    asked: str,
    named: Document | None,
    nearest: Document,
    documents: Sequence[DocumentInfo],
    document_of: DocumentOf,
) -> tuple[list[Finding], Question]:
    """What a document covers, or one of its sections; the titles of all, where the folder as a whole may be meant."""
    beside = overview_of(asked)
    if named is None and not beside and len(documents) > 1:
        titles = [whole.title(document_of(info.id)) for info in documents[:_MOST_TITLES]]
        return [title for title in titles if title], question
    found = (whole.section if named is None and beside else whole.overview)(named or nearest, question)
    return found, question if found else as_content(question)


def _named(
    asked: str, asks_page: bool, hits: Sequence[Hit], documents: Sequence[DocumentInfo], document_of: DocumentOf
) -> tuple[Document | None, str]:
    """The document that a folded question calls by its title, file name, account or author, and the metadata keys that it
    asks of it; None where it calls none."""
    pairs = set(map(add, *_shifted(asked)))
    labels = [(info.id, name) for info in documents for name in (info.title, PurePath(info.source).stem)]
    for doc_id in dict.fromkeys(hit.passage.doc_id for hit in hits):
        labels += [(doc_id, document_of(doc_id).value(key)) for key in ("publisher", "author")]
    best: tuple[bool, int, str, str] = (False, 0, "", "")
    for doc_id, label in labels:
        if pairs.isdisjoint(map(add, *_shifted(fold(label)))):
            continue  # most of them: two neighbouring characters are the least that can be called common
        stretch = common(asked, fold(label), 2)
        if stretch:
            keys = keys_about(asked, fold(label)) if asks_page else ""
            row = (bool(keys), stretch[1] - stretch[0], doc_id, keys)
            best = max(best, row, key=lambda r: r[:2])  # the first of equals: max keeps it
    return (document_of(best[2]) if best[2] else None), best[3]


def _shifted(text: str) -> tuple[str, str]:
    """A text without its blanks, and the same from the second character on."""
    bare = "".join(text.split())
    return bare, bare[1:]


def _beside(hits: Sequence[Hit], role: Role, document_of: DocumentOf) -> Document:
    """The document whose furniture of one role is nearest, else the nearest document."""
    return document_of(next((hit for hit in hits if hit.passage.role == role), hits[0]).passage.doc_id)
