"""Whether other passages say the same as a candidate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from rag.reader.reads import Window
from rag.text import fold
from rag.types import Hit, Passage


def agreement(
    hits: Sequence[Hit], windows: Mapping[int, Window]
) -> Callable[[Passage, Sequence[tuple[int, int]]], float]:
    """How far other passages say the same as a candidate's best span: log(1 + the sum of their chances to answer, as the
    trained model sees them), over the passages whose own best span reads alike when folded."""
    said: dict[str, list[tuple[int, float]]] = {}
    for rank, window in windows.items():
        passage = hits[rank].passage
        for start, end, score in window.spans[:1]:
            chance = 1.0 / (1.0 + math.exp(min(30.0, window.null - score)))
            said.setdefault(_key(passage.text[start:end]), []).append((passage.id, chance))

    def agree(passage: Passage, spans: Sequence[tuple[int, int]]) -> float:
        key = _key(passage.text[slice(*spans[0])]) if spans else ""
        return math.log1p(sum(c for i, c in said.get(key, ()) if i != passage.id)) if key else 0.0

    return agree


def _key(text: str) -> str:
    return "".join(c for c in fold(text) if c.isalnum())
