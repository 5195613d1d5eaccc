"""Past one machine, by Ray Data: a folder is read and encoded on a cluster and written by this process alone.

    driver:  sync says which files are new or changed → their names
    nodes:   file → [child process: parse, label, chunk] → passages → [actors: encode] → vectors
    driver:  vectors → library; documents and passages → library → rankers, which find every vector there

The result is the local engine's: the same passages and digests, and vectors that differ by no more than a batch's other
texts make them (cosine ≥ 0.9999, mostly the same bits, for the library keeps 16). Nothing of it depends on the
cluster's keeping its word: what does not come back is read here, and a vector that is missing is encoded here.

A node opens a file at the driver's path where it finds one of that size and time there (a shared file system); else the
driver sends the bytes. Every node needs this program in the same version, with its model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rag.cluster.address import engine_of, require_ray
from rag.cluster.stream import Pace, read_ahead
from rag.cluster.work import Order
from rag.config import Settings
from rag.embed import open_embedder
from rag.errors import ClusterError
from rag.index import RULES, directory_of, find_folder, open_index, writing
from rag.protocols import Embedder, ProgressFn
from rag.shelf import file_reader
from rag.sync import sync_folder
from rag.types import Progress, SyncReport

__all__ = ["ClusterError", "Indexed", "engine_of", "index_folder", "open_model"]


@dataclass(frozen=True, slots=True)
class Indexed:
    """What a run left behind."""

    folder: Path
    report: SyncReport
    documents: int
    passages: int


def open_model(settings: Settings, threads: int, progress: ProgressFn | None = None) -> Embedder:
    """The embedder of these settings, on the driver and on every node alike."""
    return open_embedder(
        settings.model,
        engine=settings.engine,
        model_dir=settings.model_dir,
        query_prompt=settings.query_prompt,
        passage_prompt=settings.passage_prompt,
        threads=threads,
        progress=progress,
    )


def index_folder(
    settings: Settings,
    address: str = "",
    progress: ProgressFn | None = None,
    opened: Callable[..., Embedder] = open_model,
) -> Indexed:
    """Brings the index of `settings.folder` in step as `Assistant.sync` does, with files read and encoded on the Ray
    cluster at `address` ("": a Ray of our own on this machine). Interrupted, what is stored stays, and the next run, on
    any engine, goes on. Where nothing is new, no cluster is asked. `opened` must be known by name on the nodes.

    Raises MissingExtraError, ClusterError, ModelError (a node has another model), and what `Assistant.open` raises."""
    require_ray()
    folder = find_folder(settings.folder)
    directory = directory_of(folder, settings)
    embedder = opened(settings, settings.threads, progress)
    reader = file_reader(settings)
    with writing(directory):
        index = open_index(directory, embedder, settings, folder)
        try:
            library, pace = index.library, Pace()
            order = Order(
                reader.chars, reader.limits, RULES, embedder.name, embedder.dim, partial(opened, settings),
                asks=bool(library.count or library.stray_vectors()),
            )  # fmt: skip
            ahead = partial(
                read_ahead, address=address, order=order, library=library, threads=settings.threads, pace=pace
            )
            report = sync_folder(index, folder, reader, _paced(progress, pace), ahead)
            return Indexed(folder, report, len(library.documents()), library.count)
        finally:
            index.close()


def _paced(progress: ProgressFn | None, pace: Pace) -> ProgressFn | None:
    """Tells how fast the cluster encodes: what fills the rankers finds every vector made, and would tell of that."""

    def tell(event: Progress) -> None:
        seconds = time.perf_counter() - pace.started
        if progress and event.stage == "passages" and event.rate and event.left is not None and pace.passages:
            rate = pace.passages / seconds
            event = replace(event, rate=rate, left=event.left * event.rate / rate)
        if progress:
            progress(event)

    return tell if progress else None
