"""When a gold string counts as present: equal after light folding. Not the product's own search keys, so that a fault
there cannot hide itself here; traditional and simplified characters stay different."""

from __future__ import annotations

import re
import unicodedata
from array import array
from functools import cache

_MARK = re.compile(r"\s?\[\d{1,3}\]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_WORD = re.compile(r"[^\W\u2e80-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]+")  # of a script that is written with spaces
_RUN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]+")
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


class Text:
    """A text and its folded form, each character of which knows where it comes from: gold that is written as people quote
    is found in the document as it stands."""

    def __init__(self, text: str) -> None:
        shown: list[tuple[str, int, int]] = []  # character folded, its origin's start and end
        start = 0
        while start < len(text):
            end = start + 1
            while end < len(text) and unicodedata.combining(text[end]):
                end += 1
            shown += [(c, start, end) for c in unicodedata.normalize("NFKC", text[start:end]).casefold()]
            start = end
        wide = "".join(c for c, _, _ in shown)
        gone = {found.start() for found in _THOUSANDS.finditer(wide)}
        shown = [part for at, part in enumerate(shown) if at not in gone]
        starts, ends = (
            array("L"),
            array("L"),
        )  # of each folded character's origin; tuples would take ten times the memory
        out: list[str] = []
        gap: list[tuple[str, int, int]] = []
        for character, start, end in shown:
            if _gap(character):
                gap.append((character, start, end))
                continue
            if gap and out and _spaced(out[-1]) and _spaced(character):
                number = len(gap) == 1 and gap[0][0] in ".:/-" and out[-1].isdigit() and character.isdigit()
                out.append(gap[0][0] if number else " ")
                starts.append(gap[0][1])
                ends.append(gap[0][2])
            gap = []
            out.append(character)
            starts.append(start)
            ends.append(end)
        self.folded = "".join(out)
        self._starts, self._ends = starts, ends

    def find(self, part: str) -> list[tuple[int, int]]:
        """(start, end) in the text as it stands of every occurrence of `part`, which is folded; those that cut a number
        or a Latin word in two only where there are no others."""
        whole: list[tuple[int, int]] = []
        cut: list[tuple[int, int]] = []
        at = self.folded.find(part) if part else -1
        while at >= 0:
            last = at + len(part) - 1
            fits = _whole(self.folded, at, part[0], -1) and _whole(self.folded, last, part[-1], 1)
            (whole if fits else cut).append((self._starts[at], self._ends[last]))
            at = self.folded.find(part, at + 1)
        return whole or cut


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


def words(text: str) -> set[str]:
    """The words of a text for counting what two share: where no spaces part them, pairs of characters."""
    key = folded(text)
    runs = _RUN.findall(key)
    return {*_WORD.findall(key), *(run[at : at + 2] for run in runs for at in range(max(1, len(run) - 1)))}


def bigrams(text: str) -> set[str]:
    """Pairs of neighbouring characters of the folded text."""
    key = folded(text).replace(" ", "")
    return {key[at : at + 2] for at in range(len(key) - 1)}
