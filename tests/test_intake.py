"""A file that hangs, crashes or overfills its parser costs itself and nothing else, and what is said of it helps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rag.errors import ParseError
from rag.folder import File
from rag.intake import Intake, Limits
from rag.parse import parse_file
from rag.sync import FileReader, _read_ahead, sync_folder
from tests.durable import assert_in_step, open_at, outcomes

GOOD = "渡口\n\n青石渡口由船工看守，渡船每天往返12趟。"
LARGE = "河边的码头有十二级石阶，每天有渡船往返。The ferry crosses twelve times a day. " * 15_000


@pytest.fixture
def intake() -> Iterator[Intake]:
    made = Intake()
    yield made
    made.close()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "渡口.txt"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "龙 文件.txt"
    path.write_text(LARGE, encoding="utf-8")
    return path


def read(intake: Intake, path: Path, limits: Limits | None = None) -> str:
    return intake.read(path, path.name, chars=300, limits=limits or Limits()).document.text


def refused(intake: Intake, path: Path, limits: Limits, en: str, zh: str) -> None:
    with pytest.raises(ParseError) as caught:
        read(intake, path, limits)
    error = caught.value
    assert path.name in error.en and path.name in error.zh
    assert en in error.en and zh in error.zh
    assert ";" in error.en and "；" in error.zh, "the next step"
    assert str(path.parent) not in error.en + error.zh


def pid(intake: Intake) -> int:
    assert intake._child is not None
    return intake._child.pid


def test_a_file_comes_back_as_it_is_read_here(intake: Intake, good: Path) -> None:
    read_there = intake.read(good, "夹/渡口.txt", chars=300, limits=Limits())
    assert read_there.document.text == parse_file(good).text
    assert read_there.document.source == "夹/渡口.txt"
    assert [p.text for p in read_there.passages] == ["青石渡口由船工看守，渡船每天往返12趟。"]
    assert all(read_there.document.text[p.start : p.end] == p.text for p in read_there.passages)


def test_a_file_that_takes_too_long_is_stopped_and_the_next_is_read(
    intake: Intake, good: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(intake, good)
    first = pid(intake)
    monkeypatch.setattr("rag.intake._PER_MB", 0.0)
    began = time.monotonic()
    refused(intake, large, Limits(seconds=0.05), "took longer than", "已停止")
    assert time.monotonic() - began < 5
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert read(intake, good) == GOOD
    assert pid(intake) != first


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no limit of memory there")
def test_a_file_that_takes_too_much_memory_is_refused(
    intake: Intake, good: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(intake, good)
    monkeypatch.setattr("rag.intake._MEMORY_PER_BYTE", 0)
    refused(intake, large, Limits(memory_mb=64), "of memory", "内存")
    assert read(intake, good) == GOOD
    monkeypatch.undo()
    assert read(intake, large) == LARGE


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_costs_its_file_alone(intake: Intake, good: Path, large: Path, number: signal.Signals) -> None:
    read(intake, good)
    crash = threading.Timer(0.03, os.kill, (pid(intake), number))
    crash.start()
    refused(intake, large, Limits(), f"crashed its reader (exit code {-number})", "崩溃")
    crash.join()
    assert read(intake, good) == GOOD


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_crash_between_two_files_costs_none(intake: Intake, good: Path) -> None:
    read(intake, good)
    os.kill(pid(intake), signal.SIGKILL)
    assert intake._child is not None
    intake._child.wait()
    assert read(intake, good) == GOOD


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_stopped_child_is_one_that_hangs(intake: Intake, good: Path) -> None:
    read(intake, good)
    os.kill(pid(intake), signal.SIGSTOP)
    refused(intake, good, Limits(seconds=0.2), "took longer than", "已停止")
    assert read(intake, good) == GOOD


NOISY = """
import os, sys
import rag.intake.child as child
real = child.parse_bytes
def noisy(data, name):
    print("garbage on stdout" * 1000, flush=True)
    os.write(1, b"\\0\\1\\2garbage" * 1000)
    sys.stderr.write("garbage on stderr" * 100_000)
    os.system("echo garbage of a child")
    assert sys.stdin.read() == "" and os.read(0, 10) == b""
    return real(data, name)
child.parse_bytes = noisy
child.serve()
"""


def test_what_a_parser_prints_or_reads_goes_nowhere(
    intake: Intake, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.Popen

    def noisy(command: list[str], **more: object) -> subprocess.Popen[bytes]:
        return real([command[0], "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{NOISY}"], **more)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr("rag.intake.subprocess.Popen", noisy)
    for _ in range(3):
        assert read(intake, good) == GOOD


@pytest.mark.parametrize(
    "says",
    [
        "b'not a frame at all' * 100",
        "struct.pack('<Q', 5) + b'hello'",
        "struct.pack('<Q', 2) + b'{}'",
        "struct.pack('<Q', 4) + b'[1]\\n'",
        "struct.pack('<Q', 1 << 62)",
        "struct.pack('<Q', 100) + b'cut short'",
        "struct.pack('<Q', 14) + b'{\"error\": null}'[:14]",
        "b''",
    ],
)
def test_a_child_that_talks_nonsense_is_an_error_of_the_file(
    intake: Intake, good: Path, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a hostile file might make of its parser: it can say what it likes, and nothing comes of it."""
    real = subprocess.Popen
    code = f"import struct, sys; sys.stdin.buffer.read(9); sys.stdout.buffer.write({says}); sys.stdout.buffer.flush()"
    with monkeypatch.context() as patch:
        patch.setattr("rag.intake.subprocess.Popen", lambda command, **more: real([command[0], "-c", code], **more))
        refused(intake, good, Limits(seconds=20), "crashed its reader", "崩溃")
    assert read(intake, good) == GOOD


def test_eight_threads_get_each_their_own_file(intake: Intake, tmp_path: Path) -> None:
    paths = []
    for n in range(32):
        paths.append(tmp_path / f"{n}.txt")
        paths[-1].write_text(f"第{n}号亭\n\n第{n}号亭建于{1900 + n}年。", encoding="utf-8")
    bad = tmp_path / "坏.txt"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n")

    def one(path: Path) -> str:
        with pytest.raises(ParseError):
            read(intake, bad)
        return read(intake, path)

    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(one, paths))
    assert texts == [path.read_text("utf-8") for path in paths]


def test_eight_threads_survive_crashes_of_the_child(intake: Intake, good: Path) -> None:
    stop = threading.Event()

    def killing() -> None:
        while not stop.wait(0.15):
            child = intake._child
            if child is not None:
                child.kill()

    killer = threading.Thread(target=killing)
    killer.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda _: attempt(intake, good), range(24)))
    finally:
        stop.set()
        killer.join()
    assert set(told) <= {GOOD, "crashed"}
    assert read(intake, good) == GOOD


def attempt(intake: Intake, path: Path) -> str:
    try:
        return read(intake, path)
    except ParseError as error:
        assert "crashed its reader" in error.en
        return "crashed"


def test_after_an_interrupted_wait_no_file_gets_the_text_of_another(
    intake: Intake, good: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(intake, good) == GOOD

    def interrupted(timeout: float) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(intake._answers, "get", interrupted)
        read(intake, large)
    assert read(intake, good) == GOOD


def test_a_stopped_sync_does_not_wait_for_the_file_that_is_being_read(intake: Intake, good: Path, large: Path) -> None:
    large.write_text(LARGE * 40, encoding="utf-8")
    slow = File(large.name, str(large), large.stat().st_size)
    reads = _read_ahead([File(good.name, good), slow], FileReader(intake, 300, Limits()))
    assert next(reads)[0].path == good
    while not intake._lock.locked():  # the next one is being read
        pass
    began = time.monotonic()
    reads.close()
    assert time.monotonic() - began < 5
    assert read(intake, good) == GOOD


@pytest.mark.parametrize(
    ("make", "en"),
    [
        (lambda path: None, "cannot be read"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: path.write_bytes(b"x" * 3_000_000), "at most"),
    ],
    ids=["missing", "empty", "folder", "large"],
)
def test_what_cannot_be_read_is_said_with_the_next_step(intake: Intake, tmp_path: Path, make: object, en: str) -> None:
    path = tmp_path / "某 文件.txt"
    make(path)  # type: ignore[operator]
    with pytest.raises(ParseError) as caught:
        read(intake, path, Limits(max_bytes=1 << 20))
    assert path.name in caught.value.en and path.name in caught.value.zh
    assert caught.value.en != caught.value.zh
    assert str(tmp_path) not in caught.value.en + caught.value.zh


def test_a_sync_reports_the_file_and_reads_the_rest(
    intake: Intake, good: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.intake._PER_MB", 0.0)
    folder = good.parent
    (folder / "后.txt").write_text("钟楼\n\n钟楼建于1920年。", encoding="utf-8")
    intake.read(good, "x.txt", chars=300, limits=Limits())  # the child is up
    with open_at(folder, folder / ".index", sync=False) as assistant:
        strict = FileReader(intake, 300, Limits(seconds=0.3))
        assert outcomes(sync_folder(assistant._index, folder, strict)) == {
            "渡口.txt": "indexed", "后.txt": "indexed", large.name: "failed",
        }  # fmt: skip
        report = sync_folder(assistant._index, folder, strict)
        assert outcomes(report)[large.name] == "failed" and "0 s" in report.failed[0].reason
        patient = FileReader(intake, 300, Limits())  # under other limits it is tried again
        assert outcomes(sync_folder(assistant._index, folder, patient))[large.name] == "indexed"
        assert_in_step(assistant)
