"""Many people asking at once: how long each waits, how many are served, in what order, and what is refused.

    python -m eval load [SET …] [--askers 1,8,32,128] [--seconds 20] [--corpus FOLDER] [--out FILE]

Starts the chat as `python app.py` does, in a process of its own, and lets N people ask at once for some seconds, each one
question after the other, over what the page itself uses: the queue and its events. The first number of askers is 1: all
ratios are to that, in the same run. The askers share the machine with the server.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import random
import sys
import threading
import time
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from eval.metrics import percentile
from eval.served import Program, Reply, Served, Visitor
from eval.steps import HERE, Wanted, asked_of
from rag.errors import DataError

DEFAULT_SETS = ("article-dev", "article-more", "article-test")
AGAIN = 1.0  # seconds after which somebody who was turned away asks the same again
LATER = 0.25  # seconds: what is sent within them is sent at the same time
OPENINGS = (
    ("", ""), ("请问，", "Please: "), ("想了解一下，", "I wonder: "), ("麻烦问一下，", "May I ask: "), ("请告诉我，", "Tell me: "),
)  # fmt: skip
MANY = 32  # the number of askers that the targets speak of
BUSIER = 1.5  # times one asker's answers a second, at least


class Asker(Protocol):
    """One who asks and waits for the answer."""

    def ask(self, question: str) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """One question that was answered: by whom it was asked, when it was sent and answered, in seconds of one clock."""

    asker: int
    sent: float
    done: float


@dataclass(frozen=True, slots=True)
class Level:
    """So many asking at once. Times in milliseconds from sending a question to its last word; `overtaken`: how many that
    asked `LATER` were answered before, at the median and at most; `least`, `most`: answers to one asker; `cpu_ms`: the
    server's processor time for one answer, where the system tells it."""

    askers: int
    answers: int
    per_second: float
    mean: float
    p50: float
    p95: float
    p99: float
    turned_away: int
    errors: int
    least: int
    most: int
    overtaken_p50: float
    overtaken_most: int
    cpu_ms: float | None = None
    why: tuple[str, ...] = ()  # the first errors


def run_level(
    make: Callable[[], Asker],
    questions: Iterator[str],
    askers: int,
    seconds: float,
    cpu: Callable[[], float | None] = lambda: None,
) -> Level:
    """`askers` at once, each one question after the other, no new one after `seconds`. Who is turned away asks the same
    again after `AGAIN` seconds. `cpu`: seconds of processor time that the server has used."""
    lock, ready = threading.Lock(), threading.Barrier(askers + 1)
    answered: list[Answered] = []
    errors: list[str] = []
    away = 0
    until = 0.0

    def ask(number: int) -> None:
        nonlocal away
        try:
            asker, pause = make(), threading.Event()
            ready.wait()
        except threading.BrokenBarrierError:  # another one could not be made
            return
        except Exception as error:
            with lock:
                errors.append(f"no asker could be made: {error}")
            ready.abort()
            return
        question = ""
        while (now := time.perf_counter()) < until:
            with lock:
                question = question or next(questions)
            reply = asker.ask(question)
            with lock:
                if reply.kind == "busy":
                    away += 1
                elif reply.kind == "error":
                    errors.append(reply.why)
                else:
                    answered.append(Answered(number, now, now + reply.seconds))
            if reply.kind == "answer":
                question = ""
            else:
                pause.wait(AGAIN)

    threads = [threading.Thread(target=ask, args=(n,), name=f"asker-{n}", daemon=True) for n in range(askers)]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    until = began + 3600.0  # replaced below, when all stand ready
    used = cpu()
    with contextlib.suppress(threading.BrokenBarrierError):  # told in the errors
        ready.wait()
    began = time.perf_counter()
    until = began + seconds
    for thread in threads:
        thread.join()
    level, now = level_of(askers, answered, began, until, away, errors), cpu()
    if used is None or now is None or not answered:
        return level
    return replace(level, cpu_ms=round((now - used) * 1000 / len(answered), 1))


def level_of(
    askers: int, answered: Sequence[Answered], began: float, until: float, away: int = 0, errors: Sequence[str] = ()
) -> Level:
    """The figures of one level. `per_second` counts what was answered before `until`; all of it where that is nothing."""
    times = sorted((one.done - one.sent) * 1000 for one in answered)
    in_time = [one for one in answered if one.done <= until]
    last = max((one.done for one in answered), default=until)
    rate = len(in_time) / (until - began) if in_time else len(answered) / (last - began)
    each = [0] * askers
    for one in answered:
        each[one.asker] += 1
    passed = sorted(overtaken(answered))
    p50, p95, p99 = (round(percentile(times, q), 1) if times else 0.0 for q in (50, 95, 99))
    middle = percentile([float(n) for n in passed], 50) if passed else 0.0
    return Level(
        askers, len(answered), round(rate, 3), round(sum(times) / len(times), 1) if times else 0.0, p50, p95, p99, away, len(errors), min(each), max(each), middle,
        passed[-1] if passed else 0, why=tuple(dict.fromkeys(errors))[:3],
    )  # fmt: skip


def overtaken(answered: Sequence[Answered]) -> list[int]:
    """For each question, in order of answers, how many that were sent later, by `LATER` or more, had been answered before."""
    sent: list[float] = []
    out = []
    for one in sorted(answered, key=lambda one: one.done):
        out.append(len(sent) - bisect_left(sent, one.sent + LATER))
        insort(sent, one.sent)
    return out


def distinct(questions: Sequence[str]) -> Iterator[str]:
    """The questions in an order without pattern, then again as other people would begin them: what is remembered of a question
    that was asked before must not pass for speed."""
    order = list(dict.fromkeys(questions))
    random.Random(0).shuffle(order)  # a set has its kinds in a row: each number of askers gets some of each
    for turn in itertools.count():
        for question in order:
            zh, en = OPENINGS[turn] if turn < len(OPENINGS) else (f"第{turn}次问：", f"Asked {turn} times: ")
            yield (en if question.isascii() else zh) + question


def ratios(levels: Sequence[Level]) -> dict[str, float]:
    """What many cost beside one: `p95_over_one` (95th percentile of `MANY` askers over the mean of one: some questions take
    ten times as long as others, and who waits, waits for all kinds) and `throughput_over_one`, where both were measured."""
    one, many = (next((level for level in levels if level.askers == n), None) for n in (1, MANY))
    if one is None or many is None or not one.mean or not one.per_second:
        return {}
    return {
        "p95_over_one": round(many.p95 / one.mean, 2),
        "throughput_over_one": round(many.per_second / one.per_second, 2),
    }


def verdicts(levels: Sequence[Level]) -> dict[str, bool]:
    """Whether the targets are met: no error at any number of askers; see `ratios`."""
    found = ratios(levels)
    out = {"no error": all(level.errors == 0 for level in levels)}
    if found:
        out[f"p95 of {MANY} askers ≤ {MANY} × one question"] = found["p95_over_one"] <= MANY
        out[f"throughput of {MANY} askers ≥ {BUSIER} × one asker's"] = found["throughput_over_one"] >= BUSIER
    return out


def measure(
    folder: Path,
    questions: Sequence[str],
    askers: Sequence[int],
    seconds: float,
    *,
    programs: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Starts the chat over a folder and asks. Returns what is saved: levels, ratios, verdicts, times of the start, memory.

    Raises DataError where the chat does not start."""
    with Served(folder, questions[0]) as served:
        say(f"page {served.page_seconds:.1f} s, first answer {served.answer_seconds:.1f} s")
        kind = Program if programs else Visitor
        turn = distinct(questions)
        levels = []
        for number in askers:
            levels.append(run_level(lambda: kind(served.port), turn, number, seconds, served.cpu))
            say(line_of(levels[-1]))
        asked = sum(level.answers for level in levels)
        return {
            "levels": [asdict(level) for level in levels],
            "ratios": ratios(levels),
            "met": verdicts(levels),
            "through": "programs" if programs else "chat",
            "seconds": seconds,
            "varied": max(0, asked - len(set(questions))),  # questions that were asked in other words again
            "page_seconds": round(served.page_seconds, 3),
            "answer_seconds": round(served.answer_seconds, 3),
            "peak_mb": served.peak_mb(),
        }


def line_of(level: Level) -> str:
    """One level in words."""
    return (
        f"{level.askers:4d} askers: {level.answers} answers, {level.per_second:.2f}/s, mean {level.mean:.0f} ms, p50 {level.p50:.0f}, "
        f"p95 {level.p95:.0f}, p99 {level.p99:.0f}; turned away {level.turned_away}, errors {level.errors}; "
        f"{level.least}–{level.most} each, overtaken by {level.overtaken_p50:.0f} (at most {level.overtaken_most})"
        + (f", processor {level.cpu_ms:.0f} ms an answer" if level.cpu_ms else "")
    )


def main(argv: Sequence[str]) -> int:
    """Exit code: 0 measured, 1 where a question was lost. Raises DataError."""
    options = arguments_of(argv)
    sets = [asked_of(Wanted(name, options.corpus)) for name in options.questions or DEFAULT_SETS]
    corpus = sets[0][2]
    if corpus is None or any(other != corpus for _, _, other in sets):
        raise DataError(
            "the chat is about one folder of documents, and these sets are not: name it with --corpus",
            "对话只针对一个文件夹，这些题集不是；请用 --corpus 指定",
        )
    questions = [question.question for _, asked, _ in sets for question in asked if not question.history]

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    found = measure(corpus, questions, options.askers, options.seconds, programs=options.programs, say=say)
    out = Path(options.out) if options.out else HERE / "out" / "load.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for name, met in found["met"].items():
        print(f"{'met' if met else 'NOT MET'}: {name}")
    print(out)
    return 0 if found["met"]["no error"] else 1


def arguments_of(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m eval load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "questions", nargs="*", metavar="SET", help=f"whose questions (default: {' '.join(DEFAULT_SETS)})"
    )
    parser.add_argument("--corpus", help="folder of documents (default: that of the set)")
    parser.add_argument("--askers", type=_numbers, default=(1, 8, 32, 128), help="how many at once, with commas")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each number of askers (default 20)")
    parser.add_argument("--programs", action="store_true", help="over the interface for programs, not the chat's")
    parser.add_argument("--out", metavar="FILE", help="where the figures go as JSON (default: eval/out/load.json)")
    return parser.parse_args(list(argv))


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r}: whole numbers above 0, with commas")
    return tuple(int(part) for part in parts)
