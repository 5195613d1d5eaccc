"""Library and rankers in step: told by the rankers' stamps, found out id by id only where these do not tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import StoreAwayError
from rag.lexical import LexicalRanker
from rag.lexical.files import damages
from rag.library import Library
from rag.protocols import Embedder, Vectors, VectorStore
from rag.retrieve import DenseRanker
from rag.stores import PARTS
from rag.text import sentence_spans

_QUESTION = 60  # characters of a sentence that is taken for a question


def stamps_of(lexical: LexicalRanker, store: VectorStore) -> dict[str, str]:
    """Of each ranker what its durable state is called; "" where nothing of it is durable."""
    return {LexicalRanker.name: lexical.stamp, DenseRanker.name: str(getattr(store, "stamp", ""))}


def bring_in_step(library: Library, lexical: LexicalRanker, store: VectorStore) -> frozenset[str]:
    """What the library calls indexed and a ranker does not hold is to be indexed again. A ranker whose stamp is the one that
    the library has is in step, as is one without a stamp (in memory, on a server) that holds as many passages as are called
    indexed. Only others are compared id by id: a store that lost a file, a run that was stopped between the rankers' files and
    the library's word for them. Returns the rankers that are then known to be in step: not one whose store is away, so that
    its stamp never vouches for what nobody looked at."""
    stamps, known = stamps_of(lexical, store), library.held()
    unsure = [name for name, stamp in stamps.items() if not stamp or known.get(name) != stamp]
    rankers = {LexicalRanker.name: lexical, DenseRanker.name: store}
    unsure = [name for name in unsure if stamps[name] or not _full(rankers[name], library)]
    held = {name: ids for name in unsure if (ids := _held(rankers[name])) is not None}
    if held:
        need = np.setdiff1d(library.ids(), library.waiting_ids(), assume_unique=True)
        lost = np.unique(np.concatenate([np.setdiff1d(need, ids) for ids in held.values()]))
        if len(lost):
            library.mark_unindexed(library.documents_of(lost))
    library.mark_indexed((), {name: stamps[name] for name in held if stamps[name]})
    return frozenset(stamps.keys() - set(unsure) | held.keys())


def keep_step(library: Library, ranker: str, before: str, after: str) -> None:
    """A ranker whose files were written anew with what they held (from the one stamp to the other) is in step as it was."""
    if before != after and library.held().get(ranker) == before:
        library.mark_indexed((), {ranker: after})


def check_rankers(directory: Path, url: str) -> list[str]:
    """Reads every file of the rankers of an index, however large, and says what is not as it was written. Empty: sound.
    Loads no model."""
    wrong = damages(directory / "lexical")
    if url == "faiss:":
        from rag.stores.state import FILE, check_state

        wrong += [told for part in PARTS for told in check_state(directory / "vectors" / part / FILE)]
    return wrong


def _full(ranker: object, library: Library) -> bool:
    try:
        return bool(getattr(ranker, "count", None) == library.count - library.waiting)
    except StoreAwayError:
        return False


def _held(ranker: object) -> NDArray[np.int64] | None:
    """Every passage id that it holds; None where it cannot tell: it has no list of them, or is away just now."""
    ids = getattr(ranker, "ids", None)
    try:
        return None if ids is None else np.asarray(ids(), dtype=np.int64)
    except StoreAwayError:
        return None


def own_queries(library: Library, embedder: Embedder, most: int) -> Vectors:
    """Vectors of what might be asked of this material: sentences of passages from all over it, encoded as questions are.
    float32, shape (at most `most`, dim); the same for the same material."""
    told: list[str] = []
    for passage in library.sample(most):
        spans = sentence_spans(passage.text)
        if spans:
            start, end = spans[passage.id % len(spans)]
            told.append(passage.text[start:end].strip()[:_QUESTION])
    told = [text for text in dict.fromkeys(told) if text]
    return embedder.encode(told, "query") if told else np.empty((0, embedder.dim), dtype=np.float32)
