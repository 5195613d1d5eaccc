"""The reader that needs no training on spans: it weighs every sentence of the passages found by what can be seen of it
(`features`), picks the fewest that answer, and says no when the best of them does not.

Two logistic models over named features, fitted by `python -m eval.fit` on other people's questions: one orders
sentences, one estimates whether the first of them answers. Both are lines in `weights.json` that can be read.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np

from rag.protocols import Embedder, Vectors
from rag.reader import features as see
from rag.reader.spans import short_answers
from rag.text import is_han, sentence_spans, trim
from rag.types import BODY_ROLES, Finding, Hit, Passage, Question, Reading

_ENCODE_AT_MOST = 14  # sentences encoded anew for one question: about 60 ms on two cores
_TOPIC = 16  # characters up to which a paragraph's first sentence is its topic ("加强顶层设计。") and not an answer
_REMEMBER = 20_000  # sentence vectors kept, 30 MB at 384 dimensions
_ITEM = re.compile(r"(?:[-*+•·]|\d{1,2}[.、)）]|[（(]?[一二三四五六七八九十]{1,2}[、)）])\s*\S")
_MOST_ITEMS = 8
_CLOSE = 0.7  # difference of scores under which the next sentence is nearly as good
_TYPED = frozenset({"who", "when", "where", "how_many"})  # kinds whose answer can be seen in a sentence
_SEVERAL = {"list": 3, "why": 2, "how": 2, "definition": 2, "overview": 4}


@cache
def weights() -> dict[str, dict[str, float]]:
    text = files("rag.reader").joinpath("weights.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, float]] = json.loads(text)
    return loaded


class RuleReader:
    """See `rag.protocols.Reader`. `refuse_below` is the answerability under which nothing is shown as an answer."""

    def __init__(self, embedder: Embedder, refuse_below: float = 0.5) -> None:
        self._embedder = embedder
        self._refuse_below = refuse_below
        self._vectors: OrderedDict[tuple[str, int, int], Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, question: Question, hits: Sequence[Hit]) -> Reading:
        candidates = self.weigh(question, hits)
        if not candidates:
            return Reading((), 0.0, "no_match", tuple(_shown_terms(question)))
        asked = see.prepare(question)
        answerable, reason = judge(asked, candidates)
        missing = missing_terms(asked, hits)
        if answerable < self._refuse_below:
            return Reading((), answerable, reason, missing, tuple(candidates))
        return Reading(tuple(choose(asked, candidates)), answerable, "answered", missing, tuple(candidates))

    def weigh(self, question: Question, hits: Sequence[Hit]) -> list[Finding]:
        """Every sentence of the hits as a candidate, best first, with its features."""
        asked = see.prepare(question)
        views = [see.view(hit.passage.text) for hit in hits]
        scene = _Scene(asked, see.local_weights(asked, views), _spread(hits))
        rough: list[tuple[float, int, int, int, dict[str, float]]] = []
        for rank, hit in enumerate(hits):
            spans = candidates_of(hit.passage)
            topic = hit.passage.text[slice(*spans[0])] if spans and spans[0][1] - spans[0][0] <= _TOPIC else ""
            for position, (start, end) in enumerate(spans):
                seen = _look(scene, hit, rank, position, start, end, topic if position else "")
                quick = seen["covered"] + seen["local"] + 0.5 * seen["covered_passage"] + 0.3 * seen["rank"]
                rough.append((quick, rank, start, end, seen))
        rough.sort(key=lambda row: (-row[0], row[1], row[2]))
        cosines = self._cosines(question, hits, [(rank, start, end) for _, rank, start, end, _ in rough])
        weigh = weights()["sentence"]
        found: list[Finding] = []
        for _, rank, start, end, seen in rough:
            passage = hits[rank].passage
            seen["dense"] = cosines[(rank, start, end)] - 0.8
            seen["dense_cross"] = seen["dense"] if seen["cross"] else 0.0
            score = sum(weigh.get(name, 0.0) * value for name, value in seen.items())
            found.append(Finding(passage, passage.start + start, passage.start + end, score, (), seen))
        found.sort(key=lambda f: (-f.score, f.passage.doc_id, f.start))
        return found

    def _cosines(
        self, question: Question, hits: Sequence[Hit], wanted: Sequence[tuple[int, int, int]]
    ) -> dict[tuple[int, int, int], float]:
        """Cosine of the question with each sentence, from memory or encoded now; sentences beyond the budget take the
        lowest seen, which never makes one win."""
        query = self._embedder.encode([question.understood], "query")[0]
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
        cosine = {w: float(np.dot(query, vector)) for w, vector in known.items()}
        lowest = min(cosine.values(), default=0.8)
        return {w: cosine.get(w, lowest) for w in wanted}


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
    total = sum(scene.local.values()) or 1.0
    han = sum(map(is_han, text))
    cross = asked.latin and han > len(text) / 4
    honoured = [see.anchor_distance(a, (seen, around, wide), cross) for a in question.anchors]
    kind, unit, head = see.type_state(question.kind, text), see.unit_state(asked, text), see.head_state(asked, seen)
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
    if passage.role in BODY_ROLES:
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


def judge(asked: see.Asked, candidates: Sequence[Finding]) -> tuple[float, str]:
    """Probability that the best candidate answers, and what speaks against it most."""
    best = candidates[0]
    seen = answer_features(asked, candidates)
    weigh = weights()["answer"]
    total = sum(weigh.get(name, 0.0) * value for name, value in seen.items())
    probability = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))
    if best.features["anchor_missing"]:
        return min(probability, 0.2), "wrong_anchor"
    measure = best.features["unit_missing"] and see.measured(asked.question)
    dated = best.features["type_missing"] and asked.question.kind == "when"
    if measure or dated:
        return min(probability, 0.3), "wrong_kind"
    if best.features["worst"] > 0.6:
        return probability, "missing_terms"
    return probability, "weak"


def answer_features(asked: see.Asked, candidates: Sequence[Finding]) -> dict[str, float]:
    """What answerability is judged by: the best sentence's features, its lead, and the kind of question."""
    best = candidates[0]
    second = next((c.score for c in candidates[1:] if c.passage.id != best.passage.id), best.score - 3.0)
    seen = dict(best.features)
    seen["bias"] = 1.0
    seen["score"] = best.score
    seen["lead"] = min(best.score - second, 4.0)
    seen["terms"] = min(len(asked.weights), 12) / 12
    seen["typed_missing"] = seen["type_missing"] * (asked.question.kind in _TYPED)
    seen["dense_known"] = max(seen["dense"], 0.0)
    seen[f"kind_{asked.question.kind}"] = 1.0
    return seen


def choose(asked: see.Asked, candidates: Sequence[Finding]) -> list[Finding]:
    """The fewest sentences that answer: the best, with the items of the list that it opens or stands in, and for
    questions that ask for several things the next ones that are nearly as good, in document order."""
    best = candidates[0]
    chosen = [best, *_siblings(asked, best, candidates)]
    limit = _SEVERAL.get(asked.question.kind, 1)
    for other in candidates[1:6]:
        if len(chosen) >= limit:
            break
        close = best.score - other.score < _CLOSE
        same = other.passage.doc_id == best.passage.doc_id and other.quote not in {f.quote for f in chosen}
        if close and same and not other.features["type_missing"]:
            chosen.append(other)
    filled = [replace(f, spans=tuple(short_answers(asked, f))) for f in chosen]
    told: set[str] = {filled[0].short(span) for span in filled[0].spans}
    kept = [filled[0]]
    for finding in filled[1:]:
        items = {finding.short(span) for span in finding.spans}
        if items and items <= told:
            continue  # says the same again
        told |= items
        kept.append(finding)
    return [kept[0], *sorted(kept[1:], key=lambda f: f.start)]


def _siblings(asked: see.Asked, best: Finding, candidates: Sequence[Finding]) -> list[Finding]:
    """The list items after a sentence that ends in a colon; and the other items where a list is asked for and the best
    sentence is one."""
    opens = best.quote.rstrip().endswith((":", "："))
    item = bool(_ITEM.match(best.quote)) and asked.question.kind == "list"
    if not opens and not item:
        return []
    inside = sorted((c for c in candidates if c.passage.id == best.passage.id), key=lambda c: c.start)
    items = [c for c in inside if _ITEM.match(c.quote) and c.start != best.start and (item or c.start > best.start)]
    return items[:_MOST_ITEMS]


def missing_terms(asked: see.Asked, hits: Sequence[Hit]) -> tuple[str, ...]:
    """Question words found nowhere in the passages read, as shown on a refusal."""
    everything = "\n".join(hit.passage.context for hit in hits)
    if asked.latin and sum(map(is_han, everything)) > len(everything) / 4:
        return ()
    return tuple(dict.fromkeys(see.uncovered(asked, everything)))


def _shown_terms(question: Question) -> list[str]:
    return [term for term in question.terms if len(term) > 1]
