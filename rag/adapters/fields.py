"""What every adapter hands on beside a passage's text, as plain values that any framework can store."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from rag.errors import SettingsError
from rag.types import Hit

FILTERS = ("doc_ids", "documents", "roles", "since", "until", "rankers")
"""Keywords of `Assistant.retrieve` that narrow a search."""


def metadata(hit: Hit, rank: int) -> dict[str, Any]:
    """Where a passage stands and why it was found, in values that JSON can hold.

    `start` and `end` are character offsets in the document; `rank` counts from 1, `ranks` are those that each ranker gave;
    `page` and `row` are None where the format has none, `date` is as the document states it, "" where it does not.
    """
    passage = hit.passage
    return {
        "source": hit.source,
        "doc_id": passage.doc_id,
        "title": passage.title,
        "path": list(passage.path),
        "role": passage.role,
        "page": passage.page,
        "row": passage.row,
        "date": hit.date,
        "start": passage.start,
        "end": passage.end,
        "rank": rank,
        "score": hit.score,
        "ranks": dict(hit.ranks),
    }


def identity(hit: Hit) -> str:
    """The same for the same stretch of the same document, on every machine."""
    return str(hit.passage.id)


def counted(name: str, value: int) -> int:
    """How many passages to find. Raises SettingsError for what is no whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SettingsError(
            f"{name} is {value!r}; it must be a whole number, 1 or more", f"{name} 为 {value!r}，应为不小于 1 的整数"
        )
    return value


def within(passed: Mapping[str, Any]) -> None:
    """Raises SettingsError where a filter was passed by itself: it would be passed over, and everything be found."""
    for key in passed:
        if key in FILTERS:
            raise SettingsError(
                f"'{key}' goes into filters: filters={{'{key}': …}}", f"{key} 应写在 filters 里：filters={{'{key}': …}}"
            )


def known(filters: Mapping[str, Any] | None) -> dict[str, Any]:
    """The filters that are set. Raises SettingsError for one that does not exist, with the nearest spelling."""
    for key in filters or {}:
        if key not in FILTERS:
            near = difflib.get_close_matches(str(key), FILTERS, n=1)
            hint = (f"; did you mean '{near[0]}'?", f"；是不是 {near[0]}？") if near else (".", "。")
            raise SettingsError(
                f"unknown filter '{key}'{hint[0]} Filters: {', '.join(FILTERS)}",
                f"没有名为 {key} 的筛选条件{hint[1]} 可用的有：{'、'.join(FILTERS)}",
            )
    return {key: value for key, value in (filters or {}).items() if value is not None}
