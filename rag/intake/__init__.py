"""From a file to a document with its passages, read in a process of its own: a file that hangs, crashes or overfills its
parser costs only itself.

    path → [child: bytes → parse → label → chunk] → Read(document, passages, sha, notices)
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from rag.errors import ParseError
from rag.intake.wire import Read, read_from, receive, send

__all__ = ["Intake", "Limits", "Read", "shared"]

_PER_MB = 4.0  # seconds that each megabyte of a file adds to the time it may take
_MEMORY_PER_BYTE = 14  # bytes that each byte of a text file may take while it is read
_OCR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost."""

    max_bytes: int = 250 << 20  # of the file
    seconds: float = 120.0  # of reading it, and some more for each megabyte
    memory_mb: int = 2048  # of its reader, and some more for each megabyte
    ocr: bool = False  # whether pages without text are read by Tesseract

    @property
    def rules(self) -> str:
        """What a file that was refused under these limits was refused by."""
        return f"{self.max_bytes}|{self.seconds:g}|{self.memory_mb}|{self.ocr}"


class Intake:
    """Reads files in one child process, which is started when it is first needed and anew after a crash. Safe to use from
    several threads; they take turns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[bytes | None] = queue.Queue()

    def read(self, path: Path, name: str, *, chars: int, limits: Limits) -> Read:
        """The file as a document called `name` (its path in the folder), with passages of about `chars` characters.

        Raises ParseError, naming file and next step: also where its reader crashed or went over a limit."""
        try:
            size = path.stat().st_size
        except OSError:
            size = 0  # the child says what is wrong
        seconds = _OCR_SECONDS if limits.ocr else limits.seconds + _PER_MB * size / 1e6
        memory = (limits.memory_mb << 20) + _MEMORY_PER_BYTE * size
        request = {
            "path": os.fsencode(path).hex(), "name": name, "chars": chars, "max_bytes": limits.max_bytes, "memory": memory,
            "ocr": limits.ocr,
        }  # fmt: skip
        with self._lock:
            answer = self._ask(json.dumps(request).encode(), seconds, name)
            try:
                return read_from(answer, name)
            except (ValueError, LookupError, TypeError, AttributeError) as error:  # what a parser gone wrong may say
                raise self._crashed(name) from error

    def close(self) -> None:
        """Ends the child. Another `read` would start one again."""
        with self._lock:
            self._stop()

    def abandon(self) -> None:
        """Gives up the file that another thread is reading just now: nobody waits for it any more."""
        child = self._child  # without the lock, which that thread holds
        if child is not None:
            child.kill()
            child.wait()  # so that the next `read` starts another

    def _ask(self, request: bytes, seconds: float, name: str) -> bytes:
        child = self._started()
        try:
            send(child.stdin, request)
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            self._stop()
            raise ParseError(
                f"{name} took longer than {seconds:.0f} s to read and was stopped; save it in another format, or raise"
                " file_seconds",
                f"读取 {name} 超过 {seconds:.0f} 秒，已停止；请另存为其他格式，或调大设置 file_seconds",
            ) from None
        except OSError:
            answer = None
        except BaseException:  # interrupted: what this child still says would be taken for the next file's answer
            self._stop()
            raise
        if answer is None:
            raise self._crashed(name)
        return answer

    def _crashed(self, name: str) -> ParseError:
        code = self._stop()
        return ParseError(
            f"{name} crashed its reader (exit code {code}); open it in the program that wrote it and save it again",
            f"读取 {name} 时解析程序崩溃（退出码 {code}）；请用原来的程序打开并重新保存",
        )

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._stop()
            start = f"import sys; sys.path[:0] = {sys.path!r}; from rag.intake.child import serve; serve()"
            self._child = subprocess.Popen(
                [sys.executable, "-c", start],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in the terminal is the parent's to handle
            )
            self._answers = queue.Queue()
            listen = threading.Thread(target=_listen, args=(self._child.stdout, self._answers.put), daemon=True)
            listen.start()
        return self._child

    def _stop(self) -> int | None:
        child, self._child = self._child, None
        if child is None:
            return None
        gave = child.poll()
        child.kill()
        code = child.wait()
        for pipe in (child.stdin, child.stdout):
            _close(pipe)
        return code if gave is None else gave


def _listen(pipe: IO[bytes], put: Callable[[bytes | None], None]) -> None:
    """Hands on what the child says until it ends; then None."""
    answer: bytes | None = b""
    while answer is not None:
        try:
            answer = receive(pipe)
        except (OSError, ValueError):  # closed from this side
            answer = None
        put(answer)


def _close(pipe: IO[bytes] | None) -> None:
    try:
        if pipe is not None:
            pipe.close()
    except OSError:  # what was not yet sent to a dead child
        return


@lru_cache(maxsize=1)
def shared() -> Intake:
    """The intake of this process: a child costs a third of a second to start and some memory to keep."""
    intake = Intake()
    atexit.register(intake.close)
    return intake
