"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass

from rag.errors import RagError


@dataclass(frozen=True, slots=True)
class Item:
    """One thing looked at. `next` is "" where there is nothing to do."""

    name: str
    ok: bool
    en: str
    zh: str
    next_en: str = ""
    next_zh: str = ""

    def detail(self, lang: str) -> str:
        return self.zh if lang == "zh" else self.en

    def next(self, lang: str) -> str:
        return self.next_zh if lang == "zh" else self.next_en


def good(name: str, en: str, zh: str) -> Item:
    return Item(name, True, en, zh)


def bad(name: str, error: RagError) -> Item:
    """The error's message ends with its next step."""
    parts = [(message, "") for message in (error.message("en"), error.message("zh"))]
    parts = [(a, b) for a, _, b in (text.partition(mark) for (text, _), mark in zip(parts, ("; ", "；"), strict=True))]
    return Item(name, False, parts[0][0], parts[1][0], parts[0][1] or parts[0][0], parts[1][1] or parts[1][0])
