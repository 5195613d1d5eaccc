"""A library of some size, built by the product's own sync over a folder of files. Stopped, the next run goes on."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from eval.cost import bytes_of, peak_bytes
from eval.export import put
from eval.progress import Meter
from eval.speed.corpus import Corpus, write
from eval.speed.job import Job, Open
from eval.speed.memory import MB, Peaks, held
from eval.speed.recording import Stopwatch
from eval.speed.vectors import LibraryEmbedder, Noise, digest, nearest
from rag.assistant import Assistant
from rag.types import Progress

_EVERY = 10.0  # seconds between two notes of how far it has come
_LIKE = 100  # passages on which the made-up vectors are compared with real ones


def measure(job: Job, open_embedder: Open) -> dict[str, Any]:
    """Builds what is missing of a library and returns what that took: `seconds`, `encoding_s` and `pace` over all runs, stages,
    processor time (without the child that reads), counts of vectors and memory of the last one. Raises RagError, OSError."""
    done = job.library / "build.json"
    if done.is_file() and json.loads(done.read_text(encoding="utf-8")).get("passages"):
        return dict(json.loads(done.read_text(encoding="utf-8")))
    corpus = job.made()
    with Meter(sys.stderr) as meter:
        folder = job.library / "documents"
        began = time.perf_counter()
        documents = write(corpus, folder, job.size, lambda n: meter.show(f"{job.size:,}: files", n, job.size))
        wrote = time.perf_counter() - began
        inner = open_embedder()
        embedder = LibraryEmbedder(inner, corpus, job.real_documents(corpus), job.cache(inner.dim), job.log(inner.dim))
        result = _built(job, embedder, meter)
    result |= {"documents": documents, "writing_s": round(wrote, 1), "alike": alike(embedder, corpus, inner)}
    put(done, json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    return result


def _built(job: Job, embedder: LibraryEmbedder, meter: Meter) -> dict[str, Any]:
    notes = Notes(job.library / "building.json", embedder)
    watch, peaks = Stopwatch(), Peaks()
    peaks.stage = "models"
    with peaks.watching(), job.opened(embedder) as kb:
        stages(watch, kb, embedder)
        before, worked = held(), time.process_time()

        def told(progress: Progress) -> None:
            peaks.stage = "reading and encoding"
            meter.report(progress)
            if progress.stage == "passages":
                notes.note(progress.done)

        kb.sync(told)
        peaks.stage = "at rest"
        peaks.look()
        worked = time.process_time() - worked
        passages = sum(info.passages for info in kb.documents())
        after = held()
    seconds, encoding = notes.end(passages)
    beyond = seconds - encoding
    return {
        "passages": passages, "seconds": round(seconds, 2), "encoding_s": round(encoding, 2),
        "beyond_ms_per_passage": round(1000 * beyond / max(1, passages), 4), "processor_s": round(worked, 2),
        "stages_s": {name: round(value, 2) for name, value in sorted(watch.seconds.items())},
        "vectors": dict(embedder.counts), "peak_mb": {**peaks.told(), "whole": round((peak_bytes() or 0) / MB, 1)},
        "before_mb": before, "after_mb": after, "pace": notes.pace, "disk": disk(job.library / "index"),
    }  # fmt: skip


def stages(watch: Stopwatch, kb: Assistant, embedder: Any) -> None:
    """Times what an index does beside encoding, from now on; what it no longer has under that name is left out."""
    index = kb._index
    for owner, method, name in (
        (embedder, "encode", "encode"),
        (index.library, "add_all", "store"),
        (index.library, "keep_vectors", "keep vectors"),
        (index.library, "mark_indexed", "mark"),
        (index.lexical, "add", "lexical"),
        (index.lexical, "remove", "lexical"),
        (index.lexical, "flush", "write lexical"),
        (index.store, "add", "vectors"),
        (index.store, "flush", "write vectors"),
    ):
        watch.around(owner, method, name)


class Notes:
    """How long a build has taken, over all of its runs: a stopped one loses ten seconds of it at most."""

    def __init__(self, path: Path, embedder: LibraryEmbedder) -> None:
        self._path, self._embedder = path, embedder
        told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        self._seconds, self._encoding = float(told.get("seconds", 0)), float(told.get("encoding", 0))
        self.pace: list[list[float]] = told.get("pace", [])
        self._began = self._noted = time.perf_counter()

    def _now(self) -> tuple[float, float]:
        return self._seconds + time.perf_counter() - self._began, self._encoding + sum(self._embedder.seconds.values())

    def note(self, passages: int) -> None:
        """Writes down, now and then, the seconds so far: [passages of this run, seconds, of them encoding]."""
        if time.perf_counter() - self._noted < _EVERY:
            return
        self._noted = time.perf_counter()
        self.end(passages)

    def end(self, passages: int) -> tuple[float, float]:
        seconds, encoding = self._now()
        self.pace.append([passages, round(seconds, 2), round(encoding, 2)])
        self._path.parent.mkdir(parents=True, exist_ok=True)
        put(self._path, json.dumps({"seconds": seconds, "encoding": encoding, "pace": self.pace}) + "\n")
        return seconds, encoding


def disk(index: Path) -> dict[str, int]:
    """Bytes by part."""
    parts = {part: bytes_of(index / part) for part in ("vectors", "lexical")}
    library = sum(path.stat().st_size for path in index.glob("library.sqlite*"))
    return {"library": library, **parts, "whole": bytes_of(index)}


def alike(embedder: LibraryEmbedder, corpus: Corpus, real: Any) -> dict[str, Any]:
    """How made-up vectors compare with real ones: quantiles (5, 25, 50, 75, 95 %) of the cosine to the nearest of the articles'
    own vectors, of those vectors among themselves, of made-up ones to them, and of the real vectors of the same passages."""
    bases = embedder.bases()
    if len(bases) < 3:
        return {}
    after = [corpus.document(embedder.real + number) for number in range(_LIKE)]
    texts = [f"{made.title}\n{made.paragraphs[number % len(made.paragraphs)]}" for number, made in enumerate(after)]
    own = real.encode(texts, "passage")
    noise = Noise(bases)
    near, cosine = nearest(own, bases)
    drawn = noise.around(bases[near], [digest(text) for text in texts])
    return {
        "real among themselves": _quantiles(nearest(bases)[1]),
        "made up to the articles": _quantiles(nearest(drawn, bases)[1]),
        "real to the articles, of the same passages": _quantiles(cosine),
    }


def _quantiles(values: Any) -> list[float]:
    return [round(float(value), 4) for value in np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))]
