"""The trained reader at run time: a question and passages in, spans and a null score for each passage out.

The model is the embedding model's own encoder plus a small difference that ships with this package (`model/`), which
must have the checksum that stands beside it. The two are added up in memory when the model is opened, and run on the
engine that the embedder uses.

Nothing of that is stored. Opening takes under two seconds of one core, beside the embedder's own four: adding up 0.8, the
tokenizer 0.6, compiling 0.2, the checksum 0.01 (two cores, 2026). A stored compiled model would spare the 0.2 down to 0.15,
a stored sum the 0.8, for 85 MB of disk and one more thing that can be stale or damaged.
"""

from __future__ import annotations

import hashlib
import json
import queue
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embed import engine as fast
from rag.embed import prepare as prep
from rag.errors import ModelError, SettingsError
from rag.reader.network import HEAD, WORDS, Sizes, forward, merged, read_sizes
from rag.reader.reads import Piece, Window, joined, window_of
from rag.reader.window import QUERY, prefix
from rag.text import writable

__all__ = ["SHIPPED", "SpanModel", "Window", "about", "available", "check", "load", "open_span_model"]

SHIPPED = Path(__file__).parent / "model" / "span.safetensors"
ABOUT = (
    ".json"  # beside the difference, under its name: its checksum, and the scale of its margins (`rag.reader.scale`)
)
_REQUESTS = 2  # one runs at a time; a second is filled meanwhile
_MOST_QUESTION = 64  # tokens of a question that are read, as in training
_MOST_HEAD = 120  # tokens of title and section; a longer head is left out
_OVERLAP = 64  # tokens that two pieces of a long passage share: no shorter than the longest span
_WASTE = 1.25  # length of the longest over the shortest window of a batch
_FAR = -1e4

Logits = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
"""int64 ids and mask, shape (batch, length), to float32 start and end logits, shape (batch, length, 2)."""


class SpanModel:
    """Reads passages. Any number of threads may call it."""

    def __init__(self, tokenizer: Any, sizes: Sizes, logits: Logits, engine: str, precision: str) -> None:
        self._tokenizer, self._sizes, self._logits = tokenizer, sizes, logits
        self.engine = engine  # "openvino" or "torch"
        self.precision = precision

    def read(self, question: str, contexts: Sequence[tuple[str, str]]) -> list[Window]:
        """One window for each (head, text), in order. `head` is title and section path ("" for none): it is read and
        never quoted; `text` is the passage."""
        if not contexts:
            return []
        pieces = self._pieces(question, contexts)
        found: list[list[Window]] = [[] for _ in contexts]
        for group in _groups(pieces, self._sizes.positions):
            width = min(fast.padded(len(group[-1].ids)), self._sizes.positions)
            ids = np.full((len(group), width), self._sizes.pad, dtype=np.int64)
            mask = np.zeros((len(group), width), dtype=np.int64)
            for row, piece in enumerate(group):
                ids[row, : len(piece.ids)] = piece.ids
                mask[row, : len(piece.ids)] = 1
            for piece, values in zip(group, self._logits(ids, mask), strict=True):
                found[piece.window].append(window_of(piece, values, contexts[piece.window][1]))
        return [joined(windows) for windows in found]

    def _pieces(self, question: str, contexts: Sequence[tuple[str, str]]) -> list[Piece]:
        sizes = self._sizes
        contexts = [(writable(head), writable(text)) for head, text in contexts]
        asked = self._tokenizer.encode(QUERY + writable(question), add_special_tokens=False).ids[:_MOST_QUESTION]
        lead = [sizes.bos, *asked, sizes.eos]
        told = self._tokenizer.encode_batch([prefix(head) + text for head, text in contexts], add_special_tokens=False)
        pieces: list[Piece] = []
        for index, ((head, _), encoded) in enumerate(zip(contexts, told, strict=True)):
            base = len(prefix(head))
            split = next((i for i, (_, end) in enumerate(encoded.offsets) if end > base), len(encoded.ids))
            front = encoded.ids[:split] if split <= _MOST_HEAD else encoded.ids[:1]
            offsets = [(start - base, end - base) for start, end in encoded.offsets[split:]]
            body = encoded.ids[split:]
            room = sizes.positions - len(lead) - len(front) - 1
            at = 0
            while True:
                part = slice(at, at + room)
                ids = [*lead, *front, *body[part], sizes.eos]
                pieces.append(Piece(index, ids, len(lead) + len(front), offsets[part]))
                if at + room >= len(body):
                    break
                at += max(1, room - _OVERLAP)
        return pieces


def available() -> bool:
    """Whether the trained difference is here; without it the rules read alone."""
    return SHIPPED.is_file()


def about(difference: Path) -> dict[str, Any]:
    """What is written beside a difference: `sha256` of its bytes, and `scale` (see `rag.reader.scale`). Empty where
    nothing can be read there."""
    try:
        told = json.loads(difference.with_suffix(ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def check(difference: Path) -> None:
    """Raises ModelError where a difference is missing, or is not the file whose checksum stands beside it."""
    try:
        with difference.open("rb") as file:
            found = hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        raise ModelError(
            f"{difference}: the trained reader is not in this copy of the program ({error.strerror}); restore the file from"
            " the repository, or set reader = 'rules'",
            f"{difference}：这份程序里没有训练好的阅读模型（{error.strerror}）；请从代码仓库恢复该文件，或把 reader 设为 rules",
        ) from error
    if found != about(difference).get("sha256"):
        raise ModelError(
            f"{difference}: cut short or changed: its checksum is not the one in {difference.with_suffix(ABOUT).name};"
            " restore both files from the repository, or set reader = 'rules'",
            f"{difference}：文件不完整或被改动过（校验和与 {difference.with_suffix(ABOUT).name} 不符）；"
            "请从代码仓库恢复这两个文件，或把 reader 设为 rules",
        )


def open_span_model(model_dir: str = "", engine: str = "auto", threads: int = 0) -> SpanModel:
    """The span model, ready to read; the base model is prepared first where it is not yet (see `rag.embed`).

    `engine`: openvino, torch, or auto (OpenVINO where it is installed). The same arguments give the same object.
    Raises ModelError naming the next step where a file is missing or damaged.
    """
    with _OPENING:
        return _open(model_dir, engine, threads)


_OPENING = threading.Lock()


@lru_cache(maxsize=2)
def _open(model_dir: str, engine: str, threads: int) -> SpanModel:
    from rag.embed.open import default_converter

    if engine not in {"auto", "openvino", "torch"}:
        raise SettingsError(
            f"engine '{engine}' is unknown; use auto, openvino or torch",
            f"没有名为 {engine} 的引擎，可用 auto、openvino、torch",
        )
    check(SHIPPED)
    place = prep.default_dir(model_dir)
    if not (place / "modules.json").is_file() or (place / prep.MANIFEST).exists():
        prep.prepare(place, default_converter(), 244_000_000)
    return load(place, SHIPPED, engine, threads)


def load(base: Path, difference: Path, engine: str = "auto", threads: int = 0) -> SpanModel:
    """The span model of a base model's folder and a difference. Raises ModelError where they cannot be read or run."""
    from tokenizers import Tokenizer

    from rag.embed.directory import read_safetensors

    try:
        sizes = read_sizes(base)
        weights = merged(read_safetensors(base / "model.safetensors"), read_safetensors(difference))
        tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    except Exception as error:  # the tokenizer's library raises nothing narrower
        raise ModelError(
            f"{difference} cannot be added to the model in {base} ({error}); restore the first from the repository,"
            " or delete the second to have it prepared again",
            f"无法把 {difference} 与 {base} 中的模型合并（{error}）；请从代码仓库恢复前者，或删除后者让程序重新准备",
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True  # "</s>" in a document is text
    if engine != "torch" and fast.available():
        try:
            logits, precision = _openvino(weights, sizes, threads)
            return SpanModel(tokenizer, sizes, logits, "openvino", precision)
        except (ImportError, RuntimeError) as error:
            if engine == "openvino":
                raise ModelError(
                    f"the reader cannot run on OpenVINO ({error}); set engine = 'torch' or 'auto'",
                    f"阅读模型无法用 OpenVINO 运行（{error}）；请把 engine 设为 torch 或 auto",
                ) from error
    return SpanModel(tokenizer, sizes, _torch(weights, sizes, threads), "torch", "f32")


def _openvino(weights: dict[str, NDArray[Any]], sizes: Sizes, threads: int) -> tuple[Logits, str]:
    from rag.embed.graph import build_encoder, import_openvino

    ov = import_openvino()
    options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
    if threads > 0:
        options["INFERENCE_NUM_THREADS"] = threads
    graph = build_encoder(weights, sizes.hidden, sizes.layers, sizes.heads, sizes.epsilon)
    compiled = ov.Core().compile_model(graph, "CPU", options)
    requests: queue.LifoQueue[Any] = queue.LifoQueue()
    for _ in range(_REQUESTS):
        requests.put(compiled.create_infer_request())
    words = weights[WORDS]
    places = weights["embeddings.position_embeddings.weight"].astype(np.float32)
    places = places + weights["embeddings.token_type_embeddings.weight"][0].astype(np.float32)
    head, bias = weights[f"{HEAD}.weight"].astype(np.float32).T.copy(), weights[f"{HEAD}.bias"].astype(np.float32)

    def logits(ids: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
        embedded = words[ids].astype(np.float32) + places[: ids.shape[1]]
        hidden = np.where(mask, np.float32(0), np.float32(_FAR))
        request = requests.get()
        try:
            states = request.infer({0: embedded, 1: hidden[:, None, None, :]}, share_inputs=True)[0]
            found: NDArray[Any] = states @ head + bias
        finally:
            requests.put(request)
        return found

    return logits, str(compiled.get_property("INFERENCE_PRECISION_HINT").to_string())


def _torch(weights: dict[str, NDArray[Any]], sizes: Sizes, threads: int) -> Logits:
    import torch

    if threads > 0:
        torch.set_num_threads(threads)
    tensors = {
        name: torch.from_numpy(np.array(values, dtype=values.dtype if name == WORDS else np.float32))
        for name, values in weights.items()
    }

    def logits(ids: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
        with torch.no_grad():
            found: NDArray[Any] = forward(tensors, sizes, torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
        return found

    return logits


def _groups(pieces: Sequence[Piece], positions: int) -> list[list[Piece]]:
    """Pieces of like length together, shortest first, so that little is padding."""
    groups: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: len(piece.ids)):
        if groups and len(piece.ids) <= min(positions, _WASTE * len(groups[-1][0].ids) + 8):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups
