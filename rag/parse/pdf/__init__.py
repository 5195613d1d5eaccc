"""PDF: text by where it stands on the page. Columns in reading order, wraps undone, headings by the size of letters,
running heads and page numbers told apart; what has no text is named, never passed over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

from rag.parse.lay import Line, lay
from rag.parse.pdf import ocr, said
from rag.parse.pdf.columns import regions
from rag.parse.pdf.glyphs import SLANTED, Sheet, by_frame, page_box, read_glyphs
from rag.parse.pdf.headings import Placed, lines_of
from rag.parse.pdf.lines import Row, rows_of
from rag.parse.pdf.paragraphs import Body, Paragraph, goes_on, join_lines, paragraphs
from rag.parse.pdf.running import Trimmed, trim
from rag.parse.pdf.tables import Table, parts_of
from rag.parse.pdf.whole import broken_streams, is_cut
from rag.types import Notice, Parsed

MOST_PAGES = 20_000
MOST_CHARS = 40_000_000
_FEW = 30  # characters of a page that is a picture all the same

_PDFIUM = Lock()  # pdfium serves one thread at a time


@dataclass(frozen=True, slots=True)
class _Page:
    rows: tuple[Row, ...]
    beside: tuple[Line, ...]  # text that stands at an angle to the rest
    height: float
    blind: bool  # shows something that is no text


def parse(data: bytes, name: str) -> Parsed:
    """Text, blocks, pages and sensible metadata of a PDF. Raises ParseError for what is locked, damaged or a scan."""
    start = data.find(b"%PDF-")
    if start < 0:
        raise said.damaged(name, "it does not begin as one", "文件开头不是 PDF")
    data = data[start:]
    with _PDFIUM:
        pages, read, facts = _read(data, name)
    if is_cut(data):
        raise said.damaged(name, "it stops before its end", "文件不完整，提前结束")
    able = ocr.available()
    blind = [number for number, page in enumerate(pages, 1) if page.blind and number not in read]
    body = _body(pages)
    parts = list(_parts(pages, read, body))
    broken = broken_streams(data)
    if not parts and broken:
        raise said.damaged(name, "its pages do not unpack", "页面内容无法解压")
    if not parts:
        raise said.no_text(name, able)
    notices: list[Notice] = []
    if broken:
        notices.append(said.damage_notice())
    if read:
        notices.append(said.ocr_notice(sorted(read)))
    if blind:
        notices.append(said.no_text_notice(blind, able and not ocr.wanted()))
    first = min(placed.page for placed in parts)
    lines = lines_of(parts, first)
    return lay(lines, said.with_day(facts, lines, first), pages=len(pages), notices=notices)


def _read(data: bytes, name: str) -> tuple[list[_Page], dict[int, list[str]], dict[str, str]]:
    """Everything that pdfium is asked for: pages, the paragraphs of those read by OCR, and what the file declares."""
    import pypdfium2 as pdfium
    import pypdfium2.raw as raw

    raw.FPDF_LoadMemDocument64(b"", 0, None)  # the library keeps its last error, that of an earlier file too
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD or "password" in str(error).lower():
            raise said.locked(name) from error
        raise said.damaged(name, "it cannot be opened", "无法打开") from error
    try:
        count = len(document)
        if count > MOST_PAGES:
            raise said.too_large(name, count)
        if count < 1:
            raise said.damaged(name, "it has no pages", "没有页面")
        pages: list[_Page] = []
        read: dict[int, list[str]] = {}
        held = 0
        for number in range(1, count + 1):
            page = _open(document, number, name)
            try:
                sheet = _sheet(page, name, number)
                held += len(sheet.glyphs)
                if held > MOST_CHARS:
                    raise said.too_large(name, count)
                pages.append(_laid(page, sheet, number))
                if pages[-1].blind and ocr.wanted() and ocr.available():
                    told = ocr.read_page(page)
                    if told:
                        read[number] = told
            finally:
                page.close()
        return pages, read, said.declared(document)
    finally:
        document.close()


def _open(document: Any, number: int, name: str) -> Any:
    import pypdfium2 as pdfium

    try:
        return document[number - 1]
    except (pdfium.PdfiumError, IndexError) as error:
        raise said.damaged(name, f"page {number} cannot be read", f"第 {number} 页无法读取") from error


def _sheet(page: Any, name: str, number: int) -> Sheet:
    import pypdfium2.raw as raw

    text = raw.FPDFText_LoadPage(page)
    if not text:
        raise said.damaged(name, f"the text of page {number} cannot be read", f"第 {number} 页的文字无法读取")
    try:
        return read_glyphs(page, text, page_box(page), max(0, raw.FPDFPage_GetRotation(page)) % 4)
    finally:
        raw.FPDFText_ClosePage(text)


def _laid(page: Any, sheet: Sheet, number: int) -> _Page:
    rows: tuple[Row, ...] = ()
    beside: list[Line] = []
    height = sheet.height
    for place, (frame, glyphs) in enumerate(by_frame(sheet)):
        if frame == SLANTED:
            words = "".join((" " if glyph.space else "") + glyph.text for glyph in glyphs)
            beside.append(Line("paragraph", " ".join(words.split()), hint="banner", page=number))
        elif place == 0:
            rows = tuple(rows_of(glyphs))
            height = sheet.width if frame % 2 else sheet.height
        else:
            told = [" ".join(f.text for f in row) for row in rows_of(glyphs)]
            beside += [Line("paragraph", line.strip(), hint="sidebar", page=number) for line in told]
    few = len(sheet.glyphs) < _FEW
    blind = (few and _pictured(page, sheet)) or sheet.lost > max(len(sheet.glyphs), _FEW)
    return _Page(rows, tuple(beside), height, blind)


def _pictured(page: Any, sheet: Sheet) -> bool:
    """Whether a page with little text shows a picture that may hold more, or letters that were drawn."""
    import pypdfium2.raw as raw

    drawn = 0
    for index in range(min(raw.FPDFPage_CountObjects(page), 5000)):
        held = raw.FPDFPage_GetObject(page, index)
        kind = raw.FPDFPageObj_GetType(held) if held else raw.FPDF_PAGEOBJ_UNKNOWN
        if kind in {raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_FORM}:
            if not sheet.glyphs or _covers(held, sheet):
                return True
        elif kind == raw.FPDF_PAGEOBJ_PATH:
            drawn += 1
    return drawn >= 100 and not sheet.glyphs


def _covers(held: Any, sheet: Sheet) -> bool:
    from ctypes import byref, c_float

    import pypdfium2.raw as raw

    left, bottom, right, top = c_float(), c_float(), c_float(), c_float()
    if not raw.FPDFPageObj_GetBounds(held, byref(left), byref(bottom), byref(right), byref(top)):
        return False
    return (right.value - left.value) * (top.value - bottom.value) > 0.5 * sheet.width * sheet.height


def _body(pages: Sequence[_Page]) -> Body:
    """What the running text looks like: the size and weight of most letters, the usual distance of two lines."""
    sizes: Counter[float] = Counter()
    weights: Counter[bool] = Counter()
    words: set[str] = set()
    for page in pages:
        for row in page.rows:
            for fragment in row:
                sizes[fragment.size] += len(fragment.text)
                weights[fragment.bold] += len(fragment.text)
                words.update(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", fragment.text.lower()))
    size = sizes.most_common(1)[0][0] if sizes else 10.0
    steps: Counter[float] = Counter()
    for page in pages:
        for above, below in zip(page.rows, page.rows[1:], strict=False):
            step = (below[0].base - above[0].base) / size
            if above[0].size == below[0].size == size and 0.9 < step < 3:
                steps[round(step, 1)] += 1
    return Body(size, steps.most_common(1)[0][0] if steps else 1.3, weights[True] > weights[False], words)


def _parts(pages: Sequence[_Page], read: dict[int, list[str]], body: Body) -> Iterator[Placed]:
    trimmed = trim([page.rows for page in pages], [page.height for page in pages], body.size)
    for number, (page, kept) in enumerate(zip(pages, trimmed, strict=True), 1):
        yield from (Placed(number, line) for line in _running(kept, number, True))
        yield from (Placed(number, part) for part in _flow(kept.body, body))
        yield from (Placed(number, Line("paragraph", told, hint="ocr", page=number)) for told in read.get(number, ()))
        yield from (Placed(number, line) for line in page.beside if line.text)
        yield from (Placed(number, line) for line in _running(kept, number, False))


def _flow(rows: Sequence[Row], body: Body) -> list[Paragraph | Table]:
    """The paragraphs and tables of a page; a paragraph that goes on at the top of the next column is one."""
    found: list[Paragraph | Table] = []
    for region in regions(rows):
        for index, part in enumerate(parts_of(region.rows)):
            if isinstance(part, Table):
                found.append(part)
                continue
            mine = paragraphs(part, region.left, region.right, body)
            last = found[-1] if found and not index else None
            if isinstance(last, Paragraph) and mine and goes_on(last, mine[0]):
                found[-1] = replace(last, text=join_lines([last.text, mine.pop(0).text], body.words))
            found.extend(mine)
    return found


def _running(kept: Trimmed, number: int, top: bool) -> Iterator[Line]:
    for row in kept.head if top else kept.foot:
        yield Line("paragraph", " ".join(f.text for f in row), hint="header footer" if top else "footer", page=number)
