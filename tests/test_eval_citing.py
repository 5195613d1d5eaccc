"""Citations: right ones, and every way in which a system can cite wrongly."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.citing import measures, proof, statements
from eval.records import Gold, Place, Prediction, Quote
from rag.compose import PHRASES, cite, compose, markdown
from rag.types import Document, Finding, Passage, Question, Reading, Section, Span, passage_id

TEXT = "配建100余个智慧学习小站,形成“一街百站”学习矩阵。运用裸眼3D、虚拟骑行等信息技术。成都还有别的。"
FIRST, SECOND, THIRD = TEXT[:27], TEXT[27:43], TEXT[43:]
GOLD = Gold("q", items=((Place("a.txt", 0, 27), Place("b.txt", 5, 9)),))


def quote(text: str, start: int | None = None, valid: bool = True, source: str = "a.txt") -> Quote:
    at = TEXT.index(text) if start is None else start
    return Quote(source, at, at + len(text), text, valid)


def said(text: str, *quotes: Quote) -> Prediction:
    return Prediction("q", True, text, "", quotes)


def judged(text: str, *quotes: Quote) -> tuple[float, float, float]:
    values = measures(said(text, *quotes), GOLD)
    return values["recall"], values["precision"], values["evidence"]


def test_the_usual_answer_is_proven() -> None:
    assert judged(f"**100余个**\n\n“{FIRST}” [1]", quote(FIRST)) == (1, 1, 1)


def test_its_statements() -> None:
    told = statements(f"**100余个**、**裸眼3D**\n\n“{FIRST}” [1]\n\n“{SECOND}”（出自页面的附栏，不是正文） [2]")
    assert [(s.kind, s.text, s.marks) for s in told] == [
        ("short", "100余个", (1, 2)), ("short", "裸眼3D", (1, 2)), ("quote", FIRST, (1,)), ("quote", SECOND, (2,)),
    ]  # fmt: skip


def test_a_missing_citation() -> None:
    assert judged(f"**100余个**\n\n“{FIRST}”") == (0, 0, 0)
    assert judged(f"**100余个**\n\n“{FIRST}” [1]\n\n“{SECOND}”", quote(FIRST)) == (pytest.approx(2 / 3), 1, 1)


def test_a_citation_that_no_mark_refers_to_proves_nothing() -> None:
    assert judged(f"“{FIRST}”", quote(FIRST)) == (0, 0, 1)


def test_a_citation_of_other_text() -> None:
    assert judged(f"**100余个**\n\n“{FIRST}” [1]", quote(SECOND)) == (0, 0, 0)
    assert judged(f"**100余个**\n\n“{FIRST}” [1]", quote(SECOND), quote(FIRST)) == (0, 0, 0.5)


def test_shifted_offsets() -> None:
    shifted = quote(FIRST, start=3, valid=False)
    assert judged(f"**100余个**\n\n“{FIRST}” [1]", shifted) == (0, 0, 1), "it does touch the gold"
    assert judged(f"“{FIRST}” [1]", quote(FIRST, start=900, valid=False)) == (0, 0, 0)


def test_an_invented_statement_beside_a_true_quotation() -> None:
    assert judged(f"**200余个**\n\n“{FIRST}” [1]", quote(FIRST)) == (0.5, 1, 1)
    assert judged(f"**00余个**\n\n“{FIRST}” [1]", quote(FIRST))[0] == 0.5, "a number is not cut in two"


def test_words_of_its_own_are_statements_and_fixed_phrases_are_not() -> None:
    assert judged(f"成都的小站全国最多。\n\n“{FIRST}” [1]", quote(FIRST)) == (0.5, 1, 1)
    for lang in ("zh", "zh-Hant", "en"):
        assert judged(f"“{FIRST}”{PHRASES['sidebar'][lang]} [1]", quote(FIRST)) == (1, 1, 1)


def test_a_mark_without_a_citation() -> None:
    assert judged(f"“{FIRST}” [1][7]", quote(FIRST)) == (1, 0.5, 0.5)


def test_one_needless_citation_beside_the_right_one() -> None:
    assert judged(f"“{FIRST}” [1] [2]", quote(FIRST), quote(SECOND)) == (1, 0.5, 0.5)


def test_two_quotations_on_one_line_have_a_mark_each() -> None:
    assert judged(f"“{FIRST}” [1]，“{SECOND}” [2]。", quote(FIRST), quote(SECOND)) == (1, 1, 0.5)
    assert judged(f"“{FIRST}” [2]，“{SECOND}” [1]。", quote(FIRST), quote(SECOND)) == (0, 0, 0.5)


def test_a_quotation_that_says_nothing_keeps_its_mark_to_itself() -> None:
    assert [(s.text, s.marks) for s in statements("“甲” [1]，“……” [2]\n\n“……” [3]")] == [("甲", (1,))]


def test_a_mark_on_the_next_line_belongs_to_what_stands_before_it() -> None:
    assert judged(f"“{FIRST}”\n[1]", quote(FIRST)) == (1, 1, 1)


def test_neighbours_in_the_document_prove_together_what_neither_does_alone() -> None:
    both = f"“{FIRST}{SECOND}” [1][2][3]"
    assert judged(both, quote(SECOND), quote(FIRST), quote(THIRD))[:2] == (1, pytest.approx(2 / 3))
    apart = replace(quote(SECOND), start=60, end=76)
    assert judged(both, apart, quote(FIRST), quote(THIRD))[:2] == (0, 0)
    elsewhere = replace(quote(SECOND), source="b.txt")
    assert judged(both, elsewhere, quote(FIRST), quote(THIRD))[:2] == (0, 0)


def test_only_white_space_may_stand_between_neighbours() -> None:
    first = Quote("a.txt", 0, 3, "第一。", True, after="\n 第二。")
    second = Quote("a.txt", 5, 8, "第二。", True)
    (statement,) = statements("“第一。第二。” [1][2]")
    assert proof(statement, (first, second)) == {1, 2}
    assert proof(statement, (replace(first, after="不是第二"), second)) == frozenset()


def test_a_refusal_has_no_measures() -> None:
    assert measures(Prediction("q", False, PHRASES["not_found"]["zh"], "", (), (quote(FIRST),)), GOLD) == {}


def test_without_a_gold_place_evidence_is_absent() -> None:
    prediction = said(f"“{FIRST}” [1]", quote(FIRST))
    assert "evidence" not in measures(prediction, Gold("q")) and "evidence" not in measures(prediction)


def test_quotations_within_quotations_end_where_they_should() -> None:
    cut = "他说:”好。然后走了“"
    assert [s.text for s in statements(f"“{cut}” [1]", [Quote("a", 0, len(cut), cut, True)])] == [cut]
    assert [s.text for s in statements("““巅峰极客”与“少年”三大品牌” [1]")] == ["“巅峰极客”与“少年”三大品牌"]
    assert [s.text for s in statements("“他说：“好。” [1]\n\n“走” [2]")] == ["他说：“好。", "走"]
    assert [s.marks for s in statements("“他说：“好。” [1]\n\n“走” [2]")] == [(1,), (2,)]


@pytest.mark.parametrize("text", ["一[3]二 [4]", "**甲**乙", "“", "- 甲 [2]\n\n乙”", "[1]", "**", "1. 甲"])
def test_signs_in_the_document_do_not_mislead(text: str) -> None:
    held = Quote("a.txt", 0, len(text), text, True)
    for shown in (f"“{text}” [1]", f"「{text}」 [1]", f"**{text}** [1]", f"- {text} [1]\n"):
        assert measures(said(shown, held)).get("recall", 1.0) == 1.0


def test_numbered_and_bulleted_lists_are_judged_line_by_line() -> None:
    text = f"1. {FIRST} [1]\n2. {SECOND} [2]\n"
    assert judged(text, quote(FIRST), quote(SECOND)) == (1, 1, 0.5)
    assert judged(f"- {FIRST} [1]\n- {SECOND} [1]", quote(FIRST)) == (0.5, 1, 1)


DOCUMENTS = st.text(alphabet="甲乙3.,。“”「」*[1]-（） \nab", min_size=4, max_size=60)


@given(DOCUMENTS, st.data())
@settings(max_examples=300, deadline=None)
def test_whatever_the_system_composes_from_a_document_is_proven(text: str, data: st.DataObject) -> None:
    document = Document("d1", "标题", "a.txt", text, (Section((), 0, len(text)),))
    findings = []
    at = 0
    for _ in range(data.draw(st.integers(1, 3))):
        if at >= len(text) - 1:
            break
        start = data.draw(st.integers(at, len(text) - 2))
        at = end = data.draw(st.integers(start + 1, len(text)))
        passage = Passage(passage_id("d1", start, end), "d1", text[start:end], start, end, "标题")
        findings.append(Finding(passage, start, end, 1.0, (Span(start, end),) * data.draw(st.integers(0, 1))))
    kind = data.draw(st.sampled_from(["how_many", "list", "overview", "why"]))
    question = Question("问", "问", data.draw(st.sampled_from(["zh", "zh-Hant", "en"])), kind)  # type: ignore[arg-type]
    citations = [cite(finding, n, document.title, document.source) for n, finding in enumerate(findings, 1)]
    shown = markdown(compose(question, Reading(tuple(findings), 0.9, "answered"), citations)[0])
    quotes = tuple(Quote(c.source, c.start, c.end, c.quote, True) for c in citations)
    values = measures(Prediction("q", True, shown, "", quotes))
    assert values.get("recall", 1.0) == 1.0, shown
