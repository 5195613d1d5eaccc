"""Training examples for the span reader: questions with the window that answers them, and windows that do not.

Read from folders of `corpus.jsonl` and `queries.jsonl` (SQuAD-style data sets). About half of what is made has no answer:
another window of the same article, near windows of other articles, and near misses (a swapped year, place or name; a
subject put into another article's question; an attribute that the window never states).
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from rag.chunk import chunk
from rag.errors import DataError
from rag.training.attributes import attribute_example, stated_example
from rag.training.swaps import swap, transplant
from rag.types import Document, Passage, Section

CHARS = (120, 160, 200, 250, 300)  # aimed sizes of windows, in characters
MIX = {  # share of each kind among the examples of a round
    "answer": 0.53, "stated": 0.05, "same": 0.14, "near": 0.10, "swap": 0.08, "transplant": 0.05, "attribute": 0.05,
}  # fmt: skip


_TRIES = 12  # questions tried for one example of a kind that few lend themselves to

_IDLE = 500  # failures in a row that say that there is nothing to learn from


@dataclass(frozen=True, slots=True)
class Article:
    id: str
    title: str
    text: str
    group: str  # articles of one group tell of one subject (paragraphs of one page)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a data set and the article that answers it. `start` is a character offset of the article's text."""

    text: str
    article: str
    answers: tuple[str, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Example:
    """One training window. `text[start:end]` answers; start == end == -1: nothing does."""

    question: str
    head: str
    text: str
    start: int = -1
    end: int = -1
    kind: str = "answer"


@dataclass(frozen=True, slots=True)
class Material:
    articles: dict[str, Article]
    questions: tuple[Asked, ...]


def read_folder(path: Path, keep: Callable[[str], bool] = lambda context: True, label: str = "") -> Material:
    """One data set; `keep` chooses by context id. Titles lose underscores. Raises DataError for a malformed line."""
    label = label or path.name
    articles = {
        row["_id"]: Article(f"{label}/{row['_id']}", row["title"].replace("_", " "), row["text"], _group(label, row))
        for row in _rows(path / "corpus.jsonl", ("_id", "title", "text"))
        if keep(row["_id"])
    }
    asked = [
        Asked(row["text"], articles[row["context_id"]].id, tuple(row["answers"]), int(row["answer_starts"][0]))
        for row in _rows(path / "queries.jsonl", ("text", "context_id", "answers", "answer_starts"))
        if row["context_id"] in articles and row["answers"]
    ]
    return Material({article.id: article for article in articles.values()}, tuple(asked))


def _group(label: str, row: dict[str, Any]) -> str:
    return f"{label}/{row['title']}"


def _rows(path: Path, keys: Sequence[str]) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                if not all(key in row for key in keys):
                    raise ValueError(f"needs {', '.join(keys)}")
            except ValueError as error:
                raise DataError(f"{path}:{number}: {error}", f"{path} 第 {number} 行：{error}") from error
            yield row


def across(chinese: Path, english: Path, keep: Callable[[str], bool]) -> Material:
    """A data set that exists in two languages with the same question ids: questions of each on passages of the other."""
    sides = [(chinese, read_folder(chinese, keep)), (english, read_folder(english, keep))]
    rows = [
        {row["_id"]: row for row in _rows(path / "queries.jsonl", ("_id",)) if keep(row["context_id"])}
        for path, _ in sides
    ]
    articles: dict[str, Article] = {}
    asked: list[Asked] = []
    for own, other in ((0, 1), (1, 0)):
        path, material = sides[other]
        articles.update(material.articles)
        for key, row in rows[own].items():
            there = rows[other].get(key)
            if there and there["answers"]:
                asked.append(
                    Asked(
                        row["text"],
                        f"{path.name}/{there['context_id']}",
                        tuple(there["answers"]),
                        int(there["answer_starts"][0]),
                    )
                )
    return Material(articles, tuple(asked))


def merge(parts: Sequence[Material]) -> Material:
    articles: dict[str, Article] = {}
    for part in parts:
        articles.update(part.articles)
    return Material(articles, tuple(question for part in parts for question in part.questions))


def kept_out(context: str) -> bool:
    """Whether an article of CMRC 2018's training set is left out of training, to measure on its like: one in 24."""
    return crc32(context.encode()) % 24 == 0


def training_material(root: Path) -> Material:
    """Everything that may be trained on: CMRC 2018's training set (but for one article in 24), a part of DRCD's, and
    XQuAD's articles 0–23 in all four pairings of languages, those across languages twice as often. Articles 24–47 and
    the other splits are left for choosing and reporting."""
    first = lambda context: int(context.partition("-")[0]) < 24  # noqa: E731  # a predicate used four times below
    xquad = [read_folder(root / name, first) for name in ("xquad-zh", "xquad-en")]
    crossed = across(root / "xquad-zh", root / "xquad-en", first)
    cmrc = read_folder(root / "cmrc2018-train", lambda context: not kept_out(context))
    return merge([cmrc, read_folder(root / "drcd-train-part"), *xquad, crossed, crossed])


def windows(article: Article, chars: int) -> list[Passage]:
    """The article cut as the product cuts it: whole sentences up to about `chars`."""
    section = Section((), 0, len(article.text))
    return chunk(Document(article.id, article.title, article.id, article.text, (section,)), chars=chars)


def window_of(question: Asked, cut: Sequence[Passage]) -> tuple[Passage, int, int] | None:
    """The window that holds the whole answer and the answer's place in it; None where a cut runs through it."""
    end = question.start + len(question.answers[0])
    for passage in cut:
        if passage.start <= question.start and end <= passage.end:
            return passage, question.start - passage.start, end - passage.start
    return None


def holds(text: str, answers: Sequence[str]) -> bool:
    """Whether any answer occurs in the text, blanks and case aside."""
    flat = re.sub(r"\s", "", text).lower()
    return any(re.sub(r"\s", "", answer).lower() in flat for answer in answers)


class Maker:
    """Makes rounds of examples from material. A round depends on the seed and its number only."""

    def __init__(self, material: Material, seed: int = 0) -> None:
        self._material = material
        self._seed = seed
        self._cut: dict[tuple[str, int], list[Passage]] = {}
        self._ranker: Any = None
        self._home: dict[int, Passage] = {}
        self._mates: dict[str, list[str]] = {}
        for article in material.articles.values():
            self._mates.setdefault(article.group, []).append(article.id)

    def round(self, number: int, size: int) -> list[Example]:
        """`size` examples of all kinds, shuffled. Every question is asked before one comes a second time."""
        rng = random.Random(f"{self._seed}:{number}")
        if not self._material.questions:
            raise DataError("there are no questions to learn from", "没有可供学习的问题")
        order = list(range(len(self._material.questions)))
        random.Random(f"{self._seed}:order").shuffle(order)
        kinds, shares = list(MIX), list(MIX.values())
        found: list[Example] = []
        # Positives walk through the questions in a fixed order, so that rounds continue one another.
        at = round(number * size * MIX["answer"] * 1.05) % len(order)
        idle = 0
        while len(found) < size:
            made = None
            kind = rng.choices(kinds, shares)[0]
            for _ in range(_TRIES):
                if kind == "answer":
                    question = self._material.questions[order[at % len(order)]]
                    at += 1
                else:
                    question = rng.choice(self._material.questions)
                made = self.make(kind, question, rng)
                if made is not None:
                    found.append(made)
                    break
            idle = 0 if made is not None else idle + 1
            if idle > _IDLE:
                raise DataError("no examples can be made of this material", "这些数据做不出训练样例")
        return found

    def make(self, kind: str, question: Asked, rng: random.Random) -> Example | None:
        """One example of a kind around a question, None where the question does not lend itself to it."""
        article = self._material.articles[question.article]
        cut = self.windows(article.id, rng.choice(CHARS))
        found = window_of(question, cut)
        if found is None:
            return None
        passage, start, end = found
        if kind == "answer":
            return Example(question.text, article.title, passage.text, start, end)
        if kind == "same":
            return self._same(question, article, rng)
        if kind == "near":
            near = [p for p in self.near(question, article) if not holds(p.text, question.answers)]
            if not near:
                return None
            other = rng.choice(near[:6])
            return Example(question.text, other.title, other.text, kind="near")
        if kind == "swap":
            swapped = swap(question.text, f"{article.title}\n{passage.text}", rng, self._titles)
            return Example(swapped, article.title, passage.text, kind="swap") if swapped else None
        if kind == "transplant":
            other_question = rng.choice(self._material.questions)
            other_article = self._material.articles[other_question.article]
            moved = transplant(other_question.text, other_article.title, article.title, passage.text)
            return Example(moved, article.title, passage.text, kind="transplant") if moved else None
        other = rng.choice(cut)
        if kind == "attribute":
            asked = attribute_example(article.title, other.text, rng)
            return Example(asked, article.title, other.text, kind="attribute") if asked else None
        stated = stated_example(article.title, other.text, rng)
        return Example(stated[0], article.title, other.text, stated[1], stated[2], "stated") if stated else None

    def windows(self, article: str, chars: int) -> list[Passage]:
        key = (article, chars)
        if key not in self._cut:
            self._cut[key] = windows(self._material.articles[article], chars)
        return self._cut[key]

    def near(self, question: Asked, article: Article) -> list[Passage]:
        """Windows of other groups that BM25 finds for the question, best first."""
        if self._ranker is None:
            self._index()
        hits = self._ranker.search(question.text, 24)
        mates = set(self._mates[article.group])
        return [self._home[number] for number, _ in hits if self._home[number].doc_id not in mates]

    def _index(self) -> None:
        from rag.lexical import LexicalRanker

        self._ranker = LexicalRanker()
        for article in self._material.articles:
            self._home.update({passage.id: passage for passage in self.windows(article, 200)})
        self._ranker.add(list(self._home.values()))

    @property
    def _titles(self) -> list[str]:
        return [article.title for article in self._material.articles.values()]

    def _same(self, question: Asked, article: Article, rng: random.Random) -> Example | None:
        chars = rng.choice(CHARS)
        others = [
            passage
            for mate in rng.sample(self._mates[article.group], min(3, len(self._mates[article.group])))
            for passage in self.windows(mate, chars)
            if not holds(passage.text, question.answers)
        ]
        return Example(question.text, article.title, rng.choice(others).text, kind="same") if others else None
