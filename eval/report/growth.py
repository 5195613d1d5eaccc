"""Speed and growth: what was promised against what was measured, and how each cost grows with the library."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from eval.report.charts import ACCENT, BLUE, DIM, Figure, styled_axis, styled_layout
from eval.report.tables import esc, table
from eval.report.words import t

HEIGHT = 210
_TOGETHER: Mapping[str, tuple[str, ...]] = {  # chart -> the figures that it shows, and in which of two colours
    "question": ("question",),
    "retrieval": ("retrieval95", "retrieval"),
    "changes": ("add", "remove"),
    "unchanged": ("unchanged",),
    "build": ("build",),
    "open": ("open",),
    "memory": ("memory",),
    "disk": ("disk",),
}
_COLOURS = (ACCENT, BLUE)


def figures(held: Mapping[str, Any]) -> dict[str, Figure]:
    """One small chart a cost, each over the number of passages, which grows by factors; empty without any."""
    made = {}
    for name, parts in _TOGETHER.items():
        known = [(held[part]["what"], held[part]["points"]) for part in parts if held.get(part, {}).get("points")]
        if known:
            made[f"growth-{name}"] = _chart(known)
    return made


def _chart(lines: list[tuple[str, list[list[float]]]]) -> Figure:
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": what,
            "x": [size for size, _ in points],
            "y": [value for _, value in points],
            "line": {"color": colour, "width": 2},
            "marker": {"color": colour, "size": 8, "line": {"color": colour, "width": 0}},
            "hovertemplate": "%{x:,} → %{y:.3~g}<extra></extra>",
        }
        for (what, points), colour in zip(lines, _COLOURS, strict=False)
    ]
    sizes = sorted({size for _, points in lines for size, _ in points})
    top = max(value for _, points in lines for _, value in points)
    axes = {
        "xaxis": {
            **styled_axis("passages"),
            "type": "log",
            "tickvals": sizes,
            "ticktext": [_short(size) for size in sizes],
            "range": [math.log10(sizes[0]) - 0.15, math.log10(sizes[-1]) + 0.15],
        },
        "yaxis": {"range": [0, top * 1.15 or 1], "tickformat": "~g", "nticks": 5},
    }
    layout = styled_layout(HEIGHT, **axes)
    layout["legend"]["font"] = {"size": 12, "color": DIM}
    return {"data": data, "layout": {**layout, "showlegend": True}}


def promised(rows: list[Mapping[str, Any]]) -> str:
    """The table of targets as HTML; "" without any."""
    lines = []
    for row in rows:
        limit = "–" if row["limit"] is None else f"{_figure(row['limit'])} {esc(row['unit'])}"
        value = "–" if row["limit"] is None and row["unit"] else _figure(row["value"])
        target = "–" if row["target"] is None else f"{esc(row['sign'])} {row['target']:g}"
        met = {True: "✓", False: "✗", None: "–"}[row["met"]]
        look = {True: " class=yes", False: " class=no", None: ""}[row["met"]]
        size = f"{row['size']:,}" if row["size"] else ""
        cells = (
            size,
            f"{_figure(row['figure'])} {esc(row['unit'])}",
            limit,
            value,
            target,
            f"<span{look}>{met}</span>",
        )
        lines.append(f"<tr><th scope=row>{t(row['what'])}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    columns = ("what", "passages", "figure", "limit in the same run", "ratio or beyond", "target", "met")
    return table(columns, lines) if lines else ""


def _short(size: float) -> str:
    """10,062 -> 10k; 1,000,004 -> 1M."""
    for unit, sign in ((1e6, "M"), (1e3, "k")):
        if size >= unit:
            return f"{size / unit:.3g}{sign}"
    return f"{size:.0f}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
