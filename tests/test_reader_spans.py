"""From spans to answers, by hand: lists, numbers, names, what stands where the question word stands, several sentences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.reader import lists
from rag.reader.across import shared_names, unit_across
from rag.reader.agreement import agreement
from rag.reader.candidates import candidates_of
from rag.reader.choose import choose, short_spans
from rag.reader.features import is_foreign, prepare, unit_state
from rag.reader.reads import Window
from rag.reader.spans import matched_mask
from rag.reader.tidy import tidy
from rag.reader.views import view
from rag.types import Finding, Hit, Kind, Passage, Question, Span, passage_id
from rag.understand import understand


def _passage(text: str, start: int = 0, doc: str = "d") -> Passage:
    return Passage(passage_id(doc, start, start + len(text)), doc, text, start, start + len(text))


def _finding(text: str, trained: Sequence[str] = (), margin: float = 0.5) -> Finding:
    spans = tuple(Span(text.index(t), text.index(t) + len(t)) for t in trained)
    features = {"span": margin, "span_read": 1.0, "cross": 0.0, "type_missing": 0.0}
    return Finding(_passage(text), 0, len(text), 1.0, spans, features)


def _short(question: str, text: str, *trained: str) -> list[str]:
    finding = _finding(text, trained)
    return [finding.short(span) for span in short_spans(prepare(understand(question)), finding)]


@pytest.mark.parametrize(
    ("question", "text", "trained", "items"),
    [
        ("他写了哪些书？", "他写了《史记》《书》和《诗》，很有名。", "《史记》", ["《史记》", "《书》", "《诗》"]),
        ("他写了哪些书？", "他写了《史记》，《书》和《诗》。", "史记", ["《史记》", "《书》", "《诗》"]),
        ("有哪些美德？", "要“增进对人的家庭美德、社会公德、个人品德”。", "增进对人的家庭美德、社会公德、个人品德", ["家庭美德", "社会公德", "个人品德"]),
        ("编制了哪两份清单？", "出台方案，编制部门权责清单、平台责任清单，专项督查。", "编制部门权责清单、平台责任清单", ["部门权责清单", "平台责任清单"]),
        ("启用了哪三个站？", "同年，苗栗、彰化、云林三站同时启用。", "苗栗、彰化、云林三站同时启用", ["苗栗", "彰化", "云林"]),
        ("列车是哪些公司造的？", "列车由川崎重工、日本车辆与日立共同制造。", "由川崎重工、日本车辆与日立共同制造", ["川崎重工", "日本车辆", "日立"]),
        ("哪些书不能外借？", "五、古籍、工具书和当年期刊只供馆内阅览。", "古籍、工具书和当年期刊只供馆内阅览", ["古籍", "工具书", "当年期刊"]),
        ("企业设立了哪些岗位？", "指导新闻、社交企业设立示范岗、选品岗等，发挥作用。", "指导新闻、社交企业设立示范岗、选品岗", ["示范岗", "选品岗"]),
        ("职能有哪些？", "其职能有三：一是教化乡民；二是管理户籍，征收赋税；三是维护治安。", "管理户籍", ["教化乡民", "管理户籍，征收赋税", "维护治安"]),
        ("What are the colours of the flag?", "The colours are red, dark green, and white.", "red, dark green", ["red", "dark green", "white"]),
        ("Which languages are there bindings for?", "There are bindings for C, Python and Java.", "C, Python", ["C", "Python", "Java"]),
    ],
)  # fmt: skip
def test_all_items_of_the_enumeration_that_the_model_points_at(
    question: str, text: str, trained: str, items: list[str]
) -> None:
    assert _short(question, text, trained) == items


def test_without_an_enumeration_every_span_that_is_likelier_than_none_in_document_order() -> None:
    text = "甲队由红组带领完成，另外乙队也由蓝组带领完成。"
    assert _short("分别由哪些组带领？", text, "蓝组", "红组") == ["红组", "蓝组"]
    assert _short("甲队由哪个组带领？", text, "红组", "蓝组") == ["红组"]


@pytest.mark.parametrize(
    ("question", "several"),
    [
        ("运用了哪些技术？", True),
        ("Git的三个区域是什么？", True),
        ("校训是什么？", False),
        ("住在第四区的居民是谁？", False),
        ("What are people concerned about?", False),
        ("面板上显示E4是什么意思？", False),
        ("What are the three brands?", True),
        ("Which team won?", False),
        ("他出生于哪几年？", False),
    ],
)
def test_what_asks_for_several(question: str, several: bool) -> None:
    assert lists.asks_several(question) is several


@pytest.mark.parametrize(
    ("question", "text", "trained", "short"),
    [
        ("有多少网友参与？", "全网超500万网友参与。", "500万", ["超500万"]),
        ("一共有多少个栏目？", "开设栏目20余个，很受欢迎。", "栏目20", ["20余个"]),
        ("一证最多能借多少册书？", "每证最多可借图书10册、光盘2张，限期归还给本馆。", "可借图书10册、光盘2张", ["10册"]),
        ("精度是多少？", "追踪距离20km，距离精度±10m，方位精度不详细给出。", "±10m", ["±10m"]),
        ("管径变成多少？", "新管的管径由150毫米增加到200毫米，设计使用年限很长。", "150毫米增加到200毫米", ["200毫米"]),
        ("原来的管径是多少？", "新管的管径由150毫米增加到200毫米，设计使用年限很长。", "150毫米", ["150毫米"]),
        ("放了多少盏灯？", "本届放流河灯2.3万盏，是历届最多。", "2.3万", ["2.3万盏"]),
        ("滤网多久洗一次？", "滤网每两周清洗一次，阴干后装回原处。", "两周", ["每两周"]),
        ("E4是什么意思？", "| E4 | 水箱没有装到位 | 取出水箱后重新推入 |", "水箱没有装到位 | 取出", ["水箱没有装到位"]),
        ("海拔是多少？", "生长于海拔900米至1900米的地区，多生长在山谷。", "900米至1900米", ["900米至1900米"]),
        ("深化了什么机制？", "深化两级约谈机制，推进联合执法，常抓不懈，落到实处。", "深化两级约谈机制", ["两级约谈机制"]),
        ("用什么来滋养人心？", "要用核心价值观和文明成果滋养人心、滋养社会，久久为功。", "核心价值观", ["核心价值观和文明成果"]),
        ("宣讲团叫什么？", "组建“青春”宣讲团，开展宣讲。", "青春", ["“青春”"]),
        ("Git是什么？", "Git 是一个版本控制系统，由林纳斯编写，用来管理源代码的历史。", "是一个版本控制系统", ["一个版本控制系统"]),
        ("为什么最后放？", "花椒面最后放，是因为久煮会发苦，香气也会跑掉，味道不好。", "是因为久煮会发苦", ["因为久煮会发苦"]),
        ("工作区是什么？", "- **工作区**：正在编辑的目录，其中的文件还没有提交到仓库。", "- **工作区**", ["工作区"]),
        ("Who wrote it?", "It was written by Robert Brown, an author from the north of the country.", "bert Brown", ["Robert Brown"]),
    ],
)  # fmt: skip
def test_short_answers_are_whole_and_hold_nothing_else(
    question: str, text: str, trained: str, short: list[str]
) -> None:
    assert _short(question, text, trained) == short


def _lines(text: str, margins: Sequence[float]) -> list[Finding]:
    passage = _passage(text)
    found = []
    for (start, end), margin in zip(candidates_of(passage), margins, strict=True):
        features = {"span": margin, "span_read": 1.0, "cross": 0.0, "type_missing": 0.0}
        spans = (Span(start, end),) if margin > 0 else ()
        found.append(Finding(passage, start, end, margin, spans, features))
    return sorted(found, key=lambda f: -f.score)


def _chosen(question: str, candidates: Sequence[Finding]) -> list[tuple[str, list[str]]]:
    return [(f.quote, [f.short(s) for s in f.spans]) for f in choose(prepare(understand(question)), candidates)]


_AREAS = "- **工作区**：正在编辑的目录。\n- **暂存区**：下一次提交的内容。\n- **版本库**：已经提交的历史。"
_RULES = "一、每证可借图书十册。\n二、借期三十天。\n三、古籍、工具书和期刊只供馆内阅览。"


def test_a_span_of_which_nothing_is_left_is_none() -> None:
    text = "甲乙写了信，由：，等人。"
    assert _short("列出三个？", text, "甲乙", "由：，等") == ["甲乙"]
    assert "" not in _short("那封信谁寄？", text, "由：，等")


def test_what_is_framed_is_cut_where_folding_changes_lengths() -> None:
    assert _short("以什么为指导？", "㍿㍿㍿以先进理念为指导。", "㍿以先进理念为指导") == ["先进理念"]


def test_a_list_that_stands_over_several_lines_is_shown_whole_with_what_each_line_names() -> None:
    shown = _chosen("三个区域是什么？", _lines(_AREAS, [0.4, -0.1, -0.2]))
    assert [short for _, short in shown] == [["工作区"], ["暂存区"], ["版本库"]]
    assert "\n".join(quote for quote, _ in shown) == _AREAS


def test_an_item_that_holds_all_that_is_asked_for_stands_alone() -> None:
    shown = _chosen("哪些书不能外借？", _lines(_RULES, [-0.5, -0.5, 0.6]))
    assert shown == [("三、古籍、工具书和期刊只供馆内阅览。", ["古籍", "工具书", "期刊"])]


@pytest.mark.parametrize(
    ("question", "text", "margins", "count"),
    [
        ("为什么要开小拱？", "开小拱可以节省石料。二来能够分担泄洪。桥很美。", [0.5, -0.5, -1.0], 2),
        ("为什么叫笨蛋水果？", "它的钙含量很高。因此它有时也被称为笨蛋水果。", [-0.4, 0.5], 2),
        ("为什么要开小拱？", "开小拱可以节省石料。桥很美。", [0.5, -0.5], 1),
        ("什么时候通车？", "大桥于1937年通车。此外还修了路。", [0.5, -0.5], 1),
    ],
)
def test_sentences_that_belong_together_are_shown_together(
    question: str, text: str, margins: list[float], count: int
) -> None:
    shown = [quote for quote, _ in _chosen(question, _lines(text, margins))]
    assert len(shown) == count and text.startswith(shown[0])
    assert [text.index(quote) for quote in shown] == sorted(text.index(quote) for quote in shown)


def test_what_two_scripts_share() -> None:
    asked = understand("How large was the Wolong reserve in Sichuan after 1975?")
    assert shared_names(asked, view("1975年，四川卧龙保护区扩大到20万公顷。")) == 1.0
    assert 0 < shared_names(asked, view("1975年，陕西佛坪保护区扩大。")) < 0.5
    assert shared_names(understand("卧龙有什么动物？"), view("Nothing here.")) == 0.0
    assert is_foreign(prepare(asked), "卧龙保护区") and not is_foreign(prepare(asked), "the reserve")


@pytest.mark.parametrize(
    ("question", "text", "state"),
    [
        ("How many books can I borrow?", "每证最多可借10册。", 1),
        ("How many campaigns were there?", "200万人次参与。", -1),
        ("How many campaigns were there?", "开展行动200余次。", 1),
        ("How many gizmos were there?", "开展行动200余次。", 0),
        ("用了多少公里？", "It took 300 kilometers.", 1),
    ],
)
def test_units_across_languages(question: str, text: str, state: int) -> None:
    assert unit_state(prepare(understand(question)), text) == state
    assert unit_across("gizmos", ["次"]) == 0


def test_passages_that_say_the_same_count_for_each_other() -> None:
    texts = ["大桥建于1937年。", "那座桥1937 年通车。", "桥长100米。"]
    hits = [Hit(_passage(text, 100 * i), 1.0) for i, text in enumerate(texts)]
    windows = {
        0: Window(0.0, ((4, 9, 2.0),), 2.0),
        1: Window(0.0, ((3, 9, 2.0),), 2.0),
        2: Window(0.0, ((2, 6, 2.0),), 2.0),
    }
    agree = agreement(hits, windows)
    assert agree(hits[0].passage, [(4, 9)]) == agree(hits[1].passage, [(3, 9)]) > 0.5
    assert agree(hits[2].passage, [(2, 6)]) == 0.0 and agree(hits[0].passage, []) == 0.0


_TEXTS = st.text(
    alphabet="甲乙丙的了是由等和及、，。；：:“”《》（）()- \n12三个年月超余abAB,.*", min_size=1, max_size=60
)
_KINDS = ["who", "when", "where", "how_many", "which", "list", "definition", "why", "how", "keywords"]


@settings(max_examples=300, deadline=None)
@given(_TEXTS, st.data())
def test_short_spans_stay_inside_their_sentence_in_order_and_apart(text: str, data: st.DataObject) -> None:
    kind: Kind = data.draw(st.sampled_from(_KINDS))  # type: ignore[arg-type]
    words = data.draw(
        st.sampled_from(["甲乙有哪些？", "由什么来丙？", "三个甲是什么？", "What are the ab and AB?", "有几个年？"])
    )
    question = Question(words, words, "zh", kind, ("甲", "乙", "ab"))
    edges = st.integers(0, len(text))
    drawn = data.draw(st.lists(st.tuples(edges, edges), max_size=4))
    spans = tuple(Span(5 + min(a, b), 5 + max(a, b)) for a, b in drawn if a != b)
    passage = Passage(1, "d", "x" * 5 + text + "yy", 0, len(text) + 7)
    finding = Finding(passage, 5, 5 + len(text), 1.0, spans, {"span": data.draw(st.sampled_from([-0.5, 0.5]))})
    for span in spans:
        cut = tidy(finding, span)
        assert finding.start <= cut.start <= cut.end <= finding.end
    found = short_spans(prepare(question), finding)
    assert all(finding.start <= s.start < s.end <= finding.end for s in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    for pieces, _ in lists.enumerations(text):
        assert all(0 <= a < b <= len(text) for a, b in pieces)
        assert all(a[1] <= b[0] for a, b in pairwise(pieces))
    assert len(matched_mask(prepare(question), text)) == len(text)


@pytest.mark.parametrize(
    ("question", "text", "trained", "short"),
    [
        ("到去年底加装好了多少个单元？", "到去年底，全市已加装1386个单元，惠及2万户。", "1386个单元", "1386个单元"),
        ("几天内会寄出新机？", "收到旧机后7个工作日内寄出新机。", "7个工作日内", "7个工作日内"),
        (
            "夜场每晚限多少人？",
            "Each late night is limited to 240 visitors, booked online.",
            "240 visitors",
            "240 visitors",
        ),
        ("配建了多少个小站？", "配建100余个，覆盖全市。", "100余个，覆盖全市", "100余个"),  # a clause is no noun
        ("配建了多少个小站？", "配建100余个小站。", "100余个", "100余个"),
    ],
)
def test_a_number_keeps_the_noun_that_the_model_counts_with_it(
    question: str, text: str, trained: str, short: str
) -> None:
    assert _short(question, text, trained) == [short]
