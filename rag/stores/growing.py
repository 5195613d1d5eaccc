"""What `faiss:` opens: exact while that is fast, clustered beyond, and from one to the other by itself.

A few vectors are one exact part (`flat`). Of more, most lie in a part that never changes, its base, and what was added since
in an exact one beside it; what was removed from the base is a bitmap. When either has grown enough, `flush` makes a new base
of both, while searches go on (`due`). The base compares all vectors too (`settled`) up to LARGEST_EXACT, and beyond that those
of the nearest clusters (`ivf`).

On disk, FILE is the state in force: the exact part, the bitmap, and in its head the name and checksum of the base's
files. They are written first and FILE is renamed last, so that a kill at any moment leaves the state before. What no
FILE names is deleted by the next flush, but for centroids that were being used.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.protocols import Vectors
from rag.stores.calibrate import Asked, OwnQueries, Probing, calibrated
from rag.stores.cluster import TRAINED, Rows, drawn, emptied, write_part
from rag.stores.due import counted_again, drawn_again, due
from rag.stores.flat import ExactPart, digest_of, digests_of
from rag.stores.gate import Gate
from rag.stores.ivf import ClusteredPart, open_part
from rag.stores.memory import checked, unit_query
from rag.stores.scan import Bits, bits
from rag.stores.sealed import signature
from rag.stores.settled import SettledPart, open_settled, write_settled
from rag.stores.state import FILE, Seen, State, check_state, load_state, read_state, write_state


class FaissStore:
    """A `VectorStore` kept in `directory`; what was added since the last `flush` is lost with the program. `own_queries`
    makes up questions for measuring recall while few have been asked. Raises IndexBrokenError, IndexMismatchError."""

    def __init__(self, dim: int, directory: Path, own_queries: OwnQueries | None = None) -> None:
        self.dim = dim
        self.path = Path(directory) / FILE
        self._own_queries = own_queries
        self._asked = Asked()
        self._changing = threading.Lock()  # held by whatever changes the store, for as long as that takes
        self._gate = Gate()  # … and shut only while what searches see is changed
        # The last filter, for the exact part and the base.
        self._filtered: tuple[frozenset[str], Bits, Any] | None = None
        self._alive: Bits | None = None  # what is left of the base
        self._take(*load_state(self.path, dim))

    # -- the contract ----------------------------------------------------------------------------------------------

    def add(self, ids: Sequence[int], doc_ids: Sequence[str], vectors: Vectors) -> None:
        numbers, docs, rows = checked(ids, doc_ids, vectors, self.dim)
        if not len(numbers):
            return
        known = {doc: digest_of(doc) for doc in set(docs)}
        with self._changing:
            held = self._held(numbers)
            with self._gate.writing(), self._whole():
                self._forget(*held)
                self._state.exact.add(numbers, [known[doc] for doc in docs], rows)
                self._changed()

    def search(self, vector: Vectors, k: int, doc_ids: Collection[str] | None = None) -> list[tuple[int, float]]:
        query = unit_query(vector, self.dim)
        if k <= 0:
            return []
        self._asked.note(query)
        with self._gate.reading():
            state = self._state
            near, far = (None, None) if doc_ids is None else self._scopes(doc_ids)
            found = state.exact.search(query, k, near)
            if state.base is not None:
                nprobe = state.probing.nprobe if state.probing is not None else 0
                found += state.base.search(query, k, nprobe, self._left, far)
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def remove(self, doc_ids: Collection[str]) -> None:
        digests = digests_of(set(doc_ids))
        with self._changing:
            base = self._state.base
            among = base.among(digests) if base is not None else None
            gone = np.empty(0, dtype=np.int64) if among is None else np.flatnonzero(among & ~self._state.gone)
            self._remove(self._state.exact.of(digests), gone)

    def flush(self) -> None:
        with self._changing:
            changed = self._dirty or not self.path.exists()
            match due(self._state, changed, self._newly_asked):
                case "cluster":
                    self._cluster()
                case "settle":
                    self._settle()
                case "exact":
                    self._become(self._all_exact())
                case "calibrate":
                    self._become(replace(self._state, probing=self._counted_again()))
                case "write":
                    self._become(self._state)
            self._tidy()

    # -- beyond it -------------------------------------------------------------------------------------------------

    def discard(self, ids: NDArray[np.int64]) -> None:
        """Forgets the vectors of these ids; unknown ones are ignored."""
        with self._changing:
            self._remove(*self._held(np.asarray(ids, dtype=np.int64)))

    def reload(self) -> None:
        """Takes what another process has written since; what was added here and not flushed is dropped then."""
        with self._changing:
            if signature(self.path) != self._seen:
                loaded = load_state(self.path, self.dim)
                with self._gate.writing():
                    self._take(*loaded)

    def purge(self) -> None:
        """Takes what was removed out of the files too, at once instead of with the next merge."""
        with self._changing:
            if self._state.gone.any():
                if not self._state.count:
                    self._become(self._all_exact())
                elif isinstance(self._state.base, ClusteredPart):
                    self._cluster()
                else:
                    self._settle()
                self._tidy()

    def ids(self) -> NDArray[np.int64]:
        """Every id held, sorted."""
        with self._gate.reading():
            return np.sort(Rows(*self._rows).ids)

    def check(self) -> list[str]:
        """Reads every byte of the files and says what is wrong; empty: nothing."""
        return check_state(self.path)

    @property
    def count(self) -> int:
        return self._state.count

    @property
    def stamp(self) -> str:
        """Of what is durable; "": nothing."""
        return self._state.stamp

    @property
    def probing(self) -> Probing | None:
        """How the clustered part is searched; None where there is none."""
        return self._state.probing

    # -- changing --------------------------------------------------------------------------------------------------

    @property
    def _rows(self) -> tuple[ClusteredPart | SettledPart | None, NDArray[np.bool_], ExactPart]:
        return self._state.base, self._state.gone, self._state.exact

    def _held(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where these ids are: positions of the exact part, and of the base."""
        base, gone, exact = self._rows
        far = base.positions(ids) if base is not None else np.empty(0, dtype=np.int64)
        return exact.positions(ids), far[~gone[far]]

    def _remove(self, near: NDArray[np.int64], far: NDArray[np.int64]) -> None:
        if len(near) or len(far):
            with self._gate.writing(), self._whole():
                self._forget(near, far)
                self._changed()

    def _forget(self, near: NDArray[np.int64], far: NDArray[np.int64]) -> None:
        self._state.exact.remove(near)
        self._state.gone[far] = True

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """A change that is broken off (Ctrl-C, no memory) would leave ids beside others' vectors: then what the files hold
        counts again. Documents that were not flushed are waiting in the library still."""
        try:
            yield
        except BaseException:
            self._take(*load_state(self.path, self.dim))
            raise

    def _changed(self) -> None:
        self._dirty = True
        self._filtered = self._alive = None

    def _take(self, state: State, seen: Seen | None) -> None:
        self._state, self._seen, self._dirty = state, seen, False
        self._filtered = self._alive = None

    @property
    def _left(self) -> Bits | None:
        """What is left of the base; None: all."""
        if self._alive is None and self._state.gone.any():
            self._alive = bits(~self._state.gone)
        return self._alive

    def _scopes(self, doc_ids: Collection[str]) -> tuple[Bits, Any]:
        """What a filter lets through of the exact part and of the base. That of the last filter is remembered."""
        base, gone, exact = self._rows
        wanted = frozenset(doc_ids)
        kept = self._filtered
        if kept is None or (kept[0] is not wanted and kept[0] != wanted):
            digests = digests_of(wanted)
            among = base.among(digests) if base is not None else None
            mask = among & ~gone if among is not None else np.zeros(len(gone), dtype=bool)
            far = base.scope(mask) if base is not None else None
            kept = self._filtered = wanted, exact.bits_of(digests), far
        return kept[1:]

    # -- growing and writing ---------------------------------------------------------------------------------------

    @property
    def _newly_asked(self) -> bool:
        """Whether recall was measured on made-up questions, and enough real ones have come since."""
        probing = self._state.probing
        return probing is not None and not probing.asked and self._asked.enough

    def _settle(self) -> None:
        """A new settled part of all that is held, and an empty exact one."""
        directory, name = self.path.parent, self._name
        stamp = write_settled(directory, name, Rows(*self._rows))
        made = open_settled(directory, name, self.dim, stamp, whole=False)
        self._become(State(ExactPart(self.dim), made, np.zeros(made.count, dtype=bool), None, 0, ""))

    @property
    def _name(self) -> str:
        """Of the part that is made next; none that is there: FILE may name it, where a flush was broken off at its end."""
        names = (f"base-{number}" for number in count(self._state.generation + 1))
        return next(name for name in names if not any(self.path.parent.glob(f"{name}.*")))

    def _cluster(self) -> None:
        """A new clustered part of all that is held, and an empty exact one."""
        base, gone, exact = self._rows
        rows = Rows(base, gone, exact)
        directory = self.path.parent
        name, again = self._name, drawn_again(len(rows), base)
        empty = emptied(base, rows) if isinstance(base, ClusteredPart) and not again else drawn(directory, rows)
        stamp = write_part(directory, name, rows, empty, again)
        made = open_part(directory, name, self.dim, stamp, whole=False)
        probing = self._state.probing
        if again or probing is None or counted_again(len(rows), probing.count) or self._newly_asked:
            probing = calibrated(made, rows, self._asked.vectors(self.dim), self._own_queries)
        self._become(State(ExactPart(self.dim), made, np.zeros(made.count, dtype=bool), probing, 0, ""))
        with suppress(OSError):
            (directory / TRAINED).unlink(missing_ok=True)

    def _counted_again(self) -> Probing | None:
        """On what users have asked since."""
        base, gone, _ = self._rows
        if not isinstance(base, ClusteredPart):
            return None
        rows, asked = Rows(base, gone, ExactPart(self.dim)), self._asked.vectors(self.dim)
        return calibrated(base, rows, asked, self._own_queries, bits(~gone))

    def _all_exact(self) -> State:
        exact = ExactPart(self.dim)
        rows = Rows(*self._rows)
        digests, docs = rows.documents()
        at = 0
        for ids, halves in rows.chunks():
            exact.add(ids, digests[docs[at : at + len(ids)]].tolist(), halves)
            at += len(ids)
        return State(exact, None, np.zeros(0, dtype=bool), None, 0, "")

    def _become(self, state: State) -> None:
        """Writes a state, which then is in force: here, and for whoever opens the store."""
        self._dirty = True  # where this is broken off, FILE may be another one already: the next flush writes it again
        written = write_state(self.path, state, self._state.generation + 1)
        with self._gate.writing():
            self._take(written, signature(self.path))

    def _tidy(self) -> None:
        """Deletes the files of states that are no more."""
        base = self._state.base
        kept = {TRAINED}  # what was being made when the program was stopped: the next time goes on from there
        if base is not None:
            kept |= {f"{base.name}.{suffix}" for suffix in ("flat", "ivf", "rows")}
        for path in (*self.path.parent.glob("base*"), *self.path.parent.glob(".base*")):
            if path.name not in kept:
                with suppress(OSError):  # where a file that is still mapped cannot be deleted, a later flush does it
                    path.unlink(missing_ok=True)


def purge_files(directory: Path) -> tuple[str, str]:
    """`FaissStore.purge` for the files there; the stamps before and after. The caller holds the writer's lock."""
    path = Path(directory) / FILE
    if not path.exists():
        return "", ""
    store = FaissStore(int(read_state(path).head["dim"]), Path(directory))
    before = store.stamp
    store.purge()
    return before, store.stamp
