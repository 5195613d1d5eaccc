"""Labels what each stretch of a page is for: the article itself, or the furniture around it.

The rules are positional. The body is the dense run of long paragraphs; a site's name, byline and date stand before it,
notices, counters, hot lists and comments after it. A line counts as furniture only where its own words and its place
agree, so that a file without furniture comes out all body.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from rag.text.pagelines import Mark, document_number, ends_like_prose, is_date_only, is_name, is_office, read_line
from rag.text.wrap import width
from rag.types import Block, Document, Parsed, Role, Section, Span

LONG = 60  # columns from which a paragraph speaks for the body
TITLE_MAX = 160  # columns

_HINTS: tuple[tuple[Role, re.Pattern[str]], ...] = (
    ("comment", re.compile(r"comments?|commentlist|replies|disqus|respond|pinglun|liuyan")),
    ("related", re.compile(r"related|relate|recommend(?:ed|ation|ations)?|hot|hotlist|rank|ranking|popular|trending|sidebar|aside|mostread|xiangguan|tuijian")),
    ("notice", re.compile(r"copyright|disclaimer|statement|cookie|cookies|newsletter|subscribe|promo|advert|advertisement|ad|ads|banner")),
    ("nav", re.compile(r"nav|navbar|navigation|menu|breadcrumb|breadcrumbs|crumb|crumbs|topbar|toolbar|pagination|pager|skip|footer|masthead|toc")),
    ("counter", re.compile(r"share|shares|sharing|social|likes|stats|counter")),
    ("byline", re.compile(r"byline|author|authors|writer|editor")),
    ("date", re.compile(r"date|time|pubtime|published|timestamp|pubdate")),
)  # fmt: skip


@dataclass
class _Item:
    """A block on its way to a role."""

    block: Block
    text: str
    mark: Mark | None
    prose: bool  # a long paragraph: the stuff of a body
    hinted: Role | None
    role: Role | None = None
    meta: list[tuple[str, int, int]] = field(default_factory=list)  # (key, start, end) in the document

    @property
    def trusted(self) -> bool:
        """The format itself says that it is a heading; plain text can only look like one."""
        return self.block.kind in {"heading", "title"} and bool(self.block.hint)

    @property
    def says(self) -> Role | None:
        return self.mark.role if self.mark else None

    def take(self, role: Role) -> None:
        self.role = role
        if self.mark:
            at = self.block.start
            self.meta = [(key, at + start, at + end) for key, start, end in self.mark.meta]


def label(parsed: Parsed, *, doc_id: str, source: str) -> Document:
    """The document: every block in a section with a role, heading paths, metadata spans. Never raises.

    A section is a run of blocks of one path and role; titles and headings stand alone. Blocks are covered exactly
    once; `title` is the source's name where the text has no title.
    """
    items = _items(parsed)
    meta: dict[str, Span] = dict(parsed.meta)
    first = next((i for i, item in enumerate(items) if item.prose and item.role is None), None)
    title = _title(items, first, meta)
    start = _body_start(items, first, title)
    _head(items, start, title, meta)
    _flow(items, start)
    _signature(items)
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


def _items(parsed: Parsed) -> list[_Item]:
    items = []
    for block in parsed.blocks:
        text = parsed.text[block.start : block.end]
        mark = None if block.kind in {"code", "row", "quote", "meta"} else read_line(text)
        prose = (
            block.kind in {"paragraph", "item", "quote"}
            and not mark
            and width(text) >= LONG
            and (ends_like_prose(text) or width(text) >= 3 * LONG)
        )
        items.append(_Item(block, text, mark, prose, _hinted(block.hint)))
    total = sum(width(item.text) for item in items if item.prose) or 1
    for role, _ in _HINTS:
        mine = [item for item in items if item.hinted == role]
        # A page whose wrapper is called "content-with-sidebar" must not lose its body.
        if role != "comment" and sum(width(item.text) for item in mine if item.prose) > 0.5 * total:
            for item in mine:
                item.hinted = None
    for item in items:
        if item.hinted in {"byline", "date"}:
            if width(item.text) <= 100 and not item.prose:
                item.take(_either(item.says, {"byline", "date", "counter"}, item.hinted))
                if item.hinted == "byline" and is_name(item.text) and not item.meta:
                    item.meta = [("author", item.block.start, item.block.end)]
        elif item.hinted and item.block.kind != "title":
            own = {"notice", "counter", "date", "byline"} if item.hinted != "comment" else set()
            item.take(_either(item.says, own, item.hinted))
    return items


def _either(said: Role | None, own: Collection[str], hinted: Role) -> Role:
    """What the line says of itself, where that is more exact than what its place is called."""
    return said if said is not None and said in own else hinted


def _hinted(hint: str) -> Role | None:
    tokens = re.split(r"[^a-z0-9]+", hint.lower())
    for role, pattern in _HINTS:
        if any(pattern.fullmatch(token) for token in tokens):
            return role
    return None


def _title(items: Sequence[_Item], first: int | None, meta: Mapping[str, Span]) -> int | None:
    """Index of the block that is the title, None where the text shows none."""
    declared = meta.get("title")
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
    tops = [i for i, item in enumerate(items) if item.trusted and item.block.level == 1 and item.role is None]
    if tops and (first is None or tops[0] < first or len(tops) == 1):
        return tops[0]
    if any(item.trusted for item in items[: first or 0]) and not tops:
        return None
    limit = first if first is not None else min(len(items), 4)
    best, best_score = None, 0.0
    signals = [i for i in range(limit) if _signal(items[i])]
    for index in range(limit):
        item = items[index]
        if (
            item.role
            or (item.mark and item.mark.role != "nav")
            or item.block.kind in {"meta", "item", "row", "code", "quote"}
        ):
            continue
        if item.mark or not _titular(item.text):
            continue
        close = any(index < s <= index + 4 for s in signals)
        looks = item.block.kind == "heading"
        if not (close or (looks and index == 0) or (looks and signals)):
            continue
        score = 1 + min(width(item.text), 40) / 20 + (2 if close else 0) + (0.5 if index == 0 else 0)
        score -= 2 if signals and width(item.text) <= 8 else 0
        score -= 1.5 if is_name(item.text) else 0
        score -= 2 if index and (is_office(item.text) and is_name(items[index - 1].text)) else 0
        score -= 2 if document_number(item.text) else 0
        if score > best_score:
            best, best_score = index, score
    return best


def _titular(text: str) -> bool:
    if not 2 <= width(text) <= TITLE_MAX or "\n" in text.strip():
        return False
    return not re.search(r"[。；;，,、：:][”’」』）)】]*$", text) and any(c.isalpha() for c in text)


def _signal(item: _Item) -> bool:
    """A line that only the head of a published page has."""
    return item.role in {"byline", "date"} or bool(item.mark and item.mark.role in {"byline", "date", "counter"})


def _body_start(items: Sequence[_Item], first: int | None, title: int | None) -> int:
    """Index of the first block of the body: the first long paragraph and what introduces it."""
    floor = 0 if title is None else title + 1
    if first is None:
        start = floor
        while start < len(items) and (items[start].role or items[start].says in {"byline", "date", "nav"}):
            start += 1
        return start
    start = max(first, floor)
    while start > floor:
        before = items[start - 1]
        opens = before.trusted or before.block.kind in {"row", "code", "quote", "item"} or ends_like_prose(before.text)
        heads = before.block.kind == "heading" and not is_office(before.text) and not is_name(before.text)
        if before.role or before.mark or document_number(before.text) or not (opens or heads):
            break
        start -= 1
    return start


def _head(items: list[_Item], start: int, title: int | None, meta: dict[str, Span]) -> None:
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
        if item.block.kind == "meta":
            item.take(_declared(item))
        elif item.mark and (page or item.mark.role not in {"related", "comment", "nav"}):
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


def _between(items: Sequence[_Item], index: int, start: int) -> bool:
    """Whether more of a page's head follows the line before the body begins."""
    return any(_signal(item) for item in items[index + 1 : start])


def _followed_by_office(items: Sequence[_Item], index: int, start: int) -> bool:
    return index + 1 < start and is_office(items[index + 1].text) and not items[index + 1].mark


_MAIL = re.compile(r"(?P<key>[A-Za-z-]+|[\u4e00-\u9fff]{2,4})\s*[:：]\s*(?P<value>\S.*)", re.DOTALL)
_MAIL_KEYS: dict[str, tuple[Role, str]] = {
    "from": ("byline", "author"), "发件人": ("byline", "author"), "寄件者": ("byline", "author"),
    "date": ("date", "date"), "sent": ("date", "date"), "日期": ("date", "date"), "发送时间": ("date", "date"),
    "subject": ("title", "title"), "主题": ("title", "title"), "主旨": ("title", "title"),
}  # fmt: skip


def _declared(item: _Item) -> Role:
    """Role of a line that the format itself calls metadata: a mail's header, front matter, a page's <meta>."""
    if item.block.hint:
        roles: dict[str, Role] = {"date": "date", "url": "notice"}
        return roles.get(item.block.hint, "byline")
    match = _MAIL.fullmatch(item.text)
    if not match:
        return "nav"
    return _MAIL_KEYS.get(match.group("key").lower(), ("byline", ""))[0]


def _mail_meta(item: _Item) -> list[tuple[str, Span]]:
    match = _MAIL.fullmatch(item.text) if item.block.kind == "meta" else None
    known = _MAIL_KEYS.get(match.group("key").lower()) if match else None
    if not match or not known:
        return []
    at = item.block.start
    value = re.sub(r"\s*<[^<>]*>\s*\Z", "", match.group("value")) or match.group("value")
    return [(known[1], Span(at + match.start("value"), at + match.start("value") + len(value)))]


def _flow(items: list[_Item], start: int) -> None:
    """Roles from the body's start to the end, in one pass: body, and the lists and lines that interrupt or end it."""
    mass = [width(item.text) if item.prose and item.role is None else 0 for item in items]
    total = sum(mass[start:]) or 1
    state: Role = "body"
    tail = False
    for index in range(start, len(items)):
        item = items[index]
        if item.role:
            continue
        rest = sum(mass[index:]) / total
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
            item.take("comment")
        elif mark == "notice" and (ended or tail or width(item.text) <= 60):
            item.take("notice")
            state, tail = ("body" if state == "related" else state), tail or ended
        elif mark in {"counter", "nav"} and (ended or tail or mark == "counter") and state != "comment":
            item.take(mark)
            tail = tail or ended
        elif mark in {"byline", "date"} and state == "body" and (ended or tail or _post_head(item)):
            item.take(mark)
            if not (ended or tail):
                item.meta = []  # of one post, not of the document
        elif state == "comment" and mark == "nav" and len(item.text.split()) > 2:
            item.take("nav")
        elif state == "comment" and not (real and item.block.level <= 1):
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
            echo = any(item.text == other.text for other in items[:index] if other.role == "byline")
            item.take("byline" if echo else "body" if ends_like_prose(item.text) else "nav")
        else:
            state = "body"
            item.role = "heading" if item.block.kind in {"heading", "title"} else "body"


def _post_head(item: _Item) -> bool:
    """The line over a post of a thread: who, and when to the minute. A day alone heads an entry of a diary."""
    return item.says == "date" and not is_date_only(item.text) and bool(re.search(r"\d[:：]\d\d", item.text))


def _ornament(items: Sequence[_Item], index: int) -> bool:
    """A bare number over a heading."""
    above_heading = index + 1 < len(items) and items[index + 1].block.kind == "heading"
    return above_heading and bool(re.fullmatch(r"\W*\d{1,2}\W*", items[index].text))


def _heads_list(items: Sequence[_Item], index: int) -> bool:
    """At least two short lines under it: 推荐 alone may be anything."""
    below = items[index + 1 : index + 3]
    if items[index].hinted == "related":
        return True
    return len(below) == 2 and not any(item.prose for item in below)


def _leads_to_prose(items: Sequence[_Item], index: int) -> bool:
    """Two long paragraphs after a heading-like line: an article goes on after its inset list."""
    after = list(items[index + 1 : index + 4])
    return len(after) >= 2 and after[0].prose and sum(item.prose for item in after) >= 2


def _signature(items: list[_Item]) -> None:
    """Who signed, and when, at the foot of the body: 国务院办公厅 / 2023年10月25日."""
    body = [i for i, item in enumerate(items) if item.role in {"body", "heading", "date", "byline"}]
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


def _sections(items: Sequence[_Item], text: str) -> tuple[Section, ...]:
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
