"""A small engine with the surface of `rag.assistant.Assistant`: no model, no index, answers that can be worked out by
hand. A question is answered by the sentence that shares most character pairs with it, if they are at least three."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.errors import UnknownDocumentError
from rag.library import DocumentInfo
from rag.protocols import ProgressFn
from rag.shelf import Row
from rag.types import (
    Answer,
    Citation,
    Document,
    Finding,
    Hit,
    Hits,
    Notice,
    Passage,
    Progress,
    Section,
    Segment,
    Span,
    SyncReport,
    passage_id,
)

FakeInfo = DocumentInfo
ENOUGH = 3  # shared character pairs from which a sentence answers


@dataclass(frozen=True)
class FakeCheck:
    ok: bool


def fake_document(source: str, text: str) -> Document:
    """First line: title; lines of at most 30 characters without a full stop: headings; "侧栏：…" lines: a sidebar."""
    sections: list[Section] = []
    path: tuple[str, ...] = ()
    at = 0
    for line in text.split("\n"):
        start, at = at, at + len(line) + 1
        if not line.strip():
            continue
        end = start + len(line)
        if not sections:
            sections.append(Section((), start, end, "title"))
        elif line.startswith("侧栏："):
            sections.append(Section((), start, end, "related"))
        elif len(line) <= 30 and not re.search(r"[。.!?！？]", line):
            path = (line,)
            sections.append(Section(path, start, end, "heading", level=2))
        else:
            sections.append(Section(path, start, end, "body"))
    date = re.search(r"\d{4}-\d\d-\d\d", text)
    meta: Mapping[str, Span] = {"date": Span(*date.span())} if date else {}
    title = text[sections[0].start : sections[0].end] if sections else source
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Document(digest, title, source, text, tuple(sections), meta)


class FakeEngine:
    def __init__(self, texts: Mapping[str, str], failed: Mapping[str, Notice] | None = None) -> None:
        self._documents = {d.id: d for d in (fake_document(source, text) for source, text in texts.items())}
        self._failed = dict(failed or {})
        self.histories: list[tuple[str, ...]] = []

    def sync(self, progress: ProgressFn | None = None) -> SyncReport:
        for done, doc in enumerate(self._documents.values(), 1):
            if progress:
                progress(Progress("files", done, len(self._documents), doc.source))
        return SyncReport((), 0.0)

    def documents(self) -> list[FakeInfo]:
        return [
            FakeInfo(d.id, d.title, d.source, len(d.text), len(self._passages(d)), d.value("date"), "txt")
            for d in list(self._documents.values())
        ]

    def files(self) -> list[Row]:
        read = [Row(info.source, "ready", info) for info in self.documents()]
        return sorted(
            [*read, *(Row(n, "failed", None, (why,)) for n, why in self._failed.items())], key=lambda r: r.source
        )

    def document(self, doc_id: str) -> Document:
        for document in list(self._documents.values()):
            if doc_id in (document.id, document.source):
                return document
        raise UnknownDocumentError(f"no document '{doc_id}'", f"没有文档 {doc_id}")

    def examples(self, n: int = 4, lang: str = "zh") -> list[str]:
        ask = "{}讲了什么？" if lang == "zh" else "What is said about {}?"
        heads = [d.text[s.start : s.end] for d in self._documents.values() for s in d.sections if s.role != "body"]
        return [ask.format(head) for head in heads[:n]]

    def retrieve(self, query: str, k: int = 10, doc_ids: Collection[str] | None = None) -> Hits:
        scored = [
            (len(_pairs(query) & _pairs(p.text)), p)
            for d in list(self._documents.values())
            if doc_ids is None or d.id in doc_ids
            for p in self._passages(d)
        ]
        best = sorted((x for x in scored if x[0]), key=lambda x: (-x[0], x[1].id))[:k]
        return Hits(
            Hit(p, float(n), {"dense": i, "lexical": i}, {}, source=self.document(p.doc_id).source)
            for i, (n, p) in enumerate(best, 1)
        )

    def ask(self, question: str, history: Sequence[str] = (), doc_ids: Collection[str] | None = None) -> Answer:
        self.histories.append(tuple(history))
        understood = f"{history[-1].rstrip('？?')} {question}" if history and question.startswith("那") else question
        hits = self.retrieve(understood, 8, doc_ids)
        weighed = sorted(
            (f for hit in hits for f in _sentences(hit.passage, understood)), key=lambda f: (-f.score, f.start)
        )
        if not weighed or weighed[0].score < ENOUGH:
            nearest = tuple(_citation(self.document(f.passage.doc_id), f, n) for n, f in enumerate(weighed[:2], 1))
            said = (Segment("template", "材料中没有找到这个问题的答案。"),)
            return Answer(
                question, understood, said[0].text, "", (), tuple(hits), 0.1, "weak",
                segments=said, nearest=nearest, missing=("火星",), candidates=tuple(weighed),
            )  # fmt: skip
        best = weighed[0]
        cited = _citation(self.document(best.passage.doc_id), best, 1)
        number = re.search(r"\d+\S{0,2}", best.quote)
        short = number.group() if number else ""
        said = (
            *((Segment("short", short, 1), Segment("break", "")) if short else ()),
            Segment("template", "“"), Segment("quote", best.quote, 1), Segment("template", "”"),
            Segment("mark", "1", 1),
        )  # fmt: skip
        return Answer(
            question, understood, f"**{short}**\n“{best.quote}” [1]", short, (cited,), tuple(hits), 0.9, "answered",
            segments=said, candidates=tuple(weighed),
        )  # fmt: skip

    def verify(self, answer: Answer) -> list[FakeCheck]:
        return [FakeCheck(self.document(c.source).text[c.start : c.end] == c.quote) for c in answer.citations]

    def _passages(self, doc: Document) -> list[Passage]:
        return [
            Passage(
                passage_id(doc.id, s.start, s.end), doc.id, doc.text[s.start : s.end], s.start, s.end, doc.title, s.path,
                s.role,
            )
            for s in doc.sections
            if s.role in ("body", "related")
        ]  # fmt: skip


def _pairs(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1) if text[i : i + 2].isalnum()}


def _sentences(passage: Passage, question: str) -> list[Finding]:
    return [
        Finding(
            passage,
            passage.start + m.start(),
            passage.start + m.end(),
            float(len(_pairs(question) & _pairs(m.group()))),
        )
        for m in re.finditer(r"[^。！？]+[。！？]?", passage.text)
    ]


def _citation(doc: Document, finding: Finding, number: int) -> Citation:
    p = finding.passage
    return Citation(number, doc.id, doc.title, doc.source, finding.quote, finding.start, finding.end, p.path, p.role)


class FolderEngine(FakeEngine):
    """Reads the .txt files of a folder whenever it is synced; with a `gate`, each after the first waits for it."""

    def __init__(self, folder: Path, gate: threading.Event | None = None) -> None:
        super().__init__({})
        self.folder, self.gate, self.syncs = folder, gate, 0

    def sync(self, progress: ProgressFn | None = None) -> SyncReport:
        self.syncs += 1
        names = sorted(p.name for p in self.folder.glob("*.txt"))
        held = {d.source: d for d in self._documents.values() if d.source in names}
        self._documents = {d.id: d for d in held.values()}
        for done, name in enumerate(names, 1):
            if self.gate is not None and done > 1:
                self.gate.wait(20)
            document = fake_document(name, (self.folder / name).read_text(encoding="utf-8"))
            self._documents = {i: d for i, d in self._documents.items() if d.source != name} | {document.id: document}
            if progress:
                progress(Progress("files", done, len(names), name))
                progress(Progress("passages", done * 10, len(names) * 10, name, 41.0, 70.0))
        return SyncReport((), 0.0)

    def files(self) -> list[Row]:
        held = {info.source: info for info in self.documents()}
        names = sorted(p.name for p in self.folder.iterdir() if p.is_file() and not p.name.startswith("."))
        return [Row(n, "ready", held[n]) if n in held else Row(n, "waiting") for n in names]
