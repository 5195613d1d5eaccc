"""Bounds and baselines: what passes, what fails by how much, and what is refused with the next step."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from eval import gate
from eval.gate import Failure, Reference
from rag.errors import DataError

CONTENT: dict[str, Any] = {
    "run": {"set": "mine", "digest": "d1"},
    "measures": {
        "f1": {"mean": 0.8, "low": 0.7, "high": 0.9, "n": 10},
        "nDCG@10": {"mean": 0.9, "low": 0.8, "high": 1.0, "n": 10},
        "cite recall": {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 8},
        "false": {"mean": 0.1, "low": 0.0, "high": 0.2, "n": 10},
    },
    "citation": {"shown": 9, "valid": 1.0, "resolves": 1.0, "recall": 1.0},
    "calibration": {"ece": 0.05},
    "counts": {"errors": 0},
    "latency": {"total": {"p50": 20.0, "p95": 40.0}},
}
BASE = Reference("mine", {"f1": 0.8, "false": 0.1}, "d1", "base.json")


def content(**means: float) -> dict[str, Any]:
    return {**CONTENT, "measures": {name: {"mean": value, "n": 10} for name, value in means.items()}}


def drawn(*arguments: Any) -> str:
    console = Console(file=io.StringIO(), record=True, width=120)
    gate.draw(console, *arguments)
    return console.export_text()


def test_a_bound_is_the_least_or_where_lower_is_better_the_most() -> None:
    found = gate.bounds(["f1=0.8", "false=0.05", "cite recall >= 1", " ece<=0.1 ", "p95_ms=30"])
    assert found == {"f1": 0.8, "false": 0.05, "cite recall": 1.0, "ece": 0.1, "p95_ms": 30.0}
    assert gate.judge(CONTENT, found) == [
        Failure("false", 0.1, 0.05, "ceiling"),
        Failure("p95_ms", 40.0, 30.0, "ceiling"),
    ]


def test_a_value_at_its_bound_passes() -> None:
    assert gate.judge(CONTENT, {"f1": 0.8, "false": 0.1, "valid": 1.0, "errors": 0.0}) == []
    assert gate.judge(content(f1=0.7 + 0.1), {"f1": 0.8}) == []  # 0.7999999999999999


@pytest.mark.parametrize("text", ["f1", "f1=", "=0.8", "f1=high", "f1=nan", "f1==0.8", "f1=inf", ""])
def test_what_is_no_bound_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="write MEASURE=VALUE"):
        gate.bounds([text])


@pytest.mark.parametrize(
    ("text", "near"), [("F1=1", "f1"), ("ndcg@10=1", "nDCG@10"), ("falze=0", "false"), ("cite_recall=1", "cite recall")]
)
def test_a_measure_that_does_not_exist_names_the_nearest(text: str, near: str) -> None:
    with pytest.raises(DataError, match=f"did you mean '{near}'"):
        gate.bounds([text])


def test_a_measure_that_this_set_cannot_give_is_wrong_input_not_a_pass() -> None:
    with pytest.raises(DataError, match="no measure 'recall' here"):
        gate.judge(CONTENT, gate.bounds(["recall=1"]))
    with pytest.raises(DataError, match="measures nothing"):
        gate.judge({}, {"f1": 0.5})
    with pytest.raises(DataError, match="no measure 'facts' here, as no question") as caught:
        gate.judge(CONTENT, gate.bounds(["facts=0.8"]))
    assert "did you mean" not in str(caught.value)  # `false` is near in letters, and another thing altogether


@pytest.mark.parametrize("text", ["f1=80", "f1=1.01", "false=-0.1", "valid=100"])
def test_a_share_in_percent_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="between 0 and 1"):
        gate.bounds([text])
    assert gate.bounds(["p95_ms=400", "errors=2"]) == {"p95_ms": 400, "errors": 2}


@pytest.mark.parametrize("text", ["f1<=0.8", "false>=0.1"])
def test_a_bound_the_wrong_way_round_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="is better"):
        gate.bounds([text])


def test_a_baseline_allows_its_tolerance_and_no_more() -> None:
    assert gate.judge(content(f1=0.79, false=0.11), {}, BASE, 0.01) == []
    assert gate.judge(content(f1=0.7899, false=0.1101), {}, BASE, 0.01) == [
        Failure("f1", 0.7899, pytest.approx(0.79), "baseline"),
        Failure("false", 0.1101, pytest.approx(0.11), "baseline"),
    ]
    assert gate.judge(content(f1=1.0, false=0.0), {}, BASE, 0.0) == []


def test_a_measure_that_is_gone_fails() -> None:
    assert gate.judge(content(false=0.1), {}, BASE) == [Failure("f1", None, 0.79, "missing")]


def test_bounds_and_baseline_are_judged_together() -> None:
    assert [(f.measure, f.kind) for f in gate.judge(content(f1=0.5, false=0.1), {"f1": 0.9}, BASE)] == [
        ("f1", "floor"),
        ("f1", "baseline"),
    ]


@pytest.mark.parametrize(
    ("base", "told"),
    [
        (Reference("other", {"f1": 1.0}), "of the set 'other'"),
        (Reference("mine", {"f1": 1.0}, "d2"), "of other questions"),
    ],
)
def test_a_baseline_of_something_else_is_refused_with_the_next_step(base: Reference, told: str) -> None:
    with pytest.raises(DataError, match=told) as raised:
        gate.judge(CONTENT, {}, base)
    assert "--write-baseline" in str(raised.value) and "--write-baseline" in raised.value.message("zh")


@pytest.mark.parametrize("tolerance", [-0.1, float("nan"), float("inf")])
def test_a_tolerance_is_a_number_from_zero(tolerance: float) -> None:
    with pytest.raises(DataError, match="--tolerance"):
        gate.judge(CONTENT, {}, BASE, tolerance)


def test_what_is_written_is_read_back_and_passes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "base.json"
    gate.write_baseline(path, CONTENT)
    base = gate.read_baseline(path)
    assert gate.judge(CONTENT, {}, base, 0.0) == []
    assert (base.set, base.digest) == ("mine", "d1")
    assert base.measures == {
        "f1": 0.8, "nDCG@10": 0.9, "cite recall": 1.0, "false": 0.1, "valid": 1.0, "resolves": 1.0, "ece": 0.05, "errors": 0.0,
    }  # fmt: skip
    assert not list(path.parent.glob("*.part"))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"set": "mine", "measures": {}}', '{"set": "mine", "measures": {"f1": "high"}}',
     '{"set": "mine", "measures": {"f1": true}}', '{"set": "mine", "measures": {"f1": NaN}}', '{"measures": {"f1": 1}}',
     '{"set": "mine", "measures": {"f2": 1}}'],
)  # fmt: skip
def test_what_is_no_baseline_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "base.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"base\.json"):
        gate.read_baseline(path)
    with pytest.raises(DataError, match=r"absent\.json.*--write-baseline"):
        gate.read_baseline(tmp_path / "absent.json")


def test_a_baseline_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="cannot be written"):
        gate.write_baseline(tmp_path / "file" / "base.json", CONTENT)


def test_the_table_says_what_was_asked_what_is_and_what_is_allowed() -> None:
    now = content(**{"f1": 0.75, "false": 0.02, "nDCG@10": 0.9})
    text = drawn(now, {"nDCG@10": 0.85}, BASE, 0.01)
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    rows = {name: rest for name, *rest in cells}
    assert rows["f1"] == ["0.800", "0.750", "-0.050", "≥ 0.790", "worse"]
    assert rows["false"] == ["0.100", "0.020", "-0.080", "≤ 0.110", "better"]
    assert rows["nDCG@10"] == ["0.850", "0.900", "+0.050", "≥ 0.850", "ok"]
    assert text.startswith("1 of 3 measures fail") and next(iter(rows)) == "f1"
    passed = drawn(content(f1=0.9, false=0.1), {}, BASE, 0.01)
    assert passed.startswith("all 2 measures hold") and "--write-baseline base.json" in passed
    assert "│ false" not in passed and "as in the baseline: 1" in passed
    assert drawn(content(f1=0.8, false=0.1), {}, BASE, 0.01).startswith("all 2 measures hold")


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5), st.sampled_from(["f1", "false"]))
def test_nothing_fails_that_is_not_worse_by_more_than_the_tolerance(
    base: float, now: float, tolerance: float, name: str
) -> None:
    failures = gate.judge(content(**{name: now}), {}, Reference("mine", {name: base}), tolerance)
    loss = base - now if name == "f1" else now - base
    assert bool(failures) == (loss - tolerance > 1e-9)


def test_the_file_is_small_and_plain_json(tmp_path: Path) -> None:
    gate.write_baseline(tmp_path / "b.json", CONTENT)
    row = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    assert list(row) == ["set", "digest", "measures"]
