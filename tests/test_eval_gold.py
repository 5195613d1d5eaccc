"""Gold written as people quote is found where it stands, and in the passages that bear it."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from eval.gold import Corpus, Texts, resolve
from eval.match import Text, folded
from eval.questions import EvalQuestion, check_evidence
from eval.records import Place
from rag.library import DocumentInfo
from rag.types import Document, Passage

TEXTS = st.text(st.sampled_from("１2３,.:/-％%ａB cﬁé̄ \n，。“”网絡①Ⅳ가"), max_size=40)


@given(TEXTS)
def test_a_text_folds_as_its_pieces_do(text: str) -> None:
    assert Text(text).folded == folded(text)


@given(TEXTS, st.integers(0, 40), st.integers(1, 40))
def test_what_is_found_says_what_was_looked_for(text: str, start: int, length: int) -> None:
    key = folded(text[start : start + length])
    for found, end in Text(text).find(key):
        assert 0 <= found < end <= len(text)
        assert key in folded(text[found:end])


def test_a_number_is_not_found_inside_another() -> None:
    assert Text("共13个，另有 ３ 个").find("3") == [(8, 9)]
    assert Text("2,435.50元").find(folded("2435.50")) == [(0, 8)]


class Shelf:
    """Texts by source, each cut after every full stop."""

    def __init__(self, **texts: str) -> None:
        self.texts = {f"{name}.txt": text for name, text in texts.items()}

    def documents(self) -> list[DocumentInfo]:
        return [DocumentInfo(source, source, source, len(text), 0) for source, text in self.texts.items()]

    def document(self, doc_id: str, /) -> Document:
        return Document(doc_id, doc_id, doc_id, self.texts[doc_id])

    def passages(self, doc_id: str, /) -> Sequence[Passage]:
        out, start = [], 0
        for row, part in enumerate(self.texts[doc_id].split("。")[:-1], 1):
            end = start + len(part) + 1
            out.append(Passage(start, doc_id, part + "。", start, end, row=row))
            start = end
        return out


SHELF = Shelf(a="甲乙丙丁戊己庚辛壬癸子丑。合计 100。", b="甲乙丙丁戊己庚辛壬癸子丑。合计 100。另计 100。")


def of(question: EvalQuestion) -> tuple[list[str], list[str], dict[str, int]]:
    gold = resolve(question, Corpus(SHELF))
    return [p.name for item in gold.items for p in item], [p.name for p in gold.passages], dict(gold.documents)


def test_a_sentence_counts_wherever_it_is_said() -> None:
    long = EvalQuestion("q", "?", evidence=("甲乙丙丁戊己庚辛壬癸子丑",), source="a.txt")
    assert of(long) == (["a.txt#0-12", "b.txt#0-12"], ["a.txt#0-13", "b.txt#0-13"], {"a.txt": 1})


def test_a_cell_counts_in_its_row_alone() -> None:
    cell = EvalQuestion("q", "?", evidence=("100",), source="b.txt", row=3)
    assert of(cell) == (["b.txt#23-26"], ["b.txt#20-27"], {"b.txt": 1})
    anywhere = EvalQuestion("q", "?", evidence=("100",))
    assert len(of(anywhere)[0]) == 3 and of(anywhere)[2] == {"a.txt": 1, "b.txt": 1}


def test_offsets_are_gold_as_they_stand() -> None:
    spans = ((Place("a.txt", 0, 2), Place("gone.txt", 0, 2)), (Place("b.txt", 20, 26),))
    told = of(EvalQuestion("q", "?", spans=spans))
    assert told == (["a.txt#0-2", "b.txt#20-26"], ["a.txt#0-13", "b.txt#20-27"], {"a.txt": 1, "b.txt": 1})


def test_how_much_of_the_question_stands_in_the_gold() -> None:
    half = resolve(EvalQuestion("q", "甲乙丙申酉", evidence=("甲乙丙丁戊己庚辛壬癸子丑",)), Corpus(SHELF))
    assert half.overlap == 0.5 and half.script == "zh"
    nothing = resolve(EvalQuestion("q", "甲乙", answerable=False), Corpus(SHELF))
    assert (nothing.items, nothing.overlap, nothing.documents) == ((), None, {})


def test_of_a_large_corpus_only_what_is_asked_about_is_read() -> None:
    shelf = Shelf(**{f"d{n}": "没有。" for n in range(50)}, gold="甲乙丙丁戊己庚辛壬癸子丑。")
    read: list[str] = []
    whole = shelf.document
    shelf.document = lambda doc_id, /: read.append(doc_id) or whole(doc_id)  # type: ignore[assignment, func-returns-value]
    corpus = Corpus(shelf)
    texts = Texts(corpus)
    spans = ((Place("gold.txt", 0, 2),),)
    question = EvalQuestion("q", "?", relevant={"gold.txt": 1}, spans=spans)
    check_evidence([question], texts, Path("set"))
    assert dict(resolve(question, corpus).documents) == {"gold.txt": 1} and set(read) == {"gold.txt"}
    assert len(texts) == 51 and "d7.txt" in texts and list(texts)[-1] == "gold.txt" and texts.get("none") is None
    assert len(resolve(EvalQuestion("e", "?", evidence=("戊己庚",)), corpus).items[0]) == 1 and len(set(read)) == 51


def test_one_document_is_no_choice() -> None:
    alone = Shelf(a="甲乙丙丁戊己庚辛壬癸子丑。")
    assert resolve(EvalQuestion("q", "?", evidence=("甲乙",)), Corpus(alone)).documents == {}
