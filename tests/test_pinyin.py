"""Readings and phrases out of pypinyin's files are those of pypinyin itself, which is not imported for them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from pypinyin import Style, lazy_pinyin
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
from pypinyin.style import convert

from rag.text import pinyin
from rag.text.phrases import _LOOSE, reads_as_words
from rag.text.pinyin import LONGEST, is_phrase, reading
from rag.text.sound import syllable

PACKAGE = Path(sys.modules["pypinyin"].__file__ or "").parent
FILES = ("pinyin_dict.json", "phrases_dict.json")


@pytest.fixture
def forget() -> Iterator[Callable[[], None]]:
    """Has the tables read again; so they are after the test."""

    def forget() -> None:
        pinyin._readings.cache_clear()
        pinyin._phrases.cache_clear()

    yield forget
    forget()


def test_every_character_reads_as_in_pypinyin() -> None:
    others = [*range(0x3400), 0x9FFF, 0xF900, 0x1F600, 0x2FFFF, max(PINYIN_DICT) + 1, 0x323AF, sys.maxunicode]
    for character in map(chr, {*PINYIN_DICT, *others}):
        told = "".join(lazy_pinyin(character, style=Style.NORMAL, errors="ignore"))
        assert reading(character) == told.replace("ü", "v"), hex(ord(character))


def test_every_tone_is_taken_off_as_in_pypinyin() -> None:
    """Those that no character has first among them: ế, ê̌, ń, ḿ, m̀, hm, hng."""
    readings = {toned for readings in PINYIN_DICT.values() for toned in readings.split(",")}
    assert {"ế", "ń", "ḿ", "hng"} <= readings
    for toned in readings:
        assert pinyin._toneless(toned) == convert(toned, Style.NORMAL, strict=True).replace("ü", "v"), toned


@pytest.mark.parametrize(
    ("character", "sound"), [("女", "nv"), ("略", "lve"), ("好", "hao"), ("嗯", "n"), ("a", ""), ("〇", ""), ("カ", "")]
)
def test_syllables(character: str, sound: str) -> None:
    assert syllable(character) == sound


def test_the_phrases_are_those_of_pypinyin() -> None:
    parts = {part for phrase in PHRASES_DICT for part in (phrase, phrase[1:], phrase[:-1], phrase[::-1])}
    assert {part for part in parts if is_phrase(part)} == {phrase for phrase in PHRASES_DICT if len(phrase) <= LONGEST}
    assert not any(map(is_phrase, ("", "\n", "一", "\U0010ffff" * 2, "\x00\x00", "乒乓球拍卖完了吧")))


def test_stretches_read_as_words_as_by_the_whole_list() -> None:
    phrases = sorted(PHRASES_DICT)[::23]
    stretches = [a[1:] + loose + b for a, b, loose in zip(phrases, phrases[7:], sorted(_LOOSE) * 200, strict=False)]
    found = [reads_as_words(stretch) for stretch in stretches]
    assert found == [_slow(stretch) for stretch in stretches]
    assert 0 < sum(found) < len(found)


def _slow(stretch: str) -> bool:
    at = 0
    while at < len(stretch):
        sizes = range(min(LONGEST, len(stretch) - at), 1, -1)
        size = next((n for n in sizes if stretch[at : at + n] in PHRASES_DICT), 1)
        if size == 1 and stretch[at] in _LOOSE:
            return False
        at += size
    return True


@pytest.mark.parametrize("found", ["no package", "no files", "escapes", "in one line", "as they are"])
def test_whatever_the_files_are_the_tables_are_the_same(
    found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: Callable[[], None]
) -> None:
    tables = pinyin._phrases(), {code: reading(chr(code)) for code in PINYIN_DICT}
    for name in FILES if found in {"escapes", "in one line"} else ():
        told = json.loads((PACKAGE / name).read_text(encoding="utf-8"))
        line = json.dumps(told, ensure_ascii=found == "escapes", separators=(",", ":"))
        (tmp_path / name).write_text(line, encoding="utf-8")
    spec = SimpleNamespace(submodule_search_locations=[str(PACKAGE if found == "as they are" else tmp_path)])
    monkeypatch.setattr(pinyin, "find_spec", lambda name: None if found == "no package" else spec)
    forget()
    assert all(bool(pinyin._file(name)) == (found in {"in one line", "as they are"}) for name in FILES)
    assert (pinyin._phrases(), {code: reading(chr(code)) for code in PINYIN_DICT}) == tables


def test_both_tables_are_small() -> None:
    """Bytes; as pypinyin has them they are 55 MB."""
    assert sum(map(sys.getsizeof, (pinyin._readings()[1], *pinyin._phrases().values()))) < 1_000_000


def test_a_question_imports_no_pypinyin() -> None:
    """It would stay with the process; and whoever uses it beside this finds it as he left it."""
    asked = "from rag.reader.views import degree, view; from rag.text.phrases import reads_as_words;"
    asked += "assert degree('qinglang', view('清朗行动')) == 0.8 and degree('智惠', view('智慧')) == 0.8;"
    asked += "assert not reads_as_words('想在手机上看');"
    asked += "import os, sys; assert not [name for name in sys.modules if name.startswith('pypinyin')];"
    asked += "assert not [name for name in os.environ if name.startswith('PYPINYIN')]"
    subprocess.run([sys.executable, "-c", asked], check=True)
