"""Why an answer is what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag.explanation import Contribution, Explanation
from rag.explanation.words import feature
from rag.notebook.look import frame, framed, shown, table
from rag.types import Lang

_SHOWN = 10  # candidates


def explanation_html(explanation: Explanation) -> str:
    """The judgement, then the first candidates, each with why it won or lost and, folded, every feature."""
    parts = [f"<p><b>{shown(explanation.understood)}</b><br>{shown(explanation.why)}</p>"]
    if explanation.judgement is not None:
        parts.append(_features(explanation.judgement.contributions, explanation.lang))
    for c in explanation.candidates[:_SHOWN]:
        place = " › ".join([c.source, c.title, *c.path]) + f":{c.start}–{c.end}"
        quoted = f"<b>{shown(c.quote)}</b>" if c.chosen else shown(c.quote)
        parts.append(
            f"<p>{c.rank}. {quoted}<br><small>{shown(place)} · {c.score:.3f}<br>{shown(c.why)}</small></p>"
            + _features(c.contributions, explanation.lang)
        )
    return framed("".join(parts))


def explanation_frame(explanation: Explanation) -> Any:
    """One row a candidate and feature. Raises MissingExtraError without pandas."""
    columns = "rank chosen source start end quote score feature value weight amount".split()
    rows = [
        [c.rank, c.chosen, c.source, c.start, c.end, c.quote, c.score, told.name, told.value, told.weight, told.amount]
        for c in explanation.candidates
        for told in c.contributions
    ]
    return frame(columns, rows)


def _features(contributions: Sequence[Contribution], lang: Lang) -> str:
    rows = [
        [shown(c.name), shown(feature(c.name, lang)), f"{c.value:.4g}", f"{c.weight:.4g}", f"{c.amount:+.4f}"]
        for c in contributions
    ]
    total = f"{sum(c.amount for c in contributions):+.4f}"
    return f"<details><summary>{total}</summary>{table([], rows)}</details>" if rows else ""
