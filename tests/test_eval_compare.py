"""Two runs side by side: joined by id, tested in pairs, told without markup; small enough to be worked out by hand."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from eval import records
from eval.compare import compare, compare_many, main, read
from eval.compare.paired import Pair, differences, flat, latency, merit
from eval.compare.show import as_object, draw, inline, markdown, probability
from eval.compare.sides import Side, join, names, scores
from eval.questions import EvalQuestion, write_questions
from eval.records import FUSED, Gold, Place, Prediction, Quote, Timing
from eval.score import Scored, values
from rag.errors import DataError

HOSTILE = "<img src=x> | **b** [x](http://y) `c`\x1b[31m\u202e"


def asked(key: str, question: str = "", answer: str = "甲", **more: Any) -> EvalQuestion:
    return EvalQuestion(key, question or f"{key}是谁？", (answer,), **more)


def said(key: str, text: str = "", *places: Place) -> Prediction:
    """Answers with the text, or refuses where there is none."""
    quotes = (Quote("a.txt", 0, len(text), text, True),) if text else ()
    return Prediction(key, bool(text), text, text, quotes, reason="no_match", rankings={FUSED: places})


def side(name: str, *told: tuple[EvalQuestion, str], run: Mapping[str, Any] | None = None, **more: Any) -> Side:
    scored = {}
    for question, text in told:
        prediction = said(question.id, text)
        scored[question.id] = Scored(question, prediction, None, values(question, prediction))
    return Side(name, Path(name), scored, run or {}, **more)


def test_questions_are_joined_by_id_and_the_rest_is_counted() -> None:
    joined = join(
        side("A", (asked("1"), "甲"), (asked("2"), ""), (asked("3"), "")),
        side("B", (asked("3"), "甲"), (asked("1"), "乙"), (asked("4"), "")),
    )
    assert [pair.a.question.id for pair in joined.pairs] == ["1", "3"]
    assert (joined.only_a, joined.only_b, joined.regraded) == (("2",), ("4",), 0)


def test_one_id_for_two_questions_is_a_fault() -> None:
    with pytest.raises(DataError, match="'1' is another question in B") as raised:
        join(side("A", (asked("1", "谁？"), "")), side("B", (asked("1", "哪里？"), "")))
    assert "谁？" in str(raised.value) and "同一题集" in raised.value.message("zh")
    with pytest.raises(DataError, match="another question"):
        join(side("A", (asked("1", history=("先？",)), "")), side("B", (asked("1"), "")))


def test_runs_without_a_common_question_are_a_fault() -> None:
    with pytest.raises(DataError, match="no question in common"):
        join(side("A", (asked("1"), "")), side("B", (asked("2"), "")))


def test_a_question_with_other_gold_is_told() -> None:
    found = compare(side("A", (asked("1", "谁？", "甲"), "甲")), side("B", (asked("1", "谁？", "乙"), "甲")))
    assert found.joined.regraded == 1 and any("other gold" in note for note in found.notes)


def test_a_difference_is_b_less_a_over_what_both_have() -> None:
    both = [Scored(asked(str(n)), said(str(n)), None, {"f1": float(n % 2), "place": 1.0}) for n in range(20)]
    better = [Scored(s.question, s.prediction, None, {"f1": 1.0}) for s in both]
    (row,) = differences([Pair(a, b) for a, b in zip(both, better, strict=True)], ["f1"])
    assert (row.a, row.b, row.difference, row.n) == (0.5, 1.0, 0.5, 20)
    assert 0.2 < row.low < 0.5 < row.high < 0.8
    assert row.p == pytest.approx(2 / 2**10)  # ten questions differ, all one way: two of the 2**10 swaps are as far
    assert row.adjusted == row.p and row.verdict == "better"


def test_questions_of_one_cluster_are_one_observation() -> None:
    pairs = [
        Pair(*(Scored(asked(str(n), group="one"), said(str(n)), None, {"f1": value}) for value in (0.0, 1.0)))
        for n in range(20)
    ]
    (row,) = differences(pairs, ["f1"])
    assert row.p == 1.0 and row.verdict == ""


def test_p_is_adjusted_for_the_measures_of_its_table() -> None:
    pairs = [Pair(Scored(asked(str(n)), said(""), None, {"f1": 0.0, "em": 0.0, "false": 0.0}),
                  Scored(asked(str(n)), said(""), None, {"f1": 1.0, "em": float(n < 6), "false": 1.0})) for n in range(12)]  # fmt: skip
    rows = {row.measure: row for row in differences(pairs, ["f1", "em", "false"])}
    assert [rows[name].p for name in ("f1", "em")] == [2 / 2**12, 2 / 2**6]
    assert rows["f1"].adjusted == pytest.approx(3 * 2 / 2**12) and rows["em"].adjusted == 2 / 2**6
    assert (rows["f1"].verdict, rows["em"].verdict, rows["false"].verdict) == ("better", "better", "worse")


@settings(deadline=None)  # the first call imports numpy
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8), st.integers(0, 3))
def test_turning_the_two_round_turns_the_sign_and_nothing_else(cases: list[tuple[float, float]], seed: int) -> None:
    pairs = [Pair(*(Scored(asked(str(n)), said(""), None, {"f1": v}) for v in case)) for n, case in enumerate(cases)]
    (one,) = differences(pairs, ["f1"], seed)
    (other,) = differences([Pair(pair.b, pair.a) for pair in pairs], ["f1"], seed)
    assert one.difference == pytest.approx(-other.difference, abs=1e-12) and one.p == other.p
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)


def test_a_run_against_itself_differs_in_nothing() -> None:
    told = ((asked("1"), "甲"), (asked("2"), ""), (asked("3", "3？", "乙"), "甲乙"))
    found = compare(side("A", *told), side("B", *told))
    assert {(row.difference, row.low, row.high, row.p, row.verdict) for row in (*found.headline, *found.others)} == {
        (0, 0, 0, 1, "")
    }
    assert (found.losses, found.gains, found.same, found.reworded) == ((), (), 3, 0)


def test_what_changed_comes_worst_first_then_the_largest_gain() -> None:
    a = side(
        "A", (asked("1"), "甲"), (asked("2"), "甲乙丙丁"), (asked("3"), ""), (asked("4"), "乙"), (asked("5"), "丙")
    )
    b = side(
        "B", (asked("1"), ""), (asked("2"), "甲乙丙丁戊己"), (asked("3"), "甲"), (asked("4"), "甲"), (asked("5"), "丁")
    )
    found = compare(a, b)
    assert [change.pair.a.question.id for change in found.losses] == ["1", "2"]
    assert [change.pair.a.question.id for change in found.gains] == ["3", "4"]
    assert found.losses[0].by == -1.0 and found.gains[0].by == 1.0
    assert (found.same, found.reworded) == (1, 1)  # 5: wrong in both, in other words


def test_where_no_answer_is_stated_what_was_found_decides() -> None:
    question = EvalQuestion("1", "哪篇？", relevant={"a.txt": 1})
    pair = Pair(*(Scored(question, said("1", "x"), None, {"doc nDCG@10": v, "false": 0.0}) for v in (1.0, 0.5)))
    assert (merit(pair, "a"), merit(pair, "b")) == (1.0, 0.75)
    bare = Pair(*(Scored(question, said("1"), None, {"nDCG@10": v}) for v in (1.0, 0.25)))
    assert (merit(bare, "a"), merit(bare, "b")) == (1.0, 0.25)
    assert merit(Pair(*(Scored(question, said("1"), None, {}) for _ in "ab")), "a") == 1.0


RUN = {
    "set": "mine",
    "corpus": "docs",
    "digest": "d",
    "settings": {"k": 8, "chunk_chars": 300},
    "cost": {"documents": 3, "peak_mb": 10.0},
}


def test_what_was_run_otherwise_is_told_first() -> None:
    other = {**RUN, "settings": {"k": 8, "chunk_chars": 200, "new": True}, "cost": {"documents": 4, "peak_mb": 20.0}}
    found = compare(side("A", (asked("1"), "甲"), run=RUN), side("B", (asked("1"), "甲"), run=other))
    assert found.run == (("settings.chunk_chars", 300, 200), ("cost.documents", 3, 4), ("settings.new", "-", True))
    assert any("corpora differ" in note for note in found.notes)
    assert found.cost == {"peak_mb": (10.0, 20.0)}
    text = markdown(found)
    assert text.index("What was run otherwise") < text.index("## Measures") < text.index("Questions that changed")
    assert "| settings.chunk\\_chars | 300 | 200 |" in text and "| peak\\_mb | 10 | 20 | 2.00 |" in text
    assert dict(flat({"a": {"b": {"c": 1}}, "d": [2]})) == {"a.b.c": 1, "d": [2]}


def test_latency_is_of_the_questions_timed_in_both_without_a_warm_up() -> None:
    told = [(asked(key), "甲") for key in "1234"]
    a = side("A", *told, timings=tuple(Timing(key, ms) for key, ms in zip("1234", (900, 10, 20, 30), strict=True)))
    b = side("B", *told, timings=tuple(Timing(key, ms) for key, ms in zip("2134", (900, 10, 40, 60), strict=True)))
    found = latency(join(a, b))
    assert found["p50"] == {"a": 25.0, "b": 50.0, "ratio": 2.0, "n": 2}
    assert "only comparable if both ran on one machine" in markdown(compare(a, b))
    assert latency(join(side("A", *told), b)) == {}


def test_slices_show_the_difference_of_each_value() -> None:
    a = side("A", (asked("1", type="who"), "甲"), (asked("2", type="where"), "乙"), (asked("3", type="where"), "甲"))
    b = side("B", (asked("1", type="who"), ""), (asked("2", type="where"), "甲"), (asked("3", type="where"), "甲"))
    found = compare(a, b)
    assert list(found.slices) == ["type"]  # one language only
    assert found.slices["type"]["where"].items() >= {"n": 2, "em": 0.5, "f1": 0.5, "false": 0.0}.items()
    assert found.slices["type"]["who"] == {"n": 1, "em": -1.0, "f1": -1.0, "false": 1.0}  # cited in one run only
    assert "| where | 2 | +0.500 | +0.500 |" in markdown(found)


def test_nothing_hostile_becomes_markup_or_steers_the_terminal() -> None:
    question = asked("q`1|", HOSTILE, HOSTILE, type=HOSTILE)
    found = compare(
        side(HOSTILE, (question, HOSTILE), (asked("2"), ""), run={HOSTILE: HOSTILE}),
        side("B", (question, ""), (asked("2"), "甲")),
    )
    text = markdown(found)
    assert "<img" not in text.replace("\\<", "") and "](http" not in text.replace("\\]", "")
    assert "\x1b" not in text and "\u202e" not in text
    for block in text.split("\n\n"):
        if block.startswith("|"):  # every row of a table has as many cells as its head
            assert len({line.count("|") - line.count("\\|") for line in block.splitlines()}) == 1
    console = Console(file=io.StringIO(), record=True, width=200)
    draw(console, found)
    drawn = console.export_text()
    assert "**b**" in drawn and "\x1b" not in drawn and "\u202e" not in drawn  # shown as it is, not as markup
    assert json.loads(json.dumps(as_object(found)))["changed"]["worse"] == 1


@given(st.text())
def test_inline_is_one_line_without_a_bare_sign(text: str) -> None:
    shown = inline(text)
    assert "\n" not in shown and "\r" not in shown
    bare = shown.replace("\\\\", "")
    assert not any(bare.count(sign) - bare.count("\\" + sign) for sign in "`*_<>[]|&~$")


def test_p_is_never_shown_as_nothing() -> None:
    assert (probability(0.0002), probability(0.0126), probability(1.0)) == ("<0.001", "0.013", "1.000")


@pytest.fixture
def out(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder of results, as `run` leaves it."""

    def made(name: str, texts: Mapping[str, str], **settings: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        questions = [asked(key) for key in texts]
        write_questions(folder / "questions.jsonl", questions)
        records.write(folder / "predictions.jsonl", [said(k, text, Place("a.txt", 0, 9)) for k, text in texts.items()])
        gold = [Gold(key, ((Place("a.txt", 0, 5),),), (Place("a.txt", 0, 9),)) for key in texts]
        records.write(folder / "gold.jsonl", gold)
        records.write(folder / "timings.jsonl", [Timing(key, 10.0 + n) for n, key in enumerate(texts)])
        (folder / "run.json").write_text(json.dumps({"set": "mine", "settings": settings}), encoding="utf-8")
        rows = [{"id": key, "values": {"f1": float(text == "甲"), "own": 0.5}} for key, text in texts.items()]
        (folder / "scores.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        return folder

    return made


def test_the_command_prints_writes_and_gives_one_object(
    out: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = out("a", {"1": "甲", "2": "乙"}, k=8), out("b", {"1": "甲", "2": "甲"}, k=4)
    report = tmp_path / "deep" / "report.md"
    assert main([str(a), str(b), "--json", "--out", str(report)]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out.splitlines()[-1])
    assert len(told.out.splitlines()) == 1 and "measures" in told.err
    assert found["measures"]["f1"]["difference"] == 0.5 and found["measures"]["nDCG@10"]["a"] == 1.0
    assert found["run"] == [{"key": "settings.k", "a": 8, "b": 4}]
    assert [(q["id"], q["a"], q["b"], q["expected"]) for q in found["changed"]["questions"]] == [
        ("2", "乙", "甲", "甲")
    ]
    assert report.read_text(encoding="utf-8").startswith("# a against b")
    assert main([str(a), str(b)]) == 0 and "questions in both" in capsys.readouterr().out


def test_a_scores_file_counts_as_it_is(out: Callable[..., Path], tmp_path: Path) -> None:
    a, b = out("a", {"1": "甲", "2": "乙"}), out("b", {"1": "乙", "2": "甲"})
    held = read(a / "scores.jsonl")
    assert (
        held.name == "a" and held.scored["1"].values == {"f1": 1.0, "own": 0.5} and held.scored["1"].question.question
    )
    (tmp_path / "only").mkdir()
    alone = tmp_path / "only" / "mine.jsonl"
    alone.write_bytes((b / "scores.jsonl").read_bytes())
    found = compare(held, read(alone))
    assert {row.measure for row in (*found.headline, *found.others)} == {"f1", "own"}
    assert any("not known of both" in note for note in found.notes)
    assert found.losses[0].pair.question.question == "1是谁？" and "- B: only" in markdown(found)
    both = compare(read(alone), read(alone))
    assert both.slices == {} and markdown(both)


@pytest.mark.parametrize(
    ("text", "told"),
    [('{"id": "1"}', "line 1"), ('{"id": "1", "values": {"f1": "x"}}', "line 1"), ('{"id": "1", "values": {"f1": NaN}}', "line 1"),
     ('{"id": "1", "values": {}}\n{"id": "1", "values": {}}', "line 2: the id '1' is used twice")],
)  # fmt: skip
def test_a_malformed_scores_file_names_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        scores(path)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"run\.json is missing"):
        read(tmp_path)
    with pytest.raises(DataError, match="check the path"):
        read(tmp_path / "absent")
    with pytest.raises(SystemExit):
        main([str(tmp_path)])


def test_a_report_that_cannot_be_written_is_named(out: Callable[..., Path], tmp_path: Path) -> None:
    a, b = out("a", {"1": "甲"}), out("b", {"1": "乙"})
    with pytest.raises(DataError, match="--out"):
        main([str(a), str(b), "--out", str(a / "run.json" / "x.md")])


def test_runs_are_called_by_as_much_of_their_path_as_tells_them_apart() -> None:
    assert names([Path("x/a"), Path("x/b/scores.jsonl")]) == ["a", "b"]
    assert names([Path("/x/mine"), Path("/y/mine")]) == ["x/mine", "y/mine"]
    assert names([Path("a"), Path("a")]) == ["a (1)", "a (2)"]
    assert names([Path("."), Path("a")])[0] == Path.cwd().name


def test_a_grid_has_a_row_a_run_and_the_settings_that_vary(
    out: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {"1": "甲", "2": "乙", "3": "甲"}
    paths = [out("g/200", texts, chunk_chars=200, k=8), out("g/300", {**texts, "2": "甲"}, chunk_chars=300, k=8),
             out("g/400", {"1": "甲", "2": ""}, chunk_chars=400, k=8)]  # fmt: skip
    grid = compare_many(paths)
    assert grid.columns[:3] == ("run", "chunk_chars", "n") and grid.columns[-1] == "p50 ms"
    assert {"nDCG@10", "f1", "false"} < set(grid.columns) and "k" not in grid.columns
    assert [(row["run"], row["chunk_chars"], row["n"], row["f1"]) for row in grid.rows] == [
        ("200", 200, 2, 0.5), ("300", 300, 2, 1.0), ("400", 400, 2, 0.5),
    ]  # fmt: skip
    assert grid.rows[0]["p50 ms"] == 11.0  # of the two asked of all, the first is the warm-up
    assert grid.best("f1") == 1.0 and grid.best("nDCG@10") is None and grid.best("run") is None
    assert grid.best("false") == 0.0 and "**1.000**" in grid.markdown() and "**300**" not in grid.markdown()
    assert main([*map(str, paths), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["rows"][1]["f1"] == 1.0 and found["columns"][0] == "run"


@pytest.mark.parametrize("width", [40, 60, 80, 100, 250])
def test_a_grid_can_be_read_on_any_console(out: Callable[..., Path], width: int) -> None:
    paths = [out(f"g/{n}", {"1": "甲", "2": ""}, chunk_chars=n, k=8) for n in (200, 300, 400, 500)]
    grid = compare_many(paths)
    console = Console(file=io.StringIO(), width=width)
    grid.draw(console)
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(len(line) <= width for line in said.splitlines())
    # No name and no number is cut in two.
    for column, cell in zip(grid.columns, grid.cells(grid.rows[0]), strict=True):
        assert cell in said and (column in said or column == "run"), (column, cell)
    assert said.count("chunk_chars") == {40: 2, 60: 1, 80: 1, 100: 1, 250: 1}[width]


def test_a_grid_compares_the_questions_that_every_run_is_judged_on(out: Callable[..., Path]) -> None:
    a, b = out("a", {"1": "甲", "2": "甲"}), out("b", {"1": "甲", "2": "甲"})
    hard = [Gold("1", ((Place("a.txt", 0, 5),),), (Place("b.txt", 0, 9),)), Gold("2", ((Place("a.txt", 0, 5),),))]
    records.write(b / "gold.jsonl", hard)  # cut so that nothing bears the second one's gold
    rows = compare_many([a, b]).rows
    assert [row["R@1"] for row in rows] == [1.0, 0.0] and [row["n"] for row in rows] == [2, 2]
    records.write(a / "gold.jsonl", [hard[1], Gold("2", ((Place("a.txt", 0, 5),),), (Place("a.txt", 0, 9),))])
    assert not any("R@1" in row for row in compare_many([a, b]).rows)  # each on another question


def test_two_runs_of_a_grid_that_ask_different_things_under_one_id_are_a_fault(out: Callable[..., Path]) -> None:
    a, b, c = (out(name, {"1": "甲"}) for name in "abc")
    write_questions(c / "questions.jsonl", [asked("1", "别的？")])
    with pytest.raises(DataError, match="another question"):
        compare_many([a, b, c])
