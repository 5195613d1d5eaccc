"""The trained reader at run time: a question and passages in, spans and a null score for each passage out.

The model is the embedding model's own encoder plus a small difference that ships with this package (`model/`). The two are
added up in memory when the model is opened, and run on the engine that the embedder uses.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embed import engine as fast
from rag.embed import prepare as prep
from rag.errors import ModelError, SettingsError
from rag.reader.decode import LONGEST, best_spans, characters
from rag.reader.network import HEAD, WORDS, Sizes, forward, merged, read_sizes
from rag.reader.window import QUERY, prefix

SHIPPED = Path(__file__).parent / "model" / "span.safetensors"
_REQUESTS = 2  # one runs at a time; a second is filled meanwhile
_MOST_QUESTION = 64  # tokens of a question that are read, as in training
_MOST_HEAD = 120  # tokens of title and section; a longer head is left out
_OVERLAP = 64  # tokens that two pieces of a long passage share: no shorter than the longest span
_WASTE = 1.25  # length of the longest over the shortest window of a batch
_FAR = -1e4

Logits = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
"""int64 ids and mask, shape (batch, length), to float32 start and end logits, shape (batch, length, 2)."""


@dataclass(frozen=True, slots=True)
class Window:
    """What the model says of one passage. Scores are sums of two logits: comparable across passages of a question by
    their distance to `null`, not in themselves."""

    null: float  # score of "no answer here"
    spans: tuple[
        tuple[int, int, float], ...
    ]  # (start, end, score): characters of the text, best first, not overlapping
    best: float  # score of the first span; far below null where there is none

    @property
    def margin(self) -> float:
        """How far the best span is above "no answer": > 0 says that the passage answers."""
        return self.best - self.null


@dataclass(frozen=True, slots=True)
class _Piece:
    """A passage, or a part of one that is too long: token ids, and where its text's tokens stand."""

    window: int
    ids: list[int]
    first: int  # position of the first token of the text
    offsets: list[tuple[int, int]]  # of those tokens, in characters of the text


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
                found[piece.window].append(_window(piece, values, contexts[piece.window][1]))
        return [_joined(windows) for windows in found]

    def _pieces(self, question: str, contexts: Sequence[tuple[str, str]]) -> list[_Piece]:
        sizes = self._sizes
        asked = self._tokenizer.encode(QUERY + question, add_special_tokens=False).ids[:_MOST_QUESTION]
        lead = [sizes.bos, *asked, sizes.eos]
        told = self._tokenizer.encode_batch([prefix(head) + text for head, text in contexts], add_special_tokens=False)
        pieces: list[_Piece] = []
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
                pieces.append(_Piece(index, ids, len(lead) + len(front), offsets[part]))
                if at + room >= len(body):
                    break
                at += max(1, room - _OVERLAP)
        return pieces


def available() -> bool:
    """Whether the trained difference is here; without it the rules read alone."""
    return SHIPPED.is_file()


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
    if not available():
        raise ModelError(
            f"{SHIPPED}: the trained reader is not in this copy of the program; restore the file from the repository,"
            " or go on with the reader that works by rules",
            f"{SHIPPED}：这份程序里没有训练好的阅读模型；请从代码仓库恢复该文件，或继续使用基于规则的阅读器",
        )
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


def _groups(pieces: Sequence[_Piece], positions: int) -> list[list[_Piece]]:
    """Pieces of like length together, shortest first, so that little is padding."""
    groups: list[list[_Piece]] = []
    for piece in sorted(pieces, key=lambda piece: len(piece.ids)):
        if groups and len(piece.ids) <= min(positions, _WASTE * len(groups[-1][0].ids) + 8):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _window(piece: _Piece, values: NDArray[Any], text: str) -> Window:
    null = float(values[0, 0] + values[0, 1])
    inside = values[piece.first : piece.first + len(piece.offsets)]
    found: list[tuple[int, int, float]] = []
    for first, last, score in best_spans(inside[:, 0], inside[:, 1], longest=LONGEST):
        start, end = characters(text, piece.offsets, first, last)
        if start < end:
            found.append((start, end, score))
    return Window(null, tuple(found), found[0][2] if found else null + _FAR)


def _joined(windows: Sequence[Window]) -> Window:
    """One window for the pieces of a passage: the surest piece's null, and every piece's spans at their distance from
    their own null."""
    surest = max(windows, key=lambda window: window.margin)
    if len(windows) == 1:
        return surest
    moved = sorted(
        ((start, end, score - window.null + surest.null) for window in windows for start, end, score in window.spans),
        key=lambda span: (-span[2], span[0]),
    )
    kept: list[tuple[int, int, float]] = []
    for span in moved:
        if len(kept) < 5 and all(span[1] <= a or b <= span[0] for a, b, _ in kept):
            kept.append(span)
    return Window(surest.null, tuple(kept), surest.best)
