"""How papers and memos open: who wrote a paper stands between its title and its abstract, what a memo is about in a line
of its own.

    Mira Castellane¹ and Jonas Verweel²            MEMO
    ¹ Institute of Stream Ecology, Northmere       From: Pell Ashgrove
    Abstract. We report …                          Subject: New shift hours
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.furniture.items import Item
from rag.text.names import is_name
from rag.text.wrap import width

_FAR = 10  # blocks between a paper's title and its abstract
_ABSTRACT = re.compile(r"(?:abstract|summary|摘\s*要|内容提要|提\s*要)(?:\W|\Z)", re.IGNORECASE)
_PLACE = re.compile(
    r"universit|institut|department|\bdept\b|college|school of|laborator|academy|faculty|centre|center|hospital|@|"
    r"大学|学院|研究[所院]|实验室|科学院|医院|中心|公司|水文站|学校|中学|[系局院]\b",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[\d¹²³⁰⁴-⁹*†‡§∗✉#]+(?:\s*[,，]\s*[\d¹²³⁰⁴-⁹*†‡§∗✉#]+)*")
_BETWEEN = re.compile(r"\s*(?:[,，、;；]\s*(?:and\s+)?|\s+and\s+|\s*&\s*|\s+和\s*)\s*")
_INITIALS = re.compile(
    r"(?:[A-Z]\.[ -]?){1,3}(?:(?:de|van|von|der|la)\s+)*[A-Z][\w'’-]+|[A-Z][\w'’-]+(?:\s+[A-Z]\.)+\s+[A-Z][\w'’-]+"
)
_KEY = r"from|to|cc|date|subject|re|发件人|收件人|发自|发文|致|由|抄送|日期|主题|事由"
_LINE = re.compile(rf"(?:{_KEY})\s*[:：]\s*(?:\|\s*)?\S", re.IGNORECASE)
_ABOUT = re.compile(r"(?:subject|re|主题|事由)\s*[:：]", re.IGNORECASE)
_SORT = re.compile(r"(?:(?:internal|office|inter-?office)\s+)?memo(?:randum)?|备忘录|便函|便笺|内部通知", re.IGNORECASE)


def memo(items: Sequence[Item]) -> None:
    """Makes the lines at the head of a memo (From, To, Date, Subject) what they are in a mail: metadata of its own."""
    first = next((i for i, item in enumerate(items[:4]) if _LINE.match(item.text)), None)
    if first is None or items[first].block.kind == "meta":
        return
    last = first
    while last < len(items) and _LINE.match(items[last].text) and width(items[last].text) <= 160:
        last += 1
    lines, above = items[first:last], items[:first]
    if len(lines) < 3 or not any(_ABOUT.match(item.text) for item in lines) or any(item.prose for item in above):
        return
    if any(item.trusted and item.block.level <= 1 and not _SORT.fullmatch(item.text.strip("# ")) for item in above):
        return  # it has a title
    for item in above:
        if _SORT.fullmatch(item.text.strip("# ")):
            item.role = "nav"
    for item in lines:
        item.block = replace(item.block, kind="meta", hint="")
        item.mark, item.prose = None, False


def authors(items: Sequence[Item], title: int | None) -> None:
    """Roles of the lines between a paper's title and its abstract that name its authors and where they work."""
    if title is None:
        return
    after = items[title + 1 : title + 1 + _FAR]
    end = next((i for i, item in enumerate(after) if _ABSTRACT.match(item.text.lstrip("#* 【[")) and not item.role), 0)
    lines = [
        item for item in after[:end] if not (item.role or item.trusted or item.block.kind in {"row", "code", "meta"})
    ]
    named = [_names(item.text) for item in lines]
    for item, names in zip(lines if any(named) else (), named, strict=False):
        if names:
            item.take("byline")
            item.meta = [("author", item.block.start + names[0], item.block.start + names[1])]
        elif (
            _PLACE.search(item.text)
            and width(item.text) <= 400
            and not re.search(r"[。！？]|[a-z]{3}\. [A-Z]", item.text)
        ):
            item.take("byline")


def _names(line: str) -> tuple[int, int] | None:
    """Where a line that is nothing but persons' names holds them; the signs of their institutes count for nothing."""
    if width(line) > 300:
        return None
    bare = _MARKS.sub(lambda match: " " * len(match.group()), line)
    parts = [part for part in _BETWEEN.split(bare.strip(" ,，、;；")) if part.strip()]
    if len(parts) == 1 and line > "\u2e80":
        parts = parts[0].split()
    if not parts or not all(is_name(part) or _INITIALS.fullmatch(part.strip()) for part in parts):
        return None
    start, end = bare.index(parts[0].strip()), bare.rindex(parts[-1].strip()) + len(parts[-1].strip())
    if bare[start:end] != line[start:end]:  # Anna Keller1, Luis Ortega2: the last has its sign too
        sign = _MARKS.match(line, end)
        end = sign.end() if sign else end
    return start, end
