"""The panel that lists every file of the folder with what has become of it, and asks before it adds or removes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote as percent
from urllib.parse import unquote

from rag.errors import RagError
from rag.folder import ACCEPTED
from rag.shelf import Row
from rag.text.whereabouts import extent
from rag.web.escape import esc
from rag.web.hands import Wish, size_text
from rag.web.material import KEPT, Info, Material
from rag.web.panel import top_html
from rag.web.strings import say

MOST = 200  # rows drawn at first, and more with each wish for more


@dataclass(frozen=True, slots=True)
class View:
    """What of the list is shown: so many rows, or those with `name` in their name or title."""

    most: int = MOST
    name: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked for among the files: the first rows, and how many there are."""

    rows: tuple[Row, ...]
    files: int


def view_of(target: str) -> View:
    """The view that a link asks for: library, more/400, find/TEXT."""
    action, _, rest = target.partition("/")
    if action == "more" and rest.isdecimal() and len(rest) < 6:
        return View(min(int(rest), KEPT))
    return View(name=unquote(rest).strip()[:MOST]) if action == "find" else View()


def find(rows: Iterable[Row], name: str, most: int = MOST) -> Found:
    """The rows with `name` in their file's name or title, in whatever case."""
    wanted, first, count = name.casefold(), [], 0
    for row in rows:
        if wanted in row.source.casefold() or (row.info and wanted in row.info.title.casefold()):
            count += 1
            if count <= most:
                first.append(row)
    return Found(tuple(first), count)


def look_for(
    name: str, files: Callable[[], Iterable[Row]], last: Iterable[Row]
) -> tuple[Found | None, RagError | None]:
    """What is found by a name, None where none was given; and why only among the rows that were counted last, where the
    files cannot be had: an index is exchanged in a moment."""
    if not name:
        return None, None
    try:
        return find(files(), name), None
    except RagError as error:
        return find(last, name), error


def library_html(
    material: Material,
    ui: str,
    *,
    view: View | None = None,
    found: Found | None = None,
    wish: Wish | None = None,
    folder: str = "",
    max_mb: int = 0,
    doing: str = "",
    trouble: str = "",
    marks: str = "",
) -> str:
    """The list of files, what is being done to it, and what is asked. Without a `wish`, the page may not change the folder.
    `found`: what was looked for by name. `marks`: HTML of how many answers are marked."""
    counts = [say("all_files", ui, n=material.files)] if material.files else []
    states = material.states
    counts += [f"{states[state]} {say(f'state_{state}', ui)}" for state in _shown(states)]
    facts = f'<p class="facts">{"".join(f"<span>{word}</span>" for word in counts)}</p>'
    work = f'<p class="doing">{esc(doing)}</p>' if doing else ""
    note = f'<p class="jd-note">{esc(trouble)}</p>' if trouble else ""
    add = ""
    if wish is not None:
        hint = esc(say("add_hint", ui, mb=max_mb))
        add = f'<p class="add"><button type="button" class="jd-add" data-accept="{",".join(ACCEPTED)}">＋ {say("add", ui)}</button><small>{hint}</small></p>'
    asked = _asked(wish, folder, ui) if wish else ""
    view = view or View()
    rows = found.rows if found else material.rows[: view.most]
    drawn = "".join(_row(row, wish is not None, ui) for row in rows) + _rest(material, rows, found, ui)
    box = _box(view.name, ui) if material.files > MOST else ""
    return (
        f'<article class="jd-source jd-library"><header>{top_html(say("library", ui), ui)}{facts}{work}{note}</header>'
        f"{add}{asked}{box}<ul>{drawn}</ul>{marks}</article>"
    )


def _box(looked: str, ui: str) -> str:
    hint = esc(say("find_file", ui))
    return f'<input type="search" class="jd-find" value="{esc(looked)}" placeholder="{hint}" aria-label="{hint}">'


def _rest(material: Material, rows: Sequence[Row], found: Found | None, ui: str) -> str:
    """What the list leaves out, and the way to it."""
    left = (found.files if found else material.files) - len(rows)
    told = f'<li class="more">{say("found_files", ui, n=found.files)}</li>' if found else ""
    if not material.files:
        told = f'<li class="more">{say("no_files", ui)}</li>'
    elif left and not found and len(rows) < len(material.rows):
        word = say("more_files", ui, n=min(MOST, len(material.rows) - len(rows)))
        told = f'<li class="more"><a href="#more/{len(rows) + MOST}">{word}</a></li>'
    elif left:
        told += f'<li class="more">{say("many_files", ui, n=left)}</li>'
    return told


def _shown(states: Mapping[str, int]) -> list[str]:
    return [state for state in ("ready", "partly", "waiting", "failed", "skipped") if states.get(state)]


def _row(row: Row, removable: bool, ui: str) -> str:
    info: Info | None = row.info
    told = f"<b>{esc((info.title if info else '') or row.source)}</b><small>{esc(_facts(row, info, ui))}</small>"
    if info:
        told = f'<a class="open" href="#doc-{percent(info.id, safe="")}">{told}</a>'
    else:
        told = f'<span class="open">{told}</span>'
    why = "".join(f"<small class='why'>{esc(notice.zh if ui == 'zh' else notice.en)}</small>" for notice in row.notices)
    state = "" if row.state == "ready" else f'<i class="state">{say(f"state_{row.state}", ui)}</i>'
    out = ""
    if removable:
        named = esc(say("remove_named", ui, name=row.source))
        out = f'<a class="out" href="#remove/{_percent(row.source)}" aria-label="{named}">{say("remove", ui)}</a>'
    return f'<li class="{row.state}"><div>{told}{why}</div><div class="side">{state}{out}</div></li>'


def _facts(row: Row, info: Info | None, ui: str) -> str:
    if info is None:
        return ""
    words = [
        row.source if info.title else "",
        info.kind.upper(),
        extent(info.kind, info.pages, ui),
        info.date,
        say("passages", ui, n=info.passages),
    ]
    return " · ".join(word for word in words if word)


def _asked(wish: Wish, folder: str, ui: str) -> str:
    """What was done, and what is to be confirmed before it is."""
    said = "".join(f"<p>{esc(text)}</p>" for text in (wish.said_zh if ui == "zh" else wish.said_en))
    done = f'<div class="jd-said-of" role="status">{said}</div>' if said else ""
    if wish.offered:
        names = "".join(f"<li>{esc(o.name)}<small>{size_text(o.size)}</small></li>" for o in wish.offered)
        return done + _confirm(f"{esc(say('put_ask', ui, folder=folder))}<ul>{names}</ul>", "put", "put_do", ui)
    if wish.doomed:
        ask = f"{esc(say('remove_ask', ui, name=wish.doomed))} {say('remove_note', ui)}"
        return done + _confirm(ask, "delete", "remove_do", ui)
    return done


def _confirm(question: str, action: str, word: str, ui: str) -> str:
    return (
        f'<div class="jd-confirm {action}" tabindex="-1"><div>{question}</div><p class="buttons">'
        f'<a class="do" href="#{action}">{say(word, ui)}</a><a href="#drop">{say("cancel", ui)}</a></p></div>'
    )


def _percent(name: str) -> str:
    return percent(name, safe="", errors="surrogatepass")
