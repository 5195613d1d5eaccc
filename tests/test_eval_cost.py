"""Costs: numbers that can be computed by hand, and facts that name no machine."""

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from eval import cost
from eval.records import Timing

ROOT = Path(__file__).resolve().parent.parent


def timing(key: str, ms: float, search: float = 0.0, **stages: float) -> Timing:
    return Timing(key, ms, stages, search)


def test_latency_leaves_the_first_question_out() -> None:
    told = cost.latency([timing("warm", 9000, 500, read=8000), timing("a", 10, 4, read=5), timing("b", 30, 6, read=7)])
    assert told["total"] == {"p50": 20.0, "p95": 29.0}  # type 7: 10 + .95 * 20
    assert told["search"] == {"p50": 5.0, "p95": 5.9}
    assert told["stages"] == {"read": {"p50": 6.0, "p95": 6.9}}
    assert (told["per_second"], told["n"]) == (50.0, 2)


def test_a_stage_counts_over_the_questions_that_have_it() -> None:
    told = cost.latency([timing("warm", 1), timing("a", 10, encode=4), timing("b", 30, read=7, encode=6)])
    assert told["stages"] == {"encode": {"p50": 5.0, "p95": 5.9}, "read": {"p50": 7.0, "p95": 7.0}}
    assert "search" not in told  # never measured is not 0 ms


@pytest.mark.parametrize("timings", [[], [timing("only", 5)]])
def test_a_warm_up_alone_tells_nothing(timings: list[Timing]) -> None:
    assert cost.latency(timings) == {}


def test_questions_that_took_no_time_have_no_rate() -> None:
    told = cost.latency([timing("a", 0), timing("b", 0)])
    assert told["total"] == {"p50": 0.0, "p95": 0.0} and "per_second" not in told


def test_the_size_of_a_folder_is_that_of_its_own_files(tmp_path: Path) -> None:
    index, outside = tmp_path / "index", tmp_path / "outside"
    (index / "deep").mkdir(parents=True)
    (index / "a").write_bytes(b"x" * 10)
    (index / "deep" / "b").write_bytes(b"x" * 5)
    outside.write_bytes(b"x" * 1000)
    (index / "link").symlink_to(outside)
    assert cost.bytes_of(index) == 15
    assert cost.bytes_of(index / "a") == 10
    assert cost.bytes_of(tmp_path / "absent") == 0


def test_what_a_run_costs(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    told = cost.measured(tmp_path, documents=2, passages=4, index_seconds=1.23456, question_seconds=2.0)
    assert (told["documents"], told["passages"], told["index_bytes"]) == (2, 4, 1000)
    assert (told["bytes_per_passage"], told["index_seconds"], told["question_seconds"]) == (250.0, 1.235, 2.0)
    empty = cost.measured(tmp_path, documents=0, passages=0)
    assert not {"bytes_per_passage", "index_seconds", "question_seconds"} & set(empty)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_grows_with_what_is_held() -> None:
    """In a process of its own: what else a test's process holds comes and goes by itself."""
    code = (
        "from eval import cost; before = cost.steady_bytes(); held = bytearray(b'x') * (64 * 1024 * 1024);"
        "print(before, cost.steady_bytes(), cost.peak_bytes(), len(held))"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    before, now, most, held = map(int, told.split())
    assert held * 0.9 < now - before < held * 1.5
    assert most >= now * 0.99  # the kernel counts both in batches of pages


@pytest.mark.skipif(sys.platform != "linux", reason="the two ways differ only where there is /proc")
def test_both_ways_to_the_peak_agree_on_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    own = cost.peak_bytes()
    monkeypatch.setattr(cost, "_status", lambda key: None)
    other = cost.peak_bytes()
    assert own is not None and other is not None and 0.5 < own / other <= 1.05


def test_without_proc_the_process_list_tells_or_nothing_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*arguments: object, **options: object) -> None:
        raise FileNotFoundError("ps")

    told = cost._by_ps()
    assert told is None or told > 1_000_000
    monkeypatch.setattr("subprocess.run", absent)
    assert cost._by_ps() is None


def test_facts_name_no_host_and_no_path() -> None:
    facts = cost.machine()
    assert set(facts) == {"cores", "python", "platform"} and facts["cores"] == cost.cores() >= 1
    words = re.split(r"[^\w.-]+", json.dumps([facts, cost.versions()]))
    assert platform.node() not in words
    assert not any("/" in str(value) or "\\" in str(value) for value in facts.values())


def test_versions_are_of_what_is_installed() -> None:
    told = cost.versions()
    assert told["python"] == platform.python_version()
    assert set(told) <= {"python", *cost.PACKAGES} and "numpy" in told
