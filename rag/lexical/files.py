"""The files of the lexical index, as tantivy writes them: whether they are what was written, and what their state is called.

tantivy ends each file of a segment with a JSON footer (crc of what comes before it), the footer's length and a magic number,
but does not compare on opening.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from pathlib import Path

META = "meta.json"  # the list of segments: replaced with every commit
_MAGIC = 1337  # ends every file of a segment
_END = struct.Struct("<II")  # the footer's length, the magic number
_PARTS = ("fast", "fieldnorm", "idx", "pos", "store", "term")  # files of a segment; tantivy takes one for empty
_WHOLE = 256 << 20  # bytes of all segments up to which every opening reads them: half a second at most
_BLOCK = 1 << 20


def stamp_of(directory: Path) -> str:
    """What the committed state is called: another string after every commit and every merge. "": there is none."""
    try:
        return hashlib.sha256((directory / META).read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def verify(directory: Path, *, whole: bool = False) -> int:
    """How many removed passages the committed segments still hold. Raises ValueError or OSError where a file of one is
    damaged; files of a commit that never came about are left to tantivy, which deletes them.

    Of segments that are large together only the ends of the files are read, unless `whole`: enough to know that each is
    there and was written to its end."""
    meta = directory / META
    if not meta.exists():
        return 0
    while True:
        text = meta.read_text(encoding="utf-8")
        try:
            files, dead = _files(directory, text)
            whole = whole or sum(file.stat().st_size for file in files) <= _WHOLE
            for file in files:
                _check(file, whole)
        except FileNotFoundError:
            if meta.read_text(encoding="utf-8") == text:
                raise
            continue  # another process committed meanwhile and deleted what it replaced
        return dead


def damages(directory: Path) -> list[str]:
    """Reads every file and says what is not as it was written. Empty: sound."""
    try:
        verify(directory, whole=True)
    except (ValueError, KeyError, TypeError, OSError) as error:
        return [f"lexical index: {error}"]
    return []


def _files(directory: Path, meta: str) -> tuple[list[Path], int]:
    """The files of all segments, and how many removed passages are still in them."""
    files: list[Path] = []
    dead = 0
    for segment in json.loads(meta)["segments"]:
        name, deletes = segment["segment_id"].replace("-", ""), segment.get("deletes") or {}
        dead += deletes.get("num_deleted_docs", 0)
        suffixes = (*_PARTS, *([f"{deletes['opstamp']}.del"] if deletes else []))
        files += [directory / f"{name}.{suffix}" for suffix in suffixes]
    return files, dead


def _check(path: Path, whole: bool) -> None:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END.size))
        end = file.read()
        length, magic = _END.unpack(end) if len(end) == _END.size else (0, 0)
        body = size - _END.size - length
        if magic != _MAGIC or body < 0:
            raise ValueError(f"{path.name} is cut short")
        file.seek(body)
        crc = json.loads(file.read(length))["crc"]
        if whole:
            file.seek(0)
            found = 0
            for start in range(0, body, _BLOCK):
                found = zlib.crc32(file.read(min(_BLOCK, body - start)), found)
            if found != crc:
                raise ValueError(f"the checksum of {path.name} does not match")
