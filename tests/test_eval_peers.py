"""The comparison with other frameworks: its figures by hand with pipelines whose lists are known, and the real ones once."""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from eval.peers import command, main
from eval.peers.measure import (
    Comparison,
    Indexed,
    as_dict,
    compare,
    indexed,
    searched,
    shown_measures,
    slug,
    trec_run,
)
from eval.peers.pipelines import WARM, Judian, Row, content
from eval.peers.table import markdown, section, verdict
from eval.questions import EvalQuestion
from rag.config import Settings
from rag.errors import DataError, MissingExtraError
from tests.fakes_embed import HashEmbedder

ROWS: list[Row] = [("a", "甲", "甲说一。"), ("b", "乙", "乙说二。"), ("c", "", "丙说三。")]


class Listed:
    """Gives the lists that it was made with."""

    def __init__(self, name: str, lists: dict[str, list[str]], variant: str = "stub", log: list[str] | None = None):
        self.name, self.variant, self._lists = name, variant, lists
        self._log = log if log is not None else []

    def warm(self) -> None:
        self._log.append(f"{self.name} warm")

    def index(self, rows: Sequence[Row]) -> int:
        self._log.append(f"{self.name} index {len(rows)}")
        return 2 * len(rows)

    def search(self, query: str, depth: int) -> list[str]:
        self._log.append(f"{self.name} {query}")
        return self._lists.get(query, [])[:depth]


def ticking(step: float) -> Callable[[], float]:
    now = [0.0]

    def clock() -> float:
        now[0] += step
        return now[0]

    return clock


def asked(*texts: str) -> list[EvalQuestion]:
    return [EvalQuestion(text, text, relevant={"a": 1}) for text in texts]


def held(pipeline: Any, seconds: float = 1.0) -> Indexed:
    return Indexed(pipeline, 3, seconds, seconds)


def small(**given: Any) -> Comparison:
    """Two questions, both answered by document a: ours has it first and first, theirs third chunk and never."""
    ours = Listed("ours", {"x": ["a", "a", "b"], "y": ["a"]})
    theirs = Listed("theirs", {"x": ["b", "b", "a", "a"], "y": ["c"]})
    gold = [{"a": 1}, {"a": 1}]
    return compare(
        "set", [held(ours, 2.0), held(theirs, 3.0)], ROWS, asked("x", "y"), gold, clock=ticking(0.5), **given
    )


# -- measuring -------------------------------------------------------------------------------------------------------


def test_rankings_of_chunks_are_judged_as_rankings_of_documents() -> None:
    ours, theirs = small().results
    assert ours.rankings == (("a", "b"), ("a",)) and theirs.rankings == (("b", "a"), ("c",))
    assert {name: value.mean for name, value in ours.measures.items()} == dict.fromkeys(shown_measures(10), 1.0)
    assert theirs.measures["R@1"].mean == 0.0 and theirs.measures["R@5"].mean == 0.5
    assert theirs.measures["RR@10"].mean == 0.25  # at rank 2, and not at all
    assert theirs.measures["nDCG@10"].mean == pytest.approx(0.5 / 1.584962500721156)


def test_the_lead_is_ours_less_theirs_with_its_test() -> None:
    ours, theirs = small().results
    assert ours.lead == {} and set(theirs.lead) == set(ours.measures)
    lead = theirs.lead["R@1"]
    assert (lead.mean, lead.low, lead.high) == (1.0, 1.0, 1.0)
    assert 0.0 < lead.p <= lead.p_holm <= 1.0
    assert theirs.lead["R@5"].mean == 0.5


def test_p_is_adjusted_for_every_pipeline_that_is_compared() -> None:
    ours = Listed("ours", {str(n): ["a"] for n in range(12)})
    others = [Listed(f"other {n}", {}) for n in range(3)]
    questions = [replace(question, group=question.id) for question in asked(*map(str, range(12)))]
    made = compare("set", [held(p) for p in (ours, *others)], ROWS, questions, [{"a": 1}] * 12)
    for result in made.results[1:]:
        assert result.lead["R@1"].p_holm == pytest.approx(min(1.0, 3 * result.lead["R@1"].p))
        assert result.lead["R@1"].p < 0.01


def test_questions_of_one_group_are_drawn_together() -> None:
    lists = {str(n): ["a"] if n < 10 else ["b"] for n in range(20)}
    apart = [replace(q, relevant={}, group=q.id) for q in asked(*map(str, range(20)))]
    together = [replace(q, group="first" if int(q.id) < 10 else "second") for q in apart]
    gold = [{"a": 1}] * 20
    widths = []
    for questions in (apart, together):
        value = compare("s", [held(Listed("o", lists))], ROWS, questions, gold).results[0].measures["R@1"]
        widths.append(value.high - value.low)
    assert widths[1] > widths[0]


def test_times_and_their_ratios() -> None:
    ours, theirs = small().results
    assert (ours.index_seconds, theirs.index_seconds, theirs.index_ratio) == (2.0, 3.0, 1.5)
    assert ours.query_ms == theirs.query_ms == 500.0 and theirs.query_ratio == 1.0  # one tick of the clock each


def test_indexing_is_timed_without_the_warming_up() -> None:
    log: list[str] = []
    made = indexed(Listed("p", {}, log=log), ROWS, clock=ticking(1.0), work=ticking(0.25))
    assert (made.chunks, made.seconds, made.work) == (6, 1.0, 0.25)
    assert log == ["p warm", "p index 3"]


def test_the_pipelines_take_turns_question_by_question() -> None:
    log: list[str] = []
    pipelines = [Listed(name, {}, log=log) for name in "123"]
    told: list[tuple[int, int]] = []
    searched(pipelines, ["x", "y"], 5, lambda done, total: told.append((done, total)))
    assert log[:3] == [f"{name} {WARM}" for name in "123"]
    assert log[3:] == ["1 x", "2 x", "3 x", "2 y", "3 y", "1 y"] and told == [(1, 2), (2, 2)]


def test_only_measures_that_look_no_deeper_than_k_are_shown() -> None:
    assert shown_measures(1) == ("R@1",) and shown_measures(5) == ("R@1", "R@5")
    assert shown_measures(10) == ("R@1", "R@5", "R@10", "nDCG@10", "RR@10")
    assert "R@50" in shown_measures(50)
    assert list(small(k=5).results[0].measures) == ["R@1", "R@5"]


def test_two_runs_give_the_same_figures() -> None:
    assert as_dict(small(seed=3)) == as_dict(small(seed=3))
    assert json.loads(json.dumps(as_dict(small()), allow_nan=False))["results"][1]["lead"]["R@1"]["mean"] == 1.0


def test_the_trec_run_gives_others_the_same_figures() -> None:
    ir_measures = pytest.importorskip("ir_measures", reason="ir-measures is one of the test extra's packages")
    made = small()
    qrels = list(ir_measures.read_trec_qrels("x 0 a 1\ny 0 a 1\n"))
    for result in made.results:
        run = list(ir_measures.read_trec_run(trec_run(made, result)))
        for name, value in result.measures.items():
            measure = ir_measures.parse_measure(name)
            assert ir_measures.calc_aggregate([measure], qrels, run)[measure] == pytest.approx(value.mean)


def test_names_in_a_run_are_single_columns() -> None:
    pipeline = Listed("ours", {"a b": ["my file.txt"]}, variant="as it comes / <b>")
    made = compare("s", [held(pipeline)], ROWS, asked("a b"), [{"a": 1}])
    (line,) = trec_run(made, made.results[0]).splitlines()
    assert line == "a%20b Q0 my%20file.txt 1 1 ours-as-it-comes-b" and slug(made.results[0]) == "ours-as-it-comes-b"


# -- showing ---------------------------------------------------------------------------------------------------------


def test_the_table_shows_figures_intervals_and_leads() -> None:
    text = markdown([small()], "multilingual-e5-small", 50)
    assert "### set" in text and "2 questions · 3 documents" in text and "multilingual-e5-small" in text
    assert "| theirs, stub | 0.000 [0.000, " in text and "3.0 s (×1.50)" in text and "500.0 ms (×1.00)" in text
    assert "| ours less | R@1 |" in text and "+1.000 [+1.000, +1.000] p = " in text
    lengths = {line.count("|") for line in text.splitlines() if line.startswith("|") and "less" not in line}
    assert lengths <= {10, 7}  # every row of a table has all its cells


def test_the_verdict_says_ahead_level_and_behind() -> None:
    n = 12
    lists = {
        "best": {str(i): ["a"] for i in range(n)},
        "same": {str(i): ["a"] if i else ["b"] for i in range(n)},
        "worst": {str(i): ["b"] for i in range(n)},
    }
    questions = [replace(q, group=q.id) for q in asked(*map(str, range(n)))]

    def said(*names: str) -> str:
        parts = [held(Listed(name, lists[name], variant="")) for name in names]
        return verdict(compare("s", parts, ROWS, questions, [{"a": 1}] * n), ("R@1",))

    assert said("best", "worst") == "R@1: best is ahead of all 1, by 1.000 or more."
    assert said("same", "best", "worst") == "R@1: same is ahead of worst; behind best."
    assert said("best", "same") == "R@1: best is level, as far as this many questions can tell, with same."


def test_one_pipeline_alone_has_no_leads() -> None:
    made = compare("s", [held(Listed("ours", {}))], ROWS, asked("x"), [{"a": 1}])
    assert "less" not in section(made) and "lead" not in as_dict(made)["results"][0]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a|b", "[x](http://y)", "**b**\n# c"])
def test_a_hostile_name_stays_text(name: str) -> None:
    made = replace(small(), name=name)
    text = markdown([made], name, 50)
    assert "<script>" not in text and "[x](" not in text and "**b**" not in text and "\n# c" not in text
    assert "a|b" not in text.replace("\\|", "")


def test_the_title_stands_above_the_text_unless_it_is_there_already() -> None:
    assert content("甲", "说一。") == "甲\n\n说一。"
    assert content("甲", " 甲\n说一。") == " 甲\n说一。" and content("", "x") == "x"


# -- ours ------------------------------------------------------------------------------------------------------------


def test_ours_over_rows_and_over_a_folder(folder: Path, hash_embedder: HashEmbedder) -> None:
    over_rows = Judian(hash_embedder, Settings())
    try:
        assert over_rows.index([*ROWS, ("d", "书亭", "馆内有12座书亭。")]) == 4
        assert over_rows.search("有多少座书亭", 5)[0] == "d"
        assert over_rows.search("问" * 2001, 5) == []
    finally:
        over_rows.close()
    over_folder = Judian(hash_embedder, Settings(), folder)
    try:
        assert over_folder.index() >= 2
        rows = over_folder.rows()
        assert [row[0] for row in rows] == ["bridge.txt", "library.md"] and "12座书亭" in rows[1][2]
        assert over_folder.search("有多少座书亭", 5)[0] == "library.md"
    finally:
        over_folder.close()


# -- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three documents and four questions, one of them without an answer and one empty."""
    place = tmp_path / "three"
    place.mkdir()
    corpus = [
        {"_id": "a", "title": "图书馆", "text": "河边图书馆由建筑师陈一平设计，馆内有12座书亭。"},
        {"_id": "b", "title": "桥", "text": "老桥建于1871年，长240米。"},
        {"_id": "c", "title": "集市", "text": "集市每周六上午开放，卖蔬菜和水果。"},
    ]
    queries = [
        {"_id": "1", "text": "馆内有多少座书亭？", "answers": ["12座"], "answerable": True},
        {"_id": "2", "text": "老桥建于哪一年？", "answers": ["1871年"], "answerable": True},
        {"_id": "3", "text": "集市在哪座城市？", "answers": [], "answerable": False},
        {"_id": "4", "text": " ", "answers": ["水果"], "answerable": True},
    ]
    for name, lines in (("corpus", corpus), ("queries", queries)):
        text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
        (place / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (place / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\ta\t1\n2\tb\t1\n4\tc\t1\n", encoding="utf-8")
    return place


@pytest.fixture
def a_set(three: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, with no real model and one stub peer."""
    monkeypatch.chdir(three.parent)  # no rag.toml of whoever runs this
    peer = Listed("Other", {"馆内有多少座书亭？": ["b", "a"], "老桥建于哪一年？": ["b"]}, variant="as it comes")
    monkeypatch.setattr(command, "opened", lambda settings, meter: (HashEmbedder(), [peer]))
    return three


def test_the_command_prints_markdown(a_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(a_set)]) == 0
    said = capsys.readouterr()
    assert "### three" in said.out and "2 questions · 3 documents" in said.out and "Other, as it comes" in said.out
    assert "three: questions: 2/2" in said.err


def test_the_command_prints_one_json_object(a_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(a_set), "--json", "--k", "5", "--depth", "20", "--seed", "7"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["k"], told["depth"], told["seed"]) == (5, 20, 7) and told["left_out"] == {}
    (found,) = told["sets"]
    ours, other = found["results"]
    assert ours["measures"]["R@1"]["mean"] == 1.0 and other["measures"]["R@1"]["mean"] == 0.5
    assert other["lead"]["R@1"]["mean"] == 0.5 and set(ours["measures"]) == {"R@1", "R@5"}
    assert main([str(a_set), "--json", "--markdown"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["k"] == 10


def test_the_command_writes_what_others_can_recompute(a_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main([str(a_set), str(a_set), "--out", str(out), "--json"]) == 0
    names = {path.name for path in out.iterdir()}
    assert {"peers.md", "peers.json", "1.three.Other-as-it-comes.run", "1.three.据典-as-it-comes.run"} <= names
    assert (out / "1.three.Other-as-it-comes.run").read_text(encoding="utf-8").splitlines()[0].startswith("1 Q0 b 1 ")
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main([str(a_set), "--out", str(tmp_path / "file"), "--json"]) == 2


def test_a_set_without_a_choice_of_documents_is_left_out(
    a_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = tmp_path / "one"
    one.mkdir()
    (one / "a.txt").write_text("馆内有12座书亭。", encoding="utf-8")
    questions = tmp_path / "mine.jsonl"
    questions.write_text(json.dumps({"id": "1", "question": "多少座？", "evidence": ["12座书亭"]}), encoding="utf-8")
    assert main([str(questions), "--corpus", str(one)]) == 2
    assert "its corpus is one document" in capsys.readouterr().err
    (a_set / "qrels.tsv").unlink()
    assert main([str(a_set)]) == 2
    said = capsys.readouterr().err
    assert "none of its questions says which document" in said and "no set to compare on" in said


def test_a_folder_of_documents_is_judged_by_where_the_evidence_stands(
    a_set: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "mine.jsonl"
    rows = [
        {"id": "1", "question": "馆内有多少座书亭？", "evidence": ["馆内有12座书亭"]},
        {"id": "2", "question": "Who built the Old Bridge?", "source": "bridge.txt"},
        {"id": "3", "question": "那它呢？", "history": ["书亭？"], "source": "library.md"},
    ]
    questions.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    assert main([str(questions), "--corpus", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["sets"][0]
    assert (told["questions"], told["documents"]) == (2, 2)  # the follow-up is left out
    assert told["results"][0]["measures"]["R@1"]["mean"] == 1.0


def test_one_set_that_cannot_be_compared_does_not_stop_the_others(
    a_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    single = tmp_path / "single"
    single.mkdir()
    (single / "corpus.jsonl").write_text('{"_id": "a", "title": "", "text": "一句话。"}', encoding="utf-8")
    (single / "queries.jsonl").write_text('{"_id": "1", "text": "?", "answerable": true}', encoding="utf-8")
    (single / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\ta\t1\n", encoding="utf-8")
    assert main([str(a_set), str(single), "--json"]) == 0
    said = capsys.readouterr()
    assert list(json.loads(said.out)["left_out"]) == [str(single)] and "left out" in said.err


@pytest.mark.parametrize("given", ["--k 0", "--limit x", "--seed -1", "--k 20 --depth 10"])
def test_a_wrong_option_ends_with_code_two(given: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["set", *given.split()])
    assert caught.value.code == 2


def test_a_set_that_is_not_there_is_told_before_any_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "opened", lambda *_: pytest.fail("loaded a model"))
    assert main(["nowhere.jsonl"]) == 2 and "nowhere.jsonl" in capsys.readouterr().err


def test_what_the_libraries_print_stays_out_of_the_result(
    a_set: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def chatty(settings: Settings, meter: Any) -> Any:
        print("a library says hello")
        return HashEmbedder(), []

    monkeypatch.setattr(command, "opened", chatty)
    assert main([str(a_set), "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_offline_lasts_as_long_as_it_is_meant_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.delenv("LANGSMITH_TRACING", raising=False)
    with command.offline():
        assert os.environ["HF_HUB_OFFLINE"] == "1" and os.environ["LANGSMITH_TRACING"] == "false"
    assert os.environ["HF_HUB_OFFLINE"] == "0" and "LANGSMITH_TRACING" not in os.environ


@pytest.mark.parametrize(
    ("module", "name", "gone"),
    [("langchain", "LangChain", "langchain_community.vectorstores"), ("llamaindex", "LlamaIndex", "llama_index.core")],
)
def test_without_the_peers_the_error_says_what_to_install(
    module: str, name: str, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, gone, None)
    with pytest.raises(MissingExtraError, match=r"pip install -e '\.\[peers\]'"):
        getattr(importlib.import_module(f"eval.peers.{module}"), name)("model", "as it comes")


def test_importing_the_comparison_loads_no_framework() -> None:
    code = "import sys, eval.peers; print(*{name.split('.')[0] for name in sys.modules})"
    root = Path(command.__file__).resolve().parents[2]
    out = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True, timeout=60)
    assert not set(out.stdout.split()) & {"langchain_core", "langchain_community", "llama_index", "torch", "faiss"}


def test_an_error_of_ours_is_ours() -> None:
    with pytest.raises(DataError):
        command.write(Path(os.devnull) / "out", {}, [], "")


# -- the real ones ---------------------------------------------------------------------------------------------------

PEERS = (
    "langchain_community",
    "langchain_huggingface",
    "langchain_text_splitters",
    "llama_index.embeddings.huggingface",
)


def there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.model
@pytest.mark.skipif(not all(map(there, PEERS)), reason="the extra 'peers' is not installed (it is not one of test's)")
def test_the_real_pipelines_on_three_documents_offline(
    three: Path, one_model: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[Any] = []

    def refuse(*where: Any, **_: Any) -> Any:
        tried.append(where)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.chdir(three.parent)
    assert main([str(three), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    names = [(result["name"], result["variant"]) for result in told["sets"][0]["results"]]
    assert names == [
        ("据典", "as it comes"),
        ("LangChain", "as it comes"),
        ("LangChain", "with the model's prompts"),
        ("LlamaIndex", "as it comes"),
        ("LlamaIndex", "with the model's prompts"),
    ]
    for result in told["sets"][0]["results"]:
        assert result["measures"]["R@5"]["mean"] == 1.0 and result["chunks"] >= 3
    assert not tried and {"langchain-core", "llama-index-core"} <= told["versions"].keys()
