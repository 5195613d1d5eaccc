"""The rows of the reading table on what reading costs: time, precision, bytes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from eval import cmrc, metrics
from eval.reading_bench import Bench, Figure, SpanReader, of_rows
from eval.reading_data import TextSet
from eval.reading_rows import CHARS, Measure, read_contexts
from rag.training.data import windows

WINDOWS, TOKENS, READS, WARM_UP = 5, 200, 30, 3
COMPARED = 100  # questions on which two precisions are compared


def speed(name: str, milliseconds: float, lost: float) -> Measure:
    """One reading of five windows on the product's engine and by torch in float32, and what the first loses in F1."""

    def measure(bench: Bench, row: str) -> list[Figure]:
        texts = bench.source.read(name)
        asked = bench.sample(texts.questions, min(COMPARED, bench.limit))
        product, exact = bench.tools.open_reader(""), bench.tools.open_reader("torch")
        contexts, tokens = some_windows(bench, texts)
        shape = f"{len(contexts)} windows of {tokens:.0f} tokens, median, {bench.tools.threads} threads"
        fast = timed(bench, f"{row} {product.engine}", product, asked[0].text, contexts)
        slow = timed(bench, f"{row} torch", exact, asked[0].text, contexts)
        names = [f"{reader.engine} {reader.precision}" for reader in (product, exact)]
        ours, theirs = (
            [
                cmrc.f1(texts.articles[q.context].text[a:b], q.answers)
                for q, (a, b) in zip(asked, read_contexts(bench, f"{row} F1", reader, texts, asked), strict=True)
            ]
            for reader in (product, exact)
        )
        seed, both = bench.seed, list(zip(fast, slow, strict=True))
        told = f"F1 of {names[0]} ({100 * metrics.mean(ours):.1f}) less that of {names[1]} ({100 * metrics.mean(theirs):.1f})"
        return [
            of_rows(
                row, f"{names[0]}: {shape}", fast, median, milliseconds, seed=seed, at_most=True, unit="ms", digits=0
            ),
            of_rows(row, f"{names[1]}: the same", slow, median, seed=seed, unit="ms", digits=0),
            of_rows(row, "times faster", both, times_faster, seed=seed, unit="×", digits=2),
            of_rows(row, told, list(zip(ours, theirs, strict=True)), points, -lost, seed=seed, unit="points", digits=1),
        ]

    return measure


def median(values: Sequence[float]) -> float:
    return metrics.percentile(values, 50)


def times_faster(reads: Sequence[tuple[float, float]]) -> float:
    return median([slow for _, slow in reads]) / median([fast for fast, _ in reads])


def points(scores: Sequence[tuple[float, float]]) -> float:
    return 100 * metrics.mean([ours - theirs for ours, theirs in scores])


def some_windows(bench: Bench, texts: TextSet) -> tuple[list[tuple[str, str]], float]:
    """The five windows of a set whose texts are nearest to 200 tokens, as (head, text), and their mean tokens."""
    cut = [passage for article in texts.articles.values() for passage in windows(article, CHARS)]
    counts = bench.tools.count_tokens([passage.text for passage in cut])
    chosen = sorted(range(len(cut)), key=lambda i: (abs(counts[i] - TOKENS), i))[:WINDOWS]
    return [(cut[i].head, cut[i].text) for i in chosen], metrics.mean([counts[i] for i in chosen])


def timed(
    bench: Bench, stage: str, reader: SpanReader, question: str, contexts: Sequence[tuple[str, str]]
) -> list[float]:
    """Milliseconds of each read; the first few, which warm up, are left out."""
    taken = []
    for done in range(1, WARM_UP + READS + 1):
        started = time.perf_counter()
        reader.read(question, contexts)
        taken.append((time.perf_counter() - started) * 1000)
        bench.meter.show(stage, done, WARM_UP + READS)
    return taken[WARM_UP:]


def size(most: float) -> Measure:
    """Bytes of everything that is shipped in the model's folder, in MB of a million."""

    def measure(bench: Bench, row: str) -> list[Figure]:
        files = [path for path in bench.tools.model.rglob("*") if path.is_file()]
        total = sum(path.stat().st_size for path in files)
        return [Figure(row, f"{total:,} bytes in {len(files)} files", len(files), total / 1e6, target=most, at_most=True, unit="MB", digits=2)]  # fmt: skip

    return measure
