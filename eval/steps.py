"""The steps of an evaluation: run, score, report. Each reads what the one before has written in the folder of results, so that
each can be repeated by itself; only `run` loads a model."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eval import cost, export, gold, records, report, run, score, summary
from eval.progress import Meter
from eval.questions import EvalQuestion, QuestionSet, as_row, check_evidence, load, pick
from eval.score import Scored
from rag.config import Settings
from rag.errors import DataError
from rag.text.terminal import one_line
from rag.types import Progress

HERE = Path(__file__).resolve().parent
SETS = HERE / "sets"
DEFAULT_SET = SETS / "article-dev.jsonl"
DEFAULT_CORPUS = HERE.parent / "seeds"
INPUTS = ("run.json", "questions.jsonl", "predictions.jsonl", "gold.jsonl")
"""What a run leaves and a score reads; timings.jsonl may be missing."""
SCORES, REPORTS = ("summary.json", "per_question.csv"), ("summary.md", "report.html")
"""Of what a score and a report write, what a person opens."""
_HIDDEN = ("folder", "index_dir", "model_dir", "host", "port", "mcp")  # settings that say nothing of the answers


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to ask of what."""

    questions: str | None = None  # a path, the name of a set of the project, None: the project's own
    corpus: str | None = None
    qrels: str | None = None
    split: str = ""
    format: str = ""
    limit: int | None = None
    seed: int = 0
    about: str = ""  # regular expression: only the questions whose group, gold document or file it matches
    settings: Mapping[str, str] = field(default_factory=dict)
    out: Path | None = None


def find_set(given: str | None) -> Path:
    """The path of a set: as given, or by the name of one that comes with the project (`article-test`)."""
    if given is None:
        return DEFAULT_SET
    path = Path(given)
    named = SETS / f"{given}.jsonl"
    return named if not path.exists() and named.is_file() else path


def beside(path: Path) -> Path | None:
    """Where a set's documents lie if nobody says: `mixed-dev.jsonl` is about mixed/docs/ beside it, `mine.jsonl` about
    mine/docs/; the project's own other sets are about its material. None: the folder that the settings name."""
    for name in (path.stem.rpartition("-")[0], path.stem):
        folder = path.parent / name / "docs"
        if path.is_file() and name and folder.is_dir():
            return folder
    return DEFAULT_CORPUS if path.resolve().parent == SETS else None


def asked_of(wanted: Wanted) -> tuple[QuestionSet, tuple[EvalQuestion, ...], Path | None]:
    """The set, the questions of it to ask, and the folder of documents (None: the set brings its own texts)."""
    questions = load(
        find_set(wanted.questions),
        qrels=Path(wanted.qrels) if wanted.qrels else None,
        corpus=Path(wanted.corpus) if wanted.corpus else None,
        split=wanted.split,
        format=wanted.format,
    )
    named = Path(wanted.corpus) if wanted.corpus else beside(questions.path)
    corpus = None if questions.rows else named or Path(Settings.load().folder)
    chosen = tuple(q for q in questions.questions if not wanted.about or _matches(wanted.about, q))
    if not chosen:
        raise DataError(
            f"{questions.path}: no question is about {wanted.about!r}; give another --about",
            f"{questions.path}：没有与 {wanted.about!r} 相符的题目，请换一个 --about",
        )
    return questions, pick(chosen, wanted.limit, wanted.seed), corpus


def run_step(wanted: Wanted) -> Path:
    """Asks, and returns the folder of results."""
    questions, asked, corpus = asked_of(wanted)
    named: dict[str, Any] = {"folder": str(corpus) if corpus else None, **wanted.settings}
    settings = Settings.load(**named)
    out = wanted.out or HERE / "out" / questions.name
    with _written(out, ("choose another folder with --out", "请用 --out 另选文件夹")):
        out.mkdir(parents=True, exist_ok=True)
        _ask(questions, asked, corpus, settings, out, wanted)
    return out


def _ask(
    questions: QuestionSet,
    asked: Sequence[EvalQuestion],
    corpus: Path | None,
    settings: Settings,
    out: Path,
    wanted: Wanted,
) -> None:
    index = run.index_folder(out, corpus or questions.path)
    fresh = not index.exists()
    began: list[float] = []  # when the model was there and the first file was read
    with Meter(sys.stderr) as meter:

        def told(progress: Progress) -> None:
            if progress.stage != "model" and not began:
                began.append(time.perf_counter())
            meter.report(progress)

        if corpus and not wanted.corpus:
            meter.say(f"corpus: {corpus} (--corpus names another)")
        with run.open_system(questions, corpus, settings, index, told) as system:
            opened = time.perf_counter()
            about = _asked(system, questions, asked, settings, out, wanted, meter)
            answered = time.perf_counter()
    resumed = about.pop("resumed")
    took = opened - began[0] if fresh and began else None  # an index that was there took no time to make
    about["corpus"] = corpus.name if corpus else questions.name
    about["cost"] = cost.measured(  # once it is closed: an open index has a journal beside it
        index,
        documents=about.pop("documents"),
        passages=about.pop("passages"),
        index_seconds=took,
        question_seconds=None if resumed else answered - opened,
    )
    _write_json(out / "run.json", about)


def _asked(
    system: run.System,
    questions: QuestionSet,
    asked: Sequence[EvalQuestion],
    settings: Settings,
    out: Path,
    wanted: Wanted,
    meter: Meter,
) -> dict[str, Any]:
    """Asks, and returns what run.json says of it."""
    infos = system.documents()
    held = gold.Corpus(system)
    check_evidence(asked, gold.Texts(held), questions.path)
    for line in doubts(asked, held.sources):
        meter.say(line)
    mark = run.mark_of(asked, settings, [f"{info.source} {info.id}" for info in infos])
    before = run.ask_all(system, asked, out, mark, lambda done: meter.show("questions", done, len(asked)), held)
    return {
        "set": questions.name,
        "digest": digest_of(asked),
        "limit": wanted.limit,
        "seed": wanted.seed,
        **({"about": wanted.about} if wanted.about else {}),
        "model": _last(settings.model),
        "settings": {key: _last(value) for key, value in asdict(settings).items() if key not in (*_HIDDEN, "model")},
        "versions": cost.versions(),
        "machine": cost.machine(),
        "documents": len(infos),
        "passages": sum(info.passages for info in infos),
        "resumed": before,
    }


def doubts(asked: Sequence[EvalQuestion], sources: Collection[str]) -> list[str]:
    """What makes figures other than they look, a line each: it may be meant, so it is told and no error."""
    bare = [q.id for q in asked if q.answerable and not (q.answers or q.facts or q.evidence or q.spans or q.relevant)]
    lost = [q.id for q in asked if q.source and q.source not in sources]
    told = (
        (bare, "state nothing that is right, so that refusing them counts as wrong; where the documents hold no answer, "
               "write answerable: false"),
        (lost, "name a source that the corpus does not hold, so that no citation is in the right place; name it as it "
               "stands in the folder"),
    )  # fmt: skip
    return [f"{len(ids)} of {len(asked)} questions {what}: {_few(ids)}" for ids, what in told if ids]


def _few(ids: Sequence[str]) -> str:
    return ", ".join(one_line(key)[:40] for key in ids[:3]) + (" …" if len(ids) > 3 else "")


def _last(value: Any) -> Any:
    """A folder of this machine goes by its name: results are given to others."""
    named = isinstance(value, str) and (os.sep in value or "/" in value) and Path(value).expanduser().exists()
    return Path(value).name if named else value


def score_step(out: Path, seed: int = 0) -> tuple[dict[str, Any], tuple[Scored, ...]]:
    """Scores what `run_step` has left in `out`; returns the content of summary.json and the scored questions."""
    about, scored = scored_of(out)
    timings = records.timings(out / "timings.jsonl")
    content = summary.content(scored, timings, about, seed)
    rows = ({"id": item.question.id, "values": dict(item.values)} for item in scored)
    with _written(out):
        _write_json(out / "summary.json", content)
        export.put(out / "scores.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        table = "\ufeff" + export.per_question(scored, timings)  # the mark tells Excel of UTF-8
        export.put(out / "per_question.csv", table)
        export.write_trec(out / "trec", scored)
        export.write_ragas(out / "ragas.jsonl", scored)
    return content, scored


def report_step(out: Path, seed: int = 0) -> dict[str, Any]:
    """Writes summary.md and report.html; scores first where that is to be done yet."""
    path = out / "summary.json"
    inputs = [out / name for name in INPUTS]
    if path.is_file() and all(i.is_file() and i.stat().st_mtime <= path.stat().st_mtime for i in inputs):
        content, (_, scored) = read_json(path), scored_of(out)
    else:
        content, scored = score_step(out, seed)
    with _written(out):
        report.write(out, content, scored)
    return content


def scored_of(out: Path) -> tuple[dict[str, Any], tuple[Scored, ...]]:
    """What was run, and its questions scored, from the files in `out` alone. Raises DataError."""
    for name in INPUTS:
        if not (out / name).is_file():
            raise DataError(
                f"{out}: {name} is missing; run: python -m eval run SET --out {out}",
                f"{out}：缺少 {name}；请运行：python -m eval run 题集 --out {out}",
            )
    questions = load(out / "questions.jsonl").questions
    path = out / "predictions.jsonl"
    return read_json(out / "run.json"), score.score(
        questions, records.predictions(path), records.golds(out / "gold.jsonl"), path
    )


def digest_of(questions: Sequence[EvalQuestion]) -> str:
    """Of what was asked and what is right: results are compared only where it is the same."""
    rows = "\n".join(json.dumps(as_row(question), ensure_ascii=False, sort_keys=True) for question in questions)
    return hashlib.sha256(rows.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}; run the evaluation again", f"{path}：{error}；请重新运行评测") from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: not a JSON object; run the evaluation again", f"{path}：内容不对，请重新运行评测")
    return found


def _matches(pattern: str, question: EvalQuestion) -> bool:
    try:
        told = re.compile(pattern)
    except re.error as error:
        raise DataError(
            f"--about {pattern!r} is not a regular expression ({error})",
            f"--about {pattern!r} 不是正则表达式（{error}）",
        ) from error
    places = {place.source for item in question.spans for place in item}
    return any(told.fullmatch(name) for name in {question.group, question.source, *question.relevant, *places} if name)


@contextmanager
def _written(
    out: Path, next_step: tuple[str, str] = ("allow it, or copy the folder", "请开放权限，或复制该文件夹")
) -> Iterator[None]:
    """Tells what cannot be written among the results. Any other OSError passes: a wrong hint would hide what it is."""
    try:
        yield
    except OSError as error:
        if not str(error.filename or "").startswith(str(out)):
            raise
        raise DataError(
            f"{error.filename}: cannot be written ({error.strerror}); {next_step[0]}",
            f"{error.filename}：无法写入（{error.strerror}），{next_step[1]}",
        ) from error


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    export.put(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
