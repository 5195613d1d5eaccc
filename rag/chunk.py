"""Documents to passages: whole sentences of one section, a paragraph each where that is about the right size."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from rag.table import labelled
from rag.text import dates, fold, is_han
from rag.text.pagelines import read_line
from rag.text.sentences import clause_spans, sentence_spans, trim
from rag.text.wrap import LIST_MARK, paragraph_spans
from rag.types import Document, Passage, Section, passage_id

TOKENS = 450  # estimated model tokens that a passage may hold; the default model reads 512 with title and path
Spans = list[tuple[int, int]]
_WIDE = re.compile(r"[\u2e80-\U0010ffff]+")
_SIGN = re.compile(r"[^\w\s]|\d")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_LONGEST_NAME = 40  # characters of a file's name; saved pages have longer ones, which say nothing new
_CLOCK = re.compile(r"\s*\d{1,2}:\d\d.*")
_ADDS = 0.3  # share of a file name's characters that its document's title lacks
_MANY = 2000  # sentences and clauses in one paragraph, beyond which the smallest are put together
_ASKED = re.compile(r"(?:Q\d*|问|問|提问)\s*[:：.、]", re.IGNORECASE)


def chunk(document: Document, *, chars: int = 300) -> list[Passage]:
    """Passages in document order, without overlap; `passage.text == document.text[passage.start:passage.end]`.

    `chars` is the aimed length in characters of Chinese text (English counts about a third of its letters). A
    paragraph of up to that size is a passage of its own; tiny ones are packed with their neighbours of the same
    section, longer ones are split between sentences into even parts. Titles and headings travel as `title` and `path`
    and are passages only where a document has nothing else.
    """
    title = title_of(document)
    chosen = [
        section for section in document.sections if section.role not in {"title", "heading"} and not section.names
    ]
    made = [passage for section in chosen for passage in _passages(document, section, chars, title)]
    if made:
        return made
    return [passage for section in document.sections for passage in _passages(document, section, chars, title)]


def size(text: str) -> float:
    """Length in characters of Chinese text: a wide character counts one, any other two fifths."""
    narrow = len(_WIDE.sub("", text))
    return len(text) - narrow + narrow / 2.5


def tokens_estimate(text: str) -> float:
    """Tokens of a multilingual SentencePiece model, estimated high: one a wide character, 0.8 a digit or sign, one for
    every three of the rest."""
    narrow = _WIDE.sub("", text)
    signs = len(_SIGN.findall(narrow))
    return len(text) - len(narrow) + 0.8 * signs + (len(narrow) - signs) / 3


def _passages(document: Document, section: Section, chars: int, title: str) -> list[Passage]:
    text = document.text
    if section.columns:
        return _rows(document, section, chars, title)
    found: Spans = []
    paragraphs = [
        (section.start + a, section.start + b)
        for a, b in paragraph_spans(text[section.start : section.end])
        if any(c.isalnum() for c in text[section.start + a : section.start + b])
    ]
    for group in _pack(text, paragraphs, section, chars):
        if len(group) == 1 and not _fits(text, group[0][0], group[0][1], chars * 1.35):
            found.extend(_split(text, group[0], chars))
        else:
            found.append((group[0][0], group[-1][1]))
    title = "" if section.role == "title" else title
    row, counted = section.row, section.start
    made: list[Passage] = []
    for a, b in found:
        if row is not None:
            row, counted = row + text.count("\n", counted, a), a
        made.append(
            Passage(
                passage_id(document.id, a, b), document.id, text[a:b], a, b, title, section.path, section.role,
                section.page, row,
            )
        )  # fmt: skip
    return made


def _rows(document: Document, section: Section, chars: int, title: str) -> list[Passage]:
    """A passage for each row, with what the table's header says of its cells; a row too long for one is cut like any
    paragraph, and then without."""
    text, found, at = document.text, [], section.start
    for index, line in enumerate(text[section.start : section.end].split("\n")):
        span = trim(text, at, at + len(line))
        row = None if section.row is None else section.row + index
        at += len(line) + 1
        if not any(c.isalnum() for c in line):
            continue
        whole = _fits(text, *span, 3 * chars) and tokens_estimate(labelled(line, section.columns)) <= TOKENS
        for a, b in [span] if whole else _split(text, span, chars):
            columns = section.columns if whole else ()
            found.append(
                Passage(
                    passage_id(document.id, a, b), document.id, text[a:b], a, b, title, section.path, section.role,
                    section.page, row, columns,
                )
            )  # fmt: skip
    return found


def title_of(document: Document) -> str:
    """The title, with what the file's name adds to it (河灯节2023.txt), or else the document's date where neither tells a
    year: what tells twins apart often stands there and nowhere in their paragraphs."""
    title, place = document.title, PurePosixPath(document.source)
    name = re.sub(r"[_\s–—-]+", " ", place.stem).strip() if place.suffix else ""
    known = fold(title)
    letters = [c for c in fold(name) if is_han(c)]
    fresh = sum(c not in known for c in letters)
    years = {date.year for date in dates(title)}
    named = any(int(year) not in years and year not in known for year in _YEAR.findall(name))
    if len(name) <= _LONGEST_NAME and (named or fresh > len(letters) * _ADDS):
        return f"{title} ({name})"
    stated = document.value("date")
    when = next(iter(dates(stated)), None)
    if when and when.year and not years and not any(date.year for date in dates(name)):
        return f"{title} ({_CLOCK.sub('', stated[when.start : when.end])})"
    return title


def _fits(text: str, start: int, end: int, limit: float) -> bool:
    piece = text[start:end]
    return size(piece) <= limit and tokens_estimate(piece) <= TOKENS


def _pack(text: str, paragraphs: Spans, section: Section, chars: int) -> list[Spans]:
    """Groups of neighbouring paragraphs: an intro with its list, rows, tiny lines; a full paragraph stays alone."""
    tiny = chars * 0.2
    groups: list[Spans] = []
    for span in paragraphs:
        last = groups[-1] if groups else None
        if last and _fits(text, last[0][0], span[1], chars) and _belongs(text, last, span, section, tiny):
            last.append(span)
        else:
            groups.append([span])
    return groups


def _belongs(text: str, group: Spans, span: tuple[int, int], section: Section, tiny: float) -> bool:
    before, here = text[slice(*group[-1])], text[slice(*span)]
    if section.role != "body":
        mark = read_line(here)
        return not (mark and mark.role in {"related", "comment"})  # the head of another list
    if LIST_MARK.match(here + " ") or _row(here):
        # Items stay with the line that announces them and with each other, not with a paragraph that merely precedes.
        listed = LIST_MARK.match(before + " ") or _row(before)
        return bool(listed) or before.rstrip().endswith(("：", ":")) or size(before) <= tiny
    if before.rstrip().endswith(("：", ":")):
        return True
    if _ASKED.match(here):
        return False  # each question starts the passage that answers it
    short = size(text[group[0][0] : group[-1][1]]) <= tiny or size(here) <= tiny
    return short and not (LIST_MARK.match(before + " ") and size(here) > tiny)


def _row(line: str) -> bool:
    return line.startswith("|") or " | " in line or "\t" in line


def _split(text: str, span: tuple[int, int], chars: int) -> Spans:
    """One long paragraph cut between sentences into parts of even length; the split with the smallest squared
    deviation, by dynamic programming over the sentences."""
    units = _units(text, span, chars)
    if len(units) > _MANY:
        units = _merged(text, units, chars / 20)
    lengths = [size(text[a:b]) for a, b in units]
    costs = [tokens_estimate(text[a:b]) for a, b in units]
    total = sum(lengths)
    aim = total / max(1, round(total / chars + 0.3))
    best: list[float] = [0.0] + [float("inf")] * len(units)
    cut = [0] * (len(units) + 1)
    for end in range(1, len(units) + 1):
        length = tokens = 0.0
        for start in range(end - 1, -1, -1):
            length += lengths[start]
            tokens += costs[start]
            if start < end - 1 and (length > chars * 1.35 or tokens > TOKENS):
                break
            cost = best[start] + (length - aim) ** 2
            if cost < best[end]:
                best[end], cut[end] = cost, start
    bounds, end = [], len(units)
    while end:
        bounds.append((units[cut[end]][0], units[end - 1][1]))
        end = cut[end]
    return [trimmed for a, b in reversed(bounds) if (trimmed := trim(text, a, b))[0] < trimmed[1]]


def _units(text: str, span: tuple[int, int], chars: int) -> Spans:
    """Sentences of a paragraph; one too long for a passage is cut at clauses, and then anywhere."""
    units: Spans = []
    base = span[0]
    for a, b in sentence_spans(text[span[0] : span[1]]):
        start, end = base + a, base + b
        if _fits(text, start, end, chars * 1.35):
            units.append((start, end))
            continue
        for c, d in clause_spans(text[start:end]):
            units.extend(_hard(text, start + c, start + d, chars))
    return units


def _merged(text: str, units: Spans, least: float) -> Spans:
    """Neighbours put together until each is of some size: a paragraph of a hundred thousand crumbs has as many ways to be
    cut, and each takes its time."""
    found: Spans = []
    small = False
    for start, end in units:
        if small:
            start = found.pop()[0]
        found.append((start, end))
        small = end - start < 3 * least and size(text[start:end]) < least
    return found


def _hard(text: str, start: int, end: int, chars: int) -> Spans:
    """Pieces of at most `chars`, cut at white space where there is some."""
    pieces: Spans = []
    while start < end:
        stop = min(end, start + 6 * chars)  # no passage is longer; keeps the time linear
        while stop > start + 1 and not _fits(text, start, stop, chars):
            over = max(size(text[start:stop]) / chars, tokens_estimate(text[start:stop]) / TOKENS)
            stop = min(stop - 1, start + max(1, int((stop - start) / max(over, 1.01))))
        if stop < end:
            space = max(
                text.rfind(" ", start + (stop - start) // 2, stop), text.rfind("\n", start + (stop - start) // 2, stop)
            )
            stop = space + 1 if space > start else stop
        pieces.append((start, stop))
        start = stop
    return pieces
