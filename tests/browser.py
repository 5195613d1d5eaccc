"""What the browser tests share: finding Chromium, serving a page, opening it and asking."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.config import Settings
from rag.web.desk import Desk
from rag.web.serve import launch

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "locale": "zh-CN"}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "has_touch": True, "is_mobile": True,
}  # fmt: skip


def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
    found = os.environ.get("JUDIAN_CHROMIUM") or next((p for n in names if (p := shutil.which(n))), "")
    try:
        import playwright  # noqa: F401
    except ImportError:
        found, lacking = "", "the playwright package; run: pip install -e '.[test]'"
    else:
        lacking = "Chromium; run: apt-get install chromium (or set JUDIAN_CHROMIUM to its path)"
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"browser tests need {lacking}")
    return str(found)


def serve(opener: Callable[[Any], Any], folder: Path | None = None) -> tuple[Any, str, Desk]:
    desk = Desk(opener, folder)
    page, url = launch(desk, Settings(port=0))
    desk.start()
    return page, url, desk


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page; at the end no request has left this machine, no script has failed, nothing hostile has run."""
    outside: list[str] = []
    errors: list[str] = []
    contexts, pages = [], []

    def watch(request: Any) -> None:
        if not re.match(r"(https?://127\.0\.0\.1[:/]|data:|blob:)", request.url):
            outside.append(request.url)

    def go(url: str, **options: Any) -> Any:
        context = browser.new_context(**options)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("request", watch)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        contexts.append(context)
        pages.append(page)
        return page

    yield go
    pwned = [page.evaluate("window.pwned") for page in pages]
    for context in contexts:
        context.close()
    assert outside == [] and errors == [] and not any(pwned)


def say(page: Any, question: str) -> Any:
    """Asks in the box and returns the finished reply."""
    count = page.locator(".bot-row").count()
    box = page.locator("#jd-box textarea")
    box.fill(question)
    box.press("Enter")
    reply = page.locator(".bot-row").nth(count)
    reply.locator(".jd-meta").first.wait_for()
    page.locator("#jd-box .submit-button").wait_for()
    return reply


def is_open(page: Any) -> bool:
    return bool(page.locator(".jd-side.open").count())


def contrast(page: Any, selector: str) -> float:
    """WCAG 2.2 contrast of an element's text with the background behind it."""
    colours = page.evaluate(
        """selector => {
          let e = document.querySelector(selector);
          const text = getComputedStyle(e).color;
          const clear = c => c === 'transparent' || c === 'rgba(0, 0, 0, 0)';
          while (e.parentElement && clear(getComputedStyle(e).backgroundColor)) e = e.parentElement;
          return [text, getComputedStyle(e).backgroundColor];
        }""",
        selector,
    )

    def luminance(colour: str) -> float:
        parts = [float(x) / 255 for x in re.findall(r"[\d.]+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted(luminance(colour) for colour in colours)
    return (high + 0.05) / (low + 0.05)
