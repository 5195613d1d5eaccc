"""The figures of a run as a compact table for the console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.report.charts import ordered
from eval.report.measures import OUTSIDE, grouped, label

if TYPE_CHECKING:
    from rich.console import Console

LEGEND = (
    "passages: those that hold gold, R@k the share of them among the first k; documents: the same of whole ones; exact match "
    "and F1 by the set's own rules; n: questions a measure applies to; latency leaves out the first question, a warm-up."
)
_ABLATED = ("R@1", "R@5", "nDCG@10")


def draw(
    console: Console, content: Mapping[str, Any], out: Path, files: Sequence[str] = ("summary.md", "report.html")
) -> None:
    """The main measures with their intervals, each ranker alone in a line, and where `files` are in `out`."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=Text(str((content.get("run") or {}).get("set", ""))), title_justify="left")
    for heading in ("measure", "value", "95 %", "n"):
        grid.add_column(heading, justify="left" if heading == "measure" else "right")
    measures = content.get("measures") or {}
    for _, names, _ in grouped(measures):
        for name in names:
            held = measures[name]
            grid.add_row(label(name), f"{held['mean']:.3f}", f"{held['low']:.3f}–{held['high']:.3f}", str(held["n"]))
        grid.add_section()
    for row in _rest(content):
        grid.add_row(*row)
    console.print(grid)
    for line in ablation(content):
        console.print(Text(line))
    console.print(Text(LEGEND, "dim"))
    for name in files:
        console.print(Text(str(out / name)), soft_wrap=True)


def ablation(content: Mapping[str, Any]) -> list[str]:
    """A line a level: "passages: lexical R@1 .83 R@5 .95 · dense … · fused …"."""
    lines = []
    for level, rankers in (content.get("ablation") or {}).items():
        parts = []
        for ranker in ordered(rankers):
            told = [f"{name} {rankers[ranker][name]['mean']:.3f}" for name in _ABLATED if name in rankers[ranker]]
            parts.append(" ".join([ranker, *told]))
        lines += [f"{level}s: {' · '.join(parts)}"] if parts else []
    return lines


def _rest(content: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    counts, summary = content.get("counts") or {}, content.get("summary") or {}
    latency = content.get("latency") or {}
    rows = []
    if counts.get("quotes_shown"):
        valid = counts["quotes_valid"] / counts["quotes_shown"]
        # Rounded down: one citation that is wrong must not read as none.
        rows.append(("citations valid", f"{int(valid * 1000) / 1000:.3f}", "", str(counts["quotes_shown"])))
    if counts.get("errors"):
        rows.append(("errors", str(counts["errors"]), "", str(counts.get("questions", ""))))
    if counts.get("gold_outside"):
        rows.append((OUTSIDE, str(counts["gold_outside"]), "", str(counts.get("answerable", ""))))
    if content.get("answer_characters_median") is not None:
        rows.append(
            ("answer characters", f"{content['answer_characters_median']:.0f}", "", str(counts.get("answered", "")))
        )
    for name, value in (summary.get("latency") or {}).items():
        rows.append((f"latency {name.removesuffix('_ms')}", f"{value:.1f} ms", "", str(latency.get("n", ""))))
    return rows
