"""The reader: it weighs every sentence of the passages found by what can be seen of it (`features`) and, where the
trained model is at hand (`span`), by the spans that this finds; picks the fewest that answer, and says no when the best
of them does not.

Two logistic models over named features, fitted by `python -m eval.fit` on other people's questions: one orders
sentences, one estimates whether the first of them answers. Both are lines in a file that can be read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np

from rag.protocols import Embedder, Vectors
from rag.reader import features as see
from rag.reader.agreement import agreement
from rag.reader.candidates import candidates_of, look, neighbourhoods
from rag.reader.cells import rowwise
from rag.reader.choose import choose
from rag.reader.judge import answer_features, judge, lines_of, missing_terms, weights
from rag.reader.reads import Ahead, Reads, Window
from rag.reader.views import view
from rag.text import is_chinese
from rag.types import BODY_ROLES, Finding, Hit, Passage, Question, Reading, Span

_ENCODE_AT_MOST = 14  # sentences encoded anew for one question: about 60 ms on two cores
_ENCODE_FOREIGN = 8  # of them where the trained model reads and the question is in another script: about 30 ms
_READ_AT_MOST = 8  # passages read by the trained model: about 140 ms
_TOPIC = 16  # characters up to which a paragraph's first sentence is its topic ("加强顶层设计。") and not an answer
_REMEMBER = 20_000  # sentence vectors kept, 30 MB at 384 dimensions
_FAR = -1.5  # margin, in tens of logits, of a sentence in which the trained model sees nothing


class RuleReader:
    """See `rag.protocols.Reader`. `refuse_below` is the answerability under which nothing is shown as an answer, below 0
    the fitted line; `spans` is the trained model, None to go by rules alone; `fitted` a file of weights in place of the
    shipped ones."""

    def __init__(
        self, embedder: Embedder, refuse_below: float = -1.0, spans: Reads | None = None, fitted: str = ""
    ) -> None:
        self._embedder = embedder
        self._spans = spans
        self._weights = weights(fitted or ("weights_span.json" if spans else "weights.json"))
        self._lines = lines_of(self._weights, refuse_below)
        self._vectors: OrderedDict[tuple[str, int, int], Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, question: Question, hits: Sequence[Hit]) -> Reading:
        asked = see.prepare(question)
        candidates = self.weigh(question, hits)
        if not candidates:
            return Reading((), 0.0, "no_match", tuple(term for term in question.terms if len(term) > 1))
        answerable, reason = judge(asked, candidates, self._weights["answer"])
        missing = missing_terms(asked, hits)
        certainty = self._lines.certainty(answerable)
        if certainty.word == "none":
            return Reading((), answerable, reason, missing, tuple(candidates), certainty)
        findings = tuple(choose(asked, candidates))
        return Reading(findings, answerable, "answered", missing, tuple(candidates), certainty)

    @property
    def weights(self) -> Mapping[str, Mapping[str, float]]:
        """By feature: "sentence" orders candidates, "answer" judges the first of them."""
        return self._weights

    @property
    def refuse_below(self) -> float:
        return self._lines.refuse_below

    def judged(self, question: Question, candidates: Sequence[Finding]) -> dict[str, float]:
        """The features by which the first of the candidates is judged."""
        return answer_features(see.prepare(question), candidates)

    def weigh(self, question: Question, hits: Sequence[Hit]) -> list[Finding]:
        """Every sentence of the hits as a candidate, best first, with its features; `spans` holds what the trained model
        would answer from it."""
        asked = see.prepare(question)
        within = _within(hits)
        read = to_read(hits, within) if self._spans else {}
        self._begin(question, read)  # the network reads while all else is looked at
        local = see.local_weights(asked, [view(hit.passage.text) for hit in hits])
        rough: list[tuple[float, int, int, int, dict[str, float]]] = []
        for rank, near in enumerate(neighbourhoods(asked, hits, within, local)):
            spans = candidates_of(near.hit.passage)
            topic = near.hit.passage.text[slice(*spans[0])] if spans and spans[0][1] - spans[0][0] <= _TOPIC else ""
            for position, (start, end) in enumerate(spans):
                seen = look(near, position, start, end, topic if position else "")
                quick = seen["covered"] + seen["local"] + 0.5 * seen["covered_passage"] + 0.3 * seen["rank"]
                rough.append((quick, rank, start, end, seen))
        rough.sort(key=lambda row: (-row[0], row[1], row[2]))
        windows = self._windows(question, read)
        wanted = [(rank, start, end) for _, rank, start, end, _ in rough]
        if self._spans is not None:  # what the trained model sees says more, and the time is its
            wanted = _foreign(question, hits, wanted, windows)
        cosines = self._cosines(question, hits, wanted)
        lowest = min(cosines.values(), default=0.8)
        agree = agreement(hits, windows)
        highest = max((w.margin for w in windows.values()), default=0.0)
        found: list[Finding] = []
        for _, rank, start, end, seen in rough:
            passage = hits[rank].passage
            meaning = cosines.get((rank, start, end), lowest) - 0.8  # unseen ones take the lowest: it makes none win
            seen["dense"] = 0.0 if self._spans else meaning
            seen["dense_cross"] = meaning if see.is_foreign(asked, passage.text[start:end]) else 0.0
            short = _span_features(windows.get(rank), start, end, highest, seen)
            seen["agree"] = agree(passage, short)
            score = sum(self._weights["sentence"].get(name, 0.0) * value for name, value in seen.items())
            best = tuple(Span(passage.start + a, passage.start + b) for a, b in short)
            found.append(Finding(passage, passage.start + start, passage.start + end, score, best, seen))
        found.sort(key=lambda f: (-f.score, f.passage.doc_id, f.start))
        return found

    def prepare(self, question: Question, hits: Sequence[Hit]) -> None:
        """Begins to read, and returns: `read` of the same question and hits says the same without it, later."""
        if self._spans:
            self._begin(question, to_read(hits, _within(hits)))

    def _begin(self, question: Question, passages: Mapping[int, Passage]) -> None:
        if isinstance(self._spans, Ahead):
            self._spans.prepare(question.full, _contexts(passages))

    def _windows(self, question: Question, passages: Mapping[int, Passage]) -> dict[int, Window]:
        """What the trained model says of the passages that it reads, by the ranks of their hits."""
        if self._spans is None:
            return {}
        read = self._spans.read(question.full, _contexts(passages))
        return {rank: rowwise(window, p) for window, (rank, p) in zip(read, passages.items(), strict=True)}

    def _cosines(
        self, question: Question, hits: Sequence[Hit], wanted: Sequence[tuple[int, int, int]]
    ) -> dict[tuple[int, int, int], float]:
        """Cosine of the question with each sentence, from memory or encoded now, as far as the budget goes."""
        if not wanted:
            return {}
        query = self._embedder.encode([question.full], "query")[0]
        key = {
            w: (hits[w[0]].passage.doc_id, hits[w[0]].passage.start + w[1], hits[w[0]].passage.start + w[2])
            for w in wanted
        }
        with self._lock:
            known = {w: self._vectors[key[w]] for w in wanted if key[w] in self._vectors}
        fresh = [w for w in wanted if w not in known][:_ENCODE_AT_MOST]
        if fresh:
            vectors = self._embedder.encode([hits[r].passage.text[s:e] for r, s, e in fresh], "passage")
            with self._lock:
                for w, vector in zip(fresh, vectors, strict=True):
                    known[w] = self._vectors[key[w]] = vector
                while len(self._vectors) > _REMEMBER:
                    self._vectors.popitem(last=False)
        return {w: float(np.dot(query, vector)) for w, vector in known.items()}


def to_read(hits: Sequence[Hit], within: Sequence[int]) -> dict[int, Passage]:
    """The passages that the trained model reads, by the ranks of their hits: the body's, and the best of the furniture.
    `within`: the place of each hit among those in its own script."""
    all_but_one = _READ_AT_MOST - 1
    order = sorted(range(len(hits)), key=lambda rank: (within[rank], rank))  # both scripts in turn
    body = [rank for rank in order if hits[rank].passage.role in BODY_ROLES]
    margin = [rank for rank in order if hits[rank].passage.role not in BODY_ROLES]
    ranks = [*body[:all_but_one], *margin[:1], *body[all_but_one:], *margin[1:]][:_READ_AT_MOST]
    return {rank: hits[rank].passage for rank in ranks}


def _contexts(passages: Mapping[int, Passage]) -> list[tuple[str, str]]:
    return [(passage.head, passage.labelled or passage.text) for passage in passages.values()]


def _foreign(
    question: Question, hits: Sequence[Hit], wanted: Sequence[tuple[int, int, int]], windows: Mapping[int, Window]
) -> list[tuple[int, int, int]]:
    """The few sentences in another script than the question that are worth a look at their meaning: those in which the
    trained model sees most. None where it finds an answer in the question's own."""
    asked = see.prepare(question)
    margin = {
        (rank, start, end): max((c - windows[rank].null for a, b, c in windows[rank].spans if a < end and start < b), default=-1e4)
        for rank, start, end in wanted
        if rank in windows
    }  # fmt: skip
    foreign = [w for w in margin if see.is_foreign(asked, hits[w[0]].passage.text[w[1] : w[2]])]
    own = margin.keys() - set(foreign)
    if max((margin[w] for w in own), default=-1e4) > max(0.0, *(margin[w] for w in foreign), 0.0):
        return []
    return sorted(foreign, key=lambda w: (-margin[w], w))[:_ENCODE_FOREIGN]


def _within(hits: Sequence[Hit]) -> list[int]:
    """Place of each hit among those in its own script: ranks of two languages don't compare."""
    seen = {True: 0, False: 0}
    places = []
    for hit in hits:
        script = is_chinese(hit.passage.text)
        places.append(seen[script])
        seen[script] += 1
    return places


def _span_features(
    window: Window | None, start: int, end: int, highest: float, seen: dict[str, float]
) -> list[tuple[int, int]]:
    """Adds what the trained model sees in one sentence to its features, in tens of logits, and returns its best span
    there and all others that it holds likelier than no answer, best first. A passage that it did not read counts as one
    in which it saw nothing."""
    inside = [(a, b, score) for a, b, score in window.spans if a < end and start < b] if window else []
    margin = (inside[0][2] - window.null) / 10 if window and inside else _FAR
    seen["span"] = max(_FAR, min(1.5, margin))
    seen["span_read"] = float(window is not None)
    seen["span_best"] = float(bool(window and inside and inside[0][2] - window.null >= highest))
    likelier = [span for span in inside[1:] if window and span[2] > window.null]
    return [(max(a, start), min(b, end)) for a, b, _ in [*inside[:1], *likelier]]
