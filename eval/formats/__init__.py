"""The formats that question sets come in, recognised by their content, never by a name.

jsonl   our own: one JSON object a line (or one array), with the keys of `eval.questions.KEYS`
csv     CSV or TSV with a header of these keys, in English or Chinese, or of RAGAS's
beir    a folder: corpus.jsonl, queries.jsonl, qrels/*.tsv or qrels.tsv
squad   SQuAD 1.1 and 2.0, CMRC 2018, DRCD, XQuAD: one JSON document
ragas   rows with user_input, reference, reference_contexts
trec    topics in tags, `id<TAB>query` lines, or JSON Lines of id and text; with qrels and a corpus
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.formats import beir, delimited, own, proof, ragas, squad, trec
from eval.formats.fields import At
from eval.formats.qrels import apply, of_folder
from eval.formats.qrels import read as read_qrels
from eval.formats.rows import document, read_bytes, rows
from eval.match import folded
from eval.questions import EvalQuestion, QuestionSet
from rag.errors import DataError

FORMATS = ("jsonl", "csv", "beir", "squad", "ragas", "trec")

Posed = tuple[tuple[At, EvalQuestion], ...]
Corpus = dict[str, tuple[str, str, str]]


def read_set(
    path: Path, *, qrels: Path | None = None, corpus: Path | None = None, format: str = "", split: str = ""
) -> QuestionSet:
    """As `eval.questions.load`."""
    kind = _known(format) or recognise(path)
    if corpus is not None and kind in {"beir", "squad"}:
        raise DataError(f"{path}: brings its own corpus; leave --corpus out", f"{path}：题集自带材料，请去掉 --corpus")
    if kind == "trec" and (qrels is None or corpus is None):
        raise trec.no_gold(path)
    posed, held = _read(path, kind)
    names: Mapping[str, str] | None = {key: key for key in held} or None
    if corpus is not None:
        held = _corpus(corpus) if is_corpus(corpus) else {}
        names = {key: key for key in held} if held else trec.names_of(corpus) if qrels else None
    judgements = qrels or (of_folder(path, split) if kind == "beir" else None)
    if judgements is not None:
        posed = apply(read_qrels(judgements, names), posed, judgements)
    if kind == "ragas" and corpus is None:
        held, posed = _with_contexts(posed)
    if not posed:
        raise DataError(
            f"{path}: holds no question; write one JSON object a line", f"{path}：没有题目，请每行写一个 JSON"
        )
    _unique(posed)
    if held:
        _prove(posed, held)
    return QuestionSet(
        path.stem if path.is_file() else path.name, path, tuple(q for _, q in posed), tuple(held.values())
    )


def corpus_rows(path: Path) -> tuple[tuple[str, str, str], ...]:
    """(id, title, text) of a corpus.jsonl, of a folder that holds one, or of the contexts of a SQuAD-like file. Raises
    DataError."""
    return tuple(_corpus(Path(path)).values())


def is_corpus(path: Path) -> bool:
    """Whether `corpus_rows` reads it; a folder without corpus.jsonl is a folder of documents. Raises DataError for a
    path that is not there."""
    if not path.exists():
        raise DataError(f"{path}: no such corpus; check --corpus", f"{path}：没有这个材料；请检查 --corpus")
    return path.is_file() or (path / "corpus.jsonl").is_file()


def recognise(path: Path) -> str:
    """One of FORMATS. Raises DataError for a path that is not there or holds none of them."""
    if path.is_dir():
        return "beir"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in (Path(__file__).parents[1] / "sets").glob("*.jsonl"))) or "-"
        raise DataError(
            f"{path}: no such question file or folder; sets that come with the project: {known}",
            f"{path}：没有这个题目文件或文件夹；随附的题集：{known}",
        )
    data = read_bytes(path).removeprefix(b"\xef\xbb\xbf").lstrip()
    if data[:1] in {b"{", b"["}:
        return _json_kind(data)
    if not data:
        return "jsonl"
    lines = delimited.decoded_lines(path)
    if trec.looks_like("".join(lines[:200])):
        return "trec"
    if header := delimited.header_of(lines):
        return "ragas" if ragas.looks_like(set(header[1])) else "csv"
    if next((line for line in lines if line.strip()), "").strip().count("\t") == 1:
        return "trec"
    raise DataError(
        f"{path}, line 1: no format that is known here; it may be {', '.join(FORMATS)}: see eval/sets/README.md",
        f"{path} 第 1 行：不是已知的题集格式（{'、'.join(FORMATS)}）；参见 eval/sets/README.md",
    )


def _json_kind(data: bytes) -> str:
    """By the first object: a row of ours, of RAGAS, a topic; or the whole document."""
    text = data.decode("utf-8", "replace")
    first = _parsed(text.split("\n", 1)[0])
    if not isinstance(first, dict) or squad.looks_like(first):  # a document, perhaps over many lines
        whole = _parsed(text)
        if whole is not None and squad.looks_like(whole):
            return "squad"
        if isinstance(whole, list) and whole and isinstance(whole[0], dict):
            first = whole[0]
        elif not isinstance(first, dict):
            return "squad" if '"paragraphs"' in text or '"context_text"' in text else "jsonl"
    keys = set(first)
    if ragas.looks_like(keys):
        return "ragas"
    if not {"id", "question"} <= keys and set(beir.ID) & keys and set(beir.TEXT) & keys:
        return "trec"
    return "jsonl"


def _read(path: Path, kind: str) -> tuple[Posed, Corpus]:
    if kind == "beir":
        corpus, posed = beir.read_folder(path)
        return posed, corpus
    if kind == "squad":
        corpus, posed = squad.read(path)
        return posed, corpus
    table = _is_text(path)
    if kind == "trec":
        if not table:
            return tuple(beir.topics(path)), {}
        tags = trec.looks_like("".join(delimited.decoded_lines(path)[:200]))
        return tuple(trec.read_tags(path) if tags else _tabs_or_header(path)), {}
    found = delimited.read_rows(path) if kind == "csv" or table else rows(path)
    return tuple(ragas.read(found) if kind == "ragas" else own.read(found)), {}


def _tabs_or_header(path: Path) -> Iterable[tuple[At, EvalQuestion]]:
    """Topics of two columns, with a header or without."""
    return (
        own.read(delimited.read_rows(path))
        if delimited.header_of(delimited.decoded_lines(path))
        else trec.read_tabs(path)
    )


def _is_text(path: Path) -> bool:
    head = read_bytes(path).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return bool(head) and head not in {b"{", b"["}


def _corpus(path: Path) -> Corpus:
    if path.is_dir():
        return beir.read_corpus(path / "corpus.jsonl")
    first = _parsed(
        read_bytes(path).removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0].decode("utf-8", "replace")
    )
    if isinstance(first, dict) and not squad.looks_like(first):
        found = beir.read_corpus(path)
    elif squad.looks_like(document(path)):
        found = squad.read(path)[0]
    else:
        raise DataError(
            f"{path}: no corpus; give a folder of documents, a corpus.jsonl or a SQuAD file",
            f"{path}：不是材料；请给出文档文件夹、corpus.jsonl 或 SQuAD 文件",
        )
    if not found:
        raise DataError(f"{path}: the corpus is empty", f"{path}：材料为空")
    return found


def _with_contexts(posed: Posed) -> tuple[Corpus, Posed]:
    """The contexts as the corpus, and each question relevant to its own."""
    held = ragas.corpus_of(posed)
    ids = {text: key for key, _, text in held.values()}
    return held, tuple((at, replace(q, relevant=dict.fromkeys((ids[e] for e in q.evidence), 1))) for at, q in posed)


def _prove(posed: Posed, held: Corpus) -> None:
    texts = {key: text for key, _, text in held.values()}
    keys: dict[str, str] = {}
    for at, question in posed:
        proof.prove(question, at, texts)
        if question.evidence:
            keys = keys or {source: folded(text) for source, text in texts.items()}
            proof.prove_evidence(question, at, keys)


def _unique(posed: Posed) -> None:
    seen: set[str] = set()
    for at, question in posed:
        if question.id in seen:
            raise at.fault(
                f"the id {question.id!r} is used twice; give each question its own",
                f"编号 {question.id!r} 重复，请改成唯一编号",
            )
        seen.add(question.id)


def _known(format: str) -> str:
    if format and format not in FORMATS:
        near = difflib.get_close_matches(format, FORMATS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DataError(
            f"no format {format!r}{hint} There are {', '.join(FORMATS)}",
            f"没有格式 {format!r}；可用：{'、'.join(FORMATS)}",
        )
    return format


def _parsed(text: str) -> Any:
    """A JSON value, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
