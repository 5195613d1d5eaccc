"""One mark: a question as it was asked, what was shown, and what a person said of it. As a value and as a line of JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from rag.types import Answer, Citation

Verdict = Literal["right", "wrong", "this"]
VERDICTS: tuple[str, ...] = get_args(Verdict)

QUESTION = 2000  # characters of a question, the longest that is answered
HISTORY = 20  # earlier questions
QUOTE = 4000  # characters of a quote; of a longer one its beginning, which is verbatim too
QUOTES = 20  # quotes of one answer


@dataclass(frozen=True, slots=True)
class Quoted:
    """A stretch of a document; `text[start:end] == quote` when it was marked. When the document changes, the quote stays."""

    source: str
    doc_id: str
    start: int
    end: int
    quote: str
    page: int | None = None
    row: int | None = None

    @classmethod
    def of(cls, c: Citation) -> Quoted:
        return cls(c.source, c.doc_id, c.start, c.end, c.quote, c.page, c.row)

    def cut(self) -> Quoted:
        quote = self.quote[:QUOTE]
        return Quoted(self.source, self.doc_id, self.start, self.start + len(quote), quote, self.page, self.row)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a person said of one answer. `this`: the answer is the sentence `correction`, or `span` in it."""

    question: str
    verdict: Verdict
    history: tuple[str, ...] = ()  # earlier questions of the chat, oldest first
    understood: str = ""
    found: bool = False  # False: the question was refused
    short: str = ""
    items: tuple[str, ...] = ()  # the short spans that `short` is made of
    shown: tuple[Quoted, ...] = ()  # the citations; none of a refusal
    correction: Quoted | None = None
    span: str = ""
    kind: str = ""  # as the engine took the question
    lang: str = ""

    @property
    def id(self) -> str:
        return mark_id(self.question, self.history)

    def is_of(self, answer: Answer) -> bool:
        """Whether this was said of what is shown now: the same question may be answered otherwise later."""
        quotes = tuple(c.quote[:QUOTE] for c in answer.citations[:QUOTES])
        said = (self.found, self.short, tuple(quoted.quote for quoted in self.shown))
        return said == (answer.found, answer.short[:QUOTE], quotes)

    @property
    def quotes(self) -> tuple[Quoted, ...]:
        return (*self.shown, self.correction) if self.correction else self.shown

    @property
    def texts(self) -> Iterator[str]:
        """Everything in it that may be a document's words."""
        yield from (self.question, *self.history, self.understood, self.short, *self.items, self.span)
        yield from (quoted.quote for quoted in self.quotes)


def mark_id(question: str, history: Sequence[str]) -> str:
    """The same for the same question after the same questions, whenever it is asked: a later mark takes the place of an
    earlier one."""
    asked = json.dumps([question.strip(), *(earlier.strip() for earlier in history)])
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def mark_of(
    answer: Answer,
    history: Sequence[str],
    verdict: Verdict,
    shown: Sequence[Quoted],
    correction: Quoted | None = None,
    span: str = "",
) -> Mark:
    """The mark of an answer, nothing in it longer than its bound. `shown`: its citations, as they stand now."""
    spans = (segment.text for segment in answer.segments if segment.kind == "short") if answer.found else ()
    return Mark(
        question=answer.question.strip()[:QUESTION],
        verdict=verdict,
        history=tuple(earlier.strip()[:QUESTION] for earlier in history[-HISTORY:]),
        understood=answer.understood[: 2 * QUESTION],
        found=answer.found,
        short=answer.short[:QUOTE],
        items=tuple(dict.fromkeys(text[:QUOTE] for text in spans))[:QUOTES],
        shown=tuple(quoted.cut() for quoted in shown[:QUOTES]),
        correction=correction.cut() if correction else None,
        span=span[:QUOTE],
        kind=answer.kind,
        lang=answer.lang,
    )


def line_of(mark: Mark) -> bytes:
    """One line of JSON. A name that is no text (a lone surrogate) is written escaped, the rest is not."""
    row = {"id": mark.id, **asdict(mark)}
    try:
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(row).encode() + b"\n"


def mark_from(row: Mapping[str, Any]) -> Mark:
    """The mark that a line tells. Raises ValueError naming what is not as it should be."""
    if row.get("verdict") not in VERDICTS:
        raise ValueError(f"'verdict' must be one of {', '.join(VERDICTS)}")
    correction = row.get("correction")
    mark = Mark(
        question=_text(row, "question"),
        verdict=row["verdict"],
        history=_texts(row, "history"),
        understood=_text(row, "understood", ""),
        found=row.get("found") is True,
        short=_text(row, "short", ""),
        items=_texts(row, "items"),
        shown=tuple(_quoted(item, "shown") for item in _list(row, "shown")),
        correction=None if correction is None else _quoted(correction, "correction"),
        span=_text(row, "span", ""),
        kind=_text(row, "kind", ""),
        lang=_text(row, "lang", ""),
    )
    if mark.verdict == "this" and mark.correction is None:
        raise ValueError("'correction' is missing")
    if mark.found and not mark.shown:
        raise ValueError("'shown' is empty, yet something was found")
    return mark


def _quoted(item: object, key: str) -> Quoted:
    if not isinstance(item, dict):
        raise ValueError(f"{key!r} must hold objects")
    start, end = _number(item, "start", 0), _number(item, "end", 0)
    quoted = Quoted(
        _text(item, "source"),
        _text(item, "doc_id", ""),
        start or 0,
        end or 0,
        _text(item, "quote"),
        _number(item, "page", 1),
        _number(item, "row", 1),
    )
    if quoted.end - quoted.start != len(quoted.quote):
        raise ValueError("'start' and 'end' are not those of 'quote'")
    return quoted


def _text(row: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = row.get(key, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise ValueError(f"{key!r} must be a text" + (" that is not empty" if default is None else ""))
    return value


def _list(row: Mapping[str, Any], key: str) -> list[Any]:
    value = row.get(key, [])
    if not isinstance(value, list):
        raise ValueError(f"{key!r} must be a list")
    return value


def _texts(row: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(_text({key: item}, key, "") for item in _list(row, key))


def _number(row: Mapping[str, Any], key: str, least: int) -> int | None:
    value = row.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
        raise ValueError(f"{key!r} must be a whole number from {least}")
    return value
