"""Whether a run is good enough: bounds on single measures, and a small baseline file kept with the code.

    python -m eval SET --fail-under f1=0.8 --fail-under false=0.1
    python -m eval SET --write-baseline FILE
    python -m eval SET --baseline FILE --tolerance 0.01

A bound is the least value of a measure, and of one where lower is better (`false`, `ece`, `p95_ms` …) the most: `false=0.1`
asks for at most 0.1. `f1>=0.8` and `false<=0.1` say the same and are refused the other way round.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.export import put
from eval.score import GROUPS
from eval.score import LOWER as LOWER_SCORES
from rag.errors import DataError

if TYPE_CHECKING:
    from rich.console import Console

OF_A_RUN: Mapping[str, tuple[str, str]] = {  # name -> where summary.json has it
    "valid": ("citation", "valid"),
    "resolves": ("citation", "resolves"),
    "ece": ("calibration", "ece"),
    "brier": ("calibration", "brier"),
    "auroc": ("calibration", "auroc"),
    "aurc": ("risk", "aurc"),
    "errors": ("counts", "errors"),
}
OF_A_MACHINE: Mapping[str, tuple[str, str, str]] = {
    "p50_ms": ("latency", "total", "p50"),
    "p95_ms": ("latency", "total", "p95"),
}
"""Never in a baseline: it is compared on other machines."""
LOWER = LOWER_SCORES | {"ece", "brier", "aurc", "errors", *OF_A_MACHINE}
NAMES = (*(name for names in GROUPS.values() for name in names), *OF_A_RUN, *OF_A_MACHINE)
_UNBOUNDED = frozenset({"errors", *OF_A_MACHINE})
_BOUND = re.compile(r"(?P<name>[^=<>]+?)\s*(?P<sign>>=|<=|=)\s*(?P<value>[^=<>]+)")
_NOISE = 1e-9  # a sum of decimals is not the decimal


@dataclass(frozen=True, slots=True)
class Reference:
    """A baseline: what a run has to reach. `digest` is of the questions, "" where it is not known."""

    set: str
    measures: Mapping[str, float]
    digest: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A measure beyond its bound. `kind`: "floor" or "ceiling" (--fail-under), "baseline", "missing" (the baseline has it
    and this run does not; value None)."""

    measure: str
    value: float | None
    bound: float
    kind: str


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: what was asked of a measure and what it is. `asked`: the bound or the baseline's value;
    `bound`: the last value that is accepted."""

    measure: str
    asked: float
    now: float | None
    bound: float
    kind: str  # "floor", "ceiling", "baseline"

    @property
    def fails(self) -> bool:
        if self.now is None or math.isnan(self.now):
            return True
        beyond = self.bound - self.now if self.measure not in LOWER else self.now - self.bound
        return beyond > _NOISE

    @property
    def verdict(self) -> str:
        if self.now is None:
            return "missing"
        if self.fails:
            return "worse" if self.kind == "baseline" else "fails"
        change = (self.now - self.asked) * (-1 if self.measure in LOWER else 1)
        return "better" if self.kind == "baseline" and change > abs(self.asked - self.bound) + _NOISE else "ok"


def bounds(given: Iterable[str]) -> dict[str, float]:
    """`["f1=0.8", "false<=0.1"]` -> measure -> bound. Raises DataError for what is not a bound, with the nearest measure;
    so it can be asked before a long run."""
    out: dict[str, float] = {}
    for text in given:
        found = _BOUND.fullmatch(text.strip())
        value = _number(found["value"]) if found else None
        if not found or value is None:
            raise DataError(
                f"--fail-under {text!r}: write MEASURE=VALUE, such as f1=0.8",
                f"--fail-under {text!r}：请写成 指标=数值，例如 f1=0.8",
            )
        name = found["name"]
        if name not in NAMES:
            raise _unknown(name, NAMES)
        if name not in _UNBOUNDED and not 0 <= value <= 1:
            raise DataError(
                f"--fail-under {text!r}: {name} lies between 0 and 1; write 80 % as {name}=0.8",
                f"--fail-under {text!r}：{name} 在 0 和 1 之间；80 % 请写成 {name}=0.8",
            )
        right = "<=" if name in LOWER else ">="
        if found["sign"] not in {"=", right}:
            better = ("lower", "低") if name in LOWER else ("higher", "高")
            raise DataError(
                f"--fail-under {text!r}: {name} is better {better[0]}; write {name}{right}{value:g}",
                f"--fail-under {text!r}：{name} 越{better[1]}越好；请写 {name}{right}{value:g}",
            )
        out[name] = value
    return out


def figures(content: Mapping[str, Any]) -> dict[str, float]:
    """Everything of a summary.json that a bound may be put on, by name."""
    out = {name: float(held["mean"]) for name, held in content.get("measures", {}).items()}
    for name, keys in {**OF_A_RUN, **OF_A_MACHINE}.items():
        value: Any = content
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, (int, float)):
            out[name] = float(value)
    return out


def judge(
    content: Mapping[str, Any],
    fail_under: Mapping[str, float],
    baseline: Reference | None = None,
    tolerance: float = 0.01,
) -> list[Failure]:
    """What is beyond its bound; empty: passed. Raises DataError where a bound is on a measure that this run does not have,
    and where the baseline is of another set or of other questions."""
    return [
        Failure(line.measure, line.now, line.bound, "missing" if line.now is None else line.kind)
        for line in lines(content, fail_under, baseline, tolerance)
        if line.fails
    ]


def lines(
    content: Mapping[str, Any],
    fail_under: Mapping[str, float],
    baseline: Reference | None = None,
    tolerance: float = 0.01,
) -> list[Line]:
    """Every measure that is judged, bounds first; raises as `judge` does. The tolerance is absolute, 0.01 = one point
    of a hundred."""
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise DataError(f"--tolerance {tolerance}: give a number from 0", f"--tolerance {tolerance}：应为不小于 0 的数")
    now = figures(content)
    out = []
    for name, bound in fail_under.items():
        if name not in now:
            raise _unmeasured(name, tuple(now)) if name in NAMES else _unknown(name, tuple(now))
        out.append(Line(name, bound, now[name], bound, "ceiling" if name in LOWER else "floor"))
    if baseline:
        _same_questions(content, baseline)
        for name, held in baseline.measures.items():
            bound = held + tolerance if name in LOWER else held - tolerance
            out.append(Line(name, held, now.get(name), bound, "baseline"))
    return out


def read_baseline(path: Path) -> Reference:
    """Raises DataError naming the file."""
    again = ("write it again with --write-baseline", "请用 --write-baseline 重新写入")
    try:
        row = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); {again[0]}", f"{path}：无法读取（{error}）；{again[1]}"
        ) from error
    held = row.get("measures") if isinstance(row, dict) else None
    if not isinstance(held, dict) or not held or not isinstance(row.get("set"), str):
        raise DataError(
            f"{path}: not a baseline (a set and its measures); {again[0]}",
            f"{path}：不是基线文件（应有题集名和指标）；{again[1]}",
        )
    for name, value in held.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise DataError(f"{path}: {name} is not a number; {again[0]}", f"{path}：{name} 不是数；{again[1]}")
        if name not in NAMES:
            raise _unknown(name, NAMES, str(path))
    return Reference(row["set"], held, str(row.get("digest") or ""), str(path))


def write_baseline(path: Path, content: Mapping[str, Any]) -> None:
    """The set, the digest of its questions and every measure that another machine gives as well. Lines of measures that
    are not to be judged may be taken out of the file."""
    run = content.get("run", {})
    held = {name: round(value, 4) for name, value in figures(content).items() if name not in OF_A_MACHINE}
    row = {"set": run.get("set", ""), "digest": run.get("digest", ""), "measures": held}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, json.dumps(row, ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written ({error.strerror}); name another file with --write-baseline",
            f"{path}：无法写入（{error.strerror}），请用 --write-baseline 另选文件",
        ) from error


def draw(
    console: Console,
    content: Mapping[str, Any],
    fail_under: Mapping[str, float],
    baseline: Reference | None = None,
    tolerance: float = 0.01,
) -> None:
    """The table: what was asked, what is, how far apart, how far is allowed; failures first. Measures that are as in the
    baseline are counted only. Raises as `judge` does."""
    from rich.table import Table
    from rich.text import Text

    judged = lines(content, fail_under, baseline, tolerance)
    failed = sum(line.fails for line in judged)
    title = f"{failed} of {len(judged)} measures fail" if failed else f"all {len(judged)} measures hold"
    grid = Table(title=Text(title, "bold red" if failed else "bold green"), title_justify="left")
    for heading in ("measure", "asked", "now", "difference", "allowed", ""):
        grid.add_column(heading, justify="left" if heading in {"measure", ""} else "right")
    told = [line for line in judged if line.fails or line.kind != "baseline" or line.now != line.asked]
    for line in sorted(told, key=lambda line: not line.fails):
        grid.add_row(*cells(line), style="red" if line.fails else "green" if line.verdict == "better" else None)
    console.print(grid if told else grid.title)
    if len(told) < len(judged):
        console.print(Text(f"as in the baseline: {len(judged) - len(told)}", "dim"))
    if baseline and any(line.verdict == "better" for line in judged) and not failed:
        console.print(Text(f"Better than the baseline: keep it with --write-baseline {baseline.path}", "dim"))


def cells(line: Line) -> tuple[str, ...]:
    """A row as text: `("f1", "0.800", "0.750", "-0.050", "≥ 0.790", "worse")`."""
    sign = "≤" if line.measure in LOWER else "≥"
    now, apart = ("", "") if line.now is None else (f"{line.now:.3f}", f"{line.now - line.asked:+.3f}")
    return (line.measure, f"{line.asked:.3f}", now, apart, f"{sign} {line.bound:.3f}", line.verdict)


def _same_questions(content: Mapping[str, Any], baseline: Reference) -> None:
    run, here = content.get("run", {}), f"--baseline {baseline.path}"
    if run.get("set", "") != baseline.set:
        raise DataError(
            f"{here}: of the set {baseline.set!r}, this run is of {run.get('set', '')!r}; name its own baseline, or write "
            "one with --write-baseline",
            f"{here}：是题集 {baseline.set!r} 的基线，本次题集为 {run.get('set', '')!r}；请换用其基线，或用 --write-baseline 写入",
        )
    digest = run.get("digest", "")
    if baseline.digest and digest and digest != baseline.digest:
        raise DataError(
            f"{here}: of other questions of {baseline.set!r} (changed since, or another --limit); ask the same ones, or "
            "write it again with --write-baseline",
            f"{here}：{baseline.set!r} 的题目不同（已改动，或 --limit 不同）；请用相同的题目，或用 --write-baseline 重新写入",
        )


def _unknown(name: str, names: Sequence[str], where: str = "--fail-under") -> DataError:
    folded = {known.casefold(): known for known in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.0)
    if not near:
        return DataError(f"{where}: this run measures nothing", f"{where}：本次没有任何指标")
    return DataError(
        f"{where}: no measure {name!r} here; did you mean {folded[near[0]]!r}? There are: {', '.join(names)}",
        f"{where}：这里没有指标 {name!r}，是不是 {folded[near[0]]!r}？现有：{'、'.join(names)}",
    )


def _unmeasured(name: str, names: Sequence[str]) -> DataError:
    """A measure that there is, of which this set states nothing. No other is offered: `false` for `facts` would pass."""
    if not names:
        return _unknown(name, names)
    return DataError(
        f"--fail-under: no measure {name!r} here, as no question of this set states what it needs; there are: "
        + ", ".join(names),
        f"--fail-under：这里没有指标 {name!r}，题集中没有它所需的标准答案；现有：{'、'.join(names)}",
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
