"""What can be seen of a question and one candidate sentence without a model: how much of the question the sentence
covers, what it leaves uncovered, whether it has the kind of thing that is asked for, whether its numbers, names and
places agree. Every feature is a number with a name, so that a choice can be explained and weights can be fitted."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from rag.reader.across import unit_across
from rag.reader.views import View, degree
from rag.text import Number, dates, fold, is_chinese, is_han, numbers, places, same_place, tokens
from rag.text.background import rarity
from rag.text.sound import sound_pairs
from rag.types import Kind, Passage, Question

NAMES = (
    "covered", "covered_passage", "covered_context", "local", "longest", "worst", "dense", "dense_cross",
    "dense_passage", "cross", "anchor_missing", "anchor_elsewhere", "type_ok", "type_missing", "unit_ok", "unit_missing",
    "covered_topic", "defines", "head_ok", "head_missing", "listed", "rank", "furniture", "furniture_asked", "short_sentence",
    "long_sentence", "first", "span", "span_read", "span_best", "shared_cross",
    "shared_cross_around", "agree",
)  # fmt: skip

# What a question for a measure asks, and the units that can answer it; the first that matches decides.
_MEASURES = tuple(
    (re.compile(asked), re.compile(unit))
    for asked, unit in (
        (
            r"钱|费|价|成本|投资|预算|耗资|收入|cost|price|fee|dollar|budget|expens|revenue",
            r"元|块|角|\$|€|£|¥|镑|币|dollar|euro|pound|usd|yuan",
        ),
        (
            r"多久|多长时间|几(?:年|天|个月|小时|分钟)|how long (?:did|does|do|ago|will|has|have)|how many (?:years|days|hours|minutes|weeks|months)",
            r"年|月|天|日|周|时|分|秒|世纪|year|month|week|day|hour|minute|second",
        ),
        (r"比例|占比|百分|percentage|proportion|share|percent", r"%|‰|％|percent|per cent|百分点|成|倍"),
        (r"几岁|多大(?:年纪|岁数)|年龄|how old", r"岁|年|year|month|月"),
        (
            r"面积|多大|how (?:big|large)",
            r"平方|公顷|亩|acre|hectare|square|km2|度|寸|[kmgtp]b|byte|字节|万|人|层|米|里",
        ),
        (
            r"多高|高度|多长|长度|多远|距离|多宽|宽度|多深|深度|多厚|厚度|海拔|how (?:tall|high|far|wide|deep|thick|long is|long was|long are)",
            r"米|公里|里|尺|寸|km|cm|mm|^m$|mile|met(?:er|re)|feet|foot|inch",
        ),
        (r"多重|重量|体重|how heavy|weigh", r"斤|克|吨|磅|kg|^g$|mg|gram|ton|pound"),
        (r"多快|速度|时速|how fast|speed", r"公里|米|km|mph|mile|knot|里|节|马赫"),
        (r"温度|多少度|how (?:hot|cold)|temperature", r"度|℃|°"),
    )
)
_ASKED_UNIT = re.compile(r"(?:多少|几)(?P<unit>[\u4e00-\u9fff]{0,5})|how many (?P<noun>[a-z-]+(?:\s[a-z-]+)?)")
_SURNAMES = (
    "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁董苏叶吕魏蒋田杜丁沈姜范江傅钟卢汪戴崔任陆廖姚方金邱夏谭韦贾邹石熊孟秦阎薛侯雷白龙"
    "段郝孔邵史毛常万顾赖武康贺严尹钱施牛洪龚习欧阳诸葛司马上官鲜"
)
_OFFICES = (
    "同志|先生|女士|教授|书记|主席|总统|总理|部长|市长|省长|县长|局长|处长|博士|院士|导演|主任|校长|院长|将军|皇帝|国王|女王|王子|公主|总书记|老师|医生|记者|上将|大将|"
    "元帅|大帝|作家|诗人|画家|歌手|演员|科学家|建筑师|工程师|设计师|宇航员|航天员|教练|球员|队长|船长|舰长|公爵|伯爵|法师|和尚|神父|主教|教宗|部落|家族|兄弟|姐妹|夫妇|父亲|母亲|妻子|丈夫"
)
_AFTER_NAME = r"(?=[，,。；;、：:（(）)和与等在于的担任当创设指率主出所建提发任编]|$)"
PERSON = re.compile(
    rf"(?<![\u4e00-\u9fff])[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}(?![\u4e00-\u9fff])"
    rf"|(?:由|被|与|和|、|给|是|为|向|对|任|者|家|人|员|匠|代|朝|帝|王|{_OFFICES})(?P<name>[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}?){_AFTER_NAME}"
    rf"|[\u4e00-\u9fff]{{0,4}}?(?:{_OFFICES})"
    r"|[\u4e00-\u9fff]+[·・][\u4e00-\u9fff·・]+|\b[A-Z][a-z]+(?:\s(?:[A-Z]\.\s)?[A-Z][a-z]+)+\b"
)
_BODY_OF_PEOPLE = re.compile(
    r"[\u4e00-\u9fff]{2,}(?:委员会|公司|大学|协会|联合会|集团|学院|研究院|部门|政府|组织|联盟|团队|机构|政权|王朝|帝国|军队|舰队|乐队|球队|委|局|党|军|族)"
    r"|(?:university|company|institute|agency|committee|government|team|group|army|church|council|association)s?\b|[A-Z]{3,}"
)
_WHERE_MARK = re.compile(
    r"省|市|区|县|镇|村|街道|路|国|州|岛|山|河|湖|海|洋|港|站|馆|园|院|校|楼|厅|中心|广场|平台|境内|生于|位于|坐落|来自|前往|落地|迁至|移居|出生|附近|东部|西部|南部|北部|\b(?:in|at|near|on)\b"
)
_WHEN_MARK = re.compile(
    r"世纪|年代|时期|朝|春|夏|秋|冬|早上|上午|中午|下午|晚上|凌晨|周[一二三四五六日末]|星期|\d+[:：]\d\d|每[天日周月年]|\b(?:century|monday|tuesday|wednesday|thursday|friday|saturday|sunday|morning|evening|daily|[ap]\.?m\.?)\b"
)
_CAUSE = re.compile(
    r"因|由于|为了|为的是|以便|从而|使得|导致|旨在|目的|所以|推动|促进|提升|实现|有力|让|引发|造成|because|due to|in order|so that|since|therefore|reason|caused|to\s\w+"
)
_MANNER = re.compile(
    r"通过|采用|采取|运用|利用|以.{1,12}方式|依托|借助|聚焦|建立|打造|建强|组建|搭建|开展|推出|首先|然后|先|再|by\s|using|through|with"
)
LIST_MARK = re.compile(r"、|；|;|和|及|”“|》《|, \w+,| and |,")
_NAME_MARK = re.compile(r"[“《「『\"‘]|[A-Z]")
_HEAD = re.compile(
    r"(?:什么|哪(?:一|两|三|四|五|六|几|些)?(?:个|种|家|所|座|项|款|部|篇|条|届|支|位|名|只|本|首|场|份|类|片|块|间|国|省|州|市|区|县)?|何种)"
    r"(?P<head>[\u4e00-\u9fff]{1,6}?)(?:[的了吗呢呀啊是被有在获由？?，,。!]|举|创|成立|开|进|推|负|担|$)"
)
_GENERAL = re.compile(
    r"名字?|名称|时候|时间|地方|人|东西|意思|样|事|事情|内容|方面|原因|作用|样子|情况|关系|活动|措施|做法|方式|方法|办法|问题|因素|特点|好处|影响|"
    r"目的|上|里|中|些|种|个|叫|用|来|做|说|位置|部分|身份|意义|概念|类型|类|条件|结果|一?个|[叫做说用写提讲].*"
)
_SMALL_WORDS = re.compile(
    r"数字|数据|进一步|一起|一定|一般|一直|一些|一样|一线|统一|唯一|一面|一方面|一边|一代|一键|百姓|一旦|一切|一致|一路|一带|十分|千方百计"
)
_FURNITURE = re.compile(
    r"热门|热议|热榜|榜单|排行|推荐阅读|相关阅读|相关文章|侧栏|声明|转载|转发|版权|评论|点赞|赞同|粉丝|关注|私信|帖子|公众号|网站|页面|本站|"
    r"hot list|trending|most (?:read|popular)|related (?:articles|posts)|copyright|repost|comments?|sidebar|likes|website"
)
_PLACE = re.compile(r"第(?P<n>10|[1-9]|[一二三四五六七八九十])(?:条|名|位|个|篇|的)?|最[火热]|榜首|头条|top|first")
_DEFINES = re.compile(
    r"[^，,。]{0,12}?(?:是|指|为|简称|又名|又称|即)|[，,（(]\s?(?:是|即|又|简称)|.{0,20}?\b(?:is|was|are|were)\s(?:an?|the)\b"
)
_ORDINAL = re.compile(r"第几|哪一?届|第多少")
_INNER = re.compile(r"[\s·・\"'“”‘’《》,，。.]")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question prepared for comparison: its tokens with their rarity, the Han runs, and what kind of thing it wants."""

    question: Question
    weights: Mapping[str, float]  # token -> rarity
    runs: tuple[str, ...]  # folded Han content runs
    unit: str  # folded measure word or noun after 多少, "" if none
    head: str  # the noun that 什么/哪个 asks for (什么奖 -> 奖), "" if none or too general
    latin: bool  # an English question
    folded: str  # all of it
    measure: re.Pattern[str] | None  # the units of the measure that it asks for, None if it asks for none
    furniture: bool  # it is about the margin of a page
    place: int  # in a list that it points at (排第三), 0 if none


@lru_cache(maxsize=64)  # asked for by every step of one reading
def prepare(question: Question) -> Asked:
    weights: dict[str, float] = {}
    for term in question.terms:
        for token in tokens(term):
            if token.startswith(("n:", "d:", "y:")):
                continue
            weights[token] = max(rarity(token) - 2.0, 0.2)
    folded = fold(question.understood)
    match = _ASKED_UNIT.search(folded)
    unit = ((match["unit"] or match["noun"] or "") if match else "").strip()
    unit = re.split(r"[的了吗呢在是有被]", unit)[0] if unit else ""
    runs = tuple(term for term in question.terms if is_han(term[0]))
    head = _HEAD.search(folded) if question.kind in {"which", "where", "who", "list", "definition"} else None
    noun = head["head"] if head else ""
    if _GENERAL.fullmatch(noun):
        noun = ""
    latin = not any(map(is_han, question.understood))
    measure = next((unit for wanted, unit in _MEASURES if wanted.search(folded)), None)
    nth = _PLACE.search(folded)
    digit = (nth["n"] or "1") if nth else "0"
    place = int(digit) if digit.isdigit() else "一二三四五六七八九十".index(digit) + 1
    furniture = bool(_FURNITURE.search(folded))
    return Asked(question, weights, runs, unit, noun, latin, folded, measure, furniture, place)


def is_foreign(asked: Asked, text: str) -> bool:
    """Whether question and text are in different scripts, either way."""
    return asked.latin == is_chinese(text)


def degrees(asked: Asked, seen: View) -> list[float]:
    """How much of each of the question's tokens a text has, in their order."""
    return [degree(token, seen) for token in asked.weights]


def covered(asked: Asked, seen: View) -> float:
    """Share of the question's rarity that a text covers, 0..1."""
    return share(asked.weights.values(), degrees(asked, seen))


def share(weights: Collection[float], told: Sequence[float]) -> float:
    """Share of some weights that a text has of them, 0 where they are nothing."""
    total = sum(weights)
    return sum(map(mul, weights, told)) / total if total else 0.0


def worst_gap(asked: Asked, told: Sequence[float]) -> float:
    """Rarity of the rarest question token that a text has nothing of, 0..1: one strange word can be the whole point. `told`:
    its `degrees`."""
    return max((w * (1.0 - has) for w, has in zip(asked.weights.values(), told, strict=True)), default=0.0) / 6.0


def uncovered(asked: Asked, seen: View) -> list[str]:
    """Stretches of the question that a text does not hold, as they can be shown: "上海智慧小站" against a text with
    智慧小站 leaves ["上海"]. Greedy longest match from the left."""
    left: list[str] = []
    for term in asked.question.terms:
        if not is_han(term[0]):
            if not any(degree(token, seen) for token in tokens(term)[:1]):
                left.append(term)
            continue
        gap = ""
        start = 0
        while start < len(term):
            size = held(term, start, seen.folded)
            if not size and start + 1 < len(term) and degree(term[start : start + 2], seen) >= 0.8:
                size = 2
            if size:
                left.append(gap)
                gap, start = "", start + size
            else:
                gap, start = gap + term[start], start + 1
        left.append(gap)
    return [piece for piece in left if len(piece) > 1 or (piece and not is_han(piece[0]))]


def held(term: str, start: int, text: str) -> int:
    """Length of the longest stretch from `start` on that stands in a text, 0 where that is less than two characters."""
    size = 1
    while start + size < len(term) and term[start : start + size + 1] in text:
        size += 1
    return size if size > 1 else 0


def longest_common(asked: Asked, folded: str) -> float:
    """Longest Han stretch of the question found verbatim, as a share of its longest content run, 0..1."""
    best = longest = 0
    for run in asked.runs:
        longest = max(longest, len(run))
        for start in range(len(run)):
            while start + best < len(run) and run[start : start + best + 1] in folded:
                best += 1
    return best / longest if longest else 0.0


def anchor_distance(anchor: str, seen: View, beyond: Callable[[str], int], foreign: bool) -> int:
    """Where an anchor is honoured: 0 in the sentence; `beyond` it: 1 in its passage or headings, 2 elsewhere in the document,
    3 nowhere. Across languages a quoted name cannot be looked up and counts as honoured."""
    if foreign and (anchor[0] not in "#@^" or (anchor[0] == "^" and len(same_place(anchor[1:])) == 1)):
        return 0
    return 0 if honours(anchor, seen) else beyond(anchor)


def honours(anchor: str, seen: View) -> bool:
    """Whether a text honours an anchor (`understand.anchors`): a number by value and unit, a date by its part, a place
    in either language, a quoted name up to its inner marks or by its sound."""
    folded = seen.folded
    if anchor.startswith("#"):
        match = re.match(r"#([\d.e+]+)(.*)", anchor)
        if not match:
            return True
        value, unit = float(match[1]), match[2]
        return any(
            n.value == value and (not unit or (unit[0] == n.unit[0] if n.unit else unit in folded[n.end : n.end + 8]))
            for n in seen.numbers
        )
    if anchor.startswith("@"):
        part = {"y": "year", "m": "month", "d": "day"}[anchor[1]]
        return any(getattr(d, part) == int(anchor[2:]) for d in seen.dates)
    if anchor.startswith("^"):
        return any(name in folded for name in same_place(anchor[1:]))
    bare = _INNER.sub("", anchor)
    return bare in _INNER.sub("", folded) or bool(
        is_han(anchor[0]) and len(bare) > 2 and all(map(seen.sounds_like, sound_pairs(bare)))
    )


def type_state(kind: Kind, text: str) -> int:
    """1: the text holds the kind of thing asked for; -1: it does not; 0: the kind asks for nothing that can be seen."""
    if kind == "how_many":
        return 1 if any(counts(n, text) or n.ordinal for n in numbers(text)) or dates(text) else -1
    if kind == "when":
        return 1 if dates(text) or _WHEN_MARK.search(fold(text)) else -1
    if kind == "who":
        return 1 if PERSON.search(text) else (0 if _BODY_OF_PEOPLE.search(text) else -1)
    if kind == "where":
        return 1 if places(text) or _WHERE_MARK.search(fold(text)) else -1
    if kind == "why":
        return 1 if _CAUSE.search(fold(text)) else -1
    if kind == "how":
        return 1 if _MANNER.search(fold(text)) else 0
    if kind == "list":
        return 1 if LIST_MARK.search(text) else -1
    if kind == "which":
        return 1 if _NAME_MARK.search(text) else 0
    return 0


def unit_state(asked: Asked, text: str) -> int:
    """Whether a number of the text is of the unit asked for: 1 yes, -1 no, 0 the question names none."""
    if asked.question.kind != "how_many":
        return 0
    folded = fold(text)
    ordinal = bool(_ORDINAL.search(asked.folded))
    found = [n for n in numbers(folded) if (n.ordinal if ordinal else counts(n, folded))]
    if asked.measure:
        told = any(asked.measure.search(n.unit) for n in found) or (asked.measure.search("年") and dates(text))
        return 1 if told else -1
    if not asked.unit:
        return 0
    if is_foreign(asked, text):
        return unit_across(asked.unit, [n.unit for n in found])
    if asked.latin:
        return 0
    parts = {asked.unit[:2], asked.unit[-2:], asked.unit[-1:] if len(asked.unit) > 1 else asked.unit}
    for number in found:
        near = folded[max(0, number.start - 10) : number.end + 10]
        same = number.unit and (asked.unit.startswith(number.unit) or number.unit.startswith(asked.unit[:1]))
        if same or any(part in near for part in parts):
            return 1
    return -1


def measured(asked: Asked) -> bool:
    """Whether a question asks for a measure whose unit can be told: money, a length of time, a share, a weight …"""
    return asked.question.kind == "how_many" and asked.measure is not None


def listed(asked: Asked, passage: Passage, start: int) -> bool:
    """Whether a line is the one that a question points at by its place in a list: 第一条, 排第三, 最热的."""
    if passage.role != "related" or not asked.place:
        return False
    lines = [line for line in passage.text[:start].split("\n") if line.strip()]
    head = bool(lines) and not re.search(r"\d\s*$", lines[0])  # the list's own title has no count
    return len(lines) - head + 1 == asked.place and (head or not lines)


def defines(asked: Asked, folded: str) -> bool:
    """Whether a sentence opens with the subject of a definition question and says what it is: "Git 是一个……"."""
    if asked.question.kind != "definition":
        return False
    subject = next((t for t in asked.question.terms if len(t) > 1), "")
    at = folded.find(subject) if subject else -1
    return 0 <= at <= 4 and bool(_DEFINES.match(folded[at + len(subject) :]))


def counts(number: Number, text: str) -> bool:
    """Whether a number tells how many: 一个, 进一步 and 数字 do not."""
    written = text[number.start : number.end]
    if not any(c.isdigit() for c in written):
        around = text[max(0, number.start - 2) : number.end + 2]
        if _SMALL_WORDS.search(around) or number.value == 1:
            return False
    return not number.ordinal


def head_state(asked: Asked, seen: View) -> int:
    """Whether the noun asked for (什么奖, 哪家公司, 哪支队伍) stands in a text: 1 yes, -1 no, 0 none is asked for."""
    if not asked.head:
        return 0
    return 1 if asked.head in seen.folded or asked.head[-1] in seen.folded else -1


def local_weights(asked: Asked, views: Sequence[View]) -> dict[str, float]:
    """Rarity among the passages at hand: a word that all of them hold tells nothing about which is meant."""
    n = len(views)
    counts = {token: sum(seen.holds(token) for seen in views) for token in asked.weights}
    return {token: w * (1.0 - counts[token] / (n + 1)) for token, w in asked.weights.items()}
