"""Step three: the figures of a run -> a page to read (report.html), a summary to paste (summary.md), a table for the console.

measures  what each measure is called and says          words     the page in two languages
rows      one small object a question, to browse        charts    figures, which a notebook can show as well
tables    the tables of the page                        page      the page (with page.css, page.js)
markdown  summary.md                                    console   the compact table
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.export import put
from eval.report import markdown, page
from eval.report.console import draw

if TYPE_CHECKING:
    from eval.score import Scored

__all__ = ["draw", "write"]


def write(out: Path, content: Mapping[str, Any], scored: Sequence[Scored]) -> None:
    """summary.md and report.html in `out`. `content` is that of summary.json; any part of it may be missing."""
    put(out / "summary.md", markdown.summary(content, scored))
    put(out / "report.html", page.html(content, scored))
