"""Questions by template about what a window names: attributes that it never states, and a few that it does.

The first are the hardest refusals ("How much did X cost?" of a text that tells all of X but its price); the second keep
the template's own words from meaning "no answer".
"""

from __future__ import annotations

import random
import re

from rag.text import fold, is_han

_QUOTED = re.compile(r"[《“「『]([^》”」』]{2,16})[》”」』]")
_DATE = r"\d{4}|[一二三四五六七八九〇零]{4}年|\d+\s?[年月]|世纪|年代"
# (question forms, what must not occur in the folded window)
_ABSENT: tuple[tuple[tuple[str, ...], str], ...] = (
    (("{}花了多少钱？", "{}的造价是多少？", "{}耗资多少？", "{}一共投入了多少资金？", "{}多少钱"),
     r"元|币|钱|资金|耗资|造价|投资|价|费|\$|美金|英镑|欧元|dollar|cost|price"),
    (("谁创立了{}？", "{}的创始人是谁？", "{}是谁创办的？", "{}是谁发起的？"), r"创立|创办|创始|创建|成立|建立|发起|创设|开创|found|establish"),
    (("{}是哪一年成立的？", "{}成立于什么时候？", "{}是什么时候建成的？", "{}哪年开始的？", "{}什么时候开始的"), _DATE),
    (("{}有多少会员？", "{}有多少用户？", "{}有多少注册用户", "{}的会员有多少人？"), r"会员|用户|人数|万人|名成员|member|user"),
    (("{}的门票多少钱？", "{}的票价是多少？"), r"票|元|免费|收费|价"),
    (("{}的电话号码是多少？", "{}的联系方式是什么？", "{}的官网地址是什么？"), r"电话|号码|网址|网站|http|www|邮箱|联系"),
    (("谁获得了{}的冠军？", "谁赢得了{}？", "{}的获奖者是谁？"), r"冠军|获奖|赢|夺|胜|奖|winner|won|champion"),
    (("{}的占地面积是多少？", "{}有多大面积？"), r"面积|平方|公顷|亩|area|square"),
    (("{}的导演是谁？", "{}是谁执导的？"), r"导演|执导|导|direct"),
    (("{}有多少员工？", "{}雇了多少人？"), r"员工|职工|雇|人员|名|employee|staff"),
    (("{}为什么被取消？", "{}为什么停办？"), r"取消|停|终止|废|解散|关闭|cancel|clos"),
    (("{}死了多少人？", "{}造成多少人伤亡？"), r"死|伤|亡|遇难|die|death|kill|injur"),
    (("{}的总部在哪里？", "{}总部设在哪个城市？"), r"总部|位于|设在|市|headquarter|based|located"),
    (("{}的高度是多少米？", "{}有多高？"), r"高|米|海拔|公尺|height|tall|high"),
    (("{}的票房是多少？", "{}卖了多少张？"), r"票房|销量|售|张|卖|gross|sold"),
    (("{}的现任主席是谁？", "{}的负责人叫什么？", "{}的校长是谁？"), r"主席|负责|长|主任|总裁|书记|领导|理事|president|chair|head"),
    (("{}获得过什么奖项？", "{}得了什么奖？"), r"奖|荣誉|冠军|award|prize"),
    (("{}的赞助商是谁？", "谁赞助了{}？"), r"赞助|资助|冠名|sponsor|fund"),
    (("{}的英文名是什么？", "{}用英语怎么说？"), r"[a-z]{3}|英文|英语"),
    (("{}的下一届在哪里举办？", "下一届{}什么时候举行？"), r"下一?届|下次|举办|举行|next|held"),
)  # fmt: skip
_ABSENT_EN: tuple[tuple[tuple[str, ...], str], ...] = (
    (("How much did {} cost?", "What was the price of {}?"), r"cost|price|\$|dollar|pound|fund|budget|元|钱|价"),
    (("Who founded {}?", "Who started {}?"), r"found|establish|start|creat|创|成立|建立"),
    (("How many members does {} have?", "How many users does {} have?"), r"member|user|会员|用户|成员"),
    (("When was {} established?", "In what year did {} begin?"), r"\d{3}|century|\d+年|世纪|年代"),
    (("Who won {}?", "Who received an award for {}?"), r"won|win|award|champion|prize|奖|冠军|赢"),
    (("What is the phone number of {}?", "What is the website of {}?"), r"phone|website|www|http|电话|网"),
)
_WHEN = re.compile(
    r"(成立|创立|创建|建成|始建|建|创办|出生|逝世|开业|通车|出版|发行|上映|播出|启用|落成|创刊|竣工|完工|设立)于(?:公元)?"
    r"((?:1[0-9]\d\d|20\d\d)\s?年(?:\s?\d{1,2}\s?月(?:\s?\d{1,2}\s?日)?)?)"
)
_WHO = re.compile(
    r"由([\u4e00-\u9fff·A-Za-z .]{2,14}?)(?:所)?(创立|创办|创建|设计|执导|编剧|制作|开发|发行|出版|主演|演唱|撰写|建造|提出|发现|命名|主持)"
    r"(?=[，。的；、）)])"
)
_WHERE = re.compile(r"位于([\u4e00-\u9fff]{2,18}?)(?=[，。；]|的)")
_PAYS = re.compile(
    r"(耗资|投资|造价|票房|售价|预算|奖金)(?:约|为|达|超过|近|是|共)?(\d[\d,.]*\s?[万亿]*\s?[\u4e00-\u9fff]{0,2}元)"
)


def subjects(title: str, window: str) -> list[str]:
    """What a question can be about: the title, and names that stand in quotes in the window."""
    quoted = [match[1] for match in _QUOTED.finditer(window)]
    return list(dict.fromkeys([name for name in (title, *quoted) if 1 < len(name) < 24]))


def attribute_example(title: str, window: str, rng: random.Random) -> str:
    """A question whose kind of answer occurs nowhere in the window, "" where no template is safe."""
    named = subjects(title, window)
    if not named:
        return ""
    name = rng.choice(named)
    chinese = any(is_han(c) for c in name)
    if not chinese and not any(is_han(c) for c in window[:40]):
        chosen = _ABSENT_EN
    else:
        chosen = _ABSENT if chinese or rng.random() < 0.5 else _ABSENT_EN
    told = fold(window)
    for forms, forbidden in rng.sample(chosen, len(chosen)):
        if not re.search(forbidden, told):
            return rng.choice(forms).format(_quote(name, title, rng))
    return ""


def stated_example(title: str, window: str, rng: random.Random) -> tuple[str, int, int] | None:
    """(question, start, end) of a founding date, a maker, a place or a sum that the window's first matching sentence
    states of the title; None where it has none. Only sentences near the start of the window or naming the title."""
    if len(title) < 2:
        return None
    found: list[tuple[str, int, int]] = []
    for match in _WHEN.finditer(window):
        verb = "建" if match[1] == "始建" else match[1]
        forms: tuple[str, ...] = (
            f"{title}是什么时候{verb}的？",
            f"{title}是哪一年{verb}的？",
            f"{title}{verb}于何时？",
            f"{title}哪年{verb}的",
        )
        found.append((rng.choice(forms), *match.span(2)))
    for match in _WHO.finditer(window):
        forms = (f"{title}是谁{match[2]}的？", f"谁{match[2]}了{title}？", f"{title}由谁{match[2]}？")
        found.append((rng.choice(forms), *match.span(1)))
    for match in _WHERE.finditer(window):
        found.append((rng.choice((f"{title}在哪里？", f"{title}位于什么地方？", f"{title}在哪儿")), *match.span(1)))
    for match in _PAYS.finditer(window):
        found.append((rng.choice((f"{title}的{match[1]}是多少？", f"{title}{match[1]}多少钱？")), *match.span(2)))
    found = [item for item in found if _about(title, window, item[1])]
    return rng.choice(found) if found else None


def _about(title: str, window: str, at: int) -> bool:
    """Whether the sentence around `at` names the title, or is the window's first clauses without another name."""
    start = max(window.rfind(mark, 0, at) for mark in "。！？\n") + 1
    sentence = window[start:at]
    return title in sentence and len(sentence) < 50


def _quote(name: str, title: str, rng: random.Random) -> str:
    if name == title or not any(is_han(c) for c in name):
        return name
    return rng.choice((f"“{name}”", f"《{name}》", name))
