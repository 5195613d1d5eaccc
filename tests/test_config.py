"""Settings: where they come from, and what is said of a wrong one."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from rag.config import Settings
from rag.errors import SettingsError


def test_defaults_then_file_then_environment_then_keywords(tmp_path: Path) -> None:
    file = tmp_path / "rag.toml"
    file.write_text('folder = "甲"\nk = 3\nport = 1000\n', encoding="utf-8")
    settings = Settings.load(file, {"RAG_K": "4", "RAG_PORT": "2000", "OTHER": "x"}, port=3000, host=None)
    assert (settings.folder, settings.k, settings.port, settings.host) == ("甲", 4, 3000, "127.0.0.1")
    assert settings.chunk_chars == Settings().chunk_chars


def test_the_file_in_the_working_directory_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings.load(env={}) == Settings()
    (tmp_path / "rag.toml").write_text("refuse_below = 0.7", encoding="utf-8")
    assert Settings.load(env={}).refuse_below == 0.7


@pytest.mark.parametrize(("text", "value"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("no", False)])
def test_yes_and_no_in_words(text: str, value: bool) -> None:
    assert Settings.load(env={"RAG_MCP": text}).mcp is value


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"RAG_FOLDR": "x"}, "did you mean 'folder'"),
        ({"RAG_XYZZY": "x"}, "Known settings: chunk_chars"),
        ({"RAG_K": "many"}, "RAG_K: 'many'"),
        ({"RAG_K": "0"}, "out of range 1..50"),
        ({"RAG_PORT": "70000"}, "out of range"),
        ({"RAG_REFUSE_BELOW": "1.5"}, "out of range"),
        ({"RAG_REFUSE_BELOW": "nan"}, "out of range"),
        ({"RAG_CHUNK_CHARS": "5"}, "out of range"),
        ({"RAG_MCP": "maybe"}, "true or false"),
        ({"RAG_ENGINE": "cuda"}, "auto, openvino or torch"),
        ({"RAG_THREADS": "-1"}, "out of range"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(env: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.load(env=env)
    assert told in str(raised.value) and raised.value.zh != raised.value.en


@pytest.mark.parametrize("text", ["k = 'x'", "k = true", "k = 1.5", "k = [1]", "[k]\na = 1", "mcp = 2", "k =", "\xff"])
def test_a_wrong_file_is_told_with_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "rag.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"rag\.toml"):
        Settings.load(tmp_path / "rag.toml", {})


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        Settings.load(tmp_path / "absent.toml", {})


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().k = 3  # type: ignore[misc]


def test_there_are_about_fifteen_and_each_says_what_it_does() -> None:
    names = [field.name for field in fields(Settings)]
    source = Path(__import__("rag.config", fromlist=["x"]).__file__).read_text(encoding="utf-8")
    assert len(names) <= 20
    for name in names:
        assert any(line.strip().startswith(f"{name}: ") and "  # " in line for line in source.splitlines()), name
