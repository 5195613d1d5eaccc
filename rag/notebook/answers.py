"""An answer with its citations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rag.notebook.look import FAINT, frame, framed, highlighted, shown
from rag.text.certainty import certainty_meaning, certainty_word
from rag.text.terminal import one_line, safe
from rag.text.whereabouts import kind_of, where
from rag.types import Answer, Citation
from rag.wording import Spans, marks, words


def answer_html(answer: Answer) -> str:
    """The short form in bold, the sentence with it marked (else with the question's words), how sure it is in a word, then
    the citations, each with its place."""
    body = "".join(_segments(answer))
    word, meaning = (shown(told(answer.certainty, answer.lang)) for told in (certainty_word, certainty_meaning))
    sure = f"<p><small title='{meaning}'>{word}</small></p>" if word else ""
    places = "".join(_cited(citation, answer.lang) for citation in answer.citations or answer.nearest)
    listed = f"<ol style='{FAINT}'>{places}</ol>" if places else ""
    return framed(f"<p style='{FAINT}' dir='auto'>{shown(answer.question)}</p><p>{body}</p>{sure}{listed}")


def answer_text(answer: Answer) -> str:
    """The answer and the places of its citations, for a terminal."""
    places = [f"[{c.number}] {_place(c, answer.lang)}" for c in answer.citations or answer.nearest]
    return safe("\n".join([answer.text, *[""] * bool(places), *map(one_line, places)]))


def answer_frame(answer: Answer) -> Any:
    """One row a citation; none for a refusal. Raises MissingExtraError without pandas."""
    columns = "number quote title source path page row role doc_id start end sha256".split()
    rows = [
        [
            c.number, c.quote, c.title, c.source, " › ".join(c.path), c.page, c.row, c.role, c.doc_id, c.start, c.end,
            c.digest,
        ]
        for c in answer.citations
    ]  # fmt: skip
    return frame(columns, rows, ["page", "row"])


def _segments(answer: Answer) -> Iterator[str]:
    shorts = {
        s.number: [t.text for t in answer.segments if t.kind == "short" and t.number == s.number]
        for s in answer.segments
    }
    for segment in answer.segments:
        if segment.kind == "short":
            yield f"<b>{_lines(shown(segment.text))}</b>"
        elif segment.kind == "mark":
            yield f"<sup>[{segment.number}]</sup>"
        elif segment.kind == "quote" and segment.number:
            yield f"<span dir='auto'>{_lines(_quoted(segment.text, shorts[segment.number], answer))}</span>"
        else:
            yield _lines(shown(segment.text))


def _quoted(quote: str, shorts: list[str], answer: Answer) -> str:
    spans: Spans = []
    for short in shorts:
        at = quote.find(short, spans[-1][1] if spans else 0)
        if short and at >= 0:
            spans.append((at, at + len(short)))
    return highlighted(quote, spans or marks(quote, words(answer.understood)))


def _cited(citation: Citation, lang: str) -> str:
    return f"<li value='{citation.number}' dir='auto'>{shown(_place(citation, lang))}</li>"


def _place(citation: Citation, lang: str) -> str:
    heads = " › ".join(part for part in (citation.title, *citation.path) if part)
    page = where(kind_of(citation.source), citation.page, citation.row, lang)
    return " · ".join(part for part in (heads, f"{citation.source}:{citation.start}–{citation.end}", page) if part)


def _lines(html: str) -> str:
    return html.replace("\n", "<br>")
