"""据典 (Judian): answers questions about a folder of documents only by quoting it.

from rag import Assistant, ask, explain, retrieve

retrieve("全国首个主题街区叫什么?", k=5)     # Hits: a table in a notebook; .to_pandas()
ask("全国首个主题街区叫什么?")               # Answer with citations
explain("全国首个主题街区叫什么?")           # Explanation: why this sentence and no other
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.assistant import Assistant
    from rag.config import Settings
    from rag.explanation import Explanation
    from rag.types import Answer, Hits

__all__ = ["Assistant", "Settings", "ask", "explain", "retrieve"]

_lock = threading.Lock()
_default: list[Assistant] = []  # the assistant of the configured folder, opened by the first question


def ask(question: str, history: Sequence[str] = (), doc_ids: Collection[str] | None = None) -> Answer:
    """Answers from the configured folder (`folder` in rag.toml or RAG_FOLDER, else seeds/). See `Assistant.ask`."""
    return _opened().ask(question, history, doc_ids)


def retrieve(query: str, k: int = 10, doc_ids: Collection[str] | None = None) -> Hits:
    """The k best passages of the configured folder. See `Assistant.retrieve`."""
    return _opened().retrieve(query, k, doc_ids)


def explain(question: str, history: Sequence[str] = (), doc_ids: Collection[str] | None = None) -> Explanation:
    """Why `ask` answers as it does, from the configured folder. See `Assistant.explain`."""
    return _opened().explain(question, history, doc_ids)


def _opened() -> Assistant:
    from rag.assistant import Assistant

    with _lock:
        if not _default:
            _default.append(Assistant.open())
        return _default[0]


def __getattr__(name: str) -> Any:
    # Lazily, so that `import rag` loads neither numpy nor torch.
    if name == "Assistant":
        from rag.assistant import Assistant

        return Assistant
    if name == "Settings":
        from rag.config import Settings

        return Settings
    raise AttributeError(f"module 'rag' has no attribute '{name}'")


class _Package(ModuleType):
    """Keeps `rag.retrieve` the function: loading the module of that name would put itself in its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name == "retrieve" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
