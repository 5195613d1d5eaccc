"""Step one: put every question to the system and write down what came back.

Nothing is judged here except what needs the documents at hand: whether each citation's offsets reproduce its quote, whether
its link opens there, and where the gold stands. An interrupted run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from eval import records
from eval.gold import Corpus, Shelf, resolve
from eval.questions import EvalQuestion, QuestionSet, write_questions
from eval.records import FUSED, READ, Place, Prediction, Quote, Timing
from rag.config import Settings
from rag.errors import DataError, RagError, UnknownDocumentError
from rag.library import DocumentInfo
from rag.protocols import ProgressFn
from rag.types import Answer, Citation, Hits

DEPTH = 50
"""Hits asked for to judge retrieval: the largest k of any measure."""
RANKERS = ("lexical", "dense")
_AROUND = 120  # characters shown before and after a quote


class System(Shelf, Protocol):
    """What is measured: the part of `rag.Assistant` that is used here."""

    def ask(self, question: str, history: Sequence[str] = (), doc_ids: Collection[str] | None = None) -> Answer: ...

    def retrieve(self, query: str, k: int = ..., *, rankers: Collection[str] | None = None) -> Hits: ...

    def documents(self) -> Sequence[DocumentInfo]: ...


def open_system(
    questions: QuestionSet, corpus: Path | None, settings: Settings, index_dir: Path, progress: ProgressFn | None
) -> AbstractContextManager[System]:
    """The assistant over the set's own corpus, or over the folder `corpus`. Raises RagError."""
    from rag import Assistant

    if questions.rows:
        return Assistant.from_texts(questions.rows, settings=settings, progress=progress, index_dir=index_dir)
    if corpus is None:
        raise DataError(
            f"{questions.path}: no corpus; name the folder of documents with --corpus",
            f"{questions.path}：没有材料；请用 --corpus 指定文档所在的文件夹",
        )
    return Assistant.open(corpus, settings=settings, progress=progress, index_dir=index_dir)


def index_folder(out: Path, corpus: Path) -> Path:
    """Where the index over `corpus` is kept under `out`: one a corpus, so that two never share an index."""
    digest = hashlib.sha256(str(corpus.resolve()).encode()).hexdigest()[:8]
    return out / f"index-{corpus.resolve().name}-{digest}"


def run(
    system: System,
    questions: Sequence[EvalQuestion],
    corpus: Corpus | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[tuple[Prediction, Timing]]:
    """Asks the questions in order, one at a time, and yields each prediction as it comes. `clock` gives seconds."""
    corpus = corpus or Corpus(system)
    quoted = Quotes(system, corpus)
    sources = {info.id: info.source for info in system.documents()}
    for question in questions:
        start = clock()
        try:
            answer = system.ask(question.question, history=question.history)
        except RagError as error:
            told = Prediction(question.id, False, "", "", (), reason="error", error=str(error))
            yield told, Timing(question.id, _ms(clock() - start))
            continue
        took = clock() - start
        query = answer.understood if question.history and answer.understood else question.question
        start = clock()
        found = system.retrieve(query, k=DEPTH)
        searched = clock() - start
        alone = {name: system.retrieve(query, k=DEPTH, rankers=(name,)) for name in RANKERS}
        rankings = {
            name: tuple(Place(sources.get(h.passage.doc_id, ""), h.passage.start, h.passage.end) for h in hits)
            for name, hits in {**alone, FUSED: found, READ: answer.hits}.items()
        }
        told = quoted.prediction(question.id, answer, rankings)
        yield told, Timing(question.id, _ms(took), dict(answer.timings), _ms(searched))


class Quotes:
    """Answers as records: every citation is checked against its document, read once for all questions."""

    def __init__(self, system: System, corpus: Corpus) -> None:
        infos = tuple(system.documents())
        self._corpus = corpus
        self._sources = {info.id: info.source for info in infos}

    def prediction(self, key: str, answer: Answer, rankings: dict[str, tuple[Place, ...]]) -> Prediction:
        best = answer.candidates[0] if answer.candidates and not answer.found else None
        short = " ".join(best.short(span) for span in best.spans[:1]) if best else answer.short
        sentence = best.quote if best else (answer.citations[0].quote if answer.found else "")
        return Prediction(
            id=key,
            found=answer.found,
            text=answer.text,
            short=answer.short,
            quotes=tuple(map(self.quote, answer.citations)),
            nearest=tuple(map(self.quote, answer.nearest)),
            rankings=rankings,
            understood=answer.understood,
            kind=answer.kind,
            reason=answer.reason,
            confidence=answer.confidence,
            best=short or sentence,
            best_quote=sentence,
        )

    def quote(self, citation: Citation) -> Quote:
        text = self._text(citation)
        inside = 0 <= citation.start < citation.end <= len(text)
        return Quote(
            citation.source,
            citation.start,
            citation.end,
            citation.quote,
            valid=inside and text[citation.start : citation.end] == citation.quote,
            page=citation.page,
            row=citation.row,
            resolves=inside and self._resolves(citation),
            before=text[max(0, citation.start - _AROUND) : citation.start] if inside else "",
            after=text[citation.end : citation.end + _AROUND] if inside else "",
        )

    def _text(self, citation: Citation) -> str:
        if self._sources.get(citation.doc_id) != citation.source:
            return ""
        try:
            return self._corpus.text(citation.source)
        except UnknownDocumentError:
            return ""

    def _resolves(self, citation: Citation) -> bool:
        """Whether the permanent link that the chat gives for this place leads there again."""
        from rag.web import panel
        from rag.web.text import Place as Shown

        document = self._corpus.document(citation.source)
        found = panel.follow(panel.link(Shown(document, citation.start, citation.end)))
        if found is None:
            return False
        doc_id, _, start, end, digest = found
        there = panel.settle(document, start, end, digest)
        return doc_id == citation.doc_id and (there.start, there.end) == (citation.start, citation.end)


def ask_all(
    system: System,
    questions: Sequence[EvalQuestion],
    out: Path,
    mark: str,
    tell: Callable[[int], None] = lambda done: None,
    corpus: Corpus | None = None,
) -> int:
    """Asks, writes questions.jsonl, gold.jsonl, predictions.jsonl and timings.jsonl in `out`, and returns how many questions
    were answered before. `mark` says of what this is a run (`mark_of`): what an interrupted run of the same has left is
    kept and gone on from. The files come all at the end: until then those of a former run stand, and belong together."""
    corpus = corpus or Corpus(system)
    named = ("predictions.jsonl", "timings.jsonl", "gold.jsonl", "mark")
    parts = {name: out / f"{name}.part" for name in named}
    done = _begun(parts, mark, questions)
    with parts["gold.jsonl"].open("wb") as gold:
        gold.writelines(records.line(resolve(question, corpus)) for question in questions)
    parts["mark"].write_text(mark, encoding="utf-8")
    with parts["predictions.jsonl"].open("ab") as said, parts["timings.jsonl"].open("ab") as timed:
        for number, (prediction, timing) in enumerate(run(system, questions[done:], corpus), done + 1):
            timed.write(records.line(timing))
            timed.flush()
            said.write(records.line(prediction))
            said.flush()
            tell(number)
    write_questions(out / "questions.jsonl", questions)
    for name in ("gold.jsonl", "timings.jsonl", "predictions.jsonl"):
        os.replace(parts[name], out / name)
    parts["mark"].unlink(missing_ok=True)
    return done


def _begun(parts: dict[str, Path], mark: str, questions: Sequence[EvalQuestion]) -> int:
    """How many questions an interrupted run has answered; files that do not go on from there are emptied or cut to it."""
    lines: dict[str, list[bytes]] = {"predictions.jsonl": [], "timings.jsonl": []}
    if parts["mark"].is_file() and parts["mark"].read_text(encoding="utf-8", errors="replace") == mark:
        for name in lines:
            if parts[name].is_file():
                lines[name] = [
                    line for line in parts[name].read_bytes().splitlines(keepends=True) if line[-1:] == b"\n"
                ]
    done = 0
    for question, *rows in zip(questions, *lines.values(), strict=False):  # as far as both files go
        if any(json.loads(row).get("id") != question.id for row in rows):
            break
        done += 1
    for name, held in lines.items():
        parts[name].write_bytes(b"".join(held[:done]))
    return done


def mark_of(questions: Sequence[EvalQuestion], settings: Settings, sources: Sequence[str]) -> str:
    """Of what a run is: the questions, what of the settings decides on answers, the documents, the code."""
    import rag

    plain = replace(settings, folder="", index_dir="", model_dir="", host="", port=0)
    digest = hashlib.sha256(repr((questions, plain, sorted(sources))).encode())
    mine = [Path(__file__), Path(records.__file__)]  # what is asked for, and the shape that it is kept in
    for path in (*mine, *sorted(Path(rag.__file__).parent.rglob("*"))):
        if path.suffix in {".py", ".json", ".tsv"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
