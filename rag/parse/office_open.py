"""Opens office files; those of Word and PowerPoint with python-docx and python-pptx, which hold their parts, relations
and trees.

The libraries refuse what office programs open: macros, templates, the strict variant, relations that lead nowhere. So
they are given a copy in memory of the parts that are read, put right."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from xml.sax.saxutils import quoteattr

from rag.errors import ParseError
from rag.parse import OLE
from rag.parse.office import Link, Package, inside, part_key, tag, too_deep
from rag.parse.zipped import damaged, open_zip, read_part, refuse_entities

_KINDS = {
    "document": ("a text document", "文字文档", ".docx", "word/document.xml"),
    "presentation": ("a presentation", "演示文稿", ".pptx", "ppt/presentation.xml"),
    "workbook": ("a spreadsheet", "电子表格", ".xlsx", "xl/workbook.xml"),
}
"""Kind, which is the name of the main part's root -> what people call it, its suffix, and where that part usually is."""
_READ = frozenset(
    "officeDocument styles numbering settings footnotes endnotes comments header footer chart chartEx diagramData slide "
    "slideLayout slideMaster notesSlide commentAuthors authors".split()
)
_BACK = {("officeDocument", "slideMaster"), ("slideMaster", "slideLayout")}  # whose slides may use none of them
_FAMILIES = {"document": "wordprocessingml", "presentation": "presentationml"}
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
_TYPE = "application/vnd.openxmlformats-"
_STRICT = re.compile(rb"<[^<>]*purl\.oclc\.org[^<>]*>")  # in elements only: the text may quote the name


def open_package(data: bytes, name: str, kind: str) -> tuple[Package, Any]:
    """The file, and what the library makes of it (`docx.Document`, `pptx.Presentation`). Raises ParseError for what is
    protected, damaged, hostile or of another kind."""
    import docx
    import pptx

    package = parts_of(data, name, kind)
    with from_library(name):
        opener: Any = docx.Document if kind == "document" else pptx.Presentation
        opened = opener(_repaired(package, kind))
    refuse_other(name, opened.element, kind)
    return package, opened


def parts_of(data: bytes, name: str, kind: str) -> Package:
    """The parts of an office file. Raises ParseError for what is protected, damaged or hostile."""
    if data.startswith(OLE):
        raise _old_or_locked(data, name, kind)
    archive = open_zip(data, name)
    refuse_entities(archive, name)
    return Package(archive, name, {part_key(part): part for part in archive.namelist()})


def refuse_other(name: str, root: Any, kind: str) -> None:
    """Raises ParseError where the root of the main part is of another kind of file."""
    found = tag(root)
    if found != kind:
        en, zh, suffix, _ = _KINDS.get(found, ("something else", "其他内容", "", ""))
        raise ParseError(
            f"{name} holds {en}, not {_KINDS[kind][0]}; "
            + (f"rename it to {suffix}" if suffix else "open it in the program that wrote it and save it again"),
            f"{name} 的内容是{zh}，不是{_KINDS[kind][1]}；"
            + (f"请把后缀改为 {suffix}" if suffix else "请用原来的程序打开并重新保存"),
        )


def main_part(package: Package, kind: str) -> str:
    """The part that all others hang on."""
    guess = _KINDS[kind][3]
    mains = [link.target for link in package.links("") if link.kind == "officeDocument"]
    main = next((part for part in [*mains, guess] if part_key(part) in package.names), None)
    if main is None:
        raise _missing(package.name, guess)
    return main


@contextmanager
def from_library(name: str) -> Iterator[None]:
    """Whatever the libraries raise on a damaged file becomes a ParseError."""
    from docx.exceptions import PythonDocxError
    from docx.opc.exceptions import OpcError
    from docx.oxml.exceptions import XmlchemyError
    from lxml.etree import LxmlError
    from pptx.exc import PythonPptxError

    try:
        yield
    except (
        LookupError, ValueError, TypeError, AttributeError, ArithmeticError, AssertionError, RuntimeError, OSError,
        LxmlError, PythonDocxError, XmlchemyError, OpcError, PythonPptxError,
    ) as error:  # fmt: skip
        if isinstance(error, RecursionError) or "depth" in str(error).lower():
            raise too_deep(name) from error
        raise damaged(name, error) from error


def linked(part: Any, *kinds: str) -> Iterator[tuple[str, Any]]:
    """The parts of these kinds that a part of a library points at, each after its kind, in the order of the file."""
    for relation in part.rels.values():
        kind = relation.reltype.rpartition("/")[2]
        if kind in kinds and not relation.is_external:
            yield kind, relation.target_part


def root_of(part: Any) -> Any:
    """The root of a part, which a library has read already where it knows the kind; of the variants of one content
    only the one to read is left, since the same text stands in each."""
    from docx.oxml.parser import parse_xml
    from lxml import etree

    root = getattr(part, "_element", None)
    root = parse_xml(part.blob) if root is None else root
    etree.strip_tags(root, etree.Comment, etree.PI)
    for alternate in [*inside(root, "AlternateContent")]:
        branch = next((one for one in alternate if tag(one) in {"Choice", "Fallback"} and len(one)), ())
        unwrap(alternate, branch)
    return root


def unwrap(wrapper: Any, content: Iterable[Any]) -> None:
    """What stands in an element takes its place."""
    for inner in [*content]:
        wrapper.addprevious(inner)
    wrapper.getparent().remove(wrapper)


def _repaired(package: Package, kind: str) -> io.BytesIO:
    """The parts that are read, in an archive that the libraries accept: each of the type that its relation gives it (so
    macros and templates are open to them), the strict variant's names as the usual ones, no relation that leads nowhere."""
    found: dict[str, str] = {"": ""}  # part -> what it is called in the new archive
    queue = [("", "")]
    types = f'<Default Extension="rels" ContentType="{_TYPE}package.relationships+xml"/>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as clean:
        for part, held in queue:  # it grows on the way
            relations = ""
            for link in package.links(part) if part else [Link("main", "officeDocument", main_part(package, kind))]:
                key = part_key(link.target)
                if key not in package.names and link.kind in {"footnotes", "endnotes"}:
                    raise _missing(package.name, link.target)
                if key not in package.names or link.kind not in _READ or (held, link.kind) in _BACK:
                    continue
                if key not in found:
                    found[key] = f"part{len(queue)}.xml"
                    queue.append((key, link.kind))
                    told = f"{kind}.main" if link.kind == "officeDocument" else link.kind
                    told = f"{_TYPE}officedocument.{_FAMILIES[kind]}.{told}+xml"
                    types += f'<Override PartName="/{found[key]}" ContentType="{told}"/>'
                at = f'Type="{_RELATION}{link.kind}" Target="/{found[key]}"'
                relations += f"<Relationship Id={quoteattr(link.id)} {at}/>"
            told = f'<Relationships xmlns="{_PACKAGE}/relationships">{relations}</Relationships>'
            clean.writestr(f"_rels/{found[part]}.rels", told)
            if part:
                blob = read_part(package.archive, package.names[part], package.name)
                clean.writestr(found[part], _STRICT.sub(_usual, blob) if b"purl.oclc.org" in blob else blob)
        clean.writestr("[Content_Types].xml", f'<Types xmlns="{_PACKAGE}/content-types">{types}</Types>')
    return out


def _usual(element: re.Match[bytes]) -> bytes:
    return re.sub(rb"http://purl\.oclc\.org/ooxml/(\w+)/", rb"http://schemas.openxmlformats.org/\1/2006/", element[0])


def _missing(name: str, part: str) -> ParseError:
    return damaged(name, (f"{part} is missing", f"缺少 {part}"))


def _old_or_locked(data: bytes, name: str, kind: str) -> ParseError:
    suffix = _KINDS[kind][2]
    if "EncryptedPackage".encode("utf-16-le") in data:
        return ParseError(
            f"{name} is protected by a password; open it in an office program and save a copy without one as {suffix}",
            f"{name} 有密码保护；请用办公软件打开并另存为不带密码的 {suffix}",
        )
    return ParseError(
        f"{name} is a file of Office 97–2003 under a newer suffix; open it in an office program and save it as {suffix}",
        f"{name} 实际是 Office 97–2003 格式；请用办公软件打开并另存为 {suffix}",
    )
