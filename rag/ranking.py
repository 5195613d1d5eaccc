"""Why a passage stands at its rank: each ranker's share of its score, what put it lower, and which words of the query it
holds. Worked out from the hit alone, so it can be asked long after, without the index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rag.text import language
from rag.types import Hit, Tier
from rag.wording import held


@dataclass(frozen=True, slots=True)
class Share:
    """What one ranker had to say of a hit."""

    ranker: str
    rank: int | None  # 1-based, in the ranker's own list; None: it does not list the passage
    score: float | None  # its own: cosine, BM25
    weight: float | None  # what it counted for in this query; None: not recorded with the hit
    amount: float | None  # weight / (k0 + rank): what it adds to the fused score; 0 where it does not list the passage


@dataclass(frozen=True, slots=True)
class RankExplanation:
    """`sum(share.amount) == fused` and `fused * scale == score`, where weights were recorded with the hit."""

    rank: int  # 0: not known
    query: str
    text: str
    place: str  # source, title, headings
    score: float
    fused: float  # what the rankers' shares add up to
    shares: tuple[Share, ...]  # by ranker
    tier: Tier
    scale: float  # below 1 where the tier put it lower than its fused score would
    held: tuple[str, ...]  # the query's words that passage, title or headings hold, as the query writes them
    lacked: tuple[str, ...]
    why: str  # in a few sentences, in the query's language

    def __str__(self) -> str:
        from rag.notebook import rank_text

        return rank_text(self)

    def _repr_html_(self) -> str:
        from rag.notebook import rank_html

        return rank_html(self)

    def to_pandas(self) -> Any:
        """One row a ranker: ranker, rank, score, weight, amount. Raises MissingExtraError without pandas."""
        from rag.notebook import rank_frame

        return rank_frame(self)


def explained_rank(hit: Hit) -> RankExplanation:
    shares = tuple(_share(hit, name) for name in sorted({*hit.weights, *hit.ranks}))
    known = bool(shares) and all(share.amount is not None for share in shares)
    # In the order in which they were fused: the same sum to the last bit.
    fused = sum(share.amount or 0.0 for share in shares) if known else hit.score / (hit.scale or 1.0)
    has, lacks = held(hit.query, hit.passage.context) if hit.query else ((), ())
    place = " › ".join(part for part in (hit.source, hit.passage.title, *hit.passage.path) if part)
    return RankExplanation(
        rank=hit.rank,
        query=hit.query,
        text=hit.passage.text,
        place=place,
        score=hit.score,
        fused=fused,
        shares=shares,
        tier=hit.tier,
        scale=hit.scale,
        held=has,
        lacked=lacks,
        why=_why(hit, shares, fused, has, lacks),
    )


def _share(hit: Hit, name: str) -> Share:
    rank, weight = hit.ranks.get(name), hit.weights.get(name)
    amount = None if weight is None else 0.0 if rank is None else weight / (hit.k0 + rank)
    return Share(name, rank, hit.scores.get(name), weight, amount)


def _why(hit: Hit, shares: tuple[Share, ...], fused: float, has: tuple[str, ...], lacks: tuple[str, ...]) -> str:
    english = language(hit.query or hit.passage.text) == "en"
    told = [_said_en(share, fused) if english else _said_zh(share, fused) for share in shares]
    if hit.tier != "first":
        zh, en = {
            "again": (
                "同样的话在排在前面的一处已经说过，所以排在初次出现的内容之后",
                "a passage before it says the same, so it comes after all that is said for the first time",
            ),
            "furniture": (
                "这是附栏（作者、日期、评论、推荐等），所以排在正文之后",
                "it is of the page's margin (byline, date, comment, related list), so it comes after all body text",
            ),
        }[hit.tier]
        told.append(en if english else zh)
    if lacks and not has and english != (language(hit.passage.text) == "en"):
        told.append("it is in another language than the query" if english else "它与问题不是同一种文字")
    if has:
        told.append(f"it holds: {', '.join(has)}" if english else f"含有：{'、'.join(has)}")
    if lacks:
        told.append(f"it lacks: {', '.join(lacks)}" if english else f"没有：{'、'.join(lacks)}")
    return ("; " if english else "；").join(told) + ("." if english else "。") if told else ""


def _said_zh(share: Share, fused: float) -> str:
    if share.rank is None:
        return f"{share.ranker} 没有列出它"
    part = f"，占得分的 {share.amount / fused:.0%}" if share.amount is not None and fused > 0 else ""
    return f"{share.ranker} 排第 {share.rank}{part}"


def _said_en(share: Share, fused: float) -> str:
    if share.rank is None:
        return f"{share.ranker} does not list it"
    part = f", {share.amount / fused:.0%} of its score" if share.amount is not None and fused > 0 else ""
    return f"{share.ranker} has it at rank {share.rank}{part}"
