"""Which rows of a table are its header, what its columns are called, and a table as lines.

All from the texts of the cells alone, so that one rule serves spreadsheets, documents, slides, pages and CSV:

    部门 | 预算        一行表头：cells without figures over a column of figures
    财务 | 12.5

    项目 | 收入 |      | 备注     two rows: a group over its parts
         | 2023 | 2024 |

    姓名 | 陶小满                 no header: a form, whose first column says what the second holds
    电话 | 010-0000
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.parse.header_words import YEAR, is_code, is_column_name, is_figure, is_label, kind_of
from rag.parse.lay import Line
from rag.table import cell_spans, row_text
from rag.text.wrap import width

Row = Sequence[str]

SAMPLE = 200  # rows that are looked at
MOST_CELLS = 1_000_000  # of a table with spans: they can claim more than there are
LONGEST = 60  # columns of a header cell; survey questions are the longest that are met

_SENTENCE = re.compile(r"[。！；]|[.!;](?:\s|$)(?<!\bNo\.)")
_NOTE = re.compile(
    r"(?:注|备注|说明|附注|数据来源|资料来源|来源|填表说明)\s*\d*\s*[:：]|[*※＊]|(?:notes?|source|remarks?)\s*\d*\s*:",
    re.IGNORECASE,
)


def leading(rows: Sequence[Row]) -> int:
    """How many rows stand above the table itself: a caption, 单位：万元 — one filled cell each, or none.

    >>> leading([["2024 年预算", ""], ["部门", "金额"], ["财务", "12"]])
    1
    """
    for index, row in enumerate(rows):
        if sum(map(bool, _clean(row))) > 1:
            return index
    return 0


def header_rows(rows: Sequence[Row]) -> int:
    """How many rows at the top are a header: 0, 1 or 2. What `leading` counts has been taken off.

    >>> header_rows([["部门", "金额"], ["财务", "12"], ["市场", "7"]])
    1
    >>> header_rows([["姓名", "陶小满"], ["电话", "010-0000"]])
    0
    """
    table = _square(rows)
    if len(table) < 2 or len(table[0]) < 2 or _is_form(table):
        return 0
    if len(table) > 2 and _grouped(table[0], table[1]) and _heads(list(columns_of(table, 2)), table[2:]):
        return 2
    return int(_heads(table[0], table[1:]))


def columns_of(rows: Sequence[Row], n: int) -> tuple[str, ...]:
    """The columns' names from `n` header rows; where there are several, an upper name goes for the blanks to its right.

    >>> columns_of([["项目", "收入", ""], ["", "2023", "2024"]], 2)
    ('项目', '收入 2023', '收入 2024')
    """
    head = [_clean(row) for row in rows[:n]]
    if not head:
        return ()
    wide = max(map(len, head))
    names: list[list[str]] = [[] for _ in range(wide)]
    for depth, row in enumerate(head):
        carried = ""
        for column in range(wide):
            cell = row[column] if column < len(row) else ""
            below = any(column < len(lower) and lower[column] for lower in head[depth + 1 :])
            carried = cell or carried
            told = cell or (carried if below else "")
            if told and told not in names[column][-1:]:
                names[column].append(told)
    return tuple(" ".join(parts) for parts in names)


def table_lines(
    rows: Sequence[Row], *, page: int | None = None, first_row: int | None = None, marked: int | None = None
) -> list[Line]:
    """A table as lines: captions and notes as paragraphs, header rows without columns, data rows with theirs.

    `first_row` is the number of the first row where people see numbers; `marked` is how many rows the format itself
    calls a header (None: it does not say, so `header_rows` decides).
    """
    above = 0 if marked else leading(rows)
    lines = [line for row in rows[:above] for line in _paragraphs(row, page)]
    body = rows[above:]
    heads = min(header_rows(body[:SAMPLE]) if marked is None else marked, len(body))
    columns = columns_of(body, heads)
    notes = _notes(body[heads:])
    for index, row in enumerate(body):
        text = row_text(row)
        if not text:
            continue
        if index >= len(body) - notes:
            lines += _paragraphs(row, page)
            continue
        number = None if first_row is None else first_row + above + index
        lines.append(Line("row", text, 0, "", page, number, fitted(row, columns) if index >= heads else ()))
    return lines


def spanned_columns(rows: Sequence[Sequence[tuple[str, int, int]]], marked: int) -> list[tuple[str, ...]]:
    """For each row of cells (text, columns spanned, rows spanned) the names of the columns that its own cells stand in;
    () for the header. `marked` as in `table_lines`, 0 where the format does not say."""
    shown: list[dict[int, str]] = [{} for _ in rows]  # each text once across, and on every row that it spans
    named: list[dict[int, str]] = [{} for _ in rows]  # on every column too
    starts: list[list[int]] = []
    budget = MOST_CELLS
    for index, row in enumerate(rows):
        at, mine = 0, []
        for text, across, down in row:
            while at in named[index]:
                at += 1
            mine.append(at)
            budget -= across * min(down, len(rows) - index)
            if budget < 0:
                return [()] * len(rows)
            for lower in range(index, min(len(rows), index + down)):
                shown[lower][at] = text
                named[lower].update(dict.fromkeys(range(at, at + across), text))
            at += across
        starts.append(mine)
    wide = max((max(row, default=-1) + 1 for row in named), default=0)
    if wide * len(rows) > MOST_CELLS:
        return [()] * len(rows)
    marked = 0 if marked == len(rows) else marked  # a page may call every cell a heading
    plain = [[row.get(column, "") for column in range(wide)] for row in shown]
    above = leading(plain)
    heads = max(marked, above + (0 if marked > above else header_rows(plain[above:])))
    names = columns_of([[row.get(column, "") for column in range(wide)] for row in named[above:heads]], heads - above)
    told = [tuple(names[column] for column in mine) if names else () for mine in starts]
    return [() if index < heads else columns for index, columns in enumerate(told)]


def fitted(row: Row, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The names for a row's cells as its line shows them: a cell that holds a bar itself is told in several."""
    if not columns or not any("|" in cell for cell in row):
        return columns
    names: list[str] = []
    for index, cell in enumerate(row):
        names += [columns[index] if index < len(columns) else ""] * (1 + cell.count("|") - cell.count("\\|"))
    return tuple(names) if len(cell_spans(row_text(row))) <= len(names) and "|" not in row[0][:1] else ()


def _paragraphs(row: Row, page: int | None) -> list[Line]:
    return [Line("paragraph", part.strip(), page=page) for cell in row for part in cell.split("\n") if part.strip()]


def _clean(row: Row) -> list[str]:
    return [" ".join(cell.split()) for cell in row]


def _square(rows: Sequence[Row]) -> list[list[str]]:
    """The first rows without blank ones, all of one width."""
    kept = [row for row in map(_clean, rows[:SAMPLE]) if any(row)]
    wide = max((max(i for i, cell in enumerate(row) if cell) + 1 for row in kept), default=0)
    return [[*row, *[""] * (wide - len(row))][:wide] for row in kept]


def _is_form(table: Sequence[Row]) -> bool:
    """Labels and values side by side, in one pair of columns or in two."""
    if len(table[0]) % 2 and len(table[0]) > 3:
        return False
    if len(table[0]) == 2 and all(map(is_column_name, table[0])):
        return False
    left = [cell for row in table for cell in row[0::2] if cell]
    right = [cell for row in table for cell in row[1::2] if cell]
    if not left or not right or len(table[0]) == 3:
        return False
    return sum(map(is_label, left)) >= 0.6 * len(left) and sum(map(is_label, right)) <= 0.2 * len(right)


def _grouped(upper: Row, lower: Row) -> bool:
    """A row of groups over a row of their parts: parts stand under the groups only, a name over both rows once."""
    filled = [i for i, cell in enumerate(upper) if cell]
    if not filled or any(is_figure(cell) and not YEAR.fullmatch(cell) for cell in (*upper, *lower) if cell):
        return False
    groups = 0
    for here, after in zip(filled, [*filled[1:], len(upper)], strict=True):
        if after - here > 1:
            if not all(lower[here:after]):
                return False
            groups += 1
        elif lower[here] not in {"", upper[here]}:
            return False
    return groups > 0


def _heads(head: Row, below: Sequence[Row]) -> bool:
    """Whether a row names the columns of the rows below it."""
    filled = [cell for cell in head if cell]
    years = sum(bool(YEAR.fullmatch(cell)) for cell in filled)
    few = len(filled) < (2 if len(head) == 2 and not years else 0.6 * (len(head) - (not head[0])))
    if (
        few
        or len(set(filled)) < 0.8 * len(filled)
        or any(width(cell) > LONGEST or (_SENTENCE.search(cell) and width(cell) > 12) for cell in filled)
        or any((is_figure(cell) and not YEAR.fullmatch(cell)) or is_code(cell) for cell in filled)
    ):
        return False
    told = 0
    for index, name in enumerate(head):
        cells = [row[index] for row in below if row[index]]
        if not cells or not name:
            continue
        if name in cells and not YEAR.fullmatch(name):  # a value among values
            return False
        figures = sum(map(is_figure, cells))
        digits = sum(any(c.isdigit() for c in cell) for cell in cells)
        if YEAR.fullmatch(name):
            if sum(bool(YEAR.fullmatch(cell)) for cell in cells) > 0.5 * len(cells):
                return False
            told += figures >= 0.6 * len(cells)
        elif not any(c.isdigit() for c in name) and digits >= 0.8 * len(cells):
            told += 1
        else:
            mean = sum(map(width, cells)) / len(cells)
            told += mean > 20 and mean > 2.5 * width(name)
    if years == len(filled) and head[0]:
        return False
    if len(head) == 2:
        return _heads_pairs(head, [row for row in below if row[1]], told > 0)
    return told > 0 or all(head[1:])


def _heads_pairs(head: Row, below: Sequence[Row], told: bool) -> bool:
    """Whether the first row of two columns heads them. It may as well be the first line of a form, of which it would be
    lost to its answers: then the cells below it are of many kinds."""
    if all(map(is_column_name, head)):
        return True
    if YEAR.fullmatch(head[1]) and head[0] and not is_column_name(head[0]):  # 成立 | 1998年
        return False
    kinds = {kind_of(row[1]) for row in below if row[1].strip("-–—/ ")}
    return told and len(below) > 1 and len(kinds) == 1 and "text" not in kinds


def _notes(rows: Sequence[Row]) -> int:
    """How many rows at the end are notes under the table: one filled cell that is a sentence or says it is a note."""
    count = 0
    for row in reversed(rows):
        filled = [cell for cell in _clean(row) if cell]
        if len(filled) > 1 or (
            filled and not _NOTE.match(filled[0]) and not (_SENTENCE.search(filled[0]) and width(filled[0]) > 24)
        ):
            break
        count += 1
    return count
