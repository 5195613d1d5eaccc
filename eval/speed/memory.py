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
