"""What can be typed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

# command -> (what it does, in English and Chinese)
ABOUT = {
    "index": ("bring the index in step with the folder", "让索引与文件夹一致"),
    "ask": ("answer a question, or a file of questions, by quoting", "引用原文回答一个问题，或一个文件里的所有问题"),
    "explain": (
        "why the answer is what it is: what was weighed, what the others lacked",
        "为什么这样回答：比较过的每一句和它的得分",
    ),
    "search": ("list the passages nearest to a query", "列出与查询最接近的段落"),
    "show": ("print a document with its sections", "显示一篇文档及其分节"),
    "list": ("list the documents", "列出所有文档"),
    "verify": ("read the files again and prove index or answers", "重读文件，核对索引或已保存的回答"),
    "prove-deleted": ("prove that nothing of a deleted file is left", "证明已删除的文件没有留下任何内容"),
    "rebuild": ("throw the index away (never documents) and build it anew", "重建索引（不动文档）"),
    "doctor": ("check installation, model, folder, index and network", "检查安装、模型、文件夹、索引和联网情况"),
}


def parse(argv: Sequence[str] | None, lang: str) -> argparse.Namespace:
    """The options; exits with 2 and one line on stderr where they make no sense, with 0 after --help."""
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument(
        "--folder", metavar="DIR", help="the folder of documents (default: `folder` in rag.toml, else seeds)"
    )
    common.add_argument("--json", action="store_true", help="print JSON, one object a line")
    parser = _Parser(
        prog="python -m rag", parents=[common], description="Answers from a folder of documents by quoting."
    )
    parser.lang = lang
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    made = {}
    for name, (en, zh) in ABOUT.items():
        told = zh if lang == "zh" else en
        made[name] = commands.add_parser(name, parents=[common], help=told, description=told)
        made[name].lang = lang
    for name in ("index", "rebuild"):
        made[name].add_argument("dir", nargs="?", metavar="DIR", help="the same as --folder DIR")
    made["index"].add_argument(
        "--engine",
        default="local",
        metavar="ENGINE",
        help="where files are read and encoded: local (in this process, the default), ray (on a Ray of its own on this"
        " machine), or a Ray cluster that runs: ray:auto, ray:HOST:6379, ray:ray://HOST:10001. Not the setting `engine`,"
        " which says what runs the model",
    )
    made["index"].add_argument("--watch", action="store_true", help="go on watching the folder, until Ctrl-C")
    made["prove-deleted"].add_argument("name", metavar="NAME", help="path of the deleted file, relative to the folder")
    made["prove-deleted"].add_argument(
        "--also",
        action="append",
        default=[],
        metavar="FILE",
        help="also search this file (a saved answer, a log); repeatable",
    )
    ask = made["ask"]
    ask.add_argument("question", nargs="*", metavar="QUESTION")
    explain = made["explain"]
    explain.add_argument("question", nargs="+", metavar="QUESTION")
    for command in (ask, explain):
        command.add_argument(
            "--history",
            action="append",
            default=[],
            metavar="QUESTION",
            help="an earlier question of the chat; repeatable",
        )
    explain.add_argument("-n", type=_count, default=5, metavar="N", help="how many candidates to print (default: 5)")
    ask.add_argument(
        "--questions", metavar="FILE", help="JSONL of questions: id, question, history (optional); - for stdin"
    )
    search = made["search"]
    search.add_argument("query", nargs="+", metavar="QUERY")
    search.add_argument("-k", type=_count, default=10, metavar="N", help="how many passages (default: 10)")
    made["show"].add_argument("doc", metavar="DOC", help="id or path of a document, as `list` prints them")
    made["verify"].add_argument(
        "answers", nargs="?", metavar="FILE", help="answers saved from `ask --json`; - for stdin"
    )
    # No defaults in the parsers: one of a command would undo what was given before the command.
    options = parser.parse_args(argv, argparse.Namespace(folder=None, json=False))
    if getattr(options, "dir", None) is not None:
        if options.folder not in (None, options.dir):
            made[options.command].error("DIR and --folder name two folders; give one")
        options.folder = options.dir
    if options.command == "ask" and bool(options.question) == bool(options.questions):
        ask.error("give one question, or a file with --questions")
    if options.command == "ask" and options.questions and options.history:
        ask.error("--history goes with one question; in a file each line has its own `history`")
    return options


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, like every other error here."""

    lang = "en"

    def error(self, message: str) -> NoReturn:
        if self.lang == "zh":
            print(f"rag: {message}；用法请看：{self.prog} --help", file=sys.stderr)
        else:
            print(f"rag: {message}; see: {self.prog} --help", file=sys.stderr)
        sys.exit(2)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1000")
    return int(text)
