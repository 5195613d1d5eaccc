"""A folder and its library without a model: what listing, showing and proving need, and what a folder holds beside
documents. Nothing here changes an index."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from rag.config import Settings
from rag.errors import FolderError, RagError
from rag.index import RULES, directory_of, find_folder
from rag.library import DocumentInfo, Library, Source
from rag.parse import SUFFIXES
from rag.sync import read_document, walk
from rag.types import Citation, Document, FileOutcome
from rag.verify import Check, check_citations, check_document

_NAMED = 5  # file names in one message


class Shelf:
    """The documents of a folder as its index knows them. Close it, or use it as a context manager.

    Raises FolderError where the folder cannot be used or nothing is indexed, IndexBrokenError for a damaged library.
    """

    def __init__(self, settings: Settings) -> None:
        self.folder = find_folder(settings.folder)
        self.settings = settings
        path = directory_of(self.folder, settings) / "library.sqlite"
        if not path.is_file():  # opening would make one
            raise _nothing()
        self._library = Library(path)

    def close(self) -> None:
        self._library.close()

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def empty(self) -> bool:
        """Whether the index knows no file and has none left to forget."""
        return not (self._library.documents() or self._library.sources() or self._library.removed())

    def in_step(self) -> tuple[FileOutcome, ...] | None:
        """The files that cannot be read, or None where only a sync could tell what the folder holds."""
        have = self._library.meta()
        same = (have.get("rules"), have.get("chunk_chars")) == (RULES, str(self.settings.chunk_chars))
        if not same or not self._library.count or self._library.unindexed() or self._library.removed():
            return None
        return compare(self.folder, self._library.sources(), self.settings.max_file_mb)

    def sources(self) -> dict[str, Source]:
        return self._library.sources()

    def documents(self) -> list[DocumentInfo]:
        return self._library.documents()

    def document(self, id_or_source: str) -> Document:
        """Raises UnknownDocumentError, naming the nearest."""
        return self._library.document(id_or_source)

    def verify(self, citations: Iterable[Citation] | None = None) -> list[Check]:
        """Reads the files again and proves these citations; without any, every document of the index. A citation of a
        document that is not in the index fails before any file is touched: a saved answer may name anything."""
        known = self.documents()
        if not known:
            raise _nothing()
        if citations is None:
            return [check_document(self.document(i.id), self._reread(i.source, i.id)) for i in known]
        checks: list[Check] = []
        for citation in citations:
            try:
                self.document(citation.source)
            except RagError as error:
                checks.append(Check(citation.source, citation.quote, False, str(error)))
                continue
            checks += check_citations([citation], self._reread)
        return checks

    def _reread(self, source: str, doc_id: str) -> Document | RagError:
        try:
            return read_document(self.folder / source, source, self.settings.max_file_mb)[0]
        except RagError as error:
            return error


def compare(folder: Path, known: Mapping[str, Source], max_file_mb: int) -> tuple[FileOutcome, ...] | None:
    """The files that fail to be read, where every other file is as `known` has it and none is gone; else None. Only
    files that are new or touched are read."""
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(walk(folder))}
    if set(known) - set(paths):
        return None
    failed: list[FileOutcome] = []
    for name, path in paths.items():
        outcome = _failure(path, name, known.get(name), max_file_mb)
        if outcome is None:
            return None
        failed += [outcome] if outcome.state == "failed" else []
    return tuple(failed)


def unreadable(folder: Path, known: Mapping[str, Source], max_file_mb: int, most: int = 200) -> list[FileOutcome]:
    """The files that fail to be read, among those that the index does not know as they are: the first `most`."""
    failed: list[FileOutcome] = []
    read = 0
    for path in sorted(walk(folder)):
        name = path.relative_to(folder).as_posix()
        outcome = _failure(path, name, known.get(name), max_file_mb)
        read += outcome is None or outcome.state == "failed"
        failed += [outcome] if outcome is not None and outcome.state == "failed" else []
        if read >= most:
            break
    return failed


def skipped(folder: Path) -> list[str]:
    """Names of the files that have no parser, below the folder, without hidden and temporary ones."""
    found: list[str] = []
    for root, directories, files in os.walk(folder):
        directories[:] = sorted(d for d in directories if not d.startswith("."))
        for file in sorted(files):
            if not file.startswith((".", "~$")) and Path(file).suffix.lower() not in SUFFIXES:
                found.append((Path(root) / file).relative_to(folder).as_posix())
    return found


def some(names: Iterable[str], lang: str) -> str:
    """The first few names, and that there are more."""
    held = list(names)
    joined = ("、" if lang == "zh" else ", ").join(held[:_NAMED])
    return joined + ("" if len(held) <= _NAMED else "…")


def count(number: int, what: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def _failure(path: Path, name: str, known: Source | None, max_file_mb: int) -> FileOutcome | None:
    """`unchanged` or `failed`, in the words of a sync; None for a file that a sync would index."""
    try:
        stat = path.stat()
        if known and (known.size, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            return FileOutcome(name, "unchanged", known.doc_id)
        _, digest = read_document(path, name, max_file_mb)
    except RagError as error:
        return FileOutcome(name, "failed", reason=error.message("zh") + "\n" + error.message("en"))
    except OSError as error:
        return FileOutcome(name, "failed", reason=f"{name}: {error.strerror or error}")
    return FileOutcome(name, "unchanged", known.doc_id) if known and known.sha == digest else None


def _nothing() -> FolderError:
    return FolderError(
        "nothing is indexed yet; run: python -m rag index", "还没有建立索引；请先运行：python -m rag index"
    )
