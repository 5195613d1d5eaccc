"""What a span model gives, whichever it is: for each passage the spans it would answer with and the score of "no answer".

Passages longer than a model's window are read in overlapping pieces; here they become one again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from rag.reader.decode import LONGEST, MOST, WEIGHED, apart, characters, likely_spans
from rag.reader.expected import central

_RIVAL = 1.0  # logits under the best within which another span is an answer of its own
FAR = -1e4  # how far below "no answer" a passage is in which nothing can be a span


@dataclass(frozen=True, slots=True)
class Window:
    """What the model says of one passage. Scores are sums of two logits: comparable across passages of a question by
    their distance to `null`, not in themselves."""

    null: float  # score of "no answer here"
    spans: tuple[
        tuple[int, int, float], ...
    ]  # (start, end, score): characters of the text, best first, not overlapping
    best: float  # score of the first span; far below null where there is none

    @property
    def margin(self) -> float:
        """How far the best span is above "no answer": > 0 says that the passage answers."""
        return self.best - self.null


class Reads(Protocol):
    """A model that finds spans. Any number of threads may call it; the same call gives the same windows."""

    def read(self, question: str, contexts: Sequence[tuple[str, str]]) -> list[Window]:
        """One window for each (head, text), in order. `head` is title and section path ("" for none): it is read and
        never quoted; `text` is the passage, of any length. Margins are finite; at most five spans, inside the text,
        best first, no two of them sharing a character."""
        ...


@runtime_checkable
class Ahead(Protocol):
    """A model that can read while something else is done."""

    def prepare(self, question: str, contexts: Sequence[tuple[str, str]]) -> None:
        """Begins to read and returns; `read` of the same says the same with and without it."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage, or a part of one that is too long: token ids, and where its text's tokens stand."""

    window: int  # the passage's place in the call
    ids: Sequence[int] | NDArray[Any]
    first: int  # position of the first token of the text
    offsets: Sequence[tuple[int, int]] | NDArray[Any]  # of those tokens: start and end, in characters of the text
    null: int = 0  # position whose logits say "no answer"


def window_of(piece: Piece, values: NDArray[Any], text: str) -> Window:
    """The spans of one piece from its logits, float, shape (at least its tokens, 2): start and end."""
    null = float(values[piece.null, 0] + values[piece.null, 1])
    inside = values[piece.first : piece.first + len(piece.offsets)]
    found: list[tuple[int, int, float]] = []
    for first, last, score in _spans(inside[:, 0], inside[:, 1]):
        start, end = characters(text, piece.offsets, first, last)
        if start < end and _apart(start, end, found):  # tokens of one character's bytes share it
            found.append((start, end, score))
    return Window(null, tuple(found), found[0][2] if found else null + FAR)


def _spans(starts: NDArray[Any], ends: NDArray[Any]) -> list[tuple[int, int, float]]:
    """The likeliest spans; the first of them is the one that lies between the likely ones, at the best one's score, so
    that the margin stays what it is."""
    spans = likely_spans(starts, ends, LONGEST, WEIGHED)
    likely = apart(spans)
    rivals = [span[:2] for span in likely[1:] if likely[0][2] - span[2] < _RIVAL]
    chosen = central(spans, rivals)
    if chosen is None:
        return likely
    first, last, _ = chosen
    others = [span for span in likely[1:] if span[1] < first or last < span[0]]
    return [(first, last, likely[0][2]), *others]


def joined(windows: Sequence[Window]) -> Window:
    """One window for the pieces of a passage: the surest piece's null, and every piece's spans at their distance from
    their own null."""
    surest = max(windows, key=lambda window: window.margin)
    if len(windows) == 1:
        return surest
    moved = sorted(
        ((start, end, score - window.null + surest.null) for window in windows for start, end, score in window.spans),
        key=lambda span: (-span[2], span[0]),
    )
    kept: list[tuple[int, int, float]] = []
    for span in moved:
        if len(kept) < MOST and _apart(span[0], span[1], kept):
            kept.append(span)
    return Window(surest.null, tuple(kept), surest.best)


def _apart(start: int, end: int, others: Sequence[tuple[int, int, float]]) -> bool:
    return all(end <= a or b <= start for a, b, _ in others)
