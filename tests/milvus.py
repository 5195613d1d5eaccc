"""Milvus for tests: Milvus Lite as a file, and as a server of its own that can be stopped and started again."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_COMMAND = "import sys; from milvus_lite.cmdline import main; sys.argv = ['milvus-lite', *sys.argv[1:]]; main()"
_SECONDS = 30.0  # in which a server must be up


def needed() -> None:
    """Skips where the `milvus` extra is not installed; in CI that is a failure."""
    if any(importlib.util.find_spec(module) is None for module in ("pymilvus", "milvus_lite")):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the extra is not installed: pip install -e '.[milvus]'")


def until(ready: Callable[[], bool], seconds: float = _SECONDS) -> None:
    """Waits for what another process does. Fails when it takes longer than that."""
    import time

    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"nothing in {seconds} s"
        time.sleep(0.02)


class Server:
    """`milvus-lite server` over a directory, on a port that stays the same."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Of the server; a collection's name goes behind it."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-c", _COMMAND, "server", "--data-dir", str(self._directory), "--host", "127.0.0.1"]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self._listens)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def _listens(self) -> bool:
        assert self._process is not None and self._process.poll() is None, "the server ended"
        with socket.socket() as asked:
            return asked.connect_ex(("127.0.0.1", self.port)) == 0
