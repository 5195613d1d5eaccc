"""What every vector store promises, of Milvus: Milvus Lite in a directory, and a server over HTTP."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import tests.contracts.test_store as contract
from rag.protocols import VectorStore
from rag.stores import milvus, open_store
from rag.stores.memory import MemoryStore
from rag.stores.milvus import open_milvus
from tests.milvus import Server, needed

pytestmark = pytest.mark.milvus
_number = itertools.count()
HOSTILE = ['" or doc > 0 or "', "a' --", "\\", '\\"]', "\x00", "\ud800", "甲\n乙", "", "x" * 10_000, "[1, 2]", "%_{}"]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    needed()
    server = Server(tmp_path_factory.mktemp("server") / "data")
    server.start()
    yield {"file": str(tmp_path_factory.mktemp("lite") / "vectors.db"), "server": server.address}
    server.stop()


@pytest.fixture(params=["file", "server", "server, apart"])
def make(request: pytest.FixtureRequest, places: dict[str, str], tmp_path: Path) -> Callable[[], VectorStore]:
    place, _, apart = request.param.partition(", ")
    address, directory = f"{places[place]}/c{next(_number)}", tmp_path / "index" / "vectors"
    if apart:
        return lambda: open_store(f"milvus:{address}", 3, directory, contract.in_han)
    return lambda: open_milvus(address, 3, "other", directory)


# The contract's own tests, with the `make` of this module.
globals().update(
    {
        name: test
        for name, test in vars(contract).items()
        if name.startswith("test_") and "make" in inspect.signature(test).parameters
    }
)


def test_a_document_s_id_is_never_part_of_a_filter(make: Callable[[], VectorStore]) -> None:
    store = make()
    rows = np.eye(3, dtype=np.float32)[np.arange(len(HOSTILE)) % 3]
    store.add(list(range(len(HOSTILE))), HOSTILE, rows)
    for number, doc in enumerate(HOSTILE):
        assert [i for i, _ in store.search(rows[number], 20, [doc])] == [number]
    for number, doc in enumerate(HOSTILE):
        store.remove([doc])
        assert [i for i, _ in store.search(rows[0], 20, HOSTILE)] == sorted(
            range(number + 1, len(HOSTILE)), key=lambda i: (-rows[i][0], i)
        )


def test_a_filter_of_many_documents_is_asked_in_pieces(
    make: Callable[[], VectorStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus, "_FILTER", 7)
    monkeypatch.setattr(milvus, "_ROWS", 16)
    draw = np.random.default_rng(0)
    vectors = draw.integers(-1, 2, (100, 3)).astype(np.float32)
    docs = [f"d{number % 40}" for number in range(100)]
    store, reference = make(), MemoryStore(3)
    for filled in (store, reference):
        filled.add(list(range(100)), docs, vectors)
        filled.remove([f"d{number}" for number in range(0, 40, 5)])
    for query in np.eye(3, dtype=np.float32):
        for k in (1, 10, 100):
            found = store.search(query, k, [f"d{number}" for number in range(30)])
            wanted = reference.search(query, k, [f"d{number}" for number in range(30)])
            assert [i for i, _ in found] == [i for i, _ in wanted]
            assert [s for _, s in found] == pytest.approx([s for _, s in wanted], abs=1e-6)


def test_it_does_what_the_reference_does(make: Callable[[], VectorStore]) -> None:
    draw = np.random.default_rng(1)
    store, reference = make(), MemoryStore(3)
    for step in range(25):
        if draw.random() < 0.6:
            count = int(draw.integers(0, 6))
            ids = draw.integers(0, 12, count).tolist()
            docs, vectors = [str(draw.choice(list("abc")))] * count, draw.integers(-1, 2, (count, 3))
            for filled in (store, reference):
                filled.add(ids, docs, vectors.astype(np.float32))
        elif draw.random() < 0.6:
            gone = [str(draw.choice(list("abcd")))]
            for filled in (store, reference):
                filled.remove(gone)
        else:
            store.flush()
            store = make()
        query = draw.integers(-1, 2, 3).astype(np.float32)
        for k, filtered in ((1, None), (3, ["a", "d"]), (50, None)):
            found, wanted = store.search(query, k, filtered), reference.search(query, k, filtered)
            assert [s for _, s in found] == pytest.approx([s for _, s in wanted], abs=1e-6), step
            assert [i for i, _ in found] == [i for i, _ in wanted], step
        assert store.ids().tolist() == reference.ids().tolist()  # type: ignore[attr-defined]
        assert store.count == reference.count  # type: ignore[attr-defined]
