"""A Milvus collection that belongs to one index directory, and what becomes of it when the server restarts or the index is
built anew.

Its properties name the owner, which the directory keeps in `milvus.owner`; a note in the index's `vectors/` says that the
collection holds what this index holds. A rebuild deletes `vectors/`, and so begins with an empty collection.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from rag.errors import IndexMismatchError, SettingsError, StoreAwayError
from rag.stores.line import Line, code_of

VERSION = "1"  # of what a row is
WORK = 60.0  # seconds for all that no question waits for
_OWNER, _VERSION = "judian.owner", "judian.version"  # its properties
_GONE, _UNLOADED = 100, 101  # Milvus's codes: no such collection; not loaded, as after its restart

T = TypeVar("T")


class OwnedCollection:
    """Made when something is first written. Without a directory it is taken as it is, whoever filled it; with dim 0, of
    whatever dimension."""

    def __init__(self, line: Line, name: str, dim: int, directory: Path | None) -> None:
        self.name = name
        self.lite = False  # whether Milvus Lite answers, in this process or beside it
        self._line = line
        self._dim = dim
        self._directory = directory
        self._writing = threading.Lock()
        self._ready = False  # whether it is known to be there, ours and loaded
        self._seen = False  # whether it ever was

    def exists(self) -> bool:
        """Raises SettingsError where it is another's, IndexMismatchError where its rows are not for this model,
        StoreAwayError."""
        return self.read(lambda _: True, False)

    def look_again(self) -> None:
        """Forgets that it was there."""
        self._ready = False

    def read(self, what: Callable[[Any], T], nothing: T, *, missed: bool = False) -> T:
        """What `what` makes of the client, or `nothing` where there is no collection; `missed`: StoreAwayError where there was
        one, for a question must not take it for empty."""

        def wanted(client: Any) -> T:
            if self._ready or self._there(client):
                return what(client)
            if missed and (self._seen if self._directory is None else self._holds_ours()):
                raise self._lost()
            return nothing

        return self._line.call(lambda client: self._twice(wanted, client))

    def write(self, what: Callable[[Any], object]) -> None:
        """The same on a collection that is made where there is none. The caller holds the index's lock."""

        def written(client: Any) -> None:
            if not self._ready and not self._there(client):
                self._make(client)
            what(client)

        with self._writing:
            self._line.call(lambda client: self._twice(written, client))

    def tidy(self) -> None:
        """Drops what an index of this directory left that was thrown away since. The caller holds the index's lock."""
        with self._writing:
            if not self._ready:
                self._line.call(self._tidied)

    def _tidied(self, client: Any) -> None:
        if not self._there(client) and client.has_collection(self.name, timeout=WORK):
            client.drop_collection(self.name, timeout=WORK)

    def _twice(self, what: Callable[[Any], T], client: Any) -> T:
        """Once more, from the beginning, where the server was restarted or lost the collection."""
        try:
            return what(client)
        except Exception as error:
            if code_of(error) not in {_GONE, _UNLOADED}:
                raise
            self._ready = False
            return what(client)

    def _there(self, client: Any) -> bool:
        if not client.has_collection(self.name, timeout=WORK):
            return False
        told = client.describe_collection(self.name, timeout=WORK)
        self._check_owner(told.get("properties") or {})
        if self._directory is not None and not self._holds_ours():
            return False  # of this directory, before it was rebuilt
        self._check_shape(told)
        client.load_collection(self.name, timeout=WORK)
        self._ready, self._seen, self.lite = True, True, _is_lite(client)
        return True

    def _make(self, client: Any) -> None:
        from pymilvus import DataType

        if client.has_collection(self.name, timeout=WORK):
            client.drop_collection(self.name, timeout=WORK)
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("doc", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._dim)
        index = client.prepare_index_params()
        index.add_index("vector", index_type="AUTOINDEX", metric_type="IP")
        index.add_index("doc", index_type="INVERTED")
        client.create_collection(
            self.name,
            schema=schema,
            properties={_OWNER: self._owner(make=True), _VERSION: VERSION},
            consistency_level="Session",
            timeout=WORK,
        )
        client.create_index(self.name, index, timeout=WORK, sync=False)  # there is nothing to wait for yet
        client.load_collection(self.name, timeout=WORK)
        if self._directory is not None:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._note.write_text(self._place, encoding="utf-8")
        self._ready, self._seen, self.lite = True, True, _is_lite(client)

    def _lost(self) -> StoreAwayError:
        return StoreAwayError(
            f"the collection {self._place} is no longer on the server; to fill it again, run: python -m rag index;"
            " until then words alone find passages",
            f"服务器上已没有集合 {self._place}；要重新写入，请运行：python -m rag index；在此之前只按词语检索",
        )

    def _check_owner(self, properties: Mapping[str, str]) -> None:
        owner = properties.get(_OWNER)
        if owner is None:
            whose = "holds another program's data", "是其他程序的数据"
        elif self._directory is not None and owner != self._owner():
            whose = "belongs to another index directory", "属于另一个索引目录"
        else:
            return
        raise SettingsError(
            f"the collection {self._place} {whose[0]} and is left alone; give `store` another name, or drop it in Milvus",
            f"集合 {self._place} {whose[1]}，没有动它；请在 store 里换一个名称，或在 Milvus 中删除它",
        )

    def _check_shape(self, told: Mapping[str, Any]) -> None:
        fields = {field["name"]: field.get("params", {}).get("dim") for field in told["fields"]}
        version = (told.get("properties") or {}).get(_VERSION)
        if set(fields) != {"id", "doc", "vector"} or version != VERSION:
            have = "rows of another version of this program", "另一版本程序的数据"
        elif self._dim and int(fields["vector"]) != self._dim:
            dim = fields["vector"]
            have = (
                f"vectors of {dim} numbers, the model gives {self._dim}",
                f" {dim} 维的向量，而模型给出 {self._dim} 维",
            )
        else:
            return
        raise IndexMismatchError(
            f"the collection {self._place} holds {have[0]}; run: python -m rag rebuild",
            f"集合 {self._place} 中是{have[1]}；请运行：python -m rag rebuild",
        )

    @property
    def _place(self) -> str:
        return f"{self._line.uri}/{self.name}"

    @property
    def _note(self) -> Path:
        assert self._directory is not None
        return self._directory / f"{self.name}.milvus"

    def _holds_ours(self) -> bool:
        try:
            return self._note.read_text(encoding="utf-8") == self._place
        except OSError:
            return False

    def _owner(self, make: bool = False) -> str:
        """Of this index directory: survives a rebuild, and goes with the directory where that is moved."""
        if self._directory is None:
            return "anyone"
        path = self._directory.parent / "milvus.owner"
        with contextlib.suppress(OSError):
            return path.read_text(encoding="utf-8")
        owner = secrets.token_hex(16)
        if make:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(owner, encoding="utf-8")
        return owner


def _is_lite(client: Any) -> bool:
    return str(client.get_server_version(timeout=WORK)).startswith("milvus_lite")
