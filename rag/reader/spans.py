"""The short answer inside a sentence: the number with its measure word, the date, the name, the items of a list.

A span is offered only where its kind can be seen; otherwise the sentence itself is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.reader import features as see
from rag.reader.lists import NAME, distance, items
from rag.reader.lists import asks_several as several
from rag.text import dates, fold, fold_map, is_han, numbers, places, unfold
from rag.types import Finding, Kind, Span

_ASKED_HEAD = re.compile(
    r"(?:什么|哪一?[个种家所座项款部篇条届]?|何种)(?P<head>[\u4e00-\u9fff]{1,6}?)(?:[的了吗呢呀啊？?，,。]|$)"
)
_TOGETHER = re.compile(r"\s?(?:[-–—~～：:/×x*]|至|到|比|或|to|or)?\s?")
_SIGNS = frozenset("±≥≤<>≈-+~～−")
_FRAME = re.compile(
    r"(?P<word>[用以靠由]|通过|凭借|依靠|借助)(?:什么|哪些|哪[个种位家]|谁|啥)(?!时候|地方|意思|也|都)."
)


def short_answers(asked: see.Asked, finding: Finding) -> list[Span]:
    """Spans of the document inside the finding's sentence, in document order; several for a list."""
    text = finding.quote
    matched = matched_mask(asked, text)
    kind = asked.question.kind
    if kind == "how_many":
        found = _number(asked, text, matched)
    elif kind == "when":
        found = _nearest([(d.start, d.end) for d in dates(text)], matched, text)
    elif kind == "who":
        people = [m.span("name") if m["name"] else m.span() for m in see.PERSON.finditer(text)]
        found = _nearest(_unasked(people, matched), matched, text)
    elif kind == "where":
        found = _nearest(_unasked(_find_all(text, places(text)), matched), matched, text)
    elif asks_several(asked):
        found = items(text, matched) or _unasked([m.span() for m in NAME.finditer(text)], matched)
    elif kind in {"which", "definition", "yes_no", "keywords"}:
        found = _named(asked, text, matched) if kind == "which" or _asks_name(asked) else []
    else:
        found = []
    if finding.features.get("cross") and kind not in {"how_many", "when"}:
        found = []  # across languages nothing shows which of several names is meant
    return [Span(finding.start + start, finding.start + end) for start, end in found]


def asks_several(asked: see.Asked) -> bool:
    """Whether more than one thing may be the answer: a list is asked for, or several in so many words."""
    return asked.question.kind == "list" or (
        asked.question.kind not in {"why", "how", "how_many", "when", "yes_no"} and several(asked.question.understood)
    )


def phrases(finding: Finding, kind: Kind) -> list[Span]:
    """Every date (when) or number with its measure word (how_many) of a sentence; what two numbers make together is one:
    900米至1900米, 1：7, 3分08秒."""
    text = finding.quote
    if kind == "when":
        return [Span(finding.start + d.start, finding.start + d.end) for d in dates(text)]
    found: list[tuple[int, int]] = []
    for number in numbers(text):
        start, end = number.start, number.end
        if found and _TOGETHER.fullmatch(text, found[-1][1], start):
            start = found.pop()[0]
        elif start and text[start - 1] in _SIGNS and not re.search(r"[a-zA-Z\d]", text[max(0, start - 2)]):
            start -= 1
        found.append((start, end))
    return [Span(finding.start + start, finding.start + end) for start, end in found]


def framed(asked: see.Asked, finding: Finding, near: Span) -> Span | None:
    """What stands in a sentence where the question word stands in the question: 以什么为指导 against 以……为指导, 用什么来滋养
    against 用……滋养. Only a stretch of one clause that shares something with the span `near`."""
    text = finding.quote
    asks = _FRAME.search(fold(asked.question.understood))
    if not asks:
        return None
    matched = matched_mask(asked, text)
    folded, at = fold_map(text)
    for opening in re.finditer(re.escape(asks["word"]), folded):
        start = unfold(at, *opening.span())[1]
        end = next((i for i in range(start, len(text) - 1) if matched[i] and matched[i + 1]), 0)
        while end > start and text[end - 1] in "来來去作为為的":
            end -= 1
        overlap = min(near.end - finding.start, end) - max(near.start - finding.start, start)
        if end - start > 1 and overlap > 0 and not re.search(r"[，,；;。：:]", text[start:end]):
            if (
                near.start == finding.start + start
                and near.end > finding.start + end
                and not re.search(r"[，,；;。：:]", finding.short(near))
            ):
                return near  # the model knows the end of a word that the question shares: 静态箱法
            return Span(finding.start + start, finding.start + end)
    return None


def matched_mask(asked: see.Asked, text: str) -> list[bool]:
    """Which characters of a sentence the question also has, in stretches of two Han characters or one Latin word."""
    folded, at = fold_map(text)
    mask = [False] * len(text)

    def mark(start: int, end: int) -> None:
        for i in range(*unfold(at, start, end)):
            mask[i] = True

    for term in asked.question.terms:
        if is_han(term[0]):
            start = 0
            while start < len(term):
                size = see.held(term, start, folded)
                if size:
                    for hit in re.finditer(re.escape(term[start : start + size]), folded):
                        mark(*hit.span())
                start += size or 1
            if len(term) == 1:
                for hit in re.finditer(re.escape(term), folded):
                    mark(*hit.span())
        else:
            for hit in re.finditer(rf"(?<![a-z0-9]){re.escape(term)}", folded):
                mark(*hit.span())
    return mask


def _number(asked: see.Asked, text: str, matched: Sequence[bool]) -> list[tuple[int, int]]:
    question = fold(asked.question.understood)
    ordinal = "第几" in question or "哪一届" in question
    told = {a[1:] for a in asked.question.anchors if a.startswith("#")}
    best: tuple[float, int, int] | None = None
    for number in numbers(text):
        if number.ordinal != ordinal or f"{number.value:g}{fold(number.unit)}" in told:
            continue
        score = -distance(number.start, number.end, matched, text) / 12
        score += 1.5 * see.unit_state(asked, text[number.start : number.end] + text[number.end : number.end + 6])
        score += 0.5 * bool(number.unit)
        if number.value == 1 and not text[number.start].isdigit():  # 一种, 一处: an article more often than a count
            score -= 1.0
        if best is None or score > best[0]:
            best = (score, number.start, number.end)
    if best is None:
        spans = [(d.start, d.end) for d in dates(text)] if re.search(r"哪|几月|几号|年", question) else []
        return _nearest(spans, matched, text)
    return [best[1:]]


def _named(asked: see.Asked, text: str, matched: Sequence[bool]) -> list[tuple[int, int]]:
    """A quoted name that the question does not have, or the noun phrase that ends in the asked head (什么奖 -> …奖)."""
    head = _ASKED_HEAD.search(fold(asked.question.understood))
    word = head["head"] if head else ""
    for size in range(len(word), 0, -1):
        for match in re.finditer(re.escape(word[-size:]), text):
            start = match.start()
            while start > 0 and not matched[start - 1] and text[start - 1] not in "，,。；;、：:“”《》 获为是在":
                start -= 1
            if 2 < match.end() - start <= 30 and start < match.start():
                return [(start, match.end())]
    names = _unasked([m.span() for m in NAME.finditer(text)], matched)
    return _nearest(names, matched, text)


def _asks_name(asked: see.Asked) -> bool:
    return bool(re.search(r"叫什么|叫啥|名字|名称|名为|称为|哪个|called|name", fold(asked.question.understood)))


def _unasked(spans: Sequence[tuple[int, int]], matched: Sequence[bool]) -> list[tuple[int, int]]:
    return [(s, e) for s, e in spans if sum(matched[s:e]) * 2 < e - s]


def _find_all(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    spans, start = [], 0
    for word in words:
        at = text.find(word, start)
        if at >= 0:
            spans.append((at, at + len(word)))
            start = at + len(word)
    return spans


def _nearest(spans: Sequence[tuple[int, int]], matched: Sequence[bool], text: str) -> list[tuple[int, int]]:
    if not spans:
        return []
    return [min(spans, key=lambda span: (distance(span[0], span[1], matched, text), span[0]))]
