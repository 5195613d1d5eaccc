"""Killed anywhere, an index loses nothing that was finished, says nothing that is not so, and is finished by the next sync."""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.durable import (
    Dying,
    State,
    assert_in_step,
    assert_true,
    change_folder,
    dying,
    indexed_in,
    make_folder,
    open_at,
    state_of,
    swift,
    synced,
)

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, and reads /proc")

_STEPS = 18  # deaths at a counted step, of each of the two syncs
_TIMES = 7  # deaths at a moment of the clock


@pytest.fixture
def place() -> Iterator[Path]:
    with swift() as made:
        yield made


@pytest.fixture(scope="module")
def mortal() -> Iterator[Dying]:
    with dying(f"{os.getpid()}-{time.monotonic_ns()}") as process:
        yield process


def chosen(names: list[str], seed: int) -> list[int]:
    """Steps to die before: every kind of step once or twice, the rest anywhere."""
    draw = random.Random(seed)
    places: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        places[name].append(at)
    picked = [draw.choice(found) for found in places.values()]
    draw.shuffle(picked)
    return (picked + draw.sample(range(len(names)), _STEPS))[:_STEPS]


def die_everywhere(
    mortal: Dying, folder: Path, base: Path | None, place: Path, want: State, keep: set[str], seed: int
) -> None:
    """Kills a sync at every chosen step and moment, and looks at what is left. `keep`: documents that must be there after
    every death, as `base` has them."""

    def start() -> Path:
        shutil.rmtree(place, ignore_errors=True)
        if base:
            shutil.copytree(base, place)
        return place

    whole = mortal.sync(folder, start())
    assert not whole["killed"] and whole["status"] == 0
    draw = random.Random(seed)
    deaths: list[dict[str, Any]] = [{"step": step} for step in chosen(whole["steps"], seed)]
    deaths += [{"seconds": draw.uniform(0.02, 0.95) * whole["seconds"]} for _ in range(_TIMES)]
    for death in deaths:
        told = mortal.sync(folder, start(), **death)
        case = f"{death} {told}"
        assert told["killed"] or "seconds" in death, case
        finished = indexed_in(place, place.with_name("looked at")) if place.exists() else set()
        with open_at(folder, place, sync=False) as assistant:
            library = assistant._index.library
            assert library.damages() == [], case
            assert not assistant._index.mended, case
            there = {info.id for info in assistant.documents()}
            assert keep <= there, case
            assert finished & {info.id for info in want.documents} <= there, case
            assert_true(assistant)
            report = assistant.sync()
            assert not report.mended, case
            assert_in_step(assistant)
            assert state_of(assistant) == want, case


def test_a_first_sync_killed_anywhere_is_finished_by_the_next(mortal: Dying, place: Path) -> None:
    folder = make_folder(place / "材料")
    assistant, _ = synced(folder, place / "whole")
    with assistant:
        assert_in_step(assistant)
        want = state_of(assistant)
    assert len(want.documents) == 40 and any(answer[3] for answer in want.answers)
    die_everywhere(mortal, folder, None, place / "killed", want, set(), seed=1)


def test_a_second_sync_killed_anywhere_is_finished_by_the_next(mortal: Dying, place: Path) -> None:
    folder = make_folder(place / "材料")
    assistant, _ = synced(folder, place / "base")
    with assistant:
        before = {info.id for info in assistant.documents()}
    change_folder(folder)
    assistant, _ = synced(folder, place / "anew")
    with assistant:
        want = state_of(assistant)
    keep = before & {info.id for info in want.documents}
    assert 20 < len(keep) < 40
    die_everywhere(mortal, folder, place / "base", place / "killed", want, keep, seed=2)


def test_nothing_that_a_killed_process_started_lives_on(mortal: Dying) -> None:
    deadline = time.monotonic() + 10
    while mortal.orphans() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert mortal.orphans() == []
