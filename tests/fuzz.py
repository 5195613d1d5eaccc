"""Fuzzing of every parser, and of what comes after it in the child that reads files (see tests/fuzz_child.py).

    python -m tests.fuzz --cases 20000 --seed 1 [--seconds N] [--only pdf,docx] [--keep FOLDER] [--workers 2]
    python -m tests.fuzz --case 1234 --seed 1        one case again, kept as a file
    python -m tests.fuzz --reduce FILE               the shortest bytes found that fail in the same way

Each case runs in a child process with limits of time and memory, so that one that hangs or crashes is seen and costs
only itself. The same seed gives the same cases.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from rag.intake.wire import receive, send
from tests.fuzz_cases import FORMATS, case

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 10.0  # of the processor, that a case may take …
PER_MB = 10.0  # … and for each megabyte of it: hundreds of thousands of lines are slow, though none slows the next
PATIENCE = 3.0  # times as long on the clock: the machine may be busy with other things
MEMORY_MB = 1024
LIFE = 400  # cases that one child reads
TWICE = 7  # one case in so many is read twice: the same bytes give the same result
ELSEWHERE = 41  # one in so many is read by another process too, with another order of hashing


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case."""

    number: int
    kind: str
    name: str
    end: str  # "read", "refused" or "fault"
    said: str = ""
    where: str = ""
    seconds: float = 0.0  # of the processor
    digest: str = ""

    @property
    def signature(self) -> str:
        """What faults of one cause have in common."""
        return f"{re.sub(r'[0-9]+', 'N', self.said)[:60]} @ {self.where.split(' < ')[0] or self.kind}"


class Child:
    """One reading process, started anew when it is gone or old."""

    def __init__(self, hashing: str = "random") -> None:
        self._environment = {**os.environ, "PYTHONHASHSEED": hashing, "PYTHONDONTWRITEBYTECODE": "1", "JUDIAN_OCR": ""}
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the child
        self._age = 0

    def read(self, data: bytes, name: str, *, twice: bool = False) -> dict[str, Any]:
        process = self._started()
        self._age += 1
        head = json.dumps({"name": name, "twice": twice}).encode()
        late = threading.Event()
        seconds = (SECONDS + PER_MB * len(data) / 1e6) * (1 + twice)
        limit = threading.Timer(seconds * PATIENCE, lambda: (late.set(), process.kill()))
        limit.start()
        try:
            send(process.stdin, len(head).to_bytes(4, "little") + head + data)
            answer = receive(process.stdout) if process.stdout else None
        except OSError:
            answer = None
        limit.cancel()
        if answer is not None:
            told: dict[str, Any] = json.loads(answer)
            if told["seconds"] > seconds and told["end"] != "fault":
                told |= {"end": "fault", "said": "slow", "where": self._place()}
            return told
        self.close()
        said = "hangs" if late.is_set() else f"crashes its reader ({process.returncode})"
        return {"end": "fault", "said": said, "where": self._place(), "digest": "", "seconds": SECONDS}

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                try:
                    if pipe is not None:
                        pipe.close()
                except OSError:  # what was not yet sent to a dead child
                    continue
        self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None or self._age >= LIFE:
            self.close()
            self._said.truncate(0)
            self._age = 0
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fuzz_child", str(SECONDS), str(MEMORY_MB)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, cwd=ROOT, env=self._environment,
            )  # fmt: skip
        return self._process

    def _place(self) -> str:
        """Where the last traceback of the child was, innermost first."""
        self._said.seek(0)
        last = re.split(rb"(?m)^(?:Timeout|Fatal)", self._said.read())[-1].decode(errors="replace")
        frames = re.findall(r'File "([^"]+)", line (\d+) in', last)
        ours = [
            f"{Path(f).relative_to(ROOT).as_posix()}:{line}" for f, line in frames if f.startswith(str(ROOT / "rag"))
        ]
        return " < ".join([*(f"{Path(f).name}:{line}" for f, line in frames[:1]), *ours[:4]])


@dataclass
class Tally:
    """What was found so far."""

    ends: dict[str, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in FORMATS})
    slowest: dict[str, Outcome] = field(default_factory=dict)
    faults: dict[str, list[Outcome]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        self.ends[outcome.kind][outcome.end] += 1
        slowest = self.slowest.get(outcome.kind)
        if slowest is None or outcome.seconds > slowest.seconds:
            self.slowest[outcome.kind] = outcome
        if outcome.end == "fault":
            self.faults.setdefault(outcome.signature, []).append(outcome)

    @property
    def cases(self) -> int:
        return sum(sum(ends.values()) for ends in self.ends.values())

    def table(self) -> str:
        rows = [
            "| format | cases | read | refused (ParseError) | faults | slowest case, s | its number |",
            "|---|--:|--:|--:|--:|--:|--:|",
        ]
        for kind, ends in self.ends.items():
            if ends:
                slow = self.slowest[kind]
                rows.append(
                    f"| {kind} | {sum(ends.values())} | {ends['read']} | {ends['refused']} | {ends['fault']} "
                    f"| {slow.seconds:.2f} | {slow.number} |"
                )
        total = sum(self.ends.values(), Counter())
        rows.append(f"| all | {self.cases} | {total['read']} | {total['refused']} | {total['fault']} | | |")
        return "\n".join(rows)

    def told(self) -> str:
        lines = [self.table(), "", f"{len(self.faults)} kinds of fault"]
        for signature, found in sorted(self.faults.items(), key=lambda pair: -len(pair[1])):
            first = found[0]
            lines.append(
                f"- {len(found)} × {signature}\n  {first.said}\n  {first.where}\n  cases "
                + " ".join(str(o.number) for o in found[:6])
            )
        return "\n".join(lines)


def run(
    numbers: Iterator[int], seed: int, only: Sequence[str] = FORMATS,
    *, seconds: float = 0, workers: int = 2, keep: Path | None = None,
) -> Tally:  # fmt: skip
    """Reads the cases of these numbers, for so many seconds at most (0: without end). Faults are kept as files."""
    tally, lock, began = Tally(), threading.Lock(), time.monotonic()
    failed: list[BaseException] = []

    def work() -> None:
        child, other = Child(), Child("1")
        try:
            read_on(child, other)
        except (
            BaseException
        ) as error:  # the fuzzer's own: raised where it is seen, or the rest would pass for a clean run
            failed.append(error)
        finally:
            child.close()
            other.close()

    def read_on(child: Child, other: Child) -> None:
        while not failed and (not seconds or time.monotonic() - began < seconds):
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            outcome, data = examined(seed, number, tuple(only), child, other)
            with lock:
                tally.add(outcome)
                if outcome.end == "fault" and len(tally.faults[outcome.signature]) <= 3:
                    print(f"case {number} {outcome.name}: {outcome.said} | {outcome.where}", flush=True)
                if tally.cases % 500 == 0:
                    print(
                        f"{tally.cases} cases, {len(tally.faults)} kinds of fault, {time.monotonic() - began:.0f} s",
                        flush=True,
                    )
                if outcome.end == "fault" and keep and len(tally.faults[outcome.signature]) <= 3:
                    (keep / f"{seed}_{number}_{outcome.name}").write_bytes(data)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return tally


def examined(seed: int, number: int, only: tuple[str, ...], child: Child, other: Child) -> tuple[Outcome, bytes]:
    kind, name, data = case(seed, number, only)
    told = child.read(data, name, twice=number % TWICE == 0)
    if number % ELSEWHERE == 0 and told["end"] != "fault":
        again = other.read(data, name)
        if again["digest"] != told["digest"]:
            told |= {"end": "fault", "said": f"another process gave another result: {again['said']}"}
    return Outcome(
        number, kind, name, **{key: told[key] for key in ("end", "said", "where", "seconds", "digest")}
    ), data


def reduce(path: Path) -> bytes:
    """The shortest bytes found that fail as the file does: pieces are left out while the fault stays."""
    child, data, name = Child(), path.read_bytes(), f"case{path.suffix}"

    def fault(held: bytes) -> str:
        told = child.read(held, name)
        found = Outcome(0, path.suffix, name, told["end"], told["said"], told["where"])
        return found.signature if found.end == "fault" else ""

    wanted, size = fault(data), len(data) // 2
    print(wanted or "no fault")
    while wanted and size:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + size :]
            if fault(shorter) == wanted:
                data = shorter
            else:
                at += size
        size //= 2
    child.close()
    return data


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fuzzes every parser.")
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seconds", type=float, default=0, help="stop after so many")
    parser.add_argument("--only", default=",".join(FORMATS), help="formats, with commas between")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--keep", type=Path, default=Path(tempfile.gettempdir()) / "judian-fuzz", help="where faults go"
    )
    parser.add_argument("--case", type=int, help="one case alone")
    parser.add_argument("--reduce", type=Path, help="a file to shorten")
    told = parser.parse_args(arguments)
    told.keep.mkdir(parents=True, exist_ok=True)
    only = tuple(told.only.split(","))
    if told.reduce:
        made = told.keep / f"reduced_{told.reduce.name}"
        made.write_bytes(reduce(told.reduce))
        print(made, made.stat().st_size, "bytes")
        return 0
    numbers = itertools.count(told.first) if told.case is None else [told.case]
    if told.case is not None:
        _, name, data = case(told.seed, told.case, only)
        (told.keep / f"{told.seed}_{told.case}_{name}").write_bytes(data)
    began = time.monotonic()
    tally = run(
        itertools.islice(iter(numbers), told.cases), told.seed, only,
        seconds=told.seconds, workers=told.workers, keep=told.keep,
    )  # fmt: skip
    print(tally.told())
    print(f"{tally.cases} cases in {time.monotonic() - began:.0f} s")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
