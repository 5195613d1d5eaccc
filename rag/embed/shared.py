"""Tokenizer and weights of a model's folder, opened once for everything in the process that runs on them.

A tokenizer of 250,000 pieces takes 280 MB of memory and most of a second to open, and the word embeddings are 192 MB of a
mapped file: the embedder and the reader, which are two encoders over the same vocabulary, share both.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from rag.embed.directory import read_safetensors

_OPENING = threading.RLock()  # whoever comes second waits for the first instead of opening another
_KEPT = 2  # models

_Identity = tuple[str, int, int, int]


def shared_tokenizer(folder: Path, special_as_text: bool = False) -> Any:
    """The `tokenizers.Tokenizer` of a folder's tokenizer.json, with neither padding nor truncation: never reconfigure it.

    `special_as_text`: one to which "</s>" in a text is text and no token of its own; it holds the same vocabulary, not a copy.
    Raises OSError where there is no file, ValueError where the library cannot read it.
    """
    with _OPENING:
        return _tokenizer(_identity(folder / "tokenizer.json"), special_as_text)


def shared_weights(folder: Path) -> Mapping[str, NDArray[Any]]:
    """Every tensor of a folder's model.safetensors, mapped and not copied. Raises OSError or ValueError."""
    with _OPENING:
        return _weights(_identity(folder / "model.safetensors"))


def forget() -> None:
    """Lets go of all files, which are about to be replaced; what was made of them goes on."""
    with _OPENING:
        _tokenizer.cache_clear()
        _weights.cache_clear()


def give_back() -> None:
    """Gives memory that is free again back to the system where the C library would keep it (glibc); takes milliseconds. 90 MB
    after the reader's weights have been added up and compiled."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # other systems have no such call
        ctypes.CDLL(None).malloc_trim(0)


def _identity(file: Path) -> _Identity:
    status = file.stat()
    return str(file.resolve()), status.st_ino, status.st_size, status.st_mtime_ns


@lru_cache(maxsize=_KEPT)
def _weights(file: _Identity) -> Mapping[str, NDArray[Any]]:
    return MappingProxyType(read_safetensors(Path(file[0])))


@lru_cache(maxsize=2 * _KEPT)
def _tokenizer(file: _Identity, special_as_text: bool) -> Any:
    if special_as_text:
        first = _tokenizer(file, False)
        twin = _twin(first)
        if twin.get_added_tokens_decoder() != first.get_added_tokens_decoder():  # ids with gaps: nothing can be shared
            twin = _opened(file[0])
        twin.encode_special_tokens = True
        return twin
    return _opened(file[0])


def _opened(file: str) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(file)
    except Exception as error:  # the library raises nothing narrower
        raise ValueError(f"{Path(file).name}: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _twin(first: Any) -> Any:
    """A second tokenizer over the same model, which the library holds by reference."""
    from tokenizers import Tokenizer

    twin = Tokenizer(first.model)
    for part in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
        if getattr(first, part) is not None:
            setattr(twin, part, getattr(first, part))
    for _, token in sorted(first.get_added_tokens_decoder().items()):
        (twin.add_special_tokens if token.special else twin.add_tokens)([token])
    return twin
