"""What lets a person say that an answer is right or wrong, or which sentence is the answer: the links, and the line in the
list of documents.

The chat's sanitiser drops every attribute but class, href and title: `bridge.js` tells screen readers what is pressed.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from rag.feedback import NAME, Export, Kept, Mark
from rag.types import Answer, Finding
from rag.web.escape import esc
from rag.web.strings import say

MOST_INLINE = 256 << 10  # bytes of rows that a link may carry; more are exported by the command
COMMAND = "python -m eval feedback --out FILE"


@dataclass(frozen=True, slots=True)
class Marked:
    """That an answer can be marked on this page, and what was said of it."""

    path: Path  # the file that marks are kept in
    mark: Mark | None = None


def verdict_html(marked: Marked | None, answer: Answer, index: int, ui: str) -> str:
    """Right and wrong, which of them was said, and a word of thanks that says where it is kept."""
    if marked is None:
        return ""
    said = marked.mark.verdict if marked.mark else ""
    links = ""
    for verdict in ("right", "wrong"):
        hint = "again_hint" if said == verdict else f"{verdict}_hint" + ("" if answer.found else "_none")
        on = " on" if said == verdict else ""
        links += f'<a class="jd-mark{on}" href="#{verdict}-{index}" title="{say(hint, ui)}">{say(verdict, ui)}</a>'
    if said:
        hint = esc(say("kept_hint", ui, path=marked.path))
        word = "kept_wrong" if said == "wrong" and answer.candidates else "kept"
        links += f'<span class="jd-kept" title="{hint}">{say(word, ui)}</span>'
    return links


def candidate_html(marked: Marked | None, finding: Finding, index: int, n: int, ui: str) -> str:
    """The link beside a candidate that says: the answer is this sentence."""
    if marked is None:
        return ""
    on = pointed(marked.mark, finding.passage.doc_id, finding.start, finding.end)
    return this_html(f"#this-{index}-{n}", on, ui)


def pointed(mark: Mark | None, doc_id: str, start: int, end: int) -> bool:
    """Whether this is the sentence that somebody pointed out."""
    said = mark.correction if mark and mark.verdict == "this" else None
    return said is not None and (said.doc_id, said.start) == (doc_id, start) and said.end <= end


def this_html(target: str, on: bool, ui: str, picks: bool = False) -> str:
    """`picks`: while something is selected in the panel, the link means that."""
    word, hint = ("kept_this", "again_hint") if on else ("this", "this_hint")
    picked = f' data-picked="{say("this_picked", ui)}"' if picks else ""
    return (
        f'<a class="jd-this{" on" if on else ""}" href="{target}" title="{say(hint, ui)}"{picked}>{say(word, ui)}</a>'
    )


def line_html(kept: Kept, made: Export, path: Path, ui: str) -> str:
    """How many answers are marked, what of it is not fit for a question set, and the link that hands the rest over as one."""
    if not (kept.marks or kept.faults):
        return ""
    words = [say("marks", ui, n=len(kept.marks))]
    words += [say("marks_open", ui, n=made.uncorrected)] if made.uncorrected else []
    words += [say("marks_stale", ui, n=made.changed)] if made.changed else []
    told = "".join(f"<span>{word}</span>" for word in words)
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in made.rows)
    rows = "".join(lines).encode("utf-8", "backslashreplace")  # a lone surrogate goes back into its JSON escape
    if 0 < len(rows) <= MOST_INLINE:
        data = base64.b64encode(rows).decode()
        told += f'<a href="data:application/x-ndjson;base64,{data}" download="{NAME}">{say("marks_export", ui)}</a>'
    elif rows:
        told += f"<span>{say('marks_command', ui, command=COMMAND)}</span>"
    faults = "".join(f'<p class="jd-note">{esc(fault.message(ui))}</p>' for fault in kept.faults[:3])
    return f'<div class="jd-marks"><p class="facts" title="{esc(str(path))}">{told}</p>{faults}</div>'
