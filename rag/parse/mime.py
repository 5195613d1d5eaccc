"""Messages in MIME, of which letters and saved web pages are made: the standard library's tree, read with limits.

Headers are decoded here, not by the library's newer policy: its header parser takes minutes for a header of a megabyte.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from email import policy
from email.message import Message
from email.parser import BytesParser

from rag.errors import ParseError
from rag.parse.encoding import decode

MOST_PARTS = 2_000
MOST_DEPTH = 40  # parts within parts
MOST_HEADER = 20_000  # characters of a header that says how a part is to be read
_CONTENT = re.compile(rb"^content-[a-z-]{1,40}:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*", re.IGNORECASE | re.MULTILINE)
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([qQbB])\?([^?\r\n]{0,2000})\?=")
_BETWEEN = re.compile(r"(\?=)\s+(?==\?[^?\s]{1,60}\?[qQbB]\?)")
_SEVEN_BITS = ("iso-2022", "hz", "utf-7")  # their bytes are all ASCII: they would pass for UTF-8
_ALIASES = {"gb2312": "gb18030", "gbk": "gb18030", "hz-gb-2312": "hz", "us-ascii": "", "ascii": "", "unknown-8bit": ""}


def message_of(data: bytes, name: str, what: tuple[str, str]) -> Message:
    """The whole message; `what` is what the file should be, in English and Chinese. Raises ParseError for one without
    a header, or built to be endless."""
    if any(len(field.group()) > MOST_HEADER for field in _CONTENT.finditer(data)):
        raise _endless(name)
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(data.lstrip(b"\r\n"))
        parts = list(_parts(message, name))
    except RecursionError as error:
        raise _endless(name) from error
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ParseError(
            f"{name} is damaged ({type(error).__name__}); save the {what[0]} again",
            f"{name} 已损坏（{type(error).__name__}）；请重新保存{what[1]}",
        ) from error
    known = {"from", "subject", "date", "content-type", "mime-version", "received", "message-id"}
    if not parts or not known & {key.lower() for key, _ in message.raw_items()}:
        raise ParseError(
            f"{name} has no header of a {what[0]}; save it again from the program that shows it",
            f"{name} 没有{what[1]}的头部；请在能打开它的程序中重新保存",
        )
    return message


def _parts(message: Message, name: str) -> Iterator[Message]:
    """Every part. Raises ParseError for more than anyone sends."""
    waiting: list[tuple[Message, int]] = [(message, 0)]
    count = 0
    while waiting:
        part, depth = waiting.pop()
        count += 1
        if depth > MOST_DEPTH or count > MOST_PARTS:
            raise _endless(name)
        yield part
        waiting += [(inner, depth + 1) for inner in inside(part)]


def inside(part: Message) -> list[Message]:
    held = part.get_payload()
    return [inner for inner in held if isinstance(inner, Message)] if isinstance(held, list) else []


def cut_short(message: Message, name: str) -> bool:
    """Whether the file ends before the message does."""
    defects = {type(defect).__name__ for part in _parts(message, name) for defect in part.defects}
    return bool(defects & {"CloseBoundaryNotFoundDefect", "StartBoundaryNotFoundDefect", "InvalidBase64LengthDefect"})


def header(part: Message, key: str) -> str:
    """A header as it is shown: encoded words read, white space made one space; "" where there is none."""
    found = next((str(value) for name, value in part.raw_items() if name.lower() == key.lower()), "")
    return " ".join(words(found).split())


def words(raw: str) -> str:
    """The text of a header with its encoded words; bytes beyond ASCII are read as the text that they most likely are."""
    if any("\udc80" <= c <= "\udcff" for c in raw):
        raw = _text(raw.encode("utf-8", "surrogateescape"), "")
    pieces: list[tuple[str, bytes]] = []  # adjoining words of one charset may share a character
    at, raw = 0, _BETWEEN.sub(r"\1", raw)
    for match in _WORD.finditer(raw):
        if match.start() > at or not pieces:
            pieces.append(("", raw[at : match.start()].encode("utf-8", "replace")))
        charset, data = match.group(1).split("*")[0].lower(), _word(match.group(2), match.group(3))
        if pieces[-1][0] == charset:
            pieces[-1] = (charset, pieces[-1][1] + data)
        else:
            pieces.append((charset, data))
        at = match.end()
    pieces.append(("", raw[at:].encode("utf-8", "replace")))
    return "".join(_text(data, charset) for charset, data in pieces)


def _word(way: str, said: str) -> bytes:
    raw = said.encode("utf-8", "replace")
    if way in "qQ":
        return quopri.decodestring(raw, header=True)
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4))
    except (binascii.Error, ValueError):
        return raw


def _text(data: bytes, charset: str) -> str:
    """A few bytes of a header: never an error, for the letter itself may be whole."""
    charset = _ALIASES.get(charset, charset)
    try:
        if charset.startswith(_SEVEN_BITS):
            return data.decode(charset)
        return decode(data, declared=charset)[0]
    except (ParseError, LookupError, UnicodeError):
        return data.decode("utf-8", "replace")


def payload(part: Message) -> bytes:
    """The bytes of a part, its transfer encoding undone."""
    try:
        held = part.get_payload(decode=True)
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError):
        held = None
    if isinstance(held, bytes):
        return held
    raw = part.get_payload()  # what cannot be decoded is shown as it stands
    return raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""


def charset_of(part: Message) -> str:
    """The charset that a part declares, by the name that reads all of what is sent under it."""
    try:
        said = part.get_content_charset("") or ""
    except (AttributeError, LookupError, TypeError, ValueError):
        said = ""
    return _ALIASES.get(said, said)


def text_of(part: Message, name: str) -> str:
    """The text of a part, newlines made "\\n". Raises ParseError where it is none."""
    data, charset = payload(part), charset_of(part)
    if charset.startswith(_SEVEN_BITS):
        try:
            return data.decode(charset).replace("\r\n", "\n")
        except (LookupError, UnicodeError):
            charset = ""
    return decode(data, name, declared=charset)[0] if data.strip() else ""


def file_name(part: Message) -> str:
    """What an enclosed file is called: RFC 2231, or encoded words as many programs write them; "" where it is nameless."""
    try:
        found = part.get_filename("") or ""
    except (AttributeError, LookupError, TypeError, ValueError):
        found = ""
    return " ".join(words(str(found)).split())


def _endless(name: str) -> ParseError:
    return ParseError(
        f"{name} is nested too deep or has too many or too long parts to be read whole; save its text as .txt",
        f"{name} 嵌套过深、部件过多或过长，无法完整读取；请另存为 .txt 文本",
    )
