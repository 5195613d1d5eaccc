"""Questions as the reader sees them: what `eval.fit` learns from and `eval.calibrate` measures on.

A SET is a folder like those that `python -m eval` takes, `QUESTIONS.jsonl=FOLDER`, or `A@B`: the questions of A asked
of the texts of B, its translation.

Questions without an answer are made from those with one, and are half the lesson: the answering document taken out of
the search; a number, year or place swapped for another of its kind; the subject of one question put into another.

Reading is what takes time, so what was seen is kept: in the user's cache directory under a hash of the reader's code, or
where the caller says, and then taken from there whatever the code has become.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import rag
from eval.reading_data import is_kept
from rag.assistant import Assistant
from rag.config import Settings
from rag.reader.features import Asked, prepare
from rag.reader.rules import RuleReader
from rag.text import dates, fold, numbers, places
from rag.types import Finding
from rag.understand import subject_of, understand

WHOLE = frozenset({"metadata", "overview", "greeting"})  # kinds that never reach the reader
_PLACES = ("上海", "广州", "西安", "法国", "日本", "武汉", "巴西", "Paris", "London", "Canada")
_ROOMS = ("embed", "furniture", "parse", "reader", "text", "understand")  # of rag/: what decides on a feature's value
_OPENS = 8  # characters above which a part of a long answer counts as it
_GROUP = re.compile(r"-[a-z](?=\d)")


@dataclass(frozen=True, slots=True)
class Row:
    question: str
    history: tuple[str, ...]
    answers: tuple[str, ...]  # folded; any of them in a sentence makes it right
    evidence: tuple[str, ...]
    answerable: bool
    gold: str = ""  # id of the answering document, "" where any will do
    group: str = ""  # questions of one group are about one thing: never some to fit and some to measure


@dataclass(frozen=True, slots=True)
class Seen:
    """One question as the reader saw it: its candidates, which of them are right, whether the material answers."""

    candidates: Sequence[Finding]
    right: Sequence[bool]
    answerable: bool
    asked: Asked
    group: str = ""
    made: str = "asked"  # how it came about: asked, gold_out, near


def look_at(name: str, limit: int, seed: int, keep: Path | None = None) -> list[Seen]:
    """What the reader sees of a set's questions (at most `limit` of a folder's), from memory where it was looked at
    before."""
    file = (keep or _memory()) / f"{_key(name, limit, seed, kept=keep is not None)}.pickle"
    if file.is_file():
        found: list[Seen] = pickle.loads(file.read_bytes())
        return found
    seen = [s for s in _look(name, limit, random.Random(seed)) if s.candidates]
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_bytes(pickle.dumps(seen))
    part.replace(file)
    return seen


def corpus_of(name: str) -> str:
    """The texts that a set asks about: sets over one folder are one when folders are left out."""
    questions, _, folder = name.partition("=")
    return folder or Path(questions.rpartition("@")[2]).name


def _memory() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("judian", appauthor=False)) / "fit"


def _key(name: str, limit: int, seed: int, kept: bool) -> str:
    """Name and hash of what a look depends on; of code and model only where nobody vouches for the file."""
    from rag.config import Settings

    questions, _, folder = name.partition("=")
    s = Settings.load()
    told = [name, str(limit), str(seed), s.reader, s.model, s.query_prompt, s.passage_prompt]
    told += map(str, (s.chunk_chars, s.k, s.pool))
    if not kept:
        home = Path(rag.__file__).parent
        code = [*home.glob("*.py"), *(f for room in _ROOMS for f in (home / room).rglob("*.py"))]
        code += [home / "reader" / "model" / "span.safetensors", home / "text" / "background.tsv", Path(__file__)]
        code += [Path(questions), *Path(folder).rglob("*")] if folder else []
        told += [hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(set(code)) if f.is_file()]
    plain = re.sub(r"\W+", "-", Path(questions).stem)
    return f"{plain}-{hashlib.sha256(chr(10).join(told).encode()).hexdigest()[:16]}"


def _look(name: str, limit: int, chance: random.Random) -> Iterator[Seen]:
    questions, _, folder = name.partition("=")
    rows, kb = _open(questions, folder)
    with kb:
        reader = kb._reader
        assert isinstance(reader, RuleReader)
        held = {d.id: _Held(d.source, d.title, fold(kb.document(d.id).text)) for d in kb.documents()}
        taken = rows if folder else chance.sample(rows, min(limit, len(rows)))
        for at, row in enumerate(taken):
            print(f"\r{name}: {at + 1}/{len(taken)}", end="", file=sys.stderr)
            yield from _see(kb, reader, row, row.question, row.answerable, None, "asked")
            if not row.answerable or row.history:
                continue
            answering = [document for document in held.values() if _answers(row, document)]
            titles = {document.title for document in answering}  # one article in several pieces
            rest = [d for d, document in held.items() if document.title not in titles]
            if rest and answering:
                yield from _see(kb, reader, row, row.question, False, rest, "gold_out")
            near = list(_swapped(row.question, chance))
            if row.gold:
                near += _transplanted(row, taken[(at + 1) % len(taken)], answering)
            for question in near:
                yield from _see(kb, reader, row, question, False, None, "near")
        print(file=sys.stderr)


@dataclass(frozen=True, slots=True)
class _Held:
    """A document at hand."""

    source: str
    title: str
    text: str  # folded


def _answers(row: Row, document: _Held) -> bool:
    """Whether a document answers a question: the one that is named, else whichever holds a quote or an answer."""
    if row.gold:
        return document.source == row.gold
    return any(part in document.text for part in (*map(fold, row.evidence), *row.answers))


def _swapped(question: str, chance: random.Random) -> Iterator[str]:
    for number in numbers(question)[:1]:
        digits = re.search(r"\d+", question[number.start : number.end])
        if digits:
            at = number.start + digits.start()
            other = str(max(1, int(digits.group()) + chance.choice([-2, -1, 1, 3])))
            if other != digits.group():
                yield question[:at] + other + question[at + len(digits.group()) :]
    for date in dates(question)[:1]:
        year = re.search(r"\d{4}", question[date.start : date.end])
        if year:
            at = date.start + year.start()
            yield (question[:at] + str(int(year.group()) + chance.choice([-3, -1, 1, 2])) + question[at + 4 :])
    for place in places(question)[:1]:
        fitting = [p for p in _PLACES if p.isascii() == place.isascii() and fold(p) != fold(place)]
        yield question.replace(place, chance.choice(fitting), 1)


def _transplanted(row: Row, other: Row, answering: Sequence[_Held]) -> Iterator[str]:
    """What is asked of another subject, asked of this one; only where this one's own document lacks a word of it, so
    that it is sure not to tell. "What is X" and a year for a subject would make questions that nobody asks."""
    mine, theirs = subject_of(row.question), subject_of(other.question)
    if not 2 <= len(mine) <= 20 or mine == theirs or not theirs or theirs not in other.question or dates(mine):
        return
    question = other.question.replace(theirs, mine, 1)
    understood = understand(question)
    rest = [term for term in understood.terms if len(term) > 1 and term not in fold(mine)]
    lacking = [term for term in rest if not any(term in document.text for document in answering)]
    if lacking and understood.kind != "definition" and not set(row.answers) & set(other.answers):
        yield question


def _see(
    kb: Assistant,
    reader: RuleReader,
    row: Row,
    question: str,
    answerable: bool,
    doc_ids: Sequence[str] | None,
    made: str,
) -> Iterator[Seen]:
    understood = understand(question, row.history)
    if understood.kind in WHOLE or not understood.terms:
        return
    candidates = reader.weigh(understood, kb._hits(understood, kb._scope(doc_ids)))
    right = [answerable and _right(row, f, kb) for f in candidates]
    yield Seen(candidates, right, answerable, prepare(understood), row.group, made)


def _right(row: Row, finding: Finding, kb: Assistant) -> bool:
    """Whether a sentence holds an answer, or stands in one of several sentences, or opens it."""
    text = fold(finding.quote)
    if row.evidence:
        return any(fold(e) in text or (len(text) > _OPENS and text in fold(e)) for e in row.evidence)
    if row.gold and kb.document(finding.passage.doc_id).source != row.gold:
        return False
    return any(
        a in text or (len(text) > _OPENS and text in a) or (len(a) > _OPENS and _overlap(text, a) > _OPENS)
        for a in row.answers
    )


def _overlap(text: str, answer: str) -> int:
    """Characters of the longest beginning of an answer with which a text ends."""
    return next((n for n in range(min(len(text), len(answer)), 0, -1) if text.endswith(answer[:n])), 0)


def _folded(answers: Sequence[str]) -> tuple[str, ...]:
    return tuple(fold(answer).strip() for answer in answers)


def _open(questions: str, folder: str) -> tuple[list[Row], Assistant]:
    questions, _, elsewhere = questions.partition("@")
    path = Path(questions)
    if folder:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        rows = [
            Row(
                r["question"],
                tuple(r.get("history", ())),
                _folded(r["answers"]),
                tuple(r["evidence"]),
                r["answerable"],
                group=r.get("source") or _GROUP.sub("-", r["id"].partition(".")[0]),  # art-p33.1a, art-n33.5a: art-33
            )
            for r in lines
            if r["type"] not in WHOLE
        ]
        return rows, Assistant.open(folder)
    lines = [json.loads(line) for line in (path / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
    corpus = [
        json.loads(line) for line in (Path(elsewhere or path) / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    if path.name.startswith("xquad"):
        lines = [r for r in lines if not is_kept(r["context_id"])]
        corpus = [r for r in corpus if not is_kept(r["_id"])]
    if elsewhere:  # the same questions in two languages: the answers are those of the other set, by question id
        other = map(json.loads, (Path(elsewhere) / "queries.jsonl").read_text(encoding="utf-8").splitlines())
        answers = {r["_id"]: r["answers"] for r in other}
        lines = [{**r, "answers": answers[r["_id"]]} for r in lines]
    rows = [
        Row(r["text"], (), _folded(r["answers"]), (), True, r["context_id"], r.get("title") or r["context_id"])
        for r in lines
        if r["answerable"]
    ]
    settings = Settings.load()
    model = hashlib.sha256(f"{settings.model} {settings.chunk_chars}".encode()).hexdigest()[:8]  # vectors of no other
    directory = Path(tempfile.gettempdir()) / f"judian-fit-{Path(elsewhere or path).name}-{model}"
    return rows, Assistant.from_texts(
        [(r["_id"], r["title"], r["text"]) for r in corpus], settings, index_dir=directory
    )
