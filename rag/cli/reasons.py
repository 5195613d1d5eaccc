"""An explanation for people: the judgement, then each candidate with what it brought and what it lacked."""

from __future__ import annotations

from collections.abc import Sequence

from rag.cli.show import Screen, place
from rag.explanation import Contribution, Explanation
from rag.explanation.words import feature
from rag.types import Lang

_LEAST = 0.005  # amounts that would be printed as 0.00 are left out; --json has all


def print_explanation(screen: Screen, explanation: Explanation, most: int) -> None:
    if explanation.understood != explanation.question:
        screen.text((screen.word("understood as: ", "理解为：") + explanation.understood, "dim"))
    screen.text((explanation.why, "bold"))
    if explanation.judgement is not None:
        _amounts(screen, explanation.judgement.contributions, explanation.lang)
    for candidate in explanation.candidates[:most]:
        screen.text()
        where = place(candidate.source, candidate.title, candidate.path, candidate.role)
        screen.text(
            (f"{candidate.rank}. ", "bold"),
            (f"{where}:{candidate.start}-{candidate.end}  {candidate.score:.2f}", "dim"),
        )
        screen.text((candidate.quote.strip(), "bold" if candidate.chosen else ""))
        if candidate.why:
            screen.text(f"   {candidate.why}")
            _amounts(screen, candidate.contributions, explanation.lang)
    rest = len(explanation.candidates) - most
    if rest > 0:
        screen.text()
        screen.text(
            (screen.word(f"{rest} more with -n {most + rest}", f"还有 {rest} 句，-n {most + rest} 可全部列出"), "dim")
        )


def _amounts(screen: Screen, contributions: Sequence[Contribution], lang: Lang) -> None:
    for told in contributions:
        if abs(told.amount) >= _LEAST:
            line = f"   {told.amount:+6.2f} = {told.weight:.3f} × {told.value:.3f}  {told.name}"
            words = feature(told.name, lang)
            screen.text((line + (f" · {words}" if words != told.name else ""), "dim"))
