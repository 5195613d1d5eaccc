"""Why a passage stands at its rank."""

from __future__ import annotations

from typing import Any

from rag.notebook.look import FAINT, bar, by_language, clipped, folded, frame, framed, shown, table
from rag.ranking import RankExplanation, Share
from rag.text import language
from rag.wording import marks, words

_LONGEST = 400  # characters
_COLUMNS = 110


def rank_html(told: RankExplanation) -> str:
    """The passage with the query's words marked, why in words, and each ranker's share."""
    say = by_language(language(told.query or told.text) == "en")
    head = [
        say("检索器", "ranker"),
        say("名次", "rank"),
        say("自己的分", "own score"),
        say("权重", "weight"),
        say("贡献", "adds"),
    ]
    rows = [
        [
            shown(share.ranker),
            _number(share.rank),
            _number(share.score),
            _number(share.weight),
            _number(share.amount) + bar((share.amount or 0.0) / told.fused if told.fused > 0 else 0.0),
        ]
        for share in told.shares
    ]
    rows.append([f"<b>{say('合计', 'sum')}</b>", "", "", "", f"<b>{shown(_sum(told))}</b>"])
    title = (f"#{told.rank} · " if told.rank else "") + told.place
    return framed(
        f"<p style='{FAINT}' dir='auto'>{shown(title)}</p>{folded(told.text, marks(told.text, words(told.query)), _LONGEST)}"
        f"<p>{shown(told.why)}</p>{table(head, rows)}"
    )


def rank_text(told: RankExplanation) -> str:
    """The same for a terminal."""
    title = (f"#{told.rank}  " if told.rank else "") + told.place
    lines = [clipped(title, _COLUMNS), "  " + clipped(told.text, _COLUMNS - 2)]
    lines += [f"  {_line(share)}" for share in told.shares]
    return "\n".join([*lines, f"  {_sum(told)}", "  " + clipped(told.why, 4 * _COLUMNS)])


def rank_frame(told: RankExplanation) -> Any:
    """One row a ranker. Raises MissingExtraError without pandas."""
    rows = [[s.ranker, s.rank, s.score, s.weight, s.amount] for s in told.shares]
    return frame(["ranker", "rank", "score", "weight", "amount"], rows, ["rank"])


def _line(share: Share) -> str:
    name = clipped(share.ranker, 20)
    return f"{name:<10} rank {_number(share.rank):>4}  score {_number(share.score):>9}  weight {_number(share.weight):>7}  adds {_number(share.amount):>8}"


def _sum(told: RankExplanation) -> str:
    """The fused score, and where a tier moved it, what became of it."""
    return f"{told.fused:.4f}" + (f" × {told.scale:.4g} = {told.score:.4f}" if told.scale != 1.0 else "")


def _number(value: float | None) -> str:
    return "–" if value is None else str(value) if isinstance(value, int) else f"{value:.4f}"
