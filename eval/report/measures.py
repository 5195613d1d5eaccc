"""The measures as a reader meets them: in which group and order, under which name, and what each one says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eval.score import DOC

HEADLINE: Mapping[str, tuple[str, ...]] = {
    "Retrieval, passages": ("nDCG@10", "RR@10", "R@1", "R@5", "chars@5"),
    "Retrieval, documents": ("doc nDCG@10", "doc RR@10", "doc R@1", "doc R@5"),
    "Answer": ("em", "f1", "facts", "sentence", "evidence", "items", "anls", "place"),
    "Refusal": ("recall", "false"),
    "Citations": ("cite recall", "cite precision", "cite evidence"),
}
"""Group -> the measures of the headline table; every other measure of the set is shown below it."""

OUTSIDE = "without a passage that holds half of the gold"
"""Questions that passage measures leave out, since no ranking could be right on them."""

TYPE_COLUMNS = ("facts", "evidence", "sentence", "items", "em", "f1", "nDCG@10", "R@1", "R@5", "recall", "false")
ABLATION = ("nDCG@10", "RR@10", "R@1", "R@5", "R@10")
RANKERS = ("lexical", "dense", "fused", "read")

_NAMES: Mapping[str, tuple[str, str]] = {  # name -> (English, Chinese) where the name itself says too little
    "em": ("exact match", "完全一致"),
    "f1": ("F1", "F1"),
    "facts": ("all facts shown", "要点齐全"),
    "evidence": ("gold quotes cited", "引到标准依据"),
    "sentence": ("answer in a cited quote", "引文含答案"),
    "place": ("right place", "位置正确"),
    "items": ("list complete", "列表完整"),
    "anls": ("ANLS", "ANLS"),
    "recall": ("refused rightly", "正确拒答"),
    "false": ("refused wrongly", "误拒"),
    "cite recall": ("citation recall", "引用召回"),
    "cite precision": ("citation precision", "引用精确"),
    "cite evidence": ("citations on gold", "引用命中依据"),
}
_MEANINGS: Mapping[str, tuple[str, str]] = {
    "nDCG": ("discounted gain of the first {k}; 1 = best order", "前 {k} 个结果的折损增益，1 为最佳次序"),
    "RR": ("1 / rank of the first relevant of {k}", "前 {k} 个中首个相关结果排名的倒数"),
    "R": ("share of what is relevant among the first {k}", "前 {k} 个结果找回的相关内容比例"),
    "Success": ("anything relevant among the first {k}", "前 {k} 个结果中有相关内容的比例"),
    "chars": ("share of the evidence's characters in the first {k}", "前 {k} 个结果覆盖的依据字数比例"),
    "AP": ("average precision over the whole ranking", "整个排序的平均精确率"),
    "em": ("the short answer equals a gold answer, by the set's own rules", "短答案与标准答案一致（按题集规则）"),
    "f1": ("overlap of the short answer with a gold answer", "短答案与标准答案的重合"),
    "facts": ("all needed facts are shown", "所需要点全部出现"),
    "evidence": ("all gold quotes are cited", "标准依据全部被引用"),
    "sentence": ("a cited quote holds a gold answer", "引文中含有标准答案"),
    "place": (
        "a citation opens the gold file, page and row, of those answered",
        "引用指向正确的文件、页和行（仅计已回答）",
    ),
    "items": ("share of a list's items that are shown", "列表各项中给出的比例"),
    "anls": (
        "likeness of the short answer to a gold answer, forgiving misspelling",
        "短答案与标准答案的相似度，容忍错字",
    ),
    "recall": ("refused, of those without an answer", "无答案的题中被拒答的比例"),
    "false": ("refused, of those with an answer; lower is better", "有答案的题中被拒答的比例，越低越好"),
    "cite recall": ("share of what is said that its citations hold", "所说内容被引文逐字包含的比例"),
    "cite precision": ("share of citations that are needed for what is said", "引用中确为所说内容所需的比例"),
    "cite evidence": ("share of citations that touch the gold evidence", "引用中触及标准依据的比例"),
}


def label(name: str, ui: str = "en") -> str:
    """How a measure is called in the language `ui` ("en" or "zh"); one not known here goes by its own name."""
    bare = name.removeprefix(DOC)
    said = _NAMES[bare][ui == "zh"] if bare in _NAMES else bare
    return said if bare == name else said + (" (documents)" if ui == "en" else "（文档）")


def meaning(name: str, ui: str = "en") -> str:
    """What a value of 1 would say; empty for a measure not known here."""
    bare = name.removeprefix(DOC)
    kind, _, k = bare.partition("@")
    said = _MEANINGS.get(bare) or _MEANINGS.get(kind) or ("", "")
    return said[ui == "zh"].format(k=k)


def grouped(names: Iterable[str]) -> list[tuple[str, list[str], list[str]]]:
    """(group, its measures for the headline, its other measures) of those that a set has, empty groups left out."""
    left = list(names)
    main = {name for wanted in HEADLINE.values() for name in wanted}
    out = []
    for group, wanted in HEADLINE.items():
        head = [name for name in wanted if name in left]
        rest = [name for name in left if name not in main and _group(name) == group]
        if head or rest:
            out.append((group, head or rest, rest if head else []))
    return out


def _group(name: str) -> str:
    """The group of a measure that the headline leaves out: such a one is of retrieval unless its name says otherwise."""
    if name.startswith(DOC):
        return "Retrieval, documents"
    if name.startswith("cite "):
        return "Citations"
    return "Retrieval, passages" if name.partition("@")[0] in _MEANINGS and name not in _NAMES else "Answer"
