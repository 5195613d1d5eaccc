"""Vector stores, chosen by URL in one place."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rag.errors import SettingsError
from rag.stores.apart import PARTS, InHan, PartStore, ScriptStores, stamp_of
from rag.stores.calibrate import OwnQueries

__all__ = ["PARTS", "ScriptStores", "held_ids", "open_store", "purge_store"]

_OLD = "vectors.faiss"  # all vectors, in the layout before


def open_store(
    url: str, dim: int, directory: Path, in_han: InHan | None = None, own_queries: OwnQueries | None = None
) -> ScriptStores:
    """The store that `url` names, for vectors of `dim` numbers, with its files in `directory`: one part for the documents
    that `in_han` says are in Han characters, one for all others.

    `faiss:` is kept on disk, exact while that is fast and clustered beyond; `own_queries` makes up questions to measure its
    recall with. `memory:` is the exact reference and is gone when the program ends. `milvus:…` is a server's.
    Raises SettingsError for an unknown URL, IndexBrokenError for damaged files, IndexMismatchError where the files hold
    vectors of another dimension."""
    directory = Path(directory)
    parts: list[PartStore]
    scheme, colon, rest = url.partition(":")
    if colon and not rest and scheme == "memory":
        from rag.stores.memory import MemoryStore

        parts = [MemoryStore(dim) for _ in PARTS]
        return ScriptStores(dim, parts, in_han)
    if colon and not rest and scheme == "faiss":
        from rag.stores.growing import FaissStore

        parts = [FaissStore(dim, directory / part, own_queries) for part in PARTS]
        return ScriptStores(dim, parts, in_han, directory / _OLD)
    if colon and rest and scheme == "milvus":
        from rag.stores.milvus import open_milvus

        parts = [open_milvus(rest, dim, part, directory) for part in PARTS]
        return ScriptStores(dim, parts, in_han)
    raise SettingsError(
        f"no vector store '{url}'; use faiss:, memory: or milvus:http://host:19530/collection",
        f"没有向量库 {url}；可用 faiss:、memory: 或 milvus:http://主机:19530/集合名",
    )


def held_ids(url: str, directory: Path, doc_ids: Collection[str] = (), ids: Collection[int] = ()) -> set[int]:
    """The passage ids that the store of this URL still holds, those that were removed and not yet purged too; needs no model.
    Of a server, only those of these documents or among these ids. Raises IndexBrokenError, StoreAwayError."""
    scheme, _, address = url.partition(":")
    if scheme == "milvus":
        from rag.stores.milvus import left_of

        return left_of(address, doc_ids, ids)
    if url != "faiss:":
        return set()
    from rag.stores.state import old_ids, saved_ids

    held = [saved_ids(Path(directory) / part) for part in PARTS]
    return set(old_ids(Path(directory) / _OLD).tolist()).union(*(ids.tolist() for ids in held))


def purge_store(url: str, directory: Path) -> tuple[str, str]:
    """Takes what was removed out of the files of the store of this URL, which else goes when enough of it has gathered;
    needs no model. Returns the store's stamps before and after. The caller holds the writer's lock."""
    if url != "faiss:":
        return "", ""
    from rag.stores.growing import purge_files

    before, after = zip(*(purge_files(Path(directory) / part) for part in PARTS), strict=True)
    return stamp_of(before), stamp_of(after)
