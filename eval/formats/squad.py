"""SQuAD 1.1 and 2.0 (Rajpurkar et al., EMNLP 2016, ACL 2018) and what came after it in the same shape: CMRC 2018
(also its list of `context_text` and `query_text`), DRCD, XQuAD. The contexts are the corpus; the answers are spans of
them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.formats.fields import At, identifier, text
from eval.formats.proof import places_of
from eval.formats.rows import document
from eval.questions import EvalQuestion
from eval.records import Place
from rag.errors import DataError

Corpus = dict[str, tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class _Context:
    """A paragraph as it stands in the file."""

    at: At
    id: str
    title: str
    group: str
    text: str
    questions: list[dict[str, Any]]


def looks_like(value: Any) -> bool:
    """Whether a parsed JSON document, or its first item, has this shape."""
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict):
        return False
    return isinstance(first.get("data"), list) or "context_text" in first or "paragraphs" in first


def read(path: Path) -> tuple[Corpus, tuple[tuple[At, EvalQuestion], ...]]:
    """The contexts, those of equal text merged, and the questions. Raises DataError with a pointer to what is wrong."""
    corpus: Corpus = {}
    ids: dict[str, str] = {}  # text -> the id that it came with first
    posed: list[tuple[At, EvalQuestion]] = []
    for context in _contexts(path, document(path)):
        known = corpus.get(context.id)
        if known and known[2] != context.text:
            raise context.at.fault(
                f"the id {context.id!r} is used twice; give each context its own",
                f"编号 {context.id!r} 重复，请改成唯一编号",
            )
        source = ids.setdefault(context.text, context.id)
        corpus.setdefault(source, (source, context.title, context.text))
        for number, row in enumerate(context.questions):
            at = context.at.below("qas", number)
            posed.append((at, _question(_object(row, at), at, context, source)))
    if not posed:
        raise DataError(f"{path}: holds no question", f"{path}：没有题目")
    return corpus, tuple(posed)


def _contexts(path: Path, whole: Any) -> Iterator[_Context]:
    """Articles hold paragraphs in SQuAD's shape; in CMRC 2018's list each item is a paragraph."""
    top = At(path)
    listed = isinstance(whole, list)
    articles, top = (whole, top) if listed else (_list(_object(whole, top), "data", top), top.below("data"))
    for i, article in enumerate(articles):
        at = top.below(i)
        article = _object(article, at)
        title = text(article, "title", at, "")
        if "context_text" in article:
            key = identifier(article, ("context_id", "id"), at, str(i))
            body = text(article, "context_text", at)
            yield _Context(at, key, title, title or key, body, _list(article, "qas", at))
            continue
        group = title or identifier(article, ("id",), at, str(i))
        for j, paragraph in enumerate(_list(article, "paragraphs", at)):
            there = at.below("paragraphs", j)
            paragraph = _object(paragraph, there)
            key = identifier(paragraph, ("id", "context_id"), there, f"{i}-{j}")
            yield _Context(there, key, title, group, text(paragraph, "context", there), _list(paragraph, "qas", there))


def _question(row: dict[str, Any], at: At, context: _Context, source: str) -> EvalQuestion:
    answers, places = _answers(row, at, context, source)
    # The official script goes by the answers alone; a row without the key states nothing.
    answerable = row.get("is_impossible") is not True and row.get("answers") != []
    if not answerable and answers:
        raise at.fault(
            "is_impossible, yet it has answers; move them to plausible_answers",
            "标为 is_impossible，却有答案；请移到 plausible_answers",
        )
    return EvalQuestion(
        id=identifier(row, ("id", "query_id"), at),
        question=text(row, "question" if "question" in row else "query_text", at, blank=True),
        answers=answers,
        answerable=answerable,
        relevant={source: 1} if answerable else {},
        spans=(places,) if places else (),
        group=context.group,
    )


def _answers(row: dict[str, Any], at: At, context: _Context, source: str) -> tuple[tuple[str, ...], tuple[Place, ...]]:
    """The distinct answers and everywhere that they stand. An answer without a start (CMRC 2018's list) is a text
    alone."""
    answers: list[str] = []
    places: list[Place] = []
    for number, answer in enumerate(_list(row, "answers", at) if row.get("answers") is not None else []):
        there = at.below("answers", number)
        start = None
        if isinstance(answer, dict):
            start = answer.get("answer_start")
            answer = text(answer, "text", there)
        if not isinstance(answer, str) or not answer.strip() or not (start is None or type(start) is int):
            raise there.fault("an answer must have a text and an answer_start", "答案应有 text 和 answer_start")
        found = places_of(answer, start, source, context.text)
        if not found:
            raise there.fault(
                f"the answer {answer[:60]!r} does not stand in its context; quote it verbatim",
                f"答案 {answer[:60]!r} 不在原文中；请逐字引用",
            )
        answers.append(answer)
        places += found
    return tuple(dict.fromkeys(answers)), tuple(dict.fromkeys(places))


def _list(value: dict[str, Any], key: str, at: At) -> list[Any]:
    found = value.get(key)
    if not isinstance(found, list):
        raise at.fault(f"{key!r} must be a list, as in SQuAD", f"{key} 应为列表（SQuAD 格式）")
    return found


def _object(value: Any, at: At) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise at.fault("not a JSON object", "不是 JSON 对象")
    return value
