"""Example questions taken from the material itself: a sentence that states a number or names something in quotation
marks, turned into a question by the words it stands among. Only those that the assistant then answers are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rag.library import Library
from rag.text import clause_spans, is_han, language, numbers, sentence_spans
from rag.types import BODY_ROLES, Answer, Passage

_NAME = re.compile(r"“([^”“]{2,16})”|《([^》《]{2,16})》|「([^」「]{2,16})」")
_LOOK_AT = 60  # passages looked at, spread over the material
_TRY = 16  # questions asked at most to find n that are answered


def examples_of(library: Library, ask: Callable[[str], Answer], n: int, lang: str) -> list[str]:
    """At most n questions, from different passages where there are enough."""
    passages = list(_spread(library))
    chosen: list[str] = []
    overview = "这篇文章讲了什么？" if lang.startswith("zh") else "What is this article about?"
    if len(library.documents()) > 1:
        overview = "这些材料有哪些主要内容？" if lang.startswith("zh") else "Summarize the documents"
    tries = [overview]
    by_passage = [list(_questions(p, lang)) for p in passages]
    for round_ in range(3):
        tries += [questions[round_] for questions in by_passage if len(questions) > round_]
    for question in list(dict.fromkeys(tries))[:_TRY]:
        if len(chosen) >= n:
            break
        if ask(question).found:
            chosen.append(question)
    return chosen


def _spread(library: Library) -> Iterator[Passage]:
    documents = library.documents()
    per = max(1, _LOOK_AT // max(1, len(documents)))
    step = max(1, len(documents) // _LOOK_AT)
    for info in documents[::step][:_LOOK_AT]:
        body = [p for p in library.passages_of(info.id) if p.role in BODY_ROLES]
        stride = max(1, len(body) // per)
        yield from body[::stride][:per]


def _questions(passage: Passage, lang: str) -> Iterator[str]:
    chinese = lang.startswith("zh")
    for start, end in sentence_spans(passage.text):
        sentence = passage.text[start:end]
        if language(sentence) == "en":
            continue
        if chinese:
            for a, b in clause_spans(sentence):
                yield from _how_many(sentence[a:b].strip(" ,，。.;；"))
        for match in _NAME.finditer(sentence):
            name = match.group()
            yield f"{name}是什么？" if chinese else f"What is {name}?"


def _how_many(clause: str) -> Iterator[str]:
    """ "配建100余个智慧学习小站" -> "配建多少个智慧学习小站？" """
    for number in numbers(clause):
        before, after = clause[: number.start], clause[number.end :]
        if number.ordinal or not number.unit or number.value != number.value or number.value < 3:
            continue
        if len(before) + len(after) < 5 or len(clause) > 30 or not any(map(is_han, before + after)):
            continue
        if re.search(r"[“”\"《》（）()]", clause) and not re.search(r"“[^”]*”|《[^》]*》", clause):
            continue
        unit = number.unit if len(number.unit) <= 2 else ""
        yield f"{before}多少{unit}{after}？"
