"""What every ranker promises, over all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from rag.lexical import LexicalRanker
from rag.protocols import Ranker
from rag.retrieve import DenseRanker
from rag.stores import open_store
from rag.types import Passage, passage_id

ANIMALS = "猫狗鱼鸟"


class AnimalEmbedder:
    """How often each of four animals is named, brought to unit length: cosines can be worked out by hand."""

    name = "animals"
    dim = len(ANIMALS)

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> np.ndarray:
        counts = np.array([[text.count(a) for a in ANIMALS] for text in texts], dtype=np.float32).reshape(-1, 4)
        return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)


def passage(doc: str, at: int, text: str, title: str = "") -> Passage:
    return Passage(passage_id(doc, at, at + len(text)), doc, text, at, at + len(text), title)


KINDS = ["lexical", "lexical on disk", "dense memory:", "dense faiss:"]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Ranker]:
    def build() -> Ranker:
        if request.param.startswith("dense"):
            return DenseRanker(AnimalEmbedder(), open_store(request.param.split()[1], 4, tmp_path))
        return LexicalRanker(tmp_path if request.param.endswith("disk") else None)

    return build


CAT, DOG, FISH = passage("a", 0, "猫 睡了"), passage("a", 10, "狗 跑了"), passage("b", 0, "鱼 和 猫 在 游")


def test_an_empty_index_finds_nothing(make: Callable[[], Ranker]) -> None:
    ranker = make()
    assert ranker.search("猫", 5) == []
    ranker.remove(["a"])
    ranker.remove([])
    ranker.add([])
    assert ranker.search("猫", 5, ["a"]) == []


def test_what_was_added_is_found_at_once_best_first(make: Callable[[], Ranker]) -> None:
    ranker = make()
    ranker.add([CAT, DOG, FISH])
    found = ranker.search("猫", 10)
    assert [i for i, _ in found][:2] == [CAT.id, FISH.id]
    assert [s for _, s in found] == sorted((s for _, s in found), reverse=True)
    assert ranker.search("猫", 1) == found[:1]
    assert ranker.search("猫", 0) == [] == ranker.search("猫", -3)


def test_ties_go_by_id(make: Callable[[], Ranker]) -> None:
    ranker = make()
    same = [passage("d", at, "狗") for at in range(40)]
    ranker.add(same)
    assert [i for i, _ in ranker.search("狗", 6)] == sorted(p.id for p in same)[:6]


def test_only_the_documents_asked_for_answer(make: Callable[[], Ranker]) -> None:
    ranker = make()
    ranker.add([CAT, DOG, FISH])
    assert [i for i, _ in ranker.search("猫", 1, ["b", "no such"])] == [FISH.id]
    assert ranker.search("猫", 5, []) == [] == ranker.search("猫", 5, ["no such", "\ud800'"])


def test_a_removed_document_never_comes_back(make: Callable[[], Ranker]) -> None:
    ranker = make()
    ranker.add([CAT, DOG, FISH])
    ranker.search("猫", 5)
    ranker.remove(["a", "no such"])
    assert {i for i, _ in ranker.search("猫 狗", 5)} == {FISH.id}
    ranker.add([CAT])
    assert {i for i, _ in ranker.search("猫", 5)} == {CAT.id, FISH.id}


def test_a_passage_added_again_stands_there_once(make: Callable[[], Ranker]) -> None:
    ranker = make()
    ranker.add([CAT, FISH])
    ranker.add([CAT, FISH, CAT])
    assert sorted(i for i, _ in ranker.search("猫", 10)) == sorted([CAT.id, FISH.id])


def test_the_title_counts_too(make: Callable[[], Ranker]) -> None:
    ranker = make()
    titled = passage("t", 0, "它睡了", title="鸟")
    ranker.add([titled, CAT])
    assert ranker.search("鸟", 5)[0][0] == titled.id


@pytest.mark.parametrize(
    "query",
    ["", " \n", "\x00", "\ud800", '"AND (OR + -猫* ~?:^[]{}\\/', "body:猫", "猫" * 5000, "a" * 70000, "😀", "%_'"],
)
def test_any_string_is_a_query(make: Callable[[], Ranker], query: str) -> None:
    ranker = make()
    ranker.add([CAT, DOG])
    assert len(ranker.search(query, 5)) <= 2
