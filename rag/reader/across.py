"""What a question in one script and a passage in another have in common: numbers, dates, names by their letters or their
sound, places, and units of measure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.reader.views import View
from rag.text import fold, is_han, numbers, same_place
from rag.text.sound import romanised
from rag.types import Question

_SHORTEST_SOUND = 4  # letters of a name that can be looked up by its sound
# English nouns that people count, and the Chinese measure words that they are counted with; 个 counts nearly all.
_COUNTED = tuple(
    (re.compile(rf"(?:{noun})s?"), re.compile(unit))
    for noun, unit in (
        (r"people|person|m[ae]n|wom[ae]n|child|children|student|member|worker|employee|visitor|reader|fan|follower|user|resident|netizen|"
         r"participant|soldier|passenger|expert|player|volunteer|author", r"人|名|位|人次|余人|万人|个人|个"),
        (r"book|volume|copy|copie", r"册|本|卷|部|套"),
        (r"time|campaign|session|round|event|activity|activitie|meeting|match|matche|game|visit|show|lecture|issue|edition", r"次|场|场次|期|届|轮|回|个|项|场比赛"),
        (r"year", r"年|岁|周年|个年头"), (r"month", r"个月|月"), (r"week", r"周|星期|个星期"), (r"day", r"天|日"),
        (r"hour", r"小时|个小时|时|点"), (r"minute", r"分钟|分"), (r"second", r"秒|秒钟"),
        (r"gram", r"克|公斤|千克"), (r"kilogram|kilo", r"公斤|千克"), (r"ton|tonne", r"吨|公吨"), (r"pound", r"磅|英镑"),
        (r"kilomet(?:er|re)", r"公里|千米"), (r"met(?:er|re)", r"米"), (r"mile", r"英里|里"), (r"feet|foot", r"英尺|尺"),
        (r"square \w+", r"平方公里|平方米|平方千米"), (r"hectare", r"公顷"), (r"acre", r"英亩|亩"), (r"degree", r"度|摄氏度"),
        (r"dollar", r"美元|元"), (r"yuan", r"元|块|块钱|人民币"), (r"euro", r"欧元"), (r"percent", r"%|成|个百分点|百分点"),
        (r"countr(?:y|ie)|nation|state", r"国|个国家|个|州"), (r"cit(?:y|ie)|town|count(?:y|ie)|province", r"市|个|县|镇|省"),
        (r"school|universit(?:y|ie)|college|hospital", r"所|家|个|院|校"), (r"compan(?:y|ie)|firm|shop|restaurant|hotel|bank", r"家|个|间"),
        (r"station|stop", r"站|个|座"), (r"car|bus|buse|train|vehicle", r"辆|台|列|班"), (r"ship|boat|vessel", r"艘|只|条"), (r"plane|aircraft", r"架"),
        (r"floor|stor(?:y|ey|ie)", r"层|楼"), (r"type|kind|specie", r"种|类|个"), (r"article|paper|stor(?:y|ie)", r"篇|个"),
        (r"film|movie|novel|episode|video|series", r"部|集|个|条|期"), (r"item|project|product|measure|rule|award", r"项|件|个|款|条"), (r"point", r"分|点|个"),
    )
)  # fmt: skip


def shared_names(question: Question, seen: View) -> float:
    """Share of the question's numbers, dates, places and names that a text in another script has, 0..1; 0 where it has
    none of these: two hundred is 200, Wolong is 卧龙 by its sound, Sichuan 四川 by the gazetteer."""
    found = [_has(anchor, seen) for anchor in _told(question)]
    return sum(found) / len(found) if found else 0.0


def _told(question: Question) -> list[str]:
    small = [f"#{n.value:g}" for n in numbers(question.understood) if n.value == n.value and n.value > 1]
    return list(dict.fromkeys([*question.anchors, *small]))


def _has(anchor: str, seen: View) -> bool:
    folded = seen.folded
    if anchor.startswith("#"):
        value = re.match(r"#([\d.e+]+)", anchor)
        return bool(value) and any(n.value == float(value[1]) for n in seen.numbers)  # type: ignore[index]
    if anchor.startswith("@"):
        part = {"y": "year", "m": "month", "d": "day"}[anchor[1]]
        return any(getattr(date, part) == int(anchor[2:]) for date in seen.dates)
    if anchor.startswith("^"):
        return any(name in folded for name in same_place(anchor[1:]))
    if anchor in folded:
        return True
    sound = "".join(c for c in (romanised(anchor) if any(map(is_han, anchor)) else fold(anchor)) if c.isalpha())
    if len(sound) < _SHORTEST_SOUND:
        return False
    return sound in seen.spelt or sound in seen.letters


def unit_across(asked: str, told: Sequence[str]) -> int:
    """Whether a number of a text is counted with what a question in the other language counts: 1 yes, -1 no, 0 where the
    question's word is not in the table. `asked` is the noun after "how many", or the measure word after 多少; `told` are
    the units of the text's numbers, folded."""
    english = asked.isascii()
    for noun, unit in _COUNTED:
        if english and any(noun.fullmatch(word) for word in (asked, *asked.split()[:2])):
            return 1 if any(unit.fullmatch(u) for u in told) else -1
        if not english and unit.match(asked):
            return 1 if any(noun.fullmatch(u) for u in told) else 0
    return 0
