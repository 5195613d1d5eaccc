"""Many who ask at once, beside one who asks alone, as `python -m eval load` measures it."""

from __future__ import annotations

import sys
from typing import Any

from eval import cost
from eval.load import MANY
from eval.load import measure as load
from eval.questions import load as questions_of
from eval.speed.job import Job, Open
from eval.steps import DEFAULT_CORPUS, SETS

ASKERS = (1, 8, MANY)
SECONDS = 20.0


def measure(job: Job, open_embedder: Open) -> dict[str, Any]:
    """`one` and `many`: levels of the load test over the project's own material; `levels` holds all. Raises DataError where the
    chat does not start."""
    asked = [q.question for q in questions_of(SETS / "article-dev.jsonl").questions if not q.history]
    distinct = list(dict.fromkeys(asked))

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    found = load(DEFAULT_CORPUS, distinct, ASKERS, SECONDS, say=say)
    by = {level["askers"]: level for level in found["levels"]}
    return {"one": by[1], "many": by[MANY], "levels": found["levels"], "seconds": SECONDS, "cores": cost.cores()}
