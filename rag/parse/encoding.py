"""Bytes to text: which encoding a file is in, decided strictly and explained when it cannot be.

UTF-8 first (strict: other encodings hardly ever pass), then byte order marks, then the candidates of this field
(UTF-16/32 without a mark, GB18030, Big5) and chardet's own guess, each decoded strictly and weighed by how much of
the result is everyday text.
"""

from __future__ import annotations

import codecs
import re
import stat
import unicodedata
from functools import cache
from pathlib import Path

from rag.errors import ParseError

SAMPLE = 65536  # bytes that are weighed; the whole file is decoded strictly afterwards

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = ("gb18030", "big5hkscs", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "cp1252")
_EVERYDAY = frozenset(
    "的一是不了在人有我他这这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家"
    "种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公"
    "這個們來為國說時會對於著過發後裡經麼學現當沒動還進樣開無實與長機從電話請謝網關們體點應產務報業書東車門問間頭"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_PUNCTUATION = frozenset("，。、；：？！“”‘’（）《》〈〉【】「」『』—…·　％￥～")


def read_bytes(path: Path, max_bytes: int | None = None) -> bytes:
    """The file's bytes. Raises ParseError where it cannot be read, is empty, or is larger than `max_bytes`."""
    name = path.name
    try:
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise OSError("not an ordinary file")  # a pipe would be waited for without end
        size = status.st_size
        if max_bytes is not None and size > max_bytes:
            raise ParseError(
                f"{name} is {size / 1e6:.1f} MB, more than the limit of {max_bytes / 1e6:.1f} MB; split it, or raise "
                "the setting max_file_mb",
                f"{name} 有 {size / 1e6:.1f} MB，超过 {max_bytes / 1e6:.1f} MB 的上限；请拆分文件，或调大设置 max_file_mb",
            )
        data = path.read_bytes()
    except OSError as error:
        why = error.strerror or str(error)
        raise ParseError(
            f"{name} cannot be read ({why}); check that it exists and that you may open it",
            f"{name} 无法读取（{why}）；请确认文件存在并且有读取权限",
        ) from error
    if not data.strip(b"\x00\xef\xbb\xbf\xff\xfe \t\r\n\x0b\x0c"):
        raise ParseError(f"{name} is empty; add text to it or remove it", f"{name} 是空文件；请写入内容或移除它")
    return data


def decode(data: bytes, name: str = "file", declared: str = "") -> tuple[str, str]:
    """(text, encoding): as Python's text mode reads the file with that encoding, newlines made "\\n", no mark kept.

    `declared` (what an HTML page says of itself) is tried after UTF-8 and the marks. Raises ParseError for binary
    data and for text in no known encoding.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return _newlines(data.decode(encoding)), encoding
            except UnicodeDecodeError:
                break
    text, encoding = _utf8(data)
    if text is None and declared:
        text, encoding = _strict(data, declared), declared
    if text is None or "\0" in text:
        text, encoding = _weighed(data)
    if text is None:
        raise ParseError(
            f"{name} is not text in any encoding known here; save it as UTF-8, or remove it if it is not text",
            f"{name} 不是可识别编码的文本；请另存为 UTF-8，若不是文本文件请移除",
        )
    return _newlines(text), encoding


def read_text(path: Path, max_bytes: int | None = None) -> tuple[str, str]:
    """(text, encoding) of a text file; `open(path, encoding=encoding).read()` gives the same text."""
    return decode(read_bytes(path, max_bytes), path.name)


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError, ValueError):
        return None
    # Some codecs (base64 and its kin) are no encodings of text, and surrogates cannot be written out again.
    return text if isinstance(text, str) and not _SURROGATE.search(text) else None


def _utf8(data: bytes) -> tuple[str | None, str]:
    return _strict(data, "utf-8"), "utf-8"


def _weighed(data: bytes) -> tuple[str | None, str]:
    best, chosen, text_of_best = 0.55, "", None
    for encoding in (*_CANDIDATES, *_guesses(data[:SAMPLE])):
        if (encoding.startswith("utf-16") and len(data) % 2) or (encoding.startswith("utf-32") and len(data) % 4):
            continue
        text = _strict(data, encoding)
        if not text:
            continue
        score = _plausible(text[: SAMPLE // 2])
        if score > best + 1e-9:
            best, chosen, text_of_best = score, encoding, text
    return text_of_best, chosen


def _guesses(sample: bytes) -> list[str]:
    import chardet

    found = chardet.detect(sample)
    name = found.get("encoding")
    # Below this chardet names exotic code pages for any few bytes.
    if not name or found.get("confidence", 0) < 0.2:
        return []
    try:
        return [codecs.lookup(name).name]
    except LookupError:
        return []


@cache
def _common(character: str) -> float:
    """How much one character speaks for the text that it is in, -3..1."""
    code = ord(character)
    if character in "\n\r\t" or 0x20 <= code < 0x7F:
        return 0.75
    if character in _EVERYDAY or character in _PUNCTUATION:
        return 1.0
    if 0x4E00 <= code <= 0x9FFF:
        for encoding, low, high in (("gb2312", 0xB0, 0xD7), ("big5", 0xA4, 0xC6)):
            try:
                if low <= character.encode(encoding)[0] <= high:
                    return 0.8  # the first levels: what people write; the second hold what a wrong guess yields
            except UnicodeEncodeError:
                continue
        return 0.0
    if 0x3040 <= code <= 0x30FF:
        return 0.6
    if code == 0 or unicodedata.category(character) in {"Cc", "Cn", "Co", "Cs"}:
        return -3.0
    if code < 0x250 or 0x2010 <= code <= 0x2040:
        return 0.6 if character.isalpha() or character in "‘’“”–—" else 0.3
    return 0.0


def _plausible(text: str) -> float:
    """Mean weight of the visible characters, at most 1."""
    visible = [c for c in text if not c.isspace()]
    if not visible:
        return 0.0
    score = sum(map(_common, visible)) / len(visible)
    # Western text is ASCII with a few accents and signs in it; a wrong guess of other bytes gives mostly those.
    ascii_only = sum(c < "\x80" for c in visible)
    latin = ascii_only + sum("\x80" <= c < "\u0250" or "\u2010" <= c < "\u2130" for c in visible)
    return score - 0.5 if latin == len(visible) and ascii_only < 0.6 * latin else score
