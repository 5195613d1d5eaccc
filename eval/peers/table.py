"""The comparison as Markdown: what each pipeline finds, at what cost, and by how much ours is ahead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from eval.peers.measure import Comparison, Estimate, Lead, Result

_NOT_CHANCE = 0.05
_SPECIAL = re.compile(r"([\\`*_{}\[\]|])")


def markdown(comparisons: Sequence[Comparison], model: str, depth: int) -> str:
    """One section a set. Raises nothing: figures that there are none of are shown as a dash."""
    parts = [section(comparison) for comparison in comparisons]
    return "\n".join([*parts, *_notes(model, depth)])


def section(comparison: Comparison) -> str:
    results = comparison.results
    names = list(results[0].measures)
    head = (
        f"### {_plain(comparison.name)}\n\n{len(comparison.questions):,} questions · {comparison.documents:,} documents, "
        f"the median one of {comparison.characters:,.0f} characters\n"
    )
    quality = _table(
        ["pipeline", *names, "chunks", "indexing", "a question"],
        ([*_cells(result, names), *_costs(result, first=at == 0)] for at, result in enumerate(results)),
    )
    others = [result for result in results if result.lead]
    if not others:
        return f"{head}\n{quality}"
    ahead = _table(
        [f"{_plain(results[0].name)} less", *names],
        ([_named(result), *(_lead(result.lead[name]) for name in names)] for result in others),
    )
    return f"{head}\n{quality}\n{ahead}\n{verdict(comparison)}\n"


def verdict(comparison: Comparison, measures: Sequence[str] = ("R@1", "nDCG@10")) -> str:
    """In a sentence or two: where ours is ahead, where it is not, and where chance may explain it."""
    ours = _plain(comparison.results[0].name)
    said = []
    for name in (name for name in measures if name in comparison.results[0].measures):
        leads = [(result, result.lead[name]) for result in comparison.results if name in result.lead]
        ahead = [result for result, lead in leads if lead.mean > 0 and lead.p_holm < _NOT_CHANCE]
        behind = [result for result, lead in leads if lead.mean < 0]
        level = [result for result, lead in leads if result not in ahead and result not in behind]
        if len(ahead) == len(leads):
            least = min(lead.mean for _, lead in leads)
            said.append(f"{name}: {ours} is ahead of all {len(leads)}, by {least:.3f} or more.")
            continue
        groups = (
            ("ahead of", ahead),
            ("level, as far as this many questions can tell, with", level),
            ("behind", behind),
        )
        told = "; ".join(f"{words} {', '.join(map(_named, found))}" for words, found in groups if found)
        said.append(f"{name}: {ours} is {told}.")
    return " ".join(said)


def _cells(result: Result, names: Iterable[str]) -> list[str]:
    return [_named(result), *(_estimate(result.measures[name]) for name in names)]


def _costs(result: Result, first: bool) -> list[str]:
    index, query = f"{result.index_seconds:,.1f} s", f"{result.query_ms:,.1f} ms"
    if not first:
        index, query = f"{index} (×{result.index_ratio:.2f})", f"{query} (×{result.query_ratio:.2f})"
    return [f"{result.chunks:,}", index, query]


def _estimate(value: Estimate) -> str:
    return f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _lead(value: Lead) -> str:
    return f"{value.mean:+.3f} [{value.low:+.3f}, {value.high:+.3f}] p {_p(value.p_holm)}"


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}".replace("0.", ".", 1)


def _named(result: Result) -> str:
    return _plain(f"{result.name}, {result.variant}" if result.variant else result.name)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first column is of words, all others of figures."""
    rule = ["---", *["---:"] * (len(columns) - 1)]
    lines = [f"| {' | '.join(cells)} |" for cells in (columns, rule, *rows)]
    return "\n".join(lines) + "\n"


def _notes(model: str, depth: int) -> list[str]:
    return [
        f"All with the weights of {_plain(model)}, in one process, each question put to all pipelines in turn; the first "
        f"{depth} chunks of each, as a ranking of the documents that they come from. In brackets 95 % bootstrap intervals; p "
        "of the paired randomisation test, adjusted by Holm for the pipelines compared; both by groups of questions where the "
        "set has them. × is theirs by ours: indexing in processor time, without loading the model; a question by its median.",
        "",
        "LangChain: RecursiveCharacterTextSplitter(), HuggingFaceEmbeddings, FAISS. LlamaIndex: SentenceSplitter(), "
        "HuggingFaceEmbedding, VectorStoreIndex. Their chunks may be longer than the model reads at once: what lies beyond is "
        "then not in the vector. All are given the same text, under its title.",
        "",
    ]


def _plain(text: str) -> str:
    """A name as words of a table: no markup of it is heeded."""
    return _SPECIAL.sub(r"\\\1", escape(" ".join(text.split()), quote=False))
