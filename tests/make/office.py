"""Makes the DOCX and PPTX samples: `python -m tests.make.office` writes them; the functions return bytes."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

FORMATS = Path(__file__).resolve().parent.parent / "data" / "formats"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_DAY = (2024, 1, 1, 0, 0, 0)


def edited(data: bytes, change: Mapping[str, Callable[[str], str] | str | bytes | None]) -> bytes:
    """The archive with some parts changed, added (text) or taken out (None); its bytes are the same each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        parts: dict[str, str | bytes] = {name: old.read(name) for name in old.namelist() if not name.endswith(".jpeg")}
        for name, how in change.items():
            if how is None:
                parts.pop(name, None)
            elif callable(how):
                before = parts[name]
                assert isinstance(before, bytes)
                parts[name] = how(before.decode())
            else:
                parts[name] = how
        for name, held in parts.items():
            new.writestr(zipfile.ZipInfo(name, _DAY), held, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def saved(document: Any, title: str = "", author: str = "", day: datetime | None = None, subject: str = "") -> bytes:
    told = document.core_properties
    told.title, told.author, told.subject, told.last_modified_by = title, author, subject, author
    if day:
        told.created = told.modified = day
    out = io.BytesIO()
    document.save(out)
    return edited(out.getvalue(), {"docProps/thumbnail.jpeg": None})


def word(body: str, **parts: str) -> bytes:
    """A document from the XML of its body; parts by name (`styles`, `numbering`, `footnotes`, `comments` …)."""
    types = "".join(
        f'<Override PartName="/word/{p}.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.{p}+xml"/>'
        for p in parts
    )
    links = "".join(
        f'<Relationship Id="rId{i}" Type="{R}/{re.sub("[0-9]", "", p)}" Target="{p}.xml"/>' for i, p in enumerate(parts)
    )
    package = "http://schemas.openxmlformats.org/package/2006"
    held = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{R}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{package}/relationships">{links}</Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{W}" xmlns:r="{R}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><w:body>{body}</w:body></w:document>',
        **{f"word/{p}.xml": text.replace(">", f' xmlns:w="{W}">', 1) for p, text in parts.items()},
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in held.items():
            archive.writestr(zipfile.ZipInfo(name, _DAY), '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return out.getvalue()


def p(text: str, props: str = "") -> str:
    return f'<w:p>{f"<w:pPr>{props}</w:pPr>" if props else ""}<w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def tc(inner: str, props: str = "") -> str:
    return f"<w:tc>{f'<w:tcPr>{props}</w:tcPr>' if props else ''}{inner if '<' in inner else p(inner)}</w:tc>"


def tr(*cells: str, props: str = "") -> str:
    return f"<w:tr>{f'<w:trPr>{props}</w:trPr>' if props else ''}{''.join(c if c.startswith('<w:tc>') else tc(c) for c in cells)}</w:tr>"


def tbl(*rows: str) -> str:
    return f"<w:tbl>{''.join(rows)}</w:tbl>"


def numbered(list_id: int, level: int = 0) -> str:
    return f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>'


def styles(*more: str) -> str:
    heads = "".join(
        f'<w:style w:type="paragraph" w:styleId="{i}"><w:name w:val="heading {i}"/><w:basedOn w:val="a"/><w:pPr><w:outlineLvl w:val="{i - 1}"/></w:pPr></w:style>'
        for i in (1, 2, 3)
    )
    return f'<w:styles><w:style w:type="paragraph" w:default="1" w:styleId="a"><w:name w:val="Normal"/></w:style>{heads}<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style>{"".join(more)}</w:styles>'


def numbering(*kinds: list[tuple[str, str, str]]) -> str:
    """Each kind is its levels: (number format, text, paragraph style)."""
    out = "".join(
        f'<w:abstractNum w:abstractNumId="{k}">'
        + "".join(
            f'<w:lvl w:ilvl="{i}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>{f"<w:pStyle w:val={chr(34)}{style}{chr(34)}/>" if style else ""}<w:lvlText w:val="{text}"/></w:lvl>'
            for i, (form, text, style) in enumerate(levels)
        )
        + "</w:abstractNum>"
        for k, levels in enumerate(kinds)
    )
    return f"<w:numbering>{out}{''.join(f'<w:num w:numId={chr(34)}{k + 1}{chr(34)}><w:abstractNumId w:val={chr(34)}{k}{chr(34)}/></w:num>' for k in range(len(kinds)))}</w:numbering>"


def policy() -> bytes:
    """A Chinese rule with chapters and articles that Word numbers, lists, a data table and a form."""
    h1, h2 = '<w:pStyle w:val="1"/>', '<w:pStyle w:val="2"/>'
    body = (
        p("云栖市数据集团", '<w:pStyle w:val="T"/>') + p("差旅费管理办法", '<w:pStyle w:val="T"/>')
        + p("云数发〔2024〕17号") + p("总则", h1)
        + p("为规范差旅费的开支，根据集团财务制度，制定本办法。本办法适用于集团总部和全体子公司的在职员工。", numbered(2))
        + p("差旅费包括城市间交通费、住宿费、伙食补助费和市内交通费，实行预算管理，超出预算的部分不予报销。", numbered(2))
        + p("标准", h1) + p("住宿费", h2)
        + p("住宿费在下列限额内凭发票据实报销，限额按照出差地点和员工职级确定：")
        + tbl(
            tr("职级", "一类城市（元/天）", "其他城市（元/天）", props="<w:tblHeader/>"),
            tr("高级管理人员", "800", "600"), tr("部门负责人", "600", "450"), tr(tc("其他员工", '<w:vMerge w:val="restart"/>'), "450", "350"),
            tr(tc("<w:p/>", "<w:vMerge/>"), "420（试用期）", "330（试用期）"),
        )
        + p("交通费", h2) + p("乘坐火车的，按照下列规定报销：")
        + p("高铁二等座据实报销；", numbered(3)) + p("夜间乘车超过六小时的，可以乘坐软卧；", numbered(3))
        + p("自行驾车的，按照里程补助，每公里", numbered(3)).replace("</w:p>", '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> REF rate </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>1.2 元</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r><w:r><w:t>。</w:t></w:r></w:p>')
        + p("报销程序", h1)
        + p("员工应当在出差结束后十五个工作日内提交报销单，由部门负责人审核、财务部复核后支付。", numbered(2))
        + p("本办法由财务部负责解释，自2024年4月1日起施行。", numbered(2))
        + p("附：差旅申请表")
        + tbl(tr("姓名", "沈听澜"), tr("部门", "数据治理部"), tr("出差地点", "北岭市"), tr("联系电话", "010-0000-0017"))
        + p("云栖市数据集团财务部") + p("2024年3月12日")
    )  # fmt: skip
    lists = numbering(
        [("chineseCounting", "第%1章", "1"), ("chineseCounting", "（%2）", "2")],
        [("chineseCounting", "第%1条", "")],
        [("decimal", "%1.", "")],
    )
    linked = styles().replace('<w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style><w:style w:type="paragraph" w:styleId="2">', '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr><w:outlineLvl w:val="0"/></w:pPr></w:style><w:style w:type="paragraph" w:styleId="2">')  # fmt: skip
    linked = linked.replace('<w:pPr><w:outlineLvl w:val="1"/>', '<w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr><w:outlineLvl w:val="1"/>')  # fmt: skip
    return word(body, styles=linked, numbering=lists)


def meeting() -> bytes:
    """An English report with tracked changes, comments, a footnote, a header and a footer, made with python-docx."""
    import docx

    made = docx.Document()
    section = made.sections[0]
    section.header.paragraphs[0].text = "Harbour Light Library Trust"
    section.footer.paragraphs[0].text = "Internal – page 1"
    made.add_heading("Minutes of the Building Committee", 0)
    made.add_paragraph("Held on 14 May 2024 in the reading room, Quay Street")
    made.add_heading("Roof repairs", 1)
    first = made.add_paragraph(
        "The surveyor reported that the roof over the east wing lets in water after heavy rain and needs new slates before the autumn."
    )
    made.add_comment(first.runs, text="Please attach the survey.", author="Odette Marsh", initials="OM")
    made.add_paragraph(
        "The committee accepted the offer of Tern & Vale Roofing, which costs OLDPRICE and includes the scaffolding."
    )
    made.add_heading("Opening hours", 1)
    for text in ("Monday to Friday: 9 am to 6 pm", "Saturday: 10 am to 4 pm"):
        made.add_paragraph(text, style="List Bullet")
    made.add_heading("Decisions", 2)
    for text in ("Order the slates in June.", "Close the east wing from 3 to 21 July.", "Tell the schools in writing."):
        made.add_paragraph(text, style="List Number")
    table = made.add_table(rows=1, cols=3)
    for cell, text in zip(table.rows[0].cells, ("Item", "Owner", "Due"), strict=True):
        cell.text = text
    for row in (
        ("Slates", "Odette Marsh", "7 June"),
        ("Letters", "Pell Ashgrove", "14 June"),
        ("Signs", "Pell Ashgrove", "28 June"),
    ):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    made.add_paragraph(
        "The next meeting takes place on 11 June 2024 at the same place; members who cannot come tell the secretary by email."
    )
    change = '</w:t></w:r><w:del w:id="90" w:author="x"><w:r><w:delText>£38,000</w:delText></w:r></w:del><w:ins w:id="91" w:author="x"><w:r><w:t>£41,500</w:t></w:r></w:ins><w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:t xml:space="preserve">'
    notes = f'<?xml version="1.0"?><w:footnotes xmlns:w="{W}"><w:footnote w:id="0" w:type="separator"><w:p/></w:footnote><w:footnote w:id="2"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> Without value added tax, valid until the end of June.</w:t></w:r></w:p></w:footnote></w:footnotes>'
    return edited(
        saved(made, "Minutes of the Building Committee", "Pell Ashgrove", datetime(2024, 5, 15), "Building"),
        {
            "word/document.xml": lambda xml: xml.replace("OLDPRICE", change),
            "word/footnotes.xml": notes,
            "word/_rels/document.xml.rels": lambda xml: xml.replace("</Relationships>", f'<Relationship Id="rId99" Type="{R}/footnotes" Target="footnotes.xml"/></Relationships>'),
            "[Content_Types].xml": lambda xml: xml.replace("</Types>", '<Override PartName="/word/footnotes.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"/></Types>'),
        },
    )  # fmt: skip


def plain_notice() -> bytes:
    """A Chinese notice as most offices write it: no styles, headings typed by hand."""
    import docx

    made = docx.Document()
    for text in (
        "关于做好2024年汛期值班工作的通知", "各街道办事处，各有关单位：",
        "根据气象部门预测，今年汛期我区降雨偏多，局部可能出现暴雨。为做好汛期值班工作，现将有关事项通知如下。",
        "一、值班时间", "汛期值班自6月1日起至9月15日止，实行二十四小时值班，节假日不间断，值班人员不得擅自离岗。",
        "二、值班要求", "各单位应当明确带班领导和值班人员，保持通信畅通，遇有险情在十五分钟内报告区防汛办公室。",
        "三、联系方式", "区防汛办公室设在青禾区水务中心，值班电话010-0000-2024，传真与值班电话同号。",
        "青禾区防汛办公室", "2024年5月20日",
    ):  # fmt: skip
        made.add_paragraph(text)
    return saved(made, "", "Administrator", datetime(2024, 5, 18))


def pitch() -> bytes:
    """A Chinese deck with notes, a table, a group, a chart and a hand-made title."""
    import pptx
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Cm, Pt

    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    slide.shapes.title.text, slide.placeholders[1].text = "青芽农业融资计划书", "北岭青芽科技有限公司\n2024年3月"
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "我们解决什么问题"
    body = slide.placeholders[1].text_frame
    body.text = "小农户买不到合适的种苗"
    for text, level in (("育苗损耗率高达三成", 1), ("运输时间平均四天", 1), ("合作社缺少行情数据", 0)):
        paragraph = body.add_paragraph()
        paragraph.text, paragraph.level = text, level
    slide.notes_slide.notes_text_frame.text = "这里强调：数据来自我们2023年对三个县、四百二十户农户的走访调查。"
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "收入与成本"
    frame = slide.shapes.add_table(4, 3, Cm(2), Cm(5), Cm(16), Cm(5)).table
    for r, row in enumerate(
        (
            ("年份", "收入（万元）", "成本（万元）"),
            ("2022", "320", "290"),
            ("2023", "780", "610"),
            ("2024（预计）", "1500", "980"),
        )
    ):
        for c, text in enumerate(row):
            frame.cell(r, c).text = text
    data = CategoryChartData(number_format="0%")
    data.categories = ["种苗", "技术服务", "数据订阅"]
    data.add_series("收入占比", (0.62, 0.25, 0.13))
    chart = slide.shapes.add_chart(XL_CHART_TYPE.PIE, Cm(2), Cm(11), Cm(10), Cm(6), data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "2023年收入构成"
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    for text, left, top, size in (("右边：技术入股", 14, 6, 18), ("左边：土地入股", 2, 6, 18), ("合作方式", 2, 2, 32)):
        box = slide.shapes.add_textbox(Cm(left), Cm(top), Cm(8), Cm(2))
        box.text_frame.text = text
        box.text_frame.paragraphs[0].runs[0].font.size = Pt(size)
    group = slide.shapes.add_group_shape()
    for text, left in (("第二步：签约", 9), ("第一步：考察", 2)):
        group.shapes.add_textbox(Cm(left), Cm(10), Cm(5), Cm(2)).text_frame.text = text
    return saved(deck, "PowerPoint 演示文稿", "陶小满", datetime(2024, 3, 2))


def lecture() -> bytes:
    """An English lecture deck: numbered steps, a section slide, two columns, a footer, a repeated title."""
    import pptx
    from pptx.util import Cm

    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    slide.shapes.title.text, slide.placeholders[1].text = (
        "How Tides Work",
        "Lecture 3, Coastal Science 101\nMarlow Fenn",
    )
    slide = deck.slides.add_slide(deck.slide_layouts[2])
    slide.shapes.title.text, slide.placeholders[1].text = (
        "Part one: the causes",
        "The Moon, the Sun and the spinning Earth",
    )
    slide = deck.slides.add_slide(deck.slide_layouts[3])
    slide.shapes.title.text = "Spring and neap tides"
    slide.placeholders[1].text = "Spring tides\nMoon and Sun pull in one line"
    slide.placeholders[2].text = "Neap tides\nMoon and Sun pull at right angles"
    box = slide.shapes.add_textbox(Cm(2), Cm(18), Cm(8), Cm(1))
    box.text_frame.text = "Coastal Science 101"
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Spring and neap tides"
    slide.placeholders[1].text = "Find the age of the Moon.\nAdd two days for the lag.\nRead the range from the table."
    slide.notes_slide.notes_text_frame.text = "Let the students try this with the calendar of the harbour office. The lag is nearer to one and a half days on open coasts."
    out = saved(deck, "How Tides Work", "Marlow Fenn", datetime(2023, 10, 9), "Oceanography")

    def steps(xml: str) -> str:
        return re.sub(
            r"<a:p>(?=<a:r><a:t>(?:Find|Add|Read))", '<a:p><a:pPr><a:buAutoNum type="arabicPeriod"/></a:pPr>', xml
        )

    footer = '<p:sp><p:nvSpPr><p:cNvPr id="90" name="F"/><p:cNvSpPr/><p:nvPr><p:ph type="ftr" idx="11"/></p:nvPr></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p><a:r><a:t>Fenn, autumn term</a:t></a:r></a:p></p:txBody></p:sp>'
    return edited(
        out,
        {"ppt/slides/slide4.xml": steps, "ppt/slides/slide2.xml": lambda xml: xml.replace("</p:spTree>", footer + "</p:spTree>")},
    )  # fmt: skip


SAMPLES: dict[str, Callable[[], bytes]] = {
    "policy.docx": policy, "meeting.docx": meeting, "plain_notice.docx": plain_notice, "pitch.pptx": pitch,
    "lecture.pptx": lecture,
}  # fmt: skip

if __name__ == "__main__":
    FORMATS.mkdir(parents=True, exist_ok=True)
    for name, make in SAMPLES.items():
        (FORMATS / name).write_bytes(make())
