"""The fuzzer's cases: seeds of every format, and what is done to them. The same number gives the same bytes, always."""

from __future__ import annotations

import base64
import io
import json
import random
import re
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePath
from xml.sax.saxutils import escape

from tests.fuzz_words import BOMB, NUMBERS, STRANGE, WORDS

DATA = Path(__file__).resolve().parent / "data"
FORMATS = ("txt", "md", "html", "mhtml", "eml", "epub", "pdf", "docx", "pptx", "xlsx", "csv", "tsv", "json", "jsonl")
ZIPS = frozenset({"epub", "docx", "pptx", "xlsx"})
MOST = 3_000_000  # bytes of a case
_DAY = (2024, 1, 1, 0, 0, 0)
_STREAM = re.compile(rb"<<((?:[^<>]|<<[^<>]*>>|<[^<>]*>)*)>>\s*stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_TAG = re.compile(rb"<[A-Za-z/!?][^<>]{0,2000}>")
_NUMBER = re.compile(rb"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_JSON_NUMBER = re.compile(rb"(?<=[:\[,])\s*-?\d+(?:\.\d+)?(?=\s*[,\]}])")
_JSON_PART = re.compile(rb"\{[^{}\[\]]*\}|\[[^{}\[\]]*\]")
_TEXT = re.compile(rb">[^<>]{0,5000}<(?=/)")
_ELEMENT = re.compile(rb"<([\w:.-]+)(?:\s[^<>]*)?(?<!/)>(?:(?!<\1[\s>]).){0,3000}?</\1>", re.DOTALL)
_NAME = re.compile(rb"<([\w:.-]+)")
_NEVER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_VALUE = re.compile(rb"=\s*\"[^\"<>]{0,200}\"")


@cache
def seeds() -> dict[str, tuple[bytes, ...]]:
    """Whole files by format: those of the tests' data, and some made here."""
    from tests.make import office, tables, web

    found: dict[str, list[bytes]] = {kind: [] for kind in FORMATS}
    for folder in ("formats", "parse"):
        for path in sorted((DATA / folder).glob("*")):
            kind = path.suffix[1:].lower()
            if kind in found:
                found[kind].append(path.read_bytes())
    p, tbl, tr, tc = office.p, office.tbl, office.tr, office.tc
    body = "".join(
        (p("条例", '<w:pStyle w:val="T"/>'), p("总则", office.numbered(1)), p("适用范围", office.numbered(1, 1)),
         tbl(tr("名称", "数量"), tr("水闸", tc("3", '<w:vMerge w:val="restart"/>')), tr("堤坝", tc("", "<w:vMerge/>"))),
         p("见附注。", '<w:outlineLvl w:val="1"/>'))
    )  # fmt: skip
    lists = office.numbering([("chineseCounting", "第%1章", ""), ("decimal", "%1.%2", "")])
    found["docx"].append(office.word(body, styles=office.styles(), numbering=lists))
    found["csv"].append(tables.semicolon_csv())
    found["epub"].append(web.zipped(web.book_parts()))
    found["html"] += [page.encode() for page in web.PAGES.values()]
    found["tsv"].append("年份\t产量\t地点\n2021\t35\t北坡\n2022\t41\t南坡\n".encode())
    found["jsonl"].append('{"title":"渡口","text":"渡口每天开放。"}\n{"title":"桥","text":"桥在上游。"}\n'.encode())
    return {kind: tuple(files) for kind, files in found.items()}


def case(seed: int, number: int, only: tuple[str, ...] = FORMATS) -> tuple[str, str, bytes]:
    """(format, file name, bytes) of one case. One in forty keeps its bytes and gets another format's name."""
    pick = random.Random(f"{seed}:{number}")
    kind = only[number % len(only)]
    data = pick.choice(seeds()[kind])
    name = f"case.{kind}"
    if pick.random() < 1 / 40:
        name = f"case.{pick.choice(FORMATS)}"
    for _ in range(pick.choice((1, 1, 1, 2, 2, 3, 5))):
        data = mutated(pick, data, kind)
    return kind, name, data[:MOST]


def mutated(pick: random.Random, data: bytes, kind: str) -> bytes:
    chance = pick.random()
    if kind in ZIPS and chance < 0.9:
        return _in_zip(pick, data, kind)
    if kind in {"json", "jsonl"} and chance < 0.6:
        return _in_form(pick, data, kind)
    if kind == "pdf" and chance < 0.7:
        return _in_streams(pick, data)
    return _in_bytes(pick, data, kind)


def _in_bytes(pick: random.Random, data: bytes, kind: str) -> bytes:
    how: Callable[[random.Random, bytes, str], bytes] = pick.choice(
        (_flip, _flip, _insert, _insert, _insert, _delete, _cut, _swap, _double, _splice, _long, _number, _tags, _value)
    )
    made = how(pick, data, kind)[:MOST] or b"\n"
    if kind != "pdf" and pick.random() < 0.7:  # most cases stay text, or a parser never gets to see them
        made = made.decode("utf-8", "ignore").replace("\0", "").encode() or b"\n"
    return made


def _in_form(pick: random.Random, data: bytes, kind: str) -> bytes:
    """A change after which the file is still what it was: other texts, values and numbers, whole elements again."""
    if kind in {"json", "jsonl"}:
        pattern = pick.choice((_STRING, _STRING, _JSON_NUMBER, _JSON_PART))
        if pattern is _STRING:
            return _put(
                pick,
                data,
                pattern,
                lambda _: json.dumps(_odd_text(pick), ensure_ascii=pick.random() < 0.5).encode("utf-8", "ignore"),
            )
        if pattern is _JSON_NUMBER:
            return _put(
                pick,
                data,
                pattern,
                lambda _: pick.choice((b"-1", b"1e999", b"9" * 5000, b"null", b"true", b"[]", b"{}", b'""')),
            )
        deep = pick.choice((1, 3, 150, 900, 50_000))
        return _put(
            pick,
            data,
            pattern,
            lambda part: pick.choice((b"[" * deep + part + b"]" * deep, b'{"a":' * deep + part + b"}" * deep)),
        )
    pattern = pick.choice((_TEXT, _TEXT, _VALUE, _ELEMENT, _ELEMENT, _ELEMENT))
    if pattern is _TEXT:
        return _put(pick, data, pattern, lambda _: b">" + escape(_odd_text(pick)).encode("utf-8", "ignore") + b"<")
    if pattern is _VALUE:
        return _put(
            pick,
            data,
            pattern,
            lambda _: b'="' + escape(_odd_text(pick)).replace('"', "").encode("utf-8", "ignore")[:9000] + b'"',
        )
    times = pick.choice((0, 2, 2, 3, 40, 2000))
    if pick.random() < 0.3:
        deep = pick.choice((2, 30, 240, 3000))

        def nested(part: bytes) -> bytes:
            tag, called = _TAG.match(part), _NAME.match(part)
            return tag[0] * deep + part + b"</%s>" % called[1] * deep if tag and called else part

        return _put(pick, data, pattern, nested)
    return _put(pick, data, pattern, lambda part: part * min(times, 300_000 // len(part) + 1))


def _odd_text(pick: random.Random) -> str:
    """A text of characters that XML and JSON allow, of which somebody may have made too many."""
    some = [
        pick.choice((*STRANGE, *NUMBERS, *WORDS["txt"])).decode("utf-8", "ignore")
        for _ in range(pick.choice((1, 2, 5)))
    ]
    if pick.random() < 0.3:
        some.append(
            pick.choice("( [ < 。 一 \u3000 赞1 作者： 首页> Mr. A. 1, a年 “ \t | - → 第 〇 \u202e".split(" "))
            * pick.choice((30, 1000, 20_000, 200_000))
        )
    return _NEVER.sub("", "".join(some))


def _flip(pick: random.Random, data: bytes, kind: str) -> bytes:
    made = bytearray(data or b"\0")
    for _ in range(pick.choice((1, 1, 3, 10, 50))):
        made[pick.randrange(len(made))] = pick.choice((pick.randrange(256), 0, 255, 0x20, 0x22, 0x3C))
    return bytes(made)


def _at(pick: random.Random, data: bytes) -> int:
    """Anywhere, or where a line or a tag begins."""
    at = pick.randrange(len(data) + 1)
    mark = pick.choice((b"", b"\n", b"<", b">"))
    return max(data.find(mark, at), 0) if mark else at


def _insert(pick: random.Random, data: bytes, kind: str) -> bytes:
    for _ in range(pick.choice((1, 1, 2, 5, 20))):
        at = _at(pick, data)
        data = (
            data[:at]
            + pick.choice(pick.choice((STRANGE, WORDS[kind], WORDS[kind])))
            + data[at + pick.choice((0, 0, 1, 8)) :]
        )
    return data


def _delete(pick: random.Random, data: bytes, kind: str) -> bytes:
    at = _at(pick, data)
    return data[:at] + data[at + pick.choice((1, 2, 7, 40, 300)) :]


def _cut(pick: random.Random, data: bytes, kind: str) -> bytes:
    at = _at(pick, data)
    return data[:at] if pick.random() < 0.8 else data[at:]


def _swap(pick: random.Random, data: bytes, kind: str) -> bytes:
    a, b, c = sorted(pick.randrange(len(data) + 1) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _double(pick: random.Random, data: bytes, kind: str) -> bytes:
    a = _at(pick, data)
    block = data[a : a + pick.choice((2, 20, 200, 2000))]
    times = min(pick.choice((1, 1, 5, 100, 3000)), max(1, 400_000 // max(1, len(block))))
    return data[:a] + block * times + data[a:]


def _splice(pick: random.Random, data: bytes, kind: str) -> bytes:
    other = pick.choice(seeds()[pick.choice((kind, kind, kind, *FORMATS))])
    return data[: _at(pick, data)] + other[_at(pick, other) :]


def _long(pick: random.Random, data: bytes, kind: str) -> bytes:
    """One thing very many times: brackets, spaces, digits, tags that open and never close."""
    what = pick.choice((
        b"(", b"[", b"{", b"<", b">", b'"', b"'", b" ", b"\n", b"\t", b"9", b"a", b"-", b"=", b"*", b"|", b",", b".", b":", b"#", b"&",
        b"a ", b"a, ", b"1.", b"- ", b"> ", b"\\", b"<b>", b"<div>", b"<table><tr><td>", b"<a b='", b"&amp;", b"&a;", b"a:b\r\n", b"=?utf-8?Q?a?= ",
        "。".encode(), "一".encode(), "（".encode(), "“".encode(), "\u3000".encode(), "年".encode(), "赞 1 ".encode(), "作者：".encode(),
        "首页 > ".encode(), b"Mr. ", b"A.B. ", b"1,", b'[{"a":', b"\0", b"`", b"~", b"!", b"://", b"@", b"\xe2\x80\xae",
    ))  # fmt: skip
    times = pick.choice((300, 3000, 3000, 30_000, 200_000, 1_000_000)) // (1 if len(what) < 3 else len(what))
    at = _at(pick, data)
    return data[:at] + (BOMB if pick.random() < 0.05 else what * times) + data[at:]


def _number(pick: random.Random, data: bytes, kind: str) -> bytes:
    return _put(pick, data, _NUMBER, lambda _: pick.choice(NUMBERS))


def _tags(pick: random.Random, data: bytes, kind: str) -> bytes:
    """A tag dropped, doubled, or repeated very deep."""
    times = pick.choice((0, 2, 2, 300, 5000))
    return _put(pick, data, _TAG, lambda tag: tag * times)


def _value(pick: random.Random, data: bytes, kind: str) -> bytes:
    return _put(
        pick, data, _VALUE, lambda _: b'="' + pick.choice((*NUMBERS, *STRANGE, b"", b"rId1", b"x" * 5000)) + b'"'
    )


def _put(pick: random.Random, data: bytes, pattern: re.Pattern[bytes], new: Callable[[bytes], bytes]) -> bytes:
    places = [match.span() for match in pattern.finditer(data)]
    for start, end in sorted(pick.sample(places, min(len(places), pick.choice((1, 1, 2, 8)))), reverse=True):
        data = data[:start] + new(data[start:end]) + data[end:]
    return data


def _in_zip(pick: random.Random, data: bytes, kind: str) -> bytes:
    """One part changed, dropped, doubled or renamed, and all packed again: every checksum is right."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [(part, archive.read(part)) for part in archive.namelist()]
    except Exception:  # an archive that an earlier change has broken, in whatever way
        return _in_bytes(pick, data, kind)
    if not parts:
        return _in_bytes(pick, data, kind)
    text = [
        i
        for i, (part, _) in enumerate(parts)
        if PurePath(part).suffix in {".xml", ".rels", ".xhtml", ".html", ".opf", ".ncx"}
    ]
    at = pick.choice(text or range(len(parts)))
    part, held = parts[at]
    chance = pick.random()
    if chance < 0.04:
        del parts[at]
    elif chance < 0.08:
        parts[at] = (part, pick.choice(parts)[1])
    elif chance < 0.1:
        parts[at] = (pick.choice((part.upper(), "../" + part, part + "\0", "\\" + part)), held)
    else:
        parts[at] = (part, (_in_form if pick.random() < 0.75 else _in_bytes)(pick, held, kind))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, held in {part: held for part, held in parts if part}.items():
            archive.writestr(zipfile.ZipInfo(part, _DAY), held, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _in_streams(pick: random.Random, data: bytes) -> bytes:
    """What a PDF packs, unpacked, changed, and put back: its reader finds the moved objects again by itself."""
    found = [match for match in _STREAM.finditer(data) if b"/FlateDecode" in match[1]]
    if not found:
        return _in_bytes(pick, data, "pdf")
    match = pick.choice(found)
    held = match[2]
    try:
        if b"/ASCII85Decode" in match[1]:
            held = base64.a85decode(held.strip().removesuffix(b"~>"))
        held = zlib.decompress(held)
    except (ValueError, zlib.error):
        return _in_bytes(pick, data, "pdf")
    held = _in_bytes(pick, held, "pdf")
    said = re.sub(rb"/Filter\s*(?:\[[^\]]*\]|/\w+)|/Length\s+\d+(?:\s+\d+\s+R)?", b"", match[1])
    made = b"<<%s /Length %d>>\nstream\n%s\nendstream" % (said, len(held), held)
    return data[: match.start()] + made + data[match.end() :]
