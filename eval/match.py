"""When a gold string counts as present: equal after light folding. Not the product's own search keys, so that a fault
there cannot hide itself here; traditional and simplified characters stay different."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_MARK = re.compile(r"\s?\[\d{1,3}\]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_KEPT = frozenset("%‰‱#&@")  # punctuation by Unicode, but 25 is not 25%


@cache
def _gap(character: str) -> bool:
    return character.isspace() or (unicodedata.category(character)[0] in "PZC" and character not in _KEPT)


@cache
def _spaced(character: str) -> bool:
    """Of a script that is written with spaces between words: letters and digits, but not Han, kana and the like."""
    return character.isalnum() and unicodedata.category(character) != "Lo"


def plain(markdown: str) -> str:
    """The answer's text without `[n]` marks and bold markers: what a person reads of it."""
    return _MARK.sub("", markdown).replace("**", "").strip()


def folded(text: str) -> str:
    """Width, case, whitespace and punctuation folded: `folded("１００ 余个，“学习强国”") == "100余个学习强国"`.

    Where a gap stood between two words or numbers one space remains, and `.`, `:`, `/`, `-` inside a number stay
    (13.23, 2023-10-10), so that different numbers never become equal. Thousands separators go.
    """
    text = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).casefold())
    out: list[str] = []
    gap = ""
    for character in text:
        if _gap(character):
            gap += character
            continue
        if gap and out and _spaced(out[-1]) and _spaced(character):
            number = len(gap) == 1 and gap in ".:/-" and out[-1].isdigit() and character.isdigit()
            out.append(gap if number else " ")
        gap = ""
        out.append(character)
    return "".join(out)


def holds(text: str, part: str) -> bool:
    """Whether `part` occurs in `text`, both already folded, without cutting a number or a Latin word in two:
    "3" is not in "13" or "3.5", "ai" is not in "said", "100" is in "100余个"."""
    at = text.find(part) if part else -1
    while at >= 0:
        if _whole(text, at, part[0], -1) and _whole(text, at + len(part) - 1, part[-1], 1):
            return True
        at = text.find(part, at + 1)
    return False


def _whole(text: str, at: int, edge: str, step: int) -> bool:
    """Whether the character beyond `text[at]` (in direction `step`) does not go on with the same number or word."""
    beyond = at + step
    if not 0 <= beyond < len(text) or not _spaced(edge):
        return True
    neighbour = text[beyond]
    if edge.isdigit():
        decimal = neighbour == "." and 0 <= beyond + step < len(text) and text[beyond + step].isdigit()
        return not (neighbour.isdigit() or decimal)
    return not (_spaced(neighbour) and not neighbour.isdigit())


def bears(passage: str, evidence: str) -> bool:
    """Whether a passage bears a quote, both folded: it holds it, or at least half of it where the quote runs over the
    passage's edge (a quote of several sentences may be cut between two passages)."""
    if holds(passage, evidence):
        return True
    half = max(1, (len(evidence) + 1) // 2)
    lengths = range(half, min(len(evidence), len(passage) + 1))
    return any(passage.endswith(evidence[:n]) or passage.startswith(evidence[-n:]) for n in lengths)
