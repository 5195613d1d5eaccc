"""A folder of many kinds of files, what an index of it holds, and a process that dies in the middle of a sync.

Run as a program it is that process: it loads everything once, then forks for every order on its standard input and dies
there, by SIGKILL, where the order says. What is to be tested is loaded once, so that fifty deaths take seconds.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.assistant import Assistant
from rag.config import Settings
from rag.protocols import Vectors
from rag.types import SyncReport
from tests.fakes_embed import HashEmbedder

MARK = "JUDIAN_TEST_DURABLE"  # in the environment of a dying process and of all that it starts
QUESTIONS = ("第7号水库由谁设计？", "When was reservoir 12 finished?", "第3号水库的蓄水量是多少？")
_NAMES = ("陈一平", "林小海", "周文山", "何青", "罗远", "冯平安", "杜立", "韩北", "唐原", "魏明")
_FAMILY = ("Hall", "Marsh", "Stone", "Field", "Brook", "Wood", "Lake", "Hill", "Reed", "Vale")


def text_zh(n: int) -> list[str]:
    return [
        f"第{n}号水库由工程师{_NAMES[n % 10]}设计，于{1900 + n}年建成，坝高{30 + n}米。",
        f"第{n}号水库的蓄水量是{100 + 7 * n}万立方米，灌溉农田{2000 + 31 * n}亩，下游有{n + 2}个村庄。",
        f"水库管理处设在坝顶东侧，共有职工{n + 11}人。每年{n % 12 + 1}月检修闸门，检修期间停止供水{n % 5 + 2}天。" * 3,
    ]


def text_en(n: int) -> list[str]:
    return [
        f"Reservoir {n} was designed by the engineer {_FAMILY[n % 10]} and finished in {1900 + n}. Its dam is {30 + n} metres high.",
        f"Reservoir {n} holds {100 + 7 * n} thousand cubic metres and waters {2000 + 31 * n} hectares of fields below it.",
        f"The office stands east of the dam and has a staff of {n + 11}. Every year the gates are inspected. " * 3,
    ]


def write_file(folder: Path, n: int) -> Path:
    """The n-th file: its kind, its language and its place follow from the number."""
    zh = n % 3 != 0
    paragraphs = text_zh(n) if zh else text_en(n)
    title = f"第{n}号水库" if zh else f"Reservoir {n}"
    kind = ("txt", "md", "html", "csv", "docx", "json", "txt", "md")[n % 8]
    place = folder / ("", "东部", "a b/c")[n % 3]
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{title if n % 2 else f'r{n:02}'}.{kind}"
    match kind:
        case "txt":
            path.write_text("\n\n".join([title, *paragraphs]), encoding="utf-8")
        case "md":
            path.write_text(f"# {title}\n\n" + "\n\n".join(f"## {i}\n\n{p}" for i, p in enumerate(paragraphs)), "utf-8")
        case "html":
            body = "".join(f"<p>{p}</p>" for p in paragraphs)
            path.write_text(f"<html><title>{title}</title><body><h1>{title}</h1>{body}</body></html>", encoding="utf-8")
        case "csv":
            rows = [[f"{title}-{i}", 10 * i + n, 7 * i] for i in range(5)]
            out = io.StringIO()
            csv.writer(out).writerows([["水库", "坝高", "蓄水量"], *rows])
            path.write_text(out.getvalue(), encoding="utf-8")
        case "json":
            path.write_text(json.dumps({"title": title, "text": paragraphs}, ensure_ascii=False), encoding="utf-8")
        case _:
            import docx

            document = docx.Document()
            document.add_heading(title, 0)
            for paragraph in paragraphs:
                document.add_paragraph(paragraph)
            document.save(str(path))
    return path


def make_folder(folder: Path, count: int = 40) -> Path:
    for n in range(count):
        write_file(folder, n)
    return folder


def change_folder(folder: Path) -> None:
    """What a second sync finds: files new, changed, renamed, moved, deleted, and one replaced by what cannot be read."""
    names = sorted(path for path in folder.rglob("*") if path.is_file())
    texts = [path for path in names if path.suffix in {".txt", ".md"}]
    for path in texts[:4]:
        path.write_text(path.read_text("utf-8") + "\n\n2024年加固了大坝，耗资300万元。", encoding="utf-8")
    texts[4].rename(texts[4].with_name(f"改名 {texts[4].name}"))
    (folder / "移走").mkdir()
    texts[5].rename(folder / "移走" / texts[5].name)
    for path in [texts[6], *(path for path in names if path.suffix in {".csv", ".html", ".docx"})][:6]:
        path.unlink()
    texts[7].write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    for n in (41, 42, 43, 48):
        write_file(folder, n)


@contextmanager
def swift() -> Iterator[Path]:
    """A folder in memory, where there is such a thing: a killed process needs no disk, and waiting for one takes the time."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        yield Path(made).resolve()


# -- what an index holds ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    documents: tuple[Any, ...]
    passages: dict[int, Any]
    answers: tuple[Any, ...]
    dense: frozenset[int]
    lexical: frozenset[int]


def state_of(assistant: Assistant, questions: Sequence[str] = QUESTIONS) -> State:
    index = assistant._index
    documents = tuple(assistant.documents())
    passages = {p.id: p for info in documents for p in index.library.passages_of(info.id)}
    answers = tuple(
        (a.text, a.short, a.reason, a.citations) for a in (assistant.ask(question) for question in questions)
    )
    dense = index.store.ids()  # type: ignore[attr-defined]
    return State(documents, passages, answers, frozenset(map(int, dense)), frozenset(index.lexical.ids().tolist()))


def assert_in_step(assistant: Assistant) -> None:
    """Nothing is half, nothing is left over: library, vectors and words hold the very same passages."""
    library = assistant._index.library
    assert library.damages() == []
    assert not library.unindexed() and not library.removed() and not library.orphans()
    assert library.stray_vectors() == library.unowned_vectors() == 0
    ids = library.ids().tolist()
    assert library.count == len(ids) and library.waiting == 0
    assert sorted(map(int, assistant._index.store.ids())) == ids  # type: ignore[attr-defined]
    assert assistant._index.lexical.ids().tolist() == ids
    assert all(info.indexed for info in assistant.documents())


def assert_true(assistant: Assistant, questions: Sequence[str] = QUESTIONS) -> None:
    """Every passage is its document's text, and what is served is whole."""
    library = assistant._index.library
    for info in assistant.documents():
        text = assistant.document(info.id).text
        assert len(text) == info.characters
        for p in library.passages_of(info.id):
            assert text[p.start : p.end] == p.text
    for question in questions:
        answer = assistant.ask(question)
        for hit in answer.hits:
            assert assistant.document(hit.passage.doc_id).text[hit.passage.start : hit.passage.end] == hit.passage.text
        for c in answer.citations:
            document = assistant.document(c.doc_id)
            assert document.text[c.start : c.end] == c.quote and document.source == c.source


def open_at(folder: Path, index: Path, embedder: HashEmbedder | None = None, *, sync: bool = True) -> Assistant:
    return Assistant.open(folder, Settings(), index_dir=index, embedder=embedder or HashEmbedder(), sync=sync)


def synced(folder: Path, index: Path, embedder: HashEmbedder | None = None) -> tuple[Assistant, SyncReport]:
    assistant = open_at(folder, index, embedder, sync=False)
    try:
        return assistant, assistant.sync()
    except BaseException:
        assistant.close()
        raise


def outcomes(report: SyncReport) -> dict[str, str]:
    return {o.source: o.state for o in report.outcomes}


def indexed_in(index: Path, beside: Path) -> set[str]:
    """Documents that a copy of the library calls finished: the original is not touched, its log neither."""
    beside.mkdir()
    for path in index.glob("library.sqlite*"):
        if not path.name.endswith("-shm"):
            shutil.copy(path, beside / path.name)
    try:
        db = sqlite3.connect(beside / "library.sqlite")
        rows = db.execute("SELECT id FROM documents WHERE indexed = 1").fetchall()
        db.close()
    except sqlite3.OperationalError:  # killed before there were tables
        rows = []
    shutil.rmtree(beside)
    return {row[0] for row in rows}


# -- the process that dies ----------------------------------------------------------------------------------------


@contextmanager
def dying(mark: str) -> Iterator[Dying]:
    """The program below, started."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.durable"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, MARK: mark},
        cwd=Path(__file__).resolve().parent.parent,
        text=True,
    )
    try:
        yield Dying(process, mark)
    finally:
        assert process.stdin and process.stdout
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@dataclass(frozen=True, slots=True)
class Dying:
    process: subprocess.Popen[str]
    mark: str

    def sync(self, folder: Path, index: Path, *, step: int = -1, seconds: float = -1.0) -> dict[str, Any]:
        """One sync in a process of its own, killed before its step-th step or after so many seconds."""
        assert self.process.stdin and self.process.stdout
        order = {"folder": str(folder), "index": str(index), "step": step, "seconds": seconds}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        return told

    def orphans(self) -> list[int]:
        """Processes that still live of all that the dying ones started."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != self.process.pid:
                try:
                    if f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
                except OSError:  # it has ended
                    continue
        return found


class Steps:
    """Counts what a sync does to the disk and to the model, and dies before the step that it is told."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.names: list[str] = []
        self.lock = threading.Lock()

    def __call__(self, name: str) -> None:
        with self.lock:
            if len(self.names) == self.last:
                os.write(3, json.dumps(name).encode())
                os.kill(os.getpid(), signal.SIGKILL)
            self.names.append(name)

    def around(self, owner: Any, attribute: str) -> None:
        real = getattr(owner, attribute)

        def counted(*args: Any, **more: Any) -> Any:
            self(f"{attribute} begins")
            made = real(*args, **more)
            self(f"{attribute} done")
            return made

        setattr(owner, attribute, counted)

    def sql(self, statement: str) -> None:
        word = statement.split()[0]
        if word in {"BEGIN", "COMMIT", "DELETE", "UPDATE", "INSERT"} and statement != "BEGIN":
            self(f"sql {word}")


class Slow(HashEmbedder):
    def encode(self, texts: Sequence[str], kind: Any = "passage") -> Vectors:
        if kind == "passage":
            time.sleep(0.0015 * len(texts))
        return super().encode(texts, kind)


def _die(order: dict[str, Any]) -> None:
    """In the fork: a sync with every step counted."""
    import rag.fill
    from rag.intake import Intake
    from rag.lexical import LexicalRanker
    from rag.library.connections import Connections

    steps = Steps(order["step"])
    connect = Connections.connect

    def traced(self: Connections) -> sqlite3.Connection:
        db = connect(self)
        db.set_trace_callback(steps.sql)
        return db

    Connections.connect = traced  # type: ignore[method-assign]
    rag.fill._GROUP, rag.fill._OFTEN = 24, 50  # more groups, more flushes
    steps.around(os, "replace")
    steps.around(os, "fsync")
    steps.around(Intake, "read")
    steps.around(LexicalRanker, "_end")
    steps.around(LexicalRanker, "flush")
    steps.around(Slow, "encode")
    steps("open")
    open_at(Path(order["folder"]), Path(order["index"]), Slow()).close()
    os.write(3, json.dumps(steps.names).encode())


def _serve() -> None:
    # Loaded once for all forks; nothing that starts threads is used before a fork.
    import faiss  # noqa: F401
    import filelock  # noqa: F401
    import tantivy  # noqa: F401

    import rag.cli.upkeep  # noqa: F401
    from rag.embed.open import open_embedder  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        read, write = os.pipe()
        began = time.monotonic()
        pid = os.fork()
        if not pid:
            os.dup2(write, 3)
            code = 1
            try:
                _die(order)
                code = 0
            finally:
                os._exit(code)
        os.close(write)
        if order["seconds"] >= 0:
            time.sleep(order["seconds"])
            os.kill(pid, signal.SIGKILL)
        told = b""
        while piece := os.read(read, 1 << 16):
            told += piece
        os.close(read)
        _, status = os.waitpid(pid, 0)
        killed = os.WIFSIGNALED(status)
        answer = {"killed": killed, "status": status, "seconds": time.monotonic() - began}
        print(json.dumps({**answer, "steps": json.loads(told or b"[]")}), flush=True)


if __name__ == "__main__":
    _serve()
