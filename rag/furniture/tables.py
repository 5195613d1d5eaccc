"""Rows that speak of other rows: the header that names a table's columns, and the titles of groups inside it.

    部门 | 项目 | 金额         names: read with every row below, and no passage of its own
    一、人员经费                a group's title: part of the path of the rows below, until the next
    财务 | 工资 | 120

All else in a table is data, whatever its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from rag.furniture.items import Item
from rag.table import cell_spans
from rag.text.pagelines import ends_like_prose
from rag.text.wrap import LIST_MARK, width

_LOOKED_AT = 50  # rows of a table whose columns are put together: one with spans does not have them all
_LONGEST = 60  # columns of a group's title
_SUM = re.compile(r"(?:小计|合计|总计|共计|累计|(?:sub|grand\s+)?totals?|sums?|balance)\b", re.IGNORECASE)


def naming(items: Sequence[Item]) -> frozenset[int]:
    """The rows that name the columns of those below them: they are read with each of them and are no passage."""
    found: set[int] = set()
    for table in _tables(items):
        columns = [name for row in table[:_LOOKED_AT] for name in items[row].block.columns]
        told = set(_words(" ".join(columns)))
        for above in range(table[0] - 1, max(-1, table[0] - 3), -1):  # a header has one row or two
            block = items[above].block
            if block.kind != "row" or block.columns or not set(_words(items[above].text)) <= told:
                break
            found.add(above)
    return frozenset(found)


def groups(items: Sequence[Item]) -> Mapping[int, int]:
    """The rows that are titles of groups, each with the index after its group's last row. A first cell alone may also be
    a row of which nothing else is known: a table of groups begins with one, or numbers them."""
    found: dict[int, int] = {}
    for table in _tables(items):
        lone = [at for at, row in enumerate(table) if _lone(items[row])]
        if not lone or not (lone[0] == 0 or any(_numbered(items[table[at]]) for at in lone)):
            continue
        kept = [at for at in lone if lone[0] == 0 or _numbered(items[table[at]])]
        sizes = [after - at - 1 for at, after in zip(kept, [*kept[1:], len(table)], strict=True)]
        if max(sizes) < 2:
            continue
        for at, held in zip(kept, sizes, strict=True):
            if held:
                found[table[at]] = table[at + held] + 1
    return found


def group_title(item: Item) -> str:
    """The words of a title row, without the signs that make them bold in Markdown."""
    start, end = cell_spans(item.text)[0]
    return re.sub(r"\A([*_`]{1,3})(.+)\1\Z", r"\2", " ".join(item.text[start:end].split()))


def _tables(items: Sequence[Item]) -> Iterator[list[int]]:
    """The rows of data of each table that has a header; a remark about a cell may stand between two."""
    table: list[int] = []
    for index, item in enumerate(items):
        if item.block.kind == "row" and item.block.columns:
            table.append(index)
        elif table and item.block.hint != "comment":
            yield table
            table = []
    if table:
        yield table


def _lone(item: Item) -> bool:
    """Whether a row has its first cell alone, and that could be a title."""
    cells = [item.text[start:end] for start, end in cell_spans(item.text)]
    title = cells[0]
    if not title or any(cells[1:]) or width(title) > _LONGEST or ends_like_prose(title) or _SUM.match(title):
        return False
    return any(c.isalpha() for c in title) and (_numbered(item) or not any(c.isdigit() for c in title))


def _numbered(item: Item) -> bool:
    return bool(LIST_MARK.match(group_title(item) + " "))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)
