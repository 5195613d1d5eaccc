"""What runs on the nodes: files to passages, passages to vectors. Rows travel as Arrow tables, a passage each; the first of
a file also carries its frame, the very bytes that a reading child sends its parent."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from rag.errors import ParseError, RagError, told_by
from rag.index import RULES
from rag.intake import Limits, Read, shared
from rag.intake.wire import error_frame, frame_of
from rag.protocols import Embedder
from rag.types import Passage

ELSEWHERE = b""  # in place of a frame: this node cannot read the file, the driver must
STOP = -1  # as the number of rows: the frame says why no node of this kind can go on
_ROWS = 256  # passages of one table

Row = tuple[bytes | None, bytes | None, bytes | None]
"""Digest, text or vector, and of a file's first row the frame."""


@dataclass(frozen=True, slots=True)
class Order:
    """What every node is told."""

    chars: int  # aimed length of a passage
    limits: Limits
    rules: str  # by which the driver's program cuts passages
    model: str  # name of the driver's embedder
    dim: int
    opened: Callable[[int], Embedder]  # with that many threads
    asks: bool  # whether the library may keep vectors of what is read: then only what it lacks is encoded


def read_files(batch: Any, order: Order, desk: Any) -> Iterator[Any]:
    """From an Arrow table of files (at, name, path, size, mtime: number, name in the folder, place, bytes, seconds) to
    tables of passages (at, of, digest, text, frame); `of` is how many rows the file has in all."""
    for file in batch.to_pylist():
        at = file["at"]
        if order.rules != RULES:
            why = f"its program reads files by rules {RULES}, the driver's by {order.rules}; install the same version"
            yield _stop(at, "text", why)
            continue
        frame, passages = _read(file, order, desk)
        passages = _lacking(at, passages, desk) if order.asks else passages
        rows = [(p.digest, p.context.encode("utf-8", "surrogatepass"), None) for p in passages]
        packed = zlib.compress(frame, 1) if frame else frame
        all_rows: list[Row] = [(*rows[0][:2], packed), *rows[1:]] if rows else [(None, None, packed)]
        for start in range(0, len(all_rows), _ROWS):
            some = all_rows[start : start + _ROWS]
            yield _table([at] * len(some), [len(all_rows)] * len(some), some, "text")


class Encoder:
    """An actor that holds the model: tables of passages to tables of their vectors, 16-bit rows as the library keeps
    them."""

    def __init__(self, order: Order, threads: int) -> None:
        self._wrong: tuple[str, ...] = ()
        try:
            self._embedder = order.opened(threads)
            name, dim = self._embedder.name, self._embedder.dim
            if (name, dim) != (order.model, order.dim):
                why = f"its model is {name} ({dim}), the driver's is {order.model} ({order.dim}); set the same model"
                self._wrong = (why,)
        except RagError as error:
            self._wrong = (error.en, error.zh)

    def __call__(self, batch: Any) -> Any:
        at, of, digests, contents, frames = (
            batch[name].to_pylist() for name in ("at", "of", "digest", "text", "frame")
        )
        if not at or STOP in of:  # the reading has told why
            return _table(at, of, [(None, None, frame) for frame in frames], "vector")
        if self._wrong:
            return _stop(at[0], "vector", *self._wrong)
        texts = {digest: text for digest, text in zip(digests, contents, strict=True) if digest}
        try:
            vectors = self._vectors(texts)
        except Exception as error:  # of whatever library runs the model: told with the file, by the driver
            return _stop(at[0], "vector", f"the model failed ({type(error).__name__}: {told_by(error)})")
        rows = [(digest, vectors.get(digest), frame) for digest, frame in zip(digests, frames, strict=True)]
        return _table(at, of, rows, "vector")

    def _vectors(self, texts: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        if not texts:
            return {}
        contexts = [text.decode("utf-8", "surrogatepass") for text in texts.values()]
        rows = self._embedder.encode(contexts, "passage").astype(np.float16)
        return {digest: row.tobytes() for digest, row in zip(texts, rows, strict=True)}


def _read(file: dict[str, Any], order: Order, desk: Any) -> tuple[bytes, Sequence[Passage]]:
    """The frame of a file and its passages, none where it could not be read."""
    name = file["name"].decode("utf-8", "surrogatepass")
    path = Path(file["path"].decode("utf-8", "surrogatepass"))
    try:
        if _is_that(path, file["size"], file["mtime"]):
            read = _by_child(path, name, order)
        else:
            data = import_module("ray").get(desk.ask.remote("file", file["at"]))
            if data is None:
                return ELSEWHERE, ()
            with tempfile.TemporaryDirectory(prefix="judian-") as place:
                copy = Path(place) / PurePosixPath(name).name  # what a parser says of a file names it
                copy.write_bytes(data)
                del data
                read = _by_child(copy, name, order)
    except ParseError as error:
        return error_frame(error.message("en"), error.message("zh")), ()
    except OSError:  # no space for a copy, no process for a child: the driver tries
        return ELSEWHERE, ()
    return frame_of(read.document, read.passages, read.sha, read.notices), read.passages


def _by_child(path: Path, name: str, order: Order) -> Read:
    return shared().read(path, name, chars=order.chars, limits=order.limits)


def _is_that(path: Path, size: int, mtime: int) -> bool:
    """Whether this node sees the driver's very file at its path: another machine may have another one there."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return False
    return (status.st_size, int(status.st_mtime)) == (size, mtime)


def _lacking(at: int, passages: Sequence[Passage], desk: Any) -> Sequence[Passage]:
    """Those whose vectors the library does not keep."""
    if not passages:
        return passages
    known = import_module("ray").get(desk.ask.remote("known", at, b"".join(p.digest for p in passages)))
    return passages if known is None else [p for p, has in zip(passages, known, strict=True) if not has]


def _stop(at: int, what: str, en: str, zh: str = "") -> Any:
    """One row that says why this node cannot go on."""
    node = import_module("ray").util.get_node_ip_address()
    frame = error_frame(f"node {node}: {en}", f"节点 {node}：{zh or en}")
    return _table([at], [STOP], [(None, None, frame)], what)


def _table(at: Sequence[int], of: Sequence[int], rows: Sequence[Row], what: str) -> Any:
    """An Arrow table; `what` names the second column of `rows`."""
    pa = import_module("pyarrow")
    names = [
        ("at", pa.int64()),
        ("of", pa.int64()),
        ("digest", pa.binary()),
        (what, pa.binary()),
        ("frame", pa.binary()),
    ]
    columns = [[row[column] for row in rows] for column in range(3)]
    return pa.table([list(at), list(of), *columns], schema=pa.schema(names))
