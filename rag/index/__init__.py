"""The index of one folder on disk: its directory, its manifest, its lock, and the parts opened together."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rag.config import Settings
from rag.errors import BusyError, IndexBrokenError, IndexMismatchError, RagError
from rag.index.place import directory_of, discard, find_folder, library_of, writing
from rag.index.step import bring_in_step, check_rankers, keep_step, own_queries, stamps_of
from rag.lexical import LexicalRanker
from rag.library import Library, inode, is_library, salvaged
from rag.protocols import Embedder, VectorStore
from rag.retrieve import DenseRanker
from rag.stores import ScriptStores, open_store
from rag.types import Notice

__all__ = [
    "RULES", "Index", "check_rankers", "directory_of", "discard", "find_folder", "keep_step", "library_of", "open_index",
    "own_queries", "writing",
]  # fmt: skip

RULES = "4"  # raise when parsing, furniture or chunking change what a passage is
_CHECKED = 96 << 20  # bytes of a library up to which every opening reads all of it: about a second


@dataclass(slots=True)
class Index:
    """Library and rankers of one folder, open. The library is the truth; the rankers can be rebuilt from it."""

    directory: Path
    library: Library
    lexical: LexicalRanker
    dense: DenseRanker
    store: VectorStore  # what `dense` searches
    mended: tuple[Notice, ...] = ()  # what was found damaged on opening and made good
    proven: frozenset[str] = frozenset()  # the rankers that are known to hold all that the library calls indexed

    def close(self) -> None:
        self.library.close()

    @property
    def replaced(self) -> bool:
        """Whether another process has built the index anew since: what is open here are the files that it deleted."""
        return inode(self.library.path) != self.library.inode

    def refresh(self) -> None:
        """Takes what another process has written since; the caller holds the lock (`writing`). What the library calls
        indexed and a ranker does not hold is to be indexed again."""
        self.lexical.reload()
        if hasattr(self.store, "reload"):
            self.store.reload()
        self.proven = bring_in_step(self.library, self.lexical, self.store)

    def flush(self) -> None:
        """Makes durable what the rankers hold, and before it what the library does."""
        self.library.settle()
        self.lexical.flush()
        self.dense.flush()

    @property
    def stamps(self) -> dict[str, str]:
        """The stamps of the rankers that are in step, by their names: see `Library.mark_indexed`."""
        return {name: stamp for name, stamp in stamps_of(self.lexical, self.store).items() if name in self.proven}


def open_index(
    directory: Path, embedder: Embedder, settings: Settings, folder: Path | None = None, *, reading: bool = False
) -> Index:
    """Opens or makes the index. A damaged ranker is emptied and filled again from the library; a damaged library forgets
    what is damaged, and the next sync reads it again; vectors of another model are refused: IndexMismatchError names the
    command that rebuilds. Documents cut by other rules are forgotten, their vectors kept.

    `reading`: another process writes it; it is taken as it is, and nothing in it is mended or changed."""
    if reading:
        return _as_it_is(directory, embedder, settings, folder)
    directory.mkdir(parents=True, exist_ok=True)
    library, mended = _sound(directory, folder, embedder.name)
    try:
        if _outdated(library, embedder, settings, folder):
            library.clear()
            for name in ("lexical", "vectors"):
                shutil.rmtree(directory / name, ignore_errors=True)
        _write_manifest(library, embedder, settings, folder)
        try:
            lexical = LexicalRanker(directory / "lexical")
            store = _store(directory, embedder, settings, library)
        except IndexBrokenError as error:
            en, zh = _what(error)
            mended += (Notice(f"{en}: filled again from the library", f"{zh}：已从资料库重新填充"),)
            shutil.rmtree(directory / "lexical", ignore_errors=True)
            shutil.rmtree(directory / "vectors", ignore_errors=True)
            lexical = LexicalRanker(directory / "lexical")
            store = _store(directory, embedder, settings, library)
            library.mark_unindexed()
        proven = bring_in_step(library, lexical, store)
    except BaseException as error:
        library.close()
        if folder and isinstance(error, RagError):
            error.at(folder)
        raise
    return Index(directory, library, lexical, DenseRanker(embedder, store, library), store, mended, proven)


def _as_it_is(directory: Path, embedder: Embedder, settings: Settings, folder: Path | None) -> Index:
    library = _library(directory, folder, reading=True)
    try:
        if _outdated(library, embedder, settings, folder):
            raise BusyError(
                "another process is renewing this index; try again when it is done",
                "另一个进程正在更新这个索引；请等它完成后再试",
            )
        lexical = LexicalRanker(directory / "lexical")
        store = _store(directory, embedder, settings, library)
    except BaseException:
        library.close()
        raise
    return Index(directory, library, lexical, DenseRanker(embedder, store, library), store)


def _store(directory: Path, embedder: Embedder, settings: Settings, library: Library) -> ScriptStores:
    questions = partial(own_queries, library, embedder)
    return open_store(settings.store, embedder.dim, directory / "vectors", library.in_han, questions)


def _library(directory: Path, folder: Path | None, *, reading: bool = False) -> Library:
    try:
        return Library(directory / "library.sqlite", reading=reading)
    except RagError as error:
        if folder:
            error.at(folder)
        raise


def _sound(directory: Path, folder: Path | None, model: str) -> tuple[Library, tuple[Notice, ...]]:
    """The library, without what was found damaged in it: the folder still has the documents, so nothing is lost."""
    path = directory / "library.sqlite"
    made = any((directory / name).is_dir() for name in ("lexical", "vectors"))  # after the library, always
    if made and not (path.is_file() and path.stat().st_size):
        return _anew(directory, model, "library: it is missing or empty", "资料库缺失或为空")
    try:
        library = _library(directory, folder)
    except IndexBrokenError as error:
        if not is_library(path):
            raise
        return _anew(directory, model, *_what(error))
    damages = library.damages() if path.stat().st_size <= _CHECKED else []
    if not damages:
        return library, ()
    told = "; ".join(damage.what for damage in damages[:3])
    if not all(damage.doc_id for damage in damages):
        library.close()
        return _anew(directory, model, told, told)
    library.remove({damage.doc_id for damage in damages})
    return library, (Notice(f"{told}: read again from the folder", f"{told}：已从文件夹重新读取"),)


def _what(error: RagError) -> tuple[str, str]:
    """What is wrong, without the command that would mend what is being mended."""
    return error.en.split("; run:")[0], error.zh.split("；请运行")[0]


def _anew(directory: Path, model: str, en: str, zh: str) -> tuple[Library, tuple[Notice, ...]]:
    path = directory / "library.sqlite"
    vectors = salvaged(path, model) if path.is_file() else []
    discard(directory)
    library = Library(path)
    library.take_vectors(vectors)
    return library, (Notice(f"{en}: the library is made anew from the folder", f"{zh}：资料库已从文件夹重建"),)


def _manifest(embedder: Embedder, settings: Settings) -> dict[str, str]:
    chunks = {"chunk_chars": str(settings.chunk_chars), "rules": RULES}
    return {"model": embedder.name, "dim": str(embedder.dim), **chunks}


def _outdated(library: Library, embedder: Embedder, settings: Settings, folder: Path | None) -> bool:
    """Whether other rules cut these passages: then the folder is read again, nothing is lost. Another model is a choice
    that costs time: IndexMismatchError asks for it by name."""
    want, have = _manifest(embedder, settings), library.meta()
    differ = [key for key in want if key in have and have[key] != want[key]]
    if not differ or not library.document_count:
        return False
    if "model" in differ or "dim" in differ:
        command = "python -m rag rebuild" + (f' "{folder}"' if folder else "")
        raise IndexMismatchError(
            f"the index was built with the model {have['model']}, now {want['model']} is set; no document is lost;"
            f" set the model back or run: {command}",
            f"索引是用模型 {have['model']} 建立的，现在设置的是 {want['model']}；文档没有丢失，请改回设置，或运行：{command}",
        )
    return True


def _write_manifest(library: Library, embedder: Embedder, settings: Settings, folder: Path | None) -> None:
    have = library.meta()
    want = _manifest(embedder, settings) | ({"folder": str(folder)} if folder else {})
    for key, value in want.items():
        if have.get(key) != value:
            library.set_meta(key, value)
