"""A SentenceTransformer's folder that holds a BERT encoder, without that library: tokenizer, OpenVINO, pooling.

The library and torch under it take seconds and 300 MB to import; nothing of them is needed to encode. A SentenceTransformer
over the same engine is made when somebody asks for `model`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.embed.encoder import Piece
from rag.embed.pooling import Pooling
from rag.embed.runner import Runner, padded, whole_rows
from rag.protocols import Vectors


class BertEncoder:
    """The vectors that `SentenceTransformer(path).encode` gives."""

    mixes = True

    def __init__(self, runner: Runner, pooling: Pooling) -> None:
        self._runner, self._pooling = runner, pooling
        path = runner.path
        stated = optional(path / "sentence_bert_config.json").get("max_seq_length")
        self.limit = min(int(stated or runner.limit), runner.limit)
        self.prompts: Mapping[str, str | None] = (
            optional(path / "config_sentence_transformers.json").get("prompts") or {}
        )
        self.dim, self.lanes = runner.hidden, runner.streams
        self._model: Any = None
        self._making = threading.Lock()

    @property
    def model(self) -> Any:
        from rag.embed.engine import load_fast

        with self._making:
            if self._model is None:
                self._model = load_fast(self._runner.path, runner=self._runner)
            return self._model

    def pieces(self, texts: Sequence[str], prompt: str) -> list[Piece]:
        encoded = self._runner.tokenizer.encode_batch_fast([prompt + text for text in texts])
        found = [(text, tokens.ids) for text, tokens in zip(texts, encoded, strict=True)]
        return [Piece(prompt, text, len(ids), ids) for text, ids in found]

    def width(self, size: int) -> int:
        return min(padded(size), self._runner.limit)

    def rows(self, count: int) -> int:
        return whole_rows(count)

    def encode(self, pieces: Sequence[Piece]) -> Vectors:
        rows = [self._fitting(piece.ids) for piece in pieces]
        lengths = [len(row) for row in rows]
        return self._runner.pooled(*self._runner.batch(rows), lambda hidden: self._pooling(hidden, lengths))

    def _fitting(self, ids: Sequence[int]) -> Sequence[int]:
        return ids if len(ids) <= self.limit else [*ids[: self.limit - 1], ids[-1]]


def optional(file: Path) -> Any:
    """A JSON file's content, {} where there is none."""
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
