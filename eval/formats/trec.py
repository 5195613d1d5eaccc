"""TREC topics: the classic `<top><num>…<title>…<desc>`, the later `<topic number="1"><query>…`, NTCIR's
`<TOPIC><NUM>…`, or `id<TAB>query` a line. What is relevant comes with a qrels file, and the corpus apart."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from eval.formats.delimited import decoded_lines
from eval.formats.fields import At
from eval.questions import EvalQuestion
from rag.errors import DataError
from rag.folder import files

_TOP = re.compile(r"<(top|topic)\b([^>]*)>(.*?)</\1\s*>", re.IGNORECASE | re.DOTALL)
_OPEN = re.compile(r"<(?:top|topic)\b[^>]*>", re.IGNORECASE)
_FIELD = re.compile(r"<(num|number|title|query|question|desc|description|narr|narrative)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"""\bnumber\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_LABEL = re.compile(r"^\s*(?:number|topic|description|narrative)\s*:\s*", re.IGNORECASE)
_TEXTS = ("title", "query", "question", "desc", "description")  # the first of these is what is asked


def looks_like(text: str) -> bool:
    """Whether a text begins with topics in tags."""
    return bool(
        re.match(r"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*|<topics\b[^>]*>\s*)*<topi?c?\b", text, re.IGNORECASE | re.S)
    )


def read_tags(path: Path) -> Iterator[tuple[At, EvalQuestion]]:
    """Topics in tags; those within a topic need no closing, as in TREC. Raises DataError."""
    text = "".join(decoded_lines(path))
    ends = 0
    for found in _TOP.finditer(text):
        at = At(path, text.count("\n", 0, found.start()) + 1)
        if len(_OPEN.findall(found[0])) > 1 or _OPEN.search(text, ends, found.start()):
            raise _unclosed(at)
        ends = found.end()
        yield at, _topic(found[2], found[3], at)
    if rest := _OPEN.search(text, ends):
        raise _unclosed(At(path, text.count("\n", 0, rest.start()) + 1))


def read_tabs(path: Path) -> Iterator[tuple[At, EvalQuestion]]:
    """`id<TAB>query` a line, without a header. Raises DataError."""
    for number, line in enumerate(decoded_lines(path), 1):
        if not line.strip():
            continue
        at = At(path, number)
        key, tab, query = line.rstrip("\n").partition("\t")
        if not tab or not key.strip() or not query.strip():
            raise at.fault("expected query id, tab and query", "应为题目编号、制表符、题目")
        yield at, EvalQuestion(key.strip(), " ".join(query.split()), line=number)


def names_of(folder: Path) -> Mapping[str, str]:
    """What a judgement may call a file of a folder -> its source: its path, the path without suffix, or its bare name
    where no other file has it."""
    sources = [file.name for file in files(folder) if not file.skipped]
    found: dict[str, set[str]] = {}
    for source in sources:
        name = source.rpartition("/")[2]
        for called in {_stem(source), name, _stem(name)}:
            found.setdefault(called, set()).add(source)
    alone = {called: next(iter(held)) for called, held in found.items() if len(held) == 1}
    return alone | {source: source for source in sources}


def no_gold(path: Path) -> DataError:
    return DataError(
        f"{path}: topics bring no gold; name the judgements with --qrels and the documents with --corpus",
        f"{path}：TREC 题目不带答案；请用 --qrels 指定判定文件，用 --corpus 指定材料",
    )


def _topic(attributes: str, body: str, at: At) -> EvalQuestion:
    fields: dict[str, str] = {}
    marks = list(_FIELD.finditer(body))
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        said = body[mark.end() : following.start() if following else len(body)]
        plain = html.unescape(_TAG.sub(" ", said))
        fields.setdefault(mark[1].lower(), " ".join(_LABEL.sub("", plain).split()))
    number = _NUMBER.search(attributes)
    key = fields.get("num") or fields.get("number") or (html.unescape(number[1]) if number else "")
    asked = next((fields[name] for name in _TEXTS if fields.get(name)), "")
    if not key or not asked:
        raise at.fault("a topic needs <num> and <title>", "题目应有 <num> 和 <title>")
    return EvalQuestion(key, asked, line=at.line)


def _stem(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return folder + slash + (last.rpartition(".")[0] or last)


def _unclosed(at: At) -> DataError:
    return at.fault("this topic is not closed; write </top> at its end", "这个题目没有结束标记；请在末尾写 </top>")
