"""DOCX and PPTX: reviewed samples, the corners of the formats, and files that are damaged or mean harm."""

from __future__ import annotations

import io
import random
import re
import time
import zipfile
from collections.abc import Callable
from datetime import datetime

import pytest

from rag.errors import ParseError
from rag.furniture import label
from rag.parse import slides, word
from rag.parse.word_numbering import formatted
from rag.types import Block, Parsed
from tests.golden_dump import dump, same_as_golden
from tests.make import office
from tests.make.office import numbered, numbering, p, styles, tbl, tc, tr
from tests.make.office import word as made

BEGIN, MIDDLE, END = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end"))


def read(data: bytes, name: str = "sample.docx") -> Parsed:
    parsed = (slides if name.endswith("x") and ".p" in name else word).parse(data, name)
    assert all(a.end < b.start for a, b in zip(parsed.blocks, parsed.blocks[1:], strict=False))
    assert all(said(parsed, b) == said(parsed, b).strip() != "" for b in parsed.blocks)
    return parsed


def said(parsed: Parsed, block: Block) -> str:
    return parsed.text[block.start : block.end]


def lines(data: bytes, name: str = "sample.docx") -> list[str]:
    parsed = read(data, name)
    return [f"{b.kind}{b.level or ''} {said(parsed, b)}" for b in parsed.blocks]


def deck(build: Callable[[object], None]) -> bytes:
    import pptx

    made_ = pptx.Presentation()
    build(made_)
    return office.saved(made_)


def refused(data: bytes, name: str = "sample.docx") -> ParseError:
    with pytest.raises(ParseError) as caught:
        read(data, name)
    for text, stop in ((caught.value.en, "; "), (caught.value.zh, "；")):
        assert name in text and stop in text
    return caught.value


@pytest.mark.parametrize("name", office.SAMPLES)
def test_a_sample_reads_as_reviewed(name: str) -> None:
    parsed = read((office.FORMATS / name).read_bytes(), name)
    same_as_golden(name, dump(parsed, label(parsed, doc_id="x", source=name)))


def test_tracked_changes_read_as_if_accepted() -> None:
    gone = "<w:rPr><w:del w:id='1'/></w:rPr>"
    body = (
        '<w:p><w:r><w:t xml:space="preserve">cost </w:t></w:r><w:del><w:r><w:delText>5</w:delText></w:r></w:del><w:ins><w:r><w:t>7</w:t></w:r></w:ins></w:p>'
        + p("runs on", gone) + p(" into this") + "<w:moveFrom><w:p/></w:moveFrom>"
        + '<w:p><w:moveFrom><w:r><w:t>old place</w:t></w:r></w:moveFrom><w:moveTo><w:r><w:t>new place</w:t></w:r></w:moveTo></w:p>'
        + tbl(tr("a", "b"), tr("deleted", "row", props="<w:del/>"), tr("c", "d"))
    )  # fmt: skip
    assert lines(made(body)) == [
        "paragraph cost 7",
        "paragraph runs on into this",
        "paragraph new place",
        "row a | b",
        "row c | d",
    ]


def test_fields_show_their_results_and_an_open_field_hides_nothing() -> None:
    t = "<w:r><w:t>{}</w:t></w:r>".format
    body = (
        f"<w:p>{t('a')}{BEGIN}<w:r><w:instrText>IF </w:instrText></w:r>{BEGIN}{t('code')}{MIDDLE}{t('inner')}{END}{MIDDLE}{t('b')}{END}{t('c')}</w:p>"
        f"<w:p>{t('d')}{BEGIN}{t('e')}</w:p><w:p>{END}{END}<w:fldSimple w:instr='PAGE'>{t('3')}</w:fldSimple></w:p>"
    )
    assert lines(made(body)) == ["paragraph abc", "paragraph d", "paragraph 3"]
    assert lines(made(f"<w:p>{t('d')}{BEGIN}{t('e')}</w:p>" + p("f"))) == ["paragraph de", "paragraph f"]


def test_text_boxes_controls_links_and_signs_are_read_once() -> None:
    box = f"<w:txbxContent>{p('in the box')}</w:txbxContent>"
    body = (
        f"<w:p><w:r><w:t>before</w:t></w:r><w:r><mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
        f"<w:sdt><w:sdtPr/><w:sdtContent>{p('in a control')}</w:sdtContent></w:sdt>"
        "<w:p><w:hyperlink><w:r><w:t>link</w:t></w:r></w:hyperlink><w:r><w:tab/><w:t>x</w:t><w:br/><w:t>y</w:t><w:sym w:font='Wingdings' w:char='F0FC'/><w:noBreakHyphen/></w:r>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:ruby><w:rt><w:r><w:t>hàn</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>汉</w:t></w:r></w:rubyBase></w:ruby></w:p>"
        "<w:p><m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f></m:oMath></w:p>"
    )
    assert lines(made(body)) == [
        "paragraph before", "paragraph in the box", "paragraph in a control", "paragraph link x\ny✓-（hàn）汉",
        "paragraph a/b",
    ]  # fmt: skip


def test_numbers_are_counted_as_word_counts_them() -> None:
    lists = numbering(
        [("upperRoman", "%1.", ""), ("lowerLetter", "(%2)", ""), ("decimal", "%1.%2.%3", "")],
        [("chineseCounting", "%1、", "")], [("bullet", "\uf0b7", "")],
    )  # fmt: skip
    lists = lists.replace("</w:numbering>", '<w:num w:numId="9"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num></w:numbering>')  # fmt: skip
    body = "".join(
        p(f"t{i}", numbered(n, at))
        for i, (n, at) in enumerate(
            ((1, 0), (1, 1), (1, 1), (1, 0), (1, 2), (2, 0), (2, 0), (9, 0), (9, 0), (3, 0), (77, 0))
        )
    )
    assert lines(made(body, numbering=lists)) == [
        "item1 I. t0", "item2 (a) t1", "item2 (b) t2", "item1 II. t3", "item3 II.a.1 t4", "item1 一、t5", "item1 二、t6",
        "item1 五、t7", "item1 六、t8", "item1 • t9", "paragraph t10",
    ]  # fmt: skip
    counts = [("chineseCounting", n) for n in (10, 11, 20, 101, 110, 1005)] + [
        ("upperRoman", 1994),
        ("lowerLetter", 28),
    ]
    assert [formatted(n, style) for style, n in counts] == [
        "十",
        "十一",
        "二十",
        "一百零一",
        "一百一十",
        "一千零五",
        "MCMXCIV",
        "bb",
    ]
    assert [formatted(n, "decimalEnclosedCircle") for n in (1, 20, 21)] == ["①", "⑳", "21"]
    assert formatted(999_999, "lowerRoman") == "999999" and formatted(10**6, "lowerLetter") == str(10**6)


def test_headings_come_from_styles_outlines_and_what_a_style_is_based_on() -> None:
    own = '<w:style w:type="paragraph" w:styleId="X"><w:name w:val="集团二级"/><w:basedOn w:val="2"/></w:style>'
    ring = '<w:style w:type="paragraph" w:styleId="Y"><w:basedOn w:val="Z"/></w:style><w:style w:type="paragraph" w:styleId="Z"><w:basedOn w:val="Y"/></w:style>'
    toc = '<w:style w:type="paragraph" w:styleId="C"><w:name w:val="toc 1"/></w:style>'
    style = '<w:pStyle w:val="{}"/>'.format
    body = (
        p("Name", style("T")) + p("总则 3", style("C")) + p("One", style("X")) + p("Two", '<w:outlineLvl w:val="2"/>')
        + p("Three", style("1") + '<w:outlineLvl w:val="9"/>') + p("Four", style("Y")) + p("long " * 50, style("1")) + p("Late", style("T"))
    )  # fmt: skip
    data = made(body, styles=styles(own, ring, toc))
    assert [line[:20] for line in lines(data)] == [
        "title1 Name", "item1 总则 3", "heading2 One", "heading3 Two", "paragraph Three", "paragraph Four",
        "paragraph long long ", "heading1 Late",
    ]  # fmt: skip
    assert [b.hint for b in read(data).blocks][:4] == ["style", "toc", "style", "style"]


def test_tables_of_data_forms_layout_and_spans() -> None:
    long = "这是一段排在表格里的正文，不是数据。" * 20
    body = (
        tbl(tr("Figures of 2024", props="<w:tblHeader/>").replace("<w:tc>", '<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>'), tr("Town", "People", props="<w:tblHeader/>"), tr("Ash", "12"),
            tr(tc("Northern half", '<w:gridSpan w:val="2"/>')), tr(tc(p("Elm") + p("(new)")), "7"))
        + tbl(tr(tc(p("a notice") + p("in a frame.")))) + tbl(tr("left", long), tr("right", long))
        + tbl(tr(tc(p("outer") + tbl(tr("x", "y"), tr("1", "2"))), "side"))
    )  # fmt: skip
    data = made(p("Towns", '<w:pStyle w:val="1"/>') + body, styles=styles())
    assert lines(data)[1:] == [
        "paragraph Figures of 2024", "row Town | People", "row Ash | 12", "row Northern half", "row Elm (new) | 7",
        "paragraph a notice", "paragraph in a frame.", "paragraph left", f"paragraph {long}", "paragraph right", f"paragraph {long}",
        "paragraph outer", "row x | y", "row 1 | 2", "paragraph side",
    ]  # fmt: skip
    assert [b.columns for b in read(data).blocks[2:6]] == [(), ("Town", "People"), (), ("Town", "People")]


def test_notes_comments_headers_and_footers_stand_at_the_end_once() -> None:
    ref = '<w:r><w:{}Reference w:id="{}"/></w:r>'.format
    body = f"<w:p><w:r><w:t>One</w:t></w:r>{ref('footnote', 7)}{ref('endnote', 3)}{ref('footnote', 4)}</w:p>"
    notes = (
        "<w:footnotes>"
        + "".join(
            f'<w:footnote w:id="{i}">{p(text)}</w:footnote>'
            for i, text in ((4, "second"), (7, "first"), (9, "never referred to"))
        )
        + "</w:footnotes>"
    )
    ends = f'<w:endnotes><w:endnote w:id="3">{p("last")}</w:endnote></w:endnotes>'
    comments = f'<w:comments><w:comment w:id="0" w:author="沈听澜">{p("请核对")}</w:comment></w:comments>'
    top, under = f"<w:hdr>{p('Harbour')}</w:hdr>", f"<w:ftr>{p('Page 1')}</w:ftr>"
    parsed = read(
        made(body, footnotes=notes, endnotes=ends, comments=comments, header1=top, header2=top, footer1=under)
    )
    assert [(said(parsed, b), b.hint) for b in parsed.blocks] == [
        ("One¹ⁱ²", ""), ("¹ first", "notes"), ("² second", "notes"), ("ⁱ last", "notes"), ("沈听澜：请核对", "comment"),
        ("Harbour", "footer"), ("Page 1", "footer"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("title", "author", "day", "told"),
    [
        ("Microsoft Word - a.doc", "Administrator", datetime(2024, 3, 2), {}),
        ("PowerPoint 演示文稿", "python-docx", datetime(2024, 3, 2), {}),
        ("", "陶小满", datetime(2013, 12, 23), {"author": "陶小满"}),
        ("年度计划", "Windows 用户", datetime(2024, 3, 2), {"title": "年度计划", "date": "2024-03-02"}),
        ("年度计划", "陶小满", datetime(2024, 3, 9), {"title": "年度计划", "author": "陶小满", "date": "2024-03-09"}),
    ],
)  # fmt: skip
def test_properties_without_what_programs_write(title: str, author: str, day: datetime, told: dict[str, str]) -> None:
    import docx

    document = docx.Document()
    document.add_paragraph("The harbour office keeps a calendar of the tides for the whole year.")
    parsed = read(office.saved(document, title, author, day))
    assert {key: parsed.text[s.start : s.end] for key, s in parsed.meta.items()} == told
    document.add_paragraph("2024年5月20日")
    assert "date" not in read(office.saved(document, title, author, day)).meta


def test_files_with_macros_and_templates_and_the_strict_variant_are_read() -> None:
    for old, new in (
        ("document.main+xml", "template.main+xml"),
        ("openxmlformats-officedocument.wordprocessingml.document.main", "ms-word.document.macroEnabled.main"),
    ):
        data = office.edited(
            office.policy(), {"[Content_Types].xml": lambda xml, old=old, new=new: xml.replace(old, new)}
        )
        assert read(data).text == read(office.policy()).text
    strict = office.edited(office.policy(), {
        name: lambda xml: xml.replace(office.W, "http://purl.oclc.org/ooxml/wordprocessingml/main").replace(office.R, "http://purl.oclc.org/ooxml/officeDocument/relationships")
        for name in ("word/document.xml", "word/styles.xml", "word/numbering.xml", "_rels/.rels", "word/_rels/document.xml.rels")
    })  # fmt: skip
    assert read(strict).text == read(office.policy()).text


def test_decks_that_the_library_refuses_are_read() -> None:
    whole = read(office.pitch(), "a.pptx").text
    main = "openxmlformats-officedocument.presentationml.presentation.main"
    for kind in (f"{main}+xml", "ms-powerpoint.template.macroEnabled.main+xml", "nothing/known"):
        types = {"[Content_Types].xml": lambda xml, kind=kind: xml.replace(f"{main}+xml", kind)}
        assert read(office.edited(office.pitch(), types), "a.pptx").text == whole
    names = zipfile.ZipFile(io.BytesIO(office.pitch())).namelist()

    def strict(xml: str) -> str:
        return re.sub(
            r"http://schemas\.openxmlformats\.org/(presentationml|drawingml|officeDocument)/2006/",
            r"http://purl.oclc.org/ooxml/\1/", xml,
        )  # fmt: skip

    changed = {name: strict for name in names if name.endswith((".xml", ".rels")) and "docProps" not in name}
    assert read(office.edited(office.pitch(), changed), "a.pptx").text == whole
    lost = {"[Content_Types].xml": None, **{name: None for name in names if "slideMaster" in name}}
    assert sorted(read(office.edited(office.pitch(), lost), "a.pptx").text) == sorted(whole)


def test_relations_that_lead_nowhere_and_names_of_the_strict_variant_in_the_text() -> None:
    lost = "".join(
        f'<Relationship Id="n{kind}" Type="{office.R}/{kind}" Target="NULL"/>' for kind in ("image", "header", "styles")
    )
    said = "It is called http://purl.oclc.org/ooxml/wordprocessingml/main in the book."
    data = office.edited(made(p(said)), {
        "word/_rels/document.xml.rels": lambda xml: xml.replace("</Relationships>", f"{lost}</Relationships>") if "</Rel" in xml else xml.replace("/>", f">{lost}</Relationships>"),
    })  # fmt: skip
    assert read(data).text == said
    odd = {"word/document.xml": None, "Word\\Document.xml": _part(made(p(said)), "word/document.xml")}
    assert read(office.edited(made(p(said)), odd)).text == said


def test_rows_in_controls_and_shapes_in_variants_are_read() -> None:
    row = f"<w:sdt><w:sdtPr/><w:sdtContent>{tr('Elm', '7')}</w:sdtContent></w:sdt>"
    cell = (
        tr("Oak", "9")
        .replace("<w:tc>", "<w:sdt><w:sdtContent><w:tc>", 1)
        .replace("</w:tc>", "</w:tc></w:sdtContent></w:sdt>", 1)
    )
    assert lines(made(tbl(tr("Town", "People"), row, cell))) == ["row Town | People", "row Elm | 7", "row Oak | 9"]

    def build(made_: object) -> None:
        box = made_.slides.add_slide(made_.slide_layouts[6]).shapes.add_textbox(9, 9, 9, 9)  # type: ignore[attr-defined]
        box.text_frame.text = "the sum of all"

    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    data = office.edited(deck(build), {
        "ppt/slides/slide1.xml": lambda xml: re.sub(r"(<p:sp>.*?</p:sp>)", rf"<mc:AlternateContent {mc}><mc:Choice>\1</mc:Choice><mc:Fallback>\1</mc:Fallback></mc:AlternateContent>", xml.replace('x="9"', 'x="9.5"')),
    })  # fmt: skip
    assert lines(data, "a.pptx") == ["paragraph the sum of all"]


def test_a_chart_in_three_dimensions_in_a_document_and_a_day_of_another_zone() -> None:
    c = "http://schemas.openxmlformats.org/drawingml/2006/chart"
    points = '<c:pt idx="0"><c:v>{}</c:v></c:pt>'.format
    series = f"<c:ser><c:tx><c:v>Sales</c:v></c:tx><c:cat>{points('Ash')}</c:cat><c:val><c:formatCode>0%</c:formatCode>{points(0.5)}</c:val></c:ser>"
    chart = f'<c:chartSpace xmlns:c="{c}"><c:chart><c:plotArea><c:bar3DChart>{series}</c:bar3DChart></c:plotArea></c:chart></c:chartSpace>'
    body = f'<w:p><w:r><w:drawing><c:chart xmlns:c="{c}" r:id="rC"/></w:drawing></w:r></w:p>'
    link = f'<Relationship Id="rC" Type="{office.R}/chart" Target="charts/chart1.xml"/></Relationships>'
    links = {"word/_rels/document.xml.rels": lambda xml: xml.replace("</Relationships>", link)}
    notes = "<w:endnotes></w:endnotes>"
    data = office.edited(made(body, endnotes=notes), {"word/charts/chart1.xml": chart, **links})
    assert lines(data) == ["row |  | Sales", "row Ash | 50%"]
    import docx

    document = docx.Document()
    document.add_paragraph("The harbour office keeps a calendar of the tides for the whole year.")
    zone = {"docProps/core.xml": lambda xml: xml.replace("2024-05-20T00:30:00Z", "2024-05-20T00:30:00+08:00")}
    data = office.edited(office.saved(document, "年度计划", "陶小满", datetime(2024, 5, 20, 0, 30)), zone)
    parsed = read(data)
    assert parsed.text[parsed.meta["date"].start : parsed.meta["date"].end] == "2024-05-20"


def _part(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


def test_a_diagram_and_a_notice_of_slides_that_are_only_pictures() -> None:
    a, dgm = (
        "http://schemas.openxmlformats.org/drawingml/2006/main",
        "http://schemas.openxmlformats.org/drawingml/2006/diagram",
    )
    points = "".join(
        f'<dgm:pt modelId="{i}" type="{kind}"><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>'
        for i, kind, text in (
            (0, "doc", ""),
            (3, "node", "third"),
            (1, "node", "first"),
            (2, "node", "under first"),
            (9, "pres", ""),
        )
    )
    links = "".join(
        f'<dgm:cxn modelId="c{n}" srcId="{s}" destId="{d}" srcOrd="{n}"/>'
        for n, (s, d) in enumerate(((0, 1), (1, 2), (0, 3), (3, 0)))
    )
    data = f'<dgm:dataModel xmlns:dgm="{dgm}" xmlns:a="{a}"><dgm:ptLst>{points}</dgm:ptLst><dgm:cxnLst>{links}</dgm:cxnLst></dgm:dataModel>'
    frame = f'<p:graphicFrame><p:nvGraphicFramePr/><p:xfrm><a:off x="1" y="9"/></p:xfrm><a:graphic><a:graphicData><dgm:relIds xmlns:dgm="{dgm}" r:dm="rD"/></a:graphicData></a:graphic></p:graphicFrame>'

    def build(made_: object) -> None:
        for _ in range(2):
            made_.slides.add_slide(made_.slide_layouts[6])  # type: ignore[attr-defined]

    whole = office.edited(deck(build), {
        "ppt/slides/slide1.xml": lambda xml: xml.replace("</p:spTree>", f"{frame}</p:spTree>").replace("<p:sld ", f'<p:sld xmlns:r="{office.R}" ', 1) if "xmlns:r=" not in xml else xml.replace("</p:spTree>", f"{frame}</p:spTree>"),
        "ppt/slides/_rels/slide1.xml.rels": lambda xml: xml.replace("</Relationships>", f'<Relationship Id="rD" Type="{office.R}/diagramData" Target="../diagrams/data1.xml"/><Relationship Id="rX" Type="{office.R}/image" Target="NULL"/></Relationships>'),
        "ppt/diagrams/data1.xml": data,
        "ppt/slides/slide2.xml": lambda xml: xml.replace("</p:spTree>", "<p:pic/></p:spTree>"),
    })  # fmt: skip
    parsed = read(whole, "a.pptx")
    assert lines(whole, "a.pptx") == ["item1 first", "item2 under first", "item1 third"]
    assert "2" in parsed.notices[0].en and parsed.pages == 2


def test_what_cannot_be_read_says_so() -> None:
    import pptx

    good = office.policy()
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    assert "password" in refused(ole + "EncryptedPackage".encode("utf-16-le")).en
    assert "97" in refused(ole).en
    assert "rename it to .docx" in refused(good, "a.pptx").en
    assert "presentation" in refused(office.saved(pptx.Presentation())).en
    assert "word/document.xml" in refused(office.edited(good, {"word/document.xml": None})).en
    assert "slide 2 is missing" in refused(office.edited(office.pitch(), {"ppt/slides/slide2.xml": None}), "a.pptx").en
    assert "no text" in refused(made("<w:p/>")).en
    assert "no text" in refused(office.saved(pptx.Presentation()), "a.pptx").en
    for data in (b"", b"not a zip", good[: len(good) // 2], good[:-30], b"PK\x03\x04" + good[4:200], b"%PDF-1.7"):
        refused(data)
        refused(data, "a.pptx")


def test_what_means_harm_is_refused() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]><w:document/>'
    assert "entities" in refused(office.edited(office.policy(), {"word/document.xml": bomb})).en
    nested = "<w:tbl><w:tr><w:tc>" * 1000 + p("x") + "</w:tc></w:tr></w:tbl>" * 1000
    assert "deep" in refused(made(nested)).en
    for depth in (20, 60, 80):
        assert "deep" in read(made("<w:tbl><w:tr><w:tc>" * depth + p("deep") + "</w:tc></w:tr></w:tbl>" * depth)).text
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * (300 << 20))
    assert "more than is read" in refused(out.getvalue()).en
    wild = tbl(*(tr(tc("a", '<w:gridSpan w:val="99999999"/>'), tc("b", '<w:gridSpan w:val="1e9"/>')) for _ in range(3)))
    assert (
        "a"
        in read(
            made(
                wild + p("n", numbered(1)),
                numbering=numbering([("lowerLetter", "%1", "")]).replace(
                    'start w:val="1"', f'start w:val="{"9" * 5000}"'
                ),
            )
        ).text
    )


def test_what_python_says_of_a_damaged_file_is_not_repeated() -> None:
    told = refused(office.edited(office.policy(), {"word/styles.xml": f'<w:document xmlns:w="{office.W}"/>'}))
    assert "do not fit together" in told.en and "互不相符" in told.zh and "attribute" not in told.en


@pytest.mark.parametrize("name", office.SAMPLES)
def test_damaged_files_are_read_or_refused_and_nothing_else(name: str) -> None:
    """Bytes turned over in the archive, and in the XML where no checksum guards it."""
    data = (office.FORMATS / name).read_bytes()
    dice = random.Random(7)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [
            part
            for part in archive.namelist()
            if part.endswith((".xml", ".rels")) and "theme" not in part and "Layout" not in part
        ]
    for turn in range(60):
        hurt = bytearray(data)
        if turn % 2:
            for _ in range(dice.randint(1, 8)):
                hurt[dice.randrange(len(hurt) - 2000 if turn % 3 else 0, len(hurt))] = dice.randrange(256)
        else:
            part = dice.choice(parts)

            def change(xml: str) -> str:
                at = dice.randrange(len(xml))
                cut = dice.choice(
                    (
                        xml[:at],
                        xml[:at] + xml[at + dice.randint(1, 40) :],
                        xml.replace("w:", "x:", 3),
                        xml.replace('"1"', '"-7x"'),
                        xml.replace("val=", "wal="),
                    )
                )
                return cut or "<x/>"

            hurt = bytearray(office.edited(data, {part: change}))
        try:
            read(bytes(hurt), name)
        except ParseError as error:
            assert name in error.en and name in error.zh and "; " in error.en and "；" in error.zh


def test_reading_time_grows_with_length_only() -> None:
    def seconds(count: int) -> float:
        data = made(
            "".join(p(f"paragraph number {i} of the long file", numbered(1)) for i in range(count)),
            numbering=numbering([("decimal", "%1.", "")]),
        )
        start = time.perf_counter()
        assert len(read(data).blocks) == count
        return time.perf_counter() - start

    small, large = seconds(5_000), seconds(40_000)
    assert large < 8 * small * 2.5 + 1
