"""Trains the span reader: `python -m rag.training.train DATA OUT --steps 4000`.

DATA holds the data sets' folders. A run is the same on every repetition (given the seed and the workers). Checkpoints are
written every few minutes and a run that was stopped goes on from the last one. The learning rate stands still between
its first and its last steps, so a run may be stopped before it decays and gone on with fewer or more `--steps`: the
result is that of a run which had them from the start.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rag.reader.network import HEAD, Sizes, forward, read_sizes
from rag.training.data import read_folder, training_material
from rag.training.feed import Feed
from rag.training.model import Encoded, collate, dropout, first_weights, loss, trained_names
from rag.training.monitor import cases, measure, scorer
from rag.training.plan import Plan, schedule
from rag.training.written import WRITTEN, Written

STATE = "state.pt"
LOG = "log.jsonl"


class Trainer:
    """Weights, optimizer and position of one run in a directory. `device` is torch's name of what it runs on."""

    def __init__(
        self,
        base: Path,
        out: Path,
        feed: Feed,
        sizes: Sizes,
        plan: Plan,
        device: str = "cpu",
        start: Path | None = None,
    ) -> None:
        import torch

        self.out, self.feed, self.sizes, self.plan, self.device = out, feed, sizes, plan, device
        first = first_weights(base, sizes.hidden, plan.seed, start)
        self.weights = {name: values.to(device) for name, values in first.items()}
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
        state = torch.load(self.out / STATE, weights_only=True, map_location=self.device)
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
        while self.step < (stop_at or self.plan.steps):
            while self.index >= len(rows):
                self.round, self.index = self.round + 1, 0
                rows = self.feed.round(self.round)
            chosen = rows[self.index : self.index + self.plan.workers]
            factor = schedule(self.step, self.plan)
            for group in self.optimizer.param_groups:
                group["lr"] = group["rate"] * factor
            value = self._gradients(chosen)
            torch.nn.utils.clip_grad_norm_([self.weights[name] for name in self.names], 1.0)
            self.optimizer.step()
            self.step, self.index = self.step + 1, self.index + len(chosen)
            self.seconds = before + time.monotonic() - began
            losses = [losses[0] + value, losses[1] + 1]
            if self.step % 10 == 0:
                tell({"step": self.step, "loss": round(losses[0] / losses[1], 4), "seconds": round(self.seconds), "left": round(self.seconds / self.step * (self.plan.steps - self.step))})  # fmt: skip
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

        def one(number: int) -> tuple[float, Any]:
            if self.plan.workers > 1:
                torch.set_num_threads(1)
            rows = chosen[number]
            ids, mask, start, end = (each.to(self.device) for each in collate(rows, self.sizes.pad))
            drop = dropout(self.plan.dropout, (self.plan.seed * 1_000_003 + self.step) * 64 + number)
            logits = forward(self.weights, self.sizes, ids, mask, half=True, drop=drop)
            value = loss(logits, start, end) * (len(rows) / whole)
            return float(value.detach()), torch.autograd.grad(value, parameters)

        done = list(self._pool.map(one, range(len(chosen))))
        for i, parameter in enumerate(parameters):
            total = done[0][1][i]
            for _, gradients in done[1:]:
                total = total + gradients[i]
            parameter.grad = total
        return sum(value for value, _ in done)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def keep_memory() -> None:
    """Has glibc reuse what is freed instead of giving it back: fresh pages for every step's activations cost a tenth of
    the time. To be called before torch starts its threads; elsewhere than on Linux nothing happens."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    trim_threshold, top_pad, mmap_max, arena_max = -1, -2, -4, -8  # malloc.h
    for option, value in ((trim_threshold, 2**31 - 1), (top_pad, 2**28), (mmap_max, 0), (arena_max, 1)):
        if mallopt:
            mallopt(option, value)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m rag.training.train", description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds cmrc2018-train, drcd-train-part, xquad-zh, xquad-en")
    parser.add_argument("out", type=Path, help="folder for checkpoints and the log")
    parser.add_argument("--base", type=Path, help="the base model's folder; default: the prepared embedding model")
    parser.add_argument("--start", type=Path, help="a shipped difference to go on from; default: the base model")
    parser.add_argument("--steps", type=int, default=Plan().steps)
    parser.add_argument("--cooldown", type=int, default=Plan().cooldown, help="last steps, in which the rate falls")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=Plan().rate)
    parser.add_argument(
        "--tokens", type=int, default=Plan().tokens, help="of a batch; a step is a batch for each worker"
    )
    parser.add_argument("--workers", type=int, default=Plan().workers)
    parser.add_argument("--frozen", type=int, default=Plan().frozen, help="lowest layers left as they are")
    parser.add_argument("--round", type=int, default=Plan().round, help="examples made at a time")
    parser.add_argument(
        "--written", type=Path, default=WRITTEN, help="folder of written questions; none there: without"
    )
    parser.add_argument("--written-from", type=int, default=0, help="first round with written questions")
    parser.add_argument("--watch", type=int, default=100, help="questions of cmrc2018-trial measured every 10 minutes")
    parser.add_argument("--device", default="", help="torch's name of the device; default: a GPU if there is one")
    parser.add_argument("--fresh", action="store_true", help="start anew although there is a checkpoint")
    options = parser.parse_args(arguments)
    from tokenizers import Tokenizer

    from rag.embed.prepare import default_dir

    keep_memory()
    base = options.base or default_dir()
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    sizes = read_sizes(base)
    written = Written(options.written, options.seed)
    plan = Plan(
        seed=options.seed,
        steps=options.steps,
        cooldown=options.cooldown,
        tokens=options.tokens,
        workers=options.workers,
        frozen=options.frozen,
        rate=options.rate,
        head_rate=4 * options.rate,
        round=options.round,
        written=Plan().written if len(written) else 0.0,
        written_from=options.written_from,
        start=hashlib.sha256(options.start.read_bytes()).hexdigest() if options.start else "",
    )
    feed = Feed(training_material(options.data), tokenizer, sizes, plan, written)
    trainer = Trainer(base, options.out, feed, sizes, plan, options.device or _device(), options.start)
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
