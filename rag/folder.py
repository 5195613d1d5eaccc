"""What a folder holds: the files that are documents, and those that are passed over, each with the reason; and how a file
is put there or taken out of it."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.errors import FolderError, ParseError
from rag.parse import SUFFIXES
from rag.text.terminal import safe
from rag.types import Notice

ACCEPTED = tuple(sorted(SUFFIXES))  # what a file's name may end in to be a document
UPLOADS = "judian-uploads-"  # beginning of the name of a page's folder for uploads, among the system's temporary files
_TEMPORARY = (".tmp", ".temp", ".part", ".crdownload", ".download", ".swp")
_SYSTEM = frozenset({"thumbs.db", "desktop.ini"})
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789")})
_FORBIDDEN = '<>:"|?*'  # by Windows, which would not even make such a file
_LONGEST = 120  # bytes of a name before its suffix
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """One file below the folder, as the listing found it."""

    name: str  # relative to the folder, with forward slashes
    place: str  # its path as the system has it: a `Path` for each of 100,000 files would cost more than the listing
    size: int = 0  # bytes
    mtime_ns: int = 0
    skipped: Notice | None = None  # why it is passed over; None: it is a document

    @property
    def path(self) -> Path:
        return Path(self.place)


def files(folder: Path) -> list[File]:
    """Every file below the folder in order of name. Hidden, temporary and system files are no documents of anybody's and
    are left out; symbolic links to folders are not followed, so that no loop can trap a walk. Raises FolderError."""
    return sorted(_walk(folder), key=lambda file: file.name)


def documents(folder: Path) -> Iterator[File]:
    """Those that have a parser, in no order: the first is there at once."""
    return (file for file in _walk(folder) if not file.skipped)


def _walk(folder: Path) -> Iterator[File]:
    waiting = [(folder, "")]
    while waiting:
        place, inside = waiting.pop()
        try:
            entries = list(os.scandir(place))
        except OSError as error:
            if place == folder:
                raise _unreadable(folder, error) from error
            yield File(inside.rstrip("/"), str(place), skipped=_closed(error))
            continue
        for entry in entries:
            name = entry.name
            if name.startswith((".", "~$")) or name.endswith("~") or name.lower() in _SYSTEM:
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append((Path(entry.path), f"{inside}{name}/"))
            elif not name.lower().endswith(_TEMPORARY):
                yield _file(entry, f"{inside}{name}")


def _file(entry: os.DirEntry[str], name: str) -> File:
    path = entry.path
    try:
        status = entry.stat()
    except OSError as error:  # a link that leads nowhere or to itself, or a file just deleted
        return File(name, path, skipped=_closed(error))
    if stat.S_ISDIR(status.st_mode):
        return File(name, path, skipped=Notice("a link to a folder is not followed", "指向文件夹的链接，不跟随"))
    if not stat.S_ISREG(status.st_mode):
        return File(name, path, skipped=Notice("not an ordinary file", "不是普通文件"))
    suffix = os.path.splitext(path)[1].lower()
    unknown = None
    if suffix not in SUFFIXES:
        told = suffix or "none"
        unknown = Notice(
            f"no parser for files of type '{told}'; save it as PDF, DOCX, HTML or text",
            f"没有 {suffix or '无后缀'} 类型的解析器；请另存为 PDF、DOCX、HTML 或文本",
        )
    return File(name, path, status.st_size, status.st_mtime_ns, unknown)


def _unreadable(folder: Path, error: OSError) -> FolderError:
    why = error.strerror or str(error)
    return FolderError(
        f"the folder '{folder}' cannot be read ({why}); put it back, or check its permissions",
        f"文件夹“{folder}”无法读取（{why}）；请放回原处，或检查权限",
    )


def _closed(error: OSError) -> Notice:
    why = error.strerror or str(error)
    return Notice(f"cannot be read ({why}); check its permissions", f"无法读取（{why}）；请检查权限")


# -- putting files in and taking them out -------------------------------------------------------------------------


def clean_name(name: str) -> str:
    """The name under which a file that somebody hands over may lie in a folder: its last part, without what would hide,
    steer or lead elsewhere. Raises ParseError for a type that is not read."""
    base = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    base = "".join(c for c in safe(base.replace("\n", " ").replace("\t", " ")) if c != "\ufffd")
    if os.name == "nt":
        base = "".join("_" if c in _FORBIDDEN else c for c in base)
    base = base.strip().lstrip(".~ ").strip()
    stem, suffix = os.path.splitext(base)
    if base.startswith(tuple(SUFFIXES)) or f".{base.lower()}" in SUFFIXES:  # nothing was left before the suffix
        stem, suffix = "", f".{base.rpartition('.')[2]}"
    if suffix.lower() not in SUFFIXES:
        raise ParseError(
            f"{base or 'this file'}: files of type '{suffix or 'none'}' are not read; save it as PDF, DOCX, HTML or text",
            f"{base or '这个文件'}：不支持 {suffix or '无后缀'} 类型的文件；请另存为 PDF、DOCX、HTML 或文本",
        )
    stem = stem.encode("utf-8", "ignore")[:_LONGEST].decode("utf-8", "ignore").rstrip(" .") or "document"
    if stem.split(".")[0].strip().lower() in _RESERVED:
        stem = f"_{stem}"
    return stem + suffix


def put(folder: Path, name: str, data_path: Path, max_bytes: int) -> str:
    """Copies a file into the folder and returns the name that it has there. The very file under that name is left as it
    is, another one is kept beside it, as "name (2).pdf". Raises ParseError for a file that could not be read anyway,
    FolderError where the folder takes none."""
    name = clean_name(name)
    try:
        size = data_path.stat().st_size
    except OSError as error:
        raise ParseError(
            f"{name}: the uploaded file is no longer there; choose it again", f"{name}：上传的文件已不在；请重新选择"
        ) from error
    if not size:
        raise ParseError(f"{name} is empty; choose a file with content", f"{name} 是空文件；请选择有内容的文件")
    if size > max_bytes:
        raise ParseError(
            f"{name} has {size >> 20} MB, at most {max_bytes >> 20} are read; split it, or raise max_file_mb",
            f"{name} 有 {size >> 20} MB，最多读取 {max_bytes >> 20} MB；请拆分它，或调大设置 max_file_mb",
        )
    beside = folder / f".judian-{secrets.token_hex(8)}.part"
    try:
        digest = _copied(data_path, beside)
        return _settled(folder, name, beside, digest)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        _dropped(beside)


def take_out(folder: Path, name: str) -> None:
    """Deletes a file of the folder: one that `files` lists, and nothing else. Raises FolderError."""
    path = folder / name
    inside = not any(parent.is_symlink() for parent in path.parents if parent != folder and folder in parent.parents)
    if name not in {file.name for file in files(folder)} or not inside or (path.is_dir() and not path.is_symlink()):
        raise FolderError(
            f"the folder holds no file '{name}'; look at the list again", f"文件夹中没有文件“{name}”；请重新查看列表"
        )
    try:
        path.unlink()
    except FileNotFoundError:  # somebody else was first: it is out
        return
    except OSError as error:
        raise _unwritable(folder, error) from error


def _copied(data_path: Path, beside: Path) -> bytes:
    digest = hashlib.sha256()
    with data_path.open("rb") as source, beside.open("xb") as target:
        while block := source.read(_BLOCK):
            digest.update(block)
            target.write(block)
        target.flush()
        os.fsync(target.fileno())
    return digest.digest()


def _settled(folder: Path, name: str, beside: Path, digest: bytes) -> str:
    """Gives the copy its name, never in place of another file."""
    stem, suffix = os.path.splitext(name)
    number = 0
    while True:
        number += 1
        told = name if number == 1 else f"{stem} ({number}){suffix}"
        path = folder / told
        if not os.path.lexists(path):
            try:
                os.link(beside, path)  # fails where a file of that name has come in between; renaming would replace it
            except FileExistsError:
                continue
            except OSError:  # a file system without links
                os.rename(beside, path)
            return told
        if path.is_file() and _digest(path) == digest:
            return told


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.digest()


def _dropped(beside: Path) -> None:
    try:
        beside.unlink(missing_ok=True)
    except OSError:  # a folder that cannot be written: nothing was made there
        return


def _unwritable(folder: Path, error: OSError) -> FolderError:
    if error.errno == errno.ENOSPC:
        return FolderError(
            f"no space is left for the folder '{folder.name}'; free some and try again",
            f"文件夹“{folder.name}”所在的磁盘已满；请腾出空间后重试",
        )
    why = error.strerror or str(error)
    return FolderError(
        f"the folder '{folder.name}' cannot be changed ({why}); check its permissions, or put files there yourself",
        f"无法更改文件夹“{folder.name}”（{why}）；请检查权限，或自行把文件放进去",
    )
