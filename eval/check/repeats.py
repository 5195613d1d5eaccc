"""Questions that are asked twice: within a set, where one fact would count twice, and in two sets, where what was
tuned on would be measured."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations
from math import ceil

from eval.match import bigrams, folded
from eval.questions import EvalQuestion

NEAR = 0.8
"""Jaccard similarity of the character bigrams of two questions, from which on they are said to be nearly the same."""

Key = tuple[str, ...]
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


def key_of(question: EvalQuestion) -> Key:
    """What is asked, folded, in the chat that it is asked in."""
    return (folded(question.question), *map(folded, question.history))


def same(questions: Sequence[EvalQuestion]) -> list[tuple[int, int]]:
    """Pairs of places (the first of its kind, a later one) of questions that fold to the same."""
    first: dict[Key, int] = {}
    pairs = []
    for place, question in enumerate(questions):
        before = first.setdefault(key_of(question), place)
        if before != place and question.question.strip():
            pairs.append((before, place))
    return pairs


def nearly_same(
    questions: Sequence[EvalQuestion], least: float = NEAR, theirs: int = 0
) -> list[tuple[int, int, float]]:
    """(earlier place, later place, similarity) of questions of one chat whose bigrams are as similar as `least` or
    more, yet not the same: each later question once. Those that name different numbers ask for different things and
    are left out. Where the first questions are another set's, as many as `theirs`, only pairs of the two sets
    count."""
    places: list[int] = []
    seen: set[Key] = set()
    for place, question in enumerate(questions):
        key = key_of(question)
        if key not in seen:
            seen.add(key)
            places.append(place)
    asked = [bigrams(questions[place].question) for place in places]
    found: dict[int, tuple[int, int, float]] = {}
    for a, b, similarity in similar(asked, least):
        if theirs and not places[a] < theirs <= places[b]:
            continue
        one, other = questions[places[a]], questions[places[b]]
        told = found.get(b)
        if (
            key_of(one)[1:] == key_of(other)[1:]
            and _numbers(one) == _numbers(other)
            and (not told or told[2] < similarity)
        ):
            found[b] = (places[a], places[b], similarity)
    return [found[b] for b in sorted(found)]


def similar(sets: Sequence[AbstractSet[str]], least: float) -> Iterator[tuple[int, int, float]]:
    """(i, j, Jaccard similarity) with i < j of every pair of sets at least so similar. Two such sets share two of their
    rarest elements (one, where a single one may be all that they share), so that only those that do are compared: prefix
    filtering (Chaudhuri et al., ICDE 2006), with a longer prefix of which more is shared (Wang, Li, Feng, SIGMOD 2012)."""
    counts = Counter(element for held in sets for element in held)
    ranks = {
        element: rank for rank, element in enumerate(sorted(counts, key=lambda element: (counts[element], element)))
    }
    width = 2 if least > 0.5 else 1
    index: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for j, held in enumerate(sets):
        rare = sorted(ranks[element] for element in held)
        prefix = rare[: len(rare) - ceil(least * len(rare) - 1e-9) + width]
        keys = list(combinations(prefix, min(width, len(prefix)))) if prefix else []
        for i in sorted({i for key in keys for i in index.get(key, ())}):
            other = sets[i]
            if min(len(held), len(other)) < least * max(len(held), len(other)):
                continue
            shared = len(held & other)
            similarity = shared / (len(held) + len(other) - shared)
            if similarity >= least:
                yield i, j, similarity
        for key in keys:
            index[key].append(j)


def contradict(one: EvalQuestion, other: EvalQuestion) -> bool:
    """Whether no system could be right on both: one has an answer and the other has none, or they share no answer."""
    if one.answerable != other.answerable:
        return True
    ours, theirs = _answers(one), _answers(other)
    return bool(ours and theirs) and not any(a in b or b in a for a in ours for b in theirs)


def apart(one: EvalQuestion, other: EvalQuestion) -> bool:
    """Whether two questions are known to be about different documents."""
    ours, theirs = _documents(one), _documents(other)
    return bool(ours and theirs) and not ours & theirs


def agree(one: EvalQuestion, other: EvalQuestion) -> bool:
    """Whether what is right for one tells what is right for the other."""
    if not one.answerable or not other.answerable:
        return one.answerable == other.answerable
    return bool(_answers(one) & _answers(other)) or bool(set(one.evidence) & set(other.evidence))


def _answers(question: EvalQuestion) -> set[str]:
    return {key for key in map(folded, (*question.answers, *question.facts)) if key}


def _documents(question: EvalQuestion) -> set[str]:
    places = {place.source for item in question.spans for place in item}
    return places | set(question.relevant) | ({question.source} if question.source else set())


def _numbers(question: EvalQuestion) -> list[str]:
    return _DIGITS.findall(folded(question.question))
