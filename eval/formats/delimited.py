"""CSV and TSV with a header line, as spreadsheets write them: any encoding of the field, quoted cells with line ends
and separators inside. The columns are our own keys, RAGAS's, or what Chinese spreadsheets call them."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eval.formats.fields import At, Row
from eval.formats.rows import read_bytes
from rag.errors import DataError, ParseError
from rag.parse.encoding import decode

# key -> what a header may call it; compared without case, spaces and underscores
ALIASES = {
    "id": "id qid queryid questionid 编号 序号 题号",
    "question": "question query 题目 问题 提问 题干",
    "answers": "answers answer 答案 参考答案 标准答案",
    "facts": "facts fact 要点 事实",
    "evidence": "evidence quote 依据 证据 原文 原文依据",
    "answerable": "answerable 可答 可回答 有答案 是否可答",
    "history": "history 历史 前文 上文 前问",
    "type": "type 类型 题型",
    "lang": "lang language 语言",
    "source": "source file document 来源 文件 文档 出处",
    "page": "page slide sheet 页 页码",
    "row": "row 行 行号",
    "relevant": "relevant 相关文档",
    "spans": "spans 位置",
    "group": "group 组 分组",
    "user_input": "userinput",
    "reference": "reference",
    "ground_truth": "groundtruth",
    "ground_truths": "groundtruths",
    "reference_contexts": "referencecontexts",
    "contexts": "contexts",
}
_KEY = {called: key for key, names in ALIASES.items() for called in names.split()}
_LISTS = {
    "answers", "facts", "evidence", "history", "relevant", "ground_truths", "reference_contexts", "contexts",
}  # fmt: skip
_YES = frozenset("true yes y 1 是 可 可答 有 对 ✓ √".split())
_NO = frozenset("false no n 0 否 不 不可答 无 没有 ✗ ×".split())
_BAR = re.compile(r"(?<!\\)\|")
_NAMED = re.compile(r"sep=(.)\n")  # Excel's own line, before the header


def decoded_lines(path: Path) -> list[str]:
    """The lines of a text file, each with its end: UTF-8, or what it turns out to be. Raises DataError."""
    try:
        text, _ = decode(read_bytes(path), str(path))
    except ParseError as error:
        raise DataError(error.en, error.zh) from error
    return [line + "\n" for line in text.split("\n")]


def header_of(lines: Sequence[str]) -> tuple[str, list[str], int] | None:
    """(separator, keys, lines to pass over) of a file whose first line names a column of questions, else None. A
    column of another name has itself as key."""
    named = _NAMED.fullmatch(lines[0]) if lines else None
    start = 1 if named else 0
    best: tuple[int, str, list[str]] | None = None
    for separator in (named[1],) if named else ("\t", ",", ";"):
        try:
            cells = next(csv.reader(lines[start:], delimiter=separator, strict=True), [])
        except csv.Error:
            continue
        keys = [_key(cell) for cell in cells]
        known = sum(key in ALIASES for key in keys)
        if {"question", "user_input"} & set(keys) and (best is None or known > best[0]):
            best = (known, separator, keys)
    return (best[1], best[2], start) if best else None


def read_rows(path: Path) -> Iterator[tuple[At, Row]]:
    """Every row that is not blank, by key, with the types that the keys have; a row without an id has its number for
    one. Raises DataError."""
    lines = decoded_lines(path)
    head = header_of(lines)
    if head is None:
        raise At(path, 1).fault(
            "the first line names no column 'question'; write a header line", "首行没有“题目”（question）列；请写表头"
        )
    separator, keys, start = head
    for key in keys:
        if key in ALIASES and keys.count(key) > 1:
            raise At(path, start + 1).fault(f"two columns mean {key!r}; keep one", f"有两列都表示 {key}；请只留一列")
    reader = csv.reader(lines[start:], delimiter=separator, strict=True)
    begins, number = start, 0
    while True:
        at = At(path, begins + 1)
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise at.fault(
                f"not a row of a table ({error}); quote a cell that holds quotes, and double those",
                f"不是表格的一行（{error}）；含引号的单元格应加引号，内部引号写两次",
            ) from error
        header, begins = begins == start, start + reader.line_num
        if cells is None:
            return
        if header or not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(keys) and any(cell.strip() for cell in cells[len(keys) :]):
            raise at.fault(
                f"{len(cells)} cells under a header of {len(keys)}; quote a cell that holds the separator",
                f"有 {len(cells)} 个单元格，表头只有 {len(keys)} 列；含分隔符的单元格应加引号",
            )
        number += 1
        row = {key: _value(key, cell.strip(), at) for key, cell in zip(keys, cells, strict=False) if cell.strip()}
        yield at, {"id": str(number), **row}


def _key(cell: str) -> str:
    called = re.sub(r"[\s_\-]", "", cell.strip().casefold())
    return _KEY.get(called, cell.strip())


def _value(key: str, cell: str, at: At) -> Any:
    if cell[0] in "[{" and key in _LISTS | {"spans"}:
        return _structure(key, cell, at)
    if key in _LISTS:
        return [part.strip().replace("\\|", "|") for part in _BAR.split(cell) if part.strip()]
    if key in {"page", "row"}:
        whole = re.fullmatch(r"(\d{1,9})(?:\.0+)?", cell)
        return int(whole[1]) if whole else cell
    if key == "answerable":
        said = cell.casefold()
        return said in _YES if said in _YES | _NO else cell
    return cell


def _structure(key: str, cell: str, at: At) -> Any:
    """A list or an object in one cell: as JSON, or as pandas writes Python's."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        pass_on = cell
    try:
        return ast.literal_eval(pass_on)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        if key == "spans" or pass_on[0] == "{":
            raise at.fault(f"{key!r} is not JSON ({error})", f"{key} 不是 JSON（{error}）") from error
        return [part.strip().replace("\\|", "|") for part in _BAR.split(cell) if part.strip()]  # an answer in brackets
