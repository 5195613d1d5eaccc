"""The notebooks: each runs from nothing, keeps its outputs, and holds nothing of the machine that it ran on."""

from __future__ import annotations

import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "eval" / "notebooks"
NAMES = ("01-first-steps", "02-compare-settings", "03-read-a-run")
LARGEST = 400_000  # bytes of a notebook; plotly.js alone has 4.8 million
OF_A_MACHINE = re.compile(
    r"(?<![\w.])/(?:home|root|work|tmp|Users|private|opt|usr|var|mnt)/|\b[A-Za-z]:\\|site-packages|localhost|127\.0\.0\.1"
)
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def read(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code_cells(book: Any) -> list[Any]:
    return [cell for cell in book.cells if cell.cell_type == "code"]


def strings(thing: Any) -> Iterator[str]:
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield from strings(key)
            yield from strings(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from strings(value)


def kinds(cell: Any) -> list[str]:
    """What a cell shows, without what it says: streams by name (one, in however many pieces it came), data by MIME types."""
    found: list[str] = []
    for output in cell.outputs:
        kind = output.name if output.output_type == "stream" else " ".join(sorted(output.get("data", {})))
        if output.output_type != "stream" or kind not in found:
            found.append(kind)
    return found


def test_these_notebooks_are_there() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir() if not path.name.startswith(".")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_whole_and_says_nothing_of_its_machine(name: str) -> None:
    path = FOLDER / f"{name}.ipynb"
    book = read(name)
    nbformat.validate(book)
    assert path.stat().st_size < LARGEST
    assert book.metadata == METADATA
    assert len({cell.id for cell in book.cells}) == len(book.cells)
    for cell in book.cells:
        assert not cell.metadata
        for text in strings(cell):
            assert not OF_A_MACHINE.search(text), OF_A_MACHINE.search(text)
    for text in (text for cell in code_cells(book) for text in strings(cell.outputs)):
        assert "<script" not in text.lower() and "://" not in text.replace("https://www.example.org", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_was_run_once_from_top_to_bottom(name: str) -> None:
    cells = code_cells(read(name))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell.outputs) for cell in cells) > len(cells) / 2
    for cell in cells:
        assert all(output.output_type != "error" and output.get("name") != "stderr" for output in cell.outputs)


@pytest.mark.parametrize("name", NAMES)
def test_each_heading_has_a_line_of_english_and_each_cell_of_code_comes_with_words(name: str) -> None:
    book = read(name)
    texts = [cell.source for cell in book.cells if cell.cell_type == "markdown"]
    for text in texts:
        if text.startswith("#"):
            heading, blank, first = (*text.splitlines(), "", "")[:3]
            assert re.search(r"[一-鿿]", heading) and not blank and re.match(r"\*[A-Z][^*]+[.?]\*", first), text
    assert book.cells[0].cell_type == "markdown"
    assert len(texts) > len(code_cells(book)) / 2


@pytest.mark.model
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_anywhere_and_shows_what_it_keeps(
    name: str, prepared: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # this tree, wherever the kernel starts
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # nobody's start-up files
    here = tmp_path / "here"
    here.mkdir()
    kept = read(name)
    book = deepcopy(kept)
    for cell in code_cells(book):
        cell.outputs, cell.execution_count = [], None

    NotebookClient(
        book, timeout=240, kernel_name="python3", record_timing=False, resources={"metadata": {"path": str(here)}}
    ).execute()

    for old, new in zip(code_cells(kept), code_cells(book), strict=True):
        assert kinds(new) == kinds(old), new.source
    # What is found out here shows on any machine: its folders and its name, should they come into an output.
    machine = {str(ROOT), sys.prefix, tempfile.gettempdir(), str(Path.home()), str(tmp_path), socket.gethostname()}
    for text in (text for cell in code_cells(book) for text in strings(cell.outputs)):
        assert not [told for told in machine if len(told) > 3 and told in text]
    assert not list(here.iterdir()), "a notebook leaves nothing where it runs"
