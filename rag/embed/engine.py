"""The fast engine for `sentence_transformers`: an input module that runs a BERT encoder on OpenVINO.

It stands where `Transformer` stands in a SentenceTransformer; pooling and normalisation stay the library's own. This is for
whoever wants such an object (`embedder.model`), and for folders whose pooling is none of ours: the embedder itself needs
nothing of the library (`rag.embed.bert`).
"""

from __future__ import annotations

import importlib
import json
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.embed.bert import optional
from rag.embed.runner import FILES, Runner, available, padded

if TYPE_CHECKING:
    OpenVinoEncoder: Any

__all__ = ["CONFIG", "available", "encoder_class", "library_modules", "load_fast", "padded", "supports"]

CONFIG = "openvino_config.json"


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
            ids, mask = self.runner.batch(rows)
            ids, mask = ids[: len(rows)], mask[: len(rows)]
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

            for name in FILES:
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
            all((path / name).is_file() for name in FILES)
            and config["model_type"] == "bert"
            and config["architectures"] == ["BertModel"]
            and config["hidden_act"] == "gelu"
            and config.get("position_embedding_type", "absolute") == "absolute"
            and kinds in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
            and not _json(path / "modules.json")[0]["path"]
            and not optional(path / "sentence_bert_config.json").get("do_lower_case")
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return False


def load_fast(path: Path, threads: int = 0, runner: Runner | None = None) -> Any:
    """A SentenceTransformer of a directory that `supports` accepts, its first module on OpenVINO: on `runner`, else on one
    of its own. Raises OSError, KeyError or ValueError for damaged files, RuntimeError when OpenVINO cannot run here."""
    with ThreadPoolExecutor(1, "openvino") as beside:  # compiling overlaps the import, which takes longer
        compiling = beside.submit(lambda: runner or Runner(path, threads))
        from sentence_transformers import SentenceTransformer

        library = library_modules()
        runner = compiling.result()
    limit = optional(path / "sentence_bert_config.json").get("max_seq_length") or runner.limit
    modules = [encoder_class()(str(path), limit, runner)]
    for module in _json(path / "modules.json")[1:]:
        kind = getattr(library, str(module["type"]).rpartition(".")[2])
        modules.append(kind.load(str(path), subfolder=module["path"], local_files_only=True))
    prompts = optional(path / "config_sentence_transformers.json").get("prompts") or {}
    return SentenceTransformer(modules=modules, prompts=prompts, device="cpu", local_files_only=True)


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
