"""Training windows from questions that people wrote, near misses among them, about documents written for this project
(`written/`, one folder a kind of document): what no rule makes.

The documents pass through the product's own parser, labels and chunks, so that a window and its head are what the
reader meets at run time.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.chunk import chunk
from rag.errors import DataError
from rag.furniture import label
from rag.parse import parse_bytes
from rag.text import tokens
from rag.training.data import CHARS, Example, holds
from rag.types import Document, Passage
from rag.understand import after, understand

WRITTEN = Path(__file__).parent / "written"
MIX = {"answer": 0.5, "written": 0.35, "other": 0.15}  # written: nothing answers; other: a window that does not
_LONGEST = 120  # characters from the first to the last item of a list that are one span
_NEAREST = (0.55, 0.2, 0.1, 0.08, 0.07)  # how often the window that shares most with a question is taken, the next …
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A written question. `text[start:end]` of its document answers; -1: nothing in its folder does."""

    forms: tuple[str, ...]  # the question; of a follow-up as understood, and after the question before it
    document: str
    answers: tuple[str, ...] = ()
    start: int = -1
    end: int = -1

    def told_in(self, passage: Passage) -> bool:
        """Whether a window answers, or holds the very words of an answer or of one item of a list."""
        here = passage.doc_id == self.document and passage.start < self.end and self.start < passage.end
        return here or holds(passage.text, [item for answer in self.answers for item in _split(answer)])


class Written:
    """Makes examples of all the folders below a directory. A round depends on the seed and its number only."""

    def __init__(self, root: Path = WRITTEN, seed: int = 0) -> None:
        self._seed = seed
        self._documents: dict[str, Document] = {}
        self._mates: dict[str, list[str]] = {}
        self._cut: dict[tuple[str, int], list[Passage]] = {}
        rows: list[Row] = []
        for folder in sorted(path.parent for path in root.glob("*/questions.jsonl")):
            documents = {path.name: _document(path) for path in sorted((folder / "docs").iterdir())}
            self._documents.update({d.id: d for d in documents.values()})
            self._mates.update({d.id: [other.id for other in documents.values()] for d in documents.values()})
            rows += _rows(folder / "questions.jsonl", documents)
        self._answered = [row for row in rows if row.start >= 0]
        self._refused = [row for row in rows if row.start < 0]
        if rows and not (self._answered and self._refused):
            raise DataError("written questions of one kind only", "自拟问题只有一种")

    def __len__(self) -> int:
        return len(self._answered) + len(self._refused)

    def round(self, number: int, size: int) -> list[Example]:
        """About `size` examples."""
        rng = random.Random(f"{self._seed}:written:{number}")
        found: list[Example] = []
        for kind in rng.choices(list(MIX), list(MIX.values()), k=size):
            rows = self._refused if kind == "written" else self._answered
            tried = (self.make(kind, rng.choice(rows), rng) for _ in range(_TRIES))
            made = next((example for example in tried if example is not None), None)
            if made is not None:
                found.append(made)
        return found

    def make(self, kind: str, row: Row, rng: random.Random) -> Example | None:
        """One example of a kind, None where the row does not lend itself to it."""
        chars, question = rng.choice(CHARS), rng.choice(row.forms)
        if kind == "answer":
            for passage in self.windows(row.document, chars):
                if passage.start <= row.start and row.end <= passage.end:
                    start, end = row.start - passage.start, row.end - passage.start
                    return Example(question, passage.head, passage.text, start, end)
            return None
        near = rng.random() < 0.75  # the rest: the whole folder, near twins and strangers
        passages = [p for d in ([row.document] if near else self._mates[row.document]) for p in self.windows(d, chars)]
        passages = [p for p in passages if not row.told_in(p)]
        if not passages:
            return None
        asked = set(tokens(question))
        passages.sort(key=lambda p: (-len(asked & set(tokens(p.context))), p.doc_id, p.start))
        first = passages[: len(_NEAREST)]
        passage = rng.choices(first, _NEAREST[: len(first)])[0]
        return Example(question, passage.head, passage.text, kind=kind)

    def windows(self, document: str, chars: int) -> list[Passage]:
        key = (document, chars)
        if key not in self._cut:
            self._cut[key] = chunk(self._documents[document], chars=chars)
        return self._cut[key]


def _document(path: Path) -> Document:
    data = path.read_bytes()
    return label(parse_bytes(data, path.name), doc_id=hashlib.sha256(data).hexdigest()[:16], source=path.name)


def _rows(path: Path, documents: dict[str, Document]) -> list[Row]:
    """Raises DataError for a line that is malformed or whose answer its document does not hold."""
    found: list[Row] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            document = documents[row["source"]]
            history = list(row.get("history", ()))
            forms = [understand(row["question"], history).full]
            forms += [after(history[-1], row["question"])] if history else []
            start, end = _place(document.text, row) if row["answers"] else (-1, -1)
            found.append(Row(tuple(forms), document.id, tuple(row["answers"]), start, end))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}:{number}: {error}", f"{path} 第 {number} 行：{error}") from error
    return found


def _place(text: str, row: dict[str, Any]) -> tuple[int, int]:
    """Where a row's first answer stands in its evidence; of a list, from its first to its last item where that is one
    stretch, else its first item."""
    for answer in row["answers"]:
        for evidence in row["evidence"]:
            at = text.find(evidence)
            places = _items(evidence, [answer]) or _items(evidence, _split(answer)) if at >= 0 else []
            if places:
                (first, end), last = places[0], places[-1][1]
                return at + first, at + (last if last - first <= _LONGEST else end)
    raise ValueError("no answer in the evidence")


def _split(answer: str) -> list[str]:
    """The items of a list, which stand between semicolons."""
    return [item for item in re.split(r"\s*[;；]\s*", answer) if item]


def _items(stretch: str, items: Sequence[str]) -> list[tuple[int, int]]:
    """Places of the items that the stretch holds, in its order."""
    return sorted((stretch.find(item), stretch.find(item) + len(item)) for item in items if item and item in stretch)
