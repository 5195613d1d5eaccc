"""A BERT encoder on OpenVINO: token ids in, hidden states out. Needs neither torch nor transformers.

OpenVINO chooses the precision that the processor is best at (bfloat16 where there are instructions for it), and how many
streams it runs side by side: on few cores one a core, for a core multiplies small matrices alone sooner than several do one
matrix together. On two cores a batch of 1,000 to 2,000 tokens takes 0.83 to 0.92 of the time that it takes on both together,
and a question no more (OpenVINO 2026.4). All streams share one copy of the weights.
"""

from __future__ import annotations

import importlib.util
import json
import queue
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embed.graph import build_encoder, import_openvino
from rag.embed.shared import shared_tokenizer, shared_weights

Pool = Callable[[NDArray[np.float32]], NDArray[np.float32]]

FILES = ("config.json", "model.safetensors", "tokenizer.json")
MOST_STREAMS = 4  # on more cores each has several: every stream holds activations of its own (about 20 MB)
_ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_HIDDEN = -1e4  # added to the attention scores of padding: e^-10000 is 0 in every precision


def available() -> bool:
    """Whether OpenVINO is installed (found without importing it)."""
    return importlib.util.find_spec("openvino") is not None


def padded(length: int) -> int:
    """Tokens that a batch of longest text `length` is padded to. Few shapes, for each costs OpenVINO 0.8 MB that it keeps; and
    multiples of 16, for then a text's numbers are the same to the last bit whatever it is padded to (at 24 and 40 they are
    not; OpenVINO 2026.4, bfloat16)."""
    step = 16 if length <= 256 else 32
    return -(-length // step) * step


def whole_rows(rows: int) -> int:
    """Rows that a batch of so many is filled up to, likewise."""
    return next((size for size in _ROWS if size >= rows), rows)


class Runner:
    """Tokenizer and compiled encoder of a folder. Any number of threads may call it."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Raises OSError, KeyError or ValueError when the folder holds no BERT encoder, RuntimeError from OpenVINO."""
        ov = import_openvino()
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        weights = shared_weights(path)
        self.path = path
        self.hidden = int(config["hidden_size"])
        self.limit = int(config["max_position_embeddings"])
        self.pad = int(config.get("pad_token_id") or 0)
        model = build_encoder(
            weights,
            self.hidden,
            int(config["num_hidden_layers"]),
            int(config["num_attention_heads"]),
            float(config["layer_norm_eps"]),
        )
        self._words = weights["embeddings.word_embeddings.weight"]
        positions = weights["embeddings.position_embeddings.weight"].astype(np.float32)
        self._places = positions + weights["embeddings.token_type_embeddings.weight"][0].astype(np.float32)
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "PERFORMANCE_HINT_NUM_REQUESTS": MOST_STREAMS,
            "ENABLE_CPU_PINNING": False,  # the reader's streams, and other programs, want the same cores
        }
        if threads > 0:
            options["INFERENCE_NUM_THREADS"] = threads
        self.tokenizer = shared_tokenizer(path)
        self._compiled = ov.Core().compile_model(model, "CPU", options)
        self.precision = str(self._compiled.get_property("INFERENCE_PRECISION_HINT").to_string())
        self.streams = max(1, int(self._compiled.get_property("NUM_STREAMS")))
        self._requests: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(self.streams + 1):  # one more is filled while all run
            self._requests.put(self._compiled.create_infer_request())

    def batch(self, rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Token ids of texts, none longer than `limit`, as ids and mask of one shape."""
        width = min(padded(max(map(len, rows))), self.limit)
        ids = np.full((whole_rows(len(rows)), width), self.pad, dtype=np.int64)
        mask = np.zeros(ids.shape, dtype=np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        mask[len(rows) :, 0] = 1  # rows that nobody asked for: a softmax over nothing is not a number
        return ids, mask

    def run(self, ids: NDArray[Any], mask: NDArray[Any]) -> NDArray[np.float32]:
        """int64 ids and mask, shape (batch, length) -> float32 hidden states, shape (batch, length, hidden)."""
        return self.pooled(ids, mask, np.copy)

    def pooled(self, ids: NDArray[Any], mask: NDArray[Any], pool: Pool) -> NDArray[np.float32]:
        """`pool` of the hidden states, which are the engine's memory: what it returns is to be no view of them."""
        embedded = self._words[ids].astype(np.float32)
        embedded += self._places[: ids.shape[1]]
        bias = np.where(mask, np.float32(0), np.float32(_HIDDEN))[:, None, None, :]
        request = self._requests.get()
        try:
            return pool(request.infer({0: embedded, 1: bias}, share_inputs=True, share_outputs=True)[0])
        finally:
            self._requests.put(request)
