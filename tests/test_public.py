"""The public surface, and how values show in a notebook."""

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
from rag.types import Answer, Citation, Hit, Hits, Passage, Segment
from tests.fakes_embed import HashEmbedder

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>&lt;'\"\n</td>"


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
        (opened,) = rag._default
        assert opened.folder == folder
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
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def tags(html: str) -> Tags:
    parser = Tags()
    parser.feed(html)
    return parser


def hostile_hits() -> Hits:
    passage = Passage(1, "d", HOSTILE, 0, len(HOSTILE), HOSTILE, (HOSTILE,), "related", 3)
    return Hits([Hit(passage, 0.5, {"dense": 1}, {"dense": 0.9}), Hit(passage, 0.25, {"lexical": 2})])


def test_hits_show_as_a_table_and_hostile_text_stays_text() -> None:
    html = hostile_hits()._repr_html_()
    found = tags(html)
    assert found.seen == {"table", "thead", "tbody", "tr", "th", "td"} and found.attributes <= {"style"}
    assert found.text.count("<script>alert(1)</script>") == 6
    assert html.count("<tr>") == 3 and "0.5000" in html and "related" in html
    assert tags(Hits()._repr_html_()).seen >= {"table"}


def test_an_answer_shows_with_its_citations_and_hostile_text_stays_text() -> None:
    citation = Citation(1, "d", HOSTILE, HOSTILE, HOSTILE, 0, len(HOSTILE), (HOSTILE,))
    segments = (
        Segment("short", HOSTILE, 1), Segment("break", "\n\n"), Segment("template", "“"), Segment("quote", HOSTILE, 1),
        Segment("template", "”"), Segment("mark", "1", 1),
    )  # fmt: skip
    answer = Answer(HOSTILE, HOSTILE, "", HOSTILE, (citation,), (), 0.9, "answered", segments=segments)
    found = tags(answer._repr_html_())
    assert found.seen <= {"div", "p", "b", "br", "sup", "ol", "li", "span", "details", "summary", "small"}
    assert not {name for name in found.attributes if name.startswith("on") or name in {"src", "href"}}
    assert found.text.count("<script>alert(1)</script>") >= 4 and "[1]" in found.text


def test_hits_to_pandas_is_one_row_a_hit() -> None:
    frame = hostile_hits().to_pandas()
    assert list(frame["rank"]) == [1, 2] and list(frame["text"]) == [HOSTILE] * 2
    assert frame["dense_rank"][0] == 1 and frame["lexical_rank"][1] == 2
    assert {"score", "title", "path", "role", "doc_id", "start", "end"} <= set(frame.columns)
    assert len(Hits().to_pandas()) == 0


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
