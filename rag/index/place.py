"""Where an index lies, who may write it, and how its files are thrown away."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rag.config import Settings
from rag.errors import BusyError, FolderError, IndexBrokenError, RagError
from rag.library import Library, is_library

_LOCK_SECONDS = 5.0


def find_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder of documents, absolute. The default name `seeds` is also found beside the package, so that a notebook
    runs from any working directory. Raises FolderError."""
    path = Path(folder).expanduser()
    beside = Path(__file__).resolve().parents[2] / "seeds"
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


def library_of(directory: Path) -> Library:
    """The library of an index, to be read by whoever holds no lock. One of an older format becomes one of this first, but
    only under the lock: BusyError where another process writes."""
    path = directory / "library.sqlite"
    try:
        return Library(path, reading=True)
    except BusyError:
        with writing(directory):
            return Library(path)


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
