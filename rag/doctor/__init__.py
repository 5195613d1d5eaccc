"""What `python -m rag doctor` says: whether everything that an answer needs is here, and what to do where it is not.
Loads no model, makes no index, asks nobody but a vector store of its own."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from rag.config import DEFAULT_MODEL, Settings
from rag.doctor.item import Item, bad, good
from rag.doctor.models import engine, model, offline, reader
from rag.doctor.store import store
from rag.errors import RagError
from rag.index import check_rankers, directory_of, find_folder, library_of
from rag.parse import SUFFIXES
from rag.shelf import count, examined, some

PYTHON = ((3, 10), (3, 13))  # oldest and newest that are tested
NEEDED = {  # module -> distribution
    "chardet": "chardet",
    "docx": "python-docx",
    "faiss": "faiss-cpu",
    "filelock": "filelock",
    "gradio": "gradio",
    "lxml": "lxml",
    "numpy": "numpy",
    "openpyxl": "openpyxl",
    "opencc": "opencc",
    "platformdirs": "platformdirs",
    "plotly": "plotly",
    "pptx": "python-pptx",
    "pypdfium2": "pypdfium2",
    "pypinyin": "pypinyin",
    "rich": "rich",
    "sentence_transformers": "sentence-transformers",
    "tantivy": "tantivy",
    "tokenizers": "tokenizers",
    "torch": "torch",
    "trafilatura": "trafilatura",
    "watchfiles": "watchfiles",
}
_FREE_BYTES = 1_000_000_000  # the prepared model and an index of some thousand pages


def examine(folder: str | None = None, env: Mapping[str, str] | None = None) -> list[Item]:
    """Everything, in the order in which a start needs it. Never raises RagError: that is what an item says."""
    try:
        settings, told = Settings.load(folder=folder, env=env), good("settings", "read", "可以读取")
    except RagError as error:
        settings, told = Settings(folder=folder) if folder else Settings(), bad("settings", error)
    return [
        _python(),
        _packages(),
        told,
        model(settings),
        engine(settings),
        reader(settings),
        _folder(settings),
        _index(settings),
        *store(settings),
        _space(settings),
        offline(settings, os.environ if env is None else env),
    ]


def _python() -> Item:
    have = sys.version_info[:2]
    version = ".".join(map(str, sys.version_info[:3]))
    if PYTHON[0] <= have <= PYTHON[1]:
        return good("python", version, version)
    low, high = (".".join(map(str, v)) for v in PYTHON)
    return Item("python", False, version, version, f"use Python {low} to {high}", f"请使用 Python {low} 至 {high}")


def _packages() -> Item:
    missing = [dist for module, dist in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        names = ", ".join(missing)
        todo = ("run: pip install -e .", "请运行：pip install -e .")
        return Item("packages", False, f"missing: {names}", f"缺少：{names}", *todo)
    shown = ("torch", "sentence-transformers", "faiss-cpu", "tantivy", "gradio")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in shown)
    return good("packages", versions, versions)


def _folder(settings: Settings) -> Item:
    try:
        folder = find_folder(settings.folder)
        rows = examined(folder, settings)
    except RagError as error:
        return bad("folder", error)
    except OSError as error:
        return Item("folder", False, f"{error}", f"{error}", "check its permissions", "请检查权限")
    others = [row.source for row in rows if row.state == "skipped"]
    failed = [row for row in rows if row.state == "failed"]
    fine = len(rows) - len(others)
    if not fine:
        kinds = " ".join(sorted(SUFFIXES))
        en = f"{folder}: no file that can be read" + (f"; no parser for: {some(others, 'en')}" if others else "")
        zh = f"{folder}：没有可读的文件" + (f"；类型不支持：{some(others, 'zh')}" if others else "")
        return Item("folder", False, en, zh, f"put documents there ({kinds})", f"请放入文档（{kinds}）")
    en, zh = f"{folder}: {count(fine, 'file')}", f"{folder}：{fine} 个文件"
    if others:
        en += f"; skipped, no parser for {count(len(others), 'file')}: {some(others, 'en')}"
        zh += f"；跳过 {len(others)} 个类型不支持的文件：{some(others, 'zh')}"
    if failed:
        en += f"; {len(failed)} cannot be read: {some((row.source for row in failed), 'en')}"
        zh += f"；{len(failed)} 个无法读取：{some((row.source for row in failed), 'zh')}"
        why = failed[0].notices[0]
        return Item("folder", False, en, zh, f"mend the first: {why.en}", f"先处理第一个：{why.zh}")
    todo = ("save them as PDF, DOCX, HTML or text", "请另存为 PDF、DOCX、HTML 或文本") if others else ("", "")
    return Item("folder", True, en, zh, *todo)


def _index(settings: Settings) -> Item:
    folder = Path(settings.folder)
    try:
        folder = find_folder(folder)
        directory = directory_of(folder, settings)
        if not (directory / "library.sqlite").is_file():
            return _unmade(directory, folder)
        library = library_of(directory)
        try:
            wrong = library.check() + check_rankers(directory, settings.store)
            documents, passages, waiting = library.document_count, library.count, len(library.unindexed())
            built_by = library.meta().get("model", "")
        finally:
            library.close()
    except RagError as error:
        error.at(folder)
        return bad("index", error)
    except OSError as error:
        return Item("index", False, f"{error}", f"{error}", "check its permissions", "请检查权限")
    mend = _run("rebuild", folder)
    if wrong:
        return Item("index", False, f"{directory}: {wrong[0]}", f"{directory}：{wrong[0]}", *mend)
    if settings.model == DEFAULT_MODEL and built_by and DEFAULT_MODEL not in built_by:
        told = f"built by {built_by}, the setting is {settings.model}", f"由 {built_by} 建立，而设置是 {settings.model}"
        return Item("index", False, *told, *mend)
    todo = ("", "") if not waiting else _run("index", folder)
    return Item(
        "index",
        True,
        f"{directory}: {count(documents, 'document')}, {count(passages, 'passage')}, {waiting} waiting",
        f"{directory}：{documents} 篇文档，{passages} 段，{waiting} 篇待编入",
        *todo,
    )


def _run(command: str, folder: Path) -> tuple[str, str]:
    return f'run: python -m rag {command} "{folder}"', f'请运行：python -m rag {command} "{folder}"'


def _unmade(directory: Path, folder: Path) -> Item:
    if not os.access(_existing(directory), os.W_OK):
        return Item(
            "index",
            False,
            f"{directory}: cannot be written",
            f"{directory}：无法写入",
            "set index_dir to a directory that you may write",
            "请把 index_dir 设为可写的目录",
        )
    told = f"{directory}: not made yet", f"{directory}：尚未建立"
    return Item("index", True, *told, *_run("index", folder))


def _space(settings: Settings) -> Item:
    try:
        place = _existing(directory_of(find_folder(settings.folder), settings))
    except RagError:
        place = Path.cwd()
    free = shutil.disk_usage(place).free
    told = f"{free / 1e9:.1f} GB free at {place}", f"{place} 剩余 {free / 1e9:.1f} GB"
    if free >= _FREE_BYTES:
        return good("space", *told)
    return Item("space", False, *told, "make room, or set index_dir elsewhere", "请腾出空间，或用 index_dir 另设位置")


def _existing(path: Path) -> Path:
    """The path, or its nearest parent that exists."""
    return next(p for p in (path, *path.parents) if p.exists())
