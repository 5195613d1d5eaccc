"""Printing: plain objects for --json, and text for people. Document text is somebody else's: control characters that
would steer a terminal are shown as U+FFFD."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rag.protocols import ProgressFn
from rag.shelf import Row
from rag.text.certainty import certainty_meaning, certainty_word
from rag.text.telling import progress_line
from rag.text.terminal import one_line, safe
from rag.text.whereabouts import extent, kind_of, where
from rag.types import Answer, Citation, Document, Hit, Progress

STATES = {"ready": "就绪", "partly": "部分", "waiting": "待编入", "failed": "失败", "skipped": "跳过"}


class Screen:
    """Where results go: one JSON object a line, or text for people."""

    def __init__(self, stream: TextIO, lang: str, as_json: bool) -> None:
        self._stream = stream
        self.lang = lang
        self.as_json = as_json
        self._console: Any = None

    def word(self, en: str, zh: str) -> str:
        return zh if self.lang == "zh" else en

    def object(self, content: Mapping[str, Any]) -> None:
        self._stream.write(json_line(content) + "\n")
        self._stream.flush()  # whoever reads a pipe sees each answer when it is there

    def text(self, *pieces: tuple[str, str] | str) -> None:
        """One paragraph of (text, style) pieces; styles show on a terminal only."""
        from rich.console import Console
        from rich.text import Text

        if self._console is None:
            self._console = Console(file=self._stream, highlight=False, soft_wrap=True)
            self._console.on_broken_pipe = _gone
        line = Text()
        for piece in pieces:
            said, style = (piece, "") if isinstance(piece, str) else piece
            line.append(safe(said), style)
        self._console.print(line)

    def warn(self, message: str) -> None:
        print(f"rag: {one_line(message)}", file=sys.stderr)


def _gone() -> None:
    """In place of rich's own end of the program: one place decides on exit codes."""
    raise BrokenPipeError


def json_line(content: Mapping[str, Any]) -> str:
    """One line of JSON for any content: no character in it ends a line, none is beyond UTF-8."""
    line = json.dumps(content, ensure_ascii=False)
    if not line.isprintable():
        for character in ("\x7f", "\x85", "\u2028", "\u2029"):  # some readers end a line there
            line = line.replace(character, f"\\u{ord(character):04x}")
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair
        line = json.dumps(content)
    return line


@contextmanager
def meter(lang: str) -> Iterator[ProgressFn | None]:
    """Draws progress on stderr while a person is looking; None where nobody is."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Lines
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    shown = Lines(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False)
    with shown as lines:
        stages: dict[str, Progress] = {}
        task = lines.add_task("", total=None)

        def draw(progress: Progress) -> None:
            stages[progress.stage] = progress
            lines.update(task, description=progress_line(stages.values(), lang))

        yield draw


# -- objects ------------------------------------------------------------------------------------------------------


def document_object(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.title,
        "source": document.source,
        "meta": {
            key: {"start": span.start, "end": span.end, "text": document.text[span.start : span.end]}
            for key, span in document.meta.items()
        },
        "sections": [
            {"path": list(s.path), "role": s.role, "page": s.page, "start": s.start, "end": s.end}
            for s in document.sections
        ],
        "text": document.text,
    }


def row_object(row: Row, lang: str) -> dict[str, Any]:
    """One file of the folder. What is not known of a file that holds no document is null."""
    info = row.info
    return {
        "id": info.id if info else None,
        "source": row.source,
        "state": row.state,
        "reason": " ".join(notice.zh if lang == "zh" else notice.en for notice in row.notices),
        "kind": info.kind if info else None,
        "title": info.title if info else None,
        "date": info.date if info else None,
        "pages": info.pages if info else None,
        "characters": info.characters if info else None,
        "passages": info.passages if info else None,
    }


# -- text ---------------------------------------------------------------------------------------------------------


def print_answer(screen: Screen, answer: Answer) -> None:
    pieces: list[tuple[str, str] | str] = []
    for segment in answer.segments:
        if segment.kind == "short":
            pieces.append((segment.text, "bold"))
        elif segment.kind == "mark":
            pieces.append((f"[{segment.number}]", "cyan"))
        else:
            pieces.append(segment.text)
    while pieces and isinstance(pieces[-1], str) and not pieces[-1].strip():
        pieces.pop()
    screen.text(*pieces)
    if answer.citations or answer.nearest:
        screen.text()
    for citation in answer.citations or answer.nearest:
        screen.text(
            (f"[{citation.number}] ", "cyan"),
            (place(citation.source, citation.title, citation.path, citation.role, _at(citation, answer.lang)), "dim"),
        )
    word = certainty_word(answer.certainty, answer.lang)
    if word:
        meaning = certainty_meaning(answer.certainty, answer.lang)
        screen.text((word, "bold"), (f" ({meaning})" if answer.lang == "en" else f"（{meaning}）", "dim"))
    if answer.understood != answer.question:
        screen.text((screen.word("understood as: ", "理解为：") + answer.understood, "dim"))


def print_row(screen: Screen, row: Row) -> None:
    info = row.info
    state = (
        screen.word(row.state, STATES[row.state]) + " ",
        {"failed": "red", "partly": "yellow"}.get(row.state, "dim"),
    )
    if info:
        pages = extent(info.kind, info.pages, screen.lang)
        told = f"  {info.kind}  {pages or '-'}  {info.passages}  {info.title}  {info.date or '-'}  {info.id}"
        screen.text(state, (row.source, "bold"), (told, "dim"))
    else:
        screen.text(state, (row.source, "bold"))
    for notice in row.notices:
        screen.text("    ", (notice.zh if screen.lang == "zh" else notice.en, "dim"))


def print_hits(screen: Screen, hits: Sequence[Hit], sources: Mapping[str, str]) -> None:
    for rank, hit in enumerate(hits, 1):
        passage = hit.passage
        source = sources.get(passage.doc_id, "")
        at = where(kind_of(source), passage.page, passage.row, screen.lang)
        told = place(source, passage.title, passage.path, passage.role, at)
        ranks = " ".join(f"{name} {number}" for name, number in sorted(hit.ranks.items()))
        screen.text((f"{rank}. ", "bold"), (f"{told}:{passage.start}-{passage.end}  ({ranks})", "dim"))
        screen.text(passage.text.strip())
        screen.text()
    if not hits:
        screen.text(screen.word("nothing found", "没有找到"))


def place(source: str, title: str, path: Sequence[str], role: str, at: str = "") -> str:
    """Where something stands: file, title, headings, page or row, and the role of what is not body text."""
    inside = " › ".join(part for part in (title, *path) if part)
    return f"{source}: {inside}" + (f" · {at}" if at else "") + ("" if role == "body" else f" · {role}")


def _at(citation: Citation, lang: str) -> str:
    return where(kind_of(citation.source), citation.page, citation.row, lang)
