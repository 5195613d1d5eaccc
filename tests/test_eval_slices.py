"""Slices: every boundary by hand, and nothing counted twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval import slices
from eval.questions import EvalQuestion
from eval.records import Gold, Place, Prediction
from eval.score import Scored


def made(
    key: str = "q", question: str = "谁？", gold: Gold | None = None, f1: float = 1.0, kind: str = "", **more: str
) -> Scored:
    return Scored(
        EvalQuestion(key, question, **more),  # type: ignore[arg-type]
        Prediction(key, True, "", "", (), kind=kind),
        gold,
        {"f1": f1},
    )


@pytest.mark.parametrize(
    ("question", "length"),
    [
        ("一二三四五六七八九十？", "short"),
        ("一二三四五六七八九十一？", "medium"),
        ("一" * 20 + "？！", "medium"),
        ("一" * 21, "long"),
        ("What is the name of the first man there there", "short"),  # ten words
        ("What is the name of the first man there there now", "medium"),
        ("w " * 20, "medium"),
        ("w " * 21, "long"),
        ("", "short"),
    ],
)
def test_length_counts_characters_of_chinese_and_words_of_english(question: str, length: str) -> None:
    assert slices.length_of(EvalQuestion("q", question)) == length


@pytest.mark.parametrize(
    ("overlap", "value"),
    [(0.0, "low"), (0.2999, "low"), (0.3, "middle"), (0.5999, "middle"), (0.6, "high"), (1.0, "high"), (None, "")],
)
def test_overlap(overlap: float | None, value: str) -> None:
    other = made("o", gold=Gold("o", overlap=0.65 if value != "high" else 0.1))
    groups = slices.slices([made("q", gold=Gold("q", overlap=overlap)), other]).get("overlap", {})
    assert next((v for v, items in groups.items() if items[0].question.id == "q"), "") == value


@pytest.mark.parametrize(
    ("question", "lang", "gold", "value"),
    [
        ("Who built the bridge?", "", "zh", "across"),
        ("Who built the bridge?", "en", "en", "same"),
        ("谁建造了这座桥？", "", "zh", "same"),
        ("谁建造了这座桥？", "", "zh-Hant", "across"),
        ("誰建造了這座橋？", "", "zh", "across"),
        ("誰建造了這座橋？", "zh", "zh-Hant", "same"),  # sets say zh of both
        ("他是何人？", "", "zh-Hant", "same"),  # written the same in both
        ("他是何人？", "", "zh", "same"),
        ("他是何人？", "zh_TW", "zh", "across"),
        ("他是何人？", "", "en", "across"),
        ("iPhone 15 Pro Max 256 GB A17 Pro USB 3 价格", "zh", "zh", "same"),
        ("谁？", "", "", ""),
    ],
)
def test_script_of_the_question_against_that_of_the_gold(question: str, lang: str, gold: str, value: str) -> None:
    item = made("q", question, Gold("q", script=gold), lang=lang)
    other = made("o", "Who?", Gold("o", script="en" if value == "across" else "zh"), lang="en")
    groups = slices.slices([item, other]).get("script", {})
    assert next((v for v, items in groups.items() if item in items), "") == value


def test_type_is_always_there_and_others_where_they_tell_something_apart() -> None:
    assert list(slices.slices([made(type="who"), made(type="who")])) == ["type"]
    two = slices.slices([made(type="who"), made(question="Who?", kind="where"), made()])
    assert list(two) == ["type", "lang"]
    assert list(two["type"]) == ["-", "where", "who"] and list(two["lang"]) == ["zh", "en"]


def test_the_stated_language_goes_first() -> None:
    assert slices.lang_of(EvalQuestion("q", "谁？", lang="ja")) == "ja"
    assert slices.lang_of(EvalQuestion("q", "誰說的？")) == "zh-Hant"


def test_closed_values_keep_their_order_and_open_ones_come_largest_first() -> None:
    long = [made(question="一" * 30, type="b") for _ in range(3)]
    groups = slices.slices([*long, made(type="a"), made(type="c")])
    assert list(groups["length"]) == ["short", "long"] and list(groups["type"]) == ["b", "a", "c"]


def gold(*sources: str) -> Gold:
    return Gold("q", (tuple(Place(source, 0, 5) for source in sources),))


def test_format_is_the_suffix_of_the_gold_s_file() -> None:
    items = [
        made("1", source="手册.PDF", gold=gold("其他.txt")),  # the named file goes first
        made("2", gold=Gold("2", documents={"a/b.docx": 1})),
        made("3", gold=gold("x.txt", "y.pdf", "z.txt")),
        made("4", gold=gold("TRAIN_186", "wiki-1.5", "第3.2节", "no.suffix-at-all")),
        made("5"),
    ]
    groups = {value: [i.question.id for i in held] for value, held in slices.slices(items)["format"].items()}
    assert groups == {"docx": ["2"], "pdf": ["1"], "pdf + txt": ["3"]}


def test_the_table_has_n_and_means() -> None:
    table = slices.table([made(f1=1.0, type="a"), made(f1=0.0, type="a"), made(f1=1 / 3, type="b")])
    assert table["type"] == {"a": {"n": 2, "f1": 0.5}, "b": {"n": 1, "f1": 0.3333}}
    assert slices.table([]) == {}


def test_a_set_where_each_question_has_its_own_type_stays_readable() -> None:
    groups = slices.slices([made(type=f"t{n:03}") for n in range(200)] + [made(type="t007")])["type"]
    assert len(groups) == slices.MOST and next(iter(groups)) == "t007"
    assert len(groups[slices.OTHERS]) == 201 - 2 - (slices.MOST - 2) and sum(map(len, groups.values())) == 201


texts = st.text("谁誰的這这 abcd？", max_size=30)
golds = st.none() | st.builds(
    Gold, st.just("q"), overlap=st.none() | st.floats(0, 1), script=st.sampled_from(["", "zh", "zh-Hant", "en"])
)


@given(
    st.lists(
        st.builds(
            made,
            question=texts,
            gold=golds,
            type=st.sampled_from(["", "a", "b"]),
            lang=st.sampled_from(["", "zh", "en"]),
        )
    )
)
def test_every_question_is_in_at_most_one_value_of_a_slice_and_in_one_type(items: list[Scored]) -> None:
    found = slices.slices(items)
    for name, groups in found.items():
        held = [id(item) for part in groups.values() for item in part]
        assert len(held) == len(set(held)) and all(groups.values())
        if name in {"type", "lang", "length"}:
            assert len(held) == len(items)
    assert "type" in found or not items
