"""The template writes nothing of its own: every answer is fixed phrases around verbatim document text."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.compose import PHRASES, away, cite, compose, markdown, refuse, strip_template
from rag.types import Document, Finding, Passage, Question, Reading, Section, Span, passage_id

_TEXT = "配建100余个智慧学习小站,形成“一街百站”学习矩阵。运用裸眼3D、虚拟骑行等信息技术。"
_FIRST, _SECOND = _TEXT[:27], _TEXT[27:]


def _document(text: str) -> Document:
    return Document("d1", "标题", "a.txt", text, (Section((), 0, len(text)),))


def _finding(document: Document, start: int, end: int, *spans: tuple[int, int]) -> Finding:
    passage = Passage(passage_id("d1", start, end), "d1", document.text[start:end], start, end, "标题")
    return Finding(passage, start, end, 1.0, tuple(Span(*span) for span in spans))


def _question(kind: str = "how_many", lang: str = "zh") -> Question:
    return Question("问", "问", lang, kind)  # type: ignore[arg-type]


def test_short_answer_in_bold_then_the_sentence_with_its_number() -> None:
    document = _document(_TEXT)
    finding = _finding(document, 0, 27, (2, 7))
    segments, short = compose(
        _question(), Reading((finding,), 0.9, "answered"), [cite(finding, 1, document.title, document.source)]
    )
    assert short == "100余个"
    assert markdown(segments) == f"**100余个**\n\n“{_FIRST}” [1]"


def test_items_side_by_side_are_one_verbatim_slice() -> None:
    document = _document(_TEXT)
    a, b = _TEXT.index("裸眼3D"), _TEXT.index("虚拟骑行")
    finding = _finding(document, 27, len(_TEXT), (a, a + 4), (b, b + 4))
    _, short = compose(
        _question("list"), Reading((finding,), 0.9, "answered"), [cite(finding, 1, document.title, document.source)]
    )
    assert short == "裸眼3D、虚拟骑行"
    assert short in _TEXT


def test_a_list_over_several_lines_is_said_once_and_each_line_has_its_number() -> None:
    document = _document("1. 建阵地。\n2. 强队伍。\n3. 办活动。")
    findings = tuple(_finding(document, at, at + 7, (at + 3, at + 6)) for at in (0, 8, 16))
    citations = [cite(f, n, document.title, document.source) for n, f in enumerate(findings, 1)]
    segments, short = compose(_question("list"), Reading(findings, 0.9, "answered"), citations)
    assert markdown(segments) == "- **建阵地** [1]\n- **强队伍** [2]\n- **办活动** [3]"
    assert short == "建阵地、强队伍、办活动"


def test_items_of_one_sentence_come_as_a_list_before_it() -> None:
    document = _document("一是教化乡民，劝人向善；二是管理户籍，征收赋税；三是维护治安。")
    finding = _finding(document, 0, len(document.text), (2, 11), (14, 23), (26, 30))
    segments, _ = compose(
        _question("which"), Reading((finding,), 0.9, "answered"), [cite(finding, 1, document.title, document.source)]
    )
    assert markdown(segments).startswith("- **教化乡民，劝人向善**\n- **管理户籍，征收赋税**\n- **维护治安**\n\n“一是")


def test_a_refusal_names_the_missing_words_and_the_nearest_passage() -> None:
    document = _document(_TEXT)
    near = cite(_finding(document, 0, 27), 1, document.title, document.source)
    text = markdown(refuse(_question(lang="en"), ["上海"], [near]))
    assert text.startswith(PHRASES["not_found"]["en"])
    assert "“上海”" in text and _FIRST in text and "does not answer" in text


@given(st.text(min_size=4, max_size=120), st.data())
@settings(max_examples=150, deadline=None)
def test_without_template_and_numbers_only_quotes_are_left(text: str, data: st.DataObject) -> None:
    document = _document(text)
    start = data.draw(st.integers(0, len(text) - 2))
    end = data.draw(st.integers(start + 1, len(text)))
    middle = data.draw(st.integers(start, end - 1))
    finding = _finding(document, start, end, (middle, end))
    kind = data.draw(st.sampled_from(["how_many", "list", "overview", "why"]))
    lang = data.draw(st.sampled_from(["zh", "zh-Hant", "en"]))
    citation = cite(finding, 1, document.title, document.source)
    assert document.text[citation.start : citation.end] == citation.quote
    segments, short = compose(_question(kind, lang), Reading((finding,), 0.9, "answered"), [citation])
    assert short in text
    for segment in segments:
        if segment.kind in {"quote", "short"}:
            assert segment.text in text
        elif segment.kind == "template":
            assert segment.text in {form for forms in PHRASES.values() for form in forms.values()}
        else:
            assert segment.text.isspace() or re.fullmatch(r"\d+", segment.text)


def test_stripping_leaves_quotes() -> None:
    document = _document(_TEXT)
    findings = (_finding(document, 0, 27, (2, 7)), _finding(document, 27, len(_TEXT)))
    citations = [cite(f, n, document.title, document.source) for n, f in enumerate(findings, 1)]
    text = markdown(compose(_question(), Reading(findings, 0.9, "answered"), citations)[0])
    left = [piece.strip("“”\n ") for piece in strip_template(text).split("\n")]
    assert all(piece in _TEXT for piece in left)
    assert {_FIRST, _SECOND} <= set(left)


def test_a_search_that_was_not_whole_is_said_in_the_questions_language() -> None:
    for lang in ("zh", "zh-Hant", "en"):
        segments = away(lang)  # type: ignore[arg-type]
        assert [s.kind for s in segments] == ["break", "template"] and markdown(segments) == PHRASES["away"][lang]
        assert not strip_template(f"“甲” [1]{''.join(s.text for s in segments)}").replace("甲", "").strip("“” \n")
