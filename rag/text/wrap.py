"""Lines: which newlines only wrap a paragraph at a fixed width, and which end one.

The test is the typesetter's own: a line was wrapped if the first word of the next one would not have fitted.
"""

from __future__ import annotations

import re
from itertools import pairwise

WRAP_MIN, WRAP_MAX = 40, 110  # columns between which text is wrapped by hand or by a mail program

LIST_MARK = re.compile(
    r"[ \t\u3000]*(?:[-*+•·●○■◆▪‣]\s+|[•●○■◆▪‣]|\(?\d{1,3}[.)]\s|\d{1,3}[、．]|[(（]\d{1,3}[)）]|[①-⑳]"
    r"|[(（]?[一二三四五六七八九十]{1,3}[)）、]|[a-zA-Z][.)]\s)"
)
_HARD_START = re.compile(r"[ \t]*(?:#{1,6}\s|>|\||```|~~~)")
_WIDE = re.compile(r"[\u1100-\u115f\u2e80-\ua4cf\uac00-\U0010ffff]+")
_ENDED = re.compile(r"[。！？!?…｡.:：;；][”’」』）)\]】\"']*$")
_STOPPED = re.compile(r"[。！？!?…｡.][”’」』）)\]】\"']*$")


def width(text: str) -> int:
    """Columns of a fixed-width screen: East Asian wide characters count two."""
    if text.isascii():
        return len(text)
    return len(text) + sum(map(len, _WIDE.findall(text)))


def soft_breaks(text: str) -> frozenset[int]:
    """Indices of the newlines inside hard-wrapped paragraphs: they end neither a paragraph nor a sentence."""
    found: list[int] = []
    group: list[tuple[int, int]] = []
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        if line.strip():
            group.append((start, end))
        else:
            found.extend(_wraps(text, group))
            group = []
        start = end + 1
    found.extend(_wraps(text, group))
    return frozenset(found)


def paragraph_spans(text: str) -> list[tuple[int, int]]:
    """Trimmed spans of the paragraphs: lines, joined where a newline only wraps. They hold every visible character."""
    soft = soft_breaks(text)
    spans: list[tuple[int, int]] = []
    start = 0
    for match in re.finditer(r"\n|\Z", text):
        if match.start() in soft:
            continue
        piece = text[start : match.start()]
        body = piece.strip()
        if body:
            left = start + len(piece) - len(piece.lstrip())
            spans.append((left, left + len(body)))
        start = match.end()
    return spans


def _wraps(text: str, group: list[tuple[int, int]]) -> list[int]:
    if len(group) < 2:
        return []
    lines = [text[a:b].rstrip() for a, b in group]
    widths = [width(line) for line in lines]
    # One unbreakable word (a link) may stick out; anything else that does means the text is not wrapped at all.
    folded = [w for line, w in zip(lines, widths, strict=True) if w <= WRAP_MAX or len(line.split()) > 1]
    limit = max(folded, default=0)
    if not WRAP_MIN <= limit <= WRAP_MAX:
        return []
    full: list[tuple[int, bool]] = []
    tried = passed = 0
    for index, (line, following) in enumerate(pairwise(lines)):
        if _opens(line, following):
            continue
        fits = widths[index] + _need(line, following) > limit
        lower = following.lstrip()[:1].islower() and widths[index] >= WRAP_MIN and not _ENDED.search(line)
        if not _STOPPED.search(line):
            tried += 1
            passed += fits or lower
        if fits or lower:
            full.append((index, lower))
    # Lines of a list or a verse also end without a stop; only a paragraph ends most of them at the margin.
    if passed < 0.75 * tried or not full:
        return []
    closed = bool(_ENDED.search(lines[-1])) or len(full) >= 4
    sure = closed and (len(full) >= 2 or widths[full[0][0]] >= 50) and tried > 0
    return [group[index][1] for index, lower in full if lower or sure]


def _opens(line: str, following: str) -> bool:
    """Whether the following line starts something of its own: a list item, a quotation, an indented paragraph."""
    if LIST_MARK.match(following) or _HARD_START.match(following):
        return True
    return _indent(following) > _indent(line) + 1 and not LIST_MARK.match(line)


def _indent(line: str) -> int:
    return width(line[: len(line) - len(line.lstrip())])


def _need(line: str, following: str) -> int:
    """Columns that the next line's first word would have taken on this one."""
    start = following.lstrip()
    if start[:1] > "\u2e80":
        return 5  # one character, and another where a closing mark may not begin a line
    word = re.match(r"[^\s\u2e80-\uffef]+", start)
    joined = 0 if line[-1:] > "\u2e80" else 1
    return joined + len(word.group() if word else "") + (4 if line[-1:] > "\u2e80" else 0)
