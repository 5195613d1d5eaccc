"""Trains the span reader: `python -m rag.training.train DATA OUT --minutes 60`.

DATA holds the data sets' folders. With `--steps` a run is the same on every repetition (given the seed and the threads);
with `--minutes` the learning rate follows the clock, so that it has decayed when the time is over. Checkpoints are
written every few minutes and a run that was stopped goes on from the last one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag.reader.network import HEAD, Sizes, forward, read_sizes
from rag.reader.window import QUERY, prefix
from rag.training.augment import augment, homophones_of
from rag.training.data import Maker, Material, read_folder, training_material
from rag.training.model import Encoded, collate, encode, load_base, loss, new_head, trained_names
from rag.training.monitor import Score, cases, measure, read_window

STATE = "state.pt"
LOG = "log.jsonl"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is determined by."""

    seed: int = 0
    steps: int = 0  # 0: by the clock
    minutes: float = 60.0
    tokens: int = 2400  # of a batch, padding included
    workers: int = 2  # batches of a step, each on a thread of its own
    frozen: int = 3  # lowest layers that stay as they are
    rate: float = 1.25e-4
    head_rate: float = 5e-4
    warmup: float = 0.06  # share of the run
    decay: float = 0.01  # weight decay
    round: int = 1500  # examples made at a time


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

    def __init__(self, material: Material, tokenizer: Any, sizes: Sizes, plan: Plan) -> None:
        self._maker = Maker(material, plan.seed)
        self._homophones = homophones_of([article.text for article in material.articles.values()])
        self._tokenizer, self._sizes, self._plan = tokenizer, sizes, plan

    def round(self, number: int) -> list[list[Encoded]]:
        rng = random.Random(f"{self._plan.seed}:augment:{number}")
        examples = [augment(e, rng, self._homophones) for e in self._maker.round(number, self._plan.round)]
        rows = [row for row in encode(self._tokenizer, self._sizes, examples) if row is not None]
        return batches(rows, self._plan.tokens, rng)


def schedule(part: float, warmup: float) -> float:
    """Factor of the learning rate after `part` of the run: linear warmup, linear decay to nothing."""
    return part / warmup if part < warmup else max(0.0, (1 - part) / (1 - warmup))


class Trainer:
    """Weights, optimizer and position of one run in a directory."""

    def __init__(self, base: Path, out: Path, feed: Feed, sizes: Sizes, plan: Plan) -> None:
        import torch

        self.out, self.feed, self.sizes, self.plan = out, feed, sizes, plan
        self.weights = {**load_base(base), **new_head(sizes.hidden, plan.seed)}
        names = trained_names(self.weights, plan.frozen)
        for name in names:
            self.weights[name].requires_grad_(True)
        self.names = names
        groups = [
            {"params": [self.weights[n] for n in names if not n.startswith(HEAD)], "rate": plan.rate},
            {"params": [self.weights[n] for n in names if n.startswith(HEAD)], "rate": plan.head_rate},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=plan.rate, weight_decay=plan.decay, fused=True)
        self.step, self.round, self.index, self.seconds = 0, 0, 0, 0.0
        self._pool = ThreadPoolExecutor(plan.workers)

    def save(self) -> None:
        """Everything needed to go on, written beside and renamed."""
        import torch

        state = {
            "plan": asdict(self.plan),
            "weights": {name: self.weights[name].detach() for name in self.names},
            "optimizer": self.optimizer.state_dict(),
            "at": (self.step, self.round, self.index, self.seconds),
        }
        self.out.mkdir(parents=True, exist_ok=True)
        torch.save(state, self.out / f"{STATE}.new")
        os.replace(self.out / f"{STATE}.new", self.out / STATE)

    def resume(self) -> bool:
        """Goes on from the directory's checkpoint, if it has one."""
        import torch

        if not (self.out / STATE).is_file():
            return False
        state = torch.load(self.out / STATE, weights_only=True)
        with torch.no_grad():
            for name in self.names:
                self.weights[name].copy_(state["weights"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        for group, rate in zip(self.optimizer.param_groups, (self.plan.rate, self.plan.head_rate), strict=True):
            group["rate"] = rate  # this plan's, should it differ from the one that the checkpoint was made under
        self.step, self.round, self.index, self.seconds = state["at"]
        return True

    def run(self, tell: Callable[[dict[str, Any]], None], save_minutes: float = 4, stop_at: int = 0) -> None:
        """To the end of the plan, or to step `stop_at`; `tell` hears of every 10th step."""
        import torch

        began, before = time.monotonic(), self.seconds
        saved, losses = began, [0.0, 0]
        rows = self.feed.round(self.round)
        while self.part() < 1 and not (stop_at and self.step >= stop_at):
            while self.index >= len(rows):
                self.round, self.index = self.round + 1, 0
                rows = self.feed.round(self.round)
            chosen = rows[self.index : self.index + self.plan.workers]
            factor = schedule(self.part(), self.plan.warmup)
            for group in self.optimizer.param_groups:
                group["lr"] = group["rate"] * factor
            value = self._gradients(chosen)
            torch.nn.utils.clip_grad_norm_([self.weights[name] for name in self.names], 1.0)
            self.optimizer.step()
            self.step, self.index = self.step + 1, self.index + len(chosen)
            self.seconds = before + time.monotonic() - began
            losses = [losses[0] + value, losses[1] + 1]
            if self.step % 10 == 0:
                tell({"step": self.step, "loss": round(losses[0] / losses[1], 4), "seconds": round(self.seconds), "part": round(self.part(), 4)})  # fmt: skip
                losses = [0.0, 0]
            if time.monotonic() - saved > 60 * save_minutes:
                self.save()
                saved = time.monotonic()
        self.save()

    def _gradients(self, chosen: Sequence[Sequence[Encoded]]) -> float:
        """Sets the gradients of a step, the mean over its examples, and returns the loss. Batches run side by side on
        one thread each: on a processor that others use too, threads that must meet in every product wait far longer."""
        import torch

        parameters = [self.weights[name] for name in self.names]
        whole = sum(map(len, chosen))

        def one(rows: Sequence[Encoded]) -> tuple[float, Any]:
            if self.plan.workers > 1:
                torch.set_num_threads(1)
            ids, mask, start, end = collate(rows, self.sizes.pad)
            value = loss(forward(self.weights, self.sizes, ids, mask, half=True), start, end) * (len(rows) / whole)
            return float(value.detach()), torch.autograd.grad(value, parameters)

        done = list(self._pool.map(one, chosen))
        for i, parameter in enumerate(parameters):
            total = done[0][1][i]
            for _, gradients in done[1:]:
                total = total + gradients[i]
            parameter.grad = total
        return sum(value for value, _ in done)

    def part(self) -> float:
        """How much of the run is done, 0..1."""
        return self.step / self.plan.steps if self.plan.steps else self.seconds / (60 * self.plan.minutes)


def scorer(weights: dict[str, Any], sizes: Sizes, tokenizer: Any, half: bool = True) -> Score:
    """Margins and spans of windows by given weights."""

    def score(examples: Sequence[Any]) -> list[tuple[float, str]]:
        import torch

        rows = [row or Encoded((sizes.bos, sizes.eos), 0, 0) for row in encode(tokenizer, sizes, examples)]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
        found: list[tuple[float, str]] = [(-100.0, "")] * len(rows)
        for at in range(0, len(order), 16):
            chosen = order[at : at + 16]
            ids, mask, _, _ = collate([rows[i] for i in chosen], sizes.pad)
            with torch.no_grad():
                logits = forward(weights, sizes, ids, mask, half).numpy()
            for row, i in zip(logits, chosen, strict=True):
                example = examples[i]
                base = len(prefix(example.head))
                lead = 2 + min(64, len(tokenizer.encode(QUERY + example.question, add_special_tokens=False).ids))
                offsets = tokenizer.encode(prefix(example.head) + example.text, add_special_tokens=False).offsets
                keep = [j for j, (_, b) in enumerate(offsets) if b > base and lead + j < len(rows[i].ids) - 1]
                places = [lead + j for j in keep]
                moved = [(offsets[j][0] - base, offsets[j][1] - base) for j in keep]
                found[i] = read_window(
                    row[places, 0], row[places, 1], moved, example.text, float(row[0, 0] + row[0, 1])
                )
        return found

    return score


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m rag.training.train", description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds cmrc2018-train, drcd-train-part, xquad-zh, xquad-en")
    parser.add_argument("out", type=Path, help="folder for checkpoints and the log")
    parser.add_argument("--base", type=Path, help="the base model's folder; default: the prepared embedding model")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=Plan().rate)
    parser.add_argument(
        "--tokens", type=int, default=Plan().tokens, help="of a batch; a step is a batch for each worker"
    )
    parser.add_argument("--workers", type=int, default=Plan().workers)
    parser.add_argument("--frozen", type=int, default=Plan().frozen, help="lowest layers left as they are")
    parser.add_argument("--round", type=int, default=Plan().round, help="examples made at a time")
    parser.add_argument("--watch", type=int, default=100, help="questions of cmrc2018-trial measured every 10 minutes")
    parser.add_argument("--fresh", action="store_true", help="start anew although there is a checkpoint")
    options = parser.parse_args(arguments)
    from tokenizers import Tokenizer

    from rag.embed.prepare import default_dir

    base = options.base or default_dir()
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    sizes = read_sizes(base)
    plan = Plan(
        seed=options.seed,
        steps=options.steps,
        minutes=options.minutes,
        tokens=options.tokens,
        workers=options.workers,
        frozen=options.frozen,
        rate=options.rate,
        head_rate=4 * options.rate,
        round=options.round,
    )
    trainer = Trainer(base, options.out, Feed(training_material(options.data), tokenizer, sizes, plan), sizes, plan)
    if not options.fresh:
        trainer.resume()
    trial = options.data / "cmrc2018-trial"
    watched = cases(read_folder(trial), options.watch) if options.watch and trial.is_dir() else []
    options.out.mkdir(parents=True, exist_ok=True)
    looked = trainer.seconds

    def write(row: dict[str, Any]) -> None:
        with (options.out / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        print(json.dumps(row), file=sys.stderr, flush=True)

    def tell(row: dict[str, Any]) -> None:
        nonlocal looked
        write(row)
        if watched and trainer.seconds - looked > 600:
            looked = trainer.seconds
            write({"step": trainer.step, **measure(watched, scorer(trainer.weights, sizes, tokenizer))})

    trainer.run(tell)
    if watched:
        write({"step": trainer.step, **measure(watched, scorer(trainer.weights, sizes, tokenizer))})


if __name__ == "__main__":
    main()
