"""From the lines that a format yields to the text that every offset refers to: one block a line, a newline between two."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rag.text.pagelines import DATE
from rag.types import Block, BlockKind, Notice, Parsed, Span


@dataclass(frozen=True, slots=True)
class Line:
    """A block with its own text, before it has a place. `text` may hold newlines; it is trimmed and never empty."""

    kind: BlockKind
    text: str
    level: int = 0
    hint: str = ""
    page: int | None = None
    row: int | None = None
    columns: tuple[str, ...] = ()


def lay(
    lines: Iterable[Line],
    declared: Mapping[str, str] | None = None,
    *,
    pages: int | None = None,
    notices: Sequence[Notice] = (),
) -> Parsed:
    """The lines as one text with their blocks. Empty lines are dropped, the others trimmed.

    `declared` is what the format says of the document beside its text (title, author, date, url …): a value that the
    text shows is pointed at there, any other becomes a line of its own before the first, so that it too can be quoted.
    """
    kept = [line for line in lines if line.text.strip()]
    text, blocks = _placed(kept)
    meta: dict[str, Span] = {}
    missing: list[Line] = []
    for key, value in (declared or {}).items():
        value = " ".join(value.split())
        span = _locate(text, blocks, key, value) if value else None
        if span:
            meta[key] = span
        elif value and (key != "title" or not any(b.kind == "title" or _top(b) for b in blocks)):
            missing.append(Line("title" if key == "title" else "meta", value, hint=key))
    if missing:
        shift = sum(len(line.text) + 1 for line in missing)
        text, blocks = _placed([*missing, *kept])
        meta = {key: Span(span.start + shift, span.end + shift) for key, span in meta.items()}
        for line, block in zip(missing, blocks, strict=False):
            meta[line.hint] = Span(block.start, block.end)
    return Parsed(text, tuple(blocks), meta, pages, tuple(notices))


def _top(block: Block) -> bool:
    return block.kind == "heading" and block.level == 1


def _placed(lines: Sequence[Line]) -> tuple[str, list[Block]]:
    blocks: list[Block] = []
    parts: list[str] = []
    at = 0
    for line in lines:
        text = line.text.strip()
        blocks.append(Block(line.kind, at, at + len(text), line.level, line.page, line.hint, line.row, line.columns))
        parts.append(text)
        at += len(text) + 1
    return "\n".join(parts), blocks


def _locate(text: str, blocks: Sequence[Block], key: str, value: str) -> Span | None:
    """Where a declared value stands in the text. A title must be a line of its own; a date counts as shown when a
    short line gives the same day in its own way."""
    if key == "title":
        same = [b for b in blocks if text[b.start : b.end] == value]
        same.sort(key=lambda b: b.kind not in {"heading", "title"})
        return Span(same[0].start, same[0].end) if same else None
    day = re.match(r"(\d{4})\D?(\d{2})\D?(\d{2})", value) if key == "date" else None
    for block in blocks:
        short = block.end - block.start <= len(value) + 60
        at = text.find(value, block.start, block.end) if short else -1
        if at >= 0:
            return Span(at, at + len(value))
        shown = DATE.search(text, block.start, block.end) if day and short else None
        if day and shown:
            numbers = {int(n) for n in re.findall(r"\d+", shown.group())}
            if {int(day.group(1)), int(day.group(3))} <= numbers:
                return Span(shown.start(), shown.start() + len(shown.group().rstrip()))
    return None
