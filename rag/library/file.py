"""The file that a library is: which one, whose, and what is said where it cannot be used."""

from __future__ import annotations

from pathlib import Path

from rag.errors import BusyError, IndexBrokenError, RagError
from rag.library.schema import APPLICATION


def translated(path: Path, error: Exception) -> RagError:
    text = str(error)
    if any(word in text for word in ("locked", "busy")):
        return BusyError(
            f"{path} is in use by another process; close it or try again ({text})",
            f"{path} 正被另一个进程使用；请关闭它或稍后再试（{text}）",
        )
    if isinstance(error, OSError) or any(
        word in text for word in ("readonly", "unable to open", "full", "disk I/O error", "closed database")
    ):
        return RagError(
            f"{path} cannot be used: {text}; check permissions and free space, or set index_dir",
            f"无法使用 {path}：{text}；请检查权限与磁盘空间，或设置 index_dir",
        )
    return IndexBrokenError(
        f"{path} is damaged ({text}); run: python -m rag rebuild",
        f"{path} 已损坏（{text}）；请运行：python -m rag rebuild",
    )


def inode(path: Path) -> tuple[int, int] | None:
    """Which file lies there just now; None: none does."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def is_library(path: Path) -> bool:
    """Whether a file may be deleted as ours: it carries this program's mark in SQLite's header, or is no SQLite file
    that any program could still read."""
    with path.open("rb") as file:
        header = file.read(72)
    if not header.startswith(b"SQLite format 3\0") or len(header) < 72:
        return True
    mark, schema = header[68:72], header[40:44]
    # Killed at the very first start, our own file has no mark and no table yet; most programs set no mark at all.
    return mark == APPLICATION.to_bytes(4, "big") or (mark == bytes(4) and schema == bytes(4))
