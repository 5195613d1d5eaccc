"""One part to measure: what of, where its files lie, and with which models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from eval.speed import material
from eval.speed.corpus import Corpus
from eval.speed.vectors import VectorFile, named
from rag.assistant import Assistant
from rag.config import Settings
from rag.protocols import Embedder

TINY = 60
"""Passages of the index that opening is compared with."""
Open = Callable[[], Embedder]


@dataclass(frozen=True, slots=True)
class Job:
    """A part of the measurement; as JSON it goes to the process that does it."""

    part: str
    out: str
    size: int = 0  # passages; 0: the part is not of one size
    corpus: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    limit: int = 200  # questions
    real: int = 20_000  # passages that the real model encodes
    rounds: int = 3
    passages: int = 4500  # of the folder that indexing is timed on
    reader: str = "trained"  # "rules" where a test brings its own embedder

    # -- places -----------------------------------------------------------------------------------------------------

    @property
    def library(self) -> Path:
        """Of this size and material: `documents`, `index`, `vectors.bin`, `build.json`. Never mixed with another's."""
        told = "|".join([material.digest(_articles(self.corpus)), str(self.size), str(min(self.real, self.size))])
        return Path(self.out) / "sizes" / f"{self.size}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"

    @property
    def index(self) -> Path:
        return self.library / "index"

    def file(self, name: str) -> Path:
        return Path(self.out) / name

    # -- what is measured -------------------------------------------------------------------------------------------

    def made(self) -> Corpus:
        return Corpus(_articles(self.corpus))

    def asked(self) -> tuple[str, ...]:
        return material.questions([Path(path) for path in self.questions], self.limit)

    def real_documents(self, corpus: Corpus) -> int:
        return max(corpus.documents(min(self.real, self.size or self.real)), corpus.originals)

    def name(self, embedder: Embedder) -> str:
        """The name of the vector space of this library."""
        return named(embedder, self.real_documents(self.made()))

    def log(self, dim: int) -> VectorFile:
        return VectorFile(self.library / "vectors.bin", dim)

    def cache(self, dim: int) -> VectorFile:
        return VectorFile(self.file("real.bin"), dim)

    def written(self) -> str:
        """As JSON: `Job(**json.loads(...))` with tuples for its lists."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def settings(self) -> Settings:
        return Settings(reader=self.reader)

    def opened(self, embedder: Embedder) -> Assistant:
        """The library as it was built. `embedder` bears the name of `name`. Raises RagError."""
        folder = self.library / "documents"
        return Assistant.open(folder, self.settings(), index_dir=self.index, embedder=embedder, sync=False)


@lru_cache(maxsize=2)
def _articles(corpus: tuple[str, ...]) -> tuple[material.Article, ...]:
    return material.articles([Path(path) for path in corpus])
