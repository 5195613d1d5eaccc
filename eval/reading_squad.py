"""Exact match and F1 of a short answer by the rules of SQuAD, for English: CMRC 2018's keep articles and full stops.

Source: Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text", EMNLP 2016, and its official
script `evaluate-v1.1.py`.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_DROPPED = str.maketrans("", "", string.punctuation)


def words(text: str) -> list[str]:
    """Lower-cased words without ASCII punctuation and articles (`normalize_answer`, cut at white space):
    `"The Old-Bridge, 1871."` -> `["oldbridge", "1871"]`."""
    return _ARTICLE.sub(" ", text.lower().translate(_DROPPED)).split()


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the prediction has the words of any answer in the same order, else 0.0."""
    return float(any(words(prediction) == words(answer) for answer in answers))


def f1(prediction: str, answers: Sequence[str]) -> float:
    """Best over the answers of 2PR/(P+R) of the words that both hold, in any order, each as often as both do."""
    ours = words(prediction)
    best = 0.0
    for answer in answers:
        theirs = words(answer)
        common = sum((Counter(ours) & Counter(theirs)).values())
        if common:
            best = max(best, 2 * common / (len(ours) + len(theirs)))
    return best
