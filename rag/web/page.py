"""The page: Gradio components, and what happens on each click. The HTML comes from `render` and `panel`."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rag.errors import BusyError, QuestionError, RagError, UnknownDocumentError
from rag.types import Answer, Citation
from rag.web import panel, render
from rag.web.api import endpoints
from rag.web.chat import PENDING, Halt, Turns, messages, reply, until
from rag.web.desk import FIRST, Desk
from rag.web.panel import Place
from rag.web.render import Turn
from rag.web.strings import say, ui_language

log = logging.getLogger(__name__)
HERE = Path(__file__).parent


def open_place(desk: Desk, target: str, turns: Turns, ui: str) -> str:
    """HTML of the panel for a link's fragment: cite-1-2, near-1-0, cand-1-3, doc-ID, at/…, library."""
    try:
        engine = desk.engine
        if target == "library":
            return panel.library_html(desk.material, ui)
        if desk.changed():
            desk.refresh()  # what a link is said to prove is the text as it is now
        if target.startswith("at/"):
            found = panel.follow(target, desk.material.documents)
            if found is None:
                return panel.note_html(say("place_gone", ui), ui)
            doc_id, start, end, digest = found
            return panel.source_html(panel.settle(engine.document(doc_id), start, end, digest), ui)
        if target.startswith("doc-"):
            return panel.source_html(Place(engine.document(target[4:]), 0, 0), ui)
        return panel.source_html(_place(desk, target, turns), ui)
    except UnknownDocumentError:  # its own message is for the command line; here the file is simply no longer there
        named = target.startswith(("cite-", "near-", "at/"))
        return panel.note_html(say("place_gone" if named else "place_old", ui), ui)
    except RagError as error:
        return panel.note_html(error.message(ui), ui)


def _place(desk: Desk, target: str, turns: Turns) -> Place:
    found = re.fullmatch(r"(cite|near|cand)-(\d{1,6})-(\d{1,6})", target)
    answer = turns[int(found[2])].answer if found and int(found[2]) < len(turns) else None
    if found is None or answer is None:
        raise QuestionError("this link leads nowhere any more; ask again", "这个链接已失效，请重新提问")
    kind, n = found[1], int(found[3])
    document = desk.engine.document
    if kind == "cand" and n < len(answer.candidates):
        finding = answer.candidates[n]
        return Place(document(finding.passage.doc_id), finding.start, finding.end, note="cand_note")
    if kind == "near" and n < len(answer.nearest):
        near = answer.nearest[n]
        try:
            return Place(document(near.doc_id), near.start, near.end, note="near_note")
        except UnknownDocumentError:
            return _again(desk, near)
    for index, citation in enumerate(answer.citations):
        if kind != "cite" or citation.number != n:
            continue
        try:
            cited = document(citation.doc_id)
        except UnknownDocumentError:
            return _again(desk, citation)
        proof = desk.engine.verify(answer)[index]
        return Place(cited, citation.start, citation.end, _short(answer, citation), "", proof.ok)
    raise QuestionError("this link leads nowhere any more; ask again", "这个链接已失效，请重新提问")


def _again(desk: Desk, citation: Citation) -> Place:
    """The file changed since the answer: the same sentence in what it is now. Raises UnknownDocumentError without it."""
    return panel.settle(desk.engine.document(citation.source), citation.start, citation.end, citation.digest)


def _short(answer: Answer, citation: Citation) -> str:
    """The short span that the answer takes from this citation's quote."""
    spans = (s.text for s in answer.segments if s.kind == "short" and s.number in (0, citation.number))
    return next((text for text in spans if text and text in citation.quote), "")


def wanted(target: str, turns: Turns) -> tuple[str, Turns] | None:
    """The question behind an asking link (ask/TEXT, retry-3) and the turns to keep before it."""
    if target.startswith("ask/"):
        return unquote(target[4:]), turns
    found = re.fullmatch(r"retry-(\d{1,6})", target)
    if found is None or int(found[1]) >= len(turns):
        return None
    return turns[int(found[1])].question, turns[: int(found[1])]


def build(desk: Desk) -> Any:
    """The `gr.Blocks` of the chat (not launched): the page and the endpoints `ask` and `retrieve`."""
    import gradio as gr
    from gradio.events import api

    counter = itertools.count()
    running: dict[str, Halt] = {}  # by browser session

    def welcome(ui: str) -> str:
        error = desk.error
        text = ""
        if error is not None:
            try:
                _ = desk.engine
            except RagError as told:
                text = told.message(ui)
        return render.welcome(desk.examples(ui)[:FIRST], desk.progress, text, desk.ready, desk.settled, ui)

    def drawn(turns: Turns, ui: str) -> list[dict[str, str]]:
        return messages(turns, ui, examples=desk.examples(ui))

    def dress(ui: str, turns: Turns) -> tuple[Any, ...]:
        """Everything that depends on the language or on whether the material is ready."""
        return (
            render.header(desk.material, desk.ready, ui),
            gr.update(value=drawn(turns, ui), placeholder=welcome(ui)),
            gr.update(placeholder=say("ask_here", ui), label=say("question", ui)),
            gr.update(value=say("switch", ui)),
            gr.update(value=say("new_chat", ui)),
        )

    def load(wish: str) -> tuple[Any, ...]:
        ui = ui_language(wish or "")
        return (ui, gr.Timer(active=not desk.settled), *dress(ui, ()))

    def tick(ui: str, turns: Turns) -> tuple[Any, ...]:
        facts = render.header(desk.material, desk.ready, ui)
        settled = desk.settled
        chat: Any
        if not turns:
            chat = gr.update(placeholder=welcome(ui))
        elif settled and turns[-1].answer is not None:
            chat = drawn(turns, ui)  # answered before there were examples: now they are offered below it
        else:
            chat = gr.skip()
        return gr.Timer(active=not settled), facts, chat

    def switch(ui: str, turns: Turns) -> tuple[Any, ...]:
        other = "en" if ui == "zh" else "zh"
        return (other, *dress(other, turns))

    def stream(question: str, kept: Turns, ui: str, session: str) -> Iterator[tuple[Any, ...]]:
        # The question is in the chat from the moment that it can be stopped: stopping loses nothing.
        halt = running[session] = Halt()
        turns = (*kept, Turn(question, trouble=PENDING))
        working = gr.update(value="", placeholder=say("ask_here", ui), submit_btn=False, stop_btn=True)
        yield turns, messages(turns, ui, render.stage(say("stage_search", ui))), working, gr.skip()
        try:
            for turns, sofar in until(reply(desk, question, kept, ui), halt):
                yield turns, messages(turns, ui, sofar), gr.skip(), gr.skip()
        finally:
            halt.set()  # also when the reader has left
            if running.get(session) is halt:
                del running[session]
        if halt.forget:  # the last step is sent once more at the end: let it be the empty chat
            yield emptied(ui)
            return
        ended = gr.update(submit_btn=True, stop_btn=False)
        if turns[-1].trouble == PENDING:
            turns = (*turns[:-1], replace(turns[-1], trouble=(say("stopped", "zh"), say("stopped", "en"))))
        elif turns[-1].answer is None:  # what could not be asked is not lost
            ended = gr.update(value=turns[-1].question, submit_btn=True, stop_btn=False)
        facts = render.header(desk.material, desk.ready, ui)  # reading a changed folder changes the line on top
        yield turns, drawn(turns, ui), ended, facts

    def ask_box(question: str, turns: Turns, ui: str, request: Any) -> Iterator[tuple[Any, ...]]:
        if (question or "").strip():
            yield from stream(question, turns, ui, request.session_hash)
        else:
            yield gr.skip(), gr.skip(), gr.update(value="", placeholder=say("q_empty", ui)), gr.skip()

    def ask_link(event: Any, turns: Turns, ui: str, request: Any) -> Iterator[tuple[Any, ...]]:
        found = wanted(str(event._data.get("target", "")), turns)
        if found:
            yield from stream(found[0], found[1], ui, request.session_hash)
        else:
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip()

    def stop(request: Any) -> None:
        if halt := running.get(request.session_hash):
            halt.set()

    def opened(event: Any, turns: Turns, ui: str) -> tuple[Any, ...]:
        target = str(event._data.get("target", ""))
        if target.startswith("edit-"):
            number = target[5:]
            known = number.isdigit() and int(number) < len(turns) and turns[int(number)].answer
            return gr.skip(), gr.skip(), known.understood if known else gr.skip()
        # The same place asked for again is a new value, so that the panel scrolls there again.
        fresh = f'<i hidden data-n="{next(counter)}"></i>'
        return open_place(desk, target, turns, ui) + fresh, gr.Sidebar(open=True), gr.skip()

    def clear(ui: str, request: Any) -> tuple[Any, ...]:
        if halt := running.get(request.session_hash):
            halt.forget = True
            halt.set()
        return emptied(ui)

    def emptied(ui: str) -> tuple[Any, ...]:
        chat = gr.update(value=[], placeholder=welcome(ui))
        return (), chat, gr.update(value="", submit_btn=True, stop_btn=False), gr.skip()

    # Gradio hands the event over by annotation, and cannot resolve a local name in a string.
    for function in (ask_box, ask_link, stop, clear):
        function.__annotations__["request"] = gr.Request
    ask_link.__annotations__["event"] = opened.__annotations__["event"] = gr.EventData
    hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    bridge_js = (HERE / "bridge.js").read_text(encoding="utf-8")
    panel_js = (HERE / "panel.js").read_text(encoding="utf-8")
    with gr.Blocks(title="据典", fill_height=True, fill_width=True, analytics_enabled=False) as page:
        turns, ui = gr.State(()), gr.State("zh")
        wish = gr.Textbox(visible=False)
        timer = gr.Timer(0.5, active=False)
        with gr.Row(elem_id="jd-head"):
            facts = gr.HTML(render.header(desk.material, False, "zh"), js_on_load=None, elem_id="jd-facts")
            fresh = gr.Button("", size="sm", elem_classes="jd-quiet", min_width=0, scale=0)
            tongue = gr.Button("", size="sm", elem_classes="jd-quiet", min_width=0, scale=0, elem_id="jd-tongue")
        chat = gr.Chatbot(
            elem_id="jd-chat", show_label=False, container=False, height=None, buttons=[], latex_delimiters=[],
            layout="bubble", feedback_options=None, group_consecutive_messages=False, placeholder=" ", scale=1,
        )  # fmt: skip
        box = gr.Textbox(
            label=say("question", "zh"), elem_id="jd-box", show_label=False, container=False, lines=1, max_lines=6, submit_btn=True,
            placeholder=" ", scale=0,
        )  # fmt: skip
        with gr.Sidebar(open=False, position="right", width=440, elem_classes="jd-side", elem_id="jd-side") as side:
            source = gr.HTML("", js_on_load=panel_js, elem_id="jd-panel")
        bridge = gr.HTML("", visible="hidden", js_on_load=bridge_js)

        dressed = [facts, chat, box, tongue, fresh]
        saved = "() => [localStorage.getItem('judian-ui') || navigator.language || '']"
        # What Python holds as state reaches the browser as null: the page itself knows which language it shows.
        shown = "document.querySelector('.jd-brand').lang"
        save = f"(...all) => {{ localStorage.setItem('judian-ui', {shown} === 'en' ? 'zh' : 'en'); return all; }}"
        page.load(load, wish, [ui, timer, *dressed], js=saved, **hidden)
        timer.tick(tick, [ui, turns], [timer, facts, chat], **hidden)
        tongue.click(switch, [ui, turns], [ui, *dressed], js=save, **hidden)
        spoken = [turns, chat, box, facts]
        box.submit(ask_box, [box, turns, ui], spoken, trigger_mode="multiple", **hidden)
        bridge.submit(ask_link, [turns, ui], spoken, trigger_mode="multiple", **hidden)
        box.stop(stop, None, None, queue=False, **hidden)
        fresh.click(clear, ui, spoken, **hidden)
        bridge.click(opened, [turns, ui], [source, side, box], trigger_mode="multiple", **hidden)
        ask, retrieve = endpoints(desk)
        api(_told(ask), api_name="ask")
        api(_told(retrieve), api_name="retrieve")
    page.queue(default_concurrency_limit=8, max_size=64)
    return page


def _told(function: Any) -> Any:
    """The endpoint with our errors as Gradio's, whose text reaches the caller."""
    import functools

    import gradio as gr

    @functools.wraps(function)
    def endpoint(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except RagError as error:
            title = "Not ready" if isinstance(error, BusyError) else "Error"
            raise gr.Error(f"{error.en} / {error.zh}", title=title, print_exception=False) from error

    return endpoint
