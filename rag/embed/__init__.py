"""Embedding: texts to vectors, by the default model without any model hub, or by any SentenceTransformer."""

from __future__ import annotations

from rag.embed.open import Description, describe, is_prepared, open_embedder, repair

__all__ = ["Description", "describe", "is_prepared", "open_embedder", "repair"]
