"""What the XML parts of office files share: how they point at each other, how their elements are looked up, and the
properties beside them. The day of creation is read here as it is written: the libraries shift 00:30+08:00 to the day
before, which no file says."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from rag.errors import ParseError
from rag.parse.lay import Line
from rag.parse.zipped import damaged, read_part
from rag.text.pagelines import DATE

_NO_TITLE = re.compile(
    r"microsoft (?:word|powerpoint) - .*|.*\.(?:docx?|dotx?|docm|wps|pptx?|pptm|potx?|dps|rtf|odt|odp|tmp)|"
    r"(?:powerpoint|microsoft powerpoint|wps)?\s*(?:presentation|演示文稿|演示|簡報)\s*\d*|(?:slide|幻灯片|投影片)\s*\d*|"
    r"(?:新建\s*)?(?:microsoft\s*)?(?:office\s*)?(?:word|powerpoint)?\s*(?:document|文档|文件|文字文稿)\s*\d*|untitled.*|无标题.*|未命名.*|"
    r"(?:normal|office theme|office 主题.*|模板|template|title|标题|主题|默认设计模板|.*模板网.*|(?:the )?title of .*)",
    re.IGNORECASE,
)
_NO_AUTHOR = re.compile(
    r"(?:administrator|admin|root|users?|owner|author|作者|guest|pc|dell|hp|lenovo|联想|asus|acer|thinkpad|apple|mac|huawei|"
    r"microsoft(?: office)?(?: user| 用户)?|微软(?:用户|中国)?|windows ?(?:user|用户)?|用户|个人用户|匿名(?:用户)?|anonymous|unknown|未知|"
    r"un-?named|none|null|default|test|china|wps(?:[ _].*)?|python-?(?:docx|pptx).*|steve canny|apache poi|openpyxl|aspose.*|"
    r"libreoffice.*|openoffice.*|[\W\d_]*|[a-z]\d*|.*\\.*|desktop-\w+|laptop-\w+|win-\w+)",
    re.IGNORECASE,
)
_TEMPLATE_DAYS = {"2013-12-23", "2013-01-27"}  # when the empty files of python-docx and python-pptx were made


def tag(element: Any) -> str:
    """The name of an element without its namespace; "" for what is no element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: Any, name: str, default: str = "") -> str:
    """An attribute, with or without a namespace."""
    if element is None:
        return default
    plain = element.get(name)
    if plain is not None:
        return str(plain)
    return next((str(v) for k, v in element.attrib.items() if k.rpartition("}")[2] == name), default)


def number(text: str, default: int = 0, most: int = 1_000_000) -> int:
    """A whole number of an attribute; what is none, or absurd, gives the default."""
    value = int(text) if re.fullmatch(r"-?\d{1,15}", text.strip()) else default
    return value if abs(value) <= most else default


def child(element: Any, *path: str) -> Any:
    """The first child of that name, then its first child of the next …; None where one is missing."""
    for name in path:
        if element is None:
            return None
        element = next((inner for inner in element if tag(inner) == name), None)
    return element


def inside(element: Any, *names: str) -> Iterator[Any]:
    """All elements of these names below, in document order."""
    yield from element.iter(*(f"{{*}}{name}" for name in names))


def is_on(flag: Any) -> bool:
    """Whether a switch of a format is set: there, and not switched off."""
    return flag is not None and attribute(flag, "val", "1").lower() not in {"0", "false", "off", "none"}


def nothing_to_read(name: str) -> ParseError:
    return ParseError(
        f"{name} holds no text (perhaps only pictures of it); write the text out, or recognise it with an OCR program",
        f"{name} 中没有文字（可能只有图片）；请补上文字，或先用 OCR 程序识别",
    )


def too_deep(name: str) -> ParseError:
    return ParseError(
        f"{name} is nested too deep to be read whole; save its text as .txt",
        f"{name} 嵌套过深，无法完整读取；请另存为 .txt 文本",
    )


def declared(package: Package, lines: Sequence[Line]) -> dict[str, str]:
    """What the file's properties say of the document, without what programs and templates write there.

    The day of creation is weak: it is left out where it may be a template's, or where the text shows another."""
    part = next((link.target for link in package.links("") if link.kind == "core-properties"), "docProps/core.xml")
    root = package.xml(part)
    if root is None:
        return {}
    held: dict[str, str] = {}
    for element in root:
        held.setdefault(tag(element), " ".join("".join(element.itertext()).split()))
    found: dict[str, str] = {}
    title, author = held.get("title", ""), held.get("creator", "")
    if title and len(title) <= 200 and not _NO_TITLE.fullmatch(title) and any(c.isalpha() for c in title):
        same = [line.text.strip() for line in lines[:20] if _squeezed(line.text) == _squeezed(title)]
        found["title"] = same[0] if same else title
    if author and len(author) <= 100 and not _NO_AUTHOR.fullmatch(author):
        found["author"] = author
    day = re.match(r"(?:19[89]|20\d)\d-\d\d-\d\d", held.get("created", ""))
    if found and day and day[0] not in _TEMPLATE_DAYS and _day_may_stand(day[0], lines):
        found["date"] = day[0]
    category = held.get("category") or held.get("subject") or held.get("keywords") or ""
    if category and len(category) <= 200 and category != title:
        found["category"] = category
    return found


def _day_may_stand(day: str, lines: Sequence[Line]) -> bool:
    """Whether no short line tells another day than this one."""
    told = [match[0] for line in lines if len(line.text) <= 60 for match in [DATE.search(line.text)] if match]
    year, _, last = (int(part) for part in day.split("-"))
    return not told or any({year, last} <= {int(n) for n in re.findall(r"\d+", one)} for one in told)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text).casefold()


def part_key(part: str) -> str:
    """The name of a part as it is looked up: programs differ in its letters' case and its strokes."""
    return part.replace("\\", "/").lstrip("/").lower()


@dataclass(frozen=True, slots=True)
class Link:
    """From one part to another."""

    id: str
    kind: str  # the last word of its type: "footnotes", "slide" …
    target: str


@dataclass(frozen=True, slots=True)
class Package:
    """The parts of an office file as they stand in its archive."""

    archive: zipfile.ZipFile
    name: str
    names: Mapping[str, str]  # as looked up -> as the archive spells it

    def xml(self, part: str) -> Any:
        """The root of a part, None where there is none. Raises ParseError where it is damaged or nested too deep."""
        from lxml import etree

        real = self.names.get(part_key(part))
        if real is None:
            return None
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
        )
        try:
            return etree.fromstring(read_part(self.archive, real, self.name), parser)
        except (etree.XMLSyntaxError, ValueError) as error:
            if "depth" in str(error).lower():
                raise too_deep(self.name) from error
            raise damaged(self.name, error) from error

    def links(self, part: str) -> list[Link]:
        """Where a part points within the file ("" is the file itself), in the order that it says."""
        folder, base = posixpath.split(part)
        root = self.xml(posixpath.join(folder, "_rels", f"{base}.rels"))
        found: list[Link] = []
        for one in root if root is not None else ():
            target = attribute(one, "Target")
            if tag(one) != "Relationship" or attribute(one, "TargetMode") == "External" or not target:
                continue
            path = posixpath.normpath(posixpath.join("/", folder, unquote(target))).lstrip("/")
            found.append(Link(attribute(one, "Id"), attribute(one, "Type").rpartition("/")[2], path))
        return found
