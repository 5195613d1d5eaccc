"""Question sets in our own format and in BEIR-like folders: what is accepted, how a fault is named, and that what is
written is read again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.match import folded
from eval.questions import EvalQuestion, as_row, check_evidence, load, pick, write_questions
from eval.records import Place
from rag.errors import DataError

LINE = {"id": "q1", "question": "建了多少个？", "answers": ["100余个"], "evidence": ["配建100余个"]}


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in rows), encoding="utf-8")
    return path


def folder(path: Path, corpus: list[object], queries: list[object], qrels: str | None) -> Path:
    path.mkdir()
    write(path / "corpus.jsonl", *corpus)
    write(path / "queries.jsonl", *queries)
    if qrels is not None:
        (path / "qrels.tsv").write_text(qrels, encoding="utf-8")
    return path


def test_a_file_of_questions(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", LINE, "", {"id": "q2", "question": "谁赢了？", "answerable": False})
    held = load(path)
    assert held.name == "mine" and held.rows == ()
    assert held.questions[0] == EvalQuestion("q1", "建了多少个？", ("100余个",), (), ("配建100余个",), line=1)
    assert held.questions[1].line == 3 and not held.questions[1].answerable


def test_a_byte_order_mark_and_windows_newlines_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "bom.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(LINE).encode() + b"\r\n")
    assert load(path).questions[0].id == "q1"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{not json", "not JSON"),
        ("[1]", "not a JSON object"),
        ({**LINE, "id": ""}, "'id'"),
        ({**LINE, "question": 3}, "'question'"),
        ({**LINE, "answers": "100余个"}, "'answers'"),
        ({**LINE, "facts": ["。"]}, "'facts'"),
        ({**LINE, "answerable": "no"}, "'answerable'"),
        ({**LINE, "answerable": False}, "not answerable, yet"),
        ({**LINE, "evidences": []}, "did you mean 'evidence'"),
        ({**LINE, "id": "first"}, "used twice"),
        ({**LINE, "answerable": False, "answers": []}, "not answerable, yet"),
        ({**LINE, "relevant": {"a.txt": 0}}, "grades from 1"),
        ({**LINE, "relevant": "a.txt"}, "grades from 1"),
        ({**LINE, "spans": [{"source": "a.txt", "start": 3}]}, "'spans' must be a list of items"),
        ({**LINE, "spans": [[]]}, "'spans' must be a list of items"),
        ({**LINE, "spans": [[{"source": "a.txt", "start": 3, "end": 3}]]}, "runs backwards"),
        ({**LINE, "spans": [[{"source": "a.txt", "start": True, "end": 3}]]}, "'spans' must be"),
        ({**LINE, "page": 0}, "whole number from 1"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, row: object, says: str) -> None:
    path = write(tmp_path / "bad.jsonl", {**LINE, "id": "first"}, row)
    with pytest.raises(DataError) as caught:
        load(path)
    assert "bad.jsonl, line 2" in str(caught.value) and says in str(caught.value)
    assert "第 2 行" in caught.value.message("zh")


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "gbk.jsonl"
    path.write_bytes(json.dumps(LINE, ensure_ascii=False).encode("gb18030"))
    with pytest.raises(DataError, match="line 1: not UTF-8"):
        load(path)


def test_a_set_that_does_not_exist_names_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such question file"):
        load(tmp_path / "absent.jsonl")


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no question"):
        load(write(tmp_path / "empty.jsonl"))


CORPUS = [{"_id": "d1", "title": "甲", "text": "甲在成都。"}, {"_id": "d2", "text": "乙在上海。"}]
QUERIES = [
    {"_id": "1", "text": "甲在哪？", "answers": ["成都"], "answerable": True, "context_id": "d1", "evidences": ["x"]},
    {"_id": "2", "text": "丙在哪？", "answers": [], "answerable": False},
]


def test_a_folder_brings_its_corpus_and_qrels(tmp_path: Path) -> None:
    held = load(folder(tmp_path / "set", CORPUS, QUERIES, "query-id\tcorpus-id\tscore\n1\td1\t1\n1\td2\t0\n"))
    assert held.rows == (("d1", "甲", "甲在成都。"), ("d2", "", "乙在上海。"))
    assert held.questions[0].relevant == {"d1": 1} and held.questions[0].answers == ("成都",)
    assert held.questions[1].relevant == {} and not held.questions[1].answerable


def test_an_empty_question_of_a_published_set_is_kept_and_a_missing_one_is_a_fault(tmp_path: Path) -> None:
    held = load(folder(tmp_path / "set", CORPUS, [{"_id": "1", "text": "", "answers": ["成都"]}], None))
    assert held.questions[0].question == ""
    with pytest.raises(DataError, match=r"queries\.jsonl, line 1: 'text'"):
        load(folder(tmp_path / "other", CORPUS, [{"_id": "1", "answers": ["成都"]}], None))


def test_without_qrels_the_context_is_relevant(tmp_path: Path) -> None:
    held = load(folder(tmp_path / "set", CORPUS, QUERIES, None))
    assert held.questions[0].relevant == {"d1": 1} and held.questions[0].group == "甲"


@pytest.mark.parametrize(
    ("qrels", "says"),
    [("h\n1\td9\t1\n", "no corpus row 'd9'"), ("h\n1 d1 1\n", "with tabs"), ("h\n1\td1\tyes\n", "not a score")],
)
def test_faulty_qrels_are_named(tmp_path: Path, qrels: str, says: str) -> None:
    path = folder(tmp_path / "set", CORPUS, QUERIES, qrels)
    with pytest.raises(DataError, match=rf"qrels.tsv, line 2: .*{says}"):
        load(path)


def test_a_folder_without_a_corpus_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"corpus\.jsonl is missing"):
        load(tmp_path)


def test_offsets_grades_and_groups_are_read(tmp_path: Path) -> None:
    place = {"source": "a.txt", "start": 2, "end": 8}
    row = {**LINE, "relevant": {"a.txt": 2}, "spans": [place, [place, {**place, "end": 5}]], "group": "甲"}
    (question,) = load(write(tmp_path / "mine.jsonl", row)).questions
    whole = Place("a.txt", 2, 8)
    assert question.spans == ((whole,), (whole, Place("a.txt", 2, 5)))
    assert question.relevant == {"a.txt": 2} and question.group == "甲"
    assert load(write(tmp_path / "list.jsonl", {**LINE, "relevant": ["a.txt"]})).questions[0].relevant == {"a.txt": 1}


def test_evidence_must_stand_in_the_corpus() -> None:
    questions = [
        EvalQuestion("a", "?", evidence=("配建 100余个",), line=1),
        EvalQuestion("b", "?", evidence=("无",), line=7),
    ]
    check_evidence(questions[:1], ["……配建100余个，……"], Path("set.jsonl"))
    with pytest.raises(DataError, match=r"set\.jsonl, line 7: .*'b'"):
        check_evidence(questions, ["……配建100余个，……"], Path("set.jsonl"))


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (EvalQuestion("a", "?", ("成都",), spans=((Place("a.txt", 2, 4),),)), ""),
        (EvalQuestion("a", "?", ("在 成都",), spans=((Place("a.txt", 1, 4),),)), ""),  # compared folded
        (
            EvalQuestion("a", "?", ("是",), spans=((Place("a.txt", 0, 4),),)),
            "",
        ),  # a sentence that says it in other words
        (EvalQuestion("a", "?", ("上海;成都",), spans=((Place("a.txt", 5, 7),), (Place("a.txt", 2, 4),))), ""),
        (EvalQuestion("a", "?", spans=((Place("a.txt", 3, 5),),)), ""),
        (
            EvalQuestion("a", "?", ("成都",), spans=((Place("a.txt", 3, 5),),)),
            "says '都。', which is none of its answers",
        ),
        (EvalQuestion("a", "?", ("成都",), spans=((Place("a.txt", 4, 5),),)), "holds no word"),
        (
            EvalQuestion("a", "?", ("成都",), spans=((Place("a.txt", 2, 40),),)),
            "ends at 40, but 'a.txt' has 7 characters",
        ),
        (
            EvalQuestion("a", "?", ("成都",), spans=((Place("b.txt", 2, 4),),)),
            "'b.txt', which the corpus does not hold",
        ),
        (EvalQuestion("a", "?", relevant={"b.txt": 1}), "no document 'b.txt'"),
    ],
)
def test_spans_and_documents_are_proven_against_the_corpus(question: EvalQuestion, says: str) -> None:
    texts = {"a.txt": "甲在成都。上海"}
    if not says:
        check_evidence([question], texts, Path("set.jsonl"))
        return
    with pytest.raises(DataError) as caught:
        check_evidence([replace(question, line=4)], texts, Path("set.jsonl"))
    assert str(caught.value).startswith("set.jsonl, line 4: ") and says in str(caught.value)


def test_a_row_holds_no_empty_value(tmp_path: Path) -> None:
    question = EvalQuestion("a", "谁？", answers=("李春",), relevant={"a": 1}, spans=((Place("a", 0, 2),),))
    assert as_row(question) == {
        "id": "a",
        "question": "谁？",
        "answers": ["李春"],
        "answerable": True,
        "relevant": {"a": 1},
        "spans": [[{"source": "a", "start": 0, "end": 2}]],
    }
    assert as_row(EvalQuestion("b", "", answerable=False)) == {"id": "b", "question": "", "answerable": False}


def test_a_lone_surrogate_is_written_and_read(tmp_path: Path) -> None:
    question = EvalQuestion("a", "谁\ud83d？", line=1)
    write_questions(tmp_path / "q.jsonl", [question])
    assert load(tmp_path / "q.jsonl").questions == (question,)
    assert not list(tmp_path.glob("*.part"))


def some(text: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(text, max_size=3).map(tuple)


LABEL = st.text(max_size=6)
SAID = st.text(min_size=1, max_size=12).filter(str.strip)
QUOTE = SAID.filter(folded)
PLACE = st.builds(
    lambda source, start, n: Place(source, start, start + n), SAID, st.integers(0, 99), st.integers(1, 99)
)
GOLD = st.fixed_dictionaries(
    {
        "answers": some(SAID),
        "facts": some(QUOTE),
        "evidence": some(QUOTE),
        "relevant": st.dictionaries(SAID, st.integers(1, 4), max_size=3),
        "spans": st.lists(st.lists(PLACE, min_size=1, max_size=2).map(tuple), max_size=2).map(tuple),
    }
) | st.just({"answerable": False})
REST = st.fixed_dictionaries(
    {
        "id": SAID,
        "question": st.text(max_size=20),
        "history": some(SAID),
        **dict.fromkeys(("type", "lang", "source", "group"), LABEL),
        **dict.fromkeys(("page", "row"), st.none() | st.integers(1, 99)),
    }
)
QUESTION = st.builds(lambda rest, gold: EvalQuestion(**rest, **gold), REST, GOLD)


@given(st.lists(QUESTION, min_size=1, max_size=4, unique_by=lambda question: question.id))
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, questions: list[EvalQuestion]) -> None:
    path = tmp_path_factory.mktemp("set") / "mine.jsonl"
    write_questions(path, questions)
    assert [replace(question, line=0) for question in load(path).questions] == questions


@given(st.integers(1, 60), st.integers(1, 80), st.integers(0, 100))
@settings(max_examples=100, deadline=None)
def test_picking_is_even_and_repeatable(n: int, limit: int, seed: int) -> None:
    questions = tuple(EvalQuestion(str(i), "?") for i in range(n))
    chosen = pick(questions, limit, seed)
    assert chosen == pick(questions, limit, seed)
    assert len(chosen) == min(n, limit) == len(set(chosen))
    places = [int(question.id) for question in chosen]
    assert places == sorted(places)
    gaps = [b - a for a, b in zip(places, [*places[1:], places[0] + n], strict=True)]
    assert max(gaps) - min(gaps) <= 1


def test_no_limit_asks_all() -> None:
    questions = tuple(EvalQuestion(str(i), "?") for i in range(5))
    assert pick(questions, None) == questions
