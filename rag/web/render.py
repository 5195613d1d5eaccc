"""Answers as chat messages. Document text is hostile: it passes through `esc` and nothing else reaches the page.

A message is one line of HTML, which Gradio's Markdown leaves alone. Links carry their meaning in the fragment
(`#cite-{turn}-{n}`), because the chat's sanitiser drops every data attribute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote as percent

from rag.text.certainty import certainty_meaning, certainty_word
from rag.text.whereabouts import kind_of, where
from rag.types import BODY_ROLES, LONGEST_QUESTION, Answer, Citation, Segment
from rag.web.escape import esc
from rag.web.marks import Marked, candidate_html, verdict_html
from rag.web.strings import say

WHY_ROWS = 6  # candidates shown under "why this sentence"
MISSING = 4  # words shown as found nowhere, each cut at
MISSING_LENGTH = 12  # characters
BUBBLE = 200  # characters of a question shown in the chat


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a chat and what became of it."""

    question: str
    answer: Answer | None = None
    trouble: tuple[str, str] = ("", "")  # what to say instead of an answer, (zh, en)
    suggestions: tuple[str, ...] = ()
    waiting: int = 0  # files that were still being read when it was answered
    ready: int = 0  # documents that it was answered from
    marked: Marked | None = None  # where a person may say whether it is right: what was said
    busy: bool = False  # turned away, because too many were asking


def place(citation: Citation, lang: str) -> str:
    """Title, section path and page or row of a citation as plain text."""
    path = " › ".join(part for part in (citation.title or citation.source, *citation.path) if part)
    at = where(kind_of(citation.source), citation.page, citation.row, lang)
    return f"{path} · {at}" if at else path


def mark(turn: int, citation: Citation, lang: str) -> str:
    told = esc(place(citation, lang))
    return f'<a class="cite" href="#cite-{turn}-{citation.number}" title="{told}">{citation.number}</a>'


def message(turn: Turn, index: int, ui: str) -> str:
    """The whole reply to one question."""
    if turn.answer is None:
        text = turn.trouble[0 if ui == "zh" else 1]
        again = f'<div class="jd-meta"><a class="retry" href="#retry-{index}">{say("retry", ui)}</a></div>'
        if len(turn.question) > LONGEST_QUESTION:
            again = ""  # it would be refused again
        kind = "jd-busy" if turn.busy else "jd-trouble"
        return f'<div class="jd-msg"><p class="{kind}">{esc(text)}</p>{again}</div>'
    answer = turn.answer
    tongue = "en" if answer.lang == "en" else "zh"  # what belongs to the answer speaks as it does, buttons as the page
    lead = said(answer, index, once(answer.segments)) if answer.found else refusal(answer, index, tongue)
    meta = _meta(answer, index, tongue, ui, verdict_html(turn.marked, answer, index, ui))
    rest = _partial(turn, ui) + meta + _why(turn, answer, index, tongue, ui) + _suggestions(turn, ui)
    return f'<div class="jd-msg">{lead}{rest}</div>'


def stage(text: str) -> str:
    """What is being done right now, in place of the answer that is to come."""
    return f'<div class="jd-msg"><p class="jd-stage">{esc(text)}</p></div>'


def once(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments, a quote left out where it only says again the short span that stands alone before it: the
    quote's number then stands at the span."""
    out: list[Segment] = []
    n = 0
    while n < len(segments):
        kinds = [segment.kind for segment in segments[n : n + 5]]
        alone = segments[n].kind == "short" and (not out or out[-1].kind == "break")
        out.append(segments[n])
        n += 1
        if alone and kinds == ["short", "break", "template", "quote", "template"]:
            short, _, opening, quote, closing = segments[n - 1 : n + 4]
            marks = opening.text + closing.text in ("“”", "「」")
            if marks and short.text.strip().rstrip("。.") == quote.text.strip().rstrip("。."):
                n += 4
    return tuple(out)


def said(answer: Answer, index: int, segments: Sequence[Segment]) -> str:
    """Segments as paragraphs and bullets: short spans in bold, quotes as quotes, marks as links to the panel."""
    cited = {citation.number: citation for citation in answer.citations}
    lines: list[list[str]] = [[]]
    for segment in segments:
        if segment.kind == "break":
            lines.append([])
        elif segment.kind == "mark":
            if segment.number in cited:
                lines[-1].append(mark(index, cited[segment.number], answer.lang))
        elif segment.kind == "short":
            lines[-1].append(f'<strong class="short">{esc(segment.text)}</strong>')
        elif segment.kind == "quote":
            lines[-1].append(f'<span class="quote">{esc(segment.text)}</span>')
        else:
            lines[-1].extend(_template(segment.text, lines))
    return f'<div class="jd-said">{"".join(_line(line) for line in lines if line)}</div>'


def _template(text: str, lines: list[list[str]]) -> list[str]:
    """A fixed phrase; line breaks in it start new lines, and a leading "- " makes the line a bullet."""
    first, *rest = text.split("\n")
    for part in (first, *rest[:-1]) if rest else ():
        lines[-1].append(esc(part))
        lines.append([])
    return [esc(rest[-1] if rest else first)]


def _line(parts: list[str]) -> str:
    text = "".join(parts)
    for bullet in (esc("- "), "• ", "· "):
        if text.startswith(bullet):
            return f'<p class="item">{text[len(bullet) :]}</p>'
    if not text.strip():
        return ""
    lead = "lead" if parts[0].startswith("<strong") and 'class="quote"' not in text else ""
    return f'<p class="{lead}">{text}</p>'


def refusal(answer: Answer, index: int, ui: str) -> str:
    """Fixed words, the question words found nowhere, and the nearest passages, labelled as not answering."""
    first = []
    for segment in answer.segments:
        if segment.kind == "break":
            break
        first.append(segment.text if segment.kind == "template" else "")
    parts = [f'<p class="lead">{esc("".join(first).strip()) or say("not_found", ui)}</p>']
    if answer.missing:
        words = "".join(f'<span class="word">{esc(word)}</span>' for word in map(_cut, answer.missing[:MISSING]))
        parts.append(f'<p class="jd-missing">{say("missing", ui)} {words}</p>')
    if answer.nearest:
        rows = "".join(
            f'<li><a href="#near-{index}-{n}"><span class="quote">{esc(c.quote)}</span>'
            f"<small>{esc(place(c, ui))}{_role(c.role, ui)}</small></a></li>"
            for n, c in enumerate(answer.nearest)
        )
        parts.append(f'<div class="jd-nearest"><p>{say("nearest", ui)}</p><ul>{rows}</ul></div>')
    return f'<div class="jd-said jd-refusal">{"".join(parts)}</div>'


def _partial(turn: Turn, ui: str) -> str:
    """That more is being read, where an answer came before all was."""
    if not turn.waiting:
        return ""
    files, documents = (say(key, ui, n=n) for key, n in (("n_files", turn.waiting), ("n_documents", turn.ready)))
    return f'<p class="jd-partial">{say("partial", ui, files=files, documents=documents)}</p>'


def _cut(word: str) -> str:
    return word if len(word) <= MISSING_LENGTH else word[:MISSING_LENGTH] + "…"


def _role(role: str, ui: str) -> str:
    return "" if role in BODY_ROLES else f" · {say(f'role_{role}', ui)}"


def _meta(answer: Answer, index: int, tongue: str, ui: str, verdict: str) -> str:
    """How sure and where from, copy, retry and the verdict in one row; below it the question as understood, where it
    differs."""
    parts = []
    if answer.certainty.word != "none":
        parts.append(_certainty(answer, index))
    for role in dict.fromkeys(c.role for c in answer.citations if c.role not in BODY_ROLES):
        parts.append(f'<span class="jd-role">{say(f"role_{role}", tongue)}</span>')
    parts.append(f'<a href="#copy-{index}" title="{say("copied", ui)}">{say("copy", ui)}</a>')
    parts.append(f'<a class="retry" href="#retry-{index}">{say("retry", ui)}</a>')
    parts.append(verdict)
    row = f'<div class="jd-meta">{"".join(parts)}</div>'
    if answer.understood.strip() and answer.understood.strip() != answer.question.strip():
        text = f"{say('understood', tongue)}{'：' if tongue == 'zh' else ': '}"
        edit = f'<a href="#edit-{index}" title="{say("edit", ui)}">✎</a>'
        row += f'<div class="jd-meta"><span class="jd-understood">{text}{esc(answer.understood)} {edit}</span></div>'
    return row


def _certainty(answer: Answer, index: int) -> str:
    """How sure, in a word; where it asks to check the sentence it leads there."""
    word, meaning = (esc(told(answer.certainty, answer.lang)) for told in (certainty_word, certainty_meaning))
    if answer.certainty.word == "sure":
        return f'<span class="jd-sure" title="{meaning}">{word}</span>'
    return f'<a class="jd-likely" href="#cite-{index}-{answer.citations[0].number}" title="{meaning}">{word}</a>'


def _why(turn: Turn, answer: Answer, index: int, tongue: str, ui: str) -> str:
    if not answer.candidates:
        return ""
    ranks = {hit.passage.id: hit.ranks for hit in answer.hits}
    chosen = {(c.doc_id, c.start) for c in answer.citations}
    rows = []
    for n, finding in enumerate(answer.candidates[:WHY_ROWS]):
        won = (finding.passage.doc_id, finding.start) in chosen
        order = " · ".join(
            _rank(name, rank, tongue) for name, rank in sorted(ranks.get(finding.passage.id, {}).items())
        )
        rows.append(
            f'<tr class="{"won" if won else ""}"><td>{n + 1}{" ●" if won else ""}</td>'
            f'<td><a href="#cand-{index}-{n}" title="{say("open_source", tongue)}">{esc(finding.quote)}</a>'
            f"{candidate_html(turn.marked, finding, index, n, ui)}</td>"
            f"<td>{finding.score:.2f}</td><td>{order or '–'}</td></tr>"
        )
    heads = "".join(f"<th>{say(key, tongue)}</th>" for key in ("rank", "sentence", "score", "ranks"))
    return (
        f'<details class="jd-why"><summary>{say("why" if answer.found else "why_not", tongue)}</summary>'
        f"<p>{esc(certainty_meaning(answer.certainty, answer.lang))} {say('why_note', tongue)}</p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></details>"
    )


def _rank(name: str, rank: int, ui: str) -> str:
    known = {"dense": "ranker_dense", "lexical": "ranker_lexical"}
    return f"{say(known[name], ui) if name in known else esc(name)} {rank}"


def _suggestions(turn: Turn, ui: str) -> str:
    if not turn.suggestions:
        return ""
    return f'<div class="jd-try"><span>{say("try", ui)}</span>{asking(turn.suggestions)}</div>'


def asking(questions: Sequence[str]) -> str:
    """Links that ask: the question itself is in the fragment, so a page opened long ago asks what it shows."""
    return "".join(f'<a href="#ask/{percent(text, safe="")}">{esc(text)}</a>' for text in questions)


def asked(turn: Turn) -> str:
    """The person's own question as a message: also escaped, an example may come from a document."""
    text = turn.question if len(turn.question) <= BUBBLE else turn.question[:BUBBLE] + "…"
    return f'<div class="jd-ask">{esc(text)}</div>'
