"""Follow-ups: what a question leaves out, taken from the one before it."""

from __future__ import annotations

import re

from rag.text import dates, fold, is_han, language
from rag.text.places import places
from rag.understand.kinds import classify, overview_of
from rag.understand.page import page_question
from rag.understand.words import DOC_EN, DOC_ZH, FRAME, QUOTED, terms

_PRONOUN_ZH = re.compile(
    r"(?:它|他|她|牠|祂)(?:们|們)?(?:的)?|这(?:个|些|项|场|次|家|部|座|位|里)?(?![样么年月])|那(?:个|些|项|场|次|家|部|座|位|里)(?!么)|其(?![他它中实余次])|该(?!不)|此(?![外后前次])"
)
_PRONOUN_EN = re.compile(r"\b(?:it|its|they|them|their|he|him|his|she|her|that one|this|these|those|that)\b", re.I)
_LEAD_ZH = re.compile(r"^(?:那么?|那|还有|然后|另外|以及|另|再|同时|接着)[,，\s]*(?!个|些|里|项|年|时|次|场|家|位)")
_LEAD_EN = re.compile(r"^(?:and|what about|how about|also|then|so)\b[,\s]*", re.I)
_TAIL_NE = re.compile(r"(?:呢|的呢|又如何|又怎样|怎么样)[？?。!！\s]*$")
_VERB_ZH = re.compile(
    r"(?:开展|举办|举行|组织|推出|打造|建设|建立|成立|创立|设立|开设|发布|获得|获|参与|参加|覆盖|采用|运用|使用|包括|包含|拥有|属于|位于|负责|"
    r"担任|出台|制定|开发|创作|推动|支持|建了?|用了?|叫做?|称为|有|是|在|办了?|做了?|写|播出|传播|出版|毕业|出生|去世|发生|开始|结束|完成|达到|达|需要|花了?|共|一共|总共)"
)
_WHO_IS_THAT = re.compile(
    r"(?:他|她|ta|这人|这个人|此人|这位)(?:到底|究竟)?(?:是|系)?(?:谁|什么人|何许人也?|哪位|干[嘛吗啥]|干什么|做什么|什么来头|什么身份)的?[呀啊呢]*[?？]?$"
    r"|^(?:and |so )?who (?:is|was) (?:he|she|that|this|it)\b|\bwhat (?:does|did) (?:he|she|they) do\b"
)
_THE_THING = re.compile(r"它|\b(?:it|its)\b", re.IGNORECASE)
_INSIDE = re.compile(
    r"(?:里面?|里头|其中|当中|中间|内部)(?:都|又|还|主要|一共|总共|分别)*(?:是|有|包括|包含|用|放|讲|说|[，,])"
)
_OF_THE = re.compile(r"(?P<owner>[^的]{2,})的[^的]+")
_NUMERALS = r"(?:\d+|[一二两三四五六七八九十百半]+)"
_LENGTH = re.compile(rf"{_NUMERALS}(?:个)?(?:年|月|天|日|周|星期|礼拜|小时|钟头|分钟|季度)")
_COUNTED = re.compile(rf"{_NUMERALS}[\u4e00-\u9fff]")
_MODEL = re.compile(r"(?:(?:in|on|at|for|of|with)\s+)?(?P<model>(?P<name>[A-Za-z]*)\d+(?:\.\d+)?)")
_IF = re.compile(r"^(?:要是|如果|假如|若是|换成|改成|换作)(?:是|请|要)?")
_AND_OF = re.compile(r"呢\s*[，,]")  # 那车位呢，有多少？
LONGEST_CARRIED = 200  # characters that a follow-up may take from the question before it


def carry_over(question: str, previous: str) -> str:
    """The question with what it leaves out, taken from the one before: "那上海呢" after "成都有多少小站" becomes
    "上海有多少小站"; a pronoun becomes the earlier subject. A question complete in itself is returned as it is, one that
    goes on from the earlier in a way that no rule knows comes `after` it whole."""
    if not previous or not any(c.isalnum() for c in question):
        return question
    previous = previous[:LONGEST_CARRIED]
    folded = fold(question)
    subject = subject_of(previous)
    about = classify(fold(previous))
    english = language(previous) == "en"
    if about[1] in {"author", "position"}:  # the page's author, whoever that is
        if about[1] == "author" and _WHO_IS_THAT.search(folded):
            return "What is the author's position?" if language(question) == "en" else "作者是什么职务？"
        of_page = _THE_THING.search(question)  # it is the page, he or she who wrote it
        subject = ("this article" if english else "这篇文章") if of_page else "the author" if english else "作者"
    elif about[0] in {"metadata", "overview"} and not (named := overview_of(fold(previous))):
        subject = "this article" if english else "这篇文章"
    elif about[0] == "overview":
        subject = named
    body = without_lead(question)
    lead = body != question
    bare = _TAIL_NE.sub("", body).strip(" ,，。?？!！")
    asks = classify(fold(body))[0]
    if (lead or _TAIL_NE.search(body)) and asks in {"keywords", "which"} and bare and not _asks(bare):
        topic = _PRONOUN_ZH.sub("", bare) or bare
        return _swap_subject(previous, subject, topic) or after(previous, question)
    pronoun = _PRONOUN_ZH.search(body) or (_PRONOUN_EN.search(body) if language(question) == "en" else None)
    if pronoun and subject and not re.search(DOC_ZH, folded) and not re.search(DOC_EN, folded):
        possessive = pronoun.group().lower() in {"its", "their", "his", "her"}
        filled = subject + (
            "'s" if possessive and not is_han(subject[-1]) else "的" if pronoun.group().endswith("的") else ""
        )
        return body[: pronoun.start()] + filled + body[pronoun.end() :]
    if asks in {"overview", "metadata", "greeting"}:
        asked = page_question(fold(previous)) if asks == "metadata" and is_han(body[:1] or " ") else None
        named_before = asked is not None and asked.name and subject and not re.search(DOC_ZH, folded)
        return f"{subject}的{body}" if named_before else question
    if (
        (len(terms(body)) == 0 or _starts_with_predicate(body) or _INSIDE.match(body))
        and subject
        and subject not in body
    ):
        gap = "，" if re.match(r"需?要", body) else "" if is_han(subject[-1]) else " "
        return f"{subject}{gap}{body}"
    return after(previous, question) if lead and _AND_OF.search(body) else question


def without_lead(question: str) -> str:
    """The question without what ties it to the one before: 那, 还有, and, what about."""
    lead = _LEAD_ZH.match(question) or _LEAD_EN.match(question)
    return question[lead.end() :] if lead else question


def after(previous: str, question: str) -> str:
    """A follow-up that cannot be put into one sentence with the question before it."""
    return f"{previous[:LONGEST_CARRIED]} {question}"


def subject_of(question: str) -> str:
    """What a question is about, as written in it: its quoted name, or the longest content stretch before or after its
    verb, without question words."""
    quoted = QUOTED.search(question)
    if quoted:
        return quoted.group()
    folded = fold(question)
    if len(folded) != len(question):  # offsets would not fit; rare characters only
        return ""
    masked = FRAME.sub(lambda m: " " * len(m.group()), folded)
    if language(question) == "en":
        is_a = _COPULA.match(question)
        if is_a and len(is_a["name"].split()) <= 6:
            return is_a["name"]
        runs = re.finditer(r"(?:[^\s?,.!]|\.(?=\w))+(?:\s(?:[^\s?,.!]|\.(?=\w))+)*", masked)
        kept = [_trim_english(question[m.start() : m.end()]) for m in runs]
        return max(kept, key=len, default="")
    masked = _VERB_ZH.sub(lambda m: " " * len(m.group()), masked)
    runs = re.finditer(r"[^\s?？,，。!！、了着过]+", masked)
    stretches = [_MEASURED.sub("", _CLASSIFIER.sub("", question[m.start() : m.end()].strip("的在了"))) for m in runs]
    best = max(stretches, key=lambda s: (len(s), -question.find(s)), default="")
    return re.sub(r"(?<=...)出$", "", best)


_COPULA = re.compile(r"^(?:what|who) (?:is|are|was|were) (?:the |an? )?(?P<name>[A-Z][^?,!]+?)\s*\??$", re.IGNORECASE)
_CLASSIFIER = re.compile(r"^[个次名位场期篇家项座条部款种](?=..)")
_MEASURED = re.compile(
    r"(?<=..)的?(?:全长|总长|全程|面积|高度|长度|宽度|人口|重量|年龄|价格|票价|时速|速度|海拔|直径|总数)$"
)


def _trim_english(run: str) -> str:
    words = run.split()
    small = {
        "did",
        "does",
        "do",
        "was",
        "were",
        "is",
        "are",
        "the",
        "a",
        "an",
        "many",
        "much",
        "of",
        "in",
        "on",
        "to",
        "has",
        "have",
    }
    while words and words[0].lower() in small:
        words.pop(0)
    names = re.findall(r"(?:[A-Z0-9][\w.-]*)(?:\s[A-Z0-9][\w.-]*)*", " ".join(words))
    return max(names, key=len) if names else " ".join(words)


def _swap_subject(previous: str, subject: str, topic: str) -> str:
    """The earlier question with `topic` in the place of what it is like; "" where that would read as no question."""
    here, there = places(topic), places(previous)
    if here and there and len(here[0]) == len(topic.strip()):  # a place asked for instead of another place
        return previous.replace(there[0], topic, 1)
    years, old = dates(topic), dates(previous)
    if years and old and len(topic) <= years[0].end - years[0].start + 1:
        return previous[: old[0].start] + topic + previous[old[0].end :]
    wanted = _IF.sub("", topic)
    for shape in (_LENGTH, _COUNTED):  # 请5天假找谁批 … 那12天呢
        old_one = shape.search(previous) if shape.fullmatch(wanted) else None
        if (old_one and old_one.group()[-1] == wanted[-1]) or (old_one and shape is _LENGTH):
            return previous[: old_one.start()] + wanted + previous[old_one.end() :]
    model = _MODEL.fullmatch(topic)
    if model:  # 松果S3 … 那S4呢; version 4.2 … and in 3.9
        like = (
            rf"(?<![A-Za-z0-9.]){model['name']}\d+{re.escape('.')}\d+(?![\d.])"
            if "." in topic
            else rf"(?<![A-Za-z0-9.]){model['name']}\d+(?![\d.])"
        )
        found = re.search(like, previous, re.IGNORECASE)
        if found:
            return previous[: found.start()] + model["model"] + previous[found.end() :]
    alike = next(
        (at for at in range(len(previous) - len(topic) + 1) if _alike(previous[at : at + len(topic)], topic)), None
    )
    if alike is not None:  # 大杯 … 那小杯呢
        return previous[:alike] + topic + previous[alike + len(topic) :]
    if language(previous) == "en" and not re.search(r"\b[A-Z0-9]", topic):
        return ""  # "and in winter": like a part of the question, but not like its subject
    if subject and subject in previous:
        owned = _OF_THE.fullmatch(subject)  # 除湿机的滤网 … 水箱呢
        return previous.replace(
            subject,
            f"{owned['owner']}的{topic}" if owned and all(map(is_han, topic)) and "的" not in topic else topic,
            1,
        )
    return f"{topic} {previous}"


def _alike(one: str, other: str) -> bool:
    """Whether two short Chinese words are of one kind by their last character: 大杯, 小杯; 上午场, 下午场."""
    return 2 <= len(other) <= 4 and one != other and one[-1] == other[-1] and all(map(is_han, one + other))


def _asks(text: str) -> bool:
    return bool(re.search(r"什么|啥|多少|几|哪|谁|何|怎|吗|\b(?:what|which|who|when|where|why|how)\b", fold(text)))


def _starts_with_predicate(body: str) -> bool:
    """Whether a question has no subject of its own: 一共开展了几次, 什么时候通车的."""
    folded = fold(body)
    verb = rf"(?:又|还|也|都|一共|总共|共)*{_VERB_ZH.pattern}.*(?:什么|多少|几|哪|谁|吗)"
    asks = r"(?:是|需?要)?(?:提前|事先|预先)?(?:什么时候|何时|在哪|哪[里儿年天位家些]|谁|多少|怎么|为什么|为何|多[久长大高远]|(?:一共|总共|共)?有(?:多少|几|哪些))"
    asked = re.match(asks, folded)
    rest = folded[asked.end() :] if asked else body
    own = sum(len(term) if is_han(term[0]) else 3 for term in terms(rest))  # what it names itself
    return len(folded) <= 14 and own <= 4 and bool(asked or re.match(verb, folded))
