"""Step three: scored questions -> files to read and to compute with, and a table for the console."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval import metrics
from eval.match import plain
from eval.score import GROUPS, Scored, citations, column, latencies, lengths, summary, table, worst

if TYPE_CHECKING:
    from rich.console import Console

MEANING: Mapping[str, str] = {
    "R@1": "gold quotes or documents among the first hit",
    "R@5": "… the first 5 hits",
    "R@10": "… the first 10 hits",
    "RR@10": "1 / rank of the first relevant hit",
    "nDCG@10": "discounted gain of the first 10 hits, 1 = best order",
    "em": "short answer equals a gold answer (CMRC 2018)",
    "f1": "longest common run with a gold answer (CMRC 2018)",
    "facts": "all needed facts are shown",
    "evidence": "all gold quotes are cited",
    "sentence": "a cited quote holds a gold answer",
    "place": "a citation opens the gold file, page and row, of those answered",
    "recall": "refused, of those without an answer",
    "false": "refused, of those with an answer (lower is better)",
}
LEGEND = (
    "em: short answer equals a gold answer; f1: longest common run with one; R@k: gold among the first k hits; "
    "RR@10: 1 / rank of the first relevant hit, nDCG@10: order of the hits; n: questions a measure applies to; "
    "latency leaves out the first question, a warm-up."
)
LABELS: Mapping[str, str] = {"recall": "refused rightly", "false": "refused wrongly"}
TYPE_COLUMNS = ("facts", "evidence", "sentence", "place", "em", "f1", "R@5", "recall", "false")


def write(out: Path, scored: Sequence[Scored], about: Mapping[str, Any], seed: int = 0) -> dict[str, Any]:
    """summary.md, summary.json and per_question.csv in `out`; returns the content of summary.json. `about` says what
    was run (set, corpus, settings) and is copied into it."""
    content = full_summary(scored, about, seed)
    _replace(out / "summary.json", json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    _replace(out / "summary.md", markdown(content, scored))
    _replace(out / "per_question.csv", per_question(scored))
    return content


def full_summary(scored: Sequence[Scored], about: Mapping[str, Any], seed: int = 0) -> dict[str, Any]:
    """The one-object summary, with what was run, how many questions each measure rests on, and 95 % intervals."""
    measures = {}
    for names in GROUPS.values():
        for name in names:
            values = column(scored, name)
            if values:
                low, high = metrics.interval(values, seed)
                measures[name] = {
                    "mean": round(metrics.mean(values), 4),
                    "low": round(low, 4),
                    "high": round(high, 4),
                    "n": len(values),
                }
    valid, shown = citations(scored)
    answered = lengths(scored)
    return {
        "run": dict(about),
        "summary": summary(scored),
        "counts": {
            "questions": len(scored),
            "answerable": sum(item.question.answerable for item in scored),
            "unanswerable": sum(not item.question.answerable for item in scored),
            "answered": sum(item.prediction.found for item in scored),
            "errors": sum(bool(item.prediction.error) for item in scored),
            "quotes_shown": shown,
            "quotes_valid": valid,
            "timed": len(latencies(scored)),
        },
        "measures": measures,
        "answer_characters_median": metrics.percentile(answered, 50) if answered else None,
        "types": types(scored),
    }


def types(scored: Sequence[Scored]) -> dict[str, dict[str, float]]:
    """Per question type: n and the mean of each measure, most frequent type first."""
    groups: dict[str, list[Scored]] = defaultdict(list)
    for item in scored:
        groups[item.type].append(item)
    ordered = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return {
        name: {"n": float(len(items)), **{key: round(value, 4) for key, value in table(items).items()}}
        for name, items in ordered
    }


def markdown(content: Mapping[str, Any], scored: Sequence[Scored]) -> str:
    """The readable summary."""
    counts, run = content["counts"], content["run"]
    lines = [f"# {run.get('set', 'Evaluation')}", ""]
    lines += [f"- {key}: {value}" for key, value in run.items() if key != "set"]
    lines += [
        f"- questions: {counts['questions']} ({counts['answerable']} with an answer, {counts['unanswerable']} without); "
        f"{counts['answered']} answered, {counts['errors']} errors",
        "",
        "| measure | value | 95 % interval | questions | |",
        "|---|---|---|---|---|",
    ]
    for name, held in content["measures"].items():
        lines.append(
            f"| {LABELS.get(name, name)} | {held['mean']:.3f} | {held['low']:.3f}–{held['high']:.3f} | {held['n']} | {MEANING[name]} |"
        )
    lines += _rest(content)
    lines += [
        "",
        LEGEND,
        "",
        "em, f1, facts, evidence, sentence and retrieval count questions with an answer only; one that was refused "
        "scores 0. Intervals: Wilson's where every value is 0 or 1, else the bootstrap's; questions are taken as "
        "independent.",
        "",
        "## By type",
        "",
        "| type | n | " + " | ".join(LABELS.get(name, name) for name in TYPE_COLUMNS) + " |",
        "|---|---|" + "---|" * len(TYPE_COLUMNS),
    ]
    for name, row in content["types"].items():
        cells = [f"{row[key]:.2f}" if key in row else "" for key in TYPE_COLUMNS]
        lines.append(f"| {_cell(name)} | {row['n']:.0f} | " + " | ".join(cells) + " |")
    bad = worst(scored)
    lines += ["", f"## The worst {len(bad)}" if bad else "## Nothing to mend", ""]
    for item in bad:
        lines += _worst_lines(item)
    lines += _invalid_lines(scored)
    return "\n".join(lines) + "\n"


def _rest(content: Mapping[str, Any]) -> list[str]:
    counts, lines = content["counts"], []
    if counts["quotes_shown"]:
        share = content["summary"]["citation"]["valid"]
        low, high = metrics.wilson(counts["quotes_valid"], counts["quotes_shown"])
        lines.append(
            f"| citations valid | {share:.3f} | {low:.3f}–{high:.3f} | {counts['quotes_shown']} quotes | "
            "offsets reproduce the quote |"
        )
    if content["answer_characters_median"] is not None:
        lines.append(
            f"| answer length | {content['answer_characters_median']:.0f} | | {counts['answered']} | "
            "median characters without citation numbers |"
        )
    for name, value in content["summary"].get("latency", {}).items():
        lines.append(
            f"| latency {name.removesuffix('_ms')} | {value:.1f} ms | | {counts['timed']} | "
            "a whole question; the first is a warm-up |"
        )
    return lines


def _invalid_lines(scored: Sequence[Scored]) -> list[str]:
    shown = ((item.question.id, q) for item in scored for q in (*item.prediction.quotes, *item.prediction.nearest))
    lines = [f"- `{key}` {_inline(q.source)} {q.start}–{q.end}: {_inline(q.quote)}" for key, q in shown if not q.valid]
    return ["", "## Citations whose offsets do not reproduce the quote", "", *lines] if lines else []


def _worst_lines(item: Scored) -> list[str]:
    question, shown = item.question, item.prediction
    expected = " / ".join(question.answers) or " + ".join(question.facts) or " … ".join(question.evidence)
    marks = ", ".join(
        f"{LABELS.get(key, key)} {value:.2f}" for key, value in item.values.items() if not key.startswith(("R", "n"))
    )
    said = shown.error or (plain(shown.text) if shown.found else f"(refused: {shown.reason})")
    lines = [f"- `{question.id}` **{_inline(question.question)}** ({item.type}; {marks})"]
    if question.history:
        lines.append(f"  - before: {_inline(' → '.join(question.history))}")
    lines.append(f"  - expected: {_inline(expected) if question.answerable else '(no answer)'}")
    lines.append(f"  - shown: {_inline(said)} — confidence {shown.confidence:.2f}")
    if question.evidence and item.values.get("evidence") == 0:
        lines.append(f"  - to cite: {_inline(' … '.join(question.evidence))}")
    return lines


def _inline(text: str, limit: int = 240) -> str:
    one = " ".join(text.split())
    one = one if len(one) <= limit else one[: limit - 1] + "…"
    for sign in "\\`*_<>[]|":  # document text must not become markup of the report
        one = one.replace(sign, "\\" + sign)
    return one


def _cell(text: str) -> str:
    return _inline(text, 60)


def per_question(scored: Sequence[Scored]) -> str:
    """CSV with one row a question: what was asked, expected, shown, and every measure (empty: does not apply)."""
    names = [name for group in GROUPS.values() for name in group]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ["id", "type", "lang", "answerable", "question", "expected", "found", "short", "text"]
    writer.writerow([*head, *names, "goodness", "confidence", "reason", "ms", "error"])
    for item in scored:
        question, shown = item.question, item.prediction
        expected = " / ".join(question.answers or question.facts)
        row: list[object] = [question.id, item.type, question.lang, int(question.answerable), question.question]
        row += [expected, int(shown.found), shown.short, plain(shown.text)]
        row += [round(item.values[name], 4) if name in item.values else "" for name in names]
        row += [round(item.goodness, 4), round(shown.confidence, 4), shown.reason, round(shown.ms, 2), shown.error]
        writer.writerow([_harmless(cell) for cell in row])
    return out.getvalue()


def _harmless(cell: object) -> object:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it: document text is not trusted."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def draw(console: Console, content: Mapping[str, Any], out: Path) -> None:
    """The compact table."""
    from rich.table import Table
    from rich.text import Text

    counts = content["counts"]
    grid = Table(title=Text(str(content["run"].get("set", ""))), title_justify="left")
    for heading in ("measure", "value", "95 %", "n"):
        grid.add_column(heading, justify="left" if heading == "measure" else "right")
    for name, held in content["measures"].items():
        grid.add_row(
            LABELS.get(name, name), f"{held['mean']:.3f}", f"{held['low']:.3f}–{held['high']:.3f}", str(held["n"])
        )
    if counts["quotes_shown"]:
        valid = content["summary"]["citation"]["valid"]
        grid.add_row("citations valid", f"{valid:.3f}", "", str(counts["quotes_shown"]))
    if counts["errors"]:
        grid.add_row("errors", str(counts["errors"]), "", str(counts["questions"]))
    if content["answer_characters_median"] is not None:
        grid.add_row("answer characters", f"{content['answer_characters_median']:.0f}", "", str(counts["answered"]))
    for name, value in content["summary"].get("latency", {}).items():
        grid.add_row(f"latency {name.removesuffix('_ms')}", f"{value:.1f} ms", "", str(counts["timed"]))
    console.print(grid)
    console.print(Text(LEGEND, "dim"))
    console.print(Text(f"{out / 'summary.md'}"), soft_wrap=True)


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8", newline="\n")
    os.replace(beside, path)
