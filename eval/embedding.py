"""The embedder of the settings, as every measurement opens it."""

from __future__ import annotations

from rag.config import Settings
from rag.protocols import Embedder, ProgressFn


def embedder_of(settings: Settings, progress: ProgressFn | None = None) -> Embedder:
    """Raises ModelError."""
    from rag.embed import open_embedder

    return open_embedder(
        settings.model,
        engine=settings.engine,
        model_dir=settings.model_dir,
        query_prompt=settings.query_prompt,
        passage_prompt=settings.passage_prompt,
        threads=settings.threads,
        progress=progress,
    )
