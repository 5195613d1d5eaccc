"""Marks as rows of a question set (`eval/sets/README.md`): what people said of answers becomes what answers are held to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rag.feedback.marks import Mark, Quoted
from rag.text import sentence_spans, trim

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Export:
    """Rows in the order of the marks, and how many marks gave none."""

    rows: tuple[Row, ...]
    uncorrected: int = 0  # wrong, and nobody has said what would be right
    changed: int = 0  # their text is no longer in its document


def export(marks: Iterable[Mark], stands: Callable[[Quoted], bool]) -> Export:
    """Right answers with their evidence, right refusals as questions without an answer, sentences that people pointed out
    as evidence. `stands`: whether a quote is still in its document; gold that is not would be refused."""
    rows: list[Row] = []
    uncorrected = changed = 0
    for mark in marks:
        if mark.verdict == "wrong":
            uncorrected += 1
            continue
        quotes = (mark.correction,) if mark.correction and mark.verdict == "this" else mark.shown
        if all(map(stands, quotes)):
            rows.append(_row(mark, quotes))
        else:
            changed += 1
    return Export(tuple(rows), uncorrected, changed)


def _row(mark: Mark, quotes: tuple[Quoted, ...]) -> Row:
    row: Row = {"id": f"fb-{mark.id[:12]}", "question": mark.question}
    if quotes and (answers := _answers(mark)):
        row["answers"] = answers
    if quotes:
        row["evidence"] = list(dict.fromkeys(part for quoted in quotes for part in _parts(quoted.quote, mark)))
    row["answerable"] = bool(quotes)
    if mark.history:
        row["history"] = list(mark.history)
    kind = "no_answer" if not quotes else "followup" if _follows(mark) else mark.kind
    row |= {key: value for key, value in (("type", kind), ("lang", mark.lang)) if value}
    places = {(q.source, q.page, q.row) for q in quotes}
    names = {q.source for q in quotes}
    if len(names) == 1:
        row["source"] = names.pop()
    if len(places) == 1:
        _, page, number = places.pop()
        row |= {key: value for key, value in (("page", page), ("row", number)) if value is not None}
    return row


def _answers(mark: Mark) -> list[str]:
    """The short answer; the items of a list joined by `;`, as question files write them. One that holds that sign itself
    would be read as a list, so the evidence stands alone."""
    if mark.verdict == "this":
        items: tuple[str, ...] = (mark.span,)
    else:
        items = mark.items if len(mark.items) > 1 else (mark.short,)
    items = tuple(item.strip() for item in items if item.strip())
    return [";".join(items)] if items and not any(";" in item for item in items) else []


def _parts(quote: str, mark: Mark) -> list[str]:
    """The sentences of what somebody pointed out, as each piece of evidence stands inside one. A citation is one already."""
    if mark.verdict != "this":
        return [quote]
    spans = (trim(quote, *span) for span in sentence_spans(quote))
    return [quote[a:b] for a, b in spans if any(c.isalnum() for c in quote[a:b])] or [quote]


def _follows(mark: Mark) -> bool:
    return bool(mark.history) and mark.understood.strip() not in {"", mark.question.strip()}
