"""What each command does. A command returns its exit code, raises RagError, and prints through the screen."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rag.assistant import Assistant, checked, no_document
from rag.cli import batch
from rag.cli.reasons import print_explanation
from rag.cli.show import Screen, document_object, meter, print_answer, print_hits
from rag.config import Settings
from rag.errors import RagError
from rag.index import directory_of, find_folder
from rag.objects import answer_object, hit_object
from rag.shelf import Shelf, count, skipped, some
from rag.sync import walk
from rag.types import FileOutcome, SyncReport


def index(options: argparse.Namespace, screen: Screen) -> int:
    return _index(options, screen, fresh=False)


def rebuild(options: argparse.Namespace, screen: Screen) -> int:
    return _index(options, screen, fresh=True)


def ask(options: argparse.Namespace, screen: Screen) -> int:
    if not options.questions:
        question = checked(" ".join(options.question))  # before anything is opened
        with _synced(options, screen) as assistant:
            answer = assistant.ask(question, options.history)
            if screen.as_json:
                screen.object(answer_object(answer))
            else:
                print_answer(screen, answer)
        return 0
    asked = batch.questions(options.questions)
    with _synced(options, screen) as assistant:
        for line in asked:
            answer = assistant.ask(line.question, line.history)
            if screen.as_json:
                screen.object({"id": line.id, **answer_object(answer)})
            else:
                screen.text((f"{line.id}  {line.question}", "bold"))
                print_answer(screen, answer)
                screen.text()
    return 0


def explain(options: argparse.Namespace, screen: Screen) -> int:
    question = checked(" ".join(options.question))
    with _synced(options, screen) as assistant:
        told = assistant.explain(question, options.history)
    if screen.as_json:
        screen.object(told.to_dict())
    else:
        print_explanation(screen, told, options.n)
    return 0


def search(options: argparse.Namespace, screen: Screen) -> int:
    query = checked(" ".join(options.query))
    with _synced(options, screen) as assistant:
        hits = assistant.retrieve(query, options.k)
        sources = {info.id: info.source for info in assistant.documents()}
    if screen.as_json:
        found = [hit_object(rank, hit, sources.get(hit.passage.doc_id, "")) for rank, hit in enumerate(hits, 1)]
        screen.object({"query": query, "hits": found})
    else:
        print_hits(screen, hits, sources)
    return 0


def show(options: argparse.Namespace, screen: Screen) -> int:
    with _known(options, screen) as known:
        document = known.document(options.doc)
    if screen.as_json:
        screen.object(document_object(document))
        return 0
    screen.text((document.title, "bold"))
    screen.text((f"{document.source}  {document.id}", "dim"))
    for key in document.meta:
        screen.text((f"{key}: ", "dim"), document.value(key))
    for section in document.sections:
        screen.text()
        where = f"{section.start}-{section.end}" + ("" if section.role == "body" else f" · {section.role}")
        screen.text((where, "dim"))
        screen.text(document.text[section.start : section.end].strip("\n"))
    return 0


def list_(options: argparse.Namespace, screen: Screen) -> int:
    with _known(options, screen) as known:
        documents = known.documents()
    if not screen.as_json:
        screen.text((screen.word("file  title  date  passages  id", "文件  标题  日期  段数  编号"), "dim"))
    for info in documents:
        if screen.as_json:
            screen.object(_fields(info, "id", "source", "title", "date", "characters", "passages"))
        else:
            rest = f"  {info.date or '-'}  {info.passages}  {info.id}"
            screen.text((info.source, "bold"), f"  {info.title}", (rest, "dim"))
    _warn_skipped(options, screen)
    return 0


def verify(options: argparse.Namespace, screen: Screen) -> int:
    saved = batch.answers(options.answers) if options.answers else None
    settings = Settings.load(folder=options.folder)
    with _named(settings), Shelf(settings) as shelf:
        checks = shelf.verify(None if saved is None else [citation for cited in saved for citation in cited])
    bad = [check for check in checks if not check.ok]
    if screen.as_json:
        rows = [_fields(check, "source", "quote", "ok", "reason") for check in checks]
        screen.object({"ok": not bad, "checked": len(checks), "failed": len(bad), "checks": rows})
    else:
        for check in bad:
            screen.text(("✗ ", "red"), f"{check.source}: {check.quote}  {check.reason}")
        good = len(checks) - len(bad)
        told = screen.word(f"{good} of {len(checks)} proved", f"{len(checks)} 项中 {good} 项与原文一致")
        screen.text(("✗ " if bad else "✓ ", "red" if bad else "green"), told)
    return 1 if bad else 0


def doctor(options: argparse.Namespace, screen: Screen) -> int:
    from rag.doctor import examine

    items = examine(options.folder)
    if screen.as_json:
        rows = [
            {"name": i.name, "ok": i.ok, "detail": i.detail(screen.lang), "next": i.next(screen.lang)} for i in items
        ]
        screen.object({"ok": all(i.ok for i in items), "checks": rows})
    else:
        for item in items:
            screen.text(
                ("✓ " if item.ok else "✗ ", "green" if item.ok else "red"),
                (item.name, "bold"),
                f"  {item.detail(screen.lang)}",
            )
            if item.next(screen.lang):
                screen.text(f"    → {item.next(screen.lang)}")
    return 0 if all(item.ok for item in items) else 1


COMMANDS: Mapping[str, Callable[[argparse.Namespace, Screen], int]] = {
    "index": index,
    "ask": ask,
    "explain": explain,
    "search": search,
    "show": show,
    "list": list_,
    "verify": verify,
    "rebuild": rebuild,
    "doctor": doctor,
}


# -- inside -------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(options: argparse.Namespace, screen: Screen, fresh: bool = False) -> Iterator[Assistant]:
    """The assistant of the folder, its index as it is."""
    settings = Settings.load(folder=options.folder)
    _refuse_empty(settings)
    with _named(settings):
        with meter(screen.lang) as progress:
            assistant = Assistant.open(settings=settings, progress=progress, sync=False, fresh=fresh)
        with assistant:
            yield assistant


@contextmanager
def _synced(options: argparse.Namespace, screen: Screen) -> Iterator[Assistant]:
    """The assistant with its index in step with the folder; files that cannot be read are told, the rest answers."""
    with _opened(options, screen) as assistant:
        with meter(screen.lang) as progress:
            report = assistant.sync(progress)
        _warn(report, screen)
        yield assistant


@contextmanager
def _known(options: argparse.Namespace, screen: Screen) -> Iterator[Shelf | Assistant]:
    """The documents without a model where the index is in step with the folder; else after a sync."""
    settings = Settings.load(folder=options.folder)
    folder = find_folder(settings.folder)
    if (directory_of(folder, settings) / "library.sqlite").is_file():
        with _named(settings), Shelf(settings) as shelf:
            failed = shelf.in_step()
            if failed is not None:
                _warn(SyncReport(failed, 0.0), screen)
                yield shelf
                return
    with _synced(options, screen) as assistant:
        yield assistant


@contextmanager
def _named(settings: Settings) -> Iterator[None]:
    """Errors name the folder in the command that mends: without it, the command means another folder."""
    try:
        yield
    except RagError as error:
        error.at(find_folder(settings.folder) if os.path.isdir(settings.folder) else settings.folder)
        raise


def _refuse_empty(settings: Settings) -> None:
    """Says that a folder holds nothing before a model is loaded; one that the index still knows is to be forgotten."""
    folder = find_folder(settings.folder)
    if next(iter(walk(folder)), None) is not None:
        return
    if (directory_of(folder, settings) / "library.sqlite").is_file():
        with _named(settings), Shelf(settings) as shelf:
            if not shelf.empty:
                return
    others = skipped(folder)
    en = f"Skipped, no parser for their type: {some(others, 'en')} ({len(others)})" if others else ""
    zh = f"类型不支持、已跳过：{some(others, 'zh')}（{len(others)}）" if others else ""
    raise no_document(folder, en, zh)


def _warn_skipped(options: argparse.Namespace, screen: Screen) -> None:
    others = skipped(find_folder(Settings.load(folder=options.folder).folder))
    if others:
        en = f"skipped, no parser for the type of {count(len(others), 'file')}: {some(others, 'en')}"
        zh = f"跳过 {len(others)} 个类型不支持的文件：{some(others, 'zh')}"
        screen.warn(screen.word(en + "; export their text as .txt, .md or .html", zh + "；请导出为 .txt、.md 或 .html"))


def _index(options: argparse.Namespace, screen: Screen, fresh: bool) -> int:
    with _opened(options, screen, fresh) as assistant:
        with meter(screen.lang) as progress:
            report = assistant.sync(progress)
        documents = assistant.documents()
        passages = sum(info.passages for info in documents)
        folder = str(assistant.folder)
    counts: dict[str, int] = {}
    for outcome in report.outcomes:
        counts[outcome.state] = counts.get(outcome.state, 0) + 1
    if screen.as_json:
        screen.object(
            {
                "folder": folder,
                "documents": len(documents),
                "passages": passages,
                "seconds": round(report.seconds, 3),
                "counts": counts,
                "files": [
                    {**_fields(o, "source", "state", "doc_id", "passages"), "reason": reason(o, screen.lang)}
                    for o in report.outcomes
                ],
            }
        )
    else:
        for outcome in report.outcomes:
            if outcome.state in {"indexed", "changed", "removed"}:
                screen.text((f"{outcome.state:9} ", "dim"), outcome.source)
        told = ", ".join(f"{state} {number}" for state, number in sorted(counts.items()))
        screen.text(
            screen.word(
                f"{count(len(documents), 'document')}, {count(passages, 'passage')} ({told}; {report.seconds:.1f} s)",
                f"{len(documents)} 篇文档，{passages} 段（{told}；{report.seconds:.1f} 秒）",
            )
        )
    _warn(report, screen)
    _warn_skipped(options, screen)
    return 2 if report.failed else 0


def _warn(report: SyncReport, screen: Screen) -> None:
    for outcome in report.failed:
        screen.warn(screen.word("not read: ", "未能读取：") + reason(outcome, screen.lang))


def reason(outcome: FileOutcome, lang: str) -> str:
    """Why a file failed, in the reader's language: the sync writes the Chinese line first, then the English one."""
    lines = outcome.reason.splitlines()
    told = lines[0 if lang == "zh" else -1] if lines else ""
    return told if outcome.source in told or not told else f"{outcome.source}: {told}"


def _fields(thing: object, *names: str) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in names}
