"""What a process holds in memory, told apart: what is its own, and what it merely maps from files."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eval import cost

_EVERY = 0.1  # seconds between two looks
_KEYS = {"Rss": "rss", "Pss": "pss", "Anonymous": "anonymous"}
MB = 1 << 20
_PIECE = 8 << 20  # bytes read at a time


def held(collect: bool = True) -> dict[str, float]:
    """MB (2**20 bytes) of this process now: `rss` resident, `pss` the same with what is shared divided, `anonymous` its own
    and not of any file. Where the system does not tell them apart (all but Linux), `rss` alone."""
    if collect:
        gc.collect()
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii", errors="replace").splitlines()
        told = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
        return {name: round(told[key] / 1024, 1) for key, name in _KEYS.items() if key in told}
    size = cost.steady_bytes()
    return {} if size is None else {"rss": round(size / MB, 1)}


class Peaks:
    """The most that this process and the children it started have held, by stage: looked at ten times a second."""

    def __init__(self) -> None:
        self.stage = ""
        self.mb: dict[str, float] = {}
        self.children_mb = 0.0
        self._done = threading.Event()

    def look(self) -> None:
        self.mb[self.stage] = max(self.mb.get(self.stage, 0.0), (cost.steady_bytes() or 0) / MB)
        self.children_mb = max(self.children_mb, _of_children() / MB)

    @contextmanager
    def watching(self) -> Iterator[Peaks]:
        thread = threading.Thread(target=self._watch, name="judian-peaks", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._done.set()
            thread.join()
            self.look()

    def _watch(self) -> None:
        while not self._done.wait(_EVERY):
            self.look()

    def told(self) -> dict[str, float]:
        """MB by stage; `children` those of the processes that read files."""
        return {**{name: round(mb, 1) for name, mb in self.mb.items() if name}, "children": round(self.children_mb, 1)}


def _of_children() -> int:
    """Bytes that the children of this process hold; 0 where the system does not tell."""
    total = 0
    with suppress(OSError, ValueError, IndexError):
        for task in Path("/proc/self/task").iterdir():
            for pid in (task / "children").read_text(encoding="ascii").split():
                with suppress(OSError, ValueError, IndexError):
                    total += int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return total * (os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0)


def uncached(folder: Path) -> None:
    """Asks the system to forget what it keeps of the files in a folder: they are then read from the disk."""
    if hasattr(os, "posix_fadvise"):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                with suppress(OSError), path.open("rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cached(folder: Path) -> bool:
    """Reads the files of a folder, so that the system keeps them as it does where they are in use; whether it may keep all, as
    they are less than half of the memory."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    if sum(path.stat().st_size for path in files) > pages // 2:
        return False
    for path in files:
        with suppress(OSError), path.open("rb") as file:
            while file.read(_PIECE):
                pass
    return True
