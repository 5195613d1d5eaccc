"""Readers: from passages found to the sentences and spans that answer, or to a refusal."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from rag.config import DEFAULT_MODEL, READERS
from rag.errors import RagError
from rag.protocols import Embedder
from rag.reader.rules import RuleReader
from rag.types import Hit, Question

__all__ = ["Preparing", "RuleReader", "open_reader", "preload"]


@runtime_checkable
class Preparing(Protocol):
    """A reader that can begin before it is waited for."""

    def prepare(self, question: Question, hits: Sequence[Hit]) -> None:
        """Begins to read and returns; `read` of the same says the same with and without it."""
        ...


def open_reader(
    embedder: Embedder, reader: str = "auto", *, refuse_below: float, model_dir: str, engine: str, threads: int
) -> RuleReader:
    """The reader that a setting names: `trained` reads with the span model, `rules` without; `auto` takes the span model
    where it is shipped and the embedder is the model that it was trained on; all else is the folder or the hub's name of
    another span model. Raises ModelError."""
    from rag.reader.span import available, open_span_model

    if reader not in READERS:
        from rag.reader.lookup import look
        from rag.reader.outside import open_outside

        return RuleReader(embedder, refuse_below, open_outside(reader, threads), look(reader).fitted)
    trained = reader == "trained" or (reader == "auto" and available() and embedder.name == DEFAULT_MODEL)
    spans = open_span_model(model_dir, engine, threads) if trained else None
    return RuleReader(embedder, refuse_below, spans)


def preload(reader: str, model: str, *, model_dir: str, engine: str, threads: int) -> None:
    """Begins to load the span model beside the embedder, where `open_reader` will want it: a second less to wait on two
    cores. What goes wrong here is raised by `open_reader`, which asks again."""
    from rag.reader.span import available, open_span_model

    def work() -> None:
        with contextlib.suppress(RagError, OSError):
            open_span_model(model_dir, engine, threads)

    if reader in {"auto", "trained"} and model == DEFAULT_MODEL and available():
        threading.Thread(target=work, name="judian-span-model", daemon=True).start()
