"""Whether a folder has changed, by names, sizes and times alone: cheap for a few files, and for very many not on anybody's
time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

EVERY = 0.2  # seconds between two looks at the folder, at least; twenty times what a look takes, where that is more
BRIEF = 0.05  # seconds that a look may take of a question's time; a longer one is taken beside it

Listing = tuple[int, int]
"""How many files a folder has, and a digest of their names, sizes and times: good for this process only."""


def listing(folder: Path) -> Listing:
    count = digest = 0
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listed:
                entries = list(listed)
        except OSError:
            continue  # gone, not ours to read, or on a disk that is away just now
        for entry in entries:
            if entry.name.startswith((".", "~$")):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                    continue
                if entry.is_dir():
                    continue  # a link to a folder is not followed
                stat = entry.stat()
            except OSError:
                continue  # gone between the listing and the look: the next look sees it as removed
            count += 1
            digest = (digest + hash((entry.path, stat.st_size, stat.st_mtime_ns))) & 0xFFFFFFFFFFFFFFFF
    return count, digest


class Lookout:
    """Looks at a folder now and then. Safe to use from several threads."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.seen: Listing | None = None  # the folder as it was last read, or is being read; None: to be read again
        self.after = 0.0  # on the monotonic clock: no look before
        self._took = 0.0
        self._looking = threading.Lock()

    def now(self) -> Listing:
        """The folder as it is."""
        return listing(self.folder) if self.folder else (0, 0)

    def changed(self) -> bool:
        """True when a file was added, changed or removed since `seen`. Does not look again at once, nor while another
        thread looks."""
        if self.folder is None or time.monotonic() < self.after or not self._looking.acquire(blocking=False):
            return False
        try:
            began = time.monotonic()
            now = self.now()
            self._took = time.monotonic() - began
            self.after = began + max(EVERY, 20 * self._took)
        finally:
            self._looking.release()
        return now != self.seen

    def look(self, then: Callable[[], None]) -> bool:
        """Calls `then` where the folder has changed, and says whether it had. Where looking takes long it is done in a thread
        of its own, and this returns False at once."""
        if self._took > BRIEF:
            if time.monotonic() >= self.after and not self._looking.locked():
                threading.Thread(target=self._look, args=(then,), name="judian-look", daemon=True).start()
            return False
        return self._look(then)

    def _look(self, then: Callable[[], None]) -> bool:
        found = self.changed()
        if found:
            then()
        return found
