"""The text of a Word paragraph as a reader sees it: fields by their results, insertions kept, deletions left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rag.parse.office import attribute, child, inside, is_on, tag
from rag.parse.office_open import unwrap
from rag.parse.word_numbering import formatted, raised, sign

_UNSEEN = frozenset("instrText delText delInstrText fldData ffData footnoteRef endnoteRef".split())
_WRAPPERS = ("ins", "moveTo", "sdt", "sdtContent", "customXml", "smartTag")
_APART = frozenset("txbxContent chart relIds textpath".split())  # read after the paragraph that they are anchored in
_PLAIN = {"tab": " ", "ptab": " ", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}
_SPACES = str.maketrans("\t\n\r", "   ")


def paragraph_text(paragraph: Any, state: Inline) -> tuple[str, list[Any]]:
    """The paragraph's text, and what is anchored in it and read after it: text boxes, charts, diagrams."""
    parts: list[str] = []
    apart: list[Any] = []
    for node in _walk(paragraph):
        name = "" if isinstance(node, str) else tag(node)
        if name == "fldChar":
            state.step(node)
        elif name in _APART:
            apart.append(node)
        elif not state.codes:
            parts.append(node if isinstance(node, str) else _shown(node, name, state))
    return "".join(parts), apart


def pair_fields(root: Any) -> dict[Any, Any]:
    """The begin mark of each field that also ends, by the marks that divide and end it. A field without an end hides
    nothing: its marks are left alone."""
    pairs: dict[Any, Any] = {}
    open_: list[tuple[Any, list[Any]]] = []
    for mark in inside(root, "fldChar"):
        if _hidden(mark.getparent()):
            continue
        kind = attribute(mark, "fldCharType")
        if kind == "begin":
            open_.append((mark, [mark]))
        elif open_:
            open_[-1][1].append(mark)
            if kind == "end":
                begin, marks = open_.pop()
                pairs.update(dict.fromkeys(marks, begin))
    return pairs


def settle(root: Any) -> Any:
    """Takes tracked changes as accepted, and what stands in controls out of them: what is left is plain structure, as
    the library knows it."""
    for gone in [*inside(root, "del", "moveFrom")]:
        parent = gone.getparent()
        if tag(parent) == "trPr":
            gone, parent = parent, parent.getparent()
            gone, parent = parent, parent.getparent()
        if parent is not None and tag(parent) != "rPr":  # there it is the end of a paragraph
            parent.remove(gone)
    for wrapper in [*inside(root, *_WRAPPERS)]:
        if tag(wrapper.getparent()) not in _WRAPPERS:
            unwrap(wrapper, _held(wrapper))
    return root


def _held(wrapper: Any) -> Iterator[Any]:
    """What controls hold, out of all that stand in each other: each is moved once, however deep it stands."""
    stack = [*reversed(wrapper)]
    while stack:
        node = stack.pop()
        if tag(node) in _WRAPPERS:
            stack += reversed(node)
        else:
            yield node


def mark_gone(paragraph: Any) -> bool:
    """Whether the paragraph's end was deleted as a tracked change: it runs on into the next."""
    run = child(paragraph, "pPr", "rPr")
    return run is not None and (child(run, "del") is not None or child(run, "moveFrom") is not None)


def _walk(paragraph: Any) -> Iterator[Any]:
    """What the paragraph shows, in order: elements without parts of their own, and strings for what has no element."""
    stack = [*reversed(paragraph)]
    while stack:
        node = stack.pop()
        name = "" if isinstance(node, str) else tag(node)
        if isinstance(node, str) or name in _APART or name in _LEAVES:
            yield node
        elif not name or name in _UNSEEN or name.endswith("Pr") or _hidden(node):
            continue
        else:
            before, after = _around(node, name)
            stack += [after] * bool(after)
            stack += reversed(node)
            stack += [before] * bool(before)


_LEAVES = frozenset({"t", "br", "sym", "fldChar", "footnoteReference", "endnoteReference", *_PLAIN})


def _around(node: Any, name: str) -> tuple[str, str]:
    """What is shown before and after an element: the reading over a character, the signs of a formula."""
    if name == "rt":
        return "（", "）"
    if name not in {"den", "sup", "sub", "d", "nary"} or not node.tag.startswith("{") or "math" not in node.tag:
        return "", ""
    if name == "d":
        told = child(node, "dPr")
        left, right = child(told, "begChr"), child(told, "endChr")
        return attribute(left, "val") if left is not None else "(", attribute(
            right, "val"
        ) if right is not None else ")"
    if name == "nary":
        told = child(node, "naryPr", "chr")
        return attribute(told, "val", "∫"), ""
    some = any((text.text or "").strip() for text in inside(node, "t"))
    return ({"den": "/", "sup": "^", "sub": "_"}[name] if some else ""), ""


def _hidden(node: Any) -> bool:
    return tag(node) == "r" and is_on(child(node, "rPr", "vanish"))


def _shown(node: Any, name: str, state: Inline) -> str:
    if name == "t":
        return (node.text or "").translate(_SPACES)
    if name == "br":
        return "\n"
    if name == "sym":
        code = attribute(node, "char")
        try:
            return sign(chr(int(code, 16)))
        except (ValueError, OverflowError):
            return ""
    if name in {"footnoteReference", "endnoteReference"}:
        own = attribute(node, "customMarkFollows").lower() in {"1", "true", "on"}  # the mark is text that comes next
        return state.note(node, name, own)
    return _PLAIN[name]


@dataclass
class Inline:
    """What goes on from one paragraph to the next."""

    pairs: dict[Any, Any] = field(default_factory=dict)
    styles: dict[str, str] = field(default_factory=dict)  # how footnotes and endnotes are counted
    notes: dict[tuple[str, str], str] = field(default_factory=dict)  # (kind, id) -> its mark, as they are met
    counts: dict[str, int] = field(default_factory=dict)
    fields: list[tuple[Any, bool]] = field(default_factory=list)  # fields that are open, and whether in their result
    codes: int = 0  # how many of them are still in their code

    def step(self, mark: Any) -> None:
        """Goes past a begin, middle or end mark of a field."""
        begin = self.pairs.get(mark)
        kind = attribute(mark, "fldCharType")
        if begin is None:
            return
        if kind == "begin":
            self.fields.append((mark, False))
            self.codes += 1
        elif any(mark is begin for mark, _ in self.fields[-1:]):
            _, result = self.fields.pop()
            self.codes -= not result
            if kind != "end":
                self.fields.append((begin, True))

    def note(self, node: Any, name: str, own: bool) -> str:
        """The mark of a note where the text refers to it; a note with a mark of its own is not counted."""
        kind = name.removesuffix("Reference")
        key = (kind, attribute(node, "id"))
        if key not in self.notes:
            self.counts[kind] = self.counts.get(kind, 0) + (not own)
            style = self.styles.get(kind, "lowerRoman" if kind == "endnote" else "decimal")
            self.notes[key] = "" if own else raised(formatted(self.counts[kind], style))
        return self.notes[key]
