"""What is compared: something that indexes documents and lists, for a question, whose chunks come first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from rag.assistant import Assistant
from rag.config import Settings
from rag.errors import QuestionError
from rag.protocols import Embedder, ProgressFn

Row = tuple[str, str, str]
"""(source, title, text) of a document."""
OURS = "据典"
WARM = "The first text takes longer: 第一段文字要久一些。"


class Pipeline(Protocol):
    """Made with its model loaded, so that what is timed is the work and not the start."""

    @property
    def name(self) -> str: ...

    @property
    def variant(self) -> str:
        """How it is set up, in words."""
        ...

    def warm(self) -> None:
        """Encodes something: whatever is made at the first use is made."""
        ...

    def index(self, rows: Sequence[Row]) -> int:
        """Indexes the documents, and no others; returns the number of chunks that they make."""
        ...

    def search(self, query: str, depth: int) -> list[str]:
        """Sources of the `depth` best chunks, best first: one that is there with several chunks comes several times."""
        ...


class Judian:
    """Ours as it comes: every ranker, fused. Over rows, or over a folder that it reads itself."""

    name = OURS
    variant = "as it comes"

    def __init__(
        self, embedder: Embedder, settings: Settings, folder: Path | None = None, progress: ProgressFn | None = None
    ) -> None:
        self._embedder = embedder
        self._settings = replace(settings, reader="rules")  # nothing is read here, so no reader is loaded
        self._folder = folder
        self._progress = progress
        self._made = TemporaryDirectory(prefix="judian-peers-", ignore_cleanup_errors=True)
        self._assistant: Assistant | None = None
        self._sources: dict[str, str] = {}

    @property
    def assistant(self) -> Assistant:
        assert self._assistant is not None, "index first"
        return self._assistant

    def warm(self) -> None:
        self._embedder.encode([WARM], "passage")

    def index(self, rows: Sequence[Row] = ()) -> int:
        """Of a folder all files, whatever `rows`. Raises RagError."""
        index_dir = self._made.name
        if self._folder is not None:
            self._assistant = Assistant.open(
                self._folder, self._settings, self._progress, index_dir=index_dir, embedder=self._embedder
            )
        else:
            self._assistant = Assistant.from_texts(
                rows, self._settings, self._progress, index_dir=index_dir, embedder=self._embedder
            )
        infos = self._assistant.documents()
        self._sources = {info.id: info.source for info in infos}
        return sum(info.passages for info in infos)

    def rows(self) -> list[Row]:
        """The documents of the folder as they were read: the others are given the very same text."""
        return [(i.source, i.title, self.assistant.document(i.id).text) for i in self.assistant.documents()]

    def search(self, query: str, depth: int) -> list[str]:
        try:
            hits = self.assistant.retrieve(query, depth)
        except QuestionError:  # over the length that is searched for: nothing found
            return []
        return [self._sources[hit.passage.doc_id] for hit in hits]

    def close(self) -> None:
        if self._assistant is not None:
            self._assistant.close()
        self._made.cleanup()


def content(title: str, text: str) -> str:
    """A document as the others are given it: its title stands above the text, as in a file, unless the text has it."""
    return text if not title or text.lstrip().startswith(title) else f"{title}\n\n{text}"
