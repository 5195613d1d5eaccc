"""The whole flow in one file.

    add:  file → parse → label furniture → Document → chunk → Passages → library → rankers        (rag.sync)
    ask:  question (+ history) → understand → retrieve → read → compose → Answer with Citations   (ask, below)

Everything shown is a span of a document: `document.text[c.start:c.end] == c.quote` for every citation, checked here
before an answer leaves.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rag import about, asking
from rag.asking import checked, steadily, understood
from rag.citing import cited, sources_of
from rag.config import Settings
from rag.embed import open_embedder
from rag.errors import BusyError, FolderError, RagError, StoreAwayError
from rag.examples import examples_of
from rag.explanation import Explanation
from rag.explanation.build import explained
from rag.filters import Catalogues, Day, Names, Only, Scope, placed
from rag.filters import scope as scope_of
from rag.folder import files
from rag.index import Index, directory_of, discard, find_folder, open_index, writing
from rag.library import DocumentInfo
from rag.protocols import Embedder, ProgressFn, Reader
from rag.reader import open_reader, preload
from rag.retrieve import Retriever, both_scripts
from rag.shelf import Row, file_reader, rows
from rag.sync import add_texts, sync_folder
from rag.types import BODY_ROLES, LONGEST_QUESTION, Answer, Document, Hits, Passage, Question, Reading, SyncReport
from rag.verify import Check, check_citations, check_document

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["LONGEST_QUESTION", "Assistant", "checked", "no_document"]

T = TypeVar("T")
log = logging.getLogger(__name__)
_FURNITURE_HITS = 3  # furniture passages read beside the body's
_LARGE = 1000  # documents up to which the titles of all are looked at for one that a question names: about 20 ms
_NEAR = 200  # passages whose documents are looked at beyond


class Assistant:
    """Answers questions about one folder of documents. Takes finished parts; `open` builds them.

    Safe to use from several threads. Close it, or use it as a context manager.
    """

    def __init__(
        self, index: Index, embedder: Embedder, reader: Reader, settings: Settings, folder: Path | None
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.closed = False
        self._index = index
        self._embedder = embedder
        self._reader = reader
        self._made: tempfile.TemporaryDirectory[str] | None = None  # an index made for this object alone
        self._retriever = Retriever([index.dense, index.lexical], index.library.passages)
        self._catalogues = Catalogues()

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str] | None = None,
        settings: Settings | None = None,
        progress: ProgressFn | None = None,
        *,
        sync: bool = True,
        index_dir: str | os.PathLike[str] | None = None,
        embedder: Embedder | None = None,
        fresh: bool = False,
    ) -> Assistant:
        """Opens the index of a folder, making it where there is none, and brings it in step unless `sync` is False.
        `fresh` throws the index away first (never the documents): the way out of a broken or mismatched one.

        Raises FolderError, ModelError, IndexMismatchError (another model built the index), BusyError.
        """
        settings = settings or Settings.load()
        if index_dir is not None:
            settings = replace(settings, index_dir=str(index_dir))
        path = find_folder(folder if folder is not None else settings.folder)
        assistant = cls._build(directory_of(path, settings), settings, progress, embedder, path, fresh)
        if sync:
            try:
                assistant.sync(progress)
            except StoreAwayError as error:  # words answer meanwhile, and each answer says so
                log.warning("%s", error)
            except BaseException:
                assistant.close()
                raise
        return assistant

    @classmethod
    def from_texts(
        cls,
        rows: Iterable[tuple[str, str, str]],
        settings: Settings | None = None,
        progress: ProgressFn | None = None,
        *,
        index_dir: str | os.PathLike[str] | None = None,
        embedder: Embedder | None = None,
    ) -> Assistant:
        """Over texts instead of files: rows of (id, title, text), each one document whose `source` is its id."""
        settings = settings or Settings.load()
        made = tempfile.TemporaryDirectory(prefix="judian-", ignore_cleanup_errors=True) if index_dir is None else None
        directory = Path(made.name if made else str(index_dir))
        assistant = cls._build(directory, settings, progress, embedder, None)
        assistant._made = made
        try:
            with writing(directory):
                add_texts(assistant._index, list(rows), chunk_chars=settings.chunk_chars, progress=progress)
        except BaseException:
            assistant.close()
            raise
        return assistant

    @classmethod
    def _build(
        cls,
        directory: Path,
        settings: Settings,
        progress: ProgressFn | None,
        embedder: Embedder | None,
        folder: Path | None,
        fresh: bool = False,
    ) -> Assistant:
        if embedder is None:
            preload(
                settings.reader,
                settings.model,
                model_dir=settings.model_dir,
                engine=settings.engine,
                threads=settings.threads,
            )
        embedder = embedder or open_embedder(
            settings.model,
            engine=settings.engine,
            model_dir=settings.model_dir,
            query_prompt=settings.query_prompt,
            passage_prompt=settings.passage_prompt,
            threads=settings.threads,
            progress=progress,
        )
        reader = open_reader(
            embedder,
            settings.reader,
            refuse_below=settings.refuse_below,
            model_dir=settings.model_dir,
            engine=settings.engine,
            threads=settings.threads,
        )
        try:
            with writing(directory):
                if fresh:  # only now: a model that cannot be had leaves the old index as it is
                    discard(directory)
                index = open_index(directory, embedder, settings, folder)
        except BusyError:
            if fresh or not (directory / "library.sqlite").is_file():
                raise
            index = open_index(directory, embedder, settings, folder, reading=True)  # what another process has ready
        return cls(index, embedder, reader, settings, folder)

    def close(self) -> None:
        self.closed = True
        self._index.close()
        if self._made is not None:
            self._made.cleanup()

    def __enter__(self) -> Assistant:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the folder -------------------------------------------------------------------------------------------------

    def sync(self, progress: ProgressFn | None = None) -> SyncReport:
        """Brings the index in step with the folder. Raises FolderError where the folder holds nothing that can be read."""
        if self.folder is None:
            return SyncReport((), 0.0)
        with writing(self._index.directory):
            if self._index.replaced:
                self._take(open_index(self._index.directory, self._embedder, self.settings, self.folder))
            report = sync_folder(self._index, self.folder, file_reader(self.settings), progress)
        if not self._index.library.count:
            told = [o.reason.splitlines() for o in report.failed[:3] if o.reason]  # Chinese first, English last
            zh, en = " ".join(lines[0] for lines in told), " ".join(lines[-1] for lines in told)
            raise no_document(self.folder, en, zh)
        return report

    def rebuild(self, progress: ProgressFn | None = None) -> SyncReport:
        """Throws the index away (never the documents) and builds it anew in its place: not beside it, for not every system
        deletes open files. For a moment, questions of other threads raise BusyError; then they find what is read so far."""
        directory = self._index.directory
        with writing(directory):  # first: whoever may not write goes on with what there is
            self._index.close()
            discard(directory)
            self._take(open_index(directory, self._embedder, self.settings, self.folder))
        return self.sync(progress)

    def documents(self) -> list[DocumentInfo]:
        return self._index.library.documents()

    def files(self) -> list[Row]:
        """Every file of the folder with what has become of it, in order of name; nothing is read for it."""
        if self.folder is None:
            return [Row(info.source, "ready" if info.indexed else "waiting", info) for info in self.documents()]
        return rows(self._index.library, files(self.folder), file_reader(self.settings).rules)

    def document(self, id_or_source: str) -> Document:
        """Raises UnknownDocumentError, naming the nearest."""
        return self._index.library.document(id_or_source)

    def passages(self, id_or_source: str) -> tuple[Passage, ...]:
        """The passages of a document in their order. Raises UnknownDocumentError, naming the nearest."""
        library = self._index.library
        return tuple(library.passages_of(id_or_source) or library.passages_of(self.document(id_or_source).id))

    def examples(self, n: int = 4, lang: str = "zh") -> list[str]:
        """Questions taken from the material that it answers; the same for the same material."""
        return examples_of(self._index.library, self.ask, n, lang)

    # -- questions --------------------------------------------------------------------------------------------------

    def retrieve(
        self,
        query: str,
        k: int = 10,
        doc_ids: Collection[str] | None = None,
        *,
        documents: Names = None,
        roles: Names = None,
        since: Day = None,
        until: Day = None,
        rankers: Names = None,
    ) -> Hits:
        """The k best passages for a query with the rank each ranker gave them; furniture after body text.

        Filters, here and below: `documents` by id, source or pattern ("reports/*.pdf"), `roles` of passages ("body",
        "comment"), `since` and `until` by the documents' own dates ("2023-10"; both included), `rankers` ("dense" alone).
        Raises QuestionError, UnknownDocumentError: see `rag.filters.scope`."""
        only = Only(documents=documents, roles=roles, since=since, until=until, rankers=rankers)
        return self._found(checked(query), k, self._scope(doc_ids, **only))

    def retrieve_many(
        self, queries: Sequence[str], k: int = 10, doc_ids: Collection[str] | None = None, **only: Unpack[Only]
    ) -> list[Hits]:
        """`retrieve` for many queries, which are encoded together: the same hits, sooner. Filters as there."""
        scope = self._scope(doc_ids, **only)
        return [self._found(query, k, scope) for query in self._together(asking.several(queries), str, scope)]

    def ask(
        self,
        question: str,
        history: Sequence[str] = (),
        doc_ids: Collection[str] | None = None,
        *,
        documents: Names = None,
        roles: Names = None,
        since: Day = None,
        until: Day = None,
        rankers: Names = None,
    ) -> Answer:
        """One question, answered by quotes or refused. `history` holds the chat's earlier questions, oldest first.

        Raises QuestionError for an empty question or one over 2,000 characters, and as `retrieve` does."""
        only = Only(documents=documents, roles=roles, since=since, until=until, rankers=rankers)
        scoped = partial(self._scope, doc_ids, **only)
        return steadily(partial(self._ask, question, history), scoped, scoped())()

    def ask_many(
        self,
        questions: Sequence[str],
        histories: Sequence[Sequence[str]] | None = None,
        doc_ids: Collection[str] | None = None,
        **only: Unpack[Only],
    ) -> list[Answer]:
        """`ask` for many questions, which are encoded together, and each is read while others are looked for: the same
        answers, sooner. `histories` holds one history a question; filters as in `retrieve`."""
        scoped, pairs = partial(self._scope, doc_ids, **only), asking.paired(questions, histories)
        scope = scoped()
        together = self._together(pairs, lambda pair: understood(*pair).full, scope)
        return list(asking.flowing(steadily(partial(self._ask, *pair), scoped, scope) for pair in together))

    def _ask(self, asked: str, history: Sequence[str], scope: Scope) -> Callable[[], Answer]:
        """Looks for a question's passages and begins to read them; what it returns finishes the answer."""
        clock = asking.Clock()
        question = understood(asked, history)
        clock.lap("understand")
        if question.kind == "greeting":
            return partial(asking.greeted, question, clock)
        hits = self._hits(question, scope)
        clock.lap("retrieve")
        document_of = cache(self.document)  # a document is fetched once for one question
        reading = self._read(question, hits, scope, document_of)
        clock.lap("read")
        cite = partial(cited, self._index.library, document_of)
        return partial(asking.answered, question, reading, hits, cite, clock)

    def explain(
        self, question: str, history: Sequence[str] = (), doc_ids: Collection[str] | None = None, **only: Unpack[Only]
    ) -> Explanation:
        """Why `ask` answers as it does: every sentence weighed, every feature with its weight, and why the others lost.

        Filters and errors as in `ask`."""
        scoped = partial(self._scope, doc_ids, **only)
        return steadily(lambda scope: partial(self._explain, question, history, scope), scoped, scoped())()

    def _explain(self, asked: str, history: Sequence[str], scope: Scope) -> Explanation:
        question = understood(asked, history)
        document_of = cache(self.document)
        hits = Hits() if question.kind == "greeting" else self._hits(question, scope)
        reading = self._read(question, hits, scope, document_of)()
        weighed = {finding.passage for finding in reading.candidates or reading.findings}
        return explained(question, reading, self._reader, sources_of(self._index.library, weighed, document_of))

    def verify(self, answer: Answer | None = None) -> list[Check]:
        """Reads the files again and proves every quote of an answer; without an answer, every document of the index."""
        if answer is None:
            return [
                check_document(self.document(info.id), self._reread(info.source, info.id)) for info in self.documents()
            ]
        return check_citations((*answer.citations, *answer.nearest), self._reread)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _take(self, index: Index) -> None:
        before, self._index = self._index, index
        self._retriever = Retriever([index.dense, index.lexical], index.library.passages)
        before.close()

    def _scope(self, doc_ids: Collection[str] | None, **only: Unpack[Only]) -> Scope:
        catalogue = partial(self._catalogues.of, self._index.library)
        return scope_of(catalogue, self._retriever.names, doc_ids=doc_ids, **only)

    def _together(self, items: Sequence[T], query_of: Callable[[T], str], scope: Scope) -> Iterator[T]:
        """The items in order; before each batch of them, the rankers are told of its queries."""
        for at in range(0, len(items), asking.TOGETHER):
            batch = items[at : at + asking.TOGETHER]
            self._retriever.prepare([query_of(item) for item in batch], scope.rankers)
            yield from batch

    def _found(self, query: str, k: int, scope: Scope) -> Hits:
        return placed(self._searched(query, k, scope), self._index.library)

    def _searched(self, query: str, k: int, scope: Scope, furniture: bool = False) -> Hits:
        pool = self.settings.pool
        return self._retriever.retrieve(
            query, k, pool=pool, furniture=furniture, doc_ids=scope.doc_ids, roles=scope.roles, rankers=scope.rankers
        )

    def _hits(self, question: Question, scope: Scope) -> Hits:
        """The body passages to read, and the best few of the furniture: a question may be about the page itself."""
        found = self._searched(question.full, self.settings.pool, scope, furniture=True)
        body = [h for h in found if h.passage.role in BODY_ROLES]
        documents = {hit.passage.doc_id for hit in body}
        body = both_scripts(body, self.settings.k, documents - self._index.library.in_han(documents))
        rest = [h for h in found if h.passage.role not in BODY_ROLES]
        few = scope.furniture(_FURNITURE_HITS, self.settings.k)
        return placed(Hits([*body, *rest[:few]], question.full, found.away), self._index.library)

    def _read(
        self, question: Question, hits: Hits, scope: Scope, document_of: Callable[[str], Document]
    ) -> Callable[[], Reading]:
        at_hand = partial(self._at_hand, question, scope)
        return about.begun(question, hits, self._reader, scope.lets, at_hand, document_of)

    def _at_hand(self, question: Question, scope: Scope) -> list[DocumentInfo]:
        """The documents that a question about documents may mean: all, or in a large folder those that are found for it."""
        library = self._index.library
        if library.document_count <= _LARGE:
            return scope.among(library.documents())
        near = self._searched(question.full, _NEAR, scope, furniture=True)
        return library.documents({hit.passage.doc_id for hit in near})

    def _reread(self, source: str, doc_id: str) -> Document | RagError:
        if self.folder is None:
            return self.document(doc_id)
        return file_reader(self.settings).again(self.folder, source)


def no_document(folder: Path, en: str = "", zh: str = "") -> FolderError:
    return FolderError(
        f"no readable document in '{folder}'; put documents there (PDF, DOCX, HTML, text …). {en}".strip(),
        f"“{folder}”中没有可读的文档；请放入文档（PDF、DOCX、HTML、文本等）。{zh}".strip(),
    )
