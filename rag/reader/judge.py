"""From weighed sentences to an answer or a refusal: does the best one answer? What of it is shown: see `choose`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from rag.reader import features as see
from rag.text import is_han, tokens
from rag.text.background import rarity
from rag.types import Finding, Hit

_LOOSE = re.compile(
    r"^[里上中下要个把能会就在有是那这几从对后前]+|[里上中下要个把能会就在有是的了吗呢]+$"
)  # what clings to a word
_LONGEST_WORD = 12
_RARE = 5.0  # see rag.text.background.rarity
_TYPED = frozenset({"who", "when", "where", "how_many"})  # kinds whose answer can be seen in a sentence


@cache
def weights(name: str = "weights.json") -> dict[str, dict[str, float]]:
    """Fitted weights by model and feature: "sentence" orders candidates, "answer" judges the best of them."""
    loaded: dict[str, dict[str, float]] = json.loads(files("rag.reader").joinpath(name).read_text(encoding="utf-8"))
    return loaded


def judge(asked: see.Asked, candidates: Sequence[Finding], weigh: Mapping[str, float]) -> tuple[float, str]:
    """Probability that the best candidate answers, and what speaks against it most."""
    best = candidates[0]
    seen = answer_features(asked, candidates)
    total = sum(weigh.get(name, 0.0) * value for name, value in seen.items())
    probability = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))
    if best.features["anchor_missing"]:
        return min(probability, 0.2), "wrong_anchor"
    measure = best.features["unit_missing"] and see.measured(asked.question)
    dated = best.features["type_missing"] and asked.question.kind == "when"
    if measure or dated:
        return min(probability, 0.3), "wrong_kind"
    if best.features["worst"] > 0.6:
        return probability, "missing_terms"
    return probability, "weak"


def answer_features(asked: see.Asked, candidates: Sequence[Finding]) -> dict[str, float]:
    """What answerability is judged by: the best sentence's features, its lead, and the kind of question."""
    best = candidates[0]
    second = next((c.score for c in candidates[1:] if c.passage.id != best.passage.id), best.score - 3.0)
    seen = dict(best.features)
    seen["bias"] = 1.0
    seen["score"] = best.score
    seen["lead"] = min(best.score - second, 4.0)
    seen["terms"] = min(len(asked.weights), 12) / 12
    seen["typed_missing"] = seen["type_missing"] * (asked.question.kind in _TYPED)
    seen["dense_known"] = max(seen["dense"], 0.0)
    seen[f"kind_{asked.question.kind}"] = 1.0
    return seen


def missing_terms(asked: see.Asked, hits: Sequence[Hit]) -> tuple[str, ...]:
    """Question words found nowhere in the passages read, as shown on a refusal: whole words of two to eight characters,
    rare enough in questions at large to be what was asked about."""
    everything = "\n".join(hit.passage.context for hit in hits)
    if asked.latin and sum(map(is_han, everything)) > len(everything) / 4:
        return ()
    pieces = [_LOOSE.sub("", piece) for piece in see.uncovered(asked, everything)]
    return tuple(dict.fromkeys(piece for piece in pieces if 2 <= len(piece) <= _LONGEST_WORD and _is_rare(piece)))


def _is_rare(piece: str) -> bool:
    found = tokens(piece)
    return bool(found) and min(map(rarity, found)) > _RARE
