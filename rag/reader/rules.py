"""The reader: it weighs every sentence of the passages found by what can be seen of it (`features`) and, where the
trained model is at hand (`span`), by the spans that this finds; picks the fewest that answer, and says no when the best
of them does not.

Two logistic models over named features, fitted by `python -m eval.fit` on other people's questions: one orders
sentences, one estimates whether the first of them answers. Both are lines in a file that can be read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rag.protocols import Embedder, Vectors
from rag.reader import features as see
from rag.reader.across import shared_names
from rag.reader.agreement import agreement
from rag.reader.cells import rowwise
from rag.reader.choose import choose
from rag.reader.judge import answer_features, judge, lines_of, missing_terms, weights
from rag.reader.reads import Reads, Window
from rag.text import is_chinese, sentence_spans, trim
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
        scene = _Scene(asked, see.local_weights(asked, [see.view(h.passage.text) for h in hits]), _spread(hits))
        rough: list[tuple[float, int, int, int, dict[str, float]]] = []
        within = _within(hits)
        for rank, hit in enumerate(hits):
            spans = candidates_of(hit.passage)
            topic = hit.passage.text[slice(*spans[0])] if spans and spans[0][1] - spans[0][0] <= _TOPIC else ""
            for position, (start, end) in enumerate(spans):
                seen = _look(scene, hit, within[rank], position, start, end, topic if position else "")
                quick = seen["covered"] + seen["local"] + 0.5 * seen["covered_passage"] + 0.3 * seen["rank"]
                rough.append((quick, rank, start, end, seen))
        rough.sort(key=lambda row: (-row[0], row[1], row[2]))
        windows = self._windows(question, hits, within)
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
            near = (
                cosines.get((rank, start, end), lowest) - 0.8
            )  # unseen ones take the lowest, which never makes one win
            seen["dense"] = 0.0 if self._spans else near
            seen["dense_cross"] = near if see.is_foreign(asked, passage.text[start:end]) else 0.0
            short = _span_features(windows.get(rank), start, end, highest, seen)
            seen["agree"] = agree(passage, short)
            score = sum(self._weights["sentence"].get(name, 0.0) * value for name, value in seen.items())
            best = tuple(Span(passage.start + a, passage.start + b) for a, b in short)
            found.append(Finding(passage, passage.start + start, passage.start + end, score, best, seen))
        found.sort(key=lambda f: (-f.score, f.passage.doc_id, f.start))
        return found

    def _windows(self, question: Question, hits: Sequence[Hit], within: Sequence[int]) -> dict[int, Window]:
        """What the trained model says of the first hits, by their rank: the body's, and the best of the furniture."""
        if self._spans is None:
            return {}
        all_but_one = _READ_AT_MOST - 1
        order = sorted(range(len(hits)), key=lambda rank: (within[rank], rank))  # both scripts in turn
        body = [rank for rank in order if hits[rank].passage.role in BODY_ROLES]
        margin = [rank for rank in order if hits[rank].passage.role not in BODY_ROLES]
        ranks = [*body[:all_but_one], *margin[:1], *body[all_but_one:], *margin[1:]][:_READ_AT_MOST]
        passages = [hits[rank].passage for rank in ranks]
        contexts = [(p.head, p.labelled or p.text) for p in passages]
        read = self._spans.read(question.full, contexts)
        return {rank: rowwise(window, p) for rank, window, p in zip(ranks, read, passages, strict=True)}

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


@dataclass(frozen=True, slots=True)
class _Scene:
    """What all candidates of one question are looked at with."""

    asked: see.Asked
    local: Mapping[str, float]  # rarity of the question's tokens among the passages at hand
    spread: Callable[[Hit], see.View]  # all that is at hand of a hit's document


def _look(scene: _Scene, hit: Hit, rank: int, position: int, start: int, end: int, topic: str) -> dict[str, float]:
    """The features of one candidate (`text[start:end]` of the hit's passage), all but the cosine."""
    asked, passage, question = scene.asked, hit.passage, scene.asked.question
    text = passage.text[start:end]
    seen, around, paragraph = see.view(text), see.view(passage.context), see.view(passage.text)
    wide = scene.spread(hit)
    if passage.labelled:  # a row is told apart from its neighbours by its own cells: what they say is not said of it
        seen = paragraph = see.view(passage.labelled)
        wide = around
    total = sum(scene.local.values()) or 1.0
    cross = asked.latin and is_chinese(text)
    foreign = see.is_foreign(asked, text)
    honoured = [see.anchor_distance(a, (seen, around, wide), foreign) for a in question.anchors]
    kind, unit, head = see.type_state(question.kind, text), see.unit_state(asked, text), see.head_state(asked, seen)
    if passage.labelled and question.kind in {"who", "where"}:
        kind = 0  # names in cells are seen as such by nothing around them
    furniture = passage.role not in BODY_ROLES
    return {
        "covered": see.covered(asked, seen),
        "covered_topic": see.covered(asked, see.view(topic + text)) if topic else see.covered(asked, seen),
        "covered_passage": see.covered(asked, paragraph),
        "covered_context": see.covered(asked, around),
        "local": sum(w * see.degree(t, seen) for t, w in scene.local.items()) / total,
        "longest": see.longest_common(asked, seen.folded),
        "worst": 0.0 if cross else see.worst_gap(asked, around),
        "dense": 0.0,
        "dense_passage": hit.scores.get("dense", 0.8) - 0.8,
        "cross": float(cross),
        "shared_cross": shared_names(question, seen) if foreign else 0.0,
        "shared_cross_around": shared_names(question, around) if foreign else 0.0,
        "agree": 0.0,
        "anchor_missing": float(honoured.count(3)),
        "anchor_elsewhere": float(honoured.count(2)),
        "type_ok": float(kind > 0),
        "type_missing": float(kind < 0),
        "unit_ok": float(unit > 0),
        "unit_missing": float(unit < 0),
        "defines": float(see.defines(asked, seen.folded)),
        "head_ok": float(head > 0 and not cross),
        "head_missing": float(head < 0 and not cross),
        "listed": float(see.listed(question, passage, start)),
        "rank": 1.0 / (1 + rank),
        "furniture": float(furniture),
        "furniture_asked": float(furniture and see.asks_for_furniture(question)),
        "short_sentence": float(len(text) < 12 and not furniture),
        "long_sentence": float(len(text) > 120),
        "first": float(position == 0),
    }


def candidates_of(passage: Passage) -> list[tuple[int, int]]:
    """What can be quoted of a passage: its sentences, or its lines where it is furniture (a headline of a hot list may
    hold a question mark and its count)."""
    text = passage.text
    if passage.columns:
        spans = [(0, len(text))]
    elif passage.role in BODY_ROLES:
        spans = sentence_spans(text)
    else:
        cuts = [0, *(i + 1 for i, c in enumerate(text) if c == "\n"), len(text)]
        spans = list(pairwise(cuts))
        counted = [text[a:b].rstrip()[-1:].isdigit() for a, b in spans]
        if len(spans) > 2 and not counted[0] and sum(counted) * 2 > len(spans):
            spans = spans[1:]  # the title of a list whose lines end in their counts
    trimmed = [trim(text, start, end) for start, end in spans]
    return [(start, end) for start, end in trimmed if end > start and any(c.isalnum() for c in text[start:end])]


def _spread(hits: Sequence[Hit]) -> Callable[[Hit], see.View]:
    """What is at hand of a hit's document: an anchor told elsewhere in it (the city of the whole article) holds."""
    texts: dict[str, list[str]] = {}
    for hit in hits:
        texts.setdefault(hit.passage.doc_id, [hit.passage.title]).append(hit.passage.text)
    joined = {doc: see.view("\n".join(parts)) for doc, parts in texts.items()}
    return lambda hit: joined[hit.passage.doc_id]
