"""One tree of errors. Each message says what is wrong, where, and the next step; the chat shows it in the reader's
language (`zh` and `en` are both written where the error is raised)."""

from __future__ import annotations

import re
from pathlib import Path

_LONGEST = 160  # characters of what a library says
_COMMAND = re.compile(r'python -m rag (rebuild|index|list)\b(?! (?:"|--folder))')


class RagError(Exception):
    """Base of every error that this package raises on purpose. `str()` is the English text; `.message(lang)` chooses."""

    def __init__(self, en: str, zh: str = "") -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh or en

    def message(self, lang: str = "en") -> str:
        return self.zh if lang.startswith("zh") else self.en

    def at(self, folder: str | Path) -> None:
        """Names the folder in each command that the message gives: without it, the command means another folder."""
        self.en, self.zh = with_folder(self.en, folder), with_folder(self.zh, folder)
        self.args = (self.en,)


def with_folder(text: str, folder: str | Path) -> str:
    """The text with the folder in its `python -m rag` commands, where they name none."""
    return _COMMAND.sub(lambda found: f'{found[0]} {"--folder " * (found[1] == "list")}"{folder}"', text)


def told_by(error: BaseException) -> str:
    """What a library says of a file, fit for a message: it may quote the file, which is anybody's, at any length."""
    said = " ".join("".join(c if c.isprintable() else " " for c in str(error)[:_LONGEST]).split())
    return said + "…" * (len(str(error)) > _LONGEST) or type(error).__name__


class SettingsError(RagError):
    """A setting that does not exist or cannot hold that value."""


class FolderError(RagError):
    """The folder of documents does not exist, cannot be read, or holds nothing that can be read."""


class ParseError(RagError):
    """One file cannot be read. The sync reports it and goes on."""


class ModelError(RagError):
    """A model cannot be found, converted or loaded."""


class IndexMismatchError(RagError):
    """The index was built by another model, format or text rule; the message names the command that mends it."""


class IndexBrokenError(RagError):
    """A file of the index is damaged beyond repair from the library."""


class BusyError(RagError):
    """Another process holds the index for writing, or the index is not ready yet."""


class StoreAwayError(RagError):
    """The vector store does not answer. Its documents stay marked as waiting, and words alone find passages meanwhile."""


class ClusterError(RagError):
    """A Ray cluster cannot be reached, or is no longer there."""


class QuestionError(RagError):
    """The question is empty, too long, or not text."""


class UnknownDocumentError(RagError):
    """No document of that name or id."""


class VerificationError(RagError):
    """A quote is not what its document says at that place: never shown, always reported."""


class DataError(RagError):
    """A question set or corpus file is malformed; names file and line."""


class MissingExtraError(RagError):
    """An optional dependency is not installed."""

    def __init__(self, extra: str) -> None:
        super().__init__(
            f"this needs the optional '{extra}' packages; run: pip install -e '.[{extra}]'",
            f"这里需要可选组件 {extra}，请运行：pip install -e '.[{extra}]'",
        )
