"""HTML: everything visible, in document order, a line for each block; scripts, styles and hidden parts left out.

Nothing is fetched, no entity of a DTD is expanded, and absurdly deep trees are refused by the parser itself. What a
block's place in the page is called (tags and class names around it) goes into `Block.hint`, so that the furniture
rules can use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from rag.errors import ParseError
from rag.parse.encoding import decode
from rag.parse.html_meta import declared_metadata
from rag.text.pagelines import DATE
from rag.types import Block, BlockKind, Parsed, Span

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
class _Line:
    kind: BlockKind
    level: int
    hint: str
    parts: list[str] = field(default_factory=list)

    def text(self) -> str:
        joined = _WIDE_BREAK.sub("", "".join(self.parts))
        lines = (_SPACE.sub(" ", part).strip() for part in joined.split("\x00"))
        return "\n".join(line for line in lines if line)


def parse(data: bytes, name: str) -> Parsed:
    """Visible text, blocks and metadata of a page. Raises ParseError for what is no text or shows none."""
    declared = _CHARSET.search(data[:4096])
    charset = (declared.group(1) or declared.group(2)).decode("ascii") if declared else ""
    source, _ = decode(data, name, declared={"gb2312": "gb18030", "gbk": "gb18030"}.get(charset.lower(), charset))
    root = _tree(source, name)
    lines = [line for line in _read(root) if line.text()]
    text, blocks = _lay([(line.kind, line.level, line.hint, line.text()) for line in lines])
    found = declared_metadata(root)
    meta: dict[str, Span] = {}
    missing: list[tuple[str, str]] = []
    for key, value in found.items():
        span = _locate(text, blocks, key, value)
        if span:
            meta[key] = span
        elif key != "title" or not any(block.kind == "heading" and block.level == 1 for block in blocks):
            missing.append((key, value))
    if missing:
        head: list[tuple[BlockKind, int, str, str]] = [
            ("title" if key == "title" else "meta", 0, key, value) for key, value in missing
        ]
        text, blocks = _lay([*head, *((line.kind, line.level, line.hint, line.text()) for line in lines)])
        shift = sum(len(value) + 1 for _, value in missing)
        meta = {key: Span(span.start + shift, span.end + shift) for key, span in meta.items()}
        for (key, _), block in zip(missing, blocks, strict=False):
            meta[key] = Span(block.start, block.end)
    if not lines:
        raise ParseError(
            f"{name} shows no text (it may be filled in by a script); save the page as the browser shows it, or as text",
            f"{name} 中没有可见文字（可能由脚本生成）；请在浏览器中另存为完整网页或文本",
        )
    return Parsed(text, tuple(blocks), meta)


def _tree(source: str, name: str) -> Any:
    from lxml import etree, html

    parser = html.HTMLParser(
        no_network=True, huge_tree=False, remove_comments=True, remove_pis=True, recover=True, encoding="utf-8"
    )
    clean = re.sub(r"^\s*<\?xml[^>]*\?>", "", source).replace("\0", "")
    try:
        root = html.document_fromstring(clean.encode("utf-8", "replace"), parser=parser, ensure_head_body=False)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise ParseError(
            f"{name} is not readable HTML ({error}); open it in a browser and save it again",
            f"{name} 不是可读取的 HTML（{error}）；请用浏览器打开后重新保存",
        ) from error
    limits = [entry.message.strip() for entry in parser.error_log if entry.type_name == "ERR_RESOURCE_LIMIT"]
    if limits:  # libxml2 drops the rest of such a page without a word
        raise ParseError(
            f"{name} is nested too deep or too large to be read whole ({limits[0]}); save its text as .txt",
            f"{name} 嵌套过深或过大，无法完整读取（{limits[0]}）；请另存为 .txt 文本",
        )
    return root


def _lay(lines: Iterable[tuple[BlockKind, int, str, str]]) -> tuple[str, list[Block]]:
    blocks, parts, at = [], [], 0
    for kind, level, hint, text in lines:
        blocks.append(Block(kind, at, at + len(text), level, hint=hint))
        parts.append(text)
        at += len(text) + 1
    return "\n".join(parts), blocks


@dataclass(frozen=True, slots=True)
class _Place:
    """What holds for the text directly inside an element."""

    kind: BlockKind = "paragraph"
    level: int = 0
    hint: str = ""
    lists: int = 0  # depth of lists around it
    pre: bool = False  # line breaks of the source are shown


def _read(root: Any) -> list[_Line]:
    """Lines of the page, in order. A walk over events, so that depth costs no stack."""
    from lxml import etree

    body = root.find("body") if root.tag == "html" else root
    body = root if body is None else body
    grids = {table for table in body.iter("table") if _is_grid(table)}
    lines: list[_Line] = [_Line("paragraph", 0, "")]
    places = [_Place()]
    walk = etree.iterwalk(body, events=("start", "end"))
    for event, element in walk:
        tag = element.tag if isinstance(element.tag, str) else ""
        shown = bool(tag) and tag not in _SKIPPED and not _unseen(element)
        if event == "start":
            if not shown:
                walk.skip_subtree()
                continue
            places.append(_enter(lines, places[-1], element, tag, grids))
            if element.text:
                lines[-1].parts.append(_as_shown(element.text, places[-1].pre))
            continue
        place = places[-1]
        if shown:
            inner = places.pop()
            place = places[-1]
            if tag in {"td", "th"} and inner.kind == "row":
                lines[-1].parts.append(" \x01 ")
            elif tag not in _INLINE and tag != "br" and place.kind != "row":
                lines.append(_Line(place.kind, place.level, place.hint))
        if element.tail and element is not body:
            lines[-1].parts.append(_as_shown(element.tail, place.pre))
    return [_tidy(line) for line in lines]


def _enter(lines: list[_Line], outer: _Place, element: Any, tag: str, grids: set[Any]) -> _Place:
    """The place inside an element; starts a line for one that the browser would start on a line of its own."""
    if tag == "br":
        if outer.kind == "row":
            lines[-1].parts.append(" ")
        else:
            lines.append(_Line(outer.kind, outer.level, outer.hint))
        return outer
    if tag in _INLINE:
        hint = _hint(outer.hint, element, tag)
        if not any(part.strip() for part in lines[-1].parts):
            lines[-1].hint = hint
        return replace(outer, hint=hint)
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
    lines.append(_Line(place.kind, place.level, place.hint))
    return place


def _as_shown(text: str, pre: bool) -> str:
    return text.replace("\n", "\x00") if pre else text


def _is_grid(table: Any) -> bool:
    """A table of data, not of layout: small cells, no table inside, at least two columns."""
    if table.find(".//table") is not None:
        return False
    rows = [
        [len("".join(cell.itertext()).strip()) for cell in row if cell.tag in {"td", "th"}] for row in table.iter("tr")
    ]
    cells = [size for row in rows for size in row]
    return max((len(row) for row in rows), default=0) >= 2 and max(cells, default=0) <= 300


def _tidy(line: _Line) -> _Line:
    if line.kind == "row":
        cells = [_SPACE.sub(" ", cell.replace("\x00", " ")).strip() for cell in "".join(line.parts).split("\x01")]
        while cells and not cells[-1]:
            cells.pop()
        line.parts = [" | ".join(cells) if any(cells) else ""]
    return line


def _unseen(element: Any) -> bool:
    return element.get("hidden") is not None or bool(_HIDDEN.search(element.get("style") or ""))


def _hint(outer: str, element: Any, tag: str) -> str:
    names = [tag] if tag in _TAGS else []
    for attribute in ("class", "id", "role", "itemprop"):
        names.extend(re.sub(r"([a-z])([A-Z])", r"\1-\2", element.get(attribute) or "").lower().split()[:6])
    return " ".join([*outer.split(), *(n for n in names if n not in outer.split())][-24:])


def _locate(text: str, blocks: list[Block], key: str, value: str) -> Span | None:
    """Where a declared value stands in the visible text. A title must be a line of its own; a date counts as shown
    when a short line gives the same day in its own way."""
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
