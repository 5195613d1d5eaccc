"""The report as one page that needs nothing else: no host is asked, and the page's own policy forbids it. Scripts run by their
hash alone, so that no text of a document can become one."""

from __future__ import annotations

import base64
import hashlib
import html as markup
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.report import charts, growth, tables
from eval.report.measures import HEADLINE, OUTSIDE, label
from eval.report.rows import GOOD, MOST, VERDICTS, rows
from eval.report.tables import esc
from eval.report.words import dictionary, language, localised, t

if TYPE_CHECKING:
    from eval.score import Scored

HERE = Path(__file__).resolve().parent
ON_PAPER = 50
"""Questions to mend that are printed."""


def html(content: Mapping[str, Any], scored: Sequence[Scored]) -> str:
    """The whole page. Any part of `content` may be missing; its section is then left out."""
    ui = language(item.question.question for item in scored)
    measures = dict.fromkeys([*(content.get("measures") or {}), *(name for item in scored for name in item.values)])
    words = dictionary(measures)
    title = str((content.get("run") or {}).get("set") or "Evaluation")
    parts = [section for section in _sections(content, scored) if section[2]]
    nav = "".join(f'<a href="#{key}">{t(name)}</a>' for key, name, _ in parts)
    body = "".join(f'<section id="{key}"><h2>{t(name)}</h2>{inner}</section>' for key, name, inner in parts)
    shown = localised(_head(title, content) + f"<nav>{nav}</nav><main>{body}</main>", words if ui == "zh" else {})
    data = {
        "ui": ui, "words": words, "palette": charts.PALETTE,
        "charts": charts.figures(content) | growth.figures(content.get("growth") or {}), "rows": rows(scored),
        "labels": {name: label(name) for names in HEADLINE.values() for name in names if name in measures}, "verdicts": VERDICTS, "good": sorted(GOOD), "paper": ON_PAPER,
    }  # fmt: skip
    scripts = [_plotly(), (HERE / "page.js").read_text(encoding="utf-8")]
    allowed = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    policy = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if ui == "zh" else "en"}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{esc(title)} · 据典</title>\n<style>\n{(HERE / 'page.css').read_text(encoding='utf-8')}</style>\n</head>\n<body>\n"
        f'{shown}\n<script type="application/json" id="data">{_inlined(data)}</script>\n'
        + "".join(f"<script>{script}</script>\n" for script in scripts)
        + "</body>\n</html>\n"
    )


def _head(title: str, content: Mapping[str, Any]) -> str:
    counts, run = content.get("counts") or {}, content.get("run") or {}
    told = [f"{counts['questions']} {t('questions')}"] if "questions" in counts else []
    for key, words in (
        ("answerable", "with an answer"),
        ("unanswerable", "without"),
        ("answered", "answered"),
        ("errors", "errors"),
    ):
        told += [f"{counts[key]} {t(words)}"] if counts.get(key) else []
    told += [f"{counts['gold_outside']} {t(OUTSIDE)}"] if counts.get("gold_outside") else []
    told += [esc(run[key]) for key in ("corpus", "model") if run.get(key)]
    return (
        f'<header><p class="brand">据典 · {t("Evaluation report")}</p><h1>{esc(title)}</h1>'
        f"<p class=told>{''.join(f'<span>{part}</span>' for part in told)}</p>"
        f'<button type=button id=switch hidden aria-label="中文 / English">中 / EN</button></header>'
    )


def _sections(content: Mapping[str, Any], scored: Sequence[Scored]) -> list[tuple[str, str, str]]:
    """(anchor, heading, HTML); HTML is empty where the content has nothing to show."""
    return [
        ("targets", "Targets", growth.promised(content.get("targets") or [])),
        ("growth", "Growth", _growth(content.get("growth") or {})),
        ("results", "Results", _results(content)),
        ("run", "What was run", tables.about(content)),
        ("ablation", "Ablation", _ablation(content)),
        ("refusal", "Refusal", _refusal(content)),
        ("confidence", "Confidence", _confidence(content)),
        ("speed", "Speed and cost", _speed(content)),
        ("slices", "Slices", _slices(content)),
        ("questions", "Questions", _questions(len(scored)) if scored else ""),
    ]


def _results(content: Mapping[str, Any]) -> str:
    table = tables.headline(content)
    if not table:
        return tables.cards(content)
    notes = (
        "Intervals: 95 %, bootstrap over groups of questions that hang together.",
        "A question that was refused although it has an answer scores 0 on its answer's measures.",
    )
    return tables.cards(content) + table + tables.citations(content) + f"<p class=note>{' '.join(map(t, notes))}</p>"


def _ablation(content: Mapping[str, Any]) -> str:
    held = content.get("ablation") or {}
    out = ""
    for level, words in (("passage", "Passages"), ("document", "Documents")):
        table = tables.ablation(held.get(level) or {})
        out += f"<h3>{t(words)}</h3>{_chart(f'ablation-{level}', words)}{table}" if table else ""
    note = "Each ranker alone; fused: what a search returns; read: the passages that answers are read from (sidebars among them). Best in bold."
    return f"<p class=note>{t(note)}</p>{out}" if out else ""


def _refusal(content: Mapping[str, Any]) -> str:
    table = tables.squad2(content.get("squad2") or {})
    notes = (
        "Scores of SQuAD 2.0: a refusal is right where the set has no answer.",
        "Threshold: answered where 1 − confidence is at or below it.",
    )
    return f"<p class=note>{' '.join(map(t, notes))}</p>{table}" if table else ""


def _confidence(content: Mapping[str, Any]) -> str:
    risk, held = content.get("risk") or {}, content.get("calibration") or {}
    out = ""
    if risk.get("points"):
        note = "Answers only where confidence is at least the threshold; the share answered against the share of them that is wrong."
        figures = (
            ("area under the curve", risk.get("aurc")),
            ("of the best order", risk.get("optimal_aurc")),
            ("n", risk.get("n")),
        )
        out += f"<div><h3>{t('Risk and coverage')}</h3>{_chart('risk', 'risk')}<p class=note>{t(note)}</p>{tables.facts(figures)}</div>"
    if any(b.get("n") for b in held.get("bins") or ()):
        note = "Right answers among those of one confidence: on the diagonal, confidence is what it says."
        names = (
            ("expected calibration error", "ece"),
            ("Brier score", "brier"),
            ("AUROC, right from wrong", "auroc"),
            ("n", "n"),
        )
        bins = tuple((words, held.get(key)) for words, key in names)
        table = f"<details><summary>{t('Table of the bins')}</summary>{tables.bins(held)}</details>"
        out += f"<div><h3>{t('Reliability')}</h3>{_chart('reliability', 'reliability')}<p class=note>{t(note)}</p>{tables.facts(bins)}{table}</div>"
    return f'<div class="two">{out}</div>' if out else ""


def _speed(content: Mapping[str, Any]) -> str:
    latency = content.get("latency") or {}
    table = tables.stages(latency)
    out = tables.cost(content)
    if table:
        note = t("Median and 95th percentile by stage, milliseconds.")
        out += f'<p class=note>{note}</p><div class="two"><div>{_chart("latency", "latency")}</div><div>{table}</div></div>'
    return out


def _growth(held: Mapping[str, Any]) -> str:
    parts = "".join(f"<div>{_chart(name, name)}</div>" for name in growth.figures(held))
    note = t(
        "Each cost over the number of passages, which grows by factors: flat is what does not grow with the library."
    )
    return f'<p class=note>{note}</p><div class="two">{parts}</div>' if parts else ""


def _slices(content: Mapping[str, Any]) -> str:
    held = {name: values for name, values in (content.get("slices") or {}).items() if values}
    if not held and content.get("types"):
        held = {"type": content["types"]}
    parts = "".join(f"<h3>{t(name)}</h3>{tables.slices(name, values)}" for name, values in held.items())
    return (
        f"<p class=note>{t('The darker a cell, the worse. Grey: fewer than 10 questions.')}</p>{parts}" if parts else ""
    )


def _questions(n: int) -> str:
    """Where page.js browses; without it, where the same can be read."""
    rest = "More questions than a page can hold: those to mend come first here, per_question.csv has all."
    right = "Right: every needed fact is shown; without facts, a cited quote holds the answer; without answers, a hit among the first 10 is relevant."
    return (
        f"<noscript><p>{t('Browsing questions needs JavaScript; predictions.jsonl holds the same.')}</p></noscript>"
        f"<div id=browse hidden><form role=search><label>{t('Find')}<input type=search id=find></label>"
        f"<label>{t('Result')}<select id=verdict></select></label><label>{t('Type')}<select id=kind></select></label>"
        f"<label>{t('Order')}<select id=order></select></label></form>"
        f"<p class=note>{t(right)}{f' {t(rest)}' if n > MOST else ''}</p>"
        f"<p id=count role=status></p><div id=list></div><p class=pager><button type=button id=previous>{t('Previous')}</button>"
        f"<span id=at></span><button type=button id=next>{t('Next')}</button></p></div>"
        f"<div id=paper><h3>{t('The first 50 to mend')}</h3></div>"
    )


def _chart(name: str, said: str) -> str:
    """On the screen Plotly draws into the first; the picture beside it is what goes to paper."""
    return f'<figure class=chart data-chart="{name}"><div class=plot role=img aria-label="{markup.escape(said)}"></div><img alt=""></figure>'


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("\r\n", "\n")


def _inlined(data: object) -> str:
    """JSON that cannot end the script element it stands in."""
    said = json.dumps(_finite(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return (
        said.replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def _finite(part: Any) -> Any:
    """A figure that could not be computed is missing in JSON, which knows no NaN."""
    if isinstance(part, float):
        return part if math.isfinite(part) else None
    if isinstance(part, Mapping):
        return {key: _finite(inner) for key, inner in part.items()}
    return [_finite(inner) for inner in part] if isinstance(part, (list, tuple)) else part


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
