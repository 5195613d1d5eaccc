"""`Embedder` over any SentenceTransformer: prompts, windows for long texts, batches of like length, remembered queries."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import numpy as np

from rag.embed.windows import average, batches, split_to_fit
from rag.protocols import Vectors
from rag.text import writable

_REMEMBERED = 512  # queries
_BATCH_TOKENS = 2048  # padded tokens a batch: larger is no faster on a processor, and a query waits for one batch
_BATCH_TEXTS = 64


class SentenceEmbedder:
    """Texts to unit vectors by a SentenceTransformer. Safe to call from several threads."""

    def __init__(self, model: Any, name: str, query_prompt: str = "", passage_prompt: str = "") -> None:
        """`model`: a SentenceTransformer. One whose first module has `lengths` is taken to be safe for several
        threads at once; others get one batch at a time, for tokenizers of `transformers` are not."""
        self.model = model
        self.prompts = {"query": query_prompt, "passage": passage_prompt}
        self._name = name
        self._lengths = getattr(model[0], "lengths", None)
        self._one: AbstractContextManager[Any] = nullcontext() if self._lengths else threading.RLock()
        self._queries: OrderedDict[str, Vectors] = OrderedDict()
        self._memory = threading.Lock()
        self._dim = _dimension(model) or int(self._run([""], "").shape[1])

    @property
    def name(self) -> str:
        return self._name

    @property
    def dim(self) -> int:
        return self._dim

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        """float32 rows of unit length, shape (len(texts), dim), in order; see `rag.protocols.Embedder`."""
        if isinstance(texts, str):
            raise TypeError("encode takes a list of texts, not one text")
        texts = [writable(text) for text in texts]
        if kind != "query":
            return self._encode(texts, self.prompts["passage"])
        with self._memory:
            known = {text: self._queries[text] for text in texts if text in self._queries}
            for text in known:
                self._queries.move_to_end(text)
        new = list(dict.fromkeys(text for text in texts if text not in known))
        if new:
            known.update(zip(new, self._encode(new, self.prompts["query"]), strict=True))
            with self._memory:
                self._queries.update((text, known[text]) for text in new)
                while len(self._queries) > _REMEMBERED:
                    self._queries.popitem(last=False)
        rows = np.empty((len(texts), self.dim), dtype=np.float32)
        for i, text in enumerate(texts):
            rows[i] = known[text]
        return rows

    def _encode(self, texts: list[str], prompt: str) -> Vectors:
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        parts, tokens, owners = self._windows(texts, prompt)
        vectors = np.empty((len(parts), self.dim), dtype=np.float32)
        for batch in batches(tokens, _BATCH_TOKENS, _BATCH_TEXTS):
            vectors[batch] = self._run([parts[i] for i in batch], prompt)
        return average(vectors, owners, tokens, len(texts))

    def _windows(self, texts: list[str], prompt: str) -> tuple[list[str], list[int], list[int]]:
        """Windows of all texts, the tokens of each, and the index of the text that each belongs to."""
        limit = _limit(self.model)

        def count(some: Sequence[str]) -> list[int]:
            return self.count_tokens([prompt + text for text in some])

        parts: list[str] = []
        tokens: list[int] = []
        owners: list[int] = []
        short = [i for i, text in enumerate(texts) if len(text) <= 8 * limit]
        counted = dict(zip(short, count([texts[i] for i in short]), strict=True)) if short else {}
        for i, text in enumerate(texts):
            fits = counted.get(i, limit + 1) <= limit
            windows = [(text, counted[i])] if fits else split_to_fit(text, limit, count)
            for part, size in windows:
                parts.append(part)
                tokens.append(size)
                owners.append(i)
        return parts, tokens, owners

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Tokens of each text as the model sees it, special tokens included, without a prompt."""
        if self._lengths is not None:
            return list(self._lengths(texts))
        with self._one:
            encoded = self.model.tokenizer(texts, truncation=False, padding=False, verbose=False)
            return [len(ids) for ids in encoded["input_ids"]]

    def _run(self, texts: list[str], prompt: str) -> Vectors:
        with self._one:
            vectors = self.model.encode(
                texts, prompt=prompt, batch_size=len(texts), show_progress_bar=False, convert_to_numpy=True
            )
        return np.asarray(vectors, dtype=np.float32)


def _limit(model: Any) -> int:
    """Tokens that the model takes at once; a model that states none is given windows of 8,192."""
    stated = model.max_seq_length
    return int(stated) if stated and stated < 1 << 20 else 8192  # a static model states infinity


def _dimension(model: Any) -> int | None:
    method = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
    found = method()
    return int(found) if found else None
