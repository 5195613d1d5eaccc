"""The head of a page: its title, and the lines before the body."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rag.furniture.items import Item, buttons
from rag.text.names import is_name, is_office
from rag.text.pagelines import DATE, document_number, ends_like_prose
from rag.text.wrap import LIST_MARK, width
from rag.types import Role, Span

TITLE_MAX = 160  # columns
_RUNNING = re.compile(r"\S[ \t\u3000]{4,}\S|第\s*\d+\s*页|\bpage \d+", re.IGNORECASE)  # the head of every page


def find_title(items: Sequence[Item], first: int | None, meta: Mapping[str, Span]) -> int | None:
    """Index of the block that is the title, None where the text shows none."""
    declared = meta.get("title")
    if declared and any(item.block.start < declared.start < item.block.end and _titles(item) for item in items):
        return None  # a letter's subject: the line says so itself
    before = items[: next((i for i, item in enumerate(items) if item.prose), len(items))]
    if not declared and any(map(_titles, before)):
        return None
    for index, item in enumerate(items):
        if (
            declared
            and item.block.start <= declared.start < item.block.end
            and item.block.kind in {"title", "heading", "paragraph"}
            and item.role is None
        ):
            return index
    for index, item in enumerate(items):
        if item.block.kind == "title":
            return index
    inner = [i for i, item in enumerate(items) if item.inner]
    if inner:  # a workbook or records: each part has a name, the whole that of its file, or of its only sheet's caption
        return 1 if inner == [0] and _captions(items[:3]) else None
    tops = [i for i, item in enumerate(items) if item.trusted and item.block.level == 1 and item.role is None]
    if tops and (first is None or tops[0] < first or len(tops) == 1):
        return tops[0]
    if any(item.trusted for item in items[: first or 0]) and not tops:
        return None
    limit = first if first is not None else min(len(items), 4)
    best, best_score = None, 0.0
    signals = [i for i in range(limit) if _signal(items[i])]
    said = (i for i in range(limit) if not (items[i].role or items[i].mark or _RUNNING.search(items[i].text)))
    opening = next(said, -1)
    for index in range(limit):
        item = items[index]
        if (
            item.role
            or (item.mark and item.mark.role != "nav")
            or item.block.kind in {"meta", "item", "row", "code", "quote"}
        ):
            continue
        if item.mark or not _titular(item.text) or (item.block.kind == "heading" and DATE.match(item.text)):
            continue
        close = any(index < s <= index + 4 for s in signals) or _opens_page(items, index)
        looks = item.block.kind == "heading" or (index == opening and _alone(items, index, first))
        if not (close or (looks and index == opening) or (looks and signals)):
            continue
        score = 1 + min(width(item.text), 40) / 20 + (2 if close else 0) + (0.5 if index == opening else 0)
        score -= 2 if signals and width(item.text) <= 8 else 0
        score -= 1.5 if is_name(item.text) else 0
        score -= 2 if index and (is_office(item.text) and is_name(items[index - 1].text)) else 0
        score -= 2 if document_number(item.text) else 0
        if score > best_score:
            best, best_score = index, score
    return best


def _captions(opening: Sequence[Item]) -> bool:
    """Whether a sheet begins with the title of its table."""
    kinds = [item.block.kind for item in opening]
    caption = opening[1] if kinds[1:] == ["paragraph", "row"] else None
    return caption is not None and not (caption.mark or caption.prose or caption.role) and _titular(caption.text)


def _opens_page(items: Sequence[Item], index: int) -> bool:
    """Buttons under the first line (播报 编辑), or an author under the title of a poem, which a blank line follows."""
    if index or len(items) < 3:
        return False
    return items[1].says == "nav" or (is_name(items[1].text) and items[2].apart and width(items[0].text) <= 40)


def _alone(items: Sequence[Item], index: int, first: int | None) -> bool:
    """A first line set apart from the paragraphs that follow: by a blank line, or one after it and a line or two."""
    if first is None or heading_like(items[index].text) is False:
        return False
    after = items[index + 1 : index + 4]
    gap = next((n for n, item in enumerate(after) if item.apart), None)
    return gap is not None and all(not item.prose and heading_like(item.text) for item in after[:gap])


def heading_like(text: str) -> bool:
    return _titular(text) and not re.search(r"[？?…]$", text) and not LIST_MARK.match(text + " ")


def _titular(text: str) -> bool:
    if not 2 <= width(text) <= TITLE_MAX or "\n" in text.strip():
        return False
    if _RUNNING.search(text):
        return False
    return not re.search(r"[。；;，,、：:][”’」』）)】]*$", text) and any(c.isalpha() for c in text)


def _signal(item: Item) -> bool:
    """A line that only the head of a published page has."""
    return item.role in {"byline", "date"} or bool(item.mark and item.mark.role in {"byline", "date", "counter"})


def body_start(items: Sequence[Item], first: int | None, title: int | None) -> int:
    """Index of the first block of the body: the first long paragraph and what introduces it."""
    floor = 0 if title is None else title + 1
    if first is None:
        start = floor
        while start < len(items) and (
            items[start].role or items[start].says in {"byline", "date", "nav"} or items[start].block.kind == "meta"
        ):
            start += 1
        if start + 1 < len(items) and start and is_name(items[start].text) and items[start + 1].apart:
            start += 1  # the poet under the title
        return start
    start = max(first, floor)
    while start > floor:
        before = items[start - 1]
        opens = before.trusted or before.block.kind in {"row", "code", "quote", "item"} or ends_like_prose(before.text)
        heads = before.block.kind == "heading" and not is_office(before.text) and not is_name(before.text)
        if before.role or before.mark or before.block.kind == "meta" or document_number(before.text):
            break
        if not (opens or heads):
            break
        start -= 1
    return start


def head(items: list[Item], start: int, title: int | None, meta: dict[str, Span]) -> None:
    """Roles of what stands before the body."""
    page = any(_signal(item) for item in items[:start])
    before = [item for item in items[: title or 0] if not item.role]
    page = page or any(item.mark and item.mark.role == "nav" for item in before)
    dated = " ".join(item.text for item in items[:start] if item.mark and item.mark.role == "date")
    for index in range(start):
        item = items[index]
        if item.role or index == title:
            continue
        after_title = title is None or index > title
        if item.answers:
            item.role = "body"
        elif item.block.kind == "meta":
            item.take(_declared(item))
        elif item.mark and (page or buttons(item) or item.mark.role not in {"related", "comment", "nav"}):
            item.take(item.mark.role if item.mark.role != "related" else "nav")
        elif document_number(item.text):
            item.take("byline")
            item.meta.append(("number", item.block.start, item.block.end))
        elif (
            after_title
            and is_name(item.text)
            and (page or _followed_by_office(items, index, start) or start - index == 1)
        ):
            item.take("byline")
            item.meta.append(("author", item.block.start, item.block.end))
        elif after_title and index and is_office(item.text) and is_name(items[index - 1].text):
            item.take("byline")
            item.meta.append(("position", item.block.start, item.block.end))
        elif item.text in dated and page and width(item.text) <= 30:
            item.take("byline")
            item.meta.append(("publisher", item.block.start, item.block.end))
        elif item.trusted or (after_title and item.block.kind == "heading"):
            item.role = "heading"
        elif page and not after_title:
            item.take("nav")
        elif (
            page
            and after_title
            and width(item.text) <= 30
            and not ends_like_prose(item.text)
            and item.block.kind == "paragraph"
            and _between(items, index, start)
        ):
            item.take("byline")
        else:
            item.role = "body"
    mail = {key: span for item in items[:start] for key, span in _mail_meta(item)}
    meta.update({key: span for key, span in mail.items() if key not in meta})


def _between(items: Sequence[Item], index: int, start: int) -> bool:
    """Whether more of a page's head follows the line before the body begins."""
    return any(_signal(item) for item in items[index + 1 : start])


def _followed_by_office(items: Sequence[Item], index: int, start: int) -> bool:
    return index + 1 < start and is_office(items[index + 1].text) and not items[index + 1].mark


_MAIL = re.compile(r"(?P<key>[A-Za-z-]+|[\u4e00-\u9fff]{1,4})\s*[:：]\s*(?:\|\s*)?(?P<value>\S.*)", re.DOTALL)
_MAIL_KEYS: dict[str, tuple[Role, str]] = {
    "from": ("byline", "author"), "发件人": ("byline", "author"), "寄件者": ("byline", "author"),
    "发自": ("byline", "author"), "发文": ("byline", "author"), "由": ("byline", "author"),
    "date": ("date", "date"), "sent": ("date", "date"), "日期": ("date", "date"), "发送时间": ("date", "date"),
    "subject": ("title", "title"), "主题": ("title", "title"), "主旨": ("title", "title"),
    "re": ("title", "title"), "事由": ("title", "title"),
}  # fmt: skip


def _declared(item: Item) -> Role:
    """Role of a line that the format itself calls metadata: a mail's header, front matter, a page's <meta>."""
    if item.block.hint:
        roles: dict[str, Role] = {"date": "date", "url": "notice"}
        return roles.get(item.block.hint, "byline")
    match = _MAIL.fullmatch(item.text)
    if not match:
        return "nav"
    return _MAIL_KEYS.get(match.group("key").lower(), ("byline", ""))[0]


def _titles(item: Item) -> bool:
    return "title" in {key for key, _ in _mail_meta(item)}


def _mail_meta(item: Item) -> list[tuple[str, Span]]:
    match = _MAIL.fullmatch(item.text) if item.block.kind == "meta" else None
    known = _MAIL_KEYS.get(match.group("key").lower()) if match else None
    if not match or not known:
        return []
    at = item.block.start
    value = re.sub(r"\s*<[^<>]*>\s*\Z", "", match.group("value")) or match.group("value")
    return [(known[1], Span(at + match.start("value"), at + match.start("value") + len(value)))]
