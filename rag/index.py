"""The index of one folder on disk: its directory, its manifest, its lock, and the parts opened together."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rag.config import Settings
from rag.errors import BusyError, FolderError, IndexBrokenError, IndexMismatchError, RagError
from rag.lexical import LexicalRanker
from rag.library import Library, inode, is_library, salvaged
from rag.protocols import Embedder, VectorStore
from rag.retrieve import DenseRanker
from rag.stores import open_store
from rag.types import Notice

RULES = "4"  # raise when parsing, furniture or chunking change what a passage is
_LOCK_SECONDS = 5.0
_CHECKED = 256 << 20  # bytes of a library up to which every opening reads all of it: a second or two at most


@dataclass(slots=True)
class Index:
    """Library and rankers of one folder, open. The library is the truth; the rankers can be rebuilt from it."""

    directory: Path
    library: Library
    lexical: LexicalRanker
    dense: DenseRanker
    store: VectorStore  # what `dense` searches
    mended: tuple[Notice, ...] = ()  # what was found damaged on opening and made good

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
            store = open_store(settings.store, embedder.dim, directory / "vectors")
        except IndexBrokenError as error:
            en, zh = _what(error)
            mended += (Notice(f"{en}: filled again from the library", f"{zh}：已从资料库重新填充"),)
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
    return Index(directory, library, lexical, DenseRanker(embedder, store, library.scripts, library), store, mended)


def _as_it_is(directory: Path, embedder: Embedder, settings: Settings, folder: Path | None) -> Index:
    library = _library(directory, folder)
    try:
        if _outdated(library, embedder, settings, folder):
            raise BusyError(
                "another process is renewing this index; try again when it is done",
                "另一个进程正在更新这个索引；请等它完成后再试",
            )
        lexical = LexicalRanker(directory / "lexical")
        store = open_store(settings.store, embedder.dim, directory / "vectors")
    except BaseException:
        library.close()
        raise
    return Index(directory, library, lexical, DenseRanker(embedder, store, library.scripts, library), store)


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """One writer at a time, across processes. Raises BusyError naming who holds the index."""
    import filelock

    lock = filelock.FileLock(directory / "writer.lock", timeout=_LOCK_SECONDS)
    holder = directory / "writer.pid"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        if isinstance(error, filelock.Timeout):
            raise _held(holder) from error
        raise RagError(
            f"{directory} cannot be written ({error.strerror or error}); check permissions and free space, or set index_dir;"
            " see: python -m rag doctor",
            f"无法写入 {directory}（{error.strerror or error}）；请检查权限与磁盘空间，或设置 index_dir；"
            "可运行：python -m rag doctor",
        ) from error
    try:
        with suppress(OSError):  # a full disk: then nobody is told who holds it
            holder.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def _held(holder: Path) -> BusyError:
    try:
        who = holder.read_text(encoding="utf-8") or "?"
    except OSError:  # it has just ended, or holds the file open
        who = "?"
    return BusyError(
        f"process {who} is writing this index; wait until it is done, or stop it",
        f"进程 {who} 正在写入这个索引；请等它完成，或先停止它",
    )


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


def _mark_lost(library: Library, lexical: LexicalRanker, store: VectorStore) -> None:
    """A store kept in memory starts empty; one on disk that lost ids is filled again."""
    waiting = library.waiting_ids()
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
