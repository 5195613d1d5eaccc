"""From opening a library to its first answer, beyond what the same takes on a library of a few passages."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from eval.speed.job import TINY, Job, Open
from eval.speed.vectors import Named
from rag.protocols import Embedder


def measure(job: Job, open_embedder: Open) -> dict[str, Any]:
    """Seconds to the first answer of this library and of the tiny one, in one process with the models loaded. Raises RagError."""
    inner = open_embedder()
    tiny = replace(job, size=TINY)
    questions = job.asked()
    _first(tiny, inner, questions[0])  # the models, and every module that answering loads
    small = _first(tiny, inner, questions[1 % len(questions)])
    large = _first(job, inner, questions[1 % len(questions)])
    return {"tiny_s": small, "first_answer_s": large}


def _first(job: Job, inner: Embedder, question: str) -> dict[str, float]:
    embedder = Named(inner, job.name(inner))
    began = time.perf_counter()
    with job.opened(embedder) as kb:
        opened = time.perf_counter() - began
        kb.ask(question)
        answered = time.perf_counter() - began
    return {"opened": round(opened, 4), "answered": round(answered, 4)}
