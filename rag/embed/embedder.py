"""`Embedder` over any encoder: prompts, windows for long texts, batches of like length, remembered questions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from rag.embed.encoder import Encoder, Piece
from rag.embed.plan import plan
from rag.embed.turns import Turns
from rag.embed.windows import average, batches, split_to_fit
from rag.protocols import Vectors
from rag.text import writable

_REMEMBERED = 512  # queries
_BATCH_TOKENS = 2048  # padded tokens at once: more is no faster on a processor, and a question waits for one batch
_LEAST_TOKENS = 256  # of a batch that is made smaller so that no lane is idle: a batch costs as much as some 100 tokens
_BATCH_TEXTS = 64
_FEW_TEXTS, _FEW_TOKENS = 16, 1024  # that are shared out by how soon all are done


class SentenceEmbedder:
    """Texts to unit vectors. Safe to call from several threads: few texts go before many, and those that wait together are
    encoded together (`rag.embed.turns`)."""

    def __init__(self, encoder: Encoder, name: str, query_prompt: str = "", passage_prompt: str = "") -> None:
        self.encoder = encoder
        self.prompts = {"query": query_prompt, "passage": passage_prompt}
        self._name = name
        self._budget = max(_LEAST_TOKENS, _BATCH_TOKENS // encoder.lanes)
        self._turns = Turns(encoder.encode, encoder.lanes, self._fits, encoder.mixes)
        self._queries: OrderedDict[str, Vectors] = OrderedDict()
        self._memory = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    @property
    def dim(self) -> int:
        return self.encoder.dim

    @property
    def model(self) -> Any:
        """A SentenceTransformer of the same vectors (prompts are its caller's affair), made when it is first asked for."""
        return self.encoder.model

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

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as the model sees it, special tokens included, without a prompt."""
        return [piece.size for piece in self.encoder.pieces(texts, "")]

    def _encode(self, texts: list[str], prompt: str) -> Vectors:
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        pieces, owners = self._windows(texts, prompt)
        widths = [self.encoder.width(piece.size) for piece in pieces]
        work = sum(widths)
        few = len(pieces) <= _FEW_TEXTS and work <= _FEW_TOKENS and self._fits(pieces)
        waited_for = len(pieces) > 1 and self.encoder.mixes and self._turns.idle  # by somebody for whom lanes are free
        if few and not waited_for and work <= _LEAST_TOKENS:
            vectors = self._turns.together(pieces)
        else:
            if few and waited_for:
                groups = plan(widths, self.encoder.lanes)
            else:
                share = -(-work // self.encoder.lanes)
                budget = min(self._budget, max(_LEAST_TOKENS, share))
                groups = batches(widths, budget, _BATCH_TEXTS, self.encoder.rows)
            found = self._turns.apart([[pieces[i] for i in group] for group in groups], urgent=work <= _BATCH_TOKENS)
            vectors = np.empty((len(pieces), self.dim), dtype=np.float32)
            for group, rows in zip(groups, found, strict=True):
                vectors[group] = rows
        return average(vectors, owners, [piece.size for piece in pieces], len(texts))

    def _fits(self, pieces: Sequence[Piece]) -> bool:
        if len(pieces) > _BATCH_TEXTS or any(piece.prompt != pieces[0].prompt for piece in pieces):
            return False
        return len(pieces) * self.encoder.width(max(piece.size for piece in pieces)) <= self._budget

    def _windows(self, texts: list[str], prompt: str) -> tuple[list[Piece], list[int]]:
        """Windows of all texts, and the index of the text that each belongs to. Every text is tokenised once, but for those
        that do not fit."""
        limit = self.encoder.limit

        def count(some: Sequence[str]) -> list[int]:
            return [piece.size for piece in self.encoder.pieces(some, prompt)]

        found: list[Piece] = []
        owners: list[int] = []
        short = [i for i, text in enumerate(texts) if len(text) <= 8 * limit]
        whole = dict(zip(short, self.encoder.pieces([texts[i] for i in short], prompt), strict=True)) if short else {}
        for i, text in enumerate(texts):
            if i in whole and whole[i].size <= limit:
                pieces = [whole[i]]
            else:
                pieces = self.encoder.pieces([part for part, _ in split_to_fit(text, limit, count)], prompt)
            found += pieces
            owners += [i] * len(pieces)
        return found, owners
