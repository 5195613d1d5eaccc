"""Where in a file something stands, as people say it: a page, a slide, a sheet's row."""

from __future__ import annotations

from pathlib import PurePath

_SLIDES = frozenset({"pptx", "pptm", "potx", "potm", "ppsx", "ppsm"})
_SHEETS = frozenset({"xlsx", "xlsm"})


def where(kind: str, page: int | None, row: int | None, lang: str) -> str:
    """The place of a quote in a file of that kind; "" where the format has no such places.

    >>> where("xlsx", 2, 17, "en"), where("pptx", 4, None, "en"), where("csv", None, 17, "en"), where("txt", None, None, "en")
    ('sheet 2, row 17', 'slide 4', 'row 17', '')
    """
    zh = lang.startswith("zh")
    told = []
    if page is not None:
        told.append(f"第 {page} {_unit(kind)}" if zh else f"{_english(kind)} {page}")
        if kind in _SHEETS and zh:
            told = [f"工作表 {page}"]
    if row is not None:
        told.append(f"第 {row} 行" if zh else f"row {row}")
    return (" · " if zh else ", ").join(told)


def extent(kind: str, pages: int | None, lang: str) -> str:
    """How many pages, slides or sheets a file has; "" where its format has none.

    >>> extent("pdf", 12, "zh"), extent("xlsx", 1, "en"), extent("md", None, "zh")
    ('12 页', '1 sheet', '')
    """
    if pages is None:
        return ""
    if lang.startswith("zh"):
        return f"{pages} {'个工作表' if kind in _SHEETS else _unit(kind)}"
    word = "slide" if kind in _SLIDES else "sheet" if kind in _SHEETS else "page"
    return f"{pages} {word}" + ("" if pages == 1 else "s")


def kind_of(source: str) -> str:
    """The kind that a file's name tells, for what is known by its name alone."""
    return PurePath(source).suffix.lower().removeprefix(".")


def _unit(kind: str) -> str:
    return "张幻灯片" if kind in _SLIDES else "页"


def _english(kind: str) -> str:
    return "slide" if kind in _SLIDES else "sheet" if kind in _SHEETS else "p."
