"""The line to a Milvus server: made when it is first needed, made again after the server was away, and left alone for a few
seconds after a failure, so that not every question waits for a server that does not answer."""

from __future__ import annotations

import importlib.util
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from rag.errors import MissingExtraError, SettingsError, StoreAwayError, told_by

T = TypeVar("T")
CONNECT = 3.0  # seconds to wait for a connection
_REST = 5.0  # seconds after a failure in which nothing is tried
_TOKEN = "MILVUS_TOKEN"
_NO_DATABASE = 800  # Milvus's code
_NAME_LENGTH = 200  # of a collection; Milvus takes 255, and the part is added
_FAMILIAR = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")

_LINES: WeakValueDictionary[tuple[str, str], Line] = WeakValueDictionary()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Address:
    """Where a collection is."""

    uri: str  # "http://host:19530", or the absolute path of a Milvus Lite directory, which ends in ".db"
    collection: str
    database: str = ""  # "": the server's default

    @property
    def lite(self) -> bool:
        return self.uri.endswith(".db")


def address_of(text: str) -> Address:
    """`http://host:19530/collection` (or https, or `/database/collection`), or `folder/vectors.db/collection`, relative to
    where the program runs. Raises SettingsError; credentials are refused, since the address is shown in messages."""
    place, _, collection = text.rstrip("/").rpartition("/")
    scheme, mark, rest = place.partition("://")
    host, _, database = rest.partition("/")
    served = bool(mark) and scheme in {"http", "https"} and bool(host) and "/" not in database
    if "@" in host or "token=" in text.lower():
        raise SettingsError(
            f"the store's address holds a password; take it out and set the environment variable {_TOKEN}"
            " (a token, or user:password)",
            f"store 的地址里有密码；请去掉，并改用环境变量 {_TOKEN}（令牌，或 用户名:密码）",
        )
    named = 0 < len(collection) <= _NAME_LENGTH and set(collection) <= _FAMILIAR and not collection[0].isdigit()
    if not named or not (served or (not mark and place.endswith(".db"))):
        raise SettingsError(
            f"'milvus:{text}' is no address of a collection; write milvus:http://host:19530/name"
            " or milvus:folder/vectors.db/name, the name in letters, digits and _",
            f"milvus:{text} 不是集合的地址；请写成 milvus:http://主机:19530/名称"
            " 或 milvus:文件夹/vectors.db/名称，名称只用字母、数字和 _",
        )
    if served:
        return Address(f"{scheme}://{host}", collection, database)
    return Address(str(Path(place).expanduser().resolve()), collection)


def line_to(address: Address) -> Line:
    """The line to that server: one for all collections on it. Raises MissingExtraError; asks no network."""
    if importlib.util.find_spec("pymilvus") is None or (address.lite and not importlib.util.find_spec("milvus_lite")):
        raise MissingExtraError("milvus")
    key = (address.uri, address.database)
    with _lock:
        line = _LINES.get(key)
        if line is None:
            line = _LINES[key] = Line(*key)
        return line


class Line:
    """A connection that mends itself. Safe to use from several threads."""

    def __init__(self, uri: str, database: str) -> None:
        self.uri = uri
        self._database = database
        self._lock = threading.Lock()
        self._client: Any = None
        self._again = 0.0  # when the next try may be made, by the monotonic clock

    def call(self, what: Callable[[Any], T]) -> T:
        """What `what` makes of the client. Raises StoreAwayError where the server does not do it; for a few seconds after
        that, at once and without asking the server again; then one caller tries, and the others go on without."""
        client = self._connected()
        try:
            result = what(client)
        except Exception as error:
            if _is_theirs(error):
                raise self._failed(error) from error
            self._again = 0.0  # what it holds is not ours, or not for this model: it did answer
            raise
        self._again = 0.0
        return result

    def _connected(self) -> Any:
        if not self._lock.acquire(blocking=not self._again):  # another caller tries
            raise self._resting()
        try:
            now = time.monotonic()
            if now < self._again:
                raise self._resting()
            if self._again:
                self._again = now + CONNECT + _REST  # this caller tries, the others go on without
            if self._client is None:
                self._client = self._made()
            return self._client
        finally:
            self._lock.release()

    def _made(self) -> Any:
        import pymilvus

        for name in ("pymilvus", "milvus_lite"):  # they write a traceback to the terminal beside raising it
            logging.getLogger(name).setLevel(logging.CRITICAL)
        lite = self.uri.endswith(".db")
        token = "" if lite else os.environ.get(_TOKEN, "")
        try:
            if lite:
                Path(self.uri).parent.mkdir(parents=True, exist_ok=True)
            return pymilvus.MilvusClient(
                self.uri,
                token=token,
                db_name=self._database,
                timeout=CONNECT,
                # Else a new connection inherits the pause, up to two minutes, that gRPC makes after failed ones.
                grpc_options={"grpc.use_local_subchannel_pool": 1},
            )
        except Exception as error:
            if _is_theirs(error):
                raise self._failed(error) from error
            raise

    def _failed(self, error: Exception) -> StoreAwayError:
        if _is_without_database(error):  # it did answer
            self._again = 0.0
            return StoreAwayError(
                f"the vector store {self.uri} has no database '{self._database}'; make it there, then run: python -m rag index;"
                " until then words alone find passages",
                f"向量库 {self.uri} 中没有数据库 {self._database}；请先在那里建立它，再运行：python -m rag index；"
                "在此之前只按词语检索",
            )
        self._again = time.monotonic() + _REST
        told = _told(error)
        return self._away(told, told)

    def _resting(self) -> StoreAwayError:
        return self._away("it did not answer a moment ago", "它刚才没有响应")

    def _away(self, en: str, zh: str) -> StoreAwayError:
        lite = self.uri.endswith(".db")
        todo = ("see that no other process has it open", "请确认没有别的进程正在使用它") if lite else (
            f"start it, and see {_TOKEN} where it asks for a token", f"请启动它；若需要令牌，请检查 {_TOKEN}"
        )  # fmt: skip
        return StoreAwayError(
            f"the vector store {self.uri} is away ({en}); {todo[0]}; until then words alone find passages",
            f"向量库 {self.uri} 无法访问（{zh}）；{todo[1]}；在此之前只按词语检索",
        )


def code_of(error: BaseException) -> int:
    """Milvus's number for what went wrong, 0 where it gave none."""
    code = getattr(error, "code", 0)
    return code if isinstance(code, int) else 0


def _is_without_database(error: Exception) -> bool:
    told = str(getattr(error, "message", "")).lower()
    lite = told.startswith("database ") and told.endswith("does not exist")  # by a code that says other things too
    return lite or code_of(error) == _NO_DATABASE


def _is_theirs(error: Exception) -> bool:
    import grpc
    from pymilvus.exceptions import MilvusException

    return isinstance(error, (MilvusException, grpc.RpcError, grpc.FutureTimeoutError, OSError))


def _told(error: Exception) -> str:
    """What they say of it, without the wire's own story."""
    import grpc

    if isinstance(error, grpc.RpcError) and isinstance(error, grpc.Call):
        return told_by(Exception(f"{error.code().name}: {error.details()}"))
    return told_by(Exception(getattr(error, "message", "") or error))
