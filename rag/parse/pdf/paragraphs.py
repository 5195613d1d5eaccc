"""Lines to paragraphs: which line ends only wrap, and how the two sides are put together again."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rag.parse.pdf.glyphs import HYPHEN
from rag.parse.pdf.lines import Row, is_wide, joined
from rag.text.wrap import LIST_MARK, width

HEADING = 1.12  # of the body's size: from here on a line is a heading by its size
LONG_HEADING = 160  # columns
_SPEAKS = 40  # columns of a paragraph that is running text
_TOC = re.compile(r".*?(?:[.．·…]\s?){4,}\s*(?:\d{1,4}|[ivxlc]{1,6})", re.IGNORECASE)
_STOPPED = re.compile(r"[。！？!?.:：；;][”’」』）)\]】\"']*$")
_OPEN = re.compile(r"[，、,]$")
_ADDRESS = re.compile(r"\S+@|www\.|\S+://")
_SECTION = re.compile(
    r"第[一二三四五六七八九十百\d]{1,4}[章节条部篇]|[一二三四五六七八九十]{1,3}、|[（(][一二三四五六七八九十\d]{1,3}[)）]|\d{1,2}(?:\.\d{1,2})*[.、]?\s"
)
_TAIL = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*-$")
_START = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class TextLine:
    """A row as one line of running text."""

    text: str
    left: float
    right: float
    base: float
    size: float
    bold: bool


@dataclass(frozen=True, slots=True)
class Body:
    """What the document's running text looks like, against which a line is judged."""

    size: float
    leading: float  # distance of two baselines, in ems
    bold: bool
    words: Collection[str]  # every word of the document, for hyphens


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines put together. `rank` is (size, bold) where it looks like a heading, None for running text."""

    text: str
    left: float
    size: float
    item: bool
    toc: bool
    rank: tuple[float, bool] | None
    centred: bool


def text_line(row: Row) -> TextLine:
    """A row whose gaps are of no meaning, read from left to right."""
    longest = max(row, key=lambda fragment: len(fragment.text))
    return TextLine(
        " ".join(fragment.text for fragment in row),
        row[0].left,
        max(fragment.right for fragment in row),
        longest.base,
        longest.size,
        all(f.bold for f in row if any(c.isalnum() for c in f.text)) and any(f.bold for f in row),
    )


def paragraphs(rows: Sequence[Row], left: float, right: float, body: Body) -> list[Paragraph]:
    """The paragraphs of one stretch of rows between two margins."""
    lines = [text_line(part) for row in rows for part in _sides(row)]
    edges = _edges(lines, right, body)
    firsts = _firsts(lines, left, body)
    groups: list[list[int]] = []
    for index in range(len(lines)):
        if groups and not _begins(lines, groups[-1], index, (left, edges[groups[-1][-1]]), body, firsts):
            groups[-1].append(index)
        else:
            groups.append([index])
    return [_paragraph([lines[i] for i in group], edges[group[0]], left, right, body) for group in groups]


def _sides(row: Row) -> list[Row]:
    """A row in parts where the letters change their size over a wide gap: a heading, and small print beside it."""
    parts: list[Row] = []
    for fragment in row:
        last = parts[-1][-1] if parts else None
        if last and max(last.size, fragment.size) < 1.3 * min(last.size, fragment.size):
            parts[-1] = (*parts[-1], fragment)
        else:
            parts.append((fragment,))
    return parts


def rank_of(line: TextLine, body: Body) -> tuple[float, bool] | None:
    """(size, bold) of a line that stands out from the running text."""
    if not any(c.isalpha() for c in line.text) or width(line.text) > LONG_HEADING:
        return None
    if line.size >= HEADING * body.size:
        return line.size, line.bold
    if line.bold and not body.bold and line.size >= 0.95 * body.size and width(line.text) <= 90:
        return body.size, True
    return None


def goes_on(one: Paragraph, two: Paragraph) -> bool:
    """Whether a paragraph at the foot of a column goes on at the head of the next one, in the middle of a sentence."""
    if any(part.rank or part.toc for part in (one, two)) or two.item or width(one.text) < _SPEAKS:
        return False
    if _STOPPED.search(one.text):
        return False
    return two.text[0].islower() or (is_wide(one.text[-1]) and is_wide(two.text[0]) and width(two.text) >= _SPEAKS / 2)


def join_lines(lines: Sequence[str], words: Collection[str]) -> str:
    """The lines of a paragraph as one: nothing between Chinese, a space between words, a hyphen of the wrap undone."""
    text = ""
    for line in lines:
        if text.endswith((HYPHEN, "-", "\u2010")) and len(text) > 1 and text[-2].isalpha() and line:
            text = _unhyphenated(text[:-1], line, words)
        else:
            text = joined([text.replace(HYPHEN, "-"), line])
    return text.replace(HYPHEN, "-")


def _unhyphenated(before: str, line: str, words: Collection[str]) -> str:
    """Puts a word together that a hyphen at the line's end divides, with the hyphen where the word has one."""
    first = _START.match(line)
    tail = _TAIL.search(before + "-")
    if not first or not tail or not line[0].islower():
        return f"{before}-{line}"
    head, rest = tail.group()[:-1].lower(), first.group().lower()
    if head.rsplit("-", 1)[-1] + rest in words:
        return before + line
    if f"{head}-{rest}" in words or "-" in head:
        return f"{before}-{line}"
    return before + line


def _edges(lines: Sequence[TextLine], right: float, body: Body) -> list[float]:
    """The right margin of each line: that of the stretch of lines it stands in, where these show one of their own."""
    edges = [right] * len(lines)
    start = 0
    for index in range(1, len(lines) + 1):
        if index < len(lines) and _next_to(lines[index - 1], lines[index], body):
            continue
        own = [line.right for line in lines[start:index]]
        edge = max(own)
        if len(own) >= 3 and 2 * sum(edge - place < 2 * lines[start].size for place in own) >= len(own):
            edges[start:index] = [edge] * len(own)
        start = index
    return edges


def _next_to(one: TextLine, two: TextLine, body: Body) -> bool:
    """Whether the second line stands at the usual distance under the first, in the same size."""
    gap = two.base - one.base
    return 0 < gap <= 1.28 * body.leading * max(one.size, two.size) and abs(one.size - two.size) < 0.08 * one.size


def _firsts(lines: Sequence[TextLine], left: float, body: Body) -> frozenset[int]:
    """The lines that are set in as the first of a paragraph is, where the next one goes back to the margin; and of one line
    only, where others show that this is how paragraphs begin here."""
    inset = [i for i, line in enumerate(lines) if 1.2 * line.size < line.left - left < 3 * line.size]
    sure = [
        i
        for i in inset
        if i + 1 < len(lines)
        and _next_to(lines[i], lines[i + 1], body)
        and abs(lines[i + 1].left - left) < 0.5 * lines[i].size
    ]
    usual = {round(lines[i].left) for i in sure} if len(sure) >= 2 else set()
    return frozenset([*sure, *(i for i in inset if round(lines[i].left) in usual)])


def _begins(
    lines: Sequence[TextLine],
    group: Sequence[int],
    index: int,
    margins: tuple[float, float],
    body: Body,
    firsts: Collection[int],
) -> bool:
    """Whether a line begins a paragraph of its own after those of the group."""
    line, before = lines[index], lines[group[-1]]
    em = max(line.size, 1.0)
    heads, headed = rank_of(line, body), rank_of(before, body)
    fits = _would_fit(before, line, margins[1])
    if not _next_to(before, line, body):
        return True
    if heads != headed and not (not fits and {heads, headed} <= {None, (body.size, True)}):
        return True  # a bold line that is full is the beginning of a paragraph, not its heading
    if _TOC.fullmatch(line.text) or _TOC.fullmatch(before.text):
        return True
    if heads and headed:
        return bool(_SECTION.match(line.text)) or (fits and not _same_middle(before, line) and heads[0] <= body.size)
    marked = bool(LIST_MARK.match(lines[group[0]].text + " "))
    if LIST_MARK.match(line.text + " ") and (line.text[0] in "•●○■◆▪‣-*" or fits or _STOPPED.search(before.text)):
        return True
    lower = line.text[:1].islower() and not _STOPPED.search(before.text)
    step = line.left - before.left
    inset = min(line.left, before.left) - margins[0] > 0.3 * (margins[1] - margins[0])
    short = max(line.right - line.left, before.right - before.left) < 0.35 * (margins[1] - margins[0])
    if inset and (short or abs(step) > 0.8 * em) and (not lower or _ADDRESS.match(line.text)):
        return True  # centred or set to the right: an author, a signature and its day
    if step > 0.8 * em and not (marked and len(group) == 1):
        return not lower
    if _OPEN.search(before.text) and before.right + 6 * em > margins[1]:
        return False  # a sentence is not over at a comma
    if step < -0.8 * em and len(group) > 1:
        return True
    if abs(step) < 0.3 * em and len(group) == 1 and index in firsts and _STOPPED.search(before.text):
        return True
    return fits and not lower


def _same_middle(one: TextLine, two: TextLine) -> bool:
    return abs(one.left + one.right - two.left - two.right) < 1.5 * one.size and abs(one.left - two.left) > one.size


def _would_fit(before: TextLine, line: TextLine, edge: float) -> bool:
    """Whether the line's first word would have stood on the line before: then that line ended by itself."""
    if is_wide(line.text[0]):
        needed = 2.2 * line.size  # one character, and a mark that may not begin a line
    else:
        word = re.split(r"[\s\u2e80-\uffef]", line.text, maxsplit=1)[0]
        needed = len(word) * (line.right - line.left) / max(len(line.text), 1) + 0.45 * line.size
    return before.right + needed < edge


def _paragraph(lines: Sequence[TextLine], edge: float, left: float, right: float, body: Body) -> Paragraph:
    text = join_lines([line.text for line in lines], body.words)
    first = lines[0]
    ranks = {rank_of(line, body) for line in lines}
    toc = bool(_TOC.fullmatch(text))
    rank = ranks.pop() if len(ranks) == 1 and len(lines) <= 4 and not toc else None
    if rank and (width(text) > LONG_HEADING or re.search(r"[。；;，,]$", text)):
        rank = None
    if (
        rank
        and rank[0] <= body.size
        and (re.search(r"[.:：！!]$", text) or (first.right > edge - first.size and not _SECTION.match(text)))
    ):
        rank = None
    middle = abs((first.left - left) - (right - first.right)) < 2 * first.size and first.left - left > 2 * first.size
    item = rank is None and bool(LIST_MARK.match(text + " "))
    return Paragraph(text, first.left, first.size, item, toc, rank, middle)
