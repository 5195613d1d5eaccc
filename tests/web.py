"""What the tests of the chat share: an article, a desk over the fake engine, and HTML as a browser reads it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from rag.types import Notice
from rag.web import chat
from rag.web.desk import Desk
from tests.fakes import FakeEngine

ROOT = Path(__file__).parent.parent
ARTICLE = "河边的图书馆\n2023-10-10 发布。\n建设情况\n图书馆建了12座书亭，共有3000册书。读者都说很好。\n\n侧栏：热门书亭共有99座。\n"


class Seen(HTMLParser):
    """Tags, attributes and text of a piece of HTML, as a browser would take them."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text, self.marked, self._inside = "", "", 0
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._inside += tag == "mark"

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag == "mark"

    def handle_data(self, data: str) -> None:
        self.text += data
        self.marked += data if self._inside else ""


def open_desk(texts: dict[str, str] | None = None, failed: dict[str, Notice] | None = None) -> Desk:
    desk = Desk(lambda progress: FakeEngine(texts or {"a.txt": ARTICLE}, failed))
    desk.start()
    assert desk.idle(10)
    return desk


def ask(desk: Desk, question: str, turns: chat.Turns = (), ui: str = "zh") -> chat.Turns:
    return list(chat.reply(desk, question, turns, ui))[-1][0]
