"""JSON and JSON Lines: records that hold text as documents, lists of flat objects as tables, all else as path: value.

Nothing of the values is lost or interpreted: HTML within a text stays as it is written.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from rag.errors import ParseError
from rag.parse.encoding import decode
from rag.parse.header import fitted
from rag.parse.lay import Line, lay
from rag.table import row_text
from rag.text.pagelines import ends_like_prose
from rag.text.wrap import width
from rag.types import Notice, Parsed

DEEPEST = 200  # levels: no document is nested like that, and every level is a word of a path
LONG = 120  # columns from which a value is text and no cell
SHOWN = 5  # broken lines that a notice names

_TEXT = ("text", "content", "body", "正文", "内容", "article", "abstract", "摘要", "answer", "答案", "回答", "description", "summary", "message")  # fmt: skip
_TITLE = ("title", "标题", "题目", "headline", "question", "问题", "name", "名称", "subject", "主题")
_META = {
    "author": "author", "作者": "author", "authors": "author", "byline": "author", "date": "date", "日期": "date",
    "published": "date", "publish_date": "date", "published_at": "date", "datepublished": "date", "发布日期": "date",
    "发布时间": "date", "pubdate": "date", "url": "url", "link": "url", "链接": "url", "网址": "url",
    "publisher": "publisher", "source": "publisher", "来源": "publisher", "发布机构": "publisher",
    "category": "category", "分类": "category", "栏目": "category", "section": "category",
}  # fmt: skip
_BLANKS = {ord("0"): " ", ord("1"): "\t"}  # a count that no reader sees
_SURROGATE = re.compile("[\ud800-\udfff]")

Record = Mapping[str, Any]


def parse(data: bytes, name: str) -> Parsed:
    """The values as lines. Raises ParseError where the file is no JSON or holds no text."""
    text, _ = decode(data, name)
    broken: list[tuple[int, str]] = []
    many = PurePath(name).suffix.lower() in {".jsonl", ".ndjson"}
    value: Any = None
    if not many:
        try:
            value = _loaded(text)
        except ValueError as error:
            many = "\n" in text.strip() and _lines_of_json(text)
            if not many:
                raise _no_json(name, error) from error
        except RecursionError as error:
            raise _too_deep(name) from error
    if many:
        value, broken = _records(text, name)
    if _deep(value):
        raise _too_deep(name)
    lines, said = _lines(value)
    if not any(line.text.strip() for line in lines):
        raise ParseError(
            f"{name} holds no values; add some or remove the file",
            f"{name} 中没有任何内容；请补充内容或移除该文件",
        )
    return lay(lines, said, notices=_notices(name, broken))


def _loaded(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_pairs, parse_int=str, parse_float=str, parse_constant=str)


def _pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of which a key that comes twice keeps both values: the later ones under the key with blanks after it."""
    found: dict[str, Any] = {}
    again: Counter[str] = Counter()
    for key, value in pairs:
        told = key = _clean(key)
        while told in found:
            again[key] += 1
            told = key + f"{again[key]:b}".translate(_BLANKS)
        found[told] = value
    return found


def _clean(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text).replace("\0", "\ufffd")


def _lines_of_json(text: str) -> bool:
    """Whether a file called .json holds one value a line: its first lines are whole objects."""
    first = [line for line in text.split("\n", 20)[:20] if line.strip()][:3]
    return len(first) > 1 and all(line.strip().startswith("{") and line.strip().endswith("}") for line in first)


def _records(text: str, name: str) -> tuple[list[Any], list[tuple[int, str]]]:
    found: list[Any] = []
    broken: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found.append(_loaded(line))
        except ValueError as error:
            broken.append((number, str(error)))
        except RecursionError:
            broken.append((number, "nested too deep"))
    if not found:
        try:
            return [_loaded(text)], []  # one value over several lines, under the wrong suffix
        except RecursionError as error:
            raise _too_deep(name) from error
        except ValueError as error:
            if broken and all(said == "nested too deep" for _, said in broken):
                raise _too_deep(name) from error
            raise _no_json(name, error) from error
    return (found[0] if len(found) == 1 else found), broken


def _deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def _lines(value: Any) -> tuple[list[Line], dict[str, str]]:
    """Lines, and the metadata where the whole is one article."""
    if isinstance(value, dict) and _text_key(value):
        said = {
            _META[key.lower()]: _joined(inner)
            for key, inner in value.items()
            if key.lower() in _META and (_flat(inner) or _flats(inner))
        }
        title = _title_key(value)
        if title:
            said["title"] = _scalar(value[title])
        return list(_record(value, None, single=True)), said
    return list(_walk(value, ())), {}


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[Line]:
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        if any(_text_key(one) for one in value) and sum(bool(_text_key(one)) for one in value) >= 0.5 * len(value):
            if path:
                yield Line("heading", " › ".join(path), 2, "key")
            for number, one in enumerate(value, 1):
                yield from _record(one, number)
            return
        if _is_table(value):
            yield from _table(value, path)
            return
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _walk(inner, (*path, key.strip()))
    elif isinstance(value, list) and not all(map(_flat, value)):
        for number, inner in enumerate(value, 1):
            yield from _walk(inner, (*path, str(number)))
    else:
        yield from _pair(" › ".join(path), value)


def _pair(key: str, value: Any, *, declares: bool = False) -> Iterator[Line]:
    """ "键: 值"; a text of several lines under its key. Only what `declares` who wrote an article, and when, may be read
    as a line of a page: all else is data, and a row says nothing of its place."""
    texts = [_scalar(one) for one in (value if isinstance(value, list) else [value])]
    if any("\n" in text.strip() for text in texts):
        if key:
            yield Line("paragraph", f"{key}:")
        for text in texts:
            yield from (Line("paragraph", part.strip()) for part in text.split("\n") if part.strip())
        return
    told = _joined(value)
    if key or told:
        row = bool(key) and not declares
        yield Line("row" if row else "paragraph", f"{key}: {told}".strip() if key else told)


def _record(record: Record, number: int | None, *, single: bool = False) -> Iterator[Line]:
    """One document of many: its title as a heading (of the second level: it is not the file's title), its other values,
    its text a line each."""
    title, text = _title_key(record), _text_key(record)
    if title:
        yield Line("title" if single else "heading", _scalar(record[title]), 0 if single else 2, "record")
    later: list[tuple[str, Any]] = []
    for key, value in record.items():
        if key in {title, text}:
            continue
        if not _flat(value) and not _flats(value):
            later.append((key, value))
        else:
            says = _META.get(key.lower(), "url")
            yield from _pair(key.strip(), value, declares=single and says != "url")
    if text:
        yield from (Line("paragraph", part.strip()) for part in _scalar(record[text]).split("\n") if part.strip())
    for key, value in later:
        yield from _walk(value, (key.strip(),))


def _table(records: Sequence[Record], path: tuple[str, ...]) -> Iterator[Line]:
    keys = list(dict.fromkeys(key for record in records for key in record))
    columns = tuple(key.strip() for key in keys)
    if path:
        yield Line("heading", " › ".join(path), 2, "key")
    yield Line("row", row_text(columns))
    for number, record in enumerate(records, 1):
        cells = [_scalar(record[key]) if key in record else "" for key in keys]
        yield Line("row", row_text(cells), row=number, columns=fitted(cells, columns))


def _is_table(records: Sequence[Record]) -> bool:
    """Flat objects of mostly the same keys, none of which holds a text."""
    keys = {key for record in records for key in record}
    held = sum(len(record) for record in records)
    return (
        len(records) > 1
        and 2 <= len(keys) <= 200
        and held >= 0.5 * len(keys) * len(records)
        and all(_flat(value) and width(_scalar(value)) <= LONG for record in records for value in record.values())
    )


def _text_key(record: Record) -> str:
    """The key of a record's text: called so, and long enough or beside a title."""
    low = {key.lower().strip(): key for key in record}
    for name in _TEXT:
        value = record[low[name]] if name in low else None
        if isinstance(value, str) and value.strip():
            long = width(value) >= 60 or "\n" in value.strip() or ends_like_prose(value.strip())
            if long or (_title_key(record) and name not in {"description", "message", "summary"}):
                return low[name]
    return ""


def _title_key(record: Record) -> str:
    low = {key.lower().strip(): key for key in record}
    for name in _TITLE:
        value = record[low[name]] if name in low else None
        if isinstance(value, str) and value.strip() and "\n" not in value.strip() and width(value) <= 200:
            return low[name]
    return ""


def _flat(value: Any) -> bool:
    return not isinstance(value, (dict, list))


def _flats(value: Any) -> bool:
    return isinstance(value, list) and all(map(_flat, value))


def _joined(value: Any) -> str:
    return "；".join(_scalar(one).strip() for one in (value if isinstance(value, list) else [value]))


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return _clean(str(value)) if _flat(value) else ""


def _no_json(name: str, error: Exception) -> ParseError:
    return ParseError(
        f"{name} is not valid JSON ({error}); correct it with a JSON checker, or save it as .txt",
        f"{name} 不是有效的 JSON（{error}）；请用 JSON 校验工具修正，或另存为 .txt",
    )


def _too_deep(name: str) -> ParseError:
    return ParseError(
        f"{name} is nested more than {DEEPEST} levels deep; save what is to be read as flatter JSON or as text",
        f"{name} 嵌套超过 {DEEPEST} 层；请将要读取的内容另存为层次较少的 JSON 或文本",
    )


def _notices(name: str, broken: Sequence[tuple[int, str]]) -> list[Notice]:
    if not broken:
        return []
    numbers = ", ".join(str(number) for number, _ in broken[:SHOWN]) + (" …" if len(broken) > SHOWN else "")
    return [
        Notice(
            f"{name}: {len(broken)} lines are not valid JSON and were left out (lines {numbers}); correct them",
            f"{name} 中有 {len(broken)} 行不是有效的 JSON，未读取（第 {numbers} 行）；请修正这些行",
        )
    ]
