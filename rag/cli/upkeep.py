"""The commands that look after the folder: bring the index in step, list what became of each file, prove a deletion."""

from __future__ import annotations

import argparse
from pathlib import Path

from rag.assistant import no_document
from rag.cli.opening import fields, known_documents, named, opened, reason, refuse_empty, warn
from rag.cli.show import Screen, meter, print_row, row_object
from rag.cluster import Indexed, engine_of, index_folder
from rag.config import Settings
from rag.errors import BusyError, FolderError
from rag.index import find_folder
from rag.proof import prove
from rag.shelf import Shelf, count, some
from rag.types import SyncReport


def index(options: argparse.Namespace, screen: Screen) -> int:
    address = engine_of(options.engine)
    indexed = _here(options, screen) if address is None else _on_ray(options, screen, address)
    code = _print_indexed(indexed, screen)
    return _watch(options, screen) if options.watch else code


def _watch(options: argparse.Namespace, screen: Screen) -> int:
    """Keeps the index in step until it is interrupted; between two changes another process may write it."""
    from watchfiles import watch

    with opened(options, screen) as assistant:
        folder = assistant.folder
        screen.warn(screen.word(f"watching {folder}; Ctrl-C ends", f"正在监视 {folder}；按 Ctrl-C 结束"))
        due, told = True, ""  # once without a change: something may have come before the watching began
        for changes in watch(str(folder), debounce=1000, rust_timeout=1000, yield_on_timeout=True):
            if not (due or changes):
                continue
            due = False
            try:
                with meter(screen.lang) as progress:
                    report = assistant.sync(progress)
            except (BusyError, FolderError) as error:  # the next change tries again; what is only held, the next second
                due = isinstance(error, BusyError)
                if error.en != told:
                    screen.warn(error.message(screen.lang))
                told = error.en
                continue
            told = ""
            _told(report, screen)
    return 0


def rebuild(options: argparse.Namespace, screen: Screen) -> int:
    return _print_indexed(_here(options, screen, fresh=True), screen)


def list_(options: argparse.Namespace, screen: Screen) -> int:
    settings = Settings.load(folder=options.folder)
    with known_documents(options, screen), named(settings), Shelf(settings) as shelf:
        rows = shelf.rows()
    if not screen.as_json:
        head = screen.word(
            "state  file  kind  pages  passages  title  date  id", "状态  文件  格式  页数  段数  标题  日期  编号"
        )
        screen.text((head, "dim"))
    for row in rows:
        if screen.as_json:
            screen.object(row_object(row, screen.lang))
        else:
            print_row(screen, row)
    return 0


def prove_deleted(options: argparse.Namespace, screen: Screen) -> int:
    settings = Settings.load(folder=options.folder)
    with named(settings):
        proof = prove(settings, options.name, [Path(path) for path in options.also])
    if screen.as_json:
        places = [fields(place, "what", "bytes", "found") for place in proof.places]
        screen.object({"ok": proof.ok, "name": proof.name, "deleted": proof.at, "places": places})
        return 0 if proof.ok else 1
    for place in proof.places:
        size = f"  {place.bytes:,} B" if place.bytes else ""
        if place.found:
            screen.text(("✗ ", "red"), place.what, (size, "dim"), f"  {place.found}")
        else:
            screen.text(("✓ ", "green"), place.what, (size, "dim"))
    told = (
        screen.word("nothing of it is left", "没有留下任何内容") if proof.ok else screen.word("not deleted", "没有删净")
    )
    screen.text(
        ("✓ " if proof.ok else "✗ ", "green" if proof.ok else "red"), f"{proof.name}: {told}", (f"  {proof.at}", "dim")
    )
    return 0 if proof.ok else 1


def _here(options: argparse.Namespace, screen: Screen, fresh: bool = False) -> Indexed:
    with opened(options, screen, fresh) as assistant:
        with meter(screen.lang) as progress:
            report = assistant.sync(progress)
        documents = assistant.documents()
        passages = sum(info.passages for info in documents)
        return Indexed(find_folder(assistant.settings.folder), report, len(documents), passages)


def _on_ray(options: argparse.Namespace, screen: Screen, address: str) -> Indexed:
    settings = Settings.load(folder=options.folder)
    refuse_empty(settings)
    with named(settings):
        with meter(screen.lang) as progress:
            indexed = index_folder(settings, address, progress)
        if not indexed.passages:
            told = [reason(outcome, "en") for outcome in indexed.report.failed[:3]]
            told_zh = [reason(outcome, "zh") for outcome in indexed.report.failed[:3]]
            raise no_document(indexed.folder, " ".join(told), " ".join(told_zh))
    return indexed


def _print_indexed(indexed: Indexed, screen: Screen) -> int:
    report = indexed.report
    counts: dict[str, int] = {}
    for outcome in report.outcomes:
        counts[outcome.state] = counts.get(outcome.state, 0) + 1
    if screen.as_json:
        screen.object(
            {
                "folder": str(indexed.folder),
                "documents": indexed.documents,
                "passages": indexed.passages,
                "seconds": round(report.seconds, 3),
                "counts": counts,
                "files": [
                    {**fields(o, "source", "state", "doc_id", "passages"), "reason": reason(o, screen.lang)}
                    for o in report.outcomes
                ],
            }
        )
    else:
        _print_outcomes(report, screen)
        told = ", ".join(f"{state} {number}" for state, number in sorted(counts.items()))
        en = f"{count(indexed.documents, 'document')}, {count(indexed.passages, 'passage')}"
        zh = f"{indexed.documents} 篇文档，{indexed.passages} 段"
        screen.text(screen.word(f"{en} ({told}; {report.seconds:.1f} s)", f"{zh}（{told}；{report.seconds:.1f} 秒）"))
    warn(report, screen)
    others = [outcome.source for outcome in report.outcomes if outcome.state == "skipped"]
    if others:
        en = f"skipped, no parser for the type of {count(len(others), 'file')}: {some(others, 'en')}"
        zh = f"跳过 {len(others)} 个类型不支持的文件：{some(others, 'zh')}"
        screen.warn(screen.word(en + "; see: python -m rag list", zh + "；查看原因：python -m rag list"))
    return 2 if report.failed else 0


def _told(report: SyncReport, screen: Screen) -> None:
    """What changed, and nothing where nothing did."""
    for outcome in report.outcomes if screen.as_json else ():
        if outcome.state not in {"unchanged", "skipped"}:
            screen.object(
                {**fields(outcome, "source", "state", "doc_id", "passages"), "reason": reason(outcome, screen.lang)}
            )
    if not screen.as_json:
        _print_outcomes(report, screen)
    warn(report, screen)


def _print_outcomes(report: SyncReport, screen: Screen) -> None:
    for outcome in report.outcomes:
        if outcome.state == "renamed":
            screen.text((f"{outcome.state:9} ", "dim"), f"{outcome.reason} → {outcome.source}")
        elif outcome.state in {"indexed", "changed", "same", "removed"}:
            screen.text((f"{outcome.state:9} ", "dim"), outcome.source)
