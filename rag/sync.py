"""In step with the folder: files → documents → library → rankers. Interrupted anywhere, the next run continues."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from rag import feedback
from rag.chunk import chunk, title_of
from rag.errors import ParseError, RagError
from rag.fill import Filler
from rag.folder import File, files
from rag.index import RULES, Index
from rag.intake import Intake, Limits, Read
from rag.library import Entry, Refusal, Source
from rag.parse import identity
from rag.protocols import ProgressFn
from rag.types import Document, FileOutcome, Notice, Passage, Section, SyncReport

_AHEAD = 4  # files read while those before them are encoded
_BLOCK = 1 << 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileReader:
    """How files are read: by whom, into passages of which length, within which limits."""

    intake: Intake
    chars: int
    limits: Limits

    def read(self, path: Path, name: str) -> Read:
        """Raises ParseError."""
        return self.intake.read(path, name, chars=self.chars, limits=self.limits)

    def again(self, folder: Path, source: str) -> Document | RagError:
        """A file of the folder as it is now, or why it cannot be read: what a proof compares with."""
        try:
            return self.read(folder / source, source).document
        except RagError as error:
            return error

    @property
    def rules(self) -> str:
        """What a file that was refused was refused by; under other rules it is tried again."""
        return f"{RULES}|{self.limits.rules}"


Ahead = Callable[[Sequence[File], FileReader], Generator[tuple[File, Read | Notice], None, None]]
"""Reads files while those before them are stored and encoded: each with what was read of it, or why it could not be."""


def sync_folder(
    index: Index, folder: Path, reader: FileReader, progress: ProgressFn | None = None, ahead: Ahead | None = None
) -> SyncReport:
    """Brings the index in step with the folder: new and changed files are read, moved ones keep their vectors, deleted
    ones are forgotten, the rest is left alone. A file that cannot be read is reported, and the rest goes on. `ahead`
    reads in place of this process."""
    with Filler(index, progress) as filler:
        return _synced(index, folder, reader, filler, ahead or _read_ahead)


def _synced(index: Index, folder: Path, reader: FileReader, filler: Filler, ahead: Ahead) -> SyncReport:
    index.refresh()
    found = files(folder)
    known = index.library.sources()
    outcomes, todo = _compared(index, found, known, reader.rules)
    gone = gone_from(found, known)
    moved, todo = _moved(index, todo, known, gone)
    outcomes += moved
    renamed = {outcome.reason: outcome.source for outcome in moved if outcome.state == "renamed"}
    feedback.follow(index.directory, index.library, gone, renamed)  # first: it goes by the text that is to be forgotten
    for name in sorted(gone):
        index.library.remove_source(name, _retitled(index, gone[name].doc_id, without=name))
        outcomes.append(FileOutcome(name, "removed", gone[name].doc_id))
    if refused := set(index.library.refusals()):
        index.library.forget_refusals(refused - {file.name for file in found})
    index.library.remove(index.library.orphans())
    filler.begin(len(todo), sum(file.size for file in todo))
    stored: set[str] = set()
    with closing(ahead(todo, reader)) as coming:
        for file, read in coming:
            outcomes.append(_stored(index, file, known.get(file.name), read, reader.rules, stored))
            filler.read(file.name, file.size, outcomes[-1].passages)
    filler.finish()
    # Whatever became of the library in between: no mark outlives the file that it quotes.
    absent = gone_from(found, feedback.sources(index.directory))
    feedback.follow(index.directory, index.library, absent, {})
    mended, index.mended = index.mended, ()
    return SyncReport(tuple(sorted(outcomes, key=lambda o: o.source)), filler.seconds, mended)


def add_texts(
    index: Index, rows: Sequence[tuple[str, str, str]], *, chunk_chars: int, progress: ProgressFn | None
) -> None:
    """Makes the index hold these texts and no other, one document a row (id, title, text): all body, nothing is taken
    for furniture."""
    known = index.library.sources()
    for name in set(known) - {name for name, _, _ in rows}:
        index.library.remove_source(name)
    entries: list[Entry] = []
    for name, title, text in rows:
        digest = hashlib.sha256(f"{name}\0{title}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
        if name in known and known[name].sha == digest:
            continue
        document = Document(digest[:16], title, name, text, (Section((), 0, len(text)),) if text.strip() else ())
        entries.append(Entry(document, chunk(document, chars=chunk_chars), (Source(name, document.id, sha=digest),)))
    index.library.add_all(entries)
    index.library.remove(index.library.orphans())
    with Filler(index, progress) as filler:
        filler.finish()


def gone_from(found: Sequence[File], known: Mapping[str, T]) -> dict[str, T]:
    """Known files that the folder no longer holds; what lies in a folder that cannot be opened just now is not gone."""
    if not known:
        return {}
    closed = tuple(f"{file.name}/" for file in found if file.skipped)
    names = {file.name for file in found}
    return {name: source for name, source in known.items() if name not in names and not name.startswith(closed)}


def _compared(
    index: Index, found: Sequence[File], known: Mapping[str, Source], rules: str
) -> tuple[list[FileOutcome], list[File]]:
    """What is settled by name, size and time alone, and the files that have to be looked at."""
    refused = index.library.refusals()
    outcomes: list[FileOutcome] = []
    todo: list[File] = []
    for file in found:
        have, no = known.get(file.name), refused.get(file.name)
        if file.skipped:
            outcomes.append(_outcome(file, "skipped", file.skipped))
        elif have and (have.size, have.mtime_ns) == (file.size, file.mtime_ns):
            outcomes.append(FileOutcome(file.name, "unchanged", have.doc_id))
        elif no and (no.size, no.mtime_ns, no.rules) == (file.size, file.mtime_ns, rules):
            outcomes.append(_outcome(file, "failed", Notice(no.en, no.zh)))
        else:
            todo.append(file)
    return outcomes, todo


def _moved(
    index: Index, todo: Sequence[File], known: Mapping[str, Source], gone: dict[str, Source]
) -> tuple[list[FileOutcome], list[File]]:
    """Files whose very bytes are known: touched, renamed (taken out of `gone`), or the same document once more. Nothing
    of them is read or encoded again."""
    if not todo:
        return [], []
    sizes = {source.size for source in known.values()}
    held = {source.doc_id for source in known.values()}
    names: dict[str, deque[str]] = {}  # of what is gone, by document
    for name in sorted(gone):
        names.setdefault(gone[name].doc_id, deque()).append(name)
    outcomes: list[FileOutcome] = []
    rest: list[File] = []
    for file in todo:
        sha = _sha(file.path) if file.size in sizes else None
        doc_id = identity(sha, file.name) if sha else ""
        if sha is None or doc_id not in held:
            rest.append(file)
            continue
        before = known.get(file.name)
        old = names[doc_id].popleft() if not before and names.get(doc_id) else None
        source = Source(file.name, doc_id, file.size, file.mtime_ns, sha)
        index.library.set_source(source, old, _retitled(index, doc_id, file.name, old))
        if before and before.doc_id == doc_id:
            outcomes.append(FileOutcome(file.name, "unchanged", doc_id))
        elif before:
            outcomes.append(FileOutcome(file.name, "changed", doc_id))
        elif old is not None:
            del gone[old]
            outcomes.append(FileOutcome(file.name, "renamed", doc_id, reason=old))
        else:
            outcomes.append(FileOutcome(file.name, "same", doc_id))
    return outcomes, rest


def _retitled(index: Index, doc_id: str, name: str | None = None, without: str | None = None) -> list[Passage]:
    """The passages of a document whose title is another one when a file of that name holds it, and one `without` no
    longer: a file's name may say more than its document's title (河灯节2023.txt), and then its passages say it too."""
    names = index.library.names_of(doc_id)
    names = sorted({*names, *([name] if name is not None else [])} - {without})
    if not names:
        return []
    title = title_of(replace(index.library.document(doc_id), source=names[0]))
    return [replace(p, title=title) for p in index.library.passages_of(doc_id) if p.title != title and p.title]


def _read_ahead(todo: Sequence[File], reader: FileReader) -> Generator[tuple[File, Read | Notice], None, None]:
    """Each file with what was read of it, or why it could not be; the next ones are read meanwhile."""
    with ThreadPoolExecutor(1, thread_name_prefix="judian-read") as pool:
        waiting: deque[tuple[File, Future[Read]]] = deque()
        rest = iter(todo)
        try:
            while True:
                while len(waiting) < _AHEAD and (file := next(rest, None)):
                    waiting.append((file, pool.submit(reader.read, file.path, file.name)))
                if not waiting:
                    return
                file, future = waiting[0]
                read: Read | Notice
                try:
                    read = future.result()
                except ParseError as error:
                    read = Notice(error.message("en"), error.message("zh"))
                waiting.popleft()
                yield file, read
        except BaseException:  # stopped half way: what was not begun need not be, what was need not be ended
            if [future for _, future in waiting if not (future.cancel() or future.done())]:
                reader.intake.abandon()
            raise


def _stored(
    index: Index, file: File, known: Source | None, read: Read | Notice, rules: str, stored: set[str]
) -> FileOutcome:
    """`stored`: the documents of this sync's files before this one."""
    if isinstance(read, Notice):
        return _refused(index, file, known, read, rules)
    document = read.document
    source = Source(file.name, document.id, file.size, file.mtime_ns, read.sha)
    if document.id in stored:  # the first file of its name has stored it
        index.library.set_source(source)
        return FileOutcome(file.name, "changed" if known else "same", document.id)
    stored.add(document.id)
    index.library.add_all([Entry(document, read.passages, (source,), read.notices)])
    reason = read.notices[0] if read.notices else None
    told = f"{reason.zh}\n{reason.en}" if reason else ""
    return FileOutcome(file.name, "changed" if known else "indexed", document.id, len(read.passages), told)


def _refused(index: Index, file: File, known: Source | None, why: Notice, rules: str) -> FileOutcome:
    """What a file held is no longer in the folder when its file cannot be read; where it merely cannot be opened just now,
    it still is."""
    try:
        file.path.open("rb").close()
    except OSError:
        return _outcome(file, "failed", why)
    if known:
        index.library.remove_source(file.name, _retitled(index, known.doc_id, without=file.name))
    index.library.refuse(Refusal(file.name, file.size, file.mtime_ns, rules, why.en, why.zh))
    return _outcome(file, "failed", why)


def _outcome(file: File, state: str, why: Notice) -> FileOutcome:
    told = f"{why.zh}\n{why.en}"
    return FileOutcome(file.name, "skipped" if state == "skipped" else "failed", reason=told)


def _sha(path: Path) -> str | None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()
