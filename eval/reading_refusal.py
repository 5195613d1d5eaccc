"""The rows of the reading table on questions without an answer: are they told from those with one?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from eval.reading_bench import Bench, Figure, SpanReader, of_rows, share
from eval.reading_rows import Measure
from rag.training.data import Example, read_folder
from rag.training.monitor import auroc, cases

WRONGLY = 0.05  # share of answerable questions that may be refused


def unanswered_windows(name: str, near: float, swap: float) -> Measure:
    """The margin of a question's own window against that of windows that do not answer: near windows of other articles,
    and its own window under a question with one decisive thing swapped (as `rag.training.monitor` draws them)."""

    def measure(bench: Bench, row: str) -> list[Figure]:
        reader = bench.tools.open_reader("")
        drawn = cases(read_folder(bench.source.root / name), bench.limit, bench.seed)
        found: dict[str, list[tuple[float, list[float]]]] = {"near": [], "swap": []}
        for done, case in enumerate(drawn, 1):
            other = {kind: [example for example in case.others if example.kind == kind] for kind in found}
            own, *far = margins(reader, [case.own, *other["near"]])
            found["near"].append((own, far))
            found["swap"].append((own, margins(reader, other["swap"])))
            bench.meter.show(row, done, len(drawn))

        def separation(rows: Sequence[tuple[float, list[float]]]) -> float:
            return auroc([own for own, _ in rows], [margin for _, others in rows for margin in others])

        count = {kind: sum(len(others) for _, others in rows) for kind, rows in found.items()}
        told = f"AUROC of the margin, own window against {count['near']} near windows of other articles"
        swapped = f"AUROC of the margin, own window against {count['swap']} swapped questions"
        return [
            of_rows(row, told, found["near"], separation, near, seed=bench.seed),
            of_rows(row, swapped, found["swap"], separation, swap, seed=bench.seed),
        ]

    return measure


def margins(reader: SpanReader, examples: Sequence[Example]) -> list[float]:
    """Margins of windows; those that follow one another with the same question are read at once."""
    found: list[float] = []
    while len(found) < len(examples):
        question = examples[len(found)].question
        run = []
        for example in examples[len(found) :]:
            if example.question != question:
                break
            run.append((example.head, example.text))
        found += [window.margin for window in reader.read(question, run)]
    return found


@dataclass(frozen=True, slots=True)
class Pair:
    """What the product says of a question with the answering article and without it."""

    present: float  # confidence
    absent: float  # confidence
    refused: bool  # without


def taken_out(name: str, separated: float, refused: float) -> Measure:
    """The article that answers (every context of its title) taken out of what may be searched."""

    def measure(bench: Bench, row: str) -> list[Figure]:
        texts = bench.source.read(name)
        asked = bench.sample(texts.questions)
        system = bench.system(texts)
        ids = {document.source: document.id for document in system.documents()}
        pairs, wrongly = [], []
        for done, question in enumerate(asked, 1):
            group = texts.articles[question.context].group
            rest = [ids[context] for context, article in texts.articles.items() if article.group != group]
            present, absent = bench.answer(texts, question.text), system.ask(question.text, doc_ids=rest)
            pairs.append(Pair(present.confidence, absent.confidence, not absent.found))
            wrongly.append(float(not present.found))
            bench.meter.show(row, done, len(asked))
        line, seed = threshold([p.present for p in pairs]), bench.seed
        told = f"refused without the article, at {line:.3f}, which refuses ≤ 5 % of the answerable"
        return [
            of_rows(
                row,
                "AUROC of the confidence, with the answering article against without",
                pairs,
                parted,
                separated,
                seed=seed,
            ),
            of_rows(row, told, pairs, refused_at_cost, refused, seed=seed),
            share(
                row, "refused without the article, at the product's own threshold", [float(p.refused) for p in pairs]
            ),
            share(row, "wrongly refused, at the product's own threshold", wrongly),
        ]

    return measure


def parted(pairs: Sequence[Pair]) -> float:
    return auroc([p.present for p in pairs], [p.absent for p in pairs])


def threshold(confidences: Sequence[float], cost: float = WRONGLY) -> float:
    """The highest of the confidences with at most the share `cost` of them below it; NaN of none."""
    return sorted(confidences)[math.floor(cost * len(confidences))] if confidences else math.nan


def refused_at_cost(pairs: Sequence[Pair]) -> float:
    """The threshold is chosen anew on every resample, so that the interval holds its chance too."""
    line = threshold([p.present for p in pairs])
    return sum(p.absent < line for p in pairs) / len(pairs)
