"""What a page's head says of the page: JSON-LD, <meta>, <title>, <link rel=canonical>, <time>."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

_SPACE = re.compile(r"[ \t\n\r\f\v]+")
_META = {
    "author": ("author", "article:author", "og:article:author", "dc.creator", "byl", "parsely-author", "sailthru.author"),
    "date": ("article:published_time", "og:published_time", "pubdate", "publishdate", "date", "dc.date", "datepublished", "og:pubdate", "weibo:article:create_at", "apub:time"),
    "publisher": ("og:site_name", "contentsource", "source", "dc.publisher", "application-name"),
    "url": ("og:url", "twitter:url"),
    "category": ("article:section", "columnname", "category"),
    "title": ("og:title", "twitter:title", "articletitle", "dc.title"),
}  # fmt: skip
_STAMP = re.compile(r"(\d{4}-\d{2}-\d{2})T[\d:.]+(?:Z|[+-]\d{2}:?\d{2})?\Z")
_NODES = 500  # parts of a page's linked data that are looked at
_LD_TYPES = re.compile(r"Article|Posting|Report|WebPage|Recipe|Book|Review", re.IGNORECASE)


def declared_metadata(root: Any) -> dict[str, str]:
    """Metadata of the page's head: JSON-LD, then <meta>, then <title>, <link rel=canonical> and <time>."""
    found: dict[str, str] = {}

    def keep(key: str, value: object) -> None:
        if isinstance(value, str):
            clean = _SPACE.sub(" ", value.replace("\x00", " ")).strip()
            if key == "date":
                clean = _STAMP.sub(r"\1", clean)  # a time with its zone is for programs
            if key == "url" and not clean.lower().startswith(("http://", "https://")):
                return
            if clean and len(clean) <= 500 and key not in found:
                found[key] = clean

    for key, value in _linked_data(root):
        keep(key, value)
    values: dict[str, str] = {}
    for element in root.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop")
        if name and element.get("content"):
            values.setdefault(name.lower(), element.get("content"))
    for key, names in _META.items():
        for name in names:
            if name in values:
                keep(key, values[name])
                break
    if "author" in found and found["author"].startswith(("http://", "https://")):
        del found["author"]
    for element in root.iter("link"):
        if (element.get("rel") or "").lower() == "canonical":
            keep("url", element.get("href"))
    for element in root.iter("time"):
        keep("date", element.get("datetime"))
        break
    titles = [h for h in root.iter("h1") if _SPACE.sub(" ", h.text_content()).strip()]
    if len(titles) == 1:
        found["title"] = _SPACE.sub(" ", titles[0].text_content()).strip()
    element = root.find(".//title")
    if element is not None and "title" not in found:
        keep("title", element.text_content())
    return found


def _linked_data(root: Any) -> Iterator[tuple[str, object]]:
    for element in root.iter("script"):
        if "ld+json" not in (element.get("type") or ""):
            continue
        try:
            data = json.loads(element.text or "", strict=False)
        except (ValueError, RecursionError):
            continue  # many sites write broken JSON here; the page itself is still good
        for node in _nodes(data):
            if not _LD_TYPES.search(str(node.get("@type", ""))):
                continue
            yield "title", _name(node.get("headline"))
            yield "date", node.get("datePublished")
            yield "author", _name(node.get("author"))
            yield "publisher", _name(node.get("publisher"))
            yield "category", _name(node.get("articleSection"))


def _nodes(data: object) -> list[dict[str, Any]]:
    """The things that linked data describes, those of its graphs and lists included, in order."""
    found: list[dict[str, Any]] = []
    waiting = [data]
    while waiting and len(found) < _NODES:
        node = waiting.pop(0)
        if isinstance(node, list):
            waiting[:0] = node[:_NODES]
        elif isinstance(node, dict):
            found.append(node)
            waiting[:0] = [inner for inner in (node.get("@graph"), node.get("mainEntity")) if inner]
    return found


def _name(value: object) -> object:
    """Who or what is named: by a word, a thing with a name, or a list of either."""
    held = value if isinstance(value, list) else [value]
    names = [one.get("name") if isinstance(one, dict) else one for one in held]
    said = [name for name in names if isinstance(name, str) and not name.startswith(("http://", "https://"))]
    return html.unescape(", ".join(dict.fromkeys(said))) or None
