"""Example questions taken from the material itself: a sentence that states a number or names something in quotation
marks, turned into a question by the words it stands among. Only those that the assistant then answers are kept."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator

from rag.library import Library
from rag.text import clause_spans, dates, is_han, language, numbers, sentence_spans
from rag.types import BODY_ROLES, Answer, Passage

_NAME = re.compile(r"“([^”“]{2,16})”|《([^》《]{2,16})》|「([^」「]{2,16})」")
_ENGLISH_NAME = re.compile(r"(?<=\s)[A-Z][a-z]+(?:\s[A-Z][a-z]+)+")
_COUNTED = frozenset("个 名 位 人 人次 次 场 场次 期 篇 家 项 件 部 座 所 种 类 款 台 辆 架 只 头 张 套 本 册".split())
_LOOK_AT = 60  # passages looked at, spread over the material
_TRY = 16  # questions asked at most to find n that are answered


def examples_of(library: Library, ask: Callable[[str], Answer], n: int, lang: str) -> list[str]:
    """At most n questions, from different passages where there are enough. Kept in the library until the material
    changes, so that a warm start shows them at once."""
    key, revision = f"examples_{lang[:2]}", f"{n} {lang} {library.revision}"
    kept = json.loads(library.meta().get(key, "null"))
    if isinstance(kept, dict) and kept.get("revision") == revision:
        return [str(question) for question in kept["questions"]]
    ids = "\n".join(info.id for info in library.documents())
    state = f"{n} {lang} {hashlib.sha256(ids.encode()).hexdigest()}"
    same = isinstance(kept, dict) and kept.get("state") == state  # a file was renamed, no document is another
    chosen = [str(question) for question in kept["questions"]] if same else _choose(library, ask, n, lang)
    told = {"revision": revision, "state": state, "questions": chosen}
    library.set_meta(key, json.dumps(told, ensure_ascii=False))
    return chosen


def _choose(library: Library, ask: Callable[[str], Answer], n: int, lang: str) -> list[str]:
    several = len(library.documents()) > 1
    overview = {
        "zh": "这些材料有哪些主要内容？" if several else "这篇文章讲了什么？",
        "en": "What are these documents about?" if several else "What is this article about?",
    }["zh" if lang.startswith("zh") else "en"]
    tries = [(overview, "")]
    by_passage = [list(_questions(p, lang)) for p in _spread(library)]
    for turn in range(3):
        tries += [questions[turn] for questions in by_passage if len(questions) > turn]
    chosen: list[str] = []
    for question, expected in list(dict(tries).items())[:_TRY]:
        if len(chosen) >= n:
            break
        answer = ask(question)
        if answer.found and expected in answer.text:
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


def _questions(passage: Passage, lang: str) -> Iterator[tuple[str, str]]:
    """(question, what its answer must show): one that counts and one that names, in turn from passage to passage."""
    names: list[tuple[str, str]] = []
    counts: list[tuple[str, str]] = []
    chinese = lang.startswith("zh")
    for start, end in sentence_spans(passage.text):
        sentence = passage.text[start:end]
        if language(sentence) == "en":
            names += [(f"What is {m.group()}?", m.group()) for m in _ENGLISH_NAME.finditer(sentence)][: not chinese]
            continue
        if chinese:
            for a, b in clause_spans(sentence):
                counts += _how_many(sentence[a:b].strip(" ,，。.;；"))
        for match in _NAME.finditer(sentence):
            names.append((f"{match.group()}是什么？" if chinese else f"What is {match.group()}?", match.group()))
    first, second = (counts, names) if passage.id % 2 else (names, counts)
    yield from (first[:1] or second[:1]) + (second[:1] if first else [])


def _how_many(clause: str) -> Iterator[tuple[str, str]]:
    """ "配建100余个智慧学习小站" -> "配建多少个智慧学习小站？" """
    found = numbers(clause)
    if len(found) != 1 or dates(clause) or len(clause) > 30 or re.search(r"[\n：:“”\"《》（）()\[\]|*#`]", clause):
        return
    number = found[0]
    before, after = clause[: number.start], clause[number.end :]
    whole = number.unit and number.unit in _COUNTED and not number.ordinal and number.value >= 3
    if whole and is_han(before[-1:] or " ") and len(before) >= 2 and len(after) >= 2 and is_han(after[0]):
        yield f"{before}多少{number.unit}{after}？", clause[number.start : number.end]
