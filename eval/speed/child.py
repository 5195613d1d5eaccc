"""One step of the measurement in a process of its own, where memory and what is already imported matter:
`python -m eval.speed.child JOB RESULT`, both files of JSON."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.embedding import embedder_of
from eval.export import put
from eval.speed.job import Job, Open
from rag.config import Settings
from rag.errors import RagError
from rag.protocols import Embedder

STEPS: Mapping[str, str] = {
    "indexing": "indexing.measure",
    "build": "build.measure",
    "question": "question.measure",
    "steady": "steady.measure",
    "models": "steady.alone",
    "open": "opening.measure",
    "growth": "changes.measure",
    "start": "start.measure",
    "peers": "rivals.measure",
    "load": "many.measure",
}
"""Step -> the function that does it."""


def main(argv: Sequence[str]) -> int:
    """Exit code: 0 done, 2 what a RagError says on stderr."""
    told = json.loads(Path(argv[0]).read_text(encoding="utf-8"))
    told |= {name: tuple(told[name]) for name in ("corpus", "questions")}
    try:
        with contextlib.redirect_stdout(sys.stderr):  # libraries that print
            result = done(Job(**told), opened)
    except RagError as error:
        print(f"eval speed: {error}", file=sys.stderr)
        return 2
    put(Path(argv[1]), json.dumps(result, ensure_ascii=False))
    return 0


def done(job: Job, open_embedder: Open) -> dict[str, Any]:
    """What the step `job.part` measures. Raises RagError, OSError."""
    module, _, function = STEPS[job.part].partition(".")
    found: dict[str, Any] = getattr(importlib.import_module(f"eval.speed.{module}"), function)(job, open_embedder)
    return found


def opened() -> Embedder:
    """The embedder of the settings. Raises ModelError."""
    return embedder_of(Settings.load())


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a background thread inside a native library would abort an ordinary shutdown
