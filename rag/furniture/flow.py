"""From the body's start to the foot of the page: the article, and the lists and lines that interrupt or end it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.furniture.items import Item, buttons
from rag.text.names import is_name
from rag.text.pagelines import ends_like_prose, is_date_only
from rag.text.wrap import width
from rag.types import Role


def flow(items: list[Item], start: int) -> None:
    """Roles from the body's start to the end, in one pass: body, and the lists and lines that interrupt or end it."""
    mass = [width(item.text) if item.prose and item.role is None else 0 for item in items]
    left = sum(mass[start:])
    total = left or 1
    bylines = {item.text for item in items[:start] if item.role == "byline"}
    state: Role = "body"
    tail, comment_level = False, 1
    for index in range(start, len(items)):
        item = items[index]
        rest = left / total
        left -= mass[index]
        if item.role:
            continue
        if item.answers:
            item.role = "body"
            continue
        ended = rest <= 0.25 and (total > 1)
        mark = item.says
        real = item.trusted and not mark
        if mark == "related" and _heads_list(items, index):
            state, tail = "related", tail or ended
            item.take("related")
        elif (
            mark == "comment"
            and (ended or tail or state != "body")
            and (item.block.kind != "heading" or rest < 0.5 or item.trusted)
        ):
            state, tail = "comment", True
            comment_level = item.block.level if item.trusted else 1
            item.take("comment")
        elif mark == "notice" and (ended or tail or width(item.text) <= 60):
            item.take("notice")
            state, tail = ("body" if state == "related" else state), tail or ended
        elif (
            mark in {"counter", "nav"} and (ended or tail or mark == "counter" or buttons(item)) and state != "comment"
        ):
            item.take(mark)
            tail = tail or ended
        elif mark in {"byline", "date"} and state == "body" and (ended or tail or _post_head(item)):
            item.take(mark)
            if not (ended or tail):
                item.meta = [told for told in item.meta if told[0] == "date"]  # its author is that of one post
        elif item.data:  # whatever is said above a table, its rows are data
            item.role = state = "body"
        elif state == "body" and _widget(items, index):
            item.take("byline" if is_name(item.text) else "counter" if mark == "comment" else "nav")
        elif state == "comment" and buttons(item):
            item.take("nav")
        elif state == "comment" and not (real and item.block.level <= comment_level) and not (item.main and item.prose):
            item.take("comment")
        elif state == "body" and _ornament(items, index):
            item.take("nav")
        elif (
            state == "related"
            and not (item.prose or real)
            and not (item.block.kind == "heading" and _leads_to_prose(items, index))
        ):
            item.take("related")
        elif tail and not item.prose and not real and item.block.kind in {"paragraph", "heading", "item"}:
            state = "body"
            item.take("byline" if item.text in bylines else "body" if ends_like_prose(item.text) else "nav")
        else:
            state = "body"
            tail = tail and not (real and not item.web)  # only web pages have a foot with headings of its own
            item.role = "heading" if item.block.kind in {"heading", "title"} else "body"


def _widget(items: Sequence[Item], index: int) -> bool:
    """A short line among the counters and buttons of a post, or the name over the next one."""
    item, before = items[index], items[index - 1].role if index else None
    if before not in {"counter", "nav", "byline", "date"} or item.prose or item.trusted:
        return False
    return bool(item.says in {"comment", "nav"}) or (
        is_name(item.text) and before in {"counter", "nav"} and items[index - 1].says is not None
    )


def _post_head(item: Item) -> bool:
    """The line over a post of a thread: who, and when to the minute. A day alone heads an entry of a diary."""
    return item.says == "date" and not is_date_only(item.text) and bool(re.search(r"\d[:：]\d\d", item.text))


def _ornament(items: Sequence[Item], index: int) -> bool:
    """A bare number over a heading."""
    above_heading = index + 1 < len(items) and items[index + 1].block.kind == "heading"
    return above_heading and bool(re.fullmatch(r"\W*\d{1,2}\W*", items[index].text))


def _heads_list(items: Sequence[Item], index: int) -> bool:
    """At least two short lines under it: 推荐 alone may be anything."""
    below = items[index + 1 : index + 3]
    if items[index].hinted == "related":
        return True
    return len(below) == 2 and not any(item.prose or item.block.kind == "row" for item in below)


def _leads_to_prose(items: Sequence[Item], index: int) -> bool:
    """Two long paragraphs after a heading-like line: an article goes on after its inset list."""
    after = list(items[index + 1 : index + 4])
    return len(after) >= 2 and after[0].prose and sum(item.prose for item in after) >= 2


def beside(items: Sequence[Item], title: int | None) -> None:
    """What the page's reader left out of the article and no rule knew: buttons before the body, lists after it. Prose
    among the article's own, and what leads from the title to it, stays: furniture is put last, and those may answer."""
    main = [index for index, item in enumerate(items) if item.main and item.role in {"body", "heading"}]
    for index, item in enumerate(items if main else ()):
        if not item.outside or index == title or item.role not in {"body", "heading"}:
            continue
        if index > main[-1] or (index > main[0] and not item.prose):
            item.role = "related"
        elif index < main[0] and not (title is not None and index > title and ends_like_prose(item.text)):
            item.role = "nav"


def signature(items: list[Item]) -> None:
    """Who signed, and when, at the foot of the body: 国务院办公厅 / 2023年10月25日."""
    body = [i for i, x in enumerate(items) if x.role in {"body", "heading", "date", "byline"} and not x.answers]
    prose = [i for i in body if items[i].prose]
    if not prose:
        return
    for index in body:
        item = items[index]
        if index <= prose[-1] or not is_date_only(item.text) or index + 4 < body[-1]:
            continue
        item.take("date")
        above = items[index - 1]
        if (
            above.role in {"body", "heading"}
            and not above.prose
            and width(above.text) <= 40
            and not ends_like_prose(above.text)
        ):
            above.role = "byline"
            above.meta.append(("author" if is_name(above.text) else "publisher", above.block.start, above.block.end))
