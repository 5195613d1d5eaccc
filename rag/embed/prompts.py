"""What a model wants before questions and passages."""

from __future__ import annotations

from collections.abc import Mapping

E5 = ("query: ", "passage: ")
BGE_ZH = ("为这个句子生成表示以用于检索相关文章：", "")
BGE_EN = ("Represent this sentence for searching relevant passages: ", "")

PUBLISHED: Mapping[str, tuple[str, str]] = {
    "multilingual-e5-small": E5,
    "multilingual-e5-base": E5,
    "multilingual-e5-large": E5,
    "bge-m3": ("", ""),
    "bge-small-zh-v1.5": BGE_ZH,
    "bge-base-zh-v1.5": BGE_ZH,
    "bge-large-zh-v1.5": BGE_ZH,
    "bge-small-en-v1.5": BGE_EN,
    "bge-base-en-v1.5": BGE_EN,
    "bge-large-en-v1.5": BGE_EN,
}
"""(question, passage) of models whose own files do not say it: from their model cards, by the last part of the name."""

_QUERY = ("query", "search_query", "retrieval_query", "s2p_query")
_PASSAGE = ("passage", "document", "search_document", "retrieval_document", "corpus")


def choose(
    model: str, own: Mapping[str, str | None], query_prompt: str = "", passage_prompt: str = ""
) -> tuple[str, str]:
    """(question prompt, passage prompt): what the user set, else what the model's card says, else what the model's own
    files (`SentenceTransformer.prompts`) say, else nothing."""
    last = model.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()
    query, passage = PUBLISHED.get(last) or (_first(own, _QUERY), _first(own, _PASSAGE))
    return query_prompt or query, passage_prompt or passage


def _first(own: Mapping[str, str | None], keys: tuple[str, ...]) -> str:
    return next((text for key in keys if (text := own.get(key))), "")
