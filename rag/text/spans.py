"""Where the tokens of a text stand in it."""

from __future__ import annotations

from collections.abc import Iterator

from rag.text.tokens import _RUN, _plain, stem


def token_spans(folded: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, token) of folded text, in order: the tokens of `rag.text.tokens` but for the keys of values. The pairs
    of a run of Han characters overlap."""
    for match in _RUN.finditer(folded):
        start, end = match.span()
        if match.lastgroup == "number":
            yield start, end, _plain(match.group())
        elif match.lastgroup == "latin":
            yield start, end, stem(match.group())
        elif end - start == 1:
            yield start, end, match.group()
        else:
            yield from ((at, at + 2, folded[at : at + 2]) for at in range(start, end - 1))
