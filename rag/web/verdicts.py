"""What people say of answers, from the click to the file.

Only where the page is opened on this machine: a visitor over the network would write on its owner's disk, without bound and
in the owner's name, and what they ask is theirs. As with files, the address that is listened on must be this machine's own,
and the name that the page was asked for under too (`hands.is_local`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import unquote

from rag import feedback
from rag.errors import QuestionError, RagError, UnknownDocumentError
from rag.feedback import Mark, Quoted, Verdict
from rag.text import sentence_spans, trim
from rag.types import Answer, Document
from rag.web.chat import Turns, history
from rag.web.desk import Desk
from rag.web.marks import Marked, line_html
from rag.web.material import Engine
from rag.web.panel import source_html
from rag.web.render import Turn
from rag.web.strings import say
from rag.web.text import Place, row_of, section_of

_SIMPLE = re.compile(r"(right|wrong)-(\d{1,6})")
_CANDIDATE = re.compile(r"this-(\d{1,6})-(\d{1,6})")
_PLACE = re.compile(r"this/(\d{1,6})/([^/]{1,400})/(\d{1,12})-(\d{1,12})")
_TEXTS = 64  # documents kept at hand while marks are compared with them
_SHIFT = 200  # characters around a selection in which it is looked for: what a page does not show shifts its offsets


@dataclass(frozen=True, slots=True)
class _Said:
    """What a click says: of which turn, what, and of which stretch of a document."""

    index: int
    verdict: Verdict
    doc_id: str = ""
    start: int = 0
    end: int = 0


def seen(directory: Path | None, turns: Turns) -> Turns:
    """The turns with what was said of their answers, as the file has it: it may be changed elsewhere."""
    if directory is None or not any(turn.marked for turn in turns):
        return turns
    try:
        marks = feedback.read(directory).marks
    except RagError:  # told where somebody marks an answer
        return turns
    return tuple(_seen(turn, turns[:index], marks) for index, turn in enumerate(turns))


def _seen(turn: Turn, before: Turns, marks: dict[str, Mark]) -> Turn:
    if turn.marked is None or turn.answer is None:
        return turn
    mark = marks.get(feedback.mark_id(turn.answer.question, history(before)))  # as it was kept: without line breaks
    return replace(turn, marked=Marked(turn.marked.path, mark if mark and mark.is_of(turn.answer) else None))


def markable(turn: Turn, directory: Path) -> Turn:
    """The turn, its answer open to a verdict. A greeting was neither answered nor refused."""
    said = turn.answer is not None and turn.answer.reason != "greeting"
    return replace(turn, marked=Marked(directory / feedback.NAME)) if said else turn


def mark(desk: Desk, directory: Path, target: str, picked: str, turns: Turns) -> None:
    """Keeps what a link says (right-3, wrong-3, this-3-2, this/3/ID/START-END with the selected text), or takes it back
    where it was said already. Raises RagError, with nothing kept."""
    said, answer = _said(target, turns)
    asked = history(turns[: said.index])
    old = feedback.read(directory).marks.get(feedback.mark_id(answer.question, asked))
    old = old if old and old.is_of(answer) else None

    def make() -> Mark:
        # What is kept must be in the documents now: a file that is deleted while its answer is still on the page leaves
        # nothing behind.
        shown = [_now(desk.engine, Quoted.of(citation)) for citation in answer.citations]
        if said.verdict != "this":
            return feedback.mark_of(answer, asked, said.verdict, shown)
        place = _place(_document(desk.engine, said.doc_id), said.start, said.end, picked)
        return feedback.mark_of(answer, asked, "this", shown, _quoted(place), place.short)

    if old and old.verdict == said.verdict and (said.verdict != "this" or _again(old, said, picked)):
        feedback.withdraw(directory, old.id)
        return
    feedback.put(directory, make)


def place_html(desk: Desk, target: str, turns: Turns, ui: str) -> str:
    """The panel after a click in it: at the sentence that is now taken for the answer, or at the one that no longer is. ""
    for a click elsewhere."""
    found = _PLACE.fullmatch(target)
    marked = turns[int(found[1])].marked if found else None
    if found is None or marked is None:
        return ""
    now, span = (marked.mark.correction, marked.mark.span) if marked.mark else (None, "")
    document = _document(desk.engine, now.doc_id if now else unquote(found[2]))
    start, end = (now.start, now.end) if now else (int(found[3]), int(found[4]))
    return source_html(Place(document, start, min(end, len(document.text)), span), ui, (marked, int(found[1])))


def summary(desk: Desk, directory: Path | None, ui: str) -> str:
    """HTML of how many answers are marked, for the list of documents."""
    if directory is None:
        return ""
    try:
        kept = feedback.read(directory)
        text_of = lru_cache(maxsize=_TEXTS)(partial(_text, desk.engine))
        made = feedback.export(kept.marks.values(), lambda quoted: quoted.quote in text_of(quoted.source))
    except RagError as error:
        return line_html(feedback.Kept({}, (error,)), feedback.Export(()), directory / feedback.NAME, ui)
    return line_html(kept, made, directory / feedback.NAME, ui)


def _said(target: str, turns: Turns) -> tuple[_Said, Answer]:
    said: _Said | None = None
    if found := _SIMPLE.fullmatch(target):
        said = _Said(int(found[2]), "right" if found[1] == "right" else "wrong")
    elif found := _PLACE.fullmatch(target):
        said = _Said(int(found[1]), "this", unquote(found[2]), int(found[3]), int(found[4]))
    elif found := _CANDIDATE.fullmatch(target):
        turn, n = int(found[1]), int(found[2])
        weighed = turns[turn].answer if turn < len(turns) else None
        if weighed and n < len(weighed.candidates):
            finding = weighed.candidates[n]
            said = _Said(turn, "this", finding.passage.doc_id, finding.start, finding.end)
    turn_of = turns[said.index] if said and said.index < len(turns) else None
    if said is None or turn_of is None or turn_of.answer is None or turn_of.marked is None:
        raise QuestionError(say("mark_old", "en"), say("mark_old", "zh"))
    return said, turn_of.answer


def _again(old: Mark, said: _Said, picked: str) -> bool:
    """Whether the same stretch is pointed out once more."""
    then = old.correction
    same = then is not None and (then.doc_id, then.start) == (said.doc_id, said.start) and then.end <= said.end
    return same and not picked


def _now(engine: Engine, quoted: Quoted) -> Quoted:
    """The quote as it stands in its document at this moment. Raises UnknownDocumentError where it does not."""
    try:
        document = engine.document(quoted.doc_id)
    except UnknownDocumentError:
        try:
            document = engine.document(quoted.source)
        except UnknownDocumentError as error:
            raise _gone() from error
    start = quoted.start
    if document.text[start : start + len(quoted.quote)] != quoted.quote:
        start = document.text.find(quoted.quote)
    if start < 0:
        raise _gone()
    end = start + len(quoted.quote)
    return replace(quoted, doc_id=document.id, source=document.source, start=start, end=end)


def _document(engine: Engine, doc_id: str) -> Document:
    try:
        return engine.document(doc_id)
    except UnknownDocumentError as error:
        raise _gone() from error


def _place(document: Document, start: int, end: int, picked: str) -> Place:
    """The sentences that a stretch lies in; with `picked`, the stretch is what somebody selected, and stressed where it is
    less than them. Raises QuestionError where it is not there."""
    text = document.text
    if picked:
        at = text.find(picked, max(0, start - _SHIFT), end + _SHIFT)
        start, end = trim(text, at, at + len(picked)) if at >= 0 else (0, 0)
    if not (0 <= start < end <= len(text)) or (picked and "\n" in text[start:end]) or not text[start:end].strip():
        raise QuestionError(say("mark_lost", "en"), say("mark_lost", "zh"))
    if not picked:
        return Place(document, start, end)
    low, high = _line(document, start, end)
    spans = [(low + a, low + b) for a, b in sentence_spans(text[low:high])]
    touched = [trim(text, a, b) for a, b in spans if a < end and b > start]
    first, last = touched[0][0], touched[-1][1]
    bare = text[start:end].strip("。．.！!？? ")
    inside = len(touched) == 1 and bare != text[first:last].strip("。．.！!？? ")
    return Place(document, first, last, text[start:end] if inside else "")


def _line(document: Document, start: int, end: int) -> tuple[int, int]:
    """The line of the text that holds a stretch, within its section."""
    text = document.text
    section = next((s for s in document.sections if s.start <= start < s.end), None)
    low, high = (section.start, section.end) if section and end <= section.end else (0, len(text))
    low = max(low, text.rfind("\n", 0, start) + 1)
    stop = text.find("\n", end)
    return low, min(high, stop if stop >= 0 else len(text))


def _quoted(place: Place) -> Quoted:
    doc, section = place.document, section_of(place)
    quote, row = doc.text[place.start : place.end], row_of(place, section)
    return Quoted(doc.source, doc.id, place.start, place.end, quote, section.page if section else None, row)


def _text(engine: Engine, source: str) -> str:
    """Of a file as it is now; "" where it is not there."""
    try:
        return engine.document(source).text
    except RagError:
        return ""


def _gone() -> UnknownDocumentError:
    return UnknownDocumentError(say("mark_gone", "en"), say("mark_gone", "zh"))
