"""The corpus as the check sees it: where gold stands in it, and how much of a question stands in its gold."""

from __future__ import annotations

from collections.abc import Mapping

from eval.match import folded, words
from eval.questions import EvalQuestion
from rag.text import language, sentence_spans


class Corpus:
    """The texts, source -> text, and where gold stands in them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self._keys: dict[str, str] = {}
        self._sentences: dict[str, list[tuple[int, int]]] = {}
        self._overlaps: dict[EvalQuestion, float | None] = {}

    def holding(self, quote: str) -> list[str]:
        """Sources of the texts that a quote stands in, compared folded."""
        if not self._keys:
            self._keys = {source: folded(text) for source, text in self.texts.items()}
        key = folded(quote)
        return [source for source, text in self._keys.items() if key in text]

    def said(self, question: EvalQuestion) -> list[str]:
        """What bears the answer: the evidence, and of each item of the spans the sentences around its first place."""
        found = list(question.evidence)
        for item in question.spans:
            for place in item[:1]:
                text = self.texts.get(place.source, "")
                if place.source not in self._sentences:
                    self._sentences[place.source] = list(sentence_spans(text))
                near = [text[a:b] for a, b in self._sentences[place.source] if a < place.end and place.start < b]
                found.append("".join(near))
        return [text for text in found if text]

    def overlap(self, question: EvalQuestion) -> float | None:
        """Share of a question's words that stand in what bears its answer, 0..1; None where there is nothing, or it
        is in another language."""
        if question not in self._overlaps:
            said, asked = " ".join(self.said(question)), words(question.question)
            foreign = language(question.question)[:2] != language(said)[:2]
            self._overlaps[question] = (
                None if not asked or not said or foreign else len(asked & words(said)) / len(asked)
            )
        return self._overlaps[question]
