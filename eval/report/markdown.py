"""summary.md: what one pastes into a pull request, or reads in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eval.match import plain
from eval.report.charts import ordered, stage_rows
from eval.report.measures import OUTSIDE, TYPE_COLUMNS, grouped, label, meaning
from eval.score import worst
from rag.text.terminal import one_line

if TYPE_CHECKING:
    from eval.score import Scored

NOTE = (
    "Answers' measures and those of retrieval count questions with an answer only; one that was refused scores 0 on the "
    "answer's. Intervals: 95 %, bootstrap over groups of questions that hang together. Latency leaves out the first question, "
    "a warm-up."
)
_WORST = 20
_MARKUP = "\\`*_<>[]|&~$"


def summary(content: Mapping[str, Any], scored: Sequence[Scored]) -> str:
    """The readable summary. Any part of `content` may be missing; text of documents and questions is escaped."""
    parts = [
        _about(content),
        _headline(content),
        *_ablation(content),
        _refusal(content.get("squad2") or {}),
        _confidence(content),
        _latency(content.get("latency") or {}),
        _types(content),
        _worst(scored),
        _invalid(scored),
    ]
    return "\n\n".join("\n".join(part).strip() for part in parts if part) + "\n"


def _about(content: Mapping[str, Any]) -> list[str]:
    run, counts = content.get("run") or {}, content.get("counts") or {}
    lines = [f"# {inline(run.get('set') or 'Evaluation')}", ""]
    for key, value in run.items():
        held = (
            ", ".join(f"{k} {v}" for k, v in value.items() if v not in (None, ""))
            if isinstance(value, Mapping)
            else value
        )
        lines += [f"- {inline(key)}: {inline(held, 1000)}"] if key != "set" else []
    if "questions" in counts:
        told = ", ".join(
            f"{counts[key]} {key}" for key in ("answerable", "unanswerable", "answered", "errors") if key in counts
        )
        lines.append(f"- questions: {counts['questions']} ({told})")
    if counts.get("gold_outside"):
        lines.append(f"- {OUTSIDE}, so not in the passage measures: {counts['gold_outside']}")
    return lines


def _headline(content: Mapping[str, Any]) -> list[str]:
    measures = content.get("measures") or {}
    rows = []
    for group, names, _ in grouped(measures):
        rows.append([f"*{group}*", "", "", "", ""])
        for name in names:
            held = measures[name]
            rows.append([label(name), f"{held['mean']:.3f}", _between(held), str(held["n"]), meaning(name)])
    rows += _rest(content)
    return [*_table(["measure", "value", "95 % interval", "questions", ""], rows), "", NOTE] if rows else []


def _rest(content: Mapping[str, Any]) -> list[list[str]]:
    counts, rows = content.get("counts") or {}, []
    if counts.get("quotes_shown"):
        valid, shown = counts["quotes_valid"], counts["quotes_shown"]
        rows.append(
            [
                "citations valid",
                f"{int(1000 * valid / shown) / 1000:.3f}",
                "",
                f"{valid}/{shown}",
                "offsets reproduce the quote",
            ]
        )
    length = content.get("answer_characters_median")
    if length is not None:
        rows.append(
            [
                "answer length",
                f"{length:.0f}",
                "",
                str(counts.get("answered", "")),
                "median characters without citation numbers",
            ]
        )
    return rows


def _ablation(content: Mapping[str, Any]) -> list[list[str]]:
    """A table a level; the best of a column in bold."""
    parts = []
    for level, rankers in (content.get("ablation") or {}).items():
        names = list(dict.fromkeys(name for values in rankers.values() for name in values))
        best = {name: max(round(v[name]["mean"], 3) for v in rankers.values() if name in v) for name in names}
        rows = []
        for ranker in ordered(rankers):
            cells = [_ablated(rankers[ranker].get(name), best[name]) for name in names]
            rows.append([inline(ranker), *cells])
        parts += [[f"## Ablation, {inline(level)}s", "", *_table(["ranker", *names], rows)]] if names else []
    return parts


def _ablated(held: Mapping[str, float] | None, best: float) -> str:
    if not held:
        return ""
    mean = f"{held['mean']:.3f}"
    return f"{f'**{mean}**' if round(held['mean'], 3) == best else mean} ({_between(held)})"


def _refusal(held: Mapping[str, Any]) -> list[str]:
    rows = []
    for words, key in (("has answer", "has_answer"), ("no answer", "no_answer")):
        part = held.get(key)
        rows += [[words, _number(part.get("em")), _number(part.get("f1")), "", str(part.get("n", ""))]] if part else []
    if "em" in held:
        rows.append(["all, as shown", _number(held["em"]), _number(held.get("f1")), "", str(held.get("n", ""))])
    if "best_em" in held:
        rows.append(["best threshold for EM", _number(held["best_em"]), "", _number(held.get("best_em_threshold")), ""])
    if "best_f1" in held:
        rows.append(["best threshold for F1", "", _number(held["best_f1"]), _number(held.get("best_f1_threshold")), ""])
    note = "Threshold: answered where 1 − confidence is at or below it."
    return ["## Refusal (SQuAD 2.0)", "", *_table(["", "EM", "F1", "threshold", "n"], rows), "", note] if rows else []


def _confidence(content: Mapping[str, Any]) -> list[str]:
    risk, held = content.get("risk") or {}, content.get("calibration") or {}
    pairs = [
        ("area under the risk–coverage curve", risk.get("aurc")),
        ("… of the best order", risk.get("optimal_aurc")),
    ]
    pairs += [
        ("expected calibration error", held.get("ece")),
        ("Brier score", held.get("brier")),
        ("AUROC", held.get("auroc")),
    ]
    rows = [[words, _number(value)] for words, value in pairs if value is not None]
    return ["## Confidence", "", *_table(["", "value"], rows)] if rows else []


def _latency(held: Mapping[str, Any]) -> list[str]:
    rows = [
        [inline(name), _number(values.get("p50"), 1), _number(values.get("p95"), 1)]
        for name, values in stage_rows(held)
    ]
    speed = ["", f"{held['per_second']:.1f} questions a second"] if held.get("per_second") else []
    return ["## Latency, milliseconds", "", *_table(["stage", "p50", "p95"], rows), *speed] if rows else []


def _types(content: Mapping[str, Any]) -> list[str]:
    held = content.get("types") or (content.get("slices") or {}).get("type") or {}
    columns = [name for name in TYPE_COLUMNS if any(name in row for row in held.values())]
    rows = [
        [inline(name, 60), f"{row.get('n', 0):.0f}", *(f"{row[key]:.2f}" if key in row else "" for key in columns)]
        for name, row in held.items()
    ]
    return ["## By type", "", *_table(["type", "n", *map(label, columns)], rows)] if rows else []


def _worst(scored: Sequence[Scored]) -> list[str]:
    bad = worst(scored, _WORST)
    if not scored:
        return []
    return (
        [f"## The worst {len(bad)}", "", *(line for item in bad for line in _told(item))]
        if bad
        else ["## Nothing to mend"]
    )


def _told(item: Scored) -> list[str]:
    question, shown = item.question, item.prediction
    expected = " / ".join(question.answers) or " + ".join(question.facts) or " … ".join(question.evidence)
    judged = [
        name
        for _, names, _ in grouped(item.values)
        for name in names
        if not name.startswith(("R", "n", "doc", "chars"))
    ]
    marks = ", ".join(f"{label(name)} {item.values[name]:.2f}" for name in judged)
    said = shown.error or (plain(shown.text) if shown.found else f"(refused: {shown.reason})")
    lines = [f"- `{code(question.id)}` **{inline(question.question)}** ({inline(item.type)}; {marks})"]
    if question.history:
        lines.append(f"  - before: {inline(' → '.join(question.history))}")
    lines.append(f"  - expected: {inline(expected) if question.answerable else '(no answer)'}")
    lines.append(f"  - shown: {inline(said)} — confidence {shown.confidence:.2f}")
    if question.evidence and item.values.get("evidence") == 0:
        lines.append(f"  - to cite: {inline(' … '.join(question.evidence))}")
    return lines


def _invalid(scored: Sequence[Scored]) -> list[str]:
    shown = ((item.question.id, q) for item in scored for q in (*item.prediction.quotes, *item.prediction.nearest))
    lines = [
        f"- `{code(key)}` {inline(q.source)} {q.start}–{q.end}: {inline(q.quote)}" for key, q in shown if not q.valid
    ]
    return ["## Citations whose offsets do not reproduce the quote", "", *lines] if lines else []


def inline(said: object, limit: int = 240) -> str:
    """Text of a document or a question as one line of Markdown that shows as it is: no markup, no table cell, no link,
    nothing that steers."""
    one = one_line(str(said))
    one = one if len(one) <= limit else one[: limit - 1] + "…"
    for sign in _MARKUP:
        one = one.replace(sign, "\\" + sign)
    return one.replace("://", ":\\/\\/").replace("www.", "www\\.")


def code(said: str) -> str:
    """One line for between backticks, where nothing can be escaped."""
    return one_line(said).replace("`", "'").replace("|", "¦")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]


def _between(held: Mapping[str, float]) -> str:
    return f"{held['low']:.3f}–{held['high']:.3f}" if "low" in held else ""


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"
