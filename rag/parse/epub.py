"""EPUB, a book: its chapters in the order of the spine, each read as a page; what it says of itself is metadata.

Nothing is unpacked to disk, so that the names inside can point nowhere, and no entity is expanded.
"""

from __future__ import annotations

import html
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from rag.errors import ParseError
from rag.parse.encoding import decode
from rag.parse.html import lines_of, tree_of
from rag.parse.lay import Line, lay
from rag.parse.zipped import damaged, open_zip, read_part
from rag.text.wrap import width
from rag.types import Notice, Parsed

_PAGES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"}
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # hide fonts, never text
_META = {"title": "title", "creator": "author", "date": "date", "publisher": "publisher", "subject": "category"}
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_DECLARED = re.compile(r"<\?xml[^>]{0,200}encoding\s*=\s*[\"']([A-Za-z0-9_\-.]+)")
_GROWS = re.compile(r"<!ENTITY|<!DOCTYPE[^>\[]{0,2000}\[", re.IGNORECASE)


def parse(data: bytes, name: str) -> Parsed:
    """The book's text and metadata. Raises ParseError where it is locked, damaged or has no text."""
    archive = open_zip(data, name)
    held = frozenset(archive.namelist())
    _refuse_locked(archive, held, name)
    place = _package_place(archive, held, name)
    package = _xml(archive, place, name)
    items = {item.get("id", ""): item for item in package.iter("item")}
    labels = _labels(archive, held, package, items, place, name)
    spine = [items.get(ref.get("idref", "")) for ref in package.iter("itemref")]
    if not spine:
        raise ParseError(
            f"{name} does not say in which order its chapters are read (no spine); save it again with an e-book program",
            f"{name} 没有说明章节顺序（缺少 spine）；请用电子书程序重新保存",
        )
    contents = {_target(place, ref.get("href", "")) for ref in package.iter("reference") if ref.get("type") == "toc"}
    lines: list[Line] = []
    notices: list[Notice] = []
    done: set[str] = set()
    for item in spine:
        if item is None:
            notices.append(_missing(name, ""))
            continue
        href = item.get("href", "")
        part = _target(place, href)
        if item.get("media-type", "") not in _PAGES or part in done:
            continue
        done.add(part)
        if part not in held:
            notices.append(_missing(name, href))
            continue
        chapter = list(lines_of(_page(archive, part, name)))
        if part in contents or "nav" in (item.get("properties") or "").split():
            lines += [replace(line, hint=f"{line.hint} nav") for line in chapter]
        else:
            lines += _headed(chapter, labels.get(part))
    declared = _declared(package)
    if not lines:
        raise ParseError(
            f"{name} shows no text (its pages may be pictures); export its text as .txt, .md or .html",
            f"{name} 中没有文字（各页可能是图片）；请导出为 .txt、.md 或 .html 文本",
        )
    title = declared.get("title", "")
    if title and not any(" ".join(line.text.split()) == title for line in lines):
        lines.insert(0, Line("title", title, hint="title"))
    return lay(lines, declared, notices=notices)


def _missing(name: str, href: str) -> Notice:
    return Notice(
        f"{name} names a chapter that it does not hold ({href or '?'}); get a whole copy if its text matters",
        f"{name} 列出的章节不在文件中（{href or '？'}）；如需其中内容，请换一份完整的文件",
    )


def _refuse_locked(archive: zipfile.ZipFile, held: frozenset[str], name: str) -> None:
    place = "META-INF/encryption.xml"
    if place not in held:
        return
    for locked in _xml(archive, place, name).iter("EncryptedData"):
        ways = {way.get("Algorithm", "") for way in locked.iter("EncryptionMethod")}
        if not ways or ways - set(_FONTS):
            raise ParseError(
                f"{name} is locked by its seller (DRM) and cannot be read; use a copy without a lock",
                f"{name} 有版权加密（DRM），无法读取；请使用没有加密的版本",
            )


def _package_place(archive: zipfile.ZipFile, held: frozenset[str], name: str) -> str:
    """Where the archive says what the book is made of."""
    if "META-INF/container.xml" not in held:
        raise ParseError(
            f"{name} is no e-book (META-INF/container.xml is missing); save it again with an e-book program",
            f"{name} 不是电子书（缺少 META-INF/container.xml）；请用电子书程序重新保存",
        )
    for root in _xml(archive, "META-INF/container.xml", name).iter("rootfile"):
        place = _target("", root.get("full-path", ""))
        if place in held:
            return place
    raise ParseError(
        f"{name} does not hold the list of its parts (OPF); save it again with an e-book program",
        f"{name} 缺少部件清单（OPF）；请用电子书程序重新保存",
    )


def _target(base: str, href: str) -> str:
    """The part that a link inside a part means, without its anchor."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(href.split("#")[0])))


def _source(archive: zipfile.ZipFile, part: str, name: str) -> str:
    try:
        data = read_part(archive, part, name)
    except KeyError as error:
        raise damaged(name, error) from error
    if not data.strip():
        return ""
    said = _DECLARED.search(data[:400].decode("latin-1"))
    text, _ = decode(data, name, declared=said.group(1) if said else "")
    if _GROWS.search(text):
        raise ParseError(
            f"{name} declares XML entities in {part}, which books never need: it is not read; save it again with an "
            "e-book program",
            f"{name} 的 {part} 中声明了 XML 实体，正常电子书不会这样，因此不读取；请用电子书程序重新保存",
        )
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", text).replace("\0", "")


def _tree(source: str) -> Any:
    """The XML as a tree of plain tag names; entities of HTML are written out before, no others exist."""
    from lxml import etree

    keep = {"amp", "lt", "gt", "quot", "apos"}
    text = _ENTITY.sub(lambda m: m[0] if m[1] in keep else html.unescape(m[0]), source)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    for element in root.iter(etree.Element):
        element.tag = etree.QName(element).localname
    return root


def _xml(archive: zipfile.ZipFile, part: str, name: str) -> Any:
    from lxml import etree

    try:
        return _tree(_source(archive, part, name))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise damaged(name, error) from error


def _page(archive: zipfile.ZipFile, part: str, name: str) -> Any:
    """A chapter: strict XML as the format wants it, or as browsers read what is broken."""
    from lxml import etree

    source = _source(archive, part, name)
    try:
        return _tree(source)
    except (etree.XMLSyntaxError, ValueError):
        return tree_of(source, name) if source.strip() else etree.Element("html")


def _labels(
    archive: zipfile.ZipFile, held: frozenset[str], package: Any, items: dict[str, Any], place: str, name: str
) -> dict[str, tuple[str, int]]:
    """What the contents call each chapter, and how deep it stands there."""
    found: dict[str, tuple[str, int]] = {}
    for item in items.values():
        part = _target(place, item.get("href", ""))
        is_nav = "nav" in (item.get("properties") or "").split()
        if part not in held or not (is_nav or item.get("media-type") == "application/x-dtbncx+xml"):
            continue
        root = _page(archive, part, name) if is_nav else _xml(archive, part, name)
        for href, said, depth in _entries(root, is_nav):
            found.setdefault(_target(part, href), (said, depth))
    return found


def _entries(root: Any, is_nav: bool) -> Iterator[tuple[str, str, int]]:
    for link in root.iter("a" if is_nav else "navPoint"):
        label = link if is_nav else link.find("navLabel")
        target = link if is_nav else link.find("content")
        depth = sum(1 for _ in link.iterancestors("ol" if is_nav else "navPoint"))
        said = " ".join("".join(label.itertext()).split()) if label is not None else ""
        href = target.get("href" if is_nav else "src", "") if target is not None else ""
        if said and href:
            yield href, said, max(depth, 1) if is_nav else depth + 1


def _headed(chapter: list[Line], label: tuple[str, int] | None) -> list[Line]:
    """The chapter with a heading: its own, else the line that is one but for its tag, else what the contents call it."""
    if not chapter or not label or any(line.kind == "heading" for line in chapter):
        return chapter
    said, level = label[0], min(label[1], 6)
    for index, line in enumerate(chapter[:3]):
        if " ".join(line.text.split()).casefold() == said.casefold():
            chapter[index] = replace(line, kind="heading", level=level, hint=f"{line.hint} contents".strip())
            return chapter
    short = width(said) <= 200
    return [Line("heading", said, level, "contents"), *chapter] if short else chapter


def _declared(package: Any) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for element in package.iter(*_META):
        value = " ".join("".join(element.itertext()).split())
        key = _META[element.tag]
        if value and len(value) <= 500 and value not in found.setdefault(key, []):
            found[key].append(value)
    told: dict[str, str] = {}
    for key, values in found.items():
        if not values:
            continue
        if key in {"title", "date", "publisher"}:
            told[key] = values[0]
        else:
            told[key] = ("、" if any(c > "\u2e80" for c in "".join(values)) else ", ").join(values)
    day = re.match(r"(\d{4}-\d{2}-\d{2})T", told.get("date", ""))
    if day:
        told["date"] = day.group(1)
    return told
