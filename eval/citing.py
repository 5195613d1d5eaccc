"""Whether citations prove what is said, after ALCE (Gao et al., "Enabling Large Language Models to Generate Text with
Citations", EMNLP 2023). Where ALCE asks a language-inference model whether a citation entails a statement, here the
citation must contain it, folded as in `eval.match`: this system promises quotations, not paraphrase.

Everything an answer says is a statement: its bold short answers, its quoted stretches, and any other words but the fixed
phrases of the system. A mark [n] is attached to the statements before it on its line; a short answer without one stands
above its proof and rests on every mark that follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product

from eval.match import folded, holds
from eval.records import Gold, Place, Prediction, Quote
from eval.retrieval import overlap
from rag.compose import PHRASES

_MARK = re.compile(r"\[(\d{1,3})\]")
_BOLD = re.compile(r"\*\*((?:(?!\*\*|\n\n).)+)\*\*", re.DOTALL)
_CLOSING = {"“": "”", "「": "」", "『": "』"}
_PROVEN = re.compile(r"[ \t]*(?:[（(][^（()）\n]*[)）])?[ \t]*\[\d{1,3}\][ \t]*(?:\n|$)")  # what follows a quotation
_LABEL = re.compile(r"^[ \t]*\d{1,3}[.)、][ \t]", re.MULTILINE)  # "1. " before an item of a list
_FIXED = sorted({p for forms in PHRASES.values() for p in forms.values() if len(p) > 2}, key=len, reverse=True)
_AROUND = (("**", "**"), ("“", "”"), ("「", "」"))  # what the system writes around document text
_GAP = 2  # characters of white space between citations that read as one


@dataclass(frozen=True, slots=True)
class Statement:
    """Something said, and the numbers of the citations that are to prove it."""

    text: str
    marks: tuple[int, ...]
    kind: str  # short, quote, words


def measures(prediction: Prediction, gold: Gold | None = None) -> dict[str, float]:
    """Of an answer that was given, 0..1; nothing for a refusal:

    "recall"     share of its statements that the citations attached to them contain
    "precision"  share of its citations that contain a statement they are attached to, alone or as a needed part
    "evidence"   share of its citations that overlap a gold place; absent where no place is known

    A citation whose offsets do not give its quote proves nothing: the document says something else there. A mark without a
    citation counts as one that proves nothing. Without any citation precision is 0, as in ALCE.
    """
    if not prediction.found:
        return {}
    said = statements(prediction.text, prediction.quotes)
    proofs = [proof(statement, prediction.quotes) for statement in said]
    dangling = {mark for statement in said for mark in statement.marks if not 1 <= mark <= len(prediction.quotes)}
    shown = len(prediction.quotes) + len(dangling)
    needed = {number for numbers in proofs for number in numbers}
    out = {"recall": sum(map(bool, proofs)) / len(proofs)} if proofs else {}
    out["precision"] = len(needed) / shown if shown else 0.0
    places = [place for item in gold.items for place in item] if gold else []
    if places:
        out["evidence"] = sum(_touches(quote, places) for quote in prediction.quotes) / shown if shown else 0.0
    return out


def proof(statement: Statement, quotes: Sequence[Quote]) -> frozenset[int]:
    """Numbers of the citations that prove a statement: each that contains it alone, or else the fewest neighbours in the
    document that contain it together. None: it is not proven."""
    key = folded(statement.text)
    attached = [(n, quotes[n - 1]) for n in dict.fromkeys(statement.marks) if 1 <= n <= len(quotes)]
    held = [(n, quote) for n, quote in attached if quote.valid]
    alone = frozenset(n for n, quote in held if holds(folded(quote.quote), key))
    if alone:
        return alone
    chains = sorted(held, key=lambda entry: (entry[1].source, entry[1].start, entry[1].end))
    for length in range(2, len(chains) + 1):
        for at in range(len(chains) - length + 1):
            run = chains[at : at + length]
            text = _joined([quote for _, quote in run])
            if text is not None and holds(folded(text), key):
                return frozenset(n for n, _ in run)
    return frozenset()


def statements(text: str, quotes: Sequence[Quote] = ()) -> list[Statement]:
    """The statements of an answer's Markdown, in order. `quotes` help to see where a quotation ends whose own text holds
    quotation marks, asterisks or numbers in brackets; one that is not among them is read by its balanced marks."""
    out: list[Statement] = []
    first = 0  # of the statements that the next mark is attached to
    marked = False  # whether they have one already
    alone = True  # whether nothing stands on the line yet: a mark then belongs to what stands last before it
    for kind, said in _pieces(text, [quote.quote for quote in quotes]):
        if kind == "line":
            first, marked, alone = len(out), False, True
        elif kind == "mark":
            since = max(0, len(out) - 1) if alone else first
            out[since:] = [replace(statement, marks=(*statement.marks, int(said))) for statement in out[since:]]
            marked = True
        else:
            meant = _meant(kind, said)
            if meant or kind != "words":
                first, marked, alone = (len(out) if marked else first), False, False
            if meant:
                out.append(Statement(meant, (), kind))
    return _rested(out)


def _rested(said: Sequence[Statement]) -> list[Statement]:
    """Short answers without a mark get every mark that follows them."""
    out: list[Statement] = []
    later: tuple[int, ...] = ()
    for statement in reversed(said):
        if statement.kind == "short" and not statement.marks:
            statement = replace(statement, marks=later)
        later = tuple(dict.fromkeys((*statement.marks, *later)))
        out.append(statement)
    return out[::-1]


def _pieces(text: str, known: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(kind, text) of the parts of an answer: short, quote, words, mark (its number), line (an end of one)."""
    known = sorted({quote for quote in known if quote}, key=len, reverse=True)
    at = start = 0  # `start`: of words not yet handed on
    while at < len(text):
        kind, said, end = _piece(text, at, known)
        if end > at:
            if start < at:
                yield "words", text[start:at]
            yield kind, said
            start = end
        at = max(end, at + 1)
    if start < at:
        yield "words", text[start:]


def _piece(text: str, at: int, known: Sequence[str]) -> tuple[str, str, int]:
    """Kind, text and end of the piece that begins here; an end of -1 where words go on."""
    character = text[at]
    if character == "\n":
        return "line", "", at + 1
    if character in "*“「-":
        for (before, after), quote in product(_AROUND, known):
            end = at + len(before) + len(quote) + len(after)
            if text.startswith(before, at) and text.startswith(quote + after, at + len(before)):
                return ("short" if before == "**" else "quote"), quote, end
        bullet = next((q for q in known if text.startswith(q, at + 2)), "") if text.startswith("- ", at) else ""
        if bullet and _PROVEN.match(text, at + 2 + len(bullet)):
            return "quote", bullet, at + 2 + len(bullet)
    if found := _BOLD.match(text, at):
        return "short", found[1], found.end()
    if found := _MARK.match(text, at):
        return "mark", found[1], found.end()
    if character in _CLOSING and (end := _closed(text, at)) > 0:
        return "quote", text[at + 1 : end - 1], end
    return "words", "", -1


def _closed(text: str, at: int) -> int:
    """End of the quotation that opens here: behind the mark that balances it; where none does, as in a sentence cut out
    of a longer quotation, behind the first that only a citation follows, or the last of the paragraph; -1: it never closes."""
    opening, closing = text[at], _CLOSING[text[at]]
    stop = text.find("\n\n", at)
    stop = len(text) if stop < 0 else stop
    depth = 0
    closes = []
    for place in range(at, stop):
        depth += (text[place] == opening) - (text[place] == closing)
        if text[place] == closing:
            closes.append(place + 1)
            if not depth:
                return place + 1
    return next((end for end in closes if _PROVEN.match(text, end)), closes[-1] if closes else -1)


def _meant(kind: str, text: str) -> str:
    """What a piece says: nothing where it is signs alone; of words, not the system's fixed phrases and list numbers."""
    if kind == "words":
        for phrase in _FIXED:
            text = text.replace(phrase, "")
        text = _LABEL.sub("", text)
    return text if folded(text) else ""


def _joined(quotes: Sequence[Quote]) -> str | None:
    """Citations that follow one another in one document, at most white space apart, as one text; None: they do not."""
    text = quotes[0].quote
    for last, quote in pairwise(quotes):
        gap = quote.start - last.end
        if quote.source != last.source or not 0 <= gap <= _GAP:
            return None
        between = last.after[:gap] if len(last.after) >= gap else " " * gap  # white space where no context was kept
        if between.strip():
            return None
        text += between + quote.quote
    return text


def _touches(quote: Quote, places: Sequence[Place]) -> bool:
    shown = Place(quote.source, quote.start, quote.end)
    return any(overlap(shown, place) for place in places)
