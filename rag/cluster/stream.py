"""The driver's side: names of files go out, files with their passages come back, and their vectors are already kept."""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from rag.cluster.address import Room, connected
from rag.cluster.desk import Kind, attended
from rag.cluster.work import ELSEWHERE, STOP, Encoder, Order, read_files
from rag.errors import ClusterError, ModelError, ParseError, told_by
from rag.folder import File
from rag.intake import Read
from rag.intake.wire import read_from
from rag.library import Library
from rag.sync import FileReader
from rag.types import Notice

_BLOCK = 128 << 10  # bytes of rows that travel together: about a hundred passages
_TOGETHER = 128  # passages encoded in one call, from one file or many: a few seconds on a core
_WORK = 256 << 10  # bytes of files for which another encoder is worth its start
_FILES = 8  # files that one task reads …
_TASKS = 4000  # … and more, where that would make more tasks
_READING = 0.25  # of a core, taken from each encoder: nodes that are full of encoders still read
_WIDTH = 16  # bytes of a digest


@dataclass(slots=True)
class Pace:
    """How fast vectors come: the rankers only fetch them, and would take that for the speed of encoding."""

    started: float = field(default_factory=time.perf_counter)
    passages: int = 0


@dataclass(slots=True)
class Gathered:
    """Rows come in any order; a file is whole when all of its rows are there. Files of one size are given out in order of
    name: of two that are the same document, the first by name gives it its title, as it does without a cluster."""

    files: Sequence[File]
    _left: dict[int, int] = field(default_factory=dict)  # file -> rows that are still to come
    _frames: dict[int, bytes] = field(default_factory=dict)
    _lines: dict[int, deque[int]] = field(default_factory=dict)  # size -> files not yet given out

    def __post_init__(self) -> None:
        for at, file in enumerate(self.files):
            self._lines.setdefault(file.size, deque()).append(at)

    def add(self, at: int, rows: int, of: int, frame: bytes | None) -> None:
        self._left[at] = self._left.get(at, of) - rows
        if frame is not None:
            self._frames.setdefault(at, frame)

    def whole(self, at: int) -> Iterator[tuple[int, bytes]]:
        """The files, with their frames, that can be given out now that rows of this one have come."""
        line = self._lines.get(self.files[at].size, deque())
        while line and self._left.get(line[0], 1) <= 0 and line[0] in self._frames:
            first = line.popleft()
            yield first, self._frames.pop(first)

    def rest(self) -> Iterator[int]:
        """What was sent and has not come back whole."""
        return iter(sorted(at for line in self._lines.values() for at in line))


def read_ahead(
    todo: Sequence[File], reader: FileReader, *, address: str, order: Order, library: Library, threads: int, pace: Pace
) -> Generator[tuple[File, Read | Notice], None, None]:
    """Each file with what was read of it, in the order in which they are done. The library has the vectors of its passages
    by then; any that it lacks all the same, the dense ranker encodes.

    Raises ClusterError (nothing answers, or the cluster is lost), ModelError (a node's model is another, or fails)."""
    if not todo:
        return

    def reply(kind: Kind, at: int, told: bytes) -> bytes | None:
        return _file_bytes(todo[at], reader) if kind == "file" else _known(library, told)

    gathered = Gathered(todo)
    with connected(address, threads) as room, attended(reply) as desk:
        pace.started = time.perf_counter()
        for batch in _results(todo, order, room, desk):
            pace.passages += _keep(library, batch)
            for at in taken(batch, gathered):
                for number, frame in gathered.whole(at):
                    yield todo[number], read_of(todo[number], frame, reader)
    for number in gathered.rest():
        yield todo[number], _read_here(todo[number], reader)


def _results(todo: Sequence[File], order: Order, room: Room, desk: Any) -> Iterator[Any]:
    """Arrow tables of vectors, as they are done. Raises ClusterError."""
    ray: Any = import_module("ray")
    many = max(_FILES, -(-len(todo) // _TASKS))
    files = [table_of(todo[start : start + many], start) for start in range(0, len(todo), many)]
    first = min(room.encoders, 1 + sum(file.size for file in todo) // _WORK)
    parts = (files, order, room, first, desk)
    try:
        if not ray.util.client.ray.is_connected():
            yield from Pipeline(*parts).results()
            return
        pipeline = ray.remote(Pipeline).options(num_cpus=0).remote(*parts)
        while (table := ray.get(pipeline.next.remote())) is not None:
            yield table
    except (ray.exceptions.RayError, ConnectionError) as error:
        why = told_by(getattr(error, "cause", None) or error)
        raise ClusterError(
            f"the Ray cluster failed ({type(error).__name__}: {why}); see that every node has this version of the program"
            " with the same extras, and run again: what is done is kept",
            f"Ray 集群出错（{type(error).__name__}：{why}）；请确认每个节点都装有同一版本的本程序和组件，再次运行会接着做",
        ) from error


def table_of(some: Sequence[File], start: int) -> Any:
    """What a node is told of files, whose numbers begin at `start`, as an Arrow table; names and places are bytes, for
    they may hold what is no Unicode."""
    pa: Any = import_module("pyarrow")
    columns = {
        "at": pa.array(range(start, start + len(some)), pa.int64()),
        "name": pa.array([file.name.encode("utf-8", "surrogatepass") for file in some], pa.binary()),
        "path": pa.array([str(file.path).encode("utf-8", "surrogatepass") for file in some], pa.binary()),
        "size": pa.array([file.size for file in some], pa.int64()),
        "mtime": pa.array([file.mtime_ns // 10**9 for file in some], pa.int64()),
    }
    return pa.table(columns)


class Pipeline:
    """Files to vectors by Ray Data. What waits is bounded: it holds reading back while encoding, and encoding while the
    driver, lags behind. An actor where the driver is a Ray Client, outside the cluster: Ray Data does not run there."""

    def __init__(self, files: list[Any], order: Order, room: Room, first: int, desk: Any) -> None:
        """`files`: a table for each task that reads; `first`: encoders at the start."""
        self._parts = (files, order, room, first, desk)
        self._started: Iterator[Any] | None = None

    def results(self) -> Iterator[Any]:
        data: Any = import_module("ray.data")
        files, order, room, first, desk = self._parts
        context = data.DataContext.get_current().copy()
        context.enable_progress_bars = False
        context.target_max_block_size = _BLOCK
        encoding = data.ActorPoolStrategy(min_size=1, max_size=room.encoders, initial_size=first)
        with data.DataContext.current(context):
            rows = data.from_arrow(files)
            rows = rows.map_batches(
                read_files, batch_format="pyarrow", batch_size=None, num_cpus=_READING, fn_args=(order, desk)
            )
            rows = rows.map_batches(
                Encoder,
                batch_format="pyarrow",
                batch_size=_TOGETHER,
                num_cpus=room.cores - _READING,
                compute=encoding,
                fn_constructor_args=(order, room.cores),
            )
        yield from rows.iter_batches(batch_size=None, batch_format="pyarrow")

    def next(self) -> Any:
        """The next table; None at the end."""
        if self._started is None:
            self._started = self.results()
        return next(self._started, None)


def _keep(library: Library, batch: Any) -> int:
    """Puts the vectors of a table into the library; how many there were."""
    digests, rows = batch["digest"].to_pylist(), batch["vector"].to_pylist()
    held = [(digest, row) for digest, row in zip(digests, rows, strict=True) if row is not None]
    if held:
        vectors = np.frombuffer(b"".join(row for _, row in held), dtype=np.float16).reshape(len(held), -1)
        library.keep_vectors([digest for digest, _ in held], vectors.astype(np.float32))
    return len(held)


def taken(batch: Any, gathered: Gathered) -> list[int]:
    """The files of a table's rows."""
    rows: dict[int, tuple[int, int, bytes | None]] = {}
    columns = (batch[name].to_pylist() for name in ("at", "of", "frame"))
    for at, of, frame in zip(*columns, strict=True):
        if of == STOP:
            _stop(gathered.files[at], frame)
        many, _, before = rows.get(at, (0, of, None))
        rows[at] = (many + 1, of, frame if before is None else before)
    for at, (many, of, frame) in rows.items():
        gathered.add(at, many, of, frame)
    return list(rows)


def _stop(file: File, frame: bytes) -> None:
    try:
        read_from(frame, file.name)
    except ParseError as error:
        raise ModelError(f"{file.name}: {error.en}", f"{file.name}：{error.zh}") from None


def read_of(file: File, frame: bytes, reader: FileReader) -> Read | Notice:
    if frame == ELSEWHERE:
        return _read_here(file, reader)
    try:
        return read_from(zlib.decompress(frame), file.name)
    except ParseError as error:
        return Notice(error.message("en"), error.message("zh"))


def _read_here(file: File, reader: FileReader) -> Read | Notice:
    try:
        return reader.read(file.path, file.name)
    except ParseError as error:
        return Notice(error.message("en"), error.message("zh"))


def _file_bytes(file: File, reader: FileReader) -> bytes | None:
    """None for what is larger than is read: the driver says so. Raises OSError."""
    return file.path.read_bytes() if file.path.stat().st_size <= reader.limits.max_bytes else None


def _known(library: Library, told: bytes) -> bytes:
    digests = [told[start : start + _WIDTH] for start in range(0, len(told), _WIDTH)]
    kept = library.vectors(digests)
    return bytes(digest in kept for digest in digests)
