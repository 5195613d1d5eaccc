"""How long indexing takes beyond the encoder, and how long a sync takes that has nothing to do.

    python -m eval.indexing                     2,000 documents made of the project's own written material
    python -m eval.indexing --documents 200
    python -m eval.indexing --folder DIR        your own files instead

The documents are indexed with the default model while every batch that the encoder gets is kept; then the same batches are
encoded again with nothing else going on. What the first takes beyond the second is the pipeline's: reading files in the
child, furniture, passages, library, both rankers. Timings are ratios within one run: the machine may be busy.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from rag.assistant import Assistant
from rag.config import Settings
from rag.embed import open_embedder
from rag.protocols import Embedder, Vectors

MATERIAL = Path(__file__).resolve().parent.parent / "rag" / "training" / "written"
PARAGRAPHS = 4  # of one made document


class Recorder:
    """An embedder that keeps the batches it encodes, and the time that they take."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.name, self.dim = embedder.name, embedder.dim
        self.batches: list[list[str]] = []
        self.seconds = 0.0

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        began = time.perf_counter()
        rows = self._embedder.encode(texts, kind)
        self.seconds += time.perf_counter() - began
        if kind == "passage":
            self.batches.append(list(texts))
        return rows


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.indexing", description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=2000, help="how many documents to make (default: 2000)")
    parser.add_argument("--folder", type=Path, help="a folder of documents to copy and index instead")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="judian-indexing-") as place:
        folder = Path(place) / "documents"
        if options.folder:
            shutil.copytree(options.folder, folder)
        else:
            make(folder, options.documents)
        print(json.dumps(measure(folder, Path(place) / "index"), ensure_ascii=False, indent=1))
    return 0


def measure(folder: Path, index: Path) -> dict[str, float]:
    """Counts, seconds and ratios; every ratio is of times taken in this run."""
    embedder = Recorder(open_embedder())
    embedder.encode(["warm"], "query")
    settings = Settings(folder=str(folder), index_dir=str(index), reader="rules")
    with Assistant.open(settings=settings, embedder=embedder, sync=False) as assistant:
        began = time.perf_counter()
        report = assistant.sync()
        whole = time.perf_counter() - began
        inside, batches = embedder.seconds, list(embedder.batches)
        began = time.perf_counter()
        for batch in batches:
            embedder.encode(batch)
        alone = time.perf_counter() - began
        passages = sum(info.passages for info in assistant.documents())
        began = time.perf_counter()
        assistant.sync()
        idle = time.perf_counter() - began
        changed = next(iter(sorted(folder.rglob("*.txt"))), folder / "new.txt")
        with changed.open("a", encoding="utf-8") as file:
            file.write("\n\n新的一段。\n")
        embedder.seconds, began = 0.0, time.perf_counter()
        assistant.sync()
        one = time.perf_counter() - began - embedder.seconds
    return {
        "files": len(report.outcomes),
        "passages": passages,
        "indexing_s": round(whole, 2),
        "encoder_alone_s": round(alone, 2),
        "beyond_the_encoder": round(whole / alone - 1, 4),
        "encoder_inside_s": round(inside, 2),
        "unchanged_sync_s": round(idle, 3),
        "one_changed_sync_s_without_encoding": round(one, 3),
    }


def make(folder: Path, count: int) -> None:
    """Documents of paragraphs drawn from the written material, three in five as text, the rest Markdown and HTML; the same
    for the same count."""
    folder.mkdir(parents=True)
    paragraphs = list(_paragraphs())
    rng = random.Random(7)
    for number in range(count):
        chosen = rng.sample(paragraphs, PARAGRAPHS)
        title = f"材料第 {number} 号"
        kind = ("txt", "txt", "txt", "md", "html")[number % 5]
        if kind == "html":
            body = "".join(f"<p>{text}</p>\n" for text in chosen)
            text = f"<html><head><title>{title}</title></head><body><h1>{title}</h1>\n{body}</body></html>\n"
        else:
            text = "\n\n".join([f"# {title}" if kind == "md" else title, *chosen]) + "\n"
        (folder / f"{number:05}.{kind}").write_text(text, encoding="utf-8")


def _paragraphs() -> Iterator[str]:
    for path in sorted(MATERIAL.rglob("*.txt")):
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            if 60 <= len(line) <= 600 and "<" not in line:
                yield line.strip()


if __name__ == "__main__":
    raise SystemExit(main())
