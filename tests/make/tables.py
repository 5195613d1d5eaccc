"""Writes the sample tables: `python -m tests.make.tables` puts them into tests/data/formats."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path

FORMATS = Path(__file__).parent.parent / "data" / "formats"
_DAY = dt.datetime(2024, 3, 5, 9, 30, tzinfo=dt.timezone.utc).replace(tzinfo=None)


def budget_xlsx() -> bytes:
    """北川市图书馆的预算：a title over the table, two header rows, merges, percents, dates, a comment, notes."""
    from openpyxl import Workbook
    from openpyxl.comments import Comment

    book = Workbook()
    book.properties.title = "北川市图书馆2024年度预算"
    book.properties.creator = "孟知秋"
    book.properties.created = book.properties.modified = _DAY
    sheet = book.active
    sheet.title = "收支预算"
    sheet["A1"] = "北川市图书馆2024年度收支预算表"
    sheet.merge_cells("A1:F1")
    sheet["F2"] = "单位：万元"
    rows = [
        ("部门", "项目", "预算", None, "增长率", "批准日期"),
        (None, None, "2023年", "2024年", None, None),
        ("典藏部", "纸质图书采购", 120.5, 138, 0.1452, dt.date(2024, 1, 15)),
        (None, "电子资源", 86, 97.25, 0.1308, dt.date(2024, 1, 15)),
        ("读者服务部", "阅读推广活动", 32, 28.6, -0.10625, dt.date(2024, 2, 1)),
        (None, "少儿借阅室改造", None, 1045.3, None, dt.date(2024, 2, 28)),
        ("信息技术部", "机房维护", 15.1 + 0.2, 18, 0.1765, dt.date(2024, 3, 5)),
        ("合计", None, 253.8, 1327.15, None, None),
    ]
    for index, row in enumerate(rows, 3):
        for column, value in enumerate(row, 1):
            sheet.cell(index, column, value)
        if index > 4:
            sheet.cell(index, 4).number_format = "#,##0.00"
            sheet.cell(index, 5).number_format = "0.0%"
            sheet.cell(index, 6).number_format = 'yyyy"年"m"月"d"日"'
    for area in ("A3:A4", "B3:B4", "C3:D3", "E3:E4", "F3:F4", "A5:A6", "A7:A8", "A10:B10"):
        sheet.merge_cells(area)
    sheet["D8"].comment = Comment("含市财政专项补助800万元，分两年拨付。", "孟知秋")
    sheet["A12"] = "注：2023年数据为决算数，2024年数据为预算数。"
    second = book.create_sheet("人员与岗位")
    for row in [
        ("姓名", "部门", "岗位", "入职日期", "月薪", "在编"),
        ("孟知秋", "办公室", "主任", dt.date(2009, 7, 1), 12800, True),
        ("沈雨桐", "典藏部", "采编员", dt.date(2018, 9, 10), 8650.5, True),
        ("顾南乔", "读者服务部", "馆员", dt.date(2023, 4, 17), 7200, False),
    ]:
        second.append(row)
    for index in range(2, 5):
        second.cell(index, 4).number_format = "yyyy-mm-dd"
        second.cell(index, 5).number_format = '"¥"#,##0.00'
    second["H1"] = "联系人"
    second["I1"] = "孟知秋"
    second["H2"] = "电话"
    second["I2"] = "0000-5550101"
    return _saved(book)


def inventory_xlsx() -> bytes:
    """An English workbook with one sheet, two tables on it, formulas without a result, and no title."""
    from openpyxl import Workbook

    book = Workbook()
    book.properties.creator = "openpyxl"
    book.properties.created = book.properties.modified = _DAY
    sheet = book.active
    sheet.title = "Sheet1"
    sheet["A1"] = "Harbour Street Museum – workshop inventory"
    sheet["A2"] = "Counted on 5 March 2024 by the night shift; prices without tax."
    rows = [
        ("Item no.", "Description", "Qty", "Unit price", "Last check", "Value"),
        ("HS-001", "Conservation tape, 25 mm", 48, 3.2, dt.date(2024, 3, 5), "=C5*D5"),
        ("HS-002", "LED lamp, warm white", 12, 18.75, dt.date(2024, 2, 20), "=C6*D6"),
        ("HS-003", "Humidity logger", 6, 129, dt.date(2023, 11, 30), "=C7*D7"),
        ("HS-004", 'Packing crate 19" | large', 3, 1240.5, dt.date(2022, 8, 1), "=C8*D8"),
    ]
    for index, row in enumerate(rows, 4):
        for column, value in enumerate(row, 1):
            sheet.cell(index, column, value)
        sheet.cell(index, 4).number_format = "$#,##0.00"
        sheet.cell(index, 5).number_format = "d mmm yyyy"
    for index, row in enumerate([("Shelf", "Floor", "Free space"), ("A", "Ground", 0.35), ("B", "First", 0.05)], 11):
        for column, value in enumerate(row, 1):
            sheet.cell(index, column, value)
        sheet.cell(index, 3).number_format = "0%"
    return _saved(book)


def _saved(book) -> bytes:  # type: ignore[no-untyped-def]
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def sensors_csv() -> bytes:
    """GB18030, as a Chinese spreadsheet program writes it."""
    rows = [
        "站点编号,站点名称,所在乡镇,监测日期,水位(米),流量,备注",
        "BC-01,石门桥,云岭镇,2024-06-01,12.35,86.4,正常",
        'BC-02,柳树湾,云岭镇,2024-06-01,9.80,41.2,"上游施工，数据偏高"',
        "BC-03,白鹭洲,清溪乡,2024-06-01,,,设备检修",
        'BC-04,三江口,清溪乡,2024-06-01,15.02,"1,204.7","超过警戒水位0.5米\n已上报县防汛办"',
        "BC-05,老渡口,榆林乡,2024-06-02,11.47,77.9,正常",
    ]
    return ("\r\n".join(rows) + "\r\n").encode("gb18030")


def loans_tsv() -> bytes:
    rows = [
        "Loan\tBorrower\tTitle\tDue\tNote",
        '1001\tNorth Reading Circle\t"The ""Quiet"" Harbour"\t2024-04-02\t',
        '1002\tHill School\tRivers of the Plain\t2024-04-09\t"renewed once\nask at the desk"',
        '1003\tR. Penhallow-Example\t19" maps, folded\t2024-03-28\toverdue',
        "1004\tTown Archive\tA, B; C\t2024-05-01\t",
    ]
    return ("\n".join(rows) + "\n").encode()


def semicolon_csv() -> bytes:
    rows = ["sep=;", "Route;Stops;Length km", "Blue;14;7,5", "Green;9;5,25", "Harbour;21;12,0", "Night;6;4,75"]
    return "\n".join(rows).encode("utf-8-sig")


def faq_jsonl() -> bytes:
    records = [
        {
            "id": 1,
            "question": "如何办理借书证？",
            "answer": "携带本人身份证到一楼服务台填表即可，当场领取。\n未满16周岁的读者须由监护人陪同。",
            "分类": "办证",
        },
        {
            "id": 2,
            "question": "一次可以借几本书？",
            "answer": "普通读者一次最多借8册，借期30天，可续借一次。",
            "分类": "借阅",
        },
        {
            "id": 3,
            "question": "图书逾期怎么办？",
            "answer": "每册每天收取0.1元逾期费，最高不超过书价。",
            "分类": "借阅",
            "tags": ["逾期", "费用"],
        },
    ]
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    return "\n".join([*lines[:2], '{"id": 9, "question": "断开的', lines[2]]).encode() + b"\n"


def article_json() -> bytes:
    return json.dumps(
        {
            "title": "Tidal mill reopens after twelve years",
            "author": ["Iris Fenwright", "Odo Marsh"],
            "date": "2024-05-17",
            "url": "https://example.org/news/tidal-mill",
            "category": "Heritage",
            "content": "The tidal mill at Saltmarsh Quay turned again on Friday, twelve years after a storm broke its wheel.\n\n"
            "The repair cost 412,000 crowns, two thirds of it from the Saltmarsh Trust. Visitors may see the "
            "machinery on <b>weekends</b> from 10:00 to 16:00.\n",
            "related": [{"id": 71, "headline": "Storm of 2012"}, {"id": 90, "headline": "Trust elects a chair"}],
        },
        indent=1,
    ).encode()


def config_json() -> bytes:
    return json.dumps(
        {
            "service": {"name": "潮汐预报接口", "version": "2.4.1", "base": "https://example.org/api"},
            "limits": {"requests_per_minute": 120, "burst": None, "retry": True, "空": {}},
            "stations": [
                {"code": "BC-01", "名称": "石门桥", "纬度": 30.25, "启用": True},
                {"code": "BC-02", "名称": "柳树湾", "纬度": 30.31, "启用": False},
            ],
            "alerts": [
                {"level": "蓝色", "rules": {"水位": 12.0}},
                {"level": "红色", "rules": {"水位": 15.5}, "phones": ["0000-5550101", "0000-5550102"]},
            ],
        },
        ensure_ascii=False,
        indent=2,
    ).encode("utf-16")


SAMPLES = {
    "budget.xlsx": budget_xlsx, "inventory.xlsx": inventory_xlsx, "sensors.csv": sensors_csv, "loans.tsv": loans_tsv,
    "routes.csv": semicolon_csv, "faq.jsonl": faq_jsonl, "article.json": article_json, "config.json": config_json,
}  # fmt: skip


if __name__ == "__main__":
    FORMATS.mkdir(parents=True, exist_ok=True)
    for name, make in SAMPLES.items():
        (FORMATS / name).write_bytes(make())
