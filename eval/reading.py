"""How well the span reader reads, as one table: python -m eval.reading DATA

DATA is a folder with the published sets (cmrc2018-train, cmrc2018-trial, drcd-dev, xquad-zh, xquad-en). Each line has its
number of questions, a 95 % interval and, where there is one, the target. Questions are drawn by the seed, `--limit` of
each set. `--only` takes rows by name or by a part of it ("gold", "cmrc2018-trial"). Sets and articles that are kept for the
final report are opened with `--final` and not before.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eval.embedding import embedder_of
from eval.progress import Meter
from eval.reading_bench import Bench, Figure, SpanReader, System, Tools
from eval.reading_cost import size, speed
from eval.reading_data import Source, is_kept
from eval.reading_refusal import taken_out, unanswered_windows
from eval.reading_rows import Measure, across, gold, open_book
from rag.config import Settings
from rag.errors import RagError
from rag.protocols import Embedder, ProgressFn
from rag.training.data import kept_out


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    measure: Measure
    final: bool = False  # opens what is kept for the final report

    def is_called(self, name: str) -> bool:
        return name == self.name or name in self.name.split("/")


TRIAL = "cmrc2018-trial"
ROWS = (
    Row("gold/cmrc2018-trial", gold(TRIAL, 56, 82)),
    Row("gold/cmrc2018-train-kept-out", gold("cmrc2018-train", None, None, kept_out)),
    Row("gold/drcd-dev", gold("drcd-dev", 66, 80), final=True),
    Row("gold/xquad-zh-24-47", gold("xquad-zh", None, 64, is_kept), final=True),
    Row("gold/xquad-en-24-47", gold("xquad-en", None, 68, is_kept), final=True),
    Row("open/cmrc2018-trial", open_book(TRIAL, 0.93, 0.79)),
    Row("open/drcd-dev", open_book("drcd-dev", 0.93, 0.79), final=True),
    Row("across/en-zh", across("xquad-en", "xquad-zh", 0.75)),
    Row("across/zh-en", across("xquad-zh", "xquad-en", 0.75)),
    Row("answerable/windows", unanswered_windows(TRIAL, 0.985, 0.93)),
    Row("answerable/taken-out", taken_out(TRIAL, 0.93, 0.85)),
    Row("speed", speed(TRIAL, 150, 1)),
    Row("size", size(24)),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 measured, 2 wrong input (said on stderr), 130 interrupted (what was measured is still shown)."""
    arguments = _arguments(argv)
    figures: list[Figure] = []
    code = 0
    try:
        # Libraries that print would spoil the table.
        with contextlib.redirect_stdout(sys.stderr), Meter(sys.stderr) as meter:
            tools, about = product(Settings.load())
            about |= {"limit": arguments.limit, "seed": arguments.seed, "final": arguments.final}
            source = Source(arguments.data, arguments.final)
            with Bench(source, tools, arguments.limit, arguments.seed, meter) as bench:
                for row in arguments.rows:
                    figures += row.measure(bench, row.name)
    except (RagError, OSError) as error:
        print(f"eval.reading: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("eval.reading: interrupted", file=sys.stderr)
        code = 130
    if figures:
        print(markdown(figures, about))
        if arguments.json:
            content = {"run": about, "figures": [{**asdict(figure), "met": figure.met} for figure in figures]}
            arguments.json.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return code


def product(settings: Settings) -> tuple[Tools, dict[str, Any]]:
    """The product as the settings make it, and a word on what is measured. Nothing is loaded before it is used. Rows on
    spans and margins read with the shipped model, whatever the setting `reader` makes the assistant read with."""
    from rag.assistant import Assistant
    from rag.embed.prepare import default_dir
    from rag.reader.span import SHIPPED, open_span_model

    @cache
    def embedder() -> Embedder:
        return embedder_of(settings)

    def open_texts(
        rows: Sequence[tuple[str, str, str]], progress: ProgressFn
    ) -> contextlib.AbstractContextManager[System]:
        return Assistant.from_texts(rows, settings, progress, embedder=embedder())  # in an index of its own, made anew

    def open_reader(engine: str) -> SpanReader:
        return open_span_model(settings.model_dir, engine or settings.engine, settings.threads)

    def count_tokens(texts: Sequence[str]) -> list[int]:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(default_dir(settings.model_dir) / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return [len(encoded.ids) for encoded in tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    threads = settings.threads or len(
        os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    shipped = hashlib.sha256(SHIPPED.read_bytes()).hexdigest()[:12] if SHIPPED.is_file() else "none"
    about = {"span_model": shipped, "reader": settings.reader, "engine": settings.engine, "refuse_below": settings.refuse_below}  # fmt: skip
    return Tools(open_texts, open_reader, count_tokens, threads, SHIPPED.parent), about


def markdown(figures: Sequence[Figure], about: dict[str, Any]) -> str:
    """The table, and a line on what was run."""
    lines = ["| row | measure | n | figure | 95 % | target | |", "|---|---|---|---|---|---|---|"]
    for f in figures:
        sign = "≤" if f.at_most else "≥"
        between = "" if f.low is None or f.high is None else f"{f.low:.{f.digits}f}–{f.high:.{f.digits}f}"
        value = "–" if f.value is None else f"{f.value:.{f.digits}f} {f.unit}".strip()
        aim = "" if f.target is None else f"{sign} {f.target:g} {f.unit}".strip()
        word = {True: "met", False: "**missed**", None: ""}[f.met]
        lines.append(f"| {f.row} | {f.measure} | {f.n} | {value} | {between} | {aim} | {word} |")
    judged = [f.met for f in figures if f.met is not None]
    ran = ", ".join(f"{name} {value}" for name, value in about.items())
    return "\n".join([*lines, "", f"{sum(judged)} of {len(judged)} targets met. Run: {ran}."])


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m eval.reading", description="How well the span reader reads, as one table."
    )
    parser.add_argument(
        "data", type=Path, help="folder with cmrc2018-trial, cmrc2018-train, xquad-zh, xquad-en, drcd-dev"
    )
    parser.add_argument("--limit", type=int, default=400, help="questions drawn from each set (default 400)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        help="rows: " + ", ".join(row.name for row in ROWS) + ", or a part of a name",
    )
    parser.add_argument("--final", action="store_true", help="open what is kept for the final report, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    arguments = parser.parse_args(argv)
    if arguments.limit < 1:
        parser.error("--limit: a whole number above 0")
    arguments.rows = [row for row in ROWS if arguments.final or not row.final]
    for name in arguments.only or ():
        if not any(row.is_called(name) for row in ROWS):
            parser.error(f"--only: no row {name!r}; there are {', '.join(row.name for row in ROWS)}")
        if not any(row.is_called(name) for row in arguments.rows):
            parser.error(f"--only: {name!r} is kept for the final report; add --final")
    if arguments.only:
        arguments.rows = [row for row in arguments.rows if any(map(row.is_called, arguments.only))]
    return arguments


if __name__ == "__main__":
    sys.exit(main())
