"""Search keys: folding, numbers, dates, places, tokens."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.text import dates, fold, fold_map, language, numbers, places, same_place, tokens, value_keys
from rag.text.background import rarity
from rag.text.fold import _simplified, unfold
from rag.text.phrases import reads_as_words


@pytest.mark.parametrize(
    ("written", "key"),
    [("２００個ＡＰＰ", "200个app"), ("「網絡」", '"网络"'), ("臺灣", "台湾"), ("ﬁ", "fi"), ("《醒·狮》", "《醒·狮》")],
)
def test_fold(written: str, key: str) -> None:
    assert fold(written) == key


def test_every_character_is_simplified_as_when_it_stands_alone() -> None:
    from opencc import OpenCC

    convert = OpenCC("t2s").convert
    table, ours = _simplified(), set(map(ord, "妳臺麽"))
    for code in {*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000), *range(0xF900, 0xFB00)} - ours:
        alone = convert(chr(code))
        assert table.get(code, chr(code)) == (alone if len(alone) == 1 else chr(code)), hex(code)


@given(st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_fold_map_leads_every_folded_character_back(text: str) -> None:
    folded, at = fold_map(text)
    assert folded == fold(text)
    assert len(at) == len(folded) + 1 and at[-1] == len(text)
    assert at == sorted(at)
    assert all(folded[i] in fold(text[at[i]]) for i in range(len(folded)))


@pytest.mark.parametrize("day", ["星期日", "禮拜天", "周天"])
def test_a_weekday_unfolds_to_all_of_its_word(day: str) -> None:
    folded, at = fold_map(f"每{day}开放")
    assert folded == "每周日开放"
    spans = [unfold(at, *span) for span in ((1, 3), (1, 2), (2, 3), (0, 5))]
    assert [f"每{day}开放"[a:b] for a, b in spans] == [day, day[:-1], day[-1], f"每{day}开放"]


@pytest.mark.parametrize(
    ("text", "shown", "value", "unit"),
    [
        ("配建100余个智慧小站", "100余个", 100, "个"),
        ("200万人次参与", "200万人次", 2_000_000, "人次"),
        ("覆盖近千人", "近千人", 1000, "人"),
        ("三千万次阅读", "三千万次", 30_000_000, "次"),
        ("24万余场", "24万余场", 240_000, "场"),
        ("19.5万亿元", "19.5万亿元", 19.5e12, "元"),
        ("占25.1%", "25.1%", 25.1, "%"),
        ("$3.5 million", "$3.5 million", 3.5e6, "$"),
        ("3,328 people", "3,328 people", 3328, "people"),
        ("twenty-one days", "twenty-one days", 21, "days"),
    ],
)
def test_numbers_keep_their_measure_word(text: str, shown: str, value: float, unit: str) -> None:
    (number,) = numbers(text)
    assert (text[number.start : number.end], number.value, number.unit) == (shown, value, unit)


def test_an_ordinal_is_marked() -> None:
    (number,) = numbers("推动第81届世界科幻大会")
    assert number.ordinal and number.value == 81


@pytest.mark.parametrize("text", ["一体化治理", "三国文化", "裸眼3D", "M2芯片", "GPT-4o", "万一"])
def test_words_with_a_numeral_are_not_counts(text: str) -> None:
    assert [n for n in numbers(text) if not math.isnan(n.value)] == []


@pytest.mark.parametrize(
    ("text", "year", "month", "day"),
    [
        ("2023-10-10 15:55:23", 2023, 10, 10),
        ("二〇二三年十月十日", 2023, 10, 10),
        ("十月十日", None, 10, 10),
        ("获2023年国家奖", 2023, None, None),
        ("July 20, 1969", 1969, 7, 20),
        ("20 July 1969", 1969, 7, 20),
        ("in 1969 they", 1969, None, None),
    ],
)
def test_dates(text: str, year: int | None, month: int | None, day: int | None) -> None:
    (date,) = dates(text)
    assert (date.year, date.month, date.day) == (year, month, day)


def test_one_value_one_key_however_written() -> None:
    assert value_keys("三千万次") == value_keys("3000万次") == value_keys("30,000,000次")
    assert value_keys("十月十日") == ["d:10-10"]
    assert "d:10-10" in value_keys("2023-10-10")


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_spans_lie_in_any_text(text: str) -> None:
    for found in (*numbers(text), *dates(text)):
        assert 0 <= found.start < found.end <= len(text)
    assert all(place in text for place in places(text))
    assert all(token and not token.isspace() for token in tokens(text))


def test_tokens_by_hand() -> None:
    assert tokens("打造2个AI小站") == ["打造", "2", "个", "ai", "小站"]
    assert tokens("The stations’ 3,328 stories") == ["the", "station", "3328", "story", "n:3328"]
    assert tokens("") == tokens("，。！") == []


def test_places_in_both_languages() -> None:
    assert places("上海和Chengdu的大理石") == ["上海", "Chengdu"]
    assert set(same_place("chengdu")) == {"chengdu", "成都"}


@pytest.mark.parametrize(
    ("text", "lang"), [("网络", "zh"), ("網絡", "zh-Hant"), ("What is IFS熊猫活力?", "zh"), ("Who wrote it?", "en")]
)
def test_language(text: str, lang: str) -> None:
    assert language(text) == lang


def test_question_words_are_ordinary_and_names_are_rare() -> None:
    assert rarity("什么") < 1 < 4 < rarity("熊猫")
    assert rarity("what") < 1 < 4 < rarity("chengdu")


@pytest.mark.parametrize(
    "stretch", ["上海", "会员", "不锈钢", "社会主义", "思想", "太湖", "出租", "水温", "会展中心", "让胡路区", ""]
)
def test_stretches_that_read_as_words(stretch: str) -> None:
    assert reads_as_words(stretch)


@pytest.mark.parametrize("stretch", ["天假要找", "都给", "想在手机上看", "给带货主"])
def test_stretches_that_end_in_the_middle_of_a_word(stretch: str) -> None:
    assert not reads_as_words(stretch)


@pytest.mark.parametrize(
    "text", ["一" * 309, "一" * 5000, "1" * 500, "九" + "亿" * 80, "hundred " * 300, "三千点" + "五" * 500 + "亿" * 60]
)
def test_a_rule_drawn_of_numerals_is_no_number(text: str) -> None:
    assert all(math.isfinite(n.value) for n in numbers(text))
    assert not any("inf" in key for key in value_keys(text))
