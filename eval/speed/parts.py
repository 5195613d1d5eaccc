"""The parts of the measurement: which there are, the steps that each takes, and what is kept of a part that is done."""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval import cost
from eval.export import put
from eval.speed.job import TINY, Job
from rag.errors import DataError

ROOT = Path(__file__).resolve().parent.parent.parent
SIZED = ("build", "question", "memory", "open", "growth")
"""Measured at each size; each needs the library that `build` makes."""
ONCE = ("indexing", "start", "peers", "load")
OPTIONAL = frozenset({"peers", "load"})
Step = Callable[[Job], dict[str, Any]]
"""Does the step `job.part` and returns its figures. Raises RagError, OSError."""


def planned(sizes: Sequence[int], only: Sequence[str] = (), extra: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """(part, size) in order, size 0 for what has none: all but the optional parts, or those of `only`; `extra` are wanted as
    well."""
    chosen = {*(only or [part for part in (*ONCE, *SIZED) if part not in OPTIONAL]), *extra}
    yield from ((part, 0) for part in ONCE[:1] if part in chosen)
    for size in sorted(sizes):
        yield from ((part, size) for part in SIZED if part in chosen)
    yield from ((part, 0) for part in ONCE[1:] if part in chosen)


def measured(part: str, job: Job, step: Step) -> dict[str, Any]:
    """The figures of a part. Raises RagError, OSError."""
    if part in SIZED and part != "build":
        step(replace(job, part="build"))  # at once where the library is there
    if part == "memory":
        steady, models = step(replace(job, part="steady")), step(replace(job, part="models"))
        return memory(steady, models)
    if part == "open":
        step(replace(job, part="build", size=TINY))
        return opening([step(replace(job, part="open")) for _ in range(job.rounds)])
    return step(replace(job, part=part))


def memory(steady: Mapping[str, Any], models: Mapping[str, Any]) -> dict[str, Any]:
    """What a library adds to the models, MB."""
    whole, alone = steady["steady_mb"], models["steady_mb"]
    return {
        "beyond_mb": round(whole["rss"] - alone["rss"], 1),
        "models_mb": alone["rss"],
        "whole_mb": whole["rss"],
        "opened_mb": steady["opened_mb"]["rss"],
        "by": {name: round(whole[name] - alone[name], 1) for name in whole if name in alone},
        "questions": steady["questions"],
    }


def opening(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Seconds, medians of the rounds."""
    large = [one["first_answer_s"]["answered"] for one in rounds]
    small = [one["tiny_s"]["answered"] for one in rounds]
    beyond = [a - b for a, b in zip(large, small, strict=True)]
    return {
        "first_answer_s": round(statistics.median(large), 4),
        "opened_s": round(statistics.median(one["first_answer_s"]["opened"] for one in rounds), 4),
        "tiny_s": round(statistics.median(small), 4),
        "beyond_s": round(statistics.median(beyond), 4),
        "rounds": [round(value, 4) for value in beyond],
    }


def apart(job: Job) -> dict[str, Any]:
    """A `Step` in a process of its own; what it says goes to stderr. Raises DataError where it fails."""
    with tempfile.TemporaryDirectory(prefix="judian-speed-") as place:
        asked, answer = Path(place) / "job.json", Path(place) / "result.json"
        asked.write_text(job.written(), encoding="utf-8")
        command = [sys.executable, "-m", "eval.speed.child", str(asked), str(answer)]
        code = subprocess.run(command, cwd=ROOT, stdout=sys.stderr.fileno()).returncode
        if code or not answer.is_file():
            raise DataError(
                f"speed: the step '{job.part}' ended with exit code {code}; what it said stands above",
                f"speed：步骤 {job.part} 以退出码 {code} 结束；原因见上",
            )
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found


class Kept:
    """The parts that are done, one file each under `parts/`."""

    def __init__(self, out: Path) -> None:
        self._folder = out / "parts"
        self.code, self.machine = code(), cost.machine()

    def read(self, key: str, job: Job) -> dict[str, Any] | None:
        """The figures of a part that the same code measured on the same kind of machine with the same job."""
        told = self._told(key)
        same = (
            told.get("code") == self.code and told.get("machine") == self.machine and told.get("job") == job.written()
        )
        return told["result"] if same else None

    def write(self, key: str, job: Job, result: Mapping[str, Any]) -> None:
        """Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        told = {"code": self.code, "machine": self.machine, "job": job.written(), "result": result}
        put(self._folder / f"{key}.json", json.dumps(told, ensure_ascii=False, indent=1) + "\n")

    def all(self) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """Every part that there is, and the names of those that other code, or another kind of machine, measured."""
        held = {path.stem: self._told(path.stem) for path in sorted(self._folder.glob("*.json"))}
        other = [key for key, told in held.items() if (told["code"], told["machine"]) != (self.code, self.machine)]
        return {key: told["result"] for key, told in held.items()}, other

    def _told(self, key: str) -> dict[str, Any]:
        path = self._folder / f"{key}.json"
        if not path.is_file():
            return {}
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


def code() -> str:
    """Identity of the program that is measured and of what measures it, 12 characters."""
    sha = hashlib.sha256()
    for path in sorted([*(ROOT / "rag").rglob("*.py"), *(ROOT / "eval" / "speed").glob("*.py"), ROOT / "app.py"]):
        sha.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()[:12]
