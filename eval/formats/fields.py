"""The fields of a row, each of the type that it must have; a fault names the file and the place in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.match import folded
from eval.records import Place
from rag.errors import DataError
from rag.jsonl import fault

Row = Mapping[str, Any]
_REQUIRED = "\0"


@dataclass(frozen=True, slots=True)
class At:
    """Where something stands: a line (from 1), or a pointer (RFC 6901) into a JSON document, or both."""

    path: Path
    line: int = 0
    pointer: str = ""

    def fault(self, en: str, zh: str) -> DataError:
        """The error to raise."""
        if self.line and not self.pointer:
            return fault(self.path, self.line, en, zh)
        en_at, zh_at = (f", line {self.line}", f" 第 {self.line} 行") if self.line else ("", "")
        pointer = f", {self.pointer}" if self.pointer else ""
        return DataError(f"{self.path}{en_at}{pointer}: {en}", f"{self.path}{zh_at}{pointer}：{zh}")

    def below(self, *keys: str | int) -> At:
        """Further down in the same JSON document."""
        return At(self.path, self.line, self.pointer + "".join(f"/{key}" for key in keys))


def text(row: Row, key: str, at: At, default: str = _REQUIRED, *, blank: bool = False) -> str:
    """A text; `default` where it is absent, and `blank` admits one of white space only."""
    value = row.get(key)
    if value is None and default is not _REQUIRED:
        return default
    if not isinstance(value, str) or (default is _REQUIRED and not blank and not value.strip()):
        raise at.fault(f"{key!r} must be a text that is not empty", f"{key} 应为非空文字")
    return value


def identifier(row: Row, keys: tuple[str, ...], at: At, default: str = "") -> str:
    """The first of these keys that the row has, as a text: many files number their ids."""
    key = next((key for key in keys if row.get(key) is not None), "")
    value = row[key] if key else default
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise at.fault(f"{key or keys[0]!r} must be an id that is not empty", f"{key or keys[0]} 应为非空编号")
    return value


def texts(row: Row, key: str, at: At) -> tuple[str, ...]:
    """A list of texts, none of them empty."""
    value = row.get(key)
    # Facts and evidence are looked for folded, so one of punctuation only would be found everywhere or nowhere.
    key_of = folded if key in {"facts", "evidence"} else str.strip
    value = [] if value is None else value
    if not isinstance(value, list) or not all(isinstance(item, str) and key_of(item) for item in value):
        raise at.fault(f"{key!r} must be a list of texts, none empty", f"{key} 应为非空文字的列表")
    return tuple(value)


def number(row: Row, key: str, at: At) -> int | None:
    """A whole number from 1, or None where there is none."""
    value = row.get(key)
    if value is not None and (not _whole(value) or value < 1):
        raise at.fault(f"{key!r} must be a whole number from 1", f"{key} 应为从 1 起的整数")
    return value


def flag(row: Row, key: str, at: At, default: bool) -> bool:
    value = row.get(key, default)
    if not isinstance(value, bool):
        raise at.fault(f"{key!r} must be true or false", f"{key} 只能是 true 或 false")
    return value


def grades(row: Row, key: str, at: At) -> dict[str, int]:
    """Relevant documents: {source: grade from 1}, or a list of sources, each of grade 1."""
    value = row.get(key)
    value = {} if value is None else value
    if isinstance(value, list) and all(isinstance(source, str) for source in value):
        value = dict.fromkeys(value, 1)
    if not isinstance(value, dict) or not all(k.strip() and _whole(v) and v > 0 for k, v in value.items()):
        raise at.fault(
            f'{key!r} must name documents with grades from 1, as {{"a.txt": 1}}',
            f'{key} 应写文档和从 1 起的等级，如 {{"a.txt": 1}}',
        )
    return value


def spans(row: Row, key: str, at: At) -> tuple[tuple[Place, ...], ...]:
    """Gold by offsets: a list of items, each one place or a list of places any of which will do."""
    value = row.get(key)
    value = [] if value is None else value
    if not isinstance(value, list):
        raise _no_spans(key, at)
    items = [item if isinstance(item, list) else [item] for item in value]
    if not all(items):
        raise _no_spans(key, at)
    return tuple(tuple(_place(place, key, at) for place in item) for item in items)


def _place(value: Any, key: str, at: At) -> Place:
    if not isinstance(value, dict) or value.keys() != {"source", "start", "end"}:
        raise _no_spans(key, at)
    source, start, end = value["source"], value["start"], value["end"]
    if not isinstance(source, str) or not source.strip() or not _whole(start) or not _whole(end):
        raise _no_spans(key, at)
    if not 0 <= start < end:
        raise at.fault(
            f"the span {start}–{end} of {source!r} is empty or runs backwards; offsets count characters from 0",
            f"{source!r} 的位置 {start}–{end} 为空或颠倒；位置按字符从 0 数起",
        )
    return Place(source, start, end)


def _no_spans(key: str, at: At) -> DataError:
    shape = '[[{"source": "a.txt", "start": 3, "end": 9}]]'
    return at.fault(f"{key!r} must be a list of items, as {shape}", f"{key} 应为各项位置的列表，如 {shape}")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
