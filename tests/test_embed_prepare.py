"""Preparing the default model: once, whole or not at all, by one process, damage noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.embed import describe, repair
from rag.embed import prepare as prep
from rag.errors import ModelError
from rag.types import Progress

ROOT = Path(__file__).parents[1]


def converter(marker: str = "1") -> prep.Converter:
    def convert(work: Path, step: Callable[[int], None]) -> str:
        (work / "sub").mkdir()
        (work / "weights").write_bytes(marker.encode() * 3_000_000)
        step(3_000_000)
        (work / "sub" / "modules.json").write_text("{}")
        return "a test"

    return convert


def test_preparing_writes_a_checked_directory_once(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "m"
    events: list[Progress] = []
    assert prep.check(path) == ("absent", "")
    prep.prepare(path, converter(), 3_000_000, events.append)
    assert prep.check(path, full=True) == ("ok", "")
    assert prep.read_manifest(path) is not None
    done = [event.done for event in events]
    assert done == sorted(done) and events[0].done == 0 and events[-1].done == events[-1].total == 6
    prep.prepare(path, converter("2"), 3_000_000)  # nothing to do
    assert (path / "weights").read_bytes()[:1] == b"1"
    assert sorted(p.name for p in path.parent.iterdir()) == ["m", "m.lock"]


def _touch(file: Path, data: bytes, keep_time: bool = False) -> None:
    time = file.stat().st_mtime_ns
    file.write_bytes(data)
    os.utime(file, ns=(time, time) if keep_time else (time + 10**9, time + 10**9))


@pytest.mark.parametrize("damage", ["shorter", "changed", "missing", "no manifest", "older format"])
def test_a_damaged_directory_is_noticed_and_made_again(tmp_path: Path, damage: str) -> None:
    path = prep.prepare(tmp_path / "m", converter(), 3_000_000)
    if damage == "shorter":
        _touch(path / "weights", b"1" * 2_999_999, keep_time=True)
    elif damage == "changed":
        _touch(path / "weights", b"1" * 2_999_999 + b"2")
    elif damage == "missing":
        (path / "sub" / "modules.json").unlink()
    elif damage == "no manifest":
        (path / prep.MANIFEST).write_text("{")
    else:
        text = (path / prep.MANIFEST).read_text()
        (path / prep.MANIFEST).write_text(text.replace(f'"format": {prep.FORMAT}', '"format": 0'))
    assert prep.check(path)[0] == "damaged"
    prep.prepare(path, converter("3"), 3_000_000)
    assert prep.check(path, full=True) == ("ok", "")
    assert (path / "weights").read_bytes() == b"3" * 3_000_000


def test_a_bit_flipped_on_disk_is_found_by_the_full_check(tmp_path: Path) -> None:
    path = prep.prepare(tmp_path / "m", converter(), 3_000_000)
    _touch(path / "weights", b"0" + b"1" * 2_999_999, keep_time=True)
    assert prep.check(path) == ("ok", "")
    assert prep.check(path, full=True) == ("damaged", "weights")


def test_repair_makes_again_what_only_a_full_check_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.embed.open.default_converter", converter)
    path = prep.prepare(tmp_path / prep.DEFAULT, converter(), 3_000_000)
    assert not repair(str(tmp_path))
    _touch(path / "weights", b"0" + b"1" * 2_999_999, keep_time=True)
    assert repair(str(tmp_path))
    assert prep.check(path, full=True) == ("ok", "")


def test_a_touched_but_whole_file_is_whole(tmp_path: Path) -> None:
    path = prep.prepare(tmp_path / "m", converter(), 3_000_000)
    _touch(path / "weights", (path / "weights").read_bytes())
    assert prep.check(path) == ("ok", "")


def test_a_converter_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fails(work: Path, step: Callable[[int], None]) -> str:
        (work / "half").write_text("x")
        raise ModelError("no weights", "没有权重")

    with pytest.raises(ModelError, match="no weights"):
        prep.prepare(tmp_path / "m", fails, 1)
    assert [p.name for p in tmp_path.iterdir()] in (["m.lock"], [])


def test_a_place_that_cannot_be_written_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="model_dir") as caught:
        prep.prepare(tmp_path / "file" / "m", converter(), 1)
    assert "model_dir" in caught.value.zh


_PROCESS = """
import sys
from pathlib import Path
from rag.embed.prepare import prepare
place, log = Path(sys.argv[1]), Path(sys.argv[2])
def convert(work, step):
    (work / "weights").write_bytes(b"x" * 1000)
    print("converting", flush=True)
    sys.stdin.readline()
    with log.open("a") as stream:
        stream.write("built\\n")
    return "a process"
def tell(event):
    if "another process" in event.detail:
        print("waiting", flush=True)
prepare(place, convert, 1000, tell)
print("done", flush=True)
"""


def _start(*args: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _PROCESS, *map(str, args)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_two_processes_prepare_once(tmp_path: Path) -> None:
    place, log = tmp_path / "m", tmp_path / "log"
    with _start(place, log) as first:
        assert _line(first) == "converting"
        with _start(place, log) as second:
            assert _line(second) == "waiting"
            assert not place.exists()  # nothing shows before it is whole
            assert first.communicate("\n")[0].strip() == "done"
            assert second.communicate("\n")[0].strip() == "done"
    assert log.read_text() == "built\n"
    assert prep.check(place, full=True) == ("ok", "")


def test_a_killed_preparation_leaves_no_trace_after_the_next(tmp_path: Path) -> None:
    place = tmp_path / "cache" / "m"
    with _start(place, tmp_path / "log") as process:
        assert _line(process) == "converting"
        process.kill()
    assert not place.exists()
    assert len(list(place.parent.glob(".m.*"))) == 1
    prep.prepare(place, converter(), 3_000_000)
    assert sorted(p.name for p in place.parent.iterdir()) == ["m", "m.lock"]


def test_describing_the_default_model(tmp_path: Path) -> None:
    absent = describe(model_dir=str(tmp_path))
    assert (absent.kind, absent.state, absent.bytes) == ("default", "absent", 0)
    path = prep.prepare(tmp_path / "multilingual-e5-small", converter(), 3_000_000)
    known = describe(model_dir=str(tmp_path))
    assert (known.state, known.detail, known.place) == ("ok", "a test", str(path))
    assert known.bytes > 3_000_000
    _touch(path / "weights", b"0" * 3_000_000, keep_time=True)
    assert describe(model_dir=str(tmp_path)).detail == "weights"
    assert describe(model_dir=str(tmp_path), full=False).state == "ok"
