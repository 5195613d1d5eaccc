"""The published question sets as the reading table takes them, and the lock on those that are kept for the final report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import DataError
from rag.jsonl import fault, json_lines
from rag.training.data import Article

KEPT_SETS = frozenset({"drcd-dev"})
"""Sets that are opened for the final report only."""
FIRST_KEPT = 24
"""XQuAD's articles from this number on are kept for the final report; those before it were trained on."""


@dataclass(frozen=True, slots=True)
class Posed:
    """A question of a set. `starts[i]` is where `answers[i]` stands, in characters of the context's text."""

    id: str
    text: str
    context: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TextSet:
    """A set: its texts by context id, and the questions about them that have an answer."""

    name: str
    articles: dict[str, Article]
    questions: tuple[Posed, ...]

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """(context id, title, text), as `Assistant.from_texts` takes them."""
        return [(context, article.title, article.text) for context, article in self.articles.items()]


def is_kept(context: str) -> bool:
    """Whether a context of XQuAD (`24-0`: article 24, paragraph 0) is kept for the final report."""
    number = context.partition("-")[0]
    return not number.isdecimal() or int(number) >= FIRST_KEPT


@dataclass(frozen=True, slots=True)
class Source:
    """The folder of the sets, and whether this is the final report."""

    root: Path
    final: bool = False

    def read(self, name: str, keep: Callable[[str], bool] = lambda context: True) -> TextSet:
        """The set's contexts that `keep` chooses, with their questions. Before the final report a kept set is not opened
        (DataError), and kept articles of XQuAD are passed over as if they were not there."""
        if name in KEPT_SETS and not self.final:
            raise DataError(
                f"{name} is kept for the final report; add --final to open it",
                f"{name} 留到最后报告时才打开；要打开请加 --final",
            )
        hidden = name.startswith("xquad") and not self.final
        path = self.root / name / "corpus.jsonl"
        articles = {
            context: Article(f"{name}/{context}", title.replace("_", " "), text, f"{name}/{title}")
            for context, title, text in (_texts(path, number, row) for number, row in json_lines(path))
            if not (hidden and is_kept(context)) and keep(context)
        }
        path = self.root / name / "queries.jsonl"
        found = []
        for number, row in json_lines(path):
            if row.get("context_id") in articles and row.get("answers"):
                found.append(_posed(path, number, row))
        return TextSet(name, articles, tuple(found))


def _texts(path: Path, number: int, row: dict[str, Any]) -> tuple[str, str, str]:
    try:
        return str(row["_id"]), str(row["title"]), str(row["text"])
    except KeyError as error:
        raise fault(path, number, f"{error} is missing", f"缺少 {error}") from error


def _posed(path: Path, number: int, row: dict[str, Any]) -> Posed:
    try:
        starts = tuple(map(int, row["answer_starts"]))
        return Posed(str(row["_id"]), str(row["text"]), str(row["context_id"]), tuple(map(str, row["answers"])), starts)
    except (KeyError, TypeError, ValueError) as error:
        raise fault(path, number, f"not a question with answers ({error})", f"不是带答案的题目（{error}）") from error
