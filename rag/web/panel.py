"""The source panel: a document opened at a quoted sentence, and links to a place.

Everything shown of a document goes through `esc`.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote as percent
from urllib.parse import unquote

from rag.text.whereabouts import where
from rag.types import BODY_ROLES, Document
from rag.web.escape import esc
from rag.web.marks import Marked, pointed, this_html
from rag.web.strings import say
from rag.web.text import Place, row_of, section_of, text_html

SEARCH = 50_000  # characters on each side in which a moved sentence is looked for
_LINK = re.compile(r"at/([0-9A-Za-z_-]{1,128})/(\d{1,12})-(\d{1,12})/([0-9a-f]{12})/(.{0,16000})")


def link(place: Place) -> str:
    """Fragment that finds the place again, also in a later version of the same file: id, range, digest of the slice,
    source path."""
    doc = place.document
    digest = hashlib.sha256(doc.text[place.start : place.end].encode()).hexdigest()[:12]
    source = percent(doc.source, safe="", errors="surrogatepass")
    return f"#at/{percent(doc.id, safe='')}/{place.start}-{place.end}/{digest}/{source}"


def follow(fragment: str) -> tuple[str, str, int, int, str] | None:
    """(doc_id, source, start, end, digest) of a link made by `link`; None when it is malformed."""
    found = _LINK.fullmatch(fragment.removeprefix("#"))
    if found is None:
        return None
    doc_id, start, end, digest, source = found.groups()
    try:
        return doc_id, unquote(source, errors="surrogatepass"), int(start), int(end), digest
    except UnicodeDecodeError:
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


def source_html(place: Place, ui: str, marked: tuple[Marked, int] | None = None) -> str:
    """The panel for one place: where it is, whether it was checked, and the document with the sentence marked. `marked`:
    what was said of the answer that it was opened from, and the number of its turn."""
    doc = place.document
    section = section_of(place)
    facts = [f'<span class="role">{say(f"role_{section.role}", ui)}</span>'] if section else []
    if at := where(doc.kind, section.page if section else None, row_of(place, section), ui):
        facts.append(f"<span>{at}</span>")
    facts += [f"<span>{esc(doc.value(key))}</span>" for key in ("author", "date") if doc.value(key)]
    path = "".join(f"<li>{esc(part)}</li>" for part in (section.path if section else ()))
    furniture = " furniture" if section and section.role not in BODY_ROLES else ""
    note = f'<p class="jd-note">{say(place.note, ui)}</p>' if place.note else ""
    return (
        f'<article class="jd-source{furniture}"><header>{top_html(say("source", ui), ui)}'
        f"<h2>{esc(doc.title or doc.source)}</h2>{f'<ol>{path}</ol>' if path else ''}"
        f'<p class="facts">{"".join(facts)}</p>{note}{_proof(place, ui, marked)}</header>'
        f'<div class="jd-text">{text_html(place, ui)}</div><footer>{_origin(doc, ui)}</footer></article>'
    )


def note_html(text: str, ui: str) -> str:
    """The panel with nothing but a sentence, where there is no document to show."""
    return f'<article class="jd-source"><header>{top_html(say("source", ui), ui)}</header><p>{esc(text)}</p></article>'


def top_html(title: str, ui: str) -> str:
    """The line on top of every panel: what it shows, and the way to close it."""
    return (
        f'<div class="top"><span>{title}</span><button type="button" class="jd-close" title="{say("close", ui)}" '
        f'aria-label="{say("close", ui)}">×</button></div>'
    )


def _proof(place: Place, ui: str, marked: tuple[Marked, int] | None) -> str:
    parts = []
    if place.verified is not None:
        word, kind = ("verified", "ok") if place.verified else ("unverified", "bad")
        parts.append(f'<span class="{kind}">{say(word, ui)}</span>')
    if place.end > place.start:
        if marked:
            said, turn = marked
            target = f"#this/{turn}/{percent(place.document.id, safe='')}/{place.start}-{place.end}"
            on = pointed(said.mark, place.document.id, place.start, place.end)
            parts.append(this_html(target, on, ui, picks=True))
        parts.append(f'<a class="jd-link" href="{link(place)}" title="{say("copied", ui)}">{say("permalink", ui)}</a>')
    return f'<p class="proof">{"".join(parts)}</p>' if parts else ""


def _origin(doc: Document, ui: str) -> str:
    """The file, and the address that the document itself states, opened only by a click and without a referrer."""
    url, parts = doc.value("url").strip(), [f"<span>{esc(doc.source)}</span>"]
    if re.fullmatch(r"https?://[\w.-]+(:\d+)?([/?#][^\s\"'<>\\]*)?", url):
        rel = 'target="_blank" rel="noopener noreferrer nofollow"'
        parts.append(f'<a href="{esc(url)}" {rel}>{say("original", ui)} ↗</a>')
    return "".join(parts)
