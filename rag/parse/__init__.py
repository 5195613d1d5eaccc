"""Files to text and blocks: one parser a format, chosen by suffix and corrected by what the file really holds."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib import import_module
from pathlib import Path, PurePath

from rag.errors import ParseError
from rag.protocols import Parser
from rag.types import Parsed

PARSERS: dict[str, str] = {
    suffix: f"rag.parse.{module}"
    for module, suffixes in {
        "plain": ".txt .text .log",
        "markdown": ".md .markdown",
        "html": ".html .htm .xhtml",
        "mhtml": ".mhtml .mht",
        "mail": ".eml",
        "epub": ".epub",
        "pdf": ".pdf",
        "word": ".docx .docm .dotx .dotm",
        "slides": ".pptx .pptm .potx .potm .ppsx .ppsm",
        "sheets": ".xlsx .xlsm",
        "delimited": ".csv .tsv .tab",
        "jsontext": ".json .jsonl .ndjson",
    }.items()
    for suffix in suffixes.split()
}
"""Suffix -> module with a function `parse(data, name)`. A new format is a module and a line here."""

KINDS: dict[str, str] = {
    suffix: kind
    for kind, suffixes in {
        "txt": ".text .log", "md": ".markdown", "html": ".htm .xhtml", "mhtml": ".mht", "docx": ".docm .dotx .dotm",
        "pptx": ".pptm .potx .potm .ppsx .ppsm", "xlsx": ".xlsm", "tsv": ".tab", "jsonl": ".ndjson",
    }.items()
    for suffix in suffixes.split()
}  # fmt: skip
"""Suffix -> what people call the format, where that is not the suffix itself."""

SUFFIXES: frozenset[str] = frozenset(PARSERS)

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"{\\rtf", "RTF"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"SQLite format 3\0", "SQLite"),
    (b"\x7fELF", "program"),
)
_ZIPPED = {"word/": ".docx", "ppt/": ".pptx", "xl/": ".xlsx", "META-INF/container.xml": ".epub"}
"""What stands in an archive -> what it is."""
_OWN_ZIP = frozenset(PARSERS[suffix] for suffix in _ZIPPED.values())
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FAR = 1024  # bytes of junk before a PDF that its readers allow


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
    suffix = sniff(data, _suffix_of(name), name)
    parsed = _module(suffix)(data, name)
    return parsed if parsed.kind else replace(parsed, kind=KINDS.get(suffix, suffix[1:]))


def identity(sha: str, name: str) -> str:
    """The id of the document that a file holds: of its bytes, and of the way they are read, which its suffix chooses."""
    way = PARSERS.get(PurePath(name).suffix.lower(), "")
    return hashlib.sha256(f"{way}:{sha}".encode()).hexdigest()[:16]


def sniff(data: bytes, suffix: str, name: str = "file") -> str:
    """The suffix whose parser fits the bytes: `suffix` itself unless they clearly are something else.

    Raises ParseError for a binary format that has no parser here.
    """
    module = PARSERS.get(suffix, "")
    if b"%PDF-" in data[: _FAR if module == "rag.parse.pdf" else 8]:
        return ".pdf"
    if data.startswith(b"PK\x03\x04"):
        return _inside(data, suffix, name)
    if data.startswith(OLE) and module not in _OWN_ZIP:
        raise _unread(name, "Office 97–2003")
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise _unread(name, what)
    start = data[:2048].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    markup = start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or (
        start.startswith((b"<?xml", b"<!--")) and b"<html" in start
    )
    if markup and module in {"rag.parse.plain", "rag.parse.markdown"}:
        return ".html"
    if module == "rag.parse.html" and b"<" not in data:
        return ".txt"
    return suffix


def _inside(data: bytes, suffix: str, name: str) -> str:
    """The suffix of what an archive is: an office file renamed is read as what it is."""
    from rag.parse.zipped import part_names

    # By the names of its parts: their bytes hold anything, other archives too.
    names = part_names(data)
    found = [real for part, real in _ZIPPED.items() if any(name.startswith(part) for name in names)]
    if PARSERS.get(suffix) in _OWN_ZIP and (not found or PARSERS[suffix] in {PARSERS[real] for real in found}):
        return suffix  # its own parser says what is wrong with a damaged one
    if found:
        return found[0]
    raise _unread(name, "ZIP")


def _unread(name: str, what: str) -> ParseError:
    return ParseError(
        f"{name} is a {what} file, which is not read here; save it as PDF, DOCX, HTML or text",
        f"{name} 实际是 {what} 文件，暂不支持；请另存为 PDF、DOCX、HTML 或文本",
    )


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
