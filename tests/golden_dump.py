"""What a parser and the furniture rules make of a file, as text that a person can review and a test can compare."""

from __future__ import annotations

import os
from pathlib import Path

from rag.types import Document, Parsed

GOLDEN = Path(__file__).parent / "golden" / "formats"


def dump(parsed: Parsed, document: Document) -> str:
    """Every block (kind, level, page, row, columns, text), every section (role, path, page, row), then the metadata."""
    out = [f"title: {document.title}", f"pages: {parsed.pages}"]
    out += [f"notice: {notice.en} / {notice.zh}" for notice in parsed.notices]
    out.append("-- blocks")
    for block in parsed.blocks:
        kind = f"{block.kind}{block.level or ''}"
        where = "".join(
            f" {name}={value}" for name, value in (("p", block.page), ("row", block.row)) if value is not None
        )
        columns = f" ({' ; '.join(block.columns)})" if block.columns else ""
        out.append(f"{kind}{where}{columns} | {parsed.text[block.start : block.end]!r}")
    out.append("-- sections")
    for s in document.sections:
        where = "".join(f" {name}={value}" for name, value in (("p", s.page), ("row", s.row)) if value is not None)
        text = document.text[s.start : s.end].replace("\n", "⏎")
        shown = text if len(text) <= 60 else f"{text[:28]}…{text[-28:]}"
        out.append(f"{s.role}{where} | {' › '.join(s.path)} | {shown}")
    out.append("-- meta")
    out += [f"{key} = {document.value(key)}" for key in sorted(document.meta)]
    return "\n".join(out) + "\n"


def same_as_golden(name: str, told: str) -> None:
    """Fails where `told` is not what stands in the golden file; JUDIAN_GOLDEN=1 writes it, for a person to review."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("JUDIAN_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(told, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == told
