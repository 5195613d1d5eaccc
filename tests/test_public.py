"""The public surface. How values look is told in test_notebook.py."""

from __future__ import annotations

import builtins
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import rag
from rag.errors import MissingExtraError, RagError
from rag.types import Hit, Hits, Passage
from tests.fakes_embed import HashEmbedder

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>&lt;'\"\n</td> $a$ \u202eevil \ud800"
ATTRIBUTES = {"style", "class", "dir", "title", "value"}


def test_the_surface_is_sorted_and_complete() -> None:
    assert rag.__all__ == sorted(rag.__all__) and {"Assistant", "ask", "retrieve"} <= set(rag.__all__)
    for name in rag.__all__:
        assert getattr(rag, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = rag.nothing


def test_ask_and_retrieve_open_the_configured_folder_once(
    folder: Path, no_model: HashEmbedder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rag, "_default", [])
    monkeypatch.setenv("RAG_FOLDER", str(folder))
    monkeypatch.chdir(tmp_path)
    try:
        answer = rag.ask("馆内有多少座书亭？")
        assert answer.found and "12座" in answer.text
        assert rag.ask("那它是谁设计的？", ["河边图书馆有多少座书亭？"]).found
        hits = rag.retrieve("书亭", k=2)
        assert isinstance(hits, Hits) and len(hits) == 2
        assert rag.retrieve_many(["书亭"], k=2) == [hits]
        (answer,) = rag.ask_many(["那它是谁设计的？"], [["河边图书馆有多少座书亭？"]])
        assert answer.found and rag.explain("馆内有多少座书亭？").found
        (opened,) = rag._default
        assert opened.folder == folder and rag.opened() is opened
    finally:
        for assistant in rag._default:
            assistant.close()


def test_what_was_closed_is_opened_again(
    folder: Path, no_model: HashEmbedder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rag, "_default", [])
    monkeypatch.setenv("RAG_FOLDER", str(folder))
    monkeypatch.chdir(tmp_path)
    with rag.opened() as first:
        assert rag.retrieve("书亭", k=1)
    with rag.opened() as second:
        assert second is not first and rag.retrieve("书亭", k=1)


def test_later_calls_find_everything_open_and_look_at_no_file(
    folder: Path, no_model: HashEmbedder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    syncs: list[Path] = []
    real = rag.Assistant.sync

    def counted(kb: Any, progress: Any = None) -> Any:
        syncs.append(kb.folder)
        return real(kb, progress)

    monkeypatch.setattr(rag, "_default", [])
    monkeypatch.setattr(rag.Assistant, "sync", counted)
    monkeypatch.setenv("RAG_FOLDER", str(folder))
    monkeypatch.chdir(tmp_path)
    try:
        for _ in range(3):
            rag.retrieve("书亭", k=2)
            rag.ask("馆内有多少座书亭？")
        assert syncs == [folder] and len(rag._default) == 1
        (folder / "tower.txt").write_text("灯塔高31米，建于1902年。", encoding="utf-8")
        assert not rag.ask("灯塔有多高？").found
        rag.opened().sync()
        assert "31米" in rag.ask("灯塔有多高？").text
    finally:
        for assistant in rag._default:
            assistant.close()


def test_the_function_retrieve_is_not_replaced_by_its_module() -> None:
    code = (
        "from rag import Assistant, ask, retrieve; import rag, rag.assistant; from rag.retrieve import Retriever;"
        "assert callable(ask) and callable(retrieve) and rag.retrieve is retrieve and isinstance(Retriever, type)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_the_default_folder_is_found_from_anywhere(
    no_model: HashEmbedder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with rag.Assistant.open(index_dir=tmp_path / "index") as kb:
        assert kb.documents()


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.marked: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open += [tag] * (tag != "br")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "every element is closed where it was opened"

    def handle_data(self, data: str) -> None:
        self.text += data
        if "mark" in self.open:
            self.marked.append(data)


def tags(html: str) -> Tags:
    html.encode()  # a notebook sends it as UTF-8
    parser = Tags()
    parser.feed(html)
    assert not parser.open
    assert parser.attributes <= ATTRIBUTES
    return parser


def hostile_hits() -> Hits:
    passage = Passage(1, "d", HOSTILE, 0, len(HOSTILE), HOSTILE, (HOSTILE,), "related", 3)
    return Hits([Hit(passage, 0.5, {"dense": 1}, {"dense": 0.9}), Hit(passage, 0.25, {"lexical": 2})])


def test_without_pandas_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="notebook") as raised:
        hostile_hits().to_pandas()
    assert "pip install" in raised.value.zh


def test_errors_are_one_tree_and_speak_two_languages() -> None:
    import rag.errors as errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) > 10 and all(issubclass(kind, RagError) for kind in kinds)
    error = RagError("broken; mend it", "坏了；请修")
    assert str(error) == error.message("en") == "broken; mend it" and error.message("zh-Hant") == "坏了；请修"
    assert RagError("only english").message("zh") == "only english"


def test_the_names_that_tab_finds_are_the_public_ones() -> None:
    assert dir(rag) == sorted(rag.__all__)
