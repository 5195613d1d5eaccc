"""What a spreadsheet shows for a stored value: number formats as office programs read them.

0.253 as 0.0% → 25.3%      1234.5 as #,##0.00 → 1,234.50      45356 as yyyy"年"m"月" → 2024年3月
"""

from __future__ import annotations

import datetime as dt
import math
import operator
import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache

LONGEST = 255  # characters of a format; office programs allow no more
_GENERAL = 11  # significant digits of the format General

_TOKEN = re.compile(
    r"""(?P<quoted>"[^"]*"?)|[\\!](?P<escaped>.)|(?P<skip>[_*].)|\[\$(?P<sign>[^\]-]*)[^\]]*\]|\[(?P<span>h+|m+|s+)\]
    |(?P<bracket>\[[^\]]*\])|(?P<noon>AM/PM|A/P|上午/下午)|(?P<exp>E[+-]0+)|(?P<general>General|G/通用格式)
    |(?P<date>y+|m+|d+|h+|s+|e+|a{3,4}|\.0+(?=$|[^0#?]))|(?P<any>.)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_WHEN = re.compile(r"\[(<=|>=|<>|<|>|=)(-?\d+(?:\.\d+)?)\]")
_LOCAL = {"mm-dd-yy": "yyyy-mm-dd", "m/d/yy": "yyyy-mm-dd", "m/d/yy h:mm": "yyyy-mm-dd hh:mm"}
"""Formats that every machine shows in its own way: the way that reads the same everywhere."""
_WEEK = "一二三四五六日"

Token = tuple[str, str]
Moment = dt.datetime | dt.date | dt.time | dt.timedelta


def shown(value: object, code: str) -> str:
    """The text of a cell that holds `value` under the number format `code`. Never raises."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (dt.datetime, dt.date, dt.time, dt.timedelta)):
        return _moment(value, _LOCAL.get(code, code) if len(code) <= LONGEST else "")
    if isinstance(value, (int, float)):
        return general(value) if code == "General" else _number(value, code if len(code) <= LONGEST else "General")
    return str(value)


def general(value: float) -> str:
    """A number as the format General shows it: no noise of binary fractions, whole numbers with all their digits."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e16):
        return str(int(value))
    return f"{value:.{_GENERAL}g}".replace("e", "E") if math.isfinite(value) else str(value)


@lru_cache(maxsize=1024)
def _sections(code: str) -> tuple[tuple[Token, ...], ...]:
    found: list[list[Token]] = [[]]
    for match in _TOKEN.finditer(code):
        kind = match.lastgroup or "any"
        text = match.group(kind)
        if kind == "any" and text == ";":
            found.append([])
        elif kind == "quoted":
            found[-1].append(("text", text.strip('"')))
        elif kind in {"escaped", "sign"}:
            found[-1].append(("text", text))
        elif kind != "skip":
            found[-1].append((kind, text))
    return tuple(tuple(section) for section in found)


def _number(value: float, code: str) -> str:
    if abs(value) > 1e300 or not math.isfinite(value):
        return str(value)
    sections = _sections(code)
    tokens, bare = _chosen(sections[:3], value)
    if not tokens and len(sections) == 1:
        return general(value)
    digits = [text for kind, text in tokens if kind == "any" or (kind == "date" and text[0] == ".")]
    if not any(c in "0#?" for text in digits for c in text):
        literal = "".join(_literal(token) for token in tokens)
        told = general(abs(value) if bare else value)
        return literal.replace("\0", told) if "\0" in literal else literal if len(sections) > 1 else told
    amount = Decimal(repr(value))
    with localcontext() as context:
        context.prec = 700
        told = _filled(tokens, abs(amount))
    return told if bare or amount >= 0 or not any(c in "123456789" for c in told) else f"-{told}"


def _chosen(sections: tuple[tuple[Token, ...], ...], value: float) -> tuple[tuple[Token, ...], bool]:
    """The section for a value, and whether it shows the sign by itself."""
    tests = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
    conditional = False
    for index, section in enumerate(sections):
        said = next((m for kind, text in section if kind == "bracket" and (m := _WHEN.fullmatch(text))), None)
        conditional = conditional or said is not None
        limit = float(said.group(2)) if said else 0.0
        if said is None and conditional:
            return section, False
        if said is not None and tests.get(said.group(1), operator.ne)(value, limit):
            return section, index > 0 and value < 0
    if conditional or len(sections) == 1:
        return sections[0], False
    if value < 0:
        return sections[1], True
    return sections[2 if value == 0 and len(sections) > 2 else 0], False


def _literal(token: Token) -> str:
    kind, text = token
    return "\0" if kind == "general" else "" if kind in {"bracket", "exp"} else text if text not in {"@", ","} else ""


def _filled(tokens: tuple[Token, ...], amount: Decimal) -> str:
    """A pattern of 0 # ? , . % E and literals filled with the digits of an amount that is not negative."""
    flat: list[Token] = []
    for kind, text in tokens:
        flat += [("any", c) for c in text] if kind == "date" and text[0] == "." else [(kind, text)]
    places = [i for i, (kind, text) in enumerate(flat) if kind == "any" and text in "0#?"]
    first, last = places[0], places[-1]
    power = next((text for kind, text in flat if kind == "exp"), "")
    slash = next((i for i, token in enumerate(flat) if token == ("any", "/")), -1)
    amount *= 100 ** sum(token == ("any", "%") for token in flat)
    if slash > first and slash < len(flat) - 1:
        return _fraction(flat, amount, slash)
    trailing = 0
    while last + 1 + trailing < len(flat) and flat[last + 1 + trailing] == ("any", ","):
        trailing += 1
    amount /= 1000**trailing
    point = next((i for i, token in enumerate(flat) if token == ("any", ".") and first <= i + 1), len(flat))
    whole, part = [i for i in places if i < point], [i for i in places if i > point]
    shift = amount.adjusted() if power and amount else 0
    amount = amount.scaleb(-shift)
    amount = amount.quantize(Decimal(1).scaleb(-len(part)), rounding=ROUND_HALF_UP)
    head, _, tail = f"{amount:f}".partition(".")
    required = [n for n, i in enumerate(part) if flat[i][1] != "#"]
    kept = tail.rstrip("0") if not required else tail[: max(required[-1] + 1, len(tail.rstrip("0")))]
    head = head.lstrip("0").rjust(sum(flat[i][1] == "0" for i in whole), "0")
    commas = any(token == ("any", ",") for token in flat[first:last]) and whole
    out: list[str] = []
    left = len(head)
    for index in range(len(flat) - 1, -1, -1):
        kind, text = flat[index]
        if index in whole:
            take = left if index == whole[0] else min(1, left)
            for c in reversed(head[left - take : left]):
                passed = len(head) - left
                if commas and passed and passed % 3 == 0:
                    out.append(",")
                out.append(c)
                left -= 1
        elif index in part:
            out.append(kept[part.index(index) : part.index(index) + 1])
        elif index == point:
            out.append("." if kept else "")
            out += [] if whole else list(reversed(head))
        elif kind == "exp":
            sign = "-" if shift < 0 else "+" if text[1] == "+" else ""
            out.append(f"E{sign}{abs(shift):0{len(text) - 2}d}")
        else:
            out.append(_literal((kind, text)))
    return "".join(reversed(out)).strip()


def _fraction(flat: list[Token], amount: Decimal, slash: int) -> str:
    most = "".join(text for kind, text in flat[slash + 1 :] if kind == "any" and text in "0#?123456789")
    value = Fraction(amount)
    if most.isdigit() and int(most):
        near = Fraction(round(value * int(most)), int(most))
    else:
        near = value.limit_denominator(10 ** min(len(most), 6) - 1 or 1)
    whole, rest = divmod(near, 1)
    if not rest:
        return str(whole)
    return f"{whole} {rest}" if whole else str(rest)


@lru_cache(maxsize=8192)
def _moment(value: Moment, code: str) -> str:
    tokens = _sections(code)[0]
    dates = [i for i, (kind, _) in enumerate(tokens) if kind in {"date", "span"}]
    if isinstance(value, dt.timedelta) or not dates:
        return _plain(value)
    half = any(kind == "noon" for kind, _ in tokens)
    out: list[str] = []
    for index, (kind, text) in enumerate(tokens):
        if kind == "noon":
            hour = getattr(value, "hour", 0)
            out.append(("上午", "下午")[hour >= 12] if text.startswith("上") else ("AM", "PM")[hour >= 12])
        elif kind == "date":
            near = [tokens[i][1][0].lower() for i in dates if i != index]
            place = dates.index(index)
            minute = text[0] in "mM" and (
                (place > 0 and near[place - 1] == "h") or (place < len(near) and near[place] == "s")
            )
            out.append(_part(value, "min" if minute else text.lower(), len(text), half))
        elif kind not in {"bracket", "span"}:
            out.append("" if text == "@" else text)
    told = "".join(out).strip()
    return told if any(c.isdigit() for c in told) else _plain(value)


def _part(value: dt.datetime | dt.date | dt.time, text: str, size: int, half: bool) -> str:
    hour, minute, second = (getattr(value, name, 0) for name in ("hour", "minute", "second"))
    if text == "min":
        return f"{minute:02d}" if size > 1 else str(minute)
    if text[0] == "h":
        hour = (hour % 12 or 12) if half else hour
        return f"{hour:02d}" if size > 1 else str(hour)
    if text[0] == "s":
        return f"{second:02d}" if size > 1 else str(second)
    if text[0] == ".":
        return f".{getattr(value, 'microsecond', 0):06d}"[:size]
    if isinstance(value, dt.time):
        return ""
    if text[0] in "ye":
        return f"{value.year % 100:02d}" if size == 2 and text[0] == "y" else f"{value.year:04d}"
    if text[0] == "a":
        return ("星期" if size > 3 else "") + _WEEK[value.weekday()]
    number = value.month if text[0] == "m" else value.day
    if size > 2:
        name = value.strftime("%B" if text[0] == "m" else "%A")
        return name if size == 4 else name[: 1 if size > 4 else 3]
    return f"{number:02d}" if size > 1 else str(number)


def _plain(value: Moment) -> str:
    if isinstance(value, dt.timedelta):
        seconds = round(value.total_seconds())
        sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if isinstance(value, dt.datetime):
        whole = (value.hour, value.minute, value.second) == (0, 0, 0)
        return value.date().isoformat() if whole else value.isoformat(" ", "seconds")
    return value.isoformat()
