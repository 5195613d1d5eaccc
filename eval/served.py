"""The chat as it is served: started as a person starts it, in a process of its own, and asked over HTTP as its page does."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

from rag.errors import DataError

APP = Path(__file__).resolve().parent.parent / "app.py"
STARTING = 300.0  # seconds for a start, the first ever one included
ANSWERING = 300.0  # seconds that one answer may take
_LOOK = 0.02  # seconds between two looks at a server that is starting
_LOST = (OSError, http.client.HTTPException)

T = TypeVar("T")
Kind = Literal["answer", "busy", "error"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one question: answered (or refused for want of an answer), turned away because too many ask, or lost."""

    kind: Kind
    seconds: float
    why: str = ""  # of an error


class Served:
    """A server of its own on this machine, ready to answer. Use it as a context manager.

    `page_seconds`, `answer_seconds`: from the start of the process to its page and to its first answer. Raises DataError
    where the program ends or does not answer.
    """

    def __init__(self, folder: Path, question: str, settings: Mapping[str, str] | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, str(APP), str(folder), "--host", "127.0.0.1", "--port", str(self.port)],
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, **{f"RAG_{name.upper()}": value for name, value in (settings or {}).items()}},
        )
        try:
            self._until(started, self._page)
            self.page_seconds = time.perf_counter() - started
            self._until(started, lambda: self._answered(question))
            self.answer_seconds = time.perf_counter() - started
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the server as Ctrl-C does; by force where that is not enough."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._log.close()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def peak_mb(self) -> float | None:
        """The most memory that the server has held, in 2**20 bytes; None where this system does not tell."""
        try:
            told = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        peak = next((line.split()[1] for line in told.splitlines() if line.startswith("VmHWM:")), None)
        return round(int(peak) / 1024, 1) if peak else None

    def cpu(self) -> float | None:
        """Seconds of processor time that the server has used; None where this system does not tell."""
        try:
            told = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        user, system = told.rpartition(")")[2].split()[11:13]  # after the name, which may hold spaces: man 5 proc
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def _until(self, started: float, attempt: Callable[[], bool]) -> None:
        pause = threading.Event()
        while True:
            if self.process.poll() is not None or time.perf_counter() - started > STARTING:
                self._log.seek(0)
                said = " ".join(self._log.read()[-600:].decode(errors="replace").split())
                raise DataError(f"the chat did not start: {said}", f"对话未能启动：{said}")
            with contextlib.suppress(*_LOST):  # it does not listen yet
                if attempt():
                    return
            pause.wait(_LOOK)

    def _page(self) -> bool:
        return bool(_sent(self.port, "GET", "/")[0] == 200)

    def _answered(self, question: str) -> bool:
        return Program(self.port).ask(question).kind == "answer"


class Visitor:
    """One person's page, as far as asking goes: a question joins the queue, the answer comes as server-sent events. Each
    question is the first of a new chat, so that all cost alike."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._event, self._inputs = box_event(json.loads(_sent(port, "GET", "/config")[1]))

    def ask(self, question: str) -> Reply:
        began = time.perf_counter()
        try:
            said = self._said(question)
        except (*_LOST, ValueError) as error:
            return Reply("error", time.perf_counter() - began, f"{type(error).__name__}: {error}")
        return Reply(*told(said, time.perf_counter() - began))

    def _said(self, question: str) -> Mapping[str, Any]:
        """The last message of the event that the question is."""
        session = uuid.uuid4().hex
        data = [question, *[None] * (self._inputs - 1)]
        body = {"data": data, "fn_index": self._event, "trigger_id": None, "session_hash": session, "event_data": None}
        status, said = _sent(self.port, "POST", "/gradio_api/queue/join", json.dumps(body))
        if status != 200:
            raise ValueError(f"HTTP {status}: {said[:200]}")
        last: Mapping[str, Any] = {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWERING)
        with contextlib.closing(connection):
            connection.request("GET", f"/gradio_api/queue/data?session_hash={session}")
            stream = connection.getresponse()
            while line := stream.readline():
                if line.startswith(b"data:"):
                    message = json.loads(line[5:])
                    last = message if message.get("msg") == "process_completed" else last
        return last


class Program:
    """A program that asks over the interface for programs."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, question: str) -> Reply:
        began = time.perf_counter()
        try:
            status, answer = _sent(self.port, "POST", "/gradio_api/run/ask", json.dumps({"data": [question, []]}))
        except _LOST as error:
            return Reply("error", time.perf_counter() - began, f"{type(error).__name__}: {error}")
        kind: Kind = "answer" if status == 200 else "busy" if status == 503 else "error"
        return Reply(kind, time.perf_counter() - began, "" if kind == "answer" else answer[:200])


def told(message: Mapping[str, Any], seconds: float) -> tuple[Kind, float, str]:
    """What a chat's last message says, by the classes that its HTML gives to each kind of reply: text of documents and of
    questions is escaped there and cannot pretend to be one."""
    output = message.get("output") or {}
    if not message.get("success"):
        return "error", seconds, str(output.get("error") or "no last message")
    html = json.dumps(output.get("data"), ensure_ascii=False).replace('\\"', '"')
    for mark, kind in (("jd-busy", "busy"), ("jd-said", "answer")):
        if f'class="{mark}' in html or f' {mark}"' in html:
            return ("answer" if kind == "answer" else "busy"), seconds, ""
    return "error", seconds, html[-200:]


def box_event(config: Mapping[str, Any]) -> tuple[int, int]:
    """(number of the event that sending a question is, how many inputs it has), from what the server tells of its page.
    Raises DataError where the page has no box to ask in."""
    boxes = {part["id"] for part in config["components"] if part.get("props", {}).get("elem_id") == "jd-box"}
    for event in config["dependencies"]:
        if any(target in boxes and name == "submit" for target, name in event["targets"]):
            return int(event["id"]), len(event["inputs"])
    raise DataError("the page has no box for questions", "页面上没有提问框")


def _sent(port: int, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    """(status, body) of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWERING)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
