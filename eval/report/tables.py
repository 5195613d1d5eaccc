"""The tables of the page: content in, HTML out. Everything that a run brought with it is escaped here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eval.report.charts import ordered, stage_rows
from eval.report.measures import TYPE_COLUMNS, grouped, label, meaning
from eval.report.words import t
from eval.score import DOC, LOWER
from eval.slices import OTHERS

FEW = 10
"""Questions below which a mean of a slice is greyed: its interval would be wider than what one looks for."""

_CARDS = ("nDCG@10", "R@1", "doc nDCG@10", "facts", "sentence", "f1", "em", "recall")
_COSTS: Mapping[str, str] = {  # key of summary.json -> words of the page
    "documents": "documents",
    "passages": "passages",
    "index_bytes": "index size",
    "bytes_per_passage": "per passage",
    "index_seconds": "indexing",
    "question_seconds": "asking all",
    "peak_mb": "peak memory",
    "steady_mb": "memory at rest",
}


def esc(said: object) -> str:
    return html.escape(str(said))


def cards(content: Mapping[str, Any]) -> str:
    """The five or six numbers one looks for first, each with its interval."""
    measures = content.get("measures") or {}
    chosen = [name for name in _CARDS if name in measures][:4]
    out = [
        f"<li><b>{measures[name]['mean']:.3f}</b><span>{t(label(name))}</span>"
        f"<small>{_between(measures[name])}</small></li>"
        for name in chosen
    ]
    citation = content.get("citation") or (content.get("summary") or {}).get("citation") or {}
    if "valid" in citation:
        shown = f"{citation['shown']:.0f} " if "shown" in citation else ""
        out.append(
            f"<li><b>{_share(citation['valid'])}</b><span>{t('offsets valid')}</span><small>{shown}{t('Citations')}</small></li>"
        )
    total = (content.get("latency") or {}).get("total") or {}
    if total:
        out.append(
            f"<li><b>{_ms(total['p50'])}</b><span>{t('latency, median')}</span><small>p95 {_ms(total['p95'])}</small></li>"
        )
    return f'<ul class="cards">{"".join(out)}</ul>' if out else ""


def headline(content: Mapping[str, Any]) -> str:
    """Every measure with its interval, drawn and written; the main ones first, the rest folded away."""
    measures = content.get("measures") or {}
    main, rest = [], []
    for group, head, more in grouped(measures):
        main += [_group(group, 5), *(_measure(name, measures[name]) for name in head)]
        rest += [_group(group, 5), *(_measure(name, measures[name]) for name in more)] if more else []
    if not main:
        return ""
    columns = ("measure", "value", "95 % interval", "n", "what it says")
    out = table(columns, main)
    if rest:
        out += (
            f"<details><summary>{t('All measures of retrieval and the rest')}</summary>{table(columns, rest)}</details>"
        )
    return out


def citations(content: Mapping[str, Any]) -> str:
    """How many quotes were shown, and how many of them can be checked and opened."""
    held = content.get("citation") or {}
    shares = [(words, held.get(key)) for words, key in (("offsets valid", "valid"), ("link opens there", "resolves"))]
    told = [(words, _share(share)) for words, share in shares if share is not None]
    return facts([("quotes shown", f"{held['shown']:,.0f}"), *told]) if held.get("shown") else ""


def about(content: Mapping[str, Any]) -> str:
    """What was run, as a list of terms."""
    run = {key: value for key, value in (content.get("run") or {}).items() if key not in {*_COSTS, "cost"}}
    rows = []
    for key, value in sorted(run.items(), key=lambda pair: isinstance(pair[1], Mapping)):
        wide = " class=wide" if isinstance(value, Mapping) and len(value) > 3 else ""
        if value not in (None, "", {}, []):
            rows.append(f"<div{wide}><dt>{t(key.replace('_', ' '))}</dt><dd>{_told(value)}</dd></div>")
    return f'<dl class="facts">{"".join(rows)}</dl>' if rows else ""


def cost(content: Mapping[str, Any]) -> str:
    run = content.get("run") or {}
    held = {**run, **(run.get("cost") or {}), **(content.get("cost") or {})}
    told = [
        (words, _amount(key, held[key])) for key, words in _COSTS.items() if isinstance(held.get(key), (int, float))
    ]
    per_second = (content.get("latency") or {}).get("per_second")
    told += [("questions per second", f"{per_second:,.1f}")] if per_second else []
    rows = [f"<div><dt>{t(words)}</dt><dd>{value}</dd></div>" for words, value in told]
    return f'<dl class="facts tight">{"".join(rows)}</dl>' if rows else ""


def ablation(rankers: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """A row a ranker, the best of each column in bold."""
    names = list(dict.fromkeys(name for values in rankers.values() for name in values))
    rows = []
    best = {
        name: max(round(values[name]["mean"], 3) for values in rankers.values() if name in values) for name in names
    }
    for ranker in ordered(rankers):
        cells = [_ablated(rankers[ranker].get(name), best[name]) for name in names]
        rows.append(f"<tr><th scope=row>{t(ranker)}</th>{''.join(cells)}</tr>")
    return table(("ranker", *names), rows, plain=names) if names else ""


def stages(latency: Mapping[str, Any]) -> str:
    rows = [
        f"<tr><th scope=row>{t(name)}</th>{_cell(_ms(values.get('p50')))}{_cell(_ms(values.get('p95')))}</tr>"
        for name, values in stage_rows(latency)
    ]
    return table(("stage", "median", "95th percentile"), rows) if rows else ""


def squad2(held: Mapping[str, Any]) -> str:
    """Has-answer and no-answer apart, and what the best refusal line would give: Rajpurkar, Jia and Liang, "Know What You
    Don't Know: Unanswerable Questions for SQuAD" (2018)."""
    rows = []
    for words, key in (("has answer", "has_answer"), ("no answer", "no_answer")):
        part = held.get(key) or {}
        if part:
            rows.append(_scores(words, part.get("em"), part.get("f1"), None, part.get("n")))
    if "em" in held:
        rows.append(_scores("as shown", held["em"], held.get("f1"), None, held.get("n")))
    em, f1 = held.get("best_em"), held.get("best_f1")
    if em is not None:
        rows.append(_scores("at the best threshold for EM", em, None, held.get("best_em_threshold"), None))
    if f1 is not None:
        rows.append(_scores("at the best threshold for F1", None, f1, held.get("best_f1_threshold"), None))
    return table(("part", "EM", "F1", "threshold", "n"), rows, plain=("EM", "F1")) if rows else ""


def bins(calibration: Mapping[str, Any]) -> str:
    rows = [
        f"<tr>{''.join(_cell(_number(b.get(key))) for key in ('low', 'high', 'mean', 'observed', 'n'))}</tr>"
        for b in calibration.get("bins") or ()
        if b.get("n")
    ]
    return table(("confidence from", "to", "mean confidence", "observed right", "n"), rows) if rows else ""


def slices(name: str, values: Mapping[str, Mapping[str, float]]) -> str:
    """A row a value of one slice; cells shaded by what is missing to 1."""
    columns = [key for key in TYPE_COLUMNS if any(key in row for row in values.values())]
    rows = []
    for value, row in values.items():
        n = int(row.get("n", 0))
        cells = "".join(_shaded(key, row.get(key)) for key in columns)
        head = (
            f'<button type=button class=link data-type="{esc(value)}">{esc(value)}</button>'
            if name == "type" and value != OTHERS  # what is too rare, put together: no type to filter by
            else t(str(value))
        )
        few = " class=few" if n < FEW else ""
        rows.append(f"<tr{few}><th scope=row>{head}</th>{_cell(n)}{cells}</tr>")
    return table((name, "n", *map(label, columns)), rows)


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Small figures beside a chart, those that are missing left out."""
    rows = [f"<div><dt>{t(words)}</dt><dd>{_number(value)}</dd></div>" for words, value in pairs if value is not None]
    return f'<dl class="facts tight">{"".join(rows)}</dl>' if rows else ""


def table(columns: Sequence[str], rows: Sequence[str], plain: Sequence[str] = ()) -> str:
    """A table in its own box, which scrolls where the window is narrow. Columns in `plain` are names, not words."""
    heads = "".join(f"<th scope=col>{esc(name) if name in plain else t(name)}</th>" for name in columns)
    body = "".join(rows)
    return f'<div class="box" tabindex="0" role="group" aria-label="{esc(columns[0])}"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _measure(name: str, held: Mapping[str, float]) -> str:
    low, mean, high = (100 * min(1.0, max(0.0, held[key])) for key in ("low", "mean", "high"))
    bar = (
        '<svg class="ci" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><path d="M0 5H100"/>'
        f'<rect x="{low:.1f}" y="2.5" width="{max(0.4, high - low):.1f}" height="5"/>'
        f'<rect class="m" x="{min(98.6, mean - 0.7):.1f}" y="0" width="1.4" height="10"/></svg>'
    )
    return (
        f"<tr><th scope=row>{t(label(name.removeprefix(DOC)))}</th><td class=n><b>{held['mean']:.3f}</b></td><td>{bar}<small>{_between(held)}</small></td>"
        f"{_cell(held['n'])}<td class=why>{t(meaning(name))}</td></tr>"
    )


def _group(words: str, span: int) -> str:
    return f"<tr class=group><th colspan={span} scope=colgroup>{t(words)}</th></tr>"


def _ablated(held: Mapping[str, float] | None, best: float) -> str:
    if not held:
        return "<td></td>"
    mean = f"{held['mean']:.3f}"
    return f"<td class=n>{f'<b>{mean}</b>' if round(held['mean'], 3) == best else mean}<small>{_between(held)}</small></td>"


def _scores(words: str, *cells: object) -> str:
    return f"<tr><th scope=row>{t(words)}</th>{''.join(_cell(_number(cell)) for cell in cells)}</tr>"


def _shaded(name: str, value: float | None) -> str:
    if value is None:
        return "<td></td>"
    missing = value if name in LOWER else 1 - value
    return f'<td class="n shade" style="--m:{min(1.0, max(0.0, missing)):.2f}">{value:.2f}</td>'


def _cell(said: object) -> str:
    return f"<td class=n>{esc(said)}</td>"


def _between(held: Mapping[str, float]) -> str:
    return f"{held['low']:.3f}–{held['high']:.3f}" if "low" in held else ""


def _share(value: float) -> str:
    """Never rounded up to the whole: one citation that is wrong must not read as none."""
    return "100 %" if value >= 1 else f"{int(value * 1000) / 10:.1f} %"


def _ms(value: float | None) -> str:
    if value is None:
        return ""
    return (
        f"{value / 1000:.1f} s"
        if value >= 10_000
        else f"{value:.0f} ms"
        if value >= 20
        else f"{value:.1f} ms"
        if value >= 1
        else f"{value:.2f} ms"
    )


def _number(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else esc(value)


def _amount(key: str, value: float) -> str:
    if "bytes" in key:
        return (
            f"{value / 1e6:,.1f} MB" if value >= 1e6 else f"{value / 1e3:,.1f} kB" if value >= 1e3 else f"{value:.0f} B"
        )
    if key.endswith("_mb"):
        return f"{value:,.0f} MB"
    if key.endswith("_seconds"):
        return f"{value:,.1f} s" if value >= 1 else _ms(value * 1000)
    return f"{value:,.0f}"


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return " · ".join(f"<i>{esc(key)}</i> {esc(held)}" for key, held in value.items() if held not in (None, ""))
    return esc(", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value)
