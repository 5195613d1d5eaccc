"""`python -m eval`: asks a question set, scores it, reports it."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eval import report, run, score
from eval.progress import Meter
from eval.questions import EvalQuestion, QuestionSet, check_evidence, load, pick
from rag.config import Settings
from rag.errors import DataError, RagError

HERE = Path(__file__).resolve().parent
DEFAULT_SET = HERE / "sets" / "article-dev.jsonl"
DEFAULT_CORPUS = HERE.parent / "seeds"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 measured, 2 wrong input (said on stderr), 130 interrupted."""
    arguments = _arguments(argv)
    try:
        # Libraries that print would spoil the one line that --json promises.
        with contextlib.redirect_stdout(sys.stderr) if arguments.json else contextlib.nullcontext():
            content = evaluate(arguments)
    except RagError as error:
        print(f"eval: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("eval: interrupted; the results of the former run are kept", file=sys.stderr)
        return 130
    if arguments.json:
        print(json.dumps(content["summary"], ensure_ascii=False))
    return 0


def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run, score and report; returns the content of summary.json. Raises RagError."""
    from rich.console import Console

    questions = load(find_set(arguments.questions))
    if questions.rows and arguments.corpus:
        raise DataError(
            f"{questions.path}: a question folder brings its own corpus; leave --corpus out",
            f"{questions.path}：题目文件夹自带文档，请去掉 --corpus",
        )
    corpus = None if questions.rows else Path(arguments.corpus or DEFAULT_CORPUS)
    settings = Settings.load(folder=str(corpus) if corpus else None)
    out = Path(arguments.out) if arguments.out else HERE / "out" / questions.name
    asked = pick(questions.questions, arguments.limit, arguments.seed)
    predictions = out / "predictions.jsonl"
    try:
        out.mkdir(parents=True, exist_ok=True)
        with Meter(sys.stderr) as meter:
            ask_all(questions, asked, corpus, settings, predictions, meter)
        scored = score.score(asked, run.read(predictions), predictions)
        about = {
            "set": questions.name,
            "questions_file": str(arguments.questions or DEFAULT_SET.name),
            "corpus": str(arguments.corpus or (questions.name if questions.rows else "seeds")),
            "model": settings.model,
            "limit": arguments.limit,
            "seed": arguments.seed,
        }
        content = report.write(out, scored, about, arguments.seed)
    except OSError as error:
        if not str(error.filename or "").startswith(str(out)):
            raise  # not about the results: a wrong hint would hide what it is
        raise DataError(
            f"{out}: cannot be written ({error.strerror}); choose another folder with --out",
            f"{out}：无法写入，请用 --out 另选文件夹",
        ) from error
    report.draw(Console(file=sys.stderr if arguments.json else sys.stdout), content, out)
    return content


def ask_all(
    questions: QuestionSet,
    asked: Sequence[EvalQuestion],
    corpus: Path | None,
    settings: Settings,
    predictions: Path,
    meter: Meter,
) -> None:
    """Opens the system, checks the gold against its documents, and writes predictions.jsonl."""
    index = run.index_folder(predictions.parent, corpus or questions.path)
    with run.open_system(questions, corpus, settings, index, meter.report) as system:
        if not questions.rows:
            texts = [system.document(known.id).text for known in system.documents()]
            check_evidence(questions.questions, texts, questions.path)

        def counted() -> Iterator[run.Prediction]:
            for done, prediction in enumerate(run.run(system, asked), 1):
                meter.show("questions", done, len(asked))
                yield prediction

        run.write(predictions, counted())


def find_set(given: str | None) -> Path:
    """The path of a set: as given, or by the name of one that comes with the project (`article-test`)."""
    if given is None:
        return DEFAULT_SET
    path = Path(given)
    named = HERE / "sets" / f"{given}.jsonl"
    return named if not path.exists() and named.is_file() else path


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m eval", description="Ask a question set, score it, report it.")
    parser.add_argument(
        "questions",
        nargs="?",
        help="a JSONL file of questions, the name of a set in eval/sets, or a folder with corpus.jsonl, queries.jsonl "
        "and qrels.tsv (default: article-dev)",
    )
    parser.add_argument("--corpus", help="folder of documents that the questions are about (default: seeds/)")
    parser.add_argument("--out", help="folder for the results and the index (default: eval/out/NAME)")
    parser.add_argument("--json", action="store_true", help="print one summary object as the last line")
    parser.add_argument(
        "--limit", type=_positive, help="ask this many questions, spread evenly; the corpus stays whole"
    )
    parser.add_argument("--seed", type=_natural, default=0, help="where --limit starts; also seeds the intervals")
    return parser.parse_args(argv)


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
