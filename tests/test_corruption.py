"""A byte that changed on disk is found and made good, whatever file of the index it stands in."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.errors import IndexBrokenError, RagError
from rag.lexical import LexicalRanker
from tests.durable import (
    QUESTIONS,
    State,
    assert_in_step,
    assert_true,
    make_folder,
    open_at,
    outcomes,
    state_of,
    swift,
    synced,
)
from tests.fakes_embed import HashEmbedder

_FLIPS = 20  # places of each file


class Sound:
    """An index that is in order, to be spoilt in a copy."""

    def __init__(self, place: Path) -> None:
        self.folder = make_folder(place / "材料", 16)
        (self.folder / "不可读.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\x01" * 300)
        self.index = place / "sound"
        assistant, _ = synced(self.folder, self.index)
        with assistant:
            self.state = state_of(assistant)
        self.copy = place / "spoilt"

    def files(self) -> list[Path]:
        found = (path.relative_to(self.index) for path in self.index.rglob("*") if path.is_file())
        return sorted(path for path in found if path.name not in {"writer.lock", "library.sqlite-shm"})

    def again(self) -> Path:
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.index, self.copy)
        return self.copy

    def mended(self, case: str) -> tuple[State, bool]:
        """What the spoilt copy says after a sync, and whether the sync told of a damage."""
        with open_at(self.folder, self.copy, sync=False) as assistant:
            assert assistant._index.library.damages() == [], case
            assert_true(assistant)
            report = assistant.sync()
            assert_in_step(assistant)
            return state_of(assistant), bool(report.mended)


@pytest.fixture(scope="module")
def sound() -> Iterator[Sound]:
    with swift() as place:
        yield Sound(place)


def flip(path: Path, at: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def places(sound: Sound, path: Path, count: int) -> list[tuple[int, int]]:
    """Bytes and bits of a file, drawn by its suffix: a segment's name is another one in every run."""
    size = (sound.index / path).stat().st_size
    draw = random.Random(path.suffix)
    return [(at, draw.randrange(8)) for at in draw.sample(range(size), min(size, count))]


@pytest.mark.parametrize(("kind", "count"), [("library", 50), ("vectors", 20), ("lexical", 2)])
def test_a_flipped_bit_is_found_or_says_nothing(sound: Sound, kind: str, count: int) -> None:
    told = 0
    paths = [path for path in sound.files() if path.parts[0].startswith(kind)]
    assert paths
    for path in paths:
        for at, bit in places(sound, path, count):
            flip(sound.again() / path, at, bit)
            case = f"{path} at {at}"
            state, mended = sound.mended(case)
            assert state == sound.state, case
            told += mended
    assert told > 5


def test_a_flipped_bit_of_the_words_is_found_or_says_nothing(sound: Sound) -> None:
    """The same for many more bits, of the lexical index alone."""
    want = [LexicalRanker(sound.index / "lexical").search(question, 50) for question in QUESTIONS]
    found = 0
    for path in sound.files():
        if path.parts[0] != "lexical":
            continue
        for at, bit in places(sound, path, _FLIPS):
            place = sound.again() / path
            flip(place, at, bit)
            try:
                ranker = LexicalRanker(sound.copy / "lexical")
                same = (
                    set(ranker.ids().tolist()) == sound.state.lexical
                    and [ranker.search(q, 50) for q in QUESTIONS] == want
                )
            except IndexBrokenError:
                found += 1
                continue
            assert same, f"{path} at {at}"
    assert found > 100


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def scribble(path: Path) -> None:
    path.write_bytes(random.Random(5).randbytes(path.stat().st_size))


@pytest.mark.parametrize("spoil", [half, empty, scribble, Path.unlink])
def test_a_cut_or_missing_file_is_made_good(sound: Sound, spoil: Callable[[Path], None]) -> None:
    for path in sound.files():
        spoil(sound.again() / path)
        case = f"{path} {spoil.__name__}"
        state, mended = sound.mended(case)
        assert state == sound.state, case
        if path.name not in {".managed.json", ".tantivy-writer.lock", ".tantivy-meta.lock"}:
            assert mended or path.name == "vectors.faiss", case  # without it, the store is a new one


@pytest.mark.parametrize("name", ["lexical", "vectors", "library.sqlite"])
def test_a_missing_part_is_filled_again_without_the_model(sound: Sound, name: str) -> None:
    place = sound.again() / name
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    embedder = HashEmbedder()
    assistant, _ = synced(sound.folder, sound.copy, embedder)
    with assistant:
        # Without the library there is nothing to remember vectors by: then all is encoded, once.
        assert bool(embedder.encoded) == (name == "library.sqlite")
        assert_in_step(assistant)
        assert state_of(assistant) == sound.state


def with_log(sound: Sound) -> Path:
    """A copy whose last changes stand in the write-ahead log alone, as a killed process leaves it."""
    place = sound.again()
    other = place.with_name("with log")
    shutil.rmtree(other, ignore_errors=True)
    with open_at(sound.folder, place, sync=False) as assistant:
        assistant._index.library.mark_unindexed()
        shutil.copytree(place, other, ignore=shutil.ignore_patterns("*-shm", "writer.*"))
    assert (other / "library.sqlite-wal").stat().st_size > 1000
    return other


def test_a_damaged_log_loses_at_most_what_it_held(sound: Sound) -> None:
    other = with_log(sound)
    log = other / "library.sqlite-wal"
    draw = random.Random(6)
    whole = log.read_bytes()
    cases: list[tuple[str, Callable[[Path], None]]] = [("half", half), ("empty", empty), ("scribble", scribble)]
    for at in draw.sample(range(len(whole)), _FLIPS):
        cases.append((f"bit at {at}", lambda path, at=at: flip(path, at, at % 8)))  # type: ignore[misc]
    for case, spoil in cases:
        shutil.rmtree(sound.copy, ignore_errors=True)
        shutil.copytree(other, sound.copy)
        spoil(sound.copy / log.name)
        state, _ = sound.mended(case)
        assert state == sound.state, case


def spoil_vectors(index: Path, rows: int) -> list[bytes]:
    db = sqlite3.connect(index / "library.sqlite")
    found = db.execute("SELECT digest, vector FROM vectors ORDER BY digest LIMIT ?", (rows,)).fetchall()
    for digest, vector in found:
        bad = bytes([vector[0] ^ 0x40, *vector[1:]])
        db.execute("UPDATE vectors SET vector = ? WHERE digest = ?", (bad, digest))
    db.commit()
    db.close()
    return [digest for digest, _ in found]


def test_a_damaged_vector_is_encoded_again_and_no_other(sound: Sound) -> None:
    index = sound.again()
    digests = spoil_vectors(index, 3)
    shutil.rmtree(index / "vectors")  # so that the kept vectors are needed
    embedder = HashEmbedder()
    with open_at(sound.folder, index, embedder, sync=False) as assistant:
        library = assistant._index.library
        assert set(library.vectors(digests)) == set()
        assistant.sync()
        assert set(library.vectors(digests)) == set(digests)
        contexts = {p.context for p in sound.state.passages.values() if p.digest in digests}
        assert len(embedder.encoded) == 3 and set(embedder.encoded) == contexts
        assert state_of(assistant) == sound.state


def test_a_damaged_vector_is_not_passed_on_by_a_rename(tmp_path: Path) -> None:
    folder, index = tmp_path / "材料", tmp_path / "index"
    folder.mkdir()
    (folder / "a.txt").write_text("河灯节\n\n河灯节在镇东的码头举行，共放出300盏河灯。", encoding="utf-8")
    synced(folder, index)[0].close()
    spoil_vectors(index, 9)
    (folder / "a.txt").rename(folder / "河灯节2023.txt")
    embedder = HashEmbedder()
    assistant, report = synced(folder, index, embedder)
    with assistant:
        assert outcomes(report) == {"河灯节2023.txt": "renamed"}
        [passage] = [p for i in assistant.documents() for p in assistant._index.library.passages_of(i.id)]
        assert "2023" in passage.title and embedder.encoded == [passage.context]
        assert_in_step(assistant)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("sources", "size = size + 1"),
        ("sources", "sha = 'f' || sha"),
        ("passages", "title = X'e59d8f'"),
        ("documents", "title = X'e59d8f'"),
        ("passages", "start = start + 1"),
        ("texts", "body = X'6262' || substr(body, 3)"),
    ],
)
def test_a_changed_row_is_never_believed(sound: Sound, table: str, change: str) -> None:
    """Behind SQLite's back: what its own check calls sound."""
    db = sqlite3.connect(sound.again() / "library.sqlite")
    key = "path" if table == "sources" else "rowid"
    db.execute(f"UPDATE {table} SET {change} WHERE {key} = (SELECT min({key}) FROM {table})")
    db.commit()
    db.close()
    state, _ = sound.mended(f"{table} {change}")
    assert state == sound.state


def test_vectors_of_another_model_are_not_saved_from_a_damaged_library(sound: Sound) -> None:
    db = sqlite3.connect(sound.again() / "library.sqlite")
    db.execute("UPDATE meta SET value = value || '!' WHERE key = 'sum'")
    db.commit()
    db.close()
    embedder = HashEmbedder("another", 64)
    with open_at(sound.folder, sound.copy, embedder) as assistant:
        assert_in_step(assistant)
        assert embedder.encoded


def test_another_programs_file_is_left_alone(sound: Sound) -> None:
    index = sound.again()
    (index / "library.sqlite").unlink()
    db = sqlite3.connect(index / "library.sqlite")
    db.execute("CREATE TABLE theirs (x)")
    db.commit()
    db.close()
    before = (index / "library.sqlite").read_bytes()
    with pytest.raises(RagError, match="index_dir"):
        open_at(sound.folder, index)
    assert (index / "library.sqlite").read_bytes() == before
