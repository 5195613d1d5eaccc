"""Our own format: one JSON object a line, with the keys of `eval.questions.KEYS`; eval/sets/README.md tells of each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from eval.formats.fields import At, Row, flag, grades, number, spans, text, texts
from eval.questions import KEYS, EvalQuestion


def read(rows: Iterable[tuple[At, Row]]) -> Iterator[tuple[At, EvalQuestion]]:
    """Raises DataError, as `question` does."""
    for at, row in rows:
        yield at, question(row, at)


def question(row: Row, at: At) -> EvalQuestion:
    """The question of a row. Other keys than ours are passed over, unless one looks like a misspelling of ours: it
    would silently lose the gold. An empty question is admitted: published sets hold a few, and leaving them out would
    change what is counted; `python -m eval check` tells of them."""
    for key in row.keys() - set(KEYS):
        if near := difflib.get_close_matches(key, KEYS, n=1, cutoff=0.8):
            raise at.fault(f"unknown key {key!r}; did you mean {near[0]!r}?", f"没有 {key!r}，是不是 {near[0]!r}？")
    made = EvalQuestion(
        id=text(row, "id", at),
        question=text(row, "question", at, blank=True),
        answers=texts(row, "answers", at),
        facts=texts(row, "facts", at),
        evidence=texts(row, "evidence", at),
        answerable=flag(row, "answerable", at, True),
        history=texts(row, "history", at),
        type=text(row, "type", at, ""),
        lang=text(row, "lang", at, ""),
        source=text(row, "source", at, ""),
        page=number(row, "page", at),
        row=number(row, "row", at),
        relevant=grades(row, "relevant", at),
        spans=spans(row, "spans", at),
        group=text(row, "group", at, ""),
        line=at.line,
    )
    if not made.answerable and (made.answers or made.facts or made.evidence or made.spans or made.relevant):
        raise at.fault(
            "not answerable, yet it has answers, facts or evidence; empty them, or drop 'answerable'",
            "标为无答案，却写了答案或依据；请清空，或去掉 answerable",
        )
    return made
