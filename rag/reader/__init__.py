"""Readers: from passages found to the sentences and spans that answer, or to a refusal."""

from rag.reader.rules import RuleReader

__all__ = ["RuleReader"]
