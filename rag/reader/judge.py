"""From weighed sentences to an answer or a refusal: one calibrated probability that the best of them answers, and the two
lines on it: below the one nothing is shown, from the other on an answer counts as sure. What is shown: see `choose`.

Both weights and lines come from `python -m eval.fit`. The probability is calibrated (of cases at 0.8, eight in ten are
right) on folders that had no part in fitting it; `python -m eval.calibrate` shows how well on any set.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from rag.reader import features as see
from rag.reader.views import View, view
from rag.text import is_han, tokens
from rag.text.background import rarity
from rag.text.phrases import reads_as_words
from rag.types import Certainty, Finding, Hit

ANSWER = (
    "bias",
    "span",
    "score",
    "lead",
    "covered_context",
    "dense",
    "dense_cross",
    "cross",
    "unmet",
    "furniture_asked",
)
"""What answerability is judged by: see `answer_features`. Few, because on a folder that took no part in fitting every
further one tried (the kind of question, the second-best span, the same span elsewhere, the question's rarest word …) made
it worse or no better: `python -m eval.fit … --ablate`."""

_LOOSE = re.compile(
    r"^[里上中下要个把能会就在有是那这几从对后前大]+(?=..)|[一两二三几][台个家名只条件座张本]$|[里上中下要个把能会就在有是的了吗呢]+$"
)  # what clings to a word
_LONGEST_WORD = 12
_RARE = 5.0  # see rag.text.background.rarity
_NOTHING = -1.5  # margin where the trained model sees nothing, in tens of logits: see `rules`


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the probability is cut, and the share of right answers measured in either band (None: not measured)."""

    refuse_below: float = 0.5
    sure_from: float = 1.01  # beyond 1: nothing counts as sure
    likely_right: float | None = None
    sure_right: float | None = None

    def certainty(self, probability: float) -> Certainty:
        """What an answer of this probability is called."""
        if probability < self.refuse_below:
            return Certainty()
        if probability >= self.sure_from and self.sure_right is not None:
            return Certainty("sure", self.sure_right)
        return Certainty("likely", self.likely_right)


@cache
def weights(name: str = "weights.json") -> dict[str, dict[str, float]]:
    """Fitted numbers by model: "sentence" orders candidates, "answer" judges the best of them, "lines" are `Lines`."""
    loaded: dict[str, dict[str, float]] = json.loads(files("rag.reader").joinpath(name).read_text(encoding="utf-8"))
    return loaded


def lines_of(fitted: Mapping[str, Mapping[str, float]], refuse_below: float = -1.0) -> Lines:
    """The fitted lines, or with the refusal line moved where that is asked for (0 and above): what was measured of
    answers near it then no longer holds and is not told."""
    lines = Lines(**fitted.get("lines", {}))
    if refuse_below < 0 or refuse_below == lines.refuse_below:
        return lines
    return replace(lines, refuse_below=refuse_below, likely_right=None)


def judge(asked: see.Asked, candidates: Sequence[Finding], weigh: Mapping[str, float]) -> tuple[float, str]:
    """Probability that the best candidate answers, and what speaks against it most."""
    seen = answer_features(asked, candidates)
    total = sum(weigh.get(name, 0.0) * value for name, value in seen.items())
    probability = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))
    best = candidates[0]
    if _lacks_anchor(best):
        return probability, "wrong_anchor"
    if _lacks_kind(asked, best):
        return probability, "wrong_kind"
    return probability, "missing_terms" if best.features.get("worst", 0.0) > 0.6 else "weak"


def answer_features(asked: see.Asked, candidates: Sequence[Finding]) -> dict[str, float]:
    """What of the candidates, best first, tells whether the first answers, by the names of `ANSWER`:

    span            margin of the trained model's best span in it over "no answer", in tens of logits
    score           its weight as a sentence
    lead            how far that is above the next one's: a sentence among many like it is seldom the one
    covered_context share of the question's rarity that its passage and headings cover
    dense           cosine of question and sentence, where it was computed
    dense_cross     the same where they are in two scripts
    cross           an English question, a Chinese sentence
    unmet           the question demands what the sentence and its document lack: a number, a name, a place, the unit of a
                    measure, a date
    furniture_asked it stands in the margin of a page, and the question is about that
    """
    best = candidates[0]
    seen = {name: best.features.get(name, 0.0) for name in ANSWER}
    seen["bias"] = 1.0
    seen["span"] = best.features.get("span", _NOTHING)
    seen["score"] = best.score
    seen["lead"] = best.score - candidates[1].score if len(candidates) > 1 else 0.0
    seen["unmet"] = float(_lacks_anchor(best) or _lacks_kind(asked, best))
    return seen


def _lacks_anchor(best: Finding) -> bool:
    return best.features.get("anchor_missing", 0.0) > 0


def _lacks_kind(asked: see.Asked, best: Finding) -> bool:
    measure = best.features.get("unit_missing", 0.0) > 0 and see.measured(asked)
    return measure or (best.features.get("type_missing", 0.0) > 0 and asked.question.kind == "when")


def missing_terms(asked: see.Asked, hits: Sequence[Hit]) -> tuple[str, ...]:
    """Question words found nowhere in the passages read, as shown on a refusal: whole words of two to twelve characters,
    rare enough in questions at large to be what was asked about."""
    contexts = [hit.passage.context for hit in hits]
    if see.is_foreign(asked, "\n".join(contexts)):
        return ()
    everything = View.joined(map(view, contexts))
    quoted = set(asked.question.anchors)
    pieces = [_LOOSE.sub("", piece) for piece in see.uncovered(asked, everything)]
    named = [
        piece
        for piece in pieces
        if 2 <= len(piece) <= _LONGEST_WORD
        and _is_rare(piece)
        and (piece in quoted or not is_han(piece[0]) or reads_as_words(piece))
    ]
    return tuple(dict.fromkeys(named))


def _is_rare(piece: str) -> bool:
    found = tokens(piece)
    return bool(found) and min(map(rarity, found)) > _RARE
