"""The answer as shown: document text by its spans, between a closed set of fixed phrases. Nothing else is ever written.

`strip_template` takes the fixed phrases and numbers away again; what is left is quotes. A test holds it to that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from rag.types import Citation, Finding, Lang, Passage, Question, Reading, Segment, Span

PHRASES: Mapping[str, Mapping[str, str]] = {
    "not_found": {
        "zh": "材料中没有找到能回答这个问题的内容。",
        "zh-Hant": "材料中沒有找到能回答這個問題的內容。",
        "en": "Nothing in the documents answers this.",
    },
    "missing": {"zh": "材料中没有出现：", "zh-Hant": "材料中沒有出現：", "en": "Found nowhere in the documents: "},
    "nearest": {
        "zh": "最接近的一处（并不回答问题）：",
        "zh-Hant": "最接近的一處（並不回答問題）：",
        "en": "The nearest passage (it does not answer): ",
    },
    "greeting": {
        "zh": "你好！请就材料里的内容提问，我只用原文回答，并注明出处。",
        "zh-Hant": "你好！請就材料裡的內容提問，我只用原文回答，並註明出處。",
        "en": "Hello! Ask about the documents: I answer only by quoting them, with the place of every quote.",
    },
    "sidebar": {
        "zh": "（出自页面的附栏，不是正文）",
        "zh-Hant": "（出自頁面的附欄，不是正文）",
        "en": "(from the page's margin, not its text)",
    },
    "away": {
        "zh": "（向量库暂时连不上，这里只按词面检索）",
        "zh-Hant": "（向量庫暫時連不上，這裡只按詞面檢索）",
        "en": "(the vector store does not answer just now: this was found by its words alone)",
    },
    "open": {"zh": "“", "zh-Hant": "「", "en": "“"},
    "close": {"zh": "”", "zh-Hant": "」", "en": "”"},
    "separator": {"zh": "、", "zh-Hant": "、", "en": "; "},
    "bullet": {"zh": "- ", "zh-Hant": "- ", "en": "- "},
    "space": {"zh": " ", "zh-Hant": " ", "en": " "},
}
_BETWEEN = re.compile(r"(?:[\s、，,“”《》「」『』\"]|以及|[和及与與或]|and|or)*")  # items side by side
_MARK_AND_STOP = 6  # characters of "（一）" or "- **" before a list item and of its stop
_FURNITURE = frozenset({"related", "notice", "comment", "counter", "nav"})


def say(phrase: str, lang: Lang) -> Segment:
    return Segment("template", PHRASES[phrase][lang])


def away(lang: Lang) -> list[Segment]:
    """Segments that say that the search was not whole."""
    return [Segment("break", "\n\n"), say("away", lang)]


def cite(finding: Finding, number: int, title: str, source: str) -> Citation:
    """The citation of a finding in a document of that title and source."""
    return Citation(
        number=number,
        doc_id=finding.passage.doc_id,
        title=title,
        source=source,
        quote=finding.quote,
        start=finding.start,
        end=finding.end,
        path=finding.passage.path,
        role=finding.passage.role,
        page=finding.passage.page,
        row=finding.passage.row,
    )


def compose(question: Question, reading: Reading, citations: Sequence[Citation]) -> tuple[list[Segment], str]:
    """Segments of a found answer and its short form. One citation per finding, in order."""
    lang = question.lang
    shorts = _shorts(reading.findings)
    short, verbatim = _joined(reading.findings, shorts, lang)
    out: list[Segment] = []
    listed = len(shorts) > 2 and not verbatim
    if question.kind == "overview" and len(reading.findings) > 1:
        return _overview(reading, citations, lang), short
    if listed and _each_whole(reading.findings):  # a list over several lines: said once
        for finding, span in shorts:
            number = citations[reading.findings.index(finding)].number
            out += [say("bullet", lang), Segment("short", finding.short(span), number), say("space", lang)]
            out += [Segment("mark", str(number), number), Segment("break", "\n")]
        return out, short
    if listed:
        for finding, span in shorts:
            number = citations[reading.findings.index(finding)].number
            out += [say("bullet", lang), Segment("short", finding.short(span), number), Segment("break", "\n")]
        out.append(Segment("break", "\n"))
    elif len(citations) == 1 and short == citations[0].quote:  # said once
        number = citations[0].number
        return [Segment("short", short, number), say("space", lang), Segment("mark", str(number), number)], short
    elif shorts and short:
        if verbatim:
            out.append(Segment("short", short, citations[0].number))
        else:
            for i, (finding, span) in enumerate(shorts):
                if i:
                    out.append(say("separator", lang))
                out.append(Segment("short", finding.short(span), citations[reading.findings.index(finding)].number))
        out.append(Segment("break", "\n\n"))
    for i, citation in enumerate(citations):
        if i:
            out.append(Segment("break", "\n\n"))
        out += _quoted(citation, lang)
    return out, short


def refuse(question: Question, missing: Sequence[str], nearest: Sequence[Citation]) -> list[Segment]:
    """Segments of a refusal: fixed words, the question's own words that are found nowhere, the nearest passage."""
    lang = question.lang
    out = [say("not_found", lang)]
    if missing:
        out += [Segment("break", "\n\n"), say("missing", lang)]
        for i, word in enumerate(missing[:4]):
            out += [say("separator", lang)] * bool(i) + [say("open", lang), Segment("quote", word), say("close", lang)]
    for citation in nearest[:1]:
        out += [Segment("break", "\n\n"), say("nearest", lang), *_quoted(citation, lang)]
    return out


def markdown(segments: Sequence[Segment]) -> str:
    """Plain Markdown of an answer: **short**, quotes in quotation marks, [n]. Document text stays verbatim."""
    return "".join(
        f"**{s.text}**" if s.kind == "short" else f"[{s.number}]" if s.kind == "mark" else s.text for s in segments
    ).strip()


def strip_template(text: str) -> str:
    """An answer's text without fixed phrases, numbers and emphasis: only document text is left."""
    for phrase in sorted(
        {p for forms in PHRASES.values() for p in forms.values() if len(p) > 2}, key=len, reverse=True
    ):
        text = text.replace(phrase, "\n")
    text = re.sub(r"\s?\[\d+\]", "\n", text)
    return re.sub(r"\*\*", "\n", text)


def nearest_finding(passage: Passage, candidates: Sequence[Finding]) -> Finding:
    """The sentence to show as nearest: the best candidate, or the head of the best passage."""
    if candidates:
        return candidates[0]
    return Finding(passage, passage.start, min(passage.end, passage.start + 120), 0.0)


def _quoted(citation: Citation, lang: Lang) -> list[Segment]:
    out = [say("open", lang), Segment("quote", citation.quote, citation.number), say("close", lang)]
    if citation.role in _FURNITURE:
        out.append(say("sidebar", lang))
    return [*out, say("space", lang), Segment("mark", str(citation.number), citation.number)]


def _overview(reading: Reading, citations: Sequence[Citation], lang: Lang) -> list[Segment]:
    out: list[Segment] = []
    for i, citation in enumerate(citations):
        if i == 0 and citation.role == "title" and len({c.doc_id for c in citations}) == 1:
            out += [Segment("short", citation.quote, citation.number), say("space", lang)]
            out += [Segment("mark", str(citation.number), citation.number), Segment("break", "\n\n")]
            continue
        out += [say("bullet", lang), Segment("quote", citation.quote, citation.number), say("space", lang)]
        out += [Segment("mark", str(citation.number), citation.number), Segment("break", "\n")]
    return out


def _each_whole(findings: Sequence[Finding]) -> bool:
    """Whether each sentence is its own short answer but for the mark of a list item and its stop."""
    lengths = [(f.spans[0].end - f.spans[0].start, len(f.quote)) for f in findings if len(f.spans) == 1]
    return len(lengths) == len(findings) and all(said + _MARK_AND_STOP >= whole for said, whole in lengths)


def _shorts(findings: Sequence[Finding]) -> list[tuple[Finding, Span]]:
    return [(finding, span) for finding in findings for span in finding.spans]


def _joined(findings: Sequence[Finding], shorts: Sequence[tuple[Finding, Span]], lang: Lang) -> tuple[str, bool]:
    """The short form, and whether it is one verbatim slice: items that stand side by side keep the text between."""
    if not shorts:
        return "", False
    first, last = shorts[0], shorts[-1]
    if first[0] is last[0] or first[0] == last[0]:
        between = [first[0].short(Span(a.end, b.start)) for (_, a), (_, b) in pairwise(shorts)]
        if all(map(_BETWEEN.fullmatch, between)):
            return first[0].short(Span(first[1].start, last[1].end)), True
    return PHRASES["separator"][lang].join(finding.short(span) for finding, span in shorts), False
