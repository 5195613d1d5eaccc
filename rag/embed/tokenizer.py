"""The XLM-RoBERTa tokenizer rebuilt from the pieces, scores and normalisation table that the weights' file carries.

SentencePiece unigram (Kudo 2018) after nmt_nfkc normalisation. That normalisation is NFKC and a few dozen exceptions:
they are found by comparing the table with Unicode's own data, so that multi-character compositions (which a table by
code point cannot hold) still come out right.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.embed.blob import Blob

_KEPT = 0xE000  # first private-use code point: stands in for characters that NFKC would change and the model keeps


def exceptions(table: Mapping[int, str]) -> tuple[dict[str, list[int]], list[int]]:
    """Where `table` departs from NFKC: (replacement -> its code points, code points that are kept as they are).

    Characters younger than Unicode 3.2 that the table lacks are no decision of the model: NFKC is right for them.
    """
    replaced: dict[str, list[int]] = {}
    for point, becomes in sorted(table.items()):
        if unicodedata.normalize("NFKC", chr(point)) != becomes:
            replaced.setdefault(becomes, []).append(point)
    old = unicodedata.ucd_3_2_0
    kept = [
        point
        for point in range(0x110000)
        if point not in table
        and not 0xD800 <= point < 0xE000
        and old.category(chr(point)) != "Cn"
        and old.normalize("NFKC", chr(point)) != chr(point)
        and unicodedata.normalize("NFKC", chr(point)) != chr(point)
    ]
    return replaced, kept


def build_tokenizer(blob: Blob) -> Any:
    """A `tokenizers.Tokenizer` (thread-safe; neither padding nor truncation set)."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    replaced, kept = exceptions(blob.normalization)
    steps: list[Any] = []
    for becomes, points in replaced.items():
        characters = "".join(f"\\x{{{point:x}}}" for point in points)
        steps.append(normalizers.Replace(Regex(f"[{characters}]"), becomes))
    stand_ins = [(chr(point), chr(_KEPT + i)) for i, point in enumerate(kept)]
    steps += [normalizers.Replace(char, mark) for char, mark in stand_ins]
    steps.append(normalizers.NFKC())
    steps += [normalizers.Replace(mark, char) for char, mark in stand_ins]
    steps.append(normalizers.Replace(Regex(" {2,}"), " "))

    tokenizer = Tokenizer(models.Unigram(list(blob.pieces), unk_id=blob.unk, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("\u2581", prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Metaspace("\u2581", prepend_scheme="always")
    first, last = blob.pieces[blob.bos][0], blob.pieces[blob.eos][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        f"{first} $A {last}", f"{first} $A {last} {last} $B {last}", [(first, blob.bos), (last, blob.eos)]
    )
    tokenizer.add_special_tokens(special_tokens(blob))
    return tokenizer


def special_tokens(blob: Blob) -> list[str]:
    """Beginning, padding, end, unknown, and the mask where the vocabulary has one."""
    known = [blob.pieces[i][0] for i in (blob.bos, blob.pad, blob.eos, blob.unk)]
    return known + (["<mask>"] if any(piece == "<mask>" for piece, _ in blob.pieces) else [])
