"""Sentences of Chinese and English text, as spans that cover it whole.

Rules, no model: a stop ends a sentence unless it stands inside a number, an address, an abbreviation or a short pair
of brackets or quotation marks; closing marks belong to the sentence they close; a newline ends one unless it only
wraps the line.
"""

from __future__ import annotations

import re

from rag.text.fold import is_han
from rag.text.wrap import soft_breaks

PAIRED_MAX = 150  # a longer quotation is split at its own stops
NEAR = 40  # characters before a stop that are looked at: keeps the time linear

_PAIRS = {
    "“": "”", "「": "」", "『": "』", "《": "》", "〈": "〉", "（": "）", "(": ")", "[": "]", "［": "］", "【": "】",
    "〔": "〕", "‘": "’", "｢": "｣", "«": "»",
}  # fmt: skip
_CLOSERS = frozenset("”」』）)]］】〕’｣»\"'")
_TITLES = frozenset("》〉")
_STOPS = frozenset("。！？!?｡")
_ADDRESS = re.compile(
    r"(?:https?|ftp)://[!-~]+|www\.[!-~]+|(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]+)+", re.ASCII
)
_NEVER = frozenset(
    "mr mrs ms mx dr prof st sr rev fr gen sen rep gov lt col capt sgt maj hon pres messrs vs cf e.g i.e eg ie viz approx ca".split()
)
_NUMBERED = frozenset("no nos fig figs vol pp p ch sec eq art jan feb mar apr jun jul aug sep sept oct nov dec".split())
_EITHER = frozenset(
    "etc inc ltd co corp jr al a.m p.m u.s u.k u.n e.u d.c ph.d m.d b.a m.a est dept univ bros ave blvd rd".split()
)
_STARTERS = frozenset(
    """the a an he she it we they i you in on at but and this that these those however for as when if its his her their
    our my your there here after before since while meanwhile then so yet not no to from by with also some many most
    all each both one two what why how who where according although because during once until today""".split()
)
_WORD = re.compile(r"[A-Za-z]+(?:\.[A-Za-z]+)*\Z")
_MARK = re.compile(r"\s*[(（\[]?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5}|[一二三四五六七八九十]{1,3})\Z")
_CONTINUES = re.compile(r"[ \t]*(?:[,，、;；:：—–～~]|-|的(?![确士])|等(?!到|待)|[和与與及或][“「『\"])")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Spans `(start, end)` whose slices, in order, are the whole text; white space belongs to the sentence before it.

    Never raises; linear time. `trim` gives the span to quote.
    """
    inside, opened = _protected(text)
    soft = soft_breaks(text) if "\n" in text else frozenset()
    spans: list[tuple[int, int]] = []
    start = at = 0
    size = len(text)
    while at < size:
        character = text[at]
        if character == "\n":
            end = at + 1 if at not in soft else 0
            at += 1
        elif not inside[at] and (character in _STOPS or character in ".．…⋯"):
            end, at = _stop(text, start, at, inside)
        elif not inside[at] and character in _CLOSERS and at > start and inside[at - 1]:
            end, at = _closed(text, start, at, opened.get(at, at))
        else:
            end = 0
            at += 1
        if end and text[start:end].strip():
            while end < size and text[end].isspace():
                if text[end] == "\n" and end in soft and not text[start:end].strip():
                    break
                end += 1
            spans.append((start, end))
            start = at = end
    if start < size:
        if spans and not text[start:].strip():
            spans[-1] = (spans[-1][0], size)
        else:
            spans.append((start, size))
    return spans


def sentences(text: str) -> list[str]:
    """`"".join(sentences(text)) == text`, for any text."""
    return [text[start:end] for start, end in sentence_spans(text)]


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without white space at its ends; `(start, start)` where nothing else is in it."""
    piece = text[start:end]
    body = piece.strip()
    if not body:
        return start, start
    left = start + len(piece) - len(piece.lstrip())
    return left, left + len(body)


def clause_spans(text: str) -> list[tuple[int, int]]:
    """Spans that cover the text, cut after clause punctuation (；，、：;,: and dashes). For sentences too long to read."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in re.finditer(r"[；;，、：][”’」』）]*|[,:](?=\s|[^\x00-\x7f])[”’」』）]*|——|\n", text):
        end = match.end()
        while end < len(text) and text[end].isspace():
            end += 1
        if end > start:
            spans.append((start, end))
            start = end
    if start < len(text):
        spans.append((start, len(text)))
    return spans


def _protected(text: str) -> tuple[bytearray, dict[int, int]]:
    """Marks each character inside a short pair or an address; and for each closing mark, where its pair opened."""
    inside = bytearray(len(text))
    opened: dict[int, int] = {}
    for match in _ADDRESS.finditer(text):
        last = match.end()
        while last > match.start() and text[last - 1] in ".,;:!?)'\"":
            last -= 1
        inside[match.start() : last] = b"\1" * (last - match.start())
    stack: list[int] = []
    for at, character in enumerate(text):
        if character == "\n" and text[at + 1 : at + 2] == "\n":
            stack.clear()
        elif inside[at]:
            continue
        elif character == '"':
            if stack and text[stack[-1]] == '"':
                _pair(inside, opened, stack.pop(), at)
            else:
                stack.append(at)
        elif character in _PAIRS:
            stack.append(at)
        elif character in _CLOSERS or character in _TITLES:
            for depth in range(len(stack) - 1, max(-1, len(stack) - 6), -1):
                if _PAIRS.get(text[stack[depth]]) == character:
                    _pair(inside, opened, stack[depth], at)
                    del stack[depth:]
                    break
    return inside, opened


def _pair(inside: bytearray, opened: dict[int, int], left: int, right: int) -> None:
    if right - left <= PAIRED_MAX:
        inside[left + 1 : right] = b"\1" * (right - left - 1)
        opened[right] = left


def _stop(text: str, start: int, at: int, inside: bytearray) -> tuple[int, int]:
    """(end of the sentence or 0, where to go on) for a stop at `at`."""
    end = at
    while end < len(text) and (text[end] in _STOPS or text[end] in ".．…⋯") and not inside[end]:
        end += 1
    run = text[at:end]
    close = end
    while close < len(text) and text[close] in _CLOSERS and not _reopens(text, close):
        close += 1
    after = text[close : close + 1]
    if set(run) & set("。｡"):
        return (0, end) if close > end and _CONTINUES.match(text, close) else (close, close)
    if set(run) & set("！？!?"):
        return (close, close) if _exclaims(text, at, close) else (0, end)
    if len(run) >= 3 or run[0] in "…⋯":
        spoken = sum(c.isalnum() for c in text[max(start, at - NEAR) : at])
        if spoken <= 2 or _CONTINUES.match(text, close) or after in _TITLES:
            return 0, end
        return (close, close) if not _goes_on(text, close) else (0, end)
    return (close, close) if _full_stop(text, start, at, end, close) else (0, end)


def _closed(text: str, start: int, at: int, left: int) -> tuple[int, int]:
    """A closing mark: it ends a sentence if a stop stands right inside it."""
    inner = at - 1
    while inner > left and text[inner] in _CLOSERS:
        inner -= 1
    last = text[inner]
    end = at + 1
    while end < len(text) and text[end] in _CLOSERS and not _reopens(text, end):
        end += 1
    if last not in _STOPS and last not in ".…⋯":
        return 0, at + 1
    if last == "." and not _full_stop(text, left + 1, inner, inner + 1, end):
        return 0, at + 1
    if _CONTINUES.match(text, end) or text[end : end + 1] in _TITLES or _goes_on(text, end):
        return 0, at + 1
    if text[left] in "（([［【〔" and last not in "。｡." and text[max(start, left - NEAR) : left].strip():
        return 0, at + 1  # a remark within a sentence: 他（真的！）来了
    if text[end : end + 1] and text[end] in "。！？!?…":
        return 0, at + 1  # the outer stop decides
    return end, end


def _reopens(text: str, at: int) -> bool:
    """A straight quotation mark after a stop and before a word opens the next sentence."""
    return text[at] in "\"'" and text[at + 1 : at + 2].isalnum() and text[at - 1].isspace()


def _exclaims(text: str, at: int, close: int) -> bool:
    after = text[close : close + 1]
    if _CONTINUES.match(text, close) and close > at + 1:
        return False
    if not after or after.isspace():
        return not _goes_on(text, close)
    if after in _TITLES or after in ",，、;；:：":
        return False
    before = text[at - 1 : at]
    # Inside a word of ASCII it is part of a name or an address: show?id=1, Yahoo!.
    return not (text[at] in "!?" and after.isascii() and (after.isalnum() or after in "=&/_-") and before.isascii())


def _goes_on(text: str, at: int) -> bool:
    """Whether a small Latin letter follows: English goes on after "Yahoo! said"."""
    match = re.compile(r"\s*").match(text, at)
    place = match.end() if match else at
    return text[place : place + 1].islower() and "\n\n" not in text[at:place]


def _full_stop(text: str, start: int, at: int, end: int, close: int) -> bool:
    """Whether the dot(s) `text[at:end]`, with closing marks up to `close`, end the sentence that began at `start`."""
    before, after = text[at - 1 : at], text[close : close + 1]
    if not before or at == start:
        return False
    if after and not after.isspace() and not is_han(after) and after not in "“「『《（【":
        return False
    if end - at == 1 and before.isdigit() and text[end : end + 1].isdigit():
        return False
    head = text[max(start, at - NEAR) : at]
    if at - start < NEAR and _MARK.fullmatch(head) and text[end : end + NEAR].strip():
        return False  # the number of a list item
    word = _WORD.search(head[-30:])
    following = re.compile(r"\s*[\"“‘'(\[]*([^\W_]*)").match(text, close)
    next_word = following.group(1) if following else ""
    if next_word[:1].islower() and not is_han(before):
        return False
    if after and is_han(after):
        if re.search(r"(?:^|\s)\d{1,2}\Z", head[-4:]):
            return False  # 1.成都 2.上海
        return is_han(before) or not (word and len(word.group()) == 1)
    if word is None:
        return True
    name = word.group().lower()
    if name in _NEVER:
        return False
    if name in _NUMBERED and word.group()[0].isupper() | (name in {"p", "pp", "no"}):
        return not next_word[:1].isdigit()
    if name in _EITHER or len(word.group()) == 1 or re.fullmatch(r"(?:[a-z]\.)+[a-z]", name):
        if not next_word:
            return True
        return (next_word.lower() in _STARTERS and next_word[:1].isupper()) or is_han(next_word[0])
    return True
