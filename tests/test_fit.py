"""The reader's weights are fitted, not guessed: on a toy that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping

from eval.fit import Judged, fit_answer, fit_order
from eval.trials import Seen
from rag.reader.features import prepare
from rag.types import Finding, Passage
from rag.understand import understand


def _finding(start: int, features: Mapping[str, float]) -> Finding:
    passage = Passage(1, "d", "x" * 100, 0, 100)
    return Finding(passage, start, start + 1, 0.0, (), features)


def _seen(right: float, wrong: float) -> Seen:
    candidates = [_finding(0, {"covered": right, "long_sentence": 1.0}), _finding(1, {"covered": wrong})]
    return Seen(candidates, [True, False], True, prepare(understand("有多少个？")))


def test_what_right_sentences_have_gets_weight() -> None:
    weights = fit_order([_seen(0.9, 0.1), _seen(0.8, 0.3), _seen(0.7, 0.2)], steps=300)
    assert weights["covered"] > 0.5
    assert weights["covered"] > abs(weights["rank"])


def test_order_is_the_same_twice() -> None:
    rows = [_seen(0.9, 0.1), _seen(0.2, 0.3)]
    assert fit_order(rows, steps=100) == fit_order(rows, steps=100)


def _judged(score: float, answerable: bool, corpus: str = "a") -> Judged:
    return Judged({"score": score}, answerable, answerable, corpus, "asked")


def test_answerability_separates() -> None:
    rows = [_judged(s, s > 0) for s in (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)]
    weights = fit_answer(rows)
    assert weights["score"] > 1 and weights["bias"] > 0  # more questions have an answer than not
    assert all(value == 0 for name, value in weights.items() if name not in {"score", "bias"})  # nothing else varied


def test_a_small_folder_is_heard_beside_a_large_one() -> None:
    large = [_judged(s, s > 0) for s in (-1.0, 1.0)] * 200
    alone = fit_answer(large)["score"]
    assert fit_answer([*large, _judged(-1.0, True, "b"), _judged(1.0, False, "b")])["score"] < 0.2 * alone
