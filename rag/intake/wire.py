"""What goes between a program and the child that reads its files: frames of JSON. Nothing in it is executed: what a
hostile file might make of its parser ends at this pipe."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from rag.errors import ParseError
from rag.types import Document, Notice, Passage, Section, Span, passage_id

_LENGTH = struct.Struct("<Q")
_MOST = 8 << 30  # bytes of one frame


@dataclass(frozen=True, slots=True)
class Read:
    """A file as it was read."""

    document: Document
    passages: tuple[Passage, ...]
    sha: str  # of the file's bytes
    notices: tuple[Notice, ...] = ()


def send(pipe: IO[bytes] | None, frame: bytes) -> None:
    if pipe is None:
        raise BrokenPipeError
    pipe.write(_LENGTH.pack(len(frame)))
    pipe.write(frame)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes | None:
    """The next frame; None at the end."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > _MOST:
        raise ValueError(f"a frame of {length} bytes")
    frame = pipe.read(length)
    return frame if len(frame) == length else None


def frame_of(document: Document, passages: Sequence[Passage], sha: str, notices: Sequence[Notice]) -> bytes:
    """A passage goes as offsets and what is its own: text, and what it shares with its document, are not sent twice."""
    headers = {columns: at for at, columns in enumerate(dict.fromkeys(p.columns for p in passages))}
    paths = {path: at for at, path in enumerate(dict.fromkeys(p.path for p in passages))}
    titles = {title: at for at, title in enumerate(dict.fromkeys(p.title for p in passages))}
    told = {
        "id": document.id,
        "title": document.title,
        "text": document.text,
        "sections": [
            (s.path, s.start, s.end, s.role, s.page, s.level, s.row, s.columns, s.names) for s in document.sections
        ],
        "meta": {key: (span.start, span.end) for key, span in document.meta.items()},
        "kind": document.kind,
        "pages": document.pages,
        "headers": list(headers),
        "paths": list(paths),
        "titles": list(titles),
        "passages": [
            (p.start, p.end, titles[p.title], paths[p.path], p.role, p.page, p.row, headers[p.columns])
            for p in passages
        ],
        "sha": sha,
        "notices": [(notice.en, notice.zh) for notice in notices],
    }
    return json.dumps(told, separators=(",", ":")).encode()


def error_frame(en: str, zh: str) -> bytes:
    return json.dumps({"error": (en, zh)}).encode()


def read_from(frame: bytes, source: str) -> Read:
    """What a frame says, as a document called `source`. Raises the ParseError that it holds, and any other error where it
    is not what `frame_of` makes."""
    told: dict[str, Any] = json.loads(frame)
    if "error" in told:
        raise ParseError(*told["error"])
    sections = tuple(
        Section(tuple(path), start, end, role, page, level, row, tuple(columns), names)
        for path, start, end, role, page, level, row, columns, names in told["sections"]
    )
    meta = {key: Span(*span) for key, span in told["meta"].items()}
    text, doc_id = told["text"], told["id"]
    document = Document(doc_id, told["title"], source, text, sections, meta, told["kind"], told["pages"])
    headers, paths = [tuple(x) for x in told["headers"]], [tuple(x) for x in told["paths"]]
    titles = told["titles"]
    passages = tuple(
        Passage(
            passage_id(doc_id, start, end), doc_id, text[start:end], start, end, titles[title], paths[path], role, page,
            row, headers[columns],
        )
        for start, end, title, path, role, page, row, columns in told["passages"]
    )  # fmt: skip
    notices = tuple(Notice(en, zh) for en, zh in told["notices"])
    places = [(part.start, part.end) for parts in (sections, meta.values(), passages) for part in parts]
    if not all(0 <= start <= end <= len(text) for start, end in places):
        raise ValueError("a place outside the text")
    return Read(document, passages, told["sha"], notices)
