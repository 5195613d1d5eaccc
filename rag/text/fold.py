"""Search keys: text folded so that writings of the same thing compare equal. Keys are never shown; every folded
character knows the place in the original that it came from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

_QUOTES = {ord(c): '"' for c in "“”„‟«»「」『』＂"} | {ord(c): "'" for c in "‘’‚‛＇`´"}


_AT_ONCE = 64  # characters: of all in one call 5 MB stay with the process


@cache
def _simplified() -> dict[int, str]:
    """Traditional -> simplified, one character to one, from OpenCC's t2s table (built once, ~10 ms)."""
    from opencc import OpenCC

    convert = OpenCC("t2s").convert
    table: dict[int, str] = {}
    for start in (*range(0x3400, 0x4DC0, _AT_ONCE), *range(0x4E00, 0xA000, _AT_ONCE), *range(0xF900, 0xFB00, _AT_ONCE)):
        characters = list(map(chr, range(start, start + _AT_ONCE)))
        # Over separate lines each character is alone, so that no phrase rule applies.
        converted = convert("\n".join(characters)).split("\n")
        table |= {ord(a): b for a, b in zip(characters, converted, strict=True) if a != b and len(b) == 1}
    return table | {ord("妳"): "你", ord("臺"): "台", ord("麽"): "么"}


@cache
def _fold_character(character: str) -> str:
    folded = unicodedata.normalize("NFKC", character).casefold()
    return folded.translate(_QUOTES).translate(_simplified())


_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]+")
_WEEKDAY = re.compile(r"(?:星期|[礼禮]拜|[周週])(?=(?P<day>[一二三四五六日天几幾]))")


def fold(text: str) -> str:
    """Width, case, script, quotation marks and the names of weekdays folded: `fold("２００個ＡＰＰ") == "200个app"`,
    `fold("星期天") == fold("周日")`."""
    return "".join(_folded(text))


def _folded(text: str) -> list[str]:
    """What each character of a text becomes."""
    out = list(map(_fold_character, text))
    for match in _WEEKDAY.finditer(text):
        if match.end() - match.start() == 2:
            out[match.start() : match.end()] = ["周", ""]
        if match["day"] == "天":
            out[match.end()] = "日"
    return out


def fold_map(text: str) -> tuple[str, list[int]]:
    """`fold(text)` and, for each of its characters, the index in `text` that it came from; one more entry, len(text),
    closes the list. `unfold` turns a span of the folded text into one of the original."""
    pieces = _folded(text)
    whole = "".join(pieces)
    if len(whole) == len(pieces) and "" not in pieces:  # one character each, as nearly always: nothing moves
        return whole, list(range(len(pieces) + 1))
    out: list[str] = []
    at: list[int] = []
    for index, folded in enumerate(pieces):
        out.append(folded)
        at.extend([index] * len(folded))
    at.append(len(text))
    return "".join(out), at


def unfold(at: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """The original span of `folded[start:end]`, start < end, by the map of `fold_map`: whole characters and words, since
    one original may fold to several (㍿ -> 株式会社) and two to one (星期 -> 周)."""
    return at[start], max(at[end - 1] + 1, at[end])


def writable(text: str) -> str:
    """The text with lone surrogates, which no encoding and no tokenizer takes, as question marks: as long as it was."""
    return text.encode("utf-8", "replace").decode("utf-8")


def language(text: str) -> str:
    """ "zh", "zh-Hant" or "en": the language to answer in. Any Han character makes it Chinese unless Latin words
    outnumber them clearly; a character that only traditional text uses makes it traditional."""
    han = [c for c in text if is_han(c)]
    latin = sum(
        1 for word in text.split() if any(c.isascii() and c.isalpha() for c in word) and not any(map(is_han, word))
    )
    if not han or latin > 2 * len(han):
        return "en"
    table = _simplified()
    return "zh-Hant" if any(ord(c) in table for c in han) else "zh"


def is_chinese(text: str) -> bool:
    """Whether more than a quarter of a text's characters are Han: a language without blanks says more in fewer."""
    return sum(map(len, _HAN.findall(text))) * 4 > len(text)


def is_han(character: str) -> bool:
    code = ord(character)
    return (
        0x3400 <= code <= 0x4DBF or 0x4E00 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x323AF
    )
