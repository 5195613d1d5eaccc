"""The formats that question sets come in: each recognised by its content, read with its gold, and refused with the
place of the fault where the gold does not hold."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.formats import FORMATS, corpus_rows, recognise
from eval.formats.fields import At
from eval.formats.proof import places_of
from eval.formats.rows import rows
from eval.questions import EvalQuestion, QuestionSet, load
from eval.records import Place
from rag.errors import DataError

DATA = Path(__file__).parent / "data" / "eval"


def said(held: QuestionSet, question: EvalQuestion) -> list[list[str]]:
    """What the spans of a question say."""
    texts = {key: text for key, _, text in held.rows}
    return [[texts[place.source][place.start : place.end] for place in item] for item in question.spans]


def refused(path: Path, **given: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(path, **given)
    assert caught.value.message("zh") != str(caught.value)  # told in both languages
    return str(caught.value)


def squad(path: Path, change: Any) -> Path:
    """squad2.json after a change."""
    whole = json.loads((DATA / "squad2.json").read_text(encoding="utf-8"))
    change(whole["data"][0]["paragraphs"][0])
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("beir", "beir"),
        ("squad2.json", "squad"),
        ("cmrc_squad.json", "squad"),
        ("cmrc_list.json", "squad"),
        ("drcd.json", "squad"),
        ("topics.txt", "trec"),
        ("topics.xml", "trec"),
        ("topics.tsv", "trec"),
        ("topics.jsonl", "trec"),
        ("ragas.jsonl", "ragas"),
        ("ragas.json", "ragas"),
        ("ragas.csv", "ragas"),
        ("ragas_old.jsonl", "ragas"),
        ("questions.csv", "csv"),
    ],
)
def test_a_format_is_known_by_its_content_not_by_its_name(tmp_path: Path, name: str, kind: str) -> None:
    assert recognise(DATA / name) == kind and kind in FORMATS
    if kind != "beir":
        other = tmp_path / "set.dat"
        shutil.copyfile(DATA / name, other)
        assert recognise(other) == kind


def test_a_file_of_nothing_known_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Some notes.\nNothing to ask.\n", encoding="utf-8")
    assert "notes.txt, line 1: no format that is known here" in refused(path)
    path.write_bytes(bytes(range(256)) * 8)
    assert "not text in any encoding" in refused(path)
    assert "did you mean squad" in refused(DATA / "squad2.json", format="squat")


def test_squad_2_brings_contexts_spans_and_questions_without_answer() -> None:
    held = load(DATA / "squad2.json")
    assert [row[:2] for row in held.rows] == [("0-0", "Apollo_11"), ("1-0", "Voyager_1")]  # equal contexts are one
    landed, mars, followed, voyager = held.questions
    assert landed.answers == ("July 20, 1969", "1969")
    assert said(held, landed) == [["July 20, 1969", "1969"]]  # one item, either place will do
    assert landed.relevant == {"0-0": 1} and landed.group == "Apollo_11" and landed.answerable
    assert not mars.answerable and not mars.answers and not mars.spans and not mars.relevant
    assert said(held, followed) == [["Aldrin"]]  # its start was off, and its context is the first one's twin
    assert followed.relevant == {"0-0": 1} and voyager.relevant == {"1-0": 1}


def test_a_squad_row_of_no_answers_has_none_as_the_official_script_has_it(tmp_path: Path) -> None:
    qas = [{"id": "1", "question": "?", "answers": []}, {"id": "2", "question": "?"}]
    path = tmp_path / "set.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": "Some text.", "qas": qas}]}]}), encoding="utf-8")
    without, unstated = load(path).questions
    assert (without.answerable, without.relevant) == (False, {}) and unstated.answerable


def test_cmrc_in_both_shapes_and_drcd() -> None:
    held = load(DATA / "cmrc_squad.json")
    (question,) = held.questions
    assert held.rows[0][:2] == ("DEV_0", "赵州桥") and question.group == "赵州桥"
    assert said(held, question) == [["李春", "隋代工匠李春"]] and question.answers == ("李春", "隋代工匠李春")
    held = load(DATA / "cmrc_list.json")
    (question,) = held.questions
    assert question.id == "TRIAL_0_QUERY_0" and question.question == "赵州桥在哪里？"
    assert said(held, question) == [["河北省赵县", "赵县"]]
    held = load(DATA / "drcd.json")
    (question,) = held.questions
    assert held.rows[0][:2] == ("1001-1", "台灣高鐵") and said(held, question) == [["2007年1月"]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda p: p["qas"][0]["answers"][1].update(text="1970"),
            "/data/0/paragraphs/0/qas/0/answers/1: the answer '1970'",
        ),
        (lambda p: p["qas"][0]["answers"][1].pop("text"), "/answers/1: 'text' must be a text"),
        (lambda p: p["qas"][0]["answers"][1].update(answer_start="4"), "/answers/1: an answer must have"),
        (lambda p: p["qas"][1].update(id="a1"), "/data/0/paragraphs/0/qas/1: the id 'a1' is used twice"),
        (lambda p: p["qas"][0].update(is_impossible=True), "is_impossible, yet it has answers"),
        (lambda p: p.pop("qas"), "/data/0/paragraphs/0: 'qas' must be a list"),
        (lambda p: p["qas"].append(3), "/qas/2: not a JSON object"),
        (lambda p: p.update(id="1-0", context="Apollo 11 landed on July 20, 1969."), "the id '1-0' is used twice"),
    ],
)
def test_a_fault_in_a_squad_file_is_pointed_at(tmp_path: Path, change: Any, says: str) -> None:
    assert says in refused(squad(tmp_path / "bad.json", change))


def test_a_squad_file_cut_off_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_text((DATA / "squad2.json").read_text(encoding="utf-8")[:900], encoding="utf-8")
    assert "cut.json, line 44: not JSON" in refused(path)


@pytest.mark.parametrize(
    ("answer", "start", "context", "spans"),
    [
        ("成都", 2, "甲在成都，乙在成都", [(2, 4)]),
        ("成都", 6, "甲在成都，乙在成都", [(7, 9)]),  # the nearest one
        ("成都", 3, "甲在成都，乙在成都", [(2, 4)]),
        ("成都", None, "甲在成都，乙在成都", [(2, 4), (7, 9)]),  # any may be meant
        ("成都", -1, "甲在成都，乙在成都", [(2, 4), (7, 9)]),
        ("200 个", 0, "共２００个", [(1, 5)]),  # folded, where it stands nowhere verbatim
        ("上海", 0, "甲在成都", []),
        ("。", 0, "甲在成都", []),
    ],
)
def test_an_answer_is_put_where_it_stands(
    answer: str, start: int | None, context: str, spans: list[tuple[int, int]]
) -> None:
    assert places_of(answer, start, "c", context) == tuple(Place("c", a, b) for a, b in spans)


@given(st.text("成都甲 1", max_size=12), st.text("成都甲 1", max_size=12), st.integers(0, 30))
@settings(max_examples=150, deadline=None)
def test_an_answer_cut_from_its_context_is_always_found(before: str, after: str, off: int) -> None:
    context = f"{before}乙方{after}"
    assert places_of("乙方", off, "c", context) == (Place("c", len(before), len(before) + 2),)


def test_a_beir_folder_keeps_grades_and_leaves_out_what_was_not_judged() -> None:
    held = load(DATA / "beir")
    assert [question.id for question in held.questions] == ["q1", "q2"]
    assert held.questions[0].relevant == {"d1": 2, "d2": 1} and held.questions[1].relevant == {"d2": 1}
    assert held.questions[0].group == "" and held.questions[0].line == 1
    assert held.rows[2] == ("d3", "Zhaozhou Bridge", "Zhaozhou Bridge")  # a document of a title alone
    assert [question.id for question in load(DATA / "beir", split="dev").questions] == ["q3"]
    assert "no qrels/train.tsv; the splits there: dev, test" in refused(DATA / "beir", split="train")
    assert "leave --corpus out" in refused(DATA / "beir", corpus=DATA / "beir")


def folder(path: Path, qrels: str, *queries: dict[str, Any]) -> Path:
    shutil.copytree(DATA / "beir", path)
    (path / "qrels" / "test.tsv").write_text(qrels, encoding="utf-8")
    if queries:
        (path / "queries.jsonl").write_text("".join(json.dumps(q) + "\n" for q in queries), encoding="utf-8")
    return path


def test_judgements_come_with_or_without_a_header_and_in_trec_s_columns(tmp_path: Path) -> None:
    for n, text in enumerate(
        ("q1\td1\t2\n", "query-id\tcorpus-id\tscore\nq1\td1\t2.0\n", "q1 0 d1 2\n", "q1\tQ0\td1\t2\n")
    ):
        (question,) = load(folder(tmp_path / str(n), text)).questions
        assert (question.id, question.relevant) == ("q1", {"d1": 2})


@pytest.mark.parametrize(
    ("qrels", "says"),
    [
        ("q1\td1\t1\nq1\td1\t2\n", "line 2: 'q1' and 'd1' are judged twice"),
        ("q1\td1\t0.5\n", "line 1: '0.5' is not a score"),
        ("x\td1\t1\n", "judges none of the questions"),
        ("query-id\tcorpus-id\tscore\n", "holds no judgement"),
    ],
)
def test_faulty_judgements_are_named(tmp_path: Path, qrels: str, says: str) -> None:
    assert says in refused(folder(tmp_path / "set", qrels))


def test_queries_with_gold_of_their_own_stay_though_nobody_judged_them(tmp_path: Path) -> None:
    queries = [
        {"_id": "q1", "text": "?"},
        {"_id": "q2", "text": "?", "answerable": False},
        {"_id": "q3", "text": "?", "answers": ["1977"], "context_id": "d2", "answer_starts": [27], "title": "Voyager"},
        {"_id": "q4", "text": "?"},
    ]
    held = load(folder(tmp_path / "set", "q1\td1\t1\n", *queries))
    assert [question.id for question in held.questions] == ["q1", "q2", "q3"]
    asked = held.questions[2]
    assert said(held, asked) == [["1977"]] and asked.group == "Voyager"
    assert asked.relevant == {}  # the judgements say what is relevant where there are any


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"answers": ["1977"], "answer_starts": []}, "one for each answer"),
        ({"answers": ["1978"], "answer_starts": [27]}, "'1978' does not stand in 'd2'"),
        ({"answers": ["1977"], "context_id": "d9"}, "no corpus row 'd9'"),
    ],
)
def test_answers_that_do_not_fit_their_context_are_refused(tmp_path: Path, query: dict[str, Any], says: str) -> None:
    path = folder(tmp_path / "set", "q1\td1\t1\n", {"_id": "q1", "text": "?", "context_id": "d2", **query})
    message = refused(path)
    assert "queries.jsonl, line 1: " in message and says in message


@pytest.mark.parametrize("name", ["topics.txt", "topics.xml", "topics.tsv", "topics.jsonl"])
def test_trec_topics_with_judgements_over_a_corpus(name: str) -> None:
    held = load(DATA / name, qrels=DATA / "qrels.txt", corpus=DATA / "beir")
    assert [question.id for question in held.questions] == ["301", "302"]
    assert held.questions[0].relevant == {"d1": 2} and held.questions[1].relevant == {"d2": 1}
    assert held.questions[1].question.lower() == "space probes" and len(held.rows) == 3


def test_the_title_of_a_topic_is_asked() -> None:
    first = load(DATA / "topics.txt", qrels=DATA / "qrels.txt", corpus=DATA / "beir").questions[0]
    assert first.question == "Moon landing & crew" and first.line == 1


def test_topics_over_a_folder_name_files_by_path_or_stem(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (docs / "old").mkdir(parents=True)
    for name in ("d1.txt", "old/d2.md", "same.txt", "old/same.txt"):
        (docs / name).write_text("text\n", encoding="utf-8")
    held = load(DATA / "topics.tsv", qrels=DATA / "qrels.txt", corpus=docs)
    assert held.rows == () and [q.relevant for q in held.questions] == [{"d1.txt": 2}, {"old/d2.md": 1}]
    qrels = tmp_path / "qrels"
    qrels.write_text("301 0 same 1\n302 0 old/d2 1\n", encoding="utf-8")
    assert "no corpus row 'same'" in refused(DATA / "topics.tsv", qrels=qrels, corpus=docs)  # which of the two?
    qrels.write_text("301 0 old/same 1\n0302 0 same.txt 1\n", encoding="utf-8")
    assert load(DATA / "topics.tsv", qrels=qrels, corpus=docs).questions[0].relevant == {"old/same.txt": 1}


def test_topics_need_judgements_and_a_corpus(tmp_path: Path) -> None:
    assert "--qrels" in refused(DATA / "topics.txt") and "--corpus" in refused(DATA / "topics.txt")
    path = tmp_path / "open.txt"
    given = {"qrels": DATA / "qrels.txt", "corpus": DATA / "beir"}
    path.write_text("<top>\n<num> Number: 301\n<title> a\n\n<top>\n<num> 302\n<title> b\n</top>\n", encoding="utf-8")
    assert "open.txt, line 1: this topic is not closed" in refused(path, **given)
    path.write_text("\n<top>\n<num> Number: 301\n</top>\n", encoding="utf-8")
    assert "line 2: a topic needs <num> and <title>" in refused(path, **given)


def test_topics_051_are_judged_as_51(tmp_path: Path) -> None:
    topics, qrels = tmp_path / "topics", tmp_path / "qrels"
    topics.write_text("051\tmoon\n", encoding="utf-8")
    qrels.write_text("51 0 d1 1\n", encoding="utf-8")
    assert load(topics, qrels=qrels, corpus=DATA / "beir").questions[0].relevant == {"d1": 1}


@pytest.mark.parametrize("name", ["ragas.jsonl", "ragas.json", "ragas.csv"])
def test_ragas_rows_bring_their_contexts_as_corpus(name: str) -> None:
    held = load(DATA / name)
    first, second = held.questions
    assert (first.id, first.answers) == ("1", ("It was launched in 1977.",))
    assert first.question == "When was Voyager 1 launched?"
    assert len(held.rows) == 2 and held.rows[0][2].startswith("Voyager 1")  # each context once
    assert first.evidence == (held.rows[0][2],) and first.relevant == {"context-1": 1}
    assert second.relevant == {"context-2": 1, "context-1": 1}


def test_ragas_rows_of_older_versions_and_of_chats(tmp_path: Path) -> None:
    (question,) = load(DATA / "ragas_old.jsonl").questions
    assert question.answers == ("In 1977.",) and len(question.evidence) == 1
    path = tmp_path / "chat.jsonl"
    chat = [
        {"type": "human", "content": "Who?"},
        {"type": "ai", "content": "A."},
        {"type": "human", "content": "When?"},
    ]
    path.write_text(json.dumps({"user_input": chat, "reference": "1977"}), encoding="utf-8")
    (question,) = load(path).questions
    assert question.question == "When?" and question.history == ("Who?",)
    path.write_text(json.dumps({"user_input": [], "reference": "1977"}), encoding="utf-8")
    assert "chat.jsonl, line 1: 'user_input' must be" in refused(path)


def test_ragas_contexts_must_stand_in_a_corpus_that_is_given(tmp_path: Path) -> None:
    held = load(DATA / "ragas.jsonl", corpus=DATA / "beir")
    assert len(held.rows) == 3 and held.questions[0].relevant == {}
    row = {"user_input": "?", "reference": "x", "reference_contexts": ["nowhere to be found"]}
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    assert "bad.jsonl, line 1: evidence of '1' is not in the corpus" in refused(path, corpus=DATA / "beir")


def test_ragas_rows_are_asked_of_a_folder_that_is_given(tmp_path: Path) -> None:
    held = load(DATA / "ragas.jsonl", corpus=tmp_path)  # not of their own contexts, which any search finds
    assert held.rows == () and all(not question.relevant for question in held.questions)
    assert load(DATA / "ragas.jsonl").rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_a_spreadsheet_with_a_chinese_header(tmp_path: Path, encoding: str, separator: str) -> None:
    text = (DATA / "questions.csv").read_text(encoding="utf-8").replace(",", separator).replace("\n", "\r\n")
    path = tmp_path / "题目.csv"
    path.write_bytes(text.encode(encoding))
    first, second, third = load(path).questions
    assert first.id == "桥-1" and first.answers == ("李春", "隋代工匠李春") and first.source == "bridge.txt"
    assert first.evidence[0].split("\n")[1] == "主拱净跨37.02米" and first.type == "who" and first.line == 2
    assert second.question == '桥上的"小拱"有几个？' and not second.answerable and second.line == 4
    assert third.answerable and third.page == 2


def test_a_spreadsheet_with_excel_s_own_first_line_and_without_ids(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("sep=;\nQuestion;Answer;relevant\nWho?;A \\| B|C;a.txt|b.txt\n;;\nWhen?;1977;\n", encoding="utf-8")
    who, when = load(path).questions
    assert (who.id, who.answers, who.line) == ("1", ("A | B", "C"), 3) and who.relevant == {"a.txt": 1, "b.txt": 1}
    assert (when.id, when.answers, when.line) == ("2", ("1977",), 5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("question,answers\nWho?,A,B\n", "line 2: 3 cells under a header of 2"),
        ('question,answers\nWho?,"A\n', "line 2: not a row of a table"),
        ("question,answerable\nWho?,maybe\n", "line 2: 'answerable' must be true or false"),
        ("question,page\nWho?,two\n", "line 2: 'page' must be a whole number"),
        ("question,answer,answers\nWho?,A,B\n", "line 1: two columns mean 'answers'"),
        ("question,evidences\nWho?,A\n", "line 2: unknown key 'evidences'"),
        ("question,spans\nWho?,[1\n", "line 2: 'spans' is not JSON"),
        ("id,question\na,Who?\na,When?\n", "line 3: the id 'a' is used twice"),
        ("question,answers\n", "holds no question"),
    ],
)
def test_a_fault_in_a_table_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "q.csv"
    path.write_text(text, encoding="utf-8")
    assert says in refused(path)


def test_our_rows_over_a_corpus_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    row = {"id": "a", "question": "?", "answers": ["1977"], "spans": [{"source": "d2", "start": 26, "end": 30}]}
    path.write_text(json.dumps(row), encoding="utf-8")
    held = load(path, corpus=DATA / "beir" / "corpus.jsonl")
    assert said(held, held.questions[0]) == [["1977"]] and len(held.rows) == 3
    path.write_text(json.dumps({**row, "spans": [{"source": "d2", "start": 25, "end": 29}]}), encoding="utf-8")
    assert "mine.jsonl, line 1: the span of 'a' d2#25-29 says ' 197'" in refused(path, corpus=DATA / "beir")


def test_the_corpus_may_come_in_three_shapes(tmp_path: Path) -> None:
    from_folder = corpus_rows(DATA / "beir")
    assert from_folder == corpus_rows(DATA / "beir" / "corpus.jsonl") and from_folder[0][:2] == ("d1", "Apollo 11")
    assert [row[0] for row in corpus_rows(DATA / "squad2.json")] == ["0-0", "1-0"]
    assert corpus_rows(DATA / "cmrc_list.json")[0][0] == "TRIAL_0"
    with pytest.raises(DataError, match="no corpus"):
        corpus_rows(DATA / "ragas.json")
    assert "no such corpus" in refused(DATA / "ragas.jsonl", corpus=tmp_path / "absent")


def test_an_array_knows_the_line_and_the_number_of_each_row(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text('\ufeff[\n {"a": 1},\n\n {"a": 2}\n]\n', encoding="utf-8")
    assert [(at, row["a"]) for at, row in rows(path)] == [(At(path, 2, "/0"), 1), (At(path, 4, "/1"), 2)]
    path.write_text("[]", encoding="utf-8")
    assert list(rows(path)) == []
    for text, says in (
        ('[{"a": 1} {"a": 2}]', "expected ','"),
        ('[\n{"a": 1},\n{"a"]', "line 3"),
        ("[1]", "/0: not a JSON"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=says):
            list(rows(path))


@given(st.binary(max_size=60) | st.text('{}[]",:|\t\n<>top num=id question 题目答案1', max_size=60).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "set"
    path.write_bytes(data)
    try:
        held = load(path)
    except DataError as error:
        assert str(error).startswith(str(path)) or str(path) in str(error)
    else:
        assert held.questions
