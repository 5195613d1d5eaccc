"""Step two: questions, predictions and gold -> the measures of each question. No model, no documents: only the run's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eval import answers, citing, metrics, retrieval
from eval.match import folded, holds, plain
from eval.questions import EvalQuestion, cluster
from eval.records import FUSED, Gold, Place, Prediction, Quote
from rag.errors import DataError

DOC = "doc "
"""Prefix of the measures of whole documents."""
RETRIEVAL = ("R@1", "R@5", "R@10", "R@50", "RR@10", "nDCG@10", "AP", "Success@1", "Success@5", "Success@10")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "retrieval": (*RETRIEVAL, "chars@1", "chars@5", "chars@10"),
    "documents": tuple(DOC + name for name in RETRIEVAL),
    "answer": ("em", "f1", "anls", "facts", "items", "evidence", "sentence", "place"),
    "refusal": ("recall", "false"),
    "citation": ("cite recall", "cite precision", "cite evidence"),
}
"""Per-question measures by group, in the order shown. Higher is better except `false`."""
LOWER = frozenset({"false"})


@dataclass(frozen=True, slots=True)
class Scored:
    """A question, what was said, where its gold stands, and the measures that apply (0..1 by name; one absent does not
    apply)."""

    question: EvalQuestion
    prediction: Prediction
    gold: Gold | None = None
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

    @property
    def cluster(self) -> str:
        """Questions of one cluster hang together (one article, one fact): they are resampled as one."""
        return cluster(self.question)

    @property
    def right(self) -> bool:
        """Whether what is weighed highest, shown or refused, answers: what a confidence speaks of. An overview answers by
        all of its quotes together."""
        question = self.question
        if not question.answerable:
            return False
        told = next((self.values[name] for name in ("facts", "sentence", "evidence") if name in self.values), 0.0)
        if self.prediction.found and told == 1:
            return True
        said = folded(self.prediction.best_quote)
        parts = [part for answer in question.answers for part in items_of(question, answer)]
        keys = [key for key in map(folded, parts) if key]
        if keys:
            return any(holds(said, key) for key in keys)
        return bool(said) and any(said in folded(e) or folded(e) in said for e in question.evidence)


def score(
    questions: Sequence[EvalQuestion], predictions: Sequence[Prediction], golds: Mapping[str, Gold], path: Path
) -> tuple[Scored, ...]:
    """Scores every prediction by the question of its id. Raises DataError where an id has no question or comes twice, and
    where a question has no prediction: left out, it would raise every mean."""
    by_id = {question.id: question for question in questions}
    seen: set[str] = set()
    for number, prediction in enumerate(predictions, 1):
        if prediction.id not in by_id:
            raise DataError(
                f"{path}, line {number}: no question {prediction.id!r}; run the evaluation again with this set",
                f"{path} 第 {number} 行：题集中没有 {prediction.id!r}，请用本题集重新运行评测",
            )
        if prediction.id in seen:
            raise DataError(
                f"{path}, line {number}: {prediction.id!r} is answered twice; keep one of the lines",
                f"{path} 第 {number} 行：{prediction.id!r} 有两个回答；请只留一行",
            )
        seen.add(prediction.id)
    left = [question.id for question in questions if question.id not in seen]
    if left:
        raise DataError(
            f"{path}: {len(left)} questions have no prediction, first {left[0]!r}; run the evaluation again",
            f"{path}：有 {len(left)} 题没有回答，如 {left[0]!r}；请重新运行评测",
        )
    return tuple(Scored(by_id[p.id], p, golds.get(p.id), values(by_id[p.id], p, golds.get(p.id))) for p in predictions)


def values(question: EvalQuestion, prediction: Prediction, gold: Gold | None = None) -> dict[str, float]:
    """Every measure that applies. Gold that the question does not state gives no measure; a refused question that has
    an answer scores 0 on its answer's measures, so refusing never looks better than a wrong answer ("place" alone is of
    what was answered). A question that failed with an error has found nothing, and refused nothing rightly."""
    cited = citing.measures(prediction, gold) if prediction.found else {}
    proved = {f"cite {name}": value for name, value in cited.items()}
    if not question.answerable:
        return {"recall": float(not prediction.found and not prediction.error), **proved}
    language = gold.script if gold else ""
    out = {**ranked(ranking(prediction, FUSED), gold), **_answered(question, prediction, language), **proved}
    if question.source and prediction.found:
        out["place"] = float(any(_stands(question, quote) for quote in prediction.quotes))
    out["false"] = float(not prediction.found)
    return out


def ranking(prediction: Prediction, name: str) -> Sequence[Place] | None:
    """A ranking of a question by name; of one that failed an empty one, so that it counts. None: there is none."""
    return prediction.rankings.get(name, () if prediction.error else None)


def ranked(ranking: Sequence[Place] | None, gold: Gold | None) -> dict[str, float]:
    """The retrieval measures of one ranking, at passage and at document level."""
    if gold is None or ranking is None:
        return {}
    out: dict[str, float] = {}
    if gold.passages:  # a question that no passage can answer has no qrels, and no measure in trec_eval either
        out |= retrieval.evaluate([place.name for place in ranking], {place.name: 1 for place in gold.passages})
    if gold.items:
        out |= {f"chars@{k}": retrieval.chars_recall(ranking, gold.items, k) for k in (1, 5, 10)}
    if gold.documents:
        whole = retrieval.evaluate(retrieval.collapse([place.source for place in ranking]), gold.documents)
        out |= {DOC + name: value for name, value in whole.items()}
    return out


def _answered(question: EvalQuestion, prediction: Prediction, lang: str) -> dict[str, float]:
    out: dict[str, float] = {}
    quotes = [folded(text) for text in joined(prediction.quotes)]
    shown = [folded(plain(prediction.text)), folded(prediction.short), *quotes] if prediction.found else []
    if question.answers:
        parts = [items_of(question, answer) for answer in question.answers]
        wanted = gold_answers(question, lang)
        said = Scored(question, prediction).short if prediction.found else ""
        out["em"] = answers.exact_match(said, wanted, lang)
        out["f1"] = answers.f1(said, wanted, lang)
        out["anls"] = answers.anls(said, wanted)
        keys = [[folded(part) for part in items] for items in parts]
        if any(all(items) for items in keys):  # an answer of punctuation only cannot be looked for
            out["sentence"] = float(any(all(_in_any(quotes, key) for key in items) for items in keys))
        if any(len(items) > 1 for items in parts):
            out["items"] = max(answers.items_found(shown, items) for items in parts if len(items) > 1)
    if question.facts:
        out["facts"] = float(all(_in_any(shown, folded(fact)) for fact in question.facts))
    if question.evidence:
        out["evidence"] = float(all(any(folded(gold) in quote for quote in quotes) for gold in question.evidence))
    return out


def _stands(question: EvalQuestion, quote: Quote) -> bool:
    """Whether a citation opens the gold file, on the gold page and row where the set states them."""
    page, row = question.page in {None, quote.page}, question.row in {None, quote.row}
    return quote.source == question.source and page and row


def items_of(question: EvalQuestion, answer: str) -> list[str]:
    """The items of a list answer, which question files join by `;` (a sign that CMRC 2018's rules would count). The
    answers of sets with relevant documents or offsets are spans of text, in which it is an ordinary character."""
    return [answer] if question.relevant or question.spans else [part for part in answer.split(";") if part.strip()]


def gold_answers(question: EvalQuestion, lang: str = "") -> list[str]:
    """The gold answers as a short answer gives them, the items of a list joined by a sign that the rules of the language
    pass over: CMRC 2018's the full-width one, SQuAD's those of ASCII."""
    between = "；" if answers.is_chinese(question.answers, lang) else "; "
    return [between.join(items_of(question, answer)) for answer in question.answers]


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


def column(scored: Sequence[Scored], name: str) -> list[float]:
    """The values of one measure over the questions that have it."""
    return [item.values[name] for item in scored if name in item.values]


def table(scored: Sequence[Scored]) -> dict[str, float]:
    """Mean of every measure over the questions that have it."""
    columns = {name: column(scored, name) for names in GROUPS.values() for name in names}
    return {name: metrics.mean(held) for name, held in columns.items() if held}


def citations(scored: Sequence[Scored]) -> tuple[int, int]:
    """(valid, shown) over every quote shown: citations and, on refusals, the nearest passages."""
    quotes = [quote for item in scored for quote in (*item.prediction.quotes, *item.prediction.nearest)]
    return sum(quote.valid for quote in quotes), len(quotes)


def lengths(scored: Sequence[Scored]) -> list[float]:
    """Characters of each answer as read, without citation marks; refusals left out."""
    return [float(len(plain(item.prediction.text))) for item in scored if item.prediction.found]


def worst(scored: Sequence[Scored], n: int = 20) -> tuple[Scored, ...]:
    """At most n questions with something to mend, worst first; among equals the surest of itself first."""
    wrong = [item for item in scored if item.goodness < 1]
    return tuple(sorted(wrong, key=lambda item: (item.goodness, -item.prediction.confidence, item.question.id))[:n])
