"""PPTX (also PPTM, POTX, PPSX, PPSM): slide by slide, each with its title first, then what stands on it from the top
down, then the speaker's notes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rag.parse.lay import Line, lay
from rag.parse.office import attribute, declared, inside, nothing_to_read
from rag.parse.office_open import from_library, linked, open_package, root_of
from rag.parse.slide_shapes import Shape, is_picture, shape_lines, shapes_of
from rag.parse.zipped import damaged
from rag.text.wrap import width
from rag.types import Notice, Parsed

TITLES = frozenset({"title", "ctrTitle"})
FURNITURE = frozenset({"ftr", "sldNum", "dt", "hdr"})
TITLE_MAX = 60  # columns of a text box that stands for a title


def parse(data: bytes, name: str) -> Parsed:
    """Text, blocks and properties of a presentation; a page is a slide. Raises ParseError for what is damaged,
    protected, hostile or empty."""
    package, deck = open_package(data, name, "presentation")
    with from_library(name):
        lines, count, silent = _lines(deck, name)
    if not lines:
        raise nothing_to_read(name)
    notices = [_pictures_only(name, silent)] if silent else []
    return lay(lines, declared(package, lines), pages=count, notices=notices)


def _lines(deck: Any, name: str) -> tuple[list[Line], int, list[int]]:
    listed = deck.element.sldIdLst
    ids = [one.rId for one in listed.sldId_lst] if listed is not None else []
    writers = _writers(deck)
    lines: list[Line] = []
    silent: list[int] = []
    titled = False
    for page, id_ in enumerate(ids, 1):
        if id_ not in deck.part.rels:
            raise damaged(name, (f"slide {page} is missing", f"缺少第 {page} 张幻灯片"))
        slide = deck.part.related_slide(id_)
        root = root_of(slide.part)
        told = _slide(slide, page, titled)
        titled = titled or any(line.kind == "title" for line in told)
        if is_picture(root) and not any(line.hint != "footer" and line.text.strip() for line in told):
            silent.append(page)
        lines += told + _said(slide, page, writers)
    return [line for line in lines if line.text.strip()], len(ids), silent


def _slide(slide: Any, page: int, titled: bool) -> list[Line]:
    """The lines of a slide without its notes."""
    kind = next((attribute(root_of(part), "type") for _, part in linked(slide.part, "slideLayout")), "")
    shapes = shapes_of(slide)
    heads = [shape for shape in shapes if shape.place in TITLES and shape.text]
    rest = [shape for shape in shapes if shape.place not in TITLES and shape.place not in FURNITURE]
    if not heads:
        heads = _looks_like_title(rest)
        rest = [shape for shape in rest if shape not in heads]
    opens = page == 1 and (any(shape.place == "ctrTitle" for shape in heads) or kind == "title")
    lines: list[Line] = []
    for shape in heads:
        text = "\n".join(line.text for line in shape_lines(shape, page))
        level = 1 if titled and (kind == "secHead" or shape.place == "ctrTitle") else 2
        lines.append(Line("title", text, 1, "slide", page) if opens else Line("heading", text, level, "slide", page))
        opens = False
    for shape in rest:
        lines += shape_lines(shape, page)
    for shape in shapes:
        if shape.place in FURNITURE:
            lines += [replace(line, hint="footer") for line in shape_lines(shape, page)]
    return lines


def _looks_like_title(shapes: Sequence[Shape]) -> list[Shape]:
    """The text box that does the work of a title where the slide's own is missing: the first, short, alone on its line,
    and set no smaller than the rest."""
    told = [shape for shape in shapes if shape.text]
    if len(told) < 2 or told[0].place or told[0].grouped:
        return []
    first = told[0]
    largest = max(shape.size for shape in told)
    short = "\n" not in first.text and width(first.text) <= TITLE_MAX and any(c.isalpha() for c in first.text)
    ends = re.search(r"[。；;，,：:.]$", first.text)
    return [first] if short and not ends and first.size == largest > min(shape.size for shape in told) else []


def _said(slide: Any, page: int, writers: dict[str, str]) -> list[Line]:
    """The speaker's notes, then what reviewers wrote."""
    lines: list[Line] = []
    for kind, part in linked(slide.part, "notesSlide", "comments"):
        root = root_of(part)
        if kind == "comments":
            lines += [_comment(one, page, writers) for one in inside(root, "cm")]
            continue
        for shape in shapes_of(slide.notes_slide):
            if shape.place not in FURNITURE and shape.place != "sldImg":
                lines += [
                    replace(line, kind="paragraph" if line.kind == "item" else line.kind, level=0, hint="notes")
                    for line in shape_lines(shape, page)
                ]
    return lines


def _comment(one: Any, page: int, writers: dict[str, str]) -> Line:
    text = "\n".join(t.text or "" for t in inside(one, "text", "t"))
    writer = writers.get(attribute(one, "authorId"), "")
    colon = "：" if any(ord(c) > 0x2E7F for c in writer) else ": "
    return Line("paragraph", f"{writer}{colon}{text}" if writer and text.strip() else text, hint="comment", page=page)


def _writers(deck: Any) -> dict[str, str]:
    people = (one for _, part in linked(deck.part, "commentAuthors", "authors") for one in root_of(part))
    return {attribute(one, "id"): " ".join(attribute(one, "name").split()) for one in people}


def _pictures_only(name: str, pages: Sequence[int]) -> Notice:
    shown = ", ".join(map(str, pages[:20])) + (" …" if len(pages) > 20 else "")
    return Notice(
        f"{name}: slides {shown} hold only pictures, whose text is not read; write their text into the notes",
        f"{name} 的第 {shown.replace(', ', '、')} 页只有图片，其中的文字未读取；可把文字写入备注",
    )
