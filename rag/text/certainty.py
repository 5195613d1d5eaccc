"""How sure an answer is, in words: one wording for the chat, the terminal and the notebook.

Three things are said and no more: sure, likely, not found. What a word means is told in measured terms ("of 100 answers
marked so, 96 were right"), which is true of many answers; a per cent of this one answer would not be.
"""

from __future__ import annotations

from collections.abc import Mapping

from rag.types import Certainty, Lang

_WORDS: Mapping[str, Mapping[Lang, str]] = {
    "sure": {"zh": "有把握", "zh-Hant": "有把握", "en": "Confident"},
    "likely": {"zh": "可能是，请核对原句", "zh-Hant": "可能是，請核對原句", "en": "Likely: check the sentence"},
}
_MEASURED: Mapping[Lang, str] = {
    "zh": "在测过的题目上，标为“{word}”的回答每 100 个约有 {n} 个是对的。",
    "zh-Hant": "在測過的題目上，標為「{word}」的回答每 100 個約有 {n} 個是對的。",
    "en": "Of 100 answers marked “{word}”, about {n} were right on the questions measured.",
}
_STATED: Mapping[Lang, str] = {
    "zh": "取自文档写明它的地方：标题、署名、日期或小节。",
    "zh-Hant": "取自文件寫明它的地方：標題、署名、日期或小節。",
    "en": "Taken from where the document states it: its title, byline, date or section.",
}
_UNMEASURED: Mapping[Lang, str] = {
    "zh": "拒答线（refuse_below）是另设的，没有测过这样的回答有多少是对的。",
    "zh-Hant": "拒答線（refuse_below）是另設的，沒有測過這樣的回答有多少是對的。",
    "en": "The refusal line (refuse_below) was set by hand: how many such answers are right was not measured.",
}


def certainty_word(certainty: Certainty, lang: Lang) -> str:
    """The word shown beside a found answer, with what to do about it; "" where nothing was found."""
    return _WORDS[certainty.word][lang] if certainty.word in _WORDS else ""


def certainty_meaning(certainty: Certainty, lang: Lang) -> str:
    """What the word means, as one sentence; "" where nothing was found."""
    word = certainty_word(certainty, lang)
    if not word:
        return ""
    if certainty.right is None:
        return (_STATED if certainty.word == "sure" else _UNMEASURED)[lang]
    for mark in "，:":
        word = word.partition(mark)[0]
    return _MEASURED[lang].format(word=word, n=min(99, round(100 * certainty.right)))
