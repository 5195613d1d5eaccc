"""LlamaIndex (llama-index-core 0.14): a retriever over an `Assistant`.

retriever = JudianRetriever.from_folder("my-folder", k=5)
retriever.retrieve("全国首个主题街区叫什么?")                   # list[NodeWithScore]
engine = RetrieverQueryEngine.from_args(retriever, llm=...)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from rag.adapters.fields import counted, identity, known, metadata
from rag.assistant import Assistant
from rag.errors import MissingExtraError
from rag.types import Hit

try:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.schema import NodeRelationship, NodeWithScore, QueryBundle, RelatedNodeInfo, TextNode
except ImportError as error:
    raise MissingExtraError("llamaindex") from error

TOLD = {"source", "title", "path", "page", "row", "date"}
"""Metadata that a language model or an embedder is given with the text; all else is for programs."""


class JudianRetriever(BaseRetriever):
    """The k best passages of an `Assistant` as nodes: the text as it stands in its document, `start_char_idx` and
    `end_char_idx` where, the document as the source node, `metadata` as in `rag.adapters.fields.metadata`.

    `filters`: keywords of `Assistant.retrieve` (documents, roles, since …). A query that it refuses raises our own
    QuestionError. Closing the assistant is up to who opened it.
    """

    def __init__(
        self,
        assistant: Assistant,
        k: int = 10,
        filters: Mapping[str, Any] | None = None,
        callback_manager: CallbackManager | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(callback_manager=callback_manager, verbose=verbose)
        self.assistant = assistant
        self.k = counted("k", k)
        self.filters = known(filters)

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
        narrowed, k = known(filters), counted("k", k)  # before the folder is read
        return cls(Assistant.open(folder, **opening), k, narrowed)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self.assistant.retrieve(query_bundle.query_str, self.k, **self.filters)
        return [NodeWithScore(node=_node(hit, rank), score=hit.score) for rank, hit in enumerate(hits, 1)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)  # the base class would hold the event loop up


def _node(hit: Hit, rank: int) -> TextNode:
    passage = hit.passage
    told = metadata(hit, rank)
    kept_back = sorted(told.keys() - TOLD)
    document = RelatedNodeInfo(
        node_id=passage.doc_id, metadata={"source": hit.source, "title": passage.title, "date": hit.date}
    )
    return TextNode(
        id_=identity(hit),
        text=passage.text,
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        metadata=told,
        relationships={NodeRelationship.SOURCE: document},
        excluded_embed_metadata_keys=kept_back,
        excluded_llm_metadata_keys=kept_back,
    )
