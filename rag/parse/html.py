"""HTML: everything visible, in document order, a line for each block; scripts, styles and hidden parts left out.

Nothing is fetched, no entity of a DTD is expanded, and absurdly deep trees are refused by the parser itself. What a
block's place in the page is called (tags and class names around it) goes into `Block.hint`, so that the furniture
rules can use it; so does whether it belongs to the article (`rag.parse.html_main`). Of ruby text the base is kept, its
reading only where the page itself puts brackets around it (<rp>): bare, it would stand between the characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rag.errors import ParseError, told_by
from rag.parse.encoding import decode
from rag.parse.header import fitted, spanned_columns
from rag.parse.html_main import MAIN, OUTSIDE, marks
from rag.parse.html_meta import declared_metadata
from rag.parse.lay import Line, lay
from rag.table import row_text
from rag.types import BlockKind, Parsed

_SKIPPED = frozenset(
    "script style noscript template head svg math iframe object embed canvas audio video select option button input textarea datalist map".split()
)
_INLINE = frozenset(
    """a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark meter nobr output picture q rb
    rp rt ruby s samp small span strike strong sub sup time tt u var wbr source track area param center-inline""".split()
)
_TAGS = frozenset(
    "nav aside header footer article main section figcaption time address form blockquote h1 h2 h3 h4 h5 h6 td th".split()
)
_SPACE = re.compile(r"[ \t\n\r\f\v]+")
_WIDE_BREAK = re.compile(
    r"(?<=[\u2e80-\u9fff\uff00-\uff60])[ \t]*[\r\n][ \t\r\n]*(?=[\u2e80-\u9fff\uff00-\uff60])"
)  # shows as nothing
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(
    rb"<meta[^>]+charset\s*=\s*[\"']?\s*([A-Za-z0-9_\-:.]+)|<\?xml[^>]+encoding\s*=\s*[\"']([A-Za-z0-9_\-:.]+)",
    re.IGNORECASE,
)


@dataclass
class Seen:
    """A line of the page as the walk sees it."""

    kind: BlockKind
    level: int
    hint: str
    parts: list[str] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    box: Any = None  # the element that it stands in
    linked: int = 0  # how many of its characters lead elsewhere

    def text(self) -> str:
        joined = _WIDE_BREAK.sub("", "".join(self.parts))
        lines = (_SPACE.sub(" ", part).strip() for part in joined.split("\x00"))
        return "\n".join(line for line in lines if line)


def parse(data: bytes, name: str) -> Parsed:
    """Visible text, blocks and metadata of a page. Raises ParseError for what is no text or shows none."""
    return lay(*page_of(data, name))


def page_of(data: bytes, name: str, charset: str = "") -> tuple[list[Line], dict[str, str]]:
    """Lines and declared metadata of a page's bytes; `charset` is what is said of them elsewhere. Raises ParseError."""
    declared = _CHARSET.search(data[:4096])
    if declared and not charset:
        charset = (declared.group(1) or declared.group(2)).decode("ascii")
    source, _ = decode(data, name, declared={"gb2312": "gb18030", "gbk": "gb18030"}.get(charset.lower(), charset))
    root = tree_of(source, name)
    seen = _read(root)
    if not seen:
        raise ParseError(
            f"{name} shows no text (it may be filled in by a script); save the page as the browser shows it, or as text",
            f"{name} 中没有可见文字（可能由脚本生成）；请在浏览器中另存为完整网页或文本",
        )
    return _as_lines(seen, marks(source, seen)), declared_metadata(root)


def lines_of(root: Any) -> list[Line]:
    """The visible lines of a tree, none of them judged: a chapter or a letter is all its own."""
    return _as_lines(_read(root), [])


def _as_lines(seen: Sequence[Seen], said: Sequence[str]) -> list[Line]:
    told = said or [""] * len(seen)
    return [
        Line(line.kind, line.text(), line.level, f"{line.hint} {mark}".strip(), columns=line.columns)
        for line, mark in zip(seen, told, strict=True)
    ]


def tree_of(source: str, name: str) -> Any:
    """The page as a tree. Raises ParseError where it cannot be read whole."""
    from lxml import etree, html

    parser = html.HTMLParser(
        no_network=True, huge_tree=False, remove_comments=True, remove_pis=True, recover=True, encoding="utf-8"
    )
    clean = re.sub(r"^\s*<\?xml[^>]*\?>", "", source).replace("\0", "")
    try:
        root = html.document_fromstring(clean.encode("utf-8", "replace"), parser=parser, ensure_head_body=False)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise ParseError(
            f"{name} is not readable HTML ({told_by(error)}); open it in a browser and save it again",
            f"{name} 不是可读取的 HTML（{told_by(error)}）；请用浏览器打开后重新保存",
        ) from error
    limits = [entry.message.strip() for entry in parser.error_log if entry.type_name == "ERR_RESOURCE_LIMIT"]
    if limits:  # libxml2 drops the rest of such a page without a word
        raise ParseError(
            f"{name} is nested too deep or too large to be read whole ({limits[0]}); save its text as .txt",
            f"{name} 嵌套过深或过大，无法完整读取（{limits[0]}）；请另存为 .txt 文本",
        )
    return root


@dataclass(frozen=True, slots=True)
class _Place:
    """What holds for the text directly inside an element."""

    kind: BlockKind = "paragraph"
    level: int = 0
    hint: str = ""
    lists: int = 0  # depth of lists around it
    pre: bool = False  # line breaks of the source are shown
    link: bool = False


def _read(root: Any) -> list[Seen]:
    """Lines of the page, in order. A walk over events, so that depth costs no stack."""
    from lxml import etree

    body = root.find("body") if root.tag == "html" else root
    body = root if body is None else body
    grids = {table for table in body.iter("table") if _is_grid(table)}
    columns = {row: names for table in grids for row, names in _columns(table)}
    lines: list[Seen] = [Seen("paragraph", 0, "", box=body)]
    places = [_Place()]
    walk = etree.iterwalk(body, events=("start", "end"))
    for event, element in walk:
        tag = element.tag if isinstance(element.tag, str) else ""
        shown = bool(tag) and tag not in _SKIPPED and not _unseen(element) and not (tag == "rt" and _bare(element))
        if event == "start":
            if not shown:
                walk.skip_subtree()
                continue
            places.append(_enter(lines, places[-1], element, tag, grids))
            if tag == "tr":
                lines[-1].columns = columns.get(element, ())
            if element.text:
                _say(lines[-1], element.text, places[-1])
            continue
        place = places[-1]
        if shown:
            inner = places.pop()
            place = places[-1]
            if tag in {"td", "th"} and inner.kind == "row":
                lines[-1].parts.append(" \x01 ")
            elif tag not in _INLINE and tag != "br" and place.kind != "row":
                lines.append(Seen(place.kind, place.level, place.hint, box=element.getparent()))
        if element.tail and element is not body:
            _say(lines[-1], element.tail, place)
    return [line for line in map(_tidy, lines) if line.text()]


def _enter(lines: list[Seen], outer: _Place, element: Any, tag: str, grids: set[Any]) -> _Place:
    """The place inside an element; starts a line for one that the browser would start on a line of its own."""
    if tag == "br":
        if outer.kind in {"row", "heading"}:
            lines[-1].parts.append(" ")
        else:
            lines.append(Seen(outer.kind, outer.level, outer.hint, box=element.getparent()))
        return outer
    if tag in _INLINE:
        hint = _hint(outer.hint, element, tag)
        if not any(part.strip() for part in lines[-1].parts):
            lines[-1].hint = hint
        return replace(outer, hint=hint, link=outer.link or tag == "a")
    place = replace(outer, hint=_hint(outer.hint, element, tag))
    if outer.kind == "row":  # blocks inside a cell stay on its row
        lines[-1].parts.append(" ")
        return place
    if re.fullmatch("h[1-6]", tag):
        place = replace(place, kind="heading", level=int(tag[1]))
    elif tag in {"ul", "ol"}:
        place = replace(place, lists=outer.lists + 1)
    elif tag in {"li", "dt", "dd"}:
        place = replace(place, kind="item", level=max(1, outer.lists))
    elif tag == "tr" and any(table in grids for table in element.iterancestors("table")):
        place = replace(place, kind="row", level=0)
    elif tag == "blockquote":
        place = replace(place, kind="quote", level=0)
    elif tag == "pre":
        place = replace(place, kind="code", level=0, pre=True)
    lines.append(Seen(place.kind, place.level, place.hint, box=element.getparent()))
    return place


def _say(line: Seen, text: str, place: _Place) -> None:
    line.parts.append(text.replace("\n", "\x00") if place.pre else text)
    line.linked += len(text.strip()) if place.link else 0


def _is_grid(table: Any) -> bool:
    """A table of data, not of layout: small cells, no table inside, at least two columns."""
    if table.find(".//table") is not None:
        return False
    rows = [
        [len("".join(cell.itertext()).strip()) for cell in row if cell.tag in {"td", "th"}] for row in table.iter("tr")
    ]
    cells = [size for row in rows for size in row]
    return max((len(row) for row in rows), default=0) >= 2 and max(cells, default=0) <= 300


def _columns(table: Any) -> list[tuple[Any, tuple[str, ...]]]:
    """The rows of a table with the names of the columns that their cells stand in; () for the header's own rows."""
    rows = [row for row in table.iter("tr") if not _unseen(row)]
    cells = [[cell for cell in row if cell.tag in {"td", "th"} and not _unseen(cell)] for row in rows]
    texts = [[_said(cell) for cell in row] for row in cells]
    wide = [row for row in cells if len(row) > 1]
    if wide and all(row[0].tag == "th" and any(cell.tag == "td" and _said(cell) for cell in row) for row in wide):
        return [(row, ()) for row in rows]  # each row is headed by its own first cell: a form, an infobox
    marked = 0
    for row, mine, said in zip(rows, cells, texts, strict=True):
        th = any(said) and all(cell.tag == "th" or not text for cell, text in zip(mine, said, strict=True))
        if not th and row.getparent().tag != "thead":
            break
        marked += 1
    spans = [
        [(text, _span(cell, "colspan"), _span(cell, "rowspan")) for cell, text in zip(mine, said, strict=True)]
        for mine, said in zip(cells, texts, strict=True)
    ]
    return list(zip(rows, spanned_columns(spans, marked), strict=True))


def _said(cell: Any) -> str:
    return " ".join("".join(cell.itertext()).split())


def _span(cell: Any, attribute: str) -> int:
    said = re.match(r"\s*(\d{1,4})", cell.get(attribute) or "")
    return min(max(int(said.group(1)), 1), 1000) if said else 1


def _tidy(line: Seen) -> Seen:
    if line.kind == "row":
        cells = [_SPACE.sub(" ", cell.replace("\x00", " ")).strip() for cell in "".join(line.parts).split("\x01")]
        line.parts = [row_text(cells)]
        line.columns = fitted(cells, line.columns) if len(cells) == len(line.columns) + 1 else ()
    return line


def _unseen(element: Any) -> bool:
    return element.get("hidden") is not None or bool(_HIDDEN.search(element.get("style") or ""))


def _bare(reading: Any) -> bool:
    """Whether no brackets stand around the reading of a ruby text."""
    ruby = next(reading.iterancestors("ruby"), None)
    return ruby is None or ruby.find(".//rp") is None


def _hint(outer: str, element: Any, tag: str) -> str:
    names = [tag] if tag in _TAGS else []
    for attribute in ("class", "id", "role", "itemprop"):
        names.extend(re.sub(r"([a-z])([A-Z])", r"\1-\2", element.get(attribute) or "").lower().split()[:6])
    held = outer.split()
    return " ".join([*held, *(n for n in names if n not in held and n not in {MAIN, OUTSIDE})][-24:])
