"""How a Han character is read, and which stretches are phrases: pypinyin's data without pypinyin.

To import pypinyin takes up to 0.4 s and holds 55 MB for good: every phrase with all its readings, twice. A question needs far
less, the commonest toneless reading of a character and whether a stretch is in the list, and finds it here in 1 MB:
readings as small numbers by code point, phrases of one length as one sorted string. They are read from the package's own
files, as bytes: to parse those as JSON makes a quarter of a million objects, and memory once in pieces is not all given back.
The package itself stays as whoever imports it has it; it is imported here only where its files are not as expected.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

LONGEST = 6
"""Characters of a phrase; 230 are longer, and left out."""
_READING = re.compile(rb'"(\d+)"\s*:\s*"([^",]+)')  # "22899": "hǎo,hào": the commonest first
_PHRASE = re.compile(rb'"([^"]+)"\s*:\s*\[')  # "一丁点儿": [["yī"], …]
_TONES = re.compile("[\u0300\u0301\u0304\u030c]")  # grave, acute, macron, caron; ü and ê keep what is theirs


def reading(character: str) -> str:
    """The commonest reading of one Han character without its tone, "nv" for 女; "" for what has none."""
    syllables, table = _readings()
    code = ord(character)
    return syllables[table[code]] if code < len(table) else ""


def is_phrase(stretch: str) -> bool:
    """Whether it is one of the list's 47,000 phrases of at most LONGEST characters."""
    size = len(stretch)
    same = _phrases().get(size)
    if same is None:
        return False
    at = size * bisect_left(range(len(same) // size), stretch, key=lambda i: same[size * i : size * (i + 1)])
    return same[at : at + size] == stretch


@cache
def _readings() -> tuple[tuple[str, ...], array[int]]:
    """The syllables, "" the first, and for each code point the place of its own among them."""
    places = {"": 0}
    known: dict[str, int] = {}  # with their tones: a few of one for each of the others
    table = array("H")
    for code, toned in _of_characters():
        place = known.get(toned)
        if place is None:
            place = known[toned] = places.setdefault(_toneless(toned), len(places))
        if code >= len(table):
            table.frombytes(bytes(table.itemsize * (code + 1 - len(table))))
        table[code] = place
    return tuple(places), table


@cache
def _phrases() -> dict[int, str]:
    """Of each length its phrases in order, run together."""
    told = _listed()
    return {size: "".join(sorted(re.findall(rf"^.{{{size}}}$", told, re.M))) for size in range(2, LONGEST + 1)}


def _toneless(toned: str) -> str:
    bare = _TONES.sub("", unicodedata.normalize("NFD", toned))
    return unicodedata.normalize("NFC", bare).replace("ü", "v")


def _of_characters() -> Iterator[tuple[int, str]]:
    """Code points and their commonest readings with tones, in any order."""
    found = False
    for match in _READING.finditer(_file("pinyin_dict.json")):
        found = True
        yield int(match[1]), match[2].decode()
    if not found:
        from pypinyin.constants import PINYIN_DICT

        yield from ((code, toned.partition(",")[0]) for code, toned in PINYIN_DICT.items())


def _listed() -> str:
    """All phrases, each in a line."""
    told = bytearray()
    for match in _PHRASE.finditer(_file("phrases_dict.json")):
        told += match[1] + b"\n"
    if told:
        return told.decode()
    from pypinyin.constants import PHRASES_DICT

    return "\n".join(PHRASES_DICT)


def _file(name: str) -> bytes:
    """One of the package's files; empty where it has no such file, or one with escapes, which the patterns cannot read."""
    with suppress(OSError, ValueError, ImportError):
        found = find_spec("pypinyin")
        for folder in (found and found.submodule_search_locations) or ():
            told = Path(folder, name).read_bytes()
            return b"" if b"\\" in told else told
    return b""
