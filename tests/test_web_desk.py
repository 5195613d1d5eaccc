"""Starting the chat and asking it from programs: true progress, a folder that changes, errors before anything is served."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from rag.config import Settings
from rag.errors import BusyError, FolderError, MissingExtraError, SettingsError
from rag.shelf import Row
from rag.text.telling import duration
from rag.types import Progress
from rag.web import api, chat, front, hands, lookout, page, render
from rag.web.desk import Desk, progress_text
from rag.web.material import Material
from rag.web.serve import check_port, launch, serve
from tests.fakes import FakeEngine, FakeInfo, FolderEngine, fake_document
from tests.web import ARTICLE, ROOT, Seen, ask, open_desk

SCHOOL = "山上的学校\n学校里种了45棵枣树。\n"


def waited(desk: Desk) -> bool:
    return any(desk.wait(0.1) for _ in range(100))


def test_a_question_that_comes_early_waits_with_true_progress_and_is_answered() -> None:
    go = threading.Event()

    def opener(progress: object) -> FakeEngine:
        assert callable(progress)
        progress(Progress("passages", 30, 120, "a.txt"))
        go.wait(10)
        return FakeEngine({"a.txt": ARTICLE})

    desk = Desk(opener)
    desk.start()
    with pytest.raises(BusyError):
        api.endpoints(desk)[0]("建了多少座书亭")
    steps = chat.reply(desk, "建了多少座书亭", (), "zh")
    text = Seen(next(steps)[1] or "").text
    assert "材料还在准备" in text and "编入 30/120 段" in text
    go.set()
    turns = list(steps)[-1][0]
    assert turns[0].answer is not None and turns[0].answer.short == "12座书"


def test_a_start_that_fails_is_told_and_not_swallowed() -> None:
    def opener(progress: object) -> FakeEngine:
        raise FolderError("no folder 'x'", "找不到文件夹 x")

    desk = Desk(opener)
    desk.start()
    assert desk.wait(10) and desk.settled
    turns = ask(desk, "有人吗")
    assert "找不到文件夹 x" in Seen(render.message(turns[0], 0, "zh")).text
    assert "no folder 'x'" in Seen(render.message(turns[0], 0, "en")).text


def test_the_next_question_knows_a_changed_folder(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    engine = FolderEngine(tmp_path)
    desk = Desk(lambda progress: engine, tmp_path)
    desk.start()
    assert desk.idle(10)
    ask(desk, "建了多少座书亭")
    assert engine.syncs == 1
    desk.lookout.after = 0.0  # as after the pause between two looks
    (tmp_path / "b.txt").write_text(SCHOOL, encoding="utf-8")
    assert api.endpoints(desk)[0]("学校里种了几棵枣树")["found"]
    turns = ask(desk, "学校里种了几棵枣树")
    assert engine.syncs == 2 and turns[0].answer is not None and turns[0].answer.short.startswith("45")
    assert desk.material.ready == 2


def test_a_question_during_a_sync_is_answered_from_what_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.web.desk.PATIENCE", 0.2)
    monkeypatch.setattr("rag.web.desk.COUNT_EVERY", 0.0)
    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    (tmp_path / "b.txt").write_text(SCHOOL, encoding="utf-8")
    gate = threading.Event()
    engine = FolderEngine(tmp_path, gate)
    desk = Desk(lambda progress: engine, tmp_path)
    desk.start()
    assert waited(desk) and desk.syncing and not desk.settled
    assert desk.told("zh") == "读取文件 1/2 · 编入 10/20 段 · 41 段/秒 · 约还需 1 分 10 秒"
    (turn,) = ask(desk, "建了多少座书亭")
    assert turn.answer is not None and turn.answer.short == "12座书" and (turn.waiting, turn.ready) == (1, 1)
    assert "仍在编入 1 个文件，这个答案只来自已就绪的 1 篇。" in Seen(render.message(turn, 0, "zh")).text
    assert "Still reading 1 file" in Seen(render.message(turn, 0, "en")).text
    assert api.endpoints(desk)[0]("建了多少座书亭")["waiting"] == 1
    assert "1 篇" in Seen(front.header(desk.material, True, "zh", desk.told("zh"))).text
    gate.set()
    assert desk.idle(10) and not desk.syncing and engine.syncs == 1
    (turn,) = ask(desk, "学校里种了几棵枣树")
    assert turn.answer is not None and turn.answer.found and not turn.waiting


def test_a_change_during_a_sync_leads_to_one_more(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(ARTICLE + name, encoding="utf-8")
    gate = threading.Event()
    engine = FolderEngine(tmp_path, gate)
    desk = Desk(lambda progress: engine, tmp_path)
    desk.start()
    assert waited(desk)
    (tmp_path / "c.txt").write_text(SCHOOL, encoding="utf-8")
    for _ in range(3):
        desk.lookout.after = 0.0
        desk.refresh(0.0)
    assert engine.syncs == 1
    gate.set()
    assert desk.idle(10) and engine.syncs == 2 and desk.material.ready == 3 and not desk.changed()


def test_an_index_that_another_process_writes_goes_on_answering_and_is_tried_again(tmp_path: Path) -> None:
    class Busy(FolderEngine):
        busy = True

        def sync(self, progress=None):  # type: ignore[no-untyped-def]
            if self.busy:
                self._documents = {"1": fake_document("a.txt", ARTICLE)}
                raise BusyError("process 7 is writing", "进程 7 正在写入")
            return super().sync(progress)

    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    engine = Busy(tmp_path)
    desk = Desk(lambda progress: engine, tmp_path)
    desk.start()
    assert desk.idle(10) and desk.trouble is not None
    assert ask(desk, "建了多少座书亭")[0].answer is not None
    engine.busy = False
    assert not desk.changed(), "not at once"
    desk.lookout.after = 0.0
    desk.refresh()
    assert desk.trouble is None and engine.syncs == 1


def test_an_empty_folder_says_so_and_a_file_mends_it(tmp_path: Path) -> None:
    class Strict(FolderEngine):
        def sync(self, progress=None):  # type: ignore[no-untyped-def]
            report = super().sync(progress)
            if not self._documents:
                raise FolderError("no readable document", "没有可读的文档")
            return report

    desk = Desk(lambda progress: Strict(tmp_path), tmp_path)
    desk.start()
    assert desk.idle(10) and desk.error is None and desk.settled
    assert "没有可读的文档" in Seen(render.message(ask(desk, "有人吗")[0], 0, "zh")).text
    given = tmp_path.parent / "given"
    given.write_text(ARTICLE, encoding="utf-8")
    wish = hands.act(hands.offer(hands.Wish(), [(str(given), "a.txt")]), "put", desk, 1 << 20)
    assert wish.said_zh == ("已加入 a.txt",) and not given.exists() and desk.idle(10)
    turns = ask(desk, "建了多少座书亭")
    assert turns[0].answer is not None and turns[0].answer.found and desk.trouble is None


def test_dates_of_the_material_span_the_first_to_the_last_day() -> None:
    infos = [
        FakeInfo("1", "", "", 1, 1, d) for d in ("2023年10月1日", "", "2021/3/5 8:00", "昨天", "2023-10-10 15:55:23")
    ]
    assert Material.of(infos, ()).dates == "2021-03-05 – 2023-10-10"


def test_a_look_sees_every_kind_of_change_and_no_change_where_there_is_none(tmp_path: Path) -> None:
    def step(name: str, text: str | None) -> lookout.Listing:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.unlink() if text is None else path.write_text(text, encoding="utf-8")
        return lookout.listing(tmp_path)

    steps = [
        step("a.txt", "1"),
        step("b/c.txt", "22"),
        step("a.txt", "333"),
        step("b/c.txt", None),
        step("d.txt", "22"),
    ]
    assert len(set(steps)) == 5 and [count for count, _ in steps] == [1, 2, 2, 1, 2]
    assert step(".hidden", "x") == step("~$d.txt", "x") == lookout.listing(tmp_path) == steps[-1]
    assert lookout.listing(tmp_path / "absent") == (0, 0)


def test_a_folder_that_takes_long_to_look_through_is_not_looked_through_on_a_questions_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    desk = Desk(lambda progress: FolderEngine(tmp_path), tmp_path)
    desk.start()
    assert desk.idle(10)
    gate, read, slow = threading.Event(), threading.Event(), lookout.listing

    def listing(folder: Path) -> lookout.Listing:
        gate.wait(10)
        return slow(folder)

    monkeypatch.setattr("rag.web.lookout.listing", listing)
    monkeypatch.setattr("rag.web.lookout.BRIEF", -1.0)  # every look is a long one
    (tmp_path / "b.txt").write_text(SCHOOL, encoding="utf-8")
    desk.lookout.after = 0.0
    assert not desk.look() and ask(desk, "建了多少座书亭")[0].answer is not None, "answered while the look goes on"
    desk.listeners.append(lambda progress: read.set())
    gate.set()
    assert read.wait(10) and desk.idle(10) and desk.material.ready == 2


def test_counting_is_by_state_and_keeps_a_bounded_number_of_rows() -> None:
    infos = [FakeInfo(str(n), "", f"{n}.txt", 1, 2, "", "txt", None, n != 1) for n in range(3)]
    rows = [Row(f"{n}.txt", "waiting" if n == 1 else "ready", infos[n]) for n in range(3)] + [Row("x", "failed")]
    material = Material.of(infos, iter(rows))
    assert (material.ready, material.passages, material.waiting, material.files, material.dates) == (2, 4, 1, 4, "")
    assert [row.state for row in material.rows] == ["failed", "waiting", "ready", "ready"]
    assert material.digest != Material.of(infos[:2], ()).digest != Material().digest == 0


def test_endpoints_give_plain_objects() -> None:
    ask_, retrieve = api.endpoints(open_desk())
    answer = json.loads(json.dumps(ask_("建了多少座书亭", history=["你好"]), ensure_ascii=False))
    cited = answer["citations"][0]
    assert answer["found"] and ARTICLE[cited["start"] : cited["end"]] == cited["quote"]
    assert retrieve("书亭", k=1)[0]["text"] and len(retrieve("书亭", k=99)) <= 50
    assert retrieve("书亭", k=1)[0]["source"] == "a.txt"


def test_a_file_name_that_is_no_text_reaches_programs_and_the_panel() -> None:
    desk = open_desk({"b\udcff\x1b[31m.txt": ARTICLE})
    ask_, _ = api.endpoints(desk)
    assert ask_("建了多少座书亭")["citations"][0]["source"].encode("utf-8")
    turns = ask(desk, "建了多少座书亭")
    shown = page.open_place(desk, "cite-0-1", turns, "zh")
    (href,) = [value for name, value in Seen(shown).attributes if name == "href" and value.startswith("#at/")]
    again = page.open_place(desk, href.removeprefix("#"), (), "zh")
    assert Seen(again).marked == Seen(shown).marked != ""


def test_the_list_is_searched_as_it_was_last_counted_while_the_index_is_exchanged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = open_desk({"bridge.txt": ARTICLE, "library.txt": "馆\n一句话。\n"})
    functions = {block.fn.__name__: block.fn for block in page.build(desk).fns.values() if block.fn}
    visitor = SimpleNamespace(headers={"host": "x"})
    looked = SimpleNamespace(_data={"target": "find/bridge"})

    def listed(ui: str) -> str:
        return Seen(functions["opened"](looked, (), ui, None, hands.Wish(), visitor)[0]).text

    before = listed("zh")
    assert "bridge.txt" in before and "library.txt" not in before and "找到 1 个文件" in before

    def closed() -> list[Row]:
        raise BusyError("library.sqlite was closed; open it again", "library.sqlite 已关闭；请重新打开")

    monkeypatch.setattr(desk.engine, "files", closed)
    for ui, told in (("zh", "已关闭"), ("en", "was closed")):
        during = listed(ui)
        assert "bridge.txt" in during and "library.txt" not in during and told in during
    desk._idle.clear()  # it is being read: what a moment later is there again is not told
    assert listed("zh") == before


def test_progress_says_the_stage_how_fast_and_what_is_left() -> None:
    both = (Progress("model", 1, 1), Progress("files", 12, 240), Progress("passages", 830, 2100, "", 41.2, 70.0))
    assert progress_text(both, "zh") == "读取文件 12/240 · 编入 830/2100 段 · 41 段/秒 · 约还需 1 分 10 秒"
    assert progress_text(both[:1], "en") == "preparing the language model"
    assert progress_text((), "zh") == "正在启动"
    assert [duration(s, "en") for s in (0.2, 59.2, 61, 3599, 7300)] == ["1 s", "1 min", "1 min 5 s", "1 h", "2 h 2 min"]


def test_a_folder_that_is_not_there_or_a_taken_port_is_told_before_anything_is_served(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="does not exist"):
        serve(Settings(folder=str(tmp_path / "absent"), port=0))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match="--port"):
            check_port("127.0.0.1", taken.getsockname()[1])


def test_the_program_ends_with_2_and_one_line_on_a_wrong_folder(tmp_path: Path) -> None:
    for arguments in (["absent"], ["--port", "70000"]):
        done = subprocess.run(
            [sys.executable, str(ROOT / "app.py"), *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 2 and done.stderr.startswith("app.py: ") and "Traceback" not in done.stderr


def test_the_tools_for_programs_name_the_extra_that_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"\[mcp\]"):
        serve(Settings(folder=str(ROOT / "seeds"), port=0, mcp=True))


def test_programs_ask_and_retrieve_over_http() -> None:
    import httpx

    served, site = launch(open_desk(), Settings(port=0))
    try:
        answer = httpx.post(
            f"{site}/gradio_api/run/ask", json={"data": ["图书馆建了多少座书亭", []]}, timeout=20
        ).json()["data"][0]
        cited = answer["citations"][0]
        assert ARTICLE[cited["start"] : cited["end"]] == cited["quote"] and answer["short"] == "12座书"
        found = httpx.post(f"{site}/gradio_api/run/retrieve", json={"data": ["书亭", 1]}, timeout=20).json()["data"][0]
        assert len(found) == 1 and "书亭" in found[0]["text"]
        refused = httpx.post(f"{site}/gradio_api/run/ask", json={"data": [" ", []]}, timeout=20)
        assert refused.status_code >= 400 and "type a question" in refused.text
        named = httpx.get(f"{site}/gradio_api/info", timeout=20).json()["named_endpoints"]
        assert set(named) == {"/ask", "/retrieve"}
    finally:
        served.close(verbose=False)
