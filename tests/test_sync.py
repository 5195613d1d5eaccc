"""In step with the folder: what each kind of change costs, and what is left of the old."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.assistant import Assistant
from rag.config import Settings
from rag.errors import BusyError, FolderError, UnknownDocumentError
from rag.index import writing
from rag.shelf import Shelf
from tests.durable import assert_in_step, assert_true, open_at, outcomes, state_of, swift, synced
from tests.fakes_embed import HashEmbedder

FERRY = "青石渡口由船工老周看守，渡船每天往返12趟，票价2元。"
TOWER = "钟楼建于1920年，高31米，由工匠何师傅设计，每天敲钟3次。"
MARKET = "集市每逢初五开市，设有摊位86个，由镇商会管理。"


class Place:
    """A folder with its index, and what the last sync encoded."""

    def __init__(self, path: Path) -> None:
        self.folder, self.index, self.embedder = path / "材料", path / "index", HashEmbedder()
        self.folder.mkdir()
        self.write("渡口.txt", "渡口", FERRY)
        self.write("钟楼.md", "# 钟楼", TOWER)
        self.assistant = open_at(self.folder, self.index, self.embedder)

    def write(self, name: str, *paragraphs: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join(paragraphs), encoding="utf-8")
        return path

    def sync(self) -> dict[str, str]:
        self.embedder.encoded.clear()
        report = self.assistant.sync()
        self.encoded = list(self.embedder.encoded)
        assert_in_step(self.assistant)
        assert_true(self.assistant, ("渡船每天往返几趟？", "钟楼高多少米？"))
        return {o.source: o.state for o in report.outcomes if o.state != "unchanged"}

    def cited(self, question: str) -> list[tuple[str, str]]:
        return [(c.source, c.quote) for c in self.assistant.ask(question).citations]

    def names(self) -> set[str]:
        return {info.source for info in self.assistant.documents()}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.assistant.close()


def test_a_new_file_is_read_and_nothing_else(place: Place) -> None:
    assert place.sync() == {} and place.encoded == []
    place.write("集市.txt", "集市", MARKET)
    assert place.sync() == {"集市.txt": "indexed"}
    assert len(place.encoded) == 1 and "86" in place.encoded[0]
    assert place.cited("集市有多少个摊位？")[0][0] == "集市.txt"


def test_of_a_changed_file_only_what_changed_is_encoded(place: Place) -> None:
    parts = [f"## 第{n}节\n\n第{n}号码头在河边，长{n * 10}米，由船工看守，夜间点灯{n + 1}盏。" for n in range(1, 8)]
    place.write("码头.md", "# 码头", *parts)
    place.sync()
    before = len(place.encoded)
    assert before == 7
    parts[3] = parts[3].replace("40米", "45米")
    place.write("码头.md", "# 码头", *parts)
    assert place.sync() == {"码头.md": "changed"}
    assert len(place.encoded) == 1 and "45米" in place.encoded[0]
    assert not any("40米" in hit.passage.text for hit in place.assistant.ask("第4号码头长多少米？").hits)


def test_a_renamed_file_costs_nothing_and_is_called_by_its_new_name(place: Place) -> None:
    (place.folder / "渡口.txt").rename(place.folder / "青石渡2023.txt")
    assert place.sync() == {"青石渡2023.txt": "renamed"} and place.encoded == []
    assert place.names() == {"青石渡2023.txt", "钟楼.md"}
    with pytest.raises(UnknownDocumentError):
        place.assistant.document("渡口.txt")
    assert place.cited("渡船每天往返几趟？")[0][0] == "青石渡2023.txt"
    [info] = [i for i in place.assistant.documents() if i.source == "青石渡2023.txt"]
    assert {p.title for p in place.assistant._index.library.passages_of(info.id)} == {"渡口 (青石渡2023)"}
    assert place.assistant._index.lexical.search("2023", 5), "the new name is found by words"


def test_a_file_moved_into_a_folder_keeps_what_it_has(place: Place) -> None:
    (place.folder / "深" / "处").mkdir(parents=True)
    (place.folder / "钟楼.md").rename(place.folder / "深" / "处" / "钟楼.md")
    assert place.sync() == {"深/处/钟楼.md": "renamed"} and place.encoded == []
    assert place.cited("钟楼高多少米？")[0][0] == "深/处/钟楼.md"


def test_two_files_that_change_places_are_told_apart(place: Place) -> None:
    place.write("b.txt", "集市", MARKET)
    place.sync()
    one, two = place.folder / "渡口.txt", place.folder / "b.txt"
    one.rename(place.folder / "c.txt")
    two.rename(one)
    (place.folder / "c.txt").rename(two)
    assert place.sync() == {"渡口.txt": "changed", "b.txt": "changed"} and place.encoded == []
    assert place.cited("渡船每天往返几趟？")[0][0] == "b.txt"
    assert place.cited("集市有多少个摊位？")[0][0] == "渡口.txt"


def test_a_deleted_file_answers_no_more(place: Place) -> None:
    (place.folder / "渡口.txt").unlink()
    assert place.sync() == {"渡口.txt": "removed"} and place.encoded == []
    assert place.names() == {"钟楼.md"}
    assert all("渡船" not in hit.passage.text for hit in place.assistant.ask("渡船每天往返几趟？").hits)


def test_a_file_twice_is_one_document_until_the_last_is_gone(place: Place) -> None:
    shutil.copy(place.folder / "渡口.txt", place.folder / "抄本2022.txt")
    assert place.sync() == {"抄本2022.txt": "same"} and place.encoded == []
    assert len(place.assistant.documents()) == 2
    (place.folder / "渡口.txt").unlink()
    assert place.sync() == {"渡口.txt": "removed"} and place.encoded == []
    assert place.cited("渡船每天往返几趟？")[0][0] == "抄本2022.txt"
    (place.folder / "抄本2022.txt").unlink()
    assert place.sync() == {"抄本2022.txt": "removed"}
    assert place.names() == {"钟楼.md"}


def test_twins_that_come_together_are_as_twins_that_come_apart(tmp_path: Path) -> None:
    folder = tmp_path / "材料"
    folder.mkdir()
    for name in ("甲2021.txt", "乙2022.txt", "丙.txt"):
        (folder / name).write_text(f"渡口\n\n{FERRY}", encoding="utf-8")
    together, report = synced(folder, tmp_path / "together")
    assert sorted(outcomes(report).values()) == ["indexed", "same", "same"]
    other = tmp_path / "其他"
    other.mkdir()
    for name in ("乙2022.txt", "甲2021.txt", "丙.txt"):
        shutil.copy(folder / name, other / name)
        synced(other, tmp_path / "apart")[0].close()
    with together, open_at(other, tmp_path / "apart") as apart:
        assert state_of(together) == state_of(apart)


def test_a_touched_file_is_not_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(place.folder / "渡口.txt", (1, 1))
    monkeypatch.setattr("rag.intake.Intake.read", lambda *_, **__: pytest.fail("a file was read"))
    assert place.sync() == {} and place.encoded == []
    assert place.assistant._index.library.sources()["渡口.txt"].mtime_ns == 1_000_000_000


def test_a_file_that_becomes_unreadable_answers_no_more_and_is_tried_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place.folder / "渡口.txt"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\1" * 99)
    assert place.sync() == {"渡口.txt": "failed"}
    assert place.names() == {"钟楼.md"}
    assert all("渡船" not in hit.passage.text for hit in place.assistant.ask("渡船每天往返几趟？").hits)
    with monkeypatch.context() as patch:
        patch.setattr("rag.intake.Intake.read", lambda *_, **__: pytest.fail("a file was read"))
        assert place.sync() == {"渡口.txt": "failed"}
    place.write("渡口.txt", "渡口", FERRY)
    assert place.sync() == {"渡口.txt": "indexed"}  # what it held is gone, so it is new
    assert place.cited("渡船每天往返几趟？")


def test_a_file_that_cannot_be_opened_just_now_still_answers(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root no file is closed: the opening is made to fail, in this process and so in the reading one by a missing path."""
    path = place.write("渡口.txt", "渡口", FERRY, MARKET)
    real = Path.open

    def closed(self: Path, *args: object, **more: object) -> object:
        if self == path:
            raise PermissionError(13, "Permission denied")
        return real(self, *args, **more)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", closed)
        from rag.errors import ParseError

        def refuse(*_: object, **__: object) -> None:
            raise ParseError("渡口.txt cannot be read (Permission denied)", "渡口.txt 无法读取（权限）")

        patch.setattr("rag.intake.Intake.read", refuse)
        assert place.sync() == {"渡口.txt": "failed"}
    assert place.cited("渡船每天往返几趟？")[0] == ("渡口.txt", FERRY)
    assert place.sync() == {"渡口.txt": "changed"}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_reported(place: Place) -> None:
    path = place.write("集市.txt", "集市", MARKET)
    path.chmod(0)
    assert place.sync() == {"集市.txt": "failed"}
    path.chmod(0o600)
    assert place.sync() == {"集市.txt": "indexed"}


def test_another_suffix_is_another_way_of_reading(place: Place) -> None:
    (place.folder / "钟楼.md").rename(place.folder / "钟楼.txt")
    assert place.sync() == {"钟楼.txt": "indexed", "钟楼.md": "removed"}
    assert place.names() == {"钟楼.txt", "渡口.txt"}
    assert place.cited("钟楼高多少米？")[0][0] == "钟楼.txt"


@pytest.mark.skipif(os.name == "nt", reason="links and names that Windows has not")
def test_loops_hidden_and_temporary_files(place: Place) -> None:
    (place.folder / "圈").symlink_to(place.folder, target_is_directory=True)
    (place.folder / "自己.txt").symlink_to(place.folder / "自己.txt")
    (place.folder / "无处.txt").symlink_to("/nonexistent/x.txt")
    (place.folder / "链.txt").symlink_to(place.folder / "渡口.txt")
    os.mkfifo(place.folder / "管道.txt")
    for name in (".hidden.txt", "~$lock.docx", "x.txt~", "y.tmp", ".d/z.txt", "Thumbs.db"):
        place.write(name, MARKET)
    (place.folder / "空.txt").touch()
    told = place.sync()
    assert told == {
        "圈": "skipped", "自己.txt": "skipped", "无处.txt": "skipped", "管道.txt": "skipped", "链.txt": "same",
        "空.txt": "failed",
    }  # fmt: skip
    assert len(place.assistant.documents()) == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names that other systems refuse")
def test_strange_names_are_read_renamed_and_forgotten_like_others(place: Place) -> None:
    raw = [b"a b  c.txt", "空 格（全角）.txt".encode(), b"line\nbreak.txt", b"bad\xff\xfebytes.txt", b"-rf 'x\";.txt"]
    for at, name in enumerate(raw):
        with open(os.fsencode(place.folder) + b"/" + name, "wb") as file:
            file.write(f"第{at}号亭\n\n第{at}号亭由石匠建于{1900 + at}年。".encode())
    told = place.sync()
    assert set(told) == {os.fsdecode(name) for name in raw} and set(told.values()) == {"indexed"}
    assert place.sync() == {} and place.encoded == []
    assert place.cited("第3号亭建于哪一年？")[0][0] == "bad\udcff\udcfebytes.txt"
    base = os.fsencode(place.folder) + b"/"
    os.rename(base + b"bad\xff\xfebytes.txt", base + b"worse\xfd.txt")
    assert place.sync() == {"worse\udcfd.txt": "renamed"} and place.encoded == []
    for name in [*raw[:3], b"worse\xfd.txt", raw[4]]:
        os.unlink(base + name)
    assert set(place.sync().values()) == {"removed"} and len(place.assistant.documents()) == 2


def test_a_folder_that_is_emptied_says_so_and_forgets(place: Place) -> None:
    for path in place.folder.iterdir():
        path.unlink()
    with pytest.raises(FolderError, match="no readable document"):
        place.assistant.sync()
    assert place.assistant.documents() == []
    assert_in_step(place.assistant)


def test_a_file_that_changes_while_it_is_read_is_read_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stored as the bytes that were read, with the listing's size and time: another sync sees that it changed."""
    from rag.intake import Intake

    place.write("集市.txt", "集市", MARKET)
    real = Intake.read

    def late(self: Intake, path: Path, name: str, **more: object) -> object:
        if name == "集市.txt":
            place.write("集市.txt", "集市", MARKET.replace("86", "97"))
        return real(self, path, name, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Intake, "read", late)
        place.sync()
    os.utime(place.folder / "集市.txt", (2, 2))
    place.sync()
    assert any("97" in quote for _, quote in place.cited("集市有多少个摊位？"))


# -- several processes --------------------------------------------------------------------------------------------

CHILD = """
import sys, time, json
from pathlib import Path
from rag.assistant import Assistant
from rag.config import Settings
from tests.fakes_embed import HashEmbedder

class Slow(HashEmbedder):
    def encode(self, texts, kind="passage"):
        if kind == "passage":
            Path(sys.argv[3]).touch()
            time.sleep(float(sys.argv[4]))
        return super().encode(texts, kind)

Assistant.open(sys.argv[1], Settings(), index_dir=sys.argv[2], embedder=Slow()).close()
"""


def start(place: Place, tmp_path: Path, seconds: float) -> subprocess.Popen[bytes]:
    """Another process that syncs, seen to be encoding."""
    sign = tmp_path / "encoding"
    command = [sys.executable, "-c", CHILD, str(place.folder), str(place.index), str(sign), str(seconds)]
    process = subprocess.Popen(command, cwd=Path(__file__).resolve().parent.parent)
    deadline = time.monotonic() + 60
    while not sign.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert sign.exists()
    return process


def test_a_second_writer_is_told_who_writes_and_a_reader_answers(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.place._LOCK_SECONDS", 0.2)
    place.write("集市.txt", "集市", MARKET)
    process = start(place, tmp_path, 600)
    try:
        with pytest.raises(BusyError) as caught:
            place.assistant.sync()
        assert str(process.pid) in caught.value.en and str(process.pid) in caught.value.zh
        assert place.cited("渡船每天往返几趟？")[0][0] == "渡口.txt"  # opened before
        with open_at(place.folder, place.index, sync=False) as late:  # opened while it is written
            assert late.ask("钟楼高多少米？").citations[0].source == "钟楼.md"
        with Shelf(Settings(folder=str(place.folder), index_dir=str(place.index))) as shelf:
            assert {row.source: row.state for row in shelf.rows()}["集市.txt"] == "waiting"
    finally:
        process.kill()
        process.wait()
    assert place.sync() in ({"集市.txt": "indexed"}, {})
    assert place.cited("集市有多少个摊位？")[0][0] == "集市.txt"


def test_a_reader_sees_what_another_process_added(place: Place, tmp_path: Path) -> None:
    place.write("集市.txt", "集市", MARKET)
    (place.folder / "钟楼.md").unlink()
    process = start(place, tmp_path, 0.5)
    while process.poll() is None:
        assert place.cited("渡船每天往返几趟？")[0][0] == "渡口.txt"
    assert process.wait() == 0
    assert place.names() == {"渡口.txt", "集市.txt"}
    assert all(hit.passage.text != TOWER for hit in place.assistant.ask("钟楼高多少米？").hits)
    assert place.sync() == {} and place.encoded == []
    assert place.cited("集市有多少个摊位？")[0][0] == "集市.txt"


def test_an_index_that_was_built_anew_by_another_is_taken_up(place: Place) -> None:
    with open_at(place.folder, place.index) as other:
        other.rebuild()
        place.write("集市.txt", "集市", MARKET)
        assert place.sync() == {"集市.txt": "indexed"}
        assert place.cited("集市有多少个摊位？")[0][0] == "集市.txt"
        assert set(outcomes(other.sync()).values()) == {"unchanged"}
        assert other._index.library.damages() == []


def test_a_rebuild_that_must_wait_leaves_what_there_is(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.index.place._LOCK_SECONDS", 0.1)
    with writing(place.index), pytest.raises(BusyError, match="is writing"):
        place.assistant.rebuild()
    assert place.cited("渡船每天往返几趟？")[0][0] == "渡口.txt"


def test_a_folder_that_is_gone_is_told_and_forgets_nothing(place: Place) -> None:
    place.folder.rename(place.folder.with_name("别处"))
    with pytest.raises(FolderError, match="cannot be read"):
        place.assistant.sync()
    assert place.names() == {"渡口.txt", "钟楼.md"}
    place.folder.with_name("别处").rename(place.folder)
    assert place.sync() == {}


def test_a_thousand_unchanged_files_cost_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with swift() as base:
        folder = base / "材料"
        folder.mkdir()
        for n in range(1000):
            (folder / f"{n:04}.txt").write_text(f"第{n}号亭\n\n第{n}号亭由石匠建于{1000 + n}年。", encoding="utf-8")
        with Assistant.open(folder, Settings(), index_dir=base / "index", embedder=HashEmbedder()) as assistant:
            took = {}
            for case in ("unchanged", "one changed"):
                if case == "one changed":
                    (folder / "0500.txt").write_text("第500号亭\n\n第500号亭建于1777年。", encoding="utf-8")
                began = time.perf_counter()
                report = assistant.sync()
                took[case] = round(time.perf_counter() - began, 3)
                assert sum(o.state == "changed" for o in report.outcomes) == (case == "one changed")
            with capsys.disabled():
                print(f"\n1,000 files: {json.dumps(took)} s")
            assert took["unchanged"] <= 3 and took["one changed"] <= 4
