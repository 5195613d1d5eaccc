"""What was said of answers is kept, follows its files, goes with them, and becomes questions that evaluation accepts."""

from __future__ import annotations

import json
import os
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.feedback import main
from eval.questions import check_evidence, load
from rag import feedback
from rag.config import Settings
from rag.errors import RagError, UnknownDocumentError
from rag.feedback import NAME, Mark, Quoted, file
from rag.feedback.marks import line_of, mark_from
from rag.library import Library
from rag.proof import Proof, prove
from tests.durable import open_at, synced
from tests.fakes_embed import HashEmbedder

SECRET = "青石镇的粮仓在北门外，守仓人每月初三清点一次，共有稻谷四百二十石，钥匙存放在祠堂东屋的木箱里。"
SHARED = "河灯节由镇文化站主办，每年农历七月十五晚上在码头举行，届时共放出三百盏河灯，镇上的人都会来看。"
OTHER = "镇上的老桥建于1871年，长240米，由工程师何青设计，2015年的修缮花了320万元。"
FILES = {
    "粮仓 2021.txt": f"粮仓档案\n\n{SECRET}\n\n{SHARED}\n",
    "节日.txt": f"节日\n\n{SHARED}\n",
    "桥.txt": f"老桥\n\n{OTHER}\n",
}
NAMED, FESTIVAL, BRIDGE = FILES


def quoted(source: str, quote: str, doc_id: str = "d") -> Quoted:
    start = FILES[source].index(quote)
    return Quoted(source, doc_id, start, start + len(quote), quote)


def right(question: str, *quotes: Quoted, short: str = "", **more: object) -> Mark:
    made = Mark(question, "right", found=bool(quotes), short=short, items=(short,) if short else (), shown=quotes)
    return replace(made, **more)  # type: ignore[arg-type]


def keep(directory: Path, *marks: Mark) -> None:
    for mark in marks:
        feedback.put(directory, lambda mark=mark: mark)  # type: ignore[misc]


def questions_of(directory: Path) -> list[str]:
    return [mark.question for mark in feedback.read(directory).marks.values()]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "材料"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    synced(folder, tmp_path / "index")[0].close()
    return tmp_path


def ids(place: Path) -> dict[str, str]:
    with Library(place / "index" / "library.sqlite") as library:
        return {name: source.doc_id for name, source in library.sources().items()}


def sync(place: Path) -> None:
    synced(place / "材料", place / "index")[0].close()


def proved(place: Path, name: str = NAMED) -> Proof:
    return prove(Settings(folder=str(place / "材料"), index_dir=str(place / "index")), name)


# -- the file -----------------------------------------------------------------------------------------------------

wild = st.text(alphabet=st.characters(exclude_categories=()), max_size=40)
spots = st.builds(
    lambda source, quote, start: Quoted(source or "a", "d", start, start + len(quote), quote, 1, None),
    wild.filter(str.strip), wild.filter(str.strip), st.integers(0, 10**6),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(wild.filter(str.strip), st.lists(wild, max_size=3), st.lists(spots, max_size=2), spots, wild)
def test_any_text_comes_back_as_it_was_from_one_line(
    question: str, history: list[str], shown: list[Quoted], pointed: Quoted, span: str
) -> None:
    mark = Mark(question, "this", tuple(history), question, bool(shown), span, (span,), tuple(shown), pointed, span)
    line = line_of(mark)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert mark_from(json.loads(line)) == mark


def test_the_latest_word_on_a_question_counts_and_can_be_withdrawn(tmp_path: Path) -> None:
    keep(tmp_path, right("桥多长？", quoted(BRIDGE, OTHER), short="240米"), right("谁？"))
    keep(tmp_path, replace(right("桥多长？", quoted(BRIDGE, OTHER)), verdict="wrong"))
    assert [(m.question, m.verdict) for m in feedback.read(tmp_path).marks.values()] == [
        ("谁？", "right"), ("桥多长？", "wrong"),
    ]  # fmt: skip
    keep(tmp_path, right("桥多长？", history=("老桥呢",)))
    assert len(feedback.read(tmp_path).marks) == 3, "another chat before it makes it another question"
    for mark in list(feedback.read(tmp_path).marks.values()):
        feedback.withdraw(tmp_path, mark.id)
    assert not (tmp_path / NAME).exists() and feedback.read(tmp_path).marks == {}


def test_a_broken_line_is_told_with_its_number_and_the_rest_counts_and_nothing_is_lost(tmp_path: Path) -> None:
    keep(tmp_path, right("一？"), right("二？"))
    good = (tmp_path / NAME).read_bytes()
    bad = [
        b"{half", b'{"verdict": "right"}', b"\xff\xfe", b"[1]", b'{"question": "q", "verdict": "maybe"}',
        b'{"question": "q", "verdict": "right", "found": true}', b'{"question": "q", "verdict": "this"}', b"[" * 3000,
        b'{"question": "q", "verdict": "right", "found": true, "shown": [{"source": "a", "quote": "b", "start": 3, "end": 9}]}',
    ]  # fmt: skip
    (tmp_path / NAME).write_bytes(b"\xef\xbb\xbf" + good + b"\n" + b"\n".join(bad))
    kept = feedback.read(tmp_path)
    assert questions_of(tmp_path) == ["一？", "二？"] and len(kept.faults) == len(bad)
    assert f"{NAME}, line 4:" in str(kept.faults[0]) and "delete it" in str(kept.faults[0])
    assert "第 4 行" in kept.faults[0].message("zh") and "删除" in kept.faults[0].message("zh")
    keep(tmp_path, right("三？"))
    assert questions_of(tmp_path) == ["一？", "二？", "三？"]
    assert all(line in (tmp_path / NAME).read_bytes().splitlines() for line in bad), "kept as they were"


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    threads = [threading.Thread(target=keep, args=(tmp_path, right(f"{n}？"), right(f"{n}!"))) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(feedback.read(tmp_path).marks) == 24


def test_what_is_kept_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MOST", 2)
    keep(tmp_path, right("一？"), right("二？"), right("二？", understood="再说一次"))
    with pytest.raises(RagError, match="export them"):
        keep(tmp_path, right("三？"))
    assert questions_of(tmp_path) == ["一？", "二？"]


def test_a_disk_that_takes_nothing_leaves_the_old_file_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, right("一？"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        with pytest.raises(RagError, match="nothing was kept"):
            keep(tmp_path, right("二？"))
    if os.name != "nt":
        assert (tmp_path / NAME).stat().st_mode & 0o077 == 0, "what somebody asks is nobody else's"
    assert questions_of(tmp_path) == ["一？"] and not list(tmp_path.glob("*.part")) + list(tmp_path.glob(".*.part"))
    (tmp_path / f".{NAME}.part").write_text(SECRET, encoding="utf-8")  # of a writer that was killed
    feedback.withdraw(tmp_path, "none")
    assert not (tmp_path / f".{NAME}.part").exists()


# -- the folder ---------------------------------------------------------------------------------------------------


def test_marks_outlive_a_rebuild_and_a_changed_document(place: Path) -> None:
    keep(place / "index", right("桥多长？", quoted(BRIDGE, OTHER, ids(place)[BRIDGE])))
    with open_at(place / "材料", place / "index") as assistant:
        assistant.rebuild()
    assert questions_of(place / "index") == ["桥多长？"]
    (place / "材料" / BRIDGE).write_text("老桥\n\n老桥已经拆了。\n", encoding="utf-8")
    sync(place)
    (mark,) = feedback.read(place / "index").marks.values()
    assert mark.shown[0].quote == OTHER and mark.shown[0].source == BRIDGE


def test_marks_follow_a_renamed_file_and_a_twin(place: Path) -> None:
    folder, index = place / "材料", place / "index"
    keep(index, right("桥多长？", quoted(BRIDGE, OTHER, ids(place)[BRIDGE])))
    (folder / "子").mkdir()
    (folder / BRIDGE).rename(folder / "子" / "旧桥.txt")
    sync(place)
    assert list(feedback.sources(index)) == ["子/旧桥.txt"]
    (folder / "副本.txt").write_bytes((folder / "子" / "旧桥.txt").read_bytes())
    sync(place)
    (folder / "子" / "旧桥.txt").unlink()
    sync(place)
    assert list(feedback.sources(index)) == ["副本.txt"]
    (folder / "副本.txt").unlink()
    sync(place)
    assert not (index / NAME).exists()


def test_with_a_deleted_file_every_mark_of_it_goes_and_the_proof_holds(place: Path) -> None:
    folder, index, known = place / "材料", place / "index", ids(place)
    keep(
        index,
        right("粮仓在哪？", quoted(NAMED, SECRET, known[NAMED]), short="北门外"),
        right("都有什么？", quoted(FESTIVAL, SHARED, known[FESTIVAL]), quoted(NAMED, SECRET[:9], known[NAMED])),
        right("桥多长？", quoted(BRIDGE, OTHER, known[BRIDGE]), verdict="this", correction=quoted(NAMED, SECRET)),
        right("守仓人每月初三清点一次，共有稻谷四百二十石吗？"),
        right("桥呢？", history=(f"请问{SECRET[5:20]}？",)),
        right(f"{NAMED}里写了什么？"),
        right("河灯节在哪？", quoted(FESTIVAL, SHARED, known[FESTIVAL])),
        right("桥多高？", quoted(BRIDGE, OTHER, known[BRIDGE])),
        right("粮仓？"),
    )
    with (index / NAME).open("ab") as out:
        out.write(f'{{"quote": "{SECRET}\n{{"quote": "{SHARED}\n{{"source": "{NAMED}"\n'.encode())
    (folder / NAMED).unlink()
    sync(place)
    assert questions_of(index) == ["河灯节在哪？", "桥多高？", "粮仓？"], (
        "a sentence that two files share is no remnant"
    )
    assert [f.en.split(":")[0].rpartition(" ")[2] for f in feedback.read(index).faults] == ["4"]
    proof = proved(place)
    assert proof.ok, [p for p in proof.places if p.found]
    assert [p.what for p in proof.places if NAME in p.what and p.bytes] == [NAME]
    for path in index.rglob("*"):
        assert not path.is_file() or SECRET[:10].encode() not in path.read_bytes(), path.name


@pytest.mark.parametrize(
    "left",
    [
        right("是什么？", quoted(NAMED, SECRET)),
        right(f"{SECRET[:25]}？"),
        right(f"{NAMED}呢？"),
        right("?", quoted(NAMED, "粮仓")),
    ],
    ids=["quote", "question", "name", "source"],
)
def test_the_proof_finds_what_is_left_in_a_mark(place: Path, left: Mark) -> None:
    (place / "材料" / NAMED).unlink()
    sync(place)
    keep(place / "index", right("桥？"), left)
    (found,) = [p for p in proved(place).places if p.found]
    assert found.what == NAME and found.found.startswith("line 2 ") and "withdraw" in found.found
    sync(place)  # whatever names the file goes at the next sync; somebody's own words can be withdrawn
    if left.shown:
        assert proved(place).ok and questions_of(place / "index") == ["桥？"]
    feedback.withdraw(place / "index", left.id)
    assert proved(place).ok


def test_a_folder_that_goes_takes_no_longer_than_its_names_are_looked_for(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = place / "index"
    keep(index, right("粮仓有多少稻谷？", quoted(NAMED, SECRET)), *(right(f"第{n}问？") for n in range(100)))
    gone, read, patterns = [NAMED, *(f"旧/{n}.txt" for n in range(2000))], [], []
    with Library(index / "library.sqlite") as library, monkeypatch.context() as patch:
        document, search = library.document, re.search
        patch.setattr(library, "document", lambda name: read.append(name) or document(name))
        patch.setattr(re, "search", lambda *given: patterns.append(given) or search(*given))
        feedback.follow(index, library, gone, {})
    assert len(questions_of(index)) == 100 and not patterns
    assert set(read) <= {ids(place)[NAMED]}, "no other document is read where no mark that stays holds a word of it"


def test_a_name_inside_another_is_no_remnant(place: Path) -> None:
    folder = place / "材料"
    for name in ("a.txt", "data.txt"):
        (folder / name).write_text(f"{name}的内容是：这里有{len(name)}样东西。", encoding="utf-8")
    sync(place)
    text = "data.txt的内容是：这里有8样东西。"
    keep(
        place / "index",
        Mark("data.txt里有几样？", "right", found=True, shown=(Quoted("data.txt", "x", 0, len(text), text),)),
    )
    (folder / "a.txt").unlink()
    sync(place)
    (told,) = [p for p in proved(place, "a.txt").places if p.what == NAME]
    assert len(feedback.read(place / "index").marks) == 1 and told.bytes and not told.found


def test_a_sync_that_dies_after_the_marks_has_lost_no_promise(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(place / "index", right("粮仓在哪？", quoted(NAMED, SECRET, ids(place)[NAMED])))
    (place / "材料" / NAMED).unlink()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("rag.library.Library.remove_source", die)
        with pytest.raises(KeyboardInterrupt):
            sync(place)
    assert not (place / "index" / NAME).exists()
    with pytest.raises(UnknownDocumentError):
        proved(place)
    sync(place)
    assert proved(place).ok


def test_a_file_that_turned_unreadable_and_then_went_leaves_no_mark(place: Path) -> None:
    keep(place / "index", right("粮仓在哪？", quoted(NAMED, SECRET, ids(place)[NAMED])))
    (place / "材料" / NAMED).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    sync(place)
    assert questions_of(place / "index") == ["粮仓在哪？"]
    (place / "材料" / NAMED).unlink()
    sync(place)
    assert not (place / "index" / NAME).exists() and proved(place).ok


# -- as questions -------------------------------------------------------------------------------------------------


def exported(place: Path, monkeypatch: pytest.MonkeyPatch, *marks: Mark) -> tuple[int, Path]:
    monkeypatch.setenv("RAG_INDEX_DIR", str(place / "index"))
    keep(place / "index", *marks)
    out = place / "题.jsonl"
    return main(["--folder", str(place / "材料"), "--out", str(out)]), out


def test_what_was_marked_becomes_questions_that_load_and_hold(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANG", "en")
    bridge, festival = quoted(BRIDGE, OTHER), quoted(FESTIVAL, SHARED)
    hostile = '=cmd|"</script>\u2028\x1b[31m;\n问'
    code, out = exported(
        place,
        monkeypatch,
        right("桥多长？", replace(bridge, page=2, row=7), short="240米", kind="how_many", lang="zh"),
        right("花了多少，谁设计？", bridge, short="320万元、何青", items=("320万元", "何青")),
        right("都讲了什么？", bridge, festival, short="a; b"),
        right("火星上有什么？", kind="which", lang="zh"),
        replace(right("那多宽呢？", bridge), verdict="wrong"),
        replace(right("何时放灯？"), verdict="this", correction=festival, span="农历七月十五晚上"),
        replace(right("粮仓？", bridge), verdict="this", correction=quoted(NAMED, f"{SECRET}\n\n{SHARED}")),
        right("那桥呢？", bridge, history=("粮仓多大？",), understood="桥多大？"),
        right("旧的？", Quoted(BRIDGE, "d", 0, 6, "早已改掉的话")),
        right(hostile),
    )
    assert code == 0
    made = {q.question: q for q in load(out).questions}
    assert len(made) == 8 and "那多宽呢？" not in made and "旧的？" not in made
    told = capsys.readouterr().err
    assert "8 questions" in told and "1 marked wrong, to be corrected" in told and "1 left out, their text" in told
    check_evidence(made.values(), FILES, out)
    first = made["桥多长？"]
    assert (first.answers, first.evidence, first.source, first.page, first.row) == (("240米",), (OTHER,), BRIDGE, 2, 7)
    assert (first.type, first.lang, first.answerable) == ("how_many", "zh", True)
    assert made["花了多少，谁设计？"].answers == ("320万元;何青",)
    both = made["都讲了什么？"]
    assert both.answers == () and both.evidence == (OTHER, SHARED) and both.source == "", "`;` would make it a list"
    assert not made["火星上有什么？"].answerable and made["火星上有什么？"].type == "no_answer"
    pointed = made["何时放灯？"]
    assert pointed.answers == ("农历七月十五晚上",) and pointed.evidence == (SHARED,) and pointed.answerable
    assert made["粮仓？"].answers == () and made["粮仓？"].evidence == (SECRET, SHARED), "one sentence each"
    assert made["那桥呢？"].history == ("粮仓多大？",) and made["那桥呢？"].type == "followup"
    assert hostile in made


def test_the_command_says_what_is_missing(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    code, out = exported(place, monkeypatch)
    assert code == 1 and not out.exists() and "还没有可导出的反馈" in capsys.readouterr().err
    code, out = exported(place, monkeypatch, replace(right("谁？"), verdict="wrong"))
    assert code == 1 and not out.exists() and "1 条标为不对" in capsys.readouterr().err
    with (place / "index" / NAME).open("ab") as broken:
        broken.write(b"{half\n")
    keep(place / "index", right("火星？"))
    assert main(["--folder", str(place / "材料")]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["answerable"] is False and "第 2 行" in said.err and "1 题" in said.err
    assert main(["--folder", str(place / "材料"), "--out", str(place / "absent" / "x.jsonl")]) == 2
    assert main(["--folder", str(place / "nowhere")]) == 2


@pytest.mark.parametrize("question", ["老桥有多长？", "火星上的粮仓有多少石稻谷？"])
def test_an_answer_of_the_engine_becomes_a_mark_within_its_bounds(
    place: Path, question: str, hash_embedder: HashEmbedder
) -> None:
    with open_at(place / "材料", place / "index", hash_embedder) as assistant:
        answer = assistant.ask(question, history=["一" * 2000] * 30)
        mark = feedback.mark_of(answer, ["一" * 3000] * 30, "right", [Quoted.of(c) for c in answer.citations])
        assert mark.is_of(answer) and not replace(mark, short="别的").is_of(answer)
        assert len(mark.history) == 20 and len(line_of(mark)) < 200_000
        long = replace(answer.nearest[0] if answer.nearest else answer.citations[0], quote="长" * 9000)
        cut = Quoted.of(long).cut()
        assert len(cut.quote) == 4000 == cut.end - cut.start
