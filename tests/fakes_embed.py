"""A small embedder for tests: no model, no download, the same vectors everywhere."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Literal

import numpy as np

from rag.protocols import Vectors
from rag.text import tokens


class HashEmbedder:
    """Each token of a text adds one to a bucket chosen by its CRC-32. Texts that share tokens are near each other; all
    lie in one cone (cosine 0.75 to 1), as those of E5 do: the reader's weights are fitted to such cosines."""

    def __init__(self, name: str = "hash", dim: int = 256) -> None:
        self._name, self._dim = name, dim
        self.encoded: list[str] = []  # every passage ever encoded, in order

    @property
    def name(self) -> str:
        return self._name

    @property
    def dim(self) -> int:
        return self._dim

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        if kind == "passage":
            self.encoded += texts
        rows = np.zeros((len(texts), self._dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for token in tokens(text) or [text]:
                row[1 + zlib.crc32(token.encode("utf-8", "replace")) % (self._dim - 1)] += 1.0
        rows *= 0.5 / np.linalg.norm(rows, axis=1, keepdims=True)
        rows[:, 0] = 0.75**0.5
        return rows
