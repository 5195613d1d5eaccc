"""Files of the folder on the page: put there and taken out, listed, and opened at the page or row that is quoted."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from rag.errors import FolderError, ParseError, RagError
from rag.folder import clean_name, files, put, take_out
from rag.library import DocumentInfo
from rag.shelf import Row
from rag.text.whereabouts import extent, kind_of, where
from rag.types import Citation, Document, Notice, Section
from rag.web import hands, listing, panel, render
from rag.web.desk import Desk
from rag.web.hands import Wish
from rag.web.material import Material
from rag.web.text import Place
from tests.fakes import FakeEngine
from tests.web import ARTICLE, Seen

MB = 1 << 20
EVIL = "<img src=x onerror=alert(1)>.txt"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    path = tmp_path / "given"
    path.write_text(ARTICLE, encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "资料").mkdir()
    return tmp_path / "资料"


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/a.txt", "a.txt"), ("C:\\x\\报告（终稿）.PDF", "报告（终稿）.PDF"), ("..a.txt", "a.txt"), ("~$a.docx", "$a.docx"),
        ("con.txt", "_con.txt"), ("COM1.notes.md", "_COM1.notes.md"), ("a\nb\x07\u202e.md", "a b.md"), (".txt", "document.txt"),
        ("长" * 90 + ".md", "长" * 40 + ".md"), ("a\udcff.txt", "a.txt"), ("a. .txt", "a.txt"), (EVIL, EVIL),
    ],
)  # fmt: skip
def test_a_name_is_made_harmless(name: str, clean: str) -> None:
    assert clean_name(name) == clean


def test_a_file_is_put_into_the_folder_and_never_over_another(folder: Path, given: Path) -> None:
    assert put(folder, "../a.txt", given, MB) == "a.txt" == put(folder, "a.txt", given, MB)
    assert (folder / "a.txt").read_text(encoding="utf-8") == ARTICLE
    given.write_text("另一份。", encoding="utf-8")
    assert put(folder, "a.txt", given, MB) == "a (2).txt" == put(folder, "a.txt", given, MB)
    assert (folder / "a.txt").read_text(encoding="utf-8") == ARTICLE
    assert sorted(os.listdir(folder)) == ["a (2).txt", "a.txt"], "nothing is left beside them"


def test_what_could_not_be_read_is_not_put(folder: Path, given: Path) -> None:
    for name, most in (("a.exe", MB), ("a", MB), ("a.txt", 10)):
        with pytest.raises(ParseError):
            put(folder, name, given, most)
    given.write_bytes(b"")
    with pytest.raises(ParseError, match="empty"):
        put(folder, "a.txt", given, MB)
    with pytest.raises(ParseError, match="choose it again"):
        put(folder, "a.txt", folder / "absent", MB)
    with pytest.raises(FolderError, match="cannot be changed"):
        given.write_text("一", encoding="utf-8")
        put(folder / "absent", "a.txt", given, MB)
    assert os.listdir(folder) == []


def test_only_a_listed_file_is_taken_out(folder: Path, given: Path) -> None:
    (folder / "in").mkdir()
    for name in ("a.txt", "in/b.txt", ".hidden.txt", EVIL.replace("/", "")):
        (folder / name).write_text("一", encoding="utf-8")
    outside = given.parent / "outside"
    outside.mkdir()
    (outside / "c.txt").write_text("外", encoding="utf-8")
    (folder / "link").symlink_to(outside)
    (folder / "linked.txt").symlink_to(given)
    for name in (
        "../given",
        "link/c.txt",
        "link",
        "in",
        "",
        ".",
        ".hidden.txt",
        "absent.txt",
        str(given),
        "in/../a.txt",
    ):
        if name == "link":
            continue
        with pytest.raises(FolderError):
            take_out(folder, name)
    for name in ("a.txt", "in/b.txt", EVIL, "linked.txt", "link"):
        take_out(folder, name)
    assert files(folder) == [] and given.exists() and (outside / "c.txt").exists() and (folder / ".hidden.txt").exists()


def test_a_folder_that_cannot_be_changed_says_so(folder: Path, given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.txt").write_text("一", encoding="utf-8")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(FolderError, match="check its permissions"):
        take_out(folder, "a.txt")
    monkeypatch.undo()
    monkeypatch.setattr("os.link", refuse)  # a file system without links
    assert put(folder, "b.txt", given, MB) == "b.txt"
    monkeypatch.setattr("os.rename", refuse)
    with pytest.raises(FolderError, match="check its permissions"):
        put(folder, "c.txt", given, MB)
    assert sorted(os.listdir(folder)) == ["a.txt", "b.txt"]


def test_nothing_changes_before_it_is_confirmed(folder: Path, given: Path) -> None:
    desk = Desk(lambda progress: FakeEngine({"a.txt": ARTICLE}), folder)
    bad = given.parent / "bad"
    bad.write_text("x", encoding="utf-8")
    wish = hands.offer(Wish(), [(str(given), "报告.txt"), (str(bad), "a.exe")])
    assert [o.name for o in wish.offered] == ["报告.txt"] and ".exe" in wish.said_zh[0] and not bad.exists()
    assert os.listdir(folder) == []
    assert hands.act(wish, "drop", desk, MB) == Wish() and not given.exists() and os.listdir(folder) == []
    (folder / "b.txt").write_text("一", encoding="utf-8")
    for target in ("delete", "put", "remove/%ff"):
        hands.act(Wish(), target, desk, MB)
    asked = hands.act(Wish(), "remove/b.txt", desk, MB)
    assert asked.doomed == "b.txt" and (folder / "b.txt").exists()
    assert hands.act(asked, "delete", desk, MB).said_en == ("Deleted b.txt",) and os.listdir(folder) == []
    gone = hands.act(asked, "delete", desk, MB)
    assert "look at the list again" in gone.said_en[0]


def test_only_this_machine_by_its_own_names_may_change_the_folder() -> None:
    assert all(hands.is_local(host) for host in ("127.0.0.1:7860", "localhost", "[::1]:7860", "127.0.0.1"))
    assert not any(
        hands.is_local(host) for host in ("", "evil.example", "127.0.0.1.evil.example:80", "192.168.0.9", "[::2]:1")
    )


def test_the_list_tells_every_file_its_state_and_why() -> None:
    info = DocumentInfo("d", "年报", "年报.pdf", 900, 12, "2023-10-10", "pdf", 12)
    rows = (
        Row("年报.pdf", "ready", info), Row("s.xlsx", "partly", replace(info, kind="xlsx", pages=3), (Notice("e", "缺一页"),)),
        Row("w.txt", "waiting"), Row(EVIL, "failed", None, (Notice("broken", "坏了<b>"),)), Row("x.zip", "skipped"),
    )  # fmt: skip
    html = listing.library_html(Material.of([info], rows), "zh", wish=Wish(doomed=EVIL), folder="资料", max_mb=250)
    seen = Seen(html)
    for part in (
        "5 个文件",
        "1 就绪",
        "1 部分",
        "1 待编入",
        "1 失败",
        "1 跳过",
        "12 页",
        "3 个工作表",
        "缺一页",
        "坏了<b>",
        "无法恢复",
    ):
        assert part in seen.text, part
    assert seen.text.index("坏了") < seen.text.index("缺一页") < seen.text.index("w.txt") < seen.text.index("年报.pdf")
    assert "img" not in seen.tags and all(v.startswith("#") for n, v in seen.attributes if n == "href")
    many = tuple(Row(f"{n}.txt", "ready", info) for n in range(1000)) + rows[3:4]
    long = Seen(listing.library_html(Material.of([info], many), "en"))
    assert long.tags.count("li") == listing.MOST + 1 and "Show 200 more" in long.text and "broken" in long.text


def test_a_long_list_is_drawn_in_parts_and_the_rest_is_found_by_name() -> None:
    info = DocumentInfo("d", "Annual report", "2023/年报.pdf", 900, 12, "2023-10-10", "pdf", 12)
    rows = [Row(f"n{n:05}.txt", "ready") for n in range(3000)] + [Row("2023/年报.pdf", "failed", info)]
    material = Material.of([info] * 3, iter(rows))
    assert (material.files, len(material.rows), material.rows[0].state) == (3001, 1000, "failed")
    drawn = []
    target = "library"
    while target:
        seen = Seen(listing.library_html(material, "en", view=listing.view_of(target)))
        drawn.append(seen.tags.count("li") - 1)
        target = next((value[1:] for name, value in seen.attributes if value.startswith("#more/")), "")
    assert drawn == [200, 400, 600, 800, 1000] and "2001 more files: find them by name" in seen.text
    for wanted in ("annual", "年报", "2023/"):
        view = listing.view_of(f"find/{quote(wanted)}")
        found = listing.find(rows, view.name)
        assert (found.files, found.rows[0].source) == (1, "2023/年报.pdf")
        seen = Seen(listing.library_html(material, "en", view=view, found=found))
        assert "1 file found" in seen.text and ("value", wanted) in seen.attributes
    many = Seen(listing.library_html(material, "zh", view=listing.View(name="n0"), found=listing.find(rows, "N0")))
    assert "找到 3000 个文件" in many.text and "还有 2800 个文件未列出" in many.text
    assert "jd-find" not in listing.library_html(Material.of([info], rows[:10]), "zh"), "a short list needs no search"
    hostile = listing.View(name='"><img src=x onerror=alert(1)>')
    assert (
        "img"
        not in Seen(listing.library_html(material, "zh", view=hostile, found=listing.find(rows, hostile.name))).tags
    )
    assert listing.view_of("more/99999999") == listing.View() and listing.view_of("more/x") == listing.View()


def test_where_a_quote_stands_is_said_as_people_say_it() -> None:
    assert [where(*place, "zh") for place in (("pdf", 3, None), ("pptx", 4, None), ("xlsx", 2, 17), ("csv", None, 17))] == [
        "第 3 页", "第 4 张幻灯片", "工作表 2 · 第 17 行", "第 17 行",
    ]  # fmt: skip
    assert where("xlsx", 2, 17, "en") == "sheet 2, row 17" and where("md", None, None, "zh") == ""
    assert (
        extent("pptx", 8, "zh") == "8 张幻灯片" and extent("pdf", 1, "en") == "1 page" and kind_of("a/B.XLSX") == "xlsx"
    )
    cited = Citation(1, "d", "费用", "费用.xlsx", "q", 0, 1, page=2, row=17)
    assert render.place(cited, "zh") == "费用 · 工作表 2 · 第 17 行" and "row 17" in render.mark(0, cited, "en")


def table() -> Document:
    text = "费用<b>\n部门 | 金额\n市场<i> | 120\n研发 | 340\n# 后记\n完。"
    at = [text.index(part) for part in ("部门", "市场", "# 后记", "完")]
    sections = (
        Section((), 0, at[0] - 1, "title", 1), Section((), at[0], at[1] - 1, "body", 1, row=1, names=True),
        Section((), at[1], at[2] - 1, "body", 1, row=2, columns=("部门", "金额")),
        Section(("# 后记",), at[2], at[3] - 1, "heading", 2, 1), Section(("# 后记",), at[3], len(text), "body", 2),
    )  # fmt: skip
    return Document("d", "费用", "费用.xlsx", text, sections, {}, "xlsx", 2)


def test_rows_are_drawn_as_a_table_with_the_quote_marked_across_its_cells() -> None:
    document = table()
    quote = "研发 | 340"
    start = document.text.index(quote)
    html = panel.source_html(Place(document, start, start + len(quote), "340"), "zh")
    seen = Seen(html)
    assert seen.marked == "研发340" and seen.tags.count("tr") == 3 and seen.tags.count("th") == 2
    assert "工作表 1 · 第 3 行" in seen.text and "市场<i>" in seen.text and not {"i", "script"} & set(seen.tags)
    assert html.index('<td class="n">3</td>') < html.index("研发") and "<b>340</b>" in html
    assert seen.text.count("工作表 2") == 1 and html.count("<table>") == html.count("</table>") == 1


def test_marks_of_headings_are_not_shown_and_pages_are_divided() -> None:
    text = "# 题目\n\n## 一节\n\n这里有句话。"
    sections = (Section((), 0, 4, "title"), Section((), 6, 11, "heading"), Section((), 13, len(text)))
    document = Document("d", "题目", "a.md", text, sections, {}, "md")
    seen = Seen(panel.source_html(Place(document, 6, 11), "zh"))
    assert "#" not in seen.text.replace("#at", "") and seen.marked == "一节"
    plain = replace(document, kind="txt", sections=tuple(replace(s, page=n) for n, s in enumerate(sections, 1)))
    shown = Seen(panel.source_html(Place(plain, 13, 18), "en")).text
    assert "## 一节" in shown and shown.count("p. 3") == 2 and shown.count("p. 2") == 1


def test_an_offered_file_that_vanished_is_told(folder: Path, given: Path) -> None:
    desk = Desk(lambda progress: FakeEngine({}), folder)
    wish = hands.offer(Wish(), [(str(given), "a.txt")])
    given.unlink()
    assert "请重新选择" in hands.act(wish, "put", desk, MB).said_zh[0]
    assert isinstance(hands.offer(Wish(), [(str(given), "a.txt")]).said_en, tuple) and issubclass(ParseError, RagError)
