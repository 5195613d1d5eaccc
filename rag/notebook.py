"""How hits and answers look in a notebook. Document text is escaped: it is somebody else's."""

from __future__ import annotations

from html import escape
from typing import Any

from rag.errors import MissingExtraError
from rag.types import Answer, Hits

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
    """The answer with its short form in bold, then its citations as a list."""
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
    return f"<div><p>{body}</p><ol>{places}</ol></div>"


def hits_frame(hits: Hits) -> Any:
    """One row a hit, for pandas. Raises MissingExtraError without pandas."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("notebook") from error
    return pd.DataFrame(
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
