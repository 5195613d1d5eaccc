"""What single cells of a table say: figures, years and days, the words that name columns and those that label a form."""

from __future__ import annotations

import re

FIGURE = re.compile(
    r"[-−+(（<>≤≥≈约]?\s*[¥￥$€£]?\s*[-−]?\d[\d,，. ]*(?:[eE][-+]?\d+)?\s*(?:[%％‰]|(?P<unit>[^\W\d_]{1,4}))?[)）]?"
)
YEAR = re.compile(
    r"(?:FY\s*)?(?:1[89]|20)\d\d(?:\s*[-–/]\s*\d{2,4})?\s*(?:年度?|学年)?|Q[1-4]|(?:1[0-2]|[1-9])\s*月|第?[一二三四1-4]季度"
)
DAY = re.compile(
    r"\d{4}\s*[-/.年]\s*\d{1,2}(?:\s*[-/.月]\s*\d{1,2}\s*日?)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}[:：]\d\d"
)
_ENGLISH_DAY = re.compile(r"(?:\d{1,2}\s+)?[A-Z][a-z]{2,8}\.?\s+(?:\d{1,2},\s*)?\d{4}")
_CODE = re.compile(r"(?=.*\d)[A-Za-z0-9]+(?:[-–/_.][A-Za-z0-9]+)+|\d{5,}|.*〔\d{4}〕.*")
_LABEL = re.compile(
    r"""姓名|名称|单位(?:名称)?|性别|年龄|民族|籍贯|学历|学位|职务|职称|电话|手机|联系电话|联系人|联系方式|传真|邮箱|电子邮箱|邮编|
    (?:通讯|联系|单位|注册)?地址|(?:出生|申请|签订|填表|开始|结束|成立|发布|成文|生成|生效|失效|印发|公开)?(?:日期|时间|年月)|编号|部门|
    岗位|负责人|法定代表人|身份证号?|备注|项目(?:名称|编号|负责人)?|主题|标题|作者|索引号|发文(?:机关|机构|字号|单位)|发布(?:机构|单位)|
    文号|主题(?:分类|词)|公开(?:方式|范围|形式)|信息(?:名称|类别|来源)|有效性|
    (?:full\ |first\ |last\ )?name|phone|telephone|tel|e-?mail|address|date|gender|sex|age|title|position|department|
    company|organi[sz]ation|contact|website|remarks?|notes?|subject|author|version|status|owner""",
    re.IGNORECASE | re.VERBOSE,
)
_NAME = re.compile(
    r"""序号|编号|代码|名称|项目|姓名|日期|时间|金额|数量|单价|合计|单位|备注|说明|内容|类别|类型|部门|负责人|电话|地址|状态|指标|数值|值|
    用途|职责|职务|岗位|地点|规格|型号|比例|占比|参数|字段|含义|描述|术语|定义|缩写|全称|问题|答案|回答|功能|要求|标准|步骤|版本|年份|月份|
    科目|栏目|选项|结果|要点|事项|答复|责任人|责任部门|国家|地区|首都|省份|省会|城市|区县|学校|班级|课程|教师|人口|面积|价格|费用|收入|支出|
    物种|品种|品名|商品|食材|用量|产品|站点|线路|区域|语言|货币|星期|节日|
    (?:no|id|item|name|date|time|amount|quantity|qty|price|total|unit|notes?|remarks?|description|category|type|department|
    owner|status|value|key|field|term|definition|meaning|parameter|setting|default|question|answer|year|month|metric|
    feature|requirement|step|version|abbreviation|role|responsibility|code|count|location|result|option|symbol|
    city|cities|country|countries|capital|region|language|currency|currencies|population|area|product|service|cost|fee|
    day|hour|opening\ hour|command|file|species|ingredient|course|teacher|room|task|person|team|member|sales)s?\.?""",
    re.IGNORECASE | re.VERBOSE,
)
_SPACED = re.compile(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])")  # 文 号, set out to the width of the labels below


def is_label(cell: str) -> bool:
    """Whether a cell says what the one beside it holds."""
    return cell.endswith((":", "：")) or bool(_LABEL.fullmatch(_SPACED.sub("", cell)))


def is_column_name(cell: str) -> bool:
    """Whether a cell is a word that heads columns: 名称, Item."""
    return bool(_NAME.fullmatch(_SPACED.sub("", cell)))


def is_figure(cell: str) -> bool:
    return bool(FIGURE.fullmatch(cell) or DAY.match(cell))


def is_code(cell: str) -> bool:
    """Whether a cell is a number of something, which no column is called by: LC00-2024-0517."""
    return bool(_CODE.fullmatch(cell)) and not YEAR.fullmatch(cell)


def kind_of(cell: str) -> str:
    """Text, a day, or a number with its unit: cells of one column are mostly of one kind."""
    if DAY.match(cell) or _ENGLISH_DAY.fullmatch(cell):
        return "day"
    figure = FIGURE.fullmatch(cell)
    return f"number {figure.group('unit') or ''}".strip() if figure else "text"
