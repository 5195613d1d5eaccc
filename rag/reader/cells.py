"""Which cell of a table row a question asks for: the one whose column it names."""

from __future__ import annotations

from collections.abc import Sequence

from rag.reader import features as see
from rag.reader.reads import FAR, Window
from rag.table import cell_spans, in_row, value_spans
from rag.text import fold
from rag.types import Finding, Passage, Span

_LONGEST = 40  # characters of a column's name that are looked for


def asked_cell(asked: see.Asked, finding: Finding) -> Span | None:
    """The cell of a found row whose column the question names more of than of any other; None where it names none, or
    two alike, and where the cell itself stands in the question or is empty."""
    passage = finding.passage
    if not passage.columns:
        return None
    spans = cell_spans(passage.text)
    if len(spans) > len(passage.columns):
        return None
    question = fold(asked.question.understood)
    named = [_share(question, fold(name)[:_LONGEST]) for name in passage.columns[: len(spans)]]
    best = max(named)
    if best < 0.5 or named.count(best) != 1:
        return None
    start, end = spans[named.index(best)]
    if start == end or fold(passage.text[start:end]) in question:
        return None
    cell = Span(passage.start + start, passage.start + end)
    return cell if finding.start <= cell.start and cell.end <= finding.end else None


def within(cell: Span, seen: Sequence[Span]) -> Span:
    """The first of some spans that lies in the cell, else the cell."""
    return next((span for span in seen if cell.start <= span.start and span.end <= cell.end), cell)


def rowwise(window: Window, passage: Passage) -> Window:
    """What the model saw in a table row, which it reads with its columns' names ("晚班: 纪云帆"), as spans of the row itself;
    what it saw in a name alone is no answer."""
    if not passage.labelled:
        return window
    values = value_spans(passage.text, passage.columns)
    moved = [(in_row(start, end, values), score) for start, end, score in window.spans]
    kept: dict[tuple[int, int], float] = {}
    for place, score in moved:
        if place and all(place[1] <= a or b <= place[0] for a, b in kept):
            kept[place] = score
    spans = tuple((*place, score) for place, score in kept.items())
    return Window(window.null, spans, spans[0][2] if spans else window.null + FAR)


def _share(question: str, name: str) -> float:
    """How much of a column's name stands in the question: its longest stretch there, as a share of its letters."""
    letters = [c for c in name if c.isalnum()]
    longest = max(
        (size for size in range(len(name), 0, -1) for at in range(len(name) - size + 1) if name[at : at + size] in question),
        default=0,
    )  # fmt: skip
    return longest / len(letters) if letters and longest > 1 else float(name != "" and name in question)
