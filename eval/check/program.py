"""The command: reads the set and its corpus, and shows the findings."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.check.finding import SEVERITIES, Finding
from eval.check.whole import counts, findings
from eval.formats import FORMATS, is_corpus
from eval.questions import QuestionSet, load
from eval.steps import beside, find_set
from rag.config import Settings
from rag.errors import DataError, ParseError, RagError
from rag.folder import files
from rag.shelf import count, file_reader
from rag.text.terminal import one_line, ui_language

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 3  # findings of one kind in the table; --all and --json give every one
_COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}
_CODES = {
    "asked-elsewhere": "与别的题集同问",
    "ambiguous-evidence": "依据不唯一",
    "answer-outside": "答案不在依据里",
    "broken-span": "位置不对",
    "contradiction": "同题异答",
    "control": "不可见字符",
    "copied": "照抄原文",
    "duplicate": "重复",
    "empty": "空问题",
    "evidence-elsewhere": "依据在别的文件",
    "evidence-missing": "材料中没有依据",
    "few": "题目太少",
    "given-away": "题目泄露答案",
    "leak": "泄漏到别的题集",
    "long-evidence": "依据多句",
    "near-duplicate": "几乎重复",
    "near-leak": "几乎泄漏",
    "no-corpus": "没有材料",
    "no-gold": "没有标准答案",
    "one-sided": "有无答案失衡",
    "overlap": "字面重合",
    "shared-evidence": "共用依据",
    "too-long": "问题太长",
    "unknown-document": "没有这个文档",
    "unreadable": "文件无法读取",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 nothing that is an error, 1 errors in the set, 2 wrong input (said on stderr)."""
    from rich.console import Console

    wanted = _arguments(argv)
    lang = ui_language()
    try:
        held = _load(wanted.questions, wanted)
        others = [_load(name, None) for name in wanted.against]
        texts, found = _texts(held, Path(wanted.corpus) if wanted.corpus else None)
    except RagError as error:
        print(f"eval check: {error.message(lang)}", file=sys.stderr)
        return 2
    found = [*found, *findings(held.questions, texts, others)]
    found.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    told = counts(held.questions, texts)
    if wanted.json:
        print(json.dumps(_content(held, told, found), ensure_ascii=False))
    else:
        draw(Console(), held.name, told, found, lang, None if wanted.all else _SHOWN)
    return 1 if any(finding.severity == "error" for finding in found) else 0


def texts_of(folder: Path, settings: Settings) -> tuple[dict[str, str], list[Finding]]:
    """source -> text of the documents of a folder, read as the product reads them, and a warning for each file that
    cannot be. Raises RagError for a folder that is not there."""
    reader = file_reader(settings)
    texts: dict[str, str] = {}
    found: list[Finding] = []
    for file in files(folder):
        if file.skipped:
            continue
        try:
            texts[file.name] = reader.read(file.path, file.name).document.text
        except ParseError as error:
            found.append(Finding("warning", "unreadable", (), error.en, error.zh))
    if not texts:
        raise DataError(
            f"{folder}: holds no document that can be read; name another folder with --corpus",
            f"{folder}：没有可以读取的文档；请用 --corpus 另指文件夹",
        )
    return texts, found


def draw(
    console: Console, name: str, told: Mapping[str, Any], found: Sequence[Finding], lang: str, most: int | None
) -> None:
    """A table of the findings by kind, the first `most` of each kind (None: all)."""
    from rich.table import Table
    from rich.text import Text

    zh = lang == "zh"
    console.print(Text(_headline(name, told, zh), "bold"))
    if not found:
        console.print("没有发现问题" if zh else "nothing found")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("级别", "种类", "题数", "说明") if zh else ("level", "what", "n", "which"):
        table.add_column(heading, justify="right" if heading in {"题数", "n"} else "left", vertical="top")
    for severity, code in dict.fromkeys((finding.severity, finding.code) for finding in found):
        held = [finding for finding in found if (finding.severity, finding.code) == (severity, code)]
        lines = [_line(finding, zh) for finding in held[:most]]
        if len(held) > len(lines):
            rest = len(held) - len(lines)
            lines.append(f"…… 还有 {rest} 条（--all 全部列出）" if zh else f"… and {rest} more (--all lists them)")
        level = {"error": "错误", "warning": "警告", "note": "提示"}[severity] if zh else severity
        what = _CODES.get(code, code) if zh else code
        table.add_row(Text(level, _COLOURS[severity]), Text(what), str(len(held)), Text("\n".join(lines)))
    console.print(table)


def _headline(name: str, told: Mapping[str, Any], zh: bool) -> str:
    n, yes, no, documents = (told[key] for key in ("questions", "answerable", "unanswerable", "documents"))
    if zh:
        return f"{name}：{n} 题，有答案 {yes}，无答案 {no}；材料 {documents} 个文档"
    return f"{name}: {count(n, 'question')}, {yes} with an answer, {no} without; {count(documents, 'document')}"


def _line(finding: Finding, zh: bool) -> str:
    ids = ", ".join(finding.ids[:_SHOWN]) + ("…" if len(finding.ids) > _SHOWN else "")
    return one_line(f"{ids}: {finding.zh if zh else finding.en}" if ids else finding.zh if zh else finding.en)


def _content(held: QuestionSet, told: Mapping[str, Any], found: Sequence[Finding]) -> dict[str, Any]:
    totals = {f"{severity}s": sum(finding.severity == severity for finding in found) for severity in SEVERITIES}
    return {"set": held.name, **totals, "counts": dict(told), "findings": [asdict(finding) for finding in found]}


def _load(given: str, wanted: argparse.Namespace | None) -> QuestionSet:
    path = find_set(given)
    if wanted is None:
        return load(path)
    return load(
        path,
        qrels=Path(wanted.qrels) if wanted.qrels else None,
        corpus=Path(wanted.corpus) if wanted.corpus else None,
        format=wanted.format,
        split=wanted.split,
    )


def _texts(held: QuestionSet, corpus: Path | None) -> tuple[dict[str, str], list[Finding]]:
    if held.rows:
        return {key: text for key, _, text in held.rows}, []
    folder = corpus or beside(held.path)
    if folder is None:
        return {}, [
            Finding(
                "note",
                "no-corpus",
                (),
                "the evidence was not looked for: name the documents with --corpus",
                "没有核对依据：请用 --corpus 指定材料",
            )
        ]
    if is_corpus(folder):
        raise DataError(f"{folder}: not a folder of documents", f"{folder}：不是文档文件夹")
    return texts_of(folder, Settings.load(folder=str(folder)))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m eval check", description="Faults of a question set, before it measures."
    )
    parser.add_argument(
        "questions", metavar="SET", help="a file or folder of questions, or the name of a set in eval/sets"
    )
    parser.add_argument(
        "--corpus",
        help="what the questions are about: a folder of documents, a corpus.jsonl, a SQuAD file "
        "(default: what the set brings, else NAME/docs beside NAME-split.jsonl)",
    )
    parser.add_argument(
        "--against", metavar="SET", nargs="+", default=[], help="sets that must share no question with it"
    )
    parser.add_argument("--qrels", help="relevance judgements, as for `run`")
    parser.add_argument("--split", default="", help="of a BEIR folder: qrels/SPLIT.tsv")
    parser.add_argument("--format", default="", choices=("", *FORMATS), help="read it as this, whatever it looks like")
    parser.add_argument("--all", action="store_true", help="list every finding, not the first few of a kind")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(argv)
