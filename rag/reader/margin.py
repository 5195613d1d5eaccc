"""What stands around an article: hot lists with their counts, and the notice that says who may reprint it. Found by role
and by the wording of the line, never by what one page happens to say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.reader.views import degree, view
from rag.reader.whole import quoted
from rag.text import fold, is_han, sentence_spans, trim
from rag.text.tokens import tokens
from rag.types import Document, Finding, Question, Reading, Span

_REPRINT = re.compile(
    r"转载|转发|转帖|摘编|引用|复制|授权|许可|版权|著作权|republish|reprint|reproduc|repost|syndicat|permission|copyright|licen[cs]e",
    re.IGNORECASE,
)
_CONTACT = re.compile(r"联系|授权|许可|同意|允许|contact|permission|write to|e-?mail", re.IGNORECASE)
_CONTACT_WHO = re.compile(
    r"(?:联系|征得|经过?|取得|获得?)(?P<who>[^,，。;；的]{2,20}?)(?:书面)?(?:的?(?:同意|授权|许可|允许)|(?=[,，。;；]|$))|(?:contact|permission (?:of|from))\s(?P<who2>[^,.;]{3,60})",
    re.IGNORECASE,
)
_BLAME = re.compile(r"后果|责任|追究|承担|侵权|liab|responsib|legal action|infring", re.IGNORECASE)
_CREDIT = re.compile(r"注明|出处|署名|标明|credit|attribut|source", re.IGNORECASE)
_DETAIL = re.compile(
    r"[\w.]@[\w.]|\d{3,4}-\d{6,}|(?<![\d=])1\d{10}(?!\d)|(?<![\d=])[48]00-?\d{3}-?\d{4}|(?:微信|qq)号?\s*[:：]\s*\w",
    re.IGNORECASE,
)
_ASKS = (  # what a question about reprinting wants to know; the first that matches decides
    (
        re.compile(
            r"邮箱|邮件地址|电话|手机|微信号|qq号?|联系方式|号码|地址|e-?mail address|phone|telephone|number|address"
        ),
        _DETAIL,
    ),
    (
        re.compile(
            r"后果|责任|负责|算谁|出了?(?:事|问题)|追究|没打?招呼|不打招呼|擅自|私自|未经|不经|without|happens|consequence|liab|responsib"
        ),
        _BLAME,
    ),
    (
        re.compile(
            r"联系|找(?:谁|哪|什么人)|问谁|征得|同意|授权|许可|允许|批准|申请|打招呼|说一声|contact|permission|who |ask"
        ),
        _CONTACT,
    ),
    (re.compile(r"注明|署名|出处|标明|credit|attribut"), _CREDIT),
)
_LIST_WORD = re.compile(
    r"热门|热议|热榜|热搜|热帖|热点|热文|榜单?|排行|推荐|相关(?:阅读|文章|新闻|链接)|猜你喜欢|侧栏|附栏|最新文章|精选|"
    r"\b(?:hot list|most (?:read|popular|viewed|discussed)|trending|popular|related (?:articles?|stories|posts)|recommended|sidebar|top stories)\b"
)
_POINTS_AT = re.compile(
    r"上周|本周|今日|昨日|本月|近期|页面|网页|网站|右边|侧边|旁边|底下|下面|文章|新闻|帖子?|列表|榜单?|栏目?|话题|消息|里面?|[中上]的?|"
    r"那[一]?[条则个篇]|这[一]?[条则个篇]|哪[一]?[条则个篇]|标题|第[一二三四五六七八九十\d]+[条名位个篇]?|最[火热高]的?|榜首|头条|头一条|排头|排(?:在|第)?|说|讲|提到|叫|"
    r"(?:有|是)?(?:多少|几)(?:的)?(?:人|次)?(?:看|阅读|点击|浏览|热度|人气)?(?:过|了)?|热度|人气|阅读量|浏览量|点击量|点击|次数|是|的|了|什么|啥|哪|有|在|"
    r"\b(?:the|in|on|of|is|what|which|how|many|list|hot|most|read|popular|trending|related|articles?|stories|posts?|first|top|second|third|headline|item|this|last|week|page|sidebar|views|clicks|has|have)\b"
)
_HEAT = re.compile(
    r"热度|人气|(?:阅读|浏览|点击|访问)(?:量|数|次数)?(?:是|有|为)?(?:多少|几)|(?:多少|几)(?:个)?(?:人|次)(?:看|读|点|浏览)|多少(?:的)?(?:热度|人气|阅读|浏览|点击)|how many (?:views|reads|clicks)|view count"
)
_PLACE = re.compile(
    r"第(?P<n>10|[1-9]|[一二三四五六七八九十])(?:条|名|位|个|篇|的)?|最[火热高]|榜首|头[一]?条|排头|\b(?:top|first|number one)\b"
)
_COUNT = re.compile(r"(?<=\s)\d[\d,.]*(?:万|w|k|m)?\s*$", re.IGNORECASE)
_NEARLY_ALL = 0.75  # share of the question's rarity that a headline must hold to be the one that is meant
_COUNTERS = re.compile(
    r"赞|评论|留言|回复|跟帖|粉丝|关注|私信|收藏|转发|分享|浏览|阅读|点击|发表|发布|几篇|多少篇|账号|帐号|博主|用户|"
    r"likes?|upvotes?|comments?|repl(?:y|ies)|followers?|fans|shares?|views?|posts?|articles?|account"
)


@dataclass(frozen=True, slots=True)
class Headline:
    """A line of a list beside the article: `start..end` without its count, which is `count`."""

    start: int
    end: int
    place: int  # 1-based, within its list
    head: str  # the list's own title, folded; "" where it has none
    count: Span | None


def reprint(document: Document, question: Question) -> list[Finding]:
    """The sentence of a page's notices that tells what a question about reprinting asks for: whom to ask, who answers
    for it, what to name; none where the notices do not tell."""
    asked = fold(question.understood)
    sentences = [
        (start, end)
        for section in document.sections
        if section.role == "notice" and _REPRINT.search(document.text[section.start : section.end])
        for start, end in _sentences(document, section.start, section.end)
    ]
    for wants, tells in _ASKS:
        if wants.search(asked):
            for start, end in sentences:
                match = tells.search(document.text[start:end])
                if match:
                    return [_told(document, start, end, tells)]
            if tells is not _CONTACT:
                return []
    found = next((s for s in sentences if _REPRINT.search(document.text[s[0] : s[1]])), None)
    return [_told(document, *found, _REPRINT)] if found else []


def _told(document: Document, start: int, end: int, tells: re.Pattern[str]) -> Finding:
    text = document.text[start:end]
    spans: tuple[Span, ...] = ()
    if tells is _CONTACT and (match := _CONTACT_WHO.search(text)):
        a, b = match.span("who") if match["who"] else match.span("who2")
        spans = (Span(start + a, start + b),)
    return quoted(document, start, end, spans)


def _sentences(document: Document, start: int, end: int) -> Iterator[tuple[int, int]]:
    text = document.text[start:end]
    for line in re.finditer(r"[^\n]+", text):
        for a, b in sentence_spans(line.group()):
            left, right = trim(line.group(), a, b)
            if right > left:
                yield start + line.start() + left, start + line.start() + right


def asks_of_list(question: Question) -> bool:
    """Whether a question speaks of a list beside the article: only then `listed` finds anything."""
    return bool(_LIST_WORD.search(fold(question.understood)))


def listed(document: Document, question: Question, *, headline: bool = False) -> list[Finding]:
    """The line of a hot list that a question points at: by its place (排第一的), for its count (…有多少热度), or, with
    `headline`, by what it says (…那条热门说); none where the question does not speak of such a list or names a line that is
    not there."""
    asked = fold(question.understood)
    word = _LIST_WORD.search(asked)
    lines = list(headlines(document)) if word else []
    if not word or not lines:
        return []
    lines = _of_list(lines, asked)
    named = [
        t for t in re.split(r"\s+", _POINTS_AT.sub(" ", _LIST_WORD.sub(" ", asked))) if len(t.strip(' ?？“”"，,。')) > 1
    ]
    place = _PLACE.search(asked)
    if not named and place:
        digit = place["n"] or "1"
        wanted = int(digit) if digit.isdigit() else "一二三四五六七八九十".index(digit) + 1
        first = lines[0].head
        line = next((x for x in lines if x.place == wanted and x.head == first), None)
        return [_line(document, line, heat=False)] if line else []
    heat = bool(_HEAT.search(asked))
    best = max(lines, key=lambda x: (_share(named, document.text[x.start : x.end]), -x.start))
    if not named or _share(named, document.text[best.start : best.end]) < _NEARLY_ALL:
        return []
    if (heat and best.count is None) or not (heat or headline):
        return []
    if (
        question.kind == "how_many"
        and not heat
        and not re.search(r"\d|[一二三四五六七八九十百千万]", document.text[best.start : best.end])
    ):
        return []
    return [_line(document, best, heat=heat)]


def _share(named: Sequence[str], line: str) -> float:
    """Share of the tokens of what is named that a headline holds."""
    seen = view(line)
    wanted = [t for name in named for t in tokens(name) if not t.startswith(("n:", "d:", "y:"))]
    return sum(degree(t, seen) for t in wanted) / len(wanted) if wanted else 0.0


def _of_list(lines: list[Headline], asked: str) -> list[Headline]:
    """The lines of the list that is named: 本周热议 and not 上周热门; all, where none is."""
    english = {"last week": "上周", "this week": "本周", "today": "今日"}
    when = re.search(r"上周|本周|今日|昨日|本月|近期|" + "|".join(english), asked)
    what = re.search(r"热门|热议|热榜|热搜|热帖|推荐|相关|排行|最新", asked)
    for wanted in (when, what):
        key = english.get(wanted.group(), wanted.group()) if wanted else ""
        kept = [line for line in lines if key and key in line.head]
        lines = kept or lines
    return lines


def headlines(document: Document) -> Iterator[Headline]:
    """Every line of the lists beside the article, in order; a line without a count that stands over counted ones, or
    opens a section, is a list's title."""
    for section in document.sections:
        if section.role != "related":
            continue
        rows = [m for m in re.finditer(r"[^\n]+", document.text[section.start : section.end]) if m.group().strip()]
        counted = [bool(_COUNT.search(m.group())) for m in rows]
        mostly = sum(counted) * 2 > len(rows)
        head, place = "", 0
        for at, row in enumerate(rows):
            if (at == 0 or mostly) and not counted[at] and at + 1 < len(rows) and len(row.group().strip()) <= 20:
                head, place = fold(row.group().strip()), 0
                continue
            place += 1
            left, right = trim(document.text, section.start + row.start(), section.start + row.end())
            count = _COUNT.search(document.text[left:right])
            told = (
                Span(left + count.start(), left + len(document.text[left : left + count.end()].rstrip()))
                if count
                else None
            )
            yield Headline(left, right, place, head, told)


def _line(document: Document, line: Headline, *, heat: bool) -> Finding:
    spans: tuple[Span, ...] = (line.count,) if heat and line.count else ()
    return quoted(document, line.start, line.end, spans)


_OFFICE = re.compile(
    r"[部市省县区局处科厅司院校会社台馆所站队镇乡村州庭行厂店团班组]长|秘书长|主任|主席|主编|书记|经理|总裁|总统|总理|教授|司令|馆主"
)
_UNDER = re.compile(r"(?:副总?|助理|前任|原任)\s*$")


def holds_up(question: Question, reading: Reading) -> bool:
    """Whether an answer can be one at all: a bare counter answers only what asks for counters, and who the minister is
    is not told by a line that names the deputy."""
    if not reading.findings:
        return True
    asked = fold(question.understood)
    first = reading.findings[0]
    if question.field == "reuse" and _ASKS[0][0].search(asked) and not _DETAIL.search(first.quote):
        return False  # an address or a number is asked for
    if first.passage.role == "counter" and not _COUNTERS.search(asked):
        return False
    if (
        first.passage.role == "date"
        and question.kind == "how_many"
        and not _COUNTERS.search(asked)
        and _all_digits(first)
    ):
        return False
    return not (question.kind == "who" and _office_missing(asked, reading.findings))


def _all_digits(found: Finding) -> bool:
    shorts = [found.short(span) for span in found.spans]
    return bool(shorts) and all(re.fullmatch(r"[\d,.\s]+", short) for short in shorts)


def _office_missing(asked: str, findings: Sequence[Finding]) -> bool:
    """The office asked for is told of a deputy only, or stands neither in what is shown nor around it (in Chinese: an
    English page names it otherwise)."""
    for office in dict.fromkeys(_OFFICE.findall(asked)):
        at = asked.index(office)
        if _UNDER.search(asked[:at]):
            continue
        lines = [(fold(f.quote), m.start()) for f in findings for m in re.finditer(office, fold(f.quote))]
        if lines and all(_UNDER.search(line[:start]) for line, start in lines):
            return True
        if not any(office in fold(f.passage.context) or not any(map(is_han, f.quote)) for f in findings):
            return True
    return False
