"""The README holds what it promises: its commands exist, its code runs, every setting and command is in it."""

from __future__ import annotations

import importlib.util
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from app import main as app_main
from eval import __main__ as evaluation
from eval.steps import find_set
from rag.cli.commands import COMMANDS
from rag.cli.parser import ABOUT, parse
from rag.config import Settings
from rag.parse import SUFFIXES
from tests.fakes_embed import HashEmbedder

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.M | re.S)
SHELL = [line for language, block in BLOCKS if language == "bash" for line in block.splitlines() if line.strip()]


def test_the_two_commands_are_there_once_and_verbatim() -> None:
    assert SHELL.count("pip install -e . && python app.py") == 1
    assert SHELL.count('pip install -e ".[test]" && python -m pytest') == 1


@pytest.mark.parametrize("line", [line for line in SHELL if line.startswith("python -m rag ")])
def test_each_command_line_is_understood(line: str) -> None:
    words = shlex.split(line.partition(" > ")[0])[3:]
    assert parse(words, "en").command in COMMANDS


def test_the_benchmark_is_there() -> None:
    assert importlib.util.find_spec("rag.embed.bench") and "python -m rag.embed.bench" in SHELL


EVAL = [shlex.split(line)[3:] for line in SHELL if line.startswith("python -m eval ")]


@pytest.mark.parametrize("words", [w for w in EVAL if w[0] not in evaluation.OTHERS], ids=" ".join)
def test_each_question_set_is_there(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    told = evaluation.arguments_of(words)
    if told.command in {"", "run"} and not told.questions.startswith("DATA/"):  # published sets, wherever they lie
        assert find_set(told.questions).is_file()
        assert told.corpus is None or Path(told.corpus).is_dir()


@pytest.mark.parametrize("words", [w for w in EVAL if w[0] in evaluation.OTHERS], ids=" ".join)
def test_each_option_of_the_evaluation_is_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        evaluation.main([words[0], "--help"])
    shown = capsys.readouterr().out
    assert all(word in shown for word in words if word.startswith("--"))


def test_every_command_is_in_the_table() -> None:
    assert set(ABOUT) == set(COMMANDS)
    for command in COMMANDS:
        assert re.search(rf"^\| `python -m rag {command}\b[^|]*` \|", TEXT, re.M), command


def test_every_setting_is_in_the_table_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", TEXT, re.M))
    shown = {
        field.name: f'"{field.default}"' if isinstance(field.default, str) else str(field.default).lower()
        for field in fields(Settings)
    }
    assert rows == shown


def test_every_kind_of_file_is_named() -> None:
    for suffix in SUFFIXES:
        assert f"`{suffix}`" in TEXT


@pytest.mark.parametrize("code", [block for language, block in BLOCKS if language == "python"])
def test_the_code_runs(code: str, no_model: HashEmbedder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rag._default", [])
    monkeypatch.setenv("RAG_INDEX_DIR", str(tmp_path))
    exec(compile(code, "README.md", "exec"), {})


def test_links_and_images_lead_somewhere() -> None:
    for target in re.findall(r'(?:\]\(|src=")([^)"#]+)', TEXT):
        if not target.startswith("http") and (ROOT / target).parent.is_dir():
            assert (ROOT / target).exists(), target


def test_the_files_it_names_exist() -> None:
    for path in re.findall(r"`((?:rag|eval|seeds|tests)/[\w./-]*)`", TEXT):
        assert (ROOT / path).exists(), path
    assert (ROOT / "LICENSE").is_file()


def test_the_chat_takes_the_options_it_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        app_main(["--help"])
    shown = capsys.readouterr().out
    assert all(option in shown for option in ("--port", "--host", "folder"))
