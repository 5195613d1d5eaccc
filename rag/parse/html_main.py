"""Which part of a page is the article: trafilatura reads the same HTML, and its text is found again in the page's lines.

It only points: what is quoted, its order and its kinds come from the walk over the page. Where it found too little, or
took a part of one container only, nothing is said, and the page is judged by its lines alone.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from rag.text.wrap import width

if TYPE_CHECKING:
    from rag.parse.html import Seen

MAIN, OUTSIDE = "·main", "·outside"  # no class name: what a page calls its parts is another matter
LONG = 60  # columns from which a paragraph speaks for the article
MOST = 1 << 20  # characters of a page that is judged; a longer one is a book or a table, and would take minutes
MOST_CELLS = 20_000  # of its tables, each counted as often as it spans: trafilatura lays them all out, row by row
_MOST_SPAN = 100  # as trafilatura reads it
_JOINTS = re.compile(r"[\s|\x00]+")


def marks(source: str, seen: Sequence[Seen]) -> list[str]:
    """For each line MAIN, OUTSIDE or "" (undecided); [] where the page is best judged by its lines alone."""
    long = [index for index, line in enumerate(seen) if _long(line)]
    if not long or len(source) > MOST or _cells(seen[long[0]].box) > MOST_CELLS:
        return []
    pieces = _extracted(source)
    if not pieces:
        return []
    whole = "\n".join(pieces)
    known = frozenset(pieces)
    texts = [_JOINTS.sub("", line.text()) for line in seen]
    main = [text in known or (width(text) >= LONG and text in whole) for text in texts]
    prose = [index for index in long if main[index]]
    mass = sum(width(texts[index]) for index in long)
    if not prose or 4 * sum(width(texts[index]) for index in prose) < mass:
        return []
    homes = {_place(seen[index].box) for index in prose}
    if any(not main[index] and _place(seen[index].box) in homes for index in long):
        return []
    around = reduce(_common, (seen[index].box for index in prose))
    inner = {around, *around.iterdescendants()}
    for index, line in enumerate(seen):  # a button of the name of a heading
        if main[index] and line.box not in inner and index not in long and _leads(line, len(texts[index])):
            main[index] = False
    boxes = {seen[index].box for index, said in enumerate(main) if said}
    return [
        MAIN if said else OUTSIDE if _outside(line, len(text), inner, boxes if index > prose[0] else set()) else ""
        for index, (line, said, text) in enumerate(zip(seen, main, texts, strict=True))
    ]


def _cells(box: Any) -> int:
    """How many cells the tables of a page have, those that a cell spans counted with it."""
    count = 0
    for cell in box.getroottree().iter("td", "th"):
        spans = [cell.get(name) or "" for name in ("colspan", "rowspan")]
        across, down = (min(int(said[:9]), _MOST_SPAN) if said.isdecimal() else 1 for said in spans)
        count += max(across, 1) * max(down, 1)
    return count


def _long(line: Seen) -> bool:
    return line.kind in {"paragraph", "item", "quote"} and width(line.text()) >= LONG


def _outside(line: Seen, length: int, inner: set[Any], boxes: set[Any]) -> bool:
    """A line left out of the article: beyond what holds it, or one inside that, or of a table, that only leads elsewhere."""
    if line.box in inner or line.kind in {"row", "code"}:
        return line.box not in boxes and _leads(line, length)
    return True


def _leads(line: Seen, length: int) -> bool:
    return 5 * line.linked >= 4 * length


def _extracted(source: str) -> list[str]:
    """What the article says: each of its paragraphs, items and rows without white space."""
    from lxml.etree import LxmlError
    from trafilatura import bare_extraction

    for name in ("trafilatura", "htmldate"):  # it would tell the terminal of each page without an article
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    try:
        found = bare_extraction(
            source,
            favor_recall=True,
            include_tables=True,
            include_comments=False,
            deduplicate=False,
            with_metadata=False,
        )
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        LxmlError,
        RuntimeError,
        TypeError,
        ValueError,
    ):
        return []  # it is advice: the page itself has been read
    body = getattr(found, "body", None)
    if body is None:
        return []
    pieces = [_JOINTS.sub("", piece) for element in body.iter() for piece in _pieces(element)]
    return [piece for piece in dict.fromkeys(pieces) if piece]


def _pieces(element: Any) -> list[str]:
    """The text of an element, and the parts of it that line breaks set apart."""
    parts: list[str] = [element.text or ""]
    for child in element:
        if child.tag == "lb":
            parts.append("")
        else:
            parts[-1] += "".join(child.itertext())
        parts[-1] += child.tail or ""
    return [*parts, "".join(parts)] if len(parts) > 1 else parts


def _place(box: Any) -> tuple[tuple[str, str], ...]:
    """The way down to an element by tags and classes: sections of one article are sisters that look alike."""
    path = [box, *box.iterancestors()]
    return tuple((str(element.tag), element.get("class") or "") for element in path)


def _common(left: Any, right: Any) -> Any:
    """The innermost element that holds both."""
    above = {left, *left.iterancestors()}
    return next((element for element in (right, *right.iterancestors()) if element in above), right)
