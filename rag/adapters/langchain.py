"""LangChain (langchain-core 1): a retriever over an `Assistant`.

retriever = JudianRetriever.from_folder("my-folder", k=5)
retriever.invoke("全国首个主题街区叫什么?")                     # list[Document]
chain = retriever | (lambda documents: documents[0].page_content)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from rag.adapters.fields import identity, known, metadata, within
from rag.assistant import Assistant
from rag.errors import MissingExtraError, RagError
from rag.types import Hits

try:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import RunnableConfig
    from langchain_core.runnables.config import get_config_list, run_in_executor
    from pydantic import ConfigDict, Field, field_validator
except ImportError as error:
    raise MissingExtraError("langchain") from error


class JudianRetriever(BaseRetriever):
    """The k best passages of an `Assistant` as LangChain documents: `page_content` is the passage as it stands in its
    document, `metadata` says where (see `rag.adapters.fields.metadata`).

    `k` and `filters` may be given to one call too: `retriever.invoke(query, k=3, filters={"since": "2023"})`. A query that
    `Assistant.retrieve` refuses raises our own QuestionError. Closing the assistant is up to who opened it.
    """

    # A filter given as a field of its own (`documents=…`) must not be lost: everything would be found.
    model_config = ConfigDict(extra="forbid")

    assistant: Assistant
    k: int = Field(default=10, ge=1)
    filters: dict[str, Any] = Field(default_factory=dict)  # keywords of Assistant.retrieve: documents, roles, since …

    @field_validator("filters")
    @classmethod
    def _known(cls, filters: dict[str, Any]) -> dict[str, Any]:
        return known(filters)

    @classmethod
    def from_folder(
        cls,
        folder: str | os.PathLike[str] | None = None,
        *,
        k: int = 10,
        filters: Mapping[str, Any] | None = None,
        **opening: Any,
    ) -> JudianRetriever:
        """Over a folder of documents (None: the configured one); `opening` goes to `Assistant.open`, and so do its errors."""
        narrowed = known(filters)  # before the folder is read
        assistant = Assistant.open(folder, **opening)
        try:
            return cls(assistant=assistant, k=k, filters=narrowed)
        except ValueError:  # of a field: nobody has the assistant to close it
            assistant.close()
            raise

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        filters: Mapping[str, Any] | None = None,
        ready: Hits | None = None,
        **passed: Any,  # what LangChain itself passes on, such as `verbose`
    ) -> list[Document]:
        """`ready`: what a batch has already found for this query. Raises SettingsError for a filter beside `filters`."""
        within(passed)
        wanted = self.k if k is None else k
        hits = ready if ready is not None else self.assistant.retrieve(query, wanted, **self._narrowed(filters))
        return [
            Document(id=identity(hit), page_content=hit.passage.text, metadata=metadata(hit, rank))
            for rank, hit in enumerate(hits, 1)
        ]

    async def _aget_relevant_documents(self, query: str, *, run_manager: Any, **given: Any) -> list[Document]:
        call = self._get_relevant_documents
        return await run_in_executor(None, call, query, run_manager=run_manager.get_sync(), **given)

    def batch(
        self,
        inputs: list[str],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[list[Document]]:
        """As `invoke` for each query, callbacks included; the queries are encoded in one batch."""
        try:
            narrowed, k = self._narrowed(kwargs.get("filters")), kwargs.get("k")
            found = self.assistant.retrieve_many(inputs, self.k if k is None else k, **narrowed)
        except RagError:  # one query is at fault: each by itself, so that the others are answered and it is named
            return super().batch(inputs, config, return_exceptions=return_exceptions, **kwargs)
        configs = get_config_list(config, len(inputs))
        return [
            self.invoke(query, one, **{**kwargs, "ready": hits})
            for query, one, hits in zip(inputs, configs, found, strict=True)
        ]

    async def abatch(
        self,
        inputs: list[str],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[list[Document]]:
        return await run_in_executor(None, self.batch, inputs, config, return_exceptions=return_exceptions, **kwargs)

    def _narrowed(self, filters: Mapping[str, Any] | None) -> dict[str, Any]:
        return known({**self.filters, **(filters or {})})
