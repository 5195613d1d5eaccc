"""Where in the documents the hits lie: a figure."""

from __future__ import annotations

from html import escape
from typing import Any

from rag.notebook.hits import nothing
from rag.notebook.look import by_language, clipped
from rag.text import language, width, writable
from rag.text.terminal import one_line
from rag.types import Hit, Hits

_LABEL = 36  # columns of a document's name
_HOVER = 56  # columns of a line of the text shown on hover
_MOST = 320  # characters of it
_ROW = 38  # pixels a document
_GREY = "rgba(127,127,127,.22)"
_INK = "#808080"  # readable on white and on black


def hits_plot(hits: Hits) -> Any:
    """A plotly Figure: one bar a document, from its beginning to its end, documents in the order of their best hit; a mark a
    hit where it lies, larger and darker the higher its score; the text on hover."""
    import plotly.graph_objects as go

    say = by_language(language(hits.query or "".join(hit.passage.text[:80] for hit in hits[:3])) == "en")
    figure = go.Figure()
    rows = {doc_id: at for at, doc_id in enumerate(dict.fromkeys(hit.passage.doc_id for hit in hits))}
    first = {doc_id: next(hit for hit in hits if hit.passage.doc_id == doc_id) for doc_id in rows}
    ends = {
        doc_id: max([first[doc_id].characters, *(h.passage.end for h in hits if h.passage.doc_id == doc_id), 1])
        for doc_id in rows
    }
    figure.add_bar(
        y=list(rows.values()), x=[100] * len(rows), orientation="h", width=0.5, marker_color=_GREY, hoverinfo="skip"
    )
    best = max((hit.score for hit in hits), default=0.0)
    shares = [hit.score / best if best > 0 else 0.0 for hit in hits]
    figure.add_scatter(
        x=[50 * (hit.passage.start + hit.passage.end) / ends[hit.passage.doc_id] for hit in hits],
        y=[rows[hit.passage.doc_id] for hit in hits],
        mode="markers",
        marker={
            "size": [8 + 14 * share for share in shares],
            "color": shares,
            "cmin": 0,
            "cmax": 1,
            "colorscale": [[0, "#9ec5fe"], [1, "#0b5ed7"]],
            "line": {"width": 1, "color": "white"},
        },
        customdata=[[_hover(hit, number, ends)] for number, hit in enumerate(hits, 1)],
        hovertemplate="%{customdata[0]}<extra></extra>",
    )
    figure.update_layout(
        title={"text": _plain(clipped(hits.query, 80) if hits else nothing(hits.query)), "font": {"size": 14}},
        showlegend=False,
        height=110 + _ROW * max(1, len(rows)),
        margin={"l": 10, "r": 20, "t": 46, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": _INK},
        xaxis={
            "range": [-1, 101],
            "tickvals": [0, 25, 50, 75, 100],
            "ticktext": [say("开头", "start"), "25 %", "50 %", "75 %", say("结尾", "end")],
            "gridcolor": _GREY,
            "zeroline": False,
        },
        yaxis={
            "autorange": "reversed",
            "tickvals": list(rows.values()),
            "ticktext": [_plain(_name(first[doc_id])) for doc_id in rows],
            "showgrid": False,
            "automargin": True,
            "zeroline": False,
        },
    )
    return figure


def _hover(hit: Hit, number: int, ends: dict[str, int]) -> str:
    passage = hit.passage
    place = f"{passage.start}–{passage.end} / {ends[passage.doc_id]}"
    heads = " › ".join(passage.path)
    text = passage.text[:_MOST] + "…" * (len(passage.text) > _MOST)
    lines = [f"#{hit.rank or number} · {hit.score:.4f} · {place}", *_wrapped(heads), *_wrapped(text)]
    return "<br>".join(_plain(line) for line in lines)


def _wrapped(text: str) -> list[str]:
    lines: list[str] = []
    line, size = "", 0
    for character in one_line(text):
        size += width(character)
        if size > _HOVER:
            lines, line, size = [*lines, line], "", width(character)
        line += character
    return [*lines, line] if line else lines


def _name(hit: Hit) -> str:
    return clipped(hit.source or hit.passage.title or hit.passage.doc_id, _LABEL)


def _plain(text: str) -> str:
    # plotly reads tags in text, of the entities for quotation marks none, and $formulas$ where the notebook has MathJax.
    return escape(writable(text), quote=False).replace("$", "&#36;")
