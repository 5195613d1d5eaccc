"""A trained span as people write an answer: whole words and numbers, whole pairs of marks, nothing of the sentence around."""

from __future__ import annotations

import re

from rag.reader import features as see
from rag.reader.lists import marker
from rag.text import Date, Number, dates, fold, is_han, numbers
from rag.types import Finding, Span

_EDGES = " \t\n,，.。;；:：、!！?？"
_PAIRS = (("“", "”"), ("《", "》"), ("「", "」"), ("『", "』"), ("（", "）"), ("(", ")"))
_EMPHASIS = "*_`#|"  # Markdown's, at the ends of a span
_CELL = re.compile(r"(?<=\w)\s*\|\s")
# What was before and what is now: 由150毫米增加到200毫米.
_CHANGED = re.compile(r"(?:增加|增|提高|升|降低|降|减少|减|改|调整|调|扩大|上升|下降|延长|缩短|推迟|提前)[到至为成]")
_FORMER = re.compile(r"原|之前|以前|从前|过去|去年|\b(?:before|previous|former|used to)")
_COPULA = re.compile(r"(?:是(?![否非])|即(?![将將使时時])|叫做|称为|稱為|名为|名為|(?:is|was|are|were)\s)(?=..)")
_BECAUSE = re.compile(r"是(?=因|由于|由於|为了|為了|because)")
_BY = re.compile(r"由(?![来來衷布])(?=..)")
_PARTICLE = re.compile(r"[的了着著](?![士确確])")
_AND_SO_ON = re.compile(r"(?<=..)等$")
# The verb that a question asks with, before its question word: 深化了什么, 设立哪些.
_VERB = re.compile(r"(?P<verb>[\u4e00-\u9fff]{2})(?:[了过着出成起]|到)?(?:一?个|了)?(?:什么|哪|啥|谁|几|多少|何)")


def tidy(finding: Finding, span: Span) -> Span:
    """A trained span without a list item's mark and the punctuation at its ends, with the marks that enclose it, without
    half a pair, and without half a number or Latin word. Stays inside the finding; empty where nothing is left."""
    text, start, end = finding.quote, span.start - finding.start, span.end - finding.start
    start, end = _whole_words(text, max(start, marker(text)), end)
    start, end = _trimmed(text, start, end)
    cell = _CELL.search(text, start, end)  # of a table's row one cell answers
    end = cell.start() if cell else end
    for opening, closing in _PAIRS:
        inside = text[start:end]
        if inside.count(opening) > inside.count(closing):
            if text[end : end + 1] == closing:
                end += 1
            elif inside.startswith(opening):
                start += 1
        elif inside.count(closing) > inside.count(opening):
            if text[start - 1 : start] == opening and start:
                start -= 1
            elif inside.endswith(closing):
                end -= 1
        elif inside and text[start - 1 : start] == opening and start and text[end : end + 1] == closing:
            start, end = start - 1, end + 1
    start, end = _trimmed(text, start, end)
    return Span(finding.start + start, finding.start + max(start, end))


def without_lead(asked: see.Asked, finding: Finding, span: Span) -> Span:
    """A tidied span without what only joins it to its sentence: 是 before what something is, 由 before who did it, the
    verb that the question asks with, 等 after a list."""
    text, start, end = finding.quote, span.start - finding.start, span.end - finding.start
    kind = asked.question.kind
    lead = _BECAUSE.match(text, start, end) if kind in {"why", "how"} else _COPULA.match(text, start, end)
    if not lead and kind in {"who", "list"}:
        lead = _BY.match(text, start, end)
    verb = verb_end(asked, text) if not lead and kind in {"which", "list", "who", "where"} else 0
    if start < verb < end - 1 and not re.search(r"[，,；;。]", text[start:verb]):
        start = verb
        clause = re.search(r"[，,；;。]", text[start:end])
        end = start + clause.start() if clause and clause.start() > 1 else end
    start = lead.end() if lead else start
    changed = _CHANGED.search(fold(text), start, end) if len(fold(text)) == len(text) else None
    if (
        changed
        and changed.end() < end
        and kind not in {"why", "how"}
        and not _FORMER.search(fold(asked.question.understood))
    ):
        start = changed.end()
    particle = _PARTICLE.match(text, start, end)
    if particle and particle.end() < end:
        start = particle.end()
    listed = _AND_SO_ON.search(text[start:end])
    if listed and kind != "why":
        end -= 1
    start, end = _trimmed(text, start, end)
    return Span(finding.start + start, finding.start + max(start, end))


def with_measure(asked: see.Asked, finding: Finding, span: Span) -> Span:
    """A number with the measure word that the question asks in, where the table of units lacks it (2.3万盏 of 多少盏), and
    with 每 before it and 内 after it."""
    text, start, end = finding.quote, span.start - finding.start, span.end - finding.start
    word = asked.unit[:1] if is_han(asked.unit[:1] or "a") else ""
    after = fold(text[end : end + 2])
    if (
        word and fold(text[end - 1]) != word and after[:1] == word and after != asked.unit[:2]
    ):  # 网友 is no measure word
        end += 1
    inside = re.compile(r"[以之]?[内內]|以[上下]|左右").match(text, end)
    end = inside.end() if inside else end
    start -= start > 0 and text[start - 1] == "每"
    return Span(finding.start + start, finding.start + end)


def verb_end(asked: see.Asked, text: str) -> int:
    """Where the verb that the question asks with (设立 of 设立了哪些) ends in a sentence; 0 where it does not stand there."""
    verb = _VERB.search(fold(asked.question.understood))
    folded = fold(text)
    at = folded.find(verb["verb"]) if verb and len(folded) == len(text) else -1
    return at + len("设立") + (folded[at + 2 : at + 3] in {"了", "过", "着"}) if at >= 0 else 0


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in _EDGES + _EMPHASIS:
        start += 1
    while start < end and text[end - 1] in _EDGES + _EMPHASIS:
        end -= 1
    return start, end


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The span with the rest of a number, date or Latin word that it cuts in two: 3600万 -> 超3600万次."""
    found: list[Number | Date] = [*numbers(text), *dates(text)]
    for phrase in found:
        if phrase.start < start < phrase.end or phrase.start < end < phrase.end:
            start, end = min(start, phrase.start), max(end, phrase.end)
    while 0 < start < end and _joined(text[start - 1], text[start]):
        start -= 1
    while start < end < len(text) and _joined(text[end - 1], text[end]):
        end += 1
    return start, end


def _joined(left: str, right: str) -> bool:
    return (
        left.isalnum()
        and right.isalnum()
        and not is_han(left)
        and not is_han(right)
        and left.isdigit() == right.isdigit()
    )
