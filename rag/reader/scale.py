"""One scale for the margins of any span model.

The weights of `rag.reader.judge` are fitted to the shipped model's margins. Both it and the models of others are trained
by cross entropy, so a margin is a log-odds in each, but how sure a model is of itself differs, and one that never saw a
question without an answer puts every margin far above zero. So another model reads the few passages below, once, when it
is opened: where its margins lie when the answer is there and when it is not is laid on where the shipped model's lie.
A line through two medians, rising: the order of a model's spans stays its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rag.reader.reads import Reads, Window

ENOUGH = 0.75  # chance that an answered question has the larger margin, from which a scale can be told

# language -> (passage, questions that it answers, questions as near that it does not)
PASSAGES: Mapping[str, Sequence[tuple[str, Sequence[str], Sequence[str]]]] = {
    "zh": (
        (
            "海棠中学创办于1936年，位于云溪县城东，现有学生2400名，由教育家林若水创办。",
            ("海棠中学是哪一年创办的？", "海棠中学有多少学生？", "谁创办了海棠中学？"),
            ("海棠中学的校车票多少钱一张？", "海棠中学有多少位教师？", "海棠中学的校歌叫什么？"),
        ),
        (
            "青石桥全长180米，宽9米，2008年完成加固，两侧各有42根石柱，每天约有5000人步行通过。",
            ("青石桥有多长？", "青石桥哪一年完成加固？", "每天大约有多少人走过青石桥？"),
            ("青石桥的设计者是谁？", "加固青石桥花了多少钱？", "青石桥的夜间灯光几点关闭？"),
        ),
        (
            "红叶茶选用清明前的嫩芽制作，要经过萎凋、揉捻、发酵和烘干四道工序，主要销往北方各省。",
            ("红叶茶用什么制作？", "红叶茶主要销往哪里？", "红叶茶的制作有几道工序？"),
            ("红叶茶每公斤卖多少元？", "红叶茶是哪一年获奖的？", "红叶茶由哪家公司包装？"),
        ),
        (
            "市图书馆周一闭馆，其余日子上午九点开门，借书证免费办理，每人一次最多借8本书。",
            ("市图书馆星期几不开门？", "一次最多可以借几本书？", "市图书馆上午几点开门？"),
            ("市图书馆一共藏书多少册？", "市图书馆的馆长是谁？", "书逾期不还每天罚多少钱？"),
        ),
    ),
    "en": (
        (
            "The Linden Bridge was built in 1871 by the engineer Mary Hall. It is 240 metres long and has nine arches.",
            ("When was the Linden Bridge built?", "Who built the bridge?", "How many arches does it have?"),
            ("How much did the bridge cost?", "What colour is the bridge painted?", "How many cars cross it each day?"),
        ),
        (
            "Marlow Museum is closed on Mondays. Admission is 12 dollars, and the ground floor shows Roman coins.",
            ("On which day is the museum closed?", "How much is the admission?", "What does the ground floor show?"),
            ("Who directs the museum?", "In which year did the museum open?", "How many visitors came last year?"),
        ),
        (
            "The village of Ashby grows apples and pears. Its harvest festival takes place in October and lasts three days.",
            ("What does the village grow?", "When does the festival take place?", "How long does the festival last?"),
            ("How many people live in Ashby?", "Who is the mayor of Ashby?", "What is the price of a festival ticket?"),
        ),
        (
            "The Osprey ferry carries 90 passengers between Port Ellis and Gull Island and leaves every two hours.",
            ("How many passengers does the ferry carry?", "How often does it leave?", "Which island does it serve?"),
            ("What does a ticket cost?", "Who is the captain of the ferry?", "In which year was the ferry built?"),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Scale:
    """Median margins in one language, in logits, and how well they tell answered from unanswered questions (AUROC)."""

    silent: float  # where the passage does not answer
    spoken: float  # where it does
    told: float

    @property
    def usable(self) -> bool:
        return self.told >= ENOUGH and self.spoken > self.silent


def measure(model: Reads) -> dict[str, Scale]:
    """The scale of a model by language: 48 short windows to read."""
    found: dict[str, Scale] = {}
    for language, passages in PASSAGES.items():
        spoken: list[float] = []
        silent: list[float] = []
        for text, answered, unanswered in passages:
            spoken += [model.read(question, [("", text)])[0].margin for question in answered]
            silent += [model.read(question, [("", text)])[0].margin for question in unanswered]
        wins = sum((a > b) + 0.5 * (a == b) for a in spoken for b in silent)
        told = wins / (len(spoken) * len(silent))
        found[language] = Scale(round(median(silent), 3), round(median(spoken), 3), round(told, 4))
    return found


def rule(theirs: Mapping[str, Scale], ours: Mapping[str, Scale]) -> tuple[float, float]:
    """(factor, shift) such that factor × margin + shift lies on our scale, in the language in which their model tells
    best; (1, 0) where it tells in none, or where ours is not known."""
    known = [name for name in theirs if theirs[name].usable and name in ours and ours[name].usable]
    if not known:
        return 1.0, 0.0
    best = max(known, key=lambda name: (theirs[name].told, theirs[name].spoken - theirs[name].silent))
    factor = (ours[best].spoken - ours[best].silent) / (theirs[best].spoken - theirs[best].silent)
    return factor, ours[best].silent - factor * theirs[best].silent


def moved(window: Window, factor: float, shift: float) -> Window:
    """The window with every score at its new distance from `null`."""

    def place(score: float) -> float:
        return window.null + factor * (score - window.null) + shift

    spans = tuple((start, end, place(score)) for start, end, score in window.spans)
    return replace(window, spans=spans, best=place(window.best))


def as_rows(scales: Mapping[str, Scale]) -> dict[str, list[float]]:
    return {name: [scale.silent, scale.spoken, scale.told] for name, scale in scales.items()}


def from_rows(rows: object) -> dict[str, Scale]:
    """What `as_rows` wrote; {} for anything else."""
    if not isinstance(rows, dict):
        return {}
    return {str(k): Scale(*map(float, v)) for k, v in rows.items() if isinstance(v, list) and len(v) == 3}
