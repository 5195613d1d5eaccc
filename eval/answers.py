"""Judging a short answer against the gold answers: by the official rules of the language that these are written in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eval import cmrc, reading_squad
from eval.match import folded, holds
from eval.metrics import mean

_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One question of a set in which some have no answer. `em` and `f1` are of what was shown; `best_em` and `best_f1` of the
    best candidate, were nothing refused. Without an answer in the material they are 1 where nothing is said, else 0."""

    answerable: bool
    confidence: float  # that the material answers, 0..1
    em: float
    f1: float
    best_em: float
    best_f1: float


def exact_match(said: str, answers: Sequence[str], lang: str = "") -> float:
    """1.0 if what was said equals any gold answer by the rules of its language, else 0.0.

    Chinese is judged by CMRC 2018's character rules (`eval.cmrc`), anything else by SQuAD's English rules as
    evaluate-v2.0 has them: those of v1.1, but an answer without words ("the") is no gold beside one that has some.
    Chinese is: a Han character in any gold answer, or `lang` "zh…", the language of the text that the answers (a bare
    number, say) are quoted from.
    """
    if is_chinese(answers, lang):
        return cmrc.exact_match(said, answers)
    return reading_squad.exact_match(said, _with_words(answers))


def f1(said: str, answers: Sequence[str], lang: str = "") -> float:
    """Best F1 over the gold answers, 0..1, by the same rules: of CMRC 2018 the longest common run of characters, of SQuAD
    the words in common."""
    if is_chinese(answers, lang):
        return cmrc.f1(said, answers)
    wanted = _with_words(answers)
    if not reading_squad.words(said):  # evaluate-v2.0: without words only nothing equals nothing
        return float(wanted == [""])
    return reading_squad.f1(said, wanted)


def is_chinese(answers: Sequence[str], lang: str = "") -> bool:
    return lang.lower().startswith("zh") or any(_HAN.search(answer) for answer in answers)


def anls(said: str, answers: Sequence[str], tau: float = 0.5) -> float:
    """Average normalised Levenshtein similarity of one question, 0..1: best over the gold answers of 1 - distance / length
    of the longer, and 0 from a distance of `tau` on, where another answer begins. A misspelt answer is thus worth
    nearly all. Biten et al., "Scene Text Visual Question Answering", ICCV 2019. Compared folded (`eval.match`)."""
    ours = _key(said)
    best = 0.0
    for answer in answers:
        theirs = _key(answer)
        longer = max(len(ours), len(theirs))
        if not longer or abs(len(ours) - len(theirs)) >= tau * longer:  # the distance is at least that
            continue
        far = distance(ours, theirs) / longer
        best = max(best, 1 - far if far < tau else 0.0)
    return best


def distance(left: str, right: str) -> int:
    """Levenshtein distance, a column of the table at a time in the bits of one number. Hyyrö, "A Bit-Vector Algorithm for
    Computing Levenshtein and Damerau Edit Distances", Nordic J. of Computing 10(1), 2003."""
    if not left:
        return len(right)
    places: dict[str, int] = {}
    for at, character in enumerate(left):
        places[character] = places.get(character, 0) | 1 << at
    full, last = (1 << len(left)) - 1, 1 << (len(left) - 1)
    up, down, total = full, 0, len(left)  # where a column's cell is one more, or one less, than the cell above it
    for character in right:
        same = places.get(character, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        more, less = down | full & ~(diagonal | up), diagonal & up
        total += bool(more & last) - bool(less & last)
        more, less = full & (more << 1 | 1), full & less << 1
        up, down = less | full & ~(diagonal | more), more & diagonal
    return total


def items_found(shown: Sequence[str], items: Sequence[str]) -> float:
    """List completeness, 0..1: the share of the gold items that stand in any of the texts shown, folded and without cutting
    a number or a word in two. Needs at least one item."""
    keys = [folded(text) for text in shown]
    return mean([float(_stands(item, shown, keys)) for item in items])


def squad2(cases: Sequence[Case]) -> dict[str, Any]:
    """What evaluate-v2.0 reports, as shares of 1, fed with 1 - confidence as probability that there is no answer.

    "em" and "f1" of what was shown, over all, under "has_answer" and under "no_answer" (each with its n; absent where
    there are none); "best_em", "best_f1" are the highest that one threshold on that probability gives, and
    "best_em_threshold", "best_f1_threshold" the threshold: answered is what lies at or below it. Rajpurkar, Jia, Liang,
    "Know What You Don't Know: Unanswerable Questions for SQuAD", ACL 2018. Needs at least one case.
    """
    out: dict[str, Any] = {"em": mean([c.em for c in cases]), "f1": mean([c.f1 for c in cases])}
    for name, answerable in (("has_answer", True), ("no_answer", False)):
        held = [case for case in cases if case.answerable is answerable]
        if held:
            out[name] = {"em": mean([c.em for c in held]), "f1": mean([c.f1 for c in held]), "n": len(held)}
    out["best_em"], out["best_em_threshold"] = _best(cases, [c.best_em for c in cases])
    out["best_f1"], out["best_f1_threshold"] = _best(cases, [c.best_f1 for c in cases])
    return out


def _best(cases: Sequence[Case], scores: Sequence[float]) -> tuple[float, float]:
    """`find_best_thresh`: starts from refusing all, answers the surest first, remembers the highest total. Like the script it
    may stop between two equal probabilities, in the order given."""
    total = best = float(sum(not case.answerable for case in cases))
    threshold = 0.0
    for place in sorted(range(len(cases)), key=lambda i: 1 - cases[i].confidence):
        case, score = cases[place], scores[place]
        total += score if case.answerable else score - 1  # 1 lost where something is said and nothing should be
        if total > best:
            best, threshold = total, 1 - case.confidence
    return best / len(cases), threshold


def _with_words(answers: Sequence[str]) -> list[str]:
    return [answer for answer in answers if reading_squad.words(answer)] or [""]


def _key(text: str) -> str:
    """Folded; what would fold to nothing (an answer of signs only) as it stands."""
    return folded(text) or text.strip()


def _stands(item: str, shown: Sequence[str], keys: Sequence[str]) -> bool:
    key = folded(item)
    if key:
        return any(holds(text, key) for text in keys)
    return any(item.strip() in text for text in shown)
