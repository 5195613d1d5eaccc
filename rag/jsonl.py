"""JSON Lines: one object a line, UTF-8; every fault names file and line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.errors import DataError


def json_lines(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(1-based line number, object) of every line that is not blank; "-" is standard input. Raises DataError."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: {error.strerror}; check the path", f"{path}：无法读取（{error.strerror}）；请检查路径"
        ) from error
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise fault(path, number, "not UTF-8; save the file as UTF-8", "不是 UTF-8 编码，请另存为 UTF-8") from error
        except (ValueError, RecursionError) as error:
            raise fault(path, number, f"not JSON ({error})", f"不是 JSON（{error}）") from error
        if not isinstance(row, dict):
            raise fault(path, number, "not a JSON object", "不是 JSON 对象")
        yield number, row


def fault(path: str | Path, number: int, en: str, zh: str) -> DataError:
    return DataError(f"{path}, line {number}: {en}", f"{path} 第 {number} 行：{zh}")
