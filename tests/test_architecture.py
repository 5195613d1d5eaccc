"""The law of the house: who may import whom, what loads when, and what no file holds."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "rag").rglob("*.py"))
OURS = [*FILES, *sorted((ROOT / "eval").rglob("*.py")), ROOT / "app.py"]
HEAVY = {
    "faiss",
    "gradio",
    "lxml",
    "opencc",
    "openvino",
    "pandas",
    "plotly",
    "pyarrow",
    "pymilvus",
    "ray",
    "sentence_transformers",
    "tantivy",
    "torch",
    "transformers",
}

# room -> what it may import, beside itself. Stages see the rows above and never each other.
GROUND = {"errors", "table", "types"}
COMMON = GROUND | {"config", "protocols", "text"}
STAGES = {
    "chunk", "compose", "embed", "furniture", "lexical", "library", "notebook", "parse", "reader", "retrieve", "stores",
    "understand", "verify",
}  # fmt: skip
FLOW = {"examples", "fill", "folder", "index", "intake", "shelf", "sync"}
LAW: dict[str, set[str]] = {
    "errors": set(),
    "table": set(),
    "types": {"notebook", "ranking", "table"},  # the first two lazily: how a value shows and explains itself
    "protocols": GROUND,
    "config": GROUND,
    "text": GROUND,
    **dict.fromkeys(STAGES, COMMON),
    "explanation": GROUND | {"notebook"},  # lazily, as in types
    "notebook": COMMON | {"explanation", "ranking", "wording"},
    "wording": COMMON | {"understand"},
    "ranking": COMMON | {"notebook", "wording"},  # the first lazily, as in types
    "reader": COMMON | {"embed"},  # the trained reader is the embedder's own encoder on the same engine
    "index": COMMON | {"lexical", "library", "retrieve", "stores"},
    "folder": COMMON | {"parse"},
    "intake": COMMON | {"chunk", "furniture", "parse"},
    "fill": COMMON | {"index"},
    "feedback": COMMON | {"jsonl", "library"},
    "sync": COMMON | STAGES | {"feedback", "fill", "folder", "index", "intake"},
    "cluster": COMMON | {"embed", "folder", "index", "intake", "library", "shelf", "sync"},
    "examples": COMMON | {"library"},
    "proof": COMMON | {"feedback", "folder", "index", "lexical", "library", "shelf", "stores"},
    "shelf": COMMON | {"folder", "index", "intake", "library", "sync", "verify"},
    "about": COMMON | STAGES,
    "filters": COMMON | {"library"},
    "asking": COMMON | {"compose", "understand"},
    "citing": COMMON | {"compose", "library"},
    "assistant": COMMON | STAGES | FLOW | {"about", "asking", "citing", "explanation", "filters"},
    "adapters": COMMON | {"assistant"},
    "doctor": COMMON | STAGES | FLOW,
    "training": COMMON | STAGES,
    "objects": GROUND,
    "jsonl": GROUND,
    "web": COMMON | {"assistant", "feedback", "folder", "index", "objects", "shelf"},
    "cli": COMMON
    | {
        "assistant",
        "cluster",
        "doctor",
        "explanation",
        "folder",
        "index",
        "jsonl",
        "objects",
        "proof",
        "shelf",
        "verify",
    },
    "__main__": {"cli", "errors", "text"},
    "__init__": {"assistant", "config", "explanation", "filters", "types"},
}
LONGER = {  # file -> why it may pass 300 lines
    "rag/assistant.py": "the whole flow, read in one place",
    "rag/reader/features.py": "one list: every feature with its formula",
    "rag/library/__init__.py": "one class: every step of the only truth",
    "rag/types.py": "one list: every value that travels between the stages",
    "rag/text/pagelines.py": "one list: what a line of a page can be",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room(path: Path) -> str:
    return path.relative_to(ROOT / "rag").parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """Absolute names of what is imported, functions and classes included: `rag.text.fold`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: import by the full name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_program(path: Path) -> bool:
    """Whether it is run by name and thus talks to a person."""
    return room(path) == "cli" or '__name__ == "__main__"' in path.read_text(encoding="utf-8")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_room_imports_only_what_the_law_allows(path: Path) -> None:
    assert room(path) in LAW, "a new room needs its line in the law"
    for imported in imports(parsed(path)):
        top, *rest = imported.split(".")
        assert top not in {"eval", "app", "tests"}, f"the library imports {imported}"
        if top == "rag":
            assert rest and rest[0] in LAW[room(path)] | {room(path)}, f"{room(path)} may not import {imported}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_heavy_libraries_are_imported_where_they_are_used(path: Path) -> None:
    tree = parsed(path)
    for node in tree.body:
        for imported in imports(node) if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
            assert imported.split(".")[0] not in HEAVY, f"{imported} is imported with the module"


@pytest.mark.parametrize("path", OURS, ids=name)
def test_files_are_short_enough_to_read(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= (400 if name(path) in LONGER else 300), f"{lines} lines"


@pytest.mark.parametrize("path", OURS, ids=name)
def test_habits_that_stay_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.name not in {"utils.py", "helpers.py", "misc.py"}
    for word in ("TODO", "FIXME", "NotImplementedError", "time.sleep"):
        assert word not in text, word
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ClassDef):
            assert not node.name.startswith("Base") and not node.name.endswith(("Manager", "Helper")), node.name
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"line {node.lineno}: a bare except"
            assert not all(isinstance(s, ast.Pass) for s in node.body), f"line {node.lineno}: an error is swallowed"


@pytest.mark.parametrize("path", [p for p in FILES if not is_program(p)], ids=name)
def test_library_code_never_prints(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"line {node.lineno}"


def loaded_by(code: str) -> set[str]:
    out = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        cwd=ROOT, check=True, capture_output=True, text=True, timeout=120,
    ).stdout  # fmt: skip
    return {module.split(".")[0] for module in out.split()}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import rag") & (HEAVY | {"numpy"})


def test_importing_every_module_loads_nothing_heavy() -> None:
    # A framework's adapter loads its framework, whatever that loads.
    light = [path for path in FILES if room(path) != "adapters" or path.stem in {"__init__", "fields"}]
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in light]
    assert not loaded_by("import " + ", ".join(m.removesuffix(".__init__") for m in modules)) & HEAVY


def test_the_top_level_holds_what_it_should() -> None:
    kept = {"LICENSE", "NOTICE", "README.md", "app.py", "eval", "pyproject.toml", "rag", "seeds", "tests"}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout: what belongs to the project is not known")
    assert {
        line.strip('"').split("/")[0] for line in listed.stdout.splitlines() if not line.startswith((".", '".'))
    } <= kept
