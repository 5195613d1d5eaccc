"""The page: Gradio components, and what happens on each click. The HTML comes from `render`, `panel` and `listing`."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rag.errors import QuestionError, RagError
from rag.web import front, hands, render, verdicts
from rag.web.api import ENDPOINTS, endpoints, served
from rag.web.chat import PENDING, Halt, Turns, following, messages, reply
from rag.web.desk import FIRST, Desk
from rag.web.hands import Wish
from rag.web.line import TooManyError
from rag.web.links import open_place, wanted
from rag.web.listing import View, library_html, look_for, view_of
from rag.web.panel import note_html
from rag.web.render import Turn
from rag.web.strings import say, ui_language

HERE = Path(__file__).parent
QUICK, SLOW = 1.0, 5.0  # seconds between two looks while something is being done, and while nothing is


def build(desk: Desk, max_mb: int = 0, kept: Path | None = None) -> Any:
    """The `gr.Blocks` of the chat (not launched): the page and the endpoints `ask` and `retrieve`. Where the page is opened
    on this machine, files of up to `max_mb` can be added, and removed, and what is said of answers is kept in the directory
    `kept`; 0 or None: nowhere."""
    import gradio as gr
    from gradio.events import api

    counter = itertools.count()
    running: dict[str, Halt] = {}  # by browser session

    def local(request: Any) -> bool:
        return hands.is_local(request.headers.get("host", ""))

    def may_change(request: Any) -> bool:
        return bool(max_mb and desk.folder and local(request))

    def trouble(ui: str) -> str:
        """What is in the way, where nothing answers."""
        try:
            if desk.error is not None or (desk.trouble is not None and not desk.syncing):
                _ = desk.answering
        except RagError as told:
            return told.message(ui)
        return ""

    def welcome(ui: str) -> str:
        ready = desk.ready and (bool(desk.material.ready) or not desk.syncing)
        return front.welcome(desk.examples(ui)[:FIRST], desk.progress, trouble(ui), ready, desk.settled, ui)

    def header(ui: str) -> str:
        return front.header(desk.material, desk.ready, ui, desk.told(ui) if desk.syncing and desk.progress else "")

    def listed(ui: str, view: View, wish: Wish, request: Any) -> str:
        doing = desk.told(ui) if desk.syncing and desk.progress else ""
        found, lost = look_for(view.name, lambda: desk.engine.files(), desk.material.rows)
        why = None if desk.syncing else desk.trouble or lost  # else it is there again in a moment
        in_the_way = why.message(ui) if why else ""
        return library_html(
            desk.material, ui, view=view, found=found, wish=wish if may_change(request) else None, folder=desk.folder.name if desk.folder else "",
            max_mb=max_mb, doing=doing, trouble=in_the_way, marks=verdicts.summary(desk, kept if local(request) else None, ui),
        )  # fmt: skip

    def anew(html: str) -> str:
        """The same panel asked for again is a new value, so that it is scrolled and has the focus again."""
        return f'{html}<i hidden data-n="{next(counter)}"></i>'

    def pace() -> Any:
        busy = desk.syncing or not desk.settled
        return gr.Timer(value=QUICK if busy else SLOW, active=True)

    def drawn(turns: Turns, ui: str, last: str | None = None) -> list[dict[str, str]]:
        return messages(verdicts.seen(kept, turns), ui, last, desk.examples(ui))

    def may_be_forgotten(turns: Turns) -> bool:
        """Whether something was said of an answer that has gone since, with the file that it quotes."""
        return not desk.syncing and any(turn.marked for turn in turns)

    def dress(ui: str, turns: Turns) -> tuple[Any, ...]:
        """Everything that depends on the language or on whether the material is ready."""
        return (
            header(ui),
            gr.update(value=drawn(turns, ui), placeholder=welcome(ui)),
            gr.update(placeholder=say("ask_here", ui), label=say("question", ui)),
            gr.update(value=say("switch", ui)),
            gr.update(value=say("new_chat", ui)),
        )

    def load(wish: str) -> tuple[Any, ...]:
        ui = ui_language(wish or "")
        return (ui, pace(), *dress(ui, ()))

    def tick(ui: str, turns: Turns, seen: Any, view: View | None, wish: Wish, request: Any) -> tuple[Any, ...]:
        """The page keeps in step by itself: with the folder, and with what is being done to it."""
        desk.look()
        desk.take_stock()
        examples = desk.examples(ui)
        now = (desk.revision, examples)
        if seen == (now, True):
            return pace(), *(gr.skip() for _ in range(4))
        chat: Any = gr.skip()
        if not turns:
            chat = gr.update(placeholder=welcome(ui))
        elif turns[-1].answer is not None and (seen is None or seen[0][1] != examples or may_be_forgotten(turns)):
            chat = drawn(turns, ui)  # answered before there were examples: now they are offered below it
        # What has changed is sent twice: a busy browser may drop an update that comes while it still draws the last one.
        shown = (now, seen is not None and seen[0] == now)
        listing = gr.skip()
        if view is not None and not (view.name and desk.syncing):  # what was looked for is looked for again at the end
            listing = listed(ui, view, wish, request)
        return pace(), header(ui), chat, listing, shown

    def switch(ui: str, turns: Turns) -> tuple[Any, ...]:
        other = "en" if ui == "zh" else "zh"
        return (other, *dress(other, turns))

    async def stream(question: str, before: Turns, ui: str, request: Any) -> AsyncIterator[tuple[Any, ...]]:
        # The question is in the chat from the moment that it can be stopped: stopping loses nothing.
        session = request.session_hash
        halt = running[session] = Halt()
        asked = turns = (*before, Turn(question, trouble=PENDING))

        def steps() -> Iterator[tuple[Turns, Any]]:
            for turns, sofar in reply(desk, question, before, ui, halt.is_set):
                if kept and sofar is None and local(request):
                    turns = (*turns[:-1], verdicts.markable(turns[-1], kept))
                yield turns, drawn(turns, ui, sofar)

        def told(ahead: int) -> tuple[Turns, Any]:
            return asked, drawn(asked, ui, render.stage(say("ahead", ui, n=ahead)))

        try:  # from here on: the reader may leave at any step
            shown = await asyncio.to_thread(drawn, turns, ui, render.stage(say("stage_search", ui)))
            working = gr.update(value="", placeholder=say("ask_here", ui), submit_btn=False, stop_btn=True)
            yield turns, shown, working, gr.skip(), gr.skip()
            async for turns, shown in following(desk.line, steps(), halt, told):
                if turns[-1].trouble != PENDING:
                    break
                yield turns, shown, gr.skip(), gr.skip(), gr.skip()
        except TooManyError as error:
            turns = (*before, Turn(question, trouble=(error.zh, error.en), busy=True))
            shown = await asyncio.to_thread(drawn, turns, ui)
        finally:
            halt.set()  # also when the reader has left
            halt.over.set()  # Gradio asks for a step once it has sent the one before: nothing of this reply is under way
            if running.get(session) is halt:
                del running[session]
        if halt.forget:  # the last step is sent once more at the end, whenever that is: it must not change anything
            yield tuple(gr.skip() for _ in range(5))
            return
        ended = gr.update(submit_btn=True, stop_btn=False)
        if turns[-1].trouble == PENDING:
            turns = (*turns[:-1], replace(turns[-1], trouble=(say("stopped", "zh"), say("stopped", "en"))))
            shown = await asyncio.to_thread(drawn, turns, ui)
        elif turns[-1].answer is None:  # what could not be asked is not lost
            ended = gr.update(value=turns[-1].question, submit_btn=True, stop_btn=False)
        yield turns, shown, ended, header(ui), pace()  # reading a changed folder changes the line on top

    async def ask_box(question: str, turns: Turns, ui: str, request: Any) -> AsyncIterator[tuple[Any, ...]]:
        if (question or "").strip():
            async for step in stream(question, turns, ui, request):
                yield step
        else:
            yield gr.skip(), gr.skip(), gr.update(value="", placeholder=say("q_empty", ui)), gr.skip(), gr.skip()

    async def ask_link(event: Any, turns: Turns, ui: str, request: Any) -> AsyncIterator[tuple[Any, ...]]:
        found = wanted(str(event._data.get("target", "")), turns)
        if found:
            async for step in stream(found[0], found[1], ui, request):
                yield step
        else:
            yield tuple(gr.skip() for _ in range(5))

    def stop(request: Any) -> None:
        if halt := running.get(request.session_hash):
            halt.set()

    def opened(event: Any, turns: Turns, ui: str, view: View | None, wish: Wish, request: Any) -> tuple[Any, ...]:
        target = str(event._data.get("target", ""))
        action = target.partition("/")[0]
        if target.startswith("edit-"):
            number = target[5:]
            known = number.isdigit() and int(number) < len(turns) and turns[int(number)].answer
            text = known.understood if known else gr.skip()
            return gr.skip(), gr.skip(), text, gr.skip(), gr.skip(), gr.skip()
        if action in ("more", "find"):
            view = view_of(target)
            return listed(ui, view, wish, request), gr.skip(), gr.skip(), view, gr.skip(), gr.skip()
        if action not in ("library", "remove", "delete", "put", "drop"):
            shown = anew(open_place(desk, target, verdicts.seen(kept, turns), ui))
            return shown, gr.Sidebar(open=True), gr.skip(), None, gr.skip(), gr.skip()
        if action == "library":
            wish, view = replace(wish, doomed="", said_zh=(), said_en=()), None
        elif may_change(request):
            wish = hands.act(wish, target, desk, max_mb << 20)
        else:
            wish = hands.drop(wish)
            return anew(refused(ui)), gr.Sidebar(open=True), gr.skip(), None, wish, gr.skip()
        view = view or View()
        return anew(listed(ui, view, wish, request)), gr.Sidebar(open=True), gr.skip(), view, wish, pace()

    def marked(event: Any, turns: Turns, ui: str, request: Any) -> tuple[Any, ...]:
        target, picked = (str(event._data.get(key, "")) for key in ("target", "picked"))
        try:
            if kept is None or not local(request):
                raise QuestionError(say("mark_not_here", "en"), say("mark_not_here", "zh"))
            verdicts.mark(desk, kept, target, picked, turns)
            turns = verdicts.seen(kept, turns)
            shown = verdicts.place_html(desk, target, turns, ui)
            side = (shown or gr.skip(), gr.skip(), gr.skip())
        except RagError as error:
            side = (anew(note_html(error.message(ui), ui)), gr.Sidebar(open=True), None)
        running_still = bool(turns) and turns[-1].trouble == PENDING  # its next step draws all
        return gr.skip() if running_still or not turns else drawn(turns, ui), *side

    def uploaded(files: list[tuple[str, str]] | None, ui: str, wish: Wish, request: Any) -> tuple[Any, ...]:
        wish = hands.offer(wish, files or ())
        if not may_change(request):
            wish = hands.drop(wish)
            return anew(refused(ui)), None, wish, None
        return anew(listed(ui, View(), wish, request)), View(), wish, None

    def forgotten(wish: Wish) -> None:
        hands.drop(wish)

    def refused(ui: str) -> str:
        return note_html(say("not_here", ui), ui)

    def clear(ui: str, request: Any) -> tuple[Any, ...]:
        if halt := running.get(request.session_hash):
            halt.forget = True
            halt.set()
            halt.over.wait(5)  # what it still sent is there before the chat is emptied, not after
        chat = gr.update(value=[], placeholder=welcome(ui))
        return (), chat, gr.update(submit_btn=True, stop_btn=False), gr.skip(), gr.skip()

    # Gradio hands the event over by annotation, and cannot resolve a local name in a string.
    for function in (ask_box, ask_link, stop, clear, tick, opened, marked, uploaded):
        function.__annotations__["request"] = gr.Request
    for function in (ask_link, opened, marked):
        function.__annotations__["event"] = gr.EventData
    hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    bridge_js = (HERE / "bridge.js").read_text(encoding="utf-8")
    panel_js = (HERE / "panel.js").read_text(encoding="utf-8")
    with gr.Blocks(
        title="据典", fill_height=True, fill_width=True, analytics_enabled=False, delete_cache=(600, 3600)
    ) as page:
        turns, ui, view, seen = gr.State(()), gr.State("zh"), gr.State(None), gr.State(None)
        wished = gr.State(Wish(), delete_callback=forgotten)  # what was never confirmed goes with its visitor
        wish = gr.Textbox(visible=False)
        timer = gr.Timer(QUICK, active=False)
        with gr.Row(elem_id="jd-head"):
            facts = gr.HTML(front.header(desk.material, False, "zh"), js_on_load=None, elem_id="jd-facts")
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
            picker: Any = gr.UploadButton("", file_count="multiple", elem_id="jd-pick", visible=bool(max_mb))
            # Its own way gives the name that Gradio made of the file's, without most punctuation.
            picker.preprocess = lambda given: [(f.path, f.orig_name or Path(f.path).name) for f in given or ()]
        bridge = gr.HTML("", visible="hidden", js_on_load=bridge_js)

        dressed = [facts, chat, box, tongue, fresh]
        saved = "() => [localStorage.getItem('judian-ui') || navigator.language || '']"
        # What Python holds as state reaches the browser as null: the page itself knows which language it shows.
        shown = "document.querySelector('.jd-brand').lang"
        save = f"(...all) => {{ localStorage.setItem('judian-ui', {shown} === 'en' ? 'zh' : 'en'); return all; }}"
        page.load(load, wish, [ui, timer, *dressed], js=saved, **hidden)
        timer.tick(tick, [ui, turns, seen, view, wished], [timer, facts, chat, source, seen], **hidden)
        tongue.click(switch, [ui, turns], [ui, *dressed], js=save, **hidden)
        spoken = [turns, chat, box, facts, timer]
        asking: dict[str, Any] = {"trigger_mode": "multiple", "concurrency_limit": None, **hidden}  # `Line` bounds them
        box.submit(ask_box, [box, turns, ui], spoken, **asking)
        bridge.submit(ask_link, [turns, ui], spoken, **asking)
        box.stop(stop, None, None, queue=False, **hidden)
        fresh.click(clear, ui, spoken, **hidden)
        panel = [source, side, box, view, wished, timer]
        bridge.click(opened, [turns, ui, view, wished], panel, trigger_mode="multiple", **hidden)
        bridge.apply(marked, [turns, ui], [chat, source, side, view], trigger_mode="multiple", **hidden)
        picker.upload(uploaded, [picker, ui, wished], [source, view, wished, picker], **hidden)
        for name, function in zip(ENDPOINTS, endpoints(desk), strict=True):
            api(served(function, desk.line), api_name=name, concurrency_limit=None)
    page.queue(default_concurrency_limit=8, max_size=1024)
    return page
