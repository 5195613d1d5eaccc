"""Markdown: the source is the text, blocks are spans of it. Line rules after CommonMark; inline markup stays."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from rag.parse.encoding import decode
from rag.table import cell_spans
from rag.types import Block, BlockKind, Parsed, Span

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+|$)")
_SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ITEM = re.compile(r"([ \t]*)(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$)")
_BREAK = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_TABLE_RULE = re.compile(r"\|?[ \t]*:?-+:?(?:[ \t]*\|[ \t]*:?-+:?)*[ \t]*\|?\Z")
_REFERENCE = re.compile(r" {0,3}\[[^\]]+\]:\s*\S+")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^)]{0,2000}\)|\[[^\[\]]*\])")
_MARKUP = re.compile(r"\*+|`+|~~|<[^<>]*>|(?<!\w)_+|(?<!_)_+(?!\w)")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z_][\w-]*)[ \t]*[:=][ \t]*(.+?)[ \t]*$")
_KEYS = {
    "title": "title", "author": "author", "authors": "author", "date": "date", "published": "date", "created": "date",
    "category": "category", "categories": "category", "tags": "tags", "url": "url", "link": "url",
    "canonical": "url", "permalink": "url", "publisher": "publisher", "source": "publisher",
}  # fmt: skip

Line = tuple[int, int]


def parse(data: bytes, name: str) -> Parsed:
    """The source as Python's text mode reads it, its blocks, and the front matter's fields. Raises ParseError."""
    text, _ = decode(data, name)
    # Comments are blanked for reading only, so that every offset stays the source's.
    code = list(_fenced(text))
    starts = [start for start, _ in code]

    def blanked(comment: re.Match[str]) -> str:
        before = bisect_right(starts, comment.start()) - 1
        fenced = before >= 0 and comment.start() < code[before][1]
        return comment.group() if fenced else re.sub(r"[^\n]", " ", comment.group())

    hidden = _COMMENT.sub(blanked, text)
    lines = _lines(hidden)
    head, meta = _front(hidden, lines)
    blocks = [
        *(Block("meta", a, b) for a, b in head),
        *_blocks(hidden, lines[len(head) :] if not head else _after(lines, head)),
    ]
    return Parsed(text, tuple(blocks), meta)


def _after(lines: list[Line], head: list[Line]) -> list[Line]:
    return [line for line in lines if line[0] > head[-1][1]]


def _lines(text: str) -> list[Line]:
    found, start = [], 0
    for line in text.split("\n"):
        found.append((start, start + len(line)))
        start += len(line) + 1
    return found


def _fenced(text: str) -> Iterator[Line]:
    opened, mark = -1, ""
    for start, end in _lines(text):
        match = _FENCE.match(text, start, end)
        if match and opened < 0:
            opened, mark = start, match.group(1)
        elif (
            match
            and match.group(1)[0] == mark[0]
            and len(match.group(1)) >= len(mark)
            and text[match.end() : end].strip() == ""
        ):
            yield opened, end
            opened = -1
    if opened >= 0:
        yield opened, len(text)


def _front(text: str, lines: list[Line]) -> tuple[list[Line], dict[str, Span]]:
    """Lines of the front matter (with its rules) and the metadata in it; YAML `---` or TOML `+++`."""
    meta: dict[str, Span] = {}
    mark = text[slice(*lines[0])].strip()
    if mark not in {"---", "+++"}:
        return [], meta
    for index in range(1, min(len(lines), 200)):
        if text[slice(*lines[index])].strip() in {mark, "..." if mark == "---" else mark}:
            inner = [line for line in lines[1:index] if text[slice(*line)].strip()]
            if not any(_FIELD.match(text[slice(*line)]) for line in inner):
                return [], meta
            for a, b in inner:
                match = _FIELD.match(text[a:b])
                key = _KEYS.get(match.group(1).lower()) if match else None
                if match and key and key not in meta:
                    left, right = a + match.start(2), a + match.end(2)
                    while right - left >= 2 and (text[left], text[right - 1]) in {('"', '"'), ("'", "'"), ("[", "]")}:
                        left, right = left + 1, right - 1
                    if right > left:
                        meta[key] = Span(left, right)
            tags = meta.pop("tags", None)  # they say what it is about only where nothing else does
            meta.update({"category": tags} if tags and "category" not in meta else {})
            return [_strip(text, *line) for line in (lines[0], *inner, lines[index])], meta
    return [], meta


def _strip(text: str, start: int, end: int) -> Line:
    piece = text[start:end]
    left = start + len(piece) - len(piece.lstrip())
    return left, left + len(piece.strip())


def _blocks(text: str, lines: list[Line]) -> Iterator[Block]:
    run: list[Line] = []  # lines of the paragraph, quotation or item being read
    kind: BlockKind = "paragraph"
    depth = 0

    def close() -> Iterator[Block]:
        if run:
            a, b = _strip(text, run[0][0], run[-1][1])
            if b > a:
                yield Block(kind, a, b, depth)
            run.clear()

    index, table = 0, False
    columns: tuple[str, ...] = ()  # of the table being read
    while index < len(lines):
        start, end = lines[index]
        line = text[start:end]
        columns = columns if "|" in line else ()
        fence = _FENCE.match(line)
        if fence:
            yield from close()
            stop = index + 1
            while stop < len(lines):
                other = text[slice(*lines[stop])].strip()
                if other and set(other) == {fence.group(1)[0]} and len(other) >= len(fence.group(1)):
                    break
                stop += 1
            last = lines[min(stop, len(lines) - 1)][1]
            a, b = _strip(text, start, last)
            yield Block("code", a, b)
            index = stop + 1
            continue
        table = "|" in line and (table or _rule_below(text, lines, index))
        atx, item = _ATX.match(line), _ITEM.match(line)
        if not line.strip():
            yield from close()
        elif run and kind == "paragraph" and _SETEXT.match(line) and len(run) <= 2:
            a, b = _strip(text, run[0][0], run[-1][1])
            run.clear()
            yield Block("heading", a, b, 1 if "=" in line else 2, hint="setext")
        elif atx:
            yield from close()
            a, b = _strip(text, start, end)
            if text[a:b].strip("# \t"):
                yield Block("heading", a, b, len(atx.group(1)), hint="atx")
        elif _BREAK.match(line) or _REFERENCE.match(line) or _table_rule(line):
            yield from close()
        elif item and line[item.end() :].strip():
            yield from close()
            kind, depth = "item", 1 + len(item.group(1).expandtabs(4)) // 2
            run.append((start, end))
        elif line.lstrip().startswith("|") or table:
            yield from close()
            a, b = _strip(text, start, end)
            heads = _rule_below(text, lines, index)
            yield Block("row", a, b, columns=() if heads else columns)
            columns = _names(text[a:b]) if heads else columns
        elif line.lstrip().startswith(">"):
            if kind != "quote":
                yield from close()
            kind, depth = "quote", 0
            run.append((start, end))
        else:
            if not run:
                kind, depth = "paragraph", 0
            run.append((start, end))
        index += 1
    yield from close()


def _names(row: str) -> tuple[str, ...]:
    """The cells of a header without their inline markup: what the columns are called."""
    cells = (_LINK.sub(r"\1", row[a:b]) for a, b in cell_spans(row))
    return tuple(" ".join(_MARKUP.sub("", cell.replace("\\|", "|")).split()) for cell in cells)


def _rule_below(text: str, lines: list[Line], index: int) -> bool:
    """A table without outer bars: its rule stands under its first row, and every row has a bar."""
    below = text[slice(*lines[index + 1])] if index + 1 < len(lines) else ""
    return _table_rule(below)


def _table_rule(line: str) -> bool:
    bare = line.strip()
    return "|" in bare and not set(bare) - set("|-: \t") and bool(_TABLE_RULE.match(bare))
