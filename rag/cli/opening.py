"""How a command gets at the folder: with a model and in step, or without one where nothing has changed."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rag.assistant import Assistant, no_document
from rag.cli.show import Screen, meter
from rag.config import Settings
from rag.errors import BusyError, RagError, StoreAwayError
from rag.folder import documents, files
from rag.index import directory_of, find_folder
from rag.shelf import Shelf, some
from rag.types import FileOutcome, Hits, SyncReport


@contextmanager
def opened(options: argparse.Namespace, screen: Screen, fresh: bool = False) -> Iterator[Assistant]:
    """The assistant of the folder, its index as it is."""
    settings = Settings.load(folder=options.folder)
    refuse_empty(settings)
    with named(settings):
        with meter(screen.lang) as progress:
            assistant = Assistant.open(settings=settings, progress=progress, sync=False, fresh=fresh)
        with assistant:
            yield assistant


@contextmanager
def synced(options: argparse.Namespace, screen: Screen) -> Iterator[Assistant]:
    """The assistant with its index in step with the folder; files that cannot be read are told, the rest answers."""
    with opened(options, screen) as assistant:
        try:
            with meter(screen.lang) as progress:
                report = assistant.sync(progress)
            warn(report, screen)
        except (BusyError, StoreAwayError) as error:  # what is ready answers
            if not assistant.documents():
                raise
            screen.warn(error.message(screen.lang))
        yield assistant


@contextmanager
def known_documents(options: argparse.Namespace, screen: Screen) -> Iterator[Shelf | Assistant]:
    """The documents without a model where the index is in step with the folder; else after a sync."""
    settings = Settings.load(folder=options.folder)
    folder = find_folder(settings.folder)
    if (directory_of(folder, settings) / "library.sqlite").is_file():
        with named(settings), Shelf(settings) as shelf:
            if shelf.in_step():
                yield shelf
                return
    with synced(options, screen) as assistant:
        yield assistant


@contextmanager
def named(settings: Settings) -> Iterator[None]:
    """Errors name the folder in the command that mends: without it, the command means another folder."""
    try:
        yield
    except RagError as error:
        error.at(find_folder(settings.folder) if os.path.isdir(settings.folder) else settings.folder)
        raise


def refuse_empty(settings: Settings) -> None:
    """Says that a folder holds nothing before a model is loaded; one that the index still knows is to be forgotten."""
    folder = find_folder(settings.folder)
    if next(iter(documents(folder)), None) is not None:
        return
    if (directory_of(folder, settings) / "library.sqlite").is_file():
        with named(settings), Shelf(settings) as shelf:
            if not shelf.empty:
                return
    others = [file.name for file in files(folder)]
    en = f"Skipped, no parser for their type: {some(others, 'en')} ({len(others)})" if others else ""
    zh = f"类型不支持、已跳过：{some(others, 'zh')}（{len(others)}）" if others else ""
    raise no_document(folder, en, zh)


def warn(report: SyncReport, screen: Screen) -> None:
    for notice in report.mended:
        screen.warn(screen.word("mended: ", "已修复：") + (notice.zh if screen.lang == "zh" else notice.en))
    for outcome in report.failed:
        screen.warn(screen.word("not read: ", "未能读取：") + reason(outcome, screen.lang))
    for outcome in report.outcomes:
        if outcome.state in {"indexed", "changed"} and outcome.reason:
            screen.warn(screen.word("read in part: ", "部分读取：") + reason(outcome, screen.lang))


def warn_away(hits: Hits, screen: Screen) -> None:
    """Says that a ranker could not be asked: its store is away."""
    if hits.away:
        names = ", ".join(hits.away)
        screen.warn(
            screen.word(
                f"{names}: not asked, its store is away; what only it finds is missing",
                f"{names}：所用的存储连不上，没有参与检索；只有它能找到的内容不在其中",
            )
        )


def reason(outcome: FileOutcome, lang: str) -> str:
    """Why a file failed, in the reader's language: the sync writes the Chinese line first, then the English one."""
    lines = outcome.reason.splitlines()
    told = lines[0 if lang == "zh" else -1] if lines else ""
    return told if outcome.source in told or not told else f"{outcome.source}: {told}"


def fields(thing: object, *names: str) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in names}
