"""From weighed sentences to an answer or a refusal: does the best one answer, and which few are shown."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files

from rag.reader import features as see
from rag.reader.spans import phrases, short_answers
from rag.text import is_han, tokens
from rag.text.background import rarity
from rag.types import Finding, Hit, Span

_ITEM = re.compile(r"(?:[-*+•·]|\d{1,2}[.、)）]|[（(]?[一二三四五六七八九十]{1,2}[、)）])\s*\S")
_EDGES = " \t\n,，.。;；:：、!！?？"
_PAIRS = (("“", "”"), ("《", "》"), ("「", "」"), ("『", "』"), ("（", "）"), ("(", ")"))
_MOST_ITEMS = 8
_LOOSE = re.compile(
    r"^[里上中下要个把能会就在有是那这几从对后前]+|[里上中下要个把能会就在有是的了吗呢]+$"
)  # what clings to a word
_LONGEST_WORD = 12
_LONGEST_SHORT = 30  # characters up to which a span is short whatever its sentence
_RARE = 5.0  # see rag.text.background.rarity
_CLOSE = 0.7  # difference of scores under which the next sentence is nearly as good
_TYPED = frozenset({"who", "when", "where", "how_many"})  # kinds whose answer can be seen in a sentence
_SEVERAL = {"list": 3, "why": 2, "how": 2, "definition": 2, "overview": 4}


@cache
def weights(name: str = "weights.json") -> dict[str, dict[str, float]]:
    """Fitted weights by model and feature: "sentence" orders candidates, "answer" judges the best of them."""
    loaded: dict[str, dict[str, float]] = json.loads(files("rag.reader").joinpath(name).read_text(encoding="utf-8"))
    return loaded


def judge(asked: see.Asked, candidates: Sequence[Finding], weigh: Mapping[str, float]) -> tuple[float, str]:
    """Probability that the best candidate answers, and what speaks against it most."""
    best = candidates[0]
    seen = answer_features(asked, candidates)
    total = sum(weigh.get(name, 0.0) * value for name, value in seen.items())
    probability = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))
    if best.features["anchor_missing"]:
        return min(probability, 0.2), "wrong_anchor"
    measure = best.features["unit_missing"] and see.measured(asked.question)
    dated = best.features["type_missing"] and asked.question.kind == "when"
    if measure or dated:
        return min(probability, 0.3), "wrong_kind"
    if best.features["worst"] > 0.6:
        return probability, "missing_terms"
    return probability, "weak"


def answer_features(asked: see.Asked, candidates: Sequence[Finding]) -> dict[str, float]:
    """What answerability is judged by: the best sentence's features, its lead, and the kind of question."""
    best = candidates[0]
    second = next((c.score for c in candidates[1:] if c.passage.id != best.passage.id), best.score - 3.0)
    seen = dict(best.features)
    seen["bias"] = 1.0
    seen["score"] = best.score
    seen["lead"] = min(best.score - second, 4.0)
    seen["terms"] = min(len(asked.weights), 12) / 12
    seen["typed_missing"] = seen["type_missing"] * (asked.question.kind in _TYPED)
    seen["dense_known"] = max(seen["dense"], 0.0)
    seen[f"kind_{asked.question.kind}"] = 1.0
    return seen


def choose(asked: see.Asked, candidates: Sequence[Finding]) -> list[Finding]:
    """The fewest sentences that answer: the best, with the items of the list that it opens or stands in, and for
    questions that ask for several things the next ones that are nearly as good, in document order."""
    best = candidates[0]
    items = _siblings(asked, best, candidates)
    if items:  # a list is shown whole and in its order
        return sorted((replace(f, spans=()) for f in [best, *items]), key=lambda f: f.start)
    chosen = [best]
    limit = _SEVERAL.get(asked.question.kind, 1)
    for other in candidates[1:6]:
        if len(chosen) >= limit:
            break
        close = best.score - other.score < _CLOSE
        same = other.passage.doc_id == best.passage.doc_id and other.quote not in {f.quote for f in chosen}
        if close and same and not other.features["type_missing"]:
            chosen.append(other)
    filled = [replace(f, spans=tuple(short_spans(asked, f))) for f in chosen]
    told: set[str] = {filled[0].short(span) for span in filled[0].spans}
    kept = [filled[0]]
    for finding in filled[1:]:
        again = {finding.short(span) for span in finding.spans}
        if again and again <= told:
            continue  # says the same again
        told |= again
        kept.append(finding)
    return [kept[0], *sorted(kept[1:], key=lambda f: f.start)]


def short_spans(asked: see.Asked, finding: Finding) -> list[Span]:
    """The short answers of a chosen sentence. Where rules see the kind asked for (a number with its measure word, a
    date, the items of a list) they cut it; the trained model's span decides between several and stands where rules see
    nothing."""
    by_rule = short_answers(asked, finding)
    trained = tidy(finding, finding.spans[0]) if finding.spans and finding.features.get("span", -1.0) > 0 else None
    size = trained.end - trained.start if trained else 0
    if trained is None or size > max(_LONGEST_SHORT, 0.6 * (finding.end - finding.start)):
        return by_rule  # most of the sentence: that stands below anyway
    kind = asked.question.kind
    if kind == "list" and len(by_rule) > 1:
        return by_rule
    if kind in {"how_many", "when"}:
        told = phrases(finding, kind)
        met = [span for span in told if span.start < trained.end and trained.start < span.end]
        if len(met) == 1:
            return met
    return [trained]


def tidy(finding: Finding, span: Span) -> Span:
    """A trained span without the punctuation at its ends, with the marks that enclose it, and without half a pair."""
    text, start, end = finding.quote, span.start - finding.start, span.end - finding.start
    while start < end and text[start] in _EDGES:
        start += 1
    while start < end and text[end - 1] in _EDGES:
        end -= 1
    for opening, closing in _PAIRS:
        inside = text[start:end]
        if inside.count(opening) > inside.count(closing):
            if text[end : end + 1] == closing:
                end += 1
            elif inside.startswith(opening):
                start += 1
        elif inside.count(closing) > inside.count(opening):
            if text[start - 1 : start] == opening and start:
                start -= 1
            elif inside.endswith(closing):
                end -= 1
        elif inside and text[start - 1 : start] == opening and start and text[end : end + 1] == closing:
            start, end = start - 1, end + 1
    return Span(finding.start + start, finding.start + max(start, end))


def _siblings(asked: see.Asked, best: Finding, candidates: Sequence[Finding]) -> list[Finding]:
    """The list items after a sentence that ends in a colon; and the other items where a list is asked for and the best
    sentence is one."""
    opens = best.quote.rstrip().endswith((":", "："))
    item = bool(_ITEM.match(best.quote)) and asked.question.kind == "list"
    if not opens and not item:
        return []
    inside = sorted((c for c in candidates if c.passage.id == best.passage.id), key=lambda c: c.start)
    items = [c for c in inside if _ITEM.match(c.quote) and c.start != best.start and (item or c.start > best.start)]
    return items[:_MOST_ITEMS]


def missing_terms(asked: see.Asked, hits: Sequence[Hit]) -> tuple[str, ...]:
    """Question words found nowhere in the passages read, as shown on a refusal: whole words of two to eight characters,
    rare enough in questions at large to be what was asked about."""
    everything = "\n".join(hit.passage.context for hit in hits)
    if asked.latin and sum(map(is_han, everything)) > len(everything) / 4:
        return ()
    pieces = [_LOOSE.sub("", piece) for piece in see.uncovered(asked, everything)]
    return tuple(dict.fromkeys(piece for piece in pieces if 2 <= len(piece) <= _LONGEST_WORD and _is_rare(piece)))


def _is_rare(piece: str) -> bool:
    found = tokens(piece)
    return bool(found) and min(map(rarity, found)) > _RARE
