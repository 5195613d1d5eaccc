"""How ordinary a token is in questions at large: what a small folder's own counts cannot tell."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

from rag.text.fold import is_han

_QUESTIONS = 10_000
_RARE = {True: 6.0, False: 25.0}  # what a token left out of the table counts as, per 10,000: Han bigrams, other tokens


@cache
def _frequencies() -> dict[str, int]:
    lines = files("rag.text").joinpath("background.tsv").read_text(encoding="utf-8").splitlines()
    return {token: int(count) for token, count in (line.split("\t") for line in lines if not line.startswith("#"))}


def rarity(token: str) -> float:
    """Inverse document frequency over questions, log(N / df): 0 for a token of every question, about 7 for a rare
    Chinese bigram, 6 for a rare word. Sparck Jones, Journal of Documentation 28 (1972)."""
    count = _frequencies().get(token, _RARE[is_han(token[0])])
    return math.log(_QUESTIONS / max(count, 1))
