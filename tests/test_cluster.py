"""A folder read and encoded on Ray: the same index as without it, whatever becomes of a file, a node or the run."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.__main__ import main
from rag.assistant import Assistant
from rag.cluster import ClusterError, Indexed, engine_of, index_folder
from rag.cluster.address import connected
from rag.cluster.desk import Desk
from rag.cluster.stream import Gathered, Pace, read_ahead, read_of, table_of, taken
from rag.cluster.work import Encoder, Order, read_files
from rag.config import Settings
from rag.errors import MissingExtraError, ModelError, SettingsError
from rag.folder import File, files
from rag.index import RULES
from rag.intake import Read
from rag.library import Library
from rag.protocols import ProgressFn
from rag.shelf import file_reader
from rag.types import Progress
from tests.durable import QUESTIONS, open_at, synced, write_file
from tests.fakes_cluster import failing_model, hash_model
from tests.fakes_embed import HashEmbedder

ROOT = Path(__file__).resolve().parent.parent
TWIN = "青石渡口由船工老周看守，渡船每天往返12趟，票价2元。"


LONG = pytest.mark.skipif(
    not os.environ.get("JUDIAN_LONG"), reason="starts nodes for half a minute each; set JUDIAN_LONG=1"
)


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    """A Ray of this machine for all tests here: to start one takes seconds."""
    if not (find_spec("ray") and find_spec("pyarrow")):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Ray is not installed: pip install -e '.[ray]'")
    with connected("", 2):
        yield


@pytest.fixture
def material(tmp_path: Path) -> Path:
    """Files of seven kinds, one of them broken, two of them the same document."""
    folder = tmp_path / "材料"
    for n in range(8):
        write_file(folder, n)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    (folder / "乙2022.txt").write_text(f"渡口\n\n{TWIN}", encoding="utf-8")
    (folder / "甲2021.txt").write_text(f"渡口\n\n{TWIN}", encoding="utf-8")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


def at(folder: Path, index: Path) -> Settings:
    return Settings(folder=str(folder), index_dir=str(index), threads=2)


def assert_same(one: Library, other: Library) -> None:
    """Documents, passages and the bits of their vectors."""
    assert one.sources() == other.sources() and one.refusals() == other.refusals()
    for info in one.documents():
        assert one.document(info.id) == other.document(info.id)
        passages = one.passages_of(info.id)
        assert passages == other.passages_of(info.id)
        kept, also = (library.vectors([p.digest for p in passages]) for library in (one, other))
        assert kept.keys() == also.keys() == {p.digest for p in passages}
        assert all(np.array_equal(kept[digest], also[digest]) for digest in kept)


def told(report: Any) -> dict[str, tuple[str, str, int]]:
    return {o.source: (o.state, o.reason, o.passages) for o in report.outcomes}


# -- the same result --------------------------------------------------------------------------------------------------


@pytest.mark.ray
@pytest.mark.usefixtures("ray")
def test_the_index_is_the_local_engines(material: Path, tmp_path: Path) -> None:
    events: list[Progress] = []
    indexed = index_folder(at(material, tmp_path / "ray"), "", events.append, hash_model)
    local, report = synced(material, tmp_path / "local")
    with local:
        assert told(indexed.report) == told(report)
        assert (indexed.documents, indexed.passages) == (9, local._index.library.count)
        with open_at(material, tmp_path / "ray", HashEmbedder()) as other:
            assert_same(local._index.library, other._index.library)
            assert not other._embedder.encoded, "every vector came from the nodes"  # type: ignore[attr-defined]
            for question in (*QUESTIONS, "渡船每天往返几趟？"):
                mine, theirs = local.ask(question), other.ask(question)
                assert (mine.text, mine.citations, mine.hits) == (theirs.text, theirs.citations, theirs.hits)
    read = [event for event in events if event.stage == "files"]
    assert [event.done for event in read][-1] == read[-1].total == 11
    assert events[-1] == replace(events[-1], stage="passages", done=indexed.passages, total=indexed.passages)


@pytest.mark.ray
@pytest.mark.usefixtures("ray")
def test_stopped_half_way_the_next_run_goes_on(material: Path, tmp_path: Path) -> None:
    def stop(event: Progress) -> None:
        if event.stage == "files" and event.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index_folder(at(material, tmp_path / "ray"), "", stop, hash_model)
    with Library(tmp_path / "ray" / "library.sqlite") as library:
        before = set(library.sources()) | set(library.refusals())
    assert len(before) >= 4
    goes_on, report = synced(material, tmp_path / "ray")  # on the local engine
    states = {o.source: o.state for o in report.outcomes}
    assert {states[name] for name in before} <= {"unchanged", "failed"}
    with goes_on, open_at(material, tmp_path / "local", HashEmbedder()) as local:
        assert_same(local._index.library, goes_on._index.library)
        assert goes_on._index.library.unindexed() == [] and goes_on._index.library.stray_vectors() == 0


@LONG
@pytest.mark.ray
@pytest.mark.usefixtures("ray")
def test_of_what_changed_only_what_is_new_is_encoded_and_bytes_are_sent_where_the_file_is_not_seen(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    parts = [f"## 第{n}节\n\n第{n}号码头在河边，长{n * 10}米，由船工看守，夜间点灯{n + 1}盏。" for n in range(1, 8)]
    (folder / "码头.md").write_text("# 码头\n\n" + "\n\n".join(parts), encoding="utf-8")
    with open_at(folder, tmp_path / "index", HashEmbedder()) as local:
        local.sync()
        parts[3] = parts[3].replace("40米", "45米")
        (folder / "码头.md").write_text("# 码头\n\n" + "\n\n".join(parts), encoding="utf-8")
        (folder / "b.txt").write_text("桥\n\n桥长20米。", encoding="utf-8")
        # Times that no file has: a node that looks at the driver's path finds another file there.
        found = [replace(file, mtime_ns=1) for file in files(folder)]
        gone = File("gone.md", str(folder / "gone.md"), 7, 1)
        reads, pace = read_here([*found, gone], local, order_of(local, asks=True))
    assert pace.passages == 2, "the changed passage and the new one"
    assert isinstance(reads["码头.md"], Read) and len(reads["码头.md"].passages) == 7
    assert isinstance(reads["b.txt"], Read) and "gone.md" in reads["gone.md"].en


def order_of(local: Assistant, **changed: Any) -> Order:
    reader = file_reader(local.settings)
    order = Order(reader.chars, reader.limits, RULES, "hash", 256, partial(hash_model, local.settings), asks=False)
    return replace(order, **changed)


def read_here(todo: list[File], local: Assistant, order: Order) -> tuple[dict[str, Any], Pace]:
    pace, library = Pace(), local._index.library
    ahead = read_ahead(
        todo, file_reader(local.settings), address="", order=order, library=library, threads=2, pace=pace
    )
    return {file.name: read for file, read in ahead}, pace


@LONG
@pytest.mark.ray
@pytest.mark.usefixtures("ray")
def test_a_node_with_another_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "渡口.txt").write_text(f"渡口\n\n{TWIN}", encoding="utf-8")
    with open_at(tmp_path / "f", tmp_path / "index", HashEmbedder()) as local, pytest.raises(ModelError) as raised:
        read_here(files(tmp_path / "f"), local, order_of(local, model="another"))
    assert all(word in raised.value.en for word in ("渡口.txt", "node", "hash", "another", "set the same model"))
    assert "节点" in raised.value.zh


# -- without Ray ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("local", None),
        ("ray", ""),
        ("ray:auto", "auto"),
        ("ray:10.0.0.7:6379", "10.0.0.7:6379"),
        ("ray:head:6379", "head:6379"),
        ("ray:[::1]:6379", "[::1]:6379"),
        ("ray:ray://head:10001", "ray://head:10001"),
    ],
)
def test_engines(said: str, address: str | None) -> None:
    assert engine_of(said) == address


@pytest.mark.parametrize("said", ["", "spark", "ray:", "ray:head", "ray:head:", "ray:http://head:80x", "RAY", "torch"])
def test_an_engine_that_is_none(said: str) -> None:
    with pytest.raises(SettingsError, match="ray:HOST:6379"):
        engine_of(said)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rules": "0"}, ("渡口.txt", "node", f"rules {RULES}", "by 0", "same version")),
        ({"opened": failing_model}, ("渡口.txt", "node", "out of luck")),
        ({}, ()),
    ],
)
def test_what_a_node_does(changed: dict[str, Any], words: tuple[str, ...], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Ray Data is not installed")
    pytest.importorskip("ray", reason="Ray is not installed")
    (tmp_path / "渡口.txt").write_text(f"渡口\n\n{TWIN}", encoding="utf-8")
    with open_at(tmp_path, tmp_path / ".index", HashEmbedder()) as local:
        order = order_of(local, **changed)
        [file] = files(tmp_path)
        [rows] = read_files(table_of([file], 0), order, None)
        batch, gathered = Encoder(order, 1)(rows), Gathered([file])
        if words:
            with pytest.raises(ModelError) as raised:
                taken(batch, gathered)
            assert all(word in raised.value.en for word in words) and "节点" in raised.value.zh
            return
        assert taken(batch, gathered) == [0]
        [(number, frame)] = gathered.whole(0)
        read = read_of(file, frame, file_reader(local.settings))
        assert number == 0 and isinstance(read, Read)
        assert read.passages == local.passages("渡口.txt")
        [vector] = batch["vector"].to_pylist()
        [expected] = local._index.library.vectors([read.passages[0].digest]).values()
        assert np.array_equal(np.frombuffer(vector, np.float16).astype(np.float32), expected)


def test_without_the_extra(material: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("rag.cluster.address.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install -e '.\[ray\]'"):
        index_folder(at(material, tmp_path / "index"), "", None, hash_model)
    assert not (tmp_path / "index").exists()


def answering(reply: bytes) -> tuple[str, Callable[[], None]]:
    """The address of a server that sends these bytes to whoever connects; b"": of one that is not there."""
    server = socket.create_server(("127.0.0.1", 0))
    if not reply:
        server.close()
    else:
        threading.Thread(target=lambda: server.accept()[0].sendall(reply), daemon=True).start()
    return f"127.0.0.1:{server.getsockname()[1]}" if reply else "127.0.0.1:9", server.close


@pytest.mark.parametrize("scheme", ["", "ray://"])
@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_an_address_where_no_ray_is_is_told_at_once(scheme: str, reply: bytes, monkeypatch: Any) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    address, close = answering(reply)
    began = time.perf_counter()
    with pytest.raises(ClusterError, match=address) as raised, connected(scheme + address):
        pass
    close()
    assert time.perf_counter() - began < 8 and "ray status" in raised.value.zh


def sized(*sizes: int) -> list[File]:
    return [File(f"{n}.txt", f"{n}.txt", size) for n, size in enumerate(sizes)]


def test_rows_are_put_together_in_any_order() -> None:
    gathered = Gathered(sized(5, 7, 9))
    gathered.add(1, 2, 3, None)
    assert list(gathered.whole(1)) == []
    gathered.add(0, 1, 1, b"a")
    assert list(gathered.whole(0)) == [(0, b"a")]
    gathered.add(1, 1, 3, b"b")
    assert list(gathered.whole(1)) == [(1, b"b")]
    gathered.add(1, 1, 3, b"b")  # a task that was run again says it twice
    assert list(gathered.whole(1)) == [] and list(gathered.rest()) == [2]


def test_files_of_one_size_come_in_order_of_name() -> None:
    gathered = Gathered(sized(5, 5, 7, 5))
    for at_, expected in [(3, []), (2, [2]), (1, []), (0, [0, 1, 3])]:
        gathered.add(at_, 1, 1, b"")
        assert [number for number, _ in gathered.whole(at_)] == expected


def test_whoever_asks_at_the_desk_gets_the_own_answer() -> None:
    async def meet() -> list[bytes | None]:
        desk = Desk()
        asked = [asyncio.create_task(desk.ask("file", n)) for n in range(3)]
        await asyncio.sleep(0)
        questions = await desk.questions()
        for number, _, n, _ in reversed(questions):
            await desk.answer(number, bytes([n]) if n else None)
        await desk.answer(99, b"nobody asked")
        return [await task for task in asked]

    assert asyncio.run(meet()) == [None, b"\x01", b"\x02"]


def test_the_command_line_names_the_cluster(material: Path, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    asked: list[str] = []

    def indexed(settings: Settings, address: str, progress: ProgressFn | None) -> Indexed:
        asked.append(address)
        local, report = synced(material, tmp_path / "index")
        with local:
            return Indexed(material, report, len(local.documents()), local._index.library.count)

    monkeypatch.setattr("rag.cli.upkeep.index_folder", indexed)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    assert main(["index", str(material), "--engine", "ray:head:6379"]) == 2
    out, err = capsys.readouterr()
    assert asked == ["head:6379"] and "9 documents" in out and "not read: broken.pdf" in err
    assert main(["index", str(material), "--engine", "spark"]) == 2
    assert "--engine 'spark'" in capsys.readouterr().err
