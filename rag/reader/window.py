"""What the span reader sees: `<s> query: question </s> passage: head⏎text </s>`, in training as at run time."""

from __future__ import annotations

QUERY = "query: "
PASSAGE = "passage: "


def prefix(head: str) -> str:
    """What comes before a passage's own text: the prompt, and title and section where there are any."""
    return f"{PASSAGE}{head}\n" if head else PASSAGE
