"""Questions: what is asked for, about what, and what a follow-up carries over from the questions before it.

Rules, not a model: each rule is a line in a table, so a wrong reading can be seen and mended. The language of a question
decides the language of the answer's fixed words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from rag.text import fold, language
from rag.types import Lang, Question
from rag.understand.follow import LONGEST_CARRIED, after, carry_over, subject_of, without_lead
from rag.understand.kinds import classify, content_kind, overview_of
from rag.understand.page import PageQuestion, common, keys_about, page_question, part_asked
from rag.understand.words import anchors, terms

__all__ = [
    "LONGEST_CARRIED", "PageQuestion", "after", "anchors", "as_content", "carry_over", "classify", "common", "keys_about", "overview_of",
    "page_question", "part_asked", "subject_of", "terms", "understand",
]  # fmt: skip


def understand(text: str, history: Sequence[str] = ()) -> Question:
    """Reads one question. `history` holds the earlier questions of the same chat, oldest first; a follow-up takes
    subject and asking from the nearest of them, itself understood first."""
    asked = " ".join(text.split())
    previous = ""
    for earlier in list(history)[-4:]:
        previous = carry_over(" ".join(earlier.split()), previous)
    understood = carry_over(asked, previous)
    kind, keys = classify(fold(understood))
    before = previous[:LONGEST_CARRIED] if previous and understood == after(previous, asked) else ""
    own = without_lead(asked)
    if before and terms(own):  # it asks for what it says itself; the question before it is only where to look
        understood, (kind, keys) = own, classify(fold(own))
        earlier_kind = content_kind(fold(before))
        kind = earlier_kind if kind == "keywords" else kind  # "and in winter?" asks as the question before it did
    else:
        before = ""
    return Question(
        text=asked,
        understood=understood,
        lang=cast(Lang, language(asked)),
        kind=kind,
        terms=tuple(terms(understood)),
        anchors=tuple(anchors(understood)),
        field=keys,
        before=before,
    )


def as_content(question: Question) -> Question:
    """The question as one about what the documents say, where it turned out to be none about a document itself."""
    if question.kind not in {"metadata", "overview"}:
        return question
    return replace(question, kind=content_kind(fold(question.understood)), field="")
