"""What stands on a slide: shapes in the order in which they are read, and the lines of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.parse.lay import Line
from rag.parse.office import attribute, child, inside, number, tag
from rag.parse.office_drawing import drawing_lines
from rag.parse.word_numbering import formatted
from rag.parse.word_table import Cell, grid_lines
from rag.text.wrap import width

NEAR = 300_000  # EMU (8 mm): shapes whose tops differ by less stand side by side
_COUNTS = {
    "arabic": "decimal", "alphaLc": "lowerLetter", "alphaUc": "upperLetter", "romanLc": "lowerRoman",
    "romanUc": "upperRoman", "circleNum": "decimalEnclosedCircle", "ea1Chs": "chineseCounting",
    "ea1Cht": "chineseCounting", "ea1ChsDb": "chineseCounting", "ea1JpnChs": "chineseCounting", "ea1JpnKor": "chineseCounting",
}  # fmt: skip
_LISTED = frozenset({"body", "obj"})


def shapes_of(slide: Any) -> list[Shape]:
    """The shapes of a slide from the top down, those of one height from the left; a placeholder without a place of its
    own stands where the layout, or the master, has it."""
    return _ordered(_gather(slide.shapes, False))


def shape_lines(shape: Shape, page: int) -> list[Line]:
    """The lines of one shape."""
    lines: list[Line] = []
    if shape.table is not None:
        return _table(shape.table, page)
    if shape.drawing is not None:
        return drawing_lines(shape.part, shape.drawing, page)
    counts: dict[int, int] = {}
    for paragraph in shape.paragraphs:
        text = paragraph_text(paragraph)
        if not text:
            continue
        props = child(paragraph, "pPr")
        level = min(max(number(attribute(props, "lvl", "0")), 0), 8)
        mark = _number(props, level, counts)
        plain = child(props, "buNone") is not None or shape.place not in _LISTED
        bulleted = bool(mark) or child(props, "buChar") is not None
        if bulleted or not plain:
            lines.append(Line("item", mark + text, level + 1, page=page))
        else:
            lines.append(Line("paragraph", text, page=page))
    return lines


def paragraph_text(paragraph: Any) -> str:
    """The text of a paragraph of DrawingML: runs and fields, a new line where it breaks, formulas by their signs. The
    library's text leaves formulas out."""
    parts = ("\n" if tag(node) == "br" else _plain(node.text or "") for node in inside(paragraph, "t", "br"))
    return "\n".join(line for line in (" ".join(one.split()) for one in "".join(parts).split("\n")) if line)


def _plain(text: str) -> str:
    return text.replace("\t", " ").replace("\r", "").replace("\v", "\n").replace("_x000B_", "\n")


def is_picture(root: Any) -> bool:
    """Whether a slide shows a picture."""
    return next(inside(root, "pic"), None) is not None


def _gather(shapes: Iterable[Any], grouped: bool) -> list[Shape]:
    """Shapes as the file lists them; those of a group together, in their own order, where the group stands."""
    found: list[Shape] = []
    last = (0, 0)
    for shape in shapes:
        name = tag(shape.element)
        if name == "grpSp":
            inner = _ordered(_gather(shape.shapes, True))
            at = _position(shape) or (inner[0].at if inner else last)
            # A group is read as one: its parts keep their order by a place that is the group's for all of them.
            found += [replace(one, at=at, order=(len(found), index)) for index, one in enumerate(inner)]
        elif name in {"sp", "graphicFrame", "cxnSp"}:
            last = _position(shape) or last
            holder = shape.element.ph
            place = attribute(holder, "type", "obj") if holder is not None else ""
            body = shape.element.txBody if name == "sp" else None
            framed = shape.element if name == "graphicFrame" else ()
            table = next((one for part in framed for one in inside(part, "tbl")), None)
            drawing = next((one for part in framed for one in inside(part, "chart", "relIds")), None)
            paragraphs = tuple(body.p_lst) if body is not None else ()
            if paragraphs or table is not None or drawing is not None:
                found.append(Shape(last, (len(found),), place, grouped, shape.part, paragraphs, table, drawing))
    return found


def _position(shape: Any) -> tuple[int, int] | None:
    """Left and top, a placeholder's from its layout or master; None where neither says it, or says no number."""
    from pptx.exc import InvalidXmlError

    try:
        left, top = shape.left, shape.top
    except (LookupError, ValueError, AttributeError, InvalidXmlError):
        return None
    return None if left is None or top is None else (int(left), int(top))


def _ordered(shapes: Sequence[Shape]) -> list[Shape]:
    """Rows from the top down, each from the left."""
    out: list[Shape] = []
    row: list[Shape] = []
    for shape in sorted(shapes, key=lambda one: (one.at[1], one.at[0], one.order)):
        if row and shape.at[1] - row[0].at[1] > NEAR:
            out += sorted(row, key=lambda one: (one.at[0], one.at[1], one.order))
            row = []
        row.append(shape)
    return out + sorted(row, key=lambda one: (one.at[0], one.at[1], one.order))


def _number(props: Any, level: int, counts: dict[int, int]) -> str:
    """The number that is shown before a numbered paragraph; another kind of paragraph starts the count anew."""
    for deeper in [key for key in counts if key > level]:
        del counts[deeper]
    told = child(props, "buAutoNum")
    if told is None:
        counts.pop(level, None)
        return ""
    start = number(attribute(told, "startAt", "1"), 1)
    counts[level] = counts[level] + 1 if level in counts else start
    scheme = attribute(told, "type", "arabicPeriod")
    for ending, shape in (("ParenBoth", "({})"), ("ParenR", "{})"), ("Period", "{}."), ("Plain", "{}"), ("", "{}")):
        if scheme.endswith(ending):
            style = _COUNTS.get(scheme.removesuffix(ending) if ending else scheme, "decimal")
            shown = shape.format(formatted(counts[level], style))
            return shown.replace(".", "、") if style == "chineseCounting" and ending == "Period" else shown + " "
    return ""


def _table(table: Any, page: int) -> list[Line]:
    rows: list[list[Cell]] = []
    for row in table.tr_lst:
        cells: list[Cell] = []
        for cell in row.tc_lst:
            text = " ".join(" ".join(paragraph_text(p) for p in inside(cell, "p")).split())
            if cells and cell.hMerge:
                cells[-1] = replace(cells[-1], across=cells[-1].across + 1)
            else:
                cells.append(Cell(text, goes_on=cell.vMerge))
        rows.append(cells)
    filled = [cell for row in rows for cell in row if cell.text]
    if max((sum(bool(cell.text) for cell in row) for row in rows), default=0) <= 1:
        return [Line("paragraph", cell.text, page=page) for cell in filled]
    return grid_lines(rows, 1 if table.firstRow and _names(rows) else 0, page)


def _names(rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether the first row can be what the format calls it: PowerPoint marks it in nearly every table."""
    texts = [cell.text for cell in rows[0]] if rows else []
    return len(rows) > 2 and all(texts[1:]) and all(width(text) <= 40 for text in texts) and len(texts) > 2


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape with text, a table or a drawing."""

    at: tuple[int, int]  # left, top
    order: tuple[int, ...]  # in the file
    place: str  # of a placeholder
    grouped: bool
    part: Any  # of the library, in which it stands
    paragraphs: tuple[Any, ...] = ()
    table: Any = None
    drawing: Any = None

    @property
    def text(self) -> str:
        return "\n".join(text for one in self.paragraphs if (text := paragraph_text(one)))

    @property
    def size(self) -> int:
        """The largest size of its letters that it says itself, in hundredths of a point; 0 where it does not."""
        return max((number(attribute(p, "sz")) for one in self.paragraphs for p in inside(one, "rPr")), default=0)
