"""How good a span model is on questions it was not trained on: gold windows, and four kinds of windows without answer."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from rag.reader.decode import LONGEST, characters, likely_spans
from rag.reader.expected import central_span
from rag.reader.network import WORDS, Sizes, forward
from rag.reader.window import QUERY, prefix
from rag.training.data import Asked, Example, Maker, Material, holds, window_of
from rag.training.model import Encoded, collate, encode

_SEGMENT = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Case:
    """A question on its own window and on windows that do not answer, by kind."""

    asked: Asked
    own: Example
    others: tuple[Example, ...]


Score = Callable[[Sequence[Example]], list[tuple[float, str]]]
"""(margin of the best span over null, its text) for each window."""


def cases(material: Material, count: int, seed: int = 7, near: int = 2) -> list[Case]:
    """`count` cases drawn by the seed; windows of about 300 characters, as the product's."""
    rng = random.Random(seed)
    maker = Maker(material, seed)
    questions = list(material.questions)
    rng.shuffle(questions)
    found: list[Case] = []
    for question in questions:
        if len(found) == count:
            break
        article = material.articles[question.article]
        own = window_of(question, maker.windows(article.id, 300))
        if own is None:
            continue
        passage, start, end = own
        others = [
            Example(question.text, p.title, p.text, kind="near")
            for p in maker.near(question, article)
            if not holds(p.text, question.answers)
        ][:near]
        for kind in ("swap", "attribute"):
            made = maker.make(kind, question, rng)
            if made is not None:
                others.append(made)
        found.append(Case(question, Example(question.text, article.title, passage.text, start, end), tuple(others)))
    return found


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Probability that a positive scores above a negative, ties half (Mann and Whitney 1947)."""
    if not positive or not negative:
        return float("nan")
    marked = sorted([(value, 1) for value in positive] + [(value, 0) for value in negative])
    rank_sum, i = 0.0, 0
    while i < len(marked):
        j = i
        while j < len(marked) and marked[j][0] == marked[i][0]:
            j += 1
        rank_sum += sum(label for _, label in marked[i:j]) * (i + j + 1) / 2
        i = j
    many = len(positive)
    return (rank_sum - many * (many + 1) / 2) / (many * len(negative))


def segments(text: str) -> list[str]:
    """Han characters one by one and other words, lower-cased, without punctuation."""
    return _SEGMENT.findall(text.lower())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    return float(any(segments(prediction) == segments(answer) for answer in answers))


def f1(prediction: str, answers: Sequence[str]) -> float:
    """Best over the answers of 2PR/(P+R) of the longest common run of segments: CMRC 2018's rule, but for the tokenizer
    of its English words (the official figures are `eval`'s)."""
    ours, best = segments(prediction), 0.0
    for answer in answers:
        theirs = segments(answer)
        match = SequenceMatcher(None, ours, theirs, autojunk=False).find_longest_match()
        if match.size:
            best = max(best, 2 * match.size / (len(ours) + len(theirs)))
    return best


def measure(found: Sequence[Case], score: Score) -> dict[str, float]:
    """EM and F1 (per cent) of the best span in the own window; AUROC of the margin against each kind, and how much of it
    is refused at a margin of 0."""
    own = score([case.own for case in found])
    row = {
        "em": 100
        * sum(exact_match(text, c.asked.answers) for (_, text), c in zip(own, found, strict=True))
        / len(found),
        "f1": 100 * sum(f1(text, c.asked.answers) for (_, text), c in zip(own, found, strict=True)) / len(found),
        "answered": 100 * sum(margin > 0 for margin, _ in own) / len(found),
    }
    others = [example for case in found for example in case.others]
    margins = [margin for margin, _ in score(others)] if others else []
    positive = [margin for margin, _ in own]
    row["auroc"] = auroc(positive, margins)
    for kind in dict.fromkeys(example.kind for example in others):
        chosen = [m for m, e in zip(margins, others, strict=True) if e.kind == kind]
        row[f"auroc_{kind}"] = auroc(positive, chosen)
        row[f"refused_{kind}"] = 100 * sum(m < 0 for m in chosen) / len(chosen)
    return {name: round(value, 4) for name, value in row.items()}


def read_window(starts: Sequence[float], ends: Sequence[float], offsets: Sequence[tuple[int, int]], text: str, null: float) -> tuple[float, str]:  # fmt: skip
    """(margin, text) of a window: the best span's margin and the text of the one with the highest expected F1; arrays hold the text's own tokens."""
    import numpy as np

    chosen = central_span(np.asarray(starts), np.asarray(ends), LONGEST)
    if chosen is None:
        return -100.0, ""
    a, b = characters(text, offsets, chosen[0], chosen[1])
    return float(likely_spans(np.asarray(starts), np.asarray(ends), LONGEST, 1)[0, 2]) - null, text[a:b]


def scorer(weights: dict[str, Any], sizes: Sizes, tokenizer: Any, half: bool = True) -> Score:
    """Margins and spans of windows by given weights."""

    def score(examples: Sequence[Any]) -> list[tuple[float, str]]:
        import torch

        rows = [row or Encoded((sizes.bos, sizes.eos), 0, 0) for row in encode(tokenizer, sizes, examples)]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
        found: list[tuple[float, str]] = [(-100.0, "")] * len(rows)
        for at in range(0, len(order), 16):
            chosen = order[at : at + 16]
            ids, mask, _, _ = collate([rows[i] for i in chosen], sizes.pad)
            device = weights[WORDS].device
            with torch.no_grad():
                logits = forward(weights, sizes, ids.to(device), mask.to(device), half).cpu().numpy()
            for row, i in zip(logits, chosen, strict=True):
                example = examples[i]
                base = len(prefix(example.head))
                lead = 2 + min(64, len(tokenizer.encode(QUERY + example.question, add_special_tokens=False).ids))
                offsets = tokenizer.encode(prefix(example.head) + example.text, add_special_tokens=False).offsets
                keep = [j for j, (_, b) in enumerate(offsets) if b > base and lead + j < len(rows[i].ids) - 1]
                places = [lead + j for j in keep]
                moved = [(offsets[j][0] - base, offsets[j][1] - base) for j in keep]
                found[i] = read_window(
                    row[places, 0], row[places, 1], moved, example.text, float(row[0, 0] + row[0, 1])
                )
        return found

    return score
