"""Starts the chat: the page first, the engine behind it, true progress in the terminal, and a clear end."""

from __future__ import annotations

import gc
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from rag.config import Settings
from rag.errors import MissingExtraError, RagError, SettingsError
from rag.folder import UPLOADS
from rag.index import directory_of, find_folder
from rag.protocols import ProgressFn
from rag.text.terminal import one_line, ui_language
from rag.types import Progress
from rag.web.api import ENDPOINTS
from rag.web.desk import Desk
from rag.web.hands import LOOPBACK
from rag.web.line import AT_ONCE, MOST, Door
from rag.web.material import Engine
from rag.web.strings import say

HERE = Path(__file__).parent
TOLD = 20  # files that could not be read, named in the terminal; the page lists more
THREADS = AT_ONCE + MOST + 64  # replies that run or wait, and the page's other events
FONTS = (
    "system-ui", "-apple-system", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC",
    "Noto Sans SC", "sans-serif",
)  # fmt: skip
ICON = (
    "<link rel='icon' href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='7' fill='%23a63d2f'/%3E%3Cpath d='M9 10h5v5l-3 6H8l2-6H9zm9 0h5v5l-3 6h-3l2-6h-1z' "
    "fill='%23fff'/%3E%3C/svg%3E\">"
)


def check_port(host: str, port: int) -> None:
    """Raises SettingsError when the address cannot be listened on."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name != "nt":  # there the option would allow what it shall detect
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port} ({error.strerror}); choose another port: python app.py --port {port + 1}",
            f"无法监听 {host}:{port}（{error.strerror}）；请换一个端口：python app.py --port {port + 1}",
        ) from error


def launch(desk: Desk, settings: Settings) -> tuple[Any, str]:
    """Serves the page and returns (the Blocks, its URL) at once. Nothing on the page comes from another host. Files can be
    handed over, and answers marked, only where nobody but this machine can reach it; until files are put into the folder they
    lie in `page.uploads`, which its owner alone can read."""
    uploads = tempfile.TemporaryDirectory(prefix=UPLOADS, ignore_cleanup_errors=True)
    os.environ["GRADIO_TEMP_DIR"] = uploads.name
    ours = settings.host in LOOPBACK
    max_mb = settings.max_file_mb if ours else 0
    kept = directory_of(desk.folder, settings) if ours and desk.folder else None
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Else a table of the last 10,000 events is made and grouped after each event, for a page of Gradio's that is not served.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(1 << 62))
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
    import gradio as gr
    from starlette.middleware import Middleware

    from rag.web.page import build

    page = build(desk, max_mb, kept)
    page.uploads = uploads
    theme = gr.themes.Base(font=list(FONTS), font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"])
    page.launch(
        server_name=settings.host,
        server_port=settings.port or None,
        prevent_thread_lock=True,
        share=False,
        inbrowser=False,
        quiet=True,
        max_threads=THREADS,
        app_kwargs={"middleware": [Middleware(Door, line=desk.line, names=ENDPOINTS)]},
        show_error=True,
        footer_links=[],
        enable_monitoring=False,
        strict_cors=True,
        max_file_size=max_mb << 20 or 1,  # one byte: nothing is uploaded
        ssr_mode=False,
        mcp_server=settings.mcp,
        theme=theme,
        css="\n".join((HERE / name).read_text(encoding="utf-8") for name in ("style.css", "panel.css")),
        head=ICON,
    )
    return page, str(page.local_url).rstrip("/")


def serve(settings: Settings) -> int:
    """Runs the chat until Ctrl-C. Returns the exit code: 0, or 2 when the material cannot be opened.

    Raises RagError for what is wrong before anything is served.
    """
    folder = find_folder(settings.folder)
    if settings.port:
        check_port(settings.host, settings.port)
    if settings.mcp:
        _need_mcp()

    def opener(progress: ProgressFn) -> Engine:
        from rag.assistant import Assistant

        return Assistant.open(folder, settings=settings, progress=progress, sync=False)

    from rich.console import Console

    console = Console(stderr=True)
    desk = Desk(opener, folder)
    gc.disable()  # an eighth of the time until the page is served went into looking for garbage among what was imported
    page, url = launch(desk, settings)
    gc.freeze()  # nor is it looked through again while questions are answered
    gc.enable()
    console.print(f"[bold]据典[/bold] {url}", highlight=False)
    try:
        _watch(desk, console)
        if isinstance(desk.error, RagError):
            raise desk.error
        if desk.error is not None:
            console.print(f"{type(desk.error).__name__}: {desk.error}", markup=False)
            return 2
        page.block_thread()
    except KeyboardInterrupt:
        console.print()
    finally:
        page.close(verbose=False)
        page.uploads.cleanup()
    return 0


def _watch(desk: Desk, console: Any) -> None:
    """Tells the desk's progress in the terminal until the folder has been read once, or nothing could be opened."""
    from rich.progress import Progress as Lines
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    ui = ui_language()
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Lines(*columns, console=console, transient=True) as lines:
        task = lines.add_task(desk.told(ui), total=None)

        def draw(_: Progress) -> None:
            lines.update(task, description=desk.told(ui))

        desk.listeners.append(draw)
        desk.start()
        while not desk.idle(0.5):
            pass
        desk.listeners.remove(draw)
    material = desk.material
    if desk.ready:
        counts = [say("docs", ui, n=material.ready), say("passages", ui, n=material.passages)]
        console.print(" · ".join([*counts, say("ready", ui)] if material.ready else counts), highlight=False)
    if desk.trouble is not None:
        console.print(one_line(desk.trouble.message(ui)), markup=False, highlight=False)
    failed = [row for row in material.rows if row.state == "failed"]
    for row in failed[:TOLD]:
        why = " ".join(notice.zh if ui == "zh" else notice.en for notice in row.notices)
        console.print(one_line(f"{row.source}: {why}"), markup=False, highlight=False)
    if material.states.get("failed", 0) > TOLD:
        console.print("… " + say("failed", ui, n=material.states["failed"]), highlight=False)


def _need_mcp() -> None:
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        raise MissingExtraError("mcp")
