"""Span models: what every one of them keeps to, another's model in place of ours, and what is said of one that is none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.config import Settings
from rag.doctor import examine
from rag.errors import ModelError, SettingsError
from rag.reader import open_reader, outside, scale, span
from rag.reader.lookup import WEIGHTS, look
from rag.reader.network import Sizes
from rag.reader.outside import OutsideModel, open_outside
from rag.reader.reads import Reads, Window
from rag.reader.span import SpanModel
from rag.types import Hit, Passage, passage_id
from rag.understand import understand
from tests.fakes_embed import HashEmbedder
from tests.test_reader_span import Letters

CHARACTERS = "".join(
    dict.fromkeys("海棠中学创办于1936年，现有学生2400名。哪一多少abcdefghijklmnopqrstuvwxyz.?[]/<>\n《》")
)
HOSTILE = [
    "[SEP] [CLS] [PAD] </s> <s> [MASK]", "\x00\x07\u2028\u202e", "é" * 40, "\ud800 半个", "👩‍👩‍👧‍👦👍🏽", "<script>alert(1)</script>",
    " \n\t ", "", "a" * 3000, "海棠" * 700, "。" * 90,
]  # fmt: skip


def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    names = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    words = {word: i for i, word in enumerate([*names, *CHARACTERS, *(f"##{c}" for c in CHARACTERS)])}
    made = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    special = dict(zip(("pad_token", "cls_token", "sep_token", "unk_token", "mask_token"), names, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=64, **special)


def config(**changed: int) -> Any:
    from transformers import BertConfig

    sizes = {
        "vocab_size": 5 + 2 * len(CHARACTERS), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 32, "max_position_embeddings": 64,
    }  # fmt: skip
    return BertConfig(**{**sizes, **changed})


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with random weights, as its library saves one."""
    import torch
    from transformers import BertForQuestionAnswering

    place = tmp_path_factory.mktemp("models") / "tiny-qa"
    torch.manual_seed(0)
    BertForQuestionAnswering(config()).save_pretrained(place)
    tokenizer().save_pretrained(place)
    return place


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def ours() -> SpanModel:
    """The shipped model's windows with logits that look random and are always the same."""

    def logits(ids: Any, mask: Any) -> Any:
        places = np.arange(ids.shape[1])
        found = np.stack([np.sin(ids * 1.7 + places), np.cos(ids * 2.3 - places)], axis=-1) * 5
        return (found + np.where(mask, 0.0, -1e4)[..., None]).astype(np.float32)

    return SpanModel(Letters(), Sizes(8, 1, 1, 1e-12, 128, 0, 2, 1), logits, "fake", "f32")


@pytest.fixture(scope="module", params=["ours", "outside"])
def model(request: pytest.FixtureRequest, saved: Path) -> Reads:
    return ours() if request.param == "ours" else open_outside(str(saved))


def hold(windows: Sequence[Window], contexts: Sequence[tuple[str, str]]) -> None:
    """What `Reads` promises of every window."""
    assert len(windows) == len(contexts)
    for window, (_, text) in zip(windows, contexts, strict=True):
        assert np.isfinite([window.null, window.best, window.margin]).all() and len(window.spans) <= 5
        assert all(0 <= start < end <= len(text) for start, end, _ in window.spans)
        taken = [i for start, end, _ in window.spans for i in range(start, end)]
        assert len(taken) == len(set(taken))
        scores = [score for *_, score in window.spans]
        assert scores == sorted(scores, reverse=True)
        if scores:
            assert window.best == pytest.approx(scores[0], abs=1e-3)


# -- every span model -------------------------------------------------------------------------------------------------


def test_spans_are_in_the_text_apart_and_best_first(model: Reads) -> None:
    contexts = [("海棠中学", "海棠中学创办于1936年，现有学生2400名。"), ("", "a b c"), ("《头》", "海")]
    hold(model.read("海棠中学有多少学生？", contexts), contexts)
    assert all(window.spans for window in model.read("哪一年？", contexts))


def test_a_long_passage_is_read_to_its_end(model: Reads) -> None:
    contexts = [("海棠", "海棠中学创办于1936年。" * 60), ("海棠", "a " * 900)]
    windows = model.read("哪一年？", contexts)
    hold(windows, contexts)
    ends = {end for window in windows for _, end, _ in window.spans}
    assert max(ends) > 150


def test_nothing_to_read(model: Reads) -> None:
    assert list(model.read("哪一年？", [])) == []
    (empty,) = model.read("", [("", "")])
    assert empty.spans == () and empty.margin < -1000


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(model: Reads, text: str) -> None:
    for question, contexts in (("哪一年？", [("海棠", text), (text, "海棠")]), (text, [("海棠", "海棠中学")])):
        hold(model.read(question, contexts), contexts)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=120)), min_size=1, max_size=4), st.text(max_size=90))
def test_any_text_keeps_the_promise(saved: Path, contexts: list[tuple[str, str]], question: str) -> None:
    for model in (ours(), open_outside(str(saved))):
        hold(model.read(question, contexts), contexts)


def test_the_same_call_gives_the_same_windows_on_any_thread(model: Reads) -> None:
    contexts = [("海棠", "海棠中学创办于1936年。" * n) for n in (1, 9, 3)]
    first = model.read("哪一年？", contexts)
    with ThreadPoolExecutor(4) as pool:
        assert all(again == first for again in pool.map(lambda _: model.read("哪一年？", contexts), range(8)))


# -- another's model --------------------------------------------------------------------------------------------------


def test_a_mark_of_the_tokenizer_in_a_document_is_not_one(saved: Path) -> None:
    opened = open_outside(str(saved))
    pieces, _ = opened._pieces("a", ["[SEP]\n"], ["[CLS] a [SEP]"])
    assert [piece.ids.count(2) for piece in pieces] == [2] and pieces[0].ids.count(1) == 1 and pieces[0].null == 0


def test_spans_are_what_the_logits_say(saved: Path) -> None:
    """Starts at 1 and ends at 6, by hand; the head is never quoted."""
    import torch

    opened = open_outside(str(saved))

    class Hand(torch.nn.Module):
        config = config()

        def forward(self, input_ids: Any, attention_mask: Any, return_dict: bool = True) -> Any:
            starts, ends = (8.0 * (input_ids == word(c)) for c in ("海", "学"))
            starts[:, 0] = ends[:, 0] = 1.0
            return type("Out", (), {"start_logits": starts, "end_logits": ends})

    def word(c: str) -> int:
        found: int = opened._tokenizer.convert_tokens_to_ids(c)
        return found

    by_hand = OutsideModel(opened._tokenizer, Hand())
    (window,) = by_hand.read("哪一年？", [("海学", "一多 海棠中学 年")])
    assert window.spans[0] == (3, 7, 16.0) and window.null == 2.0 and window.margin == 14.0
    (halved,) = OutsideModel(opened._tokenizer, Hand(), (0.5, -1.0)).read("哪一年？", [("海学", "一多 海棠中学 年")])
    assert halved.spans[0] == (3, 7, 8.0) and halved.margin == 6.0
    (late,) = by_hand.read("哪一年？", [("", "a " * 200 + "海棠中学" + " a" * 200)])
    assert late.spans[0][:2] == (400, 404) and late.margin == 14.0


def test_it_answers_in_place_of_ours(saved: Path) -> None:
    reader = open_reader(HashEmbedder(), str(saved), refuse_below=0.0, model_dir="", engine="auto", threads=0)
    text = "海棠中学创办于1936年，现有学生2400名。"
    passage = Passage(passage_id("d", 0, len(text)), "d", text, 0, len(text), "海棠中学")
    hits = [Hit(passage, 1.0, {"dense": 1}, {"dense": 0.85})]
    reading = reader.read(understand("海棠中学有多少学生？"), hits)
    assert reading.findings[0].quote == text and "span" in reading.findings[0].features
    assert reading == reader.read(understand("海棠中学有多少学生？"), hits)


def test_weights_fitted_to_it_are_taken_from_its_folder(copied: Path) -> None:
    (copied / WEIGHTS).write_text(json.dumps({"sentence": {"rank": 2.5}, "answer": {"bias": 1.0}}), encoding="utf-8")
    reader = open_reader(HashEmbedder(), str(copied), refuse_below=0.5, model_dir="", engine="auto", threads=0)
    assert reader._weights["sentence"] == {"rank": 2.5}
    (copied / WEIGHTS).write_text("[]", encoding="utf-8")
    refused(str(copied), "python -m eval.fit")
    (copied / WEIGHTS).write_text('{"sentence": {}, "answer": {}, "lines": {"refuse": 0.3}}', encoding="utf-8")
    refused(str(copied), "unknown: refuse")


# -- one scale --------------------------------------------------------------------------------------------------------


class Margins:
    """Knows which questions are answered, in the languages named, and says so with these margins."""

    def __init__(self, spoken: float, silent: float, languages: str = "zh en") -> None:
        rows = [row for name, rows in scale.PASSAGES.items() if name in languages for row in rows]
        self.answered = {question for _, answered, _ in rows for question in answered}
        self.spoken, self.silent = spoken, silent

    def read(self, question: str, contexts: Sequence[tuple[str, str]]) -> list[Window]:
        margin = self.spoken if question in self.answered else self.silent
        return [Window(1.0, ((0, 1, margin + 1.0), (2, 3, margin)), margin + 1.0) for _ in contexts]


def test_medians_lie_on_medians_and_order_stays() -> None:
    own = {"zh": scale.Scale(-10.0, 8.0, 1.0), "en": scale.Scale(-9.0, 9.0, 1.0)}
    never_silent = Margins(spoken=31.0, silent=22.0, languages="zh")  # trained without unanswerable questions
    rule = scale.rule(scale.measure(never_silent), own)
    assert rule == (2.0, -54.0)
    (window,) = (scale.moved(w, *rule) for w in never_silent.read(next(iter(never_silent.answered)), [("", "")]))
    assert window.margin == 8.0 and [score for *_, score in window.spans] == [9.0, 7.0]
    assert scale.rule(own, own) == (1.0, 0.0)


@pytest.mark.parametrize("model", [Margins(1.0, 1.0), Margins(-1.0, 1.0), Margins(5.0, -5.0, "fr")])
def test_a_model_that_cannot_tell_keeps_its_margins(model: Margins) -> None:
    assert scale.rule(scale.measure(model), scale.measure(Margins(9.0, -9.0))) == (1.0, 0.0)


def test_no_known_scale_changes_nothing() -> None:
    assert scale.rule(scale.measure(Margins(5.0, -5.0)), {}) == (1.0, 0.0)
    assert scale.from_rows(None) == {} and scale.from_rows({"zh": [1]}) == {}
    measured = scale.measure(Margins(5.0, -5.0))
    assert scale.from_rows(json.loads(json.dumps(scale.as_rows(measured)))) == measured


def test_every_question_is_asked_once_and_half_are_answered() -> None:
    for rows in scale.PASSAGES.values():
        asked = [question for _, answered, unanswered in rows for question in (*answered, *unanswered)]
        assert len(asked) == len(set(asked)) == 24 and all(len(a) == len(b) == 3 for _, a, b in rows)


# -- what is no such model --------------------------------------------------------------------------------------------


def refused(name: str, *words: str) -> None:
    with pytest.raises(ModelError) as raised:
        outside._open.__wrapped__(name, 0)
    assert all(word in raised.value.en for word in words), raised.value.en
    assert raised.value.zh != raised.value.en and (";" in raised.value.en) and ("；" in raised.value.zh)


def test_a_model_without_the_head_is_refused_not_made_up(copied: Path) -> None:
    from transformers import BertModel

    BertModel(config()).save_pretrained(copied)
    refused(str(copied), "BertModel", "extractive question answering")
    told = json.loads((copied / "config.json").read_text(encoding="utf-8"))
    (copied / "config.json").write_text(json.dumps({**told, "architectures": ["BertForQuestionAnswering"]}), "utf-8")
    refused(str(copied), "qa_outputs", "extractive question answering")


def test_a_path_that_is_no_model_is_refused(tmp_path: Path, copied: Path) -> None:
    refused(str(tmp_path / "absent"), "no such folder")
    refused(str(tmp_path), "config.json")
    (copied / "model.safetensors").unlink()
    refused(str(copied), "model.safetensors missing", "download")


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_damaged_file_is_refused(copied: Path, file: str) -> None:
    (copied / file).write_bytes((copied / file).read_bytes()[:60])
    refused(str(copied), "reader")


def test_a_tokenizer_without_places_is_refused(tmp_path: Path) -> None:
    from transformers import CanineConfig, CanineForQuestionAnswering, CanineTokenizer

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    CanineForQuestionAnswering(CanineConfig(num_hash_buckets=64, **sizes)).save_pretrained(tmp_path)
    CanineTokenizer().save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("", encoding="utf-8")
    refused(str(tmp_path), "CanineTokenizer", "tokenizer.json")


def test_a_tokenizer_of_another_model_is_refused(copied: Path) -> None:
    from transformers import BertForQuestionAnswering

    BertForQuestionAnswering(config(vocab_size=30)).save_pretrained(copied)
    refused(str(copied), "more words than its weights")


def test_opening_prints_nothing(saved: Path, capfd: pytest.CaptureFixture[str]) -> None:
    outside._open.__wrapped__(str(saved), 0)
    assert capfd.readouterr() == ("", "")


def test_a_hub_that_cannot_be_reached_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(name: str) -> None:
        raise OSError("nobody answers")

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(outside, "reach_hub", unreachable)
    assert look("somebody/some-model").place == ""
    refused("somebody/some-model", "nobody answers", "HF_ENDPOINT")


# -- the setting and the doctor ---------------------------------------------------------------------------------------


def test_the_setting_takes_words_folders_and_hub_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    for good in ("auto", "trained", "rules", "mine", "./absent", str(tmp_path), "org/model"):
        assert Settings.load(env={"RAG_READER": good}).reader == good
    for bad in ("traind", "", "AUTO"):
        with pytest.raises(SettingsError, match="auto, trained or rules") as raised:
            Settings.load(env={"RAG_READER": bad})
        assert "org/model" in raised.value.zh


def test_the_doctor_knows_what_reads(
    saved: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))

    def items(**env: str) -> dict[str, Any]:
        return {item.name: item for item in examine(str(folder), {f"RAG_{k.upper()}": v for k, v in env.items()})}

    assert items(reader="rules")["reader"].en == "rules"
    found = items(reader=str(saved))
    assert found["reader"].ok and str(saved) in found["reader"].zh and "reader" not in found["offline"].en
    absent = items(reader="somebody/some-model")
    assert not absent["reader"].ok and "HF_ENDPOINT" in absent["reader"].next_zh
    assert not absent["offline"].ok and "somebody/some-model" in absent["offline"].en
    wrong = items(reader=str(folder))["reader"]
    assert not wrong.ok and "config.json" in wrong.en and wrong.next_en
    assert "multilingual-e5-small" in items(model=str(saved))["reader"].en


# -- the shipped file -------------------------------------------------------------------------------------------------


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from rag.training.ship import describe, write

    place = tmp_path / "span.safetensors"
    write(place, {"span_head.weight": np.zeros((2, 4), np.float32)}, {})
    describe(place)
    monkeypatch.setattr(span, "SHIPPED", place)
    return place


def test_a_shipped_file_that_is_whole_passes(shipped: Path) -> None:
    span.check(shipped)
    if span.available():
        span.check(Path(span.__file__).parent / "model" / "span.safetensors")


def test_a_shipped_file_cut_short_or_changed_is_said(shipped: Path, folder: Path) -> None:
    whole = shipped.read_bytes()
    for damaged in (whole[:-1], whole[:-1] + b"\x01", b""):
        shipped.write_bytes(damaged)
        with pytest.raises(ModelError, match="restore both files") as raised:
            span._open.__wrapped__("", "auto", 0)
        assert "校验和" in raised.value.zh and "rules" in raised.value.zh
        assert not next(item for item in examine(str(folder), {}) if item.name == "reader").ok
    shipped.write_bytes(whole)
    span.check(shipped)
    shipped.with_suffix(span.ABOUT).unlink()
    with pytest.raises(ModelError, match=r"span\.json"):
        span.check(shipped)
