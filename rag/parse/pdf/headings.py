"""Which paragraphs are headings, how deep, and which one is the document's title."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.parse.lay import Line
from rag.parse.pdf.paragraphs import Paragraph
from rag.parse.pdf.tables import Table
from rag.table import row_text
from rag.text.wrap import width

_NUMBERED = re.compile(
    r"第[一二三四五六七八九十百\d]{1,4}[章节部篇]|[一二三四五六七八九十]{1,3}、|\d{1,2}(?:\.\d{1,2})*[.、]?\s+\S",
    re.IGNORECASE,
)
_CHAPTER = re.compile(r"第[一二三四五六七八九十百\d]{1,4}[章节部篇]|[一二三四五六七八九十]{1,3}、")
_STOPPED = re.compile(r"[。！？；：，,.;:!?][”’」』）)】]*$")
_GREETS = re.compile(r"Dear\s.{1,60}[,:]")
_HIGH = 6  # paragraphs from the top of page one, among which the title is


@dataclass(frozen=True, slots=True)
class Placed:
    """A paragraph, a table, or a line of another kind, and its page."""

    page: int
    part: Paragraph | Table | Line


def lines_of(given: Sequence[Placed], first: int) -> list[Line]:
    """The document's lines: the title, headings by the size of their letters, list items, rows, paragraphs. `first` is
    the first page that has text."""
    parts = _numbered(given)
    title = _title(parts, first)
    ranks = sorted(
        {p.part.rank for i, p in enumerate(parts) if i != title and isinstance(p.part, Paragraph) and p.part.rank},
        reverse=True,
    )
    levels = {rank: level for level, same in enumerate(_merged(ranks), 1) for rank in same}
    lefts = _lefts(parts)
    lines: list[Line] = []
    for index, placed in enumerate(parts):
        part, page = placed.part, placed.page
        if isinstance(part, Line):
            lines.append(part)
        elif isinstance(part, Table):
            names = part.rows[0] if part.headed else ()
            lines.extend(
                Line("row", row_text(row), page=page, columns=names if number else ())
                for number, row in enumerate(part.rows)
            )
        elif index == title:
            lines.append(Line("title", part.text, hint="size", page=page))
        elif part.rank:
            lines.append(Line("heading", part.text, levels[part.rank], "size" if part.rank[0] else "number", page))
        elif part.toc:
            lines.append(Line("item", part.text, 1, "toc", page))
        elif part.item:
            lines.append(Line("item", part.text, 1 + sum(x < part.left - part.size for x in lefts[index]), page=page))
        else:
            lines.append(Line("paragraph", part.text, page=page))
    return lines


def _numbered(parts: Sequence[Placed]) -> list[Placed]:
    """The parts with 一、… and 第一章 … as headings, where text stands under such a line and not the next number."""
    found = list(parts)
    plain = [i for i, placed in enumerate(parts) if isinstance(placed.part, Paragraph)]
    for here, following in pairwise(plain):
        one, two = parts[here].part, parts[following].part
        if not (isinstance(one, Paragraph) and isinstance(two, Paragraph)) or one.rank or one.toc:
            continue
        heads = _CHAPTER.match(one.text) and width(one.text) <= 60 and not _STOPPED.search(one.text)
        if heads and not two.toc and not (_CHAPTER.match(two.text) and not two.rank):
            found[here] = replace(parts[here], part=replace(one, item=False, rank=(0.0, False)))
    return found


def _merged(ranks: Sequence[tuple[float, bool]]) -> list[list[tuple[float, bool]]]:
    """Sizes that differ by a hair are one level, a bold and a plain one of the same size two."""
    groups: list[list[tuple[float, bool]]] = []
    for rank in ranks:
        last = groups[-1][-1] if groups else None
        if last and last[1] == rank[1] and last[0] - rank[0] < 0.04 * last[0]:
            groups[-1].append(rank)
        else:
            groups.append([rank])
    return groups


def _title(parts: Sequence[Placed], first: int) -> int | None:
    """The largest of the headings near the top of the first page; none where it is numbered like the headings. In a letter
    it is the line under the greeting, not the name of who writes."""
    for index, (one, two) in enumerate(pairwise(parts)):
        greets = isinstance(one.part, Paragraph) and _GREETS.fullmatch(one.part.text)
        if greets and two.page == first and isinstance(two.part, Paragraph) and two.part.rank:
            return index + 1
    found: list[tuple[float, int]] = []
    seen = 0
    for index, placed in enumerate(parts):
        part = placed.part
        if placed.page != first or seen >= _HIGH:
            break
        if isinstance(part, Line):
            continue
        seen += 1
        if isinstance(part, Paragraph) and part.rank and sum(c.isalpha() for c in part.text) >= 2:
            found.append((part.rank[0], -index))
    if not found:
        return None
    size, back = max(found)
    part = parts[-back].part
    if not isinstance(part, Paragraph) or _NUMBERED.match(part.text):
        return None
    largest = max(p.part.rank[0] for p in parts if p.page == first and isinstance(p.part, Paragraph) and p.part.rank)
    return -back if size >= largest else None


def _lefts(parts: Sequence[Placed]) -> list[list[float]]:
    """For each list item, the left edges of the list's shallower marks."""
    found: list[list[float]] = []
    run: list[float] = []
    for placed in parts:
        part = placed.part
        if isinstance(part, Paragraph) and part.item and not part.toc:
            run = [x for x in run if x < part.left - part.size]
            found.append(list(run))
            run.append(part.left)
        else:
            run = run if isinstance(part, Line) else []
            found.append([])
    return found
