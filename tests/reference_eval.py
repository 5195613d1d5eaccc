"""Slow twins of the evaluation's formulas: as the paper, or the published script, has them, for tests to compare with."""

from __future__ import annotations

import itertools
import string
from collections.abc import Callable, Sequence
from fractions import Fraction

# -- SQuAD: evaluate-v1.1 and evaluate-v2.0 ---------------------------------------------------------------------------


def squad_words(text: str) -> list[str]:
    """`normalize_answer`: lower case, signs out, whole words a, an, the out, cut at white space."""
    bare = "".join(c for c in text.lower() if c not in string.punctuation)
    words = "".join(c if c.isalnum() or c == "_" else f"\0{c}\0" for c in bare).split("\0")
    return "".join(" " if word in {"a", "an", "the"} else word for word in words).split()


def squad_f1(said: Sequence[str], gold: Sequence[str]) -> float:
    left = list(gold)
    common = 0
    for word in said:
        if word in left:
            left.remove(word)
            common += 1
    if not common:
        return 0.0
    precision, recall = common / len(said), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def squad11(said: str, answers: Sequence[str]) -> tuple[float, float]:
    """(exact_match, f1) of one question by evaluate-v1.1, as shares of 1."""
    ours, golds = squad_words(said), [squad_words(answer) for answer in answers]
    return float(max(ours == gold for gold in golds)), max(squad_f1(ours, gold) for gold in golds)


def squad20(said: str, answers: Sequence[str]) -> tuple[float, float]:
    """(exact, f1) of one question by evaluate-v2.0: answers that normalise to nothing are dropped; with none left, or none
    given, the right answer is to say nothing."""
    golds = [words for words in map(squad_words, answers) if words] or [[]]
    ours = squad_words(said)
    f1 = [squad_f1(ours, gold) if ours and gold else float(ours == gold) for gold in golds]
    return float(max(ours == gold for gold in golds)), max(f1)


def find_best_thresh(
    said: Sequence[str], scores: Sequence[float], no_answer: Sequence[float], has_answer: Sequence[bool]
) -> tuple[float, float]:
    """evaluate-v2.0's `find_best_thresh`: (best score in per cent, its threshold)."""
    best = current = float(len(has_answer) - sum(has_answer))
    threshold = 0.0
    for i in sorted(range(len(said)), key=no_answer.__getitem__):
        if has_answer[i]:
            current += scores[i]
        elif said[i]:
            current -= 1
        if current > best:
            best, threshold = current, no_answer[i]
    return 100 * best / len(scores), threshold


# -- CMRC 2018: cmrc2018_evaluate -------------------------------------------------------------------------------------

_SIGNS = [*"-:_*^/\\~`+=，。：？！“”；’《》", "……", *"·、「」（）－～『』"]


def cmrc_segments(text: str, cut: Callable[[str], list[str]] = str.split) -> list[str]:
    """`mixed_segmentation(rm_punc=True)`; `cut` stands for the tokenizer of what is not Chinese."""
    out: list[str] = []
    rest = ""
    for c in text.lower().strip():
        if c in _SIGNS:
            continue
        if "\u4e00" <= c <= "\u9fa5":
            out += cut(rest) if rest else []
            rest = ""
            out.append(c)
        else:
            rest += c
    return out + (cut(rest) if rest else [])


def cmrc2018(said: str, answers: Sequence[str]) -> tuple[float, float]:
    """(calc_em_score, calc_f1_score) of one question, as shares of 1."""
    bare = ["".join(c for c in text.lower().strip() if c not in _SIGNS) for text in (said, *answers)]
    em = float(bare[0] in bare[1:])
    best = 0.0
    ours = cmrc_segments(said)
    for gold in map(cmrc_segments, answers):
        runs = [gold[i:j] for i in range(len(gold)) for j in range(i + 1, len(gold) + 1)]
        common = max((len(r) for r in runs if any(ours[k : k + len(r)] == r for k in range(len(ours)))), default=0)
        if common:
            precision, recall = common / len(ours), common / len(gold)
            best = max(best, 2 * precision * recall / (precision + recall))
    return em, best


# -- the rest ---------------------------------------------------------------------------------------------------------


def levenshtein(left: str, right: str) -> int:
    """The table of Wagner and Fischer, J. ACM 21(1), 1974."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row, above = [i], row
        for j, b in enumerate(right, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


def aurc(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Mean over every order that the confidences allow of the mean risk of the k surest, k = 1…n."""
    areas = []
    for order in itertools.permutations(range(len(right))):
        if any(confidence[a] < confidence[b] for a, b in itertools.pairwise(order)):
            continue
        wrong = list(itertools.accumulate(int(not right[i]) for i in order))
        areas.append(sum(Fraction(errors, k) for k, errors in enumerate(wrong, 1)) / len(right))
    return float(sum(areas) / len(areas))


def swaps(totals: Sequence[int]) -> Fraction:
    """Share of all sign patterns whose sum is at least as far from 0 as that of the totals."""
    sums = [
        abs(sum(s * t for s, t in zip(signs, totals, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(totals))
    ]
    return Fraction(sum(value >= abs(sum(totals)) for value in sums), len(sums))
