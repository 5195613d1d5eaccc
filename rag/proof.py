"""Proof of a deletion: every place that held something of a file is searched, and what is found is told.

What a deleted document is recognised by was noted when it went (`rag.library.kept`): its id, its passages' ids, and hashes
of stretches of its text, which are looked for in the bytes of every file of the index, whatever wrote them there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag import feedback
from rag.config import Settings
from rag.errors import UnknownDocumentError
from rag.folder import UPLOADS
from rag.index import directory_of, find_folder, keep_step, writing
from rag.lexical import LexicalRanker
from rag.library import Deletion, Library
from rag.library.probes import WINDOW, Hashes, found_in
from rag.shelf import Shelf
from rag.stores import held_ids, purge_store

_PIECE = 16 << 20  # bytes of a file searched together


@dataclass(frozen=True, slots=True)
class Place:
    """One place that was searched."""

    what: str
    bytes: int = 0
    found: str = ""  # what is left there; "": nothing


@dataclass(frozen=True, slots=True)
class Proof:
    name: str
    at: str  # when it was deleted, UTC
    places: tuple[Place, ...]

    @property
    def ok(self) -> bool:
        return not any(place.found for place in self.places)


def prove(settings: Settings, name: str, also: Sequence[Path] = ()) -> Proof:
    """Searches for what is left of the file `name` (its path in the folder) and in the files `also`.

    Raises UnknownDocumentError where no deletion of that name is on record, BusyError where another process writes."""
    folder = find_folder(settings.folder)
    directory = directory_of(folder, settings)
    with Shelf(settings) as shelf, writing(directory):
        library = shelf.library
        gone = library.deletions(name)
        if not gone:
            raise _unknown(name, name in library.sources())
        lexical = LexicalRanker(directory / "lexical")
        before = lexical.stamp
        lexical.purge()
        keep_step(library, "lexical", before, lexical.stamp)
        keep_step(library, "dense", *purge_store(settings.store, directory / "vectors"))
        places = [
            Place(f"folder: {name}", found="the file is there" if (folder / name).exists() else ""),
            _in_library(library, name, gone),
            _in_ranker("lexical index", lexical.ids().tolist(), gone),
            _in_ranker("vectors", held_ids(settings.store, directory / "vectors", *_named(gone)), gone),
        ]
        marks = (name.encode("utf-8", "surrogatepass"), *(d.doc_id.encode() for d in gone))
        probes = _unexplained(library, np.unique(np.concatenate([d.probes for d in gone])))
        places.append(_in_feedback(directory, name, gone, probes))
        for path in _files(directory, also):
            if path != directory / feedback.NAME:  # searched by its lines: "a.txt" is no remnant in "data.txt"
                places.append(_in_file(path, directory, marks, probes))
    places.append(Place("saved chats: none are kept, but for marked answers (feedback.jsonl)"))
    return Proof(name, gone[-1].at, tuple(places))


def _named(gone: Sequence[Deletion]) -> tuple[set[str], set[int]]:
    """Their documents and passages."""
    return {d.doc_id for d in gone}, {int(number) for d in gone for number in d.passages}


def _in_library(library: Library, name: str, gone: Sequence[Deletion]) -> Place:
    known = library.sources()
    others = sorted(other for d in gone for other in library.names_of(d.doc_id)[:1])
    if others:
        return Place("library", found=f"the same document is still held by {others[0]}")
    left = library.documents({d.doc_id for d in gone})
    passages = library.passages({number for d in gone for number in d.passages})
    if name in known or left or passages:
        return Place("library", found=f"{len(left)} documents, {len(passages)} passages")
    stray = library.unowned_vectors()
    return Place("library", found=f"{stray} vectors of no passage" if stray else "")


def _in_ranker(what: str, ids: Iterable[int], gone: Sequence[Deletion]) -> Place:
    left = {number for d in gone for number in d.passages}.intersection(ids)
    return Place(what, found=f"{len(left)} passages" if left else "")


def _in_feedback(directory: Path, name: str, gone: Sequence[Deletion], probes: Hashes) -> Place:
    path = directory / feedback.NAME
    if not path.is_file():
        return Place(f"{feedback.NAME}: no answer is marked")
    left = feedback.remnants(directory, name, {d.doc_id for d in gone}, probes)
    lines = ", ".join(map(str, left))
    told = f"line {lines} holds something of it; delete that line, or withdraw the mark in the chat" if left else ""
    return Place(feedback.NAME, path.stat().st_size, told)


def _unexplained(library: Library, probes: Hashes) -> Hashes:
    """The stretches that stand in no document that is still there: a sentence that two files share is no remnant."""
    for info in library.documents():
        if not len(probes):
            break
        text = library.document(info.id).text.encode("utf-8", "surrogatepass")
        probes = np.setdiff1d(probes, found_in(text, probes))
    return probes


def _files(directory: Path, also: Iterable[Path]) -> Iterator[Path]:
    """Every file of the index, what the page's uploads pass through, of every page that runs here, and what the caller
    names."""
    temporary = Path(tempfile.gettempdir())
    for place in (directory, temporary / "gradio", *sorted(temporary.glob(f"{UPLOADS}*"))):
        if os.access(place, os.R_OK | os.X_OK):  # another person's is not ours to search
            yield from sorted(path for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    yield from also


def _in_file(path: Path, directory: Path, marks: Sequence[bytes], probes: Hashes) -> Place:
    inside = path.is_relative_to(directory)
    what = path.relative_to(directory).as_posix() if inside else str(path)
    found: set[str] = set()
    size = 0
    try:
        with path.open("rb") as file:
            tail = b""
            while piece := file.read(_PIECE):
                size += len(piece)
                data = tail + piece
                found |= {mark.decode("utf-8", "replace") for mark in marks if mark in data}
                left = len(found_in(data, probes))
                if left:
                    found.add(f"{left} stretches of its text")
                tail = data[-max(WINDOW, *(len(mark) for mark in marks)) :]
    except FileNotFoundError:  # another program's upload, gone meanwhile
        return Place(what)
    except OSError as error:
        return Place(what, found=f"cannot be searched ({error.strerror or error})")
    return Place(what, size, "; ".join(sorted(found)))


def _unknown(name: str, known: bool) -> UnknownDocumentError:
    if known:
        return UnknownDocumentError(
            f"'{name}' is in the index; delete the file first, then run: python -m rag index",
            f"{name} 还在索引里；请先删除文件，再运行：python -m rag index",
        )
    return UnknownDocumentError(
        f"no deletion of '{name}' is on record: no file of that name was ever in this index; see: python -m rag list",
        f"没有 {name} 的删除记录：这个索引里从未有过这个文件；查看：python -m rag list",
    )
