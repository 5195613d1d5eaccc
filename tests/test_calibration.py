"""One calibrated probability and the lines on it: measures by hand, lines by hand, and what people are told."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval import calibrate, fit, reliability
from eval.reliability import Case
from eval.trials import Seen
from rag.cli.show import Screen, print_answer
from rag.reader.features import prepare
from rag.reader.judge import ANSWER, Lines, answer_features, lines_of, weights
from rag.text.certainty import certainty_meaning, certainty_word
from rag.types import STATED, Answer, Certainty, Citation, Finding, Lang, Passage, Reading, Segment
from rag.understand import understand
from rag.web import render

LANGUAGES: tuple[Lang, ...] = ("zh", "zh-Hant", "en")


def _cases(*rows: tuple[float, bool, bool]) -> list[Case]:
    return [Case(p, right, answerable) for p, right, answerable in rows]


# -- measures -------------------------------------------------------------------------------------------------------


def test_measures_by_hand() -> None:
    cases = _cases((0.9, True, True), (0.6, False, False), (0.4, True, True), (0.1, False, False))
    assert reliability.auroc(cases) == 0.75
    assert math.isclose(reliability.brier(cases), (0.01 + 0.36 + 0.36 + 0.01) / 4)
    assert math.isclose(reliability.log_loss(cases), -(2 * math.log(0.9) + 2 * math.log(0.4)) / 4)
    assert math.isclose(reliability.ece(cases), (0.1 + 0.6 + 0.6 + 0.1) / 4)
    assert reliability.auroc(_cases((0.5, True, True), (0.5, False, False))) == 0.5


def test_the_table_bins_by_estimate_and_weight() -> None:
    cases = [Case(0.92, True, True, 3.0), Case(0.98, False, False, 1.0), Case(1.0, True, True, 0.0)]
    (only,) = reliability.table(cases)
    assert (only.low, only.n, only.observed) == (0.9, 3, 0.75)
    assert math.isclose(only.mean, (3 * 0.92 + 0.98) / 4)


def test_every_set_weighs_the_same_whatever_its_size() -> None:
    sets, answerable = (["a"] * 100 + ["b"] * 4, [True] * 90 + [False] * 10 + [True, False, False, False])
    weight = reliability.weigh(sets, answerable, prior=0.6)
    assert math.isclose(weight[:100].sum(), 0.5) and math.isclose(weight.sum(), 1.0)
    assert math.isclose(weight[:90].sum(), 0.3) and math.isclose(weight[100], 0.3)


def test_platt_finds_the_curve_that_made_the_outcomes() -> None:
    chance = np.random.default_rng(0)
    scores = chance.normal(0, 3, 20_000)
    right = (chance.random(20_000) < 1 / (1 + np.exp(-(0.5 * scores - 1)))).astype(float)
    slope, shift = reliability.platt(scores, right, np.full(20_000, 1 / 20_000))
    assert abs(slope - 0.5) < 0.03 and abs(shift + 1) < 0.06


def test_the_refusal_line_costs_at_most_the_stated_share_of_right_answers() -> None:
    cases = _cases(*((n / 100, True, True) for n in range(1, 101)), *((0.035, False, False) for _ in range(50)))
    lines = reliability.lines(cases, withheld=0.05, right=0.95)
    lost = [c for c in cases if c.right and c.probability < lines.refuse_below]
    assert len(lost) == 5 and lines.refuse_below == 0.06
    assert reliability.lines(cases, withheld=0.0, right=0.95).refuse_below == 0.01


def test_lines_rest_on_questions_that_were_asked_of_sets_with_unanswerable_ones() -> None:
    cases = _cases(*((n / 40, n > 10, n > 5) for n in range(40)))
    made = [Case(0.99, False, False, 1.0, cases[0].set, "swapped")] * 50
    easy = [Case(0.01, True, True, 1.0, "every one answerable")] * 50
    with_made, without = reliability.lines([*cases, *made, *easy]), reliability.lines(cases)
    assert with_made.refuse_below == without.refuse_below
    assert without.sure_from <= 1 < with_made.sure_from  # but no answer is called sure that made questions disprove


def test_sure_is_where_enough_answers_are_right_and_nothing_else() -> None:
    good = [(0.9 + n / 1000, True, True) for n in range(40)]
    lines = reliability.lines(_cases(*good, *((0.5, n % 2 == 0, True) for n in range(40))), withheld=0.01, right=0.95)
    assert 0.5 < lines.sure_from <= 0.9 and lines.sure_right == 1.0 and lines.likely_right == 0.5
    never = reliability.lines(_cases(*((0.9, n % 2 == 0, True) for n in range(40))))
    assert never.sure_from > 1 and never.sure_right is None


# -- fitting --------------------------------------------------------------------------------------------------------


def _finding(start: int, span: float, covered: float) -> Finding:
    passage = Passage(start, "d", "字" * 100, 0, 100)
    return Finding(passage, start, start + 5, 0.0, (), {"span": span, "covered": covered, "covered_context": covered})


def _toy(seed: int) -> list[Seen]:
    """Answered questions have a span far above "no answer", others below; some of each are mixed up."""
    chance = np.random.default_rng(seed)
    asked, out = prepare(understand("有多少个小站？")), []
    for n in range(80):
        answerable = n % 2 == 0
        span = float(chance.normal(0.4 if answerable else -0.4, 0.4))
        found = [_finding(1, span, 0.8), _finding(10, -1.0, 0.2)]
        out.append(Seen(found, [answerable, False], answerable, asked, f"g{n // 4}", "asked" if n % 3 else "near"))
    return out


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    sets: Mapping[str, list[Seen]] = {"a.jsonl=one": _toy(1), "b.jsonl=two": _toy(2), "c.jsonl=two": _toy(3)}
    for module in (fit, calibrate):
        monkeypatch.setattr(module, "look_at", lambda name, *_: sets[name])


def test_one_command_writes_weights_whose_probability_is_calibrated(
    toys: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "w.json"
    assert fit.main(["a.jsonl=one", "b.jsonl=two", "c.jsonl=two", "--out", str(out), "--ablate"]) == 0
    fitted = json.loads(out.read_text(encoding="utf-8"))
    lines = Lines(**fitted["lines"])
    assert set(fitted) == {"sentence", "answer", "lines"} and set(fitted["answer"]) == set(ANSWER)
    assert 0 < lines.refuse_below < lines.sure_from <= 1 and lines.sure_right is not None and lines.sure_right >= 0.9
    assert fitted["answer"]["dense_cross"] == 0  # it never varied
    said = capsys.readouterr().out
    assert "Folders left out" in said and "observed" in said and "one: " in said and "left out: log-loss" in said
    before = out.read_bytes()
    assert calibrate.main(["b.jsonl=two", "--weights", str(out), "--made"]) == 0
    assert out.read_bytes() == before
    table = capsys.readouterr().out
    error = re.search(r"ECE ([\d.]+)", table)
    assert error and float(error[1]) < 0.15


def test_folders_are_left_out_whole() -> None:
    parts = fit.folds({"one": _toy(1), "two": _toy(2)}, by_folder=True)
    assert [{row.corpus for row in part.held} for part in parts] == [{"one"}, {"two"}]
    assert [{row.corpus for row in part.fit} for part in parts] == [{"two"}, {"one"}]
    seen = {"one": _toy(1)}
    for part in fit.folds(seen, by_folder=False):
        assert len(part.fit) + len(part.held) == 80


# -- judging --------------------------------------------------------------------------------------------------------


def test_a_sentence_alone_has_every_feature() -> None:
    seen = answer_features(prepare(understand("有多少个小站？")), [_finding(0, 0.5, 1.0)])
    assert set(seen) == set(ANSWER) and seen["span"] == 0.5 and all(map(math.isfinite, seen.values()))


@pytest.mark.parametrize("name", ["weights.json", "weights_span.json"])
def test_the_shipped_lines_are_in_order(name: str) -> None:
    fitted = weights(name)
    lines = lines_of(fitted)
    assert set(fitted["answer"]) <= set(ANSWER)
    assert 0 < lines.refuse_below < 1 and lines.refuse_below < lines.sure_from
    assert lines.likely_right is not None and 0.3 < lines.likely_right < 1
    assert lines.sure_right is None or lines.sure_right >= 0.9


def test_a_share_that_was_not_measured_is_written_as_none() -> None:
    lines = Lines(0.123456, 1.01, 0.7, None)
    written = json.loads(json.dumps({"lines": fit.rounded(lines)}))
    assert lines_of(written) == Lines(0.1235, 1.01, 0.7, None)


def test_a_line_of_ones_own_is_kept_and_its_share_not_claimed() -> None:
    fitted = {"lines": {"refuse_below": 0.3, "sure_from": 0.9, "likely_right": 0.7, "sure_right": 0.96}}
    assert lines_of(fitted) == Lines(0.3, 0.9, 0.7, 0.96)
    assert lines_of(fitted, 0.5) == Lines(0.5, 0.9, None, 0.96)
    assert lines_of(fitted, 0.0).certainty(0.01) == Certainty("likely")
    words = [lines_of(fitted).certainty(p).word for p in (0.1, 0.3, 0.89, 0.9, 1.0)]
    assert words == ["none", "likely", "likely", "sure", "sure"]


# -- what people are told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_words_and_what_they_mean(lang: Lang) -> None:
    sure, likely = Certainty("sure", 0.964), Certainty("likely", 0.71)
    assert certainty_word(sure, lang) and certainty_word(sure, lang) != certainty_word(likely, lang)
    assert "96" in certainty_meaning(sure, lang) and "71" in certainty_meaning(likely, lang)
    assert re.search("核对|核對|check", certainty_word(likely, lang))
    for certainty in (sure, likely, STATED, Certainty("likely")):
        assert "%" not in certainty_word(certainty, lang) + certainty_meaning(certainty, lang)
        assert certainty_meaning(certainty, lang)
    assert certainty_word(Certainty(), lang) == certainty_meaning(Certainty(), lang) == ""


def test_nothing_found_claims_nothing() -> None:
    assert Reading((), 0.9, "weak").told == Certainty()
    finding = _finding(0, 1.0, 1.0)
    assert Reading((finding,), 1.0, "answered").told == STATED


def _answer(certainty: Certainty, lang: Lang = "zh") -> Answer:
    cited = Citation(1, "d", "题", "a.txt", "共100个。", 0, 6)
    said = (Segment("short", "100个", 1), Segment("mark", "1", 1))
    return Answer("几个？", "几个？", "**100个** [1]", "100个", (cited,), (), 0.8371, "answered", segments=said,
                  certainty=certainty, lang=lang)  # fmt: skip


def _shown(answer: Answer) -> list[str]:
    stream = io.StringIO()
    print_answer(Screen(stream, "zh", False), answer)
    return [render.message(render.Turn("几个？", answer), 0, "zh"), answer._repr_html_(), stream.getvalue()]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("certainty", [Certainty("sure", 0.96), Certainty("likely", 0.7), STATED])
def test_chat_terminal_and_notebook_say_the_word_and_no_score(certainty: Certainty, lang: Lang) -> None:
    for text in _shown(_answer(certainty, lang)):
        plain = re.sub(r"&#(\d+);", lambda m: chr(int(m[1])), text)
        assert certainty_word(certainty, lang) in plain and certainty_meaning(certainty, lang) in plain
        assert "0.83" not in plain and "83" not in plain and "%" not in plain


def test_what_asks_to_be_checked_leads_to_the_sentence() -> None:
    likely = render.message(render.Turn("几个？", _answer(Certainty("likely", 0.7))), 3, "zh")
    assert 'class="jd-likely" href="#cite-3-1"' in likely
    sure = render.message(render.Turn("几个？", _answer(Certainty("sure", 0.96))), 3, "zh")
    assert 'class="jd-sure"' in sure and 'class="jd-likely"' not in sure


def test_a_refusal_says_no_word_of_certainty() -> None:
    refused = replace(_answer(Certainty()), citations=(), segments=(Segment("template", "没有找到"),))
    for text in _shown(refused):
        assert "有把握" not in text and "可能是" not in text
