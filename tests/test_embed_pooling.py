"""Pooling as a SentenceTransformer's folder tells it, and files that two models share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.embed.directory import read_safetensors
from rag.embed.pooling import Pooling, read_pooling
from rag.embed.runner import padded, whole_rows
from rag.embed.shared import forget, shared_tokenizer, shared_weights

HIDDEN = np.array([[[1, 0], [3, 4], [100, 100]], [[0, 2], [7, 7], [7, 7]], [[9, 9]] * 3], dtype=np.float32)


def test_the_mean_of_the_tokens_that_are_there() -> None:
    assert Pooling("mean", False)(HIDDEN, [2, 1]).tolist() == [[2, 2], [0, 2]]  # and no row that was filled up
    assert Pooling("mean", True)(HIDDEN, [2, 1]) == pytest.approx(np.array([[0.5**0.5, 0.5**0.5], [0, 1]]))


def test_the_first_token_and_vectors_of_no_length() -> None:
    rows = Pooling("cls", False)(HIDDEN, [3, 3])
    assert rows.tolist() == [[1, 0], [0, 2]]
    assert not np.shares_memory(rows, HIDDEN)
    assert Pooling("cls", True)(np.zeros((1, 1, 2), dtype=np.float32), [1]).tolist() == [[0, 0]]


def folder(path: Path, pooling: dict[str, Any], *last: dict[str, Any]) -> Path:
    kinds = ["", "1_Pooling", *(f"{2 + i}_Normalize" for i in range(len(last)))]
    (path / "modules.json").write_text(json.dumps([{"path": kind} for kind in kinds]))
    for kind, told in zip(kinds[1:], [pooling, *last], strict=True):
        (path / kind).mkdir()
        (path / kind / "config.json").write_text(json.dumps(told))
    return path


@pytest.mark.parametrize(
    ("told", "last", "expected"),
    [
        ({"pooling_mode": "cls"}, [], Pooling("cls", False)),
        ({"pooling_mode": ["mean"], "include_prompt": True}, [{}], Pooling("mean", True)),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, [{}], Pooling("mean", True)),
        ({"pooling_mode_cls_token": True}, [], Pooling("cls", False)),
        ({"word_embedding_dimension": 2}, [], Pooling("mean", False)),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, [], None),
        ({"pooling_mode": "max"}, [], None),
        ({"pooling_mode": "mean", "include_prompt": False}, [], None),
        ({"pooling_mode": "mean"}, [{"module_input_name": "token_embeddings"}], None),
        ({"pooling_mode": "mean"}, [{"module_input_name": "sentence_embedding"}], Pooling("mean", True)),
    ],
)
def test_folders_say_how(told: dict[str, Any], last: list[dict[str, Any]], expected: Any, tmp_path: Path) -> None:
    assert read_pooling(folder(tmp_path, told, *last)) == expected


def test_batches_come_in_few_shapes() -> None:
    assert [padded(n) for n in (1, 8, 9, 64, 65, 250, 257, 512)] == [16, 16, 16, 64, 80, 256, 288, 512]
    assert [whole_rows(n) for n in (1, 4, 5, 7, 33, 64, 100)] == [1, 4, 6, 8, 48, 64, 100]
    assert all(n <= whole_rows(n) <= 1.5 * n for n in range(2, 65))


def tokenizer_file(path: Path, words: list[str], extra: list[str]) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", None, [("<s>", 0)])
    tokenizer.add_special_tokens(["<s>", "<unk>"])
    tokenizer.add_tokens(extra)
    tokenizer.enable_padding(length=9)
    tokenizer.enable_truncation(3)
    tokenizer.save(str(path / "tokenizer.json"))
    return path


def test_one_vocabulary_two_tokenizers(tmp_path: Path) -> None:
    place = tokenizer_file(tmp_path, ["<s>", "<unk>", "a", "b", "<", "s", ">"], ["new"])
    plain, literal = shared_tokenizer(place), shared_tokenizer(place, special_as_text=True)
    text = "a <s> b a b new"
    assert plain.encode(text).ids == [0, 2, 0, 3, 2, 3, 7]  # neither padded nor cut
    assert literal.encode(text).ids == [0, 2, 4, 5, 6, 3, 2, 3, 7]
    assert shared_tokenizer(place) is plain and shared_tokenizer(place, special_as_text=True) is literal


def test_a_file_that_was_replaced_is_opened_anew(tmp_path: Path) -> None:
    first = shared_tokenizer(tokenizer_file(tmp_path, ["<s>", "<unk>", "a"], []))
    second = shared_tokenizer(tokenizer_file(tmp_path, ["<s>", "<unk>", "b", "cc"], []))
    assert first.token_to_id("a") == 2 and second.token_to_id("b") == 2
    forget()
    assert shared_tokenizer(tmp_path) is not second


def test_what_cannot_be_read_says_which_file(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        shared_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match=r"tokenizer\.json"):
        shared_tokenizer(tmp_path)


def test_weights_are_mapped_once(tmp_path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]}}).encode()
    data = np.array([1, 2, 3, 4], dtype="<f2").tobytes()
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + data)
    weights = shared_weights(tmp_path)
    assert weights["w"].tolist() == [[1, 2], [3, 4]] and shared_weights(tmp_path) is weights
    assert read_safetensors(tmp_path / "model.safetensors")["w"].tolist() == weights["w"].tolist()
    with pytest.raises(TypeError):
        weights["w"] = weights["w"]  # type: ignore[index]
