"""What a PDF says of itself, where that is sensible, and what is said of a PDF that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rag.errors import ParseError
from rag.parse.lay import Line
from rag.text.pagelines import DATE
from rag.text.wrap import width
from rag.types import Notice

_JUNK_TITLE = re.compile(
    r"microsoft (?:word|powerpoint|excel)\b.*|untitled.*|无标题.*|(?:文档|幻灯片|演示文稿|document|slide|presentation|新建.*文档)\s*\d*"
    r"|.*[\\/].*|.*\.(?:docx?|pptx?|xlsx?|wps|pdf|tex|dvi|indd|qxd|rtf|txt|html?|pages|odt)|\W*|[\d\W_]+|\(?anonymous\)?|about:blank|powerpoint.*",
    re.IGNORECASE,
)
_JUNK_AUTHOR = re.compile(
    r"admin(?:istrator)?|(?:windows |microsoft |lenovo |dell |hp )?users?|微软用户|用户|管理员|unknown|anonymous|\(?anonymous\)?|author|owner|root|test|pc|hp|dell|lenovo|asus|mac|None|匿名|作者"
    r"|.*[\\/@].*|\W*|[\d\W_]+|.*(?:microsoft|adobe|latex|acrobat|chromium).*",
    re.IGNORECASE,
)
_STAMP = re.compile(r"D:(\d{4})(\d{2})(\d{2})")
_DATED = 60  # columns of a line that gives a day
_EDGE = 10  # lines at either end, where a document says of what day it is
_OTHER_DAY = re.compile(
    r"\0\s*(?:起|至|到|止|前|后|以|[-–—~～]|to\b|until\b)|(?:[至到自从于]|[-–—~～]|\b(?:by|to|until|till|from|since|before|after))\s*\0",
    re.IGNORECASE,
)  # a day that something begins or ends on
_NEXT_EN = "install Tesseract, pip install -e '.[ocr]' and set ocr = true, or save a searchable PDF"
_NEXT_ZH = "请安装 Tesseract、运行 pip install -e '.[ocr]' 并设置 ocr = true，或另存为可搜索的 PDF"
_ON_EN, _ON_ZH = (
    "set ocr = true (RAG_OCR=1) to have them read, or save a searchable PDF",
    "请设置 ocr = true（RAG_OCR=1）来识别，或另存为可搜索的 PDF",
)


def declared(document: Any) -> dict[str, str]:
    """Title, author and date of the file's own record, without what programs put there by themselves."""
    import pypdfium2 as pdfium

    try:
        told = {key: " ".join(document.get_metadata_value(key).split()) for key in ("Title", "Author", "CreationDate")}
    except (pdfium.PdfiumError, UnicodeError, ValueError):
        return {}
    found: dict[str, str] = {}
    title, author = told["Title"].strip("\0 "), told["Author"].strip("\0 ")
    if 2 <= len(title) <= 200 and title.isprintable() and not _JUNK_TITLE.fullmatch(title):
        found["title"] = title
    if 2 <= len(author) <= 100 and author.isprintable() and not _JUNK_AUTHOR.fullmatch(author):
        found["author"] = author
    stamp = _STAMP.match(told["CreationDate"])
    if stamp and 1990 <= int(stamp[1]) <= 2100 and 1 <= int(stamp[2]) <= 12 and 1 <= int(stamp[3]) <= 31:
        found["date"] = "-".join(stamp.groups())
    return found


def with_day(facts: dict[str, str], lines: Sequence[Line], first: int) -> dict[str, str]:
    """What is declared, with the day that the text gives of itself in place of the day the file was made, which may be no
    more than the day it was saved: a short line of page `first`, or among the last lines."""
    edge = [*lines[:_EDGE], *lines[max(_EDGE, len(lines) - _EDGE) :]]
    opening = (line for line in lines if line.page == first)
    if "date" not in facts or not (any(map(_days, edge)) or any(map(_days, opening))):
        return facts
    own = [day for line in edge for day in _days(line) if not _OTHER_DAY.search(line.text.replace(day, "\0", 1))]
    kept = {key: value for key, value in facts.items() if key != "date"}
    return {**kept, "date": own[0]} if own else kept


def _days(line: Line) -> list[str]:
    short = line.kind != "row" and "footer" not in line.hint and width(line.text) <= _DATED
    return [match[0].strip() for match in DATE.finditer(line.text)] if short else []


def page_numbers(pages: Sequence[int]) -> str:
    """Pages as people write them: 3–5, 8."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and runs[-1][-1] == page - 1:
            runs[-1].append(page)
        else:
            runs.append([page])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def no_text_notice(pages: Sequence[int], able: bool) -> Notice:
    numbers = page_numbers(pages)
    some = "pages" if len(pages) > 1 else "page"
    return Notice(
        f"no text on {some} {numbers}, needs OCR; {_ON_EN if able else _NEXT_EN}",
        f"第 {numbers.replace(', ', '、')} 页没有文字，需要 OCR；{_ON_ZH if able else _NEXT_ZH}",
    )


def ocr_notice(pages: Sequence[int]) -> Notice:
    numbers = page_numbers(pages)
    return Notice(
        f"page{'s' if len(pages) > 1 else ''} {numbers} read by OCR, which makes mistakes; check quotes against the page",
        f"第 {numbers.replace(', ', '、')} 页由 OCR 识别，可能有错字；引用时请对照原页",
    )


def damage_notice() -> Notice:
    return Notice(
        "part of the file is damaged and some text may be missing; open it in a PDF program and save it again",
        "文件有一部分已损坏，可能缺少文字；请用 PDF 程序打开并重新保存",
    )


def no_text(name: str, able: bool) -> ParseError:
    return ParseError(
        f"{name} has no text on any page, it may be a scan and needs OCR; {_ON_EN if able else _NEXT_EN}",
        f"{name} 的所有页面都没有文字，可能是扫描件，需要 OCR；{_ON_ZH if able else _NEXT_ZH}",
    )


def locked(name: str) -> ParseError:
    return ParseError(
        f"{name} is protected by a password; save a copy without one",
        f"{name} 有密码保护；请另存为不带密码的副本",
    )


def damaged(name: str, why_en: str, why_zh: str) -> ParseError:
    return ParseError(
        f"{name} is damaged or no PDF ({why_en}); open it in a PDF program and save it again, or fetch it again",
        f"{name} 已损坏或不是 PDF（{why_zh}）；请用 PDF 程序打开并重新保存，或重新获取该文件",
    )


def too_large(name: str, pages: int) -> ParseError:
    return ParseError(
        f"{name} holds more than is read ({pages} pages); split it into smaller files",
        f"{name} 的内容超过上限（{pages} 页）；请拆分为较小的文件",
    )
