"""Text of documents, names and questions, made fit to stand in a page."""

from __future__ import annotations


def esc(text: str) -> str:
    """Text that neither HTML nor Markdown nor a template language reads as anything but text.

    Every ASCII character that is not a letter, digit or space becomes a numeric entity (so `<`, `*`, `$`, `{` and the
    newline mean nothing); other control characters vanish.
    """
    out = []
    for char in text:
        code = ord(char)
        if (code < 32 and char not in "\t\n") or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000:
            continue
        out.append(f"&#{code};" if code < 128 and not char.isalnum() and char != " " else char)
    return "".join(out)
