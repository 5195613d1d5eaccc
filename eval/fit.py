"""Fits the reader's weights: python -m eval.fit SET [SET …] --out FILE

A SET is a folder like those that `python -m eval` takes, `QUESTIONS.jsonl=FOLDER`, or `A@B`: the questions of A asked
of the texts of B, its translation. Two models, as in `rag.reader.rules`:
the order of sentences by conditional logit over the candidates of one question (McFadden 1974), answerability by
logistic regression, both with an L2 penalty, fitted by plain gradient descent with numpy: deterministic, seconds.

The shipped weights come from (DATA: a folder with the published sets; the test splits take no part)

    python -m eval.fit DATA/cmrc2018-trial eval/sets/article-dev.jsonl=seeds \\
        eval/sets/mixed-dev.jsonl=eval/sets/mixed/docs --limit 120
    RAG_READER=rules python -m eval.fit DATA/cmrc2018-trial DATA/xquad-en@DATA/xquad-zh \\
        eval/sets/article-dev.jsonl=seeds eval/sets/mixed-dev.jsonl=eval/sets/mixed/docs --limit 70 \\
        --out rag/reader/weights.json

Questions without an answer are made from those with one, and are half the lesson: the answering document taken out of
the search; a number, year or place swapped for another of its kind; the subject of one question put into another.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.assistant import Assistant
from rag.reader.features import NAMES, Asked, prepare
from rag.reader.judge import answer_features
from rag.reader.rules import RuleReader
from rag.text import dates, fold, numbers, places
from rag.types import Finding
from rag.understand import subject_of, understand

Floats = NDArray[np.float64]
FIXED = {"furniture": -0.8}  # chosen, not fitted: the body of a page answers before its margins
PRIOR = 0.6  # share of questions that the material answers, as people ask them
_PLACES = ("上海", "广州", "西安", "法国", "日本", "武汉", "巴西", "Paris", "London", "Canada")


@dataclass(frozen=True, slots=True)
class Row:
    question: str
    history: tuple[str, ...]
    answers: tuple[str, ...]  # folded; any of them in a sentence makes it right
    evidence: tuple[str, ...]
    answerable: bool
    gold: str = ""  # id of the answering document, "" where any will do


@dataclass(frozen=True, slots=True)
class Seen:
    """One question as the reader saw it: its candidates, which of them are right, whether the material answers."""

    candidates: Sequence[Finding]
    right: Sequence[bool]
    answerable: bool
    asked: Asked


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.fit", description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--out", type=Path, default=Path("rag/reader/weights_span.json"))
    parser.add_argument("--limit", type=int, default=400, help="questions taken from each folder")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args(argv)
    chance = random.Random(arguments.seed)
    sets = [list(_look_at(name, arguments.limit, chance)) for name in arguments.sets]
    order = fit_order([seen for each in sets for seen in each])
    judged = [_judged(seen, order) for each in sets for seen in each if seen.candidates]
    answer = fit_answer(judged)
    arguments.out.write_text(json.dumps({"sentence": order, "answer": answer}, indent=1) + "\n", encoding="utf-8")
    for name, each in zip(arguments.sets, sets, strict=True):
        _report(name, each, order, answer)
    return 0


def fit_order(seen: Sequence[Seen], steps: int = 1500, rate: float = 0.05, penalty: float = 2e-3) -> dict[str, float]:
    """Weights under which right sentences come before wrong ones: maximises log P(right) with P the softmax over the
    candidates of a question."""
    groups = [s for s in seen if s.answerable and any(s.right) and not all(s.right)]
    sizes = [len(s.candidates) for s in groups]
    x = np.array([_row(c.features) for s in groups for c in s.candidates])
    y = np.array([r for s in groups for r in s.right], float)
    starts = np.cumsum([0, *sizes[:-1]])
    member = np.repeat(np.arange(len(groups)), sizes)
    offset = np.array([FIXED.get(name, 0.0) for name in NAMES])
    x, told = x * (offset == 0), x @ offset
    w = np.zeros(len(NAMES))
    m, v = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, steps + 1):
        score = x @ w + told
        score = score - np.maximum.reduceat(score, starts)[member]
        e = np.exp(score)
        p = e / np.add.reduceat(e, starts)[member]
        q = e * y
        q = q / np.maximum(np.add.reduceat(q, starts)[member], 1e-12)
        gradient = x.T @ (p - q) / len(groups) + penalty * w
        w, m, v = _adam(w, gradient, m, v, step, rate)
    return {name: round(float(value), 4) for name, value in zip(NAMES, w + offset, strict=True)}


def fit_answer(
    rows: Sequence[tuple[dict[str, float], bool, float]], steps: int = 3000, rate: float = 0.05, penalty: float = 2e-3
) -> dict[str, float]:
    """Logistic regression of "the material answers" on the features of the best sentence, under PRIOR."""
    names = sorted({name for features, _, _ in rows for name in features} - set(FIXED))
    x = np.array([[features.get(name, 0.0) for name in names] for features, _, _ in rows])
    y = np.array([answerable for _, answerable, _ in rows], float)
    sample = np.array([weight for _, _, weight in rows])
    balance = np.where(y > 0, PRIOR / (sample * y).sum(), (1 - PRIOR) / (sample * (1 - y)).sum()) * sample
    w = np.zeros(len(names))
    m, v = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, steps + 1):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        gradient = x.T @ ((p - y) * balance) + penalty * w
        w, m, v = _adam(w, gradient, m, v, step, rate)
    return {name: round(float(value), 4) for name, value in zip(names, w, strict=True)}


def _adam(w: Floats, gradient: Floats, m: Floats, v: Floats, step: int, rate: float) -> tuple[Floats, Floats, Floats]:
    """One step of Adam (Kingma and Ba, ICLR 2015)."""
    m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
    return w - rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8), m, v


def _row(features: Mapping[str, float]) -> list[float]:
    return [features.get(name, 0.0) for name in NAMES]


def _judged(seen: Seen, order: Mapping[str, float]) -> tuple[dict[str, float], bool, float]:
    """Answer features under the fitted order. Where the wrong sentence comes first the question counts less: neither
    answer nor refusal would be right."""
    ranked = _ranked(seen, order)
    features = answer_features(seen.asked, [finding for finding, _ in ranked])
    return features, seen.answerable, 0.4 if seen.answerable and not ranked[0][1] else 1.0


def _ranked(seen: Seen, order: Mapping[str, float]) -> list[tuple[Finding, bool]]:
    scored = []
    for finding, right in zip(seen.candidates, seen.right, strict=True):
        score = sum(order.get(name, 0.0) * value for name, value in finding.features.items())
        scored.append((Finding(finding.passage, finding.start, finding.end, score, (), finding.features), right))
    return sorted(scored, key=lambda pair: (-pair[0].score, pair[0].passage.doc_id, pair[0].start))


def _look_at(name: str, limit: int, chance: random.Random) -> Iterator[Seen]:
    questions, _, folder = name.partition("=")
    rows, kb = _open(questions, folder)
    with kb:
        reader = kb._reader
        assert isinstance(reader, RuleReader)
        everything = [d.id for d in kb.documents()]
        source = {d.id: d.source for d in kb.documents()}
        taken = rows if folder else chance.sample(rows, min(limit, len(rows)))
        for at, row in enumerate(taken):
            print(f"\r{name}: {at + 1}/{len(taken)}", end="", file=sys.stderr)
            yield _see(kb, reader, row, row.question, row.answerable, None)
            if folder or not row.answerable:
                continue
            rest = [d for d in everything if source[d] != row.gold]
            yield _see(kb, reader, row, row.question, False, rest)
            for other in _near_misses(row, taken[(at + 1) % len(taken)], chance):
                yield _see(kb, reader, row, other, False, None)
        print(file=sys.stderr)


def _near_misses(row: Row, other: Row, chance: random.Random) -> Iterator[str]:
    question = row.question
    for number in numbers(question)[:1]:
        digits = re.search(r"\d+", question[number.start : number.end])
        if digits:
            at = number.start + digits.start()
            swapped = str(max(1, int(digits.group()) + chance.choice([-2, -1, 1, 3])))
            yield question[:at] + swapped + question[at + len(digits.group()) :]
    for date in dates(question)[:1]:
        year = re.search(r"\d{4}", question[date.start : date.end])
        if year:
            at = date.start + year.start()
            yield question[:at] + str(int(year.group()) + chance.choice([-3, -1, 1, 2])) + question[at + 4 :]
    for place in places(question)[:1]:
        fitting = [p for p in _PLACES if p.isascii() == place.isascii() and fold(p) != fold(place)]
        yield question.replace(place, chance.choice(fitting), 1)
    mine, theirs = subject_of(question), subject_of(other.question)
    if 2 <= len(mine) <= 20 and theirs and theirs in other.question and not set(row.answers) & set(other.answers):
        yield other.question.replace(theirs, mine, 1)


def _see(
    kb: Assistant, reader: RuleReader, row: Row, question: str, answerable: bool, doc_ids: Sequence[str] | None
) -> Seen:
    understood = understand(question, row.history)
    candidates = reader.weigh(understood, kb._hits(understood, doc_ids))
    right = [answerable and _right(row, f, kb) for f in candidates]
    return Seen(candidates, right, answerable, prepare(understood))


def _right(row: Row, finding: Finding, kb: Assistant) -> bool:
    text = fold(finding.quote)
    if row.evidence:
        return any(fold(e) in text or (len(text) > 8 and text in fold(e)) for e in row.evidence)
    return any(a in text for a in row.answers) and (
        not row.gold or kb.document(finding.passage.doc_id).source == row.gold
    )


def _open(questions: str, folder: str) -> tuple[list[Row], Assistant]:
    questions, _, elsewhere = questions.partition("@")
    path = Path(questions)
    if folder:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        rows = [
            Row(
                r["question"],
                tuple(r.get("history", ())),
                tuple(map(fold, r["answers"])),
                tuple(r["evidence"]),
                r["answerable"],
            )
            for r in lines
            if r["type"] not in {"metadata", "overview"}
        ]
        return rows, Assistant.open(folder)
    lines = [json.loads(line) for line in (path / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
    corpus = [
        json.loads(line) for line in (Path(elsewhere or path) / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    if path.name.startswith("xquad"):  # articles from 24 on are kept for reports
        lines = [r for r in lines if int(r["context_id"].split("-")[0]) < 24]
        corpus = [r for r in corpus if int(r["_id"].split("-")[0]) < 24]
    if elsewhere:  # the same questions in two languages: the answers are those of the other set, by question id
        other = map(json.loads, (Path(elsewhere) / "queries.jsonl").read_text(encoding="utf-8").splitlines())
        answers = {r["_id"]: r["answers"] for r in other}
        lines = [{**r, "answers": answers[r["_id"]]} for r in lines]
    rows = [
        Row(r["text"], (), tuple(map(fold, r["answers"])), (), True, r["context_id"]) for r in lines if r["answerable"]
    ]
    directory = Path(tempfile.gettempdir()) / f"judian-fit-{Path(elsewhere or path).name}"
    return rows, Assistant.from_texts([(r["_id"], r["title"], r["text"]) for r in corpus], index_dir=directory)


def _report(name: str, seen: Sequence[Seen], order: Mapping[str, float], answer: Mapping[str, float]) -> None:
    """Share of questions whose first sentence is right, and refusals at 0.5, to stderr."""
    first = [_ranked(s, order)[0][1] for s in seen if s.answerable and s.candidates]
    judged = [(_judged(s, order), s.answerable) for s in seen if s.candidates]
    chance = [(1 / (1 + np.exp(-sum(answer.get(k, 0.0) * v for k, v in j[0].items()))), a) for j, a in judged]
    refused = [p < 0.5 for p, a in chance if not a]
    wrongly = [p < 0.5 for p, a in chance if a]
    print(
        f"{name}: right sentence first {np.mean(first):.3f} of {len(first)}; refused {np.mean(refused or [0]):.3f} of"
        f" {len(refused)}; wrongly {np.mean(wrongly):.3f} of {len(wrongly)}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    raise SystemExit(main())
