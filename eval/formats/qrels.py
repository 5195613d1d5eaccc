"""Relevance judgements: TREC's four columns (query, iteration, document, grade) or BEIR's three (query, document,
grade), with or without a header line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from eval.formats.fields import At
from eval.questions import EvalQuestion
from rag.errors import DataError

Judged = dict[str, dict[str, int]]
"""Query id -> document -> grade; those that are not relevant have 0 or less."""


def read(path: Path, documents: Mapping[str, str] | None) -> Judged:
    """`documents` tells the source of every name that a judgement may use; None admits any. Raises DataError for a
    line that is no judgement, for two that contradict each other, and for a relevant document that is not in the
    corpus."""
    found: Judged = {}
    for number, line in enumerate(_lines(path), 1):
        at = At(path, number)
        cells = _cells(line)
        if not cells or (number == 1 and not _is_number(cells[-1])):
            continue
        if len(cells) not in {3, 4}:
            raise at.fault(
                "expected query id, document id and grade, with tabs (or TREC's four columns)",
                "应为题目、文档、等级三列（制表符分隔），或 TREC 的四列",
            )
        query, document = cells[0], cells[-2]
        if not _is_number(cells[-1]) or not float(cells[-1]).is_integer():
            raise at.fault(f"{cells[-1]!r} is not a score; write a whole number", f"{cells[-1]!r} 不是分数；请写整数")
        grade = int(float(cells[-1]))
        source = document if documents is None else documents.get(document)
        if source is None:
            if grade > 0:
                raise at.fault(
                    f"no corpus row {document!r}; correct the id, or name the right corpus",
                    f"没有编号为 {document!r} 的文档；请更正编号，或指定正确的材料",
                )
            continue  # judged not relevant, and not there either
        if found.setdefault(query, {}).setdefault(source, grade) != grade:
            raise at.fault(
                f"{query!r} and {document!r} are judged twice, and differently; keep one of the lines",
                f"{query!r} 与 {document!r} 有两个不同的判定；请只留一行",
            )
    if not found:
        raise DataError(f"{path}: holds no judgement", f"{path}：没有相关性判定")
    return found


def apply(judged: Judged, posed: Iterable[tuple[At, EvalQuestion]], path: Path) -> tuple[tuple[At, EvalQuestion], ...]:
    """The questions with their relevant documents. Those that were never judged are left out, as BEIR and trec_eval
    do, unless they bring other gold or are known to have no answer. Raises DataError where no question was judged."""
    kept: list[tuple[At, EvalQuestion]] = []
    met = False
    for at, question in posed:
        grades = judged.get(question.id)
        if grades is None:  # topics 051 are judged as 51
            grades = judged.get(question.id.lstrip("0"))
        met = met or grades is not None
        own = question.answers or question.facts or question.evidence or question.spans or not question.answerable
        if grades is None and not own:
            continue
        relevant = {source: grade for source, grade in (grades or {}).items() if grade > 0}
        kept.append((at, replace(question, relevant=relevant if question.answerable else {})))
    if not met:
        raise DataError(
            f"{path}: judges none of the questions; the query ids must be those of the question file",
            f"{path}：没有一条判定对应题目；题目编号应与题目文件一致",
        )
    return tuple(kept)


def of_folder(folder: Path, split: str) -> Path | None:
    """The judgements of a BEIR folder: qrels/SPLIT.tsv, else qrels/test.tsv, dev.tsv, train.tsv, qrels.tsv, whichever
    is there first; None where there are none. Raises DataError for a split that is not there."""
    there = sorted((folder / "qrels").glob("*.tsv"))
    if split:
        wanted = folder / "qrels" / f"{split}.tsv"
        if wanted in there:
            return wanted
        names = ", ".join(path.stem for path in there) or "-"
        raise DataError(
            f"{folder}: no qrels/{split}.tsv; the splits there: {names}",
            f"{folder}：没有 qrels/{split}.tsv；现有：{names}",
        )
    usual = [folder / "qrels" / f"{name}.tsv" for name in ("test", "dev", "train")]
    for path in (*usual, folder / "qrels.tsv"):
        if path.is_file():
            return path
    if len(there) > 1:
        names = ", ".join(path.stem for path in there)
        raise DataError(f"{folder}: choose one with --split: {names}", f"{folder}：请用 --split 选择其一：{names}")
    return there[0] if there else None


def _lines(path: Path) -> Iterator[str]:
    try:
        yield from path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise DataError(
            f"{path}: {error.strerror}; check the path", f"{path}：无法读取（{error.strerror}）；请检查路径"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: cannot be read as UTF-8 ({error}); save it as UTF-8",
            f"{path}：无法按 UTF-8 读取（{error}）；请另存为 UTF-8",
        ) from error


def _cells(line: str) -> list[str]:
    """Columns by tabs; where there are none, TREC's by white space, of which an id has none."""
    if "\t" in line.strip():
        return [cell.strip() for cell in line.strip("\r\n ").split("\t")]
    cells = line.split()
    return cells if len(cells) in {0, 4} else [line.strip()]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
