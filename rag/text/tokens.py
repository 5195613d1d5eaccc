"""Tokens for the lexical index and for coverage: Chinese bigrams, Latin words, numbers, all over folded text.

No dictionary: a segmenter's mistakes differ between question and passage, bigrams do not. (On XQuAD-zh character
bigrams with BM25 reach R@1 .92.)
"""

from __future__ import annotations

import re
from operator import add

from rag.text.fold import fold_map
from rag.text.numerals import keys_of

_RUN = re.compile(
    r"(?P<number>\d+(?:[.,:/-]\d+)*)"
    r"|(?P<latin>[^\W\d_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]+(?:['’][^\W\d_]+)?)"
    r"|(?P<han>[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]+)"
)

# Words of a question or a sentence that carry no subject. English only: Chinese function characters are handled by
# weighting bigrams by rarity.
ENGLISH_STOPS = frozenset(
    """a an and are as at be been by can could did do does for from had has have how i if in into is it its many me
    much of on or our she he so some than that the their them then there these they this those to us was we were what
    when where which who whom whose why will with would you your about any also tell please""".split()
)


def tokens(text: str) -> list[str]:
    """Tokens of any text, in order: "打造2个AI小站" -> ["打造", "2", "个", "ai", "小站"].

    A run of one Han character stands alone, a longer one gives its overlapping bigrams. Thousands separators are
    dropped from numbers; English words lose a plural or possessive s. Values of numbers and dates come last, as keys
    that are equal however they are written: "三千万次" and "3000万次" both give "n:3e+07".
    """
    folded, at = fold_map(text)
    return plain_tokens(folded) + keys_of(text, folded, at)


def plain_tokens(folded: str) -> list[str]:
    """`tokens` of a text that is folded already, without the keys of its numbers and dates."""
    found: list[str] = []
    for match in _RUN.finditer(folded):
        run = match.group()
        if match.lastgroup == "number":
            found.append(_plain(run))
        elif match.lastgroup == "latin":
            found.append(stem(run))
        elif len(run) == 1:
            found.append(run)
        else:
            found += map(add, run, run[1:])
    return found


def _plain(number: str) -> str:
    return number.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", number) else number


def stem(word: str) -> str:
    """A light English stem (Harman's S-stemmer, JASIS 1991): plural and possessive only, so that names survive."""
    word = re.sub(r"['’]s?$", "", word)
    if len(word) > 4 and word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith("es") and not word.endswith(("aes", "ees", "oes", "ses", "xes", "ches", "shes")):
        return word[:-1]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("us", "ss", "is")):
        return word[:-1]
    return word


def content_tokens(text: str) -> list[str]:
    """`tokens` without English function words."""
    return [token for token in tokens(text) if token not in ENGLISH_STOPS]
