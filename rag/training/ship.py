"""Writes what training changed as a small file: `python -m rag.training.ship OUT DATA`.

Each matrix's change is rounded to eight bits, with a step of its own for each row; vectors and the head are stored whole.
With `--unrounded` what the rounding and the product's engine cost is measured too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.reader import scale
from rag.reader.network import ADD, HEAD, STEP, STEPS, Sizes, read_sizes
from rag.reader.span import ABOUT, SHIPPED, SpanModel, load
from rag.training.data import Example, read_folder
from rag.training.model import load_base
from rag.training.monitor import Score, cases, measure, scorer
from rag.training.train import LOG, STATE

Arrays = dict[str, NDArray[Any]]


def difference(base: Mapping[str, Any], trained: Mapping[str, Any]) -> Arrays:
    """What was learned, by name as `rag.reader.network.merged` adds it: matrices as int8 steps with a float32 step a row,
    vectors in float16, the head in float32. A step is a 127th of its row's largest change, so that what is lost is at
    most half of that."""
    found: Arrays = {}
    for name in sorted(trained):
        if name.startswith(HEAD):
            found[name] = trained[name].numpy().astype(np.float32)
            continue
        change = (trained[name] - base[name]).numpy()
        if change.ndim == 1:
            found[name + ADD] = change.astype(np.float16)
            continue
        step = np.maximum(np.abs(change).max(axis=1), np.finfo(np.float32).tiny * 127) / np.float32(127)
        found[name + STEPS] = np.rint(change / step[:, None]).astype(np.int8)
        found[name + STEP] = step.astype(np.float32)
    return found


def write(path: Path, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, str]) -> int:
    """A safetensors file, written beside and renamed; returns its bytes."""
    header: dict[str, Any] = {"__metadata__": {"format": "np", **about}}
    at = 0
    for name, values in arrays.items():
        kind = {"float16": "F16", "float32": "F32", "int8": "I8"}[str(values.dtype)]
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    _replace(path, b"".join([struct.pack("<Q", len(text)), text, *(v.tobytes() for v in arrays.values())]))
    return 8 + len(text) + at


def describe(path: Path, scales: Mapping[str, scale.Scale] | None = None) -> None:
    """Writes beside a difference what opening it asks for: its checksum and, once measured, the scale of its margins."""
    told = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "scale": scale.as_rows(scales or {})}
    _replace(path.with_suffix(ABOUT), (json.dumps(told, indent=1) + "\n").encode())


def _replace(path: Path, content: bytes) -> None:
    """Written beside and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name}.new")
    with work.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(work, path)


def trained_weights(out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(weights, plan and position) of a run's checkpoint."""
    import torch

    state = torch.load(out / STATE, weights_only=True, map_location="cpu")
    step, _, _, seconds = state["at"]
    return state["weights"], {**state["plan"], "reached": step, "minutes_used": round(seconds / 60, 1)}


def product_scorer(model: SpanModel) -> Score:
    """Margins and spans as the product computes them: its own engine, precision and windows."""

    def score(examples: Sequence[Example]) -> list[tuple[float, str]]:
        found = []
        for example in examples:
            window = model.read(example.question, [(example.head, example.text)])[0]
            text = example.text[slice(*window.spans[0][:2])] if window.spans else ""
            found.append((window.margin, text))
        return found

    return score


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m rag.training.ship", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of a training run")
    parser.add_argument("data", type=Path, help="folder that holds cmrc2018-trial")
    parser.add_argument("--base", type=Path, help="the base model's folder; default: the prepared embedding model")
    parser.add_argument("--questions", type=int, default=250)
    parser.add_argument("--to", type=Path, default=SHIPPED)
    parser.add_argument("--unrounded", action="store_true", help="measure the unrounded model too, in float32 on torch")
    options = parser.parse_args(arguments)
    from rag.embed.prepare import default_dir

    base_dir = options.base or default_dir()
    base, (trained, plan) = load_base(base_dir), trained_weights(options.out)
    arrays = difference(base, trained)
    size = write(options.to, arrays, {"plan": json.dumps(plan)})
    describe(options.to)
    watched = cases(read_folder(options.data / "cmrc2018-trial"), options.questions)
    rows: dict[str, Any] = {"plan": plan, "bytes": size, "questions": len(watched)}
    model = load(base_dir, options.to)
    describe(options.to, scale.measure(model))
    rows[f"shipped, {model.engine} {model.precision}"] = measure(watched, product_scorer(model))
    if options.unrounded:
        rows["unrounded, torch f32"] = measure(watched, _unrounded(base_dir, {**base, **trained}))
    log = options.out / LOG
    if log.is_file():
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        rows["watched during training"] = [line for line in lines if "f1" in line]
    text = json.dumps(rows, indent=1)
    options.to.with_name("figures.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def _unrounded(base_dir: Path, weights: dict[str, Any]) -> Score:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(base_dir / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    sizes: Sizes = read_sizes(base_dir)
    return scorer(weights, sizes, tokenizer, half=False)


if __name__ == "__main__":
    main()
