"""Speed, memory and growth as a measured property: `python -m eval speed`. See `eval.speed.command` for what is measured, and
`eval.speed.targets` for what is promised."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """See `eval.speed.command`. Imported when it is called: a step that is measured holds only what it needs."""
    from eval.speed.command import main as command

    return command(argv)
