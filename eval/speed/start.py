"""How long `python app.py` takes to its page and to its first answer, against what it cannot do without: importing gradio, and
importing sentence-transformers and loading the model on it. All in processes of their own, in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import Any

from eval.served import Served
from eval.speed.job import Job, Open
from eval.steps import DEFAULT_CORPUS
from rag.config import Settings
from rag.embed.open import locate
from rag.errors import DataError

QUESTION = "这篇文章讲了什么？"
GRADIO = "import gradio"
MODEL = (
    "import sys; from sentence_transformers import SentenceTransformer; SentenceTransformer(sys.argv[1], device='cpu')"
)
_PATIENCE = 240.0  # seconds for one import


def measure(job: Job, open_embedder: Open) -> dict[str, Any]:
    """Seconds, medians of `job.rounds` after a start that is not counted; no embedder is needed here. Raises DataError where the
    chat does not start."""
    settings = Settings.load()
    _, model = locate(settings.model, settings.model_dir)
    chat(job)
    pages, answers, gradio, loading = [], [], [], []
    for _round in range(job.rounds):
        gradio.append(ran("-c", GRADIO))
        page, answer = chat(job)
        pages.append(page)
        answers.append(answer)
        loading.append(ran("-c", MODEL, str(model)))
    return {
        "page_s": statistics.median(pages),
        "answer_s": statistics.median(answers),
        "gradio_s": statistics.median(gradio),
        "model_s": statistics.median(loading),
        "rounds": {"page": pages, "answer": answers, "gradio": gradio, "model": loading},
    }


def ran(*arguments: str) -> float:
    """Seconds of a Python process from its start to its end. Raises DataError where it fails."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], env=os.environ, capture_output=True, timeout=_PATIENCE)
    seconds = time.perf_counter() - began
    if done.returncode:
        told = " ".join(done.stderr.decode(errors="replace").strip().splitlines()[-1:])
        raise DataError(f"{arguments[1]}: {told}", f"{arguments[1]}：{told}")
    return round(seconds, 3)


def chat(job: Job) -> tuple[float, float]:
    """Seconds from the start of the chat to its page, and to the answer of a question asked as soon as it takes one."""
    with Served(DEFAULT_CORPUS, QUESTION, {"index_dir": str(job.file("app-index"))}) as served:
        return round(served.page_seconds, 3), round(served.answer_seconds, 3)
