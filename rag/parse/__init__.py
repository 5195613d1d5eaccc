"""Files to text and blocks: one parser a format, chosen by suffix and corrected by what the file really holds."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path, PurePath

from rag.errors import ParseError
from rag.protocols import Parser
from rag.types import Parsed

PARSERS: dict[str, str] = {
    ".txt": "rag.parse.plain",
    ".text": "rag.parse.plain",
    ".log": "rag.parse.plain",
    ".md": "rag.parse.markdown",
    ".markdown": "rag.parse.markdown",
    ".html": "rag.parse.html",
    ".htm": "rag.parse.html",
    ".xhtml": "rag.parse.html",
}
"""Suffix -> module with a function `parse(data, name)`. A new format is a module and a line here."""

SUFFIXES: frozenset[str] = frozenset(PARSERS)

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF-", ".pdf", "PDF"),
    (b"PK\x03\x04", ".docx", "Office/EPUB/ZIP"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".doc", "Office 97–2003"),
    (b"{\\rtf", ".rtf", "RTF"),
    (b"\x89PNG\r\n\x1a\n", ".png", "PNG"),
    (b"\xff\xd8\xff", ".jpg", "JPEG"),
    (b"GIF8", ".gif", "GIF"),
    (b"\x1f\x8b\x08", ".gz", "gzip"),
    (b"7z\xbc\xaf\x27\x1c", ".7z", "7z"),
    (b"SQLite format 3\0", ".db", "SQLite"),
    (b"\x7fELF", "", "program"),
)


def parse_file(path: Path, *, max_bytes: int | None = None) -> Parsed:
    """Text, blocks and declared metadata of one file.

    The suffix names the parser; a page saved as .txt, or text saved as .html, gets the parser of what it is.
    Raises ParseError (unknown suffix, empty, unreadable, too large, binary, undecodable) with the next step.
    """
    from rag.parse.encoding import read_bytes

    path = Path(path)
    _suffix_of(path.name)  # before anything is read
    return parse_bytes(read_bytes(path, max_bytes), path.name)


def parse_bytes(data: bytes, name: str) -> Parsed:
    """`parse_file` of what was read already: `name` gives the suffix and stands in messages."""
    return _module(sniff(data, _suffix_of(name), name))(data, name)


def sniff(data: bytes, suffix: str, name: str = "file") -> str:
    """The suffix whose parser fits the bytes: `suffix` itself unless they clearly are something else.

    Raises ParseError for a binary format that has no parser here.
    """
    for magic, real, what in _MAGIC:
        if data.startswith(magic) and PARSERS.get(suffix) != PARSERS.get(real, ""):
            if real in PARSERS:
                return real
            raise ParseError(
                f"{name} is a {what} file, which is not read here; export its text as .txt, .md or .html",
                f"{name} 实际是 {what} 文件，暂不支持；请导出为 .txt、.md 或 .html 文本",
            )
    start = data[:2048].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    markup = start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or (
        start.startswith((b"<?xml", b"<!--")) and b"<html" in start
    )
    module = PARSERS.get(suffix, "")
    if markup and module in {"rag.parse.plain", "rag.parse.markdown"}:
        return ".html"
    if module == "rag.parse.html" and b"<" not in data.replace(b"\0", b""):
        return ".txt"
    return suffix


def _suffix_of(name: str) -> str:
    suffix = PurePath(name).suffix.lower()
    if suffix not in PARSERS:
        known = " ".join(sorted(SUFFIXES))
        raise ParseError(
            f"{name}: files of type '{suffix or 'none'}' are not read; save it as one of: {known}",
            f"{name}：不支持 {suffix or '无后缀'} 类型的文件；请另存为以下类型之一：{known}",
        )
    return suffix


def _module(suffix: str) -> Parser:
    parse: Parser = import_module(PARSERS[suffix]).parse
    return parse
