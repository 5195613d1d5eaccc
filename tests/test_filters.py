"""Filters by document, role, date and ranker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.assistant import Assistant
from rag.config import Settings
from rag.errors import QuestionError, UnknownDocumentError
from rag.filters import ROLES, Catalogue, Catalogues, Day, days
from rag.types import Hits
from tests.conftest import BRIDGE, LIBRARY
from tests.fakes_embed import HashEmbedder
from tests.test_reader_margin import PAGE

PAGE_2021 = "# 河边公园\n\n日期：2021-04-02\n\n河边公园种了300棵柳树，有两座石桥。\n"
PAGE_2023 = "# 河边公园扩建\n\n发布时间：2023年10月10日 15:55\n\n河边公园又种了500棵银杏，石桥修好了。\n"


def opened(place: Path) -> Assistant:
    for name, text in {
        "library.md": LIBRARY,
        "bridge.txt": BRIDGE,
        "年报/park-2021.md": PAGE_2021,
        "年报/park-2023.md": PAGE_2023,
        "park[old].txt": "旧公园有七座石桥。",
        "档[旧]/mill.txt": "旧磨坊有三座水车。",
        "three-bridges.txt": PAGE,
    }.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Assistant.open(place, Settings(), embedder=HashEmbedder())


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """Read by all tests, changed by none."""
    with opened(tmp_path_factory.mktemp("材料")) as assistant:
        yield assistant


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Assistant, Path]]:
    """One whose folder a test may change."""
    with opened(tmp_path / "材料") as assistant:
        yield assistant, tmp_path / "材料"


def sources(hits: Hits) -> set[str]:
    return {hit.source for hit in hits}


@pytest.mark.parametrize(
    ("documents", "found"),
    [
        ("library.md", {"library.md"}),
        (["library.md", "bridge.txt"], {"library.md", "bridge.txt"}),
        ("年报/*.md", {"年报/park-2021.md", "年报/park-2023.md"}),
        ("年报/", {"年报/park-2021.md", "年报/park-2023.md"}),
        ("年*/", {"年报/park-2021.md", "年报/park-2023.md"}),
        ("档[旧]/", {"档[旧]/mill.txt"}),
        ("*-2023.md", {"年报/park-2023.md"}),
        ("park[[]old].txt", {"park[old].txt"}),
        ("park[old].txt", {"park[old].txt"}),
        ([], set()),
    ],
)
def test_documents_by_source_and_pattern(kb: Assistant, documents: str | list[str], found: set[str]) -> None:
    hits = kb.retrieve("河边 公园 石桥 图书馆 水车 bridge", 50, documents=documents)
    assert sources(hits) == found


def test_documents_by_id_and_both_filters_must_hold(kb: Assistant) -> None:
    ids = {info.source: info.id for info in kb.documents()}
    assert sources(kb.retrieve("石桥", 9, documents=ids["年报/park-2021.md"])) == {"年报/park-2021.md"}
    assert not kb.retrieve("石桥", 9, [ids["library.md"]], documents="年报/")
    assert not kb.retrieve("石桥", 9, ["unknown id"])


@pytest.mark.parametrize("name", ["libary.md", "年报/*.pdf", "nothing/", ""])
def test_an_unknown_document_is_named_with_the_nearest(kb: Assistant, name: str) -> None:
    with pytest.raises(UnknownDocumentError, match="no document") as raised:
        kb.ask("馆内有多少座书亭？", documents=[name])
    assert "python -m rag list" in raised.value.zh
    assert raised.value.__context__ is None, "looked up once: only a document that went in between is asked for again"
    if name == "libary.md":
        assert "did you mean 'library.md'?" in raised.value.en and "是不是 library.md" in raised.value.zh


def test_the_composed_and_the_decomposed_name_are_one(own: tuple[Assistant, Path]) -> None:
    kb, folder = own
    (folder / "re\u0301sume\u0301.txt").write_text("A summary of seven bridges.", encoding="utf-8")
    kb.sync()
    assert len(kb.retrieve("bridges", 3, documents="r\u00e9sum\u00e9.txt")) == 1


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("2021", None, {"年报/park-2021.md", "年报/park-2023.md"}),
        ("2022", None, {"年报/park-2023.md"}),
        (None, 2022, {"年报/park-2021.md"}),
        ("2023-10", "2023-10", {"年报/park-2023.md"}),
        ("2023-10-10", "2023-10-10", {"年报/park-2023.md"}),
        ("2023-10-11", None, set()),
        (date(2021, 4, 2), datetime(2021, 4, 2, 8), {"年报/park-2021.md"}),
        (None, "2021年3月", set()),
        (None, "April 2021", {"年报/park-2021.md"}),
        ("2023-10-10T08:30:00+08:00", "2023年10月10日 15:55", {"年报/park-2023.md"}),
    ],
)
def test_documents_by_their_own_date(kb: Assistant, since: Day, until: Day, found: set[str]) -> None:
    only = {"年报/park-2021.md", "年报/park-2023.md", "library.md", "bridge.txt", "park[old].txt"}
    assert sources(kb.retrieve("河边 石桥 bridge", 50, documents=only, since=since, until=until)) == found


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "2023-13",
        "2023-02-30",
        "2023年2月30日",
        "",
        "20231010",
        0,
        "2023-W41",
        "2019–2023",
        "10/11/2023",
        "第2023页",
    ],
)
def test_what_is_no_date_is_refused(kb: Assistant, value: str | int) -> None:
    with pytest.raises(QuestionError, match=r"since: .* is no date; write it as 2023"):
        kb.retrieve("石桥", since=value)


def test_dates_the_wrong_way_round_are_refused(kb: Assistant) -> None:
    with pytest.raises(QuestionError, match="exchange"):
        kb.retrieve("石桥", since="2023", until="2022-12-31")


def test_passages_by_role(kb: Assistant) -> None:
    everything = kb.retrieve("石桥 评论 作者 日期", 50)
    assert {hit.passage.role for hit in everything} - {"body", "title", "heading"}
    for roles in ("comment", ["body"], {"byline", "related"}):
        wanted = {roles} if isinstance(roles, str) else set(roles)
        hits = kb.retrieve("石桥 评论 作者 日期", 50, roles=roles)
        assert {hit.passage.role for hit in hits} <= wanted
        held = {p.id for info in kb.documents() for p in kb.passages(info.id) if p.role in wanted}
        assert {hit.passage.id for hit in hits} == held, "nothing of that role is left out"


def test_answers_keep_to_the_filters(kb: Assistant) -> None:
    question = "馆内有多少座书亭？"
    assert kb.ask(question, documents="library.md").short == "12座"
    for answer in (
        kb.ask(question, documents="bridge.txt"),
        kb.ask(question, roles="comment"),
        kb.ask(question, since="2020"),
    ):
        assert not answer.found and all(hit.source != "library.md" for hit in answer.hits)
    assert kb.ask(question, rankers="lexical").found and kb.explain(question, documents="library.md").found
    assert set(kb.ask(question, rankers="lexical").hits[0].ranks) == {"lexical"}


def test_what_a_document_states_is_not_told_where_it_is_filtered_out(kb: Assistant) -> None:
    asked = "《河边公园扩建》是什么时候发布的？"
    assert kb.ask(asked).found
    assert all(c.source == "library.md" for c in kb.ask(asked, documents="library.md").citations)
    assert not kb.ask(asked, roles="body").citations or {c.role for c in kb.ask(asked, roles="body").citations} == {
        "body"
    }


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"roles": "coment"}, "roles: there is no 'coment'; did you mean 'comment'\\? there are: title, heading, body"),
        ({"rankers": ["dence"]}, "rankers: there is no 'dence'; did you mean 'dense'\\? there are: dense, lexical"),
        ({"rankers": []}, "rankers: none is named; name one of: dense, lexical"),
    ],
)
def test_an_unknown_role_or_ranker_is_refused_by_name(kb: Assistant, wrong: dict[str, list[str]], told: str) -> None:
    with pytest.raises(QuestionError, match=told) as raised:
        kb.retrieve("石桥", **wrong)
    assert raised.value.zh != raised.value.en


def test_no_role_means_no_passage(kb: Assistant) -> None:
    assert not kb.retrieve("石桥", roles=[])


def test_a_role_that_no_document_has_is_not_looked_for_in_all_of_them(
    kb: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    fetch = kb._retriever._fetch
    monkeypatch.setattr(kb._retriever, "_fetch", lambda ids: asked.append(list(ids)) or fetch(ids))
    nowhere = next(role for role in ROLES if not kb._index.library.holding([role]))
    assert not kb.retrieve("石桥", roles=nowhere) and asked == []
    assert not kb.retrieve("石桥", roles=[]) and asked == []


def test_a_question_reads_the_facts_of_the_documents_found_and_no_others(
    kb: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[str] | None] = []
    read = kb._index.library.documents
    monkeypatch.setattr(kb._index.library, "documents", lambda ids=None: asked.append(ids) or read(ids))
    hits = kb.retrieve("石桥 公园", 2)
    assert asked == [{hit.passage.doc_id for hit in hits}] and all(hit.source and hit.characters for hit in hits)


def test_many_questions_look_their_filters_up_once(kb: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    real = Catalogue.named
    monkeypatch.setattr(Catalogue, "named", lambda self, name: named.append(name) or real(self, name))
    assert len(kb.ask_many(["馆内有多少座书亭？"] * 3, documents="*.md")) == 3 and named == ["*.md"]


def test_a_filter_sees_what_a_sync_changed(own: tuple[Assistant, Path]) -> None:
    kb, folder = own
    catalogues = Catalogues()
    first = catalogues.of(kb._index.library)
    assert catalogues.of(kb._index.library) is first
    (folder / "library.md").rename(folder / "renamed.md")
    kb.sync()
    assert sources(kb.retrieve("书亭", 3, documents="renamed.md")) == {"renamed.md"}
    with pytest.raises(UnknownDocumentError):
        kb.retrieve("书亭", 3, documents="library.md")
    assert catalogues.of(kb._index.library) is not first


def test_a_copy_is_found_by_either_name(own: tuple[Assistant, Path]) -> None:
    kb, folder = own
    (folder / "copy.md").write_bytes((folder / "library.md").read_bytes())
    kb.sync()
    for name in ("copy.md", "library.md"):
        assert kb.retrieve("书亭", 3, documents=name)[0].passage.title == "河边图书馆"
    assert len(Catalogue(kb._index.library).named("*.md")) == 3


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2023-10-10 15:55:23", (date(2023, 10, 10), date(2023, 10, 10))),
        ("发布时间：2023年10月10日", (date(2023, 10, 10), date(2023, 10, 10))),
        ("2023-10", (date(2023, 10, 1), date(2023, 10, 31))),
        ("2023-12 修订", (date(2023, 12, 1), date(2023, 12, 31))),
        ("二〇二四年二月", (date(2024, 2, 1), date(2024, 2, 29))),
        ("2023年", (date(2023, 1, 1), date(2023, 12, 31))),
        ("Mon, 9 Jun 2025 10:00:00 +0800", (date(2025, 6, 9), date(2025, 6, 9))),
        ("2023-02-30", (date(2023, 2, 1), date(2023, 2, 28))),
        ("10月10日", None),
        ("昨天", None),
    ],
)
def test_the_days_of_a_document_s_date(text: str, span: tuple[date, date] | None) -> None:
    assert days(text) == span


@given(st.dates())
def test_every_day_is_read_back(day: date) -> None:
    assert days(day.isoformat()) == (day, day)
    first, last = days(f"{day.year:04}-{day.month:02}") or (day, day)
    assert first <= day <= last and first.day == 1 and (last.month, last.year) == (day.month, day.year)
