"""Plain text: paragraphs, list items, mail headers, and the short lines that are headings."""

from __future__ import annotations

import re
from itertools import pairwise

from rag.parse.encoding import decode
from rag.text.pagelines import DATE
from rag.text.wrap import LIST_MARK, paragraph_spans, width
from rag.types import Block, BlockKind, Parsed

HEADING_WIDTH = 84  # columns; a longer line is a sentence that lacks its stop
LONG = 60  # columns from which a paragraph can stand under a heading

_STOPPED = re.compile(r"[。！!…；;，,、.：:]['\"”’」』）)】]*$")
_ASKS = re.compile(r"[？?]$")
_RULE = re.compile(r"[\W_]+$")
_NUM = "一二三四五六七八九十百千零〇两\\d"
_NUMBERED: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(rf"第[{_NUM}]{{1,6}}[卷部篇编](?![分门])"), 1),
    (re.compile(rf"第[{_NUM}]{{1,6}}[章回讲]|(?:chapter|part|appendix)\s+[\divxlc]+\b", re.IGNORECASE), 2),
    (re.compile(rf"第[{_NUM}]{{1,6}}节|section\s+\d+\b", re.IGNORECASE), 3),
    (re.compile(r"[一二三四五六七八九十]{1,3}\s*[、．.]"), 4),
    (re.compile(r"[（(][一二三四五六七八九十]{1,3}[）)]"), 5),
    (re.compile(r"\d{1,2}(?:\.\d{1,2}){2,3}\.?[\s\u3000]*(?=[^\d\s.%])"), 8),
    (re.compile(r"\d{1,2}\.\d{1,2}\.?(?:[\s\u3000]+|(?=[\u4e00-\u9fff](?![万亿米年月个元度吨])))"), 7),
    (re.compile(r"\d{1,2}\s*[、．.](?!\d)\s*"), 6),
    (re.compile(r"[（(]\d{1,2}[）)]"), 9),
)
UNNUMBERED = 4
_QUESTION = re.compile(r"(?:Q\d*|问|問|提问|A\d*|答)\s*[:：.、]", re.IGNORECASE)
_LABELLED = re.compile(
    r"(?:keywords?|tags?|date|author|email|e-mail|tel|phone|contact|关键词|时间|地点|日期|作者|电话|地址|参会人|记录人|主持人)\s*[:：]",
    re.IGNORECASE,
)
_AMOUNT = re.compile(r"\s\S{0,3}\d[\d./]*\s?\S{0,4}$|\s(?:少许|适量|若干)$")
_MAIL = re.compile(
    r"(From|To|Cc|Bcc|Date|Sent|Subject|Reply-To|发件人|收件人|抄送|主题|日期|发送时间|寄件者|收件者|主旨)\s*[:：]\s*\S",
    re.IGNORECASE,
)


def parse(data: bytes, name: str) -> Parsed:
    """The file's text as Python's text mode reads it, with a block for each paragraph. Raises ParseError."""
    text, _ = decode(data, name)
    return Parsed(text, tuple(blocks_of(text)))


def blocks_of(text: str) -> list[Block]:
    """Blocks of any plain text, in order; together they hold every visible character."""
    spans = paragraph_spans(text)
    mail = _mail_lines(text, spans)
    kinds: list[tuple[BlockKind, int]] = []
    for index, (start, end) in enumerate(spans):
        if index < mail:
            kinds.append(("meta", 0))
        else:
            kinds.append(_kind(text[start:end]))
    _settle_headings(text, spans, kinds)
    numbers = [
        level
        for span, (kind, level) in zip(spans, kinds, strict=True)
        if kind == "heading" and _numbered(text[slice(*span)])
    ]
    # Beside 1. 2. 3. an unnumbered heading (Abstract, 附件) is their sister; within chapters it is below them.
    peer = min(numbers) if numbers and min(numbers) > UNNUMBERED else UNNUMBERED
    kinds = [(kind, peer if kind == "heading" and level == UNNUMBERED else level) for kind, level in kinds]
    return [Block(kind, *span, level=level) for span, (kind, level) in zip(spans, kinds, strict=True)]


def _mail_lines(text: str, spans: list[tuple[int, int]]) -> int:
    """How many paragraphs at the top are the header of a mail."""
    count = 0
    for start, end in spans:
        if not _MAIL.match(text, start) or ("\n" in text[start:end] and width(text[start:end]) > 400):
            break
        count += 1
    return count if count >= 2 else 0


def _kind(line: str) -> tuple[BlockKind, int]:
    if _RULE.match(line):
        return "meta", 0
    if line.startswith(">"):
        return "quote", 0
    level = heading_level(line) or (UNNUMBERED if _entry(line) else 0)
    if level:
        return "heading", level
    return ("item", 1) if LIST_MARK.match(line + " ") else ("paragraph", 0)


def heading_level(line: str) -> int:
    """1..9 for a line that could be a heading by its looks (numbering gives the depth), 0 for one that cannot."""
    if "\n" in line or width(line) > HEADING_WIDTH or _STOPPED.search(line) or not any(c.isalpha() for c in line):
        return 0
    for pattern, level in _NUMBERED:
        match = pattern.match(line)
        if (match and line[match.end() :].strip(" 　")) or (match and level <= 3):
            return level
    if _QUESTION.match(line) or _LABELLED.match(line) or _AMOUNT.search(line):
        return 0
    if LIST_MARK.match(line) or "  " in line.strip() or "\t" in line or " | " in line:
        return 0
    return UNNUMBERED


def _entry(line: str) -> bool:
    """The first line of a diary's or a chronicle's entry: a day, and perhaps the weather or a place."""
    match = DATE.match(line)
    if not match or "\n" in line or re.search(r"\d[:：]\d", line):
        return False
    rest = line[match.end() :].strip()
    return width(rest) <= 16 and not re.search(r"[\d:：|｜。，,！？]", rest)


def _numbered(line: str) -> bool:
    return any(pattern.match(line) for pattern, _ in _NUMBERED)


def _settle_headings(text: str, spans: list[tuple[int, int]], kinds: list[tuple[BlockKind, int]]) -> None:
    """Of the lines that could be headings keeps those under which something longer, or a list, stands."""
    lines = [text[a:b] for a, b in spans]
    apart = [text.count("\n", a[1], b[0]) > 1 for a, b in pairwise(spans)] + [True]  # a blank line comes after it
    asked = sum(1 for i, line in enumerate(lines[:-1]) if _ASKS.search(line) and _stands(lines[i + 1]))
    entries = sum(1 for line in lines if _entry(line))
    below = False  # whether what follows can stand under a heading: a paragraph, a list, or headings that lead to one
    chain = 0  # headings in a row from here down
    for index in range(len(lines) - 1, -1, -1):
        line, (kind, level) = lines[index], kinds[index]
        if kind != "heading":
            below = kind in {"item", "paragraph", "row"} and (_stands(line) or _listed(kinds, index))
            chain = 0
            continue
        numbered = _numbered(line)
        keep = below and (chain < 3 or numbered)
        if _entry(line):
            keep = below and not chain and entries >= 2
        if _ASKS.search(line) and not numbered and asked < 2:
            keep = False
        if numbered and level in {6, 9} and chain and kinds[index + 1][1] == level:
            keep = False  # 1. 2. 3. in a row, with nothing between them, is a list
        if numbered and level in {6, 9} and index and kinds[index - 1] == kinds[index]:
            keep = False
        if keep and not numbered and chain and not _numbered(lines[index + 1]):
            keep = chain < 2 and width(line) >= 4
        glued = index > 0 and not apart[index - 1] and any(c.isalpha() for c in lines[index - 1])
        if glued and not numbered and apart[index]:
            keep = False  # the last line of a group: a heading is nearer to what it heads
        if not keep and _heads_short_lines(lines, kinds, apart, index):
            keep, chain = True, 0
        if keep:
            chain += 1
            below = True
        else:
            kinds[index] = ("item", 1) if LIST_MARK.match(line + " ") else ("paragraph", 0)
            below = _stands(line)
            chain = 0


def _heads_short_lines(lines: list[str], kinds: list[tuple[BlockKind, int]], apart: list[bool], index: int) -> bool:
    """A short line after a blank one that opens a group of at least two short lines: 材料, then what to buy."""
    if (index and not apart[index - 1]) or width(lines[index]) > 24 or any(c.isdigit() for c in lines[index]):
        return False
    stop = index + 1
    while stop < len(lines) and not apart[stop - 1]:
        stop += 1
    group = range(index + 1, stop)
    listed = all(width(lines[i]) <= 40 and kinds[i][0] in {"paragraph", "item"} for i in group)
    amounts = sum(1 for i in group if kinds[i][0] == "item" or _AMOUNT.search(lines[i]))
    return len(group) >= 2 and listed and 2 * amounts >= len(group)


def _stands(line: str) -> bool:
    """Whether a paragraph is one that a heading could head."""
    return width(line) >= LONG or (bool(re.search(r"[。！？!?.；;：:][”’」』）)\"']*$", line)) and width(line) >= 16)


def _listed(kinds: list[tuple[BlockKind, int]], index: int) -> bool:
    return kinds[index][0] == "item" and index + 1 < len(kinds) and kinds[index + 1][0] == "item"
