"""Running heads, running feet and page numbers: lines that come back at the same height, the same but for numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag.parse.pdf.lines import Row
from rag.text.wrap import width

MARGIN = 0.16  # of the page's height: where heads and feet stand
_MOST_ROWS = 3
_ROMAN = re.compile(r"(?<![a-z])[ivxlc]{1,6}(?![a-z])", re.IGNORECASE)
_FOLIO = re.compile(
    r"(?:[-–—·\s]*(?:#|[ivxlc]{1,6})[-–—·\s]*|(?:page|p\.)\s*#(?:\s*(?:of|/)\s*#)?|#\s*(?:/|of)\s*#"
    r"|第\s*#\s*页(?:\s*[,，/]?\s*共\s*#\s*页)?)",
    re.IGNORECASE,
)
_SURE_FOLIO = re.compile(r"[-–—·]\s*#\s*[-–—·]|(?:page|p\.)\s*#.*|第\s*#\s*页.*|#\s*(?:/|of)\s*#", re.IGNORECASE)
_PRINTED = re.compile(r"#/#/#,?\s+#:#(?:\s*[AP]M)?|file:///\S+")  # what browsers write over and under what they print


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A page's rows once its running lines are apart."""

    head: tuple[Row, ...]
    body: tuple[Row, ...]
    foot: tuple[Row, ...]


def trim(pages: Sequence[Sequence[Row]], heights: Sequence[float], body_size: float) -> list[Trimmed]:
    """The rows of each page with what runs through the document told from what is said once."""
    seen: Counter[tuple[str, bool]] = Counter()
    places: dict[tuple[str, bool], Counter[int]] = {}
    for rows, height in zip(pages, heights, strict=True):
        keys = {key for top in (True, False) for row in _outer(rows, height, top) for key in _keys(row, top)}
        seen.update(keys)
        for top in (True, False):
            for row in _outer(rows, height, top):
                for key in _keys(row, top):
                    places.setdefault(key, Counter())[round((row[0].base if top else height - row[0].base) / 6)] += 1
    shown = sum(1 for rows in pages if rows)
    least = 2 if shown <= 6 else 3
    steady = {key for key, count in seen.items() if count >= least and max(_near(places[key])) >= min(least, count)}
    return [_trimmed(list(rows), height, body_size, steady) for rows, height in zip(pages, heights, strict=True)]


def _near(places: Counter[int]) -> list[int]:
    """How often a line stood at each height, its two neighbours counted in."""
    return [places[at - 1] + places[at] + places[at + 1] for at in list(places)]


def _trimmed(rows: list[Row], height: float, body_size: float, steady: set[tuple[str, bool]]) -> Trimmed:
    head = foot = 0
    for row in _outer(rows, height, True):
        if not _runs(row, True, body_size, steady):
            break
        head += 1
    rest = rows[head:]
    for row in _outer(rest, height, False):
        if not (_runs(row, False, body_size, steady) or (not foot and _numbers(rest))):
            break
        foot += 1
    return Trimmed(tuple(rows[:head]), tuple(rest[: len(rest) - foot]), tuple(rest[len(rest) - foot :]))


def _outer(rows: Sequence[Row], height: float, top: bool) -> list[Row]:
    """The outermost rows in the page's upper or lower margin, from the edge inwards."""
    if top:
        return [row for row in rows[:_MOST_ROWS] if row[0].base <= MARGIN * height]
    return [row for row in reversed(rows[-_MOST_ROWS:]) if row[0].base >= (1 - MARGIN) * height]


def _keys(row: Row, top: bool) -> list[tuple[str, bool]]:
    return [(_masked(fragment.text), top) for fragment in row]


def _masked(text: str) -> str:
    masked = re.sub(r"\d+", "#", text.strip())
    return "#" if _ROMAN.fullmatch(masked) else masked


def _runs(row: Row, top: bool, body_size: float, steady: set[tuple[str, bool]]) -> bool:
    if any(fragment.size > 1.3 * body_size for fragment in row) or width(" ".join(f.text for f in row)) > 160:
        return False  # a title that comes back, as on the slides of one talk, is still a title
    keys = _keys(row, top)
    sure = [_SURE_FOLIO.fullmatch(text) or _PRINTED.fullmatch(text) for text, _ in keys]
    known = [key in steady or bool(match) for key, match in zip(keys, sure, strict=True)]
    numbered = any(_FOLIO.fullmatch(text) for text, _ in keys)
    if len(row) >= 3 and not numbered:
        return False  # the head of a table that goes on over the page
    return all(known) or (any(known) and (numbered or len(row) == 2))


def _numbers(rows: Sequence[Row]) -> bool:
    """Whether the last row is a page number by its looks: alone, and well apart from what stands above."""
    last = rows[-1]
    if len(last) != 1 or not _FOLIO.fullmatch(_masked(last[0].text)):
        return False
    return len(rows) < 2 or last[0].base - rows[-2][0].base > 2.5 * rows[-2][0].em
