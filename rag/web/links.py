"""What the links of messages and panels mean: a place in a document, or a question to ask."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote

from rag.errors import QuestionError, RagError, UnknownDocumentError
from rag.types import Answer, Citation
from rag.web import panel
from rag.web.chat import Turns
from rag.web.desk import Desk
from rag.web.marks import Marked
from rag.web.strings import say
from rag.web.text import Place


def open_place(desk: Desk, target: str, turns: Turns, ui: str) -> str:
    """HTML of the panel for a link's fragment: cite-1-2, near-1-0, cand-1-3, doc-ID, at/…"""
    try:
        engine = desk.engine
        desk.refresh()  # what a link is said to prove is the text as it is now
        if target.startswith("at/"):
            found = panel.follow(target)
            if found is None:
                return panel.note_html(say("place_gone", ui), ui)
            doc_id, source, start, end, digest = found
            try:
                document = engine.document(doc_id)
            except UnknownDocumentError:  # its content changed: the present one of the file of that name
                document = engine.document(source)
            return panel.source_html(panel.settle(document, start, end, digest), ui)
        if target.startswith("doc-"):
            return panel.source_html(Place(engine.document(target[4:]), 0, 0), ui)
        return panel.source_html(_place(desk, target, turns), ui, _marked(target, turns))
    except UnknownDocumentError:  # its own message is for the command line; here the file is simply no longer there
        named = target.startswith(("cite-", "near-", "at/"))
        return panel.note_html(say("place_gone" if named else "place_old", ui), ui)
    except RagError as error:
        return panel.note_html(error.message(ui), ui)


def _place(desk: Desk, target: str, turns: Turns) -> Place:
    found = re.fullmatch(r"(cite|near|cand)-(\d{1,6})-(\d{1,6})", target)
    answer = turns[int(found[2])].answer if found and int(found[2]) < len(turns) else None
    if found is None or answer is None:
        raise QuestionError("this link leads nowhere any more; ask again", "这个链接已失效，请重新提问")
    kind, n = found[1], int(found[3])
    document = desk.engine.document
    if kind == "cand" and n < len(answer.candidates):
        finding = answer.candidates[n]
        return Place(document(finding.passage.doc_id), finding.start, finding.end, note="cand_note")
    if kind == "near" and n < len(answer.nearest):
        near = answer.nearest[n]
        try:
            return Place(document(near.doc_id), near.start, near.end, note="near_note")
        except UnknownDocumentError:
            return _again(desk, near)
    for citation in answer.citations:
        if kind != "cite" or citation.number != n:
            continue
        try:
            cited = document(citation.doc_id)
        except UnknownDocumentError:
            return _again(desk, citation)
        proof = desk.engine.verify(replace(answer, citations=(citation,), nearest=()))[0]
        return Place(cited, citation.start, citation.end, _short(answer, citation), "", proof.ok)
    raise QuestionError("this link leads nowhere any more; ask again", "这个链接已失效，请重新提问")


def _marked(target: str, turns: Turns) -> tuple[Marked, int] | None:
    """What was said of the answer that a place was opened from; None where nothing can be said of it."""
    turn = int(target.split("-")[1])
    marked = turns[turn].marked
    return (marked, turn) if marked else None


def _again(desk: Desk, citation: Citation) -> Place:
    """The file changed since the answer: the same sentence in what it is now. Raises UnknownDocumentError without it."""
    return panel.settle(desk.engine.document(citation.source), citation.start, citation.end, citation.digest)


def _short(answer: Answer, citation: Citation) -> str:
    """The short span that the answer takes from this citation's quote."""
    spans = (s.text for s in answer.segments if s.kind == "short" and s.number in (0, citation.number))
    return next((text for text in spans if text and text in citation.quote), "")


def wanted(target: str, turns: Turns) -> tuple[str, Turns] | None:
    """The question behind an asking link (ask/TEXT, retry-3) and the turns to keep before it."""
    if target.startswith("ask/"):
        return unquote(target[4:]), turns
    found = re.fullmatch(r"retry-(\d{1,6})", target)
    if found is None or int(found[1]) >= len(turns):
        return None
    return turns[int(found[1])].question, turns[: int(found[1])]
