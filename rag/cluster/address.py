"""Where a Ray cluster is: what `--engine` says, and a connection that is told in seconds when there is none."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from rag.errors import ClusterError, MissingExtraError, SettingsError, told_by

_REACH_SECONDS = 5.0
_CLIENT = "ray://"
_STORE = 512 << 20  # bytes of shared memory of a Ray of our own: blocks on their way are small
_CORES = 4  # of one encoder: more threads on one batch gain less than another encoder does
# The connection preface of HTTP/2 with empty SETTINGS (RFC 9113, 3.4), which a gRPC server answers with its own.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"


@dataclass(frozen=True, slots=True)
class Room:
    """What a cluster has room for."""

    encoders: int  # at once, at the start: a cluster that grows takes more
    cores: int  # of each


def engine_of(told: str) -> str | None:
    """The address in `--engine`: None for "local" (this process), "" for "ray" (a Ray of our own on this machine),
    else where a cluster runs: "auto", "HOST:6379" or "ray://HOST:10001". Raises SettingsError."""
    name, colon, address = told.partition(":")
    if told == "local":
        return None
    plain = address.removeprefix(_CLIENT)
    host, _, port = plain.rpartition(":")
    if name == "ray" and (not colon or address == "auto" or (host and port.isdecimal())):
        return address
    raise SettingsError(
        f"--engine '{told}' is unknown; use local, ray, ray:auto, ray:HOST:6379 or ray:ray://HOST:10001",
        f"--engine 不能是 {told}；可用 local、ray、ray:auto、ray:主机:6379 或 ray:ray://主机:10001",
    )


def require_ray() -> None:
    """Raises MissingExtraError where Ray Data is not installed; imports nothing."""
    if not (find_spec("ray") and find_spec("pyarrow")):
        raise MissingExtraError("ray")


@contextmanager
def connected(address: str, threads: int = 0) -> Iterator[Room]:
    """A connection to the cluster at `address`; "": a Ray of our own on `threads` cores (0: all), which listens on the
    loopback address alone and ends with the block. One that this process has already is used and left as it is.

    Raises MissingExtraError, and ClusterError within seconds where nothing answers."""
    require_ray()
    # Before Ray is imported: it tells nobody of this run, and its servers' logs go to its files.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if not address:
        # Named for the systems on which it is the default: a Ray of one machine, at 127.0.0.1.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        if "RAY_AUTH_MODE" not in os.environ:  # others who are logged in here must not run their code as this user
            os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    ray: Any = import_module("ray")
    if ray.is_initialized():
        with _quiet():
            yield _room(ray, threads)
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if not address:
        options |= {"num_cpus": threads or None, "include_dashboard": False, "object_store_memory": _STORE}
    else:
        _reach(address)
    try:
        ray.init(address or "local", **options)
    except (SystemExit, ConnectionError, RuntimeError, ValueError, OSError) as error:  # Ray exits where it gives up
        with suppress(Exception):
            ray.shutdown()
        raise _away(address or "127.0.0.1", told_by(error)) from error
    try:
        with _quiet():
            yield _room(ray, threads if address else 0)
    finally:
        ray.shutdown()


@contextmanager
def _quiet() -> Iterator[None]:
    """Ray Data writes its plans on standard error; what goes wrong comes as an exception too."""
    import_module("ray.data")  # which sets the logger up
    logger = logging.getLogger("ray.data")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _reach(address: str) -> None:
    """Asks whether a gRPC server listens there: Ray itself would try for more than a minute, and then end the process."""
    if address == "auto" or os.environ.get("RAY_USE_TLS", "0") not in {"", "0"}:
        return
    host, _, port = address.removeprefix(_CLIENT).rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS) as asked:
            asked.sendall(_PREFACE)
            answer = asked.recv(9)
    except (OSError, OverflowError) as error:
        raise _away(address, told_by(error)) from error
    if len(answer) < 4 or answer[3] != 4:  # the type of a frame: SETTINGS
        raise _away(address, "what listens there is no Ray")


def _away(address: str, why: str) -> ClusterError:
    return ClusterError(
        f"no Ray cluster answers at {address} ({why}); check it with `ray status`; one that wants a token needs RAY_AUTH_MODE=token;"
        " --engine ray runs on this machine",
        f"{address} 没有可用的 Ray 集群（{why}）；请用 ray status 检查；需要令牌的集群请设 RAY_AUTH_MODE=token；"
        "--engine ray 只在本机运行",
    )


def _room(ray: Any, threads: int) -> Room:
    """Encoders of `threads` cores each (0: four), fewer where the smallest node has fewer: as many as there is room for."""
    nodes = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    free = sorted(cpus for cpus in nodes if cpus)
    cores = min(threads or _CORES, free[0] if free else 1)
    return Room(max(1, sum(cpus // cores for cpus in free)), cores)
