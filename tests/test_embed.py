"""The embedder without its heavy libraries: windows, prompts, names and errors, a fake model."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.embed import describe, is_prepared, open_embedder
from rag.embed.embedder import SentenceEmbedder
from rag.embed.encoder import LibraryEncoder
from rag.embed.open import fingerprint, locate
from rag.embed.prompts import choose
from rag.embed.windows import average, batches, pieces, split_to_fit
from rag.errors import ModelError, SettingsError

ROOT = Path(__file__).parents[1]


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
    assert batches([5, 50, 6, 100, 7], budget=99, most=2) == [[3], [1], [4], [2, 0]]
    assert batches([500], budget=100, most=8) == [[0]]
    assert batches([], budget=100, most=8) == []


def test_a_batch_ends_where_padding_would_cost_more_than_another_batch() -> None:
    # 4 × 100 and 64 + 100 + 3 × 10: the second is less; of 90 and 80 beside 100 it is more.
    assert batches([100, 10, 10, 10], budget=1000, most=8) == [[0], [1, 2, 3]]
    assert batches([100, 90, 80, 80], budget=1000, most=8) == [[0, 1, 2, 3]]
    # Five rows are filled up to eight: four and one cost 64 more and 60 less, of longer texts 120 less.
    by_eight = lambda rows: rows if rows <= 4 else 8  # noqa: E731
    assert batches([20] * 5, 1000, 8, by_eight) == [[0, 1, 2, 3, 4]]
    assert sorted(map(len, batches([40] * 5, 1000, 8, by_eight))) == [1, 4]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), max_size=9), st.integers(20, 120), st.integers(1, 5))
def test_no_other_way_to_cut_costs_less(tokens: list[int], budget: int, most: int) -> None:
    found = batches(tokens, budget, most)
    assert sorted(i for batch in found for i in batch) == list(range(len(tokens)))
    cost = sum(64 + len(batch) * max(tokens[i] for i in batch) for batch in found)
    assert all(len(b) == 1 or (len(b) <= most and len(b) * max(tokens[i] for i in b) <= budget) for b in found)
    assert cost == _least(sorted(tokens, reverse=True), budget, most)


def _least(sizes: list[int], budget: int, most: int) -> int:
    """The cost of the best cut, by trying all of them."""
    if not sizes:
        return 0
    fits = [n for n in range(1, min(most, len(sizes)) + 1) if n == 1 or n * sizes[0] <= budget]
    return min(64 + n * sizes[0] + _least(sizes[n:], budget, most) for n in fits)


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


@pytest.mark.parametrize("stated", [None, 0, float("inf"), 10**30])
def test_a_model_without_a_limit_is_given_large_windows(stated: float | None) -> None:
    model = FakeModel()
    model.max_seq_length = stated  # type: ignore[assignment]
    assert LibraryEncoder(model).limit == 8192


def test_rows_keep_their_order_and_long_texts_are_windowed() -> None:
    model = FakeModel()
    embedder = SentenceEmbedder(LibraryEncoder(model), "fake", "q:", "p:")
    rows = embedder.encode(["乙", "甲" * 8 + "乙" * 8, "甲"])
    assert rows.shape == (3, 3) and rows.dtype == np.float32
    assert rows[0] == pytest.approx([0, 0.5**0.5, 0.5**0.5])
    assert rows[2] == pytest.approx([0.5**0.5, 0, 0.5**0.5])
    assert rows[1] == pytest.approx([6**-0.5, 6**-0.5, 2 * 6**-0.5])  # both windows count alike
    assert model.calls == [["p:乙", "p:" + "甲" * 8, "p:" + "乙" * 8, "p:甲"]]  # little work is one batch


def test_much_work_is_cut_into_batches_of_like_length() -> None:
    model = FakeModel()
    rows = SentenceEmbedder(LibraryEncoder(model), "fake").encode(["甲" * (1 + i % 10) for i in range(300)])
    assert rows.shape == (300, 3) and rows[:, 1].max() == 0
    assert max(len(call) for call in model.calls) <= 64 and sum(len(call) for call in model.calls) == 300
    lengths = [len(text) for call in model.calls for text in call]
    assert lengths == sorted(lengths, reverse=True)


def test_every_text_that_fits_is_tokenised_once() -> None:
    class Counting(FakeModel):
        counted: list[str] = []  # noqa: RUF012

        def lengths(self, texts: list[str]) -> list[int]:
            self.counted += texts
            return super().lengths(texts)

    model = Counting()
    SentenceEmbedder(LibraryEncoder(model), "fake", "", "p:").encode([f"{i}" for i in range(200)])
    assert model.counted == [f"p:{i}" for i in range(200)]


def test_a_repeated_question_costs_nothing_and_cannot_be_spoilt() -> None:
    model = FakeModel()
    embedder = SentenceEmbedder(LibraryEncoder(model), "fake", "q:", "p:")
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
    embedder = SentenceEmbedder(LibraryEncoder(model), "fake")
    embedder.encode([str(i) for i in range(600)], "query")
    model.calls.clear()
    embedder.encode(["599"], "query")
    assert model.calls == []
    embedder.encode(["0"], "query")
    assert model.calls == [["0"]]


def test_nothing_in_nothing_out_and_broken_characters_are_taken() -> None:
    embedder = SentenceEmbedder(LibraryEncoder(FakeModel()), "fake")
    assert embedder.encode([]).shape == (0, 3)
    assert embedder.encode([], "query").shape == (0, 3)
    assert embedder.encode(["\ud800", ""]).shape == (2, 3)
    with pytest.raises(TypeError):
        embedder.encode("one text")
