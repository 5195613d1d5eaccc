"""What the libraries to measure are made of: articles, each a title with paragraphs that are one passage each, taken from
documents by the product's own reading, or from the texts of a question set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from eval.questions import load, pick
from eval.steps import DEFAULT_CORPUS, SETS
from rag.chunk import chunk, size, tokens_estimate
from rag.config import Settings
from rag.errors import DataError, ParseError
from rag.folder import files
from rag.shelf import file_reader
from rag.text import is_chinese
from rag.types import BODY_ROLES, Document, Passage, Section

WRITTEN = SETS.parent.parent / "rag" / "training" / "written"
SHORTEST, LONGEST = 70, 340
"""Sizes of a paragraph, in characters of Chinese text: it stays one passage with what `corpus` appends to it."""
TOKENS = 400  # estimated, as the chunker does
TOGETHER = 12  # paragraphs of one article at most: a long document is cut into several, short neighbours become one


@dataclass(frozen=True, slots=True)
class Article:
    """`paragraphs` hold no line break and are not empty; `heads` says of each which heading stands above it, "" for none."""

    title: str
    paragraphs: tuple[str, ...]
    heads: tuple[str, ...]

    @property
    def chinese(self) -> bool:
        return is_chinese(self.paragraphs[0])


def articles(given: Sequence[Path] = ()) -> tuple[Article, ...]:
    """The articles of these folders of documents, files of texts and question sets; of the project's own material where
    none is named. Raises DataError where they hold no paragraph of a usable length, or cannot be read."""
    places = list(given) or [*sorted(WRITTEN.glob("*/docs")), *sorted(SETS.glob("*/docs")), DEFAULT_CORPUS]
    found = [article for place in places for article in joined(_of(place))]
    if not found:
        named = ", ".join(str(place) for place in places)
        raise DataError(
            f"{named}: no paragraph of {SHORTEST} to {LONGEST} characters; name other documents with --corpus",
            f"{named}：没有 {SHORTEST} 到 {LONGEST} 字的段落；请用 --corpus 指定别的文档",
        )
    return tuple(dict.fromkeys(found))


def questions(given: Sequence[Path] = (), limit: int = 200) -> tuple[str, ...]:
    """`limit` questions spread evenly over these sets (the project's own where none is named), none twice, and no
    follow-up. Raises DataError."""
    places = list(given) or sorted(SETS.glob("*.jsonl"))
    asked = [q for place in places for q in load(place).questions if not q.history and q.question.strip()]
    distinct = {q.question.strip(): q for q in asked}
    return tuple(q.question.strip() for q in pick(tuple(distinct.values()), limit))


def digest(found: Iterable[Article]) -> str:
    """Identity of the material, 12 characters."""
    sha = hashlib.sha256()
    for article in found:
        sha.update(
            "\0".join((article.title, *article.heads, *article.paragraphs, "\n")).encode("utf-8", "surrogatepass")
        )
    return sha.hexdigest()[:12]


def joined(found: Iterable[Article]) -> Iterator[Article]:
    """Neighbours of one script made one article, of up to `TOGETHER` paragraphs: the title of each that follows becomes a
    heading."""
    for _, neighbours in groupby(found, key=lambda article: article.chinese):
        held: list[Article] = []
        for article in neighbours:
            if held and sum(len(a.paragraphs) for a in (*held, article)) > TOGETHER:
                yield _one(held)
                held = []
            held.append(article)
        if held:
            yield _one(held)


def _one(held: Sequence[Article]) -> Article:
    heads = list(held[0].heads)
    for article in held[1:]:
        heads += [article.title, *article.heads[1:]]
    return Article(held[0].title, tuple(text for article in held for text in article.paragraphs), tuple(heads))


def _of(place: Path) -> Iterator[Article]:
    documents = _in_folder(place) if place.is_dir() and not (place / "corpus.jsonl").is_file() else _in_set(place)
    for title, passages in documents:
        fit = [p.text.strip() for p in passages if _fits(p)]
        for at in range(0, len(fit), TOGETHER):
            part = tuple(fit[at : at + TOGETHER])
            yield Article(" ".join(title.split()), part, ("",) * len(part))


def _in_folder(folder: Path) -> Iterator[tuple[str, Sequence[Passage]]]:
    reader = file_reader(Settings())
    count, broken = 0, None
    for file in files(folder):
        if file.skipped:
            continue
        try:
            read = reader.read(file.path, file.name)
        except ParseError as error:  # sets keep damaged files as well
            broken = error
            continue
        count += 1
        yield read.document.title, read.passages
    if broken and not count:
        raise broken


def _in_set(path: Path) -> Iterator[tuple[str, Sequence[Passage]]]:
    """The texts of a set; neighbours of one title are one document."""
    for title, rows in groupby(load(path).rows, key=lambda row: row[1]):
        passages: list[Passage] = []
        for name, _, text in rows:
            document = Document(name, title, name, text, (Section((), 0, len(text)),))
            passages += chunk(document)
        yield title, passages


def _fits(passage: Passage) -> bool:
    text = passage.text.strip()
    plain = passage.role in BODY_ROLES and not passage.columns and "\n" not in text and "|" not in text
    return plain and SHORTEST <= size(text) <= LONGEST and tokens_estimate(text) <= TOKENS
