"""Enumerations inside a sentence: “《A》《B》和《C》”, 甲、乙和丙, "A, B and C", 一是……；二是……, each as the spans of its items.

Where an enumeration stands and how it divides can be seen; where its first item begins and its last one ends often cannot
(推进社会公德、职业道德建设). That is told by the trained model's span, by the words of the question, and by the other items.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.text import clause_spans, fold, is_han, trim

Piece = tuple[int, int]
"""Start and end of a stretch, in characters of the sentence."""

NAME = re.compile(r"“[^”]{1,40}”|《[^》]{1,40}》|「[^」]{1,40}」|『[^』]{1,40}』|\"[^\"]{1,40}\"")
_NUMERAL = "两兩二三四五六七八九十俩倆仨"
_COUNTER = "个|种|项|大|位|家|条|座|部|类|点|支|名|份|件|所|本|款|样|者"
# What asks for more than one thing, whatever the kind of question.
_PLURAL = re.compile(
    rf"哪些|哪几(?![年天月])|哪[{_NUMERAL}]|分别|都(?:有|是|叫)(?:什么|啥|谁|哪)|什么和什么|列出|列举|"
    rf"(?<![第\da-zA-Z.一{_NUMERAL}百千万])[{_NUMERAL}2-9](?:{_COUNTER})[^，,。？?]{{0,12}}?(?:是|叫|有|指)(?:什么|啥|谁|哪)|"
    r"\b(?:list|name) (?:the|all|some|two|three|four|five)\b|\bwhat (?:are|were) (?:the|some|its|their|his|her)\b|\bkinds?\b|\btypes\b|"
    r"\b(?:which|what) (?:two|three|four|five|six|seven|\w+ ){0,2}?\w{2,}(?<![su])s (?:are|were|do|did|does|have|can|will)\b|"
    r"\b(?:which|what)(?: are| were)?(?: the)? (?:two|three|four|five|six|seven)\b"
)
_SEPARATOR = re.compile(r"(?<=[”》」』])(?=[“《「『])|[、；;]")
_LAST = re.compile(r"(?:以及|和|及|与|與|或)")
_ENGLISH = re.compile(r",\s+(?:and\s+|or\s+)?|\s+(?:and|or)\s+")
_NAMES_RUN = re.compile(rf"(?:{NAME.pattern})(?:\s?(?:以及|[、，,；;和及与與或])?\s?(?:{NAME.pattern}))+")
_AFTER = re.compile(r"等(?![级級待于於])")
_TOGETHER = re.compile(
    r"(?<=..)(?:共同(?!体)|同时|同時|[联聯]合(?![会會国國体體王大社部集])|一起|先后|先後|相继|相繼|均(?!衡)|皆)(?=.)|"
    rf"(?<=[^\s第])[{_NUMERAL}\d]{{1,2}}(?:大|个|個|项|項|种|種|类|類|家|方面|名|位|座|条|條|部|者).*$"
)
# 一是 …；二是 …: the marks of parallel clauses, and what they stand after.
_MARKED = re.compile(
    r"(?:^|(?<=[，,；;。：:、]))\s*(?:其?[一二三四五六七八九]是|[一二三]来|[一二三]則|[一二三]则|首先|其次|再次|最后|最後|第[一二三四五六七八九](?=[，,、是]))[，,、：:]?"
    r"|(?:^|(?<=[，,；;。：:、\s]))[（(]?(?:[1-9]|[一二三四五六七八九])[)）]|[①-⑨]"
)
# Words after which the items of a list begin: those that stand 15 times and more in two million characters of
# encyclopedia articles (the texts of CMRC 2018 train and DRCD).
_LEAD = re.compile(
    r"^.*(?:包括|包含|分别为|分别是|运用|采用|利用|使用|通过|推出|打造|开设|建设|组建|出台|制定|举办|开展|围绕|挖掘|组织|培育|获得|拥有|设有|"
    r"具有|生产|出版|发行|主演|饰演|参加|参与|担任|来自|涉及|覆盖|发展|建立|设立|成立|提供|支持|发布|研究|收录|连接|经过|创作|执导|演出|负责|"
    r"有|是|为|如|像|include[sd]?|including|are|were|such as|:|：)"
)
_LEAD_ENGLISH = re.compile(r"^.*\b(?:include[sd]?|including|are|were|is|was|such as|namely|named|called)\s+(?:the\s)?")
_TAIL_ENGLISH = re.compile(r"\s(?:that|which|who|where|when|were|was|are|is|has|have|had|to)\s.*$")
_PREDICATE = re.compile(r"(?<=..)[只都也须須需应應可将將已不未](?=..)")
_OF = re.compile(r"[^,]*\w\s(?:of|for|from|in|by|with|to|between|on)\s(?:the\s)?")
_PREPOSITION = re.compile(
    r"(?:由(?![来來衷布])|即(?![将將使时時墨])|将(?![军士领来])|將(?![軍士領來])|把(?![手戏戲])|在(?![线線校职職场場岗崗册冊]))"
)
_CLOSING = {"“": "”", "《": "》", "「": "」", "『": "』"}
_ITEM = re.compile(
    r"\s*(?:[-*+•·]\s+|•|\d{1,2}(?:[.、)）](?!\d))\s*|[（(]?[一二三四五六七八九十]{1,3}[、)）]\s*|[①-⑳])(?=\S)"
)
_LONGEST_ENGLISH = 8  # words of an item


def asks_several(question: str) -> bool:
    """Whether a question asks for more than one thing in so many words: 哪些, 分别, 三个……是什么, "which two", "what are"."""
    return bool(_PLURAL.search(fold(question)))


def items(text: str, matched: Sequence[bool], trained: Sequence[Piece] = (), verb: int = 0) -> list[Piece]:
    """The items of the enumeration that the trained model points at (the one that shares most with its best span), or,
    without it, of the one that stands closest to what the question shares with the sentence. Two items at least, in
    order; else []. `matched`: see `spans.matched_mask`; `verb`: where the verb that the question asks with ends in the
    sentence, after which its objects stand; 0 where it has none."""
    best: tuple[float, list[Piece]] = (float("-inf"), [])
    for pieces, guessed in enumerations(text):
        kept = [p for p in pieces if text[slice(*p)].isdigit() or not all(matched[slice(*p)])]
        if kept and kept[0][0] < verb < kept[-1][1]:
            kept = [(max(a, verb), b) for a, b in kept if b > verb + 1]
        if len(kept) < 2:
            continue
        if guessed:
            kept = _sharpened(text, kept, matched, trained)
        if trained:
            shared = sum(max(0, min(b, trained[0][1]) - max(a, trained[0][0])) for a, b in kept)
            if not shared:
                continue
            score = float(shared)
        else:
            names = sum(text[a] in _CLOSING for a, _ in kept)
            score = -distance(kept[0][0], kept[-1][1], matched, text) / 10 + 0.15 * len(kept) + 0.2 * (names > 1)
        if score > best[0]:
            best = (score, kept)
    return best[1]


def enumerations(text: str) -> list[tuple[list[Piece], bool]]:
    """Every enumeration of a sentence as its items, and whether the outer edges are only guessed."""
    marked = _marked(text)
    named = [[m.span() for m in NAME.finditer(text, *run.span())] for run in _NAMES_RUN.finditer(text)]
    found = [(pieces, False) for pieces in ([marked] if len(marked) > 1 else []) + named]
    for start, end in _clauses(text):
        pieces = _split(text, start, end)
        same = any(start <= run[0][0] and run[-1][1] <= end and len(run) >= len(pieces) for run in named)
        if len(pieces) > 1 and not same:
            found.append((pieces, True))
    return found + [(pieces, True) for pieces in _english(text)]


def marker(text: str) -> int:
    """Length of what marks a list item before its words: "- ", 3. , 五、, （一）; 0 where nothing does."""
    found = _ITEM.match(text)
    return found.end() if found else 0


def _marked(text: str) -> list[Piece]:
    """What follows each of 一是 …，二是 …; nothing where only one is marked."""
    marks = list(_MARKED.finditer(text))
    out: list[Piece] = []
    for at, mark in enumerate(marks):
        end = marks[at + 1].start() if at + 1 < len(marks) else len(text)
        start, end = trim(text, mark.end(), end)
        out.append((start, _before_stop(text, start, end)))
    return [(a, b) for a, b in out if b > a]


def _clauses(text: str) -> list[Piece]:
    """Clauses (up to , or 。; 、 only separates items) that hold at least one item separator."""
    merged: list[Piece] = []
    for start, end in clause_spans(text):
        if not merged:
            start += marker(text)
        if merged and text[merged[-1][1] - 1] == "、":
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return [(s, e) for s, e in merged if _SEPARATOR.search(text[s:e].rstrip("；;"))]


def _split(text: str, start: int, end: int) -> list[Piece]:
    clause = text[start:end]
    first = _SEPARATOR.search(clause)
    if first is None:
        return []
    lead = _LEAD.match(clause[: first.start()])
    begin = lead.end() if lead and lead.end() < first.start() else 0
    quote = max(clause.rfind(mark, 0, first.start()) for mark in _CLOSING)
    if quote > begin and clause[first.start() - 1] in "”》」』":
        begin = quote
    after = _AFTER.search(clause, first.start())
    stop = after.start() if after else len(clause)
    cuts = [begin]
    for separator in _SEPARATOR.finditer(clause, begin, stop):
        cuts += [separator.start(), separator.end()]
    last = _LAST.search(clause, cuts[-1], stop)
    if last and last.start() > cuts[-1]:
        cuts += [last.start(), last.end()]
    cuts.append(stop)
    spans = [trim(clause, cuts[i], cuts[i + 1]) for i in range(0, len(cuts) - 1, 2)]
    spans = [(_begin(clause, a, b), b) for a, b in spans if b > a]
    beside = first.end() == first.start()  # “甲”“乙”: nothing but the marks divides them
    out = [(start + a, start + _end(clause, a, b, beside, len(spans))) for a, b in spans if b > a]
    return [(a, b) for a, b in out if b > a]


def _begin(clause: str, start: int, end: int) -> int:
    """An opening mark that closes in another item belongs to none of them."""
    unpaired = _CLOSING.get(clause[start])
    return start + 1 if unpaired and unpaired not in clause[start:end] else start


def _end(clause: str, start: int, end: int, beside: bool, count: int) -> int:
    """Quoted items that stand side by side end with their marks; any other before a count of them (三大品牌; 三站, of
    three), what they do together, or closing punctuation."""
    counted = _TOGETHER.search(clause, start + 1, end)
    numeral = "零一二三四五六七八九十"[count] if count <= 10 else ""
    own = clause.find(numeral, start + 2, end - 1) if numeral else -1
    ends = [end, *([counted.start()] if counted else []), *([own] if own > 0 and is_han(clause[own + 1]) else [])]
    end = min(ends)
    if end == own and clause[end - 1] in "设設有共等这這":  # …门口设三个取水点
        end -= 1
    if beside and clause[start] in _CLOSING:
        close = clause.find(_CLOSING[clause[start]], start)
        return close + 1 if 0 < close < end else end
    closing = _CLOSING.get(clause[start])
    end = _before_stop(clause, start, end)
    if clause[end - 1] in "”》」』" and clause[start:end].count(clause[end - 1]) and closing != clause[end - 1]:
        opening = next(o for o, c in _CLOSING.items() if c == clause[end - 1])
        if opening not in clause[start:end]:
            end -= 1
    return end


def _before_stop(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1] in "，,。.！!？?；; \n":
        end -= 1
    return end


def _english(text: str) -> list[list[Piece]]:
    """A, B and C: three items at least, the last after "and" or "or"."""
    found: list[list[Piece]] = []
    for clause in re.finditer(r"(?:[^;:!?()。，；：？！\n]|\n(?!\n))+", text):
        base = clause.start()
        cuts = [
            m for m in _ENGLISH.finditer(clause.group()) if any(c.isascii() and c.isalpha() for c in clause.group())
        ]
        last = next((i for i in range(len(cuts) - 1, -1, -1) if re.search(r"and|or", cuts[i].group())), -1)
        run = [cuts[last]] if last > 0 else []
        for i in range(last - 1, -1, -1):
            inner = clause.group()[cuts[i].end() : run[-1].start()]
            if not inner.strip() or len(inner.split()) > _LONGEST_ENGLISH or "," not in cuts[i].group():
                break
            run.append(cuts[i])
        if len(run) < 2:
            continue
        run.reverse()
        before = cuts[cuts.index(run[0]) - 1].end() if cuts.index(run[0]) else 0
        lead = _LEAD_ENGLISH.match(clause.group()[before : run[0].start()])
        begin = before + (lead.end() if lead else 0)
        following = cuts[last + 1].start() if last + 1 < len(cuts) else len(clause.group())
        tail = _TAIL_ENGLISH.search(clause.group()[run[-1].end() : following])
        stop = run[-1].end() + tail.start() if tail else following
        edges = [begin, *(edge for cut in run for edge in cut.span()), stop]
        pieces = [trim(text, base + edges[i], base + edges[i + 1]) for i in range(0, len(edges), 2)]
        pieces = [(a, _before_stop(text, a, b)) for a, b in pieces]
        found.append([(a, b) for a, b in pieces if b > a])
    return found


def _sharpened(text: str, pieces: list[Piece], matched: Sequence[bool], trained: Sequence[Piece]) -> list[Piece]:
    """The same items with the first one's beginning and the last one's end where the model, the question or the other
    items put them."""
    first, *middle, last = pieces
    start = _first_start(text, first, [*middle, last], matched, trained)
    end = _last_end(text, last, [(start, first[1]), *middle], matched, trained)
    return [(start, first[1]), *middle, (last[0], end)]


def _first_start(
    text: str, piece: Piece, others: Sequence[Piece], matched: Sequence[bool], trained: Sequence[Piece]
) -> int:
    start, end = piece
    if text[start] in _CLOSING:
        return start
    inside = [a for a, b in trained if start < a <= end - 2 and b >= end]
    if inside:
        start = min(inside)
    length = _even(text, others)
    if length and end - start > length and text[end - 1] in {text[b - 1] for _, b in others}:
        return end - length  # 党的创新理论的政治认同、思想认同、理论认同
    lead = _OF.match(text, start, end)
    if lead and any(matched[slice(*lead.span())]):
        return lead.end()  # bindings for C, Python and Java
    longest = max(b - a for a, b in others)
    ends = (i + 1 for i in range(end - 3, start, -1) if matched[i] and not matched[i + 1] and is_han(text[i]))
    shared = next(ends, start)
    if end - start >= longest + 2 and sum(matched[start:shared]) * 2 > shared - start:
        start = shared  # 成都持续在网络空间推进社会公德、职业道德: the question has the rest
    preposition = _PREPOSITION.match(text, start, end)
    return preposition.end() if preposition and preposition.end() < end else start


def _last_end(
    text: str, piece: Piece, others: Sequence[Piece], matched: Sequence[bool], trained: Sequence[Piece]
) -> int:
    start, end = piece
    if text[start] in _CLOSING and _CLOSING[text[start]] == text[end - 1]:
        return end
    inside = [b for a, b in trained if start + 2 <= b < end and a <= start]
    if inside:
        return max(inside)
    length = _even(text, others)
    alike = text[min(start + length, end) - 1] in {text[b - 1] for _, b in others}
    if length and end - start > length and (alike or end - start > 2 * length):
        return start + length  # 社会公德、职业道德、个人品德建设
    longest = max(b - a for a, b in others)
    predicate = _PREDICATE.search(text, start, end) if end - start >= longest + 4 else None
    if predicate:
        return predicate.start()  # 古籍、工具书和当年期刊只供馆内阅览
    shared = next((i for i in range(start + 2, end) if all(matched[i:end]) and is_han(text[i])), end)
    return shared if end - start > longest + 1 else end


def _even(text: str, pieces: Sequence[Piece]) -> int:
    """The length that two Chinese items and more have in common; 0 where they differ, or are too short to tell."""
    sizes = {b - a for a, b in pieces}
    return (
        sizes.pop()
        if len(pieces) > 1 and len(sizes) == 1 and min(sizes) > 2 and all(map(is_han, text[slice(*pieces[0])]))
        else 0
    )


def distance(start: int, end: int, matched: Sequence[bool], text: str) -> float:
    """Characters to the nearest shared stretch; a clause border between counts ten more."""
    before = next((text[i + 1 : start] for i in range(start - 1, -1, -1) if matched[i]), None)
    after = next((text[end:i] for i in range(end, len(matched)) if matched[i]), None)
    gaps = [len(gap) + 10 * len(re.findall(r"[，,。；;]", gap)) for gap in (before, after) if gap is not None]
    return min(gaps, default=len(text))
