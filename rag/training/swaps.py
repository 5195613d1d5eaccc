"""Near misses: questions that a window almost answers, made from questions that it does answer."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from rag.text import content_tokens, dates, fold, numbers, places
from rag.text.places import same_place

_YEAR = re.compile(r"(?<!\d)(1[0-9]\d\d|20\d\d)(?=\s?年|\b)")
_ORDINAL = re.compile(
    r"第\s?([0-9]{1,4}|[一二三四五六七八九十百]{1,4})(?=[届次代任名位章回集季场轮期条座艘个批号卷部])"
)
_COUNT = re.compile(r"(?<![\d.,第])(\d{1,6})(?=\s?[个名人次万亿元米岁公届座所支场部首种项点号线路])")
_RANKS = (
    ("主任", "副主任"), ("主席", "副主席"), ("总统", "副总统"), ("市长", "副市长"), ("校长", "副校长"), ("总理", "副总理"),
    ("冠军", "亚军"), ("第一", "第三"), ("最大", "最小"), ("最高", "最低"), ("最早", "最晚"), ("出生", "逝世"), ("开始", "结束"),
    ("父亲", "母亲"), ("哥哥", "弟弟"), ("妻子", "儿子"), ("东", "西"), ("南部", "北部"), ("男", "女"), ("首次", "末次"),
    ("导演", "编剧"), ("成立", "解散"), ("增加", "减少"), ("面积", "海拔"), ("人口", "面积"), ("进口", "出口"),
    ("largest", "smallest"), ("first", "last"), ("highest", "lowest"), ("increase", "decrease"), ("north", "south"),
)  # fmt: skip
_DIGITS = "一二三四五六七八九"
_PLACES = (
    "北京 上海 广州 深圳 成都 重庆 武汉 南京 杭州 西安 天津 长沙 昆明 青岛 厦门 台北 香港 四川 广东 浙江 江苏 云南 湖南 福建 新疆 美国 英国 法国 德国 "
    "日本 韩国 俄罗斯 印度 加拿大 澳大利亚 意大利 西班牙 巴西 埃及 新加坡 泰国 越南 纽约 伦敦 巴黎 柏林 东京 莫斯科 罗马"
).split()
_PLACES_EN = "Beijing Shanghai Chengdu Japan Germany France India Canada Italy Spain Brazil Egypt London Paris Berlin Tokyo Chicago Boston Texas Florida".split()
_QUOTED = re.compile(r"[《“「『]([^》”」』]{2,20})[》”」』]")


def swap(question: str, context: str, rng: random.Random, titles: Sequence[str] = ()) -> str:
    """The question with one year, ordinal, number, place, name or opposite changed so that the context (title and window)
    no longer answers it; "" where nothing in it is decisive.

    Only a value that the context itself holds is swapped, and only for one that it does not hold: else the change might
    not matter, or stay true.
    """
    ways: list[Callable[[str, str, random.Random], str]] = [_year, _ordinal, _count, _place, _opposite]
    ways.append(lambda asked, told, draw: _name(asked, told, draw, titles))
    rng.shuffle(ways)
    for way in ways:
        changed = way(question, context, rng)
        if changed and changed != question:
            return changed
    return ""


def _year(question: str, context: str, rng: random.Random) -> str:
    told = {date.year for date in dates(context)}
    for match in _YEAR.finditer(question):
        year = int(match[1])
        if year in told or match[1] in context:
            near = [y for y in range(year - 12, year + 13) if y not in told and str(y) not in context]
            if near:
                return question[: match.start(1)] + str(rng.choice(near)) + question[match.end(1) :]
    return ""


def _ordinal(question: str, context: str, rng: random.Random) -> str:
    match = _ORDINAL.search(question)
    if not match or match[0] not in context:
        return ""
    if match[1].isdigit():
        values = [str(v) for v in range(max(1, int(match[1]) - 3), int(match[1]) + 4)]
    else:
        values = list(_DIGITS)
    fresh = [v for v in values if v != match[1] and f"第{v}" not in context]
    return question[: match.start(1)] + rng.choice(fresh) + question[match.end(1) :] if fresh else ""


def _count(question: str, context: str, rng: random.Random) -> str:
    match = _COUNT.search(question)
    if not match or match[1] not in context:
        return ""
    told = {number.value for number in numbers(context)}
    value = int(match[1])
    fresh = [v for v in {value + 1, value * 2, value + 10, value - 1, value + 3} if v > 0 and v not in told]
    fresh = sorted(v for v in fresh if str(v) not in context)
    return question[: match.start(1)] + str(rng.choice(fresh)) + question[match.end(1) :] if fresh else ""


def _place(question: str, context: str, rng: random.Random) -> str:
    told = fold(context)
    found = [name for name in places(question) if any(other in told for other in same_place(fold(name)))]
    if not found:
        return ""
    old = rng.choice(found)
    fresh = [n for n in (_PLACES_EN if old.isascii() else _PLACES) if fold(n) not in told and n not in question]
    return question.replace(old, rng.choice(fresh)) if fresh else ""


def _opposite(question: str, context: str, rng: random.Random) -> str:
    for one, other in rng.sample(_RANKS, len(_RANKS)):
        for old, new in ((one, other), (other, one)):
            if len(old) < 2 or old not in question or new in question:
                continue
            if old in context and new not in context:
                return question.replace(old, new, 1)
    return ""


def _name(question: str, context: str, rng: random.Random, titles: Sequence[str]) -> str:
    """A quoted name, or the title of the article, for another title of the same script and about the same length."""
    title = context.partition("\n")[0]
    quoted = [match[1] for match in _QUOTED.finditer(question) if match[1] in context]
    names = quoted + ([title] if len(title) > 1 and title in question else [])
    if not names or not titles:
        return ""
    old = rng.choice(names)
    for _ in range(20):
        new = rng.choice(titles)
        alike = new.isascii() == old.isascii() and abs(len(new) - len(old)) <= 3
        if alike and new not in context and new not in question and not set(old) <= set(new):
            return question.replace(old, new)
    return ""


def transplant(question: str, subject: str, other: str, window: str) -> str:
    """A question about `subject` asked of `other` instead; "" unless it names its subject and the window shares next to
    nothing of what it asks ("X是什么时候成立的" to a window that tells of no founding)."""
    if len(subject) < 2 or len(other) < 2 or subject not in question or subject == other:
        return ""
    asked = question.replace(subject, " ")
    terms = [term for term in dict.fromkeys(content_tokens(asked)) if len(term) > 1]
    told = fold(window)
    if not terms or sum(term in told for term in terms) > 0.2 * len(terms):
        return ""
    return question.replace(subject, other)
