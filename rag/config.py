"""Settings: one frozen object, read once from `rag.toml` and `RAG_*` by the programs (chat, command line, evaluation).

Library functions get the two or three numbers they need, never the whole object.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_MODEL = "multilingual-e5-small"
READERS = ("auto", "trained", "rules")  # all else is a folder or a hub's name


@dataclass(frozen=True, slots=True)
class Settings:
    folder: str = "seeds"  # the folder of documents, relative to where the program runs
    index_dir: str = ""  # where the index lives; "": in the user's data directory, one per folder
    model: str = DEFAULT_MODEL  # embedding model: the default, a hub name, or a local SentenceTransformer directory
    model_dir: str = ""  # where prepared models live; "": the user's cache directory
    engine: str = "auto"  # what runs the default model: auto, openvino, torch
    query_prompt: str = ""  # put before questions; "": the model's own, or a known model's published one
    passage_prompt: str = ""  # put before passages; "": as above
    store: str = "faiss:"  # vector store URL: faiss: (on disk), memory: (exact), milvus:http://host:19530/name
    reader: str = "auto"  # what reads passages: auto (trained where shipped), trained, rules, a folder, a hub name
    threads: int = 0  # threads for encoding; 0: all cores
    chunk_chars: int = 300  # aimed length of a passage, in characters of Chinese text
    k: int = 8  # passages read for an answer
    pool: int = 50  # passages taken from each ranker before fusion
    refuse_below: float = -1.0  # probability under which nothing is shown as an answer; below 0: the fitted line
    host: str = "127.0.0.1"  # address that the chat listens on
    port: int = 7860  # its port
    max_file_mb: int = 250  # larger files are reported, not read
    file_seconds: int = 120  # seconds that reading one file may take, and four more for each of its megabytes
    ocr: bool = False  # read pages without text by Tesseract (needs the ocr extra): a few seconds a page
    mcp: bool = False  # also serve the MCP tools (needs the mcp extra)

    @classmethod
    def load(cls, file: Path | None = None, env: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        """From `rag.toml` (in the working directory unless given), then `RAG_*`, then keywords that are not None.

        Raises SettingsError for an unknown key (with the nearest spelling) or a value of the wrong kind.
        """
        values: dict[str, Any] = {}
        path = file or Path("rag.toml")
        if file is not None or path.is_file():
            try:
                table = tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise SettingsError(
                    f"{path}: {error}; mend or remove it", f"{path}：{error}；请改正或删除它"
                ) from error
            values.update({key: _typed(key, value, str(path)) for key, value in table.items()})
        for name, value in sorted((os.environ if env is None else env).items()):
            if name.startswith("RAG_"):
                key = name[4:].lower()
                values[key] = _typed(key, value, name)
        values.update({key: _typed(key, value, key) for key, value in overrides.items() if value is not None})
        return cls(**values)


_FIELDS: dict[str, dataclasses.Field[Any]] = {f.name: f for f in dataclasses.fields(Settings)}


def _typed(key: str, value: object, where: str) -> object:
    if key not in _FIELDS:
        near = difflib.get_close_matches(key, _FIELDS, n=1)
        hint = (f"; did you mean '{near[0]}'?", f"；是不是 {near[0]}？") if near else (".", "。")
        known = ", ".join(sorted(_FIELDS))
        raise SettingsError(
            f"{where}: unknown setting '{key}'{hint[0]} Known settings: {known}",
            f"{where}：没有名为 {key} 的设置{hint[1]} 可用的设置：{known}",
        )
    want: Any = type(_FIELDS[key].default)
    try:
        if want is bool:
            text = str(value).strip().lower()
            if text not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
                raise ValueError("expected true or false")
            return text in {"1", "true", "yes", "on"}
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(f"expected {want.__name__}")
        if want is not str and isinstance(value, float) and want is int and not value.is_integer():
            raise ValueError("expected a whole number")
        typed = want(value)
    except ValueError as error:
        raise SettingsError(
            f"{where}: '{value}' does not fit the setting '{key}' ({error})",
            f"{where}：设置 {key} 不能是 {value!r}（应为 {want.__name__}）",
        ) from error
    _check(key, typed, where)
    return typed


def _check(key: str, value: Any, where: str) -> None:
    low = {
        "threads": 0,
        "chunk_chars": 40,
        "k": 1,
        "pool": 1,
        "port": 0,
        "max_file_mb": 1,
        "file_seconds": 1,
        "file_memory_mb": 256,
        "refuse_below": -1.0,
    }
    high = {"chunk_chars": 1000, "k": 50, "pool": 1000, "port": 65535, "refuse_below": 1.0}
    if key in low and not low[key] <= value <= high.get(key, float("inf")):
        raise SettingsError(
            f"{where}: {key} = {value} is out of range {low[key]}..{high.get(key, '∞')}",
            f"{where}：{key} = {value} 超出范围 {low[key]}～{high.get(key, '∞')}",
        )
    choices = {"engine": ("auto", "openvino", "torch"), "reader": READERS}
    if key == "reader" and (any(c in value for c in "/\\") or (value and Path(value).expanduser().is_dir())):
        return  # whether a model is there is told by what opens it
    if key in choices and value not in choices[key]:
        also = ("; or a folder that exists, or a hub's name like org/model", "，或已有的文件夹、org/model 这样的名字")
        en, zh = also if key == "reader" else ("", "")
        raise SettingsError(
            f"{where}: {key} '{value}' is unknown; use {', '.join(choices[key][:-1])} or {choices[key][-1]}{en}",
            f"{where}：{key} 不能是 {value}，可用 {'、'.join(choices[key])}{zh}",
        )
