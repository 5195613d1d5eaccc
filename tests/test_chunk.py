"""Passages: spans of one section, whole sentences, sizes that fit the model."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.chunk import TOKENS, chunk, size, tokens_estimate
from rag.furniture import label
from rag.parse import parse_file
from rag.parse.header import table_lines
from rag.parse.lay import Line, lay
from rag.parse.plain import blocks_of
from rag.text import dates, sentence_spans
from rag.types import Document, Parsed, Passage, Section, Span, passage_id

HERE = Path(__file__).parent
PAGES = [*sorted((HERE / "data" / "parse").glob("*.*")), *sorted((HERE.parent / "seeds").glob("000_*.txt"))]
SENTENCE = "这是第%02d句话，写在这里是为了把段落撑长一些。"


def of(text: str) -> Document:
    return label(Parsed(text, tuple(blocks_of(text))), doc_id="d", source="a.txt")


def page(path: Path) -> Document:
    return label(parse_file(path), doc_id="d", source=path.name)


def check(document: Document, passages: list[Passage], chars: int) -> None:
    at = 0
    for p in passages:
        assert p.text == document.text[p.start : p.end] == p.text.strip() != ""
        assert p.start >= at and p.id == passage_id(document.id, p.start, p.end)
        at = p.end
        assert tokens_estimate(p.text) <= TOKENS and size(p.text) <= chars * 1.35 + 1
        assert sum(s.start <= p.start and p.end <= s.end and s.role == p.role for s in document.sections) == 1
    assert len({p.id for p in passages}) == len(passages)


@pytest.mark.parametrize("chars", [80, 300])
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages(path: Path, chars: int) -> None:
    document = page(path)
    passages = chunk(document, chars=chars)
    check(document, passages, chars)
    covered = "".join(p.text for p in passages)
    for s in document.sections:
        if s.role not in {"title", "heading"}:
            for character in set(document.text[s.start : s.end]):
                assert character in covered or not character.isalnum()


def test_a_paragraph_of_the_article_is_a_passage() -> None:
    document = page(PAGES[-1])
    body = [p for p in chunk(document) if p.role == "body"]
    assert len(body) >= 22
    assert all(p.text.endswith("。") for p in body)
    assert all(p.title == f"{document.title} (2023-10-10)" for p in body)
    themed = next(p for p in body if "一街百站" in p.text)
    assert themed.path == ("坚持举旗铸魂,党的创新理论宣传出新出彩",) and themed.text.startswith("创新学习场景。")
    assert not any(p.role in {"title", "heading"} for p in chunk(document))
    related = [p.text for p in chunk(document) if p.role == "related"]
    assert [text.splitlines()[0] for text in related] == ["上周热门", "本周热议"]


def test_long_paragraphs_are_split_evenly_between_sentences() -> None:
    text = "".join(SENTENCE % n for n in range(40))
    passages = chunk(of(text), chars=300)
    assert "".join(p.text for p in passages) == text
    sizes = [len(p.text) for p in passages]
    assert max(sizes) - min(sizes) <= 2 * len(SENTENCE)
    ends = {b for _, b in sentence_spans(text)}
    assert all(p.end in ends for p in passages)


def test_tiny_paragraphs_are_packed_and_full_ones_are_not() -> None:
    tiny = "\n".join(["短句一。", "短句二。", "短句三。"])
    assert len(chunk(of(tiny))) == 1
    full = "\n".join("".join(SENTENCE % n for n in range(6)) for _ in range(3))
    assert len(chunk(of(full))) == 3


def test_a_list_stays_with_the_line_that_announces_it() -> None:
    text = "申请人应当准备下列材料，并在工作日上午送到一楼大厅的三号窗口，由工作人员当场核对原件：\n1. 身份证\n2. 户口本\n3. 照片"
    assert [p.text for p in chunk(of(text))] == [text]


def test_questions_stay_with_their_answers() -> None:
    starts = [p.text[:2] for p in chunk(page(HERE / "data" / "parse" / "faq.txt"))]
    assert starts == ["Q："] * 4


def test_sections_are_not_mixed() -> None:
    passages = chunk(page(HERE / "data" / "parse" / "blog.txt"))
    assert any(p.path == ("材料清单",) and "椴木板" in p.text for p in passages)
    assert not any("材料清单" in p.text for p in passages)


def test_a_table_row_is_a_passage_that_knows_its_columns() -> None:
    passages = chunk(page(HERE / "data" / "parse" / "readme.md"))
    row = next(p for p in passages if "Gull Point" in p.text)
    assert (
        row.columns == ("Code", "Harbour", "Range (m)")
        and row.labelled == "Code: GUL；Harbour: Gull Point；Range (m): 4.1"
    )
    assert not any("Sandwick" in p.text and "Gull Point" in p.text for p in passages)
    assert not any(p.text.startswith("| Code") for p in passages)  # read with each row


cells = st.text("甲乙丙丁ab12.%一、（）小计 ", max_size=7)
tables = st.lists(st.lists(cells, min_size=1, max_size=4), min_size=1, max_size=9)


@settings(max_examples=300, deadline=None)
@given(tables, st.sampled_from([None, 0, 1, 2]), st.sampled_from([None, 3]), st.integers(80, 300))
def test_rows_are_numbered_covered_and_never_overlap(
    rows: list[list[str]], marked: int | None, first_row: int | None, chars: int
) -> None:
    before, after = [Line("heading", "收费", 1, "style")], [Line("paragraph", "表后还有一句话。")]
    parsed = lay([*before, *table_lines(rows, marked=marked, first_row=first_row, page=1), *after])
    document = label(parsed, doc_id="d", source="a.xlsx")
    passages = chunk(document, chars=chars)
    check(document, passages, chars)
    numbers = {parsed.text[b.start : b.end]: {x.row for x in parsed.blocks if parsed.text[x.start : x.end] == parsed.text[b.start : b.end]} for b in parsed.blocks}  # fmt: skip
    for p in passages:
        if p.columns:
            assert p.row in numbers[p.text]
    held = "".join(p.text for p in passages)
    body = "".join(document.text[s.start : s.end] for s in document.sections if s.role == "body" and not s.names)
    assert [c for c in body if c.isalnum()] == [c for c in held if c.isalnum()]


def test_rows_under_a_group_s_title_carry_it() -> None:
    rows = [["项目", "单位", "价格"], ["一、打印", "", ""], ["黑白", "张", "0.2"], ["彩色", "张", "1.5"], ["小计", "", ""],
            ["二、装订", "", ""], ["胶装", "本", "8"]]  # fmt: skip
    document = label(lay(table_lines(rows, first_row=2)), doc_id="d", source="a.xlsx")
    assert [(p.path, p.row, p.text.split()[0]) for p in chunk(document)] == [
        (("一、打印",), 4, "黑白"), (("一、打印",), 5, "彩色"), (("一、打印",), 6, "小计"), (("二、装订",), 8, "胶装"),
    ]  # fmt: skip
    assert [s.row for s in document.sections if s.role == "heading"] == [3, 7]


@pytest.mark.parametrize(
    "rows",
    [
        [["项目", "单位", "价格"], ["黑白", "张", "0.2"], ["彩色", "", ""], ["胶装", "本", "8"], ["骑马钉", "本", "3"]],
        [["编号", "名称", "价格"], ["HS-1", "", ""], ["HS-2", "本", "8"], ["HS-3", "本", "3"]],
        [["项目", "单位", "价格"], ["一、打印", "", ""], ["黑白", "张", "0.2"]],
        [["项目", "单位", "价格"], ["黑白", "张", "0.2"], ["彩色", "张", "1.5"], ["合计", "", ""]],
    ],
)
def test_a_row_of_which_little_is_known_titles_no_group(rows: list[list[str]]) -> None:
    document = label(lay(table_lines(rows, first_row=1, marked=1)), doc_id="d", source="a.xlsx")
    assert len(chunk(document)) == len(rows) - 1 and not any(p.path for p in chunk(document))


def test_monstrous_sentences_are_cut_at_clauses_then_anywhere() -> None:
    clauses = "，".join("这是一个没有句号的长句中的一个小分句" for _ in range(60))
    document = of(clauses)
    passages = chunk(document, chars=200)
    check(document, passages, 200)
    assert all(p.text.endswith("，") for p in passages[:-1])
    for monster in ("字" * 5000, "word " * 2000, "x" * 6000, "１" * 3000, "字😀" * 1000):
        document = of(monster)
        passages = chunk(document, chars=200)
        check(document, passages, 200)
        assert "".join("".join(p.text for p in passages).split()) == "".join(monster.split())


def test_a_document_of_headings_only_still_has_passages() -> None:
    document = of("")
    assert chunk(document) == []
    parsed = parse_markdown_title()
    assert [p.text for p in chunk(parsed)] == ["# 只有标题"]


def parse_markdown_title() -> Document:
    from rag.parse.markdown import parse

    return label(parse("# 只有标题\n".encode(), "a.md"), doc_id="d", source="a.md")


def test_english_passages_fit_the_model() -> None:
    text = "The lighthouse was built in 1871, and it has guided ships past the northern reef ever since. " * 60
    passages = chunk(of(text.strip()))
    assert all(150 < len(p.text) <= 1300 for p in passages)


lines = st.lists(
    st.sampled_from(["短。", SENTENCE % 1, (SENTENCE % 2) * 9, (SENTENCE % 3) * 30, "一、标题", "- 项", "a | b", "English words here. " * 20, "", "无标点的长串" * 90]),
    min_size=1,
    max_size=10,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(lines, st.integers(60, 400))
def test_nothing_is_lost_or_doubled(parts: list[str], chars: int) -> None:
    document = of("\n".join(parts))
    passages = chunk(document, chars=chars)
    check(document, passages, chars)
    if any(s.role == "body" for s in document.sections):
        joined = "".join(p.text for p in passages)
        body = "".join(document.text[s.start : s.end] for s in document.sections if s.role not in {"title", "heading"})
        assert "".join(joined.split()) == "".join(body.split())


@pytest.mark.parametrize(
    ("source", "title", "date", "expected"),
    [
        ("河灯节2023.txt", "第十八届河灯节落幕", "", "第十八届河灯节落幕 (河灯节2023)"),
        ("report_2024.md", "A good year", "", "A good year (report 2024)"),
        ("收费通知-2025.md", "收费通知", "", "收费通知 (收费通知 2025)"),
        ("report_2024.md", "Report of 2024", "2025-01-03", "Report of 2024"),
        ("年假.txt", "休假办法", "", "休假办法 (年假)"),
        ("休假办法.txt", "砚池软件休假办法", "2022-04-01", "砚池软件休假办法 (2022-04-01)"),
        ("000_c78b.txt", "一街百站", "2023-10-10 15:55:23", "一街百站 (2023-10-10)"),
        ("000_c78b.txt", "2022年的一街百站", "2023-10-10", "2022年的一街百站"),
        ("台风灾害应变计划.txt", "颱風災害應變計畫", "", "颱風災害應變計畫"),
        ("plan2023.md", "２０２３年计划", "", "２０２３年计划"),
        (f"{'很长的网页名字' * 9}2024.html", "短题", "", "短题"),
        ("TRIAL_2001", "泡泡战士", "", "泡泡战士"),  # an id, no file
    ],
)
def test_what_tells_twins_apart_travels_with_the_title(source: str, title: str, date: str, expected: str) -> None:
    text = f"{date}\n这里写着正文的第一句话。"
    document = Document(
        "d", title, source, text, (Section((), 0, len(text)),), {"date": Span(0, len(date))} if date else {}
    )
    assert {p.title for p in chunk(document)} == {expected}


def test_a_year_of_a_file_s_name_is_read_as_one() -> None:
    document = Document("d", "收费通知", "收费通知-2025.md", "年卡2180元。", (Section((), 0, 8),))
    assert [date.year for date in dates(chunk(document)[0].title)] == [2025]
