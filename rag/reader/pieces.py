"""Questions and passages as the span network takes them: token ids, and where each token of a text stands in it."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.reader.network import Sizes
from rag.reader.reads import Piece
from rag.reader.window import QUERY, prefix
from rag.text import writable

_MOST_QUESTION = 64  # tokens of a question that are read, as in training
_MOST_HEAD = 120  # tokens of title and section; a longer head is left out
_OVERLAP = 64  # tokens that two pieces of a long passage share: no shorter than the longest span
_REMEMBERED = (
    1024  # passages whose tokens are kept, some 4 KB each: half a millisecond of a core for each one found again
)
_STEP = 16  # tokens to whose multiple a batch is padded: at 56 a window's last bits were others than at 64

Tokens = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Ids, shape (tokens), and the characters that each stands for, shape (tokens, 2): start and end."""


class Cutter:
    """Cuts passages into pieces of at most `sizes.positions` tokens. Any number of threads may call it."""

    def __init__(self, tokenizer: Any, sizes: Sizes) -> None:
        self._tokenizer, self._sizes = tokenizer, sizes
        self._known: OrderedDict[bytes, Tokens] = OrderedDict()  # the latest last
        self._lock = threading.Lock()

    def pieces(self, question: str, contexts: Sequence[tuple[str, str]]) -> list[Piece]:
        """The pieces of every (head, text) in order, each behind the question."""
        sizes = self._sizes
        contexts = [(writable(head), writable(text)) for head, text in contexts]
        asked = self._tokenizer.encode(QUERY + writable(question), add_special_tokens=False).ids[:_MOST_QUESTION]
        lead = [sizes.bos, *asked, sizes.eos]
        told = self._tokens([prefix(head) + text for head, text in contexts])
        found: list[Piece] = []
        for index, ((head, _), (ids, places)) in enumerate(zip(contexts, told, strict=True)):
            base = len(prefix(head))
            inside = np.flatnonzero(places[:, 1] > base)
            split = int(inside[0]) if len(inside) else len(ids)
            front = ids[:split] if split <= _MOST_HEAD else ids[:1]
            body, offsets = ids[split:], places[split:] - base
            room = sizes.positions - len(lead) - len(front) - 1
            at = 0
            while True:
                part = slice(at, at + room)
                whole = np.concatenate([lead, front, body[part], [sizes.eos]])
                found.append(Piece(index, whole, len(lead) + len(front), offsets[part]))
                if at + room >= len(body):
                    break
                at += max(1, room - _OVERLAP)
        return found

    def width(self, piece: Piece) -> int:
        """Tokens that it is padded to."""
        return min(-(-len(piece.ids) // _STEP) * _STEP, self._sizes.positions)

    def filled(self, pieces: Sequence[Piece]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Ids and mask of a batch, shape (pieces, the widest)."""
        shape = len(pieces), max(map(self.width, pieces))
        ids, mask = np.full(shape, self._sizes.pad, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for row, piece in enumerate(pieces):
            ids[row, : len(piece.ids)] = piece.ids
            mask[row, : len(piece.ids)] = 1
        return ids, mask

    def _tokens(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text, from memory or worked out now. Memory holds digests and no text."""
        keys = [hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest() for text in texts]
        with self._lock:
            known = {key: self._known[key] for key in keys if key in self._known}
            for key in known:
                self._known.move_to_end(key)
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if fresh:
            encoded = self._tokenizer.encode_batch(list(fresh.values()), add_special_tokens=False)
            new: dict[bytes, Tokens] = {
                key: (np.array(each.ids, dtype=np.int32), np.array(each.offsets, dtype=np.int32).reshape(-1, 2))
                for key, each in zip(fresh, encoded, strict=True)
            }
            known |= new
            with self._lock:
                self._known.update(new)
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return [known[key] for key in keys]
