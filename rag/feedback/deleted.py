"""What goes with a deleted file: every mark that quotes it, names it, or holds a stretch of its text that stands nowhere
else. So a deletion stays provable."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rag.errors import IndexBrokenError
from rag.feedback.file import NAME, Line, lines_of, rewrite
from rag.feedback.marks import Mark, Quoted, line_of
from rag.library import Library
from rag.library.probes import Hashes, found_in, windows


def sources(directory: Path) -> dict[str, str]:
    """Every file that a mark quotes, with the id of (one version of) its document."""
    return {q.source: q.doc_id for line in lines_of(directory) if line.mark for q in line.mark.quotes}


def follow(directory: Path, library: Library, absent: Collection[str], renamed: Mapping[str, str]) -> None:
    """Keeps the marks in step with the folder: those of a renamed file (old name -> new) go along, as do those of a file
    whose very document another one still holds; those of the `absent` files go. To be called while the library still has
    the text of these: what is stopped half way has then lost marks of what is deleted, and never kept them."""
    if not (absent or renamed) or not (directory / NAME).is_file():
        return
    known = library.sources()
    held = {source.doc_id: name for name, source in known.items() if name not in absent}
    ids = {known[name].doc_id for name in absent if name in known} - held.keys()
    moved = _Moved(frozenset(absent), renamed, held)

    def left(lines: Sequence[Line]) -> list[bytes]:
        stays = [(line, raw) for line in lines if (raw := _kept(line, moved))]
        lost = _lost([line for line, _ in stays], library, ids)
        return [raw for line, raw in stays if not _holds(line, lost)]

    rewrite(directory, left)


def remnants(directory: Path, name: str, doc_ids: Collection[str], probes: Hashes) -> list[int]:
    """Numbers of the lines that still hold something of a deleted file: its name, its document's id, or a stretch of its
    text, as `probes` know it."""
    return [
        line.number
        for line in lines_of(directory)
        if _names(line, name)
        or (line.mark and any(q.source == name or q.doc_id in doc_ids for q in line.mark.quotes))
        or (not line.mark and any(doc_id.encode() in line.raw for doc_id in doc_ids))
        or _holds(line, probes)
    ]


@dataclass(frozen=True, slots=True)
class _Moved:
    """Where the files are that marks quote."""

    absent: frozenset[str]
    renamed: Mapping[str, str]
    held: Mapping[str, str]  # document id -> a file that holds it

    def now(self, quoted: Quoted) -> Quoted | None:
        name = self.renamed.get(quoted.source, quoted.source)
        other = self.held.get(quoted.doc_id) if name in self.absent else name
        return replace(quoted, source=other) if other else None


def _kept(line: Line, moved: _Moved) -> bytes:
    """The line as it stays; empty: it goes."""
    if any(_names(line, name) for name in moved.absent):
        return b""
    mark = line.mark
    if mark is None:
        return line.raw
    shown = [moved.now(quoted) for quoted in mark.shown]
    correction = moved.now(mark.correction) if mark.correction else None
    if None in shown or (mark.correction and correction is None):
        return b""
    now = replace(mark, shown=tuple(q for q in shown if q), correction=correction)
    return line.raw if now == mark else line_of(now)


def _lost(lines: Sequence[Line], library: Library, ids: Collection[str]) -> Hashes:
    """Of the stretches that the marks hold, those that stand in the documents `ids` and in no other: what two files share
    is no remnant of either."""
    lost: Hashes = np.empty(0, dtype=np.uint64)
    said = _windows(text for line in lines for text in _texts(line)) if ids else lost
    if not len(said):
        return lost
    for doc_id in ids:
        lost = np.union1d(lost, found_in(_text(library, doc_id), said))
    for info in library.documents():
        if not len(lost):
            break
        if info.id not in ids:
            lost = np.setdiff1d(lost, found_in(_text(library, info.id), lost))
    return lost


def _text(library: Library, doc_id: str) -> bytes:
    try:
        return _bytes(library.document(doc_id).text)
    except IndexBrokenError:  # its marks still go by its name; the next opening mends the library
        return b""


def _holds(line: Line, hashes: Hashes) -> bool:
    return bool(len(hashes)) and bool(np.isin(_windows(_texts(line)), hashes).any())


def _names(line: Line, name: str) -> bool:
    """Whether somebody's words name the file: "a.txt", but not by way of "data.txt"."""
    # Found first, matched then: a folder that goes has more names than can be made patterns of for every line.
    said = [words for words in (_words(line.mark) if line.mark else _texts(line)) if name in words]
    whole = rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])"
    return any(re.search(whole, words) for words in said)


def _words(mark: Mark) -> Iterable[str]:
    return (mark.question, *mark.history, mark.understood)


def _texts(line: Line) -> Iterable[str]:
    return line.mark.texts if line.mark else (line.raw.decode("utf-8", "replace"),)


def _windows(texts: Iterable[str]) -> Hashes:
    return windows(b"\0".join(map(_bytes, texts)))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
