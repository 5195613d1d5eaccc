"""How Chinese text sounds, without tones: 智惠 and 智慧 are one, and "Qinglang" is 清朗.

Input methods make homophones the usual slip of the keyboard; other languages write Chinese names by their sound.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from rag.text.fold import is_han
from rag.text.pinyin import reading


@lru_cache(maxsize=30_000)
def syllable(character: str) -> str:
    """Toneless pinyin of one Han character, its commonest reading; "" for anything else."""
    if not is_han(character):
        return ""
    return reading(character)


def sound_pairs(text: str) -> frozenset[str]:
    """Every two neighbouring Han characters as sounds: "智慧学" -> {"zhi hui", "hui xue"}. Sounds that southern speakers
    and typists mix up (zh/z, ch/c, sh/s, -ng/-n) are one."""
    read = [blurred(character) for character in text]
    return frozenset(f"{a} {b}" for a, b in pairwise(read) if a and b)


def blurred(character: str) -> str:
    """`syllable` as one who mixes such sounds up hears it: 成 and 陈 are both "cen"."""
    sound = syllable(character)
    for initial in ("zh", "ch", "sh"):
        if sound.startswith(initial):
            sound = initial[0] + sound[2:]
    return sound[:-1] if sound.endswith("ng") else sound


def romanised(text: str) -> str:
    """All syllables of a text run together, a space where anything but Han stands: to look a pinyin word up in."""
    return "".join(syllable(character) or " " for character in text)
