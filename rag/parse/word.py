"""DOCX (also DOCM, DOTX, DOTM): the body in its order with the numbers that Word shows, then notes, comments, and what
stands over and under its pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rag.parse.lay import Line, lay
from rag.parse.office import attribute, child, declared, inside, nothing_to_read, number, tag
from rag.parse.office_drawing import drawing_lines
from rag.parse.office_open import from_library, linked, open_package, root_of
from rag.parse.plain import blocks_of
from rag.parse.word_numbering import Numbering, read_numbering
from rag.parse.word_styles import Styles, read_styles
from rag.parse.word_table import table_of
from rag.parse.word_text import Inline, mark_gone, pair_fields, paragraph_text, settle
from rag.text.wrap import width
from rag.types import Notice, Parsed

HEADING_MAX = 160  # columns; a longer paragraph in a heading's style is a paragraph
_PARAGRAPHS = frozenset({"p", "oMathPara", "oMath"})


def parse(data: bytes, name: str) -> Parsed:
    """Text, blocks and properties of a document. Raises ParseError for what is damaged, protected, hostile or empty."""
    package, document = open_package(data, name, "document")
    with from_library(name):
        lines, notices = _lines(document.part, name)
    if not lines:
        raise nothing_to_read(name)
    return lay(lines, declared(package, lines), notices=notices)


def _lines(main: Any, name: str) -> tuple[list[Line], list[Notice]]:
    known: dict[str, Any] = {}  # what there is one of
    for kind, part in linked(main, "styles", "numbering", "settings"):
        known.setdefault(kind, root_of(part))
    styles = read_styles(known.get("styles"))
    story = _Story(main, name, styles, read_numbering(known.get("numbering"), styles.lists))
    root = settle(root_of(main))
    for source in (known.get("settings"), root):
        for told in inside(source, "footnotePr", "endnotePr") if source is not None else ():
            style = attribute(child(told, "numFmt"), "val")
            if style:
                story.inline.styles.setdefault(tag(told).removesuffix("Pr"), style)
    lines = _titles_joined(_told(story, root if root.body is None else root.body))
    if not any(line.hint == "style" for line in lines):
        lines = _headings_by_looks(lines)
    for kind in ("footnotes", "endnotes"):
        for _, part in [*linked(main, kind)][:1]:
            lines += _notes(story, part, kind.removesuffix("s"))
    for _, part in linked(main, "comments"):
        lines += _comments(story, part)
    seen: set[str] = set()
    for _, part in linked(main, "header", "footer"):
        for line in _told(replace(story, part=part, inline=Inline()), settle(root_of(part))):
            if line.text not in seen:  # the same for each section, and for the first page
                seen.add(line.text)
                lines.append(_under(line, "footer"))
    return [line for line in lines if line.text.strip()], story.notices


def _told(story: _Story, root: Any) -> list[Line]:
    story.inline.pairs = pair_fields(root)
    story.inline.fields, story.inline.codes = [], 0
    return _read(story, root)


def _under(line: Line, hint: str) -> Line:
    return replace(line, kind="paragraph" if line.kind in {"heading", "title"} else line.kind, hint=hint)


def _read(story: _Story, container: Any) -> list[Line]:
    """The lines of a body, cell, text box or note."""
    lines: list[Line] = []
    for block in container:
        name = tag(block)
        if name in _PARAGRAPHS:
            lines += _paragraph(story, block)
        elif name == "tbl":
            lines += table_of(block, lambda cell: _read(story, cell))
        elif name in {"altChunk", "subDoc"}:
            story.notices.append(_not_read(story.name))
    if story.held:
        lines.append(Line("paragraph", story.held))
        story.held = ""
    return lines


def _paragraph(story: _Story, paragraph: Any) -> list[Line]:
    text, apart = paragraph_text(paragraph, story.inline)
    boxes = _boxes(story, apart) if apart else []
    text, story.held = f"{story.held}{text}", ""
    if mark_gone(paragraph):
        story.held = text
        return boxes
    look = story.styles.of(paragraph)
    props = child(paragraph, "pPr")
    outline = child(props, "outlineLvl")
    level = look.level if look.part == "heading" else 0
    if outline is not None and look.part not in {"title", "toc"}:
        depth = number(attribute(outline, "val"), 9)
        level = depth + 1 if 0 <= depth < 9 else 0
    mark, depth = _number(story, paragraph, props)
    text = "\n".join(line.strip() for line in text.strip().split("\n"))
    if not text:
        return boxes
    if look.part == "title":
        return [Line("title", mark + text, 1, "style"), *boxes]
    if level and width(text) <= HEADING_MAX:
        return [Line("heading", mark + text, level, "style"), *boxes]
    if look.part == "toc":
        return [Line("item", mark + text, 1, "toc"), *boxes]
    if look.part == "quote":
        return [Line("quote", mark + text), *boxes]
    if look.part == "code":
        return [Line("code", mark + text), *boxes]
    return [Line("item", mark + text, depth + 1) if mark else Line("paragraph", text), *boxes]


def _number(story: _Story, paragraph: Any, props: Any) -> tuple[str, int]:
    """The number that is shown before a paragraph, counted whether or not it holds text; and the depth of its list."""
    look = story.styles.of(paragraph)
    own = child(props, "numPr")
    told, depth_told = child(own, "numId"), child(own, "ilvl")
    list_id = attribute(told, "val") if told is not None else look.list_id
    if not list_id or list_id == "0":
        return "", 0
    if depth_told is not None:
        depth = number(attribute(depth_told, "val"))
    else:
        style = attribute(child(props, "pStyle"), "val") or story.styles.default
        levels = (story.numbering.level_of(list_id, key) for key in (style, look.owner))
        depth = next((at for at in (*levels, look.list_level) if at is not None), 0)
    return story.numbering.next(list_id, depth), max(0, depth)


def _boxes(story: _Story, apart: Sequence[Any]) -> list[Line]:
    """What is anchored in a paragraph: text boxes, charts, diagrams, words drawn as pictures."""
    lines: list[Line] = []
    held, story.held = story.held, ""
    fields = story.inline.fields, story.inline.codes
    for node in apart:
        name = tag(node)
        if name == "txbxContent":
            story.inline.fields, story.inline.codes = [], 0
            lines += _read(story, node)
        elif name == "textpath":
            lines.append(Line("paragraph", attribute(node, "string")))
        else:
            lines += drawing_lines(story.part, node)
    story.held = held
    story.inline.fields, story.inline.codes = fields
    return lines


def _notes(story: _Story, part: Any, kind: str) -> list[Line]:
    """Footnotes or endnotes, in the order of the marks in the text, each with its mark."""
    lines: list[Line] = []
    root = settle(root_of(part))
    held = {attribute(one, "id"): one for one in root if tag(one) == kind}
    inner = replace(story, part=part, inline=Inline(pair_fields(root)))
    for known, key in list(story.inline.notes):
        if known != kind or key not in held:
            continue
        told = [_under(line, "notes") for line in _read(inner, held[key]) if line.text.strip()]
        mark = story.inline.notes[known, key]
        if told and mark:
            told[0] = replace(told[0], text=f"{mark} {told[0].text}")
        lines += told
    return lines


def _comments(story: _Story, part: Any) -> list[Line]:
    """What reviewers wrote in the margin, each after its writer's name."""
    lines: list[Line] = []
    inner = replace(story, part=part, inline=Inline())
    for one in settle(root_of(part)):
        text = "\n".join(line.text for line in _told(inner, one) if line.text.strip())
        author = " ".join(attribute(one, "author").split())
        colon = "：" if any(ord(c) > 0x2E7F for c in author) else ": "
        if text:
            lines.append(Line("paragraph", f"{author}{colon}{text}" if author else text, hint="comment"))
    return lines


def _titles_joined(lines: Sequence[Line]) -> list[Line]:
    """A title set in several paragraphs as one; what bears its style further down is a heading."""
    out: list[Line] = []
    done = False
    for line in lines:
        if line.kind == "title" and done:
            if out and out[-1].kind == "title" and width(out[-1].text) + width(line.text) <= HEADING_MAX:
                out[-1] = replace(out[-1], text=" ".join(f"{out[-1].text} {line.text}".split()))
                continue
            line = replace(line, kind="heading", level=1)
        done = done or line.kind == "title"
        out.append(line)
    return out


def _headings_by_looks(lines: Sequence[Line]) -> list[Line]:
    """A document without heading styles: the short lines that plain text would have for headings. They get no hint, so
    that the next stage trusts them no more than it does there."""
    places: dict[int, int] = {}
    parts: list[str] = []
    at = 0
    for index, line in enumerate(lines):
        if line.kind in {"paragraph", "item"} and not line.hint:
            text = " ".join(line.text.split())
            places[at] = index
        else:
            text = "|"
        parts.append(text)
        at += len(text) + 2
    out = list(lines)
    for block in blocks_of("\n\n".join(parts)):
        index = places.get(block.start, -1)
        if index >= 0 and block.kind == "heading" and "\n" not in lines[index].text:
            out[index] = replace(lines[index], kind="heading", level=block.level)
    return out


def _not_read(name: str) -> Notice:
    return Notice(
        f"{name} embeds another file whose text is not read; open it in Word and save it again to take that text in",
        f"{name} 嵌入了另一个文件，其中的文字未读取；请用 Word 打开并重新保存，使其并入正文",
    )


@dataclass
class _Story:
    """What is known while one part is read."""

    part: Any  # of the library
    name: str
    styles: Styles
    numbering: Numbering
    inline: Inline = field(default_factory=Inline)
    notices: list[Notice] = field(default_factory=list)
    held: str = ""  # of a paragraph whose end was deleted: it goes on in the next
