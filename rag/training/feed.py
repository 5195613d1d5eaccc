"""What a training run reads: rounds of examples, varied, as tokens, in batches of like length; all from the seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from rag.reader.network import Sizes
from rag.training.augment import augment, homophones_of
from rag.training.data import Maker, Material
from rag.training.model import Encoded, encode
from rag.training.plan import Plan
from rag.training.written import Written


def batches(encoded: Sequence[Encoded], tokens: int, rng: random.Random) -> list[list[Encoded]]:
    """Examples of like length together, at most `tokens` with padding, in random order."""
    ordered = sorted(encoded, key=lambda row: (len(row.ids), row.ids))
    found: list[list[Encoded]] = []
    for row in ordered:
        if found and (len(found[-1]) + 1) * (len(row.ids) + 7) <= tokens:
            found[-1].append(row)
        else:
            found.append([row])
    rng.shuffle(found)
    return found


class Feed:
    """Batches of one round after another, all from the seed."""

    def __init__(
        self, material: Material, tokenizer: Any, sizes: Sizes, plan: Plan, written: Written | None = None
    ) -> None:
        self._maker, self._written = Maker(material, plan.seed), written
        self._homophones = homophones_of([article.text for article in material.articles.values()])
        self._tokenizer, self._sizes, self._plan = tokenizer, sizes, plan

    def round(self, number: int) -> list[list[Encoded]]:
        rng = random.Random(f"{self._plan.seed}:augment:{number}")
        asked = 0
        if self._written and number >= self._plan.written_from:
            asked = round(self._plan.round * self._plan.written)
        examples = self._maker.round(number, self._plan.round - asked)
        if self._written and asked:
            examples += self._written.round(number, asked)
        changed = [augment(e, rng, self._homophones) for e in examples]
        rows = [row for row in encode(self._tokenizer, self._sizes, changed) if row is not None]
        return batches(rows, self._plan.tokens, rng)
