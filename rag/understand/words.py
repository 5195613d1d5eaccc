"""The words of a question: what it names, once what only asks, frames or points is taken away."""

from __future__ import annotations

import re

from rag.text import content_tokens, dates, fold, is_han, language, numbers
from rag.text.places import places
from rag.text.tokens import ENGLISH_STOPS

DOC_ZH = (
    r"(?:(?:这|该|此|那|本)(?:一)?(?:篇|份|个|本|则)?(?:文章|文档|文件|材料|资料|报道|新闻|稿子|网页|页面|帖子|文|书|简介|手册|须知|说明|指南|笔记|条例|规定|通知|公告|报告|论文|邮件)"
    r"|这篇|本文|全文|原文|文中|文章|文档|(?<!宣传)材料|网页|帖子)"
)
DOC_EN = r"(?:(?:the|this|that|these)\s(?:[\w'-]+\s){0,4}(?:article|document|text|page|material|file|report|story|post|piece)s?\b)"

# Phrases that ask, frame or point, and say nothing about the subject. Removed before terms are taken.
FRAME = re.compile(
    r"(?:是个?)?(?:什么|啥)(?:东西|玩意儿?)|我(?:能|可以|要)(?:把|不能)?|请问一?下?|请教一?下?|我想(?:知道|问|了解)(?:一下)?|想问(?:一下)?|想知道|麻烦|告诉我|帮我(?:查|找|看)(?:一?下)?|查一?下|找一?下|说说|讲讲|谈谈|说一下|列出|列举|"
    rf"{DOC_ZH}(?:里面?|中|里头|当中|提到的?|提及的?|说的?|讲的?|介绍的?|所说的?)*|(?:材料|文章|文中|这里)(?:里|中)?|提到的?|提及的?|据(?:文章|材料|此)|根据|"
    r"什么时候|啥时候?|什么时间|什么地方|什么样的?|什么人|什么原因|什么意思|是什么|叫什么(?:名字)?|叫啥(?:名儿?)?|叫做?什么|为什么|为何|为啥|什么|多少|哪一?些|哪一?个|哪几个?|哪里|哪儿|哪位|哪一?年|哪一?天|哪种|哪(?![吒咤])|谁|何时|何地|何人|何处|怎么样?|怎样|如何|咋样?|啥|几(?=[个次名位人场期篇家项件部条座所站届年月日天种类款台辆倍号道层楼])|第几|"
    r"多(?=[大长高重远久宽深快厚])|有没有|是不是|是否|能否|可否|能不能|会不会|对不对|来着|来的|呀|吗|呢|吧|啊|嘛|哦|哈|那么|那个|这个|那些|这些|一下|到底|究竟|具体|分别|总共|一共|大概|大约|主要|的话|来说|"
    r"\b(?:please|tell me|can you|could you|do you know|i want to know|according to the (?:article|text|document)|"
    r"in the (?:article|text|document)|mentioned|what|which|who|whom|whose|when|where|why|how)\b"
)
# Characters that join words, where a run of Chinese is cut into terms. Those that also stand inside words cut only with
# two characters before and one after, and never in the words named.
_JOIN = re.compile(
    r"(?<=.)(?:[的吗呢们您你我它她]|了(?!解|不起)|(?<!其)他)+"
    r"|(?<=..)(?:(?<![但还总于此原])是(?!非)|(?<!参)与|(?<![共饱])和(?![平谐田服])|(?<![普埃涉])及(?!格)|或|(?<![存现内潜])在(?![线内])|"
    r"(?<![拥所国具特没占享含私公])有(?![限关机效])|被(?!告))(?=.)|(?<=..)[是有在](?=$)"
)
QUOTED = re.compile(r"[“\"「『《〈‘']([^”\"」』》〉’']{1,40})[”\"」』》〉’']")
# Where a verb meets a noun no bigram should be formed across: 罗保铭担任 -> 罗保铭, 担任. Single characters only at the end.
_LONG_VERB = re.compile(
    r"(开展|举办|举行|组织|推出|打造|成立|创立|设立|开设|发布|获得|参与|参加|覆盖|采用|运用|使用|包括|包含|拥有|属于|位于|担任|出台|制定|"
    r"出生|去世|毕业|称为|被称|需要|达到|[建用获办写叫做播造](?=$))"
)
_NUMBERED = frozenset({"号", "号线", "届", "代", "路"})  # 嫦娥七号 is another than 六号
_GRADE = re.compile(r"[特一二三四五]等(?:奖|功|舱|座|品)|[金银铜](?:奖|牌)")  # a third prize is no first prize
_LATIN_NAME = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]*(?:[-+.'][A-Za-z0-9]+)*(?<!'s)")
_NO_NAMES = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april june july august september"
    " october november december english chinese ok mr mrs ms dr".split()
)


def terms(text: str) -> list[str]:
    """Content of a question as folded pieces, in order: Chinese runs cut at function words, Latin words without stop
    words, numbers. A piece in quotation marks stays whole."""
    folded = fold(text)
    pieces: list[str] = [m.group(1).strip() for m in QUOTED.finditer(folded)]
    rest = FRAME.sub(" ", QUOTED.sub(" ", folded))
    for run in re.findall(r"[\u3400-\u9fff\uf900-\ufaff]+|[^\u3400-\u9fff\uf900-\ufaff]+", rest):
        if is_han(run[0]):
            pieces.extend(piece for part in _JOIN.split(run) for piece in _LONG_VERB.split(part.strip("的了")) if piece)
        else:
            pieces.extend(token for token in content_tokens(run) if ":" not in token)
    return [piece for piece in dict.fromkeys(pieces) if piece]


def anchors(text: str) -> list[str]:
    """What an answer must honour, folded: numbers with their unit, ordinals, dates, quoted names, place names, and
    Latin names of a Chinese question (an English question's capitals are its names)."""
    found: list[str] = [fold(m.group(1)) for m in QUOTED.finditer(text)]
    for number in numbers(text):
        # 哪两家, 四种, three kinds: how many are expected, nothing that the text must say in these words.
        small = number.value <= 10 and not any(c.isdigit() for c in text[number.start : number.end])
        numbered = number.ordinal or number.unit in _NUMBERED
        if number.value == number.value and number.value > 1 and (numbered or not small):
            found.append(f"#{number.value:g}{fold(number.unit)}")
    found += _GRADE.findall(fold(text))
    found += [fold(name) for name in _latin_names(text)]
    for date in dates(text):
        found += [f"@{part}{value}" for part, value in (("y", date.year), ("m", date.month), ("d", date.day)) if value]
    found += [f"^{fold(place)}" for place in places(text)]
    return list(dict.fromkeys(found))


def _latin_names(text: str) -> list[str]:
    """Latin names: every capitalised word but the one that opens an English sentence, unless it is written as only
    names are (MySQL, GPT-4). Places are looked up by their own list."""
    english = language(text) == "en"
    known = {fold(word) for place in places(text) for word in place.split()}
    names: list[str] = []
    for match in _LATIN_NAME.finditer(text):
        word = match.group()
        odd = any(c.isdigit() or c.isupper() for c in word[1:])
        if (odd or (word[0].isupper() and (match.start() > 0 or not english))) and len(word) > 1:
            names.append(word)
    return [name for name in names if fold(name) not in known | _NO_NAMES | ENGLISH_STOPS and not dates(name)]
