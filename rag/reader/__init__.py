"""Readers: from passages found to the sentences and spans that answer, or to a refusal."""

from __future__ import annotations

from rag.protocols import Embedder
from rag.reader.rules import RuleReader

__all__ = ["RuleReader", "open_reader"]


def open_reader(
    embedder: Embedder, reader: str = "auto", *, refuse_below: float, model_dir: str, engine: str, threads: int
) -> RuleReader:
    """The reader that a setting names: `trained` reads with the span model, `rules` without; `auto` takes the span model
    where it is shipped and the embedder is the model that it was trained on. Raises ModelError."""
    from rag.reader.span import available, open_span_model

    trained = reader == "trained" or (reader == "auto" and available() and embedder.name == "multilingual-e5-small")
    spans = open_span_model(model_dir, engine, threads) if trained else None
    return RuleReader(embedder, refuse_below, spans)
