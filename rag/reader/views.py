"""Texts prepared for comparison with a question. One question looks at some seventy of them, most of them for the first and
last time: nothing of a text is worked out before it is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rag.text import Date, Number, fold, is_han
from rag.text.numerals import dates_at, numbers_at
from rag.text.sound import blurred, romanised
from rag.text.tokens import plain_tokens

_RUN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]+")  # as `tokens` cuts in pairs
_GAP = "|"  # what stands between two sounds that are not neighbours


class _Sounds(dict[str, str]):
    """The blurred sound of a character, `_GAP` for what has none; each is worked out once."""

    def __missing__(self, character: str) -> str:
        sound = self[character] = blurred(character) or _GAP
        return sound


_SOUNDS = _Sounds()


class View:
    """One text as it is compared: folded, its words, its sounds, its numbers and dates."""

    def __init__(self, folded: str) -> None:
        self.folded = folded

    @staticmethod
    def joined(views: Iterable[View]) -> View:
        """The view of texts that stand in lines of their own."""
        return View("\n".join(seen.folded for seen in views))

    @cached_property
    def words(self) -> frozenset[str]:
        """Its tokens but for those of Han and kana, which are found in `folded` itself."""
        return frozenset(token for token in plain_tokens(self.folded) if not _RUN.match(token))

    @cached_property
    def sounds(self) -> str:
        """What each character sounds like, blurred, between blanks: " zi hui | xue ". A tenth of the memory that a set of
        the pairs would take."""
        return f" {' '.join(map(_SOUNDS.__getitem__, self.folded))} "

    @cached_property
    def spelt(self) -> str:
        """Its Han characters as pinyin run together."""
        return romanised(self.folded)

    @cached_property
    def letters(self) -> str:
        """Its Latin letters run together."""
        return "".join(c for c in self.folded if c.isascii() and c.isalpha())

    @cached_property
    def numbers(self) -> tuple[Number, ...]:
        return tuple(numbers_at(self.folded, self.folded, range(len(self.folded) + 1), self.dates))

    @cached_property
    def dates(self) -> tuple[Date, ...]:
        return tuple(dates_at(self.folded, self.folded, range(len(self.folded) + 1)))

    def holds(self, token: str) -> bool:
        """Whether it is one of the text's tokens (`rag.text.tokens`)."""
        if not _form(token).run:
            return token in self.words
        if len(token) > 1:
            return token in self.folded
        return token in self.folded and any(run == token for run in _RUN.findall(self.folded))

    def sounds_like(self, pair: str) -> bool:
        """Whether two neighbouring characters sound so: "zi hui"."""
        return f" {pair} " in self.sounds


@lru_cache(maxsize=512)  # what some ten questions look at: 2,048 found few more again, and held 3 MB more
def view(text: str) -> View:
    return View(fold(text))


@dataclass(frozen=True, slots=True)
class _Form:
    """What a token is: `run`, of Han or kana; `han`, begins with a Han character; `pair`, its two sounds, "" without."""

    run: bool
    han: bool
    pair: str


@lru_cache(maxsize=4096)
def _form(token: str) -> _Form:
    han = is_han(token[0])
    sounds = [blurred(character) for character in token] if han and len(token) == 2 else []
    return _Form(bool(_RUN.match(token)), han, " ".join(sounds) if all(sounds) else "")


def degree(token: str, seen: View) -> float:
    """How much of a token a text has: 1 verbatim, 0.8 by sound (智惠 for 智慧, Qinglang for 清朗), 0.25 where the two
    characters of a bigram stand apart (建了多少小站 against 配建)."""
    form = _form(token)
    if form.han:
        if token in seen.folded:
            return 1.0
        if len(token) == 1:
            return 0.0
        apart = token[0] in seen.folded and token[1] in seen.folded
        if form.pair and seen.sounds_like(form.pair):
            return 0.8
        return 0.25 if apart else 0.0
    if seen.holds(token):
        return 1.0
    if len(token) > 4 and any(word.startswith(token[:-1]) for word in seen.words):
        return 0.8
    return 0.8 if len(token) > 4 and token.isascii() and token in seen.spelt else 0.0
