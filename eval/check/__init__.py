"""`python -m eval check SET`: what is wrong, doubtful or worth knowing about a question set, before anything is
measured on it. No model is loaded."""

from eval.check.finding import Finding
from eval.check.program import main
from eval.check.whole import counts, findings

__all__ = ["Finding", "counts", "findings", "main"]
