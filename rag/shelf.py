"""A folder and its library without a model: what listing, showing and proving need, and what a folder holds beside
documents. Nothing here changes an index, but for one of an older format, which becomes one of this."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from rag.config import Settings
from rag.errors import FolderError, ParseError, RagError
from rag.folder import File, files
from rag.index import RULES, directory_of, find_folder, library_of
from rag.intake import Limits, shared
from rag.library import DocumentInfo, Library, Source
from rag.sync import FileReader, gone_from
from rag.types import Citation, Document, Notice
from rag.verify import Check, check_citations, check_document

_NAMED = 5  # file names in one message


State = Literal["ready", "partly", "waiting", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Row:
    """One file of the folder, and what has become of it."""

    source: str
    state: State
    info: DocumentInfo | None = None
    notices: tuple[Notice, ...] = ()  # why, where it is not simply ready


class Shelf:
    """The documents of a folder as its index knows them. Close it, or use it as a context manager.

    Raises FolderError where the folder cannot be used or nothing is indexed, IndexBrokenError for a damaged library,
    BusyError for one of an older format that another process writes.
    """

    def __init__(self, settings: Settings) -> None:
        self.folder = find_folder(settings.folder)
        self.settings = settings
        directory = directory_of(self.folder, settings)
        if not (directory / "library.sqlite").is_file():  # opening would make one
            raise _nothing()
        self.library = library_of(directory)

    def close(self) -> None:
        self.library.close()

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def empty(self) -> bool:
        """Whether the index knows no file and has none left to forget."""
        return not (self.library.document_count or self.library.some_sources(1) or self.library.removed())

    def in_step(self) -> bool:
        """Whether the index is in step with the folder, by names, sizes and times: nothing is read."""
        have = self.library.meta()
        same = (have.get("rules"), have.get("chunk_chars")) == (RULES, str(self.settings.chunk_chars))
        if not same or not self.library.count or self.library.unindexed() or self.library.removed():
            return False
        found = files(self.folder)
        waiting = (row.state == "waiting" for row in rows(self.library, found, file_reader(self.settings).rules))
        return not any(waiting) and not gone_from(found, self.library.sources())

    def rows(self) -> list[Row]:
        """Every file of the folder with what has become of it, in order of name."""
        return rows(self.library, files(self.folder), file_reader(self.settings).rules)

    def sources(self) -> dict[str, Source]:
        return self.library.sources()

    def documents(self) -> list[DocumentInfo]:
        return self.library.documents()

    def document(self, id_or_source: str) -> Document:
        """Raises UnknownDocumentError, naming the nearest."""
        return self.library.document(id_or_source)

    def verify(self, citations: Iterable[Citation] | None = None) -> list[Check]:
        """Reads the files again and proves these citations; without any, every document of the index. A citation of a
        document that is not in the index fails before any file is touched: a saved answer may name anything."""
        known = self.documents()
        if not known:
            raise _nothing()
        if citations is None:
            return [check_document(self.document(i.id), self._reread(i.source, i.id)) for i in known]
        checks: list[Check] = []
        reread = cache(self._reread)  # a file is read once, however many citations name it
        for citation in citations:
            try:
                self.document(citation.source)
            except RagError as error:
                checks.append(Check(citation.source, citation.quote, False, str(error)))
                continue
            checks += check_citations([citation], reread)
        return checks

    def _reread(self, source: str, doc_id: str) -> Document | RagError:
        return file_reader(self.settings).again(self.folder, source)


def file_reader(settings: Settings) -> FileReader:
    """How the files of a folder are read under these settings."""
    limits = Limits(settings.max_file_mb << 20, settings.file_seconds, ocr=settings.ocr)
    return FileReader(shared(), settings.chunk_chars, limits)


def rows(library: Library, found: Sequence[File], rules: str) -> list[Row]:
    """What has become of each file: ready, partly (read, but for what `reason` says), waiting (new, changed, or not yet
    encoded), failed, skipped."""
    known, refused = library.sources(), library.refusals()
    infos = {info.id: info for info in library.documents()}
    made: list[Row] = []
    for file in found:
        have, no = known.get(file.name), refused.get(file.name)
        info = infos.get(have.doc_id) if have else None
        if file.skipped:
            made.append(Row(file.name, "skipped", None, (file.skipped,)))
        elif info and have and (have.size, have.mtime_ns) == (file.size, file.mtime_ns):
            state: State = "waiting" if not info.indexed else "partly" if info.notices else "ready"
            made.append(Row(file.name, state, info, info.notices))
        elif no and (no.size, no.mtime_ns, no.rules) == (file.size, file.mtime_ns, rules):
            made.append(Row(file.name, "failed", None, (Notice(no.en, no.zh),)))
        else:
            made.append(Row(file.name, "waiting", info))
    return made


def examined(folder: Path, settings: Settings, most: int = 200) -> list[Row]:
    """Every file of the folder; what the index does not know as it is, is read to tell whether it can be: the first
    `most`. Makes no index."""
    found = files(folder)
    try:
        with Shelf(replace(settings, folder=str(folder))) as shelf:
            known = shelf.rows()
    except RagError:  # no index yet, or a damaged one: that is told by itself
        known = [Row(f.name, "skipped", None, (f.skipped,)) if f.skipped else Row(f.name, "waiting") for f in found]
    reader = file_reader(settings)
    tried = 0
    made: list[Row] = []
    for row in known:
        if row.state == "waiting" and tried < most:
            tried += 1
            try:
                reader.read(folder / row.source, row.source)
            except ParseError as error:
                made.append(Row(row.source, "failed", None, (Notice(error.en, error.zh),)))
                continue
        made.append(row)
    return made


def some(names: Iterable[str], lang: str) -> str:
    """The first few names, and that there are more."""
    held = list(names)
    joined = ("、" if lang == "zh" else ", ").join(held[:_NAMED])
    return joined + ("" if len(held) <= _NAMED else "…")


def count(number: int, what: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def _nothing() -> FolderError:
    return FolderError(
        "nothing is indexed yet; run: python -m rag index", "还没有建立索引；请先运行：python -m rag index"
    )
