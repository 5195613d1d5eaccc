"""Starts the chat as the README says, asks one question as a program would, checks the answer's proof, stops it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

QUESTION, EXPECTED = "智慧学习小站建了多少个？", "100余个"
PATIENCE = 180.0  # seconds for the whole start, the first ever one included
OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def main(command: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.monotonic()
    chat = subprocess.Popen(shlex.split(command), env={**os.environ, "RAG_PORT": str(port)})
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(chat, started, lambda: OPEN(url, timeout=10).read(), "the page")
        print(f"page served after {time.monotonic() - started:.1f} s")
        answer = wait_for(chat, started, lambda: ask(url), "an answer")
        print(f"answered after {time.monotonic() - started:.1f} s: {answer['text']}")
        check(answer)
        chat.send_signal(signal.SIGINT)
        code = chat.wait(30)
        if code != 0:
            sys.exit(f"smoke: Ctrl-C ended the chat with exit code {code}, expected 0")
    finally:
        chat.kill()
        chat.wait()
    print("smoke run passed")


def ask(url: str) -> dict:
    body = json.dumps({"data": [QUESTION, []]}).encode()
    request = urllib.request.Request(f"{url}/gradio_api/run/ask", body, {"Content-Type": "application/json"})
    with OPEN(request, timeout=60) as response:
        return json.load(response)["data"][0]


def wait_for(chat: subprocess.Popen, started: float, attempt, what: str):
    """The result of the first attempt that succeeds: the page comes before the index is ready, the server before both."""
    pause = threading.Event()
    while True:
        if chat.poll() is not None:
            sys.exit(f"smoke: the chat ended with exit code {chat.returncode} before {what} came")
        try:
            return attempt()
        except OSError as error:  # refused, or an HTTP error while the index is being built
            if time.monotonic() - started > PATIENCE:
                told = error.read().decode(errors="replace") if isinstance(error, urllib.error.HTTPError) else error
                sys.exit(f"smoke: {what} did not come within {PATIENCE:.0f} s: {told}")
        pause.wait(0.5)


def check(answer: dict) -> None:
    if not answer["found"] or EXPECTED not in answer["text"] or not answer["citations"]:
        sys.exit(f"smoke: expected a cited answer with {EXPECTED}, got {json.dumps(answer, ensure_ascii=False)}")
    for citation in answer["citations"]:
        text = (Path("seeds") / citation["source"]).read_text(encoding="utf-8")
        if text[citation["start"] : citation["end"]] != citation["quote"]:
            sys.exit(f"smoke: the citation's offsets do not reproduce its quote: {citation}")


if __name__ == "__main__":
    main(sys.argv[1])
