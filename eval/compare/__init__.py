"""`python -m eval compare A B`: two runs of the same questions, question by question; three or more: one table.

In a notebook:

    from eval.compare import compare, compare_many, read
    compare(read(Path("out/a")), read(Path("out/b")))       # Comparison
    compare_many(["out/200", "out/300", "out/400"]).rows    # a list of rows for pandas
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.compare.grid import Grid, compare_many
from eval.compare.paired import Comparison, Difference, compare
from eval.compare.show import as_object, draw, markdown
from eval.compare.sides import Side, read, read_all
from eval.export import put
from rag.errors import DataError

__all__ = ["Comparison", "Difference", "Grid", "Side", "compare", "compare_many", "main", "read"]


def main(argv: Sequence[str]) -> int:
    """Exit code 0, whatever differs: `python -m eval --baseline` judges. Raises DataError for input that is wrong."""
    from rich.console import Console

    given = _arguments(argv)
    paths = [Path(path) for path in given.runs]
    console = Console(file=sys.stderr if given.json else sys.stdout)
    if len(paths) == 2:
        a, b = read_all(paths)
        found = compare(a, b, given.seed)
        text, printed = markdown(found, given.most), as_object(found)
        draw(console, found, min(given.most, 10))
    else:
        grid = compare_many(paths)
        text, printed = grid.markdown(), {"columns": list(grid.columns), "rows": list(grid.rows)}
        grid.draw(console)
    if given.out:
        _write(Path(given.out), text)
    if given.json:
        print(json.dumps(printed, ensure_ascii=False))
    return 0


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m eval compare",
        description="Two runs of the same questions: what differs, by how much, and whether by more than chance. Three or "
        "more: one row a run.",
    )
    parser.add_argument("runs", nargs="+", metavar="DIR", help="folders of results, or their scores.jsonl")
    parser.add_argument("--json", action="store_true", help="print one object as the last line")
    parser.add_argument("--seed", type=int, default=0, help="of the resampling")
    parser.add_argument("--out", metavar="FILE.md", help="write the comparison there, as Markdown")
    parser.add_argument("--most", type=int, default=30, help="losses and gains to list (default 30 of each)")
    given = parser.parse_args(argv)
    if len(given.runs) < 2:
        parser.error("name two runs or more")
    if given.most < 0 or given.seed < 0:
        parser.error("--most and --seed are whole numbers from 0")
    return given


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, text)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written ({error.strerror}); name another file with --out",
            f"{path}：无法写入（{error.strerror}），请用 --out 另选文件",
        ) from error
