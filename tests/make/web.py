"""Web pages, saved pages, books and letters for the tests. In `PAGES` a † stands before each line that a person would
call part of the text; it is taken out of the files and is what precision and recall are counted against."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from pathlib import Path

OUT = Path(__file__).parent.parent / "data" / "formats"
MARK = "†"

PAGES: dict[str, str] = {}

PAGES["web_portal_zh.html"] = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8">
<title>沅桥市启用首座智能水厂 日供水三十万吨_沅桥新闻网</title>
<meta property="og:site_name" content="沅桥新闻网">
<link rel="canonical" href="https://news.example.org/2024/0612/c10-8812.html">
<script type="application/ld+json">{"@context":"https://schema.org","@graph":[{"@type":"WebSite","name":"沅桥新闻网"},
{"@type":["NewsArticle"],"headline":"沅桥市启用首座智能水厂 日供水三十万吨","datePublished":"2024-06-12T07:30:00+08:00",
"author":[{"@type":"Person","name":"骆听澜"},{"@type":"Person","name":"顾以宁"}],"articleSection":"民生"}]}</script>
</head><body>
<div class="top"><div class="w1000"><a href="/">沅桥新闻网</a> <a href="/bd">本地</a> <a href="/ms">民生</a> <a href="/jj">财经</a> <a href="/ty">体育</a>
<a href="/login">登录</a></div></div>
<div class="path">您的位置：<a href="/">首页</a> &gt; <a href="/ms">民生</a> &gt; 正文</div>
<div class="wrap"><div class="left">
<h1>沅桥市启用首座智能水厂 日供水三十万吨</h1>
<div class="info"><span>2024-06-12 07:30</span> <span>来源：沅桥日报</span> <span>作者：骆听澜 顾以宁</span></div>
<div class="bdsharebuttonbox"><a href="#">微信</a><a href="#">微博</a><a href="#">QQ空间</a></div>
<div class="zw">
<p>　　†本报讯　6月11日，位于沅桥市北郊的清浦水厂正式通水。这是该市第一座实行无人值守的智能水厂，设计日供水能力三十万吨，可满足城区六成居民的用水需求。</p>
<p>　　†清浦水厂2021年9月动工，总投资8.6亿元，占地212亩。厂区采用“臭氧加活性炭”深度处理工艺，出厂水浊度稳定在0.1度以下，优于国家标准。</p>
<h3>†一、水从哪里来</h3>
<p>　　†水厂的原水取自四十公里外的清浦水库，经两条直径1.6米的输水管自流进厂。沿途设有17个监测点，每五分钟上传一次水质数据，一旦超标，系统会在三十秒内切换到备用水源。</p>
<p><img src="a.jpg"></p>
<p>　　†市供水公司总工程师程望舒介绍，全厂只需要六名技术人员轮班，比同等规模的老水厂少了七成。</p>
<h3>†二、水价会不会涨</h3>
<p>　　†市发展改革委表示，新水厂投用后，居民第一阶梯水价仍为每吨2.15元，三年内不作调整。</p>
<table border="1"><tbody><tr><td>†项目</td><td>老水厂</td><td>清浦水厂</td></tr>
<tr><td>†日供水能力</td><td>18万吨</td><td>30万吨</td></tr>
<tr><td>†值班人员</td><td>21人</td><td>6人</td></tr>
<tr><td>†吨水电耗</td><td>0.31度</td><td>0.24度</td></tr></tbody></table>
<p>　　†据悉，西城水厂的改造也将在年底前开工，届时全市日供水能力将达到五十五万吨。</p>
</div>
<div class="editor">（责任编辑：温知行）</div>
<div class="xg"><h4>延伸阅读</h4><ul><li><a href="/1">夏季用水高峰来临 这些小区分时供水</a></li><li><a href="/2">清浦水库除险加固工程通过验收</a></li><li><a href="/3">一图读懂：阶梯水价怎么算</a></li></ul></div>
<div class="pl">网友评论仅供其表达个人看法，并不表明本网同意其观点或证实其描述，请遵守相关法律法规，文明上网理性发言。</div>
</div>
<div class="right">
<div class="box"><div class="tit">24小时热文</div><ul><li><a href="/4">端午假期高速公路怎么走 交警发布提示</a></li><li><a href="/5">沅桥大学新校区九月迎新</a></li><li><a href="/6">老城墙下的早点铺开了三十年</a></li><li><a href="/7">公积金贷款额度上调至八十万元</a></li></ul></div>
<div class="box"><div class="tit">专题</div><ul><li><a href="/8">河湖长制五周年</a></li><li><a href="/9">城市更新在行动</a></li></ul></div>
</div></div>
<div class="foot"><a href="/about">关于我们</a> <a href="/ad">广告服务</a> <a href="/contact">联系我们</a><br>沅桥新闻网 版权所有 未经授权不得转载</div>
</body></html>
"""

PAGES["web_blog_en.html"] = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Three winters with a heat pump | Cold House Notes</title>
<meta name="author" content="Maren Oakley"><meta property="article:published_time" content="2024-03-04T19:05:00Z">
<meta property="og:site_name" content="Cold House Notes"><meta property="og:url" content="https://coldhouse.example.org/2024/03/heat-pump/">
</head><body class="post-template-default single">
<a class="skip-link" href="#content">Skip to content</a>
<header id="masthead"><p class="site-title"><a href="/">Cold House Notes</a></p><p class="site-description">Repairing a draughty farmhouse, slowly</p>
<nav><ul><li><a href="/">Home</a></li><li><a href="/tools">Tools</a></li><li><a href="/about">About</a></li></ul></nav></header>
<div id="content" class="site-content"><main><article class="post hentry">
<header class="entry-header"><h1 class="entry-title">Three winters with a heat pump</h1>
<div class="entry-meta">Posted on <time datetime="2024-03-04">4 March 2024</time> by <span class="author vcard"><a href="/author/maren">Maren Oakley</a></span></div></header>
<div class="entry-content">
<p>†When we replaced the oil boiler with an air-source heat pump in October 2021, half the village told us that it would never keep a stone house warm. After three winters I have the numbers, and they are better than I expected.</p>
<h2>†What it cost</h2>
<p>†The unit is rated at 11 kW and was installed for £9,400 after the grant. We also changed seven radiators, because the water in the pipes is now 45 °C instead of 70 °C.</p>
<ul><li>†Outdoor unit and cylinder: £6,850</li><li>†Radiators: £1,720</li><li>†Electrician: £830</li></ul>
<h2>†What it used</h2>
<p>†Last winter it drew 5,120 kWh and gave back 16,900 kWh of heat, a seasonal performance of 3.3. The worst day was 14 January, at minus nine, when it fell to 2.1.</p>
<blockquote><p>†“You will notice that it never gets hot and never gets cold,” the installer said. He was right, and it took a month to get used to.</p></blockquote>
<p>†Would we do it again? Yes, but I would insulate the loft first.</p>
</div>
<footer class="entry-footer"><span>Filed under: <a href="/c/heating">Heating</a></span> <span>Tags: <a href="/t/heat-pump">heat pump</a>, <a href="/t/costs">costs</a></span></footer>
<div class="sharedaddy"><h3>Share this:</h3><ul><li><a href="#">Email</a></li><li><a href="#">Print</a></li></ul></div>
</article>
<nav class="post-navigation"><a href="/p">Previous: Lime plaster on a wet wall</a> <a href="/n">Next: Mending sash windows</a></nav>
<div id="comments" class="comments-area"><h2 class="comments-title">2 thoughts on “Three winters with a heat pump”</h2>
<ol class="comment-list"><li class="comment"><div class="comment-author">Tobias W.</div><div class="comment-content"><p>We had exactly the same experience with our radiators. Did you have to change the pipes as well, or were the old 15 mm ones large enough?</p></div></li>
<li class="comment"><div class="comment-author">Maren Oakley</div><div class="comment-content"><p>The old pipes were fine except for one run to the kitchen, which the plumber doubled in an afternoon.</p></div></li></ol></div>
</main>
<aside id="secondary" class="widget-area"><section class="widget"><h2>Recent posts</h2><ul><li><a href="/1">Lime plaster on a wet wall</a></li><li><a href="/2">The bread oven, part two</a></li></ul></section>
<section class="widget"><h2>About me</h2><p>I am a retired surveyor. This site has no advertising, and nobody pays me to like their paint or their screws.</p></section></aside></div>
<footer id="colophon">© 2024 Cold House Notes · Proudly hand-made</footer>
</body></html>
"""

PAGES[
    "web_notice_zh.html"
] = """<html><head><meta charset="utf-8"><title>临川县人民政府办公室关于调整城区机动车单行道的通告</title>
<meta name="PubDate" content="2024-05-17 09:12"><meta name="ContentSource" content="临川县公安局"><meta name="ColumnName" content="通知公告"></head><body>
<table width="1000" align="center"><tr><td><a href="/">网站首页</a></td><td><a href="/zw">政务公开</a></td><td><a href="/bs">办事服务</a></td><td><a href="/hd">互动交流</a></td></tr></table>
<div>当前位置：首页 &gt; 政务公开 &gt; 通知公告</div>
<table class="xxgk"><tr><td>索 引 号</td><td>LC00-2024-0517</td><td>发文机关</td><td>临川县人民政府办公室</td></tr>
<tr><td>文　　号</td><td>临政办通〔2024〕18号</td><td>成文日期</td><td>2024年5月15日</td></tr></table>
<div id="zoom">
<p style="text-align:center"><b>临川县人民政府办公室<br>关于调整城区机动车单行道的通告</b></p>
<p>†为缓解城区交通拥堵，保障道路安全畅通，根据《中华人民共和国道路交通安全法》第三十九条的规定，决定对部分道路实行机动车单向通行。现将有关事项通告如下：</p>
<p>†一、自2024年6月1日起，东门街（人民路至河堤路段）由南向北单向通行，书院巷由西向东单向通行。</p>
<p>†二、每日7时至21时，货车禁止驶入上述路段；确需驶入的，应当提前三日向县公安局交通管理大队申领通行证。</p>
<p>†三、公交车、执行任务的警车、消防车、救护车不受上述限制。</p>
<p>†四、违反本通告的，由公安机关交通管理部门依法处罚。</p>
<p>†特此通告。</p>
<p>†附件：城区单行道示意图</p>
<p style="text-align:right">临川县人民政府办公室</p><p style="text-align:right">2024年5月15日</p>
</div>
<p><a href="javascript:window.print()">【打印本页】</a> <a href="javascript:window.close()">【关闭窗口】</a></p>
<div><a href="/x">省人民政府</a> | <a href="/y">各乡镇街道</a> | <a href="/z">县直部门</a></div>
<div>主办：临川县人民政府办公室　联系电话：0700-0000000</div>
</body></html>
"""

PAGES[
    "web_encyclopedia_en.html"
] = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Harrow Tern - Openpedia</title></head><body class="skin">
<div id="mw-page-base"></div><div id="content" class="mw-body"><h1 id="firstHeading">Harrow Tern</h1>
<div id="siteSub">From Openpedia, the free encyclopedia</div>
<div id="mw-content-text"><div class="mw-parser-output">
<table class="infobox"><tbody><tr><th colspan="2">†Harrow Tern</th></tr><tr><th>†Type</th><td>Research vessel</td></tr><tr><th>†Launched</th><td>9 April 1976</td></tr>
<tr><th>†Length</th><td>68.4 m</td></tr><tr><th>†Crew</th><td>22</td></tr></tbody></table>
<p>†The <b>Harrow Tern</b> is a research vessel operated by the Northmark Institute of Oceanography.<sup>[1]</sup> She was built at Larsund and launched on 9 April 1976, and is the oldest ship of her class still in service.</p>
<div id="toc" class="toc"><h2>Contents</h2><ul><li><a href="#h">1 History</a></li><li><a href="#e">2 Equipment</a></li></ul></div>
<h2><span class="mw-headline" id="h">†History</span></h2>
<p>†The ship was ordered in 1973 to replace the trawler <i>Alma Ruud</i>, which had been lost off the Skerry Banks. Fitting out took eighteen months because of a strike at the yard.</p>
<p>†In 1991 she made the first complete sonar survey of the Vellin Trench, finding a depth of 5,873 metres.</p>
<h2><span class="mw-headline" id="e">†Equipment</span></h2>
<ul><li>†Multibeam echo sounder, replaced in 2011</li><li>†Two winches with 8,000 m of cable each</li><li>†A moon pool of 2.5 m by 3 m</li></ul>
<h2><span class="mw-headline">†References</span></h2><ol class="references"><li>†<span class="reference-text">"Fleet list". Northmark Institute of Oceanography. 2019.</span></li></ol>
</div></div>
<div id="catlinks" class="catlinks">Categories: <a href="/c1">Research vessels</a> <a href="/c2">1976 ships</a></div></div>
<div id="mw-navigation"><h2>Navigation menu</h2><ul><li><a href="/m">Main page</a></li><li><a href="/r">Random article</a></li><li><a href="/d">Donate</a></li></ul></div>
<div id="footer"><ul><li>This page was last edited on 2 February 2024, at 11:40.</li><li>Text is available under a free licence; additional terms may apply.</li></ul></div>
</body></html>
"""

PAGES[
    "web_forum_zh.html"
] = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>[求助] 铸铁锅生锈了怎么处理？ - 灶台论坛</title></head><body>
<div id="hd"><a href="/">灶台论坛</a><a href="/f1">锅具</a><a href="/f2">刀具</a><a href="/f3">菜谱</a></div>
<div id="ct"><h1>[求助] 铸铁锅生锈了怎么处理？</h1>
<div class="plc"><div class="authi">半勺盐 发表于 2024-01-20 12:31</div><div class="t_f">†买了一口三十厘米的铸铁锅，放在水槽里泡了一夜，第二天锅底起了一层红锈。用钢丝球擦掉以后又长出来，请问应该怎么处理？</div></div>
<div class="plc"><div class="authi">老灶王 发表于 2024-01-20 13:05</div><div class="t_f">†先用粗盐干擦，把浮锈擦干净，再用清水冲一遍，马上放到火上烧干。<br>†然后趁热薄薄涂一层亚麻籽油，倒扣着放进烤箱，二百三十度烤一个小时，关火后等它自己凉下来。</div></div>
<div class="plc"><div class="authi">半勺盐 发表于 2024-01-20 20:47</div><div class="t_f">†照着做了两遍，锅面变黑了，煎鸡蛋也不粘了，谢谢！</div></div>
<div class="plc"><div class="authi">青椒不辣 发表于 2024-01-21 09:12</div><div class="t_f">†补充一点：洗的时候不要用洗洁精，热水加竹刷就够了，洗完一定要擦干，不然潮气会从涂层的缝隙里进去。</div></div>
<div class="pgs"><a href="?p=1">1</a> <a href="?p=2">2</a> <a href="?p=2">下一页</a></div></div>
<div id="rt"><div>版块热帖</div><ul><li><a href="/t1">第一次开锅用什么油最好</a></li><li><a href="/t2">不锈钢锅怎么做到不粘</a></li><li><a href="/t3">晒晒我家的老菜刀</a></li></ul></div>
<div id="ft">灶台论坛 | 小黑屋 | 手机版</div></body></html>
"""

PAGES[
    "web_docs_en.html"
] = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Retries — Postbox 2.4 documentation</title></head><body>
<div class="related-bar"><a href="genindex.html">index</a> <a href="next.html">next</a> <a href="index.html">Postbox 2.4 documentation</a></div>
<div class="sphinxsidebar"><h3><a href="index.html">Postbox</a></h3><ul><li><a href="install.html">Installing</a><ul><li><a href="install.html#linux">Linux</a></li><li><a href="install.html#mac">macOS</a></li></ul></li><li><a href="queues.html">Queues</a></li><li><a href="retries.html">Retries</a></li><li><a href="api.html">API reference</a></li></ul></div>
<div class="document"><div class="body" role="main"><section id="retries"><h1>Retries</h1>
<p>†A message whose handler raises an exception is put back into its queue and delivered again. The first retry comes after one second, and every further one waits twice as long as the one before it.</p>
<section id="limits"><h2>†Limits</h2><p>†By default a message is tried eight times in all. After that it is moved to the queue <code>dead</code>, together with the last error, and it stays there for 14 days.</p>
<div class="highlight"><pre>†queue = Queue("orders", retries=8, backoff=2.0)
queue.dead.keep(days=14)</pre></div></section>
<section id="options"><h2>†Options</h2><table class="docutils"><thead><tr><th>†Name</th><th>Default</th><th>Meaning</th></tr></thead><tbody><tr><td>†retries</td><td>8</td><td>How often a message is tried</td></tr><tr><td>†backoff</td><td>2.0</td><td>Factor between two waits</td></tr></tbody></table>
<div class="admonition note"><p>†Note</p><p>†A handler that returns False is not retried: only an exception counts as a failure of the message.</p></div></section></section></div></div>
<div class="footer">© Copyright 2024, the Postbox developers. Created using a static generator.</div></body></html>
"""

PAGES[
    "web_soup_en.html"
] = """<html><head><meta charset="utf-8"><title>Ferry service returns to Aldry Sound after nine years</title></head><body>
<div><div><a href="/">The Aldry Gazette</a></div><div><a href="/n">Local</a></div><div><a href="/s">Harbour</a></div><div><a href="/w">Letters</a></div></div>
<div><div><div>Ferry service returns to Aldry Sound after nine years</div>
<div>By Colin Hartwell</div><div>Tuesday 7 May 2024</div>
<div>
<div>†A passenger ferry crossed Aldry Sound on Monday for the first time since 2015, carrying 143 people and a brass band from the mainland to Innis.</div>
<div>†The boat, named the <i>Kittiwake</i>, was bought second-hand from a Norwegian operator for £1.2 million and refitted at the Carrow yard over the winter.</div>
<div>†Crossings take 25 minutes. There will be six a day until September and three a day in winter, at £4.50 for adults.</div>
<div>†“People had stopped believing it,” said Moira Tenby, who chairs the island council. “My grandson had never seen a ferry here.”</div>
<div>†The old service ended when its pier was condemned. The new one, paid for by a levy on the wind farm, cost £7.9 million.</div>
</div></div>
<div><div>Elsewhere in the paper</div><div><a href="/1">Harbour dredging begins on Friday</a></div><div><a href="/2">Six new homes for Carrow</a></div><div><a href="/3">Letters: keep the lamp lit</a></div><div><a href="/4">Tide tables for the week</a></div></div></div>
<div><div>The Aldry Gazette is printed every Tuesday and Friday.</div><div><a href="/c">Write to us</a></div></div>
</body></html>
"""

PAGES[
    "web_soup_big5.html"
] = """<html><head><meta http-equiv="Content-Type" content="text/html; charset=big5"><title>茶山步道整修完成 週六重新開放</title></head><body>
<div><span><a href="/">霧里社區報</a></span><span><a href="/a">社區</a></span><span><a href="/b">山林</a></span><span><a href="/c">人物</a></span></div>
<div><div>茶山步道整修完成 週六重新開放</div><div>2023年11月2日　記者林暮雲</div>
<div>†封閉一年多的茶山步道整修完成，將於本週六上午八時重新開放。步道全長四點二公里，沿途增設三座木棧平台與兩處避雨亭，輪椅可以通行前段八百公尺。<br><br>
†去年九月的颱風沖毀了第二座吊橋，林務單位改以鋼索與回收枕木重建，總經費一千六百萬元。新橋限載二十人，強風時會自動關閉閘門。<br><br>
†社區發展協會理事長簡青禾說，開放首日將安排六位解說員，帶領民眾認識老茶園與石滬遺跡，名額五十人，額滿為止。</div></div>
<div><div>看更多</div><div><a href="/1">社區廚房徵求志工</a></div><div><a href="/2">老樹健檢結果出爐</a></div><div><a href="/3">冬季音樂會節目單</a></div></div>
<div>霧里社區報　每月一日出刊</div></body></html>
"""

PAGES["web_plain_zh.html"] = """<html><head><meta charset="utf-8"><title>借阅规则</title></head><body><h1>借阅规则</h1>
<p>†每位读者凭借书证可以同时借出十册图书，借期三十天，到期前可以续借一次。</p><h2>†逾期</h2><p>†逾期的图书每册每天收取一角钱，累计不超过书价。</p>
<h2>†遗失</h2><p>†遗失图书的，应当赔偿同一版本的图书；确实买不到的，按原价的两倍赔偿。</p><ul><li>†工具书不外借</li><li>†期刊只在阅览室内阅读</li></ul></body></html>
"""


def page(name: str) -> bytes:
    """The file itself."""
    text = PAGES[name].replace(MARK, "")
    return text.encode("big5" if "big5" in name else "utf-8")


def _quoted(html: str) -> str:
    import quopri

    return quopri.encodestring(html.encode()).decode("ascii").replace("\n", "\r\n")


def mhtml_zh() -> bytes:
    """As Chromium saves a page: multipart/related, the page quoted-printable, pictures beside it."""
    subject = base64.b64encode("潮间带的一天 - 滨海自然笔记".encode()).decode()
    html = """<!DOCTYPE html><html lang="zh"><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8">
<title>潮间带的一天 - 滨海自然笔记</title></head><body><div class="nav"><a href="https://notes.example.org/">首页</a> <a href="https://notes.example.org/list">目录</a></div>
<h1>潮间带的一天</h1><div class="meta"><span class="author">闻溪</span> <span class="date">2023-08-19</span></div>
<p>清晨五点四十分，潮水退到最低，礁石上的藤壶全都闭紧了壳。我们沿着样线走了两百米，记下了三十一种动物。</p>
<p>最多的是短滨螺，每平方米平均有八十六只；最少见的是一只海兔，它躲在石莼下面，受到惊扰时吐出紫色的汁液。</p>
<h2>样线记录</h2><table><tr><th>物种</th><th>数量</th></tr><tr><td>短滨螺</td><td>860</td></tr><tr><td>疣荔枝螺</td><td>112</td></tr><tr><td>海兔</td><td>1</td></tr></table>
<p>十一点半潮水重新漫上来，样线的木桩只剩下顶端露在水面，这一天的观察就此结束。</p></body></html>"""
    head = (
        "From: <Saved by Blink>\r\nSnapshot-Content-Location: https://notes.example.org/2023/intertidal\r\n"
        f"Subject: =?utf-8?B?{subject}?=\r\nDate: Sun, 20 Aug 2023 08:01:44 +0800\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/related;\r\n\ttype="text/html";\r\n\tboundary="----MultipartBoundary--k3Xw9----"\r\n\r\n\r\n'
    )
    part = (
        "------MultipartBoundary--k3Xw9----\r\nContent-Type: text/html\r\nContent-ID: <frame-1A@mhtml.blink>\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\nContent-Location: https://notes.example.org/2023/intertidal\r\n\r\n"
    )
    picture = (
        "\r\n------MultipartBoundary--k3Xw9----\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
        "Content-Location: https://notes.example.org/a.png\r\n\r\niVBORw0KGgo=\r\n"
        "\r\n------MultipartBoundary--k3Xw9----\r\nContent-Type: text/html\r\nContent-Location: https://ads.example.org/frame\r\n\r\n"
        "<html><body>an advertisement in a frame</body></html>\r\n------MultipartBoundary--k3Xw9------\r\n"
    )
    return (head + part + _quoted(html) + picture).encode("ascii")


def mhtml_en() -> bytes:
    """As an older browser saves it: the root named by start=, base64, a page without a title of its own."""
    html = """<html><body><p>The reading room of the Quarrel Library opens at nine on weekdays and at ten on Saturdays. It is closed on Sundays and on the first Monday of each month.</p>
<p>Manuscripts must be ordered by noon of the day before. Bring a card with your photograph; pencils only, and no bags beyond the cloakroom.</p></body></html>"""
    body = base64.encodebytes(html.encode("cp1252")).decode().replace("\n", "\r\n")
    return (
        "From: <Saved by Windows Internet Explorer 8>\r\nSubject: Visiting the reading room\r\nDate: Mon, 3 Feb 2014 10:00:00 -0000\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/related; start="<root@x>"; boundary="b1"\r\n\r\n'
        "--b1\r\nContent-Type: text/html; charset=us-ascii\r\nContent-ID: <other@x>\r\n\r\n<p>menu frame</p>\r\n"
        '--b1\r\nContent-Type: text/html; charset="Windows-1252"\r\nContent-ID: <root@x>\r\nContent-Transfer-Encoding: base64\r\n'
        f"Content-Location: https://quarrel.example.org/visit\r\n\r\n{body}\r\n--b1--\r\n"
    ).encode("ascii")


def zipped(parts: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return out.getvalue()


CONTAINER = """<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""


def _chapter(title: str, body: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>{title}</title></head><body>{body}</body></html>'
    )


def _package(meta: str, manifest: str, spine: str, attributes: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">{meta}</metadata>'
        f"<manifest>{manifest}</manifest><spine{attributes}>{spine}</spine></package>"
    )


def book_parts() -> dict[str, str | bytes]:
    """EPUB 3, bilingual, three chapters: one with headings, one named by the contents only, one with a table."""
    one = _chapter("一", """<section epub:type="chapter"><h1>第一章 灯塔 <br/>The Lighthouse</h1>
<p>白沙岬的灯塔建于1898年，高二十一米，用当地的花岗岩砌成。守塔人每晚上三次发条，让透镜转动。</p>
<p>The lighthouse at White Sand Cape was built in 1898. It stands twenty-one metres high, and its lens was turned by a clockwork that the keeper wound three times a night.</p>
<h2>守塔人 The keepers</h2><p>最后一位守塔人叫<ruby>邬<rt>wū</rt></ruby>念海，他在塔上住了三十四年，直到1962年灯塔改用电力。</p></section>""")  # fmt: skip
    two = _chapter("two", """<p>渡船每天清晨五点离岸，载着鱼和信件，沿着暗礁之间的水道向北走，天黑以前到达大陆。</p>
<p>The ferry left at five every morning with fish and letters, kept to the channel between the reefs, and reached the mainland before dark.&nbsp;It ran until 1971.</p>""")  # fmt: skip
    three = _chapter("3", """<h1>第三章 潮汐表 Tide tables</h1><p>下表是灯塔日志中保存最完整的一个月的高潮时刻。</p>
<table><tr><th>日期</th><th>高潮</th></tr><tr><td>5月1日</td><td>06:14</td></tr><tr><td>5月2日</td><td>06:58</td></tr></table>
<p>日志原件现藏于虚构的白沙岬地方文献馆。</p>""")  # fmt: skip
    nav = _chapter("目录", """<nav epub:type="toc"><h1>目录</h1><ol><li><a href="text/c1.xhtml">第一章 灯塔</a></li>
<li><a href="text/c2.xhtml">第二章 渡船 The Ferry</a></li><li><a href="text/c3.xhtml#top">第三章 潮汐表</a></li></ol></nav>""")  # fmt: skip
    meta = """<dc:title>白沙岬纪事 Chronicle of White Sand Cape</dc:title><dc:creator>白屿</dc:creator><dc:creator>Ada Fenwick</dc:creator>
<dc:date>2019-04-02T00:00:00+00:00</dc:date><dc:publisher>远岸书局</dc:publisher><dc:subject>地方史</dc:subject><dc:language>zh</dc:language><dc:identifier id="id">urn:x:1</dc:identifier>"""
    manifest = """<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="c1" href="text/c1.xhtml" media-type="application/xhtml+xml"/><item id="c2" href="text/c2.xhtml" media-type="application/xhtml+xml"/>
<item id="c3" href="text/c3.xhtml" media-type="application/xhtml+xml"/>"""
    spine = '<itemref idref="c1"/><itemref idref="c2"/><itemref idref="c3"/>'
    return {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/content.opf": _package(meta, manifest, spine),
        "OEBPS/nav.xhtml": nav,
        "OEBPS/text/c1.xhtml": one,
        "OEBPS/text/c2.xhtml": two,
        "OEBPS/text/c3.xhtml": three,
    }


def old_book_parts() -> dict[str, str | bytes]:
    """EPUB 2 in English: NCX contents, the contents page in the spine, a chapter whose file is missing."""
    front = _chapter("Title", "<h1>The Clockmaker's Ledger</h1><p>by Edmund Vale</p>")
    contents = _chapter(
        "Contents",
        '<h2>Contents</h2><p><a href="a.html">One: The Bell</a></p><p><a href="b.html">Two: The Debt</a></p>',
    )
    first = _chapter("a", '<p class="ct">One: The Bell</p><p>The bell of Saint Orrin cracked on the coldest night of the year, and nobody in Tarn heard it but the clockmaker, who was awake because of a debt.</p><p>He put on his coat &#8212; it was his father\'s &#8212; and went out.</p>')  # fmt: skip
    ncx = """<?xml version="1.0"?><!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1"><navMap><navPoint id="n1"><navLabel><text>One: The Bell</text></navLabel><content src="a.html"/></navPoint>
<navPoint id="n2"><navLabel><text>Two: The Debt</text></navLabel><content src="b.html"/></navPoint></navMap></ncx>"""
    meta = "<dc:title>The Clockmaker's Ledger</dc:title><dc:creator>Edmund Vale</dc:creator><dc:date>1911</dc:date><dc:publisher>Tarn &amp; Daughters</dc:publisher>"
    manifest = """<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/><item id="t" href="title.html" media-type="application/xhtml+xml"/>
<item id="c" href="contents.html" media-type="application/xhtml+xml"/><item id="a" href="a.html" media-type="application/xhtml+xml"/><item id="b" href="b.html" media-type="application/xhtml+xml"/>"""
    spine = '<itemref idref="t"/><itemref idref="c"/><itemref idref="a"/><itemref idref="b"/>'
    package = _package(meta, manifest, spine, ' toc="ncx"').replace(
        "</package>", '<guide><reference type="toc" href="contents.html"/></guide></package>'
    )
    return {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/content.opf": package,
        "OEBPS/toc.ncx": ncx,
        "OEBPS/title.html": front,
        "OEBPS/contents.html": contents,
        "OEBPS/a.html": first,
    }


def mail_gb2312() -> bytes:
    """A Chinese letter: base64 subject in GB2312, quoted-printable body, an attachment with an RFC 2231 name."""
    import quopri
    from urllib.parse import quote

    def word(text: str) -> str:
        return f"=?gb2312?B?{base64.b64encode(text.encode('gb2312')).decode()}?="

    body = """各位同事：

您好！原定于3月21日召开的水质监测例会改到3月25日（星期一）下午两点，地点不变，仍在综合楼三层305会议室。

会议议程如下：
1. 通报一季度监测结果
2. 讨论新采样点的布设方案
3. 安排汛期值班

请各站在3月22日下班前把报表发给我，附件是统一的填报模板。

> 请问这次例会还要带纸质材料吗？
> 去年的表格还能不能用？

不用带纸质材料，旧表格停用。

--\x20
沈清晏
虚拟县环境监测站 办公室
"""
    return (
        f"From: {word('沈清晏')} <shen@example.org>\r\nTo: {word('各监测站')} <stations@example.org>\r\nCc: archive@example.org\r\n"
        f"Subject: {word('关于调整水质监测')}\r\n {word('例会时间的通知')}\r\nDate: Mon, 18 Mar 2024 09:26:11 +0800\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="=_mix"\r\n\r\n--=_mix\r\nContent-Type: text/plain; charset="gb2312"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        + quopri.encodestring(body.encode("gb2312")).decode("ascii").replace("\n", "\r\n")
        + "\r\n--=_mix\r\nContent-Type: application/vnd.ms-excel\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment;\r\n filename*=UTF-8''{quote('填报模板.xls')}\r\n\r\n0M8R4A==\r\n--=_mix--\r\n"
    ).encode("ascii")


def mail_flowed() -> bytes:
    """An English reply in format=flowed with an HTML twin, a quoted letter and a signature."""
    plain = """Dear Hanne,

Thank you for the two boxes of glass slides. They arrived on Thursday \r
without a single crack, and Piet has already scanned the first 140 of \r
them for the catalogue.

We found three that are not in your list: a harbour view dated 1907, a \r
portrait of an unknown woman, and a damaged one of the mill.

On 2 May 2024, Hanne Brandvold wrote:
> The slides should be with you on Thursday. \r
> Please do not open box 2 in sunlight.
>> When will they come?

I will send the scans next week.
-- \r
Lotte Verhage
Slide collection, Museum of Lost Harbours
""".replace("\r\n", "\n")
    html = "<html><body><p>Dear Hanne,</p><p>Thank you for the two boxes of glass slides.</p></body></html>"
    return (
        "Received: from mx.example.org by mail.example.org; Fri, 3 May 2024 11:02:00 +0200\r\nFrom: Lotte Verhage <lotte@example.org>\r\n"
        "To: Hanne Brandvold <hanne@example.org>\r\nSubject: Re: Glass slides\r\nDate: Fri, 3 May 2024 11:01:58 +0200\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="alt"\r\n\r\n--alt\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n\r\n'
        + plain.replace("\n", "\r\n")
        + f"\r\n--alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n--alt--\r\n"
    ).encode()


def mail_forwarded() -> bytes:
    """A forwarded letter: HTML only, and the letter that it forwards enclosed as message/rfc822."""
    html = """<html><head><meta charset="utf-8"></head><body><div>李老师：</div><div><br></div><div>转去气象站关于校园自动站迁址的来信，请在周五之前回复是否同意新的位置。</div>
<div>新站址的条件见下表：</div><table><tr><th>位置</th><th>海拔</th><th>周围建筑</th></tr><tr><td>操场东侧</td><td>43米</td><td>无</td></tr><tr><td>图书馆顶</td><td>61米</td><td>水塔</td></tr></table></body></html>"""
    inner = (
        "From: =?utf-8?Q?=E6=B0=94=E8=B1=A1=E7=AB=99?= <station@example.org>\r\nTo: office@example.org\r\n"
        f"Subject: =?utf-8?B?{base64.b64encode('校园自动气象站迁址征求意见'.encode()).decode()}?=\r\nDate: Tue, 9 Jan 2024 16:40:00 +0800\r\n"
        'MIME-Version: 1.0\r\nContent-Type: text/html; charset="gbk"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        + base64.encodebytes("<p>贵校现有的自动气象站距新建教学楼只有九米，风速记录已经失真，按照观测规范应当迁移。</p><p>请从操场东侧和图书馆顶两处中选定一处，并于1月19日前函复。</p>".encode("gbk")).decode().replace("\n", "\r\n")
    )  # fmt: skip
    return (
        f"From: office@example.org\r\nTo: li@example.org\r\nSubject: =?UTF-8?B?{base64.b64encode('转发：校园自动气象站迁址'.encode()).decode()}?=\r\n"
        'Date: Wed, 10 Jan 2024 08:15:00 +0800\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="m1"\r\n\r\n'
        "--m1\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(html.encode()).decode().replace("\n", "\r\n")
        + f"\r\n--m1\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--m1--\r\n"
    ).encode("ascii")


def files() -> dict[str, bytes]:
    return {
        **{name: page(name) for name in PAGES},
        "saved_zh.mhtml": mhtml_zh(),
        "saved_en.mhtml": mhtml_en(),
        "chronicle.epub": zipped(book_parts()),
        "ledger_en.epub": zipped(old_book_parts()),
        "meeting_zh.eml": mail_gb2312(),
        "slides_en.eml": mail_flowed(),
        "forwarded_zh.eml": mail_forwarded(),
    }


def body_lines(name: str) -> list[str]:
    """What a person calls the text of a page: its marked lines, without white space."""
    from rag.parse.html import lines_of, tree_of

    lines = [line.text for line in lines_of(tree_of(PAGES[name], name))]
    return [re.sub(r"\s", "", line.replace(MARK, "")) for line in lines if MARK in line]


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for name, data in files().items():
        (OUT / name).write_bytes(data)
