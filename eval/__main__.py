"""`python -m eval`: asks a question set, scores it, reports it.

python -m eval [SET]          run, score and report; the project's own set where none is named
python -m eval run SET        ask, and write predictions; `--set chunk_chars=200,400` runs every combination
python -m eval score DIR      predictions -> measures; loads no model
python -m eval report DIR     measures -> summary.md and report.html
python -m eval compare A B    two runs of the same questions, question by question
python -m eval check SET      faults of a question set
python -m eval peers SET      the same search through other frameworks
python -m eval speed          speed, memory and growth, beside their limits
python -m eval load           many who ask at once
python -m eval feedback       what was marked right or wrong in the chat, as questions
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import itertools
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval import steps
from eval.steps import Wanted, find_set
from rag.config import Settings
from rag.errors import DataError, RagError

_ELSEWHERE = frozenset({"folder", "index_dir", "host", "port", "mcp"})  # settings that would change nothing here
OTHERS = {
    "compare": "eval.compare",
    "check": "eval.check",
    "peers": "eval.peers",
    "speed": "eval.speed",
    "load": "eval.load",
    "feedback": "eval.feedback",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 measured, 1 below what was asked for, 2 wrong input (said on stderr), 130 interrupted."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        if given and given[0] in OTHERS:
            return int(importlib.import_module(OTHERS[given[0]]).main(given[1:]))
        arguments = arguments_of(given)
        _judges(arguments)
        # Libraries that print would spoil the one line that --json promises.
        with contextlib.redirect_stdout(sys.stderr) if arguments.json else contextlib.nullcontext():
            code, printed = {"run": _run, "score": _score, "report": _report}.get(arguments.command, _all)(arguments)
    except RagError as error:
        print(f"eval: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("eval: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    if arguments.json:
        print(json.dumps(printed, ensure_ascii=False))
    return code


def _all(arguments: argparse.Namespace) -> tuple[int, Any]:
    outs = _runs(arguments)
    results = [_scored(out, arguments, reported=True) for out in outs]
    return max(code for code, _ in results), _one([content["summary"] for _, content in results])


def _run(arguments: argparse.Namespace) -> tuple[int, Any]:
    outs = _runs(arguments)
    for out in outs:
        print(out, file=sys.stderr if arguments.json else sys.stdout)
    return 0, _one([{"out": str(out), **steps.read_json(out / "run.json")} for out in outs])


def _score(arguments: argparse.Namespace) -> tuple[int, Any]:
    code, content = _scored(Path(arguments.folder), arguments, reported=False)
    return code, content["summary"]


def _report(arguments: argparse.Namespace) -> tuple[int, Any]:
    out = Path(arguments.folder)
    content = steps.report_step(out, arguments.seed)
    print(out / "report.html", file=sys.stderr if arguments.json else sys.stdout)
    return 0, content["summary"]


def _runs(arguments: argparse.Namespace) -> list[Path]:
    """One run for each combination of the values that --set gives."""
    wanted = Wanted(
        arguments.questions, arguments.corpus, arguments.qrels, arguments.split, limit=arguments.limit,
        seed=arguments.seed, about=arguments.about, format=arguments.format, out=Path(arguments.out) if arguments.out else None,
    )  # fmt: skip
    grid = _grid(arguments.set)
    for chosen in grid:
        Settings.load(**chosen)  # a slip in the last one is told before the first is run
    if len(grid) == 1:
        return [steps.run_step(replace(wanted, settings=grid[0]))]
    base = wanted.out or steps.HERE / "out" / find_set(arguments.questions).stem
    outs = []
    for chosen in grid:
        name = ",".join(f"{key}={value}" for key, value in chosen.items()).replace("/", "_")
        gc.collect()  # the models of the run before: what this one takes is measured
        outs.append(steps.run_step(replace(wanted, settings=chosen, out=base / name)))
    return outs


def _grid(given: Sequence[str]) -> list[dict[str, Any]]:
    """`["chunk_chars=200,400", "k=8"]` -> the two settings that this makes."""
    choices: dict[str, list[tuple[str, str]]] = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key or not value:
            raise DataError(f"--set {text!r}: write SETTING=VALUE", f"--set {text!r}：请写成 设置=值")
        if key in choices:
            raise DataError(f"--set {key} twice; write {key}=A,B", f"--set {key} 写了两次；请写成 {key}=A,B")
        if key in _ELSEWHERE:
            raise DataError(
                f"--set {key}: not a setting of a run; name the documents with --corpus and the place of results with --out",
                f"--set {key}：与评测无关；材料用 --corpus 指定，结果位置用 --out 指定",
            )
        choices[key] = [(key, part) for part in value.split(",")]
    return [dict(chosen) for chosen in itertools.product(*choices.values())]


def _scored(out: Path, arguments: argparse.Namespace, *, reported: bool) -> tuple[int, dict[str, Any]]:
    """Exit code and content of summary.json. `reported`: the report is written as well, before anything is judged: a
    bound that this run cannot be judged by must not cost it."""
    from rich.console import Console

    from eval import gate, report

    console = Console(file=sys.stderr if arguments.json else sys.stdout)
    content, _ = steps.score_step(out, arguments.seed)
    if reported:
        steps.report_step(out, arguments.seed)
    report.draw(console, content, out, steps.REPORTS if reported else steps.SCORES)
    bounds = gate.bounds(arguments.fail_under)
    baseline = gate.read_baseline(Path(arguments.baseline)) if arguments.baseline else None
    failures = gate.judge(content, bounds, baseline, arguments.tolerance)
    if bounds or baseline:
        gate.draw(console, content, bounds, baseline, arguments.tolerance)
    if arguments.write_baseline:  # last: it may be the file that this run was judged by
        gate.write_baseline(Path(arguments.write_baseline), content)
    return (1 if failures else 0), content


def _judges(arguments: argparse.Namespace) -> None:
    """What a run is to be judged by is read before it: a slip is told at once."""
    from eval import gate

    if getattr(arguments, "fail_under", None):
        gate.bounds(arguments.fail_under)
    if getattr(arguments, "baseline", None):
        gate.read_baseline(Path(arguments.baseline))


def _one(found: list[Any]) -> Any:
    return found[0] if len(found) == 1 else found


def arguments_of(given: Sequence[str]) -> argparse.Namespace:
    """What a command line asks for, but for those of OTHERS."""
    command = given[0] if given and given[0] in {"run", "score", "report"} else ""
    parser = argparse.ArgumentParser(
        prog=f"python -m eval {command}".strip(),
        description=__doc__ if not command else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=command)
    if command in {"score", "report"}:
        parser.add_argument("folder", metavar="DIR", help="a folder of results, as `run` writes it")
    else:
        _asking(parser)
    parser.add_argument("--seed", type=_natural, default=0, help="where --limit starts; also seeds the intervals")
    parser.add_argument("--json", action="store_true", help="print one object as the last line")
    if command in {"", "score"}:
        _judging(parser)
    return parser.parse_args(given[1:] if command else given)


def _asking(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "questions",
        nargs="?",
        metavar="SET",
        help="a file or folder of questions (our JSONL, BEIR, SQuAD, CMRC 2018, DRCD, TREC topics, RAGAS rows, CSV), or the name "
        "of a set in eval/sets (default: article-dev)",
    )
    parser.add_argument(
        "--corpus",
        help="what the questions are about: a folder of documents, a corpus.jsonl, a SQuAD file (default: what the set "
        "brings, else NAME/docs beside it, else the folder of the settings)",
    )
    parser.add_argument("--qrels", help="relevance judgements of TREC topics")
    parser.add_argument("--split", default="", help="of a BEIR folder: qrels/SPLIT.tsv")
    parser.add_argument("--format", default="", help="of SET, where its content does not tell")
    parser.add_argument("--out", help="folder for the results and the index (default: eval/out/NAME of the project)")
    parser.add_argument(
        "--limit", type=_positive, help="ask this many questions, spread evenly; the corpus stays whole"
    )
    parser.add_argument(
        "--about", default="", metavar="REGEX", help="only questions whose group, gold document or file it matches"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="SETTING=VALUE", help="a setting; several values with commas"
    )


def _judging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fail-under", action="append", default=[], metavar="MEASURE=VALUE", help="exit 1 where a measure is worse"
    )
    parser.add_argument("--baseline", metavar="FILE", help="exit 1 where a measure is worse than there by --tolerance")
    parser.add_argument("--tolerance", type=float, default=0.01, help="how much worse is accepted (default 0.01)")
    parser.add_argument("--write-baseline", metavar="FILE", help="keep this run's measures there")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
