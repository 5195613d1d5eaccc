"""The question sets that measure the product: whole, honest and true to the documents that they ask about."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from rag.parse import KINDS, parse_file
from rag.types import Parsed

ROOT = Path(__file__).resolve().parent.parent
SETS = ROOT / "eval" / "sets"
ARTICLE = ROOT / "seeds" / "000_c78bdc0d0583f07a.txt"
MIXED = SETS / "mixed" / "docs"
FORMATS = SETS / "formats" / "docs"
FOLDERS = {"office": "office-dev", "journal": "journal-dev", "bureau": "bureau-dev", "fresh": "fresh-test"}

# The encodings are part of the material, so the test states them instead of guessing as the product must.
ENCODINGS = {
    "Git入门手册.md": "utf-8",
    "apollo-11.txt": "utf-8",
    "chang-e-6.html": "utf-8",
    "sqlite-readme.md": "utf-8",
    "卧龙保护区.txt": "utf-16",
    "台灣高鐵.txt": "big5",
    "读者须知.txt": "gb18030",
    "赵州桥.txt": "utf-8",
    "麻婆豆腐.txt": "utf-8-sig",
}
SPLITS = ("formats-dev", "formats-test")
NAMES = (
    "article-dev", "article-test", "mixed-dev", "mixed-test", "article-more", "mixed-more", *FOLDERS.values(), *SPLITS,
)  # fmt: skip
KEYS = {"id", "question", "answers", "facts", "evidence", "answerable", "history", "type", "lang"}
TYPES = set(
    "who when where how_many which list definition why how yes_no overview metadata keywords furniture followup "
    "colloquial misspelt traditional english no_answer near_miss".split()
)
REFUSED = {"no_answer", "near_miss"}

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    lines = (SETS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@lru_cache
def parsed(source: str) -> Parsed:
    """A file that is no text by itself: what the product reads in it is what it may quote."""
    return parse_file(FORMATS / source)


def document(row: Row) -> str:
    if "source" not in row:
        return ARTICLE.read_bytes().decode("utf-8")
    folder = row["id"].partition("-")[0]
    if folder == "formats":
        return parsed(row["source"]).text
    if folder in FOLDERS:
        return (SETS / folder / "docs" / row["source"]).read_text(encoding="utf-8")
    return (MIXED / row["source"]).read_bytes().decode(ENCODINGS[row["source"]]).replace("\r\n", "\n")


def group(row: Row) -> str:
    """`art-p23.1c` -> `art-p23.1`: the questions that ask for the same thing."""
    return re.sub(r"[a-z]+$", "", row["id"])


def folded(question: str) -> str:
    return re.sub(r"\W", "", question).lower()


def pair(kind: str) -> list[Row]:
    """Dev and test, which share one way of grouping; the `more` sets were written apart from it."""
    return rows(f"{kind}-dev") + rows(f"{kind}-test")


@pytest.mark.parametrize("name", NAMES)
def test_every_line_has_the_schema(name: str) -> None:
    for row in rows(name):
        assert KEYS <= set(row) <= KEYS | {"near", "source", "page", "row"}, row["id"]
        assert row["question"].strip() == row["question"] != ""
        assert row["type"] in TYPES and row["lang"] in {"zh", "zh-Hant", "en"}, row["id"]
        for key in ("answers", "facts", "evidence", "history"):
            assert all(isinstance(value, str) and value.strip() for value in row[key]), (row["id"], key)
        assert isinstance(row["answerable"], bool)
        assert row["answerable"] == (row["type"] not in REFUSED), row["id"]
        if row["answerable"]:
            assert row["answers"] and row["facts"] and row["evidence"] and "near" not in row, row["id"]
        else:
            assert not (row["answers"] or row["facts"] or row["evidence"]) and row["near"], row["id"]
        if row["type"] == "followup":
            assert row["history"], row["id"]


@pytest.mark.parametrize("name", NAMES)
def test_evidence_is_verbatim_and_inside_one_sentence(name: str) -> None:
    for row in rows(name):
        for quote in row["evidence"]:
            assert quote in document(row), (row["id"], quote)
            assert "\n" not in quote, row["id"]
            assert not re.search(r"[。！？]\w|[!?][\u4e00-\u9fff]", quote), (row["id"], quote)
            assert not re.search(r"[*`|]", quote), (row["id"], "markup: a parser may leave it out of its quotes")


@pytest.mark.parametrize("name", NAMES)
def test_facts_lie_inside_the_evidence(name: str) -> None:
    for row in rows(name):
        for fact in row["facts"]:
            assert any(fact in quote for quote in row["evidence"]), (row["id"], fact)


@pytest.mark.parametrize("kind", ["article", "mixed"])
def test_ids_and_questions_are_unique(kind: str) -> None:
    both = pair(kind)
    assert len({row["id"] for row in both}) == len(both)
    asked = [(folded(row["question"]), *row["history"]) for row in both]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize("kind", ["article", "mixed"])
def test_the_further_dev_questions_repeat_none(kind: str) -> None:
    more, others = rows(f"{kind}-more"), pair(kind)
    ids = Counter(row["id"] for row in more + others)
    asked = Counter((folded(row["question"]), *row["history"]) for row in more)
    known = {(folded(row["question"]), *row["history"]) for row in others}
    # Named first: a failure must show only what is repeated, never the test questions that it was compared with.
    repeated = sorted(key for key, count in asked.items() if count > 1 or key in known)
    twice = sorted(key for key, count in ids.items() if count > 1)
    assert repeated == []
    assert twice == []


@pytest.mark.parametrize("kind", ["article", "mixed"])
def test_no_fact_is_asked_for_in_both_splits(kind: str) -> None:
    dev, test = rows(f"{kind}-dev"), rows(f"{kind}-test")
    assert not {group(row) for row in dev} & {group(row) for row in test}
    assert not {folded(row["question"]) for row in dev if not row["history"]} & {
        folded(row["question"]) for row in test if not row["history"]
    }
    assert all(int(group(row).rsplit(".", 1)[1]) % 2 == 1 for row in dev)
    assert all(int(group(row).rsplit(".", 1)[1]) % 2 == 0 for row in test)


def test_the_article_set_is_large_enough_and_covers_every_type_in_both_splits() -> None:
    both = pair("article")
    assert len(both) >= 200
    assert sum(not row["answerable"] for row in both) >= 60
    for split in ("article-dev", "article-test"):
        assert {row["type"] for row in rows(split)} == TYPES, split
        assert {row["lang"] for row in rows(split)} == {"zh", "zh-Hant", "en"}


@pytest.mark.parametrize("split", ["article-dev", "article-test"])
def test_each_split_asks_about_every_paragraph_of_the_article(split: str) -> None:
    quotes = {quote for row in rows(split) for quote in row["evidence"]}
    paragraphs = [line for line in document({}).splitlines() if "。" in line and len(line) > 50]
    assert len(paragraphs) == 24
    missed = [p[:20] for p in paragraphs if not any(quote in p for quote in quotes)]
    assert not missed


def test_the_mixed_set_asks_about_every_document_in_both_splits() -> None:
    assert {path.name for path in MIXED.iterdir()} == set(ENCODINGS)
    both = pair("mixed")
    assert len(both) >= 100
    assert sum(not row["answerable"] for row in both) >= 30
    for split in ("mixed-dev", "mixed-test"):
        assert {row["source"] for row in rows(split) if "source" in row} == set(ENCODINGS), split


@pytest.mark.parametrize(("folder", "name"), FOLDERS.items())
def test_a_folder_s_set_asks_about_every_document_and_nothing_twice(folder: str, name: str) -> None:
    asked = rows(name)
    documents = {path.name for path in (SETS / folder / "docs").iterdir()}
    assert {row["source"] for row in asked if "source" in row} == documents
    assert len(asked) >= 180
    assert sum(not row["answerable"] for row in asked) >= 70
    assert len({row["id"] for row in asked}) == len(asked)
    assert len({(folded(row["question"]), *row["history"]) for row in asked}) == len(asked)


def test_the_formats_are_all_asked_about_in_both_splits_and_on_different_facts() -> None:
    documents = {path.name: path.stat().st_size for path in FORMATS.iterdir()}
    assert len(documents) >= 18 and max(documents.values()) < 150_000
    kinds = {name: suffix if (suffix := name.rpartition(".")[2]) not in KINDS else KINDS[suffix] for name in documents}
    assert len(set(kinds.values())) >= 11
    proofs = {}
    for split in SPLITS:
        asked = rows(split)
        answered = [row for row in asked if row["answerable"]]
        assert {row["source"] for row in answered} == set(documents), split
        assert min(Counter(kinds[row["source"]] for row in answered).values()) >= 3, split
        assert len(asked) >= 40 and len(asked) - len(answered) >= 12, split
        proofs[split] = {(row["source"], *row["evidence"]) for row in answered}
    assert not proofs[SPLITS[0]] & proofs[SPLITS[1]]
    both = pair("formats")
    assert (
        len({row["id"] for row in both})
        == len({(folded(row["question"]), *row["history"]) for row in both})
        == len(both)
    )


@pytest.mark.parametrize("name", SPLITS)
def test_the_evidence_stands_on_the_page_and_in_the_row_that_are_named(name: str) -> None:
    for row in rows(name):
        if not row["answerable"]:
            assert "page" not in row and "row" not in row, row["id"]
            continue
        found = parsed(row["source"])
        places = [
            {(b.page, b.row) for b in found.blocks if quote in found.text[b.start : b.end]} for quote in row["evidence"]
        ]
        assert set.intersection(*places) == {(row.get("page"), row.get("row"))}, row["id"]


def test_the_readme_states_the_counts() -> None:
    readme = (SETS / "README.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| (\w+) \| (\d+(?: \| \d+){11}) \|", readme, re.MULTILINE))
    counts = {name: Counter(row["type"] for row in rows(name)) for name in NAMES}
    for kind in TYPES:
        assert table[kind] == " | ".join(str(counts[name][kind]) for name in NAMES), kind
    assert table["all"] == " | ".join(str(counts[name].total()) for name in NAMES)


@pytest.mark.parametrize("source", sorted(ENCODINGS))
def test_the_mixed_documents_keep_their_bytes(source: str) -> None:
    raw = (MIXED / source).read_bytes()
    text = raw.decode(ENCODINGS[source])
    assert 400 <= len(text) <= 2000
    assert ("\r\n" in text) == (source == "麻婆豆腐.txt")
    if ENCODINGS[source] in {"big5", "gb18030", "utf-16"}:
        with pytest.raises(UnicodeDecodeError):
            raw.decode("utf-8")
