"""Memory of a library that answers, beyond the models: the same texts and windows are put to the models alone in a process
of their own."""

from __future__ import annotations

from typing import Any

from eval.speed.job import Job, Open
from eval.speed.memory import held
from eval.speed.recording import Watched, again, network_of, save, saved
from eval.speed.vectors import Named

_WRITTEN = 20  # questions whose calls are kept in memory at a time


def measure(job: Job, open_embedder: Open) -> dict[str, Any]:
    """MB after opening and `job.limit` questions, and the calls of the models on disk for `alone`. Raises RagError."""
    calls = job.library / "calls.jsonl"
    calls.unlink(missing_ok=True)
    inner = open_embedder()
    embedder = Watched(Named(inner, job.name(inner)))
    network = network_of(job.reader, embedder.calls, job.settings())
    questions = job.asked()
    with job.opened(embedder) as kb:
        opened = held()
        for number, question in enumerate(questions, 1):
            kb.ask(question)
            if number % _WRITTEN == 0 or number == len(questions):
                save(calls, embedder.calls)
                embedder.calls.clear()
        after = held()
    if network:
        network.leave()
    return {"opened_mb": opened, "steady_mb": after, "questions": len(questions)}


def alone(job: Job, open_embedder: Open) -> dict[str, Any]:
    """MB of a process that holds nothing but the models, after the same calls."""
    import rag.assistant  # noqa: F401  # the program itself is no part of what an index adds

    embedder = open_embedder()
    network = network_of(job.reader, [], job.settings())
    opened = held()
    for call in saved(job.library / "calls.jsonl"):
        again([call], embedder.encode, network.put if network else None)
    return {"opened_mb": opened, "steady_mb": held()}
