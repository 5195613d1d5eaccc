"""A minute of fuzzing over every format, always the same cases, and every file that once broke something."""

from __future__ import annotations

import itertools
import os
import socket
from pathlib import Path

import pytest

from rag.errors import ParseError, told_by
from rag.types import Block, Parsed, Span
from tests import fuzz, fuzz_child
from tests.fuzz_cases import FORMATS, case, seeds

DATA = Path(__file__).parent / "data" / "fuzz"
SECONDS = 60.0
CASES = 1400  # about what two cores read in that time; on fewer the clock ends it
KEPT = sorted(path for path in DATA.iterdir() if path.suffix != ".md")


@pytest.fixture(scope="module")
def child():  # type: ignore[no-untyped-def]
    child = fuzz.Child()
    yield child
    child.close()


@pytest.mark.timeout(240)
def test_a_minute_of_hostile_files_breaks_nothing() -> None:
    tally = fuzz.run(iter(range(CASES)), 7, seconds=SECONDS)
    assert not tally.faults, tally.told()
    assert all(tally.ends[kind]["read"] and tally.ends[kind]["refused"] for kind in FORMATS), tally.table()


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_a_file_that_once_broke_something_does_so_no_more(path: Path, child: fuzz.Child) -> None:
    told = child.read(path.read_bytes(), path.name, twice=True)
    assert told["end"] != "fault", told


PROSE = b"<p>" + b"The ferry leaves at five and comes back before dark on every day of the week. " * 3 + b"</p>"
GROWN = {
    "spans.html": PROSE + b"<table><tr>" + b"<td colspan=99 rowspan=99>a" * 100 + b"<tr><td>x" * 10_000 + b"</table>",
    "rowspans.html": PROSE + b"<table>" + b"<tr><td rowspan=99>a" * 19_000 + b"</table>",
    "wide.html": PROSE + b"<table><tr>" + b"<td colspan=99>a" * 19_000 + b"</table>",
    "links.md": b"a | b\n--- | ---\n\n" + b"[" * 300_000 + b" | b\n--- | ---\n1 | 2\n",
    "marks.md": b"<" * 300_000 + b" | b\n--- | ---\n1 | 2\n",
    "crumbs.txt": b"a, " * 330_000,
    "underscores.md": b"a" + b"_" * 300_000 + b"a | b\n--- | ---\n1 | 2\n",
    "rows.csv": b"Route,Stops,Length,Remark\n" + b"Blue,14,7.5,by the harbour\nGreen,9,5.25,by the mill\n" * 30_000,
}
"""What once took more than ten seconds: too large to be kept."""


@pytest.mark.parametrize("name", GROWN)
def test_what_once_took_too_long_takes_seconds(name: str, child: fuzz.Child) -> None:
    told = child.read(GROWN[name], name)
    assert told["end"] == "read" and told["seconds"] < fuzz.SECONDS, told


def test_a_damaged_file_is_not_called_locked_after_a_locked_one(child: fuzz.Child) -> None:
    locked = (DATA.parent / "formats" / "locked_zh.pdf").read_bytes()
    before = child.read((DATA / "no_pages.pdf").read_bytes(), "a.pdf")
    assert "password" in child.read(locked, "b.pdf")["said"]
    after = child.read((DATA / "no_pages.pdf").read_bytes(), "a.pdf")
    assert before["said"] == after["said"] and "damaged" in after["said"]


def test_the_same_number_gives_the_same_bytes() -> None:
    assert [case(3, n) for n in range(56)] == [case(3, n) for n in range(56)]
    assert case(3, 5) != case(4, 5)
    assert set(seeds()) == set(FORMATS) and all(seeds().values())


def test_a_case_that_hangs_or_crashes_is_a_fault_and_the_next_one_is_read(
    child: fuzz.Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    child.read(b"The ferry leaves at five.", "case.txt")
    monkeypatch.setattr(fuzz, "PATIENCE", 0.0)
    told = child.read(b"a" * 2_000_000, "case.txt", twice=True)
    assert told["end"] == "fault" and told["said"] == "hangs"
    monkeypatch.undo()
    child.read(b"The ferry leaves at five.", "case.txt")
    assert child._process is not None
    child._process.kill()
    child._process.wait()
    assert child.read(b"The ferry leaves at five.", "case.txt")["end"] == "read"


WRONG = {
    "an exception": KeyError("x"),
    "no name": ParseError("it is broken; save it again", "文件损坏；请重新保存"),
    "no step": ParseError("case.txt is broken", "case.txt 已损坏"),
    "no Chinese": ParseError("case.txt is broken; save it again; and again", "case.txt is broken；save it again"),
    "a steering character": ParseError("case.txt is \u202ebroken; save it again", "case.txt 已损坏；请重新保存"),
    "untrimmed": Parsed("a b ", (Block("paragraph", 0, 4),), kind="txt"),
    "overlapping": Parsed("a b c", (Block("paragraph", 0, 3), Block("paragraph", 2, 5)), kind="txt"),
    "outside": Parsed("a b", (Block("paragraph", 0, 9),), kind="txt"),
    "a surrogate": Parsed("a\ud800b", (Block("paragraph", 0, 3),), kind="txt"),
    "an empty date": Parsed("a b", (Block("paragraph", 0, 3),), {"date": Span(1, 1)}, kind="txt"),
    "no such page": Parsed("a b", (Block("paragraph", 0, 3, page=3),), pages=2, kind="pdf"),
}


@pytest.mark.parametrize("made", WRONG.values(), ids=WRONG.keys())
def test_what_no_parser_may_do_is_a_fault(made: Exception | Parsed, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(data: bytes, name: str) -> Parsed:
        if isinstance(made, Exception):
            raise made
        return made

    monkeypatch.setattr(fuzz_child, "parse_bytes", parse)
    assert fuzz_child.examined(b"x", "case.txt")["end"] == "fault"


def test_a_result_that_changes_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    count = itertools.count()
    monkeypatch.setattr(
        fuzz_child, "parse_bytes", lambda *_: Parsed(f"a {next(count)}", (Block("paragraph", 0, 3),), kind="txt")
    )
    assert fuzz_child.examined(b"x", "case.txt")["end"] == "read"
    assert fuzz_child.examined(b"x", "case.txt", twice=True)["end"] == "fault"


def test_files_and_sockets_are_out_of_reach(tmp_path: Path) -> None:
    watch = fuzz_child.Watch()
    for event, arguments in (
        ("open", (str(tmp_path / "x"), "w", os.O_WRONLY)), ("socket.connect", (None, ("127.0.0.1", 9))),
        ("subprocess.Popen", ("ls",)), ("os.remove", ("x",)),
    ):  # fmt: skip
        watch(event, arguments)
        watch.on = True
        with pytest.raises(PermissionError):
            watch(event, arguments)
        watch.on = False
    assert len(watch.reached) == 4
    watch.on = True
    watch("open", (str(tmp_path / "x"), "r", os.O_RDONLY))
    assert len(watch.reached) == 4 and socket.socket


def test_what_a_library_says_of_a_file_is_one_short_line() -> None:
    said = told_by(ValueError("not a URI: \u202e\x1b[31m\nline two " + "x" * 9000))
    assert said.isprintable() and len(said) < 200
    assert told_by(ValueError()) == "ValueError"
