"""What every view shares: colours that suit light and dark, tables, and text that stays text.

Document text, file names and questions are somebody else's: they are escaped, cannot reorder what stands around them, and
are kept from the notebook's own typesetting of $formulas$.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from html import escape
from typing import Any

from rag.errors import MissingExtraError
from rag.text import width, writable
from rag.text.terminal import one_line
from rag.wording import Spans, marked

CELL = "text-align:left;vertical-align:top;padding:.35em .7em;border:0;white-space:normal"
FAINT = "opacity:.7"
_BOUNDARY = re.compile(r"[\s。！？；，、.!?;,]+")  # where a shown part may begin
_LINE = "border-top:1px solid rgba(127,127,127,.3)"
_TABLE = "border-collapse:collapse;color:inherit;font-size:inherit;width:auto"
_MARK = "background:rgba(255,196,0,.4);color:inherit;border-radius:2px"
_BAR = "height:4px;border-radius:2px;background:rgba(66,133,244,.75)"


def shown(text: str) -> str:
    """Text as HTML. A lone surrogate, which no notebook can carry, becomes a question mark."""
    return escape(writable(text))


def highlighted(text: str, spans: Spans) -> str:
    """Text as HTML with its spans marked."""
    return marked(text, spans, shown, partial(_wrapped, f"<mark style='{_MARK}'>", "</mark>"))


def _wrapped(before: str, after: str, text: str) -> str:
    return before + shown(text) + after


def framed(html: str) -> str:
    """One view: no formulas are looked for in it."""
    return f"<div class='tex2jax_ignore mathjax_ignore'>{html}</div>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already; without a head where there is none."""
    names = "".join(f"<th style='{CELL};{FAINT}'>{name}</th>" for name in head)
    top = f"<thead><tr>{names}</tr></thead>" if head else ""
    body = "".join(
        f"<tr style='{_LINE};background:none'>" + "".join(f"<td style='{CELL}'>{c}</td>" for c in row) + "</tr>"
        for row in rows
    )
    return f"<table style='{_TABLE}'>{top}<tbody>{body}</tbody></table>"


def bar(share: float) -> str:
    """A bar as long as a share, 0..1, of its cell."""
    return f"<div style='{_BAR};width:{100 * min(1.0, max(0.0, share)):.0f}%'></div>"


def folded(text: str, spans: Spans, most: int) -> str:
    """Text with marks; of one over `most` characters the part around its first mark, with all of it to be opened."""
    if len(text) <= most:
        return f"<div dir='auto' style='white-space:pre-wrap;min-width:22em'>{highlighted(text, spans)}</div>"
    first = spans[0][0] if spans else 0
    start = 0 if first < most * 2 // 3 else min(first - most // 4, len(text) - most)
    cut = _BOUNDARY.search(text, start, first) if start else None
    start = cut.end() if cut else start
    end = start + most
    inside = [(max(a, start) - start, min(b, end) - start) for a, b in spans if a < end and start < b]
    part = "…" * (start > 0) + highlighted(text[start:end], inside) + "…" * (end < len(text))
    whole = f"<div dir='auto' style='white-space:pre-wrap;margin-top:.5em'>{highlighted(text, spans)}</div>"
    return f"<details style='min-width:22em'><summary style='cursor:pointer'><span dir='auto'>{part}</span></summary>{whole}</details>"


def clipped(text: str, columns: int) -> str:
    """Text as one line of at most that many columns of a terminal, without what would steer it."""
    line = one_line(text)
    if width(line) <= columns:
        return line
    size, kept = 1, ""
    for character in line:
        size += width(character)
        if size > columns:
            break
        kept += character
    return kept + "…"


def frame(columns: Sequence[str], rows: Iterable[Sequence[Any]], whole: Iterable[str] = ()) -> Any:
    """A pandas DataFrame, with its columns also where it has no row; those of `whole` numbers stay whole where some are
    missing. Raises MissingExtraError without pandas."""
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("notebook") from error
    made = pandas.DataFrame(list(rows), columns=list(columns))
    return made.astype(dict.fromkeys(whole, "Int64"))


def by_language(english: bool) -> Callable[[str, str], str]:
    """Chooses between (Chinese, English)."""
    return (lambda zh, en: en) if english else (lambda zh, en: zh)
