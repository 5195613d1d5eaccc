"""Connections to the library's file: one that writes, and for readers one each, in a write-ahead log beside each other."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rag.errors import BusyError, IndexBrokenError, IndexMismatchError
from rag.library import schema
from rag.library.file import inode, translated
from rag.library.schema import FORMAT

_PATIENCE = 10  # seconds to wait for another process's transaction
_IDLE = 8  # connections kept for the next readers
_CACHE_KB = 1024  # of pages that a connection keeps; the system keeps the file, once for all
_LOG_BYTES = 64 << 20  # to which a log that one large change has made longer is cut again


class Connections:
    """Opens (or makes) the SQLite file at `path`, and brings it to this format; `reading`: not beside another process that
    may be writing it, BusyError. Safe to use from several threads.

    Every method raises IndexBrokenError for a damaged file, BusyError when another process holds it for writing or it was
    closed."""

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        with self._guard():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.writer = self.connect()
            try:
                self._prepare(reading)
            except BaseException:
                self.writer.close()
                raise
            self.inode = inode(self.path)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._close_idle()
            self.writer.close()

    def settle(self) -> None:
        """Makes durable what was written without being so at once."""
        with self._guard():
            try:
                log = os.open(f"{self.path}-wal", os.O_RDWR)
            except FileNotFoundError:  # nothing was written since it was last cleared
                return
            try:
                os.fsync(log)
            finally:
                os.close(log)

    def _close_idle(self) -> None:
        with suppress(IndexError):  # two threads may be at it
            while True:
                self._idle.pop().close()

    def connect(self) -> sqlite3.Connection:
        # Threads hand connections on but never share one at the same time: see _read.
        db = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA foreign_keys = ON")
        db.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        return db

    def _prepare(self, reading: bool) -> None:
        db = self.writer
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if application != schema.APPLICATION and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise IndexBrokenError(
                f"{self.path} is not a library of this program; name another index directory (index_dir)",
                f"{self.path} 不是本程序的资料库；请用 index_dir 指定别的索引目录",
            )
        if application == schema.APPLICATION and version > FORMAT:
            raise IndexMismatchError(
                f"{self.path} has format {version}, this program reads up to {FORMAT}: a newer version wrote it; update the"
                " program, or name another index directory (index_dir)",
                f"{self.path} 的格式是 {version}，本程序最高只读 {FORMAT}：它由更新的版本写成；请升级程序，或用 index_dir 另指定索引目录",
            )
        if reading and application == schema.APPLICATION and version < FORMAT:
            raise BusyError(
                f"an earlier version of this program wrote {self.path} (format {version}, now {FORMAT}), and another process"
                " holds it; wait until that is done, or stop it, then run: python -m rag index",
                f"{self.path} 由本程序的旧版本写成（格式 {version}，现为 {FORMAT}），且正被另一个进程使用；"
                "请等它完成，或先停止它，再运行：python -m rag index",
            )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        db.execute("PRAGMA secure_delete = ON")
        if application != schema.APPLICATION or version < FORMAT:
            db.execute("PRAGMA foreign_keys = OFF")  # while tables are replaced
            db.execute("BEGIN IMMEDIATE")
            try:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    schema.create(db)
                elif version < FORMAT:  # else another process was first
                    schema.migrate(db, version)
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("PRAGMA foreign_keys = ON")

    def clear_log(self) -> None:
        with self._lock, self._guard():
            # The log still holds the old pages; where a long reader is at work a later checkpoint does this.
            self.writer.execute("PRAGMA busy_timeout = 500")
            self.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self.writer.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000}")

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection of one's own inside one snapshot."""
        with self._guard():
            self._refuse_closed()
            try:
                db = self._idle.pop()
            except IndexError:
                db = self.connect()
            try:
                db.execute("BEGIN")
                yield db
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                if len(self._idle) < _IDLE:
                    self._idle.append(db)
                else:
                    db.close()
                if self._closed:  # asked only now: `close` looks at what is idle once
                    self._close_idle()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction, on disk when it ends; with `durable` False when a later one is, or `settle` was called."""
        with self._lock, self._guard():
            self._refuse_closed()
            self.writer.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self.writer.execute("BEGIN IMMEDIATE")
            try:
                yield self.writer
                self.writer.execute("COMMIT")
            except BaseException:
                if self.writer.in_transaction:
                    self.writer.execute("ROLLBACK")
                raise

    def _refuse_closed(self) -> None:
        if self._closed:
            raise BusyError(f"{self.path} was closed; open it again", f"{self.path} 已关闭；请重新打开")

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise translated(self.path, error) from error
