"""Writes the weights as a SentenceTransformer directory: the files that `SentenceTransformer(path)` reads.

Nothing here needs torch: the layout is written as it stands on model hubs (which every release of the library reads),
the weights as fp16 safetensors (the 4-bit values lose 2e-4 of their norm, half the disk) that load as fp32.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rag.embed.blob import Blob

QUERY_PROMPT = "query: "
PASSAGE_PROMPT = "passage: "

_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class Weight:
    """One tensor on its way: name there, name and shape here."""

    source: str  # "" for zeros
    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes as fp16."""
        return 2 * int(np.prod(self.shape))


def weights(blob: Blob) -> list[Weight]:
    """Every tensor of the encoder under the name that `transformers.BertModel` gives it."""
    s = blob.shape
    found = [
        Weight("emb.word", "embeddings.word_embeddings.weight", (s.vocabulary, s.hidden)),
        Weight("emb.pos", "embeddings.position_embeddings.weight", (s.positions, s.hidden)),
        Weight("emb.type", "embeddings.token_type_embeddings.weight", (s.types, s.hidden)),
        Weight("emb.ln.w", "embeddings.LayerNorm.weight", (s.hidden,)),
        Weight("emb.ln.b", "embeddings.LayerNorm.bias", (s.hidden,)),
    ]
    for i in range(s.layers):
        for short, long in _LAYER.items():
            out = s.feed_forward if short == "fi" else s.hidden
            back = s.feed_forward if short == "fo" else s.hidden
            shape = (out,) if short.endswith("ln") else (out, back)
            found.append(Weight(f"l{i}.{short}.w", f"encoder.layer.{i}.{long}.weight", shape))
            found.append(Weight(f"l{i}.{short}.b", f"encoder.layer.{i}.{long}.bias", (out,)))
    # The file leaves out the pooler, which mean pooling never uses; without one, every load warns of new random weights.
    found.append(Weight("", "pooler.dense.weight", (s.hidden, s.hidden)))
    found.append(Weight("", "pooler.dense.bias", (s.hidden,)))
    return found


def write_safetensors(
    path: Path, blob: Blob, wanted: list[Weight], step: Callable[[int], None] = lambda size: None
) -> None:
    """Writes the tensors one after the other (never all of them in memory); `step` hears of each part's bytes.

    The format is 8 bytes of header length, a JSON header of types, shapes and offsets, and the numbers.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for weight in wanted:
        header[weight.name] = {"dtype": "F16", "shape": weight.shape, "data_offsets": [at, at + weight.size]}
        at += weight.size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for weight in wanted:
            for part in blob.values(weight.source) if weight.source else [np.zeros(weight.size // 2)]:
                half = part.astype("<f2").tobytes()
                file.write(half)
                step(len(half))


def read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """Every tensor, mapped and not copied. Raises ValueError for a file that is no safetensors of F16, F32 or I8."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > 1 << 26:
            raise ValueError(f"{path.name} is no safetensors file")
        header = json.loads(file.read(length))
    raw = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + length)
    types = {"F16": "<f2", "F32": "<f4", "I8": "i1"}
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] in types:
            start, end = entry["data_offsets"]
            found[name] = raw[start:end].view(types[entry["dtype"]]).reshape(entry["shape"])
    return found


def describing_files(blob: Blob, specials: list[str]) -> Iterator[tuple[str, Any]]:
    """Relative path and JSON content of everything beside weights and tokenizer."""
    s = blob.shape
    bos, pad, eos, unk = specials[:4]
    mask = specials[4] if len(specials) > 4 else unk
    named = {
        "bos_token": bos,
        "cls_token": bos,
        "eos_token": eos,
        "sep_token": eos,
        "pad_token": pad,
        "unk_token": unk,
        "mask_token": mask,
    }
    yield (
        "config.json",
        {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "attention_probs_dropout_prob": 0.1,
            "bos_token_id": blob.bos,
            "dtype": "float32",
            "eos_token_id": blob.eos,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "hidden_size": s.hidden,
            "initializer_range": 0.02,
            "intermediate_size": s.feed_forward,
            "layer_norm_eps": float(f"{s.epsilon:.6g}"),
            "max_position_embeddings": s.positions,
            "num_attention_heads": s.heads,
            "num_hidden_layers": s.layers,
            "pad_token_id": blob.pad,
            "position_embedding_type": "absolute",
            "torch_dtype": "float32",
            "transformers_version": "4.56.0",  # oldest that reads it; without one, 4.57 warns of another model's flaw
            "type_vocab_size": s.types,
            "use_cache": True,
            "vocab_size": s.vocabulary,
        },
    )
    yield "special_tokens_map.json", named
    yield (
        "tokenizer_config.json",
        {
            **named,
            "clean_up_tokenization_spaces": False,
            "model_input_names": ["input_ids", "attention_mask"],
            "model_max_length": s.positions,
            "tokenizer_class": "PreTrainedTokenizerFast",
        },
    )
    yield "sentence_bert_config.json", {"max_seq_length": s.positions, "do_lower_case": False}
    yield (
        "config_sentence_transformers.json",
        {
            "prompts": {"query": QUERY_PROMPT, "document": PASSAGE_PROMPT, "passage": PASSAGE_PROMPT},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    )
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    yield (
        "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(kinds)
        ],
    )
    yield (
        "1_Pooling/config.json",
        {
            "word_embedding_dimension": s.hidden,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    )
    yield "2_Normalize/config.json", {}


def write_directory(path: Path, blob: Blob, step: Callable[[int], None] = lambda size: None) -> None:
    """The whole directory. `step` hears of every few megabytes of weights written (bytes)."""
    from rag.embed.tokenizer import build_tokenizer, special_tokens

    path.mkdir(parents=True, exist_ok=True)
    wanted = weights(blob)
    write_safetensors(path / "model.safetensors", blob, wanted, step)
    build_tokenizer(blob).save(str(path / "tokenizer.json"), pretty=False)
    for name, content in describing_files(blob, special_tokens(blob)):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
