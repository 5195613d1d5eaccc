"""What a question takes beside one encoding of it and one batch of the reader; what of that is retrieval; and whether the
dense ranker finds what comparing with every vector finds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.metrics import percentile
from eval.speed.job import Job, Open
from eval.speed.memory import cached, uncached
from eval.speed.recording import Call, Network, Watched, again, busy, network_of
from eval.speed.vectors import Named, VectorFile, digest, exact
from rag.assistant import Assistant
from rag.protocols import Embedder

WARM = 12  # questions before what is counted
K = 10
_TIE = 2e-6  # products that differ by less are one: sums of the same numbers in another order


@dataclass(frozen=True, slots=True)
class Timed:
    """One question, milliseconds."""

    total: float
    query: float  # encoding it, with nothing else going on
    reader: float  # the reader's network on the windows that it read, likewise
    windows: int
    stages: Mapping[str, float]
    sentences: float = 0.0  # what the reader encodes of text in another script, likewise

    @property
    def raw(self) -> float:
        return self.query + self.reader


def measure(job: Job, open_embedder: Open) -> dict[str, Any]:
    """Raises RagError."""
    inner = open_embedder()
    embedder = Watched(Named(inner, job.name(inner)))
    network = network_of(job.reader, embedder.calls, job.settings())
    questions = job.asked()
    uncached(job.index)
    with job.opened(embedder) as kb:
        warm = questions[:WARM]
        cold = [_retrieval(kb, question, embedder) for question in warm]
        whole = cached(job.index)
        for question in warm:
            kb.ask(question)
        timed = []
        for question in questions[len(warm) :] or questions:
            embedder.calls.clear()
            began = time.perf_counter()
            answer = kb.ask(question)
            total = 1000 * (time.perf_counter() - began)
            timed.append(_alone(total, answer.timings, list(embedder.calls), inner, network))
        embedder.calls.clear()
        apart = {"retrieval_cold_ms": spread(cold[1:] or cold), "cached": whole}  # the first makes tables that all need
        return told(timed) | apart | {"recall": recall(kb, inner, job.log(inner.dim), questions)}


def _alone(
    total: float, stages: Mapping[str, float], calls: Sequence[Call], inner: Embedder, network: Network | None
) -> Timed:
    """The same texts and windows once more, alone. A question is encoded once: what is asked for again is remembered."""
    query = [call for call in calls if call.kind == "query"][:1]
    windows = [call for call in calls if call.kind == "windows"]
    encoded = [call for call in calls if call.kind == "passage"]
    sentences = sum(call.seconds for call in calls if call.kind == "passage")
    spent = {"query encoding": query[0].seconds if query else 0.0, "reader network": busy(windows)}
    by = {name: value for name, value in stages.items() if name != "total"}
    by["retrieve"] = by.get("retrieve", 0.0) - 1000 * spent["query encoding"]
    by["read"] = max(0.0, by.get("read", 0.0) - 1000 * (spent["reader network"] + sentences))  # it may begin before
    by |= {name: 1000 * value for name, value in spent.items()} | {"sentence encoding": 1000 * sentences}
    return Timed(
        total,
        1000 * again(query, inner.encode, None),
        1000 * again(windows, inner.encode, network.put if network else None),
        sum(len(call.windows[0]) for call in windows if call.windows),
        by,
        1000 * again(encoded, inner.encode, None),
    )


def told(timed: Sequence[Timed]) -> dict[str, Any]:
    """Figures over questions. The ratio is the median of the questions' own, over those that were read with the network: an
    overview or a refusal by rule has nothing to be compared with."""
    read = [one for one in timed if one.windows] or [one for one in timed if one.query]
    ratios = [one.total / one.raw for one in read if one.raw]
    names = dict.fromkeys(name for one in timed for name in one.stages)
    retrieval = [one.stages.get("retrieve", 0.0) for one in timed]
    return {
        "questions": len(timed),
        "read": len(read),
        "ratio": round(percentile(ratios, 50), 4) if ratios else None,
        "ratio_of_sums": round(sum(o.total for o in read) / sum(o.raw for o in read), 4) if ratios else None,
        "ratio_all_models": round(percentile([o.total / (o.raw + o.sentences) for o in read], 50), 4)
        if ratios
        else None,
        "models_ms": spread([one.raw + one.sentences for one in read]),
        "total_ms": spread([one.total for one in timed]),
        "query_ms": spread([one.query for one in read]),
        "reader_ms": spread([one.reader for one in read]),
        "raw_ms": spread([one.raw for one in read]),
        "retrieval_ms": spread(retrieval),
        "retrieval_with_encoding_ms": spread(
            [one.stages.get("retrieve", 0.0) + one.stages.get("query encoding", 0.0) for one in timed]
        ),
        "stages_ms": {name: spread([one.stages.get(name, 0.0) for one in timed]) for name in names},
    }


def _retrieval(kb: Assistant, question: str, embedder: Watched) -> float:
    """Milliseconds beside the encoding of the question."""
    embedder.calls.clear()
    began = time.perf_counter()
    kb.retrieve(question, kb.settings.pool)
    return 1000 * (time.perf_counter() - began - sum(call.seconds for call in embedder.calls))


def spread(values: Sequence[float]) -> dict[str, float]:
    return {f"p{p}": round(percentile(values, p), 3) for p in (50, 95)} if values else {}


def recall(kb: Assistant, encoder: Embedder, log: VectorFile, questions: Sequence[str]) -> dict[str, Any]:
    """recall@10 of the store that the dense ranker searches, against comparing with every vector of the library; a passage as
    near as the tenth counts as found (Aumüller, Bernhardsson, Faithfull, "ANN-Benchmarks", 2020). `outside`: found passages
    that the log of vectors does not know, 0 where both hold the same."""
    digests, rows = log.read()
    if not digests:
        return {}
    queries = encoder.encode(list(questions), "query")
    at = {one: number for number, one in enumerate(digests)}
    k = min(K, len(digests))
    _, cosines = exact(rows, queries, k)
    outside = 0
    shares = []
    for query, best in zip(queries, cosines, strict=True):
        found = [number for number, _ in kb._index.store.search(query, k)]
        known = [at.get(digest(p.context)) for p in kb._index.library.passages(found).values()]
        outside += sum(place is None for place in known)
        near = [float(query @ np.asarray(rows[place], dtype=np.float32)) for place in known if place is not None]
        shares.append(sum(cosine >= best[-1] - _TIE for cosine in near) / k)
    return {
        "at_10": round(float(sum(shares)) / len(shares), 4),
        "least": round(float(min(shares)), 2),
        "of": len(digests),
        "outside": outside,
    }
