"""EML, one letter: its header lines, then its text, quotes and the letters that it encloses, in the order of the parts.

Of two versions of one text the plain one is read, unless it says much less than the other. Enclosed files are named, not
read: each is a file of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message

from rag.errors import ParseError
from rag.parse.html import lines_of, tree_of
from rag.parse.lay import Line, lay
from rag.parse.mime import cut_short, file_name, header, inside, message_of, text_of
from rag.parse.plain import blocks_of
from rag.text.wrap import LIST_MARK, width
from rag.types import Notice, Parsed, Span

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_QUOTED = re.compile(r"((?:> ?)*>) ?")
_NAME = 32  # columns of a line that holds but a name or a greeting
_GREETS = re.compile(r"[,，:：!！]\s*$")
_ENDED = re.compile(r"[。！？!?.…][”’」』）)\"']*\s*$")
_WRAPPED = re.compile(r"(?<=\S)[ \t]*\n[ \t\u3000]*(?=\S)")
_LETTERS = re.compile(r"[^\W_]")
_LOCKED = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")


def parse(data: bytes, name: str) -> Parsed:
    """The letter's text and metadata. Raises ParseError for what is no letter, is encrypted or says nothing."""
    message = message_of(data, name, ("letter", "邮件"))
    body = list(_body(message, name, 0))
    if not any(line.hint != "attachment" for line in body) and _locked(message):
        raise ParseError(
            f"{name} is encrypted; open it in your mail program and save its text",
            f"{name} 是加密邮件；请用邮件程序打开后另存其中的文字",
        )
    lines = [*_head(message), *body]
    if not lines:
        raise ParseError(
            f"{name} holds no text; save the letter again or remove the file",
            f"{name} 中没有文字；请重新保存邮件或移除它",
        )
    parsed = lay(lines)
    if cut_short(message, name):
        told = Notice(
            f"{name} ends before its last part does; save the letter again if its text is not whole",
            f"{name} 在最后一部分结束之前就中断了；如果文字不全，请重新保存邮件",
        )
        parsed = replace(parsed, notices=(*parsed.notices, told))
    subject = header(message, "Subject")
    at = len(_SHOWN[-1]) + 2
    titled = next((b for b in parsed.blocks if parsed.text[b.start : b.end] == f"Subject: {subject}"), None)
    if subject and titled:
        parsed = replace(parsed, meta={**parsed.meta, "title": Span(titled.start + at, titled.end)})
    return parsed


def _head(message: Message) -> Iterator[Line]:
    for key in _SHOWN:
        said = header(message, key)
        if said:
            yield Line("meta", f"{key}: {said}")


def _locked(message: Message) -> bool:
    parts = [message]
    for part in parts:
        parts += inside(part)
    return any(part.get_content_type() in _LOCKED for part in parts)


def _body(part: Message, name: str, depth: int) -> Iterator[Line]:
    """The lines of a part, in order; the limits on parts and depth were checked before."""
    kind, called = part.get_content_type(), file_name(part)
    within = inside(part)
    if kind == "message/rfc822" and within:
        yield from _enclosed(within[0], name, depth)
    elif part.get_content_disposition() == "attachment" or (called and not kind.startswith("multipart/")):
        if called and not (header(part, "Content-ID") and kind.startswith("image/")):  # pictures within the text
            yield Line("item", called, 1, "attachment")
    elif kind == "multipart/alternative":
        yield from _chosen(within, name, depth)
    elif within:
        told = within[:1] if kind == "multipart/related" else within
        rest = [inner for inner in within[len(told) :] if inner.get_content_disposition() == "attachment"]
        for inner in [*told, *rest]:
            yield from _body(inner, name, depth)
    elif kind == "text/html":
        source = text_of(part, name)
        yield from lines_of(tree_of(source, name)) if source.strip() else ()
    elif kind in {"text/plain", "text/rfc822-headers", "text/enriched"} or kind.startswith(("multipart/", "message/")):
        yield from _plain(_joined(part, text_of(part, name)))


def _chosen(parts: list[Message], name: str, depth: int) -> Iterator[Line]:
    """One of several versions of a text."""
    versions = [list(_body(part, name, depth)) for part in parts if part.get_content_type() != "text/calendar"]
    sizes = [sum(len(_LETTERS.findall(x.text)) for x in lines if x.hint != "attachment") for lines in versions]
    largest = max(sizes, default=0)
    chosen = next((lines for lines, size in zip(versions, sizes, strict=True) if 2 * size >= largest), [])
    yield from chosen
    enclosed = [line for lines in versions if lines is not chosen for line in lines if line.hint == "attachment"]
    yield from (line for line in enclosed if line not in chosen)


def _enclosed(message: Message, name: str, depth: int) -> Iterator[Line]:
    """A letter within the letter: a section of its own under its subject, with its header lines."""
    level = min(2 + depth, 6)
    for key in ("Subject", "From", "To", "Cc", "Date"):
        said = header(message, key)
        if said and key == "Subject":
            yield Line("heading", said, level, "subject")
        elif said:
            yield Line("meta", f"{key}: {said}", hint="date" if key == "Date" else "byline")
    yield from _body(message, name, depth + 1)


def _joined(part: Message, text: str) -> str:
    """Lines that were broken on the way made one again (RFC 3676), each with the quote marks of the first."""
    if str(part.get_param("format", "")).lower() != "flowed":
        return text
    close = str(part.get_param("delsp", "")).lower() == "yes"
    out: list[str] = []
    held: tuple[str, str] | None = None  # quote marks and text of a line that goes on
    for line in text.split("\n"):
        marks = re.match(">*", line)
        mark = marks.group() if marks else ""
        rest = line[len(mark) :].removeprefix(" ")
        if held and (held[0] != mark or rest == "-- "):
            out.append(_quote(*held))
            held = None
        whole = (held[1] if held else "") + rest
        if rest.endswith(" ") and rest != "-- ":
            held = (mark, whole[:-1] if close else whole)
        else:
            out.append(_quote(mark, whole))
            held = None
    return "\n".join([*out, _quote(*held)] if held else out)


def _quote(mark: str, text: str) -> str:
    return f"{mark} {text}" if mark else text


def _plain(text: str) -> Iterator[Line]:
    """Paragraphs of a plain letter; what is quoted is told by its marks, the signature by the line "-- " over it."""
    runs: list[tuple[int, list[str]]] = []
    signed = False
    for line in text.split("\n"):
        if line in {"-- ", "--"} and not signed:
            signed = True
            runs.append((-1, []))
            continue
        marks = _QUOTED.match(line)
        depth = -1 if signed else marks.group(1).count(">") if marks else 0
        said = line[marks.end() :] if marks and not signed else line
        if not runs or (runs[-1][0] != depth and (said.strip() or marks)):
            runs.append((depth, []))
        runs[-1][1].append(said)
    for depth, lines in runs:
        whole = "\n".join(_opened(lines))
        for block in blocks_of(whole):
            said = _WRAPPED.sub(_unwrapped, whole[block.start : block.end])
            if depth > 0:
                yield Line("quote", said, depth)
            elif depth < 0:
                yield Line("paragraph", said, hint="footer")
            else:
                yield Line(block.kind, said, block.level)


def _unwrapped(wrap: re.Match[str]) -> str:
    """What a wrapped line's end is in the paragraph: a space, but not beside Chinese."""
    return "" if max(wrap.string[wrap.start() - 1], wrap.string[wrap.end()]) > "\u2e80" else " "


def _opened(lines: list[str]) -> Iterator[str]:
    """The lines with a blank one under "Dear Corin," and over "Best wishes," or a name that stands alone at the end: they
    are of no paragraph, and would make its lines look as if they were not wrapped."""
    short = [width(line) <= _NAME for line in lines] + [True]
    for index, line in enumerate(lines):
        above = lines[index - 1].strip() if index else ""
        below = lines[index + 1].strip() if index + 1 < len(lines) else ""
        greets = short[index] and bool(_GREETS.search(line))
        signs = short[index] and not below and not _ENDED.search(line) and not LIST_MARK.match(line + " ")
        if line.strip() and _ENDED.search(above) and (signs or (greets and below and short[index + 1])):
            yield ""
        yield line
        if greets and not above and not short[index + 1]:
            yield ""
