"""The file of marks, `feedback.jsonl` in the index directory: one line a question, the newest last. It is written beside,
fsynced and renamed, under a lock of its own, and lines that cannot be read are kept as they are."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rag.errors import BusyError, DataError, RagError
from rag.feedback.marks import Mark, line_of, mark_from
from rag.jsonl import fault

NAME = "feedback.jsonl"
MOST = 10_000  # marks kept: years of one person's; a page that is misused fills no disk
_BYTES = 32 << 20  # of the whole file
_LINE = 1 << 20  # bytes of one line; a longer one is not ours
_SECONDS = 5.0  # to wait for another writer, who needs a moment
_PART = f".{NAME}.part"

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it stands in the file, with the mark in it or what is wrong with it."""

    number: int  # from 1
    raw: bytes  # with its line end
    mark: Mark | None = None
    fault: DataError | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The marks by their id, oldest first, and what could not be read."""

    marks: dict[str, Mark]
    faults: tuple[RagError, ...] = ()


def read(directory: Path) -> Kept:
    """What is kept; of several marks of one question the last counts. Nothing where there is no file. Raises RagError."""
    lines = lines_of(directory)
    marks: dict[str, Mark] = {}
    for line in lines:
        if line.mark:
            marks.pop(line.mark.id, None)
            marks[line.mark.id] = line.mark
    return Kept(marks, tuple(line.fault for line in lines if line.fault))


def put(directory: Path, make: Callable[[], Mark]) -> Mark:
    """Keeps a mark in place of the former one of its question. `make` is called under the lock, so that what it finds to
    be in the documents cannot be deleted in between. Raises RagError: what `make` raises, or why it cannot be kept."""
    made: list[Mark] = []

    def with_it(lines: Sequence[Line]) -> list[bytes]:
        mark = make()
        made.append(mark)
        rest = [line for line in lines if not line.mark or line.mark.id != mark.id]
        new = line_of(mark)
        if len(rest) >= MOST or sum(len(line.raw) for line in rest) + len(new) > _BYTES:
            path = directory / NAME
            raise RagError(
                f"{path} is full ({len(rest)} marks); export them (python -m eval feedback --out FILE), then delete it",
                f"{path} 已满（{len(rest)} 条）；请先导出（python -m eval feedback --out 文件），再删除它",
            )
        return [*(line.raw for line in rest), new]

    rewrite(directory, with_it)
    return made[0]


def withdraw(directory: Path, mark_id: str) -> None:
    """Forgets the mark of a question. One that is not there is ignored."""
    rewrite(directory, lambda lines: [line.raw for line in lines if not line.mark or line.mark.id != mark_id])


def rewrite(directory: Path, changed: Callable[[Sequence[Line]], Sequence[bytes]]) -> None:
    """Puts what `changed` makes of the lines in their place: all or nothing. An empty file is deleted."""
    path = directory / NAME
    with _locked(directory):
        lines = lines_of(directory)
        # The last line may lack its end, from an editor or a copy cut short: what follows must not run into it.
        raws = [raw if raw.endswith(b"\n") else raw + b"\n" for raw in changed(lines)]
        if raws == [line.raw for line in lines]:
            return
        try:
            if raws:
                _write(path, raws)
            else:
                path.unlink(missing_ok=True)
            _settle(directory)
        except OSError as error:
            raise _unwritable(path, error) from error
        finally:
            _lines.cache_clear()  # what was forgotten; and a file written twice within a tick may get its old stamp again


def lines_of(directory: Path) -> tuple[Line, ...]:
    """Every line that is not blank. Raises RagError where the file cannot be read."""
    path = directory / NAME
    try:
        status = path.stat()
        return _lines(path, (status.st_ino, status.st_size, status.st_mtime_ns))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise RagError(
            f"{path} cannot be read ({error.strerror or error}); check its permissions, or move it away",
            f"无法读取 {path}（{error.strerror or error}）；请检查权限，或移走它",
        ) from error


@lru_cache(maxsize=2)
def _lines(path: Path, _: Stamp) -> tuple[Line, ...]:
    raws = _split(path.read_bytes())
    return tuple(_line(path, number, raw) for number, raw in enumerate(raws, 1) if raw.strip())


def _split(data: bytes) -> list[bytes]:
    """Lines with their ends. Only a newline ends one: what Unicode calls a line end may stand in a quote."""
    *ended, rest = data.split(b"\n")
    return [line + b"\n" for line in ended] + ([rest] if rest else [])


def _line(path: Path, number: int, raw: bytes) -> Line:
    try:
        if len(raw) > _LINE:
            raise ValueError(f"longer than {_LINE >> 20} MB")
        row = json.loads(raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8"))
        if not isinstance(row, dict):
            raise ValueError("not a JSON object")
        return Line(number, raw, mark_from(row))
    except (ValueError, RecursionError) as error:
        told = fault(
            path,
            number,
            f"no mark can be read ({error}); it is left out and kept: mend the line or delete it",
            f"读不出标记（{error}）；已跳过、未改动，请改正或删除这一行",
        )
        return Line(number, raw, None, told)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Not the index's own lock: that is held for as long as a folder is being read."""
    import filelock

    lock = filelock.FileLock(directory / "feedback.lock", timeout=_SECONDS)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        raise BusyError(
            f"another process is writing {directory / NAME}; try again", f"另一个进程正在写 {directory / NAME}；请重试"
        ) from error
    except OSError as error:
        raise _unwritable(directory / NAME, error) from error
    try:
        with contextlib.suppress(OSError):  # of a writer that was killed: it may hold what is to be forgotten
            (directory / _PART).unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def _write(path: Path, raws: Sequence[bytes]) -> None:
    beside = path.with_name(_PART)
    try:
        with open(
            beside, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)
        ) as out:  # what people ask is theirs
            out.writelines(raws)
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):  # a disk that takes nothing: it was not made
            beside.unlink(missing_ok=True)


def _settle(directory: Path) -> None:
    with contextlib.suppress(OSError):  # a directory cannot be opened on Windows; there the rename is enough
        folder = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _unwritable(path: Path, error: OSError) -> RagError:
    why = error.strerror or str(error)
    return RagError(
        f"{path} cannot be written ({why}); nothing was kept: check permissions and free space",
        f"无法写入 {path}（{why}）；没有记下：请检查权限与磁盘空间",
    )
