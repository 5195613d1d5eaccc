"""The source panel: a document opened at a quoted sentence, the list of documents, and links to a place.

Everything shown of a document goes through `render.esc`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote as percent
from urllib.parse import unquote

from rag.types import BODY_ROLES, Document, Section
from rag.web.desk import Info, Material
from rag.web.render import esc
from rag.web.strings import say

WINDOW = 20_000  # characters shown on each side of the quote; a longer document is cut there, and says so
SEARCH = 50_000  # characters on each side in which a moved sentence is looked for
_LINK = re.compile(r"at/([0-9A-Za-z_-]{1,128})/(\d{1,12})-(\d{1,12})/([0-9a-f]{12})/(.{0,16000})")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the panel opens: `document.text[start:end]`, with the answer's short span to stress inside."""

    document: Document
    start: int
    end: int
    short: str = ""
    note: str = ""  # a phrase key from `strings`: why this place is shown, "" for a citation
    verified: bool | None = None  # None: not a citation, nothing to verify


def link(place: Place) -> str:
    """Fragment that finds the place again, also in a later version of the same file: id, range, digest of the slice,
    source path."""
    doc = place.document
    digest = hashlib.sha256(doc.text[place.start : place.end].encode()).hexdigest()[:12]
    source = percent(doc.source, safe="", errors="surrogatepass")
    return f"#at/{percent(doc.id, safe='')}/{place.start}-{place.end}/{digest}/{source}"


def follow(fragment: str, documents: tuple[Info, ...]) -> tuple[str, int, int, str] | None:
    """(doc_id, start, end, digest) of a link made by `link`; the id is the present one of the file of that name when
    its content changed; None when neither is here or the link is malformed."""
    found = _LINK.fullmatch(fragment.removeprefix("#"))
    if found is None:
        return None
    doc_id, start, end, digest, source = found.groups()
    try:
        name = unquote(source, errors="surrogatepass")
    except UnicodeDecodeError:
        return None
    for info in (*(i for i in documents if i.id == doc_id), *(i for i in documents if i.source == name)):
        return info.id, int(start), int(end), digest
    return None


def settle(document: Document, start: int, end: int, digest: str) -> Place:
    """The place of a link in the document as it is now: the same range, else the nearest equal slice, else its old
    start with a note that the text changed."""

    def same(at: int) -> bool:
        return hashlib.sha256(document.text[at : at + length].encode()).hexdigest().startswith(digest)

    length = end - start
    if length > 0 and end <= len(document.text) and same(start):
        return Place(document, start, end, verified=True)
    if 0 < length <= 2000:
        for step in range(1, SEARCH):
            for at in (start - step, start + step):
                if 0 <= at <= len(document.text) - length and same(at):
                    return Place(document, at, at + length, note="place_moved", verified=True)
    start = min(start, len(document.text))
    return Place(document, start, start, note="place_changed")


def source_html(place: Place, ui: str) -> str:
    """The panel for one place: where it is, whether it was checked, and the document with the sentence marked."""
    doc = place.document
    section = next((s for s in doc.sections if s.start <= place.start < s.end), None)
    facts = [f'<span class="role">{say(f"role_{section.role}", ui)}</span>'] if section else []
    if section and section.page is not None:
        facts.append(f"<span>{say('page', ui, n=section.page)}</span>")
    facts += [f"<span>{esc(doc.value(key))}</span>" for key in ("author", "date") if doc.value(key)]
    path = "".join(f"<li>{esc(part)}</li>" for part in (section.path if section else ()))
    furniture = " furniture" if section and section.role not in BODY_ROLES else ""
    note = f'<p class="jd-note">{say(place.note, ui)}</p>' if place.note else ""
    return (
        f'<article class="jd-source{furniture}"><header>{_top(say("source", ui), ui)}'
        f"<h2>{esc(doc.title or doc.source)}</h2>{f'<ol>{path}</ol>' if path else ''}"
        f'<p class="facts">{"".join(facts)}</p>{note}{_proof(place, ui)}</header>'
        f'<div class="jd-text">{_text(place, ui)}</div><footer>{_origin(doc, ui)}</footer></article>'
    )


def library_html(material: Material, ui: str) -> str:
    """The panel that lists the documents, and the files that could not be read with the reason."""
    rows = "".join(
        f'<li><a href="#doc-{percent(info.id, safe="")}"><b>{esc(info.title or info.source)}</b>'
        f"<small>{_info(info, ui)}</small></a></li>"
        for info in material.documents
    )
    failed = "".join(
        f"<li><b>{esc(o.source)}</b><small>{esc(_reason(o.reason, ui))}</small></li>" for o in material.failed
    )
    if failed:
        failed = f'<h3>{say("failed", ui, n=len(material.failed))}</h3><ul class="failed">{failed}</ul>'
    return (
        f'<article class="jd-source jd-library"><header>{_top(say("library", ui), ui)}</header>'
        f"<ul>{rows}</ul>{failed}</article>"
    )


def note_html(text: str, ui: str) -> str:
    """The panel with nothing but a sentence, where there is no document to show."""
    return f'<article class="jd-source"><header>{_top(say("source", ui), ui)}</header><p>{esc(text)}</p></article>'


def _top(title: str, ui: str) -> str:
    return (
        f'<div class="top"><span>{title}</span><button type="button" class="jd-close" title="{say("close", ui)}" '
        f'aria-label="{say("close", ui)}">×</button></div>'
    )


def _info(info: Info, ui: str) -> str:
    words = [
        info.source,
        info.date,
        say("characters", ui, n=f"{info.characters:,}"),
        say("passages", ui, n=info.passages),
    ]
    return " · ".join(esc(word) for word in words if word)


def _reason(reason: str, ui: str) -> str:
    """A file's outcome says why in Chinese, then in English, a line each."""
    return reason.split("\n")[0 if ui == "zh" else -1]


def _proof(place: Place, ui: str) -> str:
    parts = []
    if place.verified is not None:
        word, kind = ("verified", "ok") if place.verified else ("unverified", "bad")
        parts.append(f'<span class="{kind}">{say(word, ui)}</span>')
    if place.end > place.start:
        parts.append(f'<a class="jd-link" href="{link(place)}" title="{say("copied", ui)}">{say("permalink", ui)}</a>')
    return f'<p class="proof">{"".join(parts)}</p>' if parts else ""


def _origin(doc: Document, ui: str) -> str:
    """The file, and the address that the document itself states, opened only by a click and without a referrer."""
    url, parts = doc.value("url").strip(), [f"<span>{esc(doc.source)}</span>"]
    if re.fullmatch(r"https?://[\w.-]+(:\d+)?([/?#][^\s\"'<>\\]*)?", url):
        rel = 'target="_blank" rel="noopener noreferrer nofollow"'
        parts.append(f'<a href="{esc(url)}" {rel}>{say("original", ui)} ↗</a>')
    return "".join(parts)


def _text(place: Place, ui: str) -> str:
    doc = place.document
    low, high = max(0, place.start - WINDOW), min(len(doc.text), place.end + WINDOW)
    cut = f'<p class="jd-note">{say("cut", ui)}</p>' if high - low < len(doc.text) else ""
    out, at = [cut], low
    for section in sorted(doc.sections, key=lambda s: s.start):
        if section.end <= at or section.start >= high:
            continue
        out.append(_lines(place, at, max(at, section.start), ""))
        out.append(_section(place, section, max(at, section.start), min(section.end, high), ui))
        at = min(section.end, high)
    out.append(_lines(place, at, high, ""))
    return "".join(out)


def _section(place: Place, section: Section, start: int, end: int, ui: str) -> str:
    if section.role == "title":
        return _lines(place, start, end, "title")
    if section.role == "heading":
        return _lines(place, start, end, f"heading h{min(max(section.level, 1), 4)}")
    inner = _lines(place, start, end, "")
    if section.role == "body" or not inner:
        return inner
    return f'<section class="aside"><h4>{say(f"role_{section.role}", ui)}</h4>{inner}</section>'


def _lines(place: Place, start: int, end: int, kind: str) -> str:
    """The lines of `text[start:end]` as paragraphs, empty ones left out."""
    out, at = [], start
    for line in place.document.text[start:end].split("\n"):
        if line.strip():
            out.append(f'<p class="{kind}">{_marked(place, at, at + len(line))}</p>')
        at += len(line) + 1
    return "".join(out)


def _marked(place: Place, start: int, end: int) -> str:
    text = place.document.text
    low, high = max(start, place.start), min(end, place.end)
    if low >= high:
        return esc(text[start:end])
    quoted = esc(text[low:high])
    at = text.find(place.short, low, high) if place.short else -1
    if at >= 0:
        stop = at + len(place.short)
        quoted = f"{esc(text[low:at])}<b>{esc(place.short)}</b>{esc(text[stop:high])}"
    return f'{esc(text[start:low])}<mark tabindex="-1">{quoted}</mark>{esc(text[high:end])}'
