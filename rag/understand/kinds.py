"""What kind of thing a question asks for: a row a kind, tried in order."""

from __future__ import annotations

import re
from typing import cast

from rag.text import is_han
from rag.types import Kind
from rag.understand.page import THE_DOCUMENT, page_question
from rag.understand.words import DOC_EN, DOC_ZH, terms

_KINDS: tuple[tuple[str, str], ...] = (
    ("greeting", r"^(?:你好|您好|嗨|哈喽|哈啰|早上好|下午好|晚上好|谢谢|多谢|感谢|再见|拜拜|在吗|hi|hello|hey|thanks|thank you|good (?:morning|evening|afternoon)|bye)(?:[\s!！。.~～,，呀啊吗?？你您]|there|大家|据典)*$|^(?:你是谁|你能做什么|你会什么|who are you|what can you do|help|帮助)[?？!。]*$"),
    ("overview", rf"{DOC_ZH}.{{0,10}}(?:讲|说|介绍|写|谈|关于|内容|主题|主旨|大意|要点|重点|概要|摘要|核心|主要|概括|几个?方面|几个?部分|哪些方面|哪些部分|哪几|结构)|(?:概括|总结|归纳|概述|简述|简介|介绍).{{0,6}}{DOC_ZH}|(?:有|分|共|含|包括)(?:为|成|了)?(?:哪)?[几两三四五六七八九十](?:大|个|块)*(?:章|节|部分|板块|小标题|篇章|小节|块(?!(?!内容|分别|都|各)[\u4e00-\u9fff]{{2}}))|(?:有|包括|包含|分)(?:了|为|成)?(?:哪些|哪几个?|什么)(?:大)?(?:章节|章|小标题|板块|部分)|(?:小标题|子标题|分标题|各级标题|段落标题|章节标题|章节名|目录|大纲|提纲)(?:都|全|分别|各)?(?:是|有|列|给|叫|写|为|[?？]?$)|(?:列|给|有|看|发|写|说|告诉).{0,6}(?:小标题|子标题|各级标题|章节|目录|大纲|提纲)|(?:中心思想|主要内容|主要讲|大概讲|全文(?:结构|大意))|(?:summari[sz]e|summary|overview|main (?:points?|topics?|ideas?|themes?)|key points)|(?:what|which) (?:are the )?(?:main )?(?:sections|chapters|parts) (?:of|in|are in|does) {DOC_EN}|\b(?:section|chapter|sub)[- ]?(?:headings?|headers|titles)\b|\bheadings\b|table of contents|\boutline\b|how is {DOC_EN} (?:organi[sz]ed|structured|divided|laid out)|(?:what|which|how many|list|name|give me) (?:[\w']+ ){0,4}(?:sections|chapters|parts)\b.{0,12}(?:{DOC_EN}|have|has|does|are there)|\btl;?dr\b|the gist|in a nutshell|what (?:is|are|does) {DOC_EN}.{{0,12}}(?:about|say|cover|discuss)|what is (?:it|this) about"),
    ("list", r"哪些|哪几(?!年|天|月)|哪[两二三四五六七八九十]|几[个种件点项条].{0,12}(?:分别|都(?:是|叫|有))|分别(?:是|为|有|叫)|(?:包括|包含|有|涉及|涵盖|采用|运用|使用|用|做|推出|设立|成立|举办|打造|开设|组织)了?(?:些)?(?:什么|啥)(?![时候人])|都(?:有|是)(?:什么|谁|啥)|有什么(?=[^时]*[？?]?$)|什么和什么|列出|列举|what (?:are|were) (?:the|some)|which (?:of the )?(?:\w+ )?\w+s (?:are|were|did|do|have)|\b(?:list|name) (?:the|all|some|three|two|four|five)|what kinds? of|what types? of"),
    ("how_many", r"多少|几(?=[个次名位人场期篇家项件部条座所站届年月日天周点岁元块种类款台辆倍级层楼成折分届小口本张只支组批号句段步种间米公千])|(?<![好十第哪])几(?:百|千|万|亿)|多(?:大|长|高|重|远|久|宽|深|快|厚)(?![数家量])|第几|how (?:many|much|long|old|far|tall|high|deep|wide|often|big|large|heavy|fast)|what (?:percentage|number|proportion|share|fraction)|(?:数量|人数|次数|总数|比例|占比|面积|高度|长度|重量|价格|费用|成本|票价|年龄|速度)(?:是|为|有|呢|[？?]?$)"),
    ("when", r"什么时候|啥时候?|何时|哪(?:一)?(?:年|天|日|月|个月|个世纪|届)|几(?:月|号|点|时)|什么时间|什么日期|多会儿|哪个(?:年份|时期|时代|朝代|月份)|何年|(?:时间|日期|年份)(?:是|为|呢|[？?]?$)|^when\b|\bwhen (?:did|was|is|were|do|does|will)\b|what (?:year|date|day|time|month|century)|which (?:year|day|month|century)|in what year"),
    ("why", r"为什么|为何|为啥|什么原因|何故|原因(?:是|有|何在|呢|[？?]?$)|(?:目的|意义|作用|好处)(?:是|在|有|何在|呢|[？?]?$)|怎么会|凭什么|^why\b|\bwhy (?:did|was|is|were|do|does|are)\b|what (?:is|was) the (?:reason|purpose|cause|goal)|for what purpose|how come"),
    ("who", r"(?:教授|老师|书记|主任|人|者|员|长|作家|演员|导演|院士|专家|选手|队员|冠军|设计师|工程师)(?:的?(?:名字|姓名))?(?:叫|是)(?:什么名|啥名|什么$|什么[？?]|啥[？?]?$)|谁|何人|哪(?:一)?位|什么人|哪个人|哪些人|哪名|姓名|^who\b|\bwho(?:m|se)?\b"),
    ("where", r"哪里|哪儿|在哪|何处|何地|什么地方|啥地方|哪个(?:城市|国家|省|地方|地区|区|县|市|街道|地点|村|镇|州)|(?:地点|位置|地址)(?:是|在|呢|[？?]?$)|位于(?:什么|哪)|^where\b|\bwhere (?:did|was|is|were|do|does|are)\b|(?:what|which) (?:city|country|place|location|state|town|province)"),
    ("definition", r"^(?:请问|那么?|到底|究竟)*(?:什么|啥)(?:是|叫)[^？?]|(?:是(?:个)?(?:什么|啥)(?:意思|东西|玩意儿?|概念|来头)?|是指什么|指(?:的是)?什么|是什么样的?|何谓|含义|定义)(?:[呀啊呢的]|东西)*[？?]?$|^(?:what|who) (?:is|are|was|were) (?:an? |the )?[^?]{1,60}\??$|what does .{1,40} mean|meaning of|^(?:请)?(?:解释|介绍)(?:一下)?"),
    ("how", r"怎么|怎样|如何|咋|什么方式|什么办法|什么方法|什么途径|通过什么|靠什么|哪种方式|^how\b|\bhow (?:did|does|do|is|was|can|to|are|were)\b|in what way|by what means"),
    ("which", r"什么|啥|哪|何|干[嘛吗]|\b(?:what|which)\b"),
    ("yes_no", r"(?:[吗嘛]|(?<![什怎那这要])么)[？?。!！\s]*$|是否|是不是|有没有|会不会|能不能|可不可以|能否|可否|([\u4e00-\u9fff])不\1|对不对|对吗|是吧|^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b|no\?$"),
)  # fmt: skip

_THE_REST = re.compile(
    r"概括|总结|归纳|概述|简述|简介|介绍|内容|主题|主旨|大意|要点|重点|概要|摘要|核心|主要|方面|部分|结构|中心思想|大概|大致|太长不看|没空细看|一句话|章节?|节|板块|小标题|子标题|标题|目录|大纲|提纲|讲述?|说|写|谈|关于|"
    r"告诉|列|出来|看看|给|把|这一?块|那一?块|一块|那?份|的?是|有|分|共|一共|都|从|点|条|[一两二三四五六七八九十几]?大?块|做法|层面|个|几|些|了|在|"
    r"\b(?:summari[sz]e|summary|overview|main|points?|topics?|ideas?|themes?|key|what|about|say|cover(?:s|ed)?|discuss(?:es)?|section|chapter|headings?|table|contents?|outline|organi[sz]ed|structured|divided|parts?|sections|chapters|"
    r"give|me|list|name|all|gist|tl|dr|nutshell|does|doe|how|many|which|have|has|this|article|it|in|one|sentence)\b"
)
_DETAIL = re.compile(
    r"多少|几(?=[人次万亿元岁期场届名家年天月])|谁|哪(?:年|一?天|里|儿|位|家|座|所|个(?:人|城市|国家|公司))|什么时候|何时|为什么|为何|怎么(?!样)|\b(?:how many|how much|who|when|where|why)\b"
)


def classify(folded: str) -> tuple[Kind, str]:
    """Kind of a folded question, and the metadata keys (joined by a blank) where it asks for some and names nothing
    beside the document at hand."""
    if re.search(_KINDS[0][1], folded):
        return "greeting", ""
    page = page_question(folded)
    if page is not None and page.sure and not page.name:
        return "metadata", page.keys
    return content_kind(folded, overview=True), ""


def content_kind(folded: str, *, overview: bool = False) -> Kind:
    """Kind of a folded question that is about what a document says; or `overview`, where that is allowed."""
    for kind, pattern in _KINDS[1:]:
        if re.search(pattern, folded):
            if kind == "overview" and (not overview or _asks_detail(folded)):
                continue
            return cast(Kind, kind)
    return "keywords"


def overview_of(folded: str) -> str:
    """What an overview question names beside the document: a section of it or its title; "" for nothing."""
    return " ".join(t for t in terms(_THE_REST.sub(" ", THE_DOCUMENT.sub(" ", folded))) if len(t) > 1)


def _asks_detail(folded: str) -> bool:
    """Whether it asks for one thing that the document tells: 文中说举办了多少场"文明一课"."""
    named = overview_of(folded)
    return bool(_DETAIL.search(folded)) and sum(2 if is_han(c) else 1 for c in named if c.isalnum()) > 6
