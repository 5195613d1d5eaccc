"""Which words of a query a text holds, and where they stand in either.

Words are compared as they are searched for: folded (網絡 is 网络, ２００ is 200), English without plural s, Chinese by
overlapping pairs of characters, numbers and dates by value (三千万 is 3000万). What is shown is always as written.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.text import dates, fold_map, is_han, numbers, unfold, value_keys
from rag.text.spans import token_spans
from rag.text.tokens import ENGLISH_STOPS
from rag.understand import terms

Spans = list[tuple[int, int]]
Show = Callable[[str], str]

_SLIGHT = frozenset("有是在与和及或的了也都被把对从到于年月日号个")  # says nothing where it stands alone


@dataclass(frozen=True, slots=True)
class Words:
    """What a query asks about, without the words that only ask."""

    spans: tuple[tuple[int, int], ...]  # of each word in the folded query, in order, apart from each other
    keys: frozenset[str]  # what a text is compared by: folded words, pairs of characters, values
    folded: str
    at: tuple[int, ...]  # see rag.text.fold_map
    values: tuple[tuple[int, int, frozenset[str]], ...]  # numbers and dates in the folded query, with their keys


@lru_cache(maxsize=64)  # one query, asked of every hit
def words(query: str) -> Words:
    """The words of a query; all of it where it holds nothing but words that ask."""
    folded, at = fold_map(query)
    all_of_it = [(start, end) for start, end, key in token_spans(folded) if key not in ENGLISH_STOPS]
    spans = _named(folded, terms(query)) or _joined(all_of_it)
    keys = {key for span in spans for _, _, key in _tokens(folded, *span)}
    values = tuple((bisect_left(at, start), bisect_left(at, end), told) for start, end, told in _values(query))
    return Words(tuple(spans), frozenset(keys).union(*(told for _, _, told in values)), folded, tuple(at), values)


def marks(text: str, asked: Words) -> Spans:
    """The stretches of a text that words of the query match, in order, apart from each other."""
    if not asked.keys or not text:
        return []
    folded, at = fold_map(text)
    found = [(start, end) for start, end, key in token_spans(folded) if key in asked.keys]
    single = {key for key in asked.keys if len(key) == 1 and is_han(key)}  # 桥 stands inside words too
    found += [(i, i + 1) for i, character in enumerate(folded) if character in single]
    spans = [unfold(at, *span) for span in found]
    spans += [(start, end) for start, end, told in _values(text) if told & asked.keys]
    return _joined(spans)


def held(query: str, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of the query that a text holds, and those that it lacks, as the query writes them. Of a run of Chinese, what
    the text holds counts apart from what it lacks."""
    asked = words(query)
    folded = fold_map(text)[0]
    there = {key for _, _, key in token_spans(folded)} | set(folded) if folded else set()
    values = frozenset[str]().union(*(told for _, _, told in _values(text)))
    known = [False] * len(asked.folded)
    for span in asked.spans:
        for start, end, key in _tokens(asked.folded, *span):
            if key in there:
                known[start:end] = [True] * (end - start)
    for start, end, told in asked.values:
        if told & values:
            known[start:end] = [True] * (end - start)
    yes: dict[str, None] = {}
    no: dict[str, None] = {}
    for start, end in (run for span in asked.spans for run in _runs(known, *span)):
        word = query[slice(*unfold(list(asked.at), start, end))].strip()
        if any(map(str.isalnum, word)):
            (yes if known[start] else no)[word] = None
    return tuple(yes), tuple(word for word in no if word not in yes)


def marked(text: str, spans: Iterable[tuple[int, int]], plain: Show, mark: Show) -> str:
    """The text with its spans, in order and apart, shown by `mark` and the rest by `plain`."""
    out, at = [], 0
    for start, end in spans:
        out += [plain(text[at:start]), mark(text[start:end])]
        at = end
    return "".join([*out, plain(text[at:])])


def _named(folded: str, pieces: Sequence[str]) -> Spans:
    """Where the pieces that `terms` gives stand in the folded query. An English one is a stem: its word counts."""
    pieces = [piece for piece in pieces if piece not in _SLIGHT and any(True for _ in token_spans(piece))]
    wanted = set(pieces)
    out = [(start, end) for start, end, key in token_spans(folded) if key in wanted and not is_han(key[0])]
    for piece in pieces:
        at = folded.find(piece)
        while at >= 0:
            if not any(start <= at < end for start, end in out):
                out.append((at, at + len(piece)))
            at = folded.find(piece, at + len(piece))
    return _joined(out, touching=False)


def _tokens(folded: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    for a, b, key in token_spans(folded[start:end]):
        if key not in ENGLISH_STOPS:
            yield start + a, start + b, key


def _values(text: str) -> list[tuple[int, int, frozenset[str]]]:
    """Numbers of two digits and more, and dates, with what they are compared by."""
    found = [(d.start, d.end) for d in dates(text)] + [(n.start, n.end) for n in numbers(text)]
    told = ((start, end, frozenset(value_keys(text[start:end]))) for start, end in found)
    return [(start, end, keys) for start, end, keys in told if keys]


def _runs(known: Sequence[bool], start: int, end: int) -> Spans:
    """The stretches of one value."""
    out: Spans = []
    for at in range(start, end):
        if out and known[at] == known[at - 1]:
            out[-1] = (out[-1][0], at + 1)
        else:
            out.append((at, at + 1))
    return out


def _joined(spans: Iterable[tuple[int, int]], touching: bool = True) -> Spans:
    """In order, with overlapping ones (and those that touch) made one."""
    out: Spans = []
    for start, end in sorted(spans):
        if out and (start < out[-1][1] or (touching and start == out[-1][1])):
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out
