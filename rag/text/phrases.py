"""Whether a stretch of a question reads as words: what is left of a question when all that is known is taken out of it may
end in the middle of one (天假要找 of 请5天假要找谁)."""

from __future__ import annotations

from rag.text.pinyin import LONGEST, is_phrase

# Small words of questions that are seldom part of a name; those that often are (会, 出, 过, 太, 去) are left alone.
_LOOSE = frozenset("要想怎没给吗呢的了吧谁你我几啥咋")


def reads_as_words(stretch: str) -> bool:
    """False where a small word stands in a folded Han stretch outside every known word (pypinyin's list of 47,000, longest
    match from the left): 想租, but not 思想."""
    if _LOOSE.isdisjoint(stretch):
        return True
    at = 0
    while at < len(stretch):
        sizes = range(min(LONGEST, len(stretch) - at), 1, -1)
        size = next((n for n in sizes if is_phrase(stretch[at : at + n])), 1)
        if size == 1 and stretch[at] in _LOOSE:
            return False
        at += size
    return True
