"""Pages that are pictures, read by Tesseract where it is installed and asked for: slow, so never by itself."""

from __future__ import annotations

import os
import re
import shutil
from importlib.util import find_spec
from typing import Any

from rag.parse.pdf.paragraphs import join_lines

SETTING = "JUDIAN_OCR"
DPI = 200
SECONDS = 60  # for one page
_MOST_PIXELS = 40_000_000  # a poster is read at fewer dots an inch
_WIDE_GAP = re.compile(r"(?<=[\u2e80-\u9fff\uff00-\uff60“”])[ \t]+(?=[\u2e80-\u9fff\uff00-\uff60“”])")


def available() -> bool:
    """Whether pages can be read here: the program and its Python module are installed."""
    return shutil.which("tesseract") is not None and all(find_spec(name) for name in ("pytesseract", "PIL"))


def wanted() -> bool:
    return os.environ.get(SETTING, "") == "1"


def read_page(page: Any) -> list[str]:
    """The paragraphs of a page's picture; none where nothing is read within the time."""
    import pypdfium2 as pdfium
    import pytesseract

    scale = DPI / 72
    wide, high = page.get_size()
    scale = min(scale, (_MOST_PIXELS / max(wide * high, 1.0)) ** 0.5)
    try:
        image = page.render(scale=scale, grayscale=True, may_draw_forms=False).to_pil()
        told = pytesseract.image_to_string(image, lang=_languages(), timeout=SECONDS)
    except (pytesseract.TesseractError, pdfium.PdfiumError, RuntimeError, OSError, ValueError, MemoryError):
        return []  # the page stays among those that the notice names
    return paragraphs(told)


def paragraphs(told: str) -> list[str]:
    """Tesseract's lines put together: blank lines part paragraphs, and the spaces it sets between characters go."""
    found: list[str] = []
    for block in re.split(r"\n[ \t\f]*\n", told.replace("\f", "\n\n")):
        lines = [_WIDE_GAP.sub("", " ".join(line.split())) for line in block.splitlines()]
        text = join_lines([line for line in lines if line], frozenset())
        if text:
            found.append(text)
    return found


def _languages() -> str:
    import pytesseract

    here = pytesseract.get_languages()
    chosen = [name for name in ("chi_sim", "eng") if name in here]
    return "+".join(chosen or [name for name in here if name != "osd"][:1] or ["eng"])
