"""Libraries of any size out of a few real articles: each document is an article again, with other sentences left out and
borrowed, and other numbers and names, so that no two passages are alike. Document i is the same on every machine.

What the documents begin with are the articles themselves. Each paragraph ends in a file mark, as in an archive: it makes it
one of a kind, and tells which paragraph of which document it is.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from eval.speed.material import LONGEST, SHORTEST, TOKENS, Article
from rag.chunk import size, tokens_estimate
from rag.text import sentence_spans

EVERY = 20  # each so-manieth document is one that is not Chinese, where there are any: 5 %
FOLDER = 1000  # documents in one folder
KINDS = ("txt", "txt", "txt", "md", "html")
_LEFT_OUT = 0.15  # share of a paragraph's sentences
_BORROWED = 0.5  # share of paragraphs that hold a sentence of another
_MARK = re.compile(r"（见第(\d{7})号卷第(\d{2})页。）|\(See file (\d{7}), page (\d{2})\.\)")
_NUMBER = re.compile(r"(?<![\d.])\d+(?![\d.])|\d+")
_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
_NAMES: Sequence[tuple[str, ...]] = (  # one stands for another of its row
    ("北京", "上海", "广州", "深圳", "杭州", "南京", "武汉", "成都", "重庆", "天津", "苏州", "西安", "长沙", "沈阳", "青岛", "郑州", "大连", "宁波",
     "厦门", "济南", "福州", "合肥", "昆明", "兰州", "太原", "贵阳", "南宁", "海口", "香港", "澳门"),
    ("臺北", "臺中", "臺南", "高雄", "新竹", "嘉義", "基隆", "花蓮", "臺東", "桃園", "宜蘭", "屏東"),
    ("美国", "英国", "法国", "德国", "日本", "韩国", "印度", "俄国", "泰国", "埃及", "希腊", "荷兰", "瑞典", "波兰", "巴西", "古巴"),
    ("美國", "英國", "法國", "德國", "韓國", "俄國", "泰國", "希臘", "荷蘭", "波蘭"),
    ("意大利", "西班牙", "葡萄牙", "加拿大", "墨西哥", "土耳其", "阿根廷", "匈牙利", "新加坡"),
    ("January", "October"), ("February", "November", "December"), ("March", "April"),
    ("London", "Berlin", "Madrid", "Moscow", "Vienna", "Warsaw", "Lisbon", "Athens", "Dublin"),
    ("Paris", "Tokyo", "Milan", "Delhi", "Seoul", "Cairo"), ("China", "India", "Japan", "Spain", "Italy", "Egypt"),
    ("France", "Poland", "Sweden", "Norway", "Greece", "Turkey", "Brazil", "Canada", "Mexico"),
)  # fmt: skip
_ROW = {name: row for row in _NAMES for name in row}
_NAME = re.compile("|".join(sorted(map(re.escape, _ROW), key=len, reverse=True)))


@dataclass(frozen=True, slots=True)
class Made:
    """A document: the file `name` (with its folder) holds `content`."""

    name: str
    title: str
    paragraphs: tuple[str, ...]
    content: str


class Corpus:
    """Documents without end made of at least one article; `document(i)` for any i from 0 on."""

    def __init__(self, articles: Sequence[Article]) -> None:
        self._main = [article for article in articles if article.chinese] or list(articles)
        self._others = [a for a in articles if not a.chinese] if len(self._main) < len(articles) else []

    def _slot(self, number: int) -> tuple[Sequence[Article], int]:
        """The articles that a document is drawn from, and which draw of theirs it is."""
        if self._others:
            before = number // EVERY
            return (self._others, before) if number % EVERY == EVERY - 1 else (self._main, number - before)
        return self._main, number

    def article(self, number: int) -> Article:
        held, draw = self._slot(number)
        return held[draw % len(held)]

    def origin(self, number: int) -> int:
        """The number of the document that holds the same article as it stands: one of the first `originals`."""
        held, draw = self._slot(number)
        draw %= len(held)
        if held is self._others:
            return draw * EVERY + EVERY - 1
        return draw + draw // (EVERY - 1) if self._others else draw

    @property
    def originals(self) -> int:
        """How many documents it takes to have seen every article."""
        last = [number for held in (self._main, self._others) for number in self._last(held)]
        return max(last) + 1

    def _last(self, held: Sequence[Article]) -> list[int]:
        if not held:
            return []
        draw = len(held) - 1
        if held is self._others:
            return [draw * EVERY + EVERY - 1]
        return [draw + draw // (EVERY - 1) if self._others else draw]

    def document(self, number: int) -> Made:
        article, original = self.article(number), self.origin(number) == number
        rng = random.Random(number)  # variety, not secrecy
        turn = rng.randrange(1, 1000)
        texts = [
            marked(text if original else varied(article.paragraphs, at, rng, turn), number, at, article.chinese)
            for at, text in enumerate(article.paragraphs)
        ]
        title = article.title if original else swapped(article.title, rng, turn)
        kind = KINDS[number % len(KINDS)]
        name = f"{number // FOLDER:04}/{number:07}.{kind}"
        heads = article.heads if original else tuple(swapped(head, rng, turn) for head in article.heads)
        return Made(name, title, tuple(texts), _content(title, heads, texts, kind))

    def until(self, passages: int) -> Iterator[Made]:
        """The first documents, as many as it takes to have so many paragraphs."""
        number = 0
        while passages > 0:
            made = self.document(number)
            yield made
            number, passages = number + 1, passages - len(made.paragraphs)

    def documents(self, passages: int) -> int:
        """How many documents `until` gives."""
        number = 0
        while passages > 0:
            number, passages = number + 1, passages - len(self.article(number).paragraphs)
        return number


def place(text: str) -> tuple[int, int] | None:
    """The document and the paragraph of it that a passage was made from; None for a text without a mark."""
    found = _MARK.search(text)
    if not found:
        return None
    number, at = (int(part) for part in found.groups() if part is not None)
    return number, at


def marked(text: str, number: int, at: int, chinese: bool) -> str:
    """The paragraph with the mark of its document and place."""
    return f"{text}（见第{number:07}号卷第{at:02}页。）" if chinese else f"{text} (See file {number:07}, page {at:02}.)"


def varied(paragraphs: Sequence[str], at: int, rng: random.Random, turn: int) -> str:
    """A paragraph with some sentences left out and one borrowed from its neighbours, as far as its length allows."""
    kept = _sentences(paragraphs[at])
    if len(kept) > 2:
        kept = [s for s in kept if rng.random() >= _LEFT_OUT] if size(paragraphs[at]) > 2 * SHORTEST else kept
        kept = kept if size("".join(kept)) >= SHORTEST else _sentences(paragraphs[at])
    others = [other for other in range(len(paragraphs)) if other != at]
    if others and rng.random() < _BORROWED:
        lent = rng.choice(_sentences(paragraphs[rng.choice(others)]))
        place = rng.randrange(len(kept) + 1)
        longer = [*kept[:place], lent, *kept[place:]]
        together = "".join(longer)
        kept = longer if size(together) <= LONGEST and tokens_estimate(together) <= TOKENS else kept
    return " ".join(swapped("".join(kept), rng, turn).split())


def swapped(text: str, rng: random.Random, turn: int) -> str:
    """Other numbers of the same length, and other names: within a document (one `turn`) the same for the same."""

    def number(match: re.Match[str]) -> str:
        run = match.group()
        if _YEAR.fullmatch(run):
            return str(rng.randrange(1500, 2050))
        return str(rng.randrange(1, 10)) + "".join(str(rng.randrange(10)) for _ in run[1:])

    def name(match: re.Match[str]) -> str:
        row = _ROW[match.group()]
        return row[(row.index(match.group()) + turn) % len(row)]

    return _NAME.sub(name, _NUMBER.sub(number, text))


def write(corpus: Corpus, folder: Path, passages: int, step: Callable[[int], None] = lambda done: None) -> int:
    """Writes the first documents into a folder, leaving alone what is there already, and returns how many they are.
    `step` hears the paragraphs written so far. Raises OSError."""
    count = done = 0
    for made in corpus.until(passages):
        path, data = folder / made.name, made.content.encode("utf-8", "replace")
        if not path.is_file() or path.stat().st_size != len(data):
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.part")
            beside.write_bytes(data)
            os.replace(beside, path)
        count, done = count + 1, done + len(made.paragraphs)
        step(done)
    return count


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def _content(title: str, heads: Sequence[str], texts: Sequence[str], kind: str) -> str:
    pairs = zip(heads, texts, strict=True)
    if kind == "html":
        body = "".join(
            (f"<h2>{escape(head)}</h2>\n" if head else "") + f"<p>{escape(text)}</p>\n" for head, text in pairs
        )
        top = escape(title)
        return f"<html><head><title>{top}</title></head><body><article><h1>{top}</h1>\n{body}</article></body></html>\n"
    sharp = kind == "md"
    blocks = [f"# {title}" if sharp else title]
    for head, text in pairs:
        blocks += [f"## {head}" if sharp else head, text] if head else [text]
    return "\n\n".join(blocks) + "\n"
