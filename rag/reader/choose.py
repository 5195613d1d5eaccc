"""From weighed sentences that answer to what is shown: the fewest of them, and the short answers in each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.reader import features as see
from rag.reader import lists
from rag.reader.cells import asked_cell, within
from rag.reader.spans import asks_several, framed, matched_mask, phrases, short_answers
from rag.reader.tidy import tidy, verb_end, with_measure, without_lead
from rag.types import Finding, Span

_MOST_ITEMS = 12
_LONGEST_SHORT = 30  # characters up to which a span is short whatever its sentence
_LONGEST_TERM = 24  # characters of what a list item names before its colon
_NOUN = re.compile(r"\s?(?:[\u3400-\u9fff]{1,6}|[A-Za-z-]+(?: [A-Za-z-]+)?)")  # what is counted, after its number
_CLOSE = 0.7  # difference of scores under which the next sentence is nearly as good
_SEVERAL = {"list": 3, "why": 2, "how": 2, "definition": 2, "overview": 4}
_WHOLE = frozenset({"why", "how", "definition"})  # kinds that a sentence answers, and sometimes the one after it
# A sentence that goes on from the one before it; one that only says what follows from it; one that announces the next.
_GOES_ON = re.compile(
    r"(?:因此|同时|同時|此外|另外|其次|再次|再者|而且|并且|並且|然后|然後|接着|接著|最后|最後|[二三四][来來是]|第[二三四]|"
    r"furthermore|moreover|in addition|besides|also|second(?:ly)?|third(?:ly)?|then|finally|next)[^a-z]", re.IGNORECASE
)  # fmt: skip
_FOLLOWS = re.compile(
    r"(?:因此|因而|所以|于是|於是|为此|為此|故此|从而|從而|由此|therefore|thus|hence|consequently|as a result|for this reason)", re.IGNORECASE
)  # fmt: skip
_ANNOUNCES = re.compile(
    r"(?:如下|以下|[两兩二三四五六七八九几幾多]\s?[个個点點种種方大][^，,。]{0,8})[。：:]?$|(?:reasons|ways|steps|following)[^,]{0,20}[.:]$"
)


def choose(asked: see.Asked, candidates: Sequence[Finding]) -> list[Finding]:
    """The fewest sentences that answer: the best, with the items of the list that it opens or stands in, with the next
    one where it goes on; and for questions that ask for several things the next best that are nearly as good."""
    best = candidates[0]
    items = _siblings(asked, best, candidates)
    if items:
        return items
    beside = _beside(asked, best, candidates)
    if beside:  # in the order of the text, of which the best is one
        both = sorted([best, beside], key=lambda f: f.start)
        return [replace(f, spans=tuple(short_spans(asked, f)) if f is best else ()) for f in both]
    chosen = [best]
    limit = _SEVERAL.get(asked.question.kind, 1)
    for other in candidates[1:6]:
        if len(chosen) >= limit:
            break
        close = best.score - other.score < _CLOSE and not _blind(other)
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
    if asks_several(asked):
        return sorted(kept, key=lambda f: f.start)
    return [kept[0], *sorted(kept[1:], key=lambda f: f.start)]


def short_spans(asked: see.Asked, finding: Finding) -> list[Span]:
    """The short answers of a chosen sentence, in order, apart, inside it. The trained model's span says where the answer
    stands; where rules see the kind asked for (a number with its measure word, a date, the items of a list) they cut it,
    and they stand alone where the model sees nothing."""
    by_rule = short_answers(asked, finding)
    seen = [tidy(finding, span) for span in finding.spans] if finding.features.get("span", -1.0) > 0 else []
    seen = [span for span in seen if span.end > span.start]
    cell = asked_cell(asked, finding)
    if cell:
        return [within(cell, seen)]
    if not seen:
        return by_rule
    kind = asked.question.kind
    if asks_several(asked) and not framed(asked, finding, seen[0]):
        return _several(asked, finding, seen) or by_rule
    trained = framed(asked, finding, seen[0]) or without_lead(asked, finding, seen[0])
    if _is_long(finding, trained):
        return by_rule  # most of the sentence: that stands below anyway
    if kind in {"how_many", "when"}:
        met = [p for p in phrases(finding, kind) if p.start < trained.end and trained.start < p.end]
        converted = re.search(r"[（(]", finding.short(trained))  # 2cm（0.79英尺）
        if len(met) > 1 and kind == "how_many" and not converted:  # several measures: the one that rules would take
            met = [p for p in met if any(p.start <= s.start < p.end for s in by_rule)] or met
        if len(met) == 1:
            return [_to_the_noun(finding, with_measure(asked, finding, met[0]), trained)]
    return [trained] if trained.end > trained.start else by_rule


def _to_the_noun(finding: Finding, phrase: Span, trained: Span) -> Span:
    """A number or date with the few characters after it that the model holds for part of the answer: 1386个 → 1386个单元,
    7个 → 7个工作日内, 240 → 240 visitors."""
    tail = finding.quote[phrase.end - finding.start : max(phrase.end, trained.end) - finding.start]
    if tail and _NOUN.fullmatch(tail):
        return Span(phrase.start, trained.end)
    return phrase


def _several(asked: see.Asked, finding: Finding, seen: Sequence[Span]) -> list[Span]:
    """The items of the enumeration that the model points at; else its own spans, as many as it holds likelier than none."""
    text = finding.quote
    pointed = [(span.start - finding.start, span.end - finding.start) for span in seen]
    found = lists.items(text, matched_mask(asked, text), pointed, verb_end(asked, text))
    if found:
        return [Span(finding.start + a, finding.start + b) for a, b in found]
    cut = [without_lead(asked, finding, span) for span in seen]
    cut = [span for span in cut if span.end > span.start]
    if not cut or _is_long(finding, cut[0]):
        return []
    apart: list[Span] = []
    for span in cut if lists.asks_several(asked.question.understood) else cut[:1]:
        if not _is_long(finding, span) and all(span.end <= other.start or other.end <= span.start for other in apart):
            apart.append(span)
    return sorted(apart, key=lambda span: span.start)


def _is_long(finding: Finding, span: Span) -> bool:
    return span.end - span.start > max(_LONGEST_SHORT, 0.6 * (finding.end - finding.start))


def _blind(finding: Finding) -> bool:
    """Whether the trained model read a sentence and holds nothing of it likelier than no answer."""
    return bool(finding.features.get("span_read")) and finding.features.get("span", 0.0) <= 0


def _siblings(asked: see.Asked, best: Finding, candidates: Sequence[Finding]) -> list[Finding]:
    """A list whole and in its order, with what each of its items says in short: the items after a sentence that ends in
    a colon, or those beside the best sentence where several things are asked for and it is one of them. None where the
    item holds all that is asked for in itself."""
    opens = best.quote.rstrip().endswith((":", "："))
    item = bool(lists.marker(best.quote)) and asks_several(asked)
    if not opens and not item:
        return []
    near = sorted(
        (c for c in candidates if c.passage.doc_id == best.passage.doc_id and c.passage.path == best.passage.path),
        key=lambda c: c.start,
    )
    others = [c for c in near if lists.marker(c.quote) and c.start != best.start and (item or c.start > best.start)]
    if item and len(short_spans(asked, best)) > 1:
        others = [c for c in others if c.features.get("span_read") and not _blind(c)]
    if not others:
        return []
    shown = sorted([best, *others[: _MOST_ITEMS - 1]], key=lambda f: f.start)
    if not asks_several(asked):
        return [replace(f, spans=()) for f in shown]
    terms = [_term(f) for f in shown if f is not best or item]
    named = all(term is not None for term in terms)
    return [replace(f, spans=_item(f, named) if f is not best or item else ()) for f in shown]


def _term(finding: Finding) -> Span | None:
    """What a list item names before its colon or dash; None where it names nothing so."""
    text = finding.quote
    cut = re.compile(r"\s*(?:[：:]|\s[–—-]\s|——)").search(text, lists.marker(text))
    if cut is None or not lists.marker(text) < cut.start() <= lists.marker(text) + _LONGEST_TERM:
        return None
    span = tidy(finding, Span(finding.start, finding.start + cut.start()))
    return span if span.end > span.start else None


def _item(finding: Finding, named: bool) -> tuple[Span, ...]:
    span = _term(finding) if named else tidy(finding, Span(finding.start, finding.end))
    if span is None or span.end - span.start > 2 * _LONGEST_SHORT or span.end <= span.start:
        return ()
    return (span,)


def _beside(asked: see.Asked, best: Finding, candidates: Sequence[Finding]) -> Finding | None:
    """The sentence that belongs to the best one, for questions that sentences answer: the next where it goes on or the
    best only announces it; for why, the one before where the best begins with what follows from it."""
    if asked.question.kind not in _WHOLE:
        return None
    here = sorted((c for c in candidates if c.passage.id == best.passage.id), key=lambda c: c.start)
    at = here.index(best)
    if asked.question.kind == "why" and at and _FOLLOWS.match(best.quote):
        return here[at - 1]
    if at + 1 < len(here):
        following = here[at + 1]
        announced = len(best.quote) <= _LONGEST_SHORT and _ANNOUNCES.search(best.quote.rstrip())
        if announced or _GOES_ON.match(following.quote):
            return following
    return None
