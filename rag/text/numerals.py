"""Numbers and dates as they stand in text, with what they mean: "三千万人次" and "3000万人次" have one value and one unit.

Values make search keys ("n:30000000", "d:10-10") and let an answer be checked against a number in the question; what is
shown is always the span as written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.text.fold import fold_map, unfold

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "壹": 1, "贰": 2, "叁": 3, "肆": 4}
_SMALL = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
_LARGE = {"万": 10**4, "亿": 10**8, "兆": 10**12}
_ENGLISH = {
    w: i
    for i, w in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
        " eighteen nineteen twenty".split()
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SCALE = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}

# Measure words and units that may follow a number; the longest match is taken.
UNITS = tuple(
    sorted(
        """个 名 位 人 人次 余人 次 次数 场 场次 期 篇 家 项 件 部 条 座 所 站 届 年 月 日 天 周 周年 世纪 年代 小时 个小时 分钟
        秒 秒钟 岁 元 块 块钱 角 美元 欧元 日元 英镑 港元 人民币 台币 新台币 公里 千米 英里 里 米 厘米 毫米 平方公里 平方千米
        平方米 立方米 公顷 英亩 亩 吨 公吨 公斤 千克 斤 克 毫克 升 毫升 度 摄氏度 倍 级 层 楼 种 类 款 台 辆 架 艘 只 头 匹 张
        把 支 枝 套 本 册 卷 页 章 节 字 词 门 间 处 片 颗 粒 根 株 棵 组 批 队 班 轮 局 分 票 席 户 口 股 枚 发 艘次 架次 班次 车次
        列 节 站点 时 点 点钟 刻 星期 个月 季 季度 季节 瓦 千瓦 兆瓦 伏 赫兹 核 像素 英寸 字节 篇(个) 篇（个） 个百分点 百分点
        步 句 段 首 幅 盘 杯 勺 匙 瓣 滴 碗 袋 包 箱 瓶 道 集 折 成 胎 代 号 号线 路 环 圈 声 眼 顿 趟 回 遍 场比赛 岁数
        个人 个月 个国家 國 院 校 系 县 市 省 区 镇 村 国 州 岛 湖 河 族""".split(),
        key=len,
        reverse=True,
    )
)
_LOOSE = frozenset("国州岛湖河族院校系县市省区镇村路环圈声眼代成道集折口门")  # 三国, 四代, 五环: words, not counts
_UNIT = "|".join(map(re.escape, UNITS))
_LATIN_UNIT = (
    r"%|‰|℃|°c|km/h|kph|mph|km2|km|cm|mm|kg|mg|ml|gb|mb|kb|tb|ghz|mhz|hz|kw|mw|m|g|l|"
    r"percent|per cent|people|persons|years?|months?|weeks?|days?|hours?|minutes?|seconds?|miles?|feet|foot|inches|"
    r"kilomet(?:er|re)s?|met(?:er|re)s?|centimet(?:er|re)s?|kilograms?|grams?|(?:kilo|mega|giga|tera|peta)?bytes?|bits?|tons?|tonnes?|pounds?|dollars?|euros?|times"
)
_CN = "零〇一二三四五六七八九十百千万亿两"
_BEFORE = r"(?:超过|超|近|约|大约|将近|接近|逾|不到|不足|至少|最多|突破|达到|共计|about |around |nearly |over |more than |almost )?"
_NUMBER = re.compile(
    rf"(?P<before>{_BEFORE})(?P<ordinal>第)?"
    rf"(?P<currency>[$€£¥])?"
    rf"(?P<number>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|[{_CN}]+(?:点[{_CN}]+)?|几|数|数十|数百|数千)"
    rf"(?P<scale>(?:[余多来几]?[十百千万亿兆])*)(?P<more>[余多来])?"
    rf"(?P<unit>\s?(?:{_UNIT})|\s?(?:{_LATIN_UNIT})(?![a-z]))?(?P<tail>以上|以下|左右)?"
)
_STARTS = re.compile(rf"[超近约大将接逾不至最突达共anom第$€£¥\d{_CN}几数]")  # what a match of _NUMBER begins with
_LATIN = re.compile(r"[a-z]")
_DIGIT = re.compile(r"\d")
_SEPARATOR = re.compile(r"[-/.]")
_ENGLISH_NUMBER = re.compile(
    rf"\b(?P<words>(?:{'|'.join(_ENGLISH)}|{'|'.join(_SCALE)}|hundreds|thousands|millions)"
    rf"(?:[- ](?:and )?(?:{'|'.join(_ENGLISH)}|{'|'.join(_SCALE)}))*)\b(?P<unit>\s(?:{_LATIN_UNIT})\b)?"
)
_DIGIT_SCALE = re.compile(rf"\s(?P<scale>{'|'.join(_SCALE)})\b")
_MONTHS = {
    m: i + 1
    for i, m in enumerate(
        "january february march april may june july august september october november december".split()
    )
}
_MONTH = "|".join([*_MONTHS, *(m[:3] for m in _MONTHS), "sept"])
_Y = r"(?P<year>(?:[12]\d{3}|[一二三四五六七八九〇零]{4}))"
_M = r"(?P<month>1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])"
_D = r"(?P<day>3[01]|[12]\d|0?[1-9]|三十一?|二?十[一二三四五六七八九]?|[一二三四五六七八九])"
_DATES = [  # each with what a text must hold for it: 年, 月, a Latin letter, a digit, one of -/.
    ("年月", re.compile(rf"{_Y}\s?年\s?{_M}\s?月(?:份)?(?:\s?{_D}\s?[日号])?")),
    ("-", re.compile(rf"(?<!\d){_Y}\s?[-/.]\s?{_M}\s?[-/.]\s?{_D}(?!\d)(?:[ t]\d{{1,2}}:\d{{2}}(?::\d{{2}})?)?")),
    ("月", re.compile(rf"(?<![\d一二三四五六七八九十个]){_M}\s?月\s?{_D}\s?[日号]")),
    (
        "a1",
        re.compile(rf"\b(?P<name>{_MONTH})\.?\s(?P<day>3[01]|[12]\d|[1-9])(?:st|nd|rd|th)?,?\s(?P<year>[12]\d{{3}})\b"),
    ),
    (
        "a1",
        re.compile(
            rf"\b(?P<day>3[01]|[12]\d|[1-9])(?:st|nd|rd|th)?\s(?:of\s)?(?P<name>{_MONTH})\.?,?(?:\s(?P<year>[12]\d{{3}}))?\b"
        ),
    ),
    ("a1", re.compile(rf"\b(?P<name>{_MONTH})\.?\s(?P<day>3[01]|[12]\d|[1-9])(?:st|nd|rd|th)?\b(?!\s?\d)")),
    ("a1", re.compile(rf"\b(?P<name>{'|'.join(_MONTHS)})\s(?P<year>[12]\d{{3}})\b")),
    ("年", re.compile(rf"(?<!\d){_Y}\s?年(?!代)(?:[初底末]|上半年|下半年)?")),
    ("年1", re.compile(r"(?:公元前?|民国|清朝)?\d{1,4}\s?年(?:代)?(?=[^\d个前后间来以内的]|$)")),
    ("1", re.compile(r"(?<![\d.,$€£¥-])(?P<year>1[5-9]\d{2}|20\d{2})(?![\d.,%]*\d|\s?[个名人次万亿元米公%])")),
]


@dataclass(frozen=True, slots=True)
class Number:
    start: int  # of the whole phrase as written, with 近/超/约 before and 余/多 and the measure word after
    end: int
    value: float  # nan where the words give no number ("几次")
    unit: str  # folded measure word or unit, "" if none
    ordinal: bool = False  # 第81届


@dataclass(frozen=True, slots=True)
class Date:
    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int | None = None


def numbers(text: str) -> list[Number]:
    """Every number with its measure word, in order, not inside a date: "近千人" -> value 1000, unit 人."""
    folded, at = fold_map(text)
    return numbers_at(text, folded, at, dates_at(text, folded, at))


def numbers_at(text: str, folded: str, at: Sequence[int], dated: Sequence[Date]) -> list[Number]:
    """`numbers` of a text that is folded already (`fold_map`), and whose dates are known."""
    taken = [(d.start, d.end) for d in dated]
    found: list[Number] = []
    for match in _matches(folded):
        start, end = match.start(), match.end()
        raw = match["number"]
        value = _value(raw, match["scale"] or "")
        if value is None:
            continue
        unit = (match["unit"] or "").strip()
        scale = _DIGIT_SCALE.match(folded, match.end("number"))
        if scale and not match["unit"]:
            value, end = value * _SCALE[scale["scale"]], scale.end()
        bare = all(c in _CN for c in raw) and not match["scale"]
        if math.isinf(value):
            continue
        # A lone Chinese numeral without a unit is part of a word more often than a number: 一体化, 三国, 万一.
        if bare and (not unit or unit in _LOOSE) and len(raw) == 1 and not match["ordinal"]:
            continue
        if raw in {"几", "数"} and not unit and not match["scale"]:
            continue
        if _inside_word(folded, match.start("number"), match.end("number")):
            continue
        span = unfold(at, start, end)
        if not any(span[0] < b and a < span[1] for a, b in taken):
            found.append(Number(*_strip(text, *span), value, unit or (match["currency"] or ""), bool(match["ordinal"])))
    for match in _ENGLISH_NUMBER.finditer(folded) if _LATIN.search(folded) else ():
        span = unfold(at, *match.span())
        value = _english(match["words"])
        if math.isinf(value):
            continue
        if not any(span[0] < b and a < span[1] for a, b in [*taken, *((n.start, n.end) for n in found)]):
            found.append(Number(*_strip(text, *span), value, (match["unit"] or "").strip()))
    return sorted(found, key=lambda n: (n.start, n.end))


def dates(text: str) -> list[Date]:
    """Every date or year as written, in order, never overlapping: "二〇二三年十月十日", "Oct 10, 2023", "2023-10-10"."""
    return dates_at(text, *fold_map(text))


def dates_at(text: str, folded: str, at: Sequence[int]) -> list[Date]:
    """`dates` of a text that is folded already."""
    held = {sign for sign in "年月" if sign in folded}
    held |= {kind for kind, sign in (("a", _LATIN), ("1", _DIGIT), ("-", _SEPARATOR)) if sign.search(folded)}
    found: list[Date] = []
    for needed, pattern in _DATES:
        if not held.issuperset(needed):
            continue
        for match in pattern.finditer(folded):
            groups = match.groupdict()
            start, end = _strip(text, *unfold(at, *match.span()))
            if any(start < d.end and d.start < end for d in found):
                continue
            name = groups.get("name")
            month = _integer(groups.get("month")) if not name else _month(name)
            found.append(Date(start, end, _integer(groups.get("year")), month, _integer(groups.get("day"))))
    return sorted(found, key=lambda d: d.start)


def value_keys(text: str) -> list[str]:
    """Search keys of the numbers and dates in a text: equal for equal values however written. Single digits and bare
    ones are left to the plain tokens."""
    return keys_of(text, *fold_map(text))


def keys_of(text: str, folded: str, at: Sequence[int]) -> list[str]:
    """`value_keys` of a text that is folded already (`fold_map`)."""
    dated = dates_at(text, folded, at)
    keys = [f"n:{n.value:g}" for n in numbers_at(text, folded, at, dated) if n.value == n.value and n.value >= 10]
    for date in dated:
        if date.month and date.day:
            keys.append(f"d:{date.month}-{date.day}")
        if date.year:
            keys.append(f"y:{date.year}")
    return keys


def _matches(folded: str) -> Iterator[re.Match[str]]:
    """`_NUMBER.finditer`, sooner: it is tried only where a number can begin."""
    at = 0
    while start := _STARTS.search(folded, at):
        match = _NUMBER.match(folded, start.start())
        if match:
            yield match
        at = match.end() if match else start.end()


def _inside_word(folded: str, start: int, end: int) -> bool:
    """Digits glued to Latin letters are part of a name (M2, 3D, GPT-4), not a count."""
    before, after = folded[start - 1 : start], folded[end : end + 1]
    if not folded[start].isdigit():
        return False
    glued_before = before.isascii() and before.isalpha()
    glued_after = after.isascii() and after.isalpha() and not re.match(rf"(?:{_LATIN_UNIT})(?![a-z])", folded[end:])
    return glued_before or glued_after


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _value(raw: str, scale: str) -> float | None:
    if raw[0].isdigit():
        value = float(raw.replace(",", ""))
    elif raw in {"几", "数", "数十", "数百", "数千"}:
        return float("nan")
    else:
        whole, _, fraction = raw.partition("点")
        parsed = _chinese(whole)
        if parsed is None:
            return None
        value = _float(parsed)
        if fraction:
            digits = [str(_DIGITS[c]) for c in fraction if c in _DIGITS]
            value += float("0." + "".join(digits)) if digits else 0.0
    for character in scale:
        value *= _SMALL.get(character, 1) * _LARGE.get(character, 1)
    return value


def _chinese(raw: str) -> int | None:
    """Value of a Chinese numeral: 三千零五万 -> 30050000, 二〇二三 -> 2023, 千 -> 1000 (as in 近千人)."""
    if raw[0] in _LARGE and len(raw) > 1:  # 万一
        return None
    if all(c in _DIGITS for c in raw):
        return int("".join(str(_DIGITS[c]) for c in raw[:400]))  # longer is no number: infinite, as a float
    total = section = digit = 0
    for character in raw:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character in _SMALL:
            section += (digit or 1) * _SMALL[character]
            digit = 0
        elif character in _LARGE:
            total = (total + section + digit or 1) * _LARGE[character]
            section = digit = 0
        else:
            return None
    return total + section + digit


def _english(words: str) -> float:
    if words in {"hundreds", "thousands", "millions"}:
        return float("nan")
    total = current = 0
    for word in re.split(r"[- ]", words):
        if word in _ENGLISH:
            current += _ENGLISH[word]
        elif word == "hundred":
            current = (current or 1) * 100
        elif word in _SCALE:
            total, current = total + (current or 1) * _SCALE[word], 0
    return _float(total + current)


def _float(value: int) -> float:
    """Infinite where it is larger than any number that is counted: a line ruled with 一一一一."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _integer(raw: str | None) -> int | None:
    if not raw:
        return None
    return int(raw) if raw.isascii() else _chinese(raw)


def _month(name: str) -> int:
    return next(number for month, number in _MONTHS.items() if month.startswith(name[:3]))
