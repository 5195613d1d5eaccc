"""`python -m eval speed`: speed, memory and growth, each figure beside the limit that was measured in the same run.

The libraries are made of real text, repeated with variation; the first passages have the vectors of the real model, those
after them made-up ones of the same distribution. What is built and what is measured stays under --out: a stopped run goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval import cost
from eval.export import put
from eval.speed.job import Job
from eval.speed.parts import ONCE, SIZED, Kept, Step, apart, measured, planned
from eval.speed.table import growth, markdown
from eval.speed.targets import as_dict, rows
from eval.steps import HERE
from rag.errors import DataError, RagError


def main(argv: Sequence[str] | None = None, step: Step = apart) -> int:
    """Exit code: 0 measured, 2 wrong input or a part that failed (said on stderr), 130 interrupted."""
    arguments = _parser().parse_args(argv)
    out = Path(arguments.out)
    extra = [part for part in ("peers", "load") if getattr(arguments, part)]
    try:
        job = Job(
            "", str(out.resolve()), corpus=_places(arguments.corpus), questions=_places(arguments.questions),
            limit=arguments.limit, real=arguments.real, rounds=arguments.rounds, passages=arguments.passages,
            reader=arguments.reader,
        )  # fmt: skip
        plan = list(planned(arguments.sizes, arguments.only, extra))
        failed = run(plan, job, step, again=arguments.again)
        content = save(out)
    except RagError as error:
        print(f"eval speed: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"eval speed: {out} cannot be written ({error.strerror}); choose another --out", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("eval speed: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    print(json.dumps(content, ensure_ascii=False) if arguments.json else content["markdown"])
    return 2 if failed else 0


def run(plan: Sequence[tuple[str, int]], job: Job, step: Step, *, again: bool = False) -> list[str]:
    """Measures what is planned and not yet done, and returns the parts that failed: the others are measured all the same."""
    out = Path(job.out)
    out.mkdir(parents=True, exist_ok=True)
    kept = Kept(out)
    failed = []
    for part, size in plan:
        key = f"{part}@{size}" if size else part
        one = replace(job, part=part, size=size)
        if not again and kept.read(key, one) is not None:
            continue
        print(f"eval speed: {key}", file=sys.stderr, flush=True)
        try:
            kept.write(key, one, measured(part, one, step))
        except RagError as error:
            print(f"eval speed: {key}: {error}", file=sys.stderr, flush=True)
            failed.append(key)
    return failed


def save(out: Path) -> dict[str, Any]:
    """speed.json, speed.md and report.html out of every part that is done, and what --json prints. Raises OSError."""
    kept = Kept(out)
    results, other = kept.all()
    made = rows(results)
    head = {"machine": kept.machine, "code": kept.code, "other": other}
    text = markdown(made, results, head)
    content = {
        "run": {"set": "speed", "machine": kept.machine, "versions": cost.versions()},
        **head,
        "targets": [as_dict(row) for row in made],
        "growth": growth(results),
        "parts": results,
    }
    put(out / "speed.json", json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    put(out / "speed.md", text)
    from eval.report import page

    put(out / "report.html", page.html(content, ()))
    return {**content, "markdown": text}


def _places(given: Sequence[str]) -> tuple[str, ...]:
    for path in given:
        if not Path(path).exists():
            raise DataError(f"{path}: no such file or folder", f"{path}：没有这个文件或文件夹")
    return tuple(str(Path(path).resolve()) for path in given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eval speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes", type=_sizes, default=(10_000,), metavar="N,N,…", help="passages of the libraries (default: 10000)"
    )
    parser.add_argument("--only", type=_parts, default=(), metavar="PART,…", help=f"of: {', '.join((*ONCE, *SIZED))}")
    parser.add_argument("--peers", action="store_true", help="also index through LangChain and LlamaIndex (an extra)")
    parser.add_argument("--load", action="store_true", help="also ask by many at once")
    parser.add_argument(
        "--corpus", action="append", default=[], metavar="PATH", help="material: a folder or a question set"
    )
    parser.add_argument("--questions", action="append", default=[], metavar="PATH", help="question sets to ask from")
    parser.add_argument("--limit", type=_above_zero, default=200, help="questions (default: 200)")
    parser.add_argument(
        "--real", type=_above_zero, default=20_000, help="passages that the model encodes (default: 20000)"
    )
    parser.add_argument("--passages", type=_above_zero, default=4500, help="of the folder that indexing is timed on")
    parser.add_argument("--rounds", type=_above_zero, default=3, help="of what is repeated (default: 3)")
    parser.add_argument("--again", action="store_true", help="measure parts once more that are done")
    parser.add_argument("--out", default=str(HERE / "out" / "speed"), help="folder for libraries and figures")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(reader="trained")
    return parser


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_above_zero(part) for part in text.split(","))


def _parts(text: str) -> tuple[str, ...]:
    named = tuple(text.split(","))
    unknown = [part for part in named if part not in (*ONCE, *SIZED)]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no part; there are {', '.join((*ONCE, *SIZED))}")
    return named


def _above_zero(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)
