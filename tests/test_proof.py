"""That a deleted file is gone can be proved, and the proof finds what is planted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.__main__ import main
from rag.config import Settings
from rag.errors import UnknownDocumentError
from rag.folder import UPLOADS
from rag.proof import Proof, prove
from tests.durable import make_folder, open_at, synced
from tests.fakes_embed import HashEmbedder

SECRET = "青石镇的粮仓在北门外，守仓人每月初三清点一次，共有稻谷四百二十石，钥匙存放在祠堂东屋的木箱里。"
SHARED = "河灯节由镇文化站主办，每年农历七月十五晚上在码头举行，届时共放出三百盏河灯，镇上的人都会来看。"
NAME = "秘密 档案2021.txt"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = make_folder(tmp_path / "材料", 8)
    (folder / NAME).write_text(f"粮仓档案\n\n{SECRET}\n\n{SHARED}\n", encoding="utf-8")
    (folder / "节日.txt").write_text(f"节日\n\n{SHARED}\n", encoding="utf-8")
    synced(folder, tmp_path / "index")[0].close()
    return tmp_path


def proved(place: Path, *also: Path, name: str = NAME) -> Proof:
    return prove(Settings(folder=str(place / "材料"), index_dir=str(place / "index")), name, also)


def deleted(place: Path) -> str:
    """Deletes the file, syncs, and returns its document's id."""
    (place / "材料" / NAME).unlink()
    with open_at(place / "材料", place / "index", sync=False) as assistant:
        doc_id = assistant.document(NAME).id
        assistant.sync()
    return doc_id


def test_after_the_sync_nothing_is_left_in_any_byte(place: Path) -> None:
    doc_id = deleted(place)
    proof = proved(place)
    assert proof.ok, [p for p in proof.places if p.found]
    for path in (place / "index").rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        for mark in (NAME, "秘密 档案2021", doc_id, SECRET, SECRET[:10], SECRET[-12:]):
            assert mark.encode() not in data, (path.name, mark)


def test_while_another_process_has_the_library_open_nothing_is_left_either(place: Path) -> None:
    with open_at(place / "材料", place / "index", sync=False) as reader:
        reader.ask("粮仓有多少稻谷？")
        doc_id = deleted(place)
        assert proved(place).ok
        for path in (place / "index").glob("library.sqlite*"):
            assert doc_id.encode() not in path.read_bytes() and SECRET.encode() not in path.read_bytes()
        assert all(SECRET not in hit.passage.text for hit in reader.ask("粮仓有多少稻谷？").hits)


def test_before_the_sync_it_is_not_proved(place: Path) -> None:
    with pytest.raises(UnknownDocumentError, match="delete the file first"):
        proved(place)
    with pytest.raises(UnknownDocumentError, match="no deletion"):
        proved(place, name="从来没有.txt")
    (place / "材料" / NAME).unlink()
    with pytest.raises(UnknownDocumentError):
        proved(place)


@pytest.mark.parametrize("kept", [SECRET, f"x{SECRET}", NAME], ids=["text", "shifted text", "name"])
def test_what_is_planted_is_found(place: Path, kept: str) -> None:
    deleted(place)
    stray, log = place / "index" / "lexical" / "leftover.bin", place / "chat.log"
    log.write_bytes(b"\xff" * 77 + kept.encode() + b"\0")
    assert proved(place).ok
    assert [p.what for p in proved(place, log).places if p.found] == [str(log)]
    stray.write_bytes(b"\0" * 5001 + kept.encode())
    assert [p.what for p in proved(place).places if p.found] == ["lexical/leftover.bin"]


def test_an_id_that_is_left_is_found(place: Path) -> None:
    doc_id = deleted(place)
    (place / "index" / "note").write_text(f"…{doc_id}…", encoding="utf-8")
    assert [p.what for p in proved(place).places if p.found] == ["note"]


def test_a_text_across_two_pieces_is_found(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted(place)
    monkeypatch.setattr("rag.proof._PIECE", 100)
    for shift in (0, 17, 40, 63, 99):
        (place / "index" / "note").write_bytes(b"x" * shift + SECRET.encode() + b"y" * 300)
        assert not proved(place).ok, shift


def test_a_sentence_that_another_document_shares_is_no_remnant(place: Path) -> None:
    deleted(place)
    assert proved(place).ok
    (place / "保存.txt").write_text(SHARED, encoding="utf-8")
    assert proved(place, place / "保存.txt").ok


def test_a_twin_that_is_still_there_is_told(place: Path) -> None:
    folder = place / "材料"
    (folder / "副本.txt").write_bytes((folder / NAME).read_bytes())
    synced(folder, place / "index")[0].close()
    deleted_id = deleted(place)
    [told] = [p.found for p in proved(place).places if p.what == "library"]
    assert "副本.txt" in told and deleted_id


def test_a_file_that_came_back_is_not_proved_deleted(place: Path) -> None:
    folder = place / "材料"
    data = (folder / NAME).read_bytes()
    deleted(place)
    (folder / NAME).write_bytes(data)
    assert not proved(place).ok
    synced(folder, place / "index")[0].close()
    with pytest.raises(UnknownDocumentError):
        proved(place)


def test_a_changed_file_leaves_nothing_of_its_old_text(place: Path) -> None:
    folder = place / "材料"
    (folder / NAME).write_text("粮仓档案\n\n此件已撤下。", encoding="utf-8")
    synced(folder, place / "index")[0].close()
    for path in (place / "index").rglob("*"):
        assert not path.is_file() or SECRET[:12].encode() not in path.read_bytes(), path.name


def test_what_a_page_that_runs_still_holds_is_found(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted(place)
    monkeypatch.setattr("tempfile.tempdir", str(place / "tmp"))
    uploads = place / "tmp" / f"{UPLOADS}x" / "y"
    uploads.mkdir(parents=True)
    assert proved(place).ok
    (uploads / "某.txt").write_text(SECRET, encoding="utf-8")
    assert not proved(place).ok


def test_the_command_says_it_and_exits_so(
    place: Path, no_model: HashEmbedder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAG_INDEX_DIR", str(place / "index"))
    command = ["prove-deleted", NAME, "--folder", str(place / "材料"), "--json"]
    assert main(command) != 0  # it is there
    deleted(place)
    capsys.readouterr()
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    (place / "chat.log").write_text(SECRET, encoding="utf-8")
    assert main([*command, "--also", str(place / "chat.log")]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
