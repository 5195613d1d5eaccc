"""Gold against the corpus that it is about: where an answer stands in it, and what does not hold, which is refused
before anything is measured on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eval.formats.fields import At
from eval.match import Text, folded, holds
from eval.questions import EvalQuestion
from eval.records import Place


def places_of(answer: str, start: int | None, source: str, context: str) -> tuple[Place, ...]:
    """The place of an answer that is said to begin at `start`. Published offsets are off now and then, counted in
    bytes or before a clean-up of the text: where it stands elsewhere, the nearest occurrence, verbatim or else
    folded. Without a start every occurrence: any may be meant. Empty where it does not stand there at all."""
    if start is not None and start >= 0 and answer and context.startswith(answer, start):
        return (Place(source, start, start + len(answer)),)
    found = [(at, at + len(answer)) for at in _occurrences(answer, context)] or Text(context).find(folded(answer))
    if start is not None and start >= 0 and found:
        found = [min(found, key=lambda span: abs(span[0] - start))]
    return tuple(Place(source, begin, end) for begin, end in found)


def prove(question: EvalQuestion, at: At, texts: Mapping[str, str]) -> None:
    """Raises DataError for a span or a relevant document that the texts (source -> text) do not hold, and for a span
    that is no longer than the answers yet is none of them: offsets of another text, or counted in bytes."""
    for source in question.relevant:
        if source not in texts:
            raise at.fault(f"{question.id!r}: no document {source!r} in the corpus", f"材料中没有文档 {source!r}")
    parts = answer_parts(question)
    for place in (place for item in question.spans for place in item):
        if problem := span_problem(place, texts, parts):
            en, zh = problem
            raise at.fault(f"the span of {question.id!r} {en}", f"题目 {question.id!r} 的位置{zh}")


def span_problem(place: Place, texts: Mapping[str, str], parts: Iterable[str]) -> tuple[str, str] | None:
    """What is wrong with a place, in two languages: it is not in the corpus, or is as short as an answer but holds
    none of `parts` (folded answers). A longer place is evidence, which may say it in other words."""
    text = texts.get(place.source)
    if text is None:
        return f"is in {place.source!r}, which the corpus does not hold", f"所在的 {place.source!r} 不在材料中"
    if place.end > len(text):
        return (
            f"ends at {place.end}, but {place.source!r} has {len(text)} characters; count characters, not bytes",
            f"到 {place.end} 为止，而 {place.source!r} 只有 {len(text)} 个字符；请按字符数，不按字节数",
        )
    said = folded(text[place.start : place.end])
    keys = list(parts)
    if not said and keys:
        return f"{place.name} holds no word; correct the offsets", f" {place.name} 没有文字；请更正"
    longest = max(map(len, keys), default=0)
    if keys and len(said) <= longest and not any(holds(said, key) or said == key for key in keys):
        quoted = text[place.start : place.end][:40]
        return (
            f"{place.name} says {quoted!r}, which is none of its answers; correct the offsets or the answers",
            f" {place.name} 写的是 {quoted!r}，不是它的答案；请更正位置或答案",
        )
    return None


def prove_evidence(question: EvalQuestion, at: At, keys: Mapping[str, str]) -> None:
    """Raises DataError where a quote stands in none of the texts (source -> folded text)."""
    first = [keys[source] for source in (*question.relevant, question.source) if source in keys]
    for quote in question.evidence:
        key = folded(quote)
        if not any(key in text for text in first) and not any(key in text for text in keys.values()):
            raise at.fault(
                f"evidence of {question.id!r} is not in the corpus: {quote[:60]!r}; quote the text verbatim, "
                "or name the right folder with --corpus",
                f"题目 {question.id!r} 的依据不在材料中：{quote[:60]!r}；请逐字引用，或用 --corpus 指定材料",
            )


def answer_parts(question: EvalQuestion) -> list[str]:
    """Everything that may stand for an answer, folded: each answer, each item of a list answer, each fact."""
    listed = (part for answer in question.answers for part in answer.split(";"))
    return [key for key in map(folded, (*question.answers, *listed, *question.facts)) if key]


def _occurrences(part: str, text: str) -> list[int]:
    found: list[int] = []
    at = text.find(part) if part else -1
    while at >= 0:
        found.append(at)
        at = text.find(part, at + 1)
    return found
