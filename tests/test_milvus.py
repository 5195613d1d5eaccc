"""Milvus beside its contract (`tests/contracts/test_store_milvus.py`): addresses, owners, and a server that goes away."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pytest

from rag.assistant import Assistant
from rag.config import Settings
from rag.doctor.store import store as examined
from rag.errors import IndexMismatchError, MissingExtraError, SettingsError, StoreAwayError
from rag.protocols import Vectors
from rag.stores import line
from rag.stores.line import Line, address_of
from rag.stores.memory import MemoryStore
from rag.stores.milvus import left_of, open_milvus, state_of
from tests.fakes_embed import HashEmbedder
from tests.milvus import Server, needed

pytestmark = pytest.mark.milvus
EAST, NORTH, UP = np.eye(3, dtype=np.float32)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    needed()
    server = Server(tmp_path_factory.mktemp("server") / "data")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure the next call tries again."""
    monkeypatch.setattr(line, "_REST", 0.0)


@pytest.fixture
def own(server: Server, tmp_path: Path) -> tuple[str, Path]:
    """A collection that no other test has, and the `vectors` directory of an index."""
    return f"{server.address}/own_{time.monotonic_ns()}", tmp_path / "index" / "vectors"


# -- addresses ----------------------------------------------------------------------------------------------------------


def test_an_address_names_a_server_or_a_directory_and_a_collection(tmp_path: Path) -> None:
    served = address_of("http://host:19530/judian")
    assert (served.uri, served.database, served.collection, served.lite) == ("http://host:19530", "", "judian", False)
    kept = address_of("https://host/library/judian")
    assert (kept.uri, kept.database, kept.collection) == ("https://host", "library", "judian")
    lite = address_of(f"{tmp_path}/向量.db/judian")
    assert lite.lite and lite.uri == str((tmp_path / "向量.db").resolve()) and lite.collection == "judian"
    assert Path(address_of("vectors.db/judian").uri).is_absolute()


@pytest.mark.parametrize(
    "address",
    ["", "x", "http://host:19530", "http://host:19530/", "http://host/a/b/c", "ftp://host/x", "vectors/x", "http:///x",
     "vectors.db/1x", "vectors.db/a-b", "vectors.db/馆", "http://host/" + "x" * 300],
)  # fmt: skip
def test_what_is_no_address_is_told_with_one_that_is(address: str) -> None:
    with pytest.raises(SettingsError, match="milvus:http://host:19530/name"):
        open_milvus(address, 3, "han")


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match="MILVUS_TOKEN") as told:
        address_of("http://root:s3cret@host:19530/judian")
    assert "s3cret" not in told.value.en + told.value.zh


def test_without_the_extra_the_line_to_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"\[milvus\]"):
        open_milvus("http://host:19530/judian", 3, "han")


# -- whose it is --------------------------------------------------------------------------------------------------------


def test_another_index_may_not_use_the_collection(own: tuple[str, Path], tmp_path: Path) -> None:
    address, directory = own
    mine = open_milvus(address, 3, "han", directory)
    mine.add([1], ["a"], EAST[None])
    with pytest.raises(SettingsError, match="another index directory"):
        open_milvus(address, 3, "han", tmp_path / "other" / "vectors")
    moved = tmp_path / "moved"
    shutil.move(directory.parent, moved)
    assert open_milvus(address, 3, "han", moved / "vectors").count == 1


def test_another_program_s_collection_is_left_alone(own: tuple[str, Path], server: Server) -> None:
    import pymilvus

    address, directory = own
    name = f"{address_of(address).collection}_han"
    client = pymilvus.MilvusClient(server.address)
    client.create_collection(name, dimension=3)
    client.insert(name, [{"id": 1, "vector": [1.0, 0.0, 0.0]}])
    with pytest.raises(SettingsError, match="another program"):
        open_milvus(address, 3, "han", directory)
    assert client.query(name, filter="id in [1]", output_fields=["id"])[0]["id"] == 1


def test_another_dimension_is_a_mismatch_and_a_rebuild_mends_it(own: tuple[str, Path]) -> None:
    address, directory = own
    open_milvus(address, 3, "han", directory).add([1], ["a"], EAST[None])
    with pytest.raises(IndexMismatchError, match="rebuild"):
        open_milvus(address, 4, "han", directory)
    shutil.rmtree(directory)  # as a rebuild does
    anew = open_milvus(address, 4, "han", directory)
    assert anew.count == 0 and anew.search(np.eye(4, dtype=np.float32)[0], 5) == [] and not len(anew.ids())
    anew.add([2], ["b"], np.eye(4, dtype=np.float32)[:1])
    assert anew.ids().tolist() == [2] == open_milvus(address, 4, "han", directory).ids().tolist()


def test_a_rebuild_leaves_nothing_of_a_part_that_it_does_not_write(own: tuple[str, Path]) -> None:
    address, directory = own
    open_milvus(address, 3, "han", directory).add([1], ["a"], EAST[None])
    shutil.rmtree(directory)
    anew = open_milvus(address, 3, "han", directory)
    assert anew.count == 0 and left_of(address, ["a"]) == {1}
    anew.flush()
    assert left_of(address, ["a"]) == set() and state_of(address)[1] == 0


def test_a_stamp_changes_with_every_flush_that_wrote(own: tuple[str, Path]) -> None:
    address, directory = own
    store = open_milvus(address, 3, "other", directory)
    store.flush()
    stamps = [store.stamp]
    for step in (lambda: store.add([1], ["a"], EAST[None]), lambda: store.remove(["a"]), lambda: None):
        step()
        store.flush()
        stamps.append(open_milvus(address, 3, "other", directory).stamp)
    assert all(stamps) and len(set(stamps)) == 3 and stamps[2] == stamps[3]


def test_what_is_left_of_a_document_is_found_in_both_parts(own: tuple[str, Path]) -> None:
    address, directory = own
    for part, number in (("han", 1), ("other", 2)):
        open_milvus(address, 3, part, directory).add([number, number + 10], ["a'\"", "b"], np.eye(3)[:2])
    assert left_of(address, ["a'\"", "c"]) == {1, 2} and left_of(address, [], [11, 99]) == {11}
    open_milvus(address, 3, "han", directory).remove(["a'\""])
    assert left_of(address, ["a'\""], [1, 11]) == {2, 11}


def test_the_doctor_says_whether_it_answers(own: tuple[str, Path], server: Server, tmp_path: Path) -> None:
    address, directory = own
    open_milvus(address, 3, "han", directory).add([1], ["a"], EAST[None])
    version, count = state_of(address)
    (item,) = examined(Settings(store=f"milvus:{address}"))
    assert item.ok and version in item.en and "1 vectors" in item.en and count == 1
    (item,) = examined(Settings(store="milvus:http://127.0.0.1:9/judian"))
    assert not item.ok and "http://127.0.0.1:9" in item.en and "start it" in item.next_en and item.next_zh
    (item,) = examined(Settings(store=f"milvus:{tmp_path}/none.db/judian"))
    assert item.ok and not (tmp_path / "none.db").exists()
    assert examined(Settings()) == []


# -- away ---------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
def test_after_a_restart_everything_is_there_again(tmp_path: Path) -> None:
    needed()
    server = Server(tmp_path / "data")
    server.start()
    try:
        store = open_milvus(f"{server.address}/judian", 3, "han", tmp_path / "index" / "vectors")
        store.add([1, 2], ["a", "b"], np.stack([EAST, NORTH]))
        store.flush()
        stamp = store.stamp
        store.add([3], ["c"], UP[None])  # acknowledged, not flushed
        server.stop()
        for ask in (lambda: store.search(EAST, 5), lambda: store.add([4], ["d"], UP[None]), store.ids):
            with pytest.raises(StoreAwayError, match=server.address):
                ask()
        assert store.stamp == ""
        server.start()
        assert [i for i, _ in store.search(EAST, 5)] == [1, 2, 3] == store.ids().tolist()
        assert store.stamp == stamp
        store.remove(["a"])
        assert [i for i, _ in store.search(EAST, 5, ["a", "b"])] == [2]
    finally:
        server.stop()


@pytest.mark.usefixtures("impatient")
def test_a_server_that_lost_its_data_says_so_to_a_question_and_is_an_empty_store_to_a_sync(tmp_path: Path) -> None:
    needed()
    server = Server(tmp_path / "data")
    server.start()
    try:
        store = open_milvus(f"{server.address}/judian", 3, "han", tmp_path / "index" / "vectors")
        store.add([1], ["a"], EAST[None])
        store.flush()
        stamp = store.stamp
        server.stop()
        shutil.rmtree(tmp_path / "data")
        server.start()
        with pytest.raises(StoreAwayError, match="python -m rag index"):
            store.search(EAST, 5)
        assert store.count == 0 and store.stamp != stamp
        store.add([2], ["b"], EAST[None])
        assert store.ids().tolist() == [2]
    finally:
        server.stop()


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("database", [False, True])
def test_a_collection_that_was_dropped_is_away_and_the_message_says_what_fills_it_again(
    own: tuple[str, Path], server: Server, restarted: bool, database: bool
) -> None:
    import pymilvus

    address, directory = own
    name = address_of(address).collection
    admin = client = pymilvus.MilvusClient(server.address)
    if database:
        address = f"{server.address}/of_{name}/{name}"
        admin.create_database(f"of_{name}")
        client = pymilvus.MilvusClient(server.address, db_name=f"of_{name}")
    store, other = (open_milvus(address, 3, part, directory) for part in ("han", "other"))
    assert other.search(EAST, 5) == [] == store.search(EAST, 5), "nothing was ever there: nothing is missing"
    store.add([1], ["a"], EAST[None])
    store.flush()
    client.drop_collection(f"{name}_han")
    if database:
        admin.drop_database(f"of_{name}")
    if restarted:
        store, other = (open_milvus(address, 3, part, directory) for part in ("han", "other"))
    for _ in range(2):
        with pytest.raises(StoreAwayError) as told:
            store.search(EAST, 5, ["a"])
        missing = f"database 'of_{name}'" if database else f"{name}_han"
        assert missing in told.value.en and "python -m rag index" in told.value.en
        assert "python -m rag index" in told.value.zh
    if database:
        with pytest.raises(StoreAwayError, match=f"of_{name}"):
            other.search(EAST, 5)
        admin.create_database(f"of_{name}")
    assert other.search(EAST, 5) == [] and store.count == 0 and not len(store.ids())
    store.add([1], ["a"], EAST[None])
    assert [i for i, _ in store.search(EAST, 5)] == [1]


def test_a_collection_that_is_taken_as_it_is_is_missed_once_it_was_seen(own: tuple[str, Path], server: Server) -> None:
    import pymilvus

    address, _ = own
    store = open_milvus(address, 3, "han")
    assert store.search(EAST, 5) == []
    store.add([1], ["a"], EAST[None])
    pymilvus.MilvusClient(server.address).drop_collection(f"{address_of(address).collection}_han")
    with pytest.raises(StoreAwayError, match="python -m rag index"):
        store.search(EAST, 5)
    assert open_milvus(address, 3, "han").search(EAST, 5) == []


def test_opening_does_not_need_the_server_and_a_question_waits_for_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed()
    tries: list[float] = []
    made = Line._made
    monkeypatch.setattr(Line, "_made", lambda self: tries.append(0.0) or made(self))  # type: ignore[func-returns-value]
    server = Server(tmp_path / "data")  # not started
    store = open_milvus(f"{server.address}/judian", 3, "han", tmp_path / "index" / "vectors")
    other = open_milvus(f"{server.address}/judian", 3, "other", tmp_path / "index" / "vectors")
    began = time.monotonic()
    for _ in range(50):
        for asked in (store, other):
            with pytest.raises(StoreAwayError, match="is away") as told:
                asked.search(EAST, 5)
    assert len(tries) == 1 and time.monotonic() - began < 1.0
    assert "start it" in told.value.en and "启动" in told.value.zh
    assert not (tmp_path / "index").exists()
    monkeypatch.setattr(store._rows._line, "_again", 1e-9)  # the rest is over
    with pytest.raises(StoreAwayError):
        store.search(EAST, 5)
    assert len(tries) == 2


def test_one_directory_of_milvus_lite_is_one_process_s(tmp_path: Path) -> None:
    needed()
    holder = Server(tmp_path / "vectors.db")
    holder.start()
    try:
        store = open_milvus(f"{tmp_path}/vectors.db/judian", 3, "han", tmp_path / "index" / "vectors")
        with pytest.raises(StoreAwayError, match="no other process"):
            store.search(EAST, 5)
    finally:
        holder.stop()


# -- a folder whose vectors are elsewhere -------------------------------------------------------------------------------


class Leaving(MemoryStore):
    """A store that is away when it is told to be."""

    away = False

    def _here(self) -> None:
        if self.away:
            raise StoreAwayError("the vector store is away; start it", "向量库无法访问；请启动它")

    def add(self, ids: Collection[int], doc_ids: Collection[str], vectors: Vectors) -> None:  # type: ignore[override]
        self._here()
        super().add(list(ids), list(doc_ids), vectors)

    def search(self, vector: Vectors, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        self._here()
        return super().search(vector, k, doc_ids)

    def remove(self, doc_ids: Collection[str]) -> None:
        self._here()
        super().remove(doc_ids)

    def flush(self) -> None:
        self._here()

    def ids(self):  # type: ignore[no-untyped-def]
        self._here()
        return super().ids()


def test_a_folder_is_read_and_answers_by_its_words_while_the_store_is_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = HashEmbedder()
    store = Leaving(embedder.dim)
    monkeypatch.setattr("rag.index.open_store", lambda *_, **__: store)
    store.away = True
    with Assistant.open(folder, settings=Settings(), embedder=embedder, sync=False) as kb:
        with pytest.raises(StoreAwayError):
            kb.sync()
        assert embedder.encoded == [] and not any(info.indexed for info in kb.documents())
        hits = kb.retrieve("图书馆 建筑师")
        assert hits and hits.away == ("dense",) and hits[:1].away == ("dense",)
        with pytest.raises(StoreAwayError):
            kb.retrieve("图书馆", rankers=["dense"])
        store.away = False
        kb.sync()
        assert all(info.indexed for info in kb.documents()) and store.count
        again = kb.retrieve("图书馆 建筑师")
        assert again.away == () and again[0].passage == hits[0].passage and "dense" in again[0].ranks
        store.away = True
        (folder / "new.md").write_text("# 新桥\n\n新桥于2021年通车。", encoding="utf-8")
        (folder / "bridge.txt").unlink()
        with pytest.raises(StoreAwayError):
            kb.sync()
        assert kb.retrieve("新桥 通车")[0].source == "new.md" and not kb.retrieve("Mary Hall engineer bridge")
        store.away = False
        kb.sync()
        assert store.count == len(kb.retrieve("桥 图书馆", k=50, rankers=["dense"]))


def test_a_folder_in_milvus_answers_as_one_in_memory(
    own: tuple[str, Path], folder: Path, tmp_path: Path, server: Server
) -> None:
    address, _ = own

    def opened(store: str) -> Assistant:
        embedder = HashEmbedder()
        return Assistant.open(folder, settings=Settings(store=store), embedder=embedder, index_dir=tmp_path / store[:6])

    def found(kb: Assistant) -> list[tuple[str, list[int]]]:
        queries = ["图书馆 书亭", "bridge built 1871", "故事会"]
        return [(q, [h.passage.id for h in kb.retrieve(q, rankers=["dense"])]) for q in queries]

    with opened("memory:") as reference, opened(f"milvus:{address}") as kb:
        assert found(kb) == found(reference) and state_of(address)[1] == len(kb.retrieve("桥", k=50, rankers=["dense"]))
        (folder / "bridge.txt").unlink()
        gone = kb.document("bridge.txt").id
        for changed in (kb, reference):
            changed.sync()
        assert found(kb) == found(reference) and left_of(address, [gone]) == set()
        kb.rebuild()
        assert found(kb) == found(reference)
    import pymilvus

    with opened(f"milvus:{address}") as again, opened("memory:") as reference:
        assert found(again) == found(reference)
        pymilvus.MilvusClient(server.address).drop_collection(f"{address_of(address).collection}_han")
        hits = again.retrieve("图书馆 书亭")
        assert hits and hits.away == ("dense",), "words answer, and say so"
        again.sync()
        assert found(again) == found(reference)
