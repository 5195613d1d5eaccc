"""What can be quoted of the passages found, and what can be seen of each without a model: the features of `rag.reader.features`
for every sentence. What all sentences of a passage have in common is worked out once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import pairwise

from rag.reader import features as see
from rag.reader.across import shared_names
from rag.reader.views import View, view
from rag.text import is_chinese, sentence_spans, trim
from rag.types import BODY_ROLES, Hit, Passage


@dataclass(frozen=True, slots=True)
class Near:
    """A hit as its sentences are looked at."""

    asked: see.Asked
    hit: Hit
    place: int  # among the hits in its own script, from 0
    local: Mapping[str, float]  # rarity of the question's tokens among the passages at hand
    row: View | None  # a table row with its column names, None for all else
    around: View  # the passage with its headings
    wide: Callable[[], View]  # all that is at hand of its document
    covered: tuple[float, float]  # shares of the question's rarity: of the passage, with its headings
    worst: float
    _beyond: dict[str, int] = field(default_factory=dict)
    _shared: list[float] = field(default_factory=list)

    def beyond(self, anchor: str) -> int:
        """Where an anchor is honoured outside the sentence: see `features.anchor_distance`."""
        if anchor not in self._beyond:
            views = (lambda: self.around, self.wide)
            self._beyond[anchor] = next((at for at, seen in enumerate(views, 1) if see.honours(anchor, seen())), 3)
        return self._beyond[anchor]

    def shared(self) -> float:
        """What it has in common with a question in another script: see `across.shared_names`."""
        if not self._shared:
            self._shared.append(shared_names(self.asked.question, self.around))
        return self._shared[0]


def neighbourhoods(
    asked: see.Asked, hits: Sequence[Hit], places: Sequence[int], local: Mapping[str, float]
) -> Iterator[Near]:
    """Each hit with what its sentences share. `places`: of the hits among those in their own script."""
    spread = _spread(hits)
    for hit, place in zip(hits, places, strict=True):
        passage = hit.passage
        labelled, around = passage.labelled, view(passage.context)
        # A row is told apart from its neighbours by its own cells: what they say is not said of it.
        row = view(labelled) if labelled else None
        told = see.degrees(asked, around)
        within = see.covered(asked, row or view(passage.text))
        share = see.share(asked.weights.values(), told)
        wide = (lambda seen=around: seen) if row else spread(hit)
        yield Near(asked, hit, place, local, row, around, wide, (within, share), see.worst_gap(asked, told))


def look(near: Near, position: int, start: int, end: int, topic: str) -> dict[str, float]:
    """The features of one candidate (`text[start:end]` of the hit's passage), all but the cosine and what the trained model
    sees. `topic` is its paragraph's first sentence where that is a heading in all but name."""
    asked, passage = near.asked, near.hit.passage
    question, text = asked.question, passage.text[start:end]
    chinese = is_chinese(text)
    cross, foreign = asked.latin and chinese, asked.latin == chinese
    seen = near.row or view(text)
    told = see.degrees(asked, seen)
    covered = see.share(asked.weights.values(), told)
    honoured = [see.anchor_distance(anchor, seen, near.beyond, foreign) for anchor in question.anchors]
    kind, unit, head = see.type_state(question.kind, text), see.unit_state(asked, text), see.head_state(asked, seen)
    if near.row and question.kind in {"who", "where"}:
        kind = 0  # names in cells are seen as such by nothing around them
    furniture = passage.role not in BODY_ROLES
    return {
        "covered": covered,
        "covered_topic": see.covered(asked, view(topic + text)) if topic else covered,
        "covered_passage": near.covered[0],
        "covered_context": near.covered[1],
        "local": see.share(near.local.values(), told),
        "longest": see.longest_common(asked, seen.folded),
        "worst": 0.0 if cross else near.worst,
        "dense": 0.0,
        "dense_passage": near.hit.scores.get("dense", 0.8) - 0.8,
        "cross": float(cross),
        "shared_cross": shared_names(question, seen) if foreign else 0.0,
        "shared_cross_around": near.shared() if foreign else 0.0,
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
        "listed": float(see.listed(asked, passage, start)),
        "rank": 1.0 / (1 + near.place),
        "furniture": float(furniture),
        "furniture_asked": float(furniture and asked.furniture),
        "short_sentence": float(len(text) < 12 and not furniture),
        "long_sentence": float(len(text) > 120),
        "first": float(position == 0),
    }


@lru_cache(maxsize=1024)  # of a small folder the same passages are found again and again
def candidates_of(passage: Passage) -> tuple[tuple[int, int], ...]:
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
    return tuple((start, end) for start, end in trimmed if end > start and any(c.isalnum() for c in text[start:end]))


def _spread(hits: Sequence[Hit]) -> Callable[[Hit], Callable[[], View]]:
    """What is at hand of a hit's document: an anchor told elsewhere in it (the city of the whole article) holds."""
    texts: dict[str, list[str]] = {}
    for hit in hits:
        texts.setdefault(hit.passage.doc_id, [hit.passage.title]).append(hit.passage.text)

    @cache
    def of(doc_id: str) -> View:
        return View.joined(map(view, texts[doc_id]))

    return lambda hit: lambda: of(hit.passage.doc_id)
