"""Adding and removing files from the page: what was offered, what is to be confirmed, and what came of it.

Nothing is put into the folder or taken out of it before a person has said so in the panel, and only on a page that was
opened on this machine.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from rag.errors import RagError
from rag.folder import clean_name, put, take_out
from rag.web.desk import Desk
from rag.web.strings import say

log = logging.getLogger(__name__)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Offer:
    """An uploaded file that waits to be put into the folder."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What a visitor is about to change, and what was told of the last change."""

    offered: tuple[Offer, ...] = ()
    doomed: str = ""  # the file that is to be deleted
    said_zh: tuple[str, ...] = ()
    said_en: tuple[str, ...] = ()

    def saying(self, zh: str, en: str) -> Wish:
        return replace(self, said_zh=(*self.said_zh, zh), said_en=(*self.said_en, en))


def is_local(host: str) -> bool:
    """Whether an address that a page was asked for at ("127.0.0.1:7860") is this machine, by a name that nobody else can
    give themselves."""
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    return (name or host) in LOOPBACK


def offer(wish: Wish, files: Iterable[tuple[str, str]]) -> Wish:
    """The files (path, original name) wait to be confirmed; those of no use are told and deleted at once."""
    wish = replace(wish, said_zh=(), said_en=(), doomed="")
    for path, name in files:
        uploaded = Path(path)
        try:
            made = Offer(clean_name(name), uploaded, uploaded.stat().st_size)
        except (RagError, OSError) as error:
            told = error if isinstance(error, RagError) else _lost(name, error)
            wish = wish.saying(told.message("zh"), told.message("en"))
            _discard(uploaded)
            continue
        others = tuple(o for o in wish.offered if o.path != made.path)  # the same bytes lie in the same place
        wish = replace(wish, offered=(*others, made))
    return wish


def _lost(name: str, error: OSError) -> RagError:
    why = error.strerror or str(error)
    return RagError(f"{name}: {why}; choose it again", f"{name}：{why}；请重新选择")


def drop(wish: Wish) -> Wish:
    """Nothing is changed; what was uploaded is deleted."""
    for offered in wish.offered:
        _discard(offered.path)
    return Wish()


def act(wish: Wish, target: str, desk: Desk, max_bytes: int) -> Wish:
    """Follows a link of the panel: remove/NAME asks, delete and put do what was asked, drop does not."""
    folder = desk.folder
    if target == "drop" or folder is None:
        return drop(wish)
    if target.startswith("remove/"):
        drop(wish)
        try:
            return Wish(doomed=unquote(target.removeprefix("remove/"), errors="surrogatepass"))
        except UnicodeDecodeError:  # no link of ours
            return Wish()
    if (target == "put" and not wish.offered) or (target == "delete" and not wish.doomed):
        return Wish().saying(say("gone_offer", "zh"), say("gone_offer", "en"))
    done = _put(wish, folder, max_bytes) if target == "put" else _take_out(wish, folder)
    desk.sync()
    return done


def _put(wish: Wish, folder: Path, max_bytes: int) -> Wish:
    done = Wish()
    for offered in wish.offered:
        try:
            name = put(folder, offered.name, offered.path, max_bytes)
            done = done.saying(say("put_done", "zh", name=name), say("put_done", "en", name=name))
        except RagError as error:
            done = done.saying(error.message("zh"), error.message("en"))
        finally:
            _discard(offered.path)
    return done


def _take_out(wish: Wish, folder: Path) -> Wish:
    try:
        take_out(folder, wish.doomed)
    except RagError as error:
        return Wish().saying(error.message("zh"), error.message("en"))
    return Wish().saying(say("removed", "zh", name=wish.doomed), say("removed", "en", name=wish.doomed))


def _discard(path: Path) -> None:
    """Deletes an uploaded file with the folder that was made for it alone."""
    try:
        path.unlink(missing_ok=True)
        path.parent.rmdir()
    except OSError as error:  # it goes with all others when the program ends
        log.info("an uploaded file stays until the end: %s", error)


def size_text(size: int) -> str:
    """A file's size in the unit that people read: "1.2 MB"."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.0f} KB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
