"""From a text's hidden states to its vector, as the modules of a SentenceTransformer's folder say it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rag.protocols import Vectors

_FLAGS = {  # as releases before the sixth wrote it
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True, slots=True)
class Pooling:
    """The mean of a text's tokens or its first one; then of unit length or as it is."""

    mode: Literal["cls", "mean"]
    normalize: bool

    def __call__(self, hidden: NDArray[np.float32], lengths: Sequence[int]) -> Vectors:
        """Hidden states, shape (batch, length, dim), of texts of so many tokens -> vectors, shape (len(lengths), dim).

        Each row is summed up by itself, token after token: it is the same to the last bit in whatever batch it came."""
        if self.mode == "cls":
            rows = hidden[: len(lengths), 0].copy()
        else:
            rows = np.empty((len(lengths), hidden.shape[2]), dtype=np.float32)
            for row, states, length in zip(rows, hidden[: len(lengths)], lengths, strict=True):
                np.add.reduce(states[:length], axis=0, out=row)
                row /= np.float32(length)
        if self.normalize:
            rows /= np.maximum(np.sqrt(np.square(rows).sum(axis=1, keepdims=True)), np.float32(1e-12))
        return rows


def read_pooling(folder: Path) -> Pooling | None:
    """What comes after the encoder in a folder whose modules are Transformer, Pooling and maybe Normalize; None where it is
    something else than `Pooling` can do. Raises OSError, ValueError, KeyError or TypeError for files that say nothing."""
    _, pooling, *rest = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    told = json.loads((folder / pooling["path"] / "config.json").read_text(encoding="utf-8"))
    modes = _modes(told)
    if modes not in (["cls"], ["mean"]) or not told.get("include_prompt", True):
        return None
    for module in rest:  # releases from the sixth on can normalise something else than the text's vector
        file = folder / module["path"] / "config.json"
        own = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        if any(own.get(f"module_{end}_name") not in (None, "sentence_embedding") for end in ("input", "output")):
            return None
    return Pooling("cls" if modes == ["cls"] else "mean", bool(rest))


def _modes(told: Mapping[str, Any]) -> list[str]:
    mode = told.get("pooling_mode")
    if mode is not None:
        return [mode] if isinstance(mode, str) else list(mode)
    return [name for flag, name in _FLAGS.items() if told.get(flag)] or ["mean"]
