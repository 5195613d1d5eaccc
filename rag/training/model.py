"""The span model as it is trained: the base encoder's weights by name and a start/end head, examples as tokens, the loss.

A plain dictionary of tensors under the names of the base file, so that what was learned is a subtraction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rag.embed.directory import read_safetensors
from rag.reader.network import HEAD, Sizes, merged
from rag.reader.window import QUERY, prefix
from rag.training.data import Example

LONGEST = 448  # tokens of a training window; longer ones are dropped


@dataclass(frozen=True, slots=True)
class Encoded:
    """An example as tokens: `start` and `end` are token positions (inclusive), both 0 where nothing answers."""

    ids: tuple[int, ...]
    start: int
    end: int


def load_base(path: Path) -> dict[str, Any]:
    """Every tensor of the base, float32, by its name in the file (the unused pooler left out)."""
    import torch

    return {
        name: torch.from_numpy(np.array(values, dtype=np.float32))
        for name, values in read_safetensors(path / "model.safetensors").items()
        if not name.startswith("pooler.")
    }


def first_weights(base: Path, hidden: int, seed: int, start: Path | None = None) -> dict[str, Any]:
    """What a run begins from, float32: the base and a new head, or the sum of the base and a difference that an earlier
    run shipped."""
    import torch

    weights = load_base(base)
    if start is None:
        return {**weights, **new_head(hidden, seed)}
    whole = merged({name: values.numpy() for name, values in weights.items()}, read_safetensors(start))
    return {name: torch.from_numpy(np.array(values, dtype=np.float32)) for name, values in whole.items()}


def new_head(hidden: int, seed: int) -> dict[str, Any]:
    import torch

    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(2, hidden, generator=generator) * 0.02
    return {f"{HEAD}.weight": weight, f"{HEAD}.bias": torch.zeros(2)}


def trained_names(weights: dict[str, Any], frozen: int = 0) -> list[str]:
    """Everything but the embeddings and the lowest `frozen` layers."""
    still = ("embeddings.", *(f"encoder.layer.{i}." for i in range(frozen)))
    return sorted(name for name in weights if not name.startswith(still))


def encode(tokenizer: Any, sizes: Sizes, examples: Sequence[Example]) -> list[Encoded | None]:
    """Tokens of the examples as the runtime makes them; None where too long or the answer falls on no token."""
    asked = tokenizer.encode_batch([QUERY + e.question for e in examples], add_special_tokens=False)
    told = tokenizer.encode_batch([prefix(e.head) + e.text for e in examples], add_special_tokens=False)
    made: list[Encoded | None] = []
    for example, question, passage in zip(examples, asked, told, strict=True):
        lead = [sizes.bos, *question.ids[:64], sizes.eos]
        ids = (*lead, *passage.ids, sizes.eos)
        start = end = 0
        if example.start >= 0:
            base = len(prefix(example.head))
            inside = [
                i
                for i, (a, b) in enumerate(passage.offsets)
                if a < base + example.end and b > base + example.start and b > a
            ]
            if not inside:
                made.append(None)
                continue
            start, end = len(lead) + inside[0], len(lead) + inside[-1]
        made.append(Encoded(ids, start, end) if len(ids) <= min(LONGEST, sizes.positions) else None)
    return made


def collate(rows: Sequence[Encoded], pad: int) -> tuple[Any, Any, Any, Any]:
    """int64 ids and mask, shape (batch, length), and start and end, shape (batch)."""
    import torch

    width = -(-max(len(row.ids) for row in rows) // 8) * 8
    ids = torch.full((len(rows), width), pad, dtype=torch.int64)
    mask = torch.zeros((len(rows), width), dtype=torch.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = torch.tensor(row.ids)
        mask[i, : len(row.ids)] = 1
    return ids, mask, torch.tensor([row.start for row in rows]), torch.tensor([row.end for row in rows])


def dropout(share: float, seed: int) -> Callable[[Any], Any] | None:
    """What leaves out outputs of a layer, shape (batch, length, hidden): whole channels of an example, the same for all
    its tokens (Gal and Ghahramani 2016). None for a share of 0."""
    import torch

    if share <= 0:
        return None
    generator = torch.Generator().manual_seed(seed)

    def drop(x: Any) -> Any:
        kept = torch.rand((x.shape[0], 1, x.shape[2]), generator=generator) >= share
        return x * (kept.to(x.device, x.dtype) / (1 - share))

    return drop


def loss(logits: Any, start: Any, end: Any) -> Any:
    """Mean cross entropy over start and end; position 0 stands for no answer."""
    from torch.nn import functional as f

    return (f.cross_entropy(logits[:, :, 0], start) + f.cross_entropy(logits[:, :, 1], end)) / 2
