"""Roles and metadata: on whole pages of many kinds, each with a golden dump, and on single lines."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.furniture import label
from rag.parse import parse_file
from rag.parse.lay import Line, lay
from rag.parse.plain import blocks_of
from rag.text.names import is_name, is_office
from rag.text.pagelines import read_line
from rag.types import BODY_ROLES, Document, Parsed

HERE = Path(__file__).parent
LONG = "这一段写得很长，讲的是河流怎样改道，堤坝怎样修筑，村庄怎样搬迁，前后一共用了三十多年的时间。"
PAGES = [*sorted((HERE / "data" / "parse").glob("*.*")), *sorted((HERE.parent / "seeds").glob("000_*.txt"))]


def read(page: Path) -> Document:
    return label(parse_file(page), doc_id="d", source=page.name)


def page(name: str) -> Document:
    return read(HERE / "data" / "parse" / name)


def of(text: str, source: str = "a.txt") -> Document:
    return label(Parsed(text, tuple(blocks_of(text))), doc_id="d", source=source)


def dump(document: Document) -> str:
    """Role | path | first 30 characters, a line a section; then the metadata."""
    lines = [f"title: {document.title}"]
    for s in document.sections:
        start = " ".join(document.text[s.start : s.end].split())[:30]
        lines.append(f"{s.role} | {' › '.join(s.path)} | {start}")
    lines.extend(f"{key} = {document.value(key)}" for key in sorted(document.meta))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_golden(path: Path) -> None:
    """Set UPDATE_GOLDEN=1 to write the dumps anew, then read the difference."""
    golden = HERE / "golden" / f"{path.name}.roles"
    found = dump(read(path))
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_visible_character_of_a_block_is_in_one_section(path: Path) -> None:
    parsed = parse_file(path)
    check(parsed, label(parsed, doc_id="d", source=path.name))


def check(parsed: Parsed, document: Document) -> None:
    at = 0
    for section in document.sections:
        assert at <= section.start < section.end
        at = section.end
    for block in parsed.blocks:
        holding = [s for s in document.sections if s.start < block.end and block.start < s.end]
        assert len(holding) == 1 and holding[0].start <= block.start and block.end <= holding[0].end


def roles(document: Document, role: str) -> str:
    return "\n".join(document.text[s.start : s.end] for s in document.sections if s.role == role)


def test_saved_article() -> None:
    document = read(PAGES[-1])
    assert document.title == document.value("title") == "鲜阳红:网络文明建设的成都实践"
    assert document.value("author") == "鲜阳红"
    assert document.value("position") == "成都市委宣传部副部长、市委网信办主任"
    assert document.value("date") == "2023-10-10 15:55:23"
    assert document.value("views") == "21134"
    assert document.value("category") == "资讯"
    assert document.value("url") == "http://www.xckfsq.com/news/show.html?id=27463"
    assert [s.level for s in document.sections if s.role == "heading"] == [1] * 5
    assert roles(document, "related").splitlines()[0] == "上周热门"
    assert len(roles(document, "related").splitlines()) == 22
    assert roles(document, "nav") == "logo"
    assert not any(word in roles(document, "body") for word in ("转载", "赞同", "上周热门", "私信"))


def test_chinese_portal() -> None:
    document = page("portal.txt")
    assert document.title == "滨河市三座旧桥完成加固 明年春天恢复通车"
    assert (document.value("author"), document.value("publisher")) == ("林晓舟", "滨河日报")
    assert (document.value("date"), document.value("views"), document.value("editor")) == (
        "2024-11-18 09:26",
        "5632",
        "周敏",
    )
    assert roles(document, "heading") == "桥面改造"
    assert roles(document, "comment").startswith("网友评论\n河边的老王")
    assert "版权所有" in roles(document, "notice")


def test_english_news() -> None:
    document = page("english_news.txt")
    assert document.title == "Lighthouse reopens after nine-year restoration"
    assert (document.value("author"), document.value("position")) == ("Martha Ellis", "Heritage correspondent")
    assert document.value("date") == "14 June 2024"
    assert roles(document, "heading") == "A lamp that still turns"
    assert "Bakery wins" in roles(document, "related") and "189 steps" in roles(document, "comment")


def test_official_notice_is_signed_and_dated_at_its_foot() -> None:
    document = page("notice.txt")
    assert document.value("publisher") == "临江市人民政府办公室" and document.value("date") == "2025年1月20日"
    assert document.value("number") == "临政办发〔2025〕3号"
    assert roles(document, "heading").split() == ["一、目标任务", "二、重点工作", "三、保障措施"]


def test_mail() -> None:
    document = page("mail.txt")
    assert document.title == "Move of the seed bank to the new building"
    assert document.value("author") == "Ingrid Solheim"
    assert document.value("date").startswith("Tue, 4 Jun 2024")


def test_a_memo_s_title_is_its_subject() -> None:
    head = "{}\n\nFrom: Pell Ashgrove\nTo: All staff\nDate: 3 May 2024\nSubject: New shift hours\n\n"
    text = "From June the museum opens at nine, and everybody should be there at a quarter to nine, in uniform."
    memo = of(head.format("MEMO") + text)
    assert (memo.title, memo.value("author"), memo.value("date")) == ("New shift hours", "Pell Ashgrove", "3 May 2024")
    assert roles(memo, "body") == text
    chinese = of(f"备忘录\n致：全体员工\n发自：办公室\n事由：调整作息时间\n\n{LONG}")
    assert (chinese.title, chinese.value("author")) == ("调整作息时间", "办公室")
    assert of(f"{LONG}\n致：全体员工\n发自：办公室\n事由：调整作息时间").title == "a"


@pytest.mark.parametrize(
    ("lines", "author"),
    [
        ("Mira Castellane and Jonas Verweel\nInstitute of Stream Ecology, University of Northmere",
         "Mira Castellane and Jonas Verweel"),
        ("Anna Keller¹, Luis Ortega²\n¹ University of Sils\n² Ryton College", "Anna Keller¹, Luis Ortega²"),
        ("J. K. Marsh*\nHarbour Academy", "J. K. Marsh"),
        ("陶小满1，林知远2\n（1. 北岭大学环境学院；2. 云溪市水文站）", "陶小满1，林知远2"),
        ("陶小满 林知远\n北岭大学", "陶小满 林知远"),
    ],
)  # fmt: skip
def test_who_wrote_a_paper(lines: str, author: str) -> None:
    for abstract in (f"Abstract. {LONG}", f"摘要：{LONG}"):
        text = f"River sediment over eight months of records\n\n{lines}\n\n{abstract}"
        document = of(text)
        assert document.value("author") == author
        assert roles(document, "byline").split("\n") == lines.split("\n")
        assert roles(document, "body") == abstract


def test_lines_over_an_abstract_that_name_nobody_stay() -> None:
    document = of(f"河流泥沙研究\n\n北岭大学的三条河\n以及它们的水库\n\n摘要：{LONG}")
    assert "三条河" in roles(document, "body") + roles(document, "heading")


def parsed(*lines: Line) -> Document:
    return label(lay(lines), doc_id="d", source="册子.x")


def test_a_long_table_is_labelled_in_linear_time() -> None:
    rows = [Line("row", f"{n} | x", row=n, columns=("id", "name")) for n in range(1, 50_001)]
    began = time.perf_counter()
    assert len(parsed(*rows).sections) == 1 and time.perf_counter() - began < 8


def test_the_name_of_a_part_is_not_the_title() -> None:
    row = Line("row", "甲 | 乙")
    for hint in ("sheet", "record", "key"):
        assert parsed(Line("heading", "一月", 1, hint), row, Line("heading", "二月", 1, hint), row).title == "册子"
    caption = [Line("heading", "一月", 1, "sheet"), Line("paragraph", "北岭文印社价目表"), row]
    assert parsed(*caption).title == "北岭文印社价目表"
    assert parsed(*caption, Line("heading", "二月", 1, "sheet"), row).title == "册子"


def test_words_over_a_table_make_no_furniture_of_its_rows() -> None:
    table = [Line("row", "id | title"), *(Line("row", f"{n} | x", columns=("id", "title")) for n in (1, 2, 3))]
    for name, hint in (("related", "key"), ("评论", "sheet"), ("相关阅读", "style"), ("Related", "h2 section")):
        document = parsed(Line("paragraph", LONG), Line("heading", name, 2, hint), *table)
        assert [s.role for s in document.sections] == ["body", "heading", "body", "body"], name
    aside = parsed(Line("paragraph", LONG), *(replace(line, hint="aside") for line in table))
    assert [s.role for s in aside.sections[1:]] == ["related", "related"]


def test_notes_and_enclosures_answer_and_comments_do_not() -> None:
    document = parsed(
        Line("paragraph", LONG), Line("paragraph", "北岭大学办公室"), Line("paragraph", "2024年3月5日"),
        Line("paragraph", "版权所有 © 2024", hint="notes"), Line("paragraph", "陶小满：请补充附件。", hint="comment"),
        Line("paragraph", "¹ 来源：年鉴", hint="notes"), Line("item", "相关阅读", 1, "attachment"),
    )  # fmt: skip
    assert roles(document, "body").split("\n")[1:] == ["版权所有 © 2024", "¹ 来源：年鉴", "相关阅读"]
    assert roles(document, "comment") == "陶小满：请补充附件。"
    assert document.value("date") == "2024年3月5日" and document.value("publisher") == "北岭大学办公室"


def test_the_head_of_every_page_is_not_the_title() -> None:
    assert of(f"云溪市水文站                第 3 页\n关于水位观测的报告\n\n{LONG}").title == "关于水位观测的报告"


def test_thread_keeps_each_post_as_body() -> None:
    document = page("forum.txt")
    body = roles(document, "body")
    assert "彗差" in body and "14-24mm" in body and "600克" in body
    assert roles(document, "date").count("2022-10-0") == 4


@pytest.mark.parametrize("name", ["faq.txt", "recipe.txt", "book.txt"])
def test_pages_without_furniture_are_title_headings_and_body(name: str) -> None:
    document = page(name)
    assert {s.role for s in document.sections} <= BODY_ROLES
    assert document.value("title") == document.title


def test_a_note_is_all_body() -> None:
    document = page("note.txt")
    assert [s.role for s in document.sections] == ["body"]
    assert document.title == "note" and not document.meta


@pytest.mark.parametrize(
    "text",
    [
        "买牛奶\n买鸡蛋\n给妈妈打电话",
        "一句话而已。",
        "2023年10月10日我们去了成都，住在春熙路附近，第二天去看了大熊猫，第三天下雨，哪里也没有去。",
        "推荐\n这家店的面很好吃。\n评论区里有人说太辣，我觉得正好，下次还想带朋友一起来，特别是他们家的凉菜，做得很用心。",
        "他转载了那篇文章，并且写了一段评论，评论里说，作者的观点值得商榷，数据也不够新，但是文笔很好。",
    ],
)
def test_text_that_only_mentions_furniture(text: str) -> None:
    assert {s.role for s in of(text).sections} <= BODY_ROLES


def test_inset_list_does_not_end_the_article() -> None:
    long = "这一段写得很长，讲的是河流怎样改道，堤坝怎样修筑，村庄怎样搬迁，前后一共用了三十多年的时间。"
    text = f"河流改道三十年\n2020-05-01 10:00 来源：河边日报\n{long}\n{long}\n相关阅读\n上游的水库 31\n下游的湿地 12\n{long}\n{long}\n{long}"
    document = of(text)
    assert roles(document, "related").split("\n") == ["相关阅读", "上游的水库 31", "下游的湿地 12"]
    assert roles(document, "body").count("三十多年") == 5


def test_paths_nest_by_numbering() -> None:
    long = "这一段写得很长，讲的是这一节的内容，超过了标题的长度，而且有句号，所以它是正文的段落。"
    text = f"第一章 总则\n{long}\n第一节 目的\n{long}\n第二节 范围\n{long}\n第二章 分则\n{long}"
    paths = [s.path for s in of(text).sections if s.role == "body"]
    assert paths[-3:] == [("第一章 总则", "第一节 目的"), ("第一章 总则", "第二节 范围"), ("第二章 分则",)] or paths[
        -1
    ] == ("第二章 分则",)


@pytest.mark.parametrize(
    ("line", "role"),
    [
        ("责任编辑：王小明", "byline"),
        ("（记者 张伟）", "byline"),
        ("文/张三", "byline"),
        ("By Jane Doe and John Roe", "byline"),
        ("分类专栏: 资讯", "byline"),
        ("Tags: rivers, history", "byline"),
        ("2024-11-18 09:26 来源：滨河日报 作者：林晓舟", "date"),
        ("Last updated: 3 October 2023 at 10:15", "date"),
        ("发布时间：2023年5月1日", "date"),
        ("3 hours ago", "date"),
        ("阅读 1.2万", "counter"),
        ("赞同 0", "counter"),
        ("粉丝 12 发表 48 + 关注 私信", "counter"),
        ("1,204 views · 35 comments", "counter"),
        ("相关阅读：", "related"),
        ("【猜你喜欢】", "related"),
        ("Most read", "related"),
        ("You may also like", "related"),
        ("全部评论(12)", "comment"),
        ("Leave a comment", "comment"),
        ("转载请注明出处。", "notice"),
        ("Copyright © 2024 Harbour Times", "notice"),
        ("原文链接：https://a.org/b", "notice"),
        ("京ICP备00000000号", "notice"),
        ("首页 > 新闻 > 正文", "nav"),
        ("Home | About us | Contact", "nav"),
        ("上一篇：天气预报", "nav"),
    ],
)
def test_lines(line: str, role: str) -> None:
    mark = read_line(line)
    assert mark is not None and mark.role == role


@pytest.mark.parametrize(
    "line",
    [
        "作者认为，这一结论还需要更多数据支持。",
        "2023年10月10日，大会在成都开幕。",
        "评论区的留言让他一夜没有睡着。",
        "推荐大家读一读这本书。",
        "新闻的价值在于真实。",
        "The home team won 3-1 on Sunday.",
        "阅读是一种习惯",
        "网络文明建设的成都实践",
        "第三章 评论",
        "Comments are closed on weekends because nobody is there to read them.",
    ],
)
def test_sentences_and_titles_are_no_furniture(line: str) -> None:
    assert read_line(line) is None


def test_names_and_offices() -> None:
    assert all(map(is_name, ["鲜阳红", "李 明", "王小明", "欧阳修远", "Jane Doe", "J. Doe".replace("J.", "Jo")]))
    assert not any(map(is_name, ["材料", "网络文明", "The End of It All Now", "上周热门"]))
    assert is_office("成都市委宣传部副部长、市委网信办主任") and is_office("Science correspondent")
    assert not is_office("主任说，今天不开会。")


pieces = st.lists(
    st.sampled_from(
        ["标题一行", "wind 2023-10-10 15:55 20", "鲜阳红", "某某部主任", "赞同 0", "评论", "上周热门", "一、小标题", "- 项目", "短句。",
         "转载请注明。", "本文链接：http://a.cn/b", "\n", "2024年1月1日", "某某办公室", "| a | b |", "---",
         "很长的一段话，讲的是河流怎样改道，堤坝怎样修筑，村庄怎样搬迁，前后一共用了三十多年的时间才完成。"]
    ),
    min_size=1, max_size=14,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(pieces)
def test_any_order_of_lines_is_covered_once(lines: list[str]) -> None:
    text = "\n".join(lines)
    parsed = Parsed(text, tuple(blocks_of(text)))
    document = label(parsed, doc_id="d", source="x/名字.txt")
    check(parsed, document)
    inside = "".join(text[s.start : s.end] for s in document.sections)
    assert "".join(inside.split()) == "".join(text.split())
    assert document.title
    for span in document.meta.values():
        assert text[span.start : span.end].strip()


@pytest.mark.parametrize(
    ("line", "publisher"),
    [
        ("公告日期：2024年4月19日", ""),
        ("訪談時間：2024年4月16日", ""),
        ("《沅桥日报》2024年1月12日", "沅桥日报"),
        ("棠溪日报 2024-05-20 08:42", "棠溪日报"),
    ],
)
def test_what_a_date_is_of_publishes_nothing(line: str, publisher: str) -> None:
    mark = read_line(line)
    assert mark is not None
    assert [line[a:b] for key, a, b in mark.meta if key == "publisher"] == [publisher] * bool(publisher)
