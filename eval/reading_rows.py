"""The rows of the reading table on answers: spans in the gold passage, the whole product, across languages.

Chinese answers are compared by the rules of CMRC 2018 (`eval.cmrc`), the English ones of XQuAD by SQuAD's
(`eval.reading_squad`). Whether a quote holds an answer is `eval.score`'s rule: folded, whole words and numbers only, quotes
that follow one another read as one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from eval import cmrc, reading_squad, score
from eval.questions import EvalQuestion
from eval.reading_bench import Bench, Figure, SpanReader, per_cent, share
from eval.reading_data import Posed, TextSet, is_kept
from eval.records import Prediction, Quote
from rag.training.data import windows
from rag.types import Answer, Passage

CHARS = 300  # aimed size of windows, the product's
Measure = Callable[[Bench, str], list[Figure]]
"""Takes the bench and the row's name."""
LANGUAGE = {"xquad-en": "English", "xquad-zh": "Chinese"}


def gold(name: str, em: float | None, f1: float | None, keep: Callable[[str], bool] = lambda context: True) -> Measure:
    """The span model on all windows of the context that holds the answer; the span of the largest margin counts, as it
    is (no rule cuts it)."""
    rule = reading_squad if name == "xquad-en" else cmrc
    label = "SQuAD" if name == "xquad-en" else "CMRC"

    def measure(bench: Bench, row: str) -> list[Figure]:
        texts = bench.source.read(name, keep)
        asked = bench.sample(texts.questions)
        places = read_contexts(bench, row, bench.tools.open_reader(""), texts, asked)
        told = [texts.articles[q.context].text[a:b] for q, (a, b) in zip(asked, places, strict=True)]
        exact = [rule.exact_match(t, q.answers) for t, q in zip(told, asked, strict=True)]
        partly = [rule.f1(t, q.answers) for t, q in zip(told, asked, strict=True)]
        touched = [float(overlaps(q, place)) for q, place in zip(asked, places, strict=True)]
        return [
            per_cent(row, f"EM ({label})", exact, em, seed=bench.seed),
            per_cent(row, f"F1 ({label})", partly, f1, seed=bench.seed),
            per_cent(row, "overlaps the gold place", touched, seed=bench.seed),
        ]

    return measure


def read_contexts(
    bench: Bench, stage: str, reader: SpanReader, texts: TextSet, asked: Sequence[Posed]
) -> list[tuple[int, int]]:
    """For each question the best span's place in its context's text; an empty one where the reader sees nothing."""
    cut: dict[str, list[Passage]] = {}
    places = []
    for done, question in enumerate(asked, 1):
        if question.context not in cut:
            cut[question.context] = windows(texts.articles[question.context], CHARS)
        places.append(best_span(reader, question.text, cut[question.context]))
        bench.meter.show(stage, done, len(asked))
    return places


def best_span(reader: SpanReader, question: str, cut: Sequence[Passage]) -> tuple[int, int]:
    """The span of the window with the largest margin (the first of equals), in characters of the text that was cut."""
    if not cut:
        return 0, 0
    read = reader.read(question, [(passage.head, passage.text) for passage in cut])
    passage, window = max(zip(cut, read, strict=True), key=lambda pair: pair[1].margin)
    start, end = window.spans[0][:2] if window.spans else (0, 0)
    return passage.start + start, passage.start + end


def overlaps(question: Posed, place: tuple[int, int]) -> bool:
    gold_places = [(start, start + len(a)) for a, start in zip(question.answers, question.starts, strict=False)]
    return any(max(place[0], start) < min(place[1], end) for start, end in gold_places)


def open_book(name: str, sentence: float, f1: float) -> Measure:
    """The product over all contexts of a set."""

    def measure(bench: Bench, row: str) -> list[Figure]:
        texts = bench.source.read(name)
        asked = bench.sample(texts.questions)
        answers = ask_all(bench, row, texts, asked)
        judged = [judge(q, a) for q, a in zip(asked, answers, strict=True)]
        short = [cmrc.f1(a.short, q.answers) if a.found else 0.0 for q, a in zip(asked, answers, strict=True)]
        seed = bench.seed
        return [
            share(row, "a cited sentence holds the answer", held(judged), sentence, seed=seed),
            share(row, "F1 of the short answer; none or refused: 0", short, f1, seed=seed),
            share(
                row,
                "F1 as `python -m eval` has it: no short answer, the sentence",
                [j["f1"] for j in judged],
                seed=seed,
            ),
            share(row, "wrongly refused", [j["false"] for j in judged], seed=seed),
        ]

    return measure


def across(asking: str, told: str, sentence: float) -> Measure:
    """The questions of one language asked of the other's contexts: same ids, the other's answers."""

    def measure(bench: Bench, row: str) -> list[Figure]:
        texts = bench.source.read(told)
        theirs = {posed.id: posed for posed in texts.questions}
        asked = [
            replace(theirs[posed.id], text=posed.text)
            for posed in bench.source.read(asking).questions
            if posed.id in theirs
        ]
        parts = {"articles 0–23, seen in training": asked}
        if bench.source.final:
            kept = [posed for posed in asked if is_kept(posed.context)]
            parts = {"articles 24–47": kept, "all articles, half of them seen in training": asked}
        figures = []
        for part, questions in parts.items():
            chosen = bench.sample(questions)
            answers = ask_all(bench, row, texts, chosen)
            judged = [judge(q, a) for q, a in zip(chosen, answers, strict=True)]
            of = f"{LANGUAGE[asking]} asked of {LANGUAGE[told]}, {part}"
            figures += [
                share(row, f"{of}: a cited sentence holds the answer", held(judged), sentence, seed=bench.seed),
                share(row, f"{of}: wrongly refused", [j["false"] for j in judged], seed=bench.seed),
            ]
        return figures

    return measure


def ask_all(bench: Bench, stage: str, texts: TextSet, asked: Sequence[Posed]) -> list[Answer]:
    answers = []
    for done, question in enumerate(asked, 1):
        answers.append(bench.answer(texts, question.text))
        bench.meter.show(stage, done, len(asked))
    return answers


def judge(question: Posed, answer: Answer) -> dict[str, float]:
    """The measures of `python -m eval` for one answer: "sentence" (absent where the answer is only punctuation), "f1",
    "false" …"""
    quotes = tuple(Quote(c.source, c.start, c.end, c.quote, True) for c in answer.citations)
    said = Prediction(question.id, answer.found, answer.text, answer.short, quotes)
    return score.values(
        EvalQuestion(question.id, question.text, question.answers, relevant={question.context: 1}), said
    )


def held(judged: Sequence[dict[str, float]]) -> list[float]:
    return [values["sentence"] for values in judged if "sentence" in values]
