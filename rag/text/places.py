"""Place names that a question may swap for another: enough to notice that 上海 was asked and 成都 is told.

A short gazetteer of provinces, prefecture-level and other large cities, countries and continents, as common knowledge
has them; a name that it lacks is still matched as ordinary words.
"""

from __future__ import annotations

import re
from functools import cache

from rag.text.fold import fold_map, unfold

_CHINA = """
北京 天津 上海 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 台湾
内蒙古 广西 西藏 宁夏 新疆 香港 澳门 石家庄 唐山 秦皇岛 邯郸 邢台 保定 张家口 承德 沧州 廊坊 衡水 太原 阳泉 长治 晋城 朔州 晋中 运城
忻州 临汾 吕梁 呼和浩特 包头 乌海 赤峰 通辽 鄂尔多斯 呼伦贝尔 沈阳 大连 鞍山 抚顺 本溪 丹东 锦州 营口 阜新 辽阳 盘锦 铁岭 葫芦岛 长春 四平 辽源
通化 白山 松原 白城 延边 哈尔滨 齐齐哈尔 鸡西 鹤岗 双鸭山 大庆 伊春 佳木斯 七台河 牡丹江 黑河 绥化 南京 无锡 徐州 常州 苏州 南通 连云港 淮安 盐城
扬州 镇江 泰州 宿迁 杭州 宁波 温州 嘉兴 湖州 绍兴 金华 衢州 舟山 台州 丽水 合肥 芜湖 蚌埠 淮南 马鞍山 淮北 铜陵 安庆 黄山 滁州 阜阳 宿州 六安
亳州 池州 宣城 福州 厦门 莆田 三明 泉州 漳州 南平 龙岩 宁德 南昌 景德镇 萍乡 九江 新余 鹰潭 赣州 吉安 宜春 抚州 上饶 济南 青岛 淄博 枣庄 东营
烟台 潍坊 济宁 泰安 威海 临沂 德州 聊城 滨州 菏泽 郑州 开封 洛阳 平顶山 安阳 鹤壁 新乡 焦作 濮阳 许昌 漯河 三门峡 南阳 商丘 信阳 周口 驻马店
武汉 黄石 十堰 宜昌 襄阳 鄂州 荆门 孝感 荆州 黄冈 咸宁 随州 恩施 长沙 株洲 湘潭 衡阳 邵阳 岳阳 常德 张家界 益阳 郴州 永州 怀化 娄底 湘西 广州
韶关 深圳 珠海 汕头 佛山 江门 湛江 茂名 肇庆 惠州 梅州 汕尾 河源 阳江 清远 东莞 中山 潮州 揭阳 云浮 南宁 柳州 桂林 梧州 北海 防城港 钦州 贵港 玉林
百色 贺州 河池 崇左 海口 三亚 三沙 儋州 成都 自贡 攀枝花 泸州 德阳 绵阳 广元 遂宁 内江 乐山 南充 眉山 宜宾 广安 达州 雅安 巴中 资阳 阿坝 甘孜
凉山 贵阳 六盘水 遵义 毕节 铜仁 昆明 曲靖 玉溪 保山 昭通 丽江 普洱 临沧 楚雄 红河 文山 西双版纳 大理 德宏 怒江 迪庆 拉萨 日喀则 昌都 林芝 山南
那曲 西安 铜川 宝鸡 咸阳 渭南 延安 汉中 榆林 商洛 兰州 嘉峪关 金昌 天水 武威 张掖 平凉 酒泉 庆阳 定西 陇南 西宁 海东 银川 石嘴山
固原 中卫 乌鲁木齐 克拉玛依 吐鲁番 哈密 昌吉 伊犁 喀什 和田 台北 新北 桃园 台中 台南 高雄 基隆 新竹 嘉义 苗栗 彰化 南投 云林 屏东 宜兰 花莲 台东
澎湖 浦东 雄安 九龙 新界 京津冀 长三角 珠三角 粤港澳 成渝 东三省 长株潭 海峡两岸
"""
_WORLD = """
中国 美国 英国 法国 德国 日本 韩国 朝鲜 俄罗斯 苏联 印度 加拿大 澳大利亚 新西兰 巴西 阿根廷 墨西哥 意大利 西班牙 葡萄牙 荷兰 比利时 瑞士 瑞典 挪威 丹麦
芬兰 波兰 奥地利 匈牙利 希腊 土耳其 埃及 南非 尼日利亚 肯尼亚 埃塞俄比亚 摩洛哥 沙特 沙特阿拉伯 伊朗 伊拉克 以色列 叙利亚 阿富汗 巴基斯坦 孟加拉国 泰国
越南 老挝 柬埔寨 缅甸 马来西亚 新加坡 印度尼西亚 印尼 菲律宾 蒙古 哈萨克斯坦 乌克兰 捷克 罗马尼亚 保加利亚 塞尔维亚 克罗地亚 爱尔兰 冰岛 智利 秘鲁 哥伦比亚
委内瑞拉 古巴 亚洲 欧洲 非洲 北美洲 南美洲 大洋洲 南极洲 纽约 华盛顿 洛杉矶 旧金山 芝加哥 波士顿 西雅图 休斯敦 伦敦 巴黎 柏林 慕尼黑 法兰克福 罗马 米兰
威尼斯 马德里 巴塞罗那 莫斯科 圣彼得堡 东京 大阪 京都 名古屋 横滨 首尔 釜山 平壤 曼谷 河内 悉尼 墨尔本 多伦多 温哥华 蒙特利尔 迪拜 开罗 维也纳 日内瓦
苏黎世 阿姆斯特丹 布鲁塞尔 哥本哈根 斯德哥尔摩 奥斯陆 赫尔辛基 华沙 布拉格 布达佩斯 雅典 伊斯坦布尔 孟买 新德里 里约热内卢 圣保罗 布宜诺斯艾利斯
"""
_ENGLISH = """
china|beijing|tianjin|shanghai|chongqing|guangzhou|shenzhen|chengdu|wuhan|nanjing|hangzhou|suzhou|xi'an|qingdao|xiamen|kunming|sichuan|
guangdong|zhejiang|jiangsu|yunnan|tibet|xinjiang|hong kong|macau|macao|taiwan|taipei|kaohsiung|taichung|tainan|united states|america|
united kingdom|britain|england|scotland|wales|ireland|france|germany|japan|south korea|north korea|korea|russia|soviet union|india|canada|
australia|new zealand|brazil|argentina|mexico|italy|spain|portugal|netherlands|belgium|switzerland|sweden|norway|denmark|finland|poland|
austria|hungary|greece|turkey|egypt|south africa|nigeria|kenya|saudi arabia|iran|iraq|israel|pakistan|thailand|vietnam|malaysia|singapore|
indonesia|philippines|mongolia|ukraine|asia|europe|africa|antarctica|new york|washington|los angeles|san francisco|chicago|boston|
seattle|houston|florida|texas|california|london|paris|berlin|munich|frankfurt|rome|milan|venice|madrid|barcelona|moscow|tokyo|osaka|
kyoto|seoul|bangkok|sydney|melbourne|toronto|vancouver|dubai|cairo|vienna|geneva|zurich|amsterdam|brussels|mars|venus|jupiter|the moon
"""
# The same place in both languages: an English question about a Chinese text must not look like another place.
_SAME = dict(
    pair.split("=")
    for pair in """
    china=中国|beijing=北京|tianjin=天津|shanghai=上海|chongqing=重庆|guangzhou=广州|shenzhen=深圳|chengdu=成都|wuhan=武汉|nanjing=南京|
    hangzhou=杭州|suzhou=苏州|xi'an=西安|qingdao=青岛|xiamen=厦门|kunming=昆明|sichuan=四川|guangdong=广东|zhejiang=浙江|jiangsu=江苏|
    yunnan=云南|tibet=西藏|xinjiang=新疆|hong kong=香港|macau=澳门|macao=澳门|taiwan=台湾|taipei=台北|kaohsiung=高雄|taichung=台中|
    tainan=台南|united states=美国|america=美国|united kingdom=英国|britain=英国|england=英国|france=法国|germany=德国|japan=日本|
    south korea=韩国|north korea=朝鲜|russia=俄罗斯|soviet union=苏联|india=印度|canada=加拿大|australia=澳大利亚|italy=意大利|
    spain=西班牙|egypt=埃及|singapore=新加坡|thailand=泰国|vietnam=越南|new york=纽约|washington=华盛顿|london=伦敦|paris=巴黎|
    berlin=柏林|rome=罗马|moscow=莫斯科|tokyo=东京|osaka=大阪|kyoto=京都|seoul=首尔|asia=亚洲|europe=欧洲|africa=非洲
    """.replace("\n", "").split("|")
    for pair in [pair.strip()]
)


@cache
def _pattern() -> re.Pattern[str]:
    chinese = sorted({*_CHINA.split(), *_WORLD.split()}, key=len, reverse=True)
    english = sorted((name.strip() for name in _ENGLISH.replace("\n", "").split("|")), key=len, reverse=True)
    # 中山路, 大理石, 北京时间 … : a place inside a longer common word is no place of its own.
    return re.compile(
        rf"(?:{'|'.join(chinese)})(?!石|路|街|时间|人民币)|(?<![a-z])(?:{'|'.join(map(re.escape, english))})(?![a-z])"
    )


def places(text: str) -> list[str]:
    """Place names in a text as written there, in order: "上海和Chengdu" -> ["上海", "Chengdu"]."""
    folded, at = fold_map(text)
    spans = [unfold(at, *m.span()) for m in _pattern().finditer(folded)]
    return [text[start:end] for start, end in spans]


def same_place(name: str) -> tuple[str, ...]:
    """Folded writings of one place, Chinese and English: "chengdu" -> ("chengdu", "成都")."""
    chinese = _SAME.get(name, name)
    return tuple(dict.fromkeys((name, chinese, *(en for en, zh in _SAME.items() if zh == chinese))))
