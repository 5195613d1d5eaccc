"""Another span model than the shipped one: any Hugging Face model for extractive question answering, from a folder or a
hub.

It reads what such models are trained on, the pair (question, head⏎text) of SQuAD 2.0 (Rajpurkar et al. 2018; the windows
and the null score at the first position as in Devlin et al. 2018), on torch. Its margins are laid on the shipped model's
scale (`rag.reader.scale`), so that the fitted weights hold; weights fitted to the model itself hold better, and are taken
from `judian-weights.json` in its folder: `RAG_READER=FOLDER python -m eval.fit … --out FOLDER/judian-weights.json`.
"""

from __future__ import annotations

import importlib
import inspect
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embed.load import first_line, hub_cache, reach_hub
from rag.errors import ModelError
from rag.reader import scale
from rag.reader.lookup import Outside, headless, look
from rag.reader.reads import Piece, Window, joined, window_of
from rag.reader.span import SHIPPED, about
from rag.text import writable

_WINDOW = 384  # tokens of one window, as these models are trained
_STRIDE = 64  # tokens that two windows share: no fewer than the longest span has
_MOST_QUESTION = 64  # tokens of a question that are read
_MOST_HEAD = 240  # characters of title and section; a longer head is left out
_BATCH = 8  # windows read at once


class OutsideModel:
    """See `rag.reader.reads.Reads`. `rule` is (factor, shift) of its margins: see `rag.reader.scale.rule`."""

    def __init__(self, tokenizer: Any, model: Any, rule: tuple[float, float] = (1.0, 0.0)) -> None:
        self._tokenizer, self._model = tokenizer, model
        self.rule = rule
        self._encoding = threading.Lock()  # the tokenizer keeps how it truncates in itself
        config = model.config
        places = int(getattr(config, "max_position_embeddings", 0) or _WINDOW + 2) - 2  # RoBERTa keeps two for padding
        self._width = max(16, min(_WINDOW, places, int(tokenizer.model_max_length)))
        self._taken = set(inspect.signature(model.forward).parameters)
        if int(getattr(config, "type_vocab_size", 2) or 0) < 2:
            self._taken.discard("token_type_ids")

    def read(self, question: str, contexts: Sequence[tuple[str, str]]) -> list[Window]:
        if not contexts:
            return []
        texts = [writable(text) for _, text in contexts]
        fronts = [f"{writable(head)}\n" if head and len(head) <= _MOST_HEAD else "" for head, _ in contexts]
        with self._encoding:
            pieces, rows = self._pieces(writable(question), fronts, texts)
        found: list[list[Window]] = [[] for _ in contexts]
        order = sorted(range(len(pieces)), key=lambda i: len(pieces[i].ids))
        for at in range(0, len(order), _BATCH):
            batch = order[at : at + _BATCH]
            for i, values in zip(batch, self._logits([rows[i] for i in batch]), strict=True):
                found[pieces[i].window].append(window_of(pieces[i], values, texts[pieces[i].window]))
        return [scale.moved(joined(windows), *self.rule) for windows in found]

    def _pieces(
        self, question: str, fronts: Sequence[str], texts: Sequence[str]
    ) -> tuple[list[Piece], list[dict[str, list[int]]]]:
        """The windows, and what the model takes of each by name."""
        tokenizer = self._tokenizer
        most = min(_MOST_QUESTION, self._width // 4)
        asked = tokenizer(
            question, add_special_tokens=False, return_offsets_mapping=True, split_special_tokens=True, verbose=False
        )
        if len(asked["input_ids"]) > most:
            question = question[: asked["offset_mapping"][most - 1][1]]
        told = tokenizer(
            [question] * len(texts),
            [front + text for front, text in zip(fronts, texts, strict=True)],
            truncation="only_second",
            max_length=self._width,
            stride=min(_STRIDE, self._width // 4),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_attention_mask=True,
            split_special_tokens=True,  # "[SEP]" in a document is text
        )
        pieces: list[Piece] = []
        rows: list[dict[str, list[int]]] = []
        for i, window in enumerate(told["overflow_to_sample_mapping"]):
            ids, base = told["input_ids"][i], len(fronts[window])
            parts, offsets = told.sequence_ids(i), told["offset_mapping"][i]
            inside = [at for at, part in enumerate(parts) if part == 1 and offsets[at][1] > base]
            first, last = (inside[0], inside[-1]) if inside else (0, -1)
            spots = [(start - base, end - base) for start, end in offsets[first : last + 1]]
            null = ids.index(tokenizer.cls_token_id) if tokenizer.cls_token_id in ids else 0
            pieces.append(Piece(window, ids, first, spots, null))
            rows.append({name: told[name][i] for name in tokenizer.model_input_names if name in told})
        return pieces, rows

    def _logits(self, rows: Sequence[Mapping[str, list[int]]]) -> NDArray[Any]:
        """Start and end logits, float32, shape (rows, longest row, 2)."""
        import torch

        longest = max(len(row["input_ids"]) for row in rows)
        given = {}
        for name in rows[0].keys() & self._taken:
            filler = int(self._tokenizer.pad_token_id or 0) if name == "input_ids" else 0
            given[name] = torch.tensor([row[name] + [filler] * (longest - len(row[name])) for row in rows])
        with torch.inference_mode():
            out = self._model(**given, return_dict=True)
        found: NDArray[Any] = torch.stack([out.start_logits, out.end_logits], dim=-1).float().numpy()
        return found


def open_outside(name: str, threads: int = 0) -> OutsideModel:
    """The model that a setting names, ready to read. A hub's name is looked for in the local cache first; only where it
    is not there the network is asked. The same arguments give the same object. Raises ModelError naming the next step."""
    with _OPENING:
        return _open(name, threads)


_OPENING = threading.Lock()


@lru_cache(maxsize=1)
def _open(name: str, threads: int) -> OutsideModel:
    known = look(name)
    import torch

    if threads > 0:
        torch.set_num_threads(threads)
    try:
        with _quiet():
            tokenizer, model, lacks = _had(known)
    except Exception as error:  # the libraries below have errors of their own, each
        raise _unloadable(known, first_line(error)) from error
    if lacks:
        raise headless(name, ", ".join(lacks[:3]))
    if not tokenizer.is_fast:
        raise ModelError(
            f"reader '{name}': its tokenizer ({type(tokenizer).__name__}) does not say where a word stands in the text, so"
            " nothing could be quoted; choose a model with a tokenizer.json",
            f"阅读模型 {name}：它的分词器（{type(tokenizer).__name__}）不给出词在原文中的位置，无法引用；"
            "请换一个带 tokenizer.json 的模型",
        )
    outside = OutsideModel(tokenizer, model)
    try:
        measured = scale.measure(outside)
    except (IndexError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise _unloadable(known, first_line(error)) from error
    if not all(np.isfinite([each.silent, each.spoken]).all() for each in measured.values()):
        raise _unloadable(known, "its scores are no numbers")
    outside.rule = scale.rule(measured, scale.from_rows(about(SHIPPED).get("scale")))
    return outside


def _had(known: Outside) -> tuple[Any, Any, list[str]]:
    """See `_load`: from the folder, or from the hub's local cache, or from the hub."""
    if known.kind == "folder":
        return _load(known.place, local=True)
    if known.place:
        try:
            return _load(known.name, local=True)
        except OSError:  # a download that was broken off
            reach_hub(known.name)
    else:
        reach_hub(known.name)
    return _load(known.name, local=False)


def _load(place: str, local: bool) -> tuple[Any, Any, list[str]]:
    """(tokenizer, model, names of weights that the files lack: transformers would make them up)."""
    library: Any = importlib.import_module("transformers")
    options: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False, "cache_dir": str(hub_cache())}
    tokenizer = library.AutoTokenizer.from_pretrained(place, **options)
    model, told = library.AutoModelForQuestionAnswering.from_pretrained(place, output_loading_info=True, **options)
    lacks = [*told["missing_keys"], *(str(key) for key in told.get("mismatched_keys", ()))]
    if len(tokenizer) > int(getattr(model.config, "vocab_size", len(tokenizer))):
        raise ValueError("its tokenizer has more words than its weights")
    return tokenizer, model.float().eval(), sorted(lacks)


@contextmanager
def _quiet() -> Iterator[None]:
    """transformers says on stderr what it makes of a file, and draws a bar: a library does not print."""
    logging: Any = importlib.import_module("transformers.utils.logging")
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()


def _unloadable(known: Outside, why: str) -> ModelError:
    name = known.name
    if known.kind == "hub":
        return ModelError(
            f"reader '{name}' is no folder here and cannot be had from the hub ({why}); set HF_ENDPOINT to a mirror that you"
            " can reach, or download the model elsewhere and set `reader` to its folder",
            f"本机没有 {name} 这个文件夹，也无法从模型站得到这个阅读模型（{why}）；请用环境变量 HF_ENDPOINT 指定可访问的镜像，"
            "或在别处下载后把 reader 设为该文件夹",
        )
    return ModelError(
        f"reader '{name}': the model cannot be loaded ({why}); download or save it again, or set reader = 'auto'",
        f"阅读模型 {name}：无法加载（{why}）；请重新下载或保存，或把 reader 设为 auto",
    )
