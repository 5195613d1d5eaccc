"""The trained reader at run time: a question and passages in, spans and a null score for each passage out.

The model is the embedding model's own encoder plus a small difference that ships with this package (`model/`), which
must have the checksum that stands beside it. The two are added up in memory when the model is opened, and run on the
engine that the embedder uses.

Nothing of that is stored. Opening takes about half a second after the embedder's own 1.3: compiling 0.3, adding up 0.1 (two
cores, 2026); tokenizer and base weights are the embedder's. A stored sum would spare the 0.1, for 85 MB of disk and one more
thing that can be stale or damaged.
"""

from __future__ import annotations

import hashlib
import json
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embed import engine as fast
from rag.embed import prepare as prep
from rag.embed.plan import plan
from rag.errors import ModelError, SettingsError
from rag.reader.lanes import Lanes, Promised, lanes_for
from rag.reader.network import HEAD, WORDS, Sizes, forward, merged, read_sizes
from rag.reader.pieces import Cutter
from rag.reader.reads import Window, joined, window_of

__all__ = ["SHIPPED", "SpanModel", "Window", "about", "available", "check", "load", "open_span_model"]

SHIPPED = Path(__file__).parent / "model" / "span.safetensors"
ABOUT = (
    ".json"  # beside the difference, under its name: its checksum, and the scale of its margins (`rag.reader.scale`)
)
_REMEMBERED = 512  # questions whose windows are kept: to explain an answer, or to ask again, costs no reading
_FAR = -1e4

Logits = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
"""int64 ids and mask, shape (batch, length), to float32 start and end logits, shape (batch, length, 2)."""


class SpanModel:
    """Reads passages. Any number of threads may call it; what is asked again, or by two at once, is read once."""

    def __init__(
        self, tokenizer: Any, sizes: Sizes, logits: Logits, engine: str, precision: str, lanes: int = 1
    ) -> None:
        """`lanes`: how many batches `logits` is given at once."""
        self._cutter, self._logits = Cutter(tokenizer, sizes), logits
        self._lanes = Lanes(lanes)
        self._read: OrderedDict[bytes, Promised[list[Window]]] = OrderedDict()  # the latest last
        self._memory = threading.Lock()
        self.engine = engine  # "openvino" or "torch"
        self.precision = precision

    def read(self, question: str, contexts: Sequence[tuple[str, str]]) -> list[Window]:
        """One window for each (head, text), in order. `head` is title and section path ("" for none): it is read and
        never quoted; `text` is the passage."""
        return list(self._reading(question, contexts).get()) if contexts else []

    def prepare(self, question: str, contexts: Sequence[tuple[str, str]]) -> None:
        """Begins to read and returns; `read` of the same says the same with and without it."""
        if contexts and self._lanes.count > 1:
            self._reading(question, contexts).begin()

    def forward(self, batches: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> list[NDArray[Any]]:
        """Logits of several batches (ids and mask each), put through the network as `read` does."""
        running = [self._lanes.submit(partial(self._logits, *batch)) for batch in batches]
        return [future.result() for future in running]

    def _reading(self, question: str, contexts: Sequence[tuple[str, str]]) -> Promised[list[Window]]:
        key = _digest(question, contexts)
        with self._memory:
            reading = self._read.get(key)
            if reading is None:
                reading = self._read[key] = Promised(partial(self._begin, question, list(contexts)))
                while len(self._read) > _REMEMBERED:
                    self._read.popitem(last=False)
            else:
                self._read.move_to_end(key)
        return reading

    def _begin(self, question: str, contexts: Sequence[tuple[str, str]]) -> Callable[[], list[Window]]:
        pieces = self._cutter.pieces(question, contexts)
        running: list[tuple[list[int], Future[NDArray[Any]]]] = []
        for batch in plan([self._cutter.width(piece) for piece in pieces], self._lanes.count):
            given = self._cutter.filled([pieces[i] for i in batch])
            running.append((batch, self._lanes.submit(partial(self._logits, *given))))

        def finish() -> list[Window]:
            seen: dict[int, Window] = {}
            for batch, values in running:
                for i, logits in zip(batch, values.result(), strict=True):
                    seen[i] = window_of(pieces[i], logits, contexts[pieces[i].window][1])
            found: list[list[Window]] = [[] for _ in contexts]
            for i, piece in enumerate(pieces):
                found[piece.window].append(seen[i])
            return [joined(windows) for windows in found]

        return finish


def available() -> bool:
    """Whether the trained difference is here; without it the rules read alone."""
    return SHIPPED.is_file()


def _digest(question: str, contexts: Sequence[tuple[str, str]]) -> bytes:
    """Of what is to be read: the memory of what was read holds no text."""
    texts = [question, *(part for context in contexts for part in context)]
    sizes = ",".join(str(len(text)) for text in texts)
    return hashlib.blake2b("".join([sizes, *texts]).encode("utf-8", "surrogatepass"), digest_size=16).digest()


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
    from rag.embed.shared import give_back

    if engine not in {"auto", "openvino", "torch"}:
        raise SettingsError(
            f"engine '{engine}' is unknown; use auto, openvino or torch",
            f"没有名为 {engine} 的引擎，可用 auto、openvino、torch",
        )
    check(SHIPPED)
    place = prep.default_dir(model_dir)
    if not (place / "modules.json").is_file() or (place / prep.MANIFEST).exists():
        prep.prepare(place, default_converter(), 244_000_000)
    model = load(place, SHIPPED, engine, threads)
    give_back()
    return model


def load(base: Path, difference: Path, engine: str = "auto", threads: int = 0) -> SpanModel:
    """The span model of a base model's folder and a difference. Raises ModelError where they cannot be read or run."""
    from rag.embed.directory import read_safetensors
    from rag.embed.shared import shared_tokenizer, shared_weights

    try:
        sizes = read_sizes(base)
        weights = merged(shared_weights(base), read_safetensors(difference))
        tokenizer = shared_tokenizer(base, special_as_text=True)  # "</s>" in a document is text
    except Exception as error:
        raise ModelError(
            f"{difference} cannot be added to the model in {base} ({error}); restore the first from the repository,"
            " or delete the second to have it prepared again",
            f"无法把 {difference} 与 {base} 中的模型合并（{error}）；请从代码仓库恢复前者，或删除后者让程序重新准备",
        ) from error
    if engine != "torch" and fast.available():
        try:
            logits, precision, lanes = _openvino(weights, sizes, threads)
            return SpanModel(tokenizer, sizes, logits, "openvino", precision, lanes)
        except (ImportError, RuntimeError) as error:
            if engine == "openvino":
                raise ModelError(
                    f"the reader cannot run on OpenVINO ({error}); set engine = 'torch' or 'auto'",
                    f"阅读模型无法用 OpenVINO 运行（{error}）；请把 engine 设为 torch 或 auto",
                ) from error
    return SpanModel(tokenizer, sizes, _torch(weights, sizes, threads), "torch", "f32")


def _openvino(weights: dict[str, NDArray[Any]], sizes: Sizes, threads: int) -> tuple[Logits, str, int]:
    """The network, its precision, and how many batches it runs at once."""
    from rag.embed.graph import build_encoder, import_openvino

    ov = import_openvino()
    lanes = lanes_for(threads)
    options: dict[str, Any] = {"NUM_STREAMS": str(lanes)} if lanes > 1 else {"PERFORMANCE_HINT": "LATENCY"}
    options["ENABLE_CPU_PINNING"] = (
        False  # what looks at the sentences meanwhile, and other programs, want the same cores
    )
    if threads > 0:
        options["INFERENCE_NUM_THREADS"] = threads
    graph = build_encoder(weights, sizes.hidden, sizes.layers, sizes.heads, sizes.epsilon)
    compiled = ov.Core().compile_model(graph, "CPU", options)
    requests: queue.LifoQueue[Any] = queue.LifoQueue()
    for _ in range(2 * lanes):  # as many again wait, filled, for those that run
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
            given = {0: embedded, 1: hidden[:, None, None, :]}
            states = request.infer(given, share_inputs=True, share_outputs=True)[0]
            found: NDArray[Any] = states @ head + bias
        finally:
            requests.put(request)
        return found

    return logits, str(compiled.get_property("INFERENCE_PRECISION_HINT").to_string()), lanes


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
