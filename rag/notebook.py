"""How hits, answers and explanations look in a notebook. Document text is escaped: it is somebody else's."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from rag.errors import MissingExtraError
from rag.explanation import Contribution, Explanation
from rag.explanation.words import feature
from rag.text.certainty import certainty_meaning, certainty_word
from rag.types import Answer, Hits, Lang

_SHOWN = 10  # candidates of an explanation
_CELL = "text-align:left;vertical-align:top;padding:.3em .6em"


def hits_html(hits: Hits) -> str:
    """A table: rank, passage, place, score, each ranker's rank."""
    names = sorted({name for hit in hits for name in hit.ranks})
    head = "".join(f"<th style='{_CELL}'>{escape(name)}</th>" for name in ["#", "text", "source", "score", *names])
    rows = []
    for number, hit in enumerate(hits, 1):
        place = " › ".join([hit.passage.title, *hit.passage.path]) + (
            f" · {hit.passage.role}" if hit.passage.role != "body" else ""
        )
        ranks = [str(hit.ranks.get(name, "–")) for name in names]
        cells = [str(number), hit.passage.text, place, f"{hit.score:.4f}", *ranks]
        rows.append("<tr>" + "".join(f"<td style='{_CELL}'>{escape(cell)}</td>" for cell in cells) + "</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def answer_html(answer: Answer) -> str:
    """The answer with its short form in bold, how sure it is in a word, then its citations as a list."""
    body = "".join(
        f"<b>{escape(s.text)}</b>"
        if s.kind == "short"
        else f"<sup>[{s.number}]</sup>"
        if s.kind == "mark"
        else escape(s.text).replace("\n", "<br>")
        for s in answer.segments
    )
    places = "".join(
        f"<li value='{c.number}'>{escape(' › '.join([c.title, *c.path]))} · {escape(c.source)}:{c.start}–{c.end}</li>"
        for c in answer.citations
    )
    word, meaning = (escape(told(answer.certainty, answer.lang)) for told in (certainty_word, certainty_meaning))
    sure = f"<p><small title='{meaning}'>{word}</small></p>" if word else ""
    return f"<div><p>{body}</p>{sure}<ol>{places}</ol></div>"


def explanation_html(explanation: Explanation) -> str:
    """The judgement, then the first candidates, each with why it won or lost and, folded, every feature."""
    parts = [f"<p><b>{escape(explanation.understood)}</b><br>{escape(explanation.why)}</p>"]
    if explanation.judgement is not None:
        parts.append(_folded(explanation.judgement.contributions, explanation.lang))
    for c in explanation.candidates[:_SHOWN]:
        place = " › ".join([c.source, c.title, *c.path]) + f":{c.start}–{c.end}"
        quoted = f"<b>{escape(c.quote)}</b>" if c.chosen else escape(c.quote)
        parts.append(
            f"<p>{c.rank}. {quoted}<br><small>{escape(place)} · {c.score:.3f}<br>{escape(c.why)}</small></p>"
            + _folded(c.contributions, explanation.lang)
        )
    return f"<div>{''.join(parts)}</div>"


def _folded(contributions: Sequence[Contribution], lang: Lang) -> str:
    rows = [
        (c.name, feature(c.name, lang), f"{c.value:.4g}", f"{c.weight:.4g}", f"{c.amount:+.4f}") for c in contributions
    ]
    total = f"{sum(c.amount for c in contributions):+.4f}"
    cells = "".join("<tr>" + "".join(f"<td style='{_CELL}'>{escape(x)}</td>" for x in row) + "</tr>" for row in rows)
    return f"<details><summary>{total}</summary><table>{cells}</table></details>" if rows else ""


def explanation_frame(explanation: Explanation) -> Any:
    """One row a candidate and feature, for pandas. Raises MissingExtraError without pandas."""
    columns = "rank chosen source start end quote score feature value weight amount".split()
    return _pandas().DataFrame(
        [
            (
                c.rank,
                c.chosen,
                c.source,
                c.start,
                c.end,
                c.quote,
                c.score,
                told.name,
                told.value,
                told.weight,
                told.amount,
            )
            for c in explanation.candidates
            for told in c.contributions
        ],
        columns=columns,
    )


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("notebook") from error
    return pandas


def hits_frame(hits: Hits) -> Any:
    """One row a hit, for pandas. Raises MissingExtraError without pandas."""
    return _pandas().DataFrame(
        [
            {
                "rank": rank,
                "score": hit.score,
                **{f"{name}_rank": value for name, value in sorted(hit.ranks.items())},
                "text": hit.passage.text,
                "title": hit.passage.title,
                "path": " › ".join(hit.passage.path),
                "role": hit.passage.role,
                "doc_id": hit.passage.doc_id,
                "start": hit.passage.start,
                "end": hit.passage.end,
            }
            for rank, hit in enumerate(hits, 1)
        ]
    )
