"""Measures the fast engine against plain torch on this machine, both in one run:

    python -m rag.embed.bench            # ~200 tokens a text; --tokens, --texts, --rounds, --threads change that

Prints texts a second of `SentenceTransformer.encode` on torch fp32 (batches of 32) and of the embedder, their ratio, the
smallest cosine between the two, the smallest between a text alone and in a batch, and the time of one new question.
The rounds alternate, and the best of each counts: on a shared machine trust the ratio, not the rates.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from rag.embed.embedder import SentenceEmbedder
from rag.embed.open import open_embedder

_SENTENCES = (
    "博物馆每周一闭馆，其余时间上午九点开放，下午五点停止入场。",
    "这座桥全长1365米，主跨采用钢箱梁结构，2019年6月建成通车。",
    "研究人员比较了三种方法，发现第二种在小样本下误差最低。",
    "图书馆的地下书库恒温恒湿，保存着四万余册线装古籍。",
    "暴雨过后，志愿者用两天时间清理了沿河步道上的淤泥和树枝。",
    "社区食堂推出十二元套餐，两荤两素，老人凭卡再减三元。",
    "The committee published its report in March and asked for comments by the end of May.",
    "Rainfall in the valley averages 640 mm a year, most of it between June and September.",
    "A second runway would double the airport's capacity, but residents object to the noise.",
    "網路安全的關鍵在於及時更新系統，並且使用不同的密碼。",
    "茶叶在萎凋之后要经过揉捻、发酵和干燥三道工序。",
    "She learned to read the tide tables before she learned to read a book.",
)


@dataclass(frozen=True, slots=True)
class Result:
    torch_rate: float  # texts a second
    fast_rate: float
    cosine: float  # smallest, to torch fp32
    alone: float  # smallest cosine of a text alone to itself in a batch
    query_ms: float
    tokens: float  # a text, mean

    @property
    def ratio(self) -> float:
        return self.fast_rate / self.torch_rate


def sample(embedder: SentenceEmbedder, texts: int, tokens: int) -> list[str]:
    """Different texts of about `tokens` tokens each, the same on every machine."""
    rng = random.Random(7)
    found = []
    for _ in range(texts):
        text = ""
        while embedder.count_tokens([text])[0] < tokens:
            text += rng.choice(_SENTENCES)
        found.append(text)
    return found


def measure(texts: int = 48, tokens: int = 200, rounds: int = 3, threads: int = 0, engine: str = "auto") -> Result:
    """Both engines over the same texts, in turns."""
    import torch

    fast: Any = open_embedder(engine=engine, threads=threads)
    plain: Any = open_embedder(engine="torch", threads=threads)
    batch = sample(fast, texts, tokens)

    def on_torch() -> Any:
        with torch.inference_mode():
            return plain.model.encode(batch, prompt=plain.prompts["passage"], batch_size=32, show_progress_bar=False)

    fast.encode(batch)
    times: dict[str, list[float]] = {"torch": [], "fast": []}
    reference = vectors = np.zeros((0, fast.dim), dtype=np.float32)
    for _ in range(rounds):
        reference, took = _timed(on_torch)
        times["torch"].append(took)
        vectors, took = _timed(lambda: fast.encode(batch))
        times["fast"].append(took)
    alone = np.concatenate([fast.encode([text]) for text in batch[:16]])
    questions = [f"{_SENTENCES[i % 12][:20]} {i}" for i in range(48)]
    queries = [_timed(partial(fast.encode, [question], "query"))[1] for question in questions]
    return Result(
        len(batch) / min(times["torch"]),
        len(batch) / min(times["fast"]),
        float((reference * vectors).sum(axis=1).min()),
        float((alone * vectors[: len(alone)]).sum(axis=1).min()),
        1000 * float(np.median(queries)),
        float(np.mean(fast.count_tokens(batch))),
    )


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rag.embed.bench", description="fast engine against torch fp32")
    parser.add_argument("--texts", type=int, default=48)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--engine", default="auto", choices=["auto", "openvino", "torch"])
    result = measure(**vars(parser.parse_args(argv)))
    print(f"{result.tokens:.0f} tokens a text")
    print(f"torch fp32        {result.torch_rate:7.1f} texts/s")
    print(f"fast engine       {result.fast_rate:7.1f} texts/s   {result.ratio:.2f} x")
    print(f"smallest cosine   {result.cosine:.6f} to fp32   {result.alone:.7f} alone to batch")
    print(f"one new question  {result.query_ms:7.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
