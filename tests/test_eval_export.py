"""What others recompute: TREC files that give our numbers in ir_measures, RAGAS rows, a sheet that runs nothing."""

import csv
import io
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval import export
from eval.questions import EvalQuestion
from eval.records import FUSED, Gold, Place, Prediction, Quote, Timing
from eval.score import DOC, RETRIEVAL, Scored, values

A = [Place("a b.txt", n * 10, n * 10 + 10) for n in range(4)]
B = [Place("第二　篇.txt", n * 10, n * 10 + 10) for n in range(4)]
ODD = Place("c%20\u00a0\u200b.txt", 0, 5)


def made(
    key: str, fused: Sequence[Place], gold: Gold | None, dense: Sequence[Place] = (), **question: object
) -> Scored:
    asked = EvalQuestion(key, "问题？", ("答",), **question)  # type: ignore[arg-type]
    said = Prediction(key, False, "", "", (), rankings={FUSED: tuple(fused), "dense": tuple(dense)})
    return Scored(asked, said, gold, values(asked, said, gold))


def gold(key: str, passages: Sequence[Place], **documents: int) -> Gold:
    return Gold(key, (tuple(passages),), tuple(passages), documents)


SCORED = (
    made("q 1", [A[2], B[0], A[0]], gold("q 1", [A[0], A[1]], **{"a b.txt": 2, B[0].source: 1}), [A[0], A[1]]),
    made("q2", [B[1], ODD, B[2]], gold("q2", [ODD], **{ODD.source: 3, "absent.txt": 1}), [B[0]]),
    made("none", [A[0]], None),
    made("lost", [], gold("lost", [B[3]], **{B[3].source: 1})),
    Scored(EvalQuestion("no", "？", answerable=False), Prediction("no", False, "", "", ()), gold("no", [A[0]]), {}),
)


def recomputed(folder: Path, level: str, ranker: str) -> dict[str, dict[str, float]]:
    """Question -> measure -> value, as ir_measures gives it for the files."""
    qrels = list(ir_measures.read_trec_qrels(str(folder / f"{level}.qrels")))
    run = list(ir_measures.read_trec_run(str(folder / f"{level}.{ranker}.run")))
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for metric in ir_measures.iter_calc([ir_measures.parse_measure(name) for name in RETRIEVAL], qrels, run):
        found[unquote(metric.query_id)][str(metric.measure)] = metric.value
    return found


@pytest.mark.parametrize(("level", "prefix"), [("passage", ""), ("document", DOC)])
def test_ir_measures_gives_our_number_of_every_question(tmp_path: Path, level: str, prefix: str) -> None:
    export.write_trec(tmp_path / "trec", SCORED)
    found = recomputed(tmp_path / "trec", level, FUSED)
    judged = [item for item in SCORED if f"{prefix}nDCG@10" in item.values]
    assert [item.question.id for item in judged] == ["q 1", "q2", "lost"]
    assert set(found) == {"q 1", "q2", "lost"}
    for item in judged:
        for name in RETRIEVAL:
            assert found[item.question.id][name] == pytest.approx(item.values[prefix + name], abs=1e-9), (item, name)


places = st.builds(
    Place, st.sampled_from(["a b", "a\u3000b", "%", "", "x\ty", "#z"]), st.integers(0, 9), st.integers(10, 12)
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.lists(places, max_size=60), st.lists(places, max_size=8), st.lists(places, max_size=60))))
def test_any_run_gives_our_numbers(
    tmp_path_factory: pytest.TempPathFactory, cases: list[tuple[list[Place], ...]]
) -> None:
    folder = tmp_path_factory.mktemp("trec")
    scored = [
        made(f"q\t{n}", fused, gold(f"q\t{n}", relevant, **{p.source: 1 + p.start % 3 for p in relevant}), dense)
        for n, (fused, relevant, dense) in enumerate(cases)
    ]
    export.write_trec(folder, scored)
    for level, prefix in (("passage", ""), ("document", DOC)):
        judged = [item for item in scored if f"{prefix}AP" in item.values]
        assert (folder / f"{level}.qrels").exists() == bool(judged)
        found = recomputed(folder, level, FUSED) if judged else {}
        assert set(found) == {item.question.id for item in judged}
        for item in judged:
            ours = {name: item.values[prefix + name] for name in RETRIEVAL}
            assert found[item.question.id] == pytest.approx(ours, abs=1e-9)


def test_files_have_their_columns_and_scores_that_fall(tmp_path: Path) -> None:
    export.write_trec(tmp_path, SCORED)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "document.dense.run", "document.fused.run", "document.qrels",
        "passage.dense.run", "passage.fused.run", "passage.qrels",
    ]  # fmt: skip
    run = [line.split(" ") for line in (tmp_path / "passage.fused.run").read_text(encoding="utf-8").splitlines()]
    assert run[0] == ["q%201", "Q0", "a%20b.txt#20-30", "1", "3", "judian-fused"]
    assert all(len(row) == 6 for row in run)
    assert [row[4] for row in run if row[0] == "q%201"] == ["3", "2", "1"]
    qrels = (tmp_path / "document.qrels").read_text(encoding="utf-8").splitlines()
    assert qrels[:2] == ["q%201 0 a%20b.txt 2", f"q%201 0 {'第二%E3%80%80篇.txt'} 1"]
    documents = (tmp_path / "document.fused.run").read_text(encoding="utf-8").splitlines()
    assert [line.split()[2] for line in documents[:2]] == ["a%20b.txt", "第二%E3%80%80篇.txt"]  # each document once


def test_an_export_leaves_no_file_of_an_earlier_one(tmp_path: Path) -> None:
    export.write_trec(tmp_path, SCORED)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    only = replace(SCORED[0], prediction=replace(SCORED[0].prediction, rankings={FUSED: (A[0],)}))
    export.write_trec(tmp_path, [replace(only, gold=gold("q 1", [A[0]]))])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "passage.fused.run", "passage.qrels"]


@given(st.text())
def test_an_id_is_one_column_and_comes_back(name: str) -> None:
    told = export.trec_id(name)
    assert told.split() == [told] and told.isprintable()
    assert unquote(told) == name or (told, name) == ("%", "")


@given(st.lists(st.text(max_size=3), unique=True))
def test_different_ids_stay_different(names: list[str]) -> None:
    assert len({export.trec_id(name) for name in names}) == len(names)


def test_a_ranker_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    item = replace(SCORED[0], prediction=replace(SCORED[0].prediction, rankings={"../../x y": (A[0],)}))
    export.write_trec(tmp_path / "deep" / "trec", [item])
    assert not (tmp_path / "x y.run").exists()
    assert (tmp_path / "deep" / "trec" / "passage...%2F..%2Fx%20y.run").is_file()


def said(text: str, *quotes: str, **more: object) -> Prediction:
    shown = tuple(Quote("a.txt", 0, len(quote), quote, True) for quote in quotes)
    return Prediction("q", bool(quotes), text, "", shown, **more)  # type: ignore[arg-type]


def test_rows_have_the_keys_that_ragas_reads(tmp_path: Path) -> None:
    asked = EvalQuestion("q", "谁？", ("甲", "乙"), ("事",), ("甲说。",))
    path = tmp_path / "ragas.jsonl"
    export.write_ragas(path, [
        Scored(asked, said("**甲** 说。 [1]", "甲说。"), None, {}),
        Scored(EvalQuestion("n", "无？", answerable=False), said("没有。", nearest=(Quote("a", 0, 2, "近的", True),)), None, {}),
        Scored(EvalQuestion("f", "那它呢？", facts=("甲", "乙"), history=("谁？",)), said("", understood="谁呢？"), None, {}),
    ])  # fmt: skip
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows[0] == {
        "user_input": "谁？",
        "retrieved_contexts": ["甲说。"],
        "reference_contexts": ["甲说。"],
        "response": "甲 说。",
        "reference": "甲",
    }
    assert (rows[1]["retrieved_contexts"], rows[1]["reference"], rows[1]["response"]) == (["近的"], None, "没有。")
    assert (rows[2]["user_input"], rows[2]["reference"]) == ("谁呢？", "甲；乙")
    assert not list(tmp_path.glob("*.part"))


def sheet(scored: Sequence[Scored], timings: Sequence[Timing] = ()) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(export.per_question(scored, timings))))


def test_the_sheet_has_one_row_a_question_and_every_measure() -> None:
    shown = said("甲", "甲说。", confidence=0.5)
    first = Scored(
        EvalQuestion("q1", "谁？", ("甲", "乙")),
        shown,
        None,
        {"own": 0.123456, "f1": 1.0, "nDCG@10": 0.5, "false": 0.0},
    )
    rows = sheet(
        [first, Scored(EvalQuestion("q2", "？", answerable=False), said(""), None, {"recall": 1.0})],
        [Timing("q1", 12.344)],
    )
    assert [row["id"] for row in rows] == ["q1", "q2"]
    names = list(rows[0])
    assert names[9:14] == ["nDCG@10", "f1", "recall", "false", "own"]  # ours in their order, then others
    assert (rows[0]["own"], rows[0]["recall"], rows[1]["recall"], rows[1]["f1"]) == ("0.1235", "", "1.0", "")
    assert (rows[0]["expected"], rows[0]["ms"], rows[1]["ms"]) == ("甲 / 乙", "12.34", "")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "＠x", "　=1"])
def test_no_cell_runs_as_a_formula(text: str) -> None:
    row = sheet([Scored(EvalQuestion(text, text, (text,), type=text), said(text, text, error=text), None, {})])[0]
    for name in ("id", "question", "expected", "type", "error"):
        assert row[name].startswith("'") and row[name][1:] == text.replace("\r", "\n"), name


def test_a_carriage_return_begins_no_row() -> None:
    rows = sheet([Scored(EvalQuestion("q", "甲\r=1\r\n=2"), said(""), None, {})])
    assert len(rows) == 1 and rows[0]["question"] == "甲\n=1\n=2"


def test_what_is_no_formula_stays_as_it_is() -> None:
    row = sheet([Scored(EvalQuestion("q", '　甲,"乙"\n丙=1'), said(""), None, {"f1": -1.0})])[0]
    assert row["question"] == '　甲,"乙"\n丙=1' and row["f1"] == "-1.0"


@settings(max_examples=60)
@given(st.lists(st.tuples(st.text(min_size=1), st.text(), st.floats(0, 1)), max_size=5))
def test_any_text_makes_a_sheet_that_is_read_back(rows: list[tuple[str, str, float]]) -> None:
    scored = [Scored(EvalQuestion(key, text), said(text, error=text), None, {"f1": value}) for key, text, value in rows]
    back = list(csv.reader(io.StringIO(export.per_question(scored), newline="")))
    assert len(back) == len(rows) + 1 and all(len(row) == len(back[0]) for row in back)
    assert all(
        math.isclose(float(row[back[0].index("f1")]), v, abs_tol=5e-5)
        for row, (_, _, v) in zip(back[1:], rows, strict=True)
    )
