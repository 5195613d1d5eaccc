"""Scored questions -> what the page needs to browse them: one small object a question, empty parts left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eval.match import plain
from eval.records import FUSED, Gold, Place, Quote
from eval.report.measures import HEADLINE

if TYPE_CHECKING:
    from eval.score import Scored

HITS = 5
"""Of the fused ranking, shown with each question."""
MOST = 10_000
"""Questions to browse: some 20 MB, from which on a page opens slowly."""
DOCUMENTS = 10
"""Relevant documents named with a question whose gold they are; some sets have hundreds."""
VERDICTS = ("right", "wrong", "refused wrongly", "refused rightly", "answered, none exists", "error")
GOOD = frozenset({"right", "refused rightly"})
_SHOWN = frozenset(name for names in HEADLINE.values() for name in names)
_DECIDES = ("facts", "sentence", "evidence", "em", "Success@10", "doc Success@10")


def verdict(item: Scored) -> str:
    """One of VERDICTS. An answer is right where every needed fact is shown; where the set states no facts, where a cited
    quote holds the answer, and so on down `_DECIDES`: a set of retrieval alone is judged by its first ten hits."""
    if item.prediction.error:
        return "error"
    found = item.prediction.found
    if not item.question.answerable:
        return "answered, none exists" if found else "refused rightly"
    decides = next((name for name in _DECIDES if name in item.values), "")
    if not found and not decides.endswith("Success@10"):
        return "refused wrongly"
    return "right" if item.values.get(decides, 0.0) >= 1 else "wrong"


def rows(scored: Sequence[Scored], most: int = MOST) -> list[dict[str, Any]]:
    """In the order of the set; of more than `most` questions those to mend first. Keys are read by page.js."""
    if len(scored) > most:
        order = sorted(range(len(scored)), key=lambda at: verdict(scored[at]) in GOOD)[:most]
        scored = [scored[at] for at in sorted(order)]
    return [_row(item) for item in scored]


def _row(item: Scored) -> dict[str, Any]:
    question, shown, gold = item.question, item.prediction, item.gold
    row: dict[str, Any] = {
        "id": question.id,
        "q": question.question,
        "type": item.type,
        "lang": question.lang,
        "verdict": verdict(item),
        "answerable": question.answerable,
        "found": shown.found,
        "good": round(item.goodness, 4),
        "conf": round(shown.confidence, 4),
        "history": list(question.history),
        "understood": shown.understood if shown.understood != question.question else "",
        "answers": list(question.answers),
        "facts": list(question.facts),
        "evidence": list(question.evidence),
        "text": plain(shown.text),
        "short": shown.short,
        "kind": shown.kind,
        "reason": shown.reason,
        "error": shown.error,
        "values": {name: round(value, 4) for name, value in item.values.items() if name in _SHOWN},
        "quotes": [_quote(quote, gold) for quote in shown.quotes],
        "nearest": [_quote(quote, gold) for quote in shown.nearest],
        "gold": [_at(places[0]) for places in gold.items if places] if gold else [],
    }
    if gold and not gold.items:  # a set whose gold is whole documents
        row["docs"] = sorted(gold.documents.items(), key=lambda pair: -pair[1])[:DOCUMENTS]
    ranking = shown.rankings.get(FUSED, ())
    row["hits"] = [{"at": _at(place), "rel": relevant(place, gold)} for place in ranking[:HITS]]
    if gold and (gold.passages or gold.documents):
        row["first"] = {name: first_relevant(hits, gold) for name, hits in shown.rankings.items()}
    return {key: value for key, value in row.items() if value not in ("", [], {}, None)}


def relevant(place: Place, gold: Gold | None) -> bool:
    """By passage; where the gold is whole documents, by document."""
    if gold is None:
        return False
    return place in gold.passages if gold.passages else place.source in gold.documents


def first_relevant(ranking: Sequence[Place], gold: Gold) -> int:
    """1-based rank of the first relevant hit, 0 where none is."""
    passages, documents = frozenset(gold.passages), gold.documents
    for rank, place in enumerate(ranking, 1):
        if place in passages or (not passages and place.source in documents):
            return rank
    return 0


def _quote(quote: Quote, gold: Gold | None) -> dict[str, Any]:
    out: dict[str, Any] = {"at": _at(quote), "q": quote.quote, "b": quote.before, "a": quote.after}
    out |= {"page": quote.page, "row": quote.row, "bad": not quote.valid, "dead": not quote.resolves}
    out["gold"] = any(_touch(quote, place) for places in gold.items for place in places) if gold else False
    return {key: value for key, value in out.items() if value not in ("", None, False)}


def _at(place: Place | Quote) -> list[Any]:
    return [place.source, place.start, place.end]


def _touch(quote: Quote, place: Place) -> bool:
    return quote.source == place.source and quote.start < place.end and place.start < quote.end
