"""The state of a store on disk: one file that is in force, and the clustered part that its head names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexBrokenError, IndexMismatchError
from rag.stores.calibrate import Probing
from rag.stores.flat import ExactPart
from rag.stores.ivf import ClusteredPart, check_part, open_part, part_files
from rag.stores.sealed import Sealed, broken, read_sealed, signature, write_sealed
from rag.stores.settled import SettledPart, check_settled, open_settled, settled_file

FILE = "vectors.faiss"
_CHECKED = 256 << 20  # bytes of a store up to which opening verifies them all; beyond, only those of FILE
_TRIES = 5  # another process may replace the files between two looks

Seen = tuple[int, int, int]
"""What tells a file from the one that replaces it."""


@dataclass(frozen=True, slots=True)
class State:
    exact: ExactPart
    base: ClusteredPart | SettledPart | None
    gone: NDArray[np.bool_]  # positions of the base
    probing: Probing | None
    generation: int
    stamp: str

    @property
    def count(self) -> int:
        return self.exact.count + len(self.gone) - int(self.gone.sum())


def empty(dim: int) -> State:
    return State(ExactPart(dim), None, np.zeros(0, dtype=bool), None, 0, "")


def write_state(path: Path, state: State, generation: int) -> State:
    """Writes what then is in force for whoever opens the store. Raises RagError."""
    head: dict[str, Any] = {"dim": state.exact.dim, "generation": generation, "base": None}
    if state.base is not None:
        counted = state.probing.head() if state.probing is not None else {}  # None: it is settled
        head["base"] = {"name": state.base.name, "stamp": state.base.stamp, **counted}
    arrays = state.exact.arrays() | {"gone": np.packbits(state.gone, bitorder="little")}
    stamp = write_sealed(path, head, arrays)
    found = read_sealed(path, whole=False)
    return replace(state, exact=state.exact.kept_in(path, found), generation=generation, stamp=stamp)


def load_state(path: Path, dim: int) -> tuple[State, Seen | None]:
    """The state in force. Raises IndexBrokenError, IndexMismatchError."""
    for attempt in range(_TRIES):
        seen = signature(path)
        if seen is None:
            return empty(dim), None
        try:
            return _opened(path, dim, read_state(path)), seen
        except FileNotFoundError as error:
            if attempt == _TRIES - 1 or signature(path) == seen:  # else another process has just replaced it
                raise broken(path, f"{Path(str(error.filename)).name} is missing") from error
    raise broken(path, "it changes all the time")


def read_state(path: Path) -> Sealed:
    found = read_sealed(path)
    try:
        if int(found.head["dim"]) < 1:
            raise ValueError("no dimension")
    except (KeyError, TypeError, ValueError) as error:
        raise broken(path, error) from error
    return found


def _opened(path: Path, dim: int, found: Sealed) -> State:
    head = found.head
    if head["dim"] != dim:
        raise IndexMismatchError(
            f"{path} holds vectors of {head['dim']} numbers, the model gives {dim}; run: python -m rag rebuild",
            f"{path} 中的向量是 {head['dim']} 维，而模型给出 {dim} 维；请运行：python -m rag rebuild",
        )
    try:
        exact = ExactPart.of_file(dim, path, found)
        base: ClusteredPart | SettledPart | None = None
        probing = None
        if head["base"]:
            name, stamp = str(head["base"]["name"]), str(head["base"]["stamp"])
            files = (path, *base_files(path.parent, head["base"]))
            whole = sum(file.stat().st_size for file in files) <= _CHECKED
            if _is_settled(head["base"]):
                base = open_settled(path.parent, name, dim, stamp, whole)
            else:
                probing = Probing.of_head(head["base"])
                base = open_part(path.parent, name, dim, stamp, whole)
        count = base.count if base is not None else 0
        gone = np.unpackbits(found.arrays["gone"], count=count, bitorder="little").astype(bool)
        return State(exact, base, gone, probing, int(head["generation"]), found.stamp)
    except (KeyError, TypeError, ValueError) as error:
        raise broken(path, error) from error


def base_files(directory: Path, base: Mapping[str, Any]) -> tuple[Path, ...]:
    """The files of the part that a head names; the last holds the ids."""
    name = str(base["name"])
    return (settled_file(directory, name),) if _is_settled(base) else part_files(directory, name)


def _is_settled(base: Mapping[str, Any]) -> bool:
    return "nprobe" not in base


def saved_ids(directory: Path) -> NDArray[np.int64]:
    """Every id in the files of a store, those that were removed and not yet taken out too. Raises IndexBrokenError."""
    path = Path(directory) / FILE
    if not path.exists():
        return np.empty(0, dtype=np.int64)
    found = read_state(path)
    ids = np.array(found.arrays["ids"])
    if found.head["base"]:
        rows = read_sealed(base_files(path.parent, found.head["base"])[-1])
        ids = np.concatenate([ids, rows.arrays["ids"]])
    return np.unique(ids)


def old_ids(path: Path) -> NDArray[np.int64]:
    """The ids in a file of the layout before this one: a line, SHA-256, the length of a JSON head, the head, ids, vectors."""
    try:
        data = path.read_bytes()
        at = data.index(b"\n") + 33
        length = int.from_bytes(data[at : at + 8], "little")
        count = int(json.loads(data[at + 8 : at + 8 + length])["count"])
        return np.frombuffer(data, dtype=np.int64, count=count, offset=at + 8 + length)
    except (FileNotFoundError, ValueError, KeyError):  # what cannot be read as such will be written over
        return np.empty(0, dtype=np.int64)


def check_state(path: Path) -> list[str]:
    """Reads every byte of the files and says what is wrong; empty: nothing."""
    if not path.exists():
        return []
    try:
        base = read_state(path).head["base"]
        check = check_settled if base and _is_settled(base) else check_part
        wrong = check(path.parent, str(base["name"]), str(base["stamp"])) if base else ""
    except (IndexBrokenError, KeyError, TypeError) as error:
        wrong = str(error)
    return [wrong] if wrong else []
