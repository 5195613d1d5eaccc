"""The short answer inside a sentence: the number with its measure word, the date, the name, the items of a list.

A span is offered only where its kind can be seen; otherwise the sentence itself is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.reader import features as see
from rag.text import clause_spans, dates, fold, fold_map, is_han, numbers, places, trim, unfold
from rag.types import Finding, Kind, Span

_NAME = re.compile(r"“[^”]{1,40}”|《[^》]{1,40}》|「[^」]{1,40}」|『[^』]{1,40}』|\"[^\"]{1,40}\"")
_ITEM_SEPARATOR = re.compile(r"(?<=[”》」』])(?=[“《「『])|[、；;]|(?<=[a-zA-Z\d]),\s(?:and\s)?|\sand\s")
_LAST_ITEM = re.compile(r"(?:以及|和|及|与|或)")
_AFTER_LIST = re.compile(r"等(?![级待])")
_COUNT_OF = re.compile(r"(?<=[^\s第])[两二三四五六七八九十\d]{1,2}(?:大|个|项|种|类|家|方面|名|位|座|条|部).*$")
# Words after which the items of a list begin: those that stand 15 times and more in two million characters of
# encyclopedia articles (the texts of CMRC 2018 train and DRCD).
_LEAD_VERB = re.compile(
    r"^.*(?:包括|包含|分别为|分别是|运用|采用|利用|使用|通过|推出|打造|开设|建设|组建|出台|制定|举办|开展|围绕|挖掘|组织|培育|获得|拥有|设有|"
    r"具有|生产|出版|发行|主演|饰演|参加|参与|担任|来自|涉及|覆盖|发展|建立|设立|成立|提供|支持|发布|研究|收录|连接|经过|创作|执导|演出|负责|"
    r"有|是|为|如|像|include[sd]?|including|are|were|such as|:|：)"
)
_ASKED_HEAD = re.compile(
    r"(?:什么|哪一?[个种家所座项款部篇条届]?|何种)(?P<head>[\u4e00-\u9fff]{1,6}?)(?:[的了吗呢呀啊？?，,。]|$)"
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
    elif kind == "list":
        found = _items(text, matched)
    elif kind in {"which", "definition", "yes_no", "keywords"}:
        found = _named(asked, text, matched) if kind == "which" or _asks_name(asked) else []
    else:
        found = []
    if finding.features.get("cross") and kind not in {"how_many", "when"}:
        found = []  # across languages nothing shows which of several names is meant
    return [Span(finding.start + start, finding.start + end) for start, end in found]


def phrases(finding: Finding, kind: Kind) -> list[Span]:
    """Every date (when) or number with its measure word (how_many) of a sentence."""
    found = dates(finding.quote) if kind == "when" else numbers(finding.quote)
    return [Span(finding.start + f.start, finding.start + f.end) for f in found]


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
                size = next((n for n in range(len(term) - start, 1, -1) if term[start : start + n] in folded), 0)
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
        score = -_distance(number.start, number.end, matched, text) / 12
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


def _items(text: str, matched: Sequence[bool]) -> list[tuple[int, int]]:
    """The enumeration that stands closest to what the question shares with the sentence."""
    best: tuple[float, list[tuple[int, int]]] = (float("-inf"), [])
    for start, end in _enumerations(text):
        items = _split_items(text, start, end)
        items = [item for item in items if sum(matched[item[0] : item[1]]) < item[1] - item[0]]
        if len(items) < 2:
            continue
        names = sum(text[s] in "“《「『" for s, _ in items)
        score = -_distance(items[0][0], items[-1][1], matched, text) / 10 + 0.15 * len(items) + 0.2 * (names > 1)
        if score > best[0]:
            best = (score, items)
    if best[1]:
        return best[1]
    return _unasked([m.span() for m in _NAME.finditer(text)], matched)


def _enumerations(text: str) -> list[tuple[int, int]]:
    """Clauses (up to , or 。; 、 only separates items) that hold at least one item separator."""
    merged: list[tuple[int, int]] = []
    for start, end in clause_spans(text):
        if merged and text[merged[-1][1] - 1] == "、":
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return [(s, e) for s, e in merged if _ITEM_SEPARATOR.search(text[s:e])]


def _split_items(text: str, start: int, end: int) -> list[tuple[int, int]]:
    clause = text[start:end]
    first = _ITEM_SEPARATOR.search(clause)
    if first is None:
        return []
    lead = _LEAD_VERB.match(clause[: first.start()])
    begin = lead.end() if lead and lead.end() < first.start() else 0
    quote = max(clause.rfind(mark, 0, first.start()) for mark in "“《「『")
    if quote > begin and clause[first.start() - 1] in "”》」』":
        begin = quote
    after = _AFTER_LIST.search(clause, first.start())
    stop = after.start() if after else len(clause)
    cuts = [begin]
    for separator in _ITEM_SEPARATOR.finditer(clause, begin, stop):
        cuts += [separator.start(), separator.end()]
    last = _LAST_ITEM.search(clause, cuts[-1], stop)
    if last and last.start() > cuts[-1]:
        cuts += [last.start(), last.end()]
    cuts.append(stop)
    spans = [trim(clause, cuts[i], cuts[i + 1]) for i in range(0, len(cuts) - 1, 2)]
    spans = [(_begin_item(clause, a, b), b) for a, b in spans if b > a]
    beside = first.end() == first.start()  # “甲”“乙”: nothing but the marks divides them
    out = [(start + a, start + _end_item(clause, a, b, beside)) for a, b in spans if b > a]
    return [(a, b) for a, b in out if b > a]


def _begin_item(clause: str, start: int, end: int) -> int:
    """An opening mark that closes in another item belongs to none of them."""
    unpaired = {"“": "”", "《": "》", "「": "」", "『": "』"}.get(clause[start])
    return start + 1 if unpaired and unpaired not in clause[start:end] else start


def _end_item(clause: str, start: int, end: int, beside: bool) -> int:
    """Quoted items that stand side by side end with their marks; any other before a count of them (三大品牌) or
    closing punctuation."""
    counted = _COUNT_OF.search(clause, start + 1, end)
    if counted:
        end = counted.start()
    if beside and clause[start] in "“《「『":
        close = clause.find({"“": "”", "《": "》", "「": "」", "『": "』"}[clause[start]], start)
        return close + 1 if 0 < close < end else end
    while end > start and clause[end - 1] in "，,。.！!？?；; ":
        end -= 1
    return end


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
    names = _unasked([m.span() for m in _NAME.finditer(text)], matched)
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
    return [min(spans, key=lambda span: (_distance(span[0], span[1], matched, text), span[0]))]


def _distance(start: int, end: int, matched: Sequence[bool], text: str) -> float:
    """Characters to the nearest shared stretch; a clause border between counts ten more."""
    before = next((i for i in range(start - 1, -1, -1) if matched[i]), None)
    after = next((i for i in range(end, len(matched)) if matched[i]), None)
    gaps = []
    if before is not None:
        gaps.append(start - before - 1 + 10 * len(re.findall(r"[，,。；;]", text[before:start])))
    if after is not None:
        gaps.append(after - end + 10 * len(re.findall(r"[，,。；;]", text[end:after])))
    return min(gaps, default=len(text))
