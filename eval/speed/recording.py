"""What goes to the models is kept on its way, so that the same can be put to them again with nothing else going on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rag.protocols import Embedder, Vectors

Kind = Literal["query", "passage"]
Batch = tuple[NDArray[Any], NDArray[Any]]
"""int64 ids and mask, shape (batch, length)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the encoder, or of the reader's network (`windows`: ids and mask, shape (batch, length))."""

    kind: Literal["query", "passage", "windows"]
    seconds: float
    texts: tuple[str, ...] = ()
    windows: Batch | None = None
    began: float = 0.0  # by the process's own clock


class Watched:
    """An embedder whose calls are kept, and their time."""

    def __init__(self, embedder: Embedder, calls: list[Call] | None = None) -> None:
        self.embedder = embedder
        self.name, self.dim = embedder.name, embedder.dim
        self.calls: list[Call] = [] if calls is None else calls

    def encode(self, texts: Sequence[str], kind: Kind = "passage") -> Vectors:
        began = time.perf_counter()
        rows = self.embedder.encode(texts, kind)
        self.calls.append(Call(kind, time.perf_counter() - began, tuple(texts), began=began))
        return rows

    @property
    def seconds(self) -> float:
        return sum(call.seconds for call in self.calls if call.kind != "windows")


class Network:
    """Stands before the network of a span model and keeps what it is given."""

    def __init__(self, model: Any, calls: list[Call]) -> None:
        self._model, self._calls = model, calls
        self._inner: Callable[..., Any] = model._logits
        model._logits = self

    def __call__(self, ids: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
        began = time.perf_counter()
        found: NDArray[Any] = self._inner(ids, mask)
        self._calls.append(Call("windows", time.perf_counter() - began, (), (ids, mask), began))
        return found

    def put(self, batches: Sequence[Batch]) -> None:
        """These batches through the network as the model itself puts them, side by side where it does so; nothing is kept."""
        self.leave()
        try:
            self._model.forward(batches)
        finally:
            self._model._logits = self

    def leave(self) -> None:
        self._model._logits = self._inner


def network_of(reader: str, calls: list[Call], settings: Any) -> Network | None:
    """The network of the trained reader that an assistant with these settings uses: it is opened once in a process."""
    if reader == "rules":
        return None
    from rag.reader.span import open_span_model

    return Network(open_span_model(settings.model_dir, settings.engine, settings.threads), calls)


def again(calls: Iterable[Call], encode: Callable[..., Any], put: Callable[[Sequence[Batch]], Any] | None) -> float:
    """Seconds that the models alone take for these calls: `put` gets all windows at once. Each query has a blank more than
    before, which changes none of its tokens: an embedder remembers questions."""
    calls = list(calls)
    windows = [call.windows for call in calls if call.windows is not None]
    began = time.perf_counter()
    for call in calls:
        if call.kind != "windows":
            encode([f"{text} " for text in call.texts] if call.kind == "query" else list(call.texts), call.kind)
    if windows and put is not None:
        put(windows)
    return time.perf_counter() - began


def busy(calls: Iterable[Call]) -> float:
    """Seconds in which at least one of these calls was running."""
    total, until = 0.0, float("-inf")
    for call in sorted(calls, key=lambda call: call.began):
        end = call.began + call.seconds
        total += max(0.0, end - max(call.began, until))
        until = max(until, end)
    return total


def save(path: Path, calls: Iterable[Call]) -> None:
    """Appends calls to a file, one line each, so that another process can put them to its own models."""
    with path.open("a", encoding="utf-8") as file:
        for call in calls:
            ids, mask = call.windows or (np.empty((0, 0)), np.empty((0, 0)))
            row = {"kind": call.kind, "texts": call.texts, "ids": ids.tolist(), "mask": mask.sum(axis=1).tolist()}
            file.write(json.dumps(row, ensure_ascii=True) + "\n")


def saved(path: Path) -> Iterator[Call]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if row["kind"] != "windows":
                yield Call(row["kind"], 0.0, tuple(row["texts"]))
                continue
            ids = np.array(row["ids"], dtype=np.int64)
            mask = (np.arange(ids.shape[1]) < np.array(row["mask"], dtype=np.int64)[:, None]).astype(np.int64)
            yield Call("windows", 0.0, (), (ids, mask))


class Stopwatch:
    """Seconds by name of the methods that it was put around; of several threads together they may pass the clock's."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def around(self, owner: Any, method: str, name: str) -> None:
        """Times a method of an object from now on; one that it has not is left out."""
        inner = getattr(owner, method, None)
        if inner is None:
            return

        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                with self._lock:
                    self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

        with suppress(AttributeError):  # an object that takes no attribute is not timed
            setattr(owner, method, timed)
