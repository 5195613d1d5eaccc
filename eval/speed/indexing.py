"""How long indexing a folder takes beyond the raw encoder on the very same batches: the folder comes in parts, and after each
the encoder is given its batches again, so that what else the machine does falls on both. Then a sync that has nothing to do, and
one of a changed file."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from eval.speed.build import stages
from eval.speed.changes import synced
from eval.speed.corpus import Made
from eval.speed.job import Job, Open
from eval.speed.recording import Stopwatch, Watched, again
from rag.assistant import Assistant
from rag.config import Settings

WARM = "The first text takes longer: 第一段文字要久一些。"


def measure(job: Job, open_embedder: Open) -> dict[str, Any]:
    """Seconds and ratios; every ratio is of times taken in this run. Raises RagError, OSError."""
    embedder = Watched(open_embedder())
    embedder.encode([WARM], "query")
    embedder.encode([WARM], "passage")
    embedder.calls.clear()
    documents = list(job.made().until(job.passages))
    watch = Stopwatch()
    rounds = []
    with tempfile.TemporaryDirectory(prefix="judian-speed-", dir=Path(job.out)) as place:
        folder = Path(place) / "documents"
        folder.mkdir()
        settings = Settings(reader="rules")
        with Assistant.open(folder, settings, index_dir=Path(place) / "index", embedder=embedder, sync=False) as kb:
            stages(watch, kb, embedder)
            for turn in range(job.rounds):
                for made in documents[turn :: job.rounds]:
                    _put(folder, made)
                began = time.perf_counter()
                kb.sync()
                whole = time.perf_counter() - began
                calls = list(embedder.calls)
                embedder.calls.clear()
                alone = again(calls, embedder.embedder.encode, None)
                inside = sum(call.seconds for call in calls)
                rounds.append((whole, alone, inside, sum(len(call.texts) for call in calls)))
            unchanged = synced(kb, embedder)
            with (folder / documents[0].name).open("a", encoding="utf-8") as file:
                file.write("\n\n新的一段。\n")
            changed = synced(kb, embedder)
    whole, alone, inside, passages = (sum(one[at] for one in rounds) for at in range(4))
    return {
        "documents": len(documents),
        "passages": passages,
        "indexing_s": round(whole, 3),
        "encoder_alone_s": round(alone, 3),
        "encoder_inside_s": round(inside, 3),
        "ratio": round(whole / alone, 4),
        "ratios": [round(one[0] / one[1], 4) for one in rounds],
        "passages_per_s": round(passages / whole, 1),
        "unchanged_ms": unchanged,
        "changed_ms": changed,  # encoding left out
        "stages_s": {name: round(seconds, 3) for name, seconds in sorted(watch.seconds.items())},
    }


def _put(folder: Path, made: Made) -> None:
    path = folder / made.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(made.content, encoding="utf-8")
