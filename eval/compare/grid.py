"""Many runs of the same questions in one table: what a grid of settings shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.compare.paired import HEADLINE, flat
from eval.compare.show import table, value
from eval.compare.sides import Side, join, read_all
from eval.metrics import mean, percentile
from eval.score import LOWER
from rag.text.terminal import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_SETTINGS = ("model", "settings.")
TIME = "p50 ms"
_ENDLESS = 10_000  # columns of a console on which every table finds room


@dataclass(frozen=True, slots=True)
class Grid:
    """One row a run: "run", the settings in which the runs differ, "n" (questions that all were asked), the mean of each
    headline measure over those of them that have it in every run that has it at all, and the median milliseconds of a question (comparable only where all ran on
    one machine, one after the other). `pandas.DataFrame(grid.rows)` makes a frame of it."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    measures: tuple[str, ...]

    def best(self, column: str) -> float | None:
        """The best value of a measure or time; None where all are alike or the column is of something else."""
        held = [row[column] for row in self.rows if column in row] if column in (*self.measures, TIME) else []
        if len(set(held)) < 2:
            return None
        return float(min(held) if column in LOWER or column == TIME else max(held))

    def cells(self, row: dict[str, Any]) -> list[str]:
        return [self._cell(column, row.get(column)) for column in self.columns]

    def markdown(self) -> str:
        """Best of each column in bold."""
        heads = [f"{name} ↓" if name in LOWER or name == TIME else name for name in self.columns]
        lines = table(heads, [self.cells(row) for row in self.rows], self._winners())
        return "\n".join(lines) + "\n"

    def draw(self, console: Console) -> None:
        """One row a run; where that is wider than the console, one column a run and the names above."""
        from rich.cells import cell_len
        from rich.text import Text

        heads = [f"{name} ↓" if name in LOWER or name == TIME else name for name in self.columns]
        cells, winners = [self.cells(row) for row in self.rows], self._winners()
        lines = [[(cell, (at, place) in winners) for place, cell in enumerate(row)] for at, row in enumerate(cells)]
        whole = _grid(heads, lines)
        if console.measure(whole, options=console.options.update_width(_ENDLESS)).maximum <= console.width:
            console.print(whole)
            return
        for number, row in enumerate(cells, 1):
            console.print(Text(one_line(f"{number}  {row[0]}")))
        wide = max(cell_len(cell) for row in cells for cell in row[1:])
        fit = max(1, (console.width - max(map(cell_len, heads)) - 4) // (wide + 3))  # frame and margins: 4 and 3
        for start in range(0, len(lines), fit):
            part = lines[start : start + fit]
            turned = [[(head, False), *(row[place] for row in part)] for place, head in enumerate(heads) if place]
            console.print(_grid(["", *map(str, range(start + 1, start + len(part) + 1))], turned))

    def _winners(self) -> set[tuple[int, int]]:
        """(row, column) of the best of each measure."""
        best = {column: self.best(column) for column in self.columns}
        places = (
            (at, place, row.get(name), name)
            for at, row in enumerate(self.rows)
            for place, name in enumerate(self.columns)
        )
        return {(at, place) for at, place, held, name in places if held is not None and held == best[name]}

    def _cell(self, column: str, held: object) -> str:
        if held is None:
            return ""
        if column in self.measures and isinstance(held, (int, float)):
            return f"{held:.3f}"
        return f"{held:.1f}" if column == TIME else value(held)


def _grid(heads: Sequence[str], rows: Sequence[Sequence[tuple[str, bool]]]) -> Table:
    """A console table of plain text, the first column to the left; a cell is (text, whether it is the best)."""
    from rich.table import Table
    from rich.text import Text

    out = Table()
    for at, head in enumerate(heads):
        out.add_column(Text(one_line(head)), justify="right" if at else "left", overflow="fold")
    for row in rows:
        out.add_row(*(Text(one_line(cell), "bold green" if best else "") for cell, best in row))
    return out


def compare_many(paths: Sequence[str | Path]) -> Grid:
    """The runs in the folders (or scores files) given, over the questions that all of them were asked. Raises DataError
    where a file is wrong, where one id names two questions, and where two runs share none with the first."""
    sides = read_all([Path(path) for path in paths])
    shared = set(sides[0].scored)
    for side in sides[1:]:
        join(sides[0], side)  # the texts of the questions agree
        shared &= set(side.scored)
    keys = [key for key in sides[0].scored if key in shared]
    settings = _varying(sides)
    measures = [m for m in HEADLINE if any(m in side.scored[key].values for side in sides for key in keys)]
    alike = {name: _alike(sides, keys, name) for name in measures}
    rows = tuple(_row(side, keys, settings, alike) for side in sides)
    times = [TIME] if any(TIME in row for row in rows) else []
    names = [name.removeprefix("settings.") for name in settings]
    return Grid(("run", *names, "n", *measures, *times), rows, tuple(measures))


def _alike(sides: Sequence[Side], keys: Sequence[str], name: str) -> list[str]:
    """The questions that have a measure in every run: one that leaves out its hard ones must not look better for it."""
    having = [side for side in sides if any(name in side.scored[key].values for key in keys)]
    return [key for key in keys if all(name in side.scored[key].values for side in having)]


def _row(
    side: Side, keys: Sequence[str], settings: Sequence[str], alike: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    held = dict(flat(side.run))
    row: dict[str, Any] = {"run": side.name, **{k.removeprefix("settings."): held.get(k, "-") for k in settings}}
    row["n"] = len(keys)
    for name, held_by_all in alike.items():
        values = [side.scored[key].values[name] for key in held_by_all if name in side.scored[key].values]
        if values:
            row[name] = mean(values)
    wanted = set(keys)
    times = [timing.ms for timing in side.timings[1:] if timing.id in wanted]
    return row | ({TIME: percentile(times, 50)} if times else {})


def _varying(sides: Sequence[Side]) -> list[str]:
    """The settings in which the runs differ, the model first."""
    runs = [dict(flat(side.run)) for side in sides]
    names = dict.fromkeys(k for run in runs for k in run if k.startswith(_SETTINGS))
    return sorted(
        (name for name in names if len({repr(run.get(name)) for run in runs}) > 1),
        key=lambda name: (name != "model", name),
    )
