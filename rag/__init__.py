"""据典 (Judian): answers questions about a folder of documents only by quoting it.

from rag import ask, ask_many, explain, opened, retrieve, retrieve_many

retrieve("全国首个主题街区叫什么?", k=5)     # Hits: a table in a notebook; .to_pandas(), .plot(), [0].explain()
ask("全国首个主题街区叫什么?")               # Answer with citations
explain("全国首个主题街区叫什么?")           # Explanation: why this sentence and no other
opened().sync()                            # the folder has changed: read what is new

The functions here work on the configured folder (`folder` in rag.toml or RAG_FOLDER, else seeds/). The first call opens its
index and brings it in step with the files; later calls find it open and look at no file, until `opened().sync()`.

Filters, of all of them: `doc_ids` (an unknown id matches nothing), `documents` (ids, files or patterns such as
"reports/*.pdf"), `roles` ("body", "comment" …), `since` and `until` ("2023", "2023-10", a date; both included; by the date
that a document itself states, without one it is left out), `rankers` ("dense" or "lexical" alone).
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
    from rag.filters import Day, Names
    from rag.types import Answer, Hits

__all__ = ["Assistant", "Settings", "ask", "ask_many", "explain", "opened", "retrieve", "retrieve_many"]

_lock = threading.Lock()
_default: list[Assistant] = []  # the assistant of the configured folder, opened by the first question


def retrieve(
    query: str,
    k: int = 10,
    doc_ids: Collection[str] | None = None,
    *,
    documents: Names = None,
    roles: Names = None,
    since: Day = None,
    until: Day = None,
    rankers: Names = None,
) -> Hits:
    """The k best passages, fewer where fewer are found, best first. Filters: `help(rag)`.

    Raises QuestionError (an empty query, a filter that cannot be) and UnknownDocumentError (no such document)."""
    return opened().retrieve(
        query, k, doc_ids, documents=documents, roles=roles, since=since, until=until, rankers=rankers
    )


def retrieve_many(
    queries: Sequence[str],
    k: int = 10,
    doc_ids: Collection[str] | None = None,
    *,
    documents: Names = None,
    roles: Names = None,
    since: Day = None,
    until: Day = None,
    rankers: Names = None,
) -> list[Hits]:
    """`retrieve` for many queries, which are encoded together: the same hits, sooner. One `Hits` a query, in order."""
    return opened().retrieve_many(
        queries, k, doc_ids, documents=documents, roles=roles, since=since, until=until, rankers=rankers
    )


def ask(
    question: str,
    history: Sequence[str] = (),
    doc_ids: Collection[str] | None = None,
    *,
    documents: Names = None,
    roles: Names = None,
    since: Day = None,
    until: Day = None,
    rankers: Names = None,
) -> Answer:
    """One question, answered by quotes or refused (`.found`). `history` holds the earlier questions of the same chat,
    oldest first. Filters: `help(rag)`.

    Raises QuestionError (empty, over 2,000 characters, a filter that cannot be) and UnknownDocumentError."""
    return opened().ask(
        question, history, doc_ids, documents=documents, roles=roles, since=since, until=until, rankers=rankers
    )


def ask_many(
    questions: Sequence[str],
    histories: Sequence[Sequence[str]] | None = None,
    doc_ids: Collection[str] | None = None,
    *,
    documents: Names = None,
    roles: Names = None,
    since: Day = None,
    until: Day = None,
    rankers: Names = None,
) -> list[Answer]:
    """`ask` for many questions, which are encoded together: the same answers, sooner. `histories` holds one list of earlier
    questions for each."""
    return opened().ask_many(
        questions, histories, doc_ids, documents=documents, roles=roles, since=since, until=until, rankers=rankers
    )


def explain(
    question: str,
    history: Sequence[str] = (),
    doc_ids: Collection[str] | None = None,
    *,
    documents: Names = None,
    roles: Names = None,
    since: Day = None,
    until: Day = None,
    rankers: Names = None,
) -> Explanation:
    """Why `ask` answers as it does: every sentence weighed, with what spoke for and against it."""
    return opened().explain(
        question, history, doc_ids, documents=documents, roles=roles, since=since, until=until, rankers=rankers
    )


def opened() -> Assistant:
    """The assistant of the configured folder, opened and brought in step by the first call (and the first after it was closed):
    `opened().sync()` does so again, `opened().documents()` lists what there is."""
    from rag.assistant import Assistant

    with _lock:
        if _default and _default[0].closed:  # `with rag.opened() as kb:` is not the end of it
            _default.clear()
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


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps `rag.retrieve` the function: loading the module of that name would put itself in its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name == "retrieve" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
