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

from rag.furniture.flow import flow, signature
from rag.furniture.head import body_start, find_title, head
from rag.furniture.items import Item, gather
from rag.types import Document, Parsed, Role, Section, Span

__all__ = ["label"]


def label(parsed: Parsed, *, doc_id: str, source: str) -> Document:
    """The document: every block in a section with a role, heading paths, metadata spans. Never raises.

    A section is a run of blocks of one path and role; titles and headings stand alone. Blocks are covered exactly
    once; `title` is the source's name where the text has no title.
    """
    items = gather(parsed)
    meta: dict[str, Span] = dict(parsed.meta)
    first = next((i for i, item in enumerate(items) if item.prose and item.role is None), None)
    title = find_title(items, first, meta)
    start = body_start(items, first, title)
    head(items, start, title, meta)
    flow(items, start)
    signature(items)
    for item in items:
        told = item.meta if item.role != "comment" or item.says == "comment" else []
        for key, left, right in told:
            meta.setdefault(key, Span(left, right))
    if title is not None:
        item = items[title]
        item.role = "title"
        bare = re.match(r"(?:#{1,6}[ \t]+)?(.*?)(?:[ \t]+#+)?\Z", item.text, re.DOTALL)
        left, right = bare.span(1) if bare else (0, len(item.text))
        meta["title"] = Span(item.block.start + left, item.block.start + right)
    sections = _sections(items, parsed.text)
    name = meta.get("title")
    shown = parsed.text[name.start : name.end] if name else PurePosixPath(source).stem
    return Document(doc_id, _plain_title(shown), source, parsed.text, sections, meta)


def _plain_title(raw: str) -> str:
    bare = re.sub(r"^#{1,6}\s+|\s+#+$", "", raw.strip())
    return " ".join(bare.split())


def _sections(items: Sequence[Item], text: str) -> tuple[Section, ...]:
    levels = sorted({item.block.level for item in items if item.role == "heading"})
    depth = {level: index + 1 for index, level in enumerate(levels)}
    stack: list[tuple[int, str]] = []
    sections: list[Section] = []
    for item in items:
        role: Role = item.role or "body"
        block = item.block
        if role == "heading":
            level = depth[block.level]
            while stack and stack[-1][0] >= level:
                stack.pop()
            path = tuple(name for _, name in stack)
            sections.append(Section(path, block.start, block.end, role, block.page, level))
            stack.append((level, _plain_title(item.text)))
            continue
        path = tuple(name for _, name in stack) if role == "body" else ()
        last = sections[-1] if sections else None
        if (
            last
            and role != "title"
            and (last.path, last.role, last.page) == (path, role, block.page)
            and not any(c.isalnum() for c in text[last.end : block.start])
        ):
            sections[-1] = replace(last, end=block.end)
        else:
            sections.append(Section(path, block.start, block.end, role, block.page))
    return tuple(sections)
