"""Words for an explanation, in Chinese and English. A feature without words of its own is called by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rag.types import Lang

if TYPE_CHECKING:
    from rag.explanation import Contribution, Judgement, Way

_NAMES: Mapping[str, tuple[str, str]] = {  # feature -> what it measures, in Chinese and English
    "covered": ("句中含有的问题词", "question words in the sentence"),
    "covered_passage": ("段落含有的问题词", "question words in its passage"),
    "covered_context": ("段落连同标题含有的问题词", "question words in its passage and headings"),
    "covered_topic": ("句子连同段首小标题含有的问题词", "question words in it and its paragraph's lead"),
    "local": ("能区分各段的问题词", "question words that tell the passages apart"),
    "longest": ("与问题连续相同的一段字", "the longest stretch shared with the question"),
    "worst": ("问题里最少见而此处没有的词", "the rarest question word that is absent"),
    "dense": ("与问题的语义接近程度", "closeness in meaning"),
    "dense_cross": ("跨语言的语义接近程度", "closeness in meaning across languages"),
    "dense_passage": ("段落的语义接近程度", "closeness of its passage in meaning"),
    "cross": ("与问题语言不同", "another language than the question's"),
    "anchor_missing": ("问题中的数字、年份或名称在文中没有", "a number, year or name of the question found nowhere"),
    "anchor_elsewhere": ("问题中的数字或名称在文中别处", "a number or name of the question found elsewhere only"),
    "type_ok": ("有问题要的那类内容（人、时间、数量……）", "holds the kind of thing asked for"),
    "type_missing": ("没有问题要的那类内容", "does not hold the kind of thing asked for"),
    "unit_ok": ("数量的单位相符", "a number in the unit asked for"),
    "unit_missing": ("数量的单位不符", "no number in the unit asked for"),
    "defines": ("以定义的方式开头", "opens as a definition"),
    "head_ok": ("有问题所问的那个名词", "has the noun asked for"),
    "head_missing": ("没有问题所问的那个名词", "lacks the noun asked for"),
    "listed": ("正是榜单上所问的那一条", "the line of the list that is asked for"),
    "rank": ("段落在检索中的名次", "its passage's rank in retrieval"),
    "furniture": ("是附栏而不是正文", "from the page's margins, not its body"),
    "furniture_asked": ("问题问的就是附栏", "the question asks of the page's margins"),
    "short_sentence": ("句子太短", "a very short sentence"),
    "long_sentence": ("句子很长", "a very long sentence"),
    "first": ("是段落的第一句", "first sentence of its passage"),
    "span": ("阅读模型认为它作答的把握", "how sure the span model is of it"),
    "span_read": ("阅读模型读过这一段", "the span model has read its passage"),
    "shared_cross": ("两种文字写法相同的名称和数字", "names and numbers that both scripts write alike"),
    "shared_cross_around": ("段落里两种文字写法相同的名称和数字", "such names and numbers in its passage"),
    "agree": ("其他段落给出同样的答案", "other passages agree with it"),
    "span_best": ("阅读模型最看好的一处", "the span model's first choice"),
    "bias": ("起点", "where every question starts"),
    "score": ("首选句的得分", "the first sentence's score"),
    "lead": ("比第二句高出多少", "how far it is ahead of the next sentence"),
    "unmet": ("问题要的数字、名称、单位或日期此处没有", "a number, name, unit or date that is demanded and not there"),
}  # fmt: skip


def feature(name: str, lang: Lang) -> str:
    """What a feature measures."""
    zh, en = _NAMES.get(name, (name, name))
    return en if lang == "en" else zh


def against(
    rank: int,
    behind: float,
    worst: Sequence[tuple[str, float]],
    own: Sequence[Contribution],
    chosen: bool,
    lang: Lang,
) -> str:
    """Why a candidate lost, by the features that cost it most; for the winner, what spoke for it most."""
    if rank == 1:
        best = [c for c in own if c.amount > 0][:3]
        told = _listed([(c.name, c.amount) for c in best], "+", lang)
        return f"First, mostly for: {told}" if lang == "en" else f"排在第一，主要凭：{told}"
    told = _listed(worst, "−", lang)
    if lang == "en":
        also = "Quoted too; " if chosen else ""
        return f"{also}{behind:.2f} behind the first, mostly for: {told}" if told else f"{also}level with the first"
    also = "也被引用；" if chosen else ""
    return f"{also}比第一低 {behind:.2f} 分，主要差在：{told}" if told else f"{also}与第一同分"


def judged_words(told: Sequence[Contribution], raw: float, probability: float, threshold: float, lang: Lang) -> str:
    """The judgement in words: the sum, what followed it, the threshold, and what spoke for and against."""
    constant = {"bias"}
    good = _listed([(c.name, c.amount) for c in told if c.amount > 0 and c.name not in constant][:3], "+", lang)
    bad = _listed([(c.name, -c.amount) for c in told if c.amount < 0 and c.name not in constant][:3], "−", lang)
    moved = abs(probability - raw) > 5e-4
    if lang == "en":
        after = f" ({raw:.2f} before the limit on answers of the wrong kind)" if moved else ""
        against_it = f"; against it: {bad}" if bad else ""
        side = "not below" if probability >= threshold else "below"
        return f"Probability that it answers {probability:.2f}{after}, {side} {threshold:.2f}; for it: {good or '–'}{against_it}"
    after = f"（因所答非所问而压低，之前 {raw:.2f}）" if moved else ""
    against_it = f"；不利的是：{bad}" if bad else ""
    side = "不低于" if probability >= threshold else "低于"
    return f"可答概率 {probability:.2f}{after}，{side}拒答线 {threshold:.2f}；有利的是：{good or '无'}{against_it}"


def summary(way: Way, judgement: Judgement | None, found: bool, missing: Sequence[str], lang: Lang) -> str:
    zh, en = {
        "weighed": ("", ""),
        "stated": ("答案取自文档写明它的地方（标题、署名、日期或各级标题），没有经过打分", "Taken from where the document states it (title, byline, date or headings): nothing was weighed"),
        "nothing": ("没有可以比较的句子", "There was no sentence to weigh"),
        "greeting": ("这不是一个要查材料的问题", "Nothing was asked of the material"),
    }[way]  # fmt: skip
    if judgement is not None:
        zh = en = judgement.why
    gone = ""
    if missing and not found:
        names = ", ".join(missing) if lang == "en" else "、".join(missing)
        gone = f". Found nowhere: {names}" if lang == "en" else f"。材料中没有出现：{names}"
    return (en if lang == "en" else zh) + gone


def _listed(amounts: Sequence[tuple[str, float]], sign: str, lang: Lang) -> str:
    between, left, right = (", ", " (", ")") if lang == "en" else ("、", "（", "）")
    return between.join(f"{feature(name, lang)}{left}{sign}{amount:.2f}{right}" for name, amount in amounts)
