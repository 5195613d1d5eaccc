"""What all tests share: an environment of their own, and two embedders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import ModelError
from rag.protocols import Embedder
from tests.fakes_embed import HashEmbedder


@pytest.fixture(autouse=True, scope="session")
def own_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Indexes of tests go where tests go, and the settings of whoever runs them change nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("RAG_")]:
            patch.delenv(name)
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


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
    """The real default model, for tests marked `model`. Where it cannot be had they skip, except in CI."""
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
