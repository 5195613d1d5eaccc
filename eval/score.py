"""Step two: questions and predictions -> one scored line a question -> one summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval import cmrc, metrics
from eval.match import bears, folded, holds, plain
from eval.questions import EvalQuestion
from eval.run import Prediction, Quote
from rag.errors import DataError

GROUPS: Mapping[str, tuple[str, ...]] = {
    "retrieval": ("R@1", "R@5", "R@10", "RR@10", "nDCG@10"),
    "answer": ("em", "f1", "facts", "evidence", "sentence", "place"),
    "refusal": ("recall", "false"),
}
"""Per-question measures by group, in the order shown. Higher is better except `false`."""

OBJECT_KEYS: Mapping[str, tuple[str, ...]] = {**GROUPS, "retrieval": ("R@1", "R@5", "RR@10", "nDCG@10")}
"""What the one-object summary holds of them."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A question, what was said, and the measures that apply to it (0..1 by name; one absent does not apply)."""

    question: EvalQuestion
    prediction: Prediction
    values: Mapping[str, float] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The set's own type of the question; where it states none, the kind that the system took it for."""
        return self.question.type or self.prediction.kind or "-"

    @property
    def short(self) -> str:
        """What is compared with the gold answers: the short span, else the first cited quote, else nothing."""
        shown = self.prediction
        return shown.short or (shown.quotes[0].quote if shown.quotes else "")

    @property
    def goodness(self) -> float:
        """Mean of the measures of the answer itself, 1.0 = nothing to mend: orders the worst questions."""
        parts = [self.values[name] for name in ("recall", "facts", "evidence", "sentence", "f1") if name in self.values]
        parts += [1 - self.values["false"]] if "false" in self.values else []
        return metrics.mean(parts) if parts else 1.0


def score(questions: Sequence[EvalQuestion], predictions: Sequence[Prediction], path: Path) -> tuple[Scored, ...]:
    """Scores every prediction by the question of its id. Raises DataError where an id has no question."""
    by_id = {question.id: question for question in questions}
    for number, prediction in enumerate(predictions, 1):
        if prediction.id not in by_id:
            raise DataError(
                f"{path}, line {number}: no question {prediction.id!r}; run the evaluation again with this set",
                f"{path} 第 {number} 行：题集中没有 {prediction.id!r}，请用本题集重新运行评测",
            )
    return tuple(Scored(by_id[p.id], p, values(by_id[p.id], p)) for p in predictions)


def values(question: EvalQuestion, prediction: Prediction) -> dict[str, float]:
    """Every measure that applies. Gold that the question does not state gives no measure; a refused question that has
    an answer scores 0 on all of its answer's measures, so refusing never looks better than a wrong answer."""
    if not question.answerable:
        return {"recall": float(not prediction.found)}
    out = _retrieval(question, prediction)
    quotes = [folded(text) for text in joined(prediction.quotes)]
    if question.answers:
        gold = [items(question, answer) for answer in question.answers]
        said = Scored(question, prediction).short if prediction.found else ""
        out["em"] = cmrc.exact_match(said, ["；".join(parts) for parts in gold])
        out["f1"] = cmrc.f1(said, ["；".join(parts) for parts in gold])
        keys = [[folded(part) for part in parts] for parts in gold]
        if any(all(parts) for parts in keys):  # an answer of punctuation only cannot be looked for
            out["sentence"] = float(any(all(_in_any(quotes, key) for key in parts) for parts in keys))
    if question.facts:
        shown = [folded(plain(prediction.text)), folded(prediction.short), *quotes] if prediction.found else []
        out["facts"] = float(all(_in_any(shown, folded(fact)) for fact in question.facts))
    if question.evidence:
        out["evidence"] = float(all(any(folded(gold) in quote for quote in quotes) for gold in question.evidence))
    if question.source and prediction.found:
        out["place"] = float(any(_stands(question, quote) for quote in prediction.quotes))
    out["false"] = float(not prediction.found)
    return out


def _stands(question: EvalQuestion, quote: Quote) -> bool:
    """Whether a citation opens the gold file, on the gold page and row where the set states them."""
    page, row = question.page in {None, quote.page}, question.row in {None, quote.row}
    return quote.source == question.source and page and row


def items(question: EvalQuestion, answer: str) -> list[str]:
    """The items of a list answer, which question files join by `;` (a sign that CMRC 2018's rules would count). The
    answers of folders with relevant documents are spans of text, in which it is an ordinary character."""
    return [answer] if question.relevant else [part for part in answer.split(";") if part.strip()]


def _in_any(texts: Sequence[str], key: str) -> bool:
    return any(holds(text, key) for text in texts)


def joined(quotes: Sequence[Quote]) -> list[str]:
    """The quoted texts; citations that follow one another in their document (at most two characters of white space
    apart) become one text, so that evidence of two sentences may be cited as two."""
    texts: list[str] = []
    last: Quote | None = None
    for quote in sorted(quotes, key=lambda q: (q.source, q.start, q.end)):
        if last and quote.source == last.source and 0 <= quote.start - last.end <= 2:
            texts[-1] += " " * (quote.start - last.end) + quote.quote
        else:
            texts.append(quote.quote)
        last = quote
    return texts


def ranking(question: EvalQuestion, prediction: Prediction) -> list[set[str]]:
    """For each hit, best first, the relevant things it bears: its document where the set has relevant documents, else
    the gold quotes that stand in the passage."""
    if question.relevant:
        return [{hit.source} & set(question.relevant) for hit in prediction.hits]
    gold = {quote: folded(quote) for quote in question.evidence}
    return [{quote for quote, key in gold.items() if bears(folded(hit.text), key)} for hit in prediction.hits]


def _retrieval(question: EvalQuestion, prediction: Prediction) -> dict[str, float]:
    relevant = question.relevant or question.evidence
    if not relevant:
        return {}
    ranks = ranking(question, prediction)
    out = {f"R@{k}": metrics.recall_at(ranks, relevant, k) for k in (1, 5, 10)}
    return {**out, "RR@10": metrics.reciprocal_rank(ranks), "nDCG@10": metrics.ndcg(ranks, relevant)}


def summary(scored: Sequence[Scored]) -> dict[str, Any]:
    """The one-object summary: means by group, citation validity, latency, n. A key the set cannot give is left out."""
    out: dict[str, Any] = {}
    means = table(scored)
    for group, names in OBJECT_KEYS.items():
        held = {name: round(means[name], 4) for name in names if name in means}
        if held:
            out[group] = held
    valid, shown = citations(scored)
    if shown:
        out["citation"] = {"valid": round(valid / shown, 4)}
    times = latencies(scored)
    if times:
        out["latency"] = {f"p{p}_ms": round(metrics.percentile(times, p), 1) for p in (50, 95)}
    out["n"] = len(scored)
    return out


def column(scored: Sequence[Scored], name: str) -> list[float]:
    """The values of one measure over the questions that have it."""
    return [item.values[name] for item in scored if name in item.values]


def table(scored: Sequence[Scored]) -> dict[str, float]:
    """Mean of every measure over the questions that have it."""
    columns = {name: column(scored, name) for names in GROUPS.values() for name in names}
    return {name: metrics.mean(values) for name, values in columns.items() if values}


def citations(scored: Sequence[Scored]) -> tuple[int, int]:
    """(valid, shown) over every quote shown: citations and, on refusals, the nearest passages."""
    quotes = [quote for item in scored for quote in (*item.prediction.quotes, *item.prediction.nearest)]
    return sum(quote.valid for quote in quotes), len(quotes)


def latencies(scored: Sequence[Scored]) -> list[float]:
    """Milliseconds of each whole question; the first asked is a warm-up and left out."""
    return [item.prediction.ms for item in scored[1:]]


def lengths(scored: Sequence[Scored]) -> list[float]:
    """Characters of each answer as read, without citation marks; refusals left out."""
    return [float(len(plain(item.prediction.text))) for item in scored if item.prediction.found]


def worst(scored: Sequence[Scored], n: int = 20) -> tuple[Scored, ...]:
    """At most n questions with something to mend, worst first; among equals the surest of itself first."""
    wrong = [item for item in scored if item.goodness < 1]
    return tuple(sorted(wrong, key=lambda item: (item.goodness, -item.prediction.confidence, item.question.id))[:n])
