"""Files that are whole or not there: written beside, fsynced, renamed; arrays in one file under one checksum.

A sealed file is a line that names the format, SHA-256 of all that follows, the length of a JSON head, the head (padded, so
that arrays begin at multiples of 64 bytes), and the arrays that the head lists, each padded likewise.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexBrokenError, RagError

_MAGIC = b"judian-arrays-2\n"
_LENGTH = struct.Struct("<Q")
_START = len(_MAGIC) + 32 + _LENGTH.size  # where the head begins
_ALIGNED = 64
_PIECE = 8 << 20  # bytes hashed together


@dataclass(frozen=True, slots=True)
class Streamed:
    """An array that is never whole in memory: written piece by piece."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    pieces: Iterable[NDArray[Any]]

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file that was read. Arrays are views of the mapped file: read-only, and valid after it is replaced."""

    head: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    stamp: str  # SHA-256 of its content
    offsets: Mapping[str, int]  # where in the file each array begins
    inode: int  # of the file that was read


def write_sealed(path: Path, head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any] | Streamed]) -> str:
    """Writes the file durably and returns its stamp. Raises RagError where that cannot be done; the old file stays."""
    listed = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    text = json.dumps({**head, "arrays": listed}, ensure_ascii=True, sort_keys=True).encode()
    text += b" " * (-(_START + len(text)) % _ALIGNED)
    digest = hashlib.sha256()
    with replacing(path) as beside, open(beside, "wb") as file:
        file.write(_MAGIC + bytes(32))  # the place of the digest

        def put(data: bytes | memoryview) -> None:
            digest.update(data)
            file.write(data)

        put(_LENGTH.pack(len(text)))
        put(text)
        for array in arrays.values():
            for piece in array.pieces if isinstance(array, Streamed) else (array,):
                if piece.size:
                    put(np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data)
            put(bytes(-array.nbytes % _ALIGNED))
        file.seek(len(_MAGIC))
        file.write(digest.digest())
    return digest.hexdigest()


def read_sealed(path: Path, whole: bool = True) -> Sealed:
    """Maps the file; `whole`: with the checksum over all of it. Raises FileNotFoundError, IndexBrokenError where it is
    damaged, RagError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            size = status.st_size
            if size < _START:
                raise ValueError("it is too short")
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        view = memoryview(data)
        if view[: len(_MAGIC)] != _MAGIC:
            raise ValueError("it is not of this format")
        stamp = bytes(view[len(_MAGIC) : len(_MAGIC) + 32])
        if whole and _sha256(view[len(_MAGIC) + 32 :]) != stamp:
            raise ValueError("its checksum does not match")
        (length,) = _LENGTH.unpack_from(view, len(_MAGIC) + 32)
        if length > size - _START:
            raise ValueError("its head is cut")
        head = json.loads(bytes(view[_START : _START + length]))
        arrays: dict[str, NDArray[Any]] = {}
        offsets: dict[str, int] = {}
        at = _START + length
        for name, kind, shape in head.pop("arrays"):
            dtype, count = np.dtype(str(kind)), int(np.prod(shape, dtype=np.int64))
            flat = np.frombuffer(data, dtype=dtype, count=count, offset=at) if count else np.empty(0, dtype=dtype)
            arrays[name], offsets[name] = flat.reshape(shape), at
            at += arrays[name].nbytes + -arrays[name].nbytes % _ALIGNED
        if at != size:
            raise ValueError("it is longer than its head says")
        return Sealed(head, arrays, stamp.hex(), offsets, status.st_ino)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(path, error) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
        raise broken(path, error) from error


def sha256_of(path: Path, size: int | None = None) -> str:
    """Of a file or its first `size` bytes, hexadecimal. Raises FileNotFoundError, RagError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            left = os.fstat(file.fileno()).st_size if size is None else size
            digest = hashlib.sha256()
            while piece := file.read(min(left, _PIECE)):
                digest.update(piece)
                left -= len(piece)
            return digest.hexdigest()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(path, error) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """The name of a file beside `path`; what is written there takes its place durably when the block ends well.
    Raises RagError where the disk does not take it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in path.parent.glob(f".{path.name}.*"):  # of a writer that was killed; there is one at a time
            leftover.unlink(missing_ok=True)
        yield beside
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise RagError(
            f"{path} cannot be written ({error}); check permissions and free space, or set index_dir",
            f"无法写入 {path}（{error}）；请检查权限与磁盘空间，或设置 index_dir",
        ) from error
    finally:
        with contextlib.suppress(OSError):  # a disk that takes nothing: it was not made
            beside.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a directory cannot be opened on Windows; there the rename is enough
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def signature(path: Path) -> tuple[int, int, int] | None:
    """What changes whenever the file is replaced; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def broken(path: Path, error: object) -> IndexBrokenError:
    return IndexBrokenError(
        f"{path} is damaged ({error}); run: python -m rag rebuild",
        f"{path} 已损坏（{error}）；请运行：python -m rag rebuild",
    )


def unreadable(path: Path, error: OSError) -> RagError:
    return RagError(
        f"{path} cannot be read ({error}); check its permissions, or set index_dir",
        f"无法读取 {path}（{error}）；请检查权限，或设置 index_dir",
    )


def _sha256(view: memoryview) -> bytes:
    digest = hashlib.sha256()
    for at in range(0, len(view), _PIECE):
        digest.update(view[at : at + _PIECE])
    return digest.digest()
