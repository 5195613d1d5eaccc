"""The same retrieval questions through the default pipelines of other frameworks, with the same embedding weights, in the
same run. See `eval.peers.command` for what is asked of whom."""

from __future__ import annotations

from eval.peers.command import main

__all__ = ["main"]
