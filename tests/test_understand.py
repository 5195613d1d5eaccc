"""Questions by hand: kinds, terms, anchors, follow-ups."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.text import fold
from rag.understand import LONGEST_CARRIED, carry_over, keys_about, part_asked, subject_of, understand


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("桥上一共建了多少个观景台？", "how_many"),
        ("How many bridges were built?", "how_many"),
        ("大桥什么时候通车？", "when"),
        ("In what year did it open?", "when"),
        ("谁设计了这座桥？", "who"),
        ("大会在哪里举行？", "where"),
        ("采用了哪些技术？", "list"),
        ("为什么要修桥？", "why"),
        ("Why was it closed?", "why"),
        ("“一街百站”是什么意思？", "definition"),
        ("谣言是怎么治理的？", "how"),
        ("作品获得了什么奖？", "which"),
        ("有没有成立法庭？", "yes_no"),
        ("Is it open on Sundays?", "yes_no"),
        ("这篇文章讲了什么？", "overview"),
        ("Summarize the article", "overview"),
        ("一街百站", "keywords"),
        ("你好！", "greeting"),
        ("thank you", "greeting"),
    ],
)
def test_kinds(question: str, kind: str) -> None:
    assert understand(question).kind == kind


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("这篇文章的作者是谁？", "author"),
        ("Who wrote this article?", "author"),
        ("作者是什么职务？", "position"),
        ("文章什么时候发布的？", "date"),
        ("When was this article published?", "date"),
        ("本文链接是什么？", "url"),
        ("这篇文章的标题是什么？", "title"),
        ("这篇文章属于哪个分类？", "category"),
        ("这篇文章是谁发布的？", "publisher"),
    ],
)
def test_metadata(question: str, field: str) -> None:
    assert (understand(question).kind, understand(question).field) == ("metadata", field)


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("这篇稿子哪天挂到网上的", "date"),
        ("几点几分发的帖？要精确时间", "date"),
        ("该文件何时印发", "date"),
        ("When did this story come out?", "date"),
        ("這篇稿子是哪個帳號發的", "publisher"),
        ("这须知哪个部门发的", "publisher"),
        ("Which site published the article?", "publisher"),
        ("執筆的是哪位", "author"),
        ("文章出自谁手，什么时候发的", "author date"),
        ("Which account uploaded this piece, and on what date?", "publisher date"),
        ("Who is the author and what is his position?", "author position"),
        ("署名的这位领导担任哪两个职务？", "position"),
        ("本文作者何许人也", "position"),
        ("What does the author do for a living?", "position"),
        ("大标题怎么写的，我抄一下", "title"),
        ("What's the headline?", "title"),
        ("写脚注要用，给我这篇的网址", "url"),
        ("Can you give me the link to this page?", "url"),
        ("它被放在网站哪个分类专栏里", "category"),
        ("Which category is this article filed under?", "category"),
        ("这帖子多少人看过", "views"),
        ("这篇文章有多少个赞", "likes"),
        ("作者有多少粉丝", "followers"),
        ("底下有人评论吗，几条", "comments"),
        ("本文的责任编辑是谁", "editor"),
        ("这份通告的文号是多少", "number"),
        ("想转到我们公众号，得先联系哪个？", "reuse"),
        ("没打招呼就转载，出了事算谁的", "reuse"),
        ("What happens if I repost it without asking?", "reuse"),
    ],
)
def test_many_ways_to_ask_about_the_page(question: str, field: str) -> None:
    assert (understand(question).kind, understand(question).field) == ("metadata", field)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("小说的标题是什么", "definition"),
        ("视频作品的标题叫什么", "which"),
        ("为什么标题叫飞入寻常百姓家", "why"),
        ("会议的日期是什么时候", "when"),
        ("“文明兴蓉”平台是什么时候上线的？", "when"),
        ("文章发布后有多少人参与互动", "how_many"),
        ("作者认为网络文明最重要的是什么", "definition"),
        ("作者引用了谁的话", "who"),
        ("谁写的《理响家》主题曲", "who"),
        ("Who is the author of the documentary Glory?", "who"),
        ("Which department issued the plan?", "which"),
        ("When was the new regulation published?", "when"),
        ("短视频的阅读量有多少", "how_many"),
        ("蓝鲸嘴里每侧有几块鲸须板？", "how_many"),
        ("海外社交媒体矩阵覆盖多少粉丝？", "how_many"),
        ("哪家媒体转载了《醒狮》", "which"),
        ("转载的作品获得了什么奖", "which"),
        ("文章提到的辟谣平台叫什么", "which"),
        ("文中说的新闻咖啡时是哪年建立的", "when"),
        ("材料里提到的作品《荣耀之旅·征途》是谁创作的", "who"),
        ("这份说明书的保修期多久", "how_many"),
        ("专栏开设了多少个", "how_many"),
        ("有几位作者参加了活动", "how_many"),
        ("展览被多少人看过", "how_many"),
        ("Can I reuse the filter after washing?", "yes_no"),
        ("Who posted the guards at the gate?", "who"),
        ("Which section of the road was closed?", "which"),
        ("文中说举办了多少场“文明一课”直播活动", "how_many"),
    ],
)
def test_a_word_for_metadata_does_not_hijack_a_question_about_content(question: str, kind: str) -> None:
    assert understand(question).kind == kind


@pytest.mark.parametrize(
    "question",
    [
        "全文分哪五个大板块，把小标题都列出来",
        "Give me the section headings of this article.",
        "列一下这份须知的目录",
        "这份说明书有哪些章节",
        "What are the sections of this report?",
        "How is the article organized?",
        "没空细看，一句话告诉我这篇说的是啥",
        "TL;DR",
    ],
)
def test_overviews_are_asked_for_in_many_ways(question: str) -> None:
    assert understand(question).kind == "overview"


@pytest.mark.parametrize(
    ("question", "label", "keys"),
    [
        ("Git入门手册是什么日期的？", "Git 入门手册", "date"),
        ("读者须知是哪天发布的？", "滨江区图书馆读者须知", "date"),
        ("嫦娥六号那篇是谁写的", "嫦娥六号带回月背样品", "author"),
        ("《嫦娥六号带回月背样品》的作者", "嫦娥六号带回月背样品", "author"),
        ("wind这个账号一共发表了多少篇？", "wind", "posts"),
        ("Git是谁写的？", "Git 入门手册", ""),
        ("《荣耀之旅》的作者是谁", "嫦娥六号带回月背样品", ""),
        ("成都发布是什么时候上线的", "网络文明建设的成都实践", ""),
        ("虎年成都游玩攻略全网阅读量有多少", "网络文明建设的成都实践", ""),
        ("Larkpost 5.0计划哪天发布？", "Larkpost 4.2 release notes", ""),
    ],
)
def test_a_document_is_called_by_its_title_or_its_account(question: str, label: str, keys: str) -> None:
    assert keys_about(fold(question), fold(label)) == keys


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("网络道德那部分下面有哪四项举措？", "网络道德"),
        ("综合治理一节从哪三个方面展开", "综合治理"),
        ("综合治理这一块主要讲了哪几点？", "综合治理"),
        ("What does the section on safety say?", "safety say"),
        ("这一部分讲了什么？", ""),
        ("全文分哪几个部分？", ""),
        ("有哪些举措？", ""),
    ],
)
def test_a_part_is_named_by_its_heading(question: str, part: str) -> None:
    assert part_asked(fold(question)) == part


def test_a_question_about_content_is_not_about_the_page() -> None:
    assert understand("《红楼梦》的作者是谁？").kind == "who"
    assert understand("国家图书馆什么时候发布了新的借阅规则？").kind == "when"


@pytest.mark.parametrize(
    "question", ["科幻大会是哪年？", "平台什么时候发布？", "How many columns were opened?", "链接是怎么断的？"]
)
def test_a_metadata_word_alone_does_not_make_a_question_about_the_page(question: str) -> None:
    assert understand(question).kind != "metadata"


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("和服是什么？", "和服"),
        ("首都是哪里？", "首都"),
        ("也门有多少人？", "也门"),
        ("几何学是谁创立的？", "几何学"),
        ("都灵冬奥会是哪年？", "都灵冬奥会"),
    ],
)
def test_words_with_a_joining_character_stay_whole(question: str, word: str) -> None:
    assert word in understand(question).terms


def test_names_and_numbered_things_are_anchors() -> None:
    assert "postgresql" in understand("Who created PostgreSQL?").anchors
    assert "#7号" in understand("嫦娥七号什么时候发射？").anchors
    assert understand("哪两家公司参加？").anchors == ()


def test_anchors_are_what_an_answer_must_honour() -> None:
    anchors = understand("第80届世界科幻大会2023年在上海的“银河”馆吗？").anchors
    assert set(anchors) >= {"银河", "#80届", "@y2023", "^上海"}


@pytest.mark.parametrize(
    ("question", "previous", "understood"),
    [
        ("那上海呢？", "成都有多少个小站", "上海有多少个小站"),
        ("那清朗行动呢？", "“文明一课”举办了多少场次？", "清朗行动举办了多少场次？"),
        ("What about Shanghai?", "How many stations does Chengdu have?", "How many stations does Shanghai have?"),
        ("它用了哪些技术？", "全国首个主题街区叫什么？", "全国首个主题街区用了哪些技术？"),
        ("这篇文章的作者是谁？", "成都有多少个小站", "这篇文章的作者是谁？"),
        ("大桥全长多少公里？", "成都有多少个小站", "大桥全长多少公里？"),
        ("那2022年呢？", "2023年有多少游客", "2022年有多少游客"),
        ("那小杯呢？", "大杯燕麦拿铁多少钱？", "小杯燕麦拿铁多少钱？"),
        ("那什么时候通车的？", "跨海大桥全长多少公里？", "跨海大桥什么时候通车的？"),
        ("为什么要强化网络执法？", "这篇文章的作者是谁？", "为什么要强化网络执法？"),
        (
            "And in winter?",
            "How often does the ferry leave in summer?",
            "How often does the ferry leave in summer? in winter?",
        ),
        ("那车位呢，有多少？", "铁路博物馆离地铁站远吗？", "铁路博物馆离地铁站远吗？ 车位呢，有多少？"),
        ("那火星上有人吗", "配建了多少个智慧学习小站？", "那火星上有人吗"),
        ("这篇文章讲了什么？", "配建了多少个智慧学习小站？", "这篇文章讲了什么？"),
        ("他担任什么职务？", "这篇文章是谁写的？", "作者担任什么职务？"),
        ("他是干什么的？", "谁写的这篇文章", "作者是什么职务？"),
        ("Who is he?", "Who wrote this article?", "What is the author's position?"),
        ("它主要讲了什么？", "这篇文章是谁写的？", "这篇文章主要讲了什么？"),
        ("作者是谁呢？", "读者须知是哪天发布的？", "读者须知的作者是谁呢？"),
        ("那12天呢？", "在软件园请5天假要找谁批？", "在软件园请12天假要找谁批？"),
        ("要是一个星期呢", "请假四天谁可以批？", "请假一个星期谁可以批？"),
        ("那S4呢？", "松果S3的水箱能装多少水？", "松果S4的水箱能装多少水？"),
        ("And in 3.9?", "What is the default in Larkpost 4.2?", "What is the default in Larkpost 3.9?"),
        ("水箱呢？", "松果除湿机的滤网多久洗一回？", "松果除湿机的水箱多久洗一回？"),
        ("要提前多久申請？", "鹽浦鐘錶博物館有英語導覽嗎？", "鹽浦鐘錶博物館，要提前多久申請？"),
        ("里面是些什么类型的视频", "网络公益微课堂出了多少期", "网络公益微课堂里面是些什么类型的视频"),
        ("🙂", "成都有多少个小站", "🙂"),
    ],
)
def test_follow_ups(question: str, previous: str, understood: str) -> None:
    assert understand(question, [previous]).full == understood


def test_subject_is_the_quoted_name_or_the_longest_stretch() -> None:
    assert subject_of("“成都互联网沙龙”举办了几期？") == "“成都互联网沙龙”"
    assert subject_of("谁创立了成都互联网沙龙？") == "成都互联网沙龙"
    assert subject_of("Who designed the Golden Gate Bridge?") == "Golden Gate Bridge"


@given(st.text(max_size=60), st.lists(st.text(max_size=40), max_size=3))
@settings(max_examples=150, deadline=None)
def test_any_text_is_understood_the_same_way_twice(text: str, history: list[str]) -> None:
    assert understand(text, history) == understand(text, history)
    assert understand(text).text == " ".join(text.split())


def test_a_chain_of_follow_ups_stays_short() -> None:
    question = "它有多少个呢？"
    previous = "“" + "很长的名字" * 60 + "”是什么？"
    for _ in range(20):
        previous = carry_over(question, previous)
    assert len(previous) <= LONGEST_CARRIED + len(question)


def test_a_follow_up_after_its_question_asks_for_what_it_says_itself() -> None:
    asked = understand("那“银杏路口”呢，什么时候开门？", ["“铁路博物馆”有多少车位？"])
    assert asked.full == "“铁路博物馆”有多少车位？ “银杏路口”呢，什么时候开门？" and asked.kind == "when"
    assert asked.anchors == ("银杏路口",) and "铁路博物馆" not in asked.understood
    bare = understand("And in winter?", ["How many ferries leave in summer?"])
    assert bare.kind == "how_many" and bare.terms == ("winter",) and bare.before
    assert understand("And in winter?", ["Who wrote this article?"]).kind not in {"metadata", "overview"}
    assert not understand("And then?", ["How many ferries leave in summer?"]).before  # it names nothing to look for
    long = understand("And in winter?", [f"How often does the ferry leave in summer, {'and ' * 80}in spring?"])
    assert long.terms == ("winter",)
