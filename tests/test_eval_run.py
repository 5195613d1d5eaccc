"""Run, score and report over a system small enough to be computed by hand."""

import csv
import io
import json
import sys
from collections.abc import Collection, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from eval import __main__ as program
from eval import report, run, score
from eval.progress import Meter
from eval.questions import EvalQuestion
from rag.errors import QuestionError, UnknownDocumentError
from rag.types import Answer, Citation, Document, Hit, Hits, Passage, Progress

FIRST = "配建100余个智慧学习小站。"
SECOND = "推动第81届世界科幻大会落地成都。"
DOCUMENT = Document(id="d", title="实践", source="a.txt", text=FIRST + SECOND)


def cite(text: str, number: int = 1, shift: int = 0) -> Citation:
    start = DOCUMENT.text.index(text) + shift
    return Citation(number, "d", "实践", "a.txt", text, start, start + len(text))


def hit(text: str) -> Hit:
    start = DOCUMENT.text.index(text)
    return Hit(Passage(start, "d", text, start, start + len(text)), 1.0)


def answer(question: str, *citations: Citation, short: str = "", text: str = "") -> Answer:
    shown = text or " ".join(f"{c.quote} [{c.number}]" for c in citations)
    reason = "answered" if citations else "no_match"
    return Answer(question, question, shown, short, citations, (), 0.9 if citations else 0.1, reason)


class Fake:
    """Answers from a table; finds the passage that shares most characters with the query."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.searched: list[str] = []

    def ask(self, question: str, history: Sequence[str] = (), doc_ids: Collection[str] | None = None) -> Answer:
        self.asked.append((question, tuple(history)))
        if question == "!":
            raise QuestionError("not a question", "不是问题")
        return self.answers.get(question) or answer(question)

    def retrieve(self, query: str, k: int = 8) -> Hits:
        self.searched.append(query)
        both = sorted((FIRST, SECOND), key=lambda text: -len(set(text) & set(query)))
        return Hits(map(hit, both[:k]))

    def documents(self) -> Iterable[Document]:
        return [DOCUMENT]

    def document(self, doc_id: str) -> Document:
        if doc_id != "d":
            raise UnknownDocumentError(f"no document {doc_id}")
        return DOCUMENT


STATIONS = EvalQuestion("q1", "智慧学习小站有多少个？", ("100余个",), ("100余个",), (FIRST,), type="how_many")
CONGRESS = EvalQuestion("q2", "世界科幻大会落地哪里？", ("成都",), ("成都", "第81届"), (SECOND,), type="where")
NEAR = EvalQuestion("q3", "第80届科幻大会在哪？", answerable=False, type="none")


def scored(system: Fake, *questions: EvalQuestion) -> tuple[score.Scored, ...]:
    return score.score(questions, tuple(run.run(system, questions)), Path("predictions.jsonl"))


def test_a_right_answer_scores_one_everywhere() -> None:
    fake = Fake({STATIONS.question: answer(STATIONS.question, cite(FIRST), short="100余个")})
    (item,) = scored(fake, STATIONS)
    assert {name: value for name, value in item.values.items() if value != 1} == {"false": 0.0}
    assert item.goodness == 1.0


def test_a_refused_question_that_has_an_answer_scores_zero() -> None:
    refused = replace(answer(STATIONS.question), text="没有找到。最接近的是：配建100余个", nearest=(cite(FIRST),))
    (item,) = scored(Fake({STATIONS.question: refused}), STATIONS)
    assert [item.values[name] for name in ("em", "f1", "facts", "evidence", "sentence", "false")] == [0, 0, 0, 0, 0, 1]
    assert item.values["R@1"] == 1.0  # found by retrieval, lost afterwards


def test_a_question_without_an_answer_is_judged_on_refusal_only() -> None:
    refused, answered = scored(Fake({}), NEAR), scored(Fake({NEAR.question: answer("", cite(SECOND))}), NEAR)
    assert refused[0].values == {"recall": 1.0} and answered[0].values == {"recall": 0.0}


def test_without_a_short_answer_the_first_quote_is_compared() -> None:
    (item,) = scored(Fake({CONGRESS.question: answer("", cite(SECOND), cite(FIRST, 2))}), CONGRESS)
    assert item.short == SECOND
    assert item.values["em"] == 0.0 and item.values["sentence"] == 1.0
    assert item.values["f1"] == pytest.approx(2 * (2 / 15) / (1 + 2 / 15))  # 15 segments: "81" is one


def test_the_items_of_a_list_may_stand_in_several_quotes() -> None:
    both = replace(STATIONS, answers=("智慧学习小站;世界科幻大会",))
    said = answer("", cite(FIRST), cite(SECOND, 2), short="智慧学习小站、世界科幻大会")
    (whole,) = scored(Fake({both.question: said}), both)
    (part,) = scored(Fake({both.question: answer("", cite(FIRST), short="智慧学习小站")}), both)
    assert (whole.values["em"], whole.values["sentence"]) == (1.0, 1.0)
    assert (part.values["em"], part.values["sentence"]) == (0.0, 0.0)


def test_an_answer_of_punctuation_only_is_not_looked_for() -> None:
    (item,) = scored(Fake({}), replace(STATIONS, answers=("《》",)))
    assert "sentence" not in item.values and "em" in item.values


def test_all_facts_are_needed() -> None:
    (item,) = scored(Fake({CONGRESS.question: answer("", cite("落地成都"), short="成都")}), CONGRESS)
    assert item.values["facts"] == 0.0 and item.values["evidence"] == 0.0


def test_evidence_of_two_sentences_may_be_cited_as_two() -> None:
    both = replace(STATIONS, evidence=(FIRST + SECOND,))
    (together,) = scored(Fake({both.question: answer("", cite(SECOND), cite(FIRST, 2))}), both)
    (one,) = scored(Fake({both.question: answer("", cite(SECOND))}), both)
    assert together.values["evidence"] == 1.0 and one.values["evidence"] == 0.0


def test_a_citation_whose_offsets_are_off_is_counted() -> None:
    wrong = cite(FIRST, shift=1)
    unknown = replace(cite(FIRST), doc_id="gone")
    items = scored(Fake({STATIONS.question: answer("", wrong, unknown, cite(FIRST))}), STATIONS)
    assert score.citations(items) == (1, 3)
    text = report.markdown(report.full_summary(items, {}), items)
    assert text.count("\n- `q1` a.txt") == 2  # each is listed with its place
    assert score.summary(items)["citation"] == {"valid": 0.3333}


def test_relevance_by_document_where_the_set_has_qrels() -> None:
    question = EvalQuestion("q", "科幻大会", ("成都",), relevant=("a.txt",))
    (item,) = scored(Fake({}), question)
    assert item.values["R@1"] == item.values["nDCG@10"] == 1.0
    assert all(found.text == "" for found in item.prediction.hits)


def test_the_second_passage_is_rank_two() -> None:
    question = replace(STATIONS, question="世界科幻大会在成都吗")
    (item,) = scored(Fake({}), question)
    assert (item.values["R@1"], item.values["R@5"], item.values["RR@10"]) == (0.0, 1.0, 0.5)


def test_a_follow_up_is_asked_with_its_history_and_searched_as_understood() -> None:
    follow = EvalQuestion("q", "那它在哪？", ("成都",), history=("世界科幻大会是第几届？",))
    fake = Fake({follow.question: replace(answer("", cite(SECOND)), understood="世界科幻大会在哪？")})
    scored(fake, follow)
    assert fake.asked == [("那它在哪？", ("世界科幻大会是第几届？",))]
    assert fake.searched == ["世界科幻大会在哪？"]


def test_a_question_that_is_refused_with_an_error_is_recorded() -> None:
    (item,) = scored(Fake({}), EvalQuestion("q", "!", ("成都",)))
    assert item.prediction.error == "not a question" and item.values["false"] == 1.0


def test_latency_leaves_the_first_question_out() -> None:
    ticks = iter([0.0, 9.0, 10.0, 10.010, 20.0, 20.030])
    predictions = tuple(run.run(Fake({}), (STATIONS, CONGRESS, NEAR), clock=lambda: next(ticks)))
    items = score.score((STATIONS, CONGRESS, NEAR), predictions, Path("p"))
    assert score.summary(items)["latency"] == {"p50_ms": 20.0, "p95_ms": 29.0}


def test_keys_that_a_set_cannot_give_are_left_out() -> None:
    assert score.summary(scored(Fake({}), NEAR)) == {"refusal": {"recall": 1.0}, "n": 1}
    only = score.summary(scored(Fake({}), EvalQuestion("q", "科幻大会", ("成都",), relevant=("a.txt",))))
    assert only["answer"] == {"em": 0.0, "f1": 0.0, "sentence": 0.0}
    assert list(only["retrieval"]) == ["R@1", "R@5", "RR@10", "nDCG@10"]


def test_answer_length_counts_what_is_read() -> None:
    items = scored(Fake({STATIONS.question: answer("", cite(FIRST), text="**100余个** [1]")}), STATIONS, CONGRESS)
    assert score.lengths(items) == [5.0]


def test_predictions_survive_the_file(tmp_path: Path) -> None:
    predictions = tuple(run.run(Fake({STATIONS.question: answer("", cite(FIRST), short="100余个")}), (STATIONS, NEAR)))
    path = tmp_path / "predictions.jsonl"
    run.write(path, predictions)
    assert run.read(path) == predictions
    assert not list(tmp_path.glob("*.part"))


def test_predictions_of_another_shape_are_named(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    path.write_text('{"id": "q1"}\n', encoding="utf-8")
    with pytest.raises(run.DataError, match="line 1: not a prediction"):
        run.read(path)


def test_a_prediction_of_another_set_is_named() -> None:
    predictions = tuple(run.run(Fake({}), (STATIONS,)))
    with pytest.raises(run.DataError, match="line 1: no question 'q1'"):
        score.score((NEAR,), predictions, Path("predictions.jsonl"))


def test_the_worst_come_first_and_the_flawless_not_at_all() -> None:
    right = answer(STATIONS.question, cite(FIRST), short="100余个")
    half = answer(CONGRESS.question, cite("世界科幻大会落地成都"), short="成都")
    sure = answer(NEAR.question, cite(SECOND))
    fake = Fake({STATIONS.question: right, CONGRESS.question: half, NEAR.question: sure})
    items = scored(fake, STATIONS, CONGRESS, NEAR)
    assert [item.question.id for item in score.worst(items)] == ["q3", "q2"]


def test_the_report_shows_expected_and_shown_and_no_markup_of_a_document(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> | [x](http://y)"
    wrong = answer("", cite(SECOND), text=hostile)
    content = report.write(tmp_path, scored(Fake({STATIONS.question: wrong}), STATIONS, NEAR), {"set": "mine"})
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "# mine" in text and "## By type" in text and "expected: 100余个" in text
    assert "<script>" not in text and "](http" not in text.replace("\\]", "")
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == content
    assert content["counts"]["unanswerable"] == 1 and content["measures"]["em"]["n"] == 1


def test_the_sheet_has_one_row_a_question_and_runs_no_formula() -> None:
    wrong = answer("", cite(SECOND), short="=1+1")
    rows = list(
        csv.DictReader(io.StringIO(report.per_question(scored(Fake({STATIONS.question: wrong}), STATIONS, NEAR))))
    )
    assert [row["id"] for row in rows] == ["q1", "q3"]
    assert rows[0]["short"] == "'=1+1" and rows[0]["recall"] == "" and rows[1]["recall"] == "1.0"


@pytest.fixture
def program_over_fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A question file, with the fake system in the place of the real one; RAG_* of the machine stay out."""
    fake = Fake({STATIONS.question: answer(STATIONS.question, cite(FIRST), short="100余个")})
    monkeypatch.setattr(run, "open_system", lambda *rest: nullcontext(fake))
    monkeypatch.chdir(tmp_path)
    keys = ("id", "question", "answers", "facts", "evidence", "answerable", "type")
    lines = [{key: getattr(q, key) for key in keys} for q in (STATIONS, CONGRESS, NEAR)]
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(json.dumps(line, default=list) for line in lines), encoding="utf-8")
    return path


def test_json_prints_one_object_as_the_last_line(program_over_fake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = program_over_fake.parent / "out"
    assert program.main([str(program_over_fake), "--out", str(out), "--json"]) == 0
    said = capsys.readouterr()
    held = json.loads(said.out)
    assert said.out.count("\n") == 1
    assert list(held) == ["retrieval", "answer", "refusal", "citation", "latency", "n"]
    assert held["n"] == 3 and held["refusal"] == {"recall": 1.0, "false": 0.5} and held["answer"]["facts"] == 0.5
    assert "summary.md" in said.err
    names = {"predictions.jsonl", "per_question.csv", "summary.md", "summary.json"}
    assert names <= {path.name for path in out.iterdir()}


def test_the_table_is_drawn_on_the_console(program_over_fake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main([str(program_over_fake), "--out", str(program_over_fake.parent / "o"), "--limit", "1"]) == 0
    said = capsys.readouterr()
    assert "refused wrongly" in said.out and "facts" in said.out
    assert "questions: 1/1" in said.err


def test_evidence_that_the_corpus_lacks_ends_with_code_two(
    program_over_fake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = json.dumps({"id": "x", "question": "?", "evidence": ["不在文中的一句话"]})
    program_over_fake.write_text("\n" + line, encoding="utf-8")
    assert program.main([str(program_over_fake), "--out", str(program_over_fake.parent / "o")]) == 2
    assert "mine.jsonl, line 2" in capsys.readouterr().err


def test_a_former_run_is_kept_when_the_new_one_fails(program_over_fake: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    assert program.main([str(program_over_fake), "--out", str(out), "--json"]) == 0
    before = (out / "predictions.jsonl").read_bytes()
    program_over_fake.write_text(json.dumps({"id": "x", "question": "?", "evidence": ["无此句话"]}), encoding="utf-8")
    assert program.main([str(program_over_fake), "--out", str(out)]) == 2
    assert (out / "predictions.jsonl").read_bytes() == before


@pytest.mark.parametrize("given", ["--limit 0", "--limit x", "--seed -1"])
def test_a_wrong_option_ends_with_code_two(given: str) -> None:
    with pytest.raises(SystemExit) as caught:
        program.main(given.split())
    assert caught.value.code == 2


def test_a_set_goes_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert program.find_set(None) == program.DEFAULT_SET
    assert program.find_set("article-dev") == program.DEFAULT_SET
    assert program.find_set("elsewhere.jsonl") == Path("elsewhere.jsonl")


@pytest.mark.model
def test_the_real_assistant_on_the_real_article(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # no rag.toml of the working directory
    assert program.main(["--limit", "10", "--out", str(tmp_path / "out"), "--json"]) == 0
    held = json.loads(capsys.readouterr().out)
    assert held["n"] == 10 and held["citation"]["valid"] == 1.0
    assert set(held["retrieval"]) == {"R@1", "R@5", "RR@10", "nDCG@10"}
    assert set(held["answer"]) == {"em", "f1", "facts", "evidence", "sentence"}


@pytest.mark.model
def test_the_real_assistant_on_a_folder_with_its_own_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    corpus = [{"_id": "a", "title": "小站", "text": FIRST}, {"_id": "b", "title": "大会", "text": SECOND}]
    queries = [{"_id": "1", "text": "智慧学习小站配建了多少个？", "answers": ["100余个"], "answerable": True}]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)), encoding="utf-8")
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)), encoding="utf-8")
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\ta\t1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert program.main([str(folder), "--out", str(tmp_path / "out"), "--json"]) == 0
    held = json.loads(capsys.readouterr().out)
    assert held["retrieval"]["R@1"] == 1.0 and held["n"] == 1 and "facts" not in held["answer"]


def test_two_corpora_never_share_an_index(tmp_path: Path) -> None:
    one, two = run.index_folder(tmp_path, Path("a/docs")), run.index_folder(tmp_path, Path("b/docs"))
    assert one != two and one.parent == tmp_path


def test_progress_in_plain_lines_always_tells_the_end() -> None:
    stream = io.StringIO()
    with Meter(stream) as meter:
        for done in range(1, 101):
            meter.report(Progress("passages", done, 100))
    assert stream.getvalue().splitlines()[-1] == "passages: 100/100"
    assert len(stream.getvalue().splitlines()) <= 3


def test_importing_the_evaluation_loads_nothing_heavy() -> None:
    import subprocess

    code = "import sys, eval.__main__; print([m for m in ('torch', 'gradio', 'numpy', 'rich') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=program.HERE.parent
    )
    assert done.stdout.strip() in {"[]", "['numpy']"}
