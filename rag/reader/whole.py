"""Questions about a document as a whole: its stated metadata, and what it covers. Read off the document's own spans,
nothing is searched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from rag.reader.features import Asked, covered, longest_common, prepare
from rag.reader.views import View, view
from rag.text import fold, sentence_spans, trim
from rag.types import Document, Finding, Passage, Question, Section, Span, passage_id

_MOST_HEADINGS = 12
_LEADS = 3
_TOPIC = 16  # characters up to which a paragraph's first sentence is its topic
_NAMED = 0.55  # share of a question's rarity that a heading must cover to be meant
_MARKS = re.compile(r"(?:#{1,6}\s+)?")
_IDENTITY = re.compile(
    r"是谁|何许人也?|是?什么人|干什么|干[嘛吗啥]|做什么|什么?(?:职务|职位|身份|头衔|官)|担任|现任|\b(?:who|what) (?:is|are)\b|position|job|role|does .* do|\bdo\b"
)
_SMALL = re.compile(
    r"[是的了吗呢呀啊吧他她么什么谁现在目前请问那有哪几两个些，,。？?！!、\s]+|同志|先生|女士|\b(?:the|a|an|is|what|who|s|of|his|her|does|hold|title)\b"
)
ASKS_POINTS = re.compile(
    r"(?:哪|几)(?:些|几|[两三四五六七八九十])?个?(?:件?事|工作|措施|举措|做法|方面|点|部分|环节|步骤)(?!的)|做了(?:什么|啥)|怎么做"
)
_FALL_BACK = {"publisher": ("publisher", "source", "author")}
# Lines that state a key as "label: value", where the document's own metadata is silent on it.
_LABELS = {
    key: re.compile(rf"\W{{0,3}}(?:{label})\s*[:：]\s*(?P<value>\S[^\n]{{0,80}})", re.IGNORECASE)
    for key, label in (
        ("publisher", r"(?:发文|发布|印发|主办|编制|制定|承办|主管)(?:单位|部门|机关|机构|方|者|人)|来源|published by|issued by|publisher|source"),
        ("author", r"作者|撰稿人?|撰文|执笔人?|起草人?|整理人?|记录人?|author|written by|by"),
        ("editor", r"(?:责任)?编辑|责编|主编|editors?|edited by"),
        ("date", r"(?:发布|发表|印发|更新|修订|成文|签发)?(?:日期|时间)|(?:publication |release )?date|published|updated|last updated"),
        ("url", r"(?:原文|本文)?(?:链接|网址|地址)|主页|url|link|homepage|website"),
        ("category", r"(?:所属)?(?:分类|栏目|专栏|类别|频道)(?:专栏)?|category|section"),
        ("number", r"(?:发文)?(?:字号|文号)|编号"),
    )
}  # fmt: skip
_LABELLED_LINES = 12  # at either end of a document
# What a sentence must speak of to state a key where no metadata does; a key without a row is never told by a sentence.
_SAYS = {
    key: re.compile(words, re.IGNORECASE)
    for key, words in (
        ("author", r"作者|撰|执笔|起草|本[书文刊手].{0,6}由.{1,20}(?:写|编)|author|written by|wrote this|maintained by"),
        ("publisher", r"发布|发表|印发|主办|出版|发文|公布|刊|publish|issued|released by|负责解释"),
        ("date", r"发布|发表|印发|公布|写于|写成|更新于|修订|刊|publish|updated|issued|dated|written (?:in|on)|released on"),
        ("url", r"https?://|www\.|\.(?:com|cn|org|net)\b"),
        ("editor", r"责任?编辑|责编|主编|编辑\s*[:：是为]|edit(?:ed by|or)"),
        ("number", r"号"),
        ("category", r"分类|栏目|category"),
        ("reuse", r"转载|转发|许可|授权|版权|著作权|licen[cs]e|copyright|permission|public domain|republish"),
    )
}  # fmt: skip
_ASKS_CLOCK = re.compile(r"几[点时分]|钟头?|精确时间|准确时间|具体时间|what (?:exact )?time|what hour|exact time")
_ASKS_DAY = re.compile(r"哪一?[天日]|几[月号日]|日期|what (?:date|day)|which (?:date|day)")
_CLOCK = re.compile(r"\d{1,2}[:：]\d{2}(?:[:：]\d{2})?|\d{1,2}[点时]\d{0,2}")


def stated(document: Document, question: Question) -> list[Finding]:
    """The lines that state the metadata keys of a question, with their values as short spans, in the order asked; none
    where the document is silent. A line that states two keys is quoted once."""
    found: list[Finding] = []
    for key in question.field.split():
        for line in metadata(document, key, fold(question.understood)):
            same = next((i for i, f in enumerate(found) if (f.start, f.end) == (line.start, line.end)), None)
            if same is None:
                found.append(line)
            elif not set(line.spans) <= set(found[same].spans):
                spans = tuple(sorted({*found[same].spans, *line.spans}, key=lambda s: s.start))
                found[same] = replace(found[same], spans=spans)
    return found


def metadata(document: Document, key: str, asked: str = "") -> list[Finding]:
    """The line that states a metadata key, with the value as its short span; none where the document is silent. Of a
    date only the part that `asked` (folded) wants: the day, or the time of day."""
    for name in _FALL_BACK.get(key, (key,)):
        span = document.meta.get(name) or _labelled(document, name)
        if span is not None and key == "date":
            span = _part_of_date(document.text, span, asked)
        if span is not None:
            start, end = _line(document.text, span)
            return [quoted(document, start, end, (span,))]
    return []


def says(question: Question, found: Finding) -> bool:
    """Whether a sentence found for a metadata question states one of its keys, in words that are said of a document."""
    return any(key in _SAYS and _SAYS[key].search(found.quote) for key in question.field.split())


def _labelled(document: Document, key: str) -> Span | None:
    pattern = _LABELS.get(key)
    if pattern is None:
        return None
    lines = [m for m in re.finditer(r"[^\n]+", document.text) if m.group().strip()]
    for line in [*lines[:_LABELLED_LINES], *lines[_LABELLED_LINES:][-_LABELLED_LINES:]]:
        match = pattern.match(line.group())
        if match and not re.search(r"[。；;]\S", match["value"]):
            start, end = trim(document.text, line.start() + match.start("value"), line.start() + match.end("value"))
            return Span(start, end)
    return None


def _part_of_date(text: str, span: Span, asked: str) -> Span | None:
    clock = _CLOCK.search(text, span.start, span.end)
    if _ASKS_CLOCK.search(asked):
        return Span(clock.start(), clock.end()) if clock else None
    if clock and _ASKS_DAY.search(asked):
        start, end = trim(text, span.start, clock.start())
        return Span(start, end) if end > start else span
    return span


def asks_identity(question: Question) -> bool:
    """Whether a question asks who somebody is, or what somebody does: a first look, before a document is fetched."""
    return bool(_IDENTITY.search(fold(question.understood)))


def asks_position(document: Document, question: Question) -> bool:
    """Whether a question asks what its author is: 某某是谁, Who is …, with the author's own name in it and nothing else:
    who held the office before 某某 is another question."""
    author = fold(document.value("author"))
    asked = fold(question.understood)
    if not author or author not in asked or "position" not in document.meta or not _IDENTITY.search(asked):
        return False
    rest = _SMALL.sub("", _IDENTITY.sub(" ", asked.replace(author, " ")))
    return not any(c.isalnum() for c in rest)


def overview(document: Document, question: Question) -> list[Finding]:
    """What a document covers, or one of its sections where the question names that."""
    return section(document, question) or contents(document)


def section(document: Document, question: Question) -> list[Finding]:
    """What stands under the heading that the question names: its own headings, else the first sentence of each
    paragraph, or only those that are a paragraph's topic (加强顶层设计。) where there are several; none where the question
    names no heading."""
    asked = prepare(question)
    headings = [s for s in document.sections if s.role == "heading"]
    scored = [(_names(asked, view(document.text[s.start : s.end])), -s.start, s) for s in headings]
    best = max(scored, default=None, key=lambda row: row[:2])
    if best is None or best[0] < _NAMED:
        return []
    name = _plain(document.text[best[2].start : best[2].end])
    inner = [s for s in headings if name in s.path and s.level == best[2].level + 1]
    if len(inner) > 1:
        return [_finding(document, s) for s in inner[:_MOST_HEADINGS]]
    found: list[Finding] = []
    for part in document.sections:
        if part.role == "body" and name in part.path:
            for line_start, line_end in _lines(document.text, part):
                text = document.text[line_start:line_end]
                first = next((s for s in sentence_spans(text) if text[s[0] : s[1]].strip()), None)
                if first is not None:
                    found.append(_finding(document, part, line_start + first[0], line_start + first[1]))
    found = [f for f in found if f.end > f.start]
    topics = [f for f in found if f.end - f.start <= _TOPIC]
    return (topics if len(topics) > 1 and len(topics) * 2 >= len(found) else found)[:_MOST_HEADINGS]


def _plain(heading: str) -> str:
    """A heading as section paths have it: without Markdown's marks, blanks run together."""
    return " ".join(re.sub(r"^#{1,6}\s+|\s+#+$", "", heading.strip()).split())


def _names(asked: Asked, heading: View) -> float:
    """How far a question names a heading: by the share of its words, or by a stretch of four characters and more."""
    longest = max((len(run) for run in asked.runs), default=0) * longest_common(asked, heading.folded)
    return max(covered(asked, heading), 0.6 if longest >= 4 else 0.0)


def contents(document: Document) -> list[Finding]:
    """Title and headings of the outermost level that has at least two; a text without headings is told by the first
    sentences of its first paragraphs."""
    found = [_finding(document, s) for s in document.sections if s.role == "title"][:1]
    headings = [s for s in document.sections if s.role == "heading"]
    for level in sorted({s.level for s in headings}):
        at_level = [s for s in headings if s.level <= level]
        if len(at_level) >= 2:
            return found + [_finding(document, s) for s in at_level[:_MOST_HEADINGS]]
    leads = [s for s in document.sections if s.role == "body"]
    for section in leads[:1] if len(leads) == 1 else leads[:_LEADS]:
        text = document.text[section.start : section.end]
        sentences = [trim(text, a, b) for a, b in sentence_spans(text)]
        take = _LEADS if len(leads) == 1 else 1
        for a, b in [s for s in sentences if s[1] > s[0]][:take]:
            found.append(_finding(document, section, section.start + a, section.start + b))
    return found


def title(document: Document) -> Finding | None:
    """The document's title as a citable place."""
    section = next((s for s in document.sections if s.role == "title"), None)
    if section is not None:
        return _finding(document, section)
    body = next((s for s in document.sections if s.role in {"heading", "body"}), None)
    return _finding(document, body, body.start, min(body.end, body.start + 60)) if body else None


def _finding(document: Document, section: Section, start: int | None = None, end: int | None = None) -> Finding:
    a, b = trim(document.text, section.start if start is None else start, section.end if end is None else end)
    if section.role in {"title", "heading"}:  # Markdown's marks are no part of a heading's words
        a += len(_MARKS.match(document.text[a:b]).group())  # type: ignore[union-attr]  # matches the empty string
    passage = Passage(
        passage_id(document.id, a, b),
        document.id,
        document.text[a:b],
        a,
        b,
        document.title,
        section.path,
        section.role,
        section.page,
    )
    return Finding(passage, a, b, 1.0)


def quoted(document: Document, start: int, end: int, spans: tuple[Span, ...] = ()) -> Finding:
    """A stretch of a document as a finding of its own."""
    return Finding(_passage(document, start, end), start, end, 1.0, spans)


def _passage(document: Document, start: int, end: int) -> Passage:
    section = next((s for s in document.sections if s.start < end and start < s.end), None)
    role = section.role if section else "byline"
    path = section.path if section else ()
    page = section.page if section else None
    text = document.text[start:end]
    return Passage(passage_id(document.id, start, end), document.id, text, start, end, document.title, path, role, page)


def _lines(text: str, part: Section) -> Iterator[tuple[int, int]]:
    start = part.start
    for line in text[part.start : part.end].splitlines(keepends=True):
        if line.strip():
            yield start, start + len(line)
        start += len(line)


def _line(text: str, span: Span) -> tuple[int, int]:
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    return trim(text, start, len(text) if end < 0 else end)
