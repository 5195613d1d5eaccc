"""What the setting `reader` names where it names another model than ours, by its files alone: imports nothing heavy, asks
no network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.embed.load import first_line, hub_cache
from rag.errors import ModelError

WEIGHTS = "judian-weights.json"  # in the model's folder: weights fitted to it
_LINES = {
    "refuse_below",
    "sure_from",
    "likely_right",
    "sure_right",
}  # fields of judge.Lines, which is heavier to import
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")


@dataclass(frozen=True, slots=True)
class Outside:
    """What is known of a model without loading it."""

    name: str
    kind: Literal["folder", "hub"]
    place: str  # the folder, or the hub library's; "" for a hub model that was not downloaded
    bytes: int
    fitted: str  # file with weights fitted to it; "" for none


def look(name: str) -> Outside:
    """Raises ModelError for a folder that is missing or that holds no model for extractive question answering."""
    path = Path(name).expanduser()
    if not path.is_dir():
        if name.startswith((".", "~", "/")) or name.count("/") != 1:
            raise ModelError(
                f"reader '{name}': no such folder; name the folder of a downloaded model, or a hub's name like org/model",
                f"阅读模型 {name}：没有这个文件夹；请写下载好的模型文件夹，或 org/model 这样的名字",
            )
        path = hub_cache() / f"models--{name.replace('/', '--')}"
        there = any(path.glob("snapshots/*/config.json"))
        return Outside(name, "hub", str(path) if there else "", _size(path) if there else 0, "")
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        kinds = [str(kind) for kind in config.get("architectures") or []]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ModelError(
            f"reader '{path}': this folder holds no model (config.json: {first_line(error)}); name the folder that holds"
            " config.json, tokenizer.json and model.safetensors",
            f"阅读模型 {path}：这个文件夹里没有模型（config.json：{first_line(error)}）；"
            "请指定直接放着 config.json、tokenizer.json、model.safetensors 的文件夹",
        ) from error
    if kinds and not any("ForQuestionAnswering" in kind for kind in kinds):
        raise headless(str(path), ", ".join(kinds))
    missing = [
        wanted
        for wanted, there in (
            ("tokenizer.json", any((path / file).is_file() for file in _TOKENIZERS)),
            ("model.safetensors", any((*path.glob("*.safetensors"), *path.glob("pytorch_model*.bin")))),
        )
        if not there
    ]
    if missing:
        raise ModelError(
            f"reader '{path}': {' and '.join(missing)} missing; download the model again, with all its files",
            f"阅读模型 {path}：缺少 {'、'.join(missing)}；请重新下载，带上全部文件",
        )
    return Outside(name, "folder", str(path), _size(path), _fitted(path / WEIGHTS))


def _fitted(file: Path) -> str:
    """The file of weights fitted to a model, "" where there is none. Raises ModelError where it is no such file."""
    if not file.is_file():
        return ""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if not (isinstance(told, dict) and all(isinstance(told.get(name), dict) for name in ("sentence", "answer"))):
            raise ValueError("no weights for sentence and answer")
        lines = told.get("lines", {})
        strange = set(lines) - _LINES if isinstance(lines, dict) else {"lines"}
        if strange:
            raise ValueError(f"unknown: {', '.join(sorted(map(str, strange)))}")
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{file}: cannot be read as fitted weights ({first_line(error)}); fit again with python -m eval.fit, or delete it",
            f"{file}：不是拟合出的权重文件（{first_line(error)}）；请用 python -m eval.fit 重新拟合，或删除它",
        ) from error
    return str(file)


def headless(name: str, why: str) -> ModelError:
    return ModelError(
        f"reader '{name}': not a model that finds answers in a text ({why}); choose one trained for extractive question"
        " answering (its config.json says …ForQuestionAnswering), or set reader = 'auto'",
        f"阅读模型 {name}：它不是在原文中找答案的模型（{why}）；请换成抽取式问答模型（config.json 中写着 …ForQuestionAnswering），"
        "或把 reader 设为 auto",
    )


def _size(path: Path) -> int:
    """Bytes of a folder's files; a hub's cache holds each one twice, once as a link."""
    files = {file.resolve() for file in path.rglob("*") if file.is_file()}
    return sum(file.stat().st_size for file in files)
