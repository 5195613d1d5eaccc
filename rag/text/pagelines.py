"""The set phrases of web pages, mails and notices: what a single line says of itself.

Patterns hold for a whole short line, so that a sentence of the body that uses the same word is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.text.names import OFFICE, is_name
from rag.text.wrap import width
from rag.types import Role

_MONTH = r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
_CLOCK = r"(?:[ T\u3000]*(?:at\s+|上午|下午)?\d{1,2}[:：]\d{2}(?:[:：]\d{2})?(?:\s?[ap]\.?m\.?)?(?:\s?(?:GMT|UTC|BST|EST|EDT|CST|PST|PDT|Z)\b)?(?:[+-]\d{2}:?\d{2})?)?"
DATE = re.compile(
    rf"(?:\d{{4}}\s?[-/.年]\s?\d{{1,2}}\s?[-/.月]\s?\d{{1,2}}\s?日?{_CLOCK}"
    rf"|[一二][〇○零一二三四五六七八九]{{3}}年[一二三四五六七八九十]{{1,2}}月[一二三四五六七八九十]{{1,3}}日"
    rf"|(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?\s+|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+)?(?:\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH},?\s+\d{{4}}|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}){_CLOCK})",
    re.IGNORECASE,
)
_AGO = re.compile(
    r"(?:\d+\s*(?:分钟|小时|天|周|个月|年)前|(?:昨天|今天|前天)\s*\d{1,2}[:：]\d{2}|\d+\s+(?:minutes?|hours?|days?|weeks?)\s+ago)",
    re.IGNORECASE,
)
_DATE_LABEL = re.compile(
    r"(?:发布|发表|更新|创建|刊登|编辑|成文|印发|修改|最后|首次|于|时间|日期|(?:last\s+)?(?:published|updated|posted|modified)(?:\s+on)?|date|on|at)",
    re.IGNORECASE,
)
_COUNT_WORD = (
    r"(?:赞同|点赞|赞|踩|评论|跟帖|留言|粉丝|关注者?|被?收藏|转发|分享|发表|发帖|主题|帖子|积分|获赞|私信|在看|喜欢|打赏|举报|回复|点击|阅读|浏览|查看|播放|人气|热度|"
    r"文章|访问|下载|推荐|回答|views?|reads?|likes?|shares?|comments?|followers?|following|repl(?:y|ies)|claps?|saves?|retweets?|min read|minutes?)(?:量|数|次数)?"
)
_COUNT = re.compile(
    rf"(?:(?P<word>{_COUNT_WORD})|[\d,.]+\s*(?:[万千kKmM]\+?|\+)?|[次人条个篇则了该+:：()（）|｜·•/\s\xa0\u3000-])",
    re.IGNORECASE,
)
_COUNT_PAIR = re.compile(
    rf"(?P<word>{_COUNT_WORD})\s*[:：(（]?\s*(?P<number>\d[\d,.]*(?:\s?[万千kKmM])?\+?)|(?<![\d:：.])(?P<number2>\d[\d,.]*(?:\s?[万千kKmM])?\+?)\s*(?:次|人|条)?\s*(?P<word2>{_COUNT_WORD})",
    re.IGNORECASE,
)
_COUNT_KEYS = (
    ("views", re.compile(r"阅读|浏览|查看|点击|访问|播放|view|read", re.IGNORECASE)),
    ("comments", re.compile(r"评论|跟帖|留言|回复|comment|repl", re.IGNORECASE)),
    ("likes", re.compile(r"赞同|点赞|赞|获赞|喜欢|like|clap", re.IGNORECASE)),
    ("followers", re.compile(r"粉丝|关注者|follower", re.IGNORECASE)),
    ("posts", re.compile(r"发表|发帖|文章", re.IGNORECASE)),
)

_SELF_LABELS = r"(?:本文|文章)?作者|文(?=\s*[|｜丨/])|撰文|撰稿|文字|原创|记者|本报记者|编译|译者|翻译|通讯员|发布者|发布人|供稿|楼主|author|written by|posted by|reporter"
_STAFF_LABELS = r"编辑|责编|责任编辑|主编|审核|审校|初审|复审|终审|校对|监制|摄影|图片|图|排版|制作|值班编委|editor|editing by|reporting by|photographs? by|photos? by"
_SOURCE_LABELS = r"来源|文章来源|信息来源|稿源|出处|发布单位|发布机构|发文机关|公众号|source|publisher"
_LABELLED = re.compile(
    rf"[(（\[【]?\s*(?:(?P<self>{_SELF_LABELS})|(?P<staff>{_STAFF_LABELS})|(?P<source>{_SOURCE_LABELS}))\s*[:：|｜丨/]\s*(?P<value>[^\s:：|｜丨/)）\]】][^)）\]】]{{0,60}}?)\s*[)）\]】]?",
    re.IGNORECASE,
)
_BY = re.compile(
    r"(?:By|by|BY|Words by|Written by|Posted by|Story by)\s+(?P<value>[A-Z][\w.'’-]*(?:\s+(?:(?:de|van|von|der|la|bin|al)\s+)?[A-Z][\w.'’-]*){0,4}(?:(?:,| and| &)\s+[A-Z][\w.'’-]*(?:\s+[A-Z][\w.'’-]*){0,3})*)(?P<rest>[,|·].{0,60})?"
)
_REPORTERS = re.compile(
    r"[□■●(（]?\s*(?:本报|本网|本刊|本台|本社|[\u4e00-\u9fff]{2,8}社|[\u4e00-\u9fff]{2,6}(?:报|网|台))?(?:首席|特约|见习|全媒体)?(?:记者|评论员|通讯员|实习生)[\s:：]\s*(?P<value>[\u4e00-\u9fff·]{2,8}(?:[\s、]+(?:通讯员\s*|实习生\s*)?[\u4e00-\u9fff·]{2,4}){0,6})[)）]?"
)
_CATEGORY = re.compile(
    r"(?:分类专栏|所属分类|文章分类|分类|栏目|专栏|频道|标签|关键词|话题|tags?|categor(?:y|ies)|filed under|topics?|keywords?)\s*[:：]\s*(?P<value>\S.{0,60})",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"(?:本文|原文|文章|永久|转载)?(?:链接|地址|网址|出处)\s*[:：]?\s*(?P<url>https?://\S+)|(?:permalink|original(?: article)?|source|url|link|read (?:the )?original)\s*[:：]\s*(?P<url2>https?://\S+)|(?P<url3>https?://\S+)",
    re.IGNORECASE,
)
_NOTICE = re.compile(
    r"[*※【\[(（]?\s*(?:网站声明|免责声明|免责申明|特别声明|重要声明|郑重声明|版权声明|版权所有|版权说明|声明\s*[:：]|转载(?:请|声明|须|自|本文)|如需转载|未经.{0,12}(?:授权|许可|允许|同意)|"
    r"本文(?:系|为|由|来自|来源|经|仅代表|转载|首发|原载|不代表|已获).{0,40}|本文.{0,6}(?:转载|版权|著作权)|凡本网|本网站?(?:所有|转载|内容|刊载)|本站(?:所有|内容|转载|文章|声明)|文章(?:内容)?仅代表|以上内容仅|仅供参考|"
    r"如有侵权|侵权|侵删|举报(?:电话|邮箱|热线)|违法和不良信息|[\u4e00-\u9fff]ICP[备证]|[\u4e00-\u9fff]{1,2}公网安备|投资有风险|市场有风险|"
    r"(?:长按|扫描?|识别).{0,12}(?:二维码|扫码)|扫码|点击.{0,6}(?:关注|阅读原文|蓝字|查看原文|在看)|阅读原文|欢迎.{0,8}(?:关注|转发|分享|订阅)|关注.{0,12}公众号|点个.{0,3}(?:赞|在看)|[(（]?此件(?:公开|主动公开|依申请公开|不予公开)|[(（]?转载请注明|"
    r"©|\(c\)\s*\d{4}|copyright\b|all rights reserved|disclaimer\b|(?:the )?views expressed|the opinions expressed|this (?:article|story|post|piece) (?:was|is|has been|first|originally|appeared)\b|"
    r"for immediate release|republish|sign up (?:for|to)|subscribe (?:to|now|for)|(?:we|this (?:web)?site|our (?:web)?site) uses? cookies|by continuing to (?:use|browse)|privacy policy|terms of (?:use|service)|advertisement\b|sponsored\b|get (?:our|the) .{0,30}newsletter|"
    r"this e-?mail (?:and|is|may)|confidentiality notice|do not reply|unsubscribe)",
    re.IGNORECASE,
)
_OWNER = re.compile(r"版权所有|ICP备\s*\d|公网安备|all rights reserved|©\s*\d{4}", re.IGNORECASE)
_RELATED = re.compile(
    r"[【\[▍■●◆▎|◎•#\s]*(?:(?:(?:上|本|今|昨|近|一)?(?:周|日|月|年|期|站|栏目|频道|小时|24小时|48小时)?(?:内|的)?(?:热门|热议|热点|热榜|热帖|热评|热文|热搜|最热|最新|精选|精彩|推荐|人气)(?:文章|推荐|排行榜?|话题|评论|资讯|新闻|阅读|内容|帖子|图片|视频|专题|榜单?|回顾|动态|标签|榜|搜索|博文|问答)?)|"
    r"(?:相关|延伸|扩展|推荐|更多|往期|其他|编辑|为您|为你|猜你|你可能|大家|您可能|热门|精彩)(?:的)?(?:阅读|文章|新闻|推荐|链接|报道|资讯|内容|专题|回顾|精选|精彩|喜欢|都在看|还?会?喜欢|感兴趣(?:的内容)?|话题|视频|问题|帖子|博文|主题|信息|搜索|标签)|"
    r"猜你(?:还)?(?:喜欢|想看|在找)|大家(?:都|还)在看|喜欢此内容的人还喜欢|看过(?:本文|此文)的人还看了?|点击排行榜?|(?:阅读|点击|新闻|文章|下载|浏览|周|月|日)?排行榜?|友情链接|"
    r"related(?: (?:articles?|stories|topics?|posts?|links?|content|news|reading|coverage))?|more (?:on this story|from .{1,30}|stories|news|like this|articles|posts)|most (?:read|popular|viewed|shared|commented|watched|discussed)|read (?:more|next)|"
    r"you (?:may|might) (?:also )?(?:like|be interested in|have missed)|recommended(?: (?:for you|reading|stories|articles|posts))?|trending(?: (?:now|topics|stories))?|popular(?: (?:posts|now|stories|articles|this week))?|top stories|latest(?: (?:news|stories|posts|articles))?|recent (?:posts|articles|comments)|what to read next|editor'?s'? picks?|around the web|keep reading|up next|similar (?:posts|articles|topics|threads)|suggested (?:posts|topics)|further reading)\s*[】\]:：>»›…]*\s*",
    re.IGNORECASE,
)
_NEIGHBOUR = re.compile(
    r"(?:上一篇|下一篇|上一章|下一章|前一篇|后一篇|previous(?: (?:post|article))?|next(?: (?:post|article))?|newer|older)\s*[:：»«›‹→←]\s*\S.*|[«‹←]\s*\S.{2,60}|.{2,60}[»›→]",
    re.IGNORECASE,
)
_COMMENTS = re.compile(
    r"[【\[|#\s]*(?:(?:全部|热门|最新|精彩|网友|用户|读者|文章|我来|发表|精选|写|新闻)?(?:评论|留言|跟帖|网友评论|回帖)(?:区|列表|板)?\s*(?:[(（]?\s*\d+\s*条?[)）]?)?|(?:\d+\s*条?(?:评论|回复|回帖))|"
    r"(?:\d+\s+)?(?:user |reader |all )?(?:comments?|responses?|replies|discussion)(?:\s*[(（]\d+[)）])?|leave a (?:comment|reply)|join the (?:conversation|discussion)|post a comment|\d+ thoughts on .{1,80})\s*[】\]:：]?\s*",
    re.IGNORECASE,
)
_NAV_WORD = (
    r"(?:首页|主页|返回(?:首页|顶部|列表)?|登录|注册|登陆|退出|搜索|搜一搜|关于我们|联系我们|加入我们|网站地图|站点地图|帮助(?:中心)?|客户端|手机版|APP下载|下载APP|打开APP|新闻|时政|国内|国际|社会|财经|体育|娱乐|科技|军事|教育|文化|健康|房产|汽车|旅游|视频|图片|直播|评论|论坛|博客|微博|微信|专题|"
    r"资讯|要闻|滚动|政务|政策|服务|互动|更多|收藏本站|设为首页|无障碍|繁體|繁体|简体|字号|大|中|小|打印|关闭|关闭窗口|分享(?:到|至)?|广告|全文完|正文完|完|END|the end|展开(?:全文|更多)|关注问题|写回答|默认排序|添加评论|播报|编辑|讨论|喜欢|赞同|感谢|反对|上传视频|字体|语音|查看更多|加载更多|点击加载更多|换一换|举报|置顶|精华|分享让更多人看到|朋友圈|QQ空间|QQ|新浪微博|复制链接|纠错|举报|收藏|转发|点赞|在看|赞|私信|\+?\s*关注|回复|正文|目录|"
    r"home|news|sport|sports|world|uk|us|asia|china|business|politics|tech|technology|science|health|culture|arts?|entertainment|opinion|video|audio|live|travel|weather|style|books|music|food|fashion|about(?: us)?|contact(?: us)?|help|faq|search|menu|log ?in|sign ?in|sign up|register|subscribe|my account|share(?: this(?: (?:page|article|story))?)?|facebook|twitter|x|linkedin|whatsapp|email|e-mail|print|copy link|save|skip to (?:main )?content|back to top|close|next|previous|reply|report|newsletters?|podcasts?|shop|donate|blog|archive|rss|privacy|terms|cookies|sitemap|careers|advertise)"
)
_NAV = re.compile(rf"[-—\s]*{_NAV_WORD}(?:[\s|｜>›»/·•,，:：\xa0\u3000-]+{_NAV_WORD})*[\s:：—-]*", re.IGNORECASE)
_CRUMB = re.compile(
    r"(?:(?:您|你)?(?:的|当前|现在|所在|当前的)?位置\s*[:：].*|(?:home|首页|主页)\s*[>›»/→].{0,80}|[^>›»。]{1,16}(?:\s*[>›»]+\s*[^>›»。]{1,24}){2,})",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[\u4e00-\u9fff]{1,8}[〔\[（(﹝]\d{4}[〕\]）)﹞]\s*(?:第)?\d{1,5}号")

_ENDS = re.compile(r"[。！？!?…；;][”’」』）)\]】\"']*$")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a line shows: a role and the metadata in it, as (key, start, end) within the line."""

    role: Role
    meta: tuple[tuple[str, int, int], ...] = ()


def read_line(line: str) -> Mark | None:
    """The mark of a line that is furniture by its own words, None for any other. `related` and `comment` mark the
    head of a list; the lines under it say nothing of themselves."""
    if width(line) > 600 or not any(c.isalnum() or c == "©" for c in line):
        return None
    for reader in (
        _read_comments,
        _read_related,
        _read_counter,
        _read_labelled,
        _read_date,
        _read_link,
        _read_notice,
        _read_nav,
    ):
        mark = reader(line)
        if mark:
            return mark
    return None


def ends_like_prose(line: str) -> bool:
    return bool(_ENDS.search(line)) or bool(re.search(r"[a-z0-9)\"”]\.[\"”’)]*$", line))


def document_number(line: str) -> bool:
    """Whether a line is an official document's number: 国办发明电〔2023〕7号."""
    return bool(_NUMBER.fullmatch(line.strip()))


def is_date_only(line: str) -> bool:
    return bool(DATE.fullmatch(line.strip(" ()（）　")))


def counts(line: str) -> Iterator[tuple[str, int, int]]:
    """(metadata key, start, end) of the counted things in a line: views, comments, likes, followers, posts."""
    for match in _COUNT_PAIR.finditer(line):
        group = "number" if match.group("number") else "number2"
        word = match.group("word") or match.group("word2")
        for key, pattern in _COUNT_KEYS:
            if pattern.search(word):
                number = match.group(group)
                yield key, match.start(group), match.start(group) + len(number.rstrip())
                break


def _read_counter(line: str) -> Mark | None:
    if width(line) > 80:
        return None
    at = words = 0
    while at < len(line):
        match = _COUNT.match(line, at)
        if not match or match.end() == at:
            return None
        words += match.group("word") is not None
        at = match.end()
    if words and re.search(r"\d", line):
        return Mark("counter", tuple(counts(line)))
    return None


def _read_labelled(line: str) -> Mark | None:
    if width(line) > 120 or ends_like_prose(line):
        return None
    match = _CATEGORY.fullmatch(line)
    if match:
        return Mark("byline", (("category", *match.span("value")),))
    match = _BY.fullmatch(line) or _REPORTERS.fullmatch(line)
    if match:
        meta = [("author", *match.span("value"))]
        if "rest" in match.groupdict() and match.group("rest") and OFFICE.search(match.group("rest")):
            start, end = match.span("rest")
            inner = line[start:end].strip(",|· ")
            left = line.index(inner, start)
            meta.append(("position", left, left + len(inner)))
        return Mark("byline", tuple(meta))
    # Several labels may share a line: 来源：新华网 作者：李明 编辑：王芳.
    starts = [
        m.start()
        for m in re.finditer(
            rf"(?:(?<=^)|(?<=[\s(（\[【|｜]))(?:{_SELF_LABELS}|{_STAFF_LABELS}|{_SOURCE_LABELS})\s*[:：|｜丨/]",
            line,
            re.IGNORECASE,
        )
    ]
    if not starts or (re.sub(r"[\W_]|纠错|举报|打印", "", line[: starts[0]]) and not DATE.search(line[: starts[0]])):
        return None
    meta = []
    for start, end in zip(starts, [*starts[1:], len(line)], strict=True):
        piece = line[start:end].rstrip(" \u3000|｜·、")
        found = _LABELLED.fullmatch(piece) or _LABELLED.match(piece)
        if not found:
            continue
        key = "author" if found.group("self") else "editor" if found.group("staff") else "publisher"
        left, right = found.span("value")
        value = piece[left:right]
        cut = DATE.search(value) or _COUNT_PAIR.search(value)
        if cut and cut.start():
            value = value[: cut.start()]
        value = re.sub(r"[\s,，|｜]*(?:发表|发布|更新)?(?:时间|日期)?[于在]?[:：\s]*\Z", "", value)
        if value:
            meta.append((key, start + left, start + left + len(value)))
    if not meta:
        return None
    date = DATE.search(line)
    if date:
        meta.append(("date", date.start(), date.start() + len(date.group().rstrip())))
        meta.extend((k, a + date.end(), b + date.end()) for k, a, b in counts(line[date.end() :]))
    return Mark("date" if date else "byline", tuple(meta))


def _read_date(line: str) -> Mark | None:
    """A line that mostly is a date: what else is on it is a label, a name, a place or a number."""
    if width(line) > 100 or ends_like_prose(line):
        return None
    match = DATE.search(line) or _AGO.search(line)
    if not match:
        return None
    counted = list(counts(line))
    rest = line[: match.start()] + "\n" + line[match.end() :]
    rest = _COUNT_PAIR.sub(" ", _AGO.sub(" ", DATE.sub(" ", rest)))
    rest = _DATE_LABEL.sub(" ", rest)
    names = [part.strip(" |｜·•/:：,，()（）-—") for part in re.split(r"[\n|｜·•]|\s{2,}", rest)]
    names = [name for name in names if name]
    if sum(map(width, names)) > 28 or len(names) > 4:
        return None
    labelled = bool(
        re.match(r"\s*(?:发布|发表|更新|时间|日期|published|updated|posted|date|last)", line, re.IGNORECASE)
    )
    if names and not labelled and not re.search(r"\d{1,2}[:：]\d{2}|[|｜·•]", line) and not _source_like(names, line):
        return None
    meta = [("date", match.start(), match.start() + len(match.group().rstrip()))]
    meta.extend(counted)
    after = re.match(r"[\s|｜·]+(\d[\d,]*)\s*$", line[match.end() :])
    if after and not counted:
        meta.append(("views", match.end() + after.start(1), match.end() + after.end(1)))
    meta.extend(_lead(line, match.start()))
    category = _CATEGORY.search(line, match.end())
    if category:
        value = re.split(r"\s*[|｜·•]|\s{2,}", category.group("value"))[0]
        meta.append(("category", category.start("value"), category.start("value") + len(value)))
    return Mark("date", tuple(meta))


_DATE_OF = re.compile(r"(?:日期|时间|時間|\bdate|\btime)$", re.IGNORECASE)  # 公告日期: what the date is of, and nobody


def _lead(line: str, end: int) -> Iterator[tuple[str, int, int]]:
    """Who is named before the date: a person is the author, anything else the publisher."""
    lead = re.match(
        r"\W*(?:(?:\d+\s*楼|沙发|板凳|楼主|原创|作者|来源|时间|日期|date|time)\s*[:：]?\s*)*(?P<who>.*?)[\s|｜·•/:：,，()（）》」』”\"—-]*"
        r"(?:(?:最后|首次)?(?:发布|发表|更新|创建|编辑|修改|回复)(?:时间|日期)?(?:于|在)?|published|posted|updated|on|at)?[\s|｜·•/:：,，()（）—-]*\Z",
        line[:end],
        re.IGNORECASE,
    )
    if not lead or not lead.group("who") or width(lead.group("who")) > 28:
        return
    start, who = lead.start("who"), lead.group("who")
    if _DATE_OF.search(who):
        return
    first = re.split(r"[\s|｜·•]+", who)[0]
    if is_name(who):
        yield "author", start, start + len(who)
    elif is_name(first) and first[0] > "\u2e80":
        yield "author", start, start + len(first)
        rest = who[len(first) :].strip(" \u3000|｜·•")
        left = line.index(rest, start + len(first))
        yield "publisher", left, left + len(rest)
    else:
        yield "publisher", start, start + len(who)


def _source_like(names: list[str], line: str) -> bool:
    """A date with one short name before it (wind 2023-10-10) or a number or place after it."""
    short = [n for n in names if not re.fullmatch(r"[\d,]+", n)]
    return not short or (len(short) == 1 and width(short[0]) <= 20 and (line.startswith(short[0]) or is_name(short[0])))


def _read_link(line: str) -> Mark | None:
    match = _LINK.fullmatch(line)
    if not match:
        return None
    group = "url" if match.group("url") else "url2" if match.group("url2") else "url3"
    return Mark("notice", (("url", *match.span(group)),) if group != "url3" else ())


def _read_notice(line: str) -> Mark | None:
    if (width(line) <= 500 and _NOTICE.match(line)) or (width(line) <= 120 and _OWNER.search(line)):
        return Mark("notice")
    return None


def _read_related(line: str) -> Mark | None:
    if width(line) <= 40 and _RELATED.fullmatch(line):
        return Mark("related")
    return Mark("nav") if width(line) <= 100 and _NEIGHBOUR.fullmatch(line) else None


def _read_comments(line: str) -> Mark | None:
    if width(line) > 60 or not _COMMENTS.fullmatch(line):
        return None
    meta = tuple((k, a, b) for k, a, b in counts(line) if k == "comments")
    return Mark("counter" if re.search(r"(?<!\d)0(?!\d)", line) else "comment", meta)


def _read_nav(line: str) -> Mark | None:
    return Mark("nav") if width(line) <= 120 and (_NAV.fullmatch(line) or _CRUMB.fullmatch(line)) else None
