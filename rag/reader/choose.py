"""From weighed sentences that answer to what is shown: the fewest of them, and the short answers in each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.reader import features as see
from rag.reader.spans import phrases, short_answers
from rag.types import Finding, Span

_ITEM = re.compile(r"(?:[-*+•·]|\d{1,2}[.、)）]|[（(]?[一二三四五六七八九十]{1,2}[、)）])\s*\S")
_EDGES = " \t\n,，.。;；:：、!！?？"
_PAIRS = (("“", "”"), ("《", "》"), ("「", "」"), ("『", "』"), ("（", "）"), ("(", ")"))
_MOST_ITEMS = 8
_LONGEST_SHORT = 30  # characters up to which a span is short whatever its sentence
_CLOSE = 0.7  # difference of scores under which the next sentence is nearly as good
_SEVERAL = {"list": 3, "why": 2, "how": 2, "definition": 2, "overview": 4}


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
