"""The adapters, against the real frameworks: what they hand on proves itself, and nothing leaves the machine."""

from __future__ import annotations

import asyncio
import importlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.adapters import fields
from rag.assistant import Assistant
from rag.errors import FolderError, MissingExtraError, QuestionError, SettingsError, UnknownDocumentError
from rag.types import Hit, Passage
from tests.fakes_embed import HashEmbedder

ROOT = Path(__file__).resolve().parent.parent
FRAMEWORKS = {"langchain": "langchain_core", "llamaindex": "llama_index.core", "haystack": "haystack"}
QUERY = "馆内有多少座书亭"


@pytest.fixture(autouse=True)
def nothing_leaves(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Telemetry and tracing are off, and what would reach the network all the same is an error, though it be swallowed."""
    tried: list[Any] = []
    for name, value in {
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "LANGSMITH_TRACING": "false",
        "LANGCHAIN_TRACING_V2": "false",
    }.items():
        monkeypatch.setenv(name, value)

    def refuse(*where: Any, **_: Any) -> Any:
        tried.append(where)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    assert not tried


def adapter(name: str) -> Any:
    pytest.importorskip(FRAMEWORKS[name], reason=f"the extra '{name}' is not installed")
    return importlib.import_module(f"rag.adapters.{name}")


@pytest.fixture
def kb(folder: Path, tmp_path: Path, no_model: HashEmbedder) -> Iterator[Assistant]:
    with Assistant.open(folder, index_dir=tmp_path / "index") as assistant:
        yield assistant


@pytest.fixture
def many(no_model: HashEmbedder) -> Iterator[Assistant]:
    """120 documents that say nearly the same."""
    rows = [(f"{n:03}.txt", f"第{n}号", f"第{n}号书亭在河边，馆内有书亭{n}座，另有一处茶室。") for n in range(120)]
    with Assistant.from_texts(rows) as assistant:
        yield assistant


def by_langchain(assistant: Assistant, query: str, k: int) -> list[tuple[str, dict[str, Any]]]:
    found = adapter("langchain").JudianRetriever(assistant=assistant, k=k).invoke(query)
    return [(document.page_content, document.metadata) for document in found]


def by_llamaindex(assistant: Assistant, query: str, k: int) -> list[tuple[str, dict[str, Any]]]:
    found = adapter("llamaindex").JudianRetriever(assistant, k).retrieve(query)
    return [(node.node.text, node.node.metadata) for node in found]


def by_haystack(assistant: Assistant, query: str, k: int) -> list[tuple[str, dict[str, Any]]]:
    found = adapter("haystack").JudianRetriever(assistant=assistant, top_k=k).run(query)["documents"]
    return [(document.content, document.meta) for document in found]


Ask = Callable[[Assistant, str, int], list[tuple[str, dict[str, Any]]]]
EACH = pytest.mark.parametrize("ask", [by_langchain, by_llamaindex, by_haystack])


# -- all three -------------------------------------------------------------------------------------------------------


@EACH
def test_what_is_handed_on_stands_in_its_document_at_its_offsets(kb: Assistant, ask: Ask) -> None:
    found = ask(kb, QUERY, 5)
    assert len(found) >= 2 and "12座书亭" in found[0][0]
    for text, told in found:
        document = kb.document(told["doc_id"])
        assert document.text[told["start"] : told["end"]] == text
        assert document.source == told["source"] and kb.document(told["source"]).id == told["doc_id"]


@EACH
@pytest.mark.parametrize(
    "text", ["书亭\r\n在河边。😀𠮷野家", "e\u0301tude 书亭\u200b\ufeff", "<b>书亭</b> | `x` 书亭\t1"]
)
def test_offsets_hold_whatever_the_text_is_made_of(no_model: HashEmbedder, ask: Ask, text: str) -> None:
    with Assistant.from_texts([("a", "", text), ("b", "别的", "全无关系的一句话。")]) as assistant:
        for said, told in ask(assistant, "书亭", 5):
            assert assistant.document(told["doc_id"]).text[told["start"] : told["end"]] == said


@EACH
def test_the_order_is_that_of_the_assistant(many: Assistant, ask: Ask) -> None:
    hits = many.retrieve(QUERY, 7)
    found = ask(many, QUERY, 7)
    assert [text for text, _ in found] == [hit.passage.text for hit in hits]
    assert [told["rank"] for _, told in found] == list(range(1, 8))
    assert [told["score"] for _, told in found] == [hit.score for hit in hits]
    assert [told["ranks"] for _, told in found] == [dict(hit.ranks) for hit in hits]


@EACH
def test_metadata_are_plain_values(kb: Assistant, ask: Ask) -> None:
    told = ask(kb, QUERY, 1)[0][1]
    assert json.loads(json.dumps(told)) == told
    assert told["source"] == "library.md" and told["title"] == "河边图书馆" and told["path"] == ["建设"]
    assert told["role"] == "body" and told["page"] is None and told["row"] is None
    assert set(told["ranks"]) == {"dense", "lexical"}


@EACH
@pytest.mark.parametrize("query", ["", " \n", "问" * 2001])
def test_a_question_that_cannot_be_asked_raises_our_error(kb: Assistant, ask: Ask, query: str) -> None:
    with pytest.raises(QuestionError):
        ask(kb, query, 3)


@EACH
def test_nothing_is_found_in_nothing(no_model: HashEmbedder, ask: Ask) -> None:
    with Assistant.from_texts([]) as assistant:
        assert ask(assistant, QUERY, 3) == []


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_folder_is_opened_in_one_step(name: str, folder: Path, tmp_path: Path, no_model: HashEmbedder) -> None:
    module = adapter(name)
    retriever = module.JudianRetriever.from_folder(str(folder), index_dir=tmp_path / "index")
    with retriever.assistant as assistant:
        assert assistant.folder == folder and len(assistant.documents()) == 2
    with pytest.raises(FolderError):
        module.JudianRetriever.from_folder(tmp_path / "nowhere", index_dir=tmp_path / "index")


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_misspelt_filter_is_named_before_anything_is_opened(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unknown filter 'document'; did you mean 'documents'") as caught:
        adapter(name).JudianRetriever.from_folder(tmp_path / "nowhere", filters={"document": "a"})
    assert "是不是 documents" in caught.value.zh


@pytest.mark.parametrize(("name", "gone"), [*FRAMEWORKS.items()])
def test_without_its_framework_an_adapter_says_what_to_install(
    name: str, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [m for m in sys.modules if m == gone or m.startswith(gone + ".")]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, gone, None)
    monkeypatch.delitem(sys.modules, f"rag.adapters.{name}", raising=False)
    with pytest.raises(MissingExtraError, match=rf"pip install -e '\.\[{name}\]'"):
        importlib.import_module(f"rag.adapters.{name}")


def test_the_package_alone_loads_no_framework() -> None:
    code = "import sys, rag.adapters; print(*{name.split('.')[0] for name in sys.modules})"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    assert not set(out.stdout.split()) & {"langchain_core", "llama_index", "haystack", "numpy", "torch", "pydantic"}


def test_the_filters_are_those_of_the_assistant() -> None:
    import inspect

    keywords = set(inspect.signature(Assistant.retrieve).parameters) - {"self", "query", "k"}
    assert set(fields.FILTERS) == keywords


def test_a_filter_that_is_not_set_is_not_handed_on() -> None:
    assert fields.known({"since": None, "roles": ["body"]}) == {"roles": ["body"]} and fields.known(None) == {}


def test_the_identity_of_a_hit_is_its_stretch() -> None:
    passage = Passage(7, "d", "x", 0, 1)
    assert fields.identity(Hit(passage, 0.1)) == fields.identity(Hit(passage, 0.9, {"dense": 1})) == "7"


# -- LangChain -------------------------------------------------------------------------------------------------------


def test_langchain_in_a_sequence_and_in_a_batch(kb: Assistant) -> None:
    retriever = adapter("langchain").JudianRetriever(assistant=kb, k=2)
    chain = retriever | (lambda documents: [document.metadata["source"] for document in documents])
    assert chain.invoke(QUERY)[0] == "library.md"
    queries = [QUERY, "Who built the Old Bridge?", "故事会有多少人次参加"]
    assert chain.batch(queries) == [chain.invoke(query) for query in queries]
    assert retriever.batch(queries) == [retriever.invoke(query) for query in queries]
    assert retriever.batch([]) == []


def test_langchain_encodes_a_batch_together(kb: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    retriever = adapter("langchain").JudianRetriever(assistant=kb, k=2)
    asked: list[list[str]] = []
    together = Assistant.retrieve_many

    def counted(self: Assistant, queries: Any, *rest: Any, **only: Any) -> Any:
        asked.append(list(queries))
        return together(self, queries, *rest, **only)

    monkeypatch.setattr(Assistant, "retrieve_many", counted)
    monkeypatch.setattr(Assistant, "retrieve", lambda *_, **__: pytest.fail("searched one by one"))
    assert len(retriever.batch(["书亭", "故事会"], k=1)[1]) == 1
    assert len(asyncio.run(retriever.abatch(["书亭", "故事会"]))) == 2
    assert asked == [["书亭", "故事会"]] * 2


def test_langchain_one_bad_query_of_a_batch_leaves_the_others(kb: Assistant) -> None:
    retriever = adapter("langchain").JudianRetriever(assistant=kb, k=2)
    good, bad = retriever.batch([QUERY, " "], return_exceptions=True)
    assert good == retriever.invoke(QUERY) and isinstance(bad, QuestionError)
    with pytest.raises(QuestionError):
        retriever.batch([QUERY, " "])


def test_langchain_callbacks_hear_of_every_query(kb: Assistant) -> None:
    retriever = adapter("langchain").JudianRetriever(assistant=kb, k=1)
    from langchain_core.callbacks import BaseCallbackHandler

    class Heard(BaseCallbackHandler):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            self.said: list[str] = []

        def on_retriever_start(self, serialized: Any, query: str, **_: Any) -> None:
            self.said.append(f"start {query}")

        def on_retriever_end(self, documents: Any, **_: Any) -> None:
            self.said.append(f"end {len(documents)}")

        def on_retriever_error(self, error: BaseException, **_: Any) -> None:
            self.said.append(type(error).__name__)

    heard = Heard()
    retriever.batch(["书亭", "故事会"], {"callbacks": [heard]})
    assert heard.said == ["start 书亭", "end 1", "start 故事会", "end 1"]
    with pytest.raises(QuestionError):
        retriever.invoke("", {"callbacks": [heard]})
    assert heard.said[-1] == "QuestionError"


def test_langchain_awaited_does_not_hold_the_loop_up(kb: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    retriever = adapter("langchain").JudianRetriever(assistant=kb, k=2)
    threads: list[str] = []
    search = Assistant.retrieve

    def noted(self: Assistant, *rest: Any, **only: Any) -> Any:
        threads.append(threading.current_thread().name)
        return search(self, *rest, **only)

    monkeypatch.setattr(Assistant, "retrieve", noted)
    assert asyncio.run(retriever.ainvoke(QUERY, k=1)) == retriever.invoke(QUERY, k=1)
    assert threads[0] != threads[1] == threading.main_thread().name


def test_langchain_filters_of_the_retriever_and_of_one_call(kb: Assistant) -> None:
    retriever = adapter("langchain").JudianRetriever(assistant=kb, k=9, filters={"documents": "bridge.txt"})
    assert {d.metadata["source"] for d in retriever.invoke("bridge 书亭")} == {"bridge.txt"}
    over = retriever.invoke("bridge 书亭", filters={"documents": ["library.md"]})
    assert {d.metadata["source"] for d in over} == {"library.md"}
    with pytest.raises(UnknownDocumentError, match="bridge"):
        retriever.invoke("书亭", filters={"documents": "bridg.txt"})
    with pytest.raises(SettingsError, match="unknown filter"):
        retriever.batch(["书亭"], filters={"colour": "red"})


def test_langchain_a_filter_in_the_wrong_place_is_not_passed_over(kb: Assistant) -> None:
    make = adapter("langchain").JudianRetriever
    with pytest.raises(ValueError, match="documents"):
        make(assistant=kb, documents="bridge.txt")
    for call in (make(assistant=kb).invoke, lambda query, **given: make(assistant=kb).batch([query], **given)):
        with pytest.raises(SettingsError, match="'documents' goes into filters"):
            call("书亭", documents="bridge.txt")


def test_langchain_fields_are_checked_and_configurable(kb: Assistant) -> None:
    module = adapter("langchain")
    from langchain_core.runnables import ConfigurableField

    with pytest.raises(ValueError, match="greater than or equal to 1"):
        module.JudianRetriever(assistant=kb, k=0)
    with pytest.raises(ValueError, match="Assistant"):
        module.JudianRetriever(assistant="a folder's name")
    for none in (0, -1):
        assert module.JudianRetriever(assistant=kb).invoke(QUERY, k=none) == []
        assert module.JudianRetriever(assistant=kb).batch([QUERY], k=none) == [[]]
    chosen = module.JudianRetriever(assistant=kb).configurable_fields(k=ConfigurableField(id="k"))
    assert len(chosen.with_config(configurable={"k": 1}).invoke(QUERY)) == 1


# -- LlamaIndex ------------------------------------------------------------------------------------------------------


def test_llamaindex_nodes_know_their_document_and_their_place(kb: Assistant) -> None:
    found = adapter("llamaindex").JudianRetriever(kb, 3).retrieve(QUERY)
    for one in found:
        node = one.node
        text = kb.document(node.ref_doc_id).text
        assert text[node.start_char_idx : node.end_char_idx] == node.text
        assert node.metadata["doc_id"] == node.ref_doc_id
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert len({one.node.node_id for one in found}) == len(found)


def test_llamaindex_a_model_is_told_the_place_and_no_numbers(kb: Assistant) -> None:
    module = adapter("llamaindex")
    from llama_index.core.schema import MetadataMode

    node = module.JudianRetriever(kb, 1).retrieve(QUERY)[0].node
    for mode in (MetadataMode.LLM, MetadataMode.EMBED):
        said = node.get_content(metadata_mode=mode)
        assert "library.md" in said and "建设" in said and "ranks" not in said and "score" not in said


def test_llamaindex_awaited_does_not_hold_the_loop_up(kb: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    retriever = adapter("llamaindex").JudianRetriever(kb, 2, {"documents": "library.md"})
    threads: list[str] = []
    search = retriever._retrieve

    def noted(bundle: Any) -> Any:
        threads.append(threading.current_thread().name)
        return search(bundle)

    monkeypatch.setattr(retriever, "_retrieve", noted)
    found = asyncio.run(retriever.aretrieve(QUERY))
    assert [one.node.text for one in found] == [one.node.text for one in retriever.retrieve(QUERY)]
    assert threads[0] != threads[1] and {one.node.metadata["source"] for one in found} == {"library.md"}


@pytest.mark.parametrize("k", [0, -1, "3", 2.0, True])
def test_llamaindex_and_haystack_find_a_whole_number_of_passages(kb: Assistant, k: Any) -> None:
    with pytest.raises(SettingsError, match="a whole number, 1 or more"):
        adapter("llamaindex").JudianRetriever(kb, k)
    with pytest.raises(SettingsError, match="a whole number, 1 or more"):
        adapter("llamaindex").JudianRetriever.from_folder("nowhere", k=k)
    with pytest.raises(SettingsError, match="a whole number, 1 or more"):
        adapter("haystack").JudianRetriever(top_k=k)


def test_llamaindex_a_query_engine_works_on_it(kb: Assistant) -> None:
    retriever = adapter("llamaindex").JudianRetriever(kb, 2)
    from llama_index.core.llms import MockLLM
    from llama_index.core.query_engine import RetrieverQueryEngine

    engine = RetrieverQueryEngine.from_args(retriever, llm=MockLLM(), response_mode="compact")
    answer = engine.query(QUERY)  # that model says what it is asked: the passages are in it
    assert "12座书亭" in answer.source_nodes[0].node.text and "12座书亭" in str(answer)


# -- Haystack --------------------------------------------------------------------------------------------------------


def test_haystack_in_a_pipeline(folder: Path, tmp_path: Path, no_model: HashEmbedder) -> None:
    module = adapter("haystack")
    from haystack import Pipeline

    retriever = module.JudianRetriever(str(folder), top_k=2, index_dir=str(tmp_path / "index"))
    assert retriever._opened is None  # a component is made often, and opened when it is run
    pipeline = Pipeline()
    pipeline.add_component("retriever", retriever)
    found = pipeline.run({"retriever": {"query": QUERY}})["retriever"]["documents"]
    assert len(found) == 2 and "12座书亭" in found[0].content
    opened = retriever.assistant
    assert len(pipeline.run({"retriever": {"query": QUERY, "top_k": 1}})["retriever"]["documents"]) == 1
    assert retriever.assistant is opened
    retriever.close()
    retriever.close()
    assert retriever._opened is None and retriever.run(QUERY)["documents"] == found
    retriever.close()


def test_haystack_survives_being_written_down(folder: Path, tmp_path: Path, no_model: HashEmbedder) -> None:
    module = adapter("haystack")
    from haystack import Pipeline

    filters = {"field": "meta.role", "operator": "==", "value": "body"}
    first = module.JudianRetriever(str(folder), top_k=3, filters=filters, index_dir=str(tmp_path / "index"))
    told = first.to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told["type"] == "rag.adapters.haystack.JudianRetriever"
    again = module.JudianRetriever.from_dict(told)
    assert (again.folder, again.top_k, again.filters) == (str(folder), 3, filters)
    pipeline = Pipeline()
    pipeline.add_component("retriever", again)
    loaded = Pipeline.loads(pipeline.dumps(), allowed_modules=["rag.adapters"])
    found = loaded.run({"retriever": {"query": QUERY}})["retriever"]["documents"]
    assert found and all(document.meta["role"] == "body" for document in found)
    loaded.get_component("retriever").close()


def test_haystack_over_texts_cannot_be_written_down(many: Assistant) -> None:
    retriever = adapter("haystack").JudianRetriever(assistant=many)
    with pytest.raises(SettingsError, match="make it from a folder"):
        retriever.to_dict()
    retriever.close()
    assert many.retrieve(QUERY, 1)  # whoever opened it closes it


def test_haystack_of_an_open_assistant_keeps_its_folder(kb: Assistant) -> None:
    retriever = adapter("haystack").JudianRetriever(assistant=kb)
    assert retriever.to_dict()["init_parameters"]["folder"] == str(kb.folder)


def test_haystack_filters_in_its_own_language_look_as_deep_as_they_must(many: Assistant) -> None:
    retriever = adapter("haystack").JudianRetriever(assistant=many, top_k=3)
    last = many.retrieve(QUERY, 120)[-1]
    only = {"field": "meta.source", "operator": "==", "value": last.source}
    (found,) = retriever.run(QUERY, filters=only)["documents"]
    assert found.meta["source"] == last.source and found.meta["rank"] == 1
    either = {
        "operator": "OR",
        "conditions": [only, {"field": "meta.source", "operator": "in", "value": ["003.txt", "005.txt"]}],
    }
    sources = {document.meta["source"] for document in retriever.run(QUERY, filters=either)["documents"]}
    assert sources == {last.source, "003.txt", "005.txt"}
    nobody = {"field": "meta.source", "operator": "==", "value": "nobody"}
    assert retriever.run(QUERY, filters=nobody) == {"documents": []}


def test_haystack_filters_of_ours(many: Assistant) -> None:
    retriever = adapter("haystack").JudianRetriever(assistant=many, filters={"documents": "00?.txt"}, top_k=50)
    assert {document.meta["source"][:2] for document in retriever.run(QUERY)["documents"]} == {"00"}
    one = retriever.run(QUERY, filters={"documents": ["011.txt"]})["documents"]
    assert [document.meta["source"] for document in one] == ["011.txt"]
    assert len(retriever.run(QUERY, filters={})["documents"]) == 50  # {} takes the place of its own, as elsewhere there


def test_haystack_awaited(kb: Assistant) -> None:
    retriever = adapter("haystack").JudianRetriever(assistant=kb, top_k=2)
    assert asyncio.run(retriever.run_async(QUERY)) == retriever.run(QUERY)
    with pytest.raises(SettingsError, match="top_k is 0"):
        adapter("haystack").JudianRetriever(top_k=0)
