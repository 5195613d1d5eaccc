"""What turns texts that fit into vectors, one batch at a time: the seam below `SentenceEmbedder`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rag.protocols import Vectors


@dataclass(frozen=True, slots=True)
class Piece:
    """A text on its way into a batch."""

    prompt: str
    text: str
    size: int  # tokens, prompt and special tokens included
    ids: Sequence[int] = ()  # the tokens, where the encoder takes them; nothing where it reads the text itself


class Encoder(Protocol):
    """Safe to call from as many threads at once as it has lanes, and `pieces` from any number."""

    @property
    def dim(self) -> int: ...

    @property
    def limit(self) -> int:
        """Tokens of a text that are read at once; what is longer is cut by `encode`."""
        ...

    @property
    def lanes(self) -> int:
        """How many batches run side by side."""
        ...

    @property
    def mixes(self) -> bool:
        """Whether a piece's row is the same to the bit in whatever batch it comes."""
        ...

    @property
    def prompts(self) -> Mapping[str, str | None]:
        """The prompts that the model's own files name."""
        ...

    @property
    def model(self) -> Any:
        """A SentenceTransformer of the same vectors, made when it is asked for."""
        ...

    def pieces(self, texts: Sequence[str], prompt: str) -> list[Piece]:
        """Each text with its tokens, whatever their number."""
        ...

    def width(self, size: int) -> int:
        """Tokens that a batch of longest text `size` is padded to."""
        ...

    def rows(self, count: int) -> int:
        """Rows that a batch of `count` pieces is filled up to."""
        ...

    def encode(self, pieces: Sequence[Piece]) -> Vectors:
        """One batch of pieces of one prompt: float32 rows, shape (len(pieces), dim)."""
        ...


class LibraryEncoder:
    """Any SentenceTransformer. One batch at a time."""

    lanes = 1
    mixes = False  # torch's products differ in the last bits with the number of rows

    def __init__(self, model: Any) -> None:
        """`model`: a SentenceTransformer. One whose first module has `lengths` is taken to be safe for several threads at
        once; others get one call at a time, for tokenizers of `transformers` are not."""
        self.model = model
        self._lengths = getattr(model[0], "lengths", None)
        self._one: AbstractContextManager[Any] = nullcontext() if self._lengths else threading.RLock()
        self._dim = _dimension(model) or int(self.encode([Piece("", "", 1)]).shape[1])

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def limit(self) -> int:
        """What the model states; one that states nothing (a static model: infinity) is given windows of 8,192."""
        stated = self.model.max_seq_length
        return int(stated) if stated and stated < 1 << 20 else 8192

    @property
    def prompts(self) -> Mapping[str, str | None]:
        found: Mapping[str, str | None] = self.model.prompts
        return found

    def pieces(self, texts: Sequence[str], prompt: str) -> list[Piece]:
        prompted = [prompt + text for text in texts]
        if self._lengths is not None:
            sizes = list(self._lengths(prompted))
        else:
            with self._one:
                encoded = self.model.tokenizer(prompted, truncation=False, padding=False, verbose=False)
                sizes = [len(ids) for ids in encoded["input_ids"]]
        return [Piece(prompt, text, size) for text, size in zip(texts, sizes, strict=True)]

    def width(self, size: int) -> int:
        return size

    def rows(self, count: int) -> int:
        return count

    def encode(self, pieces: Sequence[Piece]) -> Vectors:
        with self._one:
            vectors = self.model.encode(
                [piece.text for piece in pieces],
                prompt=pieces[0].prompt,
                batch_size=len(pieces),
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        return np.asarray(vectors, dtype=np.float32)


def _dimension(model: Any) -> int | None:
    method = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
    found = method()
    return int(found) if found else None
