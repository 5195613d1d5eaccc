"""The numbers that Word shows before headings and list items: they stand nowhere in the text, only how to count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rag.parse.office import attribute, child, inside, is_on, number, tag

MOST_LEVELS = 9
_DIGITS, _LEGAL = "零一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖"
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
_CYCLES = {"ideographTraditional": "甲乙丙丁戊己庚辛壬癸", "ideographZodiac": "子丑寅卯辰巳午未申酉戌亥"}
_ENCLOSED = {
    "decimalEnclosedCircle": 0x2460, "decimalEnclosedCircleChinese": 0x2460, "decimalEnclosedParen": 0x2474,
    "decimalEnclosedFullstop": 0x2488, "ideographEnclosedCircle": 0x3280,
}  # fmt: skip
_RAISED = str.maketrans("0123456789ivxl", "⁰¹²³⁴⁵⁶⁷⁸⁹ⁱᵛˣˡ")
_SIGNS = {
    0xB7: "•", 0xA7: "▪", 0xD8: "➢", 0xFC: "✓", 0x6C: "●", 0x6E: "■", 0x75: "◆", 0x76: "❖", 0xA8: "☐", 0xA3: "☐",
    0xFE: "☑", 0x52: "☑", 0x53: "☒", 0xFD: "☒", 0x6F: "☐", 0xFB: "✗", 0xE0: "→", 0xE8: "→", 0xAE: "→", 0x71: "❑",
    0xB3: "≥", 0xA3 + 0x100: "≤",
}  # fmt: skip


def formatted(value: int, style: str) -> str:
    """A count as a number format of Word writes it; plain digits where the format is not known."""
    if style in {"chineseCounting", "chineseCountingThousand", "taiwaneseCounting", "taiwaneseCountingThousand",
                 "japaneseCounting", "ideographDigital", "taiwaneseDigital", "japaneseDigitalTenThousand"}:  # fmt: skip
        return _chinese(value, _DIGITS, "十百千")
    if style in {"chineseLegalSimplified", "ideographLegalTraditional", "japaneseLegal"}:
        return _chinese(value, _LEGAL, "拾佰仟")
    if style in {"lowerRoman", "upperRoman"} and 0 < value < 4000:
        roman = _roman(value)
        return roman.upper() if style == "upperRoman" else roman
    if style in {"lowerLetter", "upperLetter"} and 0 < value <= 780:
        letters = chr(97 + (value - 1) % 26) * ((value - 1) // 26 + 1)
        return letters.upper() if style == "upperLetter" else letters
    if style in _CYCLES and value > 0:
        return _CYCLES[style][(value - 1) % len(_CYCLES[style])]
    if style in _ENCLOSED and 0 < value <= (10 if style.startswith("ideo") else 20):
        return chr(_ENCLOSED[style] + value - 1)
    if style == "decimalZero":
        return f"{value:02d}"
    if style.startswith("decimalFullWidth"):
        return str(value).translate({48 + i: 0xFF10 + i for i in range(10)})
    if style == "ordinal":
        ending = "th" if value % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
        return f"{value}{ending}"
    return "" if style == "none" else str(value)


def raised(mark: str) -> str:
    """The mark of a note as it is shown, small and above the line: so that it never reads as a digit of the text."""
    return mark.translate(_RAISED) if re.fullmatch(r"\d+|[ivxl]+", mark) else mark if len(mark) == 1 else f"[{mark}]"


def sign(char: str, bullet: bool = False) -> str:
    """A character of a symbol font as one that every font has."""
    code = ord(char)
    if not 0xF000 <= code <= 0xF0FF:
        return char
    return _SIGNS.get(code & 0xFF, "•" if bullet else char)


def _roman(value: int) -> str:
    out = ""
    for size, letters in _ROMAN:
        out += letters * (value // size)
        value %= size
    return out


def _chinese(value: int, digits: str, units: str) -> str:
    if not 0 < value < 10_000:
        return str(value)
    out = ""
    for place in range(3, -1, -1):
        digit = value // 10**place % 10
        if digit:
            out += digits[digit] + (units[place - 1] if place else "")
        elif out and not out.endswith(digits[0]) and value % 10**place:
            out += digits[0]
    return out[1:] if 10 <= value < 20 and digits == _DIGITS else out


def read_numbering(root: Any, styles: Mapping[str, str]) -> Numbering:
    """`numbering.xml`; `styles` says which list (numId) a numbering style uses. An absent part numbers nothing."""
    kinds: dict[str, dict[int, Level]] = {}
    linked: dict[str, str] = {}
    lists: dict[str, ListKind] = {}
    for one in root if root is not None else ():
        if tag(one) == "abstractNum":
            key = attribute(one, "abstractNumId")
            kinds[key] = {number(attribute(lvl, "ilvl")): _level(lvl) for lvl in one if tag(lvl) == "lvl"}
            link = child(one, "numStyleLink")
            if link is not None:
                linked[key] = attribute(link, "val")
        elif tag(one) == "num":
            kind = attribute(child(one, "abstractNumId"), "val")
            starts, own = {}, {}
            for over in inside(one, "lvlOverride"):
                at = number(attribute(over, "ilvl"))
                start, lvl = child(over, "startOverride"), child(over, "lvl")
                if start is not None:
                    starts[at] = number(attribute(start, "val"), 1)
                if lvl is not None:
                    own[at] = _level(lvl)
            lists[attribute(one, "numId")] = ListKind(kind, starts, own)
    for key, style in linked.items():
        other = lists.get(styles.get(style, ""))
        if other and not kinds[key]:
            kinds[key] = kinds.get(other.kind, {})
    return Numbering(kinds, lists)


def _level(lvl: Any) -> Level:
    restart = child(lvl, "lvlRestart")
    return Level(
        start=number(attribute(child(lvl, "start"), "val", "1"), 1),
        style=attribute(child(lvl, "numFmt"), "val", "decimal"),
        text=attribute(child(lvl, "lvlText"), "val"),
        glued=attribute(child(lvl, "suff"), "val", "tab") == "nothing",
        digits=is_on(child(lvl, "isLgl")),
        keeps=restart is not None and attribute(restart, "val") == "0",
        picture=child(lvl, "lvlPicBulletId") is not None,
        paragraphs=attribute(child(lvl, "pStyle"), "val"),
    )


@dataclass(frozen=True, slots=True)
class Level:
    """How one level of a list counts."""

    start: int
    style: str
    text: str  # with %1 … %9 for the counts of the levels
    glued: bool  # nothing between the number and the text
    digits: bool  # all counts in plain digits
    keeps: bool  # goes on counting under a new parent
    picture: bool
    paragraphs: str  # the paragraph style that is numbered by it


@dataclass(frozen=True, slots=True)
class ListKind:
    """A list of the document: how it counts, and where it starts anew."""

    kind: str
    starts: Mapping[int, int]
    own: Mapping[int, Level]


@dataclass
class Numbering:
    """Counts while the document is read: `next` is called for each numbered paragraph, in order."""

    kinds: Mapping[str, Mapping[int, Level]]
    lists: Mapping[str, ListKind]
    counts: dict[str, list[int | None]] = field(default_factory=dict)
    begun: set[tuple[str, int]] = field(default_factory=set)

    def level_of(self, list_id: str, style: str) -> int | None:
        """The level that numbers the paragraphs of a style, None where the list does not say."""
        known = self.lists.get(list_id)
        levels = self.kinds.get(known.kind, {}) if known else {}
        return next((at for at, level in levels.items() if style and level.paragraphs == style), None)

    def next(self, list_id: str, at: int) -> str:
        """The number of the next paragraph with the space after it; "" where nothing is shown."""
        known = self.lists.get(list_id)
        if known is None:
            return ""
        levels = {**self.kinds.get(known.kind, {}), **known.own}
        at = min(max(at, 0), MOST_LEVELS - 1)
        level = levels.get(at)
        if level is None:
            return ""
        counts = self.counts.setdefault(known.kind, [None] * MOST_LEVELS)
        before = counts[at]
        if at in known.starts and (list_id, at) not in self.begun:
            counts[at] = known.starts[at]
        else:
            counts[at] = level.start if before is None else before + 1
        self.begun.add((list_id, at))
        for deeper in range(at + 1, MOST_LEVELS):
            if not (deeper in levels and levels[deeper].keeps):
                counts[deeper] = None
        if level.picture or (level.style == "bullet" and not level.text.strip()):
            return "• "
        if level.style == "bullet":
            return "".join(sign(char, bullet=True) for char in level.text.strip()) + " "
        shown = re.sub(r"%([1-9])", lambda found: self._count(int(found[1]) - 1, counts, levels, level), level.text)
        if not shown.strip():
            return ""
        return shown.strip() + ("" if level.glued or shown.rstrip()[-1] in "、）】。，" else " ")

    def _count(self, at: int, counts: list[int | None], levels: Mapping[int, Level], shown: Level) -> str:
        level = levels.get(at)
        value = counts[at]
        if value is None:  # a level above that has not been used yet shows its first number
            value = counts[at] = level.start if level else 1
        return formatted(value, "decimal" if shown.digits or level is None else level.style)
