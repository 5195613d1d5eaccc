"""PDF files for the tests, drawn with reportlab: run as `python -m tests.make.pdf` to write them again."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "data" / "formats"
SONG = "STSong-Light"

REPORT_HEAD = "云溪市统计局 · 城市绿地年度报告"
REPORT: tuple[tuple[str, str], ...] = (
    ("h1", "一、总体情况"),
    ("p", "2022年，云溪市新增公园绿地46.8公顷，全市建成区绿地率达到41.2%，比上年提高0.9个百分点。市园林中心全年共完成"
          "口袋公园建设23处，改造老旧公园7处，累计服务周边居民约58万人，群众满意度为93.5%。"),
    ("p", "与上年相比，新增绿地主要分布在城东新区和滨河片区，其中滨河片区占全部新增面积的三分之二以上，带动沿线步道"
          "全部贯通。"),
    ("h2", "（一）主要成效"),
    ("p", "绿地布局更加均衡。步行十分钟可达公园的居住区比例由78%提高到85%，城西老城区首次超过80%。"),
    ("li", "• 滨河绿道全线贯通，总长18.6公里；"),
    ("li", "• 建成儿童友好公园3处，增设无障碍设施112处；"),
    ("li", "• 引入社区共建机制，登记园艺志愿者2140人。"),
    ("h2", "（二）存在的问题"),
    ("p", "部分新建绿地养护经费尚未落实，夏季灌溉用水依赖自来水的比例仍为37%，雨水收集设施建设进度偏慢。"),
    ("h1", "二、分区数据"),
    ("p", "各区新增绿地面积与投资额见下表，数据截至2022年12月31日。"),
    ("table", "区域|新增面积（公顷）|投资（万元）|口袋公园（处）"),
    ("row", "城东新区|12.4|3860|8"),
    ("row", "滨河片区|31.5|9120|6"),
    ("row", "城西老城区|2.9|1475|9"),
    ("h1", "三、下一步安排"),
    ("p", "2023年计划新增公园绿地50公顷，重点推进北山郊野公园二期工程，并在全部新建公园同步建设雨水收集设施。市园林"
          "中心将于每季度末公布工程进度，接受社会监督。"),
    ("p", "本报告由云溪市统计局会同市园林中心编制，数据解释权归云溪市统计局。"),
)  # fmt: skip


def document(
    page: Callable[[Any, int], None], pages: int, size: tuple[float, float] = (595, 842), **record: str
) -> bytes:
    """A PDF of so many pages, each drawn by `page(canvas, number)`."""
    from reportlab.pdfgen.canvas import Canvas

    register()
    out = io.BytesIO()
    canvas = Canvas(
        out, pagesize=size, invariant=1, **({"encrypt": record.pop("encrypt")} if "encrypt" in record else {})
    )
    for key, value in record.items():
        getattr(canvas, f"set{key.title()}")(value)
    for number in range(1, pages + 1):
        page(canvas, number)
        canvas.showPage()
    canvas.save()
    return out.getvalue().replace(b"D:20000101000000", b"D:20230316091500")


def register() -> None:
    """Makes the Chinese font known, which every PDF reader has and no file holds."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont

    pdfmetrics.registerFont(UnicodeCIDFont(SONG))


def wrapped(text: str, font: str, size: float, width: float, indent: float = 0.0) -> list[str]:
    """Lines of a paragraph: between words in English, anywhere in Chinese."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    register()
    units = text.split(" ") if font != SONG else list(text)
    glue = " " if font != SONG else ""
    lines, line = [], ""
    for unit in units:
        room = width - (indent if not lines else 0)
        longer = line + glue + unit if line else unit
        if line and stringWidth(longer, font, size) > room and unit not in "。，、；：）":
            lines.append(line)
            longer = unit
        line = longer
    return [*lines, line]


def chinese_report() -> bytes:
    """Two pages: running head, page numbers, two levels of headings, a list, a table."""
    flow: list[tuple[str, float, float, str, float]] = []  # kind, size, x, text, gap before

    for kind, text in REPORT:
        if kind == "p":
            for index, line in enumerate(wrapped(text, SONG, 11, 435, 22)):
                flow.append(("text", 11, 80 + (22 if not index else 0), line, 19))
        elif kind in {"h1", "h2"}:
            flow.append(("text", 16 if kind == "h1" else 13, 80, text, 30 if kind == "h1" else 25))
        elif kind == "li":
            flow.append(("text", 11, 102, text, 19))
        else:
            flow.append(("cells", 10, 90, text, 20))

    def page(canvas: Any, number: int) -> None:
        canvas.setFont(SONG, 9)
        canvas.drawString(80, 800, REPORT_HEAD)
        canvas.line(80, 795, 515, 795)
        canvas.drawCentredString(297, 40, f"— {number} —")
        y = 770.0
        if number == 1:
            canvas.setFont(SONG, 22)
            canvas.drawCentredString(297, 740, "云溪市2022年城市绿地年度报告")
            canvas.setFont(SONG, 11)
            canvas.drawCentredString(297, 712, "云溪市统计局　2023年3月15日")
            y = 690.0
        for kind, size, x, text, gap in flow[:22] if number == 1 else flow[22:]:
            y -= gap
            canvas.setFont(SONG, size)
            if kind == "text":
                canvas.drawString(x, y, text)
            else:
                for column, cell in enumerate(text.split("|")):
                    canvas.drawString(x + 110 * column, y, cell)

    return document(page, 2, title="云溪市2022年城市绿地年度报告", author="Administrator")


LEFT = """\
h|1 Introduction
p|Small streams in agricultural valleys receive multi-
ple pollutants at once, yet most monitoring pro-
grammes sample them one at a time. We describe a
sampling network in the fictional Arden valley and
show that continuous sensors change the picture.
p|Earlier work relied on monthly grab samples. These
miss most of the storm events that carry sediment,
and state-of-the-art sensors are now cheap enough
to leave in the field for a whole season.
h|2 Methods
p|Twelve sensors were placed along 9.4 km of the
stream. Each logged turbidity every ten minutes
from March to October 2021. Batteries were
exchanged monthly, and the state-of-
the-art housing was cleaned at each visit.
p|Records with more than two hours of missing val-"""
RIGHT = """\
c|ues were discarded. Of 61,320 expected readings,
58,944 were kept, a completeness of 96.1 percent.
h|3 Results
p|Turbidity peaked within three hours of rainfall at
every site. The median peak was 84 NTU in wood-
land reaches and 213 NTU below ploughed fields.
p|The difference remained after flow was taken into
account. Sites with a riparian strip wider than ten
metres showed peaks 41 percent lower than sites
without one.
h|4 Conclusion
p|Riparian strips reduce sediment peaks even where
they are narrow. We recommend that the multiple
landowners of the valley agree on a common width,
and that monitoring continues for at least three
more seasons before the scheme is judged."""
ABSTRACT = (
    "Abstract. We report eight months of continuous turbidity records from twelve sites in the Arden valley. Peaks were "
    "more than twice as high below ploughed fields as in woodland, and riparian strips lowered them by 41 percent."
)


def english_paper() -> bytes:
    """Two columns under a title, authors and abstract that go across; hyphens at line ends, and a table across."""

    def column(canvas: Any, x: float, y: float, text: str) -> None:
        for line in text.splitlines():
            mark, _, said = line.rpartition("|")
            if mark == "h":
                y -= 22
                canvas.setFont("Helvetica-Bold", 11)
            else:
                y -= 12
                canvas.setFont("Helvetica", 9.5)
            canvas.drawString(x + (10 if mark == "p" else 0), y, said)

    def page(canvas: Any, number: int) -> None:
        canvas.setFont("Helvetica-Bold", 18)
        canvas.drawCentredString(297, 770, "Riparian Strips and Sediment Peaks:")
        canvas.drawCentredString(297, 748, "A Season of Continuous Records")
        canvas.setFont("Helvetica", 10.5)
        canvas.drawCentredString(297, 722, "Mira Castellane and Jonas Verweel")
        canvas.drawCentredString(297, 707, "Institute of Stream Ecology, University of Northmere")
        canvas.setFont("Helvetica", 9.5)
        y = 680.0
        for line in wrapped(ABSTRACT, "Helvetica", 9.5, 440):
            canvas.drawString(78, y, line)
            y -= 12
        column(canvas, 60, 640, LEFT)
        column(canvas, 310, 640, RIGHT)
        rows = [
            "Reach|Sites|Median peak (NTU)|Strip (m)",
            "Woodland|4|84|over 20",
            "Pasture|3|127|10 to 20",
            "Ploughed|5|213|under 10",
        ]
        canvas.setFont("Helvetica", 9.5)
        for index, row in enumerate(rows):
            for at, cell in enumerate(row.split("|")):
                canvas.drawString((90, 190, 270, 420)[at], 340 - 15 * index, cell)
        canvas.drawString(60, 270, "Table 1. Median turbidity peaks by type of reach, March to October 2021.")
        canvas.drawCentredString(297, 30, "1")

    return document(page, 1, title="Microsoft Word - strips_final.docx", author="Mira Castellane")


def picture(words: list[str]) -> Any:
    """A picture of text, as a scanner makes it."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("L", (850, 500), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=34)
    for index, line in enumerate(words):
        draw.text((60, 60 + 60 * index), line, fill=0, font=font)
    return image.convert("1")


SCANNED = {
    3: ["Annex A: Inspection record", "The north sluice was closed", "on 14 May 2020."],
    4: ["Annex B: Keys", "Held by the warden."],
}
SLUICE = {
    1: ("Maintenance of the North Sluice", "The sluice at Harrow Mere is inspected every spring. This file holds the minutes of the inspection and the scanned annexes that were signed on site by the warden."),
    2: ("Findings", "The gate moves freely and the seals are sound. The paint on the upstream side should be renewed before the winter of 2021, at a cost of about 1,900 pounds."),
    5: ("Next inspection", "The next inspection is due in April 2021. The warden will send the invitation four weeks ahead and bring the drawings of the new railing."),
}  # fmt: skip


def scanned() -> bytes:
    """Five pages, of which the third and fourth are pictures."""
    from reportlab.lib.utils import ImageReader

    def page(canvas: Any, number: int) -> None:
        if number in SCANNED:
            canvas.drawImage(ImageReader(picture(SCANNED[number])), 40, 400, 520, 306)
            return
        head, text = SLUICE[number]
        canvas.setFont("Helvetica-Bold", 18 if number == 1 else 14)
        canvas.drawString(72, 760, head)
        canvas.setFont("Helvetica", 11)
        for index, line in enumerate(wrapped(text, "Helvetica", 11, 450)):
            canvas.drawString(72, 730 - 15 * index, line)

    return document(page, 5)


def encrypted() -> bytes:
    def page(canvas: Any, number: int) -> None:
        canvas.setFont(SONG, 12)
        canvas.drawString(72, 760, "机密：桥梁检测原始数据，共三页。")

    return document(page, 1, encrypt="secret")


SLIDES = (
    ("社区食堂运营方案", ("青禾街道办事处", "2024年1月")),
    ("为什么要办社区食堂", ("• 六十岁以上老人占常住人口的27%", "• 独居老人中有三分之一每天只做一顿饭", "• 现有餐饮店人均消费超过25元")),
    ("运营安排", ("• 午餐11:00至13:00，晚餐17:00至18:30", "• 每餐不少于八个菜品，每周更换菜单", "• Hotline: 0123-555-0100 (weekdays)")),
)  # fmt: skip


def slides() -> bytes:
    """Three landscape pages as a program for talks prints them."""

    def page(canvas: Any, number: int) -> None:
        title, points = SLIDES[number - 1]
        canvas.setFont(SONG, 36)
        canvas.drawString(60, 440 if number > 1 else 320, title)
        canvas.setFont(SONG, 20)
        for index, point in enumerate(points):
            canvas.drawString(80, (370 if number > 1 else 250) - 50 * index, point)
        canvas.setFont(SONG, 10)
        canvas.drawString(60, 24, "青禾街道 社区服务科")
        canvas.drawRightString(900, 24, str(number))

    return document(page, 3, size=(960, 540), author="user")


def long_file(pages: int) -> bytes:
    """Pages of running text, to measure by; every page differs."""
    pick = random.Random(7)
    words = "river stone harbour lantern meadow ledger orchard signal winter timber market bridge copper willow".split()

    def page(canvas: Any, number: int) -> None:
        canvas.setFont("Helvetica", 10)
        canvas.drawCentredString(297, 30, f"Page {number} of {pages}")
        for index in range(48):
            canvas.drawString(60, 780 - 14 * index, " ".join(pick.choice(words) for _ in range(13)))

    return document(page, pages)


FILES: dict[str, Callable[[], bytes]] = {
    "report_zh.pdf": chinese_report,
    "paper_en.pdf": english_paper,
    "scanned_en.pdf": scanned,
    "locked_zh.pdf": encrypted,
    "slides_zh.pdf": slides,
}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in FILES.items():
        (FOLDER / name).write_bytes(make())
