"""Fits the reader's weights: python -m eval.fit SET [SET …] --out FILE

Sets are as in `eval.trials`. Three things are fitted, all with an L2 penalty, with numpy, deterministic, in seconds once
the questions are read (which takes minutes, and is kept):

- the order of sentences by conditional logit over the candidates of one question (McFadden 1974);
- whether the first of them answers, by logistic regression on the features of `rag.reader.judge.ANSWER`, made a calibrated
  probability by Platt scaling;
- the two lines on that probability: withholding at most `--withheld` of the right answers, and calling sure only where at least
  `--right` of the answers are right; measured on questions that people asked.

Calibration and lines rest on predictions for folders that took no part in the weights behind them: each folder in turn is
left out (sets over one folder together), because a person's own folder is such a one. Every folder weighs the same. What is
printed is measured so too. `python -m eval.calibrate` shows the shipped weights on any set.

The shipped weights come from (DATA: a folder with the published sets; the test splits take no part)

    python -m eval.fit DATA/cmrc2018-trial \\
        eval/sets/article-dev.jsonl=seeds eval/sets/article-more.jsonl=seeds \\
        eval/sets/mixed-dev.jsonl=eval/sets/mixed/docs eval/sets/mixed-more.jsonl=eval/sets/mixed/docs \\
        eval/sets/office-dev.jsonl=eval/sets/office/docs eval/sets/journal-dev.jsonl=eval/sets/journal/docs \\
        eval/sets/bureau-dev.jsonl=eval/sets/bureau/docs --limit 100
    RAG_READER=rules python -m eval.fit (the same, without the last two folders) --out rag/reader/weights.json

While weights are being tried, `--keep DIR` reads each set once and never again, whatever the code has become; without it
what was read is used again only while reader and texts are the same. `--ablate` tells what each feature is worth.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np

from eval import reliability
from eval.reliability import Case, Floats
from eval.trials import Seen, corpus_of, look_at
from rag.reader.features import NAMES
from rag.reader.judge import ANSWER, Lines, answer_features
from rag.types import Finding

FIXED = {"furniture": -0.8}  # chosen, not fitted: the body of a page answers before its margins
FOLDS = 5
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3)
_UNDECIDED = 0.4  # weight of a question whose answer is there but not first: neither showing nor refusing is right


@dataclass(frozen=True, slots=True)
class Judged:
    """One question as answerability sees it: the features of the sentence that came first."""

    features: Mapping[str, float]
    right: bool  # that sentence answers
    answerable: bool  # the material answers
    corpus: str
    made: str


@dataclass(frozen=True, slots=True)
class Fold:
    """Questions to fit on and questions to measure on, ordered by weights that only the former shaped."""

    fit: Sequence[Judged]
    held: Sequence[Judged]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.fit", description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--out", type=Path, default=Path("rag/reader/weights_span.json"))
    parser.add_argument("--limit", type=int, default=100, help="questions taken from each published set")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="folder in which what was read is kept and taken from")
    parser.add_argument("--withheld", type=float, default=0.05, help="share of right answers refused at most")
    parser.add_argument("--right", type=float, default=0.9, help="share of right answers from which they are sure")
    parser.add_argument("--ablate", action="store_true", help="also measure without each feature")
    parser.add_argument("--dry", action="store_true", help="measure only, write nothing")
    arguments = parser.parse_args(argv)
    seen: dict[str, list[Seen]] = {}
    for name in arguments.sets:
        found = look_at(name, arguments.limit, arguments.seed, arguments.keep)
        seen.setdefault(corpus_of(name), []).extend(found)
    folders, groups = folds(seen, by_folder=True), folds(seen, by_folder=False)
    folders = folders or groups  # one folder only
    penalty = min(PENALTIES, key=lambda p: reliability.log_loss(held_out(folders, p)[0]))
    cases, slope, shift = held_out(folders, penalty)
    lines = reliability.lines(cases, arguments.withheld, arguments.right)
    order = fit_order([s for each in seen.values() for s in each])
    answer = calibrated(fit_answer(judged(seen, order), penalty), slope, shift)
    print(f"penalty {penalty}; slope {slope:.2f}, shift {shift:+.2f}\n")
    print("Questions of known folders, other questions of which were fitted on:")
    print(reliability.report(held_out(groups, penalty)[0], lines))
    print("Folders left out:")
    print(reliability.report(cases, lines))
    print(reliability.trade(cases))
    if arguments.ablate:
        print(ablation(folders, groups, penalty))
    if not arguments.dry:
        content = {"sentence": order, "answer": answer, "lines": rounded(lines)}
        arguments.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


# -- which comes first ----------------------------------------------------------------------------------------------


def fit_order(seen: Sequence[Seen], steps: int = 1500, rate: float = 0.05, penalty: float = 2e-3) -> dict[str, float]:
    """Weights under which right sentences come before wrong ones: maximises log P(right) with P the softmax over the
    candidates of a question."""
    groups = [s for s in seen if s.answerable and any(s.right) and not all(s.right)]
    sizes = [len(s.candidates) for s in groups]
    x = np.array([[c.features.get(name, 0.0) for name in NAMES] for s in groups for c in s.candidates])
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


def _adam(w: Floats, gradient: Floats, m: Floats, v: Floats, step: int, rate: float) -> tuple[Floats, Floats, Floats]:
    """One step of Adam (Kingma and Ba, ICLR 2015)."""
    m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
    return (w - rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8), m, v)


def ranked(seen: Seen, order: Mapping[str, float]) -> list[tuple[Finding, bool]]:
    """Candidates with whether they are right, in the order that the weights give."""
    scored = []
    for finding, right in zip(seen.candidates, seen.right, strict=True):
        score = sum(order.get(name, 0.0) * value for name, value in finding.features.items())
        scored.append((replace(finding, score=score), right))
    return sorted(scored, key=lambda pair: (-pair[0].score, pair[0].passage.doc_id, pair[0].start))


# -- whether it answers ---------------------------------------------------------------------------------------------


def judged(seen: Mapping[str, Iterable[Seen]], order: Mapping[str, float]) -> list[Judged]:
    out = []
    for corpus, each in seen.items():
        for one in each:
            first = ranked(one, order)
            features = answer_features(one.asked, [finding for finding, _ in first])
            out.append(Judged(features, first[0][1], one.answerable, corpus, one.made))
    return out


def fit_answer(rows: Sequence[Judged], penalty: float = 0.01, names: Sequence[str] = ANSWER) -> dict[str, float]:
    """Logistic regression of "the material answers" on the features of the best sentence. The penalty is on features
    scaled to a deviation of 1, so that it means the same for each; one that never varies gets no weight."""
    x = np.array([[row.features.get(name, 0.0) for name in names] for row in rows])
    y = np.array([row.answerable for row in rows], float)
    weight = reliability.weigh([row.corpus for row in rows], [row.answerable for row in rows])
    weight = weight * np.array([_UNDECIDED if row.answerable and not row.right else 1.0 for row in rows])
    mean, spread = x.mean(axis=0), x.std(axis=0)
    bias = names.index("bias")
    held = spread > 1e-9
    scaled = np.where(held, (x - mean) / np.where(held, spread, 1.0), 0.0)
    scaled[:, bias] = 1.0
    fitted = reliability.logistic(
        scaled, y, weight / weight.sum(), np.where(np.arange(len(names)) == bias, 1e-6, penalty)
    )
    raw = np.where(held, fitted / np.where(held, spread, 1.0), 0.0)
    raw[bias] = fitted[bias] - float((raw * mean)[held].sum())
    return dict(zip(names, map(float, raw), strict=True))


def calibrated(answer: Mapping[str, float], slope: float, shift: float) -> dict[str, float]:
    """The same weights with Platt's curve in them: what they give is the calibrated probability itself."""
    return {name: round(slope * value + shift * (name == "bias"), 4) for name, value in answer.items()}


def rounded(lines: Lines) -> dict[str, float | None]:
    """As they are written; a share that could not be measured stays None."""
    return {name: None if value is None else round(value, 4) for name, value in asdict(lines).items()}


# -- on what took no part -------------------------------------------------------------------------------------------


def folds(seen: Mapping[str, Sequence[Seen]], by_folder: bool) -> list[Fold]:
    """Each folder held out in turn, or each fifth of the groups of questions."""
    if by_folder:
        kept = [partial(_of_corpus, name) for name in seen] if len(seen) > 1 else []
    else:
        kept = [partial(_of_fold, fold) for fold in range(FOLDS)]
    out = []
    for held in kept:
        fit = {corpus: [s for s in each if not held(corpus, s)] for corpus, each in seen.items()}
        rest = {corpus: [s for s in each if held(corpus, s)] for corpus, each in seen.items()}
        order = fit_order([s for each in fit.values() for s in each])
        out.append(Fold(judged(fit, order), judged(rest, order)))
    return out


def _of_corpus(name: str, corpus: str, _: Seen) -> bool:
    return corpus == name


def _of_fold(fold: int, corpus: str, seen: Seen) -> bool:
    return crc32(f"{corpus}/{seen.group}".encode()) % FOLDS == fold


def held_out(parts: Sequence[Fold], penalty: float, names: Sequence[str] = ANSWER) -> tuple[list[Case], float, float]:
    """Every question as judged by weights that it took no part in, and the slope and shift that calibrate them."""
    logits: list[float] = []
    rows: list[Judged] = []
    for part in parts:
        answer = fit_answer(part.fit, penalty, names)
        logits += [sum(answer[name] * row.features.get(name, 0.0) for name in names) for row in part.held]
        rows += part.held
    weight = reliability.weigh([row.corpus for row in rows], [row.answerable for row in rows])
    slope, shift = reliability.platt(np.array(logits), np.array([float(row.right) for row in rows]), weight)
    chance = 1 / (1 + np.exp(-np.clip(slope * np.array(logits) + shift, -30, 30)))
    cases = [
        Case(float(p), row.right, row.answerable, float(w), row.corpus, row.made)
        for p, row, w in zip(chance, rows, weight, strict=True)
    ]
    return cases, slope, shift


def ablation(folders: Sequence[Fold], groups: Sequence[Fold], penalty: float) -> str:
    """What leaving out each feature does to log-loss and AUROC: one that helps neither is noise."""
    out = ["left out: log-loss and AUROC, folders left out | groups left out"]
    for name in ("", *ANSWER[1:]):
        names = [n for n in ANSWER if n != name]
        told = []
        for parts in (folders, groups):
            cases = held_out(parts, penalty, names)[0]
            told.append(f"{reliability.log_loss(cases):.4f} {reliability.auroc(cases):.4f}")
        out.append(f"  {name or '(nothing)':18s} {' | '.join(told)}")
    return "\n".join(out)


if __name__ == "__main__":
    raise SystemExit(main())
