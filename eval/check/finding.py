"""What a finding is, and what it shows of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rag.text.terminal import one_line

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
_SHOWN = 60  # characters of a text in a message


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. An error spoils what is measured, a warning may, a note is good to know."""

    severity: Severity
    code: str
    ids: tuple[str, ...]  # of the questions that it is about; empty: of the set
    en: str
    zh: str


def short(text: str) -> str:
    """A text as a message shows it: one line, nothing that steers a terminal, not too long."""
    one = one_line(text)
    return one if len(one) <= _SHOWN else one[: _SHOWN - 1] + "…"
