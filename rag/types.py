"""The values that travel between the stages. All frozen; `dataclasses.replace` instead of mutation.

One string per document, all else is a span of it: `document.text[x.start:x.end]` is what a section, a passage or a
citation says, always. Offsets count Python characters (code points), the end is exclusive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, overload

from rag.table import labelled

if TYPE_CHECKING:
    from rag.ranking import RankExplanation

Role = Literal["title", "heading", "body", "byline", "date", "related", "notice", "comment", "counter", "nav"]
"""What a stretch of a page is for. Everything but title, heading and body is furniture: kept, but it answers last."""

BODY_ROLES: frozenset[str] = frozenset({"title", "heading", "body"})

BlockKind = Literal["title", "heading", "paragraph", "item", "row", "code", "meta", "quote"]
"""What a parser saw: a `row` is one table row, an `item` one list item, `meta` a line that the format itself marks as
metadata (front matter, <meta>)."""

Kind = Literal[
    "who", "when", "where", "how_many", "which", "list", "definition", "why", "how", "yes_no",
    "overview", "metadata", "keywords", "greeting",
]  # fmt: skip
"""What a question asks for. `keywords` is a bare query that asks nothing in particular."""

Lang = Literal["zh", "zh-Hant", "en"]
LONGEST_QUESTION = 2000  # characters
Tier = Literal["first", "again", "furniture"]  # said for the first time, said again, in the margin of a page


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` of the document that the context names."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, heading, list item … as a parser found it: a span of `Parsed.text`, never overlapping another."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0  # heading depth (1 = top) or list depth; 0 where the format does not say
    page: int | None = None  # 1-based page, slide or sheet; None where the format has none
    hint: str = ""  # what the format says of its place: an HTML tag or class ("aside", "nav", "comment-list")
    row: int | None = None  # 1-based number of a sheet's row; None where rows are not numbered for people
    columns: tuple[str, ...] = ()  # of a row of data: what the header says of each cell; () for the header itself


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know about a file that was read all the same, with the next step: pages without text."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser makes of a file: the text that every offset refers to, its blocks in reading order, and
    metadata that the format itself declares (keys as in `Document.meta`)."""

    text: str
    blocks: tuple[Block, ...]
    meta: Mapping[str, Span] = field(default_factory=dict)
    pages: int | None = None  # how many pages, slides or sheets; None where the format has none
    notices: tuple[Notice, ...] = ()
    kind: str = ""  # the format that was read: "pdf", "docx" …; `rag.parse` fills it in


@dataclass(frozen=True, slots=True)
class Section:
    """A run of blocks under one heading path with one role. A heading or title is a section of its own."""

    path: tuple[str, ...]  # headings from the outermost in, without the document's title
    start: int
    end: int
    role: Role = "body"
    page: int | None = None
    level: int = 0  # heading depth where role is "heading"
    row: int | None = None  # of table rows: the number of the first line, each following line is one row more
    columns: tuple[str, ...] = ()  # of table rows: what the header says of each cell
    names: bool = False  # the header of a table: it names the columns of the rows below


@dataclass(frozen=True, slots=True)
class Document:
    id: str  # hash of the source's bytes and format: the same file twice is one document
    title: str
    source: str  # path relative to the indexed folder, with forward slashes
    text: str
    sections: tuple[Section, ...] = ()
    meta: Mapping[str, Span] = field(default_factory=dict)
    """Spans by key: title, author, position (the author's office), publisher, date, url, category, views …"""
    kind: str = ""  # the format that was read: "pdf", "docx" …
    pages: int | None = None  # pages, slides or sheets; None where the format has none

    def value(self, key: str) -> str:
        """The text of a metadata span, "" where the document does not state it."""
        span = self.meta.get(key)
        return self.text[span.start : span.end] if span else ""


@dataclass(frozen=True, slots=True)
class Passage:
    """Whole sentences of one section: what is embedded, found and read. `text == document.text[start:end]`."""

    id: int  # 63-bit hash of (doc_id, start, end): the same on every machine
    doc_id: str
    text: str
    start: int
    end: int
    title: str = ""
    path: tuple[str, ...] = ()
    role: Role = "body"
    page: int | None = None
    row: int | None = None  # of a sheet's row
    columns: tuple[str, ...] = ()  # of a table row: what the header says of each cell

    @property
    def head(self) -> str:
        """Title and section path: read with the text and never quoted; "" where there is neither."""
        return " › ".join(part for part in (self.title, *self.path) if part)

    @property
    def labelled(self) -> str:
        """A table row with what the header says of each cell, "列名: 值；…"; "" for all else."""
        return labelled(self.text, self.columns)

    @property
    def lead(self) -> str:
        """What a reader is told before the text: the head, and of a table row what its columns are called."""
        return "\n".join(part for part in (self.head, self.labelled) if part)

    @property
    def context(self) -> str:
        """Head and text, a row's with its column names: what is embedded and indexed. Only `text` is ever quoted."""
        text = self.labelled or self.text
        return f"{self.head}\n{text}" if self.head else text

    @property
    def digest(self) -> bytes:
        """Of the context, 16 bytes: passages of one digest have one vector."""
        return hashlib.sha256(self.context.encode("utf-8", "surrogatepass")).digest()[:16]


def passage_id(doc_id: str, start: int, end: int) -> int:
    digest = hashlib.sha256(f"{doc_id}:{start}:{end}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True, slots=True)
class Hit:
    passage: Passage
    score: float  # fused; higher is better; comparable within one query only
    ranks: Mapping[str, int] = field(default_factory=dict)  # ranker name -> 1-based rank, absent where not found
    scores: Mapping[str, float] = field(default_factory=dict)  # ranker name -> its own score (cosine, BM25)
    rank: int = 0  # 1-based, in the list that it was found in; 0: not known
    query: str = ""  # what was searched for
    weights: Mapping[str, float] = field(default_factory=dict)  # ranker name -> what it counted for in this query
    k0: int = 0  # of the fusion: a ranker adds weight / (k0 + rank)
    tier: Tier = "first"
    scale: float = 1.0  # what the fused sum was multiplied by, to lie below the tiers before
    source: str = ""  # of its document, as is its date; "" where not known
    date: str = ""
    characters: int = 0  # of its document; 0: not known

    def explain(self) -> RankExplanation:
        """Why it stands there: each ranker's share of its score, the query's words it holds and lacks. Needs no index."""
        from rag.ranking import explained_rank

        return explained_rank(self)


@dataclass(frozen=True, slots=True)
class Question:
    """A question as understood."""

    text: str  # as asked
    understood: str  # with what a follow-up carries over written out
    lang: Lang
    kind: Kind
    terms: tuple[str, ...] = ()  # content words in folded form, in order, question words removed
    anchors: tuple[str, ...] = ()  # folded terms an answer must honour: numbers, years, ordinals, names, quoted words
    field: str = ""  # metadata key, where kind is "metadata"
    before: str = ""  # the question that a follow-up goes on from, where the two cannot be put into one

    @property
    def full(self) -> str:
        """What is searched for, read with and shown as understood: all else goes by `understood` alone."""
        return f"{self.before} {self.understood}".strip()


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence that answers (or might): offsets are the document's, and the passage's range holds them."""

    passage: Passage
    start: int
    end: int
    score: float  # higher is better; comparable within one reading
    spans: tuple[Span, ...] = ()  # short answers inside it, in document order; empty: the sentence is the answer
    features: Mapping[str, float] = field(default_factory=dict)  # why it won or lost, by name

    @property
    def quote(self) -> str:
        return self.passage.text[self.start - self.passage.start : self.end - self.passage.start]

    def short(self, span: Span) -> str:
        return self.passage.text[span.start - self.passage.start : span.end - self.passage.start]


@dataclass(frozen=True, slots=True)
class Certainty:
    """How far an answer can be relied on, in the words that people are shown. `right` is what was measured: the share of
    answers so called that were right, on folders left out when the weights were fitted; where the line itself stands was
    chosen on the same questions."""

    word: Literal["sure", "likely", "none"] = "none"  # none: nothing was found, nothing is claimed
    right: float | None = None  # 0..1; None: not judged but taken from where a document states it (title, byline)


STATED = Certainty("sure")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader says of a question and the passages it was given."""

    findings: tuple[Finding, ...]  # the fewest that answer, in the order to show; empty: nothing answers
    answerable: float  # calibrated probability that the first finding, or would-be finding, answers, 0..1
    reason: str  # why, as a code: "answered", "no_match", "missing_terms", "wrong_anchor", "wrong_kind", "weak"
    missing: tuple[str, ...] = ()  # question words found nowhere in what was read
    candidates: tuple[Finding, ...] = ()  # everything weighed, best first: "why this sentence"
    certainty: Certainty = STATED  # of the findings

    @property
    def told(self) -> Certainty:
        """What people are told: nothing of what was not found."""
        return self.certainty if self.findings else Certainty()


@dataclass(frozen=True, slots=True)
class Citation:
    number: int
    doc_id: str
    title: str
    source: str
    quote: str
    start: int
    end: int
    path: tuple[str, ...] = ()
    role: Role = "body"
    page: int | None = None
    row: int | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the quoted slice: with (doc_id, start, end) it proves the citation and notices a changed text."""
        return hashlib.sha256(self.quote.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of an answer as shown. `template` is a fixed phrase of the product, `short` and `quote` are document
    text (verbatim), `mark` is a citation's number."""

    kind: Literal["template", "short", "quote", "mark", "break"]
    text: str
    number: int = 0  # the citation that it belongs to; 0: none


@dataclass(frozen=True, slots=True)
class Answer:
    question: str
    understood: str
    text: str  # Markdown: short span in bold, quotes, [n]; document text in it is verbatim, so escape it to show it
    short: str  # the span(s) that answer; "" where the sentence is the answer or nothing answers
    citations: tuple[Citation, ...]
    hits: Hits
    confidence: float  # calibrated probability that this answers, 0..1; for programs: people are told `certainty`
    reason: str
    timings: Mapping[str, float] = field(default_factory=dict)  # stage -> milliseconds
    segments: tuple[Segment, ...] = ()
    nearest: tuple[Citation, ...] = ()  # on a refusal: the closest passages, shown as not answering
    missing: tuple[str, ...] = ()  # question words found nowhere
    candidates: tuple[Finding, ...] = ()
    lang: Lang = "zh"
    kind: Kind = "which"
    certainty: Certainty = Certainty()

    @property
    def found(self) -> bool:
        return bool(self.citations)

    def to_pandas(self) -> Any:  # a DataFrame; pandas is an extra
        """One row a citation. Raises MissingExtraError without pandas."""
        from rag.notebook import answer_frame

        return answer_frame(self)

    def __repr__(self) -> str:
        from rag.notebook import answer_text

        return answer_text(self)

    def _repr_html_(self) -> str:
        from rag.notebook import answer_html

        return answer_html(self)


class Hits(tuple[Hit, ...]):
    """Hits, best first: a tuple that knows its query, stays `Hits` when sliced, and shows as a table."""

    query: str
    away: tuple[str, ...]  # rankers that could not be asked: what they alone would find is missing

    def __new__(cls, hits: Iterable[Hit] = (), query: str = "", away: Iterable[str] = ()) -> Hits:
        found = super().__new__(cls, hits)
        found.query, found.away = query, tuple(away)
        return found

    @overload
    def __getitem__(self, at: SupportsIndex) -> Hit: ...
    @overload
    def __getitem__(self, at: slice) -> Hits: ...
    def __getitem__(self, at: SupportsIndex | slice) -> Hit | Hits:
        if isinstance(at, slice):
            return Hits(super().__getitem__(at), self.query, self.away)
        return super().__getitem__(at)

    def __repr__(self) -> str:
        from rag.notebook import hits_text

        return hits_text(self)

    def _repr_html_(self) -> str:
        from rag.notebook import hits_html

        return hits_html(self)

    def to_pandas(self) -> Any:
        """One row a hit, best first. Raises MissingExtraError without pandas."""
        from rag.notebook import hits_frame

        return hits_frame(self)

    def plot(self) -> Any:
        """Where in the documents the hits lie: a plotly Figure, one bar a document, a mark a hit."""
        from rag.notebook import hits_plot

        return hits_plot(self)


@dataclass(frozen=True, slots=True)
class Progress:
    """True progress of long work: `done` of `total` units of `stage`, `detail` names the current one."""

    stage: Literal["model", "files", "passages"]
    done: int
    total: int  # of passages: those of the files read so far
    detail: str = ""
    rate: float | None = None  # units a second; None: not known yet
    left: float | None = None  # seconds until all is done, files not yet read included; None: not known yet


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file of the folder."""

    source: str
    state: Literal["indexed", "unchanged", "changed", "renamed", "same", "removed", "skipped", "failed"]
    """`renamed`: nothing was read or encoded again; `same`: another file holds the very document."""
    doc_id: str = ""
    passages: int = 0
    reason: str = ""  # why skipped, failed or partly read: a Chinese line, an English one; when renamed, the old name


@dataclass(frozen=True, slots=True)
class SyncReport:
    outcomes: tuple[FileOutcome, ...]
    seconds: float
    mended: tuple[Notice, ...] = ()  # what was found damaged in the index and made good

    @property
    def failed(self) -> tuple[FileOutcome, ...]:
        return tuple(o for o in self.outcomes if o.state == "failed")
