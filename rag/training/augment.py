"""Variants of an example as users and files bring them: both scripts, half-width signs, short and sloppy questions.

Every change of the window keeps its length, so that the answer stays where it is.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from rag.text import content_tokens, is_han

if TYPE_CHECKING:
    from rag.training.data import Example

_HALF = str.maketrans("，；：？！（）", ",;:?!()")
_FULL = str.maketrans("0123456789%", "０１２３４５６７８９％")
_SECTIONS = (
    "简介",
    "历史",
    "概述",
    "背景",
    "发展历程",
    "一、基本情况",
    "生平",
    "主要内容",
    "特点",
    "影响",
    "Overview",
    "History",
)
_COLLOQUIAL = (
    ("什么时候", "啥时候"), ("为什么", "为啥"), ("为什么", "咋"), ("什么", "啥"), ("怎么", "咋"), ("哪里", "哪儿"), ("谁", "哪个人"),
    ("哪一年", "哪年"), ("多少人", "几个人"), ("何时", "什么时候"), ("位于何处", "在哪"), ("是什么", "是啥"), ("为何", "为什么"), ("何地", "哪里"),
)  # fmt: skip
_POLITE = re.compile(r"^(?:请问|那么|你知道|我想知道)[,，]?")
_TAIL = re.compile(r"[？?。.\s]+$")
_ASKS = re.compile(
    r"是?什么时候|是什么|什么|哪一?[个些年位种座家所]?|多少|几[个名位次]|谁|为何|何时|何地|怎么样?|如何|请问|[吗呢啊]|的是|是"
    r"|(?i:\b(?:what|which|who|when|where|how many|how much|how|why|did|does|do|is|was|were|are|the)\b)"
)


def augment(example: Example, rng: random.Random, homophones: Mapping[str, Sequence[str]] | None = None) -> Example:
    """The example with some of the variants, by chance."""
    # Without its head the window of a twin document may answer what it was taken for not answering.
    kept = example.kind in {"written", "other"}
    changed = example if kept else replace(example, head=_head(example.head, rng))
    draw = rng.random()
    if draw < 0.2:
        changed = replace(changed, text=other_script(changed.text, "s2t" if draw < 0.12 else "t2s"))
        if rng.random() < 0.7:
            changed = replace(changed, question=other_script(changed.question, "s2t" if draw < 0.12 else "t2s"))
    elif draw < 0.25:
        changed = replace(changed, question=other_script(changed.question, rng.choice(("s2t", "t2s"))))
    if rng.random() < 0.06:
        changed = replace(changed, text=changed.text.translate(_HALF))
    if rng.random() < 0.01:
        changed = replace(changed, text=changed.text.translate(_FULL))
    return replace(changed, question=reworded(changed.question, rng, homophones))


def _head(title: str, rng: random.Random) -> str:
    """Nothing, the title, or the title with a section; one that has its section keeps it."""
    draw = rng.random()
    if draw < 0.2 or not title:
        return ""
    return title if draw < 0.85 or " › " in title else f"{title} › {rng.choice(_SECTIONS)}"


def reworded(question: str, rng: random.Random, homophones: Mapping[str, Sequence[str]] | None = None) -> str:
    """The question as typed in haste: without its mark, colloquial, as keywords, with a slip of the same sound."""
    draw = rng.random()
    if draw < 0.08:
        question = colloquial(question, rng)
    elif draw < 0.13:
        question = keywords(question)
    elif draw < 0.16:
        question = f"请问{question}" if any(map(is_han, question)) else question
    if rng.random() < 0.25:
        question = _TAIL.sub("", question)
    elif rng.random() < 0.05:
        question = question.translate(_HALF)
    if homophones and rng.random() < 0.04:
        question = slip(question, rng, homophones)
    return question


def colloquial(question: str, rng: random.Random) -> str:
    plain = _POLITE.sub("", question)
    for formal, spoken in rng.sample(_COLLOQUIAL, len(_COLLOQUIAL)):
        if formal in plain:
            plain = plain.replace(formal, spoken, 1)
            break
    if any(map(is_han, plain)):
        plain = _TAIL.sub("", plain) + rng.choice(("", "呢", "来着", "啊", "？", "呀？"))
    return plain


def keywords(question: str) -> str:
    """What is left when all that asks is taken away: "北京大学 成立"; the question where that is next to nothing."""
    left = re.sub(r"[\s，。？?、,]+", " ", _ASKS.sub(" ", question)).strip()
    return left if len(content_tokens(left)) >= 2 else question


def slip(question: str, rng: random.Random, homophones: Mapping[str, Sequence[str]]) -> str:
    """One Han character for another of the same sound."""
    places = [i for i, c in enumerate(question) if homophones.get(c)]
    if not places:
        return question
    at = rng.choice(places)
    return question[:at] + rng.choice(homophones[question[at]]) + question[at + 1 :]


def homophones_of(texts: Sequence[str], least: int = 20) -> dict[str, list[str]]:
    """Characters that occur `least` times in the texts and sound alike."""
    from collections import Counter

    from rag.text.sound import syllable

    counts = Counter(c for text in texts for c in text if is_han(c))
    by_sound: dict[str, list[str]] = {}
    for character in sorted(c for c, n in counts.items() if n >= least):
        by_sound.setdefault(syllable(character), []).append(character)
    return {c: [o for o in group if o != c] for sound, group in by_sound.items() if sound for c in group}


def other_script(text: str, way: str) -> str:
    """The text in the other script where that keeps its length, else as it is. `way` is OpenCC's: s2t or t2s."""
    if not any(map(is_han, text)):
        return text
    converted = str(_converter(way).convert(text))
    return converted if len(converted) == len(text) else text


@cache
def _converter(way: str) -> Any:
    from opencc import OpenCC

    return OpenCC(way)
