"""Question sets: a JSONL file of our own over a folder of documents, or a folder in the shape of BEIR
(corpus.jsonl, queries.jsonl, qrels.tsv). Every fault names file and line."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.match import folded
from rag.errors import DataError
from rag.jsonl import fault, json_lines

KEYS = (
    "id",
    "question",
    "answers",
    "facts",
    "evidence",
    "answerable",
    "history",
    "type",
    "lang",
    "source",
    "page",
    "row",
)


@dataclass(frozen=True, slots=True)
class EvalQuestion:
    """A question with what is known of its right answer."""

    id: str
    question: str
    answers: tuple[str, ...] = ()  # any one is right; in question files `;` joins the items of a list
    facts: tuple[str, ...] = ()  # all are needed
    evidence: tuple[str, ...] = ()  # verbatim quotes that prove it, all needed
    answerable: bool = True
    history: tuple[str, ...] = ()  # earlier questions of the same chat, oldest first
    type: str = ""
    lang: str = ""
    source: str = ""  # the file that answers, where the set names it
    page: int | None = None  # its page, slide or sheet, where the format has some
    row: int | None = None  # the row of a sheet or a file of rows
    relevant: tuple[str, ...] = ()  # sources of the relevant documents (sets with qrels only)
    line: int = 0  # 1-based line of the question file


@dataclass(frozen=True, slots=True)
class QuestionSet:
    name: str
    path: Path
    questions: tuple[EvalQuestion, ...]
    rows: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    """(id, title, text) of the set's own corpus; empty where the corpus is a folder of documents."""


def load(path: Path) -> QuestionSet:
    """The set at a path, by its kind. Raises DataError."""
    if path.is_dir():
        return load_folder(path)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in (Path(__file__).parent / "sets").glob("*.jsonl"))) or "-"
        raise DataError(
            f"{path}: no such question file or folder; sets that come with the project: {known}",
            f"{path}：没有这个题目文件或文件夹；随附的题集：{known}",
        )
    questions = tuple(_unique(path, (_question(path, number, row) for number, row in json_lines(path))))
    if not questions:
        raise DataError(
            f"{path}: holds no question; write one JSON object a line", f"{path}：没有题目，请每行写一个 JSON"
        )
    return QuestionSet(path.stem, path, questions)


def load_folder(path: Path) -> QuestionSet:
    """A folder with corpus.jsonl (`_id`, `title`, `text`), queries.jsonl (`_id`, `text`, `answers`, `answerable`) and
    qrels.tsv (query id, corpus id, score; one header line). Without qrels.tsv `context_id` of a query is its qrel."""
    for name in ("corpus.jsonl", "queries.jsonl"):
        if not (path / name).is_file():
            raise DataError(
                f"{path}: {name} is missing; a question folder holds corpus.jsonl, queries.jsonl and qrels.tsv",
                f"{path}：缺少 {name}；题目文件夹应有 corpus.jsonl、queries.jsonl 和 qrels.tsv",
            )
    corpus = path / "corpus.jsonl"
    rows: dict[str, tuple[str, str, str]] = {}
    for number, row in json_lines(corpus):
        key = _text(corpus, number, row, "_id")
        if key in rows:
            raise fault(corpus, number, f"the id {key!r} is used twice", f"编号 {key!r} 重复")
        rows[key] = (key, _text(corpus, number, row, "title", ""), _text(corpus, number, row, "text"))
    qrels = _qrels(path / "qrels.tsv", rows) if (path / "qrels.tsv").is_file() else None
    queries = path / "queries.jsonl"
    questions = []
    for number, row in json_lines(queries):
        known: dict[str, Any] = {key: row[key] for key in ("answers", "answerable", "type", "lang") if key in row}
        question = _question(queries, number, {"id": row.get("_id"), "question": row.get("text"), **known}, blank=True)
        context = row.get("context_id")
        relevant = qrels.get(question.id, ()) if qrels is not None else ((context,) if context in rows else ())
        gold = relevant if question.answerable else ()
        questions.append(dataclasses.replace(question, relevant=tuple(str(source) for source in gold)))
    if not rows or not questions:
        raise DataError(f"{path}: the corpus or the questions are empty", f"{path}：文档或题目为空")
    return QuestionSet(path.name, path, tuple(_unique(queries, iter(questions))), tuple(rows.values()))


def pick(questions: tuple[EvalQuestion, ...], limit: int | None, seed: int = 0) -> tuple[EvalQuestion, ...]:
    """`limit` questions spread evenly over the set, in its order; the seed shifts where the first one is taken.
    Unanswerable questions are thus taken in their own share wherever they stand in the file."""
    n = len(questions)
    if limit is None or limit >= n:
        return questions
    return tuple(questions[place] for place in sorted({(i * n + seed % n) // limit % n for i in range(limit)}))


def check_evidence(questions: Iterable[EvalQuestion], texts: Iterable[str], path: Path) -> None:
    """Raises DataError for the first question whose evidence stands in none of the texts (compared folded)."""
    corpus = [folded(text) for text in texts]
    for question in questions:
        for quote in question.evidence:
            key = folded(quote)
            if not any(key in text for text in corpus):
                raise fault(
                    path,
                    question.line,
                    f"evidence of {question.id!r} is not in the corpus: {quote[:60]!r}; quote the text verbatim, "
                    "or name the right folder with --corpus",
                    f"题目 {question.id!r} 的依据不在材料中：{quote[:60]!r}；请逐字引用，或用 --corpus 指定材料",
                )


def _question(path: Path, number: int, row: Mapping[str, Any], blank: bool = False) -> EvalQuestion:
    """`blank` admits an empty question: published sets hold a few, and leaving them out would change what is counted."""
    for key in row.keys() - set(KEYS):
        near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.8)
        if near:  # a misspelt gold key would silently lose the gold
            raise fault(
                path, number, f"unknown key {key!r}; did you mean {near[0]!r}?", f"没有 {key!r}，是不是 {near[0]!r}？"
            )
    answerable = row.get("answerable", True)
    if not isinstance(answerable, bool):
        raise fault(path, number, "'answerable' must be true or false", "answerable 只能是 true 或 false")
    question = EvalQuestion(
        id=_text(path, number, row, "id"),
        question=_text(path, number, row, "question", "" if blank and isinstance(row["question"], str) else _REQUIRED),
        answers=_texts(path, number, row, "answers"),
        facts=_texts(path, number, row, "facts"),
        evidence=_texts(path, number, row, "evidence"),
        answerable=answerable,
        history=_texts(path, number, row, "history"),
        type=_text(path, number, row, "type", ""),
        lang=_text(path, number, row, "lang", ""),
        source=_text(path, number, row, "source", ""),
        page=_number(path, number, row, "page"),
        row=_number(path, number, row, "row"),
        line=number,
    )
    if not answerable and (question.answers or question.facts):
        raise fault(path, number, "not answerable, yet it has answers or facts", "标为无答案，却写了答案")
    return question


def _qrels(path: Path, rows: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: cannot be read as UTF-8 ({error})", f"{path}：无法按 UTF-8 读取（{error}）"
        ) from error
    for number, line in enumerate(lines, 1):
        cells = line.split("\t")
        if number == 1 or not line.strip():
            continue
        if len(cells) != 3:
            raise fault(
                path, number, "expected query id, corpus id and score, with tabs", "应为题目、文档、分数三列（制表符）"
            )
        if cells[1] not in rows:
            raise fault(path, number, f"no corpus row {cells[1]!r}", f"没有编号为 {cells[1]!r} 的文档")
        try:
            relevant = float(cells[2]) > 0
        except ValueError as error:
            raise fault(path, number, f"{cells[2]!r} is not a score", f"{cells[2]!r} 不是分数") from error
        if relevant:
            found[cells[0]] = (*found.get(cells[0], ()), cells[1])
    return found


def _unique(path: Path, questions: Iterator[EvalQuestion]) -> Iterator[EvalQuestion]:
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise fault(path, question.line, f"the id {question.id!r} is used twice", f"编号 {question.id!r} 重复")
        seen.add(question.id)
        yield question


_REQUIRED = "\0"


def _text(path: Path, number: int, row: Mapping[str, Any], key: str, default: str = _REQUIRED) -> str:
    value = row.get(key)
    if value is None and default is not _REQUIRED:
        return default
    if not isinstance(value, str) or (default is _REQUIRED and not value.strip()):
        raise fault(path, number, f"{key!r} must be a text that is not empty", f"{key} 应为非空文字")
    return value


def _number(path: Path, number: int, row: Mapping[str, Any], key: str) -> int | None:
    value = row.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise fault(path, number, f"{key!r} must be a whole number from 1", f"{key} 应为从 1 起的整数")
    return value


def _texts(path: Path, number: int, row: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = row.get(key, [])
    # Facts and evidence are looked for folded, so one of punctuation only would be found everywhere or nowhere.
    key_of = folded if key in {"facts", "evidence"} else str.strip
    if not isinstance(value, list) or not all(isinstance(item, str) and key_of(item) for item in value):
        raise fault(path, number, f"{key!r} must be a list of texts, none empty", f"{key} 应为非空文字的列表")
    return tuple(value)
