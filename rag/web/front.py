"""The page before anything is asked: the line on top, and the empty chat with its progress or its example questions."""

from __future__ import annotations

from collections.abc import Sequence

from rag.types import Progress
from rag.web.desk import progress_text
from rag.web.escape import esc
from rag.web.material import Material
from rag.web.render import asking
from rag.web.strings import say


def welcome(
    examples: Sequence[str], stages: tuple[Progress, ...], error: str, ready: bool, settled: bool, ui: str
) -> str:
    """The empty chat: what this is and, once ready, questions taken from the material; before, the true progress.
    Between the two, empty frames keep the place of the questions, so that nothing jumps."""
    head = f'<p class="jd-name">{say("brand", ui)}</p><p class="jd-tag">{say("tagline", ui)}</p>'
    if error:
        lead = "" if ready else f"<strong>{say('failed_start', ui)}</strong>"
        way = f'<div class="jd-try"><a href="#library">{say("library_hint", ui)}</a></div>' if ready else ""
        body = f'<p class="jd-error">{lead}{esc(error)}</p>{way}'
    elif not ready or (stages and not settled):
        done = _done(stages)
        share = f' style="--done:{done}%"' if done is not None else ""
        detail = stages[-1].detail if stages else ""
        named = f"<small>{esc(_detail(detail, ui))}</small>" if detail else ""
        soon = say("ready_partly" if ready else "ready_soon", ui)
        body = (
            f'<div class="jd-progress"><p>{esc(progress_text(stages, ui))}</p>'
            f'<div class="bar{"" if share else " busy"}"{share}></div>{named}<p>{soon}</p></div>'
        )
    else:
        links = asking(examples) if settled else '<i class="empty"></i>' * 4
        body = f'<p class="jd-hint">{say("try_these", ui)}</p><div class="jd-examples">{links}</div>' if links else ""
    return f'<div class="jd-welcome" lang="{ui}">{head}{body}</div>'


def _done(stages: tuple[Progress, ...]) -> int | None:
    """Percent of all the work: what was encoded of the share of the files that was read."""
    counted = [progress for progress in stages if progress.total > 1]
    share = 100.0
    for progress in counted[-2:]:
        share *= min(1.0, progress.done / progress.total)
    return int(share) if counted else None


def _detail(detail: str, ui: str) -> str:
    """What is being worked on: a name, where need be with what is done to it ("NAME: loading") in our words."""
    name, _, doing = detail.partition(": ")
    known = {"loading": "detail_loading", "another process is preparing it": "detail_waiting"}
    return f"{name} · {say(known[doing], ui)}" if doing in known else detail


def header(material: Material, ready: bool, ui: str, doing: str = "") -> str:
    """The line on top: the name and what the material is, or what is being done to it; a click on the latter lists the
    documents."""
    facts = ""
    if ready:
        words = [say("docs", ui, n=material.ready)]
        if not doing:
            words += [say("passages", ui, n=material.passages), *([material.dates] if material.dates else [])]
        failed = material.states.get("failed", 0)
        warn = f"<em>{say('failed', ui, n=failed)}</em>" if failed and not doing else ""
        work = f'<span class="doing">{esc(doing)}</span>' if doing else ""
        text = "".join(f"<span>{esc(word)}</span>" for word in words)
        none = " none" if doing and not material.ready else ""
        facts = f'<a class="jd-facts{none}" href="#library" title="{say("library_hint", ui)}">{text}{work}{warn}</a>'
    return f'<div class="jd-brand" lang="{ui}"><b>{say("brand", ui)}</b>{facts}</div>'
