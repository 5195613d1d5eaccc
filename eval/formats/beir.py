"""Folders in the shape of BEIR (Thakur et al., NeurIPS 2021): corpus.jsonl (`_id`, `title`, `text`), queries.jsonl
(`_id`, `text`) and judgements in qrels/*.tsv or qrels.tsv. A query may bring gold of its own: `answers`,
`answerable`, and where the answers stand: `context_id` (a row of the corpus) with `answer_starts`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from eval.formats import own
from eval.formats.fields import At, Row, identifier, text
from eval.formats.proof import places_of
from eval.formats.rows import rows
from eval.questions import EvalQuestion
from eval.records import Place
from rag.errors import DataError

Corpus = dict[str, tuple[str, str, str]]
"""id -> (id, title, text)."""
ID = ("_id", "id", "qid", "query_id", "topic_id", "number", "num")
TEXT = ("text", "query", "question", "title")
_GOLD = ("answers", "facts", "evidence", "answerable", "history", "type", "lang", "spans", "group")


def read_folder(path: Path) -> tuple[Corpus, tuple[tuple[At, EvalQuestion], ...]]:
    """The corpus and the queries of a folder. Until judgements are applied a query is relevant to its `context_id`.
    Raises DataError."""
    for name in ("corpus.jsonl", "queries.jsonl"):
        if not (path / name).is_file():
            raise DataError(
                f"{path}: {name} is missing; a question folder holds corpus.jsonl, queries.jsonl and qrels.tsv or "
                "qrels/test.tsv",
                f"{path}：缺少 {name}；题目文件夹应有 corpus.jsonl、queries.jsonl 和 qrels.tsv 或 qrels/test.tsv",
            )
    corpus = read_corpus(path / "corpus.jsonl")
    posed = tuple((at, query(row, at, corpus)) for at, row in rows(path / "queries.jsonl"))
    if not corpus or not posed:
        raise DataError(f"{path}: the corpus or the questions are empty", f"{path}：文档或题目为空")
    return corpus, posed


def read_corpus(path: Path) -> Corpus:
    """Rows of a corpus.jsonl. Some sets hold documents of a title alone: that is their text then."""
    found: Corpus = {}
    for at, row in rows(path):
        key = identifier(row, ("_id", "id"), at)
        if key in found:
            raise at.fault(f"the id {key!r} is used twice; give each row its own", f"编号 {key!r} 重复，请改成唯一编号")
        title = text(row, "title", at, "")
        body = text(row, "text", at, blank=True)
        found[key] = (key, title, body if body.strip() else title)
    return found


def topics(path: Path) -> Iterator[tuple[At, EvalQuestion]]:
    """A file of such queries by itself: one JSON object a line, with an id and a text under their usual names."""
    for at, row in rows(path):
        key = next((key for key in TEXT if isinstance(row.get(key), str)), "text")
        yield at, query({**row, "_id": identifier(row, ID, at), "text": row.get(key)}, at, {})


def query(row: Row, at: At, corpus: Mapping[str, tuple[str, str, str]]) -> EvalQuestion:
    """The question of a query row."""
    known = {key: row[key] for key in _GOLD if row.get(key) is not None}
    body = text(row, "text", at, blank=True)
    made = own.question({"id": identifier(row, ("_id", "id"), at), "question": body, **known}, at)
    if not corpus or row.get("context_id") is None:
        return made
    context = identifier(row, ("context_id",), at)
    if context not in corpus:
        raise at.fault(
            f"no corpus row {context!r}; correct context_id", f"没有编号为 {context!r} 的文档；请更正 context_id"
        )
    _, title, context_text = corpus[context]
    article = row.get("title")
    group = made.group or (article if isinstance(article, str) and article.strip() else title) or context
    if not made.answerable:
        return replace(made, group=group)
    spans = made.spans or _spans(made, row, at, context, context_text)
    return replace(made, group=group, spans=spans, relevant={context: 1})


def _spans(made: EvalQuestion, row: Row, at: At, context: str, body: str) -> tuple[tuple[Place, ...], ...]:
    """One item: each answer is another place of it."""
    starts = row.get("answer_starts")
    if starts is None:
        return ()
    whole = isinstance(starts, list) and all(isinstance(s, int) and not isinstance(s, bool) for s in starts)
    if not whole or len(starts) != len(made.answers):
        raise at.fault(
            "'answer_starts' must be a list of whole numbers, one for each answer",
            "answer_starts 应为整数列表，每个答案一个",
        )
    found: list[Place] = []
    for answer, start in zip(made.answers, starts, strict=True):
        places = places_of(answer, start, context, body)
        if not places:
            raise at.fault(
                f"the answer {answer[:60]!r} does not stand in {context!r}; quote the text verbatim",
                f"答案 {answer[:60]!r} 不在 {context!r} 中；请逐字引用",
            )
        found += places
    return (tuple(dict.fromkeys(found)),) if found else ()
