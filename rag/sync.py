"""In step with the folder: files → documents → library → rankers. Interrupted anywhere, the next run continues."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rag.chunk import chunk
from rag.errors import RagError
from rag.furniture import label
from rag.index import Index
from rag.library import Source
from rag.parse import SUFFIXES, parse_bytes
from rag.parse.encoding import read_bytes
from rag.protocols import ProgressFn
from rag.types import Document, FileOutcome, Passage, Progress, Section, SyncReport

_GROUP = 192  # passages encoded between two checkpoints: about ten seconds on two cores


def sync_folder(
    index: Index, folder: Path, *, chunk_chars: int, max_file_mb: int, progress: ProgressFn | None = None
) -> SyncReport:
    """Brings the index in step with the folder: new and changed files are read, deleted ones forgotten, the rest is
    left alone. A file that cannot be read is reported and skipped."""
    started = time.perf_counter()
    report: ProgressFn = progress or (lambda _: None)
    index.refresh()
    known = index.library.sources()
    outcomes: list[FileOutcome] = []
    paths = sorted(walk(folder))
    for done, path in enumerate(paths):
        name = path.relative_to(folder).as_posix()
        report(Progress("files", done, len(paths), name))
        outcomes.append(_sync_file(index, path, name, known.get(name), chunk_chars, max_file_mb))
    report(Progress("files", len(paths), len(paths)))
    gone = sorted(set(known) - {path.relative_to(folder).as_posix() for path in paths})
    for name in gone:
        index.library.remove_source(name)
        outcomes.append(FileOutcome(name, "removed", known[name].doc_id))
    index.library.remove(index.library.orphans())
    fill_rankers(index, report)
    return SyncReport(tuple(outcomes), time.perf_counter() - started)


def add_texts(
    index: Index, rows: Sequence[tuple[str, str, str]], *, chunk_chars: int, progress: ProgressFn | None
) -> None:
    """Makes the index hold these texts and no other, one document a row (id, title, text): all body, nothing is taken
    for furniture."""
    known = index.library.sources()
    for name in set(known) - {name for name, _, _ in rows}:
        index.library.remove_source(name)
    entries: list[tuple[Document, Sequence[Passage], Sequence[Source]]] = []
    for name, title, text in rows:
        digest = hashlib.sha256(f"{name}\0{title}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
        if name in known and known[name].sha == digest:
            continue
        document = Document(digest[:16], title, name, text, (Section((), 0, len(text)),) if text.strip() else ())
        entries.append((document, chunk(document, chars=chunk_chars), (Source(name, document.id, sha=digest),)))
    index.library.add_all(entries)
    index.library.remove(index.library.orphans())
    fill_rankers(index, progress or (lambda _: None))


def fill_rankers(index: Index, report: ProgressFn) -> None:
    """Brings the rankers in step with the library, in groups, each durable before the next begins."""
    removed = index.library.removed()
    if removed:
        index.lexical.remove(removed)
        index.dense.remove(removed)
        index.flush()
        index.library.mark_forgotten(removed)
    waiting = index.library.unindexed()
    total = sum(len(index.library.passages_of(doc)) for doc in waiting)
    done = 0
    for group in _groups(waiting, index.library.passages_of):
        passages = [p for _, ps in group for p in ps]
        docs = [doc for doc, _ in group]
        index.lexical.remove(docs)
        index.dense.remove(docs)
        for start in range(0, len(passages), 32):
            report(Progress("passages", done, total))
            index.dense.add(passages[start : start + 32])
            done += len(passages[start : start + 32])
        index.lexical.add(passages)
        index.flush()
        index.library.mark_indexed(docs)
    if waiting:
        report(Progress("passages", total, total))


def read_document(path: Path, name: str, max_file_mb: int) -> tuple[Document, str]:
    """The document of a file and the hash of the file's bytes. Raises ParseError."""
    data = read_bytes(path, max_file_mb << 20)  # once: a file that is being written must not get another text's id
    digest = hashlib.sha256(data).hexdigest()
    return label(parse_bytes(data, path.name), doc_id=digest[:16], source=name), digest


def walk(folder: Path) -> Iterator[Path]:
    """Files that have a parser, below the folder, without hidden and temporary ones; symlink loops are not followed."""
    for root, directories, files in os.walk(folder):
        directories[:] = sorted(d for d in directories if not d.startswith("."))
        for file in files:
            if not file.startswith((".", "~$")) and Path(file).suffix.lower() in SUFFIXES:
                yield Path(root) / file


def _sync_file(
    index: Index, path: Path, name: str, known: Source | None, chunk_chars: int, max_file_mb: int
) -> FileOutcome:
    try:
        stat = path.stat()
        if known and (known.size, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            return FileOutcome(name, "unchanged", known.doc_id)
        document, digest = read_document(path, name, max_file_mb)
        source = Source(name, document.id, stat.st_size, stat.st_mtime_ns, digest)
        if known and known.sha == digest:
            index.library.set_source(source)
            return FileOutcome(name, "unchanged", known.doc_id)
        passages = chunk(document, chars=chunk_chars)
        index.library.add(document, passages, [source])
        return FileOutcome(name, "changed" if known else "indexed", document.id, len(passages))
    except RagError as error:
        return FileOutcome(name, "failed", reason=error.message("zh") + "\n" + error.message("en"))
    except OSError as error:
        return FileOutcome(name, "failed", reason=f"{name}: {error.strerror or error}")


def _groups(
    docs: Sequence[str], passages_of: Callable[[str], list[Passage]]
) -> Iterator[list[tuple[str, list[Passage]]]]:
    group: list[tuple[str, list[Passage]]] = []
    size = 0
    for doc in docs:
        passages = passages_of(doc)
        group.append((doc, passages))
        size += len(passages)
        if size >= _GROUP:
            yield group
            group, size = [], 0
    if group:
        yield group
