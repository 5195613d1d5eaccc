"""Names and offices of persons, as they stand alone on a line under a title."""

from __future__ import annotations

import re

from rag.text.wrap import width

_SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘厉戎祖武符刘景詹束龙叶幸司韶黎乔苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍桑桂濮牛寿通边扈燕冀浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩聂晁勾敖融冷辛阚那简饶空曾毋沙鲜丰关相查后荆红游竺权盖益桓公肖覃郜植佟仝岳帅朴亓楼阳肇代缑缐苟尧仉"
    "張陳劉黃楊趙吳孫馬羅鄭謝許馮韓鄧蕭葉蘇蔣賈閻餘鍾姜譚陸範韋賴龍錢湯"
)
OFFICE = re.compile(
    r"(?:部长|主任|书记|局长|厅长|处长|科长|校长|院长|所长|会长|秘书长|市长|省长|县长|区长|镇长|乡长|主席|总理|总统|教授|研究员|院士|讲师|博士|硕士|学者|专家|委员|代表|董事长?|总裁|总经理|经理|总监|主管|工程师|设计师|分析师|律师|医师|医生|作家|编辑|主编|记者|评论员|负责人|创始人|合伙人|顾问|站长|馆长|行长|社长|台长|队长|组长|首席\w*|\b(?:CEO|CTO|CFO)\b|\b(?:professor|director|editor|correspondent|reporter|writer|researcher|chair(?:man|woman)?|president|secretary|minister|engineer|analyst|fellow|lecturer|founder|columnist|officer)\b)",
    re.IGNORECASE,
)
_LATIN_NAME = re.compile(
    r"[A-Z][a-zà-ÿ'’-]+(?:\s+[A-Z]\.)*(?:\s+(?:de|van|von|der|la|bin|al))*(?:\s+[A-Z][a-zà-ÿA-Z'’-]+){1,2}"
)


def is_name(line: str) -> bool:
    """Whether a short line is a person's name: a Chinese surname and 1–2 (3 with a space) characters, or Latin words."""
    line = line.strip()
    if re.fullmatch(r"[\u4e00-\u9fff]\s?[\u4e00-\u9fff]{1,2}", line) or (
        re.fullmatch(r"[\u4e00-\u9fff]{4}", line)
        and line[:2] in {"欧阳", "司马", "诸葛", "上官", "慕容", "司徒", "尉迟", "皇甫", "夏侯", "东方", "公孙", "令狐"}
    ):
        return line[0] in _SURNAMES or len(line) == 4
    return bool(_LATIN_NAME.fullmatch(line))


def is_office(line: str) -> bool:
    """Whether a line names a person's post: short, no stop, and a word such as 主任 or correspondent near its end."""
    return (
        width(line) <= 80 and not re.search(r"[。！？!?…；;.][”’」』）)]*$", line) and bool(OFFICE.search(line[-24:]))
    )
