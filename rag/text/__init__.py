"""All language handling: folding, sentences, tokens, numbers and dates. Search keys only; quotes stay as written."""

from rag.text.fold import fold, fold_map, is_han, language
from rag.text.tokens import content_tokens, tokens

__all__ = ["content_tokens", "fold", "fold_map", "is_han", "language", "tokens"]
