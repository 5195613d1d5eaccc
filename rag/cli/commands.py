"""What each command does. A command returns its exit code, raises RagError, and prints through the screen."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from rag.assistant import checked
from rag.cli import batch
from rag.cli.opening import fields, known_documents, named, synced, warn_away
from rag.cli.reasons import print_explanation
from rag.cli.show import Screen, document_object, print_answer, print_hits
from rag.cli.upkeep import index, list_, prove_deleted, rebuild
from rag.config import Settings
from rag.objects import answer_object, hit_object
from rag.shelf import Shelf


def ask(options: argparse.Namespace, screen: Screen) -> int:
    if not options.questions:
        question = checked(" ".join(options.question))  # before anything is opened
        with synced(options, screen) as assistant:
            answer = assistant.ask(question, options.history)
            if screen.as_json:
                screen.object(answer_object(answer))
            else:
                print_answer(screen, answer)
            warn_away(answer.hits, screen)
        return 0
    asked = batch.questions(options.questions)
    with synced(options, screen) as assistant:
        for line in asked:
            answer = assistant.ask(line.question, line.history)
            if screen.as_json:
                screen.object({"id": line.id, **answer_object(answer)})
            else:
                screen.text((f"{line.id}  {line.question}", "bold"))
                print_answer(screen, answer)
                screen.text()
            warn_away(answer.hits, screen)
    return 0


def explain(options: argparse.Namespace, screen: Screen) -> int:
    question = checked(" ".join(options.question))
    with synced(options, screen) as assistant:
        told = assistant.explain(question, options.history)
    if screen.as_json:
        screen.object(told.to_dict())
    else:
        print_explanation(screen, told, options.n)
    return 0


def search(options: argparse.Namespace, screen: Screen) -> int:
    query = checked(" ".join(options.query))
    with synced(options, screen) as assistant:
        hits = assistant.retrieve(query, options.k)
        sources = {info.id: info.source for info in assistant.documents()}
    if screen.as_json:
        found = [hit_object(rank, hit, sources.get(hit.passage.doc_id, "")) for rank, hit in enumerate(hits, 1)]
        screen.object({"query": query, "hits": found})
    else:
        print_hits(screen, hits, sources)
    warn_away(hits, screen)
    return 0


def show(options: argparse.Namespace, screen: Screen) -> int:
    with known_documents(options, screen) as known:
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


def verify(options: argparse.Namespace, screen: Screen) -> int:
    saved = batch.answers(options.answers) if options.answers else None
    settings = Settings.load(folder=options.folder)
    with named(settings), Shelf(settings) as shelf:
        checks = shelf.verify(None if saved is None else [citation for cited in saved for citation in cited])
    bad = [check for check in checks if not check.ok]
    if screen.as_json:
        rows = [fields(check, "source", "quote", "ok", "reason") for check in checks]
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
    "prove-deleted": prove_deleted,
    "doctor": doctor,
}
