"""`python -m rag index --watch`, as it runs: in a process of its own, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.config import Settings
from rag.errors import RagError
from rag.shelf import Shelf

pytest.importorskip("watchfiles")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent by a signal")

PROGRAM = """
import sys
import rag.assistant
from tests.fakes_embed import HashEmbedder
rag.assistant.open_embedder = lambda *_, **__: HashEmbedder()
from rag.__main__ import main
sys.exit(main(["index", sys.argv[1], "--watch"]))
"""


class Watching:
    def __init__(self, folder: Path, index: Path) -> None:
        self.settings = Settings(folder=str(folder), index_dir=str(index))
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder)],
            env={**os.environ, "RAG_INDEX_DIR": str(index), "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"},
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        assert self.process.stdout
        self.said += self.process.stdout  # type: ignore[arg-type]

    def sources(self) -> set[str]:
        try:
            with Shelf(self.settings) as shelf:
                return {row.source for row in shelf.rows() if row.state == "ready"}
        except RagError:  # not made yet
            return set()

    def until(self, true: Callable[[], bool], seconds: float = 30) -> float:
        began = time.monotonic()
        while not true():
            assert self.process.poll() is None, "".join(self.said)
            assert time.monotonic() - began < seconds, "".join(self.said)
            time.sleep(0.05)
        return time.monotonic() - began


def test_a_new_file_is_indexed_within_seconds_and_ctrl_c_ends(tmp_path: Path, folder: Path) -> None:
    watching = Watching(folder, tmp_path / "index")
    try:
        watching.until(lambda: watching.sources() == {"library.md", "bridge.txt"})
        # At once: what comes between the first sync and the watching is not missed.
        (folder / "钟楼.txt").write_text("钟楼\n\n钟楼建于1920年。", encoding="utf-8")
        watching.until(lambda: "钟楼.txt" in watching.sources())
        (folder / "渡口.txt").write_text("渡口\n\n渡船每天往返12趟。", encoding="utf-8")
        (folder / "bridge.txt").unlink()
        took = watching.until(lambda: watching.sources() == {"library.md", "钟楼.txt", "渡口.txt"})
        assert took < 20
        (folder / "空.txt").touch()  # a file that fails does not end it
        (folder / "钟楼.txt").rename(folder / "老钟楼.txt")
        watching.until(lambda: watching.sources() == {"library.md", "老钟楼.txt", "渡口.txt"})
        for path in folder.iterdir():  # nor does an empty folder
            path.unlink()
        watching.until(lambda: watching.sources() == set())
        (folder / "新.txt").write_text("新\n\n新的一篇。", encoding="utf-8")
        watching.until(lambda: watching.sources() == {"新.txt"})
        watching.process.send_signal(signal.SIGINT)
        assert watching.process.wait(20) in (0, 130)
        watching.listener.join(5)
        told = "".join(watching.said)
        assert "Traceback" not in told and "渡口.txt" in told, told
    finally:
        if watching.process.poll() is None:
            watching.process.kill()
            watching.process.wait()
