"""Questions with their gold, and the sets that they come in. `load` reads every format that `eval.formats` knows, by
its content; `write_questions` writes our own. Every fault names file and line (or JSON pointer) and the next step.

Gold is written as offsets or as verbatim evidence in a document, never as the id of a passage: cut the documents anew
and it still holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eval.match import folded
from eval.records import Place

KEYS = (
    "id",
    "question",
    "answers",
    "facts",
    "evidence",
    "answerable",
    "history",
    "type",
    "lang",
    "source",
    "page",
    "row",
    "relevant",
    "spans",
    "group",
)
"""The keys of a line of our own format, each as the field of `EvalQuestion` of that name."""


@dataclass(frozen=True, slots=True)
class EvalQuestion:
    """A question with what is known of its right answer."""

    id: str
    question: str
    answers: tuple[str, ...] = ()  # any one is right; in question files `;` joins the items of a list
    facts: tuple[str, ...] = ()  # all are needed
    evidence: tuple[str, ...] = ()  # verbatim quotes that prove it, all needed
    answerable: bool = True
    history: tuple[str, ...] = ()  # earlier questions of the same chat, oldest first
    type: str = ""
    lang: str = ""
    source: str = ""  # the file that answers, where the set names it
    page: int | None = None  # its page, slide or sheet, where the format has some
    row: int | None = None  # the row of a sheet or a file of rows
    # source of a relevant document -> its grade, above 0; a mapping has no hash, and the id tells questions apart
    relevant: Mapping[str, int] = field(default_factory=dict, hash=False)
    spans: tuple[tuple[Place, ...], ...] = ()  # gold by offsets: all items are needed, of each any one of its places
    group: str = ""  # questions on one thing (an article, a paragraph): their fates hang together
    line: int = 0  # 1-based line of the question file; 0 in formats where a question has none


@dataclass(frozen=True, slots=True)
class QuestionSet:
    name: str
    path: Path
    questions: tuple[EvalQuestion, ...]
    rows: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    """(id, title, text) of the set's own corpus; empty where the corpus is a folder of documents."""


def load(
    path: Path, *, qrels: Path | None = None, corpus: Path | None = None, format: str = "", split: str = ""
) -> QuestionSet:
    """The set at a path, recognised by its content, or read as `format` (one of `eval.formats.FORMATS`).

    `qrels` judges the documents for its questions (TREC's four columns or BEIR's three); `corpus` is a folder of
    documents or anything that `eval.formats.corpus_rows` reads, which then are the set's rows; `split` names
    qrels/SPLIT.tsv of a BEIR folder. Raises DataError for what cannot be read and for gold that the corpus does not
    hold.
    """
    from eval.formats import read_set  # which needs the types above

    return read_set(Path(path), qrels=qrels, corpus=corpus, format=format, split=split)


def cluster(question: EvalQuestion) -> str:
    """What a question's fate hangs together with, so that resampling draws both or neither: the set's own group, else the
    first gold document, else the gold sentence, else itself."""
    own = question.group or next(iter(question.relevant), "") or folded(" ".join(question.evidence[:1]))
    return own or question.id


def as_row(question: EvalQuestion) -> dict[str, Any]:
    """A line of our own format, without what is empty: `load` reads the same question from it."""
    row = {key: getattr(question, key) for key in KEYS}
    row["spans"] = [[asdict(place) for place in item] for item in question.spans]
    row["relevant"] = dict(question.relevant)
    kept = {key: value for key, value in row.items() if value not in ((), [], {}, "", None)}
    kept = {key: list(value) if isinstance(value, tuple) else value for key, value in kept.items()}
    return {"id": question.id, "question": question.question, **kept}  # a published set may ask an empty question


def write_questions(path: Path, questions: Iterable[EvalQuestion]) -> None:
    """A file in our own format, written beside and renamed: an interruption leaves the former one as it was."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as out:
        for question in questions:
            line = json.dumps(as_row(question), ensure_ascii=False) + "\n"
            out.write(line.encode("utf-8", "backslashreplace"))  # a lone surrogate goes back into its JSON escape
    os.replace(beside, path)


def pick(questions: tuple[EvalQuestion, ...], limit: int | None, seed: int = 0) -> tuple[EvalQuestion, ...]:
    """`limit` questions spread evenly over the set, in its order; the seed shifts where the first one is taken.
    Unanswerable questions are thus taken in their own share wherever they stand in the file."""
    n = len(questions)
    if limit is None or limit >= n:
        return questions
    return tuple(questions[place] for place in sorted({(i * n + seed % n) // limit % n for i in range(limit)}))


def check_evidence(questions: Iterable[EvalQuestion], texts: Iterable[str] | Mapping[str, str], path: Path) -> None:
    """Raises DataError for the first question whose evidence stands in none of the texts (compared folded). Where the
    texts come by their source, spans and relevant documents are proven as well."""
    from eval.formats.fields import At
    from eval.formats.proof import prove, prove_evidence

    held = texts if isinstance(texts, Mapping) else {str(number): text for number, text in enumerate(texts)}
    keys: dict[str, str] = {}
    for question in questions:
        at = At(path, question.line)
        if isinstance(texts, Mapping):
            prove(question, at, texts)
        if question.evidence:  # a large corpus is folded only where something is looked for in all of it
            keys = keys or {source: folded(text) for source, text in held.items()}
            prove_evidence(question, at, keys)
