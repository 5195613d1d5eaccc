"""From a reading and the weights that it was made with to an explanation. Everything is worked out from those two: the
same question of the same material gives the same explanation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from rag.explanation import Contribution, Explanation, Judgement, Way, Weighed
from rag.explanation.words import against, judged_words, summary
from rag.types import Finding, Question, Reading

_MOST_COSTS = 3  # features named against a loser


@runtime_checkable
class Weighs(Protocol):
    """A reader that can say what it weighs by."""

    @property
    def weights(self) -> Mapping[str, Mapping[str, float]]:
        """ "sentence": what orders sentences; "answer": what judges the first of them."""
        ...

    @property
    def refuse_below(self) -> float: ...

    def judged(self, question: Question, candidates: Sequence[Finding]) -> Mapping[str, float]:
        """The features by which the first candidate is judged."""
        ...


def explained(question: Question, reading: Reading, reader: object, source_of: Callable[[str], str]) -> Explanation:
    """`source_of` gives the source of a document by its id. Raises UnknownDocumentError where one is gone since it was read."""
    way = _way(question, reading)
    weighs = reader if way == "weighed" and isinstance(reader, Weighs) else None
    order = weighs.weights["sentence"] if weighs else {}
    shown = {(f.passage.doc_id, f.start, f.end) for f in reading.findings}
    candidates = _candidates(question, reading, order, shown, source_of)
    judgement = None
    if weighs is not None:
        seen = weighs.judged(question, reading.candidates)
        judgement = _judgement(question, reading, contributions(seen, weighs.weights["answer"]), weighs.refuse_below)
    return Explanation(
        question=question.text,
        understood=question.full,
        kind=question.kind,
        lang=question.lang,
        way=way,
        found=bool(reading.findings),
        reason="greeting" if way == "greeting" else reading.reason,
        probability=1.0 if way == "greeting" else reading.answerable,  # as `ask` tells it
        missing=reading.missing,
        why=summary(way, judgement, bool(reading.findings), reading.missing, question.lang),
        judgement=judgement,
        candidates=candidates,
    )


def contributions(features: Mapping[str, float], weights: Mapping[str, float]) -> tuple[Contribution, ...]:
    """Every feature with its weight, the largest amount first, either way."""
    found = [Contribution(name, float(value), float(weights.get(name, 0.0))) for name, value in features.items()]
    return tuple(sorted(found, key=lambda c: (-abs(c.amount), c.name)))


def costs(winner: Sequence[Contribution], loser: Sequence[Contribution]) -> tuple[tuple[str, float], ...]:
    """(feature, winner's amount - loser's) where the loser has less, worst first; all differences add up to the
    difference of the scores."""
    theirs = {c.name: c.amount for c in loser}
    ours = {c.name: c.amount for c in winner}
    gaps = [(name, ours.get(name, 0.0) - theirs.get(name, 0.0)) for name in {**ours, **theirs}]
    return tuple(sorted((gap for gap in gaps if gap[1] > 1e-9), key=lambda gap: (-gap[1], gap[0])))


def _way(question: Question, reading: Reading) -> Way:
    if question.kind == "greeting":
        return "greeting"
    if any(f.features for f in reading.candidates):
        return "weighed"
    return "stated" if reading.findings else "nothing"


def _candidates(
    question: Question,
    reading: Reading,
    order: Mapping[str, float],
    shown: set[tuple[str, int, int]],
    source_of: Callable[[str], str],
) -> tuple[Weighed, ...]:
    findings = reading.candidates or reading.findings
    parts = [contributions(f.features, order) for f in findings]
    found: list[Weighed] = []
    for rank, (finding, told) in enumerate(zip(findings, parts, strict=True), 1):
        passage = finding.passage
        behind = findings[0].score - finding.score
        worst = costs(parts[0], told) if rank > 1 else ()
        chosen = (passage.doc_id, finding.start, finding.end) in shown
        found.append(
            Weighed(
                rank=rank,
                doc_id=passage.doc_id,
                source=source_of(passage.doc_id),
                title=passage.title,
                path=passage.path,
                role=passage.role,
                start=finding.start,
                end=finding.end,
                quote=finding.quote,
                spans=tuple(finding.short(span) for span in finding.spans),
                score=finding.score,
                chosen=chosen,
                contributions=told,
                behind=behind,
                costs=worst,
                why=against(rank, behind, worst[:_MOST_COSTS], told, chosen, question.lang) if told else "",
            )
        )
    return tuple(found)


def _judgement(question: Question, reading: Reading, told: tuple[Contribution, ...], threshold: float) -> Judgement:
    total = math.fsum(c.amount for c in told)
    raw = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))
    why = judged_words(told, raw, reading.answerable, threshold, question.lang)
    return Judgement(told, total, raw, reading.answerable, threshold, why)
