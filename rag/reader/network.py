"""The span network: a BERT encoder with a start/end head, its shipped difference to the base model, and its arithmetic.

`span.safetensors` holds what training changed and nothing else: for a matrix W the change in whole steps (`W.steps`, int8,
shape (out, in)) and each row's step (`W.step`, shape (out)), for a vector the change itself (`W.add`), and the head. Files of
earlier versions hold two factors of a matrix's change instead (`W.up`, shape (out, rank), and `W.down`, shape (rank, in)).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEAD = "span_head"
WORDS = "embeddings.word_embeddings.weight"
STEPS, STEP, ADD = ".steps", ".step", ".add"
UP, DOWN = ".up", ".down"
_FAR = -1e4  # logit of padding, and what its attention is lowered by


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of a BERT encoder, from its config.json."""

    hidden: int
    layers: int
    heads: int
    epsilon: float
    positions: int
    bos: int
    eos: int
    pad: int


def read_sizes(path: Path) -> Sizes:
    """Raises OSError, KeyError or ValueError where the folder holds no BERT encoder's config.json."""
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    return Sizes(
        int(config["hidden_size"]),
        int(config["num_hidden_layers"]),
        int(config["num_attention_heads"]),
        float(config["layer_norm_eps"]),
        int(config["max_position_embeddings"]),
        int(config["bos_token_id"]),
        int(config["eos_token_id"]),
        int(config["pad_token_id"]),
    )


def merged(base: Mapping[str, NDArray[Any]], difference: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The span model's weights: the base's, as they are where nothing was learned (mapped, not copied), and float32
    sums elsewhere. ValueError where the two do not fit."""
    found: dict[str, NDArray[Any]] = dict(base)
    for name, values in difference.items():
        values = values.astype(np.float32)
        if name.endswith((STEP, DOWN)):
            continue  # taken with what it belongs to
        if name.endswith((STEPS, UP)):
            kind, other = (STEPS, STEP) if name.endswith(STEPS) else (UP, DOWN)
            name = name.removesuffix(kind)
            beside = difference.get(name + other)
            if beside is None:
                raise ValueError(f"{name}{kind} has no {other} beside it")
            beside = beside.astype(np.float32)
            values = values * beside[:, None] if kind == STEPS else values @ beside
        elif name.endswith(ADD):
            name = name.removesuffix(ADD)
        else:
            found[name] = values
            continue
        if name not in base or base[name].shape != values.shape:
            raise ValueError(f"the base model has no {name} of shape {values.shape}")
        found[name] = base[name].astype(np.float32) + values
    if f"{HEAD}.weight" not in found or f"{HEAD}.bias" not in found:
        raise ValueError(f"{HEAD} is missing")
    return found


def forward(
    weights: Mapping[str, Any],
    sizes: Sizes,
    ids: Any,
    mask: Any,
    half: bool = False,
    drop: Callable[[Any], Any] | None = None,
) -> Any:
    """Start and end logits by torch: tensors int64 (batch, length) to float32 (batch, length, 2), padding at -10000.

    BERT (Devlin et al. 2018) with exact GELU; `half` computes in bfloat16 from the float32 weights; `drop` is applied
    to what each sublayer adds, in training.
    """
    import torch
    from torch.nn import functional as f

    kind = torch.bfloat16 if half else torch.float32

    def get(name: str) -> Any:
        return weights[name].to(kind)

    def dense(x: Any, name: str) -> Any:
        return f.linear(x, get(f"{name}.weight"), get(f"{name}.bias"))

    def norm(x: Any, name: str) -> Any:
        return f.layer_norm(x, (sizes.hidden,), get(f"{name}.weight"), get(f"{name}.bias"), sizes.epsilon)

    drop = drop or (lambda added: added)
    batch, length = ids.shape
    each = sizes.hidden // sizes.heads
    with torch.no_grad():
        x = f.embedding(ids, weights[WORDS]).float()
        x = x + weights["embeddings.position_embeddings.weight"][:length].float()
        x = (x + weights["embeddings.token_type_embeddings.weight"][0].float()).to(kind)
    x = norm(x, "embeddings.LayerNorm")
    hidden = torch.where(mask == 0, _FAR, 0.0)
    bias = hidden.to(kind)[:, None, None, :].expand(batch, sizes.heads, 1, length).reshape(-1, 1, length)
    for i in range(sizes.layers):
        at = f"encoder.layer.{i}."
        query, key, value = (
            dense(x, f"{at}attention.self.{part}")
            .view(batch, length, sizes.heads, each)
            .transpose(1, 2)
            .reshape(-1, length, each)
            for part in ("query", "key", "value")
        )
        # Plain products: on a processor they train a third faster than the fused attention.
        scores = torch.baddbmm(bias, query * each**-0.5, key.transpose(1, 2))
        mixed = torch.bmm(torch.softmax(scores, -1), value).view(batch, sizes.heads, length, each)
        joined = mixed.transpose(1, 2).reshape(batch, length, sizes.hidden)
        x = norm(x + drop(dense(joined, f"{at}attention.output.dense")), f"{at}attention.output.LayerNorm")
        wide = f.gelu(dense(x, f"{at}intermediate.dense"))
        x = norm(x + drop(dense(wide, f"{at}output.dense")), f"{at}output.LayerNorm")
    logits = f.linear(x.float(), weights[f"{HEAD}.weight"], weights[f"{HEAD}.bias"])
    return logits + hidden[:, :, None]
