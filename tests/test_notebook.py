"""How hits, answers and ranks show: as tables, in a terminal, in pandas, as a figure. Hostile text stays text."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.notebook.look import clipped
from rag.text import width
from rag.types import Answer, Certainty, Citation, Hit, Hits, Passage, Segment
from tests.test_public import HOSTILE, tags


def hit(text: str, number: int = 1, **more: Any) -> Hit:
    passage = Passage(number, more.pop("doc", "d"), text, 10, 10 + len(text), "河边图书馆", ("建设",), "body", 3)
    given = {
        "ranks": {"dense": 2, "lexical": 1}, "scores": {"dense": 0.9, "lexical": 7.5}, "rank": number, "query": "书亭有多少座？",
        "weights": {"dense": 0.7, "lexical": 1.0}, "k0": 5, "source": "年报/library.pdf", "date": "2019-05-01",
        "characters": 1000,
    }  # fmt: skip
    return Hit(passage, 0.7 / 7 + 1.0 / 6, **{**given, **more})


def hostile() -> Hits:
    passage = Passage(1, "d", HOSTILE, 0, len(HOSTILE), HOSTILE, (HOSTILE,), "related", 3)
    found = [
        Hit(passage, 0.5, {HOSTILE: 1}, {}, query=HOSTILE, source=HOSTILE, date=HOSTILE, weights={HOSTILE: 1.0}),
        Hit(passage, 0.25, {"lexical": 2}),
    ]
    return Hits(found, HOSTILE)


# -- hits -------------------------------------------------------------------------------------------------------------


def test_a_table_shows_rank_passage_place_date_and_each_ranker() -> None:
    hits = Hits([hit("馆内有12座書亭。"), hit("故事会。", 2, ranks={"dense": 1})], "书亭有多少座？")
    found = tags(hits._repr_html_())
    assert {"table", "thead", "tbody", "mark"} <= found.seen and "书亭有多少座？" in found.text
    assert found.marked == ["座書亭"], "traditional and simplified are one"
    for told in ("年报/library.pdf", "河边图书馆 › 建设", "第 3 页", "2019-05-01", "0.2667", "dense", "lexical", "–"):
        assert told in found.text, told


def test_hostile_text_stays_text_in_every_view() -> None:
    for view in (hostile(), hostile()[0].explain(), hostile()[1].explain()):
        found = tags(view._repr_html_())
        assert not found.seen & {"script", "img"} and "<script>alert(1)</script>" in found.text
        assert "mathjax_ignore" in view._repr_html_(), "a notebook would set $a$ as a formula"
        assert "\u202e" not in str(view)


def test_no_hits_are_told_kindly_in_the_query_s_language() -> None:
    assert "没有找到与“书亭”有关的段落" in tags(Hits((), "书亭")._repr_html_()).text
    assert "No passage was found for “kiosks”: try other words" in tags(Hits((), "kiosks")._repr_html_()).text
    assert repr(Hits((), "kiosks")).startswith("No passage") and repr(Hits()) and Hits()._repr_html_()


def test_a_long_passage_is_shown_around_its_first_mark_and_opens() -> None:
    text = "前文说明。" * 100 + "这里有12座书亭。" + "后文。" * 100
    found = tags(Hits([hit(text)], "书亭")._repr_html_())
    assert {"details", "summary"} <= found.seen and found.marked == ["书亭", "书亭"] and text in found.text
    assert "details" not in tags(Hits([hit("短。")], "书亭")._repr_html_()).seen


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=600), st.text(max_size=30))
def test_any_text_and_query_can_be_shown(text: str, query: str) -> None:
    hits = Hits([hit(text, query=query)], query)
    shown = tags(hits._repr_html_())
    assert shown.text and repr(hits) and tags(hits[0].explain()._repr_html_()).text and str(hits[0].explain())


def test_a_terminal_shows_two_lines_a_hit_that_fit() -> None:
    hits = Hits([hit("馆内有12座书亭。" * 30), hit("x" * 500, 2)], "书亭有多少座？")
    lines = repr(hits).splitlines()
    assert len(lines) == 5 and all(width(line) <= 110 for line in lines)
    assert lines[0] == "2 hits for “书亭有多少座？”"
    assert lines[1] == "  1  0.2667 年报/library.pdf › 建设 (dense 2, lexical 1)"


def test_of_very_many_hits_the_first_are_shown_and_the_rest_counted() -> None:
    hits = Hits([hit(f"第{n}座书亭。", n) for n in range(1, 131)], "书亭")
    page, lines = tags(hits._repr_html_()).text, repr(hits)
    for told in (page, lines):
        assert "第100座" in told and "第101座" not in told and "+30" in told and "hits[100:]" in told
    assert "第130座" in tags(hits[100:]._repr_html_()).text and len(hits.to_pandas()) == 130
    assert "hits[100:]" not in repr(hits[:100])


def test_slices_stay_hits_with_their_query_and_ranks() -> None:
    hits = Hits([hit(f"第{n}段", n) for n in range(1, 6)], "段")
    part = hits[2:4]
    assert isinstance(part, Hits) and part.query == "段" and [h.rank for h in part] == [3, 4]
    assert (
        list(part.to_pandas()["rank"]) == [3, 4]
        and isinstance(hits[0], Hit)
        and hits[::2] == (hits[0], hits[2], hits[4])
    )


def test_hits_are_copied_pickled_and_compared_as_tuples() -> None:
    hits = Hits([hit("一"), hit("二", 2)], "问")
    for other in (pickle.loads(pickle.dumps(hits)), copy.copy(hits), copy.deepcopy(hits)):
        assert other == hits == tuple(hits) and isinstance(other, Hits) and other.query == "问"
        assert other[0].explain() == hits[0].explain()
    assert pickle.loads(pickle.dumps(hits[0].explain())) == hits[0].explain()


def test_a_frame_has_one_row_a_hit_and_whole_numbers() -> None:
    frame = Hits([hit("甲"), hit("乙", 2, ranks={"dense": 1})]).to_pandas()
    assert list(frame.columns) == [
        "rank", "score", "dense_rank", "lexical_rank", "text", "title", "source", "path", "page", "row", "date", "role",
        "doc_id", "start", "end",
    ]  # fmt: skip
    first, second = frame.to_dict("records")
    assert (first["source"], first["page"], first["date"]) == ("年报/library.pdf", 3, "2019-05-01")
    assert str(frame["lexical_rank"].dtype) == "Int64" and second["lexical_rank"] is not first["lexical_rank"]
    empty = Hits().to_pandas()
    assert len(empty) == 0 and {"rank", "text", "page"} <= set(empty.columns)


# -- why this rank ----------------------------------------------------------------------------------------------------


def test_a_rank_is_explained_by_hand() -> None:
    told = hit("馆内有12座书亭。").explain()
    dense, lexical = told.shares
    assert (dense.ranker, dense.rank, dense.score, dense.weight, dense.amount) == ("dense", 2, 0.9, 0.7, 0.7 / 7)
    assert lexical.amount == 1 / 6 and told.fused == told.score == 0.7 / 7 + 1 / 6
    assert (told.held, told.lacked, told.rank) == (("书亭", "座"), (), 1)
    assert told.why == "dense 排第 2，占得分的 38%；lexical 排第 1，占得分的 62%；含有：书亭、座。"
    assert list(told.to_pandas()["amount"]) == [dense.amount, lexical.amount]
    assert "weight  0.7000" in str(told) and "0.2667" in str(told)
    assert "0.2667" in tags(told._repr_html_()).text


def test_a_tier_that_put_a_hit_lower_is_told() -> None:
    low = hit("评论。", tier="furniture", scale=0.5, query="How many kiosks?")
    told = replace(low, score=low.score * 0.5).explain()
    assert told.fused * told.scale == told.score
    assert "of the page's margin" in told.why and "in another language" in told.why and "it lacks: kiosks" in told.why
    assert "× 0.5 = 0.1333" in str(told)
    assert "已经说过" in hit("书亭。", tier="again").explain().why
    assert "lexical 没有列出它" in hit("书亭。", ranks={"dense": 1}).explain().why


def test_a_hit_made_by_others_is_explained_as_far_as_it_goes() -> None:
    bare = Hit(Passage(1, "d", "字", 0, 1), 0.5, {"dense": 3})
    told = bare.explain()
    (share,) = told.shares
    assert (share.rank, share.weight, share.amount) == (3, None, None) and told.fused == 0.5 and told.held == ()
    assert str(told) and told._repr_html_() and len(told.to_pandas()) == 1
    assert Hit(Passage(1, "d", "字", 0, 1), 0.5).explain().why == ""


# -- where the hits lie -----------------------------------------------------------------------------------------------


def test_the_figure_has_a_bar_a_document_and_a_mark_a_hit() -> None:
    hits = Hits([hit("书亭" * 10), hit("远处", 2, doc="e", characters=0), hit("又一处", 3)], "书亭")
    figure = hits.plot()
    bars, marked = figure.data
    assert list(bars.y) == [0, 1] and list(marked.y) == [0, 1, 0]
    assert marked.x[0] == pytest.approx(100 * 20 / 1000) and marked.x[1] == pytest.approx(100 * 11 / 12)
    assert list(figure.layout.yaxis.ticktext) == ["年报/library.pdf"] * 2
    assert "书亭书亭" in marked.customdata[0][0] and "10–30 / 1000" in marked.customdata[0][0]
    assert marked.marker.size[0] == 22


def test_the_figure_shows_hostile_text_as_text() -> None:
    page = hostile().plot().to_json()
    assert "<script" not in page and "<img" not in page and "&lt;script&gt;" in page
    assert "\u202e" not in page and "\ud800" not in page
    priced = Hits([hit("票价", source="$5 或 $6.txt")], "$a$ 与 $b$").plot().to_json()
    assert "$" not in priced.partition('"template"')[0] and "&#36;a&#36;" in priced, "a notebook would set a formula"
    assert "没有找到" in Hits((), "书亭").plot().layout.title.text and not Hits().plot().data[1].x


# -- answers ----------------------------------------------------------------------------------------------------------


def answer(text: str = "馆内有12座书亭。", short: str = "12座", name: str = "library.pdf") -> Answer:
    citation = Citation(1, "d", name, name, text, 10, 10 + len(text), (name,), "body", 3)
    segments = (
        Segment("short", short, 1), Segment("break", "\n\n"), Segment("template", "“"), Segment("quote", text, 1),
        Segment("template", "”"), Segment("mark", "1", 1),
    )  # fmt: skip
    return Answer(
        "有多少座书亭？", "有多少座书亭？", f"**{short}**\n\n“{text}” [1]", short, (citation,), Hits(), 0.9, "answered",
        segments=segments, certainty=Certainty("sure", 0.96),
    )  # fmt: skip


def test_an_answer_shows_its_short_form_its_sentence_and_the_place() -> None:
    found = tags(answer()._repr_html_())
    assert found.marked == ["12座"] and "b" in found.seen
    for told in ("有多少座书亭？", "“馆内有12座书亭。”", "[1]", "有把握", "library.pdf:10–19 · 第 3 页"):
        assert told in found.text, told
    refused = replace(answer(), citations=(), nearest=answer().citations, certainty=Certainty())
    assert "library.pdf:10–19" in tags(refused._repr_html_()).text and "有把握" not in tags(refused._repr_html_()).text


def test_without_a_short_form_the_question_s_words_are_marked() -> None:
    quoted = replace(answer(), segments=answer().segments[2:], short="")
    assert tags(quoted._repr_html_()).marked == ["座书亭"]


def test_a_hostile_answer_stays_text() -> None:
    made = answer(HOSTILE, HOSTILE, HOSTILE)
    found = tags(made._repr_html_())
    assert not found.seen & {"script", "img"} and found.text.count("<script>alert(1)</script>") >= 4
    assert "\u202e" not in repr(made)


def test_an_answer_prints_as_its_text_with_places() -> None:
    assert (
        repr(answer())
        == str(answer())
        == ("**12座**\n\n“馆内有12座书亭。” [1]\n\n[1] library.pdf › library.pdf · library.pdf:10–19 · 第 3 页")
    )


def test_an_answer_s_frame_has_a_row_a_citation() -> None:
    (row,) = answer().to_pandas().to_dict("records")
    assert (row["quote"], row["source"], row["page"], row["start"]) == ("馆内有12座书亭。", "library.pdf", 3, 10)
    assert row["sha256"] == answer().citations[0].digest
    assert list(replace(answer(), citations=()).to_pandas().columns)[:2] == ["number", "quote"]


# -- lines ------------------------------------------------------------------------------------------------------------


@given(st.text(), st.integers(2, 60))
def test_a_clipped_line_fits(text: str, columns: int) -> None:
    line = clipped(text, columns)
    assert width(line) <= columns and "\n" not in line
