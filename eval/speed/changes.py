"""What a change costs as the library grows: one document added, one taken away, and a sync that finds nothing new."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from eval.speed.build import disk, stages
from eval.speed.job import Job, Open
from eval.speed.recording import Stopwatch, Watched
from eval.speed.vectors import Named
from rag.assistant import Assistant

_NEW = "added"  # a folder of its own beside those of the library


def measure(job: Job, open_embedder: Open) -> dict[str, Any]:
    """Milliseconds at the median of `job.rounds`, encoding left out; the library is afterwards as it was. Raises RagError."""
    inner = open_embedder()
    embedder = Watched(Named(inner, job.name(inner)))
    folder = job.library / "documents" / _NEW
    _clear(folder)
    corpus, first = job.made(), 9_000_000  # numbers that no library reaches
    with job.opened(embedder) as kb:
        opening = synced(kb, embedder)
        same, add, remove = [], [], []
        watch = Stopwatch()
        stages(watch, kb, embedder)
        for turn in range(job.rounds):
            same.append(synced(kb, embedder))
            made = corpus.document(first + turn)
            folder.mkdir(exist_ok=True)
            path = folder / Path(made.name).name
            path.write_text(made.content, encoding="utf-8")
            add.append(synced(kb, embedder))
            path.unlink()
            remove.append(synced(kb, embedder))
        _clear(folder)
    return {
        "first_sync_ms": opening,
        "unchanged_ms": statistics.median(same),
        "add_ms": statistics.median(add),
        "remove_ms": statistics.median(remove),
        "stages_ms": {name: round(1000 * s / (3 * job.rounds), 2) for name, s in sorted(watch.seconds.items())},
        "disk": disk(job.library / "index"),
    }


def synced(kb: Assistant, embedder: Watched) -> float:
    """Milliseconds of a sync, encoding left out."""
    before = embedder.seconds
    began = time.perf_counter()
    kb.sync()
    seconds = time.perf_counter() - began - (embedder.seconds - before)
    embedder.calls.clear()
    return round(1000 * seconds, 2)


def _clear(folder: Path) -> None:
    for path in folder.glob("*"):
        path.unlink()
