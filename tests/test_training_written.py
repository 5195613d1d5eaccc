"""Training windows from written questions: answers where they stand, near misses on the windows that they nearly hit."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rag.errors import DataError
from rag.training.augment import augment
from rag.training.written import WRITTEN, Written

DOCUMENT = """# 青石镇图书馆2024年工作总结

## 开馆时间

图书馆周二至周日开放，周一闭馆。全年接待读者3.2万人次，借出图书1.1万册。

## 活动

馆里开设“灯下课”、“亲子角”和“银发班”，其中“灯下课”办了42期。
"""
ROWS: list[dict[str, Any]] = [
    {"question": "图书馆一年接待多少读者？", "answers": ["3.2万人次"], "evidence": ["全年接待读者3.2万人次"], "type": "how_many"},
    {"question": "馆里开了哪些班？", "answers": ["灯下课;亲子角;银发班"], "evidence": ["馆里开设“灯下课”、“亲子角”和“银发班”"], "type": "list"},
    {"question": "它借出多少册？", "history": ["图书馆一年接待多少读者？"], "answers": ["1.1万册"], "evidence": ["借出图书1.1万册"], "type": "followup"},
    {"question": "“亲子角”办了多少期？", "answers": [], "evidence": [], "type": "near_miss", "near": "灯下课办了42期"},
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "town" / "docs").mkdir(parents=True)
    (tmp_path / "town" / "docs" / "总结.md").write_text(DOCUMENT, encoding="utf-8")
    lines = [json.dumps({"source": "总结.md", "lang": "zh", **row}, ensure_ascii=False) for row in ROWS]
    (tmp_path / "town" / "questions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_windows_carry_the_head_that_the_reader_sees(folder: Path) -> None:
    made = Written(folder).round(0, 60)
    found = {(e.kind, e.question, e.text[e.start : e.end] if e.start >= 0 else "") for e in made}
    assert ("answer", "图书馆一年接待多少读者？", "3.2万人次") in found
    assert (
        "answer",
        "馆里开了哪些班？",
        "灯下课”、“亲子角”和“银发班",
    ) in found  # one stretch from the first item to the last
    assert {kind for kind, _, _ in found} == {"answer", "written", "other"}
    assert all(e.head.startswith("青石镇图书馆2024年工作总结 › ") for e in made)
    others = [e for e in Written(folder).round(0, 300) if e.kind == "other"]
    assert others and not any(
        "哪些班" in e.question and "银发班" in e.text for e in others
    )  # a list answers by its items
    followed = [e.question for e in made if "册" in e.question]
    assert followed and all("图书馆" in question for question in followed)  # as understood, with its subject


def test_a_near_miss_is_asked_mostly_of_the_window_that_it_nearly_hits(folder: Path) -> None:
    made = [e for e in Written(folder).round(0, 300) if e.kind == "written"]
    assert sum("灯下课" in e.text for e in made) > 0.65 * len(made)
    assert all(e.start == e.end == -1 for e in made)


def test_the_same_seed_and_number_make_the_same_round(folder: Path) -> None:
    assert Written(folder, 1).round(3, 40) == Written(folder, 1).round(3, 40) != Written(folder, 2).round(3, 40)


def test_the_head_of_a_near_miss_stays(folder: Path) -> None:
    for example in Written(folder).round(0, 80):
        heads = {augment(example, random.Random(seed)).head for seed in range(30)}
        assert (heads == {example.head}) == (example.kind != "answer")


@pytest.mark.parametrize("change", [{"evidence": ["借出图书9册"]}, {"source": "别的.md"}, {"answers": ["9册"]}])
def test_a_row_that_its_document_does_not_bear_out_is_named(folder: Path, change: dict[str, Any]) -> None:
    row = {"source": "总结.md", "lang": "zh", **ROWS[0], **change}
    path = folder / "town" / "questions.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"questions\.jsonl:1"):
        Written(folder)


def test_without_questions_nothing_is_made(tmp_path: Path) -> None:
    assert len(Written(tmp_path)) == 0


def test_with_answers_alone_nothing_can_be_refused(folder: Path) -> None:
    path = folder / "town" / "questions.jsonl"
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:3]), encoding="utf-8")
    with pytest.raises(DataError, match="one kind"):
        Written(folder)


@pytest.mark.skipif(not WRITTEN.is_dir(), reason="the written questions are not in this copy")
def test_every_written_row_is_borne_out_by_its_document() -> None:
    written = Written()
    made = written.round(0, 400)
    counts = Counter(e.kind for e in made)
    assert len(written) > 4000 and counts["answer"] > counts["written"] > counts["other"]
