"""The figures as tables of Markdown: what was promised, what grows with the library, and where the time goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from eval.speed.targets import Results, Row, sizes

GROWTH: Mapping[str, tuple[str, str, Callable[[Mapping[str, Any]], Any]]] = {
    "build": ("build", "ms a passage, encoding left out", lambda held: held["beyond_ms_per_passage"]),
    "question": ("question", "question p50, ms", lambda held: held["total_ms"]["p50"]),
    "retrieval": ("question", "retrieval p50, ms", lambda held: held["retrieval_ms"]["p50"]),
    "retrieval95": ("question", "retrieval p95, ms", lambda held: held["retrieval_ms"]["p95"]),
    "add": ("growth", "add a document, ms", lambda held: held["add_ms"]),
    "remove": ("growth", "remove a document, ms", lambda held: held["remove_ms"]),
    "unchanged": ("growth", "sync, nothing new, ms", lambda held: held["unchanged_ms"]),
    "open": ("open", "open to the first answer, s", lambda held: held["first_answer_s"]),
    "memory": ("memory", "memory beyond the models, MB", lambda held: held["beyond_mb"]),
    "disk": ("build", "disk, MB", lambda held: held["disk"]["whole"] / (1 << 20)),
}
"""Name -> the part that tells it, what it is, how it is read from that part's figures."""


def growth(results: Results) -> dict[str, dict[str, Any]]:
    """Name -> {"what", "points": [[passages, value] …]}, those that are known; the sizes as they were built."""
    built = {size: held["passages"] for size, held in sizes(results, "build")}
    made = {}
    for name, (part, what, read) in GROWTH.items():
        points = [[built.get(size, size), round(float(read(held)), 4)] for size, held in sizes(results, part)]
        if points:
            made[name] = {"what": what, "points": points}
    return made


def markdown(rows: Sequence[Row], results: Results, head: Mapping[str, Any]) -> str:
    """The whole of speed.md."""
    told = [
        "# Speed", "", ", ".join(f"{key} {value}" for key, value in head["machine"].items()) + f"; code {head['code']}", "",
        promised(rows), *_section("As the library grows", grown(growth(results))),
        *_section("Where the time of a question goes, ms (p50 / p95)", stages(results)),
        *_section("Building", building(results)),
        *_section("Made-up vectors against real ones: cosine to the nearest (5, 25, 50, 75, 95 %)", alike(results)),
    ]  # fmt: skip
    if head["other"]:
        told += ["", f"Measured by other code than the rest, or on another machine: {', '.join(head['other'])}."]
    return "\n".join(told) + "\n"


def promised(rows: Iterable[Row]) -> str:
    lines = []
    for row in rows:
        limit = "–" if row.limit is None else f"{_figure(row.limit)} {row.unit}".strip()
        value = _figure(row.value) if row.limit is not None or row.unit == "" else "–"
        target = "–" if row.target is None else f"{row.sign} {row.target:g}"
        met = {True: "yes", False: "**no**", None: "–"}[row.met]
        size = f"{row.size:,}" if row.size else ""
        lines.append([row.what, size, f"{_figure(row.figure)} {row.unit}".strip(), limit, value, target, met])
    return table(["", "passages", "figure", "limit", "ratio or beyond", "target", "met"], lines) if lines else ""


def grown(held: Mapping[str, Mapping[str, Any]]) -> str:
    """A line a figure, a column a size, beside each after the first its ratio to it."""
    at = sorted({size for one in held.values() for size, _ in one["points"]})
    lines = []
    for one in held.values():
        known = dict(map(tuple, one["points"]))
        first = next((known[size] for size in at if size in known), None)
        cells = []
        for number, size in enumerate(at):
            value = known.get(size)
            ratio = f" (×{value / first:.2f})" if number and value is not None and first else ""
            cells.append("–" if value is None else f"{_figure(value)}{ratio}")
        lines.append([one["what"], *cells])
    return table(["", *(f"{size:,}" for size in at)], lines) if lines else ""


def stages(results: Results) -> str:
    found = sizes(results, "question")
    names = dict.fromkeys(name for _, held in found for name in held["stages_ms"])
    lines = [[name, *(_pair(held["stages_ms"].get(name)) for _, held in found)] for name in names]
    whole = [["whole", *(_pair(held["total_ms"]) for _, held in found)]]
    return table(["stage", *(f"{size:,}" for size, _ in found)], [*lines, *whole]) if found else ""


def building(results: Results) -> str:
    found = [*sizes(results, "build")]
    names = dict.fromkeys(name for _, held in found for name in held["stages_s"])
    rows: list[list[str]] = [["passages", *(f"{held['passages']:,}" for _, held in found)]]
    rows += [["whole, s", *(_figure(held["seconds"]) for _, held in found)]]
    rows += [[f"{name}, s", *(_figure(held["stages_s"].get(name, 0.0)) for _, held in found)] for name in names]
    peaks = dict.fromkeys(name for _, held in found for name in held["peak_mb"])
    rows += [
        [f"peak memory: {name}, MB", *(_figure(held["peak_mb"].get(name, 0.0)) for _, held in found)] for name in peaks
    ]
    for part in ("library", "vectors", "lexical"):
        rows += [[f"disk: {part}, MB", *(_figure(held["disk"][part] / (1 << 20)) for _, held in found)]]
    return table(["", *(f"{size:,}" for size, _ in found)], rows) if found else ""


def alike(results: Results) -> str:
    lines = [
        [f"{size:,}: {what}", *(f"{value:.3f}" for value in values)]
        for size, held in sizes(results, "build")
        for what, values in held.get("alike", {}).items()
    ]
    return table(["", "5 %", "25 %", "50 %", "75 %", "95 %"], lines) if lines else ""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first column is of words, all others of figures."""
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, rule, *rows))


def _section(title: str, body: str) -> list[str]:
    return ["", f"## {title}", "", body] if body else []


def _pair(held: Mapping[str, float] | None) -> str:
    return f"{_figure(held['p50'])} / {_figure(held['p95'])}" if held else "–"


def _figure(value: float) -> str:
    """Three digits that tell, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
