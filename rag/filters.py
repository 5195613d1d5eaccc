"""Where to look: the filters of a call, checked and made one `Scope`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TypedDict, get_args

from rag.errors import QuestionError, UnknownDocumentError
from rag.library import DocumentInfo, Library
from rag.text import dates
from rag.types import BODY_ROLES, Finding, Hits, Role

Names = str | Collection[str] | None
"""One name or several; None: no filter."""
Day = str | int | date | None
""" "2023", "2023-10", "2023-10-10", 2023, a date; None: no limit."""


class Only(TypedDict, total=False):
    """The filters as keywords: see `scope`."""

    documents: Names
    roles: Names
    since: Day
    until: Day
    rankers: Names


ROLES: tuple[str, ...] = get_args(Role)
_ISO = re.compile(r"\s*(\d{4})(?:([-/.])(\d{1,2})(?:\2(\d{1,2}))?)?\s*")
_MONTH = re.compile(r"\s?[-/.]\s?(1[0-2]|0?[1-9])(?!\d)")
_CLOCK = re.compile(r"(?:[T ]\s*\d{1,2}:\d{2}(?::\d{2})?)?(?:\.\d+)?\s*(?:Z|[+-]\d{2}:?\d{2})?", re.IGNORECASE)
_REMEMBERED = 64  # filters whose documents are remembered
_COMPARED = 5000  # names of documents that a misspelt one is compared with: each takes some 40 µs


@dataclass(frozen=True, slots=True)
class Scope:
    """What the filters of a call come to. None: everything."""

    doc_ids: frozenset[str] | None = None
    roles: frozenset[str] | None = None
    rankers: tuple[str, ...] | None = None

    def among(self, documents: Sequence[DocumentInfo]) -> list[DocumentInfo]:
        return [info for info in documents if self.doc_ids is None or info.id in self.doc_ids]

    def lets(self, findings: Sequence[Finding]) -> bool:
        """Whether all of these have a role that was asked for."""
        return self.roles is None or all(finding.passage.role in self.roles for finding in findings)

    def furniture(self, few: int, many: int) -> int:
        """How many furniture passages to read: few beside body text, many where nothing else is asked for."""
        return few if self.roles is None or self.roles & BODY_ROLES else many


class Catalogue:
    """The documents of a library as a filter sees them, as they are at one time. What a filter comes to is found by the
    library's indexes and remembered."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._found: dict[tuple[str, Hashable], frozenset[str]] = {}

    @property
    def count(self) -> int:
        """How many documents there are."""
        return self._library.document_count

    def named(self, name: str) -> frozenset[str]:
        """Ids of the documents that one filter names: an id, a file, a folder that ends in "/", or a pattern (`*` also
        crosses folders). Raises UnknownDocumentError where there is none, naming the nearest."""
        found = self._once("named", name, lambda: self._library.named(str(name)))
        if not found:
            near = difflib.get_close_matches(str(name), self._library.some_sources(_COMPARED), n=1, cutoff=0.4)
            hint = (f"; did you mean '{near[0]}'?", f"；是不是 {near[0]}？") if near else (".", "。")
            raise UnknownDocumentError(
                f"documents: no document '{name}'{hint[0]} List them with: python -m rag list",
                f"documents：没有文档 {name}{hint[1]} 查看全部：python -m rag list",
            )
        return found

    def dated(self, since: Day, until: Day) -> frozenset[str]:
        """Ids of the documents whose own date lies between two days, both included. One that states only a year or a month
        counts where any day of it does; one without a year is left out. Raises QuestionError."""
        first = _limit("since", since)[0] if since is not None else date.min
        last = _limit("until", until)[1] if until is not None else date.max
        if first > last:
            raise QuestionError(
                f"since ({since}) is later than until ({until}); exchange them",
                f"since（{since}）晚于 until（{until}）；请对调",
            )
        return self._once("dated", (first, last), lambda: self._library.dated(self._between(first, last)))

    def holding(self, roles: frozenset[str]) -> frozenset[str]:
        """Ids of the documents that have a passage of one of these roles."""
        return self._once("holding", roles, lambda: self._library.holding(roles))

    def _between(self, first: date, last: date) -> list[str]:
        told = ((text, days(text)) for text in self._library.dates())
        return [text for text, span in told if span is not None and span[0] <= last and span[1] >= first]

    def _once(self, what: str, of: Hashable, find: Callable[[], Collection[str]]) -> frozenset[str]:
        found = self._found.get((what, of))
        if found is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            found = self._found[what, of] = frozenset(find())
        return found


class Catalogues:
    """Remembers the catalogue of a library until its documents change, in whatever process."""

    def __init__(self) -> None:
        self._kept: tuple[Library, str, Catalogue] | None = None

    def of(self, library: Library) -> Catalogue:
        revision = library.revision  # before: what is found later may only be newer
        kept = self._kept
        if kept is not None and kept[0] is library and kept[1] == revision:
            return kept[2]
        made = Catalogue(library)
        self._kept = library, revision, made
        return made


def scope(
    catalogue: Callable[[], Catalogue],
    known: Sequence[str],
    *,
    doc_ids: Collection[str] | None = None,
    documents: Names = None,
    roles: Names = None,
    since: Day = None,
    until: Day = None,
    rankers: Names = None,
) -> Scope:
    """The filters of one call; a document must pass all of them. `known`: the names of the rankers there are.

    Raises UnknownDocumentError for a name in `documents` that fits none (an unknown id in `doc_ids` matches nothing),
    QuestionError for any other value that cannot be."""
    allowed = None if doc_ids is None else frozenset(_several(doc_ids))
    if documents is not None:
        named = frozenset[str]().union(*map(catalogue().named, _several(documents)))
        allowed = named if allowed is None else allowed & named
    if since is not None or until is not None:
        dated = catalogue().dated(since, until)
        allowed = dated if allowed is None else allowed & dated
    wanted = None if roles is None else frozenset(_known("roles", _several(roles), ROLES))
    # Every document has body text; a search for what few have would go through the passages of all.
    if wanted is not None and "body" not in wanted:
        few = catalogue().holding(wanted)
        if 2 * len(few) <= catalogue().count:
            allowed = few if allowed is None else allowed & few
    chosen = None if rankers is None else tuple(_known("rankers", _several(rankers), known))
    if chosen == ():
        raise QuestionError(
            f"rankers: none is named; name one of: {', '.join(known)}",
            f"rankers：没有指定；可用的有：{'、'.join(known)}",
        )
    return Scope(allowed, wanted, chosen)


@lru_cache(maxsize=1 << 17)  # the documents' dates outlive a catalogue, which is made anew whenever one of them changes
def days(text: str) -> tuple[date, date] | None:
    """First and last day of the first date in a text that names a year: of "2023年10月" October 1 and 31; None where
    there is none."""
    iso = _iso(text)
    if iso is not None:
        return iso
    for found in dates(text):
        if found.year is None:
            continue
        month = found.month
        if month is None:  # "2023-10 修订": a month only where a date is expected
            more = _MONTH.match(text, found.end)
            month = int(more[1]) if more else None
        span = _span(found.year, month, found.day) or _span(found.year, month, None)
        if span is not None:
            return span
    return None


def _limit(name: str, value: Day) -> tuple[date, date]:
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return value, value
    text = str(value).strip()
    found = _iso(text) or _whole(text)
    if found is None:
        raise QuestionError(
            f"{name}: '{value}' is no date; write it as 2023, 2023-10 or 2023-10-10",
            f"{name}：“{value}”不是日期；请写成 2023、2023-10 或 2023-10-10",
        )
    return found


def _whole(text: str) -> tuple[date, date] | None:
    """The days of a text that is one date and no more, but for a time of day: what else a filter says ("2023-W41",
    "2019–2023", "10/11/2023") must not be taken for a year."""
    found = dates(text)
    if len(found) != 1 or found[0].start or not _CLOCK.fullmatch(text, found[0].end):
        return None
    year, month, day = found[0].year, found[0].month, found[0].day
    return _span(year, month, day) if year is not None else None


def _iso(text: str) -> tuple[date, date] | None:
    match = _ISO.fullmatch(text)
    return _span(int(match[1]), *(int(part) if part else None for part in (match[3], match[4]))) if match else None


def _span(year: int, month: int | None, day: int | None) -> tuple[date, date] | None:
    try:
        if month is None:
            return date(year, 1, 1), date(year, 12, 31)
        if day is not None:
            return date(year, month, day), date(year, month, day)
        following = date(year + month // 12, month % 12 + 1, 1) if (year, month) != (9999, 12) else date.max
        return date(year, month, 1), following - timedelta(days=following != date.max)
    except ValueError:
        return None


def _several(names: str | Collection[str]) -> Collection[str]:
    return [names] if isinstance(names, str) else names


def _known(which: str, names: Collection[str], known: Sequence[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = (f"; did you mean '{near[0]}'?", f"；是不是 {near[0]}？") if near else (";", "；")
            raise QuestionError(
                f"{which}: there is no '{name}'{hint[0]} there are: {', '.join(known)}",
                f"{which}：没有“{name}”{hint[1]}可用的有：{'、'.join(known)}",
            )
        yield name


def placed(hits: Hits, library: Library) -> Hits:
    """The hits with source, date and length of their documents. Asks for these documents alone: what a question costs does
    not grow with the folder, nor while it is being read."""
    infos = {info.id: info for info in library.documents({hit.passage.doc_id for hit in hits})} if hits else {}
    out = []
    for hit in hits:
        info = infos.get(hit.passage.doc_id)
        out.append(replace(hit, source=info.source, date=info.date, characters=info.characters) if info else hit)
    return Hits(out, hits.query, hits.away)
