"""Files that are ZIP archives inside (DOCX, PPTX, XLSX, EPUB): opened only where what they unpack to is reasonable."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from rag.errors import ParseError, told_by

MOST_PARTS = 20_000
MOST_BYTES = 512 << 20  # of all parts unpacked
MOST_PART = 256 << 20  # of one part unpacked
_DECLARES = (b"<!ENTITY", b"<!DOCTYPE")
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, ValueError, LookupError, OverflowError, OSError, RuntimeError, EOFError,
)  # fmt: skip  # all that `zipfile` raises on damaged archives


def open_zip(data: bytes, name: str) -> zipfile.ZipFile:
    """The archive, its sizes checked before anything is unpacked: the sizes that it declares bound what can be read.
    Raises ParseError for what is no archive, encrypted, packed as such files never are, or unpacks to more than the
    limits."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        parts = archive.infolist()
    except _UNREADABLE as error:
        raise damaged(name, error) from error
    if any(part.flag_bits & 1 for part in parts):
        raise ParseError(
            f"{name} is protected by a password; save a copy without one",
            f"{name} 有密码保护；请另存为不带密码的副本",
        )
    if any(part.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for part in parts):
        raise damaged(name, ("its parts are packed in a way that such files never are", "部件的压缩方式不合规范"))
    whole = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or whole > MOST_BYTES or any(part.file_size > MOST_PART for part in parts):
        raise ParseError(
            f"{name} unpacks to {len(parts)} parts of {whole / 1e6:.0f} MB, more than is read "
            f"({MOST_PARTS} parts, {MOST_BYTES >> 20} MB); save its text as a smaller file",
            f"{name} 解压后有 {len(parts)} 个部件、{whole / 1e6:.0f} MB，超过上限"
            f"（{MOST_PARTS} 个、{MOST_BYTES >> 20} MB）；请把其中的文字另存为较小的文件",
        )
    return archive


def read_part(archive: zipfile.ZipFile, part: str, name: str) -> bytes:
    """One part unpacked. Raises ParseError where it is damaged, KeyError where there is none."""
    info = archive.getinfo(part)
    try:
        return archive.read(info)
    except _UNREADABLE as error:
        raise damaged(name, error) from error


def part_names(data: bytes) -> list[str]:
    """What an archive holds, none where it is too damaged to say."""
    try:
        return zipfile.ZipFile(io.BytesIO(data)).namelist()
    except _UNREADABLE:
        return []


def refuse_entities(archive: zipfile.ZipFile, name: str) -> None:
    """Raises ParseError where an XML part declares entities or a document type, which Office files never do: what grows
    without end when it is read."""
    for part in archive.namelist():
        if part.lower().endswith((".xml", ".rels")):
            text = read_part(archive, part, name).replace(b"\0", b"").upper()  # UTF-16 with its zero bytes taken out
            if any(word in text for word in _DECLARES):
                raise ParseError(
                    f"{name} declares XML entities in {part}, which such files never need: it is not read; save it again"
                    " with an office program",
                    f"{name} 的 {part} 中声明了 XML 实体，正常文件不会这样，因此不读取；请用办公软件重新保存",
                )


def damaged(name: str, why: Exception | tuple[str, str]) -> ParseError:
    """`why`: what is wrong in English and Chinese, or what a library raised."""
    en, zh = why if isinstance(why, tuple) else _words(why)
    return ParseError(
        f"{name} is damaged or not what its name says ({en}); open it in the program that wrote it and save it again",
        f"{name} 已损坏，或与后缀名不符（{zh}）；请用原来的程序打开并重新保存",
    )


def _words(error: Exception) -> tuple[str, str]:
    """What a library says of the file; where it stumbled over it, Python's own words are of the library, not of the file."""
    if type(error).__module__ in {"builtins", "struct"}:
        return "its parts do not fit together", "各部分互不相符"
    said = told_by(error)
    return said, said
