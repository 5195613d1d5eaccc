"""Blocks on their way to a role: what each line says of itself and what the format says of its place."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from rag.text.names import is_name
from rag.text.pagelines import DATE, Mark, ends_like_prose, read_line
from rag.text.wrap import width
from rag.types import Block, Parsed, Role

LONG = 60  # columns from which a paragraph speaks for the body

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
class Item:
    """A block on its way to a role."""

    block: Block
    text: str
    mark: Mark | None
    prose: bool  # a long paragraph: the stuff of a body
    hinted: Role | None
    apart: bool  # a blank line stands before it
    role: Role | None = None
    meta: list[tuple[str, int, int]] = field(default_factory=list)  # (key, start, end) in the document

    @property
    def main(self) -> bool:
        """The page's reader found it in the article."""
        return self.block.hint.endswith("·main")

    @property
    def outside(self) -> bool:
        return self.block.hint.endswith("·outside")

    @property
    def trusted(self) -> bool:
        """The format itself says that it is a heading; plain text can only look like one."""
        return self.block.kind in {"heading", "title"} and bool(self.block.hint)

    @property
    def web(self) -> bool:
        """It stood on a web page, where headings may belong to the furniture."""
        return bool(re.search(r"\bh[1-6]\b", self.block.hint))

    @property
    def inner(self) -> bool:
        """The name of a part of the file, a sheet or a record: never of the whole, and it says nothing of a page."""
        return self.block.hint in {"sheet", "record", "key"}

    @property
    def answers(self) -> bool:
        """What the format sets apart and yet belongs to the text: a speaker's notes, footnotes, the name of an enclosure."""
        return self.block.hint in {"notes", "attachment"}

    @property
    def data(self) -> bool:
        """A row of a table with a header, where no page's reader left it out of the article."""
        return self.block.kind == "row" and bool(self.block.columns) and not self.outside

    @property
    def says(self) -> Role | None:
        return self.mark.role if self.mark else None

    def take(self, role: Role) -> None:
        self.role = role
        if self.mark:
            at = self.block.start
            self.meta = [(key, at + start, at + end) for key, start, end in self.mark.meta]


def gather(parsed: Parsed) -> list[Item]:
    items: list[Item] = []
    for block in parsed.blocks:
        text = parsed.text[block.start : block.end]
        mark = None if block.kind in {"code", "row", "quote", "meta"} else read_line(text)
        among = bool(items and items[-1].mark and items[-1].mark.role in {"counter", "nav"})  # buttons stand together
        if mark and block.kind == "heading" and not among and _could_head(mark, text):
            mark = None
        prose = (
            block.kind in {"paragraph", "item", "quote"}
            and not mark
            and width(text) >= LONG
            and (ends_like_prose(text) or width(text) >= 3 * LONG)
        )
        apart = bool(items) and parsed.text.count("\n", items[-1].block.end, block.start) > 1
        item = Item(block, text, mark, prose, _hinted(block.hint), apart)
        if item.inner or item.answers:
            item.mark = None
        items.append(item)
    dated = [item for item in items if item.mark and item.mark.role == "date"]
    if len(items) >= 3 and len(dated) > 0.5 * len(items):
        for item in dated:  # a log, not a page: the dates are its content
            item.mark = None
    total = sum(width(item.text) for item in items if item.prose) or 1
    for role, _ in _HINTS:
        mine = [item for item in items if item.hinted == role]
        # A page whose wrapper is called "content-with-sidebar" must not lose its body.
        if role != "comment" and sum(width(item.text) for item in mine if item.prose) > 0.5 * total:
            for item in mine:
                item.hinted = None
    for item in items:
        if item.main and item.prose and item.hinted != "comment":
            item.hinted = None  # what a wrapper is called says less than the text inside it
        if item.hinted in {"byline", "date"}:
            if width(item.text) <= 100 and not item.prose:
                item.take(_either(item.says, {"byline", "date", "counter"}, item.hinted))
                if item.hinted == "byline" and is_name(item.text) and not item.meta:
                    item.meta = [("author", item.block.start, item.block.end)]
        elif item.hinted and item.block.kind != "title":
            own = {"notice", "counter", "date", "byline"} if item.hinted != "comment" else set()
            item.take(_either(item.says, own, item.hinted))
    return items


def _could_head(mark: Mark, text: str) -> bool:
    """A day heads an entry of a diary and a single word such as 文化 a chapter, where the parser took it for a heading."""
    if mark.role == "date":
        return bool(DATE.match(text)) and not re.search(r"\d[:：]\d", text)
    return mark.role == "nav" and len(re.findall(r"[^\W_]+", text)) == 1


def buttons(item: Item) -> bool:
    """Two or more words of navigation side by side: no text says that by chance."""
    return item.says == "nav" and len(re.findall(r"[^\W_]+", item.text)) > 1


def _either(said: Role | None, own: Collection[str], hinted: Role) -> Role:
    """What the line says of itself, where that is more exact than what its place is called."""
    return said if said is not None and said in own else hinted


def _hinted(hint: str) -> Role | None:
    tokens = re.split(r"[^a-z0-9]+", hint.lower())
    for role, pattern in _HINTS:
        if any(pattern.fullmatch(token) for token in tokens):
            return role
    return None
