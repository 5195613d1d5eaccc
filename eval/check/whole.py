"""What is to be said of a whole set: repeated questions, questions of other sets, its balance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eval.check import repeats
from eval.check.corpus import Corpus
from eval.check.finding import SEVERITIES, Finding, Severity, short
from eval.check.single import of_question
from eval.match import folded
from eval.questions import EvalQuestion, QuestionSet
from rag.text import language

_FEW = 5  # questions of a type, below which its mean says little
_TELLING = 12  # folded characters of evidence, from which on it is a sentence's own and no cell that recurs


def findings(
    questions: Sequence[EvalQuestion], texts: Mapping[str, str], others: Sequence[QuestionSet] = ()
) -> list[Finding]:
    """All findings, the gravest first, else in the order of the set. `texts` is the corpus, source -> text; where it
    is empty what needs it is passed over. `others` are sets that must share no question with this one."""
    gold = Corpus(texts)
    found = [finding for question in questions for finding in of_question(question, gold)]
    found += _repeated(questions)
    for other in others:
        found += _leaked(questions, other)
    found += _balance(questions, gold)
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def counts(questions: Sequence[EvalQuestion], texts: Mapping[str, str]) -> dict[str, Any]:
    """{questions, answerable, unanswerable, documents, types: {type: n}, langs: {lang: n}, overlap: mean or None}."""
    shares = [share for share in map(Corpus(texts).overlap, questions) if share is not None]
    return {
        "questions": len(questions),
        "answerable": sum(question.answerable for question in questions),
        "unanswerable": sum(not question.answerable for question in questions),
        "documents": len(texts),
        "types": dict(Counter(question.type for question in questions if question.type).most_common()),
        "langs": dict(Counter(question.lang or language(question.question) for question in questions).most_common()),
        "overlap": round(sum(shares) / len(shares), 3) if shares else None,
    }


def _repeated(questions: Sequence[EvalQuestion]) -> Iterator[Finding]:
    grave: Severity
    for a, b in repeats.same(questions):
        one, other = questions[a], questions[b]
        ids = (one.id, other.id)
        if repeats.contradict(one, other):
            # asked of two documents, as in "how long is this fish?", each is right in its own place alone
            grave = "warning" if one.answerable and other.answerable and repeats.apart(one, other) else "error"
            told = short(one.question)
            yield Finding(
                grave,
                "contradiction",
                ids,
                f"the same question, another gold: {told}",
                f"同一个问题，答案不一致：{told}",
            )
        else:
            yield Finding(
                "warning", "duplicate", ids, f"asked twice: {short(one.question)}", f"重复的问题：{short(one.question)}"
            )
    for a, b, share in repeats.nearly_same(questions):
        one, other = questions[a], questions[b]
        grave = "note" if one.group and one.group == other.group else "warning"
        told = f"{short(one.question)} / {short(other.question)} ({share:.2f})"
        yield Finding(grave, "near-duplicate", (one.id, other.id), f"nearly the same: {told}", f"几乎相同：{told}")


def _leaked(questions: Sequence[EvalQuestion], other: QuestionSet) -> Iterator[Finding]:
    """Pairs of a question of ours and one of the other set; the ids are ours, then theirs."""
    both = (*other.questions, *questions)  # theirs come first, so that each pair is told of once
    theirs: dict[repeats.Key, EvalQuestion] = {}
    for question in other.questions:
        theirs.setdefault(repeats.key_of(question), question)
    for question in questions:
        known = theirs.get(repeats.key_of(question))
        if known is None or not question.question.strip():
            continue
        ids, told = (question.id, known.id), short(question.question)
        if repeats.agree(question, known):
            yield Finding("error", "leak", ids, f"is in {other.name} too: {told}", f"{other.name} 里也有：{told}")
        else:
            yield Finding(
                "note",
                "asked-elsewhere",
                ids,
                f"asked in {other.name} too, of something else: {told}",
                f"{other.name} 里也问过，答案不同：{told}",
            )
    for a, b, share in repeats.nearly_same(both, theirs=len(other.questions)):
        told = f"{short(both[b].question)} / {short(both[a].question)} ({share:.2f})"
        yield Finding(
            "warning",
            "near-leak",
            (both[b].id, both[a].id),
            f"nearly the same in {other.name}: {told}",
            f"{other.name} 里有几乎相同的：{told}",
        )
    proofs = {key for q in other.questions for key in map(folded, q.evidence) if len(key) >= _TELLING}
    shared = tuple(q.id for q in questions if proofs & set(map(folded, q.evidence)))
    if shared:
        yield Finding(
            "note",
            "shared-evidence",
            shared,
            f"{len(shared)} {'question rests' if len(shared) == 1 else 'questions rest'} on evidence that {other.name} asks about too",
            f"有 {len(shared)} 题的依据在 {other.name} 里也被问到",
        )


def _balance(questions: Sequence[EvalQuestion], corpus: Corpus) -> Iterator[Finding]:
    n = len(questions)
    share = sum(question.answerable for question in questions) / n if n else 0.5
    if not 0.2 <= share <= 0.8:
        yield Finding(
            "note",
            "one-sided",
            (),
            f"{share:.0%} of the questions have an answer; refusing is measured well from 20 % to 80 %",
            f"{share:.0%} 的题目有答案；在 20 %～80 % 之间才便于衡量拒答",
        )
    kinds: dict[str, list[str]] = defaultdict(list)
    for question in questions:
        kinds[question.type or "-"].append(question.id)
    few = {kind: ids for kind, ids in kinds.items() if len(ids) < _FEW}
    if few and len(kinds) > 1:
        told = ", ".join(f"{kind} {len(ids)}" for kind, ids in sorted(few.items()))
        ids = tuple(key for held in few.values() for key in held)
        yield Finding(
            "note", "few", ids, f"types of fewer than {_FEW} questions: {told}", f"不足 {_FEW} 题的类型：{told}"
        )
    shares = [share for share in map(corpus.overlap, questions) if share is not None]
    if shares:
        mean = sum(shares) / len(shares)
        yield Finding(
            "note",
            "overlap",
            (),
            f"on average {mean:.0%} of a question's words stand in its gold ({len(shares)} questions in "
            "its language); the more, the more a search by words is favoured",
            f"问题的字词平均有 {mean:.0%} 出现在依据里（{len(shares)} 题，语言相同者）；越高越偏向按字面检索",
        )
