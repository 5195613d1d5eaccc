"""All language handling: folding, sentences, tokens, numbers and dates. Search keys only; quotes stay as written."""

from rag.text.fold import fold, fold_map, is_chinese, is_han, language, unfold, writable
from rag.text.numerals import Date, Number, dates, numbers, value_keys
from rag.text.places import places, same_place
from rag.text.sentences import clause_spans, sentence_spans, sentences, trim
from rag.text.tokens import content_tokens, tokens
from rag.text.wrap import paragraph_spans, soft_breaks, width

__all__ = [
    "Date",
    "Number",
    "clause_spans",
    "content_tokens",
    "dates",
    "fold",
    "fold_map",
    "is_chinese",
    "is_han",
    "language",
    "numbers",
    "paragraph_spans",
    "places",
    "same_place",
    "sentence_spans",
    "sentences",
    "soft_breaks",
    "tokens",
    "trim",
    "unfold",
    "value_keys",
    "width",
    "writable",
]
