"""What all tests share: an environment of their own, and two embedders."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import ModelError
from rag.protocols import Embedder
from tests.fakes_embed import HashEmbedder

LONG = (
    "test_browser", "test_fuzz", "test_embed_model", "test_notebooks", "test_disk", "test_kill", "test_corruption",
    "test_cluster", "test_eval_peers", "test_training", "test_eval_report",
)  # fmt: skip
"""Files that take longest, some of it waiting. They begin first where several files are tested at a time: none is left for the
end, when the others have nothing to do (pytest-xdist by itself puts those with the fewest tests last)."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        order = {name: place for place, name in enumerate(LONG)}
        items.sort(key=lambda item: order.get(item.path.stem, len(LONG)))


@pytest.fixture(autouse=True, scope="session")
def own_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Indexes of tests go where tests go, and the settings of whoever runs them change nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("RAG_")]:
            patch.delenv(name)
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(autouse=True, scope="module")
def only_own_models(request: pytest.FixtureRequest) -> Iterator[None]:
    """The models of one file are gone before the next opens its own: torch's are cycles, which nothing else takes away for long."""
    yield
    if any(item.path == request.path and item.get_closest_marker("model") for item in request.session.items):
        from rag.embed.shared import give_back

        gc.collect()
        give_back()


@pytest.fixture
def hash_embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> HashEmbedder:
    """Whatever opens an embedding model by its name gets the small one."""
    embedder = HashEmbedder()
    monkeypatch.setattr("rag.assistant.open_embedder", lambda *_, **__: embedder)
    return embedder


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The real default model, for tests marked `model`: opened once in a process, with half a gigabyte. Where it cannot be had
    they skip, except in CI."""
    return opened()


@pytest.fixture
def one_model(monkeypatch: pytest.MonkeyPatch, embedder: Embedder) -> Embedder:
    """Whatever opens the default model in this process gets the one that is open."""
    for place in ("rag.embed.open_embedder", "rag.assistant.open_embedder"):
        monkeypatch.setattr(place, lambda *_, **__: embedder)
    return embedder


@pytest.fixture(scope="session")
def prepared() -> None:
    """The default model's files, for tests marked `model` that open it in a process of their own."""
    from rag.embed import is_prepared

    if not is_prepared():
        opened()


def opened() -> Embedder:
    from rag.embed import open_embedder

    try:
        return open_embedder()
    except ModelError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"the default model cannot be had: {error}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two small articles, one in Chinese and one in English."""
    place = tmp_path / "材料"
    place.mkdir()
    (place / "library.md").write_text(LIBRARY, encoding="utf-8")
    (place / "bridge.txt").write_text(BRIDGE, encoding="utf-8")
    return place


LIBRARY = """# 河边图书馆

## 建设

河边图书馆由建筑师陈一平设计，于2019年5月开放。馆内有12座书亭，藏书共3000册。

## 活动

每周六下午举办“故事会”，去年共有2400人次参加。
"""

BRIDGE = """The Old Bridge

The Old Bridge was built in 1871 by the engineer Mary Hall. It is 240 metres long and has nine arches.

Repairs in 2015 cost 3.2 million euros. Since then cars are not allowed on it.
"""
