"""What a page's head says of the page: JSON-LD, <meta>, <title>, <link rel=canonical>, <time>."""

from __future__ import annotations

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
_LD_TYPES = re.compile(r"Article|Posting|Report|WebPage|Recipe|Book|Review", re.IGNORECASE)


def declared_metadata(root: Any) -> dict[str, str]:
    """Metadata of the page's head: JSON-LD, then <meta>, then <title>, <link rel=canonical> and <time>."""
    found: dict[str, str] = {}

    def keep(key: str, value: object) -> None:
        if isinstance(value, str):
            clean = _SPACE.sub(" ", value.replace("\x00", " ")).strip()
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
            data = json.loads(element.text or "")
        except (ValueError, RecursionError):
            continue  # many sites write broken JSON here; the page itself is still good
        nodes = data if isinstance(data, list) else [data]
        nodes = [
            n
            for node in nodes
            if isinstance(node, dict)
            for n in [node, *(node.get("@graph") or [])]
            if isinstance(n, dict)
        ]
        for node in nodes:
            if not _LD_TYPES.search(str(node.get("@type", ""))):
                continue
            yield "title", node.get("headline")
            yield "date", node.get("datePublished")
            yield "author", _name(node.get("author"))
            yield "publisher", _name(node.get("publisher"))
            yield "category", _name(node.get("articleSection"))


def _name(value: object) -> object:
    if isinstance(value, list):
        names = [n for n in map(_name, value) if isinstance(n, str)]
        return ", ".join(names) or None
    return value.get("name") if isinstance(value, dict) else value
