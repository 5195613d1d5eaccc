"""What a terminal is told: in which language, and without what would steer it. Document text and file names are somebody
else's."""

from __future__ import annotations

import locale
import os
import unicodedata

_STEERING = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)  # bidirectional controls


def safe(text: str) -> str:
    """The text without characters that steer a terminal or reorder what is shown; line ends and tabs stay."""
    return "".join(
        "\ufffd" if (unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t") or c in _STEERING else c for c in text
    )


def one_line(text: str) -> str:
    return safe(" ".join(text.split()))


def ui_language() -> str:
    """zh or en, by LC_ALL, LC_MESSAGES, LANG; where none is set (Windows), by the system's locale."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return "zh" if os.environ[name].lower().startswith("zh") else "en"
    return "zh" if (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese")) else "en"
