"""The rule-based reader on a few sentences by hand, with a fake embedder that knows nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rag.protocols import Vectors
from rag.reader import RuleReader
from rag.reader.choose import short_spans
from rag.reader.features import prepare, uncovered
from rag.reader.judge import weights
from rag.reader.views import view
from rag.types import Finding, Hit, Passage, Span, passage_id
from rag.understand import understand

_TEXT = (
    "创新学习场景。运用裸眼3D、虚拟骑行等信息技术,打造全国首个“学习强国”主题街区,配建100余个智慧学习小站。"
    "推动第81届世界科幻大会落地成都。开设“文明大家谈”“文明大家看”等网络品牌栏目20余个,超500万网友参与互动。"
)


class Blank:
    """Every passage is as near to every question: only what can be seen decides."""

    name, dim = "blank", 2

    def encode(self, texts: Sequence[str], kind: str = "passage") -> Vectors:
        one = [1.0, 0.0] if kind == "query" else [0.84, 0.5426]
        return np.tile(np.array([one], np.float32), (len(texts), 1))


def _hits(text: str = _TEXT, title: str = "成都实践") -> list[Hit]:
    passage = Passage(passage_id("d", 0, len(text)), "d", text, 0, len(text), title)
    return [Hit(passage, 1.0, {"dense": 1}, {"dense": 0.85})]


@pytest.mark.parametrize(
    ("question", "short"),
    [
        ("配建了多少个智慧学习小站？", "100余个"),
        ("有多少网友参与互动？", "超500万"),
        ("打造了多少个网络品牌栏目？", "20余个"),
    ],
)
def test_the_number_of_the_thing_asked_for(question: str, short: str) -> None:
    candidates = RuleReader(Blank(), refuse_below=0.0).read(understand(question), _hits()).findings
    assert [candidates[0].short(span) for span in candidates[0].spans] == [short]


def test_list_items_one_by_one() -> None:
    reading = RuleReader(Blank(), refuse_below=0.0).read(understand("主题街区运用了哪些信息技术？"), _hits())
    finding = reading.findings[0]
    assert [finding.short(span) for span in finding.spans] == ["裸眼3D", "虚拟骑行"]


@pytest.mark.parametrize("question", ["第80届世界科幻大会在哪里举行？", "第81届世界科幻大会落地上海了吗？"])
def test_a_swapped_number_or_place_is_refused(question: str) -> None:
    reading = RuleReader(Blank()).read(understand(question), _hits())
    assert not reading.findings and reading.reason == "wrong_anchor" and reading.candidates


def test_question_words_found_nowhere_are_named() -> None:
    reading = RuleReader(Blank()).read(understand("世界科幻大会的门票价格是多少元？"), _hits())
    assert not reading.findings
    assert "门票价格" in "".join(reading.missing)


def test_uncovered_stretches_by_hand() -> None:
    asked = prepare(understand("上海智慧学习小站有多少个？"))
    assert uncovered(asked, view(_TEXT)) == ["上海"]


def test_nothing_read_is_nothing_found() -> None:
    reading = RuleReader(Blank()).read(understand("有多少个小站？"), [])
    assert (reading.findings, reading.answerable, reading.reason) == ((), 0.0, "no_match")


def test_reading_twice_gives_the_same() -> None:
    reader = RuleReader(Blank())
    question = understand("配建了多少个智慧学习小站？")
    assert reader.read(question, _hits()) == reader.read(question, _hits())


def test_every_weight_has_a_known_name() -> None:
    from rag.reader.features import NAMES

    assert set(weights()["sentence"]) <= set(NAMES)


def _chosen(sentence: str, trained: str, question: str) -> list[str]:
    passage = Passage(passage_id("d", 0, len(sentence)), "d", sentence, 0, len(sentence))
    start = sentence.index(trained)
    features = {"span": 0.5, "cross": 0.0}
    finding = Finding(passage, 0, len(sentence), 1.0, (Span(start, start + len(trained)),), features)
    return [finding.short(span) for span in short_spans(prepare(understand(question)), finding)]


@pytest.mark.parametrize(
    ("sentence", "trained", "question", "short"),
    [
        ("举办“文明一课”直播50余场次,传播很广。", "“文明一课”直播50余场次,", "直播办了几场？", ["50余场次"]),
        ("作品《荣耀之旅》获优秀纪录片奖。", "荣耀之旅", "哪部作品获奖？", ["《荣耀之旅》"]),
        ("大桥于1937年5月27日通车。", "1937年", "大桥什么时候通车？", ["1937年5月27日"]),
        ("由甲公司“和乙公司承建。", "“和乙公司", "哪家公司承建？", ["和乙公司"]),
    ],
)
def test_a_trained_span_is_cut_as_people_write_it(sentence: str, trained: str, question: str, short: list[str]) -> None:
    assert _chosen(sentence, trained, question) == short
