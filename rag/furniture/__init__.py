"""Labels what each stretch of a page is for: the article itself, or the furniture around it.

The rules are positional. The body is the dense run of long paragraphs; a site's name, byline and date stand before it,
notices, counters, hot lists and comments after it. A line counts as furniture only where its own words and its place
agree, so that a file without furniture comes out all body.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from rag.furniture.flow import beside, flow, signature
from rag.furniture.head import body_start, find_title, head
from rag.furniture.items import Item, gather
from rag.furniture.opening import authors, memo
from rag.furniture.tables import group_title, groups, naming
from rag.types import Document, Parsed, Role, Section, Span

__all__ = ["label"]


def label(parsed: Parsed, *, doc_id: str, source: str) -> Document:
    """The document: every block in a section with a role, heading paths, metadata spans. Never raises.

    A section is a run of blocks of one path and role; titles and headings stand alone. Blocks are covered exactly
    once; `title` is the source's name where the text has no title.
    """
    items = gather(parsed)
    memo(items)
    meta: dict[str, Span] = dict(parsed.meta)
    prose = [i for i, item in enumerate(items) if item.prose and item.role is None]
    first = next((i for i in prose if not items[i].outside), prose[0] if prose else None)
    title = find_title(items, first, meta)
    authors(items, title)
    start = body_start(items, first, title)
    head(items, start, title, meta)
    flow(items, start)
    signature(items)
    beside(items, title)
    for item in items:
        told = item.meta if item.role != "comment" or item.says == "comment" else []
        for key, left, right in told:
            known = meta.get(key)
            if known is None or (key == "author" and left <= known.start and known.end <= right):  # one of its authors
                meta[key] = Span(left, right)
    if title is not None:
        item = items[title]
        item.role = "title"
        bare = re.match(r"(?:#{1,6}[ \t]+)?(.*?)(?:[ \t]+#+)?\Z", item.text, re.DOTALL)
        left, right = bare.span(1) if bare else (0, len(item.text))
        meta["title"] = Span(item.block.start + left, item.block.start + right)
    sections = _sections(items, parsed.text)
    name = meta.get("title")
    shown = parsed.text[name.start : name.end] if name else PurePosixPath(source).stem
    return Document(doc_id, _plain_title(shown), source, parsed.text, sections, meta, parsed.kind, parsed.pages)


def _plain_title(raw: str) -> str:
    bare = re.sub(r"^#{1,6}\s+|\s+#+$", "", raw.strip())
    return " ".join(bare.split())


def _sections(items: Sequence[Item], text: str) -> tuple[Section, ...]:
    levels = sorted({item.block.level for item in items if item.role == "heading"})
    depth = {level: index + 1 for index, level in enumerate(levels)}
    stack: list[tuple[int, str]] = []
    sections: list[Section] = []
    names, titled = naming(items), groups(items)
    lines = 0  # newlines in the last section
    inside = 0  # index at which the group of rows ends that the stack's last entry titles; 0: none
    for index, item in enumerate(items):
        role: Role = item.role or "body"
        block = item.block
        if inside and index >= inside:
            stack.pop()
            inside = 0
        if role == "heading" or (role == "body" and index in titled):
            level = depth[block.level] if role == "heading" else stack[-1][0] + 1 if stack else 1
            while stack and stack[-1][0] >= level:
                stack.pop()
            path = tuple(name for _, name in stack)
            sections.append(Section(path, block.start, block.end, "heading", block.page, level, block.row))
            stack.append((level, _plain_title(item.text) if role == "heading" else group_title(item)))
            inside = 0 if role == "heading" else titled[index]
            continue
        path = tuple(name for _, name in stack) if role == "body" else ()
        last = sections[-1] if sections else None
        made = Section(path, block.start, block.end, role, block.page, 0, block.row, block.columns, index in names)
        if last and role != "title" and _goes_on(last, made, text, lines):
            lines += text.count("\n", last.end, block.end)
            sections[-1] = replace(last, end=block.end)
        else:
            lines = text.count("\n", block.start, block.end)
            sections.append(made)
    return tuple(sections)


def _goes_on(last: Section, made: Section, text: str, lines: int) -> bool:
    """Whether a block belongs to the section before it: one path, role and page; of a table the same columns, and the next
    row of its sheet."""
    if (last.path, last.role, last.page, last.columns) != (made.path, made.role, made.page, made.columns):
        return False
    if last.names != made.names or (last.row is None) != (made.row is None):
        return False
    if last.row is not None and made.row != last.row + lines + 1:
        return False
    return not any(c.isalnum() for c in text[last.end : made.start])
