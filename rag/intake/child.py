"""The child: reads one file after the other, within limits, until its parent goes away."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from rag.chunk import chunk
from rag.errors import ParseError, told_by
from rag.furniture import label
from rag.intake.wire import error_frame, frame_of, receive, send
from rag.parse import identity, parse_bytes
from rag.parse.encoding import read_bytes

_DEPTH = 3000  # calls inside each other, of libraries that descend into a document by recursion


def serve() -> None:
    """Answers the requests on standard input on standard output; what a library prints goes nowhere."""
    asked = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nowhere, number)
    sys.setrecursionlimit(_DEPTH)
    while (request := receive(asked)) is not None:
        told = json.loads(request)
        try:
            answer = _answer(told)
        except ParseError as error:
            answer = error_frame(error.message("en"), error.message("zh"))
        except MemoryError:
            answer = _too_large(told)
        except Exception as error:  # a fault of a parser: the file is reported like any other that cannot be read
            answer = _fault(told["name"], error)
        send(answers, answer)


def read(path: Path, name: str, *, chars: int, max_bytes: int) -> bytes:
    """The frame of one file. Raises ParseError."""
    data = read_bytes(path, max_bytes)  # once: a file that is being written must not get another text's id
    sha = hashlib.sha256(data).hexdigest()
    parsed = parse_bytes(data, path.name)
    del data
    document = label(parsed, doc_id=identity(sha, path.name), source=name)
    return frame_of(document, chunk(document, chars=chars), sha, parsed.notices)


def _answer(told: dict[str, Any]) -> bytes:
    os.environ["JUDIAN_OCR"] = "1" if told["ocr"] else ""
    _limit_memory(told["memory"])
    path = Path(os.fsdecode(bytes.fromhex(told["path"])))
    return read(path, told["name"], chars=told["chars"], max_bytes=told["max_bytes"])


def _limit_memory(size: int) -> None:
    """Where the system knows such a limit (Linux); elsewhere only time is limited."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = size if hard == resource.RLIM_INFINITY else min(size, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _too_large(told: dict[str, Any]) -> bytes:
    name, size = told["name"], told["memory"] / 1e6
    return error_frame(
        f"{name} needs more than {size:.0f} MB of memory to be read; split it",
        f"读取 {name} 需要超过 {size:.0f} MB 内存；请拆分文件",
    )


def _fault(name: str, error: Exception) -> bytes:
    said = f"{type(error).__name__}: {told_by(error)}"
    return error_frame(
        f"{name} cannot be read: its parser failed ({said}); save it in another format, and report this",
        f"{name} 无法读取：解析程序出错（{said}）；请另存为其他格式，并报告此问题",
    )
