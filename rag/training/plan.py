"""What a training run is determined by, and the learning rate that it goes at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is determined by."""

    seed: int = 0
    steps: int = 4000
    tokens: int = 2400  # of a batch, padding included
    workers: int = 2  # batches of a step, each on a thread of its own
    frozen: int = 0  # lowest layers that stay as they are
    rate: float = 1.5e-4
    head_rate: float = 6e-4
    warmup: int = 150  # first steps, in which the rate rises
    cooldown: int = 900  # last steps, in which it falls to nothing
    decay: float = 0.01  # weight decay
    dropout: float = 0.1  # share of each sublayer's outputs that is left out, the same for all tokens of an example
    round: int = 1500  # examples made at a time
    written: float = 0.5  # share of written questions among them (`rag.training.written`)
    written_from: int = 0  # first round with written questions: the best data belongs where the rate falls
    start: str = ""  # sha256 of the difference that it goes on from; "" for the base model


def schedule(step: int, plan: Plan) -> float:
    """Factor of the learning rate at a step: linear warmup, a plateau, linear decay to nothing (warmup-stable-decay:
    Hu et al. 2024, "MiniCPM")."""
    return max(0.0, min(1.0, (step + 1) / plan.warmup, (plan.steps - step) / min(plan.cooldown, plan.steps)))
