"""Questions about a document itself: who wrote it, when it was published, its link, its counters, whether it may be
reprinted. A row a key; what a question names beside the key is left over and must be the document, or the question is
about its content after all: 《X》的作者 is the byline only where X is a document."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from rag.text import is_han
from rag.understand.words import DOC_EN, DOC_ZH, FRAME, QUOTED, terms

# -- how people point at a document ---------------------------------------------------------------------------------

_NOUN = (
    r"文章|文档|文件|文稿|材料|资料|报道|新闻|消息|稿子|稿件|稿|网页|页面|帖子|推文|推送|博文|书|简介|手册|须知|说明书|说明|指南|笔记|条例|规定|办法|通知|通告|公告|"
    r"报告|论文|邮件|纪要|合同|协议|章程|通讯|简报|摘要|声明|教程|帖|信(?![息用心任号誉])|来信|回信|文(?![明化件字物艺学体])"
)
_THIS = rf"(?:{DOC_ZH}|(?:这|该|此|那|本)(?:一)?(?:篇|份|个|本|则|条|封)?(?:{_NOUN})|[这那](?:篇|份)|稿子|稿件|原稿|原帖|原创|推文)"
THE_DOCUMENT = re.compile(
    rf"{_THIS}|{DOC_EN}|(?:the|this) (?:release|notice|newsletter|handbook|manual|readme|guide|blog)"
)
_IT = re.compile(r"它|\b(?:it|this|here)\b|^这(?=[是由被])|这里|这儿|本站")
_INSIDE = re.compile(
    rf"{_THIS}(?:里面?|中|内|里头|当中|上)?(?:提到|提及|说|讲|介绍|写|谈|列|引用|报道|所说|涉及|推荐)(?:过|了|到)?的(?!$|[呀啊呢吗]|(?:日期|时间|人))(?!.{{0,2}}[是谁])|\bmentioned\b|in {DOC_EN} (?:is|are|was|were)"
)

# -- what they ask for ----------------------------------------------------------------------------------------------

_WHEN = r"(?:什么时[候间]|啥时[候间]?|何时|何日|哪(?:一)?[天日年月]|几[号月日时点]|多会儿|什么(?:日期|日子)|多久(?:以?前)|几点几分|具体时间)"
_WHO = r"(?:谁|何人|哪(?:位|家|一?个|些)?(?:人|账号|帐号|号|用户|网站|媒体|部门|单位|机构|记者|博主|组织|公司|科室|报社|作者|编辑)?|什么(?:人|账号|帐号|部门|单位|机构|媒体|网站|用户))"
_WRITE = r"(?:写|撰写|执笔|撰稿|起草|编写|写作|撰|编|创作)"
_PUT = r"(?:发布|发表|刊登|刊发|刊出|登出|登载|发出|发|上传|上线|上网|传|挂|贴|放|印发|公布|推送|转载|转发|更新|写|出炉|出台)(?:到|在|上|出)?(?:网站?|网上|网络|出来|来|去)?"
_WHAT = r"(?:是|为|叫|有|在|怎么写|怎么起|写)?(?:的是)?(?:什么|啥|多少|哪|几|谁|怎么|何|呢|[?？]|$|给我|发我|发给我|告诉我|贴|来一|要)"
_HOW_MANY = r"(?:多少|几|多大|多高)"
_PUBLISHED = r"(?:published|posted|uploaded|put (?:up|online|out)|released|issued|written|dated|shared|publish|go (?:live|online|up)|come out|appear)"

# key, pattern on one clause of the folded question, and whether it can only mean the document at hand. The first row
# that matches a clause decides.
_KEYS: tuple[tuple[str, str, bool], ...] = (
    ("reuse", r"(?:转载|转发|转到|转去|转走|转贴|转用|搬运|搬到|引用|重新发布|republish|reprint|reproduc|repost|reus|syndicat)(?:.*(?:联系|找(?:谁|哪|什么人)|问谁|征得|同意|授权|许可|允许|批准|申请|打招呼|说一声|后果|责任|负责|算谁|出了?(?:事|问题)|追究|注明|邮箱|电话|微信|联系方式|怎么(?:办|弄|申请)|要不要|可不可以|能不能|可以吗|行不行|行吗|permission|contact|allowed|without|responsib|consequence|liab|ask))|(?:联系|找谁|征得|同意|授权|许可|允许|申请|没打?招呼|打招呼|擅自|私自|未经|不经|能不能|可不可以|可以|我能|我要|想|能否|可否|permission|contact|may i|can i|could i|am i allowed|who (?:do|should|must|can|to)|without asking|happens if).*(?:转载|转发|转到|转去|转走|转贴|转用|搬运|搬到|republish|reprint|reproduc|repost|reus|syndicat)", True),
    ("position", rf"(?:作者|{_WRITE}.{{0,8}}的(?:这个|那个)?人|执笔(?:者|的?人)|撰稿人|笔者|署名(?:的|里)?(?:这|那)?(?:位|个|名)?(?:领导|同志|人士?|专家|老师|教授|记者|干部|官员|作者)?).{{0,8}}(?:职务|职位|职衔|职称|职业|身份|单位|什么官|官|头衔|任职|担任|任什么|当什么|干[嘛吗啥]|干什么|做什么|哪里工作|工作|是做|什么人|何许人|什么来头|来历|背景|岗位|部门)|author.{{0,30}}(?:position|title|jobs?|posts?|office|role|work|occupation|affiliat|do for|do\b|hold)|(?:position|job|office|role|occupation|affiliation|posts?).{{0,24}}(?:author|writer)", True),
    ("editor", rf"(?:责任?编辑|责编|主编|(?<![改收汇])编辑|审校|审核人?|校对)(?:的?名字|姓名)?(?:是|叫|为)?{_WHO}|{_WHO}(?:是|当)(?:的)?(?:责任?编辑|责编|主编|编辑)|who (?:edited|is the editor|was the editor)", False),
    ("publisher", rf"(?:出版(?:社|者|单位|方)|发布者|发帖人|发件人|寄信人|发帖者|发布人|发布账号|发布单位|发布机构|发文(?:单位|机关|部门|机构)|印发(?:单位|机关|部门)|楼主|上传者|上传人|稿源)(?:的?名字|姓名)?{_WHAT}|(?:来源|出处)(?:是|为|在)?(?:哪|什么|何处|谁|呢|$|[?？])|(?:是|由|被)?{_WHO}(?:账号|帐号)?(?:给|来|负责)?(?:发布|发表|发出|发|上传|挂|贴|印发|公布|推送|转载|转发|登载|刊发|刊登|传|出)(?:到|在|上|出)?(?:网站?|网上|来)?(?:的|了)?(?:{_THIS})?[呀啊呢吗]?[?？]?$|(?:who|which (?:\w+ ){{0,2}}(?:account|user|site|website|outlet|department|office|organi[sz]ation|agency|company|newspaper)|what (?:account|user|site|website|department|organi[sz]ation)) (?:has |had )?(?:posted|published|uploaded|put|released|issued|shared|ran)|\bpublisher\b|(?:在|由|是)?(?:哪里|哪儿|{_WHO})出版|posted by (?:whom|who)|source of {DOC_EN}", False),
    ("author", rf"作者(?:是|叫|为)?(?:的是)?(?:谁|哪位|哪个|何人|什么名|什么[?？]?$|啥|呢|[?？]|$|怎么称呼|给我|告诉我)|(?:的|^|请问|.)作者(?:的?名字|姓名)?(?:是|叫)|作者$|(?:署名|执笔人?|撰稿人?|撰文|笔者|起草人|执笔者|写作者)(?:者|的?名字|姓名|的)?(?:是|叫|为|写)?(?:的)?{_WHO}|(?:署名|执笔人|撰稿人|起草人)(?:是)?[呢?？]*$|{_WHO}(?:执笔|撰稿|署名)|(?:是|由)?{_WHO}(?:来)?{_WRITE}(?:的|了|出来的)?(?:{_THIS})?[呀啊呢]?[?？]?$|出自{_WHO}(?:之手|笔下|的?手)|who (?:wrote|authored|penned|composed|is the (?:author|writer)|are the authors|was the author)|(?:author|byline|writer)s?(?:'s)?(?: name)?(?: (?:of|for)\b.*)?\??$|by whom", False),
    ("url", rf"(?:链接|网址|网络地址|url|原址|网页地址)(?:{_WHAT}|$)|(?:给|要|发|求|贴).{{0,8}}(?:链接|网址)|{_THIS}.{{0,4}}(?:地址|链接|网址)|\b(?:link|url|web address|permalink|hyperlink)s?\b", False),
    ("title", rf"{_THIS}(?:的)?(?:名字|名称|题名)?(?:叫什么|叫啥|题为)|(?<![小子副分段节栏条])(?:标题|题目|题名|篇名)(?:是|叫|为|怎么|写|全称|{_WHAT})|{_THIS}.{{0,4}}(?<![小子副分])(?:标题|题目)|\b(?:title|headline)\b|what is (?:{DOC_EN}|it) (?:called|titled)", False),
    ("category", r"(?:属于?|归在|归到|归入|归|算|放在|放进|放到|挂在|分在|分到|发在|登在|收在|列在|被?归类[为在到]|在|哪个|什么)(?:了|到)?.{0,8}(?:什么|哪|啥).{0,3}(?:分类|专栏|栏目|类别|频道|版块|板块|标签|分区|类目|类$|类[?？])|(?:^|的)(?:所属)?(?:分类|专栏|栏目|类别|频道|标签)(?:专栏)?(?:是|属于|为|里|下|叫)?(?:什么|哪|啥|呢|[?？]|$)|(?:什么|哪个?)(?:分类|类别|标签)(?:专栏)?(?:里|下|的)?[?？]?$|(?:which|what) (?:category|section|column|channel|tag|topic)s? (?:is|was|does|has)\b.*|\bfiled under|\bcategory of", False),
    ("views", rf"(?:浏览|阅读|点击|访问|查看|播放)(?:过)?(?:量|数|次数|人数|人次)(?:有|是|到|达到?|为)?(?:{_HOW_MANY}|呢|[?？]|$)|(?:被|有)?{_HOW_MANY}(?:个)?(?:人|次|人次|网友)?(?:看|读|浏览|点击|阅读|访问|点开|点进)(?:过|了|量)?|(?:浏览|阅读|点击|被看|看)(?:过|了)?{_HOW_MANY}(?:次|回|遍|人)|view count|page ?views|how many (?:views|reads|clicks|hits|times)|how many people (?:have |has )?(?:read|viewed|seen|clicked|looked)", False),
    ("likes", rf"(?:点赞|赞同|获赞|赞)(?:的)?(?:数|量|人数|人)?(?:有|是)?{_HOW_MANY}|{_HOW_MANY}(?:个|人|次|位)?(?:人)?(?:给)?(?:点赞|赞同|点了?赞|的?赞)|有(?:没有)?人?(?:点赞|赞同)|how many (?:likes|upvotes|thumbs)|(?:number of )likes", False),
    ("comments", rf"(?:评论|留言|跟帖|回帖)(?:区|数|数量|量|总数)?(?:里|有|是|共)*(?:{_HOW_MANY}|吗|没有|呢|$)|{_HOW_MANY}(?:个|条|人|位)?(?:人)?(?:评论|留言|跟帖|回帖)|有(?:没有|没)?(?:人|网友)?(?:评论|留言|跟帖|回帖)(?:了|过)?(?:吗|没|没有|$|[?？])|how many (?:comments|replies)|(?:any|number of) (?:comments|replies)|comment count|did anyone comment", False),
    ("followers", rf"(?:粉丝|关注者)(?:数|量|数量)?(?:有|是|到)?{_HOW_MANY}|{_HOW_MANY}(?:个|名|位|万)?(?:粉丝|关注者|人关注)|how many (?:\w+ )?(?:followers|fans|subscribers)", False),
    ("posts", rf"(?:号|账号|帐号|账户|博主|用户|楼主|作者|发布者|发帖人|主页|[a-z0-9_])(?:上|里|下)?(?:至今|到现在|已经|目前|一共|总共|共|都|累计|.)*(?:发表?|发布|写|更新|发过|推送)(?:过|了|的)?(?:文章|帖子)?(?:总数|有)?{_HOW_MANY}(?:篇|条|个)?|how many (?:articles|posts|pieces|items|stories|times) (?:has|have|did|does)\b.*(?:publish|post|writ|upload)", False),
    ("number", r"(?:发?文字?号|公文编号|文件编号|文件号)", False),
    ("date", rf"(?:标|标注|注明|署|写)(?:着|明|上)?的(?:日期|时间)|(?:发布|发表|刊登|刊发|上传|发文|发帖|更新|发稿|成文|印发|落款|挂网|上网|写作|公布|推送|投稿)(?:的)?(?:日期|时间|年份|日子)|(?:是|写)?(?:什么日期|哪一?天|几号|哪年|哪个?月|何时|什么时候|啥时候)的(?:{_THIS}|东西|了)?[呀啊呢]?[?？]?$|{_WHEN}(?:就|才|被|给|由|开始|正式)*(?:{_PUT})(?:的|了|出来的?)?(?:{_THIS}|帖子?|贴子?|文|稿子?)?[呀啊呢]?[?？]?$|{_PUT}(?:的|了)?(?:是|在|于)?{_WHEN}[呀啊呢]?[?？]?$|{_THIS}(?:的)?(?:日期|时间)|日期{_WHAT}|when (?:was|were|did|is|has)\b.*{_PUBLISHED}|(?:publication|posting|publish|posted|release|upload|issue) (?:date|time|day)|date of {DOC_EN}|(?:what|which) (?:date|day|time|year|month) (?:was|were|did|is|does).*{_PUBLISHED}|(?:on|at) (?:what|which) (?:date|day|time|hour)\??$|(?:what|which) (?:date|day) is {DOC_EN}|how old is {DOC_EN}|{DOC_EN}(?:'s)? date", False),
)  # fmt: skip
_TABLE = tuple((key, re.compile(pattern), sure) for key, pattern, sure in _KEYS)
# Keys whose own noun already says that the page is meant, where nothing else is named.
_SELF = re.compile(
    r"作者|署名|执笔|撰稿|笔者|发帖|发布(?:者|人|账号|单位|机构|日期|时间)|发布的?(?:日期|时间)|发文|楼主|上传者|(?:大|总|主|正|文章)标题|^(?:标题|题目)|原文|网址|url|"
    r"链接$|链接(?:是|在|呢|给|发|多少|什么)|(?:浏览|阅读|点击|访问)(?:量|数|次数)|点赞|评论|留言|跟帖|粉丝|责任编辑|责编|文号|的?帖|分类专栏|"
    r"\b(?:author|byline|headline|title|publisher|permalink|web address|url|view count|page ?views|likes|comments|replies|publication date)\b"
)
_WORDS = re.compile(
    r"(?:标|注明|署)(?:着|注|明)?(?=的|$)|有没有人?|没有?人|(?:多少|几)[个条篇次人位]|出自|笔下|之?手$|[大总主正]标题|[这那该]个|作者|标题|题目|题名|链接|网址|地址|原文|分类|专栏|栏目|类别|频道|版块|板块|标签|日期|时间|发布|发表|刊登|刊发|发出|印发|公布|推送|上传|上网|上线|更新|浏览|阅读|点击|访问|来源|出处|"
    r"账号|帐号|用户|网站|媒体|署名|执笔|撰稿|撰写|撰文|转载|职务|职位|职业|身份|单位|部门|机构|头衔|任职|担任|干什么|做什么|干[嘛啥吗]|属于|归在|归到|放在|挂在|登在|次数|名字|姓名|全称|精确|准确|具体|"
    r"点赞|赞同|评论|留言|跟帖|回帖|粉丝|关注者?|责任编辑|责编|主编|编辑|文章|帖子?|笔者|楼主|总共|一共|领导|同志|这个号|那个号|这号|博主|年份|挂到|挂上|挂|贴到|贴|放到|放|网上|网|发帖?|写|传|量|数|"
    r"底下|下面|有人|人|哪?[一两二三四五几]个|篇|条|次|给我|发我|给|要|把|抄|用|查|几[点分号月日时]|[什甚]么|哪[天年月个里]?|号|官|位|里|上|这|那|看|读|过|大(?=$)|"
    r"\b(?:authors?|writer|byline|titles?|headline|links?|url|web|address|category|column|section|filed|publisher|publish(?:ed)?|post(?:ed|s)?|upload(?:ed)?|issued|released|shared|put|online|up|"
    r"publication|dates?|dated|time|day|month|year|positions?|jobs?|office|roles?|names?|views?|viewed|read|people|count|number|page|wrote|written|hold|holds|held|do|does|did|work|account|user|site|website|exact|exactly|given|give|me|show|"
    r"living|out|come|came|went|live|likes|comments?|replies|followers?|fans|articles?|pieces?|many|how|called|anyone|any|under|whom|s)\b"
)  # fmt: skip
_FILLER = re.compile(
    r"有没有|没有|没人|请|直接|最早|劳驾|帮我|我想|我要|我|想|需要|知道|一下|看看|到底|究竟|是|的|了|呢|吗|呀|啊|吧|在|由|被|有|都|也|还|又|就|于|和|与|及|跟|到|从|为|叫|他|她|它|[,，。?？!！、:：;；\s]"
)
_REUSE = re.compile(
    r"转载|转发|转到|转去|转走|转贴|转用|搬运|搬到|引用|重新发布|联系|找|问|征得|同意|授权|许可|允许|批准|申请|打?招呼|说一声|一切|后果|责任|负责|承担|算谁|出了?(?:事|问题)|追究|注明|要不要|可不可以|能不能|可以|能否|能|行不行|行|"
    r"谁|我们|我|自己|本人|公众号|微信|微博|朋友圈|网站|平台|博客|公司|单位|别处|别的|地方|其他|他人|别人|没|不|未经|擅自|私自|需要|得|先|话|如果|要是|怎么|办|弄|站长|管理员|站方|电话|邮箱|邮件|方式|什么|吗|事|"
    r"\b(?:republish|reprint|reproduce|repost|reuse|syndicate|permission|contact|allowed|without|responsible|responsibility|consequences?|liable|liability|asking|ask|happens?|before|blog|site|website|own|my|our|account|must|should|may|can|could|elsewhere|bears?|need)\w*\b"
)
_HE = re.compile(r"[他她]|\b(?:he|she|his|her)\b")
_CLAUSE = re.compile(r"[,，;；。.?？!！]+\s*|\s+and\s+(?=(?:on |at |by |in )?(?:who|when|what|which|how)\b)|(?:并且|以及|还有|和|及|跟)(?=是?(?:谁|什么|哪|何|啥|发布|发表|作者|链接|标题|日期|网址))")  # fmt: skip
_NOISE = 2  # Han characters that may be left over and name nothing


@dataclass(frozen=True, slots=True)
class PageQuestion:
    """What a question asks of a document itself. `name` is what it names beside that, folded, "" for nothing: a
    document's title or its account, or else the question is about content. `sure`: it can only be about the document at
    hand."""

    keys: str  # metadata keys, joined by a blank where several are asked for
    name: str
    sure: bool


def page_question(folded: str) -> PageQuestion | None:
    """How a folded question asks for metadata, None where it does not. Several keys are read from clauses of their own:
    "谁写的，什么时候发布的"."""
    if _INSIDE.search(folded):
        return None
    if _TABLE[0][1].search(folded) and not _significant(left_over(folded, "reuse"), _NOISE):
        return PageQuestion("reuse", "", True)
    keys: list[str] = []
    names: list[str] = []
    sure = pointed = bool(THE_DOCUMENT.search(folded))
    clauses = [clause for clause in _CLAUSE.split(_shield(folded)) if clause.strip()]
    for clause in [folded] if len(clauses) == 1 else clauses:
        clause = clause.translate(_UNSHIELD)
        if {"author", "position"} & set(keys):  # who wrote it, and what is his office
            clause = _HE.sub(lambda m: "the author" if m.group().isascii() else "作者", clause)
        for key, pattern, certain in _TABLE:
            if pattern.search(clause):
                if key not in keys:
                    keys.append(key)
                names.append(left_over(clause, key))
                sure = sure or certain or bool(_SELF.search(clause)) or bool(_IT.search(clause))
                break
        else:
            if clauses and _asks_content(clause):
                return None
    if not keys:
        return None
    if "reuse" in keys:
        keys = ["reuse"]
    name = " ".join(dict.fromkeys(n for n in names if n))
    if any(n and not pointed and _significant(n, 0) for n in names):
        sure = False
    return PageQuestion(" ".join(keys[:3]), name if _significant(name, _NOISE if pointed else 0) else "", sure)


def _significant(name: str, noise: int) -> bool:
    return sum(map(is_han, name)) > noise or bool(re.search(r"[a-z0-9]", name))


def left_over(clause: str, key: str = "") -> str:
    """What a clause names beside the document and the key, folded; "" for nothing. A quoted name is kept whole."""
    quoted = QUOTED.search(clause)
    if quoted:
        return quoted.group(1).strip()
    rest = THE_DOCUMENT.sub(" ", clause)
    if key == "reuse":
        rest = _REUSE.sub(" ", rest)
    rest = FRAME.sub(" ", _WORDS.sub(" ", re.sub(rf"{_WHEN}|{_WHO}", " ", rest)))
    return " ".join(terms(_FILLER.sub(" ", rest)))


def _asks_content(clause: str) -> bool:
    """Whether another clause asks something of its own: then the question is not about the page alone."""
    return bool(re.search(r"多少|谁|哪|为什么|怎么|什么|\b(?:who|what|when|where|why|how)\b", clause)) and _significant(
        left_over(clause), 4
    )


# Marks inside a quoted name do not end a clause.
_INNER = {",": "\ue000", "，": "\ue001", ".": "\ue002", "。": "\ue003", "?": "\ue004", "？": "\ue005", "!": "\ue006"}
_SHIELD = {ord(k): v for k, v in _INNER.items()}
_UNSHIELD = {ord(v): k for k, v in _INNER.items()}


def _shield(folded: str) -> str:
    shielded = QUOTED.sub(lambda m: m.group().translate(_SHIELD), folded)
    return re.sub(r"(?<=\w)\.(?=\w)", "\ue002", shielded)


def keys_about(folded: str, label: str) -> str:
    """The keys that a question asks of the document so called, "" where it names something else or no key: its title
    may be shortened (读者须知 for 滨江区图书馆读者须知), and the account that published it may stand for it."""
    pointed = bool(THE_DOCUMENT.search(folded))
    found = common(folded, label, 2 if pointed else 4)
    if not found:
        return ""
    asked = page_question(f"{folded[: found[0]]} {folded[found[1] :]}")
    return asked.keys if asked and (not asked.name or (pointed and _of_label(asked.name, label))) else ""


_ABOUT = re.compile(r"^(?:谈|讲|说|写|关于|介绍|通知|询问|about|on)|的$")


def _of_label(name: str, label: str) -> bool:
    """Whether all that is left over is of the document's title as well: 盐仓分馆重新开放那篇新闻 for 盐仓分馆修缮后重新开放."""
    return all(part in label for part in (_ABOUT.sub("", part) for part in name.split()))


def common(folded: str, label: str, least: int) -> tuple[int, int] | None:
    """Start and end of the longest stretch of a folded question that stands in a folded label, blanks aside; None where
    it is neither the whole label nor at least `least` Han characters (twice as many letters)."""
    here = [(at, c) for at, c in enumerate(folded) if not c.isspace()]
    asked, called = "".join(c for _, c in here), re.sub(r"\s+", "", label)
    match = SequenceMatcher(None, asked, called, autojunk=False).find_longest_match()
    start, end = match.a, match.a + match.size
    while start < end and _cuts_word(folded, here[start][0], -1):
        start += 1
    while start < end and _cuts_word(folded, here[end - 1][0], 1):
        end -= 1
    if start == end:
        return None
    size = sum(2 if is_han(c) else 1 for c in asked[start:end])
    if (end - start < len(called) and size < 2 * least) or size < 4:
        return None
    return here[start][0], here[end - 1][0] + 1


def _cuts_word(folded: str, at: int, step: int) -> bool:
    """Whether a Latin word or number goes on beyond the character at `at`."""
    beyond = at + step
    inside = folded[at].isascii() and folded[at].isalnum()
    return inside and 0 <= beyond < len(folded) and folded[beyond].isascii() and folded[beyond].isalnum()


_PART = re.compile(
    r"^(?:请问|那么?|关于|在|说说|讲讲|列出|文章|文中|全文|里面?|的|[,，\s])*(?P<name>[^,，。?？]{2,24}?)(?:的)?(?:那|这)?(?:一|个)*大?(?:部分|板块|章节|小节|节|章|块|段|小标题|标题)(?:的)?(?:下面?|里面?|中|内|底下|之下|里头)?"
    r"(?:都|主要|具体|一共|总共|共|又|分别|是|还|到底|大致|大概)*(?:讲|说|有|从|包括|包含|写|分|列|提|谈|介绍|涉及|含|展开|做)?(?:了|成|为|到|出)*"
    r"(?:些)?(?:哪|几|什么|啥|多少).{0,3}(?:方面|举措|措施|做法|内容|要点|点|项|条|工作|部分|环节|小标题|事|招|抓手|层面|角度|问题|什么|啥|些|[?？]|$)"
)
_PART_EN = re.compile(
    r"(?:section|part|chapter|heading) (?:on|about|called|titled|named|for|of) (?P<name>[^?,.]{3,60})|(?:the|in|under) (?P<name2>[^?,.]{3,40}?) (?:section|part|chapter)\b"
)
_THE_WHOLE = re.compile(rf"^(?:{_THIS}|[这那]一?|它|哪|什么|几|第|每|各|其|前|后|最后|全部?)+|{DOC_EN}")


def part_asked(folded: str) -> str:
    """The part of a document whose points are asked for: 网络道德那部分下面有哪四项举措 -> 网络道德; "" for none."""
    match = _PART.search(folded) or _PART_EN.search(folded)
    if not match:
        return ""
    name = next(n for n in match.groups() if n)
    return "" if _THE_WHOLE.fullmatch(name.strip()) else _THE_WHOLE.sub("", name).strip(" 的\"“”'「」《》")
