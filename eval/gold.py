"""Where the gold of a question stands in the corpus that is asked, and which passages of its index bear it.

Gold is written as offsets or as verbatim evidence, never as the id of a passage: cut the documents anew and it still holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, KeysView, Mapping, Sequence
from typing import Protocol

from eval.match import Text, folded, words
from eval.questions import EvalQuestion
from eval.records import Gold, Place
from eval.retrieval import relevant_passages
from rag.text import language
from rag.types import Document, Passage

_TELLING = 12  # folded characters from which on a stretch says the same wherever it stands; a table's cell is shorter
_MOST = 200  # places of one stretch that are kept


class Filed(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def source(self) -> str: ...


class Shelf(Protocol):
    """The part of `rag.Assistant` that is used here."""

    def documents(self) -> Sequence[Filed]: ...

    def document(self, doc_id: str, /) -> Document: ...

    def passages(self, doc_id: str, /) -> Sequence[Passage]: ...


class Corpus:
    """The documents that are asked, each read and folded once, when it is wanted."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._ids = {filed.source: filed.id for filed in shelf.documents()}
        self._documents: dict[str, Document] = {}
        self._keys: dict[str, str] = {}
        self._folded: dict[str, Text] = {}
        self._passages: dict[str, list[tuple[Place, Passage]]] = {}

    @property
    def sources(self) -> KeysView[str]:
        return self._ids.keys()

    def document(self, source: str) -> Document:
        if source not in self._documents:
            self._documents[source] = self._shelf.document(self._ids[source])
        return self._documents[source]

    def text(self, source: str) -> str:
        return self.document(source).text

    def find(self, source: str, part: str) -> list[Place]:
        if source not in self._keys:
            self._keys[source] = folded(self.text(source))
        if part not in self._keys[source]:
            return []  # most documents hold most stretches nowhere; a `Text` takes many times the memory of its text
        if source not in self._folded:
            self._folded[source] = Text(self.text(source))
        return [Place(source, start, end) for start, end in self._folded[source].find(part)]

    def passages(self, source: str) -> list[tuple[Place, Passage]]:
        if source not in self._passages:
            found = self._shelf.passages(self._ids[source])
            self._passages[source] = [(Place(source, p.start, p.end), p) for p in found]
        return self._passages[source]


class Texts(Mapping[str, str]):
    """source -> text of a corpus, each read when it is asked for."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    def __getitem__(self, source: str) -> str:
        return self._corpus.text(source)

    def __iter__(self) -> Iterator[str]:
        return iter(self._corpus.sources)

    def __len__(self) -> int:
        return len(self._corpus.sources)

    def __contains__(self, source: object) -> bool:
        return source in self._corpus.sources


def resolve(question: EvalQuestion, corpus: Corpus) -> Gold:
    """The gold of one question. Gold that this corpus does not hold is left out: `eval.questions.check_evidence` has refused it
    before where it must not be."""
    known = corpus.sources
    stated = tuple(tuple(place for place in item if place.source in known) for item in question.spans)
    items = tuple(item for item in (*stated, *(_places(question, e, corpus) for e in question.evidence)) if item)
    near = [entry for source in sorted({p.source for item in items for p in item}) for entry in corpus.passages(source)]
    passages = tuple(relevant_passages([place for place, _ in near], items))
    bearing = set(passages)
    said = " ".join(passage.context for place, passage in near if place in bearing)
    return Gold(
        question.id,
        items,
        passages,
        _documents(question, items, known),
        _overlap(question.question, said) if said else None,
        language("".join(corpus.text(p.source)[p.start : p.end] for p in passages[:1])) if passages else "",
    )


def _places(question: EvalQuestion, evidence: str, corpus: Corpus) -> tuple[Place, ...]:
    """A sentence counts wherever it is said; a short stretch, such as a cell, in the stated file, page and row alone."""
    key = folded(evidence)
    found = [place for source in corpus.sources for place in corpus.find(source, key)]
    if len(key) < _TELLING and question.source:
        there = [place for place in found if place.source == question.source]
        found = there or found
        if question.row is not None or question.page is not None:
            exact = [place for place in found if _stated(question, place, corpus)]
            found = exact or found
    return tuple(found[:_MOST])


def _stated(question: EvalQuestion, place: Place, corpus: Corpus) -> bool:
    for stretch, passage in corpus.passages(place.source):
        if stretch.start <= place.start < stretch.end:
            return question.page in {None, passage.page} and question.row in {None, passage.row}
    return False


def _documents(question: EvalQuestion, items: Sequence[Sequence[Place]], known: Collection[str]) -> dict[str, int]:
    if len(known) < 2 or not question.answerable:
        return {}
    if question.relevant:
        return {source: grade for source, grade in question.relevant.items() if source in known}
    named = {question.source} if question.source in known else set()
    return dict.fromkeys(sorted(named or {place.source for item in items for place in item}), 1)


def _overlap(question: str, said: str) -> float | None:
    """Share of the question's words (Han characters in pairs) that occur in what bears the gold."""
    asked = words(question)
    return round(len(asked & words(said)) / len(asked), 4) if asked else None
