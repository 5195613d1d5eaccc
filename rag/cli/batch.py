"""Files of questions and of saved answers: JSON Lines, read whole and checked before anything is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rag.assistant import LONGEST_QUESTION
from rag.errors import DataError
from rag.jsonl import fault, json_lines
from rag.types import Citation


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of a question file; `id` is given back as it came, a text or a number."""

    id: str | int
    question: str
    history: tuple[str, ...] = ()


def questions(path: str) -> list[Asked]:
    """Lines `{"id", "question", "history"}`; other keys are left alone, `history` may be absent.
    Raises DataError naming file and line."""
    found: list[Asked] = []
    seen: set[str] = set()
    for number, row in json_lines(path):
        key, question, history = row.get("id"), row.get("question"), row.get("history")
        if not isinstance(key, (str, int)) or isinstance(key, bool) or key == "":
            raise fault(path, number, "'id' must be a text or a whole number", "id 应为文字或整数")
        if str(key) in seen:
            raise fault(path, number, f"the id {key!r} is used twice", f"id {key!r} 重复")
        if not isinstance(question, str) or not question.strip():
            raise fault(path, number, "'question' must be a text that is not empty", "question 应为非空文字")
        if len(question) > LONGEST_QUESTION:
            raise fault(
                path,
                number,
                f"the question has {len(question)} characters, at most {LONGEST_QUESTION} are read; shorten it",
                f"问题有 {len(question)} 个字符，最多 {LONGEST_QUESTION} 个；请缩短",
            )
        history = [] if history is None else history
        if not isinstance(history, list) or not all(isinstance(item, str) for item in history):
            raise fault(path, number, "'history' must be a list of texts", "history 应为文字的列表")
        seen.add(str(key))
        found.append(Asked(key, question, tuple(history)))
    if not found:
        raise DataError(
            f"{path}: holds no question; write one JSON object a line", f"{path}：没有题目，请每行写一个 JSON"
        )
    return found


def answers(path: str) -> list[list[Citation]]:
    """The citations of each saved answer, a line each. Raises DataError naming file and line."""
    found: list[list[Citation]] = []
    for number, row in json_lines(path):
        citations = row.get("citations")
        if not isinstance(citations, list):
            raise fault(
                path,
                number,
                "no 'citations'; save answers with: ask --json",
                "缺少 citations；请用 ask --json 保存回答",
            )
        try:
            found.append([_citation(entry) for entry in citations])
        except (KeyError, TypeError, AttributeError) as error:
            raise fault(
                path,
                number,
                f"a citation lacks {error}; save answers with: ask --json",
                f"引用不完整（{error}）；请用 ask --json 保存回答",
            ) from error
    if not found:
        raise DataError(
            f"{path}: holds no answer; save some with: ask --json", f"{path}：没有回答；请用 ask --json 保存"
        )
    return found


def _citation(entry: dict[str, Any]) -> Citation:
    start, end, quote = entry["start"], entry["end"], entry["quote"]
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end and isinstance(quote, str) and quote):
        raise TypeError("start, end, quote")
    return Citation(
        int(entry.get("number", 0)),
        str(entry["doc_id"]),
        str(entry.get("title", "")),
        str(entry["source"]),
        quote,
        start,
        end,
    )
