"""A run as files that other tools read: TREC run and qrels files, rows with RAGAS keys, one sheet of every question.

`ir_measures`, `trec_eval` and the like give on the TREC files what we report: same rankings, same judgements, same order.
"""

from __future__ import annotations

import csv
import io
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from eval.match import plain
from eval.records import Place, Timing
from eval.score import GROUPS, Scored

LEVELS = ("passage", "document")
_HEAD = ("id", "type", "lang", "answerable", "question", "expected", "found", "short", "text")
_TAIL = ("goodness", "confidence", "reason", "ms", "error")
_FORMULA = frozenset("=+-@\t\n＝＋－＠")
"""A spreadsheet takes a cell that begins so for a formula; in East Asian settings the full-width signs as well."""


def write_trec(folder: Path, scored: Sequence[Scored]) -> None:
    """`LEVEL.RANKER.run` (`qid Q0 docid rank score tag`) and `LEVEL.qrels` (`qid 0 docid grade`) for both levels, in
    `folder`, which is made. What an earlier export has left there and this one does not write is removed.

    A level without a judged question has no files. Every run file holds the judged questions of its level only, so that
    tools average over the same ones; a judged question for which a ranker found nothing has no line, and counts 0 in
    ir_measures, as with us (in trec_eval with `-c`). Scores fall by 1 from rank to rank: no tool's rule for ties changes
    the order. Ids: see `trec_id`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = dict(_trec_files(scored))
    for level in LEVELS:
        for old in (*folder.glob(f"{level}.*.run"), *folder.glob(f"{level}.qrels")):
            if old.name not in files:
                old.unlink()
    for name, text in files.items():
        put(folder / name, text)


def _trec_files(scored: Sequence[Scored]) -> Iterator[tuple[str, str]]:
    rankers = list(dict.fromkeys(name for item in scored for name in item.prediction.rankings))
    for level in LEVELS:
        judged = [(item, grades) for item in scored if (grades := qrels(item, level))]
        if not judged:
            continue
        rows = (
            f"{trec_id(item.question.id)} 0 {trec_id(name)} {grade}\n"
            for item, grades in judged
            for name, grade in grades.items()
        )
        yield f"{level}.qrels", "".join(rows)
        for ranker in rankers:
            told = (_run_lines(item, level, ranker) for item, _ in judged)
            yield f"{level}.{quote(ranker, safe='')}.run", "".join(told)


def _run_lines(item: Scored, level: str, ranker: str) -> str:
    names = ranked(item.prediction.rankings.get(ranker, ()), level)
    key, tag = trec_id(item.question.id), f"judian-{trec_id(ranker)}"
    rows = enumerate(names, 1)
    return "".join(f"{key} Q0 {trec_id(name)} {rank} {len(names) - rank + 1} {tag}\n" for rank, name in rows)


def qrels(item: Scored, level: str) -> Mapping[str, int]:
    """Id -> grade of what is judged for a question; empty where it is not judged at this level."""
    if item.gold is None or not item.question.answerable:
        return {}
    return {place.name: 1 for place in item.gold.passages} if level == "passage" else item.gold.documents


def ranked(ranking: Sequence[Place], level: str) -> tuple[str, ...]:
    """Ids, best first, each once: of the passages, or of the documents at their first passage."""
    return tuple(dict.fromkeys(place.name if level == "passage" else place.source for place in ranking))


def trec_id(name: str) -> str:
    """The name as one column: white space and what cannot be seen percent-encoded, and `%` itself, so that
    `urllib.parse.unquote` gives the name back. A name of nothing is `%`."""
    if name.isprintable() and not {" ", "%"} & set(name):
        return name or "%"  # as nearly all are, and a run holds millions
    hidden = (c == "%" or c.isspace() or unicodedata.category(c)[0] in "CZ" for c in name)
    told = (quote(c, safe="", errors="surrogatepass") if hide else c for c, hide in zip(name, hidden, strict=True))
    return "".join(told) or "%"


def write_ragas(path: Path, scored: Sequence[Scored]) -> None:
    """One row a question with the keys of a RAGAS SingleTurnSample, in the order of the set.

    `retrieved_contexts` are the sentences that were cited (on a refusal: shown as nearest), for those are all that this
    system reads out; the rankings in predictions.jsonl are offsets. `reference` is the first gold answer, else the
    facts, else null; a follow-up question stands as it was understood.
    """
    put(path, "".join(json.dumps(_ragas(item), ensure_ascii=False) + "\n" for item in scored))


def _ragas(item: Scored) -> dict[str, Any]:
    question, shown = item.question, item.prediction
    return {
        "user_input": (question.history and shown.understood) or question.question,
        "retrieved_contexts": [q.quote for q in shown.quotes or shown.nearest],
        "reference_contexts": list(question.evidence),
        "response": plain(shown.text),
        "reference": next(iter(question.answers), "；".join(question.facts)) or None,
    }


def per_question(scored: Sequence[Scored], timings: Iterable[Timing] = ()) -> str:
    """CSV, one row a question: what was asked, expected, shown, and every measure (empty: does not apply). No cell can
    run as a formula. `ms` is empty where no timing is given."""
    names = columns(scored)
    took = {timing.id: round(timing.ms, 2) for timing in timings}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_HEAD, *names, *_TAIL])
    for item in scored:
        question, shown = item.question, item.prediction
        expected = " / ".join(question.answers or question.facts or question.evidence)
        row: list[object] = [question.id, item.type, question.lang, int(question.answerable), question.question]
        row += [expected, int(shown.found), shown.short, plain(shown.text)]
        row += [round(item.values[name], 4) if name in item.values else "" for name in names]
        row += [round(item.goodness, 4), round(shown.confidence, 4), shown.reason]
        row += [took.get(question.id, ""), shown.error]
        writer.writerow([_harmless(cell) for cell in row])
    return out.getvalue()


def columns(scored: Sequence[Scored]) -> list[str]:
    """The measures that any question has: ours in their order, then whatever else by name."""
    held = {name for item in scored for name in item.values}
    known = [name for names in GROUPS.values() for name in names if name in held]
    return [*known, *sorted(held - set(known))]


def put(path: Path, text: str) -> None:
    """Writes beside and renames: who reads meanwhile finds the old file or the new one whole. Raises OSError."""
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    os.replace(beside, path)


def _harmless(cell: object) -> object:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it: document text is not trusted. Line
    ends become one kind, since csv puts no quotation marks around a carriage return, which then would begin a row."""
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{cell}" if cell[:1] in _FORMULA or cell.lstrip()[:1] in _FORMULA else cell
