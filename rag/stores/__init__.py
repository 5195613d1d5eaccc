"""Vector stores, chosen by URL in one place."""

from __future__ import annotations

from pathlib import Path

from rag.errors import SettingsError
from rag.protocols import VectorStore

__all__ = ["held_ids", "open_store"]


def held_ids(url: str, directory: Path) -> set[int]:
    """Every passage id that the store of this URL keeps in its files; needs no model."""
    if url != "faiss:":
        return set()
    from rag.stores.flat import saved_ids

    return saved_ids(directory)


def open_store(url: str, dim: int, directory: Path) -> VectorStore:
    """The store that `url` names, for vectors of `dim` numbers, with its files in `directory`.

    `faiss:` is exact and kept on disk; `memory:` is the exact reference and is gone when the program ends.
    Raises SettingsError for an unknown URL, IndexBrokenError for damaged files, IndexMismatchError where the files hold
    vectors of another dimension.
    """
    scheme, colon, rest = url.partition(":")
    if colon and not rest and scheme == "memory":
        from rag.stores.memory import MemoryStore

        return MemoryStore(dim)
    if colon and not rest and scheme == "faiss":
        from rag.stores.flat import FlatStore

        return FlatStore(dim, directory)
    raise SettingsError(f"no vector store '{url}'; use faiss: or memory:", f"没有向量库 {url}；可用 faiss: 或 memory:")
