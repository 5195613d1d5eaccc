"""The charts, as figures in Plotly's own JSON: `plotly.graph_objects.Figure(figure)` shows one in a notebook, the page draws
them itself. Colours are those of the light page; PALETTE says what each becomes on a dark one."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from typing import Any

from eval.report.measures import ABLATION, RANKERS

Figure = dict[str, Any]

INK, DIM, LINE, CARD = "#23211d", "#6b655a", "#e4dfd4", "#ffffff"
ACCENT, BLUE, SAND, FAINT = "#a63d2f", "#2f6690", "#97804b", "#f7e9e5"
PALETTE: Mapping[str, str] = {
    INK: "#e8e4db", DIM: "#a19b90", LINE: "#3a3a41", CARD: "#1f1f23", ACCENT: "#ec9a88", BLUE: "#7fb2d9", SAND: "#c9b683",
    FAINT: "#3a2823",
}  # fmt: skip
FONT = 'system-ui, -apple-system, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif'
_COLOURS: Mapping[str, str] = {"lexical": SAND, "dense": BLUE, "fused": ACCENT, "read": DIM}


def figures(content: Mapping[str, Any]) -> dict[str, Figure]:
    """Every chart that this content can give, by the name of its place on the page."""
    ablation = content.get("ablation") or {}
    made = {
        "ablation-passage": ablated(ablation.get("passage") or {}),
        "ablation-document": ablated(ablation.get("document") or {}),
        "risk": risk(content.get("risk") or {}),
        "reliability": reliability(content.get("calibration") or {}),
        "latency": latency(content.get("latency") or {}),
    }
    return {name: figure for name, figure in made.items() if figure}


def ablated(rankers: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Figure:
    """Grouped bars, one group a measure, one bar a ranker, whiskers the 95 % interval."""
    names = [name for name in ABLATION if any(name in values for values in rankers.values())]
    bars = []
    for place, ranker in enumerate(ordered(rankers)):
        held = [rankers[ranker].get(name) for name in names]
        means = [value["mean"] if value else None for value in held]
        up = [max(0.0, value["high"] - value["mean"]) if value else 0.0 for value in held]
        down = [max(0.0, value["mean"] - value["low"]) if value else 0.0 for value in held]
        bars.append(
            {
                "type": "bar",
                "name": _text(ranker),
                "x": names,
                "y": means,
                "marker": {"color": _COLOURS.get(ranker, (BLUE, SAND, ACCENT)[place % 3])},
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": up,
                    "arrayminus": down,
                    "color": INK,
                    "thickness": 1.2,
                    "width": 3,
                },
                "hovertemplate": "%{fullData.name} · %{x}: %{y:.3f}<extra></extra>",
            }
        )
    top = max((value["high"] for values in rankers.values() for value in values.values()), default=1.0)
    layout = styled_layout(
        290, xaxis={"showgrid": False}, yaxis={"range": [0, min(1.02, max(0.1, top * 1.05))], "tickformat": ".1f"}
    )
    return (
        {"data": bars, "layout": {**layout, "barmode": "group", "bargap": 0.28, "bargroupgap": 0.08}} if names else {}
    )


def risk(held: Mapping[str, Any]) -> Figure:
    """Risk over coverage: El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification" (2010). Beside it
    what the best order of the same answers would give, and what an order without skill."""
    points = sorted((point[0], point[1], point[2] if len(point) > 2 else None) for point in held.get("points") or ())
    if not points:
        return {}
    wrong = points[-1][1]  # of all answers
    steps = [i / 100 for i in range(1, 101)]
    best = [max(0.0, (x - (1 - wrong)) / x) for x in steps]
    lines = [
        _line("no skill", [0, 1], [wrong, wrong], DIM, dash="dot"),
        _line("best possible order", steps, best, BLUE, dash="dash"),
        _line("observed", [p[0] for p in points], [p[1] for p in points], ACCENT, width=2.5),
    ]
    lines[-1]["customdata"] = [p[2] for p in points]
    lines[-1]["hovertemplate"] = "%{x:.1%} → %{y:.1%} (≥ %{customdata:.2f})<extra></extra>"
    top = max(0.05, wrong, *(p[1] for p in points)) * 1.12
    axes = {
        "xaxis": _percent("coverage: share answered", [0, 1.01]),
        "yaxis": _percent("risk: share of them wrong", [0, top]),
    }
    return {"data": lines, "layout": styled_layout(320, **axes)}


def reliability(held: Mapping[str, Any]) -> Figure:
    """Share of right answers over the confidence stated, with how many answers each bin holds below: DeGroot and Fienberg, "The
    Comparison and Evaluation of Forecasters" (1983)."""
    bins = [b for b in held.get("bins") or () if b.get("n")]
    if not bins:
        return {}
    most = max(b["n"] for b in bins)
    counts = [b["n"] for b in bins]
    dots = {
        "type": "scatter",
        "name": "observed",
        "mode": "lines+markers",
        "x": [b["mean"] for b in bins],
        "y": [b["observed"] for b in bins],
        "customdata": counts,
        "marker": {
            "color": ACCENT,
            "opacity": 1,
            "size": [6 + 12 * math.sqrt(n / most) for n in counts],
            "line": {"color": CARD, "width": 1.5},
        },
        "line": {"color": ACCENT, "width": 1.5},
        "hovertemplate": "%{x:.2f} → %{y:.2f} (n = %{customdata})<extra></extra>",
    }
    bars = {
        "type": "bar",
        "name": "questions",
        "x": [(b["low"] + b["high"]) / 2 for b in bins],
        "width": [(b["high"] - b["low"]) * 0.9 for b in bins],
        "y": counts,
        "yaxis": "y2",
        "marker": {"color": SAND},
        "showlegend": False,
        "text": [str(n) for n in counts],
        "textposition": "outside",
        "textfont": {"size": 10},
        "cliponaxis": False,
        "hovertemplate": "n = %{y}<extra></extra>",
    }
    axes = {
        "xaxis": _percent("confidence", [0, 1], anchor="y2"),
        "yaxis": _percent("observed right", [0, 1.04], domain=[0.3, 1]),
        "yaxis2": {
            **styled_axis(),
            "domain": [0, 0.2],
            "range": [0, most * 1.45],
            "showticklabels": False,
            "ticks": "",
            "showgrid": False,
            "anchor": "x",
        },
    }
    return {
        "data": [_line("perfect", [0, 1], [0, 1], DIM, dash="dot"), dots, bars],
        "layout": styled_layout(360, **axes),
    }


def latency(held: Mapping[str, Any]) -> Figure:
    """Median and 95th percentile of each stage, milliseconds, in the order that they run."""
    stages = stage_rows(held)
    if not stages:
        return {}
    names = [_text(name) for name, _ in stages][::-1]
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": names,
            "x": [values.get(key) for _, values in stages][::-1],
            "marker": {"color": colour},
            "text": [_short(values.get(key)) for _, values in stages][::-1],
            "textposition": "outside",
            "textfont": {"size": 10},
            "cliponaxis": False,
            "hovertemplate": "%{y}: %{x:.2f} ms<extra></extra>",
        }
        for name, key, colour in (("95th percentile", "p95", SAND), ("median", "p50", ACCENT))
    ]
    axes = {
        "xaxis": {**styled_axis("milliseconds"), "rangemode": "tozero"},
        "yaxis": {**styled_axis(), "showgrid": False, "automargin": True},
    }
    layout = styled_layout(110 + 44 * len(names), **axes)
    layout["legend"]["traceorder"] = "reversed"
    return {"data": bars, "layout": {**layout, "barmode": "group", "bargap": 0.3}}


def stage_rows(held: Mapping[str, Any]) -> list[tuple[str, Mapping[str, float]]]:
    """(name, {p50, p95}) of the whole question, of a search alone, and of each stage."""
    rows = [("whole question", held.get("total")), ("search alone", held.get("search"))]
    rows += [(name, values) for name, values in (held.get("stages") or {}).items() if name != "total"]
    return [(name, values) for name, values in rows if values]


def ordered(rankers: Mapping[str, Any]) -> list[str]:
    """Each ranker alone before what they make together."""
    return (
        [n for n in RANKERS[:2] if n in rankers]
        + [n for n in rankers if n not in RANKERS]
        + [n for n in RANKERS[2:] if n in rankers]
    )


def _line(name: str, x: list[Any], y: list[Any], colour: str, width: float = 1.5, dash: str = "solid") -> Figure:
    line = {"color": colour, "width": width, "dash": dash}
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line, "hoverinfo": "skip"}


def styled_axis(title: str = "") -> Figure:
    shown = {"text": title, "font": {"size": 12, "color": DIM}, "standoff": 8}
    colours = {"gridcolor": LINE, "linecolor": LINE, "zerolinecolor": LINE, "tickcolor": LINE}
    return {**colours, "title": shown, "fixedrange": True, "tickfont": {"size": 11, "color": DIM}}


def _percent(title: str, span: list[float], **more: Any) -> Figure:
    return {**styled_axis(title), "range": span, "tickformat": ".0%", "zeroline": False, **more}


def styled_layout(height: int, **axes: Figure) -> Figure:
    return {
        "height": height,
        "margin": {"l": 58, "r": 18, "t": 34, "b": 46},
        "font": {"family": FONT, "size": 12, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "font": {"size": 12}},
        "hoverlabel": {"bgcolor": CARD, "bordercolor": LINE, "font": {"color": INK}},
        "xaxis": styled_axis(),
        **{name: {**styled_axis(), **axis} for name, axis in axes.items()},
    }


def _short(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds:.0f}" if milliseconds >= 100 else f"{milliseconds:.2g}"


def _text(said: str) -> str:
    """A name that the run brought: Plotly would read its tags."""
    return html.escape(said, quote=False)
