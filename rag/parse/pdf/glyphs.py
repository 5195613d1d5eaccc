"""The characters of a page as pdfium gives them, each in the frame of the reader who turns the page to read it."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from ctypes import addressof, byref, c_double, c_float
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

SLANTED = 4  # the frame of text that stands at no right angle: watermarks
_BOLD = ("bold", "black", "heavy", "demi", "simhei", "黑体", "gothicb")
_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
_RADICALS = dict(
    zip(
        map(ord, "⺠⻅⻆⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻨⻩⻬⻮⻰"),
        "民见角车长门青韦页风飞食马骨鬼鱼鸟麦黄齐齿龙",
        strict=True,
    )
)
_SPACES = frozenset(
    {
        9,
        32,
        0xA0,
        0x2000,
        0x2001,
        0x2002,
        0x2003,
        0x2004,
        0x2005,
        0x2006,
        0x2007,
        0x2008,
        0x2009,
        0x200A,
        0x202F,
        0x3000,
    }
)
_DROPPED = frozenset({0, 0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0xFFFE, 0xFFFF})
_UNMAPPED = frozenset({0, 0xFFFD, 0xFFFE, 0xFFFF})
HYPHEN = "\x02"  # what pdfium makes of a hyphen that ends a line

_Cell = tuple[str, int, int]  # a character and a small square of the page


class Glyph(NamedTuple):
    """One character: a tuple, for a book holds millions. `base` grows downwards."""

    text: str
    left: float
    right: float
    base: float
    size: float
    bold: bool
    space: int  # what stands before it: 0 nothing, 1 a gap that pdfium took for a space, 2 a space of the file
    order: int  # place in the file's own order
    frame: int  # quarter turns that make it upright, or SLANTED


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page's characters, upright ones and others, and how many of its characters say nothing."""

    glyphs: tuple[Glyph, ...]
    width: float
    height: float
    lost: int = 0


class _Style(NamedTuple):
    size: float
    bold: bool
    frame: int
    run: int  # the piece of the file that it is in


def read_glyphs(page: Any, text: Any, box: tuple[float, float, float, float], turns: int) -> Sheet:
    """Every visible character of the page; what lies outside the crop box, or twice in one place, is left out."""
    import pypdfium2.raw as pdfium

    x0, y0, x1, y1 = box
    plain = turns == 0
    wide, high = (y1 - y0, x1 - x0) if turns % 2 else (x1 - x0, y1 - y0)
    place = _placing(box, turns)
    styles: dict[int, _Style] = {}
    seen: dict[_Cell, tuple[float, float, int]] = {}
    glyphs: list[Glyph] = []
    x, y, rect = c_double(), c_double(), pdfium.FS_RECTF()
    space, lost, high_half = 0, 0, 0
    for index in range(pdfium.FPDFText_CountChars(text)):
        code = pdfium.FPDFText_GetUnicode(text, index)
        if code in _UNMAPPED:
            lost += 1
        if code in _SPACES:
            space = max(space, 1 if pdfium.FPDFText_IsGenerated(text, index) == 1 else 2)
            continue
        if 0xD800 <= code < 0xDC00:
            high_half = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((high_half - 0xD800) << 10) + (code - 0xDC00) if high_half else 0xFFFD
        high_half = 0
        if code in _DROPPED or code > 0x10FFFF or (code < 32 and code != 2):
            space = 0 if code in (10, 13) else space
            continue
        if not pdfium.FPDFText_GetLooseCharBox(text, index, byref(rect)):
            continue
        pdfium.FPDFText_GetCharOrigin(text, index, byref(x), byref(y))
        numbers = (rect.left, rect.right, rect.top, rect.bottom, x.value, y.value)
        if not all(map(math.isfinite, numbers)):
            lost += 1
            continue
        middle_x, middle_y = (rect.left + rect.right) / 2, (rect.top + rect.bottom) / 2
        if not (x0 - 1 <= middle_x <= x1 + 1 and y0 - 1 <= middle_y <= y1 + 1):
            continue
        style = _style(text, index, turns, styles)
        shown = HYPHEN if code == 2 else _clean(code)
        if _twice(seen, shown, x.value, y.value, style):
            continue
        if plain and not style.frame:
            left, base, right = rect.left - x0, y1 - y.value, rect.right - x0
        else:
            left, base, right = _upright(place, style.frame, (wide, high), rect, (x.value, y.value))
        glyphs.append(Glyph(shown, left, right, base, style.size, style.bold, space, len(glyphs), style.frame))
        space = 0
    return Sheet(tuple(_vertical(glyphs, wide)), wide, high, lost)


def by_frame(sheet: Sheet) -> Iterator[tuple[int, list[Glyph]]]:
    """The glyphs of each frame, the frame that most of the page is in first."""
    for frame, _ in Counter(glyph.frame for glyph in sheet.glyphs).most_common():
        yield frame, [glyph for glyph in sheet.glyphs if glyph.frame == frame]


def _clean(code: int) -> str:
    """The character without the accidents of typesetting: radicals that stand for characters, ligatures."""
    if 0x2F00 <= code <= 0x2FDF:
        return unicodedata.normalize("NFKC", chr(code))
    return _LIGATURES.get(code) or _RADICALS.get(code) or chr(code)


def _style(text: Any, index: int, turns: int, styles: dict[int, _Style]) -> _Style:
    """Size, weight and direction: asked once for each run of the file that has one style."""
    import pypdfium2.raw as pdfium

    held = pdfium.FPDFText_GetTextObject(text, index)
    key = addressof(held.contents) if held else -1
    if key in styles:
        return styles[key]
    matrix = pdfium.FS_MATRIX()
    size = pdfium.FPDFText_GetFontSize(text, index)
    frame = (4 - turns) % 4
    if pdfium.FPDFText_GetMatrix(text, index, byref(matrix)):
        size *= math.hypot(matrix.c, matrix.d)
        angle = math.degrees(math.atan2(matrix.b, matrix.a)) - 90 * turns  # the page is turned clockwise
        quarter = round(angle / 90)
        frame = quarter % 4 if abs(angle - 90 * quarter) <= 10 else SLANTED
    style = _Style(size if math.isfinite(size) and size > 0.5 else 1.0, _is_bold(text, index, held), frame, key)
    styles[key] = style
    return style


def _is_bold(text: Any, index: int, held: Any) -> bool:
    import pypdfium2.raw as pdfium

    if held and pdfium.FPDFTextObj_GetTextRenderMode(held) == 2:  # filled and stroked: a bold that the font lacks
        return True
    font = pdfium.FPDFTextObj_GetFont(held) if held else None
    if font:
        needed = pdfium.FPDFFont_GetBaseFontName(font, None, 0)
        if 0 < needed < 1000:
            from ctypes import create_string_buffer

            buffer = create_string_buffer(needed)
            pdfium.FPDFFont_GetBaseFontName(font, buffer, needed)
            name = buffer.value.decode("utf-8", "replace").lower()
            if any(word in name for word in _BOLD):
                return True
    return bool(pdfium.FPDFText_GetFontWeight(text, index) >= 600)


def _placing(box: tuple[float, float, float, float], turns: int) -> Callable[[float, float], tuple[float, float]]:
    """From the file's coordinates to those of the page as shown: the origin is its upper left corner."""
    x0, y0, x1, y1 = box
    return (
        lambda x, y: (x - x0, y1 - y),
        lambda x, y: (y - y0, x - x0),
        lambda x, y: (x1 - x, y - y0),
        lambda x, y: (y1 - y, x1 - x),
    )[turns % 4]


def _upright(
    place: Callable[[float, float], tuple[float, float]],
    frame: int,
    extent: tuple[float, float],
    rect: Any,
    origin: tuple[float, float],
) -> tuple[float, float, float]:
    """Left, baseline and right of a character once the page is turned so that it stands upright."""

    def turned(x: float, y: float) -> tuple[float, float]:
        across, down = place(x, y)
        if frame == 1:  # reads upwards
            return extent[1] - down, across
        if frame == 2:
            return extent[0] - across, extent[1] - down
        return (down, extent[0] - across) if frame == 3 else (across, down)

    one, two = turned(rect.left, rect.bottom)[0], turned(rect.right, rect.top)[0]
    return min(one, two), turned(*origin)[1], max(one, two)


def _twice(seen: dict[_Cell, tuple[float, float, int]], shown: str, x: float, y: float, style: _Style) -> bool:
    """Whether the character stands in this place already: printed again, a hair to the side, to look bold. Within one
    run of the file it does not count, for pdfium takes a ligature apart into letters of one place."""
    near = max(style.size * 0.08, 0.1)
    column, row = math.floor(x / near / 2), math.floor(y / near / 2)
    right, below = column + (1 if x / near / 2 - column > 0.5 else -1), row + (1 if y / near / 2 - row > 0.5 else -1)
    for cell in ((shown, column, row), (shown, right, row), (shown, column, below), (shown, right, below)):
        held = seen.get(cell)
        if held and held[2] != style.run and abs(held[0] - x) <= near and abs(held[1] - y) <= near:
            return True
    seen[(shown, column, row)] = (x, y, style.run)
    return False


def _vertical(glyphs: Sequence[Glyph], wide: float) -> list[Glyph]:
    """Chinese or Japanese set from top to bottom: laid on its side, so that each column of it is a line."""
    steps = down = 0
    for one, two in pairwise(glyphs):
        if one.frame == two.frame == 0:
            steps += 1
            down += abs(one.left - two.left) < 0.5 * one.size and 0.7 * one.size < two.base - one.base < 2.5 * one.size
    if steps < 8 or down < 0.6 * steps:
        return list(glyphs)
    return [
        glyph._replace(left=glyph.base - glyph.size, right=glyph.base, base=wide - glyph.left)
        if not glyph.frame
        else glyph
        for glyph in glyphs
    ]


def page_box(page: Any) -> tuple[float, float, float, float]:
    """The part of the page that is shown: its crop box within its media box."""
    import pypdfium2.raw as pdfium

    def box(read: Any) -> tuple[float, float, float, float] | None:
        corners = [c_float() for _ in range(4)]
        if not read(page, *(byref(corner) for corner in corners)):
            return None
        a, b, c, d = (corner.value for corner in corners)
        sides = (min(a, c), min(b, d), max(a, c), max(b, d))
        return sides if all(map(math.isfinite, sides)) and a != c and b != d else None

    media = box(pdfium.FPDFPage_GetMediaBox) or (0.0, 0.0, 612.0, 792.0)
    crop = box(pdfium.FPDFPage_GetCropBox)
    if crop is None:
        return media
    cut = (max(media[0], crop[0]), max(media[1], crop[1]), min(media[2], crop[2]), min(media[3], crop[3]))
    return cut if cut[0] < cut[2] and cut[1] < cut[3] else media
