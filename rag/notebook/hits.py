"""Hits as a table, as lines of a terminal, and as a data frame."""

from __future__ import annotations

from typing import Any

from rag.notebook.look import FAINT, bar, by_language, clipped, folded, frame, framed, shown, table
from rag.text import language
from rag.text.whereabouts import kind_of, where
from rag.types import BODY_ROLES, Hit, Hits
from rag.wording import marks, words

_LONGEST = 260  # characters of a passage shown before it is opened
_COLUMNS = 110  # of a terminal
_ROWS = 100  # hits shown; the rest is counted


def hits_html(hits: Hits) -> str:
    """A table: rank, passage with the query's words marked, where it stands, date, score, each ranker's rank."""
    query, lang = hits.query, _language(hits)
    say = by_language(lang == "en")
    if not hits:
        return framed(f"<p>{shown(nothing(query))}</p>")
    asked = words(query)
    dated = any(hit.date for hit in hits)
    names = _rankers(hits)
    head = ["#", say("段落", "passage"), say("出处", "where"), *[say("日期", "date")] * dated, say("得分", "score")]
    best = max(hit.score for hit in hits)
    rows = []
    for number, hit in enumerate(hits[:_ROWS], 1):
        passage = hit.passage
        rows.append(
            [
                str(hit.rank or number),
                folded(passage.text, marks(passage.text, asked), _LONGEST),
                _where(hit, lang),
                *[shown(hit.date)] * dated,
                f"{hit.score:.4f}{bar(hit.score / best if best > 0 else 0.0)}",
                *(str(hit.ranks.get(name, "–")) for name in names),
            ]
        )
    told = say(f"“{query}”的 {len(hits)} 个段落", f"{_counted(hits)} for “{query}”") if query else _counted(hits)
    rest = f"<p style='{FAINT}'>{_rest(hits)}</p>" if len(hits) > _ROWS else ""
    return framed(f"<p style='{FAINT}'>{shown(told)}</p>{table([*head, *map(shown, names)], rows)}{rest}")


def hits_text(hits: Hits) -> str:
    """Two lines a hit."""
    if not hits:
        return clipped(nothing(hits.query), _COLUMNS)
    lines = [clipped(f"{_counted(hits)} for “{hits.query}”" if hits.query else _counted(hits), _COLUMNS)]
    for number, hit in enumerate(hits[:_ROWS], 1):
        ranks = ", ".join(f"{name} {rank}" for name, rank in sorted(hit.ranks.items()))
        place = " › ".join(part for part in (hit.source or hit.passage.title, *hit.passage.path) if part)
        lines.append(f"{hit.rank or number:>3}  " + clipped(f"{hit.score:.4f}  {place}  ({ranks})", _COLUMNS - 5))
        lines.append("     " + clipped(hit.passage.text, _COLUMNS - 5))
    return "\n".join([*lines, *[f"     {_rest(hits)}"] * (len(hits) > _ROWS)])


def hits_frame(hits: Hits) -> Any:
    """One row a hit, best first. Raises MissingExtraError without pandas."""
    names = _rankers(hits)
    columns = [
        "rank", "score", *(f"{name}_rank" for name in names), "text", "title", "source", "path", "page", "row", "date",
        "role", "doc_id", "start", "end",
    ]  # fmt: skip
    rows = [
        [
            hit.rank or number, hit.score, *(hit.ranks.get(name) for name in names), hit.passage.text,
            hit.passage.title, hit.source, " › ".join(hit.passage.path), hit.passage.page, hit.passage.row, hit.date,
            hit.passage.role, hit.passage.doc_id, hit.passage.start, hit.passage.end,
        ]
        for number, hit in enumerate(hits, 1)
    ]  # fmt: skip
    return frame(columns, rows, [*(f"{name}_rank" for name in names), "page", "row"])


def nothing(query: str) -> str:
    """What is said where nothing was found."""
    if language(query) == "en":
        found = f"No passage was found for “{query}”" if query else "No passage was found"
        return f"{found}: try other words, or fewer filters."
    return f"没有找到与“{query}”有关的段落：请换个说法，或减少筛选条件。"


def _language(hits: Hits) -> str:
    return language(hits.query or "".join(hit.passage.text[:80] for hit in hits[:3]))


def _rankers(hits: Hits) -> list[str]:
    return sorted({name for hit in hits for name in hit.ranks})


def _counted(hits: Hits) -> str:
    return f"{len(hits)} hit" + "s" * (len(hits) != 1)


def _rest(hits: Hits) -> str:
    return f"… +{len(hits) - _ROWS}: hits[{_ROWS}:], hits.to_pandas()"


def _where(hit: Hit, lang: str) -> str:
    """File, headings, page or row; what kind of passage, where it is not body text."""
    passage = hit.passage
    say = by_language(lang == "en")
    heads = [part for part in (passage.title, *passage.path) if part]
    place = where(kind_of(hit.source), passage.page, passage.row, lang)
    lines = [f"<b>{shown(hit.source)}</b>"] if hit.source else []
    lines += [shown(" › ".join(heads))] if heads else []
    lines += [shown(place)] if place else []
    kinds: list[str] = [passage.role] if passage.role not in BODY_ROLES else []
    kinds += [say("重复", "said before")] if hit.tier == "again" else []
    lines += [f"<i>{shown(', '.join(kinds))}</i>"] if kinds else []
    return "<br>".join(f"<span dir='auto'>{line}</span>" for line in lines)
