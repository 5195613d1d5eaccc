"""Rows of JSON: one object a line, or one array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eval.formats.fields import At, Row
from rag.errors import DataError
from rag.jsonl import json_lines


def rows(path: Path) -> Iterator[tuple[At, Row]]:
    """Every object of a JSON Lines file or a JSON array with its place. Raises DataError."""
    data = read_bytes(path)
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
        text = decoded(path, data)
        yield from _array(path, text)
    else:
        for number, row in json_lines(path):
            yield At(path, number), row


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: {error.strerror}; check the path", f"{path}：无法读取（{error.strerror}）；请检查路径"
        ) from error


def decoded(path: Path, data: bytes) -> str:
    """JSON is UTF-8, by its standard (RFC 8259)."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise At(path, line).fault("not UTF-8; save the file as UTF-8", "不是 UTF-8 编码，请另存为 UTF-8") from error


def document(path: Path) -> Any:
    """A whole JSON document. Raises DataError naming the line at which it is none."""
    text = decoded(path, read_bytes(path))
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _not_json(path, error.lineno, error.msg) from error
    except (ValueError, RecursionError) as error:
        raise _not_json(path, 1, str(error)) from error


def _array(path: Path, text: str) -> Iterator[tuple[At, Row]]:
    """Item by item, so that each knows the line it begins on."""
    decode = json.JSONDecoder().raw_decode
    place, line, counted, index = text.index("[") + 1, 1, 0, 0
    while True:
        place = _past_space(text, place)
        if index == 0 and text[place : place + 1] == "]":
            return
        line, counted = line + text.count("\n", counted, place), place
        at = At(path, line, f"/{index}")
        try:
            row, place = decode(text, place)
        except (ValueError, RecursionError) as error:
            raise _not_json(path, getattr(error, "lineno", line), getattr(error, "msg", str(error))) from error
        if not isinstance(row, dict):
            raise at.fault("not a JSON object", "不是 JSON 对象")
        yield at, row
        place, index = _past_space(text, place), index + 1
        sign = text[place : place + 1]
        if sign == "]":
            return
        if sign != ",":
            raise _not_json(path, text.count("\n", 0, place) + 1, "expected ',' or ']'")
        place += 1


def _past_space(text: str, place: int) -> int:
    while text[place : place + 1] in {" ", "\t", "\r", "\n"}:
        place += 1
    return place


def _not_json(path: Path, line: int, why: str) -> DataError:
    return At(path, line).fault(f"not JSON ({why})", f"不是 JSON（{why}）")
