"""Loads a SentenceTransformer on torch, from a folder or from a model hub, and says clearly why it cannot."""

from __future__ import annotations

import importlib
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.errors import ModelError

_REACH_SECONDS = 10


def load_torch(model: str, threads: int, local: bool) -> Any:
    """`SentenceTransformer(model)`; a hub's model from the local cache first, so that the network is asked only once."""
    import torch
    from sentence_transformers import SentenceTransformer

    if threads > 0:
        torch.set_num_threads(threads)
    with _no_bars():
        try:
            return SentenceTransformer(model, local_files_only=True)
        except Exception as error:  # every library below has its own errors
            if local:
                raise ModelError(
                    f"{model}: no SentenceTransformer can be loaded from this folder ({first_line(error)}); download or save "
                    "it again",
                    f"{model}：无法从这个文件夹加载模型（{first_line(error)}）；请重新下载或保存",
                ) from error
    try:
        reach_hub(model)
        return SentenceTransformer(model)
    except Exception as error:
        raise ModelError(
            f"{model} is no folder here and cannot be had from the hub ({first_line(error)}); set HF_ENDPOINT to a mirror that you can reach, or "
            "download the model elsewhere and set `model` to its folder",
            f"本机没有 {model} 这个文件夹，也无法从模型站下载它（{first_line(error)}）；请用环境变量 HF_ENDPOINT 指定可访问的镜像，"
            "或在别处下载后把 model 设为该文件夹",
        ) from error


def reach_hub(model: str) -> None:
    """Asks the hub for one small file, so that an unreachable one is known in seconds: its library tries for a minute.
    Any answer is an answer, and certificates are the library's affair. Raises OSError when there is none."""
    constants: Any = importlib.import_module("huggingface_hub.constants")
    if constants.HF_HUB_OFFLINE:
        return
    request = urllib.request.Request(f"{constants.ENDPOINT}/{model}/resolve/main/config.json", method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_REACH_SECONDS).close()
    except urllib.error.HTTPError:
        return
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ssl.SSLError):
            raise


@contextmanager
def _no_bars() -> Iterator[None]:
    """Silences the bar that transformers draws for reading weights: a library does not print."""
    logging: Any = importlib.import_module("transformers.utils.logging")
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def first_line(error: Exception) -> str:
    """The first line of an error, short enough to show."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return text if len(text) <= 200 else text[:199] + "…"


def hub_cache() -> Path:
    """Where the hub's library keeps models, by its own variables (it is not imported here: it takes a while)."""
    env = os.environ
    for key, below in (("SENTENCE_TRANSFORMERS_HOME", ""), ("HF_HUB_CACHE", ""), ("HF_HOME", "hub")):
        if env.get(key):
            return Path(env[key]).expanduser() / below
    return Path(env.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface" / "hub"
