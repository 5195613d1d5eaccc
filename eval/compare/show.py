"""A comparison to read: Markdown, the console, and one JSON object. Question and document text is escaped in each."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from eval.compare.paired import HEADLINE, ONE_MACHINE, Change, Comparison, Difference
from eval.match import plain
from eval.records import FUSED
from eval.report.markdown import code, inline
from eval.score import LOWER, Scored
from rag.text.terminal import one_line, safe

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

LEGEND = (
    "difference: B - A over the questions that have the measure in both; ↓: lower is better; 95 %: bootstrap over clusters "
    "of questions; p: paired randomisation test, adjusted for the measures of its table (Holm); below 0.05 it is more than "
    "chance."
)
_HEADS = ("measure", "A", "B", "difference", "95 %", "p", "adjusted", "n", "")


def markdown(found: Comparison, most: int = 30) -> str:
    """The whole comparison; of the questions that changed the `most` worst losses and the `most` largest gains."""
    a, b = found.joined.a, found.joined.b
    out = [f"# {inline(a.name)} against {inline(b.name)}", ""]
    out += [f"- A: {inline(a.name)}", f"- B: {inline(b.name)}", f"- questions in both: {len(found.joined.pairs)}"]
    out += [f"- {inline(note)}" for note in found.notes]
    out += ["", "## What was run otherwise", ""]
    out += table(("", "A", "B"), _run_rows(found)) or ["Nothing that was recorded."]
    for title, rows in (("Measures", found.headline), ("Other measures", found.others)):
        if rows:
            out += ["", f"## {title}", "", *table(_HEADS, [cells(row) for row in rows])]
    out += ["", LEGEND]
    for name, values in found.slices.items():
        out += ["", f"## By {inline(name)}: B - A", "", *table(*slice_rows(name, values))]
    if found.slices:
        out += ["", "Slices are not tested: of many small groups some differ by chance."]
    out += _costs(found)
    out += ["", "## Questions that changed", "", _counts(found)]
    for title, changes in (("Losses", found.losses), ("Gains", found.gains)):
        if changes:
            out += ["", f"### {title}", ""]
            out += [line for change in changes[:most] for line in _question(change)]
            out += [f"- … and {len(changes) - most} more"] if len(changes) > most else []
    return "\n".join(out) + "\n"


def draw(console: Console, found: Comparison, most: int = 10) -> None:
    """The same, shorter: of other measures and slices what differs, of the questions those that changed most."""
    from rich.text import Text

    a, b = found.joined.a, found.joined.b
    console.print(Text(safe(f"A {a.name}\nB {b.name}\n{len(found.joined.pairs)} questions in both")))
    for note in found.notes:
        console.print(Text(safe(note), "yellow"))
    if found.run:
        console.print(_grid("what was run otherwise", ("", "A", "B"), _run_rows(found)))
    moved = [row for row in found.others if row.difference or row.low or row.high]
    for title, rows in (("measures", found.headline), (f"other measures, {len(moved)} of {len(found.others)}", moved)):
        if rows:
            styles = [{"better": "green", "worse": "red"}.get(row.verdict, "") for row in rows]
            console.print(_grid(title, _HEADS, [cells(row) for row in rows], styles))
    console.print(Text(LEGEND, "dim"))
    for name, values in found.slices.items():
        heads, lines = slice_rows(name, values, moved=True)
        if lines:
            console.print(_grid(f"by {name}: B - A where they differ", heads, lines))
    if found.latency:
        console.print(_grid(f"latency: {ONE_MACHINE}", *_latency(found)))
    console.print(Text(_counts(found)))
    for title, changes, style in (("losses", found.losses, "red"), ("gains", found.gains, "green")):
        if changes:
            heads = ("", "question", "expected", "shown by A", "shown by B")
            lines = [_cells_of(change) for change in changes[:most]]
            title = f"{title}, {len(lines)} of {len(changes)}"
            console.print(_grid(title, heads, lines, [style] * len(lines), lines=True))


def as_object(found: Comparison) -> dict[str, Any]:
    """One JSON object of everything."""
    joined = found.joined
    return {
        "a": joined.a.name,
        "b": joined.b.name,
        "n": len(joined.pairs),
        "only_a": list(joined.only_a),
        "only_b": list(joined.only_b),
        "notes": list(found.notes),
        "run": [{"key": key, "a": x, "b": y} for key, x, y in found.run],
        "measures": {row.measure: _numbers(row) for row in (*found.headline, *found.others)},
        "slices": {
            name: {key: {k: round(v, 4) for k, v in row.items()} for key, row in values.items()}
            for name, values in found.slices.items()
        },
        "latency": {name: {k: round(v, 3) for k, v in row.items()} for name, row in found.latency.items()},
        "latency_note": ONE_MACHINE,
        "cost": {name: {"a": x, "b": y} for name, (x, y) in found.cost.items()},
        "changed": {
            "worse": len(found.losses),
            "better": len(found.gains),
            "same": found.same,
            "same_but_shown_otherwise": found.reworded,
            "questions": [_object_of(change) for change in (*found.losses, *found.gains)],
        },
    }


def cells(row: Difference) -> tuple[str, ...]:
    """`("f1", "0.800", "0.750", "-0.050", "-0.090..-0.010", "0.012", "0.036", "120", "worse")`."""
    name = f"{row.measure} ↓" if row.measure in LOWER else row.measure
    means = (f"{row.a:.3f}", f"{row.b:.3f}", f"{row.difference:+.3f}", f"{row.low:+.3f}..{row.high:+.3f}")
    return (name, *means, probability(row.p), probability(row.adjusted), str(row.n), row.verdict)


def probability(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def slice_rows(
    name: str, values: Mapping[str, Mapping[str, float]], moved: bool = False
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and rows of one slice; only measures that some value of it has, and with `moved` only those, and the values,
    where anything differs."""
    shown = {key: row for key, row in values.items() if not moved or any(row.get(m) for m in HEADLINE)}
    kept = [m for m in HEADLINE if any(m in row and (row[m] or not moved) for row in shown.values())]
    heads = (name, "n", *(f"{measure} ↓" if measure in LOWER else measure for measure in kept))
    rows = [
        (key, f"{row['n']:.0f}", *(("0" if not row[m] else f"{row[m]:+.3f}") if m in row else "" for m in kept))
        for key, row in shown.items()
    ]
    return heads, rows


def expected(item: Scored) -> str:
    """What would have been right: an answer, facts, gold quotes, or the gold documents."""
    question = item.question
    if not question.answerable:
        return "(no answer)"
    said = " / ".join(question.answers) or " + ".join(question.facts) or " … ".join(question.evidence)
    return said or ", ".join(question.relevant) or ", ".join(item.gold.documents if item.gold else ())


def shown(item: Scored) -> str:
    """What was said; where the set states no answer, what was found first."""
    said, question = item.prediction, item.question
    if said.error:
        return f"(error: {said.error})"
    if not (question.answers or question.facts or question.evidence) and question.answerable:
        return ", ".join(place.name for place in said.rankings.get(FUSED, ())[:3])
    return (said.short or plain(said.text)) if said.found else f"(refused: {said.reason})"


def value(given: object) -> str:
    """A value of run.json as text."""
    return given if isinstance(given, str) else "-" if given is None else str(given)


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], strong: Collection[tuple[int, int]] = frozenset()
) -> list[str]:
    """Lines of a Markdown table, every cell escaped, those at `strong` (row, column) in bold; none without rows."""
    if not rows:
        return []

    def cell(row: int, column: int, text: str) -> str:
        return f"**{inline(text, 80)}**" if (row, column) in strong else inline(text, 80)

    lines = [[cell(at, column, text) for column, text in enumerate(row)] for at, row in enumerate((heads, *rows), -1)]
    out = ["| " + " | ".join(row) + " |" for row in lines]
    return [out[0], "|" + "---|" * len(heads), *out[1:]]


def _run_rows(found: Comparison) -> list[tuple[str, ...]]:
    return [(key, value(a), value(b)) for key, a, b in found.run]


def _costs(found: Comparison) -> list[str]:
    out: list[str] = []
    if found.latency:
        out += ["", f"## Latency ({ONE_MACHINE})", "", *table(*_latency(found))]
    if found.cost:
        rows = [(name, _short(x), _short(y), f"{y / x:.2f}" if x else "") for name, (x, y) in found.cost.items()]
        out += ["", "## Cost", "", *table(("", "A", "B", "B / A"), rows)]
    return out


def _latency(found: Comparison) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    rows: list[tuple[str, ...]] = [
        (name, f"{row['a']:.1f}", f"{row['b']:.1f}", f"{row['ratio']:.2f}" if "ratio" in row else "", f"{row['n']:.0f}")
        for name, row in found.latency.items()
    ]
    return ("milliseconds", "A", "B", "B / A", "n"), rows


def _counts(found: Comparison) -> str:
    return (
        f"{len(found.losses)} worse, {len(found.gains)} better, {found.same} the same "
        f"({found.reworded} of them shown otherwise)"
    )


def _question(change: Change) -> Iterator[str]:
    question = change.pair.question
    yield f"- {change.by:+.2f} `{code(question.id)}` **{inline(question.question)}** ({_marks(change)})"
    if question.history:
        yield f"  - before: {inline(' → '.join(question.history))}"
    for label, told in zip(("expected", "A", "B"), _told(change), strict=True):
        yield f"  - {label}: {inline(told)}"


def _marks(change: Change) -> str:
    """The measures that moved: `f1 1.00 → 0.00, false 0.00 → 1.00`."""
    a, b = change.pair.a.values, change.pair.b.values
    moved = [name for name in a if name in b and not math.isclose(a[name], b[name], abs_tol=1e-9)]
    kept = [name for name in moved if name in HEADLINE] or moved[:4]
    return ", ".join(f"{inline(name)} {a[name]:.2f} → {b[name]:.2f}" for name in kept)


def _told(change: Change) -> tuple[str, str, str]:
    """Expected, shown by A, shown by B; empty where a side has scores only."""
    pair = change.pair
    known = pair.a if pair.a.question.question else pair.b
    a, b = (shown(item) if item.question.question else "" for item in (pair.a, pair.b))
    return expected(known), a, b


def _cells_of(change: Change) -> tuple[str, ...]:
    question = change.pair.question
    told = (question.question or question.id, *_told(change))
    return (f"{change.by:+.2f}", *(text if len(text) <= 120 else text[:119] + "…" for text in told))


def _object_of(change: Change) -> dict[str, Any]:
    question, (gold, a, b) = change.pair.question, _told(change)
    told = {"id": question.id, "question": question.question, "change": round(change.by, 4), "expected": gold}
    return {**told, "a": a, "b": b, "values_a": dict(change.pair.a.values), "values_b": dict(change.pair.b.values)}


def _numbers(row: Difference) -> dict[str, Any]:
    kept = {name: held for name, held in asdict(row).items() if name != "measure"}
    return {name: round(held, 4) for name, held in kept.items()} | {"n": row.n, "verdict": row.verdict}


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:g}"


def _grid(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str] = (), lines: bool = False
) -> Table:
    """A console table of plain text: no cell is markup or steers the terminal."""
    from rich.table import Table
    from rich.text import Text

    out = Table(title=Text(safe(title)), title_justify="left", show_lines=lines)
    for at, head in enumerate(heads):
        numbers = not lines and at and all(row[at][:1] in "+-0123456789<" for row in rows)
        out.add_column(Text(safe(head)), justify="right" if numbers else "left", overflow="fold")
    for number, row in enumerate(rows):
        out.add_row(*(Text(one_line(cell)) for cell in row), style=styles[number] if styles else None)
    return out
