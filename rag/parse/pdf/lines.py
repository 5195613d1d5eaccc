"""Characters to fragments, fragments to rows: what stands on one baseline, with the wide gaps left open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.parse.pdf.glyphs import HYPHEN, Glyph

OPEN = 1.0  # a gap of so many ems stays open: between columns, between cells


@dataclass(frozen=True, slots=True)
class Fragment:
    """Text without a wide gap on one baseline: a line of a column, or a cell. `order` is its place in the file."""

    text: str
    left: float
    right: float
    base: float
    size: float
    bold: bool
    order: int

    @property
    def em(self) -> float:
        return self.size or 1.0


Row = tuple[Fragment, ...]
"""The fragments of one baseline, from left to right."""


def rows_of(glyphs: Sequence[Glyph]) -> list[Row]:
    """The rows of a page, from the top down."""
    rows: list[list[list[Glyph]]] = []
    tallest: tuple[float, float] = (0.0, 0.0)  # baseline and size of the row's largest run
    for run in sorted(_runs(glyphs), key=lambda run: (run[0].base, run[0].left)):
        base, size = run[0].base, max(glyph.size for glyph in run)
        if rows and _beside((base, size), tallest) and not any(_stacked(run, other) for other in rows[-1]):
            rows[-1].append(run)
            tallest = max(tallest, (base, size), key=lambda pair: pair[1])
        else:
            rows.append([run])
            tallest = (base, size)
    return [fragments for row in rows if (fragments := _fragments(row))]


def is_wide(char: str) -> bool:
    """A character that is set without spaces: Chinese, Japanese, and their punctuation."""
    return (
        "\u2e80" <= char <= "\u9fff"
        or "\uf900" <= char <= "\ufaff"
        or "\uff00" <= char <= "\uff60"
        or "\U00020000" <= char <= "\U0003ffff"
    )


def joined(parts: Iterable[str]) -> str:
    """The lines of one paragraph or cell: no space where Chinese stands on either side, one between other words."""
    text = ""
    for part in parts:
        apart = bool(text and part) and not (is_wide(text[-1]) or is_wide(part[0]))
        text += (" " if apart else "") + part
    return text


def _runs(glyphs: Sequence[Glyph]) -> list[list[Glyph]]:
    """Stretches of the file's own order that go on to the right on one baseline."""
    runs: list[list[Glyph]] = []
    for glyph in glyphs:
        last = runs[-1][-1] if runs else None
        if (
            last
            and abs(glyph.base - last.base) < 0.1 * max(glyph.size, last.size)
            and -0.3 * last.size < glyph.left - last.right < OPEN * last.size
        ):
            runs[-1].append(glyph)
        else:
            runs.append([glyph])
    return runs


def _beside(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two runs, as (baseline, size), stand on one line: most of the smaller one's height is the other's too."""
    (base, size), (base2, size2) = one, other
    top, bottom = max(base - 0.8 * size, base2 - 0.8 * size2), min(base + 0.2 * size, base2 + 0.2 * size2)
    return bottom - top > 0.5 * min(size, size2)


def _stacked(one: Sequence[Glyph], two: Sequence[Glyph]) -> bool:
    """Whether two runs stand under one another: two lines of an address beside the large name of who writes."""
    apart = abs(one[0].base - two[0].base) > 0.5 * max(min(one[0].size, two[0].size), 1.0)
    shared = min(one[-1].right, two[-1].right) - max(one[0].left, two[0].left)
    return apart and shared > min(one[0].size, two[0].size)


def _fragments(runs: Sequence[Sequence[Glyph]]) -> Row:
    glyphs = sorted((glyph for run in runs for glyph in run), key=lambda glyph: glyph.left)
    groups: list[list[Glyph]] = []
    edge = 0.0
    for glyph in glyphs:
        size = min(glyph.size, groups[-1][-1].size) if groups else glyph.size
        allowed = OPEN * max(size, 4.0) + (0.25 * size if glyph.space == 2 else 0.0)
        if groups and glyph.left - edge < allowed:
            groups[-1].append(glyph)
        else:
            groups.append([glyph])
            edge = glyph.right
        edge = max(edge, glyph.right)
    found = (_fragment(group) for group in groups)
    return tuple(fragment for fragment in found if fragment.text)


def _fragment(glyphs: Sequence[Glyph]) -> Fragment:
    parts: list[str] = []
    for index, glyph in enumerate(glyphs):
        if index and _spaced(glyphs[index - 1], glyph):
            parts.append(" ")
        parts.append(glyph.text)
    text = " ".join("".join(parts).split())
    if text and "\ue000" <= text[0] <= "\uf8ff":  # a bullet of a symbol font
        text = "• " + text[1:].lstrip()
    if text[:1] == "•" and text[1:2].strip():
        text = "• " + text[1:]
    text = text[:-1].replace(HYPHEN, "") + text[-1:]
    sizes = Counter(round(glyph.size * 2) / 2 for glyph in glyphs)
    size = max(sizes, key=lambda size: (sizes[size], size))
    letters = [glyph.bold for glyph in glyphs if glyph.text.isalnum()]
    return Fragment(
        text.strip(),
        glyphs[0].left,
        max(glyph.right for glyph in glyphs),
        max(glyphs, key=lambda glyph: glyph.size).base,
        size,
        bool(letters) and sum(letters) >= 0.9 * len(letters),
        min(glyph.order for glyph in glyphs),
    )


def _spaced(one: Glyph, two: Glyph) -> bool:
    """Whether a space stands between two characters of a line. Around Chinese a gap is the typesetter's, not a space."""
    gap = two.left - one.right
    size = max(one.size, two.size)
    if is_wide(one.text[-1]) and is_wide(two.text[0]):
        return (two.space == 2 and gap > 0.15 * size) or gap > 0.8 * size
    if is_wide(one.text[-1]) or is_wide(two.text[0]):
        return two.space == 2 or gap > 0.5 * size
    return two.space == 2 or (two.space == 1 and gap > 0.08 * size) or gap > 0.25 * size
