"""LangChain as its own guides set it up: the recursive splitter with its defaults, sentence-transformers, FAISS, top k."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from eval.peers.pipelines import WARM, Row, content
from rag.errors import MissingExtraError


class LangChain:
    """`RecursiveCharacterTextSplitter()` → `HuggingFaceEmbeddings` → `FAISS.similarity_search`. With `prompts` (query's,
    passage's), each text is encoded with its own; without, as the framework does unless told."""

    name = "LangChain"

    def __init__(self, model: str, variant: str, prompts: tuple[str, str] | None = None) -> None:
        """`model`: a SentenceTransformer's folder or a hub's name. Raises MissingExtraError."""
        self.variant = variant
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of its own deprecations: nothing that a reader of the table can mend
                from langchain_community.vectorstores import FAISS
                from langchain_core.documents import Document
                from langchain_huggingface import HuggingFaceEmbeddings
                from langchain_text_splitters import RecursiveCharacterTextSplitter
        except ImportError as error:
            raise MissingExtraError("peers") from error
        given: dict[str, Any] = {}
        if prompts:
            given = {"query_encode_kwargs": {"prompt": prompts[0]}, "encode_kwargs": {"prompt": prompts[1]}}
        self._embeddings = HuggingFaceEmbeddings(model_name=model, **given)
        self._splitter = RecursiveCharacterTextSplitter()
        self._documents, self._faiss = Document, FAISS
        self._store: Any = None

    def warm(self) -> None:
        self._embeddings.embed_query(WARM)

    def index(self, rows: Sequence[Row]) -> int:
        documents = [
            self._documents(page_content=content(title, text), metadata={"source": source})
            for source, title, text in rows
        ]
        chunks = self._splitter.split_documents(documents)
        self._store = self._faiss.from_documents(chunks, self._embeddings)
        return len(chunks)

    def search(self, query: str, depth: int) -> list[str]:
        return [str(found.metadata["source"]) for found in self._store.similarity_search(query, k=depth)]
