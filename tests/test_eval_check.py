"""`python -m eval check`: each finding on a set made for it, the join against its slow twin, the command as a person
runs it."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval import check
from eval.check import Finding, counts, findings
from eval.check.corpus import Corpus
from eval.check.program import texts_of
from eval.check.repeats import nearly_same, similar
from eval.check.single import LONGEST
from eval.match import words
from eval.questions import EvalQuestion, QuestionSet, write_questions
from eval.records import Place
from rag.assistant import LONGEST_QUESTION
from rag.config import Settings

BRIDGE = "赵州桥位于河北省赵县。它由隋代工匠李春主持建造，主拱净跨37.02米。"
TEMPLE = "隆兴寺位于河北省正定县，距赵州桥约六十公里。它由隋代始建。"
TEXTS = {"bridge.txt": BRIDGE, "temple.txt": TEMPLE}
GOOD = EvalQuestion(
    "a", "谁造了赵州桥？", ("李春",), evidence=("由隋代工匠李春主持建造",), type="who", source="bridge.txt"
)
NONE = EvalQuestion("b", "赵州桥的门票多少钱？", answerable=False, type="near_miss")


def codes(found: Sequence[Finding]) -> list[tuple[str, str]]:
    """Severity and code, without what every set gets."""
    return [(one.severity, one.code) for one in found if one.code not in {"overlap", "few"}]


def of(question: EvalQuestion) -> list[tuple[str, str]]:
    """What is found about one question beside its good and its unanswerable neighbour."""
    found = findings([GOOD, NONE, question], TEXTS)
    assert all(one.en and one.zh for one in found)
    return codes([one for one in found if question.id in one.ids])


def ask(question: str = "它有多宽？", *answers: str, **more: object) -> EvalQuestion:
    return EvalQuestion("x", question, answers, **more)  # type: ignore[arg-type]


def test_a_good_set_has_no_fault() -> None:
    assert codes(findings([GOOD, NONE], TEXTS)) == []


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (ask(" ", "37.02米"), ("error", "empty")),
        (ask("宽" * 2001, "37.02米"), ("error", "too-long")),
        (ask("它有\u200b多宽？", "37.02米"), ("warning", "control")),
        (ask("它有\x07多宽？", "37.02米"), ("warning", "control")),
        (ask("它有多宽？", "37.02\ufffd"), ("warning", "control")),
        (ask("它有多宽？\u202e", "37.02米"), ("warning", "control")),
        (ask(), ("warning", "no-gold")),
        (ask(evidence=("由明代工匠",)), ("error", "evidence-missing")),
        (ask(evidence=("主拱净跨37.02米",), source="temple.txt"), ("error", "evidence-elsewhere")),
        (ask(evidence=("主拱净跨37.02米",), source="tower.txt"), ("error", "unknown-document")),
        (ask(relevant={"tower.txt": 1}), ("error", "unknown-document")),
        (ask(evidence=("位于河北省",)), ("warning", "ambiguous-evidence")),
        (ask(evidence=("位于河北省",), source="bridge.txt"), ("note", "ambiguous-evidence")),
        (ask("?多宽", "37.02米", spans=((Place("bridge.txt", 0, 4),),)), ("error", "broken-span")),
        (ask(spans=((Place("bridge.txt", 0, 400),),)), ("error", "broken-span")),
        (ask("李春造的桥是谁造的？", "李春"), ("warning", "given-away")),
        (ask("?多宽", "40米", evidence=("主拱净跨37.02米",)), ("warning", "answer-outside")),
        (ask(evidence=("它由隋代始建。", BRIDGE)), ("note", "long-evidence")),
        (ask("隋代工匠李春主持建造", evidence=("由隋代工匠李春主持建造",)), ("warning", "copied")),
        (ask("隋代工匠李春主持建造", spans=((Place("bridge.txt", 18, 20),),)), ("warning", "copied")),
    ],
)
def test_what_is_wrong_with_one_question(question: EvalQuestion, code: tuple[str, str]) -> None:
    assert of(question) == [code]


@pytest.mark.parametrize(
    "question",
    [
        ask("是李春还是别人造的？", "李春", evidence=("李春主持建造",)),  # a choice has to name it
        ask("Was it Li Chun or another?", "Li Chun"),
        ask("第3孔有多宽？", "37.02米", facts=("37.02",), evidence=("主拱净跨37.02米",)),
        ask("两座建筑在哪？", "河北省赵县;河北省正定县", evidence=("位于河北省赵县", "位于河北省正定县")),
        ask("为什么有名？", "因为老", facts=("隋代",), evidence=("由隋代工匠李春主持建造",)),  # the facts are there
        ask("3", "37.02米", evidence=("主拱净跨37.02米",)),
    ],
)
def test_what_is_no_fault(question: EvalQuestion) -> None:
    assert of(question) == []


def test_without_a_corpus_nothing_is_said_of_it() -> None:
    assert codes(findings([ask("?", "37.02米", evidence=("无",), source="none"), NONE], {})) == [
        ("warning", "answer-outside")
    ]


def named(key: str, question: str, *answers: str, **more: object) -> EvalQuestion:
    return EvalQuestion(key, question, answers, **{"answerable": bool(answers), **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        (named("a", "谁造了桥？", "李春"), named("b", "谁 造了桥", "李春"), ("warning", "duplicate")),
        (named("a", "谁造了桥？", "李春"), named("b", "谁造了桥", "鲁班"), ("error", "contradiction")),
        (named("a", "谁造了桥？", "李春"), named("b", "谁造了桥"), ("error", "contradiction")),
        (
            named("a", "谁造了它？", "李春", source="bridge.txt"),
            named("b", "谁造了它？", "杨坚", source="temple.txt"),
            ("warning", "contradiction"),
        ),
        (
            named("a", "河北省赵县的赵州桥是由谁主持建造的呢？", "李春"),
            named("b", "河北省赵县的赵州桥是由谁主持建造的呀？", "李春"),
            ("warning", "near-duplicate"),
        ),
        (
            named("a", "河北省赵县的赵州桥是由谁主持建造的呢？", "李春", group="g"),
            named("b", "河北省赵县的赵州桥是由谁主持建造的呀？", "李春", group="g"),
            ("note", "near-duplicate"),
        ),
        (
            named("a", "河北省的参观人数在2023年比上年增加了多少呢？", "1"),
            named("b", "河北省的参观人数在2024年比上年增加了多少呢？", "2"),
            None,
        ),
        (
            named("a", "那主拱呢？", "37米", history=("桥有多长？",)),
            named("b", "那主拱呢？", "2米", history=("桥多高？",)),
            None,
        ),
    ],
)
def test_a_question_asked_twice(one: EvalQuestion, other: EvalQuestion, code: tuple[str, str] | None) -> None:
    neighbours = [GOOD, NONE] if one.answerable and other.answerable else []
    neighbours = [
        EvalQuestion(f"n{n}", q.question, q.answers, answerable=q.answerable) for n, q in enumerate(neighbours)
    ]
    found = [f for f in findings([one, other, *neighbours], {}) if f.ids == ("a", "b")]
    assert codes(found) == ([code] if code else [])


def test_questions_that_leak_between_sets() -> None:
    proof = "它由隋代工匠李春主持建造"
    ours = [
        named("a1", "谁造了桥？", "李春", evidence=(proof,)),
        named("a2", "门票多少钱？"),
        named("a3", "文章的标题是什么？", "桥"),
        named("a4", "河北省赵县的赵州桥是由谁主持建造的呢？", "李春"),
        named("a5", "桥有多宽？", "9米"),
        named("a6", "河北省赵县的赵州桥是由谁主持建造的吗？", "李春"),
    ]
    theirs = [
        named("b1", "谁造了桥", "李春", evidence=(proof,)),
        named("b2", "门票 多少钱"),
        named("b3", "文章的标题是什么", "寺"),
        named("b4", "河北省赵县的赵州桥是由谁主持建造的呀？", "李春"),
        named("b5", "寺有多高？", "9米"),
    ]
    found = findings(ours, {}, [QuestionSet("other", Path("other.jsonl"), tuple(theirs))])
    told = [(f.code, f.ids) for f in found if f.code not in {"few", "overlap", "one-sided", "near-duplicate"}]
    assert told == [
        ("leak", ("a1", "b1")),
        ("leak", ("a2", "b2")),
        ("near-leak", ("a4", "b4")),
        ("near-leak", ("a6", "b4")),
        ("asked-elsewhere", ("a3", "b3")),
        ("shared-evidence", ("a1",)),
    ]


def test_a_set_out_of_balance() -> None:
    held = [named(str(n), f"问{n}", "甲", type="who") for n in range(9)] + [named("z", "问", "甲", type="when")]
    found = findings(held, {})
    assert [(f.severity, f.code) for f in found] == [("note", "one-sided"), ("note", "few")]
    assert "100%" in found[0].en and found[1].ids == ("z",) and "when 1" in found[1].en


def test_what_is_counted() -> None:
    told = counts([GOOD, NONE], TEXTS)
    assert (told["questions"], told["answerable"], told["unanswerable"], told["documents"]) == (2, 1, 1, 2)
    assert told["types"] == {"who": 1, "near_miss": 1} and told["langs"] == {"zh": 2}
    assert told["overlap"] == 0.0  # 谁造 造了 了赵 赵州 州桥: none of them in 由隋代工匠李春主持建造


def test_words_are_pairs_where_no_spaces_part_them() -> None:
    assert words("Apollo 11 号登月") == {"apollo", "11", "号登", "登月"}
    assert words("桥") == {"桥"} and words("？") == set()


def test_overlap_is_told_within_one_language_only() -> None:
    corpus = Corpus(TEXTS)
    half = EvalQuestion("a", "隋代工匠是哪位", evidence=("由隋代工匠李春主持建造",))
    assert corpus.overlap(half) == pytest.approx(3 / 6)  # 隋代 代工 工匠 of six pairs
    assert corpus.overlap(EvalQuestion("b", "Who built it?", evidence=("由隋代工匠李春主持建造",))) is None
    assert corpus.overlap(EvalQuestion("c", "？", evidence=("由隋代工匠李春主持建造",))) is None


SETS = st.lists(st.sets(st.sampled_from("abcdefgh"), max_size=8), max_size=14)


@given(SETS, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
@settings(max_examples=200, deadline=None)
def test_the_join_finds_what_comparing_all_pairs_finds(sets: list[set[str]], least: float) -> None:
    slow = {
        (i, j): len(a & b) / len(a | b)
        for j, b in enumerate(sets)
        for i, a in enumerate(sets[:j])
        if a and b and len(a & b) / len(a | b) >= least
    }
    assert {(i, j): share for i, j, share in similar(sets, least)} == slow


def test_ten_thousand_questions_are_joined_in_seconds() -> None:
    draw = random.Random(1)
    alphabet = [chr(code) for code in range(0x4E00, 0x5200)]
    held = [EvalQuestion(str(n), "".join(draw.choices(alphabet, k=18))) for n in range(10_000)]
    held[77], held[9_000] = (
        EvalQuestion(k, "河北省赵县的赵州桥是由谁主持建造的" + t) for k, t in (("77", "呢"), ("9000", "呀"))
    )
    start = time.perf_counter()
    assert [pair[:2] for pair in nearly_same(held)] == [(77, 9_000)]
    assert time.perf_counter() - start < 20


def test_the_longest_question_is_what_the_product_asks() -> None:
    assert LONGEST == LONGEST_QUESTION


# -- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pair-dev.jsonl and pair-test.jsonl about pair/docs/."""
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    docs = tmp_path / "pair" / "docs"
    docs.mkdir(parents=True)
    for name, text in TEXTS.items():
        (docs / name).write_text(text + "\n", encoding="utf-8")
    write_questions(tmp_path / "pair-dev.jsonl", [GOOD, NONE])
    write_questions(tmp_path / "pair-test.jsonl", [named("t", "谁造了 赵州桥", "李春")])
    return tmp_path


def test_the_command_finds_the_documents_beside_a_set(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([str(place / "pair-dev.jsonl")]) == 0
    assert "pair-dev: 2 questions, 1 with an answer, 1 without; 2 documents" in capsys.readouterr().out


def test_errors_are_told_by_the_exit_code_and_as_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = check.main([str(place / "pair-dev.jsonl"), "--against", str(place / "pair-test.jsonl"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 1 and told["errors"] == 1 and told["set"] == "pair-dev"
    assert told["findings"][0]["code"] == "leak" and told["findings"][0]["ids"] == ["a", "t"]


def test_the_table_shows_a_few_of_a_kind_and_all_on_demand(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    many = [named(f"q{n}", f"[bold]\x1b[31m第{n}问？", "李春", evidence=("无此句",)) for n in range(5)]
    write_questions(place / "many.jsonl", many)
    given = [str(place / "many.jsonl"), "--corpus", str(place / "pair" / "docs")]
    assert check.main(given) == 1
    short = capsys.readouterr().out
    assert check.main([*given, "--all"]) == 1
    whole = capsys.readouterr().out
    assert "材料中没有依据" in short and "还有 2 条" in short and "q4: 材料中没有：" not in short
    assert "q4: 材料中没有：" in whole and "\x1b[31m" not in short + whole


def test_a_set_without_documents_is_told_so(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_questions(place / "alone.jsonl", [GOOD, NONE])
    assert check.main([str(place / "alone.jsonl")]) == 0
    assert "name the documents with --corpus" in " ".join(capsys.readouterr().out.split())


def test_wrong_input_is_said_on_stderr(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([str(place / "absent.jsonl")]) == 2
    assert "no such question file" in capsys.readouterr().err
    (place / "empty").mkdir()
    assert check.main([str(place / "pair-dev.jsonl"), "--corpus", str(place / "empty")]) == 2
    assert "no document that can be read" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_a_warning(place: Path) -> None:
    docs = place / "pair" / "docs"
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    texts, found = texts_of(docs, Settings())
    assert set(texts) == set(TEXTS) and [(f.severity, f.code) for f in found] == [("warning", "unreadable")]


def test_a_set_with_its_own_corpus_needs_no_folder(capsys: pytest.CaptureFixture[str]) -> None:
    data = Path(__file__).parent / "data" / "eval"
    assert check.main([str(data / "squad2.json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["documents"] == 2
    given = ["--qrels", str(data / "qrels.txt"), "--corpus", str(data / "beir"), "--json"]
    assert check.main([str(data / "topics.txt"), *given]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["documents"] == 3
