"""Questions: what is asked for, about what, and what a follow-up carries over from the questions before it.

Rules, not a model: each rule is a line in a table, so a wrong reading can be seen and mended. The language of a question
decides the language of the answer's fixed words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from rag.text import content_tokens, dates, fold, is_han, language, numbers
from rag.text.places import places
from rag.text.tokens import ENGLISH_STOPS
from rag.types import Kind, Lang, Question

_DOC_ZH = (
    r"(?:(?:这|该|此|那|本)(?:一)?(?:篇|份|个|本|则)?(?:文章|文档|文件|材料|资料|报道|新闻|稿子|网页|页面|帖子|文|书|简介|手册|须知|说明|指南|笔记|条例|规定|通知|公告|报告|论文|邮件)"
    r"|这篇|本文|全文|原文|文中|文章|文档|(?<!宣传)材料|网页|帖子)"
)
_DOC_EN = r"(?:(?:the|this|that|these)\s(?:[\w'-]+\s){0,4}(?:article|document|text|page|material|file|report|story|post|piece)s?)"

_METADATA_WORDS = re.compile(
    r"作者|标题|题目|题名|链接|网址|地址|原文|分类|专栏|栏目|类别|频道|日期|时间|发布|发表|刊登|刊发|发出|上传|更新|浏览|阅读|点击|访问|来源|出处|"
    r"账号|用户|网站|媒体|署名|执笔|撰稿|撰写|写|转载|职务|职位|身份|单位|头衔|任职|担任|干什么|做什么|属于|量|数|次数|名字|姓名|什么官|"
    r"\b(?:authors?|writer|byline|titles?|headline|links?|url|web|address|category|column|section|filed|publisher|published|posted|"
    r"publication|date|dated|positions?|jobs?|office|roles?|names?|view|views|count|page|wrote|hold|holds|work|s)\b"
)
# Tried in order on the folded question; the first that matches decides.
_METADATA: tuple[tuple[str, str], ...] = (
    ("position", r"(?:作者|写(?:这|该|本)?篇?(?:文章|文)的?人).{0,6}(?:职务|职位|身份|单位|什么官|头衔|任职|担任|干[嘛吗啥]|干什么|做什么|哪里工作|是做)|(?:author).{0,30}(?:position|title|job|post|office|role|work)|(?:position|job|office|role).{0,20}author"),
    ("publisher", rf"{_DOC_ZH}.{{0,6}}(?:谁|哪个?(?:账号|用户|网站|媒体|人)?)(?:发布|发表|转载|发)(?:的|了)?|(?:谁|哪个(?:账号|用户|网站|媒体|人))(?:发布|发表|转载|发|上传)(?:的|了)?{_DOC_ZH}|{_DOC_ZH}.{{0,4}}(?:来源|出处|发布者|发布人|账号)|(?:发布者|发帖人|发布人|发布账号|楼主)|who (?:posted|published|uploaded)|publisher|posted by"),
    ("author", rf"{_DOC_ZH}.{{0,4}}(?:作者|谁写|谁撰写|署名|执笔|撰稿)|^(?:请问)?作者(?:是谁|是|叫什么|名字|姓名)|作者是|(?:谁|哪位|什么人)(?:写|撰写)(?:的|了)?{_DOC_ZH}|谁写的.{{0,8}}(?:文|稿|篇)|作者[？?]?$"),
    ("date", rf"{_DOC_ZH}.{{0,8}}(?:发布|发表|刊登|刊发|写于|写的|发出|发的|上传|更新|日期)|(?:发布|发表|刊登|刊发|上传|发文)(?:的)?(?:日期|时间)|(?:什么时候|啥时候?|何时|哪天|哪一天|几号|哪年).{{0,4}}(?:发布|发表|刊登|发)(?:的|出来)?{_DOC_ZH}?[呀啊呢]?[？?]?$|是(?:什么日期|哪一?天|几号|哪年)(?:的|写的|发的)?[呀啊呢]?[？?]?$|{_DOC_EN}.{{0,12}}(?:published|posted|written|dated|date)|(?:publication|posting) date|when was (?:it|{_DOC_EN}) (?:published|posted|written)"),
    ("url", rf"{_DOC_ZH}.{{0,6}}(?:链接|网址|地址|url)|原文(?:链接|地址)|(?:本文|原文)?链接(?:是|地址|在|呢)|网址|(?:link|url|web address)"),
    ("title", rf"{_DOC_ZH}.{{0,4}}(?:标题|题目|题名|叫什么)|^(?:标题|题目)(?:是|叫)|(?:title|headline) of {_DOC_EN}|^what(?:'s| is) the (?:title|headline)|{_DOC_EN}(?:'s)? (?:title|headline)|what is {_DOC_EN} called"),
    ("category", rf"(?:{_DOC_ZH}.{{0,6}}|^)(?:分类|专栏|栏目|类别|频道)(?:是|属于|为|里|下|叫)?(?:什么|哪|呢|[？?]?$)|(?:属于|归在|归到|放在|分在)(?:了)?(?:什么|哪个?|哪一个?)(?:分类|专栏|栏目|类别|频道)|{_DOC_EN}.{{0,20}}(?:category|filed|section)|(?:category|column)"),
    ("views", rf"(?:{_DOC_ZH}|这里).{{0,6}}(?:浏览|阅读|点击|访问|被看)|^(?:浏览|阅读|点击)(?:量|数|次数)|(?:view count|page views|how many views)"),
    ("author", rf"who (?:wrote|is the author|authored)|(?:author|byline|writer)(?:'s name)?(?: of {_DOC_EN})?"),
)  # fmt: skip

_KINDS: tuple[tuple[str, str], ...] = (
    ("greeting", r"^(?:你好|您好|嗨|哈喽|哈啰|早上好|下午好|晚上好|谢谢|多谢|感谢|再见|拜拜|在吗|hi|hello|hey|thanks|thank you|good (?:morning|evening|afternoon)|bye)(?:[\s!！。.~～,，呀啊吗?？你您]|there|大家|据典)*$|^(?:你是谁|你能做什么|你会什么|who are you|what can you do|help|帮助)[?？!。]*$"),
    ("overview", rf"{_DOC_ZH}.{{0,10}}(?:讲|说|介绍|写|谈|关于|内容|主题|主旨|大意|要点|重点|概要|摘要|核心|主要|概括|几个?方面|几个?部分|哪些方面|哪些部分|哪几|结构)|(?:概括|总结|归纳|概述|简述|简介|介绍).{{0,6}}{_DOC_ZH}|(?:有|分|共|含|包括)(?:了)?(?:哪)?几(?:大|个)?(?:章|节|部分|板块|小标题)|(?:中心思想|主要内容|主要讲|大概讲|全文(?:结构|大意))|(?:summari[sz]e|summary|overview|main (?:points?|topics?|ideas?|themes?)|key points)|what (?:is|are|does) {_DOC_EN}.{{0,12}}(?:about|say|cover|discuss)|what is (?:it|this) about"),
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

# Phrases that ask, frame or point, and say nothing about the subject. Removed before terms are taken.
_FRAME = re.compile(
    r"(?:是个?)?(?:什么|啥)(?:东西|玩意儿?)|我(?:能|可以|要)(?:把|不能)?|请问一?下?|请教一?下?|我想(?:知道|问|了解)(?:一下)?|想问(?:一下)?|想知道|麻烦|告诉我|帮我(?:查|找|看)(?:一?下)?|查一?下|找一?下|说说|讲讲|谈谈|说一下|列出|列举|"
    rf"{_DOC_ZH}(?:里面?|中|里头|当中|提到的?|提及的?|说的?|讲的?|介绍的?|所说的?)*|(?:材料|文章|文中|这里)(?:里|中)?|提到的?|提及的?|据(?:文章|材料|此)|根据|"
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
_PRONOUN_ZH = re.compile(
    r"(?:它|他|她)们?(?:的)?|这(?:个|些|项|场|次|家|部|座|位|里)?(?![样么年月])|那(?:个|些|项|场|次|家|部|座|位|里)(?!么)|其(?![他它中实余次])|该(?!不)|此(?![外后前次])"
)
_PRONOUN_EN = re.compile(r"\b(?:it|its|they|them|their|he|him|his|she|her|that one|this|these|those|that)\b", re.I)
_LEAD_ZH = re.compile(r"^(?:那么?|那|还有|然后|另外|以及|另|再|同时|接着)[,，\s]*(?!个|些|里|项|年|时|次|场|家|位)")
_LEAD_EN = re.compile(r"^(?:and|what about|how about|also|then|so)\b[,\s]*", re.I)
_TAIL_NE = re.compile(r"(?:呢|的呢|又如何|又怎样|怎么样)[？?。!！\s]*$")
_QUOTED = re.compile(r"[“\"「『《〈‘']([^”\"」』》〉’']{1,40})[”\"」』》〉’']")
_VERB_ZH = re.compile(
    r"(?:开展|举办|举行|组织|推出|打造|建设|建立|成立|创立|设立|开设|发布|获得|获|参与|参加|覆盖|采用|运用|使用|包括|包含|拥有|属于|位于|负责|"
    r"担任|出台|制定|开发|创作|推动|支持|建了?|用了?|叫做?|称为|有|是|在|办了?|做了?|写|播出|传播|出版|毕业|出生|去世|发生|开始|结束|完成|达到|达|需要|花了?|共|一共|总共)"
)
# Where a verb meets a noun no bigram should be formed across: 罗保铭担任 -> 罗保铭, 担任. Single characters only at the end.
_LONG_VERB = re.compile(
    r"(开展|举办|举行|组织|推出|打造|成立|创立|设立|开设|发布|获得|参与|参加|覆盖|采用|运用|使用|包括|包含|拥有|属于|位于|担任|出台|制定|"
    r"出生|去世|毕业|称为|被称|需要|达到|[建用获办写叫做播造](?=$))"
)
_NUMBERED = frozenset({"号", "号线", "届", "代", "路"})  # 嫦娥七号 is another than 六号
_LATIN_NAME = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]*(?:[-+.'][A-Za-z0-9]+)*(?<!'s)")
_NO_NAMES = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april june july august september"
    " october november december english chinese ok mr mrs ms dr".split()
)
LONGEST_CARRIED = 200  # characters that a follow-up may take from the question before it


def understand(text: str, history: Sequence[str] = ()) -> Question:
    """Reads one question. `history` holds the earlier questions of the same chat, oldest first; a follow-up takes
    subject and asking from the nearest of them, itself understood first."""
    asked = " ".join(text.split())
    previous = ""
    for earlier in list(history)[-4:]:
        previous = carry_over(" ".join(earlier.split()), previous)
    understood = carry_over(asked, previous)
    folded = fold(understood)
    kind, meta_field = classify(folded)
    return Question(
        text=asked,
        understood=understood,
        lang=cast(Lang, language(asked)),
        kind=kind,
        terms=tuple(terms(understood)),
        anchors=tuple(anchors(understood)),
        field=meta_field,
    )


def classify(folded: str) -> tuple[Kind, str]:
    """Kind of a folded question, and the metadata key where it asks for one."""
    for kind, pattern in _KINDS[:1]:
        if re.search(pattern, folded):
            return cast(Kind, kind), ""
    for key, pattern in _METADATA:
        if re.search(pattern, folded) and not _about_content(folded, key):
            return "metadata", key
    for kind, pattern in _KINDS[1:]:
        if re.search(pattern, folded):
            return cast(Kind, kind), ""
    return "keywords", ""


def _about_content(folded: str, key: str) -> bool:
    """A metadata word inside a longer question about something else is content: 《荣耀之旅》的作者 is not the byline, and
    知识竞赛是几号 asks for no date of the page. Without a word for the document nothing else may be left to ask about."""
    named = re.search(rf"{_DOC_ZH}|{_DOC_EN}", folded)
    rest = re.sub(rf"{_DOC_ZH}|{_DOC_EN}", " ", folded)
    if _QUOTED.search(rest) and key != "position":
        return True
    budget = {"position": 16, "category": 8}.get(key, 7) if named else 0
    small = "给要请号几个" if not named else ""  # one character more may be a verb: 链接是怎么断的
    left = terms(_METADATA_WORDS.sub(" ", rest))
    left = [t for t in left if len(t) > 1 or not is_han(t) or (not named and t not in small)]
    return sum(len(term) if is_han(term[0]) else 3 for term in left) > budget


def terms(text: str) -> list[str]:
    """Content of a question as folded pieces, in order: Chinese runs cut at function words, Latin words without stop
    words, numbers. A piece in quotation marks stays whole."""
    folded = fold(text)
    pieces: list[str] = [m.group(1).strip() for m in _QUOTED.finditer(folded)]
    rest = _FRAME.sub(" ", _QUOTED.sub(" ", folded))
    for run in re.findall(r"[\u3400-\u9fff\uf900-\ufaff]+|[^\u3400-\u9fff\uf900-\ufaff]+", rest):
        if is_han(run[0]):
            pieces.extend(piece for part in _JOIN.split(run) for piece in _LONG_VERB.split(part.strip("的了")) if piece)
        else:
            pieces.extend(token for token in content_tokens(run) if ":" not in token)
    return [piece for piece in dict.fromkeys(pieces) if piece]


def anchors(text: str) -> list[str]:
    """What an answer must honour, folded: numbers with their unit, ordinals, dates, quoted names, place names, and
    Latin names of a Chinese question (an English question's capitals are its names)."""
    found: list[str] = [fold(m.group(1)) for m in _QUOTED.finditer(text)]
    for number in numbers(text):
        # 哪两家, 四种, three kinds: how many are expected, nothing that the text must say in these words.
        small = number.value <= 10 and not any(c.isdigit() for c in text[number.start : number.end])
        numbered = number.ordinal or number.unit in _NUMBERED
        if number.value == number.value and number.value > 1 and (numbered or not small):
            found.append(f"#{number.value:g}{fold(number.unit)}")
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


def carry_over(question: str, previous: str) -> str:
    """The question with what it leaves out, taken from the one before: "那上海呢" after "成都有多少小站" becomes
    "上海有多少小站"; a pronoun becomes the earlier subject. A question complete in itself is returned as it is."""
    if not previous or not any(c.isalnum() for c in question):
        return question
    previous = previous[:LONGEST_CARRIED]
    folded = fold(question)
    subject = subject_of(previous)
    if classify(fold(previous))[1] in {"author", "position"}:  # the page's author, whoever that is
        subject = "the author" if language(previous) == "en" else "作者"
    lead = _LEAD_ZH.match(question) or _LEAD_EN.match(question)
    body = question[lead.end() :] if lead else question
    bare = _TAIL_NE.sub("", body).strip(" ,，。?？!！")
    asks = classify(fold(body))[0]
    if (lead or _TAIL_NE.search(body)) and asks in {"keywords", "which"} and bare and not _asks(bare):
        topic = _PRONOUN_ZH.sub("", bare) or bare
        return _swap_subject(previous, subject, topic)
    pronoun = _PRONOUN_ZH.search(body) or (_PRONOUN_EN.search(body) if language(question) == "en" else None)
    if pronoun and subject and not re.search(_DOC_ZH, folded) and not re.search(_DOC_EN, folded):
        possessive = pronoun.group().lower() in {"its", "their", "his", "her"}
        filled = subject + (
            "'s" if possessive and not is_han(subject[-1]) else "的" if pronoun.group().endswith("的") else ""
        )
        return body[: pronoun.start()] + filled + body[pronoun.end() :]
    if asks in {"overview", "metadata", "greeting"}:
        return question
    if (len(terms(body)) == 0 or _starts_with_predicate(body)) and subject and subject not in body:
        return f"{subject}{'' if is_han(subject[-1]) else ' '}{body}"
    return question


def subject_of(question: str) -> str:
    """What a question is about, as written in it: its quoted name, or the longest content stretch before or after its
    verb, without question words."""
    quoted = _QUOTED.search(question)
    if quoted:
        return quoted.group()
    folded = fold(question)
    if len(folded) != len(question):  # offsets would not fit; rare characters only
        return ""
    masked = _FRAME.sub(lambda m: " " * len(m.group()), folded)
    if language(question) == "en":
        runs = re.finditer(r"[^\s?,.!]+(?:\s[^\s?,.!]+)*", masked)
        kept = [_trim_english(question[m.start() : m.end()]) for m in runs]
        return max(kept, key=len, default="")
    masked = _VERB_ZH.sub(lambda m: " " * len(m.group()), masked)
    runs = re.finditer(r"[^\s?？,，。!！、了着过]+", masked)
    stretches = [_MEASURED.sub("", _CLASSIFIER.sub("", question[m.start() : m.end()].strip("的在了"))) for m in runs]
    return max(stretches, key=lambda s: (len(s), -question.find(s)), default="")


_CLASSIFIER = re.compile(r"^[个次名位场期篇家项座条部款种](?=..)")
_MEASURED = re.compile(
    r"(?<=..)的?(?:全长|总长|全程|面积|高度|长度|宽度|人口|重量|年龄|价格|票价|时速|速度|海拔|直径|总数)$"
)


def _trim_english(run: str) -> str:
    words = run.split()
    small = {
        "did",
        "does",
        "do",
        "was",
        "were",
        "is",
        "are",
        "the",
        "a",
        "an",
        "many",
        "much",
        "of",
        "in",
        "on",
        "to",
        "has",
        "have",
    }
    while words and words[0].lower() in small:
        words.pop(0)
    names = re.findall(r"(?:[A-Z0-9][\w-]*)(?:\s[A-Z0-9][\w-]*)*", " ".join(words))
    return max(names, key=len) if names else " ".join(words)


def _swap_subject(previous: str, subject: str, topic: str) -> str:
    here, there = places(topic), places(previous)
    if here and there and len(here[0]) == len(topic.strip()):  # a place asked for instead of another place
        return previous.replace(there[0], topic, 1)
    years, old = dates(topic), dates(previous)
    if years and old and len(topic) <= years[0].end - years[0].start + 1:
        return previous[: old[0].start] + topic + previous[old[0].end :]
    alike = next(
        (at for at in range(len(previous) - len(topic) + 1) if _alike(previous[at : at + len(topic)], topic)), None
    )
    if alike is not None:  # 大杯 … 那小杯呢
        return previous[:alike] + topic + previous[alike + len(topic) :]
    if subject and subject in previous:
        return previous.replace(subject, topic, 1)
    return f"{topic} {previous}"


def _alike(one: str, other: str) -> bool:
    """Whether two short Chinese words are of one kind by their last character: 大杯, 小杯; 上午场, 下午场."""
    return 2 <= len(other) <= 4 and one != other and one[-1] == other[-1] and all(map(is_han, one + other))


def _asks(text: str) -> bool:
    return bool(re.search(r"什么|啥|多少|几|哪|谁|何|怎|吗|\b(?:what|which|who|when|where|why|how)\b", fold(text)))


def _starts_with_predicate(body: str) -> bool:
    """Whether a question has no subject of its own: 一共开展了几次, 什么时候通车的."""
    folded = fold(body)
    verb = rf"(?:又|还|也|都|一共|总共|共)*{_VERB_ZH.pattern}.*(?:什么|多少|几|哪|谁|吗)"
    asks = (
        r"(?:是)?(?:什么时候|何时|在哪|哪[里儿年天位家些]|谁|多少|怎么|为什么|为何|(?:一共|总共|共)?有(?:多少|几|哪些))"
    )
    own = sum(len(term) if is_han(term[0]) else 3 for term in terms(body))  # what it names itself
    return len(folded) <= 14 and own <= 4 and bool(re.match(rf"{verb}|{asks}", folded))
