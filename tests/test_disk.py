"""A disk that is full, or that cannot be written: said in words, with the old index whole and answering, and the next sync
with space goes on."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.errors import BusyError, IndexBrokenError, RagError
from rag.lexical import LexicalRanker
from rag.types import Passage
from tests.durable import State, assert_in_step, assert_true, make_folder, open_at, state_of, swift, synced, write_file
from tests.fakes_embed import HashEmbedder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits and mounts of another system")


class Grown:
    """A folder that has grown since it was indexed."""

    def __init__(self, path: Path) -> None:
        self.folder, self.index = make_folder(path / "材料", 8), path / "first"
        synced(self.folder, self.index)[0].close()
        with open_at(self.folder, self.index, sync=False) as assistant:
            self.before = state_of(assistant)
        for n in range(8, 26):
            write_file(self.folder, n)
        (self.folder / "大.txt").write_text(
            "\n\n".join(f"第{n}段说的是{n * 7}号井的水位。" * 9 for n in range(300)), "utf-8"
        )
        with synced(self.folder, path / "whole")[0] as assistant:
            self.after = state_of(assistant)


class Place:
    """A copy of its index, to be spoilt."""

    def __init__(self, grown: Grown, index: Path) -> None:
        self.folder, self.before, self.after = grown.folder, grown.before, grown.after
        self.index = Path(shutil.copytree(grown.index, index))

    def is_whole(self) -> State:
        """The index as a stopped sync left it: all that was there is there, and true."""
        with open_at(self.folder, self.index, sync=False) as assistant:
            assert not assistant._index.mended and assistant._index.library.damages() == []
            assert {i.id for i in self.before.documents} <= {i.id for i in assistant.documents()}
            assert_true(assistant)
            assert set(assistant._index.store.ids()) >= self.before.dense  # type: ignore[attr-defined]
            assert set(assistant._index.lexical.ids().tolist()) >= self.before.lexical
            return state_of(assistant)

    def goes_on(self) -> None:
        with synced(self.folder, self.index)[0] as assistant:
            assert_in_step(assistant)
            assert state_of(assistant) == self.after


@pytest.fixture(scope="module")
def grown() -> Iterator[Grown]:
    with swift() as made:
        yield Grown(made)


@pytest.fixture
def place(grown: Grown) -> Iterator[Place]:
    with swift() as made:
        yield Place(grown, made / "index")


def refused(action: Callable[[], object]) -> None:
    with pytest.raises(RagError) as caught:
        action()
    assert not isinstance(caught.value, (BusyError, IndexBrokenError)), caught.value
    assert "; check permissions and free space" in caught.value.en and "磁盘空间" in caught.value.zh


CHILD = """
import json, resource, signal, sys
from rag.errors import RagError
from tests.durable import open_at
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    with open_at(sys.argv[1], sys.argv[2], sync=False) as assistant:
        try:
            assistant.sync()
            print(json.dumps(["done", ""]))
        except RagError as error:
            answer = assistant.ask("第7号水库由谁设计？")
            print(json.dumps([type(error).__name__, error.en, answer.short]))
except RagError as error:
    print(json.dumps([type(error).__name__, error.en, "not opened"]))
"""


def test_no_file_may_grow_any_further(place: Place) -> None:
    """At several sizes, so that library, its log, vectors and words are each the first that is stopped."""
    largest = max(path.stat().st_size for path in place.index.rglob("*") if path.is_file())
    stopped = set()
    for size in (0, 4096, 33_000, 70_000, largest, largest * 2, largest * 4, largest * 6):
        command = [sys.executable, "-c", CHILD, str(place.folder), str(place.index), str(size)]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).resolve().parent.parent)
        assert ran.returncode == 0 and "Traceback" not in ran.stderr, (size, ran.stderr[-3000:])
        kind, en, *short = json.loads(ran.stdout)
        if kind != "done":
            assert kind == "RagError" and "free space" in en, (size, kind, en)
            assert short in (["韩北"], ["not opened"], [""]), (size, short)
            stopped.add(size)
        place.is_whole()
    assert len(stopped) >= 3
    place.goes_on()


@pytest.mark.parametrize("what", ["fsync", "replace"])
def test_the_vectors_cannot_be_written(place: Place, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with open_at(place.folder, place.index, sync=False) as assistant:
        with monkeypatch.context() as patch:
            patch.setattr(os, what, full)
            refused(assistant.sync)
        assert not list((place.index / "vectors").glob(".*"))
        assert_true(assistant)
        assistant.sync()  # the very same object goes on
        assert_in_step(assistant)
        assert state_of(assistant) == place.after


@pytest.mark.parametrize("step", ["commit", "add_document", "wait_merging_threads", "delete_documents_by_query"])
def test_the_words_cannot_be_written(place: Place, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As tantivy says it: a ValueError from any of its writer's methods."""
    real = LexicalRanker._writing

    class Failing:
        def __init__(self, writer: object) -> None:
            self.writer = writer

        def __getattr__(self, name: str) -> Callable[..., object]:
            if name == step:
                if step == "wait_merging_threads":  # it gives the lock file back all the same
                    self.writer.wait_merging_threads()  # type: ignore[attr-defined]
                raise ValueError("An IO error occurred: 'No space left on device (os error 28)'")
            return getattr(self.writer, name)  # type: ignore[no-any-return]

    def failing(self: LexicalRanker) -> object:
        writer = real(self)
        self._writer = writer if isinstance(writer, Failing) else Failing(writer)
        return self._writer

    with open_at(place.folder, place.index, sync=False) as assistant:
        with monkeypatch.context() as patch:
            patch.setattr(LexicalRanker, "_writing", failing)
            refused(assistant.sync)
        assert_true(assistant)
        assistant.sync()
        assert_in_step(assistant)
        assert state_of(assistant) == place.after


def test_a_search_that_costs_the_writer_answers_and_the_writer_is_told(tmp_path: Path) -> None:
    """A question asked during a sync commits what was added; where that fails, nobody may take it for indexed."""

    class FullDisk:
        def commit(self) -> None:
            raise ValueError("An IO error occurred: 'No space left on device (os error 28)'")

        def wait_merging_threads(self) -> None:
            pass

    old, new = (Passage(n, "d", text, 0, len(text)) for n, text in ((1, "海边的城市"), (2, "山里的村庄")))
    ranker = LexicalRanker(tmp_path)
    ranker.add([old])
    ranker.flush()
    ranker._writer, ranker._written = FullDisk(), 1
    assert ranker.search("城市", 5) != [] and ranker.search("村庄", 5) == []
    ranker.add([new])  # goes to a new writer: what the lost one held does not
    refused(ranker.flush)
    ranker.flush()
    assert LexicalRanker(tmp_path).ids().tolist() == [1, 2]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A file system of a given size, where this may be made."""
    at = tmp_path / "disk"
    at.mkdir()
    mounted: list[Path] = []

    def make(options: str) -> Path:
        try:
            told = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(at)], capture_output=True)
        except OSError as error:
            pytest.skip(f"no mount: {error}")
        if told.returncode:
            pytest.skip(f"nothing may be mounted here: {told.stderr.decode(errors='replace').strip()}")
        mounted.append(at)
        return at

    yield make
    for path in mounted:
        subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_disk_that_is_full(mount: Callable[[str], Path], grown: Grown) -> None:
    disk = mount("size=16m")
    place = Place(grown, disk / "index")
    ballast = disk / "ballast"
    for left in (400_000, 200_000, 100_000, 40_000, 0):
        ballast.unlink(missing_ok=True)
        free = os.statvfs(disk)
        with ballast.open("wb") as file:
            file.write(bytes(max(0, free.f_bavail * free.f_bsize - left)))
        with open_at(place.folder, place.index, sync=False) as assistant:
            refused(assistant.sync)
            assert_true(assistant)
        place.is_whole()
    ballast.unlink()
    place.goes_on()


def test_an_index_that_cannot_be_written(mount: Callable[[str], Path], grown: Grown) -> None:
    disk = mount("size=16m")
    place = Place(grown, disk / "index")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    refused(lambda: open_at(place.folder, place.index))
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    place.is_whole()
    place.goes_on()


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "材料", 2)
    (tmp_path / "file").write_bytes(b"x")
    refused(lambda: open_at(folder, tmp_path / "file" / "index", HashEmbedder()))
