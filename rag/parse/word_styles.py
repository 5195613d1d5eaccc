"""What the styles of a Word document say of its paragraphs: title, heading, contents, quote, and which list they are of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from rag.parse.office import attribute, child, number

MOST_BASES = 20  # styles on which a style is based one after the other; Word itself allows about half
Part = Literal["", "title", "subtitle", "heading", "toc", "quote", "code"]

_HEADING = re.compile(r"(?:heading|标题|標題|überschrift|titre|título)\s*([1-9])", re.IGNORECASE)
_WORDED = re.compile(r"([一二三四五六])级标题")
_NAMES: tuple[tuple[Part, re.Pattern[str]], ...] = (
    ("title", re.compile(r"title|标题|標題|文档标题|文件标题|公文标题|大标题|主标题", re.IGNORECASE)),
    ("subtitle", re.compile(r"subtitle|副标题|副標題", re.IGNORECASE)),
    ("toc", re.compile(r"(?:toc|目录|目錄)\s*(?:[1-9]|heading|标题)|table of figures", re.IGNORECASE)),
    ("quote", re.compile(r"(?:intense )?quote|block text|(?:明显)?引用|引文", re.IGNORECASE)),
    ("code", re.compile(r"html preformatted|source code|code(?: block)?|代码|plain text code", re.IGNORECASE)),
)


def read_styles(root: Any) -> Styles:
    """The library's `CT_Styles`; an absent part says nothing."""
    from docx.enum.style import WD_STYLE_TYPE as TYPE

    looks: dict[str, Look] = {}
    default, lists = "", {}
    known = {style.styleId: style for style in root.style_lst} if root is not None else {}
    for style in known.values():
        key = style.styleId or ""
        if style.type == TYPE.LIST:
            lists[key] = attribute(child(style, "pPr", "numPr", "numId"), "val")
        elif style.type in {TYPE.PARAGRAPH, None}:
            looks[key] = _look(style, known)
            default = key if style.default else default
    return Styles(looks, lists, default)


def _look(style: Any, known: Mapping[str, Any]) -> Look:
    """A style with what it takes over from those that it is based on, which may go in a ring."""
    look = Look()
    settled = False
    for _ in range(MOST_BASES):
        if style is None:
            break
        name = attribute(style.name, "val").strip()
        outline = child(style, "pPr", "outlineLvl")
        named = next((kind for kind, pattern in _NAMES if pattern.fullmatch(name)), None)
        numbered = _HEADING.fullmatch(name)
        worded = _WORDED.search(name)
        if not settled and (named or outline is not None or numbered or worded):
            settled = True
            depth = number(attribute(outline, "val"), 9)
            if named:
                look = replace(look, part=named)
            elif outline is not None:
                look = replace(look, part="heading", level=depth + 1) if 0 <= depth < 9 else look
            else:
                level = int(numbered[1]) if numbered else "一二三四五六".index(worded[1] if worded else "一") + 1
                look = replace(look, part="heading", level=level)
        list_id, depth_told = (child(style, "pPr", "numPr", one) for one in ("numId", "ilvl"))
        if not look.list_id:
            if depth_told is not None and look.list_level is None:
                look = replace(look, list_level=number(attribute(depth_told, "val")))
            if list_id is not None:
                look = replace(look, list_id=attribute(list_id, "val"), owner=style.styleId or "")
        style = known.get(attribute(style.basedOn, "val"))
    return look


@dataclass(frozen=True, slots=True)
class Look:
    """What a paragraph style makes of a paragraph."""

    part: Part = ""
    level: int = 0  # of a heading
    list_id: str = ""
    owner: str = ""  # the style that names the list: its level is the one that numbers this style
    list_level: int | None = None


@dataclass(frozen=True, slots=True)
class Styles:
    looks: Mapping[str, Look]
    lists: Mapping[str, str]  # numbering style -> its list
    default: str  # of paragraphs that name none

    def of(self, paragraph: Any) -> Look:
        key = attribute(child(paragraph, "pPr", "pStyle"), "val") or self.default
        return self.looks.get(key) or self.looks.get(self.default) or Look()
