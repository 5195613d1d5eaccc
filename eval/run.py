"""Step one: put every question to the system under test and write down what came back, one JSON line a question.

Nothing is judged here except what needs the documents at hand: whether each citation's offsets reproduce its quote.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from eval.questions import EvalQuestion, QuestionSet
from rag.config import Settings
from rag.errors import DataError, RagError
from rag.jsonl import json_lines
from rag.protocols import ProgressFn
from rag.types import Answer, Citation, Document, Hits

DEPTH = 10
"""Hits asked for to judge retrieval: the largest k of any measure reported."""


class Known(Protocol):
    """A document's entry in the list of documents."""

    @property
    def id(self) -> str: ...


class System(Protocol):
    """What is measured: the part of `rag.Assistant` that is used here."""

    def ask(self, question: str, history: Sequence[str] = (), doc_ids: Collection[str] | None = None) -> Answer: ...

    def retrieve(self, query: str, k: int = ...) -> Hits: ...

    def documents(self) -> Sequence[Known]: ...

    def document(self, doc_id: str, /) -> Document: ...


@dataclass(frozen=True, slots=True)
class Quote:
    """A citation as shown; `valid`: the document, read anew, says exactly this at these offsets."""

    source: str
    start: int
    end: int
    quote: str
    valid: bool
    page: int | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A hit; its text is kept only where gold quotes are to be looked for in it."""

    source: str
    start: int
    end: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the system said to one question: one line of predictions.jsonl."""

    id: str
    found: bool
    text: str
    short: str
    quotes: tuple[Quote, ...]
    nearest: tuple[Quote, ...]  # on a refusal: shown as not answering; counts for validity only
    hits: tuple[Found, ...]  # best first, at most DEPTH
    ms: float  # the whole question as the caller waits for it, milliseconds
    understood: str = ""
    kind: str = ""
    reason: str = ""
    confidence: float = 0.0
    error: str = ""  # the question was refused with an error: counts as not found


def open_system(
    questions: QuestionSet, corpus: Path | None, settings: Settings, index_dir: Path, progress: ProgressFn | None
) -> AbstractContextManager[System]:
    """The assistant over the set's own corpus, or over the folder `corpus`. Raises RagError."""
    from rag import Assistant

    if questions.rows:
        return Assistant.from_texts(questions.rows, settings=settings, progress=progress, index_dir=index_dir)
    assert corpus is not None, "a question file needs a folder of documents"
    return Assistant.open(corpus, settings=settings, progress=progress, index_dir=index_dir)


def index_folder(out: Path, corpus: Path) -> Path:
    """Where the index over `corpus` is kept under `out`: one a corpus, so that two never share an index."""
    digest = hashlib.sha256(str(corpus.resolve()).encode()).hexdigest()[:8]
    return out / f"index-{corpus.resolve().name}-{digest}"


def run(
    system: System,
    questions: Sequence[EvalQuestion],
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Prediction]:
    """Asks the questions in order, one at a time, and yields each prediction as it comes. `clock` gives seconds."""
    # Re-read once a document, not once a citation: a big set cites the same documents thousands of times.
    texts: dict[str, tuple[str, str]] = {}

    def text_of(doc_id: str) -> tuple[str, str]:
        if doc_id not in texts:
            try:
                document = system.document(doc_id)
                texts[doc_id] = (document.source, document.text)
            except RagError:
                texts[doc_id] = ("", "")
        return texts[doc_id]

    def quote(citation: Citation) -> Quote:
        source, text = text_of(citation.doc_id)
        inside = 0 <= citation.start < citation.end <= len(text)
        valid = inside and source == citation.source and text[citation.start : citation.end] == citation.quote
        where = (citation.source, citation.start, citation.end)
        return Quote(*where, citation.quote, valid, citation.page, citation.row)

    for question in questions:
        start = clock()
        try:
            answer = system.ask(question.question, history=question.history)
        except RagError as error:
            took = (clock() - start) * 1000
            yield Prediction(question.id, False, "", "", (), (), (), took, reason="error", error=str(error))
            continue
        took = (clock() - start) * 1000
        query = answer.understood if question.history and answer.understood else question.question
        hits = tuple(
            Found(
                text_of(hit.passage.doc_id)[0],
                hit.passage.start,
                hit.passage.end,
                hit.passage.text if question.evidence else "",
            )
            for hit in system.retrieve(query, k=DEPTH)
        )
        yield Prediction(
            id=question.id,
            found=answer.found,
            text=answer.text,
            short=answer.short,
            quotes=tuple(map(quote, answer.citations)),
            nearest=tuple(map(quote, answer.nearest)),
            hits=hits,
            ms=took,
            understood=answer.understood,
            kind=answer.kind,
            reason=answer.reason,
            confidence=answer.confidence,
        )


def write(path: Path, predictions: Iterable[Prediction]) -> None:
    """predictions.jsonl, written beside and renamed: an interrupted run leaves the former file as it was."""
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8", newline="\n") as out:
        for prediction in predictions:
            out.write(json.dumps(asdict(prediction), ensure_ascii=False) + "\n")
    os.replace(beside, path)


def read(path: Path) -> tuple[Prediction, ...]:
    """The predictions of a former run, in its order. Raises DataError naming file and line."""
    predictions = []
    for number, row in json_lines(path):
        try:
            predictions.append(_prediction(row))
        except (KeyError, TypeError) as error:
            raise DataError(
                f"{path}, line {number}: not a prediction of this version ({error}); run the evaluation again",
                f"{path} 第 {number} 行：不是本版本的预测（{error}），请重新运行评测",
            ) from error
    return tuple(predictions)


def _prediction(row: dict[str, Any]) -> Prediction:
    parts = {
        "quotes": tuple(Quote(**item) for item in row["quotes"]),
        "nearest": tuple(Quote(**item) for item in row["nearest"]),
        "hits": tuple(Found(**item) for item in row["hits"]),
    }
    return Prediction(**{**row, **parts})
