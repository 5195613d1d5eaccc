"""Rows of RAGAS (Es et al., EACL 2024), as its test sets and older data sets have them: `user_input` or `question`,
`reference` or `ground_truth`(`s`), `reference_contexts` or `contexts`. The contexts are evidence, and the corpus
where no other is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import Any

from eval.formats.fields import At, Row, identifier
from eval.formats.own import question as own_question
from eval.match import folded
from eval.questions import EvalQuestion
from rag.errors import DataError

KEYS = frozenset(
    "user_input reference ground_truth ground_truths reference_contexts contexts retrieved_contexts response".split()
)
_OURS = frozenset({"answers", "facts", "evidence", "answerable", "spans", "relevant"})


def looks_like(keys: Set[str]) -> bool:
    """Whether a row of these keys is one of RAGAS: it asks, has a key of theirs, and no gold in ours."""
    return bool({"user_input", "question"} & keys and KEYS & keys and not _OURS & keys)


def read(rows: Iterable[tuple[At, Row]]) -> Iterator[tuple[At, EvalQuestion]]:
    """A row without an id has its number for one. Raises DataError."""
    for number, (at, row) in enumerate(rows, 1):
        yield at, question(row, at, str(number))


def question(row: Row, at: At, default_id: str = "") -> EvalQuestion:
    """The question of a row."""
    asked, history = _asked(row.get("user_input", row.get("question")), at)
    reference: Any = next((row[key] for key in ("reference", "ground_truths", "ground_truth") if row.get(key)), [])
    contexts = row.get("reference_contexts") or row.get("contexts") or []
    answers = [text for text in _texts(reference, "reference", at) if text.strip()]
    evidence = list(dict.fromkeys(text for text in _texts(contexts, "reference_contexts", at) if folded(text)))
    made = {"id": identifier(row, ("id", "_id"), at, default_id), "question": asked, "history": history}
    kept = {key: row[key] for key in ("type", "lang", "group", "source") if isinstance(row.get(key), str)}
    return own_question({**made, "answers": answers, "evidence": evidence, **kept}, at)


def corpus_of(posed: Iterable[tuple[At, EvalQuestion]]) -> dict[str, tuple[str, str, str]]:
    """The contexts of all questions as rows of a corpus, those of equal text once, in order."""
    contexts = dict.fromkeys(text for _, question in posed for text in question.evidence)
    return {f"context-{n}": (f"context-{n}", "", text) for n, text in enumerate(contexts, 1)}


def _asked(said: Any, at: At) -> tuple[str, list[str]]:
    """The question and those before it: a text, or the messages of a chat, of which the last of a person's asks."""
    if isinstance(said, str):
        return said, []
    messages = said if isinstance(said, list) else []
    asked = [
        m["content"] for m in messages if isinstance(m, dict) and m.get("type", m.get("role")) in {"human", "user"}
    ]
    if not asked or not all(isinstance(text, str) and text.strip() for text in asked):
        raise _no_text("user_input", at)
    return asked[-1], asked[:-1]


def _texts(value: Any, key: str, at: At) -> list[str]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise _no_text(key, at)
    return found


def _no_text(key: str, at: At) -> DataError:
    return at.fault(f"{key!r} must be a text or a list of texts", f"{key} 应为文字或文字的列表")
