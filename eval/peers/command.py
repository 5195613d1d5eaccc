"""`python -m eval peers SET …`: who finds the document that answers, and who finds it first?

Ours, and the default pipelines of LangChain and LlamaIndex with the very same embedding weights: as the frameworks come, and
with the prompts that the model was trained with, which neither of them sets by itself. Nothing here reaches the network.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.embedding import embedder_of
from rag.config import Settings
from rag.errors import DataError, RagError

if TYPE_CHECKING:
    from eval.peers.measure import Comparison
    from eval.peers.pipelines import Judian, Pipeline
    from eval.progress import Meter
    from eval.questions import EvalQuestion, QuestionSet
    from rag.embed.embedder import SentenceEmbedder
    from rag.protocols import Embedder

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # the meter draws what there is to draw
    "TRANSFORMERS_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",  # whoever traces their own chains: these are not theirs
    "LANGCHAIN_TRACING_V2": "false",
}
PACKAGES = (
    "judian", "langchain-core", "langchain-community", "langchain-huggingface", "langchain-text-splitters",
    "llama-index-core", "llama-index-embeddings-huggingface", "faiss-cpu", "sentence-transformers", "torch", "openvino",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 measured, 2 wrong input or packages that are not there (said on stderr), 130 interrupted."""
    from eval.peers.table import markdown

    arguments = _parser().parse_args(argv)
    if arguments.depth < arguments.k:
        _parser().error(f"--depth {arguments.depth} is less than --k {arguments.k}: what is judged must be fetched")
    try:
        # Libraries that print would spoil what is printed here.
        with contextlib.redirect_stdout(sys.stderr), offline():
            content, comparisons = measured(arguments)
            text = markdown(comparisons, content["model"], arguments.depth)
            if arguments.out:
                write(Path(arguments.out), content, comparisons, text)
    except RagError as error:
        print(f"eval peers: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("eval peers: interrupted", file=sys.stderr)
        return 130
    if arguments.markdown or not arguments.json:
        print(text)
    if arguments.json:
        print(json.dumps(content, ensure_ascii=False))
    return 0


def measured(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[Comparison]]:
    """What --json prints, and the comparisons in full. Raises RagError."""
    from eval.peers.measure import as_dict
    from eval.progress import Meter
    from eval.steps import Wanted, asked_of

    settings = Settings.load()
    comparisons: list[Comparison] = []
    skipped: dict[str, str] = {}
    with Meter(sys.stderr) as meter:
        task = Wanted(None, arguments.corpus, limit=arguments.limit, seed=arguments.seed, about=arguments.about)
        tasks = {given: asked_of(replace(task, questions=given)) for given in arguments.sets}  # faults come first
        embedder, peers = opened(settings, meter)
        for given, asked in tasks.items():
            made = compared(*asked, settings, embedder, peers, arguments, meter)
            if isinstance(made, str):
                skipped[given] = made
                print(f"eval peers: {given}: {made}; left out", file=sys.stderr)
            else:
                comparisons.append(made)
    if not comparisons:
        told = "; ".join(f"{given}: {why}" for given, why in skipped.items())
        raise DataError(
            f"no set to compare on ({told}); name one with qrels, or with --corpus a folder of several documents",
            f"没有可比较的题集（{told}）；请给出带 qrels 的题集，或用 --corpus 指定含多个文档的文件夹",
        )
    content = {
        "model": Path(settings.model).name,
        "depth": arguments.depth,
        "k": arguments.k,
        "seed": arguments.seed,
        "limit": arguments.limit,
        **({"about": arguments.about} if arguments.about else {}),
        "versions": versions(),
        "sets": [as_dict(comparison) for comparison in comparisons],
        "left_out": skipped,
    }
    return content, comparisons


def opened(settings: Settings, meter: Meter) -> tuple[SentenceEmbedder, list[Pipeline]]:
    """Our embedder, and the others with the same weights. Raises MissingExtraError, ModelError."""
    from eval.peers.langchain import LangChain
    from eval.peers.llamaindex import LlamaIndex
    from rag.embed.embedder import SentenceEmbedder
    from rag.embed.open import locate

    embedder = embedder_of(settings, meter.report)
    assert isinstance(embedder, SentenceEmbedder)
    kind, path = locate(settings.model, settings.model_dir)
    place = settings.model if kind == "hub" else str(path)
    prompts = (embedder.prompts["query"], embedder.prompts["passage"])
    variants: list[tuple[str, tuple[str, str] | None]] = [("as it comes", None)]
    if any(prompts):
        variants.append(("with the model's prompts", prompts))
    total = 2 * len(variants)
    peers: list[Pipeline] = []
    for made in (LangChain, LlamaIndex):
        for variant, given in variants:
            meter.show("pipelines", len(peers), total, f"{made.name}, {variant}")
            peers.append(made(place, variant, given))
    meter.show("pipelines", total, total)
    return embedder, peers


def compared(
    questions: QuestionSet,
    asked: Sequence[EvalQuestion],
    folder: Path | None,
    settings: Settings,
    embedder: Embedder,
    peers: Sequence[Pipeline],
    arguments: argparse.Namespace,
    meter: Meter,
) -> Comparison | str:
    """One set through all pipelines, or why it cannot be. Raises RagError."""
    from eval.peers.measure import compare, indexed
    from eval.peers.pipelines import Judian

    name = questions.name
    ours = Judian(embedder, settings, folder, meter.report)
    try:
        parts = [indexed(ours, questions.rows)]
        rows = questions.rows or tuple(ours.rows())
        if len(rows) < 2:
            return "its corpus is one document, which every ranking begins with"
        judged = gold_of(asked, ours, bool(questions.rows))
        if not judged:
            return "none of its questions says which document answers it"
        for number, peer in enumerate(peers):
            meter.show(f"{name}: indexing", number, len(peers), f"{peer.name}, {peer.variant}")
            parts.append(indexed(peer, rows))
        meter.show(f"{name}: indexing", len(peers), len(peers))
        chosen = [question for question, _ in judged]
        qrels = [gold for _, gold in judged]
        return compare(
            name, parts, rows, chosen, qrels, k=arguments.k, depth=arguments.depth, seed=arguments.seed,
            step=lambda done, total: meter.show(f"{name}: questions", done, total),
        )  # fmt: skip
    finally:
        ours.close()


def gold_of(asked: Sequence[EvalQuestion], ours: Judian, stated: bool) -> list[tuple[EvalQuestion, Mapping[str, int]]]:
    """The questions that can be judged, each with its relevant documents. Follow-ups are left out, since only ours takes a
    chat into account, and so are empty questions, which published sets hold a few of."""
    from eval.gold import Corpus, resolve

    corpus = None if stated else Corpus(ours.assistant)
    judged = []
    for question in asked:
        if not question.answerable or question.history or not question.question.strip():
            continue
        gold = question.relevant or (resolve(question, corpus).documents if corpus else {})
        if gold:
            judged.append((question, gold))
    return judged


def write(out: Path, content: Mapping[str, Any], comparisons: Sequence[Comparison], text: str) -> None:
    """peers.md, peers.json and, for whoever would recompute them, a TREC run of each pipeline on each set."""
    from eval.export import put
    from eval.peers.measure import slug, trec_run

    try:
        out.mkdir(parents=True, exist_ok=True)
        put(out / "peers.md", text)
        put(out / "peers.json", json.dumps(content, ensure_ascii=False, indent=1) + "\n")
        for number, comparison in enumerate(comparisons, 1):  # two sets may be of one name
            for result in comparison.results:
                put(out / f"{number}.{comparison.name}.{slug(result)}.run", trec_run(comparison, result))
    except OSError as error:
        raise DataError(
            f"{out}: cannot be written ({error.strerror}); choose another folder with --out",
            f"{out}：无法写入，请用 --out 另选文件夹",
        ) from error


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """No library asks a hub or sends a trace while this lasts."""
    before = {name: os.environ.get(name) for name in OFFLINE}
    os.environ.update(OFFLINE)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eval peers",
        description="The same retrieval questions through ours and through the default pipelines of LangChain and "
        "LlamaIndex, with the same embedding model, in the same run.",
    )
    parser.add_argument("sets", nargs="+", metavar="SET", help="question sets, as `python -m eval` reads them")
    parser.add_argument("--corpus", help="folder of documents, for sets that bring no texts of their own")
    parser.add_argument("--limit", type=_above_zero, help="ask this many questions of each set, spread evenly")
    parser.add_argument("--seed", type=_natural, default=0, help="where --limit starts; also seeds the intervals")
    parser.add_argument("--k", type=_above_zero, default=10, help="the deepest rank of documents that is judged (10)")
    parser.add_argument("--depth", type=_above_zero, default=50, help="chunks taken from each pipeline (50)")
    parser.add_argument(
        "--about", default="", metavar="REGEX", help="only questions whose group, document or file it matches"
    )
    parser.add_argument("--out", help="also write peers.md, peers.json and TREC runs into this folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--markdown", action="store_true", help="print the Markdown tables (so too without --json)")
    return parser


def _above_zero(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)
