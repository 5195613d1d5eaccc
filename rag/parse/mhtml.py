"""MHTML, a web page saved as one file: the page itself is read as any page; pictures and frames are left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from email.message import Message
from email.utils import parsedate_to_datetime

from rag.errors import ParseError
from rag.parse.html import page_of
from rag.parse.lay import lay
from rag.parse.mime import charset_of, cut_short, header, inside, message_of, payload
from rag.text.pagelines import DATE
from rag.text.wrap import width
from rag.types import Notice, Parsed

SHORT = 60  # columns up to which a line with a date is the page's own date
_PAGES = {"text/html", "application/xhtml+xml"}


def parse(data: bytes, name: str) -> Parsed:
    """The saved page, with its address, and title and day where the page shows none. Raises ParseError."""
    message = message_of(data, name, ("saved web page", "网页存档"))
    root = _root(message)
    if root is None or not payload(root).strip():
        raise ParseError(
            f"{name} holds no web page; open the page in a browser and save it again",
            f"{name} 中没有网页；请用浏览器打开后重新保存",
        )
    lines, declared = page_of(payload(root), name, charset_of(root))
    address = header(root, "Content-Location") or header(message, "Snapshot-Content-Location")
    if address.startswith(("http://", "https://")):
        declared.setdefault("url", address)
    title = header(message, "Subject")
    if title and "title" not in declared:
        declared = {"title": title, **declared}
    day = _day(header(message, "Date"))
    if day and not any(width(line.text) <= SHORT and DATE.search(line.text) for line in lines):
        declared.setdefault("date", day)
    plain = lay(lines, declared)
    if cut_short(message, name):
        told = Notice(
            f"{name} ends before its last part does; save the page again if its text is not whole",
            f"{name} 在最后一部分结束之前就中断了；如果文字不全，请重新保存网页",
        )
        plain = replace(plain, notices=(*plain.notices, told))
    return plain


def _root(message: Message) -> Message | None:
    """The page: the part that start= names, else the first that is a page."""
    start = message.get_param("start")
    parts = [message]
    for part in parts:
        parts += inside(part)
    pages = [part for part in parts if part.get_content_type() in _PAGES]
    named = [part for part in pages if start and header(part, "Content-ID") == str(start).strip()]
    return next(iter([*named, *pages]), None)


def _day(said: str) -> str:
    try:
        found: datetime = parsedate_to_datetime(said)
    except (IndexError, OverflowError, TypeError, ValueError):
        return ""
    return found.strftime("%Y-%m-%d")
