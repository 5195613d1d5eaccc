"""What can be seen of a question and one candidate sentence without a model: how much of the question the sentence
covers, what it leaves uncovered, whether it has the kind of thing that is asked for, whether its numbers, names and
places agree. Every feature is a number with a name, so that a choice can be explained and weights can be fitted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.text import dates, fold, is_han, numbers, places, same_place, tokens
from rag.text.background import rarity
from rag.types import Kind, Passage, Question

NAMES = (
    "covered", "covered_passage", "covered_context", "local", "longest", "gap", "dense", "dense_passage", "cross",
    "anchor_missing", "anchor_elsewhere", "place_wrong", "type_ok", "type_missing", "unit_ok", "unit_missing",
    "dense_cross", "rank", "furniture", "short_sentence", "long_sentence", "first",
)  # fmt: skip

# What a question for a measure asks, and the units that can answer it; the first that matches decides.
_MEASURES = tuple(
    (re.compile(asked), re.compile(unit))
    for asked, unit in (
        (r"钱|费|价|成本|投资|预算|耗资|收入|cost|price|fee|dollar|budget|expens|revenue", r"元|块|角|\$|€|£|¥|镑|币|dollar|euro|pound|usd|yuan"),
        (r"多久|多长时间|几(?:年|天|个月|小时|分钟)|how long (?:did|does|do|is|was|ago|will|has)|how many (?:years|days|hours|minutes|weeks|months)", r"年|月|天|日|周|时|分|秒|世纪|year|month|week|day|hour|minute|second"),
        (r"比例|占比|百分|percentage|proportion|share|percent", r"%|‰|％|percent|per cent|百分点|成|倍"),
        (r"几岁|多大(?:年纪|岁数)|年龄|how old", r"岁|年|year|month|月"),
        (r"面积|多大|how (?:big|large)", r"平方|公顷|亩|acre|hectare|square|km2|度|寸|gb|mb|kb|字节|万|人|层"),
        (r"多高|高度|多长|长度|多远|距离|多宽|宽度|多深|深度|多厚|厚度|海拔|how (?:tall|high|far|wide|deep|thick|long)", r"米|公里|里|尺|寸|km|cm|mm|^m$|mile|met(?:er|re)|feet|foot|inch"),
        (r"多重|重量|体重|how heavy|weigh", r"斤|克|吨|磅|kg|^g$|mg|gram|ton|pound"),
        (r"多快|速度|时速|how fast|speed", r"公里|米|km|mph|mile|knot|里|节|马赫"),
        (r"温度|多少度|how (?:hot|cold)|temperature", r"度|℃|°"),
    )
)
_ASKED_UNIT = re.compile(r"(?:多少|几)(?P<unit>[\u4e00-\u9fff]{0,5})|how many (?P<noun>[a-z-]+(?:\s[a-z-]+)?)")
PERSON = re.compile(
    r"(?<![\u4e00-\u9fff])(?:[王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏蒋田杜丁沈姜范江傅钟卢汪戴崔任陆廖姚方金邱夏谭韦贾邹石熊孟秦阎薛侯雷白龙段郝孔邵史毛常万顾赖武康贺严尹钱施牛洪龚习鲜][\u4e00-\u9fff]{1,2})(?![\u4e00-\u9fff])"
    r"|[\u4e00-\u9fff]{2,4}(?:同志|先生|女士|教授|书记|主席|总统|总理|部长|市长|省长|博士|院士|导演|主任|校长|将军|皇帝|国王|总书记|老师|医生|记者)"
    r"|[\u4e00-\u9fff]+[·・][\u4e00-\u9fff]+|\b[A-Z][a-z]+(?:\s(?:[A-Z]\.\s)?[A-Z][a-z]+)+\b"
)
_BODY_OF_PEOPLE = re.compile(r"委员会|公司|大学|协会|联合会|集团|学院|研究院|部门|政府|组织|联盟|团队|青年团|机构|党委|委|局|厅|院|社|队|团|会|族|人|者|家|员|帝|王")
_WHERE_MARK = re.compile(r"省|市|区|县|镇|村|街道|路|国|州|岛|山|河|湖|海|洋|港|站|馆|园|院|校|楼|厅|中心|广场|平台|境内|附近|东部|西部|南部|北部|\b(?:in|at|near|on)\b")
_WHEN_MARK = re.compile(r"世纪|年代|时期|朝|春|夏|秋|冬|早上|上午|中午|下午|晚上|凌晨|周[一二三四五六日末]|星期|\d+[:：]\d\d|每[天日周月年]|\b(?:century|monday|tuesday|wednesday|thursday|friday|saturday|sunday|morning|evening|daily|[ap]\.?m\.?)\b")
_CAUSE = re.compile(r"因|由于|为了|为的是|以便|从而|使得|导致|旨在|目的|所以|推动|促进|提升|实现|有力|让|引发|造成|because|due to|in order|so that|since|therefore|reason|caused|to\s\w+")
_MANNER = re.compile(r"通过|采用|采取|运用|利用|以.{1,12}方式|依托|借助|聚焦|建立|打造|建强|组建|搭建|开展|推出|首先|然后|先|再|by\s|using|through|with")
LIST_MARK = re.compile(r"、|；|;|和|及|”“|》《|, \w+,| and |,")
_NAME_MARK = re.compile(r"[“《「『\"‘]|[A-Z]")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question prepared for comparison: its tokens with their rarity, the Han runs, and what kind of thing it wants."""

    question: Question
    weights: Mapping[str, float]  # token -> rarity
    runs: tuple[str, ...]  # folded Han content runs
    unit: str  # folded measure word or noun after 多少, "" if none
    latin: bool  # an English question


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
    return Asked(question, weights, runs, unit, not any(map(is_han, question.understood)))


def covered(asked: Asked, folded: str, known: frozenset[str]) -> float:
    """Share of the question's rarity that a text covers, 0..1. A bigram whose two characters both occur, apart, counts
    a quarter: 建了多少小站 against 配建."""
    total = sum(asked.weights.values())
    if not total:
        return 0.0
    return sum(w * degree(token, folded, known) for token, w in asked.weights.items()) / total


def degree(token: str, folded: str, known: frozenset[str]) -> float:
    if token in known:
        return 1.0
    if is_han(token[0]):
        if len(token) == 1:
            return 1.0 if token in folded else 0.0
        return 0.25 if token[0] in folded and token[1] in folded else 0.0
    return 0.8 if len(token) > 4 and any(k.startswith(token[:-1]) for k in known) else 0.0


def uncovered(asked: Asked, folded: str) -> list[str]:
    """Stretches of the question that a text does not hold, as they can be shown: "上海智慧小站" against a text with
    智慧小站 leaves ["上海"]. Greedy longest match from the left."""
    left: list[str] = []
    for term in asked.question.terms:
        if not is_han(term[0]):
            if not any(degree(token, folded, frozenset(tokens(folded))) for token in tokens(term)[:1]):
                left.append(term)
            continue
        start = 0
        gap = ""
        while start < len(term):
            size = next((n for n in range(len(term) - start, 1, -1) if term[start : start + n] in folded), 0)
            if size:
                left.append(gap)
                gap, start = "", start + size
            else:
                gap, start = gap + term[start], start + 1
        left.append(gap)
    return [piece for piece in left if len(piece) > 1 or (piece and not is_han(piece[0]))]


def longest_common(asked: Asked, folded: str) -> float:
    """Longest Han stretch of the question found verbatim, as a share of its longest content run, 0..1."""
    best = longest = 0
    for run in asked.runs:
        longest = max(longest, len(run))
        for start in range(len(run)):
            while start + best < len(run) and run[start : start + best + 1] in folded:
                best += 1
    return best / longest if longest else 0.0


def anchor_state(anchor: str, folded: str) -> bool:
    """Whether a text honours an anchor (`understand.anchors`): a number by value and unit, a date by its part, a place
    in either language, a quoted name verbatim up to its inner marks."""
    if anchor.startswith("#"):
        match = re.match(r"#([\d.e+]+)(.*)", anchor)
        if not match:
            return True
        value, unit = float(match[1]), match[2]
        return any(
            n.value == value and (not unit or not n.unit or unit[0] == n.unit[0] or unit in folded[n.end : n.end + 8])
            for n in numbers(folded)
        )
    if anchor.startswith("@"):
        part = {"y": "year", "m": "month", "d": "day"}[anchor[1]]
        return any(getattr(d, part) == int(anchor[2:]) for d in dates(folded))
    if anchor.startswith("^"):
        return any(name in folded for name in same_place(anchor[1:]))
    bare = re.sub(r"[\s·・\"'“”‘’《》,，。.]", "", anchor)
    return bare in re.sub(r"[\s·・\"'“”‘’《》,，。.]", "", folded)


def type_state(kind: Kind, question: Question, text: str) -> int:
    """1: the text holds the kind of thing asked for; -1: it does not; 0: the kind asks for nothing that can be seen."""
    if kind == "how_many":
        return 1 if numbers(text) or dates(text) else -1
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
    folded = fold(text)
    question = fold(asked.question.understood)
    found = numbers(folded)
    if asked.question.kind != "how_many":
        return 0
    for wanted, unit in _MEASURES:
        if wanted.search(question):
            return 1 if any(unit.search(n.unit) for n in found) or (unit.search("年") and dates(text)) else -1
    if not asked.unit or asked.latin:
        return 0
    for number in found:
        near = folded[max(0, number.start - 10) : number.end + 10]
        head = asked.unit[:2] if len(asked.unit) > 1 else asked.unit
        if (number.unit and (asked.unit.startswith(number.unit) or number.unit.startswith(asked.unit[:1]))) or head in near:
            return 1
    return -1


def passage_view(passage: Passage) -> tuple[str, frozenset[str]]:
    folded = fold(passage.text)
    return folded, frozenset(tokens(passage.text))


def local_weights(asked: Asked, views: Sequence[tuple[str, frozenset[str]]]) -> dict[str, float]:
    """Rarity among the passages at hand: a word that all of them hold tells nothing about which is meant."""
    n = len(views)
    counts = {token: sum(token in known for _, known in views) for token in asked.weights}
    return {token: w * (1.0 - counts[token] / (n + 1)) for token, w in asked.weights.items()}
