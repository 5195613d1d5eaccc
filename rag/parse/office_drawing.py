"""Charts and diagrams, which Word and PowerPoint keep in parts of their own. Read from the XML: python-docx knows
neither, and python-pptx knows no diagrams, no charts in three dimensions and no number formats of points."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rag.parse.lay import Line
from rag.parse.office import attribute, child, inside, number, tag
from rag.parse.office_open import root_of
from rag.table import row_text

_MOST_POINTS = 100_000  # of a series: an index may claim more than there are


def drawing_lines(part: Any, element: Any, page: int | None = None) -> list[Line]:
    """The lines of a chart or diagram that an element of a part points at; none where it is not there."""
    diagram = tag(element) == "relIds"
    relation = part.rels.get(attribute(element, "dm" if diagram else "id"))
    if relation is None or relation.is_external:
        return []
    root = root_of(relation.target_part)
    return _diagram(root, page) if diagram else _chart(root, page)


def plain_text(element: Any) -> str:
    """The text of a drawing's paragraphs, a line for each."""
    lines = ("".join(t.text or "" for t in inside(paragraph, "t")) for paragraph in inside(element, "p"))
    return "\n".join(" ".join(line.split()) for line in lines if line.strip())


def _chart(root: Any, page: int | None) -> list[Line]:
    """The titles of the chart and its axes, then its data as rows: a column for each series."""
    lines = [
        Line("paragraph", text, hint="chart", page=page)
        for title in inside(root, "title")
        for text in [plain_text(title) or " ".join(v.text or "" for v in inside(title, "v"))]
    ]
    names: list[str] = []
    columns: list[dict[int, str]] = []
    labels: dict[int, str] = {}
    for series in inside(root, "ser"):
        named = child(series, "tx")
        names.append(" ".join(v.text or "" for v in inside(named, "v")) if named is not None else "")
        for source in ("cat", "xVal"):
            for index, text in _points(child(series, source)).items():
                labels.setdefault(index, text)
        columns.append(next((found for s in ("val", "yVal") if (found := _points(child(series, s)))), {}))
    if not columns:
        return lines
    header = ["", *names]
    if any(names):
        lines.append(Line("row", row_text(header), hint="chart", page=page))
    labelled = tuple(header) if any(names) else ()
    for index in sorted({*labels, *(i for column in columns for i in column)}):
        row = [labels.get(index, ""), *(column.get(index, "") for column in columns)]
        if any(row):
            lines.append(Line("row", row_text(row), hint="chart", page=page, columns=labelled))
    return lines


def _points(source: Any) -> dict[int, str]:
    """The values that a chart keeps of its data, by their index; labels of several levels from the outermost in."""
    if source is None:
        return {}
    told: dict[int, str] = {}
    levels = list(inside(source, "lvl"))
    for one in reversed(levels) if levels else [source]:
        points = {number(attribute(pt, "idx"), -1, _MOST_POINTS): pt for pt in inside(one, "pt")}
        shape = next((code.text or "" for code in inside(one, "formatCode")), "")
        for index, point in points.items():
            text = _value("".join(v.text or "" for v in inside(point, "v")), attribute(point, "formatCode", shape))
            if index >= 0 and text:
                told[index] = f"{told[index]} {text}" if index in told else text
    return told


def _value(text: str, shape: str) -> str:
    """A number as the chart shows it: percent where its format says so, without the noise of binary fractions."""
    clean = " ".join(text.split())
    if not re.fullmatch(r"-?\d{1,17}(?:\.\d{1,40})?(?:[eE][-+]?\d{1,3})?", clean):
        return clean
    value = float(clean)
    if "%" in shape:
        places = len(re.findall(r"0", shape.partition(".")[2].partition("%")[0]))
        return f"{value * 100:.{places}f}%"
    return clean if len(clean) <= 12 and "e" not in clean.lower() else f"{value:.12g}"


def _diagram(root: Any, page: int | None) -> list[Line]:
    """The boxes of a diagram as items, each under the one that it belongs to."""
    texts: dict[str, str] = {}
    top = ""
    for point in inside(root, "pt"):
        key = attribute(point, "modelId")
        top = key if attribute(point, "type") == "doc" else top
        if attribute(point, "type", "node") in {"node", "asst"}:
            texts[key] = plain_text(point)
    below: dict[str, list[tuple[int, str]]] = {}
    for link in inside(root, "cxn"):
        if attribute(link, "type", "parOf") == "parOf":
            place = number(attribute(link, "srcOrd"))
            below.setdefault(attribute(link, "srcId"), []).append((place, attribute(link, "destId")))
    ordered = _walked(top, below, list(texts))
    return [Line("item", texts[key], max(1, level), "diagram", page) for key, level in ordered if texts.get(key)]


def _walked(top: str, below: dict[str, list[tuple[int, str]]], keys: Sequence[str]) -> list[tuple[str, int]]:
    seen: set[str] = set()
    found: list[tuple[str, int]] = []
    stack = [*((key, 1) for key in reversed(keys)), (top, 0)]  # what no link reaches comes last, in its own order
    while stack:
        key, level = stack.pop()
        if key in seen:
            continue
        seen.add(key)
        found.append((key, level))
        stack += [(inner, level + 1) for _, inner in sorted(below.get(key, []), reverse=True)]
    return found
