"""Why an answer is what it is: the sums are right, nothing is left out, nothing in a document gets out of its place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rag as public
from rag.__main__ import main
from rag.assistant import Assistant
from rag.explanation import Explanation
from rag.explanation.build import contributions, costs, explained
from rag.explanation.words import feature
from rag.reader.features import NAMES
from rag.types import Document, Finding, Passage, Question, Reading
from tests.fakes_embed import HashEmbedder
from tests.test_public import HOSTILE, tags

ASKED = [
    "馆内有多少座书亭？",
    "图书馆是谁设计的？",
    "Who built the Old Bridge?",
    "月球背面有几家咖啡馆？",
    "故事会在星期几？",
]


@pytest.fixture
def kb(folder: Path, hash_embedder: HashEmbedder, tmp_path: Path) -> Iterator[Assistant]:
    with Assistant.open(folder, index_dir=tmp_path / "index", embedder=hash_embedder) as opened:
        yield opened


@pytest.mark.parametrize("question", ASKED)
def test_contributions_add_up(kb: Assistant, question: str) -> None:
    told = kb.explain(question)
    assert told.way == "weighed" and told.candidates and told.judgement is not None
    first = told.candidates[0]
    for rank, candidate in enumerate(told.candidates, 1):
        assert candidate.rank == rank and candidate.why
        assert math.isclose(sum(c.amount for c in candidate.contributions), candidate.score, abs_tol=1e-9)
        assert math.isclose(first.score - candidate.score, candidate.behind, abs_tol=1e-9)
        assert kb.document(candidate.doc_id).text[candidate.start : candidate.end] == candidate.quote
        assert kb.document(candidate.doc_id).source == candidate.source
    assert math.isclose(sum(c.amount for c in told.judgement.contributions), told.judgement.total, abs_tol=1e-9)
    assert math.isclose(told.judgement.raw + told.judgement.adjusted, told.judgement.probability)


@pytest.mark.parametrize("question", ASKED)
def test_it_explains_the_answer_that_is_given(kb: Assistant, question: str) -> None:
    answer, told = kb.ask(question), kb.explain(question)
    assert (told.found, told.reason, told.missing) == (answer.found, answer.reason, answer.missing)
    assert told.judgement is not None and math.isclose(told.judgement.probability, answer.confidence, abs_tol=1e-4)
    assert told.judgement.threshold == kb._reader.refuse_below  # type: ignore[attr-defined]
    assert told.judgement.answers == answer.found
    assert [(c.start, c.end, c.score) for c in told.candidates] == [
        (f.start, f.end, f.score) for f in answer.candidates
    ]
    cited = {(c.doc_id, c.start, c.end) for c in answer.citations}
    assert {(c.doc_id, c.start, c.end) for c in told.candidates if c.chosen} <= cited
    assert not answer.found or told.candidates[0].chosen
    assert told == kb.explain(question)


def test_every_feature_is_there_and_has_words(kb: Assistant) -> None:
    told = kb.explain(ASKED[0])
    assert {c.name for c in told.candidates[0].contributions} <= set(NAMES)
    assert len(told.candidates[0].contributions) > 20
    for name in NAMES:
        assert feature(name, "zh") != name != feature(name, "en"), f"{name} has no words"
    assert feature("made_up", "zh") == feature("made_up", "en") == "made_up"


def test_a_follow_up_is_explained_as_it_is_understood(kb: Assistant) -> None:
    told = kb.explain("那它是谁设计的？", ["河边图书馆有多少座书亭？"])
    assert told.question == "那它是谁设计的？" and "图书馆" in told.understood


def test_what_is_not_weighed_says_so(kb: Assistant) -> None:
    greeting, stated = kb.explain("你好"), kb.explain("这些材料讲了什么？")
    assert (greeting.way, greeting.candidates, greeting.judgement, greeting.reason) == (
        "greeting",
        (),
        None,
        "greeting",
    )
    assert stated.way == "stated" and stated.judgement is None and stated.found
    assert all(c.chosen and not c.contributions for c in stated.candidates)
    for told in (greeting, stated):
        assert told.why and told.why in tags(told._repr_html_()).text
        assert json.loads(json.dumps(told.to_dict())) == told.to_dict()


def test_json_holds_everything_and_comes_back_the_same(kb: Assistant) -> None:
    told = kb.explain(ASKED[0])
    row = json.loads(json.dumps(told.to_dict(), ensure_ascii=False))
    assert row == told.to_dict()
    assert list(row) == [
        "question", "understood", "kind", "lang", "way", "found", "reason", "probability", "missing", "why", "judgement",
        "candidates",
    ]  # fmt: skip
    assert len(row["candidates"]) == len(told.candidates)
    first = row["candidates"][0]
    assert sum(c["amount"] for c in first["contributions"]) == pytest.approx(first["score"])
    assert row["judgement"]["answers"] is True and set(row["judgement"]["contributions"][0]) == {
        "name", "value", "weight", "amount"
    }  # fmt: skip


def test_pandas_has_one_row_a_candidate_and_feature(kb: Assistant) -> None:
    told = kb.explain(ASKED[0])
    frame = told.to_pandas()
    assert len(frame) == sum(len(c.contributions) for c in told.candidates)
    sums = frame.groupby("rank")["amount"].sum()
    assert all(math.isclose(sums[c.rank], c.score, abs_tol=1e-9) for c in told.candidates)


# -- by hand ----------------------------------------------------------------------------------------------------------


class Scales:
    """A reader that weighs by two features and halves the probability afterwards."""

    weights: Mapping[str, Mapping[str, float]] = {"sentence": {"a": 2.0, "b": -1.0}, "answer": {"bias": 1.0}}
    refuse_below = 0.5

    def judged(self, question: Question, candidates: Sequence[Finding]) -> dict[str, float]:
        return {"bias": 1.0, HOSTILE: 3.0}


def by_hand(text: str = "甲。乙。", lang: Any = "en", reader: object = None) -> Explanation:
    passage = Passage(1, "d", text, 0, len(text), HOSTILE, (HOSTILE,))
    cut = len(text) // 2
    winner = Finding(passage, 0, cut, 1.5, (), {"a": 1.0, "b": 0.5, "new": 9.0})
    loser = Finding(passage, cut, len(text), -1.0, (), {"a": 0.0, "b": 1.0})
    question = Question(HOSTILE, HOSTILE, lang, "which")
    reading = Reading((), 0.3, "weak", (HOSTILE,), (winner, loser))
    document = Document("d", HOSTILE, HOSTILE, text)
    return explained(question, reading, Scales() if reader is None else reader, lambda _: document.source)


def test_a_loser_is_told_what_cost_it_most() -> None:
    told = by_hand()
    first, second = told.candidates
    assert [(c.name, c.amount) for c in first.contributions] == [("a", 2.0), ("b", -0.5), ("new", 0.0)]
    assert second.behind == 2.5 and second.costs == (("a", 2.0), ("b", 0.5))
    assert second.why == "2.50 behind the first, mostly for: a (−2.00), b (−0.50)"
    assert told.judgement is not None
    assert told.judgement.total == 1.0 and told.judgement.raw == pytest.approx(0.7311, abs=1e-4)
    assert told.judgement.adjusted == pytest.approx(0.3 - 0.7311, abs=1e-4) and not told.judgement.answers
    assert "0.73 before the limit" in told.judgement.why and "below 0.50" in told.judgement.why
    assert "0.73" in by_hand(lang="zh").why and "拒答线 0.50" in by_hand(lang="zh").why


def test_a_reader_that_cannot_say_leaves_features_without_weights() -> None:
    told = by_hand(reader=object())
    assert told.judgement is None and all(c.weight == 0.0 for c in told.candidates[0].contributions)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.floats(-9, 9)),
    st.dictionaries(st.sampled_from("abcdef"), st.floats(-9, 9)),
    st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-9, 9)),
)
def test_differences_add_up_whatever_is_weighed(
    one: dict[str, float], other: dict[str, float], weights: dict[str, float]
) -> None:
    ours, theirs = contributions(one, weights), contributions(other, weights)
    behind = sum(c.amount for c in ours) - sum(c.amount for c in theirs)
    ahead = sum(amount for _, amount in costs(theirs, ours))
    assert math.isclose(sum(amount for _, amount in costs(ours, theirs)) - ahead, behind, abs_tol=1e-6)


def test_hostile_text_stays_text() -> None:
    found = tags(by_hand(HOSTILE * 2)._repr_html_())
    assert found.seen <= {"div", "p", "b", "br", "small", "details", "summary", "table", "tr", "td", "tbody"}
    assert found.attributes <= {"class", "style"}  # the class keeps formulas from being looked for
    assert found.text.count("<script>alert(1)</script>") >= 6


# -- the surface ------------------------------------------------------------------------------------------------------


def test_the_command_prints_words_and_json(
    folder: Path, no_model: HashEmbedder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")

    def run(*words: str) -> str:
        assert main(["explain", *words, "--folder", str(folder)]) == 0
        return capsys.readouterr().out

    shown = run("馆内有多少座书亭？", "-n", "2")
    assert "可答概率" in shown and "排在第一" in shown and "主要差在" in shown and "more with -n" in shown
    row = json.loads(run("馆内有多少座书亭？", "--json"))
    assert row["candidates"][0]["quote"].startswith("馆内有12座书亭")
    (folder / "hostile.txt").write_text("怪题\n\n\x1b[31m红色的鲸鱼有\x1b[0m７条\x9b2J。\n", encoding="utf-8")
    assert not set(run("红色的鲸鱼有几条？")) & {"\x1b", "\x9b"}


def test_the_package_has_the_function(
    folder: Path, no_model: HashEmbedder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(public, "_default", [])
    monkeypatch.setenv("RAG_FOLDER", str(folder))
    monkeypatch.chdir(tmp_path)
    try:
        assert public.explain("馆内有多少座书亭？").found
    finally:
        for assistant in public._default:
            assistant.close()
