"""The fast engine: a `sentence_transformers` input module that runs a BERT encoder on OpenVINO.

It stands where `Transformer` stands in a SentenceTransformer; pooling and normalisation stay the library's own. OpenVINO
chooses the precision that the processor is best at (bfloat16 where there are instructions for it). Any number of threads
may call it: requests are kept in a pool, the tokenizer is never reconfigured.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import queue
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.embed.directory import read_safetensors
from rag.embed.graph import build_encoder, import_openvino

if TYPE_CHECKING:
    OpenVinoEncoder: Any

CONFIG = "openvino_config.json"
_FILES = ("config.json", "model.safetensors", "tokenizer.json")
_REQUESTS = 2  # one runs at a time; a second is filled meanwhile
_HIDDEN = -1e4  # added to the attention scores of padding: e^-10000 is 0 in every precision


def available() -> bool:
    """Whether OpenVINO is installed (found without importing it)."""
    return importlib.util.find_spec("openvino") is not None


def padded(length: int) -> int:
    """Length that a batch of longest text `length` is padded to: few shapes, for each costs OpenVINO some memory."""
    step = 8 if length <= 64 else 16
    return -(-length // step) * step


class Runner:
    """Tokenizer and compiled encoder of a directory: token ids and mask in, hidden states out. Needs no torch."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Raises OSError, KeyError or ValueError when the directory holds no BERT encoder, RuntimeError from OpenVINO."""
        from tokenizers import Tokenizer

        ov = import_openvino()
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        weights = read_safetensors(path / "model.safetensors")
        self.hidden = int(config["hidden_size"])
        self.limit = int(config["max_position_embeddings"])
        self.pad = int(config.get("pad_token_id") or 0)
        model = build_encoder(
            weights,
            self.hidden,
            int(config["num_hidden_layers"]),
            int(config["num_attention_heads"]),
            float(config["layer_norm_eps"]),
        )
        self._words = weights["embeddings.word_embeddings.weight"]
        positions = weights["embeddings.position_embeddings.weight"].astype(np.float32)
        self._places = positions + weights["embeddings.token_type_embeddings.weight"][0].astype(np.float32)
        options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads > 0:
            options["INFERENCE_NUM_THREADS"] = threads
        try:
            self.tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
        except Exception as error:  # the library raises nothing narrower
            raise ValueError(f"tokenizer.json: {error}") from error
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        compiled = ov.Core().compile_model(model, "CPU", options)
        self.precision = str(compiled.get_property("INFERENCE_PRECISION_HINT").to_string())
        self._requests: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(_REQUESTS):
            self._requests.put(compiled.create_infer_request())

    def run(self, ids: Any, mask: Any) -> Any:
        """int64 ids and mask, shape (batch, length) -> float32 hidden states, shape (batch, length, hidden)."""
        embedded = self._words[ids].astype(np.float32) + self._places[: ids.shape[1]]
        bias = np.where(mask, np.float32(0), np.float32(_HIDDEN))[:, None, None, :]
        request = self._requests.get()
        try:
            return request.infer({0: embedded, 1: bias}, share_inputs=True)[0]
        finally:
            self._requests.put(request)


def library_modules() -> Any:
    """Where sentence-transformers keeps its modules: it moved in release 6."""
    try:
        return importlib.import_module("sentence_transformers.sentence_transformer.modules")
    except ImportError:
        return importlib.import_module("sentence_transformers.models")


@lru_cache(maxsize=1)
def encoder_class() -> Any:
    """The module's class; made on first use, for its base class costs seconds to import."""
    import torch

    base = library_modules().InputModule

    class OpenVinoEncoder(base):  # type: ignore[misc, valid-type]
        """Texts to token embeddings of a prepared directory; texts past `max_seq_length` tokens are cut, as by the
        library's own `Transformer` (the caller windows them)."""

        config_file_name = CONFIG
        config_keys = ["max_seq_length"]  # noqa: RUF012  # the library's own convention
        save_in_root = True

        def __init__(self, path: str, max_seq_length: int = 512, runner: Runner | None = None) -> None:
            super().__init__()
            self.path = str(path)
            self.runner = runner or Runner(Path(path))
            self.max_seq_length = min(int(max_seq_length), self.runner.limit)
            self.tokenizer = self.runner.tokenizer

        def lengths(self, texts: list[str]) -> list[int]:
            """Tokens of each text, special tokens included, nothing cut."""
            return [len(encoded.ids) for encoded in self.tokenizer.encode_batch_fast(texts)]

        def preprocess(self, inputs: Any, prompt: str | None = None, **kwargs: Any) -> dict[str, Any]:
            texts = [(prompt or "") + text for text in inputs]
            rows = [encoded.ids for encoded in self.tokenizer.encode_batch_fast(texts)]
            rows = [
                ids if len(ids) <= self.max_seq_length else [*ids[: self.max_seq_length - 1], ids[-1]] for ids in rows
            ]
            width = min(padded(max(map(len, rows))), self.runner.limit)
            ids = np.full((len(rows), width), self.runner.pad, dtype=np.int64)
            mask = np.zeros((len(rows), width), dtype=np.int64)
            for i, row in enumerate(rows):
                ids[i, : len(row)] = row
                mask[i, : len(row)] = 1
            return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}

        def tokenize(self, texts: Any, **kwargs: Any) -> dict[str, Any]:
            return self.preprocess(texts)

        def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
            hidden = self.runner.run(features["input_ids"].numpy(), features["attention_mask"].numpy())
            features["token_embeddings"] = torch.from_numpy(hidden)
            return features

        def get_word_embedding_dimension(self) -> int:
            return self.runner.hidden

        get_embedding_dimension = get_word_embedding_dimension

        def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
            import shutil

            for name in _FILES:
                shutil.copyfile(Path(self.path) / name, Path(output_path) / name)
            self.save_config(output_path)

        @classmethod
        def load(cls, model_name_or_path: str, subfolder: str = "", **kwargs: Any) -> Any:
            path = Path(model_name_or_path, subfolder)
            return cls(str(path), **json.loads((path / CONFIG).read_text(encoding="utf-8")))

    # By these names a saved model finds its class again.
    OpenVinoEncoder.__module__, OpenVinoEncoder.__qualname__ = __name__, "OpenVinoEncoder"
    return OpenVinoEncoder


def __getattr__(name: str) -> Any:
    if name == "OpenVinoEncoder":
        return encoder_class()
    raise AttributeError(name)


def supports(path: Path) -> bool:
    """Whether a folder holds what this engine runs: a BERT encoder (absolute positions, exact GELU) as safetensors,
    pooled and at most normalised after it."""
    try:
        config = _json(path / "config.json")
        kinds = [str(module["type"]).rpartition(".")[2] for module in _json(path / "modules.json")]
        return (
            all((path / name).is_file() for name in _FILES)
            and config["model_type"] == "bert"
            and config["architectures"] == ["BertModel"]
            and config["hidden_act"] == "gelu"
            and config.get("position_embedding_type", "absolute") == "absolute"
            and kinds in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
            and not _json(path / "modules.json")[0]["path"]
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return False


def load_fast(path: Path, threads: int = 0) -> Any:
    """A SentenceTransformer of a directory that `supports` accepts, its first module on OpenVINO. Raises OSError,
    KeyError or ValueError for damaged files, RuntimeError when OpenVINO cannot run here."""
    with ThreadPoolExecutor(1, "openvino") as beside:  # compiling overlaps the import, which takes longer
        compiling = beside.submit(Runner, path, threads)
        from sentence_transformers import SentenceTransformer

        library = library_modules()
        runner = compiling.result()
    limit = _optional(path / "sentence_bert_config.json").get("max_seq_length") or runner.limit
    modules = [encoder_class()(str(path), limit, runner)]
    for module in _json(path / "modules.json")[1:]:
        kind = getattr(library, str(module["type"]).rpartition(".")[2])
        modules.append(kind.load(str(path), subfolder=module["path"], local_files_only=True))
    prompts = _optional(path / "config_sentence_transformers.json").get("prompts") or {}
    return SentenceTransformer(modules=modules, prompts=prompts, device="cpu", local_files_only=True)


def _optional(file: Path) -> Any:
    return _json(file) if file.is_file() else {}


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
