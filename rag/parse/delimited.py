"""Tables as text (CSV, TSV): a line for each record; what turns out to be prose is read as plain text.

The separator is the one under which the records agree best on how many cells they have, quotes honoured. Rows are
numbered as a spreadsheet shows them: by record, the header being the first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from rag.errors import ParseError
from rag.parse.encoding import decode
from rag.parse.header import table_lines
from rag.parse.lay import lay
from rag.parse.plain import blocks_of
from rag.text.pagelines import ends_like_prose
from rag.types import Parsed

SAMPLE = 200  # records that a separator is judged by
MOST_CHARACTERS = 65_536  # of the text that a separator is judged by
_SEPARATORS = ",\t;|"
_SAID = re.compile(r"\A[\"']?sep=(.)[\"']?[ \t]*(?:\n|\Z)", re.IGNORECASE)


def parse(data: bytes, name: str) -> Parsed:
    """Rows with their columns' names, or paragraphs where the text is no table. Raises ParseError."""
    text, _ = decode(data, name)
    said = _SAID.match(text)
    separator = said.group(1) if said else _separator(text, name)
    if not separator:
        return Parsed(text, tuple(blocks_of(text)))
    body = text[said.end() :] if said else text
    rows = list(records(body, separator))
    if not any(any(cell.strip() for cell in row) for row in rows):
        raise ParseError(
            f"{name} holds a table without any text; add rows to it or remove it",
            f"{name} 中的表格没有任何文字；请补上内容或移除它",
        )
    return lay(table_lines(rows, first_row=1))


def records(text: str, separator: str) -> Iterator[list[str]]:
    """The records of a table: a cell in double quotes may hold separators, line breaks and, doubled, quotes.

    A quote that is never closed is a character like any other (the inches of 19" end no cell).
    """
    at, size, row = 0, len(text), list[str]()
    last = text.rfind('"')
    end = re.compile(f"[{re.escape(separator)}\n]")
    closing = re.compile(rf'"(?=[ \t]*(?:[{re.escape(separator)}\n]|\Z))')
    hopeless = size  # from here on no quote that opens is closed
    while at <= size:
        start = at
        while start < size and text[start] == " ":
            start += 1
        cell = None
        if start < min(last, hopeless) and text[start] == '"':
            cell, after = _quoted(text, start + 1, closing)
            if cell is None:
                hopeless = start
            else:
                at = after
        if cell is None:
            found = end.search(text, at)
            stop = found.start() if found else size
            cell, at = text[at:stop], stop
        else:
            found = end.search(text, at)
            at = found.start() if found else size
        row.append(cell)
        if at >= size or text[at] == "\n":
            if row != [""] or at < size:
                yield row
            row = []
        at += 1


def _quoted(text: str, start: int, closing: re.Pattern[str]) -> tuple[str | None, int]:
    """(cell, index after its closing quote), (None, …) where it is never closed."""
    at = start
    while True:
        quote = text.find('"', at)
        if quote < 0:
            return None, start
        if text.startswith('""', quote):
            at = quote + 2
            continue
        if closing.match(text, quote):
            return text[start:quote].replace('""', '"'), quote + 1
        at = quote + 1


def _separator(text: str, name: str) -> str:
    """The separator of a table, "" where the text is none."""
    sample = text[:MOST_CHARACTERS]
    if len(text) > MOST_CHARACTERS:
        sample = sample[: sample.rfind("\n") + 1] or sample
    best, chosen = 0.0, ""
    for order, separator in enumerate(_SEPARATORS):
        if separator not in sample:
            continue
        rows = []
        for row in records(sample, separator):
            if any(row):
                rows.append(row)
            if len(rows) >= SAMPLE:
                break
        sizes = Counter(len(row) for row in rows if len(row) > 1)
        if not sizes:
            continue
        size, times = sizes.most_common(1)[0]
        agree = times / len(rows)
        many = sum(sizes.values()) / len(rows)
        prose = sum(ends_like_prose(row[-1].strip()) for row in rows) / len(rows)
        spaced = sample.count(f"{separator} ") > 0.7 * sample.count(separator)  # as a comma in a sentence
        own = 0.2 if separator == "\t" and name.lower().endswith((".tsv", ".tab")) else 0.0
        score = agree + own + min(size, 20) / 100 - order / 1000
        table = (agree >= 0.5 or many >= 0.8) and not (prose >= 0.3 and (agree < 0.9 or spaced))
        if table and score > best:
            best, chosen = score, separator
    return chosen
