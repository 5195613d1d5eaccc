"""What is to be said of one question: its text, its gold against the corpus, its answers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from eval.check.corpus import Corpus
from eval.check.finding import Finding, Severity, short
from eval.formats.proof import answer_parts, span_problem
from eval.match import folded, holds
from eval.questions import EvalQuestion
from rag.text import sentence_spans
from rag.text.terminal import safe

LONGEST = 2000  # characters: the product asks no longer question
COPIED = 0.9  # share of a question's words that stand in its gold, from which on it is a copy of it
_EITHER = re.compile(r"还是|還是|或|哪|是不是|是否|吗|嗎|\b(?:or|whether|which)\b", re.IGNORECASE)
_INVISIBLE = frozenset("\ufeff\u200b\u2060\ufffd")  # marks of a copy or of a wrong decoding


def of_question(question: EvalQuestion, corpus: Corpus) -> Iterator[Finding]:
    def found(severity: Severity, code: str, en: str, zh: str) -> Finding:
        return Finding(severity, code, (question.id,), en, zh)

    if not question.question.strip():
        yield found("error", "empty", "the question is empty", "问题是空的")
    if len(question.question) > LONGEST:
        length = len(question.question)
        yield found(
            "error",
            "too-long",
            f"{length} characters, at most {LONGEST} can be asked",
            f"{length} 字，最多 {LONGEST} 字",
        )
    strange = sorted({c for text in _written(question) for c in text if _is_strange(c)})
    if strange:
        named = " ".join(f"U+{ord(c):04X}" for c in strange)
        yield found("warning", "control", f"invisible characters: {named}", f"含不可见字符：{named}")
    if not question.answerable:
        return
    if not (question.answers or question.facts or question.evidence or question.spans or question.relevant):
        yield found(
            "warning",
            "no-gold",
            "nothing says what is right: a refusal counts as wrong, nothing else is measured; where the documents hold "
            "no answer, write answerable: false",
            "没有任何标准答案：拒答算错，别的都测不了；材料里本无答案的，请写 answerable: false",
        )
    if corpus.texts:
        yield from _of_gold(question, corpus)
    yield from _of_answers(question)
    long = [quote for quote in question.evidence if _sentences(quote) > 1]
    if long:
        yield found(
            "note",
            "long-evidence",
            f"evidence of several sentences: {short(long[0])}",
            f"依据不止一句：{short(long[0])}",
        )
    share = corpus.overlap(question)
    if share is not None and share >= COPIED:
        yield found(
            "warning",
            "copied",
            f"says what its gold says ({share:.0%} of its words): any word search finds it",
            f"问题照抄了依据（{share:.0%} 的字词相同）：按字面检索必然命中",
        )


def _of_gold(question: EvalQuestion, corpus: Corpus) -> Iterator[Finding]:
    """Of gold against the corpus."""

    def found(severity: Severity, code: str, en: str, zh: str) -> Finding:
        return Finding(severity, code, (question.id,), en, zh)

    named = [question.source] if question.source else []
    for source in (*named, *question.relevant):
        if source not in corpus.texts:
            yield found("error", "unknown-document", f"the corpus holds no {source!r}", f"材料中没有 {source!r}")
    parts = answer_parts(question)
    for place in (place for item in question.spans for place in item):
        if problem := span_problem(place, corpus.texts, parts):
            yield found("error", "broken-span", f"the span {problem[0]}", f"位置{problem[1]}")
    for quote in question.evidence:
        there = corpus.holding(quote)
        if not there:
            yield found(
                "error", "evidence-missing", f"not in the corpus: {short(quote)}", f"材料中没有：{short(quote)}"
            )
        elif question.source and question.source in corpus.texts and question.source not in there:
            yield found(
                "error",
                "evidence-elsewhere",
                f"{short(quote)} is in {there[0]!r}, not in {question.source!r}",
                f"{short(quote)} 在 {there[0]!r}，不在 {question.source!r}",
            )
        elif len(there) > 1:
            grave: Severity = "note" if question.source or question.relevant else "warning"
            yield found(
                grave,
                "ambiguous-evidence",
                f"stands in {len(there)} documents: {short(quote)}",
                f"在 {len(there)} 个文档中都有：{short(quote)}",
            )


def _of_answers(question: EvalQuestion) -> Iterator[Finding]:
    asked = folded(question.question)
    given = [answer for answer in question.answers if len(folded(answer)) > 1 and _all_in(answer, [asked])]
    if given and not _EITHER.search(question.question):
        yield Finding(
            "warning",
            "given-away",
            (question.id,),
            f"the question itself says its answer: {short(given[0])}",
            f"题目里已经写了答案：{short(given[0])}",
        )
    said = list(map(folded, question.evidence))  # a span has been compared with the answers already
    parts = question.facts or question.answers  # facts are what an answer must say, so they are what must be there
    if (
        said
        and parts
        and not any(_all_in(part, said) for part in question.answers or parts)
        and not _facts_in(question, said)
    ):
        yield Finding(
            "warning",
            "answer-outside",
            (question.id,),
            f"no answer stands in the evidence: {short(parts[0])}",
            f"依据里没有答案：{short(parts[0])}",
        )


def _all_in(answer: str, said: Sequence[str]) -> bool:
    """Whether an answer, or every item of a list answer, stands in one of these texts, all folded."""
    parts = [key for key in map(folded, answer.split(";")) if key]
    return bool(parts) and all(any(holds(text, key) for text in said) for key in parts)


def _facts_in(question: EvalQuestion, said: Sequence[str]) -> bool:
    """Whether all that an answer must say stands there, however the answer itself is put."""
    return bool(question.facts) and all(_all_in(fact, said) for fact in question.facts)


def _written(question: EvalQuestion) -> tuple[str, ...]:
    return (question.question, *question.history, *question.answers, *question.facts, *question.evidence)


def _is_strange(character: str) -> bool:
    return character in _INVISIBLE or (safe(character) != character and unicodedata.category(character) != "Zs")


def _sentences(quote: str) -> int:
    return len(list(sentence_spans(quote.strip())))
