"""`python -m eval feedback`: what was marked right, wrong or corrected in the chat, as a question set of our own format."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from eval.match import folded
from eval.questions import EvalQuestion, as_row, write_questions
from rag import feedback
from rag.cli.show import json_line
from rag.config import Settings
from rag.errors import DataError, RagError
from rag.feedback import Export, Quoted
from rag.index import directory_of, find_folder
from rag.shelf import Shelf
from rag.text.terminal import one_line, ui_language


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 written, 1 nothing to write yet, 2 wrong input (said on stderr)."""
    parser = argparse.ArgumentParser(
        prog="python -m eval feedback",
        description="Writes what was marked in the chat as questions: right answers with their evidence, right refusals, and "
        "sentences pointed out as the answer. What was marked wrong and not corrected is counted and left out.",
    )
    parser.add_argument("--folder", help="the folder of documents (default: as for the chat)")
    parser.add_argument("--out", type=Path, help="the JSON Lines file to write (default: to the terminal)")
    arguments = parser.parse_args(argv)
    lang = ui_language()
    try:
        made, faults = exported(Settings.load(folder=arguments.folder))
        questions = [question(row) for row in made.rows]
        if questions and arguments.out:
            _write(arguments.out, questions)
    except RagError as error:
        print(f"eval: {one_line(error.message(lang))}", file=sys.stderr)
        return 2
    for fault in faults:
        print(f"eval: {one_line(fault.message(lang))}", file=sys.stderr)
    if not arguments.out:
        sys.stdout.writelines(json_line(as_row(q)) + "\n" for q in questions)
    print(f"eval: {one_line(told(made, arguments.out, lang))}", file=sys.stderr)
    return 0 if questions else 1


def exported(settings: Settings) -> tuple[Export, tuple[RagError, ...]]:
    """The marks of a folder as rows whose evidence its documents hold, and what could not be read of the file. Loads no
    model. Raises RagError."""
    kept = feedback.read(directory_of(find_folder(settings.folder), settings))
    if not kept.marks:
        return Export(()), kept.faults
    with Shelf(settings) as shelf:

        @cache
        def text(source: str) -> str:
            try:
                return folded(shelf.document(source).text)
            except RagError:  # no longer there: what it said is evidence of nothing
                return ""

        def stands(quoted: Quoted) -> bool:
            key = folded(quoted.quote)
            return bool(key) and key in text(quoted.source)

        return feedback.export(kept.marks.values(), stands), kept.faults


def question(row: Mapping[str, Any]) -> EvalQuestion:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return EvalQuestion(**fields)


def told(made: Export, out: Path | None, lang: str) -> str:
    """What was written, what was not, and the next step."""
    zh = lang == "zh"
    n = len(made.rows)
    if not n:
        said = [
            "还没有可导出的反馈：请在聊天页的答案下点“对”，或指出答案是哪句"
            if zh
            else "nothing to export yet: mark answers in the chat as right, or point out the sentence that answers"
        ]
    elif out is None:
        said = [f"{n} 题" if zh else f"{n} questions"]
    else:
        said = [f"{n} 题已写入 {out}" if zh else f"{n} questions written to {out}"]
    if made.uncorrected:
        said.append(
            f"{made.uncorrected} 条标为不对、还没指出答案，未导出：请在聊天里重问，点“答案是这句”"
            if zh
            else f"{made.uncorrected} marked wrong, to be corrected: ask again in the chat and choose 'This is the answer'"
        )
    if made.changed:
        said.append(
            f"{made.changed} 条所引的原文已改动，未导出：请重问后再评"
            if zh
            else f"{made.changed} left out, their text has changed: ask again and mark the new answer"
        )
    return ("；" if zh else "; ").join(said)


def _write(out: Path, questions: Sequence[EvalQuestion]) -> None:
    try:
        write_questions(out, questions)
    except OSError as error:
        why = error.strerror or os.fspath(out)
        raise DataError(
            f"{out}: cannot be written ({why}); choose another file with --out",
            f"{out}：无法写入（{why}），请用 --out 另选文件",
        ) from error


if __name__ == "__main__":
    sys.exit(main())
