"""Models that the nodes of a test's cluster know by name."""

from __future__ import annotations

from typing import Any

from rag.config import Settings
from rag.protocols import Embedder, ProgressFn
from tests.fakes_embed import HashEmbedder


class FailingEmbedder(HashEmbedder):
    """Opens as any other and encodes nothing."""

    def encode(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("out of luck")


def hash_model(settings: Settings, threads: int, progress: ProgressFn | None = None) -> Embedder:
    return HashEmbedder()


def failing_model(threads: int) -> Embedder:
    return FailingEmbedder()
