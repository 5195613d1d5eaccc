"""Starts the chat: the page first, the engine behind it, true progress in the terminal, and a clear end."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from rag.config import Settings
from rag.errors import FolderError, MissingExtraError, RagError, SettingsError
from rag.index import find_folder
from rag.protocols import ProgressFn
from rag.text.terminal import one_line, ui_language
from rag.types import Progress
from rag.web.desk import Desk, Engine, progress_text
from rag.web.strings import say

HERE = Path(__file__).parent
FONTS = (
    "system-ui", "-apple-system", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC",
    "Noto Sans SC", "sans-serif",
)  # fmt: skip
ICON = (
    "<link rel='icon' href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='7' fill='%23a63d2f'/%3E%3Cpath d='M9 10h5v5l-3 6H8l2-6H9zm9 0h5v5l-3 6h-3l2-6h-1z' "
    "fill='%23fff'/%3E%3C/svg%3E\">"
)


def check_folder(folder: str) -> Path:
    """The folder of documents, absolute. Raises FolderError when there is nothing to read there; cheap, so it is told
    before anything heavy loads."""
    path = find_folder(folder)
    try:
        empty = not any(p.is_file() and not p.name.startswith(".") for p in path.rglob("*"))
    except OSError as error:
        raise FolderError(
            f"folder '{folder}' cannot be read ({error.strerror}); check its permissions",
            f"无法读取文件夹 {folder}（{error.strerror}）；请检查权限",
        ) from error
    if empty:
        raise FolderError(
            f"folder '{folder}' is empty; put .txt, .md or .html files there and start again",
            f"文件夹 {folder} 是空的；请放入 .txt、.md 或 .html 文件后再启动",
        )
    return path


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
    """Serves the page and returns (the Blocks, its URL) at once. Nothing on the page comes from another host."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import gradio as gr

    from rag.web.page import build

    page = build(desk)
    theme = gr.themes.Base(font=list(FONTS), font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"])
    page.launch(
        server_name=settings.host,
        server_port=settings.port or None,
        prevent_thread_lock=True,
        share=False,
        inbrowser=False,
        quiet=True,
        show_error=True,
        footer_links=[],
        enable_monitoring=False,
        strict_cors=True,
        max_file_size=1,  # byte: nothing is uploaded here
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
    folder = check_folder(settings.folder)
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
    page, url = launch(desk, settings)
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
    return 0


def _watch(desk: Desk, console: Any) -> None:
    """Draws the desk's progress in the terminal until it is ready or has failed."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    ui = ui_language()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def draw(progress: Progress) -> None:
            name = progress_text(Progress(progress.stage, 0, 0), ui)
            if progress.stage not in tasks:
                tasks[progress.stage] = bars.add_task(name, total=None)
            bars.update(tasks[progress.stage], completed=progress.done, total=progress.total or None)

        desk.listeners.append(draw)
        desk.start()
        while not desk.wait(0.5):
            pass
    material = desk.material
    if desk.ready:
        counts = say("docs", ui, n=len(material.documents)), say("passages", ui, n=material.passages)
        console.print(" · ".join((*counts, say("ready", ui))), highlight=False)
    for outcome in material.failed:
        console.print(one_line(f"{outcome.source}: {outcome.reason}"), markup=False, highlight=False)


def _need_mcp() -> None:
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        raise MissingExtraError("mcp")
