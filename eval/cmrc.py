"""Exact match and F1 of a short answer by the character rules of CMRC 2018.

Source: Cui et al., "A Span-Extraction Dataset for Chinese Machine Reading Comprehension", EMNLP-IJCNLP 2019, and its
official script `cmrc2018_evaluate.py`. Two habits of that script are kept although they look odd: the list of removed
punctuation names "……", which its test of single characters never meets, so "…" stays; and F1 counts the longest common
*substring* of segments, not the common subsequence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_HAN = re.compile(r"[\u4e00-\u9fa5]")


def mixed_segmentation(text: str) -> list[str]:
    """Lower-cased segments of a text without punctuation: each Han character alone, everything else as English words.
    Punctuation ends no word (the script drops it before it could): `"e-mail地址"` -> `["email", "地", "址"]`."""
    segments: list[str] = []
    run = ""
    for character in text.lower().strip():
        if character in _PUNCTUATION:
            continue
        if _HAN.search(character):
            segments.extend(word_tokenize(run))
            segments.append(character)
            run = ""
        else:
            run += character
    return segments + word_tokenize(run)


def remove_punctuation(text: str) -> str:
    """Lower-cased text without the listed punctuation; spaces inside stay, as in the official script."""
    return "".join(character for character in text.lower().strip() if character not in _PUNCTUATION)


def longest_common(left: Sequence[str], right: Sequence[str]) -> int:
    """Length of the longest run of segments that both share (contiguous in both)."""
    best = 0
    previous = [0] * (len(right) + 1)
    for item in left:
        row = [0] * (len(right) + 1)
        for j, other in enumerate(right, 1):
            if item == other:
                row[j] = previous[j - 1] + 1
                best = max(best, row[j])
        previous = row
    return best


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the prediction equals any answer without punctuation and case, else 0.0 (`calc_em_score`)."""
    return float(any(remove_punctuation(answer) == remove_punctuation(prediction) for answer in answers))


def f1(prediction: str, answers: Sequence[str]) -> float:
    """Best over the answers of 2PR/(P+R), where the longest common run of segments over the prediction's segments is P
    and over the answer's is R (`calc_f1_score`); 0.0 where nothing is shared."""
    predicted = mixed_segmentation(prediction)
    best = 0.0
    for answer in answers:
        gold = mixed_segmentation(answer)
        common = longest_common(gold, predicted)
        if common:
            precision, recall = common / len(predicted), common / len(gold)
            best = max(best, 2 * precision * recall / (precision + recall))
    return best


# The script cuts non-Chinese runs with NLTK's `word_tokenize`. NLTK and its downloaded Punkt data are not needed for
# that: these are the rules of `NLTKWordTokenizer` (Penn Treebank, Apache-2.0, https://www.nltk.org), in its order.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"([«“‘„]|[`]+)", r" \1 "),
        (r"^\"", r"``"),
        (r"(``)", r" \1 "),
        (r"([ \(\[{<])(\"|\'{2})", r"\1 `` "),
        (r"(?i)(?<!\w)(\')(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)", r"\1 "),
        (r'([^\.])(\.)([\]\)}>"\'»”’ ]*)\s*$', r"\1 \2 \3 "),
        (r"([:,])([^\d])", r" \1 \2"),
        (r"([:,])$", r" \1 "),
        (r"\.{2,}", r" \g<0> "),
        (r"[;@#$%&]", r" \g<0> "),
        (r"[\u2012-\u2015]", r" \g<0> "),
        (r'([^\.])(\.)([\]\)}>"\']*)\s*$', r"\1 \2\3 "),
        (r"[?!]", r" \g<0> "),
        (r"([^'])' ", r"\1 ' "),
        (r"[*]", r" \g<0> "),
        (r"[\]\[\(\)\{\}\<\>]", r" \g<0> "),
        (r"--", r" -- "),
        (r"^|$", " "),
        (r"([»”’])", r" \1 "),
        (r"''", " '' "),
        (r'"', " '' "),
        (r"\s+", " "),
        (r"([^' ])('[sS]|'[mM]|'[dD]|') ", r"\1 \2 "),
        (r"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", r"\1 \2 "),
        (r"(?i)\b(can)(not)\b", r" \1 \2 "),
        (r"(?i)\b(d)('ye)\b", r" \1 \2 "),
        (r"(?i)\b(gim)(me)\b", r" \1 \2 "),
        (r"(?i)\b(gon)(na)\b", r" \1 \2 "),
        (r"(?i)\b(got)(ta)\b", r" \1 \2 "),
        (r"(?i)\b(lem)(me)\b", r" \1 \2 "),
        (r"(?i)\b(more)('n)\b", r" \1 \2 "),
        (r"(?i)\b(wan)(na)(?=\s)", r" \1 \2 "),
        (r"(?i) ('t)(is)\b", r" \1 \2 "),
        (r"(?i) ('t)(was)\b", r" \1 \2 "),
    )
)
_SENTENCE_END = re.compile(r"(?<=[^\W\d_][^\W_][.])\s+|(?<=\d[.])\s+|(?<=[?!])\s+|(?<=[)%\"'][.])\s+")


def word_tokenize(text: str) -> list[str]:
    """English words and signs of a text, as NLTK's `word_tokenize` cuts them: `"$3.88 in New York."` ->
    `["$", "3.88", "in", "new", "york", "."]` for lower-cased input.

    NLTK first divides into sentences by a trained model; here a sentence ends at `.`, `?`, `!` before a space unless a
    single letter comes before the period. They differ after abbreviations ("dr. king") only, by one segment.
    """
    words: list[str] = []
    for sentence in _SENTENCE_END.split(text):
        for rule, by in _RULES:
            sentence = rule.sub(by, sentence)
        words.extend(sentence.split())
    return words
