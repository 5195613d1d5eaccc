"""The questions apart by what they have in common: where a mean hides that one kind goes wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import PurePosixPath

from eval import score
from eval.questions import EvalQuestion
from eval.score import Scored
from rag.text import is_chinese, language

SHORT, MEDIUM = 10, 20
"""Longest short and medium question: letters and digits of a Chinese one, words of any other."""
LOW, HIGH = 0.3, 0.6
"""Overlap of a question with its gold (share of its character bigrams): low below the first, high from the second."""
MOST = 40
"""Values of one slice; what is rarer is put together: a set may give every question its own type."""
OTHERS = "(others)"
_LONGEST_SUFFIX = 5


def slices(scored: Sequence[Scored]) -> dict[str, dict[str, list[Scored]]]:
    """Slice -> value -> its questions. "type" is always there, any other where the set has more than one value of it; a
    question of which a slice cannot be told is left out of that slice.

    type      the set's own, else the kind that the system took it for
    lang      as the set states it, else as the text says
    script    same / across: whether the gold is in another script than the question (English, simplified, traditional)
    length    short / medium / long, see SHORT and MEDIUM
    overlap   low / middle / high, see LOW and HIGH
    format    suffix of the gold's file
    """
    out: dict[str, dict[str, list[Scored]]] = {}
    for name, (value_of, order) in _KINDS.items():
        groups: dict[str, list[Scored]] = defaultdict(list)
        for item in scored:
            value = value_of(item)
            if value:
                groups[value].append(item)
        if groups and (len(groups) > 1 or name == "type"):
            out[name] = {value: groups[value] for value in order if value in groups} if order else _largest(groups)
    return out


def table(scored: Sequence[Scored]) -> dict[str, dict[str, dict[str, float]]]:
    """Slice -> value -> n (its questions) and the mean of each measure over those of them that have it."""
    return {
        name: {
            value: {"n": len(items), **{key: round(mean, 4) for key, mean in score.table(items).items()}}
            for value, items in groups.items()
        }
        for name, groups in slices(scored).items()
    }


def lang_of(question: EvalQuestion) -> str:
    return question.lang or language(question.question)


def script_of(question: EvalQuestion) -> str:
    """ "en", "zh", "zh-Hant", or "zh?" for a Chinese question none of whose characters tells simplified from traditional
    (他是何人). A set's own word is taken for English and traditional; by "zh" sets mean both."""
    stated = question.lang.casefold().replace("_", "-")
    if stated.startswith(("zh-hant", "zh-tw", "zh-hk", "zh-mo")):
        return "zh-Hant"
    if stated.split("-")[0] == "en":
        return "en"
    told = language(question.question)
    if told == "en" and stated.startswith("zh"):
        told = "zh"  # 小米SU7 Ultra Nürburgring Nordschleife time: the set says what it is
    return "zh?" if told == "zh" and not _simplified_only(question.question) else told


def length_of(question: EvalQuestion) -> str:
    text = question.question
    n = sum(map(str.isalnum, text)) if is_chinese(text) else len(text.split())
    return "short" if n <= SHORT else "medium" if n <= MEDIUM else "long"


def _script(item: Scored) -> str:
    if item.gold is None or not item.gold.script:
        return ""
    asked, there = script_of(item.question), item.gold.script
    return "same" if asked == there or (asked == "zh?" and there != "en") else "across"


def _overlap(item: Scored) -> str:
    if item.gold is None or item.gold.overlap is None:
        return ""
    return "low" if item.gold.overlap < LOW else "middle" if item.gold.overlap < HIGH else "high"


def _format(item: Scored) -> str:
    """Of the named file, else of the gold's documents: "pdf", "txt + pdf"; "" where none looks like a file's name (the
    rows of a corpus have ids)."""
    places = {place.source for gold_item in item.gold.items for place in gold_item} if item.gold else set()
    sources = {item.question.source} - {""} or set(item.gold.documents if item.gold else ()) or places
    return " + ".join(sorted({suffix for source in sources if (suffix := _suffix(source))}))


def _suffix(source: str) -> str:
    suffix = PurePosixPath(source).suffix.removeprefix(".").lower()
    fits = suffix.isascii() and suffix.isalnum() and len(suffix) <= _LONGEST_SUFFIX and not suffix.isdecimal()
    return suffix if fits else ""


def _largest(groups: Mapping[str, list[Scored]]) -> dict[str, list[Scored]]:
    """Largest first, then by name."""
    ordered = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    if len(ordered) <= MOST:
        return dict(ordered)
    rest = [item for _, items in ordered[MOST - 1 :] for item in items]
    return {**dict(ordered[: MOST - 1]), OTHERS: rest}


def _simplified_only(text: str) -> bool:
    """Whether traditional writing would change any character."""
    return any(_traditional(c) != c for c in text if not c.isascii())


@cache
def _traditional(character: str) -> str:
    return str(_converter()(character))


@cache
def _converter() -> Callable[[str], str]:
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC("s2t").convert
    return convert


_KINDS: Mapping[str, tuple[Callable[[Scored], str], Sequence[str]]] = {
    "type": (lambda item: item.type, ()),
    "lang": (lambda item: lang_of(item.question), ()),
    "script": (_script, ("same", "across")),
    "length": (lambda item: length_of(item.question), ("short", "medium", "long")),
    "overlap": (_overlap, ("low", "middle", "high")),
    "format": (_format, ()),
}
"""How the value of each slice is told, and the order of its values; without one, the largest comes first."""
