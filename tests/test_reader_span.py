"""The trained reader at run time: spans from logits by hand, windows, threads, and what is said when files are missing."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import ModelError, SettingsError
from rag.reader import span
from rag.reader.decode import best_spans, characters
from rag.reader.network import Sizes, merged
from rag.reader.span import SpanModel
from rag.reader.window import prefix


def test_best_spans_by_hand() -> None:
    starts, ends = np.array([0.0, 5.0, 1.0, 0.0]), np.array([0.0, 1.0, 4.0, 2.0])
    assert best_spans(starts, ends)[0] == (1, 2, 9.0)
    assert best_spans(starts, ends) == [(1, 2, 9.0), (3, 3, 2.0), (0, 0, 0.0)]
    assert best_spans(starts, ends, most=1, longest=1) == [(1, 1, 6.0)]
    assert best_spans(np.array([]), np.array([])) == []


def test_a_span_never_ends_before_it_starts() -> None:
    assert best_spans(np.array([0.0, 9.0]), np.array([9.0, 0.0]), most=1)[0][:2] in {(0, 0), (1, 1)}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=40),
    st.integers(1, 6),
    st.integers(1, 50),
)
def test_spans_are_apart_short_and_the_first_is_the_best(
    rows: list[tuple[float, float]], most: int, longest: int
) -> None:
    starts, ends = np.array([a for a, _ in rows]), np.array([b for _, b in rows])
    found = best_spans(starts, ends, most, longest)
    assert 1 <= len(found) <= most
    taken = [i for first, last, _ in found for i in range(first, last + 1)]
    assert len(taken) == len(set(taken)) and all(last - first < longest for first, last, _ in found)
    every = [starts[i] + ends[j] for i in range(len(rows)) for j in range(i, min(len(rows), i + longest))]
    assert math.isclose(found[0][2], max(every))
    assert [score for *_, score in found] == sorted((score for *_, score in found), reverse=True)


def test_characters_of_tokens_leave_out_blanks() -> None:
    text = " 一九 三六"
    offsets = [(-1, 1), (0, 3), (3, 6)]
    assert characters(text, offsets, 1, 1) == (1, 3)
    assert characters(text, offsets, 0, 2) == (1, 6)
    assert characters(text, offsets, 0, 0) == (1, 1)


class Letters:
    """A tokenizer of single characters: the id is the code point."""

    class Encoded:
        def __init__(self, text: str) -> None:
            text.encode()  # lone surrogates are refused, as by the real one
            self.ids, self.offsets = [ord(c) for c in text], [(i, i + 1) for i in range(len(text))]

    def encode(self, text: str, add_special_tokens: bool = True) -> Any:
        return self.Encoded(text)

    def encode_batch(self, texts: list[str], add_special_tokens: bool = True) -> list[Any]:
        return [self.Encoded(text) for text in texts]


def logits(ids: Any, mask: Any) -> Any:
    """Starts at 《 and ends at 》, wherever they are; the null score is 2."""
    found = np.zeros((*ids.shape, 2), dtype=np.float32)
    found[:, 0] = 1.0
    found[..., 0] += 6.0 * (ids == ord("《"))
    found[..., 1] += 6.0 * (ids == ord("》"))
    return found + np.where(mask, 0.0, -1e4)[..., None]


@pytest.fixture
def model() -> SpanModel:
    return SpanModel(Letters(), Sizes(8, 1, 1, 1e-12, 128, 0, 2, 1), logits, "fake", "f32")


def test_spans_are_characters_of_the_text_and_never_of_the_head(model: SpanModel) -> None:
    found = model.read(
        "哪本书？", [("《头》 › 节", "他写了《史记》和《书》。"), ("", "没有。"), ("《头》", "《论语》")]
    )
    text = "他写了《史记》和《书》。"
    assert [text[a:b] for a, b, _ in found[0].spans[:2]] == ["《史记》", "《书》"]
    assert found[0].margin == 10.0 and found[0].best == 12.0 and found[0].null == 2.0
    assert found[1].margin < 0
    assert found[2].spans[0][:2] == (0, 4)


def test_order_does_not_depend_on_length(model: SpanModel) -> None:
    contexts = [("", "长" * n + "《甲》") for n in (70, 1, 40, 5)]
    assert [w.spans[0][0] for w in model.read("？", contexts)] == [70, 1, 40, 5]


def test_a_long_window_is_read_in_pieces_and_nothing_is_lost(model: SpanModel) -> None:
    text = "甲" * 300 + "《乙》" + "丙" * 200
    (window,) = model.read("问", [("题", text)])
    assert text[slice(*window.spans[0][:2])] == "《乙》" and window.margin == 10.0
    assert all(b <= c or d <= a for i, (a, b, _) in enumerate(window.spans) for c, d, _ in window.spans[i + 1 :])


def test_nothing_to_read(model: SpanModel) -> None:
    assert model.read("问", []) == []
    (empty,) = model.read("", [("", "")])
    assert empty.spans == () and empty.margin < -1000


def test_half_a_character_is_text_like_any_other(model: SpanModel) -> None:
    (window,) = model.read("\ud800？", [("头\udfff", "甲\ud800《乙》")])
    assert window.spans[0][:2] == (2, 5)


def test_a_long_question_and_a_long_head_leave_room_for_the_text(model: SpanModel) -> None:
    (window,) = model.read("问" * 500, [("头" * 500, "答《是》")])
    assert window.spans[0][:2] == (1, 4)


def test_many_threads_read_alike(model: SpanModel) -> None:
    contexts = [("题", "文" * n + "《书》") for n in range(1, 30)]
    alone = model.read("问", contexts)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == alone for found in pool.map(lambda _: model.read("问", contexts), range(24)))


def test_the_head_is_read_before_the_text() -> None:
    assert prefix("题 › 节") == "passage: 题 › 节\n" and prefix("") == "passage: "


def test_a_missing_file_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(span, "SHIPPED", tmp_path / "none.safetensors")
    assert not span.available()
    with pytest.raises(ModelError, match="restore"):
        span._open.__wrapped__("", "auto", 0)
    with pytest.raises(SettingsError):
        span.open_span_model(engine="abacus")


def test_a_damaged_file_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"\0" * 40)
    with pytest.raises(ModelError, match="cannot be added"):
        span.load(tmp_path, tmp_path / "bad")


def test_a_difference_of_another_model_is_refused() -> None:
    base = {"w": np.zeros((2, 2), np.float32)}
    head = {"span_head.weight": np.zeros((2, 2)), "span_head.bias": np.zeros(2)}
    up, down = np.ones((2, 1), np.float16), np.ones((1, 2), np.float16)
    assert merged(base, {"w.up": up, "w.down": down, **head})["w"].tolist() == [[1, 1], [1, 1]]
    steps, step = np.array([[1, -2], [3, 4]], np.int8), np.array([0.5, 2], np.float32)
    assert merged(base, {"w.steps": steps, "w.step": step, **head})["w"].tolist() == [[0.5, -1], [6, 8]]
    for wrong in ({"w.steps": steps}, {"v.up": up, "v.down": down}, {"w.up": up}, {"w.add": np.ones(2)}):
        with pytest.raises(ValueError):
            merged(base, {**wrong, **head})
    with pytest.raises(ValueError, match="span_head"):
        merged(base, {})


@pytest.mark.model
@pytest.mark.skipif(not span.available(), reason="the trained difference is not in this copy")
def test_the_shipped_model_reads_and_refuses() -> None:
    text = "海棠中学创办于1936年，现有学生2400名，由教育家林若水创办。校训是“诚朴勤勇”。"
    model = span.open_span_model()
    when, many, cost = (
        model.read(asked, [("海棠中学", text)])[0]
        for asked in ("海棠中学是哪一年创办的？", "海棠中学有多少学生？", "海棠中学的校车票多少钱一张？")
    )
    assert text[slice(*when.spans[0][:2])].startswith("1936") and "2400" in text[slice(*many.spans[0][:2])]
    assert min(when.margin, many.margin) > cost.margin


@pytest.mark.model
@pytest.mark.skipif(not span.available(), reason="the trained difference is not in this copy")
def test_both_engines_agree() -> None:
    contexts = [("海棠中学", "海棠中学创办于1936年，现有学生2400名。"), ("", "山上有一座古塔，高13.2米。" * 8)]
    base = span.prep.default_dir()
    fast, slow = (
        span.load(base, span.SHIPPED, engine).read("学校是哪年创办的？", contexts) for engine in ("auto", "torch")
    )
    assert fast[0].spans[0][:2] == slow[0].spans[0][:2]
    assert all(abs(a.margin - b.margin) < 1.0 for a, b in zip(fast, slow, strict=True))
