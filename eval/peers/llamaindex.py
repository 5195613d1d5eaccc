"""LlamaIndex as its own guides set it up: the sentence splitter with its defaults, sentence-transformers, the vector index
in memory, top k. No language model takes part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eval.peers.pipelines import WARM, Row, content
from rag.errors import MissingExtraError


class LlamaIndex:
    """`SentenceSplitter()` → `HuggingFaceEmbedding` → `VectorStoreIndex.as_retriever`. With `prompts` (query's, passage's),
    each text is encoded with its own; without, as the framework does unless told."""

    name = "LlamaIndex"

    def __init__(self, model: str, variant: str, prompts: tuple[str, str] | None = None) -> None:
        """`model`: a SentenceTransformer's folder or a hub's name. Raises MissingExtraError."""
        self.variant = variant
        try:
            from llama_index.core import Document, VectorStoreIndex
            from llama_index.core.node_parser import SentenceSplitter
            from llama_index.embeddings.huggingface import HuggingFaceEmbedding
        except ImportError as error:
            raise MissingExtraError("peers") from error
        query, passage = prompts or (None, None)
        self._embedding = HuggingFaceEmbedding(
            model_name=model, query_instruction=query or None, text_instruction=passage or None
        )
        self._splitter = SentenceSplitter()
        self._documents, self._indexes = Document, VectorStoreIndex
        self._index: Any = None

    def warm(self) -> None:
        self._embedding.get_query_embedding(WARM)

    def index(self, rows: Sequence[Row]) -> int:
        documents = [self._documents(id_=source, text=content(title, text)) for source, title, text in rows]
        chunks = self._splitter.get_nodes_from_documents(documents)
        self._index = self._indexes(chunks, embed_model=self._embedding)
        return len(chunks)

    def search(self, query: str, depth: int) -> list[str]:
        found = self._index.as_retriever(similarity_top_k=depth).retrieve(query)
        return [str(node.node.ref_doc_id) for node in found]
