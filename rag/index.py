"""The index of one folder on disk: its directory, its manifest, its lock, and the parts opened together."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rag.config import Settings
from rag.errors import BusyError, FolderError, IndexBrokenError, IndexMismatchError, RagError
from rag.lexical import LexicalRanker
from rag.library import Library, is_library
from rag.protocols import Embedder, VectorStore
from rag.retrieve import DenseRanker
from rag.stores import open_store

RULES = "3"  # raise when parsing, furniture or chunking change what a passage is
_LOCK_SECONDS = 5.0


@dataclass(slots=True)
class Index:
    """Library and rankers of one folder, open. The library is the truth; the rankers can be rebuilt from it."""

    directory: Path
    library: Library
    lexical: LexicalRanker
    dense: DenseRanker
    store: VectorStore  # what `dense` searches

    def close(self) -> None:
        self.library.close()

    def refresh(self) -> None:
        """Takes what another process has written since; the caller holds the lock (`writing`). What the library calls
        indexed and a ranker does not hold is to be indexed again."""
        self.lexical.reload()
        if hasattr(self.store, "reload"):
            self.store.reload()
        _mark_lost(self.library, self.lexical, self.store)

    def flush(self) -> None:
        self.lexical.flush()
        self.dense.flush()


def find_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder of documents, absolute. The default name `seeds` is also found beside the package, so that a notebook
    runs from any working directory. Raises FolderError."""
    path = Path(folder).expanduser()
    beside = Path(__file__).resolve().parent.parent / "seeds"
    if not path.exists() and str(folder) == "seeds" and beside.is_dir():
        path = beside
    path = path.resolve()
    if not path.exists():
        raise FolderError(
            f"the folder '{folder}' does not exist; name a folder of documents, for example: python app.py my-folder",
            f"文件夹“{folder}”不存在；请指定一个放有文档的文件夹，例如：python app.py 我的文件夹",
        )
    if not path.is_dir():
        raise FolderError(
            f"'{folder}' is a file, not a folder; name the folder that holds it",
            f"“{folder}”是文件，不是文件夹；请指定它所在的文件夹",
        )
    if not os.access(path, os.R_OK | os.X_OK):
        raise FolderError(
            f"the folder '{folder}' cannot be read; check its permissions", f"文件夹“{folder}”无法读取；请检查权限"
        )
    return path


def directory_of(folder: Path, settings: Settings) -> Path:
    """Where the index of a folder lives: `index_dir`, or one directory per folder in the user's data directory."""
    if settings.index_dir:
        return Path(settings.index_dir).expanduser().resolve()
    import platformdirs

    digest = hashlib.sha256(str(folder).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return Path(platformdirs.user_data_dir("judian", appauthor=False)) / "indexes" / f"{folder.name or 'root'}-{digest}"


def open_index(directory: Path, embedder: Embedder, settings: Settings, folder: Path | None = None) -> Index:
    """Opens or makes the index. A damaged ranker is emptied and filled again from the library; vectors of another model
    are refused: IndexMismatchError names the command that rebuilds. An index cut by other rules is emptied."""
    directory.mkdir(parents=True, exist_ok=True)
    library = _library(directory, folder)
    try:
        if _outdated(library, embedder, settings, folder):
            library.close()
            discard(directory)
            library = _library(directory, folder)
        _write_manifest(library, embedder, settings, folder)
        try:
            lexical = LexicalRanker(directory / "lexical")
            store = open_store(settings.store, embedder.dim, directory / "vectors")
        except IndexBrokenError:
            shutil.rmtree(directory / "lexical", ignore_errors=True)
            shutil.rmtree(directory / "vectors", ignore_errors=True)
            lexical = LexicalRanker(directory / "lexical")
            store = open_store(settings.store, embedder.dim, directory / "vectors")
            library.mark_unindexed()
        _mark_lost(library, lexical, store)
    except BaseException as error:
        library.close()
        if folder and isinstance(error, RagError):
            error.at(folder)
        raise
    return Index(directory, library, lexical, DenseRanker(embedder, store, library.scripts), store)


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """One writer at a time, across processes. Raises BusyError naming who holds the index."""
    import filelock

    directory.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(directory / "writer.lock", timeout=_LOCK_SECONDS)
    holder = directory / "writer.pid"
    try:
        lock.acquire()
    except filelock.Timeout as error:
        try:
            who = holder.read_text(encoding="utf-8")
        except OSError:  # it has just ended, or holds the file open
            who = "?"
        raise BusyError(
            f"process {who} is writing this index; wait until it is done, or stop it",
            f"进程 {who} 正在写入这个索引；请等它完成，或先停止它",
        ) from error
    try:
        holder.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def discard(directory: Path) -> None:
    """Deletes the files of an index (and only those); the documents themselves are not touched. Raises
    IndexBrokenError where the directory holds another program's file of that name."""
    path = directory / "library.sqlite"
    if path.exists() and not is_library(path):
        raise IndexBrokenError(
            f"{path} is not a library of this program and is left alone; name another index directory (index_dir)",
            f"{path} 不是本程序的资料库，没有动它；请用 index_dir 指定别的索引目录",
        )
    for name in ("lexical", "vectors"):
        shutil.rmtree(directory / name, ignore_errors=True)
    for path in directory.glob("library.sqlite*"):
        path.unlink()


def _library(directory: Path, folder: Path | None) -> Library:
    try:
        return Library(directory / "library.sqlite")
    except RagError as error:
        if folder:
            error.at(folder)
        raise


def _mark_lost(library: Library, lexical: LexicalRanker, store: VectorStore) -> None:
    """A store kept in memory starts empty; one on disk that lost ids is filled again."""
    waiting = {p.id for doc in library.unindexed() for p in library.passages_of(doc)}
    held: set[int] | None = store.ids() if hasattr(store, "ids") else None
    if (held is not None and not library.ids() <= held | waiting) or lexical.count < library.count - len(waiting):
        library.mark_unindexed()


def _manifest(embedder: Embedder, settings: Settings) -> dict[str, str]:
    chunks = {"chunk_chars": str(settings.chunk_chars), "rules": RULES}
    return {"model": embedder.name, "dim": str(embedder.dim), **chunks}


def _outdated(library: Library, embedder: Embedder, settings: Settings, folder: Path | None) -> bool:
    """Whether other rules cut these passages: then the folder is read again, nothing is lost. Another model is a choice
    that costs time: IndexMismatchError asks for it by name."""
    want, have = _manifest(embedder, settings), library.meta()
    differ = [key for key in want if key in have and have[key] != want[key]]
    if not differ or not library.documents():
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
