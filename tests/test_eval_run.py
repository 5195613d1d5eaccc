"""Run and score over a system small enough to be computed by hand, and the steps by their files."""

import io
import json
import math
import sys
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval import __main__ as program
from eval import cost, records, run, score, steps, summary
from eval.gold import Corpus, resolve
from eval.progress import Meter
from eval.questions import EvalQuestion
from eval.records import Gold, Place, Prediction
from rag.errors import DataError, QuestionError, UnknownDocumentError
from rag.library import DocumentInfo
from rag.types import Answer, Citation, Document, Finding, Hit, Hits, Passage, Progress, Span

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

    def retrieve(self, query: str, k: int = 8, *, rankers: Collection[str] | None = None) -> Hits:
        if rankers is None:
            self.searched.append(query)
        both = sorted((FIRST, SECOND), key=lambda text: -len(set(text) & set(query)))
        return Hits(map(hit, both[:k] if rankers != ("dense",) else both[1::-1]))

    def documents(self) -> list[DocumentInfo]:
        return [DocumentInfo("d", "实践", "a.txt", len(DOCUMENT.text), 2)]

    def document(self, doc_id: str) -> Document:
        if doc_id != "d":
            raise UnknownDocumentError(f"no document {doc_id}")
        return DOCUMENT

    def passages(self, doc_id: str) -> list[Passage]:
        return [hit(FIRST).passage, hit(SECOND).passage]


STATIONS = EvalQuestion("q1", "智慧学习小站有多少个？", ("100余个",), ("100余个",), (FIRST,), type="how_many")
CONGRESS = EvalQuestion("q2", "世界科幻大会落地哪里？", ("成都",), ("成都", "第81届"), (SECOND,), type="where")
NEAR = EvalQuestion("q3", "第80届科幻大会在哪？", answerable=False, type="none")


def scored(system: Fake, *questions: EvalQuestion) -> tuple[score.Scored, ...]:
    corpus = Corpus(system)
    golds = {question.id: resolve(question, corpus) for question in questions}
    return score.score(questions, [p for p, _ in run.run(system, questions, corpus)], golds, Path("predictions.jsonl"))


def test_a_right_answer_scores_one_everywhere() -> None:
    fake = Fake({STATIONS.question: answer(STATIONS.question, cite(FIRST), short="100余个")})
    (item,) = scored(fake, STATIONS)
    assert {name: value for name, value in item.values.items() if value != 1} == {"false": 0.0}
    assert item.goodness == 1.0 and item.right
    assert not any(name.startswith("doc ") for name in item.values)  # one document: nothing to find


def test_a_refused_question_that_has_an_answer_scores_zero() -> None:
    refused = replace(answer(STATIONS.question), text="没有找到。最接近的是：配建100余个", nearest=(cite(FIRST),))
    (item,) = scored(Fake({STATIONS.question: refused}), STATIONS)
    assert [item.values[name] for name in ("em", "f1", "facts", "evidence", "sentence", "false")] == [0, 0, 0, 0, 0, 1]
    assert item.values["R@1"] == 1.0  # found by retrieval, lost afterwards
    assert not any(name.startswith("cite") for name in item.values)


def test_a_question_without_an_answer_is_judged_on_refusal_only() -> None:
    refused, answered = scored(Fake({}), NEAR), scored(Fake({NEAR.question: answer("", cite(SECOND))}), NEAR)
    assert refused[0].values == {"recall": 1.0}
    assert answered[0].values == {"recall": 0.0, "cite recall": 1.0, "cite precision": 1.0}
    assert not answered[0].right


def test_what_a_refusal_held_back_can_be_right() -> None:
    passage = hit(FIRST).passage
    held = Finding(passage, passage.start, passage.end, 1.0, (Span(2, 7),))
    (item,) = scored(Fake({STATIONS.question: replace(answer(""), candidates=(held,))}), STATIONS)
    assert (item.prediction.best, item.prediction.best_quote, item.right) == ("100余个", FIRST, True)


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
    assert [quote.resolves for quote in items[0].prediction.quotes] == [True, False, True]
    held = summary.content(items, (), {})
    assert held["summary"]["citation"] == {"valid": 0.3333} and held["citation"]["resolves"] == 0.6667


def test_a_quote_is_kept_with_what_stands_around_it() -> None:
    (item,) = scored(Fake({STATIONS.question: answer("", cite("100余个"))}), STATIONS)
    (quote,) = item.prediction.quotes
    assert quote.before + quote.quote + quote.after == DOCUMENT.text


def test_documents_are_judged_where_there_are_several() -> None:
    gold = Gold("q", documents={"b.txt": 2, "c.txt": 1})
    ranking = [Place("a.txt", 0, 3), Place("b.txt", 0, 3), Place("a.txt", 3, 6), Place("c.txt", 0, 3)]
    found = score.ranked(ranking, gold)
    assert found["doc RR@10"] == 0.5 and found["doc R@5"] == 1.0  # a.txt counts once: c.txt is third
    assert found["doc nDCG@10"] == pytest.approx((2 / math.log2(3) + 1 / 2) / (2 + 1 / math.log2(3)))
    assert "R@1" not in found


def test_the_second_passage_is_rank_two() -> None:
    question = replace(STATIONS, question="世界科幻大会在成都吗")
    (item,) = scored(Fake({}), question)
    assert (item.values["R@1"], item.values["R@5"], item.values["RR@10"]) == (0.0, 1.0, 0.5)
    held = summary.ablation((item,), 0)["passage"]
    assert list(held) == ["lexical", "dense", "fused", "read"]  # what they make together comes last
    assert (held["fused"]["R@1"]["mean"], held["dense"]["R@1"]["mean"]) == (0.0, 1.0)


def test_a_follow_up_is_asked_with_its_history_and_searched_as_understood() -> None:
    follow = EvalQuestion("q", "那它在哪？", ("成都",), history=("世界科幻大会是第几届？",))
    fake = Fake({follow.question: replace(answer("", cite(SECOND)), understood="世界科幻大会在哪？")})
    scored(fake, follow)
    assert fake.asked == [("那它在哪？", ("世界科幻大会是第几届？",))]
    assert fake.searched == ["世界科幻大会在哪？"]


def test_a_question_that_is_refused_with_an_error_is_recorded() -> None:
    (item,) = scored(Fake({}), EvalQuestion("q", "!", ("成都",)))
    assert item.prediction.error == "not a question" and item.values["false"] == 1.0


def test_a_question_that_failed_counts_where_others_count() -> None:
    failed = replace(STATIONS, id="q8", question="!")
    items = scored(Fake({}), STATIONS, failed)
    assert {name: items[1].values[name] for name in ("R@1", "AP", "chars@5")} == {"R@1": 0.0, "AP": 0.0, "chars@5": 0.0}
    held = summary.content(items, [records.Timing(key, 5.0) for key in ("q1", "q8", "q1")], {})
    assert {row["R@1"]["n"] for row in held["ablation"]["passage"].values()} == {2}
    assert held["latency"]["n"] == 1  # neither the warm-up nor what failed at once
    (nothing,) = scored(Fake({}), EvalQuestion("q", "!", answerable=False))
    assert nothing.values == {"recall": 0.0}  # an error is no right refusal


def test_a_list_in_english_is_compared_item_by_item() -> None:
    question = EvalQuestion("q", "Which fruits?", ("apples;the pears",))
    (item,) = scored(Fake({question.question: answer("", cite(FIRST), short="Apples; pears")}), question)
    assert (item.values["em"], item.values["f1"]) == (1.0, 1.0)


def test_of_many_quotes_one_that_is_wrong_is_not_rounded_away() -> None:
    quote = records.Quote("a.txt", 0, 2, "配建", True)
    said = Prediction("q3", True, "", "", (*[quote] * 30000, replace(quote, valid=False)))
    held = summary.content((score.Scored(NEAR, said),), (), {})
    assert held["citation"]["valid"] == held["summary"]["citation"]["valid"] == 0.9999
    assert held["citation"]["resolves"] == 1.0


def test_the_clock_is_kept_apart_from_what_was_said() -> None:
    ticks = iter([0.0, 9.0, 9.0, 9.5, 10.0, 10.010, 10.1, 10.104, 20.0, 20.030, 20.1, 20.103])
    said = list(run.run(Fake({}), (STATIONS, CONGRESS, NEAR), clock=lambda: next(ticks)))
    assert [timing.ms for _, timing in said] == [9000.0, 10.0, 30.0]
    assert [timing.search_ms for _, timing in said] == [500.0, 4.0, 3.0]
    assert summary.brief(scored(Fake({}), NEAR), cost.latency([t for _, t in said]))["latency"] == {
        "p50_ms": 20.0, "p95_ms": 29.0,
    }  # fmt: skip


def test_keys_that_a_set_cannot_give_are_left_out() -> None:
    assert summary.brief(scored(Fake({}), NEAR), {}) == {"refusal": {"recall": 1.0}, "n": 1}
    only = summary.brief(scored(Fake({}), EvalQuestion("q", "科幻大会", ("成都",), relevant={"a.txt": 1})), {})
    assert only == {"answer": {"em": 0.0, "f1": 0.0, "sentence": 0.0}, "refusal": {"false": 1.0}, "n": 1}


def test_answer_length_counts_what_is_read() -> None:
    items = scored(Fake({STATIONS.question: answer("", cite(FIRST), text="**100余个** [1]")}), STATIONS, CONGRESS)
    assert score.lengths(items) == [5.0]


def test_records_survive_the_file(tmp_path: Path) -> None:
    fake = Fake({STATIONS.question: answer("", cite(FIRST), short="100余个")})
    said = list(run.run(fake, (STATIONS, NEAR)))
    records.write(tmp_path / "p", (p for p, _ in said))
    records.write(tmp_path / "t", (t for _, t in said))
    records.write(tmp_path / "g", [gold := resolve(STATIONS, Corpus(fake))])
    assert records.predictions(tmp_path / "p") == tuple(p for p, _ in said)
    assert records.timings(tmp_path / "t") == tuple(t for _, t in said)
    assert records.golds(tmp_path / "g") == {"q1": gold}
    assert not list(tmp_path.glob("*.part")) and records.timings(tmp_path / "none") == ()


def test_records_of_another_shape_are_named(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    path.write_text('{"id": "q1"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="line 1: not written by this version"):
        records.predictions(path)


class Broken(Fake):
    """Falls over at the n-th question, once."""

    def __init__(self, answers: dict[str, Answer], at: int) -> None:
        super().__init__(answers)
        self.at = at

    def ask(self, question: str, history: Sequence[str] = (), doc_ids: Collection[str] | None = None) -> Answer:
        if len(self.asked) + 1 == self.at:
            self.at = 0
            raise KeyboardInterrupt
        return super().ask(question, history, doc_ids)


def test_an_interrupted_run_goes_on_and_says_the_same(tmp_path: Path) -> None:
    answers = {STATIONS.question: answer("", cite(FIRST), short="100余个"), NEAR.question: answer("", cite(SECOND))}
    questions = (STATIONS, CONGRESS, NEAR)
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    run.ask_all(Fake(answers), questions, tmp_path / "a", "mark")
    fake = Broken(answers, at=3)
    with pytest.raises(KeyboardInterrupt):
        run.ask_all(fake, questions, tmp_path / "b", "mark")
    torn = tmp_path / "b" / "predictions.jsonl.part"
    torn.write_bytes(torn.read_bytes() + b'{"id": "q3", "fou')  # killed while it wrote
    told: list[int] = []
    assert run.ask_all(fake, questions, tmp_path / "b", "mark", told.append) == 2
    assert told == [3] and len(fake.asked) == 3
    for name in ("predictions.jsonl", "gold.jsonl", "questions.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert not list((tmp_path / "b").glob("*.part"))


def test_an_interrupted_run_leaves_the_former_results_whole(tmp_path: Path) -> None:
    run.ask_all(Fake({}), (STATIONS, CONGRESS), tmp_path, "former")
    names = ("questions.jsonl", "gold.jsonl", "predictions.jsonl", "timings.jsonl")
    before = [(tmp_path / name).read_bytes() for name in names]
    other = replace(STATIONS, evidence=(SECOND,))  # one id, another gold
    with pytest.raises(KeyboardInterrupt):
        run.ask_all(Broken({}, at=2), (other, CONGRESS), tmp_path, "later")
    assert [(tmp_path / name).read_bytes() for name in names] == before


def test_a_lone_surrogate_of_a_question_comes_back(tmp_path: Path) -> None:
    question = EvalQuestion("q", "小站\ud800多少")
    run.ask_all(Fake({question.question: answer(question.question, cite(FIRST))}), (question,), tmp_path, "mark")
    (said,) = records.predictions(tmp_path / "predictions.jsonl")
    assert said.understood == question.question


def test_what_another_run_has_left_is_not_gone_on_from(tmp_path: Path) -> None:
    fake = Broken({}, at=3)
    with pytest.raises(KeyboardInterrupt):
        run.ask_all(fake, (STATIONS, CONGRESS, NEAR), tmp_path, "mark")
    told: list[int] = []
    run.ask_all(fake, (STATIONS, CONGRESS, NEAR), tmp_path, "other", told.append)
    assert told == [1, 2, 3]


def test_a_prediction_of_another_set_is_named() -> None:
    predictions = [p for p, _ in run.run(Fake({}), (STATIONS,))]
    with pytest.raises(DataError, match="line 1: no question 'q1'"):
        score.score((NEAR,), predictions, {}, Path("predictions.jsonl"))


def test_questions_that_were_not_answered_do_not_vanish() -> None:
    predictions = [p for p, _ in run.run(Fake({}), (STATIONS,))]
    with pytest.raises(DataError, match="1 questions have no prediction, first 'q3'"):
        score.score((STATIONS, NEAR), predictions, {}, Path("predictions.jsonl"))
    with pytest.raises(DataError, match="line 2: 'q1' is answered twice"):
        score.score((STATIONS,), predictions * 2, {}, Path("predictions.jsonl"))


def test_the_worst_come_first_and_the_flawless_not_at_all() -> None:
    right = answer(STATIONS.question, cite(FIRST), short="100余个")
    half = answer(CONGRESS.question, cite("世界科幻大会落地成都"), short="成都")
    sure = answer(NEAR.question, cite(SECOND))
    fake = Fake({STATIONS.question: right, CONGRESS.question: half, NEAR.question: sure})
    items = scored(fake, STATIONS, CONGRESS, NEAR)
    assert [item.question.id for item in score.worst(items)] == ["q3", "q2"]


def test_questions_on_one_thing_are_one_cluster() -> None:
    assert score.Scored(replace(STATIONS, group="g"), Prediction("q1", False, "", "", ())).cluster == "g"
    again = replace(STATIONS, id="q9", question="多少小站")
    assert len({item.cluster for item in scored(Fake({}), STATIONS, again, CONGRESS, NEAR)}) == 3


@pytest.fixture
def program_over_fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A question file, with the fake system in the place of the real one; RAG_* of the machine stay out."""
    fake = Fake({STATIONS.question: answer(STATIONS.question, cite(FIRST), short="100余个")})

    def opened(*given: Any) -> AbstractContextManager[Fake]:
        given[-1](Progress("files", 1, 1))
        return nullcontext(fake)

    monkeypatch.setattr(run, "open_system", opened)
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
    names = {
        "predictions.jsonl",
        "per_question.csv",
        "summary.md",
        "summary.json",
        "report.html",
        "trec",
        "ragas.jsonl",
    }
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


def test_scoring_and_reporting_need_the_files_alone(
    program_over_fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = program_over_fake.parent / "o"
    assert program.main(["run", str(program_over_fake), "--out", str(out)]) == 0
    monkeypatch.delattr(run, "open_system")
    assert not (out / "summary.json").exists()
    assert program.main(["report", str(out)]) == 0
    first = (out / "summary.json").read_bytes()
    assert program.main(["score", str(out), "--json"]) == 0
    assert (out / "summary.json").read_bytes() == first
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["n"] == 3


def test_no_time_is_told_that_was_not_taken(program_over_fake: Path) -> None:
    out = program_over_fake.parent / "o"
    assert program.main(["run", str(program_over_fake), "--out", str(out)]) == 0
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))["cost"]
    assert {"index_seconds", "question_seconds"} <= told.keys()
    run.index_folder(out, Path("seeds")).mkdir()
    assert program.main(["run", str(program_over_fake), "--out", str(out)]) == 0
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))["cost"]
    assert "index_seconds" not in told and "question_seconds" in told  # the index was there


def test_results_that_are_gone_or_closed_are_named(
    program_over_fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = program_over_fake.parent / "o"
    assert program.main([str(program_over_fake), "--out", str(out), "--json"]) == 0
    (out / "trec" / "passage.qrels.part").mkdir()
    assert program.main(["score", str(out)]) == 2
    assert "passage.qrels.part: cannot be written" in capsys.readouterr().err
    (out / "predictions.jsonl").unlink()
    assert program.main(["report", str(out)]) == 2
    assert "predictions.jsonl is missing" in capsys.readouterr().err


def test_a_folder_without_a_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["score", str(tmp_path)]) == 2
    assert "python -m eval run" in capsys.readouterr().err


def test_two_runs_say_the_same_to_the_byte(program_over_fake: Path) -> None:
    for name in ("a", "b"):
        assert program.main([str(program_over_fake), "--out", str(program_over_fake.parent / name), "--json"]) == 0
    for name in ("predictions.jsonl", "gold.jsonl", "questions.jsonl", "scores.jsonl"):
        one, two = ((program_over_fake.parent / folder / name).read_bytes() for folder in ("a", "b"))
        assert one == two


def test_every_combination_of_settings_is_a_run(program_over_fake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = program_over_fake.parent / "o"
    given = ["run", str(program_over_fake), "--out", str(out), "--set", "chunk_chars=200,400", "--set", "k=8", "--json"]
    assert program.main(given) == 0
    assert [row["settings"]["chunk_chars"] for row in json.loads(capsys.readouterr().out)] == [200, 400]
    assert {path.name for path in out.iterdir()} == {"chunk_chars=200,k=8", "chunk_chars=400,k=8"}
    assert program.main([str(program_over_fake), "--set", "chunk_size=3"]) == 2
    assert "chunk_chars" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("--set k=4 --set k=8", "write k=A,B"),
        ("--set folder=x", "name the documents with --corpus"),
        ("--set index_dir=x", "name the documents with --corpus"),
        ("--set chunk_chars=200,9999", "9999"),
    ],
)
def test_a_grid_that_cannot_be_is_told_before_anything_is_asked(
    program_over_fake: Path, capsys: pytest.CaptureFixture[str], given: str, told: str
) -> None:
    out = program_over_fake.parent / "o"
    assert program.main(["run", str(program_over_fake), "--out", str(out), *given.split()]) == 2
    assert told in capsys.readouterr().err and not out.exists()


def test_the_console_points_at_files_that_are_there(
    program_over_fake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = program_over_fake.parent / "o"
    assert program.main(["run", str(program_over_fake), "--out", str(out)]) == 0
    assert program.main(["score", str(out)]) == 0
    said = capsys.readouterr().out
    assert "report.html" not in said and str(out / "per_question.csv") in said
    # What cannot be judged is told, and the report is there all the same.
    assert program.main([str(program_over_fake), "--out", str(out), "--fail-under", "items=0.5"]) == 2
    assert str(out / "report.html") in capsys.readouterr().out and (out / "report.html").is_file()


def test_what_makes_figures_other_than_they_look_is_told(
    program_over_fake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": f"bare-{n}", "question": "小站几个"} for n in range(4)]
    rows += [{"id": "none", "question": "?", "answerable": False}]
    rows += [{"id": "lost", "question": "小站几个", "answers": ["100余个"], "source": "b.txt"}]
    with program_over_fake.open("a", encoding="utf-8") as file:
        file.writelines("\n" + json.dumps(row) for row in rows)
    assert program.main(["run", str(program_over_fake), "--out", str(program_over_fake.parent / "o")]) == 0
    said = capsys.readouterr().err
    assert "4 of 9 questions state nothing that is right" in said and "bare-0, bare-1, bare-2 …" in said
    assert "1 of 9 questions name a source that the corpus does not hold" in said and ": lost\n" in said
    assert steps.doubts([STATIONS, CONGRESS, NEAR], {"a.txt"}) == []


def test_only_what_is_asked_about(program_over_fake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"id": "n", "question": "小站几个", "answers": ["100余个"], "source": "a.txt"}
    with program_over_fake.open("a", encoding="utf-8") as file:
        file.write("\n" + json.dumps(row))
    out = str(program_over_fake.parent / "o")
    assert program.main([str(program_over_fake), "--out", out, "--about", r"a\.t.t", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 1
    assert program.main([str(program_over_fake), "--out", out, "--about", "b"]) == 2
    assert program.main([str(program_over_fake), "--out", out, "--about", "("]) == 2


@pytest.mark.parametrize("given", ["--limit 0", "--limit x", "--seed -1"])
def test_a_wrong_option_ends_with_code_two(given: str) -> None:
    with pytest.raises(SystemExit) as caught:
        program.main(given.split())
    assert caught.value.code == 2


def test_the_documents_of_a_set_lie_beside_it(tmp_path: Path) -> None:
    assert steps.beside(steps.SETS / "mixed-test.jsonl") == steps.SETS / "mixed" / "docs"
    assert steps.beside(steps.SETS / "article-more.jsonl") == steps.DEFAULT_CORPUS
    (tmp_path / "mine" / "docs").mkdir(parents=True)
    for name in ("mine.jsonl", "mine-hard.jsonl", "other.jsonl"):
        (tmp_path / name).touch()
    assert (
        steps.beside(tmp_path / "mine.jsonl")
        == steps.beside(tmp_path / "mine-hard.jsonl")
        == tmp_path / "mine" / "docs"
    )
    assert steps.beside(tmp_path / "other.jsonl") is None


def test_results_name_no_folder_of_this_machine(tmp_path: Path) -> None:
    assert steps._last(str(tmp_path / "model")) == str(tmp_path / "model")  # none: perhaps a name on a hub
    (tmp_path / "model").mkdir()
    assert steps._last(str(tmp_path / "model")) == "model" and steps._last(3) == 3


def test_a_set_goes_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert steps.find_set(None) == steps.DEFAULT_SET
    assert steps.find_set("article-dev") == steps.DEFAULT_SET
    assert steps.find_set("elsewhere.jsonl") == Path("elsewhere.jsonl")


@pytest.mark.model
@pytest.mark.usefixtures("one_model")
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
@pytest.mark.usefixtures("one_model")
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
    assert held["documents"]["doc R@1"] == 1.0 and held["n"] == 1 and "facts" not in held["answer"]


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
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=steps.HERE.parent
    )
    assert done.stdout.strip() in {"[]", "['numpy']"}
