"""Why this answer: every sentence that was weighed, with every feature, its weight and what it brought; what the winner had
that a loser lacked; and the same for the judgement whether the material answers at all.

Nothing here knows a feature by name: whatever a reader weighs is shown (`rag.explanation.words` has words for those that
it knows).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from rag.types import Kind, Lang, Role

Way = Literal["weighed", "stated", "nothing", "greeting"]
"""How the answer came about: sentences were weighed; the document states it (title, byline, headings); nothing was found
to weigh; there was nothing to answer."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """One feature of one thing weighed."""

    name: str
    value: float
    weight: float  # 0 where the fitted weights have none of that name

    @property
    def amount(self) -> float:
        """What it adds to the sum."""
        return self.weight * self.value + 0.0  # no negative zero


@dataclass(frozen=True, slots=True)
class Weighed:
    """One candidate sentence. `document.text[start:end] == quote`; the contributions add up to the score."""

    rank: int  # 1: the winner
    doc_id: str
    source: str
    title: str
    path: tuple[str, ...]
    role: Role
    start: int
    end: int
    quote: str
    spans: tuple[str, ...]  # short answers that the span model sees in it
    score: float
    chosen: bool  # whether the answer quotes it
    contributions: tuple[Contribution, ...] = ()  # largest amount first, by its size
    behind: float = 0.0  # how far its score is below the winner's
    costs: tuple[
        tuple[str, float], ...
    ] = ()  # features that put it there: (name, winner's amount - its own), worst first
    why: str = ""  # that in words, in the question's language


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether the winner answers: `total` is the sum of the contributions, `raw` its logistic, `probability` what became of
    that: the same, or less where what was found is of the wrong kind; below `threshold` the answer is a refusal."""

    contributions: tuple[Contribution, ...]
    total: float
    raw: float
    probability: float
    threshold: float
    why: str = ""

    @property
    def answers(self) -> bool:
        return self.probability >= self.threshold

    @property
    def adjusted(self) -> float:
        """What came after the sum."""
        return self.probability - self.raw


@dataclass(frozen=True, slots=True)
class Explanation:
    question: str
    understood: str
    kind: Kind
    lang: Lang
    way: Way
    found: bool
    reason: str  # as in `Answer.reason`
    probability: float
    missing: tuple[str, ...]  # question words found nowhere in what was read
    why: str  # in one or two sentences
    judgement: Judgement | None  # None where nothing was weighed
    candidates: tuple[Weighed, ...] = field(default=())  # best first

    def to_dict(self) -> dict[str, Any]:
        """For JSON: only objects, lists, text, numbers; amounts written out."""
        told: dict[str, Any] = _plain(dataclasses.asdict(self))
        if self.judgement is not None:
            told["judgement"]["contributions"] = _rows(self.judgement.contributions)
            told["judgement"]["adjusted"] = self.judgement.adjusted
            told["judgement"]["answers"] = self.judgement.answers
        for row, candidate in zip(told["candidates"], self.candidates, strict=True):
            row["contributions"] = _rows(candidate.contributions)
            row["costs"] = [{"name": name, "amount": amount} for name, amount in candidate.costs]
        return told

    def to_pandas(self):  # type: ignore[no-untyped-def]  # pandas is an extra
        """One row a candidate and feature. Raises MissingExtraError without pandas."""
        from rag.notebook import explanation_frame

        return explanation_frame(self)

    def _repr_html_(self) -> str:
        from rag.notebook import explanation_html

        return explanation_html(self)


def _rows(contributions: tuple[Contribution, ...]) -> list[dict[str, Any]]:
    return [{"name": c.name, "value": c.value, "weight": c.weight, "amount": c.amount} for c in contributions]


def _plain(thing: Any) -> Any:
    if isinstance(thing, dict):
        return {key: _plain(value) for key, value in thing.items()}
    return [_plain(each) for each in thing] if isinstance(thing, (list, tuple)) else thing
