"""Haystack (haystack-ai 3): a retriever component over a folder of documents.

pipeline = Pipeline()
pipeline.add_component("retriever", JudianRetriever("my-folder", top_k=5))
pipeline.run({"retriever": {"query": "全国首个主题街区叫什么?"}})       # {"retriever": {"documents": [Document, …]}}

A pipeline that was written down is read again by `Pipeline.loads(text, allowed_modules=["rag.adapters"])`: Haystack makes
no component of a module that it was not told to trust. It reports the use of pipelines to its makers unless
HAYSTACK_TELEMETRY_ENABLED=False; this component adds nothing to what it reports.
"""

# Not `from __future__ import annotations`: Haystack reads the types of `run` as they stand.
import asyncio
import os
import threading
from collections.abc import Sequence
from typing import Any

from rag.adapters.fields import counted, identity, known, metadata
from rag.assistant import Assistant
from rag.errors import MissingExtraError, SettingsError
from rag.types import Hit

try:
    from haystack import Document, component, default_from_dict, default_to_dict
    from haystack.utils.filters import document_matches_filter
except ImportError as error:
    raise MissingExtraError("haystack") from error

_DEPTH = 50  # passages looked through first where a filter of Haystack's own language is set


@component
class JudianRetriever:
    """The best passages for a query as Haystack documents: `content` is the passage as it stands in its document, `meta`
    says where (see `rag.adapters.fields.metadata`).

    `filters` are either keywords of `Assistant.retrieve` ({"documents": [...], "since": "2023"}) or Haystack's own language
    over `meta` ({"field": "meta.role", "operator": "==", "value": "body"}). The folder is opened by `warm_up`, which a
    pipeline calls by itself; `close` lets go of it.
    """

    def __init__(
        self,
        folder: str | None = None,
        top_k: int = 10,
        filters: dict[str, Any] | None = None,
        index_dir: str | None = None,
        assistant: Assistant | None = None,
    ) -> None:
        """`folder`: None for the configured one. `index_dir`: where its index lives, None for the default place.
        `assistant`: one that is open already; whoever opened it closes it."""
        counted("top_k", top_k)
        _checked(filters)
        self.folder = str(assistant.folder) if assistant is not None and assistant.folder else folder
        self.top_k = top_k
        self.filters = filters
        self.index_dir = index_dir
        self._given = assistant
        self._opened: Assistant | None = None
        self._lock = threading.Lock()

    @classmethod
    def from_folder(
        cls,
        folder: str | os.PathLike[str] | None = None,
        *,
        top_k: int = 10,
        filters: dict[str, Any] | None = None,
        index_dir: str | os.PathLike[str] | None = None,
        **opening: Any,
    ) -> "JudianRetriever":
        """Opens the folder at once; `opening` goes to `Assistant.open`, and so do its errors."""
        place = None if index_dir is None else str(index_dir)
        retriever = cls(None if folder is None else str(folder), top_k, filters, place)
        retriever._opened = Assistant.open(folder, index_dir=index_dir, **opening)
        return retriever

    @property
    def assistant(self) -> Assistant:
        """Opened where it is not yet."""
        self.warm_up()
        opened = self._given or self._opened
        assert opened is not None
        return opened

    def warm_up(self) -> None:
        with self._lock:
            if self._given is None and self._opened is None:
                self._opened = Assistant.open(self.folder, index_dir=self.index_dir)

    def close(self) -> None:
        """Closes what this component opened; the next question opens it again."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, top_k: int | None = None, filters: dict[str, Any] | None = None
    ) -> dict[str, list[Document]]:
        """At most `top_k` documents, best first. `filters` given here take the place of the component's own.

        Raises our QuestionError for a query that is empty or too long."""
        wanted = self.top_k if top_k is None else top_k
        chosen = self.filters if filters is None else filters
        if not _is_haystack(chosen):
            return {"documents": _documents(self.assistant.retrieve(query, wanted, **known(chosen)))}
        assert chosen is not None
        depth = max(wanted, _DEPTH)
        while True:  # its language cannot be searched by: look deeper until enough hold to it
            found = self.assistant.retrieve(query, depth)
            kept = [hit for hit in found if document_matches_filter(chosen, _document(hit, 1))]
            if len(kept) >= wanted or len(found) < depth:
                return {"documents": _documents(kept[: max(0, wanted)])}
            depth *= 4

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, top_k: int | None = None, filters: dict[str, Any] | None = None
    ) -> dict[str, list[Document]]:
        return await asyncio.to_thread(self.run, query, top_k, filters)

    def to_dict(self) -> dict[str, Any]:
        """Raises SettingsError over texts that lie in no folder: there would be nothing to open again."""
        if self._given is not None and self._given.folder is None:
            raise SettingsError(
                "this retriever is over texts, not over a folder, and cannot be written down; make it from a folder",
                "这个检索器建在文本上而不是文件夹上，无法序列化；请用文件夹来建立",
            )
        return default_to_dict(
            self, folder=self.folder, top_k=self.top_k, filters=self.filters, index_dir=self.index_dir
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "JudianRetriever":
        return default_from_dict(cls, data)


def _is_haystack(filters: dict[str, Any] | None) -> bool:
    return bool(filters) and "operator" in (filters or {})


def _checked(filters: dict[str, Any] | None) -> None:
    if not _is_haystack(filters):
        known(filters)


def _document(hit: Hit, rank: int) -> Document:
    return Document(id=identity(hit), content=hit.passage.text, meta=metadata(hit, rank), score=hit.score)


def _documents(hits: Sequence[Hit]) -> list[Document]:
    return [_document(hit, rank) for rank, hit in enumerate(hits, 1)]
