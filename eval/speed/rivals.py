"""Indexing the same folder with the same model: ours, and the default pipelines of LangChain and LlamaIndex as they come."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.peers.command import offline, versions
from eval.peers.measure import Indexed, indexed
from eval.peers.pipelines import Judian, Pipeline
from eval.speed.corpus import write
from eval.speed.job import Job, Open
from rag.config import Settings
from rag.embed.open import locate


def measure(job: Job, open_embedder: Open) -> dict[str, Any]:
    """Wall and processor seconds of each. Raises MissingExtraError where the frameworks are not installed."""
    settings = Settings.load()
    with offline():
        peers = _peers(settings)
        embedder = open_embedder()
        with tempfile.TemporaryDirectory(prefix="judian-speed-", dir=Path(job.out)) as place:
            folder = Path(place) / "documents"
            write(job.made(), folder, job.passages)
            ours = Judian(embedder, settings, folder)
            try:
                parts = [indexed(ours, ())]
                rows = ours.rows()
                parts += [indexed(peer, rows) for peer in peers]
            finally:
                ours.close()
    return told(parts) | {"documents": len(rows), "versions": versions()}


def told(parts: Sequence[Indexed]) -> dict[str, Any]:
    """The first is ours; `ratio` is another's time by it."""
    first = parts[0]
    return {
        "pipelines": [
            {
                "name": part.pipeline.name,
                "chunks": part.chunks,
                "seconds": round(part.seconds, 3),
                "processor_s": round(part.work, 3),
                "ratio": round(part.seconds / first.seconds, 3),
                "processor_ratio": round(part.work / first.work, 3),
            }
            for part in parts
        ]
    }


def _peers(settings: Settings) -> list[Pipeline]:
    from eval.peers.langchain import LangChain
    from eval.peers.llamaindex import LlamaIndex

    kind, path = locate(settings.model, settings.model_dir)
    place = settings.model if kind == "hub" else str(path)
    return [LangChain(place, "as it comes"), LlamaIndex(place, "as it comes")]
